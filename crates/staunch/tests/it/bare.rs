//! Bare runs are for a benchmark, and cannot be had by accident.

use crate::project::Project;

fn project() -> Project {
    let project = Project::empty();
    project
        .write(
            "staunch.yaml",
            "project: small
profiles:
  dev:
    in: {type: files, root: data, objects: {rows: {path: \"*.csv\", format: csv}}}
    lake: {type: files, root: out, objects: {rows: {path: rows}}}
",
        )
        .write("contracts/row.yaml", "contract: row\nversion: 1\nfields: {id: long}\n")
        .write(
            "pipelines/log.yaml",
            "pipeline: log\nread:\n  rows: {from: in/rows, contract: row@1}\nwrite:\n  - {from: rows, to: lake/rows, mode: append}\n",
        )
        .write("data/1.csv", "id\n1\n2\n");
    project
}

#[test]
fn the_variable_means_nothing_to_a_binary_that_was_not_built_for_it() {
    let project = project();
    project.staunch_with(&["run", "log", "--id", "a"], &[("STAUNCH_BARE", "1")]).ok();
    let ledger = project.staunch(&["ledger", "a", "--output", "json"]).ok().json();
    let edges = ledger["ledger"]["edges"].as_object().unwrap();
    assert!(!edges.is_empty());
    assert!(edges.values().all(|edge| edge["near"]["hash"].is_string() && edge["near"] == edge["far"]));
}

#[test]
fn nothing_else_runs_in_a_state_folder_of_bare_runs() {
    let project = project();
    project.write(".staunch/dev/throwaway", "");
    let refused = project.staunch(&["run", "log"]).fails(2, "Usage.Invalid");
    assert!(refused.stderr.contains("nothing of it counts"), "{}", refused.stderr);
    assert!(!project.root.join("out").try_exists().unwrap(), "nothing was written");
    std::fs::remove_file(project.root.join(".staunch/dev/throwaway")).unwrap();
    project.staunch(&["run", "log"]).ok();
    project.write(".staunch/dev/throwaway", "");
    project.staunch(&["ledger"]).fails(2, "Usage.Invalid");
}
