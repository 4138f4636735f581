//! The verbs, one function each. Each gives the exit code, or what stopped it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiwame_image::Problem;
use serde_json::{Map, Value, json};

use crate::args::{Attest, Common, Core, Diff, Inspect, Key, Lot, Manifest, Policy, Report, TEXT, Verify};
use crate::folders::{self, Found};
use crate::job::{self, Job};
use crate::keys;
use crate::lots;
use crate::output::{self, Readers};
use crate::problems;
use crate::record;
use crate::refused::Documents;
use crate::runs::Runs;
use crate::sources::Source;

pub(crate) fn inspect(asked: &Inspect, common: &Common) -> Result<u8, Problem> {
    let Inspect { images, report, jobs } = asked;
    let (report, jobs) = (report.as_deref(), *jobs);
    let runs = Runs { verb: "inspect", images, together: false, report, jobs, common };
    runs.each(&Job::new(common)?, &[], &Map::new())
}

pub(crate) fn verify(asked: &Verify, common: &Common) -> Result<u8, Problem> {
    let job = Job::new(common)?;
    let found = folders::look(&asked.images, &job);
    found.tell(common.language()).iter().for_each(|text| job.pass_on(format!("{text}\n").as_bytes()));
    let (reference, extra) = compared(asked)?;
    if found.images.len() > 1
        && let Some(exit) = Documents::look(&job, &reference, &extra)?.refuse_unreadable(&job)
    {
        return Ok(exit);
    }
    runs(asked, &found, common)?.each(&job, &reference, &extra)
}

pub(crate) fn lot(asked: &Lot, common: &Common) -> Result<u8, Problem> {
    let job = Job::new(common)?;
    let found = folders::look(&asked.verify.images, &job);
    let summaries = lots::summaries(asked, &found, common)?;
    lots::check_outputs(asked)?;
    let serials = lots::serials(asked)?;
    let (reference, extra) = compared(&asked.verify)?;
    let documents = Documents::look(&job, &reference, &extra)?;
    let refused = documents.refuse_unreadable(&job);
    if let Some(exit) = refused.or_else(|| documents.refuse_untrusted(&job, &reference)) {
        return Ok(exit);
    }
    let judged = runs(&asked.verify, &found, common)?.judged(&job, &reference, &extra)?;
    lots::finish(&job, asked, judged, serials, &found, &summaries)
}

/// What images are compared with, and the fields of the request.
type Compared = (Vec<Arc<Source>>, Map<String, Value>);

fn compared(asked: &Verify) -> Result<Compared, Problem> {
    let mut reference = job::open("manifest", &asked.manifests)?;
    reference.extend(open_policies(asked.policy.as_slice())?);
    reference.extend(asked.key.iter().map(|path| handed_out("key", path)).collect::<Result<Vec<_>, _>>()?);
    let one = asked.images.len() == 1 && !asked.images.iter().any(|path| path.is_dir());
    for (option, paths) in [("--same", asked.same.as_slice()), ("--unread", asked.unread.as_slice())] {
        if !one && !paths.is_empty() {
            return Err(Problem::new(&problems::OF_ONE_CHIP).of(option));
        }
    }
    // A file is no reading of what it was made of.
    let is_image = |path: &&PathBuf| asked.images.iter().any(|image| output::is_same(path, image));
    if let Some(path) = asked.same.iter().find(is_image) {
        return Err(problems::with(&problems::SAME_FILE, path));
    }
    reference.extend(job::open("same", &asked.same)?);
    reference.extend(job::open("unread", asked.unread.as_slice())?);
    let known = asked.insecure_accept_known_keys;
    let mut extra = Map::from_iter([
        ("deep".to_owned(), asked.deep.into()),
        ("regions".to_owned(), asked.regions.into()),
        ("insecureAcceptKnownKeys".to_owned(), known.into()),
    ]);
    for (field, value) in
        [("expect", &asked.expect), ("channel", &asked.channel), ("hardware", &asked.hardware)]
    {
        extra.extend(value.as_ref().map(|value| (field.to_owned(), json!(value))));
    }
    Ok((reference, extra))
}

fn runs<'a>(asked: &'a Verify, found: &'a Found, common: &'a Common) -> Result<Runs<'a>, Problem> {
    let (report, jobs, together) = (asked.report.as_deref(), asked.jobs, found.images.len() > 1);
    report.map_or(Ok(()), |path| found.check_outside(path))?;
    let documents = [
        asked.manifests.as_slice(),
        asked.policy.as_slice(),
        asked.key.as_slice(),
        asked.same.as_slice(),
        asked.unread.as_slice(),
    ];
    let documents = documents.concat();
    let written = report.map(Path::to_owned).into_iter().chain(report.and_then(record::beside));
    written.into_iter().try_for_each(|path| output::check_documents(&path, &documents))?;
    Ok(Runs { verb: "verify", images: &found.images, together, report, jobs, common })
}

pub(crate) fn attest(asked: &Attest, common: &Common) -> Result<u8, Problem> {
    output::check_free(&asked.output, common.force)?;
    output::check_apart(&asked.output, &asked.images)?;
    output::check_documents(
        &asked.output,
        &[asked.keys.as_slice(), std::slice::from_ref(&asked.describe)].concat(),
    )?;
    let signers = asked.keys.iter().map(|path| keys::Key::read(path)).collect::<Result<Vec<_>, _>>()?;
    let images = asked.images.iter().map(|path| job::open_image(path)).collect::<Result<Vec<_>, _>>()?;
    let sources = [images, job::open("describe", std::slice::from_ref(&asked.describe))?].concat();

    let extra = Map::from_iter([
        ("sections".to_owned(), asked.sections.into()),
        ("raw".to_owned(), asked.raw.into()),
    ]);
    let response = Job::new(common)?.ask("attest", &sources, extra)?;
    output::say(response.output("stderr"));
    let statement = response.output("statement");
    if response.exit == 0 && statement.is_empty() {
        return Err(problems::bug("the core made no statement and gave no reason"));
    }
    if response.exit == 0 {
        let envelope = output::packed(&asked.output, keys::sign(statement, &signers, Vec::new())?);
        output::write(&asked.output, envelope.as_slice(), Readers::Usual, common.force)?;
    }
    // With the manifest on standard output, what the core has to say goes beside it.
    if asked.output == Path::new("-") {
        output::say(response.output("stdout"));
    } else {
        output::print(response.output("stdout"))?;
    }
    Ok(response.exit)
}

pub(crate) fn diff(asked: &Diff, common: &Common) -> Result<u8, Problem> {
    let images = [job::open_image(&asked.before)?, job::open_image(&asked.after)?];
    answer("diff", &images, Map::from_iter([("stat".to_owned(), asked.stat.into())]), common)
}

pub(crate) fn key(asked: &Key, common: &Common) -> Result<u8, Problem> {
    match asked {
        Key::New { output } => {
            let public = keys::generate(output, common.force)?;
            let text = match common.format.as_str() {
                TEXT => format!("{}\n", public.fingerprint()),
                _ => format!("{}\n", json!({ "fingerprint": public.fingerprint() })),
            };
            output::print(text.as_bytes())?;
            let (private, next) = (output.display(), common.language());
            let next = next.say(
                format!("Next: keep {private} to yourself; hand out {private}.pub, and its fingerprint by another way.\n"),
                format!("次:{private} は自分だけが持つ。{private}.pub を渡し、フィンガープリントは別の経路で伝える。\n"),
            );
            output::say(kiwame_report::escape_line(next.trim_end()).as_bytes());
            output::say(b"\n");
            Ok(0)
        }
        Key::Show { key } => answer("key-show", &[public_source(key)?], Map::new(), common),
    }
}

pub(crate) fn manifest(asked: &Manifest, common: &Common) -> Result<u8, Problem> {
    let (verb, path) = match asked {
        Manifest::Show { manifest } => ("manifest-show", manifest),
        Manifest::Sign { manifest, keys, output } => return sign(manifest, keys, output, common),
        Manifest::Lint { manifest } => ("manifest-lint", manifest),
    };
    answer(verb, &job::open("manifest", std::slice::from_ref(path))?, Map::new(), common)
}

/// Adds signatures to a manifest, whose text stays as it was signed. Whoever signs is told what.
fn sign(manifest: &Path, keys: &[PathBuf], output: &Path, common: &Common) -> Result<u8, Problem> {
    output::check_free(output, common.force)?;
    // Over the manifest itself it may be written: what was signed is in it as it was.
    output::check_documents(output, keys)?;
    let signers = keys.iter().map(|path| keys::Key::read(path)).collect::<Result<Vec<_>, _>>()?;
    let sources = job::open("manifest", &[manifest.to_owned()])?;
    let response = Job::new(common)?.ask("manifest-sign", &sources, Map::new())?;
    if response.exit != 0 {
        output::say(response.output("stderr"));
        return Ok(response.exit);
    }
    let before = keys::Signature::read(response.output("signatures"))?;
    let count = before.len() + signers.len();
    let envelope = keys::sign(response.output("statement"), &signers, before)?;
    output::say(response.output("stderr"));
    output::write(output, output::packed(output, envelope).as_slice(), Readers::Usual, common.force)?;
    let name = output.display();
    let done = common.language().say(
        format!("{name}: written, with {count} signatures now\n"),
        format!("{name}:書き込んだ(署名は計 {count} 件)\n"),
    );
    output::say(done.as_bytes());
    Ok(response.exit)
}

pub(crate) fn policy(asked: &Policy, common: &Common) -> Result<u8, Problem> {
    let (verb, path) = match asked {
        Policy::New { keys, expect, output } => {
            return new_policy(keys, expect.as_deref(), output.as_deref(), common);
        }
        Policy::Check { policy } => ("policy-check", policy),
        Policy::Explain { policy } => ("policy-explain", policy),
    };
    answer(verb, &open_policies(std::slice::from_ref(path))?, Map::new(), common)
}

fn new_policy(
    keys: &[PathBuf],
    expect: Option<&str>,
    output: Option<&Path>,
    common: &Common,
) -> Result<u8, Problem> {
    let path = output.unwrap_or(Path::new("-"));
    output::check_free(path, common.force)?;
    output::check_documents(path, keys)?;
    let sources = keys.iter().map(|path| handed_out("key", path)).collect::<Result<Vec<_>, _>>()?;
    let extra = expect.map(|expect| ("expect".to_owned(), json!(expect)));
    let response = Job::new(common)?.ask("policy-new", &sources, extra.into_iter().collect())?;
    output::say(response.output("stderr"));
    if response.exit == 0 {
        output::write(path, response.output("stdout"), Readers::Usual, common.force)?;
    }
    Ok(response.exit)
}

pub(crate) fn report(asked: &Report, common: &Common) -> Result<u8, Problem> {
    let Report::Show { report, unit } = asked;
    let mut sources = job::open("report", std::slice::from_ref(report))?;
    // The record of the run names the files; without it the reports stand for themselves.
    if let Some(record) = record::beside(report).filter(|record| record.is_file()) {
        sources.extend(job::open("run", &[record])?);
    }
    let unit = unit.as_ref().map(|unit| ("unit".to_owned(), json!(unit)));
    answer("report-show", &sources, unit.into_iter().collect(), common)
}

pub(crate) fn core(asked: &Core, common: &Common) -> Result<u8, Problem> {
    let request = job::open("request", std::slice::from_ref(&asked.request))?;
    let request = request.iter().find_map(|source| source.bytes()).unwrap_or_default();
    let response = Job::new(common)?.send(request, &job::open("source", &asked.sources)?)?;
    for (name, bytes) in response.outputs() {
        output::write(&asked.output.join(name), bytes, Readers::Usual, common.force)?;
    }
    Ok(response.exit)
}

/// A file for somebody to read and complete.
pub(crate) fn draft(
    verb: &str,
    images: &[PathBuf],
    output: Option<&Path>,
    common: &Common,
) -> Result<u8, Problem> {
    let path = output.unwrap_or(Path::new("-"));
    output::check_free(path, common.force)?;
    output::check_apart(path, images)?;
    let images = images.iter().map(|path| job::open_image(path)).collect::<Result<Vec<_>, _>>()?;
    let response = Job::new(common)?.ask(verb, &images, Map::new())?;
    output::say(response.output("stderr"));
    if response.exit == 0 {
        output::write(path, response.output("stdout"), Readers::Usual, common.force)?;
    }
    Ok(response.exit)
}

/// One run, printed.
fn answer(
    verb: &str,
    sources: &[Arc<Source>],
    extra: Map<String, Value>,
    common: &Common,
) -> Result<u8, Problem> {
    let job = Job::new(common)?;
    let response = job.ask(verb, sources, extra)?;
    job.print(&response)?;
    Ok(response.exit)
}

/// Policies go from hand to hand, and no private key with them.
fn open_policies(paths: &[PathBuf]) -> Result<Vec<Arc<Source>>, Problem> {
    paths.iter().map(|path| handed_out("policy", path)).collect()
}

/// A public key, or a file with some, that somebody handed out. A private one is its owner's alone, who should know that it is going around.
fn handed_out(role: &'static str, path: &Path) -> Result<Arc<Source>, Problem> {
    let source = Source::open(role, path)?;
    if source.bytes().is_some_and(keys::is_private) {
        return Err(problems::with(&problems::PRIVATE_KEY, path));
    }
    Ok(Arc::new(source))
}

/// A public key as a source; of a private key only the public half, so that the core never sees the other.
fn public_source(path: &Path) -> Result<Arc<Source>, Problem> {
    let source = Source::open("key", path)?;
    let public = match source.bytes() {
        Some(bytes) => keys::public_half(path, bytes)?,
        None => None,
    };
    let source = match public {
        Some(pem) => Source::memory("key", &source.name, pem.into_bytes()),
        None => source,
    };
    Ok(Arc::new(source))
}
