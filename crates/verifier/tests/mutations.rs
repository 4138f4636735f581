//! The property for everyone: a copy of an attested image that differs anywhere is never affirmed, unless every byte
//! that differs is declared mutable or the report says that a stream was encoded anew with equal content. Nothing
//! panics, every report accounts for every byte, and only documented exit codes come out.
//!
//! `KIWAME_SOAK=1` runs the long version. Every choice comes from a generator with a fixed seed; a failure names the
//! sample and the mutation, and so can be repeated.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::indexing_slicing, reason = "tests")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use kiwame_appraisal::kinds::REENCODED_ACCEPTED;
use kiwame_image::Memory;
use kiwame_samples::{golden, sample, seal};
use kiwame_trust::manifest::PAYLOAD_TYPE;
use serde_json::{Value, json};

const CODE: &str = "uefi/OVMF_CODE_4M.fd";
const VARIABLES: &str = "uefi/OVMF_VARS_4M.ms.fd";
/// Samples up to this size are cut at every byte.
const SMALL: usize = 4096;

const DESCRIPTION: &str = r#"
schema = "kiwame-firmware/1"
[product]
vendor = "Example"
model = "Board"
[release]
version = "1"
"#;

/// What may differ where a policy accepts it and the verdict is still 0: folder of the samples, and the byte before and after.
/// Each has its reason in the module of its format; named here once more, and not by the code that is tested.
type Ignored = (&'static str, fn(u8, u8) -> bool);

const IGNORED: &[Ignored] = &[
    // Linux reads the digits of a header in either case.
    ("cpio/", |before, after| before.is_ascii_hexdigit() && before.eq_ignore_ascii_case(&after)),
];

/// Streams of which no loader knows more than what they decode to; what more they say is in their normal forms.
const STREAMS: &[&str] = &["lzop-stream", "compressed-stream", "tiano-stream"];

/// What a maker lets differ on each device: one variable, by its name and length.
const MUTABLE: &str = r#"
[[mutable]]
path = "uefi-volume:0"
rule = "keys"
keys = [{ name = "8BE4DF61-93CA-11D2-AA0D-00E098032B8C-Lang", value = "word:8" }]
"#;

/// An attested image.
struct Attested {
    name: String,
    image: Vec<u8>,
    envelope: Vec<u8>,
    /// A policy that accepts re-encoding at every path of the image: only there can the normal forms fail.
    policy: Vec<u8>,
}

impl Attested {
    /// `None` when a limit keeps the maker from attesting it.
    fn of(name: &str, description: &str) -> Option<Self> {
        let statement = golden::attest(&[name.to_owned()], description).ok()?;
        let policy = golden::accepting_policy(&statement).into_bytes();
        Some(Self {
            name: name.to_owned(),
            image: sample(name).expect("a sample"),
            envelope: seal(PAYLOAD_TYPE, &statement, "A"),
            policy,
        })
    }

    /// The genuine image is affirmed: without that, a refusal would say nothing.
    fn new(name: &str) -> Self {
        let attested = Self::of(name, DESCRIPTION).expect("it can be attested");
        let (exit, report) = attested.verify(&attested.image);
        assert_eq!((exit, &report["accepted"]), (0, &json!(true)), "{name}: {report}");
        attested
    }

    fn verify(&self, image: &[u8]) -> (u8, Value) {
        let request = json!({
            "abi": 1, "verb": "verify", "coreSha256": golden::CORE, "render": "json", "deep": true, "regions": true,
            "insecureAcceptKnownKeys": true,
            "sources": [
                { "role": "image", "name": "copy", "size": image.len() },
                { "role": "manifest", "name": "manifest.json", "size": self.envelope.len() },
                { "role": "policy", "name": "policy.toml", "size": self.policy.len() },
            ],
        });
        let sources = [image.to_vec(), self.envelope.clone(), self.policy.clone()];
        run(&request, Memory::new(sources))
    }

    /// Holds one copy to the property. `what` tells how it was made.
    fn check(&self, copy: &[u8], what: &dyn std::fmt::Display) {
        let verified = catch_unwind(AssertUnwindSafe(|| self.verify(copy)));
        let (exit, report) = verified.unwrap_or_else(|_| panic!("{}: {what}: panicked", self.name));
        // Whatever is told can be read again.
        for finding in report["findings"].as_array().into_iter().flatten() {
            let end = finding["offset"]
                .as_u64()
                .zip(finding["length"].as_u64())
                .map(|(offset, length)| offset.checked_add(length));
            assert!(end.flatten().is_some_and(|end| end < 1 << 53), "{}: {what}: {finding}", self.name);
        }
        let says = |claim: bool, why: &str| {
            assert!(claim, "{}: {what}: {why}: exit {exit}, {}", self.name, report["findings"]);
        };
        if copy.is_empty() {
            return says(exit == 2, "an empty file is no input");
        }
        says([0, 1, 3, 4, 5, 6, 7].contains(&exit), "an exit code that verify does not have");
        says(accounts_for_every_byte(&report, copy.len()), "bytes without an account");
        says((exit == 0) == (report["accepted"] == true), "exit and report disagree");
        if exit == 0 && copy != self.image {
            says(self.is_ignored(copy, &report) || self.only_mutable(copy, &report), "affirmed");
        }
    }

    /// True when a container was packed anew and all that differs is on the ignore list of its format: bytes of one kind
    /// of field, named here once more and not by the code that is tested.
    fn is_ignored(&self, copy: &[u8], report: &Value) -> bool {
        let findings = report["findings"].as_array().expect("findings");
        let accepted = findings.iter().any(|finding| finding["id"] == REENCODED_ACCEPTED.id);
        let length = copy.len().min(self.image.len());
        let changed = (0..length).filter(|&at| copy[at] != self.image[at]);
        // Inside a stream, which codes say the content is an encoder's choice: what it decodes to was equal.
        let streams = findings.iter().filter(|finding| {
            finding["id"] == REENCODED_ACCEPTED.id
                && finding["space"] == "image"
                && STREAMS.contains(&finding["args"]["kind"].as_str().unwrap_or_default())
        });
        let streams: Vec<_> = streams
            .map(|finding| {
                let start = number(&finding["offset"]);
                start..start + number(&finding["length"])
            })
            .collect();
        accepted
            && copy.len() == self.image.len()
            && changed.into_iter().filter(|at| !streams.iter().any(|stream| stream.contains(at))).all(|at| {
                let ignored = |(folder, same): &Ignored| {
                    self.name.starts_with(folder) && same(self.image[at], copy[at])
                };
                IGNORED.iter().any(ignored)
            })
    }

    /// True when every byte that differs lies in a leaf that is declared mutable.
    fn only_mutable(&self, copy: &[u8], report: &Value) -> bool {
        let regions = report["regions"].as_array().expect("regions");
        let mutable: Vec<_> = regions
            .iter()
            .filter(|region| region["class"] == "mutable" && region["space"] == "image")
            .map(|region| {
                let (offset, length) = (number(&region["offset"]), number(&region["length"]));
                offset..offset + length
            })
            .collect();
        let mut changed = (0..copy.len()).filter(|&at| copy[at] != self.image[at]);
        copy.len() == self.image.len() && changed.all(|at| mutable.iter().any(|range| range.contains(&at)))
    }

    /// Where structures of the image begin and end, and one byte beside.
    fn boundaries(&self) -> BTreeSet<usize> {
        let report = inspect(&self.image);
        let regions = report["regions"].as_array().expect("regions").iter();
        let edges = regions.filter(|region| region["space"] == "image").flat_map(|region| {
            let (offset, length) = (number(&region["offset"]), number(&region["length"]));
            [offset, offset + length]
        });
        let around = edges.flat_map(|edge| [edge.saturating_sub(1), edge, edge + 1]);
        around.filter(|&at| at < self.image.len()).collect()
    }

    fn cut(&self, length: usize) {
        self.check(&self.image[..length], &format_args!("cut to {length:#x}"));
    }

    fn flip(&self, random: &mut Random) {
        let (at, bit) = (random.below(self.image.len()), random.below(8));
        let mut copy = self.image.clone();
        copy[at] ^= 1 << bit;
        self.check(&copy, &format_args!("bit {bit} of {at:#x}"));
    }

    /// Several wounds at once: runs overwritten, moved, removed, put in.
    fn havoc(&self, random: &mut Random) {
        let mut copy = self.image.clone();
        let seed = random.0;
        for _ in 0..=random.below(4) {
            let at = random.below(copy.len());
            let length = 1 + random.below(64.min(copy.len() - at));
            match random.below(6) {
                0 => copy[at..at + length].fill(0),
                1 => copy[at..at + length].fill(0xff),
                2 => copy[at..at + length].iter_mut().for_each(|byte| *byte = random.below(256) as u8),
                3 => {
                    let from = random.below(copy.len() - length + 1);
                    copy.copy_within(from..from + length, at);
                }
                4 if length < copy.len() => drop(copy.drain(at..at + length)),
                _ => drop(copy.splice(at..at, self.image[..length.min(self.image.len())].to_vec())),
            }
        }
        self.check(&copy, &format_args!("havoc of seed {seed:#x}"));
    }
}

/// Numerical Recipes' generator: the same everywhere, and ours.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

fn run(request: &Value, host: Memory) -> (u8, Value) {
    let response = kiwame_verifier::run(request.to_string().as_bytes(), &host);
    let report = response.output("report").map(|report| serde_json::from_slice(report).expect("JSON"));
    // Without a report, what the core had to say instead.
    let said =
        || Value::String(String::from_utf8_lossy(response.output("stderr").unwrap_or_default()).into());
    (response.exit, report.unwrap_or_else(said))
}

fn inspect(image: &[u8]) -> Value {
    let request = json!({
        "abi": 1, "verb": "inspect", "coreSha256": golden::CORE, "render": "json",
        "sources": [{ "role": "image", "name": "copy", "size": image.len() }],
    });
    run(&request, Memory::new([image.to_vec()])).1
}

fn number(value: &Value) -> usize {
    value.as_u64().expect("a number") as usize
}

/// The classes of each space add up to its size, and its leaves tile it.
fn accounts_for_every_byte(report: &Value, size: usize) -> bool {
    let sum = |account: &Value| account.as_object().expect("an account").values().map(number).sum::<usize>();
    let spaces = report["spaces"].as_array().expect("spaces");
    let leaves = |space: &Value| {
        let regions = report["regions"].as_array().expect("regions").iter();
        let mut of_space =
            regions.filter(|region| region["space"] == space["path"] && !region["class"].is_null());
        of_space.try_fold(0, |end, leaf| {
            let (offset, length) = (number(&leaf["offset"]), number(&leaf["length"]));
            (offset == end).then_some(offset + length)
        })
    };
    // Spaces of one path, as two streams of one name have, are told apart by nothing here; their sums are.
    let paths: BTreeSet<_> = spaces.iter().map(|space| space["path"].as_str()).collect();
    let tiled = |space: &Value| leaves(space) == Some(number(&space["size"])) || paths.len() < spaces.len();
    sum(&report["account"]) == size
        && spaces.iter().all(|space| sum(&space["account"]) == number(&space["size"]) && tiled(space))
}

/// Every small sample that can be attested, with a sample that it is an edit of.
fn small() -> Vec<Attested> {
    let names = kiwame_samples::names().expect("the folder can be read").into_iter();
    let small = names.filter(|name| sample(name).expect("a sample").len() <= SMALL);
    let attested: Vec<_> = small.filter_map(|name| Attested::of(&name, DESCRIPTION)).collect();
    assert!(attested.len() > 120, "only {} small samples", attested.len());
    attested
}

fn soak() -> bool {
    std::env::var_os("KIWAME_SOAK").is_some()
}

/// Cuts, and rounds of flips and havoc, in one run of CI, whatever the number of formats.
const CUTS: usize = 700_000;
const ROUNDS: usize = 6_000;

/// What each sample has of a fixed sum: every format the same, and every sample of a format the same, but one at least.
fn shares(samples: &[Attested], total: usize) -> Vec<usize> {
    let format = |attested: &Attested| attested.name.split('/').next().unwrap_or_default().to_owned();
    let mut formats = std::collections::BTreeMap::<String, usize>::new();
    for attested in samples {
        *formats.entry(format(attested)).or_default() += 1;
    }
    samples.iter().map(|one| (total / formats.len() / formats[&format(one)]).max(1)).collect()
}

/// Does something with numbers up to `count`, on as many cores as there are.
fn each(count: usize, work: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|&n| n < count) {
                    work(number);
                }
            });
        }
    });
}

#[test]
fn a_small_sample_as_attested_is_affirmed_and_cut_anywhere_is_not() {
    let samples = small();
    let shares = shares(&samples, CUTS);
    each(samples.len(), |number| {
        let attested = &samples[number];
        let (exit, report) = attested.verify(&attested.image);
        assert_eq!(exit, 0, "{}: {}", attested.name, report["findings"]);
        let length = attested.image.len();
        // Every byte, or as many places all over it as its share has room for.
        let cuts = if soak() { length } else { shares[number].min(length) };
        (0..cuts).for_each(|cut| attested.cut(cut * length / cuts));
    });
}

#[test]
fn an_edited_sample_is_not_the_one_it_was_made_of() {
    let mut edited = 0;
    for name in kiwame_samples::names().expect("the folder can be read") {
        let path = kiwame_samples::folder().join(format!("{name}.toml"));
        let text = std::fs::read_to_string(path).expect("readable");
        let base = text.lines().find_map(|line| line.strip_prefix("base = \"")?.strip_suffix('"'));
        if let Some(base) = base.filter(|base| !base.starts_with("uefi/")) {
            Attested::new(base).check(&sample(&name).expect("a sample"), &name);
            edited += 1;
        }
    }
    assert!(edited > 80, "only {edited} edited samples");
}

#[test]
fn flipped_bits_and_havoc_of_small_samples() {
    let samples = small();
    let shares = shares(&samples, ROUNDS);
    each(samples.len(), |number| {
        let mut random = Random(0x6b69_7761_6d65 + number as u64);
        for _ in 0..if soak() { 300 } else { shares[number] } {
            samples[number].flip(&mut random);
            samples[number].havoc(&mut random);
        }
    });
}

#[test]
fn flipped_bits_of_a_variable_that_may_differ() {
    let name = "nvram/authenticated";
    let attested = Attested::of(name, &format!("{DESCRIPTION}{MUTABLE}")).expect("attested");
    let mut affirmed = 0;
    for at in 0..attested.image.len() {
        let mut copy = attested.image.clone();
        copy[at] ^= 0x20;
        attested.check(&copy, &format_args!("bit 5 of {at:#x}"));
        affirmed += usize::from(attested.verify(&copy).0 == 0);
    }
    // The data of `Lang`, at least, and by far not all of the store.
    assert!((3..200).contains(&affirmed), "{affirmed} flips were affirmed");
}

/// Bytes between two cuts of the long version, which then takes an hour on two cores; `KIWAME_SOAK_STEP` sets others.
fn step() -> usize {
    std::env::var("KIWAME_SOAK_STEP").ok().and_then(|step| step.parse().ok()).unwrap_or(512)
}

#[test]
fn the_firmware_cut_at_its_structures_and_in_between() {
    for name in [CODE, VARIABLES] {
        let attested = Attested::new(name);
        let size = attested.image.len();
        let mut cuts = attested.boundaries();
        cuts.extend((0..512).map(|number| size * number / 512 + number % 7));
        if soak() {
            cuts.extend((0..size).step_by(step()));
        }
        let cuts: Vec<_> = cuts.into_iter().collect();
        each(cuts.len(), |number| attested.cut(cuts[number]));
    }
}

#[test]
fn flipped_bits_and_havoc_of_the_firmware() {
    for (name, in_ci) in [(CODE, 100), (VARIABLES, 100)] {
        let attested = Attested::new(name);
        each(if soak() { 10_000 } else { in_ci }, |number| {
            let mut random = Random(0x6972_7500 + number as u64 * 7919);
            random.below(1);
            attested.flip(&mut random);
            if number % 4 == 0 {
                attested.havoc(&mut random);
            }
        });
    }
}
