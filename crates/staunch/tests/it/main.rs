//! The integration tests: the real binary on real files. One test binary, because each one is large.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod avro;
mod bare;
mod campaign;
mod canary;
mod check;
mod commands;
mod contract;
mod contract_diff;
mod contract_infer;
mod contract_lock;
mod crash;
mod damaged;
mod disk;
mod dlq_filters;
mod doctor;
mod drift;
mod fencing;
mod flights;
mod forbidden;
mod gc;
mod graph;
mod inputs;
mod interrupted;
mod left_behind;
mod lines;
mod meaning;
mod migrate;
mod nested;
mod options;
mod personal;
mod project;
mod refused;
mod rules;
mod search;
mod sql;
mod states;
mod tables;
mod take_over;
mod values;
mod workflow;
