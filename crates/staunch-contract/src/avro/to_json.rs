//! Values → JSON.

use super::encode::DEPTH_MAX;
use super::fault::{Fallible, Fault};
use super::from_json::Unions;
use super::json::quote;
use super::schema::{Kind, NodeId, Schema};
use super::value::Value;
use staunch_types::{Result, codes};

impl Schema {
    /// Writes a value as JSON without blanks; [`Schema::value_from_json`] reads it back, from [`Unions::Plain`] only where the branch can be told.
    ///
    /// # Errors
    /// `Decode.Type` if it is no value of this schema.
    pub fn value_to_json(&self, value: &Value, unions: Unions) -> Result<String> {
        let mut writer = ToJson { schema: self, unions, out: String::new() };
        match writer.write(self.root(), value, 0) {
            Ok(()) => Ok(writer.out),
            Err(fault) => Err(fault.error(codes::DECODE_TYPE, "write a value of the schema's type")),
        }
    }
}

struct ToJson<'s> {
    schema: &'s Schema,
    unions: Unions,
    out: String,
}

impl ToJson<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    fn write(&mut self, id: NodeId, value: &Value, depth: usize) -> Fallible<()> {
        if depth > DEPTH_MAX {
            return Err(Fault::new(format!("the value nests deeper than {DEPTH_MAX}")));
        }
        let schema = self.schema;
        let kind = schema.kind(id);
        match (kind, value) {
            (Kind::Null, Value::Null) => self.push("null"),
            (Kind::Boolean, Value::Boolean(b)) => self.push(if *b { "true" } else { "false" }),
            (Kind::Int, Value::Int(n)) => self.push(&n.to_string()),
            (Kind::Long, Value::Long(n)) => self.push(&n.to_string()),
            // The shortest text that is this number and no other.
            (Kind::Float, Value::Float(n)) => self.number(f64::from(*n), format!("{n:?}")),
            (Kind::Double, Value::Double(n)) => self.number(*n, format!("{n:?}")),
            (Kind::String, Value::String(text)) => self.push(&quote(text)),
            (Kind::Bytes, Value::Bytes(bytes)) => self.latin(bytes),
            (Kind::Fixed(fixed), Value::Fixed(bytes)) if fixed.size == bytes.len() => self.latin(bytes),
            (Kind::Enum(of), Value::Enum(number)) => {
                let symbol = of.symbols.get(*number as usize);
                self.push(&quote(symbol.ok_or_else(|| Fault::new("the enum has no symbol of this number"))?));
            }
            (Kind::Array(item), Value::Array(items)) => {
                self.push("[");
                for (number, value) in items.iter().enumerate() {
                    self.push(if number > 0 { "," } else { "" });
                    self.write(*item, value, depth + 1).map_err(|f| f.inside("[]"))?;
                }
                self.push("]");
            }
            (Kind::Map(item), Value::Map(entries)) => {
                self.push("{");
                for (number, (key, value)) in entries.iter().enumerate() {
                    self.push(if number > 0 { "," } else { "" });
                    self.push(&quote(key));
                    self.push(":");
                    self.write(*item, value, depth + 1).map_err(|f| f.inside("{}"))?;
                }
                self.push("}");
            }
            (Kind::Record(record), Value::Record(values)) if record.fields.len() == values.len() => {
                self.push("{");
                for (number, (field, value)) in record.fields.iter().zip(values).enumerate() {
                    self.push(if number > 0 { "," } else { "" });
                    self.push(&quote(&field.name));
                    self.push(":");
                    self.write(field.ty, value, depth + 1).map_err(|f| f.inside(&field.name))?;
                }
                self.push("}");
            }
            (Kind::Union(branches), Value::Union(number, value)) => {
                let branch = branches.get(*number as usize);
                let branch = *branch.ok_or_else(|| Fault::new("the union has no branch of this number"))?;
                let kind = schema.kind(branch);
                let tagged = self.unions == Unions::Tagged && !matches!(kind, Kind::Null);
                if tagged {
                    self.push("{");
                    self.push(&quote(kind.branch_name()));
                    self.push(":");
                }
                self.write(branch, value, depth + 1)?;
                self.push(if tagged { "}" } else { "" });
            }
            (kind, value) => {
                return Err(Fault::new(format!("{} is no value of {}", value.word(), kind.describe())));
            }
        }
        Ok(())
    }

    fn number(&mut self, n: f64, text: String) {
        match n {
            n if n.is_nan() => self.push("\"NaN\""),
            f64::INFINITY => self.push("\"Infinity\""),
            f64::NEG_INFINITY => self.push("\"-Infinity\""),
            _ => self.push(&text),
        }
    }

    fn latin(&mut self, bytes: &[u8]) {
        let text: String = bytes.iter().copied().map(char::from).collect();
        self.push(&quote(&text));
    }
}
