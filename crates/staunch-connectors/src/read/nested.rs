//! Growing columns of values with parts.
//!
//! Whatever happens to a value, each part has as many values as what holds it says: a value at fault, or one that is taken back, leaves nothing.

use crate::read::column::{Column, Text, internal};
use crate::read::field::{FieldPlan, Parse};
use arrow::array::{Array, ArrayRef, ListArray, MapArray, StringArray, StructArray, UnionArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::DataType;
use arrow::error::ArrowError;
use staunch_types::{Error, Result, codes};
use std::sync::Arc;

/// The values of a nested column.
#[derive(Debug)]
pub(crate) enum Nested {
    /// Where each array ends among the items (one more than rows).
    Array { ends: Vec<i32>, item: Column },
    /// Where each map ends among the entries.
    Map { ends: Vec<i32>, keys: Text, value: Column },
    /// As many values of each field as rows.
    Record { rows: usize, fields: Vec<Column> },
    /// The branch of each row, and its place among the values of that; how many rows are of each branch.
    Union { ids: Vec<i8>, places: Vec<i32>, counts: Vec<usize>, branches: Vec<Column> },
}

/// A number of values: chunks hold fewer than 2^31, since each takes at least a byte.
fn number(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn last(ends: &[i32]) -> usize {
    ends.last().map_or(0, |end| usize::try_from(*end).unwrap_or(0))
}

impl Nested {
    /// An empty column for about `rows` rows. `parse` is nested.
    pub(crate) fn new(parse: &Parse, rows: usize) -> Self {
        match parse {
            Parse::Map(value) => {
                Self::Map { ends: vec![0], keys: Text::with_capacity(rows), value: Column::new(value, rows) }
            }
            Parse::Record(fields) => {
                Self::Record { rows: 0, fields: fields.iter().map(|f| Column::new(f, rows)).collect() }
            }
            Parse::Union(branches, _) => Self::Union {
                ids: Vec::with_capacity(rows),
                places: Vec::with_capacity(rows),
                counts: vec![0; branches.len()],
                branches: branches.iter().map(|b| Column::new(b, 0)).collect(),
            },
            Parse::Array(item) => Self::Array { ends: vec![0], item: Column::new(item, rows) },
            // Only nested types come here; an empty record holds nothing.
            _ => Self::Record { rows: 0, fields: Vec::new() },
        }
    }

    /// How many rows it has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Array { ends, .. } | Self::Map { ends, .. } => ends.len() - 1,
            Self::Record { rows, .. } => *rows,
            Self::Union { ids, .. } => ids.len(),
        }
    }

    /// How many bytes of memory its values take, about.
    pub(crate) fn memory(&self) -> usize {
        match self {
            Self::Array { ends, item } => ends.len() * size_of::<i32>() + item.memory(),
            Self::Map { ends, keys, value } => ends.len() * size_of::<i32>() + keys.memory() + value.memory(),
            Self::Record { fields, .. } => fields.iter().map(Column::memory).sum(),
            Self::Union { ids, branches, .. } => {
                ids.len() * 5 + branches.iter().map(Column::memory).sum::<usize>()
            }
        }
    }

    /// Ends the row whose parts were put.
    pub(crate) fn end(&mut self) {
        match self {
            Self::Array { ends, item } => ends.push(number(item.len())),
            Self::Map { ends, keys, .. } => ends.push(number(keys.len())),
            Self::Record { rows, .. } => *rows += 1,
            Self::Union { .. } => {}
        }
    }

    /// Ends the row whose value was put into this branch of a union.
    pub(crate) fn end_branch(&mut self, branch: usize) {
        if let Self::Union { ids, places, counts, .. } = self
            && let Some(count) = counts.get_mut(branch)
        {
            ids.push(i8::try_from(branch).unwrap_or(i8::MAX));
            places.push(number(*count));
            *count += 1;
        }
    }

    /// Adds a row without a value: an empty array or map, a record of such, the first branch of a union.
    pub(crate) fn push_default(&mut self) {
        match self {
            Self::Array { .. } | Self::Map { .. } => self.end(),
            Self::Record { fields, .. } => {
                fields.iter_mut().for_each(Column::push_default);
                self.end();
            }
            Self::Union { branches, .. } => {
                branches.iter_mut().take(1).for_each(Column::push_default);
                self.end_branch(0);
            }
        }
    }

    /// Adds a null to a union: a null in its first branch. Whether it is one.
    pub(crate) fn push_null_branch(&mut self) -> bool {
        let Self::Union { branches, .. } = self else { return false };
        branches.iter_mut().take(1).for_each(Column::push_null);
        self.end_branch(0);
        true
    }

    /// Takes back all rows from `rows` on, and parts that were put for a row that was not ended.
    pub(crate) fn truncate(&mut self, rows: usize) {
        match self {
            Self::Array { ends, item } => {
                ends.truncate(rows + 1);
                item.truncate(last(ends));
            }
            Self::Map { ends, keys, value } => {
                ends.truncate(rows + 1);
                keys.truncate(last(ends));
                value.truncate(last(ends));
            }
            Self::Record { rows: count, fields } => {
                *count = rows.min(*count);
                fields.iter_mut().for_each(|f| f.truncate(*count));
            }
            Self::Union { ids, places, counts, branches } => {
                while ids.len() > rows {
                    let branch = ids.pop().and_then(|id| usize::try_from(id).ok());
                    if let Some(count) = branch.and_then(|b| counts.get_mut(b)) {
                        *count -= 1;
                    }
                }
                places.truncate(rows);
                branches.iter_mut().zip(counts.iter()).for_each(|(branch, count)| branch.truncate(*count));
            }
        }
    }

    /// The array, of the field's Arrow type.
    ///
    /// # Errors
    /// `Source.TooLarge` if the texts of a part exceed 2 GiB in one chunk.
    pub(crate) fn finish(self, plan: &FieldPlan, nulls: Option<NullBuffer>) -> Result<ArrayRef> {
        let made = |array: Result<ArrayRef, ArrowError>| {
            array.map_err(|e| {
                let message = format!("a column of `{}` was built wrong", plan.path);
                Error::new(codes::INTERNAL, message).cause(internal(&e)).hint("report this")
            })
        };
        let odd = || ArrowError::SchemaError("another type".to_owned());
        let offsets = |ends: Vec<i32>| OffsetBuffer::new(ScalarBuffer::from(ends));
        match (self, &plan.parse, plan.field.ty.arrow()) {
            (Self::Array { ends, item }, Parse::Array(inner), DataType::List(field)) => {
                let items = item.finish(inner)?;
                made(ListArray::try_new(field, offsets(ends), items, nulls).map(|a| Arc::new(a) as ArrayRef))
            }
            (Self::Map { ends, keys, value }, Parse::Map(inner), DataType::Map(field, ordered)) => {
                let DataType::Struct(pair) = field.data_type() else { return made(Err(odd())) };
                let (key_ends, key_bytes) = keys.buffers(plan)?;
                let key_ends = OffsetBuffer::new(ScalarBuffer::from(key_ends));
                let keys = StringArray::try_new(key_ends, key_bytes, None).map(|a| Arc::new(a) as ArrayRef);
                let parts = vec![made(keys)?, value.finish(inner)?];
                let map = StructArray::try_new(pair.clone(), parts, None)
                    .and_then(|e| MapArray::try_new(field.clone(), offsets(ends), e, nulls, ordered));
                made(map.map(|a| Arc::new(a) as ArrayRef))
            }
            (Self::Record { rows, fields }, Parse::Record(inner), DataType::Struct(kinds)) => {
                let parts =
                    fields.into_iter().zip(inner).map(|(c, p)| c.finish(p)).collect::<Result<Vec<_>>>()?;
                if parts.iter().any(|p| p.len() != rows) {
                    return made(Err(odd()));
                }
                made(StructArray::try_new(kinds, parts, nulls).map(|a| Arc::new(a) as ArrayRef))
            }
            (
                Self::Union { ids, places, branches, .. },
                Parse::Union(inner, _),
                DataType::Union(kinds, _),
            ) => {
                let parts =
                    branches.into_iter().zip(inner).map(|(c, p)| c.finish(p)).collect::<Result<Vec<_>>>()?;
                made(
                    UnionArray::try_new(kinds, ids.into(), Some(places.into()), parts)
                        .map(|a| Arc::new(a) as ArrayRef),
                )
            }
            _ => made(Err(odd())),
        }
    }
}
