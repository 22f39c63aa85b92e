//! From decoded columns to what a chunk hands on: reject, date, filter by lateness, treat, project.

use crate::read::fault::{Fault, RowFault};
use crate::read::late::EventTimes;
use crate::read::plan::{Projection, ReadPlan};
use crate::read::text::{Span, TextChunk, TextRows};
use arrow::array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::compute::filter;
use staunch_commit::{DeadRow, Drift, PrefixTurn, RawRows, ReadRows, UnknownRow};
use staunch_types::{Error, Result, bare, codes};
use std::sync::Arc;

/// What a decoder made of a chunk.
pub(crate) struct Decoded {
    /// One per field of the contract; `None` where it was not decoded. All have `rows` rows.
    pub(crate) columns: Vec<Option<ArrayRef>>,
    /// The rows that have columns.
    pub(crate) rows: usize,
    /// What is wrong with values of these rows.
    pub(crate) faults: Vec<RowFault>,
    /// What the rows have that the contract does not say.
    pub(crate) drift: Drift,
    /// The fields of rows that the contract does not name, as a JSON object, where they are kept.
    pub(crate) unknown: Vec<(u32, Vec<u8>)>,
}

impl Decoded {
    /// Rows without drift.
    pub(crate) fn new(columns: Vec<Option<ArrayRef>>, rows: usize, faults: Vec<RowFault>) -> Self {
        Self { columns, rows, faults, drift: Drift::default(), unknown: Vec::new() }
    }
}

/// Where the rows of a decoded chunk come from.
pub(crate) trait Records {
    /// The place of a row.
    fn place(&self, row: usize) -> u64;
    /// The raw record of a row.
    fn raw(&self, row: usize) -> Vec<u8>;
    /// The records that have no columns, because they could not be taken apart: place, raw record, fault.
    fn broken(&self) -> Vec<(u64, Vec<u8>, Fault)>;
    /// The lines of the dead rows, which are in the order of their places (text formats).
    fn lines(&self, dead: &mut [DeadRow]);
    /// The raw records of the rows in `kept` (ascending; `None`: all).
    fn keep(self, kept: Option<&[usize]>) -> Arc<dyn RawRows>;
}

/// The second half of the chain.
pub(crate) fn finish<R: Records>(
    plan: &ReadPlan,
    projection: &Projection,
    mut decoded: Decoded,
    records: R,
    turn: &mut dyn PrefixTurn,
) -> Result<ReadRows> {
    let rows = decoded.rows;
    constrain(plan, &mut decoded)?;
    // The first fault of a row, in the order of the contract, is the one that is told.
    decoded.faults.sort_by_key(|f| (f.row, f.field));
    decoded.faults.dedup_by_key(|f| f.row);
    let accepted = (!decoded.faults.is_empty()).then(|| {
        let mut accepted = vec![true; rows];
        for fault in &decoded.faults {
            if let Some(flag) = accepted.get_mut(fault.row as usize) {
                *flag = false;
            }
        }
        accepted
    });
    let dead = dead_rows(plan, &decoded.faults, &records);

    let event_column = plan.event_time.and_then(|i| decoded.columns.get(i)).and_then(Option::as_ref);
    let wanted = !bare::on() || plan.late_after.is_some();
    let events = event_column.filter(|_| wanted).and_then(|array| EventTimes::of(array.as_ref()));
    let highest = events.as_ref().and_then(|e| e.highest(accepted.as_deref()));
    let before = turn.exchange(highest);
    let late = match (&events, plan.late_after) {
        (Some(events), Some(bound)) => events.late(accepted.as_deref(), before, bound),
        _ => None,
    };

    let on_time: Option<Vec<bool>> = match (&accepted, &late) {
        (None, None) => None,
        (Some(accepted), None) => Some(accepted.clone()),
        (None, Some(late)) => Some(late.iter().map(|l| !l).collect()),
        (Some(accepted), Some(late)) => Some(accepted.iter().zip(late).map(|(a, l)| *a && !l).collect()),
    };
    let take = |mask: Option<&[bool]>| -> Result<(RecordBatch, Vec<usize>)> {
        let kept: Vec<usize> = match mask {
            None => (0..rows).collect(),
            Some(mask) => mask.iter().enumerate().filter(|(_, keep)| **keep).map(|(row, _)| row).collect(),
        };
        let batch = take_rows(plan, projection, &decoded, mask, kept.len())?;
        Ok((batch, kept))
    };
    let late = match &late {
        None => None,
        Some(late) => {
            let (batch, kept) = take(Some(late))?;
            Some((batch, kept.iter().map(|row| records.place(*row)).collect()))
        }
    };
    let (batch, kept) = take(on_time.as_deref())?;
    let places = match bare::on() {
        true => Vec::new(),
        false => kept.iter().map(|row| records.place(*row)).collect(),
    };
    let unknown = std::mem::take(&mut decoded.unknown)
        .into_iter()
        .map(|(row, fields)| UnknownRow { place: records.place(row as usize), fields })
        .collect();
    let raw = records.keep(on_time.is_some().then_some(&kept));
    Ok(ReadRows { batch, places, raw, dead, late, drift: decoded.drift, unknown })
}

/// Notes the values that break the constraints of their fields.
fn constrain(plan: &ReadPlan, decoded: &mut Decoded) -> Result<()> {
    if bare::on() {
        return Ok(());
    }
    let Decoded { columns, faults, .. } = decoded;
    for (index, (field, column)) in plan.fields.iter().zip(columns).enumerate() {
        let Some(column) = column else { continue };
        for check in &field.checks {
            check.find(column, &mut |row, what| {
                faults.push(RowFault::new(row, index, Fault { code: codes::VIOLATION, what }));
            })?;
        }
    }
    Ok(())
}

fn dead_rows<R: Records>(plan: &ReadPlan, faults: &[RowFault], records: &R) -> Vec<DeadRow> {
    let mut dead: Vec<DeadRow> = Vec::with_capacity(faults.len());
    for (place, raw, fault) in records.broken() {
        let reason = fault.what.to_owned();
        dead.push(DeadRow { place, line: None, raw, code: fault.code, reason, field: None });
    }
    for fault in faults {
        let row = fault.row as usize;
        let (name, what) = match &fault.inner {
            Some(inner) => (Some(inner.path.to_string()), inner.what.as_deref()),
            None => (plan.fields.get(fault.field as usize).map(|f| f.name().to_owned()), None),
        };
        let what = what.unwrap_or(fault.fault.what);
        let reason = format!("`{}` {what}", name.as_deref().unwrap_or_default());
        dead.push(DeadRow {
            place: records.place(row),
            line: None,
            raw: records.raw(row),
            code: fault.fault.code,
            reason,
            field: name,
        });
    }
    dead.sort_by_key(|d| d.place);
    records.lines(&mut dead);
    dead
}

/// The rows of a mask, treated and projected.
fn take_rows(
    plan: &ReadPlan,
    projection: &Projection,
    decoded: &Decoded,
    mask: Option<&[bool]>,
    rows: usize,
) -> Result<RecordBatch> {
    let mask = mask.map(|m| BooleanArray::from(m.to_vec()));
    let mut columns = Vec::with_capacity(projection.columns.len());
    for position in &projection.columns {
        let field = plan.outputs.get(*position).copied().unwrap_or(usize::MAX);
        let array = decoded.columns.get(field).and_then(Option::as_ref);
        let treat = plan.treats.get(field);
        let (Some(array), Some(treat)) = (array, treat) else {
            return Err(Error::new(codes::INTERNAL, "a column was not decoded").hint("report this"));
        };
        let array = match &mask {
            None => Arc::clone(array),
            Some(mask) => filter(array, mask).map_err(|_| {
                Error::new(codes::INTERNAL, "a column cannot be filtered").hint("report this")
            })?,
        };
        columns.push(treat.apply(&array)?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::clone(&projection.schema), columns, &options)
        .map_err(|_| Error::new(codes::INTERNAL, "a batch does not fit its schema").hint("report this"))
}

/// [`Records`] of a text chunk.
pub(crate) struct TextRecords {
    pub(crate) chunk: Arc<TextChunk>,
    /// The records that have columns.
    pub(crate) spans: Vec<Span>,
    /// The records that have none.
    pub(crate) broken: Vec<(Span, Fault)>,
}

impl Records for TextRecords {
    fn place(&self, row: usize) -> u64 {
        self.spans.get(row).map_or(0, |span| self.chunk.place(*span))
    }

    fn raw(&self, row: usize) -> Vec<u8> {
        self.spans.get(row).map(|span| self.chunk.record(*span).to_vec()).unwrap_or_default()
    }

    fn broken(&self) -> Vec<(u64, Vec<u8>, Fault)> {
        let record = |(span, fault): &(Span, Fault)| {
            (self.chunk.place(*span), self.chunk.record(*span).to_vec(), *fault)
        };
        self.broken.iter().map(record).collect()
    }

    fn lines(&self, dead: &mut [DeadRow]) {
        let offset = self.chunk.offset;
        let begin = |d: &DeadRow| u32::try_from(d.place.saturating_sub(offset)).unwrap_or(u32::MAX);
        let lines = self.chunk.lines(dead.iter().map(|d| (begin(d), 0)));
        for (row, line) in dead.iter_mut().zip(lines) {
            row.line = Some(line);
        }
    }

    fn keep(self, kept: Option<&[usize]>) -> Arc<dyn RawRows> {
        let spans = match kept {
            None => self.spans,
            Some(kept) => kept.iter().filter_map(|row| self.spans.get(*row)).copied().collect(),
        };
        Arc::new(TextRows::new(self.chunk, spans))
    }
}
