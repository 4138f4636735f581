//! What nothing around some bytes says, and every format may ask for: which format reads them. This knows all formats, and no
//! format knows this (see [`kiwame_image::Recognised`]).

mod file;
pub(crate) mod flash;
mod padding;
pub(crate) mod raw;
pub(crate) mod readings;
mod search;
mod stream;

use kiwame_image::{Builder, Format as _, Glance, Input, Partition, Place, Recogniser, Stage, Trouble};

use crate::medium::fill;
use readings::Readings;

/// Knows all formats.
#[derive(Debug)]
pub(crate) struct Everybody;

impl Recogniser for Everybody {
    fn open<'a>(&self, place: Place, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let opened = match place {
            Place::Stream => stream::open(at, out, stream::Detail::Full),
            Place::OneOfMany => stream::open(at, out, stream::Detail::Parts),
            Place::File => file::open(at, out),
            Place::Unrecognised => {
                raw::Raw.parse(at, out);
                Ok(())
            }
            Place::Partition => readings::open(at, out),
            Place::Behind => flash::behind(&at, out),
            Place::Padding => padding::open(&at, out),
            Place::BesideVolumes => padding::open_beside_volumes(&at, out),
            Place::Unused => file::open_unused(at, out),
            Place::Remains => flash::remains(&at, out),
        };
        if let Err(trouble) = opened {
            out.trouble(trouble);
        }
    }

    fn could_run(&self, head: &[u8], size: u64) -> bool {
        Readings::of(&Glance::new(head, size)).runs
    }

    fn finds(&self, at: &Input<'_>) -> Result<bool, Trouble> {
        Ok(search::Search::for_marks(at, at.length()).next(0)?.is_some())
    }
}

/// The whole image, by a layout, or by whatever recognises it.
#[derive(Debug)]
pub(crate) struct Whole {
    /// Partitions of an image that does not say where they are.
    pub(crate) layout: Vec<Partition>,
    /// The format by which a signed manifest reads it.
    pub(crate) signed: Option<String>,
}

impl<'a> Stage<'a> for Whole {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = self.open(at, out) {
            out.trouble(trouble);
        }
    }
}

impl Whole {
    fn open<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let mut readings = Readings::of_signed(&at, self.signed.as_deref())?;
        if readings.format.name() == fill::NAME && at.uniform()? != Some(fill::ERASED) {
            readings.format = &raw::Raw;
        }
        let name = readings.format.name();
        if !self.layout.is_empty() && !STRUCTURED.contains(&name) {
            out.image_is(flash::NAME);
            flash::RawFlash(self.layout.clone()).parse(at, out);
            return Ok(());
        }
        out.image_is(name);
        readings.note(&at, out);
        readings.format.parse(at, out);
        Ok(())
    }
}

/// Images of these formats say themselves where their parts are; a layout has only to agree (RULES 13).
const STRUCTURED: &[&str] = &["intel-flash", "uefi-capsule", "uefi-image", "fmap", "cbfs", "cabinet"];
