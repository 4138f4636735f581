//! Every kind of finding by its name, and the list of all.

pub use crate::checks::coverage::{PARTIAL, PROGRAM_UNREFERENCED, UNEXPLAINED, UNREFERENCED};
pub use crate::checks::defects::{AMBIGUOUS, DEFECT};
pub use crate::checks::layout::{LAYOUT_DISAGREES, LAYOUT_NOT_STATED};
pub use crate::checks::placement::{MOVED, REORDERED};
pub use crate::checks::whole::{CONTRADICTS_ITSELF, INCLUDES_NOT_FOLLOWED, UNKNOWN_DIGEST};
pub use crate::findings::{MORE, WAIVER_ANOTHER_VALUE, WAIVER_CANNOT, WAIVER_ENDED};
pub use crate::fold::{LONGER, NOT_READ, SHORTER, UNIFORM, UNREAD};
pub use crate::gate::{NOT_COMPARED, NOT_SETTLED};
pub use crate::hunts::limits::LIMIT_HIT;
pub use crate::lot::{
    COUNT, LISTED_TWICE, NO_SERIAL, NOT_DELIVERED, NOT_ORDERED, RELEASES, REPEATED_IMAGE, REPEATED_SERIAL,
    SAME_IMAGE,
};
pub use crate::settle::differences::{
    ADDED, AROUND_WAIVED, ATTRIBUTE_UNLISTED, ATTRIBUTES, DUPLICATED, ERASED, MODIFIED, NOT_ERASED, REMOVED,
    UNDECODABLE,
};
pub use crate::settle::encoding::{
    FORM_DIFFERS, FORM_UNKNOWN, HEADER_ONLY, REENCODED, REENCODED_ACCEPTED, RESIZED,
};
pub use crate::settle::mutable::{
    ANY, COPY_NOT_TAKEN, EMPTY, EMPTY_BY_RULE, EMPTY_REFUSED, NOT_JUDGED, NOT_RECOGNISED, OUTSIDE_RULE,
    OVER_CAP, REMAINS, TRUST_ANCHOR, WITHIN_POLICY, WITHIN_RULE,
};
pub use crate::settle::settings::{ABSENT, DIFFERS, HELD, PRESENT, VALUE};
pub use crate::trial::{
    ANOTHER_CHANNEL, ANOTHER_HARDWARE, ANOTHER_RELEASE, BELOW_FLOOR, BETWEEN_PARTS, CONFLICTING, DEVICE,
    GIVEN_TWICE, HARDWARE_NOT_ACCEPTED, KNOWN_KEY_ACCEPTED, NO_MANIFEST, NOT_FOR_THIS_IMAGE, NOT_VERIFIED,
    OUTSIDE, PART_DECIDES, PART_NOT_ERASED, PART_NOT_JUDGED, PART_OF_ANOTHER, PARTS_OF_SEVERAL_RELEASES,
    PLACED, READS_AGREE, READS_DIFFER, REQUIRED_IMAGE_ABSENT, UNSUITABLE,
};

use crate::hunts::HUNTS;
use crate::kind::Kind;
use crate::{CHECKS, SETTLERS, findings, fold, gate, lot, trial};

/// What is found before, behind and beside hunts, settlers and checks.
static OTHERS: &[&[&Kind]] = &[trial::KINDS, gate::KINDS, findings::KINDS, fold::KINDS, lot::KINDS];

/// Every kind, file by file.
pub fn all() -> impl Iterator<Item = &'static Kind> {
    let hunts = HUNTS.iter().map(|hunt| hunt.kinds);
    let settlers = SETTLERS.iter().map(|settler| settler.kinds);
    let checks = CHECKS.iter().map(|check| check.kinds);
    let others = OTHERS.iter().copied();
    hunts.chain(settlers).chain(checks).chain(others).flatten().copied()
}

/// The kind of a finding of somebody's report, for its sentence: an id that no kind has is a format's.
#[must_use]
pub fn of_report(id: &str) -> &'static Kind {
    all().find(|kind| kind.id == id).unwrap_or(&DEFECT)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{Effect, Family, Severity, Text};

    fn texts(kind: &Kind) -> impl Iterator<Item = Text> {
        let own = Text { english: kind.english, japanese: kind.japanese };
        [own, kind.next].into_iter().chain(kind.between)
    }

    /// The words in braces; those of one language end with its name.
    fn words(text: &str) -> BTreeSet<&str> {
        let words = text.split('{').skip(1).map(|rest| rest.split_once('}').expect("a closing brace").0);
        words.map(|word| word.strip_suffix("-ja").unwrap_or(word)).collect()
    }

    #[test]
    fn the_kind_of_a_finding_is_known_by_its_id_and_one_that_nobody_has_is_a_formats() {
        // One of a hunt, a settler, a check, and each of what lies around them.
        for kind in [
            &LIMIT_HIT,
            &OUTSIDE_RULE,
            &REORDERED,
            &NO_MANIFEST,
            &NOT_SETTLED,
            &WAIVER_ENDED,
            &NOT_READ,
            &NOT_DELIVERED,
        ] {
            assert_eq!(of_report(kind.id), kind);
        }
        for unknown in ["toy/odd", "component", "component/modified/more", ""] {
            assert_eq!(of_report(unknown), &DEFECT, "{unknown}");
        }
    }

    #[test]
    fn ids_are_unique_and_begin_with_their_family() {
        let ids: BTreeSet<_> = all().map(|kind| kind.id).collect();
        assert_eq!(ids.len(), all().count());
        for kind in all() {
            assert!(kind.family.has(kind.id), "{}", kind.id);
            assert!(kind.family == Family::Defect || kind.id.contains('/'), "{}", kind.id);
        }
    }

    #[test]
    fn nothing_of_high_severity_affirms() {
        assert!(all().all(|kind| kind.severity != Severity::High || kind.effect != Effect::Nothing));
    }

    #[test]
    fn every_sentence_is_there_in_both_languages_with_the_same_words() {
        for kind in all() {
            assert!(kind.english.ends_with('.') && kind.japanese.ends_with('。'), "{}", kind.id);
            for text in texts(kind) {
                assert!(text.english.is_ascii() && !text.japanese.is_ascii(), "{}", kind.id);
                assert_eq!(words(text.english), words(text.japanese), "{}", kind.id);
            }
        }
    }

    #[test]
    fn no_word_that_promises_too_much_is_ever_said() {
        let banned =
            ["本物", "安全", "異常なし", "改ざん", "証明書", "鑑定書", "genuine", "clean", "tamper", "safe"];
        for text in all().flat_map(texts).flat_map(|text| [text.english, text.japanese]) {
            assert!(banned.iter().all(|word| !text.contains(word)), "{text}");
        }
    }
}
