//! The report itself: canonical JSON on one line.

use crate::{Renderer, Report, View};

/// Canonical JSON.
#[derive(Debug)]
pub(crate) struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> Option<&'static str> {
        Some("For programs: one report a line")
    }

    fn render(&self, report: &Report, _view: &View) -> Vec<u8> {
        report.canonical()
    }
}
