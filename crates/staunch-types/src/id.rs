//! Ids that must not be mixed up: each has a type of its own.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The number of one commit unit inside a region; the first is 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The form used in names of objects: fixed width, so that names sort as numbers do.
    #[must_use]
    pub fn padded(self) -> String {
        format!("{:012}", self.0)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of one start of a region; a higher one fences all lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// The generation after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The form used in names of objects.
    #[must_use]
    pub fn padded(self) -> String {
        format!("{:08}", self.0)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

text_id!(
    /// The id of one run: given by the user (`run --id X`) or made from time and chance.
    RunId
);
text_id!(
    /// The id of a region: made once, when its first run starts, and kept with its epoch log. Targets store
    /// it beside their position, so that two regions never take each other's rows for their own.
    RegionId
);
text_id!(
    /// A value that one generation alone knows; it tells whose create won when the answer was lost.
    Nonce
);

/// How rows enter a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WriteMode {
    /// Rows are added.
    Append,
    /// A row replaces the row with its key.
    Upsert,
    /// The rows of a run replace all rows.
    Replace,
}

impl fmt::Display for WriteMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Append => "append",
            Self::Upsert => "upsert",
            Self::Replace => "replace",
        })
    }
}
