//! Files in, a contract out; and the contract reads the files.

use super::{InferSpec, Inferred, infer, renaming, scan, source};
use crate::systems::files::source::FilesSource;
use proptest::prelude::*;
use staunch_commit::Source;
use staunch_contract::Contract;
use staunch_pipeline::{OptionValue, Options};
use staunch_types::Place;
use std::path::Path;

fn spec(folder: &Path, options: serde_json::Value, enums: Option<usize>) -> InferSpec {
    let mut object = Options::default();
    for (key, value) in options.as_object().unwrap() {
        let option = OptionValue { value: value.clone(), place: Place::file("staunch.yaml") };
        object.entries.insert(key.clone(), option);
    }
    InferSpec {
        name: "in/rows".into(),
        project: folder.into(),
        connection: Options::default(),
        object,
        contract: "rows".into(),
        enums,
    }
}

/// The fields, as `name: type`, of the contract that the files imply; they read the files without a dead row.
fn implied(
    files: &[(&str, &[u8])],
    options: serde_json::Value,
    enums: Option<usize>,
) -> (Vec<String>, Inferred) {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let spec = spec(folder.path(), options, enums);
    let inferred = infer(&spec).unwrap();
    proved(&spec, &inferred);
    let shown = |f: &staunch_contract::Field| {
        let part = staunch_contract::Element::new(f.ty.clone(), f.nullable);
        format!("{}: {part}", f.name)
    };
    (inferred.contract.fields.iter().map(shown).collect(), inferred)
}

/// What is printed is a contract, and reads everything that any contract could.
fn proved(spec: &InferSpec, inferred: &Inferred) {
    let yaml = inferred.contract.to_yaml();
    let read = Contract::from_yaml(&yaml, Path::new("rows.yaml")).unwrap_or_else(|e| panic!("{e}\n{yaml}"));
    assert_eq!(read, inferred.contract, "{yaml}");
    let object = renaming(&spec.object, &inferred.rename);
    let source: FilesSource = source(spec, &object, read.fields).unwrap();
    let (mut rows, mut dead) = (0, 0);
    scan(&source, &source.list().unwrap(), &mut |chunk| {
        rows += chunk.batch.num_rows() as u64;
        dead += chunk.dead.len() as u64;
        assert!(chunk.dead.iter().all(|d| d.field.is_none()), "{:?} with\n{yaml}", chunk.dead);
    })
    .unwrap();
    assert_eq!((rows, dead), (inferred.rows, inferred.unreadable.values().sum()), "{yaml}");
}

fn csv(text: &str) -> Vec<String> {
    implied(&[("a.csv", text.as_bytes())], serde_json::json!({"path": "*.csv", "format": "csv"}), None).0
}

#[test]
fn columns_of_csv_get_the_first_type_that_reads_them_all() {
    let text = "id,zip,price,ratio,big,day,at,utc,nano,clock,who,ok,name,none\n\
        1,01234,1.50,1.5,99999999999,2026-01-31,2026-01-31T10:00:00,2026-01-31T10:00:00Z,2026-01-31T10:00:00.123456789,10:00:00,00000000-0000-0000-0000-000000000001,true,a,\n\
        2,98765,-22.75,2,1,2026-02-01,2026-01-31 10:00:00.5,2026-01-31T10:00:00+02:00,2026-01-31T10:00:00,11:30,00000000-0000-0000-0000-000000000002,false,\"b,\nc\",\n\
        ,,,,,,,,,,,,,\n";
    assert_eq!(
        csv(text),
        [
            "id: long?",
            "zip: string?",
            "price: decimal(9,2)?",
            "ratio: double?",
            "big: long?",
            "day: date?",
            "at: local-timestamp-micros?",
            "utc: timestamp-micros?",
            "nano: local-timestamp-nanos?",
            "clock: time-micros?",
            "who: uuid?",
            "ok: boolean?",
            "name: string?",
            "none: string?",
        ]
    );
    // Nulls are told where they were seen alone.
    assert_eq!(csv("a,b\n1,\n2,x\n"), ["a: long", "b: string?"]);
    assert_eq!(csv("a,b\n"), ["a: string?", "b: string?"]);
    // An empty text between quotation marks is a null to a number, and a text to a text.
    assert_eq!(csv("a,b\n1,x\n\"\",\"\"\n"), ["a: long?", "b: string"]);
}

#[test]
fn names_that_no_field_can_have_are_renamed() {
    let options = serde_json::json!({"path": "*.csv", "format": "csv", "delimiter": ";"});
    let text = "User Id;größe;2nd;a;A;\n1;2;3;4;5;6\n";
    let (fields, inferred) = implied(&[("a.csv", text.as_bytes())], options, None);
    assert_eq!(fields, ["user_id: long", "gr_e: long", "_2nd: long", "a: long", "A_2: long"]);
    let renamed: Vec<_> = inferred.rename.iter().map(|(a, b)| format!("{a} {b}")).collect();
    assert_eq!(renamed, ["2nd _2nd", "A A_2", "User Id user_id", "größe gr_e"]);
    assert_eq!(inferred.notes, ["a column without a name is left out"]);
}

#[test]
fn the_options_of_the_object_hold() {
    let options = serde_json::json!({"path": "**/*.csv", "format": "csv", "nulls": ["NA"], "dates": {"born": "%d.%m.%Y", "seen": "%d.%m.%Y %H:%M"},
        "rename": {"B": "born"}, "partition": "day={day}"});
    let files: &[(&str, &[u8])] = &[
        ("day=2026-01-01/a.csv", b"id,B,seen\n1,31.12.1999,01.01.2026 10:00\nNA,NA,NA\n"),
        ("day=2026-01-02/b.csv", b"id,B,seen,more\n2,30.12.1999,01.01.2026 11:00,x\n"),
    ];
    let (fields, inferred) = implied(files, options, None);
    assert_eq!(
        fields,
        ["id: long?", "born: date?", "seen: local-timestamp-micros?", "more: string?", "day: date"]
    );
    assert_eq!((inferred.rows, inferred.rename.len()), (3, 0));
    let options = serde_json::json!({"path": "*.csv", "format": "csv", "header": false});
    let (fields, _) = implied(&[("a.csv", b"1,x\n2,y\n")], options, None);
    assert_eq!(fields, ["column_1: long", "column_2: string"]);
}

#[test]
fn what_no_contract_reads_is_counted_and_does_not_decide() {
    let options = serde_json::json!({"path": "*.csv", "format": "csv"});
    let text = b"a,b\n1,2\n1,2,3\n\"x,y\n4,5\n6,\xff\n";
    let (fields, inferred) = implied(&[("a.csv", text)], options, None);
    assert_eq!(fields, ["a: long", "b: bytes"]);
    assert_eq!((inferred.rows, inferred.unreadable.values().sum::<u64>()), (3, 2));
}

#[test]
fn an_enum_is_made_where_it_is_asked_for() {
    let options = serde_json::json!({"path": "*.csv", "format": "csv"});
    let file: &[(&str, &[u8])] = &[("a.csv", b"kind,word,n\nbuy,a b,1\nview,c,2\nbuy,d,3\n")];
    let (fields, inferred) = implied(file, options.clone(), Some(2));
    assert_eq!(fields, ["kind: enum", "word: string", "n: long"]);
    assert!(inferred.contract.to_yaml().contains("kind: {type: enum, symbols: [buy, view]}"));
    assert_eq!(implied(file, options.clone(), Some(1)).0[0], "kind: string");
    assert_eq!(implied(file, options, None).0[0], "kind: string");
}

#[test]
fn values_of_json_are_merged() {
    let lines = br#"{"id": 1, "n": 1, "x": 1.5, "big": 18446744073709551615, "ok": true, "at": "2026-01-31T10:00:00Z", "tags": ["a"], "who": {"name": "b", "age": 3}, "mixed": 1, "Odd Key": 1, "attrs": {"a-b": 1}, "empty": []}
{"id": 2, "n": null, "x": 2, "big": 1, "ok": false, "at": "2026-01-31T10:00:00Z", "tags": ["b", null], "who": {"name": "c"}, "mixed": "x", "attrs": {"c d": 2}, "late": {}}

no json
"#;
    let options = serde_json::json!({"path": "*.json", "format": "json"});
    let (fields, inferred) = implied(&[("a.json", lines)], options, None);
    assert_eq!(
        fields,
        [
            "id: long",
            "n: long?",
            "x: double",
            "big: decimal(38,0)",
            "ok: boolean",
            "at: timestamp-micros",
            "tags: {array: string?}",
            "who: {record: {name: string, age: long?}}",
            "mixed: {union: [long, string]}",
            "odd_key: long?",
            "attrs: {map: long}",
            "empty: {array?: string}",
            "late: {map?: string}",
        ]
    );
    assert_eq!(inferred.unreadable.values().sum::<u64>(), 1);
}

#[test]
fn many_keys_are_a_map_and_depth_has_an_end() {
    let keys: Vec<String> = (0..1500).map(|n| format!("\"k{n}\": {n}")).collect();
    let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
    let line = format!("{{\"id\": 1, \"all\": {{{}}}, \"deep\": {deep}}}\n", keys.join(", "));
    let options = serde_json::json!({"path": "*.json", "format": "json"});
    let (fields, inferred) = implied(&[("a.json", line.as_bytes())], options, None);
    assert_eq!(fields, ["id: long", "all: {map: long}"]);
    assert!(inferred.notes[0].starts_with("`deep` is left out"), "{:?}", inferred.notes);
}

/// A cell of some kind, as CSV has it.
fn cell() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("\"\"".to_owned()),
        "-?[0-9]{1,20}",
        "-?[0-9]{1,6}\\.[0-9]{1,3}",
        "[0-9]{4}-[01][0-9]-[0-3][0-9]",
        "20[0-9]{2}-0[1-9]-1[0-9][T ]1[0-9]:[0-5][0-9]:00(\\.[0-9]{1,9})?(Z|\\+02:00)?",
        "(true|false|NaN|inf|1e5|0x1|\\+1|TRUE|null)",
        "[a-zA-Zé%;'-]{0,8}",
        "\"[a-z,\n\"]{0,4}\"",
        "[0-2][0-9]:[0-5][0-9](:[0-5][0-9])?",
    ]
}

/// A value of JSON, not too deep.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        (-1e9..1e9).prop_map(|f: f64| f.into()),
        cell().prop_map(Into::into),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("[a-c]|A| |a-b", inner, 0..4)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever stands in the cells: what is inferred reads it. Columns are of one kind mostly, so that types other than texts come up.
    #[test]
    fn what_is_inferred_from_csv_reads_it(
        rows in prop::collection::vec(prop::collection::vec(cell(), 3), 0..12),
        same in prop::collection::vec(cell(), 1..6),
    ) {
        let mut text = "a,b,c\n".to_owned();
        for (n, row) in rows.iter().enumerate() {
            text.push_str(&format!("{},{},{}\n", row[0], row[1], same[n % same.len()]));
        }
        csv(&text);
    }

    #[test]
    fn what_is_inferred_from_json_reads_it(
        rows in prop::collection::vec(prop::collection::btree_map("[a-d]|B|x y", json(), 0..5), 1..8),
    ) {
        let mut text = String::new();
        for row in rows {
            let row: serde_json::Map<_, _> = row.into_iter().chain([("id".to_owned(), 1.into())]).collect();
            text.push_str(&format!("{}\n", serde_json::Value::Object(row)));
        }
        let options = serde_json::json!({"path": "*.json", "format": "json"});
        implied(&[("a.json", text.as_bytes())], options, None);
    }
}
