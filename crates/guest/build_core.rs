//! Builds `kiwame-core.wasm`: the one place that knows how. Included by the build script of the command and by
//! `xtask`, so that both make the same file, byte for byte.
//!
//! What makes it reproducible: the compiler pinned by `rust-toolchain.toml`, dependencies pinned by `Cargo.lock`
//! (`--locked`), the profile `core`, and every path that the compiler could write into the file replaced.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The target triple of the core.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Builds the core of the workspace at `root` below `target_dir`; gives the path of the module.
pub(crate) fn build_core(root: &Path, target_dir: &Path) -> Result<PathBuf, String> {
    // 512 MiB: the module itself says how much memory it may have, so every host holds it to the same cap.
    let flags = ["-Ctarget-feature=+simd128", "-Clink-arg=--max-memory=536870912"];
    build(root, target_dir, "kiwame-guest", &flags)?;

    let linked = target_dir.join(TARGET).join("core/kiwame_guest.wasm");
    let module = std::fs::read(&linked).map_err(|error| format!("{}: {error}", linked.display()))?;
    let core = exporting_little(&module).ok_or("the linked module cannot be read")?;
    let place = target_dir.join("kiwame-core.wasm");
    std::fs::write(&place, core).map_err(|error| format!("{}: {error}", place.display()))?;
    Ok(place)
}

/// What can be done with the core, and nothing else.
const EXPORTED: [&str; 3] = ["memory", "alloc", "run"];

/// The module without other exports: rustc always has the globals `__data_end` and `__heap_base` exported, and a
/// function that takes the place of one of the compiler's. (WebAssembly 2.0, section 5.5.10.)
fn exporting_little(module: &[u8]) -> Option<Vec<u8>> {
    const EXPORTS: u8 = 7;
    let (header, mut rest) = module.split_at_checked(8)?;
    let mut made = header.to_vec();
    while let Some((&id, after)) = rest.split_first() {
        let (length, after) = leb128(after)?;
        let (body, after) = after.split_at_checked(length)?;
        rest = after;
        if id != EXPORTS {
            section(&mut made, id, body);
            continue;
        }
        let (count, mut entries) = leb128(body)?;
        let mut kept = Vec::new();
        for _ in 0..count {
            let start = entries;
            let (name, after) = leb128(entries)?;
            let (name, after) = after.split_at_checked(name)?;
            let (_kind, after) = after.split_first()?;
            let (_index, after) = leb128(after)?;
            entries = after;
            if EXPORTED.iter().any(|wanted| wanted.as_bytes() == name) {
                kept.push(&start[..start.len() - after.len()]);
            }
        }
        // One byte is enough for the count: see what is kept.
        let count = u8::try_from(kept.len()).ok().filter(|&count| count < 0x80)?;
        section(&mut made, id, &[&[count][..], &kept.concat()].concat());
    }
    Some(made)
}

fn section(module: &mut Vec<u8>, id: u8, body: &[u8]) {
    module.push(id);
    let mut length = body.len();
    while length >= 0x80 {
        module.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    module.push(length as u8);
    module.extend_from_slice(body);
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let last = bytes.iter().take(5).position(|byte| byte & 0x80 == 0)?;
    let (number, rest) = bytes.split_at_checked(last + 1)?;
    Some((number.iter().rev().fold(0, |value, byte| value << 7 | usize::from(byte & 0x7f)), rest))
}

/// Builds a package for the core's target, with the core's profile and no trace of this machine's paths.
pub(crate) fn build(root: &Path, target_dir: &Path, package: &str, flags: &[&str]) -> Result<(), String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = ask(root, &rustc, &["--print", "sysroot"])?;
    // A target that is not installed gives a wall of "can't find crate for `core`"; say it in one line instead.
    if !Path::new(&sysroot).join("lib/rustlib").join(TARGET).is_dir() {
        return Err(format!(
            "the core is WebAssembly, and this toolchain cannot build for {TARGET}\nrun: rustup target add {TARGET}"
        ));
    }
    let mut encoded: Vec<String> = flags.iter().map(ToString::to_string).collect();
    encoded.extend(remappings(root, target_dir, &sysroot));

    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.current_dir(root).args(["build", "--locked", "--quiet", "--profile", "core", "--target", TARGET]);
    command.args(["--package", package]).arg("--target-dir").arg(target_dir);
    // Nothing of an outer build may reach the inner one: flags change the digest, and sharing the target
    // directory waits forever for the outer cargo's lock.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let inherited = text.starts_with("CARGO_PROFILE_")
            || text.starts_with("CARGO_CFG_")
            || text.starts_with("CARGO_FEATURE_")
            || text.starts_with("CARGO_TARGET_")
            || text.starts_with("CARGO_BUILD_")
            || matches!(
                &*text,
                "RUSTFLAGS" | "RUSTC_WRAPPER" | "RUSTC_WORKSPACE_WRAPPER" | "CARGO_INCREMENTAL"
            );
        if inherited {
            command.env_remove(&name);
        }
    }
    command.env("CARGO_ENCODED_RUSTFLAGS", encoded.join("\u{1f}"));
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("building {package} for {TARGET} failed: {status}")),
        Err(error) => Err(format!("cannot start cargo: {error}")),
    }
}

/// One name for each directory that differs between machines. The last match wins in rustc, so the innermost
/// directory, which may lie inside another one, comes last.
fn remappings(root: &Path, target_dir: &Path, sysroot: &str) -> Vec<String> {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(home()?.join(".cargo")));
    let mut pairs = vec![(root.to_path_buf(), "kiwame")];
    pairs.push((PathBuf::from(sysroot).join("lib/rustlib/src/rust"), "rust"));
    pairs.extend(home.iter().flat_map(|home| registries(home)).map(|registry| (registry, "crates")));
    pairs.push((target_dir.to_path_buf(), "target"));
    pairs.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())).collect()
}

/// The directories that hold the sources of dependencies. Their names carry a hash of the registry's address,
/// which differs where a mirror stands in for the registry.
fn registries(cargo_home: &Path) -> Vec<PathBuf> {
    let sources = cargo_home.join("registry/src");
    let entries = std::fs::read_dir(&sources).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn home() -> Option<PathBuf> {
    std::env::home_dir()
}

fn ask(root: &Path, program: &OsString, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).current_dir(root).args(arguments).output();
    let output = output.map_err(|error| format!("cannot start {}: {error}", program.to_string_lossy()))?;
    String::from_utf8(output.stdout).map(|text| text.trim().to_owned()).map_err(|error| error.to_string())
}
