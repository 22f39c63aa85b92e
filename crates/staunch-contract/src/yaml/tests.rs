//! Contracts in YAML: what is read, and every mistake with its place.

use crate::model::{Contract, Type};
use std::path::Path;

const FLIGHT: &str = "\
contract: flight
version: 2
doc: One scheduled departure.
owner: ops@example.org
key: [carrier, flight, time_hour]
event_time: time_hour
fields:
  carrier: string
  flight: int
  dep_time: int?                 # `?` = nullable
  price: decimal(9,2)
  kind: {type: enum, symbols: [a, b], doc: How it is flown.}
  tailnum: {type: string?, pii: aircraft, doc: The tail number.}
  time_hour: timestamp-micros
";

/// Reads `text` and compares the mistakes, one a line: `line:column code message; hint`.
fn refused(text: &str, wanted: &str) {
    let error = Contract::from_yaml(text, Path::new("contracts/x.yaml")).unwrap_err();
    let found: Vec<_> = error
        .all()
        .map(|e| {
            let at = e.where_();
            assert_eq!(at.file.as_deref(), Some(Path::new("contracts/x.yaml")));
            let (line, column) = (at.line.unwrap_or(0), at.column.unwrap_or(0));
            format!(
                "{line}:{column} {} {}; {}",
                e.code().name,
                e.message(),
                e.next_step().unwrap_or("NO HINT")
            )
        })
        .collect();
    assert_eq!(found.join("\n"), wanted.trim());
}

fn with_fields(fields: &str) -> String {
    format!("contract: c\nversion: 1\nfields: {fields}\n")
}

#[test]
fn a_contract_is_read() {
    let c = Contract::from_yaml(FLIGHT, Path::new("flight.yaml")).unwrap();
    assert_eq!(c.id(), "flight@2");
    assert_eq!(c.doc.as_deref(), Some("One scheduled departure."));
    assert_eq!(c.owner.as_deref(), Some("ops@example.org"));
    assert_eq!(c.key, ["carrier", "flight", "time_hour"]);
    assert_eq!(c.event_time.as_deref(), Some("time_hour"));
    let fields: Vec<_> =
        c.fields.iter().map(|f| format!("{} {} {} {}", f.name, f.ty, f.nullable, f.classes())).collect();
    assert_eq!(
        fields,
        [
            "carrier string false ",
            "flight int false ",
            "dep_time int true ",
            "price decimal(9,2) false ",
            "kind enum false ",
            "tailnum string true aircraft",
            "time_hour timestamp-micros false ",
        ]
    );
    assert_eq!(c.fields[4].ty, Type::Enum(vec!["a".into(), "b".into()]));
    assert_eq!(c.fields[4].doc.as_deref(), Some("How it is flown."));
}

#[test]
fn every_type_has_its_word() {
    let words = "boolean int long float double bytes string date time-millis time-micros timestamp-millis \
                 timestamp-micros timestamp-nanos local-timestamp-millis local-timestamp-micros local-timestamp-nanos \
                 duration uuid decimal(38,38) decimal(1,0) fixed(1) fixed(1048576)";
    for word in words.split_whitespace() {
        for mark in ["", "?"] {
            let c = Contract::from_yaml(&with_fields(&format!("{{a: \"{word}{mark}\"}}")), Path::new("x"))
                .unwrap();
            assert_eq!((c.fields[0].ty.to_string().as_str(), c.fields[0].nullable), (word, mark == "?"));
        }
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    refused(
        "\
contract: my-flight
version: 0
evnt_time: t
key: [carrier, flihgt, dep_time, carrier]
event_time: carrier
fields:
  carrier: string
  flight: integer
  dep_time: int?
  9lives: int
  kind: enum
  size: {type: enum, symbols: [a, a, b-c]}
  items: array
  nested: {type: {a: int}}
  union: {type: [int, string]}
  note: {typ: string, doc: 1}
  Carrier: string
",
        "
1:11 ST0006 `my-flight` is not a contract's name; names begin with a letter or `_` and go on with letters, digits and `_`
2:10 ST0005 `version` is not a number from 1; write version: 1
3:1 ST0002 there is no key `evnt_time` here; did you mean `event_time`?
4:16 ST0003 the key names `flihgt`, which is no field; did you mean `flight`?
4:24 ST0031 the key field `dep_time` may be missing; a record must be identified: make the field non-null or take it out of the key
4:34 ST0004 `carrier` stands twice in the key; name it once
5:13 ST0031 the event time `carrier` is a string; the event time is a date or a timestamp
8:11 ST0031 there is no type `integer`; did you mean `int`?
10:3 ST0006 `9lives` is not a field's name; names begin with a letter or `_` and go on with letters, digits and `_`
11:9 ST0031 the enum has no symbols; write {type: enum, symbols: [a, b]}
12:35 ST0004 the symbol `a` stands here twice; keep one of the two
12:38 ST0006 `b-c` is not an enum symbol; names begin with a letter or `_` and go on with letters, digits and `_`; for other texts use the type string with `one_of`
13:10 ST0031 `array` is not the form of a nested type; write {array: string}, with `?` behind the word if the value may be missing
14:18 ST0001 `type` is missing; write {type: TYPE, ...}
14:19 ST0002 there is no key `a` here; known here: `type`, `array`, `map`, `record`, `union`, `symbols`, `name`, `fixed`
15:17 ST0031 `type` is a list, not a type; write {union: [long, string]}
16:3 ST0001 `type` is missing; write {type: TYPE, ...}
16:10 ST0002 there is no key `typ` here; did you mean `type`?
16:28 ST0005 `doc` is a number, not a text; put it into quotes if it is meant as a text
17:3 ST0004 the fields `carrier` and `Carrier` differ in case alone; rename or remove one of the two
",
    );
}

#[test]
fn types_that_are_none_are_told_what_they_might_be() {
    refused(
        &with_fields("\n  a: decimal(39,2)\n  b: decimal(4,5)\n  c: decimal(x)\n  d: timestamp\n  e: strng\n  f: quux\n  g:\n  h: true"),
        "
4:6 ST0031 decimal(39,2) is not possible; the precision is 1 to 38 digits, and the scale is not above it
5:6 ST0031 decimal(4,5) is not possible; the precision is 1 to 38 digits, and the scale is not above it
6:6 ST0031 `decimal(x)` is not a decimal type; write decimal(precision,scale)
7:6 ST0031 there is no type `timestamp`; did you mean `timestamp-micros` or `timestamp-millis`?
8:6 ST0031 there is no type `strng`; did you mean `string`?
9:6 ST0031 there is no type `quux`; the types are: boolean, int, long, float, double, bytes, string, date, time-millis, time-micros, timestamp-millis, timestamp-micros, timestamp-nanos, local-timestamp-millis, local-timestamp-micros, local-timestamp-nanos, duration, uuid, enum, decimal(p,s), fixed(n), {array: T}, {map: T}, {record: {...}}, {union: [...]}
10:4 ST0031 the field `g` is nothing, not a type; write NAME: TYPE or NAME: {type: TYPE, doc: ..., pii: CLASS}
11:6 ST0031 the field `h` is a boolean, not a type; write NAME: TYPE or NAME: {type: TYPE, doc: ..., pii: CLASS}
",
    );
}

#[test]
fn a_decimal_in_braces_wants_quotes() {
    refused(
        &with_fields("{price: {type: decimal(9,2)}}"),
        "
3:24 ST0031 the type `decimal(9` has no closing bracket; inside `{ }` a comma ends the value: put the type into quotes, \"decimal(9,2)\"
3:34 ST0002 there is no key `2)` here; known here: `type`, `array`, `map`, `record`, `union`, `symbols`, `name`, `fixed`, `doc`, `pii`, `default`, `aliases`, `order`, `unit`, `min`, `max`, `min_length`, `max_length`, `pattern`, `one_of`, `unique`
",
    );
}

#[test]
fn words_like_no_and_on_stay_texts() {
    let c = Contract::from_yaml(
        &with_fields("{yes: string, kind: {type: enum, symbols: [on, no, y]}}"),
        Path::new("x"),
    );
    let c = c.unwrap();
    assert_eq!(c.fields[0].name, "yes");
    assert_eq!(c.fields[1].ty, Type::Enum(vec!["on".into(), "no".into(), "y".into()]));
}

#[test]
fn a_field_that_stands_twice_is_refused_at_its_place() {
    refused(
        &with_fields("\n  a: int\n  b: int\n  a: long"),
        "6:3 ST0004 `a` stands here twice; keep one of the two",
    );
}

#[test]
fn what_is_no_contract_is_refused() {
    let begin = "begin with contract: NAME, version: 1 and fields:";
    refused("", &format!("1:1 ST0001 a contract is a mapping, and this is nothing; {begin}"));
    refused("- a\n- b\n", &format!("1:1 ST0001 a contract is a mapping, and this is a list; {begin}"));
    refused(
        "doc: x\n",
        "
1:1 ST0001 `contract` is missing; name the contract: contract: NAME
1:1 ST0001 `version` is missing; write version: 1
1:1 ST0001 `fields` is missing; list the fields: NAME: TYPE
",
    );
    refused(&with_fields("{}"), "3:9 ST0031 the contract has no fields; list them: NAME: TYPE");
    refused(
        &with_fields("\n  - a: int"),
        "4:3 ST0005 `fields` is a list, not a mapping; write NAME: TYPE, one a line, without dashes",
    );
}

#[test]
fn broken_yaml_is_refused_with_its_place() {
    for (text, line) in [("contract: [a\n", 1), ("a: b: c\n", 1), ("contract: a\n\tversion: 1\n", 1)] {
        let error = Contract::from_yaml(text, Path::new("x.yaml")).unwrap_err();
        assert_eq!(error.code().name, "ST0001", "{text}");
        assert_eq!(error.where_().line, Some(line), "{error}");
        assert!(error.next_step().is_some());
    }
    let error = Contract::from_yaml("contract: a\n---\ncontract: b\n", Path::new("x.yaml")).unwrap_err();
    assert_eq!(error.message(), "the file holds more than one document");
}

#[test]
fn a_deep_text_is_refused_and_overflows_no_stack() {
    for text in crate::yaml_tree::tests::deep() {
        for error in [
            Contract::from_yaml(&text, Path::new("x.yaml")).unwrap_err(),
            Contract::from_avsc(&text, Path::new("x.avsc")).unwrap_err(),
        ] {
            assert_eq!(error.code().name, "ST0001", "{error}");
        }
        let error = Contract::from_yaml(
            &format!("contract: c\nversion: 1\nfields: {{a: {text}"),
            Path::new("x.yaml"),
        );
        assert_eq!(error.unwrap_err().code().name, "ST0001");
    }
}

#[test]
fn no_text_panics() {
    // Prefixes, and texts with one byte taken out or replaced: refused or read, but no panic.
    for at in (0..FLIGHT.len()).step_by(3) {
        for text in [
            FLIGHT[..at].to_owned(),
            format!("{}{}", &FLIGHT[..at], &FLIGHT[at + 1..]),
            format!(
                "{}{}{}",
                &FLIGHT[..at],
                ["{", "]", "&a *a", "\u{0}", "<<: *a", "\u{1F600}"][at % 6],
                &FLIGHT[at + 1..]
            ),
        ] {
            if let Err(error) = Contract::from_yaml(&text, Path::new("x.yaml")) {
                assert!(error.all().all(|e| e.code().name != "Internal.Bug"), "{error:?}\n{text}");
            }
        }
    }
}

#[test]
fn the_fingerprint_is_that_of_the_meaning() {
    let read = |text: &str| Contract::from_yaml(text, Path::new("x.yaml")).unwrap().fingerprint();
    let base = read(FLIGHT);
    // Fixed for ever: logs hold it.
    assert_eq!(base, "6e12140c47ec31ed58d8aa38a61eb0ee63d1fe207e6ecd6d67eeb9c444765621");
    for (from, to) in
        [("One scheduled departure.", "Other."), ("ops@", "me@"), (", doc: The tail number.", "")]
    {
        assert!(FLIGHT.contains(from));
        assert_eq!(read(&FLIGHT.replace(from, to)), base, "{from}");
    }
    for (from, to) in [
        ("contract: flight", "contract: flights"),
        ("version: 2", "version: 3"),
        ("key: [carrier, flight,", "key: [flight, carrier,"),
        ("event_time: time_hour\n", ""),
        ("int?", "int"),
        ("(9,2)", "(9,3)"),
        ("[a, b]", "[b, a]"),
        ("pii: aircraft", "pii: person"),
        ("  flight: int\n", "  flight: long\n"),
    ] {
        assert!(FLIGHT.contains(from));
        assert_ne!(read(&FLIGHT.replace(from, to)), base, "{from}");
    }
}
