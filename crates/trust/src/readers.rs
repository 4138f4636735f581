//! What the readers of JSON and TOML say, which they say in English, in Japanese as well. A sentence that is not known here
//! stays as it is, behind the place, which is said in both languages.

use kiwame_image::Words;

use crate::TrustError;

/// Sentences with `{}` for what differs.
const SENTENCES: &[(&str, &str)] = &[
    // Ours, about JSON.
    ("duplicate key {}", "キー {} が重複している"),
    ("number {} is above 2^53", "数値 {} が 2^53 を超える"),
    ("negative number {}", "負の数 {} は使えない"),
    ("a number that is not whole", "整数でない数値"),
    ("a number in place of a list", "配列の位置に数値が有る"),
    ("more than {} values", "値が {} 個を超える"),
    ("more than {} levels of nesting", "入れ子が {} 段を超える"),
    // Of serde, about types.
    ("unknown field {}, expected one of {}", "フィールド {} は無い(使えるもの:{})"),
    ("unknown field {}, expected {}", "フィールド {} は無い(使えるもの:{})"),
    ("unknown variant {}, expected one of {}", "値 {} は無い(使えるもの:{})"),
    ("missing field {}", "フィールド {} が無い"),
    ("duplicate field {}", "フィールド {} が重複している"),
    // The name of a type of ours says nothing to anybody.
    ("invalid type: {}, expected struct {}", "型が違う:検出値 {}"),
    ("EOF while parsing a string", "文字列の途中で終わっている"),
    ("EOF while parsing a list", "配列の途中で終わっている"),
    ("EOF while parsing an object", "オブジェクトの途中で終わっている"),
    ("EOF while parsing a value", "値の途中で終わっている"),
    ("invalid type: {}, expected {}", "型が違う:検出値 {}、必要な型 {}"),
    ("invalid value: {}, expected {}", "値が不正:検出値 {}、必要な値 {}"),
    ("invalid length {}, expected {}", "長さが不正:検出値 {}、必要な長さ {}"),
    // Of serde_json.
    ("EOF while parsing {}", "途中で終わっている({})"),
    ("trailing characters", "末尾に余分な文字が有る"),
    ("trailing comma", "末尾に余分なコンマが有る"),
    ("expected value", "値が必要"),
    ("expected ident", "値が必要"),
    ("expected {}", "{} が必要"),
    ("key must be a string", "キーは文字列でなければならない"),
    ("invalid number", "数値が不正"),
    ("number out of range", "数値が範囲外"),
    ("invalid escape", "エスケープが不正"),
    ("invalid unicode code point", "Unicode の符号位置が不正"),
    ("lone leading surrogate in hex escape", "対になっていないサロゲート"),
    ("unexpected end of hex escape", "16 進エスケープが途中で終わっている"),
    ("control character ({}) found while parsing a string", "文字列の中に制御文字が有る({})"),
    ("recursion limit exceeded", "入れ子が深過ぎる"),
    // Of the reader of TOML.
    ("duplicate key", "キーが重複している"),
    ("duplicate table", "表が重複している"),
    ("key with no value, expected {}", "キーに値が無い({} が必要)"),
    ("string values must be quoted, expected {}", "文字列は引用符で囲む({} が必要)"),
    ("invalid basic string, expected {}", "文字列が閉じていない({} が必要)"),
    ("unclosed array, expected {}", "配列が閉じていない({} が必要)"),
    ("unclosed table, expected {}", "表の見出しが閉じていない({} が必要)"),
    ("extra {}, expected {}", "余分な {} が有る({} が必要)"),
    ("missing value for key, expected {}", "キーに値が無い({} が必要)"),
    ("unexpected key or value, expected {}", "予期しないキー又は値({} が必要)"),
];

/// A sentence of a reader in both languages, with the place that it ends with.
#[must_use]
pub fn words(said: &str) -> Words {
    let number = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let place = said.rsplit_once(" at line ").and_then(|(sentence, place)| {
        let place = matched("{} column {}", place)?;
        place.iter().all(number).then_some((sentence, place))
    });
    match place {
        Some((what, place)) => {
            let japanese = [sentence(what).japanese, filled("({} 行 {} 列)", &place)].concat();
            Words::new(said, japanese)
        }
        None => sentence(said),
    }
}

/// A sentence of a reader, without a place, in both languages.
pub(crate) fn sentence(said: &str) -> Words {
    let japanese = SENTENCES.iter().find_map(|(english, japanese)| {
        let parts = matched(english, said)?;
        Some(filled(japanese, &parts))
    });
    Words::new(said, japanese.unwrap_or_else(|| said.to_owned()))
}

/// The complaint of the reader of TOML, which shows the line, and says below it what is wrong.
pub(crate) fn toml(said: &str) -> Words {
    let said = said.trim_end();
    let Some((head, rest)) = said.split_once('\n') else { return sentence(said) };
    let Some(place) = matched("TOML parse error at line {}, column {}", head) else { return sentence(said) };
    let (shown, what) = rest.rsplit_once('\n').unwrap_or(("", rest));
    let head = filled("TOML として読めない({} 行 {} 列)", &place);
    let japanese = [head.as_str(), shown, &sentence(what).japanese].join("\n");
    Words { lines: true, ..Words::new(said, japanese) }
}

/// The text that a file has to be.
///
/// # Errors
/// Where it stops being UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, TrustError> {
    core::str::from_utf8(bytes).map_err(|error| TrustError::NotText(error.valid_up_to()))
}

/// What stands in the places of a template.
fn matched<'t>(template: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut pieces = template.split("{}");
    let mut rest = text.strip_prefix(pieces.next()?)?;
    let mut found = Vec::new();
    let mut pieces = pieces.peekable();
    while let Some(piece) = pieces.next() {
        let last = pieces.peek().is_none();
        let (before, behind) = if last { (rest.strip_suffix(piece)?, "") } else { rest.split_once(piece)? };
        found.push(before);
        rest = behind;
    }
    rest.is_empty().then_some(found)
}

fn filled(template: &str, parts: &[&str]) -> String {
    let mut parts = parts.iter();
    let mut pieces = template.split("{}");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| [&text, parts.next().copied().unwrap_or_default(), piece].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Policy;
    use crate::json::{Json, MOST_SIGNED};

    #[test]
    fn what_readers_say_is_said_in_japanese() {
        let json = |text: &str| Json::parse(text.as_bytes(), MOST_SIGNED).unwrap_err().problem().says();
        assert_eq!(json("{\"a\":1,\"a\":2}").japanese, "1 行 13 列:キー \"a\" が重複している");
        assert!(json("{\"a\":").japanese.contains("途中で終わっている"));
        assert!(json("{} {}").japanese.contains("余分な文字"));
        let toml = |text: &str| match Policy::parse(text.as_bytes()) {
            Err(error @ TrustError::Toml(_)) => error.problem().says().japanese,
            other => panic!("{other:?}"),
        };
        let unknown = toml("schema = \"kiwame-policy/1\"\nversion = 1\ncolour = 2\n");
        assert!(unknown.starts_with("TOML として読めない(3 行 1 列)\n"), "{unknown}");
        assert!(unknown.contains("フィールド `colour` は無い(使えるもの:`schema`"), "{unknown}");
        assert!(toml("schema = 1\n").contains("型が違う"));
        assert!(toml("schema\n").contains("値が無い"));
        // What somebody wrote into a file is no place.
        let foreign = json("{\"a at line 9 column 9\":1,\"a at line 9 column 9\":2}").japanese;
        assert!(foreign.contains("a at line 9 column 9\" が重複"), "{foreign}");
        assert!(toml("version = 1\n").ends_with("フィールド `schema` が無い"));
    }

    #[test]
    fn a_template_matches_the_whole_sentence() {
        assert_eq!(matched("a {} b {}", "a 1 b 2"), Some(vec!["1", "2"]));
        assert_eq!(matched("a", "a b"), None);
        assert_eq!(words("something else"), Words::plain("something else"));
    }
}
