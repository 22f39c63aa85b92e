//! A definition as a picture: indented text, or a diagram for Mermaid. With an execution, states show what became of them.

#[cfg(test)]
mod tests;

use crate::definition::{Definition, Flow};
use crate::machine::HistoryEvent;
use crate::states::{Kind, State};
use crate::value::Value;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What became of a state. Of several visits the worst counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum StateOutcome {
    /// It was left.
    Succeeded,
    /// It was entered and not left yet.
    Running,
    /// It was broken off: the execution ended before it did.
    Aborted,
    /// It failed, and a `Catch` led on from there.
    Caught,
    /// It failed.
    Failed,
}

/// What became of the states of a definition, by name: names are unique in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcomes(BTreeMap<String, StateOutcome>);

impl Outcomes {
    /// What a history says; of a distributed Map it says nothing about single items.
    #[must_use]
    pub fn of_events(events: &[HistoryEvent]) -> Self {
        let told = |event: &HistoryEvent| Told {
            id: event.id,
            previous: event.previous,
            kind: event.kind.clone(),
            name: event.field("name").and_then(Value::as_str).map(str::to_owned),
        };
        Self::of(events.iter().map(told).collect())
    }

    /// The same for a history as a report prints it: an array of events.
    #[must_use]
    pub fn of_history(history: &Value) -> Self {
        let told = |event: &Value| {
            let number = |name: &str| {
                event.get(name).and_then(Value::as_int).and_then(|n| u64::try_from(n).ok()).unwrap_or(0)
            };
            let text = |name: &str| event.get(name).and_then(Value::as_str).map(str::to_owned);
            Told {
                id: number("id"),
                previous: number("previousEventId"),
                kind: text("type").unwrap_or_default(),
                name: text("name"),
            }
        };
        Self::of(history.as_array().unwrap_or_default().iter().map(told).collect())
    }

    fn of(events: Vec<Told>) -> Self {
        let mut found = Self::default();
        // Which state each event belongs to: that of the event which led to it.
        let mut at: BTreeMap<u64, String> = BTreeMap::new();
        let mut failures = std::collections::BTreeSet::new();
        let mut open: BTreeMap<String, StateOutcome> = BTreeMap::new();
        let mut ended = None;
        for event in events {
            let kind = event.kind.as_str();
            let is_failure = kind.ends_with("Failed") || kind.ends_with("TimedOut");
            if is_failure {
                failures.insert(event.id);
            }
            if kind == "ExecutionStarted" {
                continue;
            }
            if kind.starts_with("Execution") {
                ended = Some(if is_failure { StateOutcome::Failed } else { StateOutcome::Aborted });
                continue;
            }
            let entered = kind.ends_with("StateEntered");
            let exited = kind.ends_with("StateExited");
            let state = if entered || exited { event.name.clone() } else { at.get(&event.previous).cloned() };
            let Some(state) = state else { continue };
            at.insert(event.id, state.clone());
            if entered {
                open.insert(
                    state,
                    if kind.starts_with("Fail") { StateOutcome::Failed } else { StateOutcome::Running },
                );
            } else if exited {
                open.remove(&state);
                let caught = failures.contains(&event.previous);
                found.worse(&state, if caught { StateOutcome::Caught } else { StateOutcome::Succeeded });
            } else if is_failure {
                open.insert(state, StateOutcome::Failed);
            } else if kind.ends_with("Scheduled") {
                // Another attempt.
                open.insert(state, StateOutcome::Running);
            }
        }
        for (state, outcome) in open {
            let outcome = match (outcome, ended) {
                (StateOutcome::Running, Some(ended)) => ended,
                (outcome, _) => outcome,
            };
            found.worse(&state, outcome);
        }
        found
    }

    fn worse(&mut self, state: &str, outcome: StateOutcome) {
        let entry = self.0.entry(state.to_owned()).or_insert(outcome);
        *entry = (*entry).max(outcome);
    }

    /// What became of a state; `None` if it was never entered.
    #[must_use]
    pub fn get(&self, state: &str) -> Option<StateOutcome> {
        self.0.get(state).copied()
    }
}

struct Told {
    id: u64,
    previous: u64,
    kind: String,
    name: Option<String>,
}

/// The definition as indented text.
#[must_use]
pub fn text(definition: &Definition, outcomes: &Outcomes) -> String {
    let mut out = String::new();
    text_flow(&definition.flow, outcomes, 0, &mut out);
    out
}

// The depth of flows is bounded by that of the text that they were read from.
fn text_flow(flow: &Flow, outcomes: &Outcomes, depth: usize, out: &mut String) {
    let indent = "  ".repeat(depth);
    for name in in_order(flow) {
        let Some(state) = flow.states.get(name) else { continue };
        let mark = match outcomes.get(name) {
            None => "",
            Some(StateOutcome::Succeeded) => " [succeeded]",
            Some(StateOutcome::Running) => " [running]",
            Some(StateOutcome::Aborted) => " [aborted]",
            Some(StateOutcome::Caught) => " [caught]",
            Some(StateOutcome::Failed) => " [failed]",
        };
        let edges = edges(state).into_iter().map(|(label, to)| match label {
            Some(label) => format!("{label} -> {to}"),
            None => format!("-> {to}"),
        });
        let edges = edges.collect::<Vec<_>>().join(", ");
        let edges = if edges.is_empty() { "-> end".to_owned() } else { edges };
        // Writing into a text cannot fail.
        let _ = writeln!(out, "{indent}{name} ({}){mark} {edges}", state.kind.name());
        for (n, inner) in state.kind.flows().into_iter().enumerate() {
            let title = if matches!(state.kind, Kind::Map(_)) {
                "each item".to_owned()
            } else {
                format!("branch {}", n + 1)
            };
            let _ = writeln!(out, "{indent}  {title}:");
            text_flow(inner, outcomes, depth + 2, out);
        }
    }
}

/// The names of a flow: from the start along its edges, then those that nothing leads to.
fn in_order(flow: &Flow) -> Vec<&str> {
    let mut order: Vec<&str> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut open = vec![flow.start_at.as_str()];
    while let Some(name) = open.pop() {
        let Some(state) = flow.states.get(name) else { continue };
        if seen.insert(name) {
            order.push(name);
            open.extend(state.targets().into_iter().rev().map(|(_, to)| to));
        }
    }
    order.extend(flow.states.keys().map(String::as_str).filter(|n| !seen.contains(n)));
    order
}

/// Where a state leads, and why if not always.
fn edges(state: &State) -> Vec<(Option<String>, &str)> {
    let label = |field: &str| match field.trim_start_matches('/').split('/').collect::<Vec<_>>().as_slice() {
        ["Choices", n, ..] => Some(format!("rule {}", n.parse::<usize>().map_or(0, |n| n + 1))),
        ["Catch", n, ..] => {
            let rule = n.parse().ok().and_then(|n: usize| state.catch.get(n));
            Some(rule.map_or_else(|| "catch".to_owned(), |rule| format!("catch {}", rule.names())))
        }
        ["Default"] => Some("default".to_owned()),
        _ => None,
    };
    state.targets().into_iter().map(|(field, to)| (label(&field), to)).collect()
}

/// The definition as a flowchart for Mermaid, with Parallel and Map as boxes.
#[must_use]
pub fn mermaid(definition: &Definition, outcomes: &Outcomes) -> String {
    let mut drawing = Drawing { outcomes, out: "flowchart TD\n".to_owned(), ids: BTreeMap::new() };
    drawing.flow(&definition.flow, "root", 1);
    for (class, style) in [
        ("succeeded", "fill:#d3f9d8,stroke:#2b8a3e"),
        ("running", "fill:#d0ebff,stroke:#1864ab"),
        ("aborted", "fill:#f1f3f5,stroke:#868e96"),
        ("caught", "fill:#ffe8cc,stroke:#d9480f"),
        ("failed", "fill:#ffe3e3,stroke:#c92a2a"),
    ] {
        let _ = writeln!(drawing.out, "  classDef {class} {style}");
    }
    drawing.out
}

struct Drawing<'g> {
    outcomes: &'g Outcomes,
    out: String,
    ids: BTreeMap<String, String>,
}

impl Drawing<'_> {
    fn id(&mut self, name: &str) -> String {
        let next = format!("s{}", self.ids.len() + 1);
        self.ids.entry(name.to_owned()).or_insert(next).clone()
    }

    fn flow(&mut self, flow: &Flow, prefix: &str, depth: usize) {
        let indent = "  ".repeat(depth);
        let start = self.id(&flow.start_at);
        let _ = writeln!(self.out, "{indent}{prefix}_start(( )) --> {start}");
        let mut ends = false;
        for name in in_order(flow) {
            let Some(state) = flow.states.get(name) else { continue };
            let id = self.id(name);
            let label = escaped(name);
            match &state.kind {
                Kind::Parallel(_) | Kind::Map(_) => {
                    let _ = writeln!(self.out, "{indent}subgraph {id} [\"{label}\"]");
                    for (n, inner) in state.kind.flows().into_iter().enumerate() {
                        self.flow(inner, &format!("{id}_{n}"), depth + 1);
                    }
                    let _ = writeln!(self.out, "{indent}end");
                }
                Kind::Choice(_) => {
                    let _ = writeln!(self.out, "{indent}{id}{{\"{label}\"}}");
                }
                _ => {
                    let _ = writeln!(self.out, "{indent}{id}[\"{label}\"]");
                }
            }
            if let Some(outcome) = self.outcomes.get(name) {
                let class = match outcome {
                    StateOutcome::Succeeded => "succeeded",
                    StateOutcome::Running => "running",
                    StateOutcome::Aborted => "aborted",
                    StateOutcome::Caught => "caught",
                    StateOutcome::Failed => "failed",
                };
                let _ = writeln!(self.out, "{indent}class {id} {class}");
            }
            for (label, to) in edges(state) {
                let to = self.id(to);
                let _ = match label {
                    Some(label) => writeln!(self.out, "{indent}{id} -->|\"{}\"| {to}", escaped(&label)),
                    None => writeln!(self.out, "{indent}{id} --> {to}"),
                };
            }
            if state.can_end() {
                ends = true;
                let _ = writeln!(self.out, "{indent}{id} --> {prefix}_end");
            }
        }
        if ends {
            let _ = writeln!(self.out, "{indent}{prefix}_end((( )))");
        }
    }
}

/// A text between quotation marks of Mermaid.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '"' | '<' | '>' | '&' | '#' | '`' | '\\' => {
                let _ = write!(out, "#{};", u32::from(c));
            }
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}
