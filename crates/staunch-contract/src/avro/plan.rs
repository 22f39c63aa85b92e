//! How bytes of a writer's schema become values of a reader's: compiled once, for any number of values.
//!
//! An operation stands for a pair of types: what is in the bytes, and what is wanted. Pairs are numbered, so that recursive schemas make a cycle
//! of numbers. What can never be read is an operation that fails when it is reached: the specification judges by the branch and symbol that
//! a value has, not by those that it might have.

use super::matching::{self, Effort};
use super::schema::{Kind, NodeId, Schema};
use super::value::Value;
use staunch_types::Result;
use std::collections::HashMap;

/// The number of an operation.
pub type OpId = u32;

/// What to do with the bytes at hand.
#[derive(Debug, Clone)]
pub enum Op {
    /// Nothing is there.
    Null,
    /// A boolean.
    Boolean,
    /// An int.
    Int,
    /// A long.
    Long,
    /// A float.
    Float,
    /// A double.
    Double,
    /// Bytes.
    Bytes,
    /// A text.
    String,
    /// So many bytes.
    Fixed(usize),
    /// For each of the writer's symbols the reader's.
    Enum(Vec<Option<u32>>),
    /// Items, by one operation each.
    Array(OpId),
    /// Values under texts, by one operation each.
    Map(OpId),
    /// Fields.
    Record(RecordOp),
    /// The writer's branches.
    Branches(Vec<OpId>),
    /// Put into a branch of the reader's union.
    IntoBranch(u32, OpId),
    /// Widen.
    Promote(Promotion),
    /// Never a value of the reader's: why, and how the bytes are skipped.
    Fail(String, OpId),
}

/// How a record is read.
#[derive(Debug, Clone)]
pub struct RecordOp {
    /// The writer's fields in order.
    pub steps: Vec<Step>,
    /// What the reader's other fields are.
    pub defaults: Vec<Filled>,
    /// How many fields the reader has.
    pub fields: usize,
}

/// A field of the reader that the writer does not write.
#[derive(Debug, Clone)]
pub struct Filled {
    /// Its number.
    pub field: usize,
    /// The default.
    pub value: Value,
    /// How many values a copy counts as.
    pub weight: usize,
}

/// A field of the writer.
#[derive(Debug, Clone)]
pub struct Step {
    /// For messages.
    pub name: String,
    /// The reader's field; without one the value is skipped.
    pub target: Option<usize>,
    /// What is done with its bytes.
    pub op: OpId,
}

/// A type of the writer as a wider one of the reader.
#[derive(Debug, Clone, Copy)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Promotion {
    IntToLong,
    IntToFloat,
    IntToDouble,
    LongToFloat,
    LongToDouble,
    FloatToDouble,
    BytesToString,
    StringToBytes,
}

/// The operations.
#[derive(Debug, Clone)]
pub struct Plan {
    ops: Vec<Op>,
    /// The writer's type of each operation, and the reader's; none if the value is skipped.
    pairs: Vec<(NodeId, Option<NodeId>)>,
}

impl Plan {
    /// The operation of the two roots.
    pub const ROOT: OpId = 0;

    /// Reads values of `writer` as values of `reader`, by Avro's schema resolution.
    ///
    /// # Errors
    /// `ST0033` if the schemas are too large.
    pub fn new(writer: &Schema, reader: &Schema) -> Result<Self> {
        Self::of_fields(writer, reader, &[])
    }

    /// The same, but fields of the reader's outermost record for which `wanted` is false are skipped, or left without their default, in
    /// the bytes that the others are read from. Fields behind the end of `wanted` are wanted.
    ///
    /// # Errors
    /// As [`Plan::new`].
    pub fn of_fields(writer: &Schema, reader: &Schema, wanted: &[bool]) -> Result<Self> {
        let (numbers, unions) = (HashMap::new(), HashMap::new());
        let mut compiler = Compiler { writer, reader, wanted, numbers, pairs: Vec::new(), unions };
        compiler.op(writer.root(), Some(reader.root()));
        let mut ops = Vec::new();
        let mut effort = Effort::default();
        while let Some((w, r)) = compiler.pairs.get(ops.len()).copied() {
            let types = [Some(writer.kind(w)), r.map(|r| reader.kind(r))];
            effort.spend(compiler.pairs.len(), &types.into_iter().flatten().collect::<Vec<_>>())?;
            let op = match r {
                Some(r) => compiler.read(w, r),
                None => compiler.skip(w),
            };
            ops.push(op);
        }
        Ok(Self { ops, pairs: compiler.pairs })
    }

    /// An operation of this plan.
    #[must_use]
    pub fn op(&self, id: OpId) -> &Op {
        // The plan has an operation for each number that it uses.
        &self.ops[id as usize]
    }

    /// The writer's type that an operation of this plan reads, and the reader's; none if the value is skipped.
    #[must_use]
    pub fn types(&self, id: OpId) -> (NodeId, Option<NodeId>) {
        self.pairs[id as usize]
    }
}

struct Compiler<'s> {
    writer: &'s Schema,
    reader: &'s Schema,
    /// Which fields of the reader's outermost record are read.
    wanted: &'s [bool],
    numbers: HashMap<(NodeId, Option<NodeId>), OpId>,
    /// In the order of their numbers; without a reader's type the value is skipped.
    pairs: Vec<(NodeId, Option<NodeId>)>,
    /// The reader's unions that were met.
    unions: HashMap<NodeId, Union<'s>>,
}

impl<'s> Compiler<'s> {
    fn op(&mut self, w: NodeId, r: Option<NodeId>) -> OpId {
        let pairs = &mut self.pairs;
        *self.numbers.entry((w, r)).or_insert_with(|| {
            pairs.push((w, r));
            // `Effort` ends this long before 2^32.
            u32::try_from(pairs.len() - 1).unwrap_or(u32::MAX)
        })
    }

    /// The operation that goes over a value of the writer.
    fn skip(&mut self, w: NodeId) -> Op {
        let writer = self.writer;
        match writer.kind(w) {
            Kind::Array(item) => Op::Array(self.op(*item, None)),
            Kind::Map(item) => Op::Map(self.op(*item, None)),
            Kind::Union(branches) => Op::Branches(branches.iter().map(|b| self.op(*b, None)).collect()),
            Kind::Record(record) => {
                let steps = record.fields.iter().map(|f| Step {
                    name: f.name.clone(),
                    target: None,
                    op: self.op(f.ty, None),
                });
                Op::Record(RecordOp { steps: steps.collect(), defaults: Vec::new(), fields: 0 })
            }
            Kind::Enum(of) => Op::Enum(vec![Some(0); of.symbols.len()]),
            Kind::Fixed(fixed) => Op::Fixed(fixed.size),
            primitive => same(primitive),
        }
    }

    fn read(&mut self, w: NodeId, r: NodeId) -> Op {
        let (writer, reader): (&'s Schema, &'s Schema) = (self.writer, self.reader);
        let (wk, rk) = (writer.kind(w), reader.kind(r));
        match (wk, rk) {
            (Kind::Union(branches), _) => {
                Op::Branches(branches.iter().map(|b| self.op(*b, Some(r))).collect())
            }
            (_, Kind::Union(branches)) => match self.branch(wk, r, branches) {
                Some((number, id)) => Op::IntoBranch(number, self.op(w, Some(id))),
                None => self.fail(w, format!("{} fits no branch of the reader's union", wk.describe())),
            },
            (wk, rk) if !matching::names_match(rk, wk) => self.unfit(w, wk, rk),
            (Kind::Array(w), Kind::Array(r)) => Op::Array(self.op(*w, Some(*r))),
            (Kind::Map(w), Kind::Map(r)) => Op::Map(self.op(*w, Some(*r))),
            (Kind::Fixed(w), Kind::Fixed(r)) if w.size == r.size => Op::Fixed(w.size),
            (Kind::Fixed(_), Kind::Fixed(_)) => self.unfit(w, wk, rk),
            (Kind::Enum(w), Kind::Enum(r)) => {
                let numbers: HashMap<&str, usize> =
                    r.symbols.iter().enumerate().map(|(n, s)| (s.as_str(), n)).collect();
                let of = |symbol: &String| {
                    let number = numbers.get(symbol.as_str()).copied().or(r.default)?;
                    u32::try_from(number).ok()
                };
                Op::Enum(w.symbols.iter().map(of).collect())
            }
            (Kind::Record(theirs), Kind::Record(ours)) => {
                let found = matching::fields(ours, theirs);
                let mut targets = vec![None; theirs.fields.len()];
                let mut defaults = Vec::new();
                let (list, outermost) = (self.wanted, r == reader.root());
                let wanted = |number: usize| !outermost || list.get(number).copied().unwrap_or(true);
                for (number, (field, found)) in ours.fields.iter().zip(found).enumerate() {
                    match (found, &field.default) {
                        _ if !wanted(number) => {}
                        (Some(theirs), _) => targets[theirs] = Some(number),
                        (None, Some(default)) => {
                            let (value, weight) = (default.value.clone(), default.value.weight());
                            defaults.push(Filled { field: number, value, weight });
                        }
                        (None, None) => {
                            let missing = format!(
                                "the writer has no field `{}`, and the reader no default for it",
                                field.name
                            );
                            return self.fail(w, missing);
                        }
                    }
                }
                let steps = theirs.fields.iter().zip(targets).map(|(field, target)| {
                    let wanted = target.map(|n: usize| ours.fields[n].ty);
                    Step { name: field.name.clone(), target, op: self.op(field.ty, wanted) }
                });
                Op::Record(RecordOp { steps: steps.collect(), defaults, fields: ours.fields.len() })
            }
            (wk, rk) => primitive(wk, rk).unwrap_or_else(|| self.unfit(w, wk, rk)),
        }
    }

    fn unfit(&mut self, w: NodeId, writer: &Kind, reader: &Kind) -> Op {
        self.fail(w, format!("{} cannot be read as {}", writer.describe(), reader.describe()))
    }

    fn fail(&mut self, w: NodeId, why: String) -> Op {
        Op::Fail(why, self.op(w, None))
    }
}

fn same(kind: &Kind) -> Op {
    match kind {
        Kind::Boolean => Op::Boolean,
        Kind::Int => Op::Int,
        Kind::Long => Op::Long,
        Kind::Float => Op::Float,
        Kind::Double => Op::Double,
        Kind::Bytes => Op::Bytes,
        Kind::String => Op::String,
        _ => Op::Null,
    }
}

fn primitive(writer: &Kind, reader: &Kind) -> Option<Op> {
    use Promotion::{
        BytesToString, FloatToDouble, IntToDouble, IntToFloat, IntToLong, LongToDouble, LongToFloat,
        StringToBytes,
    };
    if std::mem::discriminant(writer) == std::mem::discriminant(reader) {
        return Some(same(writer));
    }
    Some(Op::Promote(match (writer, reader) {
        (Kind::Int, Kind::Long) => IntToLong,
        (Kind::Int, Kind::Float) => IntToFloat,
        (Kind::Int, Kind::Double) => IntToDouble,
        (Kind::Long, Kind::Float) => LongToFloat,
        (Kind::Long, Kind::Double) => LongToDouble,
        (Kind::Float, Kind::Double) => FloatToDouble,
        (Kind::Bytes, Kind::String) => BytesToString,
        (Kind::String, Kind::Bytes) => StringToBytes,
        _ => return None,
    }))
}

/// The branches of a union of the reader, to be found without going over them: there may be as many as types in a schema.
#[derive(Default)]
struct Union<'s> {
    /// By what must be equal beside the name, and the full name.
    full: HashMap<(Shape, &'s str), u32>,
    /// The first one by the name without namespace, or by an alias.
    short: HashMap<(Shape, &'s str), u32>,
    alias: HashMap<(Shape, &'s str), u32>,
}

/// The type of a branch, and the size of a fixed.
type Shape = (&'static str, usize);

fn shape(kind: &Kind) -> Shape {
    (kind.word(), if let Kind::Fixed(fixed) = kind { fixed.size } else { 0 })
}

impl<'s> Union<'s> {
    fn of(reader: &'s Schema, branches: &[NodeId]) -> Self {
        let mut union = Self::default();
        for (number, id) in (0_u32..).zip(branches) {
            let kind = reader.kind(*id);
            union.full.entry((shape(kind), kind.branch_name())).or_insert(number);
            if let Some(name) = kind.name() {
                union.short.entry((shape(kind), name.simple())).or_insert(number);
            }
            for alias in kind.aliases() {
                union.alias.entry((shape(kind), alias.full())).or_insert(number);
            }
        }
        union
    }

    /// The branch of the same type: by its full name, else the first one by its name or an alias.
    fn same(&self, writer: &Kind) -> Option<u32> {
        let by = |names: &HashMap<(Shape, &str), u32>, name: &str| names.get(&(shape(writer), name)).copied();
        let named = || {
            let name = writer.name()?;
            let (short, alias) = (by(&self.short, name.simple()), by(&self.alias, name.full()));
            short.into_iter().chain(alias).min()
        };
        by(&self.full, writer.branch_name()).or_else(named)
    }
}

impl<'s> Compiler<'s> {
    /// The branch of the reader's union that takes a value of the writer: the same type, else the first one to which it is promoted. So does
    /// Apache's Java.
    fn branch(&mut self, writer: &Kind, union: NodeId, branches: &[NodeId]) -> Option<(u32, NodeId)> {
        let reader = self.reader;
        let names = self.unions.entry(union).or_insert_with(|| Union::of(reader, branches));
        let promoted = || {
            // Only primitives are promoted, and a union has at most one of each.
            let number = branches.iter().position(|id| matching::promotes(writer, reader.kind(*id)))?;
            u32::try_from(number).ok()
        };
        let primitive = writer.name().is_none();
        let number = names.same(writer).or_else(|| if primitive { promoted() } else { None })?;
        Some((number, *branches.get(number as usize)?))
    }
}
