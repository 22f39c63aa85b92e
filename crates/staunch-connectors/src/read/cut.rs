//! Finding where records end, without taking them apart: the count of the ledger that the decoder must confirm.
//!
//! A line feed between quotation marks ends no record, if the marks hold: the closing one stands within the limit of a
//! record, and behind it the field ends. A mark that opens and is not closed so holds nothing: its record ends with its
//! line, is dead, and the next line is a record again. That depends on the bytes of the file alone, never on where a chunk
//! was cut, and no line is looked through twice: from one mark without its partner to the next.

use memchr::{memchr, memchr_iter};

/// The most records of a chunk: a dead one takes some hundred bytes of memory, however short it is.
const MOST_RECORDS: u64 = 1 << 17;

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
    /// Where the quotation mark at hand opened, and the line feeds before it.
    open: usize,
    open_lines: u64,
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
    /// Looks on through `text`, which begins with a record, until a record ends at `target` or behind it, or is the last that fits, and says where;
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
                if !self.close(cut, text, last) {
                    return self.pause(cut, text, last);
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
                if cut.at >= target || cut.records >= MOST_RECORDS {
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
            if opens {
                (cut.quoted, cut.open, cut.open_lines) = (true, mark, cut.lines);
            }
            cut.at = mark + 1;
        }
    }

    /// Looks for the end of what stands between quotation marks, or decides that there is none; `false` if more text is
    /// needed for that, or the text ends in the same line.
    fn close(&self, cut: &mut Cut, text: &[u8], last: bool) -> bool {
        let (delimiter, quote) = self.quoting.unwrap_or((b',', b'"'));
        let behind = cut.begin.saturating_add(self.max_record);
        loop {
            let here = text.get(cut.at..).unwrap_or_default();
            let Some(found) = memchr(quote, here) else {
                cut.lines += memchr_iter(b'\n', here).count() as u64;
                cut.at = text.len();
                return (last || cut.at >= behind) && Self::give_up(cut, text);
            };
            cut.lines += memchr_iter(b'\n', here.get(..found).unwrap_or_default()).count() as u64;
            let mark = cut.at + found;
            cut.at = mark;
            if mark >= behind {
                return Self::give_up(cut, text);
            }
            let next = (text.get(mark + 1).copied(), text.get(mark + 2).copied());
            // Whether it closes is seen at the next byte, or at the one behind it.
            if !last && matches!(next, (None, _) | (Some(b'\r'), None)) {
                return false;
            }
            if next.0 == Some(quote) {
                cut.at = mark + 2;
                continue;
            }
            if !ends_field(next, delimiter) && Self::give_up(cut, text) {
                return true;
            }
            cut.quoted = false;
            cut.at = mark + 1;
            return true;
        }
    }

    /// The mark that opened holds nothing: back to the end of its line, if that was seen.
    fn give_up(cut: &mut Cut, text: &[u8]) -> bool {
        let since = text.get(cut.open..cut.at).unwrap_or_default();
        let Some(feed) = memchr(b'\n', since) else { return false };
        (cut.quoted, cut.at, cut.lines) = (false, cut.open + feed, cut.open_lines);
        true
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

/// Whether a field ends behind a quotation mark that these two bytes follow.
pub(crate) fn ends_field(next: (Option<u8>, Option<u8>), delimiter: u8) -> bool {
    match next {
        (None | Some(b'\n'), _) | (Some(b'\r'), None | Some(b'\n')) => true,
        (Some(byte), _) => byte == delimiter,
    }
}

#[cfg(test)]
mod tests {
    use super::{Blank, Cut, Cutter, MOST_RECORDS, Oversize};
    use proptest::prelude::*;

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
    fn a_chunk_of_short_records_ends_before_its_bytes_do() {
        let text = "a\n".repeat(MOST_RECORDS as usize + 7);
        let mut cut = Cut::default();
        let end = csv().advance(&mut cut, text.as_bytes(), true, usize::MAX).unwrap();
        assert_eq!((end, cut.records), (Some(2 * MOST_RECORDS as usize), MOST_RECORDS));
        let mut rest = Cut::default();
        let behind = &text.as_bytes()[2 * MOST_RECORDS as usize..];
        assert_eq!(csv().advance(&mut rest, behind, true, usize::MAX).unwrap(), None);
        assert_eq!(rest.records, 7);
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
            ("a,\"never\nclosed\n", &["a,\"never\n", "closed\n"], 2, 2),
            ("a,\"never\nb,\"c\",d\n", &["a,\"never\n", "b,\"c\",d\n"], 2, 2),
            ("a,\"x\ny\",\"never\nb", &["a,\"x\ny\",\"never\n", "b"], 2, 2),
            ("\"x\"\r\ny", &["\"x\"\r\n", "y"], 2, 1),
            ("\"x\n\"\ry", &["\"x\n", "\"\ry"], 2, 1),
            ("\"x\n\"\r", &["\"x\n\"\r"], 1, 1),
            ("\n\r\na\n\n", &["\n", "\r\n", "a\n", "\n"], 1, 4),
            ("\"a\"x,\"\n\"\nb", &["\"a\"x,\"\n\"\n", "b"], 2, 2),
            ("\"a\"x,\"\n\"y\nb", &["\"a\"x,\"\n", "\"y\n", "b"], 3, 2),
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
        for (text, begin, lines) in [("a\n12345\n", 2, 1), ("a\n\"2345\n6\n", 2, 1), ("123456789", 0, 0)] {
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

    #[test]
    fn a_mark_is_closed_within_the_limit_or_holds_nothing() {
        for (text, max, ends) in [
            ("\"a\nb\"\nc", 5, vec!["\"a\nb\"\n", "c"]),
            ("\"a\nb\"\nc", 4, vec!["\"a\n", "b\"\n", "c"]),
            ("\"\"\"\n\"\"\"\nc", 7, vec!["\"\"\"\n\"\"\"\n", "c"]),
            ("\"\"\"\n\"\"\"\nc", 6, vec!["\"\"\"\n", "\"\"\"\n", "c"]),
        ] {
            for step in [1, 2, 3, 100] {
                let found = records(text, Cutter { max_record: max, ..csv() }, step).0;
                assert_eq!(found, ends, "{text:?} with {max} by {step}");
            }
        }
    }

    /// The rule as it is told, without a thought for chunks or speed: where the record at the beginning of `text` ends.
    fn end_of_record(text: &[u8], max: usize) -> usize {
        let line_end =
            |from: usize| text[from..].iter().position(|b| *b == b'\n').map_or(text.len(), |n| from + n + 1);
        let (mut at, mut field_begins) = (0, true);
        while at < text.len() {
            if text[at] == b'\n' {
                return at + 1;
            }
            if text[at] != b'"' || !field_begins {
                field_begins = text[at] == b',';
                at += 1;
                continue;
            }
            let mut close = at + 1;
            while close < text.len() && (text[close] != b'"' || text.get(close + 1) == Some(&b'"')) {
                close += if text[close] == b'"' { 2 } else { 1 };
            }
            let behind = text.get(close + 1..).unwrap_or_default();
            let ends = matches!(behind, [] | [b',' | b'\n', ..] | [b'\r'] | [b'\r', b'\n', ..]);
            let holds = close < text.len().min(max) && ends;
            if !holds && (close >= text.len() || text[at..close].contains(&b'\n')) {
                return line_end(at);
            }
            (at, field_begins) = (close + 1, false);
        }
        text.len()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn records_end_where_the_rule_says_however_the_text_arrives(text in "[a,,\"\"\"\n\n\r]{0,40}", max in 1..60_usize) {
            let (mut wanted, mut rest) = (Vec::new(), text.as_str());
            while !rest.is_empty() {
                let (record, behind) = rest.split_at(end_of_record(rest.as_bytes(), max));
                wanted.push(record.to_owned());
                rest = behind;
            }
            // Lines beyond the limit are another matter.
            prop_assume!(wanted.iter().all(|r| r.trim_end_matches('\n').len() <= max));
            let cutter = Cutter { max_record: max, ..csv() };
            for step in [1, 2, 3, 7, 1000] {
                let (found, _, lines) = records(&text, cutter, step);
                prop_assert_eq!(&found, &wanted);
                prop_assert_eq!(lines, text.matches('\n').count() as u64);
            }
        }
    }
}
