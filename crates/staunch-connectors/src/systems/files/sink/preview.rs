//! The first rows of published files.

use super::FilesSink;
use super::format::Kind;
use super::partition::Partitions;
use super::writer::{inner, restore};
use crate::systems::shown;
use crate::systems::staged::inside;
use arrow::array::ArrayRef;
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::RecordBatch;
use staunch_commit::Segment;
use staunch_types::{Error, Result, codes};
use std::sync::Arc;

/// At most `limit` rows, in the order of the files.
pub(super) fn preview(sink: &FilesSink, live: &[Segment], limit: usize) -> Result<RecordBatch> {
    let partitions = Partitions::new(&sink.contract, &sink.options.partition_by)?;
    let kept = partitions.kept(&sink.contract);
    let inner = inner(&sink.contract, &kept);
    let schema = nullable(&sink.contract.arrow_schema());
    let (mut parts, mut rows) = (Vec::new(), 0);
    for segment in live {
        let Some(target) = segment.target.as_deref().filter(|_| rows < limit) else { continue };
        let values = partitions.shown(target)?;
        let (kind, _) = Kind::of(target).ok_or_else(unnamed)?;
        for batch in kind.decode(&sink.fs, &inside(&sink.options.folder, target)?, &inner)? {
            let batch = restore(&batch?, &schema, &kept, partitions.positions().zip(&values))?;
            let batch = batch.slice(0, batch.num_rows().min(limit - rows));
            rows += batch.num_rows();
            parts.push(batch);
            if rows >= limit {
                break;
            }
        }
    }
    let whole = concat_batches(&schema, &parts).map_err(|_| {
        Error::new(codes::SINK_SCHEMA, "the published files do not have the columns of the contract")
            .hint("run the pipeline, or compare the files with the contract")
    })?;
    let columns: Vec<ArrayRef> = whole.columns().to_vec();
    shown::batch(&sink.contract, columns, rows)
}

fn unnamed() -> Error {
    Error::new(codes::STORE_CORRUPT, "a published file has a name that no sink gives")
        .hint("the manifest that names it is damaged: restore the state folder")
}

/// A folder that is not of the fixed form is shown as null, whatever the contract says.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
