//! `cargo xtask chaos`: builds the binary and the campaigns, and runs those that are asked for.

use crate::tools::{self, Failure, Workspace};
use std::process::Command;

/// The debug build: planted bugs are in no other.
pub(crate) fn run(workspace: &Workspace, arguments: &[String]) -> Result<(), Failure> {
    // All of it, so that every build of the workspace shares one set of features.
    tools::run(&mut workspace.cargo(&["build", "--workspace"]))?;
    let staunch = workspace.staunch(false);
    let chaos = staunch.with_file_name("staunch-chaos");
    tools::run(Command::new(chaos).arg("--binary").arg(staunch).args(arguments))
}
