//! The tree of regions that parsing gives.

use core::cell::OnceCell;
use core::fmt;

use crate::path::IMAGE;
use crate::{Attribute, Claim, Defect, Digest, Fact, Form, LimitKind, Role, Segment, Span, Value, to_usize};

/// A region, by its number in [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionId(Number);

impl RegionId {
    /// The whole image.
    pub const ROOT: Self = Self(Number::MIN);

    /// The region that stands in the list at `index`; `None` when no list is so long.
    pub(crate) fn at(index: usize) -> Option<Self> {
        number(index).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        to_usize(self.0.get().saturating_sub(1).into())
    }
}

/// A space, by its number in [`Tree`]. An offset means nothing without one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpaceId(Number);

impl SpaceId {
    /// The image as it was given.
    pub const IMAGE: Self = Self(Number::MIN);

    /// The space that stands in the list at `index`; `None` when no list is so long.
    pub(crate) fn at(index: usize) -> Option<Self> {
        number(index).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        to_usize(self.0.get().saturating_sub(1).into())
    }
}

/// A place in a list, counted from one: that there is none takes no room.
type Number = core::num::NonZeroU32;

fn number(index: usize) -> Option<Number> {
    Number::new(u32::try_from(index).ok()?.checked_add(1)?)
}

/// A GUID as it lies in the image (UEFI Specification 2.10, appendix A: the first three fields little-endian).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g, h, i, rest @ ..] = self.0;
        write!(
            f,
            "{:08X}-{:04X}-{:04X}-",
            u32::from_le_bytes([a, b, c, d]),
            u16::from_le_bytes([e, g]),
            u16::from_le_bytes([h, i])
        )?;
        let [j, k, node @ ..] = rest;
        write!(f, "{j:02X}{k:02X}-")?;
        node.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// What the bytes of a leaf are, before anything is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Understood: a header, a string, a program.
    Parsed,
    /// Not understood.
    Unknown,
    /// One value throughout, the medium's erase value, inside bounds that structure sets.
    Fill,
    /// A stream whose decoded content is a space of its own.
    Encoded,
    /// Recognised, and left in one piece: this run only compares it.
    Closed,
}

/// A named piece of a space.
#[derive(Clone, Debug)]
pub struct Region {
    /// Its number.
    pub id: RegionId,
    /// The region around it; `None` for the image. A decoded space hangs below the region that encodes it.
    pub parent: Option<RegionId>,
    /// Its step in the path.
    pub segment: Segment,
    /// What it is, such as `uefi-file` or `pe-section`. Fixed vocabulary of the formats.
    pub kind: &'static str,
    /// What people call it. Untrusted, and never a key.
    pub name: Option<Box<str>>,
    /// Its GUID, when it has one.
    pub guid: Option<Box<Guid>>,
    /// Where it lies.
    pub space: SpaceId,
    /// Where in that space.
    pub span: Span,
    /// What its bytes are. Meaningful on leaves.
    pub content: Content,
    /// Facts.
    pub attributes: Box<[Attribute]>,
    /// Position among its siblings, where a loader's behaviour depends on it (RULES 3).
    pub order: Option<u32>,
    /// True when people speak of it as one thing: a driver, a variable.
    pub component: bool,
    /// True for what nothing reaches any more (RULES 12).
    pub remains: bool,
    /// True for what was found by searching. It, and what lies in it, is no more acceptable than bytes that nobody understands
    /// (RULES 33).
    pub searched: bool,
    /// It holds what devices write themselves, as they write a log: entries come and go, and no form can be compared.
    pub rewritten: bool,
    /// Digest of its bytes. Every leaf is covered by exactly one measured region.
    pub sha256: Option<Digest>,
    /// True when its digest covers the leaves below it (or itself, a leaf): the unit of comparison.
    pub measured: bool,
    /// True when it is compared as one, and what lies in it, at any depth, not at all: [`Builder::shown`](crate::Builder::shown).
    pub shown: bool,
    /// Digest of its bytes with the fields that only encode (see [`Fact::encoding`]) set to zero.
    pub masked: Option<Box<Digest>>,
    /// The normal form of the container that it encodes, when a run made it.
    pub normal: Option<Box<Form>>,
    /// Regions below it in the same space, by offset. Empty on a leaf.
    pub children: Vec<RegionId>,
    /// The space that its bytes decode to.
    pub encodes: Option<SpaceId>,
}

impl Region {
    /// True when no region lies below it in the same space.
    #[must_use]
    pub fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    /// What is said of it.
    #[must_use]
    pub fn fact(&self, fact: &Fact) -> Option<&Value> {
        self.attribute(fact.name)
    }

    /// True when a fact that is a yes or no is a yes.
    #[must_use]
    pub fn is(&self, fact: &Fact) -> bool {
        self.fact(fact) == Some(&Value::Flag(true))
    }

    /// What it is in a file system; `None` outside of any.
    #[must_use]
    pub fn role(&self) -> Option<Role> {
        Role::of(self.segment.format)
    }

    /// The value of an attribute by its name, for who has the name from elsewhere.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes.iter().find(|attribute| attribute.fact.name == name).map(|attribute| &attribute.value)
    }
}

/// A space: the image, or what a stream in it decodes to.
#[derive(Clone, Debug)]
pub struct Space {
    /// Its number.
    pub id: SpaceId,
    /// The region that encodes it; `None` for the image.
    pub encoder: Option<RegionId>,
    /// Size in bytes.
    pub size: u64,
    /// Address of its first byte.
    pub origin: u64,
    /// The region that is the whole space.
    pub root: RegionId,
}

/// All regions by number, in pieces: a list that grows by moving would ask for three times its size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Regions(Vec<Vec<Region>>);

impl Regions {
    pub(crate) fn len(&self) -> usize {
        let full = self.0.len().saturating_sub(1).saturating_mul(PIECE);
        full.saturating_add(self.0.last().map_or(0, Vec::len))
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Region> {
        self.0.get(index / PIECE)?.get(index % PIECE)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut Region> {
        self.0.get_mut(index / PIECE)?.get_mut(index % PIECE)
    }

    pub(crate) fn push(&mut self, region: Region) {
        match self.0.last_mut().filter(|last| last.len() < PIECE) {
            Some(last) => last.push(region),
            None => self.0.push(vec![region]),
        }
    }
}

/// Regions in a piece.
const PIECE: usize = 256;

/// The paths of all regions, one behind the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Paths {
    text: String,
    /// Where each begins, and how long it is.
    places: Vec<(u32, u32)>,
}

impl Paths {
    fn of(tree: &Tree) -> Self {
        let mut places = vec![(0_u32, 0_u32); tree.regions.len()];
        let mut end = 0_u32;
        for region in tree.regions() {
            let above = region.parent.filter(|&parent| parent != RegionId::ROOT);
            let above = above.and_then(|parent| places.get(parent.index())).map_or(0, |(_, length)| *length);
            let own = u32::try_from(region.segment.length()).unwrap_or(u32::MAX).saturating_sub(1);
            let length = match (region.parent, above) {
                (None, _) => u32::try_from(IMAGE.len()).unwrap_or(0),
                (Some(_), 0) => own,
                (Some(_), above) => above.saturating_add(1).saturating_add(own),
            };
            if let Some(place) = places.get_mut(region.id.index()) {
                *place = (end, length);
            }
            end = end.saturating_add(length);
        }
        let mut paths = Self { text: String::with_capacity(to_usize(end.into())), places };
        for region in tree.regions() {
            match region.parent {
                None => paths.text.push_str(IMAGE),
                Some(parent) => {
                    if parent != RegionId::ROOT {
                        let above = paths.range(parent);
                        paths.text.extend_from_within(above);
                        paths.text.push('/');
                    }
                    region.segment.write(&mut paths.text);
                }
            }
        }
        paths
    }

    fn range(&self, id: RegionId) -> core::ops::Range<usize> {
        let (start, length) = self.places.get(id.index()).copied().unwrap_or_default();
        to_usize(start.into())..to_usize(start.saturating_add(length).into())
    }

    fn get(&self, id: RegionId) -> &str {
        self.text.get(self.range(id)).unwrap_or_default()
    }
}

/// What parsing gives: regions, spaces, defects, claims, and the limits that were hit on the way.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    pub(crate) regions: Regions,
    pub(crate) spaces: Vec<Space>,
    pub(crate) defects: Vec<Defect>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) limits: Vec<(LimitKind, RegionId)>,
    pub(crate) image: Option<Digest>,
    pub(crate) format: &'static str,
    pub(crate) paths: OnceCell<Paths>,
    pub(crate) order: Vec<RegionId>,
    pub(crate) forms: bool,
    pub(crate) excerpt: Option<Vec<u8>>,
}

impl Tree {
    /// Name of the format that read the image.
    #[must_use]
    pub fn format(&self) -> &'static str {
        self.format
    }

    /// True when the normal forms of containers were made.
    #[must_use]
    pub fn has_forms(&self) -> bool {
        self.forms
    }

    /// SHA-256 of the whole image.
    #[must_use]
    pub fn image_digest(&self) -> Option<&Digest> {
        self.image.as_ref()
    }

    /// The bytes that the options wanted, where they were found.
    #[must_use]
    pub fn excerpt(&self) -> Option<&[u8]> {
        self.excerpt.as_deref()
    }

    /// A region by number.
    #[must_use]
    pub fn region(&self, id: RegionId) -> Option<&Region> {
        self.regions.get(id.index())
    }

    /// A space by number.
    #[must_use]
    pub fn space(&self, id: SpaceId) -> Option<&Space> {
        self.spaces.get(id.index())
    }

    /// All regions in pre-order: a region, then what lies in it by offset, then what it decodes to.
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        self.order.iter().filter_map(|&id| self.region(id))
    }

    /// All leaves in pre-order.
    pub fn leaves(&self) -> impl Iterator<Item = &Region> {
        self.regions().filter(|region| region.is_leaf())
    }

    /// All spaces; the image is the first.
    #[must_use]
    pub fn spaces(&self) -> &[Space] {
        &self.spaces
    }

    /// All defects, in the order they were found.
    #[must_use]
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// All claims.
    #[must_use]
    pub fn claims(&self) -> &[Claim] {
        &self.claims
    }

    /// The limits that were hit, and where.
    #[must_use]
    pub fn limits_hit(&self) -> &[(LimitKind, RegionId)] {
        &self.limits
    }

    /// The path of a region: `image` for the image itself, else its segments from the outside in.
    #[must_use]
    pub fn path(&self, id: RegionId) -> &str {
        self.paths.get_or_init(|| Paths::of(self)).get(id)
    }

    /// As [`Tree::path`], made for this one call: whoever asks for few paths, or for each once, need not keep all of them.
    #[must_use]
    pub fn path_of(&self, id: RegionId) -> String {
        let around = core::iter::once(id).chain(self.ancestors(id).map(|above| above.id));
        let mut steps: Vec<_> =
            around.filter(|&id| id != RegionId::ROOT).filter_map(|id| self.region(id)).collect();
        if steps.is_empty() {
            return IMAGE.to_owned();
        }
        steps.reverse();
        let length = steps.iter().fold(0, |sum: u64, step| sum.saturating_add(step.segment.length()));
        let mut path = String::with_capacity(to_usize(length));
        for step in steps {
            if !path.is_empty() {
                path.push('/');
            }
            step.segment.write(&mut path);
        }
        path
    }

    /// How many regions there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.regions.len()
    }

    /// As [`Tree::space_path`], made for this one call.
    #[must_use]
    pub fn space_path_of(&self, id: SpaceId) -> String {
        let encoder = self.space(id).and_then(|space| space.encoder);
        encoder.map_or_else(|| IMAGE.to_owned(), |encoder| self.path_of(encoder))
    }

    /// The path of a space: `image`, or that of the region that encodes it.
    #[must_use]
    pub fn space_path(&self, id: SpaceId) -> &str {
        self.space(id).and_then(|space| space.encoder).map_or("image", |encoder| self.path(encoder))
    }

    /// The regions around one, from the inside out, over the bounds of spaces.
    pub fn ancestors(&self, id: RegionId) -> impl Iterator<Item = &Region> {
        core::iter::successors(self.region(id).and_then(|region| region.parent), |&id| {
            self.region(id).and_then(|region| region.parent)
        })
        .filter_map(|id| self.region(id))
    }
}
