//! One call of the machine: takes an event in, gives threads their turns, collects effects.

use super::Machine;
use super::context::context;
use super::data::{self, Given};
use super::execution::{Active, Execution, Outcome, Phase, Place, Status, Thread};
use super::history::HistoryEvent;
use super::protocol::{Effect, Happening};
use crate::fault::{Fault, names};
use crate::query::{Chance, Context, Scope, Variables};
use crate::states::{Kind, State};
use crate::value::{Shared, Value};

pub(super) struct Run<'d> {
    pub(super) machine: Machine<'d>,
    pub(super) execution: Execution,
    pub(super) at: i64,
    pub(super) chance: Chance,
    effects: Vec<Effect>,
    /// A history holds as many events as it may.
    full: bool,
}

/// A field of a history event.
pub(super) type Field = (&'static str, Shared);

pub(super) fn text(name: &'static str, text: &str) -> Field {
    (name, Value::from(text).into())
}

impl<'d> Run<'d> {
    pub(super) fn new(machine: Machine<'d>, execution: Execution, at: i64, chance: u64) -> Self {
        Self { machine, execution, at, chance: Chance::new(chance), effects: Vec::new(), full: false }
    }

    pub(super) fn finish(self) -> (Execution, Vec<Effect>) {
        (self.execution, self.effects)
    }

    pub(super) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// A number that nothing else of the execution has.
    pub(super) fn number(&mut self) -> u64 {
        let number = self.execution.next;
        self.execution.next += 1;
        number
    }

    /// Writes an event into a history and gives its number.
    pub(super) fn write(&mut self, journal: u64, previous: u64, kind: &str, fields: Vec<Field>) -> u64 {
        let Some(entry) = self.execution.journals.get_mut(&journal) else { return 0 };
        entry.last += 1;
        let id = entry.last;
        self.full |= id >= self.machine.limits.history_events;
        let event = HistoryEvent { id, previous, at: self.at, kind: kind.to_owned(), fields };
        self.effects.push(Effect::History { journal, event });
        id
    }

    /// The same for an event of a thread, which is its last from now on.
    pub(super) fn note(&mut self, id: u64, kind: &str, fields: Vec<Field>) {
        let Some(thread) = self.execution.threads.get(&id) else { return };
        let (journal, previous) = (thread.journal, thread.previous);
        let event = self.write(journal, previous, kind, fields);
        if let Some(thread) = self.execution.threads.get_mut(&id) {
            thread.previous = event;
        }
    }

    /// A timer for a thread.
    pub(super) fn timer(&mut self, thread: u64, at: i64) -> u64 {
        let timer = self.number();
        self.execution.awaited.insert(timer, thread);
        self.effect(Effect::Timer { timer, at });
        timer
    }

    pub(super) fn quiet(&mut self, timer: u64) {
        if self.execution.awaited.remove(&timer).is_some() {
            self.effect(Effect::Quiet { timer });
        }
    }

    /// Begins the execution.
    pub(super) fn begin(&mut self) {
        let input = self.execution.identity.input.clone();
        self.write(0, 0, "ExecutionStarted", vec![("input", input.clone())]);
        if let Some(seconds) = self.machine.definition.timeout_seconds {
            let at = self.after(seconds);
            // No thread has the number 0: it stands for the execution.
            self.execution.timeout = Some(self.timer(0, at));
        }
        let start = self.machine.definition.flow.start_at.clone();
        let number = self.number();
        let root = Thread {
            flow: Vec::new(),
            parent: None,
            journal: 0,
            variables: Variables::new(),
            item: None,
            previous: 0,
            place: Place::Before { state: start, input },
        };
        self.execution.threads.insert(number, root);
        self.execution.ready.push_back(number);
    }

    pub(super) fn after(&self, seconds: u64) -> i64 {
        let micros = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        self.at.saturating_add(micros)
    }

    /// Takes an event in.
    pub(super) fn take(&mut self, what: Happening) {
        match what {
            Happening::Continue => {}
            Happening::Stop { error, cause } => {
                let fault = Fault { error, cause, location: None, internal: false };
                self.end(Status::Aborted, None, &fault);
            }
            Happening::Fired { timer } if self.execution.timeout == Some(timer) => {
                self.execution.timeout = None;
                self.end_with(Status::TimedOut, None, 0, &Fault::bare(names::TIMEOUT));
            }
            Happening::Fired { timer } => {
                if let Some(thread) = self.execution.awaited.remove(&timer) {
                    self.fired(thread, timer);
                }
            }
            Happening::Started { work, worker } => self.started(work, worker),
            Happening::Submitted { work, output } => self.submitted(work, output),
            Happening::Heartbeat { work } => self.heartbeat(work),
            Happening::Succeeded { work, output } => self.succeeded(work, output),
            Happening::Failed { work, error, cause } => {
                self.failed(work, Fault { error: Some(error), cause, location: None, internal: false });
            }
        }
    }

    fn fired(&mut self, id: u64, timer: u64) {
        let Some(active) = self.active(id) else { return };
        match active.phase {
            Phase::Waiting { .. } | Phase::Entered => {
                self.set_phase(id, Phase::Entered);
                self.execution.ready.push_back(id);
            }
            Phase::Retrying { .. } => self.attempt(id),
            Phase::Working { work, heartbeat, .. } => {
                let name = if heartbeat.is_some_and(|(t, _)| t == timer) {
                    names::HEARTBEAT
                } else {
                    names::TIMEOUT
                };
                self.effect(Effect::Cancel { work });
                self.failed(work, Fault::bare(name));
            }
            _ => {}
        }
    }

    /// Gives threads their turns until none is ready, the turns are used up, or the execution has ended.
    pub(super) fn go_on(&mut self) {
        for _ in 0..self.machine.limits.steps {
            if self.execution.outcome.is_some() {
                return;
            }
            let Some(id) = self.execution.ready.pop_front() else { return };
            self.turn(id);
            if self.full && self.execution.outcome.is_none() {
                let most = self.machine.limits.history_events;
                let cause = format!("The execution reached the maximum number of history events ({most}).");
                self.end(Status::Failed, None, &Fault::runtime(cause));
            }
        }
        if self.execution.outcome.is_none() && !self.execution.ready.is_empty() {
            self.effect(Effect::Continue);
        }
    }

    fn turn(&mut self, id: u64) {
        let Some(thread) = self.execution.threads.get(&id) else { return };
        match &thread.place {
            Place::Before { state, input } => {
                let (state, input) = (state.clone(), input.clone());
                self.enter(id, state, input);
            }
            Place::In(_) => self.leave(id),
        }
    }

    /// The state of a thread, by its definition.
    pub(super) fn state(&self, id: u64) -> Option<&'d State> {
        let thread = self.execution.threads.get(&id)?;
        let flow = self.machine.definition.flow_at(&thread.flow)?;
        match &thread.place {
            Place::Before { state, .. } => flow.states.get(state),
            Place::In(active) => flow.states.get(&active.state),
        }
    }

    pub(super) fn active(&self, id: u64) -> Option<&Active> {
        match &self.execution.threads.get(&id)?.place {
            Place::In(active) => Some(active),
            Place::Before { .. } => None,
        }
    }

    pub(super) fn active_mut(&mut self, id: u64) -> Option<&mut Active> {
        match &mut self.execution.threads.get_mut(&id)?.place {
            Place::In(active) => Some(active),
            Place::Before { .. } => None,
        }
    }

    pub(super) fn set_phase(&mut self, id: u64, phase: Phase) {
        if let Some(active) = self.active_mut(id) {
            active.phase = phase;
        }
    }

    /// Does something with what the expressions of a thread's state may refer to.
    pub(super) fn in_scope<T>(
        &self,
        id: u64,
        token: Option<&str>,
        work: impl FnOnce(&'d State, &Scope<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let lost = || Fault::runtime("The state is not part of the definition.");
        let (Some(state), Some(active)) = (self.state(id), self.active(id)) else { return Err(lost()) };
        let thread = self.execution.threads.get(&id).ok_or_else(lost)?;
        let make = || context(&self.execution, thread, active, &state.kind, token);
        let scope = Scope {
            input: &active.input,
            result: None,
            error: None,
            variables: &thread.variables,
            context: &Context::new(&make),
            now: self.at,
            chance: &self.chance,
        };
        work(state, &scope)
    }

    /// Enters a state.
    fn enter(&mut self, id: u64, name: String, input: Shared) {
        let Some(state) = self.state(id) else {
            return self.fail(id, Fault::runtime(format!("There is no state '{name}'.")));
        };
        let (kind, before) = (state.kind.name(), self.execution.threads.get(&id).map_or(0, |t| t.previous));
        self.note(id, &format!("{kind}StateEntered"), vec![text("name", &name), ("input", input.clone())]);
        let at = self.at;
        if let Some(thread) = self.execution.threads.get_mut(&id) {
            thread.place = Place::In(Box::new(Active {
                state: name,
                input,
                entered: thread.previous,
                before,
                entered_at: at,
                retries: Vec::new(),
                phase: Phase::Entered,
            }));
        }
        self.attempt(id);
    }

    /// Does what a state does, for the first time or again.
    fn attempt(&mut self, id: u64) {
        let Some(state) = self.state(id) else { return };
        let begun = match &state.kind {
            Kind::Pass(_) | Kind::Choice(_) | Kind::Succeed => {
                self.execution.ready.push_back(id);
                Ok(())
            }
            Kind::Fail(fail) => {
                let raised = self.in_scope(id, None, |_, scope| fail.raise(scope));
                Err(raised.unwrap_or_else(|fault| fault))
            }
            Kind::Wait(wait) => self
                .in_scope(id, None, |state, scope| {
                    let effective = data::effective_input(state, scope)?;
                    wait.until(&scope.with_input(&effective))
                })
                .map(|until| {
                    let timer = self.timer(id, until.max(self.at));
                    self.set_phase(id, Phase::Waiting { timer });
                }),
            Kind::Task(task) => self.schedule(id, task),
            Kind::Parallel(parallel) => self.begin_branches(id, parallel),
            Kind::Map(map) => self.begin_map(id, map),
        };
        if let Err(fault) = begun {
            self.fail(id, fault);
        }
    }

    /// Leaves a state that has no result to wait for.
    fn leave(&mut self, id: u64) {
        let left = self.in_scope(id, None, |state, scope| match &state.kind {
            Kind::Pass(pass) => {
                let given = if state.language == crate::query::template::QueryLanguage::Jsonata {
                    data::handed_on(state, scope, state.output.as_ref(), state.assign.as_ref())?
                } else {
                    let effective = data::effective_input(state, scope)?;
                    let result = match &pass.result {
                        Some(result) => result.clone(),
                        None => data::arguments(state, scope, &effective)?,
                    };
                    data::with_result(state, scope, scope.input, result)?
                };
                Ok((given, state.next.as_deref()))
            }
            Kind::Choice(choice) => {
                let effective = data::effective_input(state, scope)?;
                let rule = choice.choose(&scope.with_input(&effective))?;
                let (output, assign, next) = match rule {
                    Some(rule) => (
                        rule.output.as_ref().or(state.output.as_ref()),
                        rule.assign.as_ref(),
                        Some(rule.next.as_str()),
                    ),
                    None => (state.output.as_ref(), state.assign.as_ref(), choice.default.as_deref()),
                };
                Ok((data::handed_on(state, scope, output, assign)?, next))
            }
            _ => {
                let given = data::handed_on(state, scope, state.output.as_ref(), state.assign.as_ref())?;
                Ok((given, state.next.as_deref()))
            }
        });
        match left {
            Ok((given, next)) => self.exit(id, given, next),
            Err(fault) => self.fail(id, fault),
        }
    }

    /// A state with a result is done.
    pub(super) fn done(&mut self, id: u64, result: Value) {
        let given = self.in_scope(id, None, |state, scope| {
            data::with_result(state, scope, scope.input, result).map(|given| (given, state.next.as_deref()))
        });
        match given {
            Ok((given, next)) => self.exit(id, given, next),
            Err(fault) => self.fail(id, fault),
        }
    }

    /// Writes the exit of a state and moves the thread on.
    pub(super) fn exit(&mut self, id: u64, given: Given, next: Option<&str>) {
        let Some(state) = self.state(id) else { return };
        let Some(active) = self.active(id) else { return };
        let name = active.state.clone();
        let output = Shared::from(given.output);
        let mut fields = vec![text("name", &name), ("output", output.clone())];
        if !given.assigned.is_empty() {
            fields.push(("assignedVariables", given.assigned.iter().cloned().collect::<Value>().into()));
        }
        if let Some(thread) = self.execution.threads.get_mut(&id)
            && let Err(fault) = data::set_variables(&mut thread.variables, given.assigned)
        {
            return self.fail(id, fault);
        }
        self.note(id, &format!("{}StateExited", state.kind.name()), fields);
        match next {
            Some(next) => {
                if let Some(thread) = self.execution.threads.get_mut(&id) {
                    thread.place = Place::Before { state: next.to_owned(), input: output };
                }
                self.execution.ready.push_back(id);
            }
            None => self.thread_done(id, output),
        }
    }

    /// A thread has come to the end of its flow.
    fn thread_done(&mut self, id: u64, output: Shared) {
        let Some(thread) = self.execution.threads.get(&id) else { return };
        match thread.parent {
            None => {
                let previous = thread.previous;
                self.end_with(
                    Status::Succeeded,
                    Some(output),
                    previous,
                    &Fault { error: None, cause: None, location: None, internal: false },
                );
            }
            Some((parent, index)) => match self.active(parent).map(|a| matches!(a.phase, Phase::Items(_))) {
                Some(true) => self.item_done(parent, id, index, output),
                _ => self.branch_done(parent, id, index, output),
            },
        }
    }

    /// Ends the execution, whatever its threads were doing.
    fn end(&mut self, status: Status, output: Option<Shared>, fault: &Fault) {
        let previous = self.execution.threads.values().next().map_or(0, |t| t.previous);
        self.end_with(status, output, previous, fault);
    }

    pub(super) fn end_with(&mut self, status: Status, output: Option<Shared>, previous: u64, fault: &Fault) {
        let threads = self.execution.threads.keys().copied().collect::<Vec<_>>();
        for thread in threads {
            self.give_up(thread);
        }
        if let Some(timer) = self.execution.timeout.take() {
            self.quiet(timer);
        }
        let kind = match status {
            Status::Succeeded => "ExecutionSucceeded",
            Status::Failed => "ExecutionFailed",
            Status::TimedOut => "ExecutionTimedOut",
            Status::Aborted => "ExecutionAborted",
        };
        let mut fields = Vec::new();
        fields.extend(output.clone().map(|output| ("output", output)));
        fields.extend(fault.error.as_deref().map(|e| text("error", e)));
        fields.extend(fault.cause.as_deref().map(|c| text("cause", c)));
        self.write(0, previous, kind, fields);
        // The event alone names the timeout: at AWS, the execution itself has no error then.
        let error = fault.error.clone().filter(|_| status != Status::TimedOut);
        let outcome = Outcome { status, output, error, cause: fault.cause.clone() };
        self.execution.threads.clear();
        self.execution.ready.clear();
        self.execution.awaited.clear();
        self.execution.outcome = Some(outcome.clone());
        self.effect(Effect::Ended(outcome));
    }
}
