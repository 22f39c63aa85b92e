//! Columns → bytes → columns is the identity, and every step is what the general way by values makes of it.

use super::encode::Encoder;
use super::program::Program;
use super::sheet::Sheet;
use super::wanted::Wanted;
use super::write;
use crate::formats::csv::FieldSource;
use crate::read::chain::Decoded;
use crate::read::fault::Fault;
use crate::testdata::nested::{Draw, V, batch};
use arrow::array::RecordBatch;
use staunch_contract::avro::{Codec, Cursor, Decoder, Kind, Limits, NodeId, Schema, Value};
use staunch_contract::{Contract, Field, Type};
use staunch_types::{LocalFs, Result, Rng, SeededRng};
use std::collections::BTreeMap;
use std::path::Path;

/// A value of the tests as one of Avro: by the texts of the tests alone.
fn value(schema: &Schema, node: NodeId, ty: &Type, v: &V) -> Value {
    if let Kind::Union(branches) = schema.kind(node) {
        let null = branches.iter().position(|b| *schema.kind(*b) == Kind::Null);
        let (number, inner) = match (v, ty) {
            (V::Null, _) => (null.unwrap(), Value::Null),
            (V::Branch(at, inner), Type::Union(parts)) => {
                if matches!(**inner, V::Null) {
                    (null.unwrap(), Value::Null)
                } else {
                    let number = at + usize::from(null.is_some_and(|null| null <= *at));
                    (number, value(schema, branches[number], &parts[*at].ty, inner))
                }
            }
            (v, ty) => {
                let number = branches.iter().position(|b| *schema.kind(*b) != Kind::Null).unwrap();
                (number, value(schema, branches[number], ty, v))
            }
        };
        return Value::Union(number as u32, Box::new(inner));
    }
    let V::Plain(text) = v else {
        return match (v, ty, schema.kind(node)) {
            (V::List(items), Type::Array(item), Kind::Array(node)) => {
                Value::Array(items.iter().map(|v| value(schema, *node, &item.ty, v)).collect())
            }
            (V::Map(entries), Type::Map(inner), Kind::Map(node)) => Value::Map(
                entries.iter().map(|(k, v)| (k.clone(), value(schema, *node, &inner.ty, v))).collect(),
            ),
            (V::Record(parts), Type::Record(fields), Kind::Record(record)) => Value::Record(
                parts
                    .iter()
                    .zip(fields)
                    .zip(&record.fields)
                    .map(|((v, f), r)| value(schema, r.ty, &f.ty, v))
                    .collect(),
            ),
            _ => panic!("{v:?} is no {ty}"),
        };
    };
    let long = || text.parse::<i64>().unwrap();
    match (ty, schema.kind(node)) {
        (Type::Boolean, _) => Value::Boolean(text == "true"),
        (Type::Float, _) => Value::Float(f32::from_bits(u32::from_str_radix(text, 16).unwrap())),
        (Type::Double, _) => Value::Double(f64::from_bits(u64::from_str_radix(text, 16).unwrap())),
        (Type::Bytes, _) => Value::Bytes(hex::decode(text).unwrap()),
        (Type::Fixed(_), _) => Value::Fixed(hex::decode(text).unwrap()),
        (Type::String, _) | (Type::Uuid, Kind::String) => Value::String(text.clone()),
        (Type::Uuid, _) => Value::Fixed(hex::decode(text.replace('-', "")).unwrap()),
        (Type::Enum(symbols), _) => Value::Enum(symbols.iter().position(|s| s == text).unwrap() as u32),
        (Type::Decimal { .. }, Kind::Fixed(fixed)) => {
            let whole = text.parse::<i128>().unwrap().to_be_bytes();
            Value::Fixed(whole[16 - fixed.size..].to_vec())
        }
        (Type::Decimal { .. }, _) => {
            let whole = text.parse::<i128>().unwrap().to_be_bytes().to_vec();
            let long = |b: &[u8]| b.len() > 1 && matches!((b[0], b[1] & 0x80), (0, 0) | (0xFF, 0x80));
            let mut short = whole.as_slice();
            while long(short) {
                short = &short[1..];
            }
            Value::Bytes(short.to_vec())
        }
        (Type::Duration, _) => {
            let numbers: Vec<u32> = text
                .split(|c: char| !c.is_ascii_digit())
                .filter(|t| !t.is_empty())
                .map(|t| t.parse().unwrap())
                .collect();
            let parts = [numbers[0], numbers[1], numbers[2] * 1000 + numbers[3]];
            Value::Fixed(parts.iter().flat_map(|n| n.to_le_bytes()).collect())
        }
        (_, Kind::Int) => Value::Int(text.parse().unwrap()),
        _ => Value::Long(long()),
    }
}

/// Rows of bytes under a writer's schema as columns of a contract.
fn decode(contract: &Contract, writer: &Schema, rows: &[Vec<u8>]) -> Result<Decoded> {
    let (plan, projection) = write::plain(contract)?;
    let sources = vec![FieldSource::Missing; contract.fields.len()];
    let wanted = Wanted::new(contract, &BTreeMap::new(), &sources)?;
    let program = Program::new(&wanted, &plan.fields, &projection.decode, writer, Path::new("x.avro"))?;
    let mut sheet = Sheet::new(&program, &plan.fields, &projection, &sources, rows.len());
    for row in rows {
        let mut cursor = Cursor::new(row, Limits::default());
        let other: Option<Fault> = sheet.row(&mut cursor).map_err(|f| panic!("{}", f.why())).unwrap();
        assert!(other.is_none() && cursor.rest() == 0);
    }
    sheet.finish(&sources, &projection)
}

fn encode(encoder: &Encoder, batch: &RecordBatch) -> Vec<Vec<u8>> {
    let rows = encoder.rows(batch).unwrap();
    let one = |row| {
        let mut out = Vec::new();
        rows.encode(row, &mut out).unwrap();
        out
    };
    (0..batch.num_rows()).map(one).collect()
}

fn of(contract: &Contract, decoded: Decoded) -> RecordBatch {
    let columns = decoded.columns.into_iter().map(Option::unwrap).collect();
    RecordBatch::try_new(contract.arrow_schema(), columns).unwrap()
}

/// Where Avro has a choice the fields take the other one: fixeds carry decimals and uuids.
fn on_fixed(mut contract: Contract) -> Contract {
    for field in &mut contract.fields {
        field.avro.fixed = match field.ty {
            Type::Decimal { .. } => Some(11),
            Type::Uuid => Some(16),
            _ => None,
        };
    }
    contract
}

#[test]
fn columns_to_bytes_to_columns_is_the_identity_and_the_bytes_are_those_of_values() {
    for seed in 0..200 {
        let rng = SeededRng::new(seed);
        let draw = Draw { rng: &rng, unions: true, durations: true };
        let contract = draw.contract();
        let contract = if seed % 2 == 0 { contract } else { on_fixed(contract) };
        let rows = draw.rows(&contract, 17);
        let whole = batch(&contract, &rows);
        let encoder = Encoder::new(&contract).unwrap();
        let schema = encoder.schema();
        let bytes = encode(&encoder, &whole);
        let Kind::Record(record) = schema.kind(schema.root()) else { panic!() };
        for (row, bytes) in rows.iter().zip(&bytes) {
            let parts = row.iter().zip(&contract.fields).zip(&record.fields);
            let by_value = Value::Record(parts.map(|((v, f), r)| value(schema, r.ty, &f.ty, v)).collect());
            assert_eq!(*bytes, schema.encode(&by_value).unwrap(), "seed {seed}: {}", schema.text());
        }
        // A slice is encoded as what it shows.
        let from = rng.next() as usize % 17;
        assert_eq!(encode(&encoder, &whole.slice(from, 17 - from)), bytes[from..], "seed {seed}");
        let decoded = decode(&contract, schema, &bytes).unwrap();
        if decoded.faults.is_empty() {
            assert_eq!(encode(&encoder, &of(&contract, decoded)), bytes, "seed {seed}");
        } else {
            // The only thing that an array may hold and a contract refuses: a key twice in one map.
            assert!(decoded.faults.iter().all(|f| f.fault.what.contains("twice")), "seed {seed}");
        }
    }
}

/// A later version of a contract: fields fall away, come, move, widen and may be missing.
fn later(rng: &SeededRng, fields: &[Field], depth: u32) -> Vec<Field> {
    let mut out = Vec::new();
    for field in fields {
        let mut field = field.clone();
        match rng.next() % 8 {
            0 => continue,
            1 => field.nullable = true,
            2 => {
                field.ty = match field.ty {
                    Type::Int => Type::Long,
                    Type::Long | Type::Float => Type::Double,
                    Type::String => Type::Bytes,
                    other => other,
                }
            }
            3 => {
                field.aliases = vec![field.name.clone()];
                field.name = format!("{}_new", field.name);
            }
            4 if depth < 3 => {
                if let Type::Record(fields) = &field.ty {
                    field.ty = Type::Record(later(rng, fields, depth + 1));
                }
            }
            _ => {}
        }
        let at = rng.next() as usize % (out.len() + 1);
        out.insert(at, field);
    }
    let mut more = |name: &str, ty: Type, default: serde_json::Value| {
        let mut field = Field::new(name, ty, rng.next().is_multiple_of(2));
        field.default = Some(default);
        out.push(field);
    };
    more("added", Type::String, "here".into());
    more(
        "counted",
        Type::Map(staunch_contract::Element::new(Type::Long, true).into()),
        serde_json::json!({"a": 7, "b": null}),
    );
    more("exact", Type::Decimal { precision: 9, scale: 2 }, "\u{1}\u{2}".into());
    out.push(Field::new("nothing", Type::Date, true));
    out
}

#[test]
fn what_a_later_contract_reads_is_what_values_are_resolved_to() {
    let (mut read, mut unread) = (0, 0);
    for seed in 0..200 {
        let rng = SeededRng::new(seed);
        let draw = Draw { rng: &rng, unions: true, durations: true };
        let contract = draw.contract();
        let newer = Contract::new("any", 2, later(&rng, &contract.fields, 0));
        let encoder = Encoder::new(&contract).unwrap();
        let bytes = encode(&encoder, &batch(&contract, &draw.rows(&contract, 9)));
        let decoded = match decode(&newer, encoder.schema(), &bytes) {
            Ok(decoded) => decoded,
            // A record that lost all its fields, or a contract without one that the file has.
            Err(error) => {
                assert_eq!(error.code(), staunch_types::codes::SOURCE_SCHEMA, "seed {seed}: {error}");
                continue;
            }
        };
        let dead: BTreeMap<usize, &str> =
            decoded.faults.iter().map(|f| (f.row as usize, f.fault.what)).collect();
        let reader = Encoder::new(&newer).unwrap();
        // Names that the contract leaves open are those of the writer here.
        let schema = Wanted::new(&newer, &BTreeMap::new(), &[]).unwrap();
        let schema = schema.schema.adopting(encoder.schema(), &schema.declared).unwrap();
        let by_value = Decoder::resolving(encoder.schema(), &schema).unwrap();
        let whole = RecordBatch::try_new(
            std::sync::Arc::new(arrow::datatypes::Schema::new(
                newer.fields.iter().map(|f| f.arrow().with_nullable(true)).collect::<Vec<_>>(),
            )),
            decoded.columns.into_iter().map(Option::unwrap).collect(),
        )
        .unwrap();
        // A dead row may hold what no row does.
        let ours = (0..bytes.len())
            .map(|row| {
                if dead.contains_key(&row) {
                    Vec::new()
                } else {
                    encode(&reader, &whole.slice(row, 1)).remove(0)
                }
            })
            .collect::<Vec<_>>();
        for (row, (bytes, ours)) in bytes.iter().zip(&ours).enumerate() {
            match (by_value.decode(bytes), dead.get(&row)) {
                (Ok(resolved), None) => {
                    assert_eq!(*ours, reader.schema().encode(&resolved).unwrap(), "seed {seed}, row {row}");
                    read += 1;
                }
                (Ok(_), Some(what)) => assert!(what.contains("twice"), "seed {seed}, row {row}: {what}"),
                // Two types that the contract gives one name, which has another name after each edit.
                (Err(_), found) => {
                    assert!(found.is_some(), "seed {seed}, row {row}");
                    unread += 1;
                }
            }
        }
    }
    assert!(read > 700 && unread * 20 < read, "{read} rows were compared, {unread} not read by either");
}

#[test]
fn a_file_is_the_same_whatever_the_cut_of_its_batches_and_counts_its_rows() {
    let contract = crate::testdata::wide_contract();
    let rows = crate::testdata::wide(0, 5000);
    for codec in Codec::ALL {
        let dir = tempfile::tempdir().unwrap();
        let encoding = write::Encoding::new(&contract, codec, &[("staunch.epoch", "7".to_owned())]).unwrap();
        let mut files = Vec::new();
        for cut in [5000, 777, 1] {
            let path = dir.path().join(format!("{cut}.avro"));
            let mut file = write::AvroOut::create(&LocalFs, &path, &encoding).unwrap();
            for from in (0..rows.num_rows()).step_by(cut) {
                file.write(&rows.slice(from, cut.min(rows.num_rows() - from))).unwrap();
            }
            assert_eq!(file.rows(), 5000);
            file.close().unwrap().sync().unwrap();
            files.push(std::fs::read(&path).unwrap());
            assert_eq!(write::count(&LocalFs, &path).unwrap(), 5000);
            let back: Vec<RecordBatch> =
                write::decode(&LocalFs, &path, &contract).unwrap().collect::<Result<_>>().unwrap();
            assert!(back.len() > 3, "{} blocks", back.len());
            let back = arrow::compute::concat_batches(&rows.schema(), &back).unwrap();
            assert_eq!(back, rows, "{codec}");
        }
        assert!(files.iter().all(|f| f == &files[0]), "{codec}");
    }
}

#[test]
fn a_finished_file_that_is_damaged_is_never_taken_for_a_whole_one() {
    let contract = crate::testdata::wide_contract();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("x.avro");
    let encoding = write::Encoding::new(&contract, Codec::Zstandard, &[]).unwrap();
    let mut file = write::AvroOut::create(&LocalFs, &path, &encoding).unwrap();
    let rows = crate::testdata::wide(0, 2000);
    file.write(&rows).unwrap();
    file.close().unwrap().sync().unwrap();
    let whole = std::fs::read(&path).unwrap();
    let rng = SeededRng::new(1);
    for turn in 0..300 {
        let mut damaged = whole.clone();
        let at = rng.next() as usize % whole.len();
        match turn % 3 {
            0 => damaged.truncate(at),
            _ => damaged[at] ^= 1 << (rng.next() % 8),
        }
        std::fs::write(&path, &damaged).unwrap();
        // No panic; and no other rows, but where the damage is in the codec's own slack or in a text of the header.
        if let Ok(batches) = write::decode(&LocalFs, &path, &contract)
            && let Ok(batches) = batches.collect::<Result<Vec<_>>>()
        {
            let found: usize = batches.iter().map(RecordBatch::num_rows).sum();
            let ended_early = turn % 3 == 0;
            assert!(found == 2000 || ended_early, "turn {turn}: {found}");
        }
    }
}
