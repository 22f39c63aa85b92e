//! One value of a column at any depth: decided once, then applied to batches.

use super::fit::{Fit, fit};
use crate::model::{Element, Type};
use arrow::datatypes::{DataType, FieldRef};
use std::sync::Arc;

/// How a column, or a part of it, becomes what the contract says.
#[derive(Debug, Clone)]
pub(super) struct Part {
    /// Where it stands, as dead letters name it: `address.zip`, `tags[]`, `attributes{}`.
    pub(super) path: Arc<str>,
    /// The type that was found.
    pub(super) found: DataType,
    /// The contract's type: in Arrow, and its name.
    pub(super) wanted: DataType,
    pub(super) type_name: Arc<str>,
    pub(super) way: Way,
    /// Whether nulls are to be refused although they may come.
    pub(super) refuse_nulls: bool,
    pub(super) asserted: Asserted,
}

/// The way of values into the type.
#[derive(Debug, Clone)]
pub(super) enum Way {
    Plain(Fit),
    /// Lists of any kind; the items.
    Array(Box<Part>),
    /// The keys and the values.
    Map(Box<Part>, Box<Part>),
    /// The fields, each with the position of its column in the struct that comes in.
    Record(Vec<(usize, Part)>),
    /// The branches, in their order: a union only ever comes as it is.
    Union(Vec<Part>),
}

/// What a value is asserted to be.
#[derive(Debug, Clone)]
pub(super) enum Asserted {
    Nothing,
    Symbol(Arc<[String]>),
    Uuid,
    /// Not negative, in whole milliseconds that 32 bits hold.
    Duration,
}

impl Part {
    /// The way of `found` into a type, and the assertions that it needs, one line each. `None` if there is none.
    pub(super) fn new(
        path: &str,
        found: &DataType,
        may_be_null: bool,
        ty: &Type,
        nullable: bool,
        notes: &mut Vec<String>,
    ) -> Option<Self> {
        let refuse_nulls = may_be_null && !nullable;
        if refuse_nulls {
            notes.push(format!("`{path}` is never null"));
        }
        let (way, note) = way(path, found, ty, nullable, notes)?;
        if let Some(note) = note {
            notes.push(format!("`{path}` {note}"));
        }
        let asserted = match ty {
            Type::Enum(symbols) => {
                notes.push(format!("`{path}` is one of the {} symbols of its enum", symbols.len()));
                Asserted::Symbol(symbols.as_slice().into())
            }
            Type::Uuid => {
                notes.push(format!("`{path}` is a uuid in canonical lower case"));
                Asserted::Uuid
            }
            Type::Duration => {
                notes.push(format!("`{path}` is not negative and of whole milliseconds"));
                Asserted::Duration
            }
            _ => Asserted::Nothing,
        };
        Some(Self {
            path: path.into(),
            found: found.clone(),
            wanted: ty.arrow(),
            type_name: ty.to_string().into(),
            way,
            refuse_nulls,
            asserted,
        })
    }

    /// Whether every value passes as it is, without a look at it.
    pub(super) fn is_identity(&self) -> bool {
        !self.refuse_nulls
            && matches!(self.asserted, Asserted::Nothing)
            && self.found == self.wanted
            && match &self.way {
                Way::Plain(fit) => *fit == Fit::Same,
                Way::Array(part) => part.is_identity(),
                Way::Map(key, value) => key.is_identity() && value.is_identity(),
                Way::Record(fields) => fields.iter().all(|(_, part)| part.is_identity()),
                Way::Union(branches) => branches.iter().all(Self::is_identity),
            }
    }
}

fn way(
    path: &str,
    found: &DataType,
    ty: &Type,
    nullable: bool,
    notes: &mut Vec<String>,
) -> Option<(Way, Option<String>)> {
    if !ty.is_nested() || *found == DataType::Null {
        let (fit, note) = fit(found, ty, nullable)?;
        return Some((Way::Plain(fit), note));
    }
    let mut inner = |path: String, from: &FieldRef, to: &Element| {
        Part::new(&path, from.data_type(), from.is_nullable(), &to.ty, to.nullable, notes)
    };
    let way = match (ty, found) {
        (
            Type::Array(to),
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _),
        ) => Way::Array(inner(format!("{path}[]"), item, to)?.into()),
        (Type::Map(to), DataType::Map(entries, _)) => {
            let DataType::Struct(pair) = entries.data_type() else { return None };
            let (key, value) = (pair.first()?, pair.get(1)?);
            let text = Element::new(Type::String, false);
            let key = inner(format!("{path}{{key}}"), key, &text)?;
            Way::Map(key.into(), inner(format!("{path}{{}}"), value, to)?.into())
        }
        (Type::Record(fields), DataType::Struct(columns)) => {
            // What the contract does not have would be lost in silence.
            if fields.len() != columns.len() {
                return None;
            }
            let mut parts = Vec::with_capacity(fields.len());
            for field in fields {
                let (at, column) = columns.find(&field.name)?;
                let to = Element::new(field.ty.clone(), field.nullable);
                parts.push((at, inner(format!("{path}.{}", field.name), column, &to)?));
            }
            Way::Record(parts)
        }
        (Type::Union(branches), DataType::Union(columns, _)) if *found == ty.arrow() => {
            let mut parts = Vec::with_capacity(branches.len());
            for (branch, (_, column)) in branches.iter().zip(columns.iter()) {
                // A null in a branch is a null union, which is looked at where the union stands.
                let to = Element::new(branch.ty.clone(), true);
                parts.push(inner(format!("{path}({})", branch.branch()), column, &to)?);
            }
            Way::Union(parts)
        }
        _ => return None,
    };
    Some((way, None))
}
