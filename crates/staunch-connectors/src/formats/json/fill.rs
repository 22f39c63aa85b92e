//! Values to columns.

use super::lex::{Number, byte, literal, number, skip, string, unescape};
use super::nested::Parts;
use crate::formats::csv::{FieldSource, absent};
use crate::read::chain::Decoded;
use crate::read::column::{Column, Values};
use crate::read::fault::{
    DECIMAL_RANGE, DECIMAL_SCALE, Fault, INT_RANGE, NOT_BOOLEAN, NOT_BRANCH, NOT_BYTES, NOT_DATE,
    NOT_DECIMAL, NOT_DURATION, NOT_FLOAT, NOT_INT, NOT_LIST, NOT_RECORD, NOT_STRING, NOT_TIME, NOT_TIMESTAMP,
    NULL, RowFault,
};
use crate::read::field::{FieldPlan, Parse, parse_date, parse_time_millis};
use crate::read::parse::duration::duration;
use crate::read::parse::number::{decimal, exact_f32, exact_f64, float32, float64, rescale};
use crate::read::parse::time::time_micros;
use crate::read::parse::uuid::uuid;
use crate::read::plan::{Projection, ReadPlan};
use staunch_types::Result;
use std::collections::BTreeMap;

/// The columns of a chunk while they grow.
pub(super) struct Fill<'a> {
    fields: &'a [FieldPlan],
    /// One per contract field that comes from the text and is decoded.
    columns: Vec<Option<Column>>,
    /// For each of them: whether no values of it are kept.
    seen_only: &'a [bool],
    /// For each of them: the row that has last had a value of it, counted from one.
    given: Vec<usize>,
    faults: Vec<RowFault>,
    /// How many columns there are, and how many the row at hand has filled.
    wanted: usize,
    filled: usize,
    /// By field: rows that did not name it.
    absent: Vec<u64>,
}

/// A word about a value of another kind than its field.
pub(super) fn mismatch(parse: &Parse) -> Fault {
    match parse {
        Parse::Boolean => NOT_BOOLEAN,
        Parse::Int | Parse::Long => NOT_INT,
        Parse::Float | Parse::Double => NOT_FLOAT,
        Parse::Decimal { .. } => NOT_DECIMAL,
        Parse::Date(_) => NOT_DATE,
        Parse::TimeMillis | Parse::TimeMicros => NOT_TIME,
        Parse::Timestamp(_) => NOT_TIMESTAMP,
        Parse::Bytes | Parse::String | Parse::Enum(_) | Parse::Uuid | Parse::Fixed(_) => NOT_STRING,
        Parse::Duration => NOT_DURATION,
        Parse::Array(_) => NOT_LIST,
        Parse::Map(_) | Parse::Record(_) => NOT_RECORD,
        Parse::Union(..) => NOT_BRANCH,
    }
}

impl<'a> Fill<'a> {
    pub(super) fn new(
        plan: &'a ReadPlan,
        projection: &'a Projection,
        sources: &[FieldSource],
        rows: usize,
    ) -> Self {
        let columns: Vec<Option<Column>> = plan
            .fields
            .iter()
            .enumerate()
            .map(|(i, field)| {
                let constant = matches!(sources.get(i), Some(FieldSource::Constant(_)));
                let wanted = projection.decode.get(i).copied().unwrap_or(false);
                (wanted && !constant).then(|| Column::new(field, rows))
            })
            .collect();
        let wanted = columns.iter().flatten().count();
        Self {
            fields: &plan.fields,
            given: vec![0; columns.len()],
            columns,
            seen_only: &projection.seen_only,
            faults: Vec::new(),
            wanted,
            filled: 0,
            absent: vec![0; plan.fields.len()],
        }
    }

    #[inline(always)]
    pub(super) fn wants(&self, field: usize) -> bool {
        matches!(self.columns.get(field), Some(Some(_)))
    }

    /// Whether the row has a value of the field already.
    #[inline(always)]
    pub(super) fn has(&self, field: usize, row: usize) -> bool {
        self.given.get(field).is_some_and(|given| *given == row + 1)
    }

    /// A mark for [`Fill::undo`], taken where a row begins.
    #[inline]
    pub(super) fn mark(&mut self) -> usize {
        self.filled = 0;
        self.faults.len()
    }

    /// Takes back what row `row` has left.
    pub(super) fn undo(&mut self, row: usize, mark: usize) {
        self.faults.truncate(mark);
        for (column, given) in self.columns.iter_mut().zip(&mut self.given) {
            // The next row has the same number.
            *given = 0;
            if let Some(column) = column {
                column.truncate(row);
            }
        }
    }

    /// Ends row `row`: what it did not name is null.
    #[inline]
    pub(super) fn complete(&mut self, row: usize) {
        if self.filled == self.wanted {
            return;
        }
        for (index, (field, column)) in self.fields.iter().zip(&mut self.columns).enumerate() {
            if let (Some(column), Some(given)) = (column, self.given.get(index))
                && *given != row + 1
            {
                null(field, column, &mut self.faults, index, row);
                if self.seen_only.get(index).copied().unwrap_or(false) {
                    column.truncate(0);
                }
                if let Some(rows) = self.absent.get_mut(index) {
                    *rows += 1;
                }
            }
        }
    }

    /// By name of a field: rows that did not name it.
    pub(super) fn absent(&self) -> BTreeMap<String, u64> {
        let rows = self.fields.iter().zip(&self.absent).filter(|(_, rows)| **rows > 0);
        rows.map(|(field, rows)| (field.name().to_owned(), *rows)).collect()
    }

    /// Reads the value at `at` into a field that [`Fill::wants`] it; says where it ends.
    #[inline]
    pub(super) fn value(
        &mut self,
        text: &[u8],
        at: usize,
        index: usize,
        row: usize,
        scratch: &mut Vec<u8>,
    ) -> Result<usize, Fault> {
        let (Some(field), Some(Some(column))) = (self.fields.get(index), self.columns.get_mut(index)) else {
            return skip(text, at);
        };
        self.filled += 1;
        if let Some(given) = self.given.get_mut(index) {
            *given = row + 1;
        }
        if self.seen_only.get(index).copied().unwrap_or(false) {
            if let Some(end) = plain(&field.parse, text, at)? {
                return Ok(end);
            }
            column.truncate(0);
        }
        if byte(text, at) == b'n' {
            let end = literal(text, at, b"null")?;
            null(field, column, &mut self.faults, index, row);
            return Ok(end);
        }
        if field.parse.is_nested() {
            let mut parts = Parts { text, scratch, wrong: None };
            let end = parts.value(field, column, at)?;
            if let Some((path, fault)) = parts.wrong {
                self.faults.push(RowFault::inside(row, index, path, fault));
            }
            return Ok(end);
        }
        let (end, fault) = scalar(&field.parse, column, text, at, scratch)?;
        if let Some(fault) = fault {
            column.push_default();
            self.faults.push(RowFault::new(row, index, fault));
        }
        Ok(end)
    }

    /// The arrays.
    pub(super) fn finish(
        self,
        sources: &[FieldSource],
        projection: &Projection,
        rows: usize,
    ) -> Result<Decoded> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for (index, (field, column)) in self.fields.iter().zip(self.columns).enumerate() {
            let wanted = projection.decode.get(index).copied().unwrap_or(false);
            columns.push(match (column, sources.get(index)) {
                (Some(_), _) if self.seen_only.get(index).copied().unwrap_or(false) => None,
                (Some(column), _) => Some(column.finish(field)?),
                (None, Some(source)) if wanted => Some(absent(source, field, rows)?),
                _ => None,
            });
        }
        Ok(Decoded::new(columns, rows, self.faults))
    }
}

/// The end of a value that is one of the type as it stands; `None` if more must be looked at.
#[inline(always)]
fn plain(parse: &Parse, text: &[u8], at: usize) -> Result<Option<usize>, Fault> {
    Ok(match (parse, byte(text, at)) {
        (Parse::String, b'"') => {
            let found = string(text, at + 1)?;
            (!found.escaped).then_some(found.end + 1)
        }
        (Parse::Int | Parse::Long | Parse::Double, b'-' | b'0'..=b'9') => {
            let found = number(text, at)?;
            // A number of eighteen digits is a double, and a long if it is whole.
            let fits = found.simple.is_some_and(|(digits, scale)| match parse {
                Parse::Int => scale == 0 && i32::try_from(digits).is_ok(),
                Parse::Long => scale == 0,
                _ => true,
            });
            fits.then_some(found.end)
        }
        (Parse::Boolean, b't') => Some(literal(text, at, b"true")?),
        (Parse::Boolean, b'f') => Some(literal(text, at, b"false")?),
        _ => None,
    })
}

/// Reads a value without parts that is not null, as the next one of the column; says where it ends. With a fault the column has no value of it.
#[inline(always)]
pub(super) fn scalar(
    parse: &Parse,
    column: &mut Column,
    text: &[u8],
    at: usize,
    scratch: &mut Vec<u8>,
) -> Result<(usize, Option<Fault>), Fault> {
    let values = &mut column.values;
    Ok(match byte(text, at) {
        b'-' | b'0'..=b'9' => {
            let found = number(text, at)?;
            (found.end, put_number(parse, values, text, found).err())
        }
        b'"' => {
            let found = string(text, at + 1)?;
            let fault = if found.escaped {
                scratch.clear();
                unescape(text.get(at + 1..found.end).unwrap_or_default(), scratch)?;
                put_string(parse, values, scratch, 0, scratch.len()).err()
            } else {
                put_string(parse, values, text, at + 1, found.end).err()
            };
            (found.end + 1, fault)
        }
        b't' => (literal(text, at, b"true")?, put_boolean(parse, values, true).err()),
        b'f' => (literal(text, at, b"false")?, put_boolean(parse, values, false).err()),
        _ => (skip(text, at)?, Some(mismatch(parse))),
    })
}

fn null(field: &FieldPlan, column: &mut Column, faults: &mut Vec<RowFault>, index: usize, row: usize) {
    if field.nullable() {
        column.push_null();
    } else {
        column.push_default();
        faults.push(RowFault::new(row, index, NULL));
    }
}

fn put_boolean(parse: &Parse, values: &mut Values, value: bool) -> Result<(), Fault> {
    match values {
        Values::Boolean(v) => v.push(value),
        _ => return Err(mismatch(parse)),
    }
    Ok(())
}

/// A number as a whole one: `1.0` and `1e3` are, exactly.
#[inline(always)]
fn whole(text: &[u8], found: Number) -> Result<i64, Fault> {
    if let Some((digits, 0)) = found.simple {
        let value = digits.cast_signed();
        return Ok(if found.negative { -value } else { value });
    }
    match decimal(text, found.begin, found.end, 38, 0) {
        Ok(value) => i64::try_from(value).map_err(|_| INT_RANGE),
        Err(DECIMAL_RANGE) => Err(INT_RANGE),
        Err(DECIMAL_SCALE) => Err(NOT_INT),
        Err(fault) => Err(fault),
    }
}

#[inline(always)]
fn put_number(parse: &Parse, values: &mut Values, text: &[u8], found: Number) -> Result<(), Fault> {
    match (parse, values) {
        (Parse::Long, Values::Int64(v)) => v.push(whole(text, found)?),
        (Parse::Int, Values::Int32(v)) => {
            v.push(i32::try_from(whole(text, found)?).map_err(|_| INT_RANGE)?);
        }
        (Parse::Double, Values::Float64(v)) => {
            let exact = found.simple.and_then(|(digits, scale)| exact_f64(digits, scale));
            v.push(match exact {
                Some(value) if found.negative => -value,
                Some(value) => value,
                None => float64(text, found.begin, found.end)?,
            });
        }
        (Parse::Float, Values::Float32(v)) => {
            let exact = found.simple.and_then(|(digits, scale)| exact_f32(digits, scale));
            v.push(match exact {
                Some(value) if found.negative => -value,
                Some(value) => value,
                None => float32(text, found.begin, found.end)?,
            });
        }
        (Parse::Decimal { precision, scale }, Values::Decimal(v)) => {
            let simple = found.simple.and_then(|(d, s)| rescale(i128::from(d), s, *precision, *scale));
            v.push(match simple {
                Some(value) if found.negative => -value,
                Some(value) => value,
                None => decimal(text, found.begin, found.end, *precision, *scale)?,
            });
        }
        (parse, _) => return Err(mismatch(parse)),
    }
    Ok(())
}

/// The floating-point numbers that JSON has no number for, by the names that Protocol Buffers give them.
fn named(text: &[u8]) -> Result<f64, Fault> {
    match text {
        b"NaN" => Ok(f64::NAN),
        b"Infinity" => Ok(f64::INFINITY),
        b"-Infinity" => Ok(f64::NEG_INFINITY),
        _ => Err(NOT_FLOAT),
    }
}

/// The bytes that the characters U+0000 to U+00FF stand for.
fn bytes(text: &[u8]) -> Result<Vec<u8>, Fault> {
    // The chunk is UTF-8, or the line would not have come here.
    let text = std::str::from_utf8(text).map_err(|_| NOT_BYTES)?;
    let bytes: Option<Vec<u8>> = text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect();
    bytes.ok_or(NOT_BYTES)
}

#[inline(always)]
fn put_string(
    parse: &Parse,
    values: &mut Values,
    text: &[u8],
    begin: usize,
    end: usize,
) -> Result<(), Fault> {
    let part = text.get(begin..end).unwrap_or_default();
    match (parse, values) {
        (Parse::String, Values::Text(v)) => v.push(text, begin, end),
        (Parse::Enum(symbols), Values::Text(v)) => {
            symbols.check(part)?;
            v.push(text, begin, end);
        }
        (Parse::Uuid, Values::Text(v)) => {
            v.part(&uuid(part)?);
            v.end_parts();
        }
        (Parse::Bytes, Values::Text(v)) => {
            v.part(&bytes(part)?);
            v.end_parts();
        }
        (Parse::Fixed(_), Values::Fixed(v)) => v.push(&bytes(part)?)?,
        (Parse::Duration, Values::Spans(v)) => v.push(duration(part)?),
        (Parse::Decimal { precision, scale }, Values::Decimal(v)) => {
            v.push(decimal(text, begin, end, *precision, *scale)?);
        }
        (Parse::Double, Values::Float64(v)) => v.push(named(part)?),
        (Parse::Float, Values::Float32(v)) => v.push(named(part)? as f32),
        (Parse::Date(format), Values::Int32(v)) => v.push(parse_date(format.as_ref(), part)?),
        (Parse::TimeMillis, Values::Int32(v)) => v.push(parse_time_millis(part)?),
        (Parse::TimeMicros, Values::Int64(v)) => v.push(time_micros(part)?),
        (Parse::Timestamp(stamp), Values::Int64(v)) => v.push(stamp.parse(part)?),
        (parse, _) => return Err(mismatch(parse)),
    }
    Ok(())
}
