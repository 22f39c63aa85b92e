//! The state of an execution: all that must be kept between two events.

use super::protocol::Start;
use crate::query::Variables;
use crate::states::distributed::Tolerance;
use crate::value::{Shared, Value};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};

/// The version of the form in which an execution is written down.
const VERSION: u32 = 1;

/// The state of an execution. It can be written down with serde and restored between any two events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    version: u32,
    /// The fingerprint of its definition.
    pub(super) definition: String,
    pub(super) identity: Identity,
    pub(super) threads: BTreeMap<u64, Thread>,
    /// The threads that have something to do, in the order of their turns.
    pub(super) ready: VecDeque<u64>,
    /// Which thread waits for which work or timer.
    pub(super) awaited: BTreeMap<u64, u64>,
    /// The number for the next thread, work, timer or journal.
    pub(super) next: u64,
    /// The last event of each journal.
    pub(super) journals: BTreeMap<u64, Journal>,
    /// The timer of the whole execution.
    pub(super) timeout: Option<u64>,
    pub(super) outcome: Option<Outcome>,
}

/// What the context object says about an execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) machine_id: String,
    pub(super) machine_name: String,
    pub(super) role: Option<String>,
    pub(super) input: Shared,
    pub(super) started_at: i64,
    pub(super) redrivable: bool,
    pub(super) region: String,
}

/// A history: that of the execution, or of a child execution of a distributed Map.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Journal {
    pub(super) last: u64,
    /// What differs for a child execution: its id, its name, its input.
    pub(super) child: Option<Identity>,
}

/// How an execution ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The word of AWS for it.
    pub status: Status,
    /// The output, if it succeeded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Shared>,
    /// The error name, if it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What happened, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

/// How an execution ended, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    /// It has an output.
    Succeeded,
    /// A state failed and nothing caught it.
    Failed,
    /// `TimeoutSeconds` of the definition passed.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

/// One flow on its way: of the definition, of a branch, of an item.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Thread {
    /// The states and branches that lead to its flow.
    pub(super) flow: Vec<(String, usize)>,
    /// The thread whose state began it, and its number there.
    pub(super) parent: Option<(u64, usize)>,
    pub(super) journal: u64,
    pub(super) variables: Variables,
    /// The item of the Map state around it.
    pub(super) item: Option<(usize, Shared)>,
    /// The last event of this thread.
    pub(super) previous: u64,
    pub(super) place: Place,
}

/// Where a thread stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Place {
    /// Before a state.
    Before { state: String, input: Shared },
    /// In a state.
    In(Box<Active>),
}

/// A state that was entered and not left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Active {
    pub(super) state: String,
    pub(super) input: Shared,
    /// The event by which it was entered, and the one before that.
    pub(super) entered: u64,
    pub(super) before: u64,
    pub(super) entered_at: i64,
    /// How often each rule of `Retry` was used.
    pub(super) retries: Vec<u64>,
    pub(super) phase: Phase,
}

impl Active {
    /// How often the state was tried again.
    pub(super) fn attempt(&self) -> u64 {
        self.retries.iter().sum()
    }
}

/// What a state waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Phase {
    /// For its turn: it can be left.
    Entered,
    /// For a time.
    Waiting { timer: u64 },
    /// For the end of a task.
    Working { work: u64, timeout: Option<u64>, heartbeat: Option<(u64, u64)>, seen_started: bool },
    /// For the next attempt.
    Retrying { timer: u64 },
    /// For its branches.
    Branches { outputs: Vec<Option<Shared>>, live: Vec<u64> },
    /// For the items of a distributed Map.
    Reading { work: u64 },
    /// For its items.
    Items(Box<Items>),
    /// For the results of a distributed Map to be written.
    Writing { work: u64, run: String },
}

/// An item that has not begun, and what its flow gets if that is not the item itself.
pub(super) type Waiting = (Shared, Option<Shared>);

/// The items of a Map state on their way.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Items {
    /// Those that have not begun; taken from the front.
    pub(super) waiting: VecDeque<Waiting>,
    pub(super) total: usize,
    pub(super) at_once: usize,
    /// The outputs so far.
    pub(super) outputs: Vec<Option<Shared>>,
    pub(super) live: Vec<u64>,
    pub(super) failed: u64,
    /// A distributed Map: its run, and how many items may fail.
    pub(super) run: Option<(String, Tolerance)>,
}

impl Execution {
    pub(super) fn new(definition: &str, start: &Start) -> Self {
        Self {
            version: VERSION,
            definition: definition.to_owned(),
            identity: Identity {
                id: start.id.clone(),
                name: start.name.clone(),
                machine_id: start.machine_id.clone(),
                machine_name: start.machine_name.clone(),
                role: start.role.clone(),
                input: start.input.clone().into(),
                started_at: start.at,
                region: start.region.clone(),
                redrivable: start.redrivable,
            },
            threads: BTreeMap::new(),
            ready: VecDeque::new(),
            awaited: BTreeMap::new(),
            next: 1,
            journals: [(0, Journal { last: 0, child: None })].into(),
            timeout: None,
            outcome: None,
        }
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// The id that it began with.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.identity.id
    }

    /// The states that it is in, each with the states and branches around it.
    #[must_use]
    pub fn states(&self) -> Vec<Vec<String>> {
        let names = |thread: &Thread| {
            let around = thread.flow.iter().map(|(name, _)| name.clone());
            let own = match &thread.place {
                Place::Before { state, .. } => state.clone(),
                Place::In(active) => active.state.clone(),
            };
            around.chain([own]).collect()
        };
        self.threads.values().map(names).collect()
    }

    /// Writes the execution down as JSON.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub fn to_json(&self) -> Result<String, String> {
        serde_json::to_string(self).map_err(|e| e.to_string())
    }

    /// Restores an execution.
    ///
    /// # Errors
    /// That the text is no execution, or one of a later version.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let execution: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if execution.version == VERSION {
            Ok(execution)
        } else {
            Err(format!("version {} of an execution is not known here", execution.version))
        }
    }
}

impl Outcome {
    /// The output, if there is one.
    #[must_use]
    pub fn output(&self) -> Option<&Value> {
        self.output.as_deref()
    }
}
