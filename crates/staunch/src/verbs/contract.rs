//! `contract`: from the command line to the app.

use crate::cli::contract::Contract;
use crate::print;
use staunch_app::{App, RunContext};
use staunch_types::Result;

/// The exit code of schemas that are not compatible: a contract is broken.
const BROKEN: u8 = 4;

/// Does what was asked for; gives the exit code.
pub(crate) fn contract(app: &App, verb: &Contract, context: &RunContext, json: bool) -> Result<u8> {
    match verb {
        Contract::Check { reader, writer, level } => {
            let found = app.contract_check(reader, writer, level.word(), context)?;
            print::contract::check(&found, json)?;
            Ok(if found.broken.is_empty() { 0 } else { BROKEN })
        }
        Contract::Show { file } => {
            print::contract::show(&app.contract_show(file, context)?, json)?;
            Ok(0)
        }
    }
}
