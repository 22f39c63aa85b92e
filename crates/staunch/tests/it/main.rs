//! The integration tests: the real binary on real files. One test binary, because each one is large.

mod crash;
mod flights;
mod inputs;
mod project;
mod rules;
mod tables;
