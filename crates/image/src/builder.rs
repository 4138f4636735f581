//! Parsers write here. The builder owns the regions, fills the gaps, and keeps the worklist.
//!
//! The worklist is a stack, so that a decoded space is taken apart, measured and dropped before the next stream
//! is decoded, and so that no input can make the program's own stack deep.

use std::rc::Rc;

use crate::claim::MOST_SIGNATURE;
use crate::defect::{CLAIM_DIGEST, OUTSIDE, OVERLAP, SPACE_OUTSIDE, SPACE_SHARED};
use crate::input::{Context, Store};
use crate::pieces::{self, Pieces};
use crate::{
    Attribute, Budget, Claim, Content, Defect, Digest, Endian, Excerpt, Fact, Form, Format, Guid, Host,
    Input, LimitKind, Limits, Normal, Opening, Openings, Piece, Place, ReadError, Recognised, Recogniser,
    Region, RegionId, Says, Segment, Settings, SettingsFile, Space, SpaceId, Span, Sum, Tree, Trouble, Value,
    fact, len64, to_usize,
};

/// What a run measures.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Also give a digest to every region that formats list for people (program images, files that contain
    /// volumes), although smaller regions below them are the ones compared.
    pub list_digests: bool,
    /// SHA-256 of the whole image, when the caller knows it already.
    pub image_digest: Option<Digest>,
    /// Partitions of an image that does not say where they are.
    pub layout: Vec<Partition>,
    /// Name of the format that the signed manifest reads the image by: it goes before whatever else is recognised.
    pub reading: Option<String>,
    /// Settings files that are split key by key.
    pub settings: Vec<SettingsFile>,
    /// Also make the normal form of every container (RULES 2). It costs a second look at each of its records.
    pub normal: bool,
    /// Also give a digest to every decoded space as a whole, for comparing with what other programs read.
    pub spaces: bool,
    /// How far the files of file systems are taken apart.
    pub openings: Openings,
    /// Bytes that are wanted back with the tree.
    pub excerpt: Option<Excerpt>,
    /// Who recognises what no format knows by itself. Without anybody, such bytes are leaves.
    pub recogniser: Option<&'static dyn Recogniser>,
}

/// A partition of an image that does not say where its parts are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    /// Its name.
    pub name: String,
    /// Where it lies in the image.
    pub span: Span,
    /// Size in bytes of the medium's erase blocks there, where that is known: flash file systems are read by it.
    pub erase_block: Option<u64>,
    /// How the boot loader's environment there is laid out, where a signed reference has one of two.
    pub environment: Option<Environment>,
}

/// How a boot loader was built to read its environment: only by that can be told that a copy is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Bytes that the checksum covers, it included.
    pub size: u64,
    /// Byte order of the checksum.
    pub order: Endian,
}

/// A region to be added.
#[derive(Debug)]
pub struct Node<'a> {
    input: Input<'a>,
    segment: Segment,
    kind: &'static str,
    name: Option<String>,
    guid: Option<Guid>,
    content: Content,
    attributes: Vec<Attribute>,
    order: Option<u32>,
    component: bool,
    listed: bool,
    mask: Vec<Span>,
    erase_block: Option<u64>,
    remains: bool,
    searched: bool,
    rewritten: bool,
    next: Option<Next<'a>>,
}

/// What takes a region apart later.
#[derive(Clone, Debug)]
enum Next<'a> {
    Format(&'static dyn Format),
    Stage(Rc<dyn Stage<'a> + 'a>),
}

/// A step of taking apart that needs more than the bytes of its region: what was learned from other regions, such as
/// where a file system keeps the blocks of a file. A [`Format`] that knows enough from its bytes needs none.
pub trait Stage<'a>: core::fmt::Debug {
    /// As [`Format::parse`].
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>);
}

impl<'a> Stage<'a> for &'static dyn Format {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        Format::parse(*self, at, out);
    }
}

impl<'a> Node<'a> {
    /// A region over `input`, which the path calls `format:key`. A leaf of parsed content until more is said.
    #[must_use]
    pub fn new(format: &'static str, key: impl AsRef<[u8]>, kind: &'static str, input: Input<'a>) -> Self {
        Self {
            input,
            segment: Segment::new(format, key),
            kind,
            name: None,
            guid: None,
            content: Content::Parsed,
            attributes: Vec::new(),
            order: None,
            component: false,
            listed: false,
            mask: Vec::new(),
            erase_block: None,
            remains: false,
            searched: false,
            rewritten: false,
            next: None,
        }
    }

    /// What people call it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its GUID.
    #[must_use]
    pub fn guid(mut self, guid: Guid) -> Self {
        self.guid = Some(guid);
        self
    }

    /// Adds a fact about what it is, or how it is encoded.
    #[must_use]
    pub fn with(mut self, fact: &'static Fact, value: impl Into<Value>) -> Self {
        self.attributes.push(Attribute { fact, value: value.into() });
        self
    }

    /// Names the bytes of a header, counted from its start, that only encode: they may differ when the content
    /// is equal (RULES 2).
    #[must_use]
    pub fn mask(mut self, fields: impl IntoIterator<Item = (u64, u64)>) -> Self {
        self.mask.extend(fields.into_iter().map(|(offset, length)| Span::new(offset, length)));
        self
    }

    /// The medium's erase blocks in it have so many bytes; see [`Builder::erase_block`].
    #[must_use]
    pub fn erase_block(mut self, size: Option<u64>) -> Self {
        self.erase_block = size;
        self
    }

    /// Its position among siblings, where that is content (RULES 3).
    #[must_use]
    pub fn order(mut self, order: u32) -> Self {
        self.order = Some(order);
        self
    }

    /// People speak of it as one thing, and it is compared as one unless it contains other components.
    #[must_use]
    pub fn component(mut self) -> Self {
        self.component = true;
        self
    }

    /// It gets a digest when a run lists digests.
    #[must_use]
    pub fn listed(mut self) -> Self {
        self.listed = true;
        self
    }

    /// Its bytes are not understood.
    #[must_use]
    pub fn unknown(mut self) -> Self {
        self.content = Content::Unknown;
        self
    }

    /// Nothing that a modelled loader does, recovery included, reaches these bytes any more (RULES 12): a deleted
    /// variable, a node that a newer one hides.
    #[must_use]
    pub fn remains(mut self) -> Self {
        self.remains = true;
        self
    }

    /// It was found by searching: nothing around it says that it lies there. See [`Region::searched`].
    #[must_use]
    pub fn searched(mut self) -> Self {
        self.searched = true;
        self
    }

    /// Devices write it themselves, as they write a log. See [`Region::rewritten`].
    #[must_use]
    pub fn rewritten(mut self) -> Self {
        self.rewritten = true;
        self
    }

    /// Its bytes encode a stream; see [`Builder::decoded`].
    #[must_use]
    pub fn encoded(mut self) -> Self {
        self.content = Content::Encoded;
        self
    }

    /// Bytes of name and facts.
    fn text(&self) -> u64 {
        let facts = self.attributes.iter().map(|fact| fact.value.length());
        let name = self.name.as_deref().map_or(0, |name| len64(name.as_bytes()));
        facts.fold(name, u64::saturating_add)
    }

    /// The format takes it apart later, when the current region is done.
    #[must_use]
    pub fn then(mut self, format: &'static dyn Format) -> Self {
        self.next = Some(Next::Format(format));
        self
    }

    /// The stage takes it apart later, when the current region is done.
    #[must_use]
    pub fn then_with(mut self, stage: Rc<dyn Stage<'a> + 'a>) -> Self {
        self.next = Some(Next::Stage(stage));
        self
    }
}

/// Writes the regions below one region.
pub struct Builder<'s, 'a> {
    session: &'s mut Session<'a>,
    region: RegionId,
    input: Input<'a>,
    gap: (&'static str, Option<u8>),
    queue: Vec<Job<'a>>,
}

impl core::fmt::Debug for Builder<'_, '_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Builder({:?})", self.region)
    }
}

enum Job<'a> {
    Parse(RegionId, Input<'a>, Next<'a>, u32),
    Finish(RegionId, Input<'a>),
    Drop(u64),
}

struct Session<'a> {
    context: &'a Context<'a>,
    options: Options,
    tree: Tree,
    nodes: Vec<Extra>,
    jobs: Vec<Job<'a>>,
    read_error: Option<ReadError>,
    depth: u32,
}

/// What the session keeps about a region beside the region itself.
#[derive(Default)]
struct Extra {
    listed: bool,
    /// Few have any.
    rare: Option<Box<Rare>>,
    /// True when a component or an encoded stream lies below, so that the region is not compared as one.
    nested: bool,
    space_root: bool,
    /// It lies in a region that is compared as one.
    quiet: bool,
    /// Length of its path.
    path: u32,
}

/// What few regions have.
#[derive(Default)]
struct Rare {
    mask: Vec<Span>,
    erase_block: Option<u64>,
}

impl<'a> Builder<'_, 'a> {
    /// The region whose children are being written.
    #[must_use]
    pub fn region(&self) -> RegionId {
        self.region
    }

    /// Adds a region below the current one and returns its number. An empty one is not added. One that overlaps
    /// a sibling, or leaves the parent, is a defect of the caller's data and is not added either.
    pub fn add(&mut self, node: Node<'a>) -> Option<RegionId> {
        let span = node.input.span();
        if span.is_empty() {
            return None;
        }
        if node.input.space != self.input.space || !self.input.span().contains(span) {
            self.defect(Defect::new(&OUTSIDE, node.kind, span.offset, span.length, self.input.length()));
            return None;
        }
        let tree = &self.session.tree;
        let siblings = tree.region(self.region).map_or(&[][..], |region| &region.children);
        let place = |id: RegionId| tree.region(id).map_or(Span::default(), |sibling| sibling.span);
        let at = siblings.partition_point(|&other| place(other).offset < span.offset);
        let before = at.checked_sub(1).and_then(|before| siblings.get(before));
        if [before, siblings.get(at)].into_iter().flatten().any(|&other| place(other).overlaps(span)) {
            self.defect(Defect::new(&OVERLAP, node.kind, span.offset, span.length, 0u64));
            return None;
        }
        let input = node.input.clone();
        let (next, alone) = (node.next.clone(), node.component || node.listed);
        let id = self.session.push(Some(self.region), node)?;
        if let Some(region) = self.session.region_mut(self.region) {
            region.children.insert(at, id);
        }
        match next {
            Some(next) => self.queue.push(Job::Parse(id, input, next, self.session.depth.saturating_add(1))),
            None if alone => self.queue.push(Job::Finish(id, input)),
            None => {}
        }
        Some(id)
    }

    /// Adds bytes that are not understood, with how many of them are erased where the erase value is `erase`: people take
    /// an empty flash for something else when they hear of so many unexplained bytes. That is a note for them, which no
    /// manifest carries; the leaf stays one, since what it holds sets no bounds (RULES 1).
    pub fn add_unknown(&mut self, node: Node<'a>, erase: u8) -> Option<RegionId> {
        match node.input.erased(erase) {
            Ok(0) => self.add(node.unknown()),
            Ok(erased) => self.add(node.unknown().with(&fact::ERASED, erased)),
            Err(trouble) => {
                self.trouble(trouble);
                self.add(node.unknown())
            }
        }
    }

    /// Adds a region that should be erased: `fill` when every byte has the erase value, else not understood.
    pub fn add_fill(&mut self, node: Node<'a>, erase: u8) -> Option<RegionId> {
        match node.input.uniform() {
            Ok(Some(value)) if value == erase => self.add(Node { content: Content::Fill, ..node }),
            Ok(_) if erase == ERASED => self.add_unknown(node, erase),
            Ok(_) => self.add(node.unknown()),
            Err(trouble) => {
                self.trouble(trouble);
                None
            }
        }
    }

    /// How gaps between the regions added here are called, and their erase value if the structure has one.
    /// Otherwise a gap is a `gap`, and never fill.
    pub fn gaps(&mut self, kind: &'static str, erase: Option<u8>) {
        self.gap = (kind, erase);
    }

    /// Adds a fact about the current region.
    pub fn fact(&mut self, fact: &'static Fact, value: impl Into<Value>) {
        self.fact_of(self.region, fact, value);
    }

    /// Adds a fact about a region that exists already, unless it has one of that name.
    pub fn fact_of(&mut self, id: RegionId, fact: &'static Fact, value: impl Into<Value>) {
        let attribute = Attribute { fact, value: value.into() };
        if self.look(id).is_none_or(|region| region.fact(fact).is_some()) {
            return;
        }
        if let Err(kind) = self.session.context.budget.text(attribute.value.length()) {
            return self.session.trouble(id, Trouble::Limit(kind));
        }
        if let Some(region) = self.session.region_mut(id) {
            let mut facts = core::mem::take(&mut region.attributes).into_vec();
            facts.reserve_exact(1);
            facts.push(attribute);
            region.attributes = facts.into_boxed_slice();
        }
    }

    /// Says that the current region is compared as one, unless it holds components or streams: its pieces are for people.
    pub fn compared_whole(&mut self) {
        if let Some(region) = self.session.region_mut(self.region) {
            region.component = true;
        }
    }

    /// Says that the bytes of the current region, to which nothing is added, are not understood.
    pub fn unexplained(&mut self) {
        if let Some(region) = self.session.region_mut(self.region) {
            region.content = Content::Unknown;
        }
    }

    /// Says that the bytes of the current region, to which nothing is added, were recognised and are left in one piece.
    pub fn closed(&mut self) {
        if let Some(region) = self.session.region_mut(self.region) {
            region.content = Content::Closed;
        }
    }

    /// How this run takes apart what the current region, a file's content, holds.
    #[must_use]
    pub fn opening(&self) -> Opening {
        self.session.options.openings.of(|| self.session.tree.path_of(self.region))
    }

    /// Says that the current region is compared as one, whatever is found in it.
    pub fn shown(&mut self) {
        if let Some(region) = self.session.region_mut(self.region) {
            region.shown = true;
            region.component = true;
        }
    }

    /// Who recognises what no format knows by itself.
    #[must_use]
    pub fn recogniser(&self) -> Option<&'static dyn Recogniser> {
        self.session.context.recogniser
    }

    /// Says by which format the image is read.
    pub fn image_is(&mut self, format: &'static str) {
        self.session.tree.format = format;
        if let Some(root) = self.session.region_mut(RegionId::ROOT) {
            root.kind = format;
        }
    }

    /// Adds what lies behind an image that says how long it is: erased medium, or bytes that are searched as a flash is.
    pub fn add_behind(&mut self, node: Node<'a>) {
        self.add_fill(node.then(BEHIND), ERASED);
    }

    /// Adds what lies behind something in a file or a stream, not understood unless something is found in it.
    pub fn add_beyond(&mut self, node: Node<'a>) {
        self.add(node.unknown().then(BEHIND));
    }

    /// Names the current region, such as a file after its user-interface section.
    pub fn call(&mut self, name: impl Into<String>) {
        if let Some(region) = self.session.region_mut(self.region) {
            region.name = Some(name.into().into_boxed_str());
        }
    }

    /// Names a region that was added here before.
    pub fn call_region(&mut self, id: RegionId, name: impl Into<String>) {
        if let Some(region) = self.session.region_mut(id) {
            region.name = Some(name.into().into_boxed_str());
        }
    }

    /// The limits that all of this spends from.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.session.context.budget.limits()
    }

    /// Size in bytes of the medium's erase blocks here, where a layout says it.
    #[must_use]
    pub fn erase_block(&self) -> Option<u64> {
        let stated = |id: RegionId| self.session.nodes.get(id.index())?.rare.as_deref()?.erase_block;
        let here = core::iter::once(self.region);
        let space = self.input.space;
        let around = self.session.tree.ancestors(self.region).take_while(|above| above.space == space);
        here.chain(around.map(|above| above.id)).find_map(stated)
    }

    /// How the file of these names, from the root of its file system on, is read when a rule names it as settings.
    #[must_use]
    pub fn settings(&self, names: &[&[u8]]) -> Option<Settings> {
        let listed = &self.session.options.settings;
        let exact = |file: &&SettingsFile| file.name.split('/').map(str::as_bytes).eq(names.iter().copied());
        let like = |file: &&SettingsFile| {
            let pattern = file.name.split('/');
            pattern.clone().count() == names.len()
                && pattern.zip(names).all(|(pattern, name)| crate::name_fits(pattern, name))
        };
        // A file that is listed by itself is read as that says.
        let mut candidates = listed.iter().filter(exact).chain(listed.iter().filter(like)).peekable();
        candidates.peek()?;
        let tree = &self.session.tree;
        let around = tree.region(self.region).into_iter().chain(tree.ancestors(self.region));
        let mut steps: Vec<_> = around
            .filter(|region| region.parent.is_some())
            .map(|region| region.segment.to_string())
            .collect();
        steps.reverse();
        let below = |file: &&SettingsFile| {
            let mut steps = steps.iter();
            crate::segments(&file.scope).all(|wanted| steps.next().is_some_and(|step| step == wanted))
        };
        candidates.find(below).map(|file| file.format)
    }

    /// True when this run wants the normal forms of containers.
    #[must_use]
    pub fn wants_normal(&self) -> bool {
        self.session.options.normal
    }

    /// Gives the normal form of a container, to the encoded leaf that stands for it: the last one, where several
    /// encode one space.
    pub fn normal(&mut self, container: RegionId, form: &Normal) {
        let spent = self.session.context.budget.scratch(form.length());
        let part = [crate::Part::Memory(&form.bytes)];
        let digest = spent
            .map_err(Trouble::from)
            .and_then(|()| Ok(self.session.context.host.digest(crate::Algorithm::Sha256, &part)?));
        let Some(sha256) = self.session.note(container, digest) else { return };
        if let Some(region) = self.session.region_mut(container) {
            region.normal = Some(Box::new(Form { name: form.name.to_owned(), sha256 }));
        }
    }

    /// The region around the current one.
    #[must_use]
    pub fn parent(&self) -> Option<RegionId> {
        self.session.tree.region(self.region).and_then(|region| region.parent)
    }

    /// A region that exists already.
    #[must_use]
    pub fn look(&self, id: RegionId) -> Option<&Region> {
        self.session.tree.region(id)
    }

    /// Notes a defect of the current region.
    pub fn defect(&mut self, defect: Defect) {
        self.defect_of(self.region, defect);
    }

    /// Notes a defect of a region that was added here.
    pub fn defect_of(&mut self, region: RegionId, defect: Defect) {
        self.session.defect(Defect { region, ..defect });
    }

    /// Notes why reading stopped.
    pub fn trouble(&mut self, trouble: Trouble) {
        self.session.trouble(self.region, trouble);
    }

    /// Notes that the image says which sum some bytes have, and whether they have it: `measured` is that sum, and `field`
    /// at `place` says `value`. A sum that disagrees is a defect, since a loader may stop at it or not look.
    pub fn says_digest(
        &mut self,
        about: &[Span],
        (sum, measured): (Sum, Vec<u8>),
        (field, place): (&'static str, Span),
        value: Vec<u8>,
    ) -> bool {
        let equal = value == measured;
        if !equal {
            self.defect(Defect::new(&CLAIM_DIGEST, field, place.offset, value.clone(), measured.clone()));
        }
        self.claim(about.to_vec(), place, (sum, measured), Says::Digest(value));
        equal
    }

    /// Notes that the image says some bytes are signed. They are measured, and the signature is kept, while they are there.
    pub fn says_signature(&mut self, scheme: &'static str, about: &[Input<'a>], signature: &Input<'a>) {
        let spans: Vec<_> = about.iter().map(Input::span).collect();
        // Many signatures may cover the same bytes.
        let last = self.session.tree.claims.last();
        let last = last.filter(|last| last.region == self.region && last.about == spans);
        let known = last.map(|last| last.measured.clone()).filter(|(sum, _)| *sum == SUM);
        let read = || {
            let measured = match known {
                Some((_, measured)) => measured,
                None => {
                    let length = about.iter().map(Input::length).fold(0, u64::saturating_add);
                    self.session.context.budget.scratch(length)?;
                    if about.is_empty() { SUM.of(&[signature.slice(0, 0)])? } else { SUM.of(about)? }
                }
            };
            Ok::<_, Trouble>((measured, signature.head(MOST_SIGNATURE)?.to_vec()))
        };
        match read() {
            Ok((measured, value)) => {
                self.claim(spans, signature.span(), (SUM, measured), Says::Signature { scheme, value });
            }
            Err(trouble) => self.trouble(trouble),
        }
    }

    fn claim(&mut self, about: Vec<Span>, place: Span, measured: (Sum, Vec<u8>), says: Says) {
        let kept = match &says {
            Says::Digest(value) | Says::Signature { value, .. } => len64(value),
        };
        let kept = kept.saturating_add(len64(&about).saturating_mul(16));
        match self.session.context.budget.text(kept) {
            Ok(()) => {
                self.session.tree.claims.push(Claim { region: self.region, about, place, measured, says })
            }
            Err(kind) => self.trouble(kind.into()),
        }
    }

    /// How many bytes the next decoded stream may have. With a declared size above that, the limit is noted and
    /// nothing must be decoded.
    ///
    /// # Errors
    /// The limit, already noted.
    pub fn room(&mut self, declared: Option<u64>) -> Result<u64, LimitKind> {
        let (room, kind) = self.session.context.budget.room();
        if declared.is_some_and(|size| size > room) {
            self.over(kind);
            return Err(kind);
        }
        Ok(room)
    }

    /// Notes that a stream of unknown size went over the room it had.
    pub fn overflow(&mut self) {
        let (_, kind) = self.session.context.budget.room();
        self.over(kind);
    }

    fn over(&mut self, kind: LimitKind) {
        self.session.trouble(self.region, Trouble::Limit(kind));
    }

    /// Gives the content that a stream, added here as [`Node::encoded`], decodes to, and the format that takes
    /// it apart next. The space is named by the path of the stream.
    pub fn decoded(
        &mut self,
        stream: RegionId,
        bytes: Vec<u8>,
        kind: &'static str,
        format: &'static dyn Format,
    ) {
        self.open(stream, bytes, kind, Next::Format(format));
    }

    /// As [`Builder::decoded`], for content that a stage takes apart.
    pub fn decoded_with(
        &mut self,
        stream: RegionId,
        bytes: Vec<u8>,
        kind: &'static str,
        stage: Rc<dyn Stage<'a> + 'a>,
    ) {
        self.open(stream, bytes, kind, Next::Stage(stage));
    }

    /// Says that `other`, an encoded leaf added here, belongs to the stream whose last leaf is `stream`: both encode what
    /// [`Builder::decoded`] was given, as the scattered blocks of a file system do. It lies before `stream`, so that in
    /// pre-order the content stands behind all that encodes it.
    pub fn shares(&mut self, other: RegionId, stream: RegionId) {
        let space = self.look(stream).and_then(|region| region.encodes);
        if let Some(region) = self.session.region_mut(other) {
            region.encodes = space;
        }
    }

    /// Gives the content of a stream that is put together from bytes that lie elsewhere, in the place of
    /// [`Builder::decoded`]: no byte is copied, so it may be larger than memory. Its first byte has the address `origin`.
    /// Whose bytes the pieces are is the caller's affair; for those of the current region there is [`Builder::pieced`].
    pub fn decoded_of(
        &mut self,
        stream: RegionId,
        pieces: &[Piece<'a>],
        origin: u64,
        kind: &'static str,
        stage: Rc<dyn Stage<'a> + 'a>,
    ) {
        let budget = &self.session.context.budget;
        let length = pieces.iter().map(Piece::length).fold(0, u64::saturating_add);
        // The same bytes can be taken very often.
        let spent = budget.scratch(length).and_then(|()| budget.text(pieces::cost(pieces)));
        let made = spent.map_err(Trouble::from).and_then(|()| Pieces::of(pieces, origin));
        match made {
            Ok((list, end)) => {
                let span = Span::between(origin, end);
                self.enter(stream, Store::Pieces(Rc::new(list)), span, kind, Next::Stage(stage));
            }
            Err(trouble) => self.trouble(trouble),
        }
    }

    /// Adds a space that is put together from bytes of the current region, as a logical volume is: the bytes that it takes
    /// are encoded leaves, called `format:piece` and numbered; what no piece takes is left for other regions, and for gaps.
    /// Bytes that two pieces take are ambiguous, unless `shared` says that the format means it so. Pieces that lie outside
    /// the region are a defect of the caller's data, and nothing is added then.
    pub fn pieced(
        &mut self,
        (format, kind): (&'static str, &'static str),
        pieces: &[Piece<'a>],
        (origin, shared): (u64, bool),
        stage: Rc<dyn Stage<'a> + 'a>,
    ) -> Option<RegionId> {
        let inside =
            |input: &Input<'a>| input.space == self.input.space && self.input.span().contains(input.span());
        let outside = pieces.iter().find_map(|piece| match piece {
            Piece::Bytes(input) if !inside(input) => Some(input.span()),
            Piece::Bytes(_) | Piece::Hole { .. } => None,
        });
        if let Some(span) = outside {
            let most = self.input.length();
            self.defect(Defect::new(&SPACE_OUTSIDE, kind, span.offset, span.length, most));
            return None;
        }
        let (runs, twice) = pieces::taken(pieces, self.input.space);
        if let Some(at) = twice.filter(|_| !shared) {
            self.defect(Defect::new(&SPACE_SHARED, kind, at, "two pieces", "one piece"));
        }
        let mut leaves = Vec::new();
        for (number, run) in (0u64..).zip(runs.iter()) {
            let at = run.offset.saturating_sub(self.input.offset());
            let input = self.input.slice(at, run.length);
            let node = Node::new(format, format!("piece-{number}"), kind, input).encoded();
            leaves.push(self.add(node.with(&fact::PIECED, true))?);
        }
        for (&leaf, run) in leaves.iter().zip(runs.iter()) {
            self.measure_pieces(leaf, &pieces::mapping(pieces, run));
        }
        let stream = leaves.pop()?;
        if origin > 0 {
            self.fact_of(stream, &fact::ORIGIN, origin);
        }
        self.decoded_of(stream, pieces, origin, kind, stage);
        leaves.into_iter().for_each(|leaf| self.shares(leaf, stream));
        Some(stream)
    }

    /// Each byte of what is taken whole is measured in the space that takes it. Here it is enough to say where each lies
    /// there: equal places of equal bytes are equal bytes.
    fn measure_pieces(&mut self, leaf: RegionId, mapping: &[u8]) {
        let part = [crate::Part::Memory(mapping)];
        let digest = self.session.context.host.digest(crate::Algorithm::Sha256, &part);
        let Some(sha256) = self.session.note(leaf, digest.map_err(Trouble::from)) else { return };
        if let Some(region) = self.session.region_mut(leaf) {
            region.sha256 = Some(sha256);
        }
    }

    fn open(&mut self, stream: RegionId, bytes: Vec<u8>, kind: &'static str, next: Next<'a>) {
        let size = len64(&bytes);
        self.session.context.budget.decoded(size);
        self.enter(stream, Store::Memory(Rc::new(bytes)), Span::new(0, size), kind, next);
    }

    fn enter(&mut self, stream: RegionId, store: Store, span: Span, kind: &'static str, next: Next<'a>) {
        let Some(space) = SpaceId::at(self.session.tree.spaces.len()) else { return };
        let input = Input::at(self.session.context, store, space, span);
        let node = Node::new("decoded", "content", kind, input.clone());
        let Some(root) = self.session.push(Some(stream), node) else { return };
        if let Some(extra) = self.session.nodes.get_mut(root.index()) {
            extra.space_root = true;
        }
        let (size, origin) = (span.length, span.offset);
        self.session.tree.spaces.push(Space { id: space, encoder: Some(stream), size, origin, root });
        if let Some(region) = self.session.region_mut(stream) {
            region.encodes = Some(space);
        }
        self.queue.push(Job::Parse(root, input, next, self.session.depth.saturating_add(1)));
    }
}

/// Takes a source apart, starting with `format`.
///
/// # Errors
/// Only when the source cannot be read as announced. Everything else is in the tree.
pub fn parse(
    host: &dyn Host,
    source: u32,
    size: u64,
    format: &'static dyn Format,
    limits: &Limits,
    options: &Options,
) -> Result<Tree, ReadError> {
    start(host, (source, size), format.name(), Begin::Format(format), limits, options)
}

/// As [`parse`], starting with a stage; `name` is what the image is called.
///
/// # Errors
/// As [`parse`].
pub fn parse_with(
    host: &dyn Host,
    source: (u32, u64),
    name: &'static str,
    stage: Rc<dyn for<'a> Stage<'a>>,
    limits: &Limits,
    options: &Options,
) -> Result<Tree, ReadError> {
    start(host, source, name, Begin::Stage(AnyStage(stage)), limits, options)
}

/// What takes the whole image apart.
enum Begin {
    Format(&'static dyn Format),
    Stage(AnyStage),
}

/// A stage that borrows nothing, so that it serves any image.
#[derive(Debug)]
struct AnyStage(Rc<dyn for<'a> Stage<'a>>);

impl<'a> Stage<'a> for AnyStage {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        self.0.parse(at, out);
    }
}

fn start(
    host: &dyn Host,
    (source, size): (u32, u64),
    name: &'static str,
    begin: Begin,
    limits: &Limits,
    options: &Options,
) -> Result<Tree, ReadError> {
    let context = Context::new(host, Budget::new(limits), options.recogniser);
    let input = Input::whole(&context, Store::Source { source, size }, SpaceId::IMAGE, size);
    let mut session = Session {
        context: &context,
        options: options.clone(),
        tree: Tree { format: name, forms: options.normal, ..Tree::default() },
        nodes: Vec::new(),
        jobs: Vec::new(),
        read_error: None,
        depth: 0,
    };
    let root = Node::new("image", "", name, input.clone());
    if let Some(root) = session.push(None, root) {
        if let Some(extra) = session.nodes.get_mut(root.index()) {
            extra.space_root = true;
        }
        session.tree.spaces.push(Space { id: SpaceId::IMAGE, encoder: None, size, origin: 0, root });
        let next = match begin {
            Begin::Format(format) => Next::Format(format),
            Begin::Stage(stage) => Next::Stage(Rc::new(stage)),
        };
        session.jobs.push(Job::Parse(root, input, next, 0));
    }
    session.run(size);
    session.measure_image(source, size);
    match session.read_error {
        Some(error) => Err(error),
        None => Ok(session.finish()),
    }
}

impl<'a> Session<'a> {
    fn run(&mut self, size: u64) {
        while let Some(job) = self.jobs.pop() {
            if self.read_error.is_some() {
                return;
            }
            match job {
                Job::Parse(region, input, next, depth) => self.parse(region, input, next, depth),
                Job::Finish(region, input) => {
                    let (space, end) = (input.space, input.span().end());
                    self.measure(region, &input);
                    if space == SpaceId::IMAGE {
                        self.context.host.progress(end, size);
                    }
                }
                Job::Drop(size) => self.context.budget.dropped(size),
            }
        }
    }

    /// The digest of the whole image, unless the caller brought it.
    fn measure_image(&mut self, source: u32, size: u64) {
        let known = self.options.image_digest.take();
        self.tree.image = known.or_else(|| {
            let whole = Input::whole(self.context, Store::Source { source, size }, SpaceId::IMAGE, size);
            self.note(RegionId::ROOT, whole.sha256())
        });
    }

    fn parse(&mut self, region: RegionId, input: Input<'a>, next: Next<'a>, depth: u32) {
        let memory = matches!(input.store, Store::Memory(_));
        if memory && self.is_space_root(region) {
            self.jobs.push(Job::Drop(input.length()));
        }
        self.jobs.push(Job::Finish(region, input.clone()));
        if depth > self.context.budget.limits().depth {
            self.trouble(region, Trouble::Limit(LimitKind::Depth));
            if let Some(region) = self.region_mut(region) {
                region.content = Content::Unknown;
            }
            return;
        }
        self.depth = depth;
        let mut builder =
            Builder { session: self, region, input: input.clone(), gap: ("gap", None), queue: Vec::new() };
        match next {
            Next::Format(format) => format.parse(input.clone(), &mut builder),
            Next::Stage(stage) => stage.parse(input.clone(), &mut builder),
        }
        builder.fill_gaps();
        let queue = builder.queue;
        if self.options.spaces && input.space != SpaceId::IMAGE && self.is_space_root(region) {
            self.digest(region, &input, false);
        }
        self.jobs.extend(queue.into_iter().rev());
        self.keep_excerpt(region, &input);
    }

    /// Keeps the bytes that the caller wants to read, if this is their space. Of two spaces of one path it is the first.
    fn keep_excerpt(&mut self, root: RegionId, input: &Input<'a>) {
        let Some(wanted) = self.options.excerpt.as_ref().filter(|wanted| wanted.lies_in(input.span())) else {
            return;
        };
        let is_theirs = self.is_space_root(root) && self.tree.space_path_of(input.space) == wanted.space;
        if !is_theirs || self.tree.excerpt.is_some() {
            return;
        }
        let at = wanted.span.offset.saturating_sub(input.offset());
        let bytes = input.slice(at, wanted.span.length).window().map(|window| window.to_vec());
        self.tree.excerpt = self.note(root, bytes);
    }

    fn push(&mut self, parent: Option<RegionId>, node: Node<'a>) -> Option<RegionId> {
        let around = parent.and_then(|parent| self.nodes.get(parent.index()));
        let above = around.map_or(0, |extra| extra.path);
        let shown = parent.and_then(|parent| self.tree.region(parent)).is_some_and(|region| region.shown);
        let quiet = shown || around.is_some_and(|extra| extra.quiet);
        let path = u64::from(above).saturating_add(node.segment.length());
        if let Err(kind) = self.context.budget.node(path.saturating_add(node.text())) {
            self.trouble(parent.unwrap_or(RegionId::ROOT), Trouble::Limit(kind));
            return None;
        }
        let id = RegionId::at(self.tree.regions.len())?;
        let rare = Rare { mask: node.mask, erase_block: node.erase_block };
        let rare = (!rare.mask.is_empty() || rare.erase_block.is_some()).then(|| Box::new(rare));
        // A longer one than that costs more than there is to spend.
        let path = u32::try_from(path).unwrap_or(u32::MAX);
        let extra = Extra { listed: node.listed, rare, path, quiet, ..Extra::default() };
        self.nodes.push(extra);
        if node.component || node.content == Content::Encoded {
            self.mark_nested(parent);
        }
        self.tree.regions.push(Region {
            id,
            parent,
            segment: node.segment,
            kind: node.kind,
            name: node.name.map(String::into_boxed_str),
            guid: node.guid.map(Box::new),
            space: node.input.space,
            span: node.input.span(),
            content: node.content,
            attributes: node.attributes.into_boxed_slice(),
            order: node.order,
            component: node.component,
            remains: node.remains,
            searched: node.searched,
            rewritten: node.rewritten,
            sha256: None,
            measured: false,
            shown: false,
            masked: None,
            normal: None,
            children: Vec::new(),
            encodes: None,
        });
        Some(id)
    }

    fn region_mut(&mut self, id: RegionId) -> Option<&mut Region> {
        self.tree.regions.get_mut(id.index())
    }

    fn children(&self, id: RegionId) -> Vec<(Span, RegionId)> {
        let children = self.tree.region(id).map_or(&[][..], |region| &region.children);
        children.iter().filter_map(|&child| Some((self.tree.region(child)?.span, child))).collect()
    }

    fn defect(&mut self, mut defect: Defect) {
        // A field of bytes that lie nowhere, such as those that a hole swallowed, is one of the region's.
        if defect.offset > LAST_PLACE {
            defect.offset = self.tree.region(defect.region).map_or(0, |region| region.span.offset);
        }
        if len64(&self.tree.defects) < self.context.budget.limits().defects {
            self.tree.defects.push(defect);
        } else {
            self.hit(LimitKind::Defects, RegionId::ROOT);
        }
    }

    fn trouble(&mut self, region: RegionId, trouble: Trouble) {
        match trouble {
            Trouble::Defect(defect) => self.defect(Defect { region, ..defect }),
            Trouble::Limit(kind) => self.hit(kind, region),
            Trouble::Read(error) => self.read_error = Some(self.read_error.unwrap_or(error)),
        }
    }

    fn hit(&mut self, kind: LimitKind, region: RegionId) {
        // A limit that is hit once is hit again by everything behind it; one entry per region and kind is enough.
        if self.tree.limits.contains(&(kind, region)) {
            return;
        }
        if self.tree.limits.len() < MOST_HITS {
            self.tree.limits.push((kind, region));
        } else if !self.tree.limits.contains(&(kind, RegionId::ROOT)) {
            // Where all of them were hit is not kept: any place may be one.
            self.tree.limits.push((kind, RegionId::ROOT));
        }
    }

    /// All regions below one are done: give digests to it, or to the leaves below it that have none yet.
    fn measure(&mut self, id: RegionId, input: &Input<'a>) {
        let Some(region) = self.tree.region(id) else { return };
        let is_root = self.is_space_root(id);
        let whole = region.component || region.is_leaf() && is_root;
        let nested = self.nodes.get(id.index()).is_some_and(|node| node.nested);
        let parent = region.parent;
        let component = region.component;
        let quiet = self.nodes.get(id.index()).is_some_and(|extra| extra.quiet);
        if region.shown || whole && !nested && !quiet {
            self.digest(id, input, true);
        } else if quiet {
            // What it lies in is compared.
        } else if component || is_root {
            self.measure_leaves(id, input);
        }
        if self.options.list_digests && self.nodes.get(id.index()).is_some_and(|node| node.listed) {
            self.digest(id, input, false);
        }
        if nested {
            self.mark_nested(parent);
        }
    }

    fn mark_nested(&mut self, region: Option<RegionId>) {
        if let Some(extra) = region.and_then(|region| self.nodes.get_mut(region.index())) {
            extra.nested = true;
        }
    }

    fn is_space_root(&self, region: RegionId) -> bool {
        self.nodes.get(region.index()).is_some_and(|extra| extra.space_root)
    }

    /// Measures every leaf below a region that no measured region covers. Iterative: depth is the input's.
    fn measure_leaves(&mut self, id: RegionId, input: &Input<'a>) {
        let mut stack = vec![id];
        while let Some(id) = stack.pop() {
            let Some(region) = self.tree.region(id) else { continue };
            if region.measured {
                continue;
            }
            if region.is_leaf() {
                let at = region.span.offset.saturating_sub(input.offset());
                let leaf = input.slice(at, region.span.length);
                self.digest(id, &leaf, true);
            } else {
                stack.extend(region.children.iter().copied());
            }
        }
    }

    fn digest(&mut self, id: RegionId, input: &Input<'a>, measured: bool) {
        if self.tree.region(id).is_some_and(|region| region.sha256.is_some()) {
            if let Some(region) = self.region_mut(id) {
                region.measured |= measured;
            }
            return;
        }
        let mask = self
            .nodes
            .get_mut(id.index())
            .and_then(|node| node.rare.as_mut())
            .map(|rare| core::mem::take(&mut rare.mask))
            .unwrap_or_default();
        let masked = if mask.is_empty() { None } else { self.note(id, masked_digest(input, &mask)) };
        let Some(sha256) = self.note(id, input.sha256()) else { return };
        if let Some(region) = self.region_mut(id) {
            region.sha256 = Some(sha256);
            region.masked = masked.map(Box::new);
            region.measured |= measured;
        }
    }

    fn note<T>(&mut self, id: RegionId, result: Result<T, Trouble>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(trouble) => {
                self.trouble(id, trouble);
                None
            }
        }
    }

    /// The pre-order, once everything is there.
    fn finish(mut self) -> Tree {
        let mut order = Vec::with_capacity(self.tree.regions.len());
        let mut stack = vec![RegionId::ROOT];
        while let Some(id) = stack.pop() {
            let Some(region) = self.tree.region(id) else { continue };
            order.push(id);
            let inner = region.encodes.and_then(|space| self.tree.space(space));
            stack.extend(inner.filter(|space| space.encoder == Some(id)).map(|space| space.root));
            stack.extend(region.children.iter().rev().copied());
        }
        self.tree.order = order;
        self.tree
    }
}

impl<'a> Builder<'_, 'a> {
    /// Makes the children tile the region: whatever no child covers becomes a leaf of its own.
    fn fill_gaps(&mut self) {
        let whole = self.input.span();
        let children = self.session.children(self.region);
        if children.is_empty() {
            return;
        }
        let (kind, erase) = self.gap;
        let mut at = whole.offset;
        let mut gaps = Vec::new();
        for span in children.iter().map(|(span, _)| *span).chain([Span::new(whole.end(), 0)]) {
            if span.offset > at {
                gaps.push(Span::between(at, span.offset));
            }
            at = at.max(span.end());
        }
        for (number, gap) in (0u64..).zip(gaps) {
            let input = self.input.slice(gap.offset.saturating_sub(whole.offset), gap.length);
            let node = Node::new(kind, number.to_string(), kind, input);
            match erase {
                Some(erase) => self.add_fill(node, erase),
                None => self.add(node.unknown()),
            };
        }
    }
}

/// What lies behind something.
static BEHIND: &dyn Format = &Recognised(Place::Behind);

/// So many places where limits were hit are kept.
const MOST_HITS: usize = 1000;
/// Places up to here are told: readers of JSON know no larger numbers (RFC 8785), and no image is as long.
const LAST_PLACE: u64 = (1 << 53) - 1;

/// What signed bytes are measured by.
const SUM: Sum = Sum::Strong(crate::Algorithm::Sha256);

/// The erase value of NOR and NAND flash; where structure says 00, that is padding as often.
const ERASED: u8 = 0xff;

fn masked_digest(input: &Input<'_>, mask: &[Span]) -> Result<Digest, Trouble> {
    let mut bytes = input.window()?.to_vec();
    for field in mask {
        let range = to_usize(field.offset)..to_usize(field.end()).min(bytes.len());
        if let Some(field) = bytes.get_mut(range) {
            field.fill(0);
        }
    }
    Ok(input.context.host.digest(crate::Algorithm::Sha256, &[crate::Part::Memory(&bytes)])?)
}
