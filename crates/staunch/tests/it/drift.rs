//! Files that no longer look like their contract: every drift under every policy in every format, by the real binary, has the outcome that the
//! tables of `docs/drift.md` say. The tables are read out of that page: it cannot say anything else than what happens.

mod files;

use crate::project::Project;
use files::{Column, FORMATS, Table};
use serde_json::{Value, json};
use staunch_testkit::campaign::{self, Site};
use staunch_types::{Rng, SeededRng};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

const DOCS: &str = include_str!("../../../../docs/drift.md");

const CONTRACT: &str = "contract: event
version: 1
fields:
  id: long
  qty: int
  price: double
  kind: {type: enum, symbols: [view, buy]}
  note: string?
";

/// The policies, by the headings of their tables.
const POLICIES: [(&str, Option<&str>); 4] = [
    ("Without `on_drift`", None),
    ("`refuse`", Some("refuse")),
    ("`dead_letter`", Some("dead_letter")),
    ("`widen`", Some("widen")),
];

fn column(name: &'static str, ty: &'static str, nullable: bool) -> Column {
    Column { name, ty, nullable }
}

/// Four records that are what the contract says.
fn base() -> Table {
    let columns = vec![
        column("id", "long", false),
        column("qty", "int", false),
        column("price", "double", false),
        column("kind", "view buy", false),
        column("note", "string", true),
    ];
    let row = |id: i64, price: f64, kind: &str, note: Value| {
        vec![json!(id), json!(id * 10), json!(price), json!(kind), note]
    };
    let rows = vec![
        row(1, 1.5, "view", json!("a")),
        row(2, 2.5, "buy", Value::Null),
        row(3, 3.5, "view", json!("c")),
        row(4, 4.5, "buy", json!("d")),
    ];
    Table { columns, rows }
}

impl Table {
    fn at(&self, name: &str) -> usize {
        self.columns.iter().position(|c| c.name == name).unwrap()
    }

    fn with(mut self, new: Column, value: &Value) -> Self {
        self.columns.push(new);
        self.rows.iter_mut().for_each(|row| row.push(value.clone()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        let at = self.at(name);
        self.columns.remove(at);
        self.rows.iter_mut().for_each(|row| drop(row.remove(at)));
        self
    }

    fn of(mut self, name: &str, new: Column) -> Self {
        let at = self.at(name);
        self.columns[at] = new;
        self
    }

    fn set(mut self, row: usize, name: &str, value: Value) -> Self {
        let at = self.at(name);
        self.rows[row][at] = value;
        self
    }
}

/// Every drift, by the words of the tables.
fn drifts() -> Vec<(&'static str, Table)> {
    let mut reordered = base();
    reordered.columns.reverse();
    reordered.rows.iter_mut().for_each(|row| row.reverse());
    let mut texts = base().of("qty", column("qty", "string", false));
    for row in 0..4 {
        texts = texts.set(row, "qty", json!(format!("{}", (row + 1) * 10)));
    }
    let mut views = base().of("kind", column("kind", "view", false));
    for row in 0..4 {
        views = views.set(row, "kind", json!("view"));
    }
    let longer = base().of("qty", column("qty", "long", false)).set(2, "qty", json!(3_000_000_000_i64));
    vec![
        ("a field is added", base().with(column("source", "string", false), &json!("web"))),
        ("a field is dropped", base().without("qty")),
        ("a field that may be null is dropped", base().without("note")),
        ("a field is renamed", base().of("qty", column("amount", "int", false))),
        ("a field that may be null is renamed", base().of("note", column("remark", "string", true))),
        ("a type is wider", longer),
        ("a type is narrower", base().of("id", column("id", "int", false))),
        ("a type is another", texts),
        ("a field has nulls", base().of("qty", column("qty", "int", true)).set(1, "qty", Value::Null)),
        (
            "a field has no nulls any more",
            base().of("note", column("note", "string", false)).set(1, "note", json!("b")),
        ),
        (
            "an enum has a symbol more",
            base().of("kind", column("kind", "view buy gift", false)).set(2, "kind", json!("gift")),
        ),
        ("an enum has a symbol less", views),
        ("the order is another", reordered),
        ("two names differ in case alone", base().with(column("NOTE", "string", false), &json!("x"))),
        ("a name stands twice", base().with(column("note", "string", true), &json!("y"))),
    ]
}

/// A project with one read of files of one format.
fn project(format: &str, policy: Option<&str>) -> Project {
    let ending = FORMATS.iter().find(|(word, _)| *word == format).unwrap().1;
    let project = Project::empty();
    let yaml = format!(
        "project: drift
profiles:
  dev:
    in: {{type: files, root: data, objects: {{events: {{path: \"*.{ending}\", format: {format}}}}}}}
    out: {{type: files, root: out, objects: {{events: {{path: events, format: json}}}}}}
"
    );
    let policy = policy.map_or_else(String::new, |policy| format!(", on_drift: {policy}"));
    let pipeline = format!(
        "pipeline: p
read:
  events: {{from: in/events, contract: event@1{policy}}}
write:
  - {{from: events, to: out/events}}
"
    );
    project
        .write("staunch.yaml", yaml)
        .write("pipelines/p.yaml", pipeline)
        .write("contracts/event.yaml", CONTRACT);
    project
}

/// The rows that a project has written.
fn written(project: &Project) -> Vec<Value> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(project.root.join("out/events")).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "ndjson") {
            let text = std::fs::read_to_string(path).unwrap();
            rows.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
        }
    }
    rows
}

/// The errors of a command that failed.
fn errors(stderr: &str) -> Vec<Value> {
    let json: Value = serde_json::from_str(stderr.get(stderr.find('{').unwrap()..).unwrap()).unwrap();
    json["errors"].as_array().unwrap().clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Runs one case; gives what its cell should say. What was written and kept is looked at on the way.
fn outcome(drift: &Table, format: &str, policy: Option<&str>) -> String {
    let project = project(format, policy);
    drift.write(&project, format, "a", 100);
    let done = project.staunch(&["run", "p", "--output", "json"]);
    if done.code != Some(0) {
        assert_eq!(done.code, Some(1), "{}", done.stderr);
        assert!(written(&project).is_empty(), "something was written");
        let found = errors(&done.stderr);
        let codes: BTreeSet<&str> = found.iter().map(|e| text(&e["code"])).collect();
        assert!(found.iter().all(|e| e["file"].is_string() && e["hint"].is_string()), "{found:?}");
        let fields: BTreeSet<&str> = found.iter().filter_map(|e| e["field"].as_str()).collect();
        let codes: Vec<String> = codes.iter().map(|code| format!("`{code}`")).collect();
        return match fields.is_empty() {
            true => format!("refused: {}", codes.join(", ")),
            false => format!(
                "refused: {}, {}",
                codes.join(", "),
                fields.into_iter().collect::<Vec<_>>().join(", ")
            ),
        };
    }
    let report = done.json();
    let account = &report["ledger"]["reads"]["events"];
    let count = |key: &str| account[key].as_u64().unwrap();
    assert_eq!((count("found"), count("accepted") + count("dead")), (4, 4));
    let mut cell = format!("{} rows", count("accepted"));
    let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    let mut dead: BTreeMap<(String, String), u64> = BTreeMap::new();
    for letter in letters.as_array().unwrap() {
        let field = letter["field"].as_str().unwrap_or_default().to_owned();
        *dead.entry((text(&letter["code"]).to_owned(), field)).or_default() += 1;
    }
    assert_eq!(dead.values().sum::<u64>(), count("dead"));
    for ((code, field), letters) in dead {
        let field = if field.is_empty() { field } else { format!(" {field}") };
        let _ = write!(cell, "; {letters} dead, `{code}`{field}");
    }
    let told = &account["drift"];
    let entries = |key: &str| told[key].as_object().cloned().unwrap_or_default();
    for (name, unknown) in entries("unknown") {
        let kept = report["ledger"]["edges"]["events → kept fields"]["far"]["rows"].as_u64().unwrap_or(0);
        assert_eq!(kept > 0, policy == Some("widen"));
        let what = if kept > 0 { "kept" } else { "passed over" };
        let _ = write!(cell, "; {name} of {} {what}", unknown["records"]);
    }
    for (name, records) in entries("missing") {
        let _ = write!(cell, "; {name} not there in {records}");
    }
    for (name, records) in entries("absent") {
        assert_eq!(records, json!(4));
        let _ = write!(cell, "; {name} not there in {records}");
    }
    for (name, cast) in entries("cast") {
        let from: Vec<&str> = cast["from"].as_array().unwrap().iter().map(text).collect();
        let _ = write!(cell, "; {name} cast from {}", from.join(", "));
    }
    values_are_those_of_the_file(&project, drift, count("accepted"));
    if policy == Some("widen") && told["unknown"].is_object() {
        kept_values_are_those_of_the_file(&project, drift, format);
    }
    cell
}

/// Nothing was changed on the way: each row that was written has the values of its record, and null where there is none.
fn values_are_those_of_the_file(project: &Project, drift: &Table, accepted: u64) {
    let rows = written(project);
    assert_eq!(rows.len() as u64, accepted);
    let mut seen = BTreeSet::new();
    for row in rows {
        let id = row["id"].as_u64().unwrap();
        assert!(seen.insert(id), "record {id} was written twice");
        let at = usize::try_from(id).unwrap() - 1;
        for name in ["qty", "price", "kind", "note"] {
            let expected = match drift.value(at, name) {
                Some(Value::String(text)) if name == "qty" => json!(text.parse::<i64>().unwrap()),
                Some(value) => value.clone(),
                None => Value::Null,
            };
            assert_eq!(row[name], expected, "{name} of record {id}");
        }
    }
}

fn kept_values_are_those_of_the_file(project: &Project, drift: &Table, format: &str) {
    let kept = project.staunch(&["contract", "drift", "--values", "--output", "json"]).ok().json();
    let kept = kept.as_array().unwrap();
    assert_eq!(kept.len(), drift.rows.len());
    for (at, record) in kept.iter().enumerate() {
        assert!(text(&record["id"]).starts_with("in/events/a."), "{record}");
        let fields = record["fields"].as_object().unwrap();
        assert!(!fields.is_empty());
        for (name, value) in fields {
            let expected = drift.value(at, name).unwrap();
            // A column of CSV has no type: what is kept is its text.
            let expected = match (format, expected) {
                ("csv", Value::Number(n)) => json!(n.to_string()),
                _ => expected.clone(),
            };
            assert_eq!(*value, expected, "{name} of record {at}");
        }
    }
}

/// The tables of the page: cell by policy, drift and format.
fn tables() -> BTreeMap<(String, String, String), String> {
    let mut cells = BTreeMap::new();
    for (heading, _) in POLICIES {
        let section =
            DOCS.split(&format!("\n### {heading}\n")).nth(1).unwrap_or_else(|| panic!("no {heading}"));
        let rows = section.lines().skip_while(|line| !line.starts_with("|---")).skip(1);
        for row in rows.take_while(|line| line.starts_with('|')) {
            let row: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            for (at, (format, _)) in FORMATS.iter().enumerate() {
                let key = (heading.to_owned(), row[0].to_owned(), (*format).to_owned());
                assert!(cells.insert(key, row[at + 1].to_owned()).is_none(), "{row:?} stands twice");
            }
        }
    }
    cells
}

#[test]
fn every_drift_comes_to_what_the_page_says() {
    let (cells, drifts) = (tables(), drifts());
    let mut cases = Vec::new();
    for (heading, policy) in POLICIES {
        for (name, table) in &drifts {
            FORMATS.iter().for_each(|(format, _)| cases.push((heading, policy, *name, table, *format)));
        }
    }
    let (next, found) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((heading, policy, name, table, format)) =
                    cases.get(next.fetch_add(1, Ordering::SeqCst))
                {
                    let cell = outcome(table, format, *policy);
                    let key = ((*heading).to_owned(), (*name).to_owned(), (*format).to_owned());
                    found.lock().unwrap().insert(key, cell);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert_eq!(found.len(), 15 * POLICIES.len() * FORMATS.len());
    if found == cells {
        return;
    }
    // What the page should say.
    let mut text = String::new();
    for (heading, _) in POLICIES {
        let _ = writeln!(
            text,
            "\n### {heading}\n\n| drift | CSV | NDJSON | Parquet | Avro |\n|---|---|---|---|---|"
        );
        for (name, _) in &drifts {
            let cell = |format: &str| &found[&(heading.to_owned(), (*name).to_owned(), format.to_owned())];
            let row: Vec<&str> = FORMATS.iter().map(|(format, _)| cell(format).as_str()).collect();
            let _ = writeln!(text, "| {name} | {} |", row.join(" | "));
        }
    }
    let other = found
        .iter()
        .filter(|(key, cell)| cells.get(*key) != Some(cell))
        .map(|(key, cell)| format!("{key:?}: {cell}"));
    panic!("{}\n{text}", other.collect::<Vec<_>>().join("\n"));
}

/// A project with a widening read of every format, over files of many chunks and epochs.
fn large(chunk: &str) -> Project {
    let project = Project::empty();
    let mut objects = String::new();
    let (mut reads, mut writes, mut out) = (String::new(), String::new(), String::new());
    for (format, ending) in FORMATS {
        let chunk = if format == "parquet" { String::new() } else { format!(", chunk_bytes: {chunk}") };
        let _ = writeln!(objects, "        {format}: {{path: \"*.{ending}\", format: {format}{chunk}}}");
        let _ = writeln!(out, "        {format}: {{path: {format}, format: json}}");
        let _ = writeln!(reads, "  {format}: {{from: in/{format}, contract: event@1, on_drift: widen}}");
        let _ = writeln!(writes, "  - {{from: {format}, to: out/{format}}}");
    }
    let mut table = base()
        .of("qty", column("qty", "long", false))
        .with(column("source", "string", true), &Value::Null)
        .with(column("level", "long", false), &json!(0));
    let four = table.rows.clone();
    table.rows = (0..400_i64)
        .map(|n| {
            let mut row = four[usize::try_from(n % 4).unwrap()].clone();
            row[0] = json!(n);
            // Some do not fit.
            row[1] = json!(if n % 50 == 7 { 3_000_000_000 + n } else { n });
            row[5] = if n % 3 == 0 { Value::Null } else { json!(format!("s{n}")) };
            row[6] = json!(n * n);
            row
        })
        .collect();
    for (format, _) in FORMATS {
        table.write(&project, format, "a", 40);
        table.write(&project, format, "b", 40);
    }
    let yaml = format!(
        "project: drift\nprofiles:\n  dev:\n    verify: full\n    in:\n      type: files\n      root: data\n      objects:\n{objects}    out:\n      type: files\n      root: out\n      objects:\n{out}"
    );
    let pipeline = format!(
        "pipeline: p\nepoch_bytes: 4 KiB\nread:\n{reads}write:\n{writes}dead_letters: {{at_most: 50 %, from_row: 1}}\n"
    );
    project
        .write("staunch.yaml", yaml)
        .write("pipelines/p.yaml", pipeline)
        .write("contracts/event.yaml", CONTRACT);
    project
}

/// What a person can see of what it came to.
fn seen(project: &Project) -> Value {
    let site = Site::at(Path::new(env!("CARGO_BIN_EXE_staunch")), project.root.parent().unwrap()).unwrap();
    let mut outcome = campaign::outcome(&site).unwrap();
    // One that is killed behind its end has ended: the next start is a run of its own, with nothing to read.
    let mut kept = Vec::new();
    for run in project.staunch(&["runs", "--output", "json"]).ok().json().as_array().unwrap() {
        let of = ["contract", "drift", text(&run["run"]), "--values", "--output", "json"];
        kept.extend(project.staunch(&of).ok().json().as_array().unwrap().iter().cloned());
    }
    kept.sort_by_key(|k| format!("{} {}", k["read"], k["id"]));
    outcome["kept"] = kept.into();
    outcome
}

#[test]
fn killed_on_the_way_a_widening_read_counts_and_keeps_everything_once() {
    const SEED: u64 = 12;
    let run = ["run", "p", "--output", "json"];
    let passages = |project: &Project, plan: &str| {
        let report = project.root.parent().unwrap().join("passages");
        let report_text = report.to_string_lossy().into_owned();
        let env = [("STAUNCH_FAILPOINTS", plan), ("STAUNCH_FAILPOINTS_REPORT", report_text.as_str())];
        let done = project.staunch_with(&run, &env);
        let text = std::fs::read_to_string(&report).unwrap_or_default();
        let total = text.lines().next().and_then(|l| l.strip_prefix("total ")?.parse::<u64>().ok());
        (done, total)
    };
    let undisturbed = large("1 KiB");
    let (done, total) = passages(&undisturbed, "count");
    let report = done.ok().json();
    assert!(report["last_epoch"].as_u64().unwrap() >= 20, "only {} epochs", report["last_epoch"]);
    for read in report["drift"].as_array().unwrap() {
        assert_eq!(read["kept"], json!(800), "{read}");
        assert_eq!(read["drift"]["unknown"]["level"]["records"], json!(800), "{read}");
    }
    let expected = seen(&undisturbed);
    assert_eq!(expected["kept"].as_array().unwrap().len(), 3200);
    let (total, rng) = (total.unwrap(), SeededRng::new(SEED));
    let moments: Vec<u64> = (0..8).map(|_| 1 + rng.next() % total).chain([total - 1]).collect();
    for k in moments {
        let project = large("1 KiB");
        let (killed, _) = passages(&project, &format!("kill={k}"));
        assert_eq!(
            killed.code, None,
            "not killed at passage {k} of {total} (seed {SEED}): {}",
            killed.stderr
        );
        project.staunch(&run).ok();
        let found = seen(&project);
        if let Err(difference) = campaign::compare(&expected, &found) {
            panic!("killed at passage {k} of {total} (seed {SEED}): {difference}");
        }
        assert_eq!(expected["kept"], found["kept"], "killed at passage {k} of {total} (seed {SEED})");
    }
}

#[test]
fn the_outcome_does_not_depend_on_how_files_are_cut() {
    let account = |project: &Project| {
        let report = project.staunch(&["run", "p", "--output", "json"]).ok().json();
        let mut reads = report["ledger"]["reads"].clone();
        // An Avro file is cut at its blocks, others nearly anywhere: the bytes are the same.
        reads
            .as_object_mut()
            .unwrap()
            .values_mut()
            .for_each(|r| drop(r.as_object_mut().unwrap().remove("bytes")));
        (
            reads,
            report["drift"].clone(),
            seen(project)["kept"].clone(),
            seen(project)["dead"].clone(),
            seen(project)["sinks"].clone(),
        )
    };
    let expected = account(&large("64 MiB"));
    for chunk in ["1", "300", "5 KiB"] {
        assert_eq!(account(&large(chunk)), expected, "chunks of {chunk}");
    }
}

/// What cannot be read is a value: a null is one of every type that may be null.
#[test]
fn a_null_is_read_whatever_the_type_of_its_column_is() {
    let mut drift = base().of("note", column("note", "int", true));
    for row in [0, 2, 3] {
        drift = drift.set(row, "note", json!(7));
    }
    for policy in ["dead_letter", "widen"] {
        for (format, _) in FORMATS.into_iter().filter(|(format, _)| *format != "csv") {
            let project = project(format, Some(policy));
            drift.write(&project, format, "a", 100);
            let report = project.staunch(&["run", "p", "--output", "json"]).ok().json();
            let account = &report["ledger"]["reads"]["events"];
            assert_eq!(
                (&account["accepted"], &account["dead"]),
                (&json!(1), &json!(3)),
                "{format}: {report:#}"
            );
            let rows = written(&project);
            assert_eq!((&rows[0]["id"], &rows[0]["note"]), (&json!(2), &Value::Null), "{format}");
            let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
            for letter in letters.as_array().unwrap() {
                assert_eq!(
                    (text(&letter["code"]), text(&letter["field"])),
                    ("Decode.Type", "note"),
                    "{format}"
                );
            }
            // Nothing has changed: it is dead again.
            let again =
                project.staunch(&["dlq", "replay", "--code", "Decode.Type", "--output", "json"]).ok().json();
            assert_eq!(
                again["runs"][0]["ledger"]["reads"]["events"]["dead"],
                json!(3),
                "{format}: {again:#}"
            );
        }
    }
}

/// The ledger sees what is lost: a row that was found and not kept.
#[test]
fn fields_that_get_lost_are_an_imbalance() {
    let project = project("json", Some("widen"));
    drifts()[0].1.write(&project, "json", "a", 100);
    let lost = project.staunch_with(&["run", "p"], &[("STAUNCH_PLANT", "lose_unknown")]);
    let lost = lost.fails(1, "Ledger.Imbalance");
    assert!(lost.stderr.contains("events → kept fields: 4 rows left, 3 arrived"), "{}", lost.stderr);
}

/// A refused file is told with what there is to do; what was committed before stays, and nothing of the file is shown.
#[test]
fn a_refusal_names_file_field_change_and_way_out() {
    let project = project("json", Some("refuse"));
    base().write(&project, "json", "a", 100);
    project.staunch(&["run", "p"]).ok();
    // The last of many records has one key more.
    let mut table = base();
    table.rows = (0..5000).map(|n| table.rows[n % 4].clone()).collect();
    table.write(&project, "json", "b", 100);
    let path = project.root.join("data/b.ndjson");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, format!("{text}{{\"id\":9,\"qty\":1,\"price\":1,\"kind\":\"buy\",\"Note\":1}}\n"))
        .unwrap();
    let refused = project.staunch(&["run", "p"]).fails(1, "Source.Drift");
    for word in ["b.ndjson", "`Note`", "event@1", "differs from `note` by the case", "rename: {Note: note}"] {
        assert!(refused.stderr.contains(word), "no {word} in {}", refused.stderr);
    }
    assert_eq!(written(&project).len(), 4);
    project.edit(
        "staunch.yaml",
        "*.ndjson\", format: json}",
        "*.ndjson\", format: json, rename: {Note: note}}",
    );
    project.staunch(&["run", "p", "--accept-change"]).fails(1, "Source.Drift");
}

/// What is proposed is a contract that reads the files: kept and named, the drift is gone.
#[test]
fn the_proposal_can_be_pasted_and_takes_what_was_met() {
    for (format, _) in FORMATS {
        let project = project(format, Some("widen"));
        let drift = base()
            .of("qty", column("qty", "long", false))
            .set(2, "qty", json!(3_000_000_000_i64))
            .with(column("level", "double", false), &json!(2.5))
            .with(column("NOTE", "string", false), &json!("x"));
        drift.write(&project, format, "a", 100);
        let report = project.staunch(&["run", "p", "--output", "json"]).ok().json();
        let proposal = &report["drift"][0]["proposal"];
        assert_eq!((text(&proposal["pinned"]), text(&proposal["contract"])), ("event@1", "event@2"));
        assert_eq!(proposal["rename"], json!({"NOTE": "NOTE_2"}), "{proposal}");
        let shown = project.staunch(&["contract", "drift"]).ok().stdout;
        assert!(shown.contains(text(&proposal["yaml"])), "{shown}");
        project.write("contracts/event2.yaml", text(&proposal["yaml"]));
        project.edit(
            "pipelines/p.yaml",
            "contract: event@1, on_drift: widen",
            "contract: event@2, on_drift: refuse",
        );
        project.edit(
            "staunch.yaml",
            &format!("\", format: {format}}}"),
            &format!("\", format: {format}, rename: {{NOTE: NOTE_2}}}}"),
        );
        let report = project.staunch(&["run", "p", "--full-refresh", "--output", "json"]);
        // A text cannot say that it is a long: in CSV and JSON the value that was too large was a dead letter.
        if matches!(format, "csv" | "json") {
            let report = report.ok().json();
            assert_eq!(report["ledger"]["reads"]["events"]["dead"], json!(1));
            continue;
        }
        let account = report.ok().json()["ledger"]["reads"]["events"].clone();
        assert_eq!((&account["accepted"], &account["dead"]), (&json!(4), &json!(0)));
        assert!(account["drift"].is_null(), "{account}");
        let row = written(&project).into_iter().find(|row| row["id"] == json!(3)).unwrap();
        assert_eq!(
            (&row["qty"], &row["level"], &row["NOTE_2"]),
            (&json!(3_000_000_000_i64), &json!(2.5), &json!("x"))
        );
    }
}

/// A read below which lies a whole-input stage, and one that is looked up, count and keep the same.
#[test]
fn whole_reads_and_reference_data_count_and_keep_too() {
    let project = project("csv", Some("widen"));
    drifts()[0].1.write(&project, "csv", "a", 100);
    project.write(
        "pipelines/p.yaml",
        "pipeline: p
read:
  events: {from: in/events, contract: event@1, on_drift: widen}
  again: {from: in/events, contract: event@1, on_drift: widen}
  known: {from: in/events, contract: event@1, on_drift: widen, reference: true}
process:
  sums: SELECT e.kind, count(*) AS n FROM events e JOIN again a ON e.id = a.id GROUP BY e.kind
  joined: SELECT e.id, k.note FROM events e JOIN known k ON e.id = k.id
write:
  - {from: sums, to: out/sums, mode: replace}
  - {from: joined, to: out/joined, mode: replace}
",
    );
    project.edit(
        "staunch.yaml",
        "objects: {events: {path: events, format: json}}",
        "objects: {sums: {path: sums, format: json}, joined: {path: joined, format: json}}",
    );
    let report = project.staunch(&["run", "p", "--output", "json"]).ok().json();
    for read in ["events", "again", "known"] {
        let account = &report["ledger"]["reads"][read];
        assert_eq!(account["drift"]["unknown"]["source"]["records"], json!(4), "{read}: {report:#}");
        let edge = &report["ledger"]["edges"][format!("{read} → kept fields")];
        assert_eq!((&edge["near"]["rows"], &edge["far"]["rows"]), (&json!(4), &json!(4)), "{read}");
    }
    let kept = project.staunch(&["contract", "drift", "--values", "--output", "json"]).ok().json();
    assert_eq!(kept.as_array().unwrap().len(), 12);
    project.staunch(&["doctor"]).ok();
}

/// A dead letter that is replayed was counted and kept when it was read first.
#[test]
fn a_replay_counts_and_keeps_nothing_again() {
    for (format, _) in FORMATS {
        let project = project(format, Some("widen"));
        let drift = base().with(column("source", "string", false), &json!("web"));
        let drift = drift.of("qty", column("qty", "int", true)).set(1, "qty", Value::Null);
        drift.write(&project, format, "a", 100);
        project.staunch(&["run", "p"]).ok();
        project.edit("contracts/event.yaml", "qty: int", "qty: int?");
        project.staunch(&["run", "p", "--accept-change"]).ok();
        let done = project
            .staunch(&["dlq", "replay", "--code", "Contract.Violation", "--output", "json"])
            .ok()
            .json();
        let account = &done["runs"][0]["ledger"]["reads"]["events"];
        assert_eq!(
            (&account["accepted"], &account["drift"]),
            (&json!(1), &Value::Null),
            "{format}: {done:#}"
        );
        assert_eq!(written(&project).len(), 4, "{format}");
    }
}

/// Nobody has said whether an unknown field is personal: what is kept of it is sealed.
#[test]
fn no_value_of_an_unknown_field_is_in_the_log() {
    for (format, _) in FORMATS {
        let project = project(format, Some("widen"));
        base()
            .with(column("source", "string", false), &json!("canary-7f3a"))
            .write(&project, format, "a", 100);
        let done = project.staunch(&["run", "p"]).ok();
        assert!(!done.stdout.contains("canary") && !done.stderr.contains("canary"));
        let mut folders = vec![project.root.join(".staunch")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let bytes = std::fs::read(&path).unwrap();
                    assert!(!bytes.windows(6).any(|w| w == b"canary"), "{format}: {}", path.display());
                }
            }
        }
    }
}
