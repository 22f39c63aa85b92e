//! Bad input and bad targets: a typed error or dead letters, with the place and the next step; never a panic, nothing half-published.

use crate::project::Project;
use crate::rules::small;
use crate::tables;
use serde_json::json;

#[test]
fn a_missing_file_is_named() {
    let project = small();
    std::fs::remove_file(project.root.join("data/items/1.csv")).unwrap();
    let failed = project.staunch(&["run", "log"]).fails(1, "Source.Missing");
    assert!(failed.stderr.contains("items/*.csv"), "{}", failed.stderr);
}

#[test]
fn an_empty_file_has_no_rows_and_a_header_alone_has_none_either() {
    let project = small();
    project.write("data/items/0.csv", "").write("data/items/2.csv", "id,kind,size\n");
    let report = project.staunch(&["run", "log", "--output", "json"]).ok().json();
    assert_eq!(report["ledger"]["reads"]["items"]["found"], json!(3));
}

#[test]
fn a_file_of_another_shape_is_refused_with_the_missing_column() {
    let project = small();
    project.write("data/items/2.csv", "ident,colour\n1,red\n");
    let failed = project.staunch(&["run", "log"]).fails(1, "Source.Schema");
    assert!(failed.stderr.contains("2.csv") && failed.stderr.contains("id"), "{}", failed.stderr);
}

#[test]
fn a_file_that_is_not_what_its_format_says_is_an_error() {
    let project = small();
    project.edit("staunch.yaml", "items/*.csv\", format: csv", "items/*.csv\", format: parquet");
    let failed = project.staunch(&["run", "log"]).fails(1, "Source.Corrupt");
    assert!(failed.stderr.contains("1.csv"), "{}", failed.stderr);
}

#[test]
fn an_unknown_object_is_found_by_check_with_the_near_name() {
    let project = small();
    project.edit("pipelines/log.yaml", "from: in/items", "from: in/itms");
    let failed = project.staunch(&["check"]).fails(3, "ST0003");
    assert!(failed.stderr.contains("items") && failed.stderr.contains("log.yaml"), "{}", failed.stderr);
}

#[test]
fn a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder_are_errors() {
    let project = small();
    project.write("out/items", "I am a file");
    let failed = project.staunch(&["run", "log"]).fails(1, "Sink.Unavailable");
    assert!(failed.stderr.contains("out/items"), "{}", failed.stderr);
    // The database was prepared before the folder was looked at.
    for file in ["out/items", "out/db.sqlite"] {
        std::fs::remove_file(project.root.join(file)).unwrap();
    }
    std::fs::create_dir_all(project.root.join("out/db.sqlite")).unwrap();
    project.staunch(&["run", "log"]).fails(1, "Sink.Unavailable");
    std::fs::remove_dir(project.root.join("out/db.sqlite")).unwrap();
    project.staunch(&["run", "log"]).ok();
}

#[test]
fn a_table_of_another_shape_is_refused_before_anything_is_read() {
    let project = small();
    std::fs::create_dir_all(project.root.join("out")).unwrap();
    let connection = rusqlite::Connection::open(project.root.join("out/db.sqlite")).unwrap();
    connection.execute_batch("CREATE TABLE items (id TEXT, colour TEXT)").unwrap();
    let failed = project.staunch(&["run", "log"]).fails(1, "Sink.Schema");
    assert!(failed.stderr.contains("kind"), "{}", failed.stderr);
}

#[test]
fn an_empty_result_does_not_empty_a_table_unasked() {
    let project = small();
    project.staunch(&["run", "totals"]).ok();
    project.write("data/items/1.csv", "id,kind,size\n");
    project.staunch(&["run", "totals"]).fails(1, "Sink.EmptyReplace");
    assert_eq!(tables::parquet(&project.root.join("out/totals")).len(), 2);
    project.edit("pipelines/totals.yaml", "mode: replace}", "mode: replace, allow_empty: true}");
    project.staunch(&["run", "totals"]).ok();
    assert!(tables::parquet(&project.root.join("out/totals")).is_empty());
}

#[test]
fn the_template_runs() {
    let project = Project::empty();
    let made = project.staunch(&["init", "shop"]).ok();
    assert!(made.stdout.contains("staunch run sales"));
    let shop = project.root.join("shop");
    let shop = shop.to_str().unwrap();
    project.staunch(&["check", "--project", shop]).ok();
    let ran = project.staunch(&["run", "sales", "--project", shop, "--show"]).ok();
    assert!(ran.stdout.contains("NO") && ran.stdout.contains("42.00"), "{}", ran.stdout);
    project.staunch(&["run", "revenue", "--project", shop]).ok();
    project.staunch(&["init", "shop"]).fails(2, "Usage.Invalid");
}
