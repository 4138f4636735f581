//! The manifest's layout against the one that the image states (RULES 13).

use kiwame_image::SpaceId;

use crate::checks::Check;
use crate::{Case, Finding};

/// Every partition of the manifest must be a region of the image. An image that states no layout of its own cannot be
/// held to one by this version, and that is said.
#[derive(Debug)]
pub(crate) struct Layout;

impl Check for Layout {
    fn name(&self) -> &'static str {
        "layout"
    }

    fn run(&self, case: &mut Case<'_>) {
        let stated = |span| {
            case.tree.regions().any(|region| {
                region.space == SpaceId::IMAGE && region.parent.is_some() && region.span == span
            })
        };
        let silent = UNSTRUCTURED.contains(&case.tree.format());
        let id = if silent { "layout/not-stated" } else { "layout/disagrees" };
        let parts = case.reference.layout.iter().filter(|part| silent || !stated(part.span));
        let findings: Vec<_> = parts
            .map(|part| {
                Finding::new(id)
                    .at("image", "image", part.span)
                    .arg("kind", "partition")
                    .arg("name", &part.name)
            })
            .collect();
        case.findings.extend(findings);
    }
}

/// Formats that find no structure.
const UNSTRUCTURED: &[&str] = &["raw", "fill"];
