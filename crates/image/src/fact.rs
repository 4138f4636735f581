//! What formats say of regions: a word for each fact, so that a misspelt one does not compile.
//!
//! Words that several formats or the judges use stand here; a format has its own in its own file.

/// What a fact is about: a `static`, named by whoever says it and by whoever asks.
#[derive(Debug, PartialEq, Eq)]
pub struct Fact {
    /// Lower case with hyphens; unique within a region. Signed manifests have it.
    pub name: &'static str,
    /// True when it tells how content is encoded and not what it is (a compressed length, a checksum): RULES 2 lets it
    /// differ when the decoded content is equal.
    pub encoding: bool,
}

impl Fact {
    /// What something is.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, encoding: false }
    }

    /// How something is encoded, and no more.
    #[must_use]
    pub const fn encoding(name: &'static str) -> Self {
        Self { name, encoding: true }
    }
}

/// Where a loader puts it, or where it lies in memory.
pub static ADDRESS: Fact = Fact::new("address");
/// Attributes, as the header has them.
pub static ATTRIBUTES: Fact = Fact::new("attributes");
/// It decides what starts, and how. No rule lets it differ.
pub static BOOT_ENTRY: Fact = Fact::new("boot-entry");
/// Its loader does not take it, and takes the other copy or its defaults.
pub static BROKEN: Fact = Fact::new("broken");
/// Characteristics, as the header has them.
pub static CHARACTERISTICS: Fact = Fact::new("characteristics");
/// Bytes that a stream decodes to.
pub static CONTENT_SIZE: Fact = Fact::new("content-size");
/// Byte order of the checksum of an environment: `big` or `little`.
pub static CRC_ORDER: Fact = Fact::new("crc-order");
/// Bytes of the data of a variable.
pub static DATA_SIZE: Fact = Fact::new("data-size");
/// When it was made, as its header has it.
pub static DATE: Fact = Fact::new("date");
/// Major and minor number.
pub static DEVICE: Fact = Fact::new("device");
/// The device runs with it as if nothing were there.
pub static EMPTY: Fact = Fact::new("empty");
/// How the sections inside are packed.
pub static ENCAPSULATION: Fact = Fact::new("encapsulation");
/// Where it is started.
pub static ENTRY_POINT: Fact = Fact::new("entry-point");
/// Bytes of an environment that its checksum covers, it included.
pub static ENV_SIZE: Fact = Fact::new("env-size");
/// Bytes of the erase blocks by which the file system was read.
pub static ERASE_BLOCK: Fact = Fact::new("erase-block");
/// A loader, kernel or shell could run it.
pub static EXECUTABLE: Fact = Fact::new("executable");
/// A dependency expression as text.
pub static EXPRESSION: Fact = Fact::new("expression");
/// Flags, as the header has them.
pub static FLAGS: Fact = Fact::new("flags");
/// Group.
pub static GID: Fact = Fact::new("gid");
/// The first name of the inode.
pub static HARD_LINK: Fact = Fact::new("hard-link");
/// Where it is linked to lie in memory.
pub static IMAGE_BASE: Fact = Fact::new("image-base");
/// Bytes that it takes in memory.
pub static IMAGE_SIZE: Fact = Fact::new("image-size");
/// Partitions that a command line or device tree states.
pub static LAYOUT: Fact = Fact::new("layout");
/// How many names an inode has.
pub static LINKS: Fact = Fact::new("links");
/// The variable is the one that is read.
pub static LIVE: Fact = Fact::new("live");
/// The processor that it is for.
pub static MACHINE: Fact = Fact::new("machine");
/// The lower twelve bits of the mode, in octal.
pub static MODE: Fact = Fact::new("mode");
/// Seconds since 1970 of the last change: a trace of writing, and no content.
pub static MODIFIED: Fact = Fact::new("modified");
/// How often a variable was set, where its writer counts.
pub static MONOTONIC_COUNT: Fact = Fact::new("monotonic-count");
/// Seconds since 1970, as the header has them.
pub static MTIME: Fact = Fact::new("mtime");
/// A name that the file brings along.
pub static NAME: Fact = Fact::new("name");
/// The file is a PE program as well.
pub static PE: Fact = Fact::new("pe");
/// Which key of the store may set a variable.
pub static PUBLIC_KEY_INDEX: Fact = Fact::new("public-key-index");
/// The boot loader keeps a second copy of it.
pub static REDUNDANT: Fact = Fact::new("redundant");
/// Its revision.
pub static REVISION: Fact = Fact::new("revision");
/// It chooses between parts of the image, each of which is judged as what runs.
pub static SELECTOR: Fact = Fact::new("selector");
/// Its size in bytes, as the table has it.
pub static SIZE: Fact = Fact::new("size");
/// What a key of a settings file holds, where it is no single value: `list`.
pub static SORT: Fact = Fact::new("sort");
/// State of a file or variable, as its header has it.
pub static STATE: Fact = Fact::new("state");
/// What runs it.
pub static SUBSYSTEM: Fact = Fact::new("subsystem");
/// Where a symbolic link leads.
pub static TARGET: Fact = Fact::new("target");
/// When it was made or signed, as its header has it.
pub static TIMESTAMP: Fact = Fact::new("timestamp");
/// It decides what may start: a key, a list of signatures, an account. No rule lets it differ.
pub static TRUST_ANCHOR: Fact = Fact::new("trust-anchor");
/// Its type, as the header has it.
pub static TYPE: Fact = Fact::new("type");
/// Its type in the words of the specification.
pub static TYPE_NAME: Fact = Fact::new("type-name");
/// Owner.
pub static UID: Fact = Fact::new("uid");
/// What an entry says: a variable, an argument, a line, a key of a settings file.
pub static VALUE: Fact = Fact::new("value");
/// Its version, as it says itself.
pub static VERSION: Fact = Fact::new("version");
/// Where it lies in memory.
pub static VIRTUAL_ADDRESS: Fact = Fact::new("virtual-address");
/// It can be written when it is in memory.
pub static WRITABLE: Fact = Fact::new("writable");
/// All extended attributes, or `none`.
pub static XATTRS: Fact = Fact::new("xattrs");
/// Bytes of it that are erased, of what nobody understands.
pub static ERASED: Fact = Fact::encoding("erased");
/// A leaf whose bytes are measured where pieces of them lie: its digest is over the places.
pub static PIECED: Fact = Fact::new("pieced");
/// What it says, in words for people.
pub static WORDS: Fact = Fact::encoding("words");
/// SHA-256 of what an entry says, where that is too long to be a fact.
pub static VALUE_SHA256: Fact = Fact::encoding("value-sha256");
/// The step at which the newer copy of an entry stands, of one that comes back when that one goes.
pub static COPY_OF: Fact = Fact::encoding("copy-of");
/// What an update writes to the medium, as it lies there afterwards.
pub static INSTALLED: Fact = Fact::encoding("installed");
/// A list that only forbids: the more it holds, the less may start.
pub static FORBIDS: Fact = Fact::encoding("forbids");
/// By a reference value, its region is erased.
pub static FILL: Fact = Fact::new("fill");
/// By a reference value, nothing reaches its region any more (RULES 12).
pub static REMAINS: Fact = Fact::new("remains");
/// A stream whose content begins at another address than zero.
pub static ORIGIN: Fact = Fact::new("origin");
