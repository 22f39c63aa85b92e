//! What a run leaves behind: nothing that is not needed, and who may read the rest.
#![cfg(unix)]

use crate::project::Project;
use crate::rules::small;
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
