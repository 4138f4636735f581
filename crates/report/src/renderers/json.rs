//! The report itself: canonical JSON on one line.

use crate::{Renderer, Report, View};

/// Canonical JSON.
#[derive(Debug)]
pub(crate) struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(&self, report: &Report, _view: &View) -> Vec<u8> {
        report.canonical()
    }
}
