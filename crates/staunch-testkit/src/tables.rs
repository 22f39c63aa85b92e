//! Targets read back as multisets of typed rows, by readers that are not Staunch's; Avro files value by value, which no run does.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use serde_json::{Map, Value};
use staunch_contract::avro::{ContainerLimits, ContainerReader, Decoder, Unions};
use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

/// By table: its rows as text, sorted.
pub type Tables = BTreeMap<String, Vec<String>>;

/// The rows of all files below a folder, Parquet, NDJSON and Avro, with the partition folders before the columns. Hidden folders are
/// skipped, as every reader of such tables skips them.
///
/// # Errors
/// A file that is none of these, or cannot be read.
pub fn folder(folder: &Path) -> Result<Vec<String>, String> {
    let mut rows = Vec::new();
    let mut open = vec![(folder.to_path_buf(), String::new())];
    while let Some((dir, partition)) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten() {
            let entry = entry.map_err(|e| format!("{}: {e}", dir.display()))?;
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            if name.starts_with('.') {
                continue;
            }
            if path.is_dir() {
                open.push((path, format!("{partition}{name}/")));
            } else {
                rows.extend(file(&path)?.into_iter().map(|row| format!("{partition}{row}")));
            }
        }
    }
    rows.sort();
    Ok(rows)
}

/// The rows of one file, in its order.
///
/// # Errors
/// Whatever keeps it from being read.
pub fn file(path: &Path) -> Result<Vec<String>, String> {
    let read = || -> Result<Vec<String>, Box<dyn Error>> {
        let is = |ending: &str| path.to_string_lossy().ends_with(ending);
        if is(".parquet") {
            parquet(File::open(path)?)
        } else if is(".avro") {
            avro(path)
        } else if is(".ndjson") {
            ndjson(File::open(path)?)
        } else if is(".ndjson.gz") {
            ndjson(flate2::read::MultiGzDecoder::new(File::open(path)?))
        } else if is(".ndjson.zst") {
            ndjson(zstd::stream::read::Decoder::new(File::open(path)?)?)
        } else {
            Err("a foreign file".into())
        }
    };
    read().map_err(|e| format!("{}: {e}", path.display()))
}

/// Every line is an object, and its text is compared: numbers with all their digits.
fn ndjson(text: impl Read) -> Result<Vec<String>, Box<dyn Error>> {
    let mut rows = Vec::new();
    for line in BufReader::new(text).lines() {
        let line = line?;
        serde_json::from_str::<Map<String, Value>>(&line)?;
        rows.push(line);
    }
    Ok(rows)
}

fn avro(path: &Path) -> Result<Vec<String>, Box<dyn Error>> {
    let file = BufReader::new(File::open(path)?);
    let mut reader = ContainerReader::open(file, path, ContainerLimits::default())?;
    let schema = reader.schema().clone();
    let decoder = Decoder::new(&schema)?;
    let mut rows = Vec::new();
    while let Some(block) = reader.next_block()? {
        for value in block.values(&decoder) {
            rows.push(schema.value_to_json(&value?, Unions::Tagged)?);
        }
    }
    Ok(rows)
}

fn parquet(file: File) -> Result<Vec<String>, Box<dyn Error>> {
    let mut rows = Vec::new();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file)?.build()?;
    let options = FormatOptions::default().with_null("∅").with_types_info(true);
    for batch in reader {
        let batch = batch?;
        let columns = batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let values = columns.iter().zip(schema.fields());
            rows.push(values.map(|(c, f)| format!("{}={}|", f.name(), c.value(row))).collect());
        }
    }
    Ok(rows)
}

/// The user's tables of a SQLite database; none where there is no file.
///
/// # Errors
/// Whatever keeps it from being read.
pub fn sqlite(file: &Path) -> Result<Tables, String> {
    const NAMES: &str =
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'staunch_%' ORDER BY name";
    let read = || -> rusqlite::Result<Tables> {
        let mut tables = Tables::new();
        let connection = Connection::open(file)?;
        let names: Vec<String> =
            connection.prepare(NAMES)?.query_map([], |r| r.get(0))?.collect::<rusqlite::Result<_>>()?;
        for name in names {
            let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\""))?;
            let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
            let mut found = statement.query([])?;
            let mut rows = Vec::new();
            while let Some(row) = found.next()? {
                let mut text = String::new();
                for (i, column) in columns.iter().enumerate() {
                    text.push_str(&format!("{column}={}|", value(row.get_ref(i)?)));
                }
                rows.push(text);
            }
            rows.sort();
            tables.insert(name, rows);
        }
        Ok(tables)
    };
    if !file.is_file() {
        return Ok(Tables::new());
    }
    read().map_err(|e| format!("{}: {e}", file.display()))
}

/// A value with its type.
fn value(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => "∅".to_owned(),
        ValueRef::Integer(n) => format!("i{n}"),
        ValueRef::Real(n) => format!("r{n:?}"),
        ValueRef::Text(t) => format!("t{}", String::from_utf8_lossy(t)),
        ValueRef::Blob(b) => format!("b{b:?}"),
    }
}
