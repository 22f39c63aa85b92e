//! Reading a folder of files.

mod glob;
mod infer;
mod layout;
mod options;
mod partition;

#[cfg(test)]
mod tests;

use crate::formats::avro::{self, AvroAgain, AvroFile, Wanted, Wants};
use crate::formats::csv::{CsvDecoder, FieldSource};
use crate::formats::json::JsonDecoder;
use crate::formats::parquet_read::{self, ParquetFile};
use crate::read::again::AgainWork;
use crate::read::cut::{Blank, Cutter};
use crate::read::drift::FileDrift;
use crate::read::field::FieldPlan;
use crate::read::input::{Compression, Input, Packing, verify_pin};
use crate::read::plan::{Projection, ReadPlan, ReadRequest};
use crate::read::split::{SplitSetup, TextDecoder, TextSplitter, read_head};
use crate::systems::holds::Holder;
use arrow::datatypes::SchemaRef;
pub use infer::{InferSpec, Inferred, avro, infer};
use options::{FileFormat, FileOptions};
use sha2::{Digest, Sha256};
use staunch_commit::source::RawRecord;
use staunch_commit::{ChunkWork, Drift, Listed, Origin, Source, SplitPoint, Splitter};
use staunch_contract::Contract;
use staunch_pipeline::units::show_duration;
use staunch_pipeline::{Late, OnDrift, Options, Treatment, Validate};
use staunch_types::{Error, Place, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a read of files is made of.
///
/// The connection has one option: `root`, a folder relative to the project (default: the project itself). The object has
///
/// | option | meaning | default |
/// |---|---|---|
/// | `path` | a pattern below the root: `*`, `**`, `?`, `[a-z]` | required |
/// | `format` | `csv`, `json` (one object per line), `parquet` or `avro` | required |
/// | `compression` | text: `auto` (by the ending of the name), `none`, `gzip`, `zstd` | `auto` |
/// | `header` | CSV: whether the first record names the columns | `true` |
/// | `delimiter`, `quote` | CSV: one ASCII character each | `,` and `"` |
/// | `nulls` | CSV: the texts that mean null; they replace the default (add `""` to keep it) | the empty field |
/// | `dates` | text: field to format, as chrono writes it (`%d.%m.%Y`) | RFC 3339 |
/// | `rename` | column in the file to field of the contract | |
/// | `partition` | fields that the path says: `year={year}/month={month}`; each value is a split | |
/// | `max_record` | the size beyond which a record is refused | 16 MiB |
/// | `max_expansion` | how many times its size an archive may hold, beyond 64 MiB | 200 |
/// | `chunk_bytes` | the least size of a chunk | 4 MiB |
///
/// With the default of `nulls` an empty field is null where the type has no empty value, and for a nullable text unless it
/// stands between quotation marks; a text that is never null is empty then.
#[derive(Debug, Clone)]
pub struct FilesSourceSpec {
    /// `connection/object`.
    pub name: String,
    /// The folder of the project.
    pub project: PathBuf,
    /// The options of the connection.
    pub connection: Options,
    /// The options of the object.
    pub object: Options,
    /// The contract of the read.
    pub contract: Arc<Contract>,
    /// The bound of lateness, if there is one.
    pub late_after: Option<Duration>,
    /// What happens to late rows.
    pub late: Late,
    /// Which columns are validated.
    pub validate: Validate,
    /// What happens to files that no longer look like the contract.
    pub on_drift: Option<OnDrift>,
    /// The treatment of each PII class.
    pub pii: BTreeMap<String, Treatment>,
    /// The token key of each PII class with [`Treatment::Token`], derived for `token/<class>`.
    pub token_keys: BTreeMap<String, [u8; 32]>,
    /// Overrides `chunk_bytes`; for tests.
    pub chunk_bytes: Option<usize>,
}

/// A folder of files as a [`Source`].
pub struct FilesSource {
    name: String,
    object: FileOptions,
    contract: Arc<Contract>,
    plan: Arc<ReadPlan>,
    chunk_bytes: usize,
    fingerprint: String,
    about: String,
    options: Vec<String>,
    ignored: Mutex<BTreeSet<String>>,
}

impl FilesSource {
    /// Checks the options.
    ///
    /// # Errors
    /// Every mistake of the options at once (`ST0005`, `ST0041`, ...), each with its place; `ST0032` for a PII class
    /// without a treatment; `ST0043` for a type that the format cannot hold.
    pub fn new(spec: FilesSourceSpec) -> Result<Self> {
        let object =
            FileOptions::read(&spec.project, &spec.connection, &spec.object, &spec.name, &spec.contract)?;
        let holder = match object.format {
            FileFormat::Avro => Holder::AvroSource,
            FileFormat::Csv => Holder::CsvSource,
            FileFormat::Json => Holder::JsonSource,
            FileFormat::Parquet => Holder::ParquetSource,
        };
        let place = spec.object.entries.get("format").map(|option| option.place.clone()).unwrap_or_default();
        if let Some(error) = Error::many(holder.check(&spec.contract, &place)) {
            return Err(error);
        }
        if object.format == FileFormat::Avro {
            Wanted::new(&spec.contract, &object.rename, &[]).map_err(|e| e.place(place))?;
        }
        let plan = ReadPlan::new(&ReadRequest {
            contract: &spec.contract,
            late_after: spec.late_after,
            late: spec.late,
            validate: spec.validate,
            on_drift: spec.on_drift,
            pii: &spec.pii,
            token_keys: &spec.token_keys,
            formats: &object.dates,
        })?;
        let chunk_bytes = spec.chunk_bytes.unwrap_or(object.chunk_bytes);
        Ok(Self {
            fingerprint: fingerprint(&spec),
            about: about(&spec, &object),
            options: options(&spec),
            name: spec.name,
            contract: spec.contract,
            plan: Arc::new(plan),
            chunk_bytes: chunk_bytes.clamp(1, 512 << 20),
            object,
            ignored: Mutex::new(BTreeSet::new()),
        })
    }

    /// The columns of the files opened so far that the contract does not name; they are ignored.
    #[must_use]
    pub fn ignored_columns(&self) -> Vec<String> {
        self.ignored.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    fn ignore(&self, columns: Vec<String>) {
        self.ignored.lock().unwrap_or_else(PoisonError::into_inner).extend(columns);
    }

    fn packing(&self, path: &str) -> Packing {
        let compression = match self.object.format {
            // Blocks are compressed, not files.
            FileFormat::Avro => Compression::None,
            _ => self.object.compression.unwrap_or_else(|| Compression::of_name(path)),
        };
        Packing { compression, max_expansion: self.object.max_expansion }
    }

    /// The rules by which text files are cut; a CSV file with one column has no blank lines.
    fn cutter(&self, columns: Option<usize>) -> Cutter {
        let csv = self.object.format == FileFormat::Csv;
        Cutter {
            quoting: csv.then_some((self.object.csv.delimiter, self.object.csv.quote)),
            blank: match (csv, columns) {
                (false, _) => Blank::Space,
                (true, Some(1)) => Blank::Never,
                (true, _) => Blank::Empty,
            },
            max_record: self.object.max_record,
        }
    }

    /// The decoder of a CSV file with this header, and how many columns it has.
    fn csv_decoder(
        &self,
        origin: &Listed,
        header: Option<Vec<u8>>,
        projection: &Arc<Projection>,
    ) -> Result<(Arc<dyn TextDecoder>, usize)> {
        let path = self.object.root.join(&origin.path);
        let constants = layout::constants(&self.object, &self.plan, &origin.path)?;
        let layout = layout::csv(&self.object, &self.plan, constants, header.as_deref(), &path)?;
        self.ignore(layout.drift.ignored());
        let decoder = CsvDecoder {
            spec: self.object.csv.clone(),
            plan: Arc::clone(&self.plan),
            projection: Arc::clone(projection),
            columns: layout.columns,
            max_record: self.object.max_record,
            header,
            sources: layout.sources,
            drift: layout.drift,
            unknown: layout.unknown,
        };
        Ok((Arc::new(decoder), layout.columns))
    }

    /// The decoder of a file of JSON lines. With `by_contract` its keys are the names of the contract's fields.
    fn json_decoder(
        &self,
        origin: &Listed,
        by_contract: bool,
        looks: bool,
        projection: &Arc<Projection>,
    ) -> Result<Arc<dyn TextDecoder>> {
        let sources = layout::constants(&self.object, &self.plan, &origin.path)?;
        let renames = if by_contract { &BTreeMap::new() } else { &self.object.rename };
        let keys = layout::keys(renames, &self.plan, &sources);
        let given = layout::given(renames, &self.plan, &sources);
        let (plan, projection) = (Arc::clone(&self.plan), Arc::clone(projection));
        Ok(Arc::new(JsonDecoder { plan, projection, sources, keys, given, looks }))
    }

    /// A container file of Avro.
    fn avro_file(&self, listed: &Listed, projection: Arc<Projection>) -> Result<AvroFile> {
        let sources = layout::constants(&self.object, &self.plan, &listed.path)?;
        Ok(AvroFile {
            path: glob::resolve(&self.object.root, &listed.path)?,
            pin: listed.clone(),
            plan: Arc::clone(&self.plan),
            projection,
            wants: self.wants(sources),
            max_record: self.object.max_record,
            max_expansion: self.object.max_expansion,
            chunk_bytes: self.chunk_bytes,
        })
    }

    fn wants(&self, sources: Vec<FieldSource>) -> Wants {
        Wants { contract: Arc::clone(&self.contract), rename: self.object.rename.clone(), sources }
    }

    /// Refuses a file of JSON with a key that the contract does not name, or without one that is never null. JSON has no schema but its objects: before a row of it is handed
    /// on, all of them are gone over.
    fn refuse_other_keys(&self, listed: &Listed) -> Result<()> {
        let path = glob::resolve(&self.object.root, &listed.path)?;
        let mut input = Input::open(&path, listed, self.packing(&listed.path))?;
        let head = read_head(&mut input, &self.cutter(None), false)?;
        let nothing = self.plan.project(Some(&[]))?;
        let decode = vec![false; self.plan.fields.len()];
        let projection = Arc::new(Projection { decode, ..nothing });
        let setup = SplitSetup {
            cutter: self.cutter(None),
            decoder: self.json_decoder(listed, false, true, &projection)?,
            plan: Arc::clone(&self.plan),
            projection,
            chunk_bytes: self.chunk_bytes,
        };
        let mut splitter = TextSplitter::new(input, head, &SplitPoint::default(), setup)?;
        let (mut drift, mut rows) = (Drift::default(), 0);
        while let Some((part, of)) = splitter.look()? {
            drift.add(&part);
            rows += of;
        }
        // Writers leave out keys that are null: that a field which may be null is nowhere says nothing.
        let sources = layout::constants(&self.object, &self.plan, &listed.path)?;
        let nowhere = |(f, source): &(&FieldPlan, FieldSource)| {
            matches!(source, FieldSource::Missing)
                && !f.nullable()
                && rows > 0
                && drift.absent.get(f.name()) == Some(&rows)
        };
        let fields = self.plan.fields.iter().zip(sources);
        let missing = fields.filter(nowhere).map(|(f, _)| f.name().to_owned()).collect();
        let unknown = drift.unknown.keys().map(|name| (name.clone(), None)).collect();
        let names: Vec<String> = drift.unknown.keys().cloned().collect();
        let found = FileDrift { unknown, missing, ..FileDrift::default() };
        let mut errors = found.refusals(&self.plan, &path, &names);
        if drift.others > 0 {
            let id = self.plan.contract_id();
            let message =
                format!("objects of the file have keys that {id} does not name, and that may be data");
            let hint = "look at them there; take objects with such keys in as a field that is a `map`, or pass them over with `on_drift: dead_letter`, or keep them with `on_drift: widen`";
            errors.push(Error::new(codes::DRIFT, message).place(Place::file(&path)).hint(hint));
        }
        Error::many(errors).map_or(Ok(()), Err)
    }

    fn open_text(
        &self,
        origin: &Origin,
        at: &SplitPoint,
        projection: Arc<Projection>,
    ) -> Result<Box<dyn Splitter>> {
        let listed = &origin.listed;
        let path = glob::resolve(&self.object.root, &listed.path)?;
        let mut input = Input::open(&path, listed, self.packing(&listed.path))?;
        let csv = self.object.format == FileFormat::Csv;
        let fresh = at.offset == 0 && !at.finished;
        if !csv && fresh && self.plan.refuses() {
            self.refuse_other_keys(listed)?;
        }
        let head = read_head(&mut input, &self.cutter(None), csv && self.object.csv.header)?;
        let (decoder, columns) = if csv {
            let (decoder, columns) = self.csv_decoder(listed, head.header.clone(), &projection)?;
            (decoder, Some(columns))
        } else {
            (self.json_decoder(listed, false, false, &projection)?, None)
        };
        let (cutter, plan) = (self.cutter(columns), Arc::clone(&self.plan));
        let setup = SplitSetup { cutter, decoder, plan, projection, chunk_bytes: self.chunk_bytes };
        Ok(Box::new(TextSplitter::new(input, head, at, setup)?))
    }
}

impl Source for FilesSource {
    fn contract(&self) -> &Arc<Contract> {
        &self.plan.output
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.plan.schema)
    }

    fn list(&self) -> Result<Vec<Listed>> {
        let found = self.object.glob.find(&self.object.root)?;
        if found.is_empty() {
            let pattern = &self.object.pattern;
            return Err(Error::new(codes::SOURCE_MISSING, format!("no file matches `{pattern}`"))
                .place(Place::file(&self.object.root))
                .hint(format!("check `path:` of `{}` in staunch.yaml", self.name)));
        }
        Ok(found)
    }

    fn open(&self, origin: &Origin, at: &SplitPoint, columns: Option<&[usize]>) -> Result<Box<dyn Splitter>> {
        let projection = Arc::new(self.plan.project(columns)?);
        if self.object.format.is_text() {
            return self.open_text(origin, at, projection);
        }
        if self.object.format == FileFormat::Avro {
            let (splitter, ignored) = avro::open(self.avro_file(&origin.listed, projection)?, at)?;
            self.ignore(ignored);
            return Ok(splitter);
        }
        let path = glob::resolve(&self.object.root, &origin.listed.path)?;
        let constants = layout::constants(&self.object, &self.plan, &origin.listed.path)?;
        let file = ParquetFile {
            path,
            pin: origin.listed.clone(),
            plan: Arc::clone(&self.plan),
            projection,
            keys: layout::keys(&self.object.rename, &self.plan, &constants),
            given: layout::given(&self.object.rename, &self.plan, &constants),
            sources: constants,
        };
        let (splitter, ignored) = parquet_read::open(file, at)?;
        self.ignore(ignored);
        Ok(splitter)
    }

    fn again(&self, origin: &Origin, records: &[RawRecord]) -> Result<Box<dyn ChunkWork>> {
        let listed = &origin.listed;
        let projection = Arc::new(self.plan.project(None)?);
        let decoder = match self.object.format {
            FileFormat::Avro => {
                // A letter says itself how it was written: the file may be gone.
                let sources = layout::constants(&self.object, &self.plan, &listed.path)?;
                let (path, wants) = (self.object.root.join(&listed.path), self.wants(sources));
                let (plan, projection) = (Arc::clone(&self.plan), Arc::clone(&projection));
                Arc::new(AvroAgain::new(path, plan, projection, wants)) as Arc<dyn TextDecoder>
            }
            FileFormat::Csv => {
                let mut header = None;
                if self.object.csv.header {
                    let path = glob::resolve(&self.object.root, &listed.path)?;
                    let mut input = Input::open_unpinned(&path, self.packing(&listed.path))?;
                    header = read_head(&mut input, &self.cutter(None), true)?.header;
                }
                self.csv_decoder(listed, header, &projection)?.0
            }
            FileFormat::Json => self.json_decoder(listed, false, false, &projection)?,
            // The raw form of a Parquet row is JSON under the names of the contract.
            FileFormat::Parquet => self.json_decoder(listed, true, false, &projection)?,
        };
        let plan = Arc::clone(&self.plan);
        Ok(Box::new(AgainWork { decoder, plan, projection, records: records.to_vec() }))
    }

    fn digest(&self, listed: &Listed) -> Result<String> {
        let path = glob::resolve(&self.object.root, &listed.path)?;
        if self.object.format == FileFormat::Parquet {
            verify_pin(&path, listed)?;
            return parquet_read::digest(&path);
        }
        let mut input = Input::open(&path, listed, self.packing(&listed.path))?;
        let mut block = Vec::new();
        while !input.ended() {
            block.clear();
            input.fill(&mut block, 1 << 20)?;
            input.pass(&block);
        }
        input.verify()?;
        Ok(input.digest())
    }

    fn split(&self, path: &str) -> String {
        let values = self.object.partition.as_ref().and_then(|p| p.read(path)).unwrap_or_default();
        let values: Vec<String> = values.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        values.join("/")
    }

    fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    fn object(&self) -> &str {
        &self.name
    }

    fn options(&self) -> Vec<String> {
        self.options.clone()
    }

    fn describe(&self) -> String {
        let mut text = self.about.clone();
        let ignored = self.ignored_columns();
        if !ignored.is_empty() {
            let _ = write!(text, ", columns ignored: {}", ignored.join(", "));
        }
        text
    }
}

impl std::fmt::Debug for FilesSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = &self.name;
        f.debug_struct("FilesSource")
            .field("name", name)
            .field("contract", &self.contract.id())
            .finish_non_exhaustive()
    }
}

/// How much is decoded at once, or unpacked at most, changes nothing that is read.
fn decides(key: &str) -> bool {
    !matches!(key, "chunk_bytes" | "max_expansion")
}

/// The options of the object that decide what is read, and the treatment of each personal class.
fn options(spec: &FilesSourceSpec) -> Vec<String> {
    let options = spec.object.entries.iter().filter(|(key, _)| decides(key));
    let mut lines: Vec<String> = options.map(|(key, option)| format!("{key}: {}", option.value)).collect();
    for class in spec.contract.fields.iter().flat_map(|f| &f.pii).collect::<BTreeSet<_>>() {
        lines.push(format!("pii {class}: {:?}", spec.pii.get(class)));
    }
    lines
}

/// sha256 of everything that decides what a file reads as, in a fixed text form.
fn fingerprint(spec: &FilesSourceSpec) -> String {
    let mut text = format!("files 1\nname {}\ncontract {}\n", spec.name, spec.contract.fingerprint());
    for (which, options) in [("connection", &spec.connection), ("object", &spec.object)] {
        for (key, option) in options.entries.iter().filter(|(key, _)| decides(key)) {
            let _ = writeln!(text, "{which} {key:?} {}", option.value);
        }
    }
    let late_after = spec.late_after.map(|d| d.as_micros());
    let _ = writeln!(text, "late {late_after:?} {:?}\nvalidate {:?}", spec.late, spec.validate);
    // Without it nothing has changed since there was none.
    if let Some(policy) = spec.on_drift {
        let _ = writeln!(text, "on_drift {}", policy.word());
    }
    for class in spec.contract.fields.iter().flat_map(|f| &f.pii).collect::<BTreeSet<_>>() {
        let _ = writeln!(text, "pii {class:?} {:?}", spec.pii.get(class));
    }
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// One line for `plan`.
fn about(spec: &FilesSourceSpec, object: &FileOptions) -> String {
    let mut parts = Vec::new();
    parts.push(format!("files `{}`", object.pattern));
    parts.push(object.format.word().to_owned());
    if object.format.is_text() {
        parts.push(
            match object.compression {
                None => "compression by name",
                Some(Compression::None) => "not compressed",
                Some(Compression::Gzip) => "gzip",
                Some(Compression::Zstd) => "zstd",
            }
            .to_owned(),
        );
    }
    parts.push(
        match spec.validate {
            Validate::All => "validates all columns",
            Validate::Used => "validates used columns only",
        }
        .to_owned(),
    );
    parts.push(match (spec.late_after, spec.late) {
        (None, _) => "nothing is late".to_owned(),
        (Some(bound), Late::Keep) => format!("late after {}", show_duration(bound)),
        (Some(bound), Late::Include) => format!("late after {}, but included", show_duration(bound)),
    });
    if let Some(policy) = spec.on_drift {
        parts.push(format!("on drift: {}", policy.word()));
    }
    for field in spec.contract.fields.iter().filter(|f| !f.pii.is_empty()) {
        let word = match Treatment::of(&field.pii, &spec.pii).map(|(treatment, _)| treatment) {
            Some(Treatment::Keep) => "kept",
            Some(Treatment::Mask) => "masked",
            Some(Treatment::Token) => "tokenised",
            Some(Treatment::Drop) | None => "dropped",
        };
        parts.push(format!("`{}` ({}) {word}", field.name, field.classes()));
    }
    parts.join(", ")
}
