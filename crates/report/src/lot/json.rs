//! The lot itself: canonical JSON on one line.

use super::{Lot, LotRenderer};
use crate::View;

/// Canonical JSON.
#[derive(Debug)]
pub(super) struct Json;

impl LotRenderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn render(&self, lot: &Lot, _view: &View) -> Vec<u8> {
        let mut text = serde_json::to_vec(lot).unwrap_or_default();
        text.push(b'\n');
        text
    }
}
