//! The golden cases as files, for hosts that are not written in Rust: `request.json`, the sources by number, and
//! below `native/` the outputs of the core in this process, with `exit` among them.

use std::path::Path;

use kiwame_image::Memory;
use kiwame_samples::golden;

/// Writes every case below `place`.
pub(crate) fn write(place: &Path) -> Result<(), String> {
    let names = golden::names().map_err(|error| error.to_string())?;
    for name in &names {
        let case = golden::prepare(name).map_err(|error| format!("{name}: {error}"))?;
        let folder = place.join(name);
        crate::write(&folder.join("request.json"), &case.request)?;
        for (number, source) in case.sources.iter().enumerate() {
            crate::write(&folder.join(number.to_string()), source)?;
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
