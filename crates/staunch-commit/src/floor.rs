//! The floor: up to which epoch a log was collected.
//!
//! **Invariants.** It is raised before the first record below it goes, and never lowered: the highest record counts. A number at
//! or below it means nothing any more, even where an artefact has it: a process that slept through the collection may have made
//! it.

use crate::log::Log;
use crate::manifest::{CollectedRun, FloorRecord};
use staunch_types::{Epoch, Error, Result, RunId, codes};

/// The folder of the records for epochs.
pub(crate) const EPOCHS: &str = "floors";
/// The folder of the records for dead letters.
pub(crate) const DEAD: &str = "floors.dead";
/// The folder of the records for late rows.
pub(crate) const LATE: &str = "floors.late";

/// Up to which epochs a log was collected; 0 where nothing was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Floors {
    /// Everything.
    pub epochs: Epoch,
    /// Dead letters; at least [`Floors::epochs`].
    pub dead: Epoch,
    /// Late rows; at least [`Floors::epochs`].
    pub late: Epoch,
}

impl Log {
    /// The highest epoch that was collected; 0 if none was.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn floor(&self) -> Result<Epoch> {
        self.highest(EPOCHS).await
    }

    /// All floors.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn floors(&self) -> Result<Floors> {
        let epochs = self.highest(EPOCHS).await?;
        let dead = self.highest(DEAD).await?.max(epochs);
        Ok(Floors { epochs, dead, late: self.highest(LATE).await?.max(epochs) })
    }

    async fn highest(&self, folder: &str) -> Result<Epoch> {
        let names = self.store().list(folder).await?;
        names.last().map_or(Ok(Epoch(0)), |name| crate::log::number(name).map(Epoch))
    }

    /// The runs that were collected, oldest first, as far back as their ids are kept.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn collected(&self) -> Result<Vec<CollectedRun>> {
        let floor = self.floor().await?;
        if floor == Epoch(0) {
            return Ok(Vec::new());
        }
        let record: Option<FloorRecord> = self.read_json(&format!("{EPOCHS}/{}", floor.padded())).await?;
        // A higher one took its place while this one was read.
        match record {
            Some(record) => Ok(record.collected),
            None => Box::pin(self.collected()).await,
        }
    }

    /// Does `work` over the log; once more if something was collected meanwhile, and it missed that.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn steadily<T>(&self, work: impl AsyncFn() -> Result<T>) -> Result<T> {
        loop {
            let before = self.floors().await?;
            match work().await {
                Err(_) if self.floors().await? != before => {}
                done => return done,
            }
        }
    }

    /// The error for a run that is not in the log: it was collected, or there never was one.
    ///
    /// # Errors
    /// `Store.*`.
    pub async fn no_run(&self, id: &RunId) -> Result<Error> {
        let collected = self.collected().await?;
        Ok(match collected.iter().find(|run| run.run == *id) {
            Some(run) => run.gone(),
            None => Error::new(codes::NO_RUN, format!("there is no run `{id}`"))
                .hint("list them with `staunch runs`"),
        })
    }
}

impl CollectedRun {
    /// The error for whoever asks for it.
    #[must_use]
    pub fn gone(&self) -> Error {
        let how = match &self.failed {
            None => "succeeded".to_owned(),
            Some(code) => format!("failed with {code}"),
        };
        Error::new(
            codes::COLLECTED,
            format!("run `{}` has {how}, and its records were collected since", self.run),
        )
        .hint("how long records are kept is said by `keep:` of the profile; a new run needs another id")
    }
}
