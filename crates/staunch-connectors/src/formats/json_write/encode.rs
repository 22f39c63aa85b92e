//! Batches to lines: the kind of each column is resolved once, then row after row is put into one text.

use super::nested::{Nested, Shape};
use super::text::{Day, Text, WIDEST};
use crate::read::parse::duration::duration_text;
use crate::systems::text::Unit;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, Time32MillisecondType, Time64MicrosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType,
};
use arrow::record_batch::RecordBatch;
use staunch_contract::{Field, Type};
use staunch_types::{Error, Result, codes};

/// Keys up to this length are put as one block.
pub(super) const KEY: usize = 32;

/// The encoder of rows with these fields.
#[derive(Debug)]
pub(crate) struct Encoder {
    fields: Vec<(Key, Shape, Field)>,
    /// What a row needs beside its texts.
    fixed: usize,
}

/// What stands before a value: `{"a":` for the first field, `,"b":` for the others.
#[derive(Debug, Clone)]
pub(super) struct Key {
    text: Vec<u8>,
    block: [u8; KEY],
}

impl Key {
    pub(super) fn new(name: &str, first: bool) -> Self {
        let mut text = vec![if first { b'{' } else { b',' }];
        // Writing a text into memory cannot fail.
        let _ = serde_json::to_writer(&mut text, name);
        text.push(b':');
        let mut block = [0; KEY];
        for (to, from) in block.iter_mut().zip(&text) {
            *to = *from;
        }
        Self { text, block }
    }

    /// The room that it needs.
    pub(super) fn room(&self) -> usize {
        self.text.len().max(KEY)
    }

    #[inline(always)]
    pub(super) fn put(&self, out: &mut Text) {
        if self.text.len() <= KEY { out.block(&self.block, self.text.len()) } else { out.bytes(&self.text) }
    }
}

struct Column<'a> {
    key: &'a Key,
    name: &'a str,
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

pub(super) enum Values<'a> {
    Boolean(&'a BooleanArray),
    Int(&'a [i32]),
    Long(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal(&'a [i128], u8),
    Text(&'a [i32], &'a [u8]),
    Binary(&'a [i32], &'a [u8]),
    Date(&'a [i32], Day),
    TimeMillis(&'a [i32]),
    TimeMicros(&'a [i64]),
    Timestamp { values: &'a [i64], unit: Unit, instant: bool, day: Day },
    Fixed(&'a [u8], usize),
    Spans(&'a [IntervalMonthDayNano]),
    Nested(Box<Nested<'a>>),
}

impl Encoder {
    /// For rows of these fields, in this order.
    pub(crate) fn new(fields: &[Field]) -> Self {
        let fields: Vec<(Key, Shape, Field)> = (fields.iter().enumerate())
            .map(|(at, field)| (Key::new(&field.name, at == 0), Shape::new(&field.ty), field.clone()))
            .collect();
        let fixed = fields.iter().map(|(key, ..)| key.room() + WIDEST).sum::<usize>() + 64;
        Self { fields, fixed }
    }

    /// Appends the rows from `from` on until the text has `enough` bytes; gives the row that comes next.
    ///
    /// # Errors
    /// `Sink.Rejected` for a value that JSON's readers do not know: a year that is not 0001 to 9999, a time that is not within
    /// a day. `Internal.Bug` for a batch of other columns.
    pub(crate) fn encode(
        &self,
        batch: &RecordBatch,
        from: usize,
        out: &mut Text,
        enough: usize,
    ) -> Result<usize> {
        let mut columns = self.columns(batch)?;
        let mut row = from;
        while row < batch.num_rows() && out.len() < enough {
            out.reserve(self.fixed);
            for column in &mut columns {
                column.key.put(out);
                match column.nulls {
                    Some(nulls) if nulls.is_null(row) => out.null(),
                    _ if column.values.put(row, out, self.fixed) => {}
                    _ => return Err(rejected(column.name)),
                }
            }
            out.block(b"}\n", 2);
            row += 1;
        }
        Ok(row)
    }

    fn columns<'a>(&'a self, batch: &'a RecordBatch) -> Result<Vec<Column<'a>>> {
        if batch.num_columns() != self.fields.len() {
            return Err(other_columns());
        }
        let column = |((key, shape, field), array): (&'a (Key, Shape, Field), &'a ArrayRef)| {
            if *array.data_type() != field.ty.arrow() {
                return Err(other_columns());
            }
            let nulls = array.nulls().filter(|n| n.null_count() > 0);
            let values = Values::of(&field.ty, shape, array).ok_or_else(other_columns)?;
            Ok(Column { key, name: &field.name, nulls, values })
        };
        self.fields.iter().zip(batch.columns()).map(column).collect()
    }
}

impl<'a> Values<'a> {
    /// The array is of the type's Arrow form; `None` if it is not.
    pub(super) fn of(ty: &Type, shape: &'a Shape, array: &'a ArrayRef) -> Option<Self> {
        let timestamp =
            |values, unit, instant| Self::Timestamp { values, unit, instant, day: Day::default() };
        Some(match ty {
            Type::Boolean => Self::Boolean(array.as_boolean()),
            Type::Int => Self::Int(array.as_primitive::<Int32Type>().values()),
            Type::Long => Self::Long(array.as_primitive::<Int64Type>().values()),
            Type::Float => Self::Float(array.as_primitive::<Float32Type>().values()),
            Type::Double => Self::Double(array.as_primitive::<Float64Type>().values()),
            Type::Decimal { scale, .. } => {
                Self::Decimal(array.as_primitive::<Decimal128Type>().values(), *scale)
            }
            Type::String | Type::Enum(_) | Type::Uuid => {
                let text = array.as_string::<i32>();
                Self::Text(text.value_offsets(), text.value_data())
            }
            Type::Bytes => {
                let binary = array.as_binary::<i32>();
                Self::Binary(binary.value_offsets(), binary.value_data())
            }
            Type::Date => Self::Date(array.as_primitive::<Date32Type>().values(), Day::default()),
            Type::TimeMillis => Self::TimeMillis(array.as_primitive::<Time32MillisecondType>().values()),
            Type::TimeMicros => Self::TimeMicros(array.as_primitive::<Time64MicrosecondType>().values()),
            Type::TimestampMillis | Type::LocalTimestampMillis => {
                let values = array.as_primitive::<TimestampMillisecondType>().values();
                timestamp(values, Unit::Millis, *ty == Type::TimestampMillis)
            }
            Type::TimestampMicros | Type::LocalTimestampMicros => {
                let values = array.as_primitive::<TimestampMicrosecondType>().values();
                timestamp(values, Unit::Micros, *ty == Type::TimestampMicros)
            }
            Type::TimestampNanos | Type::LocalTimestampNanos => {
                let values = array.as_primitive::<TimestampNanosecondType>().values();
                timestamp(values, Unit::Nanos, *ty == Type::TimestampNanos)
            }
            Type::Fixed(size) => Self::Fixed(array.as_fixed_size_binary_opt()?.value_data(), *size as usize),
            Type::Duration => Self::Spans(array.as_primitive_opt::<IntervalMonthDayNanoType>()?.values()),
            Type::Array(_) | Type::Map(_) | Type::Record(_) | Type::Union(_) => {
                Self::Nested(Box::new(Nested::of(ty, shape, array)?))
            }
        })
    }

    /// Whether the value is one of those that JSON has no number for.
    pub(super) fn is_no_number(&self, row: usize) -> bool {
        match self {
            Self::Float(values) => !values[row].is_finite(),
            Self::Double(values) => !values[row].is_finite(),
            _ => false,
        }
    }

    /// Puts the value of a row, which is below the length of the batch, hence of every column; `false` if JSON has none for it.
    #[inline(always)]
    pub(super) fn put(&mut self, row: usize, out: &mut Text, fixed: usize) -> bool {
        match self {
            Self::Nested(nested) => return nested.put(row, out, fixed),
            Self::Fixed(all, size) => out.binary(&all[row * *size..(row + 1) * *size], fixed),
            Self::Spans(values) => {
                let Some(text) = duration_text(values[row]) else { return false };
                out.reserve(text.len() + 2 + fixed);
                out.byte(b'"');
                out.bytes(text.as_bytes());
                out.byte(b'"');
            }
            Self::Boolean(values) => out.boolean(values.value(row)),
            Self::Int(values) => out.long(i64::from(values[row])),
            Self::Long(values) => out.long(values[row]),
            Self::Float(values) => out.float(values[row]),
            Self::Double(values) => out.double(values[row]),
            Self::Decimal(values, scale) => out.decimal(values[row], *scale),
            Self::Text(ends, all) => out.string(all, ends[row] as usize, ends[row + 1] as usize, fixed),
            Self::Binary(ends, all) => {
                out.binary(&all[ends[row] as usize..ends[row + 1] as usize], fixed);
            }
            Self::Date(values, day) => {
                out.byte(b'"');
                let written = out.date(i64::from(values[row]), day);
                out.byte(b'"');
                return written;
            }
            Self::TimeMillis(values) => return time(out, i64::from(values[row]), Unit::Millis),
            Self::TimeMicros(values) => return time(out, values[row], Unit::Micros),
            Self::Timestamp { values, unit, instant, day } => {
                let a_day = unit.a_day();
                out.byte(b'"');
                if !out.date(values[row].div_euclid(a_day), day) {
                    return false;
                }
                out.byte(b'T');
                out.clock(values[row].rem_euclid(a_day).cast_unsigned(), *unit);
                if *instant {
                    out.byte(b'Z');
                }
                out.byte(b'"');
            }
        }
        true
    }
}

fn time(out: &mut Text, value: i64, unit: Unit) -> bool {
    let a_day = unit.a_day();
    if !(0..a_day).contains(&value) {
        return false;
    }
    out.byte(b'"');
    out.clock(value.cast_unsigned(), unit);
    out.byte(b'"');
    true
}

fn rejected(field: &str) -> Error {
    Error::new(
        codes::SINK_REJECTED,
        "a date, time or duration has no form in JSON: its year is not 0001 to 9999, it is not within a day, or it is negative",
    )
    .field(field)
    .hint("leave such rows out with a `WHERE`, or write Parquet, which holds every value")
}

fn other_columns() -> Error {
    Error::new(codes::INTERNAL, "a batch does not have the schema of its contract")
        .hint("report this with the pipeline that caused it")
}
