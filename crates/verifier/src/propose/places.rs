//! Containers that devices write, and what lies in them.

use std::collections::BTreeMap;

use kiwame_image::{Options, Problem, Region, RegionId, Role, Tree, fact};

use super::differences::Differences;
use super::files::{self, Files};
use super::values::Values;
use super::{Unit, entries, place_of};
use crate::request::Run;

/// What a container is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// A U-Boot environment, or two.
    Environment,
    /// A store of UEFI variables.
    Variables,
    /// Blocks in which a UEFI driver keeps a write that is not complete.
    Working,
    /// A file system that devices write as a log.
    Files,
}

/// A container that devices write.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) path: String,
    pub(super) sort: Sort,
    /// Units that have something there.
    pub(super) units: usize,
    pub(super) length: u64,
    /// Most bytes of what nothing reaches any more, in one unit.
    pub(super) remains: u64,
    pub(super) keys: BTreeMap<String, Values>,
    pub(super) files: Files,
    /// The first unit has nothing there; the format that others have.
    pub(super) made: Option<&'static str>,
    /// Bytes that its erase blocks may have, from the least to the most, as far as the images tell.
    pub(super) erase_block: Option<(u64, u64)>,
    /// Its rule is switched on.
    pub(super) on: bool,
}

/// All of them, in the order in which they lie.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pub(super) list: Vec<Place>,
    units: usize,
}

impl Places {
    /// Takes in what a unit has.
    pub(super) fn read(
        &mut self,
        run: &Run<'_>,
        unit: Unit<'_>,
        tree: Tree,
        options: &Options,
    ) -> Result<(), Problem> {
        self.units = self.units.saturating_add(1);
        let here = containers(&tree);
        let mut scopes = Vec::new();
        for (path, sort, region) in &here {
            self.enter(&tree, path, *sort, region);
            scopes.extend((*sort == Sort::Files).then(|| path.clone()));
        }
        let tree = if scopes.is_empty() {
            tree
        } else {
            drop(tree);
            files::read(run, unit, options, &scopes, &mut self.list)?
        };
        for place in &mut self.list {
            if here.iter().any(|(path, _, _)| *path == place.path) {
                entries::read(&tree, place);
            }
        }
        Ok(())
    }

    fn enter(&mut self, tree: &Tree, path: &str, sort: Sort, id: &RegionId) {
        if let Some(place) = self.list.iter_mut().find(|place| place.path == path) {
            place.units = place.units.saturating_add(1);
            let (low, high) = blocks_in(tree, *id).unwrap_or((0, u64::MAX));
            place.erase_block = place.erase_block.map(|(least, most)| (least.max(low), most.min(high)));
            return;
        }
        let region = tree.region(*id);
        let formats = region.into_iter().flat_map(|region| &region.children);
        let made = formats.filter_map(|&id| tree.region(id)).find_map(|region| {
            let name = region.segment.format;
            kiwame_formats::named(name).map(|_| name)
        });
        self.list.push(Place {
            path: path.to_owned(),
            sort,
            units: 1,
            length: region.map_or(0, |region| region.span.length),
            remains: 0,
            keys: BTreeMap::new(),
            files: Files::of(self.units > 1),
            made: made.filter(|_| self.units > 1),
            erase_block: blocks_in(tree, *id),
            on: false,
        });
    }

    /// Switches the rules on that let differ what differs, and nothing else.
    pub(super) fn switch_on(&mut self, several: bool) {
        for place in &mut self.list {
            place.on = several && place.is_asked_for();
        }
        self.pair_up();
    }

    /// Of two environments a boot loader writes the one or the other: what is saved in one is what the other will have.
    pub(super) fn join_pairs(&mut self) {
        let Some([one, other]) = self.pair() else { return };
        let keys = one.keys.clone();
        for (name, values) in &other.keys {
            one.keys.entry(name.clone()).or_default().join(values);
        }
        for (name, values) in &keys {
            other.keys.entry(name.clone()).or_default().join(values);
        }
    }

    fn pair_up(&mut self) {
        if let Some([one, other]) = self.pair() {
            let on = one.on || other.on;
            (one.on, other.on) = (on, on);
        }
    }

    /// The two environments, where there are two: which of more belong together nobody says.
    fn pair(&mut self) -> Option<[&mut Place; 2]> {
        let mut pair = self.list.iter_mut().filter(|place| place.sort == Sort::Environment);
        let found = [pair.next()?, pair.next()?];
        pair.next().is_none().then_some(found)
    }

    /// Switches a rule on for each place in which something differs.
    pub(super) fn switch_on_at(&mut self, differences: &Differences) {
        for place in &mut self.list {
            place.on |= differences.is_in(&place.path);
        }
        self.pair_up();
    }

    /// Switches those off again, of those that were not on before, in which something differs all the same.
    pub(super) fn keep(&mut self, before: &[bool], differences: &Differences) {
        for (place, before) in self.list.iter_mut().zip(before) {
            place.on &= *before || !differences.is_in(&place.path);
        }
        if let Some([one, other]) = self.pair() {
            let on = one.on && other.on;
            (one.on, other.on) = (on, on);
        }
    }

    /// Which rules are on.
    pub(super) fn on(&self) -> Vec<bool> {
        self.list.iter().map(|place| place.on).collect()
    }

    pub(super) fn switch_off(&mut self) {
        self.list.iter_mut().for_each(|place| place.on = false);
    }
}

impl Place {
    /// True where something differs that a rule with a grammar can let differ.
    fn is_asked_for(&self) -> bool {
        self.keys.values().any(|values| self.is_key_on(values)) || self.files.is_asked_for()
    }

    /// True for a key whose line is switched on with the rule: where the first unit has nothing, every one.
    pub(super) fn is_key_on(&self, values: &Values) -> bool {
        is_free(values) && (values.differ() || values.seen < self.units || self.made.is_some())
    }

    /// Bytes of remains that a rule lets lie there: as much again as has been seen, within the place.
    pub(super) fn remains_cap(&self) -> u64 {
        let room = self.remains.saturating_mul(2).max(LEAST).checked_next_power_of_two();
        room.unwrap_or(u64::MAX).min(self.length.max(1))
    }
}

/// True for a key that a rule may list without a second thought: it does not decide what runs, nobody but the device owns its
/// name, and its values have a grammar.
pub(super) fn is_free(values: &Values) -> bool {
    let address = |grammar: &String| grammar == "mac";
    let grammar = values.grammar();
    !values.decides && !values.selects && grammar.is_some_and(|grammar| !values.owned || address(&grammar))
}

/// Every container, each once: a pair of environments in one partition is one place.
fn containers(tree: &Tree) -> Vec<(String, Sort, RegionId)> {
    let mut found: Vec<(String, Sort, RegionId)> = Vec::new();
    for region in tree.regions() {
        let id = match (region.kind, region.segment.format) {
            ("uboot-env-header", _) => place_of(tree, region).map(|id| (Sort::Environment, id)),
            ("variable-store", "variable-store") => Some((Sort::Variables, region.id)),
            (_, "ftw-working" | "ftw-spare") if is_outermost(tree, region) => {
                Some((Sort::Working, region.id))
            }
            _ if region.rewritten => place_of(tree, region).map(|id| (Sort::Files, id)),
            _ => None,
        };
        let Some((sort, id)) = id.filter(|(_, id)| *id != RegionId::ROOT) else { continue };
        // What was found by searching is no more acceptable than bytes that nobody understands.
        let around = || core::iter::once(id).chain(tree.ancestors(id).map(|above| above.id));
        let searched =
            around().filter_map(|id| tree.region(id)).any(|region| region.searched || region.remains);
        if !searched && !found.iter().any(|(_, _, other)| around().any(|id| id == *other)) {
            found.push((tree.path_of(id), sort, id));
        }
        if found.len() >= MOST {
            break;
        }
    }
    found
}

fn is_outermost(tree: &Tree, region: &Region) -> bool {
    tree.region(region.id)
        .and_then(|region| region.parent)
        .and_then(|above| tree.region(above))
        .is_none_or(|above| above.segment.format != region.segment.format)
}

fn is_in(tree: &Tree, region: &Region, place: RegionId) -> bool {
    region.id == place || tree.ancestors(region.id).any(|above| above.id == place)
}

fn blocks_in(tree: &Tree, place: RegionId) -> Option<(u64, u64)> {
    tree.regions().filter(|one| is_in(tree, one, place)).find_map(erase_block)
}

/// What a flash file system says of the blocks that it was read by: one size, or the least and the most.
pub(super) fn erase_block(region: &Region) -> Option<(u64, u64)> {
    let said = region.fact(&fact::ERASE_BLOCK)?.display();
    let (low, high) = said.split_once(" to ").unwrap_or((&said, &said));
    let size = |text: &str| text.parse().ok().filter(|size: &u64| size.is_power_of_two() && *size >= LEAST);
    Some((size(low)?, size(high)?))
}

/// True for what a role in a file system gives a name.
pub(super) fn is_file(region: &Region) -> bool {
    region.role() == Some(Role::File)
}

/// So many containers are looked into.
const MOST: usize = 32;
/// A sector, and the least that remains are allowed.
const LEAST: u64 = 4096;
