//! `contract infer`: the contract that files, or a stage's SQL, imply.

use crate::context::{App, RunContext, Verb, authorize};
use crate::open::Opened;
use staunch_connectors::systems::files::{self, InferSpec};
use staunch_contract::Contract;
use staunch_pipeline::{OptionValue, Options};
use staunch_types::{Error, Place, Result, codes};
use std::collections::BTreeMap;
use std::path::Path;

/// What `contract infer` can be told.
#[derive(Debug, Clone, Default)]
pub struct InferOptions {
    /// The name of the contract; else one is made of the name of the file, object or stage.
    pub name: Option<String>,
    /// Texts with at most so many different values become an enum.
    pub enums: Option<usize>,
    /// Options of the format for a file, by the keys that an object of a profile has: `format`, `delimiter`, ...
    pub options: BTreeMap<String, serde_json::Value>,
}

/// A contract, ready to be kept in `contracts/`.
#[derive(Debug, Clone)]
pub struct Inferred {
    /// The contract.
    pub contract: Contract,
    /// Its text in YAML.
    pub yaml: String,
    /// What was looked at, in words.
    pub from: String,
    /// Rows that were read; `None` where nothing was read.
    pub rows: Option<u64>,
    /// Records that no contract could read, by reason.
    pub unreadable: BTreeMap<String, u64>,
    /// What the object must say beside: field by column.
    pub rename: BTreeMap<String, String>,
    /// What somebody should know.
    pub notes: Vec<String>,
}

impl App {
    /// The contract of `PIPELINE/STAGE`, of `CONNECTION/OBJECT` with the options of the profile, or of a file, which may lie in a folder
    /// that is named as a connection is.
    ///
    /// # Errors
    /// Those of a stage that cannot be planned; those of reading the files; `Usage.Invalid` for a name or option that makes no sense here.
    pub fn contract_infer(
        &self,
        start: &Path,
        profile: Option<&str>,
        what: &str,
        options: &InferOptions,
        context: &RunContext,
    ) -> Result<Inferred> {
        authorize(&context.actor, Verb::Read, "contract")?;
        // A file needs no project, and may lie in one that is broken.
        let opened = match Opened::survey(start, profile) {
            Ok((opened, _)) => opened,
            Err(error) if error.code() == codes::NO_PROJECT => None,
            Err(error) => return Err(error),
        };
        let inferred = match (&opened, what.split_once('/')) {
            (Some(opened), Some((first, second))) if opened.project.pipelines.contains_key(first) => {
                stage(opened, first, second, options)?
            }
            (Some(opened), Some((first, second)))
                if opened.project.profile.connections.get(first).is_some_and(|connection| {
                    // A path may begin like a connection; an object goes before it.
                    connection.objects.contains_key(second) || !Path::new(what).is_file()
                }) =>
            {
                object(opened, first, second, options)?
            }
            _ => file(Path::new(what), options)?,
        };
        Ok(said(inferred))
    }
}

/// The name of the contract.
fn name(options: &InferOptions, of: &str) -> Result<String> {
    let good = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && name.len() <= 100
    };
    match &options.name {
        Some(name) if good(name) => Ok(name.clone()),
        Some(_) => Err(Error::new(codes::USAGE, "that is no name of a contract")
            .hint("names begin with a letter or `_` and go on with letters, digits and `_`")),
        None => {
            let stem = of.split('.').next().unwrap_or_default().to_ascii_lowercase();
            let plain: String =
                stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
            let plain = plain.trim_matches('_').to_owned();
            Ok(if good(&plain) { plain } else { format!("records_{plain}").trim_end_matches('_').to_owned() })
        }
    }
}

fn stage(opened: &Opened, pipeline: &str, stage: &str, options: &InferOptions) -> Result<Inferred> {
    if let Some(key) = options.options.keys().next() {
        return Err(Error::new(
            codes::USAGE,
            format!("`{key}` is for files, and `{pipeline}/{stage}` is a stage"),
        )
        .hint("remove it"));
    }
    let planned = opened.pipeline(pipeline)?;
    let (graph, errors) = opened.survey_graph(planned, None);
    let Some(contract) = graph.contract(stage) else {
        if let Some(error) = Error::many(Error::in_order(errors)) {
            return Err(error);
        }
        let names: Vec<&str> = planned.processes.iter().map(|p| p.name.as_str()).collect();
        return Err(Error::new(codes::UNKNOWN_NAME, format!("pipeline `{pipeline}` has no stage `{stage}`"))
            .place(Place::file(&planned.file))
            .hint(format!("it has: {}", names.join(", "))));
    };
    let mut contract = Contract::clone(contract);
    contract.name = name(options, &contract.name)?;
    Ok(Inferred {
        contract,
        yaml: String::new(),
        from: format!("stage `{stage}` of pipeline `{pipeline}`"),
        rows: None,
        unreadable: BTreeMap::new(),
        rename: BTreeMap::new(),
        notes: Vec::new(),
    })
}

fn object(opened: &Opened, connection: &str, object: &str, options: &InferOptions) -> Result<Inferred> {
    let project = &opened.project;
    let found = &project.profile.connections[connection];
    if found.system != "files" {
        return Err(Error::new(
            codes::OBJECT_OPTION,
            format!("reading from `type: {}` is not implemented yet", found.system),
        )
        .place(found.place.clone())
        .hint("this version reads `type: files`"));
    }
    if let Some(key) = options.options.keys().next() {
        return Err(Error::new(
            codes::USAGE,
            format!("`{key}` of `{connection}/{object}` is said in the profile"),
        )
        .place(found.place.clone())
        .hint("change it there, or name a file"));
    }
    let Some(declared) = found.objects.get(object) else {
        return Err(Error::new(
            codes::UNKNOWN_NAME,
            format!("connection `{connection}` has no object `{object}`"),
        )
        .place(found.place.clone())
        .hint("declare it under `objects:` of the connection, or name a file"));
    };
    let spec = InferSpec {
        name: format!("{connection}/{object}"),
        project: project.root.clone(),
        connection: found.options.clone(),
        object: declared.options.clone(),
        contract: name(options, object)?,
        enums: options.enums,
    };
    Ok(of_files(files::infer(&spec)?, format!("`{connection}/{object}`")))
}

fn file(path: &Path, options: &InferOptions) -> Result<Inferred> {
    let shown = path.display().to_string();
    let found = std::fs::metadata(path);
    if !found.as_ref().is_ok_and(std::fs::Metadata::is_file) {
        let error = Error::new(
            codes::USAGE,
            format!("`{shown}` is no file, no `connection/object` and no `pipeline/stage`"),
        );
        return Err(
            error.hint("name one of these; of a folder, declare it as an object, or name one file in it")
        );
    }
    let file = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let ending = file.trim_end_matches(".gz").trim_end_matches(".zst").rsplit('.').next().unwrap_or_default();
    let ending = ending.to_ascii_lowercase();
    let format = options.options.get("format").and_then(|v| v.as_str()).unwrap_or(match ending.as_str() {
        "csv" | "tsv" | "txt" => "csv",
        "json" | "ndjson" | "jsonl" => "json",
        "parquet" | "pq" => "parquet",
        "avro" => "avro",
        _ => "",
    });
    let contract = name(options, &file)?;
    if format == "avro" {
        let mut inferred =
            of_files(files::avro(path, options.name.as_deref())?, format!("the schema of `{shown}`"));
        inferred.rows = None;
        return Ok(inferred);
    }
    if format.is_empty() {
        return Err(Error::new(codes::USAGE, format!("the name of `{shown}` does not say what is in it"))
            .hint("say --format csv, json or parquet"));
    }
    let value = |value: serde_json::Value| OptionValue { value, place: Place::file(path) };
    let text = |text: &str| value(serde_json::Value::from(text));
    let mut object = Options::default();
    for (key, given) in &options.options {
        object.entries.insert(key.clone(), value(given.clone()));
    }
    object.entries.insert("format".to_owned(), text(format));
    if ending == "tsv" && !object.entries.contains_key("delimiter") {
        object.entries.insert("delimiter".to_owned(), text("\t"));
    }
    // The name of this one file, and no pattern.
    let plain: String =
        file.chars().map(|c| if "*?[".contains(c) { format!("[{c}]") } else { c.to_string() }).collect();
    object.entries.insert("path".to_owned(), text(&plain));
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf());
    let spec = InferSpec {
        name: shown.clone(),
        project: folder,
        connection: Options::default(),
        object,
        contract,
        enums: options.enums,
    };
    Ok(of_files(files::infer(&spec)?, format!("`{shown}`")))
}

fn of_files(found: files::Inferred, from: String) -> Inferred {
    Inferred {
        contract: found.contract,
        yaml: String::new(),
        from,
        rows: Some(found.rows),
        unreadable: found.unreadable,
        rename: found.rename,
        notes: found.notes,
    }
}

/// With its text. What YAML has no key for is told, not lost in silence.
fn said(mut inferred: Inferred) -> Inferred {
    inferred.yaml = inferred.contract.to_yaml();
    let read = Contract::from_yaml(&inferred.yaml, Path::new("contract.yaml"));
    if !read.is_ok_and(|read| read == inferred.contract) {
        inferred.notes.push(
            "the schema says more of its named types (docs, aliases, a symbol for unknown ones) than YAML has keys for: keep it as `.avsc` to keep that"
                .to_owned(),
        );
    }
    inferred
}
