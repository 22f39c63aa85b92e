//! Outputs and their contracts: nullability, keys, event time, personal classes.

use super::{Input, input, plan, plan_of, process};
use crate::sql::StagePlan;
use staunch_contract::{Contract, Field, Type};
use std::sync::Arc;

fn inputs() -> Vec<Input> {
    vec![
        input("flights", "id long, carrier string, delay int?, at timestamp, tail string?", "")
            .key(&["id"])
            .event_time("at")
            .pii("tail", "aircraft"),
        input("carriers", "carrier string, name string", "").reference().key(&["carrier"]),
    ]
}

/// `name type?` for each field, then key, event time and classes.
fn shown(plan: &StagePlan) -> String {
    let c = &plan.contract;
    let fields: Vec<String> = c
        .fields
        .iter()
        .map(|f| format!("{} {}{}", f.name, f.ty, if f.nullable { "?" } else { "" }))
        .collect();
    let mut text = fields.join(", ");
    if !c.key.is_empty() {
        text += &format!("; key {}{}", c.key.join(" "), if plan.unique_key_proven { " proven" } else { "" });
    }
    if let Some(time) = &c.event_time {
        text += &format!("; at {time}");
    }
    for field in c.fields.iter().filter(|f| !f.pii.is_empty()) {
        text += &format!("; {} is {}", field.name, field.classes());
    }
    text
}

#[test]
fn what_a_query_implies() {
    let cases = [
        ("SELECT id, at, delay FROM flights", "id long, at timestamp-micros, delay int?; key id; at at"),
        ("SELECT id AS flight, delay FROM flights WHERE delay > 3", "flight long, delay int; key flight"),
        (
            "SELECT id, coalesce(delay, 0) AS d, delay IS NULL AS none FROM flights",
            "id long, d long, none boolean; key id",
        ),
        (
            "SELECT id, upper(carrier) AS c, CASE WHEN delay > 1 THEN 'a' ELSE 'b' END AS k FROM flights",
            "id long, c string, k string; key id",
        ),
        (
            "SELECT carrier, count(*) AS n, max(at) AS last, sum(delay) AS s FROM flights GROUP BY carrier",
            "carrier string, n long, last timestamp-micros, s long?; key carrier proven",
        ),
        (
            "SELECT carrier, at, count(*) AS n FROM flights GROUP BY carrier, at",
            "carrier string, at timestamp-micros, n long; key carrier at proven; at at",
        ),
        ("SELECT max(id) AS m, count(delay) AS n FROM flights", "m long?, n long"),
        // What DataFusion counts in unsigned numbers is signed, wherever it is used.
        (
            "SELECT id, row_number() OVER (ORDER BY id) AS a, rank() OVER (ORDER BY at) + 1 AS b, r.d FROM (SELECT *, dense_rank() OVER (ORDER BY at) AS d FROM flights) r",
            "id long, a long, b long, d long",
        ),
        (
            "SELECT carrier, n + max(n) OVER () AS s FROM (SELECT carrier, ntile(4) OVER (ORDER BY carrier) AS n FROM carriers UNION ALL SELECT carrier, 1 FROM carriers) t",
            "carrier string, s long?",
        ),
        (
            "SELECT id, array_length(string_to_array(carrier, '-')) AS n FROM flights",
            "id long, n long?; key id",
        ),
        (
            "SELECT f.id, c.name FROM flights f JOIN carriers c ON f.carrier = c.carrier",
            "id long, name string; key id",
        ),
        (
            "SELECT f.id, c.name FROM flights f LEFT JOIN carriers c ON f.carrier = c.carrier",
            "id long, name string?; key id",
        ),
        ("SELECT f.id, c.name FROM flights f JOIN carriers c ON f.carrier = c.name", "id long, name string"),
        ("SELECT DISTINCT carrier FROM flights", "carrier string; key carrier proven"),
        (
            "SELECT id, carrier FROM (SELECT *, row_number() OVER (PARTITION BY carrier ORDER BY at, id) AS r FROM flights) t WHERE r = 1",
            "id long, carrier string; key carrier proven",
        ),
        ("SELECT id, sum(delay) OVER (PARTITION BY carrier) AS s FROM flights", "id long, s long?"),
        ("SELECT id, lower(tail) AS t FROM flights", "id long, t string?; key id; t is aircraft"),
        (
            "SELECT carrier, count(tail) AS n, max(tail) AS t FROM flights GROUP BY carrier",
            "carrier string, n long, t string?; key carrier proven; t is aircraft",
        ),
        ("SELECT id, id + 1 AS next, -delay AS early FROM flights", "id long, next long, early int?; key id"),
    ];
    for (sql, expected) in cases {
        let plan = plan(sql, &inputs()).unwrap_or_else(|e| panic!("{e:?}\nof {sql}"));
        assert_eq!(shown(&plan), expected, "\nof {sql}");
    }
}

fn field(name: &str, ty: Type, nullable: bool) -> Field {
    Field::new(name, ty, nullable)
}

fn declared(fields: Vec<Field>, key: &[&str]) -> Option<Arc<Contract>> {
    let key = key.iter().map(|k| (*k).to_owned()).collect();
    Some(Arc::new(Contract { key, ..Contract::new("want", 1, fields) }))
}

#[test]
fn all_misfits_at_once_at_their_items() {
    let mut stage = process("SELECT id,\n  carrier AS n,\n  delay AS wrong\nFROM flights");
    stage.contract = declared(
        vec![field("id", Type::Long, false), field("n", Type::Long, false), field("d", Type::Int, true)],
        &[],
    );
    let error = plan_of(&stage, &inputs()).unwrap_err();
    let found: Vec<String> = error
        .all()
        .map(|e| {
            format!(
                "{} {}:{} {}",
                e.code().name,
                e.where_().line.unwrap(),
                e.where_().column.unwrap(),
                e.message()
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            "ST0030 11:3 the column `n` is Utf8, and long does not hold all its values",
            "ST0030 10:5 the output has no column `d`, which `want@1` wants as int?",
            "ST0030 12:3 the output has a column `wrong`, which `want@1` does not have",
        ]
    );
}

#[test]
fn what_cannot_be_proved_is_a_note() {
    let mut stage = process("SELECT carrier, delay FROM flights ORDER BY id");
    stage.contract =
        declared(vec![field("carrier", Type::String, false), field("delay", Type::Int, false)], &["carrier"]);
    let plan = plan_of(&stage, &inputs()).unwrap();
    assert_eq!(
        plan.notes,
        [
            "asserted while it runs: `delay` is never null",
            "asserted while it runs: the key (`carrier`) is unique"
        ]
    );
    assert!(!plan.unique_key_proven);
    // The same for a grouped aggregate needs no assertion.
    let mut stage = process("SELECT carrier, CAST(count(*) AS INT) AS delay FROM flights GROUP BY carrier");
    stage.contract =
        declared(vec![field("carrier", Type::String, false), field("delay", Type::Int, false)], &["carrier"]);
    let plan = plan_of(&stage, &inputs()).unwrap();
    assert!(plan.notes.is_empty() && plan.unique_key_proven, "{:?}", plan.notes);
}

#[test]
fn a_personal_class_is_not_lost_on_the_way() {
    let mut stage = process("SELECT id, lower(tail) AS t FROM flights");
    stage.contract = declared(vec![field("id", Type::Long, false), field("t", Type::String, true)], &[]);
    let error = plan_of(&stage, &inputs()).unwrap_err();
    assert_eq!(
        error.message(),
        "`t` is made of `flights.tail`, which is personal (aircraft), and `want@1` does not say so"
    );
    assert_eq!((error.where_().line, error.where_().column), (Some(10), Some(16)));
}

#[test]
fn a_fingerprint_changes_with_query_and_contract_and_with_nothing_else() {
    let print = |sql: &str| plan(sql, &inputs()).unwrap().fingerprint;
    let first = print("SELECT id FROM flights WHERE delay > 1");
    assert_eq!(first.len(), 64);
    assert_eq!(first, print("select  id\nfrom flights where delay > 1 -- the same"));
    assert_ne!(first, print("SELECT id FROM flights WHERE delay > 2"));
    assert_ne!(first, print("SELECT id AS i FROM flights WHERE delay > 1"));
}
