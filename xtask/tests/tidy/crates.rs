//! Rules about crates: who may depend on whom, what a head says, versions in the lock file.

use crate::tree::{Tree, Violation, lines_with};

/// For each member the members that it may depend on. One direction, top to bottom.
const MAY_USE: &[(&str, &[&str])] = &[
    ("staunch-types", &[]),
    ("staunch-contract", &["types"]),
    ("staunch-pipeline", &["types", "contract"]),
    ("staunch-commit", &["types", "contract"]),
    ("staunch-control", &["types"]),
    ("staunch-workflow", &["types"]),
    ("staunch-connectors", &["types", "contract", "pipeline", "commit"]),
    ("staunch-engine", &["types", "contract", "pipeline", "commit"]),
    (
        "staunch-app",
        &["types", "contract", "pipeline", "commit", "control", "workflow", "connectors", "engine"],
    ),
    // The binary and the facade see the rest through `app`; what the facade shows again it may name.
    ("staunch", &["types", "contract", "pipeline", "commit", "app"]),
    ("staunch-testkit", &["types", "contract", "commit"]),
    ("xtask", &["types"]),
    // The fuzz targets: a workspace of their own.
    ("fuzz", &["types", "contract", "pipeline", "commit", "connectors", "workflow"]),
];

/// The simulated seams may be used by the tests of everybody.
const FOR_TESTS: &str = "staunch-testkit";

/// The members that may depend on DataFusion: the engine, and its runners when they come.
const DATAFUSION: &[&str] = &["staunch-engine", "staunch-runners"];

/// Words by which the engine would name a connector.
const CONNECTOR_WORDS: &[&str] =
    &["staunch_connectors", "rusqlite", "sqlite", "SqliteSink", "kafka", "FilesSource", "FilesSink"];

/// A dependency of a manifest.
struct Dependency<'a> {
    name: &'a str,
    line: usize,
    for_tests: bool,
}

/// The dependencies of a manifest: `[dependencies]`, `[dev-dependencies]`, `[build-dependencies]`, those of targets,
/// and `[dependencies.NAME]`.
fn dependencies(manifest: &str) -> Vec<Dependency<'_>> {
    let mut found = Vec::new();
    let mut section = "";
    for (number, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            section = header.trim();
            if let Some((kind, name)) = section.rsplit_once('.')
                && kind.ends_with("dependencies")
                && kind != "workspace.dependencies"
            {
                found.push(Dependency { name, line: number + 1, for_tests: kind.contains("dev-") });
            }
            continue;
        }
        if section.ends_with("dependencies") && section != "workspace.dependencies" {
            let name = line.split(['=', '.']).next().unwrap_or_default().trim().trim_matches('"');
            if !name.is_empty() && !name.starts_with('#') {
                found.push(Dependency { name, line: number + 1, for_tests: section.contains("dev-") });
            }
        }
    }
    found
}

/// Dependencies between members point one way.
pub(crate) fn direction(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (member, path, manifest) in tree.manifests() {
        let Some((_, may)) = MAY_USE.iter().find(|(name, _)| *name == member) else {
            found.push(Violation::new(
                path,
                0,
                format!("`{member}` has no place in the direction of crates"),
            ));
            continue;
        };
        for dependency in dependencies(manifest) {
            let ours = dependency.name == "staunch" || dependency.name.starts_with("staunch-");
            let allowed = dependency.name.strip_prefix("staunch-").is_some_and(|short| may.contains(&short))
                || (dependency.for_tests && dependency.name == FOR_TESTS);
            if ours && !allowed {
                let what = format!("`{member}` must not depend on `{}`", dependency.name);
                found.push(Violation::new(path, dependency.line, what));
            }
        }
    }
    found
}

/// DataFusion is known to the engine alone.
pub(crate) fn datafusion(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (member, path, manifest) in tree.manifests() {
        let wrong = |d: &Dependency<'_>| d.name.starts_with("datafusion") && !DATAFUSION.contains(&member);
        for dependency in dependencies(manifest).into_iter().filter(wrong) {
            found.push(Violation::new(path, dependency.line, "only the engine may depend on DataFusion"));
        }
    }
    for (path, text) in tree.texts("crates/", ".rs") {
        if DATAFUSION.iter().any(|member| path.starts_with(&format!("crates/{member}/"))) {
            continue;
        }
        for line in lines_with(&crate::tree::Code::of(text).bare, "datafusion") {
            found.push(Violation::new(path, line, "only the engine may name DataFusion"));
        }
    }
    found
}

/// The engine names no connector and no connector the engine; not even in a string.
pub(crate) fn engine_and_connectors(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, code) in tree.shipped() {
        let forbidden: &[&str] = if path.starts_with("crates/staunch-engine/") {
            CONNECTOR_WORDS
        } else if path.starts_with("crates/staunch-connectors/") {
            &["staunch_engine"]
        } else {
            continue;
        };
        for word in forbidden {
            for line in lines_with(&code.with_strings, word) {
                let what = format!(
                    "`{word}`: engine and connectors know each other only through the traits of commit"
                );
                found.push(Violation::new(path, line, what));
            }
        }
    }
    found
}

/// The head of a crate says what it is not and which invariants it keeps.
pub(crate) fn heads(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for (path, text) in tree.texts("crates/", "/src/lib.rs") {
        let head: String = text.lines().take_while(|l| l.starts_with("//!")).collect::<Vec<_>>().join("\n");
        for (wanted, what) in [
            ("**What it is.**", "what it is"),
            ("**What it is not.**", "what it is not"),
            ("**Invariants.**", "its invariants"),
        ] {
            if !head.contains(wanted) {
                found.push(Violation::new(
                    path,
                    1,
                    format!("the head of the crate does not say {what} ({wanted})"),
                ));
            }
        }
    }
    found
}

/// Crates of which two versions would compile and then not fit each other.
const ONE_VERSION: &[&str] = &["arrow-array", "datafusion", "object_store", "parquet"];

/// The lock file holds exactly one version of the crates whose types cross our seams.
pub(crate) fn one_version(tree: &Tree) -> Vec<Violation> {
    let Some(lock) = tree.text("Cargo.lock") else {
        return vec![Violation::new("Cargo.lock", 0, "is missing: it belongs to the repository")];
    };
    let mut found = Vec::new();
    for name in ONE_VERSION {
        let wanted = format!("name = \"{name}\"");
        let count = lock.lines().filter(|l| *l == wanted).count();
        if count != 1 {
            found.push(Violation::new(
                "Cargo.lock",
                0,
                format!("{count} versions of `{name}`, there must be one"),
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(dependencies: &str) -> String {
        format!("[package]\nname = \"x\"\n\n[dependencies]\n{dependencies}")
    }

    #[test]
    fn direction_can_fail() {
        let good = manifest("staunch-types = { workspace = true }\nserde.workspace = true\n");
        assert_eq!(direction(&Tree::of(&[("crates/staunch-contract/Cargo.toml", &good)])), []);
        let bad = manifest("staunch-types = { workspace = true }\nstaunch-engine.workspace = true\n");
        let found = direction(&Tree::of(&[("crates/staunch-connectors/Cargo.toml", &bad)]));
        let what = "`staunch-connectors` must not depend on `staunch-engine`";
        assert_eq!(found, [Violation::new("crates/staunch-connectors/Cargo.toml", 6, what)]);
        let table = "[dependencies.staunch-app]\nworkspace = true\n";
        assert_eq!(direction(&Tree::of(&[("crates/staunch-types/Cargo.toml", table)])).len(), 1);
        let target = "[target.'cfg(unix)'.dependencies]\nstaunch-app = \"1\"\n";
        assert_eq!(direction(&Tree::of(&[("crates/staunch-types/Cargo.toml", target)])).len(), 1);
        let tests = "[dev-dependencies]\nstaunch-testkit = { workspace = true }\n";
        assert_eq!(direction(&Tree::of(&[("crates/staunch-commit/Cargo.toml", tests)])), []);
        let stranger = direction(&Tree::of(&[("crates/staunch-new/Cargo.toml", &manifest(""))]));
        assert_eq!(stranger.len(), 1);
    }

    #[test]
    fn datafusion_can_fail() {
        let uses = manifest("datafusion = { workspace = true }\n");
        assert_eq!(datafusion(&Tree::of(&[("crates/staunch-engine/Cargo.toml", &uses)])), []);
        assert_eq!(datafusion(&Tree::of(&[("crates/staunch-app/Cargo.toml", &uses)])).len(), 1);
        let part = manifest("datafusion-common = \"55\"\n");
        assert_eq!(datafusion(&Tree::of(&[("xtask/Cargo.toml", &part)])).len(), 1);
        let code = "// knows no datafusion\nuse datafusion::prelude::*;\n";
        let found = datafusion(&Tree::of(&[("crates/staunch-app/src/lib.rs", code)]));
        assert_eq!(found.iter().map(|v| v.line).collect::<Vec<_>>(), [2]);
        assert_eq!(datafusion(&Tree::of(&[("crates/staunch-engine/src/lib.rs", code)])), []);
    }

    #[test]
    fn engine_and_connectors_can_fail() {
        let check = |path, code| engine_and_connectors(&Tree::of(&[(path, code)])).len();
        assert_eq!(check("crates/staunch-engine/src/a.rs", "// like staunch_connectors\n"), 0);
        assert_eq!(check("crates/staunch-engine/src/a.rs", "use staunch_connectors::x;\n"), 1);
        assert_eq!(check("crates/staunch-engine/src/a.rs", "if system == \"sqlite\" {}\n"), 1);
        assert_eq!(check("crates/staunch-connectors/src/a.rs", "use staunch_engine::x;\n"), 1);
        assert_eq!(check("crates/staunch-connectors/src/a.rs", "use rusqlite::x;\n"), 0);
    }

    #[test]
    fn heads_can_fail() {
        let good =
            "//! A crate.\n//!\n//! **What it is.** A\n//! **What it is not.** B\n//! **Invariants.** C\n";
        assert_eq!(heads(&Tree::of(&[("crates/a/src/lib.rs", good)])), []);
        assert_eq!(heads(&Tree::of(&[("crates/a/src/lib.rs", "//! placeholder\n")])).len(), 3);
        let below = "//! **What it is.**\n\n//! **What it is not.** **Invariants.**\n";
        assert_eq!(heads(&Tree::of(&[("crates/a/src/lib.rs", below)])).len(), 2);
    }

    #[test]
    fn one_version_can_fail() {
        let package = |name: &str| format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\n");
        let good: String = ONE_VERSION.iter().map(|name| package(name)).collect();
        assert_eq!(one_version(&Tree::of(&[("Cargo.lock", &good)])), []);
        let twice = format!("{good}{}", package("arrow-array"));
        assert_eq!(one_version(&Tree::of(&[("Cargo.lock", &twice)])).len(), 1);
        assert_eq!(one_version(&Tree::of(&[("Cargo.lock", "")])).len(), ONE_VERSION.len());
        assert_eq!(one_version(&Tree::of(&[])).len(), 1);
    }
}
