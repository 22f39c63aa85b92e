//! What goes into the machine and what comes out of it.

use super::execution::Outcome;
use super::history::HistoryEvent;
use crate::states::distributed::ReadItems;
use crate::states::task::Resource;
use crate::value::{Shared, Value};
use serde::{Deserialize, Serialize};

/// Where workflows live: what ids say about it, as those of AWS do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
}

impl Default for Home {
    fn default() -> Self {
        Self { region: "local".to_owned(), account: "000000000000".to_owned() }
    }
}

/// How an execution begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// The input.
    pub input: Value,
    /// The region that the events of tasks name.
    pub region: String,
    /// The name of the execution.
    pub name: String,
    /// The id of the execution: an ARN at AWS.
    pub id: String,
    /// The id of the state machine.
    pub machine_id: String,
    /// The name of the state machine.
    pub machine_name: String,
    /// Whether the context object speaks of redrives: all executions do but those whose caller waits for their end.
    pub redrivable: bool,
    /// The role that the execution has; `$$.Execution.RoleArn`.
    pub role: Option<String>,
    /// The time, in microseconds since 1970.
    pub at: i64,
    /// A random number.
    pub chance: u64,
}

/// Something that happened outside.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// The time, in microseconds since 1970.
    pub at: i64,
    /// A random number.
    pub chance: u64,
    /// What happened.
    pub what: Happening,
}

/// What can happen. `work` and `timer` are the numbers that the effects named.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Happening {
    /// Nothing; the machine asked for another turn with [`Effect::Continue`].
    Continue,
    /// Somebody has taken the work up. The name is that of a worker, where there is one.
    Started {
        /// The work.
        work: u64,
        /// Who does it.
        worker: Option<String>,
    },
    /// The request was taken and the work goes on elsewhere: `.sync`, `.waitForTaskToken`.
    Submitted {
        /// The work.
        work: u64,
        /// What the service answered.
        output: Value,
    },
    /// The work sent a sign of life.
    Heartbeat {
        /// The work.
        work: u64,
    },
    /// The work is done.
    Succeeded {
        /// The work.
        work: u64,
        /// Its result.
        output: Value,
    },
    /// The work failed.
    Failed {
        /// The work.
        work: u64,
        /// The error name, for `Retry` and `Catch`.
        error: String,
        /// What happened, in words.
        cause: Option<String>,
    },
    /// The time of a timer has come.
    Fired {
        /// The timer.
        timer: u64,
    },
    /// Somebody stops the execution.
    Stop {
        /// Why, as an error name.
        error: Option<String>,
        /// Why, in words.
        cause: Option<String>,
    },
}

/// Something that the machine wants.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// An event for the history. `journal` is 0 for the execution itself, and the number of a child execution of a distributed Map.
    History {
        /// Whose history.
        journal: u64,
        /// The event.
        event: HistoryEvent,
    },
    /// Work to be done. It is answered with `Started`, `Submitted`, `Heartbeat`, and in the end `Succeeded` or `Failed`.
    Work {
        /// The number of the work.
        work: u64,
        /// The name of the state that asks.
        state: String,
        /// Which attempt of the state this is, from 0.
        attempt: u64,
        /// What is to be done.
        what: Box<Work>,
    },
    /// Nobody waits for this work any more.
    Cancel {
        /// The work.
        work: u64,
    },
    /// Wake the machine with `Fired` at this time.
    Timer {
        /// The number of the timer.
        timer: u64,
        /// The time, in microseconds since 1970.
        at: i64,
    },
    /// Nobody waits for this timer any more.
    Quiet {
        /// The timer.
        timer: u64,
    },
    /// The machine has more to do: send `Continue`.
    Continue,
    /// The execution has ended.
    Ended(Outcome),
}

/// Work for the driver.
#[derive(Debug, Clone, PartialEq)]
pub enum Work {
    /// A task.
    Task {
        /// What it asks for.
        resource: Resource,
        /// With what.
        arguments: Shared,
        /// As whom.
        credentials: Option<Value>,
        /// The token by which somebody may answer a `.waitForTaskToken`.
        token: String,
    },
    /// The items of a distributed Map: answered with an array.
    Read(ReadItems),
    /// The results of a distributed Map, to be written: answered with where they lie.
    Write {
        /// Where to.
        resource: Resource,
        /// The arguments of the writer.
        arguments: Value,
        /// `JSON` or `JSONL`.
        output_type: Option<String>,
        /// The results, as `Transformation` formed them.
        results: Value,
    },
}
