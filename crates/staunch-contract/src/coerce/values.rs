//! The values of a column, or of a part of one, on their way into the contract's type.
//!
//! What is wrong inside a nested value is found at the position of the inner value and told at the position of the outer one. Where the contract
//! has no null and one comes, its row is set apart; the array gives up its mask of nulls there, so that every array is one that
//! its type allows at every moment.

use super::fit::Fit;
use super::is_uuid;
use super::part::{Asserted, Part, Way};
use arrow::array::{
    Array, ArrayRef, AsArray, ListArray, MapArray, StructArray, UnionArray, make_array, new_null_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast, cast_with_options};
use arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType};
use arrow::error::ArrowError;
use staunch_types::{Error, Result, codes};
use std::sync::Arc;

const NULL: &str = "the value is null, and the contract says that it never is";

/// Something wrong with a value.
pub(super) struct Bad {
    /// The position of the value among its like: of a column's values, the row.
    pub(super) at: usize,
    pub(super) path: Arc<str>,
    pub(super) reason: String,
}

impl Bad {
    pub(super) fn new(at: usize, path: &Arc<str>, reason: impl Into<String>) -> Self {
        Self { at, path: Arc::clone(path), reason: reason.into() }
    }
}

impl Part {
    /// The values in the contract's type; those that break it are noted, and stand there as some value.
    pub(super) fn apply(&self, column: &ArrayRef, bad: &mut Vec<Bad>) -> Result<ArrayRef> {
        let out = match &self.way {
            Way::Plain(fit) => self.plain(fit, column, bad)?,
            Way::Array(item) => self.array(item, column, bad)?,
            Way::Map(key, value) => self.map(key, value, column, bad)?,
            Way::Record(fields) => self.record(fields, column, bad)?,
            Way::Union(branches) => self.union(branches, column, bad)?,
        };
        if self.refuse_nulls && column.logical_null_count() > 0 {
            let nulls = column.logical_nulls();
            let null = |at: &usize| nulls.as_ref().is_some_and(|n| n.is_null(*at));
            bad.extend((0..column.len()).filter(null).map(|at| Bad::new(at, &self.path, NULL)));
        }
        self.assert(&out, bad)?;
        Ok(out)
    }

    fn plain(&self, fit: &Fit, column: &ArrayRef, bad: &mut Vec<Bad>) -> Result<ArrayRef> {
        let out = match fit {
            Fit::Same => return Ok(column.clone()),
            Fit::AllNull => return Ok(new_null_array(&self.wanted, column.len())),
            Fit::Cast => self.cast(column, &self.wanted)?,
            Fit::Coarser(factor) => {
                self.find_fractions(column, *factor, bad)?;
                self.cast(column, &self.wanted)?
            }
        };
        if out.null_count() > column.logical_null_count() {
            let nulls = column.logical_nulls();
            let was_null = |at: usize| nulls.as_ref().is_some_and(|n| n.is_null(at));
            let reason = format!("the value does not fit {}", self.type_name);
            let lost = (0..out.len()).filter(|at| out.is_null(*at) && !was_null(*at));
            bad.extend(lost.map(|at| Bad::new(at, &self.path, reason.as_str())));
        }
        Ok(out)
    }

    fn array(&self, item: &Part, column: &ArrayRef, bad: &mut Vec<Bad>) -> Result<ArrayRef> {
        let DataType::List(field) = &self.wanted else { return Err(self.odd()) };
        // Lists of other widths are the same lists.
        let listed = match column.data_type() {
            DataType::List(_) => column.clone(),
            DataType::LargeList(inner) | DataType::FixedSizeList(inner, _) => {
                self.cast(column, &DataType::List(inner.clone()))?
            }
            _ => return Err(self.odd()),
        };
        let list = listed.as_list_opt::<i32>().ok_or_else(|| self.odd())?;
        let (offsets, items) = trimmed(list.offsets(), list.values());
        let mut inner = Vec::new();
        let items = settled(item, &items, field.is_nullable(), &mut inner)?;
        outward(inner, &offsets, list.nulls(), bad);
        let made = ListArray::try_new(field.clone(), offsets, items, list.nulls().cloned());
        made.map(|a| Arc::new(a) as ArrayRef).map_err(|e| self.unmade(&e))
    }

    fn map(&self, key: &Part, value: &Part, column: &ArrayRef, bad: &mut Vec<Bad>) -> Result<ArrayRef> {
        let map = column.as_map_opt().ok_or_else(|| self.odd())?;
        let DataType::Map(field, ordered) = &self.wanted else { return Err(self.odd()) };
        let DataType::Struct(pair) = field.data_type() else { return Err(self.odd()) };
        let entries: ArrayRef = Arc::new(map.entries().clone());
        let (offsets, entries) = trimmed(map.offsets(), &entries);
        let entries = entries.as_struct_opt().ok_or_else(|| self.odd())?;
        let mut inner = Vec::new();
        let keys = settled(key, entries.column(0), false, &mut inner)?;
        let nullable = pair.get(1).is_some_and(|f| f.is_nullable());
        let values = settled(value, entries.column(1), nullable, &mut inner)?;
        outward(inner, &offsets, map.nulls(), bad);
        let entries = StructArray::try_new(pair.clone(), vec![keys, values], None);
        let made = entries.and_then(|entries| {
            MapArray::try_new(field.clone(), offsets, entries, map.nulls().cloned(), *ordered)
        });
        made.map(|a| Arc::new(a) as ArrayRef).map_err(|e| self.unmade(&e))
    }

    fn record(&self, fields: &[(usize, Part)], column: &ArrayRef, bad: &mut Vec<Bad>) -> Result<ArrayRef> {
        let record = column.as_struct_opt().ok_or_else(|| self.odd())?;
        let DataType::Struct(wanted) = &self.wanted else { return Err(self.odd()) };
        let mut columns = Vec::with_capacity(fields.len());
        let mut inner = Vec::new();
        for ((from, part), field) in fields.iter().zip(wanted) {
            let column = record.columns().get(*from).ok_or_else(|| self.odd())?;
            columns.push(settled(part, column, field.is_nullable(), &mut inner)?);
        }
        // What stands under a record that is not there is nothing.
        bad.extend(inner.into_iter().filter(|b| record.is_valid(b.at)));
        let made = StructArray::try_new(wanted.clone(), columns, record.nulls().cloned());
        made.map(|a| Arc::new(a) as ArrayRef).map_err(|e| self.unmade(&e))
    }

    /// A union passes as it is; its branches are looked at.
    fn union(&self, branches: &[Part], column: &ArrayRef, bad: &mut Vec<Bad>) -> Result<ArrayRef> {
        let union = column.as_union_opt().ok_or_else(|| self.odd())?;
        for (branch, id) in branches.iter().zip(0_i8..) {
            if branch.is_identity() {
                continue;
            }
            let mut inner = Vec::new();
            branch.apply(union.child(id), &mut inner)?;
            if inner.is_empty() {
                continue;
            }
            // Where the values of this branch stand in the union.
            let mut places = vec![None; union.child(id).len()];
            for row in (0..union.len()).filter(|row| union.type_id(*row) == id) {
                if let Some(place) = places.get_mut(union.value_offset(row)) {
                    *place = Some(row);
                }
            }
            let outer = |b: Bad| Some(Bad { at: places.get(b.at).copied().flatten()?, ..b });
            bad.extend(inner.into_iter().filter_map(outer));
        }
        Ok(column.clone())
    }

    fn assert(&self, out: &ArrayRef, bad: &mut Vec<Bad>) -> Result<()> {
        let mut refuse = |reason: &str, rows: &mut dyn Iterator<Item = usize>| {
            bad.extend(rows.map(|at| Bad::new(at, &self.path, reason)));
        };
        match &self.asserted {
            Asserted::Nothing => {}
            Asserted::Symbol(symbols) => {
                let texts = out.as_string_opt::<i32>().ok_or_else(|| self.odd())?;
                let wrong = |text: Option<&str>| text.is_some_and(|t| !symbols.iter().any(|s| s == t));
                let mut rows = texts.iter().enumerate().filter(|(_, t)| wrong(*t)).map(|(at, _)| at);
                refuse("the value is none of the symbols of its enum", &mut rows);
            }
            Asserted::Uuid => {
                let texts = out.as_string_opt::<i32>().ok_or_else(|| self.odd())?;
                let wrong = |text: Option<&str>| text.is_some_and(|t| !is_uuid(t));
                let mut rows = texts.iter().enumerate().filter(|(_, t)| wrong(*t)).map(|(at, _)| at);
                refuse("the value is no uuid in canonical lower case", &mut rows);
            }
            Asserted::Duration => {
                let spans = out.as_primitive_opt::<IntervalMonthDayNanoType>().ok_or_else(|| self.odd())?;
                let most = i64::from(u32::MAX) * 1_000_000;
                let good = |at: usize| {
                    let span = spans.value(at);
                    span.months >= 0
                        && span.days >= 0
                        && (0..=most).contains(&span.nanoseconds)
                        && span.nanoseconds % 1_000_000 == 0
                };
                let mut rows = (0..spans.len()).filter(|at| spans.is_valid(*at) && !good(*at));
                refuse("the value is negative, or not of whole milliseconds that 32 bits hold", &mut rows);
            }
        }
        Ok(())
    }

    fn cast(&self, column: &ArrayRef, wanted: &DataType) -> Result<ArrayRef> {
        // `safe`: what cannot be carried over becomes a null, which is looked for afterwards.
        let options = CastOptions { safe: true, ..CastOptions::default() };
        cast_with_options(column, wanted, &options).map_err(|_| {
            let message = "a batch holds more than 2 GiB of text or bytes in one column";
            Error::new(codes::QUERY, message).field(&self.path).hint("select fewer or shorter values")
        })
    }

    /// Notes the values that are not multiples of `factor`.
    fn find_fractions(&self, column: &ArrayRef, factor: i64, bad: &mut Vec<Bad>) -> Result<()> {
        // Times of 32 bits are widened, all others reinterpreted.
        let wide = match column.data_type() {
            DataType::Time32(_) => cast(column, &DataType::Int32).and_then(|c| cast(&c, &DataType::Int64)),
            _ => cast(column, &DataType::Int64),
        };
        let wide = wide.map_err(|_| bug("a time is not a number").field(&self.path))?;
        let values = wide.as_primitive_opt::<Int64Type>().ok_or_else(|| bug("a time is not a number"))?;
        if values.values().iter().any(|v| v % factor != 0) {
            let fraction = |at: &usize| values.is_valid(*at) && values.value(*at) % factor != 0;
            let reason = format!("the value is finer than {} can hold", self.type_name);
            let rows = (0..values.len()).filter(fraction);
            bad.extend(rows.map(|at| Bad::new(at, &self.path, reason.as_str())));
        }
        Ok(())
    }

    fn odd(&self) -> Error {
        bug("a nested column has another form than was checked").field(&self.path)
    }

    fn unmade(&self, error: &ArrowError) -> Error {
        // The text of the error may quote data; its kind does not.
        let kind = format!("{error:?}").split(['(', ' ', '{']).next().unwrap_or_default().to_owned();
        bug("a nested column cannot be made").field(&self.path).cause(kind)
    }
}

/// The parts of a nested column in the contract's type. Where the contract has no nulls, the array has none: the rows that held one are noted
/// in `inner`, or lie under a null.
fn settled(part: &Part, column: &ArrayRef, nullable: bool, inner: &mut Vec<Bad>) -> Result<ArrayRef> {
    let out = part.apply(column, inner)?;
    if nullable || out.logical_null_count() == 0 {
        return Ok(out);
    }
    let bare = |array: &ArrayRef| array.to_data().into_builder().nulls(None).build().map(make_array);
    let made = match out.as_union_opt() {
        // The nulls of a union are those of its branches.
        Some(union) => {
            let DataType::Union(fields, _) = union.data_type() else { return Err(part.odd()) };
            let branches = fields.iter().map(|(id, _)| bare(union.child(id))).collect::<Result<Vec<_>, _>>();
            branches.and_then(|branches| {
                let (ids, offsets) = (union.type_ids().clone(), union.offsets().cloned());
                UnionArray::try_new(fields.clone(), ids, offsets, branches).map(|a| Arc::new(a) as ArrayRef)
            })
        }
        None => bare(&out),
    };
    made.map_err(|e| part.unmade(&e))
}

/// Offsets from 0, and the values that they point into: a slice carries all values of what it was cut from.
fn trimmed(offsets: &OffsetBuffer<i32>, values: &ArrayRef) -> (OffsetBuffer<i32>, ArrayRef) {
    let (first, last) = match (offsets.first(), offsets.last()) {
        (Some(first), Some(last)) => (*first, *last),
        _ => return (offsets.clone(), values.clone()),
    };
    if first == 0 && usize::try_from(last).is_ok_and(|last| last == values.len()) {
        return (offsets.clone(), values.clone());
    }
    let lengths = offsets.lengths();
    let begin = usize::try_from(first).unwrap_or(0);
    let length = usize::try_from(last.saturating_sub(first)).unwrap_or(0);
    (OffsetBuffer::from_lengths(lengths), values.slice(begin, length))
}

/// What is wrong with items, told of the lists that hold them; what lies under a list that is null is nothing.
fn outward(inner: Vec<Bad>, offsets: &OffsetBuffer<i32>, nulls: Option<&NullBuffer>, bad: &mut Vec<Bad>) {
    for one in inner {
        let at = offsets.partition_point(|offset| usize::try_from(*offset).is_ok_and(|o| o <= one.at));
        let row = at.saturating_sub(1);
        if row + 1 < offsets.len() && nulls.is_none_or(|n| n.is_valid(row)) {
            bad.push(Bad { at: row, ..one });
        }
    }
}

pub(super) fn bug(message: impl Into<String>) -> Error {
    Error::new(codes::INTERNAL, message).hint("report this with the query and its contract")
}
