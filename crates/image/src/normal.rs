//! The normal form of a container: what it says, without how it says it (RULES 2).

use crate::{Digest, len64};

/// Every record of a container, field by field, in the order in which its loader meets them. What an encoder chooses
/// freely and no loader acts on stays out, by a list that the format's module gives with a reason for each entry.
/// Two containers with one normal form are read alike, down to the last reserved byte.
#[derive(Clone, Debug)]
pub struct Normal {
    pub(crate) name: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Normal {
    /// An empty form. `name` is that of the format and the version of the form, such as `squashfs/1`: a form that is
    /// made otherwise has another version.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, bytes: Vec::new() }
    }

    /// Begins a record.
    pub fn record(&mut self, kind: &str) {
        self.field("", kind.as_bytes());
    }

    /// A field of the record that was begun last. Lengths are part of the form, so no two lists of fields give the
    /// same bytes.
    pub fn field(&mut self, name: &str, value: &[u8]) {
        for part in [name.as_bytes(), value] {
            self.bytes.extend(len64(part).to_le_bytes());
            self.bytes.extend(part);
        }
    }

    /// A field that is a number.
    pub fn number(&mut self, name: &str, value: impl Into<u64>) {
        self.field(name, &value.into().to_le_bytes());
    }

    /// How many bytes it takes.
    #[must_use]
    pub fn length(&self) -> u64 {
        len64(&self.bytes)
    }
}

/// Name and digest of a normal form, as manifests carry them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Name and version, such as `squashfs/1`.
    pub name: String,
    /// SHA-256 of the form.
    pub sha256: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        let form = |fields: &[(&str, &[u8])]| {
            let mut form = Normal::new("test/1");
            form.record("r");
            fields.iter().for_each(|(name, value)| form.field(name, value));
            form.bytes
        };
        assert_ne!(form(&[("a", b"bc")]), form(&[("ab", b"c")]));
        assert_ne!(form(&[("a", b"b"), ("c", b"")]), form(&[("a", b"bc"), ("", b"")]));
        assert_eq!(form(&[("a", b"b")]), form(&[("a", b"b")]));
    }
}
