//! Mutable rules: a place may differ from device to device, and only so far (RULES 12).

use kiwame_image::{Content, Region, Value};
use kiwame_trust::manifest::{Grammar, KeyRule, Mutable, MutableRule};

use crate::checks::Check;
use crate::{Case, Finding, Match};

/// Holds every region under a rule to it. A region that equals the reference needs no rule.
#[derive(Debug)]
pub(crate) struct MutableRules;

impl Check for MutableRules {
    fn name(&self) -> &'static str {
        "mutable"
    }

    fn run(&self, case: &mut Case<'_>) {
        for rule in &case.manifest.mutable {
            let mut changed = 0_u64;
            for region in changed_under(case, rule) {
                match keeps(case, rule, region) {
                    Ok(()) => {
                        changed = changed.saturating_add(region.span.length);
                        case.matches.insert(region.id, Match::Mutable);
                    }
                    Err(finding) => {
                        case.matches.insert(region.id, Match::Mutable);
                        case.findings.push(*finding);
                    }
                }
            }
            if changed > 0 {
                total(case, rule, changed);
            }
        }
    }
}

fn changed_under<'a>(case: &Case<'a>, rule: &MutableRule) -> Vec<&'a Region> {
    let under = |region: &&Region| case.manifest.mutable_rule(case.tree.path(region.id)) == Some(rule);
    let changed = |region: &&Region| !matches!(case.matches.get(&region.id), Some(Match::Bytes(_)));
    case.measured().filter(under).filter(changed).filter(|region| region.content != Content::Fill).collect()
}

fn keeps(case: &Case<'_>, rule: &MutableRule, region: &Region) -> Result<(), Box<Finding>> {
    let outside = |why: &str| {
        let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
        Err(Box::new(case.about("mutable/outside-rule", region).compared(why.to_owned(), digest)))
    };
    if region.attribute("trust-anchor") == Some(&Value::Flag(true))
        || region.attribute("boot-entry") == Some(&Value::Flag(true))
    {
        return Err(Box::new(case.about("mutable/trust-anchor", region)));
    }
    if region.attribute("executable") == Some(&Value::Flag(true)) {
        return outside("nothing that can execute");
    }
    match &rule.rule {
        Mutable::Erased => outside("the erase value"),
        Mutable::Any { .. } => Ok(()),
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
    let value = region.attribute("value").map(Value::display).unwrap_or_default();
    let length = region.attribute("data-size").map_or(region.span.length, |size| match size {
        Value::Uint(size) => *size,
        Value::Text(_) | Value::Bytes(_) | Value::Flag(_) => u64::MAX,
    });
    let count = u64::try_from(value.chars().count()).unwrap_or(u64::MAX);
    let (keeps, grammar) = match &key.value {
        Grammar::Bytes(most) => (length <= *most, format!("at most {most} bytes")),
        Grammar::Exactly(hex) => (value == *hex, hex.clone()),
        Grammar::Digits(most) => (
            count > 0 && count <= *most && value.bytes().all(|byte| byte.is_ascii_digit()),
            format!("at most {most} digits"),
        ),
        Grammar::Word(most) => {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._+@:-".contains(&byte);
            (
                count > 0 && count <= *most && value.bytes().all(plain),
                format!("a word of at most {most} characters"),
            )
        }
    };
    if keeps { Ok(()) } else { Err(grammar) }
}

/// What the first screen prints, and the cap of `any`, which the buyer must have named too.
fn total(case: &mut Case<'_>, rule: &MutableRule, changed: u64) {
    let at = |finding: Finding| {
        finding.at(&rule.path, "image", kiwame_image::Span::new(0, changed)).arg("bytes", changed)
    };
    if let Mutable::Any { max_bytes } = rule.rule {
        let accepted = case.rule.accept_any.iter().any(|accept| {
            kiwame_trust::manifest::path_within(&rule.path, &accept.path) && changed <= accept.max_bytes
        });
        if changed > max_bytes {
            let finding = at(Finding::new("mutable/outside-rule"));
            case.findings
                .push(finding.compared(format!("at most {max_bytes} bytes"), format!("{changed} bytes")));
        } else if !accepted {
            case.findings.push(at(Finding::new("mutable/any")));
        }
    }
    case.findings.push(at(Finding::new("mutable/within-rule")));
}
