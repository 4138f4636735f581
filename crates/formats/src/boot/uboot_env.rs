//! U-Boot's environment: settings as text, behind a checksum.
//!
//! U-Boot 2024.01, `include/env_internal.h` (`env_t`), `env/common.c`, `tools/env/fw_env.c`.
//!
//! ```text
//! 0x00 crc     4   CRC-32 of data, in the byte order of the processor
//! 0x04 flags   1   only where there are two: which of them is newer
//!      data        name=value NUL … NUL NUL, then what nobody reads to the end
//! ```
//!
//! There is no magic: an environment is recognised where the checksum agrees with the size of its region or one below that is
//! a multiple of 16, and the data are settings. One whose checksum agrees with no size is none, and a defect where names that
//! U-Boot itself sets show what it was. A second one of the same shape may follow directly; what lies elsewhere is found by
//! searching. U-Boot knows size, byte order and whether there are flags from its build, and boots its default
//! settings where the checksum does not agree with those: they are facts of the header, `env-size`, `crc-order` and
//! `redundant`, which must be those of the reference whatever a rule lets differ. Each setting is a component
//! `variable:<name>`. One that decides what boots carries `boot-entry`, and kernel command lines are split into words, as
//! `boot/arguments.rs` says.
//!
//! Loader modelled: U-Boot's `himport_r`, which takes the last of two settings of one name. Ambiguities: a checksum that
//! agrees under another size, byte order or with the flag as well; two settings of one name; an entry without `=`,
//! without a name (U-Boot then drops all settings), that begins with a blank or `#` (skipped); a backslash that does
//! not protect another one (U-Boot drops it, the tools of Linux do not); more settings than U-Boot has room for, which
//! drops the last ones; a setting called as the flag is. What lies behind the end of the list is remains, unless it is
//! erased: `fw_setenv` leaves the end of a longer list there. Limitations:
//! of two copies, each is taken apart and neither is called the active one, since a torn write makes U-Boot take the
//! other; what a script in a setting does is not worked out.
//!
//! # Normal form
//!
//! None is needed: all bytes are leaves. `crc` alone may differ where settings do, since it is right; the value that a
//! rule judges is what U-Boot reads.

use std::collections::BTreeSet;

use kiwame_decode::Crc32;
use kiwame_image::{
    Arrange as _, Builder, Defect, DefectKind, Endian, Environment, Format, Gather as _, Glance, Input, Node,
    Place, Reader, Reading, Recognised, Sure, Trouble, Window, fact, len64, to_usize,
};

use crate::boot::arguments;

/// An environment, alone at the start of a region.
#[derive(Debug)]
pub(crate) struct UbootEnv;

/// What this format is called.
pub(crate) const NAME: &str = "uboot-env";

impl Format for UbootEnv {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "U-Boot environment, single or redundant, to the setting"
    }

    fn defects(&self) -> &'static [&'static [&'static DefectKind]] {
        &[DEFECTS]
    }

    fn probe(&self, head: &Glance<'_>) -> Option<Reading> {
        match Shape::of(head.all(), head.size()) {
            Some(shape) => Some(Reading::new(self, Sure::Structure).of_length(shape.size)),
            None => goes_on(head).then(|| Reading::new(self, Sure::Magic)),
        }
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = parse(&at, out) {
            out.trouble(trouble);
        }
    }
}

/// Size and head of an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    size: u64,
    redundant: bool,
    order: Endian,
}

impl Shape {
    /// By the checksum, over the sizes that environments have: the whole region first, then the smallest.
    fn of(bytes: &[u8], region: u64) -> Option<Self> {
        let most = if region > len64(bytes).min(LARGEST) { Some(1) } else { None };
        let settings =
            |redundant: &bool| bytes.get(to_usize(head_of(*redundant))..).is_some_and(looks_like_settings);
        let found = [false, true].into_iter().filter(settings);
        let mut found: Vec<_> =
            found.flat_map(|redundant| Self::all(bytes, region, redundant, most)).collect();
        found.arrange_by_key(|shape| (shape.size != region, shape.size));
        found.first().copied()
    }

    /// Every size and byte order under which the checksum agrees, the smallest first and no more than `most`: the sizes that
    /// boards have for the most part, else any.
    fn all(bytes: &[u8], region: u64, redundant: bool, most: Option<usize>) -> Vec<Self> {
        let usual = Self::all_by(USUAL_STEP, bytes, region, redundant, most);
        if usual.is_empty() { Self::all_by(STEP, bytes, region, redundant, most) } else { usual }
    }

    /// The sums of all multiples of a step are taken in one pass.
    fn all_by(step: u64, bytes: &[u8], region: u64, redundant: bool, most: Option<usize>) -> Vec<Self> {
        let Some(first) = bytes.first_chunk::<4>() else { return Vec::new() };
        let (little, big) = (u32::from_le_bytes(*first), u32::from_be_bytes(*first));
        let longest = len64(bytes).min(LARGEST);
        let mut crc = Crc32::default();
        let mut done = head_of(redundant);
        let mut found = Vec::new();
        while done < longest && most.is_none_or(|most| found.len() < most) {
            let next = done.saturating_add(1).checked_next_multiple_of(step).unwrap_or(longest).min(longest);
            crc.update(bytes.get(to_usize(done)..to_usize(next)).unwrap_or_default());
            done = next;
            let sum = crc.value();
            let has_size = done >= SMALLEST && (done.is_multiple_of(step) || done == region);
            if has_size && (sum == little || sum == big) {
                found.push(Self {
                    size: done,
                    redundant,
                    order: if sum == little { Endian::Little } else { Endian::Big },
                });
            }
        }
        found
    }

    /// True when an environment of the same shape begins here.
    fn repeats(self, at: &Input<'_>) -> Result<bool, Trouble> {
        let whole = at.head(self.size)?;
        let data = whole.get(to_usize(head_of(self.redundant))..).unwrap_or_default();
        let Some(first) = whole.first_chunk::<4>().filter(|_| looks_like_settings(data)) else {
            return Ok(false);
        };
        at.spend(self.size)?;
        let mut crc = Crc32::default();
        crc.update(data);
        let stated = self.order.u32(*first);
        Ok(len64(&whole) == self.size && crc.value() == stated)
    }

    /// What it says, for people.
    fn shown(self) -> String {
        let order = self.order.name();
        let flags = if self.redundant { ", flags" } else { "" };
        format!("{:#x} bytes, {order}-endian{flags}", self.size)
    }
}

fn head_of(redundant: bool) -> u64 {
    if redundant { 5 } else { 4 }
}

/// True when a head would be summed, for those who search: it costs what a whole environment does.
pub(crate) fn is_costly(head: &[u8]) -> bool {
    [4, 5].into_iter().any(|from| head.get(from..).is_some_and(looks_like_settings))
}

/// A name and an equals sign.
fn looks_like_settings(data: &[u8]) -> bool {
    let data = data.get(..LONGEST_NAME).unwrap_or(data);
    let behind_name = data.iter().position(|&byte| byte == b'=' || !byte.is_ascii_graphic());
    behind_name.is_some_and(|at| at > 0 && data.get(at) == Some(&b'='))
}

/// True for settings at the front of what is longer than the head: an environment whose checksum only the whole of it can
/// show. Text that begins so has no NUL behind the first value; where that has no end, the sum shows that it is no text.
fn goes_on(head: &Glance<'_>) -> bool {
    let bytes = head.all();
    let text = |byte: &u8| (b' '..=b'~').contains(byte) || [b'\t', b'\n', b'\r'].contains(byte);
    let sum = bytes.get(..4).unwrap_or_default();
    let settings = [4, 5].into_iter().any(|from| {
        let data = bytes.get(from..).unwrap_or_default();
        looks_like_settings(data) && (data.contains(&0) || !sum.iter().all(text))
    });
    head.size() > len64(bytes) && settings
}

/// Size of the environment that begins here, where a head cannot tell. It costs a pass over all that it may have.
pub(crate) fn size_at(at: &Input<'_>) -> Result<Option<u64>, Trouble> {
    let window = at.head(LARGEST)?;
    at.spend(len64(&window))?;
    Ok(size_of(&window, at.length()))
}

/// The same of the first [`LARGEST`] bytes of a region.
pub(crate) fn size_of(bytes: &[u8], region: u64) -> Option<u64> {
    Shape::of(bytes, region).map(|shape| shape.size)
}

/// True for an environment that U-Boot, built so, does not take: its checksum is wrong. What is erased is none.
pub(crate) fn is_broken(at: &Input<'_>, environment: Environment) -> Result<bool, Trouble> {
    let window = at.head(environment.size.min(LARGEST))?;
    let data = window.get(to_usize(head_of(true))..).unwrap_or_default();
    let behind = at.from(environment.size);
    // What power leaves of one is settings and blank bytes, and nothing else.
    let torn = |byte: &u8| matches!(byte, 0 | 0xff | b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let blank = behind.is_empty() || behind.uniform()?.is_some_and(|value| [0, 0xff].contains(&value));
    let erased = kiwame_image::all_are(&window, 0xff);
    if len64(&window) < environment.size || erased || !blank || !data.iter().all(torn) {
        return Ok(false);
    }
    at.spend(environment.size)?;
    let Some(stated) = window.first_chunk::<4>() else { return Ok(false) };
    let stated = environment.order.u32(*stated);
    // Of two each has a flag behind the sum, which the sum leaves out.
    let mut crc = Crc32::default();
    crc.update(data);
    Ok(crc.value() != stated)
}

/// True for what was an environment and whose checksum agrees with no size: settings that U-Boot itself has names for.
pub(crate) fn is_torn(head: &[u8]) -> bool {
    [4, 5].into_iter().any(|from| {
        let data = head.get(from..).unwrap_or_default();
        let entries = data.split(|&byte| byte == 0).take_while(|entry| looks_like_settings(entry));
        let name = |entry: &[u8]| entry.split(|&byte| byte == b'=').next().map(<[u8]>::to_vec);
        let names: BTreeSet<_> = entries.filter_map(name).into_set();
        OWN.iter().filter(|known| names.contains(known.as_bytes())).count() >= TELLING
    })
}

/// Says that of a region.
pub(crate) fn note_torn(at: &Input<'_>, out: &mut Builder<'_, '_>) {
    let stated = at.head(4).ok().and_then(|head| Some(u32::from_le_bytes(*head.first_chunk()?)));
    let found = stated.unwrap_or(0);
    out.defect(Defect::new(&CHECKSUM, "crc", at.offset(), found, "the CRC-32 of the data"));
}

fn parse<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.head(LARGEST)?;
    let Some(shape) = Shape::of(&window, at.length()) else {
        let found = Defect::new(&CHECKSUM, "crc", at.offset(), at.length(), "the CRC-32 of the data");
        return Err(found.into());
    };
    let whole = at.slice(0, shape.size);
    let header = Node::new("uboot-env", "header", "uboot-env-header", whole.slice(0, 4)).mask([(0, 4)]);
    out.add(
        header
            .with(&fact::ENV_SIZE, shape.size)
            .with(&fact::CRC_ORDER, shape.order.name())
            .with(&fact::REDUNDANT, shape.redundant),
    );
    let readings = [false, true].into_iter().flat_map(|flags| Shape::all(&window, at.length(), flags, None));
    for other in readings.filter(|other| *other != shape) {
        let (found, read) = (other.shown(), shape.shown());
        out.defect(Defect::new(&TWO_READINGS, "crc", at.offset(), found, read));
    }
    if shape.redundant {
        let flags = Reader::new(window.piece(4, 1).unwrap_or_default(), 4, &TRUNCATED).u8("flags")?;
        let node = Node::new("variable", "flags", "uboot-env-flags", whole.slice(4, 1));
        out.add(node.component().with(&fact::VALUE, flags.to_string()));
    }
    let end = settings(&window, &whole, shape, out);
    rest(&whole.from(end), out)?;
    let mut end = shape.size;
    let mut copy = 1u32;
    // Elsewhere the search finds them.
    let astray = |end: u64| !at.offset().saturating_add(end).is_multiple_of(SEARCHED);
    while copy < COPIES && astray(end) && shape.repeats(&at.from(end))? {
        let input = at.slice(end, shape.size);
        out.add(Node::new(NAME, format!("copy-{copy}"), "partition", input).component().then(&UbootEnv));
        end = end.saturating_add(shape.size);
        copy = copy.saturating_add(1);
    }
    out.add_behind(Node::new(NAME, "behind", "uboot-env-behind", at.from(end)));
    Ok(())
}

/// Adds each setting, and the empty one that ends the list. Returns where the list ends.
fn settings<'a>(window: &Window, whole: &Input<'a>, shape: Shape, out: &mut Builder<'_, 'a>) -> u64 {
    let start = head_of(shape.redundant);
    let data = window.get(to_usize(start)..to_usize(whole.length())).unwrap_or_default();
    let (mut at, mut count) = (start, 0u64);
    // The flag is listed beside the settings.
    let mut seen: BTreeSet<_> = shape.redundant.then(|| b"flags".to_vec()).into_iter().into_set();
    for entry in data.split_inclusive(|&byte| byte == 0) {
        let text = entry.strip_suffix(&[0]).unwrap_or(entry);
        let input = whole.slice(at, len64(entry));
        let place = input.offset();
        at = at.saturating_add(len64(entry));
        if text.is_empty() {
            out.add(Node::new("uboot-env", "end", "uboot-env-end", input));
            break;
        }
        let name = text.split(|&byte| byte == b'=').next().unwrap_or_default();
        let shown = String::from_utf8_lossy(name).into_owned();
        let odd = |byte: &u8| [b' ', b'\t', b'#'].contains(byte);
        if name.len() == text.len() || entry.len() == text.len() || name.first().is_none_or(odd) {
            out.defect(Defect::new(&SETTING, "data", place, shown.clone(), "name=value"));
        }
        if unescaped(text).is_none() {
            let found = format!("{shown}: a backslash alone");
            out.defect(Defect::new(&ESCAPE, "value", place, found, "two backslashes"));
        }
        if !seen.insert(name.to_vec()) {
            out.defect(Defect::new(&DUPLICATE_NAME, "name", place, shown, "one setting of a name"));
        }
        count = count.saturating_add(1);
        if out.add(setting(name, text, input)).is_none() {
            break;
        }
    }
    let most = len64(data).checked_div(8).unwrap_or(0).saturating_add(64).min(MOST);
    if count > most {
        let place = whole.offset().saturating_add(start);
        out.defect(Defect::new(&TOO_MANY, "data", place, count, most));
    }
    at
}

fn setting<'a>(name: &[u8], text: &[u8], input: Input<'a>) -> Node<'a> {
    let value = text.get(name.len().saturating_add(1)..).unwrap_or_default();
    let value = &unescaped(value).unwrap_or_else(|| value.to_vec())[..];
    let shown = String::from_utf8_lossy(name).into_owned();
    let node = Node::new("variable", name, "uboot-variable", input).component().name(shown);
    if ARGUMENTS.iter().any(|known| name == known.as_bytes()) {
        return node.then(&Arguments);
    }
    let node = match core::str::from_utf8(value) {
        Ok(value) => node.with(&fact::VALUE, value),
        Err(_) => node.with(&fact::VALUE, value),
    };
    match name {
        _ if decides(name) => node.with(&fact::BOOT_ENTRY, true),
        _ if selects(name) => node.with(&fact::SELECTOR, true),
        _ => node,
    }
}

/// Text as `himport_r` reads it: of two backslashes one. `None` where one does not protect another.
fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        if byte == b'\\' && bytes.next() != Some(&b'\\') {
            return None;
        }
        plain.push(byte);
    }
    Some(plain)
}

/// True for a setting that says what is loaded and started.
fn decides(name: &[u8]) -> bool {
    !selects(name) && is_boot_setting(name)
}

/// Settings by which a boot loader chooses among copies (RULES 7): a rule may let them differ, with a list of values.
fn selects(name: &[u8]) -> bool {
    SELECTORS.iter().any(|known| name == known.as_bytes())
        || name.starts_with(b"BOOT_") && (name.ends_with(b"_LEFT") || name == b"BOOT_ORDER")
}

fn is_boot_setting(name: &[u8]) -> bool {
    BOOTING.iter().any(|known| name == known.as_bytes())
        || BOOTING_PREFIXES.iter().any(|prefix| name.starts_with(prefix.as_bytes()))
}

/// What lies behind the list: 00 or FF as most tools leave it, or before that what `fw_setenv` left there when the list was
/// longer. Both readers stop at the empty setting before it.
fn rest<'a>(at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
    let window = at.head(LARGEST)?;
    let erase = window.last().copied().filter(|last| [0, 0xff].contains(last)).unwrap_or(0xff);
    let used = window.iter().rposition(|&byte| byte != erase).map_or(0, |last| last.saturating_add(1));
    // The last bytes of a stream or a program may be blank.
    let used = if used > 0 { used.saturating_add(TRAILER).min(window.len()) } else { 0 };
    let used = u64::try_from(used).unwrap_or(u64::MAX);
    if used > 0 {
        let node = Node::new("uboot-env", "rest", "uboot-env-rest", at.slice(0, used));
        out.add(node.remains().then(&Recognised(Place::Unused)));
    }
    out.add_fill(Node::new("uboot-env", "free", "uboot-env-free", at.from(used)), erase);
    Ok(())
}

/// A setting that holds a kernel command line.
#[derive(Debug)]
struct Arguments;

impl Format for Arguments {
    fn name(&self) -> &'static str {
        "uboot-env"
    }

    fn about(&self) -> &'static str {
        "a kernel command line, by words"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        let window = match at.window() {
            Ok(window) => window,
            Err(trouble) => return out.trouble(trouble),
        };
        let equals = window.iter().position(|&byte| byte == b'=').and_then(|at| at.checked_add(1));
        let (name, value) = window.split_at_checked(equals.unwrap_or(0)).unwrap_or((&[], &window));
        let line = value.strip_suffix(&[0]).unwrap_or(value);
        out.add(Node::new("uboot-env", "name", "uboot-env-name", at.slice(0, len64(name))));
        let from = len64(name);
        arguments::add(&at.slice(from, len64(line)), line, out);
        let end = from.saturating_add(len64(line));
        out.add(Node::new("uboot-env", "end", "uboot-env-end", at.from(end)));
    }
}

/// Sizes that boards have, beside the whole region, are multiples of this.
const STEP: u64 = 16;
/// The search looks for what has no mark at multiples of this.
const SEARCHED: u64 = 4096;
/// So many environments of one shape are looked for behind each other.
const COPIES: u32 = 16;
/// So many names of U-Boot tell that settings are its own.
const TELLING: usize = 3;
/// Names of the settings that U-Boot itself has (`include/env_default.h`).
const OWN: &[&str] = &[
    "arch",
    "baudrate",
    "board",
    "bootargs",
    "bootcmd",
    "bootdelay",
    "bootfile",
    "cpu",
    "ethaddr",
    "gatewayip",
    "hostname",
    "ipaddr",
    "loadaddr",
    "mtdids",
    "mtdparts",
    "netmask",
    "preboot",
    "rootpath",
    "serverip",
    "soc",
    "stderr",
    "stdin",
    "stdout",
    "vendor",
];
/// Blank bytes that what lies behind the list may end with.
const TRAILER: usize = 8;
/// Room in U-Boot's hash table, which is made for an eighth of the bytes and 64 more: `CONFIG_ENV_MAX_ENTRIES`.
const MOST: u64 = 512;
/// Sizes that boards have for the most part are multiples of this.
const USUAL_STEP: u64 = 0x400;
const SMALLEST: u64 = 64;
/// No board of U-Boot's `configs/` has a larger one.
pub(crate) const LARGEST: u64 = 0x10_0000;
const ARGUMENTS: &[&str] = &["bootargs", "extra_bootargs", "setargs", "optargs", "mtdparts"];
/// Partition and slot selectors of U-Boot boards, RAUC, SWUpdate and Mender.
const SELECTORS: &[&str] = &[
    "boot_part",
    "bootpart",
    "mmcpart",
    "mmcdev",
    "devpart",
    "rootpart",
    "root_part",
    "rootfspart",
    "bootslot",
    "boot_slot",
    "slot",
    "active_slot",
    "bootcount",
    "boot_count",
    "upgrade_available",
    "mender_boot_part",
    "mender_boot_part_hex",
];
/// Bytes that the name of the first setting has at most.
const LONGEST_NAME: usize = 256;
const BOOTING: &[&str] = &[
    "bootcmd",
    "altbootcmd",
    "preboot",
    "bootfile",
    "fdtfile",
    "fdt_file",
    "fdtcontroladdr",
    "bootdelay",
    "verify",
    "boot_targets",
    "distro_bootcmd",
    "loadaddr",
    "kernel_addr_r",
    "ramdisk_addr_r",
    "fdt_addr_r",
    "serverip",
    "mtdids",
    "script",
    "bootlimit",
    "upgrade_available",
    "boot_fit",
    "boot_a_script",
    "recovery",
    ".flags",
    ".callbacks",
];
const BOOTING_PREFIXES: &[&str] = &["bootcmd_", "boot_", "scan_", "load_", "run_"];

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] =
    &[&CHECKSUM, &DUPLICATE_NAME, &ESCAPE, &SETTING, &TOO_MANY, &TRUNCATED, &TWO_READINGS];

/// The checksum of the environment is wrong: U-Boot takes its other copy or its defaults.
static CHECKSUM: DefectKind = DefectKind::odd("uboot-env/checksum");
/// A variable is set twice: the last one counts.
static DUPLICATE_NAME: DefectKind = DefectKind::ambiguous("uboot-env/duplicate-name");
/// A value has a backslash that U-Boot's parts read differently.
static ESCAPE: DefectKind = DefectKind::ambiguous("uboot-env/escape");
/// A piece of the environment is no setting.
static SETTING: DefectKind = DefectKind::ambiguous("uboot-env/setting");
/// There are more settings than U-Boot's table holds.
static TOO_MANY: DefectKind = DefectKind::ambiguous("uboot-env/too-many");
/// The environment ends before a field does.
static TRUNCATED: DefectKind = DefectKind::odd("uboot-env/truncated").cut_short();
/// The environment is whole by two sizes or byte orders.
static TWO_READINGS: DefectKind = DefectKind::ambiguous("uboot-env/two-readings");

#[cfg(test)]
mod tests {
    #![allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "tests")]

    use kiwame_image::{Content, Value};

    use super::*;
    use crate::testing::{defects, leaves, parse as parse_with, region, torture};

    fn environment(text: &[u8], size: usize, redundant: bool, pad: u8) -> Vec<u8> {
        let mut data = text.to_vec();
        data.resize(size - head_of(redundant) as usize, pad);
        let mut crc = Crc32::default();
        crc.update(&data);
        let mut bytes = crc.value().to_le_bytes().to_vec();
        if redundant {
            bytes.push(1);
        }
        bytes.extend(data);
        bytes
    }

    #[test]
    fn each_setting_is_a_component_and_each_boot_argument() {
        let text = b"bootcmd=run x\0bootargs=console=ttyS0 init=/bin/sh\0serial=1\0\0";
        let tree = parse_with(&UbootEnv, &environment(text, 0x400, true, 0));
        assert_eq!(defects(&tree), [""; 0]);
        assert_eq!(region(&tree, "variable:serial").attribute("value"), Some(&Value::from("1")));
        assert_eq!(region(&tree, "variable:flags").attribute("value"), Some(&Value::from("1")));
        let guarded = |path: &str| region(&tree, path).attribute("boot-entry") == Some(&Value::Flag(true));
        assert!(guarded("variable:bootcmd") && guarded("variable:bootargs/argument:init"));
        assert!(!guarded("variable:bootargs/argument:console") && !guarded("variable:serial"));
        assert_eq!(region(&tree, "uboot-env:free").content, Content::Fill);
        assert_eq!(leaves(&tree).len(), 2 + 1 + 5 + 1 + 1 + 1, "{:?}", leaves(&tree));
    }

    #[test]
    fn an_environment_is_recognised_by_its_checksum() {
        for (redundant, pad) in [(false, 0), (true, 0), (false, 0xff)] {
            let good = environment(b"a=b\0\0", 0x1000, redundant, pad);
            let shape = Shape { size: 0x1000, redundant, order: Endian::Little };
            assert_eq!(Shape::of(&good, 0x1000), Some(shape));
            let behind = [good.clone(), vec![0xff; 0x1000]].concat();
            assert_eq!(Shape::of(&behind, 0x2000), Some(shape), "smaller than its region");
            let mut bad = good;
            bad[7] ^= 1;
            assert_eq!(Shape::of(&bad, 0x1000), None);
        }
    }

    #[test]
    fn one_that_is_longer_than_a_head_is_read_to_its_end() {
        let text = [b"a=1\0b=".to_vec(), vec![b'x'; 100_000], b"\0\0".to_vec()].concat();
        let good = environment(&text, 0x2_0000, false, 0);
        let identify = |bytes: &[u8]| {
            let head = bytes.get(..to_usize(Glance::LENGTH)).unwrap_or(bytes);
            crate::identify(&Glance::new(head, bytes.len() as u64)).name()
        };
        assert_eq!(identify(&good), "uboot-env");
        assert_eq!(region(&parse_with(&UbootEnv, &good), "variable:b").span.length, 100_003);
        let endless = environment(&vec![b'x'; 0x10_0100], 0x10_0104, false, b'x');
        let endless = [&endless[..4], b"key=", &endless[8..]].concat();
        assert_eq!(identify(&endless), "uboot-env");
        assert_eq!(identify(&[b"# a=", &endless[4..]].concat()), "raw", "text is no environment");
    }

    /// The formats and the defects of some bytes, as of a whole image.
    fn open(bytes: &[u8]) -> (String, String) {
        let size = bytes.len() as u64;
        let host = kiwame_image::Memory::new([bytes.to_vec()]);
        let limits = kiwame_image::Limits::for_image(size);
        let tree = crate::parse(&host, 0, size, &limits, &Default::default()).expect("readable");
        crate::testing::check_tiling(&tree);
        let headers = tree.regions().filter(|region| region.kind == "uboot-env-header");
        let sizes = headers.filter_map(|region| region.attribute("env-size")).map(Value::display);
        let sizes: Vec<_> = core::iter::once(tree.format().to_owned()).chain(sizes).collect();
        (sizes.join(" "), defects(&tree).join(" "))
    }

    #[test]
    fn any_size_up_to_the_partition_and_any_filling() {
        for (size, redundant, pad) in [
            (0x1f0, false, 0),
            (0xf800, false, 0),
            (0x1f000, true, 0xff),
            (0x2_0000, true, 0xff),
            (0x8_0000, false, 0),
            (0x10_0000, true, 0),
        ] {
            let one = environment(b"bootcmd=run x\0a=1\0\0", size, redundant, pad);
            let expected = |count| format!("uboot-env{}", format!(" {size:#x}").repeat(count));
            for behind in [0, 0x20, 0x800] {
                let part = [&one[..], &vec![0xff; behind]].concat();
                assert_eq!(open(&part), (expected(1), String::new()), "{size:#x} {behind}");
            }
            assert_eq!(open(&[&one[..], &one].concat()), (expected(2), String::new()), "{size:#x} twice");
            // Inside a partition, as `fw_env.config` may have it.
            let inside = [&vec![0xff; 0x3000][..], &one, &[0xff; 0x1000]].concat();
            assert_eq!(open(&inside), (format!("raw {size:#x}"), String::new()), "{size:#x} inside");
        }
    }

    #[test]
    fn what_the_checksum_does_not_confirm_is_left_to_others() {
        for size in [0x800, 0x2_0000] {
            let mut torn = environment(b"bootcmd=run x\0bootdelay=1\0baudrate=115200\0\0", size, false, 0);
            torn[6] ^= 1;
            assert_eq!(open(&torn), ("raw".to_owned(), String::new()), "two names are no proof");
            torn[6] ^= 1;
            torn[14] ^= 1;
            assert_eq!(open(&torn), ("raw".to_owned(), "uboot-env/checksum".to_owned()));
        }
        let other = [b"\x90\x90\x90\x90a=1\0b=".to_vec(), vec![b'x'; 70_000]].concat();
        assert_eq!(open(&other), ("raw".to_owned(), String::new()));
        let tree = parse_with(&Recognised(Place::Stream), &other);
        assert_eq!(leaves(&tree).first().map(|leaf| leaf.0), Some("unknown-content"));
    }

    #[test]
    fn two_settings_of_a_name_are_ambiguous_and_bytes_behind_the_list_are_remains() {
        let twice = parse_with(&UbootEnv, &environment(b"a=1\0a=2\0\0", 0x400, false, 0));
        assert_eq!(defects(&twice), ["uboot-env/duplicate-name"]);
        let behind = parse_with(&UbootEnv, &environment(b"a=1\0\0code", 0x400, false, 0));
        assert_eq!(defects(&behind), [""; 0]);
        assert!(region(&behind, "uboot-env:rest").remains);
        let flags = parse_with(&UbootEnv, &environment(b"flags=17\0\0", 0x400, true, 0));
        assert_eq!(defects(&flags), ["uboot-env/duplicate-name"]);
        let bare = parse_with(&UbootEnv, &environment(b"a=1\0b\0\0", 0x400, false, 0));
        assert_eq!(defects(&bare), ["uboot-env/setting"]);
    }

    #[test]
    fn what_the_board_knows_from_its_build_is_a_fact_and_a_second_reading_is_ambiguous() {
        let facts = |bytes: &[u8]| {
            let tree = parse_with(&UbootEnv, bytes);
            let header = region(&tree, "uboot-env:header");
            let fact = |name| header.attribute(name).map(Value::display).unwrap_or_default();
            (["env-size", "crc-order", "redundant"].map(fact), defects(&tree).join(" "))
        };
        let small = environment(b"a=b\0\0", 0x400, true, 0);
        let expected = ["0x400", "little", "true"].map(String::from);
        assert_eq!(facts(&[small.clone(), vec![0xff; 0xc00]].concat()), (expected, String::new()));
        let mut big = environment(b"a=b\0\0", 0x1000, false, 0);
        big[..4].reverse();
        let expected = ["0x1000", "big", "false"].map(String::from);
        assert_eq!(facts(&big), (expected, String::new()));
        // The four bytes behind the first end make the sum of 0x800 bytes what that of 0x400 is.
        let mut twice = small;
        let sum = u32::from_le_bytes(*twice.first_chunk().expect("a sum"));
        twice.resize(0x800, 0);
        forge(&mut twice, 5, 0x7fc, sum);
        let (found, defects) = facts(&twice);
        assert_eq!(found[0], "0x800");
        assert!(defects.contains("uboot-env/two-readings"), "{defects}");
    }

    /// Sets four bytes so that the sum from `start` on is `wanted`. A sum is linear in each bit.
    fn forge(bytes: &mut [u8], start: usize, at: usize, wanted: u32) {
        let sum = |bytes: &[u8]| {
            let mut crc = Crc32::default();
            crc.update(&bytes[start..]);
            crc.value()
        };
        let base = sum(bytes);
        let effect: Vec<u32> = (0..32)
            .map(|bit| {
                bytes[at + bit / 8] ^= 1 << (bit % 8);
                let changed = sum(bytes) ^ base;
                bytes[at + bit / 8] ^= 1 << (bit % 8);
                changed
            })
            .collect();
        let mut rows: Vec<(u32, u32)> =
            effect.iter().enumerate().map(|(bit, &row)| (row, 1 << bit)).collect();
        let (mut goal, mut bits) = (base ^ wanted, 0);
        for column in (0..32).rev() {
            let Some(found) = rows.iter().position(|row| row.0 >> column & 1 == 1) else { continue };
            let row = rows.swap_remove(found);
            rows.iter_mut().filter(|other| other.0 >> column & 1 == 1).for_each(|other| {
                other.0 ^= row.0;
                other.1 ^= row.1;
            });
            if goal >> column & 1 == 1 {
                goal ^= row.0;
                bits ^= row.1;
            }
        }
        bytes[at..at + 4].iter_mut().zip(bits.to_le_bytes()).for_each(|(byte, change)| *byte ^= change);
    }

    #[test]
    fn settings_that_u_boot_has_no_room_for() {
        let found = |count: usize| {
            let text: Vec<u8> =
                (0..count).flat_map(|number| format!("{number:x}=1\0").into_bytes()).collect();
            defects(&parse_with(&UbootEnv, &environment(&[&text[..], b"\0"].concat(), 0x400, false, 0)))
                .join(" ")
        };
        assert_eq!((found(150), found(192)), (String::new(), "uboot-env/too-many".to_owned()));
    }

    #[test]
    fn entries_are_read_as_u_boot_reads_them() {
        let read =
            |text: &[u8]| defects(&parse_with(&UbootEnv, &environment(text, 0x400, false, 0))).join(" ");
        for (text, defect) in [
            (&b"a=1\0 b=2\0\0"[..], "uboot-env/setting"),
            (b"a=1\0#b=2\0\0", "uboot-env/setting"),
            (b"a=1\0=2\0\0", "uboot-env/setting"),
            (b"a=x\\; y\0\0", "uboot-env/escape"),
            (b"a=x\\\\ y\0b=\0\0", ""),
        ] {
            assert_eq!(read(text), defect, "{}", String::from_utf8_lossy(text));
        }
        let tree = parse_with(&UbootEnv, &environment(b"a=x\\\\y\0\0", 0x400, false, 0));
        assert_eq!(region(&tree, "variable:a").attribute("value"), Some(&Value::from("x\\y")));
    }

    #[test]
    fn hostile_bytes() {
        torture(&UbootEnv, &environment(b"bootargs=a b\0c=d\0\0", 0x40, true, 0));
    }
}
