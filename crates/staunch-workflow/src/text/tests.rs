use super::*;

#[test]
fn both_forms_give_the_same_value_with_places() {
    let json = Document::parse(
        "{\n  \"States\": {\"A\": {\"End\": true}},\n  \"n\": [1, 2.5, null, \"x\\u0041\"]\n}",
    )
    .unwrap();
    let yaml = Document::parse("States:\n  A: {End: true}\nn: [1, 2.5, null, xA]\n").unwrap();
    assert_eq!(json.value, yaml.value);
    assert_eq!(json.spot("/States/A/End"), Some(Spot { line: 2, column: 27 }));
    assert_eq!(json.spot("/n/1"), Some(Spot { line: 3, column: 12 }));
    assert_eq!(yaml.spot("/States/A/End").unwrap().line, 2);
    assert_eq!(json.spot("/States/A/Nothing"), Some(Spot { line: 2, column: 19 }));
}

#[test]
fn a_field_that_stands_twice_is_told() {
    assert_eq!(Document::parse(r#"{"a": {"b": 1, "b": 2}}"#).unwrap().twice, ["/a/b"]);
    assert_eq!(Document::parse("a:\n  b: 1\n  b: 2\n").unwrap().twice, ["/a/b"]);
}

#[test]
fn what_cannot_be_read_says_where() {
    let fails = |text: &str, line, column| {
        let unreadable = Document::parse(text).unwrap_err();
        assert_eq!(unreadable.spot, Some(Spot { line, column }), "{text}: {}", unreadable.what);
    };
    fails("{\"a\": 1,\n}", 2, 1);
    fails("{\"a\" 1}", 1, 6);
    fails("{\"a\": nope}", 1, 7);
    fails("{\"a\": 1} x", 1, 10);
    fails("{\"a\": \"x", 1, 7);
    assert!(Document::parse(&"{\"a\":".repeat(5_000)).is_err());
    assert!(Document::parse(&"[".repeat(5_000)).is_err());
}
