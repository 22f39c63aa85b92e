//! From the command line to the verbs of the app.

mod contract;
mod workflow;

use crate::cli::{Cli, Dlq, Output, RunArgs, Verb, Which};
use crate::progress::Teller;
use crate::{complain, environment, print};
use staunch_app::{App, DlqFilter, Level, RunContext, RunOptions, Stop};
use staunch_types::{Error, Result, RunId, codes};
use std::sync::Arc;

/// Does what was asked for; gives the exit code.
pub(crate) fn execute(cli: &Cli) -> Result<u8> {
    let app = environment::app()?;
    let mut context = RunContext { actor: environment::actor(), ..RunContext::default() };
    let json = cli.output == Output::Json;
    let (start, profile) = (cli.project.as_path(), cli.profile.as_deref());
    let done = match &cli.verb {
        Verb::Doctor => {
            let found = app.doctor(start, profile, &context)?;
            print::doctor(&found, json)?;
            return Ok(u8::from(found.count(Level::Error) > 0));
        }
        Verb::Init { folder } => {
            let files = app.init(folder, &context)?;
            print::init(folder, &files, json)
        }
        Verb::Check { pipeline } => {
            print::check(&app.check(start, profile, pipeline.as_deref(), &context)?, json)
        }
        Verb::Plan { pipeline } => {
            print::plan(&app.plan(start, profile, pipeline.as_deref(), &context)?, json)
        }
        Verb::Graph { pipeline, format, stage } => {
            let view = app.graph(start, profile, pipeline.as_deref(), &context)?;
            print::graph(&view, *format, stage.as_deref(), json)
        }
        Verb::Run(args) => {
            context.run = args.id.clone().map(run_id).transpose()?;
            run(&app, cli, args, &context)
        }
        Verb::Runs { pipeline, limit } => {
            print::runs(&app.runs(start, profile, pipeline.as_deref(), *limit, &context)?, json)
        }
        Verb::Ledger { run } => print::ledger(&app.ledger(start, profile, run.as_deref(), &context)?, json),
        Verb::Gc { pipeline, dry_run } => {
            let done = app.gc(start, profile, pipeline.as_deref(), *dry_run, &context)?;
            print::gc(&done.pipelines, *dry_run, json)?;
            Error::many(done.busy).map_or(Ok(()), Err)
        }
        Verb::Contract { verb } => return contract::contract(&app, cli, verb, &context, json),
        Verb::Workflow { verb } => return workflow::workflow(&app, verb, &context, json),
        Verb::Dlq { verb } => dlq(&app, cli, verb, &context),
    };
    done.map(|()| 0)
}

/// Ids become names of artefacts: letters, digits, `-`, `_` and `.`.
fn run_id(text: String) -> Result<RunId> {
    let fits = (1..=100).contains(&text.len())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        && !text.starts_with('.');
    if fits {
        return Ok(RunId(text));
    }
    Err(Error::new(codes::USAGE, "that is no run id")
        .hint("an id has 1 to 100 letters, digits, `-`, `_` or `.`, and does not begin with `.`"))
}

fn run(app: &App, cli: &Cli, args: &RunArgs, context: &RunContext) -> Result<()> {
    let json = cli.output == Output::Json;
    let (start, profile) = (cli.project.as_path(), cli.profile.as_deref());
    if args.follow {
        return Err(Error::new(codes::USAGE, "`--follow` is not there yet")
            .hint("a run processes what is there now, and ends: start it again when more has arrived"));
    }
    let stop = Stop::default();
    drain_on_signal(&stop)?;
    let teller = Arc::new(Teller::new());
    let options = RunOptions {
        full_refresh: args.full_refresh,
        accept_change: args.accept_change,
        migrate: args.migrate,
        dead_letters_at_most: args.dead_letters_at_most,
        take_over: args.take_over,
    };
    let outcome = app.run(start, profile, args.pipeline.as_deref(), &options, context, stop, teller.clone());
    teller.clear();
    let report = outcome?;
    let previews = match args.show {
        Some(limit) => app.show(start, profile, Some(report.run.as_str()), limit, context)?,
        None => Vec::new(),
    };
    let drift = app.drift_of(start, profile, &report);
    print::report(&report, &previews, &drift, json)
}

/// Ctrl-C (and a polite kill) drains; the second one stops at once. Both recover.
fn drain_on_signal(stop: &Stop) -> Result<()> {
    let failed =
        |e: std::io::Error| Error::new(codes::INTERNAL, "signals cannot be handled").cause(e.to_string());
    let mut signals =
        signal_hook::iterator::Signals::new([signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM])
            .map_err(failed)?;
    let stop = stop.clone();
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                if stop.asked() {
                    complain::say("stopped; run it again: it continues where it stopped");
                    // At once: recovery does not need a clean end.
                    std::process::exit(130);
                }
                stop.ask();
                complain::say("draining: what was read is committed; once more to stop at once");
            }
        })
        .map(|_| ())
        .map_err(failed)
}

fn dlq(app: &App, cli: &Cli, verb: &Dlq, context: &RunContext) -> Result<()> {
    let json = cli.output == Output::Json;
    let (start, profile) = (cli.project.as_path(), cli.profile.as_deref());
    let now = app.clock.now();
    let filter = |which: &Which| DlqFilter {
        pipeline: which.pipeline.clone(),
        run: which.run.clone(),
        id: which.id.clone(),
        code: which.code.clone(),
        field: which.field.clone(),
        stage: which.stage.clone(),
        since: which.since.map(|since| since.at(now)),
        until: which.until.map(|until| until.at(now)),
        all: false,
    };
    match verb {
        Dlq::Ls { which } => print::dlq(&app.dlq(start, profile, &filter(which), context)?, json),
        Dlq::Show { which } => print::dlq_show(&app.dlq_show(start, profile, &filter(which), context)?, json),
        Dlq::Replay { which, dry_run } => {
            let teller = Arc::new(Teller::new());
            let done = app.dlq_replay(start, profile, &filter(which), *dry_run, context, teller.clone());
            teller.clear();
            print::settled("replayed", &done?, *dry_run, json)
        }
        Dlq::Discard { which, all, dry_run } => {
            let teller = Arc::new(Teller::new());
            let filter = DlqFilter { all: *all, ..filter(which) };
            let done = app.dlq_discard(start, profile, &filter, *dry_run, context, teller.clone());
            teller.clear();
            print::settled("discarded", &done?, *dry_run, json)
        }
    }
}
