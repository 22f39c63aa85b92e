//! The example that the README runs.

use crate::project::Project;
use crate::search::{Found, Needle};
use crate::tables;
use serde_json::json;

#[test]
fn the_example_runs_and_every_row_is_accounted_for() {
    let project = Project::example("flights");
    let report = project.staunch(&["run", "flights", "--output", "json"]).ok().json();
    assert_eq!(report["end"], json!("succeeded"));
    let flights = &report["ledger"]["reads"]["flights"];
    let planted = std::fs::read(project.root.join("data/flights/planted.csv")).unwrap();
    let planted_lines = String::from_utf8_lossy(&planted).lines().count() as u64 - 1;
    assert_eq!(flights["accepted"], json!(27_004));
    let dead = flights["dead"].as_u64().unwrap();
    assert!(dead > 10 && dead <= planted_lines, "{dead} of {planted_lines} planted lines are dead");
    assert_eq!(flights["found"].as_u64().unwrap(), 27_004 + dead);
    let clean = tables::parquet(&project.root.join("out/lake/flights_clean"));
    assert_eq!(clean.len(), 27_004);

    // Dead letters name place and reason, and no value; the raw record opens with the key.
    let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    let letters = letters.as_array().unwrap();
    assert_eq!(letters.len() as u64, dead);
    for letter in letters {
        assert_eq!(letter["file"], json!("flights/planted.csv"));
        assert!(letter["line"].as_u64().unwrap() > 1);
        assert!(!letter["reason"].as_str().unwrap().is_empty());
    }
    let id = letters[0]["id"].as_str().unwrap();
    let shown = project.staunch(&["dlq", "show", id, "--output", "json"]).ok().json();
    let raw = shown[0]["raw"].as_str().unwrap();
    assert!(String::from_utf8_lossy(&planted).contains(raw));

    // Nothing changed: the second run reads nothing and touches no target.
    let again = project.staunch(&["run", "flights", "--output", "json"]).ok().json();
    assert_eq!(again["ledger"]["reads"], json!({}));
    assert_eq!(tables::parquet(&project.root.join("out/lake/flights_clean")), clean);
}

#[test]
fn personal_values_are_nowhere_but_in_the_input() {
    let project = Project::example("flights");
    let shown = project.staunch(&["run", "flights", "--show"]).ok();
    project.staunch(&["run", "flights_log"]).ok();
    let database = project.root.join("out/flights.db");
    let before = tables::sqlite(&database);
    project.staunch(&["run", "flights_log", "--full-refresh"]).ok();
    assert_eq!(tables::sqlite(&database), before, "a full refresh comes to the same table");
    // A tail number of the first January flights.
    assert!(!shown.stdout.contains("N14228") && !shown.stderr.contains("N14228"));
    let folders = [project.root.join(".staunch"), project.root.join("out")];
    let found = Found::search(&Needle::new("N14228"), &folders);
    assert_eq!((found.places, found.unknown), (Vec::<String>::new(), Vec::new()));
    assert!(found.files.len() > 20, "only {} files were searched", found.files.len());
    // It is in the input, and the search opens what the run has written.
    let airport = Found::search(&Needle::new("JFK"), &folders).places;
    assert!(airport.iter().any(|place| place.contains("a Parquet page")), "{airport:?}");
    assert!(first_rows(&project.root.join("data/flights/2013-01.csv.gz"), 100).contains("N14228"));
}

#[test]
fn the_log_grows_by_new_files_alone() {
    let project = Project::example("flights");
    let january = project.root.join("data/flights/2013-01.csv.gz");
    let aside = project.root.join("2013-01.csv.gz");
    std::fs::rename(&january, &aside).unwrap();
    project.write("data/flights/a.csv", first_rows(&aside, 100));
    project.edit("pipelines/flights_log.yaml", "at_most: 0.1 %", "at_most: 50 %");
    project.staunch(&["run", "flights_log"]).ok();
    let before = tables::parquet(&project.root.join("out/lake/departures"));
    std::fs::rename(&aside, &january).unwrap();
    let report = project.staunch(&["run", "flights_log", "--output", "json"]).ok().json();
    assert_eq!(report["ledger"]["reads"]["flights"]["found"], json!(27_004), "only the new file is read");
    let after = tables::parquet(&project.root.join("out/lake/departures"));
    assert!(after.len() > before.len());
    assert_eq!(
        report["ledger"]["edges"]["departures → lake/departures"]["far"]["rows"],
        json!(after.len() - before.len())
    );
}

fn first_rows(gz: &std::path::Path, rows: usize) -> String {
    let out = std::process::Command::new("gzip").arg("-dc").arg(gz).output().unwrap();
    String::from_utf8(out.stdout).unwrap().lines().take(rows + 1).map(|l| format!("{l}\n")).collect()
}
