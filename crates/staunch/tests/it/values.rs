//! Values that an engine easily takes for others: parts of a record that is not there, numbers of two kinds, zeros with a sign, a NaN that was
//! computed, decimals that outgrow their type. The rows are worked out by hand.

use crate::project::Project;

const PROJECT: &str = "project: values
profiles:
  dev:
    in:
      type: files
      root: data
      objects: {t: {path: t.ndjson, format: json}, u: {path: t.ndjson, format: json}}
    packed: {type: files, root: out, objects: {rows: {path: packed/*.parquet, format: parquet}}}
    out:
      type: files
      root: out
      objects: {o: {path: o, format: json}, packed: {path: packed, format: parquet}}
";
const FIELDS: &str = "{id: long, f: double?, g: double?, d: \"decimal(9,2)?\", w: \"decimal(38,0)?\", n: int?, s: string?, day: date?, at: timestamp-micros?, r: {record?: {x: int, y: string, z: {record?: {q: long}}}}, l: {array?: \"double?\"}, ls: {array?: \"string?\"}}";
const ROWS: &str = r#"{"id":1,"f":1e-16,"g":0.0,"d":0.00,"w":60000000000000000000000000000000000000,"n":1,"s":"a","day":"2024-01-01","at":"2024-01-01T10:00:00Z","r":null,"l":[0.0,1.5],"ls":["3"]}
{"id":2,"f":-0.0,"g":"NaN","d":1.50,"w":1,"n":2,"s":"b","day":null,"r":{"x":7,"y":"q","z":null},"l":[-0.0,1.5],"ls":["x"]}
{"id":3,"f":"Infinity","g":"Infinity","d":null,"w":null,"n":null,"s":null,"day":"2024-01-02","r":{"x":8,"y":"w","z":{"q":5}},"l":null}
{"id":4,"f":0.0,"g":1e300,"d":1.50,"w":2,"n":4,"s":"d","day":null,"r":null,"l":[null,2],"ls":[]}
"#;

fn project(sql: &str) -> Project {
    let project = Project::empty();
    let second = if sql.contains(" u") { "  u: {from: in/u, contract: u@1}\n" } else { "" };
    project
        .write("staunch.yaml", PROJECT)
        .write("contracts/t.yaml", format!("contract: t\nversion: 1\nfields: {FIELDS}\n"))
        .write("contracts/u.yaml", format!("contract: u\nversion: 1\nfields: {FIELDS}\n"))
        .write("data/t.ndjson", ROWS)
        .write(
            "pipelines/p.yaml",
            format!("pipeline: p\nread:\n  t: {{from: in/t, contract: t@1}}\n{second}process:\n  o: |\n    {sql}\nwrite:\n  - {{from: o, to: out/o, mode: replace, allow_empty: true}}\ndead_letters: {{at_most: 100 %}}\n"),
        );
    project
}

fn lines(project: &Project) -> Vec<String> {
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

/// The rows that a query gives, as sorted lines of JSON.
fn rows(sql: &str) -> Vec<String> {
    let project = project(sql);
    project.staunch(&["run"]).ok();
    lines(&project)
}

/// The ids of the rows that a query gives.
fn ids(sql: &str) -> Vec<u64> {
    let id = |line: &String| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_u64().unwrap();
    let mut ids: Vec<u64> = rows(sql).iter().map(id).collect();
    ids.sort_unstable();
    ids
}

fn refused(sql: &str, because: &str) {
    let done = project(sql).staunch(&["check"]).fails(3, "ST0022");
    let words = done.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(because), "{sql}: {words}");
}

#[test]
fn a_part_of_a_record_that_is_null_is_null() {
    let parts = "SELECT id, r['x'] AS x, r['y'] AS y, r['z']['q'] AS q FROM t";
    assert_eq!(
        rows(parts),
        [
            r#"{"id":1,"x":null,"y":null,"q":null}"#,
            r#"{"id":2,"x":7,"y":"q","q":null}"#,
            r#"{"id":3,"x":8,"y":"w","q":5}"#,
            r#"{"id":4,"x":null,"y":null,"q":null}"#
        ]
    );
    assert_eq!(ids("SELECT id FROM t WHERE r['x'] IS NULL"), [1, 4]);
    assert_eq!(ids("SELECT id FROM t WHERE coalesce(r['x'], 99) = 99"), [1, 4]);
    assert_eq!(
        rows("SELECT r['x'] AS x, count(r['x']) AS n, count(*) AS c FROM t GROUP BY r['x']"),
        [r#"{"x":7,"n":1,"c":1}"#, r#"{"x":8,"n":1,"c":1}"#, r#"{"x":null,"n":0,"c":2}"#]
    );
    assert_eq!(
        rows("SELECT t.id, u.r['x'] AS x FROM t LEFT JOIN u ON t.id = u.n"),
        [r#"{"id":1,"x":null}"#, r#"{"id":2,"x":7}"#, r#"{"id":3,"x":null}"#, r#"{"id":4,"x":null}"#]
    );
}

#[test]
fn a_part_of_a_record_that_is_null_is_null_out_of_parquet_too() {
    let project = project("SELECT id, r FROM t");
    project.write("pipelines/p.yaml", "pipeline: p\nread:\n  t: {from: in/t, contract: t@1}\nprocess:\n  o: SELECT id, r FROM t\nwrite:\n  - {from: o, to: out/packed, mode: replace}\n");
    project.write("contracts/packed.yaml", "contract: packed\nversion: 1\nfields: {id: long, r: {record?: {x: int, y: string, z: {record?: {q: long}}}}}\n");
    project.staunch(&["run", "p"]).ok();
    project.write("pipelines/again.yaml", "pipeline: again\nread:\n  t: {from: packed/rows, contract: packed@1}\nprocess:\n  o: SELECT id, r['x'] AS x, r['y'] AS y FROM t\nwrite:\n  - {from: o, to: out/o, mode: replace}\n");
    project.staunch(&["run", "again"]).ok();
    assert_eq!(
        lines(&project),
        [
            r#"{"id":1,"x":null,"y":null}"#,
            r#"{"id":2,"x":7,"y":"q"}"#,
            r#"{"id":3,"x":8,"y":"w"}"#,
            r#"{"id":4,"x":null,"y":null}"#
        ]
    );
}

#[test]
fn a_decimal_beside_a_double_is_a_double() {
    assert_eq!(
        rows(
            "SELECT id, f = d AS e, f > d AS gt, coalesce(f, d) AS c, CASE WHEN id > 100 THEN d ELSE f END AS k FROM t WHERE id < 4"
        ),
        [
            r#"{"id":1,"e":false,"gt":true,"c":1e-16,"k":1e-16}"#,
            r#"{"id":2,"e":false,"gt":false,"c":-0.0,"k":-0.0}"#,
            r#"{"id":3,"e":null,"gt":null,"c":"Infinity","k":"Infinity"}"#
        ]
    );
    assert_eq!(
        rows("SELECT g AS v FROM t UNION ALL SELECT d FROM t"),
        [
            r#"{"v":"Infinity"}"#,
            r#"{"v":"NaN"}"#,
            r#"{"v":0.0}"#,
            r#"{"v":0.0}"#,
            r#"{"v":1.5}"#,
            r#"{"v":1.5}"#,
            r#"{"v":1e+300}"#,
            r#"{"v":null}"#
        ]
    );
    for sql in [
        "SELECT d AS v FROM t WHERE id = 1 UNION ALL SELECT f FROM t WHERE id = 1",
        "SELECT n AS v FROM t WHERE id > 4 UNION ALL SELECT d FROM t WHERE id = 1 UNION ALL SELECT f FROM t WHERE id = 1",
    ] {
        assert_eq!(rows(sql), [r#"{"v":0.0}"#, r#"{"v":1e-16}"#], "{sql}");
    }
    assert_eq!(ids("SELECT id FROM t WHERE f = ANY (SELECT d FROM u WHERE d IS NOT NULL)"), [2, 4]);
    assert_eq!(ids("SELECT id FROM t WHERE f > ALL (SELECT d FROM u WHERE d = 0)"), [1, 3]);
    assert_eq!(ids("SELECT t.id FROM t JOIN u ON t.f = u.d"), [2, 4]);
    assert_eq!(ids("SELECT id FROM t WHERE f IN (SELECT d FROM u WHERE d IS NOT NULL)"), [2, 4]);
    assert_eq!(ids("SELECT id FROM t WHERE d NOT IN (SELECT g FROM u WHERE g IS NOT NULL)"), [2, 4]);
}

#[test]
fn a_number_that_is_written_beside_a_decimal_is_exact() {
    assert_eq!(
        rows("SELECT id, d = 1.5 AS e, d IN (1.5, 2) AS i, coalesce(d, 0.25) AS z FROM t WHERE id > 2"),
        [r#"{"id":3,"e":null,"i":null,"z":0.25}"#, r#"{"id":4,"e":true,"i":true,"z":1.50}"#]
    );
    assert_eq!(ids("SELECT id FROM t WHERE d BETWEEN 0.5 AND 1.50"), [2, 4]);
    // Beyond what a double tells apart.
    assert_eq!(ids("SELECT id FROM t WHERE w = 60000000000000000000000000000000000001"), Vec::<u64>::new());
    assert_eq!(ids("SELECT id FROM t WHERE w > 59999999999999999999999999999999999999"), [1]);
    assert_eq!(ids("SELECT id FROM t WHERE d * 1.1 = 1.65 AND d + 0.2 = 1.7"), [2, 4]);
}

#[test]
fn zeros_are_one_value_and_so_are_nans() {
    assert_eq!(
        rows(
            "SELECT count(DISTINCT f) AS a, count(DISTINCT d) AS b, count(DISTINCT f) FILTER (WHERE id > 1) AS c FROM t"
        ),
        [r#"{"a":3,"b":2,"c":2}"#]
    );
    assert_eq!(
        rows("SELECT array_agg(DISTINCT f ORDER BY f) AS a FROM t"),
        [r#"{"a":[0.0,1e-16,"Infinity"]}"#]
    );
    // Infinity times 0 is a NaN with a sign.
    assert_eq!(
        rows("SELECT g * 0 AS x, count(*) AS c FROM t GROUP BY 1"),
        [r#"{"x":"NaN","c":2}"#, r#"{"x":0.0,"c":2}"#]
    );
    assert_eq!(rows("SELECT DISTINCT f FROM t").len(), 3);
    assert_eq!(rows("SELECT g * 0 AS x FROM t EXCEPT SELECT g FROM u"), Vec::<String>::new());
    assert_eq!(
        rows("SELECT -g AS x FROM t WHERE id = 2 UNION SELECT g FROM t WHERE id = 2"),
        [r#"{"x":"NaN"}"#]
    );
    assert_eq!(ids("SELECT id FROM t WHERE g * 0 IN (SELECT g FROM u)"), [1, 2, 3, 4]);
    assert_eq!(
        ids("SELECT id FROM t WHERE g * 0 NOT IN (SELECT g FROM u WHERE g IS NOT NULL)"),
        Vec::<u64>::new()
    );
    assert_eq!(ids("SELECT t.id FROM t JOIN u ON t.g * 0 = u.g"), [1, 2, 3, 4]);
    assert_eq!(ids("SELECT id FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.g = t.g * 0)"), [1, 2, 3, 4]);
    assert_eq!(ids("SELECT id FROM t WHERE -g > 1"), [2]);
    assert_eq!(rows("SELECT min(-g) AS a, max(-g) AS b FROM t"), [r#"{"a":"-Infinity","b":"NaN"}"#]);
    assert_eq!(
        rows("SELECT DISTINCT max(g * 0) OVER (PARTITION BY d) AS m FROM t"),
        [r#"{"m":"NaN"}"#, r#"{"m":0.0}"#]
    );
    assert_eq!(
        rows(
            "SELECT id, nullif(f, 0.0) AS n, CASE f WHEN 0.0 THEN 'z' ELSE 'n' END AS c FROM t WHERE id IN (2, 4)"
        ),
        [r#"{"id":2,"n":null,"c":"z"}"#, r#"{"id":4,"n":null,"c":"z"}"#]
    );
    assert_eq!(rows("SELECT l, count(*) AS c FROM t WHERE id < 3 GROUP BY l"), [r#"{"l":[0.0,1.5],"c":2}"#]);
    // What is handed on keeps its bits.
    assert_eq!(rows("SELECT f FROM t WHERE id = 2"), [r#"{"f":-0.0}"#]);
}

#[test]
fn a_decimal_that_outgrows_its_type_is_a_dead_letter() {
    for sql in
        ["SELECT id, w + w AS x FROM t", "SELECT id, w * 2 AS x FROM t", "SELECT id, -w - w AS x FROM t"]
    {
        let project = project(sql);
        project.staunch(&["run"]).ok();
        assert_eq!(lines(&project).len(), 3, "{sql}");
        let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok();
        assert!(letters.stdout.contains("Sql.Expression"), "{sql}: {}", letters.stdout);
    }
}

#[test]
fn values_of_different_kinds_are_not_mixed() {
    refused("SELECT n AS v FROM t UNION ALL SELECT day FROM t", "one column of a number and a date");
    refused(
        "SELECT id, CASE WHEN id = 1 THEN n ELSE day END AS x FROM t",
        "one column of a number and a date",
    );
    refused("SELECT id FROM t WHERE n = day", "compares a number with a date");
    refused("SELECT id FROM t WHERE n IN (SELECT day FROM u)", "compares a number with a date");
    refused("SELECT t.id FROM t JOIN u ON t.n = u.day", "compares a number with a date");
    refused("SELECT id, coalesce(s, n) AS x FROM t", "one column of a text and a number");
    refused("SELECT s FROM t UNION SELECT day FROM t", "one column of a text and a date");
    refused(
        "SELECT NULL AS x FROM t UNION ALL SELECT n FROM t UNION ALL SELECT day FROM t",
        "one column of a number and a date",
    );
    refused("SELECT id, lag(day, 1, 0) OVER (ORDER BY id) AS x FROM t", "one column of a number and a date");
    refused("SELECT id FROM t WHERE day > ALL (SELECT n FROM u)", "compares a number with a date");
    refused("SELECT id FROM t WHERE l > [1.0]", "nested values");
    refused(
        "SELECT id, count(*) OVER (ORDER BY id ROWS BETWEEN 5 PRECEDING AND 7 PRECEDING) AS c FROM t",
        "ends before it begins",
    );
    // Neither are they in a branch that has its type from another one, nor inside of nested values.
    refused(
        "WITH a AS (SELECT NULL AS x FROM t UNION ALL SELECT day FROM t) SELECT x FROM a UNION ALL SELECT n FROM t",
        "one column of a number and a date",
    );
    refused(
        "SELECT x FROM (SELECT NULL AS x FROM t UNION ALL SELECT day FROM t) q WHERE x < 5",
        "compares a number with a date",
    );
    refused("SELECT [day] AS x FROM t UNION ALL SELECT [n] FROM t", "one column of a number and a date");
    refused("SELECT [s] AS x FROM t UNION ALL SELECT [n] FROM t", "one column of a text and a number");
    refused("SELECT id FROM t WHERE [day] = [20484]", "compares a number with a date");
    refused("SELECT [day] AS x FROM t INTERSECT SELECT [n] FROM t", "compares a number with a date");
    refused("SELECT id, nullif([day], [n]) AS x FROM t", "one column of a number and a date");
    refused(
        "SELECT CASE WHEN id = 1 THEN named_struct('a', day) ELSE named_struct('a', n) END AS x FROM t",
        "one column of a number and a date",
    );
    let (one, other) = ("named_struct('a', s, 'b', n)", "named_struct('a', s, 'c', n)");
    for sql in [
        format!("SELECT {one} AS x FROM t UNION ALL SELECT {other} FROM t"),
        format!("SELECT CASE WHEN id = 1 THEN {one} ELSE {other} END AS x FROM t"),
        format!("SELECT id FROM t WHERE {one} IN ({other})"),
        format!("SELECT id FROM t WHERE [{one}] = [{other}]"),
        format!("SELECT {one} AS x FROM t EXCEPT SELECT {other} FROM t"),
        format!("SELECT id, nullif({one}, {other}) AS x FROM t"),
        format!("SELECT map(['k'], [{one}]) AS x FROM t UNION ALL SELECT map(['k'], [{other}]) FROM t"),
    ] {
        refused(&sql, "records of other fields: `a`, `b` and `a`, `c`");
    }
    refused("SELECT id, lag(n, 1, id) OVER (ORDER BY id) AS x FROM t", "a default of, a column");
    refused("SELECT id, n ^ 2 AS x FROM t", "write power(a, b)");
    // A text that is written out is what it stands beside.
    assert_eq!(ids("SELECT id FROM t WHERE day > '2024-01-01'"), [3]);
    assert_eq!(
        ids("SELECT id FROM t WHERE CASE WHEN id = 1 THEN day ELSE '2020-01-01' END < '2021-01-01'"),
        [2, 3, 4]
    );
}

#[test]
fn branches_of_a_union_have_one_type_wherever_a_null_or_a_decimal_stands() {
    let sorted = |mut lines: Vec<&str>| {
        lines.sort_unstable();
        lines.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let doubles = sorted(vec![r#"{"x":0.0}"#, r#"{"x":1e-16}"#, r#"{"x":null}"#]);
    let one = "FROM t WHERE id = 1";
    let branches = ["NULL AS x", "d AS x", "f AS x"];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let sql = order.map(|at| format!("SELECT {} {one}", branches[at])).join(" UNION ALL ");
        assert_eq!(rows(&sql), doubles, "{sql}");
        assert_eq!(rows(&sql.replace("UNION ALL", "UNION")), doubles, "{sql}");
    }
    let count = "SELECT count(DISTINCT x) AS c FROM (SELECT NULL AS x FROM t UNION ALL SELECT d - d FROM t UNION ALL SELECT f FROM t WHERE id = 1) q";
    assert_eq!(rows(count), [r#"{"c":2}"#]);
    let within = "SELECT id FROM t WHERE f IN (SELECT NULL FROM t UNION ALL SELECT d - d FROM t UNION ALL SELECT f + 1 FROM t WHERE id = 1)";
    assert_eq!(ids(within), [2, 4]);
    let decimals = "SELECT NULL AS x FROM t WHERE id = 1 UNION ALL SELECT d FROM t WHERE id = 2 UNION ALL SELECT n FROM t WHERE id = 4";
    assert_eq!(rows(decimals), sorted(vec![r#"{"x":1.50}"#, r#"{"x":4.00}"#, r#"{"x":null}"#]));
}

#[test]
fn a_double_beside_a_decimal_is_one_inside_of_nested_values() {
    let one = "FROM t WHERE id = 1";
    for sql in [
        format!("SELECT [f] AS x {one} UNION SELECT [f] {one} UNION SELECT [d] FROM t WHERE false"),
        format!("SELECT CASE WHEN id = 1 THEN [f] ELSE [d] END AS x {one}"),
        format!("SELECT coalesce([f], [d]) AS x {one}"),
        format!("SELECT array_except([f], [d]) AS x {one}"),
    ] {
        assert_eq!(rows(&sql), [r#"{"x":[1e-16]}"#], "{sql}");
    }
    assert_eq!(rows(&format!("SELECT array_concat([d], [f]) AS x {one}")), [r#"{"x":[0.0,1e-16]}"#]);
    let records = format!(
        "SELECT named_struct('a', d) AS x FROM t WHERE false UNION ALL SELECT named_struct('a', f) {one}"
    );
    assert_eq!(rows(&records), [r#"{"x":{"a":1e-16}}"#]);
    let turned = format!(
        "SELECT named_struct('a', d, 'b', 1) AS x FROM t WHERE false UNION ALL SELECT named_struct('b', 2, 'a', f) {one}"
    );
    assert_eq!(rows(&turned), [r#"{"x":{"a":1e-16,"b":2}}"#]);
    let maps = format!("SELECT CASE WHEN id = 2 THEN map(['a'], [d]) ELSE map(['a'], [f]) END AS x {one}");
    assert_eq!(rows(&maps), [r#"{"x":{"a":1e-16}}"#]);
    assert_eq!(ids("SELECT id FROM t WHERE [d - d] = [f]"), [2, 4]);
    assert!(rows(&format!("SELECT [d] AS x {one} INTERSECT SELECT [f] {one}")).is_empty());
    let joined = "SELECT a.id FROM (SELECT id, [d] AS k FROM t WHERE id = 1) a JOIN (SELECT [f] AS k FROM t) b ON a.k = b.k";
    // The zeros of rows 2 and 4.
    assert_eq!(ids(joined), [1, 1]);
}

#[test]
fn a_date_beside_a_timestamp_is_one_of_its_unit_and_zone() {
    let sql = "SELECT at < DATE '9999-12-31' AS x, at > day AS y, coalesce(day, at) AS z, greatest(at, day) AS g FROM t WHERE id = 1";
    let moments = r#""z":"2024-01-01T00:00:00Z","g":"2024-01-01T10:00:00Z""#;
    assert_eq!(rows(sql), [format!(r#"{{"x":true,"y":true,{moments}}}"#)]);
    assert_eq!(ids("SELECT t.id FROM t JOIN u ON t.at > u.day AND u.at < DATE '9999-12-31'"), [1]);
}

#[test]
fn the_mean_of_whole_numbers_is_that_of_their_exact_sum() {
    let large = "CASE id WHEN 1 THEN 9007199254740993 WHEN 2 THEN -9007199254740991 END";
    assert_eq!(rows(&format!("SELECT avg({large}) AS m FROM t")), [r#"{"m":1.0}"#]);
    assert_eq!(
        rows(&format!(
            "SELECT id < 3 AS k, avg({large}) AS m, avg(n) FILTER (WHERE id <> 2) AS o FROM t GROUP BY id < 3"
        )),
        [r#"{"k":false,"m":null,"o":4.0}"#, r#"{"k":true,"m":1.0,"o":1.0}"#]
    );
    assert_eq!(
        rows("SELECT id, avg(id) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) AS m FROM t"),
        [r#"{"id":1,"m":1.0}"#, r#"{"id":2,"m":1.5}"#, r#"{"id":3,"m":2.5}"#, r#"{"id":4,"m":3.5}"#]
    );
    assert_eq!(rows("SELECT avg(n) AS m FROM t WHERE false"), [r#"{"m":null}"#]);
    assert_eq!(rows("SELECT avg(DISTINCT n) AS m FROM t"), [r#"{"m":2.3333333333333335}"#]);
    let near = "CASE id WHEN 1 THEN 4611686018427387904 WHEN 2 THEN 4611686018427387905 ELSE 0 END";
    assert_eq!(
        rows(&format!("SELECT avg(DISTINCT {near}) AS m, avg(DISTINCT id) AS o FROM t")),
        [r#"{"m":3.0744573456182584e+18,"o":2.5}"#]
    );
}

#[test]
fn a_bad_element_of_a_list_costs_its_row() {
    let project = project("SELECT id, arrow_cast(ls, 'List(Int64)') AS x FROM t");
    project.staunch(&["run"]).ok();
    assert_eq!(lines(&project), [r#"{"id":1,"x":[3]}"#, r#"{"id":3,"x":null}"#, r#"{"id":4,"x":[]}"#]);
    let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok();
    assert!(letters.stdout.contains("Sql.Expression"), "{}", letters.stdout);
}

#[test]
fn a_union_of_many_branches_has_the_type_of_all() {
    let sql = "SELECT 9007199254740993 AS x FROM t UNION SELECT d FROM t WHERE id = 2 UNION SELECT f FROM t WHERE id = 1 UNION SELECT CAST(9007199254740993 AS DOUBLE) FROM t";
    assert_eq!(rows(sql), [r#"{"x":1.5}"#, r#"{"x":1e-16}"#, r#"{"x":9007199254740992.0}"#]);
    assert_eq!(ids("SELECT id FROM t WHERE day < now() AND now() < DATE '9999-12-31'"), [1, 3]);
}
