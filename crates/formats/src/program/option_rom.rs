//! PCI option ROMs: images for one device, one behind the other.
//!
//! PCI Firmware Specification 3.3, section 5.1 ("PCI Expansion ROM Contents": header, PCI data structure, device list); UEFI
//! Specification 2.10, section 14.4.2 ("PCI Option ROMs"); Plug and Play BIOS Specification 1.0A, section 3.2 (expansion
//! header). NVIDIA's further images: Linux `Documentation/gpu/nova/core/vbios.rst` and `drivers/gpu/nova-core/vbios.rs`.
//!
//! ```text
//! header                                    PCI data structure
//! 0x00 Signature 0xAA55           2         0x00 Signature "PCIR"             4
//! 0x02 of the code type:         22         0x04 VendorID                     2
//!      x86: Size512 1,                      0x06 DeviceID                     2
//!           entry point 3, then             0x08 DeviceListPointer            2  from here; revision 3 on
//!           its own                         0x0a PCIDataStructureLength       2
//!      EFI: InitializationSize   2          0x0c PCIDataStructureRevision     1
//!           EfiSignature 0x0EF1  4          0x0d ClassCode                    3
//!           EfiSubsystem         2          0x10 ImageLength                  2  in units of 512 bytes
//!           EfiMachineType       2          0x12 RevisionLevel                2
//!           CompressionType      2          0x14 CodeType                     1  0 x86, 1 Open Firmware, 3 EFI
//!           Reserved             8          0x15 Indicator                    1  bit 7: the last image
//!           EfiImageHeaderOffset 2          0x16 MaximumRunTimeImageLength    2
//! 0x18 PCIDataStructurePointer    2
//! 0x1a x86: expansion header      2         NPDE, at the next multiple of 16 (NVIDIA)
//!                                           0x00 Signature "NPDE" 4   0x08 SubimageLength 2
//!                                           0x04 Revision         2   0x0a LastImage      1
//!                                           0x06 Length           2
//! ```
//!
//! All bytes of an x86 image up to `Size512` add up to zero. What lies behind them within `ImageLength` the BIOS does not
//! copy; the program fetches it. An EFI image is a driver from `EfiImageHeaderOffset` up to `InitializationSize`, as it is or
//! in EFI 1.1 compression. An ISA ROM is an x86 image without a PCI data structure.
//!
//! NVIDIA's loader goes by `NPDE`: where `SubimageLength` is less than `ImageLength`, further images lie in the image, and
//! behind the last one by `PCIR` there may be more. Their signatures may be "VN" and "NPDS".
//!
//! Loaders modelled: SeaBIOS (`optionroms.c`) for x86, EDK II `PciBusDxe` (`PciOptionRomSupport.c`) for EFI, and NVIDIA's.
//!
//! Ambiguities, each a defect: a data structure that is not aligned to four bytes, or an image that is longer than there are
//! bytes (EDK II stops there); bytes that are no image between two (EDK II looks on at every 512 bytes); lengths of zero, or of x86 code beyond
//! its image; a wrong checksum (SeaBIOS can be told to run it); a length by `NPDE` that is zero or beyond that by `PCIR`; a driver for
//! another machine than its header says; parts that share bytes; a driver that begins or ends outside its image; a stream that does not
//! decode, or that is packed otherwise than EDK II unpacks it.
//!
//! Limitations: code of x86, Open Firmware and vendors is one leaf, or a few around what the headers name; a configuration
//! utility and other entry points of revision 3 are not followed; ISA ROMs are recognised as whole files only, and up to
//! 68 KiB; no checksum of an EFI image is asked for, since UEFI has none; bytes between the end of a driver and `InitializationSize`
//! are a leaf beside it, although EDK II hashes them when it checks a signature; tables in a video BIOS (ATOM, BIT) are not
//! opened.
//!
//! ## Normal form
//!
//! Headers, code and padding are leaves, compared as they lie; nothing is masked, so only a stream that has the same length,
//! in units of 512 bytes, can be packed anew.
//!
//! | bytes | are |
//! |---|---|
//! | a driver's stream | as in `uefi/encapsulation.rs`, EFI 1.1: the form `efi-compression/1` |
//!
//! What we read and the loaders do not: classes, revisions, and the device list, which SeaBIOS and EDK II pass over.

use std::collections::BTreeMap;
use std::rc::Rc;

use kiwame_decode::tiano;
use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Input, Laid, Node, Normal, Reading, Span,
    Stage, Sure, Trouble, fact, len64,
};

use super::{pe, te};
use crate::stream::packed::Packed;

/// Images of one option ROM.
#[derive(Debug)]
pub(crate) struct OptionRom;

/// For the parents of option ROMs.
pub(crate) static OPTION_ROM: &dyn Format = &OptionRom;

impl Format for OptionRom {
    fn name(&self) -> &'static str {
        "option-rom"
    }

    fn about(&self) -> &'static str {
        "PCI option ROM: its images with their headers; EFI drivers in them, packed or not; checksums compared"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let found = points_to_pcir(head) || is_isa(head.all());
        found.then(|| Reading::new(self, Sure::Structure))
    }

    /// A BIOS runs what has the signature and a size, whatever else is there.
    fn runs(&self, head: &Glance<'_>) -> bool {
        let signed = head.bytes(0, 2) == Some(&SIGNATURE);
        signed && (head.bytes(2, 1).is_some_and(|size| size != [0]) || points_to_pcir(head))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = chain(&at, out) {
            out.trouble(trouble);
            out.gaps("option-rom-unread", None);
        }
    }
}

/// True when the header leads to a PCI data structure.
fn points_to_pcir(head: &Glance<'_>) -> bool {
    let pcir = || head.bytes(head.u16_le(POINTER)?.into(), 4);
    head.bytes(0, 2) == Some(&SIGNATURE) && pcir() == Some(PCIR)
}

/// True for x86 code of a size by its header, whose bytes add up to zero.
fn is_isa(head: &[u8]) -> bool {
    let [0x55, 0xaa, size, ..] = *head else { return false };
    let code = head.get(..usize::from(size).saturating_mul(512));
    size > 0 && code.is_some_and(|code| sum8(code) == 0)
}

fn sum8(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

/// Images one behind the other, all of them there. A header that leads to a data structure is as sure as a checksum of 48 bits.
static ANCHOR: Anchor = Anchor {
    marks: &[&SIGNATURE],
    at: 0,
    whole: |at, _| {
        let (mut end, mut last) = (0_u64, false);
        while !last && let Some(image) = Image::read(&at.from(end), end > 0)? {
            at.spend(LOOK)?;
            if image.length == 0 || image.length > at.length().saturating_sub(end) {
                break;
            }
            (end, last) = (end.saturating_add(image.length), image.is_last());
        }
        Ok(Some(end).filter(|&end| end > 0))
    },
};

/// Adds all images, and what lies between and behind them.
fn chain<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let mut keys = BTreeMap::new();
    let (mut end, mut number) = (0_u64, 0_u32);
    let mut next = match Image::read(at, false)? {
        None => Image::isa(at)?,
        found => found,
    };
    if next.is_none() {
        out.defect(Defect::new(&NO_IMAGE, "Signature", at.offset(), "no image", "0xAA55 and PCIR"));
        out.add(Node::new("option-rom", "unread", "option-rom-unread", at.clone()).unknown());
        return Ok(());
    }
    while let Some(image) = next {
        let rest = at.from(end);
        let (last, length) = (image.is_last(), image.length_in(&rest, out));
        out.add(image.node(rest.slice(0, length), number, &mut keys));
        (end, number) = (end.saturating_add(length), number.saturating_add(1));
        if last || length == 0 {
            break;
        }
        let gap = gap(&at.from(end))?;
        let between = at.slice(end, gap.unwrap_or(0));
        if gap.is_none() {
            let place = at.offset().saturating_add(end);
            out.defect(Defect::new(&NO_LAST, "Indicator", place, "no further image", "one"));
        } else if !between.is_empty() {
            out.defect(Defect::new(&GAP, "Signature", between.offset(), between.length(), 0u8));
            let key = format!("gap-{number}");
            out.add(Node::new("option-rom", key, "option-rom-gap", between).unknown());
        }
        end = end.saturating_add(gap.unwrap_or(0));
        next = if gap.is_some() { Image::read(&at.from(end), true)? } else { None };
    }
    out.add_behind(Node::new("option-rom", "behind", "option-rom-behind", at.from(end)));
    Ok(())
}

/// How many bytes come before the next image, where EDK II looks for one: at every 512 bytes.
fn gap(rest: &Input<'_>) -> Result<Option<u64>, Trouble> {
    let mut start = 0;
    while start < rest.length() {
        if Image::read(&rest.from(start), true)?.is_some() {
            return Ok(Some(start));
        }
        rest.spend(LOOK)?;
        start = start.saturating_add(UNIT);
    }
    Ok(None)
}

/// Adds the images by `NPDE` that lie behind the first one in an image by `PCIR`.
fn subimages<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let mut keys = BTreeMap::new();
    let (mut end, mut number) = (0_u64, 0_u32);
    while end < at.length()
        && let Some(image) = Image::read(&at.from(end), true)?
    {
        at.spend(LOOK)?;
        let rest = at.from(end);
        let length = image.length_in(&rest, out);
        if length == 0 {
            break;
        }
        out.add(image.node(rest.slice(0, length), number, &mut keys));
        (end, number) = (end.saturating_add(length), number.saturating_add(1));
    }
    out.add_fill(Node::new("option-rom", "behind", "option-rom-behind", at.from(end)), ERASED);
    Ok(())
}

/// One image, by its headers.
#[derive(Debug)]
struct Image {
    /// Bytes by its own account; zero where it states none.
    length: u64,
    /// `Size512` or `InitializationSize`, in bytes.
    initialization: u64,
    pcir: Option<Pcir>,
    npde: Option<Npde>,
    efi: Option<Efi>,
}

/// A PCI data structure.
#[derive(Debug)]
struct Pcir {
    /// From the start of the image.
    span: Span,
    vendor: u16,
    device: u16,
    /// From the start of the image; zero for none.
    devices: u64,
    revision: u8,
    class: u32,
    length: u64,
    code_revision: u16,
    code: u8,
    indicator: u8,
}

/// NVIDIA's extension of it.
#[derive(Debug)]
struct Npde {
    span: Span,
    length: u64,
    last: bool,
}

/// What the header of an EFI image says.
#[derive(Debug)]
struct Efi {
    signature: u32,
    subsystem: u16,
    machine: u16,
    compression: u16,
    offset: u64,
}

impl Image {
    /// The image that begins there; `None` for anything else. Behind the first, NVIDIA has signatures of its own.
    fn read(at: &Input<'_>, further: bool) -> Result<Option<Self>, Trouble> {
        let window = at.head(HEADER)?;
        let mut header = window.reader(&TRUNCATED);
        let own = len64(&window) == HEADER
            && (window.starts_with(&SIGNATURE)
                || further && SIGNATURES.iter().any(|own| window.starts_with(own)));
        if !own {
            return Ok(None);
        }
        header.bytes(2, "Signature")?;
        let sizes = header.bytes(2, "InitializationSize")?;
        let [low, high] = *sizes else { return Ok(None) };
        let signature = header.u32_le("EfiSignature")?;
        let subsystem = header.u16_le("EfiSubsystem")?;
        let machine = header.u16_le("EfiMachineType")?;
        let compression = header.u16_le("CompressionType")?;
        header.bytes(8, "Reserved")?;
        let offset = header.u16_le("EfiImageHeaderOffset")?.into();
        let pointer = header.u16_le("PCIDataStructurePointer")?.into();
        let Some(pcir) = Pcir::read(at, pointer)? else { return Ok(None) };
        let npde = Npde::read(at, pcir.span.end())?;
        let efi = Efi { signature, subsystem, machine, compression, offset };
        let size = if pcir.code == X86 { low.into() } else { u16::from_le_bytes([low, high]) };
        let initialization = u64::from(size).saturating_mul(UNIT);
        let efi = (pcir.code == EFI).then_some(efi);
        Ok(Some(Self { length: pcir.length, initialization, pcir: Some(pcir), npde, efi }))
    }

    /// x86 code without a PCI data structure, if `at` begins with all of it.
    fn isa(at: &Input<'_>) -> Result<Option<Self>, Trouble> {
        let window = at.head(LONGEST_ISA)?;
        let length = window.get(2).map_or(0, |&size| u64::from(size).saturating_mul(UNIT));
        let image = Self { length, initialization: length, pcir: None, npde: None, efi: None };
        Ok(is_isa(&window).then_some(image))
    }

    fn code(&self) -> u8 {
        self.pcir.as_ref().map_or(X86, |pcir| pcir.code)
    }

    /// True when nobody looks for a further image.
    fn is_last(&self) -> bool {
        let by_pcir = self.pcir.as_ref().is_none_or(|pcir| pcir.indicator & LAST != 0);
        self.npde.as_ref().map_or(by_pcir, |npde| npde.last)
    }

    /// How many of the bytes of `rest` it takes. That it has other ones than it says is noted.
    fn length_in(&self, rest: &Input<'_>, out: &mut Builder<'_, '_>) -> u64 {
        let place = self.place(rest, 0x10);
        if self.length == 0 {
            // Of what has a size by its header, SeaBIOS takes so much.
            let length = if self.code() == X86 { self.initialization } else { 0 };
            out.defect(Defect::new(&LENGTH, "ImageLength", place, 0u8, length / UNIT));
            return length.min(rest.length());
        }
        if self.length > rest.length() {
            out.defect(Defect::new(&BEYOND_END, "ImageLength", place, self.length, rest.length()));
        }
        self.length.min(rest.length())
    }

    /// Where a field of its data structure lies.
    fn place(&self, at: &Input<'_>, field: u64) -> u64 {
        let start = self.pcir.as_ref().map_or(0, |pcir| pcir.span.offset.saturating_add(field));
        at.offset().saturating_add(start)
    }

    fn node<'a>(self, input: Input<'a>, number: u32, keys: &mut BTreeMap<String, u32>) -> Node<'a> {
        let word = self.word();
        let count = keys.entry(word.clone()).or_insert(0);
        let key = if *count == 0 { word.clone() } else { format!("{word}.{count}") };
        *count = count.saturating_add(1);
        let node = Node::new("option-rom", key, "option-rom-image", input)
            .component()
            .order(number)
            .with(&fact::EXECUTABLE, true);
        let Some(pcir) = &self.pcir else {
            return node.name("ISA ROM").with(&fact::TYPE_NAME, word).then_with(Rc::new(self));
        };
        let name = format!("{word} for {:04x}:{:04x}", pcir.vendor, pcir.device);
        let node = node
            .name(name)
            .with(&fact::TYPE, pcir.code)
            .with(&fact::TYPE_NAME, word)
            .with(&VENDOR, format!("{:04x}", pcir.vendor))
            .with(&DEVICE, format!("{:04x}", pcir.device))
            .with(&CLASS, format!("{:06x}", pcir.class))
            .with(&fact::REVISION, pcir.revision)
            .with(&CODE_REVISION, pcir.code_revision)
            .with(&LAST_IMAGE, pcir.indicator & LAST != 0);
        let node = match &self.efi {
            Some(efi) => {
                let node = node.with(&fact::MACHINE, efi.machine).with(&fact::SUBSYSTEM, efi.subsystem);
                node.with(&COMPRESSION_TYPE, efi.compression)
            }
            None => node,
        };
        node.then_with(Rc::new(self))
    }

    /// What people call its code type.
    fn word(&self) -> String {
        match (self.code(), &self.efi) {
            (X86, _) => "x86".to_owned(),
            (OPEN_FIRMWARE, _) => "open-firmware".to_owned(),
            (PA_RISC, _) => "pa-risc".to_owned(),
            (_, Some(efi)) => {
                let known = MACHINES.iter().find(|(machine, _)| *machine == efi.machine);
                known.map_or_else(|| format!("efi-{:04x}", efi.machine), |(_, name)| format!("efi-{name}"))
            }
            (code, None) => format!("{code:#04x}"),
        }
    }

    fn split<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let mut parts = vec![Part::new(Span::new(0, HEADER), "header", "option-rom-header")];
        if let Some(pcir) = &self.pcir {
            pcir.check(at, out);
            parts.push(Part::new(pcir.span, "pcir", "option-rom-pcir"));
            parts.extend(self.devices(pcir, at, out)?);
        }
        if let Some(npde) = &self.npde {
            if npde.length == 0 || npde.length > self.length {
                let place = at.offset().saturating_add(npde.span.offset).saturating_add(8);
                out.defect(Defect::new(&NPDE_LENGTH, "SubimageLength", place, npde.length, self.length));
            }
            parts.push(Part::new(npde.span, "npde", "option-rom-npde"));
        }
        let code = match (self.code(), &self.efi) {
            (X86, _) => {
                self.check_x86(at, out)?;
                parts.extend(expansions(at, out)?);
                Code::Known
            }
            (_, Some(efi)) => {
                parts.extend(self.driver(efi, at, out));
                Code::None
            }
            (OPEN_FIRMWARE | PA_RISC, _) => Code::Known,
            _ => Code::Vendors,
        };
        // What the BIOS copies ends there, and so does what is the image's own.
        let copied =
            if self.code() == X86 && self.initialization > 0 { self.initialization } else { u64::MAX };
        let own = self.npde.as_ref().map_or(0, |npde| npde.length);
        let (own, further) =
            if own == 0 { (at.clone(), at.from(u64::MAX)) } else { (at.slice(0, own), at.from(own)) };
        self.lay_out(&own.slice(0, copied), parts, code, out)?;
        out.add_fill(Node::new("option-rom", "payload", "option-rom-payload", own.from(copied)), ERASED);
        subimages(&further, out)
    }

    fn lay_out<'a>(
        &self,
        at: &Input<'a>,
        parts: Vec<Part>,
        code: Code,
        out: &mut Builder<'_, 'a>,
    ) -> Result<(), Trouble> {
        let parts = parts.into_iter().filter(|part| !part.span.is_empty());
        let (laid, behind) =
            kiwame_image::lay_out(at.length(), parts.map(|part| (part.span, part)).collect());
        let mut number = 0_u32;
        let mut between = |gap: Span, out: &mut Builder<'_, 'a>| {
            let key = number.to_string();
            number = number.saturating_add(u32::from(!gap.is_empty()));
            code.add(&key, at.slice(gap.offset, gap.length), out)
        };
        for Laid { thing: part, stated, gap, span, shared, beyond } in laid {
            let place = at.offset().saturating_add(stated.offset.min(at.length()));
            if let Some(done) = shared {
                out.defect(Defect::new(&OVERLAP, part.key, place, stated.offset, done));
            }
            if beyond {
                out.defect(Defect::new(&OUTSIDE, part.key, place, stated.end(), at.length()));
            }
            between(gap, out)?;
            let input = at.slice(span.offset, span.length);
            match &self.efi {
                Some(efi) if part.kind == DRIVER => efi.open(&input, out)?,
                _ => _ = out.add(Node::new("option-rom", part.key, part.kind, input)),
            }
        }
        between(behind, out)
    }

    /// The list of further devices, which ends with a zero.
    fn devices<'a>(
        &self,
        pcir: &Pcir,
        at: &Input<'a>,
        out: &mut Builder<'_, 'a>,
    ) -> Result<Option<Part>, Trouble> {
        if pcir.devices == 0 {
            return Ok(None);
        }
        let window = at.slice(pcir.devices, LONGEST_LIST).window()?;
        let (entries, _) = window.as_chunks::<2>();
        let ids = entries.iter().map(|entry| u16::from_le_bytes(*entry));
        let listed: Vec<_> = ids.take_while(|&id| id != 0).map(|id| format!("{id:04x}")).collect();
        if listed.len() == entries.len() {
            let place = self.place(at, 8);
            out.defect(Defect::new(
                &DEVICE_LIST,
                "DeviceListPointer",
                place,
                pcir.devices,
                "a list that ends",
            ));
            return Ok(None);
        }
        let length = len64(&listed).saturating_add(1).saturating_mul(2);
        out.fact(&DEVICES, listed.join(" "));
        Ok(Some(Part::new(Span::new(pcir.devices, length), "devices", "option-rom-devices")))
    }

    /// Size and checksum of x86 code.
    fn check_x86(&self, at: &Input<'_>, out: &mut Builder<'_, '_>) -> Result<(), Trouble> {
        let (size, place) = (self.initialization, at.offset().saturating_add(2));
        if size == 0 || size > at.length() {
            out.defect(Defect::new(&SIZE, "Size512", place, size, at.length()));
            return Ok(());
        }
        let mut sum = 0_u8;
        let code = at.slice(0, size);
        code.spend(size)?;
        for window in code.windows() {
            sum = sum.wrapping_add(sum8(&window?));
        }
        if sum != 0 {
            out.defect(Defect::new(&CHECKSUM, "checksum", at.offset(), sum, 0u8));
        }
        Ok(())
    }

    /// Where the driver of an EFI image lies, as EDK II takes it.
    fn driver(&self, efi: &Efi, at: &Input<'_>, out: &mut Builder<'_, '_>) -> Option<Part> {
        let place = |field: u64| at.offset().saturating_add(field);
        if efi.signature != EFI_SIGNATURE {
            out.defect(Defect::new(&EFI_HEADER, "EfiSignature", place(4), efi.signature, EFI_SIGNATURE));
            return None;
        }
        if !DRIVERS.contains(&efi.subsystem) {
            out.defect(Defect::new(
                &EFI_HEADER,
                "EfiSubsystem",
                place(8),
                efi.subsystem,
                "a driver's, 11 or 12",
            ));
        }
        if efi.compression > COMPRESSED {
            out.defect(Defect::new(&EFI_HEADER, "CompressionType", place(0xc), efi.compression, COMPRESSED));
        }
        if self.initialization > at.length() {
            let found = self.initialization;
            out.defect(Defect::new(&DRIVER_OUTSIDE, "InitializationSize", place(2), found, at.length()));
        }
        if efi.offset < HEADER || efi.offset >= self.initialization {
            let found = efi.offset;
            out.defect(Defect::new(
                &DRIVER_OUTSIDE,
                "EfiImageHeaderOffset",
                place(0x16),
                found,
                self.initialization,
            ));
            return None;
        }
        let end = self.initialization.min(at.length());
        Some(Part::new(Span::between(efi.offset, end.max(efi.offset)), "driver", DRIVER))
    }
}

impl<'a> Stage<'a> for Image {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = self.split(&at, out) {
            out.trouble(trouble);
        }
    }
}

impl Pcir {
    /// The one at `pointer`, from the start of the image.
    fn read(at: &Input<'_>, pointer: u64) -> Result<Option<Self>, Trouble> {
        if pointer < 2 {
            return Ok(None);
        }
        let window = at.slice(pointer, STRUCTURE).window()?;
        if len64(&window) < STRUCTURE || ![PCIR, NPDS].iter().any(|own| window.starts_with(own)) {
            return Ok(None);
        }
        let mut input = window.reader(&TRUNCATED);
        input.bytes(4, "Signature")?;
        let vendor = input.u16_le("VendorID")?;
        let device = input.u16_le("DeviceID")?;
        let list = u64::from(input.u16_le("DeviceListPointer")?);
        let size = u64::from(input.u16_le("PCIDataStructureLength")?);
        let revision = input.u8("PCIDataStructureRevision")?;
        let class = input.u24_le("ClassCode")?;
        let length = u64::from(input.u16_le("ImageLength")?).saturating_mul(UNIT);
        let code_revision = input.u16_le("RevisionLevel")?;
        let code = input.u8("CodeType")?;
        let indicator = input.u8("Indicator")?;
        let devices = if revision < 3 || list == 0 { 0 } else { pointer.saturating_add(list) };
        let span = Span::new(pointer, size.clamp(STRUCTURE, LONGEST_STRUCTURE));
        Ok(Some(Self {
            span,
            vendor,
            device,
            devices,
            revision,
            class,
            length,
            code_revision,
            code,
            indicator,
        }))
    }

    fn check(&self, at: &Input<'_>, out: &mut Builder<'_, '_>) {
        let offset = self.span.offset;
        if !offset.is_multiple_of(4) {
            let place = at.offset().saturating_add(POINTER);
            out.defect(Defect::new(&MISALIGNED, "PCIDataStructurePointer", place, offset, "a multiple of 4"));
        }
    }
}

impl Npde {
    /// The one behind a PCI data structure that ends at `end`.
    fn read(at: &Input<'_>, end: u64) -> Result<Option<Self>, Trouble> {
        let start = end.next_multiple_of(16);
        let window = at.slice(start, 11).window()?;
        if len64(&window) < 11 || !window.starts_with(b"NPDE") {
            return Ok(None);
        }
        let mut input = window.reader(&TRUNCATED);
        input.bytes(4, "Signature")?;
        input.u16_le("Revision")?;
        let size = u64::from(input.u16_le("Length")?).clamp(11, LONGEST_STRUCTURE);
        let length = u64::from(input.u16_le("SubimageLength")?).saturating_mul(UNIT);
        let last = input.u8("LastImage")? & LAST != 0;
        Ok(Some(Self { span: Span::new(start, size), length, last }))
    }
}

impl Efi {
    /// Adds the driver that `at` begins with, and what lies behind it.
    fn open<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        if self.compression == COMPRESSED {
            return self.unpack(at, out);
        }
        let head = at.head(HEAD)?;
        self.check_machine(&head, at.offset(), out);
        let format = program(&head);
        let whole = format.anchor().map(|anchor| (anchor.whole)(at, 0)).transpose()?.flatten();
        let end = whole.filter(|&end| end <= at.length()).unwrap_or(at.length());
        let node = Node::new(format.name(), "image", "option-rom-driver", at.slice(0, end));
        out.add(node.with(&fact::EXECUTABLE, true).listed().then(format));
        padding("behind-driver", at.from(end), out)
    }

    fn unpack<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let window = PACKED.window(at, out)?;
        let mut reading = tiano::Reading::Efi11;
        let decode = |room| {
            let (decoded, found) = tiano::either(&window, None, room)?;
            reading = found;
            Ok(decoded)
        };
        let declared = tiano::sizes(&window).map(|(_, content)| content);
        let Some(decoded) = PACKED.decode(at, at, declared, decode, out) else { return Ok(()) };
        let (consumed, place) = (decoded.consumed, at.offset());
        let algorithm = match reading {
            tiano::Reading::Efi11 => "EFI 1.1",
            tiano::Reading::Both => "EFI 1.1 and Tiano",
            tiano::Reading::Tiano => "Tiano",
        };
        if reading != tiano::Reading::Efi11 {
            out.defect(Defect::new(&ALGORITHM, "CompressionType", place, algorithm, "EFI 1.1"));
        }
        self.check_machine(&decoded.bytes, place, out);
        let leaf = PACKED.add(at.slice(0, consumed), &decoded, out);
        padding("behind-driver", at.from(consumed), out)?;
        if let Some(leaf) = leaf {
            let next = ("option-rom-driver", program(&decoded.bytes));
            let form = |_: &_| {
                let mut form = Normal::new("efi-compression/1");
                form.record("stream");
                form.field("algorithm", algorithm.as_bytes());
                Some(form)
            };
            Packed::hand_on(leaf, decoded, form, next, out);
        }
        Ok(())
    }

    /// EDK II goes by the header before it looks at the driver.
    fn check_machine(&self, driver: &[u8], place: u64, out: &mut Builder<'_, '_>) {
        if let Some(machine) = machine(driver).filter(|&machine| machine != self.machine) {
            out.defect(Defect::new(&MACHINE, "EfiMachineType", place, self.machine, machine));
        }
    }
}

/// What takes a driver apart.
fn program(head: &[u8]) -> &'static dyn Format {
    if head.starts_with(b"VZ") { &te::Te } else { pe::PE }
}

/// The machine that a driver is for, by its own header.
fn machine(driver: &[u8]) -> Option<u16> {
    let head = Glance::new(driver, len64(driver));
    if driver.starts_with(b"VZ") {
        return head.u16_le(2);
    }
    let start = u64::from(head.u32_le(0x3c).filter(|_| driver.starts_with(b"MZ"))?);
    head.bytes(start, 4).filter(|signature| *signature == b"PE\0\0")?;
    head.u16_le(start.checked_add(4)?)
}

/// A part that headers name.
#[derive(Debug)]
struct Part {
    span: Span,
    key: &'static str,
    kind: &'static str,
}

impl Part {
    fn new(span: Span, key: &'static str, kind: &'static str) -> Self {
        Self { span, key, kind }
    }
}

/// What lies around the parts that headers name.
#[derive(Clone, Copy, Debug)]
enum Code {
    /// A program of a processor that the specification names.
    Known,
    /// A program, or data, of which the vendor alone knows what they are.
    Vendors,
    /// None: the program is one of the parts.
    None,
}

impl Code {
    fn add<'a>(self, key: &str, input: Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        if input.is_empty() {
            return Ok(());
        }
        let node = |input| Node::new("option-rom-code", key, "option-rom-code", input);
        match self {
            Self::Known => _ = out.add(node(input).with(&fact::EXECUTABLE, true)),
            Self::Vendors => _ = out.add(node(input).with(&fact::EXECUTABLE, true).unknown()),
            Self::None => padding(key, input, out)?,
        }
        Ok(())
    }
}

/// Bytes that no part has: zero or erased, as tools leave them; anything else is not understood.
fn padding<'a>(key: &str, input: Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let plain = matches!(input.uniform()?, Some(0 | ERASED));
    let node = Node::new("padding", key, "padding", input);
    out.add(if plain { node } else { node.unknown() });
    Ok(())
}

/// The expansion headers of x86 code, each of which leads to the next one.
fn expansions<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<Vec<Part>, Trouble> {
    let mut found: Vec<Part> = Vec::new();
    let pointer = at.slice(HEADER, 2).window()?;
    let mut next = pointer.first_chunk().map_or(0, |pointer| u64::from(u16::from_le_bytes(*pointer)));
    while next >= HEADER && found.len() < MOST_EXPANSIONS && found.iter().all(|part| part.span.offset != next)
    {
        let header = at.slice(next, EXPANSION).window()?;
        let mut input = header.reader(&TRUNCATED);
        if len64(&header) < EXPANSION || input.bytes(4, "Signature")? != b"$PnP" {
            break;
        }
        input.u8("Revision")?;
        let length = u64::from(input.u8("Length")?).saturating_mul(16);
        let behind = input.u16_le("NextHeader")?;
        let whole = at.slice(next, length);
        let sum = sum8(&whole.window()?);
        if sum != 0 {
            out.defect(Defect::new(&EXPANSION_CHECKSUM, "Checksum", whole.offset(), sum, 0u8));
        }
        let key = EXPANSIONS.get(found.len()).copied().unwrap_or_default();
        found.push(Part::new(Span::new(next, length.max(EXPANSION)), key, "option-rom-expansion"));
        next = behind.into();
    }
    Ok(found)
}

const SIGNATURE: [u8; 2] = [0x55, 0xaa];
/// What NVIDIA has for it behind the first image.
const SIGNATURES: [[u8; 2]; 2] = [[0x56, 0x4e], [0x77, 0xbb]];
const PCIR: &[u8] = b"PCIR";
const NPDS: &[u8] = b"NPDS";
/// Of the header that all images have.
const HEADER: u64 = 0x1a;
/// Where the header has the pointer to the data structure.
const POINTER: u64 = 0x18;
/// Shortest data structure, that of PCI 2.
const STRUCTURE: u64 = 0x18;
/// Far more than any revision has.
const LONGEST_STRUCTURE: u64 = 0x100;
/// Lengths are counted in these.
const UNIT: u64 = 512;
/// Of a size of one byte.
const LONGEST_ISA: u64 = 0xff * UNIT;
/// Bytes of a list of devices; the specification sets no bound.
const LONGEST_LIST: u64 = 0x800;
/// What a look at an image costs.
const LOOK: u64 = 0x200;
/// Bytes in which a driver says what it is for.
const HEAD: u64 = 0x1000;
/// Bit 7 of `Indicator`.
const LAST: u8 = 0x80;
const ERASED: u8 = 0xff;

// `CodeType`.
const X86: u8 = 0;
const OPEN_FIRMWARE: u8 = 1;
const PA_RISC: u8 = 2;
const EFI: u8 = 3;

const EFI_SIGNATURE: u32 = 0x0ef1;
/// `CompressionType` of a packed driver.
const COMPRESSED: u16 = 1;
/// Subsystems: drivers of boot services and of the run time.
const DRIVERS: [u16; 2] = [11, 12];
/// Kind of the part that is a driver.
const DRIVER: &str = "option-rom-driver";
/// Machines that UEFI names.
const MACHINES: [(u16, &str); 7] = [
    (0x014c, "ia32"),
    (0x0200, "ia64"),
    (0x0ebc, "ebc"),
    (0x8664, "x64"),
    (0x01c2, "arm"),
    (0xaa64, "aa64"),
    (0x5064, "riscv64"),
];

/// Bytes of an expansion header.
const EXPANSION: u64 = 0x20;
const MOST_EXPANSIONS: usize = 4;
const EXPANSIONS: [&str; MOST_EXPANSIONS] = ["expansion", "expansion.1", "expansion.2", "expansion.3"];

static PACKED: Packed =
    Packed { name: "efi-compressed", kind: "efi-compressed-stream", undecodable: &UNDECODABLE };

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &ALGORITHM,
    &BEYOND_END,
    &CHECKSUM,
    &DEVICE_LIST,
    &DRIVER_OUTSIDE,
    &EFI_HEADER,
    &EXPANSION_CHECKSUM,
    &GAP,
    &LENGTH,
    &MACHINE,
    &MISALIGNED,
    &NO_IMAGE,
    &NO_LAST,
    &NPDE_LENGTH,
    &OUTSIDE,
    &OVERLAP,
    &SIZE,
    &TRUNCATED,
    &UNDECODABLE,
];

/// A driver is packed otherwise than EDK II unpacks it, or can be unpacked in two ways.
static ALGORITHM: DefectKind = DefectKind::ambiguous("option-rom/algorithm");
/// An image is longer than there are bytes: EDK II takes none of it.
static BEYOND_END: DefectKind = DefectKind::ambiguous("option-rom/beyond-end").cut_short();
/// The bytes of x86 code do not add up to zero: some BIOSes run it all the same.
static CHECKSUM: DefectKind = DefectKind::ambiguous("option-rom/checksum");
/// The list of devices does not end.
static DEVICE_LIST: DefectKind = DefectKind::odd("option-rom/device-list");
/// A driver begins before its image or ends behind it.
static DRIVER_OUTSIDE: DefectKind = DefectKind::ambiguous("option-rom/driver-outside");
/// The header of an EFI image has a value for which EDK II leaves it out.
static EFI_HEADER: DefectKind = DefectKind::ambiguous("option-rom/efi-header");
/// The bytes of a Plug and Play header do not add up to zero.
static EXPANSION_CHECKSUM: DefectKind = DefectKind::odd("option-rom/expansion-checksum");
/// Bytes that are no image lie between two images: some loaders stop there, others look on.
static GAP: DefectKind = DefectKind::ambiguous("option-rom/gap");
/// An image says that it has no length.
static LENGTH: DefectKind = DefectKind::ambiguous("option-rom/length");
/// A driver is for another machine than the header before it says.
static MACHINE: DefectKind = DefectKind::ambiguous("option-rom/machine");
/// The PCI data structure is not aligned to four bytes: EDK II stops there.
static MISALIGNED: DefectKind = DefectKind::ambiguous("option-rom/misaligned");
/// There is no image where one was recognised.
static NO_IMAGE: DefectKind = DefectKind::odd("option-rom/no-image");
/// The last image says that another one follows.
static NO_LAST: DefectKind = DefectKind::odd("option-rom/no-last");
/// NVIDIA's extension gives an image no length, or a greater one than the data structure does.
static NPDE_LENGTH: DefectKind = DefectKind::ambiguous("option-rom/npde-length");
/// A part of an image lies outside of it.
static OUTSIDE: DefectKind = DefectKind::ambiguous("option-rom/outside");
/// Two parts of an image share bytes.
static OVERLAP: DefectKind = DefectKind::ambiguous("option-rom/overlap");
/// The size of x86 code is zero, or goes beyond its image.
static SIZE: DefectKind = DefectKind::ambiguous("option-rom/size");
/// The image ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("option-rom/truncated").cut_short();
/// A packed driver cannot be unpacked.
static UNDECODABLE: DefectKind = DefectKind::ambiguous("option-rom/stream");

// Facts, in the words of the specification.
static CLASS: Fact = Fact::new("class-code");
static CODE_REVISION: Fact = Fact::new("code-revision");
static COMPRESSION_TYPE: Fact = Fact::new("compression-type");
static DEVICE: Fact = Fact::new("device-id");
static DEVICES: Fact = Fact::new("devices");
static LAST_IMAGE: Fact = Fact::new("last-image");
static VENDOR: Fact = Fact::new("vendor-id");

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Content, Value};

    use super::*;
    use crate::testing::{defects, leaves, parse, put, region, torture};

    /// An image of so many units, with its data structure at 0x1c.
    fn image(code: u8, units: u8, last: bool) -> Vec<u8> {
        let mut image = vec![0; usize::from(units) * 512];
        put(&mut image, 0, &[0x55, 0xaa, units]);
        put(&mut image, 0x18, &[0x1c, 0]);
        put(&mut image, 0x1c, b"PCIR\x34\x12\x78\x56\0\0\x1c\0\x03\0\0\x02");
        put(&mut image, 0x2c, &[units, 0, 1, 0, code, if last { 0x80 } else { 0 }]);
        image
    }

    /// x86 code of one unit.
    pub(crate) fn x86(last: bool) -> Vec<u8> {
        let mut image = image(X86, 1, last);
        image[0x40..0x1ff].fill(0x90);
        sealed(image)
    }

    fn sealed(mut image: Vec<u8>) -> Vec<u8> {
        let length = usize::from(image[2]) * 512;
        image[length - 1] = 0;
        image[length - 1] = 0u8.wrapping_sub(sum8(&image[..length]));
        image
    }

    /// An image with a TE driver, which is short.
    fn efi(last: bool) -> Vec<u8> {
        let mut image = image(EFI, 1, last);
        put(&mut image, 2, &[1, 0, 0xf1, 0x0e, 0, 0, 0x0b, 0, 0x64, 0x86]);
        put(&mut image, 0x16, &[0x40, 0]);
        put(&mut image, 0x40, &te());
        image
    }

    /// One section of 16 bytes.
    fn te() -> Vec<u8> {
        let mut te = b"VZ\x64\x86\x01\x0b".to_vec();
        te.extend(0x28u16.to_le_bytes());
        te.resize(0x28, 0);
        te.extend(b".text\0\0\0");
        for word in [0x10u32, 0x1000, 0x10, 0x50, 0, 0, 0, 0x6000_0020] {
            te.extend(word.to_le_bytes());
        }
        te.extend([0x90; 0x10]);
        te
    }

    fn found(bytes: &[u8]) -> Vec<&'static str> {
        defects(&parse(&OptionRom, bytes))
    }

    fn length(bytes: &[u8]) -> Option<u64> {
        let raw = [&[0x11; 7], bytes, &[0x11; 600]].concat();
        let tree = parse(&crate::places::raw::Raw, &raw);
        tree.regions().find(|region| region.searched).map(|region| region.span.length)
    }

    #[test]
    fn images_lie_one_behind_the_other() {
        let rom = [x86(false), efi(true), vec![0xff; 0x200]].concat();
        let tree = parse(&OptionRom, &rom);
        assert_eq!(defects(&tree), [""; 0]);
        let first = region(&tree, "option-rom:x86");
        assert_eq!((first.span, first.order), (Span::new(0, 0x200), Some(0)));
        assert_eq!(first.fact(&VENDOR), Some(&Value::from("1234")));
        let second = region(&tree, "option-rom:efi-x64");
        assert_eq!((second.span, second.order), (Span::new(0x200, 0x200), Some(1)));
        assert!([first, second].iter().all(|image| image.is(&fact::EXECUTABLE) && image.component));
        assert_eq!(region(&tree, "option-rom:efi-x64/te:image").span, Span::new(0x240, 0x60));
        assert_eq!(region(&tree, "option-rom:behind").content, Content::Fill);
        assert_eq!(length(&rom), Some(0x400), "what lies behind the last one is none of it");
    }

    #[test]
    fn nothing_behind_the_last_image_is_one() {
        let tree = parse(&OptionRom, &[x86(true), efi(true)].concat());
        assert_eq!(region(&tree, "option-rom:behind").span, Span::new(0x200, 0x200));
        assert_eq!(defects(&tree), [""; 0]);
    }

    #[test]
    fn bytes_between_images_are_passed_over_by_some() {
        let rom = [x86(false), vec![0xff; 0x400], efi(true)].concat();
        let tree = parse(&OptionRom, &rom);
        assert_eq!(defects(&tree), ["option-rom/gap"]);
        assert_eq!(region(&tree, "option-rom:efi-x64").span.offset, 0x600);
        assert_eq!(found(&x86(false)), ["option-rom/no-last"]);
        assert_eq!(found(&[x86(false), vec![0xff; 0x400]].concat()), ["option-rom/no-last"]);
    }

    #[test]
    fn what_loaders_stop_at_or_pass_over_is_a_defect() {
        let with = |at: usize, value: &[u8]| {
            let mut rom = [x86(false), efi(true)].concat();
            put(&mut rom, at, value);
            if at < 0x200 && at != 2 {
                let first = sealed(rom[..0x200].to_vec());
                put(&mut rom, 0, &first);
            }
            found(&rom)
        };
        assert_eq!(with(0x22c, &[2]), ["option-rom/beyond-end"]);
        assert_eq!(with(0x22c, &[0]), ["option-rom/length"]);
        assert_eq!(with(2, &[0]), ["option-rom/size"]);
        assert_eq!(with(2, &[2]), ["option-rom/size"]);
        assert_eq!(with(0x20a, &[0x4c, 1]), ["option-rom/machine"]);
        assert_eq!(with(0x204, &[0]), ["option-rom/efi-header"]);
        assert_eq!(with(0x208, &[0x0a]), ["option-rom/efi-header"]);
        assert_eq!(with(0x202, &[2]), ["option-rom/driver-outside"]);
        assert_eq!(with(0x202, &[0]), ["option-rom/driver-outside"]);
        assert_eq!(with(0x217, &[2]), ["option-rom/driver-outside"]);
        assert_eq!(with(0x216, &[0x1e]).first(), Some(&"option-rom/overlap"));
        assert_eq!(with(0x20c, &[1]), ["option-rom/stream"]);
    }

    #[test]
    fn x86_code_adds_up_to_zero() {
        let mut rom = x86(true);
        rom[0x100] ^= 1;
        assert_eq!(found(&rom), ["option-rom/checksum"]);
        assert_eq!(length(&rom), Some(0x200), "it is one all the same");
    }

    #[test]
    fn what_the_bios_does_not_copy_is_a_leaf_of_its_own() {
        let mut rom = image(X86, 3, true);
        rom[2] = 1;
        rom[0x200..].fill(0x77);
        let tree = parse(&OptionRom, &sealed(rom.clone()));
        assert_eq!(defects(&tree), [""; 0]);
        let payload = region(&tree, "option-rom:x86/option-rom:payload");
        assert_eq!((payload.span, payload.content), (Span::new(0x200, 0x400), Content::Unknown));
    }

    #[test]
    fn a_list_of_devices_ends_with_a_zero() {
        let mut rom = x86(true);
        put(&mut rom, 0x24, &[0x64, 0]);
        put(&mut rom, 0x80, &[0x34, 0x12, 0x35, 0x12, 0, 0]);
        let tree = parse(&OptionRom, &sealed(rom.clone()));
        assert_eq!(region(&tree, "option-rom:x86").fact(&DEVICES), Some(&Value::from("1234 1235")));
        assert_eq!(region(&tree, "option-rom:x86/option-rom:devices").span, Span::new(0x80, 6));
        // Revision 2 has something else there.
        rom[0x28] = 0;
        assert_eq!(region(&parse(&OptionRom, &sealed(rom)), "option-rom:x86").fact(&DEVICES), None);
        let mut rom = x86(true);
        put(&mut rom, 0x24, &[0x64, 0]);
        assert_eq!(found(&sealed(rom)), ["option-rom/device-list"]);
    }

    #[test]
    fn expansion_headers_lead_to_each_other_and_to_nowhere_twice() {
        let mut rom = x86(true);
        put(&mut rom, 0x1a, &[0x40, 0]);
        for (at, next) in [(0x40, 0x60), (0x60, 0x40)] {
            rom[at..at + 0x20].fill(0);
            put(&mut rom, at, b"$PnP\x01\x02");
            rom[at + 6] = next;
            rom[at + 9] = 0u8.wrapping_sub(sum8(&rom[at..at + 0x20]));
        }
        let tree = parse(&OptionRom, &sealed(rom.clone()));
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "option-rom:x86/option-rom:expansion.1").span, Span::new(0x60, 0x20));
        rom[0x50] ^= 1;
        assert_eq!(found(&sealed(rom)), ["option-rom/expansion-checksum"]);
    }

    #[test]
    fn a_rom_without_a_data_structure_is_one_when_it_adds_up() {
        let mut rom = x86(true);
        put(&mut rom, 0x18, &[0, 0]);
        let rom = sealed(rom);
        let tree = parse(&OptionRom, &rom);
        assert_eq!((defects(&tree), region(&tree, "option-rom:x86").span), (vec![], Span::new(0, 0x200)));
        let probe = |rom: &[u8]| OptionRom.probe(&Glance::new(rom, len64(rom))).is_some();
        assert!(probe(&rom) && !probe(&rom[..0x1ff]) && !probe(&[0x55, 0xaa]));
        let mut other = rom.clone();
        other[0x100] ^= 1;
        assert!(!probe(&other) && OptionRom.runs(&Glance::new(&other, 0x200)));
        assert_eq!(length(&rom), None, "a sum of 8 bits is no find");
    }

    /// x86 code of one unit with a further image inside by `NPDE`, and one behind it.
    fn nvidia() -> Vec<u8> {
        let mut rom = image(X86, 2, true);
        put(&mut rom, 0x40, b"NPDE\x01\x01\x14\0\x01\0\0\0");
        let inner = [b"VN".to_vec(), image(0xe0, 1, false)[2..].to_vec()].concat();
        put(&mut rom, 0x200, &inner);
        put(&mut rom, 0x21c, b"NPDS");
        rom[0x1ff] = 0u8.wrapping_sub(sum8(&rom));
        [rom, image(0xe0, 1, true)].concat()
    }

    #[test]
    fn images_by_npde_lie_in_an_image_and_behind_the_last_one() {
        let rom = nvidia();
        let tree = parse(&OptionRom, &rom);
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "option-rom:x86").span, Span::new(0, 0x400));
        assert_eq!(region(&tree, "option-rom:x86/option-rom:0xe0").span, Span::new(0x200, 0x200));
        assert_eq!(region(&tree, "option-rom:0xe0").span, Span::new(0x400, 0x200));
        assert_eq!(length(&rom), Some(0x600));
        let mut longer = rom.clone();
        longer[0x48] = 3;
        longer[0x1ff] = longer[0x1ff].wrapping_sub(2);
        assert!(found(&longer).contains(&"option-rom/npde-length"));
    }

    #[test]
    fn a_find_is_a_whole_image() {
        assert_eq!(length(&x86(true)), Some(0x200));
        for (at, value) in [(0, 0x54), (0x18, 0x1d), (0x1c, b'Q'), (0x2c, 0), (0x2c, 9)] {
            let mut rom = x86(true);
            rom[at] = value;
            assert_eq!(length(&rom), None, "{at:#x}");
        }
    }

    #[test]
    fn hostile_bytes() {
        torture(&OptionRom, &[x86(false), efi(true)].concat());
        torture(&OptionRom, &nvidia());
        assert_eq!(leaves(&parse(&OptionRom, &[1; 30])), [("option-rom-unread", "unread".to_owned(), 0, 30)]);
    }
}
