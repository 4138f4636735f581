//! What the policy lives with at a path, and how much of it is left.

use kiwame_image::Digest;
use kiwame_trust::manifest::path_within;
use kiwame_trust::policy::Accept;

/// How many bytes each entry of a list of the policy has left. Many rules of a manifest draw on one entry.
pub(crate) struct Allowance<'a>(Vec<(&'a Accept, u64)>);

impl<'a> Allowance<'a> {
    pub(crate) fn of(list: &'a [Accept]) -> Self {
        Self(list.iter().map(|accept| (accept, accept.max_bytes.unwrap_or(0))).collect())
    }

    /// True when the policy names the digest at that path, or, where a cap is enough, has so many bytes left.
    pub(crate) fn take(&mut self, path: &str, bytes: u64, sha256: Option<&Digest>, by_cap: bool) -> bool {
        let mut named = self.0.iter_mut().filter(|(accept, _)| path_within(path, &accept.path));
        named.any(|(accept, left)| {
            if sha256.is_some_and(|digest| accept.sha256.contains(&digest.hex())) {
                return true;
            }
            let rest = left.checked_sub(bytes).filter(|_| by_cap && accept.max_bytes.is_some());
            rest.map(|rest| *left = rest).is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_used_up_and_a_digest_is_not() {
        let digest = Digest::from_hex(kiwame_image::Algorithm::Sha256, &"ab".repeat(32)).unwrap();
        let list = [Accept { path: "a:b".to_owned(), max_bytes: Some(10), sha256: vec![digest.hex()] }];
        let mut allowance = Allowance::of(&list);
        assert!(allowance.take("a:b/c:d", 6, None, true));
        assert!(!allowance.take("a:b", 5, None, true), "four are left");
        assert!(!allowance.take("a:bc", 1, None, true), "whole segments");
        assert!(!allowance.take("a:b", 4, None, false), "a cap is not enough");
        assert!(
            allowance.take("a:b", 5, Some(&digest), false) && allowance.take("a:b", 5, Some(&digest), false)
        );
        assert!(allowance.take("a:b", 4, None, true) && !allowance.take("a:b", 1, None, true));
    }
}
