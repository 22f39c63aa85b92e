//! Which encoding a column gets, decided from the first rows of a file.
//!
//! The writer would build a dictionary for every column and drop it only when it has grown too large; for ids, amounts and times
//! that is most of the cost of a file and gains nothing. A look at the first rows tells the two kinds apart.
//! The choice touches size and speed alone: every encoding holds the same values.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    DataType, Float64Type, Int32Type, Int64Type, Time64MicrosecondType, TimeUnit, TimestampMicrosecondType,
    TimestampMillisecondType,
};
use arrow::record_batch::RecordBatch;
use xxhash_rust::xxh3::xxh3_64;

/// Rows that are looked at.
const ROWS: usize = 8192;

/// Fewer rows than this tell nothing.
const ENOUGH: usize = 512;

/// A dictionary pays if its values are used more often than this in a row group.
const REPEATS: f64 = 4.0;

/// What suits a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// Values repeat: a dictionary.
    Dictionary,
    /// Values hardly repeat.
    Plain,
    /// Whole numbers that hardly repeat and lie close to their neighbours: their differences.
    Delta,
}

/// The choice for each column of a file with row groups of `group` rows.
pub(super) fn choose(batch: &RecordBatch, group: usize) -> Vec<Choice> {
    let rows = batch.num_rows().min(ROWS);
    batch.columns().iter().map(|column| of(&column.slice(0, rows), group)).collect()
}

fn of(column: &ArrayRef, group: usize) -> Choice {
    let (mut values, delta) = match column.data_type() {
        DataType::Boolean => return Choice::Dictionary,
        DataType::Utf8 => {
            (column.as_string::<i32>().iter().flatten().map(|t| xxh3_64(t.as_bytes())).collect(), false)
        }
        DataType::Binary => (column.as_binary::<i32>().iter().flatten().map(xxh3_64).collect(), false),
        DataType::Float64 => (
            column.as_primitive::<Float64Type>().iter().flatten().map(f64::to_bits).collect::<Vec<u64>>(),
            false,
        ),
        DataType::Int32 => whole(column.as_primitive::<Int32Type>().iter().flatten().map(i64::from), 16),
        DataType::Int64 => whole(column.as_primitive::<Int64Type>().iter().flatten(), 32),
        DataType::Time64(_) => whole(column.as_primitive::<Time64MicrosecondType>().iter().flatten(), 32),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            whole(column.as_primitive::<TimestampMillisecondType>().iter().flatten(), 32)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            whole(column.as_primitive::<TimestampMicrosecondType>().iter().flatten(), 32)
        }
        _ => return Choice::Dictionary,
    };
    let present = values.len();
    if present < ENOUGH {
        return Choice::Dictionary;
    }
    values.sort_unstable();
    values.dedup();
    if population(present, values.len()) * REPEATS < group as f64 {
        Choice::Dictionary
    } else if delta {
        Choice::Delta
    } else {
        Choice::Plain
    }
}

/// The values as bits, and whether the differences of neighbours fit `bits`.
fn whole(values: impl Iterator<Item = i64>, bits: u32) -> (Vec<u64>, bool) {
    let values: Vec<i64> = values.collect();
    let differences = values.iter().zip(values.iter().skip(1)).map(|(a, b)| i128::from(*b) - i128::from(*a));
    let (low, high) = differences.fold((i128::MAX, i128::MIN), |(low, high), d| (low.min(d), high.max(d)));
    let near = high >= low && high - low < 1 << bits;
    (values.into_iter().map(i64::cast_unsigned).collect(), near)
}

/// How many different values there are in all, if `rows` drawn from them show `different` ones: the D for which
/// D (1 - e^(-rows/D)) = different. All values are taken for equally frequent; if they are not, a dictionary is the
/// better choice anyway.
fn population(rows: usize, different: usize) -> f64 {
    if different >= rows {
        return f64::INFINITY;
    }
    let (rows, different) = (rows as f64, different as f64);
    let (mut low, mut high) = (different, rows * rows);
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if middle * -(-rows / middle).exp_m1() < different { low = middle } else { high = middle }
    }
    high
}
