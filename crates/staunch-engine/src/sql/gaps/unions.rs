//! Columns of union types: DataFusion carries them, and can do little else with them.
//!
//! A stage may hand such a column on as it is, and filter rows by other columns. What compares, sorts, groups, joins or computes with one fails
//! while it runs, or answers wrongly; so it is refused.

use super::refuse;
use arrow::datatypes::{DataType, Fields};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::{Expr, LogicalPlan};
use staunch_pipeline::Process;
use staunch_types::Result;

const HINT: &str = "select the column as it is in a stage that only filters and projects, or write its rows without such a stage; \
                    to compute with its values, let the contract of the read give each branch a field of its own";

/// Whether a union is in the type. Types of contracts bound the depth.
fn has_union(ty: &DataType) -> bool {
    match ty {
        DataType::Union(..) => true,
        DataType::List(f) | DataType::LargeList(f) | DataType::FixedSizeList(f, _) | DataType::Map(f, _) => {
            has_union(f.data_type())
        }
        DataType::Struct(fields) => fields.iter().any(|f| has_union(f.data_type())),
        _ => false,
    }
}

/// Refuses everything but the handing on of union columns, by the optimised plan.
///
/// # Errors
/// `ST0022` with the name of the column.
pub(crate) fn unions(process: &Process, plan: &LogicalPlan) -> Result<()> {
    let mut found: Option<(String, &'static str)> = None;
    let walked = plan.apply_with_subqueries(|node| {
        let unions = |fields: &Fields| -> Vec<String> {
            fields.iter().filter(|f| has_union(f.data_type())).map(|f| f.name().clone()).collect()
        };
        let columns: Vec<String> = match node {
            LogicalPlan::TableScan(scan) => unions(scan.source.schema().fields()),
            _ => node.inputs().into_iter().flat_map(|input| unions(input.schema().fields())).collect(),
        };
        let Some(first) = columns.first() else { return Ok(TreeNodeRecursion::Continue) };
        let carries = matches!(
            node,
            LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::Subquery(_)
                | LogicalPlan::Limit(_)
                | LogicalPlan::TableScan(_)
        );
        if !carries {
            found.get_or_insert((first.clone(), "sorted, grouped, joined or united"));
            return Ok(TreeNodeRecursion::Stop);
        }
        node.apply_expressions(|expr| {
            let mut bare = expr;
            while let Expr::Alias(alias) = bare {
                bare = &alias.expr;
            }
            if !matches!(bare, Expr::Column(_)) {
                let used = bare.column_refs().into_iter().find(|c| columns.contains(&c.name));
                if let Some(column) = used {
                    found.get_or_insert((column.name.clone(), "computed with"));
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    match (walked, found) {
        (Ok(_), None) => Ok(()),
        (_, found) => {
            let (name, what) = found.unwrap_or_else(|| ("?".to_owned(), "used"));
            Err(refuse(process, None, format!("`{name}` holds a union, and cannot be {what} in SQL"), HINT)
                .field(&name))
        }
    }
}
