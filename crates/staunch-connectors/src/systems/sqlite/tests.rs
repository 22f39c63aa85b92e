//! A SQLite table as a target: rows and position together, once.

use super::{SqliteSink, SqliteSinkSpec};
use crate::formats::rows::row_as_json;
use crate::rowhash::FarSum;
use crate::testdata::{EVERY_VALUE, batch, contract, cpu_seconds, every_type, options, wide, wide_contract};
use arrow::record_batch::RecordBatch;
use futures::executor::block_on;
use rusqlite::Connection as Database;
use rusqlite::types::Value;
use serde_json::json;
use staunch_commit::{Applied, ApplyWork, Fence, Ready, Segment, SegmentName, Sink};
use staunch_contract::{Contract, Type};
use staunch_pipeline::{Connection, Object};
use staunch_types::{Epoch, Generation, LocalFs, Place, RegionId, Result, RunId, WriteMode, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

const REGION: &str = "0123456789abcdef";

struct Rig {
    dir: tempfile::TempDir,
    contract: Contract,
    mode: WriteMode,
    object: &'static str,
    table: Option<&'static str>,
    rejected_at_most: Option<u64>,
}

impl Rig {
    fn new(contract: Contract, mode: WriteMode) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, contract, mode, object: "t", table: None, rejected_at_most: None }
    }

    fn try_sink(&self) -> Result<SqliteSink> {
        let mut objects = BTreeMap::new();
        if let Some(table) = self.table {
            let options = options(&[("table", json!(table))]);
            objects.insert(
                self.object.to_owned(),
                Object {
                    name: self.object.into(),
                    place: Place::default(),
                    clears: BTreeSet::new(),
                    options,
                },
            );
        }
        let connection = Connection {
            name: "warehouse".into(),
            system: "sqlite".into(),
            place: Place::default(),
            options: options(&[("path", json!("out/shop.db"))]),
            objects,
        };
        SqliteSink::new(SqliteSinkSpec {
            project: self.dir.path(),
            connection: &connection,
            object: self.object,
            mode: self.mode,
            contract: Arc::new(self.contract.clone()),
            staging: self.dir.path().join("state/staged"),
            verify_full: true,
            rejected_at_most: self.rejected_at_most,
            fs: Arc::new(LocalFs),
        })
    }

    fn sink(&self) -> SqliteSink {
        let sink = self.try_sink().unwrap();
        block_on(sink.prepare(&Ready::new(self.mode))).unwrap();
        sink
    }

    fn database(&self) -> Database {
        std::fs::create_dir_all(self.dir.path().join("out")).unwrap();
        Database::open(self.dir.path().join("out/shop.db")).unwrap()
    }

    fn name(&self, epoch: u64, generation: u64) -> SegmentName {
        let write = format!("warehouse/{}", self.object);
        SegmentName {
            region: RegionId(REGION.into()),
            write,
            epoch: Epoch(epoch),
            generation: Generation(generation),
        }
    }

    fn stage(&self, sink: &SqliteSink, epoch: u64, batches: &[RecordBatch]) -> Vec<Segment> {
        let mut writer = sink.stage(&self.name(epoch, 1)).unwrap();
        for batch in batches {
            writer.write(batch).unwrap();
        }
        writer.finish().unwrap()
    }

    fn work(&self, epoch: u64, previous: Option<u64>, segments: &[Segment]) -> ApplyWork {
        ApplyWork {
            region: RegionId(REGION.into()),
            run: RunId("run".into()),
            generation: Generation(1),
            epoch: Epoch(epoch),
            previous: previous.map(Epoch),
            mode: self.mode,
            keyed: false,
            segments: segments.to_vec(),
            rejected_at_most: None,
            obsolete: vec![],
            contract: None,
            from: None,
        }
    }

    /// Stages and applies rows of texts as one epoch.
    fn apply(
        &self,
        sink: &SqliteSink,
        epoch: u64,
        previous: Option<u64>,
        rows: &[&[Option<&str>]],
    ) -> Result<Applied> {
        let rows = batch(&self.contract, rows);
        let segments = self.stage(sink, epoch, &[rows]);
        block_on(sink.apply(&self.work(epoch, previous, &segments)))
    }

    /// The rows of a query, each as its values with `|` between them.
    fn rows(&self, query: &str) -> Vec<String> {
        let database = self.database();
        let mut statement = database.prepare(query).unwrap();
        let columns = statement.column_count();
        let text = |value: Value| match value {
            Value::Null => "-".to_owned(),
            Value::Integer(n) => n.to_string(),
            Value::Real(n) => format!("{n:?}"),
            Value::Text(t) => t,
            Value::Blob(b) => format!("x{}", hex::encode(b)),
        };
        let rows = statement.query_map([], |row| {
            let values: Vec<String> = (0..columns).map(|i| text(row.get(i).unwrap())).collect();
            Ok(values.join("|"))
        });
        rows.unwrap().map(|r| r.unwrap()).collect()
    }
}

fn counts(done: &Applied) -> (u64, u64, u64, usize, u64) {
    (done.applied, done.unchanged, done.superseded, done.dead.len(), done.rows)
}

fn pairs(mode: WriteMode) -> Rig {
    Rig::new(contract(&[("k", Type::String), ("v?", Type::Long)], &["k"]), mode)
}

#[test]
fn every_type_has_its_exact_form() {
    let rig = Rig::new(contract(&every_type(), &[]), WriteMode::Append);
    let sink = rig.sink();
    let rows = batch(&rig.contract, &[&EVERY_VALUE, &[None; 20]]);
    let mut sum = FarSum::new(&rig.contract);
    sum.add(&rows).unwrap();
    assert_eq!(block_on(sink.preview(&[], 9)).unwrap().num_rows(), 0);
    let segments = rig.stage(&sink, 1, &[rows]);
    assert_eq!((segments.len(), segments[0].rows, segments[0].hash_sum.as_str()), (1, 2, ""));
    let done = block_on(sink.apply(&rig.work(1, None, &segments))).unwrap();
    assert_eq!(counts(&done), (2, 0, 0, 0, 2));
    assert_eq!(done.hash_sum, Some(sum.hex()));
    let wanted = [
        "1",
        "-7",
        "9007199254740993",
        "1.5",
        "1.5",
        "x00ff10",
        "it's \"Zürich\" 😀",
        "b",
        "-123.45",
        "2013-01-01",
        "23:59:59.999",
        "23:59:59.999999",
        "2013-01-01T10:00:00.001Z",
        "2013-01-01T10:00:00.000001Z",
        "1969-12-31T23:59:59.999",
        "1969-12-31T23:59:59.999999",
        "0188a1d0-5f2b-7c3e-9a4d-0123456789ab",
        "2013-01-01T10:00:00.000000001Z",
        "1969-12-31T23:59:59.999999999",
        "x00ff10",
    ];
    assert_eq!(rig.rows("SELECT * FROM t"), [wanted.join("|"), ["-"; 20].join("|")]);
    // What the table shows are the same values again.
    let shown = block_on(sink.preview(&[], 9)).unwrap();
    let mut again = FarSum::new(&rig.contract);
    again.add(&shown).unwrap();
    assert_eq!((again.rows(), Some(again.hex())), (2, done.hash_sum));
    assert_eq!(block_on(sink.preview(&[], 1)).unwrap().num_rows(), 1);
}

#[test]
fn applied_twice_is_applied_once_with_the_same_answer() {
    for mode in [WriteMode::Append, WriteMode::Upsert, WriteMode::Replace] {
        let rig = pairs(mode);
        let sink = rig.sink();
        let rows =
            batch(&rig.contract, &[&[Some("a"), Some("1")], &[Some("b"), None], &[Some("a"), Some("2")]]);
        let segments = rig.stage(&sink, 3, &[rows]);
        let work = rig.work(3, None, &segments);
        let first = block_on(sink.apply(&work)).unwrap();
        let before = rig.rows("SELECT * FROM t ORDER BY 1, 2");
        // The state folder may have been swept in between: the answer comes from the target.
        std::fs::remove_dir_all(rig.dir.path().join("state")).unwrap();
        let again = block_on(rig.sink().apply(&work)).unwrap();
        assert_eq!(again, first, "{mode}");
        assert_eq!(rig.rows("SELECT * FROM t ORDER BY 1, 2"), before, "{mode}");
        assert_eq!(before.len(), if mode == WriteMode::Upsert { 2 } else { 3 });
    }
}

#[test]
fn upsert_counts_what_was_changed_unchanged_and_superseded() {
    let rig = pairs(WriteMode::Upsert);
    let sink = rig.sink();
    let one = rig.apply(
        &sink,
        1,
        None,
        &[
            &[Some("a"), Some("1")],
            &[Some("b"), Some("1")],
            &[Some("a"), Some("2")],
            &[Some("c"), None],
            &[Some("a"), Some("3")],
        ],
    );
    assert_eq!(counts(&one.unwrap()), (3, 0, 2, 0, 5));
    assert_eq!(rig.rows("SELECT * FROM t ORDER BY k"), ["a|3", "b|1", "c|-"]);
    // Two segments, several batches: the order of the work is that of its segments.
    let first =
        rig.stage(&sink, 2, &[batch(&rig.contract, &[&[Some("a"), Some("9")], &[Some("b"), Some("1")]])]);
    let second = SegmentName { generation: Generation(2), ..rig.name(2, 1) };
    let mut writer = sink.stage(&second).unwrap();
    writer.write(&batch(&rig.contract, &[&[Some("c"), None]])).unwrap();
    writer.write(&batch(&rig.contract, &[&[Some("a"), Some("3")], &[Some("d"), Some("4")]])).unwrap();
    let segments = [first, writer.finish().unwrap()].concat();
    let two = block_on(sink.apply(&rig.work(2, Some(1), &segments))).unwrap();
    // `a` was changed and changed back.
    assert_eq!(counts(&two), (2, 2, 1, 0, 5));
    assert_eq!(rig.rows("SELECT * FROM t ORDER BY k"), ["a|3", "b|1", "c|-", "d|4"]);
    let three = rig.apply(&sink, 3, Some(2), &[&[Some("b"), None], &[Some("c"), Some("0")]]).unwrap();
    assert_eq!(counts(&three), (2, 0, 0, 0, 2));
    assert_eq!(rig.rows("SELECT * FROM t ORDER BY k"), ["a|3", "b|-", "c|0", "d|4"]);
    assert_eq!(rig.rows("SELECT epoch, rows, superseded FROM staunch_commits"), ["3|2|0"]);

    let keys_only =
        Rig::new(contract(&[("b", Type::Long), ("a", Type::Date)], &["a", "b"]), WriteMode::Upsert);
    let sink = keys_only.sink();
    let rows: [&[Option<&str>]; 3] =
        [&[Some("1"), Some("0")], &[Some("0"), Some("1")], &[Some("1"), Some("0")]];
    assert_eq!(counts(&keys_only.apply(&sink, 1, None, &rows).unwrap()), (2, 0, 1, 0, 3));
    assert_eq!(counts(&keys_only.apply(&sink, 2, Some(1), &rows).unwrap()), (0, 2, 1, 0, 3));
}

/// Of the rows of one key the last one stays that the target takes, in one epoch as in many.
#[test]
fn an_upsert_shows_the_same_rows_however_its_epochs_are_cut() {
    let rows: [&[Option<&str>]; 9] = [
        &[Some("a"), Some("1")],
        &[Some("b"), Some("2")],
        &[Some("a"), Some("13")],
        &[Some("c"), Some("13")],
        &[Some("c"), Some("4")],
        &[Some("c"), Some("4")],
        &[Some("d"), Some("1")],
        &[Some("a"), Some("5")],
        &[Some("b"), None],
    ];
    for cut in [1, 2, 4, 9] {
        let rig = pairs(WriteMode::Upsert);
        rig.database()
            .execute_batch(
                "CREATE TABLE t (k TEXT PRIMARY KEY, v INTEGER UNIQUE CHECK (v < 10));
                 CREATE TRIGGER leave_out BEFORE INSERT ON t WHEN NEW.v IS NULL BEGIN SELECT RAISE(IGNORE); END;",
            )
            .unwrap();
        let sink = rig.sink();
        let (mut accepted, mut dead, mut epoch) = (0, Vec::new(), 0);
        for (begin, part) in (0_u64..).step_by(cut).zip(rows.chunks(cut)) {
            let done = rig.apply(&sink, epoch + 1, (epoch > 0).then_some(epoch), part).unwrap();
            epoch += 1;
            accepted += done.applied + done.unchanged + done.superseded;
            dead.extend(done.dead.iter().map(|(n, why)| format!("{} {why}", begin + n)));
        }
        assert_eq!(rig.rows("SELECT * FROM t ORDER BY k"), ["a|5", "b|2", "c|4"], "cut by {cut}");
        let refused = [
            "2 check: v < 10",
            "3 check: v < 10",
            "6 unique key: t.v",
            "8 a trigger of the table left the row out",
        ];
        assert_eq!(
            (accepted, dead.iter().map(String::as_str).collect::<Vec<_>>()),
            (5, refused.to_vec()),
            "cut by {cut}"
        );
    }
}

/// A full refresh of an upsert puts the same rows there as the upserts did.
#[test]
fn a_replace_of_an_upsert_keeps_the_later_row_of_each_key() {
    let rig = pairs(WriteMode::Upsert);
    let sink = rig.sink();
    rig.apply(&sink, 1, None, &[&[Some("old"), Some("1")], &[Some("a"), Some("0")]]).unwrap();
    let rows: [&[Option<&str>]; 4] =
        [&[Some("a"), Some("1")], &[Some("b"), Some("2")], &[Some("a"), Some("3")], &[Some("b"), None]];
    let segments = rig.stage(&sink, 2, &[batch(&rig.contract, &rows)]);
    let refresh = ApplyWork { mode: WriteMode::Replace, keyed: true, ..rig.work(2, Some(1), &segments) };
    assert_eq!(counts(&block_on(sink.apply(&refresh)).unwrap()), (2, 0, 2, 0, 4));
    assert_eq!(rig.rows("SELECT * FROM t ORDER BY k"), ["a|3", "b|-"]);
}

#[test]
fn a_collation_of_the_target_does_not_hide_a_change() {
    let rig = Rig::new(contract(&[("k", Type::Int), ("v", Type::String)], &["k"]), WriteMode::Upsert);
    rig.database().execute_batch("CREATE TABLE t (k INTEGER PRIMARY KEY, v TEXT COLLATE NOCASE)").unwrap();
    let sink = rig.sink();
    rig.apply(&sink, 1, None, &[&[Some("1"), Some("a")]]).unwrap();
    let done = rig.apply(&sink, 2, Some(1), &[&[Some("1"), Some("A")]]).unwrap();
    assert_eq!(counts(&done), (1, 0, 0, 0, 1));
    assert_eq!(rig.rows("SELECT v FROM t"), ["A"]);
}

#[test]
fn replace_keeps_the_table_and_its_grants() {
    let rig = pairs(WriteMode::Replace);
    rig.database()
        .execute_batch("CREATE TABLE t (k TEXT, v INTEGER, extra TEXT DEFAULT 'x'); CREATE INDEX i ON t (v)")
        .unwrap();
    let sink = rig.sink();
    rig.apply(&sink, 1, None, &[&[Some("a"), Some("1")], &[Some("b"), Some("2")]]).unwrap();
    let done = rig.apply(&sink, 2, Some(1), &[&[Some("c"), Some("3")]]).unwrap();
    assert_eq!(counts(&done), (1, 0, 0, 0, 1));
    assert_eq!(rig.rows("SELECT * FROM t"), ["c|3|x"]);
    assert_eq!(rig.rows("SELECT count(*) FROM sqlite_schema WHERE name = 'i'"), ["1"]);
    let empty = block_on(sink.apply(&rig.work(3, Some(2), &[]))).unwrap();
    assert_eq!(counts(&empty), (0, 0, 0, 0, 0));
    assert_eq!(rig.rows("SELECT * FROM t"), Vec::<String>::new());
}

#[test]
fn refused_rows_are_dead_by_ordinal_and_constraint_and_the_others_stay() {
    let rig = Rig::new(
        contract(
            &[
                ("k?", Type::Long),
                ("v?", Type::String),
                ("r?", Type::Long),
                ("at?", Type::Date),
                ("x?", Type::Double),
            ],
            &[],
        ),
        WriteMode::Append,
    );
    rig.database()
        .execute_batch(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY); INSERT INTO parent VALUES (1);
             CREATE TABLE t (k INTEGER NOT NULL UNIQUE ON CONFLICT REPLACE, v TEXT CONSTRAINT short CHECK (length(v) < 5),
                             r INTEGER REFERENCES parent (id), at TEXT, x REAL);
             CREATE TRIGGER drop_it BEFORE INSERT ON t WHEN NEW.v = 'skip' BEGIN SELECT RAISE(IGNORE); END;
             CREATE TRIGGER refuse BEFORE INSERT ON t WHEN NEW.v = 'bad' BEGIN SELECT RAISE(ABORT, 'secret: ' ); END;",
        )
        .unwrap();
    let sink = rig.sink();
    let nan = "7ff8000000000000";
    let rows: [&[Option<&str>]; 10] = [
        &[Some("1"), Some("ok"), Some("1"), None, None],
        &[Some("1"), Some("dup"), None, None, None],
        &[None, Some("ok"), None, None, None],
        &[Some("2"), Some("secret-value"), None, None, None],
        &[Some("3"), None, Some("77"), None, None],
        &[Some("4"), Some("skip"), None, None, None],
        &[Some("5"), Some("bad"), None, None, None],
        &[Some("6"), None, None, Some("2932897"), None],
        &[Some("7"), None, None, None, Some(nan)],
        &[Some("8"), Some("last"), None, Some("0"), Some("7ff0000000000000")],
    ];
    let done = rig.apply(&sink, 1, None, &rows).unwrap();
    assert_eq!(counts(&done), (2, 0, 0, 8, 10));
    let dead: Vec<String> = done.dead.iter().map(|(n, why)| format!("{n} {why}")).collect();
    assert_eq!(
        dead,
        [
            "1 unique key: t.k",
            "2 not null: t.k",
            "3 check: short",
            "4 foreign key",
            "5 a trigger of the table left the row out",
            "6 a trigger of the table",
            "7 `at` is outside of the years 0000 to 9999 or of the day, which SQLite cannot hold",
            "8 `x` is not a number (NaN), which SQLite cannot hold",
        ]
    );
    assert_eq!(rig.rows("SELECT k, v, at, x FROM t ORDER BY k"), ["1|ok|-|-", "8|last|1970-01-01|inf"]);
    // Asked again, the stored rejections come back.
    let again = block_on(sink.apply(&ApplyWork { segments: vec![], ..rig.work(1, None, &[]) })).unwrap();
    assert_eq!(again, done);
}

#[test]
fn refused_rows_are_read_back_by_their_ordinals_over_batches_and_segments() {
    let rig = pairs(WriteMode::Append);
    let sink = rig.sink();
    let letter = |k: &'static str| batch(&rig.contract, &[&[Some(k), None], &[Some(k), Some("1")]]);
    let mut segments = rig.stage(&sink, 1, &[letter("a"), letter("b"), letter("c")]);
    segments.extend(rig.stage(&sink, 2, &[letter("d")]));
    let read = |ordinals: &[u64]| -> Vec<String> {
        let batches = sink.rows(&segments, ordinals).unwrap().map(Result::unwrap);
        let text = |b: RecordBatch| {
            let shown: Vec<String> = (0..b.num_rows())
                .map(|row| String::from_utf8(row_as_json(&b.slice(row, 1))).unwrap())
                .collect();
            shown
        };
        batches.flat_map(text).collect()
    };
    assert_eq!(
        read(&[0, 3, 5, 6]),
        [r#"{"k":"a","v":null}"#, r#"{"k":"b","v":1}"#, r#"{"k":"c","v":1}"#, r#"{"k":"d","v":null}"#]
    );
    assert_eq!(read(&[7]), [r#"{"k":"d","v":1}"#]);
    assert!(read(&[]).is_empty());
    std::fs::write(rig.dir.path().join("state/staged").join(&segments[1].staged), "x").unwrap();
    assert_eq!(sink.rows(&segments, &[0]).err().unwrap().code(), codes::STORE_CORRUPT);
}

#[test]
fn too_many_refusals_take_the_epoch_back() {
    let mut rig = pairs(WriteMode::Append);
    rig.rejected_at_most = Some(1);
    rig.database().execute_batch("CREATE TABLE t (k TEXT UNIQUE, v INTEGER)").unwrap();
    let sink = rig.sink();
    let same: &[Option<&str>] = &[Some("secret"), Some("1")];
    let done = rig.apply(&sink, 1, None, &[same, same]).unwrap();
    assert_eq!(counts(&done), (1, 0, 0, 1, 2));
    let error = rig.apply(&sink, 2, Some(1), &[&[Some("new"), None], same, same]).unwrap_err();
    assert_eq!(error.code(), codes::SINK_REJECTED);
    assert!(
        !format!("{error:?}").contains("secret") && error.to_string().contains("unique key: t.k"),
        "{error:?}"
    );
    assert_eq!(rig.rows("SELECT k FROM t"), ["secret"]);
    assert_eq!(rig.rows("SELECT epoch FROM staunch_commits"), ["1"]);
}

#[test]
fn a_trigger_or_deferred_key_that_takes_all_back_applies_nothing() {
    let rig = pairs(WriteMode::Append);
    rig.database()
        .execute_batch(
            "CREATE TABLE t (k TEXT, v INTEGER);
             CREATE TRIGGER stop BEFORE INSERT ON t WHEN NEW.v = 13 BEGIN SELECT RAISE(ROLLBACK, 'no'); END;",
        )
        .unwrap();
    let sink = rig.sink();
    let error = rig.apply(&sink, 1, None, &[&[Some("a"), Some("1")], &[Some("b"), Some("13")]]).unwrap_err();
    assert_eq!(error.code(), codes::SINK_REJECTED);
    assert_eq!(rig.rows("SELECT count(*) FROM t"), ["0"]);

    let rig = pairs(WriteMode::Append);
    rig.database()
        .execute_batch(
            "CREATE TABLE parent (id INTEGER PRIMARY KEY);
             CREATE TABLE t (k TEXT, v INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
        )
        .unwrap();
    let sink = rig.sink();
    let error = rig.apply(&sink, 1, None, &[&[Some("a"), Some("1")]]).unwrap_err();
    assert_eq!(error.code(), codes::SINK_REJECTED);
    assert_eq!(rig.rows("SELECT count(*) FROM t"), ["0"]);
    assert_eq!(rig.rows("SELECT count(epoch) FROM staunch_commits"), ["0"]);
}

#[test]
fn zombies_foreign_regions_and_positions_that_do_not_fit_are_refused() {
    let rig = pairs(WriteMode::Append);
    let sink = rig.sink();
    let fence = |generation, region: &str| Fence {
        region: RegionId(region.into()),
        generation: Generation(generation),
    };
    assert_eq!(block_on(sink.recover(&fence(3, REGION))).unwrap(), None);
    // The fence holds before the first epoch.
    let rows: &[&[Option<&str>]] = &[&[Some("a"), Some("1")]];
    let zombie = rig.apply(&sink, 1, None, rows).unwrap_err();
    assert_eq!(zombie.code(), codes::FENCED);
    let segments = rig.stage(&sink, 2, &[batch(&rig.contract, rows)]);
    let mine = |epoch, previous, generation| ApplyWork {
        generation: Generation(generation),
        ..rig.work(epoch, previous, &segments)
    };
    block_on(sink.apply(&mine(2, None, 3))).unwrap();
    assert_eq!(block_on(sink.recover(&fence(4, REGION))).unwrap(), Some(Epoch(2)));
    assert_eq!(block_on(sink.recover(&fence(3, REGION))).unwrap_err().code(), codes::FENCED);
    assert_eq!(block_on(sink.apply(&mine(3, Some(2), 3))).unwrap_err().code(), codes::FENCED);
    for (epoch, previous) in [(4, Some(3)), (4, None), (1, None), (4, Some(1))] {
        let error = block_on(sink.apply(&mine(epoch, previous, 4))).unwrap_err();
        assert_eq!(error.code(), codes::SINK_AHEAD, "{epoch} after {previous:?}");
    }
    let other = block_on(sink.recover(&fence(9, "another'region"))).unwrap_err();
    assert_eq!(other.code(), codes::SINK_AHEAD);
    let foreign = ApplyWork { region: RegionId("another'region".into()), ..mine(1, None, 9) };
    assert_eq!(block_on(sink.apply(&foreign)).unwrap_err().code(), codes::SINK_AHEAD);
    assert_eq!(rig.rows("SELECT k FROM t"), ["a"]);

    // A target that was put back to an older backup has lost its position.
    rig.database().execute_batch("DELETE FROM staunch_commits").unwrap();
    assert_eq!(block_on(sink.apply(&mine(3, Some(2), 4))).unwrap_err().code(), codes::SINK_AHEAD);
    assert_eq!(rig.rows("SELECT count(*) FROM staunch_commits"), ["0"]);
}

#[test]
fn names_and_values_from_hell_stay_names_and_values() {
    let mut rig = Rig::new(
        contract(&[("select", Type::String), ("a b", Type::String), ("q\"'];--", Type::String)], &["select"]),
        WriteMode::Upsert,
    );
    rig.table = Some("robert\"); DROP TABLE students;-- ü");
    rig.database().execute_batch("CREATE TABLE students (id INTEGER)").unwrap();
    let sink = rig.sink();
    let evil: &[Option<&str>] = &[Some("'; DROP TABLE students; --"), Some("a\0b"), Some("\"")];
    assert_eq!(counts(&rig.apply(&sink, 1, None, &[evil]).unwrap()), (1, 0, 0, 0, 1));
    assert_eq!(counts(&rig.apply(&sink, 2, Some(1), &[evil]).unwrap()), (0, 1, 0, 0, 1));
    assert_eq!(
        rig.rows("SELECT * FROM \"robert\"\"); DROP TABLE students;-- ü\""),
        ["'; DROP TABLE students; --|a\0b|\""]
    );
    assert_eq!(rig.rows("SELECT count(*) FROM students"), ["0"]);
    for bad in ["", "a\0b", "sqlite_x", "SQLITE_schema", "Staunch_Commits"] {
        rig.table = Some(bad);
        assert_eq!(rig.try_sink().err().unwrap().code(), codes::BAD_NAME, "{bad:?}");
    }
}

#[test]
fn a_table_that_does_not_fit_is_told_with_every_difference() {
    let fields = [
        ("k", Type::Long),
        ("price", Type::Decimal { precision: 9, scale: 2 }),
        ("name", Type::String),
        ("gone", Type::Double),
    ];
    let rig = Rig::new(contract(&fields, &["k"]), WriteMode::Upsert);
    rig.database()
        .execute_batch("CREATE TABLE T (K INTEGER, price DECIMAL(9,2), name TEXT AS ('x'), need TEXT NOT NULL, fine TEXT NOT NULL DEFAULT '')")
        .unwrap();
    let sink = rig.try_sink().unwrap();
    let error = block_on(sink.prepare(&Ready::new(rig.mode))).unwrap_err();
    assert!(error.all().all(|e| e.code() == codes::SINK_SCHEMA && e.next_step().is_some()));
    let messages: Vec<&str> = error.all().map(|e| e.message()).collect();
    assert_eq!(
        messages,
        [
            "table \"t\": column \"price\" is declared DECIMAL(9,2), which would change values meant for TEXT",
            "table \"t\": column \"name\" is generated or hidden and cannot be written",
            "table \"t\": the table has no column \"gone\"",
            "table \"t\": the table needs column \"need\", which the contract does not have",
        ]
    );
    assert_eq!(rig.rows("SELECT count(*) FROM sqlite_schema WHERE name = 'staunch_commits'"), ["0"]);

    let rig = pairs(WriteMode::Upsert);
    rig.database()
        .execute_batch("CREATE TABLE t (k TEXT, v INTEGER); CREATE UNIQUE INDEX part ON t (k) WHERE v > 0")
        .unwrap();
    let error = block_on(rig.try_sink().unwrap().prepare(&Ready::new(rig.mode))).unwrap_err();
    assert_eq!(
        (error.code(), error.next_step()),
        (codes::SINK_SCHEMA, Some("CREATE UNIQUE INDEX \"t_key\" ON \"t\" (\"k\")"))
    );
    // What the hint says is what mends it.
    rig.database().execute_batch(error.next_step().unwrap()).unwrap();
    block_on(rig.try_sink().unwrap().prepare(&Ready::new(rig.mode))).unwrap();

    let rig = pairs(WriteMode::Append);
    rig.database().execute_batch("CREATE VIEW t AS SELECT 1 AS k, 2 AS v").unwrap();
    assert_eq!(
        block_on(rig.try_sink().unwrap().prepare(&Ready::new(rig.mode))).unwrap_err().code(),
        codes::SINK_SCHEMA
    );
    let ours =
        Rig::new(contract(&[("id", Type::Long), ("at", Type::TimestampMicros)], &[]), WriteMode::Append);
    ours.database().execute_batch("CREATE TABLE t (n INTEGER PRIMARY KEY, id BIGINT, at TIMESTAMP)").unwrap();
    block_on(ours.try_sink().unwrap().prepare(&Ready::new(ours.mode))).unwrap();
}

#[test]
fn what_no_table_can_take_is_told_before_the_database_is_touched() {
    let no_key = Rig::new(contract(&[("a", Type::Int)], &[]), WriteMode::Upsert);
    assert_eq!(no_key.try_sink().err().unwrap().code(), codes::WRITE_MODE);
    let null_key = Rig::new(contract(&[("a?", Type::Int)], &["a"]), WriteMode::Upsert);
    assert_eq!(null_key.try_sink().err().unwrap().code(), codes::WRITE_MODE);
    let twins = Rig::new(contract(&[("a", Type::Int), ("A", Type::Int)], &[]), WriteMode::Append);
    assert_eq!(twins.try_sink().err().unwrap().code(), codes::SINK_SCHEMA);
    let fresh = pairs(WriteMode::Append);
    assert_eq!(block_on(fresh.try_sink().unwrap().preview(&[], 9)).unwrap().num_rows(), 0);
    for rig in [twins, fresh] {
        assert!(!rig.dir.path().join("out").try_exists().unwrap(), "looking creates nothing");
    }
}

#[test]
fn an_outage_applies_nothing_and_is_told_as_one() {
    let rig = pairs(WriteMode::Append);
    let sink = rig.sink();
    let rows: &[&[Option<&str>]] = &[&[Some("a"), Some("1")]];
    rig.apply(&sink, 1, None, rows).unwrap();
    let path = rig.dir.path().join("out/shop.db");
    drop(rig.database());
    let aside = rig.dir.path().join("aside.db");
    std::fs::rename(&path, &aside).unwrap();
    std::fs::write(&path, "this is no database, and it is long enough to be looked at as one").unwrap();
    let error = rig.apply(&sink, 2, Some(1), rows).unwrap_err();
    assert_eq!(error.code(), codes::SINK_UNAVAILABLE);
    assert!(error.next_step().is_some());
    std::fs::rename(&aside, &path).unwrap();
    let segments =
        block_on(rig.sink().recover(&Fence { region: RegionId(REGION.into()), generation: Generation(2) }));
    assert_eq!(segments.unwrap(), Some(Epoch(1)));
    assert_eq!(rig.rows("SELECT count(*) FROM t"), ["1"]);
}

#[test]
fn a_damaged_or_missing_segment_is_corrupt_and_applies_nothing() {
    let rig = pairs(WriteMode::Replace);
    let sink = rig.sink();
    rig.apply(&sink, 1, None, &[&[Some("a"), Some("1")]]).unwrap();
    let segments = rig.stage(&sink, 2, &[batch(&rig.contract, &[&[Some("b"), Some("2")]])]);
    let path = rig.dir.path().join("state/staged").join(&segments[0].staged);
    let whole = std::fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for content in [Some(flipped), Some(whole[..whole.len() - 1].to_vec()), Some(vec![]), None] {
        match content {
            Some(content) => std::fs::write(&path, content).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
        let error = block_on(sink.apply(&rig.work(2, Some(1), &segments))).unwrap_err();
        assert_eq!(error.code(), codes::STORE_CORRUPT);
        assert_eq!(rig.rows("SELECT k FROM t"), ["a"]);
    }
    std::fs::write(&path, &whole).unwrap();
    // A descriptor whose count is wrong does not balance.
    let wrong = Segment { rows: 2, ..segments[0].clone() };
    let error = block_on(sink.apply(&rig.work(2, Some(1), &[wrong]))).unwrap_err();
    assert_eq!(error.code(), codes::IMBALANCE);
    assert_eq!(rig.rows("SELECT k FROM t"), ["a"]);
    block_on(sink.apply(&rig.work(2, Some(1), &segments))).unwrap();
    assert_eq!(rig.rows("SELECT k FROM t"), ["b"]);
}

#[test]
fn an_apply_that_was_cut_off_before_its_commit_is_done_by_the_next() {
    let rig = pairs(WriteMode::Upsert);
    let sink = rig.sink();
    rig.apply(&sink, 1, None, &[&[Some("a"), Some("1")]]).unwrap();
    let rows = batch(&rig.contract, &[&[Some("a"), Some("2")], &[Some("b"), Some("1")]]);
    let segments = rig.stage(&sink, 2, &[rows]);
    let work = rig.work(2, Some(1), &segments);
    // The transaction does everything but commit, as at a crash after `sqlite.before_commit`.
    let failed = sink.within("apply", |tx| {
        assert!(matches!(sink.commits().claim(tx, &work)??, super::Claim::Mine));
        let table = sink.target();
        let rows = super::Rows { tx, table: &table, staging: &sink.staging, rejected_at_most: 9 };
        let done = rows.apply(&work)?;
        sink.commits().record(tx, &work, &done)?;
        Err::<(), _>(staunch_types::Error::new(codes::INTERRUPTED, "crash").into())
    });
    assert_eq!(failed.unwrap_err().code(), codes::INTERRUPTED);
    assert_eq!(rig.rows("SELECT * FROM t"), ["a|1"]);
    let done = block_on(sink.apply(&work)).unwrap();
    assert_eq!(counts(&done), (2, 0, 0, 0, 2));
    assert_eq!(rig.rows("SELECT * FROM t ORDER BY k"), ["a|2", "b|1"]);
}

#[test]
fn sweep_takes_only_the_own_segments_that_nobody_needs() {
    let rig = pairs(WriteMode::Append);
    let sink = rig.sink();
    let rows = batch(&rig.contract, &[&[Some("a"), Some("1")]]);
    assert_eq!(rig.stage(&sink, 1, &[]), []);
    let kept = rig.stage(&sink, 1, std::slice::from_ref(&rows));
    rig.stage(&sink, 2, std::slice::from_ref(&rows));
    let folder = rig.dir.path().join("state/staged");
    for other in ["warehouse.other-e1-g1-0.arrow", "note.txt"] {
        std::fs::write(folder.join(other), "x").unwrap();
    }
    // What a newer generation staged stays, whoever sweeps.
    sink.stage(&rig.name(2, 3)).unwrap().write(&rows).unwrap();
    let fence = Fence { region: RegionId(REGION.into()), generation: Generation(2) };
    block_on(sink.sweep(&fence, &BTreeSet::from([kept[0].staged.clone()]))).unwrap();
    let mut left: Vec<String> = list(&folder);
    left.sort();
    assert_eq!(
        left,
        [
            "note.txt",
            "warehouse.other-e1-g1-0.arrow",
            "warehouse.t-e1-g1-0.arrow",
            "warehouse.t-e2-g3-0.arrow"
        ]
    );
    assert!(sink.guarantee().mechanism.contains("staunch_commits"));
}

#[test]
fn many_batches_and_keys_agree_with_a_map() {
    let rig = pairs(WriteMode::Upsert);
    let sink = rig.sink();
    let mut expected = BTreeMap::new();
    let mut previous = None;
    for epoch in 1..=3_u64 {
        let rows: Vec<(String, String)> = (0..2_000_u64)
            .map(|i| (format!("k{}", (i * 7919 + epoch) % 701), format!("{}", i % 3)))
            .collect();
        let before = expected.clone();
        let texts: Vec<[Option<&str>; 2]> =
            rows.iter().map(|(k, v)| [Some(k.as_str()), Some(v.as_str())]).collect();
        let texts: Vec<&[Option<&str>]> = texts.iter().map(|t| t.as_slice()).collect();
        let whole = batch(&rig.contract, &texts);
        let parts: Vec<RecordBatch> = (0..20).map(|i| whole.slice(i * 100, 100)).collect();
        let segments = rig.stage(&sink, epoch, &parts);
        let done = block_on(sink.apply(&rig.work(epoch, previous, &segments))).unwrap();
        previous = Some(epoch);
        let epoch_rows: BTreeMap<String, String> = rows.into_iter().collect();
        let unchanged = epoch_rows.iter().filter(|(k, v)| before.get(*k) == Some(*v)).count() as u64;
        let distinct = epoch_rows.len() as u64;
        assert_eq!(counts(&done), (distinct - unchanged, unchanged, 2_000 - distinct, 0, 2_000));
        expected.extend(epoch_rows);
        let wanted: Vec<String> = expected.iter().map(|(k, v)| format!("{k}|{v}")).collect();
        assert_eq!(rig.rows("SELECT * FROM t ORDER BY k"), wanted);
    }
}

fn list(folder: &Path) -> Vec<String> {
    std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

/// `cargo test --release -p staunch-connectors sqlite -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn speed() {
    let rows = 62 * 8192;
    let batches: Vec<RecordBatch> = (0..62).map(|i| wide(i * 8192, 8192)).collect();
    for mode in [WriteMode::Append, WriteMode::Upsert] {
        let mut rig = Rig::new(wide_contract(), mode);
        rig.object = "wide";
        let sink = rig.sink();
        for epoch in 1..=2_u64 {
            let start = cpu_seconds();
            let segments = rig.stage(&sink, epoch, &batches);
            let staged = cpu_seconds();
            let work = rig.work(epoch, (epoch > 1).then(|| epoch - 1), &segments);
            let done = block_on(sink.apply(&work)).unwrap();
            let (staging, applying) = (staged - start, cpu_seconds() - staged);
            println!(
                "{mode} {epoch}: staged {:.0} rows a CPU-s ({} MiB), applied {:.0} rows a CPU-s, {:?}",
                rows as f64 / staging,
                segments[0].bytes >> 20,
                rows as f64 / applying,
                counts(&done)
            );
        }
    }
}
