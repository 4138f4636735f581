//! Prints what we list of many images, one line of JSON each, for comparing with what a kernel lists.
//!
//!     listing FORMAT < paths, one a line
//!
//! `entries` has for every path its facts, `content` the SHA-256 of a file. `ambiguous` are the defects that keep an image
//! from being affirmed, `normal` is the digest of the normal form, `leaves` the digests of what lies outside the listing.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};

use kiwame_image::{Digest, Limits, Memory, Options, Region, Tree, Value};
use serde_json::{Value as Json, json};

const KINDS: [&str; 7] = ["dir", "file", "link", "device", "whiteout", "fifo", "socket"];

fn main() -> std::io::Result<()> {
    let name = std::env::args().nth(1).unwrap_or_default();
    let format = kiwame_formats::named(&name).ok_or_else(|| std::io::Error::other("which format?"))?;
    let options = Options { normal: true, spaces: true, ..kiwame_formats::options() };
    let mut out = std::io::stdout().lock();
    for path in std::io::stdin().lock().lines() {
        let path = path?;
        let bytes = std::fs::read(&path)?;
        let size = bytes.len() as u64;
        let tree = kiwame_image::parse(&Memory::new([bytes]), 0, size, format, &Limits::default(), &options)
            .map_err(|error| std::io::Error::other(format!("{error:?}")))?;
        writeln!(out, "{}", line(&path, &tree))?;
        out.flush()?;
    }
    Ok(())
}

fn line(path: &str, tree: &Tree) -> Json {
    let mut entries = serde_json::Map::new();
    let mut leaves = Vec::new();
    for region in tree.regions() {
        match path_of(tree, region) {
            Some(path) => {
                entries.insert(path, entry(tree, region));
            }
            None if region.is_leaf() && !inside(tree, region) => {
                leaves.push(json!([
                    tree.path(region.id),
                    digest(region.sha256.as_ref()),
                    content(tree, region)
                ]));
            }
            None => {}
        }
    }
    let (ambiguous, plain): (Vec<_>, Vec<_>) =
        tree.defects().iter().partition(|defect| defect.kind.ambiguous);
    let shown = |list: Vec<&kiwame_image::Defect>| -> Vec<String> {
        list.iter()
            .map(|d| format!("{} {} @{:#x}: {:?} {:?}", d.kind.id, d.field, d.offset, d.found, d.expected))
            .collect()
    };
    let normal: BTreeMap<_, _> = tree
        .regions()
        .filter_map(|region| Some((tree.path(region.id).to_owned(), region.normal.as_ref()?.sha256.hex())))
        .collect();
    json!({
        "image": path,
        "entries": entries,
        "leaves": leaves,
        "ambiguous": shown(ambiguous),
        "defects": shown(plain),
        "limits": tree.limits_hit().len(),
        "normal": normal,
    })
}

/// The path in the file system, its names escaped as keys are, when the region is an entry of the outermost one.
fn path_of(tree: &Tree, region: &Region) -> Option<String> {
    let key = |region: &Region| -> String { kiwame_image::escape_key(&region.segment.key).to_string() };
    let kind = region.segment.to_string();
    let own = kind.split(':').next().unwrap_or_default();
    if own == "entry" && *region.segment.key == *b"self" {
        let above = tree.ancestors(region.id).next()?;
        return if *above.segment.key == *b"content" && depth(tree, region) == 1 {
            Some("/".into())
        } else {
            path_of(tree, above).map(|path| path + "/")
        };
    }
    if !KINDS.contains(&own) || depth(tree, region) != 1 {
        return None;
    }
    let mut names = vec![key(region)];
    names.extend(
        tree.ancestors(region.id).take_while(|above| above.segment.to_string().starts_with("dir:")).map(key),
    );
    names.reverse();
    Some(format!("/{}", names.join("/")))
}

/// How many decoded spaces lie around it.
fn depth(tree: &Tree, region: &Region) -> usize {
    let decoded = |above: &&Region| above.segment.to_string() == "decoded:content";
    tree.ancestors(region.id).filter(decoded).count()
}

/// Whether it belongs to an entry.
fn inside(tree: &Tree, region: &Region) -> bool {
    depth(tree, region) > 1 || path_of(tree, region).is_some()
}

fn entry(tree: &Tree, region: &Region) -> Json {
    let mut facts = serde_json::Map::new();
    facts.insert("kind".into(), region.kind.into());
    for fact in &region.attributes {
        let value = match &fact.value {
            Value::Bytes(bytes) => {
                json!({ "hex": bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>() })
            }
            other => json!(other.display().to_string()),
        };
        facts.insert(fact.fact.name.into(), value);
    }
    facts.insert("content".into(), content(tree, region));
    Json::Object(facts)
}

/// Size and SHA-256 of what it encodes.
fn content(tree: &Tree, region: &Region) -> Json {
    let space = region.encodes.and_then(|space| tree.space(space));
    space.map_or(Json::Null, |space| {
        json!([space.size, digest(tree.region(space.root).and_then(|root| root.sha256.as_ref()))])
    })
}

fn digest(digest: Option<&Digest>) -> String {
    digest.map(Digest::hex).unwrap_or_default()
}
