//! Bugs that a debug build of the binary can be told to have, and the check that catches each: a checker that cannot fail
//! proves nothing.

use super::outcome::{compare, outcome};
use super::trial::{Death, Moment, Prepared, ends};
use super::zombie::{must_be_fenced, must_be_fenced_after_gc};
use super::{Check, Disk, Failure, Site};

/// What happens to the command while the bug is there.
#[derive(Debug, Clone, Copy)]
pub enum Disturbance {
    /// Nothing.
    None,
    /// It is killed there.
    Kill(&'static str, u64),
    /// It is held there, the region is taken over by a second start, and it goes on.
    Zombie(&'static str, u64),
    /// So it is, and the epochs that it believes to be its own are collected meanwhile.
    ZombieAfterGc(&'static str, u64),
    /// The power is cut there.
    Power(&'static str, u64),
}

/// A planted bug.
#[derive(Debug)]
pub struct Bug {
    /// What it is called in `STAUNCH_PLANT`; several, where one alone is harmless.
    pub name: &'static str,
    /// The scenario that shows it.
    pub scenario: &'static str,
    /// What it takes to show it.
    pub disturbance: Disturbance,
    /// The check that catches it.
    pub caught_by: Check,
}

const fn bug(name: &'static str, scenario: &'static str, disturbance: Disturbance, caught_by: Check) -> Bug {
    Bug { name, scenario, disturbance, caught_by }
}

use Disturbance::{Kill, None, Power, Zombie, ZombieAfterGc};

/// Each planted bug, and what catches it.
pub const BUGS: &[Bug] = &[
    // Files are not synced: neither rows of a segment nor the commit itself survive.
    bug("skip_fsync", "log", Power("apply.after_record", 3), Check::Bytes),
    // An artefact gets its name before its bytes are there.
    bug("publish_before_data", "log", Kill("store.after_link", 6), Check::Bytes),
    // A target that has an epoch takes it once more.
    bug("apply_twice", "log", Kill("sqlite.after_commit", 5), Check::Sinks),
    // A row is lost on its way to a target.
    bug("drop_row", "log", None, Check::Ledger),
    // So it is, and the far end of the edge is taken from the near one: the ledger is blind.
    bug("drop_row,count_one_side", "log", None, Check::Sinks),
    // The first epoch says that the whole file was read.
    bug("position_early", "log", Kill("commit.after_create", 2), Check::Sinks),
    // A start that continues a run reads from the beginning.
    bug("position_forgotten", "log", Kill("commit.after_create", 3), Check::Sinks),
    // A create that finds the name taken is believed to have won.
    bug("trust_exists", "discard", Zombie("commit.before_create", 2), Check::Fence),
    // Nobody looks for a newer generation before an apply.
    bug("no_fence", "log", Zombie("commit.after_create", 5), Check::Fence),
    // A rejected row is counted and not kept.
    bug("lose_dead_letter", "log", None, Check::DeadLetters),
    // Fields that a read keeps are counted, and those of one record are lost.
    bug("lose_unknown", "drift", None, Check::Ledger),
    // A replay leaves no mark: the letters stand, and would be written again.
    bug("replay_twice", "replay", None, Check::DeadLetters),
    // The last file of a listing is not read.
    bug("forget_file", "full-refresh", None, Check::Sinks),
    // The far end leaves the last column out of the hash sum.
    bug("hash_ignores_column", "log", None, Check::Ledger),
    // A collection takes what manifests of runs that stay refer to.
    bug("collect_live", "gc", None, Check::Recovery),
    // It deletes before the floor is raised.
    bug("delete_before_floor", "gc", Kill("gc.after_delete", 3), Check::Recovery),
    // Nobody looks whether a number was free because it was collected.
    bug("no_floor", "discard", ZombieAfterGc("commit.before_create", 2), Check::Fence),
    // A recovery sweeps what an apply to come needs.
    bug("sweep_needed", "full-refresh", Kill("commit.after_create", 4), Check::Recovery),
];

impl Bug {
    /// Whether it takes a disk whose power can be cut.
    #[must_use]
    pub fn needs_disk(&self) -> bool {
        matches!(self.disturbance, Power(..))
    }

    /// Plants the bug and looks whether it is caught, by the check that is named.
    ///
    /// # Errors
    /// It is not caught, or by another check.
    pub fn is_caught(&self, prepared: &Prepared, disk: Option<&Disk>) -> Result<(), Failure> {
        let found = self.disturbed(prepared, self.name, disk);
        match found {
            Err(failure) if failure.check == self.caught_by => {}
            Err(failure) => return Err(failure.about(&format!("`{}` is caught by another check", self.name))),
            Ok(()) => return Err(Failure::other(format!("`{}` is not caught", self.name))),
        }
        // The same without the bug passes: it is the bug that was caught.
        self.disturbed(prepared, "", disk).map_err(|e| e.about(&format!("without `{}`", self.name)))
    }

    fn disturbed(&self, prepared: &Prepared, plant: &str, disk: Option<&Disk>) -> Result<(), Failure> {
        let moment = |site: &str, passage| Moment { site: site.to_owned(), passage };
        let mut site = Site::copied(&prepared.template)?;
        plant.clone_into(&mut site.plant);
        let scenario = prepared.scenario;
        match self.disturbance {
            None => {
                ends(scenario.command, &site.run(scenario.command, "")?, scenario.exit)?;
                if scenario.settles {
                    prepared.goes_on(&site)?;
                }
                compare(&prepared.expected, &outcome(&site)?)
            }
            Kill(at, k) => {
                let at = moment(at, k);
                let site = prepared.crashed(&at, Death::Abort, plant)?;
                prepared.recover(&site).map_err(|e| e.about(&format!("killed at {at}")))
            }
            Zombie(at, k) => must_be_fenced(prepared, &site, &moment(at, k)),
            ZombieAfterGc(at, k) => must_be_fenced_after_gc(prepared, &site, &moment(at, k)),
            Power(at, k) => {
                let disk = disk.ok_or_else(|| Failure::other("there is no disk to cut the power of"))?;
                disk.trial(prepared, &moment(at, k), plant)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sites::arguments_of;
    use super::BUGS;
    use std::collections::BTreeSet;

    #[test]
    fn every_bug_of_the_sources_is_in_the_table_and_the_other_way_round() {
        let table: BTreeSet<String> =
            BUGS.iter().flat_map(|bug| bug.name.split(',').map(str::to_owned)).collect();
        assert_eq!(arguments_of("planted::bug(").unwrap(), table);
        assert!(table.len() >= 12, "{table:?}");
    }
}
