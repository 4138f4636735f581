//! JSON Schemas, draft 2020-12.

use serde_json::{Map, Value, json};

use super::source::{Field, Form, Grammar, Need, Sort, Source, Table};
use super::{File, Notation};

/// Where the schema of a file is.
pub(super) fn place(file: &File) -> String {
    format!("docs/schemas/{}.schema.json", file.schema)
}

/// By what name it is known.
pub(super) fn id(file: &File) -> String {
    format!("urn:kiwame:schema:{}", file.schema)
}

pub(super) fn text(source: &Source, file: &File, tables: &[Table]) -> Result<String, String> {
    let schema = schema(source, file, tables)?;
    serde_json::to_string_pretty(&schema).map(|text| text + "\n").map_err(|error| error.to_string())
}

/// The schema of a file.
pub(super) fn schema(source: &Source, file: &File, tables: &[Table]) -> Result<Value, String> {
    let maker = Maker { source, file };
    let (root, rest) = tables.split_first().ok_or("no table")?;
    let mut defs = Map::new();
    for table in rest {
        defs.insert(table.name.clone(), maker.table(table)?);
    }
    let Value::Object(mut schema) = maker.table(root)? else { return Err("no table".to_owned()) };
    schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("$id".to_owned(), json!(id(file)));
    schema.insert("title".to_owned(), json!(file.name));
    schema.insert("description".to_owned(), json!(plain(file.about)));
    schema.insert("$defs".to_owned(), Value::Object(defs));
    Ok(Value::Object(schema))
}

struct Maker<'a> {
    source: &'a Source,
    file: &'a File,
}

impl Maker<'_> {
    fn table(&self, table: &Table) -> Result<Value, String> {
        let mut properties = Map::new();
        for field in &table.fields {
            let place = || format!("{} {}.{}", self.file.name, table.name, field.name);
            let made = self.field(field).map_err(|error| format!("{}: {error}", place()))?;
            properties.insert(field.name.clone(), made);
        }
        let required = table.fields.iter().filter(|field| field.need == Need::Required);
        let required: Vec<_> = required.map(|field| &field.name).collect();
        let mut schema = json!({
            "type": "object", "properties": properties, "required": required, "additionalProperties": false,
        });
        if self.file.open {
            schema["patternProperties"] = json!({ "^x-": true });
        }
        Ok(schema)
    }

    fn field(&self, field: &Field) -> Result<Value, String> {
        let mut schema = self.sort(&field.sort)?;
        // What the form says stands behind what the field says: of a reference, editors show one of both.
        let form = match &field.sort {
            Sort::Form(name) => format!(" {}", self.source.form(name).meaning),
            _ => String::new(),
        };
        schema["description"] = json!(plain(&format!("{}{form}", field.meaning)));
        if let Some(only) = &field.only {
            schema["const"] = self.value(only)?;
        }
        if !field.words.is_empty() {
            schema["enum"] = json!(field.words);
        }
        if let Need::Default(default) = &field.need {
            schema["default"] = self.value(default)?;
        }
        if let Some(example) = &field.example {
            schema["examples"] = json!([self.value(example)?]);
        }
        Ok(schema)
    }

    fn sort(&self, sort: &Sort) -> Result<Value, String> {
        let sha256 = |others: bool| -> Result<Value, String> {
            let properties = json!({ "sha256": self.sort(&Sort::Form("Sha256".to_owned()))? });
            Ok(json!({
                "type": "object", "properties": properties, "required": ["sha256"], "additionalProperties": others,
            }))
        };
        Ok(match sort {
            Sort::Text => json!({ "type": "string" }),
            Sort::Number => json!({ "type": "integer", "minimum": 0 }),
            Sort::Byte => json!({ "type": "integer", "minimum": 0, "maximum": 255 }),
            Sort::Flag => json!({ "type": "boolean" }),
            Sort::Form(name) => self.form(self.source.form(name))?,
            Sort::Table(name) => json!({ "$ref": format!("#/$defs/{name}") }),
            Sort::List(of) => json!({ "type": "array", "items": self.sort(of)? }),
            Sort::Some(of) => json!({ "type": "array", "items": self.sort(of)?, "minItems": 1 }),
            Sort::Map(of) => json!({ "type": "object", "additionalProperties": self.sort(of)? }),
            Sort::Digests => sha256(true)?,
            Sort::Sha256 => sha256(false)?,
            Sort::Anything => json!({}),
        })
    }

    fn form(&self, form: &Form) -> Result<Value, String> {
        let mut schema = json!({ "type": "string", "description": plain(&form.meaning) });
        let pattern =
            form.pattern.clone().or_else(|| (form.rust == "Grammar").then(|| pattern(&self.source.grammars)));
        if let Some(pattern) = pattern {
            schema["pattern"] = json!(pattern);
        }
        if !form.words.is_empty() {
            schema["enum"] = json!(form.words.iter().map(|(word, _)| word).collect::<Vec<_>>());
        }
        if form.rust == "Grammar" {
            schema["examples"] =
                json!(self.source.grammars.iter().map(|one| &one.example).collect::<Vec<_>>());
        } else if let Some(example) = &form.example {
            schema["examples"] = json!([self.value(example)?]);
        }
        Ok(schema)
    }

    /// A value as it stands in a file.
    fn value(&self, text: &str) -> Result<Value, String> {
        match self.file.notation {
            Notation::Json => serde_json::from_str(text).map_err(|error| format!("{text}: {error}")),
            Notation::Toml => {
                let table: toml::Table =
                    toml::from_str(&format!("value = {text}")).map_err(|error| format!("{text}: {error}"))?;
                serde_json::to_value(&table["value"]).map_err(|error| format!("{text}: {error}"))
            }
        }
    }
}

/// What every grammar looks like.
pub(super) fn pattern(grammars: &[Grammar]) -> String {
    let one = |grammar: &Grammar| {
        let (word, behind) = grammar.spelling.split_once(':').unwrap_or((&grammar.spelling, ""));
        let behind = match behind {
            "" => "",
            "N" => ":[0-9]+",
            "FROM-TO" => ":[0-9]+-[0-9]+",
            "HEX" => ":[0-9a-f]*",
            _ => ":.+",
        };
        format!("{word}{behind}")
    };
    format!("^({})$", grammars.iter().map(one).collect::<Vec<_>>().join("|"))
}

/// Without the signs around what is quoted.
fn plain(text: &str) -> String {
    text.replace('`', "")
}
