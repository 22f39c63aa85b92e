//! Values → bytes.

use super::fault::{Fallible, Fault};
use super::schema::{Kind, NodeId, Schema};
use super::value::Value;
use staunch_types::{Result, codes};

/// How deep a value may nest, written and read.
pub(super) const DEPTH_MAX: usize = 256;

impl Schema {
    /// The bytes of a value.
    ///
    /// # Errors
    /// `Decode.Type` if it is no value of this schema, with the path; nothing of the value is quoted.
    pub fn encode(&self, value: &Value) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        self.encode_into(value, &mut out)?;
        Ok(out)
    }

    /// Appends the bytes of a value; after an error `out` is as before.
    ///
    /// # Errors
    /// As [`Schema::encode`].
    pub fn encode_into(&self, value: &Value, out: &mut Vec<u8>) -> Result<()> {
        let before = out.len();
        write(self, self.root(), value, 0, out).map_err(|fault| {
            out.truncate(before);
            fault.error(codes::DECODE_TYPE, "write a value of the schema's type")
        })
    }
}

fn write(schema: &Schema, id: NodeId, value: &Value, depth: usize, out: &mut Vec<u8>) -> Fallible<()> {
    if depth > DEPTH_MAX {
        return Err(Fault::new(format!("the value nests deeper than {DEPTH_MAX}")));
    }
    let kind = schema.kind(id);
    match (kind, value) {
        (Kind::Null, Value::Null) => {}
        (Kind::Boolean, Value::Boolean(b)) => out.push(u8::from(*b)),
        (Kind::Int, Value::Int(n)) => long(i64::from(*n), out),
        (Kind::Long, Value::Long(n)) => long(*n, out),
        (Kind::Float, Value::Float(n)) => out.extend_from_slice(&n.to_le_bytes()),
        (Kind::Double, Value::Double(n)) => out.extend_from_slice(&n.to_le_bytes()),
        (Kind::Bytes, Value::Bytes(bytes)) => length_and(bytes, out),
        (Kind::String, Value::String(text)) => length_and(text.as_bytes(), out),
        (Kind::Fixed(fixed), Value::Fixed(bytes)) => {
            if bytes.len() != fixed.size {
                return Err(Fault::new(format!("{} bytes are no value of {}", bytes.len(), kind.describe())));
            }
            out.extend_from_slice(bytes);
        }
        (Kind::Enum(of), Value::Enum(number)) => {
            if *number as usize >= of.symbols.len() {
                return Err(Fault::new(format!("{} has no symbol of this number", kind.describe())));
            }
            long(i64::from(*number), out);
        }
        (Kind::Array(item), Value::Array(items)) => {
            if !items.is_empty() {
                count(items.len(), out);
                for value in items {
                    write(schema, *item, value, depth + 1, out).map_err(|f| f.inside("[]"))?;
                }
            }
            out.push(0);
        }
        (Kind::Map(item), Value::Map(entries)) => {
            if !entries.is_empty() {
                count(entries.len(), out);
                for (key, value) in entries {
                    length_and(key.as_bytes(), out);
                    write(schema, *item, value, depth + 1, out).map_err(|f| f.inside("{}"))?;
                }
            }
            out.push(0);
        }
        (Kind::Union(branches), Value::Union(number, value)) => {
            let branch = branches.get(*number as usize);
            let branch = branch.ok_or_else(|| Fault::new("the union has no branch of this number"))?;
            long(i64::from(*number), out);
            write(schema, *branch, value, depth + 1, out)?;
        }
        (Kind::Record(record), Value::Record(values)) => {
            if record.fields.len() != values.len() {
                let (found, wanted) = (values.len(), record.fields.len());
                let why = format!("{} has {wanted} fields, the value {found}", kind.describe());
                return Err(Fault::new(why));
            }
            for (field, value) in record.fields.iter().zip(values) {
                write(schema, field.ty, value, depth + 1, out).map_err(|f| f.inside(&field.name))?;
            }
        }
        (kind, value) => {
            return Err(Fault::new(format!("{} is no value of {}", value.word(), kind.describe())));
        }
    }
    Ok(())
}

/// A number in zig-zag form, seven bits a byte, the lowest first.
pub(super) fn long(n: i64, out: &mut Vec<u8>) {
    let mut left = ((n << 1) ^ (n >> 63)) as u64;
    while left > 0x7f {
        out.push((left as u8) | 0x80);
        left >>= 7;
    }
    out.push(left as u8);
}

fn count(n: usize, out: &mut Vec<u8>) {
    // No collection has more than 2^63 items.
    long(i64::try_from(n).unwrap_or(i64::MAX), out);
}

pub(super) fn length_and(bytes: &[u8], out: &mut Vec<u8>) {
    count(bytes.len(), out);
    out.extend_from_slice(bytes);
}
