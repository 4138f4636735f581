//! Keys whose private half is published. They never affirm (RULES 17).

/// Fingerprints. Sources: RFC 8032, section 7.1 (five keys); this project's own `TEST_KEY_DO_NOT_USE` keys, whose
/// seeds stand in `crates/samples`.
pub(crate) static KNOWN: &[&str] = &[
    "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
    "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
];
