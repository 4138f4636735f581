//! Takes every file below a folder apart, checks that the leaves tile every space, and counts what was found.
//!
//! ```text
//! cargo run --release -p kiwame-xtask --example corpus -- FOLDER [-v]
//! ```
//!
//! A development tool: no clock and no file belongs into the crate itself.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kiwame_image::{Content, Limits, Memory, Options, Tree};

#[derive(Default)]
struct Totals {
    files: BTreeMap<&'static str, (u64, u64, Duration)>,
    defects: BTreeMap<&'static str, (u64, PathBuf)>,
    kinds: BTreeMap<&'static str, (u64, u64)>,
    broken: Vec<String>,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(folder) = arguments.next() else {
        eprintln!("usage: corpus FOLDER [-v]");
        std::process::exit(2);
    };
    let verbose = arguments.next().is_some_and(|argument| argument == "-v");
    let mut files = Vec::new();
    list(Path::new(&folder), &mut files);
    files.sort();
    let mut totals = Totals::default();
    for file in &files {
        look(file, verbose, &mut totals);
    }
    totals.print();
    if !totals.broken.is_empty() {
        std::process::exit(1);
    }
}

fn list(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_symlink() {
        return;
    }
    if path.is_file() {
        files.push(path.to_owned());
        return;
    }
    let entries = std::fs::read_dir(path).map(|entries| entries.flatten().collect::<Vec<_>>());
    for entry in entries.unwrap_or_default() {
        list(&entry.path(), files);
    }
}

fn look(file: &Path, verbose: bool, totals: &mut Totals) {
    let Ok(bytes) = std::fs::read(file) else { return };
    let size = kiwame_image::len64(&bytes);
    let host = Memory::new([bytes]);
    let start = Instant::now();
    let parse = || kiwame_formats::parse(&host, 0, size, &Limits::default(), &Options::default());
    let tree = match std::panic::catch_unwind(std::panic::AssertUnwindSafe(parse)) {
        Ok(Ok(tree)) => tree,
        Ok(Err(error)) => return totals.broken.push(format!("{}: {error}", file.display())),
        Err(_) => return totals.broken.push(format!("{}: panic", file.display())),
    };
    let time = start.elapsed();
    totals.count(file, &tree, size, time);
    if verbose {
        show(file, &tree, time);
    }
}

fn show(file: &Path, tree: &Tree, time: Duration) {
    println!("== {} {} {} ms", file.display(), tree.format(), time.as_millis());
    for region in tree.regions() {
        let facts: Vec<_> = region
            .attributes
            .iter()
            .map(|fact| format!("{}={}", fact.fact.name, fact.value.display().escape_debug()))
            .map(|fact| fact.chars().take(90).collect::<String>())
            .collect();
        let (path, span) = (tree.path(region.id), region.span);
        let name = region.name.as_deref().unwrap_or("").escape_debug();
        println!(
            "{:8x} {:8x} {:?} {} {path} {name} {}",
            span.offset,
            span.length,
            region.content,
            region.kind,
            facts.join(" ")
        );
    }
    for claim in tree.claims() {
        println!("## {:?} {:?} {:?}", claim.says, claim.about, claim.place);
    }
    for defect in tree.defects() {
        println!(
            "!! {} {:#x} {} found {} expected {} in {}",
            defect.kind.id,
            defect.offset,
            defect.field,
            defect.found.display().escape_debug(),
            defect.expected.display(),
            tree.path(defect.region)
        );
    }
}

impl Totals {
    fn count(&mut self, file: &Path, tree: &Tree, size: u64, time: Duration) {
        let entry = self.files.entry(tree.format()).or_default();
        entry.0 += 1;
        entry.1 += size;
        entry.2 += time;
        for defect in tree.defects() {
            self.defects.entry(defect.kind.id).or_insert_with(|| (0, file.to_owned())).0 += 1;
        }
        for leaf in tree.leaves() {
            let kind = if leaf.content == Content::Unknown { "(unknown)" } else { leaf.kind };
            let entry = self.kinds.entry(kind).or_default();
            entry.0 += 1;
            entry.1 += leaf.span.length;
        }
        for space in tree.spaces() {
            let mut at = 0;
            for leaf in tree.leaves().filter(|leaf| leaf.space == space.id) {
                if leaf.span.offset != at {
                    self.broken.push(format!("{}: {} does not tile", file.display(), tree.path(leaf.id)));
                }
                at = leaf.span.end();
            }
            if at != space.size {
                self.broken.push(format!("{}: {} ends early", file.display(), tree.space_path(space.id)));
            }
        }
        for (limit, region) in tree.limits_hit() {
            println!("limit {} {} in {}", limit.name(), tree.path(*region), file.display());
        }
    }

    fn print(&self) {
        for (format, (count, size, time)) in &self.files {
            println!("{format:20} {count:6} files {size:12} bytes {:8} ms", time.as_millis());
        }
        for (kind, (count, size)) in &self.kinds {
            println!("    {kind:24} {count:8} leaves {size:12} bytes");
        }
        for (defect, (count, file)) in &self.defects {
            println!("    {defect:32} {count:6} e.g. {}", file.display());
        }
        let total: Duration = self.files.values().map(|(_, _, time)| *time).sum();
        let files: u64 = self.files.values().map(|(count, ..)| count).sum();
        println!("{files} files, {} ms, {} broken", total.as_millis(), self.broken.len());
        for broken in &self.broken {
            println!("BROKEN {broken}");
        }
    }
}
