//! Ids, errors and seams: the words that every other crate of Staunch shares.
//!
//! **What it is.** Typed ids ([`Epoch`], [`Generation`], [`RunId`], ...), the one [`Error`] with its stable
//! [`codes`], and the seams through which the outside world is reached: [`Clock`], [`Rng`], [`Fs`] and the
//! named [`failpoint`]s at which a test may kill the process.
//!
//! **What it is not.** It knows no Arrow, no SQL, no store and no pipeline.
//!
//! **Invariants.** It depends on no other crate of Staunch. Nothing here reads the environment. Time, chance
//! and files are reached only through the traits of this crate, so that the same code runs in a simulation.
//!
//! ```
//! use staunch_types::{Epoch, Error, codes};
//!
//! let next = Epoch(41).next();
//! assert_eq!(next.to_string(), "42");
//! let error = Error::new(codes::SOURCE_MISSING, "no file matches `clicks/*.csv`")
//!     .hint("check `path:` of the object in staunch.yaml");
//! assert_eq!(error.code().name, "Source.Missing");
//! ```

pub mod bare;
mod clock;
pub mod codes;
mod error;
pub mod failpoint;
mod fs;
mod id;
pub mod planted;
mod rng;
mod stack;

pub use clock::{Clock, FixedClock, Micros, SystemClock};
pub use codes::{Code, Kind, Verdict};
pub use error::{Error, Place, Result};
pub use fs::{Access, Fs, FsFile, LocalFs, unsynced};
pub use id::{Epoch, Generation, Nonce, RegionId, RunId, WriteMode};
pub use rng::{Rng, SeededRng, SystemRng};
pub use stack::on_big_stack;
