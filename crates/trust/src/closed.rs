//! Closed objects of JSON, read by their tables: what a table does not have is refused, and what it has is read.

use std::collections::BTreeMap;

use kiwame_image::Text;

use crate::TrustError;
use crate::json::{Json, Object};

/// What a field may hold.
pub(crate) trait Read: Sized {
    /// Reads the field of that name.
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError>;
}

/// An object that has a table.
pub(crate) trait Closed: Sized {
    /// Reads all fields of the table. The caller ends the object.
    fn take(object: &mut Object) -> Result<Self, TrustError>;
}

/// A table: a `struct` whose fields are those of an object, each with its name in JSON and its meaning. The table is the
/// reader, so that no field is read without an entry; an entry that nobody asks for again is dead code, and no lint passes.
macro_rules! closed {
    ($($(#[doc = $about:expr])* $(#[derive($($more:ident),*)])? $vis:vis struct $name:ident {
        $($(#[doc = $meaning:expr])* #[json($json:literal)] $of:vis $field:ident: $type:ty,)*
    })*) => {$(
        $(#[doc = $about])*
        #[derive(Debug $($(, $more)*)?)]
        $vis struct $name {
            $($(#[doc = $meaning])* $of $field: $type,)*
        }

        impl $crate::closed::Closed for $name {
            fn take(object: &mut $crate::json::Object) -> Result<Self, $crate::TrustError> {
                Ok(Self { $($field: $crate::closed::Read::read(object, $json)?,)* })
            }
        }
    )*};
}
pub(crate) use closed;

impl Read for String {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.text(field)
    }
}

impl Read for Option<String> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.text_or_absent(field)
    }
}

impl Read for u64 {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.uint(field)
    }
}

impl Read for Option<u64> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.uint_or_absent(field)
    }
}

/// Absent is false.
impl Read for bool {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.flag(field)
    }
}

/// Absent is empty.
impl Read for Vec<String> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.texts(field)
    }
}

/// Absent is empty.
impl Read for Vec<u64> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.uints(field)
    }
}

/// Absent is empty.
impl Read for Vec<Json> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.list(field)
    }
}

/// An object with any names. Absent is empty.
impl Read for BTreeMap<String, Json> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        let path = object.path(field);
        object.take(field).map_or(Ok(Self::new()), |json| Ok(Object::new(json, path)?.rest()))
    }
}

impl<T: Closed> Read for T {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        whole(object.object(field)?)
    }
}

impl<T: Closed> Read for Option<T> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        let path = object.path(field);
        object.take(field).map(|json| whole(Object::new(json, path)?)).transpose()
    }
}

/// Absent is empty.
impl<T: Closed> Read for Vec<T> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        object.objects(field, T::take)
    }
}

/// A list that may be absent.
impl<T: Closed> Read for Option<Vec<T>> {
    fn read(object: &mut Object, field: &str) -> Result<Self, TrustError> {
        or_absent(object, field)
    }
}

/// An object from its first field to its last.
pub(crate) fn whole<T: Closed>(mut object: Object) -> Result<T, TrustError> {
    let read = T::take(&mut object)?;
    object.end()?;
    Ok(read)
}

/// A text with a form of its own: what `read` makes of it, or what is wrong with it.
pub(crate) fn formed<T>(
    object: &mut Object,
    field: &str,
    expected: Text,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, TrustError> {
    let text = object.text(field)?;
    let wrong = || TrustError::Field { field: object.path(field), expected, found: text.as_str().into() };
    read(&text).ok_or_else(wrong)
}

/// A field that may be absent.
pub(crate) fn or_absent<T: Read>(object: &mut Object, field: &str) -> Result<Option<T>, TrustError> {
    if object.has(field) { T::read(object, field).map(Some) } else { Ok(None) }
}
