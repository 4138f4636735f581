//! `settings`: what a device has set of what only its buyer's policy lets differ, written as a policy has it.
//!
//! Each is one value of one component, told in words beside it, for whoever answers for the device to confirm or to strike out.
//! From several dumps the policy gets every value that was seen, and what only some of them have may be there.

use std::collections::BTreeMap;

use kiwame_appraisal::{Configured, Says, configured};
use kiwame_image::{Arrange as _, Gather as _, Options, Problem};
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
    let mut all: BTreeMap<String, Vec<Configured>> = BTreeMap::new();
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
            seen.push(one);
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

/// One setting, with what the units have.
fn one(page: &mut Lines, path: &str, seen: &[Configured], units: usize) {
    page.part();
    let Some(first) = seen.first() else { return };
    let mut words: Vec<_> = seen.iter().map(|one| one.words.as_str()).collect();
    words.arrange();
    words.dedup();
    for words in words {
        page.say(&format!("{}: {}", escape(&first.name), escape(words)));
    }
    page.line(true, "[[rule.setting]]");
    page.line(true, &format!("path = {}", quoted(path)));
    if seen.len() < units {
        page.line(true, "expect = \"may\"");
    }
    let mut values: Vec<String> = Vec::new();
    let mut digests: Vec<String> = Vec::new();
    let mut lists: Vec<&[String]> = Vec::new();
    let mut forbids = false;
    for one in seen {
        match &one.says {
            Says::Value(bytes) => {
                let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                values.push(format!("exactly:{hex}"));
            }
            Says::Digest(digest) => digests.push(digest.clone()),
            Says::List(entries, only) => {
                lists.push(entries);
                forbids = *only;
            }
        }
    }
    let list = |page: &mut Lines, name: &str, mut texts: Vec<String>| {
        texts.arrange();
        texts.dedup();
        if !texts.is_empty() {
            let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
            page.line(true, &format!("{name} = [{}]", texts.join(", ")));
        }
    };
    list(page, "values", values);
    list(page, "sha256", digests);
    let entries: Vec<_> = lists.iter().flat_map(|list| list.iter()).collect();
    let counts = entries.into_iter().map(|entry| {
        let having = lists.iter().filter(|list| list.contains(entry)).count();
        (entry.clone(), having == lists.len())
    });
    let counts: BTreeMap<_, _> = counts.into_map();
    let of = |all: bool| {
        counts.iter().filter(|(_, in_all)| **in_all == all).map(|(entry, _)| entry.clone()).collect()
    };
    list(page, "holds", of(true));
    list(page, "may-hold", of(false));
    if forbids {
        page.say("It only forbids: whatever else it holds lets less start.");
        page.line(true, "more = true");
    }
    if let Some(attributes) = first.attributes {
        page.line(true, &format!("attributes = {attributes}"));
    }
}
