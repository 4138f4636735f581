//! The schema of a description: parts one behind the other, or a base image and edits.

use serde::Deserialize;

use crate::{Ovmf, SampleError, folder};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// SHA-256 of what it makes.
    sha256: Option<String>,
    /// What it is for.
    #[serde(default, rename = "about")]
    _about: String,
    #[serde(default)]
    part: Vec<Part>,
    /// Another sample, a file or described.
    base: Option<String>,
    #[serde(default)]
    edit: Vec<Edit>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    /// Offset at which it must lie; a check for the reader, not a command.
    at: Option<u64>,
    hex: Option<String>,
    ascii: Option<String>,
    /// How often the text stands there.
    #[serde(default = "once")]
    times: usize,
    utf16: Option<String>,
    guid: Option<String>,
    u8: Option<u8>,
    u16: Option<u16>,
    /// A UEFI size: 24 bits.
    u24: Option<u32>,
    u32: Option<u32>,
    u64: Option<u64>,
    fill: Option<u8>,
    count: Option<usize>,
    /// Fills with `fill` up to this offset.
    until: Option<usize>,
    #[serde(default, rename = "comment")]
    _comment: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, tag = "op", rename_all = "kebab-case")]
enum Edit {
    FlipInFile {
        file: String,
        offset: usize,
        bit: u8,
    },
    CodeInFreeSpace {
        offset: usize,
    },
    CodeInPadFile,
    AddFile {
        like: String,
        file: String,
    },
    RemoveFile {
        file: String,
    },
    SwapFiles {
        first: String,
        second: String,
    },
    DuplicateFile {
        file: String,
    },
    BehindStream {
        count: usize,
    },
    Recompress {
        lc: u32,
        lp: u32,
        pb: u32,
        dictionary: u32,
    },
    Flip {
        offset: usize,
        bit: u8,
    },
    Cut {
        length: usize,
    },
    Append {
        fill: u8,
        count: usize,
    },
    Put {
        offset: usize,
        hex: String,
    },
    Erase {
        offset: usize,
        length: usize,
    },
    /// Puts another sample there, and erases from its end up to `until`.
    PutSample {
        offset: usize,
        sample: String,
        until: usize,
    },
    Bomb {
        expands: u64,
        known: bool,
    },
    /// Writes an authenticated variable where the free space of the variable store at `store` begins.
    AddVariable {
        store: usize,
        name: String,
        guid: String,
        /// Non-volatile, and accessible at boot and at run time, unless said.
        #[serde(default = "open_to_all")]
        attributes: u32,
        data: String,
    },
    /// Sets the byte at `at` so that the bytes from `from` up to `to`, without those in `skip`, add up to zero.
    Sum8 {
        at: usize,
        from: usize,
        to: usize,
        #[serde(default)]
        skip: Vec<usize>,
    },
    /// The same with 16-bit words.
    Sum16 {
        at: usize,
        from: usize,
        to: usize,
    },
    /// The same with 32-bit words.
    Sum32 {
        at: usize,
        from: usize,
        to: usize,
    },
    /// Puts the CRC-32 of the bytes from `from` up to `to`, with those in `erased` taken for FF.
    Crc32 {
        at: usize,
        from: usize,
        to: usize,
        #[serde(default)]
        erased: Vec<usize>,
    },
}

fn open_to_all() -> u32 {
    7
}

fn once() -> usize {
    1
}

fn read(text: &str) -> Result<Description, SampleError> {
    toml::from_str(text).map_err(|error| SampleError::Description(error.to_string()))
}

/// The digest that a description pins.
pub(crate) fn pinned(text: &str) -> Result<Option<String>, SampleError> {
    Ok(read(text)?.sha256)
}

/// Makes the bytes of a description.
///
/// # Errors
/// When it is not of the schema, or an edit does not fit.
pub fn assemble(text: &str) -> Result<Vec<u8>, SampleError> {
    let description = read(text)?;
    let mut bytes = match &description.base {
        Some(base) => below(base)?,
        None => Vec::new(),
    };
    for part in &description.part {
        part.append(&mut bytes)?;
    }
    for edit in &description.edit {
        bytes = edit.apply(bytes)?;
    }
    Ok(bytes)
}

/// The bytes of the sample that edits begin with. What it pins is not looked at: what comes out of the edits is
/// pinned as well.
fn below(base: &str) -> Result<Vec<u8>, SampleError> {
    let read =
        |path: std::path::PathBuf| std::fs::read(&path).map_err(|error| SampleError::Read(path, error));
    let path = folder().join(base);
    if path.is_file() {
        return read(path);
    }
    assemble(&String::from_utf8_lossy(&read(folder().join(format!("{base}.toml")))?))
}

impl Part {
    fn append(&self, bytes: &mut Vec<u8>) -> Result<(), SampleError> {
        if self.at.is_some_and(|at| at != bytes.len() as u64) {
            let text = format!("a part says at = {:#x} and lies at {:#x}", self.at.unwrap_or(0), bytes.len());
            return Err(SampleError::Description(text));
        }
        bytes.extend(self.hex.as_deref().map(unhex).transpose()?.unwrap_or_default());
        bytes.extend(self.ascii.as_deref().unwrap_or_default().repeat(self.times).as_bytes());
        bytes.extend(self.utf16.as_deref().unwrap_or_default().encode_utf16().flat_map(u16::to_le_bytes));
        bytes.extend(self.guid.as_deref().map(guid).transpose()?.unwrap_or_default());
        bytes.extend(self.u8);
        bytes.extend(self.u16.into_iter().flat_map(u16::to_le_bytes));
        bytes.extend(self.u24.into_iter().flat_map(|number| number.to_le_bytes().into_iter().take(3)));
        bytes.extend(self.u32.into_iter().flat_map(u32::to_le_bytes));
        bytes.extend(self.u64.into_iter().flat_map(u64::to_le_bytes));
        let length = self.until.map_or(self.count.unwrap_or(0), |until| until.saturating_sub(bytes.len()));
        bytes.extend(std::iter::repeat_n(self.fill.unwrap_or(0), length));
        Ok(())
    }
}

impl Edit {
    fn apply(&self, mut bytes: Vec<u8>) -> Result<Vec<u8>, SampleError> {
        const OUTSIDE: SampleError = SampleError::Edit("the edit lies outside the image");
        match self {
            Self::Flip { offset, bit } => *bytes.get_mut(*offset).ok_or(OUTSIDE)? ^= 1 << bit,
            Self::Cut { length } => bytes.truncate(*length),
            Self::Append { fill, count } => bytes.resize(bytes.len() + count, *fill),
            Self::Put { offset, hex } => {
                put(&mut bytes, *offset, &unhex(hex)?)?;
            }
            Self::Erase { offset, length } => {
                bytes.get_mut(*offset..offset + length).ok_or(OUTSIDE)?.fill(0xff)
            }
            Self::PutSample { offset, sample, until } => {
                put_sample(&mut bytes, *offset, sample, *until)?;
            }
            Self::CodeInFreeSpace { offset } => {
                let code = uefi_code();
                bytes.get_mut(*offset..offset + code.len()).ok_or(OUTSIDE)?.copy_from_slice(&code);
            }
            Self::Sum8 { at, from, to, skip } => {
                *bytes.get_mut(*at).ok_or(OUTSIDE)? = 0;
                let covered = bytes.get(..*to).ok_or(OUTSIDE)?.iter().enumerate().skip(*from);
                let covered = covered.filter(|(at, _)| !skip.contains(at));
                let sum = covered.fold(0, |sum: u8, (_, byte)| sum.wrapping_add(*byte));
                put(&mut bytes, *at, &sum.wrapping_neg().to_le_bytes())?;
            }
            Self::Sum16 { at, from, to } => {
                put(&mut bytes, *at, &[0; 2])?;
                let (words, _) = bytes.get(*from..*to).ok_or(OUTSIDE)?.as_chunks::<2>();
                let sum = words.iter().fold(0, |sum: u16, word| sum.wrapping_add(u16::from_le_bytes(*word)));
                put(&mut bytes, *at, &sum.wrapping_neg().to_le_bytes())?;
            }
            Self::Sum32 { at, from, to } => {
                put(&mut bytes, *at, &[0; 4])?;
                let (words, _) = bytes.get(*from..*to).ok_or(OUTSIDE)?.as_chunks::<4>();
                let sum = words.iter().fold(0, |sum: u32, word| sum.wrapping_add(u32::from_le_bytes(*word)));
                put(&mut bytes, *at, &sum.wrapping_neg().to_le_bytes())?;
            }
            Self::Crc32 { at, from, to, erased } => {
                let mut covered = bytes.get(*from..*to).ok_or(OUTSIDE)?.to_vec();
                for place in erased {
                    *covered.get_mut(place.wrapping_sub(*from)).ok_or(OUTSIDE)? = 0xff;
                }
                put(&mut bytes, *at, &crc32(&covered).to_le_bytes())?;
            }
            Self::AddVariable { store, name, guid: vendor, attributes, data } => {
                let name: Vec<_> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
                let data = unhex(data)?;
                let mut variable = vec![0xaa, 0x55, 0x3f, 0];
                variable.extend(attributes.to_le_bytes());
                // No monotonic count, time or key.
                variable.extend([0; 28]);
                variable
                    .extend([name.len(), data.len()].iter().flat_map(|size| (*size as u32).to_le_bytes()));
                variable.extend(guid(vendor)?.iter().chain(&name).chain(&data));
                let free = free_in_store(&bytes, *store).ok_or(OUTSIDE)?;
                put(&mut bytes, free, &variable)?;
            }
            Self::Bomb { expands, known } => return Ovmf::open(bytes)?.bomb(*expands, *known),
            Self::BehindStream { count } => {
                let mut ovmf = Ovmf::open(bytes)?;
                ovmf.behind = vec![0x90; *count];
                return Ok(ovmf.close_unchanged());
            }
            Self::Recompress { lc, lp, pb, dictionary } => {
                let mut ovmf = Ovmf::open(bytes)?;
                ovmf.encoding = (*lc, *lp, *pb, *dictionary);
                return ovmf.close();
            }
            Self::FlipInFile { .. }
            | Self::CodeInPadFile
            | Self::AddFile { .. }
            | Self::RemoveFile { .. }
            | Self::SwapFiles { .. }
            | Self::DuplicateFile { .. } => {
                let mut ovmf = Ovmf::open(bytes)?;
                self.inside(&mut ovmf)?;
                return ovmf.close();
            }
        }
        Ok(bytes)
    }

    /// Edits of the volume inside the compressed section.
    fn inside(&self, ovmf: &mut Ovmf) -> Result<(), SampleError> {
        match self {
            Self::FlipInFile { file, offset, bit } => ovmf.flip(guid(file)?, *offset, *bit),
            Self::CodeInPadFile => ovmf.code_in_pad_file(&uefi_code()),
            Self::AddFile { like, file } => ovmf.add(guid(like)?, guid(file)?),
            Self::DuplicateFile { file } => ovmf.add(guid(file)?, guid(file)?),
            Self::RemoveFile { file } => ovmf.remove(guid(file)?),
            Self::SwapFiles { first, second } => ovmf.swap(guid(first)?, guid(second)?),
            _ => Ok(()),
        }
    }
}

/// Where the variables of an authenticated store end.
fn free_in_store(bytes: &[u8], store: usize) -> Option<usize> {
    let size = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?) as usize);
    let mut at = store + 28;
    while bytes.get(at..at + 2)? == [0xaa, 0x55] {
        let end = at + 60 + size(at + 36)? + size(at + 40)?;
        at = store + (end - store).next_multiple_of(4);
    }
    Some(at)
}

fn put(bytes: &mut [u8], at: usize, new: &[u8]) -> Result<(), SampleError> {
    let place = bytes.get_mut(at..at.saturating_add(new.len()));
    place.ok_or(SampleError::Edit("the edit lies outside the image"))?.copy_from_slice(new);
    Ok(())
}

fn put_sample(bytes: &mut [u8], at: usize, sample: &str, until: usize) -> Result<(), SampleError> {
    let new = crate::sample(sample)?;
    put(bytes, at, &new)?;
    let rest = bytes.get_mut(at + new.len()..until);
    rest.ok_or(SampleError::Edit("the edit lies outside the image"))?.fill(0xff);
    Ok(())
}

/// The CRC-32 of IEEE 802.3, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
    !bytes.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| step(crc)))
}

/// 4 KiB that look like a program, as an implant would: an MZ header, and code that loops.
fn uefi_code() -> Vec<u8> {
    let mut code = b"MZ".to_vec();
    code.resize(64, 0);
    code.extend(std::iter::repeat_n([0x48, 0x31, 0xc0, 0xeb, 0xfb, 0x90, 0x90, 0xcc], 504).flatten());
    code
}

fn unhex(text: &str) -> Result<Vec<u8>, SampleError> {
    let digits: Vec<_> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect();
    let bad = || SampleError::Description(format!("not hexadecimal: {text}"));
    if digits.len() % 2 != 0 {
        return Err(bad());
    }
    digits
        .chunks(2)
        .map(|pair| u8::try_from(pair[0]? << 4 | pair[1]?).ok())
        .collect::<Option<_>>()
        .ok_or_else(bad)
}

/// A GUID in the byte order of EFI.
fn guid(text: &str) -> Result<Vec<u8>, SampleError> {
    let parts: Vec<_> = text.split('-').map(unhex).collect::<Result<_, _>>()?;
    let [a, b, c, d, e] = parts.as_slice() else {
        return Err(SampleError::Description(format!("not a GUID: {text}")));
    };
    let turned = [a, b, c].into_iter().flat_map(|part| part.iter().rev());
    Ok(turned.chain(d).chain(e).copied().collect())
}
