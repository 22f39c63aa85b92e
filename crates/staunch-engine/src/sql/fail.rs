//! What goes wrong while a query runs, said without a value.

use arrow::error::ArrowError;
use datafusion::common::DataFusionError;
use staunch_types::{Error, codes};
use std::sync::Arc;

/// Why an expression has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// Something was divided by zero.
    DivisionByZero,
    /// A number does not fit its type.
    Overflow,
    /// A value cannot be cast.
    Cast,
    /// A scalar subquery gave several rows.
    ManyRows,
    /// Anything else that depends on the values.
    Other,
}

impl Failure {
    /// The reason as a lower-case fragment.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::DivisionByZero => "division by zero",
            Self::Overflow => "the result does not fit its type",
            Self::Cast => "a value cannot be cast to the type that is wanted",
            Self::ManyRows => "a subquery that stands for one value gave several rows",
            Self::Other => "it has no value for this row",
        }
    }
}

/// What an error of DataFusion means, if values are to blame; else the error to stop with.
pub(crate) fn failure(error: &DataFusionError) -> Result<Failure, Stop> {
    match error.find_root() {
        DataFusionError::ArrowError(arrow, _) => of_arrow(arrow),
        DataFusionError::Execution(text) => Ok(of_text(text)),
        DataFusionError::ResourcesExhausted(_) => Err(Stop::Memory),
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) => Err(Stop::Disk),
        // Functions that look at their arguments only when they run say so in the words of planning, or pass on what a library says.
        DataFusionError::Plan(text) => Ok(of_text(text)),
        DataFusionError::External(_)
        | DataFusionError::Configuration(_)
        | DataFusionError::NotImplemented(_) => Ok(Failure::Other),
        _ => Err(Stop::Bug),
    }
}

/// Why a query cannot go on, whatever the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The memory budget.
    Memory,
    /// Spilled rows cannot be written or read.
    Disk,
    /// A mistake of ours or of DataFusion's.
    Bug,
}

fn of_arrow(error: &ArrowError) -> Result<Failure, Stop> {
    Ok(match error {
        ArrowError::DivideByZero => Failure::DivisionByZero,
        ArrowError::ArithmeticOverflow(_) => Failure::Overflow,
        ArrowError::CastError(_) | ArrowError::ParseError(_) => Failure::Cast,
        ArrowError::ComputeError(text) | ArrowError::InvalidArgumentError(text) => of_text(text),
        ArrowError::ExternalError(inner) => match inner.downcast_ref::<DataFusionError>() {
            Some(error) => return failure(error),
            None => Failure::Other,
        },
        ArrowError::IoError(_, _) | ArrowError::IpcError(_) => return Err(Stop::Disk),
        ArrowError::MemoryError(_) => return Err(Stop::Memory),
        ArrowError::SchemaError(_) => return Err(Stop::Bug),
        _ => Failure::Other,
    })
}

fn of_text(text: &str) -> Failure {
    let text = text.to_ascii_lowercase();
    if text.contains("overflow") || text.contains("out of range") {
        Failure::Overflow
    } else if text.contains("divide by zero") || text.contains("division by zero") {
        Failure::DivisionByZero
    } else if text.contains("more than one row") {
        Failure::ManyRows
    } else if text.contains("cast") || text.contains("pars") {
        Failure::Cast
    } else {
        Failure::Other
    }
}

/// The error that a leaf raised, as it was.
fn from_leaf(error: &DataFusionError) -> Option<Error> {
    match error {
        DataFusionError::External(inner) => inner.downcast_ref::<LeafError>().map(|e| copy(&e.0)),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => from_leaf(inner),
        DataFusionError::Shared(inner) => from_leaf(inner),
        DataFusionError::Collection(all) => all.iter().find_map(from_leaf),
        DataFusionError::ArrowError(arrow, _) => match arrow.as_ref() {
            ArrowError::ExternalError(inner) => inner
                .downcast_ref::<LeafError>()
                .map(|e| copy(&e.0))
                .or_else(|| inner.downcast_ref::<DataFusionError>().and_then(from_leaf)),
            _ => None,
        },
        _ => None,
    }
}

/// An error of a leaf on its way through DataFusion, which may hand it out several times.
#[derive(Debug, Clone)]
struct LeafError(Arc<Error>);

impl std::fmt::Display for LeafError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for LeafError {}

/// Wraps a leaf's error for the way through DataFusion.
pub(crate) fn through(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(LeafError(Arc::new(error))))
}

/// The same error once more. Errors found together with it stay behind.
fn copy(error: &Error) -> Error {
    let mut same = Error::new(error.code(), error.message()).place(error.where_().clone());
    if let Some(hint) = error.next_step() {
        same = same.hint(hint);
    }
    if let Some(cause) = error.caused_by() {
        same = same.cause(cause);
    }
    same
}

/// The error of a whole-input query. `suspects` are the expressions that can fail in a given way, as SQL.
pub(crate) fn query_error(
    stage: &str,
    error: &DataFusionError,
    suspects: impl Fn(Failure) -> Vec<String>,
) -> Error {
    if let Some(error) = from_leaf(error) {
        return error;
    }
    match failure(error) {
        Ok(failure) => {
            let suspects = suspects(failure);
            let which = match suspects.as_slice() {
                [] => String::new(),
                [one] => format!(" in `{one}`"),
                many => format!(" in one of {}", many.iter().map(|s| format!("`{s}`")).collect::<Vec<_>>().join(", ")),
            };
            let reason = if failure == Failure::Other { "an expression has no value for a row" } else { failure.text() };
            Error::new(codes::QUERY, format!("the query failed: {reason}{which}"))
                .hint("guard the expression (NULLIF, TRY_CAST, CASE) or reject such rows in a per-row stage before it")
        }
        Err(Stop::Memory) => memory("the query"),
        Err(Stop::Disk) => Error::new(codes::STORE, "spilled rows of the query cannot be written or read")
            .hint("check that the disk below `state:` has room"),
        Err(Stop::Bug) => Error::new(codes::INTERNAL, "the query failed in a way that it should not")
            .cause(kind(error.find_root()))
            .hint("report this with the SQL of the stage"),
    }
    .stage(stage)
}

/// The kind of an error that nobody expected; its text may hold values.
fn kind(error: &DataFusionError) -> &'static str {
    match error {
        DataFusionError::Internal(_) => "an internal error of DataFusion",
        DataFusionError::SchemaError(_, _) => "a column that is not there",
        DataFusionError::ArrowError(_, _) => "an error of Arrow",
        DataFusionError::ExecutionJoin(_) => "a task that ended",
        _ => "an error of another kind",
    }
}

/// More memory is needed than there is.
pub(crate) fn memory(what: &str) -> Error {
    Error::new(codes::MEMORY, format!("{what} needs more memory than `memory:` of the profile allows"))
        .hint("raise `memory:` in staunch.yaml, or select fewer rows and columns before this stage")
}
