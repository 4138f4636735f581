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

/// The measured regions with which a defect is recorded: those around it, or the first one in a container: its header, or
/// the first thing that it holds.
pub(crate) fn recording(tree: &Tree, at: RegionId) -> Vec<RegionId> {
    let around = tree.region(at).into_iter().chain(tree.ancestors(at));
    let mut regions: Vec<_> = around.filter(|region| region.measured).map(|region| region.id).collect();
    let mut first = core::iter::successors(tree.region(at).filter(|region| !region.is_leaf()), |region| {
        region.children.first().and_then(|&child| tree.region(child))
    });
    regions.extend(first.find(|inner| inner.measured && inner.id != at).map(|inner| inner.id));
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

/// The first region, in any space, that can execute, that decides what may start or who may log in, or that something was packed
/// into: a program may lie anywhere in that.
#[must_use]
pub fn first_that_decides(tree: &Tree) -> Option<&Region> {
    let decides =
        |region: &&Region| region.is(&fact::EXECUTABLE) || is_guarded(region) || region.encodes.is_some();
    tree.regions().find(decides)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Piece, around, fill, piece, stream, tree};

    fn of(image: &[Piece]) -> Vec<ReferenceRegion> {
        reference_regions(&tree(image), &[])
    }

    fn region<'t>(tree: &'t Tree, path: &str) -> &'t Region {
        tree.regions().find(|region| tree.path(region.id) == path).expect(path)
    }

    #[test]
    fn facts_that_only_encode_are_not_signed() {
        static LENGTH: Fact = Fact::encoding("length");
        let [region] = &of(&[piece("a:1", "one!").with(&LENGTH, 4u8).with(&fact::MODE, "0644")])[..] else {
            panic!("one region")
        };
        assert_eq!(region.attributes.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["mode"]);
        assert_eq!((&*region.path, &*region.kind, region.order), ("a:1", "a", None));
    }

    #[test]
    fn what_is_erased_dead_or_holds_a_program_is_signed_so() {
        let program = around("box:1", [piece("p:1", "run!").is(&fact::EXECUTABLE), piece("q:1", "rest")]);
        let image = [
            fill("fill:0", 4),
            piece("old:1", "old!").remains(),
            program.component(),
            around("box:2", [piece("q:1", "rest"), piece("q:2", "more")]).component(),
            around("gone:1", [piece("q:1", "rest")]).remains(),
            piece("x:1", "x"),
        ];
        let names: Vec<Vec<_>> = of(&image)
            .iter()
            .map(|region| region.attributes.iter().map(|(name, _)| name.to_owned()).collect())
            .collect();
        let expected: [&[&str]; 6] = [&["fill"], &["remains"], &["executable"], &[], &["remains"], &[]];
        assert_eq!(names, expected);
    }

    #[test]
    fn a_region_is_a_program_by_itself_by_what_is_around_it_and_by_what_lies_in_it() {
        let inside = || [piece("a:1", "code"), piece("b:2", "data")];
        let image = tree(&[
            around("pe:1", inside()).is(&fact::EXECUTABLE),
            around("box:1", [piece("p:1", "run!").is(&fact::EXECUTABLE)]),
            stream("file:f", "xx", inside()).is(&fact::EXECUTABLE),
            stream("gz:1", "xx", inside()).is(&fact::EXECUTABLE),
            piece("plain:1", "data"),
        ]);
        let at = |path| region(&image, path);
        for (path, program, run) in [
            ("pe:1", true, true),
            ("pe:1/a:1", true, true),
            ("box:1", true, true),
            ("file:f", true, true),
            ("file:f/decoded:content/a:1", false, true),
            ("gz:1/decoded:content/a:1", false, false),
            ("plain:1", false, false),
        ] {
            assert_eq!((is_program(&image, at(path)), runs(&image, at(path))), (program, run), "{path}");
        }
        assert!(holds_program(&image, at("box:1")) && !holds_program(&image, at("pe:1/a:1")));
    }

    #[test]
    fn what_guards_is_dead_or_was_found_passes_that_on_to_what_lies_in_it() {
        let inside = || [stream("gz:1", "xx", [piece("a:1", "data")])];
        let image = tree(&[
            around("key:1", inside()).is(&fact::TRUST_ANCHOR),
            around("old:1", inside()).remains(),
            around("found:1", inside()).searched(),
            around("box:1", inside()),
        ]);
        for (outer, expected) in [
            ("key:1", [true, false, false]),
            ("old:1", [false, true, false]),
            ("found:1", [false, false, true]),
            ("box:1", [false, false, false]),
        ] {
            for path in [outer.to_owned(), format!("{outer}/gz:1/decoded:content/a:1")] {
                let at = region(&image, &path);
                let told = [decides(&image, at), is_remains(&image, at), is_searched(&image, at)];
                assert_eq!(told, expected, "{path}");
            }
        }
        assert!(is_guarded(region(&image, "key:1")) && !is_guarded(region(&image, "key:1/gz:1")));
    }

    #[test]
    fn a_space_is_signed_only_where_the_path_does_not_say_it() {
        let image = [piece("a:1", "x"), stream("gz:1", "xx", [piece("b:2", "data")])];
        let spaces: Vec<_> = of(&image).into_iter().map(|region| region.other_space).collect();
        assert_eq!(spaces, [None, None, None]);
        let inner = &of(&image)[2];
        assert_eq!((&*inner.path, inner.space()), ("gz:1/decoded:content/b:2", "gz:1"));
    }

    #[test]
    fn a_region_is_called_by_its_own_name_or_that_of_the_component_around_it() {
        let image = tree(&[
            around("box:1", [piece("a:1", "one!"), piece("b:2", "two!").name("own")])
                .component()
                .name("outer"),
            around("box:2", [piece("a:1", "one!")]).name("no component"),
        ]);
        let name = |path| display_name(&image, region(&image, path));
        assert_eq!(name("box:1/a:1").as_deref(), Some("outer"));
        assert_eq!(name("box:1/b:2").as_deref(), Some("own"));
        assert_eq!(name("box:2/a:1"), None);
    }

    #[test]
    fn the_longest_path_names_who_answers_and_one_without_a_path_answers_for_the_rest() {
        let image = tree(&[around("box:1", [piece("a:1", "x"), piece("b:2", "y")]), piece("c:3", "z")]);
        let answers = |suppliers: &[(&str, &str)]| {
            let suppliers: Vec<_> =
                suppliers.iter().map(|(path, name)| ((*path).to_owned(), (*name).to_owned())).collect();
            let regions = reference_regions(&image, &suppliers);
            regions.into_iter().map(|region| region.supplier.unwrap_or_default()).collect::<Vec<_>>()
        };
        assert_eq!(answers(&[("box:1", "B"), ("/box:1/a:1/", "A"), ("", "all")]), ["A", "B", "all"]);
        assert_eq!(answers(&[("box", "B")]), ["", "", ""]);
    }

    #[test]
    fn a_defect_is_recorded_with_what_lies_around_it_and_with_the_first_leaf_of_a_container() {
        static ODD: kiwame_image::DefectKind = kiwame_image::DefectKind::odd("toy/odd");
        let inside = || [piece("a:1", "one!"), piece("b:2", "two!")];
        let recorded =
            |image: &[Piece]| of(image).iter().map(|region| region.defects.len()).collect::<Vec<_>>();
        assert_eq!(recorded(&[around("box:1", inside()).defect(&ODD, 1)]), [1, 0]);
        assert_eq!(recorded(&[around("box:1", inside()).component().defect(&ODD, 1)]), [1]);
        let [first, second] = inside();
        assert_eq!(recorded(&[first, second.defect(&ODD, 1)]), [0, 1]);
        // Of a container the first thing may be one value in turn.
        let held = [around("box:1", inside()).component(), piece("c:3", "more")];
        assert_eq!(recorded(&[around("outer:1", held).defect(&ODD, 1)]), [1, 0]);
        let known = &of(&[piece("a:1", "one!").defect(&ODD, 7)])[0].defects[0];
        assert_eq!((&*known.id, &*known.found, &*known.expected), ("toy/odd", "0x7", "0x0"));
    }

    #[test]
    fn an_image_holds_files_when_one_of_them_opens() {
        assert!(holds_files(&tree(&[stream("file:f", "xx", [piece("a:1", "x")])])));
        assert!(!holds_files(&tree(&[piece("file:f", "line")])));
        assert!(!holds_files(&tree(&[stream("gz:1", "xx", [piece("a:1", "x")])])));
    }

    #[test]
    fn facts_are_shown_as_people_read_them() {
        let facts = [Json::Text("a".into()), Json::Uint(16), Json::Flag(true), Json::Null];
        assert_eq!(facts.each_ref().map(shown), ["a", "16", "true", "Null"]);
    }

    #[test]
    fn streams_around_a_value_are_given_from_the_inside() {
        let regions = of(&[stream("gz:1", "xx", [stream("xz:1", "yy", [piece("a:1", "x")])])]);
        let find = |path: &str| regions.iter().find(|region| region.path == path);
        let around = |path| -> Vec<_> {
            streams_around(find(path).unwrap(), find).map(|region| region.path.as_str()).collect()
        };
        let deep = "gz:1/decoded:content/xz:1/decoded:content/a:1";
        assert_eq!(around(deep), ["gz:1/decoded:content/xz:1", "gz:1"]);
        assert_eq!(around("gz:1"), [""; 0]);
        // A manifest that says that something lies in itself leads nowhere.
        let mut within = regions[0].clone();
        within.other_space = Some(within.path.clone());
        assert_eq!(
            streams_around(&within, |path| (path == within.path).then_some(&within)).take(9).count(),
            0
        );
    }
}
