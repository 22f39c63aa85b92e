//! What reads met that their contracts do not say.

use super::{columns, out, out_json, row};
use serde_json::{Value, json};
use staunch_app::{DriftView, KEPT, KeptFields, Ledger, ReadDrift, edge};
use staunch_types::Result;
use std::fmt::Write as _;

/// The drift of a run.
pub(crate) fn drift(view: &DriftView, json: bool) -> Result<()> {
    if json {
        return out_json(&json!({
            "run": view.run,
            "pipeline": view.pipeline,
            "reads": view.reads.iter().map(read_json).collect::<Vec<_>>(),
        }));
    }
    let mut text = format!("run {} of {}\n", view.run, view.pipeline);
    if view.reads.is_empty() {
        text.push_str("\nits reads met nothing that their contracts do not say\n");
        return out(&text);
    }
    let mut all = vec![row(&["drift", "field", "what", "records"])];
    for read in &view.reads {
        all.extend(lines(read, u64::MAX));
    }
    text.push('\n');
    text.push_str(&columns(&all, 3));
    text.push_str(&proposals(&view.reads));
    if view.reads.iter().any(|read| read.kept > 0) {
        let _ = writeln!(
            text,
            "\nnext:\n  staunch contract drift {} --values   the fields that were kept",
            view.run
        );
    }
    out(&text)
}

/// Fields that were kept, a line for each record.
pub(crate) fn values(kept: &[KeptFields], json: bool) -> Result<()> {
    let object = |k: &KeptFields| -> Value {
        json!({ "read": k.read, "id": k.id, "fields": serde_json::from_str::<Value>(&k.fields).unwrap_or_default() })
    };
    if json {
        return out_json(&Value::Array(kept.iter().map(object).collect()));
    }
    if kept.is_empty() {
        return out("no fields were kept\n");
    }
    let mut text = String::new();
    for k in kept {
        // The fields stand as they stood: numbers with all their digits.
        let (read, id) = (Value::from(k.read.as_str()), Value::from(k.id.as_str()));
        let _ = writeln!(text, "{{\"read\":{read},\"id\":{id},\"fields\":{}}}", k.fields);
    }
    out(&text)
}

/// One read, for programs.
pub(crate) fn read_json(read: &ReadDrift) -> Value {
    let proposal = read.proposal.as_ref().map(|p| {
        json!({ "pinned": p.pinned, "contract": p.contract, "yaml": p.yaml, "rename": p.rename, "notes": p.notes })
    });
    json!({ "read": read.read, "drift": read.drift, "kept": read.kept, "proposal": proposal })
}

/// The table of a ledger.
pub(super) fn table(ledger: &Ledger) -> String {
    let mut all = Vec::new();
    for (read, account) in &ledger.reads {
        let kept = ledger.edges.get(&edge(read, KEPT)).map_or(0, |edge| edge.far.rows);
        let read = ReadDrift { read: read.clone(), drift: account.drift.clone(), kept, proposal: None };
        // Records that were dead before anybody saw their keys have none.
        all.extend(lines(&read, (account.accepted + account.late).max(1)));
    }
    if all.is_empty() {
        return String::new();
    }
    all.insert(0, row(&["drift", "field", "what", "records"]));
    format!("\n{}", columns(&all, 3))
}

/// A line for each field. That a JSON object does not have a field says something only if none has it: `all` is how many there are.
fn lines(read: &ReadDrift, all: u64) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    let mut line = |field: &str, what: &str, records: u64| {
        let field: String = field.chars().map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
        lines.push(vec![read.read.clone(), field, what.to_owned(), records.to_string()]);
    };
    let unknown = match read.kept {
        0 => "the contract does not name it: passed over",
        _ => "the contract does not name it: kept",
    };
    for (name, found) in &read.drift.unknown {
        line(name, unknown, found.records);
    }
    if read.drift.others > 0 {
        line("(others)", unknown, read.drift.others);
    }
    for (name, records) in &read.drift.missing {
        line(name, "the file does not have it", *records);
    }
    for (name, records) in read.drift.absent.iter().filter(|(_, records)| **records >= all) {
        line(name, "no record has it", *records);
    }
    for (name, cast) in &read.drift.cast {
        let from: Vec<&str> = cast.from.iter().map(String::as_str).collect();
        line(name, &format!("{} in the file: cast where nothing is lost", from.join(", ")), cast.records);
    }
    lines
}

/// The contracts that would say it, ready to be kept.
pub(super) fn proposals(reads: &[ReadDrift]) -> String {
    let mut text = String::new();
    for read in reads {
        let Some(proposal) = &read.proposal else { continue };
        let _ = writeln!(
            text,
            "\n{} is read with {}, which stays. To take what it does not say, keep this in contracts/ and write `contract: {}`:\n",
            read.read, proposal.pinned, proposal.contract
        );
        text.push_str(&proposal.yaml);
        for note in &proposal.notes {
            let _ = writeln!(text, "# {note}");
        }
    }
    text
}
