//! Why a file can never be read as rows of a contract: told before any row is.

use super::wanted::Wanted;
use crate::read::fault::{ABSENT, Fault, OTHER_TYPE};
use crate::read::field::FieldPlan;
use staunch_contract::Type;
use staunch_contract::avro::{Incompatibility, IncompatibilityKind, Kind, Logical, Schema, obstacles};
use staunch_pipeline::suggest;
use staunch_types::{Code, Error, Place, Result, codes};
use std::path::Path;

/// Why a file, or a field of the contract in it, cannot be read.
pub(super) struct Blame {
    /// The field, by position; none if it is the whole file.
    pub(super) field: Option<usize>,
    /// What is wrong with every row, if the field is left out.
    pub(super) fault: Fault,
    /// Whether it depends on the value, so that the field need not be left out: a null may be read where nothing else can.
    pub(super) by_value: bool,
    pub(super) error: Error,
}

/// Everything that stands between the schema of a file and the contract, with this code. What only some values have, such as a
/// null or a symbol that the contract does not know, is left to their rows.
pub(super) fn find(
    wanted: &Wanted,
    reader: &Schema,
    writer: &Schema,
    (path, code, whole): (&Path, Code, bool),
) -> Result<Vec<Blame>> {
    let found = obstacles(reader, writer)?;
    let mut blames: Vec<Blame> = found.iter().map(|o| wanted.blame(o, reader, writer, path, code)).collect();
    if whole
        && let (Kind::Record(ours), Kind::Record(theirs)) =
            (reader.kind(reader.root()), writer.kind(writer.root()))
        && !ours.fields.is_empty()
        && !ours
            .fields
            .iter()
            .any(|f| theirs.fields.iter().any(|t| t.name == f.name || f.aliases.contains(&t.name)))
    {
        // Every field would be its default in every row: that is another file, not this one without values.
        let message = format!("the file has no field that `{}` names", wanted.id);
        let error = Error::new(codes::SOURCE_SCHEMA, message)
            .place(Place::file(path))
            .hint("is it the right file? give its fields their names by `rename:`, or correct the contract");
        if blames.is_empty() || blames.iter().all(|b| b.field.is_some()) {
            blames.push(Blame { field: None, fault: OTHER_TYPE, by_value: false, error });
        }
    }
    Ok(blames)
}

impl Wanted {
    /// An incompatibility of schemas as the blame of a field of the contract.
    pub(super) fn blame(
        &self,
        obstacle: &Incompatibility,
        reader: &Schema,
        writer: &Schema,
        path: &Path,
        code: Code,
    ) -> Blame {
        let mut steps = obstacle.location.split('/').filter(|s| !s.is_empty());
        let number = match (steps.next(), steps.next()) {
            (Some("fields"), Some(number)) => number.parse::<usize>().ok(),
            _ => None,
        };
        let missing = obstacle.kind == IncompatibilityKind::ReaderFieldMissingDefaultValue;
        let absent = missing && steps.next().is_none();
        Blame {
            field: number.and_then(|n| self.fields.get(n)).copied(),
            fault: if absent { ABSENT } else { OTHER_TYPE },
            by_value: !absent,
            error: error(obstacle, reader, writer, path, code),
        }
    }
}

fn error(obstacle: &Incompatibility, reader: &Schema, writer: &Schema, path: &Path, code: Code) -> Error {
    let mut steps = obstacle.location.split('/').filter(|s| !s.is_empty());
    let field = match (
        steps.next(),
        steps.next().and_then(|n| n.parse::<usize>().ok()),
        reader.kind(reader.root()),
    ) {
        (Some("fields"), Some(number), Kind::Record(record)) => record.fields.get(number).map(|f| &f.name),
        _ => None,
    };
    let mut hint = match obstacle.kind {
        IncompatibilityKind::TypeMismatch | IncompatibilityKind::MissingUnionBranch => {
            "declare the field in the contract as the file has it, and convert it in a query".to_owned()
        }
        IncompatibilityKind::MissingEnumSymbols => {
            "declare the symbols in the contract, or a default of the enum".to_owned()
        }
        IncompatibilityKind::FixedSizeMismatch => "declare the size that the file has".to_owned(),
        IncompatibilityKind::NameMismatch => {
            "give the type in the contract the name that it has in the file, or none".to_owned()
        }
        IncompatibilityKind::ReaderFieldMissingDefaultValue => obstacle.hint.clone(),
    };
    if let (IncompatibilityKind::ReaderFieldMissingDefaultValue, None, Some(field), Kind::Record(theirs)) =
        (obstacle.kind, steps.next(), field, writer.kind(writer.root()))
    {
        hint = match suggest(field, theirs.fields.iter().map(|f| &f.name)) {
            Some(near) => format!("did the file mean `{near}`? then write `rename: {{{near}: {field}}}`"),
            None => {
                format!("add the field, name it by `rename:`, or give `{field}` a default in the contract")
            }
        };
    }
    let error = Error::new(code, obstacle.to_string()).place(Place::file(path)).hint(hint);
    match field {
        Some(field) => error.field(field),
        None => error,
    }
}

/// Whether numbers and bytes that the writer means so are what the contract means. A writer that says nothing means whatever the contract does.
pub(super) fn means(writer: Option<Logical>, ty: &Type) -> bool {
    match (writer, ty) {
        (None, _) => true,
        (Some(Logical::Decimal { scale, .. }), Type::Decimal { scale: ours, .. }) => {
            scale == u32::from(*ours)
        }
        (
            Some(logical),
            Type::Date
            | Type::TimeMillis
            | Type::TimeMicros
            | Type::TimestampMillis
            | Type::TimestampMicros
            | Type::TimestampNanos
            | Type::LocalTimestampMillis
            | Type::LocalTimestampMicros
            | Type::LocalTimestampNanos
            | Type::Uuid
            | Type::Duration
            | Type::Decimal { .. },
        ) => logical.name() == ty.to_string(),
        (Some(_), _) => true,
    }
}

/// The error of a field whose logical type in the file is another one than in the contract.
pub(super) fn other_meaning(
    writer: Option<Logical>,
    field: &FieldPlan,
    (path, code): (&Path, Code),
) -> Error {
    let theirs = match writer {
        Some(Logical::Decimal { precision, scale }) => format!("decimal({precision},{scale})"),
        Some(logical) => logical.name().to_owned(),
        None => "a string".to_owned(),
    };
    let message =
        format!("`{}` is {theirs} in the file: as {} it would be another value", field.path, field.field.ty);
    let top = field.path.split(['.', '[', '{', '(']).next().unwrap_or_default().to_owned();
    Error::new(code, message)
        .place(Place::file(path))
        .field(&top)
        .hint("declare in the contract what the file holds, and convert it in a query")
}
