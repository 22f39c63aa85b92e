//! Per-row stages: batches in, batches, dead rows and counts out.

use crate::sql::Shape;
use crate::sql::tests::{Input, block_on, check, input, lines, plan, test_session};
use arrow::array::{Int64Array, RecordBatch};
use std::collections::BTreeMap;
use std::sync::Arc;

fn clicks() -> Input {
    input(
        "clicks",
        "id long, page string?, n int?, price decimal?",
        "1 | a | 10 | 1.50
         2 | b | 0 | 2.00
         3 | NULL | 5 | NULL
         4 | a | NULL | 4.25",
    )
}

fn pages() -> Input {
    input(
        "pages",
        "page string?, title string, low int",
        "a | Apple | 1
         a | Apricot | 11
         c | Cherry | 1
         NULL | Nothing | 1",
    )
    .reference()
}

#[test]
fn filters_and_projects() {
    check(
        "SELECT id, n + 1 AS m FROM clicks WHERE page = 'a'",
        &[clicks()],
        "
        100: 1 | 11
        103: 4 | NULL
        passed 2 filtered 2 dead 0",
    );
    check(
        "SELECT 7 AS seven FROM clicks WHERE id > 3",
        &[clicks()],
        "
        103: 7
        passed 1 filtered 3 dead 0",
    );
    check("SELECT id FROM clicks WHERE id > 9", &[clicks()], "passed 0 filtered 4 dead 0");
    check(
        "WITH c AS (SELECT id * 2 AS twice, page FROM clicks) SELECT upper(page) AS p, twice FROM c WHERE twice < 5",
        &[clicks()],
        "
        100: A | 2
        101: B | 4
        passed 2 filtered 2 dead 0",
    );
    check(
        "SELECT id, now() AS t FROM clicks WHERE id = 1",
        &[clicks()],
        "
        100: 1 | 2024-01-02T03:04:05Z
        passed 1 filtered 3 dead 0",
    );
}

#[test]
fn a_bad_row_costs_one_row() {
    check(
        "SELECT id, 100 / n AS q FROM clicks",
        &[clicks()],
        "
        100: 1 | 10
        102: 3 | 20
        103: 4 | NULL
        101: dead Sql.Expression [q] `100 / CAST(clicks.n AS BIGINT)` failed: division by zero
        passed 3 filtered 0 dead 1",
    );
    check(
        "SELECT id FROM clicks WHERE 10 / n > 1",
        &[clicks()],
        "
        102: 3
        101: dead Sql.Expression [-] `(10 / CAST(clicks.n AS BIGINT)) > 1` failed: division by zero
        passed 1 filtered 2 dead 1",
    );
    check("SELECT id, CAST(page AS BIGINT) AS p FROM clicks WHERE page IS NULL OR id = 1", &[clicks()], "
        102: 3 | NULL
        100: dead Sql.Expression [p] `CAST(clicks.page AS BIGINT)` failed: a value cannot be cast to the type that is wanted
        passed 1 filtered 2 dead 1");
    check(
        "SELECT 1 / 0 AS q FROM clicks",
        &[clicks()],
        "
        100: dead Sql.Expression [q] `1 / 0` failed: division by zero
        101: dead Sql.Expression [q] `1 / 0` failed: division by zero
        102: dead Sql.Expression [q] `1 / 0` failed: division by zero
        103: dead Sql.Expression [q] `1 / 0` failed: division by zero
        passed 0 filtered 0 dead 4",
    );
}

#[test]
fn what_is_filtered_or_guarded_is_not_evaluated() {
    check(
        "SELECT id, 100 / n AS q FROM clicks WHERE n <> 0",
        &[clicks()],
        "
        100: 1 | 10
        102: 3 | 20
        passed 2 filtered 2 dead 0",
    );
    check(
        "SELECT id FROM clicks WHERE n <> 0 AND 100 / n > 15",
        &[clicks()],
        "
        102: 3
        passed 1 filtered 3 dead 0",
    );
    check(
        "SELECT id, CASE WHEN n = 0 THEN -1 ELSE 100 / n END AS q FROM clicks WHERE n IS NOT NULL",
        &[clicks()],
        "
        100: 1 | 10
        101: 2 | -1
        102: 3 | 20
        passed 3 filtered 1 dead 0",
    );
    check(
        "WITH q AS (SELECT id, 100 / n AS q FROM clicks WHERE n > 0) SELECT id, q FROM q WHERE q > 15",
        &[clicks()],
        "
        102: 3 | 20
        passed 1 filtered 3 dead 0",
    );
}

#[test]
fn integers_do_not_wrap() {
    let big = || {
        input("big", "a long, b int", "9223372036854775807 | 1\n-9223372036854775808 | -2147483648\n5 | 7")
    };
    check(
        "SELECT a + 1 AS x FROM big",
        &[big()],
        "
        101: -9223372036854775807
        102: 6
        100: dead Sql.Expression [x] `big.a + 1` failed: the result does not fit its type
        passed 2 filtered 0 dead 1",
    );
    check(
        "SELECT a - 1 AS x FROM big",
        &[big()],
        "
        100: 9223372036854775806
        102: 4
        101: dead Sql.Expression [x] `big.a - 1` failed: the result does not fit its type
        passed 2 filtered 0 dead 1",
    );
    check(
        "SELECT a * 2 AS x FROM big",
        &[big()],
        "
        102: 10
        100: dead Sql.Expression [x] `big.a * 2` failed: the result does not fit its type
        101: dead Sql.Expression [x] `big.a * 2` failed: the result does not fit its type
        passed 1 filtered 0 dead 2",
    );
    check(
        "SELECT -b AS x, abs(b) AS y FROM big",
        &[big()],
        "
        100: -1 | 1
        102: -7 | 7
        101: dead Sql.Expression [x] `0 - big.b` failed: the result does not fit its type
        passed 2 filtered 0 dead 1",
    );
    check(
        "SELECT abs(a) AS y FROM big WHERE a < 0",
        &[big()],
        "
        101: dead Sql.Expression [y] `abs(big.a)` failed: the result does not fit its type
        passed 0 filtered 2 dead 1",
    );
    check(
        "SELECT a / -1 AS x FROM big WHERE a < 0",
        &[big()],
        "
        101: dead Sql.Expression [x] `big.a / -1` failed: the result does not fit its type
        passed 0 filtered 2 dead 1",
    );
    check("SELECT CAST(a AS INT) AS x FROM big", &[big()], "
        102: 5
        100: dead Sql.Expression [x] `CAST(big.a AS INTEGER)` failed: a value cannot be cast to the type that is wanted
        101: dead Sql.Expression [x] `CAST(big.a AS INTEGER)` failed: a value cannot be cast to the type that is wanted
        passed 1 filtered 0 dead 2");
}

#[test]
fn joins_look_up_reference_data() {
    let both = [clicks(), pages()];
    check(
        "SELECT c.id, p.title FROM clicks c JOIN pages p ON c.page = p.page",
        &both,
        "
        100: 1 | Apple
        100: 1 | Apricot
        103: 4 | Apple
        103: 4 | Apricot
        passed 2 filtered 2 dead 0",
    );
    check(
        "SELECT c.id, p.title FROM clicks c LEFT JOIN pages p ON c.page = p.page",
        &both,
        "
        100: 1 | Apple
        100: 1 | Apricot
        101: 2 | NULL
        102: 3 | NULL
        103: 4 | Apple
        103: 4 | Apricot
        passed 4 filtered 0 dead 0",
    );
    check(
        "SELECT c.id, p.title FROM pages p RIGHT JOIN clicks c ON c.page = p.page WHERE c.id < 3",
        &both,
        "
        100: 1 | Apple
        100: 1 | Apricot
        101: 2 | NULL
        passed 2 filtered 2 dead 0",
    );
    check(
        "SELECT c.id, p.title FROM clicks c, pages p WHERE c.page = p.page AND c.n >= p.low AND c.id < 9",
        &both,
        "
        100: 1 | Apple
        passed 1 filtered 3 dead 0",
    );
    check(
        "SELECT c.id, p.title FROM clicks c LEFT JOIN pages p ON c.page = p.page AND c.n >= p.low",
        &both,
        "
        100: 1 | Apple
        101: 2 | NULL
        102: 3 | NULL
        103: 4 | NULL
        passed 4 filtered 0 dead 0",
    );
    check(
        "SELECT c.id, p.title FROM clicks c LEFT JOIN pages p ON (c.page IS NOT DISTINCT FROM p.page) AND c.page = p.page WHERE c.id = 3",
        &both,
        "
        102: 3 | NULL
        passed 1 filtered 3 dead 0",
    );
    check(
        "SELECT c.id, t.k FROM clicks c JOIN (SELECT page, count(*) AS k FROM pages GROUP BY page) t ON t.page = c.page",
        &both,
        "
        100: 1 | 2
        103: 4 | 2
        passed 2 filtered 2 dead 0",
    );
}

#[test]
fn a_row_that_fails_beside_one_of_its_matches_is_dead() {
    let both = [clicks(), pages()];
    check(
        "SELECT c.id, 10 / (p.low - 1) AS q FROM clicks c JOIN pages p ON c.page = p.page",
        &both,
        "
        100: dead Sql.Expression [q] `10 / (CAST(p.low AS BIGINT) - 1)` failed: division by zero
        103: dead Sql.Expression [q] `10 / (CAST(p.low AS BIGINT) - 1)` failed: division by zero
        passed 0 filtered 2 dead 2",
    );
    check(
        "SELECT c.id, p.title FROM clicks c LEFT JOIN pages p ON c.page = p.page AND 10 / (p.low - 1) > 0",
        &both,
        "
        101: 2 | NULL
        102: 3 | NULL
        100: dead Sql.Expression [-] `(10 / (CAST(p.low AS BIGINT) - 1)) > 0` failed: division by zero
        103: dead Sql.Expression [-] `(10 / (CAST(p.low AS BIGINT) - 1)) > 0` failed: division by zero
        passed 2 filtered 0 dead 2",
    );
}

#[test]
fn several_joins_in_a_row() {
    let sections =
        input("sections", "title string, name string", "Apple | fruit\nApricot | stone fruit").reference();
    check(
        "SELECT c.id, s.name FROM clicks c, pages p, sections s WHERE c.page = p.page AND p.title = s.title AND s.name <> 'fruit'",
        &[clicks(), pages(), sections],
        "
        100: 1 | stone fruit
        103: 4 | stone fruit
        passed 2 filtered 2 dead 0",
    );
}

/// `rows` longs, those at `zeros` 0, all others 1.
fn ones(rows: usize, zero: impl Fn(usize) -> bool) -> Input {
    let mut input = input("t", "v long", "");
    let values: Int64Array = (0..rows).map(|i| Some(if zero(i) { 0 } else { 1 })).collect();
    input.batches =
        vec![RecordBatch::try_new(input.relation.schema.clone(), vec![Arc::new(values)]).unwrap()];
    input
}

fn dead_of(input: &Input) -> (u64, Vec<u32>) {
    let plan = plan("SELECT 1 / v AS q FROM t", std::slice::from_ref(input)).unwrap();
    let Shape::PerRow(row) = &plan.shape else { panic!("not per-row") };
    let (session, _dir) = test_session(1 << 20);
    let chain = block_on(row.bind(&session, &BTreeMap::new())).unwrap();
    let batch = &input.batches[0];
    let out = chain.run(batch, &(0_u32..).take(batch.num_rows()).collect::<Vec<_>>()).unwrap();
    assert_eq!(lines(&out.batch).len() as u64, out.passed);
    (out.passed, out.dead.iter().map(|d| d.row).collect())
}

#[test]
fn one_bad_row_of_many_and_all_of_them() {
    assert_eq!(dead_of(&ones(8192, |i| i == 5000)), (8191, vec![5000]));
    assert_eq!(dead_of(&ones(8192, |i| i % 1000 == 999)), (8184, (0..8).map(|i| i * 1000 + 999).collect()));
    assert_eq!(dead_of(&ones(8192, |_| true)), (0, (0..8192).collect()));
    assert_eq!(dead_of(&ones(0, |_| true)), (0, vec![]));
}

#[test]
fn rows_that_share_a_source_row_are_counted_by_themselves() {
    let input = ones(4, |i| i == 2);
    let plan = plan("SELECT 1 / v AS q FROM t", std::slice::from_ref(&input)).unwrap();
    let Shape::PerRow(row) = &plan.shape else { panic!("not per-row") };
    let (session, _dir) = test_session(1 << 20);
    let chain = block_on(row.bind(&session, &BTreeMap::new())).unwrap();
    let out = chain.run(&input.batches[0], &[7, 7, 7, 9]).unwrap();
    assert_eq!(out.rows, [7, 7, 9]);
    assert_eq!((out.passed, out.filtered, out.emitted), (3, 0, 3));
    assert_eq!(out.dead.iter().map(|d| d.row).collect::<Vec<_>>(), [7]);
}

#[test]
fn what_breaks_the_contract_is_a_violation() {
    let mut process = crate::sql::tests::process("SELECT id, page FROM clicks");
    let mut contract = plan("SELECT id, page FROM clicks", &[clicks()]).unwrap().contract.as_ref().clone();
    contract.fields[1].nullable = false;
    process.contract = Some(Arc::new(contract));
    let plan = crate::sql::tests::plan_of(&process, &[clicks()]).unwrap();
    assert_eq!(plan.notes, ["asserted while it runs: `page` is never null"]);
    let found = crate::sql::tests::outcome(&plan, &[clicks()]).unwrap();
    assert_eq!(
        found,
        [
            "100: 1 | a",
            "101: 2 | b",
            "103: 4 | a",
            "102: dead Contract.Violation [page] the value is null, and the contract says that it never is",
            "passed 3 filtered 0 dead 1",
        ]
    );
}

#[test]
fn reference_data_stay_within_the_budget() {
    let mut large = input("large", "k long", "").reference();
    let values: Int64Array = (0..400_000).map(Some).collect();
    large.batches =
        vec![RecordBatch::try_new(large.relation.schema.clone(), vec![Arc::new(values)]).unwrap()];
    let small = input("t", "v long", "1\n2");
    let plan = plan("SELECT t.v FROM t JOIN large ON t.v = large.k", &[small, large.clone()]).unwrap();
    let Shape::PerRow(row) = &plan.shape else { panic!("not per-row") };
    let leaves = BTreeMap::from([("large".to_owned(), large.leaf())]);
    let (session, _dir) = test_session(4 << 20);
    let error = block_on(row.bind(&session, &leaves)).unwrap_err();
    assert_eq!(error.code().name, "Run.Memory");
    let (session, _dir) = test_session(256 << 20);
    let chain = block_on(row.bind(&session, &leaves)).unwrap();
    let pool = session.runtime_env().memory_pool.clone();
    assert!(pool.reserved() > 400_000 * 8, "the table is reserved while it lives");
    drop(chain);
    assert_eq!(pool.reserved(), 0);
}

#[test]
fn a_deep_expression_runs_on_any_stack() {
    let sum = vec!["v"; 2_000].join(" + ");
    let any = (0..2_000).map(|i| format!("v = {i}")).collect::<Vec<_>>().join(" OR ");
    let input = ones(3, |_| false);
    for (sql, expected) in
        [(format!("SELECT {sum} AS s FROM t"), "2000"), (format!("SELECT v AS s FROM t WHERE {any}"), "1")]
    {
        let plan = plan(&sql, std::slice::from_ref(&input)).unwrap();
        let Shape::PerRow(row) = &plan.shape else { panic!("not per-row") };
        let (session, _dir) = test_session(1 << 20);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let chain = runtime.block_on(row.bind(&session, &BTreeMap::new())).unwrap();
        let out = chain.run(&input.batches[0], &[0, 1, 2]).unwrap();
        assert_eq!(lines(&out.batch), [expected, expected, expected]);
    }
}

#[test]
fn functions_fail_for_a_row_and_never_for_all() {
    let rows = || {
        input(
            "t",
            "i long, d double, s string, at timestamp, n int",
            "
        9223372036854775807 | 1e300 | abc | 2262-04-11T23:47:16Z | 2147483647
        1 | 1 | abc | 2020-01-01T00:00:00Z | 1",
        )
    };
    for (item, good) in [
        ("CAST(d AS BIGINT)", "1"),
        ("CAST(n AS SMALLINT)", "1"),
        ("to_timestamp(i)", "1970-01-01T00:00:01Z"),
        ("CAST(i AS DECIMAL(38,0)) * CAST(i AS DECIMAL(38,0)) * CAST(i AS DECIMAL(38,0))", "1"),
        ("make_date(n, 1, 1)", "0001-01-01"),
        ("repeat(s, i)", "abc"),
        ("lpad(s, i)", "a"),
        ("factorial(i)", "1"),
        ("lcm(i, i - 1)", "0"),
        ("i + 1 - 5", "-3"),
        ("at + (i - 1) * INTERVAL '1 year'", "2020-01-01T00:00:00Z"),
    ] {
        let mut stage = crate::sql::tests::process(&format!("SELECT {item} AS x FROM t"));
        stage.nondeterministic = true;
        let Ok(plan) = crate::sql::tests::plan_of(&stage, &[rows()]) else {
            assert!(item.contains("INTERVAL"), "{item} is not planned");
            continue;
        };
        let found = crate::sql::tests::outcome(&plan, &[rows()]).unwrap();
        assert_eq!(found.len(), 3, "{item}: {found:?}");
        assert_eq!(found[0], format!("101: {good}"), "{item}");
        assert!(found[1].starts_with("100: dead Sql.Expression [x] "), "{item}: {}", found[1]);
        assert_eq!(found[2], "passed 1 filtered 0 dead 1", "{item}");
    }
}

#[test]
fn in_over_reference_data_is_a_lookup() {
    // A page that is there several times counts once, and a null is in nothing.
    check(
        "SELECT id FROM clicks WHERE page IN (SELECT page FROM pages)",
        &[clicks(), pages()],
        "
        100: 1
        103: 4
        passed 2 filtered 2 dead 0",
    );
    check(
        "SELECT id, n FROM clicks WHERE n > 0 AND id + 1 IN (SELECT low + 1 FROM pages WHERE low < 9) AND 10 / n > 0",
        &[clicks(), pages()],
        "
        100: 1 | 10
        passed 1 filtered 3 dead 0",
    );
    check(
        "SELECT c.id, p.title FROM clicks c, pages p WHERE c.page = p.page AND c.page IN (SELECT page FROM pages WHERE low > 5)",
        &[clicks(), pages()],
        "
        100: 1 | Apple
        100: 1 | Apricot
        103: 4 | Apple
        103: 4 | Apricot
        passed 2 filtered 2 dead 0",
    );
    check(
        "SELECT id FROM clicks WHERE 10 / n IN (SELECT low FROM pages)",
        &[clicks(), pages()],
        "
        100: 1
        101: dead Sql.Expression [-] `10 / CAST(clicks.n AS BIGINT)` failed: division by zero
        passed 1 filtered 2 dead 1",
    );
}

/// Texts become instants in UTC, with and without an offset; one that is none costs its row, and null is null.
#[test]
fn texts_become_instants() {
    let rows = || {
        input(
            "t",
            "k string?",
            "2020-01-02\n2020-01-02T00:00:00Z\n2020-01-02T02:00:00+02:00\nNULL\nnot a time",
        )
    };
    let at = "2020-01-02T00:00:00Z";
    for item in
        ["to_timestamp(k)", "to_timestamp_micros(k)", "to_timestamp_millis(k)", "to_timestamp_seconds(k)"]
    {
        let plan = crate::sql::tests::plan(&format!("SELECT {item} AS v FROM t"), &[rows()]).unwrap();
        let found = crate::sql::tests::outcome(&plan, &[rows()]).unwrap();
        let good = [format!("100: {at}"), format!("101: {at}"), format!("102: {at}"), "103: NULL".to_owned()];
        assert_eq!(found[..4], good, "{item}");
        assert!(
            found[4].starts_with("104: dead Sql.Expression [v] ")
                && found[4].contains(item.split('(').next().unwrap()),
            "{}",
            found[4]
        );
        assert_eq!(found[5], "passed 4 filtered 0 dead 1", "{item}");
    }
    check(
        "SELECT extract(year FROM to_timestamp(k, '%Y-%m-%d')) AS y FROM t WHERE k = '2020-01-02'",
        &[rows()],
        "
        100: 2020
        passed 1 filtered 4 dead 0",
    );
}
