use super::{Format, Keyed, Move, Outcome, Stored};
use crate::model::Contract;
use std::path::Path;

fn contract(version: u32, text: &str) -> Contract {
    let text = match text.contains("fields:") {
        true => format!("{{contract: c, version: {version}, {text}}}"),
        false => format!("{{contract: c, version: {version}, fields: {{{text}}}}}"),
    };
    Contract::from_yaml(&text, Path::new("c.yaml")).unwrap_or_else(|e| panic!("{text}: {e}"))
}

/// The outcome in words: `stays`, `resolved on read`, steps with `; ` between them, or `refused: FIELD` of each obstacle.
fn told(old: &str, new: &str, stored: Stored, promised: bool) -> String {
    let (old, new) = (contract(1, old), contract(2, new));
    let moved = Move::new(&old, &new).unwrap();
    let judged = moved.judge(stored, promised);
    match judged.outcome {
        Outcome::Altered(steps) => steps.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        Outcome::Refused(obstacles) => {
            assert!(obstacles.iter().all(|o| !o.cause.is_empty() && !o.way_out.is_empty()), "{obstacles:?}");
            format!("refused: {}", obstacles.iter().map(|o| o.field.as_str()).collect::<Vec<_>>().join(", "))
        }
        outcome => outcome.word().to_owned(),
    }
}

const TABLE: Stored = Stored::Table(Keyed::No);
const PARQUET: Stored = Stored::Files(Format::Parquet);
const JSON: Stored = Stored::Files(Format::Json);
const AVRO: Stored = Stored::Files(Format::Avro);

/// One row per change: table, Parquet, NDJSON, Avro.
#[test]
fn each_change_is_judged_for_each_kind_of_target() {
    let (stays, read, no) = ("stays", "resolved on read", "refused: a");
    let null = |name: &str| format!("add `{name}`, null in the rows that are there");
    for (old, new, expected) in [
        ("a: int", "a: int", ["stays", stays, stays, stays]),
        ("a: int", "a: int, b: string?", [&null("b"), stays, stays, read]),
        ("a: int", "a: int, b: string", ["refused: b"; 4]),
        (
            "a: int",
            "a: int, b: {type: string, default: x}",
            ["add `b`, its default in the rows that are there", "refused: b", "refused: b", read],
        ),
        (
            "a: int, b: string",
            "a: int",
            ["leave `b`, which keeps what it holds and is null in new rows", stays, stays, stays],
        ),
        ("b: int", "a: {type: int, aliases: [b]}", ["rename `b` to `a`", no, no, read]),
        ("a: int", "a: long", ["widen `a` from int to long", stays, stays, read]),
        ("a: int", "a: double", ["widen `a` from int to double", no, stays, read]),
        ("a: float", "a: double", ["widen `a` from float to double", stays, stays, read]),
        ("a: long", "a: int", [no; 4]),
        ("a: int", "a: string", [no; 4]),
        ("a: string", "a: bytes", ["widen `a` from string to bytes", no, no, read]),
        ("a: bytes", "a: string", [no; 4]),
        ("a: int", "a: int?", ["let `a` be null", stays, stays, stays]),
        ("a: int?", "a: int", [no; 4]),
        ("a: {type: enum, symbols: [x]}", "a: {type: enum, symbols: [x, y]}", [stays, stays, stays, read]),
        ("a: {type: enum, symbols: [x, y]}", "a: {type: enum, symbols: [x]}", [no; 4]),
        ("a: {type: enum, symbols: [x, y]}", "a: {type: enum, symbols: [x], default: x}", [no, no, no, no]),
        (
            "a: \"decimal(9,2)\"",
            "a: \"decimal(12,2)\"",
            ["widen `a` from decimal(9,2) to decimal(12,2)", stays, stays, read],
        ),
        ("a: \"decimal(9,2)\"", "a: \"decimal(9,3)\"", [no; 4]),
        ("a: timestamp-millis", "a: timestamp-micros", [no; 4]),
        ("a: {type: int, unit: kg}", "a: {type: int, unit: g}", [no; 4]),
        ("a: int", "a: {type: int, min: 1}", [stays; 4]),
        ("a: int", "a: {type: int, doc: x}", [stays; 4]),
        ("a: int, b: int", "b: int, a: int", [stays; 4]),
        (
            "a: int, b: int",
            "a: {type: int, aliases: [x]}, c: {type: int, aliases: [b]}",
            ["rename `b` to `c`", "refused: c", "refused: c", read],
        ),
        (
            "a: int, b: int",
            "b: {type: int, aliases: [a]}",
            ["leave `a`, which keeps what it holds and is null in new rows", stays, stays, read],
        ),
    ] {
        let found = [TABLE, PARQUET, JSON, AVRO].map(|stored| told(old, new, stored, true));
        assert_eq!(found, expected.map(str::to_owned), "{old} -> {new}");
    }
}

#[test]
fn names_that_are_exchanged_are_refused() {
    let (old, new) = ("a: int, b: int", "b2: {type: int, aliases: [b]}, b: {type: int, aliases: [a]}");
    // `b` is itself, and `a` is gone: an alias never wins over a name.
    assert_eq!(told(old, new, TABLE, true), "refused: b2");
}

#[test]
fn what_a_query_implies_is_no_promise_about_rows_that_are_there() {
    for (old, new, table, parquet) in [
        ("a: int", "a: int, b: string", "add `b`, null in the rows that are there", "stays"),
        ("a: int?", "a: int", "stays", "stays"),
        ("a: long", "a: int", "refused: a", "refused: a"),
    ] {
        assert_eq!(told(old, new, TABLE, false), table, "{old} -> {new}");
        assert_eq!(told(old, new, PARQUET, false), parquet, "{old} -> {new}");
        // The schema of a file says it to its readers, whoever promised it.
        assert!(told(old, new, AVRO, false).starts_with("refused: "), "{old} -> {new}");
    }
}

#[test]
fn a_key_counts_where_rows_are_found_by_it() {
    let (old, new) = ("key: [a], fields: {a: int, b: int}", "key: [b], fields: {a: int, b: int}");
    assert_eq!(told(old, new, Stored::Table(Keyed::Yes), true), "refused: ");
    assert_eq!(told(old, new, TABLE, true), "stays");
    let renamed = "key: [c], fields: {c: {type: int, aliases: [a]}, b: int}";
    assert_eq!(told(old, renamed, Stored::Table(Keyed::Yes), true), "rename `a` to `c`");
}

#[test]
fn parts_of_nested_types_are_judged_in_files() {
    for (old, new, expected) in [
        ("a: {record: {x: int}}", "a: {record: {x: int, y: int?}}", ["stays", "stays", "resolved on read"]),
        ("a: {record: {x: int}}", "a: {record: {x: int, y: int}}", ["refused: a.y"; 3]),
        ("a: {array: int}", "a: {array: long}", ["refused: a[]", "refused: a[]", "resolved on read"]),
        ("a: {array: int?}", "a: {array: int}", ["refused: a[]"; 3]),
    ] {
        let found = [PARQUET, JSON, AVRO].map(|stored| told(old, new, stored, true));
        assert_eq!(found, expected.map(str::to_owned), "{old} -> {new}");
    }
    let (old, new) = ("a: {union: [long, string]}", "a: {union: [long, string, boolean]}");
    assert_eq!(told(old, new, JSON, true), "refused: a(boolean)");
    assert_eq!(told(old, new, AVRO, true), "resolved on read");
    assert_eq!(told(new, old, AVRO, true), "refused: a(boolean)");
}

#[test]
fn the_other_things_that_are_stored() {
    let judge = |old: &str, new: &str, stored| told(old, new, stored, true);
    for stored in
        [Stored::DeadLetters { resolved: false }, Stored::RefusedRows, Stored::LateRows, Stored::Segments]
    {
        assert_eq!(judge("a: int", "a: int", stored), "stays");
    }
    assert_eq!(judge("a: int", "a: string", Stored::DeadLetters { resolved: false }), "resolved on read");
    assert_eq!(
        judge("a: int", "b: {type: long, aliases: [a]}, c: int?", Stored::RefusedRows),
        "resolved on read"
    );
    assert_eq!(judge("a: int", "a: int, b: {type: int, default: 1}", Stored::RefusedRows), "refused: b");
    assert_eq!(
        judge("a: {type: int, unit: kg}", "a: {type: int, unit: g}", Stored::RefusedRows),
        "refused: a"
    );
    assert_eq!(judge("a: int", "a: long", Stored::Segments), "resolved on read");
    assert_eq!(judge("a: int", "a: long", Stored::State), "none stored");
    for (resolved, expected) in [(false, "refused: b"), (true, "resolved on read")] {
        let stored = Stored::DeadLetters { resolved };
        assert_eq!(judge("a: int", "a: int, b: {type: int, default: 1}", stored), expected);
    }
    let (old, new) = (contract(1, "a: int"), contract(2, "a: {type: string, min_length: 2}"));
    let judged = Move::new(&old, &new).unwrap().judge(Stored::DeadLetters { resolved: false }, true);
    assert_eq!(judged.notes.len(), 2, "{judged:?}");
}

#[test]
fn an_earlier_version_of_the_same_contract_is_told() {
    let (one, two) = (contract(1, "a: int"), contract(2, "a: int"));
    assert!(Move::new(&two, &one).unwrap().backwards() && !Move::new(&one, &two).unwrap().backwards());
    let other = Contract { name: "d".into(), ..one };
    assert!(!Move::new(&two, &other).unwrap().backwards());
}
