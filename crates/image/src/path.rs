//! Paths: how a region is named, the same in every release of the tool and of the firmware.

/// One step of a path: `format:key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Name of the format, or of the part of a format, that gives the key its meaning.
    pub format: &'static str,
    /// The key, as the image has it: a GUID, a partition name, a file name. Raw bytes, never normalised.
    pub key: Vec<u8>,
}

impl Segment {
    /// A segment from its parts.
    #[must_use]
    pub fn new(format: &'static str, key: impl AsRef<[u8]>) -> Self {
        Self { format, key: key.as_ref().to_vec() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_and_controls_in_a_key_cannot_make_a_segment() {
        assert_eq!(Segment::new("file", "a/b:c\n%é").to_string(), "file:a%2Fb%3Ac%0A%25%C3%A9");
        assert_eq!(Segment::new("file", "Dxe_Core+1@2-3.efi").to_string(), "file:Dxe_Core+1@2-3.efi");
    }
}
