//! `workflow`: from the command line to the app.

use crate::cli::Drawn;
use crate::cli::workflow::{Kind, Workflow, WorkflowRun};
use crate::print;
use staunch_app::{App, RunContext, Validated, WorkflowInput, WorkflowType};
use staunch_types::Result;

/// The exit code of a definition with mistakes, as of `check`.
const MISTAKES: u8 = 3;

/// Does what was asked for; gives the exit code.
pub(crate) fn workflow(app: &App, verb: &Workflow, context: &RunContext, json: bool) -> Result<u8> {
    match verb {
        Workflow::Validate { files, kind } => {
            let kind = match kind {
                Kind::Standard => WorkflowType::Standard,
                Kind::Express => WorkflowType::Express,
            };
            let found = app.workflow_validate(files, kind, context)?;
            print::workflow::validated(&found, json)?;
            Ok(if found.iter().all(Validated::is_valid) { 0 } else { MISTAKES })
        }
        Workflow::Run(args) => run(app, args, context, json),
        Workflow::TestState { request } => {
            print::workflow::answer(&app.workflow_test_state(request, context)?)?;
            Ok(0)
        }
        Workflow::Graph { file, execution, format } => {
            let mermaid = *format == Drawn::Mermaid;
            let drawn = app.workflow_graph(file, execution.as_deref(), mermaid, context)?;
            print::workflow::graph(&drawn, mermaid, json)?;
            Ok(0)
        }
    }
}

fn run(app: &App, args: &WorkflowRun, context: &RunContext, json: bool) -> Result<u8> {
    let input = match (&args.input, &args.input_file) {
        (Some(text), _) => WorkflowInput::Text(text.clone()),
        (None, Some(file)) => WorkflowInput::File(file.clone()),
        (None, None) => WorkflowInput::Nothing,
    };
    let report = app.workflow_run(&args.file, &input, args.mocks.as_deref(), context)?;
    print::workflow::report(&report, json)?;
    match staunch_app::unavailable(&report) {
        Some(error) => Err(error),
        None => Ok(u8::from(report.outcome.output().is_none())),
    }
}
