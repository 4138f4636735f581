//! Whether two people who build the core get the same file: everybody's report carries its digest.

use std::path::Path;
use std::process::Command;
use std::{fs, process};

use crate::{build_core, read, sha256};

/// Builds the core of the working tree twice, from copies in folders of different names, and compares.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    let places = ["one", "another-place/with a longer name"];
    let base = std::env::temp_dir().join(format!("kiwame-reproduce-{}", process::id()));
    let result = places.iter().map(|place| build(root, &base.join(place))).collect::<Result<Vec<_>, _>>();
    let _ = fs::remove_dir_all(&base);
    let built = result?;
    for (place, bytes) in places.iter().zip(&built) {
        println!("{}  built in …/{place}", sha256(bytes));
    }
    match built.as_slice() {
        [first, second] if first == second => Ok(()),
        _ => Err("the core is not reproducible: the two builds differ".to_owned()),
    }
}

fn build(root: &Path, place: &Path) -> Result<Vec<u8>, String> {
    copy(root, place)?;
    let core = build_core::build_core(place, &place.join("out"))?;
    read(&core)
}

/// What git tracks, as it is in the working tree: nothing of an earlier build comes along.
fn copy(root: &Path, place: &Path) -> Result<(), String> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--", "Cargo.*", "rust-*", "crates"]);
    let output = git.output().map_err(|error| format!("cannot start git: {error}"))?;
    let list = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    for file in list.split_terminator('\0').filter(|file| root.join(file).is_file()) {
        let target = place.join(file);
        let parent = target.parent().unwrap_or(place);
        fs::create_dir_all(parent)
            .and_then(|()| fs::copy(root.join(file), &target).map(drop))
            .map_err(|error| format!("{file}: {error}"))?;
    }
    Ok(())
}
