//! Which names are allowed.

use crate::mistakes::Mistakes;
use staunch_types::{Place, codes};

/// The longest name, in characters: names become parts of file names.
const LONGEST: usize = 100;

/// Whether it is the name of a stage or pipeline: `[a-z][a-z0-9_]*`. Lower case, because SQL folds what is not quoted and some
/// file systems fold everything.
pub(crate) fn is_stage(name: &str) -> bool {
    fits(name, |c| c.is_ascii_lowercase(), |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// Whether it is the name of a project, profile, connection or object: `[A-Za-z_][A-Za-z0-9_.-]*`.
pub(crate) fn is_outer(name: &str) -> bool {
    let first = |c: char| c.is_ascii_alphabetic() || c == '_';
    fits(name, first, |c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// Whether it is the name of a variable of the environment: `[A-Za-z_][A-Za-z0-9_]*`.
pub(crate) fn is_variable(name: &str) -> bool {
    fits(name, |c| c.is_ascii_alphabetic() || c == '_', |c| c.is_ascii_alphanumeric() || c == '_')
}

fn fits(name: &str, first: impl Fn(char) -> bool, rest: impl Fn(char) -> bool) -> bool {
    name.chars().next().is_some_and(first) && name.chars().all(rest) && name.len() <= LONGEST
}

/// Notes it if `name` is not the name of a stage or pipeline.
pub(crate) fn stage(name: &str, what: &str, place: Place, mistakes: &mut Mistakes) -> bool {
    let good = is_stage(name);
    if !good {
        let lower: String = name.to_lowercase().replace(['-', ' ', '.'], "_");
        let next = if is_stage(&lower) {
            format!(
                "write `{lower}`: lower-case letters, digits and `_`, because SQL folds names to lower case"
            )
        } else {
            "use lower-case letters, digits and `_`, beginning with a letter, at most 100".to_owned()
        };
        mistakes.add(
            codes::BAD_NAME,
            place,
            format!("`{}` cannot be the name of a {what}", shown(name)),
            next,
        );
    }
    good
}

/// Notes it if `name` is not the name of a project, profile, connection or object.
pub(crate) fn outer(name: &str, what: &str, place: Place, mistakes: &mut Mistakes) -> bool {
    let good = is_outer(name);
    if !good {
        let message = format!("`{}` cannot be the name of {what}", shown(name));
        let next = "use letters, digits, `_`, `-` and `.`, beginning with a letter, at most 100";
        mistakes.add(codes::BAD_NAME, place, message, next);
    }
    good
}

/// A name as messages show it: cut where it is long, without control characters.
pub(crate) fn shown(name: &str) -> String {
    let mut text: String = name.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect();
    if name.chars().nth(40).is_some() {
        text.push_str("...");
    }
    text
}
