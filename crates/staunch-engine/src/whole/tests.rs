//! Whole-input stages: inputs in, results or one error out.

use super::unique_keys;
use crate::sql::Shape;
use crate::sql::tests::{
    Input, Rows, block_on, check, input, lines, outcome, plan, plan_of, process, test_session,
};
use arrow::array::{Int64Array, RecordBatch};
use arrow::compute::concat_batches;
use futures::TryStreamExt;
use staunch_types::{Error, codes};
use std::collections::BTreeMap;
use std::sync::Arc;

fn sales() -> Input {
    input(
        "sales",
        "id long, shop string?, amount long, price decimal?, ratio double",
        "1 | a | 10 | 1.50 | 0.5
         2 | b | 0 | 2.25 | 0.25
         3 | a | 5 | NULL | 0.125
         4 | NULL | 7 | 1.00 | 1",
    )
}

fn shops() -> Input {
    input("shops", "shop string, city string?", "a | Aachen\nc | Celle")
}

/// What is least and greatest is in a row, also where all rows are infinite or no numbers.
#[test]
fn the_ends_of_a_group_are_in_it() {
    let t = input(
        "t",
        "k string, x double?",
        "a | Infinity\na | NULL\nb | -Infinity\nc | NaN\nd | NaN\nd | 1\ne | NULL\nf | 2\nf | -Infinity",
    );
    let rows =
        "a | inf | inf\nb | -inf | -inf\nc | NaN | NaN\nd | 1.0 | NaN\ne | NULL | NULL\nf | -inf | 2.0";
    check("SELECT k, min(x) AS a, max(x) AS b FROM t GROUP BY k", std::slice::from_ref(&t), rows);
    check(
        "SELECT DISTINCT k, min(x) OVER (PARTITION BY k) AS a, max(x) OVER (PARTITION BY k) AS b FROM t",
        &[t],
        rows,
    );
}

#[test]
fn aggregates() {
    check(
        "SELECT shop, count(*) AS n, sum(amount) AS s, sum(price) AS p, avg(ratio) AS r FROM sales GROUP BY shop",
        &[sales()],
        "
        NULL | 1 | 7 | 1.00 | 1.0
        a | 2 | 15 | 1.50 | 0.3125
        b | 1 | 0 | 2.25 | 0.25",
    );
    check(
        "SELECT sum(amount) AS s, max(shop) AS m, count(DISTINCT shop) AS d FROM sales",
        &[sales()],
        "22 | b | 2",
    );
    check("SELECT sum(amount) AS s FROM sales WHERE id > 9", &[sales()], "NULL");
    check(
        "SELECT sum(amount) FILTER (WHERE id > 1) AS s, sum(DISTINCT CAST(amount AS DOUBLE)) AS d FROM sales",
        &[sales()],
        "12 | 22.0",
    );
    check(
        "SELECT shop, sum(amount) AS s FROM sales GROUP BY ROLLUP (shop)",
        &[sales()],
        "
        NULL | 22
        NULL | 7
        a | 15
        b | 0",
    );
}

#[test]
fn joins_sets_and_windows() {
    check(
        "SELECT s.id, h.city FROM sales s JOIN shops h ON s.shop = h.shop",
        &[sales(), shops()],
        "
        1 | Aachen
        3 | Aachen",
    );
    check(
        "SELECT s.id, h.city FROM sales s FULL JOIN shops h ON s.shop = h.shop",
        &[sales(), shops()],
        "
        1 | Aachen
        2 | NULL
        3 | Aachen
        4 | NULL
        NULL | Celle",
    );
    check("SELECT id FROM sales WHERE shop IN (SELECT shop FROM shops)", &[sales(), shops()], "1\n3");
    check(
        "SELECT id FROM sales s WHERE NOT EXISTS (SELECT 1 FROM shops h WHERE h.shop = s.shop)",
        &[sales(), shops()],
        "2\n4",
    );
    check(
        "SELECT a.id AS x, b.id AS y FROM sales a JOIN sales b ON a.shop = b.shop AND a.id < b.id",
        &[sales()],
        "1 | 3",
    );
    check("SELECT shop FROM sales UNION SELECT shop FROM shops", &[sales(), shops()], "NULL\na\nb\nc");
    check(
        "SELECT id, sum(amount) OVER (PARTITION BY shop ORDER BY id) AS s FROM sales",
        &[sales()],
        "
        1 | 10
        2 | 0
        3 | 15
        4 | 7",
    );
    check(
        "SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS s FROM sales",
        &[sales()],
        "
        1 | 10
        2 | 10
        3 | 5
        4 | 12",
    );
    check("SELECT count(*) AS n FROM sales", &[sales()], "4");
    check("SELECT max(amount) - (SELECT min(amount) FROM sales) AS span FROM sales", &[sales()], "10");
}

#[test]
fn a_failing_expression_fails_the_stage_and_is_named() {
    check(
        "SELECT shop, max(100 / amount) AS q FROM sales GROUP BY shop",
        &[sales()],
        "Sql.Query: the query failed: division by zero in `100 / sales.amount` (stage `out`)",
    );
    check(
        "SELECT DISTINCT CAST(shop AS BIGINT) AS q FROM sales",
        &[sales()],
        "Sql.Query: the query failed: a value cannot be cast to the type that is wanted in `CAST(sales.shop AS BIGINT)` (stage `out`)",
    );
    let big = || input("big", "a long", "9223372036854775807\n1");
    check(
        "SELECT sum(a) AS s FROM big",
        &[big()],
        "Sql.Query: the query failed: the result does not fit its type in `sum(big.a)` (stage `out`)",
    );
    check("SELECT a, sum(a) AS s FROM (SELECT 1 AS a, a AS b FROM big) t GROUP BY a", &[big()], "1 | 2");
    check(
        "SELECT max(a + 1) AS s FROM big",
        &[big()],
        "Sql.Query: the query failed: the result does not fit its type in `big.a + 1` (stage `out`)",
    );
    // What is in between may be beyond 64 bits: only the result has to fit.
    let sums = input("big", "a long", "9223372036854775807\n1\n-5");
    check("SELECT sum(a) AS s FROM big", &[sums], "9223372036854775803");
}

#[test]
fn a_row_that_breaks_the_contract_fails_the_stage() {
    let sql = "SELECT DISTINCT shop FROM sales";
    let mut stage = process(sql);
    let mut contract = plan(sql, &[sales()]).unwrap().contract.as_ref().clone();
    contract.fields[0].nullable = false;
    stage.contract = Some(Arc::new(contract));
    let error = outcome(&plan_of(&stage, &[sales()]).unwrap(), &[sales()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Contract.Violation: a row of the result breaks its contract: the value is null, and the contract says that it never is (stage `out`, field `shop`)"
    );
}

#[test]
fn a_leafs_error_comes_out_as_it_was() {
    fn torn() -> Error {
        Error::new(codes::SOURCE_CORRUPT, "the file ends in the middle of a record").hint("fetch it again")
    }
    let plan =
        plan("SELECT shop, count(*) AS n FROM sales GROUP BY shop ORDER BY n, shop", &[sales()]).unwrap();
    let Shape::WholeInput(whole) = &plan.shape else { panic!("not whole") };
    let leaf =
        Rows { schema: sales().relation.schema, batches: sales().batches, bytes: None, fails: Some(torn) };
    let (session, _dir) = test_session(64 << 20);
    let leaves = BTreeMap::from([("sales".to_owned(), Arc::new(leaf) as _)]);
    let error =
        block_on(async { whole.execute(&session, &leaves)?.try_collect::<Vec<_>>().await }).unwrap_err();
    assert_eq!(error.to_string(), "Source.Corrupt: the file ends in the middle of a record");
    assert_eq!(error.next_step(), Some("fetch it again"));
}

/// `rows` rows of a key and a value, in batches; key `i` is `i % keys`.
pub(super) fn many(name: &str, rows: i64, keys: i64) -> Input {
    let mut input = input(name, "k long, v long", "");
    let schema = input.relation.schema.clone();
    let batch = |from: i64| {
        let rows = from..(from + 8192).min(rows);
        let k: Int64Array = rows.clone().map(|i| Some((i * 7919) % keys)).collect();
        let v: Int64Array = rows.map(Some).collect();
        RecordBatch::try_new(schema.clone(), vec![Arc::new(k), Arc::new(v)]).unwrap()
    };
    input.batches = (0..rows).step_by(8192).map(batch).collect();
    input
}

/// How many rows a query gives, over one input of so many bytes, within a budget.
pub(super) fn rows_of(
    input: &Input,
    sql: &str,
    memory: u64,
    bytes: Option<u64>,
    disk: bool,
) -> Result<usize, Error> {
    let batches = batches_of(input, sql, memory, bytes, disk)?;
    Ok(batches.iter().map(RecordBatch::num_rows).sum())
}

/// The rows of a query over one input, within a budget.
pub(super) fn lines_of(input: &Input, sql: &str, memory: u64) -> Result<Vec<String>, Error> {
    Ok(batches_of(input, sql, memory, None, true)?.iter().flat_map(lines).collect())
}

fn batches_of(
    input: &Input,
    sql: &str,
    memory: u64,
    bytes: Option<u64>,
    disk: bool,
) -> Result<Vec<RecordBatch>, Error> {
    let mut stage = process(sql);
    // What is asked is whether it fits, not whether it is the same each time.
    stage.nondeterministic = true;
    let plan = plan_of(&stage, std::slice::from_ref(input)).unwrap();
    let Shape::WholeInput(whole) = &plan.shape else { panic!("not whole") };
    let leaf =
        Rows { schema: input.relation.schema.clone(), batches: input.batches.clone(), bytes, fails: None };
    let (session, dir) = test_session(memory);
    if !disk {
        dir.close().unwrap();
    }
    let leaves = BTreeMap::from([(input.relation.name.clone(), Arc::new(leaf) as _)]);
    block_on(async { whole.execute(&session, &leaves)?.try_collect::<Vec<_>>().await })
}

#[test]
fn a_million_groups_fit_sixteen_mebibytes_and_a_disk() {
    let input = many("t", 1_000_000, 1_000_000);
    let sql = "SELECT k, count(*) AS n, sum(v) AS s FROM t GROUP BY k";
    assert_eq!(rows_of(&input, sql, 16 << 20, None, true).unwrap(), 1_000_000);
    let error = rows_of(&input, sql, 16 << 20, None, false).unwrap_err();
    assert_eq!(error.code().name, "Store.Unavailable", "{error}");
}

#[test]
fn a_join_beyond_the_budget_is_sorted_and_merged() {
    let input = many("t", 1_000_000, 1_000_000);
    let sql = "SELECT a.v AS x, b.v AS y FROM t a JOIN t b ON a.k = b.k";
    assert_eq!(rows_of(&input, sql, 12 << 20, Some(16_000_000), true).unwrap(), 1_000_000);
    // Without a hint it is hashed, and the budget does not do.
    let error = rows_of(&input, sql, 12 << 20, None, true).unwrap_err();
    assert_eq!(error.code().name, "Run.Memory", "{error}");
}

/// A join with a further condition has the same rows merged as hashed; a full one is not merged, and must fit.
#[test]
fn a_condition_of_a_join_holds_also_where_it_is_merged() {
    let input = many("t", 300_000, 300_000);
    for (join, condition) in [
        ("JOIN", "a.v < 150000"),
        ("LEFT JOIN", "a.v < 150000"),
        ("LEFT JOIN", "a.v < b.k"),
        ("RIGHT JOIN", "b.v < 150000"),
        ("RIGHT JOIN", "a.v < b.k"),
    ] {
        let sql = format!(
            "SELECT count(*) AS n, count(a.v) AS x, count(b.v) AS y, sum(a.v + b.v) AS s FROM t a {join} t b ON a.k = b.k AND {condition}"
        );
        let merged = batches_of(&input, &sql, 4 << 20, Some(4_800_000), true).map(|b| lines_of_batches(&b));
        let hashed = batches_of(&input, &sql, 256 << 20, Some(4_800_000), true).map(|b| lines_of_batches(&b));
        assert_eq!(merged.map_err(|e| e.to_string()), hashed.map_err(|e| e.to_string()), "{sql}");
    }
    let sql = "SELECT a.v AS x, b.v AS y FROM t a FULL JOIN t b ON a.k = b.k AND a.v < 150000";
    assert_eq!(rows_of(&input, sql, 256 << 20, Some(4_800_000), true).unwrap(), 450_000);
    let error = rows_of(&input, sql, 4 << 20, Some(4_800_000), true).unwrap_err();
    assert_eq!(error.code().name, "Run.Memory", "{error}");
}

fn lines_of_batches(batches: &[RecordBatch]) -> Vec<String> {
    batches.iter().flat_map(lines).collect()
}

/// Batches as large as the chunks of a file, in a budget of which each is a quarter and more.
#[test]
fn a_small_budget_spills_and_does_not_give_up() {
    let mut input = many("t", 60_000, 60_000);
    input.batches = vec![concat_batches(&input.relation.schema, &input.batches).unwrap()];
    for (sql, rows) in [
        ("SELECT a.v AS x, b.v AS y FROM t a JOIN t b ON a.k = b.k", 60_000),
        ("SELECT a.k % 100 AS m, sum(b.v) AS s FROM t a JOIN t b ON a.k = b.k GROUP BY a.k % 100", 100),
        ("SELECT a.v AS x, c.v AS y FROM t a JOIN t b ON a.k = b.v JOIN t c ON b.k = c.v", 60_000),
        ("SELECT a.v AS x, b.v AS y FROM t a LEFT JOIN t b ON a.k = b.k AND b.v > 3", 60_000),
        ("SELECT v FROM t WHERE k NOT IN (SELECT v FROM t WHERE v < 10)", 59_990),
        ("SELECT k, sum(v) AS s FROM t GROUP BY k", 60_000),
        ("SELECT DISTINCT k, v FROM t", 60_000),
        ("SELECT k, v FROM t ORDER BY k, v", 60_000),
        ("SELECT k, rank() OVER (PARTITION BY k % 7 ORDER BY k) AS r FROM t", 60_000),
    ] {
        // The rows are 960 KB, and come in one batch.
        let found = rows_of(&input, sql, 512 << 10, Some(960_000), true);
        assert_eq!(found.map_err(|e| e.to_string()), Ok(rows), "\nof {sql}");
    }
}

#[test]
fn keys_are_unique_or_counted() {
    let (session, _dir) = test_session(64 << 20);
    let key = |columns: &[&str]| columns.iter().map(|c| (*c).to_owned()).collect::<Vec<_>>();
    let unique =
        |input: &Input, columns: &[&str]| block_on(unique_keys(&session, input.leaf(), &key(columns)));
    assert!(unique(&many("t", 20_000, 20_000), &["k"]).is_ok());
    assert!(unique(&many("t", 20_000, 100), &["k", "v"]).is_ok());
    let error = unique(&many("t", 20_000, 19_998), &["k"]).unwrap_err();
    assert_eq!(error.to_string(), "Contract.KeyNotUnique: 2 keys (`k`) are not unique: 4 rows share them");
    let error = unique(&sales(), &["shop"]).unwrap_err();
    assert_eq!(error.message(), "1 key (`shop`) is not unique: 2 rows share them");
}

#[test]
fn a_deep_expression_runs() {
    let input = many("t", 3, 3);
    let any = (0..2_000).map(|i| format!("v * 3 > {i} AND k < {i}")).collect::<Vec<_>>().join(" OR ");
    let sql = format!("SELECT count(*) AS n FROM t WHERE {any}");
    let plan = plan(&sql, std::slice::from_ref(&input)).unwrap();
    // The rows are (k, v) = (0, 0), (2, 1), (1, 2); a number lies between k and 3 v for the last one only.
    assert_eq!(outcome(&plan, std::slice::from_ref(&input)).unwrap(), ["1"]);
}

#[test]
fn a_plan_may_read_an_input_twice_and_again() {
    let plan = plan("SELECT DISTINCT shop FROM sales", &[sales()]).unwrap();
    let Shape::WholeInput(whole) = &plan.shape else { panic!("not whole") };
    let (session, _dir) = test_session(64 << 20);
    let leaves = BTreeMap::from([("sales".to_owned(), sales().leaf())]);
    for _ in 0..2 {
        let batches =
            block_on(async { whole.execute(&session, &leaves)?.try_collect::<Vec<_>>().await }).unwrap();
        assert_eq!(batches.iter().flat_map(lines).count(), 3);
    }
}
