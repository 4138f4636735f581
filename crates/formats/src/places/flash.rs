//! Raw flash: partitions that nothing in the image marks.
//!
//! With the layout of a manifest or of `firmware.toml`, each partition is a region, taken apart by whatever recognises
//! it. Without one, images are searched for from the front to the back, as `search.rs` says. What lies behind an image
//! that says how long it is, is searched too.
//!
//! Loader modelled: boot ROMs and boot loaders that have the offsets compiled in. Ambiguities: partitions that overlap,
//! or leave the image. Limitations: what has no magic is found at multiples of 4 KiB only; two journalling file systems that
//! adjoin look like one, since every erase block of theirs begins alike.
//!
//! ## Normal form
//!
//! None: what lies between partitions is fill or a leaf that is not understood.

use std::rc::Rc;

use kiwame_image::{
    Builder, Content, Defect, DefectKind, Environment, Format, Glance, Input, Node, Partition, Place,
    Recognised, Stage, Trouble, fact,
};

use super::readings::Readings;
use super::search::{Find, Search};
use crate::boot::uboot_env;

/// The name of images that were split by a layout.
pub(crate) const NAME: &str = "raw-flash";

/// Splits an image as a layout says.
#[derive(Debug)]
pub(crate) struct RawFlash(pub(crate) Vec<Partition>);

impl<'a> Stage<'a> for RawFlash {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        out.gaps("between", Some(ERASED));
        for Partition { name, span, erase_block, environment } in &self.0 {
            let input = at.slice(span.offset, span.length);
            if input.length() != span.length {
                out.defect(Defect::new(&PARTITION, "length", span.offset, input.length(), span.length));
            }
            let node = Node::new("partition", name, "partition", input).name(name).component();
            let node = node.erase_block(*erase_block);
            out.add(match environment {
                Some(environment) => node.then_with(Rc::new(OfTwo(*environment))),
                None => node.then(&Recognised(Place::Partition)),
            });
        }
    }
}

/// A partition with one environment of two, as a signed reference has it. A copy that is broken, as a loss of power leaves
/// it, is said to be so: its checksum is wrong under the size that the boot loader was built with.
#[derive(Debug)]
struct OfTwo(Environment);

impl<'a> Stage<'a> for OfTwo {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let broken = Readings::of_input(&at)
            .and_then(|readings| Ok(!readings.is_known() && uboot_env::is_broken(&at, self.0)?));
        match broken {
            Ok(true) => {
                let node = Node::new("uboot-env", "broken", "uboot-env-broken", at);
                out.add(node.unknown().with(&fact::BROKEN, true).then(&Recognised(Place::Unused)));
            }
            Ok(false) => Recognised(Place::Partition).parse(at, out),
            Err(trouble) => out.trouble(trouble),
        }
    }
}

/// What lies behind an image, by searching.
pub(super) fn behind<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    if out.look(out.region()).is_none_or(|region| region.content != Content::Fill) {
        search(at, out)?;
    }
    Ok(())
}

/// Searches bytes that nothing recognises as a whole. False when nothing was found and nothing added.
pub(crate) fn search<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<bool, Trouble> {
    let search = Search::new(at, out.room(None)?);
    add_found(search, at, out)
}

/// As [`search`], for what has a mark only: blocks of file systems that are no longer used begin as those do that are.
pub(crate) fn search_marked<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<bool, Trouble> {
    let search = Search::for_marks(at, out.room(None)?);
    add_found(search, at, out)
}

/// For what nothing reaches any more: what has a mark in it is opened, and nothing is added where nothing has.
pub(super) fn remains<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    // What was not looked through may hold anything.
    search_marked(at, out).inspect_err(|_| out.fact(&fact::EXECUTABLE, true))?;
    Ok(())
}

fn add_found<'a>(
    mut search: Search<'_, 'a>,
    at: &Input<'a>,
    out: &mut Builder<'_, 'a>,
) -> Result<bool, Trouble> {
    let (mut done, mut found) = (0, false);
    while let Some(find) = search.next(done)? {
        out.add(node(at, &find));
        found = true;
        done = find.start.saturating_add(find.length);
    }
    if found {
        out.gaps("between", Some(ERASED));
    }
    Ok(found)
}

/// What was found, as a partition that its format takes apart.
pub(crate) fn node<'a>(at: &Input<'a>, find: &Find) -> Node<'a> {
    let input = at.slice(find.start, find.length);
    let key = format!("{:#x}", input.offset());
    let node = Node::new("found", key, "partition", input).component().searched();
    node.then_with(Rc::new(Found(find.format)))
}

/// Something that was found: whether it could run is said wherever it lies.
#[derive(Debug)]
struct Found(&'static dyn Format);

impl<'a> Stage<'a> for Found {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match at.head(Glance::LENGTH) {
            Ok(head) => Readings::of(&Glance::new(&head, at.length())).note_program(out),
            Err(trouble) => out.trouble(trouble),
        }
        self.0.parse(at, out);
    }
}

const ERASED: u8 = 0xff;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&PARTITION];

/// A partition of the signed layout lies beyond the image.
static PARTITION: DefectKind = DefectKind::ambiguous("raw-flash/partition").cut_short();

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Limits, Memory, Options, Span, len64, to_usize};

    const STEP: u64 = 4096;

    use super::*;
    use crate::testing::{check_tiling, defects, leaves};
    use crate::x86::microcode::tests::sample;

    fn split(bytes: &[u8], layout: &[(&str, u64, u64)]) -> kiwame_image::Tree {
        let part = |&(name, offset, length): &(&str, u64, u64)| Partition {
            name: name.to_owned(),
            span: Span::new(offset, length),
            erase_block: None,
            environment: None,
        };
        let layout = layout.iter().map(part);
        let options = Options { layout: layout.collect(), ..Options::default() };
        let host = Memory::new([bytes.to_vec()]);
        let tree = crate::parse(&host, 0, bytes.len() as u64, &Limits::default(), &options).expect("memory");
        check_tiling(&tree);
        tree
    }

    fn flash() -> Vec<u8> {
        let mut flash = vec![0xff; 4 * STEP as usize];
        let update = sample();
        flash[STEP as usize..][..update.len()].copy_from_slice(&update);
        flash[3 * STEP as usize..][..4].copy_from_slice(b"data");
        flash
    }

    #[test]
    fn a_layout_makes_partitions_and_what_lies_between_is_erased_or_not_known() {
        let tree = split(&flash(), &[("a", 0x1000, 0x1000), ("b", 0x2000, 0x800)]);
        assert_eq!(tree.format(), "raw-flash");
        let shown: Vec<_> = leaves(&tree).into_iter().map(|leaf| (leaf.0, leaf.2)).collect();
        assert_eq!(shown.first(), Some(&("between", 0)));
        assert!(shown.contains(&("microcode-header", 0x1000)), "{shown:?}");
        assert_eq!(shown.last(), Some(&("between", 0x2800)));
        let unknown = tree.leaves().filter(|leaf| leaf.content == Content::Unknown);
        assert!(unknown.into_iter().any(|leaf| leaf.span.offset == 0x2800), "data between partitions");
    }

    #[test]
    fn a_partition_that_begins_with_erased_space_is_searched() {
        let mut flash = vec![0xff; to_usize(Glance::LENGTH)];
        flash.extend([b'?'; 3]);
        flash.extend(sample());
        let tree = split(&flash, &[("a", 0, len64(&flash))]);
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|leaf| leaf.0).collect();
        assert_eq!(kinds[..2], ["between", "microcode-header"]);
    }

    #[test]
    fn partitions_that_overlap_or_leave_the_image_are_ambiguous() {
        let tree = split(&flash(), &[("a", 0, 0x1000), ("b", 0xfff, 0x10), ("c", 0x3000, 0x1001)]);
        assert_eq!(defects(&tree), ["region/overlap", "raw-flash/partition"]);
    }

    #[test]
    fn without_a_layout_images_are_found_at_erase_blocks() {
        let tree = split(&flash(), &[]);
        assert_eq!(tree.format(), "raw");
        let found = tree.regions().filter(|region| region.segment.format == "found");
        assert_eq!(found.map(|region| region.span.offset).collect::<Vec<_>>(), [0x1000]);
        assert_eq!(to_usize(tree.spaces()[0].size), flash().len());
    }

    #[test]
    fn a_volume_is_found_where_it_begins_and_not_where_it_can_be_seen() {
        let volume = crate::uefi::fixtures::volume(crate::uefi::fixtures::FFS2, &[], 0x1000);
        let mut flash = vec![0xff; 24 * STEP as usize];
        flash[15 * STEP as usize..][..4].copy_from_slice(b"data");
        flash[20 * STEP as usize..][..volume.len()].copy_from_slice(&volume);
        // Of something whole the head is looked through, since padding may come first.
        let from_data = &flash[15 * STEP as usize..];
        assert_eq!(crate::identify(&Glance::new(from_data, len64(from_data))).name(), "uefi-image");
        let tree = crate::testing::parse(&Recognised(Place::Behind), &flash);
        let found = tree.regions().filter(|region| region.segment.format == "found");
        assert_eq!(found.map(|region| region.span.offset).collect::<Vec<_>>(), [20 * STEP]);
    }

    #[test]
    fn the_blocks_of_a_journalling_file_system_are_one_partition() {
        // A file system of two erase blocks: mkfs.jffs2 puts the same mark at the start of each.
        let mut flash = vec![0xff; 5 * STEP as usize];
        let part = include_bytes!("../../../../firmware-samples/router/parts/overlay-genuine.jffs2");
        let (mark, nodes) = (&part[..12], &part[..624]);
        assert_eq!(mark[2..4], [3, 0x20], "a cleanmarker");
        flash[STEP as usize..][..nodes.len()].copy_from_slice(nodes);
        flash[2 * STEP as usize..][..mark.len()].copy_from_slice(mark);
        let update = sample();
        flash[4 * STEP as usize..][..update.len()].copy_from_slice(&update);
        let tree = split(&flash, &[]);
        let found = tree.regions().filter(|region| region.segment.format == "found");
        let shown: Vec<_> = found.map(|region| (region.span.offset, region.span.length)).collect();
        assert_eq!(shown, [(0x1000, 0x3000), (0x4000, 0x400)]);
    }
}
