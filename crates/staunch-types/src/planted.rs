//! Bugs that tests plant, to see that the checks catch them.
//!
//! Only in debug builds: in a release build [`bug`] is `false` for the compiler, and nothing of it is left. The list of all bugs, with
//! the check that catches each, stands in the testkit.

#[cfg(debug_assertions)]
mod armed {
    use std::collections::BTreeSet;
    use std::sync::OnceLock;

    pub(super) static PLANTED: OnceLock<BTreeSet<String>> = OnceLock::new();
}

/// Plants bugs in this process, for good: names with commas between.
#[cfg(debug_assertions)]
pub fn plant(names: &str) {
    // A second call changes nothing: bugs do not go while a run is under way.
    let _ = armed::PLANTED.set(names.split(',').map(|name| name.trim().to_owned()).collect());
}

/// Whether this bug is planted.
#[cfg(debug_assertions)]
#[must_use]
pub fn bug(name: &str) -> bool {
    armed::PLANTED.get().is_some_and(|planted| planted.contains(name))
}

/// Whether this bug is planted: in a release build none is.
#[cfg(not(debug_assertions))]
#[must_use]
#[inline(always)]
pub const fn bug(_name: &str) -> bool {
    false
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use super::{bug, plant};

    #[test]
    fn only_what_is_planted_is_there() {
        assert!(!bug("one"));
        plant("none_of_the_others, that_are_tested");
        assert!(bug("that_are_tested") && !bug("one"));
    }
}
