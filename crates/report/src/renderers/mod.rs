//! Renderings of a report, one file each.
//!
//! To add one: write its file and add one line to [`RENDERERS`].

use crate::{Lang, Report};

mod changes;
mod columns;
mod json;
mod outline;
mod text;
mod words;

pub use columns::wrapped;
pub(crate) use columns::{padded, printed};
pub(crate) use text::told;

/// How a person wants to see it.
#[derive(Clone, Debug)]
pub struct View {
    /// Language.
    pub lang: Lang,
    /// Terminal colours. Never the only sign.
    pub color: bool,
    /// Columns.
    pub width: usize,
    /// Everything, not just the first screen.
    pub verbose: bool,
    /// Of a comparison, the list of what changed and nothing else.
    pub stat: bool,
    /// True when the report is somebody's claim.
    pub claimed: bool,
    /// When a claimed report was made, by the record beside it.
    pub date: Option<String>,
    /// Name of the image, as the user gave it.
    pub image: String,
}

/// A rendering.
pub trait Renderer: core::fmt::Debug + Sync {
    /// Name, as `--format` takes it.
    fn name(&self) -> &'static str;

    /// One line for the help of `--format`; `None` for one that only the page asks for.
    fn about(&self) -> Option<&'static str> {
        None
    }

    /// Renders.
    fn render(&self, report: &Report, view: &View) -> Vec<u8>;
}

/// Every rendering.
pub static RENDERERS: &[&dyn Renderer] = &[&text::Text, &json::Json, &words::Words];

/// The rendering of that name.
#[must_use]
pub fn renderer(name: &str) -> Option<&'static dyn Renderer> {
    RENDERERS.iter().copied().find(|renderer| renderer.name() == name)
}
