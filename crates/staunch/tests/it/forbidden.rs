//! What the operating system forbids: files and folders that may not be read or written, and disks that are full. The run stays
//! unfinished, says what to mend, and goes on when it is mended.

use crate::project::{Done, Project};
use crate::rules::small;
use crate::tables;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const RUN: &[&str] = &["run", "log"];

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What every one of these errors must say, and that nothing was lost: mended, the next start shows every row.
fn told(project: &Project, done: Done, code: &str, place: &str, mend: impl FnOnce()) {
    let done = done.fails(1, code);
    assert!(done.stderr.contains(place), "`{place}` is not in:\n{}", done.stderr);
    assert!(done.stderr.contains("help:"), "no next step in:\n{}", done.stderr);
    assert!(!done.stderr.contains("panic"), "{}", done.stderr);
    mend();
    project.staunch(RUN).ok();
    let lake = tables::parquet(&project.root.join("out/items"));
    let database = tables::sqlite(&project.root.join("out/db.sqlite")).remove("items").unwrap();
    assert_eq!((lake.len(), database.len()), (2, 3), "{code} at {place}");
    let runs = project.staunch(&["runs", "--output", "json"]).ok().json();
    assert_eq!(runs[0]["state"], json!("succeeded"));
    let staged = project.root.join("out/items/.staunch");
    let left = std::fs::read_dir(staged).map(|d| d.flatten().filter(|e| e.path().is_file()).count());
    assert_eq!(left.unwrap_or(0), 0, "nothing is left in the staging folder");
}

/// Takes the permissions of `path` down to `mode`, runs, and gives them back.
fn without(path: &str, mode: u32, back: u32, code: &str) {
    let project = small();
    for folder in ["out", "out/items", ".staunch"] {
        std::fs::create_dir_all(project.root.join(folder)).unwrap();
    }
    let path = project.root.join(path);
    let name = path.file_name().unwrap().to_str().unwrap().to_owned();
    chmod(&path, mode);
    let done = project.staunch_unprivileged(RUN);
    let mend = || chmod(&path, back);
    match done {
        Some(done) => told(&project, done, code, &name, mend),
        None => mend(),
    }
}

#[test]
fn a_file_that_may_not_be_read_is_named() {
    without("data/items/1.csv", 0o000, 0o644, "Source.Unreadable");
}

#[test]
fn a_folder_that_may_not_be_listed_is_named() {
    without("data/items", 0o000, 0o755, "Source.Unreadable");
    without("data", 0o000, 0o755, "Source.Unreadable");
}

#[test]
fn a_folder_whose_files_may_not_be_looked_at_is_named() {
    without("data/items", 0o444, 0o755, "Source.Unreadable");
}

#[test]
fn a_target_that_may_not_be_written_is_named() {
    without("out", 0o555, 0o755, "Sink.Unavailable");
    without("out/items", 0o555, 0o755, "Sink.Unavailable");
}

#[test]
fn a_state_folder_that_may_not_be_written_is_named() {
    without(".staunch", 0o555, 0o755, "Store.Unavailable");
}

#[test]
fn a_database_that_may_not_be_written_is_named() {
    let project = small();
    std::fs::create_dir_all(project.root.join("out")).unwrap();
    let file = project.root.join("out/db.sqlite");
    rusqlite::Connection::open(&file).unwrap().execute_batch("CREATE TABLE other (a)").unwrap();
    chmod(&file, 0o444);
    if let Some(done) = project.staunch_unprivileged(RUN) {
        told(&project, done, "Sink.Unavailable", "db.sqlite", || chmod(&file, 0o644));
    }
}

/// A small file system of its own, taken away with the value.
struct Disk(PathBuf);

impl Disk {
    /// `None`, said aloud, where nothing can be mounted.
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let options = format!("size={size}");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).stderr(Stdio::null());
        if mount.status().is_ok_and(|s| s.success()) {
            return Some(Self(at.to_owned()));
        }
        eprintln!("SKIPPED: no file system can be mounted here");
        None
    }

    fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        assert!(Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a reader of the test may still have a file open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// A disk that is full, of the target or of the state: at every moment at which it may become so, the run goes on when there is
/// room, and shows every row once.
fn full(folder: &str, sizes_kib: &[u64], codes: &[&str]) {
    const ROWS: usize = 20_000;
    let mut failed = 0;
    for size in sizes_kib {
        let project = small();
        // Kinds that do not compress, so that the files are large.
        let kind = |n: usize| noise(n as u64);
        let rows: String = (0..ROWS).map(|n| format!("{n},{},{}\n", kind(n), n % 9)).collect();
        project.write("data/items/1.csv", format!("id,kind,size\n{rows}"));
        project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 64 KiB}");
        project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 256 KiB\n");
        let Some(disk) = Disk::mount(&project.root.join(folder), &format!("{size}k")) else { return };
        let done = project.staunch(RUN);
        if done.code != Some(0) {
            failed += 1;
            assert_eq!(done.code, Some(1), "{size} KiB: {}", done.stderr);
            assert!(codes.iter().any(|code| done.stderr.contains(code)), "{size} KiB: {}", done.stderr);
            assert!(done.stderr.contains("help:") && !done.stderr.contains("panic"), "{}", done.stderr);
        }
        disk.grow("256m");
        project.staunch(RUN).ok();
        let lake = tables::parquet(&project.root.join("out/items"));
        let database = tables::sqlite(&project.root.join("out/db.sqlite")).remove("items").unwrap();
        let big = (0..ROWS).filter(|n| n % 9 >= 2).count();
        assert_eq!((lake.len(), database.len()), (big, ROWS), "{folder} of {size} KiB");
    }
    assert!(failed >= 2, "the disk was full only {failed} times");
}

/// A number as 32 digits that look like chance.
fn noise(n: u64) -> String {
    let mut state = n + 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    };
    format!("{:016x}{:016x}", next(), next())
}

#[test]
fn a_full_disk_of_the_targets_stops_the_run_and_room_continues_it() {
    full("out", &[4, 40, 300, 900], &["Sink.Unavailable"]);
}

#[test]
fn a_full_disk_of_the_state_stops_the_run_and_room_continues_it() {
    full(".staunch", &[4, 60, 200, 500], &["Store.Unavailable", "Sink.Unavailable"]);
}
