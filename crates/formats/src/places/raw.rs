//! Bytes that no other format recognises.
//!
//! Loader modelled: none. The whole region is one leaf that is not understood, unless a flash map lies further inside than a
//! head reaches, or the last bytes lead to coreboot's files: then it is taken apart as in `fmap` or `cbfs`; or UEFI firmware
//! volumes do: then they are taken apart as in `uefi-image`; or images of other formats: then they
//! are, as in `raw-flash`.
//! Ambiguities: none. Limitations: by definition.
//!
//! ## Normal form
//!
//! None: bytes that no format recognises are compared as they lie.

use kiwame_image::{Builder, Format, Glance, Input, Node, Reading};

use super::flash;
use crate::boot::coreboot;
use crate::uefi::image;

/// The format of last resort.
#[derive(Debug)]
pub(crate) struct Raw;

impl Format for Raw {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn about(&self) -> &'static str {
        "bytes that nothing else recognises: one leaf, unexplained unless a manifest covers it"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if coreboot::lay_out(&at, out) || image::lay_out(&at, out) {
            return;
        }
        match flash::search(&at, out) {
            Ok(true) => {}
            Ok(false) => whole(at, out),
            Err(trouble) => {
                out.trouble(trouble);
                whole(at, out);
            }
        }
    }
}

const ERASED: u8 = 0xff;

/// One leaf that is not understood.
fn whole<'a>(at: Input<'a>, out: &mut Builder<'_, 'a>) {
    out.add_unknown(Node::new("raw", "0", "raw", at), ERASED);
}

#[cfg(test)]
mod tests {
    use kiwame_image::Content;

    use super::*;
    use crate::testing::{parse, region};

    /// What the leaf says of `counts` bytes of FF, one behind the other with a byte of something else between them.
    fn erased(counts: &[usize]) -> Option<u64> {
        let bytes: Vec<u8> =
            counts.iter().flat_map(|&count| [vec![0x11], vec![0xff; count]].concat()).collect();
        let tree = parse(&Raw, &bytes);
        let leaf = region(&tree, "raw:0");
        assert_eq!((leaf.content, leaf.is_leaf()), (Content::Unknown, true));
        // A note that no manifest carries.
        assert!(leaf.attributes.iter().all(|fact| fact.fact.encoding));
        match leaf.attribute("erased") {
            Some(kiwame_image::Value::Uint(erased)) => Some(*erased),
            _ => None,
        }
    }

    #[test]
    fn one_leaf_says_how_much_of_it_is_erased() {
        assert_eq!(erased(&[4095]), None);
        assert_eq!(erased(&[4096]), Some(4096));
        assert_eq!(erased(&[100, 5000, 4095, 70_000]), Some(75_000));
        assert_eq!(erased(&[1, 2, 3]), None);
    }
}
