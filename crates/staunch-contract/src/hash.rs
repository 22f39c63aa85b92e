//! The order-free hash sum of rows over the contract's values, column by column.
//!
//! The specification is `docs/design/0002-row-hash.md`; the far ends of edges have an implementation of their own from the
//! same document, so that one mistake cannot hide on both sides.
//!
//! The row bytes of a block of rows are laid out in one reused buffer. Every column is written for all rows of the
//! block before the next one begins, at a cursor per row; each row is then hashed as one slice. Rows stand [`GAP`] bytes apart,
//! which lets a column write more bytes than a short or missing value has: what is too much is overwritten by the next
//! column or falls into the gap. So the loops need neither branches for nulls nor copies of variable length for short strings.
//!
//! A nested column is laid out before, level by level: the bytes of all items of a level first, then those of what holds them.

mod nested;

use crate::model::{Contract, Type};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::{BooleanBuffer, NullBuffer};
use arrow::datatypes as at;
use arrow::datatypes::{DataType, IntervalUnit, TimeUnit};
use arrow::record_batch::RecordBatch;
use staunch_types::{Error, Result, codes};
use std::fmt;
use std::ops::AddAssign;
use xxhash_rust::xxh3::xxh3_128;

/// Rows laid out at a time: enough to amortise the passes over columns, few enough to stay in the first-level cache.
const BLOCK: usize = 128;

/// Bytes between rows: a missing string may write 21 bytes and keep 1.
const GAP: usize = 32;

/// Strings up to this length are copied as one block of this length.
const SHORT: usize = 16;

/// Rows and the sum of their hashes modulo 2^128.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RowSum {
    /// Rows.
    pub rows: u64,
    /// The sum of their hashes.
    pub sum: u128,
}

impl RowSum {
    /// The sum as the ledger writes it: 32 lower-case hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

impl AddAssign for RowSum {
    fn add_assign(&mut self, other: Self) {
        self.rows = self.rows.wrapping_add(other.rows);
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

impl fmt::Display for RowSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows {:032x}", self.rows, self.sum)
    }
}

/// Sums the rows of a batch in the contract's Arrow form (see [`Contract::arrow_schema`]; columns are taken by position).
///
/// # Errors
/// `Internal.Bug` if a column is missing or is not of the contract's type: such a batch has no hash.
pub fn sum(batch: &RecordBatch, contract: &Contract) -> Result<RowSum> {
    let mut total: u128 = 0;
    each_row(batch, contract, |row| total = total.wrapping_add(xxh3_128(row)))?;
    Ok(RowSum { rows: batch.num_rows() as u64, sum: total })
}

/// Calls `visit` with the row bytes of every row, in order.
fn each_row(batch: &RecordBatch, contract: &Contract, mut visit: impl FnMut(&[u8])) -> Result<()> {
    let columns = columns(batch, contract)?;
    let width = GAP + columns.iter().map(|c| c.values.width()).sum::<usize>();
    let mut buffer = Vec::new();
    let (mut starts, mut cursors) = ([0_usize; BLOCK], [0_usize; BLOCK]);
    let mut first = 0;
    while first < batch.num_rows() {
        let rows = BLOCK.min(batch.num_rows() - first);
        let (starts, cursors) = (&mut starts[..rows], &mut cursors[..rows]);

        // The room of each row: an upper bound, since nulls count as if they were values.
        starts.fill(width);
        for column in &columns {
            column.values.add_lengths(first, starts);
        }
        let mut end = 0;
        for start in starts.iter_mut() {
            let room = *start;
            *start = end;
            end += room;
        }
        if buffer.len() < end {
            buffer.resize(end, 0);
        }

        cursors.copy_from_slice(starts);
        let mut block = Block { buffer: &mut buffer, cursors, ahead: 0, first };
        for column in &columns {
            block.write(column);
        }
        let ahead = block.ahead;
        for (start, cursor) in starts.iter().zip(cursors.iter()) {
            visit(&buffer[*start..*cursor + ahead]);
        }
        first += rows;
    }
    Ok(())
}

/// The values of one column, sliced to the batch.
enum Values<'a> {
    Bits(&'a BooleanBuffer),
    Int32(&'a [i32]),
    Int64(&'a [i64]),
    Float32(&'a [f32]),
    Float64(&'a [f64]),
    Int128(&'a [i128]),
    /// Offsets (one more than rows) into the bytes.
    Bytes(&'a [i32], &'a [u8]),
    /// Values of one length.
    Fixed(&'a [u8], usize),
    Spans(&'a [at::IntervalMonthDayNano]),
    /// Whole row bytes, markers included.
    Encoded(nested::Encoded),
}

impl Values<'_> {
    /// The bytes that every value takes with its marker; for strings without the text.
    fn width(&self) -> usize {
        match self {
            Self::Bits(_) => 2,
            Self::Float32(_) | Self::Bytes(..) => 5,
            Self::Int32(_) | Self::Int64(_) | Self::Float64(_) => 9,
            Self::Int128(_) | Self::Spans(_) => 17,
            Self::Fixed(_, size) => 5 + size,
            Self::Encoded(_) => 0,
        }
    }

    /// Adds the lengths of the texts of the rows from `first`.
    fn add_lengths(&self, first: usize, rooms: &mut [usize]) {
        match self {
            Self::Bytes(offsets, _) => {
                for (room, pair) in rooms.iter_mut().zip(offsets[first..].windows(2)) {
                    *room += (pair[1] - pair[0]) as usize;
                }
            }
            Self::Encoded(encoded) => {
                for (at, room) in rooms.iter_mut().enumerate() {
                    *room += encoded.row(first + at).len();
                }
            }
            _ => {}
        }
    }
}

struct Column<'a> {
    values: Values<'a>,
    /// Which rows are not null; `None` if none is null.
    valid: Option<&'a NullBuffer>,
}

/// The columns of a batch as the contract types them.
fn columns<'a>(batch: &'a RecordBatch, contract: &Contract) -> Result<Vec<Column<'a>>> {
    if batch.num_columns() != contract.fields.len() {
        let (found, wanted) = (batch.num_columns(), contract.fields.len());
        return Err(Error::new(
            codes::INTERNAL,
            format!(
                "a batch of {found} columns has no hash under `{}`, which has {wanted} fields",
                contract.id()
            ),
        )
        .hint("report this: a batch must have its contract's form before it is hashed"));
    }
    let pairs = batch.columns().iter().zip(&contract.fields);
    pairs
        .map(|(array, field)| {
            let flat = !field.ty.is_nested();
            let valid = array.nulls().filter(|n| n.null_count() > 0 && flat);
            let values = values(array, &field.ty).ok_or_else(|| {
                let found = array.data_type();
                Error::new(
                    codes::INTERNAL,
                    format!("a column of {found} has no hash under `{}`", contract.id()),
                )
                .field(&field.name)
                .hint("report this: a batch must have its contract's form before it is hashed")
            })?;
            Ok(Column { values, valid })
        })
        .collect()
}

/// The values of `array` if it carries `ty`. A zone's name and a decimal's precision do not matter: they change no value.
fn values<'a>(array: &'a ArrayRef, ty: &Type) -> Option<Values<'a>> {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond};
    if ty.is_nested() {
        return nested::encode(array, ty).map(Values::Encoded);
    }
    Some(match (ty, array.data_type()) {
        (Type::Boolean, DataType::Boolean) => Values::Bits(array.as_boolean().values()),
        (Type::Int, DataType::Int32) => Values::Int32(array.as_primitive::<at::Int32Type>().values()),
        (Type::Long, DataType::Int64) => Values::Int64(array.as_primitive::<at::Int64Type>().values()),
        (Type::Float, DataType::Float32) => Values::Float32(array.as_primitive::<at::Float32Type>().values()),
        (Type::Double, DataType::Float64) => {
            Values::Float64(array.as_primitive::<at::Float64Type>().values())
        }
        (Type::Bytes, DataType::Binary) => {
            let bytes = array.as_binary::<i32>();
            Values::Bytes(bytes.value_offsets(), bytes.value_data())
        }
        (Type::String | Type::Enum(_) | Type::Uuid, DataType::Utf8) => {
            let texts = array.as_string::<i32>();
            Values::Bytes(texts.value_offsets(), texts.value_data())
        }
        (Type::Decimal { scale, .. }, DataType::Decimal128(_, s)) if i16::from(*s) == i16::from(*scale) => {
            Values::Int128(array.as_primitive::<at::Decimal128Type>().values())
        }
        (Type::Date, DataType::Date32) => Values::Int32(array.as_primitive::<at::Date32Type>().values()),
        (Type::TimeMillis, DataType::Time32(Millisecond)) => {
            Values::Int32(array.as_primitive::<at::Time32MillisecondType>().values())
        }
        (Type::TimeMicros, DataType::Time64(Microsecond)) => {
            Values::Int64(array.as_primitive::<at::Time64MicrosecondType>().values())
        }
        (Type::TimestampMillis, DataType::Timestamp(Millisecond, Some(_)))
        | (Type::LocalTimestampMillis, DataType::Timestamp(Millisecond, None)) => {
            Values::Int64(array.as_primitive::<at::TimestampMillisecondType>().values())
        }
        (Type::TimestampMicros, DataType::Timestamp(Microsecond, Some(_)))
        | (Type::LocalTimestampMicros, DataType::Timestamp(Microsecond, None)) => {
            Values::Int64(array.as_primitive::<at::TimestampMicrosecondType>().values())
        }
        (Type::TimestampNanos, DataType::Timestamp(Nanosecond, Some(_)))
        | (Type::LocalTimestampNanos, DataType::Timestamp(Nanosecond, None)) => {
            Values::Int64(array.as_primitive::<at::TimestampNanosecondType>().values())
        }
        (Type::Fixed(wanted), DataType::FixedSizeBinary(size)) if i64::from(*size) == i64::from(*wanted) => {
            let fixed = array.as_fixed_size_binary();
            Values::Fixed(fixed.value_data(), usize::try_from(*size).ok()?)
        }
        (Type::Duration, DataType::Interval(IntervalUnit::MonthDayNano)) => {
            Values::Spans(array.as_primitive::<at::IntervalMonthDayNanoType>().values())
        }
        _ => return None,
    })
}

/// Some rows while their bytes are written.
struct Block<'a> {
    buffer: &'a mut [u8],
    /// Where the next value of each row goes, less `ahead`.
    cursors: &'a mut [usize],
    /// What to add to every cursor: columns without nulls move all rows alike, and need not touch the cursors.
    ahead: usize,
    /// The number in the batch of the first row.
    first: usize,
}

impl Block<'_> {
    fn write(&mut self, column: &Column<'_>) {
        let valid = column.valid;
        match &column.values {
            Values::Bits(bits) => {
                let first = self.first;
                let rows = self.cursors.len();
                self.write_fixed::<_, 2>((first..first + rows).map(|i| bits.value(i)), valid, |v| {
                    [1, u8::from(v)]
                });
            }
            Values::Int32(v) => {
                self.write_fixed::<_, 9>(v[self.first..].iter(), valid, |v| {
                    marked(i64::from(*v).to_le_bytes())
                });
            }
            Values::Int64(v) => {
                self.write_fixed::<_, 9>(v[self.first..].iter(), valid, |v| marked(v.to_le_bytes()))
            }
            Values::Float32(v) => self.write_fixed::<_, 5>(v[self.first..].iter(), valid, |v| {
                let bits: u32 = if v.is_nan() { 0x7fc0_0000 } else { v.to_bits() };
                marked(bits.to_le_bytes())
            }),
            Values::Float64(v) => self.write_fixed::<_, 9>(v[self.first..].iter(), valid, |v| {
                let bits: u64 = if v.is_nan() { 0x7ff8_0000_0000_0000 } else { v.to_bits() };
                marked(bits.to_le_bytes())
            }),
            Values::Int128(v) => {
                self.write_fixed::<_, 17>(v[self.first..].iter(), valid, |v| marked(v.to_le_bytes()))
            }
            Values::Bytes(offsets, data) => self.write_bytes(offsets, data, valid),
            Values::Fixed(data, size) => self.write_sized(data, *size, valid),
            Values::Spans(v) => self.write_fixed::<_, 17>(v[self.first..].iter(), valid, |v| marked(span(v))),
            Values::Encoded(encoded) => self.write_encoded(encoded),
        }
    }

    /// Writes a column of bytes of one length.
    fn write_sized(&mut self, data: &[u8], size: usize, valid: Option<&NullBuffer>) {
        let ahead = std::mem::take(&mut self.ahead);
        for (i, cursor) in self.cursors.iter_mut().enumerate() {
            let at = *cursor + ahead;
            let row = self.first + i;
            let here = valid.is_none_or(|v| v.is_valid(row));
            let room = &mut self.buffer[at..];
            room[0] = u8::from(here);
            room[1..5].copy_from_slice(&(size as u32).to_le_bytes());
            room[5..5 + size].copy_from_slice(&data[row * size..(row + 1) * size]);
            *cursor = at + if here { 5 + size } else { 1 };
        }
    }

    /// Writes a column whose row bytes are there already.
    fn write_encoded(&mut self, encoded: &nested::Encoded) {
        let ahead = std::mem::take(&mut self.ahead);
        for (i, cursor) in self.cursors.iter_mut().enumerate() {
            let at = *cursor + ahead;
            let bytes = encoded.row(self.first + i);
            self.buffer[at..at + bytes.len()].copy_from_slice(bytes);
            *cursor = at + bytes.len();
        }
    }

    /// Writes a column whose values, with their markers, take `W` bytes.
    fn write_fixed<T, const W: usize>(
        &mut self,
        values: impl Iterator<Item = T>,
        valid: Option<&NullBuffer>,
        encode: impl Fn(T) -> [u8; W],
    ) {
        let Some(valid) = valid else {
            for (cursor, value) in self.cursors.iter().zip(values) {
                let at = *cursor + self.ahead;
                self.buffer[at..at + W].copy_from_slice(&encode(value));
            }
            self.ahead += W;
            return;
        };
        for (i, (cursor, value)) in self.cursors.iter_mut().zip(values).enumerate() {
            let here = valid.is_valid(self.first + i);
            let at = *cursor + self.ahead;
            let mut bytes = encode(value);
            bytes[0] = u8::from(here);
            self.buffer[at..at + W].copy_from_slice(&bytes);
            *cursor = at + if here { W } else { 1 };
        }
        self.ahead = 0;
    }

    fn write_bytes(&mut self, offsets: &[i32], data: &[u8], valid: Option<&NullBuffer>) {
        let ahead = std::mem::take(&mut self.ahead);
        let pairs = offsets[self.first..].windows(2);
        for (i, (cursor, pair)) in self.cursors.iter_mut().zip(pairs).enumerate() {
            let at = *cursor + ahead;
            let here = valid.is_none_or(|v| v.is_valid(self.first + i));
            let from = pair[0] as usize;
            // What lies under a null is not looked at; there is no branch, since nulls cannot be predicted.
            let length = if here { (pair[1] - pair[0]) as usize } else { 0 };
            let room = &mut self.buffer[at..];
            room[0] = u8::from(here);
            room[1..5].copy_from_slice(&(length as u32).to_le_bytes());
            match (room[5..].first_chunk_mut::<SHORT>(), data[from..].first_chunk::<SHORT>()) {
                (Some(to), Some(from)) if length <= SHORT => *to = *from,
                _ => room[5..5 + length].copy_from_slice(&data[from..from + length]),
            }
            *cursor = at + if here { 5 + length } else { 1 };
        }
    }
}

/// Months and days of 32 bits, nanoseconds of 64.
fn span(span: &at::IntervalMonthDayNano) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&span.months.to_le_bytes());
    bytes[4..8].copy_from_slice(&span.days.to_le_bytes());
    bytes[8..].copy_from_slice(&span.nanoseconds.to_le_bytes());
    bytes
}

/// A value behind the marker that it is not null.
fn marked<const N: usize, const W: usize>(value: [u8; N]) -> [u8; W] {
    const { assert!(W == N + 1) };
    let mut bytes = [1; W];
    bytes[1..].copy_from_slice(&value);
    bytes
}

#[cfg(test)]
mod tests;
