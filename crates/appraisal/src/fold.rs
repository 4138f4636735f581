//! One cause, one finding: pieces of one thing are told together, and what follows from a short or unread file is told
//! with it. Folding comes last and decides nothing: a finding speaks only for others of its own effect or less.

use core::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Arrange as _, Gather as _, Region, Role, SpaceId, Span, Spans, Tree, segments};
use kiwame_trust::manifest::{ImageReference, ReferenceRegion};

use crate::case::{beginnings, image_span};
use crate::kind::{Effect, Family, Kind, Reason, Severity, Text};
use crate::kinds::{
    ADDED, ATTRIBUTES, DUPLICATED, EMPTY_REFUSED, ERASED, LAYOUT_DISAGREES, MODIFIED, MOVED, NOT_ERASED,
    NOT_RECOGNISED, OUTSIDE_RULE, REMOVED, REORDERED, TRUST_ANCHOR, UNDECODABLE,
};
use crate::reference::{display_name, is_fill, streams_around};
use crate::{Assessment, Class, Finding};

/// Bytes of the image that hold one value throughout, as erased or unread blocks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uniform {
    /// Where.
    pub span: Span,
    /// The value.
    pub value: u8,
}

impl Uniform {
    /// So many bytes of one value tell something: what flash erases in one go, and programmers read.
    pub const LEAST: u64 = 4 << 10;
}

impl Finding {
    /// That an image holds one value only, where it could not be compared with anything: whatever the verdict is, this is the
    /// likely reason.
    #[must_use]
    pub fn of_uniform(all: &Uniform) -> Self {
        let finding = Self::over(&UNIFORM, Vec::new(), Effect::Nothing);
        finding.at("image", "image", all.span).arg("value", format!("{:02x}", all.value))
    }
}

/// So many places are looked at for blocks of one value.
const SUSPECTS: usize = 4096;

impl Assessment {
    /// Where blocks of one value would explain something: what differs in the image itself, what is missing there, and the
    /// streams around what differs or is missing. In order, and none overlaps another.
    #[must_use]
    pub fn suspects(&self, tree: &Tree, reference: &ImageReference) -> Vec<Span> {
        let differs =
            |region: &&Region| self.classes.get(&region.id).map(|(class, _)| *class) == Some(Class::Differs);
        let leaves = tree.leaves().filter(differs).map(|leaf| image_span(tree, leaf));
        let encoders = Encoders::of(reference);
        let missing = self.missing.iter().filter_map(|&index| reference.regions.get(index));
        let missing = missing.filter(|wanted| !is_fill(wanted)).map(|wanted| encoders.image_span(wanted));
        let mut spans: Vec<_> =
            leaves.chain(missing).take(SUSPECTS).filter(|span| !span.is_empty()).collect();
        spans.arrange();
        let mut joined: Vec<Span> = Vec::new();
        for span in spans {
            // Erased bytes between two of them, such as padding, are no reason to part them.
            match joined.last_mut().filter(|last| span.offset <= last.end().saturating_add(Uniform::LEAST)) {
                Some(last) => *last = Span::between(last.offset, last.end().max(span.end())),
                None => joined.push(span),
            }
        }
        joined
    }

    /// What the acquisition could not read is neither fill nor matched nor different (RULES 1): the leaves that lie there are
    /// of a class of their own.
    pub fn set_unread(&mut self, tree: &Tree, unread: &Spans) {
        let there = |leaf: &&Region| leaf.space == SpaceId::IMAGE && unread.overlaps(leaf.span);
        for leaf in tree.leaves().filter(there) {
            self.classes.insert(leaf.id, (Class::Unread, None));
        }
    }

    /// Tells together what has one cause.
    pub fn fold(&mut self, tree: &Tree, reference: &ImageReference, uniform: &[Uniform], unread: &Spans) {
        let mut findings = core::mem::take(&mut self.findings);
        let fold = Fold::of(self, tree, reference, &findings);
        let lost = fold.by_acquisition(&mut findings, unread);
        let findings = fold.by_thing(findings);
        let mut findings = fold.by_cause(findings, uniform);
        findings.extend(lost);
        // What somebody put in and what runs comes first, behind what explains the rest.
        findings.arrange_by_key(|finding| {
            Reverse((finding.kind().family == Family::Image, finding.is_put_in(), !is_filler(finding)))
        });
        self.findings = findings;
    }
}

/// The regions of a reference that encode others.
struct Encoders<'a>(BTreeMap<&'a str, &'a ReferenceRegion>);

impl<'a> Encoders<'a> {
    fn of(reference: &'a ImageReference) -> Self {
        let spaces: BTreeSet<_> = reference.regions.iter().map(|region| region.space()).into_set();
        let encoders = reference.regions.iter().filter(|region| spaces.contains(region.path.as_str()));
        Self(encoders.map(|region| (region.path.as_str(), region)).into_map())
    }

    /// Where in the image a reference value lies, or the stream around it.
    fn image_span(&self, wanted: &'a ReferenceRegion) -> Span {
        let around = streams_around(wanted, |path| self.0.get(path).copied());
        around.last().map_or(wanted.span, |outermost| outermost.span)
    }
}

struct Fold<'a> {
    tree: &'a Tree,
    reference: &'a ImageReference,
    /// All paths of the reference, and those that the image does not have.
    wanted: Counts<'a>,
    missing: Counts<'a>,
    /// All measured paths of the image, and those that the reference does not have.
    here: Counts<'a>,
    added: Counts<'a>,
}

/// Paths, for counting what lies at or below one.
#[derive(Default)]
struct Counts<'a>(Vec<&'a str>);

impl<'a> Counts<'a> {
    fn of(paths: impl Iterator<Item = &'a str>) -> Self {
        let mut paths: Vec<_> = paths.collect();
        paths.arrange();
        Self(paths)
    }

    fn below(&self, path: &str) -> usize {
        let inner = |end: char| {
            let bound = format!("{path}{end}");
            self.0.partition_point(|other| *other < bound.as_str())
        };
        let own = self
            .0
            .partition_point(|other| *other <= path)
            .saturating_sub(self.0.partition_point(|other| *other < path));
        // `0` comes behind `/`.
        inner('0').saturating_sub(inner('/')).saturating_add(own)
    }
}

/// What findings are told together under: a path, and what they do to the verdict.
type Key = (String, Effect);

impl<'a> Fold<'a> {
    fn of(
        assessment: &Assessment,
        tree: &'a Tree,
        reference: &'a ImageReference,
        findings: &[Finding],
    ) -> Self {
        let several = |kind| findings.iter().filter(|finding| finding.is_of(&[kind])).nth(1).is_some();
        let (removed, added) = (several(&REMOVED), several(&ADDED));
        let missing = assessment.missing.iter().filter_map(|&index| reference.regions.get(index));
        let measured = || tree.regions().filter(|region| region.measured);
        let new = |region: &&Region| assessment.added.contains(&region.id);
        let path = |region: &Region| tree.path(region.id);
        let counts =
            |wanted: bool, counts: &dyn Fn() -> Counts<'a>| if wanted { counts() } else { Counts::default() };
        Self {
            tree,
            reference,
            wanted: counts(removed, &|| {
                Counts::of(reference.regions.iter().map(|region| region.path.as_str()))
            }),
            missing: counts(removed, &|| Counts::of(missing.clone().map(|wanted| wanted.path.as_str()))),
            here: counts(added, &|| Counts::of(measured().map(path))),
            added: counts(added, &|| Counts::of(measured().filter(new).map(path))),
        }
    }

    /// The path under which a finding is told: that of the thing that it is a piece of, or of what is missing or new as a
    /// whole around it.
    fn scope<'f>(&self, finding: &'f Finding) -> &'f str {
        let whole = |all: &Counts<'_>, some: &Counts<'_>| {
            beginnings(&finding.path).find(|scope| some.below(scope) > 1 && is_whole(all, some, scope))
        };
        let around = if finding.is_of(&[&REMOVED]) {
            whole(&self.wanted, &self.missing)
        } else if finding.is_of(&[&ADDED]) {
            whole(&self.here, &self.added)
        } else {
            None
        };
        let thing = thing(&finding.path);
        around.filter(|around| around.len() < thing.len()).unwrap_or(thing)
    }

    /// Tells pieces of one thing together. What has no effect goes with what has one; what is waived stands alone.
    fn by_thing(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let mut groups: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        let mut scopes = Vec::with_capacity(findings.len());
        for (number, finding) in findings.iter().enumerate() {
            let alone = !finding.is_foldable();
            let scope = if alone { String::new() } else { self.scope(finding).to_owned() };
            if !alone {
                groups.entry((scope.clone(), finding.effect())).or_default().push(number);
            }
            scopes.push((alone, scope));
        }
        // A defect, and a warning, go with what differs there.
        for effect in [Effect::Refuted, Effect::Warning] {
            let quiet: Vec<_> = groups.keys().filter(|(_, less)| is_less(*less, effect)).cloned().collect();
            for key in quiet {
                if groups.contains_key(&(key.0.clone(), effect))
                    && let Some(members) = groups.remove(&key)
                {
                    groups.entry((key.0, effect)).or_default().extend(members);
                }
            }
        }
        let mut place = BTreeMap::new();
        for (number, (key, members)) in groups.iter().enumerate() {
            if members.len() > 1 {
                place.extend(members.iter().map(|&member| (member, (number, key))));
            }
        }
        let several = groups.iter().filter(|(_, members)| members.len() > 1);
        let names = Names::of(self.tree, self.reference, several.map(|(key, _)| key.0.as_str()).into_set());
        let mut told = Vec::new();
        let mut slots: BTreeMap<usize, (usize, &Key, Vec<Finding>)> = BTreeMap::new();
        for (number, finding) in findings.into_iter().enumerate() {
            match place.get(&number) {
                None => told.push(Some(finding)),
                Some(&(group, key)) => {
                    let slot = slots.entry(group).or_insert_with(|| {
                        told.push(None);
                        (told.len().saturating_sub(1), key, Vec::new())
                    });
                    slot.2.push(finding);
                }
            }
        }
        for (at, key, members) in slots.into_values() {
            if let Some(slot) = told.get_mut(at) {
                *slot = Some(self.told_together(key, members, &names));
            }
        }
        told.into_iter().flatten().collect()
    }

    fn told_together(&self, (scope, effect): &Key, members: Vec<Finding>, names: &Names<'_>) -> Finding {
        let kind = kind_of(&members, *effect);
        let left = |of: &Kind, all, some| kind == of && !is_whole(all, some, scope);
        // A thing of which something is left has changed.
        let changed = left(&ADDED, &self.here, &self.added) || left(&REMOVED, &self.wanted, &self.missing);
        let kind = if changed { &MODIFIED } else { kind };
        let own = members
            .iter()
            .position(|member| member.path == *scope && member.effect() == *effect && member.is_of(&[kind]));
        let runs = members.iter().any(|member| member.runs);
        let mut whole = match own {
            Some(own) => {
                let mut members = members;
                let lead = members.remove(own);
                lead.with_parts(members)
            }
            None => {
                let first = members.first().cloned();
                let words = words_of(kind, &members);
                let whole = Finding::over(kind, members, *effect);
                let whole = match first {
                    Some(first) => self.placed(whole, scope, &first, names),
                    None => whole,
                };
                words.into_iter().fold(whole, |whole, (name, word)| whole.arg(name, word))
            }
        };
        whole.runs |= runs;
        whole.is_new |= whole.parts.iter().all(|part| part.is_new);
        whole
    }

    /// A finding about what lies at a path, as far as image or reference know it; what they do not is taken from `first`.
    fn placed(&self, whole: Finding, scope: &str, first: &Finding, names: &Names<'_>) -> Finding {
        let mut whole = whole;
        whole.supplier.clone_from(&first.supplier);
        whole.contact.clone_from(&first.contact);
        if let Some(region) = names.here.get(scope) {
            let mut whole =
                whole.at(scope, self.tree.space_path(region.space), region.span).arg("kind", region.kind);
            if let Some(name) = display_name(self.tree, region) {
                whole = whole.arg("name", name);
            }
            whole.image = (region.space != SpaceId::IMAGE).then(|| image_span(self.tree, region));
            whole.within.clone_from(&first.within);
            return whole;
        }
        let spans = whole
            .parts
            .iter()
            .filter(|part| part.space == first.space)
            .map(|part| Span::new(part.offset, part.length));
        let span = spans
            .reduce(|one, other| Span::between(one.offset.min(other.offset), one.end().max(other.end())));
        let last = segments(scope).last().unwrap_or(scope);
        let kind = last.split_once(':').map_or(last, |(format, _)| format).to_owned();
        let mut whole = whole.at(scope, &first.space, span.unwrap_or_default()).arg("kind", kind);
        whole.image = first.image;
        whole.within.clone_from(&first.within);
        match names.wanted.get(scope).and_then(|region| region.name.clone()) {
            Some(name) => whole.arg("name", name),
            None => whole,
        }
    }

    /// Tells with what was not read whatever is amiss there. It is the one thing that takes an effect away: nobody is accused
    /// of what nobody has seen, and nothing is affirmed either. What somebody put in was seen.
    fn by_acquisition(&self, findings: &mut Vec<Finding>, unread: &Spans) -> Option<Finding> {
        let first = unread.iter().next()?;
        // What is wrong with a field has no length of its own.
        let lies_there = |finding: &Finding| {
            let extent = self.extent(finding);
            unread.overlaps(Span::new(extent.offset, extent.length.max(1)))
        };
        let told =
            take(findings, |finding| finding.is_foldable() && !finding.is_put_in() && lies_there(finding));
        let parts = told.map(|(parts, _)| parts).unwrap_or_default();
        let bytes = unread.iter().fold(0_u64, |sum, span| sum.saturating_add(span.length));
        let lost = Finding::over(&UNREAD, parts, UNREAD.effect).at("image", "image", first);
        Some(lost.arg("bytes", bytes).arg("count", unread.count()))
    }

    /// Tells what follows from the file's length, and from blocks that were not read, with it.
    fn by_cause(&self, mut findings: Vec<Finding>, uniform: &[Uniform]) -> Vec<Finding> {
        let runs = Runs::of(uniform);
        let size = self.tree.space(SpaceId::IMAGE).map_or(0, |space| space.size);
        let whole = uniform.iter().find(|run| run.span == Span::new(0, size) && size > 0);
        let mut causes = Vec::new();
        if let Some(run) = whole {
            let told = take(&mut findings, |finding| {
                finding.is_foldable() || finding.kind().family == Family::Mutable
            });
            causes.extend(told.map(|(parts, effect)| {
                let cause = Finding::over(&UNIFORM, parts, effect).at("image", "image", run.span);
                cause.arg("value", format!("{:02x}", run.value))
            }));
        }
        if size < self.reference.size {
            let cut = |finding: &Finding| finding.kind().family == Family::Fill || finding.is_cut_short();
            let beyond = |finding: &Finding| {
                let end = self.extent(finding).end();
                !finding.is_put_in() && (end > size || cut(finding) && (end == size || finding.is_defect()))
            };
            // A layout that ends behind the file is that of the whole.
            let layout = |finding: &Finding| finding.is_of(&[&LAYOUT_DISAGREES]);
            let told =
                take(&mut findings, |finding| (finding.is_foldable() || layout(finding)) && beyond(finding));
            // It is said also where nothing else is amiss there, since what lay there may differ.
            let told = told.or(whole.is_none().then_some((Vec::new(), Effect::Nothing)));
            causes.extend(told.map(|(parts, effect)| {
                let missing = Span::between(size, self.reference.size);
                let cause = Finding::over(&SHORTER, parts, effect).at("image", "image", missing);
                cause.compared(bytes(self.reference.size), bytes(size)).arg("bytes", missing.length)
            }));
        } else if size > self.reference.size {
            let behind = Span::between(self.reference.size, size);
            // What is more than blank is no matter of length.
            let blank = |finding: &Finding| {
                let extent = self.extent(finding);
                extent.offset >= behind.offset && runs.cover(extent)
            };
            let told = take(&mut findings, |finding| finding.is_foldable() && blank(finding));
            causes.extend(told.map(|(parts, effect)| {
                let cause = Finding::over(&LONGER, parts, effect).at("image", "image", behind);
                cause.compared(bytes(self.reference.size), bytes(size)).arg("bytes", behind.length)
            }));
        }
        if whole.is_none() {
            let told = take_by(&mut findings, |finding| self.explains(finding, &runs));
            causes.extend(told.into_iter().filter_map(|(number, (parts, effect))| {
                let run = runs.all.get(number)?;
                let unread = parts.iter().map(|part| part.parts.len().max(1)).fold(0, usize::saturating_add);
                let cause = Finding::over(&NOT_READ, parts, effect).at("image", "image", run.span);
                let cause = cause.arg("value", format!("{:02x}", run.value));
                Some(cause.arg("bytes", run.span.length).arg("count", unread))
            }));
        }
        causes.extend(findings);
        causes
    }

    /// The first run that explains a finding: about what holds runs of one value and nothing else, or what can no longer be
    /// opened because of one inside. Erased bytes elsewhere explain nothing: most regions have some.
    fn explains(&self, finding: &Finding, runs: &Runs<'_>) -> Option<usize> {
        if !finding.is_foldable() || finding.is_put_in() {
            return None;
        }
        let extent = self.extent(finding);
        // What should be erased, or may be, is not explained by being so.
        let more = finding.kind().family == Family::Mutable || finding.is_of(&[&NOT_ERASED, &ADDED]);
        let value = |run: &Uniform| !more || run.value != self.reference.erase_value;
        let all = (finding.space == "image" && runs.cover(extent)).then(|| runs.first_in(extent, value));
        let shut = finding.is_of(&[&UNDECODABLE])
            || finding.parts.iter().any(|part| part.is_of(&[&REMOVED]) && part.space != finding.space);
        let inside = shut.then(|| runs.first_inside(extent));
        all.flatten().into_iter().chain(inside.flatten()).min()
    }

    /// Where in the image a finding is, or the stream around it.
    fn extent(&self, finding: &Finding) -> Span {
        let own = Span::new(finding.offset, finding.length);
        finding.image.unwrap_or(own)
    }
}

/// Runs of one value, in their order: asked for each finding, of which a damaged image may have as many as it has runs.
struct Runs<'u> {
    all: &'u [Uniform],
    /// Bytes in the runs before each.
    before: Vec<u64>,
    /// Numbers of those that begin and end as blocks do.
    blocks: Vec<usize>,
}

impl<'u> Runs<'u> {
    /// Of runs in order, of which none overlaps another.
    fn of(all: &'u [Uniform]) -> Self {
        let mut sum = 0_u64;
        let before = all.iter().map(|run| {
            let before = sum;
            sum = sum.saturating_add(run.span.length);
            before
        });
        let before = before.collect();
        // Blocks that were not read begin and end so; zeros that were always there seldom.
        let whole = |at: u64| at.is_multiple_of(Uniform::LEAST);
        let is_block = |run: &Uniform| whole(run.span.offset) && whole(run.span.end());
        let blocks = (0..all.len()).filter(|&number| all.get(number).is_some_and(is_block)).collect();
        Self { all, before, blocks }
    }

    /// The number of the first run that ends behind a place.
    fn behind(&self, place: u64) -> usize {
        self.all.partition_point(|run| run.span.end() <= place)
    }

    /// Bytes of runs before a place.
    fn before(&self, place: u64) -> u64 {
        let number = self.behind(place);
        match (self.before.get(number), self.all.get(number)) {
            (Some(&before), Some(run)) => before.saturating_add(place.saturating_sub(run.span.offset)),
            _ => self
                .all
                .last()
                .zip(self.before.last())
                .map_or(0, |(run, before)| before.saturating_add(run.span.length)),
        }
    }

    /// True when a place holds runs and nothing else.
    fn cover(&self, extent: Span) -> bool {
        self.before(extent.end()).saturating_sub(self.before(extent.offset)) >= extent.length
    }

    /// The first run that shares bytes with a place, of those that fit.
    fn first_in(&self, extent: Span, fits: impl Fn(&Uniform) -> bool) -> Option<usize> {
        let from = self.behind(extent.offset);
        let there = self.all.get(from..)?.iter().take_while(|run| run.span.overlaps(extent));
        there.enumerate().find(|(_, run)| fits(run)).map(|(number, _)| from.saturating_add(number))
    }

    /// The first block that shares bytes with a place, which goes on behind it.
    fn first_inside(&self, extent: Span) -> Option<usize> {
        let from = self.behind(extent.offset);
        let number = *self.blocks.get(self.blocks.partition_point(|&number| number < from))?;
        let span = self.all.get(number)?.span;
        (span.overlaps(extent) && span.end() < extent.end()).then_some(number)
    }
}

/// Takes out the findings that follow from one cause, of the strongest effect that any of them has; what has none goes
/// along.
fn take(findings: &mut Vec<Finding>, follows: impl Fn(&Finding) -> bool) -> Option<(Vec<Finding>, Effect)> {
    take_by(findings, |finding| follows(finding).then_some(0)).into_values().next()
}

/// As [`take`], for the number of the cause that each follows from.
fn take_by(
    findings: &mut Vec<Finding>,
    cause: impl Fn(&Finding) -> Option<usize>,
) -> BTreeMap<usize, (Vec<Finding>, Effect)> {
    let causes: Vec<_> = findings.iter().map(cause).collect();
    let mut told: BTreeMap<usize, (Vec<Finding>, Effect)> = BTreeMap::new();
    for (finding, &cause) in findings.iter().zip(&causes) {
        let effect = finding.effect();
        let Some(cause) = cause.filter(|_| matches!(effect, Effect::Warning | Effect::Refuted)) else {
            continue;
        };
        let (_, strongest) = told.entry(cause).or_insert((Vec::new(), effect));
        if is_less(*strongest, effect) {
            *strongest = effect;
        }
    }
    let mut left = Vec::new();
    for (finding, cause) in core::mem::take(findings).into_iter().zip(causes) {
        let own = cause.and_then(|cause| told.get_mut(&cause));
        match own.filter(|(_, most)| finding.effect() == *most || is_less(finding.effect(), *most)) {
            Some((parts, _)) => parts.push(finding),
            None => left.push(finding),
        }
    }
    *findings = left;
    told
}

/// True for an effect that is lost beside the other: whoever refutes has said more than a warning.
fn is_less(effect: Effect, than: Effect) -> bool {
    match effect {
        Effect::Nothing => than != Effect::Nothing,
        Effect::Warning => than == Effect::Refuted,
        Effect::Refuted | Effect::CannotTell(_) => false,
    }
}

fn bytes(count: u64) -> String {
    format!("{count} bytes")
}

/// True when everything at or below a path is among some.
fn is_whole(all: &Counts<'_>, some: &Counts<'_>, path: &str) -> bool {
    all.below(path) == some.below(path)
}

/// What image and reference have at some paths, the first of each.
struct Names<'a> {
    here: BTreeMap<&'a str, &'a Region>,
    wanted: BTreeMap<&'a str, &'a ReferenceRegion>,
}

impl<'a> Names<'a> {
    fn of(tree: &'a Tree, reference: &'a ImageReference, paths: BTreeSet<&str>) -> Self {
        let mut names = Self { here: BTreeMap::new(), wanted: BTreeMap::new() };
        if !paths.is_empty() {
            let here = tree.regions().map(|region| (tree.path(region.id), region));
            for (path, region) in here.filter(|(path, _)| paths.contains(path)) {
                names.here.entry(path).or_insert(region);
            }
            for region in reference.regions.iter().filter(|region| paths.contains(region.path.as_str())) {
                names.wanted.entry(region.path.as_str()).or_insert(region);
            }
        }
        names
    }
}

/// True for what fills the room of something else.
fn is_filler(finding: &Finding) -> bool {
    finding.region_kind().contains("pad") || finding.region_kind() == "free-space"
}

/// What became of something that is told in pieces.
fn kind_of(members: &[Finding], effect: Effect) -> &'static Kind {
    let main = || members.iter().filter(|one| one.effect() == effect);
    let all = |kinds: &[&Kind]| main().all(|one| one.is_of(kinds));
    let first = main().next().filter(|one| !one.is_defect()).map(Finding::kind);
    if let Some(first) = first.filter(|first| all(&[first])) {
        return first;
    }
    let any = |kind: &&&Kind| members.iter().any(|one| one.is_of(&[kind]));
    let of_rule: [&'static Kind; 4] = [&TRUST_ANCHOR, &EMPTY_REFUSED, &NOT_RECOGNISED, &OUTSIDE_RULE];
    let refuted = effect == Effect::Refuted;
    match of_rule.iter().find(any) {
        Some(kind) => kind,
        None if refuted && all(&[&REMOVED, &ERASED]) => &REMOVED,
        None if refuted && all(&[&ADDED, &DUPLICATED]) => &ADDED,
        None => &MODIFIED,
    }
}

/// The path of what people would call the thing that a region is a piece of: a file with its lines, a variable with its
/// fields, a volume with its headers.
fn thing(path: &str) -> &str {
    let last = path.rsplit('/').next().and_then(|last| last.split_once(':'));
    for scope in beginnings(path).rev() {
        let Some((format, key)) = scope.rsplit('/').next().and_then(|segment| segment.split_once(':')) else {
            continue;
        };
        let own = scope.len() == path.len();
        match format {
            _ if key == "self" && own && (format == "node" || Role::of(format) == Some(Role::Entry)) => {
                return scope.rsplit_once('/').map_or(scope, |(around, _)| around);
            }
            _ if THINGS.contains(&format) || is_thing(format) => return scope,
            "uefi-volume" | "partition" | "found"
                if !own && last.is_some_and(|(_, key)| HEADERS.contains(&key)) =>
            {
                return scope;
            }
            "uefi-volume" | "partition" | "found" if !HEADERS.contains(&key) => return path,
            _ => {}
        }
    }
    path
}

/// The words that a kind's sentence needs, from those of its members: how many there are in all, and which format is missed.
fn words_of(kind: &Kind, members: &[Finding]) -> Vec<(&'static str, String)> {
    let of_kind = || members.iter().filter(|member| member.is_of(&[kind]));
    let count = of_kind().filter_map(|member| member.args.get("count")?.parse::<u64>().ok());
    let count = count.reduce(u64::saturating_add).map(|count| ("count", count.to_string()));
    let format = of_kind().find_map(|member| member.args.get("format").cloned());
    count.into_iter().chain(format.map(|format| ("format", format))).collect()
}

/// Formats of regions that people speak of as one thing.
const THINGS: [&str; 6] = ["uefi-file", "variable", "dead-variable", "property", "microcode", "region"];

/// True for an entry of a file system that people speak of as one thing.
fn is_thing(format: &str) -> bool {
    Role::of(format).is_some_and(|role| !matches!(role, Role::Directory | Role::Entry))
}

/// Keys of what only speaks of what lies beside it.
const HEADERS: [&str; 4] = ["header", "ext-header", "ext-header-pad", "superblock"];

/// How many things of a kind were added, removed or changed: noun, verb, count.
#[must_use]
pub fn tally(findings: &[Finding]) -> BTreeMap<(&'static str, &'static str), u64> {
    let mut sums: BTreeMap<_, u64> = BTreeMap::new();
    for finding in
        findings.iter().filter(|finding| !matches!(finding.effect(), Effect::Nothing | Effect::CannotTell(_)))
    {
        for change in changes(finding) {
            let sum = sums.entry(change).or_default();
            *sum = sum.saturating_add(1);
        }
    }
    sums
}

fn changes(finding: &Finding) -> Vec<(&'static str, &'static str)> {
    // What cannot be seen has not changed: that it was not read, or is not there, is said by itself.
    if finding.is_of(&[&UNIFORM, &NOT_READ, &SHORTER, &UNREAD]) {
        return Vec::new();
    }
    if finding.kind().family == Family::Image {
        return finding.parts.iter().flat_map(changes).collect();
    }
    let Some(verb) = verb(finding) else { return Vec::new() };
    let people = |one: &Finding| ["account", "account-secret", "login-line"].contains(&one.region_kind());
    if finding.region_kind().starts_with("padding") && finding.parts.is_empty() {
        return Vec::new();
    }
    if !finding.parts.is_empty() && finding.parts.iter().all(people) {
        return finding.parts.iter().flat_map(changes).collect();
    }
    vec![(noun(finding), verb)]
}

fn verb(finding: &Finding) -> Option<&'static str> {
    if finding.is_new && finding.is_of(&[&TRUST_ANCHOR, &OUTSIDE_RULE]) {
        return Some("added");
    }
    // A part of a program that is new or gone is a program that changed.
    if is_of_program(finding.region_kind()) && finding.is_of(&[&ADDED, &DUPLICATED, &REMOVED, &ERASED]) {
        return Some("changed");
    }
    let verb = VERBS.iter().find(|(kinds, _)| finding.is_of(kinds)).map(|(_, verb)| *verb);
    verb.or((finding.kind().family == Family::Encoding).then_some("packed-anew"))
}

/// True for the kinds of parts of a program.
#[must_use]
pub fn is_of_program(kind: &str) -> bool {
    ["elf-", "pe-", "te-"].iter().any(|program| kind.starts_with(program))
}

/// What happened, by the kind of finding.
static VERBS: [(&[&Kind], &str); 6] = [
    (&[&ADDED, &DUPLICATED], "added"),
    (&[&REMOVED, &ERASED], "removed"),
    (&[&MOVED, &REORDERED], "moved"),
    (&[&MODIFIED, &ATTRIBUTES, &NOT_ERASED, &LAYOUT_DISAGREES], "changed"),
    (&[&TRUST_ANCHOR, &OUTSIDE_RULE, &NOT_RECOGNISED], "changed"),
    (&[&UNDECODABLE], "unreadable"),
];

fn noun(finding: &Finding) -> &'static str {
    let kinds =
        || core::iter::once(finding.region_kind()).chain(finding.parts.iter().map(Finding::region_kind));
    let segment = thing(&finding.path).rsplit('/').next().and_then(|last| last.split_once(':'));
    let format = segment.map(|(format, _)| format);
    match (format.and_then(Role::of), format, finding.region_kind()) {
        _ if finding.kind().family == Family::Encoding => "container",
        (_, _, "account") => "account",
        (_, _, "account-secret") => "password",
        (_, _, "login-line") => "login-line",
        (Some(Role::File), _, _) if kinds().any(|kind| ["boot-line", "script"].contains(&kind)) => "script",
        (Some(Role::File), _, _) if kinds().any(|kind| kind.starts_with("setting")) => "setting",
        (Some(Role::File | Role::Entry), _, kind) => {
            if finding.runs || is_of_program(kind) {
                "program"
            } else {
                "file"
            }
        }
        (_, Some("uefi-file"), _) => {
            if finding.runs {
                "driver"
            } else {
                "file"
            }
        }
        (Some(Role::Directory), _, _) => "directory",
        (Some(Role::Link), _, _) => "link",
        (Some(Role::Device | Role::Whiteout | Role::Fifo | Role::Socket), _, _) => "special-file",
        (_, _, "boot-argument") => "boot-argument",
        (_, Some("variable" | "dead-variable"), _) => "variable",
        (_, Some("property" | "node"), _) => "property",
        (_, Some("partition" | "found"), "partition") => "partition",
        (_, Some("uefi-volume"), "uefi-volume") => "volume",
        _ => "part",
    }
}

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[&LONGER, &NOT_READ, &SHORTER, &UNIFORM, &UNREAD];

/// The file is longer than the reference, and blank behind it.
pub static LONGER: Kind = Kind {
    id: "image/longer",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "The file is {bytes} bytes longer than the image that the maker signed.",
    japanese: "ファイルは製造者が署名したイメージより {bytes} バイト長い。",
    next: Text::new(
        "Check the size of the chip, and acquire the dump again with that size.",
        "チップの容量を確認し、その大きさでダンプを取り直す。",
    ),
    between: Some(Text::new(
        "The second image is {bytes} bytes longer than the first.",
        "二つ目のイメージは一つ目より {bytes} バイト長い。",
    )),
};

/// Blocks of one value explain what differs there.
pub static NOT_READ: Kind = Kind {
    id: "image/not-read",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "{bytes} bytes at {place} hold nothing but {value}: not read, or erased. What lies there cannot be seen.",
    japanese: "{place} の {bytes} バイトは全て {value}(読み取り漏れ、または消去)。その内容は確認できない。",
    next: Text::new(
        "Acquire the dump again, by another way; compare the two.",
        "別の方法でダンプを取り直し、二つを比較する。",
    ),
    between: None,
};

/// The acquisition says that it did not read some bytes.
pub static UNREAD: Kind = Kind {
    id: "image/unread",
    family: Family::Image,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{bytes} bytes were not read, by the map of the acquisition (places: {count}; the first at {place}): nobody can tell what lies \
              there.",
    japanese: "読取記録によれば {bytes} バイト({count} 箇所、先頭 {place})が読み取られていない。その内容は判定できない。",
    next: Text::new(
        "Read these places again, by another way; what the chip keeps from its reader has to be read in another manner.",
        "該当箇所を別の方法で読み直す。チップが読出しを禁じている領域には別の手段が要る。",
    ),
    between: None,
};

/// The file ends before the reference does.
pub static SHORTER: Kind = Kind {
    id: "image/shorter",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "The file is {bytes} bytes short of the image that the maker signed.",
    japanese: "ファイルは製造者が署名したイメージより {bytes} バイト短い。",
    next: Text::new(
        "Acquire the dump again, whole; if it is as long as the chip, ask the maker.",
        "ダンプ全体を取り直す。チップの容量どおりであれば製造者に照会する。",
    ),
    between: Some(Text::new(
        "The second image is {bytes} bytes shorter than the first.",
        "二つ目のイメージは一つ目より {bytes} バイト短い。",
    )),
};

/// The whole file holds one value.
pub static UNIFORM: Kind = Kind {
    id: "image/uniform",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "The whole file holds nothing but {value}: the chip was not read, or is erased.",
    japanese: "ファイル全体が {value}(読み取り失敗、または消去)。",
    next: Text::new(
        "Check how the chip is connected, and acquire the dump again.",
        "チップの接続を確認し、ダンプを取り直す。",
    ),
    between: None,
};

#[cfg(test)]
mod tests {
    use kiwame_image::{DefectKind, LimitKind, fact};

    use super::*;
    use crate::kind::Reason;
    use crate::testing::{Piece, Trial, piece, stream, tree};
    use crate::{Tier, Verdict};

    static UNCLEAR: DefectKind = DefectKind::ambiguous("toy/unclear");

    /// Two pieces of one thing, and something beside it.
    fn image(pieces: [Piece; 2]) -> Vec<Piece> {
        vec![stream("file:conf", "blk!", pieces), piece("z:1", "end")]
    }

    #[test]
    fn folding_decides_nothing() {
        let of = |first: &str, second: &str| [piece("a:1", first), piece("b:2", second)];
        let [first, second] = of("one!", "two!");
        let unclear = [first.clone().defect(&UNCLEAR, 1), piece("b:2", "2222")];
        let unlisted = [first.clone().with(&fact::MODE, "0644"), piece("b:2", "2222")];
        let limited = [first.limit(LimitKind::Nodes), second.with(&fact::MODE, "0644")];
        for (pieces, tier) in [
            (of("1111", "2222"), Tier::Contraindicated),
            (unclear, Tier::Contraindicated),
            (unlisted, Tier::Contraindicated),
            (limited, Tier::None),
            (of("one!", "two!"), Tier::Affirming),
        ] {
            let trial = Trial::of(&image(of("one!", "two!")));
            let tree = tree(&image(pieces));
            let mut assessment = trial.judge_tree(&tree);
            let before = assessment.verdict.clone();
            let count = assessment.findings.len();
            assessment.fold(&tree, &trial.reference, &[], &Spans::default());
            let after = Verdict::of(&assessment.findings);
            assert_eq!((before.tier, after.tier, after.exit), (tier, tier, before.exit));
            assert!(assessment.findings.len() <= count);
        }
    }

    #[test]
    fn two_pieces_of_one_thing_are_told_as_one() {
        let of = |first, second| image([piece("a:1", first), piece("b:2", second)]);
        let trial = Trial::of(&of("one!", "two!"));
        let tree = tree(&of("1111", "2222"));
        let mut assessment = trial.judge_tree(&tree);
        assessment.fold(&tree, &trial.reference, &[], &Spans::default());
        let [told] = &assessment.findings[..] else { panic!("{:?}", assessment.findings) };
        assert_eq!((&*told.path, told.parts.len(), told.effect()), ("file:conf", 2, Effect::Refuted));
    }

    #[test]
    fn only_what_weighs_less_is_lost_beside_another() {
        let unknown = Effect::CannotTell(Reason::Limit);
        let all = [Effect::Nothing, Effect::Warning, Effect::Refuted, unknown];
        let less = |effect| all.map(|than| is_less(effect, than));
        assert_eq!(less(Effect::Nothing), [false, true, true, true]);
        assert_eq!(less(Effect::Warning), [false, false, true, false]);
        assert_eq!((less(Effect::Refuted), less(unknown)), ([false; 4], [false; 4]));
    }

    #[test]
    fn a_cause_takes_what_follows_from_it_with_the_strongest_effect_and_leaves_the_rest() {
        let finding = |kind, path: &str| Finding::new(kind).at(path, "image", Span::new(0, 1));
        let all = [
            finding(&MODIFIED, "a:1"),
            finding(&MOVED, "a:1"),
            finding(&MODIFIED, "b:2"),
            finding(&crate::kinds::UNEXPLAINED, "a:1"),
        ];
        let mut findings = all.to_vec();
        let (parts, effect) = take(&mut findings, |finding| finding.path == "a:1").expect("some");
        assert_eq!((parts.len(), effect), (2, Effect::Refuted));
        assert_eq!(findings.iter().map(Finding::id).collect::<Vec<_>>(), [MODIFIED.id, all[3].id()]);
        assert!(
            take(&mut findings, |finding| finding.path == "a:1").is_none(),
            "nobody who cannot tell is taken"
        );
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn things_are_counted_by_what_became_of_them() {
        let finding =
            |kind, region| Finding::new(kind).at("file:a", "image", Span::new(0, 1)).arg("kind", region);
        let verbs =
            |finding: Finding| tally(&[finding]).into_keys().map(|(_, verb)| verb).collect::<Vec<_>>();
        for (kind, verb) in [
            (&ADDED, "added"),
            (&DUPLICATED, "added"),
            (&REMOVED, "removed"),
            (&ERASED, "removed"),
            (&MOVED, "moved"),
            (&MODIFIED, "changed"),
            (&TRUST_ANCHOR, "changed"),
            (&UNDECODABLE, "unreadable"),
            (&crate::kinds::REENCODED, "packed-anew"),
        ] {
            assert_eq!(verbs(finding(kind, "file")), [verb], "{}", kind.id);
        }
        assert_eq!(verbs(finding(&ADDED, "elf-section")), ["changed"]);
        let mut new = finding(&TRUST_ANCHOR, "file");
        new.is_new = true;
        assert_eq!(verbs(new), ["added"]);
        assert_eq!(verbs(finding(&MODIFIED, "padding")), [""; 0]);
        assert_eq!(verbs(finding(&MODIFIED, "file").waived("", "")), [""; 0]);
        assert_eq!(verbs(finding(&crate::kinds::UNEXPLAINED, "file")), [""; 0]);
        let two = [finding(&ADDED, "file"), finding(&ADDED, "file")];
        assert_eq!(tally(&two).into_values().collect::<Vec<_>>(), [2]);
        assert!(is_of_program("pe-section") && is_of_program("te-x") && !is_of_program("perl"));
    }

    #[test]
    fn pieces_belong_to_the_thing_that_people_speak_of() {
        let passwd = "partition:rootfs/squashfs:files/decoded:content/dir:etc/file:passwd";
        assert_eq!(thing(&format!("{passwd}/decoded:content/line:admin")), passwd);
        assert_eq!(
            thing("squashfs:files/decoded:content/dir:etc/entry:self"),
            "squashfs:files/decoded:content/dir:etc"
        );
        assert_eq!(thing("uefi-volume:7CB8/uefi-volume:header"), "uefi-volume:7CB8");
        assert_eq!(
            thing("uefi-volume:7CB8/uefi-volume:free-space"),
            "uefi-volume:7CB8/uefi-volume:free-space"
        );
        assert_eq!(thing("partition:env/uboot-env:header"), "partition:env");
        assert_eq!(thing("partition:kernel/uboot-fit:behind"), "partition:kernel/uboot-fit:behind");
        assert_eq!(thing("padding:0"), "padding:0");
    }

    #[test]
    fn counting_below_a_path_takes_whole_steps() {
        let counts = Counts::of(["a", "a/b", "a/b/c", "a/bc", "a-b", "b"].into_iter());
        assert_eq!((counts.below("a"), counts.below("a/b"), counts.below("c")), (4, 2, 0));
    }

    #[test]
    fn runs_are_asked_as_if_each_was_looked_at() {
        let run = |offset: u64, length: u64, value: u8| Uniform { span: Span::new(offset, length), value };
        let all =
            [run(0x10, 0x20, 0), run(0x30, 0x10, 0xff), run(0x1000, 0x1000, 0), run(0x4000, 0x2000, 0xff)];
        let runs = Runs::of(&all);
        let ends = [0, 0x10, 0x18, 0x30, 0x38, 0x40, 0xfff, 0x1000, 0x1800, 0x2000, 0x4000, 0x6000, 0x7000];
        for start in ends {
            for end in ends.into_iter().filter(|&end| end >= start) {
                let extent = Span::between(start, end);
                let there = || all.iter().enumerate().filter(|(_, run)| run.span.overlaps(extent));
                let common =
                    |run: &Uniform| end.min(run.span.end()).saturating_sub(start.max(run.span.offset));
                let covered = all.iter().map(common).sum::<u64>() >= extent.length;
                assert_eq!(runs.cover(extent), covered, "{start:#x} {end:#x}");
                let erased = |run: &Uniform| run.value == 0xff;
                let first = there().find(|(_, run)| erased(run)).map(|(number, _)| number);
                assert_eq!(runs.first_in(extent, erased), first, "{start:#x} {end:#x}");
                let inside = |run: &Uniform| run.span.offset >= 0x1000 && run.span.end() < end;
                let first = there().find(|(_, run)| inside(run)).map(|(number, _)| number);
                assert_eq!(runs.first_inside(extent), first, "{start:#x} {end:#x}");
            }
        }
        let none = Runs::of(&[]);
        assert!(!none.cover(Span::new(0, 1)));
        assert_eq!(
            (none.first_inside(Span::new(0, 1)), none.first_in(Span::new(0, 1), |_| true)),
            (None, None)
        );
    }
}
