//! Folders of files.

mod sink;
mod source;

pub use sink::{FilesSink, FilesSinkSpec};
pub use source::{FilesSource, FilesSourceSpec, InferSpec, Inferred, avro, infer};
