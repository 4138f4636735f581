//! What there is to fuzz.

use kiwame_decode::{DECODERS, Decoder};
use kiwame_formats::formats;
use kiwame_image::Format;

use crate::texts::{TEXTS, Text};
use crate::{attested, cost, decoders, texts, trees};

/// Something that takes hostile bytes.
pub enum Target {
    /// One format, whatever its probe says of the bytes.
    Format(&'static dyn Format),
    /// One decoder, beside that of others where there is one.
    Decoder(&'static Decoder),
    /// Recognising an image, and taking it apart.
    Image,
    /// The same with a layout.
    Layout,
    /// The report about an image, as JSON and for people.
    Inspect,
    /// A changed copy of an attested image.
    Verify,
    /// An image that is attested as it is, and a copy of it with one byte changed.
    Attest,
    /// A manifest, well signed, of a known image.
    Statement,
    /// Something that is read as text.
    Text(&'static Text),
}

/// Every target, formats first.
pub fn all() -> impl Iterator<Item = Target> {
    use Target::{Attest, Image, Inspect, Layout, Statement, Verify};
    let formats = formats().map(Target::Format);
    let decoders = DECODERS.iter().map(Target::Decoder);
    let texts = TEXTS.iter().map(Target::Text);
    formats.chain(decoders).chain([Image, Layout, Inspect, Verify, Attest, Statement]).chain(texts)
}

impl Target {
    /// What `KIWAME_FUZZ` calls it.
    pub fn name(&self) -> String {
        let name = match self {
            Self::Format(format) => format.name(),
            Self::Decoder(decoder) => return format!("{}{}", decoders::PREFIX, decoder.name),
            Self::Image => "any-image",
            Self::Layout => "any-layout",
            Self::Inspect => "any-inspect",
            Self::Verify => "any-verify",
            Self::Attest => "any-attest",
            Self::Statement => "any-statement",
            Self::Text(text) => text.name,
        };
        name.to_owned()
    }

    /// Feeds it, and panics when what must hold does not. False for inputs that say nothing.
    pub fn run(&self, input: &[u8]) -> bool {
        let before = cost::Before::new();
        let runs = match self {
            Self::Format(format) => trees::of_format(*format, input),
            Self::Decoder(decoder) => decoders::run(decoder, input),
            Self::Image => trees::of_image(input),
            Self::Layout => trees::of_layout(input),
            Self::Inspect => attested::inspect(input),
            Self::Verify => attested::verify(input),
            Self::Attest => attested::attest(input),
            Self::Statement => attested::statement(input),
            Self::Text(text) => texts::run(text, input),
        };
        before.check(input.len(), runs);
        runs > 0
    }
}
