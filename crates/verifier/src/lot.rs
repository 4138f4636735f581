//! `lot`: several units together, made from their reports.

use kiwame_appraisal::Order;
use kiwame_report::{Common, Lot, Made, Report, TimeOf, UnitOf, lot_renderer};
use serde::Deserialize;

use crate::Response;
use crate::failure::Failure;
use crate::request::{Run, Source};

/// A bug of ours.
const BUG: u8 = 70;

/// What a request says of a lot.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Asked {
    /// How many units were ordered.
    ordered: Option<u64>,
    /// Units without a report, by their place among all.
    unread: Vec<Unread>,
    /// Files that are no units.
    left_out: Vec<String>,
    /// The renderings that are wanted beside what is shown.
    summaries: Vec<String>,
}

/// A unit whose file could not be read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unread {
    at: usize,
    file: String,
    exit_code: u8,
    why: String,
}

/// Makes the lot from the sources `report`, each named as its unit's file, and renders it.
pub(crate) fn lot(run: &Run<'_>) -> Result<Response, Failure> {
    let asked = &run.request.lot;
    let mut common = Common::default();
    let mut units = Vec::new();
    for source in run.sources("report") {
        // One report that cannot be read is one unit's trouble, and a bug of whoever wrote it.
        units.push(unit(run, source, &mut common).unwrap_or_else(|failure| {
            UnitOf::unread(&source.1.name, BUG, &kiwame_report::escape_line(&failure.what))
        }));
    }
    for unread in &asked.unread {
        let unit = UnitOf::unread(&unread.file, unread.exit_code, &kiwame_report::escape_line(&unread.why));
        units.insert(unread.at.min(units.len()), unit);
    }
    if units.is_empty() {
        return Err(Failure::usage("lot", "no image was given"));
    }
    let time = TimeOf { source: run.request.now_source.clone(), value: run.request.now.clone() };
    let made = Made {
        units,
        order: Order { count: asked.ordered, serials: serials(run)? },
        left_out: asked.left_out.clone(),
        time,
        core_sha256: run.request.core_sha256.clone(),
    };
    let lot = Lot::new(made, common);
    let view = run.view("");
    let rendered = |name: &str| {
        let renderer =
            lot_renderer(name).ok_or_else(|| Failure::usage("--summary", format!("no rendering \"{name}\"")));
        renderer.map(|renderer| renderer.render(&lot, &view))
    };
    let shown = if run.json() { "json" } else { "text" };
    let response = Response { exit: lot.exit_code, ..Response::default() }.with("stdout", rendered(shown)?);
    asked.summaries.iter().try_fold(response, |response, name| {
        let renderer = lot_renderer(name).map_or("", |renderer| renderer.name());
        Ok(response.with(renderer, rendered(name)?))
    })
}

fn unit(run: &Run<'_>, source: (u32, &Source), common: &mut Common) -> Result<UnitOf, Failure> {
    let text = run.read(source)?;
    let report = Report::claimed(&text).map_err(|what| Failure::usage(&source.1.name, what))?;
    if report.mode != "verify" {
        let what = format!("mode: found \"{}\", expected \"verify\"", report.mode);
        return Err(Failure::usage(&source.1.name, what).then("A lot is made of reports of `verify`."));
    }
    common.add(&report);
    Ok(UnitOf::of(&source.1.name, &report, run.sha256(source)?.hex(), run.lang()))
}

/// The serial numbers that were ordered: one a line; empty lines and what begins with `#` do not count.
fn serials(run: &Run<'_>) -> Result<Option<Vec<String>>, Failure> {
    let Some(source) = run.sources("serials").next() else { return Ok(None) };
    let text = run.read(source)?;
    let text =
        core::str::from_utf8(&text).map_err(|error| Failure::usage(&source.1.name, error.to_string()))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let serials: Vec<_> = lines.map(kiwame_report::escape).collect();
    if serials.is_empty() {
        return Err(Failure::usage(&source.1.name, "no serial number found, expected one a line"));
    }
    Ok(Some(serials))
}
