//! The prefix maximum of a split, for one thread.

use staunch_commit::PrefixTurn;
use staunch_types::Micros;

/// A [`PrefixTurn`] for chunks that are decoded one after the other, in order.
///
/// ```
/// use staunch_commit::PrefixTurn;
/// use staunch_connectors::read::SequentialTurn;
///
/// let mut turn = SequentialTurn::default();
/// assert_eq!(turn.exchange(Some(7)), None);
/// assert_eq!(turn.exchange(Some(5)), Some(7));
/// assert_eq!(turn.highest(), Some(7));
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct SequentialTurn {
    highest: Option<Micros>,
    calls: u64,
}

impl SequentialTurn {
    /// A turn that goes on after rows whose highest event time was `highest`.
    #[must_use]
    pub fn after(highest: Option<Micros>) -> Self {
        Self { highest, calls: 0 }
    }

    /// The highest event time so far.
    #[must_use]
    pub fn highest(&self) -> Option<Micros> {
        self.highest
    }

    /// How often [`PrefixTurn::exchange`] was called.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls
    }
}

impl PrefixTurn for SequentialTurn {
    fn exchange(&mut self, highest: Option<Micros>) -> Option<Micros> {
        self.calls = self.calls.saturating_add(1);
        let before = self.highest;
        self.highest = before.max(highest);
        before
    }
}
