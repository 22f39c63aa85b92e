//! Map states: items are read, batched, begun, counted, and their results given or written.

use super::context::map_part;
use super::data;
use super::execution::{Identity, Items, Journal, Phase, Waiting};
use super::protocol::{Effect, Work};
use super::run::{Field, Run, text};
use crate::fault::{Fault, names};
use crate::query::{Context, Scope};
use crate::states::map::Map;
use crate::states::{Kind, State};
use crate::value::{Shared, Value, object};
use std::collections::VecDeque;

/// How many items run at once where nothing is said: what AWS allows.
const INLINE_AT_ONCE: usize = 40;
/// The same for executions of their own. AWS starts up to 10,000; what is not begun costs nothing.
const DISTRIBUTED_AT_ONCE: usize = 1_000;

impl Run<'_> {
    pub(super) fn begin_map(&mut self, id: u64, map: &Map) -> Result<(), Fault> {
        if map.distributed.is_some() {
            return self.begin_distributed(id, map);
        }
        let (items, at_once) = self.in_scope(id, None, |state, scope| {
            let effective = data::effective_input(state, scope)?;
            let scope = &scope.with_input(&effective);
            let at_once = map.concurrency(scope)?;
            Ok((map.items(scope)?, at_once))
        })?;
        let items = self.select(id, map, items)?;
        let length = Value::Int(items.len() as i128);
        self.note(id, "MapStateStarted", vec![("length", length.into())]);
        let at_once = if at_once == 0 { INLINE_AT_ONCE } else { at_once };
        self.begin_items(id, items, at_once, None);
        Ok(())
    }

    fn begin_distributed(&mut self, id: u64, map: &Map) -> Result<(), Fault> {
        let reader = map.distributed.as_ref().and_then(|d| d.reader.as_ref());
        let Some(reader) = reader else {
            let items = self.in_scope(id, None, |state, scope| {
                let effective = data::effective_input(state, scope)?;
                map.items(&scope.with_input(&effective))
            })?;
            let length = Value::Int(items.len() as i128);
            self.note(id, "MapStateStarted", vec![("length", length.into())]);
            return self.run_items(id, map, items);
        };
        self.note(id, "MapStateStarted", vec![("length", Value::Int(0).into())]);
        let request = self.in_scope(id, None, |state, scope| {
            let effective = data::effective_input(state, scope)?;
            reader.request(&scope.with_input(&effective))
        })?;
        let work = self.number();
        self.execution.awaited.insert(work, id);
        let (state, attempt) = self.active(id).map(|a| (a.state.clone(), a.attempt())).unwrap_or_default();
        self.effect(Effect::Work { work, state, attempt, what: Box::new(Work::Read(request)) });
        self.set_phase(id, Phase::Reading { work });
        Ok(())
    }

    /// The driver has read the items of a distributed Map.
    pub(super) fn items_read(&mut self, id: u64, output: Value) {
        let Some(State { kind: Kind::Map(map), .. }) = self.state(id) else { return };
        let begun = match output {
            Value::Array(items) => self.run_items(id, map, items),
            _ => Err(Fault::raised(names::ITEM_READER, "Attempting to map over non-iterable node.")),
        };
        if let Err(fault) = begun {
            self.fail(id, fault);
        }
    }

    fn run_items(&mut self, id: u64, map: &Map, items: Vec<Value>) -> Result<(), Fault> {
        let Some(distributed) = &map.distributed else { return Ok(()) };
        let (tolerance, at_once) = self.in_scope(id, None, |state, scope| {
            let effective = data::effective_input(state, scope)?;
            let scope = &scope.with_input(&effective);
            Ok((distributed.tolerance(scope)?, map.concurrency(scope)?))
        })?;
        let mut items = self.select(id, map, items)?;
        if let Some(batcher) = &distributed.batcher {
            let plain = items.into_iter().map(|(item, input)| input.unwrap_or(item).into_value()).collect();
            let batches = self.in_scope(id, None, |state, scope| {
                let effective = data::effective_input(state, scope)?;
                batcher.batches(plain, &scope.with_input(&effective))
            })?;
            items = batches.into_iter().map(|batch| (batch.into(), None)).collect();
        }
        let machine = &self.execution.identity.machine_id;
        let machine = machine.replacen(":stateMachine:", ":mapRun:", 1);
        let run = format!("{machine}/{}:{}", distributed.label, self.chance.uuid());
        self.note(id, "MapRunStarted", vec![text("mapRunArn", &run)]);
        let at_once = if at_once == 0 { DISTRIBUTED_AT_ONCE } else { at_once.min(DISTRIBUTED_AT_ONCE) };
        self.begin_items(id, items, at_once, Some((run, tolerance)));
        Ok(())
    }

    /// Each item, and what its flow gets: the item itself, or what `ItemSelector` makes of it.
    fn select(&self, id: u64, map: &Map, items: Vec<Value>) -> Result<Vec<Waiting>, Fault> {
        let Some(selector) = &map.selector else {
            return Ok(items.into_iter().map(|item| (item.into(), None)).collect());
        };
        self.in_scope(id, None, |state, scope| {
            let effective = data::effective_input(state, scope)?;
            let base = scope.context.get().clone();
            let select = |(index, item): (usize, Value)| {
                let make = || {
                    let mut context = base.clone();
                    if let (Value::Object(context), Value::Object(part)) =
                        (&mut context, object([("Map", map_part(index, &item))]))
                    {
                        context.extend(part);
                    }
                    context
                };
                let context = Context::new(&make);
                let input = selector.evaluate(&Scope { context: &context, input: &effective, ..*scope })?;
                Ok((Shared::from(item), Some(Shared::from(input))))
            };
            items.into_iter().enumerate().map(select).collect()
        })
    }

    fn begin_items(
        &mut self,
        id: u64,
        items: Vec<Waiting>,
        at_once: usize,
        run: Option<(String, crate::states::distributed::Tolerance)>,
    ) {
        let total = items.len();
        let waiting = VecDeque::from(items);
        let items =
            Items { waiting, total, at_once, outputs: vec![None; total], live: Vec::new(), failed: 0, run };
        self.set_phase(id, Phase::Items(Box::new(items)));
        self.begin_waiting(id);
        self.check_items_done(id);
    }

    /// Begins as many waiting items as may run at once.
    fn begin_waiting(&mut self, id: u64) {
        loop {
            let Some(name) = self.active(id).map(|a| a.state.clone()) else { return };
            let Some(start) = self.state(id).and_then(|s| s.kind.flow(0)).map(|f| f.start_at.clone()) else {
                return;
            };
            let Some(Phase::Items(items)) = self.active_mut(id).map(|a| &mut a.phase) else { return };
            if items.live.len() >= items.at_once {
                return;
            }
            let index = items.total - items.waiting.len();
            let Some((item, input)) = items.waiting.pop_front() else { return };
            let input = input.unwrap_or_else(|| item.clone());
            let run = items.run.as_ref().map(|(run, _)| run.clone());
            let child = self.spawn(id, index, start, input.clone(), Some((index, item)));
            if let Some(Phase::Items(items)) = self.active_mut(id).map(|a| &mut a.phase) {
                items.live.push(child);
            }
            match run {
                None => self.note(child, "MapIterationStarted", Self::iteration(&name, index)),
                Some(run) => self.begin_child(child, &run, input),
            }
        }
    }

    /// A child execution of a distributed Map: a history, an id and an input of its own.
    fn begin_child(&mut self, child: u64, run: &str, input: Shared) {
        self.forget_variables(child);
        let journal = self.number();
        let name = self.chance.uuid();
        let parent = &self.execution.identity;
        let label = run.rsplit_once(':').map_or(run, |(label, _)| label);
        let identity = Identity {
            id: format!("{}:{name}", label.replacen(":mapRun:", ":execution:", 1)),
            name,
            machine_id: parent.machine_id.clone(),
            machine_name: parent.machine_name.clone(),
            role: parent.role.clone(),
            input: input.clone(),
            started_at: self.at,
            redrivable: parent.redrivable,
            region: parent.region.clone(),
        };
        self.execution.journals.insert(journal, Journal { last: 0, child: Some(identity) });
        self.write(journal, 0, "ExecutionStarted", vec![("input", input)]);
        if let Some(thread) = self.execution.threads.get_mut(&child) {
            thread.journal = journal;
            thread.previous = 0;
        }
    }

    pub(super) fn iteration(name: &str, index: usize) -> Vec<Field> {
        vec![text("name", name), ("index", Value::Int(index as i128).into())]
    }

    pub(super) fn item_done(&mut self, parent: u64, child: u64, index: usize, output: Shared) {
        let Some(previous) = self.execution.threads.get(&child).map(|t| t.previous) else { return };
        if self.is_distributed(parent) {
            self.note(child, "ExecutionSucceeded", vec![("output", output.clone())]);
            self.remove(child);
        } else {
            let name = self.active(parent).map(|a| a.state.clone()).unwrap_or_default();
            self.note(child, "MapIterationSucceeded", Self::iteration(&name, index));
            let last = self.execution.threads.get(&child).map_or(previous, |t| t.previous);
            self.remove(child);
            // The next item follows the state that the last one left; the state itself follows the success.
            let more = matches!(self.active(parent).map(|a| &a.phase), Some(Phase::Items(items)) if !items.waiting.is_empty());
            if let Some(thread) = self.execution.threads.get_mut(&parent) {
                thread.previous = if more { previous } else { last };
            }
        }
        if let Some(Phase::Items(items)) = self.active_mut(parent).map(|a| &mut a.phase) {
            items.live.retain(|l| *l != child);
            if let Some(place) = items.outputs.get_mut(index) {
                *place = Some(output);
            }
        }
        self.begin_waiting(parent);
        self.check_items_done(parent);
    }

    fn is_distributed(&self, id: u64) -> bool {
        matches!(self.active(id).map(|a| &a.phase), Some(Phase::Items(items)) if items.run.is_some())
    }

    /// An item has failed; gives the failure of the Map state if that is what it means.
    pub(super) fn item_failed(
        &mut self,
        parent: u64,
        child: u64,
        index: usize,
        fault: Fault,
    ) -> Option<(u64, Fault)> {
        let previous = self.execution.threads.get(&child).map_or(0, |t| t.previous);
        let name = self.active(parent).map(|a| a.state.clone()).unwrap_or_default();
        if !self.is_distributed(parent) {
            let journal = self.execution.threads.get(&parent).map_or(0, |t| t.journal);
            self.write(journal, previous, "MapIterationFailed", Self::iteration(&name, index));
            self.aborted(child, previous);
            self.remove(child);
            if let Some(Phase::Items(items)) = self.active_mut(parent).map(|a| &mut a.phase) {
                items.live.retain(|l| *l != child);
            }
            if let Some(thread) = self.execution.threads.get_mut(&parent) {
                thread.previous = previous;
            }
            return Some((parent, fault));
        }
        let mut fields: Vec<Field> = Vec::new();
        fields.extend(fault.error.as_deref().map(|e| text("error", e)));
        fields.extend(fault.cause.as_deref().map(|c| text("cause", c)));
        self.note(child, "ExecutionFailed", fields);
        self.remove(child);
        let Some(Phase::Items(items)) = self.active_mut(parent).map(|a| &mut a.phase) else { return None };
        items.live.retain(|l| *l != child);
        items.failed += 1;
        if let Some(place) = items.outputs.get_mut(index) {
            *place = Some(failed_item(&fault));
        }
        let exceeded = items.run.as_ref().is_some_and(|(_, t)| t.exceeded(items.failed, items.total as u64));
        if exceeded {
            let cause = "The specified tolerated failure threshold was exceeded";
            let fields = vec![text("error", names::TOLERATED), text("cause", cause)];
            self.note(parent, "MapRunFailed", fields);
            return Some((parent, Fault::raised(names::TOLERATED, cause)));
        }
        self.begin_waiting(parent);
        self.check_items_done(parent);
        None
    }

    fn check_items_done(&mut self, id: u64) {
        let Some(Phase::Items(items)) = self.active_mut(id).map(|a| &mut a.phase) else { return };
        if !items.live.is_empty() || !items.waiting.is_empty() {
            return;
        }
        let outputs = std::mem::take(&mut items.outputs);
        let run = items.run.take().map(|(run, _)| run);
        let result: Value = outputs.into_iter().map(|o| o.map_or(Value::Null, Shared::into_value)).collect();
        let Some(run) = run else { return self.map_succeeded(id, result) };
        match self.write_results(id, &run, result) {
            Ok(None) => {}
            Ok(Some(result)) => {
                self.note(id, "MapRunSucceeded", Vec::new());
                self.map_succeeded(id, result);
            }
            Err(fault) => self.fail(id, fault),
        }
    }

    /// `MapStateSucceeded` stands beside the line of events: the exit follows what came before it.
    fn map_succeeded(&mut self, id: u64, result: Value) {
        let (journal, previous) = self.execution.threads.get(&id).map_or((0, 0), |t| (t.journal, t.previous));
        self.write(journal, previous, "MapStateSucceeded", Vec::new());
        self.done(id, result);
    }

    /// Forms the results as `ResultWriter` says, and asks for them to be written where it says so; then there are none to give yet.
    fn write_results(&mut self, id: u64, run: &str, result: Value) -> Result<Option<Value>, Fault> {
        let Some(State { kind: Kind::Map(map), .. }) = self.state(id) else { return Ok(Some(result)) };
        let Some(writer) = map.distributed.as_ref().and_then(|d| d.writer.as_ref()) else {
            return Ok(Some(result));
        };
        let result = match writer.transformation.as_deref() {
            Some("FLATTEN") => flatten(result),
            _ => result,
        };
        let Some(resource) = &writer.resource else { return Ok(Some(result)) };
        let arguments = self.in_scope(id, None, |state, scope| {
            let effective = data::effective_input(state, scope)?;
            writer.arguments(&scope.with_input(&effective))
        })?;
        let work = self.number();
        self.execution.awaited.insert(work, id);
        let (state, attempt) = self.active(id).map(|a| (a.state.clone(), a.attempt())).unwrap_or_default();
        let output_type = writer.output_type.clone();
        let what = Work::Write { resource: resource.clone(), arguments, output_type, results: result };
        self.effect(Effect::Work { work, state, attempt, what: Box::new(what) });
        self.set_phase(id, Phase::Writing { work, run: run.to_owned() });
        Ok(None)
    }

    /// The driver has written the results; its answer says where.
    pub(super) fn results_written(&mut self, id: u64, run: &str, output: Value) {
        self.note(id, "MapRunSucceeded", Vec::new());
        self.map_succeeded(id, object([("MapRunArn", run.into()), ("ResultWriterDetails", output)]));
    }
}

/// What stands in the results for an item that failed within the tolerance.
fn failed_item(fault: &Fault) -> Shared {
    let text = |text: &Option<String>| text.as_deref().map_or(Value::Null, Value::from);
    object([("Status", "FAILED".into()), ("Error", text(&fault.error)), ("Cause", text(&fault.cause))]).into()
}

/// One array out of an array of arrays.
fn flatten(result: Value) -> Value {
    let Value::Array(items) = result else { return result };
    let flat = items.into_iter().flat_map(|item| match item {
        Value::Array(inner) => inner,
        other => vec![other],
    });
    flat.collect()
}
