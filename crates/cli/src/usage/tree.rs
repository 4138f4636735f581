//! All that can be typed, with its help in one of the languages.

use clap::builder::StyledStr;
use clap::{Arg, CommandFactory as _};

use super::examples;
use super::japanese::of;
use super::lines;
use crate::args::{Command, Lang};

/// All that can be typed.
pub(crate) fn command(lang: Lang) -> clap::Command {
    let mut root = Command::command();
    // What the parser adds by itself has to be there before it can be translated.
    root.build();
    match lang {
        Lang::En => root,
        Lang::Ja => translated(root, lines::width()),
    }
}

fn translated(command: clap::Command, width: usize) -> clap::Command {
    let beside = fits_beside(&command, width);
    let mut command = command
        .mut_subcommands(|below| translated(below, width))
        .mut_args(|arg| argument(arg).next_line_help(!beside))
        // Lines are broken afterwards.
        .term_width(0);
    if let Some(about) = command.get_about().map(single) {
        command = command.about(about);
    }
    if let Some(help) = command.get_after_help().map(below) {
        command = command.after_help(help);
    }
    if let Some(help) = command.get_after_long_help().map(below) {
        command = command.after_long_help(help);
    }
    command
}

fn argument(arg: Arg) -> Arg {
    let short = arg.get_help().map(single).unwrap_or_default();
    let mut long = arg.get_long_help().map_or_else(|| short.clone(), single);
    let mut short = short;
    if arg.get_num_args().is_some_and(|count| count.takes_values()) {
        let values: Vec<_> =
            arg.get_possible_values().into_iter().filter(|value| !value.is_hide_set()).collect();
        let names: Vec<_> = values.iter().map(|value| value.get_name()).collect();
        let given: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
        if values.iter().any(|value| value.get_help().is_some()) {
            long += "\n\n指定できる値:";
            for value in &values {
                let help = value.get_help().map(|help| format!(": {}", single(help))).unwrap_or_default();
                long += &format!("\n- {}{help}", value.get_name());
            }
        } else if !names.is_empty() {
            long += &format!("\n\n[指定できる値: {}]", names.join(", "));
        }
        if !given.is_empty() {
            let given = format!("[既定値: {}]", given.join(" "));
            long += &format!("\n\n{given}");
            short += &format!(" {given}");
        }
        if !names.is_empty() {
            short += &format!(" [指定できる値: {}]", names.join(", "));
        }
    }
    arg.help(short).long_help(long).hide_possible_values(true).hide_default_value(true)
}

/// True when the short help has room beside the options, as the parser itself decides.
fn fits_beside(command: &clap::Command, width: usize) -> bool {
    let widths = command.get_arguments().map(|arg| arg.to_string().len() + "  -x, ".len() + 2);
    widths.max().unwrap_or_default() * 5 <= width * 2
}

fn single(text: &StyledStr) -> String {
    let text = text.to_string();
    of(&text).map_or(text.clone(), str::to_owned)
}

/// A text below the help.
fn below(text: &StyledStr) -> String {
    text.to_string().split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// A paragraph as it is in the table, or else line by line, with commands untouched.
fn paragraph(text: &str) -> String {
    let by_line = || text.lines().map(line).collect::<Vec<_>>().join("\n");
    of(text).map_or_else(by_line, str::to_owned)
}

fn line(text: &str) -> &str {
    of(text).filter(|_| !examples::is_command(text)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::japanese::TEXTS;
    use super::*;

    /// Every text in the tree, as it is looked up.
    fn texts(command: &clap::Command, all: &mut BTreeSet<String>) {
        all.extend(command.get_about().map(ToString::to_string));
        for help in command.get_after_help().into_iter().chain(command.get_after_long_help()) {
            for paragraph in help.to_string().split("\n\n") {
                match of(paragraph) {
                    Some(_) => all.extend([paragraph.to_owned()]),
                    None => all.extend(
                        paragraph.lines().filter(|line| !examples::is_command(line)).map(str::to_owned),
                    ),
                }
            }
        }
        for arg in command.get_arguments() {
            all.extend(arg.get_help().into_iter().chain(arg.get_long_help()).map(ToString::to_string));
            if arg.get_num_args().is_some_and(|count| count.takes_values()) {
                let values = arg.get_possible_values();
                all.extend(values.iter().filter_map(|value| value.get_help()).map(ToString::to_string));
            }
        }
        assert!(command.get_long_about().is_none() && command.get_before_help().is_none());
        command.get_subcommands().for_each(|below| texts(below, all));
    }

    #[test]
    fn every_text_has_its_japanese_and_no_entry_is_left_over() {
        let mut all = BTreeSet::new();
        texts(&command(Lang::En), &mut all);
        let entries: BTreeSet<_> = TEXTS.iter().map(|(english, _)| (*english).to_owned()).collect();
        let missing: Vec<_> = all.difference(&entries).collect();
        let unused: Vec<_> = entries.difference(&all).collect();
        assert!(missing.is_empty() && unused.is_empty(), "missing: {missing:#?}\nunused: {unused:#?}");
        assert_eq!(entries.len(), TEXTS.len(), "an entry stands there twice");
    }

    #[test]
    fn japanese_is_japanese_and_has_none_of_the_words_that_claim_too_much() {
        for (english, japanese) in TEXTS {
            assert!(!japanese.is_ascii(), "{english}");
            for word in ["本物", "安全", "異常なし", "改ざん", "証明書", "鑑定書"] {
                assert!(!japanese.contains(word), "{japanese}");
            }
            // What is typed stays as it is.
            for word in english.split(['`', ' ']).filter(|word| word.starts_with("--")) {
                assert!(japanese.contains(word.trim_end_matches([';', ',', ':', '.'])), "{word}: {japanese}");
            }
        }
    }

    #[test]
    fn nothing_but_names_is_left_in_english() {
        let mut japanese = command(Lang::Ja);
        let check = |text: String| {
            for word in
                ["Usage", "Options", "Commands", "Arguments", "Possible", "possible", "default:", "Print"]
            {
                assert!(!text.contains(word), "{word} in {text}");
            }
        };
        for help in [japanese.render_help(), japanese.render_long_help()] {
            check(lines::in_japanese(&help.to_string()));
        }
        for below in japanese.get_subcommands_mut() {
            check(lines::in_japanese(&below.render_help().to_string()));
            check(lines::in_japanese(&below.render_long_help().to_string()));
        }
    }
}
