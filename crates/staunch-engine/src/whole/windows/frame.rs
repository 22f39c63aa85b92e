//! The value of a frame that rows enter at one end and leave at the other.
//!
//! [`Way::Merged`] is the queue of two stacks: the older rows of a frame are a stack of states, of which each holds its row and all younger ones
//! of the stack; the newer rows are one state. The frame is the top of the stack merged with that state. When the stack is used up,
//! the newer rows become a new one. So each row is put into states twice, and none is ever taken out of one.

use super::sliding::Maker;
use arrow::array::{Array, ArrayRef};
use arrow::compute::concat;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::Accumulator;
use std::collections::VecDeque;

/// How the value of a frame is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Of states of parts of the frame: they are small, and merged in any order.
    Merged,
    /// Of all its rows, each time again.
    Again,
}

/// Pieces of so many rows are put together: slices keep the whole of what they are cut from.
const PIECES: usize = 256;

/// Bytes of a frame that nobody is asked for.
const SMALL: usize = 16 << 10;

/// The accumulator of one frame.
#[derive(Debug)]
pub(super) struct Frame {
    maker: Maker,
    way: Way,
    /// The states of the older rows, the oldest on top; empty if all is made again.
    older: Vec<Vec<ScalarValue>>,
    /// The state of the newer rows.
    newer: Box<dyn Accumulator>,
    rows: Rows,
    reservation: MemoryReservation,
}

impl Frame {
    pub(super) fn new(maker: Maker, way: Way, reservation: MemoryReservation) -> Result<Self> {
        let newer = maker.make()?;
        Ok(Self { maker, way, older: Vec::new(), newer, rows: Rows::default(), reservation })
    }

    /// Small frames are not worth asking: there is one for each function.
    fn reserve(&self, bytes: usize) -> Result<()> {
        self.reservation.try_resize(bytes.saturating_sub(SMALL))
    }

    /// The newer rows become the older ones.
    fn turn(&mut self) -> Result<()> {
        let rows = std::mem::take(&mut self.rows).all()?;
        self.newer = self.maker.make()?;
        let mut state = self.maker.make()?;
        let count = rows.first().map_or(0, |column| column.len());
        for row in (0..count).rev() {
            let values: Vec<ArrayRef> = rows.iter().map(|column| column.slice(row, 1)).collect();
            state.update_batch(&values)?;
            let values = state.state()?;
            if self.older.is_empty() {
                self.reserve(count * bytes(&values))?;
            }
            self.older.push(values);
        }
        Ok(())
    }
}

/// What a state takes in memory.
fn bytes(state: &[ScalarValue]) -> usize {
    size_of::<Vec<ScalarValue>>() + state.iter().map(ScalarValue::size).sum::<usize>()
}

fn merge(into: &mut Box<dyn Accumulator>, state: &[ScalarValue]) -> Result<()> {
    let columns = state.iter().map(|value| value.to_array()).collect::<Result<Vec<_>>>()?;
    into.merge_batch(&columns)
}

impl Accumulator for Frame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        if self.way == Way::Merged {
            self.newer.update_batch(values)?;
        }
        if self.rows.push(values)? {
            let older = self.older.len() * self.older.last().map_or(0, |state| bytes(state));
            self.reserve(older + self.rows.bytes)?;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut gone = values.first().map_or(0, |column| column.len());
        if self.way == Way::Again {
            return self.rows.forget(gone);
        }
        while gone > 0 {
            if self.older.is_empty() {
                if self.rows.count == gone {
                    // Nothing is left.
                    self.rows = Rows::default();
                    self.newer = self.maker.make()?;
                    return Ok(());
                }
                if self.rows.count < gone {
                    return internal_err!("more rows leave a frame than are in it");
                }
                self.turn()?;
            }
            let stay = self.older.len().saturating_sub(gone);
            gone -= self.older.len() - stay;
            self.older.truncate(stay);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut value = self.maker.make()?;
        match (self.way, self.older.last()) {
            (Way::Again, _) => self.rows.each(|values| value.update_batch(values))?,
            (Way::Merged, None) => return self.newer.evaluate(),
            (Way::Merged, Some(older)) => {
                merge(&mut value, older)?;
                if self.rows.count > 0 {
                    merge(&mut value, &self.newer.state()?)?;
                }
            }
        }
        value.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        internal_err!("a frame has a value and no state")
    }

    fn merge_batch(&mut self, _states: &[ArrayRef]) -> Result<()> {
        internal_err!("a frame has rows and no states")
    }

    fn size(&self) -> usize {
        self.reservation.size()
    }
}

/// Rows in the order in which they came.
#[derive(Debug, Default)]
struct Rows {
    /// Together [`PIECES`] pieces or more.
    large: VecDeque<Vec<ArrayRef>>,
    small: Vec<Vec<ArrayRef>>,
    count: usize,
    /// The bytes of `large`.
    bytes: usize,
}

impl Rows {
    /// Whether rows were put together.
    fn push(&mut self, values: &[ArrayRef]) -> Result<bool> {
        self.count += values.first().map_or(0, |column| column.len());
        self.small.push(values.to_vec());
        if self.small.len() < PIECES {
            return Ok(false);
        }
        let piece = together(&std::mem::take(&mut self.small))?;
        self.bytes += piece.iter().map(|column| column.get_array_memory_size()).sum::<usize>();
        self.large.push_back(piece);
        Ok(true)
    }

    /// All rows in one piece.
    fn all(mut self) -> Result<Vec<ArrayRef>> {
        let mut pieces: Vec<_> = self.large.drain(..).collect();
        pieces.append(&mut self.small);
        together(&pieces)
    }

    fn each(&self, mut f: impl FnMut(&[ArrayRef]) -> Result<()>) -> Result<()> {
        self.large.iter().chain(&self.small).try_for_each(|piece| f(piece))
    }

    /// Forgets the oldest rows.
    fn forget(&mut self, mut gone: usize) -> Result<()> {
        if gone > self.count {
            return internal_err!("more rows leave a frame than are in it");
        }
        self.count -= gone;
        while gone > 0 {
            if self.large.is_empty() {
                self.large.push_back(together(&std::mem::take(&mut self.small))?);
                self.bytes = self.large.iter().flatten().map(|column| column.get_array_memory_size()).sum();
            }
            let Some(first) = self.large.front_mut() else { return Ok(()) };
            let rows = first.first().map_or(0, |column| column.len());
            if rows > gone {
                first.iter_mut().for_each(|column| *column = column.slice(gone, rows - gone));
                return Ok(());
            }
            gone -= rows;
            self.bytes -= first.iter().map(|column| column.get_array_memory_size()).sum::<usize>();
            self.large.pop_front();
        }
        Ok(())
    }
}

/// The pieces in one, copied.
fn together(pieces: &[Vec<ArrayRef>]) -> Result<Vec<ArrayRef>> {
    let columns = pieces.first().map_or(0, Vec::len);
    (0..columns)
        .map(|i| {
            let parts: Vec<&dyn Array> =
                pieces.iter().filter_map(|piece| piece.get(i)).map(AsRef::as_ref).collect();
            Ok(concat(&parts)?)
        })
        .collect()
}
