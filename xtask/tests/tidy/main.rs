//! What holds for the repository as a whole, checked over its manifests, sources and pages.
//!
//! Every rule is a function from a tree of files to its violations. Beside each stands a test that plants a violation in a
//! small tree and sees it found.

mod crates;
mod files;
mod sources;
mod tree;

use std::path::Path;
use tree::{Tree, Violation};

fn check(rule: &str, violations: impl FnOnce(&Tree) -> Vec<Violation>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let found = violations(&Tree::of_repository(&root));
    let list: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "{rule}:\n  {}", list.join("\n  "));
}

#[test]
fn crates_depend_in_one_direction() {
    check("crates depend in one direction", crates::direction);
}

#[test]
fn only_the_engine_knows_datafusion() {
    check("only the engine knows DataFusion", crates::datafusion);
}

#[test]
fn engine_and_connectors_do_not_know_each_other() {
    check("engine and connectors do not know each other", crates::engine_and_connectors);
}

#[test]
fn every_crate_has_a_head() {
    check("every crate says what it is, what it is not, and its invariants", crates::heads);
}

#[test]
fn one_version_of_what_crosses_seams() {
    check("one version of what crosses seams", crates::one_version);
}

#[test]
fn one_function_makes_a_session() {
    check("one function makes a session", sources::one_session);
}

#[test]
fn one_function_plans_sql() {
    check("one function plans SQL", sources::one_planner);
}

#[test]
fn only_the_binary_reads_the_environment() {
    check("only the binary reads the environment", sources::environment);
}

#[test]
fn every_queue_has_a_bound() {
    check("every queue has a bound", sources::bounded_queues);
}

#[test]
fn time_and_tasks_come_through_the_seams() {
    check("time and tasks come through the seams", |tree| sources::seams(tree, sources::SEAMS));
}

#[test]
fn files_are_short() {
    check("files are short", files::lengths);
}

#[test]
fn files_are_small() {
    check("files are small", files::sizes);
}

#[test]
fn every_code_has_a_page() {
    check("every code has a page", files::error_pages);
}

#[test]
fn every_code_is_raised() {
    check("every code is raised", files::codes_are_raised);
}
