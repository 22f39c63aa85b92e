//! A coercion at work on a batch.

use super::Coercion;
use super::values::{Bad, bug};
use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use staunch_types::Result;

/// A row that breaks its contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRow {
    /// Its position in the batch that came in.
    pub row: u32,
    /// The first field, in the contract's order, that is to blame; inside a nested one with the way to it (`address.zip`, `tags[]`).
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

impl Coercion {
    /// Turns a batch of the schema that was checked into one of the contract.
    ///
    /// # Errors
    /// `Internal.Bug` if the batch is not of that schema; `Sql.Query` if a column of strings or bytes is too large to be one column.
    pub fn apply(&self, batch: &RecordBatch) -> Result<Coerced> {
        let (columns, mut bad) = self.convert(batch.columns())?;
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

    /// Turns the columns of such a batch into those of the contract, all rows of them; the rows that break it are told, and hold some
    /// value where they do.
    ///
    /// # Errors
    /// As [`Coercion::apply`].
    pub fn convert(&self, batch: &[ArrayRef]) -> Result<(Vec<ArrayRef>, Vec<BadRow>)> {
        if batch.len() != self.columns {
            let (found, wanted) = (batch.len(), self.columns);
            return Err(bug(format!("a batch has {found} columns where {wanted} were checked")));
        }
        let mut bad = Vec::new();
        let mut columns = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let column = &batch[step.from];
            if *column.data_type() != step.part.found {
                let (found, wanted) = (column.data_type(), &step.part.found);
                let error = bug(format!("a column is {found} where {wanted} was checked"));
                return Err(error.field(&step.part.path));
            }
            let mut found = Vec::new();
            let column = step.part.apply(column, &mut found)?;
            for check in &step.checks {
                check.find(&column, &mut |at, what| {
                    found.push(Bad::new(at, &step.part.path, format!("the value {what}")))
                })?;
            }
            // A batch has fewer than 2^32 rows: the numbers of rows are 32 bits wide everywhere.
            bad.extend(found.into_iter().filter_map(|b| {
                let row = u32::try_from(b.at).ok()?;
                Some(BadRow { row, field: b.path.to_string(), reason: b.reason })
            }));
            columns.push(column);
        }
        Ok((columns, bad))
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
