//! One trial: a crash, perhaps another one during the recovery, the recovery, and every comparison.

use super::kept::Kept;
use super::outcome::{compare, outcome};
use super::scenario::{Scenario, Step};
use super::{Check, Done, Failure, Site};
use serde_json::Value;
use std::fmt;
use std::path::Path;

/// A moment: the k-th passage of a failpoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The failpoint.
    pub site: String,
    /// The passage, from 1.
    pub passage: u64,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.site, self.passage)
    }
}

impl Moment {
    /// Reads `NAME:K`.
    ///
    /// # Errors
    /// Says what it should look like.
    pub fn parse(text: &str) -> Result<Self, Failure> {
        let parts = text.split_once(':').and_then(|(site, k)| Some((site.to_owned(), k.parse().ok()?)));
        let (site, passage) =
            parts.ok_or_else(|| Failure::other(format!("`{text}` is no moment: NAME:K")))?;
        Ok(Self { site, passage })
    }
}

/// How a process is ended at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It ends itself.
    Abort,
    /// It is held there and gets `kill -9`.
    Kill,
}

/// A scenario, ready to be disturbed: the project before the command, and what comes of it undisturbed.
pub struct Prepared {
    /// The scenario.
    pub scenario: &'static Scenario,
    /// The project before the command.
    pub template: Site,
    /// What the undisturbed command comes to.
    pub expected: Value,
    /// How often the undisturbed command passes each failpoint.
    pub passages: Vec<(String, u64)>,
}

impl Prepared {
    /// Does what comes before, and the undisturbed run.
    ///
    /// # Errors
    /// One of the commands does not end as the scenario says.
    pub fn new(binary: &Path, scenario: &'static Scenario) -> Result<Self, Failure> {
        let template = Site::temporary(binary)?;
        for step in scenario.before {
            match step {
                Step::Write(path, text) => template.write(path, text)?,
                Step::Run(args) => ends(args, &template.run(args, "")?, 0)?,
                Step::Killed(args, at) => {
                    if !die(&template, args, &Moment::parse(at)?, Death::Abort)? {
                        return Err(Failure::other(format!("{at} did not come")));
                    }
                }
                Step::Sql(sql) => execute(&template, sql)?,
            }
        }
        let undisturbed = Site::copied(&template)?;
        ends(scenario.command, &undisturbed.run(scenario.command, "count")?, scenario.exit)?;
        let passages = passages(&undisturbed)?;
        if scenario.settles {
            ends(RUN, &undisturbed.run(RUN, "")?, 0)?;
        }
        let expected = outcome(&undisturbed)?;
        Ok(Self { scenario, template, expected, passages })
    }

    /// The first, middle and last passage of every failpoint.
    #[must_use]
    pub fn moments(&self) -> Vec<Moment> {
        let all = self.passages.iter().flat_map(|(site, last)| {
            [1, last.div_ceil(2), *last].map(|passage| Moment { site: site.clone(), passage })
        });
        let mut moments: Vec<_> = all.collect();
        moments.dedup();
        moments
    }

    /// Every passage of every failpoint.
    #[must_use]
    pub fn all_moments(&self) -> Vec<Moment> {
        let all = self
            .passages
            .iter()
            .flat_map(|(site, last)| (1..=*last).map(|passage| Moment { site: site.clone(), passage }));
        all.collect()
    }

    /// A copy of the project, killed at this moment of the command; the binary has these bugs.
    ///
    /// # Errors
    /// The moment did not come.
    pub fn crashed(&self, at: &Moment, death: Death, plant: &str) -> Result<Site, Failure> {
        let mut site = Site::copied(&self.template)?;
        plant.clone_into(&mut site.plant);
        if !die(&site, self.scenario.command, at, death)? {
            return Err(Failure::other(format!("{at} did not come")));
        }
        Ok(site)
    }

    /// The passages of the recovery from what lies here, and whatever else the command passes then.
    ///
    /// # Errors
    /// The recovery fails.
    pub fn recovery_passages(&self, crashed: &Site) -> Result<Vec<(String, u64)>, Failure> {
        let site = Site::copied(crashed)?;
        let (command, exit) = self.again();
        ends(command, &site.run(command, "count")?, exit)?;
        passages(&site)
    }

    /// The command that recovers, and what it exits with.
    pub(crate) fn again(&self) -> (&'static [&'static str], i32) {
        if self.scenario.settles { (RUN, 0) } else { (self.scenario.command, self.scenario.exit) }
    }

    /// A second start goes on to the end.
    ///
    /// # Errors
    /// It does not end as it should.
    pub(crate) fn goes_on(&self, site: &Site) -> Result<(), Failure> {
        let (command, exit) = self.again();
        ends(command, &site.run(command, "")?, exit)
    }

    /// Kills the recovery at this moment. Whether the moment came.
    ///
    /// # Errors
    /// The binary cannot be run.
    pub fn crash_again(&self, site: &Site, at: &Moment) -> Result<bool, Failure> {
        die(site, self.again().0, at, Death::Abort)
    }

    /// Recovers what lies here, and compares everything.
    ///
    /// # Errors
    /// The check that found a difference.
    pub fn recover(&self, site: &Site) -> Result<(), Failure> {
        let kept = Kept::of(site)?;
        let (command, exit) = self.again();
        ends(command, &site.run(command, "")?, exit)?;
        let standing = || site.json(&["dlq", "ls"]).map(|l| l.as_array().is_some_and(|l| !l.is_empty()));
        if self.scenario.settles && standing()? {
            ends(self.scenario.command, &site.run(self.scenario.command, "")?, 0)?;
            ends(RUN, &site.run(RUN, "")?, 0)?;
        }
        kept.check()?;
        compare(&self.expected, &outcome(site)?)
    }

    /// A crash, the recovery, and every comparison.
    ///
    /// # Errors
    /// The check that failed, with the moment.
    pub fn trial(&self, at: &Moment, death: Death) -> Result<(), Failure> {
        let done = self.crashed(at, death, "").and_then(|site| self.recover(&site));
        done.map_err(|e| e.about(&format!("{} killed at {at}", self.scenario.name)))
    }
}

const RUN: &[&str] = &["run", "log"];

/// Ends a command at a moment; whether the moment came.
fn die(site: &Site, args: &[&str], at: &Moment, death: Death) -> Result<bool, Failure> {
    match death {
        Death::Abort => Ok(site.run(args, &format!("kill={at}"))?.code.is_none()),
        Death::Kill => match site.hold(args, &at.to_string(), &site.base.join("hold"))? {
            Ok(held) => held.kill().map(|()| true),
            Err(_) => Ok(false),
        },
    }
}

/// Whether a command ended with this exit code.
pub(crate) fn ends(args: &[&str], done: &Done, exit: i32) -> Result<(), Failure> {
    if done.code == Some(exit) { Ok(()) } else { Err(Failure::recovery(args, done)) }
}

fn execute(site: &Site, sql: &str) -> Result<(), Failure> {
    let folder = site.root().join("out");
    std::fs::create_dir_all(&folder).map_err(Failure::machine("make the folder of the database"))?;
    let done = rusqlite::Connection::open(folder.join("db.sqlite")).and_then(|c| c.execute_batch(sql));
    done.map_err(|e| Failure::other(format!("{sql}: {e}")))
}

/// What the last run of this site reported.
fn passages(site: &Site) -> Result<Vec<(String, u64)>, Failure> {
    let text = std::fs::read_to_string(site.report()).map_err(Failure::machine("read the passages"))?;
    let count = |line: &str| line.split_once(' ').and_then(|(n, k)| Some((n.to_owned(), k.parse().ok()?)));
    let found: Vec<_> = text.lines().skip(1).filter_map(count).collect();
    if found.is_empty() {
        return Err(Failure::new(Check::Campaign, "the run passed no failpoint"));
    }
    Ok(found)
}
