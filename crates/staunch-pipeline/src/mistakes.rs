//! The mistakes of a project: collected, sorted, reported at once.

use staunch_types::{Code, Error, Place};

/// More mistakes than this are counted but not kept: the first ones are what is mended first.
const MOST: usize = 1000;

/// What is wrong so far.
#[derive(Debug, Default)]
pub(crate) struct Mistakes {
    errors: Vec<Error>,
    found: usize,
}

impl Mistakes {
    /// Notes one mistake. The hint says what to do.
    pub(crate) fn add(
        &mut self,
        code: Code,
        place: Place,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.push(Error::new(code, message).place(place).hint(hint));
    }

    /// Notes one mistake that is an error already, with those that it carries.
    pub(crate) fn push(&mut self, error: Error) {
        self.found += 1;
        if self.errors.len() < MOST {
            self.errors.push(error);
        }
    }

    /// How many there are: to see whether a step added some.
    pub(crate) fn count(&self) -> usize {
        self.found
    }

    /// Every mistake by itself, in the order of files, lines and columns.
    pub(crate) fn told(self) -> Vec<Error> {
        Error::in_order(self.errors)
    }
}
