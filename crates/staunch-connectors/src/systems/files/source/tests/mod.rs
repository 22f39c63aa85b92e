//! Data in, data out: files, a contract and options in; rows, dead rows and late rows out.

mod again;
mod avro;
mod chain;
mod csv;
mod drift;
mod files;
mod hostile;
mod json;
mod nested;
mod parquet;
mod properties;

use super::{FilesSource, FilesSourceSpec};
use crate::read::SequentialTurn;
use arrow::array::{ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use staunch_commit::{Drift, Origin, ReadRows, Source, SplitPoint};
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::{Late, OptionValue, Options, Treatment, Validate};
use staunch_types::{Place, Result};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A contract from `name:type`, with `?` for nullable and `!class` for PII; the first timestamp is the event time.
pub(super) fn contract(text: &str) -> Arc<Contract> {
    let fields: Vec<Field> = text
        .split_whitespace()
        .map(|word| {
            let (name, rest) = word.split_once(':').unwrap();
            let (rest, pii) = match rest.split_once('!') {
                Some((rest, class)) => (rest, Some(class.to_owned())),
                None => (rest, None),
            };
            let (ty, nullable) = match rest.strip_suffix('?') {
                Some(ty) => (ty, true),
                None => (rest, false),
            };
            Field::new(name, ty_of(ty), nullable).with_pii(pii)
        })
        .collect();
    let event_time = fields.iter().find(|f| matches!(f.ty, Type::TimestampMicros | Type::TimestampMillis));
    let event_time = event_time.map(|f| f.name.clone());
    Arc::new(Contract { event_time, ..Contract::new("row", 1, fields) })
}

fn ty_of(text: &str) -> Type {
    match text {
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "float" => Type::Float,
        "double" => Type::Double,
        "bytes" => Type::Bytes,
        "string" => Type::String,
        "date" => Type::Date,
        "time-millis" => Type::TimeMillis,
        "time" => Type::TimeMicros,
        "ts-millis" => Type::TimestampMillis,
        "ts" => Type::TimestampMicros,
        "local" => Type::LocalTimestampMicros,
        "uuid" => Type::Uuid,
        "fixed" => Type::Fixed(2),
        "duration" => Type::Duration,
        "nanos" => Type::TimestampNanos,
        "enum" => Type::Enum(vec!["red".to_owned(), "green".to_owned()]),
        "decimal" => Type::Decimal { precision: 9, scale: 2 },
        other => panic!("no type {other}"),
    }
}

pub(super) fn options(json: &str) -> Options {
    let value: serde_json::Value = serde_json::from_str(json).unwrap();
    let entries = value.as_object().unwrap().iter().map(|(key, value)| {
        (key.clone(), OptionValue { value: value.clone(), place: Place::file("staunch.yaml").at(3, 7) })
    });
    Options { entries: entries.collect() }
}

pub(super) fn spec(root: &Path, fields: &str, object: &str) -> FilesSourceSpec {
    FilesSourceSpec {
        name: "shop/rows".to_owned(),
        project: root.to_path_buf(),
        connection: Options::default(),
        object: options(object),
        contract: contract(fields),
        late_after: None,
        late: Late::Keep,
        validate: Validate::All,
        on_drift: None,
        pii: [("email", Treatment::Token), ("name", Treatment::Mask), ("ssn", Treatment::Drop)]
            .map(|(class, treatment)| (class.to_owned(), treatment))
            .into(),
        token_keys: BTreeMap::from([("email".to_owned(), [1; 32])]),
        chunk_bytes: None,
    }
}

/// What a read came to, as text.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    /// `place: value|value`
    pub(super) rows: Vec<String>,
    /// The raw records and lines of the rows.
    pub(super) raw: Vec<String>,
    /// `place/line code reason: raw`
    pub(super) dead: Vec<String>,
    pub(super) late: Vec<String>,
    pub(super) found: u64,
    pub(super) drift: Drift,
    /// `place: {...}` of the fields that the contract does not name, where they are kept.
    pub(super) kept: Vec<String>,
}

pub(super) fn render(batch: &RecordBatch, places: &[u64]) -> Vec<String> {
    assert_eq!(batch.num_rows(), places.len());
    let options = FormatOptions::default().with_null("∅");
    // The formatter knows no zones; instants are shown as UTC.
    let plain: Vec<(ArrayRef, &str)> = batch
        .columns()
        .iter()
        .map(|c| match c.data_type() {
            DataType::Timestamp(TimeUnit::Millisecond, Some(_)) => {
                let millis = c.as_primitive::<TimestampMillisecondType>().clone();
                (Arc::new(millis.with_timezone_opt(None::<&str>)) as ArrayRef, "Z")
            }
            DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => {
                let micros = c.as_primitive::<TimestampMicrosecondType>().clone();
                (Arc::new(micros.with_timezone_opt(None::<&str>)) as ArrayRef, "Z")
            }
            _ => (Arc::clone(c), ""),
        })
        .collect();
    let columns: Vec<_> = plain
        .iter()
        .map(|(c, zone)| (ArrayFormatter::try_new(c.as_ref(), &options).unwrap(), zone))
        .collect();
    let row = |row: usize| {
        columns.iter().map(|(c, zone)| format!("{}{zone}", c.value(row))).collect::<Vec<_>>().join("|")
    };
    places.iter().enumerate().map(|(i, place)| format!("{place}: {}", row(i))).collect()
}

impl Outcome {
    pub(super) fn add(&mut self, rows: ReadRows) {
        self.drift.add(&rows.drift);
        for row in &rows.unknown {
            let fields = std::str::from_utf8(&row.fields).unwrap();
            assert!(serde_json::from_str::<serde_json::Value>(fields).unwrap().is_object());
            self.kept.push(format!("{}: {fields}", row.place));
        }
        for row in 0..rows.batch.num_rows() {
            let raw = String::from_utf8_lossy(&rows.raw.raw(row)).into_owned();
            self.raw.push(format!("{}/{raw}", rows.raw.line(row).unwrap_or(0)));
        }
        self.rows.extend(render(&rows.batch, &rows.places));
        for dead in rows.dead {
            let raw = String::from_utf8_lossy(&dead.raw).into_owned();
            assert_eq!(dead.field.is_some(), dead.reason.starts_with('`'), "{}", dead.reason);
            let line = dead.line.unwrap_or(0);
            self.dead.push(format!("{}/{line} {} {}: {raw}", dead.place, dead.code.name, dead.reason));
        }
        if let Some((batch, places)) = rows.late {
            assert!(batch.num_rows() > 0);
            self.late.extend(render(&batch, &places));
        }
    }
}

pub(super) fn origin(source: &FilesSource) -> Origin {
    Origin { listed: source.list().unwrap().remove(0), version: 1 }
}

/// Reads an origin from a point to its end; also the points where reading can start again.
pub(super) fn read(
    source: &FilesSource,
    origin: &Origin,
    at: &SplitPoint,
    turn: &mut SequentialTurn,
    columns: Option<&[usize]>,
) -> Result<(Outcome, Vec<SplitPoint>)> {
    let mut splitter = source.open(origin, at, columns)?;
    let (mut outcome, mut points, mut bytes) = (Outcome::default(), Vec::new(), 0);
    while let Some(chunk) = splitter.next()? {
        let calls = turn.calls();
        let rows = chunk.work.run(turn)?;
        assert_eq!(turn.calls(), calls + 1, "one turn per chunk");
        let late = rows.late.as_ref().map_or(0, |(batch, _)| batch.num_rows());
        let accounted = (rows.batch.num_rows() + rows.dead.len() + late) as u64;
        assert_eq!(chunk.found, accounted, "found = accepted + dead + late");
        outcome.found += chunk.found;
        bytes += chunk.bytes;
        outcome.add(rows);
        points.push(chunk.end);
    }
    let end = points.last().unwrap_or(at);
    assert!(end.finished);
    if source.object.format.is_text() {
        assert_eq!(bytes, end.offset - at.offset, "the bytes of all chunks are the file");
    }
    if source.object.format == super::FileFormat::Avro && at.offset == 0 && !at.finished {
        assert_eq!(bytes, origin.listed.size, "the bytes of all chunks are the file");
    }
    if source.object.format != super::FileFormat::Parquet {
        assert_eq!(end.digest, source.digest(&origin.listed)?);
    }
    Ok((outcome, points))
}

/// Reads one file with this content.
pub(super) fn read_text(name: &str, content: &[u8], fields: &str, object: &str) -> Result<Outcome> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(name), content).unwrap();
    let source = FilesSource::new(spec(dir.path(), fields, object))?;
    let whole = whole(&source)?;
    looked_at(&source, &whole);
    Ok(whole)
}

fn whole(source: &FilesSource) -> Result<Outcome> {
    Ok(read(source, &origin(source), &SplitPoint::default(), &mut SequentialTurn::default(), None)?.0)
}

/// A read that keeps no columns, or one, finds what a read of all of them finds.
pub(super) fn looked_at(source: &FilesSource, whole: &Outcome) {
    let places = |rows: &[String]| -> Vec<String> {
        rows.iter().map(|row| row.split(':').next().unwrap_or_default().to_owned()).collect()
    };
    let count = source.plan.outputs.len();
    for columns in [&[][..], &[0][..count.min(1)], &[count.saturating_sub(1)][..count.min(1)]] {
        let mut turn = SequentialTurn::default();
        let (found, _) =
            read(source, &origin(source), &SplitPoint::default(), &mut turn, Some(columns)).unwrap();
        assert_eq!(places(&found.rows), places(&whole.rows), "columns {columns:?}");
        assert_eq!(places(&found.late), places(&whole.late), "columns {columns:?}");
        assert_eq!((&found.raw, &found.dead, found.found), (&whole.raw, &whole.dead, whole.found));
    }
}

pub(super) fn seconds(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}
