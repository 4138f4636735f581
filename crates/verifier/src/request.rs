//! The request, and what every verb needs of it.

use std::collections::BTreeMap;

use kiwame_decode::block::{self, Codec};
use kiwame_decode::{DecodeError, zlib};
use kiwame_image::{
    Algorithm, Digest, Excerpt, Host, LimitKind, Limits, Options, Part, Problem, Span, Text, Tree, Words,
    len64, to_usize,
};
use kiwame_report::{Lang, View, renderer};
use kiwame_trust::{PublicKey, Time, TrustError, dsse};
use serde::Deserialize;

use crate::{Response, problems};

/// What the host asks for.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Request {
    abi: u32,
    pub(crate) verb: String,
    #[serde(default)]
    pub(crate) sources: Vec<Source>,
    pub(crate) now: Option<String>,
    #[serde(default)]
    pub(crate) now_source: String,
    #[serde(default)]
    limits: BTreeMap<String, u64>,
    #[serde(default)]
    pub(crate) core_sha256: String,
    #[serde(default)]
    pub(crate) deep: bool,
    /// Programs in file systems are listed by their parts.
    #[serde(default)]
    pub(crate) sections: bool,
    pub(crate) expect: Option<String>,
    /// The channel, and the hardware revision, that the user expects.
    pub(crate) channel: Option<String>,
    pub(crate) hardware: Option<String>,
    #[serde(default)]
    render: String,
    #[serde(default)]
    lang: String,
    #[serde(default)]
    color: bool,
    #[serde(default)]
    width: usize,
    #[serde(default)]
    pub(crate) presented: Vec<String>,
    /// What the other images that were given have been compared with, as the core called it (`compared`).
    #[serde(default)]
    pub(crate) presented_as: Vec<String>,
    #[serde(default)]
    verbose: bool,
    /// Of `diff`, the list of what changed alone.
    #[serde(default)]
    stat: bool,
    /// False when nobody will read the output `report`: for a large image it takes as long as judging.
    #[serde(default = "yes")]
    report: bool,
    /// An image in which nothing is recognised may be attested as one piece.
    #[serde(default)]
    pub(crate) raw: bool,
    /// The report of `verify` lists every region, not just those that differ.
    #[serde(default)]
    pub(crate) regions: bool,
    #[serde(default)]
    pub(crate) insecure_accept_known_keys: bool,
    /// Bytes of the image, or of what a stream in it decodes to, that somebody wants to read.
    excerpt: Option<Wanted>,
    /// The one unit of a file of reports that somebody wants to see.
    pub(crate) unit: Option<String>,
    /// What only `lot` asks.
    #[serde(default)]
    pub(crate) lot: crate::lot::Asked,
}

fn yes() -> bool {
    true
}

/// A source that the host lends. Its number is its place in the list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Source {
    pub(crate) role: String,
    pub(crate) name: String,
    pub(crate) size: u64,
}

/// Bytes that somebody wants to read, as the report says where they lie.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    space: String,
    offset: u64,
    length: u64,
}

impl Wanted {
    fn excerpt(&self) -> Excerpt {
        Excerpt { space: self.space.clone(), span: Span::new(self.offset, self.length) }
    }
}

impl Request {
    /// The same of a part of that source, as if it were all of it.
    pub(crate) fn within(&self, number: u32, part: Span) -> Self {
        let mut request = self.clone();
        if let Some(source) = usize::try_from(number).ok().and_then(|at| request.sources.get_mut(at)) {
            source.size = part.length;
        }
        let excerpt = request.excerpt.take_if(|wanted| wanted.space == "image");
        // What lies outside is nobody's file.
        let moved = excerpt
            .and_then(|wanted| Some(Wanted { offset: wanted.offset.checked_sub(part.offset)?, ..wanted }));
        request.excerpt = moved.or(request.excerpt);
        request
    }

    /// The same with other content in place of that source.
    pub(crate) fn instead(&self, number: u32, name: &str, size: u64) -> Self {
        let mut request = self.clone();
        if let Some(source) = usize::try_from(number).ok().and_then(|at| request.sources.get_mut(at)) {
            source.size = size;
            name.clone_into(&mut source.name);
        }
        request
    }

    /// The same of a part of a device, whose spaces have paths of their own below that one.
    pub(crate) fn below(mut self, path: &str) -> Self {
        let space =
            self.excerpt.as_ref().and_then(|wanted| wanted.space.strip_prefix(path)?.strip_prefix('/'));
        let space = space.map(str::to_owned);
        match (&mut self.excerpt, space) {
            (Some(wanted), Some(space)) => wanted.space = space,
            // Another part's, or the dump's own, which was moved already.
            (Some(wanted), None) if wanted.space != "image" => self.excerpt = None,
            (_, _) => {}
        }
        self
    }

    pub(crate) fn parse(text: &[u8]) -> Result<Self, Problem> {
        let request: Self = serde_json::from_slice(text)
            .map_err(|error| Problem::new(&problems::REQUEST).arg("what", error.to_string()))?;
        if request.abi != crate::ABI {
            let (found, expected) = (u64::from(request.abi), u64::from(crate::ABI));
            return Err(Problem::new(&problems::ABI).arg("found", found).arg("expected", expected));
        }
        Ok(request)
    }
}

/// The language of a request that cannot be read otherwise.
pub(crate) fn lang_of(text: &[u8]) -> Lang {
    #[derive(Deserialize)]
    struct Asked {
        lang: String,
    }
    serde_json::from_slice::<Asked>(text).map_or(Lang::English, |asked| Lang::of(&asked.lang))
}

/// A request in the making: the request and its host.
pub(crate) struct Run<'a> {
    pub(crate) request: &'a Request,
    pub(crate) host: &'a dyn Host,
}

const BYTES: Text = Text::new("bytes", "バイト数");
const ARGUMENT: Text = Text::new("Correct the argument.", "引数を直す。");
/// Bytes that a policy, a key or a description may have: thousands of waivers or rules. Far above any real one.
const SMALL: u64 = 1 << 20;
/// Bytes of a source that are looked at in one go.
pub(crate) const PIECE: u64 = 64 << 10;
/// Bytes that a report to be shown may have: of a manifest's size.
const REPORT: u64 = 128 << 20;

impl<'a> Run<'a> {
    /// The sources in a role, with their numbers.
    pub(crate) fn sources(&self, role: &'a str) -> impl Iterator<Item = (u32, &'a Source)> + use<'a> {
        (0..).zip(&self.request.sources).filter(move |(_, source)| source.role == role)
    }

    /// The source of that number.
    pub(crate) fn source_at(&self, number: u32) -> Result<(u32, &'a Source), Problem> {
        let source = usize::try_from(number).ok().and_then(|at| self.request.sources.get(at));
        source.map(|source| (number, source)).ok_or_else(|| Problem::new(&problems::NONE_GIVEN).of("image"))
    }

    /// The one source in a role.
    pub(crate) fn source(&self, role: &'a str) -> Result<(u32, &'a Source), Problem> {
        let mut sources = self.sources(role);
        match (sources.next(), sources.next()) {
            (Some(source), None) => Ok(source),
            (None, _) => Err(Problem::new(&problems::NONE_GIVEN).of(role)),
            (Some(_), Some(_)) => Err(Problem::new(&problems::SEVERAL_GIVEN).of(role)),
        }
    }

    /// All bytes of a small source.
    pub(crate) fn read(&self, (number, source): (u32, &Source)) -> Result<Vec<u8>, Problem> {
        let most = match source.role.as_str() {
            "manifest" => dsse::MAX_ENVELOPE,
            "report" | "run" => REPORT,
            _ => SMALL,
        };
        if source.size > most {
            let (what, found, limit) = (BYTES, source.size, most);
            return Err(TrustError::TooLarge { what, found, limit }.problem().of(&source.name).exit(2));
        }
        let mut bytes = vec![0; to_usize(source.size)];
        self.host.read(number, 0, &mut bytes).map_err(|error| problems::unread(&source.name, error))?;
        match source.role.as_str() {
            "manifest" => unpacked(bytes).map_err(|problem| problem.of(&source.name)),
            _ => Ok(bytes),
        }
    }

    /// SHA-256 of a whole source, by the host.
    pub(crate) fn sha256(&self, (number, source): (u32, &Source)) -> Result<Digest, Problem> {
        self.digest(Algorithm::Sha256, number, source)
    }

    /// A digest of a whole source, by the host.
    pub(crate) fn digest(
        &self,
        algorithm: Algorithm,
        number: u32,
        source: &Source,
    ) -> Result<Digest, Problem> {
        let part = Part::Source { source: number, offset: 0, length: source.size };
        self.host.digest(algorithm, &[part]).map_err(|error| problems::unread(&source.name, error))
    }

    /// SHA-256 of bytes that the core holds.
    pub(crate) fn sha256_of(&self, bytes: &[u8]) -> Result<Digest, Problem> {
        let digest = self.host.digest(Algorithm::Sha256, &[Part::Memory(bytes)]);
        digest.map_err(|error| problems::unread("memory", error))
    }

    /// Takes an image apart.
    pub(crate) fn tree(&self, (number, source): (u32, &Source), options: &Options) -> Result<Tree, Problem> {
        if source.size == 0 {
            return Err(Problem::new(&problems::EMPTY).of(&source.name));
        }
        let wanted = self.request.excerpt.as_ref();
        let wanted = wanted.filter(|wanted| (1..=Excerpt::MOST).contains(&wanted.length));
        self.tree_of((number, source), &Options { excerpt: wanted.map(Wanted::excerpt), ..options.clone() })
    }

    /// The same, with an excerpt that the core itself asks for.
    pub(crate) fn tree_of(
        &self,
        (number, source): (u32, &Source),
        options: &Options,
    ) -> Result<Tree, Problem> {
        kiwame_formats::parse(self.host, number, source.size, &self.limits()?, options)
            .map_err(|error| problems::unread(&source.name, error))
    }

    /// The bytes of a place of a source, of a long one the first [`PIECE`].
    pub(crate) fn piece(&self, (number, source): (u32, &Source), place: Span) -> Result<Vec<u8>, Problem> {
        let mut bytes = vec![0; to_usize(PIECE.min(place.length))];
        let read = self.host.read(number, place.offset, &mut bytes);
        read.map(|()| bytes).map_err(|error| problems::unread(&source.name, error))
    }

    /// SHA-256 of a place of a source, by the host.
    pub(crate) fn sha256_at(&self, (number, source): (u32, &Source), place: Span) -> Result<Digest, Problem> {
        let part = Part::Source { source: number, offset: place.offset, length: place.length };
        let digest = self.host.digest(Algorithm::Sha256, &[part]);
        digest.map_err(|error| problems::unread(&source.name, error))
    }

    /// The limits, as the request changes them.
    pub(crate) fn limits(&self) -> Result<Limits, Problem> {
        let size = self.sources("image").map(|(_, source)| source.size).max().unwrap_or(0);
        let mut limits = Limits::for_image(size);
        for (name, &value) in &self.request.limits {
            let Some(kind) = LimitKind::named(name) else {
                let known = LimitKind::ALL.map(LimitKind::name).join(", ");
                let unknown = Problem::new(&problems::LIMIT).of("--limit");
                return Err(unknown.arg("name", name).arg("known", known));
            };
            kind.set(&mut limits, value);
        }
        Ok(limits)
    }

    /// The time that the host gave.
    pub(crate) fn now(&self) -> Result<Option<Time>, Problem> {
        let now = self.request.now.as_deref().map(Time::parse).transpose();
        now.map_err(|error| error.problem().of("--now").exit(2).then(ARGUMENT))
    }

    /// The keys that were given, vetted; each once.
    pub(crate) fn keys(&self) -> Result<Vec<PublicKey>, Problem> {
        let mut keys: Vec<PublicKey> = Vec::new();
        for source in self.sources("key") {
            let key =
                PublicKey::parse(&self.read(source)?).map_err(|error| error.problem().of(&source.1.name))?;
            if keys.contains(&key) {
                return Err(Problem::new(&problems::KEY_TWICE).of(&source.1.name));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(Problem::new(&problems::NO_KEY).of("--key")) } else { Ok(keys) }
    }

    /// The key that was given, vetted.
    pub(crate) fn key(&self) -> Result<PublicKey, Problem> {
        let source = self.source("key")?;
        let text = self.read(source)?;
        PublicKey::parse(&text).map_err(|error| error.problem().of(&source.1.name))
    }

    pub(crate) fn lang(&self) -> Lang {
        Lang::of(&self.request.lang)
    }

    /// How the user wants to see it.
    pub(crate) fn view(&self, image: &str) -> View {
        let Request { color, width, verbose, stat, .. } = *self.request;
        View {
            lang: self.lang(),
            color,
            width,
            verbose,
            claimed: false,
            date: None,
            stat,
            image: image.to_owned(),
        }
    }

    /// True when everything was asked for.
    pub(crate) fn verbose(&self) -> bool {
        self.request.verbose
    }

    /// True when machine-readable output was asked for.
    pub(crate) fn json(&self) -> bool {
        self.request.render == "json"
    }

    /// A report as the response: rendered to `stdout`, and canonical as `report`.
    pub(crate) fn respond(&self, report: &kiwame_report::Report, view: &View) -> Result<Response, Problem> {
        let name = if self.request.render.is_empty() { "text" } else { &self.request.render };
        let renderer = renderer(name)
            .ok_or_else(|| Problem::new(&problems::RENDERING).of("--format").arg("name", name))?;
        let response = Response { exit: report.exit_code, ..Response::default() };
        let response = response.with("stdout", renderer.render(report, view));
        let excerpt = report.regions.excerpt();
        let response = excerpt.into_iter().fold(response, |response, bytes| response.with("excerpt", bytes));
        Ok(if self.request.report { response.with("report", report.canonical()) } else { response })
    }
}

/// What is wrong with a stream.
fn decoding(error: DecodeError) -> Words {
    let japanese = match error {
        DecodeError::Overflow => "内容が上限を超える",
        DecodeError::Malformed { .. } => "ストリームの形式が不正",
        DecodeError::Truncated => "ストリームが途中で終わっている",
        DecodeError::SizeMismatch => "ストリームの大きさが記載と違う",
    };
    Words::new(error.what(), japanese)
}

/// Bytes that the header of a packed manifest may have: a file's name fits.
const LONGEST_HEAD: u64 = 300;

/// What lies in a manifest that is packed, whole: one stream of gzip (RFC 1952) or Zstandard (RFC 8878), and nothing else.
fn unpacked(bytes: Vec<u8>) -> Result<Vec<u8>, Problem> {
    let room = dsse::MAX_ENVELOPE;
    let decoded = match bytes.as_slice() {
        [0x1f, 0x8b, 8, ..] => {
            let head = zlib::gzip_header(&bytes);
            if head > LONGEST_HEAD {
                let problem = Problem::new(&problems::PACKED_HEADER);
                return Err(problem.arg("found", head).arg("limit", LONGEST_HEAD));
            }
            let body = bytes.get(to_usize(head)..).unwrap_or_default();
            let decoded = zlib::gzip_body(body, None, room);
            decoded.map(|decoded| (head.saturating_add(decoded.consumed), decoded.bytes))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoded = block::decode(Codec::Zstd, &bytes, None, room);
            decoded.map(|decoded| (decoded.consumed, decoded.bytes))
        }
        _ => return Ok(bytes),
    };
    match decoded {
        Ok((consumed, text)) if consumed == len64(&bytes) => Ok(text),
        Ok((consumed, _)) => Err(Problem::new(&problems::PACKED_REST)
            .arg("found", len64(&bytes).saturating_sub(consumed))
            .arg("offset", format!("{consumed:#x}"))),
        Err(error) => Err(Problem::new(&problems::PACKED_BROKEN)
            .arg("offset", format!("{:#x}", error.offset()))
            .arg("what", decoding(error))),
    }
}
