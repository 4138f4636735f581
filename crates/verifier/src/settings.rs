//! `settings`: what a device has set of what only its buyer's policy lets differ, written as a policy has it.
//!
//! Each is one value of one component, told in words beside it, for whoever answers for the device to confirm or to strike out.
//! From several dumps the policy gets every value that was seen, and what only some of them have may be there.

use std::collections::BTreeMap;

use kiwame_appraisal::{Configured, Says, configured};
use kiwame_image::{Arrange as _, Options, Problem, hex};
use kiwame_report::escape;

use crate::propose::toml::{Lines, quoted};
use crate::request::Run;
use crate::{Response, problems};

/// Writes the settings of the images.
pub(crate) fn settings(run: &Run<'_>) -> Result<Response, Problem> {
    let units: Vec<_> = run.sources("image").collect();
    if units.is_empty() {
        return Err(Problem::new(&problems::NONE_GIVEN).of("image"));
    }
    let mut all: BTreeMap<String, Vec<(u32, Configured)>> = BTreeMap::new();
    let mut order = Vec::new();
    let mut page = Lines::default();
    page.say("What decides what may start, or who may log in, in:");
    for unit in &units {
        let tree = run.tree(*unit, &Options::default())?;
        let sha256 = tree.image_digest().map_or_else(String::new, kiwame_image::Digest::hex);
        let name = unit.1.name.rsplit('/').next().unwrap_or_default();
        page.say(&format!("  {}, {} bytes, sha256 {sha256}", escape(name), unit.1.size));
        for one in configured(&tree) {
            let seen = all.entry(one.path.clone()).or_default();
            if seen.is_empty() {
                order.push(one.path.clone());
            }
            seen.push((unit.0, one));
        }
    }
    page.say("Confirm each one with whoever answers for the device, and delete what is not right: whatever stands here is accepted.");
    page.say("They belong below the [[rule]] of the product in a policy. What is not listed equals the reference, or is refused.");
    for path in &order {
        if let Some(seen) = all.get(path) {
            one(&mut page, path, seen, units.len());
        }
    }
    let count = order.len();
    let summary = run.lang().say(
        format!("{count} settings. Next: read each one; put them below the [[rule]] of your policy, and run kiwame policy check.\n"),
        format!("設定 {count} 件。次:一つずつ確認し、ポリシーの [[rule]] の下に記して kiwame policy check を実行する。\n"),
    );
    Ok(Response::default().with("stderr", summary).with("stdout", page.text()))
}

/// One setting, with what the units have, each by its number.
fn one(page: &mut Lines, path: &str, seen: &[(u32, Configured)], units: usize) {
    page.part();
    let Some((_, first)) = seen.first() else { return };
    for words in each(seen.iter().map(|(_, one)| one.words.as_str())) {
        page.say(&format!("{}: {}", escape(&first.name), escape(words)));
    }
    page.line(true, "[[rule.setting]]");
    page.line(true, &format!("path = {}", quoted(path)));
    if each(seen.iter().map(|(unit, _)| *unit)).len() < units {
        page.line(true, "expect = \"may\"");
    }
    let (mut values, mut digests, mut lists) = (Vec::new(), Vec::new(), Vec::new());
    for (_, one) in seen {
        match &one.says {
            Says::Value(bytes) => values.push(format!("exactly:{}", hex(bytes))),
            Says::Digest(digest) => digests.push(digest.clone()),
            Says::List(entries, forbids) => lists.push((entries, *forbids)),
        }
    }
    if lists.is_empty() {
        list(page, "values", values);
        list(page, "sha256", digests);
    } else {
        if lists.len() < seen.len() {
            page.say("In another of the dumps it is no list: that is refused.");
        }
        entries(page, &lists);
    }
    if let Some(attributes) = first.attributes {
        page.line(true, &format!("attributes = {attributes}"));
    }
}

/// The entries that all lists have, and those that only some do.
fn entries(page: &mut Lines, lists: &[(&Vec<String>, bool)]) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (entries, _) in lists {
        for entry in each(entries.iter().map(String::as_str)) {
            let count = counts.entry(entry).or_default();
            *count = count.saturating_add(1);
        }
    }
    let of = |all: bool| {
        let having = counts.iter().filter(|(_, count)| (**count == lists.len()) == all);
        having.map(|(entry, _)| (*entry).to_owned()).collect()
    };
    list(page, "holds", of(true));
    list(page, "may-hold", of(false));
    if lists.iter().all(|(_, forbids)| *forbids) {
        page.say("It only forbids: whatever else it holds lets less start.");
        page.line(true, "more = true");
    }
}

/// A list of TOML, each text once; no line where there is none.
fn list(page: &mut Lines, name: &str, texts: Vec<String>) {
    let texts: Vec<_> = each(texts.into_iter()).iter().map(|text| quoted(text)).collect();
    if !texts.is_empty() {
        page.line(true, &format!("{name} = [{}]", texts.join(", ")));
    }
}

/// Each of some things once, in their order.
fn each<T: Ord>(things: impl Iterator<Item = T>) -> Vec<T> {
    let mut things: Vec<_> = things.collect();
    things.arrange();
    things.dedup();
    things
}
