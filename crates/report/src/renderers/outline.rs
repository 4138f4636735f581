//! What is in an image, as an outline of names: what people know by name, with size and share, the largest first where there
//! are many, and no deeper than a few steps. Everything is in the tree that `--verbose` prints.

use crate::Lang;
use crate::Report;
use crate::catalogue::noun;
use crate::model::RegionOf;
use crate::renderers::columns::printed;
use kiwame_image::{Arrange as _, Gather as _, fact};

/// Steps that are shown.
const DEEP: usize = 3;
/// Things that are shown beside each other.
const BESIDE: usize = 8;
/// Kinds that are shown though they have no name.
const SHOWN: [&str; 4] = ["partition", "uefi-volume", "variable-store", "uefi-file"];

/// A thing in the outline.
struct Thing {
    region: RegionOf,
    depth: usize,
    /// The format that reads what lies in it.
    reads: String,
    /// Things below it, at any depth.
    inside: usize,
    /// Bytes below it in the same space, and of those the ones that are not understood.
    unexplained: u64,
    children: Vec<usize>,
}

/// The lines of the outline.
pub(crate) fn lines(lang: Lang, report: &Report) -> Vec<String> {
    let things = things(report);
    let sizes = report.spaces.iter().map(|space| (space.path.as_str(), space.size)).into_map();
    let mut page = Page { lang, things, sizes, lines: Vec::new() };
    let top: Vec<_> =
        page.things.iter().enumerate().filter(|(_, thing)| thing.depth == 0).map(|(at, _)| at).collect();
    page.list(&top, 0);
    page.lines
}

/// The regions that people know by name, each with those below it.
fn things(report: &Report) -> Vec<Thing> {
    let mut things: Vec<Thing> = Vec::new();
    // The things around the current region: depth of the path, and number.
    let mut around: Vec<(usize, usize)> = Vec::new();
    for region in report.regions.iter().skip(1) {
        let steps = region.path.matches('/').count();
        while around.last().is_some_and(|(depth, _)| *depth >= steps) {
            around.pop();
        }
        if let Some(thing) = around.last().and_then(|&(_, at)| things.get_mut(at))
            && thing.reads.is_empty()
        {
            let step = region.path.rsplit('/').next().and_then(|step| step.split_once(':'));
            step.map_or("", |(format, _)| format).clone_into(&mut thing.reads);
        }
        if region.class.as_deref() == Some("unexplained")
            && let Some(thing) = around.last().and_then(|&(_, at)| things.get_mut(at))
        {
            thing.unexplained = thing.unexplained.saturating_add(region.length);
        }
        let outer = around.last().and_then(|&(_, at)| things.get(at));
        let named = region.name.is_some() && outer.is_none_or(|outer| outer.region.name != region.name);
        let listed = region.kind != "directory" || region.path.rsplit('/').next() != Some("entry:self");
        if !(steps == 0 || listed && (named || SHOWN.contains(&region.kind.as_str()))) {
            continue;
        }
        let at = things.len();
        let depth = around.len();
        for &(_, above) in &around {
            if let Some(above) = things.get_mut(above) {
                above.inside = above.inside.saturating_add(1);
            }
        }
        if let Some(parent) = around.last().and_then(|&(_, above)| things.get_mut(above)) {
            parent.children.push(at);
        }
        things.push(Thing {
            region: region.into_owned(),
            reads: String::new(),
            depth,
            inside: 0,
            unexplained: 0,
            children: Vec::new(),
        });
        around.push((steps, at));
    }
    things
}

struct Page<'r> {
    lang: Lang,
    things: Vec<Thing>,
    sizes: std::collections::BTreeMap<&'r str, u64>,
    lines: Vec<String>,
}

impl Page<'_> {
    fn list(&mut self, numbers: &[usize], depth: usize) {
        // Depth is bounded by what is shown.
        let most = if depth == 0 { BESIDE.saturating_mul(4) } else { BESIDE };
        let mut largest: Vec<_> = numbers.to_vec();
        largest.arrange_by_key(|&at| {
            core::cmp::Reverse(self.things.get(at).map_or(0, |thing| self.extent(thing)))
        });
        largest.truncate(most);
        let shown: std::collections::BTreeSet<_> = largest.into_iter().into_set();
        for &at in &shown {
            self.thing(at, depth);
        }
        let left = numbers.iter().filter(|at| !shown.contains(at)).filter_map(|&at| self.things.get(at));
        let (count, bytes) = left.fold((0_usize, 0_u64), |(count, bytes), thing| {
            (count.saturating_add(1), bytes.saturating_add(self.extent(thing)))
        });
        if count > 0 {
            let text = match self.lang {
                Lang::English => format!("… and {count} smaller, {}", size(bytes)),
                Lang::Japanese => format!("… 他に小さいもの {count} 個、{}", size(bytes)),
            };
            self.push(depth, &text, "");
        }
    }

    /// How long something is: a file in a file system as what it holds, and not as its line in the listing.
    fn extent(&self, thing: &Thing) -> u64 {
        let holds = self.sizes.get(thing.region.path.as_str()).filter(|_| thing.region.kind == "file");
        holds.copied().unwrap_or(thing.region.length)
    }

    fn thing(&mut self, at: usize, depth: usize) {
        let Some(thing) = self.things.get(at) else { return };
        let region = &thing.region;
        let key =
            region.path.rsplit('/').next().and_then(|step| step.split_once(':')).map_or("", |(_, key)| key);
        let label = region.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(key);
        let runs = region.attributes.contains_key(fact::EXECUTABLE.name);
        let kind = noun(self.lang, &region.kind, runs || region.kind == "uefi-file" && region.name.is_some())
            .to_owned();
        let kind = match region.kind.as_str() {
            "partition" if !thing.reads.is_empty() => format!("{kind}, {}", thing.reads),
            _ => kind,
        };
        let erased = region.class.as_deref() == Some("fill");
        let marks = [
            (erased, ["erased", "消去値"]),
            (region.class.as_deref() == Some("unexplained"), ["unexplained", "未説明"]),
        ];
        let mut notes: Vec<String> = Vec::new();
        for (_, words) in marks.iter().filter(|(is, _)| *is) {
            notes.push(self.pick(*words).to_owned());
        }
        if let Some(blank) = region.attributes.get(fact::ERASED.name).and_then(serde_json::Value::as_u64) {
            notes.push(match self.lang {
                Lang::English => format!("{} of it erased", size(blank)),
                Lang::Japanese => format!("うち消去値 {}", size(blank)),
            });
        }
        if thing.unexplained > 0 {
            notes.push(format!("{} {}", self.pick(["unexplained:", "未説明"]), size(thing.unexplained)));
        }
        let deeper = depth.saturating_add(1) < DEEP;
        if thing.inside > 0 && !deeper {
            notes.push(match self.lang {
                Lang::English => format!("{} inside", thing.inside),
                Lang::Japanese => format!("内部 {} 個", thing.inside),
            });
        }
        // What lies in a file system is as long as what it holds; its share is of no use.
        let entry = [
            "file",
            "directory",
            "symbolic-link",
            "block-device",
            "character-device",
            "fifo",
            "socket",
            "whiteout",
        ];
        let entry = entry.contains(&region.kind.as_str());
        let holds = self.sizes.get(region.path.as_str()).copied().filter(|_| entry);
        let whole = self.sizes.get(region.space.as_str()).copied().unwrap_or(0);
        let share =
            u128::from(region.length).saturating_mul(1000).checked_div(u128::from(whole)).unwrap_or(0);
        let notes = if notes.is_empty() { String::new() } else { format!("  [{}]", notes.join(", ")) };
        let numbers = match (entry, holds) {
            (true, Some(holds)) => format!("{:>10}        {notes}", size(holds)),
            (true, None) => notes,
            (false, _) => format!("{:>10} {:>3}.{} %{notes}", size(region.length), share / 10, share % 10),
        };
        let text = if label.is_empty() || label == kind { kind } else { format!("{label}  {kind}") };
        let children = thing.children.clone();
        self.push(depth, &text, &numbers);
        if deeper {
            self.list(&children, depth.saturating_add(1));
        }
    }

    /// A name that leaves room for the numbers.
    fn push(&mut self, depth: usize, text: &str, numbers: &str) {
        let indent = "  ".repeat(depth);
        let text = shortened(text, WIDE.saturating_sub(indent.len()));
        let gap =
            " ".repeat(WIDE.saturating_sub(indent.len().saturating_add(printed(&text))).saturating_add(1));
        self.lines.push(format!("{indent}{text}{gap}{numbers}"));
    }

    fn pick<'a>(&self, words: [&'a str; 2]) -> &'a str {
        match self.lang {
            Lang::English => words[0],
            Lang::Japanese => words[1],
        }
    }
}

/// Columns of the names.
const WIDE: usize = 44;

/// A text that takes no more columns than there are: what it is stands behind the name, and stays.
fn shortened(text: &str, room: usize) -> String {
    if printed(text) <= room {
        return text.to_owned();
    }
    let (name, kind) = text.rsplit_once("  ").unwrap_or((text, ""));
    let left = room.saturating_sub(printed(kind).saturating_add(3)).max(8);
    let mut short = String::new();
    for sign in name.chars() {
        if printed(&short) >= left {
            break;
        }
        short.push(sign);
    }
    if kind.is_empty() { format!("{short}…") } else { format!("{short}…  {kind}") }
}

/// A size as people read it.
fn size(bytes: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = bytes.saturating_mul(10).checked_div(*unit).unwrap_or(0);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} B"),
    }
}
