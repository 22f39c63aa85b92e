//! The files of the repository, and what of them is code.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// The files of a repository by path (with `/`), as text where they are text.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    files: BTreeMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    bytes: u64,
    text: Option<String>,
}

/// A rule that is broken at a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    /// The file.
    pub(crate) path: String,
    /// The line, from 1; 0 for the file as a whole.
    pub(crate) line: usize,
    /// What is wrong, and what to do instead.
    pub(crate) what: String,
}

impl Violation {
    pub(crate) fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, what: what.into() }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.path, self.what),
            line => write!(f, "{}:{line}: {}", self.path, self.what),
        }
    }
}

impl Tree {
    /// What git knows of, or would add: ignored files are no part of the repository.
    pub(crate) fn of_repository(root: &Path) -> Self {
        let listing = Command::new("git")
            .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
            .current_dir(root)
            .output()
            .expect("git is needed to list the files of the repository");
        assert!(
            listing.status.success(),
            "git ls-files failed: {}",
            String::from_utf8_lossy(&listing.stderr)
        );
        let mut tree = Self::default();
        for name in listing.stdout.split(|b| *b == 0).filter(|n| !n.is_empty()) {
            let name = String::from_utf8_lossy(name).into_owned();
            // A file that was deleted but not yet committed as such is listed and not there.
            let Ok(bytes) = std::fs::read(root.join(&name)) else { continue };
            tree.files.insert(name, Entry { bytes: bytes.len() as u64, text: String::from_utf8(bytes).ok() });
        }
        assert!(
            tree.files.contains_key("Cargo.toml"),
            "{} is not the root of the repository",
            root.display()
        );
        tree
    }

    /// A tree in memory.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let entry = |text: &str| Entry { bytes: text.len() as u64, text: Some(text.to_owned()) };
        Self { files: files.iter().map(|(path, text)| ((*path).to_owned(), entry(text))).collect() }
    }

    /// All paths with their sizes in bytes.
    pub(crate) fn sizes(&self) -> impl Iterator<Item = (&str, u64)> {
        self.files.iter().map(|(path, entry)| (path.as_str(), entry.bytes))
    }

    /// The text of a file.
    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.text.as_deref()
    }

    /// The text files that begin and end so.
    pub(crate) fn texts<'a>(
        &'a self,
        prefix: &'a str,
        suffix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files.iter().filter_map(move |(path, entry)| {
            let fits = path.starts_with(prefix) && path.ends_with(suffix);
            fits.then_some(())?;
            Some((path.as_str(), entry.text.as_deref()?))
        })
    }

    /// The Rust files that are shipped: below `crates/`, without tests, benches and examples.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = (&str, Code)> {
        self.texts("crates/", ".rs")
            .filter(|(path, _)| !is_test(path))
            .map(|(path, text)| (path, Code::of(text)))
    }

    /// The manifests of the members, by the name of their folder.
    pub(crate) fn manifests(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.texts("", "/Cargo.toml").filter_map(|(path, text)| {
            let folder = path.strip_suffix("/Cargo.toml")?;
            let name = folder.strip_prefix("crates/").unwrap_or(folder);
            (!name.contains('/')).then_some((name, path, text))
        })
    }
}

/// Whether a file below `crates/` is only built for tests, benches or as an example.
pub(crate) fn is_test(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name == "tests.rs"
        || name.ends_with("_tests.rs")
        || path.split('/').any(|part| matches!(part, "tests" | "benches" | "examples" | "fuzz"))
}

/// A Rust source without its comments and without its `#[cfg(test)]` blocks, line by line as in the file.
#[derive(Debug)]
pub(crate) struct Code {
    /// Strings are blanked.
    pub(crate) bare: String,
    /// Strings are kept.
    pub(crate) with_strings: String,
}

impl Code {
    pub(crate) fn of(source: &str) -> Self {
        let (mut bare, mut with_strings) = strip(source);
        for (from, to) in test_blocks(&bare) {
            blank(&mut bare, from, to);
            blank(&mut with_strings, from, to);
        }
        Self { bare: text_of(bare), with_strings: text_of(with_strings) }
    }
}

fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}

fn blank(bytes: &mut [u8], from: usize, to: usize) {
    for byte in &mut bytes[from..to] {
        if *byte != b'\n' {
            *byte = b' ';
        }
    }
}

/// Blanks comments (first result: and the inside of strings).
fn strip(source: &str) -> (Vec<u8>, Vec<u8>) {
    let s = source.as_bytes();
    let (mut bare, mut with_strings) = (s.to_vec(), s.to_vec());
    let mut i = 0;
    while i < s.len() {
        let rest = &s[i..];
        if rest.starts_with(b"//") {
            let end = i + rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            blank(&mut bare, i, end);
            blank(&mut with_strings, i, end);
            i = end;
        } else if rest.starts_with(b"/*") {
            let end = end_of_block_comment(s, i);
            blank(&mut bare, i, end);
            blank(&mut with_strings, i, end);
            i = end;
        } else if let Some((open, hashes)) = raw_string(s, i) {
            let close: Vec<u8> = std::iter::once(b'"').chain(std::iter::repeat_n(b'#', hashes)).collect();
            let body = i + open;
            let end = find(s, body, &close).unwrap_or(s.len());
            blank(&mut bare, body, end);
            i = (end + close.len()).min(s.len());
        } else if s[i] == b'"' {
            let mut end = i + 1;
            while end < s.len() && s[end] != b'"' {
                end += if s[end] == b'\\' { 2 } else { 1 };
            }
            let end = end.min(s.len());
            blank(&mut bare, i + 1, end);
            i = end + 1;
        } else if let Some(length) = char_literal(rest) {
            blank(&mut bare, i + 1, i + length - 1);
            i += length;
        } else {
            i += 1;
        }
    }
    (bare, with_strings)
}

fn find(s: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    s[from..].windows(what.len()).position(|w| w == what).map(|at| from + at)
}

fn end_of_block_comment(s: &[u8], from: usize) -> usize {
    let (mut depth, mut i) = (0, from);
    while i < s.len() {
        if s[i..].starts_with(b"/*") {
            depth += 1;
            i += 2;
        } else if s[i..].starts_with(b"*/") {
            depth -= 1;
            i += 2;
            if depth == 0 {
                return i;
            }
        } else {
            i += 1;
        }
    }
    s.len()
}

/// The length of `r##"` and the number of its hashes, if a raw string begins here.
fn raw_string(s: &[u8], at: usize) -> Option<(usize, usize)> {
    let before = at.checked_sub(1).map(|b| s[b]);
    if s[at] != b'r' || before.is_some_and(|b| (b.is_ascii_alphanumeric() && b != b'b') || b == b'_') {
        return None;
    }
    let hashes = s[at + 1..].iter().take_while(|b| **b == b'#').count();
    (s.get(at + 1 + hashes) == Some(&b'"')).then_some((hashes + 2, hashes))
}

/// The length of a character literal, if one begins here: `'a'`, `'\n'`, `'\u{1F}'`; a lifetime is none.
fn char_literal(rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b'\'') {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|b| *b == b'\'')?;
        return Some(end + 4);
    }
    let text = std::str::from_utf8(rest.get(1..6.min(rest.len()))?)
        .unwrap_or_else(|e| std::str::from_utf8(&rest[1..1 + e.valid_up_to()]).unwrap_or_default());
    let first = text.chars().next()?;
    (rest.get(1 + first.len_utf8()) == Some(&b'\'')).then_some(first.len_utf8() + 2)
}

/// The ranges of `#[cfg(test)] mod x { ... }` and of other blocks under that attribute.
fn test_blocks(bare: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = find(bare, from, b"#[cfg(test)]") {
        from = start + 1;
        // `mod tests;` and `use x;` end with a semicolon before any brace.
        let Some(stop) = bare[start..].iter().position(|b| matches!(b, b'{' | b';')).map(|p| start + p)
        else {
            break;
        };
        if bare[stop] == b';' {
            found.push((start, stop));
            continue;
        }
        let mut depth = 0_i64;
        let mut end = bare.len();
        for (i, byte) in bare.iter().enumerate().skip(stop) {
            depth += i64::from(*byte == b'{') - i64::from(*byte == b'}');
            if depth == 0 {
                end = i + 1;
                break;
            }
        }
        found.push((start, end));
        from = end;
    }
    found
}

/// The lines (from 1) where `what` stands as a whole path: no letter, digit or `_` beside it.
pub(crate) fn lines_with(code: &str, what: &str) -> Vec<usize> {
    let word = |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let (bytes, first, last) = (code.as_bytes(), what.as_bytes()[0], what.as_bytes()[what.len() - 1]);
    code.match_indices(what)
        .filter(|(at, _)| {
            let before = at.checked_sub(1).and_then(|b| bytes.get(b));
            let after = bytes.get(at + what.len());
            let glued = (word(Some(&first)) && word(before)) || (word(Some(&last)) && word(after));
            !glued
        })
        .map(|(at, _)| 1 + bytes[..at].iter().filter(|b| **b == b'\n').count())
        .collect()
}

#[test]
fn comments_strings_and_tests_are_no_code() {
    let source = r##"
//! SessionContext in a head
fn a<'a>(x: &'a str) -> char { let _ = "Instant::now \" //"; 'x' } // Instant::now
/* outer /* Instant::now */ still */
const R: &str = r#"Instant::now "quoted" "#; const Q: char = '"'; const E: char = '\'';
#[cfg(test)]
mod tests { fn b() { let _ = "}"; Instant::now(); } }
#[cfg(test)]
mod more;
fn c() { Instant::now(); }
"##;
    let code = Code::of(source);
    assert_eq!(lines_with(&code.bare, "Instant::now"), [10]);
    assert_eq!(lines_with(&code.with_strings, "Instant::now"), [3, 5, 10]);
    assert!(lines_with("MyInstant::now(); Instant::nowhere()", "Instant::now").is_empty());
}
