//! A chain at work.

use super::eval::{Compiled, evaluate};
use super::join::{BoundJoin, is_true};
use super::unnest::BoundUnnest;
use crate::sql::grown;
use arrow::array::{ArrayRef, BooleanArray};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use staunch_contract::coerce::Coercion;
use staunch_types::{Code, Error, Result, codes};

/// A bound per-row stage. It keeps nothing between batches and is shared by all threads.
#[derive(Debug)]
pub struct RowChain {
    pub(crate) stage: String,
    /// The columns that are read, by name, and their types.
    pub(crate) columns: Vec<(String, DataType)>,
    pub(crate) input: SchemaRef,
    pub(crate) steps: Vec<BoundStep>,
    /// The columns before they are coerced; all nullable.
    pub(crate) output: SchemaRef,
    pub(crate) coercion: Coercion,
    pub(crate) depth: usize,
}

/// A step that is ready to run.
#[derive(Debug)]
pub(crate) enum BoundStep {
    Filter { predicate: Compiled, keep: Vec<usize> },
    Project { exprs: Vec<Compiled>, schema: SchemaRef },
    Unnest(BoundUnnest),
    Join(Box<BoundJoin>),
}

/// What a batch came to. For every batch: its rows = `passed` + `filtered` + the number of `dead`.
#[derive(Debug)]
pub struct ChainOut {
    /// The rows that come out, in the contract's schema, in the order of the rows that they come from.
    pub batch: RecordBatch,
    /// The number of the source row behind each of them; a row that a join or an unnest multiplied has its number several times.
    pub rows: Vec<u32>,
    /// The rows that this stage rejects, in their order, each once.
    pub dead: Vec<DeadByStage>,
    /// Input rows from which at least one row came out.
    pub passed: u64,
    /// Input rows from which none came out, and which are not dead.
    pub filtered: u64,
    /// Rows that came out.
    pub emitted: u64,
}

/// A row that a stage rejects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadByStage {
    /// The number of the source row.
    pub row: u32,
    /// `Sql.Expression` or `Contract.Violation`.
    pub code: Code,
    /// Why: a lower-case fragment that quotes the expression, never a value.
    pub reason: String,
    /// The column that it was to become, if it is one.
    pub field: Option<String>,
}

/// Rows on their way, each with the position of the input row that it comes from, in ascending order.
#[derive(Debug)]
pub(crate) struct Rows {
    pub(crate) batch: RecordBatch,
    pub(crate) origin: Vec<u32>,
}

/// Rows that were rejected on the way.
#[derive(Debug, Default)]
pub(crate) struct Reject {
    pub(crate) dead: Vec<Dead>,
}

/// A rejected row, by the position of its input row.
#[derive(Debug)]
pub(crate) struct Dead {
    pub(crate) row: u32,
    pub(crate) code: Code,
    pub(crate) reason: String,
    pub(crate) field: Option<String>,
}

impl RowChain {
    /// Sends a batch through. It holds at least the used columns, found by their names; `rows[i]` is the number of the source row
    /// behind row `i`.
    ///
    /// # Errors
    /// What no row is to blame for: `Run.Memory` for a join that multiplies rows beyond measure, `Internal.Bug` for a batch that is not of the
    /// schema that was planned.
    pub fn run(&self, batch: &RecordBatch, rows: &[u32]) -> Result<ChainOut> {
        grown(self.depth, || self.chain(batch, rows)).map_err(|e| e.stage(&self.stage))
    }

    fn chain(&self, batch: &RecordBatch, rows: &[u32]) -> Result<ChainOut> {
        let count = batch.num_rows();
        if rows.len() != count || u32::try_from(count).is_err() {
            return Err(bug("a batch does not have as many rows as row numbers"));
        }
        let mut reject = Reject::default();
        let mut now = Rows { batch: self.used(batch)?, origin: (0_u32..).take(count).collect() };
        for step in &self.steps {
            if now.len() == 0 {
                break;
            }
            now = match step {
                BoundStep::Filter { predicate, keep } => now.filter(predicate, &mut reject)?.project(keep)?,
                BoundStep::Project { exprs, schema } => {
                    let (columns, rest) = now.evaluate(exprs, &mut reject)?;
                    rest.with(columns, schema)?
                }
                BoundStep::Unnest(unnest) => unnest.run(now)?,
                BoundStep::Join(join) => join.run(now, &mut reject)?,
            };
        }
        let (batch, origin) = if now.len() == 0 {
            (RecordBatch::new_empty(self.coercion.schema().clone()), Vec::new())
        } else {
            self.coerce(now, &mut reject)?
        };
        self.out(batch, origin, reject, rows)
    }

    /// The columns that the chain reads, in its order.
    fn used(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        let schema = batch.schema();
        let mut columns = Vec::with_capacity(self.columns.len());
        for (name, ty) in &self.columns {
            let place = schema.index_of(name).ok().filter(|i| schema.field(*i).data_type() == ty);
            let place = place.ok_or_else(|| bug("a batch lacks a column that the stage uses").field(name))?;
            columns.push(batch.column(place).clone());
        }
        make(&self.input, columns, batch.num_rows())
    }

    fn coerce(&self, rows: Rows, reject: &mut Reject) -> Result<(RecordBatch, Vec<u32>)> {
        let coerced = self.coercion.apply(&make(&self.output, rows.batch.columns().to_vec(), rows.len())?)?;
        for bad in coerced.bad {
            if let Some(row) = rows.origin.get(bad.row as usize) {
                let (code, field) = (codes::VIOLATION, Some(bad.field));
                reject.dead.push(Dead { row: *row, code, reason: bad.reason, field });
            }
        }
        let origin = match coerced.kept {
            None => rows.origin,
            Some(kept) => kept.iter().filter_map(|k| rows.origin.get(*k as usize).copied()).collect(),
        };
        Ok((coerced.batch, origin))
    }

    /// Counts, and takes out what is left of rows of which a part was rejected.
    fn out(
        &self,
        mut batch: RecordBatch,
        mut origin: Vec<u32>,
        reject: Reject,
        rows: &[u32],
    ) -> Result<ChainOut> {
        let mut dead = reject.dead;
        // The sort is stable: of several reasons for one row the first stays.
        dead.sort_by_key(|d| d.row);
        dead.dedup_by_key(|d| d.row);
        if !dead.is_empty() {
            let is_dead = |row: &u32| dead.binary_search_by_key(row, |d| d.row).is_ok();
            if origin.iter().any(is_dead) {
                let keep: BooleanArray = origin.iter().map(|o| Some(!is_dead(o))).collect();
                batch = filter_record_batch(&batch, &keep)
                    .map_err(|_| bug("dead rows cannot be taken out of a batch"))?;
                origin.retain(|o| !is_dead(o));
            }
        }
        let distinct = origin.windows(2).filter(|pair| pair.first() != pair.last()).count()
            + usize::from(!origin.is_empty());
        let passed = distinct as u64;
        let filtered = (rows.len() as u64)
            .checked_sub(passed + dead.len() as u64)
            .ok_or_else(|| bug("more rows came out of a stage than went in"))?;
        let number =
            |position: u32| rows.get(position as usize).copied().ok_or_else(|| bug("a row has no number"));
        Ok(ChainOut {
            emitted: origin.len() as u64,
            rows: origin.into_iter().map(number).collect::<Result<_>>()?,
            dead: dead
                .into_iter()
                .map(|d| {
                    Ok(DeadByStage { row: number(d.row)?, code: d.code, reason: d.reason, field: d.field })
                })
                .collect::<Result<_>>()?,
            batch,
            passed,
            filtered,
        })
    }
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        self.batch.num_rows()
    }

    /// The values of the expressions, and the rows for which all of them have one; the others are rejected.
    pub(crate) fn evaluate(self, exprs: &[Compiled], reject: &mut Reject) -> Result<(Vec<ArrayRef>, Self)> {
        let evaluated = evaluate(exprs, &self.batch)?;
        if evaluated.failed.is_empty() {
            return Ok((evaluated.columns, self));
        }
        let mut keep = vec![true; self.len()];
        for failed in evaluated.failed {
            if let (Some(keep), Some(origin), Some(expr)) =
                (keep.get_mut(failed.row), self.origin.get(failed.row), exprs.get(failed.expr))
            {
                *keep = false;
                let reason = format!("`{}` failed: {}", expr.text, failed.failure.text());
                reject.dead.push(Dead {
                    row: *origin,
                    code: codes::EXPRESSION,
                    reason,
                    field: expr.field.clone(),
                });
            }
        }
        Ok((evaluated.columns, self.keep(&BooleanArray::from(keep))?))
    }

    /// The rows for which the predicate is true.
    pub(crate) fn filter(self, predicate: &Compiled, reject: &mut Reject) -> Result<Self> {
        let (columns, rest) = self.evaluate(std::slice::from_ref(predicate), reject)?;
        let mask = is_true(columns.first().ok_or_else(|| bug("a condition has no value"))?)?;
        rest.keep(&mask)
    }

    fn keep(self, mask: &BooleanArray) -> Result<Self> {
        if mask.true_count() == self.len() {
            return Ok(self);
        }
        let batch = filter_record_batch(&self.batch, mask).map_err(|_| bug("a batch cannot be filtered"))?;
        let origin =
            self.origin.into_iter().zip(mask.values()).filter(|(_, keep)| *keep).map(|(o, _)| o).collect();
        Ok(Self { batch, origin })
    }

    /// The columns at these places.
    pub(crate) fn project(self, keep: &[usize]) -> Result<Self> {
        if keep.len() == self.batch.num_columns() && keep.iter().enumerate().all(|(i, k)| i == *k) {
            return Ok(self);
        }
        let batch = self.batch.project(keep).map_err(|_| bug("a batch lacks a column"))?;
        Ok(Self { batch, origin: self.origin })
    }

    /// Other columns for the same rows.
    fn with(self, columns: Vec<ArrayRef>, schema: &SchemaRef) -> Result<Self> {
        Ok(Self { batch: make(schema, columns, self.origin.len())?, origin: self.origin })
    }
}

fn make(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), columns, &options)
        .map_err(|_| bug("a batch is not of the schema that was planned"))
}

fn bug(message: &str) -> Error {
    Error::new(codes::INTERNAL, message).hint("report this with the SQL of the stage")
}
