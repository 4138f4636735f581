//! `inspect`: the tree, the account, the defects. `report show`: a report of somebody's, rendered again.

use std::rc::Rc;

use kiwame_image::{Arrange as _, Content, Digest, LimitKind, Opening, Openings, Options, Problem, Tree};
use kiwame_report::{ImageOf, Lang, Report, UnitOf};

use crate::record;
use crate::request::{Run, Source};
use crate::{Response, problems};

/// Takes an image apart and says what is in it. Compares nothing, so it is no verdict.
pub(crate) fn inspect(run: &Run<'_>) -> Result<Response, Problem> {
    let image = run.source("image")?;
    let options = Options { list_digests: true, ..Options::default() };
    let mut tree = run.tree(image, &options)?;
    if tree.limits_hit().iter().any(|(kind, _)| *kind == LimitKind::Nodes)
        && kiwame_appraisal::holds_files(&tree)
    {
        // More files than can be taken apart: each in one piece, rather than some and the rest not at all.
        drop(tree);
        tree = run.tree(image, &Options { openings: Openings::all(Opening::Closed), ..options })?;
    }
    let tree = Rc::new(tree);
    let assessment = kiwame_appraisal::inspect(&tree);
    let mut report = report(run, "inspect", image.1, &tree)?;
    report.set_tree(&tree, &assessment);
    report.set_verdict(&assessment.findings, &assessment.verdict);
    report.not_seen = not_seen(&["reference"], &tree);
    run.respond(&report, &run.view(&image.1.name))
}

/// Renders reports again, one a line. Nothing in them is performed again, and the rendering says so.
pub(crate) fn report_show(run: &Run<'_>) -> Result<Response, Problem> {
    let source = run.source("report")?;
    let text = run.read(source)?;
    if let Ok(record) = record::Record::read(&text) {
        return Ok(Response::default().with("stdout", record.text(run.lang())));
    }
    let record = run.sources("run").next();
    let record = record.map(|source| record::Record::read_from(run, source)).transpose()?;
    let wanted = run.request.unit.as_deref();
    let mut response = Response::default();
    let (mut shown, mut digests, mut units) = (Vec::new(), Vec::new(), Vec::new());
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let several = lines.clone().nth(1).is_some();
    for (place, line) in lines.enumerate() {
        let wrong = |problem: Problem| {
            let lot = kiwame_report::is_lot(line);
            let problem = if lot { Problem::new(&problems::SUMMARY) } else { problem };
            problem.of(&source.1.name)
        };
        let report = Report::claimed(line).map_err(wrong)?;
        // Of the line with its end.
        let digest = run.sha256_of(&[line, b"\n"].concat())?.hex();
        digests.push(digest.clone());
        // Several reports that nobody named go by their lines.
        let line = format!("{}:{}", source.1.name, place.saturating_add(1));
        let file = if several { &line } else { &source.1.name };
        let name = record.as_ref().and_then(|record| record.file_of(place, &digest)).unwrap_or(file);
        let unit = UnitOf::of(name, &report, digest, run.lang());
        let is_wanted = wanted.is_none_or(|wanted| unit.is_called(wanted));
        units.push(unit);
        if !is_wanted {
            continue;
        }
        let mut view = run.view(name);
        view.claimed = true;
        view.date = record.as_ref().map(|record| record.date().to_owned());
        response = run.respond(&report, &view)?;
        if !shown.is_empty() && !run.json() {
            shown.push(b'\n');
        }
        shown.extend_from_slice(response.output("stdout").unwrap_or_default());
    }
    if units.is_empty() {
        return Err(Problem::new(&problems::NO_REPORT).of(&source.1.name));
    }
    if let Some(wanted) = wanted.filter(|_| shown.is_empty()) {
        let known = units.iter().map(|unit| unit.serial.as_str()).take(UNITS).collect::<Vec<_>>().join(", ");
        let problem = Problem::new(&problems::NO_UNIT).of(&source.1.name).arg("unit", wanted.to_owned());
        return Err(problem.arg("units", known));
    }
    if wanted.is_none() && units.len() > 1 && !run.json() {
        shown.splice(0..0, list(&units, run.lang()).into_bytes());
    }
    if let Some(record) = record.as_ref().filter(|_| !run.json() && wanted.is_none()) {
        let lines = record.not_read(run.lang()).chain(record.missing(&digests, run.lang()));
        lines.for_each(|line| shown.extend_from_slice(line.as_bytes()));
    }
    // The verdict was somebody else's: that it could be shown is all that 0 says.
    let report = response.output("report").map(<[u8]>::to_vec);
    let response = Response::default().with("stdout", shown);
    Ok(report.into_iter().fold(response, |response, report| response.with("report", report)))
}

/// So many are named to somebody who asked for another.
const UNITS: usize = 8;

/// The units of a file of reports, a line each.
fn list(units: &[UnitOf], lang: Lang) -> String {
    let count = units.len();
    let head = match lang {
        Lang::English => format!("{count} reports, as claimed; one of them alone: --unit NAME"),
        Lang::Japanese => format!("報告書 {count} 件(作成者の記載)。一件だけ表示するには --unit NAME"),
    };
    let lines = units.iter().map(|unit| format!("  {}\n", unit.line(lang)));
    core::iter::once(format!("{head}\n")).chain(lines).chain(["\n".to_owned()]).collect()
}

/// A report about an image that was taken apart.
pub(crate) fn report(
    run: &Run<'_>,
    mode: &'static str,
    source: &Source,
    tree: &Tree,
) -> Result<Report, Problem> {
    let sha256 = tree.image_digest().map(Digest::hex).unwrap_or_default();
    let image = ImageOf { format: tree.format().to_owned(), sha256, size: source.size };
    Ok(Report::new(mode, &run.request.core_sha256, &run.limits()?, image))
}

/// What nobody could have seen in such a run, and what was not looked at in this one.
pub(crate) fn not_seen(also: &[&str], tree: &Tree) -> Vec<String> {
    let mut codes = vec!["behaviour", "device", "encrypted", "hardware"];
    let closed = tree.leaves().any(|leaf| leaf.content == Content::Closed);
    if closed {
        codes.push("files-closed");
    }
    if closed || !tree.claims().is_empty() {
        codes.push("native-signatures");
    }
    codes.extend(also);
    codes.arrange();
    codes.into_iter().map(str::to_owned).collect()
}
