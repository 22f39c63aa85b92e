//! A stage, planned.

use super::deep::{DEEPEST, big_stack, plan_depth, query_depth};
use super::deterministic::{Findings, search};
use super::doubles::DoublesWin;
use super::facts::{Facts, Known};
use super::lineage::{ColumnLineage, lineage};
use super::plan_sql::{parse, plan_sql, with_tables};
use super::session::{planning, state};
use super::{escaped, gaps, intervals, long, named, not_in, place, reconcile, swallowed};
use crate::chain::{RowPlan, lower, scanned};
use crate::whole::WholePlan;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::AnalyzerRule;
use datafusion::sql::sqlparser::ast::Statement;
use sha2::{Digest, Sha256};
use staunch_contract::Contract;
use staunch_contract::coerce::Coercion;
use staunch_pipeline::Process;
use staunch_types::{Error, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An input of a stage, as planning sees it.
#[derive(Debug, Clone)]
pub struct Relation {
    /// The name of the stage that gives it.
    pub name: String,
    /// Its columns: those of the contract.
    pub schema: SchemaRef,
    /// Its contract.
    pub contract: Arc<Contract>,
    /// Whether it is reference data: read as its latest version, pinned per run.
    pub reference: bool,
    /// Whether it lies below a whole-input stage.
    pub whole: bool,
}

/// How a stage is executed.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Each output row depends on one input row.
    PerRow(RowPlan),
    /// Any other.
    WholeInput(WholePlan),
}

/// Everything that is known of a stage before it runs.
#[derive(Debug, Clone)]
pub struct StagePlan {
    /// The stage.
    pub stage: String,
    /// How it is executed.
    pub shape: Shape,
    /// What the SQL gives, before it is coerced to the contract, with the nullability that is proved.
    pub schema: SchemaRef,
    /// From the query's batches to the contract; its assertions are those that the query does not prove.
    pub coercion: Coercion,
    /// The contract that is declared, or the one that the query implies (named after the stage, version 1).
    pub contract: Arc<Contract>,
    /// The inputs that the query names, each once, in the order in which they were given.
    pub inputs: Vec<String>,
    /// Where each column of the output comes from.
    pub lineage: Vec<ColumnLineage>,
    /// The columns that are used of each input, as positions in its schema, in ascending order and at least one. A chain needs batches with
    /// these columns and no others; a leaf is asked for no others.
    pub used: BTreeMap<String, Vec<usize>>,
    /// One line each: what is asserted while the stage runs, and what is not reproducible.
    pub notes: Vec<String>,
    /// Whether the result depends on the time of the run.
    pub uses_now: bool,
    /// Whether the same run over the same input may give something else (`allow: nondeterministic`).
    pub nondeterministic: bool,
    /// SHA-256, in hexadecimal, of the analysed plan and the contract: what it changes with is an edit of the stage.
    pub fingerprint: String,
    /// Whether the query itself makes the contract's key unique.
    pub unique_key_proven: bool,
}

/// Plans a stage against its inputs. `inputs` are all that the SQL may name; others are ignored.
///
/// # Errors
/// `ST0020` for SQL that does not parse, `ST0021` for SQL that does not fit its inputs, `ST0022` for SQL that is not allowed, `ST0030` for an
/// output that does not fit the declared contract (all misfits at once); each with its place in the user's file. Codes of inferred contracts (`ST0031`,
/// `ST0004`, `ST0006`) for columns that no contract can have.
pub fn plan_stage(process: &Process, inputs: &[Relation]) -> Result<StagePlan> {
    big_stack(|| plan(process, inputs))?
}

fn plan(process: &Process, inputs: &[Relation]) -> Result<StagePlan> {
    let mut query = parse(&process.sql.text).map_err(|refused| place::refused(process, refused))?;
    let depth = query_depth(&query);
    if depth > DEEPEST {
        let message = format!("an expression has {depth} levels, more than {DEEPEST}");
        let hint = "use IN (...) for long chains of OR, or split it into several stages";
        return Err(refuse(process, message, hint));
    }
    let session = planning()?;
    named::windows(process, &mut query)?;
    escaped::patterns(&mut query);
    long::numbers(&mut query);
    swallowed::conditions(&mut query);
    gaps::clauses(process, &state(&session), &query)?;
    let wrong = |e, state| place::planning(process, &e, Some((state, &query)));
    let plain = |e| place::planning(process, &e, None);
    // What contracts say of nulls is our own business (`facts`): DataFusion would carry it where it does not hold, through subqueries
    // that have no row, and into the choice of joins.
    with_tables(&session, inputs.iter().map(|r| (r.name.as_str(), nullable(&r.schema)))).map_err(plain)?;
    let state = state(&session);
    let planned = plan_sql(&state, query.clone()).map_err(|e| wrong(e, &state))?;
    // Branches of unions have their types only then.
    let typed = DoublesWin.analyze(planned.clone(), state.config_options()).map_err(|e| wrong(e, &state))?;
    gaps::families(process, &typed)?;
    let analysed = state
        .analyzer()
        .execute_and_check(planned, state.config_options(), |_, _| {})
        .map_err(|e| wrong(e, &state))?;

    let depth = plan_depth(&analysed);
    let named: BTreeSet<String> = scanned(&analysed).into_iter().collect();
    if let Some(other) = named.iter().find(|n| !inputs.iter().any(|r| r.name == **n)) {
        let message = format!("the table function `{}` is not allowed", other.trim_end_matches("()"));
        return Err(refuse(process, message, "declare a read for the data and name it in FROM"));
    }
    let known = Known {
        relations: inputs.iter().enumerate().map(|(i, r)| (r.name.as_str(), (i, &r.contract))).collect(),
    };
    gaps::sums(process, &analysed)?;
    if inputs.iter().any(|r| r.contract.fields.iter().any(|f| f.ty.has_union())) {
        // Columns that nothing asks for are gone from the optimised plan.
        gaps::unions(process, &state.optimize(&analysed).map_err(plain)?)?;
    }
    gaps::constants(process, &state, &query, &analysed)?;
    gaps::subqueries(process, &known, &analysed)?;
    if intervals::ordered(&analysed) {
        let what =
            "sorting, grouping or joining by an interval, or taking the largest, is not implemented yet";
        let hint = "intervals can be compared; sort, group and join by a number: extract(epoch FROM t1 - t0)";
        return Err(refuse(process, what.to_owned(), hint));
    }
    let analysed = not_in::proven(analysed, &known).map_err(plain)?;
    let facts = known.facts(&analysed).map_err(plain)?;
    let findings = search(&analysed, &known).map_err(plain)?;
    if !process.nondeterministic {
        let hint = "make it definite, or write `allow: nondeterministic` in the stage";
        let errors = findings
            .loose
            .iter()
            .map(|l| refuse(process, format!("the result is not reproducible: {l}"), hint));
        if let Some(error) = Error::many(errors.collect()) {
            return Err(error);
        }
    }
    let schema = output_schema(analysed.schema(), &facts);
    let source = source(inputs, &named);
    let lowered = match &source {
        Ok(source) => lower(&analysed, source).map_err(plain)?,
        Err(because) => Err(because.clone()),
    };
    let per_row = lowered.is_ok();
    let agreed = reconcile::contract(&reconcile::Output {
        process,
        query: &query,
        inputs,
        schema: &schema,
        facts: &facts,
        per_row,
    })?;
    let fingerprint = fingerprint(&analysed, &agreed.contract);
    let lineage = lineage(&schema, &facts, inputs);
    let stage = process.name.clone();
    let mut used: BTreeMap<String, Vec<usize>>;
    let shape = match lowered {
        Ok(chain) => {
            let (steps, columns) = chain.prune().map_err(plain)?;
            let source = source.unwrap_or_default();
            let relation = inputs.iter().find(|r| r.name == source);
            let input = relation.and_then(|r| r.schema.project(&columns).ok());
            let input = input.ok_or_else(|| {
                Error::new(codes::INTERNAL, "a stage uses columns that its input does not have")
            })?;
            used = BTreeMap::from([(source.clone(), columns)]);
            for step in &steps {
                if let crate::chain::Step::Join(join) = step {
                    merge(&mut used, used_by(process, &state, &join.build)?);
                }
            }
            let plan = RowPlan {
                stage: stage.clone(),
                source,
                input: nullable(&input),
                output: nullable(&schema),
                steps,
                coercion: agreed.coercion.clone(),
                depth,
            };
            if let Some(expr) = plan.uncompilable(&state) {
                let message = format!("`{expr}` is not implemented yet");
                return Err(refuse(process, message, "say it in another way"));
            }
            Shape::PerRow(plan)
        }
        Err(because) => {
            used = used_by(process, &state, &analysed)?;
            Shape::WholeInput(WholePlan {
                stage: stage.clone(),
                because,
                plan: analysed,
                coercion: agreed.coercion.clone(),
            })
        }
    };
    for name in &named {
        used.entry(name.clone()).or_insert_with(|| vec![0]);
    }
    let mut notes = agreed.notes;
    let Findings { loose, uses_now } = findings;
    let nondeterministic = !loose.is_empty();
    notes.extend(loose.into_iter().map(|l| format!("not reproducible: {l}")));
    if uses_now {
        notes.push("it uses now(), which is fixed for each run".into());
    }
    Ok(StagePlan {
        stage,
        shape,
        schema: Arc::new(schema),
        coercion: agreed.coercion,
        contract: agreed.contract,
        inputs: inputs.iter().map(|r| r.name.clone()).filter(|n| named.contains(n)).collect(),
        lineage,
        used,
        notes,
        uses_now,
        nondeterministic,
        fingerprint,
        unique_key_proven: agreed.unique_key_proven,
    })
}

fn refuse(process: &Process, message: String, hint: &str) -> Error {
    Error::new(codes::SQL_REFUSED, message).place(place::start(process)).hint(hint).stage(&process.name)
}

/// The one input whose rows go through, if there is one.
fn source(inputs: &[Relation], named: &BTreeSet<String>) -> std::result::Result<String, String> {
    let mut flowing = inputs.iter().filter(|r| named.contains(&r.name) && !r.reference);
    match (flowing.next(), flowing.next()) {
        (None, _) if named.is_empty() => Err("it reads nothing".into()),
        (None, _) => Err("it reads only reference data".into()),
        (Some(one), Some(other)) => Err(format!("it joins `{}` with `{}`", one.name, other.name)),
        (Some(one), None) if one.whole => {
            Err(format!("its input `{}` is the result of a whole-input stage", one.name))
        }
        (Some(one), None) => Ok(one.name.clone()),
    }
}

fn output_schema(schema: &DFSchema, facts: &Facts) -> Schema {
    let fields = schema.fields().iter().zip(&facts.columns);
    Schema::new(
        fields
            .map(|(f, fact)| Field::new(f.name(), f.data_type().clone(), fact.nullable))
            .collect::<Vec<_>>(),
    )
}

/// The same columns, all nullable.
pub(crate) fn nullable(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(
        schema.fields().iter().map(|f| f.as_ref().clone().with_nullable(true)).collect::<Vec<_>>(),
    ))
}

/// The columns that the optimiser leaves in the scans of a plan.
fn used_by(
    process: &Process,
    state: &SessionState,
    plan: &LogicalPlan,
) -> Result<BTreeMap<String, Vec<usize>>> {
    let plain = |e| gaps::no_value(process, &e).unwrap_or_else(|| place::planning(process, &e, None));
    let optimised = state.optimize(plan).map_err(plain)?;
    gaps::correlated(process, &optimised)?;
    let mut used: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    optimised
        .apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node {
                let all = || (0..scan.source.schema().fields().len()).collect();
                let mut columns: Vec<usize> = scan.projection.clone().unwrap_or_else(all);
                if columns.is_empty() {
                    columns.push(0);
                }
                merge(&mut used, BTreeMap::from([(scan.table_name.table().to_owned(), columns)]));
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map_err(plain)?;
    Ok(used)
}

fn merge(used: &mut BTreeMap<String, Vec<usize>>, more: BTreeMap<String, Vec<usize>>) {
    for (name, columns) in more {
        let all = used.entry(name).or_default();
        all.extend(columns);
        all.sort_unstable();
        all.dedup();
    }
}

fn fingerprint(plan: &LogicalPlan, contract: &Contract) -> String {
    let text = format!("staunch-stage-1\n{}\n{}", plan.display_indent_schema(), contract.fingerprint());
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// The statement that a stage's text is.
pub(super) type Query = Statement;
