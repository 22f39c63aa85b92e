//! Data in, data out: every case is a query, its inputs, and what comes of it.

mod contracts;
mod refused;
mod refused_cases;
mod shapes;
mod windows;

use super::{Relation, SessionSpec, Shape, StagePlan, plan_stage, session};
use crate::leaf::{Leaf, LeafBatches};
use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion::prelude::SessionContext;
use futures::StreamExt;
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::{Process, Sql};
use staunch_types::{Error, Place, Result};
use std::collections::BTreeMap;
use std::sync::Arc;

/// 2024-01-02T03:04:05Z
pub(crate) const NOW: i64 = 1_704_164_645_000_000;

/// An input with its rows.
#[derive(Clone)]
pub(crate) struct Input {
    pub(crate) relation: Relation,
    pub(crate) batches: Vec<RecordBatch>,
}

/// An input: columns as `name type, ...` (`?` for nullable), rows as lines of `value | value`.
pub(crate) fn input(name: &str, columns: &str, rows: &str) -> Input {
    let fields: Vec<Field> = columns
        .split(", ")
        .map(|c| {
            let (name, ty) = c.trim().split_once(' ').expect("name type");
            let (ty, nullable) = ty.strip_suffix('?').map_or((ty, false), |t| (t, true));
            Field::new(name, ty_of(ty), nullable)
        })
        .collect();
    let contract = Contract::new(name, 1, fields);
    let schema = contract.arrow_schema();
    let lines: Vec<Vec<&str>> = rows
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty())
        .map(|l| l.split('|').map(str::trim).collect())
        .collect();
    let columns: Vec<ArrayRef> = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(i, f)| {
            let text: StringArray = lines.iter().map(|l| Some(l[i]).filter(|v| *v != "NULL")).collect();
            cast(&text, f.data_type()).expect("values of the column's type")
        })
        .collect();
    let batch = RecordBatch::try_new(schema.clone(), columns).expect("rows of the contract");
    let relation = Relation {
        name: name.to_owned(),
        schema,
        contract: Arc::new(contract),
        reference: false,
        whole: false,
    };
    Input { relation, batches: vec![batch] }
}

fn ty_of(name: &str) -> Type {
    match name {
        "boolean" => Type::Boolean,
        "int" => Type::Int,
        "long" => Type::Long,
        "double" => Type::Double,
        "string" => Type::String,
        "date" => Type::Date,
        "timestamp" => Type::TimestampMicros,
        "decimal" => Type::Decimal { precision: 9, scale: 2 },
        other => panic!("no type {other}"),
    }
}

impl Input {
    pub(crate) fn reference(mut self) -> Self {
        self.relation.reference = true;
        self
    }

    pub(crate) fn whole(mut self) -> Self {
        self.relation.whole = true;
        self
    }

    fn change(mut self, f: impl FnOnce(&mut Contract)) -> Self {
        let mut contract = self.relation.contract.as_ref().clone();
        f(&mut contract);
        self.relation.contract = Arc::new(contract);
        self
    }

    pub(crate) fn key(self, key: &[&str]) -> Self {
        self.change(|c| c.key = key.iter().map(|k| (*k).to_owned()).collect())
    }

    pub(crate) fn event_time(self, field: &str) -> Self {
        self.change(|c| c.event_time = Some(field.to_owned()))
    }

    pub(crate) fn pii(self, field: &str, class: &str) -> Self {
        self.change(|c| {
            let field = c.fields.iter_mut().find(|f| f.name == field).expect("a field");
            field.pii.insert(class.to_owned());
        })
    }

    pub(crate) fn leaf(&self) -> Arc<dyn Leaf> {
        Arc::new(Rows {
            schema: self.relation.schema.clone(),
            batches: self.batches.clone(),
            bytes: None,
            fails: None,
        })
    }
}

/// A leaf over batches.
pub(crate) struct Rows {
    pub(crate) schema: SchemaRef,
    pub(crate) batches: Vec<RecordBatch>,
    pub(crate) bytes: Option<u64>,
    pub(crate) fails: Option<fn() -> Error>,
}

impl Leaf for Rows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn rows_hint(&self) -> Option<u64> {
        None
    }

    fn bytes_hint(&self) -> Option<u64> {
        self.bytes
    }

    fn open(&self, projection: Option<&[usize]>, partitions: usize) -> Result<Vec<LeafBatches>> {
        let mut slots: Vec<Vec<Result<RecordBatch>>> = (0..partitions).map(|_| Vec::new()).collect();
        for (i, batch) in self.batches.iter().enumerate() {
            let batch = match projection {
                Some(columns) => {
                    assert!(!columns.is_empty(), "a leaf is asked for at least one column");
                    batch.project(columns).expect("columns of the leaf")
                }
                None => batch.clone(),
            };
            slots[i % partitions].push(Ok(batch));
        }
        if let Some(fails) = self.fails {
            slots[0].push(Err(fails()));
        }
        Ok(slots.into_iter().map(|s| Box::new(s.into_iter()) as LeafBatches).collect())
    }
}

/// A process stage `out` whose SQL stands at line 10, column 5 of a file.
pub(crate) fn process(sql: &str) -> Process {
    let lines = sql.split('\n').count() as u64;
    let line_starts = (0..lines).map(|l| (10 + l, if l == 0 { 5 } else { 1 })).collect();
    Process {
        name: "out".into(),
        place: Place::file("pipelines/p.yaml").at(9, 3),
        sql: Sql { text: sql.into(), file: "pipelines/p.yaml".into(), line_starts },
        inputs: Vec::new(),
        contract: None,
        nondeterministic: false,
        declassify: BTreeMap::new(),
    }
}

pub(crate) fn plan_of(process: &Process, inputs: &[Input]) -> Result<StagePlan> {
    let relations: Vec<Relation> = inputs.iter().map(|i| i.relation.clone()).collect();
    plan_stage(process, &relations)
}

pub(crate) fn plan(sql: &str, inputs: &[Input]) -> Result<StagePlan> {
    plan_of(&process(sql), inputs)
}

pub(crate) fn test_session(memory: u64) -> (SessionContext, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("a folder");
    let spec = SessionSpec { memory, spill_dir: dir.path().to_owned(), partitions: 2, now: NOW };
    (session(spec).expect("a session"), dir)
}

/// Runs on a runtime with deep stacks, as the engine's is.
pub(crate) fn block_on<T: Send>(work: impl Future<Output = T> + Send) -> T {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(super::STACK_BYTES).spawn_scoped(scope, || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .thread_stack_size(super::STACK_BYTES)
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(work)
        });
        thread.expect("a thread").join().expect("no panic")
    })
}

/// The rows of a batch, a line each.
pub(crate) fn lines(batch: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<_> =
        batch.columns().iter().map(|c| ArrayFormatter::try_new(c, &options).expect("a formatter")).collect();
    (0..batch.num_rows())
        .map(|row| columns.iter().map(|c| c.value(row).to_string()).collect::<Vec<_>>().join(" | "))
        .collect()
}

/// What a query comes to: its rows (of a whole-input stage: sorted), its dead rows, and the counts of a per-row stage.
pub(crate) fn outcome(plan: &StagePlan, inputs: &[Input]) -> Result<Vec<String>> {
    let (session, _dir) = test_session(256 << 20);
    let leaves: BTreeMap<String, Arc<dyn Leaf>> =
        inputs.iter().map(|i| (i.relation.name.clone(), i.leaf())).collect();
    block_on(async {
        match &plan.shape {
            Shape::PerRow(row) => {
                let source = inputs.iter().find(|i| i.relation.name == row.source()).expect("the source");
                let chain = row.bind(&session, &leaves).await?;
                let mut text = Vec::new();
                for batch in &source.batches {
                    let batch = batch.project(&plan.used[row.source()]).expect("the used columns");
                    let numbers: Vec<u32> = (100..).take(batch.num_rows()).collect();
                    let out = chain.run(&batch, &numbers)?;
                    assert_eq!(
                        out.batch.schema(),
                        plan.contract.arrow_schema(),
                        "batches are of the contract's schema"
                    );
                    assert_eq!(out.rows.len(), out.batch.num_rows());
                    assert_eq!(out.emitted as usize, out.batch.num_rows());
                    assert_eq!(batch.num_rows() as u64, out.passed + out.filtered + out.dead.len() as u64);
                    text.extend(
                        lines(&out.batch).into_iter().zip(&out.rows).map(|(l, r)| format!("{r}: {l}")),
                    );
                    for dead in &out.dead {
                        let field = dead.field.as_deref().unwrap_or("-");
                        text.push(format!("{}: dead {} [{field}] {}", dead.row, dead.code.name, dead.reason));
                    }
                    text.push(format!(
                        "passed {} filtered {} dead {}",
                        out.passed,
                        out.filtered,
                        out.dead.len()
                    ));
                }
                Ok(text)
            }
            Shape::WholeInput(whole) => {
                let mut stream = whole.execute(&session, &leaves)?;
                let mut text = Vec::new();
                while let Some(batch) = stream.next().await {
                    let batch = batch?;
                    assert_eq!(
                        batch.schema(),
                        plan.contract.arrow_schema(),
                        "batches are of the contract's schema"
                    );
                    text.extend(lines(&batch));
                }
                text.sort();
                Ok(text)
            }
        }
    })
}

/// The one check: a query over inputs gives these lines (or this error).
pub(crate) fn check(sql: &str, inputs: &[Input], expected: &str) {
    let mut process = process(sql);
    process.nondeterministic = true;
    let found = plan_of(&process, inputs).and_then(|plan| outcome(&plan, inputs));
    let found = match found {
        Ok(lines) => lines.join("\n"),
        Err(error) => error.to_string(),
    };
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    assert_eq!(found, expected.join("\n"), "\nof: {sql}");
}
