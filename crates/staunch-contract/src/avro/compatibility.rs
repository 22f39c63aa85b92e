//! Whether a reader's schema reads whatever a writer's schema wrote; and whether a new version may follow the old ones.
//!
//! The verdicts, kinds, locations and messages are those of Apache's `SchemaCompatibility` (Java), so that they can be searched for and
//! compared; the hints are ours. Two things differ: a pair of types that occurs at several places is reported at the first one only, and a
//! pair of recursive types that was tried as a branch of a union and failed leaves no wrong verdict behind.

use super::matching::{self, Asked, Verdicts};
use super::schema::{Kind, NodeId, Schema};
use staunch_types::Result;
use std::collections::HashSet;
use std::fmt;

/// Why a reader may fail on what a writer wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IncompatibilityKind {
    /// Records, enums or fixeds have different names, and no alias.
    NameMismatch,
    /// Fixeds have different sizes.
    FixedSizeMismatch,
    /// The writer has symbols that the reader does not know.
    MissingEnumSymbols,
    /// The reader has a field that the writer does not write, and no default for it.
    ReaderFieldMissingDefaultValue,
    /// The types do not fit.
    TypeMismatch,
    /// The writer's type fits no branch of the reader's union.
    MissingUnionBranch,
}

impl IncompatibilityKind {
    /// The word of Apache's Java.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NameMismatch => "NAME_MISMATCH",
            Self::FixedSizeMismatch => "FIXED_SIZE_MISMATCH",
            Self::MissingEnumSymbols => "MISSING_ENUM_SYMBOLS",
            Self::ReaderFieldMissingDefaultValue => "READER_FIELD_MISSING_DEFAULT_VALUE",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::MissingUnionBranch => "MISSING_UNION_BRANCH",
        }
    }
}

/// One reason why a reader may fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incompatibility {
    /// What kind of reason.
    pub kind: IncompatibilityKind,
    /// Where: a JSON pointer into the reader's schema (through a union of the writer, the number of its branch); `/` is the root.
    pub location: String,
    /// Apache's message.
    pub message: String,
    /// The way out.
    pub hint: String,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.kind.word(), self.location, self.message)
    }
}

/// Why `reader` may fail to read what was written under `writer`; nothing if it always succeeds.
///
/// # Errors
/// `ST0033` if the schemas are too large to be compared.
pub fn incompatibilities(reader: &Schema, writer: &Schema) -> Result<Vec<Incompatibility>> {
    reasons(reader, writer, Asked::Always)
}

/// Why `reader` can never read what was written under `writer`; nothing if some values may be read. Unlike [`incompatibilities`] it leaves to the
/// values what depends on them: a null, a branch of a union or a symbol of an enum that the reader does not know is told only if that is
/// all there could be.
///
/// # Errors
/// `ST0033` if the schemas are too large to be compared.
pub fn obstacles(reader: &Schema, writer: &Schema) -> Result<Vec<Incompatibility>> {
    reasons(reader, writer, Asked::Ever)
}

fn reasons(reader: &Schema, writer: &Schema, reads: Asked) -> Result<Vec<Incompatibility>> {
    let verdicts = Verdicts::new(reader, writer, reads)?;
    let (steps, seen, found) = (Vec::new(), HashSet::new(), Vec::new());
    let mut report = Report { reader, writer, reads, verdicts, steps, seen, found };
    report.run();
    Ok(report.found)
}

/// A step of a location; the steps form a tree, since deep schemas share long beginnings.
struct Step {
    before: Option<usize>,
    word: String,
}

enum Work {
    Compare(NodeId, NodeId, Option<usize>),
    Tell(IncompatibilityKind, Option<usize>, String, String),
}

struct Report<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    reads: Asked,
    verdicts: Verdicts<'s>,
    steps: Vec<Step>,
    seen: HashSet<(NodeId, NodeId)>,
    found: Vec<Incompatibility>,
}

/// Reasons told at once.
const REASONS_MAX: usize = 1000;

impl<'s> Report<'s> {
    /// Depth first without a call stack: a chain of named types may be as long as the text.
    fn run(&mut self) {
        let mut stack = vec![Work::Compare(self.reader.root(), self.writer.root(), None)];
        while let Some(work) = stack.pop() {
            if self.found.len() >= REASONS_MAX {
                return;
            }
            match work {
                Work::Compare(r, w, at) => {
                    if !self.verdicts.fits(r, w) && self.seen.insert((r, w)) {
                        stack.extend(self.compare(r, w, at).into_iter().rev());
                    }
                }
                Work::Tell(kind, at, message, hint) => {
                    let location = self.location(at);
                    self.found.push(Incompatibility { kind, location, message, hint });
                }
            }
        }
    }

    fn step(&mut self, before: Option<usize>, word: impl Into<String>) -> Option<usize> {
        self.steps.push(Step { before, word: word.into() });
        Some(self.steps.len() - 1)
    }

    fn location(&self, mut at: Option<usize>) -> String {
        let mut words = Vec::new();
        while let Some(step) = at.and_then(|n| self.steps.get(n)) {
            words.push(step.word.as_str());
            at = step.before;
        }
        words.reverse();
        format!("/{}", words.join("/"))
    }

    /// The reasons and parts of a pair that does not fit, in order.
    fn compare(&mut self, r: NodeId, w: NodeId, at: Option<usize>) -> Vec<Work> {
        use IncompatibilityKind as K;
        // The schemas are not part of `self`: their borrows do not stand in the way of its steps.
        let (readers, writers): (&'s Schema, &'s Schema) = (self.reader, self.writer);
        let (reader, writer) = (readers.kind(r), writers.kind(w));
        let mut work = Vec::new();
        match (reader, writer) {
            (Kind::Union(_), Kind::Union(branches)) => {
                for (number, branch) in matching::asked(writers, branches, self.reads) {
                    if self.verdicts.fits(r, branch) {
                        continue;
                    }
                    let at = self.step(at, number.to_string());
                    work.push(missing_branch(writers.kind(branch), at));
                }
            }
            (_, Kind::Union(branches)) => {
                for (number, branch) in matching::asked(writers, branches, self.reads) {
                    let at = self.step(at, number.to_string());
                    work.push(Work::Compare(r, branch, at));
                }
            }
            (Kind::Union(_), other) => work.push(missing_branch(other, at)),
            (Kind::Array(r), Kind::Array(w)) => work.push(Work::Compare(*r, *w, self.step(at, "items"))),
            (Kind::Map(r), Kind::Map(w)) => work.push(Work::Compare(*r, *w, self.step(at, "values"))),
            (Kind::Fixed(r), Kind::Fixed(w)) => {
                work.extend(self.names(reader, writer, at));
                if r.size != w.size {
                    let at = self.step(at, "size");
                    let message = format!("expected: {}, found: {}", w.size, r.size);
                    let hint = "a fixed keeps its size for ever: add a field of another fixed".to_owned();
                    work.push(Work::Tell(K::FixedSizeMismatch, at, message, hint));
                }
            }
            (Kind::Enum(r), Kind::Enum(w)) => {
                work.extend(self.names(reader, writer, at));
                let missing = matching::missing_symbols(r, w);
                if !missing.is_empty() {
                    let at = self.step(at, "symbols");
                    let message = format!("[{}]", missing.join(", "));
                    let hint = "add the symbols to the reader, or give its enum a default".to_owned();
                    work.push(Work::Tell(K::MissingEnumSymbols, at, message, hint));
                }
            }
            (Kind::Record(r), Kind::Record(w)) => {
                work.extend(self.names(reader, writer, at));
                let fields = self.step(at, "fields");
                for (number, (field, found)) in r.fields.iter().zip(matching::fields(r, w)).enumerate() {
                    let here = self.step(fields, number.to_string());
                    if let Some(theirs) = found {
                        let at = self.step(here, "type");
                        work.push(Work::Compare(field.ty, w.fields[theirs].ty, at));
                    } else if field.default.is_none() {
                        let kind = readers.kind(field.ty);
                        let hint =
                            format!("give `{}` a default, or an alias that the writer knows", field.name);
                        // Apache compares such an enum with the writer's record: the verdict is the same, the reason reads differently.
                        if matches!(kind, Kind::Enum(of) if of.default.is_some()) {
                            let message = mismatch(kind, writer);
                            let hint = format!("the default of an enum is not that of a field: {hint}");
                            let at = self.step(here, "type");
                            work.push(Work::Tell(K::TypeMismatch, at, message, hint));
                        } else {
                            work.push(Work::Tell(
                                K::ReaderFieldMissingDefaultValue,
                                here,
                                field.name.clone(),
                                hint,
                            ));
                        }
                    }
                }
            }
            _ => {
                let hint = match (reader, writer) {
                    (r, w) if matching::promotes(r, w) => {
                        format!(
                            "{} is read as {}, not the other way: keep the wider type",
                            r.word(),
                            w.word()
                        )
                    }
                    (r, Kind::Null) => {
                        format!("a value may be missing: let the reader take [\"null\", \"{}\"]", r.word())
                    }
                    _ => "keep the type, or add a field of the new one with a default".to_owned(),
                };
                let message = mismatch(reader, writer);
                work.push(Work::Tell(K::TypeMismatch, at, message, hint));
            }
        }
        work
    }

    fn names(&mut self, reader: &Kind, writer: &Kind, at: Option<usize>) -> Option<Work> {
        if matching::names_match(reader, writer) {
            return None;
        }
        let theirs = writer.name().map(|n| n.full()).unwrap_or_default();
        let at = self.step(at, "name");
        let hint = format!("give the reader's {} the alias `{theirs}`", reader.word());
        Some(Work::Tell(IncompatibilityKind::NameMismatch, at, format!("expected: {theirs}"), hint))
    }
}

fn missing_branch(writer: &Kind, at: Option<usize>) -> Work {
    let message = format!("reader union lacking writer type: {}", writer.word().to_uppercase());
    let hint = format!("add a branch to the reader's union that reads {}", writer.describe());
    Work::Tell(IncompatibilityKind::MissingUnionBranch, at, message, hint)
}

fn mismatch(reader: &Kind, writer: &Kind) -> String {
    let (r, w) = (reader.word().to_uppercase(), writer.word().to_uppercase());
    format!("reader type: {r} not compatible with writer type: {w}")
}
