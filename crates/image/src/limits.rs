//! Counted budgets. Never the clock: giving up must be the same on every host.

use core::cell::Cell;

/// How much one run may spend. Part of the report, since it can change the verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one decoded space may have. 128 MiB: four times the largest UEFI volume of the corpus.
    pub space: u64,
    /// Bytes of decoded spaces alive at one time. 192 MiB: with the largest space, its encoded form and the
    /// tree, this stays well below the 512 MiB that the hosts give the module, so it always trips first.
    pub live: u64,
    /// Bytes decoded in the whole run. 4 GiB: 32 spaces of the largest size. See [`Limits::for_image`].
    pub decoded: u64,
    /// Nesting of regions. 32: the deepest real image of the corpus has 14.
    pub depth: u32,
    /// Regions in the tree, one more for each 256 bytes of path, name and facts that a region brings. 160,000: OVMF
    /// has some 2,500, a root file system two for each file. A region takes 0.4 KiB in the tree, 1.1 KiB with two reports of
    /// it, and 1.9 KiB while a manifest is made, so that with the largest decoded spaces alive the module stays within its
    /// 512 MiB.
    pub nodes: u64,
    /// Bytes read from the image by parsers, a byte read twice counting twice. 64 GiB.
    pub reads: u64,
    /// Defects that are kept; further ones only count. 10,000.
    pub defects: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            space: 128 * MIB,
            live: 192 * MIB,
            decoded: 4096 * MIB,
            depth: 32,
            nodes: 160_000,
            reads: 65_536 * MIB,
            defects: 10_000,
        }
    }
}

impl Limits {
    /// The default for an image of so many bytes: 32 bytes decoded for each of its own, and 256 MiB. No file of the
    /// corpus comes there; what does is made to keep a reader busy (RULES 33).
    #[must_use]
    pub fn for_image(size: u64) -> Self {
        let limits = Self::default();
        let decoded = size.saturating_mul(32).saturating_add(256 << 20);
        Self { decoded: limits.decoded.min(decoded), ..limits }
    }
}

/// Which limit was hit. A run that hit one is *cannot tell*, exit code 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LimitKind {
    /// One decoded space.
    Space,
    /// All decoded spaces alive.
    Live,
    /// All bytes decoded.
    Decoded,
    /// Nesting.
    Depth,
    /// Regions.
    Nodes,
    /// Bytes read.
    Reads,
    /// Defects.
    Defects,
}

impl LimitKind {
    /// Every limit.
    pub const ALL: [Self; 7] =
        [Self::Space, Self::Live, Self::Decoded, Self::Depth, Self::Nodes, Self::Reads, Self::Defects];

    /// The limit of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Gives that field another value.
    pub fn set(self, limits: &mut Limits, value: u64) {
        match self {
            Self::Space => limits.space = value,
            Self::Live => limits.live = value,
            Self::Decoded => limits.decoded = value,
            Self::Depth => limits.depth = u32::try_from(value).unwrap_or(u32::MAX),
            Self::Nodes => limits.nodes = value,
            Self::Reads => limits.reads = value,
            Self::Defects => limits.defects = value,
        }
    }

    /// The name of the field of [`Limits`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Space => "space",
            Self::Live => "live",
            Self::Decoded => "decoded",
            Self::Depth => "depth",
            Self::Nodes => "nodes",
            Self::Reads => "reads",
            Self::Defects => "defects",
        }
    }

    /// The value of that field.
    #[must_use]
    pub fn of(self, limits: &Limits) -> u64 {
        match self {
            Self::Space => limits.space,
            Self::Live => limits.live,
            Self::Decoded => limits.decoded,
            Self::Depth => limits.depth.into(),
            Self::Nodes => limits.nodes,
            Self::Reads => limits.reads,
            Self::Defects => limits.defects,
        }
    }
}

/// What has been spent so far.
#[derive(Debug)]
pub struct Budget {
    limits: Limits,
    live: Cell<u64>,
    decoded: Cell<u64>,
    nodes: Cell<u64>,
    reads: Cell<u64>,
}

impl Budget {
    /// Nothing spent yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            live: Cell::new(0),
            decoded: Cell::new(0),
            nodes: Cell::new(0),
            reads: Cell::new(0),
        }
    }

    /// The limits this budget spends from.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Spends the read of `length` bytes.
    pub(crate) fn read(&self, length: u64) -> Result<(), LimitKind> {
        spend(&self.reads, length, self.limits.reads, LimitKind::Reads)
    }

    /// Spends one region with so many bytes of text about it.
    pub(crate) fn node(&self, text: u64) -> Result<(), LimitKind> {
        let cost = text.wrapping_shr(8).saturating_add(1);
        spend(&self.nodes, cost, self.limits.nodes, LimitKind::Nodes)
    }

    /// Spends so many bytes of text about a region that exists.
    pub(crate) fn text(&self, length: u64) -> Result<(), LimitKind> {
        spend(&self.nodes, length.wrapping_shr(8), self.limits.nodes, LimitKind::Nodes)
    }

    /// How many bytes a stream that is about to be decoded may have at most, and which limit says so.
    pub(crate) fn room(&self) -> (u64, LimitKind) {
        let left = |limit: u64, spent: &Cell<u64>| limit.saturating_sub(spent.get());
        [
            (self.limits.space, LimitKind::Space),
            (left(self.limits.live, &self.live), LimitKind::Live),
            (left(self.limits.decoded, &self.decoded), LimitKind::Decoded),
        ]
        .into_iter()
        .min()
        .unwrap_or((0, LimitKind::Space))
    }

    /// Spends a decoded space of `length` bytes.
    pub(crate) fn decoded(&self, length: u64) {
        self.live.set(self.live.get().saturating_add(length));
        self.decoded.set(self.decoded.get().saturating_add(length));
    }

    /// Spends the work of decoding so many bytes that are no space of their own.
    pub(crate) fn scratch(&self, length: u64) -> Result<(), LimitKind> {
        spend(&self.decoded, length, self.limits.decoded, LimitKind::Decoded)
    }

    /// Gives the memory of a decoded space back; the work it took stays spent.
    pub(crate) fn dropped(&self, length: u64) {
        self.live.set(self.live.get().saturating_sub(length));
    }
}

fn spend(spent: &Cell<u64>, amount: u64, limit: u64, kind: LimitKind) -> Result<(), LimitKind> {
    let total = spent.get().saturating_add(amount);
    if total > limit {
        return Err(kind);
    }
    spent.set(total);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_set_and_read_by_its_name() {
        for kind in LimitKind::ALL {
            let mut limits = Limits::default();
            let named = LimitKind::named(kind.name()).expect("it has a name");
            named.set(&mut limits, 7);
            assert_eq!(
                LimitKind::ALL.map(|other| other.of(&limits) == 7),
                LimitKind::ALL.map(|other| other == kind)
            );
        }
        assert_eq!(LimitKind::named("time"), None);
    }

    #[test]
    fn room_is_the_tightest_of_three() {
        let limits = Limits { space: 100, live: 150, decoded: 300, ..Limits::default() };
        let budget = Budget::new(&limits);
        assert_eq!(budget.room(), (100, LimitKind::Space));
        budget.decoded(100);
        assert_eq!(budget.room(), (50, LimitKind::Live));
        budget.dropped(100);
        budget.decoded(100);
        budget.dropped(100);
        budget.decoded(50);
        budget.dropped(50);
        assert_eq!(budget.room(), (50, LimitKind::Decoded));
    }

    #[test]
    fn text_about_a_region_counts_as_regions() {
        let budget = Budget::new(&Limits { nodes: 5, ..Limits::default() });
        assert_eq!(budget.node(255), Ok(()));
        assert_eq!(budget.node(1024), Err(LimitKind::Nodes));
        assert_eq!(budget.node(1023), Ok(()));
        assert_eq!(budget.node(0), Err(LimitKind::Nodes));
    }

    #[test]
    fn the_last_unit_may_be_spent_and_no_more() {
        let budget = Budget::new(&Limits { reads: 4, ..Limits::default() });
        assert_eq!(budget.read(4), Ok(()));
        assert_eq!(budget.read(1), Err(LimitKind::Reads));
    }
}
