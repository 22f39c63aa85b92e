//! Schema text → model, by the specification of Avro 1.12; every mistake at once, with its place.
//!
//! Where the specification leaves room, Apache's Java decides, so that what it writes can be read: a reference that its own namespace does
//! not know is looked up without one, and `{"type": "Name"}` may refer to a name.

use super::from_json::{Defaults, FromJson, Unions};
use super::json::{self, Tree};
use super::logical;
use super::name::{self, Name};
use super::schema::{
    Attributes, Default, Enum, Field, Fixed, Ignored, Kind, Node, NodeId, Order, Record, Schema,
};
use crate::near;
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The longest text of a schema.
pub const SCHEMA_BYTES_MAX: usize = 4 << 20;

/// The most types in a schema.
const NODES_MAX: usize = 100_000;

/// Mistakes told at once.
const MISTAKES_MAX: usize = 100;

/// Names, and letters of a name, that are compared with one that is not known.
const COMPARED_MAX: usize = 100;

/// The largest fixed: 64 MiB.
const FIXED_MAX: i64 = 64 << 20;

/// How a schema is read.
#[derive(Debug, Clone, std::default::Default)]
pub struct SchemaOptions {
    /// The file that mistakes are placed in.
    pub file: Option<PathBuf>,
    /// Records need no name. Apache's Java makes such schemas (the parameters of a message are one), and compares them; the specification wants a
    /// name.
    pub unnamed_records: bool,
}

impl Schema {
    /// Reads the text of a schema.
    ///
    /// # Errors
    /// `ST0033` for each mistake: line, column and JSON pointer, the reason, and a hint.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &SchemaOptions::default())
    }

    /// Reads the text of a schema.
    ///
    /// # Errors
    /// As [`Schema::parse`].
    pub fn parse_with(text: &str, options: &SchemaOptions) -> Result<Self> {
        let mut parser = Parser {
            text,
            options,
            nodes: Vec::new(),
            names: BTreeMap::new(),
            path: Vec::new(),
            errors: Vec::new(),
            ignored: Vec::new(),
            defaults: Vec::new(),
        };
        if text.len() > SCHEMA_BYTES_MAX {
            parser.wrong(0, format!("the schema is longer than {SCHEMA_BYTES_MAX} bytes"), "divide it");
            return Err(parser.failed());
        }
        let json = match json::read(text) {
            Ok(json) => json,
            Err(wrong) => {
                parser.wrong(wrong.at, wrong.why, "mend the JSON at this place");
                return Err(parser.failed());
            }
        };
        let root = parser.schema(&json, "");
        parser.defaults();
        match root {
            Some(root) if parser.errors.is_empty() => {
                Ok(Self { text: text.to_owned(), nodes: parser.nodes, root, ignored: parser.ignored })
            }
            _ => Err(parser.failed()),
        }
    }
}

/// A default that waits until every type is known.
struct Pending<'t> {
    record: NodeId,
    field: usize,
    json: &'t json::Node,
    path: String,
}

struct Parser<'t> {
    text: &'t str,
    options: &'t SchemaOptions,
    nodes: Vec<Node>,
    names: BTreeMap<String, NodeId>,
    path: Vec<String>,
    errors: Vec<Error>,
    ignored: Vec<Ignored>,
    defaults: Vec<Pending<'t>>,
}

impl<'t> Parser<'t> {
    fn failed(self) -> Error {
        Error::many(self.errors).unwrap_or_else(|| {
            Error::new(codes::INTERNAL, "a schema was refused without a reason")
                .hint("report this with the schema")
        })
    }

    fn pointer(&self) -> String {
        self.path.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
    }

    fn wrong(&mut self, at: usize, message: impl Into<String>, hint: impl Into<String>) {
        let path = self.pointer();
        self.wrong_in(at, path, message, hint);
    }

    fn wrong_in(&mut self, at: usize, path: String, message: impl Into<String>, hint: impl Into<String>) {
        if self.errors.len() >= MISTAKES_MAX {
            return;
        }
        let (line, column) = json::line_and_column(self.text, at);
        let field = (!path.is_empty()).then_some(path);
        let place = Place { file: self.options.file.clone(), field, ..Place::default() }.at(line, column);
        self.errors.push(Error::new(codes::SCHEMA, message).place(place).hint(hint));
    }

    fn inside<T>(&mut self, step: impl Into<String>, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(step.into());
        let done = work(self);
        self.path.pop();
        done
    }

    fn push(&mut self, kind: Kind, attributes: Attributes, at: usize) -> Option<NodeId> {
        if self.nodes.len() >= NODES_MAX {
            if self.nodes.len() == NODES_MAX {
                self.wrong(at, format!("the schema has more than {NODES_MAX} types"), "divide it");
            }
            return None;
        }
        let id = NodeId(u32::try_from(self.nodes.len()).ok()?);
        self.nodes.push(Node { kind, logical: None, attributes });
        Some(id)
    }

    fn schema(&mut self, json: &'t json::Node, space: &str) -> Option<NodeId> {
        match &json.tree {
            Tree::Text(word) => match primitive(word) {
                Some(kind) => self.push(kind, Attributes::new(), json.at),
                None => self.reference(word, space, json.at),
            },
            Tree::List(branches) => self.union(branches, space, json.at),
            Tree::Map(_) => self.object(json, space),
            _ => {
                let hint = "write the name of a type, a list of types, or {\"type\": ...}";
                self.wrong(json.at, format!("{} is no schema", json.kind()), hint);
                None
            }
        }
    }

    fn reference(&mut self, word: &str, space: &str, at: usize) -> Option<NodeId> {
        let full = Name::complete(word, space);
        let found = self.names.get(full.full()).or_else(|| self.names.get(word)).copied();
        if found.is_none() {
            let hint = if matches!(word, "record" | "error" | "enum" | "array" | "map" | "fixed") {
                format!("define it in place: {{\"type\": \"{word}\", ...}}")
            } else {
                let known = PRIMITIVES.into_iter().chain(self.names.keys().map(String::as_str));
                match near::nearest(word, self.comparable(word, known)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "a type is defined before it is referred to, in the order of the text".to_owned(),
                }
            };
            self.wrong(at, format!("there is no type `{word}`"), hint);
        }
        found
    }

    /// What a word may have been meant for: few and short enough that a hostile text does not make much work of hints that nobody reads.
    fn comparable<'n>(&self, word: &str, known: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
        if word.len() > COMPARED_MAX || self.errors.len() >= MISTAKES_MAX {
            return Vec::new();
        }
        known.take(COMPARED_MAX).filter(|name| name.len() <= COMPARED_MAX).collect()
    }

    fn union(&mut self, branches: &'t [json::Node], space: &str, at: usize) -> Option<NodeId> {
        let mut ids = Vec::with_capacity(branches.len());
        let mut seen = BTreeSet::new();
        for (number, branch) in branches.iter().enumerate() {
            self.inside(number.to_string(), |p| {
                let Some(id) = p.schema(branch, space) else { return };
                let kind = &p.nodes[id.0 as usize].kind;
                if matches!(kind, Kind::Union(_)) {
                    p.wrong(
                        branch.at,
                        "a union stands directly in a union",
                        "put its branches into the outer one",
                    );
                } else if !seen.insert(kind.branch_name().to_owned()) {
                    let what = format!("the union has two branches of {}", kind.describe());
                    p.wrong(branch.at, what, "keep one: bytes could not tell them apart");
                } else {
                    ids.push(id);
                }
            });
        }
        self.push(Kind::Union(ids), Attributes::new(), at)
    }

    fn object(&mut self, json: &'t json::Node, space: &str) -> Option<NodeId> {
        let Some(ty) = json.get("type") else {
            self.wrong(json.at, "`type` is missing", "write {\"type\": ...}");
            return None;
        };
        let Tree::Text(word) = &ty.tree else {
            let hint = "write the inner schema in place of the outer object";
            self.wrong(ty.at, format!("`type` is {}, not the name of a type", ty.kind()), hint);
            return None;
        };
        let id = match word.as_str() {
            "record" | "error" => self.record(json, space, word == "error")?,
            "enum" => self.enumeration(json, space)?,
            "fixed" => self.fixed(json, space)?,
            "array" => {
                let item = self.member(json, "items", space)?;
                self.push(Kind::Array(item), others(json, &["type", "items"]), json.at)?
            }
            "map" => {
                let item = self.member(json, "values", space)?;
                self.push(Kind::Map(item), others(json, &["type", "values"]), json.at)?
            }
            word => match primitive(word) {
                Some(kind) => self.push(kind, others(json, &["type"]), json.at)?,
                None => {
                    let id = self.reference(word, space, ty.at)?;
                    if json.get("logicalType").is_some() {
                        let reason =
                            "a logical type stands where a type is defined, not where it is referred to";
                        self.ignored.push(Ignored { path: self.pointer(), reason: reason.to_owned() });
                    }
                    return Some(id);
                }
            },
        };
        self.logical(json, id);
        Some(id)
    }

    /// Notes the logical type of a node that was just made.
    fn logical(&mut self, json: &json::Node, id: NodeId) {
        let Some(written) = json.get("logicalType") else { return };
        let path = self.pointer();
        let node = &mut self.nodes[id.0 as usize];
        match logical::read(written, json, &node.kind) {
            Ok(logical) => {
                node.logical = Some(logical);
                node.attributes.remove("logicalType");
                if let logical::Logical::Decimal { .. } = logical {
                    node.attributes.remove("precision");
                    node.attributes.remove("scale");
                }
            }
            Err(reason) => self.ignored.push(Ignored { path, reason }),
        }
    }

    fn member(&mut self, json: &'t json::Node, key: &str, space: &str) -> Option<NodeId> {
        match json.get(key) {
            Some(inner) => self.inside(key, |p| p.schema(inner, space)),
            None => {
                self.wrong(json.at, format!("`{key}` is missing"), format!("write \"{key}\": a type"));
                None
            }
        }
    }

    fn text_of(&mut self, json: &'t json::Node, key: &str) -> Option<&'t str> {
        match json.get(key) {
            None => None,
            Some(json::Node { tree: Tree::Text(text), .. }) => Some(text),
            Some(other) => {
                self.wrong(other.at, format!("`{key}` is {}, not a text", other.kind()), "write a text");
                None
            }
        }
    }

    fn texts_of(&mut self, json: &'t json::Node, key: &str) -> Vec<(&'t str, usize)> {
        let Some(list) = json.get(key) else { return Vec::new() };
        let Tree::List(items) = &list.tree else {
            self.wrong(list.at, format!("`{key}` is {}, not a list", list.kind()), "write a list of texts");
            return Vec::new();
        };
        let mut texts = Vec::with_capacity(items.len());
        for item in items {
            match &item.tree {
                Tree::Text(text) => texts.push((text.as_str(), item.at)),
                _ => self.wrong(item.at, format!("`{key}` holds {}", item.kind()), "write a list of texts"),
            }
        }
        texts
    }

    /// The name of a definition.
    fn name(&mut self, json: &'t json::Node, space: &str, may_be_missing: bool) -> Option<Name> {
        let written = match json.get("name") {
            None if may_be_missing => return Some(Name::none()),
            None => {
                self.wrong(json.at, "`name` is missing", "records, enums and fixeds have a name");
                return None;
            }
            Some(_) => self.text_of(json, "name")?,
        };
        let own = self.text_of(json, "namespace");
        if let (Some(own), Some(node)) = (own, json.get("namespace"))
            && !own.is_empty()
            && !name::is_dotted(own)
        {
            self.wrong(node.at, "the namespace is not made of names", name::RULE);
        }
        let at = json.get("name").map_or(json.at, |n| n.at);
        if !name::is_dotted(written) {
            self.wrong(at, "this is no name", name::RULE);
            return None;
        }
        let name = Name::complete(written, own.unwrap_or(space));
        if primitive(name.full()).is_some() {
            self.wrong(
                at,
                format!("`{name}` is a type of Avro already"),
                "take another name, or a namespace",
            );
            return None;
        }
        if self.names.contains_key(name.full()) {
            let hint = "refer to the first one by its name, or take another name";
            self.wrong(at, format!("`{name}` is defined twice"), hint);
            return None;
        }
        Some(name)
    }

    fn aliases(&mut self, json: &'t json::Node, name: &Name) -> Vec<Name> {
        let texts = self.texts_of(json, "aliases");
        let mut aliases = Vec::with_capacity(texts.len());
        for (text, at) in texts {
            if name::is_dotted(text) {
                aliases.push(Name::complete(text, name.namespace()));
            } else {
                self.wrong(at, "this alias is no name", name::RULE);
            }
        }
        aliases
    }

    fn doc(&mut self, json: &'t json::Node) -> Option<String> {
        self.text_of(json, "doc").map(str::to_owned)
    }

    /// Makes the node of a named type, and its name known.
    fn define(&mut self, kind: Kind, attributes: Attributes, at: usize) -> Option<NodeId> {
        let name = kind.name().map(|n| n.full().to_owned()).unwrap_or_default();
        let id = self.push(kind, attributes, at)?;
        if !name.is_empty() {
            self.names.insert(name, id);
        }
        Some(id)
    }

    fn record(&mut self, json: &'t json::Node, space: &str, is_error: bool) -> Option<NodeId> {
        let name = self.name(json, space, self.options.unnamed_records)?;
        let inner = if name.full().is_empty() { space.to_owned() } else { name.namespace().to_owned() };
        let aliases = self.aliases(json, &name);
        let doc = self.doc(json);
        let record = Record { name, aliases, doc, fields: Vec::new(), is_error };
        let attributes = others(json, &["type", "name", "namespace", "aliases", "doc", "fields"]);
        // Its fields may refer to it: it must be known before they are read.
        let id = self.define(Kind::Record(record), attributes, json.at)?;
        let Some(list) = json.get("fields") else {
            self.wrong(json.at, "`fields` is missing", "write \"fields\": [{\"name\": ..., \"type\": ...}]");
            return None;
        };
        let Tree::List(items) = &list.tree else {
            let hint = "write [{\"name\": ..., \"type\": ...}]";
            self.wrong(list.at, format!("`fields` is {}, not a list", list.kind()), hint);
            return None;
        };
        let mut seen = BTreeSet::new();
        let mut fields = Vec::with_capacity(items.len());
        for (number, item) in items.iter().enumerate() {
            let field = self.inside("fields", |p| p.inside(number.to_string(), |p| p.field(item, &inner)));
            let Some(field) = field else { continue };
            if !seen.insert(field.name.clone()) {
                let what = format!("the record has two fields `{}`", field.name);
                self.wrong(item.at, what, "keep one, or rename it");
            }
            if let Some(json) = item.get("default") {
                let path = format!("{}/fields/{number}/default", self.pointer());
                self.defaults.push(Pending { record: id, field: fields.len(), json, path });
            }
            fields.push(field);
        }
        if let Kind::Record(record) = &mut self.nodes[id.0 as usize].kind {
            record.fields = fields;
        }
        Some(id)
    }

    fn field(&mut self, json: &'t json::Node, space: &str) -> Option<Field> {
        if !matches!(json.tree, Tree::Map(_)) {
            let hint = "write {\"name\": ..., \"type\": ...}";
            self.wrong(json.at, format!("a field is an object, and this is {}", json.kind()), hint);
            return None;
        }
        let name = self.text_of(json, "name");
        match (name, json.get("name")) {
            (None, None) => {
                self.wrong(json.at, "the field has no `name`", "write {\"name\": ..., \"type\": ...}")
            }
            (Some(name), Some(at)) if !name::is_simple(name) => {
                self.wrong(at.at, "this is no name of a field", name::RULE)
            }
            _ => {}
        }
        let mut aliases = Vec::new();
        for (alias, at) in self.texts_of(json, "aliases") {
            if name::is_simple(alias) {
                aliases.push(alias.to_owned());
            } else {
                self.wrong(at, "this alias is no name of a field", name::RULE);
            }
        }
        let order = match self.text_of(json, "order") {
            None | Some("ascending") => Order::Ascending,
            Some("descending") => Order::Descending,
            Some("ignore") => Order::Ignore,
            Some(_) => {
                let hint = "write `ascending`, `descending` or `ignore`";
                let at = json.get("order").map_or(json.at, |n| n.at);
                self.wrong(at, "there is no such order", hint);
                Order::Ascending
            }
        };
        let doc = self.doc(json);
        let ty = self.member(json, "type", space)?;
        let attributes = others(json, &["name", "type", "aliases", "order", "doc", "default"]);
        Some(Field { name: name?.to_owned(), aliases, doc, ty, default: None, order, attributes })
    }

    fn enumeration(&mut self, json: &'t json::Node, space: &str) -> Option<NodeId> {
        let name = self.name(json, space, false)?;
        let aliases = self.aliases(json, &name);
        let doc = self.doc(json);
        if json.get("symbols").is_none() {
            self.wrong(json.at, "`symbols` is missing", "write \"symbols\": [\"A\", \"B\"]");
        }
        let mut symbols: Vec<String> = Vec::new();
        let mut seen = BTreeSet::new();
        for (symbol, at) in self.texts_of(json, "symbols") {
            if !name::is_simple(symbol) {
                self.wrong(at, "this is no symbol", name::RULE);
            } else if !seen.insert(symbol) {
                self.wrong(at, format!("the symbol `{symbol}` stands twice"), "keep one of the two");
            }
            symbols.push(symbol.to_owned());
        }
        let default = self.text_of(json, "default").and_then(|wanted| {
            let found = symbols.iter().position(|s| s == wanted);
            if found.is_none() {
                let near = near::nearest(wanted, self.comparable(wanted, symbols.iter().map(String::as_str)));
                let hint = near
                    .map_or_else(|| "name one of them".to_owned(), |near| format!("did you mean `{near}`?"));
                let at = json.get("default").map_or(json.at, |n| n.at);
                self.wrong(at, format!("the default `{wanted}` is none of the symbols"), hint);
            }
            found
        });
        let attributes = others(json, &["type", "name", "namespace", "aliases", "doc", "symbols", "default"]);
        self.define(Kind::Enum(Enum { name, aliases, doc, symbols, default }), attributes, json.at)
    }

    fn fixed(&mut self, json: &'t json::Node, space: &str) -> Option<NodeId> {
        let name = self.name(json, space, false)?;
        let aliases = self.aliases(json, &name);
        let doc = self.doc(json);
        let Some(written) = json.get("size") else {
            self.wrong(json.at, "`size` is missing", "write \"size\": the number of bytes");
            return None;
        };
        let size = match written.integer().filter(|n| (0..=FIXED_MAX).contains(n)) {
            Some(size) => usize::try_from(size).unwrap_or_default(),
            None => {
                let what = format!("`size` is no whole number from 0 to {FIXED_MAX}");
                self.wrong(written.at, what, "write the number of bytes");
                0
            }
        };
        let attributes = others(json, &["type", "name", "namespace", "aliases", "doc", "size"]);
        self.define(Kind::Fixed(Fixed { name, aliases, doc, size }), attributes, json.at)
    }

    /// Reads the defaults, now that every type is known.
    fn defaults(&mut self) {
        if !self.errors.is_empty() {
            return;
        }
        let pending = std::mem::take(&mut self.defaults);
        let written = pending.iter().map(|p| ((p.record, p.field), p.json)).collect();
        let mut found = Vec::with_capacity(pending.len());
        // One reader for all of them: what they may become together is bounded.
        let mut reader = FromJson::new(&self.nodes, Unions::Plain, Defaults::Written(&written));
        for p in &pending {
            if let Kind::Record(record) = &self.nodes[p.record.0 as usize].kind {
                found.push(reader.value(record.fields[p.field].ty, p.json, 0));
            }
        }
        for (p, value) in pending.iter().zip(found) {
            match value {
                Ok(value) => {
                    if let Kind::Record(record) = &mut self.nodes[p.record.0 as usize].kind {
                        record.fields[p.field].default = Some(Default { json: p.json.to_value(), value });
                    }
                }
                Err(fault) => {
                    let message = format!("the default does not fit the field: {}", fault.why());
                    let hint = "write a value of the field's type; that of a union fits one of its branches";
                    self.wrong_in(fault.byte().unwrap_or(p.json.at), p.path.clone(), message, hint);
                }
            }
        }
    }
}

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

fn primitive(word: &str) -> Option<Kind> {
    Some(match word {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

/// What stands in an object beside the keys that Avro knows there.
fn others(json: &json::Node, known: &[&str]) -> Attributes {
    let Tree::Map(entries) = &json.tree else { return Attributes::new() };
    let others = entries.iter().filter(|(key, _)| !known.contains(&key.as_str()));
    others.map(|(key, node)| (key.clone(), node.to_value())).collect()
}
