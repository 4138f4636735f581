//! The mark at the start of an overlay that was never mounted, as OpenWrt's images end with one.
//!
//! OpenWrt fstools `libfstools/volume.h`, `overlay.c` (`volume_identify`): four bytes, `deadc0de`.
//!
//! Loader modelled: `mount_root`, which takes the volume for one that no file system was made on yet, mounts memory
//! instead, and makes the file system when the system is up. Ambiguities: none. Limitations: what lies behind the mark is
//! looked at by nobody there; unless it is erased it is a leaf that is not understood.
//!
//! ## Normal form
//!
//! None: the mark is a leaf, and what lies behind it is fill or another.

use kiwame_image::{Builder, Format, Glance, Input, Node, Reading, Sure, fact};

/// An overlay before its first boot.
#[derive(Debug)]
pub(crate) struct OverlayMark;

impl Format for OverlayMark {
    fn name(&self) -> &'static str {
        "overlay-mark"
    }

    fn about(&self) -> &'static str {
        "OpenWrt's mark of an overlay that was never mounted"
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        (head.bytes(0, 4)? == MARK).then(|| Reading::new(self, Sure::Magic))
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let mark = Node::new("overlay-mark", "mark", "overlay-mark", at.slice(0, 4));
        out.add(mark.with(&fact::EMPTY, true));
        out.add_fill(Node::new("overlay-mark", "free", "overlay-free", at.from(4)), 0xff);
    }
}

const MARK: [u8; 4] = [0xde, 0xad, 0xc0, 0xde];

#[cfg(test)]
mod tests {
    use kiwame_image::Content;

    use super::*;
    use crate::testing::{parse, region, torture};

    #[test]
    fn a_mark_and_erased_space() {
        let mut bytes = MARK.to_vec();
        bytes.resize(64, 0xff);
        assert_eq!(crate::identify(&Glance::new(&bytes, 64)).name(), "overlay-mark");
        assert_eq!(region(&parse(&OverlayMark, &bytes), "overlay-mark:free").content, Content::Fill);
        bytes.extend(b"code");
        assert_eq!(region(&parse(&OverlayMark, &bytes), "overlay-mark:free").content, Content::Unknown);
        torture(&OverlayMark, &bytes);
    }
}
