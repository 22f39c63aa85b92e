//! Aggregates over frames that move, against the same aggregates over the rows of each frame as a partition of its own.

use crate::sql::tests::{Input, check, input, outcome, plan};
use crate::whole::tests::{many, rows_of};

/// Numbers that leave traces in a sum that they are taken out of.
fn numbers(finite: bool) -> Input {
    let values = [
        "1.5",
        "1e20",
        "2.25",
        "-3",
        "Infinity",
        "4",
        "NULL",
        "NULL",
        "NULL",
        "NULL",
        "7",
        "-Infinity",
        "1",
        "2",
        "NaN",
        "3",
        "5",
        "8",
        "1e100",
        "13",
        "0.125",
        "-3e100",
        "21",
        "NULL",
        "34",
        "55",
    ];
    let rows: Vec<String> = values
        .iter()
        .enumerate()
        .map(|(i, x)| (i, if finite && (x.contains("Inf") || *x == "NaN") { &"1e20" } else { x }))
        .map(|(i, x)| format!("{i} | {x} | {}", i * i % 7))
        .collect();
    let mut whole = input("t", "id long, x double?, y long", "");
    // Batches of all sizes: a frame reaches over several of them.
    let cuts = [0, 1, 3, 4, 9, 16, rows.len()];
    whole.batches = cuts
        .windows(2)
        .flat_map(|cut| input("t", "id long, x double?, y long", &rows[cut[0]..cut[1]].join("\n")).batches)
        .collect();
    whole.key(&["id"])
}

fn rows(sql: &str, input: &Input) -> Vec<Vec<String>> {
    let plan = plan(sql, std::slice::from_ref(input)).unwrap_or_else(|e| panic!("{e:?}\nof {sql}"));
    let lines = outcome(&plan, std::slice::from_ref(input)).unwrap_or_else(|e| panic!("{e:?}\nof {sql}"));
    lines.iter().map(|line| line.split(" | ").map(str::to_owned).collect()).collect()
}

/// Whether two values are the same but for the last digits.
fn same(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) if a.is_finite() && b.is_finite() => {
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
        }
        (Ok(a), Ok(b)) if a.is_nan() => b.is_nan(),
        _ => a == b,
    }
}

#[test]
fn a_frame_is_made_of_its_rows_and_nothing_else() {
    let (any, finite) = (numbers(false), numbers(true));
    let functions = [
        "sum(@x)",
        "min(@x)",
        "max(@x)",
        "avg(@x)",
        "var(@x)",
        "var_pop(@x)",
        "stddev(@x)",
        "stddev_pop(@x)",
        "covar_samp(@x, @y)",
        "covar_pop(@y, @x)",
        "corr(@x, @y)",
        "regr_slope(@x, @y)",
        "regr_intercept(@y, @x)",
        "regr_count(@x, @y)",
        "regr_r2(@x, @y)",
        "regr_avgx(@x, @y)",
        "regr_sxy(@x, @y)",
        "count(@x)",
        "bool_and(@y > 1)",
        "bool_or(@x > 5)",
        "bit_and(@y)",
        "bit_or(@y)",
        "bit_xor(@y)",
        "sum(@y)",
        "avg(@y)",
        "stddev(@y)",
        "count(DISTINCT @y)",
        "median(@y)",
        "avg(@x) FILTER (WHERE @y > 1)",
        "sum(@x) FILTER (WHERE @id % 3 = 0)",
        "approx_distinct(@y)",
    ];
    for (before, after) in [(0, 0), (1, 0), (3, 0), (20, 0), (2, 2), (5, -2), (-1, 3), (0, 4)] {
        let side = |n: i64, to: &str, from: &str| {
            if n < 0 { format!("{} {from}", -n) } else { format!("{n} {to}") }
        };
        let frame = format!(
            "ROWS BETWEEN {} AND {}",
            side(before, "PRECEDING", "FOLLOWING"),
            side(after, "FOLLOWING", "PRECEDING")
        );
        for function in functions {
            // What a variance of an infinite number is depends on where it stands.
            let squared = ["var", "std", "cov", "corr", "regr"].iter().any(|name| function.starts_with(name));
            let t = if squared { &finite } else { &any };
            let call = function.replace('@', "");
            let joined = function.replace('@', "b.");
            let found = rows(&format!("SELECT id, {call} OVER (ORDER BY id {frame}) AS v FROM t"), t);
            let expected = rows(
                &format!(
                    "SELECT DISTINCT a.id, {joined} OVER (PARTITION BY a.id) AS v FROM t a LEFT JOIN t b ON b.id BETWEEN a.id - ({before}) AND a.id + ({after})"
                ),
                t,
            );
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(&expected) {
                // A row of no partner is a row of nulls: `count(*)` alone would see it.
                assert_eq!(found[0], expected[0]);
                assert!(same(&found[1], &expected[1]), "{call} {frame}: {found:?}, not {expected:?}");
            }
        }
    }
}

#[test]
fn what_depends_on_order_is_made_in_order() {
    let t = input(
        "t",
        "id long, k long, s string?",
        "1 | 1 | a\n2 | 1 | b\n3 | 1 | NULL\n4 | 2 | c\n5 | 2 | d\n6 | 2 | e",
    );
    check(
        "SELECT id, string_agg(s, '-') OVER (PARTITION BY k ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS a,
            first_value(s) OVER (PARTITION BY k ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS b,
            max(s) OVER (PARTITION BY k ORDER BY id RANGE BETWEEN 2 PRECEDING AND 1 PRECEDING) AS c,
            count(*) OVER (PARTITION BY k ORDER BY id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) AS d
         FROM t",
        &[t],
        "
        1 | a | a | NULL | 2
        2 | a-b | a | a | 3
        3 | b | b | b | 2
        4 | c | c | NULL | 2
        5 | c-d | c | c | 3
        6 | d-e | d | d | 2",
    );
}

/// What a frame reaches is held, and asked for.
#[test]
fn the_rows_of_a_frame_are_counted() {
    let t = many("t", 100_000, 100_000);
    for (over, code) in [
        ("max(v) OVER (ORDER BY k ROWS BETWEEN 1000 PRECEDING AND CURRENT ROW)", None),
        ("max(v) OVER (ORDER BY k ROWS BETWEEN 80000 PRECEDING AND CURRENT ROW)", Some("Run.Memory")),
        ("max(v) OVER (PARTITION BY k % 1000 ORDER BY k ROWS BETWEEN 80000 PRECEDING AND CURRENT ROW)", None),
        ("count(*) OVER (ORDER BY k RANGE BETWEEN 1000 PRECEDING AND CURRENT ROW)", None),
        ("count(*) OVER (ORDER BY k RANGE BETWEEN 80000 PRECEDING AND CURRENT ROW)", Some("Run.Memory")),
        ("count(*) OVER (ORDER BY k GROUPS BETWEEN 1000 PRECEDING AND CURRENT ROW)", None),
        ("sum(v) OVER (ORDER BY k ROWS BETWEEN CURRENT ROW AND 1000 FOLLOWING)", None),
        ("sum(v) OVER (ORDER BY k ROWS BETWEEN CURRENT ROW AND 80000 FOLLOWING)", Some("Run.Memory")),
        ("lag(v, 1000) OVER (ORDER BY k)", None),
        ("lag(v, 80000) OVER (ORDER BY k)", Some("Run.Memory")),
        ("lead(v, 80000) OVER (ORDER BY k)", Some("Run.Memory")),
        // Its states are, too.
        ("sum(CAST(v AS DOUBLE)) OVER (ORDER BY k ROWS BETWEEN 500 PRECEDING AND CURRENT ROW)", None),
        (
            "sum(CAST(v AS DOUBLE)) OVER (ORDER BY k ROWS BETWEEN 20000 PRECEDING AND CURRENT ROW)",
            Some("Run.Memory"),
        ),
    ] {
        let found = rows_of(&t, &format!("SELECT v, {over} AS s FROM t"), 2 << 20, None, true)
            .map_err(|e| e.code().name);
        assert_eq!(found, code.map_or(Ok(100_000), Err), "{over}");
    }
}

#[test]
fn numbers_that_are_equal_are_one_key() {
    let t = input(
        "t",
        "id long, x double?",
        "1 | 0.0\n2 | -0.0\n3 | NaN\n4 | NULL\n5 | -1\n6 | 0.0\n7 | Infinity",
    );
    // On some machines this makes a NaN with a sign.
    let nan =
        "CASE WHEN id = 4 THEN -(CAST(0 AS DOUBLE) / 0) WHEN id = 3 THEN CAST(0 AS DOUBLE) / 0 ELSE x END";
    check(
        &format!(
            "SELECT id, count(*) OVER (PARTITION BY y) AS n, rank() OVER (ORDER BY y) AS r, sum(id) OVER (ORDER BY y) AS s FROM (SELECT id, {nan} AS y FROM t) u"
        ),
        std::slice::from_ref(&t),
        "
        1 | 3 | 2 | 14
        2 | 3 | 2 | 14
        3 | 2 | 6 | 28
        4 | 2 | 6 | 28
        5 | 1 | 1 | 5
        6 | 3 | 2 | 14
        7 | 1 | 5 | 21",
    );
    check("SELECT id FROM t WHERE id <> 4 ORDER BY x, id LIMIT 3", std::slice::from_ref(&t), "1\n2\n5");
    check(
        &format!("SELECT id FROM (SELECT id, {nan} AS y FROM t) u ORDER BY y DESC, id LIMIT 2"),
        &[t],
        "3\n4",
    );
}

/// A sort above takes all memory that is left: what a small frame needs was set aside before.
#[test]
fn a_small_window_below_a_sort_has_its_memory() {
    let t = many("t", 200_000, 200_000);
    for over in [
        "sum(v) OVER (ORDER BY k ROWS BETWEEN 9 PRECEDING AND CURRENT ROW)",
        "avg(CAST(v AS DOUBLE)) OVER (ORDER BY k ROWS BETWEEN 9 PRECEDING AND 9 FOLLOWING)",
        "sum(v) FILTER (WHERE v > 3) OVER (PARTITION BY k % 1000)",
    ] {
        let sql = format!("SELECT v, rank() OVER (ORDER BY v % 7, v) AS r, {over} AS s FROM t ORDER BY s, v");
        assert_eq!(rows_of(&t, &sql, 1 << 20, None, true).map_err(|e| e.to_string()), Ok(200_000), "{over}");
    }
}
