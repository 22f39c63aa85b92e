//! The checked form (IR): immutable, free of YAML, with the places kept for messages.

use staunch_contract::Contract;
use staunch_contract::lock::Lock;
use staunch_types::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// A project under one profile.
#[derive(Debug, Clone)]
pub struct Project {
    /// The folder that holds `staunch.yaml`.
    pub root: PathBuf,
    /// `project:`
    pub name: String,
    /// The chosen profile.
    pub profile: Profile,
    /// The names of all profiles.
    pub profiles: Vec<String>,
    /// The contracts that a pipeline may name, by `name@version`: the declared ones, and those that are locked.
    pub contracts: BTreeMap<String, Arc<Contract>>,
    /// The files of the declared ones, by `name@version`.
    pub declared: BTreeMap<String, PathBuf>,
    /// What was published and inferred so far; `None` without a lock.
    pub lock: Option<Lock>,
    /// The pipelines, by name.
    pub pipelines: BTreeMap<String, Pipeline>,
}

/// An environment: connections and limits.
#[derive(Debug, Clone)]
pub struct Profile {
    /// Its name: `dev`, `prod`, ...
    pub name: String,
    /// `key:` where the profile's secret lies; keys for sealing and tokens are derived from it.
    pub key: Option<SecretRef>,
    /// `pii:` what happens to a field of a PII class when it is read.
    pub pii: BTreeMap<String, Treatment>,
    /// `memory:` bytes that a run may hold; beyond that whole-input stages spill.
    pub memory: u64,
    /// `state:` the folder of epoch logs and spools (default: `.staunch/<profile>` below the project).
    pub state: PathBuf,
    /// `verify: full`: decode every finished artefact again before the commit.
    pub verify_full: bool,
    /// `epoch_bytes:` input bytes after which an epoch is cut, unless the pipeline says otherwise.
    pub epoch_bytes: u64,
    /// `keep:` how long `gc` leaves what runs have made.
    pub keep: Keep,
    /// The connections, by name.
    pub connections: BTreeMap<String, Connection>,
}

/// How long what runs have made is kept after their end; `gc` removes what is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// `runs:` records of runs: ledgers, datasets, positions (default 90 d).
    pub runs: Duration,
    /// `dead_letters:` (default 90 d; a pipeline's `dead_letters: {keep: ...}` goes before it).
    pub dead_letters: Duration,
    /// `late_rows:` (default 90 d).
    pub late_rows: Duration,
    /// `ids:` that an id was given, once the records of its run are gone (default 365 d).
    pub ids: Duration,
}

impl Default for Keep {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { runs: days(90), dead_letters: days(90), late_rows: days(90), ids: days(365) }
    }
}

/// Where a secret lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// `${file:PATH}`, relative to the project.
    File(PathBuf, Place),
    /// `${env:NAME}`
    Env(String, Place),
}

/// What happens to a personal value before the first byte of it is stored, from the mildest to the strictest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Treatment {
    /// It goes through as it is.
    Keep,
    /// The value becomes an HMAC token, the same for equal values of the class (nulls stay null).
    Token,
    /// The value becomes `****` (nulls stay null).
    Mask,
    /// The column is left out.
    Drop,
}

impl Treatment {
    /// What happens to a field of these classes: the strictest of their treatments, with the first class that asks for it (whose
    /// key makes the tokens). `None` without classes, and if one of them has no treatment.
    #[must_use]
    pub fn of<'a>(classes: &'a BTreeSet<String>, pii: &BTreeMap<String, Self>) -> Option<(Self, &'a str)> {
        let mut found: Option<(Self, &str)> = None;
        for class in classes {
            let treatment = *pii.get(class)?;
            if found.is_none_or(|(strictest, _)| strictest < treatment) {
                found = Some((treatment, class));
            }
        }
        found
    }
}

/// A named external system.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its name in the profile.
    pub name: String,
    /// `type:` files, sqlite.
    pub system: String,
    /// Where it is declared.
    pub place: Place,
    /// Everything but `type` and `objects`.
    pub options: Options,
    /// `objects:`
    pub objects: BTreeMap<String, Object>,
}

/// One table, folder or topic of a connection.
#[derive(Debug, Clone)]
pub struct Object {
    /// Its name in the connection.
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    /// `clears:` the PII classes that may be written into it as they are.
    pub clears: BTreeSet<String>,
    /// Its options.
    pub options: Options,
}

/// Options that belong to a system: each with its place.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// By key.
    pub entries: BTreeMap<String, OptionValue>,
}

/// The value of an option.
#[derive(Debug, Clone)]
pub struct OptionValue {
    /// The value, as JSON has it.
    pub value: serde_json::Value,
    /// Where it stands.
    pub place: Place,
}

/// `connection/object`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRef {
    /// The connection.
    pub connection: String,
    /// The object.
    pub object: String,
    /// Where it is named.
    pub place: Place,
}

/// One pipeline.
#[derive(Debug, Clone)]
pub struct Pipeline {
    /// `pipeline:`
    pub name: String,
    /// Its file.
    pub file: PathBuf,
    /// `epoch_bytes:`, or that of the profile.
    pub epoch_bytes: u64,
    /// `dead_letters:`
    pub budget: Budget,
    /// `dead_letters: {keep: ...}`, or that of the profile.
    pub keep_dead_letters: Duration,
    /// The reads, in the order of the file.
    pub reads: Vec<Read>,
    /// The process stages, so that every stage stands after its inputs.
    pub processes: Vec<Process>,
    /// The writes, in the order of the file.
    pub writes: Vec<Write>,
}

/// How many dead letters a run may have.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// `at_most:` the share of all records found so far, 0 to 1 (default 0.05).
    pub at_most: f64,
    /// `from_row:` nothing is refused before that many records were found (default 1000).
    pub from_row: u64,
}

/// A source stage.
#[derive(Debug, Clone)]
pub struct Read {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    /// `from:`
    pub from: ObjectRef,
    /// `contract:`
    pub contract: Arc<Contract>,
    /// `reference: true`
    pub reference: bool,
    /// `late_after:`
    pub late_after: Option<Duration>,
    /// `late:`
    pub late: Late,
    /// `validate:`
    pub validate: Validate,
    /// `on_drift:`; without it a file of which no row could be read is refused, and rows that cannot be read are dead.
    pub on_drift: Option<OnDrift>,
}

/// What happens to a file that no longer looks like its contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnDrift {
    /// The run ends before a row of it is committed.
    Refuse,
    /// Its rows that cannot be read under the contract are dead letters; fields that the contract does not name are counted.
    DeadLetter,
    /// Values of another type are cast where nothing is lost, and fields that the contract does not name are kept.
    Widen,
}

impl OnDrift {
    /// All of them with their words.
    pub const WORDS: [(&'static str, Self); 3] =
        [("refuse", Self::Refuse), ("dead_letter", Self::DeadLetter), ("widen", Self::Widen)];

    /// Its word.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, policy)| *policy == self).map_or("", |(word, _)| word)
    }
}

/// What happens to late rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Late {
    /// They go to the late port (the default).
    Keep,
    /// They stay in the channel.
    Include,
}

/// Which columns are validated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validate {
    /// Every column of the contract (the default).
    All,
    /// Only the columns that some stage uses.
    Used,
}

/// A process stage: one SQL query.
#[derive(Debug, Clone)]
pub struct Process {
    /// Its name.
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    /// The query.
    pub sql: Sql,
    /// The stages that it reads, in the order of their first mention.
    pub inputs: Vec<Input>,
    /// `contract:`, if the output has to fit one.
    pub contract: Option<Arc<Contract>>,
    /// `allow: nondeterministic`
    pub nondeterministic: bool,
    /// `declassify:` the output columns that are not personal any more, whatever they are made of.
    pub declassify: BTreeMap<String, Declassified>,
}

/// Why an output column is not personal any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declassified {
    /// In the words of who decided it.
    pub reason: String,
    /// Where it is declared.
    pub place: Place,
}

/// A name in `FROM`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// The stage that it names.
    pub stage: String,
    /// Where it is named.
    pub place: Place,
}

/// SQL text that knows where it stands.
#[derive(Debug, Clone)]
pub struct Sql {
    /// The text.
    pub text: String,
    /// The file that holds it: a `.sql` file, or the pipeline's YAML.
    pub file: PathBuf,
    /// For each line of `text`: line and column (from 1) of its first character in `file`.
    pub line_starts: Vec<(u64, u64)>,
}

impl Sql {
    /// The place in the file of a line and column (both from 1) of the text.
    #[must_use]
    pub fn place(&self, line: u64, column: u64) -> Place {
        let index = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
        let (file_line, file_column) =
            self.line_starts.get(index).or_else(|| self.line_starts.last()).copied().unwrap_or((line, 1));
        Place::file(&self.file).at(file_line, file_column + column.saturating_sub(1))
    }
}

/// A sink stage.
#[derive(Debug, Clone)]
pub struct Write {
    /// Its name: `connection/object`.
    pub name: String,
    /// Where it is declared.
    pub place: Place,
    /// `from:` the stage.
    pub from: Input,
    /// `to:`
    pub to: ObjectRef,
    /// `mode:`
    pub mode: staunch_types::WriteMode,
    /// `allow_empty: true`: an empty result may replace a table.
    pub allow_empty: bool,
    /// The PII classes whose values may be in the target: those that its object `clears:`.
    pub clears: BTreeSet<String>,
    /// The PII classes whose values no read hands on as they are, because the profile hides them. (One of which the profile says
    /// nothing is a mistake of its own.) A class that a stage's contract gives to its values is hidden by nobody.
    pub hidden: BTreeSet<String>,
}
