//! A search for a text in everything that runs leave behind, as somebody would search who has the disk: the bytes of every file,
//! and what they decode to. Every file must be of a kind that the search can open; one that it cannot is reported, not passed
//! over.

use arrow::ipc::CompressionType;
use arrow::ipc::reader::{FileReader, StreamReader};
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use arrow::record_batch::RecordBatch;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use rusqlite::types::ValueRef;
use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// What a search came to.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// `file (where in it)`.
    pub(crate) places: Vec<String>,
    /// How many files of each kind were searched.
    pub(crate) kinds: BTreeMap<&'static str, usize>,
    /// All of them.
    pub(crate) files: Vec<PathBuf>,
    /// Files of an unknown kind.
    pub(crate) unknown: Vec<PathBuf>,
}

/// The forms in which a text may hide: as it is, in hexadecimal digits, and in base64 at each of its three offsets.
pub(crate) struct Needle(Vec<String>);

impl Needle {
    pub(crate) fn new(text: &str) -> Self {
        let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
        let mut forms = vec![text.to_owned(), hex.to_uppercase(), hex];
        for skip in 0..3 {
            // What lies wholly inside the text, whatever stands around it.
            let whole = &text.as_bytes()[skip..];
            forms.push(base64(&whole[..whole.len() / 3 * 3]));
        }
        Self(forms)
    }

    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        // The forms are ASCII: what is no UTF-8 around them does not hide them.
        let text = String::from_utf8_lossy(bytes);
        self.0.iter().any(|form| text.contains(form))
    }
}

/// Base64 of whole groups of three bytes.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |c: &[u8]| {
        let n = u32::from(c[0]) << 16 | u32::from(c[1]) << 8 | u32::from(c[2]);
        [18, 12, 6, 0].map(|shift| char::from(LETTERS[(n >> shift & 63) as usize]))
    };
    bytes.chunks_exact(3).flat_map(group).collect()
}

impl Found {
    /// Searches all files below these folders, hidden ones too.
    pub(crate) fn search(needle: &Needle, folders: &[PathBuf]) -> Self {
        let mut found = Self::default();
        let mut open = folders.to_vec();
        while let Some(folder) = open.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten() {
                let entry = entry.unwrap();
                if needle.is_in(entry.file_name().as_encoded_bytes()) {
                    found.places.push(format!("{} (its name)", entry.path().display()));
                }
                if entry.file_type().unwrap().is_dir() {
                    open.push(entry.path());
                } else {
                    found.file(needle, &entry.path());
                }
            }
        }
        found
    }

    fn file(&mut self, needle: &Needle, path: &Path) {
        let bytes = std::fs::read(path).unwrap();
        let mut places = Vec::new();
        if needle.is_in(&bytes) {
            places.push("its bytes");
        }
        let kind = match bytes.as_slice() {
            [] => "empty",
            [b'P', b'A', b'R', b'1', ..] => {
                places.extend(in_parquet(needle, path));
                "parquet"
            }
            [b'A', b'R', b'R', b'O', b'W', b'1', rest @ ..] => {
                places.extend(in_arrow(needle, &bytes, rest));
                "arrow"
            }
            bytes if bytes.starts_with(b"SQLite format 3\0") => {
                places.extend(in_sqlite(needle, path));
                "sqlite"
            }
            // Pages on their way into a SQLite file; they are read with it.
            [0x37, 0x7F, 0x06, 0x82 | 0x83, ..] => "sqlite log",
            _ if path.to_string_lossy().ends_with("-shm") => "sqlite index of the log",
            bytes if std::str::from_utf8(bytes).is_ok() => "text",
            _ => {
                self.unknown.push(path.to_owned());
                "unknown"
            }
        };
        self.files.push(path.to_owned());
        *self.kinds.entry(kind).or_default() += 1;
        self.places.extend(places.into_iter().map(|place| format!("{} ({place})", path.display())));
    }
}

/// All pages as they are decompressed (dictionaries hold values that no row may have any more), and all values.
fn in_parquet(needle: &Needle, path: &Path) -> Vec<&'static str> {
    let mut places = Vec::new();
    let reader = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).unwrap();
        for column in 0..group.num_columns() {
            let mut pages = group.get_column_page_reader(column).unwrap();
            while let Some(page) = pages.get_next_page().unwrap() {
                if needle.is_in(page.buffer()) {
                    places.push("a Parquet page");
                }
            }
        }
    }
    let file = std::fs::File::open(path).unwrap();
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        if in_batch(needle, &batch.unwrap()) {
            places.push("a Parquet value");
        }
    }
    places
}

/// All values of an Arrow file. One whose writer was killed has no footer: its stream is read as far as it goes, which begins
/// behind the magic number and some zeros.
fn in_arrow(needle: &Needle, bytes: &[u8], rest: &[u8]) -> Vec<&'static str> {
    let batches: Vec<RecordBatch> = match FileReader::try_new(Cursor::new(bytes), None) {
        Ok(reader) => reader.map(Result::unwrap).collect(),
        Err(_) => {
            let zeros = rest.iter().take_while(|b| **b == 0).count();
            let stream = StreamReader::try_new(&rest[zeros..], None).into_iter().flatten();
            stream.map_while(Result::ok).collect()
        }
    };
    batches.iter().filter(|batch| in_batch(needle, batch)).map(|_| "an Arrow value").collect()
}

fn in_batch(needle: &Needle, batch: &RecordBatch) -> bool {
    let options = FormatOptions::default();
    batch.columns().iter().any(|column| {
        let values = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
        (0..batch.num_rows()).any(|row| needle.is_in(values.value(row).to_string().as_bytes()))
    })
}

/// All values of all tables, those of Staunch too. (Rows that were deleted may still lie in the bytes, which were searched.)
fn in_sqlite(needle: &Needle, path: &Path) -> Vec<&'static str> {
    let mut places = Vec::new();
    // A copy: to open a database that a killed process has left changes it.
    let copy = tempfile::tempdir().unwrap();
    let file = copy.path().join("copy.db");
    std::fs::copy(path, &file).unwrap();
    let log = |path: &Path| PathBuf::from(format!("{}-wal", path.display()));
    if log(path).is_file() {
        std::fs::copy(log(path), log(&file)).unwrap();
    }
    let connection = rusqlite::Connection::open(&file).unwrap();
    let mut names = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let names: Vec<String> = names.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    for name in names {
        let mut statement = connection.prepare(&format!("SELECT * FROM \"{name}\"")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                if let ValueRef::Text(bytes) | ValueRef::Blob(bytes) = row.get_ref(column).unwrap()
                    && needle.is_in(bytes)
                {
                    places.push("a SQLite value");
                }
            }
        }
    }
    places
}

#[test]
fn an_arrow_file_without_its_end_is_searched_too() {
    let column: arrow::array::ArrayRef =
        std::sync::Arc::new(arrow::array::StringArray::from(vec!["aaaa QX71-canary aaaa"; 100]));
    let batch = RecordBatch::try_from_iter([("c", column)]).unwrap();
    let options = IpcWriteOptions::default().try_with_compression(Some(CompressionType::LZ4_FRAME)).unwrap();
    let mut bytes = Vec::new();
    let mut writer = FileWriter::try_new_with_options(&mut bytes, &batch.schema(), options).unwrap();
    writer.write(&batch).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    drop(writer);
    let needle = Needle::new("QX71-canary");
    assert_eq!(in_arrow(&needle, &bytes, &bytes[6..]).len(), 2);
    let cut = &bytes[..bytes.len() - 200];
    assert!(FileReader::try_new(Cursor::new(cut), None).is_err());
    assert!(!in_arrow(&needle, cut, &cut[6..]).is_empty());
}

#[test]
fn a_text_is_found_in_every_disguise() {
    let needle = Needle::new("QX71-canary");
    assert!(needle.is_in(b"\xFF\xE2QX71-canary\xE2\x82"));
    for text in ["aQX71-canaryb", "5158", "515837312d63616e617279", "515837312D63616E617279"] {
        assert_eq!(needle.is_in(text.as_bytes()), text != "5158", "{text}");
    }
    for around in ["", "x", "xy", "xyz"] {
        let mut bytes = format!("{around}QX71-canary and more").into_bytes();
        bytes.truncate(bytes.len() / 3 * 3);
        assert!(needle.is_in(base64(&bytes).as_bytes()), "behind `{around}`");
    }
    assert_eq!(base64(b"Man"), "TWFu");
}
