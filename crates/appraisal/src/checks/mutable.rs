//! Mutable rules: a place may differ from device to device, and only so far (RULES 12).
//!
//! No rule lets differ what decides what may start: what a format calls a `trust-anchor` or a `boot-entry`, whatever
//! lies in one, and programs at any depth.

use std::collections::BTreeMap;

use kiwame_image::{Content, Region, Value};
use kiwame_trust::json::Json;
use kiwame_trust::manifest::{Grammar, KeyRule, Mutable, MutableRule, ReferenceRegion, path_within};

use crate::checks::Check;
use crate::{Case, Finding, Match, json_of};

/// Holds every region under a rule to it, and what is missing there. A region that equals the reference needs no
/// rule.
#[derive(Debug)]
pub(crate) struct MutableRules;

impl Check for MutableRules {
    fn name(&self) -> &'static str {
        "mutable"
    }

    fn run(&self, case: &mut Case<'_>) {
        let manifest = case.manifest;
        let kept = Kept {
            protection: Known::of(case, "attributes"),
            xattrs: Known::of(case, "xattrs"),
            mode: Known::of(case, "mode"),
            owner: [Known::of(case, "uid"), Known::of(case, "gid")],
        };
        let mut allowance = Allowance::of(case);
        for rule in &manifest.mutable {
            let mut changed = removed_under(case, rule);
            for region in changed_under(case, rule) {
                let before = case.matches.insert(region.id, Match::Mutable);
                if follows(case, region, before) {
                    continue;
                }
                match keeps(case, rule, region, &kept) {
                    // What a stream decodes to is counted once, as the stream.
                    Ok(()) if inside_counted(case, rule, region) => {}
                    Ok(()) => changed = changed.saturating_add(region.span.length),
                    Err(finding) => {
                        case.outside.insert(region.id);
                        case.report(*finding);
                    }
                }
            }
            if changed > 0 {
                total(case, rule, changed, &mut allowance);
            }
        }
    }
}

/// Facts that no rule lets differ.
struct Kept<'a> {
    /// Who may read and write a variable, and when.
    protection: Known<'a>,
    /// Extended attributes. One of overlayfs hides or redirects what lies below (RULES 6), others give rights.
    xattrs: Known<'a>,
    /// Who may do what with a file. A directory of an overlay lends its own to the one below.
    mode: Known<'a>,
    owner: [Known<'a>; 2],
}

/// What the reference says of one fact of each entry under a rule.
struct Known<'a> {
    name: &'static str,
    values: BTreeMap<&'a str, Vec<Option<&'a Json>>>,
}

impl<'a> Known<'a> {
    fn of(case: &Case<'a>, name: &'static str) -> Self {
        let mut values: BTreeMap<_, Vec<_>> = BTreeMap::new();
        if !case.manifest.mutable.is_empty() {
            for region in &case.reference.regions {
                values.entry(region.path.as_str()).or_default().push(region.attributes.get(name));
            }
        }
        Self { name, values }
    }

    /// True when the fact is as one of that path has it in the reference; `None` for an entry that the reference does
    /// not have.
    fn agrees(&self, path: &str, region: &Region) -> Option<bool> {
        let actual = region.attribute(self.name).map(json_of);
        self.values.get(path).map(|known| known.contains(&actual.as_ref()))
    }
}

fn changed_under<'a>(case: &Case<'a>, rule: &MutableRule) -> Vec<&'a Region> {
    let under = |region: &&Region| case.manifest.mutable_rule(case.tree.path(region.id)) == Some(rule);
    let changed = |region: &&Region| !matches!(case.matches.get(&region.id), Some(Match::Bytes(_)));
    case.measured().filter(under).filter(changed).filter(|region| region.content != Content::Fill).collect()
}

/// True for a header that differs in a checksum or a length only, and whose facts are those of the reference: it follows
/// what it speaks of, and that is held to the rule. A checksum that is wrong is a defect of its own; one that is right
/// under another size or byte order is another reading.
fn follows(case: &Case<'_>, region: &Region, before: Option<Match>) -> bool {
    let Some(Match::Differs(index)) = before else { return false };
    let equal = |wanted: &ReferenceRegion| {
        wanted.masked == region.masked && wanted.attributes == crate::reference::attributes(case.tree, region)
    };
    region.masked.is_some() && case.wanted(index).is_some_and(equal)
}

fn inside_counted(case: &Case<'_>, rule: &MutableRule, region: &Region) -> bool {
    let encoder = case.tree.space(region.space).and_then(|space| space.encoder);
    encoder.is_some_and(|encoder| case.manifest.mutable_rule(case.tree.path(encoder)) == Some(rule))
}

/// True for a rule under which files come and go.
pub(super) fn lets_files_differ(rule: &MutableRule) -> bool {
    matches!(rule.rule, Mutable::DataFiles { .. } | Mutable::Any { .. })
}

/// Takes what the rule lets vanish off the list of what is missing, and says how many bytes that is.
fn removed_under(case: &mut Case<'_>, rule: &MutableRule) -> u64 {
    let mut bytes = 0_u64;
    let missing = core::mem::take(&mut case.unmatched);
    case.unmatched = missing
        .into_iter()
        .filter(|&index| {
            let Some(wanted) = case.wanted(index) else { return true };
            let excused = case.manifest.mutable_rule(&wanted.path) == Some(rule) && may_vanish(rule, wanted);
            if excused && !crate::reference::is_fill(wanted) {
                bytes = bytes.saturating_add(wanted.span.length);
            }
            !excused
        })
        .collect();
    bytes
}

fn may_vanish(rule: &MutableRule, wanted: &ReferenceRegion) -> bool {
    let flag = |name: &&str| wanted.attributes.get(*name) == Some(&Json::Flag(true));
    if crate::reference::is_fill(wanted) {
        return true;
    }
    if GUARDED.iter().any(flag) || wanted.is_executable() {
        return false;
    }
    let last = kiwame_image::segments(&wanted.path).last().and_then(|segment| segment.split_once(':'));
    let is = |name: &str| last.is_some_and(|(_, key)| key == kiwame_image::escape_key(name.as_bytes()));
    match &rule.rule {
        Mutable::Erased => false,
        Mutable::Any { .. } => true,
        Mutable::Keys(keys) => keys.iter().any(|key| is(&key.name)),
        Mutable::Fields(names) => names.iter().any(|name| is(name)),
        Mutable::DataFiles { names, .. } => match InFiles::of(&wanted.path) {
            // Blocks; what they held is listed.
            InFiles::Nowhere => true,
            InFiles::Unused => true,
            InFiles::Directory(path) => names.iter().any(|name| leads_to(&path, &escaped(name))),
            InFiles::File(path) => names.iter().any(|name| escaped(name) == path),
            InFiles::Other => false,
        },
    }
}

/// Where a path lies in a file system.
#[derive(Debug, PartialEq, Eq)]
enum InFiles {
    /// In none.
    Nowhere,
    /// It is a directory, with these names from the root on.
    Directory(String),
    /// It is a file of these names, or what the file holds.
    File(String),
    /// It is what the file system keeps and no file uses.
    Unused,
    /// A link, a device, a whiteout, a pipe.
    Other,
}

impl InFiles {
    fn of(path: &str) -> Self {
        let mut names = String::new();
        let mut inside = false;
        for segment in kiwame_image::segments(path) {
            let (format, key) = segment.split_once(':').unwrap_or((segment, ""));
            match format {
                "dir" => names = names + key + "/",
                "file" => return Self::File(names + key),
                "entry" if key == "self" => return Self::Directory(names),
                "entry" => return Self::Unused,
                "link" | "device" | "whiteout" | "fifo" | "socket" => return Self::Other,
                _ => continue,
            }
            inside = true;
        }
        if inside { Self::Directory(names) } else { Self::Nowhere }
    }
}

/// A path of a rule, as the keys of segments are written.
fn escaped(path: &str) -> String {
    let names = path.split('/').map(|name| kiwame_image::escape_key(name.as_bytes()));
    names.collect::<Vec<_>>().join("/")
}

/// True when a file of that path lies in that directory, which ends with a slash; the root is empty.
fn leads_to(directory: &str, file: &str) -> bool {
    file.starts_with(directory)
}

/// Facts of what decides what may start.
const GUARDED: [&str; 2] = ["trust-anchor", "boot-entry"];

fn keeps(case: &Case<'_>, rule: &MutableRule, region: &Region, kept: &Kept<'_>) -> Result<(), Box<Finding>> {
    let outside = |why: &str| {
        let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
        Err(Box::new(case.about("mutable/outside-rule", region).compared(why.to_owned(), digest)))
    };
    let around = || core::iter::once(region).chain(case.tree.ancestors(region.id));
    let is = |region: &Region, name: &str| region.attribute(name) == Some(&Value::Flag(true));
    if around().any(|region| GUARDED.iter().any(|name| is(region, name))) {
        return Err(Box::new(case.about("mutable/trust-anchor", region)));
    }
    if around().any(|region| is(region, "executable")) || crate::reference::holds_program(case.tree, region) {
        return outside("nothing that can execute");
    }
    match &rule.rule {
        Mutable::Erased => outside("the erase value"),
        Mutable::Any { .. } => Ok(()),
        // An entry that the reference does not have is held to its grammar only.
        Mutable::Keys(_) if kept.protection.agrees(case.tree.path(region.id), region) == Some(false) => {
            outside("the attributes of the reference")
        }
        Mutable::Keys(keys) => key_rule(keys, region).map_or_else(|why| outside(&why), Ok),
        Mutable::Fields(names) if names.iter().any(|name| region.segment.key == name.as_bytes()) => Ok(()),
        Mutable::Fields(names) => outside(&names.join(", ")),
        Mutable::DataFiles { .. } if !has_xattrs_of(case, region, kept) => {
            outside("the extended attributes of the reference, or none")
        }
        Mutable::DataFiles { .. } if opens_to_others(case, region, kept) => {
            outside("the mode and owner of the reference, or ones that let nobody else write")
        }
        Mutable::DataFiles { names, max_bytes } => {
            let kept = match InFiles::of(case.tree.path(region.id)) {
                // Blocks are as good as what they decode to, and each of that is held to the rule.
                InFiles::Nowhere => region.content == Content::Encoded && region.encodes.is_some(),
                InFiles::Unused => in_cap(case, region, *max_bytes),
                InFiles::Directory(path) => names.iter().any(|name| leads_to(&path, &escaped(name))),
                InFiles::File(path) => {
                    names.iter().any(|name| escaped(name) == path) && in_cap(case, region, *max_bytes)
                }
                InFiles::Other => false,
            };
            if kept { Ok(()) } else { outside(&names.join(", ")) }
        }
    }
}

fn has_xattrs_of(case: &Case<'_>, region: &Region, kept: &Kept<'_>) -> bool {
    let none = region.attribute("xattrs").is_none_or(|xattrs| *xattrs == Value::from("none"));
    none || kept.xattrs.agrees(case.tree.path(region.id), region) == Some(true)
}

/// True for an entry that others than root may write, or that lends rights, and that the reference does not have so.
fn opens_to_others(case: &Case<'_>, region: &Region, kept: &Kept<'_>) -> bool {
    let path = case.tree.path(region.id);
    let Some(Value::Text(mode)) = region.attribute("mode") else { return false };
    // What no number can be read from is open.
    let open = u32::from_str_radix(mode, 8).map_or(true, |mode| mode & 0o7022 != 0);
    let owned = |known: &Known<'_>| {
        region.attribute(known.name) == Some(&Value::Uint(0)) || known.agrees(path, region) == Some(true)
    };
    let lends = matches!(InFiles::of(path), InFiles::Directory(_)) && !kept.owner.iter().all(owned);
    lends || open && kept.mode.agrees(path, region) != Some(true)
}

/// True when a region, and the file that it is part of, are no longer than the rule allows.
fn in_cap(case: &Case<'_>, region: &Region, most: u64) -> bool {
    let space = case
        .tree
        .space(region.space)
        .filter(|space| InFiles::of(case.tree.path(space.root)) != InFiles::Nowhere);
    region.span.length.max(space.map_or(0, |space| space.size)) <= most
}

/// The key of the region's own segment must be listed, and its value keep to the grammar.
fn key_rule(keys: &[KeyRule], region: &Region) -> Result<(), String> {
    let key = keys.iter().find(|key| region.segment.key == key.name.as_bytes());
    let key = key.ok_or_else(|| keys.iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(", "))?;
    let value = region.attribute("value").map(|value| match value {
        Value::Bytes(bytes) => bytes.clone(),
        Value::Uint(_) | Value::Text(_) | Value::Flag(_) => value.display().into_bytes(),
    });
    let length = region.attribute("data-size").map_or(region.span.length, |size| match size {
        Value::Uint(size) => *size,
        Value::Text(_) | Value::Bytes(_) | Value::Flag(_) => u64::MAX,
    });
    // A value that the format does not state is too long for any grammar but that of a length.
    let text = |most: u64, allowed: fn(u8) -> bool| {
        value.as_deref().map(|value| value.strip_suffix(&[0]).unwrap_or(value)).is_some_and(|text| {
            !text.is_empty() && kiwame_image::len64(text) <= most && text.iter().all(|&byte| allowed(byte))
        })
    };
    let (keeps, grammar) = match &key.value {
        Grammar::Bytes(most) => (length <= *most, format!("at most {most} bytes")),
        Grammar::Exactly(hex) => {
            let actual = value.clone().map(|value| Value::Bytes(value).display());
            (actual.as_ref() == Some(hex), hex.clone())
        }
        Grammar::Digits(most) => {
            (text(*most, |byte| byte.is_ascii_digit()), format!("at most {most} digits"))
        }
        Grammar::Word(most) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+@:-".contains(&byte);
            (text(*most, plain), format!("a word of at most {most} characters"))
        }
    };
    if keeps { Ok(()) } else { Err(grammar) }
}

/// How many bytes each entry of the policy's `accept-any` has left. Many rules of a manifest draw on one entry.
struct Allowance<'a>(Vec<(&'a str, u64)>);

impl<'a> Allowance<'a> {
    fn of(case: &Case<'a>) -> Self {
        Self(case.rule.accept_any.iter().map(|accept| (accept.path.as_str(), accept.max_bytes)).collect())
    }

    fn take(&mut self, path: &str, bytes: u64) -> bool {
        let mut named = self.0.iter_mut().filter(|(scope, _)| path_within(path, scope));
        let enough = named.find_map(|(_, left)| left.checked_sub(bytes).map(|rest| (left, rest)));
        enough.map(|(left, rest)| *left = rest).is_some()
    }
}

/// What the first screen prints, and the cap of `any`, which the buyer must have named too.
fn total(case: &mut Case<'_>, rule: &MutableRule, changed: u64, allowance: &mut Allowance<'_>) {
    let supplier = case.supplier(&rule.path);
    let at = |finding: Finding| {
        let mut finding = finding.at(&rule.path, "image", kiwame_image::Span::new(0, changed));
        finding.supplier = supplier.clone();
        finding.arg("bytes", changed)
    };
    if let Mutable::Any { max_bytes } = rule.rule {
        if changed > max_bytes {
            let finding = at(Finding::new("mutable/outside-rule"));
            case.report(finding.compared(format!("at most {max_bytes} bytes"), format!("{changed} bytes")));
        } else if !allowance.take(&rule.path, changed) {
            case.report(at(Finding::new("mutable/any")));
        }
    }
    case.report(at(Finding::new("mutable/within-rule")));
}
