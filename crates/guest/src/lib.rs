//! The verifier as one WebAssembly module, `kiwame-core.wasm`.
//!
//! The module is built for `wasm32-unknown-unknown`: it has no clock, no files, no network, no environment and
//! no randomness. All it can do is call the four functions that it imports from `kiwame`:
//!
//! ```text
//! read(source: u32, offset: u64, into: u32, length: u32) -> u32
//!     copies a range of a source into the module's memory; 0, or 1 when the source has no such bytes
//! digest(algorithm: u32, parts: u32, count: u32, into: u32) -> u32
//!     the digest over `count` parts, one behind the other; 0, or 1 as above. A part is 24 bytes:
//!     kind u32 (0 source, 1 memory), source u32 (0 for memory), offset u64, length u64
//! progress(done: u64, total: u64)
//!     how far the run is
//! log(text: u32, length: u32)
//!     the message of a panic, right before the trap
//! ```
//!
//! and all that can be done with it is `memory`, and two functions:
//!
//! ```text
//! alloc(length: u32) -> u32
//!     memory for the request, which `run` takes back
//! run(request: u32, length: u32) -> u32
//!     answers one request (JSON); gives the address of the response
//! ```
//!
//! A response is `exit u32, count u32`, then for each output `name, name length, bytes, bytes length` as four
//! u32: two addresses in the module's memory. Everything is little endian. A module answers one request; the
//! host then throws it away, which is what frees the memory of the response.
#![cfg(target_family = "wasm")]

mod abi;
mod compare;
