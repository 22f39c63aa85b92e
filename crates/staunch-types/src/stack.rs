//! A deep stack for work that recurses.

use crate::{Error, Result, codes};

/// Does `work` on a thread of its own with a stack of so many bytes: parsers and planners recurse as deep as what they are
/// given, and some callers have two megabytes.
///
/// # Errors
/// `Internal.Bug` if the thread cannot be started, or ends in a panic.
pub fn on_big_stack<T: Send>(name: &str, bytes: usize, work: impl FnOnce() -> T + Send) -> Result<T> {
    let bug = |message: String| {
        Error::new(codes::INTERNAL, message).hint("report this with the file that was worked on")
    };
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name(name.to_owned()).stack_size(bytes);
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => thread.join().map_err(|_| bug(format!("the thread `{name}` failed"))),
            Err(_) => Err(bug(format!("the thread `{name}` could not be started"))),
        }
    })
}
