//! Compiles the core ahead of time, so that the command can embed machine code and needs no compiler.
//!
//! `KIWAME_CORE` names a `kiwame-core.wasm` to embed; without it the core is built here. The machine code is kept
//! in the build directory under the core's digest, the target, wasmtime's version and its settings, and made again
//! only when one of them changes.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "how a build script talks")]

#[path = "../guest/build_core.rs"]
mod build_core;
#[path = "src/engine.rs"]
mod engine;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use sha2::Digest as _;

fn main() -> ExitCode {
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<(), String> {
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let target = env::var("TARGET").map_err(|error| error.to_string())?;
    println!("cargo:rerun-if-env-changed=KIWAME_CORE");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/engine.rs");
    println!("cargo:rerun-if-changed=../guest/build_core.rs");

    let path = match env::var_os("KIWAME_CORE") {
        Some(path) => {
            println!("cargo:rerun-if-changed={}", Path::new(&path).display());
            PathBuf::from(path)
        }
        None => built(&out)?,
    };
    let core = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let digest: String = sha2::Sha256::digest(&core).iter().map(|byte| format!("{byte:02x}")).collect();

    let engine = engine(&target)?;
    // The settings, by the text that makes them.
    let mut settings = DefaultHasher::new();
    (include_str!("src/engine.rs"), include_str!("build.rs")).hash(&mut settings);
    let name = format!("{digest}-{target}-{}-{:016x}.cwasm", engine::WASMTIME, settings.finish());
    let image = out.join(name);
    if !image.is_file() {
        let code =
            engine.precompile_module(&core).map_err(|error| format!("cannot compile the core: {error:#}"))?;
        let aside = image.with_extension("part");
        fs::write(&aside, code)
            .and_then(|()| fs::rename(&aside, &image))
            .map_err(|error| error.to_string())?;
    }
    println!("cargo:rustc-env=KIWAME_CORE_IMAGE={}", image.display());
    println!("cargo:rustc-env=KIWAME_CORE_MODULE={}", path.display());
    println!("cargo:rustc-env=KIWAME_CORE_SHA256={digest}");
    Ok(())
}

/// The core, built from this workspace; rebuilt whenever a file that went into it changes.
fn built(out: &Path) -> Result<PathBuf, String> {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or("CARGO_MANIFEST_DIR is not set")?);
    let root = manifest.ancestors().nth(2).ok_or("the package is not in its workspace")?;
    let target = out.join("core");
    let module = build_core::build_core(root, &target)?;

    let list = target.join(build_core::TARGET).join("core/kiwame_guest.d");
    let text = fs::read_to_string(&list).map_err(|error| format!("{}: {error}", list.display()))?;
    for file in text.lines().flat_map(|line| line.split_once(": ")).flat_map(|(_, files)| files.split(' ')) {
        println!("cargo:rerun-if-changed={file}");
    }
    for file in ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        println!("cargo:rerun-if-changed={}", root.join(file).display());
    }
    Ok(module)
}

/// The compiler.
fn engine(target: &str) -> Result<wasmtime::Engine, String> {
    let mut config = engine::config();
    // Named even when it is the host's: otherwise the code would want the very processor that compiled it.
    config.target(target).map_err(|error| error.to_string())?;
    config.cranelift_opt_level(wasmtime::OptLevel::Speed);
    wasmtime::Engine::new(&config).map_err(|error| error.to_string())
}
