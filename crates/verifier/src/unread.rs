//! What an acquisition could not read (RULES 1): the map that ddrescue keeps, or places one by one.
//!
//! GNU ddrescue 1.27, "Mapfile structure": lines that begin with `#` are comments, the first other line is the state of the
//! run, and each one behind it is a position, a size and a status, of which `+` is what was read. Numbers are decimal,
//! hexadecimal behind `0x`, or octal behind `0`.

use kiwame_image::{Problem, Span, Spans, Words};
use kiwame_trust::readers;

use crate::problems;
use crate::request::Run;

/// The places of the map that is lent; none without a map.
pub(crate) fn read(run: &Run<'_>, size: u64) -> Result<Spans, Problem> {
    let Some(source) = run.sources("unread").next() else { return Ok(Spans::default()) };
    let of = |problem: Problem| problem.of(&source.1.name);
    let bytes = run.read(source)?;
    let text = readers::text(&bytes).map_err(|error| of(error.problem()))?;
    unread(text, size).map_err(|wrong| {
        of(match wrong {
            Wrong::Line(line) => Problem::new(&problems::UNREAD_LINE).arg("line", Words::plain(line)),
            Wrong::Beyond(line, span) => Problem::new(&problems::UNREAD_BEYOND)
                .arg("line", Words::plain(line))
                .arg("found", format!("{:#x}+{:#x}", span.offset, span.length))
                .arg("size", format!("{size:#x}")),
        })
    })
}

/// What is wrong with a map, and in which line.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    /// It names no place.
    Line(usize),
    /// The place lies behind the end of the image.
    Beyond(usize, Span),
}

/// What was not read of an image of that size: the places that are listed, or all that ddrescue's map does not call read.
fn unread(text: &str, size: u64) -> Result<Spans, Wrong> {
    let lines = text.lines().enumerate().map(|(at, line)| (at.saturating_add(1), line.trim()));
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).peekable();
    // A file that says nothing is no map of a chip that was read in full.
    let (_, first) = lines.peek().ok_or(Wrong::Line(1))?;
    let is_map = first.contains(char::is_whitespace);
    // The first line of a map is the state of the run.
    lines.next_if(|_| is_map);
    let mut listed = Spans::default();
    for (at, line) in lines {
        let (span, is_wanted) = if is_map { block(line) } else { place(line) }.ok_or(Wrong::Line(at))?;
        if span.offset.checked_add(span.length).is_none_or(|end| end > size) {
            return Err(Wrong::Beyond(at, span));
        }
        if is_wanted {
            listed.add(span);
        }
    }
    Ok(if is_map { listed.gaps(Span::new(0, size)).collect() } else { listed })
}

/// A place that was not read.
fn place(line: &str) -> Option<(Span, bool)> {
    let (offset, length) = line.split_once('+')?;
    Some((Span::new(number(offset)?, number(length)?), true))
}

/// A block of ddrescue's map, and whether it was read.
fn block(line: &str) -> Option<(Span, bool)> {
    let mut words = line.split_whitespace();
    let (offset, length, status) = (number(words.next()?)?, number(words.next()?)?, words.next()?);
    let known = ["?", "*", "/", "-", "+"].contains(&status);
    (known && words.next().is_none()).then_some((Span::new(offset, length), status == "+"))
}

fn number(text: &str) -> Option<u64> {
    match (text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")), text.strip_prefix('0')) {
        (Some(hex), _) if !hex.starts_with('+') => u64::from_str_radix(hex, 16).ok(),
        (None, Some(octal)) if !octal.is_empty() && !octal.starts_with('+') => {
            u64::from_str_radix(octal, 8).ok()
        }
        (None, _) if !text.starts_with('+') => text.parse().ok(),
        _ => None,
    }
}

/// The same places of a part of the image, as they lie in it.
pub(crate) fn within(spans: &Spans, part: Span) -> Spans {
    let inside = spans.iter().filter_map(|span| {
        let (start, end) = (span.offset.max(part.offset), span.end().min(part.end()));
        let inside = Span::between(start.checked_sub(part.offset)?, end.checked_sub(part.offset)?);
        (start < end).then_some(inside)
    });
    inside.collect()
}

/// How many bytes they have.
pub(crate) fn bytes(spans: &Spans) -> u64 {
    spans.iter().fold(0, |sum, span| sum.saturating_add(span.length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<(u64, u64)>, Wrong> {
        Ok(unread(text, 0x20_0000)?.iter().map(|span| (span.offset, span.length)).collect())
    }

    #[test]
    fn a_map_of_ddrescue_says_what_was_read_and_all_the_rest_was_not() {
        let map = "# Mapfile. Created by GNU ddrescue version 1.27\n# current_pos  current_status  current_pass\n\
                   0x00120000     +               1\n#      pos        size  status\n0x00000000  0x00117000  +\n\
                   0x00117000  0x00000200  -\n0x00117200  0x00001000  *\n1147392 4096 ?\n0x119200 0xe6e00 +\n";
        assert_eq!(of(map), Ok(vec![(0x11_7000, 0x2200)]));
        assert_eq!(of("0x0 + 1\n0x0 0x200000 +\n"), Ok(vec![]));
        assert_eq!(of("0x0 + 1\n0x0 0x1ff000 +\n"), Ok(vec![(0x1f_f000, 0x1000)]), "a shorter chip");
        assert_eq!(of("0x0 + 1\n0x0 0x10 !\n"), Err(Wrong::Line(2)), "a status that there is not");
        assert_eq!(of("0x0 + 1\n0x0 0x10\n"), Err(Wrong::Line(2)));
        assert_eq!(of("0x0 + 1\n0x0 0x200001 +\n"), Err(Wrong::Beyond(2, Span::new(0, 0x20_0001))));
    }

    #[test]
    fn places_are_listed_one_by_one() {
        assert_eq!(of("# the ME\n0x1000+0x10\n8192+010\n4112+1\n"), Ok(vec![(0x1000, 17), (8192, 8)]));
        assert_eq!(of("0x1000+0x10\n0x1000-0x2000\n"), Err(Wrong::Line(2)));
        assert_eq!(of("0xffffffffffffffff+0x2\n"), Err(Wrong::Beyond(1, Span::new(u64::MAX, 2))));
        for nothing in ["", "\n\n", "# nothing\n"] {
            assert_eq!(of(nothing), Err(Wrong::Line(1)), "{nothing:?}");
        }
    }

    #[test]
    fn places_of_a_part_lie_as_in_it() {
        let all: Spans =
            [(0, 6), (8, 4)].map(|(offset, length)| Span::new(offset, length)).into_iter().collect();
        let inside =
            |part| within(&all, part).iter().map(|span| (span.offset, span.length)).collect::<Vec<_>>();
        assert_eq!(inside(Span::new(5, 5)), [(0, 1), (3, 2)]);
        assert_eq!(inside(Span::new(6, 2)), []);
        assert_eq!(bytes(&all), 10);
    }
}
