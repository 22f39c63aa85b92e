//! CSV: texts with the rows that other parsers read out of them.
//!
//! A row of another length than the first is a dead letter here, and so is a record that the other parser complains about: such
//! cases pass if the sound rows are read and something is said about the others.

use crate::chain::{contract, read};
use crate::{Failure, Judged, Verdict, judge};
use arrow::array::{Array, AsArray};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use staunch_contract::Type;
use std::path::Path;

pub(crate) fn suite(quality: &Path) -> Result<Vec<Judged>, Failure> {
    let mut judged = Vec::new();
    for name in ["csv_files.jsonl", "papaparse.jsonl"] {
        let path = quality.join("csv").join(name);
        let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        for line in text.lines().filter(|l| !l.trim().is_empty()) {
            let case: Value = serde_json::from_str(line).map_err(|e| format!("{}: {e}", path.display()))?;
            let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
            let name = format!("{}/{}{}", text("suite"), text("name"), text("description"));
            judged.push(judge(name, || verdict(&case)));
        }
    }
    Ok(judged)
}

/// An option of the other parser that changes what is read and that we do not have.
fn missing_option(case: &Value) -> Option<String> {
    if case["suite"] == "UNPARSE_TESTS" {
        return Some("writing CSV".to_owned());
    }
    if case["disabled"] == true {
        return Some("a case that its own suite leaves out".to_owned());
    }
    let given = |value: &Value| !matches!(value, Value::Null | Value::Bool(false)) && *value != json!(0);
    for (key, value) in case["config"].as_object().into_iter().flatten().filter(|(_, value)| given(value)) {
        let text = value.as_str().unwrap_or_default();
        let ours = match key.as_str() {
            "header" => true,
            "delimiter" | "quoteChar" => text.len() == 1,
            // The escape of RFC 4180 is the quotation mark itself.
            "escapeChar" => text == "\"",
            // We end a record with either, wherever.
            "newline" => matches!(text, "\n" | "\r\n"),
            "skipEmptyLines" => value == true,
            // Without quotation marks in the text it changes nothing.
            "fastMode" => !case["input"].as_str().unwrap_or_default().contains('"'),
            _ => false,
        };
        if !ours {
            return Some(format!("the option `{key}: {value}`"));
        }
    }
    let guessed = &case["expected"]["meta"]["delimiter"];
    let chosen = case["config"]["delimiter"].as_str().unwrap_or(",");
    guessed.as_str().filter(|g| *g != chosen).map(|_| "guessing the delimiter".to_owned())
}

/// Rows as lists of texts, in the order of the columns.
fn texts(row: &Value, header: &[String]) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match row {
        Value::Array(values) => values.iter().map(text).collect(),
        // A value beyond the last column lets the row be longer than the header.
        Value::Object(values) if values.contains_key("__parsed_extra") => Vec::new(),
        Value::Object(values) => header.iter().filter_map(|name| values.get(name).map(text)).collect(),
        _ => Vec::new(),
    }
}

pub(crate) fn verdict(case: &Value) -> Result<Verdict, Failure> {
    if let Some(what) = missing_option(case) {
        return Ok(Verdict::Refused(what));
    }
    let input = match case["csv_base64"].as_str() {
        Some(text) => BASE64_STANDARD.decode(text).map_err(|e| format!("base64: {e}"))?,
        None => case["input"].as_str().ok_or("the input is no text")?.as_bytes().to_vec(),
    };
    let expected = if case["expected"].is_array() { &case["expected"] } else { &case["expected"]["data"] };
    let expected = expected.as_array().ok_or("the case expects no rows")?;
    let with_header = case["header"] == true || case["config"]["header"] == true;
    let names: Vec<String> = match expected.first() {
        Some(Value::Object(row)) => row.keys().filter(|k| *k != "__parsed_extra").cloned().collect(),
        Some(Value::Array(row)) => (0..row.len()).map(|n| format!("c{n}")).collect(),
        _ => vec!["c0".to_owned()],
    };
    let all: Vec<Vec<String>> = expected.iter().map(|row| texts(row, &names)).collect();
    let blank = |row: &Vec<String>| row.len() == 1 && row.iter().all(String::is_empty);
    if input.last() == Some(&b'\n') && all.last().is_some_and(blank) {
        return Ok(Verdict::Refused("a record behind the last line feed".to_owned()));
    }
    let columns = all.iter().map(Vec::len).find(|n| *n > 1);
    if columns.is_some() && all.iter().any(blank) {
        return Ok(Verdict::Refused("a blank line as a record".to_owned()));
    }
    let unique: std::collections::BTreeSet<_> = header_names(&input, case).into_iter().collect();
    if with_header && unique.len() < header_names(&input, case).len() {
        return Ok(Verdict::Refused("new names for columns that share one".to_owned()));
    }
    if blanks_behind_a_mark(&input) && !all.iter().flatten().any(|text| text.contains('"')) {
        return Ok(Verdict::Refused("blanks behind a closing quotation mark".to_owned()));
    }
    let (sound, ragged): (Vec<_>, Vec<_>) = all.into_iter().partition(|row| row.len() == names.len());

    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    std::fs::write(folder.path().join("case"), &input).map_err(|e| e.to_string())?;
    let mut options = json!({"format": "csv", "header": with_header});
    for (ours, theirs) in [("delimiter", "delimiter"), ("quote", "quoteChar")] {
        if let Some(text) = case["config"][theirs].as_str() {
            options[ours] = text.into();
        }
    }
    let fields = contract(names.iter().map(|name| (name.clone(), Type::String, false)));
    let found = read(folder.path(), "case", &fields, &options)?;
    let rows: Vec<Vec<String>> = found
        .rows
        .iter()
        .flat_map(|batch| (0..batch.num_rows()).map(move |row| (batch, row)))
        .map(|(batch, row)| {
            let cell = |column: &arrow::array::ArrayRef| {
                let texts = column.as_string::<i32>();
                if texts.is_null(row) { "null".to_owned() } else { texts.value(row).to_owned() }
            };
            batch.columns().iter().map(cell).collect()
        })
        .collect();

    let errors = case["expected"]["errors"].as_array();
    let of = |error: &Value, kinds: &[&str]| error["type"].as_str().is_some_and(|t| kinds.contains(&t));
    let quotes = errors.is_some_and(|all| all.iter().any(|e| of(e, &["Quotes"])));
    let bad = quotes || !ragged.is_empty();
    if quotes {
        // What the other parser makes of a broken record is its own matter.
        return Ok(match found.complains() {
            true => Verdict::Passed,
            false => Verdict::Failed(format!("a broken quotation, but {}", found.summary())),
        });
    }
    if rows == sound && found.complains() == bad {
        return Ok(Verdict::Passed);
    }
    Ok(Verdict::Failed(format!("{} rows are expected, found {}: {rows:?}", sound.len(), found.summary())))
}

/// The names of the first line, as far as they can be told without a parser: without a quotation mark.
fn header_names(input: &[u8], case: &Value) -> Vec<String> {
    let text = String::from_utf8_lossy(input);
    let line = text.lines().next().unwrap_or_default();
    let delimiter = case["config"]["delimiter"].as_str().unwrap_or(",");
    if line.contains('"') { Vec::new() } else { line.split(delimiter).map(str::to_owned).collect() }
}

/// Whether blanks, and nothing else, stand between a quotation mark and the end of its field.
fn blanks_behind_a_mark(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    text.split('"').skip(1).any(|behind| {
        let rest = behind.trim_start_matches([' ', '\t']);
        rest.len() < behind.len() && (rest.is_empty() || rest.starts_with([',', '\r', '\n']))
    })
}
