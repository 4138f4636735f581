//! What the fuzzer begins with: the samples, and the parts of them that the target recognises.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kiwame_image::{Format, Glance, Limits, Memory, Options, Region, len64};
use kiwame_samples::{golden, sample, sha256};
use serde_json::Value;

use crate::targets::Target;
use crate::{attested, decoders, trees};

/// Writes the seeds of a target to a folder, each named by its digest.
pub fn write(target: &Target, folder: &Path) {
    fs::create_dir_all(folder).expect("the folder can be made");
    let mut seeds = BTreeMap::new();
    let mut add = |seed: &[u8]| {
        if !seed.is_empty() && seed.len() <= MOST {
            seeds.insert(sha256(seed), seed.to_vec());
        }
    };
    match target {
        Target::Format(format) => of_format(*format, &mut add),
        Target::Decoder(decoder) => {
            let some = images().into_iter().filter(|(_, image)| image.len() <= SEARCHED);
            some.for_each(|(_, image)| decoders::streams(decoder, &image).for_each(&mut add));
        }
        Target::Image | Target::Inspect => images().iter().for_each(|(_, image)| add(image)),
        Target::Attest => small().for_each(|(_, image)| add(&image)),
        Target::Layout => {
            let small: Vec<_> = small().map(|(_, image)| image).collect();
            for (number, first) in small.iter().enumerate() {
                let next = |by: usize| small[(number + by) % small.len()].as_slice();
                add(&trees::with_layout(&[first, next(1), next(7), next(31)]));
            }
        }
        Target::Verify => known(|name, image, _| add(&[name, image].concat())),
        Target::Statement => known(|name, _, statement| add(&[name, statement].concat())),
        Target::Text(text) => {
            for name in golden::names().expect("the cases are there") {
                let case = golden::prepare(&name).expect("prepared");
                of_case(text.name, text.role, &case, &mut add);
            }
        }
    }
    for (digest, seed) in &seeds {
        fs::write(folder.join(digest), seed).expect("writable");
    }
}

/// The samples under the format's name; and of all samples the regions of the image that it recognises, or that are its.
fn of_format(format: &'static dyn Format, add: &mut dyn FnMut(&[u8])) {
    for (name, image) in images() {
        if name.split('/').next() == Some(format.name()) {
            add(&image);
        }
        // Changed copies of one firmware image all hold the same files.
        if image.len() > LARGE && name.contains('/') && !name.contains('.') {
            continue;
        }
        let host = Memory::new([image.clone()]);
        let tree = kiwame_formats::parse(&host, 0, len64(&image), &Limits::default(), &Options::default());
        let tree = tree.expect("memory can be read");
        let of_image = |region: &&Region| region.space == kiwame_image::SpaceId::IMAGE;
        for region in tree.regions().filter(of_image).filter(|region| region.span.length <= MOST as u64) {
            let bytes = &image[region.span.offset as usize..region.span.end() as usize];
            // Some are only ever found where another format says that they are.
            let called = [region.kind, region.segment.format].contains(&format.name());
            if called || format.probe(&Glance::new(bytes, len64(bytes))).is_some() {
                add(bytes);
            }
        }
    }
}

/// Small samples as attested: name, image, statement.
fn known(mut add: impl FnMut(&[u8], &[u8], &[u8])) {
    for (name, image) in small() {
        let mutable = format!("{}{}", attested::DESCRIPTION, attested::MUTABLE);
        let descriptions = [attested::DESCRIPTION, mutable.as_str()];
        for description in &descriptions[..if name == "nvram/authenticated" { 2 } else { 1 }] {
            if let Some((name, statement)) = attested::learn(&image, description) {
                add(&name, &image, &statement);
            }
        }
    }
}

/// What a golden case has in that role; or, of a payload, what lies in the envelope.
fn of_case(name: &str, role: &str, case: &golden::Case, add: &mut dyn FnMut(&[u8])) {
    if role == "report" {
        let response = kiwame_verifier::run(&case.request, &Memory::new(case.sources.clone()));
        return response.output("report").into_iter().for_each(add);
    }
    let request: Value = serde_json::from_slice(&case.request).expect("JSON");
    let roles = request["sources"].as_array().expect("sources").iter().zip(&case.sources);
    for (_, bytes) in roles.filter(|(source, _)| source["role"] == role) {
        match kiwame_trust::Envelope::parse(bytes) {
            Ok(envelope) if name == "text-manifest" => add(&envelope.payload),
            _ => add(bytes),
        }
    }
    if role == "describe" {
        add(attested::DESCRIPTION.as_bytes());
        let folder = kiwame_samples::folder().join("descriptions");
        for file in fs::read_dir(folder).expect("readable").filter_map(Result::ok) {
            add(&fs::read(file.path()).expect("readable"));
        }
    }
}

/// Every sample, and every file that samples are made of.
fn images() -> Vec<(String, Vec<u8>)> {
    let root = kiwame_samples::folder();
    let mut names = kiwame_samples::names().expect("the folder can be read");
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).expect("readable").map(|entry| entry.expect("readable").path()) {
            let text =
                path.extension().is_some_and(|e| ["toml", "sh", "md", "txt"].iter().any(|text| e == *text));
            if path.is_dir() {
                folders.push(path);
            } else if !text {
                let name = path.strip_prefix(&root).expect("below it");
                names.push(name.to_string_lossy().into_owned());
            }
        }
    }
    names.into_iter().map(|name| (name.clone(), sample(&name).expect("a sample"))).collect()
}

fn small() -> impl Iterator<Item = (String, Vec<u8>)> {
    images().into_iter().filter(|(_, image)| image.len() <= SMALL)
}

/// Larger seeds make it slow.
const MOST: usize = 64 << 10;
/// What is attested for each input.
const SMALL: usize = 4 << 10;
/// Samples up to this are searched for streams, byte by byte.
const SEARCHED: usize = 1 << 10;
/// Samples from here on are changed copies of a few files.
const LARGE: usize = 256 << 10;
