//! UEFI variable stores, and the volume that holds them.
//!
//! EDK II (stable202411) `MdeModulePkg/Include/Guid/VariableFormat.h` and `SystemNvDataGuid.h`; the variables
//! themselves are those of the UEFI Specification 2.10, section 8.2.
//!
//! ```text
//! store (GUID)         store ($VSS)       variable             authenticated variable
//! 0x00 Signature  16   0x00 Signature 4   0x00 StartId 55AA 2  0x00 StartId 55AA    2
//! 0x10 Size        4   0x04 Size      4   0x02 State        1  0x02 State           1
//! 0x14 Format 5A   1   0x08 Format    1   0x04 Attributes   4  0x04 Attributes      4
//! 0x15 State FE    1   0x09 State     1   0x08 NameSize     4  0x08 MonotonicCount  8
//! 0x16 Reserved    6   0x0a Reserved  6   0x0c DataSize     4  0x10 TimeStamp      16
//! 0x1c variables       0x10 variables     0x10 VendorGuid  16  0x20 PubKeyIndex     4
//!                                         0x20 name, data      0x24 NameSize        4
//!                                                              0x28 DataSize        4
//!                                                              0x2c VendorGuid     16
//!                                                              0x3c name, data
//! ```
//!
//! Behind the header of the volume lie stores, working blocks ([`crate::uefi::ftw`]) and spare blocks; no field says
//! where, since the platform's build knows. They are found by their signatures, at multiples of four bytes. In what
//! lies beside them whole firmware volumes and microcode updates are looked for ([`crate::embedded`]).
//! A store as it left the factory may have an erased size (Apple, Intel): its header is all of it, unless a variable
//! follows; then the size is a lie like any other.
//! Each variable starts at a multiple of four bytes of its store (of `$VSS`, see below), and the first one without `StartId` ends them.
//!
//! Loader modelled: EDK II `VariableRuntimeDxe` and its reader in PEI (`FindVariableEx`, `Reclaim`). A variable counts
//! when its state is 3F; or 3E (a newer one was about to replace it) as long as no variable of the same name has 3F.
//! Those are `variable:<GUID>-<name>` with the fact `live`; all others, which no call returns, are
//! `dead-variable:<GUID>-<name>`, so that what is dead never stands for what lives. Of the dead, one in state 3E beside
//! a newer one comes back when that one goes; all others are remains, since a reclaim drops them. None is free space.
//! One whose data could begin a program is executable.
//! The erase value of a store is FF, as in EDK II.
//!
//! Ambiguities, each a defect: two live variables of one name (the first one is found, until a reclaim); a variable
//! or a store that ends behind what holds it; a store whose format or state says that it is not healthy (EDK II
//! formats it anew; others read on); of a live variable: a name that is not UTF-16 with one NUL at its end (EDK II
//! compares so many bytes as it has, so a shorter one is found for a longer), no data, reserved bytes that are not 0,
//! padding of neither FF nor 00 throughout, a time of more than seconds.
//!
//! # Normal form
//!
//! None is needed: all bytes are leaves, and each field of a live variable is a fact or of one value.
//!
//! Limitations: the formats of other makers (Apple, Phoenix, Insyde, Dell and AMI stores) are leaves that are not
//! understood. `$VSS` stores of the time before EDK II's GUIDs have either kind of variable and nothing says
//! which; the one is taken in which the first variable has a name, the plain one first, and where there is none (an
//! LG R510 has two bytes more in each header) the store is not understood. In them a variable may follow the other without padding (EFI
//! Framework, Intel) or at a multiple of four, whichever place has a `StartId`, the nearer one first; and the Framework's
//! states count as well as EDK II's (7F for 3F), so that whatever either takes for live is judged as live.

use std::collections::BTreeMap;

use kiwame_image::{
    Builder, Defect, DefectKind, Fact, Format, Glance, Guid, Input, Node, Place, Reader, Reading, Recognised,
    RegionId, Segment, Sure, Trouble, Value, Window, fact, len64,
};

use crate::uefi::ftw;
use crate::uefi::variable_data;

/// What lies behind the header of a volume of variable stores.
#[derive(Debug)]
pub(crate) struct Nvram;

/// For the parser of volumes.
pub(crate) static NVRAM: &dyn Format = &Nvram;

impl Format for Nvram {
    fn name(&self) -> &'static str {
        "nvram"
    }

    fn about(&self) -> &'static str {
        "UEFI variable stores, plain and authenticated, down to the variable; fault-tolerant write blocks"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS, variable_data::DEFECTS, ftw::DEFECTS]
    }

    /// A store without a volume around it.
    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let kind = StoreKind::of(head.all())?;
        let size = u64::from(head.u32_le(kind.size_field())?);
        let state = head.bytes(kind.size_field().checked_add(4)?, 2)?;
        let unwritten = size == UNWRITTEN.into();
        let found = Reading::new(self, Sure::Structure);
        (state == HEALTHY && (unwritten || size <= head.size()))
            .then(|| if unwritten { found } else { found.of_length(size) })
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let mut numbers = Numbers::default();
        let mut done = 0;
        while done < at.length() {
            let found = match find(&at, done) {
                Ok(found) => found.filter(|_| numbers.stores.saturating_add(numbers.working) < MAX_BLOCKS),
                Err(trouble) => return out.trouble(trouble),
            };
            let start = found.as_ref().map_or(at.length(), |(start, _)| *start);
            numbers.beside(at.slice(done, start.saturating_sub(done)), out);
            let Some((start, block)) = found else { return };
            let length = numbers.block(&at, start, block, out);
            done = start.saturating_add(length);
            // What lies in a spare block from which nothing is to be restored is no store.
            if matches!(block, Block::Working) && ftw::is_settled(&at.slice(start, length)) {
                return numbers.spare(at.from(done), out);
            }
        }
    }
}

/// What a signature in the volume announces.
#[derive(Clone, Copy)]
enum Block {
    Store(StoreKind),
    Working,
}

/// Indices of what has no other name.
#[derive(Default)]
struct Numbers {
    stores: u32,
    working: u32,
    beside: u32,
}

impl Numbers {
    /// Adds a store or a working block, and says how long it is.
    fn block<'a>(&mut self, at: &Input<'a>, start: u64, block: Block, out: &mut Builder<'_, 'a>) -> u64 {
        let (size, node) = match block {
            Block::Store(kind) => {
                let size = store_size(at, start, kind, out);
                let key = next(&mut self.stores);
                let node = Node::new("variable-store", key, "variable-store", at.slice(start, size));
                (size, node.then(kind.format()))
            }
            Block::Working => {
                let size = ftw::working_size(at, start).unwrap_or(1);
                let key = next(&mut self.working);
                (
                    size,
                    Node::new("ftw-working", key, "ftw-working", at.slice(start, size)).then(&ftw::WORKING),
                )
            }
        };
        out.add(node);
        size.max(1)
    }

    /// Adds a spare block of which nothing counts.
    fn spare<'a>(&mut self, input: Input<'a>, out: &mut Builder<'_, 'a>) {
        // An erased one is as it lies beside any working block.
        if matches!(input.uniform(), Ok(Some(ERASED))) {
            self.beside(input, out);
        } else if !input.is_empty() {
            let node = Node::new("ftw-spare", next(&mut self.beside), "ftw-spare", input).remains();
            out.add_fill(node.then(&Recognised(Place::BesideVolumes)), ERASED);
        }
    }

    /// Adds what lies beside: behind a working block that is the spare block, else a log or padding.
    fn beside<'a>(&mut self, input: Input<'a>, out: &mut Builder<'_, 'a>) {
        if input.is_empty() {
            return;
        }
        let kind = if self.working == 0 { "nvram-padding" } else { "ftw-spare" };
        out.add_fill(
            Node::new(kind, next(&mut self.beside), kind, input).then(&Recognised(Place::BesideVolumes)),
            ERASED,
        );
    }
}

fn next(number: &mut u32) -> String {
    let key = number.to_string();
    *number = number.saturating_add(1);
    key
}

/// The next store or working block at `from` or behind it.
fn find(at: &Input<'_>, from: u64) -> Result<Option<(u64, Block)>, Trouble> {
    let mut start = from.checked_next_multiple_of(4).unwrap_or(u64::MAX);
    while start < at.length() {
        let window = at.slice(start, PIECE).window()?;
        let words = (start..).step_by(4).zip(window.chunks_exact(4));
        for (place, _) in words.filter(|(_, word)| FIRST_WORDS.contains(word)) {
            if let Some(block) = recognise(at, place)? {
                return Ok(Some((place, block)));
            }
        }
        start = start.saturating_add(PIECE);
    }
    Ok(None)
}

fn recognise(at: &Input<'_>, place: u64) -> Result<Option<Block>, Trouble> {
    let head = at.slice(place, STORE_HEADER).window()?;
    if let Some(kind) = StoreKind::of(&head) {
        return Ok(Some(Block::Store(kind)));
    }
    Ok(ftw::working_size(at, place).map(|_| Block::Working))
}

/// How a store lays out its header and its variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StoreKind {
    Plain,
    Authenticated,
    Vss,
}

impl StoreKind {
    fn of(head: &[u8]) -> Option<Self> {
        if head.len() < 16 {
            return None;
        }
        match head {
            _ if head.starts_with(PLAIN_GUID) => Some(Self::Plain),
            _ if head.starts_with(AUTHENTICATED_GUID) => Some(Self::Authenticated),
            // Four letters alone are not enough.
            [b'$', b'V', b'S', b'S', _, _, _, _, 0x5a, 0xfe, ..] => Some(Self::Vss),
            _ => None,
        }
    }

    fn size_field(self) -> u64 {
        match self {
            Self::Plain | Self::Authenticated => 16,
            Self::Vss => 4,
        }
    }

    fn header(self) -> u64 {
        self.size_field().saturating_add(12)
    }

    fn format(self) -> &'static dyn Format {
        match self {
            Self::Plain => &Store(Self::Plain),
            Self::Authenticated => &Store(Self::Authenticated),
            Self::Vss => &Store(Self::Vss),
        }
    }
}

/// `Size` of the store at `start`, cut off where the volume ends.
fn store_size(at: &Input<'_>, start: u64, kind: StoreKind, out: &mut Builder<'_, '_>) -> u64 {
    let room = at.length().saturating_sub(start);
    let place = at.offset().saturating_add(start).saturating_add(kind.size_field());
    let size = match at.slice(start, kind.header()).window() {
        Ok(head) => size_field(&head, kind),
        Err(trouble) => {
            out.trouble(trouble);
            None
        }
    };
    match size.map(u64::from) {
        Some(size) if size == UNWRITTEN.into() && !begins_a_variable(at, start, kind) => {
            kind.header().min(room)
        }
        Some(size) if (kind.header()..=room).contains(&size) => size,
        Some(size) => {
            out.defect(Defect::new(&STORE_SIZE, "Size", place, size, room));
            room
        }
        None => {
            out.defect(Defect::new(&TRUNCATED, "VARIABLE_STORE_HEADER", place, room, kind.header()));
            room
        }
    }
}

/// True when a variable stands where the store's first one would.
fn begins_a_variable(at: &Input<'_>, start: u64, kind: StoreKind) -> bool {
    let first = at.from(start).slice(kind.header(), len64(START_ID)).window();
    first.map_or(true, |first| *first == *START_ID)
}

fn size_field(head: &Window, kind: StoreKind) -> Option<u32> {
    head.piece(0, kind.header())?;
    Some(u32::from_le_bytes(head.piece(kind.size_field(), 4)?.try_into().ok()?))
}

/// One store.
#[derive(Debug)]
struct Store(StoreKind);

impl Format for Store {
    fn name(&self) -> &'static str {
        "variable-store"
    }

    fn about(&self) -> &'static str {
        "a store of UEFI variables"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = self.split(&at, out) {
            out.trouble(trouble);
            let rest = at.from(self.0.header());
            out.add(Node::new("variable-store", "unread", "variable-store-unread", rest).unknown());
        }
    }
}

impl Store {
    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let header = self.0.header();
        let store = at.window()?;
        self.describe(&store, out)?;
        out.add(Node::new("variable-store", "header", "variable-store-header", at.slice(0, header)));

        let Some(layout) = self.layout(&store) else {
            let rest = at.from(header);
            out.add(Node::new("variable-store", "unread", "variable-store-unread", rest).unknown());
            return Ok(());
        };
        let (mut variables, end) = read_all(&store, header, (layout, self.0 == StoreKind::Vss), out);
        if self.0 == StoreKind::Vss {
            variables.iter_mut().for_each(Variable::count_as_the_framework_does);
        }
        let alive = Alive::of(&variables);
        for variable in &variables {
            let input = at.slice(variable.start, variable.length);
            let reach = alive.reach(variable);
            let id = out.add(variable.node(input, reach).then(layout.format()));
            if let Some(id) = id.filter(|_| reach == Reach::Live) {
                variable.odd(&store, id, out);
            }
        }
        for double in alive.doubles {
            let place = at.offset().saturating_add(double.start);
            let (found, expected) = (double.name(), "one live variable of that name");
            out.defect(Defect::new(&DUPLICATE_VARIABLE, "State", place, found, expected));
        }
        out.add_fill(Node::new("variable-store", "free", "variable-store-free", at.from(end)), ERASED);
        Ok(())
    }

    fn describe(&self, store: &Window, out: &mut Builder<'_, '_>) -> Result<(), Trouble> {
        let mut reader = store.reader(&TRUNCATED);
        let kind = self.0;
        reader.bytes(kind.size_field(), "Signature")?;
        let size = reader.u32_le("Size")?;
        let place = reader.offset();
        let state = reader.bytes(2, "Format, State")?;
        if state != HEALTHY {
            out.defect(Defect::new(&STORE_STATE, "Format, State", place, state, HEALTHY));
        }
        out.fact(&AUTHENTICATED, kind == StoreKind::Authenticated);
        out.fact(&fact::SIZE, size);
        for (fact, value) in [&FORMAT, &fact::STATE].into_iter().zip(state) {
            out.fact(fact, *value);
        }
        Ok(())
    }

    /// `None` for a store whose first variable has a name in no layout that is known.
    fn layout(&self, store: &Window) -> Option<Layout> {
        match self.0 {
            StoreKind::Plain => Some(Layout::Plain),
            StoreKind::Authenticated => Some(Layout::Authenticated),
            StoreKind::Vss => {
                let named = |layout: &Layout| {
                    let first = Variable::read(store, self.0.header(), *layout);
                    first.is_ok_and(|first| first.is_none_or(|first| first.has_name()))
                };
                [Layout::Plain, Layout::Authenticated].into_iter().find(named)
            }
        }
    }
}

/// Reads variables until one does not start, and says where that is. They are `packed` where one may follow the other
/// without padding.
fn read_all(
    store: &Window,
    from: u64,
    (layout, packed): (Layout, bool),
    out: &mut Builder<'_, '_>,
) -> (Vec<Variable>, u64) {
    let mut variables = Vec::new();
    let mut at = from;
    loop {
        match Variable::read(store, at, layout) {
            Ok(Some(_)) if variables.len() >= MAX_VARIABLES => {
                let place = store.offset().saturating_add(at);
                out.defect(Defect::new(&TOO_MANY, "StartId", place, len64(&variables), MAX_VARIABLES_64));
                return (variables, at);
            }
            Ok(Some(mut variable)) => {
                if packed {
                    variable.pack(store);
                }
                at = at.saturating_add(variable.length);
                variables.push(variable);
            }
            Ok(None) => return (variables, at),
            Err(defect) => {
                out.defect(defect);
                return (variables, at);
            }
        }
    }
}

/// Which variables count.
struct Alive<'v> {
    added: BTreeMap<(Guid, &'v [u8]), u64>,
    moving: BTreeMap<(Guid, &'v [u8]), u64>,
    doubles: Vec<&'v Variable>,
}

impl<'v> Alive<'v> {
    fn of(variables: &'v [Variable]) -> Self {
        let mut alive = Self { added: BTreeMap::new(), moving: BTreeMap::new(), doubles: Vec::new() };
        for variable in variables {
            let map = match variable.counts_as {
                ADDED => &mut alive.added,
                IN_DELETED_TRANSITION => &mut alive.moving,
                _ => continue,
            };
            let first = *map.entry(variable.key()).or_insert(variable.start);
            if first != variable.start {
                alive.doubles.push(variable);
            }
        }
        alive
    }

    fn reach(&self, variable: &Variable) -> Reach {
        match variable.counts_as {
            ADDED => Reach::Live,
            IN_DELETED_TRANSITION if self.added.contains_key(&variable.key()) => Reach::Pending,
            IN_DELETED_TRANSITION => Reach::Live,
            _ => Reach::Never,
        }
    }
}

/// Who gets to see a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Whoever asks for it.
    Live,
    /// Whoever asks for it once a newer one is gone.
    Pending,
    /// Nobody, and no reclaim brings it back.
    Never,
}

/// How the variables of a store are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Plain,
    Authenticated,
}

impl Layout {
    fn header(self) -> u64 {
        match self {
            Self::Plain => 32,
            Self::Authenticated => 60,
        }
    }

    fn format(self) -> &'static dyn Format {
        match self {
            Self::Plain => &Content(Self::Plain),
            Self::Authenticated => &Content(Self::Authenticated),
        }
    }
}

/// The header and the name of a variable.
struct Variable {
    /// Offset in the store.
    start: u64,
    /// With the padding up to the next one.
    length: u64,
    header: u64,
    state: u8,
    /// The state as EDK II would have it.
    counts_as: u8,
    reserved: u8,
    attributes: u32,
    authentication: Option<Authentication>,
    name_size: u64,
    data_size: u64,
    vendor: Guid,
    /// As it lies there.
    raw_name: Vec<u8>,
}

struct Authentication {
    monotonic_count: u64,
    time: String,
    /// True when the rest of the time is zero, as authenticated variables have it.
    whole_seconds: bool,
    key_index: u32,
}

impl Variable {
    /// The variable at `start`; `None` where there is none.
    fn read(store: &Window, start: u64, layout: Layout) -> Result<Option<Self>, Defect> {
        let bytes = store.get(kiwame_image::to_usize(start)..).unwrap_or_default();
        if !bytes.starts_with(START_ID) {
            return Ok(None);
        }
        let mut reader = Reader::new(bytes, store.offset().saturating_add(start), &VARIABLE_SIZE);
        reader.bytes(2, "StartId")?;
        let state = reader.u8("State")?;
        let reserved = reader.u8("Reserved")?;
        let attributes = reader.u32_le("Attributes")?;
        let authentication = match layout {
            Layout::Plain => None,
            Layout::Authenticated => Some(Authentication::read(&mut reader)?),
        };
        let sizes = (reader.u32_le("NameSize")?, reader.u32_le("DataSize")?);
        let vendor = reader.guid("VendorGuid")?;
        // EDK II `NameSizeOfVariable`: a header that was not written to its end has neither name nor data.
        let unwritten =
            state == ERASED || attributes == u32::MAX || sizes.0 == u32::MAX || sizes.1 == u32::MAX;
        let (name_size, data_size) =
            if unwritten { (0, 0) } else { (u64::from(sizes.0), u64::from(sizes.1)) };
        let raw_name = reader.bytes(name_size, "NameSize")?.to_vec();
        reader.bytes(data_size, "DataSize")?;
        let length = reader.position().checked_next_multiple_of(4).unwrap_or(u64::MAX).min(len64(bytes));
        let header = layout.header();
        Ok(Some(Self {
            start,
            length,
            header,
            state,
            counts_as: state,
            reserved,
            attributes,
            authentication,
            name_size,
            data_size,
            vendor,
            raw_name,
        }))
    }

    /// Header, name and data.
    fn used(&self) -> u64 {
        self.header.saturating_add(self.name_size).saturating_add(self.data_size)
    }

    /// Takes the padding off, unless the next variable stands behind it and none before.
    fn pack(&mut self, store: &Window) {
        let starts = |length: u64| {
            store.piece(self.start.saturating_add(length), len64(START_ID)).is_some_and(|id| id == START_ID)
        };
        if starts(self.used()) || !starts(self.length) {
            self.length = self.used();
        }
    }

    /// The Framework's `VAR_ADDED` is 7F, which EDK II has for a header without data, and its other states lack the same
    /// bit. Whichever wrote a `$VSS` store, what either returns is live.
    fn count_as_the_framework_does(&mut self) {
        self.counts_as = self.state & !HEADER_VALID;
    }

    fn key(&self) -> (Guid, &[u8]) {
        (self.vendor, &self.raw_name)
    }

    /// The name without its end, in UTF-8 where it is UTF-16; else the bytes as they are.
    fn name_key(&self) -> Vec<u8> {
        utf16(&self.raw_name).map_or_else(|| self.raw_name.clone(), String::into_bytes)
    }

    fn name(&self) -> String {
        String::from_utf8_lossy(&self.name_key()).into_owned()
    }

    /// True when the name is what names are: letters with an end.
    fn has_name(&self) -> bool {
        self.raw_name.ends_with(&[0, 0]) && utf16(&self.raw_name).is_some_and(|name| !name.is_empty())
    }

    /// Notes what EDK II does not write, or does not find by the name that it shows.
    fn odd(&self, store: &Window, id: RegionId, out: &mut Builder<'_, '_>) {
        let place = store.offset().saturating_add(self.start);
        let mut note = |field, found: Value, expected: &str| {
            out.defect_of(id, Defect::new(&VARIABLE, field, place, found, expected));
        };
        if !self.has_name() {
            note("Name", self.raw_name.as_slice().into(), "UTF-16 with one NUL, at its end");
        }
        if self.data_size == 0 {
            note("DataSize", self.data_size.into(), "data");
        }
        if self.reserved != 0 {
            note("Reserved", self.reserved.into(), "0");
        }
        let used = self.used();
        let padding = store.piece(self.start.saturating_add(used), self.length.saturating_sub(used));
        if let Some(padding) = padding.filter(|padding| padded_with(padding).is_none()) {
            note("padding", padding.into(), "FF, or 00");
        }
        let Some(authentication) = &self.authentication else { return };
        if !authentication.whole_seconds {
            note("TimeStamp", authentication.time.as_str().into(), "a time without more than seconds");
        }
    }

    fn node<'a>(&self, input: Input<'a>, reach: Reach) -> Node<'a> {
        let key = [self.vendor.to_string().as_bytes(), b"-", &self.name_key()].concat();
        let format = if reach == Reach::Live { "variable" } else { "dead-variable" };
        // No remains may be a program (RULES 12); what lives is compared.
        let data = input.slice(self.header.saturating_add(self.name_size), self.data_size);
        let runs = reach != Reach::Live && self.data_size > 0 && could_hold_program(&data);
        let newer = Segment::new("variable", &key).to_string();
        let node = Node::new(format, key, "variable", input);
        let node = if reach == Reach::Never { node.remains() } else { node };
        let node = if runs { node.with(&fact::EXECUTABLE, true) } else { node };
        let node = if reach == Reach::Pending { node.with(&fact::COPY_OF, newer) } else { node };
        let node = node
            .guid(self.vendor)
            .name(self.name())
            .component()
            .with(&fact::LIVE, reach == Reach::Live)
            .with(&fact::STATE, self.state)
            .with(&fact::ATTRIBUTES, self.attributes)
            .with(&fact::DATA_SIZE, self.data_size);
        match &self.authentication {
            None => node,
            Some(authentication) => node
                .with(&fact::MONOTONIC_COUNT, authentication.monotonic_count)
                .with(&fact::TIMESTAMP, authentication.time.as_str())
                .with(&fact::PUBLIC_KEY_INDEX, authentication.key_index),
        }
    }
}

/// True for data that could run, or in which something begins that has a mark: dead, they may hold no program.
fn could_hold_program(data: &Input<'_>) -> bool {
    data.holds_program()
}

impl Authentication {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Defect> {
        let monotonic_count = reader.u64_le("MonotonicCount")?;
        let (time, whole_seconds) = time(reader)?;
        let key_index = reader.u32_le("PubKeyIndex")?;
        Ok(Self { monotonic_count, time, whole_seconds, key_index })
    }
}

/// An `EFI_TIME` (UEFI 2.10, section 8.3.1), as far as authenticated variables use it: the rest of it must be zero
/// there, and whether it is. Empty when it is all zeros.
fn time(reader: &mut Reader<'_>) -> Result<(String, bool), Defect> {
    let year = reader.u16_le("TimeStamp")?;
    let all = reader.bytes(14, "TimeStamp")?;
    let [month, day, hour, minute, second, rest @ ..] = all else { return Ok((String::new(), false)) };
    if year == 0 && all.iter().all(|&byte| byte == 0) {
        return Ok((String::new(), true));
    }
    let shown = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    Ok((shown, rest.iter().all(|&byte| byte == 0)))
}

/// A string of UTF-16 with or without its end; `None` when it is not one, or has an end within.
pub(crate) fn utf16(raw: &[u8]) -> Option<String> {
    let (pairs, []) = raw.as_chunks::<2>() else { return None };
    let units: Vec<u16> = pairs.iter().map(|pair| u16::from_le_bytes(*pair)).collect();
    let units = units.strip_suffix(&[0]).unwrap_or(&units);
    if units.contains(&0) {
        return None;
    }
    String::from_utf16(units).ok()
}

/// A variable, taken apart.
#[derive(Debug)]
struct Content(Layout);

impl Format for Content {
    fn name(&self) -> &'static str {
        "variable"
    }

    fn about(&self) -> &'static str {
        "a UEFI variable"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let window = match at.window() {
            Ok(window) => window,
            Err(trouble) => return out.trouble(trouble),
        };
        let Ok(Some(variable)) = Variable::read(&window, 0, self.0) else { return };
        let leaf = |name: &'static str, kind, input| Node::new("variable", name, kind, input);
        let (header, name_size) = (variable.header, variable.name_size);
        let name_end = header.saturating_add(name_size);
        let data_end = name_end.saturating_add(variable.data_size);
        let guard = variable_data::guard(&variable.name(), variable.vendor);
        let node = leaf("header", "variable-header", at.slice(0, header));
        out.add(match guard {
            Some(guard) => node.with(guard, true),
            None => node,
        });
        if let Some(guard) = guard {
            out.fact(guard, true);
        }
        out.add(leaf("name", "variable-name", at.slice(header, name_size)));
        let data = at.slice(name_end, variable.data_size);
        if let Some(bytes) = window.piece(name_end, variable.data_size) {
            if bytes.len() <= SHORT_VALUE {
                out.fact(&fact::VALUE, Value::Bytes(bytes.to_vec()));
            } else {
                match data.sha256() {
                    Ok(digest) => out.fact(&fact::VALUE_SHA256, digest.hex()),
                    Err(trouble) => return out.trouble(trouble),
                }
            }
            variable_data::add(&variable.name(), variable.vendor, data, bytes, out);
        }
        let padding = at.from(data_end);
        let value = window.piece(data_end, padding.length()).and_then(padded_with);
        out.add_fill(leaf("padding", "variable-padding", padding), value.unwrap_or(ERASED));
    }
}

/// What stands in all of the up to three bytes behind a variable, which nobody reads: EDK II writes FF there, and in a store that
/// its driver for Arm wrote in qemu stood zeros.
fn padded_with(padding: &[u8]) -> Option<u8> {
    [ERASED, 0].into_iter().find(|value| padding.iter().all(|byte| byte == value))
}

const ERASED: u8 = 0xff;
/// `Size` of a store that nobody has written yet.
const UNWRITTEN: u32 = u32::MAX;
const START_ID: &[u8] = &[0xaa, 0x55];
/// `VARIABLE_STORE_FORMATTED` and `VARIABLE_STORE_HEALTHY`.
const HEALTHY: &[u8] = &[0x5a, 0xfe];
/// `VAR_ADDED`; bits of a state are cleared one after the other.
const ADDED: u8 = 0x3f;
/// The bit that `VAR_ADDED` clears beside that of `VAR_HEADER_VALID_ONLY`.
const HEADER_VALID: u8 = 0x40;
/// `VAR_ADDED & VAR_IN_DELETED_TRANSITION`.
const IN_DELETED_TRANSITION: u8 = 0x3e;
/// `gEfiVariableGuid` DDCF3616-3275-4164-98B6-FE85707FFE7D.
const PLAIN_GUID: &[u8; 16] = b"\x16\x36\xcf\xdd\x75\x32\x64\x41\x98\xb6\xfe\x85\x70\x7f\xfe\x7d";
/// `gEfiAuthenticatedVariableGuid` AAF32C78-947B-439A-A180-2E144EC37792.
const AUTHENTICATED_GUID: &[u8; 16] = b"\x78\x2c\xf3\xaa\x7b\x94\x9a\x43\xa1\x80\x2e\x14\x4e\xc3\x77\x92";
/// How the blocks of a volume begin: three GUIDs, an older one of working blocks, `$VSS`.
const FIRST_WORDS: [&[u8]; 5] =
    [b"\x16\x36\xcf\xdd", b"\x78\x2c\xf3\xaa", b"\x2b\x29\x58\x9e", b"\x8d\x2b\xf1\xff", b"$VSS"];
const STORE_HEADER: u64 = 28;
/// Bytes searched in one go; a multiple of four, and small, since the search begins anew behind each find.
const PIECE: u64 = 4 << 10;
/// So many stores and working blocks of one volume are looked at; real volumes have two or three. What lies behind
/// them is not understood.
const MAX_BLOCKS: u32 = 256;
/// So many variables of one store are looked at; real stores hold some hundred.
const MAX_VARIABLES: usize = 0x1_0000;
const MAX_VARIABLES_64: u64 = 0x1_0000;
/// Values up to this length are facts, so that rules can speak of them.
const SHORT_VALUE: usize = 256;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&DUPLICATE_VARIABLE, &STORE_SIZE, &STORE_STATE, &TOO_MANY, &TRUNCATED, &VARIABLE, &VARIABLE_SIZE];

/// Two live variables have one name: which one counts depends on the driver.
static DUPLICATE_VARIABLE: DefectKind = DefectKind::ambiguous("nvram/duplicate-variable");
/// The store says that it is longer than its place.
static STORE_SIZE: DefectKind = DefectKind::ambiguous("nvram/store-size");
/// The store is not formatted, or not healthy: a driver may make it anew.
static STORE_STATE: DefectKind = DefectKind::ambiguous("nvram/store-state");
/// There are more variables of one kind than are read.
static TOO_MANY: DefectKind = DefectKind::odd("nvram/too-many");
/// The store, or a variable in it, ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("nvram/truncated").cut_short();
/// A field of a variable has a value that drivers read differently.
static VARIABLE: DefectKind = DefectKind::ambiguous("nvram/variable");
/// A variable is longer than what is left of the store: reading ends there.
static VARIABLE_SIZE: DefectKind = DefectKind::ambiguous("nvram/variable-size");

// Facts, in the words of the specification.
static FORMAT: Fact = Fact::new("format");
static AUTHENTICATED: Fact = Fact::new("authenticated");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    const GLOBAL: [u8; 16] = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
    const BOOT: &str = "variable-store:0/variable:8BE4DF61-93CA-11D2-AA0D-00E098032B8C-Boot0001";
    const ORDER: &str = "variable-store:0/variable:8BE4DF61-93CA-11D2-AA0D-00E098032B8C-BootOrder";

    fn utf16_of(name: &str) -> Vec<u8> {
        name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    fn variable(store: &mut Vec<u8>, state: u8, name: &str, data: &[u8]) {
        let name = utf16_of(name);
        store.extend([0xaa, 0x55, state, 0, 7, 0, 0, 0]);
        store.extend([0; 8]);
        store.extend([0xe8, 7, 2, 3, 4, 5, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        store.extend([9, 0, 0, 0]);
        store.extend((name.len() as u32).to_le_bytes());
        store.extend((data.len() as u32).to_le_bytes());
        store.extend(GLOBAL);
        store.extend(name);
        store.extend(data);
        store.resize(store.len().next_multiple_of(4), 0xff);
    }

    fn store(variables: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut store = AUTHENTICATED_GUID.to_vec();
        store.extend([0; 4]);
        store.extend([0x5a, 0xfe, 0, 0, 0, 0, 0, 0]);
        variables(&mut store);
        store.resize(store.len() + 64, 0xff);
        let size = (store.len() as u32).to_le_bytes();
        put(&mut store, 16, &size);
        store
    }

    fn boot_option() -> Vec<u8> {
        [&[1, 0, 0, 0, 4, 0][..], &utf16_of("Disk"), &[0x7f, 0xff, 4, 0], b"optional"].concat()
    }

    fn sample() -> Vec<u8> {
        store(|store| {
            variable(store, 0x3f, "Boot0001", &boot_option());
            variable(store, 0x3c, "BootOrder", &[2, 0]);
            variable(store, 0x3f, "BootOrder", &[1, 0, 2, 0]);
            variable(store, 0x3e, "Lang", b"eng");
        })
    }

    #[test]
    fn a_store_is_split_down_to_the_variable() {
        let tree = parse(NVRAM, &sample());
        assert_eq!(defects(&tree), [""; 0]);
        let boot = region(&tree, BOOT);
        assert!(boot.component);
        assert_eq!(boot.attribute("description"), Some(&Value::from("Disk")));
        assert_eq!(boot.attribute("device-path"), Some(&Value::from(&[0x7f, 0xff, 4, 0][..])));
        assert_eq!(boot.attribute("timestamp"), Some(&Value::from("2024-02-03T04:05:06Z")));
        assert_eq!(boot.attribute("public-key-index"), Some(&Value::Uint(9)));
        let free = leaves(&tree).pop().unwrap();
        assert_eq!((free.0, free.3), ("variable-store-free", 64));
    }

    #[test]
    fn deleted_variables_are_leaves_and_not_live() {
        let tree = parse(NVRAM, &sample());
        let dead = region(&tree, &ORDER.replace("/variable:", "/dead-variable:"));
        assert_eq!((dead.attribute("live"), dead.remains), (Some(&Value::Flag(false)), true));
        let order = region(&tree, ORDER);
        assert_eq!((order.attribute("live"), order.remains), (Some(&Value::Flag(true)), false));
        assert_eq!(order.attribute("order"), Some(&Value::from("0001,0002")));
    }

    #[test]
    fn dead_data_that_begin_like_a_program_are_executable() {
        for (state, data, executable) in
            [(0x3d, &b"#!/bin/sh"[..], true), (0x3d, b"eng", false), (0x3f, b"#!/bin/sh", false)]
        {
            let tree = parse(NVRAM, &store(|store| variable(store, state, "Lang", data)));
            let found = tree.regions().find(|region| region.kind == "variable").expect("a variable");
            assert_eq!(found.attribute("executable").is_some(), executable, "{state:#x}");
        }
    }

    #[test]
    fn what_a_reclaim_drops_is_remains_and_what_comes_back_is_not() {
        for (state, remains) in [(0x3d, true), (0x3c, true), (0x7f, true), (0xff, true), (0x3e, false)] {
            let bytes = store(|store| {
                variable(store, state, "Lang", b"eng");
                variable(store, 0x3f, "Lang", b"fra");
            });
            let tree = parse(NVRAM, &bytes);
            let variables: Vec<_> = tree.regions().filter(|region| region.kind == "variable").collect();
            if state != 0xff {
                assert_eq!(variables.len(), 2);
            }
            let [first, ..] = &variables[..] else { panic!("variables") };
            assert_eq!((first.segment.format, first.remains), ("dead-variable", remains), "{state:#x}");
        }
    }

    #[test]
    fn a_live_variable_is_as_edk_ii_writes_it() {
        let sound = store(|store| variable(store, 0x3f, "Lang", b"engl5"));
        assert_eq!(defects(&parse(NVRAM, &sound)), [""; 0]);
        let from = 28;
        let name_end = from + 60 + 10;
        for (at, byte) in [
            (from + 3, 1),        // Reserved
            (from + 16 + 7, 1),   // Pad1 of TimeStamp
            (from + 16 + 15, 1),  // Pad2
            (name_end - 2, b'x'), // the NUL of the name
            (name_end - 4, 0),    // a NUL within
            (name_end + 5, 1),    // padding
        ] {
            let mut bytes = sound.clone();
            bytes[at] = byte;
            assert_eq!(defects(&parse(NVRAM, &bytes)), ["nvram/variable"], "{at}");
            bytes[from + 2] = 0x3d;
            assert_eq!(defects(&parse(NVRAM, &bytes)), [""; 0], "{at}, dead");
        }
        let mut zeros = sound.clone();
        zeros[name_end + 5] = 0;
        let tree = parse(NVRAM, &zeros);
        assert_eq!(defects(&tree), [""; 0]);
        let padding = tree.regions().find(|region| region.kind == "variable-padding").expect("padding");
        assert_eq!((padding.span.length, padding.content), (1, kiwame_image::Content::Fill));
        let empty = store(|store| variable(store, 0x3f, "Lang", b""));
        assert_eq!(defects(&parse(NVRAM, &empty)), ["nvram/variable"]);
    }

    #[test]
    fn a_variable_about_to_be_replaced_lives_until_the_new_one_does() {
        let lives = |states: [u8; 2]| {
            let bytes =
                store(|store| states.iter().for_each(|&state| variable(store, state, "Lang", b"eng")));
            let tree = parse(NVRAM, &bytes);
            let variables = tree.regions().filter(|region| region.kind == "variable");
            variables.map(|region| region.attribute("live") == Some(&Value::Flag(true))).collect::<Vec<_>>()
        };
        assert_eq!(lives([0x3e, 0x7f]), [true, false]);
        assert_eq!(lives([0x3e, 0x3f]), [false, true]);
    }

    #[test]
    fn two_live_variables_of_one_name_are_ambiguous() {
        let twice = store(|store| {
            variable(store, 0x3f, "Lang", b"eng");
            variable(store, 0x3f, "Lang", b"fra");
        });
        let tree = parse(NVRAM, &twice);
        assert_eq!(defects(&tree), ["nvram/duplicate-variable"]);
        assert!(tree.defects()[0].kind.ambiguous);
    }

    #[test]
    fn free_space_that_is_not_erased_is_not_understood() {
        let mut bytes = sample();
        let last = bytes.len() - 1;
        bytes[last] = 0;
        let tree = parse(NVRAM, &bytes);
        assert_eq!(
            region(&tree, "variable-store:0/variable-store:free").content,
            kiwame_image::Content::Unknown
        );
    }

    #[test]
    fn a_store_beyond_its_volume_and_an_unhealthy_one_are_ambiguous() {
        let mut bytes = sample();
        let size = (bytes.len() as u32 + 1).to_le_bytes();
        put(&mut bytes, 16, &size);
        assert_eq!(defects(&parse(NVRAM, &bytes)), ["nvram/store-size"]);
        let mut bytes = sample();
        bytes[21] = 0;
        assert_eq!(defects(&parse(NVRAM, &bytes)), ["nvram/store-state"]);
    }

    #[test]
    fn a_variable_beyond_its_store_is_ambiguous() {
        let mut bytes = sample();
        put(&mut bytes, 28 + 40, &0x1000u32.to_le_bytes());
        let tree = parse(NVRAM, &bytes);
        assert_eq!(defects(&tree), ["nvram/variable-size"]);
        assert!(tree.defects()[0].kind.ambiguous);
    }

    #[test]
    fn plain_and_old_stores_have_plain_variables() {
        let name = utf16_of("Lang");
        let mut variable = vec![0xaa, 0x55, 0x3f, 0, 3, 0, 0, 0, name.len() as u8, 0, 0, 0, 4, 0, 0, 0];
        variable.extend(GLOBAL);
        variable.extend(name);
        variable.extend(b"eng\0\xff\xff");
        let mut plain = [&PLAIN_GUID[..], &[0x80, 0, 0, 0, 0x5a, 0xfe, 0, 0, 0, 0, 0, 0]].concat();
        let mut old = b"$VSS\x80\0\0\0\x5a\xfe\0\0\0\0\0\0".to_vec();
        for store in [&mut plain, &mut old] {
            store.extend(&variable);
            store.resize(0x80, 0xff);
            let tree = parse(NVRAM, store);
            let path = "variable-store:0/variable:8BE4DF61-93CA-11D2-AA0D-00E098032B8C-Lang";
            assert_eq!(region(&tree, path).attribute("value"), Some(&Value::from(&b"eng\0"[..])));
            assert_eq!(defects(&tree), [""; 0]);
        }
    }

    #[test]
    fn stores_beyond_all_reason_are_one_leaf() {
        let bytes = store(|_| {}).repeat(300);
        let tree = parse(NVRAM, &bytes);
        assert_eq!(tree.regions().filter(|region| region.kind == "variable-store").count(), 256);
        let last = leaves(&tree).pop().unwrap();
        assert_eq!((last.0, last.3), ("nvram-padding", 44 * 92));
    }

    /// `$VSS`, formatted and healthy, of erased size; then `behind`.
    fn as_from_the_factory(behind: &[u8]) -> Vec<u8> {
        [&b"$VSS\xff\xff\xff\xff\x5a\xfe\0\0\0\0\0\0"[..], behind].concat()
    }

    #[test]
    fn a_store_of_erased_size_is_its_header_and_hides_nothing_behind_it() {
        let update = crate::x86::microcode::tests::sample();
        let tree =
            parse(NVRAM, &as_from_the_factory(&[&[0xff; 64], &sample()[..], &[0xff; 16], &update].concat()));
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "variable-store:0").span.length, 16);
        assert_eq!(region(&tree, "nvram-padding:0").span.length, 64);
        region(&tree, &BOOT.replace("store:0", "store:1"));
        region(&tree, "nvram-padding:1/microcode:000906ea-22");
        let alone = as_from_the_factory(&[0xff; 64]);
        assert_eq!(crate::identify(&Glance::new(&alone, len64(&alone))).name(), "nvram");
    }

    #[test]
    fn a_store_of_erased_size_with_a_variable_says_too_much() {
        let mut variables = Vec::new();
        variable(&mut variables, 0x3f, "Lang", b"eng");
        let tree = parse(NVRAM, &as_from_the_factory(&variables));
        assert_eq!(defects(&tree), ["nvram/store-size"]);
        assert!(tree.defects()[0].kind.ambiguous);
        assert!(tree.regions().any(|region| region.kind == "variable"));
    }

    #[test]
    fn whole_volumes_beside_stores_are_opened_and_cut_ones_are_not() {
        use crate::uefi::fixtures::{A, FFS2, file, volume};
        let inner = volume(FFS2, &[file(A, 7, b"")], 0x100);
        let bytes = [&sample()[..], &[0xff; 0x20], &inner, &[0xff; 8]].concat();
        let tree = parse(NVRAM, &bytes);
        assert_eq!(defects(&tree), [""; 0]);
        region(&tree, &format!("nvram-padding:0/uefi-volume:0/uefi-file:{A}"));
        // What is left of a volume in a spare block is no volume.
        let cut = [&sample()[..], &inner[..0xc0]].concat();
        let tree = parse(NVRAM, &cut);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "nvram-padding:0").content, kiwame_image::Content::Unknown);
        // Nor is a copy of the variables' own volume.
        let copy = volume("FFF12B8D-7696-4C8B-A985-2747075B4F50", &[], 0x80);
        let tree = parse(NVRAM, &[&sample()[..], &copy].concat());
        assert!(region(&tree, "nvram-padding:0").is_leaf());
    }

    /// A variable of the EFI Framework: plain, without padding.
    fn framework(state: u8, name: &str, data: &[u8]) -> Vec<u8> {
        let name = utf16_of(name);
        let sizes = [(name.len() as u32).to_le_bytes(), (data.len() as u32).to_le_bytes()].concat();
        [&[0xaa, 0x55, state, 0, 7, 0, 0, 0], &sizes[..], &GLOBAL, &name, data].concat()
    }

    #[test]
    fn variables_of_the_framework_are_packed_and_live_in_its_own_state() {
        let all = [
            framework(0x7f, "Lang", b"eng"),
            framework(0x7d, "Timeout", &[5, 0]),
            framework(0x7f, "Timeout", &[6, 0]),
            framework(0x3f, "Other", b"x"),
            vec![0xff; 9],
        ]
        .concat();
        let mut store = as_from_the_factory(&all);
        let size = (store.len() as u32).to_le_bytes();
        put(&mut store, 4, &size);
        let tree = parse(NVRAM, &store);
        assert_eq!(defects(&tree), [""; 0]);
        let variables = tree.regions().filter(|region| region.kind == "variable");
        let shown: Vec<_> =
            variables.map(|region| (region.segment.format, region.span.length, region.remains)).collect();
        let expected = [
            ("variable", 45, false),
            ("dead-variable", 50, true),
            ("variable", 50, false),
            ("variable", 45, false),
        ];
        assert_eq!(shown, expected);
        assert_eq!(leaves(&tree).pop().map(|leaf| (leaf.0, leaf.3)), Some(("variable-store-free", 9)));
        torture(NVRAM, &store);
    }

    #[test]
    fn variables_of_other_vss_stores_are_padded() {
        let all =
            [&framework(0x3f, "Lang", b"eng")[..], &[0xff; 3], &framework(0x3f, "Other", b"x")].concat();
        let mut store = as_from_the_factory(&all);
        let size = (store.len() as u32).to_le_bytes();
        put(&mut store, 4, &size);
        let tree = parse(NVRAM, &store);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(tree.regions().filter(|region| region.kind == "variable").count(), 2);
    }

    #[test]
    fn a_vss_store_of_another_layout_is_not_understood() {
        // A check of two bytes before the name, as an LG R510 has it.
        let mut first = framework(0x7f, "MTC", &[1, 0, 0, 0]);
        first.splice(32..32, [0xc0, 0x9a]);
        let mut store = as_from_the_factory(&[&first[..], &first, &[0xff; 16]].concat());
        let size = (store.len() as u32).to_le_bytes();
        put(&mut store, 4, &size);
        let tree = parse(NVRAM, &store);
        assert_eq!(defects(&tree), [""; 0]);
        let rest = region(&tree, "variable-store:0/variable-store:unread");
        assert_eq!(rest.content, kiwame_image::Content::Unknown);
    }

    #[test]
    fn hostile_bytes() {
        torture(NVRAM, &sample());
    }
}
