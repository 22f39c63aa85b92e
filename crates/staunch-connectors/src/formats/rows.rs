//! A row as one JSON object: the raw form of a Parquet row, and what people are shown of a row that has none.

use crate::formats::avro::letter;
use crate::read::parse::duration::duration_text;
use crate::read::parse::time::{nanos_text, timestamp_text};
use crate::read::unknown::{Object, keys, text};
use arrow::array::{Array, ArrayRef, AsArray, ListArray, MapArray, RecordBatch, StringArray, StructArray};
use arrow::datatypes::{
    DataType, Field as ArrowField, Fields, Float32Type, Float64Type, IntervalMonthDayNanoType, IntervalUnit,
    Schema, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow::json::writer::{LineDelimited, WriterBuilder};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use std::sync::Arc;

/// The first row of a batch, nulls included.
#[must_use]
pub fn row_as_json(batch: &RecordBatch) -> Vec<u8> {
    let schema = batch.schema();
    let names = schema.fields().iter().map(|field| field.name().as_str());
    let row = batch.slice(0, batch.num_rows().min(1));
    object(names.zip(row.columns().iter().cloned()), true)
}

/// A raw record for people: a row of an Avro file as plain JSON under the names of its writer, anything else as it is.
#[must_use]
pub fn shown(raw: Vec<u8>) -> Vec<u8> {
    letter::as_json(&raw).map_or(raw, String::into_bytes)
}

/// Each row of the columns as a JSON object, nulls included; of several columns with one name the later ones have `#2`, `#3` behind it. What has no
/// form in JSON is its text in Arrow.
pub(crate) fn objects(columns: &[(&str, ArrayRef)], rows: usize) -> Vec<Vec<u8>> {
    let keys = keys(columns.iter().map(|(name, _)| *name));
    let mut objects: Vec<Object> = (0..rows).map(|_| Object::new()).collect();
    for (key, (_, array)) in keys.iter().zip(columns) {
        for (object, value) in objects.iter_mut().zip(values(array)) {
            object.put(key, &value);
        }
    }
    objects.into_iter().map(Object::end).collect()
}

/// The values of a column in JSON.
fn values(array: &ArrayRef) -> Vec<Vec<u8>> {
    // A name of one letter in front of every value, and a bracket behind it.
    let lines = |array: ArrayRef| -> Option<Vec<Vec<u8>>> {
        let field = ArrowField::new("v", array.data_type().clone(), true);
        let rows = array.len();
        let batch = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).ok()?;
        let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
        writer.write(&batch).and_then(|()| writer.finish()).ok()?;
        let text = writer.into_inner();
        let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let values: Vec<Vec<u8>> = lines
            .filter_map(|line| Some(line.strip_prefix(b"{\"v\":")?.strip_suffix(b"}")?.to_vec()))
            .collect();
        (values.len() == rows).then_some(values)
    };
    // JSON has no number for some: they have the names that the decoder knows.
    let named = |row: usize| -> Option<Vec<u8>> {
        let value = match array.data_type() {
            DataType::Float32 => f64::from(array.as_primitive::<Float32Type>().value(row)),
            DataType::Float64 => array.as_primitive::<Float64Type>().value(row),
            _ => return None,
        };
        let name = if value.is_nan() {
            "NaN"
        } else if value > 0.0 {
            "Infinity"
        } else {
            "-Infinity"
        };
        (array.is_valid(row) && !value.is_finite()).then(|| text(name.as_bytes()))
    };
    let mut values = lines(printable(array)).unwrap_or_else(|| {
        let shown = ArrayFormatter::try_new(array.as_ref(), &FormatOptions::default()).ok();
        let value = |row: usize| match &shown {
            Some(shown) if array.is_valid(row) => text(shown.value(row).to_string().as_bytes()),
            _ => b"null".to_vec(),
        };
        (0..array.len()).map(value).collect()
    });
    for (row, value) in values.iter_mut().enumerate() {
        if let Some(name) = named(row) {
            *value = name;
        }
    }
    values
}

/// One row from columns of length 1. Without `nulls` a null has no key.
pub(crate) fn object<'a>(columns: impl Iterator<Item = (&'a str, ArrayRef)>, nulls: bool) -> Vec<u8> {
    let columns: Vec<(&str, ArrayRef)> = columns.map(|(name, array)| (name, printable(&array))).collect();
    let fields: Vec<ArrowField> =
        columns.iter().map(|(name, a)| ArrowField::new(*name, a.data_type().clone(), true)).collect();
    let arrays = columns.iter().map(|(_, array)| Arc::clone(array)).collect();
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    let mut writer = WriterBuilder::new().with_explicit_nulls(nulls).build::<_, LineDelimited>(Vec::new());
    let plain = batch.and_then(|batch| writer.write(&batch)).and_then(|()| writer.finish());
    if plain.is_err() {
        let there: Vec<_> = columns.into_iter().filter(|(_, a)| nulls || a.is_valid(0)).collect();
        return objects(&there, 1).into_iter().next().unwrap_or_default();
    }
    let mut text = writer.into_inner();
    while text.last() == Some(&b'\n') {
        text.pop();
    }
    text
}

/// The column as its raw form shows it and the JSON decoder reads it: instants as RFC 3339, bytes as the characters U+0000 to U+00FF, durations
/// in ISO 8601; the same inside nested values.
fn printable(array: &ArrayRef) -> ArrayRef {
    let texts: StringArray = match array.data_type() {
        DataType::Binary => array.as_binary::<i32>().iter().map(|b| b.map(characters)).collect(),
        DataType::LargeBinary => array.as_binary::<i64>().iter().map(|b| b.map(characters)).collect(),
        DataType::BinaryView => array.as_binary_view().iter().map(|b| b.map(characters)).collect(),
        DataType::FixedSizeBinary(_) => {
            array.as_fixed_size_binary().iter().map(|b| b.map(characters)).collect()
        }
        DataType::Timestamp(TimeUnit::Millisecond, Some(_)) => {
            let millis = array.as_primitive::<TimestampMillisecondType>().iter();
            millis.map(|m| Some(format!("{}Z", timestamp_text(m?.saturating_mul(1000))))).collect()
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().iter();
            micros.map(|m| Some(format!("{}Z", timestamp_text(m?)))).collect()
        }
        DataType::Timestamp(TimeUnit::Nanosecond, Some(_)) => {
            let nanos = array.as_primitive::<TimestampNanosecondType>().iter();
            nanos.map(|n| Some(format!("{}Z", nanos_text(n?)))).collect()
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            // What is no duration of a contract keeps Arrow's own text.
            let spans = array.as_primitive::<IntervalMonthDayNanoType>().iter();
            spans.map(|s| s.map(|s| duration_text(s).unwrap_or_else(|| format!("{s:?}")))).collect()
        }
        DataType::List(_) | DataType::Map(..) | DataType::Struct(_) => return parts(array),
        _ => return Arc::clone(array),
    };
    Arc::new(texts)
}

fn characters(bytes: &[u8]) -> String {
    bytes.iter().map(|b| char::from(*b)).collect()
}

/// A nested column of printable parts; the column as it is if they cannot be put together.
fn parts(array: &ArrayRef) -> ArrayRef {
    let field = |name: &str, a: &ArrayRef| Arc::new(ArrowField::new(name, a.data_type().clone(), true));
    let made: Option<ArrayRef> = if let Some(list) = array.as_list_opt::<i32>() {
        let items = printable(list.values());
        let offsets = list.offsets().clone();
        let made = ListArray::try_new(field("item", &items), offsets, items, list.nulls().cloned());
        made.ok().map(|a| Arc::new(a) as ArrayRef)
    } else if let Some(map) = array.as_map_opt() {
        let value = printable(map.values());
        let pair = Fields::from(vec![
            Arc::new(ArrowField::new("key", map.keys().data_type().clone(), false)),
            field("value", &value),
        ]);
        let entries = StructArray::try_new(pair.clone(), vec![Arc::clone(map.keys()), value], None);
        let made = entries.and_then(|entries| {
            let entry = Arc::new(ArrowField::new("entries", DataType::Struct(pair), false));
            MapArray::try_new(entry, map.offsets().clone(), entries, map.nulls().cloned(), false)
        });
        made.ok().map(|a| Arc::new(a) as ArrayRef)
    } else if let Some(record) = array.as_struct_opt() {
        let columns: Vec<ArrayRef> = record.columns().iter().map(printable).collect();
        let names = record.column_names();
        let fields: Fields = names.iter().zip(&columns).map(|(n, c)| field(n, c)).collect();
        let made = StructArray::try_new(fields, columns, record.nulls().cloned());
        made.ok().map(|a| Arc::new(a) as ArrayRef)
    } else {
        None
    };
    made.unwrap_or_else(|| Arc::clone(array))
}
