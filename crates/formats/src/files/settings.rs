//! Settings files, key by key.
//!
//! A manifest's rule says that a file holds settings, and how it is read; then each setting is a component with its value,
//! which the rule's grammars judge (RULES 12). Nothing is guessed from a name: a file that no rule names stays whole.
//!
//! ```text
//! uci        config TYPE ['NAME'] · option KEY 'VALUE' · list KEY 'VALUE'     NAME.KEY, @TYPE[N].KEY; the section is NAME
//! key-value  KEY=VALUE, KEY='VALUE', KEY="VALUE"                              KEY
//! ini        [SECTION] · KEY = VALUE                                          SECTION.KEY; the section is [SECTION]
//! table      A:B:C                                                            A, A:1, A:2
//! json       {"A": {"B": [1, "x"]}}                                           A.B.0, A.B.1
//! value      VALUE                                                            value
//! ```
//!
//! Loaders modelled: libuci, a shell that reads assignments, readers of INI files, getpwent and its like, JSON parsers; each
//! only where all of them agree: a value that needs an escape, an expansion or a comment behind it is none that is read here,
//! and its line is as the reference has it.
//! Readers ask for settings by name; in which order sections and the lines of a table stand may decide what they mean (the
//! first rule that fits), so those have a place among each other, and settings have none.
//! Ambiguities: a key that is set twice (lists of UCI aside). Limitations: a file that is not written in this plain way, with
//! more than 65,536 settings or a key beyond 255 bytes, is not split, and so never keeps to a rule with grammars.

use std::collections::BTreeMap;

use kiwame_image::{
    Builder, Defect, DefectKind, Format, Glance, Input, Node, Reading, Settings, Trouble, fact, len64, role,
};

use crate::files::file_content::MOST;

/// The format for a settings file, should its content be written as that says.
pub(crate) fn format_of(settings: Settings, bytes: &[u8]) -> Option<&'static dyn Format> {
    if len64(bytes) > MOST || split(settings, bytes).is_none() {
        return None;
    }
    Some(match settings {
        Settings::Uci => &InSettings(Settings::Uci),
        Settings::KeyValue => &InSettings(Settings::KeyValue),
        Settings::Ini => &InSettings(Settings::Ini),
        Settings::Table => &InSettings(Settings::Table),
        Settings::Json => &InSettings(Settings::Json),
        Settings::Value => &InSettings(Settings::Value),
    })
}

#[derive(Debug)]
struct InSettings(Settings);

impl Format for InSettings {
    fn name(&self) -> &'static str {
        "settings"
    }

    fn about(&self) -> &'static str {
        "a settings file that a rule names, key by key"
    }

    fn probe(&self, _head: &Glance<'_>) -> Option<Reading> {
        None
    }

    fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
        if let Err(trouble) = self.list(&at, out) {
            out.trouble(trouble);
        }
    }
}

impl InSettings {
    fn list<'a>(&self, at: &Input<'a>, out: &mut Builder<'_, 'a>) -> Result<(), Trouble> {
        let window = at.window()?;
        let mut seen = BTreeMap::new();
        let mut start = 0u64;
        for (number, piece) in (0u32..).zip(split(self.0, &window).unwrap_or_default()) {
            let input = at.slice(start, piece.length);
            let place = input.offset();
            start = start.saturating_add(piece.length);
            let node = match piece.kind {
                Kind::Setting | Kind::Item => Node::new("setting", &piece.key, role::SETTING, input),
                Kind::Blank => Node::new("blank", number.to_string(), role::SETTING_BLANK, input),
                Kind::Comment => Node::new("comment", number.to_string(), role::SETTING_COMMENT, input),
                Kind::Syntax | Kind::Raw => Node::new("syntax", &piece.key, role::SETTING_SYNTAX, input),
            };
            let node = match piece.kind {
                Kind::Setting | Kind::Item => {
                    let node = node.with(&fact::VALUE, String::from_utf8_lossy(&piece.value).into_owned());
                    let node = if piece.ordered { node.order(number) } else { node };
                    if piece.sort.is_empty() { node } else { node.with(&fact::SORT, piece.sort) }
                }
                Kind::Raw if piece.ordered => node.order(number),
                Kind::Blank | Kind::Comment | Kind::Syntax | Kind::Raw => node,
            };
            // Items of one list may be many; a key that is a list and a value is read by no two readers alike. What stands
            // around a value has its key, and is none.
            if matches!(piece.kind, Kind::Setting | Kind::Item | Kind::Raw) {
                let again = seen.insert(piece.key.clone(), piece.kind);
                if again.is_some_and(|before| before != piece.kind || piece.kind == Kind::Setting) {
                    let shown = String::from_utf8_lossy(&piece.key).into_owned();
                    out.defect(Defect::new(&TWICE, "key", place, shown, "a key once"));
                }
            }
            if out.add(node.component()).is_none() {
                return Ok(());
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A key with its value.
    Setting,
    /// One value of several that a key has.
    Item,
    Blank,
    Comment,
    /// What stands between values.
    Syntax,
    /// A line that readers expand or unquote: no value is read from it, so it is as the reference has it.
    Raw,
}

/// Some bytes of the file; all pieces together are the file.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    kind: Kind,
    key: Vec<u8>,
    value: Vec<u8>,
    length: u64,
    /// What sort of value it is to its reader: a string that says `true` is not what `true` is.
    sort: &'static str,
    /// Its place among those like it may decide what it means.
    ordered: bool,
}

impl Piece {
    fn new(kind: Kind, key: impl Into<Vec<u8>>, value: &[u8], length: u64) -> Self {
        Self { kind, key: key.into(), value: value.to_vec(), length, sort: "", ordered: false }
    }
}

/// The pieces of a file, so many of them and with keys so long that all settings of a device fit in them.
#[derive(Default)]
struct Pieces(Vec<Piece>);

impl Pieces {
    /// `None` when it is one too many, or its key is too long.
    fn push(&mut self, piece: Piece) -> Option<()> {
        let fits = self.0.len() < MOST_PIECES && piece.key.len() <= LONGEST_KEY;
        fits.then(|| self.0.push(piece))
    }
}

/// `None` where the file is not written in the plain way that every reader takes alike.
fn split(settings: Settings, text: &[u8]) -> Option<Vec<Piece>> {
    let odd = |byte: &u8| byte.is_ascii_control() && !b"\t\n".contains(byte);
    if text.iter().any(odd) || core::str::from_utf8(text).is_err() {
        return None;
    }
    match settings {
        Settings::Json => json(text),
        Settings::Value => value(text),
        Settings::Table => table(text),
        Settings::Uci => lines(text, &mut Uci::default()),
        Settings::KeyValue => lines(text, &mut assignment).map(in_order),
        Settings::Ini => lines(text, &mut Ini::default()),
    }
}

/// A shell expands a line by what the lines before it have set: where one is expanded, all have a place.
fn in_order(pieces: Vec<Piece>) -> Vec<Piece> {
    let expands = pieces.iter().any(|piece| piece.kind == Kind::Raw);
    let counts = |kind: Kind| matches!(kind, Kind::Setting | Kind::Raw);
    pieces.into_iter().map(|piece| Piece { ordered: expands && counts(piece.kind), ..piece }).collect()
}

/// A format of which each line that is neither blank nor a comment is one setting.
trait Line {
    /// Key and value.
    fn read(&mut self, line: &[u8]) -> Option<(Kind, Vec<u8>, Vec<u8>)>;
    /// Whether a line may begin with blanks.
    fn may_indent(&self) -> bool {
        false
    }
    /// What begins a comment.
    fn comment(&self) -> &'static [u8] {
        b"#"
    }
    /// Whether a line begins a section.
    fn is_section(&self, _line: &[u8]) -> bool {
        false
    }
    /// The key of a line that `read` does not take, where it is one setting all the same: in its section, and whatever is
    /// in quotes ends with the line.
    fn raw(&self, line: &[u8]) -> Option<Vec<u8>>;
}

impl<F: FnMut(&[u8]) -> Option<(Kind, Vec<u8>, Vec<u8>)>> Line for F {
    fn read(&mut self, line: &[u8]) -> Option<(Kind, Vec<u8>, Vec<u8>)> {
        self(line)
    }

    fn raw(&self, line: &[u8]) -> Option<Vec<u8>> {
        let name = line.split(|&byte| byte == b'=').next().filter(|name| is_name(name))?;
        (name.len() < line.len() && is_closed(line)).then(|| name.to_vec())
    }
}

/// True for a line whose quotes are closed at its end, and that does not go on in the next one.
fn is_closed(line: &[u8]) -> bool {
    // What a shell runs or unescapes in a line may go on in the next one.
    let count = |sign: u8| line.iter().filter(|&&byte| byte == sign).count();
    let runs_on = count(b'(') != count(b')') || !count(b'`').is_multiple_of(2);
    if runs_on || line.windows(2).any(|pair| pair == b"$'") {
        return false;
    }
    let mut quote = None;
    let mut bytes = line.iter();
    while let Some(&byte) = bytes.next() {
        match (quote, byte) {
            (None | Some(b'"'), b'\\') => {
                // What it protects, if the line does not end here.
                let Some(_) = bytes.next() else { return false };
            }
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
    }
    quote.is_none()
}

fn lines(text: &[u8], format: &mut dyn Line) -> Option<Vec<Piece>> {
    let mut pieces = Pieces::default();
    if !text.is_empty() && !text.ends_with(b"\n") {
        return None;
    }
    for whole in text.split_inclusive(|&byte| byte == b'\n') {
        let line = whole.trim_ascii();
        let length = len64(whole);
        // To some readers a line that begins with a blank goes on with the one before.
        if !format.may_indent() && !line.is_empty() && whole.first().is_some_and(u8::is_ascii_whitespace) {
            return None;
        }
        pieces.push(match line.first() {
            None => Piece::new(Kind::Blank, *b"", b"", length),
            Some(first) if format.comment().contains(first) => Piece::new(Kind::Comment, *b"", b"", length),
            Some(_) => {
                let raw = |key| (Kind::Raw, key, Vec::new());
                let (kind, key, value) = match format.read(line) {
                    Some(read) => read,
                    None => format.raw(line).map(raw)?,
                };
                let sort = if kind == Kind::Item { "list" } else { "" };
                let ordered = kind == Kind::Item || format.is_section(line);
                Piece { sort, ordered, ..Piece::new(kind, key, &value, length) }
            }
        })?;
    }
    Some(pieces.0)
}

/// A value in quotes or bare, which means itself to every reader: nothing in it is expanded, escaped or ends it.
fn plain(text: &[u8]) -> Option<&[u8]> {
    let inner = match text {
        [b'\'', inner @ .., b'\''] | [b'"', inner @ .., b'"'] => inner,
        bare if bare.iter().any(|byte| b" \t;#&|<>()*?[]{}~!".contains(byte)) => return None,
        bare => bare,
    };
    let means_more = |byte: &u8| b"'\"\\$`".contains(byte);
    (!inner.iter().any(means_more)).then_some(inner)
}

fn is_name(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(byte))
}

/// The first word of a line, and what follows it.
fn word(line: &[u8]) -> (&[u8], &[u8]) {
    let end = line.iter().position(|byte| b" \t".contains(byte)).unwrap_or(line.len());
    let (word, rest) = line.split_at_checked(end).unwrap_or((line, b""));
    (word, rest.trim_ascii())
}

#[derive(Default)]
struct Uci {
    section: Vec<u8>,
    count: BTreeMap<Vec<u8>, u64>,
}

impl Line for Uci {
    fn may_indent(&self) -> bool {
        true
    }

    fn is_section(&self, line: &[u8]) -> bool {
        word(line).0 == b"config"
    }

    fn raw(&self, line: &[u8]) -> Option<Vec<u8>> {
        let (keyword, rest) = word(line);
        let (name, _) = word(rest);
        let name = plain(name).filter(|name| is_name(name))?;
        let known = [&b"option"[..], b"list"].contains(&keyword) && !self.section.is_empty();
        (known && is_closed(line)).then(|| [self.section.as_slice(), b".", name].concat())
    }

    fn read(&mut self, line: &[u8]) -> Option<(Kind, Vec<u8>, Vec<u8>)> {
        let (keyword, rest) = word(line);
        let (name, value) = word(rest);
        let name = plain(name).filter(|name| is_name(name))?;
        match keyword {
            b"config" => {
                let count = self.count.entry(name.to_vec()).or_default();
                self.section = match plain(value)? {
                    [] => [b"@", name, format!("[{count}]").as_bytes()].concat(),
                    named if is_name(named) => named.to_vec(),
                    _ => return None,
                };
                *count = count.saturating_add(1);
                Some((Kind::Setting, self.section.clone(), name.to_vec()))
            }
            b"option" | b"list" if !self.section.is_empty() && !value.is_empty() => {
                let kind = if keyword == b"list" { Kind::Item } else { Kind::Setting };
                let key = [self.section.as_slice(), b".", name].concat();
                Some((kind, key, plain(value)?.to_vec()))
            }
            _ => None,
        }
    }
}

fn assignment(line: &[u8]) -> Option<(Kind, Vec<u8>, Vec<u8>)> {
    let at = line.iter().position(|&byte| byte == b'=')?;
    let (key, value) = (line.get(..at)?, line.get(at.saturating_add(1)..)?);
    let name = is_name(key) && !key.contains(&b'-') && !key.first()?.is_ascii_digit();
    Some((Kind::Setting, key.to_vec(), plain(value).filter(|_| name)?.to_vec()))
}

#[derive(Default)]
struct Ini {
    section: Vec<u8>,
}

impl Line for Ini {
    fn read(&mut self, line: &[u8]) -> Option<(Kind, Vec<u8>, Vec<u8>)> {
        if let [b'[', name @ .., b']'] = line {
            self.section = name.to_vec();
            let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_- .:".contains(byte));
            // In brackets, so that no key is called as a section is.
            return plain.then(|| (Kind::Setting, line.to_vec(), b"section".to_vec()));
        }
        let at = line.iter().position(|&byte| byte == b'=')?;
        let (key, value) = (line.get(..at)?.trim_ascii(), line.get(at.saturating_add(1)..)?.trim_ascii());
        // A comment behind a value is none to some readers.
        let odd = value.iter().any(|byte| b"'\"\\$`%;#".contains(byte));
        if !is_name(key) || odd {
            return None;
        }
        let key =
            if self.section.is_empty() { key.to_vec() } else { [&self.section, &b"."[..], key].concat() };
        Some((Kind::Setting, key, value.to_vec()))
    }

    fn comment(&self) -> &'static [u8] {
        b"#;"
    }

    fn is_section(&self, line: &[u8]) -> bool {
        line.starts_with(b"[")
    }

    fn raw(&self, line: &[u8]) -> Option<Vec<u8>> {
        let at = line.iter().position(|&byte| byte == b'=')?;
        let key = line.get(..at)?.trim_ascii();
        let goes_on = line.ends_with(b"\\") || line.starts_with(b"[") || key.is_empty();
        (!goes_on).then(|| [&self.section, &b"."[..], key].concat())
    }
}

fn table(text: &[u8]) -> Option<Vec<Piece>> {
    let mut pieces = Pieces::default();
    for whole in text.split_inclusive(|&byte| byte == b'\n') {
        if whole.trim_ascii().is_empty() {
            pieces.push(Piece::new(Kind::Blank, *b"", b"", len64(whole)))?;
            continue;
        }
        if whole.starts_with(b"#") {
            pieces.push(Piece::new(Kind::Comment, *b"", b"", len64(whole)))?;
            continue;
        }
        let mut key: &[u8] = b"";
        // A line without its end is read by some and passed over by others.
        let body = whole.strip_suffix(b"\n")?;
        if body.ends_with(b":") {
            return None; // An empty last field has no byte to stand on.
        }
        for (number, field) in whole.split_inclusive(|&byte| byte == b':').enumerate() {
            let value = field.trim_end_with_marks();
            if number == 0 {
                key = value;
                let piece = Piece::new(Kind::Setting, key, value, len64(field));
                pieces.push(Piece { ordered: true, ..piece })?;
            } else {
                let key = [key, format!(":{number}").as_bytes()].concat();
                pieces.push(Piece::new(Kind::Setting, key, value, len64(field)))?;
            }
        }
    }
    Some(pieces.0)
}

/// A field without the sign that ends it.
trait Field {
    fn trim_end_with_marks(&self) -> &[u8];
}

impl Field for [u8] {
    fn trim_end_with_marks(&self) -> &[u8] {
        self.strip_suffix(b":").or_else(|| self.strip_suffix(b"\n")).unwrap_or(self)
    }
}

fn value(text: &[u8]) -> Option<Vec<Piece>> {
    let line = text.strip_suffix(b"\n")?;
    if line.is_empty() || line.contains(&b'\n') {
        return None;
    }
    Some(vec![Piece::new(Kind::Setting, *b"value", line, len64(text))])
}

/// What a value of JSON stands in: an object and its current key, or an array and its current number.
enum Around {
    Object(Vec<u8>),
    Array(u64),
}

/// Reads JSON by a list of what is open, so that no input makes the stack deep.
#[derive(Default)]
struct Json<'t> {
    text: &'t [u8],
    at: usize,
    open: Vec<Around>,
    pieces: Pieces,
    /// Where the last piece ended.
    done: usize,
}

fn json(text: &[u8]) -> Option<Vec<Piece>> {
    let mut reader = Json { text, ..Json::default() };
    reader.values()?;
    reader.space();
    if reader.at != text.len() {
        return None;
    }
    reader.syntax(reader.at)?;
    Some(reader.pieces.0)
}

impl<'t> Json<'t> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| b" \t\n".contains(&byte)) {
            self.at = self.at.saturating_add(1);
        }
    }

    /// Takes a sign, should it come next.
    fn take(&mut self, sign: u8) -> bool {
        self.space();
        let next = self.peek() == Some(sign);
        if next {
            self.at = self.at.saturating_add(1);
        }
        next
    }

    fn values(&mut self) -> Option<()> {
        loop {
            self.space();
            let ended = match self.peek()? {
                b'{' | b'[' => !self.enter()?,
                _ => {
                    self.scalar()?;
                    true
                }
            };
            if ended && self.leave()? {
                return Some(());
            }
        }
    }

    /// Enters an object or array. False when it is empty, and so has been left again.
    fn enter(&mut self) -> Option<bool> {
        if self.open.len() >= DEPTH {
            return None;
        }
        if self.take(b'[') {
            if self.take(b']') {
                return Some(false);
            }
            self.open.push(Around::Array(0));
            return Some(true);
        }
        if !self.take(b'{') {
            return None;
        }
        if self.take(b'}') {
            return Some(false);
        }
        let key = self.key()?;
        self.open.push(Around::Object(key));
        Some(true)
    }

    fn key(&mut self) -> Option<Vec<u8>> {
        self.space();
        let key = self.string()?.to_vec();
        self.take(b':').then_some(key)
    }

    /// Behind a value: on to the next, or out of what ends. True when nothing is open any more.
    fn leave(&mut self) -> Option<bool> {
        loop {
            let Some(around) = self.open.pop() else { return Some(true) };
            let more = self.take(b',');
            match around {
                Around::Array(number) if more => {
                    self.open.push(Around::Array(number.saturating_add(1)));
                    return Some(false);
                }
                Around::Object(_) if more => {
                    let key = self.key()?;
                    self.open.push(Around::Object(key));
                    return Some(false);
                }
                Around::Array(_) if self.take(b']') => {}
                Around::Object(_) if self.take(b'}') => {}
                Around::Array(_) | Around::Object(_) => return None,
            }
        }
    }

    /// A string without escapes; what stands between its quotes.
    fn string(&mut self) -> Option<&'t [u8]> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let rest = self.text.get(self.at.saturating_add(1)..)?;
        let length = rest.iter().position(|byte| b"\"\\\n".contains(byte))?;
        let inner = rest.get(..length).filter(|_| rest.get(length) == Some(&b'"'))?;
        self.at = self.at.saturating_add(length).saturating_add(2);
        Some(inner)
    }

    fn scalar(&mut self) -> Option<()> {
        let start = self.at;
        let (value, sort) = match self.peek() {
            Some(b'"') => (self.string()?, "string"),
            _ => {
                let word = self.bare()?;
                let sort = match word {
                    b"true" | b"false" => "boolean",
                    b"null" => "null",
                    _ => "number",
                };
                (word, sort)
            }
        };
        self.syntax(start)?;
        let length = len64(self.text.get(start..self.at)?);
        let piece = Piece::new(Kind::Setting, self.path(), value, length);
        self.pieces.push(Piece { sort, ..piece })?;
        self.done = self.at;
        Some(())
    }

    /// A number, `true`, `false` or `null`.
    fn bare(&mut self) -> Option<&'t [u8]> {
        let rest = self.text.get(self.at..)?;
        let ends = |byte: &u8| b",]} \t\n".contains(byte);
        let word = rest.get(..rest.iter().position(ends).unwrap_or(rest.len()))?;
        let digits = word.strip_prefix(b"-").unwrap_or(word);
        // A number with a leading zero is none in JSON.
        let number = !digits.is_empty()
            && digits.iter().all(u8::is_ascii_digit)
            && (digits.first() != Some(&b'0') || digits.len() == 1);
        self.at = self.at.saturating_add(word.len());
        (number || [&b"true"[..], b"false", b"null"].contains(&word)).then_some(word)
    }

    /// What stands before `start`, since the last piece.
    fn syntax(&mut self, start: usize) -> Option<()> {
        let between = self.text.get(self.done..start).unwrap_or_default();
        if !between.is_empty() {
            let key = self.path();
            self.pieces.push(Piece::new(Kind::Syntax, key, b"", len64(between)))?;
        }
        self.done = start;
        Some(())
    }

    fn path(&self) -> Vec<u8> {
        let steps = self.open.iter().map(|around| match around {
            Around::Object(key) => key.clone(),
            Around::Array(number) => number.to_string().into_bytes(),
        });
        steps.collect::<Vec<_>>().join(&b'.')
    }
}

/// Objects and arrays in each other.
const DEPTH: usize = 32;
/// Pieces of a file, and bytes of a key: names of rules are no longer.
const MOST_PIECES: usize = 0x1_0000;
const LONGEST_KEY: usize = 255;

/// The kinds of defects of this file.
pub(crate) const DEFECTS: &[&DefectKind] = &[&TWICE];

/// A key stands twice: which one counts depends on who reads.
static TWICE: DefectKind = DefectKind::ambiguous("settings/twice");

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(settings: Settings, text: &str) -> Option<Vec<(String, String)>> {
        let pieces = split(settings, text.as_bytes())?;
        assert_eq!(pieces.iter().map(|piece| piece.length).sum::<u64>(), len64(text.as_bytes()), "{text}");
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let settings = pieces.iter().filter(|piece| matches!(piece.kind, Kind::Setting | Kind::Item));
        Some(settings.map(|piece| (shown(&piece.key), shown(&piece.value))).collect())
    }

    fn list(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn each_format_gives_its_keys() {
        let uci = "\nconfig system\n\toption hostname 'router'\n# c\nconfig interface lan\n\tlist dns 9.9.9.9\n\tlist dns \"1.1.1.1\"\n";
        let expected = list(&[
            ("@system[0]", "system"),
            ("@system[0].hostname", "router"),
            ("lan", "interface"),
            ("lan.dns", "9.9.9.9"),
            ("lan.dns", "1.1.1.1"),
        ]);
        assert_eq!(keys(Settings::Uci, uci), expected);
        assert_eq!(
            keys(Settings::KeyValue, "A=1\nB='x y'\n\nC=\"z\"\n"),
            list(&[("A", "1"), ("B", "x y"), ("C", "z")])
        );
        assert_eq!(
            keys(Settings::Ini, "a=1\n[net]\n; c\nssid = my net\n"),
            list(&[("a", "1"), ("[net]", "section"), ("net.ssid", "my net")])
        );
        assert_eq!(
            keys(Settings::Table, "a:b\nc::d\n"),
            list(&[("a", "a"), ("a:1", "b"), ("c", "c"), ("c:1", ""), ("c:2", "d")])
        );
        let json = "{\"a\": {\"b\": [1, \"x\", {}]}, \"c\": true}\n";
        assert_eq!(keys(Settings::Json, json), list(&[("a.b.0", "1"), ("a.b.1", "x"), ("c", "true")]));
        assert_eq!(keys(Settings::Value, "router\n"), list(&[("value", "router")]));
    }

    #[test]
    fn what_readers_could_take_differently_is_not_split() {
        for (settings, text) in [
            (Settings::Uci, "option a 'b'\n"),
            (Settings::Uci, "config a\n\toption b 'c\n"),
            (Settings::Uci, "config a\n\toption b \\\n"),
            (Settings::Uci, "package a\nconfig b\n"),
            (Settings::Uci, "config a b$c\n"),
            (Settings::KeyValue, "A='$(reboot)\n"),
            (Settings::KeyValue, "A=1\\\n"),
            (Settings::KeyValue, "reboot\n"),
            (Settings::KeyValue, "A=1\rB=2\n"),
            (Settings::Ini, "[a\nb=1\n"),
            (Settings::Ini, "b = 1\\\n"),
            (Settings::Json, "{\"a\": 1, }"),
            (Settings::Json, "{\"a\": \"\\u0041\"}"),
            (Settings::Json, "[1] [2]"),
            (Settings::Json, "{\"a\" 1}"),
            (Settings::Json, "[01x]"),
            (Settings::Json, "{\"port\": 0022}"),
            (Settings::Ini, "[net]\nhost = a\n port = 22\n"),
            (Settings::KeyValue, " A=1\n"),
            (Settings::Table, "a:b"),
            (Settings::Table, "a:b:\n"),
            (Settings::Value, "router"),
            (Settings::Value, "a\nb\n"),
            (Settings::Value, ""),
        ] {
            assert_eq!(split(settings, text.as_bytes()), None, "{text}");
        }
        assert_eq!(split(Settings::Json, "[".repeat(100_000).as_bytes()), None);
    }

    #[test]
    fn a_line_that_is_expanded_or_unquoted_has_a_key_and_no_value() {
        for (settings, line, key) in [
            (Settings::Uci, "config a\n\toption b 'c' d\n", "@a[0].b"),
            (Settings::Uci, "config a\n\toption b c;reboot\n", "@a[0].b"),
            (Settings::Uci, "config a\n\toption b '$p$root'\n", "@a[0].b"),
            (Settings::Uci, "config a n\n\tlist b 'it'\\''s'\n", "n.b"),
            (Settings::KeyValue, "A=$(reboot)\n", "A"),
            (Settings::KeyValue, "A=1 reboot\n", "A"),
            (Settings::KeyValue, "A=\"`x`\"\n", "A"),
            (Settings::Ini, "[a]\nb c = 1 ; c\n", "a.b c"),
        ] {
            let raw = split(settings, line.as_bytes()).and_then(|pieces| pieces.into_iter().next_back());
            let raw = raw.map(|piece| (piece.kind, String::from_utf8_lossy(&piece.key).into_owned()));
            assert_eq!(raw, Some((Kind::Raw, key.to_owned())), "{line}");
        }
    }

    #[test]
    fn long_keys_and_many_pieces_are_not_split() {
        type Case = (Settings, &'static str, &'static str, usize);
        let cases: [Case; 5] = [
            (Settings::Uci, "config a ", "\n", 255),
            (Settings::Ini, "[", "]\n", 253),
            (Settings::Table, "", ":x\n", 253),
            (Settings::Json, "{\"", "\":[1]}", 253),
            (Settings::KeyValue, "", "=1\n", 255),
        ];
        for (settings, before, behind, longest) in cases {
            let fits = |length: usize| {
                let text = [before, &"k".repeat(length), behind].concat();
                split(settings, text.as_bytes()).is_some()
            };
            assert!(fits(longest) && !fits(longest.saturating_add(1)), "{settings:?}");
        }
        let lines = |count: usize| split(Settings::KeyValue, "\n".repeat(count).as_bytes()).is_some();
        assert!(lines(MOST_PIECES) && !lines(MOST_PIECES.saturating_add(1)));
    }

    #[test]
    fn sections_and_lines_of_tables_have_a_place() {
        let ordered = |settings, text: &str| {
            let pieces = split(settings, text.as_bytes()).unwrap_or_default();
            let keys = pieces.into_iter().filter(|piece| piece.ordered).map(|piece| piece.key);
            keys.map(|key| String::from_utf8_lossy(&key).into_owned()).collect::<Vec<_>>()
        };
        let uci = "config rule deny\n\toption target DROP\nconfig rule\n";
        assert_eq!(ordered(Settings::Uci, uci), ["deny", "@rule[1]"]);
        assert_eq!(ordered(Settings::Ini, "a=1\n[b]\nc=1\n"), ["[b]"]);
        assert_eq!(ordered(Settings::Table, "a:b\nc:d\n"), ["a", "c"]);
        assert_eq!(ordered(Settings::KeyValue, "A=1\nB=2\n"), [""; 0]);
        assert_eq!(
            ordered(Settings::KeyValue, "A=1\nB=$A\n"),
            ["A", "B"],
            "the second says what the first does"
        );
        assert_eq!(ordered(Settings::Json, "{\"a\":1}"), [""; 0]);
    }
}
