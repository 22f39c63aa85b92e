//! Avro container files to columns and back.
//!
//! **What it is.** The writer's schema of a file is resolved to the Avro form of the contract once ([`program`]); then every row goes from its bytes
//! straight into growing columns ([`sheet`]), and columns go straight into bytes ([`encode`]). What is a value of a contract and what is not
//! ([`leaf`]) does not depend on the way there: `staunch_contract::avro` reads and writes the same bytes by way of values, and tests hold the two
//! against each other.
//!
//! **What it is not.** It is not the container itself, nor schema resolution: both are `staunch_contract::avro`.
//!
//! **Invariants.** What is wrong with a value kills its row; what is wrong with the bytes, so that nobody knows where the value ends, is the damage of
//! its file. The place of a row is its number in the file, from 0. What a dead row leaves is a container file of its own with that one row: it
//! can be read for ever, without the file that it came from.

mod again;
mod encode;
mod keep;
mod leaf;
pub(crate) mod letter;
mod obstacles;
mod program;
mod read;
mod resolve;
mod sheet;
mod wanted;
pub(crate) mod write;

#[cfg(test)]
mod tests;

pub(crate) use again::AvroAgain;
pub(crate) use encode::Encoder;
pub(crate) use read::{AvroFile, open};
pub(crate) use resolve::Wants;
pub(crate) use wanted::Wanted;

use staunch_types::{Error, Place, codes};
use std::path::Path;

/// The error of a file that is not what it should be.
fn corrupt(path: &Path, what: impl Into<String>) -> Error {
    Error::new(codes::SOURCE_CORRUPT, what)
        .place(Place::file(path))
        .hint("get the file again, or remove it from the input")
}

fn too_large(path: &Path, what: impl Into<String>) -> Error {
    Error::new(codes::SOURCE_TOO_LARGE, what).place(Place::file(path))
}
