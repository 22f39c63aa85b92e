//! Values from JSON: Avro's JSON encoding, and the plain form in which defaults are written.

use super::fault::{Fallible, Fault};
use super::json::{self, Tree};
use super::schema::{Enum, Kind, Node, NodeId, Record, Schema};
use super::value::Value;
use staunch_types::{Error, Result, codes};
use std::collections::BTreeMap;

/// How the branch of a union stands in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unions {
    /// `{"long": 1}`, and `null` for null: Avro's JSON encoding. A float that is no number is a text (`"NaN"`, `"Infinity"`, `"-Infinity"`), as
    /// Apache's Java writes it.
    Tagged,
    /// `1`: how defaults are written. Read, it is of the first branch that it fits; a field that is missing has its default.
    Plain,
}

/// How many values one text may become: it is tried against every branch of a union, and defaults may be in it many times.
const VALUES_MAX: usize = 1 << 20;

const HINT: &str = "mend the JSON, or read it under the schema that it was written with";

impl Schema {
    /// Reads a value from JSON.
    ///
    /// An empty text is a record without fields in [`Unions::Tagged`]: Apache's Java encoder writes it so.
    ///
    /// # Errors
    /// `Decode.Malformed` if it is no JSON, `Decode.Type` if it is no value of this schema, with the byte and the path.
    pub fn value_from_json(&self, text: &str, unions: Unions) -> Result<Value> {
        if unions == Unions::Tagged
            && text.trim_ascii().is_empty()
            && matches!(self.kind(self.root), Kind::Record(r) if r.fields.is_empty())
        {
            return Ok(Value::Record(Vec::new()));
        }
        let node = json::read(text).map_err(|wrong| {
            Error::new(codes::DECODE, format!("{}, at byte {}", wrong.why, wrong.at)).hint(HINT)
        })?;
        let mut reader = FromJson::new(&self.nodes, unions, Defaults::Known);
        reader.value(self.root, &node, 0).map_err(|fault| fault.error(codes::DECODE_TYPE, HINT))
    }
}

/// Where the defaults of missing fields come from.
pub(super) enum Defaults<'a> {
    /// The fields have them.
    Known,
    /// The schema is being read: they are still JSON, by record and number of the field.
    Written(&'a BTreeMap<(NodeId, usize), &'a json::Node>),
}

/// Reads values of one schema.
pub(super) struct FromJson<'a> {
    nodes: &'a [Node],
    unions: Unions,
    defaults: Defaults<'a>,
    left: usize,
}

impl<'a> FromJson<'a> {
    pub(super) fn new(nodes: &'a [Node], unions: Unions, defaults: Defaults<'a>) -> Self {
        Self { nodes, unions, defaults, left: VALUES_MAX }
    }

    fn charge(&mut self, weight: usize, at: usize) -> Fallible<()> {
        self.left = self
            .left
            .checked_sub(weight)
            .ok_or_else(|| Fault::at("the JSON stands for too many values", at))?;
        Ok(())
    }

    /// The value of `json` at a node of the schema.
    pub(super) fn value(&mut self, id: NodeId, json: &json::Node, depth: usize) -> Fallible<Value> {
        if depth > json::DEPTH_MAX {
            return Err(Fault::at(
                "the value nests deeper than 128; does a default contain itself?",
                json.at,
            ));
        }
        let nodes = self.nodes;
        let kind = &nodes[id.0 as usize].kind;
        // Symbols and branches are gone through one by one.
        let searched = match kind {
            Kind::Enum(of) => of.symbols.len(),
            Kind::Union(branches) => branches.len(),
            _ => 0,
        };
        self.charge(1 + searched / 256, json.at)?;
        let unfit = || Fault::at(format!("{} is no value of {}", json.kind(), kind.describe()), json.at);
        Ok(match (kind, &json.tree) {
            (Kind::Null, Tree::Null) => Value::Null,
            (Kind::Boolean, Tree::Bool(b)) => Value::Boolean(*b),
            (Kind::Int, Tree::Number(_)) => Value::Int(
                json.integer().and_then(|n| i32::try_from(n).ok()).ok_or_else(|| whole(32, json.at))?,
            ),
            (Kind::Long, Tree::Number(_)) => Value::Long(json.integer().ok_or_else(|| whole(64, json.at))?),
            (Kind::Float, Tree::Number(text)) => match text.parse::<f32>() {
                Ok(n) if n.is_finite() => Value::Float(n),
                _ => return Err(Fault::at("the number is out of the range of float", json.at)),
            },
            (Kind::Double, Tree::Number(_)) => Value::Double(json.number().ok_or_else(unfit)?),
            (Kind::Float, Tree::Text(text)) if self.unions == Unions::Tagged => {
                Value::Float(not_a_number(text).ok_or_else(unfit)? as f32)
            }
            (Kind::Double, Tree::Text(text)) if self.unions == Unions::Tagged => {
                Value::Double(not_a_number(text).ok_or_else(unfit)?)
            }
            (Kind::String, Tree::Text(text)) => Value::String(text.clone()),
            (Kind::Bytes, Tree::Text(text)) => Value::Bytes(latin(text, json.at)?),
            (Kind::Fixed(fixed), Tree::Text(text)) => {
                let bytes = latin(text, json.at)?;
                if bytes.len() != fixed.size {
                    let why = format!("{} bytes are no value of {}", bytes.len(), kind.describe());
                    return Err(Fault::at(why, json.at));
                }
                Value::Fixed(bytes)
            }
            (Kind::Enum(of), Tree::Text(text)) => symbol(of, text)
                .ok_or_else(|| Fault::at(format!("the text is no symbol of {}", kind.describe()), json.at))?,
            (Kind::Array(item), Tree::List(items)) => Value::Array(
                items
                    .iter()
                    .map(|i| self.value(*item, i, depth + 1).map_err(|f| f.inside("[]")))
                    .collect::<Fallible<_>>()?,
            ),
            (Kind::Map(item), Tree::Map(entries)) => Value::Map(
                entries
                    .iter()
                    .map(|(key, v)| {
                        Ok((key.clone(), self.value(*item, v, depth + 1).map_err(|f| f.inside("{}"))?))
                    })
                    .collect::<Fallible<_>>()?,
            ),
            (Kind::Record(record), Tree::Map(entries)) => self.record(id, record, entries, json.at, depth)?,
            (Kind::Union(branches), _) => self.union(branches, json, depth)?,
            _ => return Err(unfit()),
        })
    }

    fn record(
        &mut self,
        id: NodeId,
        record: &Record,
        entries: &[(String, json::Node)],
        at: usize,
        depth: usize,
    ) -> Fallible<Value> {
        let by_name: BTreeMap<&str, &json::Node> = entries.iter().map(|(k, v)| (k.as_str(), v)).collect();
        let mut values = Vec::with_capacity(record.fields.len());
        let mut taken = 0;
        for (number, field) in record.fields.iter().enumerate() {
            let value = match by_name.get(field.name.as_str()) {
                Some(json) => self.value(field.ty, json, depth + 1),
                None if self.unions == Unions::Plain => self.default(id, number, field, at, depth),
                None => Err(Fault::at("the field is missing", at)),
            };
            taken += usize::from(by_name.contains_key(field.name.as_str()));
            values.push(value.map_err(|fault| fault.inside(&field.name))?);
        }
        // Looked for only if there is one: there may be as many fields as a schema has types.
        if taken < entries.len() {
            let unknown = entries.iter().find(|(key, _)| !record.fields.iter().any(|f| f.name == *key));
            let at = unknown.map_or(at, |(_, node)| node.at);
            return Err(Fault::at(format!("the record `{}` has no such field", record.name), at));
        }
        Ok(Value::Record(values))
    }

    fn default(
        &mut self,
        record: NodeId,
        number: usize,
        field: &super::schema::Field,
        at: usize,
        depth: usize,
    ) -> Fallible<Value> {
        let missing = || Fault::at("the field is missing, and it has no default", at);
        match self.defaults {
            Defaults::Known => {
                let default = field.default.as_ref().ok_or_else(missing)?;
                self.charge(default.value.weight(), at)?;
                Ok(default.value.clone())
            }
            Defaults::Written(written) => {
                let json = written.get(&(record, number)).ok_or_else(missing)?;
                self.value(field.ty, json, depth + 1)
            }
        }
    }

    fn union(&mut self, branches: &[NodeId], json: &json::Node, depth: usize) -> Fallible<Value> {
        let nodes = self.nodes;
        if self.unions == Unions::Plain {
            for (number, branch) in (0_u32..).zip(branches) {
                if let Ok(value) = self.value(*branch, json, depth + 1) {
                    return Ok(Value::Union(number, Box::new(value)));
                }
            }
            return Err(Fault::at(format!("{} fits no branch of the union", json.kind()), json.at));
        }
        let (name, inner) = match &json.tree {
            Tree::Null => ("null", json),
            Tree::Map(entries) => match &entries[..] {
                [(name, inner)] if name != "null" => (name.as_str(), inner),
                _ => return Err(Fault::at("a union has one member, named by its branch", json.at)),
            },
            _ => {
                return Err(Fault::at(
                    format!("a union is written {{BRANCH: VALUE}}, not as {}", json.kind()),
                    json.at,
                ));
            }
        };
        let named = (0_u32..).zip(branches).find(|(_, id)| nodes[id.0 as usize].kind.branch_name() == name);
        let (number, branch) = named.ok_or_else(|| Fault::at("the union has no such branch", json.at))?;
        Ok(Value::Union(number, Box::new(self.value(*branch, inner, depth + 1)?)))
    }
}

fn whole(bits: u8, at: usize) -> Box<Fault> {
    Fault::at(format!("the number is not a whole one of {bits} bits"), at)
}

fn not_a_number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    }
}

fn symbol(of: &Enum, text: &str) -> Option<Value> {
    let number = of.symbols.iter().position(|symbol| symbol == text)?;
    Some(Value::Enum(u32::try_from(number).ok()?))
}

/// Bytes are written as the characters with these numbers.
fn latin(text: &str, at: usize) -> Fallible<Vec<u8>> {
    text.chars()
        .map(|c| u8::try_from(u32::from(c)))
        .collect::<Result<_, _>>()
        .map_err(|_| Fault::at("bytes are written as characters up to U+00FF", at))
}
