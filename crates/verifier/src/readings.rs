//! Several readings of one chip, which have to be equal: what a chip gives twice differently was not read.

use kiwame_appraisal::{Finding, kinds};
use kiwame_image::{Problem, Span};

use crate::request::{PIECE, Run, Source};

/// So many places are named.
const NAMED: usize = 8;

/// What each further reading says of the image.
pub(crate) fn compare(run: &Run<'_>, image: (u32, &Source)) -> Result<Vec<Finding>, Problem> {
    run.sources("same").map(|other| one(run, image, other)).collect()
}

fn one(run: &Run<'_>, image: (u32, &Source), other: (u32, &Source)) -> Result<Finding, Problem> {
    let named = |finding: Finding| finding.arg("other", &other.1.name);
    let sha256 = run.sha256(other)?;
    if sha256 == run.sha256(image)? {
        return Ok(named(Finding::new(&kinds::READS_AGREE)));
    }
    let Differences { mut bytes, mut places } = differences(run, image, other)?;
    let (shorter, longer) = (image.1.size.min(other.1.size), image.1.size.max(other.1.size));
    if shorter < longer {
        bytes = bytes.saturating_add(longer.saturating_sub(shorter));
        places.push(Span::between(shorter, longer));
    }
    let more = places.len().saturating_sub(NAMED);
    let shown = places.iter().take(NAMED).map(|place| format!("{:#x}+{:#x}", place.offset, place.length));
    let mut text = shown.collect::<Vec<_>>().join(", ");
    if more > 0 {
        text.push_str(", …");
    }
    let first = places.first().copied().unwrap_or(Span::new(0, 0));
    let finding = named(Finding::new(&kinds::READS_DIFFER)).at("readings", "image", first);
    Ok(finding.arg("bytes", bytes).arg("places", text).compared(None, sha256.hex()))
}

/// Bytes that differ, and the first places at which they do.
struct Differences {
    bytes: u64,
    places: Vec<Span>,
}

fn differences(run: &Run<'_>, image: (u32, &Source), other: (u32, &Source)) -> Result<Differences, Problem> {
    let size = image.1.size.min(other.1.size);
    let mut found = Differences { bytes: 0, places: Vec::new() };
    let mut at = 0;
    while at < size {
        let place = Span::between(at, size);
        let (here, there) = (run.piece(image, place)?, run.piece(other, place)?);
        // Most pieces are equal, and compared as such.
        if here != there {
            let bytes = (at..).zip(here.iter().zip(&there));
            bytes.filter(|(_, (one, other))| one != other).for_each(|(offset, _)| found.add(offset));
        }
        at = at.saturating_add(PIECE);
    }
    Ok(found)
}

impl Differences {
    /// Counts a byte, and keeps its place while there are few.
    fn add(&mut self, offset: u64) {
        self.bytes = self.bytes.saturating_add(1);
        // One more than is named tells that there are more.
        let few = self.places.len() <= NAMED;
        match self.places.last_mut() {
            Some(place) if place.end() == offset => place.length = place.length.saturating_add(1),
            _ if few => self.places.push(Span::new(offset, 1)),
            _ => {}
        }
    }
}
