//! An erased medium: every byte is FF.
//!
//! Loader modelled: none; nothing here can be loaded.
//! Ambiguities: a medium that erases to 00 is not recognised here, since without a structure that says so
//! zeros are data (RULES 1). Limitations: none.
//!
//! ## Normal form
//!
//! None: one byte that is not FF, and it is another format's.

use kiwame_image::{Builder, Format, Head, Input, Match, Node};

/// A whole region in the erased state of NOR and NAND flash.
#[derive(Debug)]
pub(crate) struct Fill;

impl Format for Fill {
    fn name(&self) -> &'static str {
        "fill"
    }

    fn about(&self) -> &'static str {
        "an erased medium, FF throughout"
    }

    fn probe(&self, head: &Head<'_>) -> Option<Match> {
        let all = head.all();
        (!all.is_empty() && all.iter().all(|&byte| byte == ERASED)).then(|| Match::exact(self))
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        out.add_fill(Node::new("fill", "0", "fill", at), ERASED);
    }
}

const ERASED: u8 = 0xff;
