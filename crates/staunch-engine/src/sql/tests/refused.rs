//! What is refused, and where the message points.

use super::{Input, input, plan, plan_of, process};

fn inputs() -> Vec<Input> {
    vec![
        input("clicks", "id long, page string?, at timestamp, n int, Upper long", "").key(&["id"]),
        input("pages", "page string, title string?", "").reference(),
    ]
}

/// Code, place, message, hint: one line for each mistake.
fn refusal(sql: &str) -> String {
    let Err(error) = plan(sql, &inputs()) else { panic!("not refused: {sql}") };
    let line = |e: &staunch_types::Error| {
        let at = e.where_();
        let place = format!("{}:{}", at.line.unwrap_or(0), at.column.unwrap_or(0));
        format!("{} {place} {} ({})", e.code().name, e.message(), e.next_step().unwrap_or("-"))
    };
    error.all().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn mistakes_point_into_the_users_file() {
    let cases = [
        ("SELECT idd FROM clicks", "ST0021 10:12 there is no column `idd` (did you mean `id`?)"),
        (
            "SELECT id,\n  c.pagee\nFROM clicks c",
            "ST0021 11:3 there is no column `c.pagee` (did you mean `page`?)",
        ),
        (
            "SELECT upper FROM clicks",
            "ST0021 10:12 there is no column `upper` (names without quotes are read in lower case: write \"Upper\" in double quotes)",
        ),
        (
            "SELECT page FROM clicks c JOIN pages p ON c.page = p.page",
            "ST0021 10:12 the column `page` is ambiguous: several inputs have it (say which one: `input.page`)",
        ),
        (
            "SELECT uper(page) AS u FROM clicks",
            "ST0021 10:12 there is no function `uper` (did you mean `upper`?)",
        ),
        (
            "SELECT id FROM nowhere",
            "ST0021 10:20 there is no stage `nowhere` (name a read or a process stage of this pipeline; files cannot be named in SQL)",
        ),
        (
            "SELECT id FROM 'clicks.csv'",
            "ST0021 10:21 there is no stage `clicks.csv` (name a read or a process stage of this pipeline; files cannot be named in SQL)",
        ),
        (
            "SELECT id\nFRM clicks",
            "ST0020 11:5 expected: end of statement, found: clicks (mend the SQL at this place)",
        ),
        ("SELECT (id FROM clicks", "ST0020 10:16 expected: ), found: FROM (mend the SQL at this place)"),
        ("", "ST0020 10:5 the SQL is empty (write `SELECT ... FROM stage`)"),
        (
            "SELECT 1; SELECT 2",
            "ST0022 10:5 a stage is one query, and here are several statements (make each of them a stage of its own)",
        ),
        (
            "DROP TABLE clicks",
            "ST0022 10:5 a stage is a query: `DROP` is not allowed here (write `SELECT ... FROM stage`)",
        ),
        (
            "COPY clicks TO 'x.csv'",
            "ST0022 10:5 a stage is a query: `COPY` is not allowed here (write `SELECT ... FROM stage`)",
        ),
        (
            "SET x = 1",
            "ST0022 10:5 a stage is a query: `SET` is not allowed here (write `SELECT ... FROM stage`)",
        ),
        (
            "INSERT INTO clicks SELECT * FROM clicks",
            "ST0022 10:5 a stage is a query: `INSERT` is not allowed here (write `SELECT ... FROM stage`)",
        ),
        (
            "SELECT id INTO other FROM clicks",
            "ST0022 10:5 a stage is a query that changes nothing (write `SELECT ... FROM stage`)",
        ),
        (
            "SELECT value FROM generate_series(1, 3)",
            "ST0022 10:5 the table function `generate_series` is not allowed (declare a read for the data and name it in FROM)",
        ),
        (
            "SELECT * FROM read_csv('x.csv')",
            "ST0022 10:19 the table function `read_csv` is not allowed (declare a read for the data and name it in FROM)",
        ),
        (
            "EXPLAIN SELECT 1",
            "ST0022 10:5 a stage is a query: `EXPLAIN` is not allowed here (write `SELECT ... FROM stage`)",
        ),
        (
            "SELECT id, random() AS r FROM clicks",
            "ST0022 10:5 the result is not reproducible: `random()` gives another value each time (make it definite, or write `allow: nondeterministic` in the stage)",
        ),
        (
            "SELECT id FROM clicks LIMIT 3",
            "ST0022 10:5 the result is not reproducible: LIMIT without ORDER BY takes any rows (make it definite, or write `allow: nondeterministic` in the stage)",
        ),
        (
            "SELECT id, page FROM clicks ORDER BY page LIMIT 3",
            "ST0022 10:5 the result is not reproducible: LIMIT with an ORDER BY that leaves ties takes any of the tied rows: add the columns of a key to it (make it definite, or write `allow: nondeterministic` in the stage)",
        ),
        (
            "SELECT id, row_number() OVER (PARTITION BY page ORDER BY at) AS r FROM clicks",
            "ST0022 10:5 the result is not reproducible: `row_number` over an ORDER BY that leaves ties takes tied rows in any order: add the columns of a key to it (make it definite, or write `allow: nondeterministic` in the stage)",
        ),
        (
            "SELECT page, string_agg(page, ',') AS l FROM clicks GROUP BY page",
            "ST0022 10:5 the result is not reproducible: `string_agg` without ORDER BY depends on the order of rows (make it definite, or write `allow: nondeterministic` in the stage)",
        ),
    ];
    for (sql, expected) in cases {
        assert_eq!(refusal(sql), expected, "\nof {sql}");
    }
}

#[test]
fn types_that_do_not_fit_point_at_the_select_item() {
    for (sql, place) in [
        ("SELECT id,\n  at * 2 AS x FROM clicks", "ST0021 11:3 "),
        ("SELECT id,\n  sum(page) AS x FROM clicks GROUP BY id", "ST0021 11:3 "),
        ("SELECT id FROM clicks\nWHERE n + at > 3", "ST0021 11:7 "),
    ] {
        let found = refusal(sql);
        assert!(found.starts_with(place), "{found}\nof {sql}");
    }
}

#[test]
fn what_is_reproducible_is_allowed() {
    for sql in [
        "SELECT id, page FROM clicks ORDER BY page, id LIMIT 3",
        "SELECT id, row_number() OVER (PARTITION BY page ORDER BY at, id) AS r FROM clicks",
        "SELECT id, rank() OVER (ORDER BY at) AS r FROM clicks",
        "SELECT page, count(*) AS n FROM clicks GROUP BY page ORDER BY n, page LIMIT 3",
        "SELECT id, now() AS t FROM clicks",
    ] {
        assert!(plan(sql, &inputs()).is_ok(), "refused: {sql}\n{:?}", plan(sql, &inputs()).err());
    }
    let mut loose = process("SELECT id FROM clicks LIMIT 3");
    loose.nondeterministic = true;
    let plan = plan_of(&loose, &inputs()).unwrap();
    assert!(plan.nondeterministic);
    assert_eq!(plan.notes, ["not reproducible: LIMIT without ORDER BY takes any rows"]);
}

#[test]
fn size_and_depth_are_bounded() {
    let long = format!("SELECT id FROM clicks WHERE page = '{}'", "x".repeat(1 << 20));
    assert!(refusal(&long).contains("longer than 1 MiB"));
    let chain = |terms: usize| format!("SELECT {} AS s FROM clicks", vec!["id"; terms].join(" + "));
    let found = refusal(&chain(5_000));
    assert!(found.contains("levels, more than 4000"), "{found}");
    let nested = format!("SELECT {}id{} AS s FROM clicks", "(".repeat(500), ")".repeat(500));
    assert!(refusal(&nested).contains("nested too deeply"), "{}", refusal(&nested));
}

#[test]
fn two_columns_of_one_name_are_told_as_such() {
    let says = "a `SELECT` gives two columns `id` (give one of them another name: EXPRESSION AS name; where two expressions differ in a cast alone, cast in a subquery)";
    for (sql, place) in [
        ("SELECT id, id FROM clicks", "10:12"),
        ("SELECT id, n AS id FROM clicks", "10:12"),
        ("SELECT *, id FROM clicks", "10:15"),
    ] {
        assert_eq!(refusal(sql), format!("ST0021 {place} {says}"), "\nof {sql}");
    }
}

#[test]
fn what_stands_beside_the_refused_still_runs() {
    let rows = "1 | a | 2024-01-02T00:00:00 | 7 | 0\n2 | b | 2023-01-02T00:00:00 | 7 | 0";
    let columns = "id long, page string?, at timestamp, n int, Upper long";
    let clicks = [input("clicks", columns, rows)];
    for (sql, expected) in [
        ("SELECT id FROM clicks WHERE at > '2024-01-01'", "100: 1\npassed 1 filtered 1 dead 0"),
        ("SELECT id FROM clicks WHERE n = '7' AND page = 'seven'", "passed 0 filtered 2 dead 0"),
        ("SELECT TRY_CAST('x' AS INT) AS x FROM clicks", "100: NULL\n101: NULL\npassed 2 filtered 0 dead 0"),
        ("SELECT sum(x) AS s FROM (SELECT DISTINCT n AS x FROM clicks) d", "7"),
        ("SELECT sum(DISTINCT CAST(n AS DOUBLE)) AS s FROM clicks", "7.0"),
        ("SELECT page, count(*) AS c FROM clicks GROUP BY ROLLUP (page)", "NULL | 2\na | 1\nb | 1"),
        ("SELECT max(id) - (SELECT min(id) FROM clicks) AS s FROM clicks", "1"),
        ("SELECT c.id FROM clicks c, LATERAL (SELECT max(n) AS m FROM clicks) l", "1\n2"),
        ("SELECT id FROM clicks c WHERE EXISTS (SELECT 1 FROM clicks d WHERE d.id > c.id)", "1"),
        (
            "SELECT c.id, l.m FROM clicks c, LATERAL (SELECT max(n) AS m FROM clicks d WHERE d.id = c.id) l",
            "1 | 7\n2 | 7",
        ),
    ] {
        super::check(sql, &clicks, expected);
    }
}

#[test]
fn what_is_said_of_nulls_and_escapes_where_it_is_heard() {
    let clicks = [input(
        "clicks",
        "id long, page string?, n int?",
        "1 | x%a | 7\n2 | xya | NULL\n3 | NULL | 9\n4 | x\\%a | 1",
    )];
    for (sql, expected) in [
        ("SELECT DISTINCT id FROM clicks WHERE page LIKE 'x!%_' ESCAPE '!'", "1"),
        ("SELECT DISTINCT id FROM clicks WHERE page LIKE 'x!%%' ESCAPE '!'", "1"),
        ("SELECT DISTINCT id FROM clicks WHERE page NOT LIKE 'x!%%' ESCAPE '!'", "2\n4"),
        ("SELECT DISTINCT id FROM clicks WHERE page ILIKE 'X!%A' ESCAPE '!'", "1"),
        ("SELECT DISTINCT id FROM clicks WHERE page LIKE 'x\\!%a' ESCAPE '!'", "4"),
        ("SELECT DISTINCT id FROM clicks WHERE page LIKE 'x\\%a' ESCAPE '\\'", "1"),
        ("SELECT DISTINCT id FROM clicks WHERE page LIKE 'xxya' ESCAPE 'x'", "2"),
        ("SELECT id FROM clicks WHERE page LIKE 'x!%_' ESCAPE '!'", "100: 1\npassed 1 filtered 3 dead 0"),
        ("SELECT id FROM clicks WHERE page ILIKE 'X!%_' ESCAPE '!'", "100: 1\npassed 1 filtered 3 dead 0"),
        (
            "SELECT id, last_value(n) IGNORE NULLS OVER (ORDER BY id) AS a, lag(n IGNORE NULLS) OVER (ORDER BY id) AS b FROM clicks",
            "1 | 7 | NULL\n2 | 7 | 7\n3 | 9 | 7\n4 | 1 | 9",
        ),
        (
            "SELECT id, sum(n) FILTER (WHERE id > 1) OVER (ORDER BY id) AS a FROM clicks",
            "1 | NULL\n2 | NULL\n3 | 9\n4 | 10",
        ),
        (
            "SELECT count(DISTINCT n) AS a, first_value(n ORDER BY id DESC) IGNORE NULLS AS b FROM clicks",
            "3 | 1",
        ),
    ] {
        super::check(sql, &clicks, expected);
    }
}

#[test]
fn a_decimal_is_rounded_to_the_digits_that_are_asked_for() {
    let t = [input("t", "id long, d decimal?, n int", "1 | 1.25 | 1\n2 | -9.95 | 0\n3 | NULL | 1")];
    for (sql, expected) in [
        (
            "SELECT round(d, 1) AS a, round(d, 0) AS b, round(d) AS c, round(d, -1) AS e, round(d, n) AS f, round(d, 3 - 2) AS g FROM t",
            "100: 1.3 | 1 | 1 | 0 | 1.30 | 1.3
             101: -10.0 | -10 | -10 | -10 | -10.00 | -10.0
             102: NULL | NULL | NULL | NULL | NULL | NULL
             passed 3 filtered 0 dead 0",
        ),
        (
            "SELECT CASE WHEN id = 1 THEN round(d, 1) ELSE d END AS a, round(d, 1) + d AS b FROM t WHERE round(d, 0) < 5",
            "100: 1.30 | 2.55\n101: -9.95 | -19.95\npassed 2 filtered 1 dead 0",
        ),
        ("SELECT DISTINCT round(d, 1) AS a FROM t", "-10.0\n1.3\nNULL"),
        ("SELECT round(sum(d), 1) AS a, sum(round(d, 0)) AS b FROM t", "-8.7 | -9"),
        (
            "SELECT round(d, 1) AS a FROM t UNION ALL SELECT d AS a FROM t WHERE id = 1",
            "-10.00\n1.25\n1.30\nNULL",
        ),
    ] {
        super::check(sql, &t, expected);
    }
}
