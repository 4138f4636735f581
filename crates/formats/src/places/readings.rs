//! Which format reads some bytes, and what else could read them.
//!
//! All readings are kept (RULES 5). What begins at the first byte goes before what begins later, a format before those that
//! it lies over, then the surer one, then the order of the list. Another reading that remains makes the bytes ambiguous. What
//! runs is decided by any format that knows programs, whoever takes the bytes apart (RULES 29): no bytes that a file can
//! carry make it something less.

use kiwame_image::{Builder, Defect, DefectKind, Format, Glance, Input, Reading, Sure, Trouble, fact};

use crate::boot::uboot_env;
use crate::boot::uimage;

/// What can be said of some bytes by their head.
#[derive(Debug)]
pub(crate) struct Readings {
    /// The format that reads them.
    pub(crate) format: &'static dyn Format,
    /// How it recognises them; `None` when nobody does.
    found: Option<Reading>,
    /// Another format that could as well read them.
    pub(crate) other: Option<&'static str>,
    /// A loader could take them for a program.
    pub(crate) runs: bool,
    /// Nobody recognises them, and they were an environment.
    torn: bool,
}

type Found = (Reading, &'static dyn Format);

impl Readings {
    pub(crate) fn of(head: &Glance<'_>) -> Self {
        Self::among(head, None, None)
    }

    /// What can be said of a region. A format that takes it by its head and cannot go on gives it to the others.
    pub(crate) fn of_input(at: &Input<'_>) -> Result<Self, Trouble> {
        Self::of_signed(at, None)
    }

    /// As [`Readings::of_input`]; the format that a signed manifest names goes before all others that recognise the bytes.
    pub(crate) fn of_signed(at: &Input<'_>, signed: Option<&str>) -> Result<Self, Trouble> {
        let head = at.head(Glance::LENGTH)?;
        let glance = Glance::new(&head, at.length()).with_tail_of(at);
        let readings = Self::among(&glance, signed, None);
        let name = readings.format.name();
        let open = readings.found.is_some_and(|found| found.sure < Sure::Structure);
        // Where only more than the head can tell.
        let confirmed = match name {
            uboot_env::NAME if open => uboot_env::size_at(at)?.is_some(),
            uimage::NAME if open => uimage::data_are_right(at)?,
            _ => true,
        };
        Ok(if confirmed { readings } else { Self::among(&glance, signed, Some(name)) })
    }

    fn among(head: &Glance<'_>, signed: Option<&str>, without: Option<&str>) -> Self {
        let formats = crate::formats().filter(|format| without != Some(format.name()));
        let all: Vec<Found> = formats.filter_map(|format| Some((format.probe(head)?, format))).collect();
        let rank = |reading: &Found| {
            let (found, format) = reading;
            let below = all.iter().any(|(_, other)| other.over().contains(&format.name()));
            (signed == Some(format.name()), found.begins == 0, !below, found.sure)
        };
        // `max_by_key` would keep the last of equals; the first is meant.
        let best = all.iter().rev().max_by_key(|reading| rank(reading));
        let runs = head.bytes(0, 2) == Some(b"#!") || crate::formats().any(|format| format.runs(head));
        let Some(&(found, format)) = best else {
            let torn = uboot_env::is_torn(head.all());
            return Self { format: &super::raw::Raw, found: None, other: None, runs, torn };
        };
        let agrees = |other: &dyn Format| {
            other.name() == format.name()
                || format.over().contains(&other.name())
                || other.over().contains(&format.name())
        };
        let remains = |reading: &&Found| {
            reading.0.begins == 0 && reading.0.sure >= Sure::Structure && !agrees(reading.1)
        };
        let other = all.iter().find(remains).map(|(_, other)| other.name());
        let other = other.filter(|_| found.begins == 0);
        Self { format, found: Some(found), other, runs, torn: false }
    }

    /// True when some format recognises the bytes.
    pub(crate) fn is_known(&self) -> bool {
        self.found.is_some()
    }

    /// Says of the current region, which these bytes are, that a loader could take it for a program.
    pub(crate) fn note_program(&self, out: &mut Builder<'_, '_>) {
        if self.runs {
            out.fact(&fact::EXECUTABLE, true);
        }
    }

    /// Says of the current region, which these bytes are, what else could read them.
    pub(crate) fn note(&self, at: &Input<'_>, out: &mut Builder<'_, '_>) {
        self.note_program(out);
        if self.torn {
            uboot_env::note_torn(at, out);
        }
        if let Some(other) = self.other {
            out.defect(Defect::new(&TWO_READINGS, "magic", at.offset(), other, self.format.name()));
        }
    }
}

/// Takes the current region apart by whatever recognises its head.
pub(super) fn open<'a>(at: Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let readings = Readings::of_input(&at)?;
    readings.note(&at, out);
    readings.format.parse(at, out);
    Ok(())
}

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&TWO_READINGS];

/// Two formats read the same bytes, and neither lies over the other.
static TWO_READINGS: DefectKind = DefectKind::ambiguous("content/two-readings");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;

    #[test]
    fn a_format_goes_before_those_that_it_lies_over() {
        for format in crate::formats() {
            for below in format.over() {
                assert!(crate::named(below).is_some(), "{} lies over {below}, which is none", format.name());
            }
        }
    }

    #[test]
    fn a_program_stays_one_with_a_descriptor_in_its_unused_header() {
        let mut image = vec![0; 0x400];
        image[..2].copy_from_slice(b"MZ");
        image[0x3c] = 0x80;
        image[0x80..0x84].copy_from_slice(b"PE\0\0");
        image[0x98..0x9a].copy_from_slice(&0x20bu16.to_le_bytes());
        let readings = Readings::of(&Glance::new(&image, image.len() as u64));
        assert_eq!((readings.format.name(), readings.runs, readings.other), ("pe", true, None));
        image[0x10..0x14].copy_from_slice(&0x0ff0_a55au32.to_le_bytes());
        assert!(Readings::of(&Glance::new(&image, image.len() as u64)).runs);
        // Where the header with the signature lies beyond the head, a loader looks all the same.
        image[0x3e] = 0x20;
        assert!(Readings::of(&Glance::new(&image, 0x40_0000)).runs);
    }
}
