//! What guards an expression in a whole-input stage, wherever the optimiser moves it: `CASE`, `NULLIF`, `TRY_CAST`, and a per-row stage
//! before it. `WHERE` alone does not.

use crate::sql::tests::{Input, check, input};

fn sales() -> Input {
    input(
        "sales",
        "id long, shop string, a long, b long, text string",
        "1 | x | 10 | 5 | 7\n2 | x | 10 | 0 | seven\n3 | y | 9 | 3 | 9",
    )
}

fn shops() -> Input {
    input("shops", "shop string, part long", "x | 0\ny | 2")
}

#[test]
fn a_case_guards_wherever_it_stands() {
    let guarded = "CASE WHEN b <> 0 THEN a / b ELSE -1 END";
    for (sql, expected) in [
        (format!("SELECT DISTINCT id, {guarded} AS q FROM sales"), "1 | 2\n2 | -1\n3 | 3"),
        (format!("SELECT shop, sum({guarded}) AS s FROM sales GROUP BY shop"), "x | 1\ny | 3"),
        (format!("SELECT DISTINCT id FROM sales WHERE {guarded} > 1"), "1\n3"),
        (format!("SELECT id FROM (SELECT id, {guarded} AS q FROM sales) t WHERE q > 1 ORDER BY id"), "1\n3"),
        (
            format!(
                "SELECT {guarded} AS q, count(*) AS n FROM sales GROUP BY {guarded} HAVING {guarded} > 0"
            ),
            "2 | 1\n3 | 1",
        ),
        // The same division several times: it is not computed for all rows beforehand.
        (
            format!(
                "SELECT DISTINCT id, {guarded} AS q, {guarded} + 1 AS r, CASE WHEN b > 0 THEN a / b END AS p FROM sales"
            ),
            "1 | 2 | 3 | 2\n2 | -1 | 0 | NULL\n3 | 3 | 4 | 3",
        ),
        (format!("SELECT id, sum({guarded}) OVER (ORDER BY id) AS s FROM sales"), "1 | 2\n2 | 1\n3 | 4"),
        (
            "SELECT DISTINCT id, CASE WHEN text <> 'seven' THEN CAST(text AS BIGINT) END AS n FROM sales"
                .into(),
            "1 | 7\n2 | NULL\n3 | 9",
        ),
        (
            "SELECT DISTINCT id, CASE b WHEN 0 THEN 0 ELSE a / b END AS q FROM sales".into(),
            "1 | 2\n2 | 0\n3 | 3",
        ),
    ] {
        check(&sql, &[sales()], expected);
    }
}

#[test]
fn a_case_guards_in_a_join() {
    let guarded = "CASE WHEN h.part <> 0 THEN s.a / h.part END";
    check(
        &format!("SELECT s.id, {guarded} AS q FROM sales s JOIN shops h ON s.shop = h.shop"),
        &[sales(), shops()],
        "1 | NULL\n2 | NULL\n3 | 4",
    );
    check(
        &format!("SELECT s.id FROM sales s JOIN shops h ON s.shop = h.shop AND {guarded} > 1"),
        &[sales(), shops()],
        "3",
    );
    check(
        &format!("SELECT s.id FROM sales s, shops h WHERE s.shop = h.shop AND {guarded} > 1"),
        &[sales(), shops()],
        "3",
    );
}

#[test]
fn nullif_and_try_cast_need_no_guard() {
    check("SELECT DISTINCT id FROM sales WHERE a / NULLIF(b, 0) > 1", &[sales()], "1\n3");
    check(
        "SELECT id FROM (SELECT id, a / NULLIF(b, 0) AS q FROM sales) t WHERE q > 2 ORDER BY id",
        &[sales()],
        "3",
    );
    check("SELECT DISTINCT id FROM sales WHERE TRY_CAST(text AS BIGINT) > 7", &[sales()], "3");
}

/// What stands above a filter is computed for the rows that it left.
#[test]
fn a_filter_guards_the_columns_above_it() {
    check("SELECT DISTINCT id, a / b AS q FROM sales WHERE b <> 0", &[sales()], "1 | 2\n3 | 3");
    check("SELECT shop, sum(a / b) AS s FROM sales WHERE b <> 0 GROUP BY shop", &[sales()], "x | 2\ny | 3");
}
