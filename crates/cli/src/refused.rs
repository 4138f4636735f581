//! What is wrong with the documents that all images are compared with: said once, and not for each image.

use std::sync::Arc;

use kiwame_image::Problem;
use kiwame_report::escape_line;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::job::Job;
use crate::sandbox::Response;
use crate::sources::Source;

/// Nothing can be compared with these documents.
pub(crate) struct Refused {
    exit: u8,
    text: Vec<u8>,
}

/// What is read of a report here.
#[derive(Deserialize)]
struct Report {
    findings: Vec<Finding>,
}

#[derive(Deserialize)]
struct Finding {
    id: String,
    #[serde(default)]
    args: Map<String, Value>,
    remedy: String,
}

/// A manifest that is not trusted.
const NOT_TRUSTED: u8 = 4;

impl Refused {
    /// That one of them cannot be read, or contradicts another.
    pub(crate) fn of(
        job: &Job<'_>,
        reference: &[Arc<Source>],
        extra: &Map<String, Value>,
    ) -> Result<Option<Self>, Problem> {
        let response = asked(job, reference, extra)?;
        let refused = response.output("report").is_empty();
        Ok(refused.then(|| Self { exit: response.exit, text: response.output("stderr").to_vec() }))
    }

    /// That none of the manifests is trusted: a table of units would say so for each of them, and why for none.
    pub(crate) fn untrusted(
        job: &Job<'_>,
        reference: &[Arc<Source>],
        extra: &Map<String, Value>,
    ) -> Result<Option<Self>, Problem> {
        let response = asked(job, reference, extra)?;
        let report = serde_json::from_slice::<Report>(response.output("report"));
        let Ok(Report { findings }) = report else { return Ok(None) };
        let manifests = reference.iter().filter(|source| source.role == "manifest").count();
        let untrusted: Vec<_> =
            findings.iter().filter(|finding| finding.id == "trust/not-verified").collect();
        if manifests == 0 || untrusted.len() < manifests {
            return Ok(None);
        }
        let word = |finding: &Finding, name: &str| {
            let word = finding.args.get(name).and_then(Value::as_str);
            escape_line(word.unwrap_or_default())
        };
        let lang = job.lang();
        let line = |finding: &&Finding| {
            let [file, why, id] =
                ["file", lang.pick("why", "why-ja"), "why-id"].map(|name| word(finding, name));
            let colon = lang.pick(": ", ":");
            let remedy = lang.pick(finding.remedy.as_str(), "鍵、ポリシー、マニフェストの入手元を確認する。");
            format!("kiwame: {file}{colon}{why}  [{id}, exit {NOT_TRUSTED}]\n        {remedy}\n")
        };
        let text: String = untrusted.iter().map(line).collect();
        Ok(Some(Self { exit: NOT_TRUSTED, text: text.into_bytes() }))
    }

    /// Says it, and gives the exit code.
    pub(crate) fn tell(&self, job: &Job<'_>) -> u8 {
        job.pass_on(&self.text);
        self.exit
    }
}

/// What the core makes of the documents beside an image of one byte.
fn asked(job: &Job<'_>, reference: &[Arc<Source>], extra: &Map<String, Value>) -> Result<Response, Problem> {
    let image = Arc::new(Source::memory("image", "-", vec![0]));
    job.quietly("verify", &[&[image], reference].concat(), extra.clone())
}
