//! What a value would mean to a reader that takes its bytes: Avro resolves what carries a value, not what it stands for.

use super::Verdict;
use crate::model::{AvroForm, Type};

/// Avro's verdict, and ours where Avro would read.
pub(super) fn also(avro: Verdict, writer: &Type, reader: &Type) -> Verdict {
    match avro {
        Verdict::Reads => reads(writer, reader),
        refused => refused,
    }
}

/// What a reader makes of a type whose carrier it reads. Contracts bound how deep parts nest.
fn reads(writer: &Type, reader: &Type) -> Verdict {
    use Type as T;
    match (writer, reader) {
        (a, b) if a == b => Verdict::Reads,
        (T::Union(branches), reader) => worst(branches.iter().map(|branch| reads(&branch.ty, reader))),
        (writer, T::Union(branches)) => {
            let carrier = AvroForm::default();
            let same = branches.iter().find(|b| carrier.carrier(&b.ty) == carrier.carrier(writer));
            match same {
                Some(branch) => reads(writer, &branch.ty),
                None if is_plain(writer) => Verdict::Reads,
                None => other(writer, reader),
            }
        }
        (T::Array(a), T::Array(b)) | (T::Map(a), T::Map(b)) => reads(&a.ty, &b.ty),
        // Their fields are compared by themselves.
        (T::Record(_), T::Record(_)) | (T::Enum(_), T::Enum(_)) | (T::Fixed(_), T::Fixed(_)) => {
            Verdict::Reads
        }
        (T::Decimal { precision: p, scale: s }, T::Decimal { precision: q, scale: t }) => {
            if s != t {
                Verdict::Wrong(format!("{writer} would be read with its point at another place"))
            } else if q < p {
                Verdict::Partly(format!("a number with more than {q} digits is none of {reader}"))
            } else {
                Verdict::Reads
            }
        }
        (T::Uuid, T::String | T::Bytes) => Verdict::Reads,
        (T::String, T::Uuid) => Verdict::Partly("a text that is no uuid is refused".to_owned()),
        (T::Bytes, T::String) => Verdict::Partly("bytes that are not UTF-8 are refused".to_owned()),
        (a, b) if is_plain(a) && is_plain(b) => Verdict::Reads,
        (a, b) => other(a, b),
    }
}

fn other(writer: &Type, reader: &Type) -> Verdict {
    Verdict::Wrong(format!("the bytes of {writer} would be read, and mean something else as {reader}"))
}

/// Whether a value is nothing but its carrier.
fn is_plain(ty: &Type) -> bool {
    matches!(
        ty,
        Type::Boolean | Type::Int | Type::Long | Type::Float | Type::Double | Type::Bytes | Type::String
    )
}

fn worst(verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    verdicts.reduce(|a, b| if b.rank() > a.rank() { b } else { a }).unwrap_or_default()
}
