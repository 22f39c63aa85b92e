//! Windows that are named, and what they are based on.

use super::{Input, check, input};

fn sales() -> Input {
    input("t", "id long, k long, v long", "1 | 1 | 10\n2 | 2 | 20\n3 | 1 | 30\n4 | 2 | 40\n5 | 1 | 50")
        .key(&["id"])
}

#[test]
fn a_window_takes_partitions_and_order_of_its_base() {
    for (sql, expected) in [
        (
            "SELECT id, count(*) OVER (w ORDER BY id) AS n FROM t WINDOW w AS (PARTITION BY k)",
            "1 | 1\n2 | 1\n3 | 2\n4 | 2\n5 | 3",
        ),
        ("SELECT id, sum(v) OVER (w) AS s FROM t WINDOW w AS (PARTITION BY k)", "1 | 90\n2 | 60\n3 | 90\n4 | 60\n5 | 90"),
        (
            "SELECT id, sum(v) OVER (W ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM t WINDOW w AS (PARTITION BY k ORDER BY id)",
            "1 | 10\n2 | 20\n3 | 40\n4 | 60\n5 | 80",
        ),
        (
            "SELECT id, count(*) OVER w2 AS n FROM t WINDOW w AS (PARTITION BY k), w2 AS (w ORDER BY id)",
            "1 | 1\n2 | 1\n3 | 2\n4 | 2\n5 | 3",
        ),
        (
            "SELECT id, count(*) OVER w2 AS n FROM t WINDOW w AS (PARTITION BY k ORDER BY id), w2 AS w",
            "1 | 1\n2 | 1\n3 | 2\n4 | 2\n5 | 3",
        ),
        // A frame goes along with the plain name.
        (
            "SELECT id, sum(v) OVER w AS s FROM t WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)",
            "1 | 10\n2 | 30\n3 | 50\n4 | 70\n5 | 90",
        ),
        // Names outside of the select list.
        (
            "SELECT id FROM t QUALIFY row_number() OVER (w ORDER BY id DESC) = 1 WINDOW w AS (PARTITION BY k)",
            "4\n5",
        ),
        ("SELECT id FROM t WINDOW w AS (PARTITION BY k ORDER BY id DESC) QUALIFY row_number() OVER w = 1", "4\n5"),
        ("SELECT id FROM t WINDOW w AS (ORDER BY id) ORDER BY sum(v) OVER w DESC, id LIMIT 2", "4\n5"),
        // Each SELECT has windows of its own.
        (
            "SELECT x.id, sum(v) OVER w AS s FROM (SELECT id, v, count(*) OVER w AS n FROM t WINDOW w AS (PARTITION BY k)) x WHERE n = 2 WINDOW w AS (ORDER BY id)
             UNION ALL SELECT id, count(*) OVER (w ORDER BY id) AS s FROM t WHERE id > 4 WINDOW w AS (PARTITION BY k)",
            "2 | 20\n4 | 60\n5 | 1",
        ),
    ] {
        check(sql, &[sales()], expected);
    }
}
