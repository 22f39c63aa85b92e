//! Personal values reach a target only if its object says that they may.

use super::graph::{Graph, WriteNode};
use crate::sql::InputColumn;
use staunch_types::{Error, codes};

/// Columns of personal values that the target does not clear, each with the path that they took.
pub(super) fn uncleared(graph: &Graph, node: &WriteNode) -> Vec<Error> {
    let mut errors = Vec::new();
    for field in &node.contract.fields {
        for class in field.pii.difference(&node.write.clears) {
            let from = InputColumn { stage: node.write.from.stage.clone(), column: field.name.clone() };
            let (path, is_read) = path(graph, from, class);
            let write = &node.write;
            if is_read && write.hidden.contains(class) {
                continue;
            }
            let message = format!(
                "`{}` is personal ({class}), and `{}` does not clear that: {path} -> {}",
                field.name, write.name, write.name
            );
            let hint = format!(
                "write `clears: [{class}]` at the object `{}` of `{}` in staunch.yaml if the values may be there; else `{class}: mask` (or token, drop) under `pii:` of the profile, leave the column out, or `declassify` it in a stage",
                write.to.object, write.to.connection
            );
            let error = Error::new(codes::NOT_CLEARED, message).place(write.to.place.clone());
            errors.push(error.field(&field.name).hint(hint));
        }
    }
    errors
}

/// The way of a class to a column, from the object that was read: `events/clicks.mail -> clicks.mail -> bought.who`. And whether it comes
/// from a read at all: a stage's contract may call personal what is made of nothing personal.
fn path(graph: &Graph, column: InputColumn, class: &str) -> (String, bool) {
    let mut way = vec![column.to_string()];
    let mut at = column;
    // A graph has no cycle, so this ends at a read, or at a contract that calls its column personal by itself.
    while let Some(above) = above(graph, &at, class) {
        way.push(above.to_string());
        at = above;
    }
    let read = graph.read(&at.stage);
    if let Some(read) = read {
        let from = &read.read.from;
        way.push(format!("{}/{}.{}", from.connection, from.object, at.column));
    }
    way.reverse();
    (way.join(" -> "), read.is_some())
}

/// The column above that brings the class.
fn above(graph: &Graph, column: &InputColumn, class: &str) -> Option<InputColumn> {
    let stage = graph.stage(&column.stage)?;
    let lineage = stage.plan.lineage.iter().find(|l| l.column == column.column)?;
    let brings = |from: &&InputColumn| {
        let contract = graph.contract(&from.stage);
        contract.and_then(|c| c.field(&from.column)).is_some_and(|f| f.pii.contains(class))
    };
    lineage.from.iter().find(brings).cloned()
}
