//! The intrinsic functions of the Amazon States Language.
//!
//! The template of `States.Format` arrives with its escapes, since it must know an escaped brace from a placeholder.

use super::Chance;
use crate::value::{Map, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;

/// The most bytes that the functions on texts take, as AWS limits them.
const TEXT_MAX: usize = 10_000;
/// The most numbers that a range may hold, as AWS limits it.
const RANGE_MAX: usize = 1_000;

macro_rules! functions {
    ($($name:ident $least:literal..=$most:expr;)*) => {
        /// An intrinsic function.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Function { $($name),* }

        impl Function {
            /// The function of this name, with `States.` in front.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name.strip_prefix("States.")? {
                    // The one name that is no Rust name.
                    "UUID" => Some(Self::Uuid),
                    "Uuid" => None,
                    $(stringify!($name) => Some(Self::$name),)*
                    _ => None,
                }
            }

            /// Whether it takes so many arguments.
            pub(crate) fn check_count(self, given: usize) -> Result<(), String> {
                let (name, least, most): (&str, usize, usize) = match self {
                    $(Self::$name => (stringify!($name), $least, $most),)*
                };
                if (least..=most).contains(&given) {
                    return Ok(());
                }
                let takes = match (least, most) {
                    (least, usize::MAX) => format!("at least {least}"),
                    (least, most) if least == most => least.to_string(),
                    (least, most) => format!("{least} to {most}"),
                };
                Err(format!("`States.{name}` takes {takes} arguments, not {given}"))
            }
        }
    };
}

functions! {
    Format 1..=usize::MAX;
    StringToJson 1..=1;
    JsonToString 1..=1;
    Array 0..=usize::MAX;
    ArrayPartition 2..=2;
    ArrayContains 2..=2;
    ArrayRange 3..=3;
    ArrayGetItem 2..=2;
    ArrayLength 1..=1;
    ArrayUnique 1..=1;
    Base64Encode 1..=1;
    Base64Decode 1..=1;
    Hash 2..=2;
    JsonMerge 3..=3;
    MathRandom 2..=3;
    MathAdd 2..=2;
    StringSplit 2..=2;
    Uuid 0..=0;
}

impl Function {
    /// The value for these arguments, or why there is none.
    pub(crate) fn call(self, arguments: &[Value], chance: &Chance) -> Result<Value, String> {
        let args = Arguments(arguments);
        match self {
            Self::Format => format(arguments),
            Self::StringToJson => {
                let text = args.text(0)?;
                if text.trim().is_empty() {
                    return Ok(Value::Null);
                }
                let value = Value::parse(text).map_err(|_| "the text is not JSON".to_owned())?;
                if value.fits(crate::value::DEPTH_MAX) {
                    Ok(value)
                } else {
                    Err("the text nests too deep".to_owned())
                }
            }
            Self::JsonToString => Ok(args.any(0).to_json().into()),
            Self::Array => Ok(arguments.iter().cloned().collect()),
            Self::ArrayPartition => partition(args.array(0)?, args.int(1)?),
            Self::ArrayContains => Ok(args.array(0)?.iter().any(|v| v.same(args.any(1))).into()),
            Self::ArrayRange => range(args.int(0)?, args.int(1)?, args.int(2)?, RANGE_MAX),
            Self::ArrayGetItem => {
                let (items, index) = (args.array(0)?, args.int(1)?);
                let item = usize::try_from(index).ok().and_then(|i| items.get(i));
                Ok(item.cloned().unwrap_or_default())
            }
            Self::ArrayLength => Ok(Value::Int(args.array(0)?.len() as i128)),
            Self::ArrayUnique => Ok(unique(args.array(0)?)),
            Self::Base64Encode => Ok(STANDARD.encode(args.short_text(0)?).into()),
            Self::Base64Decode => {
                let bytes =
                    STANDARD.decode(args.short_text(0)?).map_err(|_| "the text is not Base64".to_owned())?;
                String::from_utf8(bytes)
                    .map(Into::into)
                    .map_err(|_| "what is decoded is not UTF-8".to_owned())
            }
            Self::Hash => {
                let data = match args.any(0) {
                    Value::Null => return Err("argument 1 must not be null".to_owned()),
                    Value::String(text) => text.clone(),
                    other => other.to_json(),
                };
                if data.len() > TEXT_MAX {
                    return Err(format!("the data is longer than {TEXT_MAX} characters"));
                }
                hash(&data, args.text(1)?).map(Into::into)
            }
            Self::JsonMerge => merge(args.object(0)?, args.object(1)?, args.any(2)),
            Self::MathRandom => {
                let seed = arguments.get(2).map(|_| args.int(2)).transpose()?;
                random(args.int(0)?, args.int(1)?, seed, chance)
            }
            Self::MathAdd => args
                .int(0)?
                .checked_add(args.int(1)?)
                .filter(|sum| i64::try_from(*sum).is_ok())
                .map(Value::Int)
                .ok_or_else(|| "the sum is too large".to_owned()),
            Self::StringSplit => Ok(split(args.text(0)?, args.text(1)?)),
            Self::Uuid => Ok(chance.uuid().into()),
        }
    }
}

/// The arguments of a call, by the type that is wanted. Their number was checked.
struct Arguments<'a>(&'a [Value]);

impl<'a> Arguments<'a> {
    fn any(&self, n: usize) -> &'a Value {
        self.0.get(n).unwrap_or(&Value::Null)
    }

    fn wrong<T>(&self, n: usize, wanted: &str) -> Result<T, String> {
        Err(format!("argument {} must be {wanted}, but is {}", n + 1, self.any(n).kind()))
    }

    fn text(&self, n: usize) -> Result<&'a str, String> {
        self.any(n).as_str().map_or_else(|| self.wrong(n, "a string"), Ok)
    }

    fn short_text(&self, n: usize) -> Result<&'a str, String> {
        let text = self.text(n)?;
        if text.len() > TEXT_MAX {
            Err(format!("the text is longer than {TEXT_MAX} characters"))
        } else {
            Ok(text)
        }
    }

    fn array(&self, n: usize) -> Result<&'a [Value], String> {
        self.any(n).as_array().map_or_else(|| self.wrong(n, "an array"), Ok)
    }

    fn object(&self, n: usize) -> Result<&'a Map, String> {
        match self.any(n) {
            Value::Object(map) => Ok(map),
            _ => self.wrong(n, "an object"),
        }
    }

    /// A number, rounded half up: -1.5 becomes -1.
    fn int(&self, n: usize) -> Result<i128, String> {
        match self.any(n) {
            Value::Int(n) => Ok(*n),
            #[expect(clippy::cast_possible_truncation, reason = "within the range of i64")]
            Value::Float(x) if x.abs() < 9e18 => Ok((x + 0.5).floor() as i128),
            _ => self.wrong(n, "an integer"),
        }
    }
}

/// Replaces each `{}` by an argument.
fn format(arguments: &[Value]) -> Result<Value, String> {
    let Some((Value::String(template), values)) = arguments.split_first() else {
        return Err("argument 1 must be a string".to_owned());
    };
    let mut out = String::with_capacity(template.len());
    let mut values = values.iter();
    let mut chars = template.chars().peekable();
    let mismatch = || "the number of arguments does not match the occurrences of {}".to_owned();
    while let Some(c) = chars.next() {
        match c {
            '\\' if chars.peek().is_some_and(|c| ['{', '}', '\\', '\''].contains(c)) => {
                out.extend(chars.next())
            }
            '{' if chars.next_if_eq(&'}').is_some() => match values.next().ok_or_else(mismatch)? {
                Value::String(text) => out.push_str(text),
                other => out.push_str(&other.to_json()),
            },
            c => out.push(c),
        }
    }
    if values.next().is_some() { Err(mismatch()) } else { Ok(out.into()) }
}

/// Pieces of at most `size` items.
pub(crate) fn partition(items: &[Value], size: i128) -> Result<Value, String> {
    match usize::try_from(size) {
        Ok(size) if size > 0 => Ok(items.chunks(size).map(|piece| Value::Array(piece.to_vec())).collect()),
        _ => Err("the size of a piece must be a positive integer".to_owned()),
    }
}

/// The numbers from `first` to `last`, both included.
pub(crate) fn range(first: i128, last: i128, step: i128, most: usize) -> Result<Value, String> {
    if step == 0 {
        return Err("the step must not be zero".to_owned());
    }
    let mut items = Vec::new();
    let mut n = first;
    while if step > 0 { n <= last } else { n >= last } {
        if items.len() == most {
            return Err(format!("the range holds more than {most} items"));
        }
        items.push(Value::Int(n));
        n = n.saturating_add(step);
    }
    Ok(Value::Array(items))
}

/// A text that is equal for values that are the same in JSON.
fn key(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(key).collect::<Vec<_>>().join(",")),
        Value::Object(map) => {
            let mut fields: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}:{}", key(v))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        scalar => scalar.as_int().map_or_else(|| scalar.to_json(), |n| n.to_string()),
    }
}

fn unique(items: &[Value]) -> Value {
    let mut seen = std::collections::HashSet::new();
    items.iter().filter(|item| seen.insert(key(item))).cloned().collect()
}

/// The hash in hexadecimal.
pub(crate) fn hash(data: &str, algorithm: &str) -> Result<String, String> {
    Ok(match algorithm {
        "MD5" => hex::encode(md5::Md5::digest(data)),
        "SHA-1" => hex::encode(sha1::Sha1::digest(data)),
        "SHA-256" => hex::encode(sha2::Sha256::digest(data)),
        "SHA-384" => hex::encode(sha2::Sha384::digest(data)),
        "SHA-512" => hex::encode(sha2::Sha512::digest(data)),
        _ => return Err("the algorithm must be MD5, SHA-1, SHA-256, SHA-384 or SHA-512".to_owned()),
    })
}

fn merge(a: &Map, b: &Map, deep: &Value) -> Result<Value, String> {
    match deep {
        Value::Bool(false) => {
            let mut merged = a.clone();
            merged.extend(b.iter().map(|(k, v)| (k.clone(), v.clone())));
            Ok(Value::Object(merged))
        }
        Value::Bool(true) => Err("only shallow merges (argument 3 is false) are supported".to_owned()),
        _ => Err("argument 3 must be a boolean".to_owned()),
    }
}

/// A number from `start` up to, but not with, `end`.
fn random(start: i128, end: i128, seed: Option<i128>, chance: &Chance) -> Result<Value, String> {
    let span = end.checked_sub(start).and_then(|n| u64::try_from(n).ok()).filter(|n| *n > 0);
    let span = span.ok_or_else(|| "the start must be less than the end".to_owned())?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "any bits are a seed")]
    let drawn = seed.map_or_else(|| chance.next(), |seed| Chance::new(seed as u64).next());
    Ok(Value::Int(start + i128::from(drawn % span)))
}

/// Each character of `at` divides; pieces without a character are left out.
fn split(text: &str, at: &str) -> Value {
    text.split(|c| at.contains(c)).filter(|piece| !piece.is_empty()).map(Value::from).collect()
}
