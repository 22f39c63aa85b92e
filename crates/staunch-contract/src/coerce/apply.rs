//! A coercion at work on a batch.

use super::fit::Fit;
use super::{Asserted, Coercion, Step};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, new_null_array};
use arrow::compute::{CastOptions, cast_with_options, filter_record_batch};
use arrow::datatypes::{DataType, Int64Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use staunch_types::{Error, Result, codes};

/// A row that breaks its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its position in the batch that came in.
    pub row: u32,
    /// The first field, in the contract's order, that is to blame.
    pub field: String,
    /// Why: a lower-case fragment that never quotes the value.
    pub reason: String,
}

/// A batch in its contract's form.
#[derive(Debug, Clone)]
pub struct Coerced {
    /// The good rows, in their order, in the contract's schema.
    pub batch: RecordBatch,
    /// The positions, in the batch that came in, of the rows that were kept; `None`: all were.
    pub kept: Option<Vec<u32>>,
    /// The rows that were not kept, by position, each once.
    pub bad: Vec<BadRow>,
}

const NULL: &str = "the value is null, and the contract says that it never is";

impl Coercion {
    /// Turns a batch of the schema that was checked into one of the contract.
    ///
    /// # Errors
    /// `Internal.Bug` if the batch is not of that schema; `Sql.Query` if a column of strings or bytes is too large to be one column.
    pub fn apply(&self, batch: &RecordBatch) -> Result<Coerced> {
        if batch.num_columns() != self.columns {
            let (found, wanted) = (batch.num_columns(), self.columns);
            return Err(bug(format!("a batch has {found} columns where {wanted} were checked")));
        }
        let mut bad = Vec::new();
        let mut columns = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let column = batch.column(step.from);
            if *column.data_type() != step.found {
                let (found, wanted) = (column.data_type(), &step.found);
                return Err(bug(format!("a column is {found} where {wanted} was checked")).field(&step.name));
            }
            columns.push(step.apply(column, &mut bad)?);
        }
        let rows = batch.num_rows();
        if bad.is_empty() {
            let batch = self.batch(columns, rows)?;
            return Ok(Coerced { batch, kept: None, bad });
        }
        // The sort is stable: of one row the first field stays in front.
        bad.sort_by_key(|b: &BadRow| b.row);
        bad.dedup_by_key(|b| b.row);
        let mut keep = vec![true; rows];
        for row in &bad {
            keep[row.row as usize] = false;
        }
        let kept = (0_u32..).zip(&keep).filter(|(_, keep)| **keep).map(|(row, _)| row).collect();
        let all = RecordBatch::try_new_with_options(
            self.nullable_schema(),
            columns,
            &RecordBatchOptions::new().with_row_count(Some(rows)),
        );
        let good = all.and_then(|all| filter_record_batch(&all, &BooleanArray::from(keep)));
        let good = good.map_err(|_| bug("the good rows of a batch cannot be taken out of it"))?;
        let rows = good.num_rows();
        Ok(Coerced { batch: self.batch(good.columns().to_vec(), rows)?, kept: Some(kept), bad })
    }

    fn batch(&self, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)
            .map_err(|_| bug("a coerced batch is not in its contract's form"))
    }

    /// The contract's schema while bad rows are still in the columns.
    fn nullable_schema(&self) -> arrow::datatypes::SchemaRef {
        let fields = self.schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true));
        std::sync::Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()))
    }
}

impl Step {
    fn apply(&self, column: &ArrayRef, bad: &mut Vec<BadRow>) -> Result<ArrayRef> {
        let out = match self.fit {
            Fit::Same => column.clone(),
            Fit::AllNull => new_null_array(&self.wanted, column.len()),
            Fit::Cast => self.cast(column)?,
            Fit::Coarser(factor) => {
                self.find_fractions(column, factor, bad)?;
                self.cast(column)?
            }
        };
        if self.refuse_nulls && column.logical_null_count() > 0 {
            let nulls = column.logical_nulls();
            self.refuse(
                bad,
                NULL,
                (0..column.len()).filter(|i| nulls.as_ref().is_some_and(|n| n.is_null(*i))),
            );
        }
        if self.fit != Fit::Same && self.fit != Fit::AllNull && out.null_count() > column.logical_null_count()
        {
            let nulls = column.logical_nulls();
            let was_null = |i: usize| nulls.as_ref().is_some_and(|n| n.is_null(i));
            let reason = format!("the value does not fit {}", self.type_name);
            self.refuse(bad, &reason, (0..out.len()).filter(|i| out.is_null(*i) && !was_null(*i)));
        }
        match &self.asserted {
            Asserted::Nothing => {}
            Asserted::Symbol(symbols) => {
                self.find_texts(&out, "the value is none of the symbols of its enum", bad, |text| {
                    symbols.iter().any(|s| s == text)
                });
            }
            Asserted::Uuid => {
                self.find_texts(&out, "the value is no uuid in canonical lower case", bad, is_uuid);
            }
        }
        Ok(out)
    }

    fn cast(&self, column: &ArrayRef) -> Result<ArrayRef> {
        // `safe`: what cannot be carried over becomes a null, which is looked for afterwards.
        let options = CastOptions { safe: true, ..CastOptions::default() };
        cast_with_options(column, &self.wanted, &options).map_err(|_| {
            let message = "a batch holds more than 2 GiB of text or bytes in one column";
            Error::new(codes::QUERY, message).field(&self.name).hint("select fewer or shorter values")
        })
    }

    /// Notes the values that are not multiples of `factor`.
    fn find_fractions(&self, column: &ArrayRef, factor: i64, bad: &mut Vec<BadRow>) -> Result<()> {
        // Times of 32 bits are widened, all others reinterpreted.
        let wide = match column.data_type() {
            DataType::Time32(_) => arrow::compute::cast(column, &DataType::Int32)
                .and_then(|c| arrow::compute::cast(&c, &DataType::Int64)),
            _ => arrow::compute::cast(column, &DataType::Int64),
        };
        let wide = wide.map_err(|_| bug("a time is not a number").field(&self.name))?;
        let values = wide.as_primitive_opt::<Int64Type>().ok_or_else(|| bug("a time is not a number"))?;
        if values.values().iter().any(|v| v % factor != 0) {
            let fraction = |i: &usize| values.is_valid(*i) && values.value(*i) % factor != 0;
            let reason = format!("the value is finer than {} can hold", self.type_name);
            self.refuse(bad, &reason, (0..values.len()).filter(fraction));
        }
        Ok(())
    }

    /// Notes the texts that are not `good`.
    fn find_texts(&self, out: &ArrayRef, reason: &str, bad: &mut Vec<BadRow>, good: impl Fn(&str) -> bool) {
        if let Some(texts) = out.as_string_opt::<i32>() {
            let wrong = texts.iter().enumerate().filter(|(_, text)| text.is_some_and(|t| !good(t)));
            self.refuse(bad, reason, wrong.map(|(i, _)| i));
        }
    }

    fn refuse(&self, bad: &mut Vec<BadRow>, reason: &str, rows: impl Iterator<Item = usize>) {
        // A batch has fewer than 2^32 rows: the numbers of rows are 32 bits wide everywhere.
        let rows = rows.filter_map(|row| u32::try_from(row).ok());
        bad.extend(rows.map(|row| BadRow { row, field: self.name.to_string(), reason: reason.to_owned() }));
    }
}

/// Whether a text is a uuid as RFC 9562 writes it, in lower case.
pub(crate) fn is_uuid(text: &str) -> bool {
    let dash = |i: usize| matches!(i, 8 | 13 | 18 | 23);
    text.len() == 36
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| if dash(i) { b == b'-' } else { matches!(b, b'0'..=b'9' | b'a'..=b'f') })
}

fn bug(message: impl Into<String>) -> Error {
    Error::new(codes::INTERNAL, message).hint("report this with the query and its contract")
}
