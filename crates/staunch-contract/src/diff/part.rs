//! Fields and types, compared.

use super::{Change, Verdict, Verdicts, What, constraints, list, meaning, note, resolve};
use crate::model::{AvroForm, Element, Field, Order, Type};
use staunch_types::Result;

/// The fields of a contract, or of a record in it. `path` is what stands before their names.
pub(super) fn fields(path: &str, old: &[Field], new: &[Field], out: &mut Vec<Change>) -> Result<()> {
    let pairs = matched(old, new);
    let at = |field: &Field| format!("{path}{}", field.name);
    let kept: Vec<usize> = pairs.iter().flatten().copied().collect();
    if !kept.is_sorted() {
        let order =
            |fields: Vec<&Field>| Some(fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>().join(", "));
        let mut before = kept.clone();
        before.sort_unstable();
        let from = order(before.into_iter().map(|n| &old[n]).collect());
        let to = order(new.iter().zip(&pairs).filter(|(_, pair)| pair.is_some()).map(|(f, _)| f).collect());
        note(path.trim_end_matches('.'), What::Order, None, from, to, out);
    }
    for (field, pair) in new.iter().zip(&pairs) {
        match pair {
            Some(n) => one(&at(field), &old[*n], field, out)?,
            None => {
                let to = Some(shown(&field.ty, field.nullable));
                let verdicts = resolve(&[], std::slice::from_ref(field))?;
                out.push(Change {
                    path: at(field),
                    what: What::Added,
                    attribute: None,
                    from: None,
                    to,
                    verdicts,
                });
            }
        }
    }
    for (n, field) in old.iter().enumerate() {
        if !kept.contains(&n) {
            let from = Some(shown(&field.ty, field.nullable));
            let verdicts = resolve(std::slice::from_ref(field), &[])?;
            out.push(Change {
                path: at(field),
                what: What::Removed,
                attribute: None,
                from,
                to: None,
                verdicts,
            });
        }
    }
    Ok(())
}

/// For each new field the old one that it was: that of its name, else of an alias that no other field has as its name.
fn matched(old: &[Field], new: &[Field]) -> Vec<Option<usize>> {
    let find = |name: &str| old.iter().position(|f| f.name == name);
    let mut pairs: Vec<Option<usize>> = new.iter().map(|f| find(&f.name)).collect();
    for (n, field) in new.iter().enumerate() {
        if pairs[n].is_none() {
            let free = |found: &usize| !pairs.contains(&Some(*found));
            pairs[n] = field.aliases.iter().filter_map(|alias| find(alias)).find(free);
        }
    }
    pairs
}

fn shown(ty: &Type, nullable: bool) -> String {
    Element::new(ty.clone(), nullable).to_string()
}

/// A field that is in both.
fn one(path: &str, old: &Field, new: &Field, out: &mut Vec<Change>) -> Result<()> {
    if old.name != new.name {
        let renamed = Field { name: new.name.clone(), aliases: new.aliases.clone(), ..old.clone() };
        let verdicts = resolve(std::slice::from_ref(old), &[renamed])?;
        let (from, to) = (Some(old.name.clone()), Some(new.name.clone()));
        out.push(Change { path: path.to_owned(), what: What::Renamed, attribute: None, from, to, verdicts });
    } else {
        note(path, What::Avro, Some("aliases"), list(&old.aliases), list(&new.aliases), out);
    }
    part(path, (&old.ty, old.nullable, &old.avro), (&new.ty, new.nullable, &new.avro), out)?;
    let default = |f: &Field| match (&f.default, f.nullable) {
        (Some(value), _) => Some(value.to_string()),
        (None, true) => Some("null".to_owned()),
        (None, false) => None,
    };
    // That a field which may be missing has the default null goes without saying.
    if old.nullable == new.nullable || old.default.is_some() || new.default.is_some() {
        note(path, What::Default, None, default(old), default(new), out);
    }
    constraints::compare(path, &old.constraints, &new.constraints, out);
    let classes = |field: &Field| (!field.pii.is_empty()).then(|| field.classes());
    note(path, What::Pii, None, classes(old), classes(new), out);
    if old.unit != new.unit {
        let verdict = match (&old.unit, &new.unit) {
            (Some(old), Some(new)) => {
                Verdict::Wrong(format!("a number of {old} would be taken for one of {new}"))
            }
            _ => Verdict::Reads,
        };
        let verdicts = Verdicts { new_reads_old: verdict.clone(), old_reads_new: verdict };
        let (from, to) = (old.unit.clone(), new.unit.clone());
        out.push(Change { path: path.to_owned(), what: What::Unit, attribute: None, from, to, verdicts });
    }
    let order = |f: &Field| (f.order != Order::Ascending).then(|| f.order.word().to_owned());
    note(path, What::Avro, Some("order"), order(old), order(new), out);
    note(path, What::About, Some("doc"), old.doc.clone(), new.doc.clone(), out);
    Ok(())
}

type Side<'a> = (&'a Type, bool, &'a AvroForm);

/// A field's value, an item, a branch. Contracts bound how deep parts nest.
fn part(path: &str, old: Side<'_>, new: Side<'_>, out: &mut Vec<Change>) -> Result<()> {
    types(path, (old.0, old.2), (new.0, new.2), out)?;
    if old.1 != new.1 {
        let field = |nullable| [Field::new("value", Type::Long, nullable)];
        let verdicts = resolve(&field(old.1), &field(new.1))?;
        let verdicts = Verdicts {
            new_reads_old: null(verdicts.new_reads_old),
            old_reads_new: null(verdicts.old_reads_new),
        };
        let word = |nullable: bool| Some(if nullable { "may be null" } else { "never null" }.to_owned());
        let path = path.to_owned();
        let (what, attribute) = (What::Nullable, None);
        out.push(Change { path, what, attribute, from: word(old.1), to: word(new.1), verdicts });
    }
    Ok(())
}

/// A null that a side does not take is one value of many.
fn null(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Reads => Verdict::Reads,
        _ => Verdict::No("it has no place for a null".to_owned()),
    }
}

fn types(path: &str, old: (&Type, &AvroForm), new: (&Type, &AvroForm), out: &mut Vec<Change>) -> Result<()> {
    match (old.0, new.0) {
        (Type::Array(before), Type::Array(after)) => element(&format!("{path}[]"), before, after, out),
        (Type::Map(before), Type::Map(after)) => element(&format!("{path}{{}}"), before, after, out),
        (Type::Record(before), Type::Record(after)) => {
            form(path, old, new, out)?;
            fields(&format!("{path}."), before, after, out)
        }
        (Type::Union(before), Type::Union(after)) => branches(path, before, after, out),
        (Type::Enum(before), Type::Enum(after)) => {
            form(path, old, new, out)?;
            symbols(path, (before, old.1), (after, new.1), out)
        }
        (before, after) if before == after => form(path, old, new, out),
        (before, after) => {
            let field = |(ty, avro): (&Type, &AvroForm)| Field {
                avro: avro.clone(),
                ..Field::new("value", ty.clone(), false)
            };
            let avro = resolve(&[field(old)], &[field(new)])?;
            let verdicts = Verdicts {
                new_reads_old: meaning::also(avro.new_reads_old, before, after),
                old_reads_new: meaning::also(avro.old_reads_new, after, before),
            };
            let what = match (&verdicts.new_reads_old, &verdicts.old_reads_new) {
                (Verdict::Reads, Verdict::Reads) => What::Type,
                (Verdict::Reads, _) => What::Widened,
                (_, Verdict::Reads) => What::Narrowed,
                _ => What::Type,
            };
            let (from, to) = (Some(before.to_string()), Some(after.to_string()));
            out.push(Change { path: path.to_owned(), what, attribute: None, from, to, verdicts });
            Ok(())
        }
    }
}

fn element(path: &str, old: &Element, new: &Element, out: &mut Vec<Change>) -> Result<()> {
    part(path, (&old.ty, old.nullable, &old.avro), (&new.ty, new.nullable, &new.avro), out)
}

/// The branches of two unions, by the names of their Avro types.
fn branches(path: &str, old: &[Element], new: &[Element], out: &mut Vec<Change>) -> Result<()> {
    let union = |branches: &[Element]| [Field::new("value", Type::Union(branches.to_vec()), false)];
    for branch in new {
        let path = format!("{path}({})", branch.branch());
        match old.iter().find(|b| b.branch() == branch.branch()) {
            Some(before) => element(&path, before, branch, out)?,
            None => {
                let more: Vec<Element> = old.iter().chain([branch]).cloned().collect();
                let verdicts = resolve(&union(old), &union(&more))?;
                let to = Some(branch.to_string());
                out.push(Change { path, what: What::Added, attribute: None, from: None, to, verdicts });
            }
        }
    }
    for branch in old.iter().filter(|b| !new.iter().any(|n| n.branch() == b.branch())) {
        let path = format!("{path}({})", branch.branch());
        let more: Vec<Element> = new.iter().chain([branch]).cloned().collect();
        let verdicts = resolve(&union(&more), &union(new))?;
        let from = Some(branch.to_string());
        out.push(Change { path, what: What::Removed, attribute: None, from, to: None, verdicts });
    }
    Ok(())
}

fn symbols(
    path: &str,
    old: (&[String], &AvroForm),
    new: (&[String], &AvroForm),
    out: &mut Vec<Change>,
) -> Result<()> {
    if old.0 == new.0 && old.1.symbol == new.1.symbol {
        return Ok(());
    }
    let field = |(symbols, avro): (&[String], &AvroForm)| {
        let avro = AvroForm { symbol: avro.symbol.clone(), ..AvroForm::default() };
        [Field { avro, ..Field::new("value", Type::Enum(symbols.to_vec()), false) }]
    };
    let verdicts = resolve(&field(old), &field(new))?;
    let less = old.0.iter().filter(|s| !new.0.contains(s)).map(|s| format!("-{s}"));
    let more = new.0.iter().filter(|s| !old.0.contains(s)).map(|s| format!("+{s}"));
    let mut words: Vec<String> = less.chain(more).collect();
    if words.is_empty() && old.0 != new.0 {
        words.push("in another order".to_owned());
    }
    if old.1.symbol != new.1.symbol {
        let symbol = |avro: &AvroForm| avro.symbol.clone().unwrap_or_else(|| "none".to_owned());
        words.push(format!("for unknown ones {} → {}", symbol(old.1), symbol(new.1)));
    }
    let to = Some(words.join(", "));
    let path = path.to_owned();
    out.push(Change { path, what: What::Symbols, attribute: None, from: None, to, verdicts });
    Ok(())
}

/// How Avro carries a type that is the same for Staunch.
fn form(path: &str, old: (&Type, &AvroForm), new: (&Type, &AvroForm), out: &mut Vec<Change>) -> Result<()> {
    let plain = |(ty, avro): (&Type, &AvroForm)| {
        // What it is made of is compared by itself.
        let ty = match ty {
            Type::Record(_) => Type::Record(vec![Field::new("part", Type::Long, false)]),
            Type::Enum(_) => Type::Enum(vec!["symbol".to_owned()]),
            other => other.clone(),
        };
        let avro = AvroForm { symbol: None, ..avro.clone() };
        [Field { avro, ..Field::new("value", ty, false) }]
    };
    if old.1.name != new.1.name {
        let verdicts = resolve(&plain(old), &plain(new))?;
        let (from, to) = (old.1.name.clone(), new.1.name.clone());
        out.push(Change {
            path: path.to_owned(),
            what: What::Avro,
            attribute: Some("name"),
            from,
            to,
            verdicts,
        });
    }
    if old.1.fixed != new.1.fixed {
        let verdicts = resolve(&plain(old), &plain(new))?;
        let size = |avro: &AvroForm| avro.fixed.map(|n| n.to_string());
        let (from, to) = (size(old.1), size(new.1));
        out.push(Change {
            path: path.to_owned(),
            what: What::Avro,
            attribute: Some("fixed"),
            from,
            to,
            verdicts,
        });
    }
    note(path, What::Avro, Some("aliases"), list(&old.1.aliases), list(&new.1.aliases), out);
    note(path, What::About, Some("doc"), old.1.doc.clone(), new.1.doc.clone(), out);
    Ok(())
}
