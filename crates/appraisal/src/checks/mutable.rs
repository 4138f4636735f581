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
        let protection = Protection::of(case);
        let mut allowance = Allowance::of(case);
        for rule in &manifest.mutable {
            let mut changed = removed_under(case, rule);
            for region in changed_under(case, rule) {
                case.matches.insert(region.id, Match::Mutable);
                match keeps(case, rule, region, &protection) {
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

/// What the reference says of the attributes of each entry under a rule: who may read and write it, and when.
struct Protection<'a>(BTreeMap<&'a str, Vec<Option<&'a Json>>>);

impl<'a> Protection<'a> {
    const NAME: &'static str = "attributes";

    fn of(case: &Case<'a>) -> Self {
        let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
        if !case.manifest.mutable.is_empty() {
            for region in &case.reference.regions {
                known.entry(region.path.as_str()).or_default().push(region.attributes.get(Self::NAME));
            }
        }
        Self(known)
    }

    /// True when the entry is protected as one of its name is in the reference; an entry that the reference does
    /// not have is held to its grammar only.
    fn keeps(&self, path: &str, region: &Region) -> bool {
        let actual = region.attribute(Self::NAME).map(json_of);
        self.0.get(path).is_none_or(|known| known.contains(&actual.as_ref()))
    }
}

fn changed_under<'a>(case: &Case<'a>, rule: &MutableRule) -> Vec<&'a Region> {
    let under = |region: &&Region| case.manifest.mutable_rule(case.tree.path(region.id)) == Some(rule);
    let changed = |region: &&Region| !matches!(case.matches.get(&region.id), Some(Match::Bytes(_)));
    case.measured().filter(under).filter(changed).filter(|region| region.content != Content::Fill).collect()
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
        Mutable::Fields(names) | Mutable::DataFiles { names, .. } => names.iter().any(|name| is(name)),
    }
}

/// Facts of what decides what may start.
const GUARDED: [&str; 2] = ["trust-anchor", "boot-entry"];

fn keeps(
    case: &Case<'_>,
    rule: &MutableRule,
    region: &Region,
    protection: &Protection<'_>,
) -> Result<(), Box<Finding>> {
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
        Mutable::Keys(_) if !protection.keeps(case.tree.path(region.id), region) => {
            outside("the attributes of the reference")
        }
        Mutable::Keys(keys) => key_rule(keys, region).map_or_else(|why| outside(&why), Ok),
        Mutable::Fields(names) if names.iter().any(|name| region.segment.key == name.as_bytes()) => Ok(()),
        Mutable::Fields(names) => outside(&names.join(", ")),
        Mutable::DataFiles { names, max_bytes } => {
            let named = names.iter().any(|name| region.segment.key == name.as_bytes());
            if named && region.span.length <= *max_bytes { Ok(()) } else { outside(&names.join(", ")) }
        }
    }
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
    let at = |finding: Finding| {
        finding.at(&rule.path, "image", kiwame_image::Span::new(0, changed)).arg("bytes", changed)
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
