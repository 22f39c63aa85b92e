//! `cargo xtask check`: everything that must hold, one step after the other.

use crate::tools::{self, Failure, Workspace, complain, heading, say};
use staunch_types::{Clock, SystemClock};
use std::time::Duration;

/// What became of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Failed,
    NotRun,
}

/// Runs all steps. A failed one does not keep later ones from being looked at, except where they need it.
fn steps(workspace: &Workspace) -> (Vec<(&'static str, Duration, Outcome)>, Vec<String>) {
    let clock = SystemClock::default();
    let mut table = Vec::new();
    let mut skipped = Vec::new();
    let mut built = true;
    type Step<'a> = Box<dyn FnOnce(&mut Vec<String>) -> Result<(), Failure> + 'a>;
    let cargo = |arguments: &'static [&'static str]| -> Step<'_> {
        Box::new(move |_| tools::run(&mut workspace.cargo(arguments)))
    };
    let steps: Vec<(&'static str, bool, Step<'_>)> = vec![
        ("format", false, cargo(&["fmt", "--all", "--check"])),
        ("lints", false, cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])),
        ("build", false, cargo(&["build", "--workspace"])),
        ("tests", true, cargo(&["test", "--workspace"])),
        (
            "planted bugs, faults",
            true,
            Box::new(|skipped| {
                skipped.extend(crate::chaos::sample(workspace)?);
                Ok(())
            }),
        ),
        (
            "example",
            true,
            Box::new(|skipped| {
                skipped.extend(crate::example::run(workspace, None, false)?);
                Ok(())
            }),
        ),
        (
            "the year",
            true,
            Box::new(|skipped| {
                skipped.extend(crate::example::year(workspace)?);
                Ok(())
            }),
        ),
        (
            "conformance",
            false,
            Box::new(|skipped| {
                skipped.extend(crate::conformance::all(workspace)?);
                Ok(())
            }),
        ),
    ];
    for (name, needs_build, step) in steps {
        heading(name);
        let started = clock.monotonic();
        let outcome = if needs_build && !built {
            say("not run: the build failed");
            Outcome::NotRun
        } else {
            match step(&mut skipped) {
                Ok(()) => Outcome::Good,
                Err(failure) => {
                    complain(&failure);
                    built &= name != "build";
                    Outcome::Failed
                }
            }
        };
        table.push((name, clock.monotonic().saturating_sub(started), outcome));
    }
    (table, skipped)
}

/// The command: the steps, then what became of them.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    let (table, skipped) = steps(workspace);
    heading("summary");
    for (name, took, outcome) in &table {
        let word = match outcome {
            Outcome::Good => "good",
            Outcome::Failed => "FAILED",
            Outcome::NotRun => "not run",
        };
        say(&format!("{name:<24} {:>6.1} s  {word}", took.as_secs_f64()));
    }
    if skipped.is_empty() {
        say("nothing was skipped");
    }
    for what in &skipped {
        say(&format!("SKIPPED: {what}"));
    }
    let failed: Vec<_> =
        table.iter().filter(|(_, _, o)| *o != Outcome::Good).map(|(name, _, _)| *name).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed or not run: {}", failed.join(", "))) }
}
