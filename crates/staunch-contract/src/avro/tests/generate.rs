//! Random schemas and values from one seed.

use crate::avro::{Kind, NodeId, Schema, Value};
use serde_json::{Value as Json, json};

/// A small generator of numbers (SplitMix64): what is made depends on the seed alone.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n.max(1)
    }
}

const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];

/// A schema; `names` holds the records, enums and fixeds that are defined already, and may be referred to.
pub(super) fn schema(chance: &mut Chance, depth: u32, names: &mut Vec<String>) -> Json {
    let kinds = if depth == 0 { 9 } else { 15 };
    match chance.below(kinds) {
        n @ 0..=7 => json!(PRIMITIVES[n as usize]),
        8 if !names.is_empty() => json!(names[chance.below(names.len() as u64) as usize]),
        8 | 9 => {
            let name = named(names, "F");
            json!({"type": "fixed", "name": name, "size": chance.below(20)})
        }
        10 => {
            let name = named(names, "E");
            let symbols: Vec<String> = (0..=chance.below(4)).map(|n| format!("S{n}")).collect();
            json!({"type": "enum", "name": name, "symbols": symbols})
        }
        11 => json!({"type": "array", "items": schema(chance, depth - 1, names)}),
        12 => json!({"type": "map", "values": schema(chance, depth - 1, names)}),
        13 => {
            let mut branches: Vec<Json> = Vec::new();
            for _ in 0..=chance.below(4) {
                let known = names.len();
                let branch = schema(chance, depth - 1, names);
                let word = |json: &Json| {
                    json["name"].as_str().or(json["type"].as_str()).or(json.as_str()).map(str::to_owned)
                };
                // A branch of a union is no union, and no type stands in it twice.
                if !branch.is_array() && branches.iter().all(|b| word(b) != word(&branch)) {
                    branches.push(branch);
                } else {
                    // What it defined is gone with it.
                    names.truncate(known);
                }
            }
            json!(branches)
        }
        _ => {
            let name = named(&mut Vec::new(), &format!("R{}_", chance.below(1 << 40)));
            let fields: Vec<Json> = (0..chance.below(5))
                .map(|n| json!({"name": format!("f{n}"), "type": schema(chance, depth - 1, names)}))
                .collect();
            let record = json!({"type": "record", "name": name, "fields": fields});
            names.push(name);
            record
        }
    }
}

fn named(names: &mut Vec<String>, prefix: &str) -> String {
    let name = format!("{prefix}{}", names.len());
    names.push(name.clone());
    name
}

/// A value of a schema; `None` for a union without branches.
pub(super) fn value(chance: &mut Chance, schema: &Schema, id: NodeId) -> Option<Value> {
    let few = |chance: &mut Chance| chance.below(4);
    Some(match schema.kind(id) {
        Kind::Null => Value::Null,
        Kind::Boolean => Value::Boolean(chance.below(2) == 1),
        Kind::Int => Value::Int((chance.next() >> chance.below(63)) as i32),
        Kind::Long => Value::Long((chance.next() >> chance.below(63)) as i64),
        Kind::Float => Value::Float(finite(f64::from(f32::from_bits(chance.next() as u32))) as f32),
        Kind::Double => Value::Double(finite(f64::from_bits(chance.next()))),
        Kind::Bytes => Value::Bytes((0..few(chance) * 9).map(|_| chance.next() as u8).collect()),
        Kind::String => Value::String(text(chance)),
        Kind::Fixed(fixed) => Value::Fixed((0..fixed.size).map(|_| chance.next() as u8).collect()),
        Kind::Enum(of) => Value::Enum(chance.below(of.symbols.len() as u64) as u32),
        Kind::Array(item) => {
            Value::Array((0..few(chance)).map(|_| value(chance, schema, *item)).collect::<Option<_>>()?)
        }
        Kind::Map(item) => Value::Map(
            (0..few(chance))
                .map(|n| Some((format!("{n}{}", text(chance)), value(chance, schema, *item)?)))
                .collect::<Option<_>>()?,
        ),
        Kind::Union(branches) => {
            let number = chance.below(branches.len() as u64) as usize;
            Value::Union(number as u32, Box::new(value(chance, schema, *branches.get(number)?)?))
        }
        Kind::Record(record) => {
            Value::Record(record.fields.iter().map(|f| value(chance, schema, f.ty)).collect::<Option<_>>()?)
        }
    })
}

/// Values are compared: nothing that is unequal to itself.
fn finite(n: f64) -> f64 {
    if n.is_finite() { n } else { 0.1 }
}

fn text(chance: &mut Chance) -> String {
    (0..chance.below(8)).filter_map(|_| char::from_u32(chance.below(0x11_0000) as u32)).collect()
}
