//! Two starts of one pipeline at once: the lease was taken away under the first, the second takes over. The first must end as
//! fenced, wherever it stood, and nothing may be shown twice.

use crate::rules::small;
use crate::tables;
use serde_json::json;

#[test]
fn whoever_lost_the_region_ends_as_fenced_wherever_it_stood() {
    let places = [
        // Its half-written artefact is swept by the second start.
        "store.before_link:6",
        // So is its staged segment.
        "sqlite.before_seal:1",
        "commit.before_manifest:2",
        // It has committed, and the second one shows that.
        "commit.after_create:2",
        "apply.before:1",
        "sqlite.before_begin:1",
        "apply.after:1",
    ];
    for place in places {
        let project = small();
        project.write("data/items/2.csv", "id,kind,size\n4,a,4\nx,b,5\n");
        let first = project.hold(&["run", "log"], place);
        std::fs::remove_dir_all(project.root.join(".staunch/dev/control")).unwrap();
        project.staunch(&["run", "log"]).ok();
        let lost = first.release();
        assert_eq!(lost.code, Some(1), "{place}: {}", lost.stderr);
        assert!(lost.stderr.contains("Run.Fenced"), "{place}: {}", lost.stderr);
        assert!(
            lost.stderr.contains("the newer start goes on") || lost.stderr.contains("let the newer start"),
            "{place}: {}",
            lost.stderr
        );
        // What it did afterwards changed nothing.
        assert_eq!(tables::parquet(&project.root.join("out/items")).len(), 3, "{place}");
        assert_eq!(tables::sqlite(&project.root.join("out/db.sqlite"))["items"].len(), 4, "{place}");
        let ledger = project.staunch(&["ledger", "--output", "json"]).ok().json();
        assert_eq!((&ledger["balanced"], &ledger["shown"]), (&json!(true), &json!(true)), "{place}");
        let again = project.staunch(&["run", "log", "--output", "json"]).ok().json();
        assert_eq!(again["ledger"]["reads"], json!({}), "{place}");
    }
}

/// Taken over while it shows its last epoch to its last target: the run is committed, and both show the same.
#[test]
fn a_run_that_was_committed_as_a_whole_has_succeeded() {
    let project = small();
    let first = project.hold(&["run", "log"], "files.before_link:1");
    std::fs::remove_dir_all(project.root.join(".staunch/dev/control")).unwrap();
    project.staunch(&["run", "log"]).ok();
    first.release().ok();
    assert_eq!(tables::parquet(&project.root.join("out/items")).len(), 2);
    let runs = project.staunch(&["runs", "--output", "json"]).ok().json();
    assert!(runs.as_array().unwrap().iter().all(|run| run["state"] == json!("succeeded")), "{runs}");
}

#[test]
fn so_does_a_replay() {
    for place in ["store.before_link:5", "commit.before_create:2"] {
        let project = small();
        project.write("data/items/2.csv", "id,kind,size\nx,b,5\n");
        project.staunch(&["run", "log"]).ok();
        let first = project.hold(&["dlq", "replay"], place);
        std::fs::remove_dir_all(project.root.join(".staunch/dev/control")).unwrap();
        project.staunch(&["run", "log"]).ok();
        let lost = first.release();
        assert!(lost.code == Some(1) && lost.stderr.contains("Run.Fenced"), "{place}: {}", lost.stderr);
        let letters = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
        assert_eq!(letters[0]["attempts"], json!(1), "{place}: nothing was settled");
    }
}

/// It sleeps while its run is ended by another start, others follow, and all of it is collected: the number that it wants is
/// free again, and it must neither take it nor show anything.
#[test]
fn a_start_that_slept_through_a_collection_takes_no_number_and_shows_nothing() {
    let places = [
        "store.before_link:6",
        "commit.before_manifest:1",
        "commit.before_create:1",
        "commit.before_create:2",
        "commit.after_create:2",
        "apply.before:1",
        "files.before_link:1",
        "sqlite.before_begin:1",
        "apply.after:1",
    ];
    for place in places {
        let project = small();
        project.edit("staunch.yaml", "  dev:\n", "  dev:\n    keep: {runs: 0 s, dead_letters: 0 s}\n");
        project.write("data/items/2.csv", "id,kind,size\n4,a,4\nx,b,5\n");
        let first = project.hold(&["run", "log"], place);
        std::fs::remove_dir_all(project.root.join(".staunch/dev/control")).unwrap();
        project.staunch(&["run", "log"]).ok();
        project.staunch(&["run", "log"]).ok();
        project.staunch(&["gc", "log"]).ok();
        let floor = || std::fs::read_dir(project.root.join(".staunch/dev/log/floors")).unwrap().count();
        assert_eq!(floor(), 1, "{place}: something was collected");
        let epochs = || {
            let names = std::fs::read_dir(project.root.join(".staunch/dev/log/epochs")).unwrap();
            names.map(|e| e.unwrap().file_name()).max().unwrap()
        };
        let newest = epochs();
        let lost = first.release();
        let told = (lost.code, lost.stderr.contains("Run.Fenced"));
        // Standing before its last target, it had decided everything: the newer start showed that, and its run has succeeded.
        let expected = match place {
            "files.before_link:1" => (Some(0), false),
            _ => (Some(1), true),
        };
        assert_eq!(told, expected, "{place}: {}", lost.stderr);
        assert_eq!(epochs(), newest, "{place}: it took no number above the others");
        assert_eq!(tables::parquet(&project.root.join("out/items")).len(), 3, "{place}");
        assert_eq!(tables::sqlite(&project.root.join("out/db.sqlite"))["items"].len(), 4, "{place}");
        let ledger = project.staunch(&["ledger", "--output", "json"]).ok().json();
        assert_eq!((&ledger["balanced"], &ledger["shown"]), (&json!(true), &json!(true)), "{place}");
        project.write("data/items/3.csv", "id,kind,size\n5,a,4\n");
        let again = project.staunch(&["run", "log", "--output", "json"]).ok().json();
        assert_eq!(again["ledger"]["reads"]["items"]["found"], json!(1), "{place}");
        project.staunch(&["gc", "log"]).ok();
        assert_eq!(
            project.staunch(&["runs", "log", "--output", "json"]).ok().json().as_array().unwrap().len(),
            1
        );
    }
}
