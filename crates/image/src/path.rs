//! Paths: how a region is named, the same in every release of the tool and of the firmware.

/// One step of a path: `format:key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Name of the format, or of the part of a format, that gives the key its meaning.
    pub format: &'static str,
    /// The key, as the image has it: a GUID, a partition name, a file name. Raw bytes, never normalised.
    pub key: Box<[u8]>,
}

impl Segment {
    /// A segment from its parts.
    #[must_use]
    pub fn new(format: &'static str, key: impl AsRef<[u8]>) -> Self {
        Self { format, key: key.as_ref().into() }
    }

    /// Writes it behind a path.
    pub(crate) fn write(&self, path: &mut String) {
        path.push_str(self.format);
        path.push(':');
        escape(&self.key, path);
    }

    /// What it adds to a path: itself, and what parts it from what lies before it.
    pub(crate) fn length(&self) -> u64 {
        let escaped =
            self.key.iter().fold(0_u64, |sum, &byte| sum.saturating_add(if is_plain(byte) { 1 } else { 3 }));
        crate::len64(self.format.as_bytes()).saturating_add(escaped).saturating_add(2)
    }
}

impl core::fmt::Display for Segment {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}:{}", self.format, escape_key(&self.key))
    }
}

/// Percent-encodes every byte outside `[A-Za-z0-9._+@-]`.
#[must_use]
pub fn escape_key(key: &[u8]) -> String {
    let mut text = String::with_capacity(key.len());
    escape(key, &mut text);
    text
}

fn escape(key: &[u8], text: &mut String) {
    for &byte in key {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push_str(&crate::digest::hex(&[byte]).to_uppercase());
        }
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._+@-".contains(&byte)
}

/// The segments of a path as written. Rules and delegations compare whole segments, never prefixes of text.
pub fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty())
}

/// The path of the space in which the region of that path lies: a space is named by the region that encodes it.
#[must_use]
pub fn space_of(path: &str) -> &str {
    let inner = |(at, _): &(usize, &str)| {
        let behind = path.get(at.saturating_add(DECODED.len())..);
        behind.is_some_and(|behind| behind.is_empty() || behind.starts_with('/'))
    };
    let root = path.rmatch_indices(DECODED).find(inner);
    root.and_then(|(at, _)| path.get(..at)).unwrap_or(IMAGE)
}

/// The step from what encodes a space to all that lies in it.
const DECODED: &str = "/decoded:content";
/// The path of the image, and of its space.
pub(crate) const IMAGE: &str = "image";

/// A key as it was before [`escape_key`].
#[must_use]
pub fn unescape_key(key: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [first, behind @ ..] = rest {
        let hex = |code: &&[u8; 2]| *first == b'%' && code.iter().all(u8::is_ascii_hexdigit);
        let code = behind.first_chunk::<2>().filter(hex);
        let code = code.and_then(|code| core::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    bytes
}

/// True when a name is the one that `pattern` says: `*` stands for letters, digits and `._+@:-`, so that no reader of the name
/// takes it for more than one word, and for no hyphen at its front, which commands take for an option; `#` for one
/// hexadecimal digit. Names, not paths: the caller splits at slashes.
#[must_use]
pub fn name_fits(pattern: &str, name: &[u8]) -> bool {
    let pattern = pattern.as_bytes();
    if name.len() > LONGEST_NAME || pattern.first() == Some(&b'*') && name.first() == Some(&b'-') {
        return false;
    }
    let fits = |at: usize, byte: u8| match pattern.get(at) {
        Some(b'#') => byte.is_ascii_hexdigit(),
        Some(&wanted) => wanted == byte,
        None => false,
    };
    // The last star seen and how many bytes it stands for so far: going back to an earlier one could not help.
    let (mut at, mut star) = (0_usize, None);
    let mut rest = name;
    loop {
        match (pattern.get(at), rest) {
            (None, []) => return true,
            (Some(b'*'), _) => {
                at = at.saturating_add(1);
                star = Some((at, rest));
            }
            (_, [byte, behind @ ..]) if fits(at, *byte) => {
                at = at.saturating_add(1);
                rest = behind;
            }
            _ => match star {
                Some((behind, [byte, left @ ..])) if is_of_name(*byte) => {
                    star = Some((behind, left));
                    at = behind;
                    rest = left;
                }
                _ => return false,
            },
        }
    }
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._+@:-".contains(&byte)
}

/// Names that patterns are for are no longer.
const LONGEST_NAME: usize = 255;

/// True for a name with a sign in it that stands for others.
#[must_use]
pub fn is_pattern(name: &str) -> bool {
    name.contains(['*', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_controls_in_a_key_cannot_make_a_segment() {
        assert_eq!(Segment::new("file", "a/b:c\n%é").to_string(), "file:a%2Fb%3Ac%0A%25%C3%A9");
        assert_eq!(Segment::new("file", "Dxe_Core+1@2-3.efi").to_string(), "file:Dxe_Core+1@2-3.efi");
    }

    #[test]
    fn a_pattern_takes_whole_names_and_digits_as_loaders_write_them() {
        for (pattern, good, bad) in [
            ("Boot####", "Boot00AF", "Boot00G0"),
            ("*", "anything", "any thing"),
            ("a*", "a.b", "a;b"),
            ("*x", "ax", "-x"),
            ("a*", "ab", "a\n"),
            ("a*c*e", "abcde", "abcd"),
            (".system.uci-*", ".system.uci-Ab12Cd", "system.uci-Ab12Cd"),
            ("dump-type0-*-#", "dump-type0-1-1-F", "dump-type0-1-1-G"),
        ] {
            assert!(name_fits(pattern, good.as_bytes()), "{pattern} {good}");
            assert!(!name_fits(pattern, bad.as_bytes()), "{pattern} {bad}");
        }
        // No pattern takes long.
        assert!(!name_fits(&"*a".repeat(1000), "a".repeat(999).as_bytes()));
    }

    #[test]
    fn a_space_is_named_by_what_encodes_it() {
        for (path, space) in [
            ("image", "image"),
            ("partition:a/fill", "image"),
            ("a:1/decoded:content", "a:1"),
            ("a:1/decoded:content/b:2/decoded:content/c:3", "a:1/decoded:content/b:2"),
            ("a:1/decoded:content/b:2/decoded:content2/c:3", "a:1"),
        ] {
            assert_eq!(space_of(path), space);
        }
    }

    #[test]
    fn keys_come_back_as_they_were() {
        for key in [&b"a b%/"[..], b"\xff\0", b"plain", b"%"] {
            assert_eq!(unescape_key(&escape_key(key).to_string()), key);
        }
        // What nobody has written so is as it stands.
        assert_eq!(unescape_key("%+f%4"), b"%+f%4");
    }
}
