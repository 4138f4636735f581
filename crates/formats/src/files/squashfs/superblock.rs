//! The first 96 bytes.

use kiwame_decode::block::Codec;
use kiwame_image::{Defect, Reader};

use super::defects;
use super::{NONE, SUPERBLOCK, odd};

/// The first 96 bytes.
#[derive(Clone, Debug)]
pub(super) struct Superblock {
    pub(super) inodes: u32,
    pub(super) mkfs_time: u32,
    pub(super) block_size: u32,
    pub(super) fragments: u32,
    pub(super) compression: u16,
    pub(super) block_log: u16,
    pub(super) flags: u16,
    pub(super) ids: u16,
    version: (u16, u16),
    pub(super) root: u64,
    pub(super) bytes_used: u64,
    pub(super) id_table: u64,
    pub(super) xattr_table: u64,
    pub(super) inode_table: u64,
    pub(super) directory_table: u64,
    pub(super) fragment_table: u64,
    pub(super) lookup_table: u64,
}

impl Superblock {
    pub(super) fn read(bytes: &[u8], base: u64) -> Result<Self, Defect> {
        let mut reader = Reader::new(bytes, base, &defects::TRUNCATED);
        let magic = reader.bytes(4, "s_magic")?;
        if magic != MAGIC {
            return Err(Defect::new(&defects::NO_MAGIC, "s_magic", base, magic, MAGIC));
        }
        Ok(Self {
            inodes: reader.u32_le("inodes")?,
            mkfs_time: reader.u32_le("mkfs_time")?,
            block_size: reader.u32_le("block_size")?,
            fragments: reader.u32_le("fragments")?,
            compression: reader.u16_le("compression")?,
            block_log: reader.u16_le("block_log")?,
            flags: reader.u16_le("flags")?,
            ids: reader.u16_le("no_ids")?,
            version: (reader.u16_le("s_major")?, reader.u16_le("s_minor")?),
            root: reader.u64_le("root_inode")?,
            bytes_used: reader.u64_le("bytes_used")?,
            id_table: reader.u64_le("id_table_start")?,
            xattr_table: reader.u64_le("xattr_id_table_start")?,
            inode_table: reader.u64_le("inode_table_start")?,
            directory_table: reader.u64_le("directory_table_start")?,
            fragment_table: reader.u64_le("fragment_table_start")?,
            lookup_table: reader.u64_le("lookup_table_start")?,
        })
    }

    /// As far as Linux checks before it mounts.
    pub(super) fn is_sound(&self) -> bool {
        self.version == (4, 0)
            && (12..=20).contains(&self.block_log)
            && 1_u32.checked_shl(self.block_log.into()) == Some(self.block_size)
            && self.codec().is_some()
            && self.ids > 0
            && self.inode_table < self.directory_table
            && self.bytes_used >= SUPERBLOCK
    }

    pub(super) fn codec(&self) -> Option<Codec> {
        let codecs = [Codec::Gzip, Codec::Lzma, Codec::Lzo, Codec::Xz, Codec::Lz4, Codec::Zstd];
        codecs.get(usize::from(self.compression.checked_sub(1)?)).copied()
    }

    /// What no writer writes, although Linux 6.1 looks at none of it.
    pub(super) fn check(&self, base: u64, defects: &mut Vec<Defect>) {
        let at = |field: u64| base.saturating_add(field);
        if self.flags & !FLAGS != 0 {
            defects.push(odd(&defects::UNKNOWN_FLAGS, "flags", at(0x18), self.flags, FLAGS));
        }
        let absent = [(self.fragments == 0, self.fragment_table, 0x50, "fragment_table_start")];
        for (_, table, place, field) in absent.into_iter().filter(|(empty, ..)| *empty) {
            // Writers leave there where the table would be.
            if table != NONE && !(self.directory_table..=self.bytes_used).contains(&table) {
                defects.push(odd(&defects::LAYOUT, field, at(place), table, NONE));
            }
        }
    }
}

pub(super) const MAGIC: &[u8] = b"hsqs";
/// Compression options are there.
pub(super) const OPTIONS: u16 = 0x0400;
/// Inodes, data, fragments, attributes, ids are not compressed; no or all ends in fragments; duplicates are shared;
/// exportable; no attributes; options.
const FLAGS: u16 = 0x0ffb;
