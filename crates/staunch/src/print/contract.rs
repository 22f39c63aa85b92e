//! Schemas: what they are, and what they are to each other.

use super::{columns, many, out, out_json};
use serde_json::json;
use staunch_app::{Broken, Compatibility, Inferred, Locked, Reason, SchemaView};
use staunch_types::Result;
use std::fmt::Write as _;

/// Whether two schemas are compatible, and if not, why.
pub(crate) fn check(found: &Compatibility, json: bool) -> Result<()> {
    if json {
        let reasons = found.broken.iter().flat_map(|broken| {
            broken.reasons.iter().map(|reason| {
                json!({ "reader": broken.reader, "writer": broken.writer, "type": reason.kind,
                        "location": reason.location, "message": reason.message, "hint": reason.hint })
            })
        });
        return out_json(&json!({
            "level": found.level,
            "against": found.against,
            "compatible": found.broken.is_empty(),
            "incompatibilities": reasons.collect::<Vec<_>>(),
        }));
    }
    let mut text = String::new();
    for broken in &found.broken {
        let Broken { reader, writer, .. } = broken;
        let _ = writeln!(text, "{reader} does not read all that is written under {writer}:");
        for reason in &broken.reasons {
            let Reason { kind, location, message, hint } = reason;
            let _ = writeln!(text, "  {kind} at {location}: {message}\n    {hint}");
        }
        text.push('\n');
    }
    let count: usize = found.broken.iter().map(|broken| broken.reasons.len()).sum();
    let _ = match count {
        0 => writeln!(text, "compatible ({})", found.level),
        1 => writeln!(text, "not compatible ({}): 1 incompatibility", found.level),
        n => writeln!(text, "not compatible ({}): {n} incompatibilities", found.level),
    };
    out(&text)
}

/// A schema, whatever its text looks like.
pub(crate) fn show(view: &SchemaView, json: bool) -> Result<()> {
    if json {
        let ignored: Vec<_> =
            view.ignored.iter().map(|i| json!({ "location": i.path, "reason": i.reason })).collect();
        return out_json(&json!({
            "canonical": view.canonical, "rabin": view.rabin, "md5": view.md5, "sha256": view.sha256,
            "ignored": ignored,
        }));
    }
    let pair = |name: &str, value: &str| vec![name.to_owned(), value.to_owned()];
    let table = [
        pair("canonical", &view.canonical),
        pair("rabin", &view.rabin),
        pair("md5", &view.md5),
        pair("sha256", &view.sha256),
    ];
    let mut text = columns(&table, 2);
    if !view.ignored.is_empty() {
        let _ = writeln!(text, "\n{} that Avro ignores:", many(view.ignored.len(), "thing"));
        for ignored in &view.ignored {
            let _ = writeln!(text, "  {}: {}", ignored.path, ignored.reason);
        }
    }
    out(&text)
}

/// What the lock holds now, or would hold.
pub(crate) fn lock(locked: &Locked, check: bool, json: bool) -> Result<()> {
    if json {
        let changes = locked
            .changes
            .iter()
            .map(|c| json!({ "change": c.what, "name": c.name, "profile": c.profile, "detail": c.detail }));
        return out_json(&json!({
            "up_to_date": locked.up_to_date, "written": locked.written, "versions": locked.versions,
            "inferred": locked.inferred, "changes": changes.collect::<Vec<_>>(),
        }));
    }
    let row = |change: &staunch_app::LockChange| {
        let profile = change.profile.as_ref().map(|p| format!("[{p}]")).unwrap_or_default();
        let detail = change.detail.clone().unwrap_or_default();
        vec![change.what.to_owned(), change.name.clone(), profile, detail]
    };
    let mut text = columns(&locked.changes.iter().map(row).collect::<Vec<_>>(), 4);
    let holds = format!(
        "{} and {}",
        many(locked.versions, "published version"),
        many(locked.inferred, "inferred contract")
    );
    let _ = match (locked.up_to_date, check) {
        (true, _) => writeln!(text, "contracts.lock is up to date: {holds}"),
        (false, true) => writeln!(text, "contracts.lock is not up to date: run `staunch contract lock`"),
        (false, false) => writeln!(text, "contracts.lock written: {holds}"),
    };
    out(&text)
}

/// A contract that was inferred: its text alone, so that it can be put into a file.
pub(crate) fn infer(inferred: &Inferred, json: bool) -> Result<()> {
    if !json {
        return out(&inferred.yaml);
    }
    out_json(&json!({
        "contract": inferred.contract.id(), "yaml": inferred.yaml, "avro": inferred.contract.to_avro_json(),
        "from": inferred.from, "rows": inferred.rows, "unreadable": inferred.unreadable,
        "rename": inferred.rename, "notes": inferred.notes,
    }))
}

/// What is said beside it, a line each.
pub(crate) fn about(inferred: &Inferred) -> Vec<String> {
    let mut lines = Vec::new();
    let rows = inferred.rows.map(|rows| format!(", {rows} rows read")).unwrap_or_default();
    lines.push(format!("from {}{rows}", inferred.from));
    for (reason, count) in &inferred.unreadable {
        let records = if *count == 1 { "record is" } else { "records are" };
        lines.push(format!("{count} {records} dead whatever the contract says: {reason}"));
    }
    if !inferred.rename.is_empty() {
        let pairs: Vec<String> =
            inferred.rename.iter().map(|(column, field)| format!("{}: {field}", json!(column))).collect();
        lines.push(format!("the object needs `rename: {{{}}}`", pairs.join(", ")));
    }
    lines.extend(inferred.notes.iter().cloned());
    lines
}
