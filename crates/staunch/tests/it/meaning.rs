//! Queries that mean what SQL says, where a parser or an engine is easily of another mind: the rows are worked out by hand.

use crate::project::Project;

const PROJECT: &str = "project: meaning
profiles:
  dev:
    in:
      type: files
      root: data
      objects: {a: {path: a.csv, format: csv}, b: {path: b.csv, format: csv}}
    out: {type: files, root: out, objects: {o: {path: o, format: json}}}
";
const A: &str = "id,k,f,t0,t1
1,1,true,2024-01-01T00:00:00Z,2024-01-11T00:00:00Z
2,2,false,2024-01-01T00:00:00Z,2024-01-01T00:00:00.5Z
3,,false,2024-01-01T00:00:00Z,2024-01-01T00:10:00Z
99,9,false,2024-01-01T00:00:00Z,2024-01-01T00:10:00Z
";

/// The rows that a query gives, as lines of JSON in order.
fn rows(sql: &str) -> Vec<String> {
    let project = Project::empty();
    let second = if sql.contains("FROM b") || sql.contains("JOIN b") {
        "  b: {from: in/b, contract: b@1}\n"
    } else {
        ""
    };
    project
        .write("staunch.yaml", PROJECT)
        .write("contracts/a.yaml", "contract: a\nversion: 1\nfields: {id: long, k: int?, f: boolean?, t0: timestamp-micros, t1: timestamp-micros}\n")
        .write("contracts/b.yaml", "contract: b\nversion: 1\nfields: {k: int, m: int}\n")
        .write("data/a.csv", A)
        .write("data/b.csv", "k,m\n1,10\n7,70\n")
        .write(
            "pipelines/p.yaml",
            format!("pipeline: p\nread:\n  a: {{from: in/a, contract: a@1}}\n{second}process:\n  o: |\n    {sql}\nwrite:\n  - {{from: o, to: out/o, mode: replace, allow_empty: true}}\n"),
        );
    project.staunch(&["run"]).ok();
    let mut lines = Vec::new();
    for file in std::fs::read_dir(project.root.join("out/o")).into_iter().flatten() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|e| e == "ndjson") {
            lines.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
        }
    }
    lines.sort();
    lines
}

fn ids(sql: &str) -> Vec<u64> {
    let id = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap();
    let mut ids: Vec<u64> = rows(sql).iter().map(id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn and_and_or_bind_less_than_distinct_from() {
    assert_eq!(ids("SELECT id FROM a WHERE f IS DISTINCT FROM true AND id < 1"), Vec::<u64>::new());
    assert_eq!(ids("SELECT id FROM a WHERE f IS NOT DISTINCT FROM true OR id < 50"), [1, 2, 3]);
    assert_eq!(ids("SELECT id FROM a WHERE id = 99 OR k IS DISTINCT FROM 2 AND id < 3"), [1, 99]);
}

#[test]
fn intervals_are_compared_by_their_length() {
    assert_eq!(ids("SELECT id FROM a WHERE t1 - t0 > INTERVAL '5 days'"), [1]);
    assert_eq!(ids("SELECT id FROM a WHERE t1 - t0 < INTERVAL '5 days'"), [2, 3, 99]);
    assert_eq!(
        ids("SELECT id FROM a WHERE t1 - t0 BETWEEN INTERVAL '1 minute' AND INTERVAL '1 month'"),
        [1, 3, 99]
    );
    assert_eq!(
        ids("SELECT id FROM a WHERE t1 - t0 IN (INTERVAL '600 seconds', INTERVAL '240 hours')"),
        [1, 3, 99]
    );
    assert_eq!(ids("SELECT id FROM a WHERE INTERVAL '24 hours' = INTERVAL '1 day' AND id < 3"), [1, 2]);
    assert_eq!(
        rows("SELECT f, max(t1) - min(t0) > INTERVAL '9 days' AS long FROM a GROUP BY f"),
        [r#"{"f":false,"long":false}"#, r#"{"f":true,"long":true}"#]
    );
    let pairs = "SELECT x.id AS id, y.id AS other FROM a x JOIN a y ON x.id < y.id AND y.t1 - x.t1 BETWEEN INTERVAL '0 seconds' AND INTERVAL '3 days'";
    assert_eq!(rows(pairs).len(), 3);
}

#[test]
fn the_seconds_between_two_times_keep_their_fraction() {
    let epoch =
        "SELECT id, extract(epoch FROM t1 - TIMESTAMP '2023-06-01T00:00:00') AS e FROM a WHERE id = 2";
    assert_eq!(rows(epoch), [r#"{"id":2,"e":18489600.5}"#]);
}

#[test]
fn in_is_null_where_a_null_may_be_the_one() {
    assert_eq!(ids("SELECT id FROM a WHERE k NOT IN (SELECT k FROM b)"), [2, 99]);
    assert_eq!(ids("SELECT id FROM a WHERE k IN (SELECT k FROM b) OR f"), [1]);
    // Nothing can be null on either side.
    assert_eq!(ids("SELECT id FROM a WHERE id NOT IN (SELECT k FROM b) OR f"), [1, 2, 3, 99]);
    assert_eq!(ids("SELECT id FROM a WHERE NOT (id IN (SELECT k FROM b) AND f)"), [2, 3, 99]);
    assert_eq!(ids("SELECT id FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.k = a.k)"), [2, 3, 99]);
}

#[test]
fn a_subquery_without_a_row_is_null() {
    assert_eq!(ids("SELECT id FROM a WHERE (SELECT k FROM b WHERE m = 0) IS NULL OR id = 1"), [1, 2, 3, 99]);
    assert_eq!(ids("SELECT id FROM a WHERE id > coalesce((SELECT k FROM b WHERE m = 0), 2)"), [3, 99]);
    assert_eq!(
        ids("SELECT id FROM a WHERE (SELECT k FROM b WHERE m = 0) = (SELECT k FROM b WHERE m = 0)"),
        Vec::<u64>::new()
    );
    assert_eq!(
        rows("SELECT count(*) AS n, (SELECT k FROM b WHERE m = 0) AS k FROM a"),
        [r#"{"n":4,"k":null}"#]
    );
    assert_eq!(
        ids(
            "SELECT id FROM a WHERE CASE WHEN (SELECT k FROM b WHERE m = 0) IS NULL THEN 'none' ELSE 'some' END = 'none'"
        ),
        [1, 2, 3, 99]
    );
    assert_eq!(ids("SELECT id FROM a WHERE (SELECT count(*) FROM b WHERE b.k = a.k) = 0"), [2, 3, 99]);
}

#[test]
fn not_in_sees_the_null_that_an_expression_makes() {
    assert_eq!(ids("SELECT id FROM a WHERE NULLIF(id, 2) NOT IN (SELECT k FROM b)"), [3, 99]);
    assert_eq!(ids("SELECT id FROM a WHERE CASE WHEN id > 4 THEN 99 END NOT IN (SELECT k FROM b)"), [99]);
    assert_eq!(
        ids("SELECT id FROM a WHERE TRY_CAST(CAST(t0 AS STRING) AS BIGINT) NOT IN (SELECT k FROM b)"),
        Vec::<u64>::new()
    );
    assert_eq!(ids("SELECT id FROM a WHERE id + NULL NOT IN (SELECT k FROM b)"), Vec::<u64>::new());
}

#[test]
fn a_case_of_conditions_guards_its_branches() {
    assert_eq!(
        rows("SELECT DISTINCT id, CASE WHEN id <> 1 THEN 100 / (id - 1) > 60 END AS n FROM a WHERE id < 4"),
        [r#"{"id":1,"n":null}"#, r#"{"id":2,"n":true}"#, r#"{"id":3,"n":false}"#]
    );
    assert_eq!(
        rows("SELECT bool_or(CASE WHEN id <> 1 THEN 100 / (id - 1) > 60 ELSE false END) AS n FROM a"),
        [r#"{"n":true}"#]
    );
    assert_eq!(
        ids(
            "SELECT a.id FROM a JOIN b ON b.k < 2 AND CASE WHEN a.id = 1 THEN FALSE ELSE 100 / (a.id - 1) > 60 END"
        ),
        [2]
    );
    assert_eq!(
        ids("SELECT id FROM a WHERE CASE WHEN id = 1 THEN TRUE WHEN 100 / (id - 1) > 60 THEN FALSE END"),
        [1]
    );
}
