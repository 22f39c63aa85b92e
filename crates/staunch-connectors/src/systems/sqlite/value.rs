//! A value of a contract as SQLite stores it.
//!
//! | type of the contract | column | value |
//! |---|---|---|
//! | `boolean`, `int`, `long` | `INTEGER` | 0 or 1; the number |
//! | `float`, `double` | `REAL` | the number; infinities too; `-0.0` may come back as `0.0` |
//! | `decimal` | `TEXT` | exactly the digits of the scale: `-123.45` (SQLite has no decimal; it sorts as text) |
//! | `date`, `time-*`, `timestamp-*`, `local-timestamp-*` | `TEXT` | the fixed ISO 8601 form of [`crate::systems::text`], which sorts as time does |
//! | `string`, `enum`, `uuid` | `TEXT` | the text, also with NUL characters |
//! | `bytes`, `fixed` | `BLOB` | the bytes |
//! | `duration` | `TEXT` | ISO 8601: `P1M2DT3.004S` |
//!
//! Nested types have no column: `check` refuses them.
//!
//! Values are always bound, never part of a statement. A value that SQLite would change in silence (NaN, which it stores as NULL) or
//! whose text would not sort (a year beyond 9999) is refused: its row is dead.

use crate::read::parse::duration::duration_text;
use crate::systems::text::{Unit, push_date, push_decimal, push_time, push_timestamp};
use arrow::array::{Array, AsArray, BinaryArray, BooleanArray, FixedSizeBinaryArray, StringArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Float32Type, Float64Type, Int32Type, Int64Type, IntervalMonthDayNano,
    IntervalMonthDayNanoType, Time32MillisecondType, Time64MicrosecondType, TimestampMicrosecondType,
    TimestampMillisecondType, TimestampNanosecondType,
};
use arrow::record_batch::RecordBatch;
use rusqlite::Statement;
use rusqlite::types::Null;
use staunch_contract::{Contract, Field, Type};
use staunch_types::{Error, Result, codes};

/// The columns of a batch, each with its type resolved once.
pub(super) struct Columns<'a> {
    columns: Vec<Column<'a>>,
}

struct Column<'a> {
    field: &'a str,
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Boolean(&'a BooleanArray),
    Int(&'a [i32]),
    Long(&'a [i64]),
    Float(&'a [f32]),
    Double(&'a [f64]),
    Decimal(&'a [i128], u8),
    Text(&'a StringArray),
    Bytes(&'a BinaryArray),
    Date(&'a [i32]),
    TimeMillis(&'a [i32]),
    TimeMicros(&'a [i64]),
    Timestamp { values: &'a [i64], unit: Unit, instant: bool },
    Fixed(&'a FixedSizeBinaryArray),
    Spans(&'a [IntervalMonthDayNano]),
}

/// What can come of binding a row.
pub(super) enum Bound {
    /// Every parameter has its value.
    Whole,
    /// The row is refused, with the reason (it names the field, never the value).
    Refused(String),
}

impl<'a> Columns<'a> {
    /// All fields of the contract; the batch holds them in their order.
    pub(super) fn of(contract: &'a Contract, batch: &'a RecordBatch) -> Result<Self> {
        if contract.fields.len() != batch.num_columns() {
            return Err(corrupt());
        }
        let column =
            |(field, array): (&'a Field, &'a arrow::array::ArrayRef)| Column::new(field, array.as_ref());
        Ok(Self { columns: contract.fields.iter().zip(batch.columns()).map(column).collect::<Result<_>>()? })
    }

    /// The positions of all columns.
    pub(super) fn all(&self) -> std::ops::Range<usize> {
        0..self.columns.len()
    }

    /// Binds the columns at these positions, of row `row`, to the parameters 1, 2, ... `scratch` is a buffer to be used again.
    pub(super) fn bind(
        &self,
        positions: impl Iterator<Item = usize>,
        row: usize,
        statement: &mut Statement<'_>,
        scratch: &mut String,
    ) -> rusqlite::Result<Bound> {
        for (column, parameter) in positions.map(|at| &self.columns[at]).zip(1_usize..) {
            if column.nulls.is_some_and(|nulls| nulls.is_null(row)) {
                statement.raw_bind_parameter(parameter, Null)?;
                continue;
            }
            scratch.clear();
            let fixed = match &column.values {
                Values::Boolean(values) => {
                    statement.raw_bind_parameter(parameter, values.value(row))?;
                    continue;
                }
                Values::Int(values) => {
                    statement.raw_bind_parameter(parameter, values[row])?;
                    continue;
                }
                Values::Long(values) => {
                    statement.raw_bind_parameter(parameter, values[row])?;
                    continue;
                }
                Values::Float(values) if values[row].is_nan() => {
                    return Ok(column.refuse("is not a number (NaN)"));
                }
                Values::Double(values) if values[row].is_nan() => {
                    return Ok(column.refuse("is not a number (NaN)"));
                }
                Values::Float(values) => {
                    statement.raw_bind_parameter(parameter, f64::from(values[row]))?;
                    continue;
                }
                Values::Double(values) => {
                    statement.raw_bind_parameter(parameter, values[row])?;
                    continue;
                }
                Values::Text(values) => {
                    statement.raw_bind_parameter(parameter, values.value(row))?;
                    continue;
                }
                Values::Bytes(values) => {
                    statement.raw_bind_parameter(parameter, values.value(row))?;
                    continue;
                }
                Values::Fixed(values) => {
                    statement.raw_bind_parameter(parameter, values.value(row))?;
                    continue;
                }
                Values::Spans(values) => match duration_text(values[row]) {
                    Some(text) => {
                        scratch.push_str(&text);
                        true
                    }
                    None => return Ok(column.refuse("is no duration of a contract")),
                },
                Values::Decimal(values, scale) => {
                    push_decimal(scratch, values[row], *scale);
                    true
                }
                Values::Date(values) => push_date(scratch, i64::from(values[row])),
                Values::TimeMillis(values) => push_time(scratch, i64::from(values[row]), Unit::Millis),
                Values::TimeMicros(values) => push_time(scratch, values[row], Unit::Micros),
                Values::Timestamp { values, unit, instant } => {
                    push_timestamp(scratch, values[row], *unit, *instant)
                }
            };
            if !fixed {
                return Ok(column.refuse("is outside of the years 0000 to 9999 or of the day"));
            }
            statement.raw_bind_parameter(parameter, scratch.as_str())?;
        }
        Ok(Bound::Whole)
    }
}

impl<'a> Column<'a> {
    fn new(field: &'a Field, array: &'a dyn Array) -> Result<Self> {
        if *array.data_type() != field.ty.arrow() {
            return Err(corrupt());
        }
        let millis = || array.as_primitive::<TimestampMillisecondType>().values();
        let micros = || array.as_primitive::<TimestampMicrosecondType>().values();
        let values = match &field.ty {
            Type::Boolean => Values::Boolean(array.as_boolean()),
            Type::Int => Values::Int(array.as_primitive::<Int32Type>().values()),
            Type::Long => Values::Long(array.as_primitive::<Int64Type>().values()),
            Type::Float => Values::Float(array.as_primitive::<Float32Type>().values()),
            Type::Double => Values::Double(array.as_primitive::<Float64Type>().values()),
            Type::Bytes => Values::Bytes(array.as_binary::<i32>()),
            Type::String | Type::Enum(_) | Type::Uuid => Values::Text(array.as_string::<i32>()),
            Type::Decimal { scale, .. } => {
                Values::Decimal(array.as_primitive::<Decimal128Type>().values(), *scale)
            }
            Type::Date => Values::Date(array.as_primitive::<Date32Type>().values()),
            Type::TimeMillis => Values::TimeMillis(array.as_primitive::<Time32MillisecondType>().values()),
            Type::TimeMicros => Values::TimeMicros(array.as_primitive::<Time64MicrosecondType>().values()),
            Type::TimestampMillis => {
                Values::Timestamp { values: millis(), unit: Unit::Millis, instant: true }
            }
            Type::LocalTimestampMillis => {
                Values::Timestamp { values: millis(), unit: Unit::Millis, instant: false }
            }
            Type::TimestampMicros => {
                Values::Timestamp { values: micros(), unit: Unit::Micros, instant: true }
            }
            Type::LocalTimestampMicros => {
                Values::Timestamp { values: micros(), unit: Unit::Micros, instant: false }
            }
            Type::TimestampNanos | Type::LocalTimestampNanos => {
                let values = array.as_primitive::<TimestampNanosecondType>().values();
                Values::Timestamp { values, unit: Unit::Nanos, instant: field.ty == Type::TimestampNanos }
            }
            Type::Fixed(_) => Values::Fixed(array.as_fixed_size_binary()),
            Type::Duration => Values::Spans(array.as_primitive::<IntervalMonthDayNanoType>().values()),
            // A sink of such fields is not made.
            Type::Array(_) | Type::Map(_) | Type::Record(_) | Type::Union(_) => return Err(corrupt()),
        };
        Ok(Self { field: &field.name, nulls: array.nulls().filter(|n| n.null_count() > 0), values })
    }

    fn refuse(&self, why: &str) -> Bound {
        Bound::Refused(format!("`{}` {why}, which SQLite cannot hold", self.field))
    }
}

fn corrupt() -> Error {
    Error::new(codes::STORE_CORRUPT, "a staged segment does not have the columns of its contract")
        .hint("if the contract was edited before this epoch was shown, put it back and run once; else restore the state folder")
}
