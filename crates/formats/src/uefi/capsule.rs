//! UEFI capsules: updates as PC makers ship them.
//!
//! UEFI Specification 2.10, section 8.5.3 (`EFI_CAPSULE_HEADER`) and sections 23.2 and 23.3 (firmware management protocol:
//! `EFI_FIRMWARE_IMAGE_AUTHENTICATION`, `EFI_FIRMWARE_IMAGE_DEP`, `EFI_FIRMWARE_MANAGEMENT_CAPSULE_HEADER` and
//! `_IMAGE_HEADER`); `FMP_PAYLOAD_HEADER` of EDK II's FmpDevicePkg. Makers' headers after UEFITool A68.
//!
//! ```text
//! capsule                                  FMP capsule, from HeaderSize on
//! 0x00 CapsuleGuid           16            0x00 Version 1            4
//! 0x10 HeaderSize             4            0x04 EmbeddedDriverCount  2
//! 0x14 Flags                  4            0x06 PayloadItemCount     2
//! 0x18 CapsuleImageSize       4            0x08 ItemOffsetList       8 each, from here on
//! Toshiba: the last two change places
//! AMI: 0x1c RomImageOffset    2            item of the payload
//!      0x1e RomLayoutOffset   2            0x00 Version 1 to 3              4
//!                                          0x04 UpdateImageTypeId          16
//! image that is authenticated              0x14 UpdateImageIndex, reserved  4
//! 0x00 MonotonicCount         8            0x18 UpdateImageSize             4
//! 0x08 dwLength               4            0x1c UpdateVendorCodeSize        4
//! 0x0c wRevision 0x0200       2            0x20 UpdateHardwareInstance      8  version 2 on
//! 0x0e wCertificateType 0x0ef1 2           0x28 ImageCapsuleSupport         8  version 3 on
//! 0x10 CertType              16            then the image, then vendor code
//! 0x20 PKCS #7
//! then the dependencies, then "MSS1", HeaderSize, FwVersion, LowestSupportedVersion, then the payload
//! ```
//!
//! The payload is read as a partition of a medium is, so that what lies within is opened as it would be alone. A capsule of
//! any other GUID, as the system resource table has one for each maker, is told by a header that fits the file exactly.
//!
//! Loader modelled: EDK II (`DxeCapsuleLibFmp`, `FmpDxe`), for which embedded drivers are programs that it starts before
//! anything is authenticated. The drivers of other makers are not public.
//!
//! Ambiguities, each a defect: all for which EDK II refuses a capsule: a header as long as the capsule; flags that ask for a
//! table or a reset without persistence; another version of the FMP headers; items out of order, outside, or longer or shorter
//! than their sizes say; a certificate of another kind where the header says that there is one; dependencies that do not
//! end; a payload header that is longer than the payload. A capsule that is longer than there are bytes.
//!
//! Limitations: the certificate and the signature are named, and not checked; AMI's certificate and list of parts, and what
//! other makers have behind the header, are leaves that are not understood; the Framework's text blocks are not split; a
//! capsule in pieces (block descriptors) is not put together.
//!
//! ## Normal form
//!
//! None is needed: headers, expressions and certificates are leaves, compared byte by byte; nothing is masked.

use kiwame_image::{
    Anchor, Builder, Defect, DefectKind, Fact, Format, Glance, Guid, Input, Laid, Node, Place, Reading,
    Recognised, Span, Stage, Sure, Trouble, Value, fact, len64,
};

use super::guid::raw;
use crate::program::pe::Pe;

/// A capsule.
#[derive(Debug)]
pub(crate) struct Capsule;

impl Format for Capsule {
    fn name(&self) -> &'static str {
        "uefi-capsule"
    }

    fn about(&self) -> &'static str {
        "UEFI capsule: headers (FMP, AMI, Toshiba, Framework), embedded drivers, dependencies, certificate; payload opened"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        let header = Header::read(head.bytes(0, HEADER)?)?;
        let exact = header.size == head.size() && header.is_plain();
        let found = if header.maker.is_some() { header.is_plausible() } else { exact };
        found.then(|| Reading::new(self, Sure::Structure).of_length(header.size))
    }

    fn anchor(&self) -> Option<&'static Anchor> {
        Some(&ANCHOR)
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = split(&at, out) {
            out.trouble(trouble);
        }
    }
}

static ANCHOR: Anchor = Anchor {
    marks: &[&FMP, &FRAMEWORK, &AMI_SIGNED, &AMI, &TOSHIBA, &INTEL, &LENOVO, &LENOVO_2],
    at: 0,
    whole: |at, _| {
        let header = Header::read(&at.head(HEADER)?);
        let fits = |header: &Header| header.is_plain() && header.size <= at.length();
        Ok(header.filter(fits).map(|header| header.size))
    },
};

/// What every capsule begins with.
#[derive(Clone, Copy, Debug)]
struct Header {
    guid: [u8; 16],
    maker: Option<&'static Maker>,
    header: u64,
    flags: u32,
    size: u64,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<Self> {
        let guid = *bytes.first_chunk::<16>()?;
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        let maker = MAKERS.iter().find(|maker| maker.guid == guid);
        let (flags, size) = if guid == TOSHIBA { (word(24)?, word(20)?) } else { (word(20)?, word(24)?) };
        Some(Self { guid, maker, header: word(16)?.into(), flags, size: size.into() })
    }

    /// Sizes that a capsule can have at all.
    fn is_plausible(&self) -> bool {
        self.header >= HEADER && self.size >= self.header
    }

    /// A header as makers write them.
    fn is_plain(&self) -> bool {
        let known = self.flags & !KNOWN_FLAGS == 0;
        self.is_plausible()
            && self.header < self.size
            && self.header <= MOST_HEADER
            && known
            && self.guid != [0; 16]
    }
}

#[derive(Debug)]
struct Maker {
    guid: [u8; 16],
    name: &'static str,
}

fn split<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.head(HEADER)?;
    let Some(header) = Header::read(&window).filter(Header::is_plausible) else {
        let text = format!("{} bytes", at.length());
        out.defect(Defect::new(&TRUNCATED, "HeaderSize", at.offset(), text, "a header"));
        out.add(Node::new("capsule", "unread", "capsule-unread", at.clone()).unknown());
        return Ok(());
    };
    let field = |place: u64| at.offset().saturating_add(place);
    if header.size > at.length() {
        out.defect(Defect::new(&BEYOND_END, "CapsuleImageSize", field(24), header.size, at.length()));
    }
    if header.header == header.size {
        out.defect(Defect::new(
            &HEADER_SIZE,
            "HeaderSize",
            field(16),
            header.header,
            "less than the capsule",
        ));
    }
    let asks = header.flags & (POPULATE | RESET) != 0;
    if asks && header.flags & PERSIST == 0 && header.guid != TOSHIBA {
        out.defect(Defect::new(&FLAGS, "Flags", field(20), header.flags, "with PERSIST_ACROSS_RESET"));
    }
    let name = header.maker.map_or_else(|| Guid(header.guid).to_string(), |maker| maker.name.to_owned());
    out.add(
        Node::new("capsule", "header", "capsule-header", at.slice(0, HEADER))
            .name(name)
            .guid(Guid(header.guid))
            .with(&fact::FLAGS, header.flags),
    );
    let whole = at.slice(0, header.size);
    let mut start = header.header;
    if [AMI, AMI_SIGNED].contains(&header.guid) {
        let offset = whole.slice(HEADER, 2).window()?.first_chunk().map_or(0, |raw| u16::from_le_bytes(*raw));
        if u64::from(offset) < HEADER.saturating_add(4) || u64::from(offset) >= header.size {
            out.defect(Defect::new(
                &ROM_OFFSET,
                "RomImageOffset",
                field(HEADER),
                offset,
                "an offset in the capsule",
            ));
        } else {
            start = offset.into();
        }
    }
    let rest = whole.slice(HEADER, start.saturating_sub(HEADER));
    out.add(Node::new("capsule", "maker", "capsule-maker", rest).unknown());
    let body = whole.from(start);
    if header.guid == FMP {
        out.add(Node::new("capsule", "fmp", "capsule-fmp", body).then(&FmpBody));
    } else {
        let node = Node::new("capsule", "payload", "capsule-payload", body).component();
        out.add(node.with(&fact::INSTALLED, true).then(&Recognised(Place::Partition)));
    }
    out.add_behind(Node::new("capsule", "behind", "capsule-behind", at.from(header.size)));
    Ok(())
}

/// What lies behind the header of an FMP capsule.
#[derive(Debug)]
struct FmpBody;

impl Format for FmpBody {
    fn name(&self) -> &'static str {
        "capsule-fmp"
    }

    fn about(&self) -> &'static str {
        "body of an FMP capsule"
    }

    fn probe(&self, _: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = items(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn items<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    out.gaps("capsule-gap", None);
    let window = at.head(FMP_HEADER)?;
    let mut reader = window.reader(&TRUNCATED);
    let (version, drivers) = (reader.u32_le("Version")?, reader.u16_le("EmbeddedDriverCount")?);
    let count = u64::from(drivers).saturating_add(reader.u16_le("PayloadItemCount")?.into());
    if version != 1 {
        out.defect(Defect::new(&FMP_VERSION, "Version", at.offset(), version, 1u32));
    }
    let table = FMP_HEADER.saturating_add(count.saturating_mul(8));
    at.spend(table)?;
    let list = at.slice(FMP_HEADER, count.saturating_mul(8)).window()?;
    let (offsets, _) = list.as_chunks::<8>();
    let node = Node::new("capsule", "items", "capsule-items", at.slice(0, table));
    out.add(node.with(&DRIVERS, drivers).with(&PAYLOADS, count.saturating_sub(drivers.into())));
    if len64(offsets) < count || count == 0 {
        out.defect(Defect::new(&ITEM, "PayloadItemCount", at.offset(), count, len64(offsets)));
    }
    let mut things = Vec::new();
    let mut last = table.saturating_sub(1);
    for (number, raw) in (0u64..).zip(offsets) {
        let offset = u64::from_le_bytes(*raw);
        if offset <= last || offset >= at.length() {
            let place = at.offset().saturating_add(FMP_HEADER).saturating_add(number.saturating_mul(8));
            out.defect(Defect::new(&ITEM, "ItemOffsetList", place, offset, "behind the item before it"));
            continue;
        }
        last = offset;
        things.push((number, offset));
    }
    let ends = things.iter().skip(1).map(|(_, offset)| *offset).chain([at.length()]);
    let spans = things.iter().zip(ends).map(|(&(number, start), end)| (Span::between(start, end), number));
    let (laid, behind) = kiwame_image::lay_out(at.length(), spans.collect());
    for Laid { thing: number, span, .. } in laid {
        let input = at.slice(span.offset, span.length);
        let driver = number < u64::from(drivers);
        let index = if driver { number } else { number.saturating_sub(drivers.into()) };
        let key = format!("{}-{index}", if driver { "driver" } else { "payload" });
        let order = u32::try_from(number).unwrap_or(u32::MAX);
        out.add(if driver {
            // EDK II starts it, whatever it is.
            let node = Node::new("capsule", key, "capsule-driver", input).component().order(order);
            node.with(&fact::EXECUTABLE, true).then(&Pe)
        } else {
            Node::new("capsule", key, "capsule-item", input).order(order).then_with(std::rc::Rc::new(Item))
        });
    }
    let rest = at.slice(behind.offset, behind.length);
    // Where no item was taken, the table comes first.
    if things.is_empty() {
        out.add(Node::new("capsule", "rest", "capsule-rest", rest.from(table)).unknown());
    }
    Ok(())
}

/// A payload with its header.
#[derive(Debug)]
struct Item;

impl<'a> Stage<'a> for Item {
    fn parse(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = item(&at, out) {
            out.trouble(trouble);
        }
    }
}

fn item<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.head(ITEM_HEADER)?;
    let mut reader = window.reader(&TRUNCATED);
    let version = reader.u32_le("Version")?;
    let kind = reader.guid("UpdateImageTypeId")?;
    let index = reader.u8("UpdateImageIndex")?;
    reader.bytes(3, "reserved")?;
    let size = u64::from(reader.u32_le("UpdateImageSize")?);
    let vendor = u64::from(reader.u32_le("UpdateVendorCodeSize")?);
    let length = match version {
        1 => 0x20,
        2 => 0x28,
        _ => ITEM_HEADER,
    };
    if !(1..=3).contains(&version) {
        out.defect(Defect::new(&ITEM_VERSION, "Version", at.offset(), version, "1 to 3"));
    }
    let mut node = Node::new("capsule", "image-header", "capsule-image-header", at.slice(0, length));
    node = node.guid(kind).with(&VERSION_OF_HEADER, version).with(&INDEX, index);
    if version >= 2 {
        node = node.with(&HARDWARE_INSTANCE, reader.u64_le("UpdateHardwareInstance")?);
    }
    let mut support = None;
    if version >= 3 {
        let value = reader.u64_le("ImageCapsuleSupport")?;
        node = node.with(&SUPPORT, value);
        support = Some(value);
    }
    out.add(node);
    let stated = length.saturating_add(size).saturating_add(vendor);
    if stated != at.length() {
        let place = at.offset().saturating_add(0x18);
        out.defect(Defect::new(&ITEM_SIZE, "UpdateImageSize", place, stated, at.length()));
    }
    image(&at.slice(length, size), support, out)?;
    let code = at.slice(length.saturating_add(size), vendor);
    out.add(Node::new("capsule", "vendor-code", "capsule-vendor-code", code).unknown());
    out.add(Node::new("capsule", "behind", "capsule-behind", at.from(stated)).unknown());
    Ok(())
}

/// The image of a payload: what authenticates it, on what it depends, its version, and what is written.
fn image<'a>(at: &Input<'a>, support: Option<u64>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let says = |bit: u64| support.is_some_and(|support| support & bit != 0);
    let mut start = 0;
    let certificate = at.head(CERTIFICATE)?;
    let read = |from: u64, length: u64| certificate.piece(from, length).unwrap_or_default();
    let length = read(8, 4).first_chunk().map_or(0, |raw| u64::from(u32::from_le_bytes(*raw)));
    let fits = length >= CERTIFICATE.saturating_sub(8) && length.saturating_add(8) < at.length();
    if fits && read(12, 4) == REVISION_AND_TYPE && read(16, 16) == PKCS7 {
        start = length.saturating_add(8);
        let count = read(0, 8).first_chunk().map_or(0, |raw| u64::from_le_bytes(*raw));
        let node = Node::new("capsule", "authentication", "capsule-authentication", at.slice(0, CERTIFICATE));
        out.add(node.with(&fact::MONOTONIC_COUNT, count));
        let signature = at.slice(CERTIFICATE, start.saturating_sub(CERTIFICATE));
        out.says_signature("efi-fmp", &[at.from(start), at.slice(0, 8)], &signature);
        out.add(Node::new("capsule", "certificate", "capsule-certificate", signature).unknown());
    } else if says(AUTHENTICATED) {
        let found = read(8, 8).to_vec();
        out.defect(Defect::new(&AUTHENTICATION, "dwLength", at.offset(), found, "a certificate in PKCS #7"));
    }
    let body = at.from(start);
    let head = body.head(LONGEST_DEPENDENCIES)?;
    if says(DEPENDENT) || !head.starts_with(MSS1) {
        let (text, end) = dependencies(&head);
        match end.filter(|&end| says(DEPENDENT) || head.piece(end, 4) == Some(MSS1)) {
            Some(end) => {
                let node = Node::new("capsule", "dependencies", "capsule-dependencies", body.slice(0, end));
                out.add(node.with(&fact::EXPRESSION, text));
                start = start.saturating_add(end);
            }
            None if says(DEPENDENT) => {
                out.defect(Defect::new(&DEPENDENCIES, "Dependencies", body.offset(), text, "an expression"));
            }
            None => {}
        }
    }
    payload(&at.from(start), out)
}

fn payload<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let head = at.head(PAYLOAD_HEADER)?;
    let mut start = 0;
    if head.starts_with(MSS1) {
        let mut reader = head.reader(&TRUNCATED);
        reader.bytes(4, "Signature")?;
        let length = u64::from(reader.u32_le("HeaderSize")?);
        let (version, lowest) = (reader.u32_le("FwVersion")?, reader.u32_le("LowestSupportedVersion")?);
        start = length.max(PAYLOAD_HEADER);
        if length < PAYLOAD_HEADER || length >= at.length() {
            let place = at.offset().saturating_add(4);
            out.defect(Defect::new(
                &PAYLOAD_SIZE,
                "HeaderSize",
                place,
                length,
                "16, and less than the payload",
            ));
            start = PAYLOAD_HEADER;
        }
        let node = Node::new("capsule", "version", "capsule-version", at.slice(0, PAYLOAD_HEADER));
        out.add(node.with(&fact::VERSION, version).with(&LOWEST, lowest));
        let more = at.slice(PAYLOAD_HEADER, start.saturating_sub(PAYLOAD_HEADER));
        out.add(Node::new("capsule", "version-more", "capsule-version-more", more).unknown());
    }
    let node = Node::new("capsule", "payload", "capsule-payload", at.from(start)).component();
    out.add(node.with(&fact::INSTALLED, true).then(&Recognised(Place::Partition)));
    Ok(())
}

/// A dependency expression as text, and where it ends.
fn dependencies(bytes: &[u8]) -> (String, Option<u64>) {
    let mut reader = kiwame_image::Reader::new(bytes, 0, &TRUNCATED);
    let mut words: Vec<String> = Vec::new();
    while let Ok(code) = reader.u8("opcode") {
        let Some((_, name)) = OPCODES.iter().find(|(other, _)| *other == code) else { break };
        words.push((*name).to_owned());
        let operand = match code {
            0x00 => reader.guid("Guid").map(|guid| guid.to_string()),
            0x01 => reader.u32_le("Version").map(|version| format!("{version:#x}")),
            0x02 => {
                let rest = bytes.get(kiwame_image::to_usize(reader.position())..).unwrap_or_default();
                let text = rest.iter().take_while(|byte| **byte != 0).count();
                let text = rest.get(..text).unwrap_or_default();
                let text = reader.bytes(len64(text).saturating_add(1), "VersionString");
                text.map(|text| Value::from(text).display())
            }
            0x0e => reader.u32_le("Length").map(|length| format!("{length:#x}")),
            END => return (words.join(" "), Some(reader.position())),
            _ => continue,
        };
        match operand {
            Ok(operand) => words.push(operand),
            Err(_) => break,
        }
    }
    (words.join(" "), None)
}

const END: u8 = 0x0d;
static OPCODES: &[(u8, &str)] = &[
    (0x00, "PUSH_GUID"),
    (0x01, "PUSH_VERSION"),
    (0x02, "VERSION_STR"),
    (0x03, "AND"),
    (0x04, "OR"),
    (0x05, "NOT"),
    (0x06, "TRUE"),
    (0x07, "FALSE"),
    (0x08, "EQ"),
    (0x09, "GT"),
    (0x0a, "GTE"),
    (0x0b, "LT"),
    (0x0c, "LTE"),
    (END, "END"),
    (0x0e, "DECLARE_LENGTH"),
];

const HEADER: u64 = 28;
/// Makers pad headers to a page at most.
const MOST_HEADER: u64 = 0x1_0000;
const FMP_HEADER: u64 = 8;
const ITEM_HEADER: u64 = 0x30;
const CERTIFICATE: u64 = 0x20;
const PAYLOAD_HEADER: u64 = 16;
const LONGEST_DEPENDENCIES: u64 = 0x1000;
const MSS1: &[u8] = b"MSS1";
/// `wRevision` and `wCertificateType`.
const REVISION_AND_TYPE: &[u8] = &[0x00, 0x02, 0xf1, 0x0e];

// Flags of capsules; the lower half is the maker's.
const PERSIST: u32 = 0x1_0000;
const POPULATE: u32 = 0x2_0000;
const RESET: u32 = 0x4_0000;
const KNOWN_FLAGS: u32 = 0x7_ffff;

// Bits of `ImageCapsuleSupport`.
const AUTHENTICATED: u64 = 1;
const DEPENDENT: u64 = 2;

const PKCS7: [u8; 16] = raw("4AAFD29D-68DF-49EE-8AA9-347D375665A7");
const FMP: [u8; 16] = raw("6DCBD5ED-E82D-4C44-BDA1-7194199AD92A");
const FRAMEWORK: [u8; 16] = raw("3B6686BD-0D76-4030-B70E-B5519E2FC5A0");
const AMI_SIGNED: [u8; 16] = raw("4A3CA68B-7723-48FB-803D-578CC1FEC44D");
const AMI: [u8; 16] = raw("14EEBB90-890A-43DB-AED1-5D3C4588A418");
const TOSHIBA: [u8; 16] = raw("3BE07062-1D51-45D2-832B-F093257ED461");
const INTEL: [u8; 16] = raw("539182B9-ABB5-4391-B69A-E3A943F72FCC");
const LENOVO: [u8; 16] = raw("E20BAFD3-9914-4F4F-9537-3129E090EB3C");
const LENOVO_2: [u8; 16] = raw("25B5FE76-8243-4A5C-A9BD-7EE3246198B5");

static MAKERS: &[Maker] = &[
    Maker { guid: FMP, name: "FMP capsule" },
    Maker { guid: FRAMEWORK, name: "capsule of the EFI Framework" },
    Maker { guid: AMI_SIGNED, name: "signed capsule of AMI Aptio" },
    Maker { guid: AMI, name: "capsule of AMI Aptio" },
    Maker { guid: TOSHIBA, name: "capsule of Toshiba" },
    Maker { guid: INTEL, name: "capsule of Intel" },
    Maker { guid: LENOVO, name: "capsule of Lenovo" },
    Maker { guid: LENOVO_2, name: "capsule of Lenovo" },
];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[
    &AUTHENTICATION,
    &BEYOND_END,
    &DEPENDENCIES,
    &FLAGS,
    &FMP_VERSION,
    &HEADER_SIZE,
    &ITEM,
    &ITEM_SIZE,
    &ITEM_VERSION,
    &PAYLOAD_SIZE,
    &ROM_OFFSET,
    &TRUNCATED,
];

/// A payload says that it is authenticated, and has no certificate that EDK II takes.
static AUTHENTICATION: DefectKind = DefectKind::ambiguous("capsule/authentication");
/// The capsule is longer than there are bytes.
static BEYOND_END: DefectKind = DefectKind::ambiguous("capsule/beyond-end").cut_short();
/// A payload says that it depends on something, and has no expression that ends.
static DEPENDENCIES: DefectKind = DefectKind::ambiguous("capsule/dependencies");
/// The flags ask for a table or a reset, and not for what both need: EDK II refuses the capsule.
static FLAGS: DefectKind = DefectKind::ambiguous("capsule/flags");
/// The version of the FMP header is none that EDK II takes.
static FMP_VERSION: DefectKind = DefectKind::ambiguous("capsule/fmp-version");
/// The capsule has nothing behind its header: EDK II refuses it.
static HEADER_SIZE: DefectKind = DefectKind::ambiguous("capsule/header-size");
/// There is no item, more than there is room for, or one that lies outside or before another: EDK II refuses the capsule.
static ITEM: DefectKind = DefectKind::ambiguous("capsule/item");
/// The sizes in the header of a payload do not add up to the payload: EDK II refuses the capsule.
static ITEM_SIZE: DefectKind = DefectKind::ambiguous("capsule/item-size");
/// The version of the header of a payload is none that EDK II takes.
static ITEM_VERSION: DefectKind = DefectKind::ambiguous("capsule/item-version");
/// The header with the version is shorter than it can be, or as long as the payload.
static PAYLOAD_SIZE: DefectKind = DefectKind::ambiguous("capsule/payload-size");
/// AMI's header says that the image begins in the header, or behind the capsule.
static ROM_OFFSET: DefectKind = DefectKind::ambiguous("capsule/rom-offset");
/// The capsule ends before a field does.
static TRUNCATED: DefectKind = DefectKind::ambiguous("capsule/truncated").cut_short();

// Facts, in the words of the specification.
static DRIVERS: Fact = Fact::new("embedded-drivers");
static HARDWARE_INSTANCE: Fact = Fact::new("hardware-instance");
static INDEX: Fact = Fact::new("image-index");
static LOWEST: Fact = Fact::new("lowest-supported-version");
static PAYLOADS: Fact = Fact::new("payloads");
static SUPPORT: Fact = Fact::new("capsule-support");
static VERSION_OF_HEADER: Fact = Fact::new("header-version");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use super::*;
    use crate::testing::{defects, parse, put, region, torture};
    use crate::uefi::fixtures::{FFS2, volume};

    fn capsule(guid: [u8; 16], header: &[u8], body: &[u8]) -> Vec<u8> {
        let words = [28 + header.len(), 0x5_0000, 28 + header.len() + body.len()];
        let words = words.map(|word| (word as u32).to_le_bytes());
        [&guid[..], words.as_flattened(), header, body].concat()
    }

    /// A payload with all that may come before it.
    fn image(payload: &[u8]) -> Vec<u8> {
        let mut image = 7u64.to_le_bytes().to_vec();
        image.extend(28u32.to_le_bytes());
        image.extend(REVISION_AND_TYPE);
        image.extend(PKCS7);
        image.extend(b"PKCS");
        image.extend([0x01, 2, 0, 0, 0, 0x01, 1, 0, 0, 0, 0x09, END]);
        image.extend(b"MSS1\x10\0\0\0\x05\0\0\0\x03\0\0\0");
        image.extend(payload);
        image
    }

    fn item(image: &[u8], version: u32) -> Vec<u8> {
        let mut item = version.to_le_bytes().to_vec();
        item.extend([0x22; 16]);
        item.extend([1, 0, 0, 0]);
        item.extend((image.len() as u32).to_le_bytes());
        item.extend(4u32.to_le_bytes());
        item.extend(vec![0; [0, 8, 16][version as usize - 1]]);
        if version == 3 {
            put(&mut item, 0x28, &[3]);
        }
        [&item, image, b"code"].concat()
    }

    fn fmp(drivers: &[Vec<u8>], payloads: &[Vec<u8>]) -> Vec<u8> {
        let mut body = 1u32.to_le_bytes().to_vec();
        body.extend((drivers.len() as u16).to_le_bytes());
        body.extend((payloads.len() as u16).to_le_bytes());
        let mut offset = 8 + 8 * (drivers.len() + payloads.len());
        for item in drivers.iter().chain(payloads) {
            body.extend((offset as u64).to_le_bytes());
            offset += item.len();
        }
        [body, drivers.concat(), payloads.concat()].concat()
    }

    fn sample() -> Vec<u8> {
        capsule(FMP, b"", &fmp(&[b"MZ driver".to_vec()], &[item(&image(b"firmware"), 3)]))
    }

    fn found(bytes: &[u8]) -> String {
        defects(&parse(&Capsule, bytes)).join(" ")
    }

    #[test]
    fn an_fmp_capsule_is_headers_drivers_and_payloads() {
        let tree = parse(&Capsule, &sample());
        let at = "capsule:fmp/capsule:payload-0";
        assert_eq!(region(&tree, &format!("{at}/capsule:payload")).span.length, 8);
        assert_eq!(region(&tree, &format!("{at}/capsule:vendor-code")).span.length, 4);
        assert_eq!(region(&tree, &format!("{at}/capsule:certificate")).span.length, 4);
        let version = region(&tree, &format!("{at}/capsule:version"));
        assert_eq!(version.fact(&LOWEST), Some(&Value::Uint(3)));
        let dependencies = region(&tree, &format!("{at}/capsule:dependencies"));
        let text = "PUSH_VERSION 0x2 PUSH_VERSION 0x1 GT END";
        assert_eq!(dependencies.fact(&fact::EXPRESSION), Some(&Value::from(text)));
        assert!(region(&tree, "capsule:fmp/capsule:driver-0").is(&fact::EXECUTABLE));
        assert_eq!(tree.claims().len(), 1);
    }

    #[test]
    fn what_edk_2_refuses_is_ambiguous() {
        let sound = capsule(FMP, b"", &fmp(&[], &[item(&image(b"firmware"), 3)]));
        assert_eq!(found(&sound), "");
        let with = |at: usize, value: &[u8]| {
            let mut bytes = sound.clone();
            put(&mut bytes, at, value);
            let tree = parse(&Capsule, &bytes);
            assert!(tree.defects().iter().all(|defect| defect.kind.ambiguous));
            defects(&tree).join(" ")
        };
        assert_eq!(with(24, &[0xff]), "capsule/beyond-end");
        assert_eq!(with(22, &[4]), "capsule/flags");
        assert_eq!(with(28, &[2]), "capsule/fmp-version");
        assert_eq!(with(34, &[0]), "capsule/item");
        assert_eq!(with(36, &[0x0f]), "capsule/item");
        assert_eq!(with(44, &[4]), "capsule/item-version");
        assert_eq!(with(72, &[5]), "capsule/item-size");
        assert_eq!(with(108, &[0xf0]), "capsule/authentication capsule/dependencies");
        assert_eq!(with(139, &[0xee]), "capsule/dependencies");
        assert_eq!(with(144, &[15]), "capsule/payload-size");
    }

    #[test]
    fn versions_of_the_payload_s_header_differ_in_length() {
        for version in 1..=3 {
            let tree = parse(&Capsule, &capsule(FMP, b"", &fmp(&[], &[item(&image(b"firmware"), version)])));
            assert_eq!(defects(&tree), [""; 0]);
            let header = region(&tree, "capsule:fmp/capsule:payload-0/capsule:image-header");
            assert_eq!(header.span.length, [0x20, 0x28, 0x30][version as usize - 1]);
        }
    }

    #[test]
    fn makers_have_headers_of_their_own() {
        let body = volume(FFS2, &[], 0x100);
        let ami = capsule(AMI_SIGNED, &[&[0x40, 0, 0x30, 0][..], &[7; 32]].concat(), &body);
        let mut toshiba = capsule(TOSHIBA, &[9; 36], &body);
        toshiba[20..28].rotate_left(4);
        let mut early = capsule(AMI, &[0x24, 0, 0, 0], &[&[5; 4], &body[..]].concat());
        put(&mut early, 16, &[32]);
        for (bytes, start) in [
            (capsule(FRAMEWORK, &[0; 52], &body), 80),
            (ami, 64),
            (early, 36),
            (toshiba, 64),
            (capsule([0x33; 16], &[0; 4], &body), 32),
        ] {
            let tree = parse(&Recognised(Place::Partition), &bytes);
            assert_eq!(defects(&tree), [""; 0]);
            assert_eq!(region(&tree, "capsule:payload").span, Span::new(start, 0x100));
            region(&tree, "capsule:payload/uefi-volume:0");
        }
    }

    #[test]
    fn what_lies_behind_is_a_leaf_and_an_unknown_header_fits_exactly() {
        let bytes = capsule([0x33; 16], &[], b"firmware");
        let is = |bytes: &[u8]| Capsule.probe(&Glance::new(bytes, bytes.len() as u64)).is_some();
        assert!(is(&bytes) && !is(&[&bytes[..], b"x"].concat()) && !is(&bytes[..30]));
        let tree = parse(&Capsule, &[sample(), b"behind".to_vec()].concat());
        assert_eq!(region(&tree, "capsule:behind").content, kiwame_image::Content::Unknown);
        let medium = [vec![0x11; 0x123], sample(), vec![0x11; 50]].concat();
        let tree = parse(&crate::places::raw::Raw, &medium);
        assert_eq!(region(&tree, "found:0x123").span.length, sample().len() as u64);
    }

    #[test]
    fn hostile_bytes() {
        torture(&Capsule, &sample());
        torture(&Capsule, &capsule(AMI, &[36, 0, 0, 0, 1, 2, 3, 4], b"body"));
    }
}
