//! Whether two writes of a project go to one target.
//!
//! A target belongs to one write: it keeps that write's position, and a replace removes what it does not know. So no two writes share
//! a folder, lie one in the other, or fill one table, whatever names the profile gives them.

use staunch_connectors::systems::files::FilesSink;
use staunch_connectors::systems::sqlite::SqliteSink;
use staunch_pipeline::{Pipeline, Project, Write};
use staunch_types::{Error, codes};
use std::path::{Component, Path, PathBuf};

/// Where the rows of a write end up.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Folder(PathBuf),
    /// SQLite does not tell tables apart by case: the name is in lower case.
    Table(PathBuf, String),
}

/// One error for each write that shares a target with an earlier one; of one pipeline and those that it meets, or of all.
pub(crate) fn shared(project: &Project, pipeline: Option<&str>) -> Vec<Error> {
    let writes = project.pipelines.values().flat_map(|p| p.writes.iter().map(move |w| (p, w)));
    let mut seen: Vec<(&Pipeline, &Write, Target)> = Vec::new();
    let mut errors = Vec::new();
    for (of, write) in writes {
        // One that has no target has a mistake that is told elsewhere.
        let Some(target) = target(project, write) else { continue };
        let concerns = |other: &Pipeline| pipeline.is_none_or(|name| name == of.name || name == other.name);
        let clash = seen
            .iter()
            .filter(|(other, _, _)| concerns(other))
            .find_map(|(other, earlier, theirs)| Some((other, earlier, how(&target, theirs)?)));
        if let Some((other, earlier, how)) = clash {
            errors.push(refused((of, write), (other, earlier), how));
        }
        seen.push((of, write, target));
    }
    errors
}

fn refused(one: (&Pipeline, &Write), other: (&Pipeline, &Write), how: &str) -> Error {
    let said = |(pipeline, write): (&Pipeline, &Write)| match one.0.name == other.0.name {
        true => format!("`{}`", write.name),
        false => format!("`{}` of pipeline `{}`", write.name, pipeline.name),
    };
    Error::new(codes::ONE_TARGET, format!("{} and {} {how}", said(one), said(other)))
        .place(one.1.to.place.clone())
        .hint(format!(
            "write to a target of its own, or unite the two in one stage with `UNION ALL`; the other write stands at {}",
            other.1.to.place
        ))
}

/// How two targets are one, if they are.
fn how(one: &Target, other: &Target) -> Option<&'static str> {
    match (one, other) {
        (Target::Folder(one), Target::Folder(other)) if one == other => Some("fill the same folder"),
        (Target::Folder(one), Target::Folder(other)) if one.starts_with(other) || other.starts_with(one) => {
            Some("fill folders that lie one in the other")
        }
        (Target::Table(..), Target::Table(..)) if one == other => Some("fill the same table"),
        _ => None,
    }
}

/// The folder or the database of a write; `None` for one that has no target.
pub(crate) fn path(project: &Project, write: &Write) -> Option<PathBuf> {
    target(project, write).map(|target| match target {
        Target::Folder(path) | Target::Table(path, _) => path,
    })
}

fn target(project: &Project, write: &Write) -> Option<Target> {
    let connection = project.profile.connections.get(&write.to.connection)?;
    match connection.system.as_str() {
        "files" => {
            let object = connection.objects.get(&write.to.object)?;
            let folder = FilesSink::folder_of(&project.root, connection, object).ok()?;
            Some(Target::Folder(real(&folder)))
        }
        "sqlite" => {
            let (file, table) = SqliteSink::table_of(&project.root, connection, &write.to.object).ok()?;
            Some(Target::Table(real(&file), table.to_ascii_lowercase()))
        }
        _ => None,
    }
}

/// The path without links, as far as it exists, and without `.` and `..`.
fn real(path: &Path) -> PathBuf {
    let full = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut real = PathBuf::new();
    for part in full.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => {
                real.pop();
            }
            part => {
                real.push(part);
                real = std::fs::canonicalize(&real).unwrap_or(real);
            }
        }
    }
    real
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_meet_by_folder_and_by_table() {
        let folder = |path: &str| Target::Folder(real(Path::new(path)));
        let table = |path: &str, table: &str| Target::Table(real(Path::new(path)), table.to_owned());
        let meets = |one: &Target, other: &Target| how(one, other).is_some();
        assert!(meets(&folder("out/a"), &folder("./x/../out/a/")));
        assert!(meets(&folder("out/a"), &folder("out/a/b")) && meets(&folder("out/a/b"), &folder("out/a")));
        assert!(!meets(&folder("out/a"), &folder("out/ab")));
        assert!(meets(&table("out/db", "t"), &table("./out/db", "t")));
        assert!(!meets(&table("out/db", "t"), &table("out/db", "u")));
        assert!(!meets(&table("out/db", "t"), &table("out/other", "t")));
        assert!(!meets(&table("out/db", "t"), &folder("out")));
    }
}
