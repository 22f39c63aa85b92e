//! Targets read back as multisets of typed rows.

use staunch_testkit::tables;
pub(crate) use staunch_testkit::tables::Tables;
use std::path::Path;

#[track_caller]
pub(crate) fn parquet(folder: &Path) -> Vec<String> {
    tables::folder(folder).unwrap()
}

#[track_caller]
pub(crate) fn sqlite(file: &Path) -> Tables {
    tables::sqlite(file).unwrap()
}
