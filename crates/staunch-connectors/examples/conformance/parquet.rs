//! Parquet files of other writers, good and damaged.
//!
//! The contract of a file is made of its columns, as far as contracts have their types. A good file must give the rows that its
//! footer promises, with the values that the Parquet library itself reads; a damaged one an error.

use crate::chain::{contract, read};
use crate::{Failure, Judged, Verdict, judge};
use arrow::array::RecordBatch;
use arrow::compute::{CastOptions, cast_with_options, concat_batches};
use arrow::datatypes::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;
use staunch_contract::Type;
use std::path::{Path, PathBuf};

pub(crate) fn suite(quality: &Path) -> Result<Vec<Judged>, Failure> {
    let mut files = Vec::new();
    find(quality, &mut files)?;
    files.sort();
    let name = |path: &Path| path.strip_prefix(quality).unwrap_or(path).display().to_string();
    Ok(files.iter().map(|path| judge(name(path), || verdict(path))).collect())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |e: std::io::Error| format!("{}: {e}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            find(&path, files)?;
        } else if path.to_string_lossy().contains(".parquet") {
            files.push(path);
        }
    }
    Ok(())
}

/// The type of a contract that holds every value of a column, if there is one.
fn type_of(column: &DataType) -> Option<Type> {
    use DataType as D;
    Some(match column {
        D::Dictionary(_, values) => return type_of(values),
        D::Boolean => Type::Boolean,
        D::Int8 | D::Int16 | D::Int32 | D::UInt8 | D::UInt16 => Type::Int,
        D::Int64 | D::UInt32 => Type::Long,
        D::UInt64 => Type::Decimal { precision: 20, scale: 0 },
        D::Float16 | D::Float32 => Type::Float,
        D::Float64 => Type::Double,
        D::Utf8 | D::LargeUtf8 | D::Utf8View => Type::String,
        D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_) => Type::Bytes,
        D::Date32 => Type::Date,
        D::Time32(_) => Type::TimeMillis,
        D::Time64(TimeUnit::Microsecond) => Type::TimeMicros,
        D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, Some(_)) => Type::TimestampMillis,
        D::Timestamp(TimeUnit::Microsecond, Some(_)) => Type::TimestampMicros,
        D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None) => Type::LocalTimestampMillis,
        D::Timestamp(TimeUnit::Microsecond, None) => Type::LocalTimestampMicros,
        D::Decimal128(precision, scale) if *scale >= 0 => {
            Type::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
        }
        _ => return None,
    })
}

fn verdict(path: &Path) -> Result<Verdict, Failure> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if name.contains("encrypted") {
        return Ok(Verdict::Refused("encrypted Parquet".to_owned()));
    }
    let folder = path.parent().ok_or("a file lies in a folder")?;
    let bad = path.components().any(|c| c.as_os_str() == "bad_data");
    let opened = std::fs::File::open(path)
        .map_err(|e| e.to_string())
        .and_then(|file| ParquetRecordBatchReaderBuilder::try_new(file).map_err(|e| e.to_string()));
    let builder = match opened {
        Ok(builder) => builder,
        // The library cannot say what its columns are; what the chain says of it counts.
        Err(_) if bad => {
            let found = read(
                folder,
                &name,
                &contract([("c".to_owned(), Type::Long, true)]),
                &json!({"format": "parquet"}),
            )?;
            return Ok(complained(&found));
        }
        Err(why) => {
            let some = contract([("c".to_owned(), Type::Long, true)]);
            let found = read(folder, &name, &some, &json!({"format": "parquet"}))?;
            let told = found.error.is_some();
            let what = format!("what the Parquet library does not read: {why}");
            return Ok(if told { Verdict::Refused(what) } else { Verdict::Failed(what) });
        }
    };
    let promised: i64 = builder.metadata().row_groups().iter().map(|g| g.num_rows()).sum();
    let schema = std::sync::Arc::clone(builder.schema());
    let typed =
        schema.fields().iter().filter_map(|f| Some((f.name().clone(), type_of(f.data_type())?, true)));
    let fields: Vec<_> = typed.collect();
    if fields.is_empty() {
        return Ok(Verdict::Refused("nested columns, and no other".to_owned()));
    }
    let contract = contract(fields.clone());
    let found = read(folder, &name, &contract, &json!({"format": "parquet"}))?;
    if bad {
        return Ok(complained(&found));
    }
    let failed = |e: arrow::error::ArrowError| e.to_string();
    let theirs: Vec<RecordBatch> =
        builder.build().map_err(|e| e.to_string())?.collect::<Result<_, _>>().map_err(failed)?;
    let delivered: usize = theirs.iter().map(RecordBatch::num_rows).sum();
    if i64::try_from(delivered) != Ok(promised) && found.error.is_some() {
        // Its reader ends early without a word. That is seen here, and told.
        return Ok(Verdict::Refused(format!("the Parquet library reads {delivered} of {promised} rows")));
    }
    if found.complains() || i64::try_from(found.accepted()) != Ok(promised) {
        return Ok(Verdict::Failed(format!("{promised} rows are promised, found {}", found.summary())));
    }
    let theirs = concat_batches(&schema, &theirs).map_err(failed)?;
    let ours = concat_batches(&contract.arrow_schema(), &found.rows).map_err(failed)?;
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    for (name, _, _) in &fields {
        let (Some(ours), Some(theirs)) = (ours.column_by_name(name), theirs.column_by_name(name)) else {
            return Err(format!("the column `{name}` is gone"));
        };
        let wanted = cast_with_options(theirs, ours.data_type(), &strict).map_err(failed)?;
        if wanted.as_ref() != ours.as_ref() {
            return Ok(Verdict::Failed(format!("the column `{name}` has other values")));
        }
    }
    Ok(Verdict::Passed)
}

fn complained(found: &crate::chain::Read) -> Verdict {
    match found.complains() {
        true => Verdict::Passed,
        false => Verdict::Failed(format!("a damaged file, but {}", found.summary())),
    }
}
