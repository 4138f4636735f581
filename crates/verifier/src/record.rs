//! The record of a run, as the command writes it beside reports: which report is of which file, and when. Nobody has signed
//! it; it only gives names.

use kiwame_image::Problem;
use kiwame_report::{Lang, escape, escape_line};
use kiwame_trust::json::{Json, MOST_SIGNED};
use kiwame_trust::{TrustError, readers};
use serde::Deserialize;

use crate::request::{Run, Source};

/// The file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct File {
    run_record: Record,
}

/// The record.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Record {
    binary_sha256: Option<String>,
    core_sha256: String,
    engine: String,
    schema_version: String,
    time: String,
    units: Vec<Unit>,
    #[serde(default)]
    unread: Vec<Unread>,
    version: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unread {
    exit_code: u8,
    file: String,
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Unit {
    file: String,
    report_sha256: String,
}

const SCHEMA: &str = "1.0";

impl Record {
    /// Reads a record.
    pub(crate) fn read(text: &[u8]) -> Result<Self, Problem> {
        Json::parse(text, MOST_SIGNED).map_err(|error| error.problem().exit(2))?;
        let File { run_record } = serde_json::from_slice(text).map_err(|error| {
            Problem::new(&kiwame_report::problems::UNREADABLE).arg("what", readers::words(&error.to_string()))
        })?;
        if run_record.schema_version == SCHEMA {
            Ok(run_record)
        } else {
            let (field, expected, found) = ("schemaVersion", SCHEMA, run_record.schema_version);
            Err(TrustError::Type { field, expected, found }.problem().exit(2))
        }
    }

    /// Reads the record that is lent.
    pub(crate) fn read_from(run: &Run<'_>, source: (u32, &Source)) -> Result<Self, Problem> {
        let text = run.read(source)?;
        Self::read(&text).map_err(|problem| problem.of(&source.1.name))
    }

    /// The file that the report in that place, of that digest, is of. Equal images have equal reports, so the place counts
    /// first.
    pub(crate) fn file_of(&self, place: usize, report_sha256: &str) -> Option<&str> {
        let in_place = self.units.get(place).into_iter();
        let unit = in_place.chain(&self.units).find(|unit| unit.report_sha256 == report_sha256);
        unit.map(|unit| unit.file.as_str())
    }

    /// The files whose reports are not among these, in words.
    pub(crate) fn missing(&self, digests: &[String], lang: Lang) -> impl Iterator<Item = String> {
        let word = lang.pick("named by the record, and not in this file", "記録に有り、このファイルに無い");
        let absent = |unit: &&Unit| !digests.contains(&unit.report_sha256);
        self.units.iter().filter(absent).map(move |unit| format!("! {word}: {}\n", escape_line(&unit.file)))
    }

    /// When the run was.
    pub(crate) fn date(&self) -> &str {
        &self.time
    }

    /// The files that there is no report about, in words.
    pub(crate) fn not_read(&self, lang: Lang) -> impl Iterator<Item = String> {
        let word = lang.pick("not read", "読取不能");
        self.unread.iter().map(move |unread| {
            let Unread { exit_code, file, why } = unread;
            format!("- {word}: {}  [exit {exit_code}]: {}\n", escape_line(file), escape_line(why))
        })
    }

    /// In words.
    pub(crate) fn text(&self, lang: Lang) -> String {
        let Self { core_sha256, engine, time, units, version, .. } = self;
        let [time, version, engine, core] = [time, version, engine, core_sha256].map(|text| escape(text));
        let head = match lang {
            Lang::English => {
                format!("record of a run, unsigned: {time}, kiwame {version} ({engine}), core {core}")
            }
            Lang::Japanese => format!("実行記録(署名無し):{time}、kiwame {version}({engine})、core {core}"),
        };
        let binary = self.binary_sha256.iter().map(|digest| format!("  binary {}\n", escape(digest)));
        let lines = units
            .iter()
            .map(|unit| format!("  {}  {}\n", escape(&unit.report_sha256), escape_line(&unit.file)));
        core::iter::once(format!("{head}\n")).chain(binary).chain(lines).chain(self.not_read(lang)).collect()
    }
}
