//! The Arrow form of types: a function of the contract alone, whatever library made an array.
//!
//! | type | Arrow |
//! |---|---|
//! | `boolean`, `int`, `long`, `float`, `double`, `bytes`, `date` | `Boolean`, `Int32`, `Int64`, `Float32`, `Float64`, `Binary`, `Date32` |
//! | `string`, `enum`, `uuid` | `Utf8` |
//! | `fixed(n)` | `FixedSizeBinary(n)` |
//! | `decimal(p,s)` | `Decimal128(p, s)` |
//! | `time-millis`, `time-micros` | `Time32(ms)`, `Time64(µs)` |
//! | `timestamp-*`, `local-timestamp-*` | `Timestamp` in that unit, in `UTC`, or without a zone |
//! | `duration` | `Interval(MonthDayNano)` |
//! | `array` | `List` of a field `item` |
//! | `map` | `Map` of `entries`: `key`, a `Utf8` that is never null, and `value`; not sorted |
//! | `record` | `Struct` |
//! | `union` | dense `Union`: type ids 0, 1, ... in the order of the branches, each child named after its branch. A null is a null in the first branch: unions have no bits of their own for it |

use super::{Element, Field, Type};
use arrow::datatypes::{
    DataType, Field as ArrowField, FieldRef, Fields, IntervalUnit, Schema, SchemaRef, TimeUnit, UnionFields,
    UnionMode,
};
use std::sync::Arc;

/// The schema of these fields.
pub(super) fn schema(fields: &[Field]) -> SchemaRef {
    Arc::new(Schema::new(fields.iter().map(Field::arrow).collect::<Vec<_>>()))
}

impl Field {
    /// The Arrow field: name, type and nullability.
    #[must_use]
    pub fn arrow(&self) -> ArrowField {
        ArrowField::new(&self.name, self.ty.arrow(), self.nullable)
    }
}

impl Element {
    /// The Arrow field under this name.
    fn arrow(&self, name: &str) -> FieldRef {
        Arc::new(ArrowField::new(name, self.ty.arrow(), self.nullable))
    }
}

impl Type {
    /// The Arrow type that carries it; see the head of this module's source for the table, and `docs/contracts.md`.
    #[must_use]
    pub fn arrow(&self) -> DataType {
        let utc = || Some(Arc::from("UTC"));
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int => DataType::Int32,
            Self::Long => DataType::Int64,
            Self::Float => DataType::Float32,
            Self::Double => DataType::Float64,
            Self::Bytes => DataType::Binary,
            Self::String | Self::Enum(_) | Self::Uuid => DataType::Utf8,
            Self::Fixed(size) => DataType::FixedSizeBinary(i32::try_from(*size).unwrap_or(i32::MAX)),
            Self::Decimal { precision, scale } => {
                DataType::Decimal128(*precision, i8::try_from(*scale).unwrap_or(i8::MAX))
            }
            Self::Date => DataType::Date32,
            Self::TimeMillis => DataType::Time32(TimeUnit::Millisecond),
            Self::TimeMicros => DataType::Time64(TimeUnit::Microsecond),
            Self::TimestampMillis => DataType::Timestamp(TimeUnit::Millisecond, utc()),
            Self::TimestampMicros => DataType::Timestamp(TimeUnit::Microsecond, utc()),
            Self::TimestampNanos => DataType::Timestamp(TimeUnit::Nanosecond, utc()),
            Self::LocalTimestampMillis => DataType::Timestamp(TimeUnit::Millisecond, None),
            Self::LocalTimestampMicros => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::LocalTimestampNanos => DataType::Timestamp(TimeUnit::Nanosecond, None),
            Self::Duration => DataType::Interval(IntervalUnit::MonthDayNano),
            Self::Array(item) => DataType::List(item.arrow("item")),
            Self::Map(value) => {
                let key = Arc::new(ArrowField::new("key", DataType::Utf8, false));
                let entries = DataType::Struct(Fields::from(vec![key, value.arrow("value")]));
                DataType::Map(Arc::new(ArrowField::new("entries", entries, false)), false)
            }
            Self::Record(fields) => DataType::Struct(fields.iter().map(Field::arrow).collect()),
            Self::Union(branches) => {
                let fields = branches.iter().zip(0_i8..).map(|(branch, id)| {
                    // Every child may hold nulls: a null union is a null in its first branch.
                    let field = ArrowField::new(branch.branch(), branch.ty.arrow(), true);
                    (id, Arc::new(field))
                });
                DataType::Union(fields.collect::<UnionFields>(), UnionMode::Dense)
            }
        }
    }
}
