//! The type of a column of texts: the first of a list that reads every one of them, as the read chain would.

use crate::read::field::{FieldPlan, Parse, parse_date};
use crate::read::parse::number::{float64, int64};
use crate::read::parse::time::{Format, time_micros};
use crate::read::parse::uuid::uuid;
use staunch_contract::{Field, Type};
use std::collections::BTreeSet;

/// What is known of a column of texts.
pub(super) struct Texts {
    /// What may still be, the most special first.
    candidates: Vec<(Type, FieldPlan)>,
    decimal: Option<Digits>,
    /// How many values there were.
    seen: u64,
    /// An empty text is a null to every type but a text.
    empty_is_null: bool,
    /// The different values, as long as they may be symbols.
    symbols: Option<BTreeSet<String>>,
    most_symbols: usize,
}

/// Plain decimals of one scale.
#[derive(Default)]
struct Digits {
    before: usize,
    scale: Option<usize>,
}

impl Texts {
    /// Texts of CSV, or of paths: everything is one.
    pub(super) fn of_csv(format: Option<&Format>, enums: Option<usize>, empty_is_null: bool) -> Self {
        use Type as T;
        let plain = [
            T::Boolean,
            T::Long,
            T::Double,
            T::Date,
            T::LocalTimestampMicros,
            T::TimestampMicros,
            T::LocalTimestampNanos,
            T::TimestampNanos,
            T::TimeMicros,
            T::Uuid,
        ];
        let mut texts = Self::new(&plain, format, enums, empty_is_null);
        texts.decimal = format.is_none().then(Digits::default);
        texts
    }

    /// Texts of JSON: what is a number or a boolean stands there as such.
    pub(super) fn of_json(format: Option<&Format>, enums: Option<usize>) -> Self {
        use Type as T;
        let plain = [
            T::Date,
            T::LocalTimestampMicros,
            T::TimestampMicros,
            T::LocalTimestampNanos,
            T::TimestampNanos,
            T::TimeMicros,
            T::Uuid,
        ];
        Self::new(&plain, format, enums, false)
    }

    fn new(types: &[Type], format: Option<&Format>, enums: Option<usize>, empty_is_null: bool) -> Self {
        let types = format.map_or_else(|| types.to_vec(), |format| vec![of_format(format)]);
        let plan = |ty: Type| {
            let plan = FieldPlan::new(&Field::new("value", ty.clone(), true), format.cloned());
            (ty, plan)
        };
        Self {
            candidates: types.into_iter().map(plan).collect(),
            decimal: None,
            seen: 0,
            empty_is_null,
            symbols: enums.map(|_| BTreeSet::new()),
            most_symbols: enums.unwrap_or_default(),
        }
    }

    /// Takes one value into account.
    pub(super) fn see(&mut self, text: &[u8]) {
        if text.is_empty() && self.empty_is_null {
            // It may be a text without characters; then it is no symbol.
            self.symbols = None;
            return;
        }
        self.seen += 1;
        self.candidates.retain(|(_, plan)| reads(plan, text));
        if let Some(digits) = &mut self.decimal
            && !digits.see(text)
        {
            self.decimal = None;
        }
        if let Some(symbols) = &mut self.symbols {
            let symbol = std::str::from_utf8(text).ok().filter(|t| super::names::is_name(t));
            match symbol {
                Some(symbol) if symbols.contains(symbol) => {}
                Some(symbol) if symbols.len() < self.most_symbols => {
                    symbols.insert(symbol.to_owned());
                }
                _ => self.symbols = None,
            }
        }
    }

    /// The type of all of them.
    pub(super) fn ty(&self) -> Type {
        if self.seen == 0 {
            return Type::String;
        }
        match self.candidates.first().map(|(ty, _)| ty) {
            Some(Type::Double) => self.decimal.as_ref().and_then(Digits::ty).unwrap_or(Type::Double),
            Some(ty) => ty.clone(),
            None => match &self.symbols {
                Some(symbols) if !symbols.is_empty() => Type::Enum(symbols.iter().cloned().collect()),
                _ => Type::String,
            },
        }
    }
}

impl Digits {
    /// Whether the text is a plain decimal of the scale of the others.
    fn see(&mut self, text: &[u8]) -> bool {
        let digits = text.strip_prefix(b"-").unwrap_or(text);
        let Some(point) = digits.iter().position(|b| *b == b'.') else { return false };
        let (before, behind) = (&digits[..point], &digits[point + 1..]);
        if before.is_empty() || behind.is_empty() || !before.iter().chain(behind).all(u8::is_ascii_digit) {
            return false;
        }
        self.before = self.before.max(before.len());
        *self.scale.get_or_insert(behind.len()) == behind.len()
    }

    /// With room for larger numbers: the digits that 4, 8 or 16 bytes hold.
    fn ty(&self) -> Option<Type> {
        let scale = self.scale.filter(|scale| *scale <= 9)?;
        let precision = [9, 18, 38].into_iter().find(|room| self.before + scale <= *room)?;
        let (precision, scale) = (u8::try_from(precision).ok()?, u8::try_from(scale).ok()?);
        Some(Type::Decimal { precision, scale })
    }
}

/// The type of texts that `dates:` says how to read.
pub(super) fn of_format(format: &Format) -> Type {
    match format.parts() {
        (true, true) => Type::TimestampMicros,
        (true, false) => Type::LocalTimestampMicros,
        (false, _) => Type::Date,
    }
}

/// Whether the chain reads the text, and nothing of it is lost that a text would keep: `007` is no number.
fn reads(plan: &FieldPlan, text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let padded =
        digits.len() > 1 && digits.first() == Some(&b'0') && digits.get(1).is_some_and(u8::is_ascii_digit);
    let number = || !padded && !text.starts_with(b"+");
    match &plan.parse {
        Parse::Boolean => matches!(text, b"true" | b"false"),
        Parse::Long => number() && int64(text, 0, text.len()).is_ok(),
        Parse::Double => number() && float64(text, 0, text.len()).is_ok(),
        Parse::Date(format) => parse_date(format.as_ref(), text).is_ok(),
        Parse::TimeMicros => time_micros(text).is_ok(),
        Parse::Timestamp(timestamp) => timestamp.parse(text).is_ok(),
        Parse::Uuid => uuid(text).is_ok(),
        _ => false,
    }
}
