//! The contract that something lies stored under, as the log keeps it: whole, because the project may not have it any more.

use serde::{Deserialize, Serialize};
use staunch_contract::Contract;
use staunch_types::{Error, Result, codes};
use std::path::Path;
use std::sync::Arc;

/// A contract in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// `name@version`.
    pub contract: String,
    /// Whether somebody declared it; otherwise a query implied it.
    pub declared: bool,
    /// Its Avro form.
    pub avro: serde_json::Value,
}

impl Written {
    /// A contract as the log keeps it.
    #[must_use]
    pub fn new(contract: &Contract, declared: bool) -> Self {
        Self { contract: contract.id(), declared, avro: contract.to_avro_json() }
    }

    /// The contract.
    ///
    /// # Errors
    /// `Store.Corrupt`.
    pub fn open(&self) -> Result<Arc<Contract>> {
        let read = Contract::from_avsc(&self.avro.to_string(), Path::new(&self.contract));
        read.map(Arc::new).map_err(|e| {
            Error::new(
                codes::STORE_CORRUPT,
                format!("the contract `{}` in the epoch log is damaged", self.contract),
            )
            .cause(e.message().to_owned())
            .hint("restore the state folder from a backup, or run with --full-refresh")
        })
    }

    /// Whether it is the same contract, whoever wrote it down.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        self.contract == other.contract && self.avro == other.avro
    }
}

/// From one contract to another: what an epoch did to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moved {
    /// `name@version` of the old one.
    pub from: String,
    /// `name@version` of the new one.
    pub to: String,
}
