//! Reads images from standard input, each behind its length (4 bytes, little-endian), and says of each as a line of JSON
//! what was read from it: the ids of its ambiguous defects, the facts of an environment, its settings, and what the
//! streams in it decode to, as digests of pieces that tile. For comparison with loaders: `make oracle-tools`.

use std::io::{Read as _, Write as _};

use kiwame_image::{Limits, Memory, Options, Region, SpaceId, Tree, Value, len64};

fn main() -> std::io::Result<()> {
    let mut input = std::io::stdin().lock();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut bytes = Vec::new();
        input.by_ref().take(u32::from_le_bytes(length).into()).read_to_end(&mut bytes)?;
        let size = len64(&bytes);
        let tree =
            kiwame_formats::parse(&Memory::new([bytes]), 0, size, &Limits::default(), &Options::default())
                .map_err(|error| std::io::Error::other(error.to_string()))?;
        writeln!(out, "{}", line(&tree))?;
    }
    out.flush()
}

fn line(tree: &Tree) -> String {
    let ambiguous =
        tree.defects().iter().filter(|defect| defect.kind.ambiguous).map(|defect| quote(defect.kind.id));
    let header = tree.regions().find(|region| region.kind == "uboot-env-header");
    let facts = header.into_iter().flat_map(|header| &header.attributes);
    let facts = facts.map(|fact| format!("{}:{}", quote(fact.fact.name), quote(&fact.value.display())));
    let settings = tree.regions().filter(|region| region.kind == "uboot-variable").map(|region| {
        let value = match region.attribute("value") {
            Some(Value::Bytes(bytes)) => hex(bytes),
            Some(value) => hex(value.display().as_bytes()),
            None => String::new(),
        };
        format!("[{},{}]", quote(&hex(&region.segment.key)), quote(&value))
    });
    format!(
        "{{\"format\":{},\"ambiguous\":[{}],\"facts\":{{{}}},\"settings\":[{}],\"spaces\":[{}]}}",
        quote(tree.format()),
        join(ambiguous),
        join(facts),
        join(settings),
        join(spaces(tree))
    )
}

/// What the streams of the image decode to.
fn spaces(tree: &Tree) -> impl Iterator<Item = String> {
    let outermost = |id: Option<_>| {
        id.and_then(|id| tree.region(id)).is_some_and(|encoder| encoder.space == SpaceId::IMAGE)
    };
    tree.spaces().iter().filter(move |space| outermost(space.encoder)).map(|space| {
        let pieces = tree.regions().filter(|region| region.space == space.id && region.measured);
        format!("{{\"size\":{},\"pieces\":[{}]}}", space.size, join(pieces.map(piece)))
    })
}

fn piece(region: &Region) -> String {
    let digest = region.sha256.as_ref().map(kiwame_image::Digest::hex).unwrap_or_default();
    format!("[{},{},{}]", region.span.offset, region.span.length, quote(&digest))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn join(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}

/// Names of ours and hexadecimal digits: nothing in them needs more.
fn quote(text: &str) -> String {
    format!("\"{text}\"")
}
