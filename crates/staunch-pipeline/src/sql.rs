//! The inputs of a query: the names in its `FROM` clauses, found by the parser, each with its place.
//!
//! The dialect and the nesting limit are those of the engine (`GenericDialect`, 50), so that both parse the same. Nothing is planned here.
//! Names follow SQL: what is not quoted is folded to lower case; a `WITH` name hides a stage of the same name from where it is
//! declared on, but not inside its own query (unless `RECURSIVE`), as in DataFusion.

mod scope;
#[cfg(test)]
mod tests;

use crate::mistakes::Mistakes;
use crate::model::{Input, Sql};
use crate::suggest::suggest;
use sqlparser::ast::{Statement, Visit};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};
use staunch_types::{Code, Error, Place, codes, on_big_stack};

/// The longest query, in bytes.
pub(crate) const LONGEST: usize = 1 << 20;

/// The most tokens of a query. A chain of operators becomes a tree as deep as it is long, and trees are walked and dropped
/// recursively: this many fit the stack of [`on_big_stack`] with room.
const MOST_TOKENS: usize = 20_000;

/// The stack of the parser.
const STACK: usize = 128 << 20;

/// How deep queries and expressions may nest: the limit of the parser and of the engine.
const DEEPEST: usize = 50;

/// What may stand at the beginning of a stage's SQL.
const BEGINNINGS: [&str; 4] = ["SELECT", "WITH", "VALUES", "FROM"];

/// The stages that the query reads, in the order of their first mention; `None` if something is wrong with it, which is
/// noted.
pub(crate) fn inputs(sql: &Sql, mistakes: &mut Mistakes) -> Option<Vec<Input>> {
    // A panic of the parser would be a bug of ours, and stays an error: the thread ends with it.
    let parsed = on_big_stack("sql-parser", STACK, || parse(sql));
    let errors = match parsed {
        Ok(Ok(inputs)) => return Some(inputs),
        Ok(Err(errors)) => errors,
        Err(error) => vec![error.place(sql.place(1, 1))],
    };
    errors.into_iter().for_each(|e| mistakes.push(e));
    None
}

fn parse(sql: &Sql) -> Result<Vec<Input>, Vec<Error>> {
    let one = |code: Code, place: Place, message: String, hint: &str| {
        vec![Error::new(code, message).place(place).hint(hint)]
    };
    if sql.text.len() > LONGEST {
        let message = "the SQL is longer than 1 MiB".to_owned();
        return Err(one(codes::SQL_REFUSED, sql.place(1, 1), message, "split it into several stages"));
    }
    let tokens = tokenize(&sql.text).map_err(|e| vec![syntax(sql, &e.to_string())])?;
    let solid: Vec<&TokenWithSpan> =
        tokens.iter().filter(|t| !matches!(t.token, Token::Whitespace(_) | Token::EOF)).collect();
    if solid.len() > MOST_TOKENS {
        let message = format!("the SQL has more than {MOST_TOKENS} words and signs");
        let place = solid.get(MOST_TOKENS).map_or_else(|| sql.place(1, 1), |t| at(sql, t.span.start));
        return Err(one(codes::SQL_REFUSED, place, message, "split it into several stages"));
    }
    let Some(first) = solid.iter().find(|t| t.token != Token::SemiColon) else {
        let message = "the SQL is empty".to_owned();
        return Err(one(codes::SQL_SYNTAX, sql.place(1, 1), message, "write `SELECT ... FROM stage`"));
    };
    beginning(sql, first)?;
    if let Some(second) = second_statement(&solid) {
        let message = "a stage is one query, and here a second statement begins".to_owned();
        let hint = "make it a stage of its own";
        return Err(one(codes::SQL_REFUSED, at(sql, second.span.start), message, hint));
    }
    let parsed = Parser::new(&GenericDialect {})
        .with_recursion_limit(DEEPEST)
        .with_tokens_with_locations(tokens)
        .parse_statements();
    let statements = match parsed {
        Ok(statements) => statements,
        Err(ParserError::RecursionLimitExceeded) => {
            let message = format!("the SQL is nested deeper than {DEEPEST} levels");
            let hint = "split it into several stages, or use `IN (...)` for long chains of `OR`";
            return Err(one(codes::SQL_REFUSED, sql.place(1, 1), message, hint));
        }
        Err(ParserError::ParserError(text) | ParserError::TokenizerError(text)) => {
            return Err(vec![syntax(sql, &text)]);
        }
    };
    let [Statement::Query(query)] = statements.as_slice() else {
        let message = "a stage is a query, and this statement is none".to_owned();
        return Err(one(codes::SQL_REFUSED, sql.place(1, 1), message, "write `SELECT ... FROM stage`"));
    };
    let mut finder = scope::Finder::new(sql);
    // The finder never breaks off, so the flow says nothing.
    let _ = query.visit(&mut finder);
    finder.finish()
}

/// All tokens with their places, whitespace and comments included.
pub(crate) fn tokenize(text: &str) -> Result<Vec<TokenWithSpan>, sqlparser::tokenizer::TokenizerError> {
    Tokenizer::new(&GenericDialect {}, text).tokenize_with_location()
}

/// Refuses what begins like another statement, before the parser says something less clear about it.
fn beginning(sql: &Sql, first: &TokenWithSpan) -> Result<(), Vec<Error>> {
    let Token::Word(word) = &first.token else { return Ok(()) };
    if word.quote_style.is_some() || BEGINNINGS.iter().any(|b| word.value.eq_ignore_ascii_case(b)) {
        return Ok(());
    }
    let upper = word.value.to_ascii_uppercase();
    let typo = suggest(&upper, BEGINNINGS);
    let (code, message) = if typo.is_some() || word.keyword == sqlparser::keywords::Keyword::NoKeyword {
        (codes::SQL_SYNTAX, "a query begins with `SELECT` or `WITH`".to_owned())
    } else {
        let message = format!("a stage is a query: `{}` is not allowed here", crate::names::shown(&upper));
        (codes::SQL_REFUSED, message)
    };
    let hint =
        typo.map_or_else(|| "write `SELECT ... FROM stage`".to_owned(), |t| format!("did you mean `{t}`?"));
    let mut place = at(sql, first.span.start);
    place.length = Some(word.value.chars().count() as u64);
    Err(vec![Error::new(code, message).place(place).hint(hint)])
}

/// The first token behind a semicolon that ended a statement.
fn second_statement<'a>(solid: &[&'a TokenWithSpan]) -> Option<&'a TokenWithSpan> {
    let begin = solid.iter().position(|t| t.token != Token::SemiColon)?;
    let end = begin + solid.get(begin..)?.iter().position(|t| t.token == Token::SemiColon)?;
    solid.get(end..)?.iter().find(|t| t.token != Token::SemiColon).copied()
}

/// A syntax error. The parser tells the place at the end of its text; at the end of the query it tells none.
fn syntax(sql: &Sql, text: &str) -> Error {
    let (message, place) = match text.rsplit_once(" at Line: ") {
        Some((message, numbers)) => {
            let place = numbers.split_once(", Column: ").and_then(|(line, column)| {
                Some(sql.place(line.trim().parse().ok()?, column.trim().parse().ok()?))
            });
            (message, place)
        }
        None => (text, None),
    };
    let mut message =
        message.strip_prefix("sql parser error: ").unwrap_or(message).replace("found: EOF", "found: the end");
    if let Some(first) = message.chars().next() {
        message.replace_range(..first.len_utf8(), &first.to_lowercase().to_string());
    }
    let message: String = message.chars().take(300).collect();
    Error::new(codes::SQL_SYNTAX, message)
        .place(place.unwrap_or_else(|| end(sql)))
        .hint("mend the SQL at this place")
}

/// The place just behind the last character that is not whitespace.
fn end(sql: &Sql) -> Place {
    let text = sql.text.trim_end();
    let line = text.split('\n').count().max(1);
    let column = text.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    sql.place(line as u64, column as u64)
}

/// The place of a location of the parser; that of the text where the parser does not know.
fn at(sql: &Sql, location: Location) -> Place {
    if location.line == 0 { sql.place(1, 1) } else { sql.place(location.line, location.column) }
}
