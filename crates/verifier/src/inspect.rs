//! `inspect`: the tree, the account, the defects. `report show`: a report of somebody's, rendered again.

use std::rc::Rc;

use kiwame_image::{Arrange as _, Content, Digest, LimitKind, Opening, Openings, Options, Tree};
use kiwame_report::{ImageOf, Report};

use crate::Response;
use crate::failure::Failure;
use crate::request::{Run, Source};

/// Takes an image apart and says what is in it. Compares nothing, so it is no verdict.
pub(crate) fn inspect(run: &Run<'_>) -> Result<Response, Failure> {
    let image = run.source("image")?;
    let options = Options { list_digests: true, ..Options::default() };
    let mut tree = run.tree(image, &options)?;
    if tree.limits_hit().iter().any(|(kind, _)| *kind == LimitKind::Nodes)
        && kiwame_appraisal::holds_files(&tree)
    {
        // More files than can be taken apart: each in one piece, rather than some and the rest not at all.
        drop(tree);
        tree = run.tree(image, &Options { openings: Openings::all(Opening::Closed), ..options })?;
    }
    let tree = Rc::new(tree);
    let assessment = kiwame_appraisal::inspect(&tree);
    let mut report = report(run, "inspect", image.1, &tree)?;
    report.set_tree(&tree, &assessment);
    report.set_verdict(&assessment.findings, &assessment.verdict);
    report.not_seen = not_seen(&["reference"], &tree);
    run.respond(&report, &run.view(&image.1.name))
}

/// Renders a report again. Nothing in it is performed again, and the rendering says so.
pub(crate) fn report_show(run: &Run<'_>) -> Result<Response, Failure> {
    let source = run.source("report")?;
    let text = run.read(source)?;
    let report = Report::claimed(&text).map_err(|what| Failure::usage(&source.1.name, what))?;
    let mut view = run.view(&source.1.name);
    view.claimed = true;
    let response = run.respond(&report, &view)?;
    // The verdict was somebody else's: that it could be shown is all that 0 says.
    Ok(Response { exit: 0, ..response })
}

/// A report about an image that was taken apart.
pub(crate) fn report(
    run: &Run<'_>,
    mode: &'static str,
    source: &Source,
    tree: &Tree,
) -> Result<Report, Failure> {
    let sha256 = tree.image_digest().map(Digest::hex).unwrap_or_default();
    let image = ImageOf { format: tree.format().to_owned(), sha256, size: source.size };
    Ok(Report::new(mode, &run.request.core_sha256, &run.limits()?, image))
}

/// What nobody could have seen in such a run, and what was not looked at in this one.
pub(crate) fn not_seen(also: &[&str], tree: &Tree) -> Vec<String> {
    let mut codes = vec!["behaviour", "device", "encrypted", "hardware"];
    let closed = tree.leaves().any(|leaf| leaf.content == Content::Closed);
    if closed {
        codes.push("files-closed");
    }
    if closed || !tree.claims().is_empty() {
        codes.push("native-signatures");
    }
    codes.extend(also);
    codes.arrange();
    codes.into_iter().map(str::to_owned).collect()
}
