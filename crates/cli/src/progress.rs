//! How far a run is, for somebody who looks at a terminal.

use std::cell::OnceCell;
use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Shorter runs show no bar: it would only flash.
const PATIENCE: Duration = Duration::from_millis(400);

/// A bar that appears when a run takes long, or never.
#[derive(Debug)]
pub(crate) struct Progress {
    wanted: bool,
    name: String,
    begun: Instant,
    bar: OnceCell<ProgressBar>,
}

impl Progress {
    /// For a run over the source of this name. Never shown when standard error is no terminal.
    pub(crate) fn new(name: &str, quiet: bool) -> Self {
        let wanted = !quiet && std::io::stderr().is_terminal();
        // The name is the user's own argument, but it may have come out of an archive.
        let name = name.chars().filter(|letter| !letter.is_control()).collect();
        Self { wanted, name, begun: Instant::now(), bar: OnceCell::new() }
    }

    /// `done` of `total` bytes.
    pub(crate) fn tell(&self, done: u64, total: u64) {
        if self.wanted && self.begun.elapsed() >= PATIENCE {
            let bar = self.bar.get_or_init(|| bar(&self.name));
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

fn bar(name: &str) -> ProgressBar {
    let template = "{msg} [{bar:30}] {bytes}/{total_bytes}";
    let style = ProgressStyle::with_template(template).expect("the template is a constant");
    ProgressBar::new(0).with_style(style.progress_chars("=> ")).with_message(name.to_owned())
}
