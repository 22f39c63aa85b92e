//! What the fuzz targets share: bytes in, every row of the read chain out, through the public source.
//!
//! **What it is.** One file in a folder of its own, read as a user's file is; what it came to as text that can be compared.
//!
//! **What it is not.** It knows no rule of a format: the targets say what must hold whatever the bytes are.
//!
//! **Invariants.** An error of the chain is a good answer, a panic, a hang or an unbalanced count is a finding.

use arrow::array::{Array, ArrayRef, RecordBatch};
use staunch_commit::source::RawRecord;
use staunch_commit::{Listed, Origin, ReadRows, Source, SplitPoint};
use staunch_connectors::read::SequentialTurn;
use staunch_connectors::systems::files::{FilesSource, FilesSourceSpec};
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::{Late, OptionValue, Options, Treatment, Validate};
use staunch_types::{Place, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A row of every scalar type, some of them nullable, with an event time and personal fields.
#[must_use]
pub fn contract() -> Arc<Contract> {
    let fields = [
        ("a", Type::Long, false, None),
        ("s", Type::String, true, None),
        ("t", Type::TimestampMicros, true, None),
        ("b", Type::Boolean, true, None),
        ("i", Type::Int, true, None),
        ("f", Type::Double, true, None),
        ("g", Type::Float, true, None),
        ("d", Type::Decimal { precision: 9, scale: 2 }, true, None),
        ("e", Type::Enum(vec!["red".to_owned(), "green".to_owned()]), true, None),
        ("y", Type::Date, true, None),
        ("m", Type::TimeMillis, true, None),
        ("x", Type::Bytes, true, None),
        ("u", Type::Uuid, true, None),
        ("l", Type::LocalTimestampMicros, true, None),
        ("p", Type::String, true, Some("email")),
        ("q", Type::String, true, Some("name")),
    ];
    named(fields.map(|(name, ty, nullable, pii)| (name.to_owned(), ty, nullable, pii)).to_vec())
}

/// A few texts: what is left of a row is how it was cut.
#[must_use]
pub fn texts(columns: usize) -> Arc<Contract> {
    named((0..columns).map(|n| (format!("c{n}"), Type::String, true, None)).collect())
}

fn named(fields: Vec<(String, Type, bool, Option<&str>)>) -> Arc<Contract> {
    let fields: Vec<Field> = fields
        .into_iter()
        .map(|(name, ty, nullable, pii)| Field::new(name, ty, nullable).with_pii(pii.map(str::to_owned)))
        .collect();
    let event_time = fields.iter().find(|f| f.ty == Type::TimestampMicros).map(|f| f.name.clone());
    Arc::new(Contract { event_time, ..Contract::new("row", 1, fields) })
}

/// The options of an object, as JSON.
#[must_use]
pub fn options(value: &serde_json::Value) -> Options {
    let entries = value.as_object().into_iter().flatten().map(|(key, value)| {
        (key.clone(), OptionValue { value: value.clone(), place: Place::file("staunch.yaml").at(1, 1) })
    });
    Options { entries: entries.collect() }
}

/// A source over the folder.
pub fn source(root: &Path, contract: &Arc<Contract>, object: &Options, chunk: usize) -> Result<FilesSource> {
    FilesSource::new(FilesSourceSpec {
        name: "fuzz/rows".to_owned(),
        project: root.to_path_buf(),
        connection: Options::default(),
        object: object.clone(),
        contract: Arc::clone(contract),
        late_after: Some(Duration::from_secs(5)),
        late: Late::Keep,
        validate: Validate::All,
        on_drift: None,
        pii: [("email", Treatment::Token), ("name", Treatment::Mask)].map(|(k, t)| (k.to_owned(), t)).into(),
        token_keys: BTreeMap::from([("email".to_owned(), [1; 32])]),
        chunk_bytes: Some(chunk),
    })
}

/// What a read came to.
#[derive(Debug, Default, PartialEq)]
pub struct Outcome {
    /// Place, line, raw record and values of each accepted row.
    pub rows: Vec<(u64, u64, Vec<u8>, String)>,
    /// Place, line, code, reason and raw record of each dead row.
    pub dead: Vec<(u64, u64, &'static str, String, Vec<u8>)>,
    /// Place and values of each late row.
    pub late: Vec<(u64, String)>,
}

/// The bytes of each row's values, and nothing of those that are null.
fn values(batch: &RecordBatch) -> Vec<String> {
    let cell = |column: &ArrayRef| match column.is_null(0) {
        true => "null".to_owned(),
        false => format!("{:?}", column.to_data().buffers().iter().map(|b| b.as_slice()).collect::<Vec<_>>()),
    };
    let row = |row| alone(batch, row).columns().iter().map(cell).collect::<Vec<_>>().join("|");
    (0..batch.num_rows()).map(row).collect()
}

/// Slices share their buffers: a copy of a row alone is what can be compared.
fn alone(batch: &RecordBatch, row: usize) -> RecordBatch {
    let index = arrow::array::UInt32Array::from(vec![u32::try_from(row).expect("few rows")]);
    let columns =
        batch.columns().iter().map(|c| arrow::compute::take(c, &index, None).expect("a row of a batch"));
    RecordBatch::try_new(batch.schema(), columns.collect()).expect("the same columns")
}

impl Outcome {
    fn add(&mut self, read: ReadRows) {
        assert_eq!(read.batch.num_rows(), read.places.len());
        for (row, (place, values)) in read.places.iter().zip(values(&read.batch)).enumerate() {
            self.rows.push((*place, read.raw.line(row).unwrap_or(0), read.raw.raw(row), values));
        }
        for dead in read.dead {
            self.dead.push((dead.place, dead.line.unwrap_or(0), dead.code.name, dead.reason, dead.raw));
        }
        if let Some((batch, places)) = read.late {
            self.late.extend(places.into_iter().zip(values(&batch)));
        }
    }
}

/// The pin of the one file in the folder.
pub fn pin(source: &FilesSource) -> Result<Origin> {
    let listed: Listed = source.list()?.remove(0);
    Ok(Origin { listed, version: 1 })
}

/// Reads from a point to the end; also the points on the way.
pub fn read(
    source: &FilesSource,
    origin: &Origin,
    at: &SplitPoint,
    turn: &mut SequentialTurn,
) -> Result<(Outcome, Vec<SplitPoint>)> {
    let mut splitter = source.open(origin, at, None)?;
    let (mut outcome, mut points) = (Outcome::default(), Vec::new());
    while let Some(chunk) = splitter.next()? {
        let read = chunk.work.run(turn)?;
        let late = read.late.as_ref().map_or(0, |(batch, _)| batch.num_rows());
        let accounted = (read.batch.num_rows() + read.dead.len() + late) as u64;
        assert_eq!(chunk.found, accounted, "found = accepted + dead + late");
        let before = points.last().map_or(at.offset, |p: &SplitPoint| p.offset);
        assert!(chunk.end.finished || chunk.end.offset > before, "a chunk goes on");
        outcome.add(read);
        points.push(chunk.end);
    }
    assert!(points.last().unwrap_or(at).finished, "the last chunk is the end");
    Ok((outcome, points))
}

/// Whatever the bytes are: the size of chunks does not matter, nor a restart, and a dead record decoded again is dead.
pub fn chain(name: &str, contract: &Arc<Contract>, object: &serde_json::Value, bytes: &[u8], chunk: usize) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join(name), bytes).expect("a file in it");
    let object = options(object);
    let Ok(whole) = source(folder.path(), contract, &object, 1 << 20) else { return };
    let origin = pin(&whole).expect("the file is there");
    let wanted = read(&whole, &origin, &SplitPoint::default(), &mut SequentialTurn::default());
    let cut = source(folder.path(), contract, &object, chunk).expect("the same options");
    let found = read(&cut, &origin, &SplitPoint::default(), &mut SequentialTurn::default());
    match (wanted, found) {
        (Ok((wanted, _)), Ok((found, points))) => {
            assert_eq!(found, wanted, "in chunks of {chunk} bytes");
            if let Some(point) = points.get(points.len() / 2).filter(|p| !p.finished) {
                // What comes before decides what is late: rows alone are compared with the rest of the read.
                let (rest, _) = read(&cut, &origin, point, &mut SequentialTurn::default()).expect("goes on");
                let lost = |d: &&(u64, u64, &str, String, Vec<u8>)| d.0 >= point.offset;
                assert!(rest.dead.iter().eq(wanted.dead.iter().filter(lost)), "dead rows after a restart");
                assert!(rest.rows.iter().all(|r| r.0 >= point.offset), "a row was read twice");
            }
            let records: Vec<RawRecord> = wanted
                .dead
                .iter()
                .map(|d| RawRecord { place: d.0, line: Some(d.1), raw: d.4.clone() })
                .collect();
            let again = whole.again(&origin, &records).expect("dead rows can be decoded again");
            let again = again.run(&mut SequentialTurn::default()).expect("as a chunk is");
            assert_eq!(again.batch.num_rows(), 0, "a dead record came alive");
            assert_eq!(again.dead.len(), records.len(), "a dead record was lost");
        }
        (Err(wanted), Err(found)) => assert_eq!(found.code().name, wanted.code().name),
        (wanted, found) => panic!("{:?} and {:?}", wanted.map(|_| "read"), found.map(|_| "read")),
    }
}

/// The first byte decides, the rest is the input.
#[must_use]
pub fn choice(bytes: &[u8]) -> (u8, &[u8]) {
    bytes.split_first().map_or((0, bytes), |(first, rest)| (*first, rest))
}

/// A line that is accepted where no field is asked for is JSON to `serde_json`, and one that is refused is not; but for
/// what only one of the two limits: depth, and the size of a number.
pub fn agrees_on_json(bytes: &[u8]) {
    let line = bytes.split(|b| *b == b'\n').next().unwrap_or_default();
    let wrapped = [b"{\"v\":".as_slice(), line, b"}"].concat();
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("x"), &wrapped).expect("a file in it");
    let object = options(&serde_json::json!({"path": "x", "format": "json"}));
    let source = source(folder.path(), &texts(1), &object, 1 << 20).expect("good options");
    let origin = pin(&source).expect("the file is there");
    let (ours, _) =
        read(&source, &origin, &SplitPoint::default(), &mut SequentialTurn::default()).expect("it is read");
    let theirs = serde_json::from_slice::<serde::de::IgnoredAny>(&wrapped);
    match (ours.rows.len(), theirs) {
        (1, Ok(_)) | (0, Err(_)) => {}
        // `serde_json` looks neither at UTF-8 nor at surrogates in what it ignores.
        (0, Ok(_)) if std::str::from_utf8(line).is_err() || line.contains(&b'\\') => {}
        // A field of the contract was named.
        (0, Ok(_)) if line.windows(4).any(|w| w == b"\"c0\"") => {}
        (1, Err(theirs)) if theirs.to_string().starts_with("recursion limit") => {}
        (accepted, theirs) => panic!("{accepted} rows, but serde_json says {theirs:?}: {:?}", ours.dead),
    }
}
