//! How far a run is, for somebody who looks at a terminal.

use std::cell::OnceCell;
use std::io::IsTerminal as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

/// Shorter runs show no bar: it would only flash.
const PATIENCE: Duration = Duration::from_millis(400);

/// The bars of all runs that go on at once, one below the other.
#[derive(Debug)]
pub(crate) struct Bars {
    /// None when nobody would see them: standard error is no terminal, or they were declined.
    shown: Option<Arc<Shown>>,
}

#[derive(Debug, Default)]
struct Shown {
    bars: MultiProgress,
    /// Whose turn it is to write to the terminal.
    turn: Mutex<()>,
}

impl Bars {
    pub(crate) fn new(quiet: bool) -> Self {
        let wanted = !quiet && std::io::stderr().is_terminal();
        Self { shown: wanted.then(Arc::default) }
    }

    /// For a run over the source of this name.
    pub(crate) fn bar(&self, name: &str) -> Progress {
        // The name is the user's own argument, but it may have come out of an archive.
        let name = name.chars().filter(|letter| !letter.is_control()).collect();
        Progress {
            shown: self.shown.clone(),
            name,
            counts: false,
            begun: Instant::now(),
            bar: OnceCell::new(),
        }
    }

    /// For so many units, of which each has a bar of its own.
    pub(crate) fn units(&self, total: usize) -> Progress {
        Progress { counts: true, ..self.bar(&format!("{total} units")) }
    }

    /// Takes all bars away while something else is written to the terminal. They come back when one of them moves.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        let _turn = self.shown.as_deref().map(Shown::clear);
        write()
    }
}

impl Shown {
    fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clear(&self) -> MutexGuard<'_, ()> {
        let turn = self.turn();
        // A terminal that is gone shows no bars either.
        let _ = self.bars.clear();
        turn
    }
}

/// A bar that appears when a run takes long, or never.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: Option<Arc<Shown>>,
    name: String,
    /// It counts things, not bytes.
    counts: bool,
    begun: Instant,
    bar: OnceCell<ProgressBar>,
}

impl Progress {
    /// One that nobody sees.
    pub(crate) fn none() -> Self {
        Self { shown: None, name: String::new(), counts: false, begun: Instant::now(), bar: OnceCell::new() }
    }

    /// `done` of `total` bytes.
    pub(crate) fn tell(&self, done: u64, total: u64) {
        if let Some(shown) = &self.shown
            && self.begun.elapsed() >= PATIENCE
        {
            let _turn = shown.turn();
            let bar = self.bar.get_or_init(|| shown.bars.add(bar(&self.name, self.counts)));
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let (Some(shown), Some(bar)) = (&self.shown, self.bar.get()) {
            let _turn = shown.turn();
            bar.finish_and_clear();
            shown.bars.remove(bar);
        }
    }
}

fn bar(name: &str, counts: bool) -> ProgressBar {
    let template =
        if counts { "{msg} [{bar:30}] {pos}/{len}" } else { "{msg} [{bar:30}] {bytes}/{total_bytes}" };
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    ProgressBar::new(0).with_style(style.progress_chars("=> ")).with_message(name.to_owned())
}
