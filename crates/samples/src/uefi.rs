//! Edits of a UEFI image: opens the LZMA section of its first volume, changes files, and puts everything right
//! again, as somebody would who wants to get past a checksum.

use std::io::{Read, Write};

use lzma_rust2::{EncodeMode, LzmaOptions, LzmaReader, LzmaWriter, MfType};

use crate::SampleError;

/// An OVMF code image, opened.
#[derive(Debug)]
pub struct Ovmf {
    image: Vec<u8>,
    /// Where the file with the compressed section begins.
    file: usize,
    /// Length of the volume around it.
    volume: usize,
    stream: Vec<u8>,
    content: Vec<u8>,
    /// Bytes to put behind the stream, inside the section.
    pub behind: Vec<u8>,
    /// lc, lp, pb and dictionary size of the stream to be written.
    pub encoding: (u32, u32, u32, u32),
}

const FILE_HEADER: usize = 24;
const SECTION_HEADER: usize = 24;
const LZMA: [u8; 16] =
    [0x98, 0x58, 0x4e, 0xee, 0x14, 0x39, 0x59, 0x42, 0x9d, 0x6e, 0xdc, 0x7b, 0xd7, 0x94, 0x03, 0xcf];
const ROOM: SampleError = SampleError::Edit("there is no room for the edit");

fn u16_at(bytes: &[u8], at: usize) -> usize {
    usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
}

fn u24_at(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], 0]) as usize
}

fn put_u24(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 3].copy_from_slice(&value.to_le_bytes()[..3]);
}

/// Makes the header checksum of a file right: its bytes add up to zero, state and file checksum left out.
fn mend(header: &mut [u8]) {
    header[16] = 0;
    let sum = header[..FILE_HEADER].iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    header[16] = 0u8.wrapping_sub(sum.wrapping_sub(header[17]).wrapping_sub(header[23]));
}

/// The files of a volume, as offset and length.
fn files(content: &[u8], volume: usize) -> Vec<(usize, usize)> {
    let end = volume
        + u64::from_le_bytes(content[volume + 0x20..volume + 0x28].try_into().unwrap_or_default()) as usize;
    let mut at = match u16_at(content, volume + 0x34) {
        0 => volume + u16_at(content, volume + 0x30),
        extended => {
            let extended = volume + extended;
            extended
                + u32::from_le_bytes(content[extended + 16..extended + 20].try_into().unwrap_or_default())
                    as usize
        }
    };
    let mut files = Vec::new();
    loop {
        at = volume + (at - volume).next_multiple_of(8);
        if at + FILE_HEADER > end || content[at..at + FILE_HEADER].iter().all(|&byte| byte == 0xff) {
            return files;
        }
        let length = u24_at(content, at + 20);
        files.push((at, length));
        at += length.max(FILE_HEADER);
    }
}

impl Ovmf {
    /// Opens the section.
    ///
    /// # Errors
    /// When the image has none where OVMF has it.
    pub fn open(image: Vec<u8>) -> Result<Self, SampleError> {
        let none = SampleError::Edit("the first file of the first volume holds no LZMA section");
        let Some(&(file, _)) = files(&image, 0).first() else { return Err(none) };
        let section = file + FILE_HEADER;
        if image[section + 4..section + 20] != LZMA {
            return Err(none);
        }
        let end = section + u24_at(&image, section);
        let stream = image[section + SECTION_HEADER..end].to_vec();
        let mut content = Vec::new();
        LzmaReader::new_mem_limit(stream.as_slice(), u32::MAX, None)
            .and_then(|mut reader| reader.read_to_end(&mut content))
            .map_err(|_| SampleError::Edit("the LZMA stream cannot be decoded"))?;
        let volume = u64::from_le_bytes(image[0x20..0x28].try_into().unwrap_or_default()) as usize;
        Ok(Self { image, file, volume, stream, content, behind: Vec::new(), encoding: (3, 0, 2, 1 << 24) })
    }

    /// Encodes the content and writes the image.
    ///
    /// # Errors
    /// When it no longer fits.
    pub fn close(mut self) -> Result<Vec<u8>, SampleError> {
        let (lc, lp, pb, dict_size) = self.encoding;
        let options = LzmaOptions {
            dict_size,
            lc,
            lp,
            pb,
            mode: EncodeMode::Fast,
            nice_len: 64,
            mf: MfType::Hc4,
            depth_limit: 8,
            preset_dict: None,
        };
        let mut writer = LzmaWriter::new_use_header(Vec::new(), &options, Some(self.content.len() as u64))
            .map_err(|_| SampleError::Edit("the encoder does not take these options"))?;
        writer.write_all(&self.content).map_err(|_| ROOM)?;
        self.stream = writer.finish().map_err(|_| ROOM)?;
        if self.file + FILE_HEADER + SECTION_HEADER + self.stream.len() + self.behind.len() > self.volume {
            return Err(ROOM);
        }
        Ok(self.close_unchanged())
    }

    /// Writes the image with the stream as it was, headers put right.
    #[must_use]
    pub fn close_unchanged(mut self) -> Vec<u8> {
        let section = self.file + FILE_HEADER;
        let body = section + SECTION_HEADER;
        let inside = [self.stream.as_slice(), &self.behind].concat();
        let end = body + inside.len();
        self.image[body..end].copy_from_slice(&inside);
        self.image[end..self.volume].fill(0xff);
        put_u24(&mut self.image, section, end - section);
        put_u24(&mut self.image, self.file + 20, end - self.file);
        mend(&mut self.image[self.file..section]);
        self.image
    }

    /// An image of the same size whose stream expands to that many zeros, with the size declared or not.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn bomb(mut self, expands: u64, known: bool) -> Result<Vec<u8>, SampleError> {
        let options = LzmaOptions { dict_size: 1 << 16, ..LzmaOptions::with_preset(0) };
        let mut writer = LzmaWriter::new_use_header(Vec::new(), &options, known.then_some(expands))
            .map_err(|_| SampleError::Edit("the encoder does not take these options"))?;
        let zeros = vec![0; 1 << 20];
        for _ in 0..expands >> 20 {
            writer.write_all(&zeros).map_err(|_| ROOM)?;
        }
        self.stream = writer.finish().map_err(|_| ROOM)?;
        Ok(self.close_unchanged())
    }

    /// The volumes inside the section. Drivers carry volume headers of their own as data; real ones are larger.
    fn volumes(&self) -> Vec<usize> {
        const SMALLEST: usize = 768 << 10;
        let found =
            self.content.windows(4).enumerate().filter(|(at, bytes)| *bytes == b"_FVH" && *at >= 0x28);
        let real = |at: &usize| {
            let length = self.content.get(at + 0x20..at + 0x28).and_then(|bytes| bytes.try_into().ok());
            let length = length.map_or(0, |bytes| u64::from_le_bytes(bytes) as usize);
            length >= SMALLEST && length <= self.content.len() - at
        };
        found.map(|(at, _)| at - 0x28).filter(real).collect()
    }

    /// The volume of the drivers: the last one.
    fn drivers(&self) -> usize {
        self.volumes().pop().unwrap_or(0)
    }

    fn find(&self, guid: &[u8]) -> Result<(usize, usize), SampleError> {
        let volume = self.drivers();
        let file =
            files(&self.content, volume).into_iter().find(|&(at, _)| self.content[at..at + 16] == *guid);
        file.ok_or(SampleError::Edit("the volume has no such file"))
    }

    /// Flips one bit of a file.
    pub(crate) fn flip(&mut self, guid: Vec<u8>, offset: usize, bit: u8) -> Result<(), SampleError> {
        let (at, length) = self.find(&guid)?;
        if offset >= length {
            return Err(ROOM);
        }
        self.content[at + offset] ^= 1 << bit;
        Ok(())
    }

    /// Puts code into the largest pad file.
    pub(crate) fn code_in_pad_file(&mut self, code: &[u8]) -> Result<(), SampleError> {
        let all = self.volumes().into_iter().flat_map(|volume| files(&self.content, volume));
        let pads = all.filter(|&(at, _)| self.content[at + 18] == 0xf0);
        let (at, length) = pads.max_by_key(|&(_, length)| length).ok_or(ROOM)?;
        let room = length - FILE_HEADER;
        self.content[at + FILE_HEADER..at + length].copy_from_slice(&code[code.len() - room..]);
        Ok(())
    }

    /// Adds a copy of one file under another GUID, or the same, behind the last file.
    pub(crate) fn add(&mut self, like: Vec<u8>, guid: Vec<u8>) -> Result<(), SampleError> {
        let (at, length) = self.find(&like)?;
        let volume = self.drivers();
        let (last, last_length) = files(&self.content, volume).pop().ok_or(ROOM)?;
        let free = volume + (last + last_length - volume).next_multiple_of(8);
        let mut copy = self.content[at..at + length].to_vec();
        copy[..16].copy_from_slice(&guid);
        mend(&mut copy);
        let room = self.content.get_mut(free..free + length).ok_or(ROOM)?;
        if room.iter().any(|&byte| byte != 0xff) {
            return Err(ROOM);
        }
        room.copy_from_slice(&copy);
        Ok(())
    }

    /// Turns a file into a pad file of the same size.
    pub(crate) fn remove(&mut self, guid: Vec<u8>) -> Result<(), SampleError> {
        let (at, length) = self.find(&guid)?;
        let file = &mut self.content[at..at + length];
        file[..16].fill(0xff);
        file[18] = 0xf0;
        file[FILE_HEADER..].fill(0xff);
        mend(file);
        Ok(())
    }

    /// Swaps a file with the one behind it.
    pub(crate) fn swap(&mut self, first: Vec<u8>, second: Vec<u8>) -> Result<(), SampleError> {
        let ((a, a_length), (b, b_length)) = (self.find(&first)?, self.find(&second)?);
        let a_room = a_length.next_multiple_of(8);
        if b != a + a_room {
            return Err(SampleError::Edit("the two files are not neighbours"));
        }
        let end = b + b_length.next_multiple_of(8);
        let mut turned = self.content[b..end].to_vec();
        turned.extend_from_slice(&self.content[a..b]);
        self.content[a..end].copy_from_slice(&turned);
        Ok(())
    }
}
