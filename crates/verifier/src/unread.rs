//! What an acquisition could not read (RULES 1): the map that ddrescue keeps, or places one by one.
//!
//! GNU ddrescue 1.27, "Mapfile structure": lines that begin with `#` are comments, the first other line is the state of the
//! run, and each one behind it is a position, a size and a status, of which `+` is what was read. Numbers are decimal,
//! hexadecimal behind `0x`, or octal behind `0`.

use kiwame_image::{Arrange as _, Problem, Span, Words};
use kiwame_trust::readers;

use crate::problems;
use crate::request::Run;

/// The places of the map that is lent, in order and joined where they touch; none without a map.
pub(crate) fn read(run: &Run<'_>, size: u64) -> Result<Vec<Span>, Problem> {
    let mut spans = Vec::new();
    for source in run.sources("unread") {
        let of = |problem: Problem| problem.of(&source.1.name);
        let bytes = run.read(source)?;
        let text = readers::text(&bytes).map_err(|error| of(error.problem()))?;
        for (number, place) in places(text) {
            let wrong = || Problem::new(&problems::UNREAD_LINE).arg("line", Words::plain(number));
            let span = place.ok_or_else(wrong).map_err(of)?;
            if span.offset.checked_add(span.length).is_none_or(|end| end > size) {
                let found = format!("{:#x}+{:#x}", span.offset, span.length);
                let beyond = Problem::new(&problems::UNREAD_BEYOND).arg("line", Words::plain(number));
                return Err(of(beyond.arg("found", found).arg("size", format!("{size:#x}"))));
            }
            spans.push(span);
        }
    }
    Ok(joined(spans))
}

/// Number of each line that names a place which was not read, and the place; `None` for a line that names none.
fn places(text: &str) -> Vec<(usize, Option<Span>)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at.saturating_add(1), line.trim()));
    let lines: Vec<_> = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')).collect();
    let is_map = lines.first().is_some_and(|(_, line)| line.contains(char::is_whitespace));
    if !is_map {
        let place = |line: &str| {
            let (offset, length) = line.split_once('+')?;
            Some(Span::new(number(offset.trim())?, number(length.trim())?))
        };
        return lines.into_iter().map(|(at, line)| (at, place(line))).collect();
    }
    // The first line is the state of the run.
    let blocks = lines.into_iter().skip(1).map(|(at, line)| (at, block(line)));
    let unread = blocks.filter_map(|(at, block)| match block {
        Some((_, "+")) => None,
        Some((span, _)) => Some((at, Some(span))),
        None => Some((at, None)),
    });
    unread.collect()
}

/// A block of ddrescue's map, and its status.
fn block(line: &str) -> Option<(Span, &str)> {
    let mut words = line.split_whitespace();
    let (offset, length, status) = (number(words.next()?)?, number(words.next()?)?, words.next()?);
    let known = ["?", "*", "/", "-", "+"].contains(&status);
    (known && words.next().is_none()).then_some((Span::new(offset, length), status))
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

/// In order, and those in one that touch or overlap.
fn joined(mut spans: Vec<Span>) -> Vec<Span> {
    spans.retain(|span| !span.is_empty());
    spans.arrange();
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut().filter(|last| span.offset <= last.end()) {
            Some(last) => *last = Span::between(last.offset, last.end().max(span.end())),
            None => joined.push(span),
        }
    }
    joined
}

/// The same places of a part of the image, as they lie in it.
pub(crate) fn within(spans: &[Span], part: Span) -> Vec<Span> {
    let inside = spans.iter().map(|span| {
        let (start, end) = (span.offset.max(part.offset), span.end().min(part.end()));
        Span::between(start.saturating_sub(part.offset), end.max(start).saturating_sub(part.offset))
    });
    inside.filter(|span| !span.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(text: &str) -> Vec<Option<(u64, u64)>> {
        places(text).into_iter().map(|(_, span)| span.map(|span| (span.offset, span.length))).collect()
    }

    #[test]
    fn a_map_of_ddrescue_says_what_was_not_read() {
        let map = "# Mapfile. Created by GNU ddrescue version 1.27\n# current_pos  current_status  current_pass\n\
                   0x00120000     +               1\n#      pos        size  status\n0x00000000  0x00117000  +\n\
                   0x00117000  0x00000200  -\n0x00117200  0x00001000  *\n1146880 4096 ?\n";
        assert_eq!(
            spans(map),
            [Some((0x11_7000, 0x200)), Some((0x11_7200, 0x1000)), Some((1_146_880, 4096))]
        );
        assert_eq!(spans("0x0 + 1\n0x0 0x10 !\n"), [None], "a status that the format does not have");
        assert_eq!(spans("0x0 + 1\n0x0 0x10\n"), [None]);
    }

    #[test]
    fn places_are_listed_one_by_one() {
        assert_eq!(spans("# the ME\n0x1000+0x10\n8192+010\n"), [Some((0x1000, 16)), Some((8192, 8))]);
        assert_eq!(spans("0x1000+0x10\n0x1000-0x2000\n"), [Some((0x1000, 16)), None]);
        assert_eq!(spans(""), []);
    }

    #[test]
    fn places_that_touch_are_one_and_those_of_a_part_lie_as_in_it() {
        let span = |(offset, length)| Span::new(offset, length);
        let all = joined([(8, 4), (0, 4), (4, 2), (9, 1), (20, 0)].map(span).to_vec());
        assert_eq!(all, [(0, 6), (8, 4)].map(span));
        assert_eq!(within(&all, Span::new(5, 5)), [(0, 1), (3, 2)].map(span));
        assert_eq!(within(&all, Span::new(6, 2)), []);
    }
}
