//! Everything that a user can see of what a project came to, in a form that two projects can be compared by.

use super::{Check, Failure, Site, kept};
use crate::tables;
use serde_json::{Map, Value, json};

/// Runs that got no id from the scenario have one by chance.
fn known(run: &Value) -> Value {
    match run.as_str() {
        Some(id) if id.starts_with("run-") => run.clone(),
        _ => Value::Null,
    }
}

/// The outcome: sinks, dead letters, ledgers, datasets.
///
/// # Errors
/// Something cannot be read.
pub fn outcome(site: &Site) -> Result<Value, Failure> {
    let (ledgers, ends) = ledgers(site)?;
    Ok(json!({
        "sinks": sinks(site)?,
        "dead": letters(site)?,
        "ledgers": ledgers,
        "ends": ends,
        "datasets": datasets(site)?,
    }))
}

/// What lies in `out`: a folder is a table of files, a file is a database.
fn sinks(site: &Site) -> Result<Value, Failure> {
    let failed = |text| Failure::new(Check::Sinks, text);
    let mut found = Map::new();
    for entry in std::fs::read_dir(site.root().join("out")).into_iter().flatten() {
        let entry = entry.map_err(Failure::machine("list the targets"))?;
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if path.is_dir() {
            found.insert(name, json!(tables::folder(&path).map_err(failed)?));
        } else if name.ends_with(".sqlite") || name.ends_with(".db") {
            found.insert(name, json!(tables::sqlite(&path).map_err(failed)?));
        }
    }
    // A target to which nothing was ever shown may be there or not.
    found.retain(|_, rows| rows.as_array().is_none_or(|rows| !rows.is_empty()));
    Ok(Value::Object(found))
}

fn letters(site: &Site) -> Result<Value, Failure> {
    // Where there are none, there is nothing to be shown.
    let listed = site.json(&["dlq", "ls"])?;
    let none = listed.as_array().is_some_and(Vec::is_empty);
    let mut letters = if none { listed } else { site.json(&["dlq", "show"])? };
    let list = letters.as_array_mut().ok_or_else(|| Failure::other("`dlq show` prints no list"))?;
    for letter in list.iter_mut() {
        letter["run"] = known(&letter["run"]);
        // A recovery has other epochs, at other times.
        for key in ["epoch", "rejected_micros"] {
            letter[key] = Value::Null;
        }
        // The id of a row that a target refused counts epochs, and a recovery has more of them.
        if letter["stage"] == letter["file"]
            && let Some((write, _, ordinal)) = parts(&letter["id"])
        {
            letter["id"] = json!(format!("{write}@…#{ordinal}"));
        }
    }
    list.sort_by_key(Value::to_string);
    Ok(letters)
}

/// `WRITE@EPOCH#ORDINAL`, in its parts.
fn parts(id: &Value) -> Option<(String, String, String)> {
    let (write, rest) = id.as_str()?.rsplit_once('@')?;
    let (epoch, ordinal) = rest.split_once('#')?;
    Some((write.to_owned(), epoch.to_owned(), ordinal.to_owned()))
}

/// The accounts of every run that came to something, and how those with an id ended.
fn ledgers(site: &Site) -> Result<(Value, Value), Failure> {
    let (mut ledgers, mut ends) = (Vec::new(), Vec::new());
    let runs = site.json(&["runs", "--limit", "1000"])?;
    for run in runs.as_array().into_iter().flatten() {
        let Some(id) = run["run"].as_str() else { continue };
        if !known(&run["run"]).is_null() {
            ends.push(json!([id, run["state"], run["error"]["code"]]));
        }
        let ledger = site.json(&["ledger", id])?;
        if ledger["balanced"] != json!(true) {
            return Err(Failure::new(Check::Ledger, ledger.to_string()));
        }
        let accounts = &ledger["ledger"];
        if accounts["reads"] != json!({}) || accounts["writes"] != json!({}) {
            ledgers.push(json!({"run": known(&run["run"]), "shown": ledger["shown"], "ledger": accounts}));
        }
    }
    ledgers.sort_by_key(Value::to_string);
    ends.sort_by_key(Value::to_string);
    Ok((json!(ledgers), json!(ends)))
}

/// Every dataset with its contract, count, hash sum, and its rows as far as it lies in published files.
fn datasets(site: &Site) -> Result<Value, Failure> {
    let mut found = Vec::new();
    for (_, manifest) in kept::manifests(site)? {
        for dataset in manifest["datasets"].as_array().into_iter().flatten() {
            // A start that is no continuation and found nothing new seals nothing under a new name.
            if known(&manifest["run"]).is_null() && dataset["rows"] == json!(0) {
                continue;
            }
            let mut rows = Vec::new();
            for segment in dataset["segments"].as_array().into_iter().flatten() {
                match kept::target(site, segment) {
                    Some(Some(path)) => {
                        rows.extend(tables::file(&path).map_err(|e| Failure::new(Check::Datasets, e))?);
                    }
                    Some(None) => rows.push(format!("{} rows are gone", segment["rows"])),
                    None => rows.push(format!("{} rows in a table", segment["rows"])),
                }
            }
            rows.sort();
            let mut dataset = dataset.clone();
            dataset["segments"] = json!(rows);
            if known(&manifest["run"]).is_null() {
                dataset["name"] = Value::Null;
            }
            found.push(dataset);
        }
    }
    found.sort_by_key(Value::to_string);
    // A start that found nothing new seals what stands: the same once more.
    found.dedup();
    Ok(json!(found))
}

/// Where two outcomes differ first.
///
/// # Errors
/// They differ.
pub fn compare(expected: &Value, found: &Value) -> Result<(), Failure> {
    let parts = [
        ("sinks", Check::Sinks),
        ("dead", Check::DeadLetters),
        ("ledgers", Check::Totals),
        ("ends", Check::Recovery),
        ("datasets", Check::Datasets),
    ];
    for (part, check) in parts {
        if expected[part] != found[part] {
            return Err(Failure::new(check, difference(part, &expected[part], &found[part])));
        }
    }
    Ok(())
}

/// The first place where two values differ, and what stands there.
fn difference(at: &str, expected: &Value, found: &Value) -> String {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            let mut pairs = a.iter().zip(b.values()).filter(|((_, a), b)| a != b);
            pairs.next().map_or(String::new(), |((key, a), b)| difference(&format!("{at}.{key}"), a, b))
        }
        (Value::Array(a), Value::Array(b)) => {
            let only = |a: &[Value], b: &[Value]| -> String {
                let mut rest = b.to_vec();
                let mut only = Vec::new();
                for value in a {
                    match rest.iter().position(|other| other == value) {
                        Some(same) => drop(rest.swap_remove(same)),
                        None => only.push(value.to_string()),
                    }
                }
                format!("{} such as {}", only.len(), only.first().map_or("", String::as_str))
            };
            format!(
                "{at}: {} expected, {} found\nonly expected: {}\nonly found: {}",
                a.len(),
                b.len(),
                only(a, b),
                only(b, a)
            )
        }
        _ => format!("{at}\nexpected: {expected}\nfound: {found}"),
    }
}
