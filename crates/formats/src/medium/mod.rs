//! Media: flash as it is, with what is erased, what a layout names, and what an unmounted overlay begins with.
//!
//! What lies in it is recognised by its first bytes or found by searching; nothing here knows a file system.

use kiwame_image::Format;

pub(crate) mod fill;
pub(crate) mod overlay_mark;

/// In the order in which equal matches win.
pub(crate) static FORMATS: &[&dyn Format] = &[&fill::Fill, &overlay_mark::OverlayMark];
