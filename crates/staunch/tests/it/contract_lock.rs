//! `contracts.lock`: what was published stays, what follows fits, and nobody edits either.

use crate::project::Project;
use crate::rules::small;
use serde_json::json;

fn lock_text(project: &Project) -> String {
    std::fs::read_to_string(project.root.join("contracts.lock")).unwrap()
}

const SECOND: &str = "contract: item
version: 2
key: [id]
fields:
  id: long
  kind: string
  size: long?
  note: string?
";

#[test]
fn a_lock_is_written_once_and_says_the_same_every_time() {
    let project = small();
    let stale = project.staunch(&["contract", "lock", "--check"]);
    assert_eq!(stale.code, Some(3), "{stale:?}");
    assert!(stale.stdout.contains("published  item@1"), "{}", stale.stdout);
    assert!(!project.root.join("contracts.lock").is_file(), "--check writes nothing");
    let done = project.staunch(&["contract", "lock"]).ok();
    assert_eq!(
        done.stdout,
        "published  item@1\ninferred   log/big        [dev]\ninferred   totals/totals  [dev]\n\
         contracts.lock written: 1 published version and 2 inferred contracts\n"
    );
    let text = lock_text(&project);
    assert!(text.contains("\n  item@1:\n    fingerprint: sha256:"), "{text}");
    assert!(text.contains("\n        {\"name\": \"kind\", \"type\": \"string\"},\n"), "{text}");
    let again = project.staunch(&["contract", "lock"]).ok();
    assert_eq!(again.stdout, "contracts.lock is up to date: 1 published version and 2 inferred contracts\n");
    assert_eq!(lock_text(&project), text);
    project.staunch(&["contract", "lock", "--check"]).ok();
    project.staunch(&["check"]).ok();
    // Nothing is left beside it.
    let names: Vec<_> = std::fs::read_dir(&project.root).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().all(|n| !n.to_string_lossy().starts_with(".contracts")), "{names:?}");
}

#[test]
fn a_version_that_was_locked_and_edited_is_refused_by_every_verb() {
    let project = small();
    project.staunch(&["contract", "lock"]).ok();
    project.edit("contracts/item.yaml", "size: int?", "size: long?");
    for verb in [
        &["check"][..],
        &["run", "log"],
        &["plan", "log"],
        &["graph", "log"],
        &["gc"],
        &["contract", "lock"],
        &["dlq", "replay", "--dry-run"],
    ] {
        let refused = project.staunch(verb).fails(3, "ST0034");
        for words in
            ["`item@1` was edited", "`size` widened: int → long", "contracts/item.yaml", "version: 2"]
        {
            assert!(refused.stderr.contains(words), "{words} in {}", refused.stderr);
        }
    }
    assert!(!project.root.join("out").is_dir(), "nothing was run");
    // What is for people may be edited, and the lock follows.
    project.edit("contracts/item.yaml", "size: long?", "size: {type: int?, doc: Pieces.}");
    project.staunch(&["run", "log"]).ok();
    assert_eq!(project.staunch(&["contract", "lock", "--check"]).code, Some(3));
    let done = project.staunch(&["contract", "lock"]).ok();
    assert!(done.stdout.starts_with("described  item@1\n"), "{}", done.stdout);
}

#[test]
fn a_version_that_is_declared_no_more_is_usable() {
    let project = small();
    project.staunch(&["run", "log"]).ok();
    project.staunch(&["contract", "lock"]).ok();
    project.write("contracts/item.yaml", SECOND);
    // Both pipelines go on with version 1, and nothing is an edit.
    project.staunch(&["check"]).ok();
    project.write("data/items/2.csv", "id,kind,size\n4,c,4\n");
    let run = project.staunch(&["run", "log", "--output", "json"]).ok();
    assert!(run.stdout.contains("\"log\""), "{}", run.stdout);
    let done = project.staunch(&["contract", "lock"]).ok();
    assert!(done.stdout.starts_with("published  item@2\n"), "{}", done.stdout);
    project.edit("pipelines/totals.yaml", "item@1", "item@3");
    let refused = project.staunch(&["check"]).fails(3, "ST0003");
    assert!(refused.stderr.contains("`item@1`, `item@2`"), "{}", refused.stderr);
    project.edit("pipelines/totals.yaml", "item@3", "item@1");
    project.edit("pipelines/log.yaml", "item@1", "item@2");
    // Another version above it: the stage implies something else now.
    let refused = project.staunch(&["check"]).fails(3, "ST0036");
    assert!(refused.stderr.contains("`size` widened: int → long (stage `big`)"), "{}", refused.stderr);
    project.staunch(&["contract", "lock"]).ok();
    project.staunch(&["check"]).ok();
}

#[test]
fn a_stage_that_implies_something_else_is_refused_until_that_is_locked() {
    let project = small();
    project.staunch(&["contract", "lock"]).ok();
    project.edit("pipelines/log.yaml", "SELECT id, kind, size", "SELECT id, kind, size, size + 1 AS more");
    for verb in [&["check"][..], &["run", "log"], &["plan", "log"]] {
        let refused = project.staunch(verb).fails(3, "ST0036");
        for words in ["`big`", "`more` added: long", "contract lock", "pipelines/log.yaml"] {
            assert!(refused.stderr.contains(words), "{words} in {}", refused.stderr);
        }
    }
    // Other pipelines are not stopped by it.
    project.staunch(&["run", "totals"]).ok();
    let done = project.staunch(&["contract", "lock"]).ok();
    assert!(done.stdout.starts_with("changed  log/big  [dev]  `more` added: long\n"), "{}", done.stdout);
    project.staunch(&["run", "log"]).ok();
    // A stage that is new is free until it is locked; one that is gone leaves.
    project.edit("pipelines/log.yaml", "  big: ", "  huge: ");
    project.edit("pipelines/log.yaml", "from: big", "from: huge");
    project.staunch(&["check"]).ok();
    let done = project.staunch(&["contract", "lock", "--output", "json"]).ok().json();
    let changes: Vec<_> =
        done["changes"].as_array().unwrap().iter().map(|c| (&c["change"], &c["name"])).collect();
    assert_eq!(changes, [(&json!("inferred"), &json!("log/huge")), (&json!("removed"), &json!("log/big"))]);
}

#[test]
fn a_new_version_must_follow_by_the_level_that_it_declares() {
    let project = small();
    project.staunch(&["contract", "lock"]).ok();
    let before = lock_text(&project);
    let broken = SECOND.replace("size: long?", "size: string?").replace("note: string?", "note: string");
    project.write("contracts/item.yaml", &broken);
    let refused = project.staunch(&["contract", "lock"]).fails(4, "Contract.Incompatible");
    for words in [
        "`item@2` does not read all that is written under `item@1` (BACKWARD)",
        "MISSING_UNION_BRANCH",
        "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/3: note",
        "--allow-incompatible item@2",
    ] {
        assert!(refused.stderr.contains(words), "{words} in {}", refused.stderr);
    }
    project.staunch(&["contract", "lock", "--check"]).fails(4, "Contract.Incompatible");
    assert_eq!(lock_text(&project), before);
    // An allowance for nothing is a mistake.
    project
        .staunch(&["contract", "lock", "--allow-incompatible", "item@1", "--allow-incompatible", "item@2"])
        .fails(2, "Usage.Invalid");
    let done = project.staunch(&["contract", "lock", "--allow-incompatible", "item@2"]).ok();
    assert!(done.stdout.contains("breaks with item@1, which was allowed"), "{}", done.stdout);
    assert!(lock_text(&project).contains("\n    breaks: [1]\n"));
    // It is decided: no later lock asks again.
    project.staunch(&["contract", "lock", "--check"]).ok();
    // A level of its own.
    let third = broken.replace("version: 2", "version: 3\ncompatibility: FULL_TRANSITIVE");
    project.write("contracts/item3.yaml", &third);
    let refused = project.staunch(&["contract", "lock"]).fails(4, "Contract.Incompatible");
    assert!(
        refused.stderr.contains("`item@3`") && refused.stderr.contains("`item@1` does not read"),
        "{}",
        refused.stderr
    );
    project.write("contracts/item3.yaml", third.replace("FULL_TRANSITIVE", "none"));
    project.staunch(&["contract", "lock"]).ok();
}

#[test]
fn the_same_bytes_with_another_meaning_do_not_follow() {
    let project = small();
    let at = "contract: at\nversion: 1\nfields: {at: timestamp-millis}\n";
    project.write("contracts/at.yaml", at);
    project.staunch(&["contract", "lock"]).ok();
    project.write("contracts/at.yaml", at.replace("millis", "micros").replace("version: 1", "version: 2"));
    let refused = project.staunch(&["contract", "lock"]).fails(4, "OTHER_MEANING at at");
    assert!(refused.stderr.contains("timestamp-micros"), "{}", refused.stderr);
}

#[test]
fn a_lock_that_somebody_edited_is_refused_with_its_line() {
    let project = small();
    project.staunch(&["contract", "lock"]).ok();
    let text = lock_text(&project);
    for (from, to, words) in [
        ("\"kind\"", "\"sort\"", "fingerprint differs"),
        ("format: 1", "format: 9", "form 9"),
        ("contracts:", "<<<<<<< HEAD\ncontracts:", "merge"),
        ("  item@1:", "  item@4:", "`item@4`"),
    ] {
        project.write("contracts.lock", text.replacen(from, to, 1));
        for verb in [&["check"][..], &["run", "log"], &["contract", "lock"]] {
            let refused = project.staunch(verb).fails(3, "ST0035");
            assert!(refused.stderr.contains(words), "{words} in {}", refused.stderr);
            assert!(refused.stderr.contains("contracts.lock:"), "{}", refused.stderr);
        }
    }
    project.write("contracts.lock", text);
    project.staunch(&["check"]).ok();
}

#[test]
fn a_process_that_is_killed_leaves_the_old_lock_or_the_new_one() {
    for point in ["lock.write", "lock.rename", "lock.sync"] {
        let project = small();
        project.staunch(&["contract", "lock"]).ok();
        let old = lock_text(&project);
        project.write("contracts/item2.yaml", SECOND);
        let plan = format!("kill={point}:1");
        let killed = project.staunch_with(&["contract", "lock"], &[("STAUNCH_FAILPOINTS", &plan)]);
        assert_eq!(killed.code, None, "{point}: {killed:?}");
        let now = lock_text(&project);
        assert_eq!(now != old, point == "lock.sync", "{point}");
        project.staunch(&["check"]).ok();
        project.staunch(&["contract", "lock"]).ok();
        assert!(lock_text(&project).contains("item@2:"));
        let names: Vec<_> =
            std::fs::read_dir(&project.root).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert!(names.iter().all(|n| !n.to_string_lossy().starts_with(".contracts")), "{point}: {names:?}");
    }
}

#[test]
fn each_profile_has_its_own_pins() {
    let project = small();
    project.edit("contracts/item.yaml", "kind: string", "kind: {type: string, pii: kind}");
    project.edit("staunch.yaml", "  dev:\n", "  dev:\n    pii: {kind: token}\n");
    let text = std::fs::read_to_string(project.root.join("staunch.yaml")).unwrap();
    let body = text.split("  dev:\n").nth(1).unwrap();
    let other = body.replace("kind: token", "kind: drop");
    project.write("staunch.yaml", format!("{text}  prod:\n    key: ${{env:KEY}}\n{other}"));
    project.edit("pipelines/log.yaml", "SELECT id, kind, size", "SELECT *");
    project.write("pipelines/totals.yaml", "pipeline: totals\nread:\n  items: {from: in/items, contract: item@1}\nprocess:\n  totals: SELECT count(*) AS n FROM items\nwrite:\n  - {from: totals, to: lake/totals, mode: replace}\n");
    project.staunch(&["contract", "lock"]).ok();
    project.staunch(&["contract", "lock", "--profile", "prod"]).ok();
    let lock = lock_text(&project);
    assert!(lock.contains("\n  dev:\n") && lock.contains("\n  prod:\n"), "{lock}");
    project.staunch(&["contract", "lock", "--check"]).ok();
    project.staunch(&["contract", "lock", "--check", "--profile", "prod"]).ok();
    // A profile that is gone takes its pins along.
    project.write("staunch.yaml", text);
    let done = project.staunch(&["contract", "lock"]).ok();
    assert!(done.stdout.contains("removed  log/big        [prod]"), "{}", done.stdout);
}

#[test]
fn a_transitive_level_is_held_against_the_lock() {
    let project = small();
    let of = |version: u32, fields: &str| {
        format!("contract: c\nversion: {version}\ncompatibility: NONE\nfields: {{{fields}}}\n")
    };
    for (version, fields) in
        [(1, "a: int, b: int"), (2, "a: int"), (3, "a: int, b: {type: string, default: x}")]
    {
        project.write(&format!("contracts/c{version}.yaml"), of(version, fields));
    }
    let check = |args: &[&str]| project.staunch(&[&["contract", "check", "--reader"], args].concat());
    check(&["c@3"]).fails(2, "no earlier version");
    project.staunch(&["contract", "lock"]).ok();
    assert_eq!(check(&["c@3"]).ok().stdout, "compatible (BACKWARD)\n");
    let broken = check(&["c@3", "--level", "BACKWARD_TRANSITIVE", "--output", "json"]);
    assert_eq!(broken.code, Some(4), "{broken:?}");
    let told = broken.json();
    assert_eq!(told["against"], json!(["c@1", "c@2"]));
    let found = &told["incompatibilities"][0];
    assert_eq!(
        (&found["reader"], &found["writer"], &found["type"]),
        (&json!("c@3"), &json!("c@1"), &json!("TYPE_MISMATCH"))
    );
    // A file that is no version yet is held against what is locked.
    project.write("c4.yaml", of(4, "a: string"));
    let broken = check(&["c4.yaml", "--level", "backward_transitive"]);
    assert_eq!(broken.code, Some(4), "{broken:?}");
    assert!(
        broken.stdout.contains("c4.yaml does not read all that is written under c@3:"),
        "{}",
        broken.stdout
    );
    // Versions of the project, by name.
    assert_eq!(check(&["c@2", "--writer", "c@1"]).ok().stdout, "compatible (BACKWARD)\n");
    check(&["c@2", "--writer", "c@1", "--level", "FULL_TRANSITIVE"]).fails(2, "Usage.Invalid");
    check(&["c@9"]).fails(3, "ST0003");
    let shown = project.staunch(&["contract", "show", "c@1"]).ok();
    assert!(shown.stdout.starts_with("canonical  {\"name\":\"c\""), "{}", shown.stdout);
}
