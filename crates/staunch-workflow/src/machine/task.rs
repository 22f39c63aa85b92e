//! Task states: work begins, shows signs of life, ends.

use super::data;
use super::execution::Phase;
use super::protocol::{Effect, Work};
use super::run::{Field, Run, text};
use crate::fault::{Fault, names};
use crate::states::Kind;
use crate::states::task::{Resource, ResourceKind, Task};
use crate::value::{Shared, Value};

/// What is asked of a task.
struct Request {
    arguments: Value,
    credentials: Option<Value>,
    timeout: Option<u64>,
    heartbeat: Option<u64>,
}

impl Run<'_> {
    /// Asks for a task.
    pub(super) fn schedule(&mut self, id: u64, task: &Task) -> Result<(), Fault> {
        let token = self.chance.uuid();
        let request = self.in_scope(id, Some(&token), |state, scope| {
            let effective = data::effective_input(state, scope)?;
            let inner = scope.with_input(&effective);
            Ok(Request {
                arguments: data::arguments(state, scope, &effective)?,
                credentials: task.credentials.as_ref().map(|t| t.evaluate(&inner)).transpose()?,
                timeout: task.timeout_seconds(&inner)?,
                heartbeat: task.heartbeat_seconds(&inner)?,
            })
        })?;
        let arguments = Shared::from(request.arguments);
        let mut fields = Vec::new();
        match task.resource.kind {
            ResourceKind::Service => {
                fields.extend(of_service(&task.resource));
                fields.push(text("region", &self.execution.identity.region));
                fields.push(("parameters", arguments.clone()));
            }
            _ => {
                fields.push(text("resource", &task.resource.text));
                fields.push(("input", arguments.clone()));
            }
        }
        fields.extend(request.timeout.map(|s| ("timeoutInSeconds", Value::from(s).into())));
        fields.extend(request.heartbeat.map(|s| ("heartbeatInSeconds", Value::from(s).into())));
        fields.extend(request.credentials.clone().map(|c| ("taskCredentials", c.into())));
        self.note(id, event(&task.resource, Stage::Scheduled), fields);
        let work = self.number();
        self.execution.awaited.insert(work, id);
        let timeout = request.timeout.map(|seconds| self.timer(id, self.after(seconds)));
        let heartbeat = request.heartbeat.map(|seconds| (self.timer(id, self.after(seconds)), seconds));
        let (state, attempt) = self.active(id).map(|a| (a.state.clone(), a.attempt())).unwrap_or_default();
        let what = Work::Task {
            resource: task.resource.clone(),
            arguments,
            credentials: request.credentials,
            token,
        };
        self.effect(Effect::Work { work, state, attempt, what: Box::new(what) });
        self.set_phase(id, Phase::Working { work, timeout, heartbeat, seen_started: false });
        Ok(())
    }

    fn resource(&self, id: u64) -> Option<Resource> {
        match &self.state(id)?.kind {
            Kind::Task(task) => Some(task.resource.clone()),
            _ => None,
        }
    }

    pub(super) fn started(&mut self, work: u64, worker: Option<String>) {
        let Some(id) = self.execution.awaited.get(&work).copied() else { return };
        let Some(resource) = self.resource(id) else { return };
        let Some(Phase::Working { seen_started, .. }) = self.active_mut(id).map(|a| &mut a.phase) else {
            return;
        };
        if std::mem::replace(seen_started, true) {
            return;
        }
        let mut fields = Vec::new();
        if resource.kind == ResourceKind::Service {
            fields.extend(of_service(&resource));
        }
        fields.extend(worker.map(|w| text("workerName", &w)));
        self.note(id, event(&resource, Stage::Started), fields);
    }

    pub(super) fn submitted(&mut self, work: u64, output: Value) {
        self.started(work, None);
        let Some(id) = self.execution.awaited.get(&work).copied() else { return };
        let Some(resource) = self.resource(id).filter(|r| r.kind == ResourceKind::Service) else { return };
        let mut fields = of_service(&resource).to_vec();
        fields.push(("output", output.into()));
        self.note(id, "TaskSubmitted", fields);
    }

    pub(super) fn heartbeat(&mut self, work: u64) {
        let Some(id) = self.execution.awaited.get(&work).copied() else { return };
        let Some(Phase::Working { heartbeat: Some((timer, seconds)), .. }) =
            self.active(id).map(|a| a.phase.clone())
        else {
            return;
        };
        self.quiet(timer);
        let again = self.timer(id, self.after(seconds));
        if let Some(Phase::Working { heartbeat, .. }) = self.active_mut(id).map(|a| &mut a.phase) {
            *heartbeat = Some((again, seconds));
        }
    }

    pub(super) fn succeeded(&mut self, work: u64, output: Value) {
        let Some(id) = self.execution.awaited.get(&work).copied() else { return };
        if !output.fits(crate::value::DEPTH_MAX) {
            return self.failed(work, Fault::too_deep());
        }
        match self.active(id).map(|a| a.phase.clone()) {
            Some(Phase::Working { .. }) => {
                self.started(work, None);
                self.end_work(id, work);
                let Some(resource) = self.resource(id) else { return };
                let output = Shared::from(output);
                let mut fields = Vec::new();
                if resource.kind == ResourceKind::Service {
                    fields.extend(of_service(&resource));
                }
                fields.push(("output", output.clone()));
                self.note(id, event(&resource, Stage::Succeeded), fields);
                self.done(id, output.into_value());
            }
            Some(Phase::Reading { .. }) => {
                self.execution.awaited.remove(&work);
                self.items_read(id, output);
            }
            Some(Phase::Writing { run, .. }) => {
                self.execution.awaited.remove(&work);
                self.results_written(id, &run, output);
            }
            _ => {}
        }
    }

    pub(super) fn failed(&mut self, work: u64, fault: Fault) {
        let Some(id) = self.execution.awaited.get(&work).copied() else { return };
        match self.active(id).map(|a| a.phase.clone()) {
            Some(Phase::Working { .. }) => {
                self.started(work, None);
                self.end_work(id, work);
                let Some(resource) = self.resource(id) else { return };
                let timed_out = matches!(fault.name(), names::TIMEOUT | names::HEARTBEAT);
                let stage = if timed_out { Stage::TimedOut } else { Stage::Failed };
                let mut fields = Vec::new();
                if resource.kind == ResourceKind::Service {
                    fields.extend(of_service(&resource));
                }
                fields.extend(fault.error.as_deref().map(|e| text("error", e)));
                fields.extend(fault.cause.as_deref().map(|c| text("cause", c)));
                self.note(id, event(&resource, stage), fields);
                self.fail(id, fault);
            }
            Some(Phase::Reading { .. } | Phase::Writing { .. }) => {
                self.execution.awaited.remove(&work);
                self.fail(id, fault);
            }
            _ => {}
        }
    }

    /// Nobody waits for the work or its timers any more.
    fn end_work(&mut self, id: u64, work: u64) {
        self.execution.awaited.remove(&work);
        if let Some(Phase::Working { timeout, heartbeat, .. }) = self.active(id).map(|a| a.phase.clone()) {
            timeout.into_iter().chain(heartbeat.map(|(t, _)| t)).for_each(|timer| self.quiet(timer));
        }
    }
}

fn of_service(resource: &Resource) -> [Field; 2] {
    [text("resourceType", &resource.service), text("resource", &resource.action)]
}

#[derive(Clone, Copy)]
enum Stage {
    Scheduled,
    Started,
    Succeeded,
    Failed,
    TimedOut,
}

/// The name of an event of a task.
fn event(resource: &Resource, stage: Stage) -> &'static str {
    use ResourceKind::{Activity, Lambda, Service};
    match (resource.kind, stage) {
        (Service, Stage::Scheduled) => "TaskScheduled",
        (Service, Stage::Started) => "TaskStarted",
        (Service, Stage::Succeeded) => "TaskSucceeded",
        (Service, Stage::Failed) => "TaskFailed",
        (Service, Stage::TimedOut) => "TaskTimedOut",
        (Lambda, Stage::Scheduled) => "LambdaFunctionScheduled",
        (Lambda, Stage::Started) => "LambdaFunctionStarted",
        (Lambda, Stage::Succeeded) => "LambdaFunctionSucceeded",
        (Lambda, Stage::Failed) => "LambdaFunctionFailed",
        (Lambda, Stage::TimedOut) => "LambdaFunctionTimedOut",
        (Activity, Stage::Scheduled) => "ActivityScheduled",
        (Activity, Stage::Started) => "ActivityStarted",
        (Activity, Stage::Succeeded) => "ActivitySucceeded",
        (Activity, Stage::Failed) => "ActivityFailed",
        (Activity, Stage::TimedOut) => "ActivityTimedOut",
    }
}
