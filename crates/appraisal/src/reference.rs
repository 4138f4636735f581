//! From a tree to the reference values a maker signs.

use std::collections::BTreeMap;

use kiwame_image::{
    Arrange as _, Content, Defect, Fact, Gather as _, Region, RegionId, Role, Tree, fact, segments,
};
use kiwame_trust::Facts;
use kiwame_trust::json::Json;
use kiwame_trust::manifest::{KnownDefect, Method, ReferenceRegion};

use crate::case::{beginnings, json_of};

/// The measured regions of a tree as reference values. They tile every space, since every leaf is covered by
/// exactly one measured region. `suppliers` gives path and name; the longest path wins.
#[must_use]
pub fn reference_regions(tree: &Tree, suppliers: &[(String, String)]) -> Vec<ReferenceRegion> {
    let scopes: BTreeMap<_, _> = suppliers
        .iter()
        .map(|(scope, name)| (segments(scope).collect::<Vec<_>>().join("/"), name))
        .into_map();
    let mut recorded: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for defect in tree.defects() {
        for region in recording(tree, defect.region) {
            recorded.entry(region).or_default().push(defect);
        }
    }
    tree.regions().filter_map(|region| reference(tree, region, &scopes, &recorded)).collect()
}

/// The reference values around one, from the inside: the streams in whose content it lies. `find` gives the one at a path.
pub(crate) fn streams_around<'r>(
    wanted: &'r ReferenceRegion,
    find: impl Fn(&str) -> Option<&'r ReferenceRegion>,
) -> impl Iterator<Item = &'r ReferenceRegion> {
    // Each step leads to a shorter path, whatever a manifest says.
    let outer = move |region: &&'r ReferenceRegion| {
        find(region.space()).filter(|outer| outer.path.len() < region.path.len())
    };
    core::iter::successors(outer(&wanted), outer)
}

/// The measured regions with which a defect is recorded: those around it, or the first leaf of a container, which is its
/// header.
pub(crate) fn recording(tree: &Tree, at: RegionId) -> Vec<RegionId> {
    let around = tree.region(at).into_iter().chain(tree.ancestors(at));
    let mut regions: Vec<_> = around.filter(|region| region.measured).map(|region| region.id).collect();
    let first = core::iter::successors(tree.region(at).filter(|region| !region.is_leaf()), |region| {
        region.children.first().and_then(|&child| tree.region(child))
    });
    regions.extend(first.last().filter(|leaf| leaf.is_leaf() && leaf.measured).map(|leaf| leaf.id));
    regions
}

fn reference(
    tree: &Tree,
    region: &Region,
    suppliers: &BTreeMap<String, &String>,
    recorded: &BTreeMap<RegionId, Vec<&Defect>>,
) -> Option<ReferenceRegion> {
    let sha256 = region.sha256.clone().filter(|_| region.measured)?;
    let path = tree.path(region.id);
    let everything = suppliers.get("");
    let answers = beginnings(path).rev().find_map(|scope| suppliers.get(scope)).or(everything);
    let mut defects: Vec<_> =
        recorded.get(&region.id).into_iter().flatten().map(|defect| known(defect)).collect();
    defects.arrange();
    defects.dedup();
    Some(ReferenceRegion {
        path: path.to_owned(),
        other_space: Some(tree.space_path(region.space))
            .filter(|space| *space != kiwame_image::space_of(path))
            .map(str::to_owned),
        span: region.span,
        kind: region.kind.to_owned(),
        name: display_name(tree, region),
        sha256,
        masked: region.masked.as_deref().cloned(),
        normal: region.normal.as_deref().cloned(),
        method: if region.fact(&fact::PIECED).is_some() { Method::Pieces } else { Method::Bytes },
        attributes: attributes(tree, region),
        order: region.order.map(u64::from),
        supplier: answers.map(|name| (*name).clone()),
        defects,
    })
}

/// A defect as the maker signs it.
pub(crate) fn known(defect: &Defect) -> KnownDefect {
    KnownDefect {
        id: defect.kind.id.to_owned(),
        field: defect.field.to_owned(),
        offset: defect.offset,
        found: defect.found.display(),
        expected: defect.expected.display(),
    }
}

/// What the maker signs of a region's facts: all but those that only encode, and that a program lies below, since
/// what lies below a measured region is not listed.
pub(crate) fn attributes(tree: &Tree, region: &Region) -> Facts {
    let facts = region.attributes.iter().filter(|attribute| !attribute.fact.encoding);
    let facts = facts.map(|attribute| (attribute.fact.name, json_of(&attribute.value)));
    let fill =
        (region.is_leaf() && region.content == Content::Fill).then_some((fact::FILL.name, Json::Flag(true)));
    let program = (!region.is_leaf() && holds_program(tree, region))
        .then_some((fact::EXECUTABLE.name, Json::Flag(true)));
    let remains = is_remains(tree, region).then_some((fact::REMAINS.name, Json::Flag(true)));
    program.into_iter().chain(facts).chain(fill).chain(remains).collect()
}

/// True when a region can execute, is a piece of what can, or has one below it in the same space. What a stream decodes to
/// is listed by itself.
pub(crate) fn is_program(tree: &Tree, region: &Region) -> bool {
    let around = tree.ancestors(region.id).take_while(|above| above.space == region.space);
    let mut around = around.filter(|above| above.is(&fact::EXECUTABLE));
    around.next().is_some() || holds_program(tree, region)
}

/// True for what can run, or lies in it.
pub(crate) fn runs(tree: &Tree, region: &Region) -> bool {
    let file = |above: &Region| above.role() == Some(Role::File) && above.is(&fact::EXECUTABLE);
    is_program(tree, region) || tree.ancestors(region.id).any(file)
}

/// True for what decides what may start or who may log in, or lies in it.
pub(crate) fn decides(tree: &Tree, region: &Region) -> bool {
    let mut around = core::iter::once(region).chain(tree.ancestors(region.id));
    around.any(is_guarded)
}

/// True when a file system with files lies in the image.
#[must_use]
pub fn holds_files(tree: &Tree) -> bool {
    tree.regions().any(|region| region.role() == Some(Role::File) && region.encodes.is_some())
}

/// True for what decides by itself what may start or who may log in.
pub(crate) fn is_guarded(region: &Region) -> bool {
    GUARDED.iter().any(|fact| region.is(fact))
}

/// Facts of what decides what may start.
pub(crate) static GUARDED: [&Fact; 2] = [&fact::TRUST_ANCHOR, &fact::BOOT_ENTRY];

/// A fact as people read it.
pub(crate) fn shown(fact: &Json) -> String {
    match fact {
        Json::Text(text) => text.clone(),
        Json::Uint(number) => number.to_string(),
        Json::Flag(flag) => flag.to_string(),
        Json::Null | Json::List(_) | Json::Map(_) => format!("{fact:?}"),
    }
}

/// True when a region can execute, or one below it in the same space.
pub(crate) fn holds_program(tree: &Tree, region: &Region) -> bool {
    let mut stack = vec![region];
    while let Some(region) = stack.pop() {
        if region.is(&fact::EXECUTABLE) {
            return true;
        }
        stack.extend(region.children.iter().filter_map(|&id| tree.region(id)));
    }
    false
}

/// True when nothing reaches a region, or what it is decoded from, any more.
pub(crate) fn is_remains(tree: &Tree, region: &Region) -> bool {
    region.remains || tree.ancestors(region.id).any(|above| above.remains)
}

/// True when a region was found by searching, or what it lies in, or what it is decoded from.
pub(crate) fn is_searched(tree: &Tree, region: &Region) -> bool {
    region.searched || tree.ancestors(region.id).any(|above| above.searched)
}

/// True when the maker says that nothing reaches the region any more.
pub(crate) fn was_remains(wanted: &ReferenceRegion) -> bool {
    wanted.attributes.is(&fact::REMAINS)
}

/// True when the maker says that the region is erased.
pub(crate) fn is_fill(wanted: &ReferenceRegion) -> bool {
    wanted.attributes.is(&fact::FILL)
}

/// The name of a region, or of the nearest component around it.
pub(crate) fn display_name(tree: &Tree, region: &Region) -> Option<String> {
    let around = || tree.ancestors(region.id).find(|above| above.component)?.name.as_deref();
    region.name.as_deref().or_else(around).map(str::to_owned)
}
