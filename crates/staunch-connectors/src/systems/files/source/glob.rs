//! Finding files below a root by a pattern.
//!
//! `*` matches within a name, `**` any number of folders, `?` one character, `[a-z]` and `[!a-z]` one of a set. A name that
//! begins with a point is matched only by a pattern that does: half-written files hide behind one.

use crate::read::input::{modified, unreadable};
use staunch_commit::Listed;
use staunch_types::{Error, Place, Result, codes};
use std::path::{Component, Path, PathBuf};

/// How deep folders are followed.
const DEPTH: usize = 64;

/// A checked pattern.
#[derive(Debug, Clone)]
pub(super) struct Glob {
    segments: Vec<String>,
}

impl Glob {
    /// Checks a pattern; says what is wrong with it.
    pub(super) fn new(pattern: &str) -> Result<Self, &'static str> {
        if pattern.starts_with('/') || Path::new(pattern).is_absolute() {
            return Err("begins at the root of the file system");
        }
        let segments: Vec<String> =
            pattern.split('/').filter(|s| !matches!(*s, "" | ".")).map(str::to_owned).collect();
        if segments.is_empty() {
            return Err("is empty");
        }
        if segments.iter().any(|s| s == "..") {
            return Err("leads out of the root by `..`");
        }
        if segments.iter().any(|s| s.contains('\\') || s.contains('\0')) {
            return Err("holds a character that no path has");
        }
        Ok(Self { segments })
    }

    /// The files that match, by name.
    ///
    /// # Errors
    /// `Source.Missing` if the root is not there; `Source.Unreadable`, also for a link that leads out of the root.
    pub(super) fn find(&self, root: &Path) -> Result<Vec<Listed>> {
        let real = real_root(root)?;
        let mut found = Vec::new();
        let segments: Vec<&str> = self.segments.iter().map(String::as_str).collect();
        walk(&real, &real, "", &segments, 0, &mut found)?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found.dedup_by(|a, b| a.path == b.path);
        Ok(found)
    }
}

fn walk(
    root: &Path,
    dir: &Path,
    name: &str,
    segments: &[&str],
    depth: usize,
    found: &mut Vec<Listed>,
) -> Result<()> {
    let Some((segment, rest)) = segments.split_first() else { return Ok(()) };
    if depth > DEPTH {
        return Err(Error::new(codes::SOURCE_UNREADABLE, format!("folders are nested deeper than {DEPTH}"))
            .place(Place::file(dir))
            .hint("look for a link that leads back to its own folder"));
    }
    let deep = *segment == "**";
    if deep && !rest.is_empty() {
        walk(root, dir, name, rest, depth, found)?;
    }
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| unreadable("list the folder", dir, &e))? {
        let entry = entry.map_err(|e| unreadable("list the folder", dir, &e))?;
        entries.push(entry.file_name());
    }
    entries.sort();
    for entry in entries {
        let path = dir.join(&entry);
        let Some(text) = entry.to_str() else {
            return Err(Error::new(codes::SOURCE_UNREADABLE, "a file name is not UTF-8")
                .place(Place::file(dir))
                .hint("rename the file"));
        };
        let matched = if deep { !text.starts_with('.') } else { matches(segment, text) };
        if !matched {
            continue;
        }
        let below = if name.is_empty() { text.to_owned() } else { format!("{name}/{text}") };
        let link = std::fs::symlink_metadata(&path)
            .map_err(|e| unreadable("look at the file", &path, &e))?
            .file_type()
            .is_symlink();
        if link {
            inside(root, &path)?;
        }
        let meta = std::fs::metadata(&path).map_err(|e| unreadable("look at the file", &path, &e))?;
        if meta.is_dir() {
            match (deep, rest.is_empty()) {
                // Links to folders are not followed here: they may lead in circles.
                (true, _) if link => {}
                (true, _) => walk(root, &path, &below, segments, depth + 1, found)?,
                (false, false) => walk(root, &path, &below, rest, depth + 1, found)?,
                (false, true) => {}
            }
        } else if rest.is_empty() {
            if !meta.is_file() {
                return Err(Error::new(codes::SOURCE_UNREADABLE, "the path is neither a file nor a folder")
                    .place(Place::file(&path))
                    .hint("let `path:` match files only"));
            }
            found.push(Listed { path: below, size: meta.len(), modified: modified(&meta) });
        }
    }
    Ok(())
}

/// The real path, if it lies below the (real) root.
fn inside(root: &Path, path: &Path) -> Result<PathBuf> {
    let real = path.canonicalize().map_err(|e| unreadable("follow the path", path, &e))?;
    if real.starts_with(root) {
        return Ok(real);
    }
    Err(Error::new(codes::SOURCE_UNREADABLE, "the path leads out of the root of its connection by a link")
        .place(Place::file(path))
        .hint("put the file itself below the root, or move the root up"))
}

/// The real path of a listed name.
///
/// # Errors
/// `Source.Missing`; `Source.Unreadable` for a name that leads out of the root.
pub(super) fn resolve(root: &Path, name: &str) -> Result<PathBuf> {
    let relative = Path::new(name);
    if name.is_empty() || !relative.components().all(|c| matches!(c, Component::Normal(_))) {
        return Err(Error::new(codes::SOURCE_UNREADABLE, "the name of a file leads out of the root")
            .place(Place::file(relative))
            .hint("report this, unless the epoch log was edited"));
    }
    let real = real_root(root)?;
    inside(&real, &real.join(relative))
}

/// The root of a connection, without links.
fn real_root(root: &Path) -> Result<PathBuf> {
    root.canonicalize().map_err(|e| {
        let error = unreadable("open the root of the connection", root, &e);
        if e.kind() == std::io::ErrorKind::NotFound {
            return error
                .hint("make the folder (is the file system mounted?), or correct `root:` of the connection");
        }
        error
    })
}

/// Whether a name matches one segment of a pattern.
fn matches(pattern: &str, name: &str) -> bool {
    if name.starts_with('.') && !pattern.starts_with('.') {
        return false;
    }
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    // The usual linear matcher: on a mismatch the last `*` takes one character more.
    let (mut p, mut n, mut star) = (0, 0, None);
    loop {
        match (pattern.get(p), name.get(n)) {
            (Some('*'), _) => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            (None, None) => return true,
            (Some(_), Some(character)) => {
                if let Some(behind) = one(&pattern, p, *character) {
                    p = behind;
                    n += 1;
                    continue;
                }
            }
            _ => {}
        }
        match star {
            Some((at, from)) if from < name.len() => {
                star = Some((at, from + 1));
                p = at + 1;
                n = from + 1;
            }
            _ => return false,
        }
    }
}

/// Matches one character against the element of the pattern at `p`; says where the next element begins.
fn one(pattern: &[char], p: usize, character: char) -> Option<usize> {
    match pattern.get(p)? {
        '?' => Some(p + 1),
        '[' => {
            let negated = matches!(pattern.get(p + 1), Some('!' | '^'));
            let mut at = p + 1 + usize::from(negated);
            let first = at;
            let mut hit = false;
            loop {
                let low = *pattern.get(at)?;
                if low == ']' && at > first {
                    return (hit != negated).then_some(at + 1);
                }
                if pattern.get(at + 1) == Some(&'-') && pattern.get(at + 2).is_some_and(|c| *c != ']') {
                    let high = *pattern.get(at + 2)?;
                    hit |= (low..=high).contains(&character);
                    at += 3;
                } else {
                    hit |= low == character;
                    at += 1;
                }
            }
        }
        plain => (*plain == character).then_some(p + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::{Glob, matches, resolve};
    use staunch_types::codes;
    use std::fs;

    #[test]
    fn names_match_patterns() {
        for (pattern, name, wanted) in [
            ("*.csv", "a.csv", true),
            ("*.csv", "a.csv.gz", false),
            ("*.csv", ".a.csv", false),
            (".*", ".a", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("?.csv", "ä.csv", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("[a-", "a", false),
            ("*", "", true),
            ("**x", "abx", true),
        ] {
            assert_eq!(matches(pattern, name), wanted, "{pattern} {name}");
        }
    }

    #[test]
    fn patterns_find_files_by_name_and_never_leave_the_root() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        for name in ["b.csv", "a.csv", "x/c.csv", "x/y/d.csv", "x/.tmp.csv", "x/e.txt"] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, name).unwrap();
        }
        let find = |pattern: &str| {
            let found = Glob::new(pattern).unwrap().find(&root);
            found.map(|f| f.into_iter().map(|l| l.path).collect::<Vec<_>>())
        };
        assert_eq!(find("*.csv").unwrap(), ["a.csv", "b.csv"]);
        assert_eq!(find("**/*.csv").unwrap(), ["a.csv", "b.csv", "x/c.csv", "x/y/d.csv"]);
        assert_eq!(find("x/**").unwrap(), ["x/c.csv", "x/e.txt", "x/y/d.csv"]);
        assert_eq!(find("x/*/d.csv").unwrap(), ["x/y/d.csv"]);
        assert_eq!(find("nothing").unwrap(), Vec::<String>::new());
        for bad in ["/etc/*", "../x", "x/../../y", "", "./"] {
            assert!(Glob::new(bad).is_err(), "{bad}");
        }
        assert_eq!(resolve(&root, "../root/a.csv").unwrap_err().code(), codes::SOURCE_UNREADABLE);
        #[cfg(unix)]
        {
            fs::write(dir.path().join("secret.csv"), "secret").unwrap();
            std::os::unix::fs::symlink("../secret.csv", root.join("z.csv")).unwrap();
            assert_eq!(find("*.csv").unwrap_err().code(), codes::SOURCE_UNREADABLE);
            assert_eq!(resolve(&root, "z.csv").unwrap_err().code(), codes::SOURCE_UNREADABLE);
            fs::remove_file(root.join("z.csv")).unwrap();
            std::os::unix::fs::symlink("..", root.join("x/up")).unwrap();
            assert_eq!(find("**/d.csv").unwrap(), ["x/y/d.csv"]);
        }
    }
}
