//! The values of fields that no contract names, where a read keeps them: sealed, because nobody has said whether they are personal.
//!
//! One line for each chunk of records: whose they are, and a sealed block of lines of JSON, one for each record that has such fields. They are artefacts of
//! the epoch that committed their records, under the port `unknown`, and are kept as dead letters are.

use crate::dead::record_id;
use crate::manifest::{ChannelSegment, FORMAT};
use crate::seal::Sealer;
use crate::source::{Origin, UnknownRow};
use crate::store::{ArtefactWriter, Store};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use staunch_types::{Error, Result, codes, planted};
use std::io::{BufRead, BufReader, Write};

/// The port.
pub const UNKNOWN: &str = "unknown";

/// The far end of the edge from a read to what it keeps: no stage can be called so.
pub const KEPT: &str = "kept fields";

/// The kept values of some records of one file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnknownBlock {
    /// [`FORMAT`](crate::manifest::FORMAT).
    pub format: u32,
    /// The read.
    pub read: String,
    /// The contract that does not name them.
    pub contract: String,
    /// `connection/object`.
    pub object: String,
    /// The file.
    pub file: String,
    /// The version of the file.
    pub version: u32,
    /// The place of the first of the records.
    pub place: u64,
    /// How many records they are.
    pub rows: u64,
    /// The key that sealed them.
    pub key: String,
    /// The lines, sealed, as base64.
    pub sealed: String,
}

/// A line of a block.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    place: u64,
    fields: Box<serde_json::value::RawValue>,
}

/// The kept values of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The record id.
    pub id: String,
    /// A JSON object: by name in the file. Of several fields with one name the later ones have `#2`, `#3` behind it.
    pub fields: String,
}

fn seal_name(block: &UnknownBlock) -> String {
    format!("unknown {}", record_id(&block.object, &block.file, block.version, block.place))
}

impl UnknownBlock {
    /// The records.
    ///
    /// # Errors
    /// `DeadLetters.Invalid` with another key; `Store.Corrupt`.
    pub fn open(&self, sealer: &Sealer) -> Result<Vec<Kept>> {
        let damaged = || {
            Error::new(codes::STORE_CORRUPT, format!("kept fields of `{}` are damaged", self.file))
                .hint("restore the state folder from a backup")
        };
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| damaged())?;
        let text = sealer.open(&seal_name(self), &sealed)?;
        let lines = text.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        let kept: Vec<Kept> = lines
            .map(|line| {
                let line: Line = serde_json::from_slice(line).map_err(|_| damaged())?;
                let id = record_id(&self.object, &self.file, self.version, line.place);
                Ok(Kept { id, fields: line.fields.get().to_owned() })
            })
            .collect::<Result<_>>()?;
        if kept.len() as u64 == self.rows { Ok(kept) } else { Err(damaged()) }
    }
}

/// Writes the kept fields of one epoch and one read, chunk by chunk.
pub struct UnknownWriter {
    out: Box<dyn ArtefactWriter>,
    name: String,
    read: String,
    contract: String,
    object: String,
    rows: u64,
    bytes: u64,
}

impl UnknownWriter {
    /// Begins the artefact `name` of a read of `object` under `contract`.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn create(store: &dyn Store, name: String, read: &str, object: &str, contract: &str) -> Result<Self> {
        let (read, object, contract) = (read.to_owned(), object.to_owned(), contract.to_owned());
        Ok(Self { out: store.create(&name)?, name, read, contract, object, rows: 0, bytes: 0 })
    }

    /// Seals and adds the rows of a chunk.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn write(&mut self, origin: &Origin, rows: &[UnknownRow], sealer: &Sealer) -> Result<()> {
        let lost = usize::from(planted::bug("lose_unknown") && !rows.is_empty());
        let rows = rows.get(lost..).unwrap_or_default();
        let Some(first) = rows.first() else { return Ok(()) };
        let encoded = |e: serde_json::Error| {
            Error::new(codes::INTERNAL, "a field that the contract does not name cannot be encoded")
                .cause(e.classify_word())
                .hint("report this")
        };
        let mut lines = Vec::new();
        for row in rows {
            let text = String::from_utf8_lossy(&row.fields).into_owned();
            let fields = serde_json::value::RawValue::from_string(text).map_err(encoded)?;
            serde_json::to_writer(&mut lines, &Line { place: row.place, fields }).map_err(encoded)?;
            lines.push(b'\n');
        }
        let mut block = UnknownBlock {
            format: FORMAT,
            read: self.read.clone(),
            contract: self.contract.clone(),
            object: self.object.clone(),
            file: origin.listed.path.clone(),
            version: origin.version,
            place: first.place,
            rows: rows.len() as u64,
            key: sealer.key_id().to_owned(),
            sealed: String::new(),
        };
        block.sealed = STANDARD.encode(sealer.seal(&seal_name(&block), &lines)?);
        let mut line = serde_json::to_vec(&block).map_err(encoded)?;
        line.push(b'\n');
        self.out.write_all(&line).map_err(|e| {
            Error::new(codes::STORE, "cannot keep fields that the contract does not name")
                .cause(e.to_string())
                .hint("free some space, then start again")
        })?;
        self.rows += block.rows;
        self.bytes += line.len() as u64;
        Ok(())
    }

    /// Makes them durable.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn finish(self) -> Result<ChannelSegment> {
        self.out.finish()?;
        Ok(ChannelSegment {
            stage: self.read,
            port: UNKNOWN.to_owned(),
            name: self.name,
            rows: self.rows,
            bytes: self.bytes,
        })
    }
}

/// A word about an error of JSON that quotes no data.
trait Classified {
    fn classify_word(&self) -> String;
}

impl Classified for serde_json::Error {
    fn classify_word(&self) -> String {
        format!("{:?}", self.classify())
    }
}

/// Reads the blocks of a segment one by one.
///
/// # Errors
/// `Store.Corrupt` if it is missing; each item may be `Store.Corrupt` for a damaged line.
pub fn read_unknown(
    store: &dyn Store,
    segment: &ChannelSegment,
) -> Result<impl Iterator<Item = Result<UnknownBlock>> + use<>> {
    let lines = BufReader::new(store.open(&segment.name)?).lines();
    let name = segment.name.clone();
    Ok(lines.map(move |line| {
        let damaged = || Error::new(codes::STORE_CORRUPT, format!("`{name}` is damaged"));
        serde_json::from_str(&line.map_err(|_| damaged())?).map_err(|_| damaged())
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::ProfileKey;
    use crate::source::Listed;
    use crate::store::ObjectStoreBacked;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    #[test]
    fn kept_fields_come_back_with_their_key_alone() {
        let store = ObjectStoreBacked::new(Arc::new(InMemory::new()), "r");
        let sealer = ProfileKey::new([1; 32]).sealer();
        let mut writer =
            UnknownWriter::create(&store, "segments/u".into(), "clicks", "in/clicks", "click@1").unwrap();
        let listed = Listed { path: "a.csv".into(), size: 9, modified: 0 };
        let origin = Origin { listed, version: 2 };
        let row = |place, fields: &str| UnknownRow { place, fields: fields.as_bytes().to_vec() };
        let rows = [row(7, r#"{"x":"canary-7f3a","n":12345678901234567890}"#), row(9, r#"{"x":null}"#)];
        writer.write(&origin, &rows, &sealer).unwrap();
        writer.write(&origin, &[], &sealer).unwrap();
        let segment = writer.finish().unwrap();
        assert_eq!((segment.rows, segment.port.as_str()), (2, UNKNOWN));
        let stored = futures::executor::block_on(store.get("segments/u")).unwrap().unwrap();
        assert!(!String::from_utf8(stored).unwrap().contains("canary"));
        let blocks: Vec<_> = read_unknown(&store, &segment).unwrap().map(Result::unwrap).collect();
        let kept = blocks[0].open(&sealer).unwrap();
        assert_eq!(kept[0].id, "in/clicks/a.csv@2#7");
        assert_eq!(kept[0].fields, r#"{"x":"canary-7f3a","n":12345678901234567890}"#, "as it stood");
        assert_eq!(kept[1].id, "in/clicks/a.csv@2#9");
        assert!(blocks[0].open(&ProfileKey::new([2; 32]).sealer()).is_err());
    }
}
