//! A driver in the foreground that does nothing outside: results of tasks come out of a document, waits are virtual.
//!
//! The document names, for each state, what its tasks give, in order:
//!
//! ```json
//! {"Fetch": [{"throw": {"error": "Net.Down", "cause": "no route"}}, {"return": {"rows": 3}}]}
//! ```
//!
//! An entry may also say `input`: then it answers that request only, which is how concurrent tasks get their own results;
//! `"submitted"` is what a `.sync` task answers first. Work without an answer stops the execution (`Task.Unavailable`), past every
//! `Retry` and `Catch`.

#[cfg(test)]
mod tests;

use crate::machine::{
    Effect, Event, Execution, Happening, HistoryEvent, Home, Limits, Machine, Outcome, Start, Work,
};
use crate::value::{Map, Value};
use crate::{Definition, Type};
use staunch_types::codes;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Results for the tasks of an execution.
#[derive(Debug, Clone, Default)]
pub struct Mocks {
    states: BTreeMap<String, Vec<Mock>>,
}

#[derive(Debug, Clone)]
struct Mock {
    input: Option<Value>,
    answer: Answer,
    submitted: Option<Value>,
    used: bool,
}

#[derive(Debug, Clone)]
enum Answer {
    Return(Value),
    Throw { error: String, cause: Option<String> },
}

impl Mocks {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Value::Object(map) = Value::parse(text)? else {
            return Err("the mocks are no object".to_owned());
        };
        let mut states = BTreeMap::new();
        for (state, value) in map {
            let Value::Array(entries) = value else {
                return Err(format!("the mocks of `{state}` are no array"));
            };
            let mocks =
                entries.into_iter().map(|entry| Mock::read(&state, entry)).collect::<Result<Vec<_>, _>>()?;
            states.insert(state, mocks);
        }
        Ok(Self { states })
    }

    /// The answer to a request: the first unused one for exactly this input, else the first unused one in order. The last one
    /// answers again when all are used and no other fits.
    fn answer(&mut self, state: &str, input: &Value) -> Option<&Mock> {
        let mocks = self.states.get_mut(state)?;
        let same = |m: &Mock| m.input.as_ref().is_some_and(|i| i.same(input));
        let found = mocks
            .iter()
            .position(|m| !m.used && same(m))
            .or_else(|| mocks.iter().position(|m| !m.used))
            .or_else(|| mocks.iter().rposition(same))
            .or_else(|| mocks.len().checked_sub(1))?;
        let mock = mocks.get_mut(found)?;
        mock.used = true;
        Some(mock)
    }
}

impl Mock {
    fn read(state: &str, entry: Value) -> Result<Self, String> {
        let Value::Object(mut fields) = entry else {
            return Err(format!("a mock of `{state}` is no object"));
        };
        let answer = match (fields.swap_remove("return"), fields.swap_remove("throw")) {
            (Some(value), None) => Answer::Return(value),
            (None, Some(Value::Object(thrown))) => {
                let text = |name: &str| thrown.get(name).and_then(Value::as_str).map(str::to_owned);
                let error =
                    text("error").ok_or_else(|| format!("a mock of `{state}` throws without an `error`"))?;
                Answer::Throw { error, cause: text("cause") }
            }
            _ => return Err(format!("a mock of `{state}` says neither `return` nor `throw`, or both")),
        };
        Ok(Self {
            input: fields.swap_remove("input"),
            answer,
            submitted: fields.swap_remove("submitted"),
            used: false,
        })
    }
}

/// What an execution came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// How it ended.
    pub outcome: Outcome,
    /// Its history.
    pub history: Vec<HistoryEvent>,
    /// The histories of the child executions of distributed Maps.
    pub children: BTreeMap<u64, Vec<HistoryEvent>>,
}

impl Report {
    /// The report as one object: `{"status", "output" | "error", "cause", "history"}`.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let mut map = Map::new();
        let status = serde_json::to_value(self.outcome.status).ok();
        map.insert("status".into(), status.as_ref().and_then(|s| s.as_str()).unwrap_or_default().into());
        map.extend(self.outcome.output().map(|o| ("output".to_owned(), o.clone())));
        map.extend(self.outcome.error.as_deref().map(|e| ("error".to_owned(), e.into())));
        map.extend(self.outcome.cause.as_deref().map(|c| ("cause".to_owned(), c.into())));
        let event = |event: &HistoryEvent| {
            let mut map = Map::new();
            map.insert("id".into(), event.id.into());
            map.insert("previousEventId".into(), event.previous.into());
            map.insert("timestamp".into(), crate::time::format(event.at).into());
            map.insert("type".into(), event.kind.as_str().into());
            map.extend(event.fields.iter().map(|(name, value)| ((*name).to_owned(), (**value).clone())));
            Value::Object(map)
        };
        map.insert("history".into(), self.history.iter().map(event).collect());
        Value::Object(map)
    }
}

/// How an execution is driven.
pub struct Driver<'d> {
    machine: Machine<'d>,
    mocks: Mocks,
    now: i64,
    chance: u64,
    kind: Type,
    synchronous: bool,
    home: Home,
    timers: BTreeSet<(i64, u64)>,
    waiting: VecDeque<Happening>,
    /// Work is taken up before any of it is done, as where tasks run at once.
    starting: VecDeque<Happening>,
    /// Called with the execution between any two events; what it gives goes on instead.
    between: Option<fn(Execution) -> Execution>,
}

impl<'d> Driver<'d> {
    /// A driver of this definition. `now` and `chance` are where time and chance begin.
    #[must_use]
    pub fn new(definition: &'d Definition, mocks: Mocks, now: i64, chance: u64) -> Self {
        Self {
            machine: Machine::new(definition),
            mocks,
            now,
            chance,
            kind: Type::Standard,
            synchronous: false,
            home: Home::default(),
            timers: BTreeSet::new(),
            waiting: VecDeque::new(),
            starting: VecDeque::new(),
            between: None,
        }
    }

    /// Another type than a standard workflow.
    #[must_use]
    pub fn kind(mut self, kind: Type) -> Self {
        self.kind = kind;
        self
    }

    /// The caller waits for the end of the execution, as AWS allows it for express workflows.
    #[must_use]
    pub fn synchronous(mut self) -> Self {
        self.synchronous = true;
        self
    }

    /// What ids say about where the workflow lives.
    #[must_use]
    pub fn home(mut self, home: Home) -> Self {
        self.home = home;
        self
    }

    /// Other limits than those of AWS.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.machine = self.machine.with_limits(limits);
        self
    }

    /// Something to be done with the execution between any two events: to write it down and restore it, say.
    #[must_use]
    pub fn between(mut self, work: fn(Execution) -> Execution) -> Self {
        self.between = Some(work);
        self
    }

    /// Runs an execution to its end.
    ///
    /// # Errors
    /// That it waits for something that will never come.
    pub fn run(mut self, input: Value) -> Result<Report, String> {
        let chance = self.next_chance();
        let Home { region, account } = &self.home;
        let arn = |service: &str, rest: &str| format!("arn:aws:{service}:{account}:{rest}");
        let states = format!("states:{region}");
        let id = match self.kind {
            Type::Standard => arn(&states, "execution:workflow:execution"),
            Type::Express => arn(&states, "express:workflow:execution:execution"),
        };
        let start = Start {
            input,
            name: "execution".to_owned(),
            id,
            machine_id: arn(&states, "stateMachine:workflow"),
            region: region.clone(),
            machine_name: "workflow".to_owned(),
            redrivable: !self.synchronous,
            role: Some(arn("iam:", "role/workflow")),
            at: self.now,
            chance,
        };
        let (mut execution, mut effects) = self.machine.start(start);
        let (mut history, mut children) = (Vec::new(), BTreeMap::<u64, Vec<HistoryEvent>>::new());
        loop {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::History { journal: 0, event } => history.push(event),
                    Effect::History { journal, event } => children.entry(journal).or_default().push(event),
                    Effect::Ended(outcome) => return Ok(Report { outcome, history, children }),
                    Effect::Timer { timer, at } => {
                        self.timers.insert((at, timer));
                    }
                    Effect::Quiet { timer } => self.timers.retain(|(_, t)| *t != timer),
                    Effect::Cancel { .. } => {}
                    Effect::Continue => self.waiting.push_back(Happening::Continue),
                    Effect::Work { work, state, what, .. } => self.work(work, &state, &what),
                }
            }
            let Some(what) = self.next_happening() else {
                return Err("the execution waits for something that never comes".to_owned());
            };
            if let Some(between) = self.between {
                execution = between(execution);
            }
            let event = Event { at: self.now, chance: self.next_chance(), what };
            (execution, effects) = self.machine.step(execution, event);
        }
    }

    fn next_chance(&mut self) -> u64 {
        let chance = crate::query::Chance::new(self.chance);
        let next = chance.next();
        self.chance = chance.seed();
        next
    }

    /// What happens next: what is due now, or the next timer, whose time it is then.
    fn next_happening(&mut self) -> Option<Happening> {
        if let Some(what) = self.starting.pop_front().or_else(|| self.waiting.pop_front()) {
            return Some(what);
        }
        let (at, timer) = self.timers.pop_first()?;
        self.now = self.now.max(at);
        Some(Happening::Fired { timer })
    }

    fn work(&mut self, work: u64, state: &str, what: &Work) {
        let nothing = Value::Object(Map::new());
        let (input, resource) = match what {
            Work::Task { arguments, resource, .. } => (&**arguments, Some(resource)),
            Work::Read(read) => (&read.arguments, None),
            Work::Write { arguments, .. } => (arguments, None),
        };
        let awaits = resource.is_some_and(crate::states::task::Resource::awaits);
        let Some(mock) = self.mocks.answer(state, input) else {
            // Not a failure of the work: a `Catch` would make a success of what was never done.
            let error = Some(codes::TASK_UNAVAILABLE.name.to_owned());
            let cause = Some(format!("there is no mock for the state `{state}`"));
            self.starting.push_front(Happening::Stop { error, cause });
            return;
        };
        let submitted = mock.submitted.clone().or_else(|| awaits.then_some(nothing));
        let answer = mock.answer.clone();
        self.starting.push_back(Happening::Started { work, worker: None });
        match answer {
            Answer::Return(output) => {
                if let Some(output) = submitted {
                    self.waiting.push_back(Happening::Submitted { work, output });
                }
                self.waiting.push_back(Happening::Succeeded { work, output });
            }
            Answer::Throw { error, cause } => {
                if let Some(output) = submitted {
                    self.waiting.push_back(Happening::Submitted { work, output });
                }
                let cause = cause.filter(|c| !c.is_empty());
                self.waiting.push_back(Happening::Failed { work, error, cause });
            }
        }
    }
}
