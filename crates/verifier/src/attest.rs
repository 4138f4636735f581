//! `attest`: a maker's statement about its images. The core makes it; the host signs it.

use kiwame_image::{Options, SettingsFile, Tree};
use kiwame_report::escape;
use kiwame_trust::Manifest;
use kiwame_trust::manifest::{Coverage, ImageReference, PAYLOAD_TYPE, path_within};

use crate::Response;
use crate::describe::Description;
use crate::failure::Failure;
use crate::request::{Run, Source};

/// Makes the statement.
pub(crate) fn attest(run: &Run<'_>) -> Result<Response, Failure> {
    let source = run.source("describe")?;
    let wrong = |what: String| Failure::usage(&source.1.name, what);
    let description = Description::parse(&run.read(source)?).map_err(wrong)?;
    description.check_layout().map_err(wrong)?;
    let mutable = description.mutable().map_err(wrong)?;
    let settings = kiwame_trust::rules::settings(&mutable);
    let images = run
        .sources("image")
        .map(|image| reference(run, &description, &settings, image))
        .collect::<Result<Vec<_>, _>>()?;
    if images.is_empty() {
        return Err(Failure::usage("image", "none was given"));
    }
    let manifest = Manifest {
        product: description.product(),
        release: description.release(),
        images,
        mutable,
        suppliers: description.suppliers(),
        includes: Vec::new(),
        references: description.references(),
    };
    rules_name_something(&manifest).map_err(wrong)?;
    let statement = kiwame_report::statement(&manifest);
    // What verification would refuse is not worth signing.
    Manifest::parse(PAYLOAD_TYPE, &statement).map_err(|error| wrong(error.to_string()))?;
    let text = summary(&manifest);
    Ok(Response::default().with("stderr", text).with("statement", statement))
}

fn reference(
    run: &Run<'_>,
    description: &Description,
    settings: &[SettingsFile],
    image: (u32, &Source),
) -> Result<ImageReference, Failure> {
    let layout: Vec<_> = description.layout().into_iter().map(|layout| layout.part).collect();
    let end = layout.iter().map(|part| part.span.end()).max().unwrap_or(0);
    if end > image.1.size {
        let what = format!("[[layout]] ends at {end:#x}, the image at {:#x}", image.1.size);
        return Err(Failure::usage(&image.1.name, what));
    }
    let tree = run
        .tree(image, &Options { layout, settings: settings.to_vec(), normal: true, ..Options::default() })?;
    refuse_what_was_not_seen(&tree, image.1)?;
    let algorithms = description.digests().map_err(|what| Failure::usage("firmware.toml", what))?;
    let digests = algorithms.into_iter().map(|algorithm| run.digest(algorithm, image.0, image.1));
    Ok(ImageReference {
        name: image.1.name.rsplit('/').next().unwrap_or(&image.1.name).to_owned(),
        digests: digests.collect::<Result<_, _>>()?,
        unknown_digests: Vec::new(),
        format: tree.format().to_owned(),
        size: image.1.size,
        erase_value: 0xff,
        required: true,
        coverage: Coverage::Complete,
        layout: description.layout(),
        regions: kiwame_appraisal::reference_regions(&tree, &description.answers()),
    })
}

/// A rule that names nothing in the images is a slip of the pen: what was meant would be refused on every device.
fn rules_name_something(manifest: &Manifest) -> Result<(), String> {
    for rule in &manifest.mutable {
        let mut paths =
            manifest.images.iter().flat_map(|image| &image.regions).map(|region| region.path.as_str());
        if !paths.any(|path| path_within(path, &rule.path)) {
            return Err(format!("mutable {}: nothing in the images has that path", rule.path));
        }
    }
    Ok(())
}

/// A statement over bytes that a limit kept out of sight would claim more than was seen.
fn refuse_what_was_not_seen(tree: &Tree, image: &Source) -> Result<(), Failure> {
    let Some((kind, region)) = tree.limits_hit().first() else { return Ok(()) };
    let what = format!("{}: the limit \"{}\" was reached", tree.path(*region), kind.name());
    Err(Failure { exit: 6, ..Failure::usage(&image.name, what).then("Raise it with --limit.") })
}

fn summary(manifest: &Manifest) -> String {
    let mut text = format!("{}@{}\n", escape(&manifest.product.scope()), escape(&manifest.release.version));
    for image in &manifest.images {
        let line = format!(
            "  {}  {} bytes, {}, {} reference values\n",
            escape(&image.name),
            image.size,
            image.format,
            image.regions.len()
        );
        text.push_str(&line);
    }
    text
}
