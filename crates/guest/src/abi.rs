//! Both sides of the boundary. The only `unsafe` of the core: addresses that arrive from the host, and addresses
//! that are handed to it.
//!
//! The host owns the module's memory and can do with it as it likes, so nothing here defends against the host;
//! what has to hold is that no *input* can make these functions touch memory that is not theirs. Inputs reach
//! them only as slices that the core already holds.
#![expect(unsafe_code, reason = "the boundary itself; each use says why it is sound")]

use std::panic::PanicHookInfo;

use kiwame_image::{Algorithm, Digest, Host, Part, ReadError};

#[link(wasm_import_module = "kiwame")]
unsafe extern "C" {
    fn read(source: u32, offset: u64, into: *mut u8, length: u32) -> u32;
    fn digest(algorithm: u32, parts: *const RawPart, count: u32, into: *mut u8) -> u32;
    fn progress(done: u64, total: u64);
    fn log(text: *const u8, length: u32);
}

/// Memory for a request of `length` bytes. It is given back by [`run`].
#[unsafe(no_mangle)]
extern "C" fn alloc(length: u32) -> *mut u8 {
    Box::leak(vec![0_u8; wide(length)].into_boxed_slice()).as_mut_ptr()
}

/// Answers the request in memory that came from [`alloc`].
#[unsafe(no_mangle)]
extern "C" fn run(request: *mut u8, length: u32) -> *const u32 {
    std::panic::set_hook(Box::new(last_words));
    let range = core::ptr::slice_from_raw_parts_mut(request, wide(length));
    // SAFETY: the host passes what `alloc` gave it for this length, once; the layout is that of the box there.
    let request = unsafe { Box::from_raw(range) };
    let response = kiwame_verifier::run(&request, &Outside);

    let count = response.outputs.len();
    let mut table = vec![response.exit.into(), narrow(count)];
    for output in response.outputs {
        // Leaked: the host reads it after this function has returned, then drops the whole instance.
        let bytes = output.bytes.leak();
        table.extend([address(output.name.as_ptr()), narrow(output.name.len())]);
        table.extend([address(bytes.as_ptr()), narrow(bytes.len())]);
    }
    table.leak().as_ptr()
}

/// The host, seen from inside.
#[derive(Debug)]
struct Outside;

impl Host for Outside {
    fn read(&self, source: u32, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        let length = narrow(into.len());
        // SAFETY: the host writes at most `length` bytes to the slice that is borrowed mutably for the call.
        let code = unsafe { read(source, offset, into.as_mut_ptr(), length) };
        if code == 0 { Ok(()) } else { Err(ReadError { source, offset, length: length.into() }) }
    }

    fn digest(&self, algorithm: Algorithm, parts: &[Part<'_>]) -> Result<Digest, ReadError> {
        let raw: Vec<RawPart> = parts.iter().map(RawPart::new).collect();
        let mut into = [0; 64];
        // SAFETY: `raw` outlives the call, each of its memory parts is a slice borrowed for longer than it, and
        // the host writes at most 64 bytes, the longest digest of `Algorithm`.
        let code = unsafe { digest(algorithm.id(), raw.as_ptr(), narrow(raw.len()), into.as_mut_ptr()) };
        let whole = if code == 0 { into.get(..algorithm.length()) } else { None };
        whole.and_then(|bytes| Digest::new(algorithm, bytes)).ok_or_else(|| failed(parts))
    }

    fn progress(&self, done: u64, total: u64) {
        // SAFETY: two integers.
        unsafe { progress(done, total) }
    }
}

/// A [`Part`] as it lies in memory for the host.
#[repr(C)]
struct RawPart {
    kind: u32,
    source: u32,
    offset: u64,
    length: u64,
}

impl RawPart {
    fn new(part: &Part<'_>) -> Self {
        match *part {
            Part::Source { source, offset, length } => Self { kind: 0, source, offset, length },
            Part::Memory(bytes) => {
                let (offset, length) = (address(bytes.as_ptr()).into(), narrow(bytes.len()).into());
                Self { kind: 1, source: 0, offset, length }
            }
        }
    }
}

/// What could not be hashed: the first part that lies in a source.
fn failed(parts: &[Part<'_>]) -> ReadError {
    let of_source = |part: &Part<'_>| match *part {
        Part::Source { source, offset, length } => Some(ReadError { source, offset, length }),
        Part::Memory(_) => None,
    };
    parts.iter().find_map(of_source).unwrap_or(ReadError { source: 0, offset: 0, length: 0 })
}

/// Without this a panic is a mute trap.
fn last_words(info: &PanicHookInfo<'_>) {
    let text = info.to_string();
    // SAFETY: the host only reads, and `text` outlives the call.
    unsafe { log(text.as_ptr(), narrow(text.len())) }
}

fn address(pointer: *const u8) -> u32 {
    narrow(pointer.addr())
}

/// Lossless: this module is compiled for a 32-bit address space only.
fn narrow(size: usize) -> u32 {
    const { assert!(size_of::<usize>() == size_of::<u32>()) };
    size as u32
}

fn wide(size: u32) -> usize {
    size as usize
}
