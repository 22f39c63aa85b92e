//! Values with parts to JSON: the kinds of all parts are resolved once for a batch, like those of plain columns.

use super::encode::{KEY, Key, Values};
use super::text::{Text, WIDEST};
use crate::formats::json_union::UnionForm;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::buffer::NullBuffer;
use staunch_contract::Type;

/// What an encoder keeps of a type with parts: the texts around them.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    /// It has no parts.
    Plain,
    Array(Box<Shape>),
    Map(Box<Shape>),
    Record(Vec<(Key, Shape)>),
    /// The tags `{"branch":`.
    Union(UnionForm, Vec<(Key, Shape)>),
}

impl Shape {
    /// Contracts bound how deep types nest.
    pub(super) fn new(ty: &Type) -> Self {
        match ty {
            Type::Array(item) => Self::Array(Self::new(&item.ty).into()),
            Type::Map(value) => Self::Map(Self::new(&value.ty).into()),
            Type::Record(fields) => {
                let field = |(at, f): (usize, &staunch_contract::Field)| {
                    (Key::new(&f.name, at == 0), Self::new(&f.ty))
                };
                Self::Record(fields.iter().enumerate().map(field).collect())
            }
            Type::Union(branches) => {
                let tags = branches.iter().map(|b| (Key::new(b.branch(), true), Self::new(&b.ty)));
                Self::Union(UnionForm::new(branches), tags.collect())
            }
            _ => Self::Plain,
        }
    }
}

/// The values of a part, and which of them are null.
pub(super) struct Part<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

impl<'a> Part<'a> {
    fn new(ty: &Type, shape: &'a Shape, array: &'a ArrayRef) -> Option<Self> {
        let nulls = array.nulls().filter(|n| n.null_count() > 0);
        Some(Self { nulls, values: Values::of(ty, shape, array)? })
    }

    /// Puts a value, or `null`; `fixed` bytes more have room behind it. `false` if JSON has no form for the value.
    fn put(&mut self, at: usize, out: &mut Text, fixed: usize) -> bool {
        out.reserve(WIDEST + fixed);
        if self.is_null(at) {
            out.null();
            return true;
        }
        self.values.put(at, out, fixed)
    }

    fn is_null(&self, at: usize) -> bool {
        self.nulls.is_some_and(|n| n.is_null(at))
    }
}

/// The values of a column with parts, sliced to the batch.
pub(super) enum Nested<'a> {
    Array(&'a [i32], Part<'a>),
    Map(&'a [i32], &'a [i32], &'a [u8], Part<'a>),
    Record(Vec<(&'a Key, Part<'a>)>),
    Union { ids: &'a [i8], places: &'a [i32], form: &'a UnionForm, branches: Vec<(&'a Key, Part<'a>, bool)> },
}

impl<'a> Nested<'a> {
    /// The array is of the type's Arrow form; `None` if it is not.
    pub(super) fn of(ty: &Type, shape: &'a Shape, array: &'a ArrayRef) -> Option<Self> {
        Some(match (ty, shape) {
            (Type::Array(item), Shape::Array(inner)) => {
                let list = array.as_list_opt::<i32>()?;
                Self::Array(list.value_offsets(), Part::new(&item.ty, inner, list.values())?)
            }
            (Type::Map(value), Shape::Map(inner)) => {
                let map = array.as_map_opt()?;
                let keys = map.keys().as_string_opt::<i32>()?;
                let part = Part::new(&value.ty, inner, map.values())?;
                Self::Map(map.value_offsets(), keys.value_offsets(), keys.value_data(), part)
            }
            (Type::Record(fields), Shape::Record(shapes)) => {
                let columns = array.as_struct_opt()?.columns();
                let parts = fields.iter().zip(shapes).zip(columns);
                let parts = parts.map(|((f, (key, shape)), c)| Some((key, Part::new(&f.ty, shape, c)?)));
                Self::Record(parts.collect::<Option<_>>()?)
            }
            (Type::Union(branches), Shape::Union(form, shapes)) => {
                let union = array.as_union_opt()?;
                let parts = branches.iter().zip(shapes).zip(0_i8..).map(|((b, (tag, shape)), id)| {
                    let floating = matches!(b.ty, Type::Float | Type::Double);
                    Some((tag, Part::new(&b.ty, shape, union.child(id))?, floating))
                });
                let branches = parts.collect::<Option<_>>()?;
                Self::Union { ids: union.type_ids(), places: union.offsets()?, form, branches }
            }
            _ => return None,
        })
    }

    /// Puts the value of a row that is not null (a null union is put as such); `false` if JSON has none for it.
    pub(super) fn put(&mut self, row: usize, out: &mut Text, fixed: usize) -> bool {
        match self {
            Self::Array(offsets, item) => {
                out.byte(b'[');
                let (first, behind) = (offsets[row] as usize, offsets[row + 1] as usize);
                for at in first..behind {
                    out.reserve(1 + fixed);
                    if at > first {
                        out.byte(b',');
                    }
                    if !item.put(at, out, fixed + 1) {
                        return false;
                    }
                }
                out.reserve(1 + fixed);
                out.byte(b']');
            }
            Self::Map(offsets, ends, keys, value) => {
                out.byte(b'{');
                let (first, behind) = (offsets[row] as usize, offsets[row + 1] as usize);
                for at in first..behind {
                    out.reserve(WIDEST + fixed);
                    if at > first {
                        out.byte(b',');
                    }
                    out.string(keys, ends[at] as usize, ends[at + 1] as usize, fixed + 2);
                    out.byte(b':');
                    if !value.put(at, out, fixed + 1) {
                        return false;
                    }
                }
                out.reserve(1 + fixed);
                out.byte(b'}');
            }
            Self::Record(fields) => {
                for (key, part) in fields {
                    out.reserve(key.room() + fixed);
                    key.put(out);
                    if !part.put(row, out, fixed + 1) {
                        return false;
                    }
                }
                out.reserve(1 + fixed);
                out.byte(b'}');
            }
            Self::Union { ids, places, form, branches } => {
                let place = places[row] as usize;
                let Some((tag, part, floating)) =
                    usize::try_from(ids[row]).ok().and_then(|id| branches.get_mut(id))
                else {
                    return false;
                };
                let bare = part.is_null(place) || form.is_plain();
                if bare && !(*floating && part.values.is_no_number(place) && !part.is_null(place)) {
                    return part.put(place, out, fixed);
                }
                out.reserve(KEY + tag.room() + fixed);
                tag.put(out);
                if !part.put(place, out, fixed + 1) {
                    return false;
                }
                out.reserve(1 + fixed);
                out.byte(b'}');
            }
        }
        true
    }
}
