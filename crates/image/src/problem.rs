//! What stops a run: bad arguments, a file that cannot be read, a document that is not what it should be. Never a statement
//! about an image.
//!
//! As with findings, a kind is a `static` that is named where it is reported, with its sentence and the next step in both
//! languages. `docs/errors.md` lists them all.

use core::fmt;

/// The same in both languages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text {
    /// In English.
    pub english: &'static str,
    /// In Japanese.
    pub japanese: &'static str,
}

impl Text {
    /// A sentence, or a part of one.
    #[must_use]
    pub const fn new(english: &'static str, japanese: &'static str) -> Self {
        Self { english, japanese }
    }
}

/// The same, put together while the program runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// In English.
    pub english: String,
    /// In Japanese.
    pub japanese: String,
    /// Its line feeds are those of a reader that points at a place, line by line.
    pub lines: bool,
}

impl Words {
    /// Words that differ by language.
    #[must_use]
    pub fn new(english: impl Into<String>, japanese: impl Into<String>) -> Self {
        Self { english: english.into(), japanese: japanese.into(), lines: false }
    }

    /// Names and numbers, which are the same in every language.
    #[must_use]
    pub fn plain(text: impl fmt::Display) -> Self {
        let text = text.to_string();
        Self { english: text.clone(), japanese: text, lines: false }
    }
}

impl From<Text> for Words {
    fn from(text: Text) -> Self {
        Self::new(text.english, text.japanese)
    }
}

impl From<String> for Words {
    fn from(text: String) -> Self {
        Self { japanese: text.clone(), english: text, lines: false }
    }
}

impl From<&str> for Words {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl From<&String> for Words {
    fn from(text: &String) -> Self {
        Self::plain(text)
    }
}

impl From<u64> for Words {
    fn from(number: u64) -> Self {
        Self::plain(number)
    }
}

/// A kind of problem. A word in braces in its sentences stands for the problem's own.
#[derive(Debug, PartialEq, Eq)]
pub struct ProblemKind {
    /// Stable id.
    pub id: &'static str,
    /// The exit code, where nobody says another.
    pub exit: u8,
    /// What is wrong.
    pub says: Text,
    /// What to do about it.
    pub next: Text,
}

/// Declares kinds of problems as `static`s, and a list of all of them: name, id, exit code, the sentence in English and in
/// Japanese, the next step.
#[macro_export]
macro_rules! problems {
    ($(#[doc = $about:expr])* $list:ident:
        $($(#[doc = $doc:expr])* $name:ident = $id:literal, $exit:literal, $english:literal, $japanese:literal, $next:expr;)*
    ) => {
        $($(#[doc = $doc])*
        pub static $name: $crate::ProblemKind = $crate::ProblemKind {
            id: $id,
            exit: $exit,
            says: $crate::Text::new($english, $japanese),
            next: $next,
        };)*
        $(#[doc = $about])*
        pub static $list: &[&$crate::ProblemKind] = &[$(&$name),*];
    };
}

/// Something that stopped a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Which kind.
    pub kind: &'static ProblemKind,
    /// The file or argument that it is about.
    pub file: String,
    /// Exit code.
    pub exit: u8,
    /// What to do.
    pub next: Text,
    /// Where in the file, when the sentence does not say it.
    pub place: String,
    /// What the words in braces stand for.
    pub args: Vec<(&'static str, Words)>,
}

impl Problem {
    /// A problem of some kind.
    #[must_use]
    pub fn new(kind: &'static ProblemKind) -> Self {
        Self {
            kind,
            file: String::new(),
            exit: kind.exit,
            next: kind.next,
            place: String::new(),
            args: Vec::new(),
        }
    }

    /// With a word of its sentence.
    #[must_use]
    pub fn arg(mut self, name: &'static str, words: impl Into<Words>) -> Self {
        self.args.push((name, words.into()));
        self
    }

    /// In this file or argument, unless it is known to be in another.
    #[must_use]
    pub fn of(mut self, file: &str) -> Self {
        if self.file.is_empty() {
            file.clone_into(&mut self.file);
        }
        self
    }

    /// At that place in the file.
    #[must_use]
    pub fn at(self, place: String) -> Self {
        Self { place, ..self }
    }

    /// With another exit code.
    #[must_use]
    pub fn exit(self, exit: u8) -> Self {
        Self { exit, ..self }
    }

    /// With another next step.
    #[must_use]
    pub fn then(self, next: Text) -> Self {
        Self { next, ..self }
    }

    /// The sentence, without the file, in both languages. Nothing in it is escaped, but it has no line feeds other than those
    /// of a reader that shows lines.
    #[must_use]
    pub fn says(&self) -> Words {
        let Text { english, japanese } = self.kind.says;
        let lines = self.args.iter().any(|(_, words)| words.lines);
        Words {
            english: self.filled(english, |words| &words.english),
            japanese: self.filled(japanese, |words| &words.japanese),
            lines,
        }
    }

    fn filled(&self, template: &str, of: impl Fn(&Words) -> &str) -> String {
        let place = self.place.replace('\n', "\r");
        let mut text = if place.is_empty() { String::new() } else { format!("{place}: ") };
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, behind) = after.split_once('}').unwrap_or((after, ""));
            let words = self.args.iter().find(|(known, _)| *known == name);
            text.push_str(before);
            match words {
                Some((_, words)) if words.lines => text.push_str(of(words)),
                // Whatever stands in a file is no line of ours.
                Some((_, words)) => {
                    text.extend(of(words).chars().map(|sign| if sign == '\n' { '\r' } else { sign }))
                }
                None => text.push('?'),
            }
            rest = behind;
        }
        text.push_str(rest);
        text
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "lists of problems are public elsewhere")]
mod tests {
    use super::*;

    problems! {
        /// All.
        ALL:
        /// One.
        ODD = "test/odd", 2, "{a} is no {b}", "{b}でない({a})", Text::new("Mend it.", "直す。");
    }

    #[test]
    fn the_words_stand_where_their_names_do() {
        let problem = Problem::new(ALL[0]).arg("a", 1).arg("b", Text::new("pair", "対"));
        assert_eq!(problem.says(), Words::new("1 is no pair", "対でない(1)"));
        assert_eq!(Problem::new(&ODD).says().english, "? is no ?");
        let problem = problem.of("a.toml").of("b.toml").exit(4).at("line 3".to_owned());
        assert_eq!(problem.says().english, "line 3: 1 is no pair");
        assert_eq!((problem.file.as_str(), problem.exit), ("a.toml", 4));
        let problem = Problem::new(&ODD).arg("a", "x\ny").arg("b", "z");
        assert_eq!(problem.says().english, "x\ry is no z", "a value is no line of ours");
    }
}
