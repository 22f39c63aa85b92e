//! From a plan to a chain that runs: expressions are compiled, reference data are read into tables.

use super::eval::Compiled;
use super::join::BoundJoin;
use super::run::{BoundStep, RowChain};
use super::table::Collected;
use super::unnest::{BoundUnnest, taken_apart};
use super::{JoinStep, RowPlan, Step};
use crate::leaf::Leaf;
use crate::sql::{big_stack, query_error, state};
use crate::whole::{run, suspect_text, suspects};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::{DFSchema, DFSchemaRef};
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::create_physical_expr;
use datafusion::prelude::SessionContext;
use futures::stream::StreamExt;
use staunch_types::{Error, Result, codes};
use std::collections::BTreeMap;
use std::sync::Arc;

impl RowPlan {
    /// Compiles the expressions, with `now()` as the session has it, and reads the reference data that are joined, by the names of
    /// their stages, into hash tables within the session's budget. It must be awaited on a runtime of tokio.
    ///
    /// # Errors
    /// `Run.Memory` if the reference data do not fit; what their leaves say; `Sql.Query` if a query over them fails.
    pub async fn bind(
        &self,
        session: &SessionContext,
        references: &BTreeMap<String, Arc<dyn Leaf>>,
    ) -> Result<RowChain> {
        let state = state(session);
        let mut steps = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            steps.push(match step {
                Step::Filter { predicate, input, keep } => {
                    let predicate =
                        self.compile(&state, std::slice::from_ref(predicate), input, false)?.pop();
                    let predicate = predicate.ok_or_else(|| self.bug("a condition is lost"))?;
                    BoundStep::Filter { predicate, keep: keep.clone() }
                }
                Step::Project { exprs, input } => {
                    let compiled = self.compile(&state, exprs, input, true)?;
                    let fields =
                        exprs.iter().map(|e| e.to_field(input.as_ref())).collect::<Result<Vec<_>, _>>();
                    let fields = fields.map_err(|_| self.bug("an expression has no type"))?;
                    let fields: Vec<_> =
                        fields.into_iter().map(|(_, f)| f.as_ref().clone().with_nullable(true)).collect();
                    BoundStep::Project { exprs: compiled, schema: Arc::new(Schema::new(fields)) }
                }
                Step::Unnest { lists, from, output, .. } => BoundStep::Unnest(BoundUnnest {
                    lists: lists.clone(),
                    from: from.clone(),
                    schema: nullable(output),
                }),
                Step::Join(join) => {
                    BoundStep::Join(Box::new(self.bind_join(session, &state, join, references).await?))
                }
            });
        }
        Ok(RowChain {
            stage: self.stage.clone(),
            columns: self.input.fields().iter().map(|f| (f.name().clone(), f.data_type().clone())).collect(),
            input: self.input.clone(),
            steps,
            output: self.output.clone(),
            coercion: self.coercion.clone(),
            depth: self.depth,
        })
    }

    /// The first expression that cannot be compiled, as SQL: there is a function for it that does not do what is asked.
    pub(crate) fn uncompilable(&self, state: &SessionState) -> Option<String> {
        let fails = |exprs: &[Expr], input: &DFSchemaRef| {
            let failing = |e: &&Expr| self.compile(state, std::slice::from_ref(*e), input, false).is_err();
            exprs.iter().find(failing).map(suspect_text)
        };
        self.steps.iter().find_map(|step| match step {
            Step::Filter { predicate, input, .. } => fails(std::slice::from_ref(predicate), input),
            Step::Project { exprs, input } => fails(exprs, input),
            Step::Unnest { .. } => None,
            Step::Join(join) => fails(&join.keys, &join.input).or_else(|| fails(&join.residual, &join.pair)),
        })
    }

    async fn bind_join(
        &self,
        session: &SessionContext,
        state: &SessionState,
        join: &JoinStep,
        references: &BTreeMap<String, Arc<dyn Leaf>>,
    ) -> Result<BoundJoin> {
        let keys = self.compile(state, &join.keys, &join.input, false)?;
        let residual = self.compile(state, &join.residual, &join.pair, false)?;
        // One partition: matches then come in the order of the reference data, each time the same.
        let mut stream = run(session, &self.stage, &join.build, references, Some(1))?;
        let mut rows = Collected::new(stream.schema(), &session.runtime_env().memory_pool, &self.stage);
        while let Some(batch) = stream.next().await {
            rows.push(batch.map_err(|e| query_error(&self.stage, &e, |f| suspects(&join.build, f)))?)?;
        }
        // The stream holds on to what it reserved.
        drop(stream);
        Ok(BoundJoin {
            outer: join.outer,
            table: rows.build(join.keys.len(), join.null_equal)?,
            keys,
            probe: join.probe.clone(),
            residual,
            pair: nullable(&join.pair),
            keep: join.keep.clone(),
        })
    }

    fn compile(
        &self,
        state: &SessionState,
        exprs: &[Expr],
        input: &DFSchemaRef,
        named: bool,
    ) -> Result<Vec<Compiled>> {
        let one = |expr: &Expr| -> Result<Compiled> {
            let failed = |_| self.bug("an expression cannot be compiled");
            let context = SimplifyContext::builder()
                .with_schema(input.clone())
                .with_config_options(state.config_options().clone())
                .with_query_execution_start_time(state.execution_props().query_execution_start_time)
                .build();
            let mut folded = ExprSimplifier::new(context).simplify(expr.clone()).map_err(failed)?;
            // The types of some functions depend on constants that were none before they were folded.
            if folded.get_type(input).ok() != expr.get_type(input).ok() {
                folded = expr.clone();
            }
            let planning = PhysicalPlanningContext::default();
            let physical =
                create_physical_expr(&folded, input, state.execution_props(), &planning).map_err(failed)?;
            let field = named.then(|| expr.qualified_name().1).filter(|name| taken_apart(name).is_none());
            Ok(Compiled { expr: physical, text: suspect_text(expr), field })
        };
        big_stack(|| exprs.iter().map(one).collect())?
    }

    fn bug(&self, message: &str) -> Error {
        Error::new(codes::INTERNAL, message).stage(&self.stage).hint("report this with the SQL of the stage")
    }
}

/// The Arrow schema, all columns nullable: what a batch is checked against on its way.
fn nullable(schema: &DFSchema) -> SchemaRef {
    Arc::new(Schema::new(
        schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>(),
    ))
}
