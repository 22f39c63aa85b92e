//! Growing columns: plain vectors that become Arrow arrays without a copy.

use crate::read::fault::{Fault, NOT_FIXED};
use crate::read::field::{FieldPlan, Parse};
use crate::read::nested::Nested;
use arrow::array::{Array, ArrayData, ArrayRef, BooleanBufferBuilder, make_array};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer};
use arrow::datatypes::IntervalMonthDayNano;
use staunch_types::{Error, Result, codes};

/// The values of a column; where a row is null or at fault its value is a default.
#[derive(Debug)]
pub(crate) enum Values {
    Boolean(Vec<bool>),
    Int32(Vec<i32>),
    Int64(Vec<i64>),
    Float32(Vec<f32>),
    Float64(Vec<f64>),
    Decimal(Vec<i128>),
    Text(Text),
    Fixed(Fixed),
    Spans(Vec<IntervalMonthDayNano>),
    Nested(Box<Nested>),
}

/// Values of one length, one after the other.
#[derive(Debug)]
pub(crate) struct Fixed {
    pub(crate) size: usize,
    data: Vec<u8>,
    rows: usize,
}

impl Fixed {
    /// Adds a value if it has the length.
    pub(crate) fn push(&mut self, value: &[u8]) -> Result<(), Fault> {
        if value.len() != self.size {
            return Err(NOT_FIXED);
        }
        self.data.extend_from_slice(value);
        self.rows += 1;
        Ok(())
    }

    pub(crate) fn push_zeros(&mut self) {
        self.data.resize(self.data.len() + self.size, 0);
        self.rows += 1;
    }

    fn truncate(&mut self, rows: usize) {
        self.rows = self.rows.min(rows);
        self.data.truncate(self.rows * self.size);
    }
}

/// Texts (or bytes), one after the other.
#[derive(Debug)]
pub(crate) struct Text {
    /// Longer than `used`, so that short texts can be copied in one move of fixed width.
    data: Vec<u8>,
    used: usize,
    /// The end of each text.
    ends: Vec<u32>,
}

/// The width of the move.
const WIDE: usize = 16;

impl Text {
    pub(crate) fn with_capacity(rows: usize) -> Self {
        let mut ends = Vec::with_capacity(rows + 1);
        ends.push(0);
        Self { data: vec![0; rows.saturating_mul(8).min(1 << 24) + WIDE], used: 0, ends }
    }

    pub(crate) fn len(&self) -> usize {
        self.ends.len().saturating_sub(1)
    }

    /// Bytes of memory.
    pub(crate) fn memory(&self) -> usize {
        self.used + self.ends.len() * size_of::<u32>()
    }

    pub(crate) fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows + 1);
        self.used = self.ends.last().map_or(0, |e| *e as usize);
    }

    #[inline(always)]
    fn make_room(&mut self, len: usize) {
        if self.data.len() < self.used + len + WIDE {
            self.data.resize((self.used + len + WIDE) * 2, 0);
        }
    }

    /// Ends the text that was put behind the last one.
    #[inline(always)]
    fn end(&mut self) {
        // Texts of one chunk stay below its size, and chunks below 2 GiB (`finish` looks again).
        self.ends.push(u32::try_from(self.used).unwrap_or(u32::MAX));
    }

    /// Adds `text[begin..end]`; nothing if that range does not exist.
    #[inline(always)]
    pub(crate) fn push(&mut self, text: &[u8], begin: usize, end: usize) {
        let len = end.saturating_sub(begin);
        self.make_room(len);
        if len <= WIDE
            && let Some(from) = text.get(begin..).and_then(|t| t.first_chunk::<WIDE>())
            && let Some(to) = self.data.get_mut(self.used..).and_then(|t| t.first_chunk_mut::<WIDE>())
        {
            *to = *from;
            self.used += len;
        } else if let (Some(from), Some(to)) =
            (text.get(begin..end), self.data.get_mut(self.used..self.used + len))
        {
            to.copy_from_slice(from);
            self.used += len;
        }
        self.end();
    }

    /// The offsets and the bytes.
    pub(crate) fn buffers(mut self, plan: &FieldPlan) -> Result<(Buffer, Buffer)> {
        if i32::try_from(self.used).is_err() {
            let message = format!("the texts of `{}` in one chunk exceed 2 GiB", plan.path);
            return Err(Error::new(codes::SOURCE_TOO_LARGE, message)
                .hint("lower `chunk_bytes:` and `max_record:` of the object"));
        }
        self.data.truncate(self.used);
        Ok((Buffer::from_vec(self.ends), Buffer::from_vec(self.data)))
    }

    /// Adds a part of a text that is not ended yet.
    pub(crate) fn part(&mut self, part: &[u8]) {
        self.make_room(part.len());
        if let Some(to) = self.data.get_mut(self.used..self.used + part.len()) {
            to.copy_from_slice(part);
            self.used += part.len();
        }
    }

    /// Takes back the parts of a text that is not ended.
    pub(crate) fn drop_parts(&mut self) {
        self.used = self.ends.last().map_or(0, |e| *e as usize);
    }

    /// Ends the text made of parts.
    pub(crate) fn end_parts(&mut self) {
        self.end();
    }

    #[inline(always)]
    pub(crate) fn push_empty(&mut self) {
        self.end();
    }
}

/// A growing column.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) values: Values,
    /// The rows that are null, ascending.
    pub(crate) nulls: Vec<u32>,
}

impl Column {
    /// An empty column for about `rows` rows.
    pub(crate) fn new(plan: &FieldPlan, rows: usize) -> Self {
        let values = match &plan.parse {
            Parse::Boolean => Values::Boolean(Vec::with_capacity(rows)),
            Parse::Int | Parse::Date(_) | Parse::TimeMillis => Values::Int32(Vec::with_capacity(rows)),
            Parse::Long | Parse::TimeMicros | Parse::Timestamp(_) => Values::Int64(Vec::with_capacity(rows)),
            Parse::Float => Values::Float32(Vec::with_capacity(rows)),
            Parse::Double => Values::Float64(Vec::with_capacity(rows)),
            Parse::Decimal { .. } => Values::Decimal(Vec::with_capacity(rows)),
            Parse::Bytes | Parse::String | Parse::Enum(_) | Parse::Uuid => {
                Values::Text(Text::with_capacity(rows))
            }
            Parse::Fixed(size) => Values::Fixed(Fixed { size: *size, data: Vec::new(), rows: 0 }),
            Parse::Duration => Values::Spans(Vec::with_capacity(rows)),
            nested => Values::Nested(Box::new(Nested::new(nested, rows))),
        };
        Self { values, nulls: Vec::new() }
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        match &self.values {
            Values::Boolean(v) => v.len(),
            Values::Int32(v) => v.len(),
            Values::Int64(v) => v.len(),
            Values::Float32(v) => v.len(),
            Values::Float64(v) => v.len(),
            Values::Decimal(v) => v.len(),
            Values::Text(v) => v.len(),
            Values::Fixed(v) => v.rows,
            Values::Spans(v) => v.len(),
            Values::Nested(v) => v.len(),
        }
    }

    /// How many bytes of memory its values take, about.
    pub(crate) fn memory(&self) -> usize {
        let nulls = self.nulls.len() * size_of::<u32>();
        nulls
            + match &self.values {
                Values::Boolean(v) => v.len(),
                Values::Int32(v) => v.len() * 4,
                Values::Int64(v) => v.len() * 8,
                Values::Float32(v) => v.len() * 4,
                Values::Float64(v) => v.len() * 8,
                Values::Decimal(v) => v.len() * 16,
                Values::Text(v) => v.memory(),
                Values::Fixed(v) => v.data.len(),
                Values::Spans(v) => v.len() * 16,
                Values::Nested(v) => v.memory(),
            }
    }

    /// Adds a row without a value.
    pub(crate) fn push_default(&mut self) {
        match &mut self.values {
            Values::Boolean(v) => v.push(false),
            Values::Int32(v) => v.push(0),
            Values::Int64(v) => v.push(0),
            Values::Float32(v) => v.push(0.0),
            Values::Float64(v) => v.push(0.0),
            Values::Decimal(v) => v.push(0),
            Values::Text(v) => v.push_empty(),
            Values::Fixed(v) => v.push_zeros(),
            Values::Spans(v) => v.push(IntervalMonthDayNano::ZERO),
            Values::Nested(v) => v.push_default(),
        }
    }

    /// Adds a null.
    pub(crate) fn push_null(&mut self) {
        let row = self.len();
        // A union has no marks of its own.
        if let Values::Nested(nested) = &mut self.values
            && nested.push_null_branch()
        {
            return;
        }
        self.push_default();
        self.nulls.push(u32::try_from(row).unwrap_or(u32::MAX));
    }

    /// Takes back all rows from `rows` on.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match &mut self.values {
            Values::Boolean(v) => v.truncate(rows),
            Values::Int32(v) => v.truncate(rows),
            Values::Int64(v) => v.truncate(rows),
            Values::Float32(v) => v.truncate(rows),
            Values::Float64(v) => v.truncate(rows),
            Values::Decimal(v) => v.truncate(rows),
            Values::Text(v) => v.truncate(rows),
            Values::Fixed(v) => v.truncate(rows),
            Values::Spans(v) => v.truncate(rows),
            Values::Nested(v) => v.truncate(rows),
        }
        while self.nulls.last().is_some_and(|row| *row as usize >= rows) {
            self.nulls.pop();
        }
    }

    /// The array, of the field's Arrow type.
    ///
    /// # Errors
    /// `Source.TooLarge` if the texts of one chunk exceed 2 GiB.
    pub(crate) fn finish(self, plan: &FieldPlan) -> Result<ArrayRef> {
        let rows = self.len();
        let nulls = (!self.nulls.is_empty()).then(|| {
            let mut valid = BooleanBufferBuilder::new(rows);
            valid.append_n(rows, true);
            for row in self.nulls.iter().map(|r| *r as usize).filter(|r| *r < rows) {
                valid.set_bit(row, false);
            }
            NullBuffer::new(valid.finish())
        });
        if let Values::Nested(nested) = self.values {
            return nested.finish(plan, nulls);
        }
        let builder = ArrayData::builder(plan.field.ty.arrow()).len(rows).nulls(nulls);
        let builder = match self.values {
            Values::Nested(_) => builder,
            Values::Fixed(v) => builder.add_buffer(Buffer::from_vec(v.data)),
            Values::Spans(v) => builder.add_buffer(Buffer::from_vec(v)),
            Values::Boolean(v) => builder.add_buffer(BooleanBuffer::from(v).into_inner()),
            Values::Int32(v) => builder.add_buffer(Buffer::from_vec(v)),
            Values::Int64(v) => builder.add_buffer(Buffer::from_vec(v)),
            Values::Float32(v) => builder.add_buffer(Buffer::from_vec(v)),
            Values::Float64(v) => builder.add_buffer(Buffer::from_vec(v)),
            Values::Decimal(v) => builder.add_buffer(Buffer::from_vec(v)),
            Values::Text(text) => {
                let (ends, data) = text.buffers(plan)?;
                builder.add_buffer(ends).add_buffer(data)
            }
        };
        let data = builder.build().map_err(|e| {
            let message = format!("a column of `{}` was built wrong", plan.path);
            Error::new(codes::INTERNAL, message).cause(internal(&e)).hint("report this")
        })?;
        Ok(make_array(data))
    }
}

/// What kind of Arrow error it is; its text may quote data.
pub(crate) fn internal(error: &arrow::error::ArrowError) -> String {
    let text = format!("{error:?}");
    text.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}

/// A column of `rows` equal values.
pub(crate) fn repeat(array: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    let indices = arrow::array::UInt32Array::from(vec![0_u32; rows]);
    if array.is_empty() {
        return Err(Error::new(codes::INTERNAL, "a constant column has no value").hint("report this"));
    }
    arrow::compute::take(array, &indices, None).map_err(|e| {
        Error::new(codes::INTERNAL, "a constant column could not be built")
            .cause(internal(&e))
            .hint("report this")
    })
}
