//! `doctor`: one project that is well, and many that are not. It finds each fault, says what to do, and changes nothing.

use crate::project::{Done, Project};
use crate::rules::small;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Two pipelines that have run, with dead letters.
fn well() -> Project {
    let project = small();
    project.write("data/items/2.csv", "id,kind,size\nx,a,1\n4,b,7\n");
    project.staunch(&["run", "log", "--id", "one"]).ok();
    project.staunch(&["run", "totals"]).ok();
    project
}

/// Every file and folder below one, with mode and bytes.
fn everything(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let path = entry.path();
        let mode = entry.metadata().unwrap().permissions().mode();
        let bytes = std::fs::read(&path).unwrap_or_default();
        if path.is_dir() {
            found.extend(everything(&path));
        }
        found.insert(path, (mode, bytes));
    }
    found
}

fn findings(done: &Done) -> Vec<Value> {
    done.json()["findings"].as_array().unwrap().clone()
}

/// Asks the doctor, who changes nothing.
#[track_caller]
fn asked(project: &Project, env: &[(&str, &str)]) -> Done {
    let base = project.root.parent().unwrap();
    let before = everything(base);
    let done = project.staunch_with(&["doctor", "--output", "json"], env);
    let after = everything(base);
    let changed: Vec<_> = after.iter().filter(|(path, what)| before.get(*path) != Some(what)).collect();
    assert!(changed.is_empty() && before.len() == after.len(), "it changed {:?}", changed.first());
    let errors = done.json()["errors"].as_u64().unwrap();
    assert_eq!(done.code, Some(i32::from(errors > 0)), "{}", done.stderr);
    done
}

/// The one finding of this level about this thing; there is no other that is as bad.
#[track_caller]
fn finds(project: &Project, level: &str, what: &str, words: &str) -> Value {
    finds_with(project, &[], level, what, words)
}

#[track_caller]
fn finds_with(project: &Project, env: &[(&str, &str)], level: &str, what: &str, words: &str) -> Value {
    let done = asked(project, env);
    let bad: Vec<_> = findings(&done).into_iter().filter(|f| f["level"] == json!(level)).collect();
    let about = |f: &&Value| f["what"] == json!(what) && f["message"].as_str().unwrap().contains(words);
    let found =
        bad.iter().find(about).unwrap_or_else(|| panic!("no {level} {what} `{words}` in {}", done.stdout));
    let others: Vec<_> = bad.iter().filter(|f| f["what"] != json!(what)).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(found["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{found}");
    let text = project.staunch_with(&["doctor"], env).stdout;
    assert!(text.contains(words) && text.contains("next: "), "{text}");
    found.clone()
}

fn state(project: &Project) -> PathBuf {
    project.root.join(".staunch/dev")
}

fn first_in(folder: PathBuf) -> PathBuf {
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    names.swap_remove(0)
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_project_that_is_well_has_nothing_wrong() {
    let fresh = small();
    let done = asked(&fresh, &[]);
    assert_eq!((done.code, &done.json()["warnings"]), (Some(0), &json!(0)), "{}", done.stdout);
    assert!(
        !fresh.root.join(".staunch").try_exists().unwrap() && !fresh.root.join("out").try_exists().unwrap()
    );

    let project = well();
    let done = asked(&project, &[]);
    assert_eq!((&done.json()["errors"], &done.json()["warnings"]), (&json!(0), &json!(0)), "{}", done.stdout);
    for what in ["project", "key", "disk", "state", "index", "log", "run", "source", "target"] {
        assert!(findings(&done).iter().any(|f| f["what"] == json!(what)), "nothing was said about {what}");
    }
    let text = project.staunch(&["doctor"]).ok().stdout;
    assert!(text.ends_with("\nnothing is wrong\n"), "{text}");
    // So it is after a collection, a replay, a refresh.
    project.edit("staunch.yaml", "  dev:\n", "  dev:\n    keep: {runs: 0 s, dead_letters: 0 s}\n");
    project.staunch(&["run", "log", "--full-refresh"]).ok();
    project.staunch(&["dlq", "discard", "--all"]).ok();
    for _ in 0..2 {
        let done = asked(&project, &[]);
        assert_eq!(
            (&done.json()["errors"], &done.json()["warnings"]),
            (&json!(0), &json!(0)),
            "{}",
            done.stdout
        );
        project.staunch(&["gc"]).ok();
    }
}

#[test]
fn mistakes_of_the_project_are_found() {
    let project = well();
    project.edit("pipelines/log.yaml", "FROM items", "FROM itemz");
    let found = finds(&project, "error", "project", "itemz");
    assert_eq!((&found["code"], &found["line"]), (&json!("ST0003"), &json!(5)));

    let nothing = Project::empty();
    let done = nothing.staunch(&["doctor", "--output", "json"]);
    assert_eq!((done.code, &findings(&done)[0]["code"]), (Some(1), &json!("ST0007")));
}

#[test]
fn keys_are_looked_at() {
    let keys = |project: &Project| first_in(project.root.parent().unwrap().join("home/staunch/keys"));
    let project = well();
    mode(&keys(&project), 0o644);
    finds(&project, "warning", "key", "which others may read");
    std::fs::remove_file(keys(&project)).unwrap();
    assert_eq!(finds(&project, "error", "key", "cannot read the key")["code"], json!("ST0008"));

    let project = small();
    project.edit("staunch.yaml", "  dev:\n", "  dev:\n    key: ${env:SHOP_KEY}\n");
    finds(&project, "error", "key", "`SHOP_KEY` is not set");
    let (one, other) = ("1f".repeat(32), "2e".repeat(32));
    finds_with(&project, &[("SHOP_KEY", "short")], "error", "key", "");
    let done = project.staunch_with(&["run", "log"], &[("SHOP_KEY", &one)]);
    done.ok();
    finds_with(&project, &[("SHOP_KEY", &other)], "error", "key", "was sealed with");
    assert_eq!(asked(&project, &[("SHOP_KEY", &one)]).code, Some(0));
}

#[test]
fn the_state_folder_and_its_disk_are_looked_at() {
    let project = well();
    mode(&state(&project), 0o755);
    finds(&project, "warning", "state", "others may look into");
    mode(&state(&project), 0o500);
    if let Some(done) = project.staunch_unprivileged(&["doctor", "--output", "json"]) {
        let bad: Vec<_> = findings(&done).into_iter().filter(|f| f["level"] == json!("error")).collect();
        assert!(
            bad.iter().any(|f| f["what"] == json!("state") && f["code"] == json!("Store.Unavailable")),
            "{bad:?}"
        );
        assert_eq!(done.code, Some(1));
    }
    mode(&state(&project), 0o700);
    std::fs::create_dir(state(&project).join("gone")).unwrap();
    std::fs::create_dir(state(&project).join("gone/epochs")).unwrap();
    finds(&project, "warning", "state", "a pipeline that the project does not have");

    // A disk without room, as far as `df` tells.
    let project = well();
    let tools = project.root.parent().unwrap().join("tools");
    std::fs::create_dir(&tools).unwrap();
    let df = |kib: u64| {
        let text = format!("#!/bin/sh\necho head\necho /dev/x 1000 900 {kib} 99% /\n");
        std::fs::write(tools.join("df"), text).unwrap();
        mode(&tools.join("df"), 0o755);
    };
    #[allow(clippy::disallowed_methods, reason = "the commands of the machine are found as always")]
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap_or_default());
    let env = [("PATH", path.as_str())];
    df(9);
    let found = finds_with(&project, &env, "error", "disk", "0 MiB are free");
    assert!(found["hint"].as_str().unwrap().contains("staunch gc"), "{found}");
    df(100 << 10);
    finds_with(&project, &env, "warning", "disk", "100 MiB are free");

    let project = small();
    project.write(".staunch", "");
    finds(&project, "error", "state", "");
}

/// A file system that is mounted for reading.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn new(folder: &Path) -> Option<Self> {
        std::fs::create_dir_all(folder).unwrap();
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", "ro,size=1m", "tmpfs"]).arg(folder).output();
        if mounted.is_ok_and(|out| out.status.success()) {
            return Some(Self(folder.to_path_buf()));
        }
        eprintln!("SKIPPED: nothing can be mounted here, so a disk that is read-only is not tested");
        None
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_is_read_only_is_found() {
    let project = small();
    let Some(disk) = ReadOnly::new(&project.root.join(".staunch")) else { return };
    let done = asked(&project, &[]);
    let bad: Vec<_> = findings(&done).into_iter().filter(|f| f["level"] == json!("error")).collect();
    assert!(bad.iter().any(|f| f["message"] == json!("the state folder cannot be written")), "{bad:?}");
    drop(disk);
    assert_eq!(asked(&project, &[]).code, Some(0));

    let project = well();
    let Some(_disk) = ReadOnly::new(&project.root.join("out")) else { return };
    let done = asked(&project, &[]);
    let bad: Vec<_> = findings(&done).into_iter().filter(|f| f["level"] == json!("error")).collect();
    assert!(bad.iter().all(|f| f["what"] == json!("target")), "{bad:?}");
    assert!(bad.iter().any(|f| f["message"].as_str().unwrap().contains("cannot be written")), "{bad:?}");
}

#[test]
fn runs_that_were_cut_off_and_epochs_that_are_not_shown_are_found() {
    let project = well();
    project.write("data/items/3.csv", "id,kind,size\n9,a,1\n");
    let held = project.hold(&["run", "log", "--id", "two"], "commit.before_create:2");
    let working = format!("run `two`: process {} works on it", held.pid());
    let done = asked(&project, &[]);
    assert!(done.stdout.contains(&working) && done.code == Some(0), "{}", done.stdout);
    held.release().ok();

    project.write("data/items/4.csv", "id,kind,size\n10,a,1\n");
    let kill = |at: &str| {
        let env = [("STAUNCH_FAILPOINTS", at)];
        assert_eq!(project.staunch_with(&["run", "log", "--id", "three"], &env).code, None, "{at}");
    };
    kill("kill=commit.before_create:2");
    let done = asked(&project, &[]);
    assert!(done.stdout.contains("run `three` was cut off in epoch"), "{}", done.stdout);
    assert_eq!(done.code, Some(0), "the next start continues it");
    kill("kill=apply.before:1");
    finds(&project, "warning", "run", "has committed what `db/items` does not show yet");
    project.edit("pipelines/log.yaml", "  - {from: items, to: db/items, mode: upsert}\n", "");
    finds(&project, "error", "run", "and the pipeline writes to it no more");
}

#[test]
fn a_target_that_is_gone_is_found() {
    let project = well();
    let database = project.root.join("out/db.sqlite");
    let old = std::fs::read(&database).unwrap();
    let log = state(&project).join("log");
    let kept = project.root.parent().unwrap().join("kept");
    assert!(Command::new("cp").arg("-a").args([&log, &kept]).status().unwrap().success());
    project.write("data/items/3.csv", "id,kind,size\n9,a,1\n");
    project.staunch(&["run", "log"]).ok();

    // Older than the log says, then gone, then newer than the log.
    let new = std::fs::read(&database).unwrap();
    std::fs::write(&database, old).unwrap();
    let found = finds(&project, "error", "target", "`db/items` shows epoch 2 where epoch 4 was shown last");
    assert_eq!(found["code"], json!("Sink.Ahead"));
    std::fs::remove_file(&database).unwrap();
    finds(&project, "error", "target", "`db/items` is gone");
    std::fs::write(&database, new).unwrap();
    std::fs::remove_dir_all(&log).unwrap();
    std::fs::rename(&kept, &log).unwrap();
    finds(&project, "error", "target", "which the epoch log does not hold");

    // Published files that somebody removed.
    let project = well();
    let items = std::fs::read_dir(project.root.join("out/items")).unwrap().map(|e| e.unwrap().path());
    std::fs::remove_file(items.filter(|p| p.is_file()).min().unwrap()).unwrap();
    finds(&project, "warning", "target", "published files are not there");
    std::fs::remove_dir_all(project.root.join("out/items")).unwrap();
    finds(&project, "error", "target", "`lake/items` is gone");
}

#[test]
fn a_target_of_another_region_is_found() {
    let project = well();
    std::fs::remove_dir_all(state(&project)).unwrap();
    let done = asked(&project, &[]);
    let bad: Vec<_> = findings(&done).into_iter().filter(|f| f["level"] == json!("error")).collect();
    assert_eq!(bad.len(), 3, "{bad:?}");
    assert!(bad.iter().all(|f| f["what"] == json!("target") && f["code"] == json!("Sink.Ahead")), "{bad:?}");
}

#[test]
fn what_an_apply_to_come_asks_for_must_be_there() {
    let project = small();
    let env = [("STAUNCH_FAILPOINTS", "kill=apply.before:1")];
    assert_eq!(project.staunch_with(&["run", "log"], &env).code, None);
    std::fs::remove_file(first_in(state(&project).join("log/staged/db.items"))).unwrap();
    finds(&project, "error", "target", "staged segment");
    let staged = project.root.join("out/items/.staunch");
    let region = std::fs::read_dir(staged).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
    let file = first_in(region);
    std::fs::write(&file, "short").unwrap();
    finds(&project, "error", "target", "a committed file has 5 bytes");
    std::fs::remove_file(&file).unwrap();
    finds(&project, "error", "target", "is gone before it was published");
}

#[test]
fn damage_of_the_log_is_found_wherever_it_is() {
    let broken = |what: &str, harm: &dyn Fn(&Path)| {
        let project = well();
        harm(&state(&project).join("log"));
        let found = finds(&project, "error", "log", what);
        assert_eq!(found["code"], json!("Store.Corrupt"), "{what}");
    };
    let remove =
        |folder: &'static str| move |log: &Path| std::fs::remove_file(first_in(log.join(folder))).unwrap();
    let garble = |folder: &'static str| {
        move |log: &Path| std::fs::write(first_in(log.join(folder)), "{\"form").unwrap()
    };
    broken("which is missing", &remove("manifests"));
    broken("which is missing", &remove("pins"));
    broken("which is missing", &remove("segments"));
    broken("`epochs/000000000001`", &remove("epochs"));
    broken("is damaged", &garble("manifests"));
    broken("is damaged", &garble("pins"));
    broken("is damaged", &garble("generations"));
    broken("is damaged", &|log| std::fs::write(first_in(log.join("applied/000000000002")), "{").unwrap());
    broken("`region`", &|log| std::fs::remove_file(log.join("region")).unwrap());
    broken("is not Staunch's", &|log| std::fs::write(log.join("epochs/notes.txt"), "").unwrap());
    broken("bytes, not", &|log| std::fs::write(first_in(log.join("segments")), "{}").unwrap());
    // One byte of a letter.
    broken("is damaged", &|log| {
        let path = first_in(log.join("segments"));
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[0] = b'[';
        std::fs::write(path, bytes).unwrap();
    });
    // One fault does not hide the next.
    let project = well();
    let log = state(&project).join("log");
    std::fs::remove_file(first_in(log.join("pins"))).unwrap();
    std::fs::remove_file(first_in(log.join("segments"))).unwrap();
    let done = asked(&project, &[]);
    assert!(done.json()["errors"].as_u64().unwrap() >= 2, "{}", done.stdout);
}

#[test]
fn leftovers_and_an_index_that_is_behind_are_found() {
    let project = well();
    std::fs::write(state(&project).join("log/tmp/0123"), "12345").unwrap();
    let found = finds(&project, "warning", "leftovers", "1 half-written files (5 bytes)");
    assert!(found["hint"].as_str().unwrap().contains("staunch gc log"), "{found}");
    project.staunch(&["gc"]).ok();
    assert_eq!(asked(&project, &[]).json()["warnings"], json!(0));

    let database = state(&project).join("control/control.db");
    let old = std::fs::read(&database).unwrap();
    project.staunch(&["run", "log"]).ok();
    std::fs::write(&database, old).unwrap();
    let found = finds(&project, "warning", "index", "not what the log says: log");
    assert!(found["hint"].as_str().unwrap().contains("staunch runs"), "{found}");
    std::fs::write(&database, "no database").unwrap();
    finds(&project, "warning", "index", "cannot be read");
    project.staunch(&["runs"]).ok();
    assert_eq!(asked(&project, &[]).json()["warnings"], json!(0));
}

#[test]
fn sources_are_looked_at() {
    let project = well();
    project.write("data/items/1.csv", "id,kind,size\n1,a,1\n2,b,2\n3,a,3\n8,a,3\n");
    let done = asked(&project, &[]);
    assert!(
        done.stdout.contains("changed since they were read, and not read again: items/1.csv"),
        "{}",
        done.stdout
    );
    assert_eq!(done.code, Some(0));
    std::fs::remove_dir_all(project.root.join("data")).unwrap();
    let found = finds(&project, "error", "source", "");
    assert_eq!(found["code"], json!("Source.Missing"));

    // Half read, by a run that failed in it; and by one that was cut off.
    let half = || {
        let project = small();
        let rows: String = (0..3000).map(|n| format!("{n},k,{n}\n")).collect();
        project.write("data/items/1.csv", format!("id,kind,size\n{rows}"));
        project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 4 KiB}");
        project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 4 KiB\n");
        std::fs::remove_file(project.root.join("pipelines/totals.yaml")).unwrap();
        let env = [("STAUNCH_FAILPOINTS", "kill=commit.after_create:4")];
        assert_eq!(project.staunch_with(&["run", "log"], &env).code, None);
        project
    };
    let project = half();
    project.write("data/items/1.csv", "id,kind,size\n1,a,1\n");
    assert_eq!(
        finds(&project, "error", "source", "has changed since the unfinished run began")["code"],
        json!("Source.Changed")
    );
    std::fs::remove_file(project.root.join("data/items/1.csv")).unwrap();
    project.write("data/items/2.csv", "id,kind,size\n1,a,1\n");
    finds(&project, "error", "source", "is gone since the unfinished run began");
    project.staunch(&["run", "log"]).fails(1, "Source.");
    finds(&project, "error", "source", "stopped inside a file that is gone");
}

#[test]
fn a_clock_that_makes_no_sense_is_found() {
    let project = well();
    let manifests = state(&project).join("log/manifests");
    let last = std::fs::read_dir(manifests).unwrap().map(|e| e.unwrap().path()).max().unwrap();
    let mut manifest: Value = serde_json::from_slice(&std::fs::read(&last).unwrap()).unwrap();
    let written = manifest["written"].as_i64().unwrap();
    for (apart, words) in
        [(86_400_000_000_i64, "in the future"), (-86_400_000_000, "the clock went back before epoch 2")]
    {
        manifest["written"] = json!(written + apart);
        std::fs::write(&last, serde_json::to_vec(&manifest).unwrap()).unwrap();
        finds(&project, "warning", "clock", words);
    }
}
