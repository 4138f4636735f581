//! Kernel command lines, by words.
//!
//! Linux `Documentation/admin-guide/kernel-parameters.rst` and `drivers/mtd/parsers/cmdlinepart.c` (6.1): words stand
//! between blanks (what `isspace` of `lib/ctype.c` says, 0b and a0 among them), quotes keep blanks together; `mtdparts=<device>:<size>[@<offset>](<name>)[ro],…`.
//!
//! A word that decides what runs, or what may, carries `boot-entry`: no mutable rule lets it differ (RULES 12). The
//! layout that `mtdparts` states is held against the manifest's (RULES 13).
//!
//! ## Normal form
//!
//! None: words are leaves, compared as they lie, and so are the blanks between them.

use kiwame_image::{Builder, Input, Node, Stated, escape_key, fact, len64};

/// Adds a leaf for each word of `line`, which lies at the start of `at`, and for what lies between words.
pub(crate) fn add<'a>(at: &Input<'a>, line: &[u8], out: &mut Builder<'_, 'a>) {
    let mut start = 0u64;
    let mut space = 0u32;
    for (word, blank) in words(line) {
        let input = at.slice(start, len64(word));
        start = start.saturating_add(len64(word));
        if blank {
            out.add(Node::new("blank", space.to_string(), "blank", input));
            space = space.saturating_add(1);
            continue;
        }
        let (name, value) = split(word);
        let shown = String::from_utf8_lossy(value).into_owned();
        let mut node =
            Node::new("argument", name, "boot-argument", input).component().with(&fact::VALUE, shown);
        if decides(name) {
            node = node.with(&fact::BOOT_ENTRY, true);
        }
        if name == b"mtdparts" {
            node = node.with(&fact::LAYOUT, layout(value));
        }
        if out.add(node).is_none() {
            return;
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | 0x09..=0x0d | 0xa0)
}

fn split(word: &[u8]) -> (&[u8], &[u8]) {
    let at = word.iter().position(|&byte| byte == b'=');
    let value = at.and_then(|at| word.get(at.saturating_add(1)..)).unwrap_or_default();
    (at.and_then(|at| word.get(..at)).unwrap_or(word), value)
}

/// Words and blanks in turn, and which of them each is.
fn words(line: &[u8]) -> Vec<(&[u8], bool)> {
    let mut words = Vec::new();
    let mut rest = line;
    while let Some(first) = rest.first() {
        let blank = is_blank(*first);
        let mut quoted = false;
        let end = rest.iter().position(|byte| {
            quoted ^= *byte == b'"';
            !quoted && is_blank(*byte) != blank
        });
        let (word, more) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, &[]));
        words.push((word, blank));
        rest = more;
    }
    words
}

/// True for a parameter that decides what runs, or switches a protection.
fn decides(name: &[u8]) -> bool {
    // Linux takes `-` and `_` for the same in names.
    let plain: Vec<u8> = name.iter().map(|&byte| if byte == b'-' { b'_' } else { byte }).collect();
    DECIDING.iter().any(|known| plain == known.as_bytes())
        || DECIDING_PREFIXES.iter().any(|prefix| plain.starts_with(prefix.as_bytes()))
}

/// The partitions of `mtdparts`, of the first device only.
fn layout(value: &[u8]) -> Vec<Stated> {
    let text = String::from_utf8_lossy(value);
    let list = text.split(';').next().unwrap_or_default();
    let list = list.rsplit_once(':').map_or(list, |(_, parts)| parts);
    let mut at = 0u64;
    let mut stated = Vec::new();
    for part in list.split(',') {
        let (place, name) = part.split_once('(').unwrap_or((part, ""));
        let name = name.split(')').next().unwrap_or_default();
        let (size, offset) =
            place.split_once('@').map_or((place, None), |(size, offset)| (size, Some(offset)));
        at = offset.map_or(Some(at), number).unwrap_or(at);
        // `-` is all that is left.
        let length = number(size);
        let name = escape_key(name.as_bytes()).to_string();
        stated.push(Stated { name, offset: at, length });
        at = at.saturating_add(length.unwrap_or(0));
    }
    stated
}

/// Linux `memparse`: decimal or 0x, with k, m or g.
fn number(text: &str) -> Option<u64> {
    let digits = text.trim_end_matches(|unit: char| "kKmMgG".contains(unit));
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    let shift = match text.get(digits.len()..)? {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    value.checked_shl(shift).filter(|shifted| shifted >> shift == value)
}

const DECIDING: &[&str] = &[
    "init",
    "rdinit",
    "root",
    "rootfstype",
    "rootflags",
    "overlayroot",
    "single",
    "S",
    "s",
    "1",
    "emergency",
    "rescue",
    "initrd",
    "noinitrd",
    "mtdparts",
    "ubi.mtd",
    "module.sig_enforce",
    "selinux",
    "enforcing",
    "apparmor",
    "security",
    "lsm",
    "ima",
    "ima_appraise",
    "ima_policy",
    "evm",
    "lockdown",
    "dm_mod.create",
    "rd.break",
    "debug_shell",
    "kgdboc",
    "nokaslr",
    "iomem",
    "mitigations",
    "break",
    "memmap",
    "acpi_rsdp",
    "fw_path",
    "modprobe.blacklist",
];
const DECIDING_PREFIXES: &[&str] =
    &["systemd.", "rd.", "dm_", "roothash", "verity", "ima_", "firmware_class."];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_blanks_and_quotes() {
        let shown: Vec<_> = words(b"a=1  b=\"x y\" c").into_iter().filter(|(_, blank)| !blank).collect();
        assert_eq!(shown, [(&b"a=1"[..], false), (b"b=\"x y\"", false), (b"c", false)]);
        let parts = words(b"a\x0binit=/x\xa0b");
        assert_eq!(parts.len(), 5, "{parts:?}");
    }

    #[test]
    fn partitions_follow_each_other_unless_they_say_where() {
        let parts = b"spi0.0:512k(boot),0x10000(env)ro,1m@0x3f0000(cal),-(rest)";
        assert_eq!(
            kiwame_image::Value::from(layout(parts)).display(),
            "boot@0x0+0x80000 env@0x80000+0x10000 cal@0x3f0000+0x100000 rest@0x4f0000+rest"
        );
        assert_eq!(number("99999999999999999999"), None);
        assert_eq!(number("17179869184g"), None);
    }

    #[test]
    fn what_decides_what_runs_is_known_however_it_is_written() {
        for name in ["init", "rdinit", "ima-appraise", "systemd.unit", "rd.break"] {
            assert!(decides(name.as_bytes()), "{name}");
        }
        assert!(!decides(b"console") && !decides(b"initcall_debug"));
    }
}
