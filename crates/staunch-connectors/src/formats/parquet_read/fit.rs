//! How the columns of a file fall onto the fields of the contract.

use super::ParquetFile;
use crate::formats::csv::FieldSource;
use crate::read::cast::casts;
use crate::read::drift::{FileDrift, code, shown};
use crate::read::fault::{ABSENT, TWICE};
use crate::read::field::FieldPlan;
use arrow::datatypes::{DataType, Field as ArrowField, Schema, TimeUnit};
use parquet::arrow::arrow_reader::ArrowReaderMetadata;
use staunch_contract::coerce::{self, Coercion};
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::suggest;
use staunch_types::{Error, Place, Result, codes};

/// A column of the file that is read.
pub(super) struct FileColumn {
    /// Its position among the columns of the file.
    pub(super) root: usize,
    pub(super) used: Use,
}

/// What a column is read for.
pub(super) enum Use {
    /// A field of the contract.
    Field(usize, Way),
    /// A field of the contract that no row of the file has a value of: dead rows show what stands there.
    Raw(usize),
    /// A field of the contract of another type: no value of it can be read, but a null can.
    Other(usize),
    /// A field that the contract does not name, and that is kept.
    Unknown(String),
}

/// How a column becomes one of the contract's type.
pub(super) enum Way {
    /// By a widening that loses nothing.
    Plain,
    /// Part by part.
    Nested(Coercion),
    /// Value by value, where nothing is lost.
    Cast,
}

/// The columns that are read, and what the schema of the file says otherwise than the contract. Fields of which no row has a value are noted
/// among the sources of the file.
///
/// # Errors
/// `Source.Schema`, `Source.Drift`: every reason at once.
pub(super) fn match_columns(
    file: &mut ParquetFile,
    metadata: &ArrowReaderMetadata,
) -> Result<(Vec<FileColumn>, FileDrift)> {
    let (schema, plan) = (metadata.schema().clone(), file.plan.clone());
    let (mut columns, mut mistakes, mut drift) = (Vec::new(), Vec::new(), FileDrift::default());
    let mut seen: Vec<Option<usize>> = vec![None; plan.fields.len()];
    for (root, column) in schema.fields().iter().enumerate() {
        let Some(index) = file.keys.get(column.name().as_bytes()).copied() else {
            if file.given.contains(column.name()) {
                drift.given.push(column.name().clone());
                continue;
            }
            drift.unknown.push((column.name().clone(), Some(word(column))));
            if plan.widens() {
                columns.push(FileColumn { root, used: Use::Unknown(column.name().clone()) });
            }
            continue;
        };
        let (Some(field), Some(seen)) = (plan.fields.get(index), seen.get_mut(index)) else { continue };
        let decoded = file.projection.decode.get(index).copied().unwrap_or(false);
        let mut used = Use::Field(index, Way::Plain);
        let mut never = None;
        if seen.is_some() {
            if !plan.goes_on() {
                let message = format!("the file has two columns `{}`", shown(column.name()));
                mistakes.push(error(file, field, message).hint("give each column a name of its own"));
            }
            // Nobody can say which of the two is meant.
            (used, never) = (Use::Raw(index), Some(TWICE));
            let first =
                columns.iter_mut().find(|c| matches!(c.used, Use::Field(i, _) | Use::Other(i) if i == index));
            if let Some(FileColumn { used, .. }) = first {
                *used = Use::Raw(index);
            }
        } else if widens(column, &field.field) {
            if field.parse.is_nested() {
                used = nested(column, &field.field).map_or(used, |way| Use::Field(index, Way::Nested(way)));
            } else if plan.widens() && promoted(column.data_type(), &field.field.ty) {
                drift.cast.push((field.name().to_owned(), word(column)));
                used = Use::Field(index, Way::Cast);
            }
        } else if plan.widens() && casts(column.data_type(), &field.field.ty) {
            drift.cast.push((field.name().to_owned(), word(column)));
            used = Use::Field(index, Way::Cast);
        } else if plan.goes_on() {
            used = Use::Other(index);
        } else {
            let message = format!(
                "the column `{}` is {}, which is not always a value of {}",
                column.name(),
                column.data_type(),
                field.field.ty.arrow()
            );
            mistakes.push(error(file, field, message).hint("correct the contract, or write the file again"));
        }
        seen.get_or_insert(root);
        if let (Some(never), Some(source)) = (never, file.sources.get_mut(index)) {
            *source = FieldSource::Never(never);
        }
        if decoded {
            columns.push(FileColumn { root, used });
        }
    }
    let names: Vec<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
    for (index, field) in plan.fields.iter().enumerate() {
        let here = seen.get(index).copied().flatten();
        let Some(source) = file.sources.get_mut(index) else { continue };
        if here.is_none() && matches!(source, FieldSource::Missing) {
            drift.missing.push(field.name().to_owned());
            if field.nullable() || plan.refuses() {
                continue;
            }
            if plan.goes_on() {
                *source = FieldSource::Never(ABSENT);
                continue;
            }
            mistakes.push(missing(file, index, field, &names));
        }
        if let Some(root) = here
            && plan.refuses()
            && !field.nullable()
            && nulls(metadata, root, &schema) > 0
        {
            let message = format!(
                "the column `{}` has nulls, and {} says that it never does",
                field.name(),
                plan.contract_id()
            );
            let hint = "look who writes it; `on_drift: dead_letter` sets such rows aside, and a new version of the contract may allow nulls";
            mistakes.push(error(file, field, message).hint(hint));
        }
    }
    if mistakes.is_empty() && !file.keys.is_empty() && seen.iter().all(Option::is_none) {
        // Every field would be null in every row: that is another file, not this one with nulls.
        let error = Error::new(codes::SOURCE_SCHEMA, "the file has no column that the contract names")
            .place(Place::file(&file.path))
            .hint("is it the right file? give its columns their names by `rename:`, or correct the contract");
        return Err(error);
    }
    if plan.refuses() {
        mistakes.extend(drift.refusals(&plan, &file.path, &names));
    }
    Error::many(mistakes).map_or(Ok((columns, drift)), Err)
}

fn error(file: &ParquetFile, field: &FieldPlan, message: String) -> Error {
    Error::new(code(&file.plan), message).place(Place::file(&file.path)).field(field.name())
}

fn missing(file: &ParquetFile, index: usize, field: &FieldPlan, found: &[String]) -> Error {
    let key = file.keys.iter().find(|(_, i)| **i == index).map(|(key, _)| key.as_slice());
    let column = String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
    let message = format!("the file has no column `{column}`, and `{}` is never null", field.name());
    let near = suggest(&column, found.iter());
    let hint = near.map_or_else(
        || "add the column, name it by `rename:`, or let the field be nullable".to_owned(),
        |near| format!("did the file mean `{near}`? then write `rename: {{{near}: {}}}`", field.name()),
    );
    error(file, field, message).hint(hint)
}

/// The nulls that the footer counts in a column without parts; 0 where it counts none, or does not say.
fn nulls(metadata: &ArrowReaderMetadata, root: usize, schema: &Schema) -> u64 {
    if schema.fields().get(root).is_none_or(|column| column.data_type().is_nested()) {
        return 0;
    }
    let parquet = metadata.metadata();
    let leaves = parquet.file_metadata().schema_descr();
    let Some(leaf) = (0..leaves.num_columns()).find(|leaf| leaves.get_column_root_idx(*leaf) == root) else {
        return 0;
    };
    let of_group = |group: &parquet::file::metadata::RowGroupMetaData| {
        group.columns().get(leaf)?.statistics()?.null_count_opt()
    };
    parquet.row_groups().iter().filter_map(of_group).sum()
}

/// The type of a column as a contract writes it; a word for what no plain type holds.
fn word(column: &ArrowField) -> String {
    let plain = column.clone().with_name("column");
    let contract = Contract::from_arrow("file", 1, &Schema::new(vec![plain])).ok();
    match contract.as_ref().and_then(|c| c.fields.first()).map(|f| &f.ty) {
        Some(Type::Array(_)) => "array".to_owned(),
        Some(Type::Map(_) | Type::Record(_)) => "object".to_owned(),
        Some(Type::Union(_)) | None => "other".to_owned(),
        Some(ty) => ty.to_string(),
    }
}

/// Whether a number of one type becomes one of another: by Avro's promotions.
fn promoted(from: &DataType, to: &Type) -> bool {
    use DataType as D;
    match to {
        Type::Long => from.is_integer() && !matches!(from, D::Int64 | D::UInt32),
        Type::Float => from.is_integer(),
        Type::Double => from.is_integer() || matches!(from, D::Float16 | D::Float32),
        _ => false,
    }
}

/// The way of a nested column into the contract, part by part, as the output of a query goes; `None` if there is none.
fn nested(column: &ArrowField, field: &Field) -> Option<Coercion> {
    let plain = Contract::new("column", 1, vec![Field::new(&field.name, field.ty.clone(), field.nullable)]);
    let named = column.clone().with_name(&field.name);
    coerce::check(&Schema::new(vec![named]), &plain).ok()
}

/// Whether every value of a column of the file is a value of the contract's type.
fn widens(column: &ArrowField, field: &Field) -> bool {
    use DataType as D;
    let (from, to) = (column.data_type(), &field.ty);
    if to.is_nested() {
        return nested(column, field).is_some();
    }
    let from = match from {
        D::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let small_int = matches!(from, D::Int8 | D::Int16 | D::UInt8 | D::UInt16);
    let int = small_int || *from == D::Int32;
    match to {
        Type::Boolean => *from == D::Boolean,
        Type::Int => int,
        Type::Long => int || matches!(from, D::Int64 | D::UInt32),
        Type::Float => small_int || matches!(from, D::Float16 | D::Float32),
        Type::Double => int || matches!(from, D::UInt32 | D::Float16 | D::Float32 | D::Float64),
        Type::Bytes => matches!(from, D::Binary | D::LargeBinary | D::BinaryView | D::FixedSizeBinary(_)),
        Type::String | Type::Enum(_) => matches!(from, D::Utf8 | D::LargeUtf8 | D::Utf8View),
        Type::Uuid => matches!(from, D::Utf8 | D::LargeUtf8 | D::Utf8View | D::FixedSizeBinary(16)),
        Type::Decimal { precision, scale } => {
            let (digits, places) = match from {
                D::Int8 | D::UInt8 => (3, 0),
                D::Int16 | D::UInt16 => (5, 0),
                D::Int32 | D::UInt32 => (10, 0),
                D::Int64 => (19, 0),
                D::UInt64 => (20, 0),
                D::Decimal32(p, s) | D::Decimal64(p, s) | D::Decimal128(p, s) | D::Decimal256(p, s) => {
                    (i32::from(*p), i32::from(*s))
                }
                _ => return false,
            };
            let (precision, scale) = (i32::from(*precision), i32::from(*scale));
            places <= scale && digits - places <= precision - scale
        }
        Type::Date => *from == D::Date32,
        Type::TimeMillis => matches!(from, D::Time32(_)),
        Type::TimeMicros => matches!(from, D::Time32(_) | D::Time64(TimeUnit::Microsecond)),
        Type::TimestampMillis => matches!(from, D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, _)),
        Type::TimestampMicros => {
            matches!(from, D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond, _))
        }
        Type::LocalTimestampMillis => {
            matches!(from, D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond, None))
        }
        Type::LocalTimestampMicros => matches!(
            from,
            D::Timestamp(TimeUnit::Second | TimeUnit::Millisecond | TimeUnit::Microsecond, None)
        ),
        Type::TimestampNanos => matches!(from, D::Timestamp(..)),
        Type::LocalTimestampNanos => matches!(from, D::Timestamp(_, None)),
        Type::Fixed(size) => {
            matches!(from, D::FixedSizeBinary(found) if i64::from(*found) == i64::from(*size))
        }
        // No such read is made.
        Type::Duration | Type::Array(_) | Type::Map(_) | Type::Record(_) | Type::Union(_) => false,
    }
}
