//! JSON documents, each as the value of one field of a record.
//!
//! A contract has no field for an array or an object, so a document stands in a field that the contract does not name: it is
//! looked at all the same, and a record with a bad one is dead. A document that is one scalar is also read into a field of its type.

use crate::chain::{contract, read};
use crate::{Failure, Judged, Verdict, judge};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};
use staunch_contract::Type;
use std::path::Path;

#[derive(Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) expect: String,
    pub(crate) base64: Option<String>,
    /// A part that is written several times, for documents too large to be listed.
    pub(crate) repeat: Option<Value>,
}

impl Case {
    /// The document without the line feeds at its end: there the line ends, not the document.
    fn document(&self) -> Result<Option<Vec<u8>>, Failure> {
        let decode = |text: &str| BASE64_STANDARD.decode(text).map_err(|e| format!("base64: {e}"));
        let mut bytes = match (&self.base64, &self.repeat) {
            (Some(text), None) => decode(text)?,
            (_, Some(repeat)) => {
                let part = repeat["base64"].as_str().map(decode).transpose()?;
                let times = ["times", "count"].iter().find_map(|key| repeat[key].as_u64());
                let (Some(part), Some(times)) = (part, times.and_then(|n| usize::try_from(n).ok())) else {
                    return Ok(None);
                };
                part.repeat(times)
            }
            (None, None) => return Err("the case has no document".to_owned()),
        };
        while bytes.last().is_some_and(|b| matches!(b, b'\n' | b'\r')) {
            bytes.pop();
        }
        Ok(Some(bytes))
    }
}

pub(crate) fn suite(quality: &Path) -> Result<Vec<Judged>, Failure> {
    let path = quality.join("json").join("json_test_suite.jsonl");
    let text = std::fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let case = |line: &str| -> Result<Judged, Failure> {
        let case: Case = serde_json::from_str(line).map_err(|e| format!("{}: {e}", path.display()))?;
        Ok(judge(case.name.clone(), || verdict(&case)))
    };
    text.lines().filter(|l| !l.trim().is_empty()).map(case).collect()
}

pub(crate) fn verdict(case: &Case) -> Result<Verdict, Failure> {
    let Some(document) = case.document()? else {
        return Ok(Verdict::Refused("the way in which its document is listed".to_owned()));
    };
    if case.expect == "accept" && document.contains(&b'\n') {
        return Ok(Verdict::Refused("a line feed inside a document: a record is one line".to_owned()));
    }
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let record = [b"{\"number\":7,\"document\":".as_slice(), &document, b"}\n"].concat();
    std::fs::write(folder.path().join("case"), record).map_err(|e| e.to_string())?;
    let options = json!({"format": "json"});
    let number = ("number".to_owned(), Type::Long, false);
    let found = read(folder.path(), "case", &contract([number.clone()]), &options)?;
    let verdict = match case.expect.as_str() {
        "accept" if found.accepted() == 1 && !found.complains() => Verdict::Passed,
        "reject" if found.accepted() == 0 && found.complains() => Verdict::Passed,
        // Either way: once, and said.
        "either" if (found.accepted() == 0) == found.complains() => Verdict::Passed,
        expect => Verdict::Failed(format!("{expect} is expected, found {}", found.summary())),
    };
    if verdict != Verdict::Passed || case.expect != "accept" {
        return Ok(verdict);
    }
    let value: Value = serde_json::from_slice(&document).map_err(|e| e.to_string())?;
    let ty = match &value {
        Value::String(_) => Type::String,
        Value::Number(_) => Type::Double,
        Value::Bool(_) => Type::Boolean,
        Value::Null => Type::String,
        Value::Array(_) | Value::Object(_) => return Ok(verdict),
    };
    let typed = contract([number, ("document".to_owned(), ty, true)]);
    let found = read(folder.path(), "case", &typed, &options)?;
    let mut writer = arrow::json::WriterBuilder::new()
        .with_explicit_nulls(true)
        .build::<_, arrow::json::writer::LineDelimited>(Vec::new());
    found.rows.iter().try_for_each(|rows| writer.write(rows)).map_err(|e| e.to_string())?;
    let shown: Value = serde_json::from_slice(&writer.into_inner()).unwrap_or_default();
    let same = match (value.as_f64(), shown["document"].as_f64()) {
        (Some(wanted), Some(found)) => wanted == found,
        _ => value == shown["document"],
    };
    Ok(if same { verdict } else { Verdict::Failed(format!("another value: {}", found.summary())) })
}
