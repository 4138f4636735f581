//! What runs is what any reading calls a program (RULES 29): no bytes that a file can carry make it something less.
//!
//! For all pairs of samples: the first block of any sample, put into every padding of a program, leaves it a program. The
//! program stands as a file where a rule of the maker's lets content differ that nobody judges, and the policy names the
//! place: the one thing that keeps it out is that it can run. And put into the padding of any other sample, as the image that
//! its maker signed, it affirms nobody, whatever the policy accepts.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing, reason = "tests")]

use kiwame_image::Memory;
use kiwame_samples::{golden, sample, seal, test_key};
use kiwame_trust::manifest::PAYLOAD_TYPE;
use serde_json::{Value, json};

const DESCRIPTION: &str = r#"
schema = "kiwame-firmware/1"
[product]
vendor = "Example"
model = "Board"
[release]
version = "1"
[[mutable]]
path = "cpio:files"
rule = "data-files"
names = ["data/x"]
max-bytes = 1048576
"#;

/// Programs of every sort that we know, as samples.
const PROGRAMS: [&str; 7] = [
    "pe/pe32",
    "pe/pe32-plus",
    "te/two-sections",
    "elf/sections",
    "elf/segments",
    "arm64-image/image",
    "uimage/kernel",
];

/// Bytes of the file: more than any of the programs has with something behind it.
const LENGTH: usize = 0x4000;

/// One entry of a newc archive.
fn entry(name: &str, mode: u32, ino: u32, data: &[u8]) -> Vec<u8> {
    let fields = [ino, mode, 0, 0, 1, 0, data.len() as u32, 0, 0, 0, 0, name.len() as u32 + 1, 0];
    let mut bytes = b"070701".to_vec();
    fields.iter().for_each(|field| bytes.extend(format!("{field:08x}").bytes()));
    bytes.extend(name.bytes().chain([0]));
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes.extend(data);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

/// The file is always as long: an archive of another size would be refused for that alone.
fn archive(content: &[u8]) -> Vec<u8> {
    let mut content = content.to_vec();
    content.resize(LENGTH, 0);
    let entries = [
        entry("data", 0o040_755, 1, b""),
        entry("data/x", 0o100_644, 2, &content),
        entry("TRAILER!!!", 0, 0, b""),
    ];
    entries.concat()
}

struct Bench {
    envelope: Vec<u8>,
    policy: Vec<u8>,
}

impl Bench {
    fn new() -> Self {
        let statement =
            golden::attest_bytes(&[("archive", archive(b"settings\n"))], DESCRIPTION).expect("a statement");
        let accepts = "accept-any = [{ path = \"cpio:files\", max-bytes = 1048576 }]\n\
                       accept-reencoded = [\"cpio:files\"]\n";
        Self::of(&statement, accepts)
    }

    fn of(statement: &[u8], accepts: &str) -> Self {
        let key = test_key('A').1.fingerprint();
        let policy = format!(
            "schema = \"kiwame-policy/1\"\nversion = 1\n[[principal]]\nid = \"maker\"\nkeys = [\"{key}\"]\n\
             roles = [\"release\"]\n[[rule]]\nvendor = \"Example\"\nmodel = \"Board\"\nthreshold = 1\n{accepts}"
        );
        Self { envelope: seal(PAYLOAD_TYPE, statement, "A"), policy: policy.into_bytes() }
    }

    /// Exit code and report of the archive with that content.
    fn verify(&self, content: &[u8]) -> (u8, Value) {
        self.verify_image(archive(content))
    }

    fn verify_image(&self, image: Vec<u8>) -> (u8, Value) {
        let request = json!({
            "abi": 1, "verb": "verify", "coreSha256": golden::CORE, "render": "json", "deep": true, "regions": true,
            "insecureAcceptKnownKeys": true,
            "sources": [
                { "role": "image", "name": "copy", "size": image.len() },
                { "role": "manifest", "name": "manifest.json", "size": self.envelope.len() },
                { "role": "policy", "name": "policy.toml", "size": self.policy.len() },
            ],
        });
        let host = Memory::new([image, self.envelope.clone(), self.policy.clone()]);
        let response = kiwame_verifier::run(request.to_string().as_bytes(), &host);
        let report = response.output("report").map(|report| serde_json::from_slice(report).expect("JSON"));
        (response.exit, report.unwrap_or_default())
    }
}

/// The first blocks of all samples, each once.
fn blocks() -> Vec<Vec<u8>> {
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    for name in kiwame_samples::names().expect("the folder can be read") {
        let bytes = sample(&name).expect("a sample");
        blocks.push(bytes[..bytes.len().min(512)].to_vec());
    }
    blocks.sort();
    // Sound descriptors, volumes and superblocks among them; what differs behind the first bytes tells no more.
    blocks.dedup_by(|one, other| one.iter().take(96).eq(other.iter().take(96)));
    blocks
}

/// Where a program has eight bytes and more of one value that are not its first: padding, or as good as that.
fn paddings(program: &[u8]) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    let mut at = 4;
    while at < program.len() {
        let length = program[at..].iter().take_while(|byte| **byte == program[at]).count();
        if length >= 8 && [0, 0xff].contains(&program[at]) {
            runs.push((at, length));
        }
        at += length;
    }
    runs
}

#[test]
fn content_that_is_no_program_is_affirmed() {
    let (exit, report) = Bench::new().verify(b"other settings\n");
    assert_eq!(exit, 0, "{}", report["findings"]);
    assert_eq!(report["exceptions"]["notJudged"], LENGTH);
}

#[test]
fn the_first_block_of_any_sample_in_the_padding_of_a_program_leaves_it_one() {
    let bench = Bench::new();
    let blocks = blocks();
    let mut tried = 0;
    for name in PROGRAMS {
        let program = sample(name).expect("a sample");
        assert_ne!(bench.verify(&program).0, 0, "{name} as it is");
        for (at, length) in paddings(&program) {
            for block in &blocks {
                let mut disguised = program.clone();
                let room = length.min(block.len());
                disguised[at..at + room].copy_from_slice(&block[..room]);
                // And behind the program, where a volume or another magic at its own offset may stand.
                let exit = bench.verify(&disguised).0;
                assert_ne!(exit, 0, "{name} with a block at {at:#x}: {:02x?}", &block[..room.min(16)]);
                tried += 1;
            }
        }
        for block in &blocks {
            let mut longer = program.clone();
            longer.resize(longer.len().next_multiple_of(0x1000), 0);
            longer.extend(block);
            assert!(longer.len() <= LENGTH, "{name}");
            assert_ne!(bench.verify(&longer).0, 0, "{name} with a block behind it");
        }
    }
    assert!(tried > 1000, "only {tried} pairs");
    eprintln!("{tried} pairs");
}

#[test]
fn the_first_block_of_any_sample_in_the_padding_of_any_other_makes_no_verdict_better() {
    let blocks = blocks();
    let mut pairs = 0;
    for name in kiwame_samples::names().expect("the folder can be read") {
        let image = sample(&name).expect("a sample");
        let Some((at, length)) = paddings(&image).into_iter().max_by_key(|&(_, length)| length) else {
            continue;
        };
        if image.len() > LARGEST {
            continue;
        }
        let description = DESCRIPTION.split("[[mutable]]").next().unwrap_or_default();
        // Of a hostile sample, which goes beyond a limit, nobody signs a manifest.
        let Ok(statement) = golden::attest_bytes(&[("image", image.clone())], description) else { continue };
        let bench = Bench::of(&statement, &accepting(&statement));
        let before = bench.verify_image(image.clone()).0;
        for block in &blocks {
            let mut changed = image.clone();
            let room = length.min(block.len());
            changed[at..at + room].copy_from_slice(&block[..room]);
            if changed != image {
                let exit = bench.verify_image(changed).0;
                assert_ne!(exit, 0, "{name}, {before} as signed: {:02x?} at {at:#x}", &block[..room.min(16)]);
                pairs += 1;
            }
        }
    }
    assert!(pairs > 10_000, "only {pairs} pairs");
    eprintln!("{pairs} pairs");
}

/// A policy's lines that accept every container of a manifest, packed anew, and whatever nobody understands in them.
fn accepting(statement: &[u8]) -> String {
    let statement: Value = serde_json::from_slice(statement).expect("JSON");
    let regions = statement["predicate"]["images"][0]["regions"].as_array().expect("regions");
    let paths: Vec<_> = regions.iter().map(|region| region["path"].to_string()).take(1000).collect();
    format!("accept-reencoded = [{}]\n", paths.join(", "))
}

/// Bytes of the largest sample that is tried beside every other.
const LARGEST: usize = 64 << 10;
