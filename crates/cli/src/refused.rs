//! What is wrong with the documents that all images are compared with: said once, and not for each image.

use std::sync::Arc;

use kiwame_image::Problem;
use kiwame_report::{Report, message, remedy};
use serde_json::{Map, Value};

use crate::job::Job;
use crate::sandbox::Response;
use crate::sources::Source;

/// What says what images are compared with; the other sources are of one image.
const DOCUMENTS: [&str; 3] = ["manifest", "policy", "key"];

/// What the core makes of the documents beside an image of one byte.
pub(crate) struct Documents(Response);

impl Documents {
    /// Asks it, once for all images.
    pub(crate) fn look(
        job: &Job<'_>,
        reference: &[Arc<Source>],
        extra: &Map<String, Value>,
    ) -> Result<Self, Problem> {
        let image = Arc::new(Source::memory("image", "-", vec![0]));
        let documents = reference.iter().filter(|source| DOCUMENTS.contains(&source.role)).cloned();
        let sources: Vec<_> = [image].into_iter().chain(documents).collect();
        job.quietly("verify", &sources, extra.clone()).map(Self)
    }

    /// Says that one of them cannot be read, or contradicts another, and gives the exit code.
    pub(crate) fn refuse_unreadable(&self, job: &Job<'_>) -> Option<u8> {
        let refused = self.0.output("report").is_empty();
        refused.then(|| {
            job.pass_on(self.0.output("stderr"));
            self.0.exit
        })
    }

    /// Says that none of the manifests is trusted: a table of units would say so for each of them, and why for none.
    pub(crate) fn refuse_untrusted(&self, job: &Job<'_>, reference: &[Arc<Source>]) -> Option<u8> {
        let report = Report::claimed(self.0.output("report")).ok()?;
        let manifests = reference.iter().filter(|source| source.role == "manifest").count();
        let untrusted: Vec<_> =
            report.findings.iter().filter(|finding| finding.id == "trust/not-verified").collect();
        if manifests == 0 || untrusted.len() < manifests {
            return None;
        }
        for finding in untrusted {
            let id = finding.args.get("why-id").map_or(finding.id.as_str(), String::as_str);
            let (says, next) =
                (message(job.lang(), finding, &report.mode), remedy(job.lang(), finding, &report.mode));
            let text = format!("kiwame: {says}  [{id}, exit {}]\n        {next}\n", self.0.exit);
            job.pass_on(text.as_bytes());
        }
        Some(self.0.exit)
    }
}
