//! A pipeline as a graph: text, Mermaid, JSON.

use super::{columns, out, out_json, row};
use crate::cli::Drawn;
use serde_json::{Value, json};
use staunch_app::{GraphColumn, GraphNode, GraphView};
use staunch_types::{Error, Result, codes};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Draws the graph; `stage`: the columns of this stage alone.
pub(crate) fn graph(view: &GraphView, drawn: Drawn, stage: Option<&str>, as_json: bool) -> Result<()> {
    if let Some(stage) = stage
        && !view.nodes.iter().any(|node| node.name == stage && node.kind != "source")
    {
        let names: Vec<_> =
            view.nodes.iter().filter(|n| n.kind != "source").map(|n| n.name.as_str()).collect();
        return Err(Error::new(
            codes::USAGE,
            format!("pipeline `{}` has no stage of that name", view.pipeline),
        )
        .hint(format!("its stages are: {}", names.join(", "))));
    }
    let shown = view.columns.iter().filter(|c| stage.is_none_or(|stage| c.stage == stage));
    if as_json {
        let nodes: Vec<_> = view.nodes.iter().map(node_json).collect();
        let columns: Vec<_> = shown.map(column_json).collect();
        return out_json(&json!({ "pipeline": view.pipeline, "nodes": nodes, "columns": columns }));
    }
    match drawn {
        Drawn::Mermaid => out(&mermaid(view)),
        Drawn::Text => {
            // Without a stage: what the targets show, and where in the sources it comes from.
            let write = |name: &str| view.nodes.iter().any(|n| n.kind == "write" && n.name == name);
            out(&text(view, &shown.filter(|c| stage.is_some() || write(&c.stage)).collect::<Vec<_>>()))
        }
    }
}

fn node_json(node: &GraphNode) -> Value {
    json!({ "kind": node.kind, "name": node.name, "inputs": node.inputs, "contract": node.contract })
}

fn column_json(column: &GraphColumn) -> Value {
    json!({ "stage": column.stage, "column": column.column, "from": column.from, "origins": column.origins,
            "unchanged": column.unchanged })
}

fn text(view: &GraphView, shown: &[&GraphColumn]) -> String {
    let mut text = format!("pipeline {}\n\n", view.pipeline);
    let mut table = vec![row(&["stage", "", "from", "contract"])];
    for node in view.nodes.iter().filter(|node| node.kind != "source") {
        table.push(vec![
            node.name.clone(),
            node.kind.to_owned(),
            node.inputs.join(", "),
            node.contract.clone().unwrap_or_default(),
        ]);
    }
    text.push_str(&columns(&table, 4));
    if shown.is_empty() {
        return text;
    }
    text.push('\n');
    let mut table = vec![row(&["column", "made of", "read from"])];
    for column in shown {
        let made = match (column.from.is_empty(), column.unchanged) {
            (true, _) => "no column".to_owned(),
            (false, true) => format!("= {}", column.from.join(", ")),
            (false, false) => column.from.join(", "),
        };
        table.push(vec![format!("{}.{}", column.stage, column.column), made, column.origins.join(", ")]);
    }
    text.push_str(&columns(&table, 3));
    text
}

/// A [Mermaid](https://mermaid.js.org/syntax/flowchart.html) flowchart. Names of users stand in quoted labels alone.
fn mermaid(view: &GraphView) -> String {
    let mut text = "flowchart LR\n".to_owned();
    // An object may be called as a stage is: kinds of names are kept apart.
    let mut ids: BTreeMap<(bool, &str), String> = BTreeMap::new();
    for (at, node) in view.nodes.iter().enumerate() {
        let id = format!("n{at}");
        let (open, close) = match node.kind {
            "source" | "write" => ("[(", ")]"),
            "read" => ("([", "])"),
            _ => ("[", "]"),
        };
        let _ = writeln!(text, "  {id}{open}\"{}\"{close}", label(&node.name));
        for input in &node.inputs {
            if let Some(from) = ids.get(&(node.kind == "read", input.as_str())) {
                let _ = writeln!(text, "  {from} --> {id}");
            }
        }
        if node.kind != "write" {
            ids.insert((node.kind == "source", node.name.as_str()), id);
        }
    }
    text
}

/// Entities for what would end a quoted label.
fn label(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, c| {
        match c {
            '"' => text.push_str("#quot;"),
            '#' => text.push_str("#35;"),
            '<' => text.push_str("#lt;"),
            '>' => text.push_str("#gt;"),
            c => text.push(c),
        }
        text
    })
}
