//! Leases: one holder, freed by drop and by death.

use super::{held, take, take_over};
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

#[test]
fn one_holder_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let lease = take(dir.path(), "delays", 4711, 17).unwrap();
    assert_eq!(lease.pipeline(), "delays");
    let content = std::fs::read_to_string(dir.path().join("leases/delays.lock")).unwrap();
    assert_eq!(content, "{\"pid\":4711,\"started\":17}");

    let busy = take(dir.path(), "delays", 4712, 18).unwrap_err();
    assert_eq!(busy.code().name, "Run.Busy");
    assert_eq!(busy.message(), "the pipeline `delays` is being run by process 4711");
    assert_eq!(
        busy.next_step(),
        Some(
            "wait until it has ended, or stop it: kill 4711; or `staunch run --take-over`, which goes on in its place"
        )
    );

    // Another pipeline is free, and a refused attempt has not touched the holder's name.
    drop(take(dir.path(), "other", 4712, 18).unwrap());
    assert_eq!(std::fs::read_to_string(dir.path().join("leases/delays.lock")).unwrap(), content);

    drop(lease);
    let again = take(dir.path(), "delays", 5, 19).unwrap();
    assert!(take(dir.path(), "delays", 6, 20).unwrap_err().message().ends_with("process 5"));
    drop(again);
}

#[test]
fn it_is_held_as_long_as_its_holder_lives() {
    let dir = tempfile::tempdir().unwrap();
    assert!(!held(dir.path(), "p").unwrap(), "it was never taken");
    let lease = take(dir.path(), "p", 1, 1).unwrap();
    assert!(held(dir.path(), "p").unwrap());
    assert!(!held(dir.path(), "q").unwrap());
    drop(lease);
    assert!(!held(dir.path(), "p").unwrap());
    // The name that a killed process leaves behind holds nothing.
    let file = dir.path().join("leases/p.lock");
    std::fs::write(&file, "{\"pid\":1,\"started\":1}").unwrap();
    assert!(!held(dir.path(), "p").unwrap());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "");
    assert!(take(dir.path(), "p", 2, 2).is_ok());
}

#[test]
fn a_lease_that_is_held_can_be_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let (free, from) = take_over(dir.path(), "p", 1, 1).unwrap();
    assert_eq!(from, None, "nobody had it");
    let (second, from) = take_over(dir.path(), "p", 2, 2).unwrap();
    assert_eq!(from.as_deref(), Some("process 1"));
    // The older one ends, and takes nothing with it.
    drop(free);
    assert!(take(dir.path(), "p", 3, 3).unwrap_err().message().ends_with("process 2"));
    assert!(held(dir.path(), "p").unwrap());
    let (third, from) = take_over(dir.path(), "p", 4, 4).unwrap();
    assert_eq!(from.as_deref(), Some("process 2"));
    drop(second);
    drop(third);
    assert!(!held(dir.path(), "p").unwrap());
    take(dir.path(), "p", 5, 5).unwrap();
    let left: Vec<_> = std::fs::read_dir(dir.path().join("leases")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn a_holder_that_has_not_written_its_name_is_another_process() {
    let dir = tempfile::tempdir().unwrap();
    let lease = take(dir.path(), "p", 1, 1).unwrap();
    for content in ["", "{\"pid\":", "\u{0}\u{0}"] {
        std::fs::write(dir.path().join("leases/p.lock"), content).unwrap();
        let busy = take(dir.path(), "p", 2, 2).unwrap_err();
        assert_eq!(busy.message(), "the pipeline `p` is being run by another process");
    }
    drop(lease);
}

#[test]
fn names_that_are_paths_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["", "..", "a/b", "a\0", "é", &"x".repeat(201)] {
        assert_eq!(take(dir.path(), name, 1, 1).unwrap_err().code().name, "ST0006");
    }
}

#[test]
fn a_killed_holder_frees_its_lease() {
    let dir = tempfile::tempdir().unwrap();
    // This test binary again, as the process that holds the lease.
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "lease::tests::holder", "--ignored", "--nocapture"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    writeln!(stdin, "{}", dir.path().display()).unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("HELD")));

    let busy = take(dir.path(), "p", 1, 1).unwrap_err();
    assert_eq!(busy.message(), format!("the pipeline `p` is being run by process {}", child.id()));
    child.kill().unwrap();
    child.wait().unwrap();
    take(dir.path(), "p", 1, 1).unwrap();
}

#[test]
#[ignore = "the other process of a_killed_holder_frees_its_lease"]
fn holder() {
    let mut lines = std::io::stdin().lines();
    // Run by hand it has no folder to work in.
    let Some(Ok(dir)) = lines.next().filter(|l| l.as_ref().is_ok_and(|l| !l.is_empty())) else { return };
    let _lease = take(dir.as_ref(), "p", std::process::id(), 1).unwrap();
    println!("HELD");
    // Until the pipe is closed: the parent kills this process before.
    assert!(lines.next().is_none());
}
