//! Pairs regions with reference values, and says which component was modified, added, removed, duplicated.

use std::collections::BTreeSet;

use kiwame_image::{Content, Region, RegionId};
use kiwame_trust::json::Json;
use kiwame_trust::manifest::{ReferenceRegion, path_within};

use crate::checks::Check;
use crate::reference::is_fill;
use crate::{Case, Match};

/// Pairs by path; among equals by digest first, the same place before another, then in order.
#[derive(Debug)]
pub(crate) struct Pairing;

impl Check for Pairing {
    fn name(&self) -> &'static str {
        "pairing"
    }

    fn run(&self, case: &mut Case<'_>) {
        // Sorted once, and then read side by side: there are thousands, and their paths begin alike.
        let mut wanted: Vec<_> = (0..).zip(&case.reference.regions).collect();
        wanted.sort_by(|(_, one), (_, other)| one.path.cmp(&other.path));
        let mut actual: Vec<_> = case.measured().map(|region| (case.tree.path(region.id), region)).collect();
        actual.sort_by_key(|(path, _)| *path);

        let mut wanted = wanted.chunk_by(|(_, one), (_, other)| one.path == other.path).peekable();
        for alike in actual.chunk_by(|(one, _), (other, _)| one == other) {
            let path = alike.first().map_or("", |(path, _)| path);
            let mut left = Vec::new();
            while let Some(reference) = wanted.next_if(|reference| path_of(reference) <= path) {
                let numbers = reference.iter().map(|(number, _)| *number);
                if path_of(reference) == path {
                    left.extend(numbers);
                } else {
                    case.unmatched.extend(numbers);
                }
            }
            let mut regions: Vec<_> = alike.iter().map(|(_, region)| *region).collect();
            take(case, &mut regions, &mut left, same_place, Match::Bytes);
            take(case, &mut regions, &mut left, same_bytes, Match::Bytes);
            take(case, &mut regions, &mut left, |_, _| true, Match::Differs);
            for region in regions {
                case.matches.insert(region.id, Match::Nothing);
            }
            case.unmatched.extend(left);
        }
        case.unmatched.extend(wanted.flatten().map(|(number, _)| *number));
        case.unmatched.sort_unstable();
    }
}

/// The path of reference values that have the same.
fn path_of<'a>(alike: &[(usize, &'a ReferenceRegion)]) -> &'a str {
    alike.first().map_or("", |(_, region)| &region.path)
}

fn same_bytes(region: &Region, wanted: &ReferenceRegion) -> bool {
    region.sha256.as_ref() == Some(&wanted.sha256) && region.span.length == wanted.span.length
}

fn same_place(region: &Region, wanted: &ReferenceRegion) -> bool {
    same_bytes(region, wanted) && region.span == wanted.span
}

fn take(
    case: &mut Case<'_>,
    regions: &mut Vec<&Region>,
    left: &mut Vec<usize>,
    equal: impl Fn(&Region, &ReferenceRegion) -> bool,
    outcome: impl Fn(usize) -> Match,
) {
    regions.retain(|region| {
        let fits = |index: &usize| case.wanted(*index).is_some_and(|wanted| equal(region, wanted));
        let Some(at) = left.iter().position(fits) else { return true };
        let index = left.remove(at);
        case.matches.insert(region.id, outcome(index));
        false
    });
}

/// Reports what is left over when rules and re-encoding have had their say.
#[derive(Debug)]
pub(crate) struct Differences;

impl Check for Differences {
    fn name(&self) -> &'static str {
        "differences"
    }

    fn run(&self, case: &mut Case<'_>) {
        // Streams last, the innermost first: one that differs is explained by what has been found inside it.
        let (streams, others): (Vec<_>, Vec<_>) =
            case.measured().partition(|region| region.content == Content::Encoded);
        let inhabited = around_added(case);
        for region in others.into_iter().chain(streams.into_iter().rev()) {
            match case.matches.get(&region.id).copied() {
                Some(Match::Bytes(index) | Match::Content(index)) => attributes(case, region, index),
                Some(Match::Differs(index)) => differs(case, region, index),
                Some(Match::Nothing) if is_frame(region, &inhabited) => {}
                Some(Match::Nothing) => added(case, region),
                Some(Match::Mutable) | None => {}
            }
        }
        let unopened = unopened(case);
        for index in case.unmatched.clone() {
            let Some(wanted) = case.wanted(index) else { continue };
            let shut = unopened.iter().any(|stream| below(&wanted.path, stream));
            if !shut {
                let finding = case.about_wanted("component/removed", wanted);
                case.report(finding.compared(wanted.sha256.hex(), None));
            }
        }
    }
}

/// Facts beside the bytes. One that the manifest does not list is *could not tell*, not *any* (RULES 10); one that
/// only the manifest has is a difference.
fn attributes(case: &mut Case<'_>, region: &Region, index: usize) {
    let Some(wanted) = case.wanted(index) else { return };
    let facts = crate::reference::attributes(case.tree, region);
    let excused = |name: &str| {
        let rule = || case.manifest.mutable_rule(case.tree.path(region.id));
        VOLATILE.contains(&name) && rule().is_some_and(super::mutable::lets_files_differ)
    };
    let excused: Vec<_> = facts.keys().filter(|name| excused(name)).cloned().collect();
    let mut differing = false;
    for (name, actual) in facts.iter().filter(|(name, _)| !excused.contains(name)) {
        let finding = match wanted.attributes.get(name) {
            Some(expected) if expected == actual => continue,
            Some(expected) => case
                .about("component/attributes", region)
                .compared(shown(expected), shown(actual))
                .arg("attribute", name),
            None => case.about("component/attribute-unlisted", region).arg("attribute", name),
        };
        differing = true;
        case.report(finding);
    }
    // Behind a limit facts are not missing, they cannot be seen.
    let seen = case.tree.limits_hit().is_empty();
    for (name, expected) in wanted.attributes.iter().filter(|(name, _)| seen && !facts.contains_key(*name)) {
        differing = true;
        let finding = case.about("component/attributes", region).compared(shown(expected), None);
        case.report(finding.arg("attribute", name));
    }
    if wanted.kind != region.kind {
        differing = true;
        let finding = case.about("component/attributes", region).arg("attribute", "kind");
        case.report(finding.compared(wanted.kind.clone(), region.kind.to_owned()));
    }
    if differing {
        // Its bytes are equal, and it is another thing all the same.
        case.outside.insert(region.id);
    }
}

/// A fact as people read it.
fn shown(fact: &Json) -> String {
    match fact {
        Json::Text(text) => text.clone(),
        Json::Uint(number) => number.to_string(),
        Json::Flag(flag) => flag.to_string(),
        Json::Null | Json::List(_) | Json::Map(_) => format!("{fact:?}"),
    }
}

fn differs(case: &mut Case<'_>, region: &Region, index: usize) {
    let Some(wanted) = case.wanted(index) else { return };
    let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
    let compared = |finding: crate::Finding| finding.compared(wanted.sha256.hex(), digest.clone());
    let was_fill = is_fill(wanted);
    let id = match (region.content, was_fill) {
        _ if case.limited.contains(&region.id) => return,
        // Erased space that is erased still; its size is the business of `encoding`.
        (Content::Fill, true) if region.is_leaf() => return,
        (Content::Fill, false) if region.is_leaf() => "component/erased",
        (_, true) => "fill/not-erased",
        (Content::Encoded, _) if region.encodes.is_some() => return stream_differs(case, region),
        _ if region.encodes.is_none() && case.encodes(&wanted.path) => {
            let count =
                case.reference.regions.iter().filter(|other| below(&other.path, &wanted.path)).count();
            let finding = compared(case.about("encoding/undecodable", region)).arg("count", count);
            return case.report(finding);
        }
        _ if follows_a_stream(case, region, index) => return,
        _ => "component/modified",
    };
    let finding = compared(case.about(id, region));
    case.report(finding);
}

/// A stream whose content differs says so by the components inside. Should none of them have anything to say, the
/// stream itself has.
fn stream_differs(case: &mut Case<'_>, region: &Region) {
    let path = stream_path(case, region);
    let inside = |id: &RegionId| below(case.tree.path(*id), path);
    let differs = |outcome: &Match| matches!(outcome, Match::Differs(_) | Match::Nothing);
    let elsewhere = |(id, outcome): (&RegionId, &Match)| {
        let Match::Bytes(index) = outcome else { return false };
        let place = case.tree.region(*id).map(|region| region.span);
        inside(id) && case.wanted(*index).map(|wanted| wanted.span) != place
    };
    let explained = case
        .findings
        .iter()
        .any(|finding| finding.effect() == crate::Effect::Refuted && below(&finding.path, path))
        || case.matches.iter().any(|(id, outcome)| differs(outcome) && inside(id))
        || case.matches.iter().any(elsewhere)
        || case
            .unmatched
            .iter()
            .filter_map(|&index| case.wanted(index))
            .any(|wanted| below(&wanted.path, path))
        || case.limited.iter().any(inside);
    if !explained {
        let finding = case.about("component/modified", region);
        case.report(finding);
    }
}

/// The path below which everything lies that a stream decodes to: its own, or that of the first leaf of a stream of
/// several.
pub(super) fn stream_path<'a>(case: &Case<'a>, stream: &Region) -> &'a str {
    stream.encodes.map_or_else(|| case.tree.path(stream.id), |space| case.tree.space_path(space))
}

/// True for a header that differs only in fields that encode, around a stream that differs or was not opened: the
/// stream carries the finding.
fn follows_a_stream(case: &Case<'_>, region: &Region, index: usize) -> bool {
    let equal = region.masked.is_some()
        && region.masked == case.wanted(index).and_then(|wanted| wanted.masked.clone());
    equal && region.parent.is_some_and(|around| super::encoding::holds_changed_stream(case, around))
}

/// Regions with a component in them that was added.
fn around_added(case: &Case<'_>) -> BTreeSet<RegionId> {
    let added = case.measured().filter(|region| region.component && region.content != Content::Fill);
    let added = added.filter(|region| case.matches.get(&region.id) == Some(&Match::Nothing));
    added.filter_map(|region| region.parent).collect()
}

/// True for what only holds a component that was added, such as the tag that ends a node: the component speaks for it.
/// What is not understood always speaks for itself.
fn is_frame(region: &Region, inhabited: &BTreeSet<RegionId>) -> bool {
    let plain = !region.component && region.is_leaf() && region.content == Content::Parsed;
    plain && region.parent.is_some_and(|around| inhabited.contains(&around))
}

fn added(case: &mut Case<'_>, region: &Region) {
    if region.content == Content::Fill && region.is_leaf() {
        return;
    }
    if case.reference.coverage == kiwame_trust::manifest::Coverage::Partial {
        return; // `coverage` speaks of it.
    }
    let path = case.tree.path(region.id);
    if below_differing_stream_without_reference(case, region) {
        return;
    }
    let id = if case.lists(path) { "component/duplicated" } else { "component/added" };
    let finding = case.about(id, region);
    let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex);
    case.report(finding.compared(None, digest));
}

/// True when the stream that `region` comes out of is itself an added one: one finding is enough.
fn below_differing_stream_without_reference(case: &Case<'_>, region: &Region) -> bool {
    let outer = case.tree.space(region.space).and_then(|space| space.encoder);
    outer.is_some_and(|stream| case.matches.get(&stream) == Some(&Match::Nothing))
}

/// Paths of the streams that a limit or a decoder kept shut: what the reference has in them is not missing, it
/// cannot be seen.
fn unopened<'a>(case: &Case<'a>) -> Vec<&'a str> {
    let shut = |(id, outcome): (&RegionId, &Match)| {
        let region = case.tree.region(*id)?;
        let path = case.tree.path(*id);
        let differs = matches!(outcome, Match::Differs(_)) && region.is_leaf() && region.encodes.is_none();
        (differs && case.encodes(path)).then_some(path)
    };
    case.matches.iter().filter_map(shut).chain(case.limited.iter().map(|id| case.tree.path(*id))).collect()
}

/// Facts that change whenever a file is written, and that a rule which lets files differ lets differ too.
const VOLATILE: &[&str] = &["modified"];

pub(super) fn below(path: &str, scope: &str) -> bool {
    path != scope && path_within(path, scope)
}
