//! Sorting, and filling sets and maps, with little code.
//!
//! The library's stable sort is compiled anew for each type it sorts, and filling a set or a map sorts: 66 copies of it
//! were a tenth of the core. Here one copy sorts numbers of places, whatever lies there. It asks about each pair through a
//! pointer, so lists that are long in every run (regions beside reference values) keep the library's.

use core::cmp::Ordering;
use core::mem;
use std::collections::{BTreeMap, BTreeSet};

use crate::to_usize;

/// Sorting a list, equals staying as they stand.
pub trait Arrange<T> {
    /// By the order of the elements.
    fn arrange(&mut self)
    where
        T: Ord;

    /// By a key of each element.
    fn arrange_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);

    /// As two elements compare.
    fn arrange_by(&mut self, order: impl FnMut(&T, &T) -> Ordering);
}

impl<T> Arrange<T> for Vec<T> {
    fn arrange(&mut self)
    where
        T: Ord,
    {
        self.arrange_by(T::cmp);
    }

    fn arrange_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.arrange_by(|one, other| key(one).cmp(&key(other)));
    }

    fn arrange_by(&mut self, mut order: impl FnMut(&T, &T) -> Ordering) {
        let Ok(length) = u32::try_from(self.len()) else { return self.sort_by(order) };
        let mut places: Vec<u32> = (0..length).collect();
        sort_places(&mut places, &mut |one, other| {
            let element = |place: u32| self.get(to_usize(place.into()));
            element(one).zip(element(other)).map_or(Ordering::Equal, |(one, other)| order(one, other))
        });
        let mut taken: Vec<_> = mem::take(self).into_iter().map(Some).collect();
        self.reserve_exact(taken.len());
        self.extend(places.into_iter().filter_map(|place| taken.get_mut(to_usize(place.into()))?.take()));
    }
}

/// The one copy.
#[inline(never)]
fn sort_places(places: &mut [u32], order: &mut dyn FnMut(u32, u32) -> Ordering) {
    places.sort_by(|one, other| order(*one, *other));
}

/// Filling sets and maps one by one.
pub trait Gather: Iterator + Sized {
    /// A set of all elements.
    fn into_set(self) -> BTreeSet<Self::Item>
    where
        Self::Item: Ord,
    {
        let mut set = BTreeSet::new();
        self.for_each(|element| {
            set.insert(element);
        });
        set
    }

    /// A map of all pairs; of two with one key the later.
    fn into_map<K: Ord, V>(self) -> BTreeMap<K, V>
    where
        Self: Iterator<Item = (K, V)>,
    {
        let mut map = BTreeMap::new();
        self.for_each(|(key, value)| {
            map.insert(key, value);
        });
        map
    }
}

impl<I: Iterator> Gather for I {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_the_library_sorts() {
        let words = ["pear", "fig", "apple", "kiwi", "date", "plum", "", "fig"];
        let mut list: Vec<String> = words.map(String::from).to_vec();
        let mut expected = list.clone();
        expected.sort_by_key(String::len);
        list.arrange_by_key(String::len);
        assert_eq!(list, expected, "equals stay as they stand");
        expected.sort();
        list.arrange();
        assert_eq!(list, expected);
        let mut none: Vec<u8> = Vec::new();
        none.arrange();
        assert!(none.is_empty());
        assert_eq!([(1, 'a'), (1, 'b')].into_iter().into_map(), BTreeMap::from([(1, 'b')]));
    }
}
