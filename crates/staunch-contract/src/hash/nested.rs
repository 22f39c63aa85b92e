//! Row bytes of nested columns, level by level.
//!
//! The parts of a level are encoded as columns of their own, for all rows at once. The items of a list then lie side by side, and a list is its
//! count and a range of them.

use super::{Values, span, values};
use crate::model::{Element, Type};
use arrow::array::{Array, ArrayRef, AsArray, UnionArray};
use arrow::buffer::NullBuffer;

/// The row bytes of every value, with its marker.
pub(super) struct Encoded {
    bytes: Vec<u8>,
    /// Where each of them ends.
    ends: Vec<usize>,
}

impl Encoded {
    fn with_capacity(rows: usize) -> Self {
        Self { bytes: Vec::with_capacity(rows * 16), ends: Vec::with_capacity(rows) }
    }

    fn begin(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row - 1] }
    }

    /// The bytes of a value.
    pub(super) fn row(&self, row: usize) -> &[u8] {
        &self.bytes[self.begin(row)..self.ends[row]]
    }

    /// The bytes of the values from `first` on, before `behind`.
    fn rows(&self, first: usize, behind: usize) -> &[u8] {
        &self.bytes[self.begin(first)..self.begin(behind)]
    }

    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// Ends a null, or marks a value; whether it is a value.
    fn mark(&mut self, nulls: Option<&NullBuffer>, row: usize) -> bool {
        let here = nulls.is_none_or(|n| n.is_valid(row));
        self.bytes.push(u8::from(here));
        if !here {
            self.end();
        }
        here
    }

    fn count(&mut self, count: usize) -> Option<()> {
        self.bytes.extend(u32::try_from(count).ok()?.to_le_bytes());
        Some(())
    }
}

/// The row bytes of a column. `None` if it does not carry the type, or holds what has no encoding.
pub(super) fn encode(array: &ArrayRef, ty: &Type) -> Option<Encoded> {
    let rows = array.len();
    let mut out = Encoded::with_capacity(rows);
    match ty {
        Type::Array(item) => {
            let list = array.as_list_opt::<i32>()?;
            let items = encode(list.values(), &item.ty)?;
            let offsets = list.value_offsets();
            for row in 0..rows {
                if out.mark(list.nulls(), row) {
                    let (first, behind) = range(offsets, row)?;
                    out.count(behind - first)?;
                    out.bytes.extend_from_slice(items.rows(first, behind));
                    out.end();
                }
            }
        }
        Type::Map(value) => map(array, value, &mut out)?,
        Type::Record(fields) => {
            let record = array.as_struct_opt()?;
            let columns = record.columns();
            if columns.len() != fields.len() {
                return None;
            }
            let parts =
                columns.iter().zip(fields).map(|(c, f)| encode(c, &f.ty)).collect::<Option<Vec<_>>>()?;
            for row in 0..rows {
                if out.mark(record.nulls(), row) {
                    parts.iter().for_each(|part| out.bytes.extend_from_slice(part.row(row)));
                    out.end();
                }
            }
        }
        Type::Union(branches) => union(array.as_union_opt()?, branches, &mut out)?,
        _ => plain(array, ty, &mut out)?,
    }
    Some(out)
}

fn range(offsets: &[i32], row: usize) -> Option<(usize, usize)> {
    let (first, behind) = (*offsets.get(row)?, *offsets.get(row + 1)?);
    Some((usize::try_from(first).ok()?, usize::try_from(behind).ok()?))
}

/// The entries of a map in the order of the bytes of their keys.
fn map(array: &ArrayRef, value: &Element, out: &mut Encoded) -> Option<()> {
    let map = array.as_map_opt()?;
    let keys = map.keys().as_string_opt::<i32>()?;
    let values = encode(map.values(), &value.ty)?;
    let mut order: Vec<usize> = Vec::new();
    for row in 0..map.len() {
        if out.mark(map.nulls(), row) {
            let (first, behind) = range(map.value_offsets(), row)?;
            out.count(behind - first)?;
            order.clear();
            order.extend(first..behind);
            order.sort_by(|a, b| keys.value(*a).as_bytes().cmp(keys.value(*b).as_bytes()));
            for at in &order {
                let key = keys.value(*at).as_bytes();
                out.count(key.len())?;
                out.bytes.extend_from_slice(key);
                out.bytes.extend_from_slice(values.row(*at));
            }
            out.end();
        }
    }
    Some(())
}

/// The position of the branch, and its value without a marker.
fn union(union: &UnionArray, branches: &[Element], out: &mut Encoded) -> Option<()> {
    let ids = || (0_i8..).take(branches.len());
    let known = union.type_ids().iter().all(|id| ids().any(|known| known == *id));
    if !known || union.offsets().is_none() {
        return None;
    }
    let parts = branches.iter().zip(ids()).map(|(b, id)| encode(union.child(id), &b.ty));
    let parts = parts.collect::<Option<Vec<_>>>()?;
    for row in 0..union.len() {
        let branch = usize::try_from(union.type_id(row)).ok()?;
        let value = parts.get(branch)?.row(union.value_offset(row));
        match value.split_first()? {
            (0, _) => out.bytes.push(0),
            (_, value) => {
                out.bytes.push(1);
                out.count(branch)?;
                out.bytes.extend_from_slice(value);
            }
        }
        out.end();
    }
    Some(())
}

/// A column of values without parts.
fn plain(array: &ArrayRef, ty: &Type, out: &mut Encoded) -> Option<()> {
    let nulls = array.nulls();
    let values = values(array, ty)?;
    for row in 0..array.len() {
        if !out.mark(nulls, row) {
            continue;
        }
        match &values {
            Values::Bits(v) => out.bytes.push(u8::from(v.value(row))),
            Values::Int32(v) => out.bytes.extend(i64::from(v[row]).to_le_bytes()),
            Values::Int64(v) => out.bytes.extend(v[row].to_le_bytes()),
            Values::Float32(v) => {
                let bits = if v[row].is_nan() { 0x7fc0_0000 } else { v[row].to_bits() };
                out.bytes.extend(bits.to_le_bytes());
            }
            Values::Float64(v) => {
                let bits = if v[row].is_nan() { 0x7ff8_0000_0000_0000 } else { v[row].to_bits() };
                out.bytes.extend(bits.to_le_bytes());
            }
            Values::Int128(v) => out.bytes.extend(v[row].to_le_bytes()),
            Values::Bytes(offsets, data) => {
                let (first, behind) = range(offsets, row)?;
                out.count(behind - first)?;
                out.bytes.extend_from_slice(data.get(first..behind)?);
            }
            Values::Fixed(data, size) => {
                out.count(*size)?;
                out.bytes.extend_from_slice(data.get(row * size..(row + 1) * size)?);
            }
            Values::Spans(v) => out.bytes.extend(span(&v[row])),
            Values::Encoded(_) => return None,
        }
        out.end();
    }
    Some(())
}
