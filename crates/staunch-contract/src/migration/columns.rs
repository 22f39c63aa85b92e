//! Rows that lie in columns: tables, and files.

use super::{Format, Judgement, Keyed, Move, Obstacle, Outcome, Step, fills, note};
use crate::diff::{Change, Verdict, What};
use crate::model::{Contract, Field, Type};

/// A table is altered.
pub(super) fn table(moved: &Move<'_>, keyed: Keyed, promised: bool) -> Judgement {
    let (mut steps, mut found) = (Vec::new(), Found::default());
    for change in moved.diff.counting() {
        found.notes.extend(note(change));
        match change.what {
            What::Added if !nested(change) => match moved.new.field(&change.path) {
                Some(field) if field.nullable || fills(field) || !promised => {
                    steps.push(Step::Add(Box::new(column(field, promised))));
                }
                _ => found.refuse(
                    change,
                    "the rows that are there have no value for it",
                    &[GIVE_DEFAULT, MAY_BE_NULL],
                ),
            },
            What::Removed if !nested(change) => steps.push(Step::Retire(change.path.clone())),
            What::Renamed if !nested(change) => {
                let from = change.from.clone().unwrap_or_default();
                steps.push(Step::Rename { from, to: change.path.clone() });
            }
            What::Widened | What::Narrowed | What::Type if !nested(change) => {
                match (&change.verdicts.new_reads_old, types(moved, &change.path)) {
                    (Verdict::Reads, Some((from, to))) => {
                        steps.push(Step::Retype { field: change.path.clone(), from, to });
                    }
                    (verdict, _) => found.refuse(change, &cause(verdict), &[ANOTHER_FIELD, SELECT, REFRESH]),
                }
            }
            What::Nullable if relaxes(change) => {
                if !nested(change) {
                    steps.push(Step::Relax(change.path.clone()));
                }
            }
            What::Key if keyed == Keyed::Yes && !same_key(moved) => found.refuse(
                change,
                "the rows that are there are found by the old key",
                &["write to another table", REFRESH],
            ),
            // How Avro carries a type, and what a record is called, is nothing to a table.
            What::Avro
            | What::Key
            | What::EventTime
            | What::Order
            | What::Default
            | What::Pii
            | What::Constraint => {}
            _ => found.common(change, promised),
        }
    }
    found.exchanged(&steps);
    // A name must be free before a new column takes it.
    steps.sort_by_key(|step| !matches!(step, Step::Rename { .. }));
    match steps.is_empty() {
        true => found.or(Outcome::Stays),
        false => found.or(Outcome::Altered(steps)),
    }
}

/// Files stay, and are read beside those to come.
pub(super) fn files(moved: &Move<'_>, format: Format, promised: bool) -> Judgement {
    let mut found = Found::default();
    let mut resolved = false;
    let declared = promised;
    // What a query implies about nulls stands in the schema of the file, and is a promise to its readers.
    let promised = promised || format == Format::Avro;
    for change in moved.diff.counting() {
        found.notes.extend(note(change));
        let reads = &change.verdicts.new_reads_old;
        match (format, change.what) {
            (_, What::Key | What::EventTime | What::Order | What::Pii | What::Constraint | What::Default) => {
            }
            (_, What::Nullable) if relaxes(change) => {}
            (_, What::Removed) => {
                // A branch of a union; of a field that is gone, nothing is asked.
                if matches!(reads, Verdict::No(_)) {
                    found.refuse(change, &cause(reads), &[KEEP, SELECT]);
                }
            }
            (Format::Avro, What::Avro) if change.path.is_empty() && !declared => {}
            (Format::Avro, What::Nullable) => found.common(change, promised),
            (Format::Avro, _) => match reads {
                Verdict::Reads => resolved = true,
                verdict => found.refuse(change, &cause(verdict), ways(change.what)),
            },
            (_, What::Avro) => {}
            (_, What::Added) if change.path.ends_with(')') => found.refuse(
                change,
                "how a value of a union stands in JSON depends on all of its branches",
                &[ANOTHER_FIELD, REFRESH],
            ),
            (_, What::Added) => match may_lack(moved.new, change) || (!promised && !nested(change)) {
                true => found.notes.push(format!(
                    "`{}` is null for whoever reads the older files, which do not have it",
                    change.path
                )),
                false => found.refuse(
                    change,
                    &format!(
                        "the files that are there have no such column, and a default fills no gap in {}",
                        format.word()
                    ),
                    &[MAY_BE_NULL, REFRESH],
                ),
            },
            (_, What::Renamed) => {
                let cause = format!(
                    "the files that are there call it `{}`, and {} knows no aliases",
                    change.from.as_deref().unwrap_or_default(),
                    format.word()
                );
                found.refuse(
                    change,
                    &cause,
                    &["write it under its old name: `SELECT ... AS` in a stage", REFRESH],
                );
            }
            (_, What::Widened | What::Narrowed | What::Type) => widened(moved, format, change, &mut found),
            _ => found.common(change, promised),
        }
    }
    match resolved {
        true => found.or(Outcome::OnRead(
            "Avro resolves the schema that each file was written with to that of the reader".to_owned(),
        )),
        false => found.or(Outcome::Stays),
    }
}

/// Another type in files of which each has its own: fit to be read together only if no reader changes a value.
fn widened(moved: &Move<'_>, format: Format, change: &Change, found: &mut Found) {
    let reads = &change.verdicts.new_reads_old;
    if *reads != Verdict::Reads {
        return found.refuse(change, &cause(reads), &[ANOTHER_FIELD, SELECT, REFRESH]);
    }
    use Type as T;
    let types = types(moved, &change.path);
    match (format, types) {
        (_, Some((T::Uuid, T::String))) => {}
        (_, Some((T::Decimal { .. }, T::Decimal { .. }))) | (_, Some((T::Int, T::Long) | (T::Float, T::Double)))
            if format == Format::Parquet =>
        {
            found.notes.push(format!(
                "`{}` is of two types in the folder: read the files by name with the wider one (a reader that takes the types of the first file fails at values that need it)",
                change.path
            ));
        }
        (Format::Json, Some((T::Decimal { .. }, T::Decimal { .. }))) => {}
        // A number of JSON has no type but what its reader gives it.
        (Format::Json, Some((T::Int, T::Long | T::Float | T::Double) | (T::Long, T::Float | T::Double) | (T::Float, T::Double))) => {}
        (Format::Parquet, Some((T::Int | T::Long, T::Float | T::Double))) => found.refuse(
            change,
            "a reader that takes the types of the first file would round the new values to whole numbers without a word",
            &[ANOTHER_FIELD, REFRESH],
        ),
        _ => {
            let cause = format!("files of two kinds would lie side by side, which no reader of {} resolves", format.word());
            found.refuse(change, &cause, &[ANOTHER_FIELD, REFRESH]);
        }
    }
}

const GIVE_DEFAULT: &str = "give it a `default:`";
const MAY_BE_NULL: &str = "let it be null (`?`)";
const KEEP: &str = "keep it as it is";
const ANOTHER_FIELD: &str = "keep the field as it is and add one of another name";
const ALIAS: &str = "if it is an old field under another name, name that in `aliases:`";
const SELECT: &str = "turn it back in a stage before the write (`SELECT CAST(...)`)";
const REFRESH: &str = "run with --full-refresh, which writes everything anew";

fn ways(what: What) -> &'static [&'static str] {
    match what {
        What::Added => &[GIVE_DEFAULT, MAY_BE_NULL, ALIAS],
        What::Symbols => &["keep the symbols", "give the enum a `default:`", REFRESH],
        What::Avro => &["name the old one in `aliases:`", REFRESH],
        _ => &[ANOTHER_FIELD, SELECT, REFRESH],
    }
}

/// What was found so far.
#[derive(Default)]
struct Found {
    obstacles: Vec<Obstacle>,
    notes: Vec<String>,
}

impl Found {
    fn refuse(&mut self, change: &Change, cause: &str, ways: &[&str]) {
        self.obstacles.push(Obstacle {
            field: change.path.clone(),
            cause: format!("{change}: {cause}"),
            way_out: ways.join("; or "),
        });
    }

    /// What is the same for all rows in columns.
    fn common(&mut self, change: &Change, promised: bool) {
        match change.what {
            What::Nullable if promised => self.refuse(
                change,
                "rows that are there may hold a null",
                &["let it stay nullable, and drop the nulls in a stage", ANOTHER_FIELD, REFRESH],
            ),
            What::Nullable => {}
            What::Symbols if drops(change) => self.refuse(
                change,
                "rows that are there may hold a symbol that is gone",
                &["keep the symbols, and stop writing them", REFRESH],
            ),
            What::Symbols => {}
            _ => match &change.verdicts.new_reads_old {
                Verdict::Reads => {}
                verdict => self.refuse(change, &cause(verdict), ways(change.what)),
            },
        }
    }

    /// A name that a renamed column takes must have been free.
    fn exchanged(&mut self, steps: &[Step]) {
        for step in steps {
            let Step::Rename { from, to } = step else { continue };
            let taken = steps.iter().any(|other| match other {
                Step::Rename { from, .. } | Step::Retire(from) => from == to,
                _ => false,
            });
            if taken {
                self.obstacles.push(Obstacle {
                    field: to.clone(),
                    cause: format!(
                        "renamed: {from} → {to}: the table has a column `{to}` already, of another field"
                    ),
                    way_out: format!("choose a name that was never used; or {REFRESH}"),
                });
            }
        }
    }

    fn or(self, outcome: Outcome) -> Judgement {
        let outcome = match self.obstacles.is_empty() {
            true => outcome,
            false => Outcome::Refused(self.obstacles),
        };
        Judgement { outcome, notes: self.notes }
    }
}

/// Whether the change is one of a part inside a field.
fn nested(change: &Change) -> bool {
    change.path.contains(['.', '[', '{', '('])
}

fn relaxes(change: &Change) -> bool {
    change.to.as_deref() == Some("may be null")
}

/// Whether an enum has fewer symbols.
fn drops(change: &Change) -> bool {
    change.to.as_deref().is_some_and(|words| words.split(", ").any(|word| word.starts_with('-')))
}

fn cause(verdict: &Verdict) -> String {
    verdict.reason().unwrap_or("it is another thing").to_owned()
}

/// Whether a field that was added may be missing, at whatever depth.
fn may_lack(new: &Contract, change: &Change) -> bool {
    match new.field(&change.path) {
        Some(field) => field.nullable,
        None => change.to.as_deref().is_some_and(|to| {
            to.ends_with('?')
                || ["{array?", "{map?", "{record?", "{union?"].iter().any(|mark| to.starts_with(mark))
        }),
    }
}

/// A column as it is added: what a query implies about new rows is no promise about those that are there.
fn column(field: &Field, promised: bool) -> Field {
    let nullable = field.nullable || (!promised && !fills(field));
    Field { nullable, ..field.clone() }
}

/// The types of a field before and after.
fn types(moved: &Move<'_>, path: &str) -> Option<(Type, Type)> {
    Some((moved.before(path)?.ty.clone(), moved.new.field(path)?.ty.clone()))
}

fn same_key(moved: &Move<'_>) -> bool {
    let mut now: Vec<&str> =
        moved.new.key.iter().filter_map(|name| Some(moved.before(name)?.name.as_str())).collect();
    let mut was: Vec<&str> = moved.old.key.iter().map(String::as_str).collect();
    now.sort_unstable();
    was.sort_unstable();
    now == was
}
