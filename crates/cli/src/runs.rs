//! Several images, each judged by itself, as many at once as the machine has cores. What is said about them comes in
//! their order, whichever is done first.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kiwame_image::Problem;
use kiwame_report::Lang;
use serde_json::{Map, Value, json};

use crate::args::Common;
use crate::job::{self, Job};
use crate::machine;
use crate::output::{self, Later, Readers};
use crate::problems::{self, gravest};
use crate::progress::Progress;
use crate::queue::{WAITING, Weight, in_order};
use crate::record::{self, Record};
use crate::sandbox::{self, Response};
use crate::sources::{self, Source};

/// What a run may take: the sandbox, and the image beside it.
const EACH: u64 = sandbox::MEMORY as u64 + sources::IN_MEMORY;

/// One run for each image, each with a report of its own.
pub(crate) struct Runs<'a> {
    pub(crate) verb: &'static str,
    pub(crate) images: &'a [PathBuf],
    /// Whether each run is told of the other images, since together they may be a release.
    pub(crate) together: bool,
    pub(crate) report: Option<&'a Path>,
    /// How many at once, when somebody said so.
    pub(crate) jobs: Option<NonZeroUsize>,
    pub(crate) common: &'a Common,
}

/// What the core answered about an image, or why there is no answer.
type Outcome = Result<Response, Problem>;
/// The fields of a request that only some verbs have.
type Extra = Map<String, Value>;

/// What became of one image of a lot.
pub(crate) struct Judged {
    /// Its file, as the user called it.
    pub(crate) name: String,
    /// The report, or the exit code and why there is none.
    pub(crate) answer: Result<Vec<u8>, (u8, String)>,
}

impl Runs<'_> {
    /// Prints what is said about each image.
    pub(crate) fn each(
        &self,
        job: &Job<'_>,
        reference: &[Arc<Source>],
        extra: &Extra,
    ) -> Result<u8, Problem> {
        self.go(job, reference, extra, false).map(|(exit, _)| exit)
    }

    /// Prints nothing but complaints, and gives back what became of each image.
    pub(crate) fn judged(
        &self,
        job: &Job<'_>,
        reference: &[Arc<Source>],
        extra: &Extra,
    ) -> Result<Vec<Judged>, Problem> {
        self.go(job, reference, extra, true).map(|(_, judged)| judged)
    }

    fn go(
        &self,
        job: &Job<'_>,
        reference: &[Arc<Source>],
        extra: &Extra,
        kept: bool,
    ) -> Result<(u8, Vec<Judged>), Problem> {
        if let Some(path) = self.report {
            let record = record::beside(path);
            for path in [Some(path), record.as_deref()].into_iter().flatten() {
                output::check_free(path, self.common.force)?;
                output::check_apart(path, self.images)?;
            }
        }
        let mut extra = extra.clone();
        let spooled = if self.images.len() > 1 { self.spooled()? } else { BTreeMap::new() };
        // Without a file to write it to, nobody reads the report beside what is printed.
        extra.insert("report".to_owned(), json!(self.report.is_some() || kept));
        let jobs = self.jobs();
        if self.together {
            extra.insert("presented".to_owned(), json!(self.presented(jobs, &spooled)));
        }

        let names = self.images.iter().map(|path| path.display().to_string());
        let mut told = Told {
            job,
            names: names.collect(),
            exit: 0,
            reports: self.report.map(|_| (Later::new(), Record::default())),
            kept: kept.then(Vec::new),
            next: 0,
            bar: if kept { job.units(self.images.len()) } else { Progress::none() },
        };
        let mut held = Held::default();
        let one = |path: &PathBuf, extra: &Extra| {
            self.one(job, path, spooled.get(path.as_path()), reference, extra)
        };
        let ask = |number: usize| one(&self.images[number], &extra);
        in_order(jobs, self.images.len(), ask, |outcome| {
            let now = if self.together { held.unless_held(outcome) } else { Some(outcome) };
            now.into_iter().for_each(|outcome| told.tell(outcome));
        });
        self.ask_again(jobs, held, &extra, one, &mut told);
        told.end(self.report, self.common.force)
    }

    /// Tells what was held, asking again where there was no answer.
    fn ask_again(
        &self,
        jobs: usize,
        held: Held,
        extra: &Extra,
        one: impl Fn(&PathBuf, &Extra) -> Outcome + Sync,
        told: &mut Told<'_>,
    ) {
        let last = &self.images[self.images.len() - held.answers.len()..];
        let compared = held.compared(extra);
        let asked = held.answers.iter().map(|answer| answer.question(extra, &compared)).collect::<Vec<_>>();
        let ask = |number: usize| asked[number].map(|extra| one(&last[number], extra));
        let mut answers = held.answers.into_iter();
        in_order(jobs, last.len(), ask, |outcome| {
            let before = answers.next().and_then(Answer::outcome);
            outcome.or(before).into_iter().for_each(|outcome| told.tell(outcome));
        });
    }

    fn one(
        &self,
        job: &Job<'_>,
        path: &Path,
        spooled: Option<&Arc<Source>>,
        reference: &[Arc<Source>],
        extra: &Extra,
    ) -> Outcome {
        let image = match spooled {
            Some(source) => job::with_content(Arc::clone(source))?,
            None => job::open_image(path)?,
        };
        let sources = [&[image], reference].concat();
        job.ask(self.verb, &sources, extra.clone())
    }

    fn jobs(&self) -> usize {
        match self.jobs {
            _ if self.images.len() == 1 => 1,
            Some(jobs) => jobs.get(),
            None => machine::jobs(EACH),
        }
    }

    /// What can be read only once, and is needed twice: standard input and pipes.
    fn spooled(&self) -> Result<BTreeMap<&Path, Arc<Source>>, Problem> {
        let mut spooled = BTreeMap::new();
        let paths: Vec<_> = self.images.iter().filter(|path| job::is_read_once(path)).collect();
        for &path in &paths {
            if spooled.contains_key(path.as_path()) {
                return Err(problems::with(&problems::ONCE, path));
            }
            spooled.insert(path.as_path(), Arc::new(Source::open_among("image", path, paths.len() as u64)?));
        }
        Ok(spooled)
    }

    /// SHA-256 of each image that can be read; what cannot is complained about when its turn comes.
    fn presented(&self, jobs: usize, spooled: &BTreeMap<&Path, Arc<Source>>) -> Vec<String> {
        let digest = |number: usize| {
            let path = self.images[number].as_path();
            match spooled.get(path) {
                Some(source) => job::digest(source),
                None => job::digest(&Source::open("image", path).ok()?),
            }
        };
        let mut presented = Vec::new();
        in_order(jobs, self.images.len(), digest, |digest| presented.extend(digest));
        presented
    }
}

/// What was told so far.
struct Told<'a> {
    job: &'a Job<'a>,
    /// How the user called the images.
    names: Vec<String>,
    exit: u8,
    /// All reports, when they go to a file as well, and the record of the run beside them.
    reports: Option<(Later, Record)>,
    /// What became of each image, when that is not printed.
    kept: Option<Vec<Judged>>,
    /// Whose turn it is.
    next: usize,
    /// How far the lot is; nobody sees it where each image is printed.
    bar: Progress,
}

impl Told<'_> {
    fn tell(&mut self, outcome: Outcome) {
        let name = self.names.get(self.next).cloned().unwrap_or_default();
        self.next += 1;
        self.bar.tell(self.next as u64, self.names.len() as u64);
        let printed = |response: Response| match self.kept {
            Some(_) => Ok(response),
            None => self.job.print(&response).map(|()| response),
        };
        let outcome = outcome.and_then(printed);
        let exit = match &outcome {
            Ok(response) => {
                let report = response.output("report");
                match &mut self.reports {
                    Some((reports, record)) if !report.is_empty() => {
                        reports.add(report);
                        record.add(&name, report);
                    }
                    Some((_, record)) => {
                        record.unread(&name, response.exit, &response.message(Lang::English))
                    }
                    None => {}
                }
                response.exit
            }
            Err(failure) => {
                self.job.complain(failure);
                if let Some((_, record)) = &mut self.reports {
                    record.unread(&name, failure.exit, &failure.says().english);
                }
                failure.exit
            }
        };
        self.exit = gravest([self.exit, exit]);
        if let Some(kept) = &mut self.kept {
            kept.push(Judged { name, answer: Self::answer(self.job, outcome) });
        }
    }

    /// What is kept of an answer. Where the core has no report, its complaint is the answer.
    fn answer(job: &Job<'_>, outcome: Outcome) -> Result<Vec<u8>, (u8, String)> {
        let response = outcome.map_err(|problem| (problem.exit, job.says(&problem)))?;
        let report = response.output("report");
        if !report.is_empty() {
            return Ok(report.to_vec());
        }
        job.pass_on(response.output("stderr"));
        Err((response.exit, response.message(job.lang())))
    }

    fn end(self, report: Option<&Path>, force: bool) -> Result<(u8, Vec<Judged>), Problem> {
        self.bar.finish();
        if let (Some(path), Some((reports, record))) = (report, self.reports) {
            reports.write(path, force)?;
            if let Some(beside) = record::beside(path) {
                output::write(&beside, record.text(self.job)?.as_slice(), Readers::Usual, force)?;
            }
        }
        Ok((self.exit, self.kept.unwrap_or_default()))
    }
}

/// Answers that cannot be told yet. The core misses an image of the release, and is asked again when it is known
/// what all of them were compared with: images with settings of their own are known only by that. What comes after
/// such an image is told after it.
#[derive(Default)]
struct Held {
    /// What each image was compared with.
    compared: Vec<String>,
    answers: Vec<Answer>,
    /// Of all that are kept.
    weight: usize,
}

enum Answer {
    /// Nothing is missing in it.
    Kept(Outcome),
    /// The same, and too much to be kept: it can be made again.
    Dropped,
    Incomplete,
}

impl Held {
    /// Gives back what can be told at once.
    fn unless_held(&mut self, outcome: Outcome) -> Option<Outcome> {
        let compared = outcome.as_ref().ok().map(|response| response.output("compared"));
        self.compared.extend(compared.map(|compared| String::from_utf8_lossy(compared).into_owned()));
        let incomplete = outcome.as_ref().is_ok_and(is_incomplete);
        if self.answers.is_empty() && !incomplete {
            return Some(outcome);
        }
        let answer = match outcome {
            _ if incomplete => Answer::Incomplete,
            _ if self.weight >= WAITING => Answer::Dropped,
            outcome => Answer::Kept(outcome),
        };
        self.weight += answer.weight();
        self.answers.push(answer);
        None
    }

    /// The fields that tell of what all images were compared with.
    fn compared(&self, extra: &Extra) -> Extra {
        let mut extra = extra.clone();
        extra.insert("presentedAs".to_owned(), json!(self.compared));
        extra
    }
}

impl Answer {
    /// What is asked again, if anything is.
    fn question<'a>(&self, first: &'a Extra, compared: &'a Extra) -> Option<&'a Extra> {
        match self {
            Self::Kept(_) => None,
            Self::Dropped => Some(first),
            Self::Incomplete => Some(compared),
        }
    }

    fn outcome(self) -> Option<Outcome> {
        match self {
            Self::Kept(outcome) => Some(outcome),
            Self::Dropped | Self::Incomplete => None,
        }
    }
}

impl Weight for Answer {
    fn weight(&self) -> usize {
        match self {
            Self::Kept(outcome) => outcome.weight(),
            Self::Dropped | Self::Incomplete => 0,
        }
    }
}

impl Weight for Outcome {
    fn weight(&self) -> usize {
        // What is not in the outputs is a few names and sentences.
        let outputs = self.iter().flat_map(Response::outputs);
        1024 + outputs.map(|(_, bytes)| bytes.len()).sum::<usize>()
    }
}

impl<T: Weight> Weight for Option<T> {
    fn weight(&self) -> usize {
        self.as_ref().map_or(0, Weight::weight)
    }
}

impl Weight for String {
    fn weight(&self) -> usize {
        self.len()
    }
}

/// True when the core misses an image of the release.
fn is_incomplete(response: &Response) -> bool {
    !response.output("absent").is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(name: &'static str, bytes: Vec<u8>) -> Outcome {
        let output = kiwame_verifier::Output { name, bytes };
        Ok(kiwame_verifier::Response { exit: 0, outputs: vec![output] }.into())
    }

    #[test]
    fn what_is_held_is_bounded_and_asked_again() {
        let mut held = Held::default();
        assert!(held.unless_held(answer("stdout", vec![])).is_some());
        assert!(held.unless_held(answer("absent", vec![1])).is_none());
        for _ in 0..3 {
            assert!(held.unless_held(answer("stdout", vec![0; WAITING / 2])).is_none());
        }
        let (first, compared) = (Extra::new(), held.compared(&Extra::new()));
        assert_eq!(compared["presentedAs"].as_array().map(Vec::len), Some(5));
        let asked = held.answers.iter().map(|answer| answer.question(&first, &compared));
        assert_eq!(asked.collect::<Vec<_>>(), [Some(&compared), None, None, Some(&first)]);
    }
}
