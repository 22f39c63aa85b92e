use super::*;
use crate::store::ObjectStoreBacked;
use arrow::array::{ArrayRef, Int64Array, StringArray};
use object_store::memory::InMemory;
use staunch_contract::{Field, Type};

fn contract() -> Contract {
    let fields = vec![Field::new("id", Type::Long, false), Field::new("kind", Type::String, true)];
    Contract::new("item", 1, fields)
}

fn batch(ids: &[i64], kinds: &[Option<&str>]) -> RecordBatch {
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(ids.to_vec())), Arc::new(StringArray::from(kinds.to_vec()))];
    RecordBatch::try_new(contract().arrow_schema(), columns).unwrap()
}

/// The two ends of a spool: the columnar sum of the producer and the row-by-row sum of the writer.
#[test]
fn what_is_written_comes_back_and_both_ends_agree() {
    let store: Arc<dyn Store> = Arc::new(ObjectStoreBacked::new(Arc::new(InMemory::new()), "r"));
    let batches = [batch(&[1, 2], &[Some("a"), None]), batch(&[3], &[Some("c")])];
    let mut writer = SpoolWriter::create(&store, "spools/a".into(), "items", "out", &contract()).unwrap();
    let mut near = staunch_contract::hash::RowSum::default();
    for batch in &batches {
        near += staunch_contract::hash::sum(batch, &contract()).unwrap();
        writer.write(batch).unwrap();
    }
    let (segment, far) = writer.finish().unwrap();
    assert_eq!((segment.rows, far.rows, near.rows), (3, 3, 3));
    assert_eq!(far.hash, Some(HashSum(near.sum)));
    assert_eq!(
        segment.bytes as usize,
        futures::executor::block_on(store.get("spools/a")).unwrap().unwrap().len()
    );
    let back: Vec<RecordBatch> =
        read_spool(store.as_ref(), "spools/a", None).unwrap().map(Result::unwrap).collect();
    assert_eq!(back, batches);
    let ids: Vec<usize> = read_spool(store.as_ref(), "spools/a", Some(&[0]))
        .unwrap()
        .map(|b| b.unwrap().num_columns())
        .collect();
    assert_eq!(ids, [1, 1]);
}

#[test]
fn a_damaged_spool_is_an_error_that_names_it() {
    let store: Arc<dyn Store> = Arc::new(ObjectStoreBacked::new(Arc::new(InMemory::new()), "r"));
    let mut writer = SpoolWriter::create(&store, "spools/a".into(), "items", "out", &contract()).unwrap();
    writer.write(&batch(&[1], &[None])).unwrap();
    writer.finish().unwrap();
    let mut bytes = futures::executor::block_on(store.get("spools/a")).unwrap().unwrap();
    bytes.truncate(bytes.len() / 2);
    futures::executor::block_on(store.put_if_absent("spools/b", bytes)).unwrap();
    let outcome = read_spool(store.as_ref(), "spools/b", None).err().map(|e| e.to_string());
    assert!(outcome.is_some_and(|text| text.contains("spools/b")));
}
