//! How the schema of a file differs from the contract, decided where the file is opened; and the words in which a read refuses it.
//!
//! What is known by a file's schema holds for all of its rows, whoever decodes them: [`FileDrift::of_rows`] is a product, so that it does not
//! matter how the file is cut.

use crate::formats::csv::FieldSource;
use crate::read::fault::RowFault;
use crate::read::plan::ReadPlan;
use staunch_commit::Drift;
use staunch_commit::drift::Cast;
use staunch_pipeline::{OnDrift, suggest};
use staunch_types::{Code, Error, Place, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

/// Of so many fields that the contract does not name a refusal tells.
const TOLD: usize = 20;

/// What a file's schema says otherwise than the contract.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileDrift {
    /// The fields that the contract does not name, in the order of the file, each with its type if the file says it.
    pub(crate) unknown: Vec<(String, Option<String>)>,
    /// The fields that the contract names and whose values the path says: what the file says is passed over.
    pub(crate) given: Vec<String>,
    /// The fields of the contract that the file does not have.
    pub(crate) missing: Vec<String>,
    /// The fields of the contract that have another type in the file, and that type.
    pub(crate) cast: Vec<(String, String)>,
    /// The drift of one row.
    pub(crate) one: OnceLock<Drift>,
}

impl FileDrift {
    /// The fields of the file that are not read.
    pub(crate) fn ignored(&self) -> Vec<String> {
        self.unknown.iter().map(|(name, _)| name).chain(&self.given).cloned().collect()
    }

    /// The drift of so many of its rows.
    pub(crate) fn of_rows(&self, rows: usize) -> Drift {
        // A file may have a million columns and as many chunks: their names are gone over once.
        self.one.get_or_init(|| self.of_one()).times(rows as u64)
    }

    fn of_one(&self) -> Drift {
        let mut drift = Drift::default();
        let mut types: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, ty) in &self.unknown {
            // Of two columns with one name it is the records that count.
            types.entry(name).or_default().extend(ty.as_deref());
        }
        for (name, types) in types {
            drift.unknown(name, 1);
            types.into_iter().for_each(|ty| drift.unknown_type(name, ty));
        }
        for name in &self.missing {
            drift.missing.insert(name.clone(), 1);
        }
        for (name, from) in &self.cast {
            drift.cast.insert(name.clone(), Cast { records: 1, from: [from.clone()].into() });
        }
        drift
    }

    /// Why a read that refuses drift refuses this file.
    pub(crate) fn refusals(&self, plan: &ReadPlan, path: &Path, found: &[String]) -> Vec<Error> {
        let id = plan.contract_id();
        let mut errors: Vec<Error> =
            self.unknown.iter().take(TOLD).map(|(name, _)| unknown_refused(plan, path, name)).collect();
        for name in &self.missing {
            let message = format!("the file has no field `{name}` of {id}");
            let near =
                suggest(name, found.iter().filter(|f| plan.fields.iter().all(|p| p.name() != f.as_str())));
            let hint = match near {
                Some(near) => format!(
                    "did the file mean `{near}`? then write `rename: {{{near}: {name}}}` at the object (in Avro an alias of the contract will do)"
                ),
                None => "ask who writes it; a new version of the contract may do without it (`staunch contract diff` shows who is concerned), and `on_drift: dead_letter` or `widen` reads what can be read".to_owned(),
            };
            errors.push(Error::new(codes::DRIFT, message).place(Place::file(path)).field(name).hint(hint));
        }
        errors
    }
}

/// The refusal of a field that the contract does not name.
fn unknown_refused(plan: &ReadPlan, path: &Path, name: &str) -> Error {
    let id = plan.contract_id();
    let shown = shown(name);
    let mut message = format!("the file has a field `{shown}` that {id} does not name");
    let twin = plan.fields.iter().map(|f| f.name()).find(|f| f.eq_ignore_ascii_case(name));
    let hint = match twin {
        Some(twin) => {
            message.push_str(&format!("; it differs from `{twin}` by the case of letters alone"));
            format!("if the file means `{twin}`, write `rename: {{{shown}: {twin}}}` at the object; else see who writes it so")
        }
        None => "take it into a new version of the contract (`staunch contract infer` proposes one, `staunch contract diff` shows who is concerned), or pass it over with `on_drift: dead_letter`, or keep it with `on_drift: widen`".to_owned(),
    };
    Error::new(codes::DRIFT, message).place(Place::file(path)).field(&shown).hint(hint)
}

/// A name of the file as a message tells it: not without end, and without characters that a terminal obeys.
pub(crate) fn shown(name: &str) -> String {
    let plain: String = name.chars().take(100).map(|c| if c.is_control() { '\u{FFFD}' } else { c }).collect();
    if name.chars().nth(100).is_some() { format!("{plain}…") } else { plain }
}

/// The code with which a file is refused whose schema does not fit.
pub(crate) fn code(plan: &ReadPlan) -> Code {
    if plan.on_drift == Some(OnDrift::Refuse) { codes::DRIFT } else { codes::SOURCE_SCHEMA }
}

/// Puts the rows of a file at fault that has no value for some field which is decoded.
pub(crate) fn never(sources: &[FieldSource], decode: &[bool], rows: usize, faults: &mut Vec<RowFault>) {
    for (field, (source, wanted)) in sources.iter().zip(decode).enumerate() {
        if let (FieldSource::Never(fault), true) = (source, *wanted) {
            faults.extend((0..rows).map(|row| RowFault::new(row, field, *fault)));
        }
    }
}
