//! The quirks of newline-delimited JSON.

use super::read_text;

const JSON: &str = r#"{"path": "x.json", "format": "json"}"#;

fn check(fields: &str, text: &[u8], rows: &[&str], dead: &[&str]) {
    let outcome = read_text("x.json", text, fields, JSON).unwrap();
    let shown = String::from_utf8_lossy(text);
    assert_eq!(outcome.rows, rows, "rows of {shown:?}");
    assert_eq!(outcome.dead, dead, "dead rows of {shown:?}");
}

#[test]
fn lines() {
    let f = "a:long b:string?";
    check(f, b"{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"a\":2}\n", &["0: 1|x", "16: 2|y"], &[]);
    check(f, b"{\"a\":1}\r\n\n  \t\r\n {\"a\" : 2 , \"b\" : null } ", &["0: 1|∅", "15: 2|∅"], &[]);
    check(f, b"\xEF\xBB\xBF{\"a\":1}", &["3: 1|∅"], &[]);
    check(f, b"", &[], &[]);
    check(f, b"\n", &[], &[]);
    check(f, b"{\"a\":1,\"c\":{\"a\":[1,{\"b\":\"}\"}],\"d\":\"\\u0041\"},\"b\":\"x\"}", &["0: 1|x"], &[]);
    check(f, b"{\"\\u0061\":1,\"b\":\"x\"}\n{\"\\u0061\":2,\"b\":\"y\"}\n", &["0: 1|x", "21: 2|y"], &[]);
}

#[test]
fn what_is_not_a_json_object_is_dead() {
    let bad = |line: &[u8], reason: &str| {
        let text = [b"{\"a\":0}\n", line, b"\n{\"a\":9}\n"].concat();
        let dead = format!("8/2 Decode.Malformed the record {reason}: {}", String::from_utf8_lossy(line));
        check("a:long", &text, &["0: 0", &format!("{}: 9", 9 + line.len())], &[&dead]);
    };
    for line in [
        "{",
        "{}x",
        "{\"a\":1,}",
        "{\"a\"}",
        "{\"a\":}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":tru}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1}{\"a\":2}",
        "{\"z\":\"\\x\",\"a\":1}",
        "{\"z\":\"\\ud800\",\"a\":1}",
        "{\"z\":\"tab\there\",\"a\":1}",
        "{\"z\":[1,2,\"a\":1}",
        "{\"z\":{1:2},\"a\":1}",
        "x",
        "{\"z\":NaN}",
        "{\"a\":1,\"z\":\"open}",
        "[1,2",
        "\"a",
        "{\"z\\\":1}",
    ] {
        bad(line.as_bytes(), "is not JSON");
    }
    for line in ["[1]", "1", "\"a\"", "null", "true "] {
        bad(line.as_bytes(), "is not a JSON object");
    }
    bad(b"{\"z\":\"\xFF\",\"a\":1}", "is not UTF-8");
    let twice = b"{\"a\":1,\"b\":2,\"a\":3}";
    check(
        "a:long",
        twice,
        &[],
        &["0/1 Decode.Malformed a key of the object appears twice: {\"a\":1,\"b\":2,\"a\":3}"],
    );
    let deep = format!("{{\"z\":{}1{},\"a\":1}}", "[".repeat(200), "]".repeat(200));
    let dead = format!("0/1 Decode.Malformed the record is nested too deep: {deep}");
    check("a:long", deep.as_bytes(), &[], &[&dead]);
    let deep = format!("{{\"z\":{}1{},\"a\":1}}", "[".repeat(128), "]".repeat(128));
    check("a:long", deep.as_bytes(), &["0: 1"], &[]);
}

#[test]
fn values_keep_their_kind() {
    let value = |fields: &str, text: &str, wanted: &str| {
        let line = format!("{{\"v\":{text}}}");
        let outcome = read_text("x.json", line.as_bytes(), fields, JSON).unwrap();
        let found = match (outcome.rows.first(), outcome.dead.first()) {
            (Some(row), None) => row.strip_prefix("0: ").unwrap().to_owned(),
            (None, Some(dead)) => {
                dead.strip_prefix("0/1 ").unwrap().strip_suffix(&format!(": {line}")).unwrap().to_owned()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(found, wanted, "{text} as {fields}");
    };
    value("v:long", "9007199254740993", "9007199254740993");
    value("v:long", "-9223372036854775808", "-9223372036854775808");
    value("v:long", "9223372036854775808", "Decode.Type `v` is a whole number beyond the range of its type");
    value("v:long", "1.0", "1");
    value("v:long", "12e2", "1200");
    value("v:long", "9007199254740993.000", "9007199254740993");
    value("v:long", "1.5", "Decode.Type `v` is not a whole number");
    value("v:long", "1e400", "Decode.Type `v` is a whole number beyond the range of its type");
    value("v:long", "\"1\"", "Decode.Type `v` is not a whole number");
    value("v:long", "true", "Decode.Type `v` is not a whole number");
    value("v:long", "{\"x\":[1]}", "Decode.Type `v` is not a whole number");
    value("v:long", "null", "Contract.Violation `v` is null, but the contract says that it never is");
    value("v:long?", "null", "∅");
    value("v:int", "2147483648", "Decode.Type `v` is a whole number beyond the range of its type");
    value("v:double", "0.1", "0.1");
    value("v:double", "-0.0", "-0.0");
    value("v:double", "12345678901234567890", "1.2345678901234567e19");
    value("v:double", "1e999", "Decode.Type `v` is a number beyond the range of its type");
    value("v:double", "\"NaN\"", "NaN");
    value("v:float", "\"-Infinity\"", "-inf");
    value("v:double", "\"nan\"", "Decode.Type `v` is not a number");
    value("v:double", "\"1\"", "Decode.Type `v` is not a number");
    value("v:float", "16777217", "16777216.0");
    value("v:decimal", "1234567.89", "1234567.89");
    value("v:decimal", "\"0.10\"", "0.10");
    value("v:decimal", "0.001", "Decode.Type `v` has more digits after the point than its type holds");
    value("v:boolean", "false", "false");
    value("v:boolean", "1", "Decode.Type `v` is neither true nor false");
    value("v:string", "\"Bob\"", "Bob");
    value("v:string", "\"null\"", "null");
    value("v:string", "\"\"", "");
    value("v:string", "5", "Decode.Type `v` is not a string");
    value("v:string", "\"a\\n\\u00e9\\ud83d\\ude00\\\"\\/\"", "a\né😀\"/");
    value(
        "v:string",
        "\"a string that is longer than one word of sixteen bytes\"",
        "a string that is longer than one word of sixteen bytes",
    );
    value("v:bytes", "\"\\u0000\u{ff}a\"", "00ff61");
    value("v:bytes", "\"€\"", "Decode.Type `v` holds a character beyond U+00FF, which is no byte");
    value("v:enum", "\"green\"", "green");
    value("v:enum", "\"Green\"", "Contract.Violation `v` is not a symbol of its enum");
    value("v:uuid", "\"00112233-4455-6677-8899-AABBCCDDEEFF\"", "00112233-4455-6677-8899-aabbccddeeff");
    value("v:ts", "\"2015-07-15 00:00:00.100\"", "2015-07-15T00:00:00.100Z");
    value("v:ts", "1436918400100", "Decode.Type `v` is not a timestamp");
    value("v:date", "\"2024-02-29\"", "2024-02-29");
    value("v:time", "\"05:17\"", "05:17:00");
}

#[test]
fn a_malformed_line_leaves_nothing_behind() {
    check(
        "a:long b:string c:long?",
        b"{\"a\":1,\"b\":\"x\",\"c\":1}\n{\"a\":\"bad\",\"b\":\"yyyyyyyyyyyyyyyyyyyyyyyy\",\n{\"a\":2,\"b\":\"z\"}\n",
        &["0: 1|x|1", "65: 2|z|∅"],
        &["22/2 Decode.Malformed the record is not JSON: {\"a\":\"bad\",\"b\":\"yyyyyyyyyyyyyyyyyyyyyyyy\","],
    );
}
