//! How wasmtime is set up. Shared with `build.rs`: code runs only in an engine set up as it was compiled for.

use wasmtime::Config;

/// The version that `Cargo.toml` pins. Code compiled by one version runs in no other.
pub(crate) const WASMTIME: &str = "48.0.8";

/// The settings that compiler and runtime have in common.
pub(crate) fn config() -> Config {
    let mut config = Config::new();
    // Counts every instruction, so an endless loop ends at the same place on every machine.
    config.consume_fuel(true);
    // The module carries no names, so a backtrace would list nothing but addresses; `log` has the message.
    config.wasm_backtrace_max_frames(None);
    config.generate_address_map(false);
    // Each instance is used once, so its memory is simply written; no file in memory to map it from, which fails
    // where the size of files is limited.
    config.memory_init_cow(false);
    config
}
