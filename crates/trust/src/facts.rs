//! Facts about a region, by name.

use std::borrow::Cow;
use std::collections::BTreeMap;

use kiwame_image::{Arrange as _, Fact};

use crate::json::Json;

/// Facts by name, each name once, in the order of the names. A list and no map: there are few about each of very many
/// regions, and a map takes half a kilobyte for the first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts(Box<[(Cow<'static, str>, Json)]>);

impl Facts {
    /// The fact of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, fact)| fact)
    }

    /// What is said of something.
    #[must_use]
    pub fn of(&self, fact: &Fact) -> Option<&Json> {
        self.get(fact.name)
    }

    /// True when a fact that is a yes or no is a yes.
    #[must_use]
    pub fn is(&self, fact: &Fact) -> bool {
        self.of(fact) == Some(&Json::Flag(true))
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Json)> {
        self.0.iter().map(|(name, fact)| (&**name, fact))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Of several facts of one name the last counts.
impl FromIterator<(&'static str, Json)> for Facts {
    fn from_iter<I: IntoIterator<Item = (&'static str, Json)>>(facts: I) -> Self {
        let mut list: Vec<(Cow<'static, str>, Json)> = Vec::new();
        for (name, fact) in facts {
            match list.iter_mut().find(|(known, _)| *known == name) {
                Some(known) => known.1 = fact,
                None => list.push((Cow::Borrowed(name), fact)),
            }
        }
        list.arrange_by(|one, other| one.0.cmp(&other.0));
        Self(list.into_boxed_slice())
    }
}

impl From<BTreeMap<String, Json>> for Facts {
    fn from(facts: BTreeMap<String, Json>) -> Self {
        Self(facts.into_iter().map(|(name, fact)| (Cow::Owned(name), fact)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_and_read_facts_are_the_same() {
        let made =
            Facts::from_iter([("uid", Json::Uint(1)), ("mode", Json::Uint(2)), ("uid", Json::Uint(3))]);
        let read = Facts::from(BTreeMap::from([
            ("mode".to_owned(), Json::Uint(2)),
            ("uid".to_owned(), Json::Uint(3)),
        ]));
        assert_eq!(made, read);
        assert_eq!((made.get("uid"), made.get("gid"), made.len()), (Some(&Json::Uint(3)), None, 2));
        assert_eq!(made.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["mode", "uid"]);
        assert!(Facts::default().is_empty() && !made.is_empty());
    }
}
