//! Mutable rules: a place may differ from device to device, and only so far (RULES 12).
//!
//! Rules are held value by value: whatever a rule lets differ has a grammar, or nobody has judged it, and then it affirms
//! only where the buyer's policy names the place and a cap. Where several rules reach one place all of them must hold.
//! No rule lets differ what decides what may start: what a format calls a `trust-anchor` or a `boot-entry`, whatever
//! lies in one, and programs at any depth. Lists of what is dangerous add refusals; none is ever the reason for a pass.
//!
//! A rule is held and told in one look: where a region stands follows from the finding that its value would make.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use kiwame_image::{Content, Fact, Gather as _, Region, Role, Value, fact, len64, role};
use kiwame_trust::Facts;
use kiwame_trust::json::Json;
use kiwame_trust::manifest::{ReferenceRegion, path_within};
use kiwame_trust::rules::{FileRule, Grammar, KeyRule, Mutable, MutableRule, WhenEmpty};

use files::{InFiles, Names, file_of, unescaped};
pub use ledger::{ANY, NOT_JUDGED, OVER_CAP, REMAINS, WITHIN_POLICY, WITHIN_RULE};
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

pub use slips::{SLIPS, slip};

/// Holds every region under a rule to it, and what is missing there. A region that equals the reference needs no
/// rule.
pub(crate) fn settle(case: &mut Case<'_>, found: &mut Findings<'_>) {
    if case.rules.is_empty() {
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
    vanished(case, &mut ledger, &places);
    ledger.report(case, found);
}

/// The region at the path of each rule, where there is one.
struct Places<'a>(BTreeMap<&'a str, &'a Region>);

impl<'a> Places<'a> {
    fn of(case: &Case<'a>) -> Self {
        let named: BTreeSet<_> = case.rules.iter().copied().map(path_of).into_set();
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
    if case.set.contains(&region.id) {
        return also(case, found, region, known);
    }
    let rules: Vec<_> =
        (0..).zip(case.rules.iter().copied()).filter(|(_, rule)| path_within(path, &rule.path)).collect();
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
            let bytes = region.span.length;
            // What lies in something is counted there.
            let own = region.is_leaf() || region.fact(&fact::VALUE).is_some();
            ledger.judged(first, if own { bytes } else { 0 });
            ledger.value(first, || case.about(&WITHIN_RULE, region).arg("bytes", bytes));
        }
    }
}

/// What a setting of the buyer's has judged: where the maker lists the same key, its grammar holds too, and what the maker says
/// is erased is. No rule reaches what guards.
fn also(case: &mut Case<'_>, found: &mut Findings<'_>, region: &Region, known: &Known<'_>) {
    let open = case.matches.get(&region.id) == Some(&Match::Mutable);
    if !open || case.tree.ancestors(region.id).chain([region]).any(is_guarded) {
        return;
    }
    let path = case.tree.path(region.id);
    let lists = |rule: &MutableRule| match &rule.rule {
        Mutable::Keys(keys) | Mutable::Fields(keys) => KeyRule::of(keys, &region.segment.key).is_some(),
        Mutable::DataFiles(files) => match InFiles::of(path) {
            InFiles::File(name) => file_of(files, &unescaped(&name)).is_some_and(|file| {
                region.kind != role::SETTING || KeyRule::of(&file.keys, &region.segment.key).is_some()
            }),
            InFiles::Nowhere | InFiles::Unused | InFiles::Directory(_) | InFiles::Other => false,
        },
        Mutable::Erased => true,
        Mutable::Any { .. } => false,
    };
    let rules = (0..).zip(case.rules.iter().copied());
    let rules = rules.filter(|(_, rule)| path_within(path, &rule.path) && lists(rule));
    let refused = rules.filter_map(|rule| keeps(case, rule, region, known).err()).next();
    if let Some(finding) = refused {
        case.outside.insert(region.id);
        found.report(*finding);
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
pub(in crate::settle) fn is_harmless(case: &Case<'_>, region: &Region) -> bool {
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
        Self { facts, readings, made: made.into_set(), names: Names::of(&case.rules) }
    }

    /// True when one of that path has all these facts in the reference, traces of writing and the value itself aside;
    /// `None` for an entry that the reference does not have.
    fn agrees(&self, case: &Case<'_>, region: &Region) -> Option<bool> {
        let known = self.facts.get(case.tree.path(region.id))?;
        let mine = crate::reference::attributes(case.tree, region);
        Some(known.iter().any(|theirs| agree(&mine, theirs)))
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

/// True for facts that are the same, the value itself and traces of writing aside.
pub(in crate::settle) fn agree(mine: &Facts, theirs: &Facts) -> bool {
    let value = |name: &str| VALUES.iter().any(|fact| fact.name == name);
    let kept = |name: &str| !value(name) && !super::differences::is_of_writing(name);
    mine.iter().filter(|(name, _)| kept(name)).eq(theirs.iter().filter(|(name, _)| kept(name)))
}

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
pub(in crate::settle) fn is_ordinary(region: &Region) -> bool {
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
    let length = region.fact(&fact::DATA_SIZE).map_or(region.span.length, |size| match size {
        Value::Uint(size) => *size,
        Value::Text(_) | Value::Bytes(_) | Value::Flag(_) | Value::Places(_) => u64::MAX,
    });
    // Each value of a selector leads to a part that is judged so; who lists none has said nothing (RULES 7).
    if region.is(&fact::SELECTOR) && !matches!(key.value, Grammar::Enum(_) | Grammar::Exactly(_)) {
        return Err("a selector with a list of its values (enum)".to_owned());
    }
    if let Grammar::Bytes(most) = key.value {
        return if length <= most { Ok(Held::NotJudged) } else { Err(key.value.text()) };
    }
    if keeps_to(&key.value, region) { Ok(Held::Judged) } else { Err(key.value.text()) }
}

/// What a region says, as grammars read it: a number in digits.
pub(in crate::settle) fn stated(region: &Region) -> Option<Vec<u8>> {
    region.fact(&fact::VALUE).map(|value| match value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Uint(number) => number.to_string().into_bytes(),
        Value::Text(_) | Value::Flag(_) | Value::Places(_) => value.display().into_bytes(),
    })
}

/// True for a value that keeps to a grammar. One that the format does not state keeps to none.
pub(in crate::settle) fn keeps_to(grammar: &Grammar, region: &Region) -> bool {
    // A number is shown as one, and is no text to who asks for text.
    let number = matches!(region.fact(&fact::VALUE), Some(Value::Uint(_)));
    if number && matches!(grammar, Grammar::Word(_) | Grammar::Hex(_) | Grammar::Mac) {
        return false;
    }
    let Some(value) = stated(region) else { return false };
    // Strings in variables end with a zero; bytes that are named have it, or have none.
    let text = || value.strip_suffix(&[0]).filter(|_| !matches!(grammar, Grammar::Exactly(_)));
    grammar.holds(&value) || text().is_some_and(|text| grammar.holds(text))
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

pub(in crate::settle) fn is_plain(region: &Region) -> Result<(), String> {
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
    match xattr.split_once('=') {
        None => xattr == "none",
        Some(("trusted.overlay.impure", value)) => value == "79",
        Some(("trusted.overlay.origin", "")) => true,
        Some(("trusted.overlay.origin", value)) => {
            let length =
                value.strip_prefix("00fb").and_then(|rest| u64::from_str_radix(rest.get(..2)?, 16).ok());
            length.is_some_and(|length| {
                length <= LONGEST_HANDLE && len64(value.as_bytes()) == length.saturating_mul(2)
            })
        }
        Some(_) => false,
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
    let rules = Rc::clone(&case.rules);
    for (number, rule) in rules.iter().copied().enumerate() {
        if spare.contains(&number) {
            continue;
        }
        let store = places.of_rule(rule).filter(|region| is_erased(case, region));
        let Some(store) = store else { continue };
        let is_buyers = case.is_buyers(number);
        let missing = core::mem::take(&mut case.unmatched);
        // That a place may be erased is no word about what decides there what may start; what the device then takes is.
        let kept = |wanted: &ReferenceRegion| {
            // What the device takes in place of what runs only its maker knows.
            let unsaid = rule.rule == Mutable::Erased && rule.when_empty != WhenEmpty::Default;
            (unsaid || is_buyers) && decides(wanted)
        };
        let below = |index: &usize| {
            case.wanted(*index).is_some_and(|wanted| path_within(&wanted.path, &rule.path) && !kept(wanted))
        };
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
        case.allowed(number, 1);
        let finding = case.about(kind, store);
        found.report(finding);
    }
}

/// True for a reference value of something that runs or that decides what may start.
fn decides(wanted: &ReferenceRegion) -> bool {
    wanted.is_executable() || GUARDED.iter().any(|fact| wanted.attributes.is(fact))
}

/// Takes what the rules let vanish off the list of what is missing.
fn vanished(case: &mut Case<'_>, ledger: &mut Ledger<'_, '_>, places: &Places<'_>) {
    let missing = core::mem::take(&mut case.unmatched);
    let gone: BTreeSet<_> =
        missing.iter().filter_map(|&index| case.wanted(index)).map(|wanted| wanted.path.as_str()).into_set();
    case.unmatched = missing
        .into_iter()
        .filter(|&index| {
            let Some(wanted) = case.wanted(index) else { return true };
            let mut rules = (0..)
                .zip(case.rules.iter().copied())
                .filter(|(_, rule)| path_within(&wanted.path, &rule.path))
                .peekable();
            let Some(&(first, _)) = rules.peek() else { return true };
            if !rules.all(|(_, rule)| may_vanish(rule, wanted, &gone)) {
                return true;
            }
            case.vanished = true;
            if !is_fill(wanted) && !was_remains(wanted) {
                let bytes = wanted.span.length;
                // A place that a device has put something into has not gone: what is in it is counted.
                let filled = places.0.contains_key(wanted.path.as_str());
                ledger.judged(first, if filled { 0 } else { bytes });
                ledger.value(first, || case.about_wanted(&WITHIN_RULE, wanted).arg("bytes", bytes));
            }
            false
        })
        .collect();
}

fn may_vanish(rule: &MutableRule, wanted: &ReferenceRegion, gone: &BTreeSet<&str>) -> bool {
    if is_fill(wanted) || was_remains(wanted) && rule.remains_max_bytes > 0 {
        return true;
    }
    if decides(wanted) {
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
    &WITHIN_POLICY,
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

#[cfg(test)]
mod tests {
    use kiwame_image::Settings;

    use super::*;
    use crate::kinds::MODIFIED;
    use crate::testing::{Piece, Trial, accept, around, file, fill, key, may, piece, said, stream};
    use crate::{Class, Tier};

    /// An image with so much of it.
    type Image = dyn Fn(&str) -> [Piece; 1];

    /// An entry whose bytes are its value.
    fn entry(step: &'static str, value: &str) -> Piece {
        piece(step, value).with(&fact::VALUE, value)
    }

    fn store(entries: impl AsRef<[Piece]>) -> [Piece; 1] {
        [around("store:1", entries)]
    }

    fn one(value: &str) -> [Piece; 1] {
        store([entry("key:a", value), entry("key:b", "x")])
    }

    fn keys(keys: impl Into<Vec<KeyRule>>) -> Mutable {
        Mutable::Keys(keys.into())
    }

    /// What the first that is outside of its rule should have been.
    fn outside(trial: &Trial, image: &[Piece]) -> Option<String> {
        let findings = trial.judge(image).findings;
        findings.into_iter().find(|finding| finding.is_of(&[&OUTSIDE_RULE]))?.expected
    }

    fn digits() -> Trial {
        Trial::of(&one("1")).ruled("store:1", keys([key("a", "digits:1"), key("b", "digits:1")]))
    }

    #[test]
    fn a_value_that_keeps_to_its_grammar_may_differ() {
        let within = digits().judge(&one("2"));
        assert_eq!(said(&within), ["mutable/within-rule store:1"]);
        assert_eq!(within.verdict.tier, Tier::Affirming);
        assert_eq!(within.exceptions.by_rule, 1);
        assert!(within.classes.values().any(|(class, _)| *class == Class::Mutable));
        let [told] = &within.findings[0].parts[..] else { panic!("one value") };
        assert_eq!((&*told.args["before"], &*told.args["after"]), ("1", "2"));
        let beyond = digits().judge(&one("y"));
        assert_eq!(beyond.verdict.reasons, [OUTSIDE_RULE.id]);
        assert!(beyond.classes.values().any(|(class, _)| *class == Class::Differs));
        assert_eq!(beyond.exceptions.by_rule, 0);
    }

    #[test]
    fn a_buyers_rule_lets_differ_what_no_rule_of_the_makers_reaches() {
        let rule = || keys([key("a", "digits:1"), key("b", "digits:1")]);
        let buyers = Trial::of(&one("1")).ruled_by_buyer("store:1", rule());
        let within = buyers.judge(&one("2"));
        assert_eq!(said(&within), ["mutable/within-policy store:1"]);
        assert_eq!(within.verdict.tier, Tier::Affirming);
        assert_eq!((within.exceptions.by_rule, within.exceptions.by_policy), (0, 1));
        assert_eq!(buyers.judge(&one("y")).verdict.reasons, [OUTSIDE_RULE.id]);
        // Where the maker has a rule, both hold: nobody widens what was signed, and nobody is held to less.
        for (makers, buyers) in [("digits:1", "word:8"), ("word:8", "digits:1")] {
            let both = Trial::of(&one("1"))
                .ruled("store:1", keys([key("a", makers), key("b", "word:1")]))
                .ruled_by_buyer("store:1", keys([key("a", buyers), key("b", "word:1")]));
            assert_eq!(both.judge(&one("2")).verdict.tier, Tier::Affirming);
            assert_eq!(both.judge(&one("y")).verdict.reasons, [OUTSIDE_RULE.id]);
        }
        let unlisted = Trial::of(&one("1"))
            .ruled("store:1", keys([key("b", "word:1")]))
            .ruled_by_buyer("store:1", rule());
        assert_eq!(unlisted.judge(&one("2")).verdict.reasons, [OUTSIDE_RULE.id]);
    }

    #[test]
    fn what_equals_the_reference_needs_no_rule_and_what_no_rule_names_may_not_differ() {
        assert_eq!(digits().says(&one("1")), [""; 0]);
        let unnamed = Trial::of(&one("1")).ruled("store:1", keys([may("c", "digits:1")]));
        assert_eq!(outside(&unnamed, &one("2")).as_deref(), Some("c"));
        let elsewhere = Trial::of(&one("1")).ruled("store:2", keys([key("a", "digits:1")]));
        assert_eq!(elsewhere.says(&one("2")), ["component/modified store:1/key:a"]);
    }

    #[test]
    fn of_several_rules_all_must_hold() {
        let both = digits().ruled("store:1/key:a", keys([key("a", "enum:1|2")]));
        assert!(both.affirms(&one("2")));
        assert_eq!(outside(&both, &one("3")).as_deref(), Some("enum:1|2"));
    }

    #[test]
    fn no_rule_lets_differ_what_decides_what_may_start() {
        for guard in [&fact::TRUST_ANCHOR, &fact::BOOT_ENTRY] {
            let of = |value: &str| store([entry("key:a", value).is(guard)]);
            let within = |value: &str| [around("store:1", [entry("key:a", value)]).is(guard)];
            for rule in [keys([key("a", "digits:1")]), Mutable::Any { max_bytes: 9 }] {
                let mut trial = Trial::of(&of("1")).ruled("store:1", rule.clone());
                trial.rule.accept_any = accept("store:1", Some(9), &[]);
                assert_eq!(trial.says(&of("2")), ["mutable/trust-anchor store:1/key:a"]);
                let mut trial = Trial::of(&within("1")).ruled("store:1", rule);
                trial.rule.accept_any = accept("store:1", Some(9), &[]);
                assert_eq!(trial.says(&within("2")), ["mutable/trust-anchor store:1/key:a"]);
            }
        }
    }

    #[test]
    fn no_rule_lets_a_program_differ() {
        let program = |bytes: &str| store([piece("key:a", bytes).is(&fact::EXECUTABLE)]);
        let inside = |bytes: &str| {
            let program = piece("p:1", bytes).is(&fact::EXECUTABLE);
            store([around("key:a", [program]).component()])
        };
        let around_it = |bytes: &str| [around("store:1", [piece("key:a", bytes)]).is(&fact::EXECUTABLE)];
        let plain = |bytes: &str| store([piece("key:a", bytes)]);
        let why = |of: &Image| {
            let mut trial = Trial::of(&of("1")).ruled("store:1", Mutable::Any { max_bytes: 9 });
            trial.rule.accept_any = accept("store:1", Some(9), &[]);
            outside(&trial, &of("2"))
        };
        let programs: [&Image; 3] = [&program, &inside, &around_it];
        for of in programs {
            assert_eq!(why(of).as_deref(), Some("nothing that can execute"));
        }
        assert_eq!(why(&plain), None);
    }

    #[test]
    fn an_entry_keeps_its_attributes_and_only_its_value_and_traces_of_writing_are_free() {
        let of =
            |value: &str, fact: &'static Fact, number: u64| store([entry("key:a", value).with(fact, number)]);
        let refused = |fact| {
            let trial = Trial::of(&of("1", fact, 1)).ruled("store:1", keys([key("a", "digits:1")]));
            assert_eq!(outside(&trial, &of("2", fact, 1)), None);
            outside(&trial, &of("2", fact, 2)).is_some()
        };
        for free in [&fact::DATA_SIZE, &fact::STATE, &fact::MODIFIED] {
            assert!(!refused(free), "{}", free.name);
        }
        for kept in [&fact::ATTRIBUTES, &fact::UID, &fact::MODE] {
            assert!(refused(kept), "{}", kept.name);
        }
        // With equal bytes and another attribute it is as different.
        let trial = Trial::of(&of("1", &fact::UID, 1)).ruled("store:1", keys([key("a", "digits:1")]));
        assert_eq!(
            outside(&trial, &of("1", &fact::UID, 2)).as_deref(),
            Some("the attributes of the reference")
        );
    }

    #[test]
    fn a_new_entry_is_an_ordinary_one_with_a_value_by_its_grammar() {
        let trial = Trial::of(&store([entry("key:b", "x")]))
            .ruled("store:1", keys([key("a", "digits:1"), may("b", "word:1")]));
        let with = |new: Piece| outside(&trial, &store([entry("key:b", "x"), new]));
        let new = || entry("key:a", "1");
        assert_eq!(with(new()), None);
        assert_eq!(with(new().with(&fact::ATTRIBUTES, 7u8)), None);
        assert_eq!(with(new().with(&fact::PUBLIC_KEY_INDEX, 0u8).with(&fact::MONOTONIC_COUNT, 0u8)), None);
        for odd in [
            new().with(&fact::ATTRIBUTES, 3u8),
            new().with(&fact::PUBLIC_KEY_INDEX, 1u8),
            new().with(&fact::MONOTONIC_COUNT, 1u8),
            new().with(&fact::SORT, "list"),
        ] {
            assert_eq!(with(odd).as_deref(), Some("attributes of an ordinary entry"));
        }
        assert_eq!(with(entry("key:a", "y")).as_deref(), Some("digits:1"));
    }

    /// What a value should have been, by a grammar, where the reference has another.
    fn by(grammar: &str, value: impl Into<Value>) -> Option<String> {
        let of = |value: Value| store([piece("key:a", format!("{value:?}")).with(&fact::VALUE, value)]);
        let trial = Trial::of(&of(Value::from("genuine"))).ruled("store:1", keys([key("a", grammar)]));
        outside(&trial, &of(value.into()))
    }

    #[test]
    fn a_value_is_read_as_the_format_states_it() {
        for (grammar, value) in [
            ("digits:2", Value::from("12")),
            ("digits:2", Value::from(&b"12"[..])),
            ("digits:2", Value::from(&b"12\0"[..])),
            ("range:1-20", Value::from(12u8)),
            ("enum:true", Value::from(true)),
            ("u16:1-9", Value::from(&b"\x05\0"[..])),
        ] {
            assert_eq!(by(grammar, value.clone()), None, "{grammar} {value:?}");
        }
        for (grammar, value) in [
            ("digits:2", Value::from(&b"12\0\0"[..])),
            ("digits:2", Value::from(&b"\x0012"[..])),
            ("range:1-9", Value::from(12u8)),
            ("word:2", Value::from(12u8)),
            ("hex:2", Value::from(12u8)),
            ("mac", Value::from(12u8)),
            ("enum:true", Value::from(false)),
        ] {
            assert_eq!(by(grammar, value.clone()).as_deref(), Some(grammar), "{value:?}");
        }
        let silent = |bytes: &str| store([piece("key:a", bytes)]);
        let trial = Trial::of(&silent("1")).ruled("store:1", keys([key("a", "digits:1")]));
        assert_eq!(outside(&trial, &silent("2")).as_deref(), Some("digits:1"), "no value is stated");
    }

    #[test]
    fn a_selector_has_a_list_of_its_values() {
        let of = |value: &str| store([entry("key:a", value).is(&fact::SELECTOR)]);
        let why = |grammar| {
            let trial = Trial::of(&of("1")).ruled("store:1", keys([key("a", grammar)]));
            outside(&trial, &of("2"))
        };
        assert_eq!((why("enum:1|2"), why("exactly:32")), (None, None));
        for grammar in ["digits:1", "bytes:9", "range:1-9"] {
            assert_eq!(why(grammar).as_deref(), Some("a selector with a list of its values (enum)"));
        }
        assert_eq!(why("enum:1|3").as_deref(), Some("enum:1|3"));
    }

    #[test]
    fn bytes_of_any_value_are_judged_by_nobody_and_kept_to_their_length() {
        let trial = Trial::of(&one("1")).ruled("store:1", keys([key("a", "bytes:1"), key("b", "word:1")]));
        let assessment = trial.judge(&one("2"));
        assert_eq!(
            (assessment.verdict.reasons, assessment.exceptions.not_judged),
            (vec![ANY.id.to_owned()], 1)
        );
        assert_eq!(outside(&trial, &one("22")).as_deref(), Some("bytes:1"));
        let mut accepting = trial.clone();
        accepting.rule.accept_any = accept("store:1", Some(1), &[]);
        assert_eq!(accepting.says(&one("2")), ["mutable/not-judged store:1"]);
        // The length of a variable is that of its data.
        let sized = |bytes: &str, size: u64| store([piece("key:a", bytes).with(&fact::DATA_SIZE, size)]);
        let trial = Trial::of(&sized("head1", 1)).ruled("store:1", keys([key("a", "bytes:1")]));
        assert_eq!(outside(&trial, &sized("head2", 1)), None);
        assert_eq!(outside(&trial, &sized("head2", 2)).as_deref(), Some("bytes:1"));
    }

    #[test]
    fn anything_goes_as_far_as_maker_and_buyer_say() {
        let of = |bytes: &str| store([piece("x:1", bytes)]);
        let tier = |most, accepted: Option<u64>| {
            let mut trial = Trial::of(&of("1234")).ruled("store:1", Mutable::Any { max_bytes: most });
            trial.rule.accept_any =
                accepted.map(|most| accept("store:1", Some(most), &[])).unwrap_or_default();
            trial.judge(&of("5678")).verdict
        };
        assert_eq!(tier(4, Some(4)).tier, Tier::Affirming);
        assert_eq!(tier(4, Some(3)).reasons, [ANY.id]);
        assert_eq!(tier(4, None).reasons, [ANY.id]);
        assert_eq!(tier(3, Some(4)).reasons, [OVER_CAP.id]);
    }

    #[test]
    fn a_stream_that_nobody_opened_counts_with_its_own_bytes() {
        let of = |bytes: &str| store([piece("x:1", bytes).content(Content::Encoded)]);
        let mut trial = Trial::of(&of("1234")).ruled("store:1", Mutable::Any { max_bytes: 4 });
        assert_eq!(trial.judge(&of("5678")).verdict.reasons, [ANY.id]);
        trial.rule.accept_any = accept("store:1", Some(4), &[]);
        assert_eq!(trial.judge(&of("5678")).exceptions.not_judged, 4);
    }

    #[test]
    fn a_mark_of_emptiness_stands_only_where_the_device_runs_without() {
        let of = |mark: Piece| store([entry("key:a", "1"), mark]);
        let tier = |when| {
            let trial = Trial::of(&of(piece("mark:1", "x"))).ruled("store:1", keys([key("a", "digits:1")]));
            trial.when_empty(when).tier(&of(piece("mark:1", "e").is(&fact::EMPTY)))
        };
        assert_eq!(tier(WhenEmpty::Default), Tier::Affirming);
        assert_eq!(tier(WhenEmpty::Refuse), Tier::Contraindicated);
    }

    #[test]
    fn what_one_of_two_rules_judges_is_judged() {
        let any = || Mutable::Any { max_bytes: 9 };
        let judging = || keys([key("a", "digits:1")]);
        for rules in [[any(), judging()], [judging(), any()]] {
            let trial =
                rules.into_iter().fold(Trial::of(&one("1")), |trial, rule| trial.ruled("store:1", rule));
            let assessment = trial.judge(&one("2"));
            assert_eq!((assessment.verdict.tier, assessment.exceptions.not_judged), (Tier::Affirming, 0));
        }
    }

    fn dead(bytes: &str) -> Piece {
        piece("old:1", bytes).remains()
    }

    #[test]
    fn old_data_may_lie_where_a_rule_allows_it_up_to_its_cap_and_no_program_may() {
        let of = |old: Piece| store([entry("key:a", "1"), old]);
        let judge = |most, old: Piece| {
            let trial =
                Trial::of(&of(dead("old!"))).ruled("store:1", keys([key("a", "digits:1")])).remains(most);
            trial.judge(&of(old))
        };
        let allowed = judge(4, dead("OLD!"));
        assert_eq!(
            (said(&allowed), allowed.exceptions.remains),
            (vec!["mutable/remains store:1".to_owned()], 4)
        );
        assert!(allowed.classes.values().any(|(class, _)| *class == Class::Remains));
        assert_eq!(judge(3, dead("OLD!")).verdict.reasons, [OVER_CAP.id]);
        assert_eq!(judge(0, dead("OLD!")).verdict.reasons, [OUTSIDE_RULE.id]);
        assert_eq!(judge(4, dead("OLD!").is(&fact::EXECUTABLE)).verdict.reasons, [OUTSIDE_RULE.id]);
        assert_eq!(
            judge(4, piece("old:1", "OLD!")).verdict.reasons,
            [OUTSIDE_RULE.id],
            "somebody reaches it"
        );
    }

    #[test]
    fn old_data_that_is_gone_is_missed_where_no_rule_allows_it() {
        let genuine = store([entry("key:a", "1"), dead("old!")]);
        let image = store([entry("key:a", "1")]);
        let removed = |most| {
            let trial = Trial::of(&genuine).ruled("store:1", keys([key("a", "digits:1")])).remains(most);
            trial.says(&image).contains(&"component/removed store:1/old:1".to_owned())
        };
        assert!(!removed(1) && removed(0));
        // What somebody reaches is missed whatever may lie dead there.
        let keys = keys([key("a", "digits:1"), key("b", "word:1")]);
        let trial = Trial::of(&one("1")).ruled("store:1", keys).remains(9);
        assert!(trial.says(&image).contains(&"component/removed store:1/key:b".to_owned()));
    }

    #[test]
    fn what_may_only_be_erased_is() {
        let trial = Trial::of(&store([fill("x:1", 4)])).ruled("store:1", Mutable::Erased);
        assert_eq!(trial.says(&store([fill("x:1", 4)])), [""; 0]);
        assert_eq!(outside(&trial, &store([piece("x:1", "data")])).as_deref(), Some("the erase value"));
    }

    #[test]
    fn what_an_empty_store_means_the_rule_says() {
        let empty = [fill("store:1", 2)];
        let judge = |when| digits().when_empty(when).judge(&empty);
        for (when, id, tier) in [
            (WhenEmpty::Refuse, EMPTY_REFUSED.id, Tier::Contraindicated),
            (WhenEmpty::Warning, EMPTY.id, Tier::Warning),
        ] {
            let assessment = judge(when);
            assert_eq!((assessment.verdict.tier, &*assessment.verdict.reasons), (tier, &[id.to_owned()][..]));
            assert_eq!(assessment.exceptions.by_rule, 1);
        }
        let default = judge(WhenEmpty::Default);
        assert!(said(&default).contains(&"mutable/empty-by-rule store:1".to_owned()));
        assert_ne!(default.verdict.tier, Tier::Contraindicated);
        // As a partition that is compared as one.
        let (part, erased) = (one("1").map(Piece::component), store([fill("f:0", 2)]).map(Piece::component));
        for (when, exit) in [(WhenEmpty::Refuse, 1), (WhenEmpty::Warning, 7), (WhenEmpty::Default, 0)] {
            let trial = Trial::of(&part).ruled("store:1", keys([key("a", "digits:1")])).when_empty(when);
            assert_eq!(trial.judge(&erased).verdict.exit, exit, "{when:?}");
        }
        // What may only be erased is not asked what it is like when it is empty.
        let erased = Trial::of(&one("1")).ruled("store:1", Mutable::Erased);
        assert!(erased.says(&empty).contains(&"mutable/empty-by-rule store:1".to_owned()));
        assert!(!erased.says(&empty).contains(&"mutable/empty-refused store:1".to_owned()));
        // One that was empty always has nothing to say.
        let always = Trial::of(&empty).ruled("store:1", keys([key("a", "digits:1")]));
        assert_eq!(always.says(&empty), [""; 0]);
        assert!(digits().when_empty(WhenEmpty::Default).says(&one("2")).len() == 1);
    }

    #[test]
    fn what_decides_what_may_start_is_missed_where_a_place_may_only_be_erased() {
        let store = |piece: Piece| [around("store:1", [entry("key:a", "1"), piece])];
        let empty = [fill("store:1", 2)];
        for fact in [&fact::TRUST_ANCHOR, &fact::BOOT_ENTRY, &fact::EXECUTABLE] {
            let erased = Trial::of(&store(entry("key:b", "2").is(fact))).ruled("store:1", Mutable::Erased);
            let told = erased.says(&empty);
            assert!(told.contains(&"component/removed store:1/key:b".to_owned()), "{told:?}");
            // Its neighbours: the maker says what the device takes then, and a setting that decides nothing.
            let default = erased.when_empty(WhenEmpty::Default).says(&empty);
            // What the device takes then no buyer says.
            for rule in [Mutable::Erased, keys([key("a", "digits:1"), key("b", "digits:1")])] {
                let mut buyers =
                    Trial::of(&store(entry("key:b", "2").is(fact))).ruled_by_buyer("store:1", rule);
                buyers.rule.mutable[0].when_empty = WhenEmpty::Default;
                let told = buyers.says(&empty);
                assert!(told.contains(&"component/removed store:1/key:b".to_owned()), "{told:?}");
            }
            assert!(!default.iter().any(|line| line.starts_with("component/removed")), "{default:?}");
        }
        let plain = Trial::of(&store(entry("key:b", "2"))).ruled("store:1", Mutable::Erased).says(&empty);
        assert!(!plain.iter().any(|line| line.starts_with("component/removed")), "{plain:?}");
    }

    #[test]
    fn an_erased_store_in_pieces_is_empty_and_one_with_anything_in_it_is_not() {
        let pieces = |second: Piece| store([piece("mark:0", "m").is(&fact::EMPTY), second]);
        let says = |second| digits().when_empty(WhenEmpty::Default).says(&pieces(second));
        assert_eq!(says(fill("f:1", 1)), ["mutable/empty-by-rule store:1"]);
        let told = says(piece("x:1", "x"));
        assert!(!told.contains(&"mutable/empty-by-rule store:1".to_owned()), "{told:?}");
        let refused = digits().says(&pieces(fill("f:1", 1)));
        assert!(refused.contains(&"mutable/empty-refused store:1".to_owned()), "{refused:?}");
    }

    #[test]
    fn a_rule_holds_for_the_reading_that_the_maker_signed() {
        let genuine = [around("partition:data", [entry("fs:1", "1")])];
        let other = [piece("partition:data", "1")];
        let says = |rule| Trial::of(&genuine).ruled("partition:data", rule).says(&other);
        let told = says(keys([may("a", "digits:1")]));
        assert_eq!(told[0], "mutable/not-recognised partition:data");
        let told = says(Mutable::Any { max_bytes: 9 });
        assert!(!told.iter().any(|line| line.starts_with(NOT_RECOGNISED.id)), "{told:?}");
    }

    #[test]
    fn what_no_device_packs_is_judged_as_anywhere_else() {
        let of = |bytes: &str, content: &str, rewritten: bool| {
            let packed = stream("gz:1", bytes, [entry("key:a", content)]);
            store([if rewritten { packed.rewritten() } else { packed }])
        };
        let trial =
            |rewritten| Trial::of(&of("xx", "1", rewritten)).ruled("store:1", keys([key("a", "digits:1")]));
        let told = trial(false).says(&of("zz", "1", false));
        assert_eq!(told, ["encoding/re-encoded store:1/gz:1"]);
        assert_eq!(outside(&trial(true), &of("zz", "1", true)).as_deref(), Some("a"), "no key of the rule");
    }

    #[test]
    fn a_header_that_only_encodes_follows_what_is_held_to_the_rule() {
        let of = |head: &str, value: &str| store([piece("head:0", head).mask(2), entry("key:a", value)]);
        let trial = Trial::of(&of("11 head", "1")).ruled("store:1", keys([key("a", "digits:1")]));
        assert!(trial.affirms(&of("22 head", "2")));
        assert!(outside(&trial, &of("22 HEAD", "2")).is_some());
        // That of what no device packs is judged with it.
        let packed =
            |head: &str| store([piece("head:0", head).mask(2), stream("gz:1", "xx", [entry("key:a", "1")])]);
        let trial = Trial::of(&packed("11 head")).ruled("store:1", keys([key("a", "digits:1")]));
        assert_eq!(trial.says(&packed("22 head")), ["encoding/header store:1/head:0"]);
    }

    #[test]
    fn a_key_vanishes_where_it_is_optional() {
        let genuine = one("1");
        let image = store([entry("key:b", "x")]);
        let removed = |first: KeyRule| {
            let trial = Trial::of(&genuine).ruled("store:1", keys([first, may("b", "word:1")]));
            trial.says(&image).contains(&"component/removed store:1/key:a".to_owned())
        };
        assert!(removed(key("a", "digits:1")) && !removed(may("a", "digits:1")));
        let of = |rule| Trial::of(&genuine).ruled("store:1", rule);
        assert!(
            !of(Mutable::Any { max_bytes: 9 })
                .says(&image)
                .contains(&"component/removed store:1/key:a".to_owned())
        );
        assert!(of(Mutable::Erased).says(&image).contains(&"component/removed store:1/key:a".to_owned()));
        let both = of(keys([may("a", "digits:1"), may("b", "word:1")])).ruled("store:1", Mutable::Erased);
        assert!(both.says(&image).contains(&"component/removed store:1/key:a".to_owned()), "all must hold");
    }

    #[test]
    fn what_vanishes_is_counted_as_a_setting_unless_it_was_dead_or_erased() {
        let counted = |gone: Piece| {
            let rule = keys([key("a", "digits:1"), may("b", "digits:1")]);
            let trial = Trial::of(&store([entry("key:a", "1"), gone])).ruled("store:1", rule).remains(9);
            let assessment = trial.judge(&store([entry("key:a", "1")]));
            let told = said(&assessment);
            assert!(!told.iter().any(|line| line.starts_with("component/removed")), "{told:?}");
            (assessment.exceptions.by_rule, told.contains(&"mutable/within-rule store:1".to_owned()))
        };
        assert_eq!(counted(entry("key:b", "2")), (1, true));
        assert_eq!(counted(dead("old!")), (0, false));
        assert_eq!(counted(fill("f:1", 4)), (0, false));
    }

    #[test]
    fn what_decides_what_may_start_and_programs_never_vanish() {
        for kept in [&fact::TRUST_ANCHOR, &fact::BOOT_ENTRY, &fact::EXECUTABLE] {
            let genuine = store([entry("key:a", "1").is(kept), entry("key:b", "x")]);
            let image = store([entry("key:b", "x")]);
            for rule in [keys([may("a", "digits:1")]), Mutable::Any { max_bytes: 9 }] {
                let told = Trial::of(&genuine).ruled("store:1", rule).says(&image);
                assert!(told.contains(&"component/removed store:1/key:a".to_owned()), "{}", kept.name);
            }
        }
    }

    /// A file of a root file system: what it holds lies in it.
    fn held(step: &'static str, content: &str) -> Piece {
        stream(step, "blk!", [piece("data:0", content)]).owned("0644", 0)
    }

    fn fs(files: impl AsRef<[Piece]>) -> [Piece; 1] {
        [around("fs:1", files)]
    }

    fn files(rules: impl Into<Vec<FileRule>>) -> Mutable {
        Mutable::DataFiles(rules.into())
    }

    #[test]
    fn a_file_that_nobody_reads_may_hold_anything_up_to_its_size() {
        let of = |content: &str| fs([held("file:log", content), held("file:other", "o")]);
        let trial = Trial::of(&of("1234")).ruled("fs:1", files([file("log", 4)]));
        let assessment = trial.judge(&of("5678"));
        assert_eq!(
            (assessment.verdict.reasons, assessment.exceptions.not_judged),
            (vec![ANY.id.to_owned()], 4)
        );
        assert_eq!(outside(&trial, &of("56789")).as_deref(), Some("at most 4 bytes"));
        let other = fs([held("file:log", "1234"), held("file:other", "x")]);
        assert_eq!(outside(&trial, &other).as_deref(), Some("log"));
    }

    #[test]
    fn a_file_that_decodes_to_several_pieces_is_as_long_as_all_of_them() {
        let of = |first: &str, second: &str| {
            let pieces = [piece("data:0", first), piece("data:1", second)];
            fs([stream("file:log", "blk!", pieces).owned("0644", 0), held("file:other", "o")])
        };
        let trial = Trial::of(&of("12", "34")).ruled("fs:1", files([file("log", 4)]));
        assert_eq!(outside(&trial, &of("56", "78")), None);
        assert_eq!(outside(&trial, &of("567", "890")).as_deref(), Some("at most 4 bytes"));
    }

    /// Blocks in a part that the device writes, which hold a file that may come, go and differ.
    fn blocks(step: &'static str, bytes: &str, content: &str) -> Piece {
        stream(step, bytes, [held("file:log", content)]).rewritten()
    }

    fn part(inside: impl AsRef<[Piece]>) -> [Piece; 1] {
        [around("partition:data", inside)]
    }

    fn logging(genuine: &[Piece]) -> Trial {
        let log = FileRule { optional: true, ..file("log", 9) };
        let mut trial = Trial::of(genuine).ruled("partition:data", files([log]));
        trial.rule.accept_any = accept("partition:data", Some(99), &[]);
        trial
    }

    #[test]
    fn blocks_of_a_device_are_as_good_as_what_they_hold_read_as_the_maker_read_them() {
        let trial = logging(&part([blocks("fs:0", "one!", "1")]));
        assert!(trial.affirms(&part([blocks("fs:0", "two!", "2")])));
        let other = part([blocks("another:0", "two!", "2")]);
        assert_eq!(outside(&trial, &other).as_deref(), Some("the format of the reference"));
        assert_eq!(trial.tier(&other), Tier::Contraindicated);
        let told = part([blocks("fs:0", "two!", "2").with(&fact::UID, 7u8)]);
        assert_eq!(outside(&trial, &told).as_deref(), Some("the attributes of the reference"));
    }

    #[test]
    fn blocks_that_nobody_opened_and_bytes_beside_them_are_no_file_of_the_rule() {
        let of = |head: &str, blocks: Piece| part([piece("super:0", head), blocks]);
        let trial = logging(&of("head", blocks("fs:0", "one!", "1")));
        assert!(trial.affirms(&of("head", blocks("fs:0", "two!", "2"))));
        let beside = of("HEAD", blocks("fs:0", "one!", "1"));
        assert_eq!(outside(&trial, &beside).as_deref(), Some("log"));
        let shut = of("head", piece("fs:0", "two!").content(Content::Encoded).rewritten());
        assert_eq!(outside(&trial, &shut).as_deref(), Some("log"));
    }

    #[test]
    fn in_a_part_that_was_empty_only_what_the_maker_says_a_device_makes_there_is_within_the_rule() {
        let image = part([blocks("fs:0", "two!", "2")]);
        let made = |format: Option<&str>, written| {
            let mut trial = logging(&[fill("partition:data", 4)]).when_empty(WhenEmpty::Default);
            trial = trial.layout("data", (0, 4), written);
            trial.reference.layout[0].format = format.map(str::to_owned);
            outside(&trial, &image)
        };
        assert_eq!(made(Some("fs"), true), None);
        for (format, written) in [(Some("another"), true), (Some("fs"), false), (None, true)] {
            let why = made(format, written);
            assert_eq!(why.as_deref(), Some("the format of the reference"), "{format:?} {written}");
        }
    }

    fn line(step: &'static str) -> Piece {
        piece(step, "line")
    }

    /// Why one that the reference has may not become another.
    fn becomes(before: Piece, after: Piece) -> bool {
        let trial = Trial::of(&fs([before])).ruled("fs:1", files([file("f", 9)]));
        outside(&trial, &fs([after])).is_none()
    }

    #[test]
    fn a_file_may_lose_rights_and_gain_none() {
        let of = |mode: &str, uid| line("file:f").owned(mode, uid);
        for (before, after) in [
            (("0644", 5), ("0600", 5)),
            (("0644", 5), ("0644", 0)),
            (("4755", 5), ("4711", 5)),
            (("4755", 5), ("0755", 0)),
            (("1755", 5), ("1711", 5)),
        ] {
            assert!(becomes(of(before.0, before.1), of(after.0, after.1)), "{before:?} {after:?}");
        }
        for (before, after) in [
            (("0644", 5), ("0664", 5)),
            (("0644", 5), ("0644", 6)),
            (("0644", 5), ("4644", 5)),
            (("4755", 5), ("4755", 0)),
            (("1755", 5), ("0755", 5)),
            (("0644", 5), ("9", 5)),
        ] {
            assert!(!becomes(of(before.0, before.1), of(after.0, after.1)), "{before:?} {after:?}");
        }
        let owned = |uid: u64, gid: u64| {
            let mode = line("file:f").with(&fact::MODE, "0644").with(&fact::XATTRS, "none");
            mode.with(&fact::UID, uid).with(&fact::GID, gid)
        };
        assert!(becomes(owned(5, 5), owned(0, 5)) && becomes(owned(5, 5), owned(5, 0)));
        assert!(!becomes(owned(5, 5), owned(6, 5)) && !becomes(owned(5, 5), owned(5, 6)));
    }

    /// A file handle of five bytes, as short as none that Linux writes, which says so.
    const ORIGIN: &str = "trusted.overlay.origin=00fb050001";

    #[test]
    fn a_file_keeps_its_attributes_but_for_what_an_overlay_notes() {
        let of = |xattrs: &str| {
            let mode = line("file:f").with(&fact::MODE, "0644").with(&fact::XATTRS, xattrs);
            mode.with(&fact::UID, 0u8).with(&fact::GID, 0u8)
        };
        assert!(becomes(of("none"), of(ORIGIN)) && becomes(of("none"), of("trusted.overlay.origin=")));
        assert!(becomes(of("user.a=1"), of("user.a=1 trusted.overlay.impure=79")));
        for after in [
            "security.capability=1",
            "trusted.overlay.opaque=79",
            "user.a=1",
            "trusted.overlay.impure=7979",
            "trusted.overlay.origin=ab",
            "trusted.overlay.origin=00fb050001ff",
            "trusted.overlay.origin=00fb06000001ffff",
        ] {
            assert!(!becomes(of("none"), of(after)), "{after}");
        }
        // The longest handle that Linux writes, and one that is longer, which could carry anything.
        let handle =
            |length: usize| format!("trusted.overlay.origin=00fb{length:02x}{}", "00".repeat(length - 3));
        assert!(becomes(of("none"), of(&handle(149))) && !becomes(of("none"), of(&handle(150))));
        assert!(!becomes(of("user.a=1"), of("none")));
        assert!(!becomes(of("none"), of("none").with(&fact::DEVICE, "1:2")));
        assert!(becomes(of("none").with(&fact::MODIFIED, 1u8), of("none").with(&fact::MODIFIED, 2u8)));
    }

    #[test]
    fn a_new_file_is_roots_lets_nobody_else_write_and_lends_no_rights() {
        let may_come = |new: Piece| {
            let trial = Trial::of(&fs([line("file:base").owned("0644", 0)]));
            let trial = trial.ruled("fs:1", files([file("f", 9)]));
            outside(&trial, &fs([line("file:base").owned("0644", 0), new])).is_none()
        };
        let of = |mode: &str, uid: u64, gid: u64, xattrs: &str| {
            let new = line("file:f").with(&fact::MODE, mode).with(&fact::XATTRS, xattrs);
            new.with(&fact::UID, uid).with(&fact::GID, gid)
        };
        assert!(may_come(of("0755", 0, 0, "none")));
        assert!(may_come(of("0600", 0, 0, ORIGIN)));
        for refused in [
            of("0664", 0, 0, "none"),
            of("0646", 0, 0, "none"),
            of("4755", 0, 0, "none"),
            of("2755", 0, 0, "none"),
            of("1755", 0, 0, "none"),
            of("no", 0, 0, "none"),
            of("0644", 1, 0, "none"),
            of("0644", 0, 1, "none"),
            of("0644", 0, 0, "user.a=1"),
            of("0644", 0, 0, "none").with(&fact::HARD_LINK, "x"),
            of("0644", 0, 0, "none").with(&fact::LINKS, 2u8),
            line("file:f"),
        ] {
            assert!(!may_come(refused.clone()), "{refused:?}");
        }
    }

    /// A settings file with these pieces.
    fn settings(pieces: impl AsRef<[Piece]>) -> [Piece; 1] {
        fs([stream("file:conf", "blk!", pieces).owned("0644", 0)])
    }

    fn conf(keys: impl Into<Vec<KeyRule>>) -> FileRule {
        FileRule { format: Some(Settings::Ini), keys: keys.into(), ..file("conf", 99) }
    }

    fn setting(step: &'static str, value: &str) -> Piece {
        entry(step, value).kind(role::SETTING)
    }

    #[test]
    fn a_setting_keeps_to_the_grammar_of_its_key() {
        let of = |value: &str| settings([setting("setting:a", value), setting("setting:b", "x")]);
        let trial = Trial::of(&of("1")).ruled("fs:1", files([conf([key("a", "digits:1"), may("c", "mac")])]));
        assert_eq!(outside(&trial, &of("2")), None);
        assert_eq!(outside(&trial, &of("y")).as_deref(), Some("digits:1"));
        let other = settings([setting("setting:a", "1"), setting("setting:b", "y")]);
        assert_eq!(outside(&trial, &other).as_deref(), Some("a, c"));
        let new = |value: &str, sort: Option<&str>| {
            let new = setting("setting:c", value);
            let new = sort.into_iter().fold(new, |new, sort| new.with(&fact::SORT, sort));
            settings([setting("setting:a", "1"), setting("setting:b", "x"), new])
        };
        assert_eq!(outside(&trial, &new("00:11:22:33:44:55", None)), None);
        assert_eq!(outside(&trial, &new("00:11:22:33:44:55", Some("list"))).as_deref(), Some("one value"));
    }

    #[test]
    fn a_setting_that_says_the_same_in_other_signs_has_not_changed_unless_it_is_one_of_a_list() {
        let of = |bytes: &str, sort: Option<&str>| {
            let one = piece("setting:a", bytes).kind(role::SETTING).with(&fact::VALUE, "same");
            settings([sort.into_iter().fold(one, |one, sort| one.with(&fact::SORT, sort))])
        };
        let trial = |sort| Trial::of(&of("a = same", sort)).ruled("fs:1", files([conf([may("z", "mac")])]));
        assert_eq!(outside(&trial(None), &of("a=same", None)), None);
        assert_eq!(outside(&trial(Some("list")), &of("a=same", Some("list"))).as_deref(), Some("z"));
    }

    #[test]
    fn what_a_stream_decodes_to_is_counted_once_inside() {
        let of =
            |blocks, value| fs([stream("file:conf", blocks, [setting("setting:a", value)]).owned("0644", 0)]);
        let trial = Trial::of(&of("blk1", "1")).ruled("fs:1", files([conf([key("a", "digits:1")])]));
        let within = trial.judge(&of("blk2", "2"));
        assert_eq!(said(&within), ["mutable/within-rule fs:1"]);
        assert_eq!((&*within.findings[0].args["bytes"], within.exceptions.by_rule), ("1", 1));
        // A file that holds nothing is counted with its own line.
        let empty = |mode| fs([line("file:conf").owned(mode, 0)]);
        let trial = Trial::of(&empty("0644")).ruled("fs:1", files([conf([])]));
        assert_eq!(trial.judge(&empty("0600")).exceptions.by_rule, 1);
    }

    #[test]
    fn a_person_is_told_twelve_of_the_names_that_a_rule_has_and_that_there_are_more() {
        let told = |many: usize| some_of(["a"].into_iter().cycle().take(many));
        assert_eq!(told(1), "a");
        assert_eq!(told(12), ["a"; 12].join(", "));
        assert_eq!(told(13), format!("{}, …", told(12)));
        assert_eq!(told(14), told(13));
    }

    #[test]
    fn between_settings_blanks_are_nothing_comments_are_judged_by_nobody_and_the_rest_is_refused() {
        let of = |kind, bytes: &str| settings([setting("setting:a", "1"), piece("rest:0", bytes).kind(kind)]);
        let judge = |kind| {
            let trial = Trial::of(&of(kind, "1")).ruled("fs:1", files([conf([key("a", "digits:1")])]));
            let assessment = trial.judge(&of(kind, "2"));
            (assessment.verdict.reasons, assessment.exceptions.not_judged)
        };
        assert_eq!(judge(role::SETTING_BLANK), (Vec::new(), 0));
        assert_eq!(judge(role::SETTING_COMMENT), (vec![ANY.id.to_owned()], 1));
        for refused in [role::SETTING_SYNTAX, "data"] {
            assert_eq!(judge(refused).0, [OUTSIDE_RULE.id]);
        }
    }

    #[test]
    fn a_directory_may_change_where_it_leads_to_a_file_of_the_rule() {
        let of = |name, mode: &str| fs([around(name, [piece("entry:self", "line").owned(mode, 0)])]);
        let refused = |name, mode| {
            let trial = Trial::of(&of(name, "0755")).ruled("fs:1", files([file("etc/conf", 9)]));
            outside(&trial, &of(name, mode)).is_some()
        };
        assert!(!refused("dir:etc", "0700") && refused("dir:etc", "0777") && refused("dir:usr", "0700"));
        let links = |target: &str| fs([piece("link:conf", target)]);
        let trial = Trial::of(&links("a")).ruled("fs:1", files([file("conf", 9)]));
        assert_eq!(outside(&trial, &links("b")).as_deref(), Some("conf"), "a link is no file");
        let unused = |bytes: &str| fs([piece("entry:7", bytes)]);
        let trial = Trial::of(&unused("a")).ruled("fs:1", files([file("conf", 9)]));
        assert_eq!(outside(&trial, &unused("b")).as_deref(), Some("conf"));
    }

    #[test]
    fn a_file_vanishes_as_a_whole_where_it_is_optional() {
        let genuine = fs([held("file:log", "1234"), held("file:other", "o")]);
        let removed = |rule: FileRule, image: &[Piece]| {
            let told = Trial::of(&genuine).ruled("fs:1", files([rule])).says(image);
            told.into_iter().filter(|line| line.starts_with("component/removed")).collect::<Vec<_>>()
        };
        let optional = || FileRule { optional: true, ..file("log", 9) };
        let gone = fs([held("file:other", "o")]);
        assert_eq!(removed(optional(), &gone), [""; 0]);
        assert_ne!(removed(file("log", 9), &gone), [""; 0]);
        let other = fs([held("file:log", "1234")]);
        assert_ne!(removed(optional(), &other), [""; 0]);
        // What nobody judges may be anything, as long as the file is there.
        let emptied = fs([
            stream("file:log", "blk!", [piece("more:0", "12")]).owned("0644", 0),
            held("file:other", "o"),
        ]);
        assert_eq!(removed(file("log", 9), &emptied), [""; 0]);
    }

    #[test]
    fn what_a_file_held_is_missed_with_it() {
        let genuine = fs([held("file:log", "1234"), held("file:other", "o")]);
        let trial = Trial::of(&genuine).ruled("fs:1", files([file("log", 9)]));
        let assessment = trial.judge(&fs([held("file:other", "o")]));
        let told = said(&assessment);
        for missed in ["fs:1/file:log", "fs:1/file:log/decoded:content/data:0"] {
            assert!(told.contains(&format!("component/removed {missed}")), "{told:?}");
        }
        assert_eq!((assessment.missing_bytes, assessment.exceptions.by_rule), (4, 0));
    }

    #[test]
    fn a_plain_directory_vanishes_where_it_leads_to_an_optional_file() {
        let removed = |xattrs: &str, rule: FileRule| {
            let own = line("entry:self").with(&fact::MODE, "0755").with(&fact::XATTRS, xattrs);
            let genuine = fs([around("dir:etc", [own]), held("file:other", "o")]);
            let told = Trial::of(&genuine).ruled("fs:1", files([rule])).says(&fs([held("file:other", "o")]));
            told.contains(&"component/removed fs:1/dir:etc/entry:self".to_owned())
        };
        let may = |name| FileRule { optional: true, ..file(name, 9) };
        assert!(!removed("none", may("etc/conf")));
        // An opaque one hides what lies below.
        assert!(removed("trusted.overlay.opaque=79", may("etc/conf")));
        assert!(removed("none", file("etc/conf", 9)), "the file must be there");
        assert!(removed("none", may("var/conf")), "it leads elsewhere");
    }

    #[test]
    fn of_a_settings_file_optional_keys_blanks_and_comments_vanish() {
        let (blank, comment) = (
            piece("blank:0", "  ").kind(role::SETTING_BLANK),
            piece("comment:0", "# so").kind(role::SETTING_COMMENT),
        );
        let genuine = settings([setting("setting:a", "1"), setting("setting:b", "2"), blank, comment]);
        let removed = |second: KeyRule| {
            let rule = files([conf([key("a", "digits:1"), second])]);
            let told = Trial::of(&genuine).ruled("fs:1", rule).says(&settings([setting("setting:a", "1")]));
            told.into_iter().filter(|line| line.starts_with("component/removed")).collect::<Vec<_>>()
        };
        assert_eq!(removed(may("b", "digits:1")), [""; 0]);
        assert_eq!(
            removed(key("b", "digits:1")),
            ["component/removed fs:1/file:conf/decoded:content/setting:b"]
        );
    }

    #[test]
    fn without_a_rule_all_of_it_is_a_difference() {
        let told = Trial::of(&one("1")).judge(&one("2"));
        assert_eq!(told.verdict.reasons, [MODIFIED.id]);
    }
}
