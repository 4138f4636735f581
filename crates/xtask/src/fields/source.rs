//! The tables, as they stand in the source of the readers.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use syn::{
    Attribute, Expr, Fields, GenericArgument, Item, ItemEnum, ItemStruct, Lit, Meta, PathArguments, Type,
};

use super::{FILES, File};

/// Where the forms of values are.
const FORMS: &str = "crates/trust/src/forms.rs";
/// Where the grammars are.
const GRAMMARS: &str = "crates/trust/src/grammar.rs";
/// Forms that are one of some words: the types whose `name` gives them.
const WORDS: [(&str, &str); 15] = [
    ("Algorithm", "crates/image/src/digest.rs"),
    ("Anchor", "crates/trust/src/manifest.rs"),
    ("Basis", "crates/appraisal/src/account.rs"),
    ("Class", "crates/appraisal/src/account.rs"),
    ("Coverage", "crates/trust/src/manifest.rs"),
    ("Expect", "crates/trust/src/settings.rs"),
    ("Files", "crates/trust/src/manifest.rs"),
    ("Method", "crates/trust/src/manifest.rs"),
    ("PartContent", "crates/trust/src/devices.rs"),
    ("RevocationReason", "crates/trust/src/policy.rs"),
    ("RuleType", "crates/trust/src/rules.rs"),
    ("Settings", "crates/image/src/settings.rs"),
    ("Severity", "crates/appraisal/src/kind.rs"),
    ("Tier", "crates/appraisal/src/verdict.rs"),
    ("WhenEmpty", "crates/trust/src/rules.rs"),
];
/// Types that are read as others are.
const ALIKE: [(&str, &str); 4] = [
    ("Regions", "Vec<RegionOf>"),
    ("Facts", "BTreeMap<String, Json>"),
    ("StatementType", "String"),
    ("PredicateType", "String"),
];
/// What serde may be told about a type or a field; anything else could change what is read.
const KNOWN: [&str; 5] = ["deny_unknown_fields", "rename_all", "default", "rename", "skip_serializing_if"];

/// All of it.
#[derive(Debug)]
pub(super) struct Source {
    /// The tables of each of `FILES`, that of the root first.
    pub(super) files: Vec<Vec<Table>>,
    pub(super) forms: Vec<Form>,
    pub(super) grammars: Vec<Grammar>,
}

/// A table or an object.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: String,
    pub(super) fields: Vec<Field>,
}

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) sort: Sort,
    pub(super) need: Need,
    pub(super) meaning: String,
    pub(super) example: Option<String>,
    /// Its only value.
    pub(super) only: Option<String>,
    /// All its values.
    pub(super) words: Vec<String>,
}

/// Whether a field has to be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Need {
    Required,
    Optional,
    /// It counts as this when it is not there.
    Default(String),
}

/// What a field holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    Text,
    Number,
    /// A number from 0 to 255.
    Byte,
    Flag,
    /// A text of that form.
    Form(String),
    /// A table of that type.
    Table(String),
    List(Box<Sort>),
    /// A list of one thing at least.
    Some(Box<Sort>),
    /// Any names.
    Map(Box<Sort>),
    /// An in-toto `DigestSet`.
    Digests,
    /// A `DigestSet` of SHA-256 alone.
    Sha256,
    Anything,
}

/// A form of values.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) rust: String,
    pub(super) meaning: String,
    pub(super) pattern: Option<String>,
    pub(super) example: Option<String>,
    /// All values, with what each means.
    pub(super) words: Vec<(String, String)>,
}

impl Form {
    /// Its name for people.
    pub(super) fn name(&self) -> String {
        spelt(&self.rust, '-')
    }
}

/// A grammar.
#[derive(Debug)]
pub(super) struct Grammar {
    pub(super) spelling: String,
    pub(super) length: Option<String>,
    pub(super) meaning: String,
    pub(super) example: String,
    pub(super) takes: String,
}

impl Source {
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let forms = forms(root)?;
        let files = FILES.iter().map(|file| tables(root, file, &forms)).collect::<Result<_, _>>()?;
        Ok(Self { files, forms, grammars: grammars(root)? })
    }

    pub(super) fn form(&self, rust: &str) -> &Form {
        self.forms.iter().find(|form| form.rust == rust).expect("`sort` looked it up")
    }
}

/// `CamelCase` or `snake_case` in small letters, with a sign between the words.
pub(super) fn spelt(name: &str, between: char) -> String {
    let mut spelt = String::new();
    for sign in name.chars() {
        match sign {
            '_' => spelt.push(between),
            _ if sign.is_ascii_uppercase() => {
                if !spelt.is_empty() {
                    spelt.push(between);
                }
                spelt.push(sign.to_ascii_lowercase());
            }
            _ => spelt.push(sign),
        }
    }
    spelt
}

/// `snake_case` with capitals inside.
pub(super) fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| name + &word[..1].to_ascii_uppercase() + &word[1..])
}

fn parse(root: &Path, place: &str) -> Result<Vec<Item>, String> {
    let text = fs::read_to_string(root.join(place)).map_err(|error| format!("{place}: {error}"))?;
    syn::parse_file(&text).map(|file| file.items).map_err(|error| format!("{place}: {error}"))
}

/// The comment on something, with what it says in words of its own: ``Example: `x` ``.
struct Comment(String);

const TAGS: [&str; 9] = [
    "Example: `",
    "Default: `",
    "Always `",
    "One of: `",
    "Pattern: `",
    "Spelling: `",
    "Length: `",
    "Takes: `",
    "`",
];

impl Comment {
    fn of(attributes: &[Attribute]) -> Self {
        let lines = attributes.iter().filter_map(|attribute| {
            let Meta::NameValue(pair) = &attribute.meta else { return None };
            let Expr::Lit(literal) = &pair.value else { return None };
            let Lit::Str(text) = &literal.lit else { return None };
            pair.path.is_ident("doc").then(|| text.value().trim().to_owned())
        });
        Self(lines.collect::<Vec<_>>().join(" "))
    }

    /// The meaning: what stands before the first of them.
    fn meaning(&self) -> String {
        let tags = TAGS.iter().filter(|tag| tag.len() > 1);
        let end = tags.filter_map(|tag| self.0.find(&format!(" {tag}"))).min();
        self.0[..end.unwrap_or(self.0.len())].to_owned()
    }

    fn tag(&self, tag: &str) -> Option<String> {
        let (_, behind) = self.0.split_once(&format!("{tag} `"))?;
        behind.split_once('`').map(|(value, _)| value.to_owned())
    }

    /// Words in a row, each between its signs.
    fn words(&self) -> Vec<String> {
        let Some((_, behind)) = self.0.split_once("One of: ") else { return Vec::new() };
        let list = behind.split(" Example: ").next().unwrap_or_default();
        list.split(", ").map(|word| word.trim_matches('`').to_owned()).collect()
    }
}

fn forms(root: &Path) -> Result<Vec<Form>, String> {
    let mut forms = Vec::new();
    for item in parse(root, FORMS)? {
        let Item::Type(alias) = item else { continue };
        let comment = Comment::of(&alias.attrs);
        let rust = alias.ident.to_string();
        let words = match rust.as_str() {
            "Format" => {
                kiwame_formats::formats().map(|format| (format.name().to_owned(), String::new())).collect()
            }
            "NotSeen" => {
                let listed = kiwame_report::NOT_SEEN.iter();
                listed.map(|(id, english, _)| ((*id).to_owned(), format!("{english}."))).collect()
            }
            name => match WORDS.iter().find(|(one, _)| *one == name) {
                Some((_, place)) => words(&parse(root, place)?, name)?,
                None => Vec::new(),
            },
        };
        let (pattern, example) = (comment.tag("Pattern:"), comment.tag("Example:"));
        forms.push(Form { meaning: comment.meaning(), pattern, example, words, rust });
    }
    Ok(forms)
}

/// The words that the function `name` of a type gives, with the comments on its variants.
fn words(items: &[Item], name: &str) -> Result<Vec<(String, String)>, String> {
    let missing = || format!("{name}: no `enum` with a function `name` that matches its variants");
    let variants = items.iter().find_map(|item| match item {
        Item::Enum(one) if one.ident == name => Some(one),
        _ => None,
    });
    let named: BTreeMap<_, _> = items.iter().flat_map(|item| names(item, name)).collect();
    let word = |variant: &syn::Variant| {
        let word = named.get(&variant.ident.to_string()).ok_or_else(missing)?;
        Ok((word.clone(), Comment::of(&variant.attrs).meaning()))
    };
    variants.ok_or_else(missing)?.variants.iter().map(word).collect()
}

/// `Self::Variant => "word"` of the function `name` of an `impl`.
fn names(item: &Item, of: &str) -> Vec<(String, String)> {
    let Item::Impl(block) = item else { return Vec::new() };
    let is_of = matches!(&*block.self_ty, Type::Path(path) if path.path.is_ident(of));
    let functions = block.items.iter().filter_map(|item| match item {
        syn::ImplItem::Fn(function) if is_of && function.sig.ident == "name" => Some(function),
        _ => None,
    });
    let matches =
        functions.flat_map(|function| &function.block.stmts).filter_map(|statement| match statement {
            syn::Stmt::Expr(Expr::Match(one), _) => Some(one),
            _ => None,
        });
    let pair = |arm: &syn::Arm| {
        let (syn::Pat::Path(path), Expr::Lit(literal)) = (&arm.pat, &*arm.body) else { return None };
        let Lit::Str(word) = &literal.lit else { return None };
        Some((path.path.segments.last()?.ident.to_string(), word.value()))
    };
    matches.flat_map(|one| &one.arms).filter_map(pair).collect()
}

fn grammars(root: &Path) -> Result<Vec<Grammar>, String> {
    let mut grammars = Vec::new();
    for item in parse(root, GRAMMARS)? {
        let Item::Static(one) = item else { continue };
        let comment = Comment::of(&one.attrs);
        let Some(spelling) = comment.tag("Spelling:") else { continue };
        let missing = |tag: &str| format!("{GRAMMARS}: {}: no `{tag}`", one.ident);
        let tag = |tag: &str| comment.tag(tag).ok_or_else(|| missing(tag));
        grammars.push(Grammar {
            spelling,
            length: comment.tag("Length:"),
            meaning: comment.meaning(),
            example: tag("Example:")?,
            takes: tag("Takes:")?,
        });
    }
    Ok(grammars)
}

/// The tables of a file: the root and what can be reached from it.
fn tables(root: &Path, file: &File, forms: &[Form]) -> Result<Vec<Table>, String> {
    let (mut structs, mut enums) = (Vec::new(), Vec::new());
    for place in file.sources {
        let (more, others) = types(&parse(root, place)?, place)?;
        structs.extend(more);
        enums.extend(others);
    }
    let reader = Reader { file, forms, structs: &structs, enums: &enums };
    let mut tables: Vec<Table> = Vec::new();
    let mut waiting = vec![file.root.to_owned()];
    while let Some(name) = waiting.pop() {
        if tables.iter().any(|table| table.name == name) {
            continue;
        }
        let of =
            structs.iter().find(|one| one.ident == name).ok_or_else(|| format!("{name}: no such type"))?;
        let fields = reader.fields(of)?;
        waiting.extend(fields.iter().rev().filter_map(|field| field.sort.table().map(str::to_owned)));
        tables.push(Table { name, fields });
    }
    Ok(tables)
}

type Types = (Vec<ItemStruct>, Vec<ItemEnum>);

/// The types of a file, also those that the macro `closed` makes.
fn types(items: &[Item], place: &str) -> Result<Types, String> {
    let (mut structs, mut enums) = (Vec::new(), Vec::new());
    for item in items {
        match item {
            Item::Struct(one) => structs.push(one.clone()),
            Item::Enum(one) => enums.push(one.clone()),
            Item::Macro(one) if one.mac.path.is_ident("closed") => {
                let tables = one.mac.parse_body_with(|input: syn::parse::ParseStream<'_>| {
                    let mut tables = Vec::new();
                    while !input.is_empty() {
                        tables.push(input.parse()?);
                    }
                    Ok(tables)
                });
                structs.extend(tables.map_err(|error| format!("{place}: {error}"))?);
            }
            _ => {}
        }
    }
    Ok((structs, enums))
}

impl Sort {
    /// The table that it is or holds.
    pub(super) fn table(&self) -> Option<&str> {
        match self {
            Self::Table(name) => Some(name),
            Self::List(of) | Self::Some(of) | Self::Map(of) => of.table(),
            _ => None,
        }
    }

    /// The form that it has or holds.
    pub(super) fn form(&self) -> Option<&str> {
        match self {
            Self::Form(name) => Some(name),
            Self::List(of) | Self::Some(of) | Self::Map(of) => of.form(),
            Self::Digests | Self::Sha256 => Some("Sha256"),
            _ => None,
        }
    }
}

struct Reader<'a> {
    file: &'a File,
    forms: &'a [Form],
    structs: &'a [ItemStruct],
    enums: &'a [ItemEnum],
}

impl Reader<'_> {
    fn fields(&self, of: &ItemStruct) -> Result<Vec<Field>, String> {
        let serde = serde(&of.attrs)?;
        let by_macro =
            of.fields.iter().any(|field| field.attrs.iter().any(|one| one.path().is_ident("json")));
        if !by_macro && !serde.contains_key("deny_unknown_fields") {
            return Err(format!("{}: not closed: `deny_unknown_fields` is missing", of.ident));
        }
        let Fields::Named(named) = &of.fields else {
            return Err(format!("{}: fields without names", of.ident));
        };
        let field = |field| {
            let read = self.field(field, serde.get("rename_all").map(String::as_str));
            read.map_err(|error| format!("{}.{error}", of.ident))
        };
        named.named.iter().map(field).collect()
    }

    fn field(&self, field: &syn::Field, rename_all: Option<&str>) -> Result<Field, String> {
        let rust = field.ident.as_ref().map(ToString::to_string).unwrap_or_default();
        let told = serde(&field.attrs)?;
        let json = field.attrs.iter().find(|one| one.path().is_ident("json"));
        let json = json.map(|one| one.parse_args::<syn::LitStr>().map(|name| name.value()));
        let json = json.transpose().map_err(|error| format!("{rust}: {error}"))?;
        let by_macro = json.is_some();
        let name = json.or_else(|| told.get("rename").cloned()).unwrap_or_else(|| match rename_all {
            Some("kebab-case") => spelt(&rust, '-'),
            Some("camelCase") => camel(&rust),
            _ => rust.clone(),
        });
        let comment = Comment::of(&field.attrs);
        let (absent, sort) = self.sort(&field.ty).map_err(|error| format!("{rust}: {error}"))?;
        let may = absent
            || told.contains_key("default")
            || told.contains_key("skip_serializing_if")
            || by_macro && matches!(sort, Sort::Flag | Sort::List(_) | Sort::Map(_));
        let need = match (comment.tag("Default:"), may) {
            (Some(default), true) => Need::Default(default),
            (Some(_), false) => return Err(format!("{rust}: a default, and it has to be there")),
            (None, false) => Need::Required,
            (None, true) => match sort {
                Sort::Flag => Need::Default("false".to_owned()),
                Sort::Number if !absent => Need::Default("0".to_owned()),
                _ => Need::Optional,
            },
        };
        let (mut words, only) = (comment.words(), comment.tag("Always"));
        if let Type::Path(path) = &field.ty
            && let Some(depth) =
                self.enums.iter().find(|one| path.path.is_ident(&one.ident) && sort == Sort::Text)
        {
            words = depth.variants.iter().map(|one| spelt(&one.ident.to_string(), '-')).collect();
        }
        Ok(Field {
            name,
            sort,
            need,
            meaning: comment.meaning(),
            example: comment.tag("Example:"),
            only,
            words,
        })
    }

    /// What a type holds, and whether it may be absent.
    fn sort(&self, of: &Type) -> Result<(bool, Sort), String> {
        let Type::Path(path) = of else { return Err("a type that has no name".to_owned()) };
        let last = path.path.segments.last().ok_or("a type without a name")?;
        let within = |number: usize| match &last.arguments {
            PathArguments::AngleBracketed(arguments) => match arguments.args.iter().nth(number) {
                Some(GenericArgument::Type(of)) => Ok(self.sort(of)?.1),
                _ => Err("a type of nothing".to_owned()),
            },
            _ => Err("a type of nothing".to_owned()),
        };
        let name = last.ident.to_string();
        if let Some((_, alike)) = ALIKE.iter().find(|(one, _)| *one == name) {
            return self.sort(&syn::parse_str(alike).map_err(|error| error.to_string())?);
        }
        let plain = match name.as_str() {
            "Option" => return Ok((true, within(0)?)),
            "String" => Sort::Text,
            "u64" | "usize" => Sort::Number,
            "u8" | "Byte" => Sort::Byte,
            "bool" => Sort::Flag,
            "Vec" | "Listed" => Sort::List(Box::new(within(0)?)),
            "AtLeastOne" => Sort::Some(Box::new(within(0)?)),
            "BTreeMap" => Sort::Map(Box::new(within(1)?)),
            "DigestSet" => Sort::Digests,
            "RegionDigest" => Sort::Sha256,
            "Value" | "Json" => Sort::Anything,
            _ if self.forms.iter().any(|form| form.rust == name) => Sort::Form(name),
            _ if self.structs.iter().any(|one| one.ident == name) => Sort::Table(name),
            _ if self.enums.iter().any(|one| one.ident == name) => Sort::Text,
            _ => {
                return Err(format!(
                    "{name} is no form of {FORMS} and no table of {}",
                    self.file.sources.join(", ")
                ));
            }
        };
        Ok((false, plain))
    }
}

/// What serde is told about something.
fn serde(attributes: &[Attribute]) -> Result<BTreeMap<String, String>, String> {
    let mut told = BTreeMap::new();
    for attribute in attributes.iter().filter(|one| one.path().is_ident("serde")) {
        let read = attribute.parse_nested_meta(|meta| {
            let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
            let value = match meta.value() {
                Ok(value) => value.parse::<syn::LitStr>()?.value(),
                Err(_) => String::new(),
            };
            told.insert(name, value);
            Ok(())
        });
        read.map_err(|error| error.to_string())?;
    }
    match told.keys().find(|name| !KNOWN.contains(&name.as_str())) {
        Some(name) => Err(format!("serde is told `{name}`, which nobody here knows")),
        None => Ok(told),
    }
}
