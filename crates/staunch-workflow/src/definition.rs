//! A definition, checked: what the machine runs.

use crate::diagnostic::{Diagnostic, Severity};
use crate::query::template::QueryLanguage;
use crate::reader::{Notes, Reader};
use crate::states::State;
use crate::text::Document;
use crate::value::Value;
use indexmap::IndexMap;
use sha2::Digest as _;
use staunch_types::{Error, Place, codes};

/// How an execution is kept by AWS; express workflows refuse some tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Type {
    /// Durable, with a history.
    #[default]
    Standard,
    /// Short, at least once, without a history.
    Express,
}

/// A checked definition.
#[derive(Debug, Clone)]
pub struct Definition {
    pub(crate) flow: Flow,
    pub(crate) comment: Option<String>,
    pub(crate) timeout_seconds: Option<u64>,
    fingerprint: String,
}

/// States and where they start: of the whole definition, of a branch of a Parallel state, of the processor of a Map state.
#[derive(Debug, Clone)]
pub(crate) struct Flow {
    pub(crate) start_at: String,
    pub(crate) states: IndexMap<String, State>,
}

impl Definition {
    /// Checks a definition, JSON or YAML.
    ///
    /// # Errors
    /// All mistakes of the definition as one error.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let (definition, found) = check(text, Type::Standard);
        let errors = found.into_iter().filter(|d| d.severity == Severity::Error).map(|d| {
            let mut place = Place { field: Some(d.path), ..Place::default() };
            place.line = d.line;
            place.column = d.column;
            Error::new(d.code, d.message).place(place).hint(d.hint)
        });
        match (Error::many(errors.collect()), definition) {
            (None, Some(definition)) => Ok(definition),
            (Some(error), _) => Err(error),
            (None, None) => {
                Err(Error::new(codes::INTERNAL, "a definition without mistakes could not be read"))
            }
        }
    }

    /// What tells two definitions apart: an execution goes on only with the definition that it began with.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The comment of the definition.
    #[must_use]
    pub fn comment(&self) -> Option<&str> {
        self.comment.as_deref()
    }

    /// The flow at the end of a path of state names and branch numbers.
    pub(crate) fn flow_at(&self, path: &[(String, usize)]) -> Option<&Flow> {
        path.iter().try_fold(&self.flow, |flow, (state, branch)| flow.states.get(state)?.kind.flow(*branch))
    }
}

/// Finds all mistakes of a definition, JSON or YAML: errors first, then warnings, each in the order of the text.
#[must_use]
pub fn validate(text: &str) -> Vec<Diagnostic> {
    check(text, Type::Standard).1
}

/// The same, for a type of workflow.
#[must_use]
pub fn validate_as(text: &str, kind: Type) -> Vec<Diagnostic> {
    check(text, kind).1
}

fn check(text: &str, kind: Type) -> (Option<Definition>, Vec<Diagnostic>) {
    let document = match Document::parse(text) {
        Ok(document) => document,
        Err(unreadable) => {
            let diagnostic = Diagnostic {
                severity: Severity::Error,
                code: codes::YAML,
                message: unreadable.what,
                path: "/".to_owned(),
                line: unreadable.spot.map(|s| s.line),
                column: unreadable.spot.map(|s| s.column),
                hint: "mend the text at this place".to_owned(),
            };
            return (None, vec![diagnostic]);
        }
    };
    let notes = Notes::new(&document);
    for path in &document.twice {
        let name = path.rsplit('/').next().unwrap_or_default();
        let message = format!("`{name}` stands twice in one object; the last one counts");
        notes.warning(codes::DUPLICATE_NAME, path, message, "keep one of the two");
    }
    let definition = match &document.value {
        Value::Object(map) => {
            let reader = Reader::new(map, String::new(), &notes, QueryLanguage::JsonPath);
            let fingerprint = hex::encode(sha2::Sha256::digest(document.value.to_json()));
            Some(root(&reader, fingerprint, kind))
        }
        _ => {
            let message = "Definition must be a valid JSON object".to_owned();
            notes.error(codes::BAD_VALUE, "", message, "write `StartAt` and `States`");
            None
        }
    };
    (definition, notes.into_diagnostics())
}

fn root(reader: &Reader<'_>, fingerprint: String, kind: Type) -> Definition {
    let language = language(reader, QueryLanguage::JsonPath, false);
    let comment = reader.text("Comment").map(str::to_owned);
    if let Some(version) = reader.text("Version")
        && version != "1.0"
    {
        let what = "The only supported version is 1.0".to_owned();
        reader.notes.error(codes::BAD_VALUE, &reader.at("Version"), what, "write \"1.0\"");
    }
    let timeout_seconds = reader.int("TimeoutSeconds", 0, 99_999_999).and_then(|n| u64::try_from(n).ok());
    let flow = Flow::read(reader, language, kind);
    reader.finish();
    Definition { flow, comment, timeout_seconds, fingerprint }
}

/// The query language of a definition or a state, which may not go back to JSONPath.
pub(crate) fn language(reader: &Reader<'_>, outer: QueryLanguage, inner: bool) -> QueryLanguage {
    match reader.word("QueryLanguage", &["JSONPath", "JSONata"]) {
        Some("JSONPath") if inner && outer == QueryLanguage::Jsonata => {
            let what = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"
                .to_owned();
            reader.notes.error(
                codes::BAD_VALUE,
                &reader.path,
                what,
                "set it for single states instead of the whole",
            );
            QueryLanguage::JsonPath
        }
        Some("JSONPath") => QueryLanguage::JsonPath,
        Some(_) => QueryLanguage::Jsonata,
        None => outer,
    }
}

impl Flow {
    /// Reads `StartAt` and `States` of an object. `language` is what states of it use that name none.
    pub(crate) fn read(reader: &Reader<'_>, language: QueryLanguage, kind: Type) -> Self {
        let missing = ["StartAt", "States"].into_iter().filter(|name| !reader.has(name)).collect::<Vec<_>>();
        if !missing.is_empty() {
            reader.missing(&missing.join(", "));
        }
        let start_at = reader.text("StartAt").unwrap_or_default().to_owned();
        let mut states = IndexMap::new();
        if let Some(object) = reader.object("States") {
            if object.map.is_empty() {
                let what = "States must hold at least one state".to_owned();
                reader.notes.error(codes::MISSING_KEY, &object.path, what, "add a state");
            }
            for (name, value) in object.map {
                let path = object.at(name);
                register(reader.notes, name, &path);
                match value {
                    Value::Object(map) => {
                        let reader = Reader::new(map, path, reader.notes, language);
                        if let Some(state) = State::read(name, &reader, language, kind) {
                            states.insert(name.clone(), state);
                        }
                    }
                    other => {
                        let what = format!("Expected value of type Object, but was {}", other.kind());
                        reader.notes.error(codes::BAD_VALUE, &path, what, "write the fields of a state");
                    }
                }
            }
            let flow = Self { start_at, states };
            flow.check_transitions(reader, &object);
            return flow;
        }
        Self { start_at, states }
    }

    /// Every name that is gone to exists here, every state can be reached, and the flow can end.
    fn check_transitions(&self, reader: &Reader<'_>, states: &Reader<'_>) {
        let notes = reader.notes;
        let gone_to = |path: &str, target: &str| {
            if !states.has(target) {
                let what = format!("Missing 'Next' target: {target}");
                let hint = "a state can be followed only by a state of the same `States`";
                notes.error(codes::UNKNOWN_NAME, path, what, hint);
            }
        };
        if reader.has("StartAt") {
            gone_to(&reader.at("StartAt"), &self.start_at);
        }
        for (name, state) in &self.states {
            for (field, target) in state.targets() {
                gone_to(&format!("{}/{name}{field}", states.path), target);
            }
        }
        let mut reached = std::collections::BTreeSet::new();
        let mut open = vec![self.start_at.as_str()];
        while let Some(name) = open.pop() {
            if reached.insert(name)
                && let Some(state) = self.states.get(name)
            {
                open.extend(state.targets().into_iter().map(|(_, target)| target));
            }
        }
        if !self.states.is_empty() && !self.states.values().any(State::can_end) {
            let what = "No terminal state found in the state machine".to_owned();
            let hint = "end one of the states with `\"End\": true`, or add a Succeed or Fail state";
            notes.error(codes::WORKFLOW_FLOW, &states.path, what, hint);
        }
        for name in self.states.keys().filter(|name| !reached.contains(name.as_str())) {
            let what = format!("State \"{name}\" is not reachable.");
            notes.error(
                codes::WORKFLOW_FLOW,
                &states.at(name),
                what,
                "go to it from somewhere, or remove it",
            );
        }
    }
}

/// Notes the name of a state: it is unique in the whole definition, and not too long.
fn register(notes: &Notes<'_>, name: &str, path: &str) {
    if name.chars().count() > 80 {
        let what = "The name of a state may have at most 80 characters".to_owned();
        notes.error(codes::BAD_NAME, path, what, "shorten it");
    }
    if let Some(first) = notes.names.borrow_mut().insert(name.to_owned(), path.to_owned()) {
        let what = format!("Duplicate State name: {name}");
        notes.error(codes::DUPLICATE_NAME, path, what, &format!("the other one stands at {first}"));
    }
}
