//! `staunch-chaos`: whole campaigns over the real binary. `cargo xtask chaos` builds both and calls it.
//!
//! Each trial is a line with its number; `--from` goes on at one after a campaign was stopped. A failure prints the command that
//! repeats it.

mod campaigns;
mod disturbed;

use campaigns::{Campaigns, say};
use clap::Parser;
use std::path::PathBuf;
use std::process::ExitCode;

/// Crashes at chosen moments of small projects, and comparisons with an undisturbed run.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask chaos", bin_name = "cargo xtask chaos")]
#[command(
    after_help = "--simulated, alone: power cuts before every operation of a run over a simulated disk, in this checkout's tests."
)]
struct Arguments {
    /// The binary.
    #[arg(long, hide = true)]
    binary: PathBuf,
    /// Every failpoint at its first, middle and last passage.
    #[arg(long)]
    enumerate: bool,
    /// `kill -9` at N seeded passages.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "200")]
    kill: Option<usize>,
    /// Every failpoint, and every failpoint of the recovery from it.
    #[arg(long)]
    pairs: bool,
    /// Power cuts at N seeded passages: needs root, loop devices, ext4.
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "20")]
    power: Option<usize>,
    /// Every call that writes fails once with EIO, and with ENOSPC from there on; or N of them. Needs Linux and a C compiler.
    #[arg(long, value_name = "N", num_args = 0..=1)]
    disk: Option<Option<usize>>,
    /// A process held at every failpoint (first, middle, last passage) is outlived by a second start, and let go; or N of them.
    #[arg(long, value_name = "N", num_args = 0..=1)]
    zombie: Option<Option<usize>>,
    /// Planted bugs, and what catches each.
    #[arg(long)]
    planted: bool,
    /// One trial: `NAME:K`, or `NAME:K,NAME:K` for a second crash in the recovery; with --zombie `NAME:K`, with --disk `EIO:K`.
    #[arg(long, value_name = "MOMENTS", requires = "only")]
    at: Option<String>,
    /// Only this scenario.
    #[arg(long, value_name = "SCENARIO")]
    only: Option<String>,
    /// Where chance begins.
    #[arg(long, default_value_t = 20_130_101, value_name = "S")]
    seed: u64,
    /// Begin with this trial of each campaign.
    #[arg(long, default_value_t = 1, value_name = "TRIAL")]
    from: usize,
}

fn main() -> ExitCode {
    let mut campaigns = Campaigns::new(Arguments::parse());
    if let Err(failure) = campaigns.run() {
        campaigns.failures.push(failure);
    }
    for failure in &campaigns.failures {
        say(&format!("\nDIFFERENCE  {failure}"));
    }
    say("");
    for line in &campaigns.summary {
        say(line);
    }
    if campaigns.summary.is_empty() && campaigns.failures.is_empty() {
        say(
            "nothing was asked for: --enumerate, --kill, --pairs, --power, --disk, --zombie, --planted, --at",
        );
        return ExitCode::from(2);
    }
    if campaigns.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
