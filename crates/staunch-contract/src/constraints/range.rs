//! `min` and `max`: numbers, dates and times.

use super::value::Literal;
use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;
use arrow::datatypes::DataType;

const BELOW: &str = "is below the `min` of its contract";
const ABOVE: &str = "is above the `max` of its contract";

/// A lowest and a highest value, both of them allowed.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub(super) min: Option<Literal>,
    pub(super) max: Option<Literal>,
}

impl Range {
    /// `None` for a column that has no order.
    pub(super) fn find(&self, column: &ArrayRef, note: &mut dyn FnMut(usize, &'static str)) -> Option<()> {
        let data = column.to_data();
        let nulls = column.nulls();
        let whole = |literal: &Option<Literal>, otherwise: i128| match literal {
            Some(literal) => literal.whole(),
            None => Some(otherwise),
        };
        let float = |literal: &Option<Literal>, otherwise: f64| match literal {
            Some(literal) => literal.float(),
            None => Some(otherwise),
        };
        match column.data_type() {
            DataType::Int32 | DataType::Date32 | DataType::Time32(_) => {
                // The bounds are values of the type, or its ends.
                let low = i32::try_from(whole(&self.min, i32::MIN.into())?).ok()?;
                let high = i32::try_from(whole(&self.max, i32::MAX.into())?).ok()?;
                outside(data.buffer::<i32>(0).get(..column.len())?, nulls, low, high, note);
            }
            DataType::Int64 | DataType::Time64(_) | DataType::Timestamp(..) => {
                let low = i64::try_from(whole(&self.min, i64::MIN.into())?).ok()?;
                let high = i64::try_from(whole(&self.max, i64::MAX.into())?).ok()?;
                outside(data.buffer::<i64>(0).get(..column.len())?, nulls, low, high, note);
            }
            DataType::Decimal128(..) => {
                let (low, high) = (whole(&self.min, i128::MIN)?, whole(&self.max, i128::MAX)?);
                outside(data.buffer::<i128>(0).get(..column.len())?, nulls, low, high, note);
            }
            DataType::Float32 => {
                // The bound as the type holds it: 0.1 is within `max: 0.1`.
                let low = float(&self.min, f64::NEG_INFINITY)? as f32;
                let high = float(&self.max, f64::INFINITY)? as f32;
                outside(data.buffer::<f32>(0).get(..column.len())?, nulls, low, high, note);
            }
            DataType::Float64 => {
                let (low, high) = (float(&self.min, f64::NEG_INFINITY)?, float(&self.max, f64::INFINITY)?);
                outside(data.buffer::<f64>(0).get(..column.len())?, nulls, low, high, note);
            }
            _ => return None,
        }
        Some(())
    }
}

/// Tells the values that are not within the bounds. What is not ordered at all (NaN) is within none.
fn outside<T: PartialOrd + Copy>(
    values: &[T],
    nulls: Option<&NullBuffer>,
    low: T,
    high: T,
    note: &mut dyn FnMut(usize, &'static str),
) {
    // One pass without branches; what lies under nulls may make it find something, and then each row is looked at.
    let any = values.iter().fold(false, |any, v| any | !((*v >= low) & (*v <= high)));
    if !any {
        return;
    }
    for (row, value) in values.iter().enumerate() {
        let reached = *value >= low;
        if reached & (*value <= high) || nulls.is_some_and(|n| n.is_null(row)) {
            continue;
        }
        note(row, if reached { ABOVE } else { BELOW });
    }
}
