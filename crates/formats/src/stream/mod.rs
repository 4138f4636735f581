//! The shape that files of one compressed stream share: a header, the stream, and whatever lies behind.
//!
//! Only the first stream is opened. Loaders differ in whether they go on with a second one, so that and any other
//! bytes behind are leaves of their own, not understood, and a defect. Three things are none: archives behind an archive
//! that Linux unpacks as one initial file system (`files/cpio.rs`); erased medium; and, behind erased or zero bytes at most, what
//! another format recognises, as the next thing in a flash or a device tree behind a kernel is.
//!
//! Of a header only those bytes may differ beside equal content that are on the format's ignore list: its mask. What a
//! modelled loader would not take is a defect.

pub(crate) mod gzip;
pub(crate) mod lz4;
pub(crate) mod lzma;
pub(crate) mod lzop;
pub(crate) mod packed;
pub(crate) mod xz;
pub(crate) mod zstd;

use std::rc::Rc;

use kiwame_decode::{DecodeError, Decoded};
use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format, Input, Node, Normal, Place, Recognised, Stage, Trouble, Value,
    len64,
};

use packed::Packed;

use crate::files::cpio;

/// A kind of stream.
pub(crate) struct Stream {
    /// The first part of its paths.
    pub(crate) name: &'static str,
    pub(crate) header_kind: &'static str,
    pub(crate) kind: &'static str,
    /// Kind of a further stream behind the first.
    pub(crate) member_kind: &'static str,
    pub(crate) trailing_kind: &'static str,
    /// The defect of a stream that does not decode.
    pub(crate) undecodable: &'static DefectKind,
    /// The defect of bytes behind the stream.
    pub(crate) trailing: &'static DefectKind,
    pub(crate) header: fn(&[u8]) -> Option<Header>,
    /// Decodes from the start of the header on; the header counts as consumed.
    pub(crate) decode: fn(&[u8], u64) -> Result<Decoded, DecodeError>,
    /// The defect of what the modelled loader does not take, or nobody reads.
    pub(crate) loader: &'static DefectKind,
    /// What that is in a stream that decodes.
    pub(crate) odd: fn(&[u8], &Decoded) -> Vec<Odd>,
    /// The normal form of header and stream, from the start of the header on.
    pub(crate) form: fn(&[u8], &Decoded) -> Option<Normal>,
    /// Length of the piece at the start of what lies behind, where the format can tell.
    pub(crate) piece: fn(&[u8]) -> Option<u64>,
}

/// What the header of a stream says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) length: u64,
    /// Size of the content.
    pub(crate) declared: Option<u64>,
    pub(crate) facts: Vec<(&'static Fact, Value)>,
    pub(crate) mask: Vec<(u64, u64)>,
    /// Bytes that a decoder sets up before it begins, where that counts.
    pub(crate) memory: u64,
}

/// A field that is not as the modelled loader wants it.
#[derive(Debug)]
pub(crate) struct Odd {
    pub(crate) field: &'static str,
    /// Where, from the start of the header on.
    pub(crate) offset: u64,
    pub(crate) found: Value,
    pub(crate) expected: &'static str,
}

impl Odd {
    /// What decoders skip, if there is something.
    pub(crate) fn slack(decoded: &Decoded) -> Vec<Self> {
        let slack = || Self {
            field: "stream",
            offset: 0,
            found: "bits that no decoder reads".into(),
            expected: "zeros",
        };
        decoded.slack.then(slack).into_iter().collect()
    }
}

impl Stream {
    /// Takes a file of such a stream apart.
    pub(crate) fn open<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = self.split(at, out) {
            out.trouble(trouble);
        }
    }

    /// The length of the stream that `at` begins with, by decoding it; `None` when it does not decode, or is not `sure`. For
    /// those who search: what is no stream costs little, and what is one no more than a part of what opening it costs.
    pub(crate) fn whole(
        &self,
        at: &Input<'_>,
        room: u64,
        sure: fn(&[u8], &Decoded) -> bool,
    ) -> Result<Option<u64>, Trouble> {
        // A mark is cheap to write: whoever writes nothing else pays for each look.
        at.spend(HEADER_LOOK)?;
        if (self.header)(&at.head(HEADER_LOOK)?).is_none() {
            return Ok(None);
        }
        at.spend(FIRST_LOOK)?;
        let mut most = FIRST_LOOK.min(room);
        loop {
            let input = at.head(most.saturating_mul(2).saturating_add(FIRST_LOOK))?;
            if (self.header)(&input).is_none() {
                return Ok(None);
            }
            at.spend(most)?;
            match (self.decode)(&input, most) {
                Ok(decoded) => return Ok(sure(&input, &decoded).then_some(decoded.consumed)),
                Err(DecodeError::Overflow) if most < room => {}
                Err(DecodeError::Truncated) if most < room && len64(&input) < at.length() => {}
                Err(_) => return Ok(None),
            }
            most = most.saturating_mul(16).min(room);
        }
    }

    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let packed = self.packed();
        let window = packed.window(at, out)?;
        let Some(header) = (self.header)(&window) else {
            packed.refuse("no header", at.offset(), out);
            packed.closed(at.clone(), out);
            return Ok(());
        };
        let (length, declared, memory) = (header.length, header.declared, header.memory);
        out.add(self.header_node(header, at.slice(0, length)));
        let body = at.from(length);
        if let Err(limit) = at.spend(memory) {
            packed.closed(body, out);
            return Err(limit.into());
        }
        let decode = |room| (self.decode)(&window, room);
        let Some(decoded) = packed.decode(at, &body, declared, decode, out) else { return Ok(()) };
        let consumed = decoded.consumed;
        for Odd { field, offset, found, expected } in (self.odd)(&window, &decoded) {
            let place = at.offset().saturating_add(offset);
            out.defect(Defect::new(self.loader, field, place, found, expected));
        }
        let leaf = packed.add(at.slice(length, consumed.saturating_sub(length)), &decoded, out);
        let archive = cpio::is_packed(&window) && cpio::begins(&decoded.bytes, len64(&decoded.bytes));
        let next = if archive { Some(cpio::Next::of(at, consumed, out)?) } else { None };
        match next.filter(|next| next.goes() == cpio::Goes::On) {
            Some(next) => _ = next.add(self.name, at, out),
            None => self.behind(&at.from(consumed), archive, out)?,
        }
        if let Some(leaf) = leaf {
            let form = |decoded: &Decoded| (self.form)(&window, decoded);
            Packed::hand_on(leaf, decoded, form, ("content", &Recognised(Place::Stream)), out);
        }
        Ok(())
    }

    fn packed(&self) -> Packed {
        Packed { name: self.name, kind: self.kind, undecodable: self.undecodable }
    }

    fn header_node<'a>(&self, header: Header, input: Input<'a>) -> Node<'a> {
        let node = Node::new(self.name, "header", self.header_kind, input).mask(header.mask);
        header.facts.into_iter().fold(node, |node, (fact, value)| node.with(fact, value))
    }

    /// What lies behind the stream is never skipped silently. Behind an archive no byte is erased medium to Linux.
    fn behind<'a>(&self, rest: &Input<'a>, archive: bool, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        if rest.is_empty() {
            return Ok(());
        }
        let length = rest.length();
        let window = rest.window()?;
        let trailing = Defect::new(self.trailing, self.name, rest.offset(), length, 0u8);
        let begins = |bytes: &[u8]| (self.header)(bytes).is_some();
        if (self.piece)(&window).is_none() && !begins(&window) {
            let node = Node::new(self.name, "behind", self.trailing_kind, rest.clone());
            if archive || rest.uniform()? != Some(ERASED) {
                out.add(node.unknown().then_with(Rc::new(Behind { trailing })));
            } else {
                out.add_fill(node, ERASED);
            }
            return Ok(());
        }
        out.defect(trailing);
        let (mut at, mut number) = (0u64, 0u32);
        while at < length && number < PIECES {
            let bytes = window.piece(at, length.saturating_sub(at)).unwrap_or_default();
            let Some(piece) = (self.piece)(bytes).filter(|&piece| piece > 0) else { break };
            let node =
                Node::new(self.name, format!("behind-{number}"), self.member_kind, rest.slice(at, piece));
            out.add(node.unknown());
            at = at.saturating_add(piece);
            number = number.saturating_add(1);
        }
        let bytes = window.piece(at, length.saturating_sub(at)).unwrap_or_default();
        let further = begins(bytes);
        let kind = if further { self.member_kind } else { self.trailing_kind };
        let node = Node::new(self.name, "behind", kind, rest.from(at));
        if further {
            out.add(node.unknown());
        } else {
            out.add_beyond(node);
        }
        Ok(())
    }
}

/// What lies behind a stream and is none of its kind: searched as a flash is.
#[derive(Debug)]
struct Behind {
    /// What it is where nothing is found in it, or other bytes come first.
    trailing: Defect,
}

impl<'a> Stage<'a> for Behind {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match self.is_next(&at, out) {
            Ok(true) => {}
            Ok(false) => self.note(out),
            Err(trouble) => {
                self.note(out);
                out.trouble(trouble);
            }
        }
    }
}

impl Behind {
    /// True when something is found and only erased or zero bytes come before it.
    fn is_next<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<bool, Trouble> {
        Recognised(Place::Behind).parse(at.clone(), out);
        let region = out.look(out.region());
        let first = region.and_then(|region| region.children.first()).and_then(|&first| out.look(first));
        let Some(first) = first.map(|first| first.span.offset.saturating_sub(at.offset())) else {
            return Ok(false);
        };
        let blank = [0, ERASED].map(Some);
        Ok(first == 0 || blank.contains(&at.slice(0, first).uniform()?))
    }

    fn note(&self, out: &mut Builder<'_, '_>) {
        let stream = out.look(out.region()).and_then(|region| region.parent).unwrap_or(out.region());
        out.defect_of(stream, self.trailing.clone());
    }
}

const ERASED: u8 = 0xff;

/// Bytes in which the header of what is found by searching ends.
const HEADER_LOOK: u64 = 4 << 10;
/// Content that a look decodes at first.
const FIRST_LOOK: u64 = 32 << 10;
/// So many pieces behind a stream are told apart.
const PIECES: u32 = 64;

/// In the order in which equal matches win.
pub(crate) static FORMATS: &[&dyn Format] =
    &[&gzip::Gzip, &xz::Xz, &zstd::Zstd, &lz4::Lz4, &lzop::Lzop, &lzma::Lzma];
