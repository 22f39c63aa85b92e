//! A log looked at as a whole: can every record be read, and is everything there that one refers to? Nothing is changed, and one
//! fault does not hide the next.

use crate::dead::read_dead;
use crate::floor::Floors;
use crate::log::{ApplyRecord, Log, applied_name, epoch_name};
use crate::manifest::{ChannelSegment, EpochKind, EpochRecord, GenerationRecord, Manifest, Pins, Standing};
use crate::spool::spool_schema;
use crate::store::missing;
use crate::unknown::{UNKNOWN, read_unknown};
use staunch_types::{Epoch, Error, Result, codes};
use std::collections::BTreeSet;

/// What was found.
#[derive(Debug, Default)]
pub struct Inspection {
    /// Epochs above the floor.
    pub epochs: u64,
    /// Artefacts that were read.
    pub artefacts: u64,
    /// What is wrong: each names its artefact.
    pub faults: Vec<Error>,
}

impl Inspection {
    fn note<T>(&mut self, found: Result<T>) -> Option<T> {
        self.artefacts += 1;
        found.map_err(|fault| self.faults.push(fault)).ok()
    }
}

struct Inspector<'a> {
    log: &'a Log,
    floors: Floors,
    known: BTreeSet<String>,
    found: Inspection,
}

/// Looks at a log.
///
/// # Errors
/// `Store.Unavailable`: the folder itself cannot be looked into.
pub async fn inspect(log: &Log) -> Result<Inspection> {
    let look = async || {
        let floors = log.floors().await?;
        let found = Inspection::default();
        let mut inspector = Inspector { log, floors, known: BTreeSet::new(), found };
        inspector.all().await?;
        // What was collected meanwhile is no fault.
        match inspector.found.faults.is_empty() || log.floors().await? == floors {
            true => Ok(inspector.found),
            false => Err(Error::new(codes::STORE, "the log was collected while it was looked at")),
        }
    };
    log.steadily(look).await
}

impl Inspector<'_> {
    async fn all(&mut self) -> Result<()> {
        for folder in ["epochs", "generations"] {
            for name in self.log.store().list(folder).await? {
                if crate::log::number(&name).is_err() {
                    self.found.faults.push(
                        Error::new(codes::STORE_CORRUPT, format!("`{folder}/{name}` is not Staunch's"))
                            .hint("move it out of the state folder: a run stops at it"),
                    );
                }
            }
        }
        let Ok(epochs) = self.log.epochs().await else { return Ok(()) };
        self.found.epochs = epochs.len() as u64;
        if !epochs.is_empty() && self.log.region().await?.is_none() {
            self.found.faults.push(missing("region"));
        }
        let generations = self.log.numbers("generations").await.unwrap_or_default();
        for generation in generations {
            let name = format!("generations/{}", staunch_types::Generation(generation).padded());
            let _: Option<GenerationRecord> = self.json(&name).await;
        }
        let mut expected = self.floors.epochs.next();
        let ends = self.ends(&epochs).await;
        for epoch in epochs {
            while expected < epoch {
                self.found.faults.push(missing(&epoch_name(expected)));
                expected = expected.next();
            }
            self.epoch(epoch, ends.is_none_or(|end| epoch > end)).await?;
            expected = epoch.next();
        }
        Ok(())
    }

    /// The last epoch that ends a run.
    async fn ends(&self, epochs: &[Epoch]) -> Option<Epoch> {
        for epoch in epochs.iter().rev() {
            if let Ok(manifest) = self.log.manifest(*epoch).await
                && matches!(manifest.kind, EpochKind::End { .. })
            {
                return Some(*epoch);
            }
        }
        None
    }

    async fn json<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        let read = self.log.read_json(name).await.and_then(|found| found.ok_or_else(|| missing(name)));
        self.found.note(read)
    }

    /// Once for each name.
    async fn once<T: serde::de::DeserializeOwned>(&mut self, name: &str) -> Option<T> {
        match name.is_empty() || !self.known.insert(name.to_owned()) {
            true => None,
            false => self.json(name).await,
        }
    }

    async fn epoch(&mut self, epoch: Epoch, open: bool) -> Result<()> {
        let name = epoch_name(epoch);
        let Some(record) = self.json::<EpochRecord>(&name).await else { return Ok(()) };
        let Some(manifest) = self.json::<Manifest>(&record.manifest).await else { return Ok(()) };
        if record.epoch != epoch || manifest.epoch != epoch {
            self.found.faults.push(
                Error::new(codes::STORE_CORRUPT, format!("`{name}` is the record of another epoch"))
                    .hint("restore the state folder from a backup"),
            );
        }
        if let Some(pins) = self.once::<Pins>(&manifest.pins).await {
            let _: Option<Standing> = self.once(&pins.base).await;
        }
        let _: Option<Standing> = self.once(&manifest.standing).await;
        for channel in &manifest.channels {
            let needed = match channel.port.as_str() {
                "out" => open,
                "late" => epoch > self.floors.late,
                _ => epoch > self.floors.dead,
            };
            if needed {
                self.segment(channel).await;
            }
        }
        for (write, _) in manifest.sinks.iter().filter(|(_, sink)| sink.apply) {
            let name = applied_name(epoch, write);
            if self.log.store().len(&name).await?.is_none() {
                continue;
            }
            let letters = self.json::<ApplyRecord>(&name).await.and_then(|record| record.letters);
            if let Some(letters) = letters.filter(|_| epoch > self.floors.dead) {
                self.segment(&letters).await;
            }
        }
        Ok(())
    }

    async fn segment(&mut self, segment: &ChannelSegment) {
        let store = self.log.store();
        let whole = match store.len(&segment.name).await {
            Ok(Some(bytes)) if bytes == segment.bytes => match segment.port.as_str() {
                "out" | "late" => spool_schema(store.as_ref(), &segment.name).map(|_| ()),
                UNKNOWN => read_unknown(store.as_ref(), segment)
                    .and_then(|blocks| blocks.into_iter().try_for_each(|block| block.map(|_| ()))),
                _ => read_dead(store.as_ref(), segment)
                    .and_then(|letters| letters.into_iter().try_for_each(|letter| letter.map(|_| ()))),
            },
            Ok(Some(bytes)) => Err(Error::new(
                codes::STORE_CORRUPT,
                format!("`{}` has {bytes} bytes, not {}", segment.name, segment.bytes),
            )),
            Ok(None) => Err(missing(&segment.name)),
            Err(error) => Err(error),
        };
        let hinted = |fault: Error| match fault.next_step() {
            Some(_) => fault,
            None => fault.hint("restore the state folder from a backup"),
        };
        self.found.note(whole.map_err(hinted));
    }
}
