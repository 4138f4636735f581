//! Files of what devices write: which are settings, how they are read, and what differs in them.

use std::collections::{BTreeMap, BTreeSet};

use kiwame_image::{Digest, Options, Problem, Region, Role, Settings, SettingsFile, Tree, role};
use kiwame_trust::manifest::path_within;

use super::entries;
use super::places::{Place, is_file};
use super::values::Values;
use super::{Unit, opened};
use crate::request::Run;

/// The files and directories of a place, by their names.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) list: BTreeMap<String, Seen>,
    units: usize,
    /// The first unit has none.
    pub(super) made: bool,
    /// There are more than are looked at.
    pub(super) more: bool,
}

/// What has been seen of a file.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// In how many units it is.
    pub(super) seen: usize,
    /// The first unit that has files there has it.
    pub(super) first: bool,
    pub(super) size: u64,
    /// How it is read; `None` where no format of settings fits.
    pub(super) format: Option<Settings>,
    /// Formats were tried on it.
    tried: bool,
    /// It runs, decides what runs or who may log in, or is no plain file.
    pub(super) decides: bool,
    /// What the first unit has there, piece by piece, and what this one has.
    content: Vec<Digest>,
    now: Vec<Digest>,
    /// Not every unit has the same bytes.
    pub(super) differs: bool,
    pub(super) keys: BTreeMap<String, Values>,
}

impl Seen {
    /// True for a directory.
    pub(super) fn is_directory(name: &str) -> bool {
        name.ends_with('/')
    }

    /// True for a file or directory that a rule with grammars can let differ.
    pub(super) fn is_free(&self, name: &str, units: usize) -> bool {
        if self.decides {
            return false;
        }
        let held = |values: &&Values| self.is_listed(values, units);
        Self::is_directory(name)
            || self.format.is_some()
                && self.keys.values().filter(held).all(|values| values.grammar().is_some() && !values.decides)
    }

    /// True for a file in which something differs between units.
    pub(super) fn is_asked_for(&self, units: usize) -> bool {
        self.differs || self.seen < units
    }

    /// True for a key that the rule has to list: one that differs, and of a file that the release does not have every one.
    pub(super) fn is_listed(&self, values: &Values, units: usize) -> bool {
        let of_file = self.seen.min(units);
        !self.first || values.differ() || values.seen < of_file
    }
}

impl Files {
    /// Of a place in which the first unit has nothing, or something.
    pub(super) fn of(made: bool) -> Self {
        Self { made, ..Self::default() }
    }

    pub(super) fn is_asked_for(&self) -> bool {
        self.list.iter().any(|(name, seen)| self.is_on(name, seen))
    }

    /// True for a file whose entry is switched on.
    pub(super) fn is_on(&self, name: &str, seen: &Seen) -> bool {
        (self.made || seen.is_asked_for(self.units)) && seen.is_free(name, self.units)
    }

    /// Units that have files there.
    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// Takes in the files of one unit.
    pub(super) fn read(&mut self, tree: &Tree, scope: &str, here: &[&Region]) {
        let first = self.units == 0 && !self.made;
        self.units = self.units.saturating_add(1);
        let mut met = BTreeSet::new();
        for region in here {
            let path = tree.path(region.id);
            let Some(name) = entries::name_of(path, scope) else { continue };
            if !self.list.contains_key(&name) && self.list.len() >= MOST {
                self.more = true;
                continue;
            }
            let seen = self.list.entry(name.clone()).or_default();
            if is_file(region) || region.role() == Some(Role::Entry) && Seen::is_directory(&name) {
                seen.seen = seen.seen.saturating_add(1);
                seen.first |= first;
            }
            if !is_file(region) && !Seen::is_directory(&name) {
                seen.now.extend(region.sha256.clone().filter(|_| region.measured));
            }
            // A directory on the way is not what lies in it.
            seen.decides |= !Seen::is_directory(&name) && entries::decides(tree, region);
            seen.size = seen
                .size
                .max(tree.space(region.space).filter(|_| !is_file(region)).map_or(0, |space| space.size));
            if let Some(key) = entries::setting(region)
                && (seen.keys.contains_key(key) || seen.keys.len() < MOST)
            {
                let new = met.insert((name.clone(), key));
                let values = seen.keys.entry(key.to_owned()).or_default();
                entries::add(tree, region, key, new, values);
                // The type of a section is a word of UCI.
                values.words |= seen.format == Some(Settings::Uci) && !key.contains('.');
            }
        }
        for seen in self.list.values_mut() {
            let now = core::mem::take(&mut seen.now);
            if seen.seen > 1 {
                seen.differs |= !now.is_empty() && now != seen.content;
            } else {
                seen.content = now;
            }
        }
    }
}

/// The tree of a unit in which settings files are split key by key: the first format that fits a whole file is its.
pub(super) fn read(
    run: &Run<'_>,
    unit: Unit<'_>,
    options: &Options,
    scopes: &[String],
    places: &mut [Place],
) -> Result<Tree, Problem> {
    let mut tree = run.tree(unit, &opened(options, scopes.to_vec(), known(places)))?;
    for format in FORMATS {
        let open = candidates(&tree, scopes, places);
        if open.is_empty() {
            return Ok(tree);
        }
        let tried = |(scope, name): &(String, String)| SettingsFile {
            scope: scope.clone(),
            name: name.clone(),
            format,
        };
        let settings = known(places).into_iter().chain(open.iter().map(tried)).collect();
        tree = run.tree(unit, &opened(options, scopes.to_vec(), settings))?;
        for (scope, name) in &open {
            let fits = is_split(&tree, scope, name);
            let seen = places.iter_mut().find(|place| place.path == *scope);
            if let Some(seen) = seen.map(|place| place.files.list.entry(name.clone()).or_default()) {
                seen.format = fits.then_some(format);
                seen.tried |= format == Settings::Value;
            }
        }
    }
    run.tree(unit, &opened(options, scopes.to_vec(), known(places)))
}

/// Every file of which the format is known.
fn known(places: &[Place]) -> Vec<SettingsFile> {
    let mut files = Vec::new();
    for place in places {
        files.extend(place.files.list.iter().filter_map(|(name, seen)| {
            Some(SettingsFile { scope: place.path.clone(), name: name.clone(), format: seen.format? })
        }));
    }
    files
}

/// Files that may be settings, and of which nothing is known yet.
fn candidates(tree: &Tree, scopes: &[String], places: &[Place]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for region in tree.regions().filter(|region| is_file(region)) {
        let path = tree.path(region.id);
        let Some(scope) = scopes.iter().find(|scope| path_within(path, scope)) else { continue };
        let size = region.encodes.and_then(|space| tree.space(space)).map_or(0, |space| space.size);
        let content =
            region.encodes.and_then(|space| tree.space(space)).and_then(|space| tree.region(space.root));
        let plain = content.is_some_and(|content| !entries::decides(tree, content));
        let Some(name) = entries::name_of(path, scope).filter(|_| plain && (1..=LONGEST).contains(&size))
        else {
            continue;
        };
        let seen =
            places.iter().find(|place| place.path == *scope).and_then(|place| place.files.list.get(&name));
        if found.len() < MOST && seen.is_none_or(|seen| seen.format.is_none() && !seen.tried) {
            found.push((scope.clone(), name));
        }
    }
    found
}

/// True for a file that is settings throughout, with one that has a value at least.
fn is_split(tree: &Tree, scope: &str, name: &str) -> bool {
    let inside = |region: &&Region| {
        let path = tree.path(region.id);
        path_within(path, scope) && entries::name_of(path, scope).as_deref() == Some(name)
    };
    let mut values = false;
    for region in tree.regions().filter(|region| region.kind.starts_with(role::SETTING)).filter(inside) {
        values |= region.kind == role::SETTING;
    }
    values
}

/// Formats of settings, the stricter ones first. Tables are accounts, which nobody lets differ.
const FORMATS: [Settings; 5] =
    [Settings::Json, Settings::Uci, Settings::KeyValue, Settings::Ini, Settings::Value];
/// A longer file is no settings file of a device.
const LONGEST: u64 = 16 << 10;
/// So many files of one place are looked at: an overlay has dozens.
const MOST: usize = 256;
