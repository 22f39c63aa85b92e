//! `contract`: schemas of Avro, by themselves or as contracts; the contracts of a project, their versions, and who uses them.

pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod drift;
pub(crate) mod infer;
pub(crate) mod lock;
pub(crate) mod show;
mod side;
pub(crate) mod stored;
pub(crate) mod users;
