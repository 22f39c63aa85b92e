//! Fields out of paths: `year={year}/month={month}`.

/// A checked pattern: some neighbouring parts of a path, each of literals and captures.
#[derive(Debug, Clone)]
pub(super) struct Partition {
    parts: Vec<Vec<Piece>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Capture(String),
}

impl Partition {
    /// Checks a pattern; says what is wrong with it.
    pub(super) fn new(pattern: &str) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        for part in pattern.trim_matches('/').split('/') {
            let mut pieces: Vec<Piece> = Vec::new();
            let mut rest = part;
            while let Some(open) = rest.find('{') {
                let (literal, capture) = rest.split_at(open);
                let Some((name, behind)) = capture.strip_prefix('{').and_then(|c| c.split_once('}')) else {
                    return Err("has a `{` without its `}`");
                };
                if name.is_empty() {
                    return Err("has a capture without a name");
                }
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(literal.to_owned()));
                } else if matches!(pieces.last(), Some(Piece::Capture(_))) {
                    return Err("has two captures with nothing between them");
                }
                pieces.push(Piece::Capture(name.to_owned()));
                rest = behind;
            }
            if !rest.is_empty() {
                pieces.push(Piece::Literal(rest.to_owned()));
            }
            if pieces.is_empty() {
                return Err("has an empty part");
            }
            parts.push(pieces);
        }
        let partition = Self { parts };
        let mut names: Vec<&str> = partition.names().collect();
        if names.is_empty() {
            return Err("captures nothing");
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err("captures a name twice");
        }
        Ok(partition)
    }

    /// The names of the captures.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().flatten().filter_map(|piece| match piece {
            Piece::Capture(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// What a path says: names and values (with `%41` undone), or `None` if it does not follow the pattern.
    pub(super) fn read(&self, path: &str) -> Option<Vec<(String, String)>> {
        let segments: Vec<&str> = path.split('/').collect();
        segments.windows(self.parts.len()).find_map(|window| {
            let mut values = Vec::new();
            for (pieces, segment) in self.parts.iter().zip(window) {
                capture(pieces, segment, &mut values)?;
            }
            Some(values)
        })
    }
}

fn capture(pieces: &[Piece], text: &str, values: &mut Vec<(String, String)>) -> Option<()> {
    let mut rest = text;
    let mut pieces = pieces.iter().peekable();
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Literal(literal) => rest = rest.strip_prefix(literal.as_str())?,
            Piece::Capture(name) => {
                let end = match pieces.peek() {
                    // The last literal stands at the end, wherever else it appears.
                    Some(Piece::Literal(next)) => rest.find(next.as_str())?,
                    _ => rest.len(),
                };
                let (value, behind) = rest.split_at(end);
                if value.is_empty() {
                    return None;
                }
                values.push((name.clone(), percent_decoded(value)?));
                rest = behind;
            }
        }
    }
    rest.is_empty().then_some(())
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::Partition;

    #[test]
    fn paths_say_values() {
        let of = |pattern: &str, path: &str| {
            let found = Partition::new(pattern).unwrap().read(path)?;
            Some(found.into_iter().map(|(n, v)| format!("{n}:{v}")).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(
            of("year={year}/month={month}", "d/year=2024/month=01/x.csv").as_deref(),
            Some("year:2024 month:01")
        );
        assert_eq!(of("{day}.csv", "d/2024-01-01.csv").as_deref(), Some("day:2024-01-01"));
        assert_eq!(of("{a}-{b}", "x/1-2/f").as_deref(), Some("a:1 b:2"));
        assert_eq!(of("c={c}", "c=New%20York/x").as_deref(), Some("c:New York"));
        assert_eq!(of("c={c}", "c=/x"), None);
        assert_eq!(of("c={c}", "d=1/x"), None);
        assert_eq!(of("c={c}", "c=%zz/x"), None);
        for bad in ["year=2024", "{a", "{}", "{a}{b}", "a//{b}", "{a}/{a}"] {
            assert!(Partition::new(bad).is_err(), "{bad}");
        }
    }
}
