//! The committer: one generation of a region, from its claim to its last epoch.
//!
//! Recovery and start are one path: [`Committer::start`]. It raises the generation, claims the next epoch with an empty
//! fence, and from then on whoever still believes to be an older generation loses every create.

use crate::log::{ApplyRecord, Log, RunState, applied_name, epoch_name, generation_name};
use crate::manifest::{
    Dataset, EpochKind, EpochRecord, FORMAT, GenerationRecord, Manifest, Pins, RegionRecord, Settled,
    SinkEpoch, Standing,
};
use crate::sink::Applied;
use crate::source::SplitPoint;
use crate::store::{Put, Store};
use crate::{ChannelSegment, Ledger};
use serde::Serialize;
use staunch_types::{
    Clock, Epoch, Error, Generation, Nonce, RegionId, Result, Rng, RunId, codes, failpoint, planted,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a generation starts from: the facts, read once after its generation was raised.
#[derive(Debug)]
pub struct Found {
    /// The region.
    pub region: RegionId,
    /// This start.
    pub generation: Generation,
    /// The last run, if there is one; it may have ended or not.
    pub last_run: Option<RunState>,
}

/// The run that a fence begins or continues.
#[derive(Debug, Clone)]
pub struct RunHead {
    /// The run.
    pub run: RunId,
    /// Its first epoch; `None` if the fence to come is it.
    pub first: Option<Epoch>,
    /// Its pins.
    pub pins: String,
    /// What stands.
    pub standing: String,
}

/// What an epoch shall hold.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    /// By read: the newest position.
    pub positions: BTreeMap<String, serde_json::Value>,
    /// Origins read to their end.
    pub finished: BTreeMap<String, BTreeMap<usize, SplitPoint>>,
    /// Spools, dead letters, late rows.
    pub channels: Vec<ChannelSegment>,
    /// By write.
    pub sinks: BTreeMap<String, SinkEpoch>,
    /// The accounts.
    pub ledger: Ledger,
    /// What the run seals.
    pub datasets: Vec<Dataset>,
    /// Dead letters that are dealt with.
    pub settled: Vec<Settled>,
}

/// One generation of a region.
pub struct Committer {
    log: Log,
    clock: Arc<dyn Clock>,
    rng: Arc<dyn Rng>,
    region: RegionId,
    generation: Generation,
    nonce: Nonce,
    next: Epoch,
    head: Option<RunHead>,
}

impl Committer {
    /// Raises the generation and reads what is there. Nothing is claimed yet: the caller decides, from what was found,
    /// which run the fence belongs to, and calls [`Committer::claim`].
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        rng: Arc<dyn Rng>,
        pid: u32,
    ) -> Result<(Self, Found)> {
        let log = Log::new(store.clone());
        let before = log.last_generation().await?;
        let nonce = Nonce(rng.token());
        let region = match Self::region(&log, rng.as_ref()).await {
            Ok(region) => region,
            Err(error) => return Err(outrun(&log, before, &nonce, error).await),
        };
        let mut generation = before.unwrap_or(Generation(0)).next();
        loop {
            let record = GenerationRecord {
                format: FORMAT,
                generation,
                nonce: nonce.clone(),
                started: clock.now(),
                pid,
            };
            let won = match store.put_if_absent(&generation_name(generation), json(&record)?).await {
                Ok(put) => put == Put::Created,
                Err(error) => return Err(outrun(&log, before, &nonce, error).await),
            };
            // A number below the newest one was free because its record was collected while this start slept.
            match log.last_generation().await? {
                Some(newest) if newest > generation => generation = newest.next(),
                _ if won => break,
                _ => generation = generation.next(),
            }
        }
        failpoint::pass("start.generation_raised");
        let last = log.last_epoch().await?;
        let last_run = match last {
            Some(epoch) => Some(log.run_ending_at(epoch).await?),
            None => None,
        };
        let next = last.unwrap_or(Epoch(0)).next();
        let found = Found { region: region.clone(), generation, last_run };
        Ok((Self { log, clock, rng, region, generation, nonce, next, head: None }, found))
    }

    async fn region(log: &Log, rng: &dyn Rng) -> Result<RegionId> {
        if let Some(region) = log.region().await? {
            return Ok(region);
        }
        // Whoever creates it first names the region; the others read that name.
        let proposed = RegionId(rng.token());
        log.store()
            .put_if_absent("region", json(&RegionRecord { format: FORMAT, region: proposed })?)
            .await?;
        log.region()
            .await?
            .ok_or_else(|| Error::new(codes::STORE_CORRUPT, "the region's name vanished after its creation"))
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The region.
    #[must_use]
    pub fn region_id(&self) -> &RegionId {
        &self.region
    }

    /// This generation.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The epoch that will be committed next.
    #[must_use]
    pub fn next_epoch(&self) -> Epoch {
        self.next
    }

    /// Stores an artefact with the run's pins; returns its name.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn put_pins(&self, pins: &Pins) -> Result<String> {
        self.put_fresh("pins", pins).await
    }

    /// Stores an artefact with what stands after a run; returns its name, `None` if nothing is other than before it (`base`): with many
    /// files it is large, and most runs of a schedule find nothing new.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn put_standing(&self, standing: &Standing, base: &Standing) -> Result<Option<String>> {
        if standing == base {
            return Ok(None);
        }
        self.put_fresh("standing", standing).await.map(Some)
    }

    async fn put_fresh<T: Serialize>(&self, folder: &str, value: &T) -> Result<String> {
        let name = format!("{folder}/{}", self.fresh());
        self.log.store().put_if_absent(&name, json(value)?).await?;
        Ok(name)
    }

    /// A name that no artefact had before: epoch, generation and chance.
    #[must_use]
    pub fn fresh(&self) -> String {
        format!("{}-{}-{}", self.next.padded(), self.generation.padded(), &self.rng.token()[..12])
    }

    /// Claims the next epoch with an empty fence that begins or continues a run.
    ///
    /// # Errors
    /// `Run.Fenced` if another generation took the number: start again from the log.
    pub async fn claim(&mut self, head: RunHead) -> Result<Manifest> {
        // Whoever slept since its start would begin a run that it cannot go on with.
        self.still_newest().await?;
        self.head = Some(head);
        let manifest = self.commit(Draft::default(), EpochKind::Fence, None).await?;
        if let Some(head) = &mut self.head {
            head.first.get_or_insert(manifest.epoch);
        }
        Ok(manifest)
    }

    /// Commits the next epoch, after which `standing` stands (`None`: what stood before it). When this returns, it is decided.
    ///
    /// # Errors
    /// `Run.Fenced` if a newer generation runs; `Ledger.Imbalance` before anything is written; `Store.*`, after which the
    /// outcome is read from the log by the next start.
    pub async fn commit(
        &mut self,
        draft: Draft,
        kind: EpochKind,
        standing: Option<String>,
    ) -> Result<Manifest> {
        draft.ledger.check()?;
        let head = self.head.as_mut().ok_or_else(|| {
            Error::new(codes::INTERNAL, "an epoch was to be committed before a run was claimed")
        })?;
        if let Some(name) = standing {
            head.standing = name;
        }
        let manifest = Manifest {
            format: FORMAT,
            region: self.region.clone(),
            epoch: self.next,
            generation: self.generation,
            nonce: self.nonce.clone(),
            run: head.run.clone(),
            run_first: head.first.unwrap_or(self.next),
            written: self.clock.now(),
            staunch: env!("CARGO_PKG_VERSION").to_owned(),
            kind,
            pins: head.pins.clone(),
            standing: head.standing.clone(),
            positions: draft.positions,
            finished: draft.finished,
            channels: draft.channels,
            sinks: draft.sinks,
            ledger: draft.ledger,
            settled: draft.settled,
            datasets: draft.datasets,
        };
        failpoint::pass("commit.before_manifest");
        let name = format!("manifests/{}", self.fresh());
        self.log.store().put_if_absent(&name, json(&manifest)?).await?;
        failpoint::pass("commit.before_create");
        self.create(&name).await?;
        failpoint::pass("commit.after_create");
        self.above_floor().await?;
        self.next = self.next.next();
        Ok(manifest)
    }

    /// The create that is the commit. An unknown outcome is asked about, never guessed; but not after a sync that failed: the name would be
    /// seen in memory, and nobody knows whether the disk has it. The next start finds out.
    async fn create(&self, manifest: &str) -> Result<()> {
        let record = EpochRecord {
            format: FORMAT,
            epoch: self.next,
            generation: self.generation,
            nonce: self.nonce.clone(),
            manifest: manifest.to_owned(),
        };
        match self.log.store().put_if_absent(&epoch_name(self.next), json(&record)?).await {
            Ok(Put::Created) => Ok(()),
            Ok(Put::Exists) if planted::bug("trust_exists") => Ok(()),
            Ok(Put::Exists) => {
                // "Exists" may be the answer to our own create whose first answer was lost.
                if self.log.record(self.next).await? == record { Ok(()) } else { Err(self.fenced()) }
            }
            Err(error) if error.code() == codes::UNSYNCED => Err(error),
            Err(error) => match self.log.record(self.next).await {
                // It is there. Whether it stays is said by the answer "exists", which comes after a sync.
                Ok(found) if found == record => {
                    self.log.store().put_if_absent(&epoch_name(self.next), json(&record)?).await.map(|_| ())
                }
                Ok(_) => Err(self.fenced()),
                Err(_) => Err(error),
            },
        }
    }

    /// Makes sure, after a create, that the number was not free because `gc` had freed it: this generation slept meanwhile, others
    /// committed the number and went on, and what it has just made is no commit.
    async fn above_floor(&self) -> Result<()> {
        if planted::bug("no_floor") || self.log.floor().await? < self.next {
            return Ok(());
        }
        Err(self.fenced())
    }

    /// Makes sure, after a commit and before an apply, that no newer generation runs: a zombie must not apply.
    ///
    /// # Errors
    /// `Run.Fenced`.
    pub async fn still_newest(&self) -> Result<()> {
        if planted::bug("no_fence") {
            return Ok(());
        }
        match self.log.last_generation().await? {
            Some(newest) if newest == self.generation => Ok(()),
            _ => Err(self.fenced()),
        }
    }

    /// What an error of this generation really is: once a newer one runs, it sweeps what this one had staged, and everything
    /// that fails then fails because the region is lost.
    pub async fn or_fenced(&self, error: Error) -> Error {
        if error.code() == codes::FENCED {
            return error;
        }
        match self.still_newest().await {
            Err(fenced) if fenced.code() == codes::FENCED => fenced.cause(error.to_string()),
            _ => error,
        }
    }

    fn fenced(&self) -> Error {
        Error::new(codes::FENCED, format!("a newer start than generation {} has taken over", self.generation))
            .hint("nothing is lost: the newer start goes on; look at `staunch runs`")
    }

    /// Records what a target said about an epoch, with the dead letters that were made of the rows it refused.
    ///
    /// # Errors
    /// `Store.*`; `Store.Corrupt` if another answer is recorded already.
    pub async fn record_applied(
        &self,
        epoch: Epoch,
        write: &str,
        applied: &Applied,
        letters: Option<ChannelSegment>,
    ) -> Result<()> {
        let (write, applied) = (write.to_owned(), applied.clone());
        let record = ApplyRecord { format: FORMAT, write: write.clone(), epoch, applied, letters };
        failpoint::pass("apply.before_record");
        let put = self.log.store().put_if_absent(&applied_name(epoch, &write), json(&record)?).await?;
        failpoint::pass("apply.after_record");
        if put == Put::Created {
            return Ok(());
        }
        // The letters of one answer are the same wherever they lie.
        let found = self.log.applied(epoch, &write).await?;
        if found.is_none_or(|found| found.applied != record.applied) {
            return Err(Error::new(
                codes::STORE_CORRUPT,
                format!("epoch {epoch} was applied to `{write}` before, with another outcome"),
            )
            .hint("keep the state folder and report it"));
        }
        Ok(())
    }
}

/// What an error of a start without a generation really is: another one that has raised its own since then sweeps what is on its way.
/// A record with our own nonce is no other start: it is there, and we could not make sure of it.
async fn outrun(log: &Log, before: Option<Generation>, ours: &Nonce, error: Error) -> Error {
    let newest = match log.last_generation().await {
        Ok(Some(newest)) if Some(newest) > before => log.generation(newest).await,
        _ => return error,
    };
    match newest {
        Ok(record) if record.nonce != *ours => {
            Error::new(codes::FENCED, "another start has begun at the same time, and has taken over")
                .cause(error.to_string())
                .hint("nothing is lost: the other start goes on; look at `staunch runs`")
        }
        _ => error,
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value)
        .map_err(|e| Error::new(codes::INTERNAL, "an artefact cannot be encoded").cause(e.to_string()))
}

#[cfg(test)]
mod tests;
