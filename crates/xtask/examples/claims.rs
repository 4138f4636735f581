//! Prints the native signatures of an image: for each, the bytes that it covers and the signature itself.
//!
//! ```text
//! cargo run --release -p kiwame-xtask --example claims -- IMAGE
//! ```
//!
//! One line each: scheme, space, `offset+length` of what is signed, and of the signature. For `tests/oracle/trees.py`, which
//! has somebody else check them.

use kiwame_image::{Limits, Memory, Options, Says, Span};

fn main() {
    let path = std::env::args().nth(1).expect("usage: claims IMAGE");
    let bytes = std::fs::read(&path).expect("the image can be read");
    let size = u64::try_from(bytes.len()).expect("a size");
    let host = Memory::new([bytes]);
    let tree =
        kiwame_formats::parse(&host, 0, size, &Limits::default(), &Options::default()).expect("memory");
    let place = |span: &Span| format!("{}+{}", span.offset, span.length);
    for claim in tree.claims() {
        let region = tree.region(claim.region).expect("a region");
        let Says::Signature { scheme, .. } = &claim.says else { continue };
        let signed: Vec<_> = claim.about.iter().map(place).collect();
        let space = tree.space_path(region.space);
        println!("{} {space} {} {}", scheme, signed.join(","), place(&claim.place));
    }
}
