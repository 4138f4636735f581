//! What a file of a file system holds.
//!
//! Files that decide who may log in or what runs at boot are split into lines, so that a rule or a check can name the
//! line. A line that lets somebody in, by account, password, group or key, carries `trust-anchor`, one that starts something carries
//! `boot-entry`: no mutable rule lets such a line differ (RULES 12).
//!
//! Loaders modelled: login and PAM (passwd(5), shadow(5)), OpenSSH and dropbear (`authorized_keys`), sudo, SysV and
//! BusyBox init (inittab(5)), OpenWrt's procd, systemd units, cron, the dynamic linker (`ld.so.preload`), udev, modprobe.
//! Ambiguities: none; a line is what stands between line feeds. Limitations: what a line means is not worked out beyond
//! these marks, and files elsewhere that a started script reads are ordinary data.
//!
//! ## Normal form
//!
//! None: lines are leaves, compared as they lie, with their line feeds. A last line without one is a line, as the
//! readers named have it.

use kiwame_image::{
    Builder, Fact, Format, Glance, Input, Node, Place, Reading, Recognised, Settings, fact, len64,
};

/// What a file of these names, from the root on, that begins so is, and the format that takes it apart.
pub(crate) fn kind_of(
    names: &[&[u8]],
    bytes: &[u8],
    settings: Option<Settings>,
) -> (&'static str, &'static dyn Format) {
    match role(names) {
        Some(role) if !bytes.contains(&0) && len64(bytes) <= MOST => return ("content", role),
        // Whoever reads it may stop at a zero, or go on behind it: it decides all the same.
        Some(role) => return ("content", role.undivided),
        _ if bytes.starts_with(b"#!") => return ("script", &Script),
        _ => {}
    }
    let settings = settings.and_then(|settings| crate::files::settings::format_of(settings, bytes));
    ("content", settings.unwrap_or(&Recognised(Place::File)))
}

/// How many bytes from its front [`kind_of`] needs of such a file: enough to see that it is too long to be split, or that it
/// names an interpreter.
pub(crate) fn needed(names: &[&[u8]], settings: Option<Settings>) -> u64 {
    let split = role(names).is_some() || settings.is_some();
    if split { MOST.saturating_add(1) } else { 2 }
}

/// By the end of the path, so that the upper directory of an overlay is judged as the root is.
fn role(names: &[&[u8]]) -> Option<&'static Lines> {
    let under = |dirs: &[&str]| {
        let found = |window: &[&[u8]]| window.iter().zip(dirs).all(|(name, dir)| *name == dir.as_bytes());
        names.split_last().is_some_and(|(_, around)| around.windows(dirs.len()).any(found))
    };
    let is = |path: &str| {
        let wanted: Vec<_> = path.split('/').map(str::as_bytes).collect();
        names.ends_with(&wanted)
    };
    let last = names.last().copied().unwrap_or_default();
    let unit = UNITS.iter().any(|end| last.ends_with(end.as_bytes()));
    if ACCOUNTS.iter().any(|path| is(path)) {
        return Some(&Lines::ACCOUNTS);
    }
    if SECRETS.iter().any(|path| is(path)) {
        return Some(&Lines::SECRETS);
    }
    if LOGIN.iter().any(|path| is(path)) || LOGIN_DIRS.iter().any(|dirs| under(dirs)) {
        return Some(&Lines::LOGIN);
    }
    let boots = BOOT.iter().any(|path| is(path)) || BOOT_DIRS.iter().any(|dirs| under(dirs));
    let top = names.len() == 1 && BOOT_TOP.iter().any(|name| last == name.as_bytes());
    (boots || top || unit && under(&["systemd"])).then_some(&Lines::BOOT)
}

/// A file of lines that decide something.
#[derive(Debug)]
struct Lines {
    /// What one line is.
    kind: &'static str,
    /// The key ends at the first colon.
    named: bool,
    /// Which lines decide who may do what, or what runs.
    guard: fn(&[u8]) -> Option<&'static Fact>,
    /// For such a file that cannot be split.
    undivided: &'static Undivided,
}

/// A file that decides something, and that is not split into lines: too long, or with zeros in it. No rule lets any of it
/// differ.
#[derive(Debug)]
struct Undivided(&'static Fact);

impl Format for Undivided {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn about(&self) -> &'static str {
        "a file that decides who may log in or what runs, as one"
    }

    fn probe(&self, _glance: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        out.fact(self.0, true);
        Recognised(Place::File).parse(at, out);
    }
}

impl Lines {
    const ACCOUNTS: Self = Self { kind: "account", named: true, guard: anybody, undivided: &ANCHOR };
    const SECRETS: Self = Self { kind: "account-secret", named: true, guard: anybody, undivided: &ANCHOR };
    const LOGIN: Self = Self {
        kind: "login-line",
        named: false,
        guard: |line| is_effective(line).then_some(&fact::TRUST_ANCHOR),
        undivided: &ANCHOR,
    };
    const BOOT: Self = Self {
        kind: "boot-line",
        named: false,
        guard: |line| is_effective(line).then_some(&fact::BOOT_ENTRY),
        undivided: &Undivided(&fact::BOOT_ENTRY),
    };
}

static ANCHOR: Undivided = Undivided(&fact::TRUST_ANCHOR);

/// passwd(5), shadow(5), group(5): whoever stands there may log in, with that password, in that group. No maker's rule lets
/// that differ (RULES 12).
fn anybody(line: &[u8]) -> Option<&'static Fact> {
    (!line.trim_ascii().is_empty()).then_some(&fact::TRUST_ANCHOR)
}

/// Not empty and not only a comment; the interpreter's line is none.
fn is_effective(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    !text.is_empty() && (!text.starts_with(b"#") || text.starts_with(b"#!"))
}

impl Format for Lines {
    fn name(&self) -> &'static str {
        "lines"
    }

    fn about(&self) -> &'static str {
        "files that decide who may log in or what runs, by lines"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        match at.window() {
            Ok(window) => self.split(&window, &at, out),
            Err(trouble) => out.trouble(trouble),
        }
    }
}

impl Lines {
    fn split<'a>(&self, text: &[u8], at: &Input<'a>, out: &mut Builder<'_, 'a>) {
        let script = text.starts_with(b"#!");
        let mut start = 0u64;
        for line in text.split_inclusive(|&byte| byte == b'\n') {
            let input = at.slice(start, len64(line));
            start = start.saturating_add(len64(line));
            let node = Node::new("line", self.key(line), self.kind, input).component();
            let node = match core::str::from_utf8(line.trim_ascii()) {
                Ok(text) if text.len() <= SHOWN => node.with(&fact::VALUE, text),
                _ => node,
            };
            let node = if script { node.with(&fact::EXECUTABLE, true) } else { node };
            let added = out.add(match (self.guard)(line) {
                Some(flag) => node.with(flag, true),
                None => node,
            });
            if added.is_none() {
                return;
            }
        }
    }

    fn key<'t>(&self, line: &'t [u8]) -> &'t [u8] {
        let text = line.trim_ascii();
        let colon = if self.named { text.iter().position(|&byte| byte == b':') } else { None };
        let key = colon.and_then(|at| text.get(..at)).unwrap_or(text);
        key.get(..KEY).unwrap_or(key)
    }
}

/// A script that nothing says is run at boot.
#[derive(Debug)]
struct Script;

impl Format for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn about(&self) -> &'static str {
        "a script, in one piece"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, _at: Input<'a>, out: &mut Builder<'_, 'a>) {
        out.fact(&fact::EXECUTABLE, true);
    }
}

/// Files of this size and more are not split: no file of lines of the corpus has more than 60 KiB.
pub(crate) const MOST: u64 = 1 << 20;
/// Lines up to this length are facts, so that people read them and not their digest.
const SHOWN: usize = 256;
/// Bytes of a line that make its key.
const KEY: usize = 64;

const ACCOUNTS: &[&str] = &["etc/passwd", "etc/passwd-"];
const SECRETS: &[&str] =
    &["etc/shadow", "etc/shadow-", "etc/group", "etc/group-", "etc/gshadow", "etc/gshadow-"];
const LOGIN: &[&str] = &[
    "etc/sudoers",
    "etc/doas.conf",
    "etc/securetty",
    "etc/dropbear/authorized_keys",
    ".ssh/authorized_keys",
    ".ssh/authorized_keys2",
    ".rhosts",
    "etc/hosts.equiv",
    "etc/ssh/sshd_config",
    "etc/opkg/customfeeds.conf",
];
const LOGIN_DIRS: &[&[&str]] =
    &[&["etc", "sudoers.d"], &["etc", "pam.d"], &["etc", "ssh", "sshd_config.d"], &["authorized_keys.d"]];
const BOOT: &[&str] = &[
    "etc/inittab",
    "etc/rc.local",
    "etc/rc.common",
    "etc/preinit",
    "etc/profile",
    "etc/environment",
    "etc/crontab",
    "etc/anacrontab",
    "etc/fstab",
    "etc/modules",
    "etc/ld.so.preload",
    "etc/ld.so.conf",
    "etc/sysctl.conf",
    "etc/sysupgrade.conf",
    "etc/init",
];
const BOOT_DIRS: &[&[&str]] = &[
    &["etc", "init.d"],
    &["etc", "rc.d"],
    &["etc", "rcS.d"],
    &["etc", "rc2.d"],
    &["etc", "rc3.d"],
    &["etc", "rc5.d"],
    &["etc", "cron.d"],
    &["etc", "cron.hourly"],
    &["etc", "cron.daily"],
    &["etc", "cron.weekly"],
    &["etc", "cron.monthly"],
    &["etc", "crontabs"],
    &["spool", "cron"],
    &["etc", "profile.d"],
    &["etc", "ld.so.conf.d"],
    &["etc", "modules.d"],
    &["etc", "modules-load.d"],
    &["etc", "modules-boot.d"],
    &["etc", "modprobe.d"],
    &["etc", "hotplug.d"],
    &["etc", "uci-defaults"],
    &["etc", "udev", "rules.d"],
    &["lib", "udev", "rules.d"],
    &["etc", "network", "if-up.d"],
    &["lib", "preinit"],
];
const BOOT_TOP: &[&str] = &["init", "linuxrc", "preinit"];
const UNITS: &[&str] =
    &[".service", ".timer", ".socket", ".path", ".mount", ".automount", ".target", ".conf", ".swap"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::parse;

    /// Login and cron go on behind a zero, or stop at it: what stands before it counts.
    #[test]
    fn a_file_that_decides_does_so_when_it_cannot_be_split() {
        let names = |path: &'static str| path.split('/').map(str::as_bytes).collect::<Vec<_>>();
        let long = b"# a comment\n".repeat(100_000);
        for (path, bytes, fact) in [
            ("etc/shadow", &b"root::0:\n#\0\n"[..], "trust-anchor"),
            ("upper/etc/crontabs/root", b"* * * * * telnetd\n#\0\n", "boot-entry"),
            ("etc/crontabs/root", &long, "boot-entry"),
        ] {
            let (_, format) = kind_of(&names(path), bytes, None);
            let tree = parse(format, bytes);
            let root = tree.region(kiwame_image::RegionId::ROOT).expect("the root");
            assert!(root.is_leaf() && root.attribute(fact).is_some(), "{path}");
        }
        let (_, format) = kind_of(&names("etc/shadow"), b"root::0:\n", None);
        let tree = parse(format, b"root::0:\n");
        assert!(tree.regions().any(|region| region.kind == "account-secret"), "split into lines");
    }
}
