//! What a run leaves behind: nothing that is not needed, and who may read the rest.
#![cfg(unix)]

use crate::project::Project;
use crate::rules::small;
use crate::tables;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// What a run staged and will never show is gone with its end; what it committed and has still to show stays.
#[test]
fn a_failed_run_leaves_nothing_staged_behind() {
    let staged = |project: &Project| -> Vec<String> {
        ["out/items/.staunch", ".staunch/dev/log/staged", ".staunch/dev/log/tmp", ".staunch/dev/log/spools"]
            .iter()
            .map(|folder| project.root.join(folder))
            .filter(|folder| folder.is_dir())
            .flat_map(|folder| walk(&folder))
            .filter(|(path, _)| path.is_file())
            .map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned())
            .collect()
    };
    let big: String = (10..60_000).map(|n| format!("{n},k{},{}\n", n % 7, n % 9)).collect();
    let bad = "x,a,1\n".repeat(60_000);
    for (args, ends) in [(&["run", "log"][..], "a"), (&["run", "log", "--full-refresh"], "b")] {
        let project = small();
        project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 64 KiB}");
        project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 256 KiB\n");
        project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 1 %}");
        project.staunch(&["run", "log"]).ok();
        assert_eq!(staged(&project), Vec::<String>::new(), "{ends}: a run that succeeded");
        project.write("data/items/2.csv", format!("id,kind,size\n{big}"));
        project.write("data/items/3.csv", format!("id,kind,size\n{bad}"));
        project.staunch(args).fails(5, "DeadLetters.Budget");
        let epochs = std::fs::read_dir(project.root.join(".staunch/dev/log/epochs")).unwrap().count();
        assert!(epochs > 5, "it had committed some: {epochs}");
        assert_eq!(staged(&project), Vec::<String>::new(), "{ends}: a run that failed");
    }
    // Committed and refused by its target: the next run asks for it.
    let project = small();
    std::fs::create_dir_all(project.root.join("out")).unwrap();
    let connection = rusqlite::Connection::open(project.root.join("out/db.sqlite")).unwrap();
    connection
        .execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY CHECK (id > 9), kind TEXT, size INTEGER)")
        .unwrap();
    project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 1 %, from_row: 1}");
    project.staunch(&["run", "log"]).fails(5, "Sink.Rejected");
    let left = staged(&project);
    assert!(left.contains(&"db.items-e2-g1-0.arrow".to_owned()) && left.len() == 2, "{left:?}");
}

/// Published data are for those whom the umask lets in; state and what is staged are the owner's alone.
#[test]
fn targets_follow_the_umask_and_state_is_private() {
    let project = small();
    project.edit(
        "staunch.yaml",
        "{path: items, format: parquet}",
        "{path: items, format: parquet, partition_by: [kind]}",
    );
    project.write("data/items/2.csv", "id,kind,size\nx,a,1\n");
    project.staunch(&["run", "log"]).ok();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    std::fs::create_dir(project.root.join("plain")).unwrap();
    let (folder, file) = (mode(&project.root.join("plain")), mode(&project.root.join("staunch.yaml")));
    assert!(folder != 0o700 && file != 0o600, "the umask of this test hides the difference");

    let mut published = Vec::new();
    for (path, found) in walk(&project.root.join("out")) {
        let text = path.to_string_lossy().into_owned();
        let expected = match (path.is_dir(), text.contains("/.staunch")) {
            (true, false) => folder,
            (true, true) => 0o700,
            (false, _) => file,
        };
        assert_eq!(found, expected, "{text}: {found:o}");
        published.push(text);
    }
    assert!(
        published.iter().any(|p| p.ends_with(".parquet")) && published.iter().any(|p| p.ends_with("kind=a"))
    );

    for (path, found) in walk(&project.root.join(".staunch")) {
        let text = path.to_string_lossy().into_owned();
        // SQLite and the lease make their own files, in a folder that is shut.
        let expected = match path.is_dir() {
            true => 0o700,
            false if text.contains("/control/") => file,
            false => 0o600,
        };
        assert_eq!(found, expected, "{text}: {found:o}");
    }
    let dead = walk(&project.root.join(".staunch/dev/log/segments"));
    assert!(dead.len() > 1, "there are dead letters to be looked at");
}

/// A folder and everything below it, with modes.
fn walk(root: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = vec![(root.to_path_buf(), std::fs::metadata(root).unwrap().permissions().mode() & 0o777)];
    if root.is_dir() {
        for entry in std::fs::read_dir(root).unwrap() {
            found.extend(walk(&entry.unwrap().path()));
        }
    }
    found
}

/// A table that is gone or older than it was is noticed, also where there is nothing to read; a full refresh writes it anew.
#[test]
fn a_lost_table_is_noticed_and_a_full_refresh_brings_it_back() {
    let shop = || {
        let project = small();
        project.edit("pipelines/totals.yaml", "lake/totals", "db/totals");
        project
    };
    for pipeline in ["log", "totals"] {
        let project = shop();
        project.staunch(&["run", pipeline]).ok();
        let database = project.root.join("out/db.sqlite");
        let old = std::fs::read(&database).unwrap();
        let expected = tables::sqlite(&database);
        std::fs::remove_file(&database).unwrap();
        for _ in 0..2 {
            let failed = project.staunch(&["run", pipeline]).fails(1, "Sink.Ahead");
            assert!(failed.stderr.contains("shows no epoch") && failed.stderr.contains("--full-refresh"));
        }
        project.staunch(&["run", pipeline, "--full-refresh"]).ok();
        assert_eq!(tables::sqlite(&database), expected, "{pipeline}");
        // An older backup.
        project.write("data/items/2.csv", "id,kind,size\n50,a,1\n");
        project.staunch(&["run", pipeline]).ok();
        std::fs::write(&database, old).unwrap();
        project.write("data/items/3.csv", "id,kind,size\n51,a,1\n");
        let done = project.staunch(&["run", pipeline]);
        if pipeline == "log" {
            done.fails(1, "Sink.Ahead");
            project.staunch(&["run", pipeline, "--full-refresh"]).ok();
        } else {
            // What is replaced as a whole needs nothing of what was there.
            done.ok();
        }
        let undisturbed = shop();
        undisturbed.write("data/items/2.csv", "id,kind,size\n50,a,1\n");
        undisturbed.write("data/items/3.csv", "id,kind,size\n51,a,1\n");
        undisturbed.staunch(&["run", pipeline]).ok();
        assert_eq!(tables::sqlite(&database), tables::sqlite(&undisturbed.root.join("out/db.sqlite")));
        project.staunch(&["run", pipeline]).ok();
    }
}

/// What is not shown yet is no imbalance: the accounts of a run that was cut off balance as far as they are closed.
#[test]
fn the_ledger_of_a_run_that_was_cut_off_balances_so_far() {
    let project = small();
    let rows: String = (0..3000).map(|n| format!("{n},k,{n}\n")).collect();
    project.write("data/items/2.csv", format!("id,kind,size\n{rows}"));
    project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 4 KiB}");
    project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 4 KiB\n");
    let killed = project.staunch_with(&["run", "log"], &[("STAUNCH_FAILPOINTS", "kill=apply.before:9")]);
    assert_eq!(killed.code, None, "{}", killed.stderr);
    let ledger = project.staunch(&["ledger"]).ok().stdout;
    assert!(ledger.contains("balanced so far") && !ledger.contains("DIFFER"), "{ledger}");
    project.staunch(&["run", "log"]).ok();
    let ledger = project.staunch(&["ledger"]).ok().stdout;
    assert!(ledger.contains("every row is accounted for") && !ledger.contains("DIFFER"), "{ledger}");
}

/// Words that nobody reads are lost; the work is not.
#[test]
fn a_log_that_nobody_reads_does_not_end_the_run() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let project = small();
    let done = project.command(&["run", "log"], &[]).stderr(full()).output().unwrap();
    assert_eq!(done.status.code(), Some(0));
    project.write("pipelines/log.yaml", "pipeline: log\nread: 1\n");
    let done = project.command(&["check"], &[]).stderr(full()).output().unwrap();
    assert_eq!(done.status.code(), Some(3));
}

/// Evidence is there at any hour, whatever somebody has just done to a file of the project.
#[test]
fn a_mistake_in_a_pipeline_does_not_hide_what_runs_left() {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\nx,a,1\n");
    project.staunch(&["run", "log"]).ok();
    project.edit("pipelines/log.yaml", "FROM items", "FROM itemz");
    project.write("pipelines/totals.yaml", "pipeline: totals\nread: [\n");
    project.staunch(&["check"]).fails(3, "ST0003");
    assert!(project.staunch(&["runs"]).ok().stdout.contains("succeeded"));
    assert!(project.staunch(&["ledger"]).ok().stdout.contains("every row is accounted for"));
    assert!(project.staunch(&["dlq", "ls"]).ok().stdout.contains("2.csv:2"));
    assert!(project.staunch(&["dlq", "show"]).ok().stdout.contains("x,a,1"));
    project.staunch(&["run", "log"]).fails(3, "ST0003");
}
