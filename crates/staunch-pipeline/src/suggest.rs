//! The name that was meant: the nearest of the names that exist.

#[cfg(test)]
mod tests;

/// Names longer than this are not compared: a typo that long is none, and the cost stays bounded.
const LONGEST: usize = 100;

/// The candidate that is nearest to `name`, if one is near enough to be what was meant: at most one edit in three
/// characters, ignoring case (optimal string alignment distance: insertion, deletion, substitution, and the swap of
/// neighbours; Damerau 1964, Boytsov 2011). A candidate that `name` begins, or that begins with `name`, is near too if both
/// share at least three characters. The first of equally near candidates wins.
///
/// ```
/// assert_eq!(staunch_pipeline::suggest("clickz", ["clicks", "humans"]).as_deref(), Some("clicks"));
/// assert_eq!(staunch_pipeline::suggest("orders", ["clicks", "humans"]), None);
/// ```
#[must_use]
pub fn suggest<I, S>(name: &str, candidates: I) -> Option<String>
where
    I: IntoIterator<Item = S>,
    S: AsRef<str>,
{
    let wanted = folded(name)?;
    let mut best: Option<(usize, String)> = None;
    for candidate in candidates {
        let Some(other) = folded(candidate.as_ref()) else { continue };
        let distance = distance(&wanted, &other);
        let shorter = wanted.len().min(other.len());
        let begins = shorter >= 3 && wanted.iter().zip(&other).all(|(a, b)| a == b);
        let allowed = (wanted.len().max(other.len()) / 3).clamp(1, 3);
        let near = begins || (distance <= allowed && distance < wanted.len());
        if near && best.as_ref().is_none_or(|(d, _)| distance < *d) {
            best = Some((distance, candidate.as_ref().to_owned()));
        }
    }
    best.map(|(_, name)| name)
}

/// The hint for a wrong name: what was meant, else what there is (at most eight names).
pub(crate) fn hint<S: AsRef<str>>(name: &str, candidates: &[S], what: &str) -> String {
    if let Some(meant) = suggest(name, candidates) {
        return format!("did you mean `{meant}`?");
    }
    match candidates {
        [] => format!("there are no {what}"),
        [only] => format!("the only one there is: `{}`", only.as_ref()),
        many => {
            let shown: Vec<_> = many.iter().take(8).map(|c| format!("`{}`", c.as_ref())).collect();
            let rest = if many.len() > shown.len() { ", ..." } else { "" };
            format!("{what}: {}{rest}", shown.join(", "))
        }
    }
}

fn folded(name: &str) -> Option<Vec<char>> {
    let chars: Vec<char> = name.chars().flat_map(char::to_lowercase).take(LONGEST + 1).collect();
    (!chars.is_empty() && chars.len() <= LONGEST).then_some(chars)
}

fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = Vec::with_capacity(b.len() + 1);
        row.push(i + 1);
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i - 1] == *y && *x == b[j - 1] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
