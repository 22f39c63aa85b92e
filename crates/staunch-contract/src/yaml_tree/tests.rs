use super::{Document, Value};
use std::path::Path;

fn parse(text: &str) -> (Option<Document>, Vec<String>) {
    let mut errors = Vec::new();
    let doc = Document::parse(text.to_owned(), Path::new("a.yaml"), |e| errors.push(e.to_string()));
    (doc, errors)
}

#[test]
fn every_value_knows_where_it_stands() {
    let (doc, errors) = parse("\u{e9}: 1\nb: [true, no, x y]\nc: \"q\"\nd:\n");
    assert_eq!(errors, Vec::<String>::new());
    let doc = doc.unwrap();
    let Value::Map(entries) = &doc.root.value else { panic!("no mapping") };
    let shown: Vec<String> = entries
        .iter()
        .map(|(key, node)| {
            let (k, v) = (doc.place(key.spot), doc.place(node.spot));
            format!("{} {} {:?} {:?} {v} {:?}", key.text, k, k.length, node.value.kind(), v.length)
        })
        .collect();
    assert_eq!(
        shown,
        [
            "\u{e9} a.yaml:1:1 Some(1) \"a number\" a.yaml:1:4 Some(1)",
            "b a.yaml:2:1 Some(1) \"a list\" a.yaml:2:4 Some(1)",
            "c a.yaml:3:1 Some(1) \"a text\" a.yaml:3:4 Some(3)",
            "d a.yaml:4:1 Some(1) \"nothing\" a.yaml:4:2 None",
        ]
    );
    let Value::List(items) = &entries[1].1.value else { panic!("no list") };
    assert_eq!(items[0].value, Value::Bool(true));
    assert_eq!(items[1].value, Value::Text("no".to_owned()), "only true and false are booleans");
}

#[test]
fn what_is_no_yaml_is_told_with_its_place() {
    for (text, expected) in [
        ("a: [1\n", "ST0001: the file cannot be read as YAML: unclosed bracket '[' (a.yaml:1:4)"),
        ("a: 1\na: 2\n", "ST0004: `a` stands here twice (a.yaml:2:1)"),
        ("a: *b\n", "ST0001: the file cannot be read as YAML: reference to unknown value (a.yaml:1:4)"),
        ("a: !shell x\n", "ST0001: the file cannot be read as YAML: "),
        ("a: .inf\n", "ST0001: the file cannot be read as YAML: "),
    ] {
        let (_, errors) = parse(text);
        assert_eq!(errors.len(), 1, "{text}");
        assert!(errors[0].starts_with(expected), "{text}: {}", errors[0]);
    }
}

#[test]
fn an_alias_stands_where_it_was_written() {
    let (doc, errors) = parse("a: &x [1]\nb: *x\n");
    assert_eq!(errors, Vec::<String>::new());
    let doc = doc.unwrap();
    let Value::Map(entries) = &doc.root.value else { panic!("no mapping") };
    assert_eq!(doc.place(entries[1].1.spot).to_string(), "a.yaml:1:7");
}

#[test]
fn bombs_do_not_explode() {
    let mut aliases = "a0: &a0 [x, x]\n".to_owned();
    (1..40).for_each(|i| aliases.push_str(&format!("a{i}: &a{i} [*a{0}, *a{0}]\n", i - 1)));
    let many = "- 1\n".repeat(200_000);
    for text in [aliases, many].into_iter().chain(deep()) {
        let (doc, errors) = parse(&text);
        assert!(doc.is_none());
        assert_eq!(errors.len(), 1);
        assert!(errors[0].starts_with("ST0001: the file is too large or too deep"), "{}", errors[0]);
    }
}

/// Documents of very many levels, in flow and in block style.
pub(crate) fn deep() -> [String; 4] {
    const LEVELS: usize = 100_000;
    [
        format!("a: {}{}", "[".repeat(LEVELS), "]".repeat(LEVELS)),
        format!("{}1{}", "{\"a\":".repeat(LEVELS), "}".repeat(LEVELS)),
        format!("{}x\n", "- ".repeat(LEVELS)),
        (0..1_400).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
    ]
}
