//! Names from an image as TOML, and the lines of a description.

use kiwame_report::escape_inside;

/// A basic string (TOML 1.0, "String"). What people could be misled by is written as its number.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for sign in text.chars() {
        match sign {
            '"' | '\\' => quoted.extend(['\\', sign]),
            _ if is_plain(sign) => quoted.push(sign),
            _ => quoted.push_str(&format!("\\U{:08X}", u32::from(sign))),
        }
    }
    quoted.push('"');
    quoted
}

fn is_plain(sign: char) -> bool {
    sign == ' ' || sign.is_ascii_graphic() || {
        let mut one = [0; 4];
        let text: &str = sign.encode_utf8(&mut one);
        escape_inside(text) == text
    }
}

/// Lines of TOML. One that is switched off begins with `#` and no blank behind it, and is switched on by taking the `#` away; what people
/// read begins with `#` and a blank.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    text: String,
    /// Lines that are on are switched off as well, and those that are off have two signs.
    pub(crate) held: bool,
}

impl Lines {
    /// A line of TOML.
    pub(crate) fn line(&mut self, on: bool, text: &str) {
        let own = text.trim_start();
        self.text.extend(core::iter::repeat_n(' ', text.len().saturating_sub(own.len())));
        let signs = usize::from(!on).saturating_add(usize::from(self.held));
        self.text.extend(core::iter::repeat_n('#', signs));
        self.text.push_str(own);
        self.text.push('\n');
    }

    /// A line for people.
    pub(crate) fn say(&mut self, text: &str) {
        self.text.push_str("# ");
        self.text.push_str(text);
        self.text.push('\n');
    }

    /// Some lines for people, and how many more there are.
    pub(crate) fn list(&mut self, lines: &[String], most: usize) {
        lines.iter().take(most).for_each(|line| self.say(&format!("  {line}")));
        let more = lines.len().saturating_sub(most);
        if more > 0 {
            self.say(&format!("  … and {more} more"));
        }
    }

    /// An empty line.
    pub(crate) fn part(&mut self) {
        self.text.push('\n');
    }

    pub(crate) fn text(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back_from_the_string_and_nothing_in_it_moves_a_terminal() {
        for name in ["a\"b\\c", "a\u{1b}[2J\n\r\t", "極め", "\u{202e}x", "<x>", "\u{7f}\u{9b}"] {
            let text = quoted(name);
            assert!(!text.chars().any(char::is_control) && !text.contains('\u{202e}'), "{text}");
            let table: std::collections::BTreeMap<String, String> =
                ::toml::from_str(&format!("x = {text}")).expect("TOML");
            assert_eq!(table["x"], name);
        }
    }
}
