//! What is found of manifests, signatures and keys before an image is compared, and beside that. The façade reports it; the
//! kinds stand here, since they count as all others do, and the report has to say them also of a report that somebody else
//! made.

use crate::kind::{ACQUIRE, ASK, Effect, Family, Kind, NOTHING_TO_DO, Reason, Severity, Text};

/// The kinds of findings of this file.
pub(crate) static KINDS: &[&Kind] = &[
    &GIVEN_TWICE,
    &ANOTHER_CHANNEL,
    &ANOTHER_HARDWARE,
    &ANOTHER_RELEASE,
    &BELOW_FLOOR,
    &BETWEEN_PARTS,
    &CONFLICTING,
    &DEVICE,
    &HARDWARE_NOT_ACCEPTED,
    &NO_MANIFEST,
    &NOT_FOR_THIS_IMAGE,
    &REQUIRED_IMAGE_ABSENT,
    &KNOWN_KEY_ACCEPTED,
    &NOT_VERIFIED,
    &OUTSIDE,
    &PART_DECIDES,
    &PART_NOT_ERASED,
    &PART_NOT_JUDGED,
    &PART_OF_ANOTHER,
    &PARTS_OF_SEVERAL_RELEASES,
    &PLACED,
    &READS_AGREE,
    &READS_DIFFER,
    &UNSUITABLE,
];

/// Another reading of the same chip is equal.
pub static READS_AGREE: Kind = Kind {
    id: "image/reads-agree",
    family: Family::Image,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "{other}: another reading of the same chip, equal byte for byte.",
    japanese: "{other}:同じチップの別の読取結果であり、全バイトが等しい。",
    next: NOTHING_TO_DO,
    between: None,
};

/// Another reading of the same chip is not equal: what was read is not what is there.
pub static READS_DIFFER: Kind = Kind {
    id: "image/reads-differ",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{other}: another reading of the same chip, in which {bytes} bytes differ ({places}). One of the two is not what lies \
              in the chip.",
    japanese: "{other}:同じチップの別の読取結果と {bytes} バイト異なる({places})。少なくとも一方はチップの内容ではない。",
    next: Text::new(
        "Read the chip again until two readings agree: wipe the contacts, read more slowly, and keep the device switched off.",
        "二回の読取が一致するまで読み直す。接点を清掃し、速度を下げ、機器の電源を切っておく。",
    ),
    between: None,
};

/// The image of the release lies in a larger dump.
pub static PLACED: Kind = Kind {
    id: "image/placed",
    family: Family::Image,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "The image of the release lies at {place} of this dump, at the end where its loader begins; of what lies beside it \
              {bytes} bytes are erased throughout.",
    japanese: "リリースのイメージは、このダンプの {place}、すなわちローダーが起動する側の端に有る。その外で全体が消去状態の部分は {bytes} バイト。",
    next: NOTHING_TO_DO,
    between: None,
};

/// Something lies beside the image of the release.
pub static OUTSIDE: Kind = Kind {
    id: "image/outside",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{bytes} bytes of this dump lie outside the image of the release and are not erased throughout (the first other byte is \
              at {first}): no reference covers them.",
    japanese: "このダンプのうちリリースのイメージの外の {bytes} バイトに、消去状態でない箇所が有る(先頭 {first})。基準値は無い。",
    next: Text::new(
        "Ask the maker what lies there; an image of the whole flash has its own manifest.",
        "そこに何が有るかを製造者に問い合わせる。フラッシュ全体のイメージには専用のマニフェストが有る。",
    ),
    between: None,
};

/// The dump was judged part by part.
pub static DEVICE: Kind = Kind {
    id: "image/device",
    family: Family::Image,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "This dump was judged part by part as the device {device}, which {by} describes: {count} parts.",
    japanese: "{by-ja}が記す装置 {device} として、このダンプを {count} の部分毎に判定した。",
    next: NOTHING_TO_DO,
    between: None,
};

/// Something lies where no part of the device does.
pub static BETWEEN_PARTS: Kind = Kind {
    id: "image/between-parts",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "{bytes} bytes that no part of the device takes are not erased throughout (the first other byte is at {first}).",
    japanese: "装置のどの部分にも属さない {bytes} バイトに、消去状態でない箇所が有る(先頭 {first})。",
    next: Text::new(
        "Ask who describes the device what lies there; a part of its own says so.",
        "装置の記述者に、そこに何が有るかを問い合わせる。独立した部分として記述できる。",
    ),
    between: None,
};

/// A part that is to be erased is not.
pub static PART_NOT_ERASED: Kind = Kind {
    id: "image/part-not-erased",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "The part {part} of the device is to be erased, and is not: the first other byte is at {first}.",
    japanese: "装置の部分 {part} は消去状態であるべきだが、異なるバイトが有る(先頭 {first})。",
    next: ACQUIRE,
    between: None,
};

/// A part of which nobody says what lies there.
pub static PART_NOT_JUDGED: Kind = Kind {
    id: "image/part-not-judged",
    family: Family::Image,
    severity: Severity::Info,
    effect: Effect::Nothing,
    english: "The {bytes} bytes of the part {part} may be anything that is no program, by {by}; nobody judged them.",
    japanese: "{by-ja}により、部分 {part} の {bytes} バイトはプログラムでない限り任意。内容は判定していない。",
    next: NOTHING_TO_DO,
    between: None,
};

/// A part that nobody judges holds what could start.
pub static PART_DECIDES: Kind = Kind {
    id: "image/part-decides",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Coverage),
    english: "The part {part} of the device holds a program, something packed, or what decides what may start: {found}. Nothing that is not \
              judged may.",
    japanese: "装置の部分 {part} に、プログラム、圧縮されたもの、又は起動の可否を決めるものが有る:{found}。判定しない部分には認められない。",
    next: Text::new(
        "Describe what lies there by a digest (sha256), or as an image of a product.",
        "その内容をダイジェスト(sha256)又は製品のイメージとして記述する。",
    ),
    between: None,
};

/// Several releases of one product lie on one device, and nobody says how old they may be.
pub static PARTS_OF_SEVERAL_RELEASES: Kind = Kind {
    id: "image/parts-of-several-releases",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Reference),
    english: "Parts of the device hold the releases {one} and {other} of {product}, and no floor says which of them may lie there.",
    japanese: "装置の部分に {product} のリリース {one} と {other} が有り、どちらが有ってよいかを定める下限が無い。",
    next: Text::new(
        "Set min-security-version for the product or its part, or say with --expect which release was ordered.",
        "製品又は部分に min-security-version を定めるか、発注したリリースを --expect で指定する。",
    ),
    between: None,
};

/// Another image lies in a part than the device has there.
pub static PART_OF_ANOTHER: Kind = Kind {
    id: "image/part-of-another",
    family: Family::Image,
    severity: Severity::High,
    effect: Effect::Refuted,
    english: "In the part {part} lies {found}, where the device has {wanted}.",
    japanese: "部分 {part} には {wanted} が有るべきだが、{found} が有る。",
    next: ACQUIRE,
    between: None,
};

/// The same image was presented twice.
pub static GIVEN_TWICE: Kind = Kind {
    id: "image/given-twice",
    family: Family::Image,
    severity: Severity::Low,
    effect: Effect::Nothing,
    english: "Another of the images given is the same, byte for byte.",
    japanese: "与えられたイメージの中に、バイト単位で同一のものが他に有る。",
    next: Text::new(
        "If they are to be of two units, acquire one of them again.",
        "別々の機器のものであれば、一方を取り直す。",
    ),
    between: None,
};

/// A channel that neither order nor policy names.
pub static ANOTHER_CHANNEL: Kind = Kind {
    id: "manifest/another-channel",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Trust),
    english: "The manifest is of the channel {found}; accepted is {wanted}.",
    japanese: "マニフェストのチャネルは {found}。認めているのは {wanted}。",
    next: Text::new(
        "If it was ordered, name the channel with --channel, or in the policy where there is one.",
        "発注どおりであれば --channel、ポリシーが有ればその中で指定する。",
    ),
    between: None,
};

/// Hardware revisions that neither order nor policy names.
pub static ANOTHER_HARDWARE: Kind = Kind {
    id: "manifest/another-hardware",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Trust),
    english: "The manifest is for the hardware revisions {found}, and none of them was named.",
    japanese: "マニフェストの対象ハードウェア版は {found}。いずれも指定されていない。",
    next: Text::new(
        "Name the revision of the unit with --hardware, or in the policy where there is one.",
        "--hardware、ポリシーが有ればその中で、機器の版を指定する。",
    ),
    between: None,
};

/// The image is exactly another release.
pub static ANOTHER_RELEASE: Kind = Kind {
    id: "manifest/another-release",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Reference),
    english: "The image is exactly {found}, and {wanted} was ordered.",
    japanese: "イメージは {found} そのものだが、発注は {wanted}。",
    next: Text::new(
        "Check which release was ordered; an older one may have known faults.",
        "発注した版を確認する。旧版には既知の不具合が有り得る。",
    ),
    between: None,
};

/// The image is exactly a release below the policy's floor.
pub static BELOW_FLOOR: Kind = Kind {
    id: "manifest/below-floor",
    family: Family::Manifest,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Reference),
    english: "The image is exactly {found}, whose security version {version} is below the floor {floor} of your policy.",
    japanese: "イメージは {found} そのものだが、セキュリティ版 {version} はポリシーの下限 {floor} を下回る。",
    next: Text::new(
        "Have the device updated; do not accept this release.",
        "機器を更新させる。この版は受け入れない。",
    ),
    between: None,
};

/// Two manifests of one release.
pub static CONFLICTING: Kind = Kind {
    id: "manifest/conflicting",
    family: Family::Manifest,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Trust),
    english: "Two different manifests are signed for {product}.",
    japanese: "{product} に対し相異なる二つの署名済みマニフェストが有る。",
    next: ASK,
    between: None,
};

/// The unit is of a hardware revision that the policy does not accept.
pub static HARDWARE_NOT_ACCEPTED: Kind = Kind {
    id: "manifest/hardware-not-accepted",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Trust),
    english: "The unit is hardware revision {found}, and the policy accepts {wanted}.",
    japanese: "対象機のハードウェア版は {found}。ポリシーが認めるのは {wanted}。",
    next: Text::new("Check which unit was ordered.", "発注した機器の版を確認する。"),
    between: None,
};

/// No manifest speaks of the image.
pub static NO_MANIFEST: Kind = Kind {
    id: "manifest/none",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Reference),
    english: "No manifest was given that speaks of this image.",
    japanese: "このイメージに関するマニフェストが与えられていない。",
    next: ASK,
    between: None,
};

/// A manifest that speaks of another image.
pub static NOT_FOR_THIS_IMAGE: Kind = Kind {
    id: "manifest/not-for-this-image",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Reference),
    english: "The manifest speaks of another image: {why}.",
    japanese: "マニフェストは別のイメージに関するもの:{why-ja}。",
    next: ASK,
    between: None,
};

/// A required image of the release was not presented.
pub static REQUIRED_IMAGE_ABSENT: Kind = Kind {
    id: "manifest/required-image-absent",
    family: Family::Manifest,
    severity: Severity::Medium,
    effect: Effect::CannotTell(Reason::Reference),
    english: "The release is not complete without {name}, which was not presented.",
    japanese: "{name} が提示されておらず、リリースとして不完全。",
    next: Text::new(
        "Present all images of the release in one command.",
        "リリースの全イメージを一度に提示する。",
    ),
    between: None,
};

/// A published key was accepted, as asked.
pub static KNOWN_KEY_ACCEPTED: Kind = Kind {
    id: "trust/known-key-accepted",
    family: Family::Trust,
    severity: Severity::Medium,
    effect: Effect::Nothing,
    english: "A key whose private half is published was accepted, as asked.",
    japanese: "秘密鍵が公開されている鍵を、指定により受け入れた。",
    next: Text::new("Never do this outside tests.", "試験以外では行わない。"),
    between: None,
};

/// A manifest that is not verified.
pub static NOT_VERIFIED: Kind = Kind {
    id: "trust/not-verified",
    family: Family::Trust,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Trust),
    english: "{file}: {why}.",
    japanese: "{file}:{why-ja}。",
    next: Text::new(
        "Check the key or the policy, and where the manifest came from.",
        "鍵又はポリシーと、マニフェストの入手元を確認する。",
    ),
    between: None,
};

/// A manifest of another product or release than expected.
pub static UNSUITABLE: Kind = Kind {
    id: "trust/unsuitable",
    family: Family::Trust,
    severity: Severity::High,
    effect: Effect::CannotTell(Reason::Trust),
    english: "{file}: {why}.",
    japanese: "{file}:{why-ja}。",
    next: ASK,
    between: None,
};
