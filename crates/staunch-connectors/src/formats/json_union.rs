//! How the branches of a union are told apart in JSON: one rule for reading and writing.
//!
//! A union is *plain* if no two of its branches have the same kind of JSON value (boolean, number, text, array, object): then a value stands as
//! it is. Any other union is *tagged*, as Avro's JSON has it: `{"branch": value}`. In a plain union without an object the tagged form is
//! read too, and written for the numbers that JSON has none for (`{"double": "NaN"}`); so a union with a floating-point number *and* an
//! object is always tagged.

use staunch_contract::{Element, Type};

/// A kind of JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Boolean,
    Number,
    Text,
    List,
    Object,
}

impl Kind {
    /// The kind of a value that begins with this byte; `None` for `null` and what begins no value.
    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            b't' | b'f' => Self::Boolean,
            b'-' | b'0'..=b'9' => Self::Number,
            b'"' => Self::Text,
            b'[' => Self::List,
            b'{' => Self::Object,
            _ => return None,
        })
    }

    fn of_type(ty: &Type) -> Self {
        match ty {
            Type::Boolean => Self::Boolean,
            Type::Int | Type::Long | Type::Float | Type::Double | Type::Decimal { .. } => Self::Number,
            Type::Array(_) => Self::List,
            Type::Map(_) | Type::Record(_) => Self::Object,
            _ => Self::Text,
        }
    }
}

/// The form of a union.
#[derive(Debug, Clone)]
pub(crate) struct UnionForm {
    /// The branch of each kind, if the union is plain.
    plain: Option<[Option<usize>; 5]>,
}

impl UnionForm {
    pub(crate) fn new(branches: &[Element]) -> Self {
        let mut kinds = [None; 5];
        let mut plain = true;
        for (at, branch) in branches.iter().enumerate() {
            if let Some(slot) = kinds.get_mut(Kind::of_type(&branch.ty) as usize) {
                plain &= slot.is_none();
                *slot = Some(at);
            }
        }
        let floating = branches.iter().any(|b| matches!(b.ty, Type::Float | Type::Double));
        let object = kinds[Kind::Object as usize].is_some();
        Self { plain: (plain && !(floating && object)).then_some(kinds) }
    }

    /// The branch of a value of this kind that stands as it is.
    pub(crate) fn branch(&self, kind: Kind) -> Option<usize> {
        self.plain.as_ref().and_then(|kinds| kinds[kind as usize])
    }

    /// Whether values stand as they are.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain.is_some()
    }

    /// Whether an object is a tagged value.
    pub(crate) fn object_is_tagged(&self) -> bool {
        self.branch(Kind::Object).is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, UnionForm};
    use staunch_contract::{Contract, Type};

    fn form(union: &str) -> UnionForm {
        let text = format!("contract: c\nversion: 1\nfields: {{a: {{union: {union}}}}}\n");
        let contract = Contract::from_yaml(&text, "x.yaml".as_ref()).unwrap();
        let Type::Union(branches) = &contract.fields[0].ty else { panic!() };
        UnionForm::new(branches)
    }

    #[test]
    fn unions_are_plain_where_the_kinds_tell_them_apart() {
        for (union, plain) in [
            ("[long, string]", true),
            ("[double, string]", true),
            ("[boolean, {array: int}, {map: int}, date, long]", true),
            ("[long, double]", false),
            ("[string, bytes]", false),
            ("[{map: int}, {record: {a: int}, name: r}]", false),
            ("[double, {map: int}]", false),
            ("[long, {map: int}]", true),
        ] {
            assert_eq!(form(union).is_plain(), plain, "{union}");
        }
        assert_eq!(form("[long, string]").branch(Kind::Text), Some(1));
        assert!(form("[long, string]").object_is_tagged() && !form("[long, {map: int}]").object_is_tagged());
    }
}
