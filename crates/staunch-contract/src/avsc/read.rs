//! Avro record schemas, read.

use super::named::{Known, Names};
use crate::check::{self, Part, RawContract, RawField};
use crate::constraints::RawConstraint;
use crate::model::{AvroForm, Element, Type};
use crate::report::Report;
use crate::types;
use crate::yaml_tree::{Key, Node, Value};
use staunch_types::codes;

const KEYS: [&str; 12] = [
    "type",
    "name",
    "namespace",
    "aliases",
    "doc",
    "fields",
    "version",
    "owner",
    "freshness",
    "compatibility",
    "key",
    "eventTime",
];
const FIELD_KEYS: [&str; 15] = [
    "name",
    "type",
    "doc",
    "default",
    "aliases",
    "order",
    "pii",
    "unit",
    "min",
    "max",
    "minLength",
    "maxLength",
    "pattern",
    "oneOf",
    "unique",
];
const TYPE_KEYS: [&str; 14] = [
    "type",
    "logicalType",
    "precision",
    "scale",
    "symbols",
    "name",
    "namespace",
    "aliases",
    "doc",
    "size",
    "items",
    "values",
    "fields",
    "default",
];

/// The record schema of a document.
pub(super) fn contract(root: &Node, report: &mut Report<'_>) -> Option<RawContract> {
    let Value::Map(entries) = &root.value else {
        let message = format!("a contract is a record schema, and this is {}", root.value.kind());
        report.add(codes::CONTRACT, root.spot, message, "begin with {\"type\": \"record\", \"name\": ...");
        return None;
    };
    let mut raw = RawContract::default();
    let mut seen = Vec::new();
    let mut list = None;
    for (key, node) in entries {
        seen.push(key.text.as_str());
        match key.text.as_str() {
            "type" if node.value == Value::Text("record".into()) => {}
            "type" => {
                let hint = "write \"type\": \"record\"";
                report.add(codes::CONTRACT, node.spot, "a contract is a record schema", hint);
            }
            "name" => raw.name = check::text("name", node, report),
            "namespace" => raw.namespace = check::text("namespace", node, report),
            "aliases" => raw.aliases = check::aliases(node, report),
            "version" => raw.version = check::version(node, report),
            "doc" => raw.doc = check::text("doc", node, report).map(|k| k.text),
            "owner" => raw.owner = check::text("owner", node, report).map(|k| k.text),
            "freshness" => raw.freshness = check::freshness(node, report),
            "compatibility" => raw.compatibility = check::compatibility(node, report),
            "key" => raw.key = check::texts("key", node, report),
            "eventTime" => raw.event_time = check::text("eventTime", node, report),
            "fields" => list = Some(node),
            _ => check::unknown_key(key, &KEYS, report),
        }
    }
    if let Some(node) = list {
        let mut names = Names::default();
        let name = raw.name.as_ref().map_or("", |k| k.text.as_str());
        names.open(&names.full(name, raw.namespace.as_ref().map(|k| k.text.as_str())));
        raw.fields = Reader { names: &mut names, report }.fields(node, 0);
        if raw.fields.is_empty() && matches!(&node.value, Value::List(items) if items.is_empty()) {
            report.add(codes::CONTRACT, node.spot, "the contract has no fields", "list at least one");
        }
    }
    for (key, hint) in [
        ("type", "write \"type\": \"record\""),
        ("name", "name the contract: \"name\": \"...\""),
        ("version", "write \"version\": 1"),
        ("fields", "list the fields: \"fields\": [{\"name\": ..., \"type\": ...}]"),
    ] {
        if !seen.contains(&key) {
            check::missing(key, root.spot, hint, report);
        }
    }
    Some(raw)
}

struct Reader<'a, 'r> {
    names: &'a mut Names,
    report: &'a mut Report<'r>,
}

/// The value of a key.
fn get<'a>(entries: &'a [(Key, Node)], name: &str) -> Option<&'a Node> {
    entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
}

impl Reader<'_, '_> {
    fn fields(&mut self, node: &Node, depth: usize) -> Vec<RawField> {
        let Value::List(items) = &node.value else {
            let message = format!("`fields` is {}, not a list", node.value.kind());
            let hint = "write [{\"name\": ..., \"type\": ...}]";
            self.report.add(codes::BAD_VALUE, node.spot, message, hint);
            return Vec::new();
        };
        items.iter().filter_map(|item| self.field(item, depth)).collect()
    }

    fn field(&mut self, node: &Node, depth: usize) -> Option<RawField> {
        let Value::Map(entries) = &node.value else {
            let message = format!("a field is a mapping, and this is {}", node.value.kind());
            let hint = "write {\"name\": ..., \"type\": ...}";
            self.report.add(codes::BAD_VALUE, node.spot, message, hint);
            return None;
        };
        let nameless = Key { text: String::new(), spot: node.spot };
        let mut raw = RawField::new(nameless);
        let (mut name, mut ty) = (None, None);
        for (key, value) in entries {
            match key.text.as_str() {
                "name" => name = Some(check::text("name", value, self.report)),
                "type" => ty = Some(value),
                "doc" => raw.doc = check::text("doc", value, self.report).map(|k| k.text),
                "pii" => raw.pii = check::one_or_more("pii", value, self.report),
                "default" => raw.default = Some(value.clone()),
                "aliases" => raw.aliases = check::aliases(value, self.report),
                "order" => raw.order = check::order(value, self.report),
                "unit" => raw.unit = check::text("unit", value, self.report),
                _ => match RawConstraint::avsc(key, value) {
                    Some(constraint) => raw.constraints.push(constraint),
                    None => check::unknown_key(key, &FIELD_KEYS, self.report),
                },
            }
        }
        if name.is_none() {
            check::missing("name", node.spot, "write {\"name\": ..., \"type\": ...}", self.report);
        }
        match ty {
            Some(node) => raw.set(self.element(node, depth)),
            None => check::missing("type", node.spot, "write {\"name\": ..., \"type\": ...}", self.report),
        }
        raw.name = name.flatten()?;
        Some(raw)
    }

    /// A type: a name, a mapping, or a list, which is a union.
    fn element(&mut self, node: &Node, depth: usize) -> Option<Element> {
        if depth > check::DEEPEST {
            check::too_deep(node.spot, self.report);
            return None;
        }
        match &node.value {
            Value::Text(name) => self.by_name(name, node),
            Value::Map(entries) => self.mapping(node, entries, depth),
            Value::List(members) => {
                let mut parts = Vec::new();
                for member in members {
                    parts.push(if member.value == Value::Text("null".into()) {
                        Part::Null
                    } else {
                        Part::Other(member.spot, self.element(member, depth + 1))
                    });
                }
                check::union(parts, node.spot, self.report)
            }
            other => {
                let message = format!("a type is a text, a mapping or a list, and this is {}", other.kind());
                let hint = "write \"string\" or another type of Avro";
                self.report.add(codes::CONTRACT, node.spot, message, hint);
                None
            }
        }
    }

    /// A primitive, or a named type that was defined before.
    fn by_name(&mut self, name: &str, node: &Node) -> Option<Element> {
        if let Some(ty) = primitive(name) {
            return Some(Element::new(ty, false));
        }
        let (message, hint) = match self.names.find(name) {
            // What is wrong with a definition is told there, once.
            Some(Known::Whole(None)) => return None,
            Some(Known::Whole(Some(element))) => {
                let element = element.clone();
                if self.names.spend(element.ty.parts()) {
                    return Some(element);
                }
                let hint = "use fewer types again inside each other: in a contract each use is written out";
                ("the types that are used by their names unfold to too much".to_owned(), hint.to_owned())
            }
            Some(Known::Open) => (
                format!("`{name}` contains itself"),
                "a contract's rows have columns, and a recursive type has no end: cut it off at a fixed depth, or carry it as a string of JSON".to_owned(),
            ),
            None => match types::read(name) {
                Ok(_) => {
                    let hint = "a logical type is written {\"type\": BASE, \"logicalType\": NAME}, \
                                an enum {\"type\": \"enum\", \"name\": ..., \"symbols\": [...]}, and a value that may be missing [\"null\", TYPE]";
                    (format!("`{name}` is not a primitive type of Avro"), hint.to_owned())
                }
                Err(_) if ["array", "map", "record", "fixed"].contains(&name) => {
                    let hint = "write {\"type\": \"array\", \"items\": TYPE}, {\"type\": \"map\", \"values\": TYPE}, {\"type\": \"record\", \"name\": ..., \"fields\": [...]} or {\"type\": \"fixed\", \"name\": ..., \"size\": 16}";
                    (format!("`{name}` is not a whole type"), hint.to_owned())
                }
                Err(wrong) => wrong,
            },
        };
        self.report.add(codes::CONTRACT, node.spot, message, hint);
        None
    }

    fn mapping(&mut self, node: &Node, entries: &[(Key, Node)], depth: usize) -> Option<Element> {
        for (key, _) in entries.iter().filter(|(k, _)| !TYPE_KEYS.contains(&k.text.as_str())) {
            check::unknown_key(key, &TYPE_KEYS, self.report);
        }
        let Some(base) = get(entries, "type") else {
            check::missing("type", node.spot, "write {\"type\": ...}", self.report);
            return None;
        };
        let Value::Text(word) = &base.value else {
            // A type in brackets of its own: the same type.
            return self.element(base, depth + 1);
        };
        let word = word.as_str();
        let mut known: Vec<&str> = vec!["type"];
        let element = match word {
            "array" | "map" => {
                let inner = if word == "array" { "items" } else { "values" };
                known.push(inner);
                let Some(part) = get(entries, inner) else {
                    let hint = format!("write \"{inner}\": TYPE");
                    check::missing(inner, node.spot, &hint, self.report);
                    return None;
                };
                let part = Box::new(self.element(part, depth + 1)?);
                let ty = if word == "array" { Type::Array(part) } else { Type::Map(part) };
                Some(Element::new(ty, false))
            }
            "record" | "enum" | "fixed" => {
                known.extend(["name", "namespace", "aliases", "doc"]);
                known.extend(match word {
                    "record" => &["fields"][..],
                    "enum" => &["symbols", "default"],
                    _ => &["size", "logicalType", "precision", "scale"],
                });
                self.named(word, node, entries, depth)
            }
            _ => {
                known.extend(["logicalType", "precision", "scale"]);
                let element = self.by_name(word, base)?;
                self.logical(element, entries)
            }
        };
        for (key, _) in entries.iter().filter(|(k, _)| TYPE_KEYS.contains(&k.text.as_str())) {
            if !known.contains(&key.text.as_str()) {
                let message = format!("`{}` does not belong to a type that is {word}", key.text);
                self.report.add(codes::UNKNOWN_KEY, key.spot, message, "remove it, or put it at the field");
            }
        }
        element
    }

    /// The definition of an enum, a fixed type or a record.
    fn named(&mut self, word: &str, node: &Node, entries: &[(Key, Node)], depth: usize) -> Option<Element> {
        let namespace =
            get(entries, "namespace").and_then(|n| check::text("namespace", n, self.report)).map(|k| k.text);
        let Some(name) = get(entries, "name") else {
            check::missing("name", node.spot, "Avro wants a name: \"name\": \"...\"", self.report);
            return None;
        };
        let spot = name.spot;
        let full = self.names.full(&check::text("name", name, self.report)?.text, namespace.as_deref());
        if !self.names.open(&full) {
            let message = format!("the type `{full}` is defined twice");
            let hint = "use it by its name the second time, or give the two different names";
            self.report.add(codes::DUPLICATE_NAME, spot, message, hint);
        }
        let mut avro = AvroForm { name: Some(full.clone()), ..AvroForm::default() };
        avro.doc = get(entries, "doc").and_then(|n| check::text("doc", n, self.report)).map(|k| k.text);
        avro.aliases = get(entries, "aliases").map(|n| check::aliases(n, self.report)).unwrap_or_default();
        let missing = |key: &str, hint: &str, report: &mut Report<'_>| {
            check::missing(key, node.spot, hint, report);
            None
        };
        let ty = match (word, get(entries, "symbols"), get(entries, "size"), get(entries, "fields")) {
            ("enum", Some(symbols), ..) => check::symbols(symbols, self.report),
            ("enum", ..) => missing("symbols", "write \"symbols\": [\"a\", \"b\"]", self.report),
            ("fixed", _, Some(size), _) => self.size(size).and_then(|(ty, size)| {
                let element = self.logical(Element { ty, nullable: false, avro: avro.clone() }, entries)?;
                avro.fixed = matches!(element.ty, Type::Decimal { .. } | Type::Uuid).then_some(size);
                Some(element.ty)
            }),
            ("fixed", ..) => missing("size", "write \"size\": 16", self.report),
            (_, _, _, Some(list)) => {
                let fields = self.fields(list, depth + 1);
                let wanted = if let Value::List(items) = &list.value { items.len() } else { 0 };
                let whole = fields.len() == wanted;
                check::record(fields, list.spot, self.report).filter(|_| whole)
            }
            _ => missing("fields", "write \"fields\": [{\"name\": ..., \"type\": ...}]", self.report),
        };
        if let (Some(Type::Enum(symbols)), Some(node)) = (&ty, get(entries, "default")) {
            avro.symbol = check::text("default", node, self.report).map(|k| k.text);
            if avro.symbol.as_ref().is_some_and(|s| !symbols.contains(s)) {
                let hint = "name one of the enum's symbols";
                self.report.add(
                    codes::CONTRACT,
                    node.spot,
                    "the enum's default is none of its symbols",
                    hint,
                );
            }
        }
        let element = ty.map(|ty| Element { ty, nullable: false, avro });
        let element = element.and_then(|e| check::formed(e, spot, self.report));
        self.names.close(&full, element.as_ref());
        element
    }

    fn size(&mut self, node: &Node) -> Option<(Type, u32)> {
        let size = check::count("size", node, self.report)?;
        match types::fixed(size) {
            Ok(ty) => Some((ty, u32::try_from(size).unwrap_or(u32::MAX))),
            Err((message, hint)) => {
                self.report.add(codes::CONTRACT, node.spot, message, hint);
                None
            }
        }
    }

    /// The logical type on a base, or the base if there is none.
    fn logical(&mut self, base: Element, entries: &[(Key, Node)]) -> Option<Element> {
        let Some(logical_node) = get(entries, "logicalType") else { return Some(base) };
        let logical = check::text("logicalType", logical_node, self.report)?;
        let number = |key: &str| match get(entries, key).map(|n| &n.value) {
            Some(Value::Int(n)) => u64::try_from(*n).ok(),
            _ => None,
        };
        let ty = match (logical.text.as_str(), &base.ty) {
            ("decimal", Type::Bytes | Type::Fixed(_)) => {
                let scale = get(entries, "scale").map_or(Some(0), |_| number("scale"));
                match (number("precision"), scale) {
                    (Some(precision), Some(scale)) => types::decimal(precision, scale),
                    _ => Err((
                        "the decimal has no precision or scale".into(),
                        "write \"precision\": 9, \"scale\": 2".into(),
                    )),
                }
            }
            ("uuid", Type::String | Type::Fixed(16)) => Ok(Type::Uuid),
            ("duration", Type::Fixed(12)) => Ok(Type::Duration),
            ("date", Type::Int) => Ok(Type::Date),
            ("time-millis", Type::Int) => Ok(Type::TimeMillis),
            ("time-micros", Type::Long) => Ok(Type::TimeMicros),
            ("timestamp-millis", Type::Long) => Ok(Type::TimestampMillis),
            ("timestamp-micros", Type::Long) => Ok(Type::TimestampMicros),
            ("timestamp-nanos", Type::Long) => Ok(Type::TimestampNanos),
            ("local-timestamp-millis", Type::Long) => Ok(Type::LocalTimestampMillis),
            ("local-timestamp-micros", Type::Long) => Ok(Type::LocalTimestampMicros),
            ("local-timestamp-nanos", Type::Long) => Ok(Type::LocalTimestampNanos),
            (logical, base) => Err((
                format!("there is no logical type `{logical}` on {base}"),
                "known: decimal on bytes and fixed; date, time-millis on int; time-micros, timestamp-*, local-timestamp-* on long; uuid on string and fixed(16); duration on fixed(12)".into(),
            )),
        };
        match ty {
            Ok(ty) => Some(Element { ty, ..base }),
            Err((message, hint)) => {
                self.report.add(codes::CONTRACT, logical_node.spot, message, hint);
                None
            }
        }
    }
}

/// An Avro primitive.
fn primitive(name: &str) -> Option<Type> {
    Some(match name {
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        _ => return None,
    })
}
