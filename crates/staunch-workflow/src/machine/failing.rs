//! What happens when a state fails: it is tried again, caught, or takes what is around it down.

use super::data;
use super::execution::{Phase, Status};
use super::protocol::Effect;
use super::run::{Run, text};
use crate::fault::{Fault, names};
use crate::states::Kind;

impl Run<'_> {
    /// The state of a thread has failed.
    pub(super) fn fail(&mut self, id: u64, fault: Fault) {
        // A state around the failed one may fail with it, and so on outwards; each round goes one state out.
        let mut failed = Some((id, fault));
        while let Some((id, fault)) = failed.take() {
            failed = self.fail_state(id, fault);
        }
    }

    /// Handles the failure of one state; gives what fails with it.
    fn fail_state(&mut self, id: u64, mut fault: Fault) -> Option<(u64, Fault)> {
        let Some(state) = self.state(id) else {
            return self.fail_thread(id, fault);
        };
        let (name, entered, before) = self.active(id).map(|a| (a.state.clone(), a.entered, a.before))?;
        if std::mem::take(&mut fault.internal) {
            let cause = fault.cause.take().unwrap_or_default();
            fault.cause = Some(format!(
                "An error occurred while executing the state '{name}' (entered at the event id #{entered}). {cause}"
            ));
            if fault.name() == names::QUERY {
                let mut fields = vec![
                    text("error", fault.name()),
                    text("cause", fault.cause.as_deref().unwrap_or_default()),
                ];
                fields.extend(fault.location.take().map(|location| text("location", &location)));
                fields.push(text("state", &name));
                self.evaluation_failed(id, before, fields);
            }
        }
        self.stop_inside(id);
        let of_task = matches!(state.kind, Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_));
        if let Some(retrier) = state.retry.iter().position(|r| r.matches(&fault, of_task))
            && self.retry(id, retrier)
        {
            return None;
        }
        match state.kind {
            // What is wrong with the state itself is told by the end of the execution alone.
            _ if fault.name() == names::RUNTIME => {}
            Kind::Parallel(_) => self.note(id, "ParallelStateFailed", Vec::new()),
            Kind::Map(_) => self.note(id, "MapStateFailed", Vec::new()),
            _ => {}
        }
        let catcher = state.catch.iter().find(|c| c.matches(&fault, of_task));
        let Some(catcher) = catcher else { return self.fail_thread(id, fault) };
        let caught =
            self.in_scope(id, None, |state, scope| data::caught(catcher, state.language, scope, &fault));
        match caught {
            Ok(given) => {
                self.exit(id, given, Some(&catcher.next));
                None
            }
            // What is wrong in a catcher is not caught by it again.
            Err(mut fault) => {
                let cause = fault.cause.take().unwrap_or_default();
                fault.cause = Some(format!(
                    "An error occurred while executing the state '{name}' (entered at the event id #{entered}). {cause}"
                ));
                fault.internal = false;
                self.fail_thread(id, fault)
            }
        }
    }

    fn evaluation_failed(&mut self, id: u64, before: u64, fields: Vec<super::run::Field>) {
        let Some(journal) = self.execution.threads.get(&id).map(|t| t.journal) else { return };
        let event = self.write(journal, before, "EvaluationFailed", fields);
        if let Some(thread) = self.execution.threads.get_mut(&id) {
            thread.previous = event;
        }
    }

    /// Plans another attempt by a rule of `Retry`, unless it is used up.
    fn retry(&mut self, id: u64, retrier: usize) -> bool {
        let Some(rule) = self.state(id).and_then(|s| s.retry.get(retrier)) else { return false };
        let Some(active) = self.active_mut(id) else { return false };
        if active.retries.len() <= retrier {
            active.retries.resize(retrier + 1, 0);
        }
        let Some(used) = active.retries.get_mut(retrier) else { return false };
        if *used >= rule.attempts_max {
            return false;
        }
        *used += 1;
        let seconds = rule.delay_seconds(*used, Some(&self.chance));
        #[expect(clippy::cast_possible_truncation, reason = "at most 10^8 seconds")]
        let micros = (seconds * 1e6) as i64;
        let timer = self.timer(id, self.at.saturating_add(micros));
        self.set_phase(id, Phase::Retrying { timer });
        true
    }

    /// The flow of a thread has failed.
    fn fail_thread(&mut self, id: u64, fault: Fault) -> Option<(u64, Fault)> {
        let thread = self.execution.threads.get(&id)?;
        let previous = thread.previous;
        match thread.parent {
            None => {
                self.end_with(Status::Failed, None, previous, &fault);
                None
            }
            Some((parent, index)) => match self.active(parent).map(|a| matches!(a.phase, Phase::Items(_))) {
                Some(true) => self.item_failed(parent, id, index, fault),
                _ => {
                    self.aborted(id, previous);
                    self.remove(id);
                    if let Some(parent) = self.execution.threads.get_mut(&parent) {
                        parent.previous = previous;
                    }
                    Some((parent, fault))
                }
            },
        }
    }

    /// Takes a thread out, with all that it waits for and all that it began.
    pub(super) fn remove(&mut self, id: u64) {
        self.give_up(id);
        self.stop_inside(id);
        if let Some(thread) = self.execution.threads.remove(&id)
            && thread.journal != 0
            && thread
                .parent
                .and_then(|(p, _)| self.execution.threads.get(&p))
                .is_none_or(|p| p.journal != thread.journal)
        {
            self.execution.journals.remove(&thread.journal);
        }
        self.execution.ready.retain(|ready| *ready != id);
    }

    /// Stops the threads that the state of a thread began, and writes what was broken off.
    pub(super) fn stop_inside(&mut self, id: u64) {
        let mut order = self.children(id);
        let mut next = 0;
        while let Some(child) = order.get(next).copied() {
            order.extend(self.children(child));
            next += 1;
        }
        // All of this follows the last event of the flow that failed.
        let previous = self.execution.threads.get(&id).map_or(0, |t| t.previous);
        for child in order {
            let Some(thread) = self.execution.threads.get(&child) else { continue };
            let (journal, parent) = (thread.journal, thread.parent);
            let same = self.execution.threads.get(&id).is_some_and(|p| p.journal == journal);
            if same {
                if let Some((of, index)) = parent
                    && let Some(name) = self
                        .active(of)
                        .filter(|a| matches!(a.phase, Phase::Items(_)))
                        .map(|a| a.state.clone())
                {
                    self.write(journal, previous, "MapIterationAborted", Self::iteration(&name, index));
                }
                self.aborted(child, previous);
            }
            self.give_up(child);
            if let Some(thread) = self.execution.threads.remove(&child)
                && !same
            {
                self.execution.journals.remove(&thread.journal);
            }
            self.execution.ready.retain(|ready| *ready != child);
        }
    }

    /// Writes that a state which waits for something was broken off. One that only passes data on leaves no such trace.
    pub(super) fn aborted(&mut self, id: u64, previous: u64) {
        let Some(Kind::Task(_) | Kind::Wait(_) | Kind::Parallel(_) | Kind::Map(_)) =
            self.state(id).map(|s| &s.kind)
        else {
            return;
        };
        if let (Some(state), Some(_), Some(thread)) =
            (self.state(id), self.active(id), self.execution.threads.get(&id))
        {
            let journal = thread.journal;
            self.write(journal, previous, &format!("{}StateAborted", state.kind.name()), Vec::new());
        }
    }

    fn children(&self, id: u64) -> Vec<u64> {
        match self.active(id).map(|a| &a.phase) {
            Some(Phase::Branches { live, .. }) => live.clone(),
            Some(Phase::Items(items)) => items.live.clone(),
            _ => Vec::new(),
        }
    }

    /// A thread waits for nothing any more.
    pub(super) fn give_up(&mut self, id: u64) {
        match self.active(id).map(|a| a.phase.clone()) {
            Some(Phase::Waiting { timer } | Phase::Retrying { timer }) => self.quiet(timer),
            Some(Phase::Working { work, timeout, heartbeat, .. }) => {
                self.cancel(work);
                timeout.into_iter().chain(heartbeat.map(|(t, _)| t)).for_each(|timer| self.quiet(timer));
            }
            Some(Phase::Reading { work } | Phase::Writing { work, .. }) => self.cancel(work),
            _ => {}
        }
    }

    fn cancel(&mut self, work: u64) {
        if self.execution.awaited.remove(&work).is_some() {
            self.effect(Effect::Cancel { work });
        }
    }
}
