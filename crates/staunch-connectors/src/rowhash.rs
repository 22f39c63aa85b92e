//! The far end's row hash, checked against the document on every type of a contract (see [`staunch_commit::rowhash`]).

pub use staunch_commit::rowhash::FarSum;

#[cfg(test)]
mod nested_tests;
#[cfg(test)]
mod tests;
