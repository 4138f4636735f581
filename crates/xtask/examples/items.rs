//! Prints every region of an image as JSON lines, in pre-order, for comparison with other tools.
//!
//! `cargo run --release -p kiwame-xtask --example items -- OVMF_CODE_4M.fd`
//!
//! `--erase-block SIZE` reads the images behind it as one partition of a flash with such erase blocks. Each image begins
//! with a line that names it.

use std::io::Write as _;

use kiwame_image::{Limits, Memory, Options, Partition, Region, Span, Tree, len64};

fn main() -> std::io::Result<()> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut arguments, mut erase_block) = (std::env::args_os().skip(1), None);
    while let Some(path) = arguments.next() {
        if path == "--erase-block" {
            let size = arguments.next().and_then(|size| size.into_string().ok());
            erase_block = size.and_then(|size| size.parse().ok());
            continue;
        }
        writeln!(out, "{{\"image\":{}}}", quote(&path.to_string_lossy()))?;
        let bytes = std::fs::read(path)?;
        let size = len64(&bytes);
        let part = |_| Partition {
            name: "part".to_owned(),
            span: Span::new(0, size),
            erase_block,
            environment: None,
        };
        let layout = erase_block.map(part).into_iter().collect();
        let options = Options { list_digests: true, normal: true, layout, ..Options::default() };
        let tree = kiwame_formats::parse(&Memory::new([bytes]), 0, size, &Limits::default(), &options)
            .map_err(|error| std::io::Error::other(error.to_string()))?;
        for region in tree.regions() {
            writeln!(out, "{}", line(&tree, region))?;
        }
        for defect in tree.defects() {
            let path = quote(tree.path(defect.region));
            let (found, expected) = (quote(&defect.found.display()), quote(&defect.expected.display()));
            writeln!(
                out,
                "{{\"defect\":{},\"ambiguous\":{},\"path\":{path},\"field\":{},\"offset\":{},\"found\":{found},\"expected\":{expected}}}",
                quote(defect.kind.id),
                defect.kind.ambiguous,
                quote(defect.field),
                defect.offset
            )?;
        }
        for (kind, region) in tree.limits_hit() {
            writeln!(out, "{{\"limit\":{},\"path\":{}}}", quote(kind.name()), quote(tree.path(*region)))?;
        }
    }
    out.flush()
}

fn line(tree: &Tree, region: &Region) -> String {
    let depth = tree.ancestors(region.id).count();
    let mut fields = vec![
        format!("\"path\":{}", quote(tree.path(region.id))),
        format!("\"depth\":{depth}"),
        format!("\"kind\":{}", quote(region.kind)),
        format!("\"space\":{}", quote(tree.space_path(region.space))),
        format!("\"offset\":{}", region.span.offset),
        format!("\"length\":{}", region.span.length),
        format!("\"content\":{}", quote(&format!("{:?}", region.content))),
        format!("\"leaf\":{}", region.is_leaf()),
    ];
    fields.extend(region.name.as_deref().map(|name| format!("\"name\":{}", quote(name))));
    fields.extend(region.guid.as_ref().map(|guid| format!("\"guid\":{}", quote(&guid.to_string()))));
    fields.extend(region.order.map(|order| format!("\"order\":{order}")));
    fields.extend(region.sha256.as_ref().map(|digest| format!("\"sha256\":{}", quote(&digest.hex()))));
    fields.extend(region.masked.as_ref().map(|digest| format!("\"masked\":{}", quote(&digest.hex()))));
    fields.extend(region.normal.as_ref().map(|form| format!("\"normal\":{}", quote(&form.sha256.hex()))));
    let facts: Vec<_> = region
        .attributes
        .iter()
        .map(|fact| format!("{}:{}", quote(fact.fact.name), quote(&fact.value.display())))
        .collect();
    fields.push(format!("\"facts\":{{{}}}", facts.join(",")));
    format!("{{{}}}", fields.join(","))
}

fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            ' '..='~' => quoted.push(letter),
            _ => {
                let mut units = [0; 2];
                for unit in letter.encode_utf16(&mut units) {
                    quoted.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    quoted.push('"');
    quoted
}
