//! From links over all columns to steps over the columns that somebody uses.

use super::lower::positions;
use super::{JoinStep, Step};
use datafusion::common::{DFSchema, DFSchemaRef, Result};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The links of a chain from the source on, each over all columns of the one before.
#[derive(Debug)]
pub(crate) struct Chain {
    pub(crate) links: Vec<Link>,
    /// What comes out.
    pub(crate) output: DFSchemaRef,
}

/// A step before columns were left out. `input` is the schema of what comes in, under the names that the expressions use.
#[derive(Debug)]
pub(crate) enum Link {
    Filter {
        predicate: Expr,
        input: DFSchemaRef,
    },
    Project {
        exprs: Vec<Expr>,
        input: DFSchemaRef,
    },
    Unnest {
        lists: BTreeSet<usize>,
        from: Vec<usize>,
        input: DFSchemaRef,
        output: DFSchemaRef,
    },
    Join {
        outer: bool,
        null_equal: bool,
        build: LogicalPlan,
        /// Whether the columns of the build side stand first in `joined`.
        build_first: bool,
        keys: Vec<Expr>,
        build_keys: Vec<Expr>,
        residual: Vec<Expr>,
        input: DFSchemaRef,
        joined: DFSchemaRef,
    },
}

impl Chain {
    /// The steps, and the columns of the source that they read: at least one, so that rows can be counted.
    ///
    /// # Errors
    /// If an expression names a column that is not there, which analysed plans do not do.
    pub(crate) fn prune(self) -> Result<(Vec<Step>, Vec<usize>)> {
        let mut live: BTreeSet<usize> = (0..self.output.fields().len()).collect();
        let mut steps = Vec::new();
        for link in self.links.into_iter().rev() {
            let (step, below) = link.prune(&live)?;
            steps.push(step);
            live = below;
        }
        steps.reverse();
        // A source always gives a column; the first step must then know of it.
        if live.is_empty() {
            live.insert(0);
        }
        Ok((steps, live.into_iter().collect()))
    }
}

impl Link {
    /// The step that makes the columns `live`, and the columns that it needs.
    fn prune(self, live: &BTreeSet<usize>) -> Result<(Step, BTreeSet<usize>)> {
        match self {
            Self::Filter { predicate, input } => {
                let mut below = positions(&predicate, &input)?;
                below.extend(live);
                let keep = places(live, &below);
                Ok((Step::Filter { predicate, input: part(&input, &below)?, keep }, below))
            }
            Self::Project { exprs, input } => {
                let exprs: Vec<Expr> =
                    exprs.into_iter().enumerate().filter(|(i, _)| live.contains(i)).map(|(_, e)| e).collect();
                let below = union(&exprs, &input)?;
                Ok((Step::Project { exprs, input: part(&input, &below)? }, below))
            }
            Self::Unnest { lists, from, input, output } => {
                // How long the lists are matters, also if nobody looks at their elements.
                let mut below = lists.clone();
                below.extend(live.iter().filter_map(|l| from.get(*l)));
                let place = |column: &usize| below.iter().position(|b| b == column);
                let step = Step::Unnest {
                    lists: lists.iter().filter_map(place).collect(),
                    from: live.iter().filter_map(|l| place(from.get(*l)?)).collect(),
                    output: part(&output, live)?,
                    input: part(&input, &below)?,
                };
                Ok((step, below))
            }
            Self::Join {
                outer,
                null_equal,
                build,
                build_first,
                keys,
                build_keys,
                residual,
                input,
                joined,
            } => {
                let mut needed = union(&residual, &joined)?;
                needed.extend(live);
                let (probe_width, build_width) = (input.fields().len(), build.schema().fields().len());
                // Positions in `joined` of the two sides.
                let (probe_at, build_at) = if build_first { (build_width, 0) } else { (0, probe_width) };
                let side = |at: usize, width: usize| -> BTreeSet<usize> {
                    needed.range(at..at + width).map(|i| i - at).collect()
                };
                let (probe, payload) = (side(probe_at, probe_width), side(build_at, build_width));
                let mut below = union(&keys, &input)?;
                below.extend(&probe);

                let key_count = build_keys.len();
                let named =
                    build_keys.into_iter().enumerate().map(|(i, e)| e.alias(format!("key {i} of the join")));
                let columns = payload.iter().map(|i| Expr::from(build.schema().qualified_field(*i)));
                let exprs: Vec<Expr> = named.chain(columns).collect();
                let build = LogicalPlanBuilder::from(build).project(exprs)?.build()?;
                debug_assert_eq!(build.schema().fields().len(), key_count + payload.len());

                let order: Vec<usize> =
                    probe.iter().map(|i| i + probe_at).chain(payload.iter().map(|i| i + build_at)).collect();
                let pair = pick(&joined, order.iter().copied())?;
                let keep = live.iter().filter_map(|l| order.iter().position(|o| o == l)).collect();
                let step = JoinStep {
                    outer,
                    null_equal,
                    build,
                    keys,
                    input: part(&input, &below)?,
                    probe: places(&probe, &below),
                    residual,
                    pair,
                    keep,
                };
                Ok((Step::Join(Box::new(step)), below))
            }
        }
    }
}

fn union(exprs: &[Expr], schema: &DFSchema) -> Result<BTreeSet<usize>> {
    let mut all = BTreeSet::new();
    for expr in exprs {
        all.extend(positions(expr, schema)?);
    }
    Ok(all)
}

/// Where the members of `wanted` stand in `all`.
fn places(wanted: &BTreeSet<usize>, all: &BTreeSet<usize>) -> Vec<usize> {
    all.iter().enumerate().filter(|(_, c)| wanted.contains(c)).map(|(place, _)| place).collect()
}

fn part(schema: &DFSchema, columns: &BTreeSet<usize>) -> Result<DFSchemaRef> {
    pick(schema, columns.iter().copied())
}

fn pick(schema: &DFSchema, columns: impl Iterator<Item = usize>) -> Result<DFSchemaRef> {
    let fields = columns
        .map(|i| {
            let (qualifier, field) = schema.qualified_field(i);
            (qualifier.cloned(), field.clone())
        })
        .collect();
    Ok(Arc::new(DFSchema::new_with_metadata(fields, schema.metadata().clone())?))
}
