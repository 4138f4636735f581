//! GUIDs as people write them, for the tables of the UEFI formats.

/// The 16 bytes of a GUID in EFI byte order (UEFI Specification 2.10, appendix A) from its text, at compile
/// time: text that is no GUID does not compile.
#[expect(
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "runs in constants only, where a panic is an error of the compiler"
)]
pub(crate) const fn raw(text: &str) -> [u8; 16] {
    /// Where in the text each byte is found.
    const PLACES: [usize; 16] = [6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34];
    let text = text.as_bytes();
    assert!(text.len() == 36);
    let mut bytes = [0; 16];
    let mut at = 0;
    while at < 16 {
        let place = PLACES[at];
        bytes[at] = nibble(text[place]) << 4 | nibble(text[place + 1]);
        at += 1;
    }
    bytes
}

#[expect(clippy::panic, clippy::arithmetic_side_effects, reason = "as above")]
const fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'A'..=b'F' => digit - b'A' + 10,
        _ => panic!("GUIDs are written in upper case"),
    }
}

#[cfg(test)]
mod tests {
    use kiwame_image::Guid;

    #[test]
    fn text_and_bytes_agree() {
        let text = "8C8CE578-8A3D-4F1C-9935-896185C32DD3";
        assert_eq!(Guid(super::raw(text)).to_string(), text);
    }
}
