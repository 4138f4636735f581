//! `lot`: each unit judged by itself, and a table of all of them, made by the core from their reports.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiwame_image::Problem;
use serde_json::{Map, Value, json};

use crate::args::{Common, Lot};
use crate::clock;
use crate::folders::Found;
use crate::job::{self, Job};
use crate::output::{self, Readers};
use crate::problems;
use crate::record;
use crate::runs::Judged;
use crate::sources::Source;

/// The renderings that a summary may be, by the ending of its file.
const SUMMARIES: [&str; 4] = ["csv", "html", "json", "md"];

/// Where the summaries go, and which rendering each is; checked before any work is done for them.
pub(crate) fn summaries<'a>(
    asked: &'a Lot,
    found: &Found,
    common: &Common,
) -> Result<Vec<(&'a Path, &'static str)>, Problem> {
    asked.summaries.iter().map(|path| summary(path, found, common)).collect()
}

fn summary<'a>(path: &'a Path, found: &Found, common: &Common) -> Result<(&'a Path, &'static str), Problem> {
    output::check_free(path, common.force)?;
    output::check_apart(path, &found.images)?;
    found.check_outside(path)?;
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    let known = SUMMARIES.into_iter().find(|known| *known == ending || (*known == "html" && ending == "htm"));
    known.map(|known| (path, known)).ok_or_else(|| problems::with(&problems::SUMMARY_NAME, path))
}

/// Each output has a name of its own, and none is that of a document which is read.
pub(crate) fn check_outputs(asked: &Lot) -> Result<(), Problem> {
    let record = asked.verify.report.as_deref().and_then(record::beside);
    let mut outputs: Vec<PathBuf> = asked.summaries.clone();
    outputs.extend(asked.verify.report.iter().cloned().chain(record));
    let inputs = [
        asked.verify.manifests.as_slice(),
        asked.verify.policy.as_slice(),
        asked.verify.key.as_slice(),
        asked.serials.as_slice(),
    ]
    .concat();
    for (number, path) in outputs.iter().enumerate() {
        output::check_documents(path, &inputs)?;
        if outputs[..number].iter().any(|other| output::place(other) == output::place(path)) {
            return Err(problems::with(&problems::TWICE, path));
        }
    }
    Ok(())
}

/// Puts the units together, prints the table and writes the summaries.
pub(crate) fn finish(
    job: &Job<'_>,
    asked: &Lot,
    judged: Vec<Judged>,
    serials: Vec<Arc<Source>>,
    found: &Found,
    summaries: &[(&Path, &'static str)],
) -> Result<u8, Problem> {
    let mut sources = Vec::new();
    let mut unread = Vec::new();
    for (at, unit) in judged.into_iter().enumerate() {
        match unit.answer {
            Ok(report) => sources.push(Arc::new(Source::memory("report", &unit.name, report))),
            Err((exit, why)) => {
                unread.push(json!({ "at": at, "file": unit.name, "exitCode": exit, "why": why }));
            }
        }
    }
    sources.extend(serials);
    let left_out: Vec<_> = found.left_out.iter().map(|path| path.display().to_string()).collect();
    let names: Vec<_> = summaries.iter().map(|(_, name)| *name).collect();
    let lot = json!({
        "ordered": asked.ordered, "zone": clock::zone(job.now()), "unread": unread, "leftOut": left_out, "summaries": names,
    });
    let mut extra: Map<String, Value> = Map::from_iter([("lot".to_owned(), lot)]);
    extra.extend(asked.verify.expect.as_ref().map(|expect| ("expect".to_owned(), json!(expect))));
    let response = job.ask("lot", &sources, extra)?;
    job.print(&response)?;
    // What cannot be made is no lot; what stands in the way of it has been said.
    if !response.output("stdout").is_empty() {
        for (path, name) in summaries {
            output::write(path, response.output(name), Readers::Usual, job.force())?;
        }
    }
    Ok(response.exit)
}

/// Serial numbers are read once, before the units are: what is wrong with them is known at once.
pub(crate) fn serials(asked: &Lot) -> Result<Vec<Arc<Source>>, Problem> {
    let sources = job::open("serials", asked.serials.as_slice())?;
    match sources.iter().find(|source| source.size == 0) {
        None => Ok(sources),
        Some(source) => Err(Problem::new(&problems::EMPTY_SERIALS).of(&source.name)),
    }
}
