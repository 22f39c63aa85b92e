//! The Amazon States Language as a pure step machine.
//!
//! **What it is.** Definitions in JSON or YAML are checked ([`validate`], [`Definition::parse`]) and run by a [`machine`]: state
//! and event give state and effects. The state of an execution is a value that can be written down and restored between any two
//! events; what is to be done outside comes out as an effect, what happened outside goes in as an event. [`driver`] runs an
//! execution in the foreground with results of tasks out of a document.
//!
//! **What it is not.** It starts no task, reads no file, knows no engine, no clock and no chance of its own: time and randomness
//! are part of each event. It keeps nothing: whoever drives it decides where executions and their histories are stored.
//!
//! **Invariants.** The same events give the same effects, whether or not the execution was written down and restored between
//! them. No definition, input or event makes it panic, recurse without a bound or run for ever within one call. Whole numbers of
//! 64 bits pass unchanged, and fields keep their order.
//!
//! ```text
//!   text ─► Definition ─► Machine ◄── Event (time, chance, what happened)
//!                            │
//!              Execution ◄───┴───► Effect (history, work, timers, the end)
//! ```
//!
//! ```
//! use staunch_workflow::driver::{Driver, Mocks};
//! use staunch_workflow::{Definition, Value};
//!
//! let definition = Definition::parse(r#"{
//!   "StartAt": "Greet",
//!   "States": {"Greet": {"Type": "Pass", "Parameters": {"text.$": "States.Format('Hello, {}', $.name)"}, "End": true}}
//! }"#).expect("no mistakes");
//! let report = Driver::new(&definition, Mocks::default(), 0, 0).run(Value::parse(r#"{"name": "Ada"}"#)?)?;
//! assert_eq!(report.outcome.output().map(Value::to_json).as_deref(), Some(r#"{"text":"Hello, Ada"}"#));
//! assert_eq!(report.history.iter().map(|e| e.kind.as_str()).collect::<Vec<_>>(),
//!     ["ExecutionStarted", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"]);
//! # Ok::<(), String>(())
//! ```

mod definition;
mod diagnostic;
pub mod driver;
pub mod expression;
pub mod fault;
pub mod graph;
pub mod machine;
mod query;
mod reader;
mod states;
mod text;
mod time;
pub mod trial;
pub mod value;

pub use definition::{Definition, Type, validate, validate_as};
pub use diagnostic::{Diagnostic, Severity};
pub use machine::Home;
pub use states::distributed::{ReadItems, ReaderConfig};
pub use states::task::{Resource, ResourceKind};
pub use value::Value;
