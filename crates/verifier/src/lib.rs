//! The façade: one request, one response.
//!
//! ```
//! use kiwame_image::Memory;
//!
//! let request = br#"{"abi":1,"verb":"inspect","sources":[{"role":"image","name":"empty.bin","size":4}],
//!     "coreSha256":"","render":"json"}"#;
//! let response = kiwame_verifier::run(request, &Memory::new([vec![0xff; 4]]));
//! assert_eq!(response.exit, 0);
//! let report = response.output("stdout").expect("a report");
//! assert!(report.starts_with(br#"{"accepted":false,"account":{"differs":0,"fill":4,"#));
//! ```
#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic
)]

mod attest;
mod describe;
mod inspect;
mod keys;
mod lot;
mod manifests;
mod placement;
mod policies;
pub mod problems;
mod propose;
mod readings;
mod record;
mod request;
mod settings;
mod uniform;
mod unread;
mod verify;

use kiwame_image::{Host, Problem};

use request::{Request, Run};

/// Version of the boundary between host and core.
pub const ABI: u32 = 1;

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
    /// `stdout`, `stderr`, `report`, `statement`, `excerpt`, or the name of a rendering that was asked for.
    pub name: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Response {
    /// The bytes of an output.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&[u8]> {
        self.outputs.iter().find(|output| output.name == name).map(|output| output.bytes.as_slice())
    }

    fn with(mut self, name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        self.outputs.push(Output { name, bytes: bytes.into() });
        self
    }
}

/// A verb, in the order of the manual.
type Verb = fn(&Run<'_>) -> Result<Response, Problem>;

/// Every verb of the core.
static VERBS: &[(&str, Verb)] = &[
    ("inspect", inspect::inspect),
    ("attest", attest::attest),
    ("verify", verify::verify),
    ("diff", verify::diff),
    ("lot", lot::lot),
    ("key-show", keys::show),
    ("manifest-show", manifests::show),
    ("manifest-lint", manifests::lint),
    ("manifest-sign", manifests::sign),
    ("policy-new", policies::new),
    ("policy-check", policies::check),
    ("policy-explain", policies::explain),
    ("report-show", inspect::report_show),
    ("describe", propose::describe),
    ("settings", settings::settings),
];

/// Does what the request asks. `request` is JSON; sources are lent by the host.
#[must_use]
pub fn run(request: &[u8], host: &dyn Host) -> Response {
    let request = match Request::parse(request) {
        Ok(request) => request,
        Err(problem) => return problems::response(&problem.of("request"), request::lang_of(request)),
    };
    let run = Run { request: &request, host };
    let verb = VERBS.iter().find(|(name, _)| *name == request.verb);
    let unknown = || Problem::new(&problems::VERB).of("request").arg("name", &request.verb);
    let done = verb.ok_or_else(unknown).and_then(|(_, verb)| {
        // Also where the time decides nothing: whoever gives one means it.
        run.now()?;
        verb(&run)
    });
    done.unwrap_or_else(|problem| problems::response(&problem, run.lang()))
}
