//! Avro 1.12: schemas, their canonical form and fingerprints, compatibility, values and their bytes, files and messages.
//!
//! **What it is.** The whole of the schema language ([`Schema::parse`]), recursive schemas included; Apache's verdicts on compatibility
//! ([`incompatibilities`], [`breaches`]); any value ([`Value`]) to bytes and back, resolved from a writer's schema to a reader's ([`Decoder`]), in
//! container files ([`ContainerReader`], [`ContainerWriter`]) and single messages ([`framing`]). Whoever fills columns walks the resolved
//! operations ([`Plan`]) over the bytes ([`Cursor`]) by himself.
//!
//! **What it is not.** It knows nothing of Arrow, of registries, nor of what Staunch asks of a contract: a contract may refuse what a schema may be.
//! A [`Value`] is the general way, not the fast one.
//!
//! **Invariants.** Every function is total: no text and no bytes make it panic, run for ever, exhaust the stack, or take more memory than its
//! limits say. No length is believed before it was compared with what is there. A message says where and why, and quotes no value. What Avro
//! ignores by its rules is told by [`Schema::ignored`].
//!
//! ```
//! use staunch_contract::avro::{Decoder, Schema, Unions, incompatibilities};
//!
//! let old = Schema::parse(r#"{"type": "record", "name": "click", "fields": [{"name": "n", "type": "int"}]}"#)?;
//! let new = Schema::parse(
//!     r#"{"type": "record", "name": "click", "fields": [{"name": "n", "type": "long"}, {"name": "ip", "type": "string", "default": ""}]}"#,
//! )?;
//! assert!(incompatibilities(&new, &old)?.is_empty());
//! assert_eq!(incompatibilities(&old, &new)?[0].to_string(), "TYPE_MISMATCH at /fields/0/type: reader type: INT not compatible with writer type: LONG");
//!
//! let bytes = old.encode(&old.value_from_json(r#"{"n": 42}"#, Unions::Plain)?)?;
//! let value = Decoder::resolving(&old, &new)?.decode(&bytes)?;
//! assert_eq!(new.value_to_json(&value, Unions::Plain)?, r#"{"n":42,"ip":""}"#);
//! # Ok::<(), staunch_types::Error>(())
//! ```

mod adopt;
mod canonical;
mod codec;
mod compatibility;
mod container;
mod cursor;
mod decode;
mod encode;
mod fault;
pub mod framing;
mod from_json;
mod history;
mod json;
mod logical;
mod matching;
mod name;
mod parse;
mod plan;
mod schema;
mod to_json;
mod value;

pub use canonical::rabin;
pub use codec::Codec;
pub use compatibility::{Incompatibility, IncompatibilityKind, incompatibilities, obstacles};
pub use container::{Block, ContainerLimits, ContainerReader, ContainerWriter, StoredBlock};
pub use cursor::Cursor;
pub use decode::{Decoder, Limits};
pub use fault::{Fallible, Fault};
pub use from_json::Unions;
pub use history::{Breach, Level, Reads, breaches};
pub use logical::Logical;
pub use name::Name;
pub use parse::{SCHEMA_BYTES_MAX, SchemaOptions};
pub use plan::{Filled, Op, OpId, Plan, Promotion, RecordOp, Step};
pub use schema::{
    Attributes, Default, Enum, Field, Fixed, Ignored, Kind, Node, NodeId, Order, Record, Schema,
};
pub use value::Value;

#[cfg(test)]
mod tests;
