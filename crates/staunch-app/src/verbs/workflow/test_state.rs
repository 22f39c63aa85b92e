//! `workflow test-state`: one state by itself.

use super::json;
use crate::context::{App, RunContext, Verb, authorize};
use staunch_types::{Error, Place, Result, codes};
use staunch_workflow::{Home, trial};
use std::path::Path;

impl App {
    /// Tries one state. The file holds the fields of a request to AWS's `TestState`, the answer is AWS's as JSON.
    ///
    /// # Errors
    /// `ST0001` for what is no JSON, `ST0005` for what AWS refuses too, with AWS's words.
    pub fn workflow_test_state(&self, request: &Path, context: &RunContext) -> Result<String> {
        authorize(&context.actor, Verb::Read, "workflow")?;
        let answer = trial::try_state(&json(request)?, &Home::default(), self.clock.now());
        answer.map(|answer| answer.to_json()).map_err(|refused| {
            Error::new(codes::BAD_VALUE, "the state cannot be tried")
                .place(Place::file(request))
                .cause(format!("{}: {}", refused.code, refused.message))
                .hint("the request has the fields of AWS's TestState: definition, input, mock, ...")
        })
    }
}
