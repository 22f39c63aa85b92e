//! Nested values are read as they were written, and what is written is what the documents say.

use super::tests::{comes_back, lines};
use crate::testdata::nested::{Draw, V, batch};
use staunch_contract::Contract;
use staunch_types::{Rng, SeededRng};

fn contract(fields: &str) -> Contract {
    let text = format!("contract: c\nversion: 1\nfields: {{{fields}}}\n");
    Contract::from_yaml(&text, "x.yaml".as_ref()).unwrap_or_else(|e| panic!("{e:?}"))
}

#[test]
fn random_nested_rows_come_back_as_they_were() {
    for seed in 0..250 {
        let rng = SeededRng::new(seed);
        let draw = Draw { rng: &rng, unions: true, durations: true };
        let contract = draw.contract();
        let rows: Vec<_> = draw.rows(&contract, 1 + (rng.next() % 12) as usize);
        let rows: Vec<_> = rows.into_iter().map(|row| row.into_iter().map(distinct).collect()).collect();
        let written = batch(&contract, &rows);
        let text = comes_back(&contract, &written);
        for line in text.lines() {
            serde_json::from_str::<serde_json::Value>(line).unwrap_or_else(|e| panic!("{e}: {line}"));
        }
        let cut: String = (0..rows.len()).map(|row| lines(&contract, &written.slice(row, 1))).collect();
        assert_eq!(cut, text, "seed {seed}");
    }
}

/// Without keys that stand twice in a map: JSON's readers know them once.
fn distinct(value: V) -> V {
    match value {
        V::Map(mut entries) => {
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            entries.dedup_by(|a, b| a.0 == b.0);
            V::Map(entries.into_iter().map(|(k, v)| (k, distinct(v))).collect())
        }
        V::List(items) => V::List(items.into_iter().map(distinct).collect()),
        V::Record(parts) => V::Record(parts.into_iter().map(distinct).collect()),
        V::Branch(at, inner) => V::Branch(at, Box::new(distinct(*inner))),
        plain => plain,
    }
}

#[test]
fn unions_are_plain_or_tagged() {
    let plain = |t: &str| Box::new(V::Plain(t.to_owned()));
    let check = |union: &str, values: Vec<V>, wanted: &str| {
        let contract = contract(&format!("v: {{union?: {union}}}"));
        let rows: Vec<Vec<V>> = values.into_iter().map(|v| vec![v]).collect();
        let text = comes_back(&contract, &batch(&contract, &rows));
        let found: Vec<_> = text.lines().map(|l| &l[5..l.len() - 1]).collect();
        assert_eq!(found.join(" "), wanted, "{union}");
    };
    check(
        "[long, string]",
        vec![V::Branch(0, plain("7")), V::Branch(1, plain("7")), V::Null],
        r#"7 "7" null"#,
    );
    check(
        "[long, int]",
        vec![V::Branch(0, plain("7")), V::Branch(1, plain("7")), V::Null],
        r#"{"long":7} {"int":7} null"#,
    );
    check(
        "[double, string]",
        vec![
            V::Branch(0, plain("7ff8000000000000")),
            V::Branch(1, plain("NaN")),
            V::Branch(0, plain("3ff8000000000000")),
        ],
        r#"{"double":"NaN"} "NaN" 1.5"#,
    );
    check(
        "[date, {record: {a: int}, name: r}, {array: int}]",
        vec![
            V::Branch(0, plain("0")),
            V::Branch(1, Box::new(V::Record(vec![V::Plain("1".into())]))),
            V::Branch(2, Box::new(V::List(vec![]))),
        ],
        r#""1970-01-01" {"a":1} []"#,
    );
}

#[test]
fn a_value_inside_that_has_no_form_is_refused() {
    let contract = contract("v: {array: {record: {d: date}}}");
    let rows = vec![vec![V::List(vec![V::Record(vec![V::Plain("2932897".into())])])]];
    let mut out = super::Text::default();
    let error =
        super::Encoder::new(&contract.fields).encode(&batch(&contract, &rows), 0, &mut out, 1).unwrap_err();
    assert_eq!(error.code(), staunch_types::codes::SINK_REJECTED);
}
