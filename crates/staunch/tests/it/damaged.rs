//! Damaged archives and files: cut off, with a byte changed, with something behind them. A typed error with the file and the
//! next step, and nothing of the file is shown.

use crate::project::Project;
use crate::rules::small;
use crate::tables;
use serde_json::json;
use std::io::Write;
use std::process::{Command, Stdio};

const HEADER: &str = "id,kind,size\n";

/// Rows that do not compress well, so that an archive has a middle.
fn rows(from: u64, count: u64) -> String {
    let mut state = from + 1;
    let row = |id| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{id},{state:x},{}\n", 2 + (state >> 40))
    };
    (from..from + count).map(row).collect()
}

/// The members one behind the other, as each tool writes them.
fn archives(members: &[&str]) -> Vec<(&'static str, Vec<u8>)> {
    let tools = [("a.csv.gz", "gzip", ["-c"].as_slice()), ("a.csv.zst", "zstd", &["-qc", "--check"])];
    let mut archives = Vec::new();
    for (name, tool, args) in tools {
        if Command::new(tool).arg("--version").stdout(Stdio::null()).status().is_err() {
            eprintln!("SKIPPED: there is no `{tool}` here, so {name} is not tested");
            continue;
        }
        let made = members.iter().map(|text| through(Command::new(tool).args(args), text));
        archives.push((name, made.collect::<Vec<_>>().concat()));
    }
    archives
}

/// What a tool makes of a text: archives are not made by the libraries that read them.
fn through(command: &mut Command, text: &str) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let text = text.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()).unwrap());
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(out.status.success());
    out.stdout
}

/// One file of these bytes, in small chunks and epochs.
fn project(name: &str, bytes: &[u8]) -> Project {
    let project = small();
    std::fs::remove_file(project.root.join("data/items/1.csv")).unwrap();
    project.write(&format!("data/items/{name}"), bytes);
    project.edit("staunch.yaml", "items/*.csv", "items/*");
    project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 64 KiB}");
    project
}

fn shown(project: &Project) -> (usize, usize) {
    let database = tables::sqlite(&project.root.join("out/db.sqlite")).remove("items").unwrap_or_default();
    (tables::parquet(&project.root.join("out/items")).len(), database.len())
}

/// Reads the file, and checks the error and that no row of it is anywhere.
fn refused(name: &str, bytes: &[u8], code: &str, cause: &str) {
    let project = project(name, bytes);
    let failed = project.staunch(&["run", "log", "--output", "json"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    let told: serde_json::Value = serde_json::from_str(failed.stderr.lines().last().unwrap()).unwrap();
    let error = &told["errors"][0];
    assert_eq!((&error["code"], &error["cause"]), (&json!(code), &json!(cause)), "{name}: {error}");
    assert!(error["file"].as_str().unwrap().ends_with(name), "{error}");
    assert_eq!(error["stage"], json!("items"), "{error}");
    assert!(!error["hint"].as_str().unwrap().is_empty(), "{error}");
    assert_eq!(shown(&project), (0, 0), "{name}: nothing of a damaged file is shown");
    let runs = project.staunch(&["runs", "--output", "json"]).ok().json();
    assert_eq!(runs[0]["state"], json!("failed"), "{name}");

    // The way out that the message names: with the whole file in its place, the next start reads it.
    std::fs::remove_file(project.root.join("data/items").join(name)).unwrap();
    project.write("data/items/whole.csv", format!("{HEADER}{}", rows(0, 1000)));
    project.staunch(&["run", "log"]).ok();
    assert_eq!(shown(&project).1, 1000, "{name}");
}

#[test]
fn an_archive_that_is_cut_off_is_an_error_wherever_it_was_cut() {
    let text = format!("{HEADER}{}", rows(0, 20_000));
    let ends = "the archive ends too early";
    for (name, bytes) in archives(&[&text]) {
        // In the header of the archive, before the first record, in the middle, and in the checksum at the end.
        for len in [3, 40, bytes.len() / 2, bytes.len() - 2] {
            refused(name, &bytes[..len], "Source.Corrupt", ends);
        }
    }
}

#[test]
fn an_archive_with_a_changed_byte_is_an_error() {
    let text = format!("{HEADER}{}", rows(0, 20_000));
    for (name, bytes) in archives(&[&text]) {
        for at in [0, bytes.len() / 2, bytes.len() - if name.ends_with("gz") { 6 } else { 2 }] {
            let mut bytes = bytes.clone();
            bytes[at] ^= 0x55;
            refused(name, &bytes, "Source.Corrupt", "the archive is damaged");
        }
    }
}

#[test]
fn something_behind_an_archive_is_an_error_and_not_passed_over() {
    let text = format!("{HEADER}{}", rows(0, 2000));
    for (name, bytes) in archives(&[&text]) {
        refused(
            name,
            &[&bytes, b"garbage behind it".as_slice()].concat(),
            "Source.Corrupt",
            "the archive is damaged",
        );
    }
}

#[test]
fn all_members_of_an_archive_are_read() {
    let (first, second) = (format!("{HEADER}{}", rows(0, 500)), rows(500, 500));
    for (name, bytes) in archives(&[&first, "", &second]) {
        let project = project(name, &bytes);
        let report = project.staunch(&["run", "log", "--output", "json"]).ok().json();
        assert_eq!(report["ledger"]["reads"]["items"]["found"], json!(1000), "{name}");
        assert_eq!(shown(&project).1, 1000, "{name}");
    }
}

#[test]
fn an_empty_archive_is_an_empty_file_and_an_empty_file_is_no_archive() {
    for (name, bytes) in archives(&[""]) {
        let failed = project(name, &bytes).staunch(&["run", "log"]).fails(1, "Source.Schema");
        assert!(failed.stderr.contains("the file is empty"), "{name}: {}", failed.stderr);
        let project = project(name, &bytes);
        project.edit("staunch.yaml", "format: csv", "format: csv, header: false");
        let report = project.staunch(&["run", "log", "--output", "json"]).ok().json();
        assert_eq!(report["records"], json!(0), "{name}");
    }
    for name in ["a.csv.gz", "a.csv.zst"] {
        refused(name, b"", "Source.Corrupt", "the archive ends too early");
    }
}

#[test]
fn a_file_under_a_wrong_ending_is_an_error() {
    let text = format!("{HEADER}{}", rows(0, 100));
    for name in ["a.csv.gz", "a.csv.zst"] {
        refused(name, text.as_bytes(), "Source.Corrupt", "the archive is damaged");
    }
}

/// Epochs that were committed before the damage was met stay, whole: what is shown is what the ledger says. The mended file
/// is another file to whoever read half of the damaged one: it is read as a whole when asked.
#[test]
fn what_was_committed_before_the_damage_stays_and_the_rest_is_not_half_shown() {
    let text = format!("{HEADER}{}", rows(0, 20_000));
    for (name, bytes) in archives(&[&text]) {
        let project = project(name, &bytes[..bytes.len() - 1]);
        project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 128 KiB\n");
        project.staunch(&["run", "log", "--id", "half"]).fails(1, "Source.Corrupt");
        let ledger = project.staunch(&["ledger", "half", "--output", "json"]).ok().json();
        let found = ledger["ledger"]["reads"]["items"]["found"].as_u64().unwrap();
        assert!(found > 0 && found < 20_000, "{name}: {found} rows");
        assert_eq!(shown(&project).1 as u64, found, "{name}");
        assert_eq!(shown(&project).0 as u64, found, "{name}: every row has a size of 2 or more");
        project.write(&format!("data/items/{name}"), &bytes);
        project.staunch(&["run", "log"]).fails(1, "Source.Changed");
        assert_eq!(shown(&project).1 as u64, found, "{name}");
        project.staunch(&["run", "log", "--full-refresh"]).ok();
        assert_eq!(shown(&project), (20_000, 20_000), "{name}");
    }
}

#[test]
fn a_damaged_parquet_file_is_an_error() {
    let project = small();
    project.staunch(&["run", "log"]).ok();
    let written = project.root.join("out/items");
    let made = std::fs::read_dir(&written).unwrap().map(|e| e.unwrap().path());
    let made: Vec<_> = made.filter(|p| p.extension().is_some_and(|e| e == "parquet")).collect();
    let bytes = std::fs::read(&made[0]).unwrap();
    let len = bytes.len();
    let mut changed = bytes.clone();
    // The first page begins behind the magic number; its header is destroyed.
    changed[4..12].fill(0xFF);
    for (what, bytes) in [
        ("empty", &[] as &[u8]),
        ("cut off", &bytes[..len / 2]),
        ("without its end", &bytes[..len - 1]),
        ("a page destroyed", &changed),
    ] {
        damaged_parquet(what, bytes);
    }
}

fn damaged_parquet(what: &str, bytes: &[u8]) {
    let project = project("p.parquet", bytes);
    project.edit("staunch.yaml", "format: csv, ", "format: parquet, ");
    let failed = project.staunch(&["run", "log"]).fails(1, "Source.Corrupt");
    assert!(failed.stderr.contains("p.parquet"), "{what}: {}", failed.stderr);
    assert!(!failed.stderr.contains("panic"), "{what}: {}", failed.stderr);
    assert_eq!(shown(&project), (0, 0), "{what}");
}
