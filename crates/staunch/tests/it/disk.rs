//! The run over a simulated disk: the power is cut before each of its operations, in many ways, and the next start must come to what
//! an undisturbed run comes to. The disturbed run is in this process, because the disk is an argument; recovery and comparison are
//! those of the campaigns, by the real binary.
//!
//! All of it: `cargo xtask chaos --simulated`. One trial: `STAUNCH_TRIAL=NAME` before that command; a failure begins with the name.

use staunch_app::{App, Observer, Progress, RunContext, RunOptions, Stop};
use staunch_testkit::campaign::{FILES, Failure, Prepared, Scenario, Site, each};
use staunch_testkit::disk::{Cut, Lie, Moment, SimulatedDisk};
use staunch_types::{FixedClock, Rng, RunId, SeededRng};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const SEED: u64 = 20_130_101;
/// Cuts by chance at each moment, besides the two extremes.
const CHANCES: u64 = 2;
/// Second cuts, in a run that recovers from a kill or a cut.
const AGAIN: usize = 400;

struct Silent;

impl Observer for Silent {
    fn note(&self, _text: &str) {}
    fn progress(&self, _progress: &Progress) {}
}

/// Runs the command of a scenario in this process, over this disk.
fn run(scenario: &Scenario, site: &Site, disk: &SimulatedDisk, seed: u64) {
    let [_, pipeline, _, id] = scenario.command else { panic!("`run PIPELINE --id ID`") };
    let app = App {
        clock: Arc::new(FixedClock(1_700_000_000_000_000)),
        rng: Arc::new(SeededRng::new(seed)),
        fs: Arc::new(disk.clone()),
        environment: Arc::new(|_| None),
        data_home: Some(site.base.join("home/staunch")),
        // One thread decodes, and another one does everything else: the order of operations is the same every time.
        workers: 1,
        pid: std::process::id(),
    };
    let context = RunContext { run: Some(RunId((*id).to_owned())), ..RunContext::default() };
    let options = RunOptions::default();
    let (root, stop) = (site.root(), Stop::default());
    app.run(&root, None, Some(pipeline), &options, &context, stop, Arc::new(Silent)).unwrap();
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_staunch"))
}

fn empty() -> Site {
    let site = Site::temporary(binary()).unwrap();
    std::fs::remove_dir(site.root()).unwrap();
    site
}

/// A scenario, and the moments of its run.
struct Recorded {
    prepared: Prepared,
    moments: Vec<Moment>,
}

fn recorded(prepared: &Prepared, lie: Option<Lie>) -> Vec<Moment> {
    let site = Site::copied(&prepared.template).unwrap();
    let disk = SimulatedDisk::over(&site.base).unwrap();
    let disk = lie.map_or(disk.clone(), |lie| disk.lying(lie));
    run(prepared.scenario, &site, &disk, SEED);
    disk.moments()
}

impl Recorded {
    fn of(scenario: &'static Scenario, lie: Option<Lie>) -> Self {
        let prepared = Prepared::new(binary(), scenario).unwrap_or_else(|e| panic!("{}: {e}", scenario.name));
        let moments = recorded(&prepared, lie);
        Self { prepared, moments }
    }

    fn all(lie: Option<Lie>) -> Vec<Self> {
        FILES.iter().map(|scenario| Self::of(scenario, lie)).collect()
    }

    /// Cuts the power at a moment, lets it recover, and compares everything.
    fn trial(&self, moment: &Moment, cut: Cut) -> Result<(), Failure> {
        let site = empty();
        moment.cut(cut, &site.base).unwrap();
        self.prepared.recover(&site)
    }

    /// The process is killed, or the power cut, at a moment; the next start runs over the same disk, and its power is cut too.
    fn again(&self, moment: &Moment, killed: bool, chance: u64) -> Result<(), Failure> {
        let site = empty();
        let disk = if killed {
            SimulatedDisk::after_kill(moment, &site.base).unwrap()
        } else {
            moment.cut(Cut::Chance(chance), &site.base).unwrap();
            SimulatedDisk::over(&site.base).unwrap()
        };
        // Names by chance are not those of the start before.
        run(self.prepared.scenario, &site, &disk, SEED + 1);
        let moments = disk.moments();
        let second = usize::try_from(chance % moments.len() as u64).unwrap();
        let cut = [Cut::Nothing, Cut::Names, Cut::Chance(chance)][usize::try_from(chance % 3).unwrap()];
        let about = || format!("and {cut:?} before {second} (`{}`)", moments[second].operation);
        self.trial(&moments[second], cut).map_err(|e| e.about(&about()))
    }

    fn name(&self) -> &'static str {
        self.prepared.scenario.name
    }
}

/// One trial of a recorded run.
#[derive(Clone, Copy)]
enum Trial<'a> {
    /// The power is cut before this operation, and so much is kept.
    Cut(&'a Recorded, usize, Cut),
    /// The process is killed, or the power cut, before this operation; then chance cuts the power of the run that recovers.
    Again(&'a Recorded, usize, bool, u64),
}

impl Trial<'_> {
    fn name(&self) -> String {
        match self {
            Trial::Cut(recorded, at, cut) => format!("{}:{at}:{cut:?}", recorded.name()),
            Trial::Again(recorded, at, killed, chance) => {
                format!("{}:{at}:{}:{chance}", recorded.name(), if *killed { "killed" } else { "cut" })
            }
        }
    }

    fn run(&self) -> Result<(), Failure> {
        let (Trial::Cut(recorded, at, _) | Trial::Again(recorded, at, ..)) = self;
        let moment = &recorded.moments[*at];
        let done = match self {
            Trial::Cut(_, _, cut) => recorded.trial(moment, *cut),
            Trial::Again(_, _, killed, chance) => recorded.again(moment, *killed, *chance),
        };
        done.map_err(|e| e.about(&format!("{} (`{}`)", self.name(), moment.operation)))
    }
}

/// Every moment of every scenario with every cut.
fn every_cut(all: &[Recorded]) -> Vec<Trial<'_>> {
    let mut trials = Vec::new();
    for recorded in all {
        for (at, moment) in recorded.moments.iter().enumerate() {
            let chances = (0..CHANCES).map(|n| Cut::Chance(SEED + at as u64 * CHANCES + n));
            let cuts = [Cut::Nothing, Cut::Names].into_iter().chain(chances);
            // Where nothing is volatile all cuts are the same.
            let different = if moment.volatile() { usize::MAX } else { 1 };
            trials.extend(cuts.take(different).map(|cut| Trial::Cut(recorded, at, cut)));
        }
    }
    trials
}

/// Second cuts, drawn by chance.
fn second_cuts(all: &[Recorded], count: usize) -> Vec<Trial<'_>> {
    let rng = SeededRng::new(SEED);
    let drawn = |n: usize| {
        let (recorded, chance) = (&all[n % all.len()], rng.next());
        let at = usize::try_from(chance / 7 % recorded.moments.len() as u64).unwrap();
        Trial::Again(recorded, at, (chance / 3).is_multiple_of(2), chance)
    };
    (0..count).map(drawn).collect()
}

fn failures(trials: &[Trial<'_>]) -> Vec<Failure> {
    each(trials, |_, trial| trial.run())
}

fn none(failures: &[Failure]) {
    let list: Vec<_> = failures.iter().map(ToString::to_string).collect();
    assert!(list.is_empty(), "seed {SEED}, {} differences:\n{}", list.len(), list.join("\n"));
}

/// Some of the trials, by chance.
fn drawn<'a>(all: &[Trial<'a>], count: usize) -> Vec<Trial<'a>> {
    let rng = SeededRng::new(SEED);
    let below = |bound: usize| usize::try_from(rng.next() % bound as u64).unwrap();
    (0..count).map(|_| all[below(all.len())]).collect()
}

#[test]
fn after_power_cuts_it_comes_to_the_same() {
    let all = Recorded::all(None);
    let cuts = every_cut(&all);
    assert!(cuts.len() > 1000, "only {} cuts", cuts.len());
    none(&failures(&drawn(&cuts, 40)));
    none(&failures(&second_cuts(&all, 20)));
}

/// One seed, one history: a trial can be repeated.
#[test]
fn the_same_operations_come_in_the_same_order() {
    for scenario in FILES {
        let prepared = Prepared::new(binary(), scenario).unwrap();
        let operations = || -> Vec<String> {
            let moments = recorded(&prepared, None).into_iter();
            moments.map(|moment| moment.operation).collect()
        };
        let (first, second) = (operations(), operations());
        assert!(first.len() > 200, "only {} operations", first.len());
        assert_eq!(first, second, "{}", scenario.name);
    }
}

/// A disk that says it has what it has not: nothing could hold on it, and the comparison must see that.
#[test]
fn a_lying_disk_is_seen() {
    for lie in [Lie::Files, Lie::Folders] {
        let all = Recorded::all(Some(lie));
        let found = failures(&drawn(&every_cut(&all), 16));
        assert!(!found.is_empty(), "{lie:?} is not seen");
    }
}

/// A planted bug is there for a whole process: a copy of this one has it.
fn with_bug(name: &str) -> (bool, String) {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["disk::with_a_planted_bug", "--exact", "--ignored", "--nocapture"]);
    let output = command.env("STAUNCH_PLANT", name).output().unwrap();
    // What a failed test says comes by the other one.
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn planted_bugs_are_seen() {
    for name in ["skip_fsync", "publish_before_data"] {
        let (passed, said) = with_bug(name);
        assert!(!passed && said.contains("committed bytes: "), "`{name}` is not caught: {said}");
    }
    let (passed, said) = with_bug("none");
    assert!(passed, "without a bug: {said}");
}

/// What [`with_bug`] runs.
#[test]
#[ignore = "run by `planted_bugs_are_seen`, with a bug"]
#[allow(clippy::disallowed_methods, reason = "a test asks what it is to be")]
fn with_a_planted_bug() {
    staunch_types::planted::plant(&std::env::var("STAUNCH_PLANT").unwrap_or_default());
    let all = Recorded::all(None);
    none(&failures(&drawn(&every_cut(&all), 24)));
}

/// Every operation, every cut; then second cuts.
#[test]
#[ignore = "`cargo xtask chaos --simulated`"]
#[allow(clippy::disallowed_methods, reason = "a test asks what it is to repeat")]
fn every_operation() {
    let all = Recorded::all(None);
    let (mut cuts, mut second) = (every_cut(&all), second_cuts(&all, AGAIN));
    let only = std::env::var("STAUNCH_TRIAL").unwrap_or_default();
    for trials in [&mut cuts, &mut second] {
        trials.retain(|trial| only.is_empty() || trial.name() == only);
    }
    assert!(!cuts.is_empty() || !second.is_empty(), "there is no trial `{only}`");
    let found = [failures(&cuts), failures(&second)];
    for failure in found.iter().flatten() {
        println!("DIFFERENCE  {failure}");
    }
    println!(
        "simulated: {} operations; {} cuts, {} differences; {} second cuts, {} differences; seed {SEED}",
        all.iter().map(|recorded| recorded.moments.len() - 1).sum::<usize>(),
        cuts.len(),
        found[0].len(),
        second.len(),
        found[1].len()
    );
    assert!(found.iter().all(Vec::is_empty), "there are differences");
}
