//! Rules about what stands in sources: the seams, the one planner, bounded queues.

use crate::tree::{Tree, Violation, lines_with};

/// A file that may do what others may not, and why.
pub(crate) struct Allowed {
    pub(crate) path: &'static str,
    pub(crate) what: &'static str,
    pub(crate) reason: &'static str,
}

/// Time, tasks and pauses come through the seams. An entry that is no longer needed is itself a violation.
pub(crate) const SEAMS: &[Allowed] = &[
    Allowed {
        path: "crates/staunch-types/src/clock.rs",
        what: "Instant::now",
        reason: "the seam: everybody else asks `Clock`",
    },
    Allowed {
        path: "crates/staunch-types/src/clock.rs",
        what: "SystemTime::now",
        reason: "the seam: everybody else asks `Clock`",
    },
    Allowed {
        path: "crates/staunch-types/src/clock.rs",
        what: "thread::sleep",
        reason: "the seam: everybody else asks `Clock`",
    },
];

const SEAM_WORDS: &[(&str, &str)] = &[
    ("SystemTime::now", "take a `Clock`"),
    ("Instant::now", "take a `Clock`"),
    ("Utc::now", "take a `Clock`"),
    ("Local::now", "take a `Clock`"),
    ("tokio::spawn", "use the engine's runtime, which names and ends its tasks"),
    ("task::spawn", "use the engine's runtime, which names and ends its tasks"),
    ("tokio::time::sleep", "take a `Clock`"),
    ("thread::sleep", "take a `Clock`"),
];

/// No clock, task or pause outside the seams.
pub(crate) fn seams(tree: &Tree, allowed: &[Allowed]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut used = vec![false; allowed.len()];
    for (path, code) in tree.shipped() {
        for (word, instead) in SEAM_WORDS {
            for line in lines_with(&code.bare, word) {
                match allowed.iter().position(|a| a.path == path && a.what == *word) {
                    Some(entry) => used[entry] = true,
                    None => found.push(Violation::new(path, line, format!("`{word}`: {instead}"))),
                }
            }
        }
    }
    for (entry, used) in allowed.iter().zip(used) {
        if !used {
            let what =
                format!("`{}` is allowed here ({}) but not used: remove the entry", entry.what, entry.reason);
            found.push(Violation::new(entry.path, 0, what));
        }
    }
    found
}

/// Only the binary reads the environment: variables, arguments, the current folder.
pub(crate) fn environment(tree: &Tree) -> Vec<Violation> {
    const WORDS: &[&str] = &[
        "std::env",
        "env::var",
        "env::var_os",
        "env::vars",
        "env::vars_os",
        "env::args",
        "env::args_os",
        "env::current_dir",
        "env::temp_dir",
    ];
    let mut found = Vec::new();
    for (path, code) in tree.shipped() {
        if path.starts_with("crates/staunch/src/") && path != "crates/staunch/src/lib.rs" {
            continue;
        }
        let mut lines: Vec<_> = WORDS.iter().flat_map(|word| lines_with(&code.bare, word)).collect();
        lines.sort_unstable();
        lines.dedup();
        for line in lines {
            found.push(Violation::new(
                path,
                line,
                "only the binary reads the environment: take it as an argument",
            ));
        }
    }
    found
}

/// Every queue has a bound.
pub(crate) fn bounded_queues(tree: &Tree) -> Vec<Violation> {
    const WORDS: &[&str] = &[
        "unbounded_channel",
        "UnboundedSender",
        "UnboundedReceiver",
        "mpsc::unbounded",
        "channel::unbounded",
        "crossbeam_channel::unbounded",
        "flume::unbounded",
        "std::sync::mpsc::channel",
        "SegQueue",
    ];
    let mut found = Vec::new();
    for (path, code) in tree.shipped() {
        let mut words = WORDS.to_vec();
        if code.bare.contains("std::sync::mpsc") {
            // Here `mpsc::channel` is that of the standard library, which has no bound.
            words.push("mpsc::channel");
        }
        let mut lines: Vec<_> = words.iter().flat_map(|word| lines_with(&code.bare, word)).collect();
        lines.sort_unstable();
        lines.dedup();
        for line in lines {
            found.push(Violation::new(
                path,
                line,
                "a queue without a bound: use `sync_channel` or `channel(n)`",
            ));
        }
    }
    found
}

/// One function makes a `SessionContext`, in the engine.
pub(crate) fn one_session(tree: &Tree) -> Vec<Violation> {
    const MAKERS: &[&str] = &[
        "SessionContext::new",
        "SessionContext::new_with_config",
        "SessionContext::new_with_config_rt",
        "SessionContext::new_with_state",
        "SessionContext::from",
        "SessionContext::default",
    ];
    let mut places: Vec<(&str, usize)> = Vec::new();
    for (path, code) in tree.shipped() {
        let mut lines: Vec<_> = MAKERS.iter().flat_map(|word| lines_with(&code.bare, word)).collect();
        lines.sort_unstable();
        places.extend(lines.into_iter().map(|line| (path, line)));
    }
    places
        .iter()
        .skip(1)
        .map(|(path, line)| {
            let what = format!(
                "a second `SessionContext`: the one of {}:{} has the limits",
                places[0].0, places[0].1
            );
            Violation::new(path, *line, what)
        })
        .collect()
}

/// SQL is planned in the file of `plan_sql` and nowhere else.
pub(crate) fn one_planner(tree: &Tree) -> Vec<Violation> {
    const PLANNERS: &[&str] = &[
        ".sql(",
        ".sql_with_options(",
        ".create_logical_plan(",
        ".statement_to_plan(",
        ".sql_statement_to_plan(",
        "SqlToRel::new",
    ];
    let mut found = Vec::new();
    let mut homes: Vec<&str> = Vec::new();
    for (path, code) in tree.shipped() {
        if !lines_with(&code.bare, "fn plan_sql").is_empty() {
            homes.push(path);
            continue;
        }
        for word in PLANNERS {
            for line in lines_with(&code.bare, word) {
                found.push(Violation::new(
                    path,
                    line,
                    format!("`{word}`: SQL is planned by `plan_sql` alone"),
                ));
            }
        }
    }
    for path in homes.iter().filter(|path| !path.starts_with("crates/staunch-engine/")) {
        found.push(Violation::new(path, 0, "`plan_sql` belongs to the engine"));
    }
    if homes.len() > 1 {
        found.push(Violation::new(homes[1], 0, format!("a second `plan_sql`; the first is in {}", homes[0])));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: &str = "crates/staunch-app/src/a.rs";

    fn lines(found: &[Violation]) -> Vec<usize> {
        found.iter().map(|v| v.line).collect()
    }

    #[test]
    fn seams_can_fail() {
        let bad = "fn a() {\n  let t = std::time::Instant::now();\n  tokio::spawn(async {});\n}\n";
        assert_eq!(lines(&seams(&Tree::of(&[(APP, bad)]), &[])), [2, 3]);
        assert_eq!(seams(&Tree::of(&[("crates/staunch-app/src/a/tests.rs", bad)]), &[]), []);
        assert_eq!(seams(&Tree::of(&[("crates/staunch-app/tests/it/main.rs", bad)]), &[]), []);
        let allow = |what| [Allowed { path: APP, what, reason: "a test" }];
        assert_eq!(lines(&seams(&Tree::of(&[(APP, bad)]), &allow("Instant::now"))), [3]);
        assert_eq!(lines(&seams(&Tree::of(&[(APP, "fn a() {}\n")]), &allow("Instant::now"))), [0]);
    }

    #[test]
    fn environment_can_fail() {
        let bad = "fn a() {\n  std::env::var(\"HOME\");\n}\n";
        assert_eq!(lines(&environment(&Tree::of(&[(APP, bad)]))), [2]);
        assert_eq!(lines(&environment(&Tree::of(&[("crates/staunch/src/lib.rs", bad)]))), [2]);
        assert_eq!(environment(&Tree::of(&[("crates/staunch/src/main.rs", bad)])), []);
        assert_eq!(environment(&Tree::of(&[(APP, "const V: &str = env!(\"CARGO_PKG_VERSION\");\n")])), []);
    }

    #[test]
    fn bounded_queues_can_fail() {
        let check = |code| lines(&bounded_queues(&Tree::of(&[(APP, code)])));
        assert_eq!(check("let (a, b) = tokio::sync::mpsc::unbounded_channel();\n"), [1]);
        assert_eq!(check("use std::sync::mpsc;\nlet (a, b) = mpsc::channel();\n"), [2]);
        assert_eq!(check("use tokio::sync::mpsc;\nlet (a, b) = mpsc::channel(4);\n"), []);
        assert_eq!(check("use std::sync::mpsc;\nlet (a, b) = mpsc::sync_channel(4);\n"), []);
    }

    #[test]
    fn one_session_can_fail() {
        let one = "fn session() { SessionContext::new_with_state(s) }\n";
        let home = "crates/staunch-engine/src/sql/session.rs";
        assert_eq!(one_session(&Tree::of(&[(home, one)])), []);
        let two = [(home, one), ("crates/staunch-engine/src/whole.rs", "SessionContext::new()\n")];
        assert_eq!(lines(&one_session(&Tree::of(&two))), [1]);
        assert_eq!(one_session(&Tree::of(&two))[0].path, "crates/staunch-engine/src/whole.rs");
    }

    #[test]
    fn one_planner_can_fail() {
        let home = ("crates/staunch-engine/src/sql.rs", "pub fn plan_sql() { SqlToRel::new(x) }\n");
        assert_eq!(one_planner(&Tree::of(&[home])), []);
        let other = ("crates/staunch-engine/src/whole.rs", "context.sql(\"SELECT 1\")\n");
        assert_eq!(lines(&one_planner(&Tree::of(&[home, other]))), [1]);
        let second = ("crates/staunch-app/src/sql.rs", "pub fn plan_sql() {}\n");
        assert_eq!(one_planner(&Tree::of(&[home, second])).len(), 2);
    }
}
