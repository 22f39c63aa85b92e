//! The second phase: whole-input stages over sealed inputs. Their results are the run's last epoch.

use super::building::Outgoing;
use super::cx::RunCx;
use super::graph::{StageNode, Transport};
use super::leaves::{ReadLeaf, SpoolLeaf};
use super::stream::{Coordinator, interrupted};
use crate::leaf::Leaf;
use crate::sql::Shape;
use crate::whole::{unique_keys, unique_values};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use staunch_commit::{ChannelSegment, EdgeAccount, End, Ledger, StageAccount, UNKNOWN, ledger};
use staunch_types::{Error, Result, codes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The pause between looks at a request to stop, while a query computes.
const LOOK_UP: Duration = Duration::from_millis(200);

/// The leaves of one consumer: kept to be closed when it is done.
pub(crate) enum Input {
    Read(Arc<ReadLeaf>),
    Spool(Arc<SpoolLeaf>),
}

/// By consumer and input.
pub(crate) type Inputs = BTreeMap<(String, String), Input>;

impl Coordinator<'_> {
    /// The leaf of one consumer over one read. The first consumer of a read keeps its account.
    pub(crate) fn read_leaf(&self, inputs: &mut Inputs, consumer: &str, read: &str) -> Result<Arc<dyn Leaf>> {
        let first = !inputs.keys().any(|(_, input)| input == read);
        let stem = format!("{}-{consumer}", self.building.stem());
        let leaf = Arc::new(ReadLeaf::new(self.cx, read, &stem, first)?);
        inputs.insert((consumer.to_owned(), read.to_owned()), Input::Read(leaf.clone()));
        Ok(leaf)
    }

    /// Computes every whole-input stage, in order.
    pub(crate) fn compute(&mut self, session: &SessionContext, inputs: &mut Inputs) -> Result<()> {
        let cx = self.cx;
        for stage in cx.graph.stages.iter().filter(|s| !s.per_row() && !skipped(cx, s)) {
            if cx.env.stop.asked() {
                return Err(interrupted());
            }
            let name = &stage.process.name;
            self.tell(&format!("computing {name}"));
            let mut leaves: BTreeMap<String, Arc<dyn Leaf>> = BTreeMap::new();
            for input in &stage.plan.inputs {
                let leaf: Arc<dyn Leaf> = match cx.graph.read(input).map(|r| r.transport) {
                    Some(Transport::Reread | Transport::Reference) => self.read_leaf(inputs, name, input)?,
                    _ => {
                        let leaf = Arc::new(self.spool_leaf(input)?);
                        inputs.insert((name.clone(), input.clone()), Input::Spool(leaf.clone()));
                        leaf
                    }
                };
                leaves.insert(input.clone(), leaf);
            }
            self.compute_stage(session, stage, &leaves).map_err(|e| stage.blame(e))?;
        }
        Ok(())
    }

    /// All spools of a channel in this run: those of committed epochs, and those of the epoch that is being built.
    fn spool_leaf(&mut self, channel: &str) -> Result<SpoolLeaf> {
        self.building.end_spool(channel)?;
        let segments: Vec<ChannelSegment> = self
            .state
            .channels
            .iter()
            .map(|(_, segment)| segment)
            .chain(self.building.channels())
            .filter(|segment| segment.stage == channel && segment.port == "out")
            .cloned()
            .collect();
        let schema = self.cx.contract(channel)?.arrow_schema();
        Ok(SpoolLeaf::new(self.cx.env.store.clone(), schema, segments))
    }

    fn compute_stage(
        &mut self,
        session: &SessionContext,
        stage: &StageNode,
        leaves: &BTreeMap<String, Arc<dyn Leaf>>,
    ) -> Result<()> {
        let Shape::WholeInput(plan) = &stage.plan.shape else {
            return Err(Error::new(codes::INTERNAL, "a per-row stage came to the second phase"));
        };
        let name = &stage.process.name;
        let contract = stage.plan.contract.clone();
        let writes: Vec<usize> = self
            .cx
            .graph
            .writes
            .iter()
            .enumerate()
            .filter(|(_, w)| w.write.from.stage == *name)
            .map(|(index, _)| index)
            .collect();
        let check_keys = !contract.key.is_empty() && !stage.plan.unique_key_proven;
        let unique: Vec<&str> =
            contract.fields.iter().filter(|f| f.constraints.unique).map(|f| f.name.as_str()).collect();
        let spooled = stage.spooled || check_keys || !unique.is_empty();
        let handle = self.handle.clone();
        let _runtime = handle.enter();
        let mut stream = plan.execute(session, leaves)?;
        let mut emitted = 0;
        loop {
            if self.cx.env.stop.asked() {
                return Err(interrupted());
            }
            // A sort or an aggregate may give nothing for long: look up from time to time. `next` may be dropped and
            // asked again; the stream keeps its state.
            let next = async { tokio::time::timeout(LOOK_UP, stream.next()).await };
            let batch = match handle.block_on(next) {
                Err(_) => continue,
                Ok(None) => break,
                Ok(Some(batch)) => batch?,
            };
            if batch.num_rows() == 0 {
                continue;
            }
            emitted += batch.num_rows() as u64;
            let outgoing = Outgoing::new(batch, &contract)?;
            for write in &writes {
                self.building.write(*write, &outgoing)?;
            }
            if spooled {
                self.building.write_spool(name, &outgoing)?;
            }
        }
        drop(stream);
        let account = StageAccount { emitted, ..StageAccount::default() };
        let mut delta = Ledger::default();
        delta.whole_input.insert(name.clone(), account);
        self.building.ledger.add(&delta);
        if check_keys {
            let leaf = self.spool_leaf(name)?;
            handle.block_on(unique_keys(session, Arc::new(leaf), &contract.key))?;
        }
        for field in unique {
            let leaf = self.spool_leaf(name)?;
            handle.block_on(unique_values(session, Arc::new(leaf), field))?;
        }
        Ok(())
    }

    /// Adds what the leaves have counted so far to an epoch that is given up.
    pub(crate) fn count_inputs(&mut self, inputs: &Inputs) {
        for ((_, channel), input) in inputs {
            if let Input::Read(leaf) = input
                && let Some(account) = leaf.so_far()
            {
                let mut delta = Ledger::default();
                delta.reads.insert(channel.clone(), account);
                self.building.ledger.add(&delta);
            }
        }
    }

    /// Closes the accounts of all leaves: drains what plans left unread.
    pub(crate) fn close_inputs(&mut self, inputs: Inputs) -> Result<()> {
        let mut accepted: BTreeMap<String, u64> = BTreeMap::new();
        // The keeper of a read's account first: the others compare with it.
        let mut inputs: Vec<_> = inputs.into_iter().collect();
        inputs.sort_by_key(|(_, input)| match input {
            Input::Read(leaf) => !leaf.keeps_account(),
            Input::Spool(_) => false,
        });
        for ((consumer, channel), input) in inputs {
            let (near, far) = match input {
                Input::Spool(leaf) => (leaf.rows(), leaf.absorbed()),
                Input::Read(leaf) => {
                    let outcome = leaf.finish()?;
                    if let Some(account) = outcome.account {
                        accepted.insert(channel.clone(), account.accepted);
                        let mut delta = Ledger::default();
                        delta.reads.insert(channel.clone(), account);
                        self.building.ledger.add(&delta);
                        self.building.finished(&channel, outcome.finished);
                        let far = outcome.channels.iter().filter(|s| s.port == UNKNOWN).map(|s| s.rows).sum();
                        if outcome.kept > 0 {
                            self.building.kept(&channel, outcome.kept, far);
                        }
                        for segment in outcome.channels {
                            self.building.channel(segment);
                        }
                    }
                    (accepted.get(&channel).copied().unwrap_or(outcome.absorbed), outcome.absorbed)
                }
            };
            let mut delta = Ledger::default();
            let end = |rows| End { rows, hash: None };
            delta
                .edges
                .insert(ledger::edge(&channel, &consumer), EdgeAccount { near: end(near), far: end(far) });
            let per_row = self.cx.graph.stage(&consumer).is_some_and(StageNode::per_row);
            if per_row {
                let account = StageAccount { reference: far, ..StageAccount::default() };
                delta.per_row.insert(consumer.clone(), account);
            } else {
                let account = StageAccount { taken: near, absorbed: far, ..StageAccount::default() };
                delta.whole_input.insert(consumer.clone(), account);
            }
            self.building.ledger.add(&delta);
        }
        Ok(())
    }
}

/// A stage is skipped with the reads above it: either all of them are unchanged, or none is.
fn skipped(cx: &RunCx<'_>, stage: &StageNode) -> bool {
    stage.plan.inputs.iter().any(|input| match cx.graph.stage(input) {
        Some(above) => skipped(cx, above),
        None => cx.skips(input),
    })
}
