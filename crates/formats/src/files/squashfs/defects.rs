//! The kinds of defects of this format.

use kiwame_image::DefectKind;

/// All of them.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &BLOCK,
    &BLOCK_REST,
    &BLOCK_SHORT,
    &BLOCK_SLACK,
    &BYTES_USED,
    &CODEC,
    &DIRECTORY_COUNT,
    &DIRECTORY_DOTS,
    &DIRECTORY_INDEX,
    &DIRECTORY_NAME,
    &DIRECTORY_ORDER,
    &DIRECTORY_SIZE,
    &DIRECTORY_TWICE,
    &ENTRY_NUMBER,
    &ENTRY_TYPE,
    &EXPORT,
    &FILE_SIZE,
    &FRAGMENT,
    &ID,
    &INODE_NUMBER,
    &INODE_TYPE,
    &LAYOUT,
    &LINKS,
    &MODE,
    &NO_MAGIC,
    &NO_OPTIONS,
    &PARENT,
    &REFERENCE,
    &RESERVED,
    &ROOT,
    &SUPERBLOCK,
    &SYMLINK,
    &TABLE_SIZE,
    &TRUNCATED,
    &UNKNOWN_FLAGS,
    &XATTR,
];

/// A block does not decode, or decodes to another size than it must.
pub(super) static BLOCK: DefectKind = DefectKind::ambiguous("squashfs/block");
/// Bytes lie behind a compressed block that the decoder does not read.
pub(super) static BLOCK_REST: DefectKind = DefectKind::ambiguous("squashfs/block-rest");
/// A block of metadata that is not the last is not full.
pub(super) static BLOCK_SHORT: DefectKind = DefectKind::ambiguous("squashfs/block-short");
/// A block has bits that its decoder does not read.
pub(super) static BLOCK_SLACK: DefectKind = DefectKind::ambiguous("squashfs/block-slack");
/// The archive says that it is longer than its place.
pub(super) static BYTES_USED: DefectKind = DefectKind::ambiguous("squashfs/bytes-used");
/// A block is encoded in a manner that Linux refuses.
pub(super) static CODEC: DefectKind = DefectKind::ambiguous("squashfs/codec");
/// A run of a directory has more entries than Linux reads.
pub(super) static DIRECTORY_COUNT: DefectKind = DefectKind::ambiguous("squashfs/directory-count");
/// Directories do not count the two dots that Linux adds: some writers forget them, and Linux reads all the same.
pub(super) static DIRECTORY_DOTS: DefectKind = DefectKind::odd("squashfs/directory-dots");
/// The index of a directory does not lead to where its names are.
pub(super) static DIRECTORY_INDEX: DefectKind = DefectKind::ambiguous("squashfs/directory-index");
/// A name in a directory is longer than Linux takes.
pub(super) static DIRECTORY_NAME: DefectKind = DefectKind::ambiguous("squashfs/directory-name");
/// The names of a directory are not in order: Linux finds only some of them.
pub(super) static DIRECTORY_ORDER: DefectKind = DefectKind::ambiguous("squashfs/directory-order");
/// A directory says that it has another size than its listing.
pub(super) static DIRECTORY_SIZE: DefectKind = DefectKind::ambiguous("squashfs/directory-size");
/// Two names lead to one directory.
pub(super) static DIRECTORY_TWICE: DefectKind = DefectKind::ambiguous("squashfs/directory-twice");
/// A name and its inode disagree on the inode's number.
pub(super) static ENTRY_NUMBER: DefectKind = DefectKind::ambiguous("squashfs/entry-number");
/// A name and its inode disagree on the inode's type.
pub(super) static ENTRY_TYPE: DefectKind = DefectKind::ambiguous("squashfs/entry-type");
/// The table for NFS leads to another inode.
pub(super) static EXPORT: DefectKind = DefectKind::ambiguous("squashfs/export");
/// A file is larger than its blocks can be.
pub(super) static FILE_SIZE: DefectKind = DefectKind::ambiguous("squashfs/file-size");
/// The end of a file is not where its inode says, or not as large.
pub(super) static FRAGMENT: DefectKind = DefectKind::ambiguous("squashfs/fragment");
/// An owner is the number that means none.
pub(super) static ID: DefectKind = DefectKind::ambiguous("squashfs/id");
/// An inode has a number that another has, or none has.
pub(super) static INODE_NUMBER: DefectKind = DefectKind::ambiguous("squashfs/inode-number");
/// An inode is of a type that is not known.
pub(super) static INODE_TYPE: DefectKind = DefectKind::ambiguous("squashfs/inode-type");
/// A table or block does not lie where the others leave room for it.
pub(super) static LAYOUT: DefectKind = DefectKind::ambiguous("squashfs/layout");
/// An inode has another number of names than it says.
pub(super) static LINKS: DefectKind = DefectKind::ambiguous("squashfs/links");
/// An inode has bits in its mode that Linux does not take from there.
pub(super) static MODE: DefectKind = DefectKind::ambiguous("squashfs/mode");
/// The archive does not begin with its magic.
pub(super) static NO_MAGIC: DefectKind = DefectKind::ambiguous("squashfs/magic");
/// The options of the compressor are missing, or none that Linux accepts.
pub(super) static NO_OPTIONS: DefectKind = DefectKind::ambiguous("squashfs/options");
/// A directory says that it lies in another.
pub(super) static PARENT: DefectKind = DefectKind::ambiguous("squashfs/parent");
/// A reference leads to no entry of its table.
pub(super) static REFERENCE: DefectKind = DefectKind::ambiguous("squashfs/reference");
/// A reserved field is set.
pub(super) static RESERVED: DefectKind = DefectKind::ambiguous("squashfs/reserved");
/// The root is no directory.
pub(super) static ROOT: DefectKind = DefectKind::ambiguous("squashfs/root");
/// The superblock is none that Linux accepts.
pub(super) static SUPERBLOCK: DefectKind = DefectKind::ambiguous("squashfs/superblock");
/// The target of a symbolic link is empty, or longer than Linux takes.
pub(super) static SYMLINK: DefectKind = DefectKind::ambiguous("squashfs/symlink");
/// A table has another size than its entries need.
pub(super) static TABLE_SIZE: DefectKind = DefectKind::ambiguous("squashfs/table-size");
/// The archive ends before a field or a block does.
pub(super) static TRUNCATED: DefectKind = DefectKind::ambiguous("squashfs/truncated").cut_short();
/// The superblock has flags that are not known.
pub(super) static UNKNOWN_FLAGS: DefectKind = DefectKind::ambiguous("squashfs/flags");
/// An extended attribute is none that Linux reads, or there are two of one name.
pub(super) static XATTR: DefectKind = DefectKind::ambiguous("squashfs/xattr");
