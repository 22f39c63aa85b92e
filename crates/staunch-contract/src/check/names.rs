//! Names of contracts, fields and types.

use super::RawField;
use crate::model::{AvroForm, Type};
use crate::report::Report;
use staunch_types::codes;

/// Whether `text` is an Avro name: a letter or `_`, then letters, digits and `_`, all ASCII.
pub(crate) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Whether `text` is one or more Avro names with points between them.
pub(crate) fn is_full_name(text: &str) -> bool {
    text.split('.').all(is_name)
}

/// The hint for a name that is none.
pub(crate) const NAME_RULE: &str = "names begin with a letter or `_` and go on with letters, digits and `_`";

/// Puts names of types without a namespace into the one around them, as Avro does.
pub(super) fn qualify(ty: &mut Type, avro: &mut AvroForm, space: &str) {
    if let Some(name) = avro.name.as_mut().filter(|n| !space.is_empty() && !n.contains('.')) {
        *name = format!("{space}.{name}");
    }
    let own = avro.name.as_ref().and_then(|n| n.rsplit_once('.')).map(|(space, _)| space.to_owned());
    let space = own.as_deref().unwrap_or(space);
    match ty {
        Type::Array(part) | Type::Map(part) => qualify(&mut part.ty, &mut part.avro, space),
        Type::Record(fields) => fields.iter_mut().for_each(|f| qualify(&mut f.ty, &mut f.avro, space)),
        Type::Union(branches) => branches.iter_mut().for_each(|b| qualify(&mut b.ty, &mut b.avro, space)),
        _ => {}
    }
}

/// Names, and what would not be told apart.
pub(super) fn check_fields(fields: &[RawField], report: &mut Report<'_>) {
    for (i, field) in fields.iter().enumerate() {
        let name = &field.name;
        if !is_name(&name.text) {
            report.add(
                codes::BAD_NAME,
                name.spot,
                format!("`{}` is not a field's name", name.text),
                NAME_RULE,
            );
        }
        // SQL does not tell `Price` from `price`, so a contract must not need it to.
        let same = |f: &&RawField| f.name.text.eq_ignore_ascii_case(&name.text);
        if let Some(other) = fields[..i].iter().find(same) {
            let text = &other.name.text;
            let message = if *text == name.text {
                format!("the field `{text}` stands here twice")
            } else {
                format!("the fields `{text}` and `{}` differ in case alone", name.text)
            };
            report.add(codes::DUPLICATE_NAME, name.spot, message, "rename or remove one of the two");
        }
        for (at, class) in field.pii.iter().enumerate() {
            if !is_name(&class.text.replace('-', "_")) {
                let message = format!("a PII class of `{}` is not a name", name.text);
                report.add(codes::BAD_NAME, class.spot, message, NAME_RULE);
            } else if field.pii[..at].iter().any(|other| other.text == class.text) {
                let message = format!("the PII class `{}` stands here twice", class.text);
                report.add(codes::DUPLICATE_NAME, class.spot, message, "name it once");
            }
        }
    }
}
