//! What the tests of all checks share: an image out of pieces, a reference made of one, and what is said of another.

#![allow(clippy::arithmetic_side_effects, reason = "tests")]

use std::rc::Rc;

use kiwame_image::{
    Builder, Content, Defect, DefectKind, Fact, Input, LimitKind, Limits, Memory, Node, Normal, Options,
    Partition, Span, Stage, Tree, Trouble, Value, len64,
};
use kiwame_trust::manifest::{Coverage, ImageReference, Layout, Manifest};
use kiwame_trust::policy::{Accept, Waiver};
use kiwame_trust::rules::{FileRule, Grammar, KeyRule, Mutable, MutableRule, WhenEmpty};
use kiwame_trust::{Rule, Time};

use crate::kinds::MORE;
use crate::{Assessment, CHECKS, Check, Finding, SETTLERS, Settler, Terms, Tier, reference_regions};

/// A region to be, with its bytes and all that lies in it.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    step: (&'static str, &'static str),
    kind: &'static str,
    bytes: Vec<u8>,
    content: Content,
    facts: Vec<(&'static Fact, Value)>,
    name: Option<&'static str>,
    order: Option<u32>,
    component: bool,
    remains: bool,
    searched: bool,
    rewritten: bool,
    shown: bool,
    mask: Option<(u64, u64)>,
    inside: Vec<Self>,
    decoded: Option<Vec<Self>>,
    form: Option<(&'static str, &'static str)>,
    defect: Option<(&'static DefectKind, u64)>,
    limit: Option<LimitKind>,
}

/// Parsed bytes, which the path calls so: `format:key`.
pub(crate) fn piece(step: &'static str, bytes: impl AsRef<[u8]>) -> Piece {
    let step = step.split_once(':').expect("format:key");
    Piece {
        step,
        kind: step.0,
        bytes: bytes.as_ref().to_vec(),
        content: Content::Parsed,
        facts: Vec::new(),
        name: None,
        order: None,
        component: false,
        remains: false,
        searched: false,
        rewritten: false,
        shown: false,
        mask: None,
        inside: Vec::new(),
        decoded: None,
        form: None,
        defect: None,
        limit: None,
    }
}

/// So many erased bytes.
pub(crate) fn fill(step: &'static str, length: usize) -> Piece {
    Piece { content: Content::Fill, ..piece(step, vec![0xff; length]) }
}

/// Pieces one behind the other, as one region.
pub(crate) fn around(step: &'static str, inside: impl AsRef<[Piece]>) -> Piece {
    let inside = inside.as_ref().to_vec();
    Piece { bytes: bytes_of(&inside), inside, ..piece(step, "") }
}

/// A stream of these bytes, which decodes to some pieces.
pub(crate) fn stream(step: &'static str, bytes: &str, decoded: impl AsRef<[Piece]>) -> Piece {
    let decoded = Some(decoded.as_ref().to_vec());
    Piece { content: Content::Encoded, decoded, ..piece(step, bytes) }
}

impl Piece {
    pub(crate) fn with(mut self, fact: &'static Fact, value: impl Into<Value>) -> Self {
        self.facts.push((fact, value.into()));
        self
    }

    pub(crate) fn is(self, fact: &'static Fact) -> Self {
        self.with(fact, true)
    }

    /// As a root file system has its files: mode, owner and no extended attributes.
    pub(crate) fn owned(self, mode: &str, uid: u64) -> Self {
        use kiwame_image::fact::{GID, MODE, UID, XATTRS};
        self.with(&MODE, mode).with(&UID, uid).with(&GID, uid).with(&XATTRS, "none")
    }

    pub(crate) fn kind(self, kind: &'static str) -> Self {
        Self { kind, ..self }
    }

    pub(crate) fn content(self, content: Content) -> Self {
        Self { content, ..self }
    }

    pub(crate) fn component(self) -> Self {
        Self { component: true, ..self }
    }

    pub(crate) fn remains(self) -> Self {
        Self { remains: true, ..self }
    }

    pub(crate) fn searched(self) -> Self {
        Self { searched: true, ..self }
    }

    pub(crate) fn rewritten(self) -> Self {
        Self { rewritten: true, ..self }
    }

    /// Compared as one, whatever lies in it.
    pub(crate) fn shown(self) -> Self {
        Self { shown: true, ..self }
    }

    pub(crate) fn order(self, order: u32) -> Self {
        Self { order: Some(order), ..self }
    }

    pub(crate) fn name(self, name: &'static str) -> Self {
        Self { name: Some(name), ..self }
    }

    /// So many of its first bytes only encode.
    pub(crate) fn mask(self, length: u64) -> Self {
        Self { mask: Some((0, length)), ..self }
    }

    /// What a loader would read of it.
    pub(crate) fn form(self, name: &'static str, form: &'static str) -> Self {
        Self { form: Some((name, form)), ..self }
    }

    pub(crate) fn defect(self, kind: &'static DefectKind, found: u64) -> Self {
        Self { defect: Some((kind, found)), ..self }
    }

    /// A limit is hit in it.
    pub(crate) fn limit(self, kind: LimitKind) -> Self {
        Self { limit: Some(kind), ..self }
    }
}

fn bytes_of(pieces: &[Piece]) -> Vec<u8> {
    pieces.iter().flat_map(|piece| piece.bytes.iter().copied()).collect()
}

/// Takes a region apart into pieces, whatever its bytes are.
#[derive(Debug)]
struct Plan {
    pieces: Vec<Piece>,
    shown: bool,
    limit: Option<LimitKind>,
}

impl<'a> Stage<'a> for Plan {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Some(kind) = self.limit {
            out.trouble(Trouble::Limit(kind));
        }
        if self.shown {
            out.shown();
        }
        let mut from = 0;
        for piece in &self.pieces {
            let length = len64(&piece.bytes);
            add(piece, at.slice(from, length), out);
            from += length;
        }
    }
}

fn add<'a>(piece: &Piece, at: Input<'a>, out: &mut Builder<'_, 'a>) {
    let offset = at.offset();
    let (format, key) = piece.step;
    let mut node = Node::new(format, key, piece.kind, at);
    node = piece.facts.iter().fold(node, |node, (fact, value)| node.with(fact, value.clone()));
    node = piece.name.into_iter().fold(node, Node::name);
    node = piece.order.into_iter().fold(node, Node::order);
    node = piece.mask.into_iter().fold(node, |node, mask| node.mask([mask]));
    let marks: [(bool, Mark<'a>); 6] = [
        (piece.component, Node::component),
        (piece.remains, Node::remains),
        (piece.searched, Node::searched),
        (piece.rewritten, Node::rewritten),
        (piece.content == Content::Unknown, Node::unknown),
        (piece.content == Content::Encoded, Node::encoded),
    ];
    for (wanted, set) in marks {
        node = if wanted { set(node) } else { node };
    }
    let deeper = Plan { pieces: piece.inside.clone(), shown: piece.shown, limit: piece.limit };
    if piece.content == Content::Closed {
        node = node.then_with(Rc::new(Shut));
    } else if !deeper.pieces.is_empty() || deeper.shown || deeper.limit.is_some() {
        node = node.then_with(Rc::new(deeper));
    }
    let added = if piece.content == Content::Fill { out.add_fill(node, 0xff) } else { out.add(node) };
    let id = added.expect("pieces lie one behind the other");
    if let Some(decoded) = &piece.decoded {
        let bytes = bytes_of(decoded);
        let plan = Plan { pieces: decoded.clone(), shown: false, limit: None };
        out.decoded_with(id, bytes, "content", Rc::new(plan));
    }
    if let Some((name, form)) = piece.form {
        let mut normal = Normal::new(name);
        normal.record(form);
        if out.wants_normal() {
            out.normal(id, &normal);
        }
    }
    if let Some((kind, found)) = piece.defect {
        out.defect_of(id, Defect::new(kind, "field", offset, found, 0u64));
    }
}

/// Says something of a region to be.
type Mark<'a> = fn(Node<'a>) -> Node<'a>;

/// Leaves a region in one piece.
#[derive(Debug)]
struct Shut;

impl<'a> Stage<'a> for Shut {
    fn parse(&self, _: Input<'a>, out: &mut Builder<'_, 'a>) {
        out.closed();
    }
}

/// The image that these pieces make.
pub(crate) fn tree(pieces: &[Piece]) -> Tree {
    tree_of("toy", pieces, true)
}

/// The same, read by a format of that name, with normal forms or without.
pub(crate) fn tree_of(format: &'static str, pieces: &[Piece], normal: bool) -> Tree {
    let bytes = bytes_of(pieces);
    let size = len64(&bytes);
    let plan = Plan { pieces: pieces.to_vec(), shown: false, limit: None };
    let options = Options { normal, ..Options::default() };
    let host = Memory::new([bytes]);
    kiwame_image::parse_with(&host, (0, size), format, Rc::new(plan), &Limits::default(), &options)
        .expect("memory can be read")
}

/// A complete reference for these very pieces.
pub(crate) fn reference(tree: &Tree) -> ImageReference {
    ImageReference {
        name: "image".to_owned(),
        digests: tree.image_digest().cloned().into_iter().collect(),
        unknown_digests: Vec::new(),
        format: tree.format().to_owned(),
        size: tree.spaces()[0].size,
        erase_value: 0xff,
        required: true,
        coverage: Coverage::Complete,
        anchor: None,
        files: None,
        layout: Vec::new(),
        regions: reference_regions(tree, &[]),
    }
}

/// A maker, a buyer, and a reference.
#[derive(Clone, Debug)]
pub(crate) struct Trial {
    pub(crate) manifest: Manifest,
    pub(crate) reference: ImageReference,
    pub(crate) rule: Rule,
    pub(crate) waivers: Vec<Waiver>,
    pub(crate) ended: Vec<Waiver>,
    /// By all of them, unless a test is about fewer.
    pub(crate) settlers: Vec<Settler>,
    pub(crate) checks: &'static [Check],
}

impl Trial {
    /// With the genuine image for a reference, no rule, and a policy that lives with nothing.
    pub(crate) fn of(genuine: &[Piece]) -> Self {
        Self {
            manifest: Manifest::default(),
            reference: reference(&tree(genuine)),
            rule: Rule::default(),
            waivers: Vec::new(),
            ended: Vec::new(),
            settlers: SETTLERS.to_vec(),
            checks: CHECKS,
        }
    }

    /// The maker lets something differ.
    pub(crate) fn ruled(mut self, path: &str, rule: Mutable) -> Self {
        let path = path.to_owned();
        let when_empty = WhenEmpty::default();
        self.manifest.mutable.push(MutableRule { path, rule, remains_max_bytes: 0, when_empty });
        self
    }

    /// The buyer lets something differ that the maker does not describe.
    pub(crate) fn ruled_by_buyer(mut self, path: &str, rule: Mutable) -> Self {
        let path = path.to_owned();
        let when_empty = WhenEmpty::default();
        self.rule.mutable.push(MutableRule { path, rule, remains_max_bytes: 0, when_empty });
        self
    }

    /// The last rule allows so many bytes that nothing reaches.
    pub(crate) fn remains(mut self, most: u64) -> Self {
        self.manifest.mutable.last_mut().expect("a rule").remains_max_bytes = most;
        self
    }

    /// What the last rule says of an empty place.
    pub(crate) fn when_empty(mut self, when: WhenEmpty) -> Self {
        self.manifest.mutable.last_mut().expect("a rule").when_empty = when;
        self
    }

    /// The maker names a partition; the device may write there.
    pub(crate) fn layout(mut self, name: &str, (offset, length): (u64, u64), written: bool) -> Self {
        let (name, span) = (name.to_owned(), Span::new(offset, length));
        let part = Partition { name, span, erase_block: None, environment: None };
        self.reference.layout.push(Layout { part, written, format: None });
        self
    }

    /// The maker lists only what is listed.
    pub(crate) fn partial(mut self) -> Self {
        self.reference.coverage = Coverage::Partial;
        self
    }

    /// The buyer lives with a finding.
    pub(crate) fn waiving(mut self, finding: &str, path: &str, found: Option<&str>) -> Self {
        self.waivers.push(waiver(finding, path, found));
        self
    }

    pub(crate) fn judge_tree(&self, tree: &Tree) -> Assessment {
        let (waivers, ended) = (self.waivers.iter().collect(), self.ended.iter().collect());
        let terms = Terms { rule: &self.rule, waivers, ended };
        crate::case::appraise_by(&self.settlers, self.checks, tree, &self.manifest, &self.reference, &terms)
    }

    pub(crate) fn judge(&self, image: &[Piece]) -> Assessment {
        self.judge_tree(&tree(image))
    }

    /// Every finding as id and path.
    pub(crate) fn says(&self, image: &[Piece]) -> Vec<String> {
        said(&self.judge(image))
    }

    /// How each measured region stands when the settlers are done, in pre-order.
    pub(crate) fn outcomes(&self, image: &[Piece]) -> Vec<String> {
        let mut trial = Self { checks: &[], ..self.clone() };
        trial.settlers.push(TELL);
        let findings = trial.judge(image).findings;
        let told = findings.iter().filter_map(|finding| finding.args.get("outcome")).cloned();
        told.collect()
    }

    pub(crate) fn tier(&self, image: &[Piece]) -> Tier {
        self.judge(image).verdict.tier
    }

    pub(crate) fn affirms(&self, image: &[Piece]) -> bool {
        self.tier(image) == Tier::Affirming
    }
}

/// Tells how the regions stand.
const TELL: Settler = Settler {
    settle: |case, found| {
        for region in case.measured() {
            let outcome = case.matches.get(&region.id).map(|outcome| format!("{outcome:?}"));
            found.report(Finding::new(&MORE).arg("outcome", outcome.unwrap_or_default()));
        }
    },
    kinds: &[],
};

/// Every finding as id and path.
pub(crate) fn said(assessment: &Assessment) -> Vec<String> {
    assessment.findings.iter().map(|finding| format!("{} {}", finding.id(), finding.path)).collect()
}

pub(crate) fn waiver(finding: &str, path: &str, found: Option<&str>) -> Waiver {
    let until = "2026-12-31T00:00:00Z".to_owned();
    assert!(Time::parse(&until).is_ok());
    Waiver {
        finding: finding.to_owned(),
        path: path.to_owned(),
        found: found.map(str::to_owned),
        reason: "known".to_owned(),
        until,
    }
}

pub(crate) fn accept(path: &str, max_bytes: Option<u64>, sha256: &[String]) -> Vec<Accept> {
    vec![Accept { path: path.to_owned(), max_bytes, sha256: sha256.to_vec() }]
}

/// A key that must be there, and the grammar of its value.
pub(crate) fn key(name: &str, value: &str) -> KeyRule {
    let value = Grammar::read(value, "value").expect("a grammar");
    KeyRule { name: name.to_owned(), value, optional: false }
}

/// A key that may be absent.
pub(crate) fn may(name: &str, value: &str) -> KeyRule {
    KeyRule { optional: true, ..key(name, value) }
}

/// A file that nobody reads, of so many bytes at most.
pub(crate) fn file(name: &str, max_bytes: u64) -> FileRule {
    FileRule { name: name.to_owned(), format: None, keys: Vec::new(), max_bytes, optional: false }
}
