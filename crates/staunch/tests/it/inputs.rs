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
fn a_header_alone_has_no_rows_and_a_file_without_one_is_an_error() {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\n");
    let report = project.staunch(&["run", "log", "--output", "json"]).ok().json();
    assert_eq!(report["ledger"]["reads"]["items"]["found"], json!(3));
    for empty in ["", "\n", "\u{feff}\r\n"] {
        project.write("data/items/3.csv", empty);
        let failed = project.staunch(&["run", "log"]).fails(1, "Source.Schema");
        assert!(failed.stderr.contains("3.csv") && failed.stderr.contains("remove it"), "{}", failed.stderr);
    }
}

#[test]
fn an_empty_file_without_a_header_to_come_has_no_rows() {
    for (from, to) in [("format: csv", "format: csv, header: false"), ("format: csv", "format: json")] {
        let project = small();
        project.edit("staunch.yaml", from, to);
        project.write("data/items/1.csv", "");
        let report = project.staunch(&["run", "log", "--output", "json"]).ok().json();
        assert_eq!(report["records"], json!(0), "{to}");
    }
}

#[test]
fn a_file_of_another_shape_is_refused_with_the_missing_column() {
    let project = small();
    project.write("data/items/2.csv", "ident,colour\n1,red\n");
    let failed = project.staunch(&["run", "log"]).fails(1, "Source.Schema");
    assert!(failed.stderr.contains("2.csv") && failed.stderr.contains("wanted: `id`"), "{}", failed.stderr);
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

/// A project that reads `data/items/*` in this format.
fn reading(format: &str, content: &[u8]) -> Project {
    let project = small();
    std::fs::remove_file(project.root.join("data/items/1.csv")).unwrap();
    project.edit("staunch.yaml", "items/*.csv\", format: csv", &format!("items/*\", format: {format}"));
    project.write("data/items/a", content);
    project
}

#[test]
fn a_file_of_another_format_is_an_error_or_dead_letters_and_never_rows() {
    let not_a_header = "the first line names none of the columns that are wanted: `id`, `kind`, `size`";
    for (format, content, code, says) in [
        ("csv", "{\"id\":1,\"kind\":\"a\"}\n", "Source.Schema", "text follows a closing quotation mark"),
        ("csv", "id;kind;size\n1;a;2\n", "Source.Schema", not_a_header),
        ("csv", "1,a,2\n2,b,3\n", "Source.Schema", not_a_header),
        ("csv", "id,kind,size\r1,a,2\r2,b,3\r", "Source.Schema", "behind a carriage return"),
        ("csv", "id,kind,kind\n1,a,2\n", "Source.Schema", "twice"),
        ("csv", "id,size\n1,2\n", "Source.Schema", "has no column `kind`"),
        ("parquet", "id,kind,size\n1,a,2\n", "Source.Corrupt", "not Parquet"),
        ("parquet", "", "Source.Corrupt", "not Parquet"),
    ] {
        let project = reading(format, content.as_bytes());
        let failed = project.staunch(&["run", "log"]).fails(1, code);
        for part in [says, "items/a", "stage `items`", "help:"] {
            assert!(
                failed.stderr.contains(part),
                "no `{part}` for {content:?} as {format}:\n{}",
                failed.stderr
            );
        }
        assert!(tables::parquet(&project.root.join("out/items")).is_empty());
    }
    for content in ["id,kind,size\n1,a,2\n", "[\n {\"id\": 1},\n {\"id\": 2}\n", "\u{feff}\0\n\u{1}\n"] {
        let project = reading("json", content.as_bytes());
        let report = project.staunch(&["run", "log"]).ok();
        assert!(report.stdout.contains("every record of items is dead"), "{content:?}: {}", report.stdout);
        assert!(tables::parquet(&project.root.join("out/items")).is_empty());
    }
}

#[test]
fn random_bytes_are_errors_or_dead_letters_in_every_format() {
    let mut state = 7_u64;
    let noise: Vec<u8> = (0..200_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 56) as u8
        })
        .collect();
    for (format, exit) in [("csv", 1), ("json", 0), ("parquet", 1)] {
        let done = reading(format, &noise).staunch(&["run", "log"]);
        assert_eq!(done.code, Some(exit), "{format}: {}", done.stderr);
        assert!(!done.stderr.contains("panic"), "{format}: {}", done.stderr);
    }
    let project = reading("csv", &[b"id,kind,size\n1,a,2\n".as_slice(), &noise, b"\n2,b,3\n"].concat());
    project.staunch(&["run", "log"]).ok();
    let rows = tables::parquet(&project.root.join("out/items"));
    assert_eq!(rows, ["id=1|kind=a|size=2|", "id=2|kind=b|size=3|"]);
}

#[test]
fn a_root_that_is_not_there_is_named_with_the_option_that_names_it() {
    let project = small();
    std::fs::remove_dir_all(project.root.join("data")).unwrap();
    let failed = project.staunch(&["run", "log"]).fails(1, "Source.Missing");
    assert!(failed.stderr.contains("data") && failed.stderr.contains("correct `root:`"), "{}", failed.stderr);
}

#[test]
fn links_out_of_the_root_pipes_and_names_of_no_text_are_refused() {
    use std::os::unix::ffi::OsStrExt;
    let refuse = |make: &dyn Fn(&std::path::Path), code: &str, says: &str| {
        let project = small();
        make(&project.root.join("data/items"));
        let failed = project.staunch(&["run", "log"]).fails(1, code);
        assert!(failed.stderr.contains(says) && failed.stderr.contains("help:"), "{}", failed.stderr);
    };
    let link = |to: &'static str| {
        move |at: &std::path::Path| std::os::unix::fs::symlink(to, at.join("2.csv")).unwrap()
    };
    refuse(&link("/etc/passwd"), "Source.Unreadable", "leads out of the root");
    refuse(&link("nowhere"), "Source.Missing", "2.csv");
    let pipe = |at: &std::path::Path| {
        assert!(std::process::Command::new("mkfifo").arg(at.join("2.csv")).status().unwrap().success());
    };
    refuse(&pipe, "Source.Unreadable", "neither a file nor a folder");
    let name = |at: &std::path::Path| {
        std::fs::write(at.join(std::ffi::OsStr::from_bytes(b"\xFF.csv")), "").unwrap();
    };
    refuse(&name, "Source.Unreadable", "not UTF-8");
}
