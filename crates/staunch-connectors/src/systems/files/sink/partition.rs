//! Hive partitions: which rows go into which `field=value` folder, and how the folder is called.
//!
//! **Invariants.** Different values have different folders, and a folder stays below the target whatever the value is: all bytes
//! but letters, digits, `_`, `-`, `.` and non-ASCII ones are percent-encoded. Null is `__HIVE_DEFAULT_PARTITION__`; the
//! text of that name is encoded so that it is not taken for a null; the empty text is `field=`.

#[cfg(test)]
mod tests;

use crate::systems::shown;
use crate::systems::staged::push_percent;
use crate::systems::text::{Unit, push_date, push_decimal, push_time, push_timestamp};
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::compute::take_record_batch;
use arrow::datatypes::{
    Date32Type, Decimal128Type, Int32Type, Int64Type, Time32MillisecondType, Time64MicrosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};
use staunch_contract::{Contract, Type};
use staunch_types::{Error, Result, codes};
use std::collections::HashMap;
use std::fmt::Write as _;

/// What Hive and its readers take for a null.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The longest name of a folder that file systems take, in bytes.
const LONGEST: usize = 255;

/// The partition fields of a contract.
pub(super) struct Partitions {
    fields: Vec<(usize, String, Type)>,
    converter: Option<RowConverter>,
}

/// The rows of one batch that go into one folder.
pub(super) struct Part {
    /// The values of the partition fields, comparable across batches.
    pub(super) key: Vec<u8>,
    /// All fields of the contract, also those that the folder's name carries.
    pub(super) rows: RecordBatch,
}

impl Partitions {
    /// `fields` are known to be fields of the contract whose types can be partitioned by.
    pub(super) fn new(contract: &Contract, fields: &[String]) -> Result<Self> {
        let fields: Vec<(usize, String, Type)> = fields
            .iter()
            .filter_map(|name| {
                let at = contract.index_of(name)?;
                Some((at, name.clone(), contract.fields.get(at)?.ty.clone()))
            })
            .collect();
        let sort = fields.iter().map(|(_, _, ty)| SortField::new(ty.arrow())).collect();
        let converter = if fields.is_empty() { None } else { Some(RowConverter::new(sort).map_err(bug)?) };
        Ok(Self { fields, converter })
    }

    /// The batch, cut by folder; in the order in which the folders first appear.
    pub(super) fn split(&mut self, batch: &RecordBatch) -> Result<Vec<Part>> {
        let Some(converter) = &mut self.converter else {
            return Ok(vec![Part { key: Vec::new(), rows: batch.clone() }]);
        };
        let columns: Vec<ArrayRef> =
            self.fields.iter().filter_map(|(at, ..)| batch.columns().get(*at).cloned()).collect();
        let rows = converter.convert_columns(&columns).map_err(bug)?;
        let mut groups: Vec<(&[u8], Vec<u32>)> = Vec::new();
        let mut known: HashMap<&[u8], usize> = HashMap::new();
        // Neighbours mostly share their folder: the last one is tried before the map is asked.
        let mut last = 0;
        for (row, number) in (0..rows.num_rows()).zip(0_u32..) {
            let key = rows.row(row).data();
            if groups.get(last).is_none_or(|(k, _)| *k != key) {
                last = *known.entry(key).or_insert(groups.len());
                if last == groups.len() {
                    groups.push((key, Vec::new()));
                }
            }
            if let Some((_, members)) = groups.get_mut(last) {
                members.push(number);
            }
        }
        if let [(key, _)] = groups.as_slice() {
            return Ok(vec![Part { key: key.to_vec(), rows: batch.clone() }]);
        }
        let cut = |(key, members): (&[u8], Vec<u32>)| {
            let rows = take_record_batch(batch, &UInt32Array::from(members)).map_err(bug)?;
            Ok(Part { key: key.to_vec(), rows })
        };
        groups.into_iter().map(cut).collect()
    }

    /// The folder of the first row of a batch: `a=1/b=x`, or nothing without partitions.
    pub(super) fn folder(&self, batch: &RecordBatch) -> Result<String> {
        let mut path = String::new();
        for (at, name, ty) in &self.fields {
            let mut part = String::new();
            push_encoded(&mut part, name);
            part.push('=');
            let column = batch.columns().get(*at).filter(|c| !c.is_empty());
            match column.filter(|c| c.is_valid(0)) {
                None => part.push_str(NULL),
                Some(array) => push_encoded(&mut part, &first_value(array, ty)?),
            }
            if part.len() > LONGEST {
                return Err(Error::new(codes::SINK_REJECTED, "a value is too long for the name of a folder")
                    .field(name)
                    .hint("partition by a field with short values"));
            }
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&part);
        }
        Ok(path)
    }

    /// What the folders of a published name say: one value for each partition field, in the order of the folders.
    pub(super) fn shown(&self, target: &str) -> Result<Vec<ArrayRef>> {
        let folders: Vec<&str> = target.split('/').collect();
        let value = |((_, _, ty), folder): (&(usize, String, Type), &&str)| {
            let encoded = folder.split_once('=').map_or("", |(_, value)| value);
            shown::column(ty, &[(encoded != NULL).then(|| decoded(encoded))])
        };
        self.fields.iter().zip(&folders).map(value).collect()
    }

    /// The positions of the fields that stay in the files.
    pub(super) fn kept(&self, contract: &Contract) -> Vec<usize> {
        (0..contract.fields.len()).filter(|at| !self.fields.iter().any(|(p, ..)| p == at)).collect()
    }

    /// The positions of the partition fields, in the order of the folders.
    pub(super) fn positions(&self) -> impl Iterator<Item = usize> + '_ {
        self.fields.iter().map(|(at, ..)| *at)
    }
}

/// The first value of a column that is not empty, as text.
fn first_value(array: &ArrayRef, ty: &Type) -> Result<String> {
    let mut out = String::new();
    match ty {
        Type::Boolean => out.push_str(if array.as_boolean().value(0) { "true" } else { "false" }),
        Type::Int => push_number(&mut out, i64::from(array.as_primitive::<Int32Type>().value(0))),
        Type::Long => push_number(&mut out, array.as_primitive::<Int64Type>().value(0)),
        Type::String | Type::Enum(_) | Type::Uuid => out.push_str(array.as_string::<i32>().value(0)),
        Type::Decimal { scale, .. } => {
            push_decimal(&mut out, array.as_primitive::<Decimal128Type>().value(0), *scale);
        }
        Type::Date => {
            push_date(&mut out, i64::from(array.as_primitive::<Date32Type>().value(0)));
        }
        Type::TimeMillis => {
            let value = array.as_primitive::<Time32MillisecondType>().value(0);
            push_time(&mut out, i64::from(value), Unit::Millis);
        }
        Type::TimeMicros => {
            push_time(&mut out, array.as_primitive::<Time64MicrosecondType>().value(0), Unit::Micros);
        }
        Type::TimestampMillis | Type::LocalTimestampMillis => {
            let value = array.as_primitive::<TimestampMillisecondType>().value(0);
            push_timestamp(&mut out, value, Unit::Millis, *ty == Type::TimestampMillis);
        }
        Type::TimestampMicros | Type::LocalTimestampMicros => {
            let value = array.as_primitive::<TimestampMicrosecondType>().value(0);
            push_timestamp(&mut out, value, Unit::Micros, *ty == Type::TimestampMicros);
        }
        Type::TimestampNanos | Type::LocalTimestampNanos => {
            let value = array.as_primitive::<TimestampNanosecondType>().value(0);
            push_timestamp(&mut out, value, Unit::Nanos, *ty == Type::TimestampNanos);
        }
        Type::Float
        | Type::Double
        | Type::Bytes
        | Type::Fixed(_)
        | Type::Duration
        | Type::Array(_)
        | Type::Map(_)
        | Type::Record(_)
        | Type::Union(_) => {
            return Err(Error::new(codes::INTERNAL, "a partition field of a type that `check` refuses"));
        }
    }
    Ok(out)
}

fn push_number(out: &mut String, value: i64) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

fn push_encoded(out: &mut String, text: &str) {
    for (at, c) in text.char_indices() {
        let plain = c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') || !c.is_ascii();
        if plain && !(at == 0 && text == NULL) {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                push_percent(out, byte);
            }
        }
    }
}

/// The bytes of a percent-encoded text.
fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::with_capacity(bytes.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let digits = bytes.get(at + 1..at + 3).and_then(|d| std::str::from_utf8(d).ok());
        match digits.and_then(|d| u8::from_str_radix(d, 16).ok()).filter(|_| *byte == b'%') {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

fn bug(error: arrow::error::ArrowError) -> Error {
    // The text of Arrow's error may quote a value: only its kind is told.
    let _ = error;
    Error::new(codes::INTERNAL, "rows cannot be cut by partition")
        .hint("report this with the pipeline that caused it")
}
