//! What a stream or container holds when nothing around it says what that is.
//!
//! Loader modelled: none. The head is shown to every format, and the one that recognises it best takes over.
//! Ambiguities: none of its own. Limitations: what no format recognises is one leaf that is not understood; so is
//! content of one value, since only a medium has an erase value.
//!
//! ## Normal form
//!
//! None: content of a space is compared piece by piece, as the format that takes it over says.

use kiwame_image::{Builder, Fact, Input, Node, Trouble};

pub(super) use crate::boot::fdt::tree::Detail;

use super::readings::Readings;
use crate::boot::fdt::tree;

/// Of one of very many, device trees are not listed to the property.
pub(super) fn open<'a>(at: Input<'a>, out: &mut Builder<'_, 'a>, detail: Detail) -> Result<(), Trouble> {
    let readings = Readings::of_input(&at)?;
    readings.note(&at, out);
    let format = readings.format;
    if ["fill", "raw"].contains(&format.name()) {
        out.add(Node::new("content", "0", "unknown-content", at).unknown());
        return Ok(());
    }
    out.fact(&FORMAT, format.name());
    match (format.name(), detail) {
        (tree::NAME, Detail::Parts) => tree::open(&at, out, detail),
        _ => format.parse(at, out),
    }
    Ok(())
}

// Facts, in the words of the specification.
static FORMAT: Fact = Fact::new("format");
