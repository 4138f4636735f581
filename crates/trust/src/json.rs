//! JSON as we take it: no duplicate key, no fraction, no number above 2^53, no trailing byte, at most 64 levels.
//!
//! RFC 8259 leaves these to the reader, and readers that differ can be shown different documents.

use core::cell::{Cell, RefCell};
use core::fmt;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use kiwame_image::{Text, Words};

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

/// Values that a document may have which nobody has signed yet: an envelope has a dozen, and three for each signature.
pub const MOST_UNSIGNED: u64 = 10_000;
/// Values that a signed document may have: thirty for each of 160,000 components.
pub const MOST_SIGNED: u64 = 4_800_000;

impl Json {
    /// Parses one document of at most so many values. What it costs is bounded before anybody is trusted.
    ///
    /// # Errors
    /// [`TrustError::Json`] with the place.
    pub fn parse(text: &[u8], most: u64) -> Result<Self, TrustError> {
        Self::read(text, most, None, &mut |_| Ok(()))
    }

    /// As [`Json::parse`]; the objects of every list at `place` (names of fields, through lists on the way) go to `each` one
    /// by one, behind a `None` where their list begins, and are dropped: no tree of all of them is ever in memory. In the
    /// document that is given back such a list is a number: how many of them came before it.
    ///
    /// # Errors
    /// As [`Json::parse`], and what `each` says.
    pub fn parse_lists(
        text: &[u8],
        most: u64,
        place: &[&str],
        each: &mut Each<'_>,
    ) -> Result<Self, TrustError> {
        Self::read(text, most, Some(place), each)
    }

    fn read(text: &[u8], most: u64, place: Option<&[&str]>, each: &mut Each<'_>) -> Result<Self, TrustError> {
        let mut reader = serde_json::Deserializer::from_slice(text);
        let shared = Shared {
            left: Cell::new(most),
            most,
            each: RefCell::new(each),
            lists: Cell::new(0),
            error: RefCell::default(),
        };
        let level = Level { below: DEPTH, shared: &shared, place, items: false };
        let parsed = level.deserialize(&mut reader).and_then(|json| reader.end().map(|()| json));
        if let Some(error) = shared.error.take() {
            return Err(error);
        }
        parsed.map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let text = error.to_string();
            // serde_json repeats the place at the end of its message.
            let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
            TrustError::Json { line, column, what: what.to_owned() }
        })
    }

    fn describe(&self) -> Words {
        match self {
            Self::Null => "null".into(),
            Self::Flag(flag) => Words::plain(flag),
            Self::Uint(number) => (*number).into(),
            Self::Text(text) => format!("\"{}\"", text.chars().take(64).collect::<String>()).into(),
            Self::List(list) => {
                Words::new(format!("an array of {}", list.len()), format!("{} 要素の配列", list.len()))
            }
            Self::Map(_) => OBJECT.into(),
        }
    }
}

/// Who takes the objects of lists that are not kept.
pub type Each<'s> = dyn FnMut(Option<&mut Object>) -> Result<(), TrustError> + 's;

/// What all levels of one document share.
struct Shared<'s> {
    left: Cell<u64>,
    most: u64,
    each: RefCell<&'s mut Each<'s>>,
    lists: Cell<u64>,
    error: RefCell<Option<TrustError>>,
}

impl Shared<'_> {
    fn hand_over(&self, object: Option<&mut Object>) -> Result<(), TrustError> {
        (self.each.borrow_mut())(object)
    }
}

#[derive(Clone, Copy)]
struct Level<'s> {
    below: u8,
    shared: &'s Shared<'s>,
    /// What is left of the way to the list whose objects are handed over; `None` off that way.
    place: Option<&'s [&'s str]>,
    /// This is an item of that list.
    items: bool,
}

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        let left = self.shared.left.get().checked_sub(1);
        let left =
            left.ok_or_else(|| de::Error::custom(format_args!("more than {} values", self.shared.most)))?;
        self.shared.left.set(left);
        deserializer.deserialize_any(self)
    }
}

impl<'s> Level<'s> {
    fn below<E: de::Error>(&self) -> Result<u8, E> {
        self.below.checked_sub(1).ok_or_else(|| E::custom("more than 64 levels of nesting"))
    }

    /// The level of a field of this one.
    fn field(&self, below: u8, name: &str) -> Self {
        let place = self.place.and_then(|place| match place {
            [first, rest @ ..] if *first == name => Some(rest),
            _ => None,
        });
        Self { below, place, items: false, ..*self }
    }

    /// The level of an item of this list; it is handed over when the way ends here.
    fn item(&self, below: u8) -> Self {
        let ends = self.place.is_some_and(<[&str]>::is_empty);
        Self { below, place: self.place.filter(|_| !ends), items: ends, ..*self }
    }
}

impl<'de> Visitor<'de> for Level<'_> {
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
        if self.place.is_some_and(<[&str]>::is_empty) {
            return Err(E::custom("a number in place of a list"));
        }
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
        let item = self.item(self.below()?);
        let mut list = Vec::new();
        if item.items {
            let number = self.shared.lists.get();
            self.shared.lists.set(number.saturating_add(1));
            self.hand::<A::Error>(None)?;
            while let Some(json) = seq.next_element_seed(item)? {
                let mut object = Object::new(json, LISTED).map_err(|error| self.keep(error))?;
                self.hand(Some(&mut object))?;
                object.end().map_err(|error| self.keep(error))?;
            }
            return Ok(Json::Uint(number));
        }
        while let Some(json) = seq.next_element_seed(item)? {
            list.push(json);
        }
        Ok(Json::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let below = self.below()?;
        let mut map = BTreeMap::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = access.next_value_seed(self.field(below, &key))?;
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

impl Level<'_> {
    fn hand<E: de::Error>(&self, object: Option<&mut Object>) -> Result<(), E> {
        self.shared.hand_over(object).map_err(|error| self.keep(error))
    }

    /// Keeps what a reader said: the deserializer has room for text only.
    fn keep<E: de::Error>(&self, error: TrustError) -> E {
        *self.shared.error.borrow_mut() = Some(error);
        E::custom("")
    }
}

/// How an object of a list that is not kept is called in errors.
/// What is often expected, and what is often found.
const OBJECT: Text = Text::new("an object", "オブジェクト");
pub(crate) const ARRAY: Text = Text::new("an array", "配列");
pub(crate) const WHOLE_NUMBER: Text = Text::new("a whole number", "整数");
pub(crate) const NOTHING: Text = Text::new("nothing", "無し");
const LISTED: &str = "regions[]";

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
                Err(TrustError::Field { field: at, expected: OBJECT, found: json.describe() })
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

    /// True when the field is there.
    #[must_use]
    pub fn has(&self, field: &str) -> bool {
        self.fields.contains_key(field)
    }

    fn wrong(&self, field: &str, expected: Text, found: Option<&Json>) -> TrustError {
        let found = found.map_or_else(|| NOTHING.into(), Json::describe);
        TrustError::Field { field: self.path(field), expected, found }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn text(&mut self, field: &str) -> Result<String, TrustError> {
        match self.take(field) {
            Some(Json::Text(text)) => Ok(text),
            other => Err(self.wrong(field, Text::new("text", "文字列"), other.as_ref())),
        }
    }

    /// A text that may be absent.
    ///
    /// # Errors
    /// When something else is there.
    pub fn text_or_absent(&mut self, field: &str) -> Result<Option<String>, TrustError> {
        if self.has(field) { self.text(field).map(Some) } else { Ok(None) }
    }

    /// A number that must be there.
    ///
    /// # Errors
    /// When it is not.
    pub fn uint(&mut self, field: &str) -> Result<u64, TrustError> {
        match self.take(field) {
            Some(Json::Uint(number)) => Ok(number),
            other => Err(self.wrong(field, WHOLE_NUMBER, other.as_ref())),
        }
    }

    /// A number that may be absent.
    ///
    /// # Errors
    /// When something else is there.
    pub fn uint_or_absent(&mut self, field: &str) -> Result<Option<u64>, TrustError> {
        if self.has(field) { self.uint(field).map(Some) } else { Ok(None) }
    }

    /// A flag; absent is false.
    ///
    /// # Errors
    /// When something else is there.
    pub fn flag(&mut self, field: &str) -> Result<bool, TrustError> {
        match self.take(field) {
            None => Ok(false),
            Some(Json::Flag(flag)) => Ok(flag),
            Some(other) => {
                Err(self.wrong(field, Text::new("true or false", "true 又は false"), Some(&other)))
            }
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
            Some(other) => Err(self.wrong(field, ARRAY, Some(&other))),
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
                    Err(self.wrong(field, Text::new("an array of texts", "文字列の配列"), Some(&other)))
                }
            })
            .collect()
    }

    /// A list of whole numbers; absent is empty.
    ///
    /// # Errors
    /// When it is something else.
    pub fn uints(&mut self, field: &str) -> Result<Vec<u64>, TrustError> {
        let list = self.list(field)?;
        list.into_iter()
            .map(|json| match json {
                Json::Uint(number) => Ok(number),
                other @ (Json::Null | Json::Flag(_) | Json::Text(_) | Json::List(_) | Json::Map(_)) => {
                    Err(self.wrong(field, Text::new("an array of whole numbers", "整数の配列"), Some(&other)))
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
            None => Err(self.wrong(field, OBJECT, None)),
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
            Some((name, value)) => {
                Err(self.wrong(name, Text::new("no such field", "そのフィールドは無いこと"), Some(value)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(text: &str) -> String {
        Json::parse(text.as_bytes(), MOST_SIGNED).unwrap_err().to_string()
    }

    #[test]
    fn documents_that_readers_could_take_differently_are_refused() {
        assert_eq!(what("{\"a\":1,\n \"a\":2}"), "line 2, column 7: duplicate key \"a\"");
        assert!(what("[9007199254740993]").contains("above 2^53"));
        assert!(what("[1.5]").contains("not whole"));
        assert!(what("[-1]").contains("negative"));
        assert!(what("{} {}").contains("trailing"));
        assert_eq!(Json::parse(b"[9007199254740992]", 2), Ok(Json::List(vec![Json::Uint(MAX_NUMBER)])));
    }

    #[test]
    fn sixty_four_levels_and_no_more() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(Json::parse(nested(64).as_bytes(), 64).is_ok());
        assert!(what(&nested(65)).contains("64 levels"));
        let objects = |levels: usize| format!("{}0{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert!(Json::parse(objects(64).as_bytes(), 65).is_ok());
        assert!(what(&objects(65)).contains("64 levels"));
        assert!(Json::parse("[".repeat(1 << 20).as_bytes(), MOST_SIGNED).is_err());
    }

    #[test]
    fn an_unknown_field_is_named_by_its_path() {
        let mut object = Object::new(Json::parse(br#"{"a":1,"b":2,"x-c":3}"#, 4).unwrap(), "top").unwrap();
        assert_eq!(object.uint("a"), Ok(1));
        assert_eq!(object.end().unwrap_err().to_string(), "top.b: found 2, expected no such field");
        object.take("b");
        assert_eq!(object.end(), Ok(()));
    }

    #[test]
    fn values_are_counted_before_they_are_kept() {
        assert!(Json::parse(b"[0,[]]", 3).is_ok());
        let error = Json::parse(b"[0,[]]", 2).unwrap_err().to_string();
        assert!(error.contains("more than 2 values"), "{error}");
    }

    #[test]
    fn the_objects_of_one_list_are_handed_over_and_not_kept() {
        let text = br#"{"p":{"i":[{"r":[{"a":1},{"a":2}],"s":[3]},{"r":[]}],"r":[4]}}"#;
        let mut seen = Vec::new();
        let json = Json::parse_lists(text, 100, &["p", "i", "r"], &mut |object| {
            seen.push(object.map(|object| object.uint("a")).transpose()?);
            Ok(())
        });
        assert_eq!(seen, [None, Some(1), Some(2), None]);
        let rest = br#"{"p":{"i":[{"r":0,"s":[3]},{"r":1}],"r":[4]}}"#;
        assert_eq!(json, Json::parse(rest, 100));
        let number = Json::parse_lists(br#"{"p":{"i":[{"r":0}]}}"#, 100, &["p", "i", "r"], &mut |_| Ok(()));
        assert!(number.is_err(), "a number could pass for a list that was handed over");
    }

    #[test]
    fn a_list_that_is_handed_over_is_of_objects() {
        for (item, found) in [("4", "4"), ("[{}]", "an array of 1")] {
            let text = format!(r#"{{"r":[{item}]}}"#);
            let error = Json::parse_lists(text.as_bytes(), 100, &["r"], &mut |_| Ok(())).unwrap_err();
            assert_eq!(error.to_string(), format!("regions[]: found {found}, expected an object"));
        }
    }

    #[test]
    fn a_list_of_texts_holds_texts_only() {
        let texts =
            |text: &str| Object::new(Json::parse(text.as_bytes(), 9).unwrap(), "").unwrap().texts("a");
        assert_eq!(texts(r#"{"a":["x","y"]}"#), Ok(vec!["x".to_owned(), "y".to_owned()]));
        assert_eq!(texts("{}"), Ok(Vec::new()));
        assert_eq!(
            texts(r#"{"a":["x",1]}"#).unwrap_err().to_string(),
            "a: found 1, expected an array of texts"
        );
    }
}
