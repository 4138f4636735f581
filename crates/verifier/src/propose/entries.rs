//! The keys of environments and variable stores, and the files of what devices write, with their values.

use std::collections::BTreeSet;

use kiwame_image::{Region, Role, Tree, Value, fact, len64, role, unescape_key};
use kiwame_trust::manifest::path_within;
use kiwame_trust::rules::{Grammar, KeyRule};

use super::places::{Place, Sort};
use super::values::Values;

/// Takes in what lies in a place.
pub(super) fn read(tree: &Tree, place: &mut Place) {
    let scope = place.path.clone();
    let mut remains = 0_u64;
    let mut here = Vec::new();
    for region in tree.regions().filter(|region| path_within(tree.path(region.id), &scope)) {
        if region.remains && !tree.ancestors(region.id).any(|above| above.remains) {
            remains = remains.saturating_add(region.span.length);
        }
        here.push(region);
    }
    place.remains = place.remains.max(remains);
    match place.sort {
        Sort::Environment | Sort::Variables => keys(tree, place, &here),
        Sort::Files => place.files.read(tree, &scope, &here),
        Sort::Working => {}
    }
}

/// Of two copies of an environment both count, as one unit's.
fn keys(tree: &Tree, place: &mut Place, here: &[&Region]) {
    let mut seen = BTreeSet::new();
    for region in here.iter().filter(|region| is_entry(region) && !is_gone(tree, region)) {
        let Ok(name) = core::str::from_utf8(&region.segment.key) else { continue };
        if name.is_empty() || !place.keys.contains_key(name) && place.keys.len() >= MOST {
            continue;
        }
        add(tree, region, name, seen.insert(name), place.keys.entry(name.to_owned()).or_default());
    }
    // What a command or a command line puts in is a part of it.
    let texts = here.iter().filter_map(|region| match region.fact(&fact::VALUE) {
        Some(Value::Text(text)) => Some(&**text),
        _ => None,
    });
    let expands: Vec<&str> = texts.filter(|text| text.contains('$')).collect();
    for (name, values) in &mut place.keys {
        values.decides |= expands.iter().any(|text| puts_in(text, name));
    }
}

/// True for a text that puts in the value of that name, as U-Boot's shells write it: `$x`, `${x}`, `$(x)`. A name that is not
/// whole, as in `$b$bb`, counts too.
fn puts_in(text: &str, name: &str) -> bool {
    let signs = |sign: char| "({".contains(sign);
    text.split('$').skip(1).any(|behind| behind.trim_start_matches(signs).starts_with(name))
}

fn is_entry(region: &Region) -> bool {
    matches!(region.kind, "uboot-variable" | "uboot-env-flags" | "boot-argument")
        || region.kind == "variable" && region.segment.format == "variable"
}

fn is_gone(tree: &Tree, region: &Region) -> bool {
    region.remains || tree.ancestors(region.id).any(|above| above.remains)
}

/// Adds what one entry says, the first of a unit or another one of its.
pub(super) fn add(tree: &Tree, region: &Region, name: &str, first: bool, values: &mut Values) {
    values.add(region.fact(&fact::VALUE));
    values.seen = values.seen.saturating_add(usize::from(first));
    values.decides |= decides(tree, region) || region.kind == "boot-argument" || is_line(region);
    values.selects |= region.is(&fact::SELECTOR);
    if region.kind == "uboot-env-flags" {
        values.fixed = Some("range:0-255");
    } else if region.kind != role::SETTING {
        values.owned |= is_owned(name);
    }
}

/// A kernel command line has no value of its own.
fn is_line(region: &Region) -> bool {
    region.kind == "uboot-variable" && !region.is_leaf()
}

/// True for what runs, or decides what runs or who may log in, or lies in it, or holds it.
pub(super) fn decides(tree: &Tree, region: &Region) -> bool {
    let says = |region: &Region| {
        [&fact::EXECUTABLE, &fact::BOOT_ENTRY, &fact::TRUST_ANCHOR].iter().any(|fact| region.is(fact))
    };
    let below = region.children.iter().filter_map(|&id| tree.region(id));
    core::iter::once(region).chain(tree.ancestors(region.id)).chain(below).any(says) || is_signed(region)
}

/// True for a variable that only the holder of a key can write: the device does not.
fn is_signed(region: &Region) -> bool {
    matches!(region.fact(&fact::ATTRIBUTES), Some(Value::Uint(attributes)) if region.kind == "variable" && attributes & SIGNED != 0)
}

/// `EFI_VARIABLE_AUTHENTICATED_WRITE_ACCESS`, `…_TIME_BASED_…` and `…_ENHANCED_AUTHENTICATED_ACCESS` (UEFI Specification 2.10,
/// section 8.2).
const SIGNED: u64 = 0x10 | 0x20 | 0x80;

/// True for a name that a specification or a loader owns, settings of the firmware's own menus and language aside.
fn is_owned(name: &str) -> bool {
    if name.starts_with(EFI_GLOBAL) {
        return false;
    }
    let vendor = name.get(..GUID).filter(|_| name.get(GUID..).is_some_and(|rest| rest.starts_with('-')));
    let pattern = vendor.map_or("*".to_owned(), |vendor| format!("{vendor}-*"));
    let any = KeyRule { name: pattern, value: Grammar::Mac, optional: false };
    // The sign for a digit is part of this name, and no other is.
    !any.is_for(name.replace('#', "0").as_bytes())
}

/// The name of a file from the root of its file system, or of a directory, which ends with a slash; `None` for what is neither,
/// or has a name that a rule cannot list.
pub(super) fn name_of(path: &str, scope: &str) -> Option<String> {
    let behind = kiwame_image::segments(path).skip(kiwame_image::segments(scope).count());
    let mut name = Vec::new();
    let mut ended = false;
    for step in behind {
        let Some((role, key)) = Role::of_step(step) else {
            if ended || name.is_empty() {
                continue;
            }
            return None;
        };
        match role {
            Role::Directory if !ended => {
                name.extend(unescape_key(key));
                name.push(b'/');
            }
            Role::File if !ended => {
                name.extend(unescape_key(key));
                ended = true;
            }
            Role::Entry if key == "self" && !ended => ended = true,
            _ => return None,
        }
    }
    let name = String::from_utf8(name).ok()?;
    (ended && !name.is_empty() && !name.contains(['*', '#'])).then_some(name)
}

/// The key of a setting, of a region in a settings file.
pub(super) fn setting(region: &Region) -> Option<&str> {
    let name = (region.kind == role::SETTING).then(|| core::str::from_utf8(&region.segment.key).ok())??;
    (!name.contains('*') && len64(name.as_bytes()) <= 255).then_some(name)
}

/// Signs of a GUID.
const GUID: usize = 36;
/// `EFI_GLOBAL_VARIABLE`: what in it decides what starts is said by its format.
const EFI_GLOBAL: &str = "8BE4DF61-93CA-11D2-AA0D-00E098032B8C-";
/// So many keys of one place are kept.
const MOST: usize = 2048;
