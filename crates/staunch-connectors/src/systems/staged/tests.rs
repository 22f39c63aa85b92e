//! Names stay apart, whatever the ids look like.

use super::{inside, plain, published_file, staged_by, staged_file};
use staunch_commit::SegmentName;
use staunch_types::{Epoch, Generation, RegionId, codes};
use std::collections::BTreeSet;
use std::path::Path;

const HOSTILE: [&str; 12] = [
    "lake/clean",
    "lake.clean",
    "lake%2Fclean",
    "../../etc",
    "/abs",
    ".hidden",
    "a\0b",
    "a b",
    "ä",
    "a-e1",
    "a",
    "a-e1-g1",
];

fn name(write: &str) -> SegmentName {
    SegmentName {
        region: RegionId("../r/1234567890".into()),
        write: write.into(),
        epoch: Epoch(12),
        generation: Generation(3),
    }
}

#[test]
fn names_are_plain_and_different() {
    assert_eq!(staged_file(&name("lake/clean"), 0, "parquet"), "lake.clean-e12-g3-0.parquet");
    assert_eq!(published_file(&name("lake/clean"), 7, "parquet"), "lake.clean-%2E%2E.r.123-e12-7.parquet");
    let all: BTreeSet<String> = HOSTILE.iter().map(|w| plain(w)).collect();
    assert_eq!(all.len(), HOSTILE.len());
    for write in HOSTILE {
        let file = staged_file(&name(write), 3, "parquet");
        assert!(!file.contains(['/', '\0']) && !file.starts_with('.'), "{file}");
        for other in HOSTILE {
            let same = staged_by(&file, "parquet").is_some_and(|(write, _)| write == plain(other));
            assert_eq!(same, other == write, "{file} of {other}");
        }
        assert_eq!(staged_by(&file, "arrow"), None);
        let other = staged_file(&name(write), 3, "parquet.staged");
        assert_eq!(
            staged_by(&other, "parquet.staged"),
            Some((plain(write).as_str(), name(write).generation))
        );
        assert_eq!(staged_by(&other, "parquet"), None);
    }
    for other in
        ["", "a", "a-e", "a-e1", "a-e1-g1", "a-e1-g1-.parquet", "a-ex-g1-0.parquet", "a-e1-g1-0.parquet.tmp"]
    {
        assert_eq!(staged_by(other, "parquet"), None, "{other}");
    }
}

#[test]
fn a_segment_cannot_lead_out_of_its_folder() {
    let folder = Path::new("/target");
    assert_eq!(inside(folder, "a=1/b.parquet").unwrap(), Path::new("/target/a=1/b.parquet"));
    for bad in ["", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "./x"] {
        assert_eq!(inside(folder, bad).unwrap_err().code(), codes::STORE_CORRUPT, "{bad:?}");
    }
}
