//! Device paths in words, for people (UEFI Specification 2.10, sections 10.3 and 10.6).
//!
//! ```text
//! node: 0x00 Type 1   0x01 SubType 1   0x02 Length 2, header included   0x04 data
//! ```
//!
//! Nothing is decided by these words: what is compared are the bytes. A node that is not known is shown by its numbers, and one
//! that does not fit ends the text with `?`.

use kiwame_image::{Guid, hex, to_usize};

use crate::uefi::nvram::utf16;

/// The nodes of a path, one behind the other, paths of several instances with `, ` between them.
pub(crate) fn words(bytes: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = bytes;
    while let [kind, sub, low, high, ..] = *rest {
        let length = to_usize(u16::from_le_bytes([low, high]).into());
        let Some((node, behind)) = rest.split_at_checked(length).filter(|_| length >= HEAD) else {
            text.push('?');
            return text;
        };
        rest = behind;
        match (kind & 0x7f, sub) {
            (END, 0xff) => return text,
            (END, _) => {
                text.push_str(", ");
                continue;
            }
            _ => {}
        }
        if !text.is_empty() && !text.ends_with(", ") {
            text.push('/');
        }
        text.push_str(&node_words(kind, sub, node.get(HEAD..).unwrap_or_default()));
    }
    text
}

fn node_words(kind: u8, sub: u8, data: &[u8]) -> String {
    let known = match (kind, sub) {
        (1, 1) => data.first_chunk::<2>().map(|[function, device]| format!("Pci({device:#x},{function:#x})")),
        (1, 4) => guid(data, 0).map(|guid| format!("VenHw({guid})")),
        (2, 1) => u32_at(data, 0).zip(u32_at(data, 4)).map(|(hid, uid)| match hid {
            0x0a03_41d0 | 0x0a08_41d0 => format!("PciRoot({uid:#x})"),
            _ => format!("Acpi({hid:#x},{uid:#x})"),
        }),
        (3, 2) => {
            u16_at(data, 0).zip(u16_at(data, 2)).map(|(target, unit)| format!("Scsi({target:#x},{unit:#x})"))
        }
        (3, 5) => data.first_chunk::<2>().map(|[port, interface]| format!("USB({port:#x},{interface:#x})")),
        (3, 10) => guid(data, 0).map(|guid| format!("VenMsg({guid})")),
        (3, 11) => data.first_chunk::<6>().map(|address| format!("MAC({})", hex(address))),
        (3, 12) => Some("IPv4".to_owned()),
        (3, 13) => Some("IPv6".to_owned()),
        (3, 14) => Some("Uart".to_owned()),
        (3, 18) => u16_at(data, 0).map(|port| format!("Sata({port:#x})")),
        (3, 23) => u32_at(data, 0).map(|space| format!("NVMe({space:#x})")),
        (3, 24) => Some(format!("Uri({})", String::from_utf8_lossy(data))),
        (4, 1) => partition(data),
        (4, 4) => utf16(data),
        (4, 6) => guid(data, 0).map(|guid| format!("FvFile({guid})")),
        (4, 7) => guid(data, 0).map(|guid| format!("Fv({guid})")),
        _ => None,
    };
    known.unwrap_or_else(|| format!("Path({kind},{sub},{})", hex(data)))
}

/// A partition of a disk: its number, and its GUID or the signature of the disk.
fn partition(data: &[u8]) -> Option<String> {
    let number = u32_at(data, 0)?;
    let signature = data.get(20..36)?;
    Some(match data.get(37)? {
        2 => format!("HD({number},GPT,{})", guid(signature, 0)?),
        _ => format!("HD({number},MBR,{:#010x})", u32_at(signature, 0)?),
    })
}

fn guid(data: &[u8], at: usize) -> Option<Guid> {
    Some(Guid(*data.get(at..)?.first_chunk::<16>()?))
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*data.get(at..)?.first_chunk::<2>()?))
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*data.get(at..)?.first_chunk::<4>()?))
}

/// The header of a node.
const HEAD: usize = 4;
/// The type of a node that ends a path, or one of its instances.
const END: u8 = 0x7f;

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        let digits: Vec<_> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        let pair = |pair: &[u8]| u8::from_str_radix(core::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(pair).collect()
    }

    /// Of variables that OVMF wrote, and what its own shell prints of them.
    #[test]
    fn paths_that_ovmf_wrote_read_as_its_shell_prints_them() {
        for (path, expected) in [
            (
                "04071400c9bdb87cebf8344faaea3ee4af6516a10406140021aa2c4614760345836e8ab6f46623317fff0400",
                "Fv(7CB8BDC9-F8EB-4F34-AAEA-3EE4AF6516A1)/FvFile(462CAA21-7614-4503-836E-8AB6F4662331)",
            ),
            (
                "02010c00d041030a0000000001010600021f03120a000000ffff00007fff0400",
                "PciRoot(0x0)/Pci(0x1f,0x2)/Sata(0x0)",
            ),
            ("7f010400 02010c00d041030a00000000 7fff0400", ", PciRoot(0x0)"),
            ("04040a005c00610000007fff0400", "\\a"),
            ("6363050011", "Path(99,99,11)"),
            ("010106", ""),
        ] {
            let shown = words(&bytes(path));
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn any_bytes_have_some_words() {
        let path =
            bytes("04071400c9bdb87cebf8344faaea3ee4af6516a10406140021aa2c4614760345836e8ab6f46623317fff0400");
        for at in 0..path.len() {
            words(&path[..at]);
            for bit in 0..8 {
                let mut odd = path.clone();
                odd[at] ^= 1 << bit;
                words(&odd);
            }
        }
    }
}
