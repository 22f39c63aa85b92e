//! Work done by several threads and taken in the order in which it was given out; what is under way is bounded.

use staunch_types::{Error, Result, codes};
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError};

/// How much may be under way: given out and not yet taken.
struct Gate {
    free: Mutex<Option<usize>>,
    opened: Condvar,
}

impl Gate {
    /// Waits for a place; `false` once the gate is closed.
    fn enter(&self) -> bool {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *free {
                None => return false,
                Some(0) => free = self.opened.wait(free).unwrap_or_else(PoisonError::into_inner),
                Some(n) => {
                    *free = Some(n - 1);
                    return true;
                }
            }
        }
    }

    fn leave(&self) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.map(|n| n + 1);
        self.opened.notify_one();
    }

    fn close(&self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.opened.notify_all();
    }
}

/// What the taker wants next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// More.
    Continue,
    /// No more: what is under way is thrown away.
    Stop,
}

/// Runs `produce` on one thread, `work` on `workers` threads and `take` on this one, in the order of production.
/// At most `in_flight` items are under way. The first error, in order, ends everything and is returned; `abandon` is called
/// then, to free workers that wait for each other.
pub(crate) fn ordered<I: Send, O: Send>(
    workers: usize,
    in_flight: usize,
    mut produce: impl FnMut() -> Result<Option<I>> + Send,
    work: impl Fn(u64, I) -> Result<O> + Sync,
    mut take: impl FnMut(O) -> Result<Next>,
    abandon: impl Fn() + Sync,
) -> Result<()> {
    let gate = Gate { free: Mutex::new(Some(in_flight.max(1))), opened: Condvar::new() };
    let (give, given) = sync_channel::<(u64, I)>(in_flight.max(1));
    let (done, results) = sync_channel::<(u64, Result<O>)>(in_flight.max(1));
    let given = Mutex::new(given);
    std::thread::scope(|scope| {
        let (gate, given, work, abandon) = (&gate, &given, &work, &abandon);
        let produced = done.clone();
        scope.spawn(move || {
            let mut sequence = 0;
            while gate.enter() {
                match produce() {
                    Ok(Some(item)) => {
                        if give.send((sequence, item)).is_err() {
                            break;
                        }
                        sequence += 1;
                    }
                    Ok(None) => break,
                    Err(error) => {
                        // In its place in the order: what was produced before is still taken.
                        let _ = produced.send((sequence, Err(error)));
                        break;
                    }
                }
            }
        });
        for _ in 0..workers.max(1) {
            let done = done.clone();
            scope.spawn(move || worker(given, &done, work));
        }
        drop(done);
        let outcome = taker(&results, &mut take, gate);
        gate.close();
        if !matches!(outcome, Ok(Next::Continue)) {
            abandon();
        }
        // Receiving to the end lets senders go; the scope joins them.
        for _ in results {}
        outcome.map(|_| ())
    })
}

fn worker<I, O>(
    given: &Mutex<Receiver<(u64, I)>>,
    done: &SyncSender<(u64, Result<O>)>,
    work: &(impl Fn(u64, I) -> Result<O> + Sync),
) {
    loop {
        let next = given.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((sequence, item)) = next else { return };
        // A panic in a decoder is a bug, but it must end the run with an error, not with a hang.
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| work(sequence, item)))
            .unwrap_or_else(|_| {
                Err(Error::new(codes::INTERNAL, "a worker thread panicked")
                    .hint("report it with the message above; nothing of this epoch was committed"))
            });
        if done.send((sequence, result)).is_err() {
            return;
        }
    }
}

fn taker<O>(
    results: &Receiver<(u64, Result<O>)>,
    take: &mut impl FnMut(O) -> Result<Next>,
    gate: &Gate,
) -> Result<Next> {
    let mut waiting: BTreeMap<u64, Result<O>> = BTreeMap::new();
    let mut wanted = 0;
    for (sequence, result) in results {
        waiting.insert(sequence, result);
        while let Some(result) = waiting.remove(&wanted) {
            wanted += 1;
            if take(result?)? == Next::Stop {
                return Ok(Next::Stop);
            }
            gate.leave();
        }
    }
    Ok(Next::Continue)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(to: u64) -> impl FnMut() -> Result<Option<u64>> + Send {
        let mut n = 0;
        move || {
            n += 1;
            Ok((n <= to).then_some(n))
        }
    }

    #[test]
    fn results_are_taken_in_order() {
        let mut taken = Vec::new();
        let slow_first = |sequence: u64, n: u64| {
            if sequence.is_multiple_of(3) {
                std::thread::yield_now();
            }
            Ok(n * 2)
        };
        ordered(
            3,
            4,
            numbers(100),
            slow_first,
            |n| {
                taken.push(n);
                Ok(Next::Continue)
            },
            || (),
        )
        .unwrap();
        assert_eq!(taken, (1..=100).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_in_order_ends_it_without_a_hang() {
        for fail_at in [1, 2, 50] {
            let mut taken = 0;
            let work = |_, n: u64| {
                if n >= fail_at { Err(Error::new(codes::INTERNAL, format!("{n}"))) } else { Ok(n) }
            };
            let error = ordered(
                2,
                3,
                numbers(100),
                work,
                |_| {
                    taken += 1;
                    Ok(Next::Continue)
                },
                || (),
            )
            .unwrap_err();
            assert_eq!((error.message(), taken), (fail_at.to_string().as_str(), fail_at - 1));
        }
        let panics = |_, _: u64| -> Result<u64> { panic!("planted") };
        let error = ordered(2, 3, numbers(9), panics, |_| Ok(Next::Continue), || ()).unwrap_err();
        assert_eq!(error.code().name, "Internal.Bug");
    }

    #[test]
    fn the_taker_may_stop() {
        let mut taken = 0;
        ordered(
            2,
            3,
            numbers(u64::MAX),
            |_, n| Ok(n),
            |_| {
                taken += 1;
                Ok(if taken == 5 { Next::Stop } else { Next::Continue })
            },
            || (),
        )
        .unwrap();
        assert_eq!(taken, 5);
    }
}
