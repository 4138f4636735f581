//! What lies in padding and in raw files without any header around it: microcode updates and the firmware interface
//! table.
//!
//! Loader modelled: processors, and firmware that finds updates through the table or by searching. Ambiguities: none
//! of its own. Limitations: only these two are looked for, at multiples of four (updates) and sixteen bytes (tables);
//! everything else stays bytes that are not understood.

use kiwame_image::{Builder, Content, Format, Head, Input, Match, Node, Trouble};

use crate::{fit, microcode};

/// For regions that are not erased and that nothing else takes apart. Adds nothing when it finds nothing, so that the
/// region stays the leaf that its parent made of it.
pub(crate) static EMBEDDED: &dyn Format = &Embedded;

#[derive(Debug)]
struct Embedded;

impl Format for Embedded {
    fn name(&self) -> &'static str {
        "padding"
    }

    fn about(&self) -> &'static str {
        "microcode updates and firmware interface tables beside volumes"
    }

    fn probe(&self, _head: &Head<'_>) -> Option<Match> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if out.look(out.region()).is_some_and(|region| region.content == Content::Fill) {
            return;
        }
        let (mut done, mut gaps) = (0u64, 0u32);
        loop {
            let found = match find(&at, done) {
                Ok(found) => found,
                Err(trouble) => return out.trouble(trouble),
            };
            let Some((start, length, node)) = found else { break };
            beside(at.slice(done, start.saturating_sub(done)), &mut gaps, out);
            out.add(node);
            done = start.saturating_add(length);
        }
        if done > 0 {
            beside(at.from(done), &mut gaps, out);
        }
    }
}

fn beside<'a>(input: Input<'a>, number: &mut u32, out: &mut Builder<'_, 'a>) {
    if !input.is_empty() {
        out.add_fill(Node::new("padding", number.to_string(), "padding", input), ERASED);
        *number = number.saturating_add(1);
    }
}

/// The next update or table at `from` or behind it: where, how long, and its region.
fn find<'a>(at: &Input<'a>, from: u64) -> Result<Option<(u64, u64, Node<'a>)>, Trouble> {
    let mut start = from.checked_next_multiple_of(4).unwrap_or(u64::MAX);
    while start < at.length() {
        let window = at.slice(start, PIECE.saturating_add(microcode::HEADER)).window()?;
        for place in (0..PIECE).step_by(4) {
            let Some(bytes) = window.get(kiwame_image::to_usize(place)..).filter(|bytes| bytes.len() >= 16)
            else {
                break;
            };
            let place = start.saturating_add(place);
            if microcode::could_begin(bytes)
                && let Some(update) = microcode::update_at(at, place)?
            {
                return Ok(Some((place, update.total, update.node(at, place))));
            }
            if bytes.starts_with(FIT)
                && let Some(length) = fit::table_at(at, place)?
            {
                return Ok(Some((place, length, fit::node(at, place, length))));
            }
        }
        start = start.saturating_add(PIECE);
    }
    Ok(None)
}

const ERASED: u8 = 0xff;
const FIT: &[u8] = b"_FIT_   ";
/// Bytes searched in one go; a multiple of four.
const PIECE: u64 = 64 << 10;
