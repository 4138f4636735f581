//! AMD microcode containers.
//!
//! Linux 6.12 `arch/x86/kernel/cpu/microcode/amd.c` and `Documentation/arch/x86/microcode.rst`; AMD publishes no
//! specification.
//!
//! ```text
//! 0x00 magic "DMA\0"   4     patch section             patch
//! 0x04 type 0          4     0x00 type 1    4          0x00 data_code (BCD mmddyyyy)  4
//! 0x08 size            4     0x04 size      4          0x04 patch_id                  4
//! 0x0c equivalence table:    0x08 patch, size          0x18 processor_rev_id          2
//!      installed_cpu 4, errata 8, equiv_cpu 2, 2       0x40 encrypted
//! ```
//!
//! A file may hold several containers, one behind the other.
//!
//! Loader modelled: Linux, which walks the sections of each container. Ambiguities: none beyond two patches for one
//! processor, which are two components of one path. Limitations: patches are encrypted and carry no checksum that is
//! documented.
//!
//! ## Normal form
//!
//! None is needed: tables and patches are leaves, compared as they lie, and so is what lies behind them.
//!
//! Of these Linux uses the equivalence table, and of a patch `patch_id`, `processor_rev_id` and the encrypted rest; all
//! of that is in the leaf, only the first two are facts. What we read and it does not: the date.

use kiwame_image::{
    Anchor, Builder, DefectKind, Fact, Format, Glance, Input, Node, Reading, Sure, Trouble, fact,
};

/// Containers of patches.
#[derive(Debug)]
pub(crate) struct AmdMicrocode;

impl Format for AmdMicrocode {
    fn name(&self) -> &'static str {
        "amd-microcode"
    }

    fn about(&self) -> &'static str {
        "AMD microcode containers: equivalence table and patches"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let size = u64::from(head.u32_le(8)?);
        let found = head.bytes(0, 4)? == MAGIC
            && head.u32_le(4)? == EQUIVALENCE
            && size.checked_rem(ENTRY) == Some(0)
            && size < head.size();
        found.then(|| Reading::new(self, Sure::Structure))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let mut walk = Walk { at, start: 0, containers: 0 };
        if let Err(trouble) = walk.all(out) {
            out.trouble(trouble);
        }
        let rest = walk.at.from(walk.start);
        out.add(Node::new("amd-microcode", "behind", "amd-microcode-behind", rest).unknown());
    }
}

static ANCHOR: Anchor = Anchor {
    marks: &[MAGIC],
    at: 0,
    whole: |at, _| {
        if AmdMicrocode.probe(&Glance::new(&at.head(SECTION)?, at.length())).is_none() {
            return Ok(None);
        }
        let (mut end, mut patches) = (0_u64, 0_u32);
        while let Some(length) = section(at, end)? {
            at.spend(length.max(LEAST_WORK))?;
            patches = patches.saturating_add(u32::from(end > 0));
            end = end.saturating_add(length);
        }
        Ok(Some(end).filter(|_| patches > 0))
    },
};

struct Walk<'a> {
    at: Input<'a>,
    start: u64,
    containers: u32,
}

impl<'a> Walk<'a> {
    fn all(&mut self, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        while self.start < self.at.length() {
            let Some(length) = section(&self.at, self.start)? else { return Ok(()) };
            let input = self.at.slice(self.start, length);
            if input.head(4)?.starts_with(MAGIC) {
                let node =
                    Node::new("amd-microcode", self.containers.to_string(), "amd-microcode-table", input);
                out.add(node.component());
                self.containers = self.containers.saturating_add(1);
            } else {
                out.add(patch(input)?);
            }
            self.start = self.start.saturating_add(length);
        }
        Ok(())
    }
}

/// Length of the table or patch at `start`, with its header, if all of it is there.
fn section(at: &Input<'_>, start: u64) -> Result<Option<u64>, Trouble> {
    let head = at.slice(start, SECTION).window()?;
    let room = at.length().saturating_sub(start);
    let fits = |header: u64, size: u32| u64::from(size).checked_add(header).filter(|&length| length <= room);
    Ok(match (word(&head, 0), word(&head, 4), word(&head, 8)) {
        (Some(MAGIC_WORD), Some(EQUIVALENCE), Some(size)) => fits(SECTION, size),
        (Some(PATCH), Some(size), _) if size >= 0x20 => fits(PATCH_HEADER, size),
        _ => None,
    })
}

/// A patch with the header of its section.
fn patch(input: Input<'_>) -> Result<Node<'_>, Trouble> {
    let head = input.head(PATCH_HEADER.saturating_add(0x20))?;
    let mut reader = head.reader(&TRUNCATED);
    reader.bytes(PATCH_HEADER, "type, size")?;
    let date = reader.u32_le("data_code")?;
    let id = reader.u32_le("patch_id")?;
    reader.bytes(16, "mc_patch_data_id to sb_dev_id")?;
    let processor = reader.u16_le("processor_rev_id")?;
    let date = format!("{:04x}-{:02x}-{:02x}", date & 0xffff, date >> 24, date >> 16 & 0xff);
    Ok(Node::new("amd-patch", format!("{processor:04x}"), "amd-microcode", input)
        .component()
        .name(format!("processor {processor:04x}, patch {id:#x}, {date}"))
        .with(&PROCESSOR, processor)
        .with(&fact::REVISION, id)
        .with(&fact::DATE, date))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

const MAGIC: &[u8] = b"DMA\0";
/// What a look at a section costs at least.
const LEAST_WORK: u64 = 512;
const MAGIC_WORD: u32 = 0x0041_4d44;
/// Section types.
const EQUIVALENCE: u32 = 0;
const PATCH: u32 = 1;
/// Magic, type and size of an equivalence table.
const SECTION: u64 = 12;
/// Type and size of a patch.
const PATCH_HEADER: u64 = 8;
/// Size of an entry of an equivalence table.
const ENTRY: u64 = 16;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&TRUNCATED];

/// The container ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("amd-microcode/truncated").cut_short();

// Facts, in the words of the specification.
static PROCESSOR: Fact = Fact::new("processor");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};
    use kiwame_image::Value;

    fn sample() -> Vec<u8> {
        let mut file = MAGIC.to_vec();
        file.extend([0, 0, 0, 0, 16, 0, 0, 0]);
        file.extend([0; 16]);
        file.extend([1, 0, 0, 0, 0x40, 0, 0, 0]);
        let mut patch = vec![0; 0x40];
        put(&mut patch, 0, &0x0312_2024_u32.to_le_bytes());
        put(&mut patch, 4, &0x0830_107c_u32.to_le_bytes());
        put(&mut patch, 24, &0x8310_u16.to_le_bytes());
        file.extend(patch);
        file
    }

    #[test]
    fn containers_one_behind_the_other_are_split_into_patches() {
        let file = [sample(), sample(), b"rest".to_vec()].concat();
        let tree = parse(&AmdMicrocode, &file);
        let kinds: Vec<_> = leaves(&tree).into_iter().map(|leaf| (leaf.0, leaf.1, leaf.3)).collect();
        let expected = [
            ("amd-microcode-table", "0".to_owned(), 28),
            ("amd-microcode", "8310".to_owned(), 72),
            ("amd-microcode-table", "1".to_owned(), 28),
            ("amd-microcode", "8310".to_owned(), 72),
            ("amd-microcode-behind", "behind".to_owned(), 4),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "amd-patch:8310").attribute("revision"), Some(&Value::Uint(0x0830_107c)));
    }

    #[test]
    fn hostile_bytes() {
        torture(&AmdMicrocode, &sample());
    }
}
