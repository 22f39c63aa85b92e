//! What is wrong with the document of one contract, collected.

use crate::yaml_tree::{Document, Spot};
use staunch_types::{Code, Error, Place, codes};
use std::path::Path;

/// Collects what is wrong with one document.
pub(crate) struct Report<'a> {
    doc: &'a Document,
    errors: Vec<Error>,
}

impl<'a> Report<'a> {
    /// Reads the text as a tree, and the tree with `read`; every mistake of both at once.
    pub(crate) fn on<T>(
        text: &str,
        path: &Path,
        read: impl FnOnce(&Document, &mut Report<'_>) -> Option<T>,
    ) -> Result<T, Error> {
        let mut errors = Vec::new();
        let doc = Document::parse(text.to_owned(), path, |error| errors.push(error));
        let Some(doc) = doc else { return Err(first(errors, path)) };
        let mut report = Report { doc: &doc, errors };
        let value = read(&doc, &mut report);
        report.errors.sort_by_key(|e| (e.where_().line, e.where_().column));
        match value {
            Some(value) if report.errors.is_empty() => Ok(value),
            _ => Err(first(report.errors, path)),
        }
    }

    /// Notes a mistake.
    pub(crate) fn add(&mut self, code: Code, at: Spot, message: impl Into<String>, hint: impl Into<String>) {
        self.errors.push(Error::new(code, message).place(self.doc.place(at)).hint(hint));
    }
}

fn first(errors: Vec<Error>, path: &Path) -> Error {
    Error::many(errors).unwrap_or_else(|| {
        Error::new(codes::INTERNAL, "a document was refused without a reason")
            .place(Place::file(path))
            .hint("report this with the file")
    })
}
