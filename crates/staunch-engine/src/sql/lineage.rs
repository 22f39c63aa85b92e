//! Where the values of each output column of a stage come from.

use super::facts::Facts;
use super::stage::Relation;
use arrow::datatypes::Schema;
use std::fmt;

/// A column of an input: the stage that gives it, and its name there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InputColumn {
    /// The input: a read or a process stage.
    pub stage: String,
    /// The column.
    pub column: String,
}

impl fmt::Display for InputColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.stage, self.column)
    }
}

/// The lineage of one output column. What only decides which rows there are (a `WHERE`, a join's condition, `GROUP BY`) is none of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnLineage {
    /// The output column.
    pub column: String,
    /// The input columns that its values are made of, or whose values it counts; none for a constant and for `count(*)`.
    pub from: Vec<InputColumn>,
    /// Whether it is the one input column, unchanged.
    pub unchanged: bool,
}

/// The lineage of every column, in their order.
pub(super) fn lineage(schema: &Schema, facts: &Facts, inputs: &[Relation]) -> Vec<ColumnLineage> {
    let name = |(relation, field): &(usize, usize)| {
        let relation = inputs.get(*relation)?;
        let field = relation.contract.fields.get(*field)?;
        Some(InputColumn { stage: relation.name.clone(), column: field.name.clone() })
    };
    let columns = schema.fields().iter().zip(&facts.columns);
    columns
        .map(|(field, fact)| {
            let mut from: Vec<InputColumn> = fact.uses.iter().chain(&fact.counts).filter_map(name).collect();
            from.sort_unstable();
            from.dedup();
            ColumnLineage { column: field.name().clone(), from, unchanged: fact.same.is_some() }
        })
        .collect()
}
