//! From a YAML scalar to SQL text whose lines know where they stand.
//!
//! Exact, to the column, are: literal blocks (`|`), folded blocks (`>`), plain scalars on one or more lines, and quoted scalars
//! without escapes. YAML joins the lines of a folded, plain or quoted scalar by spaces; here they stay lines, which SQL reads the same.
//! Where it would not (a comment or a quotation that goes over such a break) the text is refused. In a quoted scalar with escapes
//! every place is counted from the beginning of the scalar: right on a single line up to the first escape.

#[cfg(test)]
mod tests;

use crate::mistakes::Mistakes;
use crate::model::Sql;
use crate::sql::tokenize;
use sqlparser::tokenizer::Token;
use staunch_contract::yaml_tree::{Document, Spot};
use staunch_types::codes;
use std::path::Path;

/// The SQL of a `.sql` file.
pub(crate) fn from_file(text: String, file: &Path) -> Sql {
    let lines = text.split('\n').count() as u64;
    Sql { text, file: file.to_owned(), line_starts: (1..=lines).map(|line| (line, 1)).collect() }
}

/// The SQL of the scalar that stands at `spot` and has the value `value`.
pub(crate) fn from_scalar(doc: &Document, value: &str, spot: Spot, mistakes: &mut Mistakes) -> Option<Sql> {
    let raw = doc.text.get(spot.start..spot.end).unwrap_or_default();
    let start = (spot.line, spot.column);
    let sql = |text: String, line_starts| Sql { text, file: doc.file.clone(), line_starts };
    let Some(found) = aligned(raw, value, start) else {
        let quoted = u64::from(raw.starts_with(['"', '\'']));
        let lines = value.split('\n').count();
        return Some(sql(value.to_owned(), vec![(start.0, start.1.saturating_add(quoted)); lines]));
    };
    if found.folded && words(value) != words(&found.text) {
        mistakes.add(
            codes::SQL_REFUSED,
            doc.place(spot),
            "a comment or a quotation goes over a line break that YAML turns into a space",
            "write the SQL as a literal block: `|` and the text on the next lines",
        );
        return None;
    }
    Some(sql(found.text, found.starts))
}

/// The tokens without places, whitespace and comments.
fn words(text: &str) -> Option<Vec<Token>> {
    let tokens = tokenize(text).ok()?;
    Some(tokens.into_iter().map(|t| t.token).filter(|t| !matches!(t, Token::Whitespace(_))).collect())
}

/// The value with its source lines kept apart.
#[derive(Debug, PartialEq)]
struct Aligned {
    text: String,
    starts: Vec<(u64, u64)>,
    /// Whether YAML joined lines that are apart here.
    folded: bool,
}

/// Lays the value beside the source that it came from. `None` where the two do not fit (escapes).
fn aligned(raw: &str, value: &str, start: (u64, u64)) -> Option<Aligned> {
    let inner = || {
        let quote = raw.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        raw.get(1..)?.strip_suffix(quote)
    };
    walk(raw, value, start, false)
        .or_else(|| walk(raw, value, start, true))
        .or_else(|| walk(inner()?, value, (start.0, start.1.saturating_add(1)), true))
}

/// One attempt: `flow` scalars (plain, quoted) lose the blanks around their lines, blocks lose their indentation.
fn walk(raw: &str, value: &str, start: (u64, u64), flow: bool) -> Option<Aligned> {
    let (line, column) = start;
    // The source begins at the first line that is not blank; blank lines before it are in the value alone.
    let mut rest = value.trim_start_matches('\n');
    let leading = value.len() - rest.len();
    let mut text = "\n".repeat(leading);
    let before = |back: usize| (line.saturating_sub(back as u64).max(1), 1);
    let mut starts: Vec<(u64, u64)> = (1..=leading).rev().map(before).collect();
    starts.push(start);
    let mut folded = false;
    let mut source: Vec<&str> = raw.split('\n').map(|l| l.strip_suffix('\r').unwrap_or(l)).collect();
    if !flow && source.last().is_some_and(|l| l.is_empty()) {
        source.pop();
    }
    let last = source.len().saturating_sub(1);
    for (index, whole) in source.iter().enumerate() {
        let mut content = *whole;
        if index > 0 {
            let indent = whole.len() - whole.trim_start_matches(' ').len();
            let most = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
            content =
                if flow { whole.trim_start_matches([' ', '\t']) } else { whole.get(indent.min(most)..)? };
        }
        if flow && index < last {
            content = content.trim_end_matches([' ', '\t']);
        }
        if content.is_empty() && index > 0 {
            continue;
        }
        if index > 0 {
            let number = line.saturating_add(index as u64);
            let blanks = (whole.len() - content.len()) as u64;
            // A line of a flow scalar that ends in blanks has lost them at its end, not at its beginning.
            let lost = if flow {
                whole.chars().take_while(|c| matches!(c, ' ' | '\t')).count() as u64
            } else {
                blanks
            };
            let breaks = rest.len() - rest.trim_start_matches('\n').len();
            if breaks > 0 {
                rest = rest.get(breaks..)?;
                let skipped = |back: usize| (number.saturating_sub(back as u64), 1);
                starts.extend((1..breaks).rev().map(skipped));
                text.push_str(&"\n".repeat(breaks));
            } else {
                rest = rest.strip_prefix(' ')?;
                folded = true;
                text.push('\n');
            }
            starts.push((number, lost.saturating_add(1)));
        }
        rest = rest.strip_prefix(content)?;
        text.push_str(content);
    }
    let trailing = rest.len();
    if !rest.bytes().all(|b| b == b'\n') {
        return None;
    }
    text.push_str(rest);
    let end = line.saturating_add(last as u64);
    starts.extend((1..=trailing as u64).map(|n| (end.saturating_add(n), 1)));
    Some(Aligned { text, starts, folded })
}
