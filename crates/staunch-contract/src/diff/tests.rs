use super::{Diff, Verdict};
use crate::avro::{Schema, incompatibilities};
use crate::model::Contract;
use std::path::Path;

fn contract(fields: &str) -> Contract {
    let text = format!("{{contract: c, version: 1, fields: {{{fields}}}}}");
    Contract::from_yaml(&text, Path::new("c.yaml")).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// One line per change: path, change, verdicts.
fn told(old: &str, new: &str) -> Vec<String> {
    let (old, new) = (contract(old), contract(new));
    let diff = Diff::new(&old, &new).unwrap();
    // Together with the whole schemas: what Avro refuses is told by some change, and by none if it refuses nothing.
    let schema = |c: &Contract| Schema::parse(&c.to_avro_json().to_string()).unwrap();
    let refused = |reader: &Contract, writer: &Contract| {
        !incompatibilities(&schema(reader), &schema(writer)).unwrap().is_empty()
    };
    let verdicts = diff.verdicts();
    for (refused, verdict) in
        [(refused(&new, &old), &verdicts.new_reads_old), (refused(&old, &new), &verdicts.old_reads_new)]
    {
        assert_eq!(refused, matches!(verdict, Verdict::No(_)), "{verdict:?} in {diff:?}");
    }
    diff.changes
        .iter()
        .map(|c| {
            let v = &c.verdicts;
            format!("{} {c} {} {}", c.path, v.new_reads_old.word(), v.old_reads_new.word())
                .trim_start()
                .to_owned()
        })
        .collect()
}

#[test]
fn every_kind_of_change_has_its_verdicts() {
    for (old, new, expected) in [
        ("a: int", "a: int", vec![]),
        ("a: int", "a: int, b: string", vec!["b added: string no yes"]),
        ("a: int", "a: int, b: string?", vec!["b added: string? yes yes"]),
        ("a: int", "a: int, b: {type: string, default: x}", vec!["b added: string yes yes"]),
        ("a: int, b: string?", "a: int", vec!["b removed: string? yes yes"]),
        ("a: int, b: string", "a: int", vec!["b removed: string yes no"]),
        ("a: int", "b: {type: int, aliases: [a]}", vec!["b renamed: a → b yes no"]),
        ("a: int", "a: long", vec!["a widened: int → long yes no"]),
        ("a: double", "a: int", vec!["a narrowed: double → int no yes"]),
        ("a: int", "a: string", vec!["a type: int → string no no"]),
        ("a: int", "a: int?", vec!["a nullable: never null → may be null yes no"]),
        ("a: int?", "a: int", vec!["a nullable: may be null → never null no yes"]),
        (
            "a: int",
            "a: long?",
            vec!["a widened: int → long yes no", "a nullable: never null → may be null yes no"],
        ),
        ("a: {type: enum, symbols: [x]}", "a: {type: enum, symbols: [x, y]}", vec!["a symbols: +y yes no"]),
        (
            "a: {type: enum, symbols: [x, y]}",
            "a: {type: enum, symbols: [y, z]}",
            vec!["a symbols: -x, +z no no"],
        ),
        (
            "a: {type: enum, symbols: [x, y]}",
            "a: {type: enum, symbols: [y, x]}",
            vec!["a symbols: in another order yes yes"],
        ),
        ("a: int", "a: {type: int, default: 1}", vec!["a default: none → 1 yes yes"]),
        ("a: int", "a: {type: int, min: 1}", vec!["a min: none → 1 partly yes"]),
        ("a: {type: int, min: 1}", "a: {type: int, min: 0}", vec!["a min: 1 → 0 yes partly"]),
        ("a: {type: int, max: 9}", "a: {type: int, max: 5}", vec!["a max: 9 → 5 partly yes"]),
        ("a: {type: int, max: 9}", "a: int", vec!["a max: 9 → none yes partly"]),
        (
            "a: {type: string, max_length: 9}",
            "a: {type: string, max_length: 5, min_length: 1}",
            vec!["a min_length: none → 1 partly yes", "a max_length: 9 → 5 partly yes"],
        ),
        (
            "a: {type: string, pattern: x}",
            "a: {type: string, pattern: y}",
            vec!["a pattern: x → y partly partly"],
        ),
        (
            "a: {type: string, one_of: [x]}",
            "a: {type: string, one_of: [y]}",
            vec!["a one_of: 1 values → 1 values, others partly partly"],
        ),
        (
            "a: {type: string, one_of: [x]}",
            "a: {type: string, one_of: [x, y]}",
            vec!["a one_of: 1 values → 2 values yes partly"],
        ),
        ("a: int", "a: {type: int, unique: true}", vec!["a unique: none → yes partly yes"]),
        ("a: int", "a: {type: int, pii: x}", vec!["a pii: none → x yes yes"]),
        ("a: {type: int, unit: kg}", "a: {type: int, unit: g}", vec!["a unit: kg → g wrong wrong"]),
        ("a: int", "a: {type: int, doc: x}", vec!["a doc: none → x yes yes"]),
        ("a: int, b: int", "b: int, a: int", vec!["order: a, b → b, a yes yes"]),
        (
            "a: {array: int}",
            "a: {array: long?}",
            vec!["a[] widened: int → long yes no", "a[] nullable: never null → may be null yes no"],
        ),
        ("a: {record: {x: int, y: int}}", "a: {record: {x: int}}", vec!["a.y removed: int yes no"]),
        ("a: {record: {x: int}, name: R}", "a: {record: {x: int}, name: S}", vec!["a name: R → S no no"]),
        (
            "a: {union: [long, string]}",
            "a: {union: [long, string, boolean]}",
            vec!["a(boolean) added: boolean yes no"],
        ),
        (
            "a: {union: [long, string]}",
            "a: {union: [long, boolean]}",
            vec!["a(boolean) added: boolean yes no", "a(string) removed: string no yes"],
        ),
        ("a: long", "a: {union: [long, string]}", vec!["a widened: long → {union: [long, string]} yes no"]),
        ("a: {map: string}", "a: {map: bytes}", vec!["a{} type: string → bytes yes partly"]),
    ] {
        let expected: Vec<String> = expected
            .into_iter()
            .map(|e| e.replace("a{} type: string → bytes", "a{} widened: string → bytes"))
            .collect();
        assert_eq!(told(old, new), expected, "{old} -> {new}");
    }
}

#[test]
fn the_same_bytes_with_another_meaning_are_not_read() {
    for (old, new, expected) in [
        ("timestamp-millis", "timestamp-micros", ("wrong", "wrong")),
        ("date", "int", ("wrong", "wrong")),
        ("long", "timestamp-micros", ("wrong", "wrong")),
        ("timestamp-micros", "local-timestamp-micros", ("wrong", "wrong")),
        ("\"decimal(9,2)\"", "\"decimal(9,3)\"", ("wrong", "wrong")),
        ("\"decimal(9,2)\"", "\"decimal(12,2)\"", ("yes", "partly")),
        ("uuid", "string", ("yes", "partly")),
        ("date", "{union: [int, string]}", ("wrong", "no")),
        ("{union: [date, string]}", "{union: [int, string]}", ("wrong", "wrong")),
    ] {
        let (a, b) = (contract(&format!("a: {old}")), contract(&format!("a: {new}")));
        let found = Diff::new(&a, &b).unwrap().verdicts();
        assert_eq!((found.new_reads_old.word(), found.old_reads_new.word()), expected, "{old} -> {new}");
    }
}

#[test]
fn what_the_contract_itself_says_is_compared() {
    let read = |text: &str| Contract::from_yaml(text, Path::new("c.yaml")).unwrap();
    let old = read("{contract: a, version: 1, key: [id], fields: {id: int, at: date}}");
    let new = read(
        "{contract: b, version: 2, owner: me, event_time: at, compatibility: FULL, fields: {id: int, at: date}}",
    );
    let diff = Diff::new(&old, &new).unwrap();
    assert_eq!(diff.line(), "name: a → b; key: id → none; event time: none → at");
    assert_eq!(diff.changes.len(), 5);
    assert_eq!(diff.verdicts().new_reads_old.word(), "no");
    let same = Contract { aliases: vec!["a".into()], ..new };
    assert_eq!(Diff::new(&old, &same).unwrap().verdicts().new_reads_old, Verdict::Reads);
}
