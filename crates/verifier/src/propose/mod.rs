//! `describe`: the `firmware.toml` that a maker starts from.
//!
//! It says what the tree says. What may differ from device to device is proposed in lines that are switched off, and between
//! several units the narrowest rule for what differs: "on" in this folder means that, and the text still has one `#` before
//! it, since an attacker may have had one of the units. None is proposed over what runs or decides what runs (RULES 12). The text is then read and judged as `attest` and `verify` will do: what they
//! would refuse is said in it.

use kiwame_appraisal::Effect;
use kiwame_image::{Opening, Openings, Options, Partition, Problem, SettingsFile, Spans, Tree, Words};
use kiwame_report::{Lang, escape, escape_line};
use kiwame_trust::{Manifest, Rule};

use crate::attest;
use crate::describe::Description;
use crate::request::{Run, Source};
use crate::{Response, problems};
use differences::Differences;
use layout::Proposal;
use places::Places;
use text::Page;

mod differences;
mod entries;
mod files;
mod found;
mod layout;
mod places;
mod text;
pub(crate) mod toml;
mod values;

/// An image, with its number.
type Unit<'r> = (u32, &'r Source);

/// Writes the description of the first image, and what differs between it and the others.
pub(crate) fn describe(run: &Run<'_>) -> Result<Response, Problem> {
    let units: Vec<_> = run.sources("image").collect();
    let Some((&first, others)) = units.split_first() else {
        return Err(Problem::new(&problems::NONE_GIVEN).of("image"));
    };
    if let Some((_, odd)) = others.iter().find(|(_, unit)| unit.size != first.1.size) {
        let problem = Problem::new(&problems::OTHER_SIZE).of(&odd.name);
        return Err(problem.arg("found", odd.size).arg("expected", first.1.size));
    }
    let mut draft = Draft::of(run, &units)?;
    if !others.is_empty() {
        draft.compare(run, &units)?;
    }
    let text = draft.page().text(false);
    let summary = draft.summary(run.lang());
    Ok(Response::default().with("stderr", summary).with("stdout", text))
}

/// What is known so far.
struct Draft {
    /// Name, size and digest of the first image, for people.
    image: String,
    units: Vec<String>,
    format: &'static str,
    recognised: bool,
    layout: Proposal,
    found: Vec<String>,
    suppliers: Vec<(String, String)>,
    /// Where a serial number may be.
    serial: Option<String>,
    places: Places,
    /// Why `attest` would refuse the first image.
    refused: Option<Words>,
    differences: Option<Differences>,
}

impl Draft {
    fn of(run: &Run<'_>, units: &[Unit<'_>]) -> Result<Self, Problem> {
        let Some(&first) = units.first() else { return Err(Problem::new(&problems::NONE_GIVEN).of("image")) };
        let tree = run.tree(first, &closed(&[]))?;
        let sha256 = tree.image_digest().map_or_else(String::new, kiwame_image::Digest::hex);
        let mut draft = Self {
            image: format!("{}, {} bytes, sha256 {sha256}", name_of(first.1), first.1.size),
            units: units.iter().map(|(_, unit)| name_of(unit)).collect(),
            format: tree.format(),
            recognised: found::is_recognised(&tree),
            layout: Proposal::default(),
            found: Vec::new(),
            suppliers: Vec::new(),
            serial: None,
            places: Places::default(),
            refused: None,
            differences: None,
        };
        let mut proposals = layout::proposals(&tree);
        drop(tree);
        // What the release leaves erased, a device may have filled.
        for unit in units.iter().skip(1) {
            if !proposals.is_empty() || layout::is_structured(draft.format) {
                break;
            }
            proposals = layout::proposals(&run.tree(*unit, &closed(&[]))?);
        }
        draft.choose(run, first, proposals)?;
        let options = closed(&draft.layout.partitions());
        for (number, unit) in units.iter().enumerate() {
            let tree = run.tree(*unit, &options)?;
            if number == 0 {
                draft.found = found::lines(&tree);
                draft.suppliers = found::suppliers(&tree);
                draft.serial = found::serial(&tree);
            }
            draft.places.read(run, *unit, tree, &options)?;
        }
        draft.places.join_pairs();
        draft.switch(|places| places.switch_on(units.len() > 1));
        Ok(draft)
    }

    /// The first layout under which `attest` takes the image; none where it takes it under none of them.
    fn choose(&mut self, run: &Run<'_>, first: Unit<'_>, proposals: Vec<Proposal>) -> Result<(), Problem> {
        for proposal in proposals.into_iter().chain([Proposal::default()]) {
            self.layout = proposal;
            let made =
                self.judged(run, first).and_then(|manifest| attest::statement(manifest, &first.1.name));
            match made {
                Ok(_) => {
                    self.refused = None;
                    return Ok(());
                }
                Err(problem) if problem.exit == 2 || problem.exit == 6 => {
                    self.refused = Some(problem.says());
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    /// What `attest` makes of the first image by this draft.
    fn judged(&self, run: &Run<'_>, first: Unit<'_>) -> Result<Manifest, Problem> {
        let text = self.page().text(true);
        let wrong = |problem: Problem| problem.of("firmware.toml");
        let description = Description::parse(text.as_bytes()).map_err(wrong)?;
        description.check_layout().map_err(wrong)?;
        let mutable = description.mutable().map_err(wrong)?;
        let settings = kiwame_trust::rules::settings(&mutable);
        let image = attest::reference(run, &description, (&mutable, &settings), first).map_err(wrong)?;
        Ok(Manifest {
            product: description.product(),
            release: description.release(),
            images: vec![image],
            mutable,
            ..Manifest::default()
        })
    }

    /// Judges the other units by what is switched on, and notes what differs all the same. A place in which something differs
    /// gets its rule, should that settle it.
    fn compare(&mut self, run: &Run<'_>, units: &[Unit<'_>]) -> Result<(), Problem> {
        let Some((&first, others)) = units.split_first() else { return Ok(()) };
        if self.refused.is_some() {
            return Ok(());
        }
        let mut differences = match self.against(run, first, others) {
            // What is switched on must never keep the first image from being attested.
            Err(failure) if failure.exit == 2 => {
                self.switch(Places::switch_off);
                self.against(run, first, others)?
            }
            done => done?,
        };
        let before = self.places.on();
        self.switch(|places| places.switch_on_at(&differences));
        if self.places.on() != before {
            let again = self.against(run, first, others)?;
            let tried = self.places.on();
            self.switch(|places| places.keep(&before, &again));
            differences = if self.places.on() == tried { again } else { self.against(run, first, others)? };
        }
        self.differences = Some(differences);
        Ok(())
    }

    fn switch(&mut self, how: impl FnOnce(&mut Places)) {
        how(&mut self.places);
        self.layout.mark(&self.places);
    }

    fn against(&self, run: &Run<'_>, first: Unit<'_>, others: &[Unit<'_>]) -> Result<Differences, Problem> {
        let manifest = self.judged(run, first)?;
        let Some(reference) = manifest.images.first() else { return Ok(Differences::default()) };
        let openings = attest::openings(reference.files, &manifest.mutable, &reference.layout);
        let options = Options {
            layout: reference.partitions(),
            settings: manifest.settings(),
            reading: Some(reference.format.clone()),
            normal: true,
            openings,
            ..Options::default()
        };
        let rule = Rule::default();
        let terms = kiwame_appraisal::Terms { rule: &rule, waivers: Vec::new(), ended: Vec::new() };
        let mut differences = Differences::default();
        for unit in others {
            let tree = run.tree(*unit, &options)?;
            let mut assessment = kiwame_appraisal::appraise(&tree, &manifest, reference, &terms);
            assessment.fold(&tree, reference, &[], &Spans::default());
            let told = assessment.findings.iter().filter(|finding| finding.effect() != Effect::Nothing);
            differences.add(&name_of(unit.1), told, reference);
        }
        Ok(differences)
    }

    fn page(&self) -> Page<'_> {
        Page {
            image: &self.image,
            units: &self.units,
            format: self.format,
            recognised: self.recognised,
            layout: &self.layout,
            found: &self.found,
            serial: self.serial.as_deref(),
            suppliers: &self.suppliers,
            places: &self.places,
            refused: self.refused.as_ref().map(|refused| refused.english.as_str()),
            differences: self.differences.as_ref(),
        }
    }

    fn summary(&self, lang: Lang) -> String {
        let mut text = String::new();
        if let Some(refused) = &self.refused {
            let refused = escape_line(lang.pick(&refused.english, &refused.japanese));
            text.push_str(&lang.say(
                format!("attest would refuse this image: {refused}\n"),
                format!("attest はこのイメージを拒む:{refused}\n"),
            ));
        }
        if let Some(differences) = self.differences.as_ref().filter(|differences| differences.count() > 0) {
            let count = differences.count();
            let what = if count == 1 { "difference" } else { "differences" };
            text.push_str(&lang.say(
                format!("! {count} {what} between the units that no rule allows: are all of them of this release?\n"),
                format!("! 個体間に、どの規則でも認められない相違が {count} 件有る。全てこの版のものか確かめる。\n"),
            ));
            let first = differences.lines().iter().take(FIRST);
            first.for_each(|line| text.push_str(&format!("  {line}\n")));
        }
        if self.units.len() > 1 && self.places.on().contains(&true) {
            text.push_str(lang.pick(
                "Rules for what differs are proposed, and switched off: read each before you take its # away.\n",
                "相違に対する規則を案として記し、無効にしてある。# を外す前に一つずつ読むこと。\n",
            ));
        }
        text.push_str(lang.pick(
            "Next: complete [product] and [release]; then kiwame attest IMAGE --describe FILE --key KEY -o MANIFEST.\n",
            "次:[product] と [release] を埋め、kiwame attest IMAGE --describe FILE --key KEY -o MANIFEST を実行する。\n",
        ));
        text
    }
}

/// Differences that are told at once.
const FIRST: usize = 4;

/// The name of a file, without the way to it.
fn name_of(source: &Source) -> String {
    escape(source.name.rsplit('/').next().unwrap_or(&source.name))
}

/// Files are left in one piece: what lies in them is no part of a layout.
fn closed(layout: &[Partition]) -> Options {
    let openings = Openings::all(Opening::Closed);
    Options { layout: layout.to_vec(), openings, ..Options::default() }
}

/// As [`closed`], with what devices write taken apart, and some files read as settings.
fn opened(options: &Options, scopes: Vec<String>, settings: Vec<SettingsFile>) -> Options {
    let openings = Openings { scopes, ..Openings::all(Opening::Closed) };
    Options { settings, openings, ..options.clone() }
}

/// The region around one that people speak of as a place: the partition that it lies in, else what it lies in directly.
fn place_of(tree: &Tree, region: &kiwame_image::Region) -> Option<kiwame_image::RegionId> {
    let partition = tree.ancestors(region.id).filter(|above| above.segment.format == "partition").last();
    partition.map(|above| above.id).or(region.parent)
}
