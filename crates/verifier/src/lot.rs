//! `lot`: several units together, made from their reports.

use kiwame_appraisal::Order;
use kiwame_image::{Problem, Text, Words};
use kiwame_report::{Common, Lot, Made, Report, TimeOf, UnitOf, lot_renderer};
use kiwame_trust::{TrustError, readers};
use serde::Deserialize;

use crate::request::{Run, Source};
use crate::{Response, problems};

/// What a lot is made of.
const OF_VERIFY: Text =
    Text::new("A lot is made of reports of `verify`.", "ロットは verify の報告書から作る。");
/// A bug of ours.
const BUG: u8 = 70;

/// What a request says of a lot.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(crate) struct Asked {
    /// How many units were ordered.
    ordered: Option<u64>,
    /// How many minutes the clocks of the place are ahead of UTC, for the day on paper.
    zone: Option<i64>,
    /// Units without a report, by their place among all.
    unread: Vec<Unread>,
    /// Files that are no units.
    left_out: Vec<String>,
    /// The renderings that are wanted beside what is shown.
    summaries: Vec<String>,
}

/// A unit whose file could not be read.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unread {
    at: usize,
    file: String,
    exit_code: u8,
    why: String,
}

/// Makes the lot from the sources `report`, each named as its unit's file, and renders it.
pub(crate) fn lot(run: &Run<'_>) -> Result<Response, Problem> {
    let asked = &run.request.lot;
    let mut common = Common::default();
    let mut units = Vec::new();
    for source in run.sources("report") {
        // One report that cannot be read is one unit's trouble, and a bug of whoever wrote it.
        units.push(unit(run, source, &mut common).unwrap_or_else(|problem| {
            let says = problem.says();
            let why = run.lang().pick(&says.english, &says.japanese);
            UnitOf::unread(&source.1.name, BUG, &kiwame_report::escape_line(why))
        }));
    }
    for unread in &asked.unread {
        let unit = UnitOf::unread(&unread.file, unread.exit_code, &kiwame_report::escape_line(&unread.why));
        units.insert(unread.at.min(units.len()), unit);
    }
    if units.is_empty() {
        return Err(Problem::new(&problems::NONE_GIVEN).of("image"));
    }
    let time = TimeOf { source: run.request.now_source.clone(), value: run.request.now.clone() };
    let made = Made {
        units,
        order: Order { count: asked.ordered, serials: serials(run)? },
        expected: run.request.expect.clone(),
        left_out: asked.left_out.clone(),
        zone: asked.zone,
        time,
        core_sha256: run.request.core_sha256.clone(),
    };
    let lot = Lot::new(made, common);
    let view = run.view("");
    let rendered = |name: &str| {
        let renderer = lot_renderer(name)
            .ok_or_else(|| Problem::new(&problems::RENDERING).of("--summary").arg("name", name));
        renderer.map(|renderer| renderer.render(&lot, &view))
    };
    let shown = if run.json() { "json" } else { "text" };
    let response = Response { exit: lot.exit_code, ..Response::default() }.with("stdout", rendered(shown)?);
    asked.summaries.iter().try_fold(response, |response, name| {
        let renderer = lot_renderer(name).map_or("", |renderer| renderer.name());
        Ok(response.with(renderer, rendered(name)?))
    })
}

fn unit(run: &Run<'_>, source: (u32, &Source), common: &mut Common) -> Result<UnitOf, Problem> {
    let text = run.read(source)?;
    let report = Report::claimed(&text).map_err(|problem| problem.of(&source.1.name))?;
    if report.mode != "verify" {
        let (field, expected, found) = ("mode", "verify", report.mode);
        let problem = TrustError::Type { field, expected, found }.problem();
        return Err(problem.of(&source.1.name).exit(2).then(OF_VERIFY));
    }
    common.add(&report);
    Ok(UnitOf::of(&source.1.name, &report, run.sha256(source)?.hex(), run.lang()))
}

/// The serial numbers that were ordered: one a line, as it is or in quotation marks; empty lines and what begins with `#` do
/// not count.
fn serials(run: &Run<'_>) -> Result<Option<Vec<String>>, Problem> {
    let Some(source) = run.sources("serials").next() else { return Ok(None) };
    let of = |problem: Problem| problem.of(&source.1.name);
    let bytes = run.read(source)?;
    let text = match from_utf16(&bytes) {
        Some(text) => text,
        None => readers::text(&bytes).map_err(|error| of(error.problem()))?.to_owned(),
    };
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut serials = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // Programs for tables put a text into quotation marks.
        let quoted = line.strip_prefix('"').and_then(|line| line.strip_suffix('"'));
        let serial = quoted.unwrap_or(line).trim();
        if serial.is_empty() || serial.contains([',', ';', '\t', '"', '\0', char::REPLACEMENT_CHARACTER]) {
            let problem = Problem::new(&problems::SERIALS_COLUMNS).arg("found", serial.to_owned());
            return Err(of(problem.arg("line", Words::plain(number.saturating_add(1)))));
        }
        serials.push(kiwame_report::escape(serial));
    }
    if serials.is_empty() {
        return Err(of(Problem::new(&problems::NO_SERIALS)));
    }
    Ok(Some(serials))
}

/// Text in UTF-16 behind its byte order mark; what is none in it becomes a sign that no serial number has.
fn from_utf16(bytes: &[u8]) -> Option<String> {
    let of = |rest: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, odd) = rest.as_chunks();
        let units: Vec<_> = pairs.iter().map(|pair| unit(*pair)).collect();
        let more = if odd.is_empty() { String::new() } else { char::REPLACEMENT_CHARACTER.to_string() };
        String::from_utf16_lossy(&units) + &more
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => Some(of(rest, u16::from_le_bytes)),
        [0xfe, 0xff, rest @ ..] => Some(of(rest, u16::from_be_bytes)),
        _ => None,
    }
}
