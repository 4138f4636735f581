//! Prints what `kiwame inspect --format json IMAGE` prints, without the sandbox, and takes the same words.
//!
//! For a fast loop beside other tools: `cargo build --release -p kiwame-verifier --example inspect`, then
//! `tests/oracle/files.py target/release/examples/inspect IMAGE...`.

use std::io::Write as _;
use std::process::ExitCode;

use kiwame_image::Memory;

fn main() -> std::io::Result<ExitCode> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let ["inspect", "--format", "json", path] = *arguments.iter().map(String::as_str).collect::<Vec<_>>()
    else {
        return Err(std::io::Error::other("inspect --format json IMAGE"));
    };
    let bytes = std::fs::read(path)?;
    let name = std::path::Path::new(path).file_name().unwrap_or_default().to_string_lossy();
    let request = serde_json::json!({
        "abi": kiwame_verifier::ABI,
        "verb": "inspect",
        "sources": [{ "role": "image", "name": name, "size": bytes.len() }],
        "coreSha256": "",
        "render": "json",
    });
    let response = kiwame_verifier::run(request.to_string().as_bytes(), &Memory::new([bytes]));
    std::io::stdout().write_all(response.output("stdout").unwrap_or_default())?;
    std::io::stderr().write_all(response.output("stderr").unwrap_or_default())?;
    Ok(ExitCode::from(response.exit))
}
