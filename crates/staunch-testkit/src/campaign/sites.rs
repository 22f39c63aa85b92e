//! The failpoints that stand in the sources.

use super::Failure;
use std::collections::BTreeSet;
use std::path::Path;

/// Failpoints that no campaign passes, and why.
pub const UNPASSED: &[(&str, &str)] = &[("lock.write", LOCK), ("lock.rename", LOCK), ("lock.sync", LOCK)];
const LOCK: &str =
    "`contract lock` writes one file of the project and no log: its own test kills it at each of them";

/// The names of all failpoints in the shipped sources.
///
/// # Errors
/// They cannot be read.
pub fn in_sources() -> Result<BTreeSet<String>, Failure> {
    arguments_of("failpoint::pass(")
}

/// The texts with which a function is called in the shipped sources.
pub(crate) fn arguments_of(call: &str) -> Result<BTreeSet<String>, Failure> {
    let mut found = BTreeSet::new();
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let mut open: Vec<_> = crates.map(Path::to_path_buf).into_iter().collect();
    while let Some(folder) = open.pop() {
        let entries = std::fs::read_dir(&folder).map_err(Failure::machine("read the sources"))?;
        for entry in entries {
            let path = entry.map_err(Failure::machine("read the sources"))?.path();
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            if path.is_dir() {
                open.push(path);
            } else if name.ends_with(".rs")
                && name != "tests.rs"
                && !path.iter().any(|p| p == "staunch-testkit")
            {
                let text = std::fs::read_to_string(&path).map_err(Failure::machine("read the sources"))?;
                found.extend(names(&text, call));
            }
        }
    }
    Ok(found)
}

/// The names in one source.
fn names(text: &str, call: &str) -> impl Iterator<Item = String> {
    let calls = text.split(call).skip(1);
    calls.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split_once('"').map(|(n, _)| n.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found() {
        let text =
            "a();\nfailpoint::pass(\"one.two\");\nfailpoint::pass(\n  \"three\",\n);\nfailpoint::pass(name)";
        assert_eq!(names(text, "failpoint::pass(").collect::<Vec<_>>(), ["one.two", "three"]);
        assert!(in_sources().unwrap().contains("commit.after_create"));
    }
}
