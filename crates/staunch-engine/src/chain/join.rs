//! Looking rows up in reference data.

use super::eval::Compiled;
use super::run::{Reject, Rows};
use super::table::JoinTable;
use crate::sql::memory;
use arrow::array::{AsArray, UInt32Array};
use arrow::compute::take;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use staunch_types::{Error, Result, codes};

/// The most rows that one batch may become.
const MOST_PAIRS: usize = 1 << 24;

/// A join that is ready to run.
#[derive(Debug)]
pub(crate) struct BoundJoin {
    pub(crate) outer: bool,
    pub(crate) table: JoinTable,
    pub(crate) keys: Vec<Compiled>,
    /// The columns of the input that go into pairs.
    pub(crate) probe: Vec<usize>,
    pub(crate) residual: Vec<Compiled>,
    /// The columns of a pair; all nullable.
    pub(crate) pair: SchemaRef,
    /// The columns of a pair that go on.
    pub(crate) keep: Vec<usize>,
}

impl BoundJoin {
    /// The rows with what was found for them; rows whose keys or conditions fail are rejected.
    pub(crate) fn run(&self, rows: Rows, reject: &mut Reject) -> Result<Rows> {
        let (keys, rows) = rows.evaluate(&self.keys, reject)?;
        let mut left: Vec<u32> = Vec::with_capacity(rows.len());
        let mut right: Vec<Option<u32>> = Vec::with_capacity(rows.len());
        let mut too_many = false;
        let outer = self.outer && self.residual.is_empty();
        let mut done = 0_u32;
        self.table.probe(&keys, |probe, build| {
            if outer {
                // Rows that were passed over match nothing.
                (done..probe).for_each(|row| {
                    left.push(row);
                    right.push(None);
                });
                done = probe.saturating_add(1);
            }
            left.push(probe);
            right.push(Some(build));
            too_many = left.len() > MOST_PAIRS;
            !too_many
        })?;
        if too_many {
            return Err(memory("a join in which one batch has more than 16 million matches"));
        }
        if outer {
            let all = u32::try_from(rows.len()).unwrap_or(u32::MAX);
            (done..all).for_each(|row| {
                left.push(row);
                right.push(None);
            });
        }
        let joined = self.pairs(&rows, &left, &right)?;
        if self.residual.is_empty() {
            return joined.project(&self.keep);
        }
        self.conditions(&rows, joined, left, right, reject)
    }

    /// The pairs for which all conditions hold, and, for an outer join, the rows for which none is left.
    fn conditions(
        &self,
        rows: &Rows,
        mut joined: Rows,
        left: Vec<u32>,
        right: Vec<Option<u32>>,
        reject: &mut Reject,
    ) -> Result<Rows> {
        if !self.outer {
            for condition in &self.residual {
                joined = joined.filter(condition, reject)?;
            }
            return joined.project(&self.keep);
        }
        // Pairs keep their number, so that it can be told which are left.
        let numbers: Vec<u32> = (0..u32::try_from(left.len()).unwrap_or(u32::MAX)).collect();
        let mut numbered = Rows { batch: joined.batch, origin: numbers };
        let mut failed = Reject::default();
        for condition in &self.residual {
            numbered = numbered.filter(condition, &mut failed)?;
        }
        // Rows with a condition that failed are rejected, with all their pairs.
        let mut bad = vec![false; rows.len()];
        for dead in failed.dead {
            let row = left.get(dead.row as usize).copied().unwrap_or_default();
            if let (Some(bad), Some(origin)) = (bad.get_mut(row as usize), rows.origin.get(row as usize)) {
                *bad = true;
                reject.dead.push(super::run::Dead { row: *origin, ..dead });
            }
        }
        let mut kept = numbered.origin.into_iter().peekable();
        let (mut l, mut r) = (Vec::new(), Vec::new());
        for row in 0..u32::try_from(rows.len()).unwrap_or(u32::MAX) {
            let mut any = false;
            while let Some(pair) = kept.next_if(|p| left.get(*p as usize) == Some(&row)) {
                any = true;
                if bad.get(row as usize) != Some(&true) {
                    l.push(row);
                    r.push(right.get(pair as usize).copied().flatten());
                }
            }
            if !any && bad.get(row as usize) != Some(&true) {
                l.push(row);
                r.push(None);
            }
        }
        self.pairs(rows, &l, &r)?.project(&self.keep)
    }

    fn pairs(&self, rows: &Rows, left: &[u32], right: &[Option<u32>]) -> Result<Rows> {
        let bug = |_| Error::new(codes::INTERNAL, "the two sides of a join do not fit together");
        let origin = left.iter().filter_map(|l| rows.origin.get(*l as usize).copied()).collect();
        let l = UInt32Array::from(left.to_vec());
        let r: UInt32Array = right.iter().copied().collect();
        let mut columns = Vec::with_capacity(self.pair.fields().len());
        for column in &self.probe {
            columns.push(take(rows.batch.column(*column), &l, None).map_err(bug)?);
        }
        for column in self.table.payload().columns() {
            columns.push(take(column, &r, None).map_err(bug)?);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(left.len()));
        let batch = RecordBatch::try_new_with_options(self.pair.clone(), columns, &options).map_err(bug)?;
        Ok(Rows { batch, origin })
    }
}

/// The value of a predicate, null as false.
pub(crate) fn is_true(column: &arrow::array::ArrayRef) -> Result<arrow::array::BooleanArray> {
    let mask = column
        .as_boolean_opt()
        .ok_or_else(|| Error::new(codes::INTERNAL, "a condition is not true or false"))?;
    Ok(if arrow::array::Array::null_count(mask) > 0 {
        arrow::compute::prep_null_mask_filter(mask)
    } else {
        mask.clone()
    })
}
