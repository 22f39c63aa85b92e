//! What a contract verb is given: a file, or a version of a contract of the project.

use crate::documents;
use crate::open::Opened;
use staunch_contract::Contract;
use staunch_contract::avro::{SCHEMA_BYTES_MAX, Schema, SchemaOptions};
use staunch_pipeline::suggest;
use staunch_types::{Error, Place, Result, codes};
use std::path::Path;
use std::sync::Arc;

/// One side of a comparison.
pub(super) struct Side {
    /// As it was named: `contracts/click.yaml`, `click@2`.
    pub(super) name: String,
    /// The schema.
    pub(super) schema: Schema,
    /// The contract, if it is one and not any schema.
    pub(super) contract: Option<Arc<Contract>>,
}

impl Side {
    /// What is named: a file if there is one, else `NAME@VERSION` of the project at or above `start`.
    ///
    /// # Errors
    /// Every mistake at once: `ST0033` for Avro, those of contracts for YAML, `ST0001` for what is no readable file, `ST0003` for a version that the
    /// project does not have.
    pub(super) fn read(text: &str, start: &Path, profile: Option<&str>) -> Result<Self> {
        match is_version(text) {
            true => Self::version(text, start, profile),
            false => Self::file(Path::new(text)),
        }
    }

    fn file(path: &Path) -> Result<Self> {
        let yaml = match path.extension().and_then(|e| e.to_str()) {
            Some("avsc" | "json") => false,
            Some("yaml") => true,
            _ => {
                return Err(Error::new(codes::SCHEMA, "the name of the file does not say what is in it")
                    .place(Place::file(path))
                    .hint(
                        "call it `.avsc` if it holds an Avro schema, `.yaml` if it holds a contract; a version of a contract of the project is `name@1`",
                    ));
            }
        };
        let text = documents::read(path, SCHEMA_BYTES_MAX)?;
        let options = SchemaOptions { file: Some(path.to_owned()), ..SchemaOptions::default() };
        let name = path.display().to_string();
        if yaml {
            let contract = Contract::from_yaml(&text, path)?;
            return Self::of(name, Arc::new(contract));
        }
        let schema = Schema::parse_with(&text, &options)?;
        Ok(Self { name, schema, contract: Contract::from_avsc(&text, path).ok().map(Arc::new) })
    }

    fn version(id: &str, start: &Path, profile: Option<&str>) -> Result<Self> {
        let (opened, mistakes) = Opened::survey(start, profile)?;
        let found = opened.as_ref().and_then(|opened| opened.project.contracts.get(id));
        if let Some(contract) = found {
            return Self::of(id.to_owned(), Arc::clone(contract));
        }
        // The version may be missing because its file, or the lock, is wrong.
        if let Some(error) = Error::many(Error::in_order(mistakes)) {
            return Err(error);
        }
        let known: Vec<String> =
            opened.map(|opened| opened.project.contracts.into_keys().collect()).unwrap_or_default();
        let hint = match suggest(id, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "the project declares no contract".to_owned(),
            None => format!("the project has: {}", known.join(", ")),
        };
        Err(Error::new(codes::UNKNOWN_NAME, format!("the project has no contract `{id}`")).hint(hint))
    }

    /// A contract, in its Avro form.
    pub(super) fn of(name: String, contract: Arc<Contract>) -> Result<Self> {
        let schema = Schema::parse(&contract.to_avro_json().to_string())?;
        Ok(Self { name, schema, contract: Some(contract) })
    }
}

/// Both sides, or the mistakes of both at once.
pub(super) fn both(a: Result<Side>, b: Result<Side>) -> Result<(Side, Side)> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => {
            let found = [a.err(), b.err()].into_iter().flatten().collect();
            let errors = Error::many(Error::in_order(found));
            Err(errors.unwrap_or_else(|| Error::new(codes::INTERNAL, "a schema was lost")))
        }
    }
}

/// Whether the text is `name@1`, and no path.
pub(super) fn is_version(text: &str) -> bool {
    let name = |name: &str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
    text.split_once('@').is_some_and(|(n, v)| name(n) && v.parse::<u32>().is_ok())
}
