//! A planned stage in a few lines.

use super::stage::{Shape, StagePlan};
use crate::chain::{Step, taken_apart};
use crate::sql::{big_stack, planning, state};
use crate::whole::suspect_text;
use std::fmt::Write;

/// More lines of a plan than these are left out.
const MOST_LINES: usize = 40;

/// What a stage does, for `plan`: the steps of a per-row stage, or the optimised plan of a whole-input one.
#[must_use]
pub fn explain(plan: &StagePlan) -> String {
    let mut text = String::new();
    match &plan.shape {
        Shape::PerRow(row) => {
            for step in &row.steps {
                line(&mut text, &describe(step));
            }
        }
        Shape::WholeInput(whole) => {
            let optimised = big_stack(|| {
                let session = planning().ok()?;
                state(&session).optimize(&whole.plan).ok()
            });
            let shown = match optimised {
                Ok(Some(optimised)) => optimised.display_indent().to_string(),
                _ => whole.plan.display_indent().to_string(),
            };
            for (i, row) in shown.lines().enumerate() {
                if i == MOST_LINES {
                    line(&mut text, "...");
                    break;
                }
                line(&mut text, row);
            }
        }
    }
    text
}

/// How a stage runs, and why, in one line.
#[must_use]
pub fn shape(plan: &StagePlan) -> String {
    match &plan.shape {
        Shape::PerRow(row) => format!("per-row over {}", row.source),
        Shape::WholeInput(whole) => format!("whole-input: {}", whole.because),
    }
}

fn line(text: &mut String, line: &str) {
    // Writing into a string does not fail.
    let _ = writeln!(text, "{}", line.trim_end());
}

fn describe(step: &Step) -> String {
    match step {
        Step::Filter { predicate, .. } => format!("filter {}", suspect_text(predicate)),
        Step::Project { exprs, .. } => {
            let item = |e: &datafusion::logical_expr::Expr| {
                let (text, name) = (suspect_text(e), e.qualified_name().1);
                let plain = text == name || text.rsplit('.').next() == Some(&name);
                if plain { text } else { format!("{text} AS {name}") }
            };
            format!("project {}", exprs.iter().map(item).collect::<Vec<_>>().join(", "))
        }
        Step::Unnest { lists, input, .. } => {
            let name = |list: &usize| {
                let name = input.field(*list).name();
                taken_apart(name).unwrap_or(name).to_owned()
            };
            format!("unnest {}", lists.iter().map(name).collect::<Vec<_>>().join(", "))
        }
        Step::Join(join) => {
            let kind = if join.outer { "left join" } else { "inner join" };
            let names: std::collections::BTreeSet<_> =
                crate::chain::scanned(&join.build).into_iter().collect();
            let keys = join.keys.iter().map(suspect_text).collect::<Vec<_>>().join(", ");
            let mut text = format!("{kind} {} by {keys}", names.into_iter().collect::<Vec<_>>().join(", "));
            if !join.residual.is_empty() {
                let rest = join.residual.iter().map(suspect_text).collect::<Vec<_>>().join(" AND ");
                let _ = write!(text, " if {rest}");
            }
            text
        }
    }
}
