//! The record of a run: which files, when, and with what. It is not pure, so it stands beside the reports, which are; nobody
//! has signed it.

use std::path::{Path, PathBuf};

use kiwame_image::Problem;
use serde::Serialize;
use serde_json::json;
use sha2::Digest as _;

use crate::job::Job;
use crate::output;
use crate::problems;
use crate::sandbox::CORE_SHA256;

/// Version of the record's schema.
const SCHEMA: &str = "1.0";

/// Which report is of which file.
#[derive(Debug, Default)]
pub(crate) struct Record {
    units: Vec<Unit>,
    unread: Vec<Unread>,
}

/// A file that there is no report about.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unread {
    exit_code: u8,
    file: String,
    why: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unit {
    file: String,
    report_sha256: String,
}

/// The name of the record beside reports of that name; none beside standard output, a pipe or a device.
pub(crate) fn beside(report: &Path) -> Option<PathBuf> {
    let mut name = report.as_os_str().to_owned();
    name.push(".run.json");
    (report != Path::new("-") && !output::is_device(report)).then(|| name.into())
}

impl Record {
    /// Takes note of a report. Its digest is that of its line, with the end of it, as tools for digests have it.
    pub(crate) fn add(&mut self, file: &str, report: &[u8]) {
        self.units.push(Unit { file: file.to_owned(), report_sha256: sha256(report) });
    }

    /// Takes note of a file that there is no report about.
    pub(crate) fn unread(&mut self, file: &str, exit_code: u8, why: &str) {
        self.unread.push(Unread { exit_code, file: file.to_owned(), why: why.to_owned() });
    }

    /// The record as JSON.
    pub(crate) fn text(&self, job: &Job<'_>) -> Result<Vec<u8>, Problem> {
        let binary = std::env::current_exe().and_then(std::fs::read).ok().map(|bytes| sha256(&bytes));
        let record = json!({ "runRecord": {
            "binarySha256": binary,
            "coreSha256": CORE_SHA256,
            "engine": job.engine(),
            "schemaVersion": SCHEMA,
            "time": job.now(),
            "units": self.units,
            "unread": self.unread,
            "version": env!("CARGO_PKG_VERSION"),
        }});
        let mut text = serde_json::to_vec(&record).map_err(problems::bug)?;
        text.push(b'\n');
        Ok(text)
    }
}

fn sha256(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
