//! What a file of a file system holds, and what the file system keeps for no file.

use kiwame_image::{Builder, Glance, Input, Node, Opening, Trouble, fact};

use super::flash;
use super::readings::Readings;
use crate::program;

/// A file that no name gives a role: a program, an archive, text, or bytes.
pub(super) fn open<'a>(at: Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let readings = Readings::of_input(&at)?;
    readings.note(&at, out);
    let format = readings.format;
    // A medium cannot lie in a file: what looks erased here is data.
    if ["raw", "fill"].contains(&format.name()) {
        if !is_text(&at)? {
            out.unexplained();
        }
        return Ok(());
    }
    match out.opening() {
        Opening::Parts | Opening::Sections if program::knows(format) => {}
        Opening::Closed | Opening::Sections => {
            out.closed();
            return Ok(());
        }
        Opening::Shown => out.shown(),
        // What it decodes to, or names as components, is compared by itself. A program's sections are for people.
        Opening::Opened | Opening::Parts => out.compared_whole(),
    }
    format.parse(at, out);
    Ok(())
}

/// True for text that people can read, of any length.
fn is_text(at: &Input<'_>) -> Result<bool, Trouble> {
    let printable = |text: &str| text.chars().all(|sign| !sign.is_control() || sign.is_ascii_whitespace());
    // What a sign that goes over the end of a window has before it.
    let mut begun: Vec<u8> = Vec::new();
    for window in at.windows() {
        let window = window?;
        let joined = if begun.is_empty() { None } else { Some([begun.as_slice(), &window].concat()) };
        let bytes = joined.as_deref().unwrap_or(&window);
        let (text, rest) = match core::str::from_utf8(bytes) {
            Ok(text) => (text, &[][..]),
            Err(error) if error.error_len().is_some() => return Ok(false),
            Err(error) => bytes
                .split_at_checked(error.valid_up_to())
                .map_or(("", bytes), |(text, rest)| (core::str::from_utf8(text).unwrap_or_default(), rest)),
        };
        if !printable(text) {
            return Ok(false);
        }
        begun = rest.to_vec();
    }
    Ok(begun.is_empty())
}

/// What a file system keeps and no file uses: told apart only by whether it could run, or something in it that has a mark. To
/// take it apart as what it was would find the same again, and again.
pub(super) fn open_unused<'a>(at: Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    match at.head(Glance::LENGTH) {
        Ok(head) => Readings::of(&Glance::new(&head, at.length())).note_program(out),
        Err(trouble) => out.trouble(trouble),
    }
    // A program begins anywhere, and in a stream: what has a mark is opened as it is in a flash.
    match flash::search_marked(&at, out) {
        Ok(true) => Ok(()),
        Ok(false) => {
            out.add(Node::new("data", "0", "data", at).unknown());
            Ok(())
        }
        Err(trouble) => {
            out.fact(&fact::EXECUTABLE, true);
            Err(trouble)
        }
    }
}
