//! Bytes → values, under the writer's schema or resolved to a reader's.
//!
//! Nothing is taken on trust: a length is compared with what is left before anything is allocated, depth is bounded, and so is the number of
//! values, because an array of nulls or a default takes no bytes.

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
        let mut input =
            Input { ops: &self.plan.ops, bytes, at: 0, left: self.limits.values, depth: self.limits.depth };
        match input.value(0, 0) {
            Ok(value) => Ok((value, input.at)),
            Err(fault) if fault.is_unfit() => {
                Err(fault.error(codes::DECODE_TYPE, "read the value under a schema that can take it"))
            }
            Err(fault) => Err(fault.error(codes::DECODE, HINT)),
        }
    }
}

/// The bytes of one value, and how much of its budget is left.
struct Input<'a> {
    ops: &'a [Op],
    bytes: &'a [u8],
    at: usize,
    left: usize,
    depth: usize,
}

impl<'a> Input<'a> {
    fn wrong(&self, why: &'static str) -> Box<Fault> {
        Fault::at(why, self.at)
    }

    fn charge(&mut self, weight: usize) -> Fallible<()> {
        self.left =
            self.left.checked_sub(weight).ok_or_else(|| self.wrong("the bytes stand for too many values"))?;
        Ok(())
    }

    /// Every value begins here.
    fn enter(&mut self, op: OpId, depth: usize) -> Fallible<&'a Op> {
        if depth > self.depth {
            return Err(self.wrong("the value nests too deep"));
        }
        self.charge(1)?;
        // The plan has an operation for each number that it uses.
        Ok(&self.ops[op as usize])
    }

    fn take(&mut self, length: usize) -> Fallible<&'a [u8]> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.wrong("the bytes end too early"))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Fallible<[u8; N]> {
        let mut taken = [0; N];
        taken.copy_from_slice(self.take(N)?);
        Ok(taken)
    }

    fn varint(&mut self, bytes_max: usize) -> Fallible<u64> {
        let from = self.at;
        let mut value = 0_u64;
        for shift in 0..bytes_max {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte of 64 bits holds one of them.
            if shift == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * shift);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::at("a number takes more bytes than it may", from))
    }

    fn long(&mut self) -> Fallible<i64> {
        let value = self.varint(10)?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn int(&mut self) -> Fallible<i32> {
        let from = self.at;
        let value = self.varint(5)?;
        let value = (value >> 1) as i64 ^ -((value & 1) as i64);
        i32::try_from(value).map_err(|_| Fault::at("a number has more than 32 bits", from))
    }

    fn boolean(&mut self) -> Fallible<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Fault::at("a boolean is neither 0 nor 1", self.at - 1)),
        }
    }

    fn bytes(&mut self) -> Fallible<&'a [u8]> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| self.wrong("a length is negative"))?;
        self.take(length)
    }

    fn text(&mut self) -> Fallible<String> {
        let from = self.at;
        let bytes = self.bytes()?;
        let text = std::str::from_utf8(bytes).map_err(|_| Fault::at("a text is not UTF-8", from))?;
        Ok(text.to_owned())
    }

    fn number(&mut self, count: usize, why: &'static str) -> Fallible<usize> {
        let from = self.at;
        usize::try_from(self.int()?).ok().filter(|n| *n < count).ok_or_else(|| Fault::at(why, from))
    }

    /// The next block of an array or map: its count, and where it ends if it says so. `None` behind the last one.
    fn block(&mut self) -> Fallible<Option<(u64, Option<usize>)>> {
        let count = self.long()?;
        if count >= 0 {
            return Ok((count > 0).then_some((count.unsigned_abs(), None)));
        }
        let size = self.long()?;
        let end = usize::try_from(size)
            .ok()
            .and_then(|n| self.at.checked_add(n))
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.wrong("a block is longer than the bytes"))?;
        Ok(Some((count.unsigned_abs(), Some(end))))
    }

    /// Calls `each` for every item of an array or map.
    fn blocks(&mut self, mut each: impl FnMut(&mut Self) -> Fallible<()>) -> Fallible<()> {
        while let Some((count, end)) = self.block()? {
            for _ in 0..count {
                each(self)?;
            }
            if end.is_some_and(|end| end != self.at) {
                return Err(self.wrong("a block is not as long as it says"));
            }
        }
        Ok(())
    }

    fn value(&mut self, op: OpId, depth: usize) -> Fallible<Value> {
        Ok(match self.enter(op, depth)? {
            Op::Null => Value::Null,
            Op::Boolean => Value::Boolean(self.boolean()?),
            Op::Int => Value::Int(self.int()?),
            Op::Long => Value::Long(self.long()?),
            Op::Float => Value::Float(f32::from_le_bytes(self.array()?)),
            Op::Double => Value::Double(f64::from_le_bytes(self.array()?)),
            Op::Bytes => Value::Bytes(self.bytes()?.to_vec()),
            Op::String => Value::String(self.text()?),
            Op::Fixed(size) => Value::Fixed(self.take(*size)?.to_vec()),
            Op::Enum(symbols) => {
                let from = self.at;
                let number = self.number(symbols.len(), "the enum has no symbol of this number")?;
                let known = symbols[number]
                    .ok_or_else(|| Fault::at("the reader does not know this symbol", from).unfit())?;
                Value::Enum(known)
            }
            Op::Array(item) => {
                let mut items = Vec::new();
                self.blocks(|input| {
                    items.push(input.value(*item, depth + 1).map_err(|f| f.inside("[]"))?);
                    Ok(())
                })?;
                Value::Array(items)
            }
            Op::Map(item) => {
                let mut entries = Vec::new();
                self.blocks(|input| {
                    let key = input.text()?;
                    entries.push((key, input.value(*item, depth + 1).map_err(|f| f.inside("{}"))?));
                    Ok(())
                })?;
                Value::Map(entries)
            }
            Op::Record(record) => self.record(record, depth)?,
            Op::Branches(branches) => {
                let number = self.number(branches.len(), "the union has no branch of this number")?;
                self.value(branches[number], depth + 1)?
            }
            Op::IntoBranch(number, inner) => Value::Union(*number, Box::new(self.value(*inner, depth + 1)?)),
            Op::Promote(promotion) => self.promote(*promotion)?,
            Op::Fail(why) => return Err(Fault::at(why.clone(), self.at).unfit()),
        })
    }

    fn record(&mut self, record: &RecordOp, depth: usize) -> Fallible<Value> {
        let mut values = vec![Value::Null; record.fields];
        for step in &record.steps {
            let done = match step.target {
                Some(target) => self.value(step.op, depth + 1).map(|value| values[target] = value),
                None => self.skip(step.op, depth + 1),
            };
            done.map_err(|fault| fault.inside(&step.name))?;
        }
        for (target, value, weight) in &record.defaults {
            self.charge(*weight)?;
            values[*target] = value.clone();
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
            Promotion::FloatToDouble => Value::Double(f32::from_le_bytes(self.array()?).into()),
            Promotion::BytesToString => {
                let from = self.at;
                let bytes = self.bytes()?;
                let text = std::str::from_utf8(bytes)
                    .map_err(|_| Fault::at("bytes read as a string are not UTF-8", from).unfit())?;
                Value::String(text.to_owned())
            }
            Promotion::StringToBytes => Value::Bytes(self.text()?.into_bytes()),
        })
    }

    /// Goes over a value of the writer.
    fn skip(&mut self, op: OpId, depth: usize) -> Fallible<()> {
        match self.enter(op, depth)? {
            Op::Boolean => self.boolean().map(drop),
            Op::Int => self.int().map(drop),
            Op::Long => self.long().map(drop),
            Op::Float => self.take(4).map(drop),
            Op::Double => self.take(8).map(drop),
            Op::Bytes | Op::String => self.bytes().map(drop),
            Op::Fixed(size) => self.take(*size).map(drop),
            Op::Enum(symbols) => {
                self.number(symbols.len(), "the enum has no symbol of this number").map(drop)
            }
            Op::Array(item) => self.skip_blocks(|input| input.skip(*item, depth + 1)),
            Op::Map(item) => self.skip_blocks(|input| {
                input.bytes()?;
                input.skip(*item, depth + 1)
            }),
            Op::Record(record) => record.steps.iter().try_for_each(|step| self.skip(step.op, depth + 1)),
            Op::Branches(branches) => {
                let number = self.number(branches.len(), "the union has no branch of this number")?;
                self.skip(branches[number], depth + 1)
            }
            // What is skipped has no reader.
            Op::Null | Op::IntoBranch(..) | Op::Promote(_) | Op::Fail(_) => Ok(()),
        }
    }

    /// Goes over the blocks of an array or map; those that say where they end are not looked into.
    fn skip_blocks(&mut self, mut each: impl FnMut(&mut Self) -> Fallible<()>) -> Fallible<()> {
        while let Some((count, end)) = self.block()? {
            match end {
                Some(end) => self.at = end,
                None => (0..count).try_for_each(|_| each(self))?,
            }
        }
        Ok(())
    }
}
