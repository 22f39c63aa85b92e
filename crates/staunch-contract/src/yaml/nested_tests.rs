//! Nested types, attributes and constraints in YAML: what is read, and every mistake with its place.

use crate::model::{Contract, Order, Type};
use std::path::Path;

const ORDER: &str = "\
contract: order
version: 1
namespace: org.shop
aliases: [sale]
freshness: 2 h
event_time: at
fields:
  id: {type: uuid, fixed: 16, unique: true}
  at: timestamp-nanos
  tags: {array: string, max_length: 5, doc: What it is about.}
  attributes: {map?: \"long?\"}
  address: {record: {street: string, zip: \"string?\", geo: {record?: {lat: double, lon: double}, name: geo}}, name: org.shop.address}
  value: {union: [long, string, null]}
  shape: {union?: [{record: {r: int}, name: circle}, {record: {a: int, b: int}, name: box}, {array: int}]}
  price: {type: \"decimal(9,2)\", fixed: 4, min: 0.01, max: \"9999999.99\", unit: EUR}
  state: {type: enum, symbols: [new, paid], default: new, aliases: [status], order: ignore}
  country: {type: string?, pattern: \"[A-Z]{2}\", one_of: [DE, CH]}
  digest: fixed(16)
  took: duration?
  n: {type: int, default: 7}
  lists: {array: {array: {map: {type: enum, symbols: [a]}}}}
";

fn read(text: &str) -> Contract {
    Contract::from_yaml(text, Path::new("x.yaml")).unwrap_or_else(|e| panic!("{e:?}"))
}

fn refused(fields: &str, wanted: &str) {
    let text = format!("contract: c\nversion: 1\nfields:\n{fields}");
    let error = Contract::from_yaml(&text, Path::new("x.yaml")).unwrap_err();
    let found: Vec<_> = error
        .all()
        .map(|e| {
            let at = (e.where_().line.unwrap_or(0), e.where_().column.unwrap_or(0));
            assert!(e.next_step().is_some_and(|hint| !hint.is_empty()), "no hint: {e}");
            format!("{}:{} {} {}", at.0, at.1, e.code().name, e.message())
        })
        .collect();
    assert_eq!(found.join("\n"), wanted.trim());
}

#[test]
fn everything_that_a_contract_can_say_is_read() {
    let c = read(ORDER);
    let types: Vec<_> = c
        .fields
        .iter()
        .map(|f| format!("{} {}{}", f.name, f.ty, if f.nullable { " or null" } else { "" }))
        .collect();
    assert_eq!(
        types,
        [
            "id uuid",
            "at timestamp-nanos",
            "tags {array: string}",
            "attributes {map: long?} or null",
            "address {record: {street: string, zip: string?, geo: {record?: {lat: double, lon: double}}}}",
            "value {union: [long, string]} or null",
            "shape {union: [{record: {r: int}}, {record: {a: int, b: int}}, {array: int}]} or null",
            "price decimal(9,2)",
            "state enum",
            "country string or null",
            "digest fixed(16)",
            "took duration or null",
            "n int",
            "lists {array: {array: {map: enum}}}",
        ]
    );
    let field = |name: &str| c.field(name).unwrap();
    assert_eq!((c.namespace.as_deref(), &c.aliases[..]), (Some("org.shop"), &["sale".to_owned()][..]));
    assert_eq!(c.freshness.unwrap().as_secs(), 7200);
    assert_eq!((field("id").avro.fixed, field("id").constraints.unique), (Some(16), true));
    assert_eq!(field("address").avro.name.as_deref(), Some("org.shop.address"));
    let Type::Union(branches) = &field("shape").ty else { panic!() };
    let names: Vec<_> = branches.iter().map(|b| b.branch()).collect();
    assert_eq!(names, ["org.shop.circle", "org.shop.box", "array"]);
    assert_eq!(field("price").unit.as_deref(), Some("EUR"));
    assert_eq!(field("price").constraints.max.as_ref().unwrap().text(), "9999999.99");
    assert_eq!(field("state").order, Order::Ignore);
    assert_eq!(field("state").default, Some("new".into()));
    assert_eq!(field("tags").doc.as_deref(), Some("What it is about."));
}

#[test]
fn yaml_and_avro_say_the_same() {
    let c = read(ORDER);
    let text = c.to_avro_json().to_string();
    let again = Contract::from_avsc(&text, Path::new("x.avsc")).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
    assert_eq!(again.fingerprint(), c.fingerprint());
    // The names that the schema had to make stand in the namespace from then on.
    let text = again.to_avro_json().to_string();
    let third = Contract::from_avsc(&text, Path::new("x.avsc")).unwrap();
    assert_eq!((third.to_avro_json().to_string(), &third), (text, &again));
    assert_eq!(again.arrow_schema(), c.arrow_schema());
    let attributes = |c: &Contract| {
        let of = |f: &crate::Field| {
            (
                f.default.clone(),
                f.order,
                f.aliases.clone(),
                f.unit.clone(),
                f.constraints.clone(),
                f.doc.clone(),
            )
        };
        (c.namespace.clone(), c.aliases.clone(), c.freshness, c.fields.iter().map(of).collect::<Vec<_>>())
    };
    assert_eq!(attributes(&again), attributes(&c));
}

#[test]
fn mistakes_inside_types_have_their_place() {
    refused(
        "  a: {array: strin}
  b: {record: {x: int, X: int, 9: int}}
  c: {record: {}}
  d: {union: [long, timestamp-micros]}
  e: {union: [long, string?]}
  f: {union: [long]}
  g: {union: [{record: {a: int}}, string]}
  h: {array: {type: string, pii: p}}
  i: {record: {x: {type: string, pii: p, min_length: 1}}}
  j: {array: int, map: int}
  k: fixed(0)
  l: {type: \"decimal(9,2)\", fixed: 3}
  m: {type: long, fixed: 8}
  n: {type: long, name: m}
  o: {union: [{union: [int, string]}, boolean]}
  p: {map: {array: int, symbols: [a]}}
  q: [long, string]
  r: {type?: string}
  s: {array: }
",
        "
4:14 ST0031 there is no type `strin`
5:24 ST0004 the fields `x` and `X` differ in case alone
5:32 ST0006 `9` is not a field's name
6:15 ST0031 the record has no fields
7:21 ST0004 two branches of the union are `long` to Avro
8:21 ST0031 a branch of a union may be missing
9:14 ST0031 the union has one branch alone
10:15 ST0031 a branch that is a record needs a name
11:29 ST0002 `pii` belongs to a field, and this is a part without a name
12:39 ST0031 the PII class of `x` stands inside a nested type
12:42 ST0031 `min_length` of `x` stands inside a nested type
13:19 ST0031 `array` and `map` stand side by side
14:6 ST0031 fixed(0) is not possible
15:13 ST0031 3 bytes do not hold every decimal(9,2)
16:13 ST0031 `fixed` does not belong to long
17:13 ST0031 a type name does not belong to long
18:15 ST0031 a union stands directly in a union
19:34 ST0031 `symbols` belongs to an enum, and this is array
20:6 ST0031 the field `q` is a list, not a type
21:7 ST0002 there is no key `type?` here
22:12 ST0031 a type is a word or a mapping, and this is nothing
",
    );
}

#[test]
fn constraints_that_make_no_sense_are_refused() {
    refused(
        "  a: {type: string, min: 1}
  b: {type: int, min: 5, max: 4}
  c: {type: int, min: 1.5, max: x}
  d: {type: string, min_length: 9, max_length: 8}
  e: {type: string, pattern: \"a)(b\"}
  f: {type: enum, symbols: [a], one_of: [a]}
  g: {type: string, one_of: [1, a, a]}
  h: {type: \"decimal(3,1)\", min: 0.25, max: 1000}
  i: {type: date, min: 2026-02-30, max: 2026-12-31}
  j: {type: timestamp-millis, min: \"2026-01-01T00:00:00.0001Z\"}
  k: {type: double, one_of: [1.5]}
  l: {array: int, unique: true}
  m: {type: int, unique: 1}
  n: {type: string, unit: kg}
  o: {type: string, default: 1}
  p: {type: local-timestamp-micros, max: \"2026-01-01T00:00:00Z\"}
  q: {type: int, min_length: 1}
  r: {type: int, min: 2147483648}
",
        "
4:21 ST0031 `min` does not belong to `a`, which is string
5:31 ST0031 `max` of `b` is below the least value: nothing keeps to both
6:23 ST0005 `min` is no value of int
6:33 ST0005 `max` is no value of int
7:48 ST0031 `max_length` of `d` is below the least value: nothing keeps to both
8:30 ST0005 `pattern` is not a regular expression
9:33 ST0031 `one_of` does not belong to `f`, which is enum
10:30 ST0005 `one_of` is no value of string
10:36 ST0004 a value of `one_of` stands there twice
11:34 ST0005 `min` is no value of decimal(3,1)
11:45 ST0005 `max` is no value of decimal(3,1)
12:24 ST0005 `min` is no value of date
13:36 ST0005 `min` is no value of timestamp-millis
14:21 ST0031 `one_of` does not belong to `k`, which is double
15:19 ST0031 `unique` does not belong to `l`, which is {array: int}
16:26 ST0005 `unique` is neither true nor false
17:27 ST0031 `n` has a unit, and string is no number
18:30 ST0031 the default is no value of string
19:42 ST0005 `max` is no value of local-timestamp-micros
20:18 ST0031 `min_length` does not belong to `q`, which is int
21:23 ST0005 `min` is no value of int
",
    );
}

#[test]
fn what_a_contract_as_a_whole_cannot_have_is_refused() {
    for (text, wanted) in [
        ("contract: c\nversion: 1\nkey: [a]\nfields: {a: {array: int}}\n", "the key field `a` is nested"),
        ("contract: c\nversion: 1\nfreshness: 1 h\nfields: {a: int}\n", "`freshness` needs an event time"),
        (
            "contract: c\nversion: 1\nfreshness: soon\nevent_time: a\nfields: {a: date}\n",
            "`freshness` is not a duration",
        ),
        ("contract: c\nversion: 1\nnamespace: a..b\nfields: {a: int}\n", "`a..b` is not a namespace"),
    ] {
        let error = Contract::from_yaml(text, Path::new("x.yaml")).unwrap_err();
        assert_eq!(error.message(), wanted);
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |levels: usize| {
        let ty = (0..levels).fold("int".to_owned(), |inner, _| format!("{{array: {inner}}}"));
        Contract::from_yaml(&format!("contract: c\nversion: 1\nfields: {{a: {ty}}}\n"), Path::new("x.yaml"))
    };
    assert!(nested(16).is_ok());
    assert_eq!(nested(17).unwrap_err().message(), "types are nested more than 16 deep");
}

#[test]
fn constraints_and_parts_of_types_are_part_of_the_fingerprint_and_words_are_not() {
    let print =
        |fields: &str| read(&format!("contract: c\nversion: 1\nfields: {{a: {fields}}}\n")).fingerprint();
    let same = |a: &str, b: &str| assert_eq!(print(a), print(b), "{a} and {b}");
    let other = |a: &str, b: &str| assert_ne!(print(a), print(b), "{a} and {b}");
    other("int", "{type: int, min: 0}");
    other("{type: int, min: 0}", "{type: int, min: 1}");
    other("{array: int}", "{array: int?}");
    other("{record: {a: {type: enum, symbols: [x]}}}", "{record: {a: {type: enum, symbols: [y]}}}");
    other("{record: {a: int, b: int}}", "{record: {b: int, a: int}}");
    other("{union: [int, string]}", "{union: [string, int]}");
    same("int", "{type: int, doc: d, unit: kg, default: 1, aliases: [b], order: descending}");
    same("{record: {a: int}}", "{record: {a: {type: int, doc: d}}, name: r}");
    same("uuid", "{type: uuid, fixed: 16}");
}
