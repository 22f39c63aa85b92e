//! What DataFusion would pass over, wrap or find out too late: said while a stage is planned.
//!
//! Clauses that are parsed and then dropped are refused by the parsed query ([`clauses`]); sums that wrap and constants that have no
//! value by the analysed plan ([`sums`], [`constants`]); kinds of values that are mixed by the plan before its types are coerced ([`families`]); subqueries that would be executed otherwise than SQL means by the analysed one, those that cannot be executed by the optimised one
//! ([`subqueries`], [`correlated`]).

mod clauses;
mod constants;
mod families;
mod functions;
mod subqueries;
mod sums;
mod unions;

#[cfg(test)]
pub(crate) use clauses::ALL;
pub(crate) use clauses::clauses;
pub(crate) use constants::{constants, no_value};
pub(crate) use families::families;
pub(crate) use subqueries::{correlated, subqueries};
pub(crate) use sums::sums;
pub(crate) use unions::unions;

use super::place;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer};
use staunch_pipeline::Process;
use staunch_types::{Error, Place, codes};

fn refuse(process: &Process, at: Option<Place>, message: impl Into<String>, hint: &str) -> Error {
    let at = at.unwrap_or_else(|| place::start(process));
    Error::new(codes::SQL_REFUSED, message.into()).place(at).hint(hint).stage(&process.name)
}

/// The place of the first words that follow each other like this in the text, outside of quotes and comments.
fn word(process: &Process, words: &[&str]) -> Option<Place> {
    let tokens = Tokenizer::new(&GenericDialect {}, &process.sql.text).tokenize_with_location().ok()?;
    let solid: Vec<_> = tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_))).collect();
    let found = solid
        .windows(words.len())
        .find(|all| all.iter().zip(words).all(|(t, word)| t.token.to_string().eq_ignore_ascii_case(word)))?;
    let (first, last) = (found.first()?.span, found.last()?.span);
    let length =
        (first.start.line == last.end.line).then(|| last.end.column.saturating_sub(first.start.column));
    Some(at(process, first.start, length))
}

pub(super) fn at(process: &Process, begin: Location, length: Option<u64>) -> Place {
    let mut place = process.sql.place(begin.line, begin.column);
    place.length = length;
    place
}
