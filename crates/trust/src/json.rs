//! JSON as we take it: no duplicate key, no fraction, no number above 2^53, no trailing byte, at most 64 levels.
//!
//! RFC 8259 leaves these to the reader, and readers that differ can be shown different documents.

use core::fmt;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::TrustError;

/// A JSON value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Flag(bool),
    /// A whole number from 0 to 2^53.
    Uint(u64),
    /// Text.
    Text(String),
    /// An array.
    List(Vec<Json>),
    /// An object; keys are distinct.
    Map(BTreeMap<String, Json>),
}

/// Levels of nesting that are accepted.
pub const DEPTH: u8 = 64;
/// The largest number that every JSON reader keeps exactly (RFC 8259, section 6).
pub const MAX_NUMBER: u64 = 1 << 53;

impl Json {
    /// Parses one document.
    ///
    /// # Errors
    /// [`TrustError::Json`] with the place.
    pub fn parse(text: &[u8]) -> Result<Self, TrustError> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let parsed = Level(DEPTH).deserialize(&mut reader).and_then(|json| reader.end().map(|()| json));
        parsed.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let text = error.to_string();
            // serde_json repeats the place at the end of its message.
            let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
            TrustError::Json { line, column, what: what.to_owned() }
        })
    }

    fn describe(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Flag(flag) => flag.to_string(),
            Self::Uint(number) => number.to_string(),
            Self::Text(text) => format!("\"{}\"", text.chars().take(64).collect::<String>()),
            Self::List(list) => format!("an array of {}", list.len()),
            Self::Map(_) => "an object".to_owned(),
        }
    }
}

struct Level(u8);

impl<'de> DeserializeSeed<'de> for Level {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Level {
    fn below<E: de::Error>(&self) -> Result<u8, E> {
        self.0.checked_sub(1).ok_or_else(|| E::custom("more than 64 levels of nesting"))
    }
}

impl<'de> Visitor<'de> for Level {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E: de::Error>(self, flag: bool) -> Result<Json, E> {
        Ok(Json::Flag(flag))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Json, E> {
        if number > MAX_NUMBER {
            return Err(E::custom(format_args!("number {number} is above 2^53")));
        }
        Ok(Json::Uint(number))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Json, E> {
        Err(E::custom(format_args!("negative number {number}")))
    }

    fn visit_f64<E: de::Error>(self, _: f64) -> Result<Json, E> {
        Err(E::custom("a number that is not whole"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Json, E> {
        Ok(Json::Text(text.to_owned()))
    }

    fn visit_string<E: de::Error>(self, text: String) -> Result<Json, E> {
        Ok(Json::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = seq.next_element_seed(Level(below))? {
            list.push(item);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let below = self.below()?;
        let mut map = BTreeMap::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(Level(below))?;
            match map.entry(key) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(before) => {
                    return Err(de::Error::custom(format_args!("duplicate key \"{}\"", before.key())));
                }
            };
        }
        Ok(Json::Map(map))
    }
}

/// A closed object being read: every field is asked for by name, and what nobody asked for is an error.
#[derive(Debug)]
pub struct Object {
    at: String,
    fields: BTreeMap<String, Json>,
}

impl Object {
    /// The object at `at`.
    ///
    /// # Errors
    /// When it is not an object.
    pub fn new(json: Json, at: impl Into<String>) -> Result<Self, TrustError> {
        let at = at.into();
        match json {
            Json::Map(fields) => Ok(Self { at, fields }),
            Json::Null | Json::Flag(_) | Json::Uint(_) | Json::Text(_) | Json::List(_) => {
                Err(TrustError::Field { field: at, expected: "an object", found: json.describe() })
            }
        }
    }

    /// Path of a field of this object.
    #[must_use]
    pub fn path(&self, field: &str) -> String {
        if self.at.is_empty() { field.to_owned() } else { [&self.at, ".", field].concat() }
    }

    /// Takes a field out, if it is there.
    pub fn take(&mut self, field: &str) -> Option<Json> {
        self.fields.remove(field)
    }

    fn wrong(&self, field: &str, expected: &'static str, found: Option<&Json>) -> TrustError {
        let found = found.map_or_else(|| "nothing".to_owned(), Json::describe);
        TrustError::Field { field: self.path(field), expected, found }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn text(&mut self, field: &str) -> Result<String, TrustError> {
        match self.take(field) {
            Some(Json::Text(text)) => Ok(text),
            other => Err(self.wrong(field, "text", other.as_ref())),
        }
    }

    /// A text that may be absent.
    ///
    /// # Errors
    /// When something else is there.
    pub fn text_or_absent(&mut self, field: &str) -> Result<Option<String>, TrustError> {
        if self.fields.contains_key(field) { self.text(field).map(Some) } else { Ok(None) }
    }

    /// A number that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn uint(&mut self, field: &str) -> Result<u64, TrustError> {
        match self.take(field) {
            Some(Json::Uint(number)) => Ok(number),
            other => Err(self.wrong(field, "a whole number", other.as_ref())),
        }
    }

    /// A number that may be absent.
    ///
    /// # Errors
    /// When something else is there.
    pub fn uint_or_absent(&mut self, field: &str) -> Result<Option<u64>, TrustError> {
        if self.fields.contains_key(field) { self.uint(field).map(Some) } else { Ok(None) }
    }

    /// A flag; absent is false.
    ///
    /// # Errors
    /// When something else is there.
    pub fn flag(&mut self, field: &str) -> Result<bool, TrustError> {
        match self.take(field) {
            None => Ok(false),
            Some(Json::Flag(flag)) => Ok(flag),
            Some(other) => Err(self.wrong(field, "true or false", Some(&other))),
        }
    }

    /// A list; absent is empty.
    ///
    /// # Errors
    /// When something else is there.
    pub fn list(&mut self, field: &str) -> Result<Vec<Json>, TrustError> {
        match self.take(field) {
            None => Ok(Vec::new()),
            Some(Json::List(list)) => Ok(list),
            Some(other) => Err(self.wrong(field, "an array", Some(&other))),
        }
    }

    /// A list of objects, each read by `read`; absent is empty.
    ///
    /// # Errors
    /// When something else is there, or `read` says so.
    pub fn objects<T>(
        &mut self,
        field: &str,
        mut read: impl FnMut(&mut Object) -> Result<T, TrustError>,
    ) -> Result<Vec<T>, TrustError> {
        let at = self.path(field);
        let items = self.list(field)?.into_iter().enumerate();
        items
            .map(|(index, json)| {
                let mut object = Self::new(json, format!("{at}[{index}]"))?;
                let item = read(&mut object)?;
                object.end()?;
                Ok(item)
            })
            .collect()
    }

    /// A list of texts; absent is empty.
    ///
    /// # Errors
    /// When something else is there.
    pub fn texts(&mut self, field: &str) -> Result<Vec<String>, TrustError> {
        let list = self.list(field)?;
        list.into_iter()
            .map(|json| match json {
                Json::Text(text) => Ok(text),
                other @ (Json::Null | Json::Flag(_) | Json::Uint(_) | Json::List(_) | Json::Map(_)) => {
                    Err(self.wrong(field, "an array of texts", Some(&other)))
                }
            })
            .collect()
    }

    /// An object that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn object(&mut self, field: &str) -> Result<Self, TrustError> {
        match self.take(field) {
            Some(json) => Self::new(json, self.path(field)),
            None => Err(self.wrong(field, "an object", None)),
        }
    }

    /// Everything that is left, by name: for open maps such as digests and attributes.
    #[must_use]
    pub fn rest(self) -> BTreeMap<String, Json> {
        self.fields
    }

    /// Ends the object. Fields that nobody asked for are an error, unless they begin with `x-`.
    ///
    /// # Errors
    /// The first unknown field.
    pub fn end(&self) -> Result<(), TrustError> {
        match self.fields.iter().find(|(name, _)| !name.starts_with("x-")) {
            None => Ok(()),
            Some((name, value)) => Err(self.wrong(name, "no such field", Some(value))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(text: &str) -> String {
        Json::parse(text.as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn documents_that_readers_could_take_differently_are_refused() {
        assert_eq!(what("{\"a\":1,\n \"a\":2}"), "line 2, column 7: duplicate key \"a\"");
        assert!(what("[9007199254740993]").contains("above 2^53"));
        assert!(what("[1.5]").contains("not whole"));
        assert!(what("[-1]").contains("negative"));
        assert!(what("{} {}").contains("trailing"));
        assert_eq!(Json::parse(b"[9007199254740992]"), Ok(Json::List(vec![Json::Uint(MAX_NUMBER)])));
    }

    #[test]
    fn sixty_four_levels_and_no_more() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(nested(64).as_bytes()).is_ok());
        assert!(what(&nested(65)).contains("64 levels"));
        assert!(Json::parse("[".repeat(1 << 20).as_bytes()).is_err());
    }

    #[test]
    fn an_unknown_field_is_named_by_its_path() {
        let mut object = Object::new(Json::parse(br#"{"a":1,"b":2,"x-c":3}"#).unwrap(), "top").unwrap();
        assert_eq!(object.uint("a"), Ok(1));
        assert_eq!(object.end().unwrap_err().to_string(), "top.b: found 2, expected no such field");
        object.take("b");
        assert_eq!(object.end(), Ok(()));
    }
}
