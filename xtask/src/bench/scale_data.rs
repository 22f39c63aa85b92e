//! Inputs of `bench scale`: rows of eight columns, the same for the same seed, and what their sums are.

use super::generate::{Chance, push_cents, push_instant, push_number, push_padded};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// The contract of the rows.
pub(super) const FIELDS: &str = "  id: long
  key: long
  quantity: int
  price: double
  country: string
  note: string
  is_member: boolean
  created: timestamp-micros
";

const HEADER: &str = "id,key,quantity,price,country,note,is_member,created\n";

/// 2026-01-01T00:00:00Z in seconds since 1970.
const START: u64 = 1_767_225_600;

/// What every reader of the rows must come to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Totals {
    /// Rows.
    pub(super) rows: u64,
    /// Different keys.
    pub(super) keys: u64,
    /// The sum of `quantity`.
    pub(super) quantity: u64,
}

fn row(out: &mut Vec<u8>, chance: &mut Chance, id: u64, keys: u64) -> (u64, u64) {
    let (key, quantity) = (chance.below(keys), 1 + chance.below(9));
    out.clear();
    for number in [id, key, quantity] {
        push_number(out, number);
        out.push(b',');
    }
    push_cents(out, 99 + chance.below(49_900));
    let country = chance.below(40);
    let letter = |n: u64| b'A' + u8::try_from(n % 26).unwrap_or(0);
    out.extend_from_slice(&[b',', letter(country), letter(country / 26 + country * 7), b',']);
    out.extend_from_slice(b"n-");
    push_padded(out, chance.below(100_000_000), 8);
    out.extend_from_slice(if chance.below(2) == 1 { b",true," } else { b",false," });
    push_instant(out, START + id / 100);
    out.push(b'\n');
    (key, quantity)
}

/// Writes one file of `rows` rows with keys below `keys`, unless it is there already.
///
/// # Errors
/// What the operating system says.
pub(super) fn one(file: &Path, rows: u64, keys: u64, seed: u64) -> io::Result<Totals> {
    let mark = file.with_extension("made");
    let wanted = format!("version 1, {rows} rows, {keys} keys, seed {seed}");
    let known = std::fs::read_to_string(&mark).ok().and_then(|text| {
        let (what, totals) = text.split_once('\n')?;
        serde_json::from_str::<Totals>(totals).ok().filter(|_| what == wanted)
    });
    if let (Some(totals), true) = (known, file.is_file()) {
        return Ok(totals);
    }
    std::fs::create_dir_all(file.parent().unwrap_or(file))?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    out.write_all(HEADER.as_bytes())?;
    let (mut chance, mut text) = (Chance::new(seed), Vec::new());
    let mut seen = vec![false; usize::try_from(keys).unwrap_or(usize::MAX)];
    let mut totals = Totals::default();
    for id in 0..rows {
        let (key, quantity) = row(&mut text, &mut chance, id, keys);
        out.write_all(&text)?;
        seen[usize::try_from(key).unwrap_or(0)] = true;
        totals.quantity += quantity;
    }
    out.flush()?;
    totals.rows = rows;
    totals.keys = seen.iter().filter(|seen| **seen).count() as u64;
    std::fs::write(mark, format!("{wanted}\n{}", serde_json::to_string(&totals)?))?;
    Ok(totals)
}

/// Writes `files` files of `rows` rows each.
///
/// # Errors
/// What the operating system says.
pub(super) fn many(folder: &Path, files: u64, rows: u64, seed: u64) -> io::Result<Totals> {
    std::fs::create_dir_all(folder)?;
    let (mut chance, mut text) = (Chance::new(seed), Vec::new());
    let mut totals = Totals { rows: files * rows, ..Totals::default() };
    for file in 0..files {
        let mut content = HEADER.as_bytes().to_vec();
        for id in file * rows..(file + 1) * rows {
            totals.quantity += row(&mut text, &mut chance, id, 1000).1;
            content.extend_from_slice(&text);
        }
        std::fs::write(folder.join(format!("{file:08}.csv")), content)?;
    }
    Ok(totals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_those_of_the_rows() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("rows.csv");
        let made = one(&file, 500, 100, 7).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
        assert!(rows.iter().all(|row| row.len() == 8));
        let keys: std::collections::BTreeSet<&str> = rows.iter().map(|row| row[1]).collect();
        let quantity = rows.iter().map(|row| row[2].parse::<u64>().unwrap()).sum();
        assert_eq!(made, Totals { rows: 500, keys: keys.len() as u64, quantity });
        assert_eq!(one(&file, 500, 100, 7).unwrap(), made);
        assert_eq!(one(&file, 5, 100, 7).unwrap().rows, 5);
        let small = many(&dir.path().join("small"), 3, 4, 7).unwrap();
        assert_eq!((small.rows, std::fs::read_dir(dir.path().join("small")).unwrap().count()), (12, 3));
    }
}
