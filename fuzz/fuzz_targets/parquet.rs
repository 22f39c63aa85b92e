//! Parquet files that somebody damaged: a typed error or rows, never a panic that gets out.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use staunch_commit::SplitPoint;
use staunch_connectors::read::SequentialTurn;

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("x"), bytes).expect("a file in it");
    let object = staunch_fuzz::options(&json!({"path": "x", "format": "parquet"}));
    let source = staunch_fuzz::source(folder.path(), &staunch_fuzz::contract(), &object, 1 << 20);
    let source = source.expect("good options");
    let origin = staunch_fuzz::pin(&source).expect("the file is there");
    let _ = staunch_fuzz::read(&source, &origin, &SplitPoint::default(), &mut SequentialTurn::default());
});
