//! Events for the benchmark: 20 columns, the same bytes for the same seed, as CSV and NDJSON.
//!
//! Low cardinality: `country` (40), `channel` (6), `city` (1,000). High: `product` (100,000), `user_id` (half the rows).
//! Doubles are decimals of two places, so that sums can be compared after rounding. Nothing is null.

use staunch_types::{Rng, SeededRng};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The names of the columns, in order.
pub(crate) const COLUMNS: [(&str, &str); 20] = [
    ("id", "long"),
    ("user_id", "long"),
    ("session", "long"),
    ("account", "int"),
    ("quantity", "int"),
    ("status_code", "int"),
    ("latency_ms", "int"),
    ("price", "double"),
    ("discount", "double"),
    ("tax", "double"),
    ("total", "double"),
    ("score", "double"),
    ("is_member", "boolean"),
    ("is_mobile", "boolean"),
    ("country", "string"),
    ("city", "string"),
    ("product", "string"),
    ("channel", "string"),
    ("note", "string"),
    ("created", "timestamp-micros"),
];

/// 2026-01-01T00:00:00Z in seconds since 1970.
const START: u64 = 1_767_225_600;

const CHANNELS: [&str; 6] = ["web", "app", "shop", "phone", "partner", "mail"];
const STATUS: [u64; 8] = [200, 200, 200, 200, 201, 304, 404, 500];

/// How a value is written: in NDJSON text and times stand in quotes.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Bare,
    Quoted,
}

/// One row as a list of texts in one buffer, reused from row to row.
#[derive(Default)]
struct Row {
    text: Vec<u8>,
    ends: Vec<(usize, bool)>,
}

impl Row {
    fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }

    fn end(&mut self, form: Form) {
        self.ends.push((self.text.len(), form == Form::Quoted));
    }

    fn number(&mut self, value: u64) {
        push_number(&mut self.text, value);
        self.end(Form::Bare);
    }

    fn cents(&mut self, value: u64) {
        push_cents(&mut self.text, value);
        self.end(Form::Bare);
    }

    fn boolean(&mut self, value: bool) {
        self.text.extend_from_slice(if value { b"true" } else { b"false" });
        self.end(Form::Bare);
    }

    fn string(&mut self, parts: &[&[u8]]) {
        for part in parts {
            self.text.extend_from_slice(part);
        }
        self.end(Form::Quoted);
    }

    fn instant(&mut self, seconds: u64) {
        push_instant(&mut self.text, seconds);
        self.end(Form::Quoted);
    }

    fn values(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let starts = std::iter::once(0).chain(self.ends.iter().map(|(end, _)| *end));
        starts.zip(&self.ends).map(|(start, (end, quoted))| (&self.text[start..*end], *quoted))
    }
}

pub(super) fn push_number(out: &mut Vec<u8>, value: u64) {
    let mut digits = [0_u8; 20];
    let (mut at, mut rest) = (digits.len(), value);
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

pub(super) fn push_padded(out: &mut Vec<u8>, value: u64, width: u32) {
    for place in (0..width).rev() {
        out.push(b'0' + u8::try_from(value / 10_u64.pow(place) % 10).unwrap_or(0));
    }
}

pub(super) fn push_cents(out: &mut Vec<u8>, value: u64) {
    push_number(out, value / 100);
    out.push(b'.');
    push_padded(out, value % 100, 2);
}

/// `YYYY-MM-DDTHH:MM:SSZ`, by the civil-from-days algorithm of Howard Hinnant (`chrono-compatible low-level date
/// algorithms`), for times from 1970 on.
pub(super) fn push_instant(out: &mut Vec<u8>, seconds: u64) {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    for (value, width, after) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (second / 3600, 2, b':'),
        (second / 60 % 60, 2, b':'),
        (second % 60, 2, b'Z'),
    ] {
        push_padded(out, value, width);
        out.push(after);
    }
}

/// Takes small random numbers out of 64 bits at a time.
pub(super) struct Chance {
    rng: SeededRng,
}

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self { rng: SeededRng::new(seed) }
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        // The high half of a product: no division, and a bias that does not matter here.
        u64::try_from((u128::from(self.rng.next()) * u128::from(bound)) >> 64).unwrap_or(0)
    }
}

fn fill(row: &mut Row, chance: &mut Chance, number: u64, rows: u64, quoted: bool) {
    row.clear();
    let mut small = Vec::with_capacity(16);
    let quantity = 1 + chance.below(9);
    let price = 99 + chance.below(49_900);
    let discount = chance.below(price / 4 + 1);
    let net = (price - discount) * quantity;
    let tax = net * 19 / 100;
    row.number(number);
    row.number(chance.below(rows / 2 + 1));
    row.number(chance.below(1 << 53));
    row.number(chance.below(1_000_000));
    row.number(quantity);
    row.number(STATUS[usize::try_from(chance.below(8)).unwrap_or(0)]);
    row.number(chance.below(1000));
    row.cents(price);
    row.cents(discount);
    row.cents(tax);
    row.cents(net + tax);
    row.cents(chance.below(10_000));
    row.boolean(chance.below(2) == 1);
    row.boolean(chance.below(3) == 1);
    let country = chance.below(40);
    let letter = |n: u64| b'A' + u8::try_from(n % 26).unwrap_or(0);
    row.string(&[&[letter(country), letter(country / 26 + country * 7)]]);
    push_padded(&mut small, chance.below(1000), 4);
    row.string(&[b"city ", &small]);
    small.clear();
    push_padded(&mut small, chance.below(100_000), 6);
    row.string(&[b"p-", &small]);
    row.string(&[CHANNELS[usize::try_from(chance.below(6)).unwrap_or(0)].as_bytes()]);
    small.clear();
    let bits = chance.rng.next();
    for place in 0..8 + bits % 5 {
        small.push(b'a' + u8::try_from((bits >> (place * 5)) % 26).unwrap_or(0));
    }
    if quoted && bits.is_multiple_of(32) {
        small[3] = b',';
    }
    row.string(&[&small]);
    row.instant(START + number / 10);
}

fn write_csv(out: &mut impl Write, row: &Row, wrong: Wrong) -> io::Result<()> {
    for (index, (value, _)) in row.values().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        match wrong {
            Wrong::BrokenOff if index == WRONG_COLUMN => break,
            Wrong::Number if index == WRONG_COLUMN => out.write_all(b"many")?,
            Wrong::Range if index == WRONG_COLUMN => out.write_all(b"99999999999999")?,
            _ if value.contains(&b',') => {
                out.write_all(b"\"")?;
                out.write_all(value)?;
                out.write_all(b"\"")?;
            }
            _ => out.write_all(value)?,
        }
    }
    out.write_all(b"\n")
}

fn write_json(out: &mut impl Write, row: &Row, keys: &[String], wrong: Wrong) -> io::Result<()> {
    for (index, ((value, quoted), key)) in row.values().zip(keys).enumerate() {
        out.write_all(key.as_bytes())?;
        match wrong {
            Wrong::BrokenOff if index == WRONG_COLUMN => return out.write_all(b"\n"),
            Wrong::Number if index == WRONG_COLUMN => out.write_all(b"\"many\"")?,
            Wrong::Range if index == WRONG_COLUMN => out.write_all(b"99999999999999")?,
            _ if quoted => {
                out.write_all(b"\"")?;
                out.write_all(value)?;
                out.write_all(b"\"")?;
            }
            _ => out.write_all(value)?,
        }
    }
    out.write_all(b"}\n")
}

/// What is wrong with the row of this number: one in a hundred, by turns a number that is none, a number beyond its range, and a
/// record that breaks off.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    Number,
    Range,
    BrokenOff,
}

impl Wrong {
    fn of(number: u64, bad: bool) -> Self {
        match number % 300 {
            37 if bad => Self::Number,
            137 if bad => Self::Range,
            237 if bad => Self::BrokenOff,
            _ => Self::Nothing,
        }
    }
}

/// The column of [`Wrong::Number`] and [`Wrong::Range`]: `quantity`.
const WRONG_COLUMN: usize = 4;

/// Writes `events.csv` and `events.ndjson` into `dir`, unless they are there already for these arguments. With `bad` one row
/// in a hundred is bad, the others are the same.
///
/// # Errors
/// What the operating system says.
pub(crate) fn events(dir: &Path, rows: u64, seed: u64, quoted: bool, bad: bool) -> io::Result<()> {
    let mark = dir.join("made");
    let which = if bad { ", bad" } else { "" };
    let wanted = format!("version 1, {rows} rows, seed {seed}, quoted {quoted}{which}\n");
    if std::fs::read_to_string(&mark).is_ok_and(|text| text == wanted) {
        return Ok(());
    }
    std::fs::create_dir_all(dir)?;
    let mut csv = BufWriter::with_capacity(1 << 20, File::create(dir.join("events.csv"))?);
    let mut json = BufWriter::with_capacity(1 << 20, File::create(dir.join("events.ndjson"))?);
    let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
    writeln!(csv, "{}", names.join(","))?;
    let keys: Vec<String> = names
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{}\"{name}\":", if index == 0 { "{" } else { "," }))
        .collect();
    let mut chance = Chance::new(seed);
    let mut row = Row::default();
    for number in 0..rows {
        fill(&mut row, &mut chance, number, rows, quoted);
        let wrong = Wrong::of(number, bad);
        write_csv(&mut csv, &row, wrong)?;
        write_json(&mut json, &row, &keys, wrong)?;
    }
    csv.flush()?;
    json.flush()?;
    std::fs::write(mark, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(seconds: u64) -> String {
        let mut out = Vec::new();
        push_instant(&mut out, seconds);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn instants_are_civil() {
        assert_eq!(instant(0), "1970-01-01T00:00:00Z");
        assert_eq!(instant(START), "2026-01-01T00:00:00Z");
        assert_eq!(instant(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(instant(4_107_542_399), "2100-02-28T23:59:59Z");
    }

    #[test]
    fn one_seed_gives_one_file() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        events(one.path(), 100, 7, true, false).unwrap();
        events(two.path(), 100, 7, true, false).unwrap();
        let read = |dir: &Path, name| std::fs::read_to_string(dir.join(name)).unwrap();
        assert_eq!(read(one.path(), "events.csv"), read(two.path(), "events.csv"));
        let json = read(one.path(), "events.ndjson");
        assert_eq!(json, read(two.path(), "events.ndjson"));
        assert_eq!(json.lines().count(), 100);
        for line in json.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert_eq!(value.as_object().unwrap().len(), COLUMNS.len());
        }
        let before = read(two.path(), "events.csv");
        events(two.path(), 100, 8, true, false).unwrap();
        assert_ne!(before, read(two.path(), "events.csv"));
    }

    #[test]
    fn one_row_in_a_hundred_is_bad_and_the_others_are_the_same() {
        let (good, bad) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        events(good.path(), 600, 7, true, false).unwrap();
        events(bad.path(), 600, 7, true, true).unwrap();
        for name in ["events.csv", "events.ndjson"] {
            let read = |dir: &Path| std::fs::read_to_string(dir.join(name)).unwrap();
            let (good, bad) = (read(good.path()), read(bad.path()));
            assert_eq!(good.lines().count(), bad.lines().count());
            let differ: Vec<usize> = (good.lines().zip(bad.lines()).enumerate())
                .filter(|(_, (good, bad))| good != bad)
                .map(|(line, _)| line - usize::from(name.ends_with("csv")))
                .collect();
            assert_eq!(differ, [37, 137, 237, 337, 437, 537], "{name}");
        }
    }
}
