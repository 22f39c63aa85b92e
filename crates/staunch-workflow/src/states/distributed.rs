//! The fields of a Map state whose flow runs as executions of their own: where items come from, how they are batched, how many
//! may fail, and where results go.

use super::map::{float, int};
use crate::fault::Fault;
use crate::query::Scope;
use crate::query::template::{QueryLanguage, Template};
use crate::reader::{Reader, Setting};
use crate::states::task::Resource;
use crate::value::Value;
use serde::{Deserialize, Serialize};
use staunch_types::codes;

/// The fields.
#[derive(Debug, Clone)]
pub(crate) struct Distributed {
    pub(crate) label: String,
    pub(crate) reader: Option<ItemReader>,
    pub(crate) batcher: Option<ItemBatcher>,
    pub(crate) writer: Option<ResultWriter>,
    tolerated_count: Option<Setting<i128>>,
    tolerated_percentage: Option<Setting<f64>>,
}

/// `ItemReader`
#[derive(Debug, Clone)]
pub(crate) struct ItemReader {
    resource: Resource,
    arguments: Option<Template>,
    config: ReaderConfig,
    items_max: Option<Setting<i128>>,
}

/// How items are read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReaderConfig {
    /// `JSON`, `JSONL`, `CSV`, `PARQUET`, `MANIFEST`; nothing for a listing of objects.
    pub input_type: Option<String>,
    /// `FIRST_ROW` or `GIVEN`.
    pub csv_header_location: Option<String>,
    /// The names of the columns, where they are given.
    pub csv_headers: Vec<String>,
    /// `COMMA`, `PIPE`, `SEMICOLON`, `SPACE` or `TAB`.
    pub csv_delimiter: Option<String>,
    /// Where in a JSON document the items lie.
    pub items_pointer: Option<String>,
}

/// What is asked of the driver: items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReadItems {
    /// Where they come from.
    pub resource: Resource,
    /// What of it.
    pub arguments: Value,
    /// How they are read.
    pub config: ReaderConfig,
    /// No more than so many; `None` for all.
    pub items_max: Option<u64>,
}

/// `ItemBatcher`
#[derive(Debug, Clone)]
pub(crate) struct ItemBatcher {
    items_max: Option<Setting<i128>>,
    bytes_max: Option<Setting<i128>>,
    batch_input: Option<Template>,
}

/// `ResultWriter`
#[derive(Debug, Clone)]
pub(crate) struct ResultWriter {
    /// `None`: only the form of the results is changed.
    pub(crate) resource: Option<Resource>,
    arguments: Option<Template>,
    pub(crate) transformation: Option<String>,
    pub(crate) output_type: Option<String>,
}

/// What AWS does not take in a label.
const NOT_IN_LABEL: &str = "?*<>{}[]:;,\\|^~$#%&`\"";

impl Distributed {
    /// Reads the fields; `None` in a Map state that runs here, where they are only checked.
    pub(super) fn read(name: &str, reader: &Reader<'_>, is_distributed: bool) -> Option<Box<Self>> {
        let label = label(name, reader);
        let item_reader = reader.object("ItemReader").map(|r| ItemReader::read(&r));
        let batcher = reader.object("ItemBatcher").map(|r| ItemBatcher::read(&r));
        let writer = reader.object("ResultWriter").map(|r| ResultWriter::read(&r));
        let tolerated_count =
            reader.int_setting("ToleratedFailureCount", "ToleratedFailureCountPath", 0, 100_000_000);
        let tolerated_percentage =
            reader.setting("ToleratedFailurePercentage", "ToleratedFailurePercentagePath", |value| {
                let within = value.as_float().filter(|x| (0.0..=100.0).contains(x));
                if within.is_none() {
                    let what = "ToleratedFailurePercentage must be between 0 and 100".to_owned();
                    let path = reader.at("ToleratedFailurePercentage");
                    reader.notes.error(codes::BAD_VALUE, &path, what, "write a number between 0 and 100");
                }
                within
            });
        if !is_distributed {
            for field in ["ItemReader", "ItemBatcher", "ResultWriter"].iter().filter(|f| reader.has(f)) {
                let what = format!(
                    "'{field}' has an effect only where the ProcessorConfig says `Mode: DISTRIBUTED`"
                );
                reader.notes.error(
                    codes::BAD_VALUE,
                    &reader.at(field),
                    what,
                    "set the mode, or remove the field",
                );
            }
        }
        is_distributed.then(|| {
            Box::new(Self {
                label,
                reader: item_reader,
                batcher,
                writer,
                tolerated_count,
                tolerated_percentage,
            })
        })
    }

    /// How many items may fail, and how many of a hundred.
    pub(crate) fn tolerance(&self, scope: &Scope<'_>) -> Result<Tolerance, Fault> {
        let count = self.tolerated_count.as_ref().map(|s| int(s, scope)).transpose()?;
        let percentage = self.tolerated_percentage.as_ref().map(|s| float(s, scope)).transpose()?;
        if count.is_some_and(|n| n < 0) {
            return Err(Fault::runtime("ToleratedFailureCount cannot be negative."));
        }
        if percentage.is_some_and(|p| !(0.0..=100.0).contains(&p)) {
            return Err(Fault::runtime("ToleratedFailurePercentage must be between 0 and 100."));
        }
        Ok(Tolerance { count: count.and_then(|n| u64::try_from(n).ok()), percentage })
    }
}

/// How many items of a Map state may fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tolerance {
    /// So many.
    pub(crate) count: Option<u64>,
    /// So many of a hundred.
    pub(crate) percentage: Option<f64>,
}

impl Tolerance {
    /// Whether so many failures of so many items are too many. Each bound that is set is one that can be exceeded.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share of items")]
    pub(crate) fn exceeded(&self, failed: u64, of: u64) -> bool {
        if self.count.is_none() && self.percentage.is_none() {
            return failed > 0;
        }
        let by_count = self.count.is_some_and(|most| failed > most);
        let by_share = self.percentage.is_some_and(|most| failed as f64 * 100.0 > most * of as f64);
        by_count || by_share
    }
}

fn label(name: &str, reader: &Reader<'_>) -> String {
    let wrong = |what: String| {
        reader.notes.error(
            codes::BAD_NAME,
            &reader.at("Label"),
            what,
            "use letters, digits, `-` and `_`, up to 40",
        );
    };
    let Some(label) = reader.text("Label") else {
        return name.chars().filter(char::is_ascii_alphanumeric).take(40).collect();
    };
    if label.is_empty() {
        wrong("Label cannot be empty".to_owned());
    }
    if label.chars().count() > 40 {
        wrong("Label cannot exceed 40 characters".to_owned());
    }
    if let Some(c) = label.chars().find(|c| NOT_IN_LABEL.contains(*c) || c.is_control() || c.is_whitespace())
    {
        wrong(format!("Label contains invalid character: {c:?}"));
    }
    label.to_owned()
}

fn arguments(reader: &Reader<'_>) -> Option<Template> {
    match reader.language {
        QueryLanguage::JsonPath => reader.object_template("Parameters"),
        QueryLanguage::Jsonata => reader.template("Arguments"),
    }
}

fn evaluate(template: Option<&Template>, scope: &Scope<'_>) -> Result<Value, Fault> {
    template.map_or_else(|| Ok(Value::Object(crate::value::Map::new())), |t| t.evaluate(scope))
}

impl ItemReader {
    fn read(reader: &Reader<'_>) -> Self {
        let resource = Resource::parse(&reader.required_text("Resource"));
        let arguments = arguments(reader);
        let (mut config, mut items_max) = (ReaderConfig::default(), None);
        if let Some(r) = reader.object("ReaderConfig") {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            items_max = r.int_setting("MaxItems", "MaxItemsPath", 0, i128::from(u32::MAX));
            config = ReaderConfig {
                input_type: owned(r.word("InputType", &["JSON", "JSONL", "CSV", "PARQUET", "MANIFEST"])),
                csv_header_location: owned(r.word("CSVHeaderLocation", &["FIRST_ROW", "GIVEN"])),
                csv_headers: texts(r.field("CSVHeaders")),
                csv_delimiter: owned(r.word("CSVDelimiter", &["COMMA", "PIPE", "SEMICOLON", "SPACE", "TAB"])),
                items_pointer: owned(r.text("ItemsPointer")),
            };
            r.word("Transformation", &["NONE", "LOAD_AND_FLATTEN"]);
            r.word("ManifestType", &["S3_INVENTORY", "ATHENA_DATA"]);
            if config.input_type.as_deref() == Some("CSV") && config.csv_header_location.is_none() {
                r.missing("CSVHeaderLocation");
            }
            r.finish();
        }
        reader.finish();
        Self { resource, arguments, config, items_max }
    }

    /// What is asked of the driver.
    pub(crate) fn request(&self, scope: &Scope<'_>) -> Result<ReadItems, Fault> {
        let failed = |cause: &str| Fault::raised(crate::fault::names::ITEM_READER, cause);
        let items_max = self.items_max.as_ref().map(|s| int(s, scope)).transpose()?;
        if items_max.is_some_and(|n| n < 0) {
            return Err(failed("field MaxItems must be positive"));
        }
        let mut headers = self.config.csv_headers.clone();
        headers.sort();
        headers.dedup();
        if headers.len() < self.config.csv_headers.len() {
            return Err(failed("CSV headers cannot contain duplicates."));
        }
        Ok(ReadItems {
            resource: self.resource.clone(),
            arguments: evaluate(self.arguments.as_ref(), scope)?,
            config: self.config.clone(),
            // 0 stands for all, and so does what AWS cannot reach.
            items_max: items_max
                .and_then(|n| u64::try_from(n).ok())
                .filter(|n| (1..=100_000_000).contains(n)),
        })
    }
}

fn texts(value: Option<&Value>) -> Vec<String> {
    let items = value.and_then(Value::as_array).unwrap_or_default();
    items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

impl ItemBatcher {
    fn read(reader: &Reader<'_>) -> Self {
        let batcher = Self {
            items_max: reader.int_setting("MaxItemsPerBatch", "MaxItemsPerBatchPath", 0, 100_000_000),
            bytes_max: reader.int_setting("MaxInputBytesPerBatch", "MaxInputBytesPerBatchPath", 0, 262_144),
            batch_input: reader.template("BatchInput"),
        };
        if batcher.items_max.is_none() && batcher.bytes_max.is_none() {
            reader.missing("MaxItemsPerBatch or MaxInputBytesPerBatch");
        }
        reader.finish();
        batcher
    }

    /// The inputs of the executions: `{"BatchInput": …, "Items": […]}`.
    pub(crate) fn batches(&self, items: Vec<Value>, scope: &Scope<'_>) -> Result<Vec<Value>, Fault> {
        let bound = |setting: &Option<Setting<i128>>, name: &str| -> Result<usize, Fault> {
            let Some(setting) = setting else { return Ok(usize::MAX) };
            match int(setting, scope)? {
                n if n < 0 => Err(Fault::runtime(format!("{name} cannot be negative."))),
                0 => Ok(usize::MAX),
                n => Ok(usize::try_from(n).unwrap_or(usize::MAX)),
            }
        };
        let items_max = bound(&self.items_max, "MaxItemsPerBatch")?;
        let bytes_max = bound(&self.bytes_max, "MaxInputBytesPerBatch")?;
        let batch_input = self.batch_input.as_ref().map(|t| t.evaluate(scope)).transpose()?;
        let overhead = batch_input.as_ref().map_or(12, |v| v.to_json().len() + 26);
        let mut batches = Vec::new();
        let (mut batch, mut bytes) = (Vec::new(), overhead);
        for item in items {
            let length = if bytes_max == usize::MAX { 0 } else { item.to_json().len() + 1 };
            let full = batch.len() >= items_max || bytes.saturating_add(length) > bytes_max;
            if full && !batch.is_empty() {
                batches.push(std::mem::take(&mut batch));
                bytes = overhead;
            }
            bytes = bytes.saturating_add(length);
            batch.push(item);
        }
        if !batch.is_empty() {
            batches.push(batch);
        }
        let input = |items: Vec<Value>| {
            let mut map = crate::value::Map::new();
            map.extend(batch_input.clone().map(|v| ("BatchInput".to_owned(), v)));
            map.insert("Items".to_owned(), Value::Array(items));
            Value::Object(map)
        };
        Ok(batches.into_iter().map(input).collect())
    }
}

impl ResultWriter {
    fn read(reader: &Reader<'_>) -> Self {
        let resource = reader.text("Resource").map(Resource::parse);
        let arguments = arguments(reader);
        let (mut transformation, mut output_type) = (None, None);
        if let Some(config) = reader.object("WriterConfig") {
            transformation =
                config.word("Transformation", &["NONE", "COMPACT", "FLATTEN"]).map(str::to_owned);
            output_type = config.word("OutputType", &["JSON", "JSONL"]).map(str::to_owned);
            config.finish();
        }
        reader.finish();
        Self { resource, arguments, transformation, output_type }
    }

    pub(crate) fn arguments(&self, scope: &Scope<'_>) -> Result<Value, Fault> {
        evaluate(self.arguments.as_ref(), scope)
    }
}
