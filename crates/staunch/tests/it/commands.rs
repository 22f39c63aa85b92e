//! The command line itself: help, and variables of the environment that make no sense.

use crate::project::Project;
use crate::rules::small;

#[test]
fn help_is_a_verb() {
    let project = Project::empty();
    let all = project.staunch(&["help"]).ok();
    assert!(all.stdout.contains("Exit codes:") && all.stdout.contains("check"), "{}", all.stdout);
    let run = project.staunch(&["help", "run"]).ok();
    assert!(run.stdout.contains("--full-refresh"), "{}", run.stdout);
    let replay = project.staunch(&["help", "dlq", "replay"]).ok();
    assert!(replay.stdout.contains("--dry-run"), "{}", replay.stdout);
}

#[test]
fn variables_that_make_no_sense_are_refused() {
    let project = small();
    for value in ["abc", "0", "-2", "1.5", "100000"] {
        let refused = project.staunch_with(&["run", "log"], &[("STAUNCH_WORKERS", value)]);
        let refused = refused.fails(2, "Usage.Invalid");
        assert!(refused.stderr.contains("STAUNCH_WORKERS"), "{}", refused.stderr);
        assert!(!project.root.join("out").is_dir(), "nothing was run");
    }
    let refused = project.staunch_with(&["check"], &[("STAUNCH_FAILPOINTS", "explode")]);
    refused.fails(2, "Usage.Invalid");
    // A relative folder counts as not set, as the XDG specification wants it; then there is no home at all.
    let homeless = [("XDG_DATA_HOME", "keys"), ("HOME", "")];
    project.staunch_with(&["run", "log"], &homeless).fails(3, "ST0008");
    assert!(!project.root.join("keys").is_dir());
    project.staunch_with(&["run", "log"], &[("STAUNCH_WORKERS", " 2 ")]).ok();
    project.staunch_with(&["run", "totals"], &[("STAUNCH_WORKERS", "")]).ok();
}

#[test]
fn what_is_not_there_yet_says_so() {
    let project = small();
    let refused = project.staunch(&["run", "log", "--follow"]).fails(2, "Usage.Invalid");
    assert!(refused.stderr.contains("not there yet"), "{}", refused.stderr);
}
