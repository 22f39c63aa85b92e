//! Constraints, compared: a tighter one turns rows that were good into dead letters.

use super::{Change, Verdict, Verdicts, What};
use crate::constraints::{Constraints, Literal};

/// Which side takes less.
enum Tighter {
    New,
    Old,
    /// Nobody can tell.
    Either,
}

/// The constraints of a field that is in both contracts.
pub(super) fn compare(path: &str, old: &Constraints, new: &Constraints, out: &mut Vec<Change>) {
    let mut push = |attribute: &'static str, from: Option<String>, to: Option<String>, tighter: Tighter| {
        if from == to {
            return;
        }
        let some = || Verdict::Partly(format!("what breaks `{attribute}` becomes a dead letter"));
        let (new_reads_old, old_reads_new) = match tighter {
            Tighter::New => (some(), Verdict::Reads),
            Tighter::Old => (Verdict::Reads, some()),
            Tighter::Either => (some(), some()),
        };
        out.push(Change {
            path: path.to_owned(),
            what: What::Constraint,
            attribute: Some(attribute),
            from,
            to,
            verdicts: Verdicts { new_reads_old, old_reads_new },
        });
    };
    let text = |literal: &Option<Literal>| literal.as_ref().map(|l| l.text().to_owned());
    let number = |n: &Option<u64>| n.map(|n| n.to_string());
    // Of two ranges of one type the higher minimum takes less; literals of two types are not compared.
    let above = |a: &Option<Literal>, b: &Option<Literal>| match (a, b) {
        (Some(a), Some(b)) => a.is_above(b),
        (Some(_), None) => true,
        _ => false,
    };
    let tighter = |new: bool| if new { Tighter::New } else { Tighter::Old };
    push("min", text(&old.min), text(&new.min), tighter(above(&new.min, &old.min)));
    let max = match (&old.max, &new.max) {
        (Some(old), Some(new)) => old.is_above(new),
        (old, _) => old.is_none(),
    };
    push("max", text(&old.max), text(&new.max), tighter(max));
    push(
        "min_length",
        number(&old.min_length),
        number(&new.min_length),
        tighter(new.min_length > old.min_length),
    );
    let longest = |n: &Option<u64>| n.unwrap_or(u64::MAX);
    let shorter = longest(&new.max_length) < longest(&old.max_length);
    push("max_length", number(&old.max_length), number(&new.max_length), tighter(shorter));
    let pattern = match (&old.pattern, &new.pattern) {
        (None, _) => Tighter::New,
        (_, None) => Tighter::Old,
        _ => Tighter::Either,
    };
    push("pattern", old.pattern.clone(), new.pattern.clone(), pattern);
    let values = |all: &Option<Vec<Literal>>| all.as_ref().map(|all| format!("{} values", all.len()));
    let lacks = |a: &Option<Vec<Literal>>, b: &Option<Vec<Literal>>| match (a, b) {
        (Some(a), Some(b)) => b.iter().any(|value| !a.iter().any(|other| other.is_same(value))),
        (a, _) => a.is_some(),
    };
    let (new_lacks, old_lacks) = (lacks(&new.one_of, &old.one_of), lacks(&old.one_of, &new.one_of));
    let (from, mut to) = (values(&old.one_of), values(&new.one_of));
    if from == to && (new_lacks || old_lacks) {
        to = to.map(|text| format!("{text}, others"));
    }
    push(
        "one_of",
        from,
        to,
        match (new_lacks, old_lacks) {
            (true, true) => Tighter::Either,
            (true, false) => Tighter::New,
            _ => Tighter::Old,
        },
    );
    let yes = |unique: bool| unique.then(|| "yes".to_owned());
    push("unique", yes(old.unique), yes(new.unique), tighter(new.unique));
}
