//! The row hash at the far end of an edge: what was handed to an encoder, or what was read back from an artefact.
//!
//! **What it is.** An implementation of `docs/design/0002-row-hash.md` that works row by row: it writes the bytes of one
//! row into a buffer, hashes them and adds the hash. The near end (`staunch-contract`) works column by column; both share
//! the document and nothing else, so that a mistake in one of them does not balance itself.
//!
//! **What it is not.** It coerces nothing: a column that is not of the contract's Arrow type is an error, because
//! a silent cast here would hide the very change that the sum is there to find.
//!
//! **Invariants.** The sum depends on the contract's values alone: not on the order of rows, the cut of batches, slices
//! or the bytes that lie under a null.

mod nested;

use arrow::array::{Array, AsArray, BooleanArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, Time32MillisecondType, Time64MicrosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType,
};
use arrow::record_batch::RecordBatch;
use staunch_contract::{Contract, Type};
use staunch_types::{Error, Place, Result, bare, codes, planted};
use xxhash_rust::xxh3::xxh3_128;

/// The hash sum of rows, by the far end's own implementation.
///
/// ```
/// use arrow::array::{ArrayRef, Int64Array};
/// use arrow::record_batch::RecordBatch;
/// use staunch_commit::rowhash::FarSum;
/// use staunch_contract::{Contract, Field, Type};
/// use std::sync::Arc;
///
/// let contract = Contract::new("click", 1, vec![Field::new("id", Type::Long, false)]);
/// let ids: ArrayRef = Arc::new(Int64Array::from(vec![7]));
/// let mut sum = FarSum::new(&contract);
/// sum.add(&RecordBatch::try_new(contract.arrow_schema(), vec![ids]).unwrap()).unwrap();
/// assert_eq!((sum.rows(), sum.hex().as_str()), (1, "05f6cfa1bddd523fd8197fcc417a9adf"));
/// ```
#[derive(Debug, Clone)]
pub struct FarSum {
    fields: Vec<(String, Type)>,
    rows: u64,
    sum: u128,
    buffer: Vec<u8>,
}

impl FarSum {
    /// An empty sum over the fields of this contract.
    #[must_use]
    pub fn new(contract: &Contract) -> Self {
        let fields = contract.fields.iter().map(|f| (f.name.clone(), f.ty.clone())).collect();
        Self { fields, rows: 0, sum: 0, buffer: Vec::new() }
    }

    /// Adds the rows of a batch whose columns are the contract's fields, in the contract's order.
    ///
    /// # Errors
    /// `Internal.Bug` if a column is missing or of another type; the sum is then as it was.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        if bare::on() {
            self.rows += batch.num_rows() as u64;
            return Ok(());
        }
        if batch.num_columns() != self.fields.len() {
            let (found, wanted) = (batch.num_columns(), self.fields.len());
            return Err(bug(&format!("{found} columns where the contract has {wanted} fields"), None));
        }
        if self.fields.iter().any(|(_, ty)| ty.is_nested()) {
            return self.add_nested(batch);
        }
        let mut runs: Vec<Run<'_>> = Vec::new();
        let hashed = self.fields.len() - usize::from(planted::bug("hash_ignores_column"));
        for ((name, ty), array) in self.fields.iter().zip(batch.columns()).take(hashed) {
            let run = Run::new(name, ty, array.as_ref())?;
            let alone = match runs.last_mut() {
                Some(last) => last.join(run),
                None => Some(run),
            };
            runs.extend(alone);
        }
        let room: usize = runs.iter().map(Run::room).sum();
        if self.buffer.len() < 2 * room {
            self.buffer.resize(2 * room, 0);
        }
        // A row is hashed after the next one has been written: a processor that reads wide what it has only just written
        // in small pieces has to wait for the pieces.
        let (mut waiting, mut free) = self.buffer.split_at_mut(room);
        let mut length = None;
        for row in 0..batch.num_rows() {
            let mut out = Cursor { buffer: free, at: 0 };
            for run in &runs {
                run.push(row, &mut out);
            }
            let written = out.at;
            if let Some(length) = length.replace(written) {
                self.sum = self.sum.wrapping_add(xxh3_128(&waiting[..length]));
            }
            std::mem::swap(&mut waiting, &mut free);
        }
        if let Some(length) = length {
            self.sum = self.sum.wrapping_add(xxh3_128(&waiting[..length]));
        }
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// The same where a column has parts: value by value, since a row has no greatest length.
    fn add_nested(&mut self, batch: &RecordBatch) -> Result<()> {
        let columns = self.fields.iter().zip(batch.columns());
        let columns = columns
            .map(|((name, ty), array)| {
                if *array.data_type() != ty.arrow() {
                    let (found, wanted) = (array.data_type(), ty.arrow());
                    let what = format!("a column of {found} where the contract has {wanted}");
                    return Err(bug(&what, Some(name)));
                }
                nested::Value::new(ty, array.as_ref())
                    .ok_or_else(|| bug("a column cannot be read", Some(name)))
            })
            .collect::<Result<Vec<_>>>()?;
        let mut total: u128 = 0;
        for row in 0..batch.num_rows() {
            self.buffer.clear();
            for column in &columns {
                if column.push(row, &mut self.buffer).is_none() {
                    return Err(bug("a value has no encoding", None));
                }
            }
            total = total.wrapping_add(xxh3_128(&self.buffer));
        }
        self.sum = self.sum.wrapping_add(total);
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// How many rows were added.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The sum as text: 32 lower-case hexadecimal digits, the highest first; nothing in a bare run.
    #[must_use]
    pub fn hex(&self) -> String {
        if bare::on() {
            return String::new();
        }
        format!("{:032x}", self.sum)
    }

    /// Adds another sum over the same contract: the sum of a whole is that of its parts.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

/// Neighbouring columns of one kind: the kind is resolved once for all of them and not again for every value.
enum Run<'a> {
    Boolean(Vec<Column<'a, &'a BooleanArray>>),
    Narrow(Vec<Column<'a, &'a [i32]>>),
    Wide(Vec<Column<'a, &'a [i64]>>),
    Float(Vec<Column<'a, &'a [f32]>>),
    Double(Vec<Column<'a, &'a [f64]>>),
    Decimal(Vec<Column<'a, &'a [i128]>>),
    Bytes(Vec<Column<'a, Bytes<'a>>>),
    /// Values of one length each.
    Fixed(Vec<Column<'a, (usize, &'a [u8])>>),
    Spans(Vec<Column<'a, &'a [IntervalMonthDayNano]>>),
}

struct Column<'a, T> {
    nulls: Option<&'a NullBuffer>,
    values: T,
}

struct Bytes<'a> {
    offsets: &'a [i32],
    bytes: &'a [u8],
}

impl<'a> Run<'a> {
    /// The kind of a column, as a run of one.
    fn new(name: &str, ty: &Type, array: &'a dyn Array) -> Result<Self> {
        let wanted = ty.arrow();
        if *array.data_type() != wanted {
            let found = array.data_type();
            return Err(bug(&format!("a column of {found} where the contract has {wanted}"), Some(name)));
        }
        let nulls = array.nulls().filter(|n| n.null_count() > 0);
        let bytes = |offsets, bytes| Self::Bytes(vec![Column { nulls, values: Bytes { offsets, bytes } }]);
        let narrow = |values| Self::Narrow(vec![Column { nulls, values }]);
        let wide = |values| Self::Wide(vec![Column { nulls, values }]);
        Ok(match ty {
            Type::Boolean => Self::Boolean(vec![Column { nulls, values: array.as_boolean() }]),
            Type::Int => narrow(array.as_primitive::<Int32Type>().values()),
            Type::Date => narrow(array.as_primitive::<Date32Type>().values()),
            Type::TimeMillis => narrow(array.as_primitive::<Time32MillisecondType>().values()),
            Type::Long => wide(array.as_primitive::<Int64Type>().values()),
            Type::TimeMicros => wide(array.as_primitive::<Time64MicrosecondType>().values()),
            Type::TimestampMillis | Type::LocalTimestampMillis => {
                wide(array.as_primitive::<TimestampMillisecondType>().values())
            }
            Type::TimestampMicros | Type::LocalTimestampMicros => {
                wide(array.as_primitive::<TimestampMicrosecondType>().values())
            }
            Type::Float => {
                Self::Float(vec![Column { nulls, values: array.as_primitive::<Float32Type>().values() }])
            }
            Type::Double => {
                Self::Double(vec![Column { nulls, values: array.as_primitive::<Float64Type>().values() }])
            }
            Type::Decimal { .. } => {
                Self::Decimal(vec![Column { nulls, values: array.as_primitive::<Decimal128Type>().values() }])
            }
            Type::String | Type::Enum(_) | Type::Uuid => {
                let text = array.as_string::<i32>();
                bytes(text.value_offsets(), text.value_data())
            }
            Type::Bytes => {
                let binary = array.as_binary::<i32>();
                bytes(binary.value_offsets(), binary.value_data())
            }
            Type::TimestampNanos | Type::LocalTimestampNanos => {
                wide(array.as_primitive::<TimestampNanosecondType>().values())
            }
            Type::Fixed(size) => {
                let values = (*size as usize, array.as_fixed_size_binary().value_data());
                Self::Fixed(vec![Column { nulls, values }])
            }
            Type::Duration => {
                let values = &array.as_primitive::<IntervalMonthDayNanoType>().values()[..];
                Self::Spans(vec![Column { nulls, values }])
            }
            Type::Array(_) | Type::Map(_) | Type::Record(_) | Type::Union(_) => {
                return Err(bug("a nested column among plain ones", Some(name)));
            }
        })
    }

    /// Takes the columns of the next run if they are of the same kind, or gives it back.
    fn join(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Boolean(all), Self::Boolean(more)) => all.extend(more),
            (Self::Narrow(all), Self::Narrow(more)) => all.extend(more),
            (Self::Wide(all), Self::Wide(more)) => all.extend(more),
            (Self::Float(all), Self::Float(more)) => all.extend(more),
            (Self::Double(all), Self::Double(more)) => all.extend(more),
            (Self::Decimal(all), Self::Decimal(more)) => all.extend(more),
            (Self::Bytes(all), Self::Bytes(more)) => all.extend(more),
            (Self::Fixed(all), Self::Fixed(more)) => all.extend(more),
            (Self::Spans(all), Self::Spans(more)) => all.extend(more),
            (_, next) => return Some(next),
        }
        None
    }

    /// The bytes that the values of a row need at most.
    fn room(&self) -> usize {
        let longest = |column: &Column<'_, Bytes<'_>>| {
            let lengths = column.values.offsets.windows(2).map(|pair| pair[1] - pair[0]);
            5 + SHORT.max(lengths.max().unwrap_or(0) as usize)
        };
        match self {
            Self::Boolean(columns) => 2 * columns.len(),
            Self::Narrow(columns) => 9 * columns.len(),
            Self::Wide(columns) => 9 * columns.len(),
            Self::Float(columns) => 5 * columns.len(),
            Self::Double(columns) => 9 * columns.len(),
            Self::Decimal(columns) => 17 * columns.len(),
            Self::Bytes(columns) => columns.iter().map(longest).sum(),
            Self::Fixed(columns) => columns.iter().map(|c| 5 + SHORT.max(c.values.0)).sum(),
            Self::Spans(columns) => 17 * columns.len(),
        }
    }

    /// Appends the values of a row. `row` is below the length of the batch, hence of every column.
    #[inline]
    fn push(&self, row: usize, out: &mut Cursor<'_>) {
        match self {
            Self::Boolean(columns) => {
                each(columns, row, out, |v, out| out.put_value([u8::from(v.value(row))]))
            }
            Self::Narrow(columns) => {
                each(columns, row, out, |v, out| out.put_value(i64::from(v[row]).to_le_bytes()))
            }
            Self::Wide(columns) => each(columns, row, out, |v, out| out.put_value(v[row].to_le_bytes())),
            Self::Float(columns) => each(columns, row, out, |v, out| {
                let bits = if v[row].is_nan() { 0x7fc0_0000 } else { v[row].to_bits() };
                out.put_value(bits.to_le_bytes());
            }),
            Self::Double(columns) => each(columns, row, out, |v, out| {
                let bits = if v[row].is_nan() { 0x7ff8_0000_0000_0000 } else { v[row].to_bits() };
                out.put_value(bits.to_le_bytes());
            }),
            Self::Decimal(columns) => each(columns, row, out, |v, out| out.put_value(v[row].to_le_bytes())),
            Self::Fixed(columns) => each(columns, row, out, |(size, all), out| {
                out.put_value(u32::try_from(*size).unwrap_or(u32::MAX).to_le_bytes());
                out.put_text(all, row * size, (row + 1) * size);
            }),
            Self::Spans(columns) => each(columns, row, out, |v, out| out.put_value(nested::span(v[row]))),
            Self::Bytes(columns) => each(columns, row, out, |v, out| {
                // Offsets are signed 32-bit numbers, ascend and stay within the bytes: a length always fits 32 bits.
                let (from, to) = (v.offsets[row], v.offsets[row + 1]);
                out.put_value((to - from).to_le_bytes());
                out.put_text(v.bytes, from as usize, to as usize);
            }),
        }
    }
}

/// Appends one value of each column: the mark of a null, or whatever `put` does.
#[inline]
fn each<'b, T>(
    columns: &[Column<'_, T>],
    row: usize,
    out: &mut Cursor<'b>,
    put: impl Fn(&T, &mut Cursor<'b>),
) {
    for column in columns {
        match column.nulls {
            Some(nulls) if nulls.is_null(row) => out.put_null(),
            _ => put(&column.values, out),
        }
    }
}

/// Texts up to this length are copied as one block of this length.
const SHORT: usize = 16;

/// A place in the buffer of a row, which has room for the longest row of the batch. What lies behind `at` is left over and never
/// hashed.
struct Cursor<'a> {
    buffer: &'a mut [u8],
    at: usize,
}

impl Cursor<'_> {
    #[inline]
    fn put_null(&mut self) {
        self.buffer[self.at] = 0;
        self.at += 1;
    }

    /// The mark of a value, and its bytes.
    #[inline]
    fn put_value<const N: usize>(&mut self, bytes: [u8; N]) {
        let to = &mut self.buffer[self.at..self.at + 1 + N];
        to[0] = 1;
        to[1..].copy_from_slice(&bytes);
        self.at += 1 + N;
    }

    /// `bytes[from..to]`. A copy of fixed length costs a fraction of one of variable length, so a short text is copied together
    /// with what happens to follow it, which the next value then overwrites.
    #[inline]
    fn put_text(&mut self, bytes: &[u8], from: usize, to: usize) {
        let length = to - from;
        match bytes.get(from..from + SHORT) {
            Some(block) if length <= SHORT => self.buffer[self.at..self.at + SHORT].copy_from_slice(block),
            _ => self.buffer[self.at..self.at + length].copy_from_slice(&bytes[from..to]),
        }
        self.at += length;
    }
}

fn bug(message: &str, field: Option<&str>) -> Error {
    let place = Place { field: field.map(str::to_owned), ..Place::default() };
    Error::new(codes::INTERNAL, format!("a batch does not have the schema of its contract: {message}"))
        .place(place)
        .hint("report this with the pipeline that caused it")
}
