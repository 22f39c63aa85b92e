//! A row as one JSON object: the raw form of a Parquet row, and what people are shown of a row that has none.

use crate::read::parse::time::timestamp_text;
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{
    DataType, Field as ArrowField, Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
};
use arrow::json::writer::{LineDelimited, WriterBuilder};
use std::sync::Arc;

/// The first row of a batch, nulls included.
#[must_use]
pub fn row_as_json(batch: &RecordBatch) -> Vec<u8> {
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let row = batch.slice(0, batch.num_rows().min(1));
    object(names.zip(row.columns().iter().cloned()), true)
}

/// One row from columns of length 1. Without `nulls` a null has no key.
pub(crate) fn object<'a>(columns: impl Iterator<Item = (&'a str, ArrayRef)>, nulls: bool) -> Vec<u8> {
    let columns: Vec<(&str, ArrayRef)> = columns.map(|(name, array)| (name, printable(&array))).collect();
    let fields: Vec<ArrowField> =
        columns.iter().map(|(name, a)| ArrowField::new(*name, a.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    let mut writer = WriterBuilder::new().with_explicit_nulls(nulls).build::<_, LineDelimited>(Vec::new());
    let written = batch.and_then(|batch| writer.write(&batch)).and_then(|()| writer.finish());
    let mut text = if written.is_ok() { writer.into_inner() } else { Vec::new() };
    while text.last() == Some(&b'\n') {
        text.pop();
    }
    text
}

/// The column as its raw form shows it: instants as RFC 3339, bytes as the characters U+0000 to U+00FF, as the JSON decoder reads them.
fn printable(array: &ArrayRef) -> ArrayRef {
    let texts: StringArray = match array.data_type() {
        DataType::Binary => {
            let bytes = array.as_binary::<i32>().iter();
            bytes.map(|b| Some(b?.iter().map(|b| char::from(*b)).collect::<String>())).collect()
        }
        DataType::Timestamp(TimeUnit::Millisecond, Some(_)) => {
            let millis = array.as_primitive::<TimestampMillisecondType>().iter();
            millis.map(|m| Some(format!("{}Z", timestamp_text(m?.saturating_mul(1000))))).collect()
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
            micros.map(|m| Some(format!("{}Z", timestamp_text(m?)))).collect()
        }
        _ => return Arc::clone(array),
    };
    Arc::new(texts)
}
