//! Contracts: named, versioned Avro record schemas with Staunch's attributes, and what follows from them.
//!
//! **What it is.** The [`Contract`] itself, read from YAML or `.avsc`; its Arrow form; the check that an output fits it and the
//! way of its batches into it ([`coerce`]); the constraints of its fields ([`constraints`]); what changed from one contract to another ([`diff`]), what becomes of what lies stored under the old one ([`migration`]) and the lock that holds every version ([`lock`]); and the hash of a row over the contract's values ([`hash`]). Under it lies the
//! whole of Avro ([`avro`]): schemas, compatibility between versions, values, files and messages. The tree with places into
//! which every YAML and JSON file of a project is parsed ([`yaml_tree`]) lives here too: contracts are the first to need it.
//!
//! **What it is not.** It knows no file format but Avro's, no SQL and no store, and opens no file. A contract does not have all of Avro's types yet.
//!
//! **Invariants.** No text may panic or exhaust the stack. A contract is checked when it is made and immutable afterwards. Its Arrow schema is a
//! function of the contract alone. The row hash follows `docs/design/0002-row-hash.md`, never Arrow's layout. A coercion changes no
//! value: it widens types, or sets rows apart.
//!
//! ```
//! use staunch_contract::{Contract, coerce};
//! use std::path::Path;
//!
//! let text = "{contract: delay, version: 1, fields: {carrier: string, minutes: double}}";
//! let contract = Contract::from_yaml(text, Path::new("contracts/delay.yaml"))?;
//! assert!(coerce::check(&contract.arrow_schema(), &contract).is_ok_and(|c| c.is_identity()));
//! # Ok::<(), staunch_types::Error>(())
//! ```

pub mod avro;
mod avsc;
mod check;
pub mod coerce;
pub mod constraints;
pub mod diff;
mod fingerprint;
pub mod hash;
mod infer;
pub mod lock;
pub mod migration;
mod model;
mod near;
mod report;
mod types;
pub mod units;
mod yaml;
pub mod yaml_tree;

pub use constraints::Constraints;
pub use model::{AvroForm, Contract, Element, Field, Order, Type};
