//! One fuzzer for everything that reads hostile bytes. `KIWAME_FUZZ` names the target: a format, of which there is one
//! target each because there is an entry in the list of a family, a decoder, likewise, or one of those in `targets.rs`. `KIWAME_FUZZ=list` prints them,
//! and with `KIWAME_FUZZ_SEEDS` the samples that suit the target are written to that folder. `run.sh` does all of it.
#![no_main]
#![allow(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "overflow is checked when this runs"
)]

mod attested;
mod cost;
mod decoders;
mod seeds;
mod targets;
mod texts;
mod trees;

use std::sync::OnceLock;

use libfuzzer_sys::{Corpus, fuzz_target};
use targets::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: begin(),
    |input: &[u8]| -> Corpus {
        let target = TARGET.get().expect("chosen at the start");
        if target.run(input) { Corpus::Keep } else { Corpus::Reject }
    }
);

/// Chooses the target; or does what else was asked for, and ends.
fn begin() {
    let name = std::env::var("KIWAME_FUZZ").unwrap_or_default();
    if name == "list" {
        targets::all().for_each(|target| println!("{}", target.name()));
        std::process::exit(0);
    }
    let Some(target) = targets::all().find(|target| target.name() == name) else {
        eprintln!("KIWAME_FUZZ=\"{name}\" names no target; KIWAME_FUZZ=list prints them");
        std::process::exit(2);
    };
    if let Some(folder) = std::env::var_os("KIWAME_FUZZ_SEEDS") {
        seeds::write(&target, folder.as_ref());
        std::process::exit(0);
    }
    TARGET.get_or_init(|| target);
}
