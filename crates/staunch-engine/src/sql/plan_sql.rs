//! The one planner: text to statement, statement to plan.

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DataFusionError, Result, TableReference, not_impl_err};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::Statement as SqlStatement;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use std::sync::Arc;

/// The longest query, in bytes.
const LONGEST: usize = 1 << 20;

/// How deep queries and brackets may nest (chains of operators are bounded by [`super::DEEPEST`]).
const NESTED: usize = 50;

/// Why a text is not planned.
#[derive(Debug)]
pub(crate) enum Refused {
    /// It does not parse.
    Syntax(DataFusionError),
    /// It is longer than allowed.
    TooLong,
    /// It holds no statement, or several.
    NotOne(usize),
    /// It is another statement than a query: which.
    NotQuery(String),
}

/// Parses a text that is to be one query. The dialect is the place where syntax of our own will be hooked in.
pub(crate) fn parse(text: &str) -> Result<SqlStatement, Refused> {
    if text.len() > LONGEST {
        return Err(Refused::TooLong);
    }
    let mut statements = DFParserBuilder::new(text)
        .with_dialect(&GenericDialect {})
        .with_recursion_limit(NESTED)
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .map_err(Refused::Syntax)?;
    let count = statements.len();
    match (count, statements.pop_front()) {
        (1, Some(Statement::Statement(statement))) => match *statement {
            query @ SqlStatement::Query(_) => Ok(query),
            other => Err(Refused::NotQuery(first_word(&other.to_string()))),
        },
        (1, Some(other)) => Err(Refused::NotQuery(first_word(&other.to_string()))),
        _ => Err(Refused::NotOne(count)),
    }
}

fn first_word(text: &str) -> String {
    text.split_whitespace().next().unwrap_or_default().chars().take(20).collect()
}

/// Plans a query in a session that holds the tables it names. The plan is neither analysed nor optimised.
///
/// # Errors
/// What DataFusion finds wrong with it, with the place where it knows one.
pub(crate) fn plan_sql(state: &SessionState, query: SqlStatement) -> Result<LogicalPlan> {
    // Nothing is waited for: the tables are in memory.
    let plan = futures::executor::block_on(state.statement_to_plan(Statement::Statement(Box::new(query))))?;
    // `INTO`, `EXPLAIN` and the like can hide inside a query; the plan shows them.
    datafusion::execution::context::SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false)
        .verify_plan(&plan)?;
    Ok(plan)
}

/// Puts tables of these names and schemas into a planning session.
pub(crate) fn with_tables<'a>(
    session: &SessionContext,
    tables: impl IntoIterator<Item = (&'a str, SchemaRef)>,
) -> Result<()> {
    for (name, schema) in tables {
        session.register_table(TableReference::bare(name), Arc::new(RelationTable { schema }))?;
    }
    Ok(())
}

/// A table that is known by its schema alone. Before a plan is executed, a leaf takes its place.
#[derive(Debug)]
pub(crate) struct RelationTable {
    schema: SchemaRef,
}

#[async_trait]
impl TableProvider for RelationTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        _projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        not_impl_err!("a relation is scanned before it is bound")
    }
}
