//! `pattern`: a regular expression that the whole text matches.

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::compute::kernels::regexp::regexp_is_match_scalar;

const OTHER: &str = "does not match the `pattern` of its contract";

/// A pattern that is known to be one.
#[derive(Debug, Clone)]
pub(super) struct Pattern(String);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(whole(text))
    }

    /// `None` for a column that holds no texts.
    pub(super) fn find(&self, column: &ArrayRef, note: &mut dyn FnMut(usize, &'static str)) -> Option<()> {
        let texts = column.as_string_opt::<i32>()?;
        let matches = regexp_is_match_scalar(texts, &self.0, None).ok()?;
        if matches.has_false() {
            let wrong = (0..texts.len()).filter(|row| texts.is_valid(*row) && !matches.value(*row));
            wrong.for_each(|row| note(row, OTHER));
        }
        Some(())
    }
}

/// The pattern for a whole text: nothing before it, nothing behind it.
fn whole(text: &str) -> String {
    format!("^(?:{text})$")
}

/// Whether the text is a pattern that can be evaluated.
pub(super) fn is_pattern(text: &str) -> bool {
    // Alone too: `a)(b` is none, though it would be one between brackets.
    let one = StringArray::from(vec![""]);
    [text.to_owned(), whole(text)].iter().all(|t| regexp_is_match_scalar(&one, t, None).is_ok())
}
