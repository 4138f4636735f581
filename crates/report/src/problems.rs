//! What stopped a run, as people read it; and what can be wrong with a report.

use kiwame_image::{Problem, Text};
use kiwame_trust::problems::CHECK;

use crate::Lang;
use crate::escape::escape_inside;

kiwame_image::problems! {
    /// What can be wrong with a report or a record of a run.
    ALL:
    /// Its verdict is not that of its findings.
    CONTRADICTION = "report/contradiction", 2,
        "contradicts itself: it says \"{tier}\", with exit code {exit}, accepted {accepted} and {high} findings of severity high",
        "自己矛盾している:判定「{tier}」に対し、終了コード {exit}、accepted {accepted}、重大度「高」の所見 {high} 件",
        Text::new(
            "Do not use it: kiwame writes no such report, so it was changed. Get it again from whoever made it.",
            "使用しない。kiwame はこのような報告書を作らず、変更されている。作成者から取り直す。",
        );
    /// It has not the fields that it should have.
    UNREADABLE = "report/unreadable", 2, "{what}", "{what}",
        CHECK;
}

/// A problem in words: file and sentence, id and exit code, and below it what to do. Every line of the sentence is escaped by
/// itself: the reader of TOML points at the place with lines of its own.
#[must_use]
pub fn problem_text(problem: &Problem, lang: Lang) -> String {
    let says = problem.says();
    let mut lines = lang.pick(&says.english, &says.japanese).lines();
    let first = escape_inside(lines.next().unwrap_or_default());
    let file = if problem.file.is_empty() {
        String::new()
    } else {
        format!("{}{}", escape_inside(&problem.file), lang.pick(": ", ":"))
    };
    let rest: String = lines.map(|line| format!("        {}\n", escape_inside(line))).collect();
    let (id, exit) = (problem.kind.id, problem.exit);
    format!("kiwame: {file}{first}  [{id}, exit {exit}]\n{rest}        {}\n", lang.text(problem.next))
}

#[cfg(test)]
mod tests {
    use kiwame_image::Words;

    use super::*;

    #[test]
    fn a_problem_is_said_in_both_languages_and_nothing_in_it_is_obeyed() {
        let problem = |lines| {
            let what = Words { lines, ..Words::plain("one\n\u{202e}two") };
            Problem::new(&UNREADABLE).of("a\u{1b}.json").arg("what", what)
        };
        let next = "        Check the file and where it came from.\n";
        let head = r"kiwame: a\u{1b}.json: one";
        let id = "  [report/unreadable, exit 2]\n";
        assert_eq!(
            problem_text(&problem(true), Lang::English),
            format!("{head}{id}        \\u{{202e}}two\n{next}"),
            "a reader shows lines"
        );
        assert_eq!(
            problem_text(&problem(false), Lang::English),
            format!("{head}\\u{{d}}\\u{{202e}}two{id}{next}"),
            "a file has none of ours"
        );
        let problem = problem(false);
        let japanese = problem_text(&problem, Lang::Japanese);
        assert!(
            japanese
                .starts_with("kiwame: a\\u{1b}.json:one\\u{d}\\u{202e}two  [report/unreadable, exit 2]\n")
        );
        assert!(japanese.ends_with("確かめる。\n"));
    }
}
