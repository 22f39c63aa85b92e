//! The first rows of published files.

use super::ParquetSink;
use super::partition::Partitions;
use super::writer::restore;
use crate::formats::parquet_write::decode;
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
pub(super) fn preview(sink: &ParquetSink, live: &[Segment], limit: usize) -> Result<RecordBatch> {
    let partitions = Partitions::new(&sink.contract, &sink.options.partition_by)?;
    let kept = partitions.kept(&sink.contract);
    let schema = nullable(&sink.contract.arrow_schema());
    let (mut parts, mut rows) = (Vec::new(), 0);
    for segment in live {
        let Some(target) = segment.target.as_deref().filter(|_| rows < limit) else { continue };
        let values = partitions.shown(target)?;
        for batch in decode(&sink.fs, &inside(&sink.options.folder, target)?)? {
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

/// A folder that is not of the fixed form is shown as null, whatever the contract says.
fn nullable(schema: &SchemaRef) -> SchemaRef {
    let fields = schema.fields().iter().map(|f| Field::new(f.name(), f.data_type().clone(), true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}
