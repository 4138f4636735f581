//! The one way in which a stream is opened, whoever holds it: room is asked for, the limit or defect is noted, and what
//! stays closed is still a leaf that encodes, since appraisal must tell one that nobody opened from bytes of another kind.

use kiwame_decode::{DecodeError, Decoded};
use kiwame_image::{
    Builder, Defect, DefectKind, Format, Input, Node, Normal, RegionId, Trouble, Window, fact, len64,
};

/// How the leaf of a stream is called, and what it is when it does not decode.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Packed {
    /// The first part of its path.
    pub(crate) name: &'static str,
    /// Kind of the leaf.
    pub(crate) kind: &'static str,
    /// The defect of a stream that does not decode.
    pub(crate) undecodable: &'static DefectKind,
}

impl Packed {
    /// All bytes from the stream on. Where they cannot be had, the stream stays closed.
    pub(crate) fn window<'a>(self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<Window, Trouble> {
        at.window().inspect_err(|_| self.closed(at.clone(), out))
    }

    /// The stream as a leaf that nobody opened.
    pub(crate) fn closed<'a>(self, body: Input<'a>, out: &mut Builder<'_, 'a>) {
        out.add(self.leaf(body));
    }

    /// Notes that the stream does not decode, and why.
    pub(crate) fn refuse(self, found: &'static str, offset: u64, out: &mut Builder<'_, '_>) {
        out.defect(Defect::new(self.undecodable, self.name, offset, found, "a whole stream"));
    }

    /// Decodes a stream, of which `body` is what is left for its leaf: `at` is where decoding begins. `None` when it stays
    /// closed, with the reason noted.
    pub(crate) fn decode<'a>(
        self,
        at: &Input<'_>,
        body: &Input<'a>,
        declared: Option<u64>,
        decode: impl FnOnce(u64) -> Result<Decoded, DecodeError>,
        out: &mut Builder<'_, 'a>,
    ) -> Option<Decoded> {
        // A limit is noted where room is asked for.
        let decoded = out.room(declared).ok().map(decode);
        match decoded {
            Some(Ok(decoded)) => return Some(decoded),
            Some(Err(DecodeError::Overflow)) => out.overflow(),
            Some(Err(error)) => {
                self.refuse(error.what(), at.offset().saturating_add(error.offset()), out);
            }
            None => {}
        }
        self.closed(body.clone(), out);
        None
    }

    /// Adds the leaf of a stream that was decoded.
    pub(crate) fn add<'a>(
        self,
        body: Input<'a>,
        decoded: &Decoded,
        out: &mut Builder<'_, 'a>,
    ) -> Option<RegionId> {
        out.add(self.leaf(body).with(&fact::CONTENT_SIZE, len64(&decoded.bytes)))
    }

    /// Hands on what the stream of a leaf holds. The normal form is made when somebody wants it.
    pub(crate) fn hand_on<'a>(
        leaf: RegionId,
        decoded: Decoded,
        form: impl FnOnce(&Decoded) -> Option<Normal>,
        (kind, next): (&'static str, &'static dyn Format),
        out: &mut Builder<'_, 'a>,
    ) {
        if let Some(form) = out.wants_normal().then(|| form(&decoded)).flatten() {
            out.normal(leaf, &form);
        }
        out.decoded(leaf, decoded.bytes, kind, next);
    }

    fn leaf<'a>(self, body: Input<'a>) -> Node<'a> {
        Node::new(self.name, "stream", self.kind, body).encoded()
    }
}
