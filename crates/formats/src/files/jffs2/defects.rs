//! The kinds of defects of this format.

use kiwame_image::DefectKind;

/// All of them.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &AFTER_FREE,
    &BYTE_ORDER,
    &CRC,
    &CRC_EMPTY,
    &CROSSES,
    &DATA,
    &DIRECTORY_TWICE,
    &ERASE_BLOCK,
    &FIELD,
    &LINKS,
    &NODETYPE,
    &NO_INODE,
    &NO_SUMMARY,
    &PIECES,
    &SLACK,
    &SUMMARY_PLACE,
    &TOTLEN,
    &TRUNCATED,
    &TYPE,
    &VERSION,
    &XATTR,
];

/// Something lies behind free space in a block, where Linux no longer looks.
pub(super) static AFTER_FREE: DefectKind = DefectKind::ambiguous("jffs2/after-free");
/// Nodes of both byte orders lie in one file system.
pub(super) static BYTE_ORDER: DefectKind = DefectKind::ambiguous("jffs2/byte-order");
/// The checksum of a node, its name or its data is wrong: Linux takes it for none.
pub(super) static CRC: DefectKind = DefectKind::odd("jffs2/crc");
/// The checksum over no data at all is not zero, which Linux does not check at every step.
pub(super) static CRC_EMPTY: DefectKind = DefectKind::ambiguous("jffs2/crc-empty");
/// A node crosses the end of its erase block.
pub(super) static CROSSES: DefectKind = DefectKind::ambiguous("jffs2/crosses");
/// What a node holds does not decode as Linux decodes it.
pub(super) static DATA: DefectKind = DefectKind::ambiguous("jffs2/data");
/// Two names lead to one directory.
pub(super) static DIRECTORY_TWICE: DefectKind = DefectKind::ambiguous("jffs2/directory-twice");
/// No size of erase blocks fits all nodes, or several do and differ in what they read.
pub(super) static ERASE_BLOCK: DefectKind = DefectKind::ambiguous("jffs2/erase-block");
/// A field of a node has a value that Linux does not write.
pub(super) static FIELD: DefectKind = DefectKind::ambiguous("jffs2/field");
/// Directories lie in each other, and no name leads to them.
pub(super) static LINKS: DefectKind = DefectKind::ambiguous("jffs2/links");
/// A node is of a type that is not known.
pub(super) static NODETYPE: DefectKind = DefectKind::ambiguous("jffs2/nodetype");
/// A name leads to an inode that is not there.
pub(super) static NO_INODE: DefectKind = DefectKind::ambiguous("jffs2/no-inode");
/// The summary of a block is not what stands in the block.
pub(super) static NO_SUMMARY: DefectKind = DefectKind::ambiguous("jffs2/summary");
/// The pieces of a file overlap, or leave holes, where Linux writes none.
pub(super) static PIECES: DefectKind = DefectKind::ambiguous("jffs2/pieces");
/// Bytes between nodes, or behind the data of one, are neither erased nor zeros.
pub(super) static SLACK: DefectKind = DefectKind::ambiguous("jffs2/slack");
/// A summary does not stand at the end of its block, so that Linux does not read it.
pub(super) static SUMMARY_PLACE: DefectKind = DefectKind::odd("jffs2/summary-place");
/// A node says that it is shorter than its header.
pub(super) static TOTLEN: DefectKind = DefectKind::ambiguous("jffs2/totlen");
/// A node says that it ends before its fields do, which Linux reads all the same.
pub(super) static TRUNCATED: DefectKind = DefectKind::ambiguous("jffs2/truncated").cut_short();
/// An inode is of another type than its name says, or the root is no directory.
pub(super) static TYPE: DefectKind = DefectKind::ambiguous("jffs2/type");
/// Two nodes or two names have one version: which is newer depends on the order of reading.
pub(super) static VERSION: DefectKind = DefectKind::ambiguous("jffs2/version");
/// An extended attribute cannot be read, or there are two of one name.
pub(super) static XATTR: DefectKind = DefectKind::ambiguous("jffs2/xattr");
