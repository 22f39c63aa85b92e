//! `gc`: what goes, what stays, and what every other verb says afterwards.

use crate::project::Project;
use crate::rules::small;
use crate::tables;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

/// A project that keeps as long as `keep` says.
fn keeping(keep: &str) -> Project {
    let project = small();
    project.edit("staunch.yaml", "  dev:\n", &format!("  dev:\n    keep: {{{keep}}}\n"));
    project
}

const NOTHING: &str = "runs: 0 s, dead_letters: 0 s, late_rows: 0 s";

fn gc(project: &Project, args: &[&str]) -> Value {
    let args: Vec<&str> = ["gc"].iter().chain(args).chain(&["--output", "json"]).copied().collect();
    project.staunch(&args).ok().json()["pipelines"].clone()
}

/// Every file below a folder, with its bytes.
fn files(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => drop(found.insert(path.display().to_string(), std::fs::read(&path).unwrap())),
        }
    }
    found
}

fn names(project: &Project, folder: &str) -> Vec<String> {
    let folder = project.root.join(".staunch/dev/log").join(folder);
    let names = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = names.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn shown(project: &Project) -> (Vec<String>, Vec<String>) {
    let table = tables::sqlite(&project.root.join("out/db.sqlite")).remove("items").unwrap_or_default();
    (tables::parquet(&project.root.join("out/items")), table)
}

/// Three runs, each of a file with a dead letter.
fn three_runs(project: &Project) {
    for n in 1..=3 {
        project.write(&format!("data/items/{n}.csv"), format!("id,kind,size\n{n}0,a,5\nx{n},b,5\n"));
        project.staunch(&["run", "log", "--id", &format!("r{n}")]).ok();
    }
}

#[test]
fn runs_that_are_older_than_they_are_kept_go_and_the_rest_works_as_before() {
    let project = keeping(NOTHING);
    three_runs(&project);
    project.staunch(&["run", "totals"]).ok();
    let (published, before) = (files(&project.root.join("out")), files(&project.root.join(".staunch")));

    // A dry run tells everything and changes nothing.
    let told = gc(&project, &["log", "--dry-run"]);
    let after = files(&project.root.join(".staunch"));
    let index = |path: &String| path.contains("/control/");
    let logs = |files: BTreeMap<String, Vec<u8>>| -> Vec<_> {
        files.into_iter().filter(|(path, _)| !index(path)).collect()
    };
    assert!(logs(before.clone()) == logs(after), "a dry run changed something");
    let text = project.staunch(&["gc", "--dry-run"]).ok().stdout;
    assert!(text.contains("log: 2 runs, r1 to r2 would be collected, up to epoch "), "{text}");
    assert!(text.contains("log: 3 dead letters that nobody had dealt with would be given up"), "{text}");

    let done = gc(&project, &["log"]);
    assert_eq!(told, done, "what was told is what was done");
    let state = |files: &BTreeMap<String, Vec<u8>>| -> u64 {
        files.iter().filter(|(path, _)| path.contains("/dev/log/")).map(|(_, b)| b.len() as u64).sum()
    };
    let freed = state(&before) - state(&files(&project.root.join(".staunch")));
    // What is written meanwhile: two floors and a generation.
    let bytes = done[0]["bytes"].as_u64().unwrap();
    assert!(bytes > 10_000 && (bytes - 2000..=bytes).contains(&freed), "{bytes} told, {freed} freed");
    assert_eq!(done[0]["freed"]["dead_letters"]["files"], json!(3));
    assert_eq!(done[0]["runs"].as_array().unwrap().len(), 2);
    assert_eq!(files(&project.root.join("out")), published, "targets are not touched");
    assert_eq!(names(&project, "epochs").len(), 2, "those of the newest run");

    // Nothing is left to be done, and nothing is done.
    let again = project.staunch(&["gc", "log"]).ok().stdout;
    assert_eq!(again, "nothing to collect\n");

    let runs = project.staunch(&["runs", "log", "--output", "json"]).ok().json();
    assert_eq!((runs.as_array().unwrap().len(), &runs[0]["run"]), (1, &json!("r3")));
    std::fs::remove_dir_all(project.root.join(".staunch/dev/control")).unwrap();
    assert_eq!(project.staunch(&["runs", "log", "--output", "json"]).ok().json(), runs, "made anew");
    for args in [&["ledger", "r1"][..], &["dlq", "ls", "--run", "r1"], &["run", "log", "--id", "r1"]] {
        let gone = project.staunch(args).fails(2, "Run.Collected");
        assert!(gone.stderr.contains("run `r1` has succeeded, and its records were collected"), "{args:?}");
    }
    project.staunch(&["ledger", "r3"]).ok();
    project.staunch(&["ledger", "r0"]).fails(2, "Run.Unknown");
    let letters = project.staunch(&["dlq", "ls", "--pipeline", "log", "--output", "json"]).ok().json();
    assert_eq!(letters, json!([]));
    project.staunch(&["run", "log", "--id", "r3"]).ok();

    // What was read is known: also the files of runs that are gone.
    project.write("data/items/4.csv", "id,kind,size\n40,a,5\n");
    let next = project.staunch(&["run", "log", "--output", "json"]).ok().json();
    assert_eq!(next["records"], json!(1));
    assert_eq!((shown(&project).0.len(), shown(&project).1.len()), (4, 4));
}

#[test]
fn letters_go_by_their_own_time_and_hold_their_runs() {
    // Of this pipeline letters are kept, and so are runs that have some.
    let project = keeping(NOTHING);
    project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 100 %, keep: 30 d}");
    three_runs(&project);
    assert_eq!(gc(&project, &["log"])[0]["runs"], json!([]));
    assert_eq!(project.staunch(&["dlq", "ls", "--output", "json"]).ok().json().as_array().unwrap().len(), 3);

    // Letters may go before their runs: the ledger stays and counts them.
    let project = keeping("dead_letters: 0 s");
    three_runs(&project);
    let done = gc(&project, &["log"]);
    assert_eq!((&done[0]["floor"], &done[0]["dead_letters_given_up"]), (&json!(0), &json!(3)));
    assert_eq!(names(&project, "segments"), Vec::<String>::new());
    assert_eq!(project.staunch(&["dlq", "ls", "--run", "r2", "--output", "json"]).ok().json(), json!([]));
    project.staunch(&["dlq", "replay"]).ok();
    let ledger = project.staunch(&["ledger", "r2", "--output", "json"]).ok().json();
    assert_eq!((&ledger["balanced"], &ledger["ledger"]["reads"]["items"]["dead"]), (&json!(true), &json!(1)));
    // New ones are none of those.
    project.write("data/items/4.csv", "id,kind,size\nx4,a,5\n");
    project.staunch(&["run", "log"]).ok();
    let letters = project.staunch(&["dlq", "show", "--output", "json"]).ok().json();
    assert_eq!((letters.as_array().unwrap().len(), &letters[0]["raw"]), (1, &json!("x4,a,5")));
}

#[test]
fn a_letter_that_stays_can_be_replayed_after_a_collection() {
    let project = keeping("runs: 0 s");
    project.staunch(&["run", "log", "--id", "clean"]).ok();
    project.write("data/items/2.csv", "id,kind,size\n7,b,x\n");
    project.staunch(&["run", "log", "--id", "bad"]).ok();
    assert_eq!(gc(&project, &["log"])[0]["runs"][0]["run"], json!("clean"));
    project.edit("contracts/item.yaml", "version: 1", "version: 1\ndoc: x");
    let shown = project.staunch(&["dlq", "show", "--output", "json"]).ok().json();
    assert_eq!(shown[0]["raw"], json!("7,b,x"));
    project.staunch(&["dlq", "replay"]).ok();
    let again = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    assert_eq!(again[0]["attempts"], json!(2), "it was rejected once more");
}

#[test]
fn a_pipeline_that_is_being_run_is_left_alone() {
    let project = keeping(NOTHING);
    project.staunch(&["run", "log"]).ok();
    project.staunch(&["run", "totals"]).ok();
    project.write("data/items/2.csv", "id,kind,size\n20,a,5\n");
    project.staunch(&["run", "totals"]).ok();
    let held = project.hold(&["run", "log"], "commit.before_create:2");
    let busy = project.staunch(&["gc", "log"]).fails(1, "Run.Busy");
    assert!(busy.stderr.contains(&format!("process {}", held.pid())), "{}", busy.stderr);
    // The others do not wait for it, and looking is free.
    let all = project.staunch(&["gc"]).fails(1, "Run.Busy");
    assert!(all.stdout.contains("totals: run "), "{}", all.stdout);
    project.staunch(&["gc", "log", "--dry-run"]).ok();
    held.release().ok();
    gc(&project, &["log"]);
    assert_eq!(shown(&project).1.len(), 4);
}

/// Small chunks and epochs, so that there is a middle.
fn many_epochs(keep: &str) -> Project {
    let project = keeping(keep);
    project.staunch(&["run", "log", "--id", "before"]).ok();
    let rows: String = (100..3000).map(|n| format!("{n},k{},{}\n", n % 7, n % 9)).collect();
    project.write("data/items/2.csv", format!("id,kind,size\n{rows}"));
    project.edit("staunch.yaml", "format: csv}", "format: csv, chunk_bytes: 4 KiB}");
    project.edit("pipelines/log.yaml", "pipeline: log\n", "pipeline: log\nepoch_bytes: 8 KiB\n");
    project
}

#[test]
fn a_run_that_was_cut_off_goes_on_after_a_collection() {
    let undisturbed = many_epochs(NOTHING);
    undisturbed.staunch(&["run", "log"]).ok();
    for place in
        ["commit.after_create:4", "apply.before:5", "sqlite.before_commit:6", "commit.before_create:3"]
    {
        let project = many_epochs(NOTHING);
        let plan = format!("kill={place}");
        let killed = project.staunch_with(&["run", "log", "--id", "cut"], &[("STAUNCH_FAILPOINTS", &plan)]);
        assert_eq!(killed.code, None, "{place}: {}", killed.stderr);
        let done = gc(&project, &["log"]);
        assert_eq!(done[0]["runs"][0]["run"], json!("before"), "{place}");
        assert_eq!(done[0]["runs"].as_array().unwrap().len(), 1, "{place}");
        let again = project.staunch(&["run", "log", "--id", "cut", "--output", "json"]).ok().json();
        assert_eq!((&again["continued"], &again["records"]), (&json!(true), &json!(2900)), "{place}");
        assert!(shown(&project) == shown(&undisturbed), "{place}");
    }
}

#[test]
fn what_a_target_has_not_taken_yet_stays() {
    let project = keeping(NOTHING);
    std::fs::create_dir_all(project.root.join("out")).unwrap();
    let connection = rusqlite::Connection::open(project.root.join("out/db.sqlite")).unwrap();
    connection
        .execute_batch("CREATE TABLE items (id INTEGER PRIMARY KEY CHECK (id > 9), kind TEXT, size INTEGER)")
        .unwrap();
    project.edit("pipelines/log.yaml", "{at_most: 100 %}", "{at_most: 1 %, from_row: 1}");
    project.staunch(&["run", "log"]).fails(5, "Sink.Rejected");
    project.staunch(&["run", "log"]).fails(5, "Sink.Rejected");
    let done = gc(&project, &["log"]);
    assert_eq!((&done[0]["floor"], &done[0]["runs"]), (&json!(0), &json!([])));
    assert_eq!(names(&project, "staged/db.items").len(), 1, "the next run asks for it");
    connection
        .execute_batch(
            "DROP TABLE items; CREATE TABLE items (id INTEGER PRIMARY KEY, kind TEXT, size INTEGER)",
        )
        .unwrap();
    project.staunch(&["run", "log"]).ok();
    assert_eq!(shown(&project).1.len(), 3);
    gc(&project, &["log"]);
    project.staunch(&["run", "log"]).ok();
    assert_eq!(
        project.staunch(&["runs", "log", "--output", "json"]).ok().json().as_array().unwrap().len(),
        2
    );
}

#[test]
fn a_whole_read_that_was_collected_is_still_known_to_be_unchanged() {
    let project = keeping(NOTHING);
    project.staunch(&["run", "totals"]).ok();
    let files = files(&project.root.join("out"));
    for _ in 0..3 {
        project.staunch(&["run", "totals"]).ok();
        gc(&project, &["totals"]);
    }
    assert_eq!(files, self::files(&project.root.join("out")), "nothing changed, nothing was written");
    project.write("data/items/2.csv", "id,kind,size\n20,c,5\n");
    project.staunch(&["run", "totals"]).ok();
    assert_eq!(tables::parquet(&project.root.join("out/totals")).len(), 3, "and old files are retired");
}

#[test]
fn what_killed_processes_left_is_swept() {
    let project = small();
    project.staunch(&["run", "log"]).ok();
    let region = std::fs::read_dir(project.root.join("out/items/.staunch")).unwrap();
    let region = region.map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
    let left = [
        region.join("lake.items-e2-g1-7.parquet.staged"),
        project.root.join(".staunch/dev/log/staged/db.items/db.items-e2-g1-7.arrow"),
        project.root.join(".staunch/dev/log/tmp/0123"),
        project.root.join(".staunch/dev/log/spill/datafusion-1/2.arrow"),
        project.root.join(".staunch/dev/log/spools/gone/000000000001-00000001-0-items-out"),
        project.root.join(".staunch/dev/log/manifests/000000000002-00000001-0123456789ab"),
    ];
    let foreign = [region.join("notes.txt"), project.root.join("out/notes")];
    for path in left.iter().chain(&foreign) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "12345").unwrap();
    }
    let done = gc(&project, &["log"]);
    for kind in ["half_written_files", "spilled_rows", "spools", "orphans"] {
        assert_eq!(done[0]["freed"][kind], json!({"files": 1, "bytes": 5}), "{kind}: {done}");
    }
    assert_eq!(done[0]["freed"]["staged_files"], json!({"files": 2, "bytes": 10}));
    for path in &left {
        assert!(!path.try_exists().unwrap(), "{}", path.display());
    }
    assert!(!project.root.join(".staunch/dev/log/spools/gone").try_exists().unwrap());
    for path in &foreign {
        assert!(path.try_exists().unwrap(), "{}", path.display());
    }
    assert_eq!(shown(&project).0.len(), 2);
}

/// A log that cannot be read is not collected: who cannot see what is referred to takes nothing away.
#[test]
fn a_damaged_log_is_left_as_it_is() {
    let project = keeping(NOTHING);
    three_runs(&project);
    let manifests = names(&project, "manifests");
    let path = project.root.join(".staunch/dev/log/manifests").join(&manifests[4]);
    std::fs::write(&path, "{").unwrap();
    let before = files(&project.root.join(".staunch/dev/log"));
    project.staunch(&["gc", "log"]).fails(1, "Store.Corrupt");
    assert!(files(&project.root.join(".staunch/dev/log")) == before);
}

/// The default keeps what is young.
#[test]
fn nothing_of_today_is_collected_unless_it_is_said() {
    let project = small();
    three_runs(&project);
    assert_eq!(project.staunch(&["gc"]).ok().stdout, "nothing to collect\n");
    project.edit("staunch.yaml", "  dev:\n", "  dev:\n    keep: {runs: 3, letters: 2 d}\n");
    let wrong = project.staunch(&["gc"]).fails(3, "ST0005");
    assert!(wrong.stderr.contains("ST0002") && wrong.stderr.contains("`keep` has no key `letters`"));
}
