//! One verb, one file.

pub(crate) mod check;
pub(crate) mod contract;
pub(crate) mod dlq;
pub(crate) mod doctor;
pub(crate) mod gc;
pub(crate) mod graph;
pub(crate) mod init;
pub(crate) mod ledger;
pub(crate) mod plan;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod show;
pub(crate) mod workflow;
