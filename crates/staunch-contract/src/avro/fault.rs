//! Why a value cannot be read or written: collected on the way out, so that the way in costs nothing.

use staunch_types::{Code, Error, Place};
use std::borrow::Cow;

/// What went wrong, and where inside a value. It never holds a part of the value.
#[derive(Debug)]
pub struct Fault {
    why: Cow<'static, str>,
    /// The byte of the input, where there is one.
    at: Option<usize>,
    /// From the inside to the outside.
    path: Vec<String>,
    /// The value is well formed, but not one of the reader's.
    unfit: bool,
    /// The value is more than it may be.
    beyond: bool,
}

/// What can end in a [`Fault`]; boxed, because values are many and faults are few.
pub type Fallible<T> = Result<T, Box<Fault>>;

impl Fault {
    pub(super) fn new(why: impl Into<Cow<'static, str>>) -> Box<Self> {
        Box::new(Self { why: why.into(), at: None, path: Vec::new(), unfit: false, beyond: false })
    }

    pub(super) fn at(why: impl Into<Cow<'static, str>>, at: usize) -> Box<Self> {
        Box::new(Self { why: why.into(), at: Some(at), path: Vec::new(), unfit: false, beyond: false })
    }

    /// The same inside `step`, the name of a field or `[]`.
    pub(super) fn inside(mut self: Box<Self>, step: &str) -> Box<Self> {
        self.path.push(step.to_owned());
        self
    }

    /// The same of a value that is well formed, but not one of the reader's.
    pub(super) fn unfit(mut self: Box<Self>) -> Box<Self> {
        self.unfit = true;
        self
    }

    /// The same of a value that goes beyond a limit.
    pub(super) fn beyond(mut self: Box<Self>) -> Box<Self> {
        self.beyond = true;
        self
    }

    /// Whether the value goes beyond a limit: it may be well formed.
    #[must_use]
    pub fn is_beyond(&self) -> bool {
        self.beyond
    }

    pub(super) fn is_unfit(&self) -> bool {
        self.unfit
    }

    /// The error for the outside.
    pub(super) fn error(&self, code: Code, hint: &str) -> Error {
        let mut why = self.why.to_string();
        if let Some(at) = self.at {
            why.push_str(&format!(", at byte {at}"));
        }
        let path: Vec<&str> = self.path.iter().rev().map(String::as_str).collect();
        let field = (!path.is_empty()).then(|| path.join("/"));
        Error::new(code, why).place(Place { field, ..Place::default() }).hint(hint)
    }

    /// The reason alone.
    #[must_use]
    pub fn why(&self) -> &str {
        &self.why
    }

    /// The byte of the input.
    #[must_use]
    pub fn byte(&self) -> Option<usize> {
        self.at
    }
}
