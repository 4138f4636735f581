//! Keys whose private half is published. They never affirm (RULES 17).

/// Fingerprints. Sources: RFC 8032, section 7.1 (five keys); this project's own `TEST_KEY_DO_NOT_USE` keys, whose
/// seeds stand in `crates/samples`.
pub(crate) static KNOWN: &[&str] = &[
    "ed25519:d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "ed25519:3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    "ed25519:fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    "ed25519:278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
    "ed25519:ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    "ed25519:67c1c2cd2482d183495659e500a1db222507031a5fa73ed1bc72783fc83484c6",
    "ed25519:23d33bf462851ccb3458e69cabfd59ad4ab507813fc4d73182a80bc7d66be3ea",
    "ed25519:fe8fde98ffce7b2baad339e894033fddd98bf0a66617936cb9e5a3154ff7735d",
    "ed25519:b971045c9bb58ad0e99d1be298e04b410d95c13dd8e8312eed5bb11f9f329175",
    "ed25519:355623b47884859f8ca4158ff7a583b04899261e48cddf437f97ebb678a02d80",
];
