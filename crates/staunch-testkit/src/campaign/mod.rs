//! Campaigns over the real binary: it is killed, or the power is cut, at chosen moments of small projects; started again, it
//! must come to what an undisturbed run comes to.
//!
//! One driver for the integration tests, which run samples, and for `cargo xtask chaos`, which runs all. A trial copies a
//! prepared project, disturbs one command, lets it recover and compares: sinks as multisets of typed rows, dead letters, ledgers,
//! datasets, and the bytes of whatever was committed before the recovery.

mod failure;
mod faults;
mod kept;
mod outcome;
mod planted;
mod power;
mod scenario;
mod site;
mod sites;
mod trial;
mod zombie;

pub use failure::{Check, Failure};
pub use faults::{Call, DiskError, DiskFault, Faults};
pub use kept::Kept;
pub use outcome::{compare, outcome};
pub use planted::{BUGS, Bug, Disturbance};
pub use power::Disk;
pub use scenario::{FILES, SCENARIOS, Scenario, Step, scenario};
pub use site::{Done, Held, Site};
pub use sites::{UNPASSED, in_sources};
pub use trial::{Death, Moment, Prepared};
pub use zombie::Loser;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Does every item once, on two threads; gives the failures, in the order of the items.
pub fn each<T: Sync>(items: &[T], work: impl Fn(usize, &T) -> Result<(), Failure> + Sync) -> Vec<Failure> {
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(item) = items.get(at) else { return };
                    if let Err(failure) = work(at, item)
                        && let Ok(mut failures) = failures.lock()
                    {
                        failures.push((at, failure));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap_or_default();
    failures.sort_by_key(|(at, _)| *at);
    failures.into_iter().map(|(_, failure)| failure).collect()
}
