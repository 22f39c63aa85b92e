//! Why a state fails: an error name that can be caught, and a cause in AWS's words.

use serde::{Deserialize, Serialize};

/// The error names of the language.
pub mod names {
    /// Matches every error but `States.Runtime`.
    pub const ALL: &str = "States.ALL";
    /// A state did something that cannot be done; a retry or a catch of `States.ALL` does not match it.
    pub const RUNTIME: &str = "States.Runtime";
    /// A limit was exceeded.
    pub const DATA_LIMIT: &str = "States.DataLimitExceeded";
    /// A task or the execution took too long.
    pub const TIMEOUT: &str = "States.Timeout";
    /// A task did not send its heartbeat in time; `States.Timeout` matches it too.
    pub const HEARTBEAT: &str = "States.HeartbeatTimeout";
    /// A task failed; as a matcher it stands for every error of a task but `States.Timeout`.
    pub const TASK_FAILED: &str = "States.TaskFailed";
    /// A branch of a Parallel state failed.
    pub const BRANCH_FAILED: &str = "States.BranchFailed";
    /// An intrinsic function failed.
    pub const INTRINSIC: &str = "States.IntrinsicFailure";
    /// A `ResultPath` does not fit the input.
    pub const RESULT_PATH: &str = "States.ResultPathMatchFailure";
    /// More items of a Map state failed than it tolerates.
    pub const TOLERATED: &str = "States.ExceedToleratedFailureThreshold";
    /// A Map state could not read its items.
    pub const ITEM_READER: &str = "States.ItemReaderFailed";
    /// A Map state could not write its results.
    pub const RESULT_WRITER: &str = "States.ResultWriterFailed";
    /// A JSONata expression failed.
    pub const QUERY: &str = "States.QueryEvaluationError";
    /// The task may not do what it does.
    pub const PERMISSIONS: &str = "States.Permissions";
}

/// Why a state fails.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The error name, which `Retry` and `Catch` match.
    pub error: Option<String>,
    /// What happened, in words.
    pub cause: Option<String>,
    /// The field whose JSONata expression failed: `Output/result`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// Whether the language itself failed, not a task: then the cause is prefixed with the state.
    #[serde(default)]
    pub internal: bool,
}

impl Fault {
    /// An error of a task, or one that the definition raises.
    #[must_use]
    pub fn raised(error: impl Into<String>, cause: impl Into<String>) -> Self {
        Self { error: Some(error.into()), cause: Some(cause.into()), location: None, internal: false }
    }

    /// An error name without a cause.
    #[must_use]
    pub fn bare(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), cause: None, location: None, internal: false }
    }

    /// An error of the language: the machine puts the state in front of the cause.
    #[must_use]
    pub(crate) fn internal(error: &str, cause: impl Into<String>) -> Self {
        Self { internal: true, ..Self::raised(error, cause) }
    }

    /// `States.Runtime`.
    #[must_use]
    pub(crate) fn runtime(cause: impl Into<String>) -> Self {
        Self::internal(names::RUNTIME, cause)
    }

    /// A JSONata expression of this field failed.
    #[must_use]
    pub(crate) fn query(location: &str, cause: impl Into<String>) -> Self {
        Self { location: Some(location.to_owned()), ..Self::internal(names::QUERY, cause) }
    }

    /// A value nests too deep.
    #[must_use]
    pub(crate) fn too_deep() -> Self {
        let most = crate::value::DEPTH_MAX;
        Self::runtime(format!("A value nests deeper than {most} levels."))
    }

    /// The error's name, or nothing.
    #[must_use]
    pub fn name(&self) -> &str {
        self.error.as_deref().unwrap_or_default()
    }
}
