//! Which queries are per-row, and which columns they use.

use super::{Input, input, plan};
use crate::sql::explain;

fn inputs() -> Vec<Input> {
    vec![
        input("clicks", "id long, page string?, at timestamp, n int", ""),
        input("pages", "page string, title string?, section string?", "").reference().key(&["page"]),
        input("sections", "section string, name string", "").reference(),
        input("totals", "page string, n long", "").whole(),
    ]
}

fn shape(sql: &str) -> String {
    let plan = plan(sql, &inputs()).unwrap_or_else(|e| panic!("{e:?}\nof {sql}"));
    let used: Vec<String> = plan
        .used
        .iter()
        .map(|(n, c)| format!("{n}{}", c.iter().map(|c| format!(".{c}")).collect::<String>()))
        .collect();
    let shape = crate::sql::shape(&plan).replace("whole-input: ", "whole: ");
    format!("{shape}; {}", used.join(" "))
}

#[test]
fn a_stage_is_per_row_where_each_row_stands_alone() {
    let cases = [
        ("SELECT * FROM clicks", "per-row over clicks; clicks.0.1.2.3"),
        ("SELECT id FROM clicks WHERE n > 1", "per-row over clicks; clicks.0.3"),
        ("SELECT 1 AS one FROM clicks", "per-row over clicks; clicks.0"),
        ("WITH c AS (SELECT *, n / id AS q FROM clicks) SELECT page FROM c", "per-row over clicks; clicks.1"),
        (
            "SELECT c.id, p.title FROM clicks c JOIN pages p ON c.page = p.page",
            "per-row over clicks; clicks.0.1 pages.0.1",
        ),
        (
            "SELECT c.id, p.title FROM pages p RIGHT JOIN clicks c ON upper(c.page) = upper(p.page)",
            "per-row over clicks; clicks.0.1 pages.0.1",
        ),
        (
            "SELECT id, title FROM clicks LEFT JOIN pages USING (page)",
            "per-row over clicks; clicks.0.1 pages.0.1",
        ),
        (
            "SELECT c.id, s.name FROM clicks c, pages p, sections s WHERE c.page = p.page AND p.section = s.section AND c.n > 3",
            "per-row over clicks; clicks.0.1.3 pages.0.2 sections.0.1",
        ),
        (
            "SELECT c.id, t.k FROM clicks c JOIN (SELECT section, count(*) AS k FROM pages GROUP BY section) t ON c.page = t.section",
            "per-row over clicks; clicks.0.1 pages.2",
        ),
        ("SELECT count(*) AS n FROM clicks", "whole: it groups rows; clicks.0"),
        ("SELECT page, max(n) AS n FROM clicks GROUP BY page", "whole: it groups rows; clicks.1.3"),
        ("SELECT DISTINCT page FROM clicks", "whole: it removes equal rows; clicks.1"),
        ("SELECT id FROM clicks ORDER BY id", "whole: it sorts rows; clicks.0"),
        (
            "SELECT id FROM clicks UNION ALL SELECT n FROM clicks",
            "whole: it puts several queries together; clicks.0.3",
        ),
        (
            "SELECT id, sum(n) OVER (PARTITION BY page) AS s FROM clicks",
            "whole: it has a window function; clicks.0.1.3",
        ),
        (
            "SELECT a.id FROM clicks a JOIN clicks b ON a.id = b.n",
            "whole: it joins `clicks` with itself; clicks.0.3",
        ),
        (
            "SELECT id FROM clicks WHERE page IN (SELECT page FROM pages)",
            "per-row over clicks; clicks.0.1 pages.0",
        ),
        (
            "SELECT c.id FROM clicks c, sections s WHERE c.page = s.name AND c.page IN (SELECT page FROM pages) AND c.n > 1",
            "per-row over clicks; clicks.0.1.3 pages.0 sections.1",
        ),
        (
            "SELECT id FROM clicks WHERE n > 1 OR page IN (SELECT page FROM pages)",
            "whole: it has `IN` over a subquery (as a condition of its own and over reference data it is per-row); clicks.0.1.3 pages.0",
        ),
        (
            "SELECT id FROM clicks WHERE id IN (SELECT max(id) FROM clicks)",
            "whole: it has `IN` over a subquery (as a condition of its own and over reference data it is per-row); clicks.0",
        ),
        (
            "SELECT id FROM clicks WHERE page NOT IN (SELECT page FROM pages)",
            "whole: it has `NOT IN` over a subquery (a left join with distinct reference data and a filter `IS NULL` is per-row); clicks.0.1 pages.0",
        ),
        (
            "SELECT id FROM clicks c WHERE EXISTS (SELECT 1 FROM pages p WHERE p.page = c.page)",
            "whole: it has `EXISTS` (`IN`, or an inner join with distinct reference data, is per-row); clicks.0.1 pages.0",
        ),
        (
            "SELECT id FROM clicks c WHERE NOT EXISTS (SELECT 1 FROM pages p WHERE p.page = c.page)",
            "whole: it has `NOT EXISTS` (a left join with distinct reference data and a filter `IS NULL` is per-row); clicks.0.1 pages.0",
        ),
        (
            "SELECT id, (SELECT count(*) FROM pages) AS n FROM clicks",
            "whole: it has a subquery that stands for a value; clicks.0 pages.0",
        ),
        (
            "SELECT id, unnest(string_to_array(page, ';')) AS tag FROM clicks WHERE n > 1",
            "per-row over clicks; clicks.0.1.3",
        ),
        (
            "SELECT unnest(string_to_array(page, ';')) AS tag, count(*) AS n FROM clicks GROUP BY 1",
            "whole: it groups rows; clicks.1",
        ),
        (
            "SELECT id, unnest(unnest([[1], [n]])) AS u FROM clicks",
            "whole: it unnests lists of lists; clicks.0.3",
        ),
        (
            "SELECT c.id FROM clicks c FULL JOIN pages p ON c.page = p.page",
            "whole: it keeps rows of the reference data that match nothing; clicks.0.1 pages.0",
        ),
        (
            "SELECT c.id FROM pages p LEFT JOIN clicks c ON c.page = p.page",
            "whole: it keeps rows of the reference data that match nothing; clicks.0.1 pages.0",
        ),
        (
            "SELECT c.id FROM clicks c JOIN pages p ON c.page > p.page",
            "whole: it joins without an equality; clicks.0.1 pages.0",
        ),
        ("SELECT page FROM pages", "whole: it reads only reference data; pages.0"),
        (
            "SELECT page FROM totals",
            "whole: its input `totals` is the result of a whole-input stage; totals.0",
        ),
        (
            "SELECT c.id FROM clicks c JOIN totals t ON c.page = t.page",
            "whole: it joins `clicks` with `totals`; clicks.0.1 totals.0",
        ),
        ("SELECT 1 AS one", "whole: it reads nothing; "),
    ];
    for (sql, expected) in cases {
        assert_eq!(shape(sql), expected, "\nof {sql}");
    }
}

#[test]
fn explain_shows_the_steps_or_the_plan() {
    let sql = "SELECT c.id, c.n + 1 AS m, p.title FROM clicks c LEFT JOIN pages p ON c.page = p.page AND p.section <> 'x' WHERE c.n > 2";
    let text = explain(&plan(sql, &inputs()).unwrap());
    let expected = "\
left join pages by c.page if p.section <> 'x'
filter CAST(c.n AS BIGINT) > 2
project c.id, CAST(c.n AS BIGINT) + 1 AS m, p.title
";
    assert_eq!(text, expected);
    let text =
        explain(&plan("SELECT page, sum(n) AS s FROM clicks WHERE id > 3 GROUP BY page", &inputs()).unwrap());
    assert!(text.starts_with("Projection: "), "{text}");
    assert!(text.contains("TableScan: clicks projection=[id, page, n]"), "{text}");
}
