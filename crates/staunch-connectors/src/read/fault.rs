//! Why a row is rejected: a code, and words that never hold a value.

use staunch_types::{Code, codes};
use std::sync::Arc;

/// What is wrong with a value, or with a whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// A predicate: "is not a whole number".
    pub(crate) what: &'static str,
}

macro_rules! faults {
    ($($name:ident = $code:ident, $what:literal;)*) => {
        $(pub(crate) const $name: Fault = Fault { code: codes::$code, what: $what };)*
    };
}

faults! {
    NOT_INT = DECODE_TYPE, "is not a whole number";
    INT_RANGE = DECODE_TYPE, "is a whole number beyond the range of its type";
    NOT_FLOAT = DECODE_TYPE, "is not a number";
    FLOAT_RANGE = DECODE_TYPE, "is a number beyond the range of its type";
    NOT_DECIMAL = DECODE_TYPE, "is not a decimal number";
    DECIMAL_SCALE = DECODE_TYPE, "has more digits after the point than its type holds";
    DECIMAL_RANGE = DECODE_TYPE, "has more digits than its type holds";
    NOT_BOOLEAN = DECODE_TYPE, "is neither true nor false";
    NOT_DATE = DECODE_TYPE, "is not a date";
    NOT_TIME = DECODE_TYPE, "is not a time of day";
    NOT_TIMESTAMP = DECODE_TYPE, "is not a timestamp";
    TIME_SCALE = DECODE_TYPE, "has finer fractions of a second than its type holds";
    TIME_RANGE = DECODE_TYPE, "is beyond the years 1677 to 2262, which nanoseconds of 64 bits hold";
    NOT_DURATION = DECODE_TYPE, "is not a duration such as P1M2DT3.004S";
    DURATION_RANGE = DECODE_TYPE, "is a duration of more months or days than 31 bits hold";
    OTHER_TYPE = DECODE_TYPE, "is of a type that its field does not read";
    NOT_FIXED = DECODE_TYPE, "has not as many bytes as its type";
    NOT_HEX = DECODE_TYPE, "is not a row of hexadecimal digits";
    NOT_LIST = DECODE_TYPE, "is not an array";
    NOT_RECORD = DECODE_TYPE, "is not an object";
    NOT_BRANCH = DECODE_TYPE, "is of none of the branches of its union";
    LOCAL_ZONE = DECODE_TYPE, "names a zone, but its type is a local reading";
    NOT_STRING = DECODE_TYPE, "is not a string";
    NOT_BYTES = DECODE_TYPE, "holds a character beyond U+00FF, which is no byte";
    NOT_FORMAT = DECODE_TYPE, "does not follow the format that `dates:` gives";
    ABSENT = VIOLATION, "is not in the file, but the contract says that it is never null";
    TWICE = DECODE, "stands twice in the file";
    WIDER = DECODE_TYPE, "is not exactly a value of its type";
    NULL = VIOLATION, "is null, but the contract says that it never is";
    NOT_SYMBOL = VIOLATION, "is not a symbol of its enum";
    NOT_UUID = VIOLATION, "is not a uuid";
    BAD_UTF8 = DECODE, "is not UTF-8";
    RAGGED = DECODE, "the record has another number of columns than the file";
    REPEATED_HEADER = DECODE, "the record repeats the header";
    UNCLOSED_QUOTE = DECODE, "a quotation mark is never closed";
    AFTER_QUOTE = DECODE, "text follows a closing quotation mark";
    NOT_ONE = DECODE, "by the options of now this is not one record: read the file again";
    LINE_UTF8 = DECODE, "the record is not UTF-8";
    OTHER_RECORD = DECODE_TYPE, "the record is of a type that the contract does not read";
    NOT_JSON = DECODE, "the record is not JSON";
    NOT_OBJECT = DECODE, "the record is not a JSON object";
    DUPLICATE_KEY = DECODE, "a key of the object appears twice";
    TOO_DEEP = DECODE, "the record is nested too deep";
}

/// A fault of one value of one decoded row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RowFault {
    /// The row, counted among the rows of the chunk that have columns.
    pub(crate) row: u32,
    /// The position of the field in the contract of the input.
    pub(crate) field: u32,
    pub(crate) fault: Fault,
    /// Where inside the field it is, if it is inside a nested one.
    pub(crate) inner: Option<Box<Inner>>,
}

/// A place inside a nested field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inner {
    /// The way to it: `address.zip`, `tags[]`.
    pub(crate) path: Arc<str>,
    /// The words, where they are not those of the fault.
    pub(crate) what: Option<String>,
}

impl RowFault {
    /// A fault of a whole field.
    #[inline]
    pub(crate) fn new(row: usize, field: usize, fault: Fault) -> Self {
        // Chunks have fewer than 2^32 rows, contracts fewer fields.
        Self { row: row as u32, field: field as u32, fault, inner: None }
    }

    /// A fault inside a field.
    pub(crate) fn inside(row: usize, field: usize, path: Arc<str>, fault: Fault) -> Self {
        let inner = Some(Box::new(Inner { path, what: None }));
        Self { row: row as u32, field: field as u32, fault, inner }
    }
}
