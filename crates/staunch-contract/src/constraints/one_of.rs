//! `one_of`: texts, whole numbers, decimals, dates and times.

use super::value::Literal;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;
use std::collections::HashSet;

const NONE: &str = "is none of the values that `one_of` of its contract lists";

/// So many values are compared one by one; more are looked up.
const FEW: usize = 12;

/// A list of values.
#[derive(Debug, Clone)]
pub(super) struct OneOf {
    texts: Values<Box<str>>,
    numbers: Values<i128>,
}

#[derive(Debug, Clone)]
enum Values<T> {
    Few(Vec<T>),
    Many(HashSet<T>),
}

impl<T: Eq + std::hash::Hash> Values<T> {
    fn new(all: Vec<T>) -> Self {
        if all.len() <= FEW { Self::Few(all) } else { Self::Many(all.into_iter().collect()) }
    }

    fn has<Q: Eq + std::hash::Hash + ?Sized>(&self, value: &Q) -> bool
    where
        T: std::borrow::Borrow<Q>,
    {
        match self {
            Self::Few(all) => all.iter().any(|v| v.borrow() == value),
            Self::Many(all) => all.contains(value),
        }
    }
}

impl OneOf {
    pub(super) fn new(values: &[Literal]) -> Self {
        Self {
            texts: Values::new(values.iter().filter_map(|v| v.string().map(Box::from)).collect()),
            numbers: Values::new(values.iter().filter_map(Literal::whole).collect()),
        }
    }

    /// `None` for a column of a type whose values cannot be listed.
    pub(super) fn find(&self, column: &ArrayRef, note: &mut dyn FnMut(usize, &'static str)) -> Option<()> {
        let mut look = |good: &dyn Fn(usize) -> bool| {
            (0..column.len())
                .filter(|row| !good(*row) && column.is_valid(*row))
                .for_each(|row| note(row, NONE));
        };
        let data = column.to_data();
        match column.data_type() {
            DataType::Utf8 => {
                let texts = column.as_string_opt::<i32>()?;
                look(&|row| self.texts.has(texts.value(row)));
            }
            DataType::Int32 | DataType::Date32 | DataType::Time32(_) => {
                let values = data.buffer::<i32>(0).get(..column.len())?;
                look(&|row| self.numbers.has(&i128::from(values[row])));
            }
            DataType::Int64 | DataType::Time64(_) | DataType::Timestamp(..) => {
                let values = data.buffer::<i64>(0).get(..column.len())?;
                look(&|row| self.numbers.has(&i128::from(values[row])));
            }
            DataType::Decimal128(..) => {
                let values = data.buffer::<i128>(0).get(..column.len())?;
                look(&|row| self.numbers.has(&values[row]));
            }
            _ => return None,
        }
        Some(())
    }
}
