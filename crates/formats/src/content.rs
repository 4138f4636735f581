//! What a stream or container holds when nothing around it says what that is.
//!
//! Loader modelled: none. The head is shown to every format, and the one that recognises it best takes over.
//! Ambiguities: none of its own. Limitations: what no format recognises is one leaf that is not understood; so is
//! content of one value, since only a medium has an erase value.
//!
//! ## Normal form
//!
//! None: content of a space is compared piece by piece, as the format that takes it over says.

use kiwame_image::{Builder, Format, Head, Input, Match, Node};

use crate::boot::fdt::tree::{self, Detail};
use crate::recognise::Readings;

/// Content that is recognised by its head.
#[derive(Debug)]
pub(crate) struct Content;

impl Format for Content {
    fn name(&self) -> &'static str {
        "content"
    }

    fn about(&self) -> &'static str {
        "content of a stream, taken apart by the format that recognises it"
    }

    fn probe(&self, _head: &Head<'_>) -> Option<Match> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        open(at, out, Detail::Full);
    }
}

/// The same for one of very many, in which device trees are not listed to the property.
pub(crate) static ONE_OF_MANY: &dyn Format = &OneOfMany;

#[derive(Debug)]
struct OneOfMany;

impl Format for OneOfMany {
    fn name(&self) -> &'static str {
        Content.name()
    }

    fn about(&self) -> &'static str {
        Content.about()
    }

    fn probe(&self, _head: &Head<'_>) -> Option<Match> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        open(at, out, Detail::Parts);
    }
}

fn open<'a>(at: Input<'a>, out: &mut Builder<'_, 'a>, detail: Detail) {
    let readings = match Readings::of_input(&at) {
        Ok(readings) => readings,
        Err(trouble) => return out.trouble(trouble),
    };
    readings.note(&at, out);
    let format = readings.format;
    if ["fill", "raw"].contains(&format.name()) {
        out.add(Node::new("content", "0", "unknown-content", at).unknown());
    } else {
        out.fact("format", format.name());
        match (format.name(), detail) {
            (tree::NAME, Detail::Parts) => tree::open(&at, out, detail),
            _ => format.parse(at, out),
        }
    }
}
