//! Records and unions inside a contract.

use super::{RawField, names};
use crate::model::{Element, Field, Type};
use crate::report::Report;
use crate::yaml_tree::Spot;
use staunch_types::codes;

/// How deep types may nest: every reader and writer of values goes down by recursion.
pub(crate) const DEEPEST: usize = 16;

/// More branches than this have no place in one byte beside the marks of other systems.
const BRANCHES: usize = 100;

/// Reports a type that is nested too deep.
pub(crate) fn too_deep(at: Spot, report: &mut Report<'_>) {
    let message = format!("types are nested more than {DEEPEST} deep");
    report.add(codes::CONTRACT, at, message, "flatten the inner records into fields");
}

/// A record of these fields inside a contract.
pub(crate) fn record(fields: Vec<RawField>, at: Spot, report: &mut Report<'_>) -> Option<Type> {
    names::check_fields(&fields, report);
    if fields.is_empty() {
        let hint = "give it at least one: {record: {name: TYPE}}";
        report.add(codes::CONTRACT, at, "the record has no fields", hint);
        return None;
    }
    for field in &fields {
        let name = &field.name.text;
        if let Some(pii) = field.pii.first() {
            let message = format!("the PII class of `{name}` stands inside a nested type");
            let hint = "treatment is per field of the contract: put `pii:` at the outermost field, or select the part as a field of its own";
            report.add(codes::CONTRACT, pii.spot, message, hint);
        }
        if let Some(raw) = field.constraints.first() {
            let message = format!("`{}` of `{name}` stands inside a nested type", raw.key.text);
            let hint = "constraints are those of the contract's own fields: select the part as one in a stage, and constrain that";
            report.add(codes::CONTRACT, raw.key.spot, message, hint);
        }
    }
    let wanted = fields.len();
    let plain = fields.into_iter().map(|f| RawField { constraints: Vec::new(), ..f });
    let fields: Vec<Field> = plain.filter_map(|f| f.finish(report)).collect();
    (fields.len() == wanted).then_some(Type::Record(fields))
}

/// A branch of a union as it was written: where, and `None` if it could not be read or is null.
pub(crate) enum Part {
    /// `null`
    Null,
    /// Something else; what could not be read has been reported.
    Other(Spot, Option<Element>),
}

/// The union of these branches, and whether null is one of them. Null and one other branch are that branch, which may be missing.
pub(crate) fn union(parts: Vec<Part>, at: Spot, report: &mut Report<'_>) -> Option<Element> {
    let nulls = parts.iter().filter(|p| matches!(p, Part::Null)).count();
    if nulls > 1 {
        report.add(codes::DUPLICATE_NAME, at, "`null` stands in the union twice", "keep one of the two");
    }
    let wanted = parts.len() - nulls;
    let mut branches: Vec<(Spot, Element)> = Vec::new();
    for part in parts {
        if let Part::Other(spot, Some(element)) = part {
            branches.push((spot, element));
        }
    }
    let mut good = branches.len() == wanted;
    if wanted == 0 || wanted > BRANCHES {
        let message = format!("a union has 1 to {BRANCHES} branches beside null");
        report.add(codes::CONTRACT, at, message, "write {union: [long, string]}");
        good = false;
    }
    if let [(_, only)] = &branches[..]
        && wanted == 1
        && nulls == 1
    {
        return Some(Element { nullable: true, ..only.clone() });
    }
    if wanted == 1 && nulls == 0 {
        report.add(codes::CONTRACT, at, "the union has one branch alone", "write its type without a union");
        good = false;
    }
    for (i, (spot, branch)) in branches.iter().enumerate() {
        let name = branch.branch();
        if branch.nullable {
            let hint = "let the whole union be missing: union?, or a branch `null`";
            report.add(codes::CONTRACT, *spot, "a branch of a union may be missing", hint);
            good = false;
        }
        if matches!(branch.ty, Type::Union(_)) {
            let hint = "write the branches of both into one";
            report.add(codes::CONTRACT, *spot, "a union stands directly in a union", hint);
            good = false;
        }
        if branch.avro.is_named(&branch.ty) && branch.avro.name.is_none() {
            let message =
                format!("a branch that is {} needs a name", article(branch.avro.carrier(&branch.ty)));
            let hint = "values of it are told apart by that: {record: {...}, name: Street}";
            report.add(codes::CONTRACT, *spot, message, hint);
            good = false;
        } else if branches[..i].iter().any(|(_, other)| other.branch() == name) {
            let message = format!("two branches of the union are `{name}` to Avro");
            let hint = "keep one of them: Avro tells branches apart by the name of their base type";
            report.add(codes::DUPLICATE_NAME, *spot, message, hint);
            good = false;
        }
    }
    let branches = branches.into_iter().map(|(_, branch)| branch).collect();
    good.then(|| Element::new(Type::Union(branches), nulls > 0))
}

fn article(word: &str) -> String {
    let article = if word.starts_with(['a', 'e']) { "an" } else { "a" };
    format!("{article} {word}")
}
