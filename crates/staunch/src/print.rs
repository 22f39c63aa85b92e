//! Data on stdout: tables for people, one JSON document for programs.

pub(crate) mod contract;
pub(crate) mod diff;
mod doctor;
pub(crate) mod drift;
mod gc;
mod graph;
mod moves;
pub(crate) mod workflow;

pub(crate) use doctor::doctor;
pub(crate) use gc::gc;
pub(crate) use graph::graph;

use arrow::util::pretty::pretty_format_batches;
use serde_json::{Value, json};
use staunch_app::{
    Checked, DlqRow, Ledger, LedgerView, PlanView, Preview, ReadDrift, Report, RunEnd, RunRow, Settlement,
    Uncommitted,
};
use staunch_types::{Error, Result, codes};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Writes a text or a document to stdout. A reader that went away is no error.
fn out(text: &str) -> Result<()> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(Error::new(codes::USAGE, "cannot write to stdout")
                .cause(e.to_string())
                .hint("only the words are lost, what was asked for is done: see `staunch runs`"))
        }
        _ => Ok(()),
    }
}

fn out_json(value: &Value) -> Result<()> {
    out(&format!("{value:#}\n"))
}

/// What `init` made, and the next command.
pub(crate) fn init(folder: &Path, files: &[PathBuf], json: bool) -> Result<()> {
    if json {
        return out_json(&json!({ "files": files }));
    }
    let folder = folder.display();
    out(&format!(
        "made a project of {} files in {folder}\n\nnext:\n  cd {folder} && staunch run sales --show\n",
        files.len()
    ))
}

/// What `check` proved.
pub(crate) fn check(checked: &Checked, json: bool) -> Result<()> {
    if json {
        let pipelines: Vec<_> = checked
            .pipelines
            .iter()
            .map(|p| {
                let notes: Vec<_> = p.notes.iter().map(|(s, n)| json!({ "stage": s, "note": n })).collect();
                json!({ "pipeline": p.name, "reads": p.stages.0, "stages": p.stages.1, "writes": p.stages.2, "notes": notes })
            })
            .collect();
        return out_json(
            &json!({ "project": checked.project, "profile": checked.profile, "pipelines": pipelines }),
        );
    }
    let mut text = String::new();
    for p in &checked.pipelines {
        let (reads, stages, writes) = p.stages;
        let (reads, stages, writes) =
            (many(reads, "read"), many(stages, "process stage"), many(writes, "write"));
        let _ = writeln!(text, "{}: ok ({reads}, {stages}, {writes})", p.name);
        for (stage, note) in &p.notes {
            let _ = writeln!(text, "  {stage}: {note}");
        }
    }
    let _ = writeln!(
        text,
        "{}: {} checked under profile {}",
        checked.project,
        many(checked.pipelines.len(), "pipeline"),
        checked.profile
    );
    out(&text)
}

/// The plan.
pub(crate) fn plan(plan: &PlanView, json: bool) -> Result<()> {
    if json {
        let stages: Vec<_> = plan
            .stages
            .iter()
            .map(|s| {
                json!({ "kind": s.kind, "name": s.name, "inputs": s.inputs, "how": s.how, "transport": s.transport,
                        "details": s.details, "computed": s.computed.iter().map(|(column, from)| json!({ "column": column, "from": from })).collect::<Vec<_>>(),
                        "notes": s.notes, "whole_input_because": s.whole_input_because })
            })
            .collect();
        let moves = moves::json(&plan.moves);
        return out_json(&json!({ "pipeline": plan.pipeline, "stages": stages, "moves": moves }));
    }
    let mut text = format!("pipeline {}\n", plan.pipeline);
    for s in &plan.stages {
        let arrow = if s.kind == "write" { "to" } else { "from" };
        let (left, right) = match s.kind {
            "write" => (s.inputs.join(", "), s.name.clone()),
            _ => (s.name.clone(), s.inputs.join(", ")),
        };
        let _ = writeln!(text, "\n{:<8}{left}  {arrow} {right}", s.kind);
        let _ = writeln!(text, "        {}", s.how);
        let _ = writeln!(text, "        {}", s.transport);
        for line in s.details.lines() {
            let _ = writeln!(text, "          {line}");
        }
        for (column, from) in &s.computed {
            let from = if from.is_empty() { "no column".to_owned() } else { from.join(", ") };
            let _ = writeln!(text, "        {column} is made of {from}");
        }
        for note in &s.notes {
            let _ = writeln!(text, "        note: {note}");
        }
    }
    text.push_str(&moves::text(plan));
    out(&text)
}

/// The outcome of a run.
pub(crate) fn report(report: &Report, previews: &[Preview], drift: &[ReadDrift], json: bool) -> Result<()> {
    if json {
        return out_json(&report_json(report, drift));
    }
    let mut text = String::new();
    for preview in previews {
        let _ = writeln!(text, "{} ({} rows)", preview.write, preview.rows);
        let table = pretty_format_batches(std::slice::from_ref(&preview.batch))
            .map_err(|e| Error::new(codes::INTERNAL, "a preview cannot be printed").cause(e.to_string()))?;
        let _ = writeln!(text, "{table}\n");
    }
    for (read, file) in &report.changed {
        let _ = writeln!(
            text,
            "changed since it was read, and not read again: {file} (read {read}); --full-refresh reads everything again"
        );
    }
    for (write, moved) in &report.moved {
        let _ = match moved.from == moved.to {
            true => writeln!(text, "{write} takes other columns now ({})", moved.to),
            false => writeln!(text, "{write} moved from {} to {}", moved.from, moved.to),
        };
    }
    if report.nothing_new() {
        let what = if report.moved.is_empty() { "; no target was touched" } else { "" };
        let _ = writeln!(text, "run {}: nothing new to read{what}", report.run);
        return out(&text);
    }
    text.push_str(&ledger_text(&report.ledger));
    let dead = report.ledger.dead();
    #[allow(clippy::cast_precision_loss, reason = "a duration for people")]
    let seconds = (report.ended - report.started) as f64 / 1e6;
    let how = match &report.end {
        Some(RunEnd::Succeeded) => "succeeded".to_owned(),
        Some(RunEnd::Failed { code, .. }) => format!("failed with {code}"),
        None => "is unfinished".to_owned(),
    };
    for (read, account) in &report.ledger.reads {
        if account.found > 0 && account.dead == account.found {
            let _ = writeln!(text, "\nevery record of {read} is dead: are `format:` and its options right?");
        }
    }
    text.push_str(&drift::proposals(drift));
    let went_on = if report.continued { ", continuing where an earlier start was cut off" } else { "" };
    let _ = writeln!(
        text,
        "\nrun {} {how}: epochs {} to {}, {seconds:.1} s{went_on}",
        report.run, report.epochs.0, report.epochs.1
    );
    let _ = writeln!(text, "\nnext:\n  staunch ledger {0}      where every row went", report.run);
    if dead > 0 {
        let _ = writeln!(
            text,
            "  staunch dlq ls --run {}   which rows were rejected ({dead}), and why",
            report.run
        );
    }
    let _ =
        writeln!(text, "  staunch plan {}           how it runs, and what is guaranteed", report.pipeline);
    out(&text)
}

fn report_json(report: &Report, drift: &[ReadDrift]) -> Value {
    let datasets: Vec<_> = report
        .datasets
        .iter()
        .map(|d| json!({ "name": d.name, "write": d.write, "contract": d.contract, "rows": d.rows }))
        .collect();
    json!({
        "run": report.run,
        "pipeline": report.pipeline,
        "end": report.end,
        "started_micros": report.started,
        "ended_micros": report.ended,
        "first_epoch": report.epochs.0,
        "last_epoch": report.epochs.1,
        "generation": report.generation,
        "continued": report.continued,
        "records": report.ledger.found(),
        "written": report.ledger.writes.values().map(|w| w.applied).sum::<u64>(),
        "dead": report.ledger.dead(),
        "late": report.ledger.late(),
        "unchanged_reads": report.unchanged,
        "moved": report.moved.iter().map(|(write, m)| json!({ "write": write, "from": m.from, "to": m.to })).collect::<Vec<_>>(),
        "changed_files": report.changed.iter().map(|(r, f)| json!({ "read": r, "file": f })).collect::<Vec<_>>(),
        "ledger": report.ledger,
        "drift": drift.iter().map(drift::read_json).collect::<Vec<_>>(),
        "datasets": datasets,
    })
}

/// Runs, newest first.
pub(crate) fn runs(runs: &[RunRow], json: bool) -> Result<()> {
    if json {
        let rows: Vec<_> = runs
            .iter()
            .map(|r| {
                json!({ "run": r.run, "pipeline": r.pipeline, "state": r.state, "started_micros": r.started,
                        "ended_micros": r.ended, "first_epoch": r.first_epoch, "last_epoch": r.last_epoch,
                        "records": r.records, "written": r.written, "dead": r.dead, "late": r.late, "error": r.error })
            })
            .collect();
        return out_json(&Value::Array(rows));
    }
    if runs.is_empty() {
        return out("nothing has run yet; try: staunch run\n");
    }
    let mut table = vec![row(&["run", "pipeline", "state", "records", "written", "dead", "late", "epochs"])];
    for r in runs {
        let mut state = r.state.to_owned();
        if let Some(error) = &r.error {
            let _ = write!(state, " ({})", error.split(':').next().unwrap_or_default());
        }
        table.push(vec![
            r.run.to_string(),
            r.pipeline.clone(),
            state,
            r.records.to_string(),
            r.written.to_string(),
            r.dead.to_string(),
            r.late.to_string(),
            format!("{}-{}", r.first_epoch, r.last_epoch),
        ]);
    }
    out(&columns(&table, 3))
}

/// The accounts of a run.
pub(crate) fn ledger(view: &LedgerView, json: bool) -> Result<()> {
    if json {
        return out_json(&json!({
            "run": view.run,
            "pipeline": view.pipeline,
            "end": view.end,
            "shown": view.shown,
            "balanced": view.imbalance.is_none(),
            "imbalance": view.imbalance,
            "ledger": view.ledger,
        }));
    }
    let mut text = format!("run {} of {}\n\n", view.run, view.pipeline);
    text.push_str(&ledger_text(&view.ledger));
    if let Some(RunEnd::Failed { code, message, uncommitted, .. }) = &view.end {
        let _ = writeln!(
            text,
            "the run failed with {code}: {message}\nwhat is above was committed before; evidence: staunch dlq ls --run {}",
            view.run
        );
        if *uncommitted != Uncommitted::default() {
            let _ = writeln!(
                text,
                "the epoch that failed had found {} records, {} dead and {} late; nothing of it was committed",
                uncommitted.records, uncommitted.dead, uncommitted.late
            );
        }
    }
    match &view.imbalance {
        Some(why) => {
            let _ = writeln!(text, "\nDOES NOT BALANCE: {why}");
        }
        None if view.shown && view.end == Some(RunEnd::Succeeded) => {
            text.push_str("\nbalanced: every row is accounted for\n");
        }
        None if view.shown => text.push_str("\nbalanced as far as it was committed\n"),
        None => text.push_str("\nbalanced so far; not every target has shown its last epoch\n"),
    }
    out(&text)
}

fn ledger_text(ledger: &Ledger) -> String {
    let mut text = String::new();
    let n = |n: u64| n.to_string();
    if !ledger.reads.is_empty() {
        let mut table = vec![row(&["read", "found", "accepted", "dead", "late"])];
        for (name, r) in &ledger.reads {
            let name = match &r.validated {
                Some(which) => format!("{name} (validates {which} columns)"),
                None => name.clone(),
            };
            table.push(vec![name, n(r.found), n(r.accepted), n(r.dead), n(r.late)]);
        }
        text.push_str(&columns(&table, 1));
    }
    text.push_str(&drift::table(ledger));
    if !ledger.per_row.is_empty() {
        let mut table =
            vec![row(&["per-row stage", "in", "passed", "filtered", "dead", "emitted", "reference"])];
        for (name, s) in &ledger.per_row {
            table.push(vec![
                name.clone(),
                n(s.taken),
                n(s.passed),
                n(s.filtered),
                n(s.dead),
                n(s.emitted),
                n(s.reference),
            ]);
        }
        text.push('\n');
        text.push_str(&columns(&table, 1));
    }
    if !ledger.whole_input.is_empty() {
        let mut table = vec![row(&["whole-input stage", "in", "absorbed", "emitted"])];
        for (name, s) in &ledger.whole_input {
            table.push(vec![name.clone(), n(s.taken), n(s.absorbed), n(s.emitted)]);
        }
        text.push('\n');
        text.push_str(&columns(&table, 1));
    }
    if !ledger.edges.is_empty() {
        let mut table = vec![row(&["edge", "left", "arrived", "hash sums"])];
        for (name, e) in &ledger.edges {
            let hashes = match (e.near.hash, e.far.hash) {
                (Some(a), Some(b)) if a == b => "equal",
                (Some(_), Some(_)) => "DIFFER",
                _ => "",
            };
            table.push(vec![name.clone(), n(e.near.rows), n(e.far.rows), hashes.to_owned()]);
        }
        text.push('\n');
        text.push_str(&columns(&table, 1));
    }
    if !ledger.writes.is_empty() {
        let mut table = vec![row(&["write", "segment", "applied", "unchanged", "superseded", "dead"])];
        for (name, w) in &ledger.writes {
            table.push(vec![
                name.clone(),
                n(w.segment),
                n(w.applied),
                n(w.unchanged),
                n(w.superseded),
                n(w.dead),
            ]);
        }
        text.push('\n');
        text.push_str(&columns(&table, 1));
    }
    text
}

/// Dead letters, without any value.
pub(crate) fn dlq(rows: &[DlqRow], json: bool) -> Result<()> {
    if json {
        return out_json(&Value::Array(rows.iter().map(letter_json).collect()));
    }
    if rows.is_empty() {
        return out("no dead letters\n");
    }
    // Ids are those of one pipeline: with letters of several, each says whose it is.
    let several = rows.iter().any(|r| r.pipeline != rows[0].pipeline);
    let mut table = vec![row(&["where", "stage", "code", "field", "reason", "id"])];
    for r in rows {
        let l = &r.letter;
        let stage = if several { format!("{}/{}", r.pipeline, l.stage) } else { l.stage.clone() };
        let place = match l.line {
            Some(line) => format!("{}:{line}", l.file),
            None => format!("{} row {}", l.file, l.place),
        };
        let evidence = if r.evidence { " (evidence of a failed epoch)" } else { "" };
        table.push(vec![
            place,
            stage,
            l.code.clone(),
            l.field.clone().unwrap_or_default(),
            format!("{}{evidence}", l.reason),
            l.id.clone(),
        ]);
    }
    let mut text = columns(&table, 6);
    let _ =
        writeln!(text, "\n{}; `staunch dlq show ID` prints the raw record", many(rows.len(), "dead letter"));
    out(&text)
}

fn letter_json(row: &DlqRow) -> Value {
    let l = &row.letter;
    json!({
        "id": l.id, "pipeline": row.pipeline, "run": row.run, "read": l.read, "stage": l.stage, "code": l.code,
        "reason": l.reason, "field": l.field, "contract": l.contract, "file": l.file, "version": l.version,
        "line": l.line, "place": l.place, "attempts": l.attempts, "evidence": row.evidence,
        "epoch": row.epoch, "rejected_micros": row.rejected,
    })
}

/// Dead letters with their raw records.
pub(crate) fn dlq_show(rows: &[(DlqRow, Vec<u8>)], json: bool) -> Result<()> {
    if json {
        let letters: Vec<_> = rows
            .iter()
            .map(|(row, raw)| {
                let mut value = letter_json(row);
                value["raw"] = json!(String::from_utf8_lossy(raw));
                value
            })
            .collect();
        return out_json(&Value::Array(letters));
    }
    let mut text = String::new();
    for (row, raw) in rows {
        let l = &row.letter;
        let field = l.field.as_deref().map(|f| format!(", field {f}")).unwrap_or_default();
        let _ = writeln!(text, "{}\n  rejected by {} with {}{field}: {}", l.id, l.stage, l.code, l.reason);
        // Control characters in a record must not steer the terminal.
        let shown: String = String::from_utf8_lossy(raw)
            .chars()
            .map(|c| if c.is_control() { '\u{fffd}' } else { c })
            .collect();
        let _ = writeln!(text, "  {shown}");
    }
    out(&text)
}

/// What a replay or discard did.
pub(crate) fn settled(did: &str, done: &Settlement, dry_run: bool, json: bool) -> Result<()> {
    if json {
        return out_json(&json!({
            "dry_run": dry_run,
            "letters": done.letters.iter().map(letter_json).collect::<Vec<_>>(),
            "runs": done.runs.iter().map(|r| report_json(r, &[])).collect::<Vec<_>>(),
        }));
    }
    let mut text = String::new();
    if dry_run {
        let _ = writeln!(text, "{} would be {did}:", many(done.letters.len(), "dead letter"));
        for row in &done.letters {
            let _ = writeln!(text, "  {} ({} in {})", row.letter.id, row.letter.code, row.letter.stage);
        }
        return out(&text);
    }
    if done.letters.is_empty() {
        text.push_str("no dead letter of these stands: nothing to do\n");
    }
    for run in &done.runs {
        text.push_str(&ledger_text(&run.ledger));
        let again = match run.ledger.dead() {
            0 => String::new(),
            n => format!(", {n} rejected again"),
        };
        let letters = done.letters.iter().filter(|row| row.pipeline == run.pipeline).count();
        let _ = writeln!(text, "\nrun {}: {} {did}{again}", run.run, many(letters, "dead letter"));
    }
    out(&text)
}

/// `1 read`, `2 reads`.
fn many(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|c| (*c).to_owned()).collect()
}

/// Aligned columns; from column `right` on numbers stand to the right.
fn columns(table: &[Vec<String>], right: usize) -> String {
    let count = table.iter().map(Vec::len).max().unwrap_or(0);
    let clean = |cell: &str| -> String {
        cell.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
    };
    let table: Vec<Vec<String>> = table.iter().map(|r| r.iter().map(|c| clean(c)).collect()).collect();
    let width =
        |i: usize| table.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut text = String::new();
    for cells in &table {
        let mut line = String::new();
        for (i, cell) in cells.iter().enumerate() {
            let pad = " ".repeat(widths[i].saturating_sub(cell.chars().count()));
            let sides =
                if i >= right { (pad.as_str(), cell.as_str()) } else { (cell.as_str(), pad.as_str()) };
            let _ = write!(line, "{}{}  ", sides.0, sides.1);
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}
