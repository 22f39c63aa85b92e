//! Reads the fields of one object of a definition, and notes every mistake with its place.
//!
//! A field that nobody asked for is a mistake too: [`Reader::finish`] names it. Reading always goes on, so that all mistakes of a
//! definition are told at once; what was read is used only if there was none.

use crate::diagnostic::{Diagnostic, Severity};
use crate::query::jsonata::Jsonata;
use crate::query::path::{Path, Root};
use crate::query::template::{QueryLanguage, Template};
use crate::text::Document;
use crate::value::{Map, Value};
use staunch_types::codes::{self, Code};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// What was found in a definition so far.
pub(crate) struct Notes<'d> {
    document: &'d Document,
    found: RefCell<Vec<Diagnostic>>,
    /// Where each state stands, of the whole definition: names are unique in it.
    pub(crate) names: RefCell<BTreeMap<String, String>>,
}

impl<'d> Notes<'d> {
    pub(crate) fn new(document: &'d Document) -> Self {
        Self { document, found: RefCell::default(), names: RefCell::default() }
    }

    pub(crate) fn note(&self, severity: Severity, code: Code, path: &str, message: String, hint: &str) {
        let spot = self.document.spot(path);
        self.found.borrow_mut().push(Diagnostic {
            severity,
            code,
            message,
            path: if path.is_empty() { "/".to_owned() } else { path.to_owned() },
            line: spot.map(|s| s.line),
            column: spot.map(|s| s.column),
            hint: hint.to_owned(),
        });
    }

    pub(crate) fn error(&self, code: Code, path: &str, message: String, hint: &str) {
        self.note(Severity::Error, code, path, message, hint);
    }

    pub(crate) fn warning(&self, code: Code, path: &str, message: String, hint: &str) {
        self.note(Severity::Warning, code, path, message, hint);
    }

    /// Errors first, then by place.
    pub(crate) fn into_diagnostics(self) -> Vec<Diagnostic> {
        let mut found = self.found.into_inner();
        found.sort_by(|a, b| {
            (a.severity, a.line, a.column, &a.path).cmp(&(b.severity, b.line, b.column, &b.path))
        });
        found.dedup();
        found
    }
}

/// A value that stands in the definition, or an expression that gives it.
#[derive(Debug, Clone)]
pub(crate) enum Setting<T> {
    Fixed(T),
    /// `…Path` of JSONPath.
    Path(String, Path),
    /// `{% … %}`
    Jsonata(Jsonata),
}

/// One object of a definition.
pub(crate) struct Reader<'r> {
    pub(crate) map: &'r Map,
    pub(crate) path: String,
    pub(crate) notes: &'r Notes<'r>,
    pub(crate) language: QueryLanguage,
    /// What stands in front of a field in the causes of AWS: nothing for the fields of a state, `Choices[1]/` in a rule.
    location: String,
    known: RefCell<BTreeSet<&'static str>>,
}

impl<'r> Reader<'r> {
    pub(crate) fn new(map: &'r Map, path: String, notes: &'r Notes<'r>, language: QueryLanguage) -> Self {
        Self { map, path, notes, language, location: String::new(), known: RefCell::default() }
    }

    pub(crate) fn at(&self, field: &str) -> String {
        format!("{}/{field}", self.path)
    }

    /// The field, which is known from now on.
    pub(crate) fn field(&self, name: &'static str) -> Option<&'r Value> {
        self.known.borrow_mut().insert(name);
        self.map.get(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    fn wrong(&self, name: &str, what: String, hint: &str) {
        self.notes.error(codes::BAD_VALUE, &self.at(name), what, hint);
    }

    pub(crate) fn missing(&self, names: &str) {
        let message = format!("These fields are required: [{names}]");
        self.notes.error(codes::MISSING_KEY, &self.path, message, "add it");
    }

    pub(crate) fn text(&self, name: &'static str) -> Option<&'r str> {
        let value = self.field(name)?;
        if value.as_str().is_none() {
            self.wrong(
                name,
                format!("Expected value of type String, but was {}", value.kind()),
                "write a text",
            );
        }
        value.as_str()
    }

    pub(crate) fn required_text(&self, name: &'static str) -> String {
        if !self.has(name) {
            self.missing(name);
        }
        self.text(name).unwrap_or_default().to_owned()
    }

    pub(crate) fn bool(&self, name: &'static str) -> Option<bool> {
        match self.field(name)? {
            Value::Bool(b) => Some(*b),
            other => {
                self.wrong(
                    name,
                    format!("Expected value of type Boolean, but was {}", other.kind()),
                    "write true or false",
                );
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(crate) fn int(&self, name: &'static str, least: i128, most: i128) -> Option<i128> {
        let value = self.field(name)?;
        self.check_int(name, value, least, most)
    }

    fn check_int(&self, name: &str, value: &Value, least: i128, most: i128) -> Option<i128> {
        match value {
            Value::Int(n) if *n < least => {
                self.wrong(
                    name,
                    format!("Value is smaller than the minimum allowed value of {least}"),
                    "raise it",
                );
                None
            }
            Value::Int(n) if *n > most => {
                self.wrong(
                    name,
                    format!("Value is larger than the maximum allowed value of {most}"),
                    "lower it",
                );
                None
            }
            Value::Int(n) => Some(*n),
            other => {
                self.wrong(
                    name,
                    format!("Expected value of type Integer, but was {}", other.kind()),
                    "write a whole number",
                );
                None
            }
        }
    }

    pub(crate) fn float(&self, name: &'static str, least: f64) -> Option<f64> {
        let value = self.field(name)?;
        match value.as_float() {
            Some(x) if x >= least => Some(x),
            Some(_) => {
                self.wrong(
                    name,
                    format!("Value is smaller than the minimum allowed value of {least}"),
                    "raise it",
                );
                None
            }
            None => {
                self.wrong(
                    name,
                    format!("Expected value of type Number, but was {}", value.kind()),
                    "write a number",
                );
                None
            }
        }
    }

    /// A whole number, an expression of JSONata, or the path that `name` with `Path` behind it gives.
    pub(crate) fn int_setting(
        &self,
        name: &'static str,
        path_name: &'static str,
        least: i128,
        most: i128,
    ) -> Option<Setting<i128>> {
        self.setting(name, path_name, |value| self.check_int(name, value, least, most))
    }

    /// The same for any kind of value.
    pub(crate) fn setting<T>(
        &self,
        name: &'static str,
        path_name: &'static str,
        check: impl FnOnce(&Value) -> Option<T>,
    ) -> Option<Setting<T>> {
        if self.has(name) && self.has(path_name) {
            let what = format!("Only one of ['{name}', '{path_name}'] may be given");
            self.notes.error(codes::BAD_VALUE, &self.path, what, "keep one of the two");
        }
        let by_path = match self.language {
            QueryLanguage::JsonPath => {
                self.path_field(path_name).map(|p| Setting::Path(path_name.to_owned(), p))
            }
            QueryLanguage::Jsonata => None,
        };
        let Some(value) = self.field(name) else { return by_path };
        if self.language == QueryLanguage::Jsonata
            && let Some(text) = value.as_str()
            && let Some(expression) = self.jsonata_text(name, text)
        {
            return expression.map(Setting::Jsonata);
        }
        check(value).map(Setting::Fixed)
    }

    /// The expression in a text; `Some(None)` if it is one but cannot be read.
    pub(crate) fn jsonata_text(&self, name: &str, text: &str) -> Option<Option<Jsonata>> {
        Jsonata::of_field(text, &format!("{}{name}", self.location)).map(|expression| {
            expression
                .map_err(|what| {
                    self.notes.error(codes::WORKFLOW_EXPRESSION, &self.at(name), what, "mend the expression")
                })
                .ok()
        })
    }

    /// A path of JSONPath.
    pub(crate) fn path_field(&self, name: &'static str) -> Option<Path> {
        let text = self.text(name)?;
        self.check_path(name, text)
    }

    pub(crate) fn check_path(&self, name: &str, text: &str) -> Option<Path> {
        let path = Path::parse(text);
        if path.is_err() {
            let what = "Value is not a valid JSONPath".to_owned();
            self.notes.error(
                codes::WORKFLOW_EXPRESSION,
                &self.at(name),
                what,
                "write `$.field`, `$$.Context` or `$variable`",
            );
        }
        path.ok()
    }

    /// A path, or null for "nothing": `InputPath`, `OutputPath`.
    pub(crate) fn nullable_path(&self, name: &'static str) -> Option<Option<Path>> {
        match self.field(name)? {
            Value::Null => Some(None),
            _ => self.path_field(name).map(Some),
        }
    }

    /// A reference path or null: `ResultPath`.
    pub(crate) fn reference_path(&self, name: &'static str) -> Option<Option<Path>> {
        let path = self.nullable_path(name)?;
        if let Some(path) = &path
            && (path.definite().is_none() || *path.root() != Root::Input)
        {
            let what = "Value is not a Reference Path".to_owned();
            let hint = "a result can be put at one place of the input only, such as `$.result`";
            self.notes.error(codes::WORKFLOW_EXPRESSION, &self.at(name), what, hint);
        }
        Some(path)
    }

    /// A template.
    pub(crate) fn template(&self, name: &'static str) -> Option<Template> {
        let value = self.field(name)?;
        let mut wrong = Vec::new();
        let template = Template::check(value, self.language, &format!("{}{name}", self.location), &mut wrong);
        for wrong in wrong {
            let mut path = self.at(name);
            for part in &wrong.place {
                path.push('/');
                path.push_str(part);
            }
            self.notes.error(codes::WORKFLOW_EXPRESSION, &path, wrong.what, wrong.hint);
        }
        Some(template)
    }

    /// A template that must be an object.
    pub(crate) fn object_template(&self, name: &'static str) -> Option<Template> {
        let value = self.field(name)?;
        if !matches!(value, Value::Object(_)) {
            self.wrong(
                name,
                format!("Expected value of type Object, but was {}", value.kind()),
                "write an object",
            );
        }
        self.template(name)
    }

    /// An object, read by itself.
    pub(crate) fn object(&self, name: &'static str) -> Option<Reader<'r>> {
        match self.field(name)? {
            Value::Object(map) => {
                let mut inner = Reader::new(map, self.at(name), self.notes, self.language);
                inner.location = format!("{}{name}/", self.location);
                Some(inner)
            }
            other => {
                self.wrong(
                    name,
                    format!("Expected value of type Object, but was {}", other.kind()),
                    "write an object",
                );
                None
            }
        }
    }

    /// Objects in an array, each read by itself.
    pub(crate) fn objects(&self, name: &'static str) -> Option<Vec<Reader<'r>>> {
        let Value::Array(items) = self.field(name)? else {
            self.wrong(name, "Expected value of type Array".to_owned(), "write an array of objects");
            return None;
        };
        let path = self.at(name);
        let object = |(n, item): (usize, &'r Value)| match item {
            Value::Object(map) => {
                let mut inner = Reader::new(map, format!("{path}/{n}"), self.notes, self.language);
                inner.location = format!("{}{name}[{n}]/", self.location);
                Some(inner)
            }
            other => {
                let what = format!("Expected value of type Object, but was {}", other.kind());
                self.notes.error(codes::BAD_VALUE, &format!("{path}/{n}"), what, "write an object");
                None
            }
        };
        Some(items.iter().enumerate().filter_map(object).collect())
    }

    /// One of these words.
    pub(crate) fn word(&self, name: &'static str, words: &[&'static str]) -> Option<&'static str> {
        let text = self.text(name)?;
        let word = words.iter().find(|w| **w == text).copied();
        if word.is_none() {
            self.wrong(
                name,
                format!("Value is not valid, expected one of [{}]", words.join(", ")),
                "write one of these",
            );
        }
        word
    }

    /// The fields that only the other language has.
    pub(crate) fn forbid(&self, names: &[&'static str]) {
        let (own, other) = match self.language {
            QueryLanguage::JsonPath => ("JSONPath", "JSONata"),
            QueryLanguage::Jsonata => ("JSONata", "JSONPath"),
        };
        for name in names.iter().filter(|name| self.field(name).is_some()) {
            let what = format!(
                "The QueryLanguage is set to '{own}', but field '{name}' is only supported for the '{other}' QueryLanguage"
            );
            self.notes.error(codes::UNKNOWN_KEY, &self.path, what, "remove it, or set the QueryLanguage");
        }
    }

    /// Names each field that nobody asked for.
    pub(crate) fn finish(&self) {
        let known = self.known.borrow();
        for name in self.map.keys().filter(|name| !known.contains(name.as_str()) && *name != "Comment") {
            let near = near(name, &known);
            let hint = near.map_or_else(|| "remove it".to_owned(), |near| format!("did you mean `{near}`?"));
            let what = format!("Field '{name}' is not supported");
            self.notes.error(codes::UNKNOWN_KEY, &self.at(name), what, &hint);
        }
    }
}

/// The known name that differs least, if it differs little.
fn near<'k>(name: &str, known: &BTreeSet<&'k str>) -> Option<&'k str> {
    let lower = name.to_lowercase();
    let distance = |other: &str| {
        let (a, b): (Vec<char>, Vec<char>) =
            (lower.chars().take(40).collect(), other.to_lowercase().chars().collect());
        let mut row: Vec<usize> = (0..=b.len()).collect();
        for (i, x) in a.iter().enumerate() {
            let mut before = row[0];
            row[0] = i + 1;
            for (j, y) in b.iter().enumerate() {
                let next = (before + usize::from(x != y)).min(row[j] + 1).min(row[j + 1] + 1);
                before = std::mem::replace(&mut row[j + 1], next);
            }
        }
        row[b.len()]
    };
    known.iter().map(|k| (distance(k), *k)).min().filter(|(d, k)| *d <= 2.max(k.len() / 4)).map(|(_, k)| k)
}
