//! The page: short, and with what to do next.

use kiwame_appraisal::kinds;

use super::differences::Differences;
use super::files::Seen;
use super::layout::{Part, Proposal, USUAL};
use super::places::{Place, Places, Sort, is_free};
use super::toml::{Lines, quoted};
use super::values::Values;

/// What is said.
pub(super) struct Page<'a> {
    pub(super) image: &'a str,
    pub(super) units: &'a [String],
    pub(super) format: &'static str,
    pub(super) recognised: bool,
    pub(super) layout: &'a Proposal,
    pub(super) found: &'a [String],
    pub(super) suppliers: &'a [(String, String)],
    pub(super) serial: Option<&'a str>,
    pub(super) places: &'a Places,
    pub(super) refused: Option<&'a str>,
    pub(super) differences: Option<&'a Differences>,
}

impl Page<'_> {
    /// The text. `filled`: with words where the maker's stand, to be read by `attest` as it will be.
    pub(super) fn text(&self, filled: bool) -> String {
        let mut out = Lines::default();
        self.head(&mut out);
        product(&mut out, self.serial, filled);
        self.found(&mut out);
        self.layout(&mut out);
        self.suppliers(&mut out);
        out.held = !filled && self.units.len() > 1;
        self.mutable(&mut out);
        out.held = false;
        self.differences(&mut out);
        out.text()
    }

    fn head(&self, out: &mut Lines) {
        out.say(&format!("Proposed by `kiwame describe` from {}.", self.image));
        if let Some((_, others)) = self.units.split_first().filter(|(_, others)| !others.is_empty()) {
            out.say("Compared with units of the same release, by your word:");
            out.list(others, UNITS);
        }
        out.say("A line that begins with # and no blank is TOML that is switched off: complete it, or leave it off.");
        if let Some(refused) = self.refused {
            out.say(&format!("`kiwame attest` REFUSES THIS IMAGE: {}.", kiwame_report::escape_line(refused)));
        }
        out.line(true, "schema = \"kiwame-firmware/1\"");
    }

    fn found(&self, out: &mut Lines) {
        out.part();
        if !self.recognised {
            out.say("Nothing in this image was recognised. Without a [[layout]] the manifest has one value for the whole of it, and attest asks for --raw:");
            out.say("verify then says that it is the same, or that it is not, and never what differs.");
            return;
        }
        out.say(&format!("Found ({}):", self.format));
        out.list(self.found, FOUND);
    }

    fn layout(&self, out: &mut Lines) {
        out.part();
        if self.layout.parts.is_empty() {
            if self.format == "raw" || !self.recognised {
                out.say("If it is a flash and you know where its parts lie, list each as a [[layout]] with name, offset and length.");
            } else {
                out.say("The image says itself where its parts are; it needs no [[layout]].");
            }
            return;
        }
        out.say(&format!("The parts, {}.", kiwame_report::escape_line(&self.layout.why)));
        for (number, part) in self.layout.parts.iter().enumerate() {
            if number > 0 {
                out.part();
            }
            layout_entry(out, part);
        }
    }

    fn suppliers(&self, out: &mut Lines) {
        // Where devices write nobody delivers anything.
        let written = |path: &str| self.places.list.iter().any(|place| place.path == path);
        let delivered: Vec<_> = self.suppliers.iter().filter(|(path, _)| !written(path)).collect();
        if delivered.is_empty() {
            return;
        }
        out.part();
        out.say("Who answers for other people's code, by path: the longest path counts, and \"/\" is all the rest.");
        for (path, what) in delivered {
            out.line(false, "[[supplier]]");
            out.line(false, &format!("path = {:<60} # {what}", quoted(path)));
            out.line(false, "name = \"\"");
        }
    }

    fn mutable(&self, out: &mut Lines) {
        if self.places.list.is_empty() {
            return;
        }
        out.part();
        out.say("What devices write themselves, value by value. Keep what they write, delete the rest; grammars are guessed from the");
        out.say("values. What runs, and what decides what runs or who may log in, is not listed: no rule lets it differ.");
        if out.held {
            out.say("Behind one # stands what differs between these units. Take it away where you know who writes there: whoever had a hand in");
            out.say(
                "one of the units had one in these lines. Behind ## stands what is the same in all of them.",
            );
        }
        for place in &self.places.list {
            out.part();
            rule(out, place, self.units.len());
        }
    }

    fn differences(&self, out: &mut Lines) {
        let Some(differences) = self.differences else { return };
        out.part();
        if differences.count() == 0 {
            out.say("Beside what the lines behind one # would allow nothing differs between these units.");
            return;
        }
        let count = match differences.count() {
            1 => "One difference".to_owned(),
            count => format!("{count} differences"),
        };
        out.say(&format!("{count} between the units that no rule above allows:"));
        out.list(differences.lines(), LISTED);
        let more = differences.count().saturating_sub(differences.lines().len());
        if more > 0 {
            out.say(&format!("  … and {more} more"));
        }
        if differences.has(&kinds::EMPTY_REFUSED) {
            out.say("What an erased place means you say with when-empty.");
        }
        out.say("What runs, or decides what runs, differs under no rule: are these units of one release? Settings above that are switched");
        out.say("off may be switched on. Of other bytes only `rule = \"any\"` with max-bytes lets a part differ, which nobody judges, and");
        out.say("which every buyer's policy must accept (accept-any).");
    }
}

fn product(out: &mut Lines, serial: Option<&str>, filled: bool) {
    let given = |name: &str| format!("{name} = {}", if filled { "\"x\"" } else { "\"\"" });
    out.part();
    out.line(true, "[product]");
    out.line(filled, &given("vendor"));
    out.line(filled, &given("model"));
    out.line(false, "channel = \"beta\"                          # none: release");
    out.line(false, "hardware-revisions = [\"B2\"]                # none: every revision");
    if let Some(path) = serial {
        out.line(false, &format!("serial = {}   # by this setting a lot calls its units", quoted(path)));
    }
    out.part();
    out.line(true, "[release]");
    out.line(filled, &given("version"));
    out.line(false, "security-version = 1                      # goes up when older releases must go; policies set floors by it");
    out.line(false, "not-before = \"2026-01-01T00:00:00Z\"       # from when on it may be delivered");
    out.line(false, "support-until = \"2031-01-01T00:00:00Z\"    # until when you mend it");
}

fn layout_entry(out: &mut Lines, part: &Part) {
    out.line(true, "[[layout]]");
    out.line(true, &format!("name = {}", quoted(&part.name)));
    out.line(true, &format!("offset = {:#x}", part.span.offset));
    out.line(true, &format!("length = {:#x}", part.span.length));
    let fits = part
        .blocks
        .map(|(least, most)| format!("    # {least:#x} to {most:#x} fit; give that of your flash"));
    let size = part.erase_block.or(part.blocks.map(|(least, most)| USUAL.clamp(least, most)));
    if let Some(size) = size {
        out.line(part.erase_block.is_some(), &format!("erase-block = {size:#x}{}", fits.unwrap_or_default()));
    }
    match &part.written {
        Some(written) => {
            out.line(written.on, "written = true                            # devices write here");
            if let Some(format) = written.format {
                out.line(written.on, &format!("format = \"{format}\"                          # what they make of it"));
            }
        }
        None if part.erased => out.say(
            "erased: if devices make a file system here, say written = true, format = \"jffs2\" and erase-block, and what may lie there",
        ),
        None => {}
    }
}

/// The rule of a place: switched on, off, or on with some of its lines off.
fn rule(out: &mut Lines, place: &Place, units: usize) {
    let on = place.on;
    if !on && !proposes(place) {
        out.say(&format!("{}: nothing that a rule could name by itself.", place.path));
        return left_out(out, place);
    }
    out.line(on, "[[mutable]]");
    out.line(on, &format!("path = {}", quoted(&place.path)));
    let (name, empty) = match place.sort {
        Sort::Environment | Sort::Variables => {
            ("keys", "what an erased store means: refuse, warning, default")
        }
        Sort::Files => ("data-files", "what an erased one means: refuse, warning, default"),
        Sort::Working => ("erased", ""),
    };
    let made = place.made.is_some();
    out.line(on, &format!("rule = \"{name}\""));
    out.line(
        on,
        &format!(
            "remains-max-bytes = {:<22} # what nothing reaches any more, and no program",
            place.remains_cap()
        ),
    );
    if place.sort != Sort::Working {
        let value = if made { "\"default\"" } else { "\"refuse\"" };
        out.line(on && made, &format!("when-empty = {value:<28} # {empty}"));
    }
    match place.sort {
        Sort::Environment | Sort::Variables => keys(out, place, units),
        Sort::Files => files(out, place),
        Sort::Working => {}
    }
}

/// True for a place with something in it to name.
fn proposes(place: &Place) -> bool {
    let units = place.files.units();
    match place.sort {
        Sort::Environment | Sort::Variables => listed(place).next().is_some(),
        Sort::Files => place.files.list.iter().any(|(name, seen)| is_listable(name, seen, units)),
        Sort::Working => true,
    }
}

fn listed(place: &Place) -> impl Iterator<Item = (&String, &Values)> {
    place.keys.iter().filter(|(name, values)| is_nameable(name) && is_free(values))
}

fn keys(out: &mut Lines, place: &Place, units: usize) {
    out.line(place.on, "keys = [");
    for (name, values) in listed(place).take(KEYS) {
        let on = place.on && place.is_key_on(values);
        out.line(
            on,
            &format!("    {},{}", key(name, values, values.seen < place.units), seen(values, units)),
        );
    }
    out.line(place.on, "]");
    left_out(out, place);
}

fn key(name: &str, values: &Values, optional: bool) -> String {
    let grammar = values.grammar().unwrap_or_default();
    let optional = if optional { ", optional = true" } else { "" };
    format!("{{ name = {}, value = {}{optional} }}", quoted(name), quoted(&grammar))
}

/// How many values were seen, where they differ.
fn seen(values: &Values, units: usize) -> String {
    let grammar = values.grammar().unwrap_or_default();
    // Seen in few units, the longest value of all of them is a guess.
    let guessed = ["word:", "digits:", "hex:"].iter().any(|word| grammar.starts_with(word));
    match (units > 1 && values.differ(), guessed) {
        (true, true) => format!(" # {} values; say how long one may be", values.count()),
        (true, false) => format!(" # {} values", values.count()),
        (false, _) => String::new(),
    }
}

/// The keys that are not proposed, and why not.
fn left_out(out: &mut Lines, place: &Place) {
    let free = |values: &&Values| !values.decides && !is_free(values);
    let others = place.keys.iter().filter(|(name, values)| is_nameable(name) && free(values));
    let names: Vec<_> = others.collect();
    let list = |wanted: &dyn Fn(&Values) -> bool| {
        let some: Vec<_> =
            names.iter().filter(|(_, values)| wanted(values)).map(|(name, _)| quoted(name)).collect();
        let more = some.len().saturating_sub(NAMES);
        let mut text = some.into_iter().take(NAMES).collect::<Vec<_>>().join(", ");
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        text
    };
    for (what, wanted) in LEFT_OUT {
        let some = list(wanted);
        if !some.is_empty() {
            out.say(&format!("{what}: {some}"));
        }
    }
}

/// Why keys are left out.
type LeftOut = (&'static str, fn(&Values) -> bool);

static LEFT_OUT: &[LeftOut] = &[
    (
        "left out, since they choose what starts (enum, with each value leading to a part that is judged)",
        |values| values.selects,
    ),
    ("left out, since the name is a loader's or a specification's, or no plain word", |values| {
        !values.selects && values.owned && values.grammar().is_some()
    }),
    ("left out, since no grammar fits their values", |values| !values.selects && values.grammar().is_none()),
];

fn files(out: &mut Lines, place: &Place) {
    let units = place.files.units();
    let mut left = 0_usize;
    let (mut same, mut listed) = (0_usize, 0_usize);
    for (name, seen) in &place.files.list {
        if Seen::is_directory(name) && !place.files.made && !seen.is_asked_for(units) {
            continue;
        }
        if units > 1 && !place.files.made && !seen.is_asked_for(units) {
            same = same.saturating_add(1);
            continue;
        }
        if !is_listable(name, seen, units) || listed >= FILES {
            left = left.saturating_add(1);
            continue;
        }
        listed = listed.saturating_add(1);
        file(out, place, name, seen);
    }
    if left > 0 || place.files.more {
        let more = if place.files.more { " or more" } else { "" };
        out.say(&format!(
            "{left}{more} left out: they run or decide what runs, are no settings, or are too many"
        ));
    }
    if same > 0 {
        out.say(&format!("{same} left out: they are the same in all units"));
    }
}

/// True for a directory, and for a file with a setting that can be judged.
fn is_listable(name: &str, seen: &Seen, units: usize) -> bool {
    let judged = |values: &Values| !values.decides && values.grammar().is_some();
    seen.is_free(name, units) && (Seen::is_directory(name) || seen.keys.values().any(judged))
}

fn file(out: &mut Lines, place: &Place, name: &str, seen: &Seen) {
    let units = place.files.units();
    let on = place.on && place.files.is_on(name, seen);
    out.part();
    out.line(on, "[[mutable.files]]");
    out.line(on, &format!("name = {}", quoted(name)));
    let cap = if Seen::is_directory(name) { 0 } else { room(seen.size) };
    if let Some(format) = seen.format {
        out.line(on, &format!("format = \"{}\"", format.name()));
    }
    out.line(on, &format!("max-bytes = {cap}"));
    if seen.seen < units || !seen.first {
        out.line(on, "optional = true");
    }
    if seen.format.is_none() {
        return;
    }
    out.line(on, "keys = [");
    for (name, values) in
        seen.keys.iter().filter(|(_, values)| values.grammar().is_some() && !values.decides).take(KEYS)
    {
        let own = on && seen.is_listed(values, units);
        out.line(
            own,
            &format!("    {},{}", key(name, values, values.seen < seen.seen), self::seen(values, units)),
        );
    }
    out.line(on, "]");
}

/// Room for a settings file to grow.
fn room(size: u64) -> u64 {
    size.max(4096).checked_next_power_of_two().unwrap_or(u64::MAX)
}

/// True for a name that stands for itself in a rule.
fn is_nameable(name: &str) -> bool {
    !name.contains('*') && name.matches('#').count() < 2
}

/// So many lines of each.
const UNITS: usize = 16;
const FOUND: usize = 32;
const LISTED: usize = 48;
const KEYS: usize = 64;
const FILES: usize = 24;
const NAMES: usize = 12;
