//! Fields to columns: one loop per type, over the fields of a block.

use super::tokens::View;
use super::{CsvSpec, FieldSource, Nulls};
use crate::read::chain::Decoded;
use crate::read::column::{Column, Fixed, Text, Values, repeat};
use crate::read::drift::never;
use crate::read::fault::{BAD_UTF8, Fault, NOT_BOOLEAN, NOT_HEX, NULL, RowFault};
use crate::read::field::{FieldPlan, Parse, parse_date, parse_time_millis};
use crate::read::parse::duration::duration;
use crate::read::parse::number::{decimal, float32, float64, int32, int64};
use crate::read::parse::time::time_micros;
use crate::read::parse::uuid::uuid;
use crate::read::plan::{Projection, ReadPlan};
use arrow::array::{ArrayRef, new_null_array};
use staunch_types::Result;

/// The columns of a chunk while they grow.
pub(super) struct Fill<'a> {
    plan: &'a ReadPlan,
    sources: &'a [FieldSource],
    decode: &'a [bool],
    seen_only: &'a [bool],
    nulls: &'a Nulls,
    /// One per contract field that comes from a column and is decoded.
    columns: Vec<Option<Column>>,
    faults: Vec<RowFault>,
    /// Whether all of the chunk is UTF-8.
    pub(super) utf8: bool,
}

impl<'a> Fill<'a> {
    pub(super) fn new(
        plan: &'a ReadPlan,
        projection: &'a Projection,
        sources: &'a [FieldSource],
        spec: &'a CsvSpec,
        rows: usize,
    ) -> Self {
        let wanted = |i: usize| projection.decode.get(i).copied().unwrap_or(false);
        let columns = plan.fields.iter().enumerate().map(|(i, field)| {
            let from_file = matches!(sources.get(i), Some(FieldSource::Column(_)));
            (from_file && wanted(i)).then(|| Column::new(field, rows))
        });
        Self {
            plan,
            sources,
            decode: &projection.decode,
            seen_only: &projection.seen_only,
            nulls: &spec.nulls,
            columns: columns.collect(),
            faults: Vec::new(),
            utf8: true,
        }
    }

    /// Adds the records of a block, which follow `before` others.
    pub(super) fn block(&mut self, view: &View<'_>, before: usize) {
        for (index, (field, column)) in self.plan.fields.iter().zip(&mut self.columns).enumerate() {
            let (Some(column), Some(FieldSource::Column(at))) = (column, self.sources.get(index)) else {
                continue;
            };
            let seen_only = self.seen_only.get(index).copied().unwrap_or(false);
            if seen_only && self.utf8 && any_text(field, self.nulls) {
                continue;
            }
            let mut loops = Loop {
                view,
                at: *at,
                field,
                nulls: self.nulls,
                utf8: self.utf8,
                null_rows: &mut column.nulls,
                faults: &mut self.faults,
                index: index as u32,
                before: before as u32,
            };
            loops.fill(&mut column.values);
            if seen_only {
                // The next block finds the memory in the cache.
                column.truncate(0);
            }
        }
    }

    /// The arrays.
    pub(super) fn finish(mut self, rows: usize) -> Result<Decoded> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (index, (field, column)) in
            self.plan.fields.iter().zip(std::mem::take(&mut self.columns)).enumerate()
        {
            let wanted = self.decode.get(index).copied().unwrap_or(false);
            columns.push(match (column, self.sources.get(index)) {
                (Some(_), _) if self.seen_only.get(index).copied().unwrap_or(false) => None,
                (Some(column), _) => Some(column.finish(field)?),
                (None, Some(source)) if wanted => Some(absent(source, field, rows)?),
                _ => None,
            });
        }
        never(self.sources, self.decode, rows, &mut self.faults);
        Ok(Decoded::new(columns, rows, self.faults))
    }
}

/// Whether every text, if it is UTF-8, is a value of the field: there is nothing to see.
fn any_text(field: &FieldPlan, nulls: &Nulls) -> bool {
    matches!(field.parse, Parse::String) && (field.nullable() || !nulls.is_given())
}

/// The column of a field that the file does not hold.
pub(crate) fn absent(source: &FieldSource, field: &FieldPlan, rows: usize) -> Result<ArrayRef> {
    match source {
        FieldSource::Constant(value) => repeat(value, rows),
        FieldSource::Missing | FieldSource::Never(_) | FieldSource::Column(_) => {
            Ok(new_null_array(&field.field.ty.arrow(), rows))
        }
    }
}

struct Loop<'a> {
    view: &'a View<'a>,
    at: usize,
    field: &'a FieldPlan,
    nulls: &'a Nulls,
    utf8: bool,
    null_rows: &'a mut Vec<u32>,
    faults: &'a mut Vec<RowFault>,
    index: u32,
    before: u32,
}

impl Loop<'_> {
    fn fill(&mut self, values: &mut Values) {
        let field = self.field;
        match (&field.parse, values) {
            (Parse::Boolean, Values::Boolean(v)) => self.plain(v, |t, b, e| boolean(part(t, b, e))),
            (Parse::Int, Values::Int32(v)) => self.plain(v, int32),
            (Parse::Long, Values::Int64(v)) => self.plain(v, int64),
            (Parse::Float, Values::Float32(v)) => self.plain(v, float32),
            (Parse::Double, Values::Float64(v)) => self.plain(v, float64),
            (Parse::Decimal { precision, scale }, Values::Decimal(v)) => {
                self.plain(v, |t, b, e| decimal(t, b, e, *precision, *scale));
            }
            (Parse::Date(format), Values::Int32(v)) => {
                self.plain(v, |t, b, e| parse_date(format.as_ref(), part(t, b, e)));
            }
            (Parse::TimeMillis, Values::Int32(v)) => {
                self.plain(v, |t, b, e| parse_time_millis(part(t, b, e)))
            }
            (Parse::TimeMicros, Values::Int64(v)) => self.plain(v, |t, b, e| time_micros(part(t, b, e))),
            (Parse::Timestamp(stamp), Values::Int64(v)) => {
                self.plain(v, |t, b, e| stamp.parse(part(t, b, e)))
            }
            (Parse::String, Values::Text(v)) => self.text(v, true),
            (Parse::Bytes, Values::Text(v)) => self.text(v, false),
            (Parse::Enum(symbols), Values::Text(v)) => self.checked(v, |text, out| {
                symbols.check(text)?;
                out.part(text);
                Ok(())
            }),
            (Parse::Uuid, Values::Text(v)) => self.checked(v, |text, out| {
                out.part(&uuid(text)?);
                Ok(())
            }),
            (Parse::Duration, Values::Spans(v)) => self.plain(v, |t, b, e| duration(part(t, b, e))),
            (Parse::Fixed(_), Values::Fixed(v)) => self.fixed(v),
            // `Column::new` makes the values from the same plan; what has parts is refused where the source is made.
            _ => {}
        }
    }

    #[cold]
    fn fault(&mut self, row: usize, fault: Fault) {
        let row = self.before.saturating_add(row as u32);
        self.faults.push(RowFault { row, field: self.index, fault, inner: None });
    }

    #[inline(always)]
    fn null(&mut self, row: usize) {
        if self.field.nullable() {
            self.null_rows.push(self.before.saturating_add(row as u32));
        } else {
            self.fault(row, NULL);
        }
    }

    /// Values of fixed width. An empty field is null however it stands, because no such type has an empty value.
    #[inline(always)]
    fn plain<T: Copy + Default>(
        &mut self,
        values: &mut Vec<T>,
        parse: impl Fn(&[u8], usize, usize) -> Result<T, Fault>,
    ) {
        let view = self.view;
        values.reserve(view.entries.len() / (view.columns + 1));
        for (row, entries) in view.entries.chunks_exact(view.columns + 1).enumerate() {
            let (begin, end) = bounds(entries, self.at);
            let value = if self.nulls.matches(view.text, begin, end) {
                self.null(row);
                T::default()
            } else {
                match parse(view.text, begin, end) {
                    Ok(value) => value,
                    Err(fault) => {
                        self.fault(row, fault);
                        T::default()
                    }
                }
            };
            values.push(value);
        }
    }

    /// Texts and bytes. What stands between quotation marks is never null.
    fn text(&mut self, out: &mut Text, utf8: bool) {
        let view = self.view;
        let check = utf8 && !self.utf8;
        // Without `nulls:` an empty field of a text that is never null is the empty text.
        let look = self.nulls.is_given() || self.field.nullable();
        for (row, entries) in view.entries.chunks_exact(view.columns + 1).enumerate() {
            let (begin, end) = bounds(entries, self.at);
            if look && self.nulls.matches(view.text, begin, end) && !self.is_quoted(row) {
                out.push_empty();
                self.null(row);
            } else if check && std::str::from_utf8(part(view.text, begin, end)).is_err() {
                out.push_empty();
                self.fault(row, BAD_UTF8);
            } else {
                out.push(view.text, begin, end);
            }
        }
    }

    /// Texts of a form.
    fn checked(&mut self, out: &mut Text, put: impl Fn(&[u8], &mut Text) -> Result<(), Fault>) {
        let view = self.view;
        for (row, entries) in view.entries.chunks_exact(view.columns + 1).enumerate() {
            let (begin, end) = bounds(entries, self.at);
            if self.nulls.matches(view.text, begin, end) {
                self.null(row);
            } else if let Err(fault) = put(part(view.text, begin, end), out) {
                out.drop_parts();
                self.fault(row, fault);
            }
            out.end_parts();
        }
    }

    /// Bytes of one length, as hexadecimal digits.
    fn fixed(&mut self, out: &mut Fixed) {
        let view = self.view;
        for (row, entries) in view.entries.chunks_exact(view.columns + 1).enumerate() {
            let (begin, end) = bounds(entries, self.at);
            let fault = if self.nulls.matches(view.text, begin, end) {
                out.push_zeros();
                self.null(row);
                continue;
            } else {
                let bytes = hex::decode(part(view.text, begin, end)).map_err(|_| NOT_HEX);
                bytes.and_then(|bytes| out.push(&bytes)).err()
            };
            if let Some(fault) = fault {
                out.push_zeros();
                self.fault(row, fault);
            }
        }
    }

    fn is_quoted(&self, row: usize) -> bool {
        self.view.quoted.get(row * self.view.columns + self.at).copied().unwrap_or(false)
    }
}

#[inline(always)]
pub(super) fn bounds(entries: &[u32], at: usize) -> (usize, usize) {
    match entries.get(at..at + 2) {
        Some([before, end]) => (before.wrapping_add(1) as usize, *end as usize),
        _ => (0, 0),
    }
}

#[inline(always)]
fn part(text: &[u8], begin: usize, end: usize) -> &[u8] {
    text.get(begin..end).unwrap_or_default()
}

/// `true false t f 1 0` in any case.
fn boolean(text: &[u8]) -> Result<bool, Fault> {
    match text {
        [b'1' | b't' | b'T'] => Ok(true),
        [b'0' | b'f' | b'F'] => Ok(false),
        _ if text.eq_ignore_ascii_case(b"true") => Ok(true),
        _ if text.eq_ignore_ascii_case(b"false") => Ok(false),
        _ => Err(NOT_BOOLEAN),
    }
}

/// One text as the value of a field.
pub(super) fn single(field: &FieldPlan, text: &[u8]) -> Result<Result<ArrayRef, Fault>> {
    let entries = [u32::MAX, u32::try_from(text.len()).unwrap_or(0)];
    let view = View { text, entries: &entries, columns: 1, quoted: &[] };
    let mut column = Column::new(field, 1);
    let mut faults = Vec::new();
    let mut loops = Loop {
        view: &view,
        at: 0,
        field,
        nulls: &Nulls::default(),
        utf8: false,
        null_rows: &mut column.nulls,
        faults: &mut faults,
        index: 0,
        before: 0,
    };
    loops.fill(&mut column.values);
    match faults.first() {
        Some(fault) => Ok(Err(fault.fault)),
        None => column.finish(field).map(Ok),
    }
}
