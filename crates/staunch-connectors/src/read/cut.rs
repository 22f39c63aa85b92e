//! Finding where records end, without taking them apart: the count of the ledger that the decoder must confirm.

use memchr::{memchr, memchr_iter};

/// Which lines are no records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Blank {
    /// All lines are records (a CSV file with one column).
    Never,
    /// Lines without a character are none (CSV).
    Empty,
    /// Lines of white space are none (NDJSON).
    Space,
}

impl Blank {
    /// Whether a line (without its line feed) is no record.
    #[inline]
    pub(crate) fn is(self, line: &[u8]) -> bool {
        match self {
            Self::Never => false,
            Self::Empty => matches!(line, [] | [b'\r']),
            Self::Space => line.iter().all(|b| matches!(b, b' ' | b'\t' | b'\r')),
        }
    }
}

/// The rules by which a text is cut into records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cutter {
    /// Delimiter and quotation mark, if line feeds between quotation marks end no record. A quotation mark opens only
    /// where a field begins.
    pub(crate) quoting: Option<(u8, u8)>,
    pub(crate) blank: Blank,
    /// The length beyond which a record is refused.
    pub(crate) max_record: usize,
}

/// How far a text was looked at.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cut {
    at: usize,
    /// Where the record at hand begins.
    begin: usize,
    begin_lines: u64,
    quoted: bool,
    /// Records that ended.
    pub(crate) records: u64,
    /// Line feeds before `at`.
    pub(crate) lines: u64,
}

/// A record beyond the limit: where it begins, and the line feeds before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Oversize {
    pub(crate) begin: usize,
    pub(crate) lines: u64,
}

impl Cutter {
    /// Looks on through `text`, which begins with a record, until a record ends at `target` or behind it, and says where;
    /// `None` if more text is needed, or (with `last`) if the text ends before.
    pub(crate) fn advance(
        &self,
        cut: &mut Cut,
        text: &[u8],
        last: bool,
        target: usize,
    ) -> Result<Option<usize>, Oversize> {
        loop {
            let here = text.get(cut.at..).unwrap_or_default();
            if cut.quoted {
                let quote = self.quoting.map_or(b'"', |(_, quote)| quote);
                let Some(found) = memchr(quote, here) else {
                    cut.lines += memchr_iter(b'\n', here).count() as u64;
                    cut.at = text.len();
                    return self.pause(cut, text, last);
                };
                cut.lines += memchr_iter(b'\n', here.get(..found).unwrap_or_default()).count() as u64;
                let mark = cut.at + found;
                cut.at = mark;
                match text.get(mark + 1) {
                    // Whether it closes is seen at the next byte.
                    None if !last => return self.pause(cut, text, last),
                    Some(next) if *next == quote => cut.at = mark + 2,
                    _ => {
                        cut.quoted = false;
                        cut.at = mark + 1;
                    }
                }
                continue;
            }
            let mark = self.quoting.and_then(|(_, quote)| memchr(quote, here));
            let plain = here.get(..mark.unwrap_or(here.len())).unwrap_or_default();
            let base = cut.at;
            for feed in memchr_iter(b'\n', plain) {
                let feed = base + feed;
                let line = text.get(cut.begin..feed).unwrap_or_default();
                if !self.blank.is(line) {
                    cut.records += 1;
                    if line.len() > self.max_record {
                        return Err(Oversize { begin: cut.begin, lines: cut.begin_lines });
                    }
                }
                cut.lines += 1;
                cut.at = feed + 1;
                cut.begin = cut.at;
                cut.begin_lines = cut.lines;
                if cut.at >= target {
                    return Ok(Some(cut.at));
                }
            }
            let Some(mark) = mark.map(|m| base + m) else {
                cut.at = text.len();
                return self.pause(cut, text, last);
            };
            let delimiter = self.quoting.map(|(delimiter, _)| delimiter);
            let opens =
                mark == cut.begin || mark.checked_sub(1).and_then(|m| text.get(m).copied()) == delimiter;
            cut.quoted = opens;
            cut.at = mark + 1;
        }
    }

    /// The text ends here: a record without a line feed counts if nothing follows.
    fn pause(&self, cut: &mut Cut, text: &[u8], last: bool) -> Result<Option<usize>, Oversize> {
        let line = text.get(cut.begin..).unwrap_or_default();
        // While more may follow, a line feed or a carriage return may still be cut off.
        let slack = if last { 0 } else { 2 };
        if line.len() > self.max_record.saturating_add(slack) {
            return Err(Oversize { begin: cut.begin, lines: cut.begin_lines });
        }
        if last {
            if !line.is_empty() && !self.blank.is(line) {
                cut.records += 1;
            }
            cut.begin = text.len();
            cut.begin_lines = cut.lines;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::{Blank, Cut, Cutter, Oversize};

    /// Cuts a text that arrives in pieces of `step` bytes: the ends of its records, records and lines.
    fn records(text: &str, cutter: Cutter, step: usize) -> (Vec<String>, u64, u64) {
        let (mut out, mut total, mut lines) = (Vec::new(), 0, 0);
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            let (mut cut, mut len) = (Cut::default(), step.min(rest.len()));
            let end = loop {
                match cutter.advance(&mut cut, &rest[..len], len == rest.len(), 1).unwrap() {
                    Some(end) => break end,
                    None if len == rest.len() => break len,
                    None => len = (len + step).min(rest.len()),
                }
            };
            out.push(String::from_utf8(rest[..end].to_vec()).unwrap());
            total += cut.records;
            lines += cut.lines;
            rest = &rest[end..];
        }
        (out, total, lines)
    }

    fn csv() -> Cutter {
        Cutter { quoting: Some((b',', b'"')), blank: Blank::Empty, max_record: 1000 }
    }

    #[test]
    fn records_end_at_line_feeds_outside_quotation_marks() {
        let cases: &[(&str, &[&str], u64, u64)] = &[
            ("", &[], 0, 0),
            ("a,b\nc,d\n", &["a,b\n", "c,d\n"], 2, 2),
            ("a,b\r\nc,d", &["a,b\r\n", "c,d"], 2, 1),
            ("a,\"x\ny\"\nb\n", &["a,\"x\ny\"\n", "b\n"], 2, 3),
            ("\"x\"\"\n\"\"y\",1\nb\n", &["\"x\"\"\n\"\"y\",1\n", "b\n"], 2, 3),
            ("5\" pipe,1\nb\n", &["5\" pipe,1\n", "b\n"], 2, 2),
            ("a,\"never\nclosed\n", &["a,\"never\nclosed\n"], 1, 2),
            ("\n\r\na\n\n", &["\n", "\r\n", "a\n", "\n"], 1, 4),
            ("\"a\"x,\"\n\"\nb", &["\"a\"x,\"\n\"\n", "b"], 2, 2),
        ];
        for (text, ends, total, lines) in cases {
            for step in [1, 2, 3, 7, 1000] {
                let found = records(text, csv(), step);
                assert_eq!(
                    found,
                    (ends.iter().map(|e| (*e).to_owned()).collect(), *total, *lines),
                    "{text:?} by {step}"
                );
            }
        }
    }

    #[test]
    fn a_record_beyond_the_limit_is_found_however_the_text_arrives() {
        let cutter = Cutter { max_record: 4, ..csv() };
        for (text, begin, lines) in [("a\n12345\n", 2, 1), ("a\n\"2\n45678\n", 2, 1), ("123456789", 0, 0)] {
            let oversize = Err(Oversize { begin, lines });
            assert_eq!(cutter.advance(&mut Cut::default(), text.as_bytes(), true, 99), oversize, "{text:?}");
            let mut cut = Cut::default();
            let mut found = Ok(None);
            for len in 1..=text.len() {
                found = cutter.advance(&mut cut, &text.as_bytes()[..len], len == text.len(), 99);
                if found.is_err() {
                    break;
                }
            }
            assert_eq!(found, oversize, "{text:?} byte by byte");
        }
        assert_eq!(cutter.advance(&mut Cut::default(), b"1234\n1234", true, 99), Ok(None));
    }
}
