//! The same sink with lines of JSON: what differs from Parquet.

use super::*;
use crate::formats::json_write::back;
use crate::read::input::Compression;

const KINDS: [(&str, &str, Compression); 3] = [
    ("none", "ndjson", Compression::None),
    ("gzip", "ndjson.gz", Compression::Gzip),
    ("zstd", "ndjson.zst", Compression::Zstd),
];

fn json_sink(dir: &Path, contract: &Contract, compression: &str, more: Entries<'_>) -> FilesSink {
    let mut entries = vec![("format", json!("json")), ("compression", json!(compression))];
    entries.extend(more.iter().cloned());
    sink(dir, contract, &entries)
}

#[test]
fn rows_of_every_type_are_shown_once_and_previewed() {
    let contract = contract(&every_type(), &[]);
    let rows = batch(&contract, &[&EVERY_VALUE, &[None; 20]]);
    let mut sum = FarSum::new(&contract);
    sum.add(&rows).unwrap();
    sum.add(&rows).unwrap();
    for (compression, ending, packing) in KINDS {
        let dir = tempfile::tempdir().unwrap();
        let sink = json_sink(dir.path(), &contract, compression, &[]);
        let segments = stage(&sink, &name(4, 2), &[rows.clone(), rows.clone()]);
        let [segment] = segments.as_slice() else { panic!("one file") };
        assert_eq!(segment.staged, format!(".staunch/{REGION}/lake.clean-e4-g2-0.{ending}.staged"));
        assert_eq!(segment.target, Some(format!("lake.clean-01234567-e4-0.{ending}")));
        assert_eq!((segment.rows, &segment.hash_sum), (4, &sum.hex()));
        assert_eq!(published(&sink), BTreeSet::new());
        for _ in 0..2 {
            let done = block_on(sink.apply(&work(4, WriteMode::Append, &segments, &[]))).unwrap();
            assert_eq!((done.applied, done.rows, done.hash_sum), (4, 4, None));
            assert_eq!(files(sink.folder()), BTreeSet::from([segment.target.clone().unwrap()]));
        }
        let path = sink.folder().join(segment.target.as_ref().unwrap());
        let read = back::decode(&LocalFs, &path, &contract, packing).unwrap();
        assert_eq!(read.map(|b| b.unwrap().num_rows()).sum::<usize>(), 4);
        let shown = block_on(sink.preview(&segments, 3)).unwrap();
        assert_eq!((shown.num_rows(), shown.slice(0, 2)), (3, rows.clone()));
    }
}

/// Without a footer it is the digest that tells whose file stands where an epoch was published.
#[test]
fn a_published_file_that_is_another_one_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("n", Type::Int)], &[]);
    let sink = json_sink(dir.path(), &contract, "none", &[]);
    let segments = stage(&sink, &name(1, 1), &[batch(&contract, &[&[Some("1")]])]);
    let work = work(1, WriteMode::Append, &segments, &[]);
    block_on(sink.apply(&work)).unwrap();
    let target = sink.folder().join(segments[0].target.as_ref().unwrap());
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "{\"n\":1}\n");
    std::fs::write(&target, "{\"n\":2}\n").unwrap();
    let error = block_on(sink.apply(&work)).unwrap_err();
    assert_eq!(error.code(), codes::STORE_CORRUPT);
    std::fs::write(&target, "{\"n\":1}\n\n").unwrap();
    assert_eq!(block_on(sink.apply(&work)).unwrap_err().code(), codes::STORE_CORRUPT);
}

#[test]
fn files_are_cut_by_rows_and_by_partition_and_swept_whatever_their_format_was() {
    let contract = contract(&[("p?", Type::String), ("n", Type::Int)], &[]);
    let numbers: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
    let rows: Vec<[Option<&str>; 2]> =
        numbers.iter().map(|n| [["a/b", "..", "c"].get(n.len() - 1).copied(), Some(n.as_str())]).collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(|r| r.as_slice()).collect();
    let whole = batch(&contract, &rows);
    for (compression, ending, _) in KINDS {
        let dir = tempfile::tempdir().unwrap();
        let more = [("partition_by", json!(["p"])), ("rows_per_file", json!(400))];
        // `verify_full` is on: every file is decoded and compared, its folder's values put back.
        let sink = json_sink(dir.path(), &contract, compression, &more);
        let segments = stage(&sink, &name(1, 1), &[whole.clone(), whole.slice(0, 0)]);
        assert_eq!(segments.iter().map(|s| s.rows).collect::<Vec<_>>(), [10, 90, 400, 400, 100]);
        block_on(sink.apply(&work(1, WriteMode::Append, &segments, &[]))).unwrap();
        let shown = published(&sink);
        assert_eq!(shown.len(), 5);
        assert!(shown.iter().any(|f| f.starts_with("p=a%2Fb/") && f.ends_with(ending)), "{shown:?}");
        let (mut wanted, mut found) = (FarSum::new(&contract), FarSum::new(&contract));
        wanted.add(&whole).unwrap();
        found.add(&block_on(sink.preview(&segments, 5000)).unwrap()).unwrap();
        assert_eq!((found.rows(), found.hex()), (1000, wanted.hex()));
        // The format is another one now: what is staged and shown from before is still known.
        let left = stage(&sink, &name(2, 1), std::slice::from_ref(&whole));
        assert_eq!(left.len(), 5);
        let parquet = self::sink(dir.path(), &contract, &[("partition_by", json!(["p"]))]);
        assert_eq!(block_on(parquet.preview(&segments, 5000)).unwrap().num_rows(), 1000);
        let fence = Fence { region: RegionId(REGION.into()), generation: Generation(2) };
        let needed = BTreeSet::from([left[0].staged.clone()]);
        block_on(parquet.sweep(&fence, &needed)).unwrap();
        assert_eq!(files(&parquet.staging(&fence.region)).len(), 1);
        let done = block_on(parquet.apply(&work(2, WriteMode::Append, &left[..1], &[]))).unwrap();
        assert_eq!(done.rows, 10);
        let other = Fence { region: RegionId("another".into()), ..fence };
        let error = block_on(parquet.recover(&other)).unwrap_err();
        assert_eq!(error.code(), codes::SINK_AHEAD, "the folder is another region's: {ending}");
    }
}

#[test]
fn many_open_files_are_bounded_and_a_replace_retires_the_old() {
    let many = contract(&[("p", Type::Int), ("n", Type::Int)], &[]);
    let numbers: Vec<String> = (0..400).map(|n| n.to_string()).collect();
    let rows: Vec<[Option<&str>; 2]> = numbers.iter().map(|n| [Some(n.as_str()), Some("1")]).collect();
    let rows: Vec<&[Option<&str>]> = rows.iter().map(|r| r.as_slice()).collect();
    let whole = batch(&many, &rows);
    for (compression, ..) in KINDS {
        let dir = tempfile::tempdir().unwrap();
        let sink = json_sink(dir.path(), &many, compression, &[("partition_by", json!(["p"]))]);
        let old = stage(&sink, &name(1, 1), &[whole.clone(), whole.clone()]);
        assert_eq!(old.iter().map(|s| s.rows).sum::<u64>(), 800);
        assert!(old.len() > 400, "{} files", old.len());
        block_on(sink.apply(&work(1, WriteMode::Replace, &old, &[]))).unwrap();
        let new = stage(&sink, &name(2, 1), &[whole.slice(0, 1)]);
        let obsolete: Vec<&str> = old.iter().filter_map(|s| s.target.as_deref()).collect();
        block_on(sink.apply(&work(2, WriteMode::Replace, &new, &obsolete))).unwrap();
        assert_eq!(published(&sink), BTreeSet::from([new[0].target.clone().unwrap()]));
    }
}

#[test]
fn a_disk_that_keeps_other_bytes_is_seen_by_the_full_check() {
    let contract = contract(&[("t", Type::String), ("p", Type::Int)], &[]);
    let rows = batch(&contract, &[&[Some("safe and sound"), Some("1")], &[Some("all right"), Some("1")]]);
    for (garble, verify_full, seen) in [(true, true, true), (true, false, false), (false, true, false)] {
        let dir = tempfile::tempdir().unwrap();
        let fs = Arc::new(FaultyFs { garble, no_sync: false, syncs: Arc::default() });
        let sink = FilesSink {
            fs,
            verify_full,
            ..json_sink(dir.path(), &contract, "none", &[("partition_by", json!(["p"]))])
        };
        let mut writer = sink.stage(&name(1, 1)).unwrap();
        writer.write(&rows).unwrap();
        let finished = writer.finish();
        assert_eq!(finished.err().map(|e| e.code()), seen.then_some(codes::IMBALANCE));
    }
    let dir = tempfile::tempdir().unwrap();
    let fs = Arc::new(FaultyFs { garble: false, no_sync: true, syncs: Arc::default() });
    let sink = FilesSink { fs, ..json_sink(dir.path(), &contract, "gzip", &[]) };
    let mut writer = sink.stage(&name(1, 1)).unwrap();
    writer.write(&rows).unwrap();
    assert_eq!(writer.finish().unwrap_err().code(), codes::UNSYNCED);
}

/// A value that the format has no form for ends the epoch before anything of it is decided.
#[test]
fn a_date_without_a_form_gives_no_segments() {
    let dir = tempfile::tempdir().unwrap();
    let contract = contract(&[("day", Type::Date)], &[]);
    let sink = json_sink(dir.path(), &contract, "none", &[]);
    let mut writer = sink.stage(&name(1, 1)).unwrap();
    let error = writer.write(&batch(&contract, &[&[Some("1")], &[Some("2932897")]])).unwrap_err();
    assert_eq!((error.code(), error.where_().field.as_deref()), (codes::SINK_REJECTED, Some("day")));
    assert!(writer.finish().is_err());
}

#[test]
fn options_of_the_format_are_its_own() {
    let contract = contract(&[("n", Type::Int)], &[]);
    let of = |more: Entries<'_>| {
        let mut entries = vec![("format", json!("json"))];
        entries.extend(more.iter().cloned());
        try_sink(Path::new("/project"), &contract, &entries)
    };
    let text = |more: Entries<'_>| of(more).unwrap().describe();
    assert_eq!(text(&[]), "files below `clean`, json, not compressed");
    assert_eq!(
        text(&[("compression", json!("gzip")), ("partition_by", json!([]))]),
        "files below `clean`, json, gzip"
    );
    for wrong in
        [("compression", json!("snappy")), ("row_group_rows", json!(10)), ("rows_per_file", json!(0))]
    {
        let key = wrong.0;
        let error = of(&[wrong]).err().unwrap();
        assert!(error.to_string().contains(key), "{error}");
    }
}
