//! The image of a release in the dump of a larger flash: at the end where its loader begins, with nothing but erased bytes
//! beside it (RULES 1 and 14). Everything is judged as if that part alone had been given; what lies outside is accounted for
//! here.

use kiwame_appraisal::{Class, Finding, Kind, kinds};
use kiwame_image::{Algorithm, Digest, Host, Part, Problem, ReadError, Span, Spans};
use kiwame_report::{Outside, Placed};
use kiwame_trust::manifest::{Anchor, ImageReference};

use crate::request::{PIECE, Run, Source};
use crate::unread;

/// Lends a part of a source as if it were all of it.
pub(crate) struct Window<'h> {
    pub(crate) host: &'h dyn Host,
    pub(crate) source: u32,
    pub(crate) base: u64,
}

impl Host for Window<'_> {
    fn read(&self, source: u32, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        self.host.read(source, self.moved(source, offset), into)
    }

    fn digest(&self, algorithm: Algorithm, parts: &[Part<'_>]) -> Result<Digest, ReadError> {
        let moved = parts.iter().map(|part| match *part {
            Part::Source { source, offset, length } => {
                Part::Source { source, offset: self.moved(source, offset), length }
            }
            Part::Memory(bytes) => Part::Memory(bytes),
        });
        self.host.digest(algorithm, &moved.collect::<Vec<_>>())
    }

    fn progress(&self, done: u64, total: u64) {
        self.host.progress(done, total);
    }
}

impl Window<'_> {
    fn moved(&self, source: u32, offset: u64) -> u64 {
        if source == self.source { offset.saturating_add(self.base) } else { offset }
    }
}

/// The places in a dump where one of these images may lie, each at its own end, and no more than a few.
pub(crate) fn places<'a>(images: impl Iterator<Item = &'a ImageReference>, size: u64) -> Vec<(Span, Anchor)> {
    let mut places = Vec::new();
    for image in images {
        let place = image.anchor.and_then(|anchor| Some((anchor.place(image.size, size)?, anchor)));
        places.extend(place.filter(|place| places.len() < MOST && !places.contains(place)));
    }
    places
}

/// Releases have images of a few sizes.
const MOST: usize = 8;

/// What lies outside a place: each piece erased throughout, or not understood, or not read in full.
pub(crate) fn outside(
    run: &Run<'_>,
    image: (u32, &Source),
    place: Span,
    unread: &Spans,
) -> Result<Vec<Outside>, Problem> {
    pieces(
        run,
        image,
        vec![Span::between(0, place.offset), Span::between(place.end(), image.1.size)],
        ERASED,
        unread,
    )
}

/// Each of some places, of which no reference says what lies there: erased throughout, or not understood, or not read in full.
pub(crate) fn pieces(
    run: &Run<'_>,
    image: (u32, &Source),
    places: Vec<Span>,
    erase_value: u8,
    unread: &Spans,
) -> Result<Vec<Outside>, Problem> {
    let places = places.into_iter().filter(|place| place.length > 0);
    places
        .map(|span| {
            let first = first_written(run, image, span, erase_value)?;
            let class = match first {
                Some(_) => Class::Unexplained,
                None if unread.overlaps(span) => Class::Unread,
                None => Class::Fill,
            };
            Ok(Outside { span, class, first })
        })
        .collect()
}

/// What is to be said of it.
pub(crate) fn findings(placed: &Placed, unread: &Spans) -> Vec<Finding> {
    let mut findings = written(&kinds::OUTSIDE, &placed.outside, unread);
    let erased = placed.outside.iter().filter(|piece| piece.class == Class::Fill);
    let bytes = erased.fold(0_u64, |sum, piece| sum.saturating_add(piece.span.length));
    let said = Finding::new(&kinds::PLACED).at("outside", "image", placed.span);
    findings.push(said.arg("bytes", bytes));
    findings
}

/// The same of what lies between the parts of a device.
pub(crate) fn between(outside: &[Outside], unread: &Spans) -> Vec<Finding> {
    written(&kinds::BETWEEN_PARTS, outside, unread)
}

/// What is written where it should be erased, and what was not read there.
fn written(kind: &'static Kind, outside: &[Outside], unread: &Spans) -> Vec<Finding> {
    let at = |finding: Finding, span| finding.at("outside", "image", span);
    let mut findings: Vec<_> = outside
        .iter()
        .filter_map(|piece| {
            let first = format!("{:#x}", piece.first?);
            let finding = Finding::new(kind).arg("bytes", piece.span.length);
            Some(at(finding, piece.span).arg("first", first))
        })
        .collect();
    for piece in outside.iter().filter(|piece| piece.class == Class::Unread) {
        let places = unread::within(unread, piece.span);
        let Some(first) = places.iter().next() else { continue };
        let first = Span::new(first.offset.saturating_add(piece.span.offset), first.length);
        let finding = Finding::new(&kinds::UNREAD).arg("bytes", unread::bytes(&places));
        findings.push(at(finding.arg("count", places.count()), first));
    }
    findings
}

/// Where a piece holds something else than erased flash does, if it does.
pub(crate) fn first_written(
    run: &Run<'_>,
    image: (u32, &Source),
    span: Span,
    erase_value: u8,
) -> Result<Option<u64>, Problem> {
    let mut at = span.offset;
    while at < span.end() {
        let bytes = run.piece(image, Span::between(at, span.end()))?;
        if let Some((offset, _)) = (at..).zip(&bytes).find(|(_, byte)| **byte != erase_value) {
            return Ok(Some(offset));
        }
        at = at.saturating_add(PIECE);
    }
    Ok(None)
}

const ERASED: u8 = 0xff;
