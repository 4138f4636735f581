//! coreboot: the flash map that says where its parts lie, the file system in some of them, and what its files are.
//!
//! Where a flash map lies is compiled into coreboot, so nothing at the front of an image says that it is one: whoever has a
//! whole flash, or what is left of one beside a descriptor, asks here before anybody looks for volumes or searches.

mod anchor;
mod attribute;
pub(crate) mod cbfs;
mod content;
#[cfg(test)]
mod fixtures;
pub(crate) mod fmap;
mod packing;
mod payload;
mod stage;

use kiwame_image::{Builder, Input, RegionId, Trouble};

/// Takes a flash apart as coreboot would find its parts: by its flash map, else by the pointer in its last bytes. False, with
/// nothing added, when there is neither.
pub(crate) fn lay_out<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> bool {
    let done = fmap::lay_out(at, out).and_then(|done| if done { Ok(true) } else { cbfs::lay_out(at, out) });
    done.unwrap_or_else(|trouble| {
        out.trouble(trouble);
        false
    })
}

/// Says what a whole image is that was taken apart so.
fn name_image(format: &'static str, out: &mut Builder<'_, '_>) {
    if out.region() == RegionId::ROOT {
        out.image_is(format);
    }
}

/// What can go wrong while the bytes of a flash are read, and ends the reading.
type Read<T> = Result<T, Trouble>;
