//! A folder of files as a target: shown once, however often it is asked and wherever it was cut off.

mod avro;
mod json;

use super::{FilesSink, FilesSinkSpec, STAGING};
use crate::formats::parquet_write::{decode, footer};
use crate::rowhash::FarSum;
use crate::testdata::{EVERY_VALUE, batch, contract, cpu_seconds, every_type, options, wide, wide_contract};
use arrow::record_batch::RecordBatch;
use futures::executor::block_on;
use serde_json::json;
use staunch_commit::{ApplyWork, Fence, Ready, Segment, SegmentName, Sink};
use staunch_contract::{Contract, Type};
use staunch_pipeline::{Connection, Object};
use staunch_types::{
    Access, Epoch, Fs, FsFile, Generation, LocalFs, Place, RegionId, RunId, WriteMode, codes, unsynced,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const REGION: &str = "0123456789abcdef";

type Entries<'a> = &'a [(&'a str, serde_json::Value)];

fn try_sink(dir: &Path, contract: &Contract, more: Entries<'_>) -> staunch_types::Result<FilesSink> {
    let mut entries = vec![("path", json!("clean")), ("format", json!("parquet"))];
    entries.retain(|(key, _)| !more.iter().any(|(k, _)| k == key));
    entries.extend(more.iter().cloned());
    let object = Object {
        name: "clean".into(),
        place: Place::default(),
        clears: BTreeSet::new(),
        options: options(&entries),
    };
    let connection = Connection {
        name: "lake".into(),
        system: "files".into(),
        place: Place::default(),
        options: options(&[("root", json!("out"))]),
        objects: BTreeMap::new(),
    };
    FilesSink::new(FilesSinkSpec {
        project: dir,
        connection: &connection,
        object: &object,
        contract: Arc::new(contract.clone()),
        verify_full: true,
        fs: Arc::new(LocalFs),
    })
}

fn sink(dir: &Path, contract: &Contract, more: Entries<'_>) -> FilesSink {
    let sink = try_sink(dir, contract, more).unwrap();
    block_on(sink.prepare(&Ready::new(WriteMode::Append))).unwrap();
    sink
}

fn name(epoch: u64, generation: u64) -> SegmentName {
    SegmentName {
        region: RegionId(REGION.into()),
        write: "lake/clean".into(),
        epoch: Epoch(epoch),
        generation: Generation(generation),
    }
}

fn stage(sink: &FilesSink, name: &SegmentName, batches: &[RecordBatch]) -> Vec<Segment> {
    let mut writer = sink.stage(name).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap()
}

fn work(epoch: u64, mode: WriteMode, segments: &[Segment], obsolete: &[&str]) -> ApplyWork {
    ApplyWork {
        region: RegionId(REGION.into()),
        run: RunId("run".into()),
        generation: Generation(1),
        epoch: Epoch(epoch),
        previous: None,
        mode,
        keyed: false,
        segments: segments.to_vec(),
        rejected_at_most: None,
        obsolete: obsolete.iter().map(|o| (*o).to_owned()).collect(),
        contract: None,
        from: None,
    }
}

/// All files below a folder, relative to it.
fn files(folder: &Path) -> BTreeSet<String> {
    fn walk(at: &Path, root: &Path, out: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(at).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, out);
            } else {
                out.insert(path.strip_prefix(root).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    let mut out = BTreeSet::new();
    walk(folder, folder, &mut out);
    out
}

fn published(sink: &FilesSink) -> BTreeSet<String> {
    files(sink.folder()).into_iter().filter(|f| !f.starts_with(STAGING)).collect()
}

fn rows_on_disk(sink: &FilesSink) -> u64 {
    let fs: Arc<dyn Fs> = Arc::new(LocalFs);
    published(sink).iter().map(|f| footer(&fs, &sink.folder().join(f)).unwrap().rows).sum()
}

#[test]
fn what_is_staged_is_hidden_and_what_is_applied_is_shown_once() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&every_type(), &[]);
    let sink = sink(dir.path(), &contract, &[]);
    let rows = batch(&contract, &[&EVERY_VALUE, &[None; 20]]);
    let segments = stage(&sink, &name(4, 2), &[rows.clone(), rows.clone()]);
    assert_eq!(published(&sink), BTreeSet::new());
    let mut sum = FarSum::new(&contract);
    sum.add(&rows).unwrap();
    sum.add(&rows).unwrap();
    let [segment] = segments.as_slice() else { panic!("one file") };
    assert_eq!(segment.staged, ".staunch/0123456789abcdef/lake.clean-e4-g2-0.parquet.staged");
    assert_eq!(segment.target.as_deref(), Some("lake.clean-01234567-e4-0.parquet"));
    assert_eq!((segment.rows, &segment.hash_sum), (4, &sum.hex()));

    let first = block_on(sink.apply(&work(4, WriteMode::Append, &segments, &[]))).unwrap();
    assert_eq!((first.applied, first.rows, first.hash_sum.clone()), (4, 4, None));
    let shown = files(sink.folder());
    assert_eq!(shown, BTreeSet::from(["lake.clean-01234567-e4-0.parquet".to_owned()]));
    let again = block_on(sink.apply(&work(4, WriteMode::Append, &segments, &[]))).unwrap();
    assert_eq!((again, files(sink.folder())), (first, shown));
    std::fs::remove_file(sink.folder().join("lake.clean-01234567-e4-0.parquet")).unwrap();
    let gone = block_on(sink.apply(&work(4, WriteMode::Append, &segments, &[]))).unwrap_err();
    assert_eq!(gone.code(), codes::STORE_CORRUPT);
    assert!(gone.to_string().contains("lake.clean-01234567-e4-0.parquet"), "{gone}");
}

#[test]
fn an_apply_that_was_cut_off_anywhere_is_finished_by_the_next() {
    // The steps of publishing two files, each done by hand up to the crash.
    type Step = fn(&FilesSink, &Segment);
    let link: Step = |sink, s| {
        let target = sink.folder().join(s.target.as_ref().unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::hard_link(sink.folder().join(&s.staged), target).unwrap();
    };
    let unlink: Step = |sink, s| std::fs::remove_file(sink.folder().join(&s.staged)).unwrap();
    let folder: Step = |sink, s| {
        std::fs::create_dir_all(sink.folder().join(s.target.as_ref().unwrap()).parent().unwrap()).unwrap();
    };
    let crashes: [&[(usize, Step)]; 6] = [
        &[],
        &[(0, folder)],
        &[(0, link)],
        &[(0, link), (1, link)],
        &[(0, link), (1, link), (0, unlink)],
        &[(0, link), (1, link), (0, unlink), (1, unlink)],
    ];
    for (at, crash) in crashes.iter().enumerate() {
        let dir = tempfile::tempdir().unwrap();
        let contract = contract(&[("k", Type::String), ("n", Type::Int)], &[]);
        let sink = sink(dir.path(), &contract, &[("partition_by", json!(["k"]))]);
        let rows =
            batch(&contract, &[&[Some("a"), Some("1")], &[Some("b"), Some("2")], &[Some("a"), Some("3")]]);
        let segments = stage(&sink, &name(1, 1), &[rows]);
        assert_eq!(segments.len(), 2);
        for (which, step) in *crash {
            step(&sink, &segments[*which]);
        }
        let done = block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap();
        assert_eq!((done.applied, done.rows), (3, 3), "crash {at}");
        let wanted: BTreeSet<String> = segments.iter().filter_map(|s| s.target.clone()).collect();
        assert_eq!(files(sink.folder()), wanted, "crash {at}");
    }
}

#[test]
fn a_name_that_is_taken_is_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int)], &[]);
    let sink = sink(dir.path(), &contract, &[]);
    let segments = stage(&sink, &name(1, 1), &[batch(&contract, &[&[Some("1")]])]);
    let target = sink.folder().join(segments[0].target.as_ref().unwrap());
    for foreign in [vec![b'x'; segments[0].bytes as usize], b"short".to_vec()] {
        std::fs::write(&target, &foreign).unwrap();
        let error = block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap_err();
        assert_eq!(error.code(), codes::SINK_AHEAD);
        assert_eq!(std::fs::read(&target).unwrap(), foreign);
    }
    // A foreign file of the right size, and no staged one: its footer tells that it is not ours.
    std::fs::remove_file(sink.folder().join(&segments[0].staged)).unwrap();
    std::fs::write(&target, vec![b'x'; segments[0].bytes as usize]).unwrap();
    let error = block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap_err();
    assert_eq!(error.code(), codes::STORE_CORRUPT);
}

#[test]
fn a_torn_staged_file_and_a_name_that_leads_out_are_corrupt() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int)], &[]);
    let sink = sink(dir.path(), &contract, &[]);
    let segments = stage(&sink, &name(1, 1), &[batch(&contract, &[&[Some("1")]])]);
    for (staged, target) in [("../x", "a"), ("a", "/etc/x"), ("a", "p=1/../../x"), ("", "a"), ("a", "")] {
        let bad = Segment { staged: staged.into(), target: Some(target.into()), ..segments[0].clone() };
        let error = block_on(sink.apply(&work(1, WriteMode::Append, &[bad], &[]))).unwrap_err();
        assert_eq!(error.code(), codes::STORE_CORRUPT, "{staged} {target}");
    }
    let path = sink.folder().join(&segments[0].staged);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    let error = block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap_err();
    assert_eq!(error.code(), codes::STORE_CORRUPT);
    assert_eq!(published(&sink), BTreeSet::new());
}

#[test]
fn replace_publishes_all_before_it_removes_the_old() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int)], &[]);
    let sink = sink(dir.path(), &contract, &[]);
    let old = stage(&sink, &name(1, 1), &[batch(&contract, &[&[Some("1")]])]);
    block_on(sink.apply(&work(1, WriteMode::Append, &old, &[]))).unwrap();
    std::fs::write(sink.folder().join("users-own.txt"), "kept").unwrap();
    let new = stage(&sink, &name(2, 1), &[batch(&contract, &[&[Some("2")], &[Some("3")]])]);
    let old_name = old[0].target.as_deref().unwrap();
    let missing = "p=1/was-never-there.parquet";
    for _ in 0..2 {
        let done = block_on(sink.apply(&work(2, WriteMode::Replace, &new, &[old_name, missing]))).unwrap();
        assert_eq!((done.applied, done.rows), (2, 2));
        let wanted = BTreeSet::from(["users-own.txt".to_owned(), new[0].target.clone().unwrap()]);
        assert_eq!(published(&sink), wanted);
    }
    // An empty result leaves nothing; a file that is also live is never removed.
    let new_name = new[0].target.as_deref().unwrap();
    block_on(sink.apply(&work(2, WriteMode::Replace, &new, &[new_name]))).unwrap();
    assert_eq!(published(&sink).len(), 2);
    let done = block_on(sink.apply(&work(3, WriteMode::Replace, &[], &[new_name]))).unwrap();
    assert_eq!((done.rows, published(&sink).len()), (0, 1));
    let escape = block_on(sink.apply(&work(3, WriteMode::Replace, &[], &["../../x"]))).unwrap_err();
    assert_eq!(escape.code(), codes::STORE_CORRUPT);

    let upsert = block_on(sink.apply(&work(4, WriteMode::Upsert, &[], &[]))).unwrap_err();
    assert_eq!(upsert.code(), codes::WRITE_MODE);
    assert!(
        !sink.supports(WriteMode::Upsert)
            && sink.supports(WriteMode::Append)
            && sink.supports(WriteMode::Replace)
    );
}

#[test]
fn hostile_partition_values_stay_below_the_folder_and_keep_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int), ("k?", Type::String), ("d?", Type::Date)], &[]);
    let sink = sink(dir.path(), &contract, &[("partition_by", json!(["k", "d"]))]);
    let values = [
        Some("a/b"),
        Some("../../x"),
        Some("a=b"),
        Some(""),
        None,
        Some("__HIVE_DEFAULT_PARTITION__"),
        Some("ä\0\n"),
    ];
    let rows: Vec<Vec<Option<&str>>> =
        values.iter().flat_map(|v| [vec![Some("1"), *v, Some("15706")], vec![Some("2"), *v, None]]).collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(Vec::as_slice).collect();
    let all = batch(&contract, &rows);
    // `verify_full` is on: every file is decoded and compared, its folder's values put back.
    let segments = stage(&sink, &name(1, 1), &[all.clone(), all]);
    assert_eq!(segments.len(), 14);
    let done = block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap();
    assert_eq!((done.rows, rows_on_disk(&sink)), (28, 28));
    let shown = published(&sink);
    assert!(shown.iter().any(|f| f.starts_with("k=a%2Fb/d=2013-01-01/")), "{shown:?}");
    let null = "k=__HIVE_DEFAULT_PARTITION__/d=__HIVE_DEFAULT_PARTITION__/";
    assert_eq!(shown.iter().filter(|f| f.starts_with(null)).count(), 1);
    assert_eq!(files(dir.path()).len(), 14);
    // The fields of the folders are not in the files.
    let fs: Arc<dyn Fs> = Arc::new(LocalFs);
    for file in &shown {
        for rows in decode(&fs, &sink.folder().join(file)).unwrap() {
            assert_eq!(rows.unwrap().schema().fields().len(), 1);
        }
    }
    let shown = block_on(sink.preview(&segments, 1_000)).unwrap();
    assert_eq!(shown.schema(), contract.arrow_schema());
    let (mut wanted, mut found) = (FarSum::new(&contract), FarSum::new(&contract));
    found.add(&shown).unwrap();
    for _ in 0..2 {
        wanted.add(&batch(&contract, &rows)).unwrap();
    }
    assert_eq!((found.rows(), found.hex()), (28, wanted.hex()), "folders and files together are the rows");
    assert_eq!(block_on(sink.preview(&segments, 5)).unwrap().num_rows(), 5);
    assert_eq!(block_on(sink.preview(&[], 5)).unwrap().num_rows(), 0);
    let long = "x".repeat(300);
    let mut writer = sink.stage(&name(2, 1)).unwrap();
    let error = writer.write(&batch(&contract, &[&[Some("1"), Some(&long), None]])).unwrap_err();
    assert_eq!(error.code(), codes::SINK_REJECTED);
    assert!(!error.to_string().contains("xxx"));
    assert!(writer.finish().is_err(), "a writer that failed must not give segments");
}

#[test]
fn files_roll_row_groups_end_and_open_files_are_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let rolling =
        [("rows_per_file", json!(250)), ("row_group_rows", json!(100)), ("compression", json!("snappy"))];
    let sink = sink(dir.path(), &wide_contract(), &rolling);
    let batches: Vec<RecordBatch> = (0..10).map(|i| wide(i * 64, 64)).collect();
    let segments = stage(&sink, &name(1, 1), &batches);
    assert_eq!(segments.iter().map(|s| s.rows).collect::<Vec<_>>(), [250, 250, 140]);
    let fs: Arc<dyn Fs> = Arc::new(LocalFs);
    let groups = |s: &Segment| footer(&fs, &sink.folder().join(&s.staged)).unwrap().row_groups;
    assert_eq!(segments.iter().map(groups).collect::<Vec<_>>(), [3, 3, 2]);
    let unique: BTreeSet<_> = segments.iter().map(|s| s.target.clone()).collect();
    assert_eq!(unique.len(), 3);

    // 400 partitions, twice: the least recently used files are closed, and nothing is lost.
    let many = contract(&[("p", Type::Int), ("n", Type::Int)], &[]);
    let dir = tempfile::tempdir().unwrap();
    let sink = self::sink(dir.path(), &many, &[("partition_by", json!(["p"]))]);
    let numbers: Vec<String> = (0..400).map(|n| n.to_string()).collect();
    let rows: Vec<[Option<&str>; 2]> = numbers.iter().map(|n| [Some(n.as_str()), Some("1")]).collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(|r| r.as_slice()).collect();
    let whole = batch(&many, &rows);
    let segments = stage(&sink, &name(1, 1), &[whole.clone(), whole]);
    assert_eq!(segments.iter().map(|s| s.rows).sum::<u64>(), 800);
    assert!(segments.len() > 400, "{} files", segments.len());
    let done = block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap();
    assert_eq!((done.rows, rows_on_disk(&sink)), (800, 800));
}

#[test]
fn nothing_written_is_no_segment_and_sweep_takes_only_what_nobody_needs() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int)], &[]);
    let sink = sink(dir.path(), &contract, &[]);
    let rows = batch(&contract, &[&[Some("1")]]);
    assert_eq!(stage(&sink, &name(1, 1), &[]), []);
    assert_eq!(stage(&sink, &name(1, 1), &[rows.slice(0, 0)]), []);

    let kept = stage(&sink, &name(1, 1), std::slice::from_ref(&rows));
    stage(&sink, &name(2, 1), std::slice::from_ref(&rows));
    // A writer that was never finished leaves a part of a file behind.
    let mut torn = sink.stage(&name(3, 1)).unwrap();
    torn.write(&rows).unwrap();
    drop(torn);
    let other = SegmentName { region: RegionId("other".into()), ..name(2, 1) };
    stage(&sink, &other, std::slice::from_ref(&rows));
    let region = RegionId(REGION.into());
    std::fs::write(sink.staging(&region).join("note.txt"), "not ours").unwrap();
    let referenced = BTreeSet::from([kept[0].staged.clone()]);
    // What a newer generation staged stays, whoever sweeps.
    stage(&sink, &name(2, 3), std::slice::from_ref(&rows));
    let fence = Fence { region: region.clone(), generation: Generation(2) };
    for _ in 0..2 {
        block_on(sink.sweep(&fence, &referenced)).unwrap();
        let left: Vec<String> = files(&sink.staging(&region)).into_iter().collect();
        let staged = ["lake.clean-e1-g1-0.parquet.staged", "lake.clean-e2-g3-0.parquet.staged"];
        assert_eq!(left, [staged[0], staged[1], "note.txt"]);
    }
    assert_eq!(files(&sink.staging(&RegionId("other".into()))).len(), 1);
    let unseen = Fence { region: RegionId("never-seen".into()), ..fence };
    block_on(sink.sweep(&unseen, &referenced)).unwrap();
    let fence = Fence { region, generation: Generation(9) };
    assert_eq!(block_on(sink.recover(&fence)).unwrap(), None);
}

#[test]
fn the_same_epoch_of_two_generations_is_staged_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int)], &[]);
    let sink = sink(dir.path(), &contract, &[]);
    let first = stage(&sink, &name(1, 1), &[batch(&contract, &[&[Some("1")]])]);
    let second = stage(&sink, &name(1, 2), &[batch(&contract, &[&[Some("1")], &[Some("2")]])]);
    assert_ne!(first[0].staged, second[0].staged);
    let again = sink.stage(&name(1, 2)).unwrap().write(&batch(&contract, &[&[Some("7")]])).unwrap_err();
    assert_eq!(again.code(), codes::SINK_UNAVAILABLE);
    // Generation 2 has committed the epoch. A zombie that applies its own files anyway finds the name taken.
    block_on(sink.apply(&work(1, WriteMode::Append, &second, &[]))).unwrap();
    let zombie = block_on(sink.apply(&work(1, WriteMode::Append, &first, &[]))).unwrap_err();
    assert_eq!(zombie.code(), codes::SINK_AHEAD);
    assert_eq!(rows_on_disk(&sink), 2);
}

#[test]
fn a_folder_that_cannot_be_is_told_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int)], &[]);
    let sink = try_sink(dir.path(), &contract, &[]).unwrap();
    assert!(!dir.path().join("out").try_exists().unwrap(), "making a sink touches nothing");
    std::fs::create_dir(dir.path().join("out")).unwrap();
    std::fs::write(dir.path().join("out/clean"), "a file").unwrap();
    let error = block_on(sink.prepare(&Ready::new(WriteMode::Append))).unwrap_err();
    assert_eq!(error.code(), codes::SINK_UNAVAILABLE);
    assert!(error.next_step().unwrap().contains("a file stands where"), "{error:?}");
    std::fs::remove_file(dir.path().join("out/clean")).unwrap();
    block_on(sink.prepare(&Ready::new(WriteMode::Append))).unwrap();
    assert_eq!(files(sink.folder()), BTreeSet::new());
}

/// A disk with a planted fault.
#[derive(Debug)]
struct FaultyFs {
    /// The first letter of every `sound` is written as another one.
    garble: bool,
    /// Every sync of a file fails.
    no_sync: bool,
    syncs: Arc<AtomicU64>,
}

#[derive(Debug)]
struct FaultyFile {
    inner: Box<dyn FsFile>,
    garble: bool,
    no_sync: bool,
    syncs: Arc<AtomicU64>,
}

impl FaultyFs {
    fn wrap(&self, inner: Box<dyn FsFile>) -> Box<dyn FsFile> {
        Box::new(FaultyFile {
            inner,
            garble: self.garble,
            no_sync: self.no_sync,
            syncs: Arc::clone(&self.syncs),
        })
    }
}

impl Read for FaultyFile {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buf)
    }
}

impl Write for FaultyFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let mut bytes = buf.to_vec();
        if self.garble {
            let places: Vec<usize> =
                (0..bytes.len()).filter(|at| bytes[*at..].starts_with(b"sound")).collect();
            places.into_iter().for_each(|at| bytes[at] = b'w');
        }
        self.inner.write_all(&bytes)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Seek for FaultyFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}

impl FsFile for FaultyFile {
    fn sync(&mut self) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        if self.no_sync { Err(unsynced(io::Error::other("the disk said no"))) } else { self.inner.sync() }
    }
}

impl Fs for FaultyFs {
    fn create_new(&self, path: &Path, access: Access) -> io::Result<Box<dyn FsFile>> {
        Ok(self.wrap(LocalFs.create_new(path, access)?))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn FsFile>> {
        LocalFs.open(path)
    }
    fn hard_link(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalFs.hard_link(from, to)
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        LocalFs.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        LocalFs.remove(path)
    }
    fn create_dir(&self, path: &Path, access: Access) -> io::Result<()> {
        LocalFs.create_dir(path, access)
    }
    fn is_empty(&self, path: &Path) -> io::Result<Option<bool>> {
        LocalFs.is_empty(path)
    }
    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        LocalFs.sync_dir(path)
    }
    fn len(&self, path: &Path) -> io::Result<Option<u64>> {
        LocalFs.len(path)
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        LocalFs.list(path)
    }
}

#[test]
fn planted_faults_of_the_disk_are_seen() {
    let contract = contract(&[("t", Type::String), ("p", Type::Int)], &[]);
    let rows = batch(&contract, &[&[Some("safe and sound"), Some("1")], &[Some("all right"), Some("1")]]);
    let faulty = |dir: &Path, garble, no_sync, verify_full| {
        let syncs = Arc::new(AtomicU64::new(0));
        let more = [("compression", json!("none")), ("partition_by", json!(["p"]))];
        let fs: Arc<dyn Fs> = Arc::new(FaultyFs { garble, no_sync, syncs: Arc::clone(&syncs) });
        (FilesSink { fs, verify_full, ..sink(dir, &contract, &more) }, syncs)
    };
    let finish = |sink: &FilesSink| {
        let mut writer = sink.stage(&name(1, 1)).unwrap();
        writer.write(&rows).unwrap();
        writer.finish()
    };
    // A disk that keeps another value than it was given: the full check sees it, and the footer alone does not.
    let dir = tempfile::tempdir().unwrap();
    let error = finish(&faulty(dir.path(), true, false, true).0).unwrap_err();
    assert_eq!(error.code(), codes::IMBALANCE);
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(finish(&faulty(dir.path(), true, false, false).0).unwrap().len(), 1);
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(finish(&faulty(dir.path(), false, false, true).0).unwrap().len(), 1);
    // A sync that fails is the end of the epoch, and it is not tried again.
    let dir = tempfile::tempdir().unwrap();
    let (sink, syncs) = faulty(dir.path(), false, true, true);
    assert_eq!(finish(&sink).unwrap_err().code(), codes::UNSYNCED);
    assert_eq!(syncs.load(Ordering::Relaxed), 1);
    assert_eq!(published(&sink), BTreeSet::new());
}

#[test]
fn options_are_checked_all_at_once() {
    let mut contract = contract(&[("n", Type::Int), ("f", Type::Double), ("mail", Type::String)], &[]);
    contract.fields[2].pii = BTreeSet::from(["email".into()]);
    let dir = PathBuf::from("/project");
    let found = |more: Entries<'_>| -> Vec<(&'static str, String)> {
        let error = try_sink(&dir, &contract, more).err().unwrap();
        error
            .all()
            .map(|e| (e.code().name, format!("{} | {}", e.message(), e.next_step().unwrap_or(""))))
            .collect()
    };
    let errors = found(&[("partition_by", json!(["nn", "f", "mail", "n", "n"]))]);
    let codes: Vec<&str> = errors.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, ["ST0041"; 5], "{errors:?}");
    assert!(errors[0].1.contains("did you mean `n`"), "{errors:?}");
    assert!(
        errors[1].1.contains("it is double")
            && errors[2].1.contains("personal")
            && errors[3].1.contains("twice")
    );
    assert!(errors[4].1.contains("every field"));
    let all = [
        ("path", json!("../out")),
        ("format", json!("csv")),
        ("compression", json!("brotli")),
        ("rows_per_file", json!(0)),
        ("row_group_rows", json!(-1)),
        ("compresion", json!("zstd")),
    ];
    assert_eq!(found(&all).len(), 6, "{:?}", found(&all));
    assert_eq!(found(&[("path", json!("a/*.parquet"))]).len(), 1);
    let every = crate::testdata::contract(&[("a", Type::Int), ("b", Type::Int)], &[]);
    assert!(try_sink(&dir, &every, &[("partition_by", json!(["a", "b"]))]).is_err());
    let good = try_sink(&dir, &contract, &[("partition_by", json!(["n"]))]).unwrap();
    assert_eq!(
        (good.folder(), good.describe().as_str()),
        (Path::new("/project/out/clean"), "files below `clean`, parquet, zstd, partitioned by n")
    );
    assert_eq!(good.guarantee().effect, "exactly-once-effect");
}

/// `cargo test --release -p staunch-connectors sink -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn speed() {
    let batches: Vec<RecordBatch> = (0..245).map(|i| wide(i * 8192, 8192)).collect();
    for (what, more) in [("plain", vec![]), ("by flag", vec![("partition_by", json!(["flag"]))])] {
        let dir = tempfile::tempdir().unwrap();
        let sink = sink(dir.path(), &wide_contract(), &more);
        let sink = FilesSink { verify_full: false, ..sink };
        let start = cpu_seconds();
        let segments = stage(&sink, &name(1, 1), &batches);
        let staged = cpu_seconds();
        block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap();
        let (staging, applying) = (staged - start, cpu_seconds() - staged);
        let bytes: u64 = segments.iter().map(|s| s.bytes).sum();
        println!("{what}: {} MiB, staged in {staging:.2} CPU-s, applied in {applying:.3} CPU-s", bytes >> 20);
    }
}
