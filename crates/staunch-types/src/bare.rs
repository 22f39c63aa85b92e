//! A run without what makes it safe: for the one benchmark that says what safety costs, and for nothing else.
//!
//! A bare run computes no hash sums and no digests, makes nothing durable, checks only the columns that are used, keeps no places
//! of rows, and is one epoch. What it leaves behind is worth nothing, and must not be taken for more: only a binary that was built with the
//! cargo feature `bench` can be told to run so, only in a state folder that holds the file [`MARK`], and in such a folder
//! nothing else runs. What exactly is left out stands in `docs/performance.md`.

use std::sync::atomic::{AtomicBool, Ordering};

static BARE: AtomicBool = AtomicBool::new(false);

/// The file that makes a state folder one of bare runs: whoever makes it says that the folder may be thrown away.
pub const MARK: &str = "throwaway";

/// Makes every run of this process bare, for good.
pub fn strip() {
    BARE.store(true, Ordering::Relaxed);
}

/// Whether runs are bare.
#[must_use]
#[inline]
pub fn on() -> bool {
    BARE.load(Ordering::Relaxed)
}
