use super::*;
use proptest::prelude::*;

fn why(text: &str) -> (usize, &'static str) {
    let wrong = read(text).unwrap_err();
    (wrong.at, wrong.why)
}

#[test]
fn everything_knows_where_it_stands() {
    let text = " {\"a\": [1, \"\\u00e4\\ud83d\\ude00\\t\"],\n\"b\":null}";
    let node = read(text).unwrap();
    let list = node.get("a").unwrap();
    assert_eq!((node.at, list.at, node.get("b").map(|n| n.at)), (1, 7, text.find("null")));
    let Tree::List(items) = &list.tree else { panic!("{list:?}") };
    assert_eq!(items[1].tree, Tree::Text("ä😀\t".to_owned()));
    assert_eq!(line_and_column("ab\nä x", 6), (2, 3));
    assert_eq!(line_and_column("ab", 99), (1, 3));
}

#[test]
fn what_is_no_json_is_told_with_its_place() {
    assert_eq!(why("{\"a\":1,\"a\":2}"), (7, "this key stands twice in one object"));
    assert_eq!(why("[1 2]"), (3, "a list goes on with `,` or ends with `]`"));
    assert_eq!(why("\"\\ud83d x\""), (2, "half of a surrogate pair stands alone"));
    assert_eq!(why("1e999"), (0, "the number is out of range"));
    assert_eq!(why("{\"a\""), (4, "the JSON ends too early"));
    assert_eq!(why("True"), (0, "no JSON value begins like this"));
    assert_eq!(why("1 1"), (2, "something stands behind the end of the JSON"));
}

#[test]
fn depth_is_bounded() {
    let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
    assert!(read(&nested(128)).is_ok());
    assert_eq!(why(&nested(129)).1, "the JSON nests deeper than 128");
    assert_eq!(why(&"[".repeat(1_000_000)).1, "the JSON nests deeper than 128");
}

/// Texts that are nearly JSON.
fn nearly() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        "{", "}", "[", "]", ",", ":", "\"", "\"a\"", "\"b\"", "\\", "\\u12", "\\ud800", "\\n", "1", "-", "0",
        ".5", "e9", "E+", "null", "true", " ", "\n", "ä", "x", "\u{1}",
    ]);
    prop::collection::vec(parts, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn it_agrees_with_serde_json(text in nearly()) {
        match (read(&text), serde_json::from_str::<serde_json::Value>(&text)) {
            (Ok(ours), Ok(theirs)) => prop_assert_eq!(ours.to_value().to_string(), theirs.to_string()),
            (Err(ours), Ok(_)) => prop_assert_eq!(ours.why, "this key stands twice in one object"),
            (Ok(_), Err(theirs)) => prop_assert!(false, "{} but {}", text, theirs),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn what_it_quotes_it_reads(text in any::<String>(), number in any::<f64>()) {
        prop_assert_eq!(read(&quote(&text)).unwrap().tree, Tree::Text(text));
        if number.is_finite() {
            let back = read(&format!("{number:?}")).unwrap().number().unwrap();
            prop_assert_eq!(back.to_bits(), number.to_bits());
        }
    }
}
