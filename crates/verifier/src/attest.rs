//! `attest`: a maker's statement about its images. The core makes it; the host signs it.

use kiwame_appraisal::{Effect, Terms};
use kiwame_image::{
    Algorithm, Digest, Excerpt, Host, Opening, Openings, Options, Part, Problem, ReadError, Region,
    SettingsFile, Span, Text, Tree, Value, Words, fact, len64, to_usize,
};
use kiwame_report::{Lang, escape};
use kiwame_trust::manifest::{Anchor, Coverage, Files, ImageReference, Layout, PAYLOAD_TYPE, path_within};
use kiwame_trust::rules::MutableRule;
use kiwame_trust::{Manifest, Rule};

use crate::describe::Description;
use crate::request::{Run, Source};
use crate::{Response, problems};

/// Makes the statement.
pub(crate) fn attest(run: &Run<'_>) -> Result<Response, Problem> {
    let source = run.source("describe")?;
    let wrong = |problem: Problem| problem.of(&source.1.name);
    let description = Description::parse(&run.read(source)?).map_err(wrong)?;
    description.check_layout().map_err(wrong)?;
    description.check_suppliers().map_err(wrong)?;
    description.check_times().map_err(wrong)?;
    let mutable = description.mutable().map_err(wrong)?;
    let settings = kiwame_trust::rules::settings(&mutable);
    let (mut images, mut inside) = (Vec::new(), Vec::new());
    for image in run.sources("image") {
        let (mut file, tree) =
            reference_and_tree(run, &description, (&mutable, &settings), image).map_err(wrong)?;
        let installed = installed(run, &description, (&mutable, &settings), image, &tree).map_err(wrong)?;
        // Either may be what is presented: the update before it is installed, or the flash behind it.
        file.required &= installed.is_empty();
        images.push(file);
        inside.extend(installed);
    }
    // What is given by itself needs no second entry.
    for one in inside {
        if !images.iter().any(|given: &ImageReference| given.digests == one.digests) {
            images.push(one);
        }
    }
    if images.is_empty() {
        return Err(Problem::new(&problems::NONE_GIVEN).of("image"));
    }
    each_once(&images)?;
    refuse_what_was_not_recognised(run, &images)?;
    description.names_images(&images).map_err(wrong)?;
    let manifest = Manifest {
        product: description.product(),
        release: description.release(),
        images,
        mutable,
        devices: description.devices().map_err(wrong)?,
        suppliers: description.suppliers(),
        includes: Vec::new(),
        references: description.references(),
    };
    rules_name_something(&manifest).map_err(wrong)?;
    serial_names_a_setting(&manifest).map_err(wrong)?;
    suppliers_name_something(&manifest, &description.answers()).map_err(wrong)?;
    let text = summary(&manifest, run.lang());
    let names: Vec<_> = run.sources("image").map(|image| image.1.name.as_str()).collect();
    let statement = statement(manifest, &names.join(", "))?;
    Ok(Response::default().with("stderr", text).with("statement", statement))
}

/// The statement that is signed.
pub(crate) fn statement(manifest: Manifest, names: &str) -> Result<Vec<u8>, Problem> {
    let statement = kiwame_report::statement(&manifest);
    // Of many files it takes as much memory as the whole rest.
    drop(manifest);
    // What verification would refuse is not worth signing.
    Manifest::parse(PAYLOAD_TYPE, &statement)
        .map_err(|error| Problem::new(&problems::UNLISTABLE).of(names).arg("why", error.problem().says()))?;
    Ok(statement)
}

/// What an update writes to the medium, as images of their own: the dump of a flash is held against these. What nothing is
/// recognised in is no image.
fn installed(
    run: &Run<'_>,
    description: &Description,
    rules: (&[MutableRule], &[SettingsFile]),
    image: (u32, &Source),
    tree: &Tree,
) -> Result<Vec<ImageReference>, Problem> {
    let mut found = Vec::new();
    let regions = tree.regions().filter(|region| region.is(&fact::INSTALLED) && !region.is_leaf());
    for (number, region) in regions.take(MOST_INSTALLED).enumerate() {
        let number = if number > 0 { format!("-{}", number.saturating_add(1)) } else { String::new() };
        let name = format!("{}{PAYLOAD}{number}", image.1.name.rsplit('/').next().unwrap_or_default());
        let space = tree.space_path_of(region.space);
        // Of two spaces of one path only the first is given.
        if tree.spaces().iter().filter(|other| tree.space_path_of(other.id) == space).count() > 1 {
            continue;
        }
        let excerpt = Excerpt { space, span: region.span };
        let bytes = run.tree_of(image, &Options { excerpt: Some(excerpt), ..Options::default() })?;
        let bytes = bytes.excerpt().unwrap_or_default();
        let request = run.request.instead(image.0, &name, len64(bytes));
        let host = Lent { host: run.host, source: image.0, bytes };
        let inner = Run { request: &request, host: &host };
        let listed = reference(&inner, description, rules, inner.source_at(image.0)?)?;
        if listed.format != "raw" {
            found.push(listed);
        }
    }
    // One of them is all of it; of several each is a part of what was written.
    let several = found.len() > 1;
    found.iter_mut().for_each(|listed| listed.required = several);
    Ok(found)
}

/// The name of the update that writes an image, if one does.
pub(crate) fn update_of(image: &ImageReference) -> Option<&str> {
    image.name.rsplit_once(PAYLOAD).map(|(update, _)| update)
}

/// Behind the name of an update: what it writes.
const PAYLOAD: &str = ":payload";

/// Images that one update writes.
const MOST_INSTALLED: usize = 8;

/// Lends bytes that were decoded in place of a source.
struct Lent<'h> {
    host: &'h dyn Host,
    source: u32,
    bytes: &'h [u8],
}

impl Lent<'_> {
    fn piece(&self, offset: u64, length: u64) -> Result<&[u8], ReadError> {
        let error = ReadError { source: self.source, offset, length };
        let end = offset.checked_add(length).ok_or(error)?;
        self.bytes.get(to_usize(offset)..to_usize(end)).ok_or(error)
    }
}

impl Host for Lent<'_> {
    fn read(&self, source: u32, offset: u64, into: &mut [u8]) -> Result<(), ReadError> {
        if source != self.source {
            return self.host.read(source, offset, into);
        }
        into.copy_from_slice(self.piece(offset, len64(into))?);
        Ok(())
    }

    fn digest(&self, algorithm: Algorithm, parts: &[Part<'_>]) -> Result<Digest, ReadError> {
        let parts = parts.iter().map(|part| match *part {
            Part::Source { source, offset, length } if source == self.source => {
                self.piece(offset, length).map(Part::Memory)
            }
            part @ (Part::Source { .. } | Part::Memory(_)) => Ok(part),
        });
        self.host.digest(algorithm, &parts.collect::<Result<Vec<_>, _>>()?)
    }
}

/// What the manifest lists of one image.
pub(crate) fn reference(
    run: &Run<'_>,
    description: &Description,
    rules: (&[MutableRule], &[SettingsFile]),
    image: (u32, &Source),
) -> Result<ImageReference, Problem> {
    reference_and_tree(run, description, rules, image).map(|(reference, _)| reference)
}

fn reference_and_tree(
    run: &Run<'_>,
    description: &Description,
    (mutable, settings): (&[MutableRule], &[SettingsFile]),
    image: (u32, &Source),
) -> Result<(ImageReference, Tree), Problem> {
    let name = image.1.name.rsplit('/').next().unwrap_or(&image.1.name).to_owned();
    let written = description.layout(&name);
    let layout: Vec<_> = written.iter().map(|layout| layout.part.clone()).collect();
    let end = layout.iter().map(|part| part.span.end()).max().unwrap_or(0);
    if end > image.1.size {
        let (end, size) = (format!("{end:#x}"), format!("{:#x}", image.1.size));
        return Err(Problem::new(&problems::LAYOUT_END).of(&image.1.name).arg("end", end).arg("size", size));
    }
    let files = if run.request.sections { Files::Sections } else { Files::Whole };
    let openings = openings(Some(files), mutable, &written);
    let options =
        Options { layout, settings: settings.to_vec(), normal: true, openings, ..Options::default() };
    let tree = run.tree(image, &options)?;
    refuse_what_was_not_seen(&tree, image.1)?;
    if let Some(slip) = kiwame_appraisal::slip(&tree, mutable) {
        return Err(slip);
    }
    if let Some(part) = written.iter().find(|part| part.written && part.part.erase_block.is_none())
        && holds_jffs2(&tree, &part.part.name)
    {
        let problem = Problem::new(&problems::NO_ERASE_BLOCK);
        return Err(problem.arg("name", &part.part.name));
    }
    let algorithms = description.digests()?;
    let digests = algorithms.into_iter().map(|algorithm| run.digest(algorithm, image.0, image.1));
    let reference = ImageReference {
        name,
        digests: digests.collect::<Result<_, _>>()?,
        unknown_digests: Vec::new(),
        format: tree.format().to_owned(),
        size: image.1.size,
        erase_value: 0xff,
        required: true,
        coverage: Coverage::Complete,
        anchor: anchor(run, image, &tree, &written)?,
        files: kiwame_appraisal::holds_files(&tree).then_some(files),
        layout: written,
        regions: kiwame_appraisal::reference_regions(&tree, &description.answers()),
    };
    refuse_what_would_be_refused(&tree, &reference, mutable, image.1)?;
    Ok((reference, tree))
}

/// How files are taken apart to be listed or compared: where the device may write, as far as they go.
pub(crate) fn openings(files: Option<Files>, mutable: &[MutableRule], layout: &[Layout]) -> Openings {
    let rest = match files {
        Some(Files::Sections) => Opening::Sections,
        Some(Files::Whole) | None => Opening::Closed,
    };
    let place =
        |layout: &Layout| format!("partition:{}", kiwame_image::escape_key(layout.part.name.as_bytes()));
    let written = layout.iter().filter(|layout| layout.written).map(place);
    let scopes = mutable.iter().map(|rule| rule.path.clone()).chain(written).collect();
    Openings { scopes, ..Openings::all(rest) }
}

/// The end at which the loader begins, where the image itself leaves no doubt: the last byte, where the format says so; the
/// first, where a boot ROM has the offsets of the layout compiled in and nothing that could be a reset vector lies last. An
/// image that has a partition for the rest of its medium is that of the whole of it.
fn anchor(
    run: &Run<'_>,
    image: (u32, &Source),
    tree: &Tree,
    layout: &[Layout],
) -> Result<Option<Anchor>, Problem> {
    let rest = |region: &Region| match region.fact(&fact::LAYOUT) {
        Some(Value::Places(parts)) => parts.iter().any(|part| part.length.is_none()),
        _ => false,
    };
    match (kiwame_formats::begins_at_end(tree), layout.is_empty()) {
        _ if tree.regions().any(rest) => Ok(None),
        (true, true) => Ok(Some(Anchor::End)),
        (true, false) | (false, true) => Ok(None),
        (false, false) => {
            let last = Span::between(image.1.size.saturating_sub(VECTOR), image.1.size);
            let erased = run.piece(image, last)?.iter().all(|byte| *byte == 0xff);
            Ok(erased.then_some(Anchor::Start))
        }
    }
}

/// Bytes of a reset vector at the end of a medium.
pub(crate) const VECTOR: u64 = 16;

fn holds_jffs2(tree: &Tree, part: &str) -> bool {
    let start = format!("partition:{}/jffs2:", kiwame_image::escape_key(part.as_bytes()));
    tree.regions().any(|region| tree.path(region.id).starts_with(&start))
}

/// An image that contradicts what the maker says of it, as a layout that it states itself may, would be refused on every
/// device.
fn refuse_what_would_be_refused(
    tree: &Tree,
    reference: &ImageReference,
    mutable: &[MutableRule],
    image: &Source,
) -> Result<(), Problem> {
    let manifest = Manifest { mutable: mutable.to_vec(), ..Manifest::default() };
    let rule = Rule::default();
    let terms = Terms { rule: &rule, waivers: Vec::new(), ended: Vec::new() };
    let findings = kiwame_appraisal::appraise(tree, &manifest, reference, &terms).findings;
    let Some(finding) = findings.iter().find(|finding| finding.effect() == Effect::Refuted) else {
        return Ok(());
    };
    if *finding.kind() == kiwame_appraisal::kinds::EMPTY_REFUSED {
        return Err(Problem::new(&problems::ERASED_HERE).arg("path", &finding.path));
    }
    let [expected, actual] = [&finding.expected, &finding.actual]
        .map(|value| value.as_ref().map_or_else(|| Words::new("nothing", "無し"), Words::from));
    Err(Problem::new(&problems::SELF_REFUSED)
        .of(&image.name)
        .arg("finding", finding.id())
        .arg("path", &finding.path)
        .arg("found", actual)
        .arg("expected", expected))
}

/// An image that is listed twice could never be delivered: one file is not two.
fn each_once(images: &[ImageReference]) -> Result<(), Problem> {
    for (at, image) in images.iter().enumerate() {
        let others = images.iter().skip(at.saturating_add(1));
        let twice =
            others.into_iter().find(|other| other.name == image.name || other.digests == image.digests);
        if let Some(other) = twice {
            return Err(Problem::new(&problems::GIVEN_TWICE).of(&other.name).arg("name", &image.name));
        }
    }
    Ok(())
}

/// A rule that names nothing in the images is a slip of the pen: what was meant would be refused on every device.
fn rules_name_something(manifest: &Manifest) -> Result<(), Problem> {
    let mut paths = manifest.mutable.iter().map(|rule| rule.path.as_str());
    paths.try_for_each(|path| {
        let wrong = |why| Problem::new(&problems::RULE_PATH).arg("path", path).arg("why", why);
        names_something(manifest, path).map_err(wrong)
    })
}

/// Nor does a supplier answer for what is not there: whom a buyer should call would be said for nothing.
fn suppliers_name_something(manifest: &Manifest, suppliers: &[(String, String)]) -> Result<(), Problem> {
    let all = |path: &str| path.is_empty() || path == "/";
    let mut named = suppliers.iter().filter(|(path, _)| !all(path));
    named.try_for_each(|(path, name)| {
        let wrong =
            |why| Problem::new(&problems::SUPPLIER_PATH).arg("name", name).arg("path", path).arg("why", why);
        names_something(manifest, path).map_err(wrong)
    })
}

/// The serial number is a setting with a value of its own, at exactly that path.
fn serial_names_a_setting(manifest: &Manifest) -> Result<(), Problem> {
    let Some(path) = &manifest.product.serial else { return Ok(()) };
    let mut regions = manifest.images.iter().flat_map(|image| &image.regions);
    match regions.find(|region| region.path == *path) {
        Some(region) if region.attributes.of(&fact::VALUE).is_some() => Ok(()),
        Some(_) => Err(Problem::new(&problems::SERIAL_VALUE).arg("path", path)),
        None => {
            let why = names_something(manifest, path).err();
            let why = why.unwrap_or_else(|| SEVERAL.into());
            Err(Problem::new(&problems::SERIAL_PATH).arg("path", path).arg("why", why))
        }
    }
}

/// What a path of one setting may not be.
const SEVERAL: Text =
    Text::new("names several things, expected one setting", "複数のものを指す(一つの設定が必要)");

fn names_something(manifest: &Manifest, wanted: &str) -> Result<(), Words> {
    let paths = || manifest.images.iter().flat_map(|image| &image.regions).map(|region| region.path.as_str());
    if paths().any(|path| path_within(path, wanted)) {
        return Ok(());
    }
    let meant = nearest(paths(), wanted);
    let (english, japanese) = ("nothing in the images has that path", "イメージにこのパスのものが無い");
    Err(match meant {
        None => Words::new(english, japanese),
        Some(path) => {
            Words::new(format!("{english}; did you mean {path}?"), format!("{japanese}。{path} のことか"))
        }
    })
}

/// The place in the images that is most like a path: as many of its steps as there are, and then the step that is spelt most
/// like the next one.
fn nearest<'a>(paths: impl Iterator<Item = &'a str> + Clone, wanted: &str) -> Option<String> {
    let steps: Vec<_> = kiwame_image::segments(wanted).collect();
    let alike = |path: &str| {
        kiwame_image::segments(path).zip(&steps).take_while(|(one, other)| one == *other).count()
    };
    let most = paths.clone().map(alike).max()?;
    let next = steps.get(most)?;
    let candidates = paths.filter(|path| alike(path) == most);
    let candidates = candidates.filter_map(|path| kiwame_image::segments(path).nth(most));
    let (distance, step) = candidates.map(|step| (distance(step, next), step)).min()?;
    // Another word altogether is no slip of the pen.
    let near = distance <= next.len().max(4) / 2;
    near.then(|| steps.iter().take(most).copied().chain([step]).collect::<Vec<_>>().join("/"))
}

/// How many signs have to be put in, taken out or changed (Levenshtein); of long words only the beginning counts.
fn distance(one: &str, other: &str) -> usize {
    const LONGEST: usize = 64;
    let other: Vec<char> = other.chars().take(LONGEST).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (number, sign) in one.chars().take(LONGEST).enumerate() {
        let mut next = vec![number.saturating_add(1)];
        for ((pair, with), left) in row.windows(2).zip(&other).zip(1_usize..) {
            let &[diagonal, above] = pair else { continue };
            let before = next.get(left.saturating_sub(1)).copied().unwrap_or(usize::MAX);
            let changed = diagonal.saturating_add(usize::from(sign != *with));
            next.push(changed.min(above.saturating_add(1)).min(before.saturating_add(1)));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

/// Where nothing was recognised one value stands for the whole image, which a maker should want and not happen upon.
fn refuse_what_was_not_recognised(run: &Run<'_>, images: &[ImageReference]) -> Result<(), Problem> {
    let closed = |image: &&ImageReference| {
        let found =
            |path: &str| kiwame_image::segments(path).next().is_some_and(|step| step.starts_with("found:"));
        image.format == "raw"
            && image.layout.is_empty()
            && !image.regions.iter().any(|region| found(&region.path))
    };
    let Some(image) = images.iter().find(closed).filter(|_| !run.request.raw) else { return Ok(()) };
    Err(Problem::new(&problems::NOT_RECOGNISED).of(&image.name))
}

/// A statement over bytes that a limit kept out of sight would claim more than was seen.
fn refuse_what_was_not_seen(tree: &Tree, image: &Source) -> Result<(), Problem> {
    let Some((kind, region)) = tree.limits_hit().first() else { return Ok(()) };
    let problem = Problem::new(&problems::LIMIT_REACHED).of(&image.name);
    Err(problem.arg("limit", kind.name()).arg("path", tree.path(*region)))
}

fn summary(manifest: &Manifest, lang: Lang) -> String {
    let release = format!("{}@{}", escape(&manifest.product.scope()), escape(&manifest.release.version));
    let mut text = format!("{release}\n");
    for image in &manifest.images {
        let (name, size, format, values) =
            (escape(&image.name), image.size, &image.format, image.regions.len());
        text.push_str(&lang.say(
            format!("  {name}  {size} bytes, {format}, {values} reference values\n"),
            format!("  {name}  {size} バイト、{format}、基準値 {values} 件\n"),
        ));
    }
    let verify = format!("kiwame verify IMAGE --manifest MANIFEST --key KEY.pub --expect \"{release}\"");
    text.push_str(&lang.say(
        format!("Next: kiwame manifest lint MANIFEST; then hand out manifest and public key. Buyers run {verify}.\n"),
        format!("次:kiwame manifest lint MANIFEST で点検し、マニフェストと公開鍵を渡す。購入者は {verify} を実行する。\n"),
    ));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_that_was_meant_is_the_one_spelt_most_alike() {
        let paths = ["partition:boot/x:1", "partition:kernel", "partition:rootfs/squashfs:files"];
        let meant = |wanted: &str| nearest(paths.into_iter(), wanted);
        assert_eq!(meant("partition:kernle").as_deref(), Some("partition:kernel"));
        assert_eq!(
            meant("partition:rootfs/squashfs:file").as_deref(),
            Some("partition:rootfs/squashfs:files")
        );
        assert_eq!(meant("uefi-volume:4f1c52d3"), None);
        assert_eq!(meant("partition:kernel/more"), None);
    }

    #[test]
    fn signs_put_in_taken_out_or_changed_are_counted() {
        assert_eq!(distance("kernel", "kernel"), 0);
        assert_eq!(distance("kernle", "kernel"), 2);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("boat", "boot"), 1);
    }
}
