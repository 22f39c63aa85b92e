//! A process that believes that it still owns the run: it is held, loses the region to a second start that goes on to the end, and is
//! let go. Nothing that it does then may change anything.

use super::kept::Kept;
use super::outcome::{compare, outcome};
use super::trial::{Moment, Prepared, ends};
use super::{Check, Done, Failure, Site};

/// Failpoints inside a transaction of SQLite, which lets nobody else write until it has ended.
const INSIDE: &[&str] = &["sqlite.after_rows", "sqlite.before_commit"];

/// How whoever was held ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loser {
    /// As fenced.
    Fenced,
    /// As the undisturbed command: it had begun nothing when it was held, or everything was decided.
    Finished,
}

impl Prepared {
    /// Holds the command at a moment, lets a second start take over and finish, lets it go, and compares everything. `None`: the moment
    /// did not come.
    ///
    /// # Errors
    /// The check that failed.
    pub fn zombie(&self, at: &Moment) -> Result<Option<Loser>, Failure> {
        let site = Site::copied(&self.template)?;
        let done = self.outlived(&site, at);
        done.map_err(|e| e.about(&format!("{} held at {at} and outlived", self.scenario.name)))
    }

    fn outlived(&self, site: &Site, at: &Moment) -> Result<Option<Loser>, Failure> {
        let command = self.scenario.command;
        let Ok(held) = site.hold(command, &at.to_string(), &site.base.join("hold"))? else { return Ok(None) };
        if INSIDE.contains(&at.site.as_str()) {
            self.is_kept_out(site)?;
            let loser = ended(&held.release()?, self.scenario.exit)?;
            self.recover(site)?;
            return Ok(Some(loser));
        }
        self.takes_over(site)?;
        let (kept, before) = (Kept::of(site)?, outcome(site)?);
        let loser = ended(&held.release()?, self.scenario.exit)?;
        kept.check()?;
        // A command without an id that had begun nothing does now what it was to do.
        if loser == Loser::Fenced || !self.scenario.settles {
            compare(&before, &outcome(site)?).map_err(|e| e.about("what the loser did changed something"))?;
        }
        self.recover(site)?;
        Ok(Some(loser))
    }

    /// Whoever is held has the target's own lock: the second start cannot go on, says so, and has changed nothing.
    fn is_kept_out(&self, site: &Site) -> Result<(), Failure> {
        take_lease(site)?;
        let done = site.run(self.again().0, "")?;
        match done.code == Some(1)
            && done.stderr.contains("Sink.Unavailable")
            && done.stderr.contains("locked")
        {
            true => Ok(()),
            false => Err(Failure::recovery(self.again().0, &done)),
        }
    }

    /// Takes the lease away from whoever holds it, as a pause beyond its end would, and starts the command that goes on to the end.
    ///
    /// # Errors
    /// It does not end as it should.
    pub(crate) fn takes_over(&self, site: &Site) -> Result<(), Failure> {
        take_lease(site)?;
        self.goes_on(site)
    }
}

fn take_lease(site: &Site) -> Result<(), Failure> {
    match std::fs::remove_dir_all(site.state().join("control/leases")) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Failure::machine("take the lease away")(e)),
        _ => Ok(()),
    }
}

/// How the loser ended.
fn ended(done: &Done, exit: i32) -> Result<Loser, Failure> {
    match done.code {
        Some(1) if done.stderr.contains("Run.Fenced") && !done.stderr.contains("panic") => Ok(Loser::Fenced),
        Some(code) if code == exit => Ok(Loser::Finished),
        code => Err(Failure::new(Check::Fence, format!("it ended with {code:?}: {}", done.stderr))),
    }
}

/// A process is held, loses the region to a second start, and goes on: it must end as fenced. For planted bugs.
pub(super) fn must_be_fenced(prepared: &Prepared, site: &Site, at: &Moment) -> Result<(), Failure> {
    fenced(prepared, site, at, || Ok(()))?;
    prepared.recover(site)
}

/// The same, and before it goes on `gc` collects whatever it can. Ledgers and letters go with their runs; the rows do not, and what is
/// left can be read.
pub(super) fn must_be_fenced_after_gc(prepared: &Prepared, site: &Site, at: &Moment) -> Result<(), Failure> {
    fenced(prepared, site, at, || collect_all(site))?;
    prepared.takes_over(site)?;
    match prepared.expected["sinks"] == outcome(site)?["sinks"] {
        true => Ok(()),
        false => Err(Failure::new(Check::Sinks, "a collection, and a process that slept, changed a target")),
    }
}

fn fenced(
    prepared: &Prepared,
    site: &Site,
    at: &Moment,
    meanwhile: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let command = prepared.scenario.command;
    let held = match site.hold(command, &at.to_string(), &site.base.join("hold"))? {
        Ok(held) => held,
        Err(done) => return Err(Failure::recovery(command, &done)),
    };
    prepared.takes_over(site)?;
    meanwhile()?;
    let lost = held.release()?;
    if ended(&lost, prepared.scenario.exit)? == Loser::Finished {
        let text = format!("held at {at}, it ended with {:?}: {}", lost.code, lost.stderr);
        return Err(Failure::new(Check::Fence, text));
    }
    Ok(())
}

/// Collects all runs but the newest, however young.
fn collect_all(site: &Site) -> Result<(), Failure> {
    let path = site.root().join("staunch.yaml");
    let text = std::fs::read_to_string(&path).map_err(Failure::machine("read the project"))?;
    let keep = "  dev:\n    keep: {runs: 0 s, dead_letters: 0 s, late_rows: 0 s}\n";
    site.write("staunch.yaml", &text.replace("  dev:\n", keep))?;
    let gc = &["gc", "log"];
    ends(gc, &site.run(gc, "")?, 0)?;
    let floors = std::fs::read_dir(site.state().join("log/floors")).into_iter().flatten().count();
    if floors == 1 { Ok(()) } else { Err(Failure::other("nothing was collected")) }
}
