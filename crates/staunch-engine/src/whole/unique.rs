//! Whether the keys of a whole-input result are unique.

use super::run;
use crate::leaf::Leaf;
use crate::sql::{big_stack, parse, plan_sql, planning, query_error, state, with_tables};
use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use datafusion::logical_expr::LogicalPlan;
use datafusion::prelude::SessionContext;
use futures::stream::TryStreamExt;
use staunch_types::{Error, Result, codes};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The name under which the result is looked at.
const RESULT: &str = "result";

/// Looks for rows of `leaf` that share a key. It groups by the key and spills where the budget of the session does not do.
///
/// # Errors
/// `Contract.KeyNotUnique` with the number of keys that several rows have, and of those rows; `Run.Memory`; what the leaf says.
pub async fn unique_keys(session: &SessionContext, leaf: Arc<dyn Leaf>, key: &[String]) -> Result<()> {
    if key.is_empty() {
        return Ok(());
    }
    let (keys, rows) = shared(session, leaf, key, "").await?;
    if keys == 0 {
        return Ok(());
    }
    let columns = key.iter().map(|k| format!("`{k}`")).collect::<Vec<_>>().join(", ");
    let (keys_are, have) = if keys == 1 { ("key", "is") } else { ("keys", "are") };
    let message = format!("{keys} {keys_are} ({columns}) {have} not unique: {rows} rows share them");
    let error = Error::new(codes::KEY_NOT_UNIQUE, message);
    Err(error.hint(
        "group by the key, keep one row of each (row_number), or add to the key what tells the rows apart",
    ))
}

/// Looks for rows of `leaf` that share a value of a field that its contract calls unique. Nulls share nothing.
///
/// # Errors
/// As [`unique_keys`]; `Contract.Violation` with the number of such values and rows.
pub async fn unique_values(session: &SessionContext, leaf: Arc<dyn Leaf>, field: &str) -> Result<()> {
    let only = format!("WHERE {} IS NOT NULL", quoted(field));
    let (values, rows) = shared(session, leaf, &[field.to_owned()], &only).await?;
    if values == 0 {
        return Ok(());
    }
    let (are, have) = if values == 1 { ("value", "is") } else { ("values", "are") };
    let message = format!(
        "{values} {are} of `{field}` {have} not unique, as its contract says: {rows} rows share them"
    );
    let hint = "keep one row of each value in the query (row_number), or take `unique` out of the contract";
    Err(Error::new(codes::VIOLATION, message).field(field).hint(hint))
}

/// A quoted name holds any character; a quote inside is written twice.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// How many keys several rows have, and how many rows that are.
async fn shared(
    session: &SessionContext,
    leaf: Arc<dyn Leaf>,
    key: &[String],
    only: &str,
) -> Result<(i64, i64)> {
    let plan = plan(&leaf, key, only)?;
    let inputs = BTreeMap::from([(RESULT.to_owned(), leaf)]);
    let failed = |error| query_error(RESULT, &error, |_| Vec::new());
    let batches: Vec<_> = run(session, RESULT, &plan, &inputs, None)?.try_collect().await.map_err(failed)?;
    let total = |column: usize| -> i64 {
        batches
            .iter()
            .filter_map(|b| b.column(column).as_primitive_opt::<Int64Type>())
            .flat_map(|c| c.iter().flatten())
            .sum()
    };
    Ok((total(0), total(1)))
}

fn plan(leaf: &Arc<dyn Leaf>, key: &[String], only: &str) -> Result<LogicalPlan> {
    let columns = key.iter().map(|k| quoted(k)).collect::<Vec<_>>().join(", ");
    let text = format!(
        "SELECT count(*) AS \"keys\", sum(n) AS \"rows\" FROM (SELECT count(*) AS n FROM {RESULT} {only} GROUP BY {columns} HAVING count(*) > 1)"
    );
    let failed = || {
        Error::new(codes::INTERNAL, "the uniqueness of a key cannot be planned")
            .hint("report this with the contract")
    };
    let session = planning()?;
    with_tables(&session, [(RESULT, leaf.schema())]).map_err(|_| failed())?;
    let state = state(&session);
    big_stack(|| {
        let query = parse(&text).map_err(|_| failed())?;
        let plan = plan_sql(&state, query).map_err(|_| failed())?;
        state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {}).map_err(|_| failed())
    })?
}
