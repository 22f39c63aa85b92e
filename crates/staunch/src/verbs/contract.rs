//! `contract`: from the command line to the app.

use crate::cli::Cli;
use crate::cli::contract::{Contract, Infer};
use crate::{complain, print};
use serde_json::Value;
use staunch_app::{App, InferOptions, LockOptions, RunContext};
use staunch_types::Result;

/// The exit code of schemas that are not compatible: a contract is broken.
const BROKEN: u8 = 4;
/// The exit code of a lock that does not say what it should: a check failed.
const STALE: u8 = 3;

/// Does what was asked for; gives the exit code.
pub(crate) fn contract(
    app: &App,
    cli: &Cli,
    verb: &Contract,
    context: &RunContext,
    json: bool,
) -> Result<u8> {
    let (start, profile) = (cli.project.as_path(), cli.profile.as_deref());
    match verb {
        Contract::Check { reader, writer, level } => {
            let found =
                app.contract_check(start, profile, reader, writer.as_deref(), level.word(), context)?;
            print::contract::check(&found, json)?;
            Ok(if found.broken.is_empty() { 0 } else { BROKEN })
        }
        Contract::Diff { old, new } => {
            let found = app.contract_diff(start, profile, old, new, context)?;
            print::diff::diff(&found, json)?;
            Ok(0)
        }
        Contract::Drift { run, values: true } => {
            print::drift::values(&app.kept_fields(start, profile, run.as_deref(), context)?, json)?;
            Ok(0)
        }
        Contract::Drift { run, values: false } => {
            print::drift::drift(&app.drift(start, profile, run.as_deref(), context)?, json)?;
            Ok(0)
        }
        Contract::Lock { check, allow_incompatible } => {
            let options = LockOptions { check: *check, allow: allow_incompatible.clone() };
            let locked = app.contract_lock(start, profile, &options, context)?;
            print::contract::lock(&locked, *check, json)?;
            Ok(if *check && !locked.up_to_date { STALE } else { 0 })
        }
        Contract::Infer(args) => {
            let inferred = app.contract_infer(start, profile, &args.what, &options(args), context)?;
            if !json {
                print::contract::about(&inferred).iter().for_each(|line| complain::say(line));
            }
            print::contract::infer(&inferred, json)?;
            Ok(0)
        }
        Contract::Show { schema } => {
            print::contract::show(&app.contract_show(start, profile, schema, context)?, json)?;
            Ok(0)
        }
    }
}

fn options(args: &Infer) -> InferOptions {
    let mut options = InferOptions { name: args.name.clone(), enums: args.enums, ..InferOptions::default() };
    let mut add = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            options.options.insert(key.to_owned(), value);
        }
    };
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    add("format", text(&args.format));
    add("compression", text(&args.compression));
    add("delimiter", text(&args.delimiter));
    add("quote", text(&args.quote));
    add("header", args.no_header.then_some(Value::Bool(false)));
    add("nulls", (!args.null.is_empty()).then(|| args.null.clone().into()));
    let dates = args.date.iter().map(|(field, format)| (field.clone(), Value::from(format.as_str())));
    add("dates", (!args.date.is_empty()).then(|| Value::Object(dates.collect())));
    options
}
