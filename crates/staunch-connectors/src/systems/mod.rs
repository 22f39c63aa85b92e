//! Systems: where the data lie.

pub mod files;
mod shown;
pub mod sqlite;
mod staged;
pub(crate) mod text;
