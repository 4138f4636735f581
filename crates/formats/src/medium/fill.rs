//! An erased medium: every byte is FF.
//!
//! Loader modelled: none; nothing here can be loaded.
//! Ambiguities: a medium that erases to 00 is not recognised here, since without a structure that says so
//! zeros are data (RULES 1). What only begins with erased space, however much of it, is `raw`, which searches it: what is
//! found sets the bounds of the erased space before it, and where nothing is, all of it is one leaf. Limitations: none.
//!
//! ## Normal form
//!
//! None: one byte that is not FF, and it is another format's.

use kiwame_image::{Builder, Format, Glance, Input, Node, Place, Reading, Recognised, Sure};

/// A whole region in the erased state of NOR and NAND flash.
#[derive(Debug)]
pub(crate) struct Fill;

impl Format for Fill {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "an erased medium, FF throughout"
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let all = head.all();
        (!all.is_empty() && kiwame_image::all_are(all, ERASED)).then(|| Reading::new(self, Sure::Shape))
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match at.uniform() {
            Ok(Some(ERASED)) => {
                out.add_fill(Node::new(NAME, "0", NAME, at), ERASED);
            }
            Ok(_) => Recognised(Place::Unrecognised).parse(at, out),
            Err(trouble) => {
                out.trouble(trouble);
                out.add(Node::new(NAME, "0", NAME, at).unknown());
            }
        }
    }
}

pub(crate) const NAME: &str = "fill";
pub(crate) const ERASED: u8 = 0xff;

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Content, Limits, Memory, Tree, len64, to_usize};

    use super::*;
    use crate::testing::{check_tiling, leaves, torture};
    use crate::uefi::fixtures::{FFS2, volume};

    /// A whole image.
    fn image(bytes: &[u8]) -> Tree {
        let host = Memory::new([bytes.to_vec()]);
        let tree = crate::parse(&host, 0, len64(bytes), &Limits::default(), &crate::options()).unwrap();
        check_tiling(&tree);
        tree
    }

    fn erased_head() -> Vec<u8> {
        vec![0xff; to_usize(Glance::LENGTH) + 0x1000]
    }

    #[test]
    fn an_image_is_erased_when_all_of_it_is() {
        for bytes in [vec![0xff; 16], erased_head()] {
            let tree = image(&bytes);
            assert_eq!(tree.format(), "fill");
            assert_eq!(leaves(&tree), [("fill", "0".to_owned(), 0, len64(&bytes))]);
            assert!(tree.leaves().all(|leaf| leaf.content == Content::Fill));
        }
    }

    #[test]
    fn what_begins_with_erased_space_is_searched() {
        let head = erased_head();
        let tree = image(&[head.clone(), volume(FFS2, &[], 0x100)].concat());
        assert_eq!(tree.format(), "raw");
        let shown: Vec<_> = leaves(&tree).into_iter().take(2).map(|leaf| (leaf.0, leaf.2)).collect();
        assert_eq!(shown, [("padding", 0), ("uefi-volume-header", len64(&head))]);
        assert!(tree.leaves().next().is_some_and(|leaf| leaf.content == Content::Fill));
    }

    #[test]
    fn one_byte_behind_the_head_is_no_erased_medium() {
        let mut bytes = erased_head();
        *bytes.last_mut().unwrap() = 0xfe;
        let tree = image(&bytes);
        assert_eq!((tree.format(), leaves(&tree)), ("raw", vec![("raw", "0".to_owned(), 0, len64(&bytes))]));
    }

    #[test]
    fn hostile_bytes() {
        torture(&Fill, &[0xff; 64]);
    }
}
