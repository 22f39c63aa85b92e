//! Refusals as files: each of `tests/refused/*.sql` is a query, and below it, line by line, what is said about it, as
//! `--- CODE line:column message | hint`, with carets below what it points at. With `UPDATE_GOLDEN` set that is written instead of
//! compared.

use super::{Input, input, plan_of, process};
use crate::sql::gaps;
use staunch_types::Error;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// What the lines of an expectation begin with.
const SAID: &str = "--- ";

fn inputs() -> Vec<Input> {
    vec![
        input("clicks", "id long, page string?, at timestamp, n int", "").key(&["id"]),
        input("pages", "page string, n int", "").reference(),
    ]
}

fn said(sql: &str) -> String {
    let mut stage = process(sql);
    stage.sql.line_starts = (1..=sql.split('\n').count() as u64).map(|line| (line, 1)).collect();
    match plan_of(&stage, &inputs()) {
        Ok(_) => format!("{SAID}it is not refused\n"),
        Err(error) => error.all().map(|e| line(sql, e)).collect(),
    }
}

fn line(sql: &str, error: &Error) -> String {
    let place = error.where_();
    let (row, column) = (place.line.unwrap(), place.column.unwrap());
    let hint = error.next_step().unwrap_or("NO HINT");
    let mut text = format!("{SAID}{} {row}:{column} {} | {hint}\n", error.code().name, error.message());
    let source = sql.split('\n').nth(row as usize - 1).unwrap_or("THERE IS NO SUCH LINE");
    let carets = "^".repeat(place.length.unwrap_or(1) as usize);
    writeln!(text, "{SAID}    {source}\n{SAID}    {}{carets}", " ".repeat(column as usize - 1)).unwrap();
    text
}

#[test]
fn refusals_say_what_their_files_say() {
    #[allow(
        clippy::disallowed_methods,
        reason = "a test may read the environment: it decides whether goldens are written"
    )]
    let update = std::env::var("UPDATE_GOLDEN").is_ok();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/refused");
    let mut found = BTreeMap::new();
    let mut differences = String::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        let (sql, expected) = text.split_at(text.find(SAID).unwrap_or(text.len()));
        let said = said(sql.trim_end_matches('\n'));
        if update {
            std::fs::write(&file, format!("{sql}{said}")).unwrap();
        }
        if said != expected {
            writeln!(differences, "== {}\n-- expected\n{expected}-- found\n{said}", file.display()).unwrap();
        }
        found.insert(file, said);
    }
    assert!(
        differences.is_empty(),
        "{differences}\nto accept all of this, run the test with UPDATE_GOLDEN=1"
    );
    for (file, said) in &found {
        assert!(!said.contains("is not refused"), "{}", file.display());
    }
    for gap in gaps::ALL {
        let has = |said: &String| said.contains(&format!(" {} is not implemented yet |", gap.what));
        assert!(found.values().any(has), "no case is refused for {}", gap.what);
    }
}
