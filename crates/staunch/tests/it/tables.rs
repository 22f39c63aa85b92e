//! Targets read back as multisets of typed rows, by readers that are not Staunch's.

use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rusqlite::Connection;
use rusqlite::types::ValueRef;
use std::collections::BTreeMap;
use std::path::Path;

/// By table: its rows as text, sorted.
pub(crate) type Tables = BTreeMap<String, Vec<String>>;

/// The rows of all Parquet files below a folder, with the partition folders before the columns. Hidden folders are skipped, as
/// every reader of such tables skips them.
pub(crate) fn parquet(folder: &Path) -> Vec<String> {
    let mut rows = Vec::new();
    let mut open = vec![(folder.to_path_buf(), String::new())];
    while let Some((dir, partition)) = open.pop() {
        for entry in std::fs::read_dir(&dir).into_iter().flatten() {
            let entry = entry.unwrap();
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') {
                continue;
            }
            if entry.file_type().unwrap().is_dir() {
                open.push((entry.path(), format!("{partition}{name}/")));
            } else {
                assert!(name.ends_with(".parquet"), "a foreign file: {name}");
                read_file(&entry.path(), &partition, &mut rows);
            }
        }
    }
    rows.sort();
    rows
}

fn read_file(path: &Path, partition: &str, rows: &mut Vec<String>) {
    let file = std::fs::File::open(path).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let options = FormatOptions::default().with_null("∅").with_types_info(true);
    for batch in reader {
        let batch = batch.unwrap();
        let columns: Vec<_> =
            batch.columns().iter().map(|c| ArrayFormatter::try_new(c.as_ref(), &options).unwrap()).collect();
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let mut text = partition.to_owned();
            for (column, field) in columns.iter().zip(schema.fields()) {
                text.push_str(&format!("{}={}|", field.name(), column.value(row)));
            }
            rows.push(text);
        }
    }
}

/// The user's tables of a SQLite database.
pub(crate) fn sqlite(file: &Path) -> Tables {
    let mut tables = Tables::new();
    if !file.is_file() {
        return tables;
    }
    let connection = Connection::open(file).unwrap();
    let mut names = connection
        .prepare(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'staunch_%' ORDER BY name",
        )
        .unwrap();
    let names: Vec<String> = names.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns: Vec<String> = statement.column_names().map(str::to_owned).collect();
        let mut found = statement.query([]).unwrap();
        let mut rows = Vec::new();
        while let Some(row) = found.next().unwrap() {
            let mut text = String::new();
            for (i, column) in columns.iter().enumerate() {
                let value = match row.get_ref(i).unwrap() {
                    ValueRef::Null => "∅".to_owned(),
                    ValueRef::Integer(n) => format!("i{n}"),
                    ValueRef::Real(n) => format!("r{n:?}"),
                    ValueRef::Text(t) => format!("t{}", String::from_utf8_lossy(t)),
                    ValueRef::Blob(b) => format!("b{b:?}"),
                };
                text.push_str(&format!("{column}={value}|"));
            }
            rows.push(text);
        }
        rows.sort();
        tables.insert(name, rows);
    }
    tables
}
