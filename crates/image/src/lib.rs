//! Bytes, spans, regions and limits: what every other crate of the core builds on.
//!
//! A [`Host`] lends the bytes of named sources; [`parse`] walks one of them with a [`Format`] and returns a
//! [`Tree`] whose leaves tile the image, and every decoded stream, exactly. Parsers see bytes only through
//! [`Input`], [`Window`] and [`Reader`], and write only through [`Builder`], which fills the gaps itself.
//!
//! ```
//! use kiwame_image::{
//!     Builder, Format, Glance, Input, Limits, Memory, Node, Options, Reading, Sure, parse,
//! };
//!
//! #[derive(Debug)]
//! struct Letters;
//! impl Format for Letters {
//!     fn name(&self) -> &'static str { "letters" }
//!     fn about(&self) -> &'static str { "two capital letters" }
//!     fn probe(&self, glance: &Glance<'_>) -> Option<Reading> {
//!         glance.bytes(0, 2).map(|_| Reading::new(self, Sure::Shape))
//!     }
//!     fn parse<'a>(&self, at: Input<'a>, out: &mut Builder<'_, 'a>) {
//!         out.add(Node::new("letters", "pair", "letters", at.slice(0, 2)));
//!     }
//! }
//!
//! let host = Memory::new([b"AB--".to_vec()]);
//! let tree = parse(&host, 0, 4, &Letters, &Limits::default(), &Options::default()).expect("memory can be read");
//! let leaves: Vec<_> = tree.leaves().map(|leaf| (leaf.kind, leaf.span.length)).collect();
//! assert_eq!(leaves, [("letters", 2), ("gap", 2)]);
//! ```
#![forbid(unsafe_code)]
#![deny(
    clippy::as_conversions,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::float_arithmetic
)]

mod attribute;
mod builder;
mod claim;
mod defect;
mod digest;
mod excerpt;
pub mod fact;
mod format;
mod host;
mod input;
mod limits;
mod normal;
mod opening;
mod order;
mod path;
mod pieces;
mod problem;
mod reader;
mod recognise;
pub mod role;
mod settings;
mod span;
mod spans;
mod tree;

pub use attribute::{Attribute, Stated, Value};
pub use builder::{Builder, Environment, Node, Options, Partition, Stage, parse, parse_with};
pub use claim::{Claim, Says, Sum};
pub use defect::{DEFECTS, Defect, DefectKind, Trouble};
pub use digest::{Algorithm, Digest, hex};
pub use excerpt::Excerpt;
pub use fact::Fact;
pub use format::{Anchor, Format, Glance, Reading, Sure, Whole};
pub use host::{Host, Memory, Part, ReadError};
pub use input::{Input, Window, all_are, lead_of};
pub use limits::{Budget, LimitKind, Limits};
pub use normal::{Form, Normal};
pub use opening::{Opening, Openings};
pub use order::{Arrange, Gather};
pub use path::{Segment, escape_key, is_pattern, name_fits, segments, space_of, unescape_key};
pub use pieces::{Piece, head_of};
pub use problem::{Problem, ProblemKind, Text, Words};
pub use reader::{Endian, Reader};
pub use recognise::{PROGRAM, Place, Recognised, Recogniser};
pub use role::Role;
pub use settings::{Settings, SettingsFile};
pub use span::{Span, len64, to_usize};
pub use spans::{Laid, Spans, lay_out};
pub use tree::{Content, Guid, Region, RegionId, Space, SpaceId, Tree};
