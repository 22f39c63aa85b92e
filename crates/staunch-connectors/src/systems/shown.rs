//! Values that a target shows as text, as columns of a contract again: for people to look at.
//!
//! It is not the way back of an encoding: what is not of the fixed form is shown as null.

use crate::read::parse::duration::duration;
use arrow::array::{
    ArrayRef, AsArray, BinaryArray, FixedSizeBinaryArray, IntervalMonthDayNanoArray, StringArray,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    DataType, Field as ArrowField, Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use staunch_contract::{Contract, Type};
use staunch_types::{Error, Result, codes};
use std::sync::Arc;

/// A value as a target shows it.
pub(crate) type Shown = Option<Vec<u8>>;

/// A column from what a target shows: the bytes of `bytes`, the text of everything else.
pub(crate) fn column(ty: &Type, values: &[Shown]) -> Result<ArrayRef> {
    match ty {
        Type::Bytes => return Ok(Arc::new(values.iter().map(Option::as_deref).collect::<BinaryArray>())),
        Type::Fixed(size) => {
            let size = i32::try_from(*size).unwrap_or(i32::MAX);
            let sized = values.iter().map(|v| v.as_deref().filter(|v| i32::try_from(v.len()) == Ok(size)));
            let array = FixedSizeBinaryArray::try_from_sparse_iter_with_size(sized, size);
            return array.map(|a| Arc::new(a) as ArrayRef).map_err(|_| unshown());
        }
        Type::Duration => {
            let span = |v: &Shown| v.as_deref().and_then(|text| duration(text).ok());
            return Ok(Arc::new(values.iter().map(span).collect::<IntervalMonthDayNanoArray>()));
        }
        _ => {}
    }
    let text = |value: &Shown| value.as_ref().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
    let texts: ArrayRef = Arc::new(values.iter().map(text).collect::<StringArray>());
    let options = CastOptions { safe: true, ..CastOptions::default() };
    // The cast knows offsets but, as it is built here, no names of zones: an instant is read at +00:00 and then named UTC.
    let zone = || Some(Arc::from("+00:00"));
    let wanted = match ty {
        Type::TimestampMillis => DataType::Timestamp(TimeUnit::Millisecond, zone()),
        Type::TimestampMicros => DataType::Timestamp(TimeUnit::Microsecond, zone()),
        Type::TimestampNanos => DataType::Timestamp(TimeUnit::Nanosecond, zone()),
        _ => ty.arrow(),
    };
    let column = cast_with_options(&texts, &wanted, &options).map_err(|_| unshown())?;
    Ok(match ty {
        Type::TimestampMillis => {
            Arc::new(column.as_primitive::<TimestampMillisecondType>().clone().with_timezone("UTC"))
        }
        Type::TimestampMicros => {
            Arc::new(column.as_primitive::<TimestampMicrosecondType>().clone().with_timezone("UTC"))
        }
        Type::TimestampNanos => {
            Arc::new(column.as_primitive::<TimestampNanosecondType>().clone().with_timezone("UTC"))
        }
        _ => column,
    })
}

fn unshown() -> Error {
    Error::new(codes::INTERNAL, "a column cannot be shown").hint("report this with the contract")
}

/// A batch in the schema of the contract; where a target holds nulls that the contract does not know, its fields may be null.
pub(crate) fn batch(contract: &Contract, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let schema = contract.arrow_schema();
    if let Ok(batch) = RecordBatch::try_new_with_options(schema, columns.clone(), &options) {
        return Ok(batch);
    }
    let fields: Vec<_> =
        contract.fields.iter().map(|f| ArrowField::new(&f.name, f.ty.arrow(), true)).collect();
    RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), columns, &options).map_err(|_| {
        Error::new(codes::SINK_SCHEMA, "the target does not have the columns of the contract")
            .hint("run the pipeline, or compare the target with the contract")
    })
}
