//! Systems: where the data lie.

pub mod files;
pub(crate) mod holds;
mod shown;
pub mod sqlite;
mod staged;
pub(crate) mod text;
