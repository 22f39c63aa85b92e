//! Project and pipeline files: from YAML to a checked form that everybody else can trust.
//!
//! **What it is.** `staunch.yaml`, contracts and pipelines are parsed with positions into a raw form, then turned into
//! [`Project`] and [`Pipeline`], or into all mistakes at once, each with its place. The edges of a pipeline are the names in
//! `FROM`, found by the SQL parser.
//!
//! **What it is not.** It plans no SQL (types are the engine's matter) and opens no connection. Options of an object belong to
//! the system that reads them: they are passed on with their places as [`Options`].
//!
//! **Invariants.** Nothing of YAML is left in the checked form but [`staunch_types::Place`]s. An unknown key is an error.

mod model;

pub use model::{
    Budget, Connection, Input, Late, Object, ObjectRef, OptionValue, Options, Pipeline, Process, Profile,
    Project, Read, SecretRef, Sql, Treatment, Validate, Write,
};
