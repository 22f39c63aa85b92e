//! Texts of schemas: accepted or refused, their canonical forms, their fingerprints.

use crate::{Failure, Judged, Verdict, judge, lines};
use serde_json::Value as Json;
use staunch_contract::avro::Schema;
use std::path::Path;

/// Accepted or refused; an accepted one tells an ignored logical type exactly where the case has a warning. And every schema file.
pub(crate) fn parse(folder: &Path) -> Result<Vec<Judged>, Failure> {
    let mut judged = lines(&folder.join("schema_parse_python.jsonl"), "group", |case| {
        let text = case["schema_text"].as_str().map_or_else(|| case["schema"].to_string(), str::to_owned);
        let warned = case["warnings"].as_array().is_some_and(|warnings| !warnings.is_empty());
        Ok(match (Schema::parse(&text), case["valid"].as_bool()) {
            (Ok(schema), Some(true)) => {
                Verdict::equal("a logical type is ignored", &!schema.ignored().is_empty(), &warned)
            }
            (Err(_), Some(false)) => Verdict::Passed,
            (Ok(_), _) => Verdict::Failed("accepted".to_owned()),
            (Err(error), _) => Verdict::Failed(format!("refused: {error}")),
        })
    })?;
    for path in files(&folder.join("share_data").join("schemas"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        judged.push(judge(format!("share_data/schemas/{name}"), || {
            if !name.ends_with(".avsc") {
                return Ok(Verdict::Refused("protocols and Avro IDL are not schemas".to_owned()));
            }
            let text = std::fs::read_to_string(&path).map_err(|e| e.to_string())?;
            Schema::parse(&text).map(|_| Verdict::Passed).map_err(|e| e.to_string())
        }));
    }
    Ok(judged)
}

/// The files of a folder, by name.
pub(crate) fn files(folder: &Path) -> Result<Vec<std::path::PathBuf>, Failure> {
    let listing = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths: Vec<_> =
        listing.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.is_file()).collect();
    paths.sort();
    Ok(paths)
}

fn canonical_case(input: &str, canonical: &str, fingerprint: Option<i64>) -> Result<Verdict, Failure> {
    let schema = Schema::parse(input).map_err(|e| e.to_string())?;
    let verdict = Verdict::equal("canonical form", &schema.canonical_form().as_str(), &canonical);
    Ok(match (verdict, fingerprint) {
        (Verdict::Passed, Some(wanted)) => {
            Verdict::equal("fingerprint", &schema.rabin().cast_signed(), &wanted)
        }
        (verdict, _) => verdict,
    })
}

/// The canonical form, with the fingerprint where the case has one.
pub(crate) fn canonical(folder: &Path) -> Result<Vec<Judged>, Failure> {
    let mut judged = lines(&folder.join("canonical_form_fingerprint.jsonl"), "id", |case| {
        let text = |key: &str| case[key].as_str().ok_or_else(|| format!("the case has no {key}"));
        let fingerprint = case["fingerprint_crc64avro"].as_str().map(str::parse);
        canonical_case(
            text("input")?,
            text("canonical")?,
            fingerprint.transpose().map_err(|e| format!("{e}"))?,
        )
    })?;
    let path = folder.join("share_data").join("data").join("schema-tests.txt");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    for (number, (input, canonical, fingerprint)) in schema_tests(&text).into_iter().enumerate() {
        judged.push(judge(format!("schema-tests.txt:{number:03}"), || {
            let fingerprint = fingerprint.map(str::parse).transpose().map_err(|e| format!("{e}"))?;
            canonical_case(&input, canonical, fingerprint)
        }));
    }
    Ok(judged)
}

/// `<<INPUT` with the text behind it or up to a line `INPUT`, then `<<canonical` and perhaps `<<fingerprint`.
fn schema_tests(text: &str) -> Vec<(String, &str, Option<&str>)> {
    let mut cases: Vec<(String, &str, Option<&str>)> = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(input) = line.strip_prefix("<<INPUT") {
            let mut input = input.to_owned();
            if input.trim().is_empty() {
                input = lines.by_ref().take_while(|line| *line != "INPUT").collect::<Vec<_>>().join("\n");
            }
            cases.push((input, "", None));
        } else if let (Some(rest), Some(case)) = (line.strip_prefix("<<canonical "), cases.last_mut()) {
            case.1 = rest;
        } else if let (Some(rest), Some(case)) = (line.strip_prefix("<<fingerprint "), cases.last_mut()) {
            case.2 = Some(rest.trim());
        }
    }
    cases
}

/// The three fingerprints.
pub(crate) fn fingerprints(folder: &Path) -> Result<Vec<Judged>, Failure> {
    lines(&folder.join("fingerprints_python.jsonl"), "id", |case: &Json| {
        let text = case["schema_text"].as_str().ok_or("the case has no schema")?;
        let schema = Schema::parse(text).map_err(|e| e.to_string())?;
        let found = [
            ("crc64avro_le_hex", hex::encode(schema.rabin().to_le_bytes())),
            ("md5", hex::encode(schema.md5())),
            ("sha256", hex::encode(schema.sha256())),
        ];
        for (key, found) in found {
            let wanted = case[key].as_str().ok_or_else(|| format!("the case has no {key}"))?;
            if found != wanted {
                return Ok(Verdict::Failed(format!("{key}: {found}, not {wanted}")));
            }
        }
        Ok(Verdict::Passed)
    })
}
