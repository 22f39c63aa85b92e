//! Which connector serves which `type:`.

use crate::context::App;
use crate::open::Opened;
use staunch_commit::{ProfileKey, Sink, Source};
use staunch_connectors::systems::files::{FilesSink, FilesSinkSpec, FilesSource, FilesSourceSpec};
use staunch_connectors::systems::sqlite::{SqliteSink, SqliteSinkSpec};
use staunch_contract::migration::{Format, Keyed, Stored};
use staunch_engine::run::WriteNode;
use staunch_pipeline::{Connection, Object, ObjectRef, Project, Read, Treatment, Write};
use staunch_types::{Error, Result, WriteMode, codes};
use std::sync::Arc;

fn connection<'a>(project: &'a Project, at: &ObjectRef) -> Result<&'a Connection> {
    project.profile.connections.get(&at.connection).ok_or_else(|| {
        Error::new(codes::UNKNOWN_NAME, format!("there is no connection `{}`", at.connection))
            .place(at.place.clone())
    })
}

fn object<'a>(connection: &'a Connection, at: &ObjectRef) -> Result<&'a Object> {
    connection.objects.get(&at.object).ok_or_else(|| {
        Error::new(
            codes::UNKNOWN_NAME,
            format!("connection `{}` has no object `{}`", at.connection, at.object),
        )
        .place(at.place.clone())
        .hint("declare it under `objects:` of the connection")
    })
}

/// The source of a read. Without a key (as for `check`) tokens are made with a key of zeros: nothing is read then.
pub(crate) fn source(project: &Project, read: &Read, key: Option<&ProfileKey>) -> Result<Arc<dyn Source>> {
    let connection = connection(project, &read.from)?;
    match connection.system.as_str() {
        "files" => {
            let token_keys = project
                .profile
                .pii
                .iter()
                .filter(|(_, treatment)| **treatment == Treatment::Token)
                .map(|(class, _)| {
                    let derived = key.map_or([0; 32], |key| key.derive(&format!("token/{class}")));
                    (class.clone(), derived)
                })
                .collect();
            let spec = FilesSourceSpec {
                name: format!("{}/{}", read.from.connection, read.from.object),
                project: project.root.clone(),
                connection: connection.options.clone(),
                object: object(connection, &read.from)?.options.clone(),
                contract: read.contract.clone(),
                late_after: read.late_after,
                late: read.late,
                validate: read.validate,
                on_drift: read.on_drift,
                pii: project.profile.pii.clone(),
                token_keys,
                chunk_bytes: None,
            };
            Ok(Arc::new(FilesSource::new(spec)?))
        }
        other => Err(Error::new(
            codes::OBJECT_OPTION,
            format!("reading from `type: {other}` is not implemented yet"),
        )
        .place(read.from.place.clone())
        .hint("this version reads `type: files`")),
    }
}

/// The sink of a write.
pub(crate) fn sink(app: &App, opened: &Opened, pipeline: &str, node: &WriteNode) -> Result<Arc<dyn Sink>> {
    let project = &opened.project;
    let to = &node.write.to;
    let connection = connection(project, to)?;
    let sink: Arc<dyn Sink> = match connection.system.as_str() {
        "files" => Arc::new(FilesSink::new(FilesSinkSpec {
            project: &project.root,
            connection,
            object: object(connection, to)?,
            contract: node.contract.clone(),
            verify_full: project.profile.verify_full,
            fs: app.fs.clone(),
        })?),
        "sqlite" => Arc::new(SqliteSink::new(SqliteSinkSpec {
            project: &project.root,
            connection,
            object: &to.object,
            mode: node.write.mode,
            contract: node.contract.clone(),
            staging: opened.region_folder(pipeline).join("staged").join(node.write.name.replace('/', ".")),
            verify_full: project.profile.verify_full,
            rejected_at_most: None,
            fs: app.fs.clone(),
        })?),
        other => {
            return Err(Error::new(
                codes::OBJECT_OPTION,
                format!("writing to `type: {other}` is not implemented yet"),
            )
            .place(to.place.clone())
            .hint("this version writes to `type: files` (Parquet, NDJSON) and `type: sqlite`"));
        }
    };
    if sink.supports(node.write.mode) {
        return Ok(sink);
    }
    Err(Error::new(
        codes::WRITE_MODE,
        format!("`{}` cannot be written with `mode: {}`", to_name(to), node.write.mode),
    )
    .place(node.write.place.clone())
    .hint("files take append and replace; SQLite takes append, upsert and replace"))
}

/// Whether the records of an object carry the schema of their writer.
pub(crate) fn is_avro(project: &Project, at: &ObjectRef) -> bool {
    format(project, at) == Some(Format::Avro)
}

/// What the target of a write holds; `None` for one that is not there.
pub(crate) fn stored(project: &Project, write: &Write) -> Option<Stored> {
    match project.profile.connections.get(&write.to.connection)?.system.as_str() {
        "sqlite" => {
            let keyed = if write.mode == WriteMode::Upsert { Keyed::Yes } else { Keyed::No };
            Some(Stored::Table(keyed))
        }
        _ => format(project, &write.to).map(Stored::Files),
    }
}

/// The format of an object of files.
fn format(project: &Project, at: &ObjectRef) -> Option<Format> {
    let object = project.profile.connections.get(&at.connection)?.objects.get(&at.object)?;
    match object.options.entries.get("format").and_then(|option| option.value.as_str()) {
        Some("avro") => Some(Format::Avro),
        Some("json") => Some(Format::Json),
        // Where nothing is said, Parquet is written.
        Some("parquet") | None => Some(Format::Parquet),
        Some(_) => None,
    }
}

fn to_name(to: &ObjectRef) -> String {
    format!("{}/{}", to.connection, to.object)
}
