use super::*;
use crate::dead::read_dead;
use crate::seal::ProfileKey;
use crate::store::ObjectStoreBacked;
use arrow::array::{ArrayRef, Int64Array, StringArray};
use object_store::memory::InMemory;
use staunch_contract::{Field, Type};

fn contract(more: Option<&str>) -> Contract {
    let mut fields = vec![Field::new("k", Type::Long, false), Field::new("v", Type::String, true)];
    fields.extend(more.map(|name| Field::new(name, Type::String, true)));
    Contract { key: vec!["k".into()], ..Contract::new("item", 1, fields) }
}

fn rows() -> RecordBatch {
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(vec![1, 2, 3])),
        Arc::new(StringArray::from(vec![Some("one"), None, Some("canary-7f3a")])),
    ];
    RecordBatch::try_new(contract(None).arrow_schema(), columns).unwrap()
}

fn seal(store: &dyn Store, region: &str, tried: &[u32], dead: &[u64]) -> Result<Vec<DeadLetter>> {
    let (region, contract) = (RegionId(region.into()), contract(None));
    let by = RefusedBy {
        region: &region,
        write: "db/items",
        epoch: Epoch(4),
        read: "items",
        contract: &contract,
        tried,
    };
    let dead: Vec<(u64, String)> = dead.iter().map(|o| (*o, "check: size".to_owned())).collect();
    let rows: Rows<'_> = Box::new([Ok(rows().slice(0, 1)), Ok(rows().slice(1, 2))].into_iter());
    let sealer = ProfileKey::new([1; 32]).sealer();
    let segment = by.seal(store, format!("segments/{region}-{}", dead.len()), &dead, rows, &sealer)?;
    assert_eq!(segment.rows, dead.len() as u64);
    read_dead(store, &segment)?.collect()
}

fn store() -> ObjectStoreBacked {
    ObjectStoreBacked::new(Arc::new(InMemory::new()), "r")
}

#[test]
fn a_refused_row_comes_back_as_it_was_and_counts_its_attempts() {
    let store = store();
    let letters = seal(&store, "aa", &[1], &[0, 5, 7]).unwrap();
    let sealer = ProfileKey::new([1; 32]).sealer();
    let ids: Vec<_> = letters.iter().map(|l| (l.id.as_str(), l.attempts)).collect();
    assert_eq!(ids, [("db/items@4#0", 2), ("db/items@4#5", 1), ("db/items@4#7", 1)]);
    for (at, letter) in letters.iter().enumerate() {
        let (row, fingerprint) = letter.row(&sealer).unwrap();
        assert_eq!(row.columns(), rows().slice(at, 1).columns());
        assert_eq!(fingerprint, contract(None).fingerprint());
        assert_ne!(fingerprint, contract(Some("w")).fingerprint());
    }
    assert!(letters[0].row(&ProfileKey::new([2; 32]).sealer()).is_err());
    let stored = futures::executor::block_on(store.get("segments/aa-3")).unwrap().unwrap();
    assert!(!String::from_utf8(stored).unwrap().contains("canary"));
}

/// Two regions count their epochs alike; what they seal must not share a nonce. The same region seals the same bytes again.
#[test]
fn the_seal_is_of_the_region_and_repeats_itself() {
    let one = seal(&store(), "aa", &[], &[0, 1, 2]).unwrap();
    assert_eq!(one, seal(&store(), "aa", &[], &[0, 1, 2]).unwrap());
    let other = seal(&store(), "bb", &[], &[0, 1, 2]).unwrap();
    for (a, b) in one.iter().zip(&other) {
        assert_eq!(a.id, b.id);
        assert_ne!(a.sealed, b.sealed);
        let moved = DeadLetter { region: b.region.clone(), ..a.clone() };
        assert!(moved.raw(&ProfileKey::new([1; 32]).sealer()).is_err());
    }
}

#[test]
fn other_rows_than_were_named_are_a_bug() {
    for dead in [&[0, 1][..], &[0, 1, 2, 3]] {
        assert_eq!(seal(&store(), "aa", &[], dead).unwrap_err().code(), codes::INTERNAL);
    }
}

#[test]
fn a_letter_of_an_earlier_version_says_that_its_row_is_not_kept() {
    let mut letter = seal(&store(), "aa", &[], &[0, 1, 2]).unwrap().remove(0);
    letter.sealed.clear();
    let error = letter.row(&ProfileKey::new([1; 32]).sealer()).unwrap_err();
    assert!(error.message().contains("not kept"), "{error}");
}
