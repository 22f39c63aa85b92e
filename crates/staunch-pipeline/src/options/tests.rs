use super::OptionReader;
use crate::model::{OptionValue, Options};
use serde_json::{Value, json};
use staunch_types::{Place, Result};

fn options(entries: &[(&str, Value)]) -> Options {
    let mut options = Options::default();
    for (line, (key, value)) in (1..).zip(entries) {
        let place = Place::file("staunch.yaml").at(line, 5);
        options.entries.insert((*key).to_owned(), OptionValue { value: value.clone(), place });
    }
    options
}

fn report(result: Result<()>) -> Vec<String> {
    let Err(error) = result else { return Vec::new() };
    let line = |e: &staunch_types::Error| {
        format!(
            "{} {}: {} | {}",
            e.code().name,
            e.where_().line.unwrap_or(0),
            e.message(),
            e.next_step().unwrap_or("")
        )
    };
    error.all().map(line).collect()
}

#[test]
fn values_of_every_kind() {
    let options = options(&[
        ("path", json!("a/*.csv")),
        ("header", json!(true)),
        ("rows", json!(7)),
        ("size", json!("2 KiB")),
        ("plain", json!(5)),
        ("delimiter", json!(";")),
        ("tab", json!("\\t")),
        ("nulls", json!(["NA", ""])),
        ("types", json!({"a": "b"})),
        ("format", json!("csv")),
    ]);
    let mut reader = OptionReader::new(&options, "object `a/b`");
    assert_eq!(reader.required_text("path"), "a/*.csv");
    assert_eq!(reader.bool("header"), Some(true));
    assert_eq!(reader.u64("rows"), Some(7));
    assert_eq!(reader.bytes("size"), Some(2048));
    assert_eq!(reader.bytes("plain"), Some(5));
    assert_eq!(reader.char("delimiter"), Some(b';'));
    assert_eq!(reader.char("tab"), Some(b'\t'));
    assert_eq!(reader.list("nulls"), Some(vec!["NA".to_owned(), String::new()]));
    assert_eq!(reader.map("types").map(|m| m["a"].clone()), Some("b".to_owned()));
    assert_eq!(reader.one_of("format", &[("csv", 1), ("json", 2)]), Some(1));
    assert_eq!(reader.text("absent"), None);
    assert!(reader.has("path") && !reader.has("absent"));
    assert_eq!(report(reader.finish()), Vec::<String>::new());
}

#[test]
fn every_mistake_is_reported_at_once_in_the_order_of_the_file() {
    let options = options(&[
        ("path", json!(3)),
        ("header", json!("yes")),
        ("rows", json!(-1)),
        ("size", json!("12 apples")),
        ("delimiter", json!("ab")),
        ("nulls", json!("NA")),
        ("types", json!([1])),
        ("format", json!("cvs")),
        ("hedaer", json!(true)),
        ("empty", json!(null)),
        ("quote", json!("\u{e9}")),
    ]);
    let mut reader = OptionReader::new(&options, "object `a/b`").at(&Place::file("staunch.yaml").at(1, 1));
    assert_eq!(reader.required_text("path"), "");
    assert_eq!(reader.required_text("root"), "");
    assert_eq!(reader.bool("header"), None);
    assert_eq!(reader.u64("rows"), None);
    assert_eq!(reader.bytes("size"), None);
    assert_eq!(reader.char("delimiter"), None);
    assert_eq!(reader.char("quote"), None);
    assert_eq!(reader.list("nulls"), None);
    assert_eq!(reader.map("types"), None);
    assert_eq!(reader.one_of("format", &[("csv", 1), ("json", 2)]), None);
    assert_eq!(reader.text("empty"), None);
    let expected = [
        "ST0009 1: object `a/b` has no `root` | add `root: ...`",
        "ST0005 1: object `a/b`: `path` is not a text | put the value between quotation marks",
        "ST0005 2: object `a/b`: `header` is neither true nor false | write `true` or `false`",
        "ST0005 3: object `a/b`: `rows` is not a whole number | write a whole number without quotation marks",
        "ST0005 4: object `a/b`: `size` is not a size | write a size such as `64 MiB`",
        "ST0005 5: object `a/b`: `delimiter` is not one character | \
         write one ASCII character, such as `\";\"` or `\"\\t\"`",
        "ST0005 6: object `a/b`: `nulls` is not a list of texts | write `[\"one\", \"two\"]`",
        "ST0005 7: object `a/b`: `types` is not a mapping of texts | write `{name: \"value\"}`",
        "ST0005 8: object `a/b`: `format` is none of `csv`, `json` | did you mean `csv`?",
        "ST0041 9: object `a/b` has no option `hedaer` | did you mean `header`?",
        "ST0005 10: object `a/b`: `empty` is empty | give it a value, or remove the key",
        "ST0005 11: object `a/b`: `quote` is not one character | \
         write one ASCII character, such as `\";\"` or `\"\\t\"`",
    ];
    assert_eq!(report(reader.finish()), expected);
}

#[test]
fn what_is_missing_stands_at_the_first_option_where_the_owner_is_unknown() {
    let options = options(&[("b", json!(1)), ("a", json!(2))]);
    let mut reader = OptionReader::new(&options, "connection `x`");
    reader.u64("a");
    reader.u64("b");
    reader.missing("path");
    assert_eq!(report(reader.finish()), ["ST0009 1: connection `x` has no `path` | add `path: ...`"]);
}
