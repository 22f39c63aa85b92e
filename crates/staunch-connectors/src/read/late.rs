//! Lateness: late if the event time lies more than `late_after` below the highest one before it in its split.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType,
    TimestampNanosecondType,
};
use staunch_types::Micros;
use std::borrow::Cow;

/// Rows are looked at in runs of this length: most runs hold no late row and need no row-by-row scan.
const RUN: usize = 512;

/// The event times of a chunk.
#[derive(Debug)]
pub(crate) struct EventTimes<'a> {
    micros: Cow<'a, [i64]>,
    array: &'a dyn Array,
}

impl<'a> EventTimes<'a> {
    /// The event times in a date or timestamp column; `None` for other types.
    pub(crate) fn of(array: &'a dyn Array) -> Option<Self> {
        let micros: Cow<'a, [i64]> = match array.data_type() {
            DataType::Date32 => {
                let days = array.as_primitive::<Date32Type>().values();
                days.iter().map(|d| i64::from(*d).saturating_mul(86_400_000_000)).collect()
            }
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                let millis = array.as_primitive::<TimestampMillisecondType>().values();
                millis.iter().map(|m| m.saturating_mul(1000)).collect()
            }
            // A bound of microseconds, or of more: what is finer decides nothing.
            DataType::Timestamp(TimeUnit::Nanosecond, _) => {
                let nanos = array.as_primitive::<TimestampNanosecondType>().values();
                nanos.iter().map(|n| n.div_euclid(1000)).collect()
            }
            DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Cow::Borrowed(array.as_primitive::<TimestampMicrosecondType>().values())
            }
            _ => return None,
        };
        Some(Self { micros, array })
    }

    fn counts(&self, row: usize, accepted: Option<&[bool]>) -> bool {
        self.array.is_valid(row) && accepted.is_none_or(|a| a.get(row).copied().unwrap_or(false))
    }

    /// The highest event time of the accepted rows.
    pub(crate) fn highest(&self, accepted: Option<&[bool]>) -> Option<Micros> {
        if accepted.is_none() && self.array.null_count() == 0 {
            return self.micros.iter().copied().max();
        }
        let counted = self.micros.iter().enumerate().filter(|(row, _)| self.counts(*row, accepted));
        counted.map(|(_, t)| *t).max()
    }

    /// Which of the accepted rows are late, given the highest event time before the chunk; `None` if none is. Late rows
    /// count for the maximum like all accepted rows. A row without event time is never late.
    pub(crate) fn late(
        &self,
        accepted: Option<&[bool]>,
        before: Option<Micros>,
        late_after: Micros,
    ) -> Option<Vec<bool>> {
        let plain = accepted.is_none() && self.array.null_count() == 0;
        let mut late: Option<Vec<bool>> = None;
        let mut highest = before;
        for (index, run) in self.micros.chunks(RUN).enumerate() {
            if plain {
                let (low, high) =
                    run.iter().fold((i64::MAX, i64::MIN), |(low, high), t| (low.min(*t), high.max(*t)));
                let bound = highest.map_or(high, |h| h.max(high));
                if low >= bound.saturating_sub(late_after) {
                    highest = Some(bound);
                    continue;
                }
            }
            for (i, time) in run.iter().enumerate() {
                let row = index * RUN + i;
                if !plain && !self.counts(row, accepted) {
                    continue;
                }
                if highest.is_some_and(|h| *time < h.saturating_sub(late_after)) {
                    let late = late.get_or_insert_with(|| vec![false; self.micros.len()]);
                    if let Some(flag) = late.get_mut(row) {
                        *flag = true;
                    }
                }
                highest = highest.max(Some(*time));
            }
        }
        late
    }
}

#[cfg(test)]
mod tests {
    use super::EventTimes;
    use arrow::array::TimestampMicrosecondArray;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn like_the_definition(
            times in proptest::collection::vec(proptest::option::weighted(0.9, -50_i64..50), 0..2000),
            dead in proptest::collection::vec(any::<bool>(), 2000),
            some_dead: bool,
            before in proptest::option::of(-60_i64..60),
            late_after in 0_i64..80,
        ) {
            let array = TimestampMicrosecondArray::from(times.clone());
            let accepted: Option<Vec<bool>> = some_dead.then(|| dead[..times.len()].iter().map(|d| !d).collect());
            let events = EventTimes::of(&array).unwrap();
            let found = events.late(accepted.as_deref(), before, late_after).unwrap_or_else(|| vec![false; times.len()]);
            let mut highest = before;
            for (row, time) in times.iter().enumerate() {
                let counts = accepted.as_ref().is_none_or(|a| a[row]);
                let expected = match (time, highest) {
                    (Some(t), Some(h)) if counts => *t < h - late_after,
                    _ => false,
                };
                prop_assert_eq!(found[row], expected);
                if counts {
                    highest = highest.max(*time);
                }
            }
            prop_assert_eq!(highest, before.max(events.highest(accepted.as_deref())));
        }

        #[test]
        fn ordered_times_are_never_late(mut times in proptest::collection::vec(any::<i64>(), 0..3000)) {
            times.sort_unstable();
            let array = TimestampMicrosecondArray::from(times);
            prop_assert_eq!(EventTimes::of(&array).unwrap().late(None, None, 0), None);
        }
    }
}
