//! What an image says of itself: that some bytes have a digest, or are signed.
//!
//! A driver's signature may lie in a stream that is dropped before anybody could check it. So the bytes are measured, and the
//! signature kept, while the space that holds them lives; whoever checks claims needs no image.

use crate::{Algorithm, Digest, Input, ReadError, RegionId, Span, Trouble};

/// How bytes are summed for a claim. Old loaders trust sums that nobody else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sum {
    /// A digest that manifests use as well; the host computes it.
    Strong(Algorithm),
    /// SHA-1, FIPS 180-4.
    Sha1,
    /// MD5, RFC 1321.
    Md5,
}

impl Sum {
    /// The sum of that name, as loaders write it; `None` for any other.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "sha1" => Some(Self::Sha1),
            "md5" => Some(Self::Md5),
            _ => Algorithm::named(name).map(Self::Strong),
        }
    }

    /// The sum of some inputs, one behind the other.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn of(self, inputs: &[Input<'_>]) -> Result<Vec<u8>, Trouble> {
        match self {
            Self::Strong(algorithm) => strong(algorithm, inputs).map(|digest| digest.bytes().to_vec()),
            Self::Sha1 => weak::<sha1::Sha1>(inputs),
            Self::Md5 => weak::<md5::Md5>(inputs),
        }
    }
}

fn strong(algorithm: Algorithm, inputs: &[Input<'_>]) -> Result<Digest, Trouble> {
    let [one] = inputs else {
        let first = inputs.first().ok_or(NOTHING)?;
        let windows = inputs.iter().map(Input::held).collect::<Result<Vec<_>, _>>()?;
        let parts = inputs.iter().zip(&windows).map(|(input, window)| input.part(window.as_ref()));
        return Ok(first.context.host.digest(algorithm, &parts.collect::<Vec<_>>())?);
    };
    one.digest(algorithm)
}

/// There is nothing to be summed.
const NOTHING: ReadError = ReadError { source: 0, offset: 0, length: 0 };

fn weak<D: sha2::Digest>(inputs: &[Input<'_>]) -> Result<Vec<u8>, Trouble> {
    let mut hash = D::new();
    for window in inputs.iter().flat_map(Input::windows) {
        hash.update(&window?[..]);
    }
    Ok(hash.finalize().to_vec())
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Says {
    /// The bytes have this sum.
    Digest(Vec<u8>),
    /// Somebody signed them.
    Signature {
        /// The scheme, such as `authenticode`.
        scheme: &'static str,
        /// The signature as it lies there, with whatever certificates it carries.
        value: Vec<u8>,
    },
}

/// One statement of an image about bytes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The region that makes it.
    pub region: RegionId,
    /// The bytes that it speaks of, in order, in the space of the region.
    pub about: Vec<Span>,
    /// Where it stands, in the same space.
    pub place: Span,
    /// The sum of the bytes, measured while they were there.
    pub measured: (Sum, Vec<u8>),
    /// What it says.
    pub says: Says,
}

/// Bytes that a signature with its certificates may have: several times what the longest chain of a driver takes.
pub(crate) const MOST_SIGNATURE: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_the_names_that_loaders_write() {
        assert_eq!(Sum::named("sha1"), Some(Sum::Sha1));
        assert_eq!(Sum::named("sha256"), Some(Sum::Strong(Algorithm::Sha256)));
        assert_eq!(Sum::named("crc32"), None);
        // What only old loaders trust is no digest of a manifest.
        assert_eq!((Algorithm::named("sha1"), Algorithm::named("md5")), (None, None));
    }
}
