//! The core's machine code, which `build.rs` made and our executable carries.
//!
//! On Linux it runs from where the executable has it: the kernel reads in the pages that are used and no others, and
//! shares them between runs. A copy of all of it would take longer than judging a small image. Elsewhere wasmtime
//! makes that copy.

use wasmtime::{Engine, Module};

use crate::engine;

/// Aligned to the largest page that Linux has, and so is the code inside it to that of its processor.
#[repr(C, align(65536))]
struct Aligned<const N: usize>([u8; N]);

static IMAGE: Aligned<{ include_bytes!(env!("KIWAME_CORE_IMAGE")).len() }> =
    Aligned(*include_bytes!(env!("KIWAME_CORE_IMAGE")));

/// An engine, and the core in it.
#[cfg(target_os = "linux")]
pub(crate) fn load() -> wasmtime::Result<(Engine, Module)> {
    let mut config = engine::config();
    config.with_custom_code_memory(Some(std::sync::Arc::new(Executable)));
    let engine = Engine::new(&config)?;
    // SAFETY: the bytes come from our own executable, where `build.rs` put what this wasmtime compiled; they stay as
    // long as the process does, and nobody can write to them.
    #[expect(unsafe_code, reason = "code compiled ahead of time cannot be checked, only trusted")]
    let module = unsafe { Module::deserialize_raw(&engine, std::ptr::NonNull::from(&IMAGE.0[..])) }?;
    Ok((engine, module))
}

/// Has the kernel run what lies among the constants of our executable.
#[cfg(target_os = "linux")]
struct Executable;

#[cfg(target_os = "linux")]
impl wasmtime::CustomCodeMemory for Executable {
    fn required_alignment(&self) -> usize {
        rustix::param::page_size()
    }

    fn publish_executable(&self, start: *const u8, length: usize) -> wasmtime::Result<()> {
        use rustix::mm::{MprotectFlags, mprotect};
        let rights = MprotectFlags::READ | MprotectFlags::EXEC;
        // SAFETY: wasmtime names the code inside `IMAGE`, whole pages of it. They were readable and still are.
        #[expect(unsafe_code, reason = "what a page may be used for is known to the kernel alone")]
        unsafe { mprotect(start.cast_mut().cast(), length, rights) }?;
        Ok(())
    }

    /// Nobody writes to the code; it may stay executable until the process ends.
    fn unpublish_executable(&self, _start: *const u8, _length: usize) -> wasmtime::Result<()> {
        Ok(())
    }
}

/// An engine, and the core in it.
#[cfg(not(target_os = "linux"))]
pub(crate) fn load() -> wasmtime::Result<(Engine, Module)> {
    let engine = Engine::new(&engine::config())?;
    // SAFETY: the bytes come from our own executable, where `build.rs` put what this wasmtime compiled.
    #[expect(unsafe_code, reason = "code compiled ahead of time cannot be checked, only trusted")]
    let module = unsafe { Module::deserialize(&engine, &IMAGE.0) }?;
    Ok((engine, module))
}
