//! Errors for people and programs: every one with code, place, excerpt and next step.

use crate::environment;
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde_json::json;
use staunch_types::{Error, Kind, Place, codes};
use std::fmt;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// The largest project file of which an excerpt is shown.
const EXCERPT_AT_MOST: u64 = 1 << 20;

/// The exit code that goes with an error.
pub(crate) fn exit_code(error: &Error) -> u8 {
    match error.code() {
        codes::BUDGET | codes::SINK_REJECTED => 5,
        codes::INTERRUPTED => 130,
        codes::VIOLATION | codes::KEY_NOT_UNIQUE | codes::INCOMPATIBLE => 4,
        code if code.name.starts_with("ST") => 3,
        code if code.kind == Kind::Usage => 2,
        _ => 1,
    }
}

/// Writes a line to stderr. Where nobody reads it any more (a closed pipe, a full disk) only the words are lost, never the work.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Writes an error, and those found with it, to stderr (as JSON: one document). Places in the project at or above `project` are shown as they can be
/// opened from here.
pub(crate) fn complain(error: &Error, json: bool, project: &Path) {
    if json {
        let errors: Vec<_> = error.all().map(|e| as_json(e, project)).collect();
        say(&json!({ "errors": errors }).to_string());
        return;
    }
    let fancy = std::io::stderr().is_terminal();
    let theme = match (fancy, environment::no_color()) {
        (true, false) => GraphicalTheme::unicode(),
        (true, true) => GraphicalTheme::unicode_nocolor(),
        (false, _) => GraphicalTheme::none(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_context_lines(1).with_links(false);
    for error in error.all() {
        let report = Report::of(error, project);
        let mut text = String::new();
        match handler.render_report(&mut text, &report) {
            Ok(()) => say(clean(&text).trim_end_matches('\n')),
            Err(_) => say(&format!("{error:?}")),
        }
    }
}

/// The text of a panic may quote a value of a record: only its place in the source is told.
pub(crate) fn hide_panic_payloads() {
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        say(&format!("a bug: panic at {place}; please report it"));
    }));
}

/// The place with a file that can be opened from the current folder: places in a project are relative to its root.
fn from_here(place: &Place, project: &Path) -> Place {
    let mut place = place.clone();
    let here = project.as_os_str().is_empty() || project == Path::new(".");
    if let Some(file) = &place.file
        && file.is_relative()
        && !here
        && let Some(found) =
            project.ancestors().map(|root| root.join(file)).find(|file| std::fs::metadata(file).is_ok())
    {
        place.file = Some(found);
    }
    place
}

fn as_json(error: &Error, project: &Path) -> serde_json::Value {
    let place = from_here(error.where_(), project);
    json!({
        "code": error.code().name,
        "kind": error.kind().word(),
        "message": error.message(),
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "stage": place.stage,
        "field": place.field,
        "cause": error.caused_by(),
        "hint": error.next_step(),
    })
}

/// Control characters from names must not steer the terminal; colours are ours.
fn clean(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || *c == '\t' || *c == '\u{1b}' || !c.is_control()).collect()
}

/// An error as miette draws it.
#[derive(Debug)]
struct Report {
    code: &'static str,
    message: String,
    hint: Option<String>,
    source: Option<NamedSource<String>>,
    label: Option<LabeledSpan>,
}

impl Report {
    fn of(error: &Error, project: &Path) -> Self {
        let place = from_here(error.where_(), project);
        let mut message = strip(error.message());
        let mut source = None;
        let mut label = None;
        if let (Some(file), Some(line), Some(column)) = (&place.file, place.line, place.column)
            && let Ok(meta) = std::fs::metadata(file)
            && meta.len() <= EXCERPT_AT_MOST
            && is_project_file(file)
            && let Ok(text) = std::fs::read_to_string(file)
            && let Some(start) = offset(&text, line, column)
        {
            let length =
                place.length.and_then(|l| usize::try_from(l).ok()).unwrap_or_else(|| word(&text[start..]));
            label = Some(LabeledSpan::new(None, start, length));
            source = Some(NamedSource::new(file.display().to_string(), text));
        }
        let mut rest = place;
        if source.is_some() {
            rest.file = None;
        }
        let rest = rest.to_string();
        if !rest.is_empty() {
            message.push_str(&format!(" ({rest})"));
        }
        if let Some(cause) = error.caused_by() {
            message.push_str(&format!(": {}", strip(cause)));
        }
        Self { code: error.code().name, message, hint: error.next_step().map(strip), source, label }
    }
}

/// Excerpts are shown of project files only, never of data.
fn is_project_file(file: &std::path::Path) -> bool {
    matches!(file.extension().and_then(|e| e.to_str()), Some("yaml" | "yml" | "sql" | "avsc"))
}

fn strip(text: &str) -> String {
    text.chars().filter(|c| *c == '\n' || !c.is_control()).collect()
}

/// The byte offset of a line and a column (in characters), both from 1.
fn offset(text: &str, line: u64, column: u64) -> Option<usize> {
    let mut start = 0;
    for _ in 1..line {
        start += text[start..].find('\n')? + 1;
    }
    let line = text[start..].split('\n').next().unwrap_or_default();
    let skip = usize::try_from(column.saturating_sub(1)).ok()?;
    let inside = line.char_indices().nth(skip).map_or(line.len(), |(at, _)| at);
    Some(start + inside)
}

/// The length of the word that begins here, at least 1.
fn word(text: &str) -> usize {
    let end =
        text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '/' || c == '@')).unwrap_or(text.len());
    end.max(text.chars().next().map_or(0, char::len_utf8))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Report {}

impl Diagnostic for Report {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.code))
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|s| s as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        self.label.clone().map(|label| Box::new(std::iter::once(label)) as Box<dyn Iterator<Item = _>>)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_become_offsets() {
        let text = "a: b\n  é: cc\n";
        assert_eq!(offset(text, 1, 4), Some(3));
        assert_eq!(&text[offset(text, 2, 6).unwrap()..][..2], "cc");
        assert_eq!(offset(text, 9, 1), None);
        assert_eq!((word("cc d"), word(""), word("é")), (2, 0, 2));
    }
}
