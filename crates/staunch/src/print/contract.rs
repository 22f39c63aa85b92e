//! Schemas: what they are, and what they are to each other.

use super::{columns, many, out, out_json};
use serde_json::json;
use staunch_app::{Compatibility, SchemaView};
use staunch_types::Result;
use std::fmt::Write as _;

/// Whether two schemas are compatible, and if not, why.
pub(crate) fn check(found: &Compatibility, json: bool) -> Result<()> {
    if json {
        let reasons = found.broken.iter().flat_map(|broken| {
            broken.reasons.iter().map(|reason| {
                json!({ "reader": broken.reader.display().to_string(), "writer": broken.writer.display().to_string(), "type": reason.kind.word(),
                        "location": reason.location, "message": reason.message, "hint": reason.hint })
            })
        });
        return out_json(&json!({
            "level": found.level,
            "compatible": found.broken.is_empty(),
            "incompatibilities": reasons.collect::<Vec<_>>(),
        }));
    }
    let mut text = String::new();
    for broken in &found.broken {
        let (reader, writer) = (broken.reader.display(), broken.writer.display());
        let _ = writeln!(text, "{reader} does not read all that is written under {writer}:");
        for reason in &broken.reasons {
            let _ = writeln!(text, "  {reason}\n    {}", reason.hint);
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
