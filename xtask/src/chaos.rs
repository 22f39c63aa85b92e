//! `cargo xtask chaos`: builds the binary and the campaigns, and runs those that are asked for.

use crate::tools::{self, Failure, Workspace, say};
use std::process::Command;

/// Every planted bug, and a few power cuts.
const SAMPLE: &[&str] = &["--planted", "--power", "4"];

/// The debug build: planted bugs are in no other.
fn campaigns(workspace: &Workspace) -> Command {
    let staunch = workspace.staunch(false);
    let mut command = Command::new(staunch.with_file_name("staunch-chaos"));
    command.arg("--binary").arg(staunch);
    command
}

/// The command.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
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
