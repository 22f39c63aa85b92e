//! The integration tests: the real binary on real files. One test binary, because each one is large.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod check;
mod commands;
mod crash;
mod flights;
mod inputs;
mod project;
mod rules;
mod states;
mod tables;
