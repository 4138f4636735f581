//! Sections, files and volumes for the tests of the UEFI formats, sound unless a test spoils them.

#![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

use crate::uefi::guid;

pub(crate) const FFS2: &str = "8C8CE578-8A3D-4F1C-9935-896185C32DD3";
pub(crate) const FFS3: &str = "5473C07A-3DCB-4DCA-BD6F-1E9689E7349A";
pub(crate) const A: &str = "AAAAAAAA-0000-0000-0000-000000000001";
pub(crate) const B: &str = "BBBBBBBB-0000-0000-0000-000000000002";
pub(crate) const PAD: &str = "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF";

/// Puts bytes into other bytes.
pub(crate) fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
    bytes[at..at + what.len()].copy_from_slice(what);
}

/// Fills up to a multiple of `alignment`.
pub(crate) fn pad(bytes: &mut Vec<u8>, alignment: usize, value: u8) {
    bytes.resize(bytes.len().next_multiple_of(alignment), value);
}

/// A section with a small header.
pub(crate) fn section(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = (body.len() + 4) as u32;
    let [a, b, c, _] = size.to_le_bytes();
    [&[a, b, c, kind], body].concat()
}

/// A section with `ExtendedSize`.
pub(crate) fn large_section(kind: u8, body: &[u8]) -> Vec<u8> {
    let size = (body.len() + 8) as u32;
    [&[0xff, 0xff, 0xff, kind], &size.to_le_bytes()[..], body].concat()
}

/// A GUID-defined section; `own` lies between its header and its data.
pub(crate) fn guided(guid: &str, attributes: u16, own: &[u8], data: &[u8]) -> Vec<u8> {
    let offset = (24 + own.len()) as u16;
    let guid = guid::raw(guid);
    section(2, &[&guid, &offset.to_le_bytes()[..], &attributes.to_le_bytes(), own, data].concat())
}

/// A user-interface section.
pub(crate) fn user_interface(text: &str) -> Vec<u8> {
    let text: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    section(0x15, &text)
}

/// Sections one behind the other.
pub(crate) fn sections(all: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for section in all {
        pad(&mut bytes, 4, 0);
        bytes.extend(section);
    }
    bytes
}

/// A live file in a medium that erases to FF, without a checksum over its data.
pub(crate) fn file(guid: &str, kind: u8, body: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = ((body.len() + 24) as u32).to_le_bytes();
    let mut bytes = [&guid::raw(guid)[..], &[0, 0, kind, 0, a, b, c, 0], body].concat();
    seal(&mut bytes, 24);
    bytes
}

/// A file with `ExtendedSize`.
pub(crate) fn large_file(guid: &str, kind: u8, body: &[u8]) -> Vec<u8> {
    let size = (body.len() + 32) as u64;
    let head = [0, 0, kind, 1, 0xff, 0xff, 0xff, 0];
    let mut bytes = [&guid::raw(guid)[..], &head, &size.to_le_bytes(), body].concat();
    seal(&mut bytes, 32);
    bytes
}

/// Sets the checksums of a file and its state.
pub(crate) fn seal(file: &mut [u8], header: usize) {
    let sum = |bytes: &[u8]| bytes.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
    put(file, 16, &[0, 0]);
    file[23] = 0;
    let check = 0u8.wrapping_sub(sum(&file[..header]));
    let data = if file[19] & 0x40 == 0 { 0xaa } else { 0u8.wrapping_sub(sum(&file[header..])) };
    put(file, 16, &[check, data]);
    file[23] = 0xf8;
}

/// A volume of `length` bytes in one block, files one behind the other.
pub(crate) fn volume(file_system: &str, files: &[Vec<u8>], length: usize) -> Vec<u8> {
    let mut bytes = header(file_system, length, 0);
    for file in files {
        pad(&mut bytes, 8, 0xff);
        bytes.extend(file);
    }
    assert!(bytes.len() <= length, "the files do not fit");
    bytes.resize(length, 0xff);
    bytes
}

/// A volume with an extended header inside a pad file, as builders make it.
pub(crate) fn named_volume(name: &str, files: &[Vec<u8>], length: usize) -> Vec<u8> {
    let mut bytes = header(FFS2, length, 0x60);
    bytes.extend(file(PAD, 0xf0, &[&guid::raw(name)[..], &20u32.to_le_bytes()].concat()));
    for file in files {
        pad(&mut bytes, 8, 0xff);
        bytes.extend(file);
    }
    bytes.resize(length, 0xff);
    bytes
}

fn header(file_system: &str, length: usize, ext: u16) -> Vec<u8> {
    let mut bytes = vec![0; 0x48];
    put(&mut bytes, 0x10, &guid::raw(file_system));
    put(&mut bytes, 0x20, &(length as u64).to_le_bytes());
    put(&mut bytes, 0x28, b"_FVH");
    put(&mut bytes, 0x2c, &0x0004_feffu32.to_le_bytes());
    put(&mut bytes, 0x30, &0x48u16.to_le_bytes());
    put(&mut bytes, 0x34, &ext.to_le_bytes());
    bytes[0x37] = 2;
    put(&mut bytes, 0x38, &1u32.to_le_bytes());
    put(&mut bytes, 0x3c, &(length as u32).to_le_bytes());
    seal_volume(&mut bytes);
    bytes
}

/// Sets the checksum of a volume header.
pub(crate) fn seal_volume(bytes: &mut [u8]) {
    put(bytes, 0x32, &[0, 0]);
    let words = bytes[..0x48].chunks(2).map(|word| u16::from_le_bytes([word[0], word[1]]));
    let sum = words.fold(0u16, u16::wrapping_add);
    put(bytes, 0x32, &0u16.wrapping_sub(sum).to_le_bytes());
}
