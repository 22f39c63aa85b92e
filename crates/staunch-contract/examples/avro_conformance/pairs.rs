//! A reader and a writer: whether they are compatible, and what becomes of bytes.

use crate::{Failure, Judged, Verdict, lines, unhex};
use serde_json::Value as Json;
use staunch_contract::avro::{Decoder, Schema, SchemaOptions, Unions, incompatibilities};
use std::collections::BTreeSet;
use std::path::Path;

/// Some records of the cases have no name: Apache's tests make them without one.
fn schema(case: &Json, key: &str) -> Result<Schema, Failure> {
    let options = SchemaOptions { unnamed_records: true, ..SchemaOptions::default() };
    Schema::parse_with(&case[key].to_string(), &options).map_err(|e| format!("{key}: {e}"))
}

/// The verdict, and every reason: kind, location and message where the case has them (Java), the kind alone where not (Python).
pub(crate) fn compatibility(folder: &Path) -> Result<Vec<Judged>, Failure> {
    lines(&folder.join("reader_writer_compat.jsonl"), "source", |case| {
        let found = incompatibilities(&schema(case, "reader")?, &schema(case, "writer")?)
            .map_err(|e| e.to_string())?;
        let compatible = case["compatible"].as_bool().ok_or("the case has no verdict")?;
        if compatible != found.is_empty() {
            let reasons: Vec<String> = found.iter().map(ToString::to_string).collect();
            return Ok(Verdict::Failed(format!("compatible: {}; {reasons:?}", found.is_empty())));
        }
        let recorded = case["incompatibilities"].as_array().ok_or("the case has no reasons")?;
        if recorded.is_empty() {
            return Ok(Verdict::Passed);
        }
        let text = |json: &Json| json.as_str().unwrap_or_default().to_owned();
        let wanted: BTreeSet<_> = recorded
            .iter()
            .map(|reason| match reason.as_str() {
                Some(kind) => {
                    (kind.rsplit('.').next().unwrap_or_default().to_uppercase(), String::new(), String::new())
                }
                None => (text(&reason["type"]), text(&reason["location"]), text(&reason["message"])),
            })
            .collect();
        let kinds_only = recorded.iter().all(Json::is_string);
        let found: BTreeSet<_> = found
            .iter()
            .map(|reason| match kinds_only {
                true => (reason.kind.word().to_owned(), String::new(), String::new()),
                false => (reason.kind.word().to_owned(), reason.location.clone(), reason.message.clone()),
            })
            .collect();
        Ok(Verdict::equal("reasons", &found, &wanted))
    })
}

/// The value that the reader gets, or that there is none.
pub(crate) fn evolved(folder: &Path) -> Result<Vec<Judged>, Failure> {
    lines(&folder.join("evolved_decode.jsonl"), "test", |case| {
        let (reader, writer) = (schema(case, "reader")?, schema(case, "writer")?);
        let mut bytes = unhex(case["bytes_hex"].as_str().ok_or("the case has no bytes")?)?;
        match case["encoding"].as_str() {
            Some("BINARY") => {}
            Some("JSON") => {
                let text = std::str::from_utf8(&bytes).map_err(|e| e.to_string())?;
                let value = writer.value_from_json(text, Unions::Tagged).map_err(|e| e.to_string())?;
                bytes = writer.encode(&value).map_err(|e| e.to_string())?;
            }
            other => return Ok(Verdict::Refused(format!("the encoding {other:?}"))),
        }
        let decoder = Decoder::resolving(&writer, &reader).map_err(|e| e.to_string())?;
        let found = match decoder.decode(&bytes) {
            Ok(value) => Some(reader.value_to_json(&value, Unions::Plain).map_err(|e| e.to_string())?),
            Err(error) if case.get("error").is_some() => {
                // Well-formed bytes that the reader cannot take: another error would be a wrong one.
                return Ok(Verdict::equal("code", &error.code().name, &"Decode.Type"));
            }
            Err(error) => return Err(error.to_string()),
        };
        let found: Option<Json> =
            found.map(|t| serde_json::from_str(&t)).transpose().map_err(|e| e.to_string())?;
        Ok(Verdict::equal("decoded", &found, &case.get("decoded").cloned()))
    })
}
