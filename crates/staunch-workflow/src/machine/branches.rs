//! Parallel states: their branches begin, end, and give the list of their outputs.

use super::data;
use super::execution::{Phase, Place, Thread};
use super::run::Run;
use crate::fault::Fault;
use crate::query::Variables;
use crate::states::parallel::Parallel;
use crate::value::{Shared, Value};

impl Run<'_> {
    pub(super) fn begin_branches(&mut self, id: u64, parallel: &Parallel) -> Result<(), Fault> {
        let input = self.in_scope(id, None, |state, scope| {
            let effective = data::effective_input(state, scope)?;
            data::arguments(state, scope, &effective)
        })?;
        let input = Shared::from(input);
        self.note(id, "ParallelStateStarted", Vec::new());
        let mut live = Vec::with_capacity(parallel.branches.len());
        for (index, branch) in parallel.branches.iter().enumerate() {
            live.push(self.spawn(id, index, branch.start_at.clone(), input.clone(), None));
        }
        let outputs = vec![None; live.len()];
        let none = live.is_empty();
        self.set_phase(id, Phase::Branches { outputs, live });
        if none {
            self.done(id, Value::Array(Vec::new()));
        }
        Ok(())
    }

    /// Begins a thread inside the state of another. Inside, variables are seen; what is assigned inside stays there.
    pub(super) fn spawn(
        &mut self,
        parent: u64,
        index: usize,
        start: String,
        input: Shared,
        item: Option<(usize, Shared)>,
    ) -> u64 {
        let number = self.number();
        let Some(thread) = self.execution.threads.get(&parent) else { return number };
        let mut flow = thread.flow.clone();
        if let Place::In(active) = &thread.place {
            let branch = if item.is_some() { 0 } else { index };
            flow.push((active.state.clone(), branch));
        }
        let child = Thread {
            flow,
            parent: Some((parent, index)),
            journal: thread.journal,
            variables: thread.variables.clone(),
            item: item.or_else(|| thread.item.clone()),
            previous: thread.previous,
            place: Place::Before { state: start, input },
        };
        self.execution.threads.insert(number, child);
        self.execution.ready.push_back(number);
        number
    }

    /// A child of a distributed Map sees no variables of its parent.
    pub(super) fn forget_variables(&mut self, id: u64) {
        if let Some(thread) = self.execution.threads.get_mut(&id) {
            thread.variables = Variables::new();
        }
    }

    pub(super) fn branch_done(&mut self, parent: u64, child: u64, index: usize, output: Shared) {
        let previous = self.execution.threads.get(&child).map_or(0, |t| t.previous);
        self.remove(child);
        if let Some(thread) = self.execution.threads.get_mut(&parent) {
            thread.previous = previous;
        }
        let Some(active) = self.active_mut(parent) else { return };
        let Phase::Branches { outputs, live } = &mut active.phase else { return };
        live.retain(|l| *l != child);
        if let Some(place) = outputs.get_mut(index) {
            *place = Some(output);
        }
        if live.is_empty() {
            let outputs = std::mem::take(outputs);
            let result = outputs.into_iter().map(|o| o.map_or(Value::Null, Shared::into_value)).collect();
            // AWS writes the success of the state beside the line of events, as it does for Map.
            let journal = self.execution.threads.get(&parent).map_or(0, |t| t.journal);
            self.write(journal, previous, "ParallelStateSucceeded", Vec::new());
            self.done(parent, result);
        }
    }
}
