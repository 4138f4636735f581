//! One verb over some files: which sources the core gets, what it is asked, and where its answers go.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use kiwame_image::{Algorithm, Problem};
use kiwame_report::{Lang as Language, problem_text};
use serde_json::{Map, Value, json};

use crate::args::{Color, Common, Engine};
use crate::clock;
use crate::output;
use crate::progress::{Bars, Progress};
use crate::sandbox::{CORE_SHA256, Response, Sandbox};
use crate::sources::{Source, Sources};

/// Version of the request and of the imports.
const ABI: u32 = 1;
/// Columns when nobody says how wide the terminal is.
const WIDTH: u16 = 100;

/// What all runs of one command have in common, also those that go on at once.
pub(crate) struct Job<'a> {
    common: &'a Common,
    sandbox: Option<Sandbox>,
    now: (String, &'static str),
    bars: Bars,
}

impl<'a> Job<'a> {
    /// Prepares the engine, and reads the clock once for all runs.
    pub(crate) fn new(common: &'a Common) -> Result<Self, Problem> {
        let sandbox = match common.engine {
            Engine::Sandbox => Some(Sandbox::new()?),
            Engine::Native => None,
        };
        let now = match &common.now {
            Some(time) => (time.clone(), "argument"),
            None => (clock::now(), "host-clock"),
        };
        Ok(Self { common, sandbox, now, bars: Bars::new(common.quiet) })
    }

    /// Asks the core one thing about these sources. `extra` are the fields of the request that only some verbs
    /// have.
    pub(crate) fn ask(
        &self,
        verb: &str,
        sources: &[Arc<Source>],
        extra: Map<String, Value>,
    ) -> Result<Response, Problem> {
        self.send(&self.request(verb, sources, extra), sources)
    }

    /// Sends a request as it is.
    pub(crate) fn send(&self, request: &[u8], sources: &[Arc<Source>]) -> Result<Response, Problem> {
        let name = sources.first().map(|source| source.name.as_str()).unwrap_or_default();
        self.send_with(request, sources, self.bars.bar(name))
    }

    fn send_with(
        &self,
        request: &[u8],
        sources: &[Arc<Source>],
        progress: Progress,
    ) -> Result<Response, Problem> {
        let lent = Rc::new(Sources::new(sources.to_vec(), progress));
        let response = match &self.sandbox {
            Some(sandbox) => sandbox.run(request, &lent),
            None => Ok(kiwame_verifier::run(request, &*lent).into()),
        };
        // First: whatever the core made of a file that changed under it is worth nothing.
        lent.unchanged()?;
        response
    }

    fn request(&self, verb: &str, sources: &[Arc<Source>], extra: Map<String, Value>) -> Vec<u8> {
        let common = self.common;
        let describe =
            |source: &Arc<Source>| json!({"role": source.role, "name": source.name, "size": source.size});
        let limits: Map<_, _> =
            common.limits.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut request = json!({
            "abi": ABI,
            "verb": verb,
            "sources": sources.iter().map(describe).collect::<Vec<_>>(),
            "now": self.now.0,
            "nowSource": self.now.1,
            "coreSha256": CORE_SHA256,
            "limits": limits,
            "render": common.format,
            "lang": match common.language() { Language::English => "en", Language::Japanese => "ja" },
            "color": color(common.color),
            "width": width(),
            "verbose": common.verbose,
        });
        if let Value::Object(fields) = &mut request {
            fields.extend(extra);
        }
        request.to_string().into_bytes()
    }

    /// Prints what the core said, on both streams.
    pub(crate) fn print(&self, response: &Response) -> Result<(), Problem> {
        self.bars.aside(|| {
            output::say(response.output("stderr"));
            output::print(response.output("stdout"))
        })
    }

    /// Asks without a bar: a question beside the work.
    pub(crate) fn quietly(
        &self,
        verb: &str,
        sources: &[Arc<Source>],
        extra: Map<String, Value>,
    ) -> Result<Response, Problem> {
        self.send_with(&self.request(verb, sources, extra), sources, Progress::none())
    }

    /// A bar for so many units.
    pub(crate) fn units(&self, total: usize) -> Progress {
        self.bars.units(total)
    }

    /// Passes on what the core complains about.
    pub(crate) fn pass_on(&self, text: &[u8]) {
        self.bars.aside(|| output::say(text));
    }

    /// Whether outputs may replace files.
    pub(crate) fn force(&self) -> bool {
        self.common.force
    }

    /// The time of the run.
    pub(crate) fn now(&self) -> &str {
        &self.now.0
    }

    /// The language of what people read.
    pub(crate) fn lang(&self) -> Language {
        self.common.language()
    }

    /// Where the core runs.
    pub(crate) fn engine(&self) -> &'static str {
        match self.common.engine {
            Engine::Sandbox => "sandbox",
            Engine::Native => "native",
        }
    }

    /// What is wrong, in one line of the language that was asked for.
    pub(crate) fn says(&self, problem: &Problem) -> String {
        let says = problem.says();
        self.common.language().pick(&says.english, &says.japanese).replace('\n', " ")
    }

    /// Says what is wrong with one image of several.
    pub(crate) fn complain(&self, problem: &Problem) {
        let text = problem_text(problem, self.common.language());
        self.bars.aside(|| output::say(text.as_bytes()));
    }
}

/// Opens sources in the order of the request.
pub(crate) fn open(role: &'static str, paths: &[PathBuf]) -> Result<Vec<Arc<Source>>, Problem> {
    paths.iter().map(|path| Ok(Arc::new(Source::open(role, path)?))).collect()
}

/// Opens an image, which has to have something in it.
pub(crate) fn open_image(path: &Path) -> Result<Arc<Source>, Problem> {
    with_content(Arc::new(Source::open("image", path)?))
}

/// An image that has something in it.
pub(crate) fn with_content(source: Arc<Source>) -> Result<Arc<Source>, Problem> {
    if source.size == 0 {
        return Err(Problem::new(&kiwame_verifier::problems::EMPTY).of(&source.name));
    }
    Ok(source)
}

/// True for what a packed manifest begins with: gzip or Zstandard.
pub(crate) fn is_packed(head: &[u8]) -> bool {
    head.starts_with(b"\x1f\x8b\x08") || head.starts_with(b"\x28\xb5\x2f\xfd")
}

/// True for standard input, a pipe, a socket: what is gone when it has been read.
pub(crate) fn is_read_once(path: &Path) -> bool {
    let other = |kind: std::fs::Metadata| !kind.is_file() && !kind.is_dir();
    path == Path::new("-") || std::fs::metadata(path).is_ok_and(other)
}

/// SHA-256 of a source, for the reports about one image of several.
pub(crate) fn digest(source: &Source) -> Option<String> {
    Some(source.digest(Algorithm::Sha256).ok()?.hex())
}

fn color(asked: Color) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match asked {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            std::io::stdout().is_terminal() && !set("NO_COLOR") && !dumb
        }
    }
}

fn width() -> u16 {
    let terminal = console::Term::stdout().size_checked().map(|(_, columns)| columns);
    terminal.filter(|&columns| columns > 0).unwrap_or(WIDTH)
}
