//! What lies in padding beside firmware volumes without any header around it: microcode updates, the firmware interface
//! table, and whatever else `search.rs` looks for; and whole firmware volumes where nobody has looked for them.
//!
//! Loader modelled: processors, and firmware that finds updates through the table or by searching. Ambiguities: none
//! of its own. Limitations: as in `search.rs`; everything else stays bytes that are not understood. Beside variable stores
//! and in pad files a volume is opened only when all of it is there: the spare block of a fault-tolerant write holds a copy
//! of the volume's first half.
//!
//! ## Normal form
//!
//! None: an update or a table found is a region, what lies between is fill or a leaf that is not understood.

use kiwame_image::{Builder, Content, Input, Node, Trouble};

use super::flash;
use super::search::{Find, Search};
use crate::uefi::image;
use crate::x86::interface_table;
use crate::x86::microcode;

/// For regions that are not erased and that nothing else takes apart. Adds nothing when it finds nothing, so that the
/// region stays the leaf that its parent made of it.
pub(super) fn open<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    if is_fill(out) { Ok(()) } else { search(at, out) }
}

/// The same for regions where whole volumes may lie as well.
pub(super) fn open_beside_volumes<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    if is_fill(out) || image::lay_out_whole(at, out) { Ok(()) } else { search(at, out) }
}

fn is_fill(out: &Builder<'_, '_>) -> bool {
    out.look(out.region()).is_some_and(|region| region.content == Content::Fill)
}

fn search<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let mut search = Search::new(at, out.room(None)?);
    let (mut done, mut next, mut gaps) = (0_u64, 0_u64, 0_u32);
    while let Some(find) = search.next(next)? {
        if VOLUMES.contains(&find.format.name()) {
            next = find.start.saturating_add(1);
            continue;
        }
        beside(at.slice(done, find.start.saturating_sub(done)), &mut gaps, out);
        done = find.start.saturating_add(add(at, &find, out)?);
        next = done;
    }
    if done > 0 {
        beside(at.from(done), &mut gaps, out);
    }
    Ok(())
}

/// Adds what was found and returns its length: updates and tables as they are, anything else as in raw flash.
fn add<'a>(at: &Input<'a>, find: &Find, out: &mut Builder<'_, 'a>) -> Result<u64, Trouble> {
    let (node, length) = match (find.format.name(), microcode::update_at(at, find.start)?) {
        ("microcode", Some(update)) => (update.node(at, find.start).searched(), update.total),
        ("fit", _) => (interface_table::node(at, find.start, find.length).searched(), find.length),
        _ => (flash::node(at, find), find.length),
    };
    out.add(node);
    Ok(length)
}

fn beside<'a>(input: Input<'a>, number: &mut u32, out: &mut Builder<'_, 'a>) {
    if !input.is_empty() {
        out.add_fill(Node::new("padding", number.to_string(), "padding", input), ERASED);
        *number = number.saturating_add(1);
    }
}

const ERASED: u8 = 0xff;
/// What was looked for already, or is a copy of what lies beside it: variables in a spare block are no variables.
const VOLUMES: [&str; 3] = ["uefi-volume", "uefi-image", "nvram"];

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Format, Glance, Place, Reading, Recognised};

    use super::*;
    use crate::testing::{defects, leaves, parse, put, torture};
    use crate::x86::microcode::tests::sample;

    /// Erased bytes, an update, a table of two entries, and bytes that nobody knows.
    fn padding() -> Vec<u8> {
        let mut bytes = vec![0xff; 0x40];
        bytes.extend(sample());
        bytes.extend(table());
        bytes.extend(b"unknown");
        bytes
    }

    /// An interface table whose second entry points to the update.
    fn table() -> Vec<u8> {
        let mut table = b"_FIT_   \x02\0\0\0\0\x01\x80\0".to_vec();
        table.extend(0xffff_f040_u64.to_le_bytes());
        table.extend([0, 0, 0, 0, 0, 1, 1, 0]);
        let sum = table.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        table[15] = sum.wrapping_neg();
        table
    }

    /// 4 KiB that end at 4 GiB.
    fn image() -> Vec<u8> {
        let mut image = padding();
        image.resize(0x1000, 0xff);
        put(&mut image, 0xfc0, &0xffff_f440_u64.to_le_bytes());
        image
    }

    /// The checks of a whole image, over the same search.
    #[derive(Debug)]
    struct Image;

    impl Format for Image {
        fn name(&self) -> &'static str {
            "image"
        }

        fn about(&self) -> &'static str {
            "test"
        }

        fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
            None
        }

        fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
            interface_table::check(&at, out).expect("readable");
            Recognised(Place::Padding).parse(at, out);
        }
    }

    #[test]
    fn updates_and_tables_are_found_between_bytes_that_are_not_split() {
        let tree = parse(&Recognised(Place::Padding), &padding());
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|leaf| (leaf.0, leaf.2)).collect();
        let expected = [
            ("padding", 0),
            ("microcode-header", 0x40),
            ("microcode-data", 0x70),
            ("microcode-signatures", 0x170),
            ("microcode-rest", 0x190),
            ("fit-entry", 0x440),
            ("fit-entry", 0x450),
            ("padding", 0x460),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn a_region_without_any_stays_what_it_was() {
        assert_eq!(leaves(&parse(&Recognised(Place::Padding), &[7; 100])).len(), 1);
    }

    #[test]
    fn the_pointer_at_the_end_is_followed() {
        let tree = parse(&Image, &image());
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(tree.regions().next().and_then(|root| root.attribute("fit")), Some(&0x440u64.into()));
    }

    #[test]
    fn an_entry_for_microcode_that_points_elsewhere_is_ambiguous() {
        let with = |address: u64| {
            let mut image = image();
            put(&mut image, 0x450, &address.to_le_bytes());
            let tree = parse(&Image, &image);
            assert!(
                tree.defects().iter().all(|defect| defect.kind.ambiguous || defect.kind.id == "fit/checksum")
            );
            defects(&tree)
        };
        assert_eq!(with(0xffff_f050), ["fit/target", "fit/checksum"]);
        assert_eq!(with(0xfff0_0000), ["fit/beyond", "fit/checksum"]);
        assert_eq!(with(0xffff_f800), ["fit/checksum"], "a slot for an update to come");
    }

    #[test]
    fn hostile_bytes() {
        torture(&Recognised(Place::Padding), &padding());
        torture(&Image, &image()[0x400..]);
    }
}
