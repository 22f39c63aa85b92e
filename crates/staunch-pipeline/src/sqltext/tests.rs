use super::{from_file, from_scalar};
use crate::mistakes::Mistakes;
use crate::model::Sql;
use staunch_contract::yaml_tree::{Document, Value};
use staunch_types::{Rng, SeededRng};
use std::path::Path;

/// The SQL of the key `q` of a YAML text.
fn scalar(yaml: &str) -> Result<Sql, String> {
    let mut mistakes = Mistakes::default();
    let doc = Document::parse(yaml.to_owned(), Path::new("p.yaml"), |e| mistakes.push(e));
    let sql = doc.and_then(|doc| {
        let Value::Map(entries) = &doc.root.value else { return None };
        let (_, node) = entries.iter().find(|(k, _)| k.text == "q")?;
        let Value::Text(text) = &node.value else { return None };
        from_scalar(&doc, text, node.spot, &mut mistakes)
    });
    match mistakes.told().first() {
        None => sql.ok_or_else(|| "no text".to_owned()),
        Some(error) => Err(error.to_string()),
    }
}

/// Every word of the SQL, with the place at which the file is said to hold it, must be there. The number of words.
fn words_stand_where_they_say(yaml: &str, sql: &Sql) -> usize {
    let file: Vec<Vec<char>> = yaml.split('\n').map(|l| l.chars().collect()).collect();
    let mut words = 0;
    for (number, line) in (1..).zip(sql.text.split('\n')) {
        let chars: Vec<char> = line.chars().collect();
        for (column, char) in (1..).zip(&chars) {
            if char.is_whitespace() {
                continue;
            }
            let place = sql.place(number, column);
            let (l, c) = (place.line.unwrap() as usize, place.column.unwrap() as usize);
            let there = file.get(l - 1).and_then(|l| l.get(c - 1));
            assert_eq!(
                there,
                Some(char),
                "{number}:{column} is said to be {l}:{c} in\n{yaml}\n{:?}",
                sql.text
            );
            words += 1;
        }
    }
    words
}

#[test]
fn every_form_is_exact() {
    for yaml in [
        "q: SELECT a FROM b\n",
        "q:   SELECT a   FROM b   # and a comment\n",
        "q: SELECT a\n  FROM b\n\n  WHERE c\n      AND d\n",
        "q: 'SELECT a FROM b'\n",
        "q: \"SELECT a\n   FROM b\n  WHERE c\"\n",
        "q: |\n  SELECT a\n    FROM b\n",
        "q: |-\n\n\n      SELECT a\n\n        FROM b\n\n\nz: 1\n",
        "q: |2\n      SELECT a\n    FROM b\n",
        "q: >\n  SELECT a\n  FROM b\n\n  WHERE c\n    AND d\n  OR e\n",
        "q: >+\n    SELECT a\n    FROM b\n\n\n",
        "x: {q: SELECT a FROM b}\nq: &anchor SELECT c\n",
        "q: |\r\n  SELECT a\r\n  FROM b\r\n",
        "q: >\r\n  SELECT a\r\n  FROM b\r\n",
        "q: SELECT '\u{17e}\u{1f511}' AS \u{fc} FROM b\n",
    ] {
        let sql = scalar(yaml).unwrap();
        assert!(words_stand_where_they_say(yaml, &sql) >= 7, "{yaml}");
        assert_eq!(sql.line_starts.len(), sql.text.split('\n').count(), "{yaml}");
    }
}

#[test]
fn random_queries_are_exact_in_every_form() {
    let rng = SeededRng::new(7);
    let pick = |n: u64| rng.next() % n;
    let words = ["SELECT", "a", "FROM", "b1", "\u{17e}lu\u{165}", "(x)", "1.5", "*", "AND", "<>"];
    let mut checked = 0;
    for _ in 0..2_000 {
        let base = 1 + pick(6) as usize;
        let mut lines: Vec<String> = Vec::new();
        for line in 0..1 + pick(6) {
            let mut text = if line == 0 { "SELECT".to_owned() } else { words[pick(5) as usize].to_owned() };
            (0..pick(4)).for_each(|_| {
                text.push_str(&format!("{}{}", " ".repeat(1 + pick(2) as usize), words[pick(10) as usize]))
            });
            lines.push(text);
        }
        let style = pick(5);
        let (head, tail) = [("|", ""), (">-", ""), ("", ""), ("'", "'"), ("\"", "\"")][style as usize];
        let block = style < 2;
        let mut yaml = format!("k: 1\nq: {head}{}", if block { "\n" } else { "" });
        for (index, line) in lines.iter().enumerate() {
            let deeper = if index > 0 { pick(4) as usize } else { 0 };
            let indent = if index == 0 && !block { 0 } else { base + deeper };
            let blank = if index > 0 && pick(5) == 0 { "\n" } else { "" };
            let end = if index + 1 < lines.len() || block { "\n" } else { "" };
            yaml.push_str(&format!("{blank}{}{line}{end}", " ".repeat(indent)));
        }
        yaml.push_str(&format!("{tail}{}z: 2\n", if block { "" } else { "\n" }));
        let sql = scalar(&yaml).unwrap();
        checked += words_stand_where_they_say(&yaml, &sql);
    }
    assert!(checked > 10_000, "{checked}");
}

#[test]
fn lines_that_mean_something_else_when_joined_are_refused() {
    for yaml in [
        "q: >\n  SELECT a -- first\n  FROM b\n",
        "q: >\n  SELECT 'a\n  b' FROM c\n",
        "q: SELECT \"a\n  b\" FROM c\n",
    ] {
        assert!(scalar(yaml).unwrap_err().starts_with("ST0022"), "{yaml}");
    }
    for yaml in ["q: |\n  SELECT a -- first\n  FROM b\n", "q: >\n  SELECT a /* one\n  two */ FROM b\n"] {
        assert!(scalar(yaml).is_ok(), "{yaml}");
    }
}

#[test]
fn with_escapes_the_line_is_right() {
    let sql = scalar("z: 1\nq: 'SELECT ''a'' FROM b'\n").unwrap();
    assert_eq!(sql.text, "SELECT 'a' FROM b");
    assert_eq!(sql.place(1, 1).to_string(), "p.yaml:2:5");
    let sql = scalar("q: \"SELECT\\n a\"\n").unwrap();
    assert_eq!(sql.place(2, 2).to_string(), "p.yaml:1:6");
}

#[test]
fn a_file_begins_every_line_at_its_first_column() {
    let sql = from_file("SELECT a\r\n  FROM b\n".to_owned(), Path::new("x.sql"));
    assert_eq!(sql.place(2, 8).to_string(), "x.sql:2:8");
    assert_eq!(sql.line_starts.len(), 3);
}
