//! Bytes that are wrong, and bytes that are larger than they look.

use super::{decoded, encoded, schema};
use crate::avro::{Decoder, Limits, Unions, Value, framing};

fn told(text: &str, bytes: &[u8]) -> String {
    let schema = schema(text);
    decoded(&schema, &schema, bytes).unwrap_err()
}

#[test]
fn malformed_bytes_are_told_with_their_place() {
    for (text, bytes, wanted) in [
        (
            r#""int""#,
            &[0x80, 0x80, 0x80, 0x80, 0x80, 1][..],
            "a number takes more bytes than it may, at byte 0",
        ),
        (r#""int""#, &[0xff, 0xff, 0xff, 0xff, 0x7f], "a number has more than 32 bits, at byte 0"),
        (r#""long""#, &[0xff; 10], "a number takes more bytes than it may, at byte 0"),
        (r#""boolean""#, &[2], "a boolean is neither 0 nor 1, at byte 0"),
        (
            r#""string""#,
            &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            "the bytes end too early, at byte 10",
        ),
        (r#""bytes""#, &[1], "a length is negative, at byte 1"),
        (r#""string""#, &[2, 0xff], "a text is not UTF-8, at byte 0"),
        (r#"["null"]"#, &[2], "the union has no branch of this number, at byte 0"),
        (r#""double""#, &[0; 7], "the bytes end too early, at byte 0"),
        (r#""null""#, &[0], "1 bytes stand behind the value"),
        (
            r#"{"type": "array", "items": "int"}"#,
            &[1, 6, 2, 0],
            "a block is longer than the bytes, at byte 2",
        ),
        (
            r#"{"type": "array", "items": "int"}"#,
            &[1, 4, 2, 2, 0],
            "a block is not as long as it says, at byte 3",
        ),
    ] {
        assert_eq!(told(text, bytes), format!("Decode.Malformed: {wanted}"), "{text}");
    }
}

#[test]
fn what_takes_no_bytes_is_bounded() {
    let nulls = r#"{"type": "array", "items": "null"}"#;
    let mut bytes = Vec::new();
    crate::avro::encode::long(i64::MAX, &mut bytes);
    assert!(told(nulls, &bytes).contains("too many values"));
    let forever = r#"{"type": "record", "name": "r", "fields": [{"name": "r", "type": "r"}]}"#;
    assert!(told(forever, &[]).contains("nests too deep"));
    let mut text = r#"{"type": "record", "name": "r0", "fields": []}"#.to_owned();
    for n in 1..=28 {
        let below = n - 1;
        text = format!(
            r#"{{"type": "record", "name": "r{n}", "fields": [{{"name": "a", "type": {text}}}, {{"name": "b", "type": "r{below}"}}]}}"#
        );
    }
    assert!(told(&text, &[]).contains("too many values"));
    // A default is copied as often as the bytes say: its size counts.
    let default = "x".repeat(100_000);
    let item = |fields: &str| {
        format!(r#"{{"type": "array", "items": {{"type": "record", "name": "r", "fields": [{fields}]}}}}"#)
    };
    let writer = schema(&item(""));
    let reader = schema(&item(&format!(r#"{{"name": "f", "type": "string", "default": "{default}"}}"#)));
    let mut bytes = Vec::new();
    crate::avro::encode::long(1_000_000, &mut bytes);
    bytes.push(0);
    assert!(decoded(&writer, &reader, &bytes).unwrap_err().contains("too many values"));
    // What is skipped counts as well.
    let skipping = schema(r#"{"type": "record", "name": "r", "fields": []}"#);
    let writer = schema(&format!(
        r#"{{"type": "record", "name": "r", "fields": [{{"name": "f", "type": {nulls}}}]}}"#
    ));
    bytes.clear();
    crate::avro::encode::long(i64::MAX, &mut bytes);
    assert!(decoded(&writer, &skipping, &bytes).unwrap_err().contains("too many values"));
}

#[test]
fn depth_is_bounded_on_both_ways() {
    let list =
        schema(r#"{"type": "record", "name": "r", "fields": [{"name": "next", "type": ["null", "r"]}]}"#);
    let chain = |n: usize| {
        let end = Value::Record(vec![Value::Union(0, Box::new(Value::Null))]);
        (0..n).fold(end, |inner, _| Value::Record(vec![Value::Union(1, Box::new(inner))]))
    };
    let bytes = list.encode(&chain(100)).unwrap();
    let decoder = Decoder::new(&list).unwrap();
    // The writer's union counts as a level too.
    let limits = Limits { depth: 100, ..Limits::default() };
    assert_eq!(list.encode(&chain(127)).map(|b| b.len()).ok(), Some(128));
    assert!(list.encode(&chain(128)).unwrap_err().message().contains("nests deeper than 256"));
    assert!(
        decoder.clone().with_limits(limits).decode(&bytes).unwrap_err().message().contains("nests too deep")
    );
    assert!(decoder.decode(&[2; 1_000_000]).unwrap_err().message().contains("nests too deep"));
    assert_eq!(decoder.decode(&list.encode(&chain(60)).unwrap()).unwrap(), chain(60));
}

#[test]
fn blocks_with_sizes_are_read_and_skipped() {
    let writer = schema(
        r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": {"type": "array", "items": "long"}}, {"name": "b", "type": "int"}]}"#,
    );
    // Two items in two bytes, one item, the end; then 5.
    let bytes = [3, 4, 2, 4, 2, 6, 0, 10];
    assert_eq!(decoded(&writer, &writer, &bytes), Ok(r#"{"a":[1,2,3],"b":5}"#.to_owned()));
    let reader = schema(r#"{"type": "record", "name": "r", "fields": [{"name": "b", "type": "int"}]}"#);
    assert_eq!(decoded(&writer, &reader, &bytes), Ok(r#"{"b":5}"#.to_owned()));
}

#[test]
fn a_value_of_another_schema_is_not_written() {
    let schema = schema(
        r#"{"type": "record", "name": "r", "fields": [{"name": "a", "type": {"type": "map", "values": "int"}}]}"#,
    );
    let value = Value::Record(vec![Value::Map(vec![("k".to_owned(), Value::String("secret".to_owned()))])]);
    let mut out = vec![9];
    let error = schema.encode_into(&value, &mut out).unwrap_err();
    assert_eq!(error.to_string(), "Decode.Type: string is no value of int (field `a/{}`)");
    assert_eq!(out, [9], "nothing is left behind");
}

#[test]
fn json_has_both_forms() {
    let schema = schema(
        r#"{"type": "record", "name": "r", "fields": [{"name": "u", "type": ["null", "double", {"type": "fixed", "name": "x.F", "size": 2}]},
            {"name": "f", "type": "float"}]}"#,
    );
    for (plain, tagged) in [
        (r#"{"u":null,"f":1.1}"#, r#"{"u":null,"f":1.1}"#),
        (r#"{"u":0.1,"f":16777216.0}"#, r#"{"u":{"double":0.1},"f":16777216.0}"#),
        ("{\"u\":\"\u{ff}a\",\"f\":0.0}", "{\"u\":{\"x.F\":\"\u{ff}a\"},\"f\":0.0}"),
    ] {
        let value = schema.value_from_json(plain, Unions::Plain).unwrap();
        assert_eq!(schema.value_to_json(&value, Unions::Tagged).unwrap(), tagged);
        assert_eq!(schema.value_from_json(tagged, Unions::Tagged).unwrap(), value);
        assert_eq!(schema.value_to_json(&value, Unions::Plain).unwrap(), plain);
    }
    let nan = schema.value_from_json(r#"{"u":{"double":"-Infinity"},"f":"NaN"}"#, Unions::Tagged).unwrap();
    assert_eq!(
        schema.value_to_json(&nan, Unions::Tagged).unwrap(),
        r#"{"u":{"double":"-Infinity"},"f":"NaN"}"#
    );
    for wrong in ["{}", r#"{"u":{"int":1},"f":1}"#, r#"{"u":1,"f":1}"#, r#"{"u":null,"f":1,"g":2}"#, "[", ""]
    {
        assert!(schema.value_from_json(wrong, Unions::Tagged).is_err(), "{wrong}");
    }
}

#[test]
fn messages_say_their_schema() {
    let schema = schema(r#""long""#);
    let other = super::schema(r#""int""#);
    let decoder = Decoder::new(&schema).unwrap();
    let message = framing::to_single_object(&schema, &Value::Long(-64)).unwrap();
    assert_eq!(message, [&[0xc3, 1][..], &schema.rabin().to_le_bytes(), &[0x7f]].concat());
    assert_eq!(framing::from_single_object(&message, &schema, &decoder).unwrap(), Value::Long(-64));
    assert_eq!(framing::split_single_object(&message).unwrap(), (schema.rabin(), &[0x7f][..]));
    assert!(
        framing::from_single_object(&message, &other, &decoder)
            .unwrap_err()
            .message()
            .contains("another schema")
    );
    let message = framing::to_confluent(258, &schema, &Value::Long(-64)).unwrap();
    assert_eq!(message, [0, 0, 0, 1, 2, 0x7f]);
    assert_eq!(framing::split_confluent(&message).unwrap(), (258, &[0x7f][..]));
    for wrong in [&[][..], &[0], &[0, 0, 0, 1], &[1, 0, 0, 0, 1, 2]] {
        assert_eq!(framing::split_confluent(wrong).unwrap_err().code().name, "Decode.Malformed");
    }
    for wrong in [&[][..], &[0xc3, 1, 0], &[0xc3, 2, 0, 0, 0, 0, 0, 0, 0, 0]] {
        assert_eq!(framing::split_single_object(wrong).unwrap_err().code().name, "Decode.Malformed");
    }
    assert_eq!(encoded(&schema, "-64"), [0x7f]);
}
