//! Project and pipeline files: from YAML to a checked form that everybody else can trust.
//!
//! **What it is.** `staunch.yaml`, contracts and pipelines are parsed with positions into a raw form, then turned into
//! [`Project`] and [`Pipeline`], or into all mistakes at once, each with its place. A [`Survey`] has both: the mistakes, and the parts
//! without any, in which a planner may find more. The edges of a pipeline are the names in
//! `FROM`, found by the SQL parser.
//!
//! **What it is not.** It plans no SQL (types are the engine's matter) and opens no connection. Options of an object belong to
//! the system that reads them: they are passed on with their places as [`Options`], to be read with an [`OptionReader`].
//!
//! **Invariants.** Nothing of YAML is left in the checked form but [`staunch_types::Place`]s. An unknown key is an error, and
//! so is one that is not implemented yet. No input may panic, exhaust the stack or hold more than a bounded multiple of its size: files
//! have at most 1 MiB, YAML has budgets, SQL has a limit of words and nesting. No file outside the project is read for a pipeline. The
//! environment is never read: a [`SecretRef`] says where to look.
//!
//! ```text
//! staunch.yaml  ──► profile ──┐
//! contracts/*   ──► contracts ┼─► pipeline (drafts: stages alone) ──► graph (edges, order) ──► Project
//! pipelines/*   ──► yaml ─────┘            └─► sqltext ─► sql (names in FROM, with places)
//! ```
//!
//! ```no_run
//! use staunch_pipeline::{Project, find_root};
//!
//! let root = find_root("/home/me/shop/pipelines".as_ref())?;
//! match Project::load(&root, None) {
//!     Ok(project) => println!("{} pipelines", project.pipelines.len()),
//!     Err(error) => error.all().for_each(|mistake| eprintln!("{mistake}")),
//! }
//! # Ok::<(), staunch_types::Error>(())
//! ```

mod fields;
mod files;
mod graph;
mod locked;
mod mistakes;
mod model;
mod names;
mod options;
mod pipeline;
mod profile;
mod project;
mod sql;
mod sqltext;
mod suggest;
pub use staunch_contract::units;

pub use locked::LOCK_FILE;
pub use model::{
    Budget, Connection, Declassified, Input, Keep, Late, Object, ObjectRef, OnDrift, OptionValue, Options,
    Pipeline, Process, Profile, Project, Read, SecretRef, Sql, Treatment, Validate, Write,
};
pub use options::OptionReader;
pub use project::{Survey, find_root};
pub use suggest::suggest;
