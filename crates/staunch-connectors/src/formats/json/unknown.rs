//! Keys that the contract does not name.

use super::lex::byte;
use crate::read::unknown::Object;
use staunch_commit::Drift;
use std::collections::{BTreeSet, HashMap};

/// What a key of an object means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// A field of the contract.
    Field(usize),
    /// A field whose value the path says.
    Given,
    /// The number of a name that the contract does not have.
    Unknown(u32),
}

/// So many names have a number at most: objects whose keys are data must not fill the memory. Beyond it the half that comes last in the
/// alphabet is counted together, which [`Drift`] would do with them anyway.
const NUMBERED: usize = 1 << 16;
/// The number of all names that have none.
const OTHER: u32 = u32::MAX;

/// The unknown fields of the rows of a chunk.
pub(super) struct Unknowns<'a> {
    given: &'a BTreeSet<String>,
    keeps: bool,
    numbers: HashMap<Vec<u8>, u32>,
    names: Vec<Name>,
    others: u64,
    /// Numbers that were given out mean nothing any more.
    renumbered: bool,
    /// Those of the row at hand.
    row: Vec<Found>,
    rows: Vec<(u32, Vec<u8>)>,
}

#[derive(Debug, Default)]
struct Name {
    text: String,
    rows: u64,
    /// The last row that had it, plus 1: a name that stands twice in an object is counted once.
    last: u32,
    types: BTreeSet<&'static str>,
}

/// A member of an object: the number of its name, and where key (without quotation marks) and value stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) name: u32,
    pub(super) key: (u32, u32),
    pub(super) value: (u32, u32),
}

impl<'a> Unknowns<'a> {
    pub(super) fn new(given: &'a BTreeSet<String>, keeps: bool) -> Self {
        Self {
            given,
            keeps,
            numbers: HashMap::new(),
            names: Vec::new(),
            others: 0,
            renumbered: false,
            row: Vec::new(),
            rows: Vec::new(),
        }
    }

    /// The meaning of a key that is no field of the file.
    pub(super) fn key(&mut self, key: &[u8]) -> Key {
        if let Some(number) = self.numbers.get(key) {
            return Key::Unknown(*number);
        }
        let text = String::from_utf8_lossy(key).into_owned();
        if self.given.contains(&text) {
            return Key::Given;
        }
        if self.names.len() >= NUMBERED {
            self.halve();
        }
        let number = u32::try_from(self.names.len()).unwrap_or(OTHER);
        self.names.push(Name { text, ..Name::default() });
        self.numbers.insert(key.to_vec(), number);
        Key::Unknown(number)
    }

    fn halve(&mut self) {
        let mut order: Vec<u32> = (0..).take(self.names.len()).collect();
        order.sort_by(|a, b| self.names[*a as usize].text.cmp(&self.names[*b as usize].text));
        let mut to = vec![OTHER; order.len()];
        for (number, old) in (0..).zip(order.iter().take(NUMBERED / 2)) {
            to[*old as usize] = number;
        }
        let names = std::mem::take(&mut self.names);
        let mut kept: Vec<Name> = (0..NUMBERED / 2).map(|_| Name::default()).collect();
        for (name, number) in names.into_iter().zip(&to) {
            match kept.get_mut(*number as usize) {
                Some(slot) => *slot = name,
                None => self.others += name.rows,
            }
        }
        self.names = kept;
        let new = |old: u32| to.get(old as usize).copied().unwrap_or(OTHER);
        self.numbers.values_mut().for_each(|number| *number = new(*number));
        self.numbers.retain(|_, number| *number != OTHER);
        self.row.iter_mut().for_each(|found| found.name = new(found.name));
        self.renumbered = true;
    }

    /// Whether numbers that were remembered are to be forgotten; asked once.
    pub(super) fn take_renumbered(&mut self) -> bool {
        std::mem::take(&mut self.renumbered)
    }

    /// Notes one of the row at hand.
    pub(super) fn found(&mut self, found: Found) {
        self.row.push(found);
    }

    /// Forgets those of the row at hand: the record is dead as a whole.
    pub(super) fn undo(&mut self) {
        self.row.clear();
    }

    /// Ends the row at hand.
    #[inline]
    pub(super) fn row(&mut self, text: &[u8], row: usize) {
        if !self.row.is_empty() {
            self.put(text, u32::try_from(row).unwrap_or(u32::MAX));
        }
    }

    fn put(&mut self, text: &[u8], row: u32) {
        let part = |(begin, end): (u32, u32)| text.get(begin as usize..end as usize).unwrap_or_default();
        for found in &self.row {
            let Some(name) = self.names.get_mut(found.name as usize) else {
                self.others += 1;
                continue;
            };
            if name.last != row + 1 {
                (name.last, name.rows) = (row + 1, name.rows + 1);
            }
            if self.keeps {
                name.types.extend(kind(part(found.value)));
            }
        }
        if self.keeps {
            let (mut object, mut seen) = (Object::new(), HashMap::<&[u8], usize>::new());
            for found in &self.row {
                let times = seen.entry(part(found.key)).or_default();
                *times += 1;
                let again = if *times > 1 { format!("#{times}") } else { String::new() };
                // The chunk is UTF-8, or the line would not have come here.
                let key = format!("\"{}{again}\"", String::from_utf8_lossy(part(found.key)));
                object.put(&key, part(found.value));
            }
            self.rows.push((row, object.end()));
        }
        self.row.clear();
    }

    /// The objects by row; names, counts and types are noted.
    pub(super) fn finish(self, drift: &mut Drift) -> Vec<(u32, Vec<u8>)> {
        for name in self.names.iter().filter(|n| n.rows > 0) {
            if is_name(&name.text) {
                drift.unknown(&name.text, name.rows);
                name.types.iter().for_each(|ty| drift.unknown_type(&name.text, ty));
            } else {
                drift.others += name.rows;
            }
        }
        drift.others += self.others;
        self.rows
    }
}

/// Whether a field could be called so. The names of a header are a schema, but a key of JSON may be data, such as an address: what is no name is
/// counted and not told.
fn is_name(key: &str) -> bool {
    key.len() <= 100
        && !key.starts_with(|c: char| c.is_ascii_digit())
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The type of a value, as a contract writes it; none of null.
fn kind(value: &[u8]) -> Option<&'static str> {
    Some(match byte(value, 0) {
        b'n' => return None,
        b't' | b'f' => "boolean",
        b'"' => "string",
        b'[' => "array",
        b'{' => "object",
        _ if std::str::from_utf8(value).is_ok_and(|n| n.parse::<i64>().is_ok()) => "long",
        _ => "double",
    })
}

#[cfg(test)]
mod tests {
    use super::{Found, Key, NUMBERED, Unknowns};
    use staunch_commit::Drift;
    use std::collections::BTreeSet;

    #[test]
    fn keys_without_end_take_memory_with_an_end_and_none_is_lost() {
        let given = BTreeSet::new();
        let mut unknowns = Unknowns::new(&given, false);
        let (mut expected, many) = (Drift::default(), 5 * NUMBERED);
        for n in 0..many {
            // In an order that has nothing to do with the alphabet.
            let name = format!("k{:07}", n * 7919 % many);
            expected.unknown(&name, 1);
            let Key::Unknown(number) = unknowns.key(name.as_bytes()) else { panic!() };
            unknowns.found(Found { name: number, key: (0, 0), value: (0, 0) });
            if n % 1000 == 999 {
                unknowns.row(b"", n);
            }
        }
        unknowns.row(b"", many);
        assert!(unknowns.names.len() <= NUMBERED && unknowns.numbers.len() <= NUMBERED);
        let mut drift = Drift::default();
        assert!(unknowns.finish(&mut drift).is_empty());
        assert_eq!(drift, expected);
    }
}
