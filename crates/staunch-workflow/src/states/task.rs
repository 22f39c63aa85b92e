//! Task: has something done outside, and waits for its result.

use crate::definition::Type;
use crate::fault::Fault;
use crate::query::Scope;
use crate::query::template::Template;
use crate::reader::{Reader, Setting};
use crate::value::Value;
use serde::{Deserialize, Serialize};
use staunch_types::codes;

/// The longest that AWS waits for a task.
const SECONDS_MAX: i128 = 99_999_999;

/// The fields of a Task state.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) resource: Resource,
    pub(crate) credentials: Option<Template>,
    timeout: Option<Setting<i128>>,
    heartbeat: Option<Setting<i128>>,
}

/// What a task asks for, taken apart as AWS does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// As it was written.
    pub text: String,
    /// How its events are called.
    pub kind: ResourceKind,
    /// The service: `lambda`, `aws-sdk:s3`, `staunch`.
    pub service: String,
    /// What of the service, with its pattern: `invoke.waitForTaskToken`.
    pub action: String,
}

/// How the events of a task are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResourceKind {
    /// A function by its own name: `LambdaFunctionScheduled`.
    Lambda,
    /// Work that somebody fetches: `ActivityScheduled`.
    Activity,
    /// A service: `TaskScheduled`.
    Service,
}

impl Resource {
    /// Takes a resource apart. What is no ARN of AWS is `service:action`.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let (kind, service, action) = match text.strip_prefix("arn:") {
            Some(arn) => {
                let mut parts = arn.splitn(5, ':').skip(1);
                let service = parts.next().unwrap_or_default();
                let (_region, _account) = (parts.next(), parts.next());
                let rest = parts.next().unwrap_or_default();
                match (service, rest.split_once(':')) {
                    ("lambda", _) => (ResourceKind::Lambda, "lambda", rest),
                    ("states", Some(("activity", name))) => (ResourceKind::Activity, "activity", name),
                    ("states", Some(("aws-sdk", rest))) => {
                        let (name, action) = rest.split_once(':').unwrap_or((rest, ""));
                        let service = format!("aws-sdk:{name}");
                        return Self {
                            text: text.to_owned(),
                            kind: ResourceKind::Service,
                            service,
                            action: action.to_owned(),
                        };
                    }
                    ("states", Some((service, action))) => (ResourceKind::Service, service, action),
                    (service, _) => (ResourceKind::Service, service, rest),
                }
            }
            None => {
                let (service, action) = text.split_once(':').unwrap_or(("", text));
                (ResourceKind::Service, service, action)
            }
        };
        Self { text: text.to_owned(), kind, service: service.to_owned(), action: action.to_owned() }
    }

    /// Whether the task only begins the work, whose end is awaited: `.sync`, `.sync:2`, `.waitForTaskToken`.
    #[must_use]
    pub fn awaits(&self) -> bool {
        self.action.ends_with(".waitForTaskToken") || self.is_sync()
    }

    fn is_sync(&self) -> bool {
        self.action.ends_with(".sync") || self.action.ends_with(".sync:2")
    }
}

impl Task {
    pub(super) fn read(reader: &Reader<'_>, kind: Type) -> Self {
        let resource = Resource::parse(&reader.required_text("Resource"));
        if reader.has("Resource") {
            check(&resource, reader, kind);
        }
        let timeout = reader.int_setting("TimeoutSeconds", "TimeoutSecondsPath", 1, SECONDS_MAX);
        let heartbeat = reader.int_setting("HeartbeatSeconds", "HeartbeatSecondsPath", 1, SECONDS_MAX);
        if let (Some(Setting::Fixed(timeout)), Some(Setting::Fixed(heartbeat))) = (&timeout, &heartbeat)
            && heartbeat >= timeout
        {
            let what = "HeartbeatSeconds must be smaller than TimeoutSeconds".to_owned();
            reader.notes.error(codes::BAD_VALUE, &reader.at("HeartbeatSeconds"), what, "lower it");
        }
        let credentials = reader.template("Credentials");
        if let Some(Value::Object(map)) = reader.map.get("Credentials")
            && !["RoleArn", "RoleArn.$"].iter().any(|name| map.contains_key(*name))
        {
            let what = "The field 'RoleArn' is required but was missing".to_owned();
            reader.notes.error(codes::MISSING_KEY, &reader.at("Credentials"), what, "add it");
        }
        Self { resource, credentials, timeout, heartbeat }
    }

    /// The seconds after which the task has failed.
    pub(crate) fn timeout_seconds(&self, scope: &Scope<'_>) -> Result<Option<u64>, Fault> {
        self.timeout.as_ref().map(|s| positive(s, "TimeoutSeconds", scope)).transpose()
    }

    /// The seconds within which the task must send a sign of life.
    pub(crate) fn heartbeat_seconds(&self, scope: &Scope<'_>) -> Result<Option<u64>, Fault> {
        self.heartbeat.as_ref().map(|s| positive(s, "HeartbeatSeconds", scope)).transpose()
    }
}

fn positive(setting: &Setting<i128>, name: &str, scope: &Scope<'_>) -> Result<u64, Fault> {
    let seconds = super::map::int(setting, scope)?;
    match u64::try_from(seconds) {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err(Fault::runtime(format!("{name} must be positive."))),
    }
}

/// The services that AWS integrates by their own names, with all their actions. Everything else of AWS goes through `aws-sdk`.
/// Source: "Integrating AWS services", Step Functions Developer Guide.
const SERVICES: &[(&str, &[&str])] = &[
    ("apigateway", &["invoke"]),
    ("athena", &["startQueryExecution", "stopQueryExecution", "getQueryExecution", "getQueryResults"]),
    ("batch", &["submitJob"]),
    ("bedrock", &["invokeModel", "createModelCustomizationJob"]),
    (
        "codebuild",
        &[
            "startBuild",
            "stopBuild",
            "batchDeleteBuilds",
            "batchGetReports",
            "startBuildBatch",
            "stopBuildBatch",
            "retryBuildBatch",
            "deleteBuildBatch",
        ],
    ),
    ("databrew", &["startJobRun"]),
    ("dynamodb", &["getItem", "putItem", "deleteItem", "updateItem"]),
    ("ecs", &["runTask"]),
    (
        "eks",
        &[
            "createCluster",
            "deleteCluster",
            "createFargateProfile",
            "deleteFargateProfile",
            "createNodegroup",
            "deleteNodegroup",
            "runJob",
            "call",
        ],
    ),
    (
        "elasticmapreduce",
        &[
            "createCluster",
            "terminateCluster",
            "addStep",
            "cancelStep",
            "setClusterTerminationProtection",
            "modifyInstanceFleetByName",
            "modifyInstanceGroupByName",
        ],
    ),
    ("emr-containers", &["createVirtualCluster", "deleteVirtualCluster", "startJobRun", "createJobRun"]),
    (
        "emr-serverless",
        &[
            "createApplication",
            "deleteApplication",
            "startApplication",
            "stopApplication",
            "startJobRun",
            "cancelJobRun",
        ],
    ),
    ("events", &["putEvents"]),
    ("glue", &["startJobRun"]),
    ("http", &["invoke"]),
    ("lambda", &["invoke"]),
    ("mediaconvert", &["createJob"]),
    (
        "sagemaker",
        &[
            "createEndpoint",
            "createEndpointConfig",
            "createHyperParameterTuningJob",
            "createLabelingJob",
            "createModel",
            "createProcessingJob",
            "createTrainingJob",
            "createTransformJob",
            "updateEndpoint",
        ],
    ),
    ("sns", &["publish"]),
    ("sqs", &["sendMessage"]),
    ("states", &["startExecution"]),
];

/// `function:NAME` or `function:NAME:VERSION`
fn is_function(action: &str) -> bool {
    let Some(name) = action.strip_prefix("function:") else { return false };
    let is_name =
        |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "-_$".contains(c));
    match name.split_once(':') {
        None => is_name(name),
        Some((name, version)) => {
            is_name(name) && is_name(version) && (version == "$LATEST" || !version.contains('$'))
        }
    }
}

/// Whether AWS, or Staunch, knows the resource.
fn check(resource: &Resource, reader: &Reader<'_>, kind: Type) {
    let wrong =
        |what: String, hint: &str| reader.notes.error(codes::BAD_VALUE, &reader.at("Resource"), what, hint);
    let text = &resource.text;
    let is_service = text.starts_with("arn:") && resource.kind == ResourceKind::Service;
    // A name that a deployment fills in is not known yet.
    let open = text.contains("${");
    if is_service && !open && text.contains(":states:::") && !resource.service.starts_with("aws-sdk:") {
        let action = resource.action.split('.').next().unwrap_or_default();
        let known = SERVICES
            .iter()
            .any(|(service, actions)| *service == resource.service && actions.contains(&action));
        if !known {
            wrong(
                format!(
                    "The resource provided {text} is not recognized. The value is not a valid resource ARN, or the resource is not \
                     available in this region."
                ),
                "name an integration of Step Functions, or use `aws-sdk:service:action`",
            );
        }
    }
    if resource.kind == ResourceKind::Lambda && !open && !is_function(&resource.action) {
        let what = "The resource is not the ARN of a Lambda function".to_owned();
        wrong(what, "write `function:NAME`, with a version or an alias behind another `:`");
    }
    if text.is_empty() {
        wrong("The resource is empty".to_owned(), "name what is to be done");
    }
    if kind == Type::Express {
        if resource.kind == ResourceKind::Activity {
            wrong(
                "Express state machine does not support Activity ARN".to_owned(),
                "use a standard workflow",
            );
        } else if resource.awaits() {
            let pattern = if resource.is_sync() { ".sync" } else { ".waitForTaskToken" };
            let what = format!("Express state machine does not support '{pattern}' service integration");
            wrong(what, "use a standard workflow");
        }
    }
}
