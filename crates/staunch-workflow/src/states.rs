//! The states of the language, one file each: which fields they have, and what of them can be decided without an execution.

pub(crate) mod catching;
pub(crate) mod choice;
pub(crate) mod distributed;
pub(crate) mod fail;
pub(crate) mod map;
pub(crate) mod parallel;
pub(crate) mod pass;
pub(crate) mod succeed;
pub(crate) mod task;
pub(crate) mod wait;

use crate::definition::{Flow, Type, language};
use crate::query::path::Path;
use crate::query::template::{QueryLanguage, Template};
use crate::reader::Reader;
use catching::{Catcher, Retrier};
use staunch_types::codes;

/// A checked state.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) kind: Kind,
    pub(crate) language: QueryLanguage,
    /// The state that follows; `None` ends the flow.
    pub(crate) next: Option<String>,
    /// `Some(None)` is `null`: an empty object.
    pub(crate) input_path: Option<Option<Path>>,
    pub(crate) output_path: Option<Option<Path>>,
    /// `Parameters` or `Arguments`.
    pub(crate) arguments: Option<Template>,
    pub(crate) result_selector: Option<Template>,
    /// `Some(None)` is `null`: the result is dropped.
    pub(crate) result_path: Option<Option<Path>>,
    pub(crate) output: Option<Template>,
    pub(crate) assign: Option<Template>,
    pub(crate) retry: Vec<Retrier>,
    pub(crate) catch: Vec<Catcher>,
}

/// What a state does.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Pass(pass::Pass),
    Task(Box<task::Task>),
    Choice(choice::Choice),
    Wait(wait::Wait),
    Succeed,
    Fail(fail::Fail),
    Parallel(parallel::Parallel),
    Map(Box<map::Map>),
}

impl Kind {
    /// The name of the kind.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Pass(_) => "Pass",
            Self::Task(_) => "Task",
            Self::Choice(_) => "Choice",
            Self::Wait(_) => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail(_) => "Fail",
            Self::Parallel(_) => "Parallel",
            Self::Map(_) => "Map",
        }
    }

    /// The flow inside the state: a branch, or the processor of a Map.
    pub(crate) fn flow(&self, branch: usize) -> Option<&Flow> {
        match self {
            Self::Parallel(parallel) => parallel.branches.get(branch),
            Self::Map(map) => Some(&map.processor),
            _ => None,
        }
    }

    /// All flows inside the state.
    pub(crate) fn flows(&self) -> Vec<&Flow> {
        match self {
            Self::Parallel(parallel) => parallel.branches.iter().collect(),
            Self::Map(map) => vec![&map.processor],
            _ => Vec::new(),
        }
    }
}

const TYPES: [&str; 8] = ["Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"];
/// The fields by which JSONPath states form their data.
const OF_JSONPATH: [&str; 12] = [
    "InputPath",
    "OutputPath",
    "ResultPath",
    "ResultSelector",
    "Parameters",
    "MaxConcurrencyPath",
    "TimeoutSecondsPath",
    "HeartbeatSecondsPath",
    "SecondsPath",
    "TimestampPath",
    "ErrorPath",
    "CausePath",
];

impl State {
    /// Reads a state; `None` if not even its type is known.
    pub(crate) fn read(name: &str, outer: &Reader<'_>, default: QueryLanguage, kind: Type) -> Option<Self> {
        let language = language(outer, default, true);
        let reader = &Reader::new(outer.map, outer.path.clone(), outer.notes, language);
        reader.field("QueryLanguage");
        reader.text("Comment");
        if !reader.has("Type") {
            reader.missing("Type");
        }
        let of = reader.word("Type", &TYPES)?;
        let json_path = language == QueryLanguage::JsonPath;
        if json_path {
            reader.forbid(&["Arguments", "Output"]);
        } else {
            reader.forbid(&OF_JSONPATH);
        }
        let works = matches!(of, "Task" | "Parallel" | "Map");
        let (is_fail, forms_result) = (of == "Fail", works || of == "Pass");
        let mut state = Self {
            language,
            next: None,
            input_path: None,
            output_path: None,
            arguments: None,
            result_selector: None,
            result_path: None,
            output: None,
            assign: None,
            retry: Vec::new(),
            catch: Vec::new(),
            kind: Kind::Succeed,
        };
        if json_path && !is_fail {
            state.input_path = reader.nullable_path("InputPath");
            state.output_path = reader.nullable_path("OutputPath");
        }
        if json_path && forms_result {
            state.result_path = reader.reference_path("ResultPath");
            // A Map state has its own use for `Parameters`.
            if of != "Map" {
                state.arguments = reader.template("Parameters");
            }
        }
        if json_path && works {
            state.result_selector = reader.object_template("ResultSelector");
        }
        if !json_path && matches!(of, "Task" | "Parallel") {
            state.arguments = reader.template("Arguments");
        }
        if !json_path && !is_fail {
            state.output = reader.template("Output");
        }
        if !matches!(of, "Succeed" | "Fail") {
            state.assign = reader.object_template("Assign");
            catching::check_assigned(reader, "Assign");
        }
        if works {
            state.retry = catching::retriers(reader);
            state.catch = catching::catchers(reader);
        }
        match of {
            "Choice" | "Succeed" | "Fail" => {}
            _ => state.next = transition(reader),
        }
        state.kind = match of {
            "Pass" => Kind::Pass(pass::Pass::read(reader)),
            "Task" => Kind::Task(Box::new(task::Task::read(reader, kind))),
            "Choice" => Kind::Choice(choice::Choice::read(reader)),
            "Wait" => Kind::Wait(wait::Wait::read(reader)),
            "Succeed" => Kind::Succeed,
            "Fail" => Kind::Fail(fail::Fail::read(reader)),
            "Parallel" => Kind::Parallel(parallel::Parallel::read(reader, default, kind)),
            _ => Kind::Map(Box::new(map::Map::read(name, reader, default, kind))),
        };
        reader.finish();
        Some(state)
    }

    /// Whether the flow can end with the state.
    pub(crate) fn can_end(&self) -> bool {
        self.next.is_none() && !matches!(self.kind, Kind::Choice(_))
    }

    /// Where the state can go, with the field that says so.
    pub(crate) fn targets(&self) -> Vec<(String, &str)> {
        let mut targets: Vec<(String, &str)> =
            self.next.iter().map(|n| ("/Next".to_owned(), n.as_str())).collect();
        for (n, catcher) in self.catch.iter().enumerate() {
            targets.push((format!("/Catch/{n}/Next"), &catcher.next));
        }
        if let Kind::Choice(choice) = &self.kind {
            for (n, rule) in choice.rules.iter().enumerate() {
                targets.push((format!("/Choices/{n}/Next"), &rule.next));
            }
            targets.extend(choice.default.iter().map(|d| ("/Default".to_owned(), d.as_str())));
        }
        targets
    }
}

/// `Next` or `End`, and not both.
fn transition(reader: &Reader<'_>) -> Option<String> {
    let end = reader.bool("End");
    let next = reader.text("Next").map(str::to_owned);
    match (end == Some(true), &next) {
        (true, Some(_)) => {
            let what = "Only one of ['Next', 'End'] may be given".to_owned();
            reader.notes.error(codes::BAD_VALUE, &reader.path, what, "keep one of the two");
        }
        (false, None) if !reader.has("Next") => reader.missing("Next or End"),
        _ => {}
    }
    next
}
