//! Rules about files: their length, their size, and the pages of error codes.

use crate::tree::{Tree, Violation, lines_with};
use std::collections::BTreeSet;

/// Beyond this a file has more than one purpose, or says why not.
const LINES_MAX: usize = 800;

/// What the head of a longer file says.
const LONG_BECAUSE: &str = "**Long because.**";

/// Beyond this a file does not belong into git.
const BYTES_MAX: u64 = 2 << 20;

/// Larger files, each with its reason.
const LARGE: &[(&str, &str)] = &[];

const CODES: &str = "crates/staunch-types/src/codes.rs";
const PAGES: &str = "docs/errors/";

/// No Rust file is longer than its reader's patience.
pub(crate) fn lengths(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in tree.texts("", ".rs") {
        let head = || text.lines().take_while(|l| l.starts_with("//!"));
        let lines = text.lines().count();
        if lines > LINES_MAX && !head().any(|l| l.contains(LONG_BECAUSE)) {
            let what = format!("{lines} lines: divide it, or say `{LONG_BECAUSE}` in its head");
            found.push(Violation::new(path, 0, what));
        }
    }
    found
}

/// Git holds no large files.
pub(crate) fn sizes(tree: &Tree) -> Vec<Violation> {
    tree.sizes()
        .filter(|(path, bytes)| *bytes > BYTES_MAX && !LARGE.iter().any(|(large, _)| large == path))
        .map(|(path, bytes)| Violation::new(path, 0, format!("{bytes} bytes: too large for git")))
        .collect()
}

/// Every code has a page, and every page a code; a page begins with the code and repeats its title.
pub(crate) fn error_pages(tree: &Tree) -> Vec<Violation> {
    let Some(source) = tree.text(CODES) else {
        return vec![Violation::new(CODES, 0, "is missing")];
    };
    let codes = codes(source);
    let mut found = Vec::new();
    if codes.is_empty() {
        found.push(Violation::new(CODES, 0, "holds no code: has its form changed?"));
    }
    for code in &codes {
        let path = format!("{PAGES}{}.md", code.name);
        match tree.text(&path) {
            None => found.push(Violation::new(CODES, code.line, format!("{path} is missing"))),
            Some(text) => {
                if text.lines().next() != Some(&format!("# {}", code.name)) {
                    found.push(Violation::new(&path, 1, format!("does not begin with `# {}`", code.name)));
                }
                if !text.lines().any(|l| l == format!("> {}", code.title)) {
                    found.push(Violation::new(&path, 3, format!("does not say `> {}`", code.title)));
                }
            }
        }
    }
    let names: BTreeSet<_> = codes.iter().map(|c| c.name).collect();
    for (path, _) in tree.texts(PAGES, ".md") {
        let name = path.strip_prefix(PAGES).and_then(|n| n.strip_suffix(".md")).unwrap_or(path);
        if !names.contains(name) {
            found.push(Violation::new(path, 0, "is a page of no code"));
        }
    }
    found
}

/// Every code is raised by shipped code: what nothing raises is promised to nobody.
pub(crate) fn codes_are_raised(tree: &Tree) -> Vec<Violation> {
    let mut never = codes(tree.text(CODES).unwrap_or_default());
    for (_, code) in tree.shipped().filter(|(path, code)| *path != CODES && code.bare.contains("codes::")) {
        never.retain(|declared| !raises(&code.bare, declared.ident));
    }
    let what = |code: &Declared<'_>| format!("nothing raises `{}`: raise it, or remove it", code.name);
    never.iter().map(|code| Violation::new(CODES, code.line, what(code))).collect()
}

/// Whether a code is named other than to be imported, compared or matched.
fn raises(code: &str, ident: &str) -> bool {
    let lines: Vec<&str> = code.lines().collect();
    lines_with(code, ident).into_iter().filter_map(|number| lines.get(number - 1)).any(|line| {
        let (before, after) = line.split_once(ident).unwrap_or_default();
        let compared = ["== codes::", "!= codes::", "== ", "!= "].iter().any(|end| before.ends_with(end));
        !(compared || after.contains("=>") || line.trim_start().starts_with("use "))
    })
}

struct Declared<'a> {
    ident: &'a str,
    name: &'a str,
    title: String,
    line: usize,
}

/// The lines `NAME = "Code", Kind, Verdict;` with the `///` lines above them.
fn codes(source: &str) -> Vec<Declared<'_>> {
    let mut found = Vec::new();
    let mut title: Vec<&str> = Vec::new();
    for (number, line) in source.lines().enumerate() {
        let line = line.trim();
        if let Some(text) = line.strip_prefix("///") {
            title.push(text.trim());
            continue;
        }
        if let Some((ident, rest)) = line.split_once(" = \"")
            && !ident.is_empty()
            && ident.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            && let Some((name, _)) = rest.split_once('"')
        {
            found.push(Declared { ident, name, title: title.join(" "), line: number + 1 });
        }
        title.clear();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_can_fail() {
        let long = "fn a() {}\n".repeat(LINES_MAX + 1);
        assert_eq!(lengths(&Tree::of(&[("a.rs", &long)])).len(), 1);
        let excused = format!("//! A table. {LONG_BECAUSE} It is generated.\n{long}");
        assert_eq!(lengths(&Tree::of(&[("a.rs", &excused)])), []);
        assert_eq!(lengths(&Tree::of(&[("a.rs", &"\n".repeat(LINES_MAX))])), []);
    }

    #[test]
    fn sizes_can_fail() {
        let large = "x".repeat(usize::try_from(BYTES_MAX).unwrap() + 1);
        assert_eq!(sizes(&Tree::of(&[("a.bin", &large)])).len(), 1);
        assert_eq!(sizes(&Tree::of(&[("a.bin", &large[1..])])), []);
    }

    #[test]
    fn error_pages_can_fail() {
        let codes = "codes! {\n    /// it broke\n    BROKE = \"Sink.Broke\", Input, Never;\n}\n";
        let page = ("docs/errors/Sink.Broke.md", "# Sink.Broke\n\n> it broke\n");
        assert_eq!(error_pages(&Tree::of(&[(CODES, codes), page])), []);
        assert_eq!(error_pages(&Tree::of(&[(CODES, codes)])).len(), 1);
        let stranger = ("docs/errors/Sink.Other.md", "# Sink.Other\n");
        assert_eq!(error_pages(&Tree::of(&[(CODES, codes), page, stranger])).len(), 1);
        let stale = ("docs/errors/Sink.Broke.md", "# Sink.Broken\n\n> it was broken\n");
        assert_eq!(error_pages(&Tree::of(&[(CODES, codes), stale])).len(), 2);
        assert_eq!(error_pages(&Tree::of(&[(CODES, "")])).len(), 1);
    }

    #[test]
    fn codes_are_raised_can_fail() {
        let codes = "codes! {\n    /// it broke\n    BROKE = \"Sink.Broke\", Input, Never;\n}\n";
        let raised =
            |path: &str, code: &str| codes_are_raised(&Tree::of(&[(CODES, codes), (path, code)])).len();
        assert_eq!(raised("crates/a/src/lib.rs", "fn a() { Error::new(codes::BROKE, x) }\n"), 0);
        assert_eq!(
            raised("crates/a/src/lib.rs", "fn a() { Error::new(codes::BROKEN, x) } // codes::BROKE\n"),
            1
        );
        assert_eq!(raised("crates/a/src/tests.rs", "fn a() { Error::new(codes::BROKE, x) }\n"), 1);
        assert_eq!(
            raised("crates/a/src/lib.rs", "use b::codes::{A, BROKE};\nlet e = Error::new(BROKE);\n"),
            0
        );
        for looks in
            ["use b::codes::{A, BROKE};", "if e.code() == codes::BROKE {", "  codes::BROKE | codes::B => 5,"]
        {
            assert_eq!(raised("crates/a/src/lib.rs", looks), 1, "{looks}");
        }
    }
}
