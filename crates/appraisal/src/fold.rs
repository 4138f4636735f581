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
        // Both are beginnings of one path.
        let thing = thing(&finding.path);
        around.filter(|around| thing.starts_with(around)).unwrap_or(thing)
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
        let scopes = place.values().map(|(_, key)| key.0.as_str()).into_set();
        let names = Names::of(self.tree, self.reference, scopes);
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
    use crate::kinds::{PARTIAL, REENCODED, UNEXPLAINED, WITHIN_RULE};
    use crate::testing::{Piece, Trial, around, fill, piece, stream, tree};
    use crate::{Tier, Verdict};

    static UNCLEAR: DefectKind = DefectKind::ambiguous("toy/unclear");
    static ODD: DefectKind = DefectKind::odd("toy/odd");
    static CUT: DefectKind = DefectKind::ambiguous("toy/cut").cut_short();

    /// What a finding does, its id and path, and those that it speaks for.
    fn line(finding: &Finding) -> String {
        let effect = match finding.effect() {
            Effect::Nothing => "tells",
            Effect::Warning => "warns",
            Effect::Refuted => "refutes",
            Effect::CannotTell(_) => "unknown",
        };
        let own = format!("{effect} {} {}", finding.id(), finding.path);
        if finding.parts.is_empty() {
            return own;
        }
        format!("{own} [{}]", lines(&finding.parts).join(", "))
    }

    fn lines(findings: &[Finding]) -> Vec<String> {
        findings.iter().map(line).collect()
    }

    /// What is found of an image, told together.
    fn told(genuine: &[Piece], image: &[Piece]) -> Vec<Finding> {
        told_by(Trial::of(genuine), image)
    }

    fn told_by(mut trial: Trial, image: &[Piece]) -> Vec<Finding> {
        let tree = tree(image);
        let mut assessment = trial.judge_tree(&tree);
        // What follows from the length is a matter of its own.
        trial.reference.size = tree.spaces()[0].size;
        assessment.fold(&tree, &trial.reference, &[], &Spans::default());
        assessment.findings
    }

    /// These findings about an image of so many bytes, whose reference has so many, told together.
    fn told_of(
        (size, wanted): (usize, u64),
        findings: Vec<Finding>,
        uniform: &[Uniform],
        unread: &[Span],
    ) -> Vec<Finding> {
        let all = (size > 0).then(|| piece("z:1", vec![b'z'; size]));
        let image: Vec<_> = all.into_iter().collect();
        let (mut trial, tree) = (Trial::of(&image), tree(&image));
        trial.reference.size = wanted;
        let mut assessment = Assessment { findings, ..trial.judge_tree(&tree) };
        let mut spans = Spans::default();
        for &span in unread {
            spans.add(span);
        }
        assessment.fold(&tree, &trial.reference, uniform, &spans);
        assessment.findings
    }

    /// A finding in the image, from one offset to another.
    fn from(kind: &'static Kind, path: &str, (start, end): (u64, u64)) -> Finding {
        Finding::new(kind).at(path, "image", Span::between(start, end))
    }

    /// A program that the reference does not have.
    fn put_in(path: &str, place: (u64, u64)) -> Finding {
        with(from(&ADDED, path, place), |finding| (finding.runs, finding.is_new) = (true, true))
    }

    fn with(mut finding: Finding, change: impl FnOnce(&mut Finding)) -> Finding {
        change(&mut finding);
        finding
    }

    fn blank(start: u64, end: u64, value: u8) -> Uniform {
        Uniform { span: Span::between(start, end), value }
    }

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
        assert_eq!((&*told.space, told.offset, told.length, told.image), ("image", 0, 4, None));
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
            finding(&UNEXPLAINED, "a:1"),
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
            (&REENCODED, "packed-anew"),
        ] {
            assert_eq!(verbs(finding(kind, "file")), [verb], "{}", kind.id);
        }
        assert_eq!(verbs(finding(&ADDED, "elf-section")), ["changed"]);
        let mut new = finding(&TRUST_ANCHOR, "file");
        new.is_new = true;
        assert_eq!(verbs(new), ["added"]);
        assert_eq!(verbs(finding(&MODIFIED, "padding")), [""; 0]);
        assert_eq!(verbs(finding(&MODIFIED, "file").waived("", "")), [""; 0]);
        assert_eq!(verbs(finding(&UNEXPLAINED, "file")), [""; 0]);
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
        for (path, around) in [
            ("node:a/node:self", "node:a"),
            ("node:a/node:b", "node:a/node:b"),
            ("box:1/other:self", "box:1/other:self"),
            ("box:1/node:self/a:1", "box:1/node:self/a:1"),
            ("dir:etc/entry:7", "dir:etc/entry:7"),
            ("dir:etc/entry:self/a:1", "dir:etc/entry:self/a:1"),
            ("entry:self", "entry:self"),
            ("microcode:1/data:0", "microcode:1"),
            ("region:bios/dir:a", "region:bios"),
            ("dir:a/link:b/target:0", "dir:a/link:b"),
            ("box:1/no key", "box:1/no key"),
            ("region:1/no key", "region:1"),
            ("partition:a/uefi-volume:header", "partition:a"),
            ("partition:header", "partition:header"),
            ("region:bios/uefi-volume:a/data:0", "region:bios/uefi-volume:a/data:0"),
            ("found:1/fs:superblock", "found:1"),
            ("found:1/fs:superblock/a:1", "found:1/fs:superblock/a:1"),
        ] {
            assert_eq!(thing(path), around);
        }
    }

    #[test]
    fn an_image_of_one_value_says_so_and_decides_nothing() {
        let all = Finding::of_uniform(&blank(0, 8, 0x0a));
        assert_eq!(line(&all), "tells image/uniform image");
        assert_eq!((all.length, &*all.args["value"]), (8, "0a"));
    }

    #[test]
    fn blocks_are_looked_for_where_something_differs_or_is_missing_and_in_the_stream_around() {
        let inner = |inside: &[Piece]| stream("xz:1", "in", inside);
        let of = |first: &str, far: usize, second: &str, inside: &[Piece]| {
            vec![
                piece("a:1", first),
                piece("pad:0", vec![b'p'; far]),
                piece("b:2", second),
                piece("pad:1", vec![b'p'; 5000]),
                stream("gz:1", "blk!", [inner(inside), piece("y:1", "y")]),
                piece("pad:2", vec![b'p'; 5000]),
                fill("fill:0", 4),
            ]
        };
        let whole = [piece("x:1", "one!"), piece("x:2", "two!")];
        let suspects = |far, second, inside: &[Piece]| {
            let mut genuine = of("one!", far, "two!", &whole);
            genuine.push(fill("fill:9", 4));
            let (trial, tree) = (Trial::of(&genuine), tree(&of("1111", far, second, inside)));
            let spans = trial.judge_tree(&tree).suspects(&tree, &trial.reference);
            spans.into_iter().map(|span| (span.offset, span.length)).collect::<Vec<_>>()
        };
        assert_eq!(suspects(4096, "two!", &whole), [(0, 4)]);
        assert_eq!(suspects(4096, "2222", &whole), [(0, 4104)], "erased bytes between them part nothing");
        assert_eq!(suspects(4097, "2222", &whole), [(0, 4), (4101, 4)]);
        // What is missing in a stream of a stream is looked for where the outer one lies.
        assert_eq!(suspects(4096, "two!", &whole[..1]), [(0, 4), (9104, 4)]);
        let other = [piece("x:1", "1111"), piece("x:2", "two!")];
        assert_eq!(suspects(4096, "two!", &other), [(0, 4), (9104, 4)]);
    }

    #[test]
    fn bytes_that_were_not_read_are_a_class_of_their_own_in_the_image_itself() {
        let image = [
            piece("a:1", "one!"),
            stream("gz:1", "blk!", [piece("x:1", "one!two!"), piece("x:2", "more")]),
            piece("b:2", "two!"),
        ];
        let (trial, tree) = (Trial::of(&image), tree(&image));
        let mut assessment = trial.judge_tree(&tree);
        let mut unread = Spans::default();
        unread.add(Span::new(9, 1));
        assessment.set_unread(&tree, &unread);
        let unread = tree.leaves().filter(|leaf| assessment.classes[&leaf.id] == (Class::Unread, None));
        assert_eq!(unread.map(|leaf| tree.path(leaf.id)).collect::<Vec<_>>(), ["b:2"]);
    }

    #[test]
    fn what_explains_the_rest_comes_first_then_what_was_put_in_and_last_what_fills_room() {
        let of = |path, kind| from(&MODIFIED, path, (0, 1)).arg("kind", kind);
        let findings = vec![
            of("a:1", "free-space"),
            of("b:1", "ext-header-pad"),
            of("c:1", "code"),
            put_in("d:1", (0, 1)),
            Finding::new(&LONGER),
            of("e:1", "code"),
        ];
        let told = told_of((8, 8), findings, &[], &[]);
        let paths: Vec<_> = told.iter().map(|finding| &*finding.path).collect();
        assert_eq!(paths, ["image", "d:1", "c:1", "e:1", "a:1", "b:1"]);
    }

    #[test]
    fn what_is_missing_or_new_as_a_whole_is_told_as_the_whole() {
        let boxed = |inside: &[Piece]| vec![around("outer:1", inside), piece("z:1", "end")];
        let two = || around("box:1", [piece("a:1", "one!"), piece("b:2", "two!")]);
        let rest = || piece("c:3", "rest");
        let all = boxed(&[two(), rest()]);
        let less = boxed(&[rest()]);
        let whole = |verb: &str| {
            let id = format!("refutes component/{verb}");
            vec![format!("{id} outer:1/box:1 [{id} outer:1/box:1/a:1, {id} outer:1/box:1/b:2]")]
        };
        assert_eq!(lines(&told(&all, &less)), whole("removed"));
        assert_eq!(lines(&told(&less, &all)), whole("added"));
        // Of which something is left, or of which there is one, is not.
        let one = boxed(&[around("box:1", [piece("a:1", "one!")]), rest()]);
        assert_eq!(lines(&told(&all, &one)), ["refutes component/removed outer:1/box:1/b:2"]);
        assert_eq!(lines(&told(&one, &less)), ["refutes component/removed outer:1/box:1/a:1"]);
        let three = [piece("a:1", "one!"), piece("b:2", "two!"), piece("d:4", "four")];
        let three = boxed(&[around("box:1", three), rest()]);
        let apart = ["b:2", "d:4"].map(|key| format!("component/removed outer:1/box:1/{key}"));
        assert_eq!(lines(&told(&three, &one)), apart.each_ref().map(|line| format!("refutes {line}")));
    }

    #[test]
    fn one_new_piece_leaves_what_is_said_of_the_thing_around_it_alone() {
        let genuine = [piece("z:1", "end")];
        let odd = around("box:1", [piece("a:1", "one!")]).defect(&UNCLEAR, 1);
        let image = [piece("z:1", "end"), odd, piece("y:1", "new")];
        let told = lines(&told(&genuine, &image));
        assert_eq!(
            told,
            ["refutes component/added box:1/a:1", "refutes component/added y:1", "warns toy/unclear box:1"]
        );
    }

    #[test]
    fn a_file_of_which_pieces_came_or_went_has_changed() {
        let all = || vec![piece("a:1", "one!"), piece("b:2", "two!"), piece("c:3", "rest")];
        let of = |inside: Vec<Piece>| vec![stream("file:conf", "blk!", inside), piece("z:1", "end")];
        let (genuine, image) = (of(all()), of(all().split_off(2)));
        let inside = "file:conf/decoded:content";
        for (told, verb) in [(told(&genuine, &image), "removed"), (told(&image, &genuine), "added")] {
            let parts = ["a:1", "b:2"].map(|key| format!("refutes component/{verb} {inside}/{key}"));
            assert_eq!(
                lines(&told),
                [format!("refutes component/modified file:conf [{}]", parts.join(", "))]
            );
        }
    }

    #[test]
    fn a_file_that_is_gone_speaks_for_what_it_held() {
        let file = || stream("file:conf", "blk!", [piece("a:1", "one!")]).name("/etc/conf").component();
        let genuine = [around("dir:etc", [file(), piece("file:other", "rest")]), piece("z:1", "end")];
        let image = [around("dir:etc", [piece("file:other", "rest")]), piece("z:1", "end")];
        let told = told(&genuine, &image);
        let path = "dir:etc/file:conf";
        assert_eq!(
            lines(&told),
            [format!(
                "refutes component/removed {path} [refutes component/removed {path}/decoded:content/a:1]"
            )]
        );
        assert_eq!((told[0].length, &*told[0].args["name"]), (4, "/etc/conf"));
    }

    #[test]
    fn less_goes_with_more_at_one_thing_and_what_is_waived_or_alone_stays_apart() {
        let at = |kind, key: &str| from(kind, &format!("file:conf/{key}"), (0, 1));
        let defect =
            |kind, key: &str| Finding::defect(kind).at(&format!("file:conf/{key}"), "image", Span::new(0, 0));
        let unknown = |key| from(&crate::kinds::LIMIT_HIT, key, (0, 1));
        let told = |findings| lines(&told_of((8, 8), findings, &[], &[]));
        assert_eq!(
            told(vec![
                from(&MODIFIED, "file:other/a:1", (0, 1)),
                at(&MODIFIED, "a:1"),
                unknown("file:conf/l:1"),
                defect(&ODD, "b:2"),
                at(&MODIFIED, "c:3").waived("known", "2026"),
                defect(&UNCLEAR, "d:4"),
                from(&UNEXPLAINED, "file:conf", (0, 1)),
                unknown("file:conf/l:2"),
            ]),
            [
                "refutes component/modified file:other/a:1",
                "refutes component/modified file:conf [refutes component/modified file:conf/a:1, \
                 tells toy/odd file:conf/b:2, warns toy/unclear file:conf/d:4]",
                "unknown limit/hit file:conf [unknown limit/hit file:conf/l:1, unknown limit/hit file:conf/l:2]",
                "tells component/modified file:conf/c:3",
                "unknown coverage/unexplained file:conf",
            ]
        );
        assert_eq!(
            told(vec![defect(&ODD, "a:1"), defect(&UNCLEAR, "b:2"), unknown("file:conf/l:1")]),
            [
                "warns component/modified file:conf [tells toy/odd file:conf/a:1, warns toy/unclear file:conf/b:2]",
                "unknown limit/hit file:conf/l:1",
            ]
        );
    }

    #[test]
    fn what_became_of_a_thing_is_said_by_what_became_of_its_pieces() {
        let odd = |kind| Finding::defect(kind).at("file:conf/d:1", "image", Span::new(0, 0));
        let id = |kinds: &[&'static Kind], more: &[Finding]| {
            let pieces = kinds.iter().enumerate();
            let pieces = pieces.map(|(number, kind)| from(kind, &format!("file:conf/a:{number}"), (0, 1)));
            let told = told_of((8, 8), pieces.chain(more.iter().cloned()).collect(), &[], &[]);
            let [one] = &told[..] else { panic!("{told:?}") };
            (one.id(), one.effect())
        };
        for (kinds, id_of_all) in [
            (&[&ATTRIBUTES, &ATTRIBUTES][..], &ATTRIBUTES),
            (&[&ATTRIBUTES, &MODIFIED], &MODIFIED),
            (&[&REMOVED, &ERASED], &REMOVED),
            (&[&ERASED, &REMOVED], &REMOVED),
            (&[&REMOVED, &MODIFIED], &MODIFIED),
            (&[&ADDED, &DUPLICATED], &ADDED),
            (&[&DUPLICATED, &ERASED], &MODIFIED),
            (&[&MODIFIED, &OUTSIDE_RULE], &OUTSIDE_RULE),
            (&[&OUTSIDE_RULE, &NOT_RECOGNISED, &TRUST_ANCHOR], &TRUST_ANCHOR),
            (&[&OUTSIDE_RULE, &NOT_RECOGNISED], &NOT_RECOGNISED),
            (&[&NOT_RECOGNISED, &EMPTY_REFUSED], &EMPTY_REFUSED),
        ] {
            assert_eq!(id(kinds, &[]), (id_of_all.id, Effect::Refuted));
        }
        // A defect beside them changes nothing, and several of them have no sentence in common.
        assert_eq!(id(&[&ERASED], &[odd(&UNCLEAR)]), (ERASED.id, Effect::Refuted));
        assert_eq!(id(&[], &[odd(&UNCLEAR), odd(&UNCLEAR)]), (MODIFIED.id, Effect::Warning));
        assert_eq!(id(&[], &[odd(&UNCLEAR), odd(&CUT)]), (MODIFIED.id, Effect::Warning));
        assert_eq!(id(&[], &[odd(&ODD), odd(&ODD)]), (MODIFIED.id, Effect::Nothing));
    }

    #[test]
    fn a_finding_about_the_thing_itself_leads_and_keeps_what_it_says() {
        let leads = |second: Finding| {
            let findings = vec![from(&MODIFIED, "file:conf/a:1", (0, 1)), second.arg("own", "yes")];
            let told = told_of((8, 8), findings, &[], &[]);
            let [one] = &told[..] else { panic!("{told:?}") };
            (one.args.contains_key("own"), one.parts.len())
        };
        assert_eq!(leads(from(&MODIFIED, "file:conf", (0, 9))), (true, 1));
        // What is said of it in another manner is one of its parts.
        assert_eq!(leads(from(&ATTRIBUTES, "file:conf", (0, 9))), (false, 2));
        assert_eq!(leads(Finding::defect(&ODD).at("file:conf", "image", Span::new(0, 0))), (false, 2));
    }

    #[test]
    fn a_thing_runs_when_a_piece_does_and_is_new_when_all_pieces_are_or_it_says_so_itself() {
        let set = |kind, path, flags| {
            with(from(kind, path, (0, 1)), |finding| (finding.runs, finding.is_new) = flags)
        };
        let (yes, no) = (true, false);
        for (kind, own, piece, whole) in [
            (&MODIFIED, (yes, no), (no, no), (yes, no)),
            (&MODIFIED, (no, no), (yes, no), (yes, no)),
            (&MODIFIED, (no, yes), (no, no), (no, yes)),
            (&MODIFIED, (no, no), (no, yes), (no, yes)),
            // It does not lead.
            (&ATTRIBUTES, (no, yes), (yes, no), (yes, no)),
            (&ATTRIBUTES, (yes, yes), (no, yes), (yes, yes)),
        ] {
            let findings = vec![set(kind, "file:conf", own), set(&MODIFIED, "file:conf/a:1", piece)];
            let told = told_of((8, 8), findings, &[], &[]);
            let all: Vec<_> = told.iter().map(|one| (one.runs, one.is_new)).collect();
            assert_eq!(all, [whole], "{} {own:?} {piece:?}", kind.id);
        }
    }

    #[test]
    fn a_thing_is_placed_where_the_image_has_it_or_where_its_missing_pieces_were() {
        let file = |a: &str, b: &str| {
            let inside = [piece("a:1", a), piece("b:2", b)];
            stream("file:conf", "blk!", inside).kind("text").name("/conf").component()
        };
        let deep = stream("gz:9", "zz", [piece("in:1", "a long content")]);
        let gone = around("dir:gone", [piece("y:1", "yy"), deep, piece("w:3", "www")]);
        let lost = stream("file:lost", "blk!", [piece("l:1", "one!"), piece("l:2", "two!")]);
        let of = |inside: Vec<Piece>| vec![piece("a:1", "one!"), stream("fs:1", "packed", inside)];
        let genuine = of(vec![file("one!", "two!"), lost.name("/lost").component(), gone]);
        let image = of(vec![file("1111", "2222")]);
        let fs = "fs:1/decoded:content";
        let lost = format!("{fs}/file:lost");
        let told = told_by(Trial::of(&genuine).waiving("component/removed", &lost, Some("")), &image);
        let all: Vec<_> = told.iter().map(|one| (one.id(), &*one.path, one.parts.len())).collect();
        let at = ["file:conf", "file:lost", "file:lost", "dir:gone"].map(|key| format!("{fs}/{key}"));
        assert_eq!(
            all,
            [
                (MODIFIED.id, &*at[0], 2),
                (REMOVED.id, &*at[1], 0),
                (MODIFIED.id, &*at[2], 2),
                (REMOVED.id, &*at[3], 4),
            ]
        );
        let places = told.iter().map(|one| {
            let word = |name| one.args.get(name).map(String::as_str);
            let place = (&*one.space, one.offset, one.length);
            (place, one.within.as_deref(), word("kind"), word("name"))
        });
        assert_eq!(
            places.collect::<Vec<_>>(),
            [
                (("fs:1", 0, 4), Some("/conf"), Some("text"), Some("/conf")),
                (("fs:1", 4, 4), Some("fs"), Some("file"), Some("/lost")),
                ((&*lost, 0, 8), Some("/lost"), Some("file"), Some("/lost")),
                (("fs:1", 8, 7), Some("fs"), Some("dir"), None),
            ]
        );
        assert!(told.iter().all(|one| one.image == Some(Span::new(4, 6))));
    }

    #[test]
    fn the_words_of_its_pieces_are_a_things_too() {
        let at = |key: &str| from(&UNDECODABLE, &format!("file:conf/{key}"), (0, 1));
        let (first, second) = (at("a:1").arg("count", 2), at("b:2").arg("count", 3));
        let third = at("c:3").arg("format", "gzip");
        let told = told_of((8, 8), vec![first, second, third], &[], &[]);
        assert_eq!((&*told[0].args["count"], &*told[0].args["format"]), ("5", "gzip"));
        let other = from(&ATTRIBUTES, "file:conf/d:4", (0, 1)).arg("count", 7);
        let told = told_of((8, 8), vec![at("a:1").arg("count", 2), other.clone(), other], &[], &[]);
        assert_eq!((told[0].id(), told[0].args.get("count")), (MODIFIED.id, None));
    }

    #[test]
    fn what_was_not_read_accuses_nobody_and_what_was_put_in_was_seen() {
        let findings = || {
            vec![
                from(&MODIFIED, "a:1", (0, 4)),
                from(&MODIFIED, "b:2", (4, 8)),
                Finding::defect(&UNCLEAR).at("c:3", "image", Span::new(5, 0)),
                Finding::defect(&UNCLEAR).at("d:4", "image", Span::new(3, 0)),
                put_in("e:5", (4, 8)),
                from(&MODIFIED, "f:6", (4, 8)).waived("known", "2026"),
                from(&PARTIAL, "g:7", (4, 8)),
                with(from(&MODIFIED, "h:8", (0, 1)), |inner| inner.image = Some(Span::new(5, 1))),
            ]
        };
        let told = told_of((8, 8), findings(), &[], &[Span::new(5, 2), Span::new(0x10, 1)]);
        assert_eq!(
            lines(&told),
            [
                "unknown image/unread image [refutes component/modified b:2, warns toy/unclear c:3, \
                 refutes component/modified h:8]",
                "refutes component/added e:5",
                "refutes component/modified a:1",
                "warns toy/unclear d:4",
                "tells component/modified f:6",
                "unknown coverage/partial g:7",
            ]
        );
        let lost = &told[0];
        assert_eq!((lost.offset, lost.length, &*lost.args["bytes"], &*lost.args["count"]), (5, 2, "3", "2"));
        assert_eq!(told_of((8, 8), findings(), &[], &[]).len(), findings().len());
        assert_eq!(
            lines(&told_of((8, 8), Vec::new(), &[], &[Span::new(5, 2)])),
            ["unknown image/unread image"]
        );
    }

    #[test]
    fn a_file_of_one_value_explains_all_that_is_amiss_in_it() {
        let findings = || {
            vec![
                from(&MODIFIED, "a:1", (0, 1)),
                from(&WITHIN_RULE, "b:2", (0, 1)),
                from(&UNEXPLAINED, "c:3", (0, 1)),
            ]
        };
        let told = |sizes, run| told_of(sizes, findings(), &[run], &[]);
        let all = told((8, 16), blank(0, 8, 0xff));
        let unexplained = "unknown coverage/unexplained c:3";
        assert_eq!(
            lines(&all),
            [
                "refutes image/uniform image [refutes component/modified a:1, tells mutable/within-rule b:2]",
                unexplained
            ]
        );
        assert_eq!((all[0].length, &*all[0].args["value"]), (8, "ff"));
        let apart = ["refutes component/modified a:1", "tells mutable/within-rule b:2", unexplained];
        assert_eq!(lines(&told((8, 8), blank(0, 7, 0xff)))[1..], apart[1..]);
        assert_eq!(lines(&told((0, 0), blank(0, 0, 0xff))), apart);
    }

    #[test]
    fn a_short_file_explains_what_lies_behind_its_end_or_is_cut_off_there() {
        let defect = |kind, path, at| Finding::defect(kind).at(path, "image", Span::new(at, 0));
        let findings = || {
            vec![
                from(&MODIFIED, "a:1", (4, 8)),
                from(&MODIFIED, "b:2", (6, 9)),
                from(&NOT_ERASED, "c:3", (4, 8)),
                from(&NOT_ERASED, "d:4", (2, 6)),
                defect(&CUT, "e:5", 2),
                defect(&UNCLEAR, "f:6", 2),
                defect(&UNCLEAR, "g:7", 8),
                put_in("h:8", (6, 10)),
                from(&LAYOUT_DISAGREES, "image", (0, 16)),
                from(&LAYOUT_DISAGREES, "image", (0, 4)),
                from(&PARTIAL, "i:9", (6, 10)),
            ]
        };
        let told = told_of((8, 16), findings(), &[], &[]);
        let left = [
            "refutes component/added h:8",
            "refutes component/modified a:1",
            "refutes fill/not-erased d:4",
            "warns toy/unclear f:6",
            "warns toy/unclear g:7",
            "refutes layout/disagrees image",
            "unknown coverage/partial i:9",
        ];
        let short = "refutes image/shorter image [refutes component/modified b:2, refutes fill/not-erased c:3, \
                     warns toy/cut e:5, refutes layout/disagrees image]";
        assert_eq!(lines(&told)[..1], [short]);
        assert_eq!(lines(&told)[1..], left);
        let short = &told[0];
        assert_eq!((short.offset, short.length, &*short.args["bytes"]), (8, 8, "8"));
        assert_eq!((short.expected.as_deref(), short.actual.as_deref()), (Some("16 bytes"), Some("8 bytes")));
        // It is short also where nothing else is amiss, and as long as it should be it is not.
        assert_eq!(lines(&told_of((8, 9), Vec::new(), &[], &[])), ["tells image/shorter image"]);
        assert_eq!(told_of((8, 8), findings(), &[], &[]).len(), findings().len());
    }

    #[test]
    fn a_long_file_explains_what_is_blank_behind_the_end_of_the_reference() {
        let findings = || {
            vec![
                from(&ADDED, "a:1", (8, 12)),
                from(&ADDED, "b:2", (6, 12)),
                from(&ADDED, "c:3", (10, 16)),
                from(&UNEXPLAINED, "d:4", (8, 12)),
                from(&MODIFIED, "e:5", (0, 4)),
                Finding::defect(&UNCLEAR).at("f:6", "image", Span::new(12, 0)),
            ]
        };
        let told = told_of((16, 8), findings(), &[blank(2, 14, 0xff)], &[]);
        assert_eq!(
            lines(&told),
            [
                "refutes image/longer image [refutes component/added a:1, warns toy/unclear f:6]",
                "refutes component/added b:2",
                "refutes component/added c:3",
                "unknown coverage/unexplained d:4",
                "refutes component/modified e:5",
            ]
        );
        let long = &told[0];
        assert_eq!((long.offset, long.length, &*long.args["bytes"]), (8, 8, "8"));
        assert_eq!((long.expected.as_deref(), long.actual.as_deref()), (Some("8 bytes"), Some("16 bytes")));
        let at_the_end = Finding::defect(&UNCLEAR).at("f:6", "image", Span::new(16, 0));
        assert_eq!(lines(&told_of((16, 16), vec![at_the_end], &[], &[])), ["warns toy/unclear f:6"]);
    }

    #[test]
    fn blocks_that_were_not_read_explain_what_they_hold_and_what_can_no_longer_be_opened() {
        let (zeros, erased) = (blank(0x1000, 0x2000, 0), blank(0x3000, 0x4000, 0xff));
        let inner = |kind, space| Finding::new(kind).at("gz:1/decoded:content/x:1", space, Span::new(0, 1));
        let within = |finding, part| with(finding, |one| one.parts = vec![part]);
        let (in_zeros, in_erased, around) = ((0x1800, 0x1900), (0x3000, 0x4000), (0x800, 0x2800));
        let decoded = || with(inner(&MODIFIED, "gz:1"), |one| one.image = Some(zeros.span));
        for (finding, by) in [
            (from(&MODIFIED, "t:1", in_zeros), Some("00")),
            (from(&MODIFIED, "t:1", in_erased), Some("ff")),
            (from(&MODIFIED, "t:1", around), None),
            (decoded(), None),
            (put_in("t:1", in_zeros), None),
            (from(&PARTIAL, "t:1", in_zeros), None),
            // What should be erased, or may be, is not explained by being so.
            (from(&NOT_ERASED, "t:1", in_erased), None),
            (from(&NOT_ERASED, "t:1", in_zeros), Some("00")),
            (from(&ADDED, "t:1", in_erased), None),
            (from(&ADDED, "t:1", in_zeros), Some("00")),
            (from(&OUTSIDE_RULE, "t:1", in_erased), None),
            (from(&OUTSIDE_RULE, "t:1", in_zeros), Some("00")),
            // A block inside shuts what goes on behind it.
            (from(&UNDECODABLE, "t:1", around), Some("00")),
            (from(&UNDECODABLE, "t:1", (0x800, 0x1800)), None),
            // What does not end as a block does was always there.
            (from(&UNDECODABLE, "t:1", (0x4800, 0x7000)), None),
            (within(from(&MODIFIED, "t:1", around), inner(&REMOVED, "gz:1")), Some("00")),
            (within(from(&MODIFIED, "t:1", around), inner(&REMOVED, "image")), None),
            (within(from(&MODIFIED, "t:1", around), inner(&MODIFIED, "gz:1")), None),
        ] {
            let what = line(&finding);
            let told = told_of((8, 8), vec![finding], &[zeros, erased, blank(0x5000, 0x6800, 0)], &[]);
            let cause = told.iter().find(|one| one.is_of(&[&NOT_READ]));
            assert_eq!(cause.map(|cause| &*cause.args["value"]), by, "{what}");
            let line = |cause: &Finding| cause.parts.iter().map(line).collect::<Vec<_>>();
            assert_eq!(cause.map(line).unwrap_or_else(|| lines(&told)), [what]);
        }
        let pieces = vec![
            from(&MODIFIED, "a:1", in_erased),
            within(from(&MODIFIED, "b:2", in_zeros), from(&MOVED, "b:2/c:1", (0, 1))),
            from(&MODIFIED, "file:f/a:1", in_zeros),
            from(&MODIFIED, "file:f/b:2", (0x1900, 0x1a00)),
        ];
        let told = told_of((8, 8), pieces, &[zeros, erased], &[]);
        let counts = told.iter().map(|cause| (cause.offset, &*cause.args["bytes"], &*cause.args["count"]));
        assert_eq!(counts.collect::<Vec<_>>(), [(0x1000, "4096", "3"), (0x3000, "4096", "1")]);
    }

    #[test]
    fn things_are_called_as_people_call_them() {
        let noun = |finding: &Finding| {
            tally(std::slice::from_ref(finding))
                .into_keys()
                .map(|(noun, _)| noun)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let of = |path, kind| from(&MODIFIED, path, (0, 1)).arg("kind", kind);
        for (path, kind, name) in [
            ("file:passwd/line:admin", "account", "account"),
            ("file:shadow/line:admin", "account-secret", "password"),
            ("file:ttys/line:1", "login-line", "login-line"),
            ("file:rcS", "script", "script"),
            ("file:inittab/line:1", "boot-line", "script"),
            ("file:net/a:1", "setting-comment", "setting"),
            ("file:ls", "elf-section", "program"),
            ("file:readme", "text", "file"),
            ("fs:1/entry:7", "inode", "file"),
            ("uefi-file:x", "uefi-file", "file"),
            ("dir:etc", "dir", "directory"),
            ("dir:etc/entry:self", "entry", "directory"),
            ("link:sh", "link", "link"),
            ("device:null", "device", "special-file"),
            ("whiteout:a", "whiteout", "special-file"),
            ("fifo:a", "fifo", "special-file"),
            ("socket:a", "socket", "special-file"),
            ("args:1", "boot-argument", "boot-argument"),
            ("variable:Setup", "uefi-variable", "variable"),
            ("dead-variable:Setup", "uefi-variable", "variable"),
            ("node:a/property:b", "property", "property"),
            ("node:a/node:b", "node", "property"),
            ("partition:env", "partition", "partition"),
            ("found:0", "partition", "partition"),
            ("partition:env", "data", "part"),
            ("uefi-volume:1", "uefi-volume", "volume"),
            ("uefi-volume:1", "data", "part"),
            ("box:1", "partition", "part"),
            ("box", "uefi-volume", "part"),
        ] {
            assert_eq!(noun(&of(path, kind)), name, "{path} {kind}");
        }
        assert_eq!(noun(&from(&REENCODED, "file:a", (0, 1)).arg("kind", "account")), "container");
        for (path, name) in [("file:ls", "program"), ("uefi-file:x", "driver"), ("link:a", "link")] {
            assert_eq!(noun(&with(of(path, "data"), |one| one.runs = true)), name);
        }
        // Files are called by what is told in them.
        let holds = |kind| {
            of("file:conf", "file").with_parts(vec![of("file:conf/a:1", "x"), of("file:conf/b:1", kind)])
        };
        assert_eq!(
            ["boot-line", "setting", "data"].map(|kind| noun(&holds(kind))),
            ["script", "setting", "file"]
        );
    }

    #[test]
    fn people_are_counted_one_by_one_and_what_nobody_has_seen_is_not_counted() {
        let of = |kind| from(&ADDED, "file:passwd/line:a", (0, 1)).arg("kind", kind);
        let counts = |finding: &Finding| {
            let told = tally(std::slice::from_ref(finding)).into_iter();
            told.map(|((noun, verb), count)| format!("{count} {noun} {verb}")).collect::<Vec<_>>()
        };
        let file = from(&MODIFIED, "file:passwd", (0, 1)).arg("kind", "file");
        let people =
            |kinds: &[&'static str]| file.clone().with_parts(kinds.iter().copied().map(of).collect());
        assert_eq!(
            counts(&people(&["account", "account", "account-secret", "login-line"])),
            ["2 account added", "1 login-line added", "1 password added"]
        );
        assert_eq!(counts(&people(&["account", "line"])), ["1 file changed"]);
        let over = |kind| Finding::over(kind, vec![file.clone(), of("account")], Effect::Refuted);
        for unseen in [&UNIFORM, &NOT_READ, &SHORTER, &UNREAD] {
            assert_eq!(counts(&over(unseen)), [""; 0], "{}", unseen.id);
        }
        assert_eq!(counts(&over(&LONGER)), ["1 account added", "1 file changed"]);
        let padding = from(&MODIFIED, "padding:0", (0, 1)).arg("kind", "padding-of-a-file");
        assert_eq!(counts(&padding), [""; 0]);
        assert_eq!(counts(&padding.with_parts(vec![file.clone()])), ["1 part changed"]);
        for (kind, verb) in [
            (&REORDERED, "moved"),
            (&ATTRIBUTES, "changed"),
            (&NOT_ERASED, "changed"),
            (&LAYOUT_DISAGREES, "changed"),
            (&NOT_RECOGNISED, "changed"),
            (&OUTSIDE_RULE, "changed"),
        ] {
            assert_eq!(counts(&from(kind, "file:a", (0, 1))), [format!("1 file {verb}")]);
        }
        let new = |kind| counts(&with(from(kind, "file:a", (0, 1)), |one| one.is_new = true));
        assert_eq!([new(&OUTSIDE_RULE), new(&MODIFIED)], [["1 file added"], ["1 file changed"]]);
        for kind in ["elf-section", "pe-section", "te-section"] {
            for part in [&ADDED, &DUPLICATED, &REMOVED, &ERASED] {
                assert_eq!(counts(&from(part, "file:a", (0, 1)).arg("kind", kind)), ["1 program changed"]);
            }
            assert_eq!(counts(&from(&MOVED, "file:a", (0, 1)).arg("kind", kind)), ["1 program moved"]);
        }
    }

    #[test]
    fn counting_below_a_path_takes_whole_steps() {
        let counts = Counts::of(["a", "a/b", "a/b/c", "a/bc", "a-b", "a0", "b"].into_iter());
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
