//! The one error of Staunch: what went wrong, where, and what to do about it.

use crate::codes::{self, Code, Kind, Verdict};
use std::fmt;
use std::path::PathBuf;

/// The result of everything that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where something is wrong. Every part is optional; what is known is filled in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file: of the project, or of data.
    pub file: Option<PathBuf>,
    /// The line, from 1.
    pub line: Option<u64>,
    /// The column in characters, from 1.
    pub column: Option<u64>,
    /// How many characters the place covers, where that is known.
    pub length: Option<u64>,
    /// The stage.
    pub stage: Option<String>,
    /// The field of the contract.
    pub field: Option<String>,
}

impl Place {
    /// A place in a file.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), ..Self::default() }
    }

    /// The same place, with line and column (both from 1).
    #[must_use]
    pub fn at(mut self, line: u64, column: u64) -> Self {
        self.line = Some(line);
        self.column = Some(column);
        self
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(file) = &self.file {
            let mut text = file.display().to_string();
            if let Some(line) = self.line {
                text.push_str(&format!(":{line}"));
                if let Some(column) = self.column {
                    text.push_str(&format!(":{column}"));
                }
            }
            parts.push(text);
        }
        if let Some(stage) = &self.stage {
            parts.push(format!("stage `{stage}`"));
        }
        if let Some(field) = &self.field {
            parts.push(format!("field `{field}`"));
        }
        f.write_str(&parts.join(", "))
    }
}

/// What went wrong, for a person and for a program.
///
/// The code is stable and has a page in `docs/errors/`; the message is a lower-case fragment that may change.
/// Neither message nor hint ever quotes data that may be personal: the texts of libraries that do so are
/// not passed on.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: String,
    place: Place,
    hint: Option<String>,
    cause: Option<String>,
    more: Vec<Error>,
}

impl Error {
    /// An error of this code.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            code,
            message: message.into(),
            place: Place::default(),
            hint: None,
            cause: None,
            more: Vec::new(),
        }))
    }

    /// An error of the operating system at a file: the code says whether the environment is to be mended. A sync that failed
    /// ([`crate::unsynced`]) has the code `Disk.Unsynced`, whatever was being done: nobody may try it again.
    #[must_use]
    pub fn io(code: Code, doing: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        let code = if crate::fs::is_unsynced(error) { codes::UNSYNCED } else { code };
        Self::new(code, format!("cannot {doing}")).place(Place::file(path)).cause(error.to_string())
    }

    /// Several errors as one: the first leads, the others follow in [`Error::all`]. `None` for none.
    #[must_use]
    pub fn many(mut errors: Vec<Error>) -> Option<Self> {
        if errors.is_empty() {
            return None;
        }
        let mut first = errors.remove(0);
        first.0.more.extend(errors);
        Some(first)
    }

    /// Each error by itself, with those that were found with it, in the order of files, lines and columns. The same mistake found
    /// twice (through an alias, or by two stages) is told once.
    #[must_use]
    pub fn in_order(errors: Vec<Error>) -> Vec<Error> {
        let mut each = Vec::new();
        errors.into_iter().for_each(|error| error.unpack(&mut each));
        let key = |e: &Error| {
            let place = e.where_();
            (place.file.clone(), place.line, place.column, e.code().name, e.message().to_owned())
        };
        each.sort_by_cached_key(key);
        each.dedup_by_key(|e| key(e));
        each
    }

    fn unpack(mut self, into: &mut Vec<Error>) {
        let more = std::mem::take(&mut self.0.more);
        into.push(self);
        more.into_iter().for_each(|error| error.unpack(into));
    }

    /// Sets the place.
    #[must_use]
    pub fn place(mut self, place: Place) -> Self {
        self.0.place = place;
        self
    }

    /// Sets the stage of this error and of those found with it, keeping the rest of the place.
    #[must_use]
    pub fn stage(mut self, stage: &str) -> Self {
        for error in std::iter::once(&mut self.0.place).chain(self.0.more.iter_mut().map(|e| &mut e.0.place))
        {
            error.stage.get_or_insert_with(|| stage.to_owned());
        }
        self
    }

    /// Sets the field, keeping the rest of the place.
    #[must_use]
    pub fn field(mut self, field: &str) -> Self {
        self.0.place.field = Some(field.to_owned());
        self
    }

    /// What to do next, in one sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// What a library or the operating system said, where that quotes no data.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What the caller should do about it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.code.kind
    }

    /// Whether trying again can help.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.0.code.verdict
    }

    /// The message alone.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it is.
    #[must_use]
    pub fn where_(&self) -> &Place {
        &self.0.place
    }

    /// What to do next.
    #[must_use]
    pub fn next_step(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// What lies below.
    #[must_use]
    pub fn caused_by(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// This error and those that were found with it.
    pub fn all(&self) -> impl Iterator<Item = &Error> {
        std::iter::once(self).chain(self.0.more.iter().flat_map(|e| e.all_boxed()))
    }

    fn all_boxed(&self) -> Box<dyn Iterator<Item = &Error> + '_> {
        Box::new(self.all())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name, self.0.message)?;
        let place = self.0.place.to_string();
        if !place.is_empty() {
            write!(f, " ({place})")?;
        }
        if let Some(cause) = &self.0.cause {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")?;
        if let Some(hint) = &self.0.hint {
            write!(f, "; {hint}")?;
        }
        for other in &self.0.more {
            write!(f, "\n{other:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_that_failed_has_a_code_of_its_own_whoever_meets_it() {
        let path = std::path::Path::new("x");
        let full = || std::io::Error::from(std::io::ErrorKind::StorageFull);
        let plain = Error::io(codes::STORE, "write", path, &full());
        let unsynced = Error::io(codes::STORE, "write", path, &crate::unsynced(full()));
        assert_eq!((plain.code(), unsynced.code()), (codes::STORE, codes::UNSYNCED));
        assert!(unsynced.to_string().contains("no storage space"), "{unsynced}");
        assert_eq!(crate::unsynced(full()).kind(), std::io::ErrorKind::StorageFull);
    }

    #[test]
    fn errors_are_told_in_the_order_of_their_places_and_once() {
        let at = |file: &str, line, message: &str| {
            Error::new(codes::YAML, message).place(Place::file(file).at(line, 1))
        };
        let with = Error::many(vec![at("b", 9, "b9"), at("a", 2, "a2")]).unwrap();
        let told = Error::in_order(vec![at("b", 1, "b1"), with, at("a", 2, "a2"), at("a", 2, "other")]);
        let words: Vec<&str> = told.iter().map(Error::message).collect();
        assert_eq!(words, ["a2", "other", "b1", "b9"]);
        assert!(told.iter().all(|e| e.all().count() == 1));
    }
}
