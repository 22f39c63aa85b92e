//! Inferred contracts: type by type.

use crate::model::Contract;
use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use std::sync::Arc;

fn schema(columns: Vec<(&str, DataType)>) -> Schema {
    Schema::new(columns.into_iter().map(|(n, t)| Field::new(n, t, true)).collect::<Vec<_>>())
}

#[test]
fn every_type_of_a_query_has_its_contract_type() {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    let utc = || Some("+00:00".into());
    let dictionary = |v: DataType| DataType::Dictionary(Box::new(DataType::Int32), Box::new(v));
    let list = |item: DataType| DataType::List(Arc::new(Field::new_list_field(item, true)));
    let pair = |a: &str, b: &str| {
        Fields::from(vec![Field::new(a, DataType::Utf8, false), Field::new(b, DataType::Int64, true)])
    };
    let map = |pair: Fields| DataType::Map(Arc::new(Field::new("any", DataType::Struct(pair), false)), true);
    for (ty, wanted) in [
        (DataType::Boolean, "boolean"),
        (DataType::Int8, "int"),
        (DataType::Int16, "int"),
        (DataType::Int32, "int"),
        (DataType::UInt8, "int"),
        (DataType::UInt16, "int"),
        (DataType::UInt32, "long"),
        (DataType::Int64, "long"),
        (DataType::UInt64, "decimal(20,0)"),
        (DataType::Float16, "float"),
        (DataType::Float32, "float"),
        (DataType::Float64, "double"),
        (DataType::Utf8, "string"),
        (DataType::LargeUtf8, "string"),
        (DataType::Utf8View, "string"),
        (dictionary(DataType::Utf8), "string"),
        (dictionary(DataType::Int64), "long"),
        (DataType::Binary, "bytes"),
        (DataType::LargeBinary, "bytes"),
        (DataType::BinaryView, "bytes"),
        (DataType::FixedSizeBinary(16), "fixed(16)"),
        (DataType::Interval(IntervalUnit::MonthDayNano), "duration"),
        (DataType::Decimal32(9, 2), "decimal(9,2)"),
        (DataType::Decimal64(18, 0), "decimal(18,0)"),
        (DataType::Decimal128(38, 38), "decimal(38,38)"),
        (DataType::Decimal128(5, -3), "decimal(8,0)"),
        (DataType::Decimal256(30, 4), "decimal(30,4)"),
        (list(DataType::Int8), "{array: int?}"),
        (DataType::LargeList(Arc::new(Field::new("element", DataType::Utf8View, false))), "{array: string}"),
        (DataType::Struct(pair("a", "b")), "{record: {a: string, b: long?}}"),
        (map(pair("keys", "values")), "{map: long?}"),
        (DataType::Date32, "date"),
        (DataType::Date64, "date"),
        (DataType::Time32(Second), "time-millis"),
        (DataType::Time32(Millisecond), "time-millis"),
        (DataType::Time64(Microsecond), "time-micros"),
        (DataType::Time64(Nanosecond), "time-micros"),
        (DataType::Timestamp(Second, utc()), "timestamp-millis"),
        (DataType::Timestamp(Millisecond, utc()), "timestamp-millis"),
        (DataType::Timestamp(Microsecond, utc()), "timestamp-micros"),
        (DataType::Timestamp(Nanosecond, utc()), "timestamp-micros"),
        (DataType::Timestamp(Second, None), "local-timestamp-millis"),
        (DataType::Timestamp(Millisecond, None), "local-timestamp-millis"),
        (DataType::Timestamp(Microsecond, None), "local-timestamp-micros"),
        (DataType::Timestamp(Nanosecond, None), "local-timestamp-micros"),
    ] {
        let schema = schema(vec![("a", ty.clone())]);
        let contract = Contract::from_arrow("c", 1, &schema).unwrap();
        assert_eq!(contract.fields[0].ty.to_string(), wanted, "{ty}");
        // What is inferred fits what it was inferred from, and an empty batch goes through.
        let coercion = crate::coerce::check(&schema, &contract).unwrap();
        let empty = arrow::record_batch::RecordBatch::new_empty(Arc::new(schema));
        assert_eq!(coercion.apply(&empty).unwrap().batch.schema(), contract.arrow_schema());
    }
}

#[test]
fn nullability_is_that_of_the_schema() {
    let schema =
        Schema::new(vec![Field::new("a", DataType::Int64, false), Field::new("b", DataType::Int64, true)]);
    let contract = Contract::from_arrow("c", 4, &schema).unwrap();
    assert_eq!(contract.id(), "c@4");
    assert_eq!((contract.fields[0].nullable, contract.fields[1].nullable), (false, true));
    assert!(contract.key.is_empty() && contract.event_time.is_none());
}

#[test]
fn what_has_no_contract_type_is_named() {
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Decimal256(60, 2), true)));
    let schema = schema(vec![
        ("items", list),
        ("a", DataType::Int64),
        ("count(*)", DataType::Int64),
        ("A", DataType::Int64),
        ("nothing", DataType::Null),
        ("span", DataType::Duration(TimeUnit::Second)),
        ("big", DataType::Decimal256(60, 2)),
    ]);
    let error = Contract::from_arrow("c", 1, &schema).unwrap_err();
    let found: Vec<_> = error
        .all()
        .map(|e| {
            assert!(e.next_step().is_some());
            format!("{} {:?}", e.code().name, e.where_().field.as_deref().unwrap())
        })
        .collect();
    assert_eq!(
        found,
        [
            "ST0031 \"items\"",
            "ST0006 \"count(*)\"",
            "ST0004 \"A\"",
            "ST0031 \"nothing\"",
            "ST0031 \"span\"",
            "ST0031 \"big\"",
        ]
    );
    assert_eq!(Contract::from_arrow("a b", 1, &Schema::empty()).unwrap_err().all().count(), 2);
}
