//! Windows over partitions of every size, within budgets of every size.

use crate::sql::tests::{Input, check, input, outcome, plan};
use crate::whole::tests::{many, rows_of};

/// A spilled partition between small ones, cut by batches at every place.
#[test]
fn values_do_not_depend_on_where_a_partition_is_cut() {
    // Keys 0 to 2 with 3 rows each, and one with a null key; the batches have one row, two rows, and so on.
    let rows: Vec<String> =
        (0..9).map(|i| format!("{} | {i}", i / 3)).chain(["NULL | 9".to_owned()]).collect();
    for size in 1..=rows.len() {
        let parts: Vec<Input> =
            rows.chunks(size).map(|rows| input("t", "k long?, v long", &rows.join("\n"))).collect();
        let mut whole = input("t", "k long?, v long", "");
        whole.batches = parts.into_iter().flat_map(|part| part.batches).collect();
        check(
            "SELECT v, sum(v) OVER (PARTITION BY k) AS s, count(*) OVER () AS n, ntile(2) OVER (PARTITION BY k ORDER BY v) AS h,
                sum(v) FILTER (WHERE v % 2 = 0) OVER (PARTITION BY k) AS e,
                last_value(v) OVER (PARTITION BY k ORDER BY v ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS l,
                sum(v) OVER (PARTITION BY k ORDER BY v ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS r
             FROM t",
            &[whole],
            "
            0 | 3 | 10 | 1 | 2 | 2 | 3
            1 | 3 | 10 | 1 | 2 | 2 | 3
            2 | 3 | 10 | 2 | 2 | 2 | 2
            3 | 12 | 10 | 1 | 4 | 5 | 12
            4 | 12 | 10 | 1 | 4 | 5 | 9
            5 | 12 | 10 | 2 | 4 | 5 | 5
            6 | 21 | 10 | 1 | 14 | 8 | 21
            7 | 21 | 10 | 1 | 14 | 8 | 15
            8 | 21 | 10 | 2 | 14 | 8 | 8
            9 | 9 | 10 | 1 | NULL | 9 | 9",
        );
    }
}

/// 200,000 rows of 16 bytes within 2 MiB, whatever the sizes of the partitions.
#[test]
fn a_value_of_a_whole_partition_needs_no_memory() {
    let t = many("t", 200_000, 200_000);
    for keys in ["k % 1", "k % 3", "k % 1000", "k", "CASE WHEN k < 100000 THEN 0 ELSE k END"] {
        let sql = format!(
            "SELECT k, v, count(*) OVER (PARTITION BY {keys}) AS n, sum(v) OVER (PARTITION BY {keys}) AS s FROM t"
        );
        let found = rows_of(&t, &sql, 2 << 20, None, true);
        assert_eq!(found.map_err(|e| e.to_string()), Ok(200_000), "{sql}");
    }
    assert_eq!(rows_of(&t, "SELECT k, max(v) OVER () AS m FROM t", 2 << 20, None, true).unwrap(), 200_000);
}

/// The same query, spilled and not: as aggregates of its result.
#[test]
fn a_spilled_partition_has_the_values_of_one_that_is_not() {
    let t = many("t", 100_000, 100_000);
    let sql = "SELECT count(*) AS n, min(s) AS a, max(s) AS b, sum(s - v) AS d, count(DISTINCT m) AS m FROM (
                SELECT v, sum(v) OVER (PARTITION BY k % 2) AS s, max(v) OVER (PARTITION BY k % 2) AS m FROM t) x";
    let plan = plan(sql, std::slice::from_ref(&t)).unwrap();
    let roomy = outcome(&plan, std::slice::from_ref(&t)).unwrap();
    assert_eq!(roomy.len(), 1);
    let narrow = crate::whole::tests::lines_of(&t, sql, 1 << 20).unwrap();
    assert_eq!(roomy, narrow);
}

/// What needs a partition in memory asks for it: small ones do, a large one is an error and no surprise to the machine.
#[test]
fn what_must_be_held_is_counted() {
    let t = many("t", 500_000, 500_000);
    for (sql, code) in [
        ("SELECT v, ntile(4) OVER (PARTITION BY k % 1000 ORDER BY v) AS q FROM t", None),
        ("SELECT v, ntile(4) OVER (ORDER BY v) AS q FROM t", Some("Run.Memory")),
        ("SELECT v, sum(v) FILTER (WHERE v > 3) OVER (PARTITION BY k % 2) AS s FROM t", Some("Run.Memory")),
        ("SELECT v, sum(CASE WHEN v > 3 THEN v END) OVER (PARTITION BY k % 2) AS s FROM t", None),
        // Up to the current row: its peers are held, and nothing else.
        ("SELECT v, sum(v) OVER (ORDER BY v) AS s FROM t", None),
        ("SELECT v, rank() OVER (PARTITION BY k % 3 ORDER BY v) AS s FROM t", None),
        ("SELECT v, sum(v) OVER (ORDER BY k % 2) AS s FROM t", Some("Run.Memory")),
    ] {
        let found = rows_of(&t, sql, 4 << 20, None, true).map_err(|e| e.code().name);
        assert_eq!(found, code.map_or(Ok(500_000), Err), "{sql}");
    }
}
