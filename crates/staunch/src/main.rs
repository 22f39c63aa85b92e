//! The command line. Data go to stdout, words to stderr.

mod cli;
mod complain;
mod environment;
mod print;
mod progress;
mod verbs;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // clap writes help and version to stdout and mistakes to stderr; its exit codes are 0 and 2.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    complain::hide_panic_payloads();
    let json = cli.output == cli::Output::Json;
    let code = match environment::arm_for_tests().and_then(|()| verbs::execute(&cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain::complain(&error, json, &cli.project);
            ExitCode::from(complain::exit_code(&error))
        }
    };
    environment::report_failpoints();
    code
}
