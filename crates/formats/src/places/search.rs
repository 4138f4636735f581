//! One search for everything that says somewhere that it begins: at every byte for what has a mark, at every 4 KiB, the
//! smallest erase block of NOR flash, for what has none (an environment, a journalling file system).
//!
//! A find counts when its format confirms it: by its own length and checksum, or by a structure that is as sure (see
//! [`Anchor`](kiwame_image::Anchor)). The search goes on behind it, so that what lies in it is its own. What does not say
//! how long it is does not count, but for a journalling file system, whose blocks all begin alike: it goes on to the next
//! block that begins with something else.
//!
//! What is found is marked as such ([`Node::searched`](kiwame_image::Node::searched)): no bytes become more acceptable
//! than they were unfound (RULES 33).

use kiwame_image::{Anchor, Format, Glance, Input, Reading, Span, Sure, Trouble, Window, all_are, len64};

use crate::boot::uboot_env;
use crate::x86::interface_table;

/// What was found, and where in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Find {
    pub(crate) start: u64,
    pub(crate) length: u64,
    pub(crate) format: &'static dyn Format,
}

impl Find {
    fn of(at: &Input<'_>, start: u64, length: Option<u64>, format: &'static dyn Format) -> Option<Self> {
        let length = length?.min(at.length().saturating_sub(start));
        (length > 0).then_some(Self { start, length, format })
    }
}

/// A search through some bytes.
pub(crate) struct Search<'i, 'a> {
    at: &'i Input<'a>,
    ahead: Ahead<'i, 'a>,
    marks: Marks,
    /// Formats that are looked for at steps, because nothing marks them.
    unmarked: Vec<&'static dyn Format>,
    /// The most that a stream may decode to.
    room: u64,
}

impl<'i, 'a> Search<'i, 'a> {
    pub(crate) fn new(at: &'i Input<'a>, room: u64) -> Self {
        let unmarked = crate::formats().filter(|format| marks_of(*format).is_empty()).collect();
        Self { at, ahead: Ahead { at, window: None }, marks: Marks::all(), unmarked, room }
    }

    /// A search for what has a mark alone.
    pub(crate) fn for_marks(at: &'i Input<'a>, room: u64) -> Self {
        Self { unmarked: Vec::new(), ..Self::new(at, room) }
    }

    /// What is found next, `from` bytes from the front or behind that.
    pub(crate) fn next(&mut self, from: u64) -> Result<Option<Find>, Trouble> {
        let mut start = from;
        while start < self.at.length() {
            if let Some(find) = self.unmarked(start)? {
                return Ok(Some(find));
            }
            let end = self.step_behind(start).min(self.at.length());
            if let Some(find) = self.marked(from, start, end)? {
                return Ok(Some(find));
            }
            start = end;
        }
        Ok(None)
    }

    fn step_behind(&self, start: u64) -> u64 {
        let over = self.at.offset().saturating_add(start) % STEP;
        start.saturating_add(STEP.saturating_sub(over))
    }

    /// What begins at a step and has no mark.
    fn unmarked(&mut self, start: u64) -> Result<Option<Find>, Trouble> {
        let Some((format, matched)) = self.probe(start)? else { return Ok(None) };
        let length = match (matched.length, format.anchor()) {
            _ if matched.repeats => Some(self.end_of_blocks(start, format)?.saturating_sub(start)),
            (Some(length), _) => Some(length),
            (None, Some(anchor)) => (anchor.whole)(&self.at.from(start), self.room)?,
            (None, None) => None,
        };
        Ok(Find::of(self.at, start, length, format))
    }

    /// The surest reading, by a format without a mark, of what begins at a step.
    fn probe(&mut self, start: u64) -> Result<Option<(&'static dyn Format, Reading)>, Trouble> {
        if !self.at.offset().saturating_add(start).is_multiple_of(STEP) {
            return Ok(None);
        }
        // Most of a flash is erased or zero; nothing begins with so many bytes of one value.
        let first = self.ahead.bytes(start, LOOK)?;
        if first.first().is_none_or(|&byte| first.iter().all(|other| *other == byte)) {
            return Ok(None);
        }
        // Settings, which only a sum over all of an environment can tell: a flash has a few of them, and a hostile one as many
        // as the budget for decoding has room for.
        if uboot_env::is_costly(self.ahead.bytes(start, LOOK.saturating_mul(2))?) {
            let longer = uboot_env::size_at(&self.at.from(start))?;
            if let Some(length) = longer.filter(|&length| length > Glance::LENGTH) {
                let env: &dyn Format = &uboot_env::UbootEnv;
                return Ok(Some((env, Reading::new(env, Sure::Checked).of_length(length))));
            }
        }
        let size = self.at.length().saturating_sub(start);
        let head = Glance::of_step(self.ahead.bytes(start, Glance::LENGTH)?, size, STEP);
        let readings = self.unmarked.iter().rev().filter_map(|format| Some((*format, format.probe(&head)?)));
        let sure = readings.filter(|(_, matched)| matched.sure >= Sure::Structure && matched.begins == 0);
        Ok(sure.max_by_key(|(_, matched)| matched.sure))
    }

    /// Where the blocks of what begins at `start` end: at a step where something else begins, or where nothing is left.
    fn end_of_blocks(&mut self, start: u64, format: &'static dyn Format) -> Result<u64, Trouble> {
        let mut next = self.step_behind(start);
        while next < self.at.length() {
            let other = match self.probe(next)? {
                Some((other, _)) => other.name() != format.name(),
                None => self.marked_at(next)?,
            };
            if other {
                break;
            }
            next = self.step_behind(next);
        }
        Ok(next.min(self.at.length()))
    }

    /// True when something that has a mark begins there.
    fn marked_at(&mut self, start: u64) -> Result<bool, Trouble> {
        let here = self.at.from(start);
        for marked in &self.marks.all {
            let bytes = self.ahead.bytes(start.saturating_add(marked.anchor.at), LONGEST_MARK)?;
            if bytes.starts_with(marked.mark) && (marked.anchor.whole)(&here, self.room)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What has its mark at `start` or behind it, before `end`, and begins at `least` or behind that.
    fn marked(&mut self, least: u64, start: u64, end: u64) -> Result<Option<Find>, Trouble> {
        let mut next = start;
        while next < end {
            let left = end.saturating_sub(next);
            let bytes = self.ahead.bytes(next, left.saturating_add(LONGEST_MARK))?;
            let Some((place, rest)) = self.marks.first(bytes).filter(|(place, _)| *place < left) else {
                break;
            };
            let place = next.saturating_add(place);
            for marked in self.marks.all.iter().filter(|marked| rest.starts_with(marked.mark)) {
                let begin = place.checked_sub(marked.anchor.at).filter(|&begin| begin >= least);
                let Some(begin) = begin else { continue };
                let length = (marked.anchor.whole)(&self.at.from(begin), self.room)?;
                if let Some(find) = Find::of(self.at, begin, length, marked.format) {
                    return Ok(Some(find));
                }
            }
            next = place.saturating_add(1);
        }
        Ok(None)
    }
}

/// Reads many steps in one go.
struct Ahead<'i, 'a> {
    at: &'i Input<'a>,
    window: Option<Window>,
}

impl Ahead<'_, '_> {
    /// Up to `length` bytes at `start`, fewer at the end.
    fn bytes(&mut self, start: u64, length: u64) -> Result<&[u8], Trouble> {
        let wanted = self.at.slice(start, length).span();
        let held = |window: &Window| Span::new(window.offset(), len64(window)).contains(wanted);
        if !self.window.as_ref().is_some_and(held) {
            self.window = None;
            self.window = Some(self.at.slice(start, AHEAD).window()?);
        }
        let piece = self
            .window
            .as_ref()
            .and_then(|window| window.piece(wanted.offset.saturating_sub(window.offset()), wanted.length));
        Ok(piece.unwrap_or_default())
    }
}

/// A mark, and who looks for it.
struct Marked {
    mark: &'static [u8],
    format: &'static dyn Format,
    anchor: &'static Anchor,
    /// The next mark that begins with the same byte, as `first` has it.
    alike: u16,
}

/// Everything that is looked for at every byte.
struct Marks {
    all: Vec<Marked>,
    /// For each value of the first byte the number of the first mark that begins with it, counted from one; zero for none.
    first: [u16; 256],
}

impl Marks {
    /// Made anew for each region that is searched, of which there may be thousands: no more than a look at each mark.
    fn all() -> Self {
        let table: &'static dyn Format = &interface_table::Fit;
        let mut all = Vec::with_capacity(MOST_MARKS);
        for format in crate::formats().chain([table]) {
            let Some(anchor) = format.anchor() else { continue };
            all.extend(anchor.marks.iter().map(|mark| Marked { mark, format, anchor, alike: 0 }));
        }
        let mut first = [0; 256];
        for (number, marked) in all.iter_mut().enumerate().rev() {
            let slot = marked.mark.first().and_then(|&byte| first.get_mut(usize::from(byte)));
            let Some(slot) = slot else { continue };
            let number = u16::try_from(number.saturating_add(1)).unwrap_or(0);
            marked.alike = core::mem::replace(slot, number);
        }
        Self { all, first }
    }

    /// True where bytes begin with the start of a mark. Few begin with its first: then nothing else is looked at.
    fn begins(&self, [a, b, c]: [u8; 3]) -> bool {
        let numbered = |number: u16| self.all.get(usize::from(number.checked_sub(1)?));
        let mut next = self.first.get(usize::from(a)).copied().unwrap_or(0);
        while let Some(marked) = numbered(next) {
            let same = |at: usize, byte: u8| marked.mark.get(at).is_none_or(|wanted| *wanted == byte);
            if same(1, b) && same(2, c) {
                return true;
            }
            next = marked.alike;
        }
        false
    }

    /// The first place where a mark may stand, and the bytes from there on. Most of a flash is erased or zero: that is
    /// passed over in larger steps.
    fn first<'b>(&self, bytes: &'b [u8]) -> Option<(u64, &'b [u8])> {
        let blank = |value: u8| !self.begins([value; 3]);
        let (erased, zero) = (blank(0xff), blank(0));
        let mut start = 0;
        while let Some(rest) = bytes.get(start..).filter(|rest| rest.len() >= 3) {
            let piece = rest.get(..LOOK_BEHIND).unwrap_or(rest);
            let skipped = erased && all_are(piece, 0xff) || zero && all_are(piece, 0);
            let found = (!skipped).then(|| {
                piece
                    .windows(3)
                    .position(|three| three.first_chunk().is_some_and(|three| self.begins(*three)))
            });
            if let Some(place) = found.flatten() {
                let place = start.saturating_add(place);
                let rest = bytes.get(place..)?;
                return Some((len64(bytes).saturating_sub(len64(rest)), rest));
            }
            // The last two bytes may begin a mark.
            start = start.saturating_add(piece.len().saturating_sub(2).max(1));
        }
        None
    }
}

fn marks_of(format: &'static dyn Format) -> &'static [&'static [u8]] {
    format.anchor().map_or(&[], |anchor| anchor.marks)
}

/// The smallest erase block of NOR flash.
const STEP: u64 = 4096;
/// Bytes that are read in one go.
const AHEAD: u64 = 256 << 10;
/// Bytes that tell whether a step is worth more.
const LOOK: u64 = 64;
/// Marks of all formats, about.
const MOST_MARKS: usize = 32;
/// No mark is longer.
const LONGEST_MARK: u64 = 16;
/// Bytes that are looked at together, to see whether they are blank.
const LOOK_BEHIND: usize = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{LimitKind, Limits, Memory, RegionId, Tree};

    use super::*;
    use crate::boot::fdt::structure::writing::Writer;
    use crate::testing::check_tiling;
    use crate::x86::microcode::tests::sample;

    fn parse(bytes: &[u8], limits: &Limits) -> Tree {
        let host = Memory::new([bytes.to_vec()]);
        let raw = crate::named("raw").unwrap();
        let tree = kiwame_image::parse(&host, 0, len64(bytes), raw, limits, &crate::options()).unwrap();
        check_tiling(&tree);
        tree
    }

    fn found(bytes: &[u8]) -> Vec<(u64, u64)> {
        let tree = parse(bytes, &Limits::default());
        // What is found in what is no longer used is its own affair.
        let inside = |region: &kiwame_image::Region| tree.ancestors(region.id).any(|around| around.searched);
        let finds = tree.regions().filter(|region| region.searched && !inside(region));
        finds.map(|region| (region.span.offset, region.span.length)).collect()
    }

    /// Bytes without order (xorshift).
    fn noise(length: usize, mut state: u64) -> Vec<u8> {
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
        };
        (0..length.div_ceil(8)).flat_map(|_| next()).take(length).collect()
    }

    fn tree() -> Vec<u8> {
        Writer::default().begin("").property("model", b"board\0").end().finish()
    }

    #[test]
    fn what_has_a_mark_is_found_at_every_place() {
        let tree = tree();
        for at in (0..40).chain([4095, 4096, AHEAD as usize - 3, AHEAD as usize - 1]) {
            let mut bytes = vec![0x11; at];
            bytes.extend(&tree);
            bytes.extend(sample());
            let ends = [(at as u64, len64(&tree)), ((at + tree.len()) as u64, len64(&sample()))];
            assert_eq!(found(&bytes), ends, "{at}");
        }
    }

    #[test]
    fn noise_is_nothing() {
        assert_eq!(found(&noise(4 << 20, 0x9e37_79b9_7f4a_7c15)), []);
    }

    #[test]
    fn nothing_that_is_cut_counts() {
        for whole in [tree(), sample()] {
            for length in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
                assert_eq!(found(&[&[0x11; 3], &whole[..length]].concat()), [], "{length}");
            }
        }
    }

    #[test]
    fn zeros_behind_the_header_of_a_stream_without_magic_are_no_stream() {
        let mut bytes = vec![0x11; 64];
        bytes.extend([0x5d, 0, 0, 1, 0, 0, 0x10, 0, 0, 0, 0, 0, 0]);
        bytes.resize(1 << 16, 0);
        assert_eq!(found(&bytes), []);
    }

    #[test]
    fn what_lies_in_a_journalling_file_system_does_not_end_it() {
        let mut part =
            include_bytes!("../../../../firmware-samples/router/parts/overlay-genuine.jffs2")[..624].to_vec();
        part.resize(0x1000, 0xff);
        let whole = len64(&part);
        part[0x801..0x801 + tree().len()].copy_from_slice(&tree());
        let mut bytes = noise(0x1000, 1);
        bytes.extend(&part);
        bytes.extend([0x11; 16]);
        assert_eq!(found(&bytes), [(0x1000, whole + 16)]);
        bytes.truncate(0x2000);
        bytes.extend(tree());
        assert_eq!(found(&bytes), [(0x1000, whole), (0x2000, len64(&tree()))]);
    }

    #[test]
    fn headers_one_behind_the_other_cost_what_they_may_and_no_more() {
        // Each claims the same long structure, which ends badly.
        let mut tree = tree();
        let size = 1_u32 << 20;
        tree[4..8].copy_from_slice(&size.to_be_bytes());
        tree[0x24..0x28].copy_from_slice(&(size - 0x100).to_be_bytes());
        let mut bytes = tree[..0x28].repeat(8 << 10);
        bytes.resize(2 << 20, 0);
        let limits = Limits { decoded: 64 << 20, ..Limits::default() };
        assert_eq!(parse(&bytes, &limits).limits_hit(), [(LimitKind::Decoded, RegionId::ROOT)]);
        let gzip = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1, 0xff, 0xff, 0, 0].repeat(16 << 10);
        assert_eq!(parse(&gzip, &limits).limits_hit(), [(LimitKind::Decoded, RegionId::ROOT)]);
    }
}
