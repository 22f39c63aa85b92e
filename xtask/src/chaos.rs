//! `cargo xtask chaos`: builds the binary and the campaigns, and runs those that are asked for.

use crate::tools::{self, Failure, Workspace, say};
use std::process::Command;

/// Every planted bug, a few power cuts, some faults of the disk and some processes that are outlived.
const SAMPLE: &[&str] = &["--planted", "--power", "4", "--disk", "60", "--zombie", "30"];

/// Power cuts on the simulated disk: an argument of the library, so they are in its tests.
const SIMULATED: &[&str] = &[
    "test",
    "--workspace",
    "--test",
    "it",
    "disk::every_operation",
    "--",
    "--exact",
    "--ignored",
    "--nocapture",
];

/// The debug build: planted bugs are in no other.
fn campaigns(workspace: &Workspace) -> Command {
    let staunch = workspace.staunch(false);
    let mut command = Command::new(staunch.with_file_name("staunch-chaos"));
    command.arg("--binary").arg(staunch);
    command
}

/// The command.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    if arguments.iter().any(|argument| argument == "--simulated") {
        return match arguments.len() {
            1 => tools::run(&mut workspace.cargo(SIMULATED)),
            _ => Err("--simulated goes alone".into()),
        };
    }
    // All of it, so that every build of the workspace shares one set of features.
    tools::run(&mut workspace.cargo(&["build", "--workspace"]))?;
    tools::run(campaigns(workspace).args(arguments))
}

/// What the check command runs besides the tests; gives what had to be skipped.
pub(crate) fn sample(workspace: &Workspace) -> Result<Vec<String>, Failure> {
    let said = tools::output(campaigns(workspace).args(SAMPLE))?;
    say(said.trim_end());
    Ok(said.lines().filter_map(|line| line.strip_prefix("SKIPPED: ")).map(str::to_owned).collect())
}
