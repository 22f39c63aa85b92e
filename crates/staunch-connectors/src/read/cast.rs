//! Values of another type than the contract's, cast if, and only if, nothing of them is lost.
//!
//! What Avro promotes is cast (int to long, float, double; string to bytes and back), and so is the other way round, value by value: a
//! value is cast there and back, and has to be what it was. So a long that is small enough is an int, and one that no double holds is none.

use crate::read::fault::{Fault, NULL, WIDER};
use arrow::array::{Array, ArrayRef};
use arrow::compute::kernels::cmp::distinct;
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::DataType;
use staunch_contract::Type;

/// Whether values of an Arrow type may be values of the contract's type.
pub(crate) fn casts(from: &DataType, to: &Type) -> bool {
    use DataType as D;
    let from = match from {
        D::Dictionary(_, values) => values.as_ref(),
        other => other,
    };
    let decimal = matches!(from, D::Decimal32(..) | D::Decimal64(..) | D::Decimal128(..) | D::Decimal256(..));
    match to {
        Type::Int | Type::Long => from.is_integer() || from.is_floating() || decimal,
        Type::Float | Type::Double => from.is_integer() || from.is_floating(),
        // There and back again, a decimal near a floating-point number is taken for it: they are not cast.
        Type::Decimal { .. } => from.is_integer() || decimal,
        Type::String => matches!(from, D::Binary | D::LargeBinary | D::BinaryView),
        Type::Bytes => matches!(from, D::Utf8 | D::LargeUtf8 | D::Utf8View),
        Type::TimeMillis | Type::TimeMicros => matches!(from, D::Time32(_) | D::Time64(_)),
        Type::TimestampMillis | Type::TimestampMicros | Type::TimestampNanos => {
            matches!(from, D::Timestamp(_, Some(_)))
        }
        Type::LocalTimestampMillis | Type::LocalTimestampMicros | Type::LocalTimestampNanos => {
            matches!(from, D::Timestamp(_, None))
        }
        _ => false,
    }
}

/// The column as one of the contract's type. Rows whose value is not exactly one of it are at fault, as are nulls where there may be none.
/// `None` if Arrow cannot cast it at all.
pub(crate) fn exactly(
    array: &ArrayRef,
    to: &DataType,
    nullable: bool,
    fault: &mut dyn FnMut(usize, Fault),
) -> Option<ArrayRef> {
    let options = CastOptions { safe: true, ..CastOptions::default() };
    let array = match array.data_type() {
        DataType::Dictionary(_, values) => cast_with_options(array, values, &options).ok()?,
        _ => array.clone(),
    };
    let cast = cast_with_options(&array, to, &options).ok()?;
    let back = cast_with_options(&cast, array.data_type(), &options).ok()?;
    let other = distinct(&back, &array).ok()?;
    for row in 0..array.len() {
        if array.is_null(row) {
            if !nullable {
                fault(row, NULL);
            }
        } else if cast.is_null(row) || other.value(row) {
            fault(row, WIDER);
        }
    }
    Some(cast)
}

#[cfg(test)]
mod tests {
    use super::{casts, exactly};
    use arrow::array::{
        Array, ArrayRef, BinaryArray, Decimal128Array, Float64Array, Int32Array, Int64Array, StringArray,
        TimestampNanosecondArray,
    };
    use staunch_contract::Type;
    use std::sync::Arc;

    /// The rows that are no values of the type.
    fn lost(array: impl Array + 'static, ty: &Type) -> Vec<usize> {
        let array: ArrayRef = Arc::new(array);
        assert!(casts(array.data_type(), ty), "{} as {ty}", array.data_type());
        let mut rows = Vec::new();
        let cast = exactly(&array, &ty.arrow(), true, &mut |row, _| rows.push(row)).unwrap();
        assert_eq!(cast.data_type(), &ty.arrow());
        rows
    }

    #[test]
    fn what_is_cast_is_what_it_was() {
        let big = (1_i64 << 53) + 1;
        let longs = || Int64Array::from(vec![Some(7), None, Some(3_000_000_000), Some(big), Some(i64::MAX)]);
        assert_eq!(lost(longs(), &Type::Int), [2, 3, 4]);
        assert_eq!(lost(longs(), &Type::Double), [3, 4]);
        assert_eq!(lost(longs(), &Type::Decimal { precision: 12, scale: 2 }), [3, 4]);
        assert_eq!(lost(Int32Array::from(vec![1 << 24, (1 << 24) + 1]), &Type::Float), [1]);
        let doubles = Float64Array::from(vec![2.0, 2.5, 0.1, f64::NAN, 1e300, -0.0, f64::INFINITY]);
        assert_eq!(lost(doubles.clone(), &Type::Long), [1, 2, 3, 4, 5, 6]);
        assert_eq!(lost(doubles, &Type::Float), [2, 4]);
        let money =
            Decimal128Array::from(vec![100, 150, 12_345_600]).with_precision_and_scale(20, 2).unwrap();
        assert_eq!(lost(money.clone(), &Type::Int), [1]);
        assert_eq!(lost(money, &Type::Decimal { precision: 5, scale: 1 }), [2]);
        assert_eq!(lost(BinaryArray::from(vec![&b"ok"[..], b"\xFF"]), &Type::String), [1]);
        assert_eq!(lost(StringArray::from(vec!["ä", ""]), &Type::Bytes), [0_usize; 0]);
        let nanos = || TimestampNanosecondArray::from(vec![1_000, 1_001, -1_000, -1]);
        assert_eq!(lost(nanos(), &Type::LocalTimestampMicros), [1, 3]);
        assert_eq!(lost(nanos().with_timezone("+02:00"), &Type::TimestampMicros), [1, 3]);
    }

    #[test]
    fn what_means_something_else_is_not_cast() {
        let local = TimestampNanosecondArray::from(vec![1]);
        assert!(!casts(local.data_type(), &Type::TimestampMicros));
        assert!(!casts(&arrow::datatypes::DataType::Utf8, &Type::Int));
        assert!(!casts(&arrow::datatypes::DataType::Float64, &Type::Decimal { precision: 9, scale: 2 }));
        assert!(!casts(&arrow::datatypes::DataType::Int32, &Type::Date));
    }
}
