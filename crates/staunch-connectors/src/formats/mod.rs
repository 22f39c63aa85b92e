//! Formats: bytes to columns.

pub(crate) mod avro;
pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod json_union;
pub(crate) mod json_write;
pub mod out;
pub(crate) mod parquet_read;
pub mod parquet_write;
pub mod rows;
pub(crate) mod simd;
