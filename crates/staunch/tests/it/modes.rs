//! Who may read what a run leaves behind.
#![cfg(unix)]

use crate::rules::small;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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
