use super::inputs;
use crate::mistakes::Mistakes;
use crate::sqltext::from_file;
use std::path::Path;

/// The inputs as `name@line:column`, or the first error.
fn check(text: &str) -> String {
    let mut mistakes = Mistakes::default();
    let sql = from_file(text.to_owned(), Path::new("x.sql"));
    let found = inputs(&sql, &mut mistakes);
    match (found, mistakes.told().first()) {
        (Some(found), None) => {
            let shown = |i: &crate::Input| {
                format!("{}@{}:{}", i.stage, i.place.line.unwrap(), i.place.column.unwrap())
            };
            found.iter().map(shown).collect::<Vec<_>>().join(" ")
        }
        (None, Some(error)) => error.to_string(),
        _ => "inputs and errors disagree".to_owned(),
    }
}

#[test]
fn names_in_from_are_found_wherever_they_stand() {
    for (sql, expected) in [
        ("SELECT * FROM a", "a@1:15"),
        ("SELECT * FROM A", "a@1:15"),
        ("SELECT * FROM \"A\"", "A@1:15"),
        ("SELECT * FROM a AS x, b y", "a@1:15 b@1:23"),
        ("SELECT * FROM a JOIN b USING (id) LEFT JOIN c ON true", "a@1:15 b@1:22 c@1:45"),
        ("SELECT * FROM a UNION ALL SELECT * FROM b EXCEPT SELECT * FROM c", "a@1:15 b@1:41 c@1:64"),
        ("SELECT * FROM (SELECT * FROM a) x", "a@1:30"),
        ("SELECT (SELECT max(v) FROM b) FROM a", "b@1:28 a@1:36"),
        ("SELECT * FROM a WHERE id IN (SELECT id FROM b)", "a@1:15 b@1:45"),
        ("SELECT * FROM a WHERE NOT EXISTS (SELECT 1 FROM b WHERE b.x = a.x)", "a@1:15 b@1:49"),
        (
            "SELECT CASE WHEN 1 > (SELECT 1 FROM b) THEN 1 END FROM a ORDER BY (SELECT 1 FROM c)",
            "b@1:37 a@1:56 c@1:82",
        ),
        ("SELECT * FROM a, a AS again", "a@1:15"),
        ("SELECT * FROM a, LATERAL (SELECT * FROM b) l", "a@1:15 b@1:41"),
        ("(SELECT * FROM a)", "a@1:16"),
        ("SELECT *\n  FROM a\n  -- FROM z\n  /* FROM y */ JOIN b ON true;", "a@2:8 b@4:21"),
        ("SELECT a.* FROM a", "a@1:17"),
        ("SELECT x FROM a GROUP BY x HAVING count(*) > (SELECT n FROM b)", "a@1:15 b@1:61"),
    ] {
        assert_eq!(check(sql), expected, "{sql}");
    }
}

#[test]
fn names_of_with_hide_stages_where_they_are_visible() {
    for (sql, expected) in [
        ("WITH a AS (SELECT * FROM b) SELECT * FROM a", "b@1:26"),
        ("WITH a AS (SELECT * FROM a) SELECT * FROM a", "a@1:26"),
        ("WITH RECURSIVE a AS (SELECT 1 FROM b UNION ALL SELECT 2 FROM a) SELECT * FROM a", "b@1:36"),
        ("WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT * FROM b", "b@1:26"),
        ("SELECT * FROM (WITH a AS (SELECT * FROM b) SELECT * FROM a) x, a", "b@1:41 a@1:64"),
        ("WITH a AS (SELECT 1 FROM b) SELECT * FROM (SELECT * FROM (SELECT * FROM A) x) y", "b@1:26"),
        ("WITH a AS (WITH c AS (SELECT * FROM d) SELECT * FROM c) SELECT * FROM a, c", "d@1:37 c@1:74"),
        ("WITH \"A\" AS (SELECT * FROM b) SELECT * FROM a", "b@1:28 a@1:45"),
    ] {
        assert_eq!(check(sql), expected, "{sql}");
    }
}

#[test]
fn what_is_no_query_is_refused() {
    for sql in [
        "DROP TABLE a",
        "SET x = 1",
        "DESCRIBE a",
        "SHOW TABLES",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "COPY (SELECT * FROM a) TO 'x'",
        "DELETE FROM a",
        "UPDATE a SET b = 1",
        "MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE",
        "TRUNCATE a",
        "SELECT * FROM a; DROP TABLE a",
        "SELECT 1 FROM a, read_parquet('x')",
        "SELECT * FROM x.y",
        "SELECT 1",
        "VALUES (1)",
    ] {
        let found = check(sql);
        assert!(found.starts_with("ST0022"), "{sql}: {found}");
    }
}

#[test]
fn syntax_errors_have_exact_places() {
    for (sql, expected) in [
        ("", "(x.sql:1:1)"),
        ("  \n ;; ", "(x.sql:1:1)"),
        ("SELECT * FORM a", "(x.sql:1:10)"),
        ("SELECT (1 FROM a", "(x.sql:1:11)"),
        ("SELECT *\n FROM", "(x.sql:2:6)"),
        ("SELECT *\n FROM a WHERE 'x", "(x.sql:2:15)"),
        ("SELECT * FROM a /* open", "(x.sql:1:24)"),
    ] {
        let found = check(sql);
        assert!(found.starts_with("ST0020") && found.ends_with(expected), "{sql}: {found}");
    }
}

#[test]
fn long_chains_and_deep_nests_do_not_exhaust_the_stack() {
    let chain =
        |begin: &str, part: &str, count: usize, end: &str| format!("{begin}{}{end}", part.repeat(count));
    for sql in [
        chain("SELECT 1", "+1", 9_990, " FROM a"),
        chain("SELECT * FROM a WHERE true", " AND x", 9_990, ""),
        chain("SELECT * FROM a", " UNION ALL SELECT * FROM a", 3_300, ""),
        chain("SELECT x", " || 'y'", 9_990, " FROM a"),
        chain("SELECT * FROM a", " JOIN a ON x", 4_900, ""),
        chain("SELECT x", "::int", 9_900, " FROM a"),
        chain("SELECT x", "[1]", 6_000, " FROM a"),
        chain("SELECT x", " IS NULL", 9_900, " FROM a"),
        chain("SELECT x", " ISNULL", 19_000, " FROM a"),
        chain("SELECT x", "!", 19_000, " FROM a"),
        chain("SELECT ", "- ", 9_900, "1 FROM a"),
        chain("SELECT ", "NOT ", 9_900, "x FROM a"),
        format!(
            "WITH {} SELECT * FROM a",
            (0..2_800).map(|i| format!("c{i} AS (SELECT 1)")).collect::<Vec<_>>().join(",")
        ),
    ] {
        let found = check(&sql);
        let good = found.starts_with("a@") || found.starts_with("ST002");
        assert!(good, "{} {found}", sql.chars().take(60).collect::<String>());
    }
    for (open, close) in [
        ("(", ")"),
        ("f(", ")"),
        ("CASE WHEN ", " THEN 1 END"),
        ("(SELECT ", ")"),
        ("[", "]"),
        ("{'a': ", "}"),
    ] {
        for depth in [100, 3_000] {
            let found = check(&format!("SELECT {}1{} FROM a", open.repeat(depth), close.repeat(depth)));
            assert!(found.starts_with("ST002"), "{open} {depth}: {found}");
        }
    }
    assert!(
        check(&chain("SELECT 1", "+1", 20_000, " FROM a"))
            .starts_with("ST0022: the SQL has more than 20000 words")
    );
    assert!(
        check(&format!("SELECT '{}' FROM a", "x".repeat(1 << 20)))
            .starts_with("ST0022: the SQL is longer than 1 MiB")
    );
}
