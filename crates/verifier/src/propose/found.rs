//! What was found in an image, for people: where it lies, and who may answer for it.

use kiwame_image::{Content, Region, RegionId, SpaceId, Tree, fact};
use kiwame_report::escape_line;

/// True where more was found than bytes.
pub(super) fn is_recognised(tree: &Tree) -> bool {
    !["raw", "fill"].contains(&tree.format())
        || tree.regions().any(|region| region.segment.format == "found" || region.kind == "uefi-volume")
}

/// The setting that a unit's serial number may be: the first whose name says so.
pub(super) fn serial(tree: &Tree) -> Option<String> {
    let named = |region: &&Region| {
        let name = region.segment.key.to_ascii_lowercase();
        let says = name.windows(6).any(|window| window == b"serial");
        // A line of a script has its whole text as its name.
        says && region.fact(&fact::VALUE).is_some() && region.segment.format != "line"
    };
    tree.regions().find(named).map(|region| tree.path_of(region.id))
}

/// The top-level regions, pieces of one format that follow each other as one.
pub(super) fn lines(tree: &Tree) -> Vec<String> {
    let mut runs: Vec<(&Region, u64, usize)> = Vec::new();
    for region in tops(tree) {
        match runs.last_mut() {
            Some((first, end, count)) if is_one(first, region) && *end == region.span.offset => {
                *end = region.span.end();
                *count = count.saturating_add(1);
            }
            _ => runs.push((region, region.span.end(), 1)),
        }
    }
    runs.into_iter().map(|(first, end, count)| line(tree, first, end, count)).collect()
}

/// The regions of the image itself that lie directly in it, and those in what lies behind an image that has an end.
fn tops(tree: &Tree) -> Vec<&Region> {
    let mut tops: Vec<&Region> = Vec::new();
    let mut stack: Vec<&Region> = tree.region(RegionId::ROOT).into_iter().collect();
    while let Some(region) = stack.pop() {
        let around = region.id == RegionId::ROOT || region.kind.ends_with("-behind") && !region.is_leaf();
        if around {
            stack.extend(region.children.iter().rev().filter_map(|&id| tree.region(id)));
        } else if region.space == SpaceId::IMAGE && !region.span.is_empty() {
            tops.push(region);
        }
    }
    tops
}

/// True for pieces of one thing: a file system in blocks, the fields of a header.
fn is_one(first: &Region, next: &Region) -> bool {
    let is_place = |region: &Region| region.component || PLACES.contains(&region.kind);
    first.segment.format == next.segment.format && !is_place(first) && !is_place(next)
}

fn line(tree: &Tree, first: &Region, end: u64, count: usize) -> String {
    let length = end.saturating_sub(first.span.offset);
    let what =
        if count > 1 { format!("{}, {count} pieces", first.segment.format) } else { what(tree, first) };
    let line = format!("{:#010x} + {length:#010x}  {what}", first.span.offset);
    escape_line(&line)
}

/// Its path, its name, and what lies in it.
fn what(tree: &Tree, region: &Region) -> String {
    let mut what = tree.path_of(region.id);
    if let Some(name) = region.name.as_deref().filter(|name| name.as_bytes() != &*region.segment.key) {
        what.push_str(&format!(" \"{}\"", kiwame_report::escape_inside(name)));
    }
    let inside = inside(tree, region);
    match region.content {
        Content::Fill if region.is_leaf() => what.push_str(", erased"),
        Content::Unknown if region.is_leaf() => what.push_str(", not understood"),
        _ if inside.is_empty() => {}
        _ => what.push_str(&format!(": {}", inside.join(", "))),
    }
    what
}

/// The formats that the pieces of a region belong to, each once.
fn inside(tree: &Tree, region: &Region) -> Vec<&'static str> {
    let mut formats: Vec<&str> = Vec::new();
    for child in region.children.iter().filter_map(|&id| tree.region(id)) {
        let format = match (child.is_leaf(), child.content) {
            (true, Content::Fill) => "erased",
            (true, Content::Unknown) => "not understood",
            _ => child.segment.format,
        };
        if !formats.contains(&format) && formats.len() < FORMATS {
            formats.push(format);
        }
    }
    if formats.len() > 1 {
        formats.retain(|format| *format != "erased");
    }
    formats
}

/// Places in which other people's code may sit, with what the image says they are. Of many updates of microcode that lie side
/// by side the first ones.
pub(super) fn suppliers(tree: &Tree) -> Vec<(String, String)> {
    let mut places: Vec<(String, String)> = Vec::new();
    let mut updates: Vec<Option<RegionId>> = Vec::new();
    for region in
        tree.regions().filter(|region| region.space == SpaceId::IMAGE && is_of_somebody(tree, region))
    {
        if places.len() >= SUPPLIERS {
            break;
        }
        if region.kind.ends_with("microcode") {
            if updates.iter().filter(|parent| **parent == region.parent).count() >= UPDATES {
                continue;
            }
            updates.push(region.parent);
        }
        let inside = inside(tree, region);
        // Not twice what the path says.
        let name = region.name.as_deref().filter(|name| name.as_bytes() != &*region.segment.key);
        let named = name.map(|name| format!("{}, ", kiwame_report::escape_inside(name)));
        let what = if inside.is_empty() { region.kind.to_owned() } else { inside.join(", ") };
        let what = format!("{}{what}", named.unwrap_or_default());
        let path = tree.path_of(region.id);
        if !places.iter().any(|(other, _)| *other == path) {
            places.push((path, escape_line(&what)));
        }
    }
    places
}

/// A part of the image that is delivered as one: what lies in one such part is its maker's, unless it is microcode, a kernel or
/// a file system of its own.
fn is_of_somebody(tree: &Tree, region: &Region) -> bool {
    let erased = region.is_leaf() && region.content == Content::Fill;
    let empty = !region.is_leaf()
        && region
            .children
            .iter()
            .filter_map(|&id| tree.region(id))
            .all(|child| child.is_leaf() && child.content == Content::Fill);
    let top = region.parent == Some(RegionId::ROOT);
    let delivered = match region.kind {
        "microcode" | "amd-microcode" | "uboot-fit-data" | "uimage-content" => true,
        "squashfs-files" => !tree.ancestors(region.id).any(|above| above.kind == "partition"),
        "partition" | "intel-region" => top && region.name.as_deref() != Some("descriptor"),
        "uefi-volume" => !tree.ancestors(region.id).any(|above| above.kind == "uefi-volume"),
        _ => false,
    };
    delivered && !erased && !empty && region.id != RegionId::ROOT
}

/// Kinds of regions that people speak of by themselves.
const PLACES: [&str; 3] = ["uefi-volume", "intel-region", "partition"];
/// So many formats are named of one region.
const FORMATS: usize = 4;
/// So many updates of one container are.
const UPDATES: usize = 2;
/// So many places are proposed.
const SUPPLIERS: usize = 16;
