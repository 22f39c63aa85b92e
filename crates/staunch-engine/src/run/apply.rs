//! Showing what was decided: every sink applies whole epochs, in order, however often it is asked.

use super::cx::RunCx;
use super::env::Progress;
use super::moves;
use staunch_commit::refused::RefusedBy;
use staunch_commit::{
    Applied, ApplyWork, ChannelSegment, Committer, Fence, HashSum, RunState, Segment, SinkEpoch, Standing,
};
use staunch_types::{Epoch, Error, Result, Verdict, WriteMode, codes, failpoint};
use std::time::Duration;

/// How often an unavailable target is asked again, and how long to wait at most before the last time.
const ATTEMPTS: u32 = 5;
const LONGEST_WAIT: Duration = Duration::from_secs(4);

/// Fences older generations at every target and refuses targets that are not this region's, or not where the log has brought
/// them. `open` are the runs that may have epochs to show.
pub(crate) async fn fence(
    cx: &RunCx<'_>,
    committer: &Committer,
    last: Epoch,
    open: &[&RunState],
) -> Result<()> {
    let fence = Fence { region: committer.region_id().clone(), generation: committer.generation() };
    for (write, sink) in cx.sinks {
        failpoint::pass("recover.before_sink");
        let at = sink.recover(&fence).await.map_err(|e| e.stage(write))?;
        failpoint::pass("recover.after_sink");
        if let Some(ahead) = at.filter(|at| *at > last) {
            return Err(Error::new(
                codes::SINK_AHEAD,
                format!("`{write}` has applied epoch {ahead}, which the epoch log does not hold"),
            )
            .stage(write)
            .hint("the state folder is older than the target (a restored backup?): restore the newer state folder, or write to another table"));
        }
        let replaced = cx.pins.modes.get(write) == Some(&WriteMode::Replace) && cx.pins.unchanged.is_empty();
        if sink.keeps_position() && !replaced {
            behind(cx, write, at, open)?;
        }
    }
    Ok(())
}

/// Refuses a target that has lost what it showed: nothing would bring those rows back.
fn behind(cx: &RunCx<'_>, write: &str, at: Option<Epoch>, open: &[&RunState]) -> Result<()> {
    let first = open.iter().find_map(|run| {
        let epoch = *run.unapplied.get(write)?.first()?;
        run.sinks.get(write)?.iter().find(|(e, _)| *e == epoch)
    });
    let expected = match first {
        // It may be shown already, if only the record of it was lost.
        Some((epoch, _)) if at == Some(*epoch) => at,
        Some((_, sink)) => sink.previous,
        None => cx.previous_apply(write),
    };
    if at == expected {
        return Ok(());
    }
    let epoch = |epoch: Option<Epoch>| epoch.map_or("no epoch".to_owned(), |e| format!("epoch {e}"));
    let message = format!("`{write}` shows {} where {} was shown last", epoch(at), epoch(expected));
    Err(Error::new(codes::SINK_AHEAD, message)
        .stage(write)
        .hint("the target was removed, emptied or restored from an older backup: bring it back, or run with --full-refresh, which writes everything anew"))
}

/// Applies everything of a run that is committed and not shown. `base` is what stood when that run began.
pub(crate) async fn apply_missing(
    cx: &RunCx<'_>,
    committer: &Committer,
    state: &mut RunState,
    base: &Standing,
    live_before: &dyn Fn(&str) -> Vec<Segment>,
) -> Result<u64> {
    let missing: Vec<(String, Epoch)> = state
        .unapplied
        .iter()
        .flat_map(|(write, epochs)| epochs.iter().map(|e| (write.clone(), *e)))
        .collect();
    for (write, epoch) in &missing {
        apply_one(cx, committer, state, write, *epoch, base, live_before).await?;
    }
    Ok(missing.len() as u64)
}

/// Applies what an earlier run committed and could not show. A full refresh puts other rows in place of all that: what a target
/// refuses once more is given up then, and is void when the refresh has succeeded.
pub(crate) async fn apply_leftover(
    cx: &RunCx<'_>,
    committer: &Committer,
    leftover: &mut RunState,
    base: &Standing,
    live_before: &dyn Fn(&str) -> Vec<Segment>,
) -> Result<()> {
    if !cx.pins.full_refresh {
        let count = apply_missing(cx, committer, leftover, base, live_before).await?;
        cx.env
            .observer
            .note(&format!("recovered: showed {count} committed epoch(s) of run {}", leftover.run));
        return Ok(());
    }
    for (write, epochs) in leftover.unapplied.clone() {
        for epoch in epochs {
            match apply_one(cx, committer, leftover, &write, epoch, base, live_before).await {
                Err(error) if error.code() == codes::SINK_REJECTED => {
                    let held = leftover.sinks.get(&write).into_iter().flatten().find(|(e, _)| *e == epoch);
                    let before = held.and_then(|(_, sink)| sink.previous);
                    cx.give_up(&write, before, leftover.needed(&write));
                    let run = &leftover.run;
                    cx.env.observer.note(&format!(
                        "epoch {epoch} of run {run} is refused by `{write}` and given up: this refresh replaces it"
                    ));
                    break;
                }
                other => other?,
            }
        }
    }
    Ok(())
}

/// Applies one epoch to one sink and records the target's answer.
pub(crate) async fn apply_one(
    cx: &RunCx<'_>,
    committer: &Committer,
    state: &mut RunState,
    write: &str,
    epoch: Epoch,
    base: &Standing,
    live_before: &dyn Fn(&str) -> Vec<Segment>,
) -> Result<()> {
    let sink = cx.sinks.get(write).ok_or_else(|| {
        Error::new(codes::EDITED, format!("epoch {epoch} is committed for `{write}` and not shown, and the pipeline writes to it no more"))
            .hint("put the write back and run once; then take it out")
    })?;
    let decided = state
        .sinks
        .get(write)
        .and_then(|epochs| epochs.iter().find(|(e, _)| *e == epoch))
        .map(|(_, sink)| sink.clone())
        .ok_or_else(|| Error::new(codes::INTERNAL, format!("epoch {epoch} holds nothing for `{write}`")))?;
    let segments = state.segments_to_apply(write, epoch);
    let obsolete = match decided.mode {
        WriteMode::Replace => live_before(write).into_iter().filter_map(|segment| segment.target).collect(),
        _ => Vec::new(),
    };
    let work = ApplyWork {
        region: committer.region_id().clone(),
        run: state.run.clone(),
        generation: committer.generation(),
        epoch,
        previous: decided.previous,
        mode: decided.mode,
        keyed: decided.keyed,
        segments,
        rejected_at_most: budget_left(cx, state),
        obsolete,
        contract: cx.contract_of_rows(&state.pins, write)?,
        from: if decided.moved.is_some() { moves::under(base, write)? } else { None },
    };
    cx.env.observer.progress(&Progress { doing: format!("showing {write}"), ..progress_of(state) });
    // After its create and before any apply: a zombie must not apply.
    committer.still_newest().await?;
    failpoint::pass("apply.before");
    let applied = with_retries(cx, async || sink.apply(&work).await).await.map_err(|e| e.stage(write))?;
    failpoint::pass("apply.after");
    compare(write, &work, &applied, state)?;
    // The segments still lie there: they are swept only when the record exists.
    let letters = match applied.dead.is_empty() {
        true => None,
        false => Some(seal_refused(cx, committer, &work, &decided, write, &applied)?),
    };
    committer.record_applied(epoch, write, &applied, letters).await?;
    state.note_applied(write, epoch, &applied);
    Ok(())
}

/// Makes dead letters of the rows that a target refused.
fn seal_refused(
    cx: &RunCx<'_>,
    committer: &Committer,
    work: &ApplyWork,
    decided: &SinkEpoch,
    write: &str,
    applied: &Applied,
) -> Result<ChannelSegment> {
    let node = cx
        .graph
        .write(write)
        .ok_or_else(|| Error::new(codes::INTERNAL, format!("the write `{write}` is not in the plan")))?;
    let by = RefusedBy {
        region: &work.region,
        write,
        epoch: work.epoch,
        read: cx.graph.read_above(node).unwrap_or_default(),
        contract: work.contract.as_ref().unwrap_or(&node.contract),
        tried: &decided.tried,
    };
    let ordinals: Vec<u64> = applied.dead.iter().map(|(ordinal, _)| *ordinal).collect();
    let rows = cx.sink(write)?.rows(&work.segments, &ordinals).map_err(|e| e.stage(write))?;
    let name = format!("segments/{}-{}-refused", committer.fresh(), write.replace('/', "."));
    let sealed = by.seal(cx.env.store.as_ref(), name, &applied.dead, rows, &cx.env.sealer)?;
    failpoint::pass("apply.after_letters");
    Ok(sealed)
}

/// How many rows a target may still refuse under the budget of the run; `None` while too little was read to judge.
fn budget_left(cx: &RunCx<'_>, state: &RunState) -> Option<u64> {
    let budget = &cx.graph.pipeline.budget;
    let at_most = cx.pins.dead_letters_at_most.unwrap_or(budget.at_most);
    let found = state.ledger.found();
    // A row may be refused by several targets: a share of 1 is no bound.
    if found < budget.from_row || at_most >= 1.0 {
        return None;
    }
    #[allow(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count, rounded down"
    )]
    let allowed = (found as f64 * at_most) as u64;
    Some(allowed.saturating_sub(state.ledger.dead()))
}

/// The far end of the edge to a target: what apply read, against what the pipeline handed over.
fn compare(write: &str, work: &ApplyWork, applied: &Applied, state: &RunState) -> Result<()> {
    let staged: u64 = work.segments.iter().map(|s| s.rows).sum();
    let answered = applied.applied + applied.unchanged + applied.superseded + applied.dead.len() as u64;
    if applied.rows != staged || answered != staged {
        return Err(Error::new(
            codes::IMBALANCE,
            format!("epoch {}: {staged} rows staged, {} read by apply, {answered} answered for", work.epoch, applied.rows),
        )
        .stage(write)
        .hint("this is a bug of Staunch, or the target was written by somebody else at the same time; keep the state folder and report it"));
    }
    let near = state.near_to_apply(write, work.epoch);
    let far = applied.hash_sum.as_deref().and_then(HashSum::from_hex);
    match (near.hash, far) {
        (Some(near), Some(far)) if near != far => Err(Error::new(
            codes::IMBALANCE,
            format!("epoch {}: the rows that apply read are not those that were handed over", work.epoch),
        )
        .stage(write)
        .hint("this is a bug of Staunch; keep the state folder and report it")),
        _ => Ok(()),
    }
}

/// An outage of a target is not a poison row: it is tried again, with growing pauses and jitter, and then left to the next
/// start; nothing fills the DLQ.
async fn with_retries<T>(cx: &RunCx<'_>, attempt: impl AsyncFn() -> Result<T>) -> Result<T> {
    let mut tries = 0;
    loop {
        match attempt().await {
            Err(error)
                if error.code() == codes::SINK_UNAVAILABLE
                    && error.verdict() == Verdict::Retry
                    && tries + 1 < ATTEMPTS
                    && !cx.env.stop.asked() =>
            {
                tries += 1;
                let most = LONGEST_WAIT.min(Duration::from_millis(125) * 2u32.pow(tries));
                let millis = u64::try_from(most.as_millis()).unwrap_or(1).max(1);
                let wait = Duration::from_millis(cx.env.rng.next() % millis);
                cx.env.observer.note(&format!("{error}; trying again ({tries} of {})", ATTEMPTS - 1));
                cx.env.clock.sleep(wait);
            }
            other => return other,
        }
    }
}

pub(crate) fn progress_of(state: &RunState) -> Progress {
    Progress {
        doing: String::new(),
        records: state.ledger.found(),
        bytes: state.ledger.reads.values().map(|r| r.bytes).sum(),
        dead: state.ledger.dead(),
        late: state.ledger.late(),
        epochs: state.last.0.saturating_sub(state.first.0) + 1,
    }
}
