//! The façade: one request, one response.
#![forbid(unsafe_code)]
#![deny(clippy::as_conversions, clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::unreachable, clippy::print_stdout, clippy::print_stderr, clippy::float_arithmetic)]

use kiwame_image::Host;

/// What a run gives back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// Exit code, as in the documentation of the command.
    pub exit: u8,
    /// Named outputs.
    pub outputs: Vec<Output>,
}

/// One output of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// `stdout`, `stderr`, `report` or `statement`.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Does what the request asks. `request` is JSON; sources are lent by the host.
#[must_use]
pub fn run(request: &[u8], host: &dyn Host) -> Response {
    let _ = (request, host);
    Response { exit: 2, outputs: Vec::new() }
}
