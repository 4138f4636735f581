//! Mutable rules: a place may differ from device to device, and only so far (RULES 12).
//!
//! Rules are held value by value: whatever a rule lets differ has a grammar, or nobody has judged it, and then it affirms
//! only where the buyer's policy names the place and a cap. Where several rules reach one place all of them must hold.
//! No rule lets differ what decides what may start: what a format calls a `trust-anchor` or a `boot-entry`, whatever
//! lies in one, and programs at any depth. Lists of what is dangerous add refusals; none is ever the reason for a pass.
//!
//! A rule is held and told in one look: where a region stands follows from the finding that its value would make.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Content, Fact, Gather as _, Region, Role, Value, fact, len64, role};
use kiwame_trust::Facts;
use kiwame_trust::json::Json;
use kiwame_trust::manifest::{ReferenceRegion, path_within};
use kiwame_trust::rules::{FileRule, Grammar, KeyRule, Mutable, MutableRule, WhenEmpty};

use files::{InFiles, Names, file_of, unescaped};
pub use ledger::{ANY, NOT_JUDGED, OVER_CAP, REMAINS, WITHIN_RULE};
pub use spare::COPY_NOT_TAKEN;

use ledger::Ledger;

use crate::kind::{ACQUIRE, Effect, Family, Kind, NOTHING_TO_DO, Severity, Text};
use crate::reference::{GUARDED, holds_program, is_fill, is_guarded, is_remains, was_remains};
use crate::{Case, Finding, Findings, Match, json_of};

mod files;
mod ledger;
mod required;
mod slips;
mod spare;

pub use slips::slip;

/// Holds every region under a rule to it, and what is missing there. A region that equals the reference needs no
/// rule.
pub(crate) fn settle(case: &mut Case<'_>, found: &mut Findings<'_>) {
    if case.manifest.mutable.is_empty() {
        return;
    }
    let known = Known::of(case);
    let places = Places::of(case);
    let mut ledger = Ledger::of(case, &places);
    let spare = spare::copies(case, found, &places);
    empty_stores(case, found, &places, &spare);
    let regions: Vec<_> = case.measured().collect();
    for region in regions {
        hold(case, found, region, (&known, &spare), &mut ledger);
    }
    required::settle(case, found);
    vanished(case, &mut ledger);
    ledger.report(case, found);
}

/// The region at the path of each rule, where there is one.
struct Places<'a>(BTreeMap<&'a str, &'a Region>);

impl<'a> Places<'a> {
    fn of(case: &Case<'a>) -> Self {
        let named: BTreeSet<_> = case.manifest.mutable.iter().map(path_of).into_set();
        let tree = case.tree;
        let here = tree.regions().filter(|region| named.contains(tree.path(region.id)));
        let mut places = BTreeMap::new();
        for region in here {
            places.entry(tree.path(region.id)).or_insert(region);
        }
        Self(places)
    }

    fn of_rule(&self, rule: &MutableRule) -> Option<&'a Region> {
        self.0.get(path_of(rule)).copied()
    }
}

/// The path of a rule as paths of regions are written.
fn path_of(rule: &MutableRule) -> &str {
    rule.path.trim_matches('/')
}

/// How a region stands to the rules that reach it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// Its value keeps to a grammar, or it holds nothing itself.
    Judged,
    /// It may be anything, by the maker's word.
    NotJudged,
}

fn hold(
    case: &mut Case<'_>,
    found: &mut Findings<'_>,
    region: &Region,
    (known, spare): (&Known<'_>, &BTreeSet<usize>),
    ledger: &mut Ledger<'_, '_>,
) {
    let path = case.tree.path(region.id);
    let Some(before) = case.matches.get(&region.id).copied() else { return };
    if region.content == Content::Fill || case.is_shut_by_limit(region) {
        return;
    }
    let manifest = case.manifest;
    let rules: Vec<_> =
        (0..).zip(&manifest.mutable).filter(|(_, rule)| path_within(path, &rule.path)).collect();
    let Some(&(first, _)) = rules.first() else { return };
    if let Match::Bytes(index) = before {
        let same =
            |wanted: &ReferenceRegion| crate::settle::encoding::facts_agree(case, region, &wanted.attributes);
        if case.wanted(index).is_some_and(same) {
            return;
        }
    }
    let may_be_empty = |(number, rule): &(usize, &MutableRule)| spare.contains(number) || may_be_empty(rule);
    if is_erased(case, region) && rules.iter().all(may_be_empty) {
        case.matches.insert(region.id, Match::Mutable);
        return;
    }
    // The boot loader takes the other copy, which is judged.
    let unused = || rules.iter().all(|(number, _)| spare.contains(number));
    if spare::is_broken(case, region) && unused() && is_harmless(case, region) {
        case.matches.insert(region.id, Match::Remains);
        return ledger.remains(&[], region.span.length);
    }
    // What no device packs is judged as it is anywhere else.
    if is_packed(region) && !is_written_by_devices(region) && !is_remains(case.tree, region) {
        return;
    }
    case.matches.insert(region.id, Match::Mutable);
    if follows(case, region, before) {
        // The header of what no device packs is judged with it.
        if is_beside_packed(case, region) {
            case.matches.insert(region.id, before);
        }
        return;
    }
    let (mut held, mut dead) = (None, Vec::new());
    let remains = is_remains(case.tree, region) && is_harmless(case, region);
    for &(number, rule) in &rules {
        match keeps(case, (number, rule), region, known) {
            Ok(one) => held = held.filter(|before| *before == Held::Judged).or(Some(one)),
            Err(_) if remains && rule.remains_max_bytes > 0 => dead.push(number),
            Err(finding) => {
                case.outside.insert(region.id);
                return found.report(*finding);
            }
        }
    }
    if !dead.is_empty() {
        case.matches.insert(region.id, Match::Remains);
        return ledger.remains(&dead, region.span.length);
    }
    // What a stream decodes to is counted once, inside.
    if region.content == Content::Encoded && region.encodes.is_some() {
        return;
    }
    match held {
        Some(Held::NotJudged) => ledger.not_judged(first, path, region),
        Some(Held::Judged) | None => {
            ledger.judged(first, region.span.length);
            ledger.value(first, || case.about(&WITHIN_RULE, region));
        }
    }
}

/// True for a place that the device runs with when it is erased. What may only be erased is, then.
fn may_be_empty(rule: &MutableRule) -> bool {
    rule.when_empty != WhenEmpty::Refuse || rule.rule == Mutable::Erased
}

/// True for erased space, whole or in the pieces that it was split into, among them a mark that says so.
fn is_erased(case: &Case<'_>, region: &Region) -> bool {
    let erased =
        |region: &Region| region.is_leaf() && (region.content == Content::Fill || region.is(&fact::EMPTY));
    let mut below = region.children.iter().filter_map(|&id| case.tree.region(id));
    erased(region) || !region.is_leaf() && below.all(erased)
}

/// True for blocks or a stream that hold something else, outside any file.
fn is_packed(region: &Region) -> bool {
    region.content == Content::Encoded
        && region.encodes.is_some()
        && !matches!(region.role(), Some(Role::File | Role::Entry))
}

/// True for a region beside blocks or a stream that no device writes.
fn is_beside_packed(case: &Case<'_>, region: &Region) -> bool {
    let around = region.parent.and_then(|around| case.tree.region(around));
    let mut beside =
        around.into_iter().flat_map(|around| &around.children).filter_map(|&id| case.tree.region(id));
    beside.any(|other| is_packed(other) && !is_written_by_devices(other))
}

/// True for a container that devices themselves write. Whatever else is packed in a part that a device writes was packed by
/// somebody, and is held to its normal form there as anywhere.
pub(super) fn is_written_by_devices(region: &Region) -> bool {
    region.rewritten || matches!(region.role(), Some(Role::File | Role::Entry))
}

/// No program by any reading, and no part of what decides what may start.
fn is_harmless(case: &Case<'_>, region: &Region) -> bool {
    let around = || core::iter::once(region).chain(case.tree.ancestors(region.id));
    !around().any(|region| region.is(&fact::EXECUTABLE)) && !holds_program(case.tree, region)
}

/// True for a rule that asks for no format.
fn is_any(rule: &MutableRule) -> bool {
    matches!(rule.rule, Mutable::Any { .. } | Mutable::Erased)
}

/// True for a header that differs in a checksum or a length only: it follows what it speaks of, and that is held to
/// the rule. A checksum that is wrong is a defect of its own.
fn follows(case: &Case<'_>, region: &Region, before: Match) -> bool {
    let wanted = before.index().and_then(|index| case.wanted(index));
    region.masked.is_some()
        && wanted.is_some_and(|wanted| {
            wanted.masked.as_ref() == region.masked.as_deref()
                && wanted.attributes == crate::reference::attributes(case.tree, region)
        })
}

/// What the reference says of each entry under a rule.
struct Known<'a> {
    facts: BTreeMap<&'a str, Vec<&'a Facts>>,
    /// Readings: the region around one, and the format that reads what lies there.
    readings: BTreeSet<(&'a str, &'a str)>,
    /// The same where the release left a partition empty, and the maker says what the device makes of it.
    made: BTreeSet<(String, &'a str)>,
    names: Names<'a>,
}

impl<'a> Known<'a> {
    fn of(case: &Case<'a>) -> Self {
        let mut facts: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut readings = BTreeSet::new();
        for region in &case.reference.regions {
            facts.entry(region.path.as_str()).or_default().push(&region.attributes);
            readings.extend(reading(&region.path));
        }
        let made = case.reference.layout.iter().filter_map(|layout| {
            let name = kiwame_image::escape_key(layout.part.name.as_bytes());
            Some((format!("partition:{name}"), layout.format.as_deref().filter(|_| layout.written)?))
        });
        Self { facts, readings, made: made.into_set(), names: Names::of(&case.manifest.mutable) }
    }

    /// True when one of that path has all these facts in the reference, traces of writing and the value itself aside;
    /// `None` for an entry that the reference does not have.
    fn agrees(&self, case: &Case<'_>, region: &Region) -> Option<bool> {
        let known = self.facts.get(case.tree.path(region.id))?;
        let value = |name: &str| VALUES.iter().any(|fact| fact.name == name);
        let kept = |name: &str| !value(name) && !super::differences::is_of_writing(name);
        let mine = crate::reference::attributes(case.tree, region);
        let mine: Vec<_> = mine.iter().filter(|(name, _)| kept(name)).collect();
        Some(known.iter().any(|facts| facts.iter().filter(|(name, _)| kept(name)).eq(mine.iter().copied())))
    }

    /// True for the one entry of its name, which says what the one of the reference says, in other signs. Of a list the
    /// number of entries would be content, too.
    fn says(&self, case: &Case<'_>, region: &Region) -> bool {
        let mine = crate::reference::attributes(case.tree, region);
        let list = region.fact(&fact::SORT) == Some(&Value::from("list"));
        let known = self.facts.get(case.tree.path(region.id)).map(Vec::as_slice);
        !list && matches!(known, Some([one]) if **one == mine)
    }

    /// True when one of that path in the reference may have become this: nobody may do more with it, the owner is the same
    /// or root, overlayfs may have kept its books there, and nothing else differs.
    fn may_become(&self, case: &Case<'_>, region: &Region) -> bool {
        let mine = crate::reference::attributes(case.tree, region);
        let from = |theirs: &Facts| {
            let own = |name: &str| RIGHTS.iter().any(|fact| fact.name == name);
            let kept = |name: &str| !own(name) && !super::differences::is_of_writing(name);
            let mut others = mine.iter().filter(|(name, _)| kept(name));
            let owner =
                |fact: &Fact| mine.of(fact) == theirs.of(fact) || mine.of(fact) == Some(&Json::Uint(0));
            let same_owner = [&fact::UID, &fact::GID].iter().all(|fact| mine.of(fact) == theirs.of(fact));
            let stricter =
                mode(mine.of(&fact::MODE)).zip(mode(theirs.of(&fact::MODE))).is_some_and(|(mine, theirs)| {
                    // The sticky bit takes rights away, and who runs with the rights of another owner has more.
                    mine & !theirs == 0
                        && mine & 0o1000 == theirs & 0o1000
                        && (same_owner || mine & 0o6000 == 0)
                });
            others.by_ref().eq(theirs.iter().filter(|(name, _)| kept(name)))
                && stricter
                && owner(&fact::UID)
                && owner(&fact::GID)
                && own_xattrs(mine.of(&fact::XATTRS)) == own_xattrs(theirs.of(&fact::XATTRS))
        };
        self.facts.get(case.tree.path(region.id)).into_iter().flatten().any(|theirs| from(theirs))
    }

    /// The format by which the reference reads a place as a whole.
    fn reading_at(&self, path: &str) -> Option<&'a str> {
        let first = self.readings.range((path, "")..).next();
        first.filter(|(around, _)| *around == path).map(|(_, format)| *format)
    }

    /// True when the reference reads this place by the same format (RULES 5): a rule holds for the reading that the
    /// maker signed, and for no other.
    fn reads_alike(&self, case: &Case<'_>, region: &Region) -> bool {
        reading(case.tree.path(region.id)).is_some_and(|reading| {
            self.readings.contains(&reading) || self.made.contains(&(reading.0.to_owned(), reading.1))
        })
    }
}

/// Facts that are the value itself.
///
/// Of a variable that is live the state says only whether a newer copy was begun.
static VALUES: [&Fact; 3] = [&fact::VALUE, &fact::DATA_SIZE, &fact::STATE];

/// Facts that say who may do what with an entry.
static RIGHTS: [&Fact; 4] = [&fact::MODE, &fact::UID, &fact::GID, &fact::XATTRS];

/// The path around a region, and the format of its own segment.
fn reading(path: &str) -> Option<(&str, &str)> {
    let (around, last) = path.rsplit_once('/').unwrap_or(("", path));
    Some((around, last.split_once(':')?.0))
}

fn keeps(
    case: &Case<'_>,
    (number, rule): (usize, &MutableRule),
    region: &Region,
    known: &Known<'_>,
) -> Result<Held, Box<Finding>> {
    let outside = |why: &str| {
        let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
        Err(Box::new(case.about(&OUTSIDE_RULE, region).compared(why.to_owned(), digest)))
    };
    let mut around = core::iter::once(region).chain(case.tree.ancestors(region.id));
    if around.any(is_guarded) {
        let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
        return Err(Box::new(case.about(&TRUST_ANCHOR, region).compared(None, digest)));
    }
    if !is_harmless(case, region) {
        return outside("nothing that can execute");
    }
    // How a file is read, its rule says.
    let in_file = matches!(InFiles::of(case.tree.path(region.id)), InFiles::File(_));
    if let Some(format) = known.reading_at(case.tree.path(region.id)).filter(|_| !is_any(rule) && !in_file) {
        let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
        let finding = case.about(&NOT_RECOGNISED, region).compared(format.to_owned(), digest);
        return Err(Box::new(finding.arg("format", format)));
    }
    match &rule.rule {
        Mutable::Erased => outside("the erase value"),
        Mutable::Any { .. } => Ok(Held::NotJudged),
        Mutable::Keys(keys) | Mutable::Fields(keys) => match known.agrees(case, region) {
            Some(false) => outside("the attributes of the reference"),
            // An entry that the reference does not have is held to its grammar, and to what everybody's entries are.
            None if !is_ordinary(region) => outside("attributes of an ordinary entry"),
            Some(true) | None => key_rule(keys, region).or_else(|why| outside(&why)),
        },
        Mutable::DataFiles(files) => {
            in_files(case, (number, files), region, known).or_else(|why| outside(&why))
        }
    }
}

/// True for a new entry that anybody may read and write at any time, and that is one value. A variable with other attributes
/// is not there when it is looked for, or cannot be set; a list is no value to who asks for one.
fn is_ordinary(region: &Region) -> bool {
    let attributes = region.fact(&fact::ATTRIBUTES);
    let plain = attributes.is_none_or(|attributes| *attributes == Value::Uint(ORDINARY));
    let zero = |fact: &&Fact| region.fact(fact).is_none_or(|value| *value == Value::Uint(0));
    let plain = plain && [&fact::PUBLIC_KEY_INDEX, &fact::MONOTONIC_COUNT].iter().all(zero);
    plain && region.fact(&fact::SORT) != Some(&Value::from("list"))
}

/// `NON_VOLATILE`, `BOOTSERVICE_ACCESS` and `RUNTIME_ACCESS` (UEFI Specification 2.10, section 8.2).
const ORDINARY: u64 = 7;

/// The first names of a list, for people.
fn some_of<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let mut some: Vec<_> = names.take(NAMES.saturating_add(1)).collect();
    if some.len() > NAMES {
        some.truncate(NAMES);
        some.push("…");
    }
    some.join(", ")
}

const NAMES: usize = 12;

/// The key of the region's own segment must be listed, and its value keep to the grammar.
fn key_rule(keys: &[KeyRule], region: &Region) -> Result<Held, String> {
    let key = KeyRule::of(keys, &region.segment.key);
    let key = key.ok_or_else(|| some_of(keys.iter().map(|key| key.name.as_str())))?;
    let value = region.fact(&fact::VALUE).map(|value| match value {
        Value::Bytes(bytes) => bytes.clone(),
        // In digits, as a grammar for numbers reads them.
        Value::Uint(number) => number.to_string().into_bytes(),
        Value::Text(_) | Value::Flag(_) | Value::Places(_) => value.display().into_bytes(),
    });
    let length = region.fact(&fact::DATA_SIZE).map_or(region.span.length, |size| match size {
        Value::Uint(size) => *size,
        Value::Text(_) | Value::Bytes(_) | Value::Flag(_) | Value::Places(_) => u64::MAX,
    });
    let whole = || value.as_deref().is_some_and(|value| key.value.holds(value));
    // Strings in variables end with a zero.
    let text = || {
        let text = value.as_deref().and_then(|value| value.strip_suffix(&[0]));
        text.is_some_and(|text| key.value.holds(text))
    };
    // Each value of a selector leads to a part that is judged so; who lists none has said nothing (RULES 7).
    if region.is(&fact::SELECTOR) && !matches!(key.value, Grammar::Enum(_) | Grammar::Exactly(_)) {
        return Err("a selector with a list of its values (enum)".to_owned());
    }
    // A number is shown as one, and is no text to who asks for text.
    let number = matches!(region.fact(&fact::VALUE), Some(Value::Uint(_)));
    if number && matches!(key.value, Grammar::Word(_) | Grammar::Hex(_) | Grammar::Mac) {
        return Err(key.value.text());
    }
    if let Grammar::Bytes(most) = key.value {
        return if length <= most { Ok(Held::NotJudged) } else { Err(key.value.text()) };
    }
    // A value that the format does not state keeps to no grammar.
    if whole() || text() { Ok(Held::Judged) } else { Err(key.value.text()) }
}

fn in_files(
    case: &Case<'_>,
    (number, files): (usize, &[FileRule]),
    region: &Region,
    known: &Known<'_>,
) -> Result<Held, String> {
    let names = || some_of(files.iter().map(|file| file.name.as_str()));
    match InFiles::of(case.tree.path(region.id)) {
        // Blocks are as good as what they decode to, and each of that is held to the rule; read as the maker read them.
        InFiles::Nowhere if region.content == Content::Encoded && region.encodes.is_some() => {
            match known.agrees(case, region) {
                _ if !known.reads_alike(case, region) => Err("the format of the reference".to_owned()),
                Some(false) => Err("the attributes of the reference".to_owned()),
                Some(true) | None => Ok(Held::Judged),
            }
        }
        InFiles::Directory(path) if known.names.lead_to(number, &path) => has_facts_of(case, region, known),
        InFiles::File(path) => {
            let file = known.names.file(number, &path).ok_or_else(names)?;
            if !in_cap(case, region, file.max_bytes) {
                return Err(format!("at most {} bytes", file.max_bytes));
            }
            in_file(case, file, region, known)
        }
        InFiles::Nowhere | InFiles::Unused | InFiles::Directory(_) | InFiles::Other => Err(names()),
    }
}

/// A file that the rule names, or a piece of what it holds.
fn in_file(case: &Case<'_>, file: &FileRule, region: &Region, known: &Known<'_>) -> Result<Held, String> {
    if region.role() == Some(Role::File) {
        return has_facts_of(case, region, known);
    }
    match (file.format, region.kind) {
        (None, _) => Ok(Held::NotJudged),
        // Whoever saves settings writes all of them in one manner: one that says the same has not changed.
        (Some(_), role::SETTING) if known.says(case, region) => Ok(Held::Judged),
        (Some(_), role::SETTING) => match known.agrees(case, region) {
            Some(false) => Err("the attributes of the reference".to_owned()),
            None if !is_ordinary(region) => Err("one value".to_owned()),
            Some(true) | None => key_rule(&file.keys, region),
        },
        (Some(_), role::SETTING_BLANK) => Ok(Held::Judged),
        // Free text, which nobody reads: nobody has judged it either.
        (Some(_), role::SETTING_COMMENT) => Ok(Held::NotJudged),
        (Some(format), _) => Err(format!("settings of the format {}", format.name())),
    }
}

/// An entry keeps the facts that the reference has of it. One that is new has no extended attributes, lets nobody else
/// write and lends no rights; a directory of an overlay lends its own owner to the one below.
fn has_facts_of(case: &Case<'_>, region: &Region, known: &Known<'_>) -> Result<Held, String> {
    match known.agrees(case, region) {
        Some(true) => Ok(Held::Judged),
        None => is_plain(region).map(|()| Held::Judged),
        Some(false) => {
            let why = "the attributes, mode and owner of the reference, or less of it";
            known.may_become(case, region).then_some(Held::Judged).ok_or_else(|| why.to_owned())
        }
    }
}

fn is_plain(region: &Region) -> Result<(), String> {
    let says = |fact: &Fact| region.fact(fact);
    if !matches!(says(&fact::XATTRS), Some(Value::Text(xattrs)) if xattrs.split(' ').all(is_bookkeeping)) {
        return Err("the extended attributes of the reference, or none".to_owned());
    }
    // What no number can be read from is open.
    let mode = mode(says(&fact::MODE).map(json_of).as_ref()).unwrap_or(u32::MAX);
    let of_root = [&fact::UID, &fact::GID].iter().all(|fact| says(fact) == Some(&Value::Uint(0)));
    if mode & 0o7022 != 0 || !of_root {
        return Err("the mode and owner of the reference, or ones that let nobody else write".to_owned());
    }
    if says(&fact::HARD_LINK).is_some() || says(&fact::LINKS).is_some() {
        return Err("one name of a file".to_owned());
    }
    Ok(())
}

/// None, or what Linux's overlayfs keeps for itself: where a file was copied from, by which it numbers inodes, and that a
/// directory has such files. No name, right or content hangs on either, and neither carries anything else: a file handle
/// says how long it is (`struct ovl_fb` of `fs/overlayfs/overlayfs.h`), and is empty where the lower file system has none.
fn is_bookkeeping(xattr: &str) -> bool {
    match xattr.split_once('=').unwrap_or((xattr, "")) {
        ("none", "") => true,
        ("trusted.overlay.impure", value) => value == "79",
        ("trusted.overlay.origin", "") => true,
        ("trusted.overlay.origin", value) => {
            let length =
                value.strip_prefix("00fb").and_then(|rest| u64::from_str_radix(rest.get(..2)?, 16).ok());
            length.is_some_and(|length| {
                length <= LONGEST_HANDLE && len64(value.as_bytes()) == length.saturating_mul(2)
            })
        }
        _ => false,
    }
}

/// Linux `MAX_HANDLE_SZ`, and what overlayfs puts before a handle.
const LONGEST_HANDLE: u64 = 128 + 21;

/// Extended attributes beside those.
fn own_xattrs(fact: Option<&Json>) -> Option<Vec<&str>> {
    match fact {
        Some(Json::Text(xattrs)) => Some(xattrs.split(' ').filter(|xattr| !is_bookkeeping(xattr)).collect()),
        _ => None,
    }
}

/// Bits of a mode as facts have it, in octal.
fn mode(fact: Option<&Json>) -> Option<u32> {
    match fact {
        Some(Json::Text(mode)) => u32::from_str_radix(mode, 8).ok(),
        _ => None,
    }
}

/// True when a region, and the file that it is part of, are no longer than the rule allows.
fn in_cap(case: &Case<'_>, region: &Region, most: u64) -> bool {
    let space = case
        .tree
        .space(region.space)
        .filter(|space| InFiles::of(case.tree.path(space.root)) != InFiles::Nowhere);
    region.span.length.max(space.map_or(0, |space| space.size)) <= most
}

/// A store that is erased: what its loader does then, the rule says (RULES 7).
fn empty_stores(case: &mut Case<'_>, found: &mut Findings<'_>, places: &Places<'_>, spare: &BTreeSet<usize>) {
    let manifest = case.manifest;
    for (number, rule) in manifest.mutable.iter().enumerate() {
        if spare.contains(&number) {
            continue;
        }
        let store = places.of_rule(rule).filter(|region| is_erased(case, region));
        let Some(store) = store else { continue };
        let missing = core::mem::take(&mut case.unmatched);
        let below =
            |index: &usize| case.wanted(*index).is_some_and(|wanted| path_within(&wanted.path, &rule.path));
        let (gone, left): (Vec<_>, Vec<_>) = missing.into_iter().partition(below);
        case.unmatched = left;
        let erased = |index: &usize| case.wanted(*index).is_some_and(is_fill);
        let taken = case.matches.get(&store.id).and_then(|outcome| outcome.index());
        if gone.iter().all(erased) && taken.as_ref().is_none_or(erased) {
            continue;
        }
        let kind = match rule.when_empty {
            _ if rule.rule == Mutable::Erased => &EMPTY_BY_RULE,
            WhenEmpty::Default => &EMPTY_BY_RULE,
            WhenEmpty::Warning => &EMPTY,
            WhenEmpty::Refuse => &EMPTY_REFUSED,
        };
        case.exceptions.by_rule = case.exceptions.by_rule.saturating_add(1);
        let finding = case.about(kind, store);
        found.report(finding);
    }
}

/// Takes what the rules let vanish off the list of what is missing.
fn vanished(case: &mut Case<'_>, ledger: &mut Ledger<'_, '_>) {
    let missing = core::mem::take(&mut case.unmatched);
    let gone: BTreeSet<_> =
        missing.iter().filter_map(|&index| case.wanted(index)).map(|wanted| wanted.path.as_str()).into_set();
    case.unmatched = missing
        .into_iter()
        .filter(|&index| {
            let Some(wanted) = case.wanted(index) else { return true };
            let mut rules = (0..)
                .zip(&case.manifest.mutable)
                .filter(|(_, rule)| path_within(&wanted.path, &rule.path))
                .peekable();
            let Some(&(first, _)) = rules.peek() else { return true };
            if !rules.all(|(_, rule)| may_vanish(rule, wanted, &gone)) {
                return true;
            }
            case.vanished = true;
            if !is_fill(wanted) && !was_remains(wanted) {
                ledger.judged(first, wanted.span.length);
                ledger.value(first, || case.about_wanted(&WITHIN_RULE, wanted));
            }
            false
        })
        .collect();
}

fn may_vanish(rule: &MutableRule, wanted: &ReferenceRegion, gone: &BTreeSet<&str>) -> bool {
    if is_fill(wanted) || was_remains(wanted) && rule.remains_max_bytes > 0 {
        return true;
    }
    if GUARDED.iter().any(|fact| wanted.attributes.is(fact)) || wanted.is_executable() {
        return false;
    }
    let last = kiwame_image::segments(&wanted.path).last().and_then(|segment| segment.split_once(':'));
    let optional = |keys: &[KeyRule]| {
        let name = last.map(|(_, key)| kiwame_image::unescape_key(key));
        name.and_then(|name| KeyRule::of(keys, &name)).is_some_and(|key| key.optional)
    };
    match &rule.rule {
        Mutable::Erased => false,
        Mutable::Any { .. } => true,
        Mutable::Keys(keys) | Mutable::Fields(keys) => optional(keys),
        Mutable::DataFiles(files) => match InFiles::of(&wanted.path) {
            // Blocks; what they held is listed.
            InFiles::Nowhere => true,
            // With attributes it says something of what lies under it: in an overlay, that nothing there shows.
            InFiles::Directory(path) => {
                let plain = wanted
                    .attributes
                    .of(&fact::XATTRS)
                    .is_none_or(|xattrs| *xattrs == Json::Text("none".into()));
                let path = unescaped(&path);
                plain && files.iter().any(|file| file.optional && file.leads_from(&path))
            }
            InFiles::File(path) => file_of(files, &unescaped(&path)).is_some_and(|file| {
                let whole = file.optional && is_gone(&wanted.path, gone);
                let within = match file.format {
                    // What nobody judges may be anything, as long as the file is there.
                    None => {
                        last.is_some_and(|(format, _)| format != Role::File.word())
                            && !is_gone(&wanted.path, gone)
                    }
                    Some(_) => {
                        wanted.kind == role::SETTING && optional(&file.keys)
                            || [role::SETTING_BLANK, role::SETTING_COMMENT].contains(&wanted.kind.as_str())
                    }
                };
                whole || within
            }),
            InFiles::Unused | InFiles::Other => false,
        },
    }
}

/// True when the file of a path, or the one that it lies in, is missing itself.
fn is_gone(path: &str, gone: &BTreeSet<&str>) -> bool {
    let file = |scope: &&str| {
        let last = scope.rsplit('/').next().and_then(Role::of_step);
        last.is_some_and(|(role, _)| role == Role::File)
    };
    crate::case::beginnings(path).find(file).is_some_and(|file| gone.contains(file))
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[
    &ANY,
    &NOT_JUDGED,
    &OVER_CAP,
    &REMAINS,
    &WITHIN_RULE,
    &COPY_NOT_TAKEN,
    &EMPTY,
    &EMPTY_BY_RULE,
    &EMPTY_REFUSED,
    &NOT_RECOGNISED,
    &OUTSIDE_RULE,
    &TRUST_ANCHOR,
];

/// An empty store, which the rule has a person look at.
pub static EMPTY: Kind = Kind {
    id: "mutable/empty",
    family: Family::Mutable,
    severity: Severity::Medium,
    effect: Effect::Warning,
    english: "{what} is empty; the device then takes its defaults.",
    japanese: "{what} は空。機器は既定値で動作する。",
    next: Text::new("Ask whether the device was reset.", "初期化した機器であるかを確認する。"),
    between: None,
};

/// An empty store, where the rule allows it.
pub static EMPTY_BY_RULE: Kind = Kind {
    id: "mutable/empty-by-rule",
    family: Family::Mutable,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{what} is empty, and the manifest says that the device then takes the defaults of the release.",
    japanese: "{what} は空。マニフェストによれば機器は版の既定値で動作する。",
    next: NOTHING_TO_DO,
    between: None,
};

/// An empty store, where the rule refuses it.
pub static EMPTY_REFUSED: Kind = Kind {
    id: "mutable/empty-refused",
    family: Family::Mutable,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} is empty, and the manifest says that the device does not run as it should then (when-empty).",
    japanese: "{what} は空。マニフェストによれば、この場合機器は正常に動作しない(when-empty)。",
    next: ACQUIRE,
    between: None,
};

/// Another format than the reference reads there.
pub static NOT_RECOGNISED: Kind = Kind {
    id: "mutable/not-recognised",
    family: Family::Mutable,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what}: no {format} is recognised here, where the maker's rule has one.",
    japanese: "{what}:製造者の規則では {format} が有るべきだが、認識できない。",
    next: ACQUIRE,
    between: None,
};

/// A value that does not keep to its rule.
pub static OUTSIDE_RULE: Kind = Kind {
    id: "mutable/outside-rule",
    family: Family::Mutable,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} may differ from device to device, but not like this.",
    japanese: "{what} は可変だが、規則を外れている。",
    next: ACQUIRE,
    between: None,
};

/// What decides what may start or who may log in, and is not as the reference has it.
pub static TRUST_ANCHOR: Kind = Kind {
    id: "mutable/trust-anchor",
    family: Family::Mutable,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{what} decides what may start or who may log in, and is not as the reference has it.",
    japanese: "{what} は起動またはログインの可否を決めるものであり、基準値どおりでない。",
    next: ACQUIRE,
    between: None,
};
