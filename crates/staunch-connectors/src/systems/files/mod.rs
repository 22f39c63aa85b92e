//! Folders of files.

mod sink;
mod source;

pub use sink::{ParquetSink, ParquetSinkSpec};
pub use source::{FilesSource, FilesSourceSpec};
