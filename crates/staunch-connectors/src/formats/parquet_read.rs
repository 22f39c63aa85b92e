//! Reading Parquet: a chunk is a row group, or a slice of a large one; a place is the number of a row in its file.
//!
//! Columns are matched by name. Their types must fit the contract by a widening that loses nothing; whatever the file says,
//! nulls, enum symbols and uuids are looked at row by row.

mod fit;

use crate::formats::csv::{FieldSource, absent};
use crate::formats::rows::{object, objects};
use crate::read::cast;
use crate::read::chain::{Decoded, Records, finish};
use crate::read::drift::{FileDrift, never};
use crate::read::fault::{Fault, INT_RANGE, Inner, NULL, OTHER_TYPE, RowFault};
use crate::read::field::{FieldPlan, Parse, Timestamp};
use crate::read::input::{changed, unreadable, verify_pin};
use crate::read::parse::uuid::uuid;
use crate::read::plan::{Projection, ReadPlan};
use arrow::array::{
    Array, ArrayRef, AsArray, StringBuilder, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray,
};
use arrow::compute::{CastOptions, cast_with_options, concat};
use arrow::datatypes::{DataType, Int64Type, Schema, TimeUnit};
use fit::{FileColumn, Use, Way, match_columns};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use staunch_commit::{
    Chunk, ChunkWork, DeadRow, Listed, PrefixTurn, RawRows, ReadRows, SplitPoint, Splitter,
};
use staunch_contract::coerce::Coercion;
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use xxhash_rust::xxh3::Xxh3;

/// The rows of a chunk at most: larger than the row groups of most writers, so that few groups are entered twice.
const SLICE: u64 = 1 << 17;
/// And about its bytes, as the footer tells them without compression.
const SLICE_BYTES: u64 = 64 << 20;
/// How many rows are decoded at once: between two such steps it is seen what they hold.
const STEP: usize = 1 << 13;
/// What a chunk may hold: dictionaries and run lengths make gigabytes of a file of some kilobytes.
const LARGEST_CHUNK: usize = 256 << 20;
/// How much is hashed at once.
const BLOCK: usize = 1 << 20;
/// A footer beyond this is refused before it is read: in memory it is ten times that.
const LARGEST_FOOTER: u64 = 32 << 20;

/// One pinned Parquet file and what is wanted of it.
pub(crate) struct ParquetFile {
    pub(crate) path: PathBuf,
    pub(crate) pin: Listed,
    pub(crate) plan: Arc<ReadPlan>,
    pub(crate) projection: Arc<Projection>,
    /// The contract field of each name that a column may have.
    pub(crate) keys: HashMap<Vec<u8>, usize>,
    /// The names of columns whose values the path says: they are passed over.
    pub(crate) given: BTreeSet<String>,
    /// One per contract field: `Constant` where the path says it, `Missing` for all others.
    pub(crate) sources: Vec<FieldSource>,
}

fn corrupt(path: &Path, what: &str) -> Error {
    Error::new(codes::SOURCE_CORRUPT, what)
        .place(Place::file(path))
        .hint("copy or write the file again; a Parquet file is complete only when its writer was closed")
}

fn too_large(path: &Path, what: impl Into<String>) -> Error {
    Error::new(codes::SOURCE_TOO_LARGE, what).place(Place::file(path))
}

/// Runs a call of the Parquet library, whose errors and panics over damaged files become one error without data.
fn guarded<T>(path: &Path, call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|_| Err(corrupt(path, "the Parquet file is damaged")))
}

/// xxh3-128 of the whole file, 32 hexadecimal digits, as for text: a footer does not tell what stands in the pages. One more
/// sequential pass, at the speed of the disk.
///
/// # Errors
/// `Source.Corrupt` if it does not end as a Parquet file does; `Source.TooLarge`, `Source.Unreadable`.
pub(crate) fn digest(path: &Path) -> Result<String> {
    let io = |e: std::io::Error| unreadable("read the file", path, &e);
    let mut file = File::open(path).map_err(io)?;
    let size = file.seek(SeekFrom::End(0)).map_err(io)?;
    let not_parquet = || corrupt(path, "the file is not Parquet");
    let tail_at = size.checked_sub(8).ok_or_else(not_parquet)?;
    file.seek(SeekFrom::Start(tail_at)).map_err(io)?;
    let mut tail = [0_u8; 8];
    file.read_exact(&mut tail).map_err(io)?;
    let [a, b, c, d, b'P', b'A', b'R', b'1'] = tail else { return Err(not_parquet()) };
    let footer = u64::from(u32::from_le_bytes([a, b, c, d]));
    if footer > tail_at {
        return Err(not_parquet());
    }
    if footer > LARGEST_FOOTER {
        let message = format!("the footer has more than {LARGEST_FOOTER} bytes");
        return Err(too_large(path, message).hint("write fewer columns, or larger row groups, to a file"));
    }
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let (mut hash, mut block) = (Xxh3::new(), vec![0_u8; BLOCK]);
    loop {
        match file.read(&mut block).map_err(io)? {
            0 => return Ok(format!("{:032x}", hash.digest128())),
            read => hash.update(block.get(..read).unwrap_or_default()),
        }
    }
}

/// What the footer says; [`digest`] has seen that it is not too large.
fn footer(path: &Path) -> Result<ArrowReaderMetadata> {
    let handle = File::open(path).map_err(|e| unreadable("open the file", path, &e))?;
    guarded(path, || {
        ArrowReaderMetadata::load(&handle, ArrowReaderOptions::new())
            .map_err(|_| corrupt(path, "the footer of the Parquet file is damaged"))
    })
}

/// The columns of a file.
///
/// # Errors
/// `Source.Corrupt`, `Source.Unreadable`, `Source.TooLarge`.
pub(crate) fn schema(path: &Path) -> Result<Arc<Schema>> {
    digest(path)?;
    Ok(footer(path)?.schema().clone())
}

/// Opens a file at a split point; also the names of the columns that are ignored.
///
/// # Errors
/// `Source.Changed`, `Source.Corrupt`, `Source.Unreadable`, `Source.Schema`.
pub(crate) fn open(mut file: ParquetFile, at: &SplitPoint) -> Result<(Box<dyn Splitter>, Vec<String>)> {
    verify_pin(&file.path, &file.pin)?;
    let digest = digest(&file.path)?;
    let fresh = at.offset == 0 && !at.finished;
    if !fresh && digest != at.digest {
        return Err(changed(&file.path, "its content is not what it was when it was read before"));
    }
    let metadata = footer(&file.path)?;
    let mut groups = Vec::new();
    let mut begin = 0_u64;
    for group in metadata.metadata().row_groups() {
        let rows = u64::try_from(group.num_rows())
            .map_err(|_| corrupt(&file.path, "a row group has a negative number of rows"))?;
        // The count of rows is believed below; those of the values are what it is held against.
        let flat = group.columns().iter().filter(|column| column.column_descr().max_rep_level() == 0);
        if flat.into_iter().any(|column| u64::try_from(column.num_values()).ok() != Some(rows)) {
            return Err(corrupt(&file.path, "a column has more or fewer values than its row group has rows"));
        }
        let bytes = u64::try_from(group.total_byte_size()).unwrap_or(0);
        groups.push(Group { begin, rows, bytes });
        begin = begin.checked_add(rows).ok_or_else(|| corrupt(&file.path, "the file has too many rows"))?;
    }
    if u64::try_from(metadata.metadata().file_metadata().num_rows()).ok() != Some(begin) {
        return Err(corrupt(&file.path, "the row groups have not as many rows as the file"));
    }
    let (columns, drift) = match_columns(&mut file, &metadata)?;
    let ignored = drift.ignored();
    let shared = Shared { file, metadata, columns, drift };
    let splitter =
        ParquetSplitter { shared: Arc::new(shared), groups, digest, at: at.offset, done: at.finished };
    Ok((Box::new(splitter), ignored))
}

/// A row group: its first row, its rows, its size without compression.
struct Group {
    begin: u64,
    rows: u64,
    bytes: u64,
}

struct Shared {
    file: ParquetFile,
    metadata: ArrowReaderMetadata,
    /// By position in the file.
    columns: Vec<FileColumn>,
    drift: FileDrift,
}

struct ParquetSplitter {
    shared: Arc<Shared>,
    groups: Vec<Group>,
    digest: String,
    at: u64,
    done: bool,
}

impl Splitter for ParquetSplitter {
    fn next(&mut self) -> Result<Option<Chunk>> {
        if self.done {
            return Ok(None);
        }
        let path = &self.shared.file.path;
        let total = self.groups.last().map_or(0, |g| g.begin + g.rows);
        if self.at > total {
            return Err(changed(path, "it has fewer rows than were read before"));
        }
        let group = self.groups.iter().enumerate().find(|(_, g)| g.begin + g.rows > self.at);
        let (slice, rows, bytes) = match group {
            None => (None, 0, 0),
            Some((index, group)) => {
                let skip = self.at - group.begin;
                // Large rows are taken fewer at a time.
                let by_bytes =
                    u128::from(SLICE_BYTES) * u128::from(group.rows) / u128::from(group.bytes.max(1));
                let most = u64::try_from(by_bytes).unwrap_or(SLICE).clamp(1, SLICE);
                let rows = (group.rows - skip).min(most);
                let bytes = u128::from(group.bytes) * u128::from(rows) / u128::from(group.rows.max(1));
                (Some((index, skip)), rows, u64::try_from(bytes).unwrap_or(u64::MAX))
            }
        };
        let begin = self.at;
        self.at = self.at.saturating_add(rows);
        self.done = self.at >= total;
        if self.done {
            verify_pin(path, &self.shared.file.pin)?;
        }
        let end = SplitPoint { offset: self.at, lines: 0, digest: self.digest.clone(), finished: self.done };
        let work = ParquetWork { shared: Arc::clone(&self.shared), slice, rows, begin };
        Ok(Some(Chunk { bytes, found: rows, end, work: Box::new(work) }))
    }
}

/// The decoding of a slice of a row group.
struct ParquetWork {
    shared: Arc<Shared>,
    /// The row group, and the rows of it that come before; none for a file without rows.
    slice: Option<(usize, u64)>,
    rows: u64,
    begin: u64,
}

impl ParquetWork {
    /// The columns of the file that are read, in the order of [`Shared::columns`], and how many rows they have.
    fn arrays(&self) -> Result<(Vec<ArrayRef>, usize)> {
        let Shared { file, metadata, columns, .. } = self.shared.as_ref();
        let Some((group, skip)) = self.slice else {
            let empty = columns.iter().map(|c| {
                let kind =
                    metadata.schema().fields().get(c.root).map_or(DataType::Null, |f| f.data_type().clone());
                arrow::array::new_empty_array(&kind)
            });
            return Ok((empty.collect(), 0));
        };
        let too_many = |_| corrupt(&file.path, "a row group has too many rows");
        let skip = usize::try_from(skip).map_err(too_many)?;
        let rows = usize::try_from(self.rows).map_err(too_many)?;
        guarded(&file.path, || {
            let handle = File::open(&file.path).map_err(|e| unreadable("open the file", &file.path, &e))?;
            let mask = ProjectionMask::roots(metadata.parquet_schema(), columns.iter().map(|c| c.root));
            let damaged = |_| corrupt(&file.path, "the pages of the Parquet file are damaged");
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata.clone())
                .with_row_groups(vec![group])
                .with_projection(mask)
                .with_offset(skip)
                .with_limit(rows)
                .with_batch_size(rows.clamp(1, STEP))
                .build()
                .map_err(|_| corrupt(&file.path, "the Parquet file is damaged"))?;
            let mut parts: Vec<Vec<ArrayRef>> = vec![Vec::new(); columns.len()];
            let (mut found, mut held) = (0, 0_usize);
            for batch in reader {
                let batch = batch.map_err(damaged)?;
                held = held.saturating_add(batch.get_array_memory_size());
                if held > LARGEST_CHUNK {
                    let message = format!("{rows} rows of the file hold more than {LARGEST_CHUNK} bytes");
                    let hint =
                        "look whether the file is what it should be; if it is, write smaller row groups";
                    return Err(too_large(&file.path, message).hint(hint));
                }
                found += batch.num_rows();
                for (part, array) in parts.iter_mut().zip(batch.columns()) {
                    part.push(Arc::clone(array));
                }
            }
            let mut arrays = Vec::with_capacity(parts.len());
            for part in parts {
                let refs: Vec<&dyn Array> = part.iter().map(AsRef::as_ref).collect();
                arrays.push(match part.as_slice() {
                    [only] => Arc::clone(only),
                    [] => return Err(corrupt(&file.path, "a row group has fewer rows than its footer says")),
                    _ => concat(&refs).map_err(damaged)?,
                });
            }
            Ok((arrays, found))
        })
    }
}

impl ChunkWork for ParquetWork {
    fn run(self: Box<Self>, turn: &mut dyn PrefixTurn) -> Result<ReadRows> {
        let file = &self.shared.file;
        // A file that was cut or overwritten while it was read is no damaged one.
        let (arrays, rows) =
            self.arrays().map_err(|e| verify_pin(&file.path, &file.pin).err().unwrap_or(e))?;
        let mut columns: Vec<Option<ArrayRef>> = vec![None; file.plan.fields.len()];
        let mut faults = Vec::new();
        // What raw rows show of a field: as it stands in the file where what is decoded may have lost what was wrong with it.
        let mut raw: Vec<(usize, ArrayRef)> = Vec::new();
        let mut unknown: Vec<(&str, ArrayRef)> = Vec::new();
        let cannot = || corrupt(&file.path, "a column cannot be converted");
        for (column, array) in self.shared.columns.iter().zip(arrays) {
            let (index, way) = match &column.used {
                Use::Unknown(name) => {
                    unknown.push((name, array));
                    continue;
                }
                Use::Raw(index) => {
                    raw.push((*index, array));
                    continue;
                }
                Use::Other(index) => {
                    let nullable = file.plan.fields.get(*index).is_some_and(FieldPlan::nullable);
                    for row in 0..array.len() {
                        match (array.is_null(row), nullable) {
                            (true, true) => {}
                            (true, false) => faults.push(RowFault::new(row, *index, NULL)),
                            (false, _) => faults.push(RowFault::new(row, *index, OTHER_TYPE)),
                        }
                    }
                    raw.push((*index, array));
                    continue;
                }
                Use::Field(index, way) => (*index, way),
            };
            let Some(field) = file.plan.fields.get(index) else { continue };
            let array = match way {
                Way::Plain => {
                    let array = validated(field, index, &array, &mut faults).ok_or_else(cannot)?;
                    raw.push((index, Arc::clone(&array)));
                    array
                }
                Way::Nested(way) => {
                    raw.push((index, Arc::clone(&array)));
                    converted(way, field, index, array, &mut faults)?
                }
                Way::Cast => {
                    raw.push((index, Arc::clone(&array)));
                    let mut fault = |row: usize, fault: Fault| faults.push(RowFault::new(row, index, fault));
                    let wanted = field.field.ty.arrow();
                    cast::exactly(&array, &wanted, field.nullable(), &mut fault).ok_or_else(cannot)?
                }
            };
            if let Some(slot) = columns.get_mut(index) {
                *slot = Some(array);
            }
        }
        for (index, field) in file.plan.fields.iter().enumerate() {
            let wanted = file.projection.decode.get(index).copied().unwrap_or(false);
            if let (Some(slot @ None), Some(source)) = (columns.get_mut(index), file.sources.get(index))
                && wanted
            {
                *slot = Some(absent(source, field, rows)?);
            }
        }
        never(&file.sources, &file.projection.decode, rows, &mut faults);
        for (index, column) in columns.iter().enumerate() {
            if let Some(column) = column
                && !raw.iter().any(|(known, _)| *known == index)
            {
                raw.push((index, Arc::clone(column)));
            }
        }
        raw.sort_by_key(|(index, _)| *index);
        let name =
            |index: usize| file.plan.fields.get(index).map_or_else(String::new, |f| f.name().to_owned());
        let raw = raw.into_iter().map(|(index, array)| (name(index), array)).collect();
        let records = ParquetRecords { begin: self.begin, raw, kept: None };
        let mut decoded = Decoded::new(columns, rows, faults);
        decoded.drift = self.shared.drift.of_rows(rows);
        if !unknown.is_empty() {
            decoded.unknown = (0..).zip(objects(&unknown, rows)).collect();
        }
        finish(&file.plan, &file.projection, decoded, records, turn)
    }
}

/// The nested column in the contract's type; rows that do not fit it are at fault.
fn converted(
    way: &Coercion,
    field: &FieldPlan,
    index: usize,
    array: ArrayRef,
    faults: &mut Vec<RowFault>,
) -> Result<ArrayRef> {
    let (columns, bad) = way.convert(&[array])?;
    for row in bad {
        let inner = Inner { path: row.field.into(), what: Some(row.reason) };
        let (at, field) = (row.row, index as u32);
        let fault = Fault { code: codes::VIOLATION, what: "breaks its contract" };
        faults.push(RowFault { row: at, field, fault, inner: Some(Box::new(inner)) });
    }
    let message = || format!("the column of `{}` is gone", field.name());
    columns.into_iter().next().ok_or_else(|| Error::new(codes::INTERNAL, message()).hint("report this"))
}

/// The column in the contract's type; rows that do not fit it are at fault. `None` if it cannot be converted at all.
fn validated(
    field: &FieldPlan,
    index: usize,
    array: &ArrayRef,
    faults: &mut Vec<RowFault>,
) -> Option<ArrayRef> {
    let mut fault = |row: usize, fault: Fault| faults.push(RowFault::new(row, index, fault));
    let wanted = field.field.ty.arrow();
    let converted = match (array.data_type(), &field.parse) {
        (DataType::FixedSizeBinary(16), Parse::Uuid) => uuids_of_bytes(array),
        (same, _) if *same == wanted => Arc::clone(array),
        (DataType::Timestamp(unit, _), Parse::Timestamp(stamp)) => timestamps(array, unit, stamp)?,
        _ => cast_with_options(array, &wanted, &CastOptions { safe: true, ..CastOptions::default() }).ok()?,
    };
    if converted.null_count() > 0 {
        for row in (0..converted.len()).filter(|row| converted.is_null(*row)) {
            if array.is_valid(row) {
                fault(row, INT_RANGE);
            } else if !field.nullable() {
                fault(row, NULL);
            }
        }
    }
    match &field.parse {
        Parse::Enum(symbols) => {
            let texts = converted.as_string_opt::<i32>()?;
            for row in (0..texts.len()).filter(|row| texts.is_valid(*row)) {
                if let Err(wrong) = symbols.check(texts.value(row).as_bytes()) {
                    fault(row, wrong);
                }
            }
        }
        Parse::Uuid => {
            let texts = converted.as_string_opt::<i32>()?;
            let mut out = StringBuilder::with_capacity(texts.len(), texts.len().saturating_mul(36));
            for row in 0..texts.len() {
                if texts.is_null(row) {
                    out.append_null();
                    continue;
                }
                match uuid(texts.value(row).as_bytes()) {
                    Ok(text) => out.append_value(std::str::from_utf8(&text).unwrap_or_default()),
                    Err(wrong) => {
                        out.append_value("");
                        fault(row, wrong);
                    }
                }
            }
            return Some(Arc::new(out.finish()));
        }
        _ => {}
    }
    Some(converted)
}

/// Timestamps in the unit of the contract; what overflows becomes null. Only the label of the zone changes: instants
/// are counted in UTC whatever it says.
fn timestamps(array: &ArrayRef, unit: &TimeUnit, to: &Timestamp) -> Option<ArrayRef> {
    let a_second = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000_i64,
    };
    let factor = (a_second(&to.unit) / a_second(unit)).max(1);
    let counts = cast_with_options(array, &DataType::Int64, &CastOptions::default()).ok()?;
    let counts = counts.as_primitive_opt::<Int64Type>()?;
    let zone = (!to.local).then(|| Arc::from("UTC"));
    let scaled = |count: i64| count.checked_mul(factor);
    Some(match to.unit {
        TimeUnit::Nanosecond => {
            let scaled: TimestampNanosecondArray = counts.unary_opt(scaled);
            Arc::new(scaled.with_timezone_opt(zone))
        }
        TimeUnit::Microsecond => {
            let scaled: TimestampMicrosecondArray = counts.unary_opt(scaled);
            Arc::new(scaled.with_timezone_opt(zone))
        }
        _ => {
            let scaled: TimestampMillisecondArray = counts.unary_opt(scaled);
            Arc::new(scaled.with_timezone_opt(zone))
        }
    })
}

fn uuids_of_bytes(array: &ArrayRef) -> ArrayRef {
    let bytes = array.as_fixed_size_binary();
    let mut out = StringBuilder::with_capacity(bytes.len(), bytes.len().saturating_mul(36));
    for row in 0..bytes.len() {
        if bytes.is_null(row) {
            out.append_null();
            continue;
        }
        let digits = hex::encode(bytes.value(row));
        let part = |from: usize, to: usize| digits.get(from..to).unwrap_or_default();
        let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
        out.append_value(parts.join("-"));
    }
    Arc::new(out.finish())
}

/// [`Records`] of a Parquet slice: the raw form of a row is its decoded columns as JSON.
#[derive(Debug)]
struct ParquetRecords {
    begin: u64,
    raw: Vec<(String, ArrayRef)>,
    /// The rows that were kept, if not all.
    kept: Option<Vec<usize>>,
}

impl ParquetRecords {
    fn json(&self, row: usize) -> Vec<u8> {
        let here = self.raw.iter().filter(|(_, array)| row < array.len());
        object(here.map(|(name, array)| (name.as_str(), array.slice(row, 1))), false)
    }
}

impl Records for ParquetRecords {
    fn place(&self, row: usize) -> u64 {
        self.begin.saturating_add(row as u64)
    }

    fn raw(&self, row: usize) -> Vec<u8> {
        self.json(row)
    }

    fn broken(&self) -> Vec<(u64, Vec<u8>, Fault)> {
        Vec::new()
    }

    fn lines(&self, _dead: &mut [DeadRow]) {}

    fn keep(mut self, kept: Option<&[usize]>) -> Arc<dyn RawRows> {
        self.kept = kept.map(<[usize]>::to_vec);
        Arc::new(self)
    }
}

impl RawRows for ParquetRecords {
    fn raw(&self, row: usize) -> Vec<u8> {
        match &self.kept {
            None => self.json(row),
            Some(kept) => kept.get(row).map(|row| self.json(*row)).unwrap_or_default(),
        }
    }

    fn line(&self, _row: usize) -> Option<u64> {
        None
    }
}
