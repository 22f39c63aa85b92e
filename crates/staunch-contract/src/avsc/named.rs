//! The named types of one schema while it is read.

use crate::model::Element;
use std::collections::BTreeMap;

/// What a name stands for.
pub(super) enum Known {
    /// A type whose definition is not over: a use of it is a recursion.
    Open,
    /// A whole type; `None` if it could not be read, which has been reported.
    Whole(Option<Element>),
}

/// Parts of types that may be written out for types that are used by their names.
const UNFOLDED: usize = 10_000;

/// Names, and the namespace of the place at hand.
#[derive(Default)]
pub(super) struct Names {
    known: BTreeMap<String, Known>,
    space: Vec<String>,
    unfolded: usize,
}

impl Names {
    /// The full name of `name`, in `namespace` if one is given and else in the one around.
    pub(super) fn full(&self, name: &str, namespace: Option<&str>) -> String {
        if name.contains('.') {
            return name.to_owned();
        }
        match namespace.or(self.space.last().map(String::as_str)) {
            Some(space) if !space.is_empty() => format!("{space}.{name}"),
            _ => name.to_owned(),
        }
    }

    /// What a name means where it is used: in the namespace around, else without one.
    pub(super) fn find(&self, name: &str) -> Option<&Known> {
        self.known.get(&self.full(name, None)).or_else(|| self.known.get(name))
    }

    /// Counts parts that are written out once more; whether that is still allowed.
    pub(super) fn spend(&mut self, parts: usize) -> bool {
        self.unfolded = self.unfolded.saturating_add(parts);
        self.unfolded <= UNFOLDED
    }

    /// Opens a definition; whether there was none of that name.
    pub(super) fn open(&mut self, full: &str) -> bool {
        let space = full.rsplit_once('.').map_or("", |(space, _)| space);
        self.space.push(space.to_owned());
        self.known.insert(full.to_owned(), Known::Open).is_none()
    }

    /// Ends the definition.
    pub(super) fn close(&mut self, full: &str, element: Option<&Element>) {
        self.space.pop();
        self.known.insert(full.to_owned(), Known::Whole(element.cloned()));
    }
}
