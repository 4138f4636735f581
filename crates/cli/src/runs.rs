//! Several images, each judged by itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value, json};

use crate::args::Common;
use crate::failure::{Failure, gravest};
use crate::job::{self, Job};
use crate::output::{self, Readers};
use crate::sandbox::Response;
use crate::sources::Source;

/// One run for each image, each with a report of its own.
pub(crate) struct Runs<'a> {
    pub(crate) verb: &'static str,
    pub(crate) images: &'a [PathBuf],
    pub(crate) report: Option<&'a Path>,
    pub(crate) common: &'a Common,
}

impl Runs<'_> {
    pub(crate) fn each(&self, reference: &[Rc<Source>], extra: &Map<String, Value>) -> Result<u8, Failure> {
        if let Some(path) = self.report {
            output::check_free(path, self.common.force)?;
            output::check_apart(path, self.images)?;
        }
        let job = Job::new(self.common)?;
        let mut extra = extra.clone();
        let spooled = if self.images.len() > 1 { self.spooled()? } else { BTreeMap::new() };
        // Without a file to write it to, nobody reads the report beside what is printed.
        extra.insert("report".to_owned(), json!(self.report.is_some()));
        if self.images.len() > 1 {
            extra.insert("presented".to_owned(), json!(self.presented(&spooled)));
        }

        let mut reports = Vec::new();
        let mut codes = Vec::new();
        let one = |path: &PathBuf, extra: &Map<String, Value>| {
            self.one(&job, path, spooled.get(path.as_path()), reference, extra)
        };
        let mut outcomes: Vec<_> = self.images.iter().map(|path| one(path, &extra)).collect();
        let answers = || outcomes.iter().filter_map(|outcome| outcome.as_ref().ok());
        if self.images.len() > 1 && answers().any(is_incomplete) {
            // Images with settings of their own are known only by what each of them was compared with.
            let compared = answers().map(|response| response.output("compared"));
            let compared: Vec<_> = compared.map(String::from_utf8_lossy).collect();
            extra.insert("presentedAs".to_owned(), json!(compared));
            for (path, outcome) in self.images.iter().zip(&mut outcomes) {
                if outcome.as_ref().is_ok_and(is_incomplete) {
                    *outcome = one(path, &extra);
                }
            }
        }
        for outcome in outcomes {
            let outcome = outcome.and_then(|response| job.print(&response).map(|()| response));
            match outcome {
                Ok(response) => {
                    reports.extend_from_slice(response.output("report"));
                    reports.extend(b"\n".iter().filter(|_| !response.output("report").ends_with(b"\n")));
                    codes.push(response.exit);
                }
                Err(failure) => {
                    output::say(format!("{failure}\n").as_bytes());
                    codes.push(failure.exit);
                }
            }
        }
        if let Some(path) = self.report {
            output::write(path, &reports, Readers::Usual, self.common.force)?;
        }
        Ok(gravest(codes))
    }

    fn one(
        &self,
        job: &Job<'_>,
        path: &Path,
        spooled: Option<&Rc<Source>>,
        reference: &[Rc<Source>],
        extra: &Map<String, Value>,
    ) -> Result<Response, Failure> {
        let image = match spooled {
            Some(source) => job::with_content(Rc::clone(source))?,
            None => job::open_image(path)?,
        };
        let sources = [&[image], reference].concat();
        job.ask(self.verb, &sources, extra.clone())
    }

    /// What can be read only once, and is needed twice: standard input and pipes.
    fn spooled(&self) -> Result<BTreeMap<&Path, Rc<Source>>, Failure> {
        let mut spooled = BTreeMap::new();
        for path in self.images.iter().filter(|path| job::is_read_once(path)) {
            if spooled.contains_key(path.as_path()) {
                let what = format_args!("{}: given twice, and it can be read only once", path.display());
                return Err(Failure::unusable(what, "give each image once"));
            }
            spooled.insert(path.as_path(), Rc::new(Source::open("image", path)?));
        }
        Ok(spooled)
    }

    /// SHA-256 of each image that can be read; what cannot is complained about when its turn comes.
    fn presented(&self, spooled: &BTreeMap<&Path, Rc<Source>>) -> Vec<String> {
        let digest = |path: &PathBuf| match spooled.get(path.as_path()) {
            Some(source) => job::digest(source),
            None => job::digest(&Source::open("image", path).ok()?),
        };
        self.images.iter().filter_map(digest).collect()
    }
}

/// True when the core misses an image of the release.
fn is_incomplete(response: &Response) -> bool {
    !response.output("absent").is_empty()
}
