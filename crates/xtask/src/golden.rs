//! The golden cases as files, for hosts that are not written in Rust: `request.json`, the sources by number, and
//! below `native/` the outputs of the core in this process, with `exit` among them. Many cases share an image: each is
//! stored once, the others are links to it (half of the space).

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use kiwame_image::Memory;
use kiwame_samples::golden;

/// Writes every case below `place`.
pub(crate) fn write(place: &Path) -> Result<(), String> {
    let names = golden::names().map_err(|error| error.to_string())?;
    let mut stored = HashMap::new();
    for name in &names {
        let case = golden::prepare(name).map_err(|error| format!("{name}: {error}"))?;
        let folder = place.join(name);
        crate::write(&folder.join("request.json"), &case.request)?;
        for (number, source) in case.sources.iter().enumerate() {
            store(&mut stored, folder.join(number.to_string()), source)?;
        }
        let response = kiwame_verifier::run(&case.request, &Memory::new(case.sources));
        crate::write(&folder.join("native/exit"), response.exit.to_string().as_bytes())?;
        for output in &response.outputs {
            crate::write(&folder.join("native").join(output.name), &output.bytes)?;
        }
    }
    println!("{} golden cases", names.len());
    Ok(())
}

/// Writes `bytes` to `path`, or links it to the file that has them already.
fn store(stored: &mut HashMap<String, PathBuf>, path: PathBuf, bytes: &[u8]) -> Result<(), String> {
    let digest = crate::sha256(bytes);
    // Not every file system has links, and each has an end to how many: then it is a copy.
    if stored.get(&digest).is_some_and(|other| fs::hard_link(other, &path).is_ok()) {
        return Ok(());
    }
    crate::write(&path, bytes)?;
    stored.insert(digest, path);
    Ok(())
}
