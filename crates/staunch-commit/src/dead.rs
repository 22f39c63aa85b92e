//! Dead letters as they are stored: one JSON object a line, the raw bytes sealed.

use crate::manifest::{ChannelSegment, FORMAT};
use crate::seal::Sealer;
use crate::source::DeadRow;
use crate::store::{ArtefactWriter, Store};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use staunch_types::{Error, RegionId, Result, codes, planted};
use std::io::{BufRead, BufReader, Write};

/// The id of a record: connection and object, origin (path and version), place. Printable, stable over re-runs and rebuilt
/// machines.
#[must_use]
pub fn record_id(object: &str, path: &str, version: u32, place: u64) -> String {
    format!("{object}/{path}@{version}#{place}")
}

/// The stored form of a record id: xxh3-128 of its text.
#[must_use]
pub fn record_hash(id: &str) -> u128 {
    xxhash_rust::xxh3::xxh3_128(id.as_bytes())
}

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// [`FORMAT`](crate::manifest::FORMAT).
    pub format: u32,
    /// The record id.
    pub id: String,
    /// For a row that a target refused: the region that wrote it. Its id counts epochs, which other regions count too.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub region: Option<RegionId>,
    /// The read that found it; for a row that a target refused, a read above the write.
    pub read: String,
    /// The stage that rejected it; the letter re-enters there and only there.
    pub stage: String,
    /// Why, for programs.
    pub code: String,
    /// Why, for people; no value of the record.
    pub reason: String,
    /// The field that is to blame.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub field: Option<String>,
    /// The contract and version that it was read with.
    pub contract: String,
    /// The file.
    pub file: String,
    /// The version of the file.
    pub version: u32,
    /// The place in the file: byte offset in the decompressed file, or row number (Parquet, Avro).
    pub place: u64,
    /// The line, from 1, for text formats.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub line: Option<u64>,
    /// How often it was tried.
    pub attempts: u32,
    /// The key that sealed it.
    pub key: String,
    /// The raw record, sealed, as base64.
    pub sealed: String,
}

impl DeadLetter {
    /// The raw record.
    ///
    /// # Errors
    /// `DeadLetters.Invalid` with another key.
    pub fn raw(&self, sealer: &Sealer) -> Result<Vec<u8>> {
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| {
            Error::new(codes::DEAD_LETTER, format!("the dead letter `{}` is damaged", self.id))
                .hint("restore the state folder from a backup")
        })?;
        sealer.open(&seal_name(self.region.as_ref(), &self.id), &sealed)
    }
}

/// What a letter is sealed for: the nonce is made of it. Record ids begin with a connection, so no region begins one.
pub(crate) fn seal_name(region: Option<&RegionId>, id: &str) -> String {
    match region {
        Some(region) => format!("{region} {id}"),
        None => id.to_owned(),
    }
}

/// Where the rejected rows of one stage come from.
#[derive(Debug, Clone)]
pub struct DeadOrigin<'a> {
    /// The read.
    pub read: &'a str,
    /// The rejecting stage.
    pub stage: &'a str,
    /// `connection/object`.
    pub object: &'a str,
    /// The file.
    pub path: &'a str,
    /// Its version.
    pub version: u32,
    /// The contract id.
    pub contract: &'a str,
    /// How often these rows were tried, this time included.
    pub attempts: u32,
}

/// Writes the dead letters of one epoch and one read. They go to disk as they come: a run may reject more than memory
/// holds.
pub struct DeadWriter {
    out: Box<dyn ArtefactWriter>,
    name: String,
    stage: String,
    rows: u64,
    bytes: u64,
}

impl DeadWriter {
    /// Begins the artefact `name`.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn create(store: &dyn Store, name: String, stage: &str) -> Result<Self> {
        Ok(Self { out: store.create(&name)?, name, stage: stage.to_owned(), rows: 0, bytes: 0 })
    }

    /// Seals and adds rejected rows.
    ///
    /// # Errors
    /// `Store.*`.
    pub fn write(&mut self, origin: &DeadOrigin<'_>, rows: &[DeadRow], sealer: &Sealer) -> Result<()> {
        for row in rows {
            if planted::bug("lose_dead_letter") && self.rows == 0 {
                self.rows = 1;
                continue;
            }
            let id = record_id(origin.object, origin.path, origin.version, row.place);
            let letter = DeadLetter {
                format: FORMAT,
                id,
                region: None,
                read: origin.read.to_owned(),
                stage: origin.stage.to_owned(),
                code: row.code.name.to_owned(),
                reason: row.reason.clone(),
                field: row.field.clone(),
                contract: origin.contract.to_owned(),
                file: origin.path.to_owned(),
                version: origin.version,
                place: row.place,
                line: row.line,
                attempts: origin.attempts,
                key: String::new(),
                sealed: String::new(),
            };
            self.seal(letter, &row.raw, sealer)?;
        }
        Ok(())
    }

    /// Seals `raw` into a letter and adds it.
    pub(crate) fn seal(&mut self, mut letter: DeadLetter, raw: &[u8], sealer: &Sealer) -> Result<()> {
        let sealed = sealer.seal(&seal_name(letter.region.as_ref(), &letter.id), raw)?;
        letter.sealed = STANDARD.encode(sealed);
        sealer.key_id().clone_into(&mut letter.key);
        let mut line = serde_json::to_vec(&letter).map_err(|e| {
            Error::new(codes::INTERNAL, "a dead letter cannot be encoded").cause(e.to_string())
        })?;
        line.push(b'\n');
        self.out.write_all(&line).map_err(|e| {
            Error::new(codes::STORE, "cannot write dead letters")
                .cause(e.to_string())
                .hint("free some space, then start again")
        })?;
        self.rows += 1;
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
            stage: self.stage,
            port: "dead".to_owned(),
            name: self.name,
            rows: self.rows,
            bytes: self.bytes,
        })
    }
}

/// Reads the dead letters of a segment one by one.
///
/// # Errors
/// `Store.Corrupt` if it is missing; each item may be `Store.Corrupt` for a damaged line.
pub fn read_dead(
    store: &dyn Store,
    segment: &ChannelSegment,
) -> Result<impl Iterator<Item = Result<DeadLetter>> + use<>> {
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
    use crate::store::ObjectStoreBacked;
    use object_store::memory::InMemory;
    use std::sync::Arc;

    #[test]
    fn letters_come_back_and_hold_no_raw_text() {
        let store = ObjectStoreBacked::new(Arc::new(InMemory::new()), "r");
        let sealer = ProfileKey::new([1; 32]).sealer();
        let mut writer = DeadWriter::create(&store, "segments/d".into(), "flights").unwrap();
        let row = DeadRow {
            place: 17,
            line: Some(3),
            raw: b"canary-7f3a".to_vec(),
            code: codes::DECODE_TYPE,
            reason: "not an int".into(),
            field: Some("year".into()),
        };
        let origin = DeadOrigin {
            read: "flights",
            stage: "flights",
            object: "nyc/flights",
            path: "a.csv",
            version: 1,
            contract: "flight@1",
            attempts: 1,
        };
        writer.write(&origin, &[row], &sealer).unwrap();
        let segment = writer.finish().unwrap();
        let stored = futures::executor::block_on(store.get("segments/d")).unwrap().unwrap();
        assert!(!String::from_utf8(stored).unwrap().contains("canary"));
        let letters: Vec<_> = read_dead(&store, &segment).unwrap().map(Result::unwrap).collect();
        assert_eq!(letters[0].id, "nyc/flights/a.csv@1#17");
        assert_eq!(letters[0].raw(&sealer).unwrap(), b"canary-7f3a");
    }
}
