//! Random contracts and rows with nested types, as values that know nothing of Arrow, and as arrays.

use super::column;
use arrow::array::{Array, ArrayRef, ListArray, MapArray, StringArray, StructArray, UnionArray, make_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use staunch_contract::{AvroForm, Contract, Element, Field, Type};
use staunch_types::{Rng, SeededRng};
use std::sync::Arc;

/// A value: of a plain type its text (see [`column`]).
#[derive(Debug, Clone)]
pub(crate) enum V {
    Null,
    Plain(String),
    List(Vec<V>),
    Map(Vec<(String, V)>),
    Record(Vec<V>),
    Branch(usize, Box<V>),
}

/// What may be drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Draw<'a> {
    pub(crate) rng: &'a SeededRng,
    pub(crate) unions: bool,
    pub(crate) durations: bool,
}

impl Draw<'_> {
    fn below(&self, n: u64) -> u64 {
        self.rng.next() % n
    }

    fn plain(&self) -> Type {
        let all = [
            Type::Boolean,
            Type::Int,
            Type::Long,
            Type::Float,
            Type::Double,
            Type::Bytes,
            Type::String,
            Type::Fixed(3),
            Type::Enum(vec!["a".into(), "b".into()]),
            Type::Decimal { precision: 20, scale: 3 },
            Type::Date,
            Type::TimeMillis,
            Type::TimeMicros,
            Type::TimestampMillis,
            Type::TimestampMicros,
            Type::TimestampNanos,
            Type::LocalTimestampMillis,
            Type::LocalTimestampMicros,
            Type::LocalTimestampNanos,
            Type::Uuid,
            Type::Duration,
        ];
        let most = all.len() as u64 - u64::from(!self.durations);
        all[self.below(most) as usize].clone()
    }

    fn element(&self, depth: u64) -> Element {
        Element::new(self.ty(depth), self.below(2) == 0)
    }

    fn ty(&self, depth: u64) -> Type {
        let nested = if depth == 0 { 0 } else { 3 + u64::from(self.unions) };
        match self.below(3 + nested) {
            0..3 => self.plain(),
            3 => Type::Array(self.element(depth - 1).into()),
            4 => Type::Map(self.element(depth - 1).into()),
            5 => Type::Record(self.fields(depth - 1)),
            _ => self.union(depth - 1),
        }
    }

    /// Branches of different Avro types; those whose Avro type has a name get one.
    fn union(&self, depth: u64) -> Type {
        let mut branches: Vec<Element> = Vec::new();
        while branches.len() < 2 || self.below(3) > 0 && branches.len() < 5 {
            let ty = self.ty(depth);
            if matches!(ty, Type::Union(_)) {
                continue;
            }
            let mut branch = Element::new(ty, false);
            if branch.avro.is_named(&branch.ty) {
                branch.avro = AvroForm { name: Some(format!("n{}", branches.len())), ..AvroForm::default() };
            }
            if branches.iter().all(|b| b.branch() != branch.branch()) {
                branches.push(branch);
            }
        }
        Type::Union(branches)
    }

    fn fields(&self, depth: u64) -> Vec<Field> {
        (0..1 + self.below(4))
            .map(|i| Field::new(format!("f{i}_é").replace("_é", "_"), self.ty(depth), self.below(2) == 0))
            .collect()
    }

    /// A contract of one to four fields, nested up to three deep; at least one of them is nested.
    pub(crate) fn contract(&self) -> Contract {
        loop {
            let fields = self.fields(3);
            if fields.iter().any(|f| f.ty.is_nested()) {
                return Contract::new("any", 1, fields);
            }
        }
    }

    pub(crate) fn value(&self, ty: &Type, nullable: bool) -> V {
        if nullable && self.below(4) == 0 {
            return V::Null;
        }
        let n = self.rng.next();
        let between = |low: i64, high: i64| (low + (n % (high - low) as u64) as i64).to_string();
        const DAY: i64 = 86_400_000;
        V::Plain(match ty {
            Type::Boolean => n.is_multiple_of(2).to_string(),
            Type::Int => (n as i32).to_string(),
            Type::Long | Type::TimestampNanos | Type::LocalTimestampNanos => (n as i64).to_string(),
            Type::Float => {
                format!("{:08x}", if n.is_multiple_of(9) { 0x7fc0_0000 } else { n as u32 & 0x7f7f_ffff })
            }
            Type::Double => match n % 9 {
                0 => "7ff8000000000000".to_owned(),
                1 => "fff0000000000000".to_owned(),
                _ => format!("{:016x}", (n as f64 / 1000.0).to_bits()),
            },
            Type::Bytes => "ab00ff".repeat((n % 9) as usize),
            Type::String => {
                ["", "a", "ü\"\\\n", "long enough to be no short text 😀", "NaN"][(n % 5) as usize].to_owned()
            }
            Type::Fixed(_) => format!("{:06x}", n & 0x00ff_ffff),
            Type::Enum(symbols) => symbols[(n % 2) as usize].clone(),
            Type::Decimal { .. } => (n as i64).to_string(),
            Type::Date => between(-700_000, 2_900_000),
            Type::TimeMillis => between(0, DAY),
            Type::TimeMicros => between(0, DAY * 1000),
            Type::TimestampMillis | Type::LocalTimestampMillis => between(-700_000 * DAY, 2_900_000 * DAY),
            Type::TimestampMicros | Type::LocalTimestampMicros => {
                between(-700_000 * DAY * 100, 2_900_000 * DAY * 30)
            }
            Type::Uuid => format!("0188a1d0-5f2b-7c3e-9a4d-{:012x}", n & 0xffff_ffff_ffff),
            Type::Duration => format!("P{}M{}DT{}.{:03}S", n % 99, n % 77, n % 4_000_000, n % 1000),
            Type::Array(item) => {
                return V::List((0..n % 4).map(|_| self.value(&item.ty, item.nullable)).collect());
            }
            Type::Map(inner) => {
                // Out of order, so that an order by keys is seen.
                let entry = |i: u64| (format!("k{}", (i * 7 + n) % 5), self.value(&inner.ty, inner.nullable));
                return V::Map((0..n % 4).map(entry).collect());
            }
            Type::Record(fields) => {
                return V::Record(fields.iter().map(|f| self.value(&f.ty, f.nullable)).collect());
            }
            Type::Union(branches) => {
                let at = (n % branches.len() as u64) as usize;
                return V::Branch(at, Box::new(self.value(&branches[at].ty, false)));
            }
        })
    }

    /// Rows of a contract.
    pub(crate) fn rows(&self, contract: &Contract, count: usize) -> Vec<Vec<V>> {
        let row = |_| contract.fields.iter().map(|f| self.value(&f.ty, f.nullable)).collect();
        (0..count).map(row).collect()
    }
}

/// Something that may lie under a null.
fn filler(ty: &Type) -> V {
    let rng = SeededRng::new(1);
    Draw { rng: &rng, unions: true, durations: true }.value(ty, false)
}

/// The values as an array of the type's Arrow form. What lies under a null is not empty where Arrow allows that.
pub(crate) fn array(ty: &Type, nullable: bool, values: &[&V]) -> ArrayRef {
    let under = filler(ty);
    let is_null: Vec<bool> = values.iter().map(|v| matches!(v, V::Null)).collect();
    let nulls = || {
        let valid: NullBuffer = is_null.iter().map(|n| !n).collect();
        (nullable && valid.null_count() > 0).then_some(valid)
    };
    let here: Vec<&V> = values.iter().map(|v| if matches!(v, V::Null) { &under } else { *v }).collect();
    match (ty, ty.arrow()) {
        (Type::Array(item), DataType::List(field)) => {
            let lists: Vec<&Vec<V>> =
                here.iter().map(|v| if let V::List(l) = v { l } else { panic!("no list") }).collect();
            let items: Vec<&V> = lists.iter().flat_map(|l| l.iter()).collect();
            let offsets = OffsetBuffer::from_lengths(lists.iter().map(|l| l.len()));
            Arc::new(ListArray::new(field, offsets, array(&item.ty, item.nullable, &items), nulls()))
        }
        (Type::Map(inner), DataType::Map(field, _)) => {
            let maps: Vec<&Vec<(String, V)>> =
                here.iter().map(|v| if let V::Map(m) = v { m } else { panic!("no map") }).collect();
            let entries: Vec<&(String, V)> = maps.iter().flat_map(|m| m.iter()).collect();
            let keys: ArrayRef = Arc::new(StringArray::from_iter_values(entries.iter().map(|e| &e.0)));
            let inner = array(&inner.ty, inner.nullable, &entries.iter().map(|e| &e.1).collect::<Vec<_>>());
            let DataType::Struct(pair) = field.data_type().clone() else { panic!() };
            let entries = StructArray::new(pair, vec![keys, inner], None);
            let offsets = OffsetBuffer::from_lengths(maps.iter().map(|m| m.len()));
            Arc::new(MapArray::new(field, offsets, entries, nulls(), false))
        }
        (Type::Record(fields), DataType::Struct(kinds)) => {
            let records: Vec<&Vec<V>> =
                here.iter().map(|v| if let V::Record(r) = v { r } else { panic!("no record") }).collect();
            let columns = fields.iter().enumerate().map(|(i, f)| {
                let parts: Vec<&V> = records.iter().map(|r| &r[i]).collect();
                array(&f.ty, f.nullable, &parts)
            });
            Arc::new(StructArray::new(kinds, columns.collect(), nulls()))
        }
        (Type::Union(branches), DataType::Union(kinds, _)) => {
            let (mut ids, mut places) = (Vec::new(), Vec::new());
            let mut parts: Vec<Vec<&V>> = vec![Vec::new(); branches.len()];
            for value in values {
                let (at, inner) = match value {
                    V::Branch(at, inner) => (*at, inner.as_ref()),
                    _ => (0, *value),
                };
                ids.push(at as i8);
                places.push(parts[at].len() as i32);
                parts[at].push(inner);
            }
            let children = branches.iter().zip(&parts).map(|(b, parts)| array(&b.ty, true, parts)).collect();
            Arc::new(UnionArray::try_new(kinds, ids.into(), Some(places.into()), children).unwrap())
        }
        _ => {
            let texts: Vec<Option<&str>> = values
                .iter()
                .map(|v| match v {
                    V::Plain(text) => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            let made = column(ty, &texts);
            if nullable || made.null_count() == 0 {
                return made;
            }
            make_array(made.to_data().into_builder().nulls(None).build().unwrap())
        }
    }
}

/// Rows as a batch of the contract.
pub(crate) fn batch(contract: &Contract, rows: &[Vec<V>]) -> RecordBatch {
    let columns = contract.fields.iter().enumerate().map(|(i, f)| {
        let values: Vec<&V> = rows.iter().map(|r| &r[i]).collect();
        array(&f.ty, f.nullable, &values)
    });
    RecordBatch::try_new(contract.arrow_schema(), columns.collect()).unwrap()
}
