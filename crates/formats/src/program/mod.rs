//! Pieces of a program file, laid out so that nothing between, under or behind them is lost.
//!
//! PE, TE and ELF all name ranges of the file in tables of their own, in any order, and nothing keeps those
//! ranges from overlapping or from leaving the file.

pub(crate) mod elf;
pub(crate) mod option_rom;
pub(crate) mod pe;
pub(crate) mod te;

use kiwame_image::{Builder, Defect, DefectKind, Fact, Format, Input, Laid, Node, Span, Value, fact};

/// One range that a table names.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) kind: &'static str,
    pub(crate) key: Vec<u8>,
    /// Counted from the start of the file, as the table has it.
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) facts: Vec<(&'static Fact, Value)>,
}

impl Piece {
    /// The bytes that it takes.
    pub(crate) fn span(&self) -> Span {
        Span::new(self.offset, self.length)
    }
}

/// Takes a program apart that `split` knows and that by its own account is so long: a file is one to its last byte, but
/// in flash what follows is something else, and is searched as a flash is.
pub(crate) fn in_flash<'a>(
    at: &Input<'a>,
    out: &mut Builder<'_, 'a>,
    (format, behind): (&'static str, &'static str),
    end: impl FnOnce(&Input<'a>) -> u64,
    split: impl FnOnce(&Input<'a>, &mut Builder<'_, 'a>),
) {
    if !is_in_flash(out) {
        return split(at, out);
    }
    let end = end(at).min(at.length());
    split(&at.slice(0, end), out);
    out.add_behind(Node::new(format, "behind", behind, at.from(end)));
}

/// True when the current region is a piece of flash, whose end nobody has said.
pub(crate) fn is_in_flash(out: &Builder<'_, '_>) -> bool {
    out.look(out.region()).is_some_and(|region| region.kind == PARTITION)
}

/// The kind of what was found in flash, or lies there by a layout.
const PARTITION: &str = "partition";

/// What a format calls the things that laying out can find.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) gap: &'static str,
    pub(crate) overlay: &'static str,
    /// The defect of two pieces that share bytes.
    pub(crate) overlap: &'static DefectKind,
    /// The defect of a piece that goes beyond the file.
    pub(crate) beyond: &'static DefectKind,
}

/// Adds the pieces by offset. Where two share bytes the first keeps them; the defect says that a loader, which
/// would give them to both, reads the file differently. `field` is what the table calls the offset.
pub(crate) fn lay_out<'a>(
    at: &Input<'a>,
    out: &mut Builder<'_, 'a>,
    names: &Names,
    field: &'static str,
    pieces: Vec<Piece>,
) {
    let pieces = pieces.into_iter().filter(|piece| piece.length > 0);
    let (laid, behind) =
        kiwame_image::lay_out(at.length(), pieces.map(|piece| (piece.span(), piece)).collect());
    for (number, Laid { thing: piece, stated, gap: between, span, shared, beyond }) in (0u64..).zip(laid) {
        let place = at.offset().saturating_add(stated.offset.min(at.length()));
        if let Some(done) = shared {
            out.defect(Defect::new(names.overlap, field, place, stated.offset, done));
        }
        if beyond {
            out.defect(Defect::new(names.beyond, field, place, stated.end(), at.length()));
        }
        gap(out, names.gap, number.to_string(), at.slice(between.offset, between.length));
        let node = Node::new(piece.kind, piece.key, piece.kind, at.slice(span.offset, span.length));
        out.add(piece.facts.into_iter().fold(node, |node, (fact, value)| node.with(fact, value)));
    }
    out.add_beyond(Node::new(names.overlay, "0", names.overlay, at.from(behind.offset)));
}

/// Bytes that no table names. Zeros are the padding of every linker; anything else is not understood.
fn gap<'a>(out: &mut Builder<'_, 'a>, kind: &'static str, key: String, input: Input<'a>) {
    let node = Node::new(kind, key, kind, input.clone());
    match input.uniform() {
        Ok(Some(0)) => out.add(node),
        Ok(_) => out.add(node.unknown()),
        Err(trouble) => {
            out.trouble(trouble);
            None
        }
    };
}

/// The whole of a file whose tables cannot be read: one leaf that is not understood.
pub(crate) fn refuse<'a>(at: Input<'a>, out: &mut Builder<'_, 'a>, kind: &'static str) {
    out.add(Node::new(kind, "0", kind, at).unknown());
}

/// Where a program begins to run, as people read it: of a header that differs, the first thing that they ask.
pub(crate) fn entry_point(address: u64) -> (&'static Fact, Value) {
    (&fact::VALUE, Value::from(format!("entry point {address:#x}")))
}

/// True for a format whose parts are nothing but ranges of a program.
pub(crate) fn knows(format: &dyn Format) -> bool {
    ["pe", "te", "elf"].contains(&format.name())
}

/// Gives the current region facts, unless its parent gave them already.
pub(crate) fn facts<const N: usize>(out: &mut Builder<'_, '_>, facts: [(&'static Fact, Value); N]) {
    facts.into_iter().for_each(|(fact, value)| out.fact(fact, value));
}

/// In the order in which equal matches win.
pub(crate) static FORMATS: &[&dyn Format] = &[&pe::Pe, &te::Te, &elf::Elf, &option_rom::OptionRom];
