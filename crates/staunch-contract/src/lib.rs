//! Contracts: named, versioned Avro record schemas with Staunch's attributes, and what follows from them.
//!
//! **What it is.** The [`Contract`] itself, read from YAML or `.avsc`; its Arrow form; the check that an
//! output fits it; the PII treatment of a field; and the hash of a row over the contract's values.
//!
//! **What it is not.** It knows no file format, no SQL and no store. Compatibility between versions comes with
//! the contracts issue.
//!
//! **Invariants.** A contract is checked when it is made and immutable afterwards. Its Arrow schema is a
//! function of the contract alone. The row hash follows `docs/design/0002-row-hash.md`, never Arrow's layout.

mod model;

pub use model::{Contract, Field, Type};
