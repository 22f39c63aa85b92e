//! `contract drift`: what the reads of a run met that their contracts do not say, and the edit that would say it.
//!
//! The facts stand in the ledger of the run; nothing is read again. What is proposed is a contract and no more: the version that the pipeline
//! names stays until somebody names another.

use crate::context::{App, RunContext, Verb, authorize};
use crate::keys;
use crate::open::Opened;
use crate::verbs::run::runtime;
use staunch_commit::{Drift, KEPT, Ledger, RunState, UNKNOWN, ledger, read_unknown};
use staunch_contract::{AvroForm, Constraints, Contract, Field, Type};
use staunch_engine::run::Report;
use staunch_pipeline::{OnDrift, Project};
use staunch_types::{Result, RunId};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The drift of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct DriftView {
    /// The run.
    pub run: RunId,
    /// Its pipeline.
    pub pipeline: String,
    /// The reads that met some, by name.
    pub reads: Vec<ReadDrift>,
}

/// The drift of one read.
#[derive(Debug, Clone, PartialEq)]
pub struct ReadDrift {
    /// The read.
    pub read: String,
    /// What it met.
    pub drift: Drift,
    /// Records whose unknown fields are kept.
    pub kept: u64,
    /// The contract that would say it, if the read widens and there is one.
    pub proposal: Option<Proposal>,
}

/// A contract that says what was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The version that the pipeline names: it stays.
    pub pinned: String,
    /// `name@version` of what is proposed.
    pub contract: String,
    /// Its text.
    pub yaml: String,
    /// What the object must say beside: field by name in the file.
    pub rename: BTreeMap<String, String>,
    /// What somebody should know.
    pub notes: Vec<String>,
}

/// The kept fields of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFields {
    /// The read.
    pub read: String,
    /// The record id.
    pub id: String,
    /// A JSON object, by name in the file.
    pub fields: String,
}

impl App {
    /// The drift of a run (`None`: of the newest run).
    ///
    /// # Errors
    /// `Run.Unknown`.
    pub fn drift(
        &self,
        start: &Path,
        profile: Option<&str>,
        run: Option<&str>,
        context: &RunContext,
    ) -> Result<DriftView> {
        let opened = Opened::look(start, profile)?;
        let (pipeline, state) = self.locate(&opened, run)?;
        authorize(&context.actor, Verb::Read, &pipeline)?;
        let reads = reads(&opened.project, &pipeline, &state.ledger);
        Ok(DriftView { run: state.run, pipeline, reads })
    }

    /// The drift of a run that has just ended. A project that cannot be opened any more proposes nothing.
    #[must_use]
    pub fn drift_of(&self, start: &Path, profile: Option<&str>, report: &Report) -> Vec<ReadDrift> {
        match Opened::look(start, profile) {
            Ok(opened) => reads(&opened.project, &report.pipeline, &report.ledger),
            Err(_) => Vec::new(),
        }
    }

    /// The fields that the reads of a run (`None`: of the newest run) have kept, record by record, as long as they are there.
    ///
    /// # Errors
    /// `Run.Unknown`; `DeadLetters.Invalid` if the key is another one; `Store.*`.
    pub fn kept_fields(
        &self,
        start: &Path,
        profile: Option<&str>,
        run: Option<&str>,
        context: &RunContext,
    ) -> Result<Vec<KeptFields>> {
        let opened = Opened::look(start, profile)?;
        let (pipeline, state) = self.locate(&opened, run)?;
        authorize(&context.actor, Verb::Reveal, &pipeline)?;
        let sealer = keys::load(self, &opened.project)?.key.sealer();
        let Some(log) = opened.log(self, &pipeline)? else { return Ok(Vec::new()) };
        let walk = async || {
            let floor = log.floors().await?.dead;
            let mut kept = Vec::new();
            for segment in segments(&state, floor) {
                for block in read_unknown(log.store().as_ref(), segment)? {
                    let block = block?;
                    for row in block.open(&sealer)? {
                        kept.push(KeptFields { read: block.read.clone(), id: row.id, fields: row.fields });
                    }
                }
            }
            Ok(kept)
        };
        runtime(1)?.block_on(log.steadily(walk))
    }
}

fn segments(
    state: &RunState,
    floor: staunch_types::Epoch,
) -> impl Iterator<Item = &staunch_commit::ChannelSegment> {
    let there = move |(epoch, segment): &&(staunch_types::Epoch, staunch_commit::ChannelSegment)| {
        *epoch > floor && segment.port == UNKNOWN
    };
    state.channels.iter().filter(there).map(|(_, segment)| segment)
}

/// The reads that met drift.
fn reads(project: &Project, pipeline: &str, accounts: &Ledger) -> Vec<ReadDrift> {
    let declared = project.pipelines.get(pipeline).map(|p| p.reads.as_slice()).unwrap_or_default();
    let mut found = Vec::new();
    for (read, account) in accounts.reads.iter().filter(|(_, account)| !account.drift.is_empty()) {
        let widening = declared.iter().find(|r| r.name == *read && r.on_drift == Some(OnDrift::Widen));
        found.push(ReadDrift {
            read: read.clone(),
            drift: account.drift.clone(),
            kept: accounts.edges.get(&ledger::edge(read, KEPT)).map_or(0, |edge| edge.far.rows),
            proposal: widening.and_then(|r| propose(project, &r.contract, &account.drift)),
        });
    }
    found
}

/// The next version of a contract that says what was met; `None` if it would say nothing else.
fn propose(project: &Project, pinned: &Contract, drift: &Drift) -> Option<Proposal> {
    let mut contract = pinned.clone();
    let versions = project.contracts.values().filter(|c| c.name == pinned.name).map(|c| c.version);
    contract.version = versions.max().unwrap_or(pinned.version).max(pinned.version).saturating_add(1);
    let (mut rename, mut notes) = (BTreeMap::new(), Vec::new());
    for (name, cast) in &drift.cast {
        let Some(field) = contract.fields.iter_mut().find(|f| f.name == *name) else { continue };
        let types: Vec<Type> = cast.from.iter().filter_map(|word| type_of(word)).collect();
        if let Some(wider) = types.into_iter().filter(|ty| wider(&field.ty, ty)).max_by_key(rank) {
            field.ty = wider;
            // They are those of a value of the old type.
            (field.default, field.avro) = (None, AvroForm::default());
            if field.constraints != Constraints::default() {
                notes.push(format!(
                    "`{name}`: look whether its constraints are meant for the wider type, too"
                ));
            }
        }
    }
    for name in drift.missing.keys() {
        let key = pinned.key.contains(name) || pinned.event_time.as_ref() == Some(name);
        let Some(field) = contract.fields.iter_mut().find(|f| f.name == *name) else { continue };
        if key {
            notes.push(format!(
                "`{name}` is not in some files; a key or event time may not be null, so it stays as it is"
            ));
        } else {
            field.nullable = true;
        }
    }
    let mut taken: BTreeSet<String> = contract.fields.iter().map(|f| f.name.to_ascii_lowercase()).collect();
    for (name, unknown) in &drift.unknown {
        let Some(ty) = joined(&unknown.types) else {
            notes.push(format!(
                "`{name}` is left out: no plain type holds it; `staunch contract infer` proposes one"
            ));
            continue;
        };
        if unknown.types.is_empty() {
            notes.push(format!("`{name}` had no value but null: its type is a guess"));
        }
        let field = free(name, &taken);
        taken.insert(field.to_ascii_lowercase());
        if field != *name {
            rename.insert(name.clone(), field.clone());
        }
        contract.fields.push(Field::new(field, ty, true));
    }
    // A field that went and one that came may be one.
    if let (Some((old, _)), Some((new, _)), 1, 1) = (
        drift.missing.first_key_value(),
        drift.unknown.first_key_value(),
        drift.missing.len(),
        drift.unknown.len(),
    ) {
        notes.push(format!(
            "if `{new}` is `{old}` under another name, no new version is needed: write `rename: {{{new}: {old}}}` at the object"
        ));
    }
    if drift.others > 0 {
        notes.push(format!(
            "{} more were met that are not told by name: they are too many, or their names could be data",
            drift.others
        ));
    }
    if !rename.is_empty() {
        let pairs: Vec<String> = rename
            .iter()
            .map(|(from, to)| format!("{}: {to}", serde_json::Value::from(from.as_str())))
            .collect();
        notes.push(format!("the object needs `rename: {{{}}}`", pairs.join(", ")));
    }
    let changed = contract.fields != pinned.fields;
    changed.then(|| Proposal {
        pinned: pinned.id(),
        contract: contract.id(),
        yaml: contract.to_yaml(),
        rename,
        notes,
    })
}

/// The type that a contract writes so.
fn type_of(word: &str) -> Option<Type> {
    let text = format!("contract: c\nversion: 1\nfields: {{f: \"{word}\"}}\n");
    let read = Contract::from_yaml(&text, Path::new("contract.yaml")).ok()?;
    read.fields.into_iter().next().map(|f| f.ty)
}

/// The type of values of these types; `None` if no plain type holds some.
fn joined(words: &BTreeSet<String>) -> Option<Type> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => Some(Type::String),
        ["double", "long"] => Some(Type::Double),
        [only] => type_of(only),
        _ if words.iter().any(|w| matches!(*w, "array" | "object" | "other")) => None,
        _ => Some(Type::String),
    }
}

/// Whether a type of files holds what a contract's type holds, and more.
fn wider(ours: &Type, theirs: &Type) -> bool {
    match (ours, theirs) {
        (Type::Decimal { precision: p, scale: s }, Type::Decimal { precision, scale }) => {
            scale >= s && precision - scale >= p - s && (precision, scale) != (p, s)
        }
        (Type::Int, Type::Long | Type::Float | Type::Double)
        | (Type::Long, Type::Float | Type::Double)
        | (Type::Float, Type::Double)
        | (Type::TimeMillis, Type::TimeMicros)
        | (Type::TimestampMillis, Type::TimestampMicros | Type::TimestampNanos)
        | (Type::TimestampMicros, Type::TimestampNanos)
        | (Type::LocalTimestampMillis, Type::LocalTimestampMicros | Type::LocalTimestampNanos)
        | (Type::LocalTimestampMicros, Type::LocalTimestampNanos) => true,
        _ => false,
    }
}

/// Of several wider types the widest is proposed.
fn rank(ty: &Type) -> u16 {
    match ty {
        Type::Decimal { precision, scale } => u16::from(*precision) * 64 + u16::from(*scale),
        Type::Double | Type::TimestampNanos | Type::LocalTimestampNanos => 2,
        Type::Float | Type::TimestampMicros | Type::LocalTimestampMicros => 1,
        _ => 0,
    }
}

/// A name that a contract may have and that no other field has, whatever the case of its letters.
fn free(name: &str, taken: &BTreeSet<String>) -> String {
    let mut plain: String =
        name.chars().take(90).map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }).collect();
    if !plain.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        plain.insert(0, '_');
    }
    let mut field = plain.clone();
    let mut number = 2;
    while taken.contains(&field.to_ascii_lowercase()) {
        field = format!("{plain}_{number}");
        number += 1;
    }
    field
}

#[cfg(test)]
mod tests;
