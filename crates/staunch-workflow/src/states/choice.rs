//! Choice: goes to the state of the first rule that holds.

mod compare;
#[cfg(test)]
mod tests;

use crate::fault::Fault;
use crate::query::Scope;
use crate::query::jsonata::Jsonata;
use crate::query::template::{QueryLanguage, Template};
use crate::reader::Reader;
use crate::value::Value;
use compare::Test;
use staunch_types::codes;

/// How deep `And`, `Or` and `Not` may nest.
const NESTING_MAX: usize = 32;

/// The fields of a Choice state.
#[derive(Debug, Clone)]
pub(crate) struct Choice {
    pub(crate) rules: Vec<Rule>,
    pub(crate) default: Option<String>,
}

/// A rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    condition: Condition,
    pub(crate) next: String,
    pub(crate) output: Option<Template>,
    pub(crate) assign: Option<Template>,
}

/// What must hold.
#[derive(Debug, Clone)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Test(Box<Test>),
    Jsonata(Jsonata),
    /// JSONata may also say `true` or `false` without an expression.
    Fixed(bool),
}

impl Choice {
    pub(super) fn read(reader: &Reader<'_>) -> Self {
        if !reader.has("Choices") {
            reader.missing("Choices");
        }
        let readers = reader.objects("Choices").unwrap_or_default();
        if readers.is_empty() && reader.has("Choices") {
            let what = "A non-empty array is required".to_owned();
            reader.notes.error(codes::BAD_VALUE, &reader.at("Choices"), what, "add a rule");
        }
        let default = reader.text("Default").map(str::to_owned);
        Self { rules: readers.iter().filter_map(Rule::read).collect(), default }
    }

    /// The rule that holds, or `None` for the default.
    pub(crate) fn choose(&self, scope: &Scope<'_>) -> Result<Option<&Rule>, Fault> {
        for rule in &self.rules {
            if rule.condition.holds(scope)? {
                return Ok(Some(rule));
            }
        }
        if self.default.is_none() {
            // The language names `States.NoChoiceMatched` for this; AWS gives `States.Runtime`.
            let cause = "Failed to transition out of the state. The state does not point to a next state.";
            return Err(Fault::runtime(cause));
        }
        Ok(None)
    }
}

impl Rule {
    fn read(reader: &Reader<'_>) -> Option<Self> {
        let next = reader.required_text("Next");
        let assign = reader.object_template("Assign");
        super::catching::check_assigned(reader, "Assign");
        let output = match reader.language {
            QueryLanguage::Jsonata => reader.template("Output"),
            QueryLanguage::JsonPath => None,
        };
        let condition = match reader.language {
            QueryLanguage::JsonPath => Condition::read(reader, NESTING_MAX),
            QueryLanguage::Jsonata => Condition::of_jsonata(reader),
        };
        reader.finish();
        Some(Self { condition: condition?, next, output, assign })
    }
}

impl Condition {
    fn of_jsonata(reader: &Reader<'_>) -> Option<Self> {
        if !reader.has("Condition") {
            reader.missing("Condition");
        }
        match reader.field("Condition")? {
            Value::Bool(b) => Some(Self::Fixed(*b)),
            Value::String(text) => match reader.jsonata_text("Condition", text) {
                Some(expression) => expression.map(Self::Jsonata),
                None => {
                    let what = "The condition must be a JSONata expression".to_owned();
                    reader.notes.error(
                        codes::WORKFLOW_EXPRESSION,
                        &reader.at("Condition"),
                        what,
                        "write `{% expression %}`",
                    );
                    None
                }
            },
            other => {
                let what = format!("Expected value of type String, but was {}", other.kind());
                reader.notes.error(
                    codes::BAD_VALUE,
                    &reader.at("Condition"),
                    what,
                    "write `{% expression %}`",
                );
                None
            }
        }
    }

    fn read(reader: &Reader<'_>, depth: usize) -> Option<Self> {
        let inner = |reader: &Reader<'_>| {
            let condition = Self::read(reader, depth - 1);
            reader.finish();
            condition
        };
        let wrong = |what: &str, hint: &str| {
            reader.notes.error(codes::BAD_VALUE, &reader.path, what.to_owned(), hint)
        };
        if depth == 0 {
            wrong("Conditions nest too deep", "divide the rule");
            return None;
        }
        let given = ["And", "Or", "Not", "Variable"].iter().filter(|f| reader.has(f)).count();
        if given > 1 {
            wrong("Only one of ['And', 'Or', 'Not', 'Variable'] may be given", "keep one of them");
        }
        for (name, many) in [("And", Self::All as fn(Vec<Self>) -> Self), ("Or", Self::Any)] {
            if reader.has(name) {
                let readers = reader.objects(name)?;
                if readers.is_empty() {
                    wrong("A non-empty array is required", "add a condition");
                }
                return readers.iter().map(inner).collect::<Option<Vec<_>>>().map(many);
            }
        }
        if reader.has("Not") {
            return reader.object("Not").and_then(|r| inner(&r)).map(|c| Self::Not(Box::new(c)));
        }
        Test::read(reader).map(|test| Self::Test(Box::new(test)))
    }

    fn holds(&self, scope: &Scope<'_>) -> Result<bool, Fault> {
        match self {
            Self::All(all) => {
                for condition in all {
                    if !condition.holds(scope)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Any(any) => {
                for condition in any {
                    if condition.holds(scope)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(condition) => condition.holds(scope).map(|holds| !holds),
            Self::Test(test) => test.holds(scope),
            Self::Fixed(holds) => Ok(*holds),
            Self::Jsonata(expression) => match expression.evaluate(scope)? {
                Value::Bool(holds) => Ok(holds),
                other => Err(expression.unexpected("boolean", &other)),
            },
        }
    }
}
