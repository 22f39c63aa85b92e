//! The one type of several values, where the rules of this crate say it: doubles beside decimals, timestamps beside dates, and the same
//! inside of lists, records and maps.

use arrow::datatypes::{DataType, Field, FieldRef, Fields};
use std::sync::Arc;

/// The most digits of a decimal.
pub(super) const MOST_DIGITS: u8 = 38;

/// The type of all of these; `None` where the rules say nothing, or no type holds them: then DataFusion's rules do.
pub(super) fn common<'a>(types: impl IntoIterator<Item = &'a DataType>) -> Option<DataType> {
    types.into_iter().try_fold(DataType::Null, |all, ty| two(&all, ty))
}

fn two(a: &DataType, b: &DataType) -> Option<DataType> {
    match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        (a, b) if a.is_numeric() && b.is_numeric() => number(a, b),
        (DataType::Date32, moment @ DataType::Timestamp(_, _))
        | (moment @ DataType::Timestamp(_, _), DataType::Date32) => Some(moment.clone()),
        // The finer unit.
        (DataType::Timestamp(a, zone), DataType::Timestamp(b, other)) if zone == other => {
            Some(DataType::Timestamp(*a.max(b), zone.clone()))
        }
        (DataType::List(a), DataType::List(b)) => Some(DataType::List(field(a, b)?)),
        (DataType::LargeList(a), DataType::LargeList(b)) => Some(DataType::LargeList(field(a, b)?)),
        (DataType::Struct(a), DataType::Struct(b)) => Some(DataType::Struct(record(a, b)?)),
        (DataType::Map(a, sorted), DataType::Map(b, other)) if sorted == other => {
            Some(DataType::Map(field(a, b)?, *sorted))
        }
        _ => None,
    }
}

fn number(a: &DataType, b: &DataType) -> Option<DataType> {
    let decimals = a.is_decimal() || b.is_decimal();
    if a.is_floating() || b.is_floating() {
        let wide = decimals || *a == DataType::Float64 || *b == DataType::Float64;
        return wide.then_some(DataType::Float64);
    }
    if !decimals {
        return (a.is_signed_integer() && b.is_signed_integer())
            .then(|| if a.primitive_width() < b.primitive_width() { b.clone() } else { a.clone() });
    }
    let ((front, behind), (f, b)) = (digits(a)?, digits(b)?);
    let (front, behind) = (front.max(f), behind.max(b));
    let precision = front.checked_add(behind).filter(|digits| *digits <= MOST_DIGITS)?;
    Some(DataType::Decimal128(precision, i8::try_from(behind).ok()?))
}

/// The digits in front of the point, and behind it, that DataFusion gives a number beside decimals.
fn digits(ty: &DataType) -> Option<(u8, u8)> {
    Some(match ty {
        DataType::Decimal128(precision, scale) => {
            let behind = u8::try_from(*scale).ok()?;
            (precision.checked_sub(behind)?, behind)
        }
        DataType::Int8 => (3, 0),
        DataType::Int16 => (5, 0),
        DataType::Int32 => (10, 0),
        DataType::Int64 => (20, 0),
        _ => return None,
    })
}

/// A part of both, under the name that it has in the first.
fn field(a: &FieldRef, b: &FieldRef) -> Option<FieldRef> {
    let ty = two(a.data_type(), b.data_type())?;
    let made = Field::new(a.name(), ty, a.is_nullable() || b.is_nullable());
    Some(Arc::new(made.with_metadata(a.metadata().clone())))
}

/// Records with the same fields: those of the first, each with its namesake.
fn record(a: &Fields, b: &Fields) -> Option<Fields> {
    if a.len() != b.len() {
        return None;
    }
    let made: Option<Vec<FieldRef>> = a.iter().map(|a| field(a, b.find(a.name())?.1)).collect();
    made.map(Fields::from)
}

/// The types without parts that a type is made of, each with its place in it: of a list `[]`, of a record `.name`.
pub(super) fn leaves(ty: &DataType, at: &str, found: &mut Vec<(String, DataType)>) {
    match ty {
        DataType::List(part) | DataType::LargeList(part) | DataType::FixedSizeList(part, _) => {
            leaves(part.data_type(), &format!("{at}[]"), found);
        }
        DataType::Map(entries, _) => leaves(entries.data_type(), &format!("{at}{{}}"), found),
        DataType::Struct(fields) => {
            for part in fields {
                leaves(part.data_type(), &format!("{at}.{}", part.name()), found);
            }
        }
        other => found.push((at.to_owned(), other.clone())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::TimeUnit;

    fn list(ty: DataType) -> DataType {
        DataType::new_list(ty, true)
    }

    #[test]
    fn doubles_win_over_decimals_wherever_they_stand_and_null_over_nothing() {
        let (decimal, double) = (DataType::Decimal128(9, 2), DataType::Float64);
        for types in [[&decimal, &double, &DataType::Null], [&DataType::Null, &decimal, &double]] {
            assert_eq!(common(types), Some(DataType::Float64));
        }
        assert_eq!(common([&decimal, &DataType::Float32]), Some(DataType::Float64));
        assert_eq!(common([&list(decimal.clone()), &list(double.clone())]), Some(list(double.clone())));
        assert_eq!(common([&list(DataType::Null), &list(decimal.clone())]), Some(list(decimal.clone())));
        let record = |ty: &DataType| DataType::Struct(Fields::from(vec![Field::new("a", ty.clone(), true)]));
        assert_eq!(common([&record(&decimal), &record(&double)]), Some(record(&double)));
        assert_eq!(common([&decimal, &DataType::Int32]), Some(DataType::Decimal128(12, 2)));
        assert_eq!(common([&DataType::Int32, &DataType::Int64]), Some(DataType::Int64));
        assert_eq!(common([&DataType::Decimal128(38, 0), &DataType::Decimal128(38, 10)]), None);
        assert_eq!(common([&DataType::Date32, &DataType::Int32]), None);
        let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let millis = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        for order in [[&DataType::Date32, &millis, &moment], [&moment, &millis, &DataType::Date32]] {
            assert_eq!(common(order), Some(moment.clone()));
        }
        let pair = |names: [&str; 2], ty: &DataType| {
            let fields =
                [(names[0], ty), (names[1], &DataType::Int64)].map(|(n, t)| Field::new(n, t.clone(), true));
            DataType::Struct(Fields::from(fields.to_vec()))
        };
        let turned = DataType::Struct(Fields::from(vec![
            Field::new("b", DataType::Int64, true),
            Field::new("a", double.clone(), true),
        ]));
        assert_eq!(common([&pair(["a", "b"], &decimal), &turned]), Some(pair(["a", "b"], &double)));
    }
}
