//! Bytes → values, under the writer's schema or resolved to a reader's.

use super::cursor::Cursor;
use super::encode::DEPTH_MAX;
use super::fault::{Fallible, Fault};
use super::plan::{Op, OpId, Plan, Promotion, RecordOp};
use super::schema::Schema;
use super::value::Value;
use staunch_types::{Error, Result, codes};

/// What one value may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep it may nest; at most 256, so that no stack is exhausted.
    pub depth: usize,
    /// How many values it may hold, itself and skipped ones counted; 32 bytes of a default count as one.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: DEPTH_MAX, values: 2 << 20 }
    }
}

/// Reads values; made once for any number of them.
#[derive(Debug, Clone)]
pub struct Decoder {
    plan: Plan,
    limits: Limits,
}

const HINT: &str = "read the bytes under the schema that they were written with";

impl Decoder {
    /// Reads values as they were written.
    ///
    /// # Errors
    /// `ST0033` if the schema is too large.
    pub fn new(schema: &Schema) -> Result<Self> {
        Self::resolving(schema, schema)
    }

    /// Reads values that were written under `writer` as values of `reader`, by Avro's schema resolution. The two need not be compatible: what cannot be
    /// read fails when it is met.
    ///
    /// # Errors
    /// `ST0033` if the schemas are too large.
    pub fn resolving(writer: &Schema, reader: &Schema) -> Result<Self> {
        Ok(Self { plan: Plan::new(writer, reader)?, limits: Limits::default() })
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits: Limits { depth: limits.depth.min(DEPTH_MAX), ..limits }, ..self }
    }

    /// Reads one value, which must be all of the bytes.
    ///
    /// # Errors
    /// `Decode.Malformed` if the bytes are not those of the writer's schema, or something is left; `Decode.Type` if the value cannot be one of the
    /// reader's. The message has the byte and the path, and nothing of the value.
    pub fn decode(&self, bytes: &[u8]) -> Result<Value> {
        let (value, taken) = self.decode_first(bytes)?;
        if taken < bytes.len() {
            let why = format!("{} bytes stand behind the value", bytes.len() - taken);
            return Err(Error::new(codes::DECODE, why).hint(HINT));
        }
        Ok(value)
    }

    /// Reads the value at the beginning of the bytes, and says how many it took.
    ///
    /// # Errors
    /// As [`Decoder::decode`].
    pub fn decode_first(&self, bytes: &[u8]) -> Result<(Value, usize)> {
        let mut cursor = Cursor::new(bytes, self.limits);
        match cursor.value(&self.plan, Plan::ROOT, 0) {
            Ok(value) => Ok((value, cursor.at())),
            Err(fault) if fault.is_unfit() => {
                Err(fault.error(codes::DECODE_TYPE, "read the value under a schema that can take it"))
            }
            Err(fault) => Err(fault.error(codes::DECODE, HINT)),
        }
    }
}

impl Cursor<'_> {
    fn text(&mut self) -> Fallible<String> {
        let from = self.at();
        let bytes = self.bytes()?;
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::at("a text is not UTF-8", from))?;
        Ok(text.to_owned())
    }

    fn value(&mut self, plan: &Plan, op: OpId, depth: usize) -> Fallible<Value> {
        self.enter(depth)?;
        Ok(match plan.op(op) {
            Op::Null => Value::Null,
            Op::Boolean => Value::Boolean(self.boolean()?),
            Op::Int => Value::Int(self.int()?),
            Op::Long => Value::Long(self.long()?),
            Op::Float => Value::Float(self.float()?),
            Op::Double => Value::Double(self.double()?),
            Op::Bytes => Value::Bytes(self.bytes()?.to_vec()),
            Op::String => Value::String(self.text()?),
            Op::Fixed(size) => Value::Fixed(self.take(*size)?.to_vec()),
            Op::Enum(symbols) => {
                let from = self.at();
                let number = self.symbol(symbols.len())?;
                let known = symbols[number]
                    .ok_or_else(|| Fault::at("the reader does not know this symbol", from).unfit())?;
                Value::Enum(known)
            }
            Op::Array(item) => {
                let mut items = Vec::new();
                self.blocks(|input| {
                    items.push(input.value(plan, *item, depth + 1).map_err(|f| f.inside("[]"))?);
                    Ok(())
                })?;
                Value::Array(items)
            }
            Op::Map(item) => {
                let mut entries = Vec::new();
                self.blocks(|input| {
                    let key = input.text()?;
                    entries.push((key, input.value(plan, *item, depth + 1).map_err(|f| f.inside("{}"))?));
                    Ok(())
                })?;
                Value::Map(entries)
            }
            Op::Record(record) => self.record(plan, record, depth)?,
            Op::Branches(branches) => {
                let number = self.branch(branches.len())?;
                self.value(plan, branches[number], depth + 1)?
            }
            Op::IntoBranch(number, inner) => {
                Value::Union(*number, Box::new(self.value(plan, *inner, depth + 1)?))
            }
            Op::Promote(promotion) => self.promote(*promotion)?,
            Op::Fail(why, _) => return Err(Fault::at(why.clone(), self.at()).unfit()),
        })
    }

    fn record(&mut self, plan: &Plan, record: &RecordOp, depth: usize) -> Fallible<Value> {
        let mut values = vec![Value::Null; record.fields];
        for step in &record.steps {
            let done = match step.target {
                Some(target) => self.value(plan, step.op, depth + 1).map(|value| values[target] = value),
                None => self.skip(plan, step.op, depth + 1),
            };
            done.map_err(|fault| fault.inside(&step.name))?;
        }
        for default in &record.defaults {
            self.charge(default.weight)?;
            values[default.field] = default.value.clone();
        }
        Ok(Value::Record(values))
    }

    #[allow(clippy::cast_precision_loss, reason = "what Avro's promotion to float and double does")]
    fn promote(&mut self, promotion: Promotion) -> Fallible<Value> {
        Ok(match promotion {
            Promotion::IntToLong => Value::Long(self.int()?.into()),
            Promotion::IntToFloat => Value::Float(self.int()? as f32),
            Promotion::IntToDouble => Value::Double(self.int()?.into()),
            Promotion::LongToFloat => Value::Float(self.long()? as f32),
            Promotion::LongToDouble => Value::Double(self.long()? as f64),
            Promotion::FloatToDouble => Value::Double(self.float()?.into()),
            Promotion::BytesToString => {
                let from = self.at();
                let bytes = self.bytes()?;
                let text = std::str::from_utf8(bytes)
                    .map_err(|_| Fault::at("bytes read as a string are not UTF-8", from).unfit())?;
                Value::String(text.to_owned())
            }
            Promotion::StringToBytes => Value::Bytes(self.text()?.into_bytes()),
        })
    }
}
