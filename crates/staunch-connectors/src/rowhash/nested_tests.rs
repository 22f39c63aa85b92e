//! Both ends and the document agree on nested values.

use super::FarSum;
use crate::testdata::nested::{Draw, V, array, batch};
use arrow::record_batch::RecordBatch;
use staunch_contract::{Contract, Type, hash};
use staunch_types::{Rng, SeededRng};
use xxhash_rust::xxh3::xxh3_128;

/// The row bytes as section 1 of the document has them, from values that know nothing of Arrow.
fn specified(ty: &Type, value: &V, out: &mut Vec<u8>) {
    if matches!(value, V::Null) {
        return out.push(0);
    }
    out.push(1);
    bytes(ty, value, out);
}

fn count(n: usize, out: &mut Vec<u8>) {
    out.extend((n as u32).to_le_bytes());
}

fn bytes(ty: &Type, value: &V, out: &mut Vec<u8>) {
    match (ty, value) {
        (Type::Array(item), V::List(items)) => {
            count(items.len(), out);
            items.iter().for_each(|v| specified(&item.ty, v, out));
        }
        (Type::Map(inner), V::Map(entries)) => {
            count(entries.len(), out);
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
            for (key, value) in entries {
                count(key.len(), out);
                out.extend(key.as_bytes());
                specified(&inner.ty, value, out);
            }
        }
        (Type::Record(fields), V::Record(parts)) => {
            fields.iter().zip(parts).for_each(|(f, v)| specified(&f.ty, v, out));
        }
        (Type::Union(branches), V::Branch(at, inner)) => {
            count(*at, out);
            bytes(&branches[*at].ty, inner, out);
        }
        (Type::Boolean, V::Plain(t)) => out.push(u8::from(t == "true")),
        (Type::Float, V::Plain(t)) => out.extend(u32::from_str_radix(t, 16).unwrap().to_le_bytes()),
        (Type::Double, V::Plain(t)) => out.extend(u64::from_str_radix(t, 16).unwrap().to_le_bytes()),
        (Type::Decimal { .. }, V::Plain(t)) => out.extend(t.parse::<i128>().unwrap().to_le_bytes()),
        (Type::Bytes | Type::Fixed(_), V::Plain(t)) => {
            count(t.len() / 2, out);
            out.extend(hex::decode(t).unwrap());
        }
        (Type::String | Type::Enum(_) | Type::Uuid, V::Plain(t)) => {
            count(t.len(), out);
            out.extend(t.as_bytes());
        }
        (Type::Duration, V::Plain(t)) => {
            let n: Vec<i64> = t.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
            out.extend((n[0] as i32).to_le_bytes());
            out.extend((n[1] as i32).to_le_bytes());
            out.extend(((n[2] * 1000 + n[3]) * 1_000_000).to_le_bytes());
        }
        (_, V::Plain(t)) => out.extend(t.parse::<i64>().unwrap().to_le_bytes()),
        _ => panic!("{value:?} is no {ty}"),
    }
}

fn far(contract: &Contract, rows: &RecordBatch) -> (u64, String) {
    let mut sum = FarSum::new(contract);
    sum.add(rows).unwrap();
    (sum.rows(), sum.hex())
}

fn near(contract: &Contract, rows: &RecordBatch) -> (u64, String) {
    let sum = hash::sum(rows, contract).unwrap();
    (sum.rows, sum.hex())
}

#[test]
fn near_end_far_end_and_document_agree_on_random_nested_rows() {
    for seed in 0..400 {
        let rng = SeededRng::new(seed);
        let draw = Draw { rng: &rng, unions: true, durations: true };
        let contract = draw.contract();
        let rows = draw.rows(&contract, (rng.next() % 40) as usize);
        let sum_of = |rows: &[Vec<V>]| {
            let hash = |row: &Vec<V>| {
                let mut out = Vec::new();
                contract.fields.iter().zip(row).for_each(|(f, v)| specified(&f.ty, v, &mut out));
                xxh3_128(&out)
            };
            let sum = rows.iter().map(hash).fold(0_u128, u128::wrapping_add);
            (rows.len() as u64, format!("{sum:032x}"))
        };
        let whole = batch(&contract, &rows);
        let wanted = sum_of(&rows);
        assert_eq!(near(&contract, &whole), wanted, "near, seed {seed}");
        assert_eq!(far(&contract, &whole), wanted, "far, seed {seed}");
        // A slice is its rows alone, whatever lies beside them and under nulls.
        let (from, length) = (rows.len() / 3, rows.len() / 2);
        let wanted = sum_of(&rows[from..from + length]);
        assert_eq!(near(&contract, &whole.slice(from, length)), wanted, "near, seed {seed}, sliced");
        assert_eq!(far(&contract, &whole.slice(from, length)), wanted, "far, seed {seed}, sliced");
    }
}

const DOCUMENT: &str = include_str!("../../../../docs/design/0002-row-hash.md");

#[test]
fn the_nested_vectors_of_the_document_hold() {
    let mut count = 0;
    for line in DOCUMENT.lines().filter(|l| l.starts_with("{\"fields\"")) {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let text = format!("contract: c\nversion: 1\nfields: {}\n", vector["fields"].as_str().unwrap());
        let contract = Contract::from_yaml(&text, "x.yaml".as_ref()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("row");
        std::fs::write(&path, format!("{}\n", vector["row"])).unwrap();
        let none = crate::read::input::Compression::None;
        let mut rows =
            crate::formats::json_write::back::decode(&staunch_types::LocalFs, &path, &contract, none)
                .unwrap();
        let rows = rows.next().unwrap().unwrap();
        let hash = (1, vector["hash"].as_str().unwrap().to_owned());
        assert_eq!((near(&contract, &rows), far(&contract, &rows)), (hash.clone(), hash), "{line}");
        let bytes = hex::decode(vector["bytes"].as_str().unwrap()).unwrap();
        assert_eq!(format!("{:032x}", xxh3_128(&bytes)), vector["hash"].as_str().unwrap(), "{line}");
        count += 1;
    }
    assert_eq!(count, 7);
}

#[test]
fn maps_have_no_order_and_everything_else_does() {
    let hashes = |ty: &str, values: &[V]| {
        let text = format!("contract: c\nversion: 1\nfields: {{a: {ty}}}\n");
        let contract = Contract::from_yaml(&text, "x.yaml".as_ref()).unwrap();
        let field = &contract.fields[0];
        let one = |v: &V| {
            let rows = vec![array(&field.ty, field.nullable, &[v])];
            let rows = RecordBatch::try_new(contract.arrow_schema(), rows).unwrap();
            assert_eq!(near(&contract, &rows), far(&contract, &rows));
            near(&contract, &rows).1
        };
        values.iter().map(one).collect::<Vec<_>>()
    };
    let plain = |t: &str| V::Plain(t.to_owned());
    let entry = |k: &str, v: &str| (k.to_owned(), plain(v));
    let maps =
        [V::Map(vec![entry("a", "1"), entry("b", "2")]), V::Map(vec![entry("b", "2"), entry("a", "1")])];
    let found = hashes("{map: int}", &maps);
    assert_eq!(found[0], found[1]);
    let lists = [
        V::List(vec![plain("1"), plain("2")]),
        V::List(vec![plain("2"), plain("1")]),
        V::List(vec![plain("1")]),
        V::List(vec![]),
        V::List(vec![V::Null]),
        V::Null,
    ];
    let found = hashes("{array?: int?}", &lists);
    for (i, one) in found.iter().enumerate() {
        assert!(!found[..i].contains(one), "{i}");
    }
    let branches = [V::Branch(0, plain("7").into()), V::Branch(1, plain("7").into())];
    let found = hashes("{union: [int, long]}", &branches);
    assert_ne!(found[0], found[1]);
}
