//! Bytes that no other format recognises.
//!
//! Loader modelled: none. The whole region is one leaf that is not understood, unless UEFI firmware volumes lie
//! further inside than a head reaches: then they are taken apart as in `uefi-image`; or images of other formats: then they
//! are, as in `raw-flash`.
//! Ambiguities: none. Limitations: by definition.
//!
//! ## Normal form
//!
//! None: bytes that no format recognises are compared as they lie.

use kiwame_image::{Builder, Format, Head, Input, Match, Node};

use crate::{raw_flash, uefi_image};

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

    fn probe(&self, _head: &Head<'_>) -> Option<Match> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if uefi_image::lay_out(&at, out) {
            return;
        }
        match raw_flash::search(&at, out) {
            Ok(true) => {}
            Ok(false) => whole(at, out),
            Err(trouble) => {
                out.trouble(trouble);
                whole(at, out);
            }
        }
    }
}

/// One leaf that is not understood.
fn whole<'a>(at: Input<'a>, out: &mut Builder<'_, 'a>) {
    out.add(Node::new("raw", "0", "raw", at).unknown());
}
