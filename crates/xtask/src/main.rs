//! Build steps that cargo has no word for. `make` calls them; see the Makefile.

#[path = "../../guest/build_core.rs"]
mod build_core;
mod errors;
mod fields;
mod golden;
mod page;
mod reproduce;
mod words;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use sha2::Digest as _;

const USAGE: &str = "\
usage: cargo xtask STEP
  core       build build/kiwame-core.wasm and print its SHA-256
  page       build web/dist/kiwame.html from build/kiwame-core.wasm
  reproduce  build the core twice, in different folders, and compare
  golden DIR write every golden case there, with what the core answers natively
  words      write docs/findings.md, docs/errors.md, docs/fields.md, docs/schemas and crates/cli/src/fields anew: what reports may say,
             what can stop a run, and every field of the files that kiwame reads and writes";

fn main() -> ExitCode {
    let step = env::args().nth(1).unwrap_or_default();
    let root = root();
    let result = match step.as_str() {
        "core" => core(&root),
        "page" => page::build(&root),
        "golden" => {
            env::args().nth(2).ok_or(USAGE.to_owned()).and_then(|place| golden::write(Path::new(&place)))
        }
        "reproduce" => reproduce::run(&root),
        "words" => {
            words::build(&root).and_then(|()| errors::build(&root)).and_then(|()| fields::build(&root))
        }
        _ => Err(USAGE.to_owned()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn core(root: &Path) -> Result<(), String> {
    let built = build_core::build_core(root, &target(root).join("core-build"))?;
    let bytes = read(&built)?;
    let place = core_path(root);
    // Written only when it differs, so that what depends on it is not built again for nothing.
    if fs::read(&place).ok().as_deref() != Some(&bytes) {
        write(&place, &bytes)?;
    }
    println!("{}  {}", sha256(&bytes), place.strip_prefix(root).unwrap_or(&place).display());
    Ok(())
}

/// The top of the workspace.
fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package).to_path_buf()
}

/// Where builds may leave what they do not want to make again.
fn target(root: &Path) -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

fn core_path(root: &Path) -> PathBuf {
    env::var_os("KIWAME_CORE").map_or_else(|| root.join("build/kiwame-core.wasm"), PathBuf::from)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(parent)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|error| format!("{}: {error}", path.display()))
}

fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
