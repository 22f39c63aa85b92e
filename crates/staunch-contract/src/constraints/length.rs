//! `min_length` and `max_length`: characters of a text, bytes of bytes, values of an array or map.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;

const SHORT: &str = "is shorter than the `min_length` of its contract";
const LONG: &str = "is longer than the `max_length` of its contract";

/// A least and a greatest length, both of them allowed.
#[derive(Debug, Clone)]
pub(super) struct Length {
    pub(super) min: Option<u64>,
    pub(super) max: Option<u64>,
}

impl Length {
    /// `None` for a column whose values have no length.
    pub(super) fn find(&self, column: &ArrayRef, note: &mut dyn FnMut(usize, &'static str)) -> Option<()> {
        let (low, high) = (self.min.unwrap_or(0), self.max.unwrap_or(u64::MAX));
        let texts = column.as_string_opt::<i32>();
        let offsets = match column.data_type() {
            DataType::Utf8 => texts?.value_offsets(),
            DataType::Binary => column.as_binary_opt::<i32>()?.value_offsets(),
            DataType::List(_) => column.as_list_opt::<i32>()?.value_offsets(),
            DataType::Map(..) => column.as_map_opt()?.value_offsets(),
            _ => return None,
        };
        // A character has 1 to 4 bytes: most texts need not be counted.
        let sure_low = if texts.is_some() { low.saturating_mul(4) } else { low };
        let lengths = || offsets.windows(2).map(|pair| u64::from(pair[1].abs_diff(pair[0])));
        if !lengths().fold(false, |any, length| any | (length < sure_low) | (length > high)) {
            return Some(());
        }
        for (row, bytes) in lengths().enumerate() {
            if (sure_low..=high).contains(&bytes) || column.is_null(row) {
                continue;
            }
            let length = match texts {
                Some(texts) => texts.value(row).chars().count() as u64,
                None => bytes,
            };
            if length < low {
                note(row, SHORT);
            } else if length > high {
                note(row, LONG);
            }
        }
        Some(())
    }
}
