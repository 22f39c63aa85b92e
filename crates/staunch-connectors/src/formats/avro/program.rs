//! The way of one file's bytes into the columns of a contract, compiled once.
//!
//! Schema resolution is that of [`Plan`]; here each of its operations meets the field, or the part of one, that takes the value.

use super::obstacles::{self, Blame};
use super::wanted::Wanted;
use crate::read::fault::{Fault, NOT_BRANCH, NULL, OTHER_RECORD, OTHER_TYPE};
use crate::read::field::{FieldPlan, Parse};
use staunch_contract::Type;
use staunch_contract::avro::{Filled, Kind, NodeId, Op, OpId, Plan, Promotion, Schema};
use staunch_types::{Code, Error, Result, codes};
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

/// The number of a way.
pub(super) type WayId = u32;

/// How a value gets from the bytes into a column.
#[derive(Debug)]
pub(super) enum Way {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    IntToLong,
    IntToFloat,
    IntToDouble,
    LongToFloat,
    LongToDouble,
    FloatToDouble,
    /// Text, or bytes that should be one.
    Text,
    Bytes,
    /// A text as bytes.
    TextToBytes,
    Uuid,
    /// A uuid in 16 bytes.
    UuidBytes,
    TimeMillis,
    TimeMicros,
    IntToTimeMicros,
    /// On bytes, or on a fixed of so many.
    Decimal(u8, Option<usize>),
    Fixed(usize),
    Duration,
    /// The contract's symbol for each of the writer's.
    Enum(Vec<Option<String>>),
    Array(WayId),
    Map(WayId),
    Record(RecordWay),
    /// The writer's branches.
    Branches(Vec<WayId>),
    /// Into a branch of the contract's union.
    Branch(usize, WayId),
    /// Never a value of the field: the bytes are skipped.
    Fail(OpId, Fault),
}

/// How a record inside a field is read.
#[derive(Debug)]
pub(super) struct RecordWay {
    /// The writer's fields in order.
    pub(super) steps: Vec<Step>,
    /// What the file does not have.
    pub(super) fills: Vec<Fill>,
}

/// A field of the writer.
#[derive(Debug)]
pub(super) enum Step {
    Skip(OpId),
    /// The position of the contract's field.
    Field(usize, WayId),
}

/// A field with its default.
#[derive(Debug)]
pub(super) struct Fill {
    /// The position of the contract's field.
    pub(super) field: usize,
    /// The reader's type.
    pub(super) node: NodeId,
    pub(super) filled: Filled,
}

/// How a row is read.
#[derive(Debug)]
pub(super) enum Row {
    Record(RecordWay),
    /// The rows of the file are a union.
    Branches(Vec<Row>),
    /// No row of the contract.
    Fail(OpId, Fault),
}

/// The compiled way.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) plan: Plan,
    pub(super) reader: Schema,
    pub(super) row: Row,
    ways: Vec<Way>,
    /// The fields of the contract that the file does not have and that are their defaults, by position.
    pub(super) defaulted: Vec<usize>,
}

impl Program {
    /// For rows written under `writer`. Fields for which `decode` is false are skipped.
    ///
    /// # Errors
    /// `Source.Schema` with everything that makes the file unreadable, in `path`.
    pub(super) fn new(
        wanted: &Wanted,
        fields: &[FieldPlan],
        decode: &[bool],
        writer: &Schema,
        path: &Path,
    ) -> Result<Self> {
        match Self::compile(
            wanted,
            fields,
            decode,
            writer,
            (path, codes::SOURCE_SCHEMA, true),
            &BTreeSet::new(),
        )? {
            Ok(program) => Ok(program),
            Err(blames) => {
                let errors = blames.into_iter().map(|b| b.error).collect();
                Err(Error::many(errors).unwrap_or_else(broken))
            }
        }
    }

    /// The same; what makes the file unreadable is told field by field, with `code`. A file that has no field of the contract is refused
    /// for that if `whole` says that this is all of it. What depends on values of the fields in `left` is left to them.
    ///
    /// # Errors
    /// `ST0033` if the schemas are too large.
    pub(super) fn compile(
        wanted: &Wanted,
        fields: &[FieldPlan],
        decode: &[bool],
        writer: &Schema,
        (path, code, whole): (&Path, Code, bool),
        left: &BTreeSet<usize>,
    ) -> Result<Result<Self, Vec<Blame>>> {
        let reader = wanted.schema.adopting(writer, &wanted.declared)?;
        let mut blames = obstacles::find(wanted, &reader, writer, (path, code, whole))?;
        blames.retain(|b| !(b.by_value && b.field.is_some_and(|at| left.contains(&at))));
        // What is wrong with a field is wrong whoever reads.
        let mut defaulted = Vec::new();
        if blames.is_empty() {
            let plan = Plan::new(writer, &reader)?;
            defaulted = defaults(&plan, wanted);
            let mut errors = Vec::new();
            Compiler::run(&plan, &reader, writer, wanted, fields, (path, code), &mut errors);
            let blame = |error: Error| {
                let name = error.where_().field.clone().unwrap_or_default();
                let field = fields.iter().position(|f| f.name() == name);
                Blame { field, fault: OTHER_TYPE, by_value: false, error }
            };
            blames = errors.into_iter().map(blame).collect();
        }
        if !blames.is_empty() {
            return Ok(Err(blames));
        }
        let used: Vec<bool> =
            wanted.fields.iter().map(|field| decode.get(*field).copied().unwrap_or(false)).collect();
        let plan = Plan::of_fields(writer, &reader, &used)?;
        let made = Compiler::run(&plan, &reader, writer, wanted, fields, (path, code), &mut Vec::new());
        let Some((row, ways)) = made else { return Err(broken()) };
        Ok(Ok(Self { plan, reader, row, ways, defaulted }))
    }

    pub(super) fn way(&self, id: WayId) -> &Way {
        // The compiler makes a way for each number that it gives.
        &self.ways[id as usize]
    }
}

fn broken() -> Error {
    let message = "the Avro form of a contract is not that of its fields";
    Error::new(codes::INTERNAL, message).hint("report this with the contract")
}

/// The fields of the contract that the writer does not have, and that have a default.
fn defaults(plan: &Plan, wanted: &Wanted) -> Vec<usize> {
    match plan.op(Plan::ROOT) {
        Op::Record(record) => {
            record.defaults.iter().filter_map(|d| wanted.fields.get(d.field)).copied().collect()
        }
        _ => Vec::new(),
    }
}

struct Compiler<'a> {
    plan: &'a Plan,
    reader: &'a Schema,
    writer: &'a Schema,
    wanted: &'a Wanted,
    /// The file, and the code with which it is refused.
    at: (&'a Path, Code),
    ways: Vec<Way>,
    /// A part of the contract is known by its address: the way to a value depends on nothing else.
    known: HashMap<(OpId, *const FieldPlan), WayId>,
    errors: &'a mut Vec<Error>,
}

impl<'a> Compiler<'a> {
    /// `None` if the reader's schema is not that of the fields.
    fn run(
        plan: &'a Plan,
        reader: &'a Schema,
        writer: &'a Schema,
        wanted: &'a Wanted,
        fields: &[FieldPlan],
        at: (&'a Path, Code),
        errors: &'a mut Vec<Error>,
    ) -> Option<(Row, Vec<Way>)> {
        let known = HashMap::new();
        let mut compiler = Self { plan, reader, writer, wanted, at, ways: Vec::new(), known, errors };
        let row = compiler.row(Plan::ROOT, fields)?;
        Some((row, compiler.ways))
    }

    /// A union stands in no union: this goes one step down.
    fn row(&mut self, op: OpId, fields: &[FieldPlan]) -> Option<Row> {
        let plan = self.plan;
        Some(match plan.op(op) {
            Op::Branches(branches) => {
                Row::Branches(branches.iter().map(|b| self.row(*b, fields)).collect::<Option<_>>()?)
            }
            Op::Record(_) => {
                let positions = self.wanted.fields.clone();
                Row::Record(self.record(op, &|at| positions.get(at).copied(), fields)?)
            }
            Op::Fail(_, skip) => Row::Fail(*skip, OTHER_RECORD),
            _ => return None,
        })
    }

    fn record(
        &mut self,
        op: OpId,
        position: &dyn Fn(usize) -> Option<usize>,
        fields: &[FieldPlan],
    ) -> Option<RecordWay> {
        let plan = self.plan;
        let (Op::Record(record), (_, Some(node))) = (plan.op(op), plan.types(op)) else { return None };
        let Kind::Record(ours) = self.reader.kind(node) else { return None };
        let mut steps = Vec::with_capacity(record.steps.len());
        for step in &record.steps {
            steps.push(match step.target {
                None => Step::Skip(step.op),
                Some(target) => {
                    let field = position(target)?;
                    Step::Field(field, self.way(step.op, fields.get(field)?)?)
                }
            });
        }
        let mut fills = Vec::with_capacity(record.defaults.len());
        for filled in &record.defaults {
            let (field, node) = (position(filled.field)?, ours.fields.get(filled.field)?.ty);
            fills.push(Fill { field, node, filled: filled.clone() });
        }
        Some(RecordWay { steps, fills })
    }

    fn way(&mut self, op: OpId, field: &FieldPlan) -> Option<WayId> {
        let key = (op, std::ptr::from_ref(field));
        if let Some(known) = self.known.get(&key) {
            return Some(*known);
        }
        let way = self.make(op, field)?;
        let id = match way {
            Made::Same(id) => id,
            Made::Way(way) => {
                self.ways.push(way);
                u32::try_from(self.ways.len() - 1).ok()?
            }
        };
        self.known.insert(key, id);
        Some(id)
    }

    // The recursion is as deep as the contract's types, with a union of the writer before each.
    fn make(&mut self, op: OpId, field: &FieldPlan) -> Option<Made> {
        let plan = self.plan;
        Some(Made::Way(match (plan.op(op), &field.parse) {
            (Op::Branches(branches), _) => {
                Way::Branches(branches.iter().map(|b| self.way(*b, field)).collect::<Option<_>>()?)
            }
            (Op::Null, _) => Way::Null,
            (Op::IntoBranch(number, inner), parse) => {
                let Kind::Union(branches) = self.reader.kind(plan.types(op).1?) else { return None };
                let number = usize::try_from(*number).ok()?;
                let null = branches.iter().position(|b| *self.reader.kind(*b) == Kind::Null);
                match parse {
                    _ if null == Some(number) => Way::Null,
                    Parse::Union(parts, _) => {
                        let branch = number - usize::from(null.is_some_and(|null| null < number));
                        Way::Branch(branch, self.way(*inner, parts.get(branch)?)?)
                    }
                    _ => return self.way(*inner, field).map(Made::Same),
                }
            }
            (Op::Fail(_, skip), parse) => {
                let fault = match (self.writer.kind(plan.types(op).0), parse) {
                    (Kind::Null, _) => NULL,
                    (_, Parse::Union(..)) => NOT_BRANCH,
                    _ => OTHER_TYPE,
                };
                Way::Fail(*skip, fault)
            }
            (Op::Array(item), Parse::Array(inner)) => Way::Array(self.way(*item, inner)?),
            (Op::Map(value), Parse::Map(inner)) => Way::Map(self.way(*value, inner)?),
            (Op::Record(_), Parse::Record(fields)) => Way::Record(self.record(op, &Some, fields)?),
            (Op::Enum(symbols), Parse::Enum(_)) => {
                let Kind::Enum(ours) = self.reader.kind(plan.types(op).1?) else { return None };
                let symbol = |number: &Option<u32>| ours.symbols.get((*number)? as usize).cloned();
                Way::Enum(symbols.iter().map(symbol).collect())
            }
            (leaf, _) => {
                let (node, ty) = (plan.types(op).0, &field.field.ty);
                let logical = self.writer.node(node).logical;
                // Digits as text are no number in two's complement.
                let text =
                    matches!((leaf, ty), (Op::Promote(Promotion::StringToBytes), Type::Decimal { .. }));
                if text || !obstacles::means(logical, ty) {
                    self.errors.push(obstacles::other_meaning(logical, field, self.at));
                }
                self.leaf(leaf, ty)?
            }
        }))
    }

    fn leaf(&self, op: &Op, ty: &Type) -> Option<Way> {
        use Promotion as P;
        Some(match (op, ty) {
            (Op::Boolean, Type::Boolean) => Way::Boolean,
            (Op::Int, Type::Int | Type::Date) => Way::Int,
            (Op::Int, Type::TimeMillis) => Way::TimeMillis,
            (Op::Long, Type::TimeMicros) => Way::TimeMicros,
            (Op::Promote(P::IntToLong), Type::TimeMicros) => Way::IntToTimeMicros,
            (Op::Long, ty) if ty.is_time() || *ty == Type::Long => Way::Long,
            (Op::Promote(P::IntToLong), ty) if ty.is_time() || *ty == Type::Long => Way::IntToLong,
            (Op::Float, Type::Float) => Way::Float,
            (Op::Double, Type::Double) => Way::Double,
            (Op::Promote(P::IntToFloat), Type::Float) => Way::IntToFloat,
            (Op::Promote(P::LongToFloat), Type::Float) => Way::LongToFloat,
            (Op::Promote(P::IntToDouble), Type::Double) => Way::IntToDouble,
            (Op::Promote(P::LongToDouble), Type::Double) => Way::LongToDouble,
            (Op::Promote(P::FloatToDouble), Type::Double) => Way::FloatToDouble,
            (Op::String | Op::Promote(P::BytesToString), Type::String) => Way::Text,
            (Op::String | Op::Promote(P::BytesToString), Type::Uuid) => Way::Uuid,
            (Op::Bytes, Type::Bytes) => Way::Bytes,
            (Op::Promote(P::StringToBytes), Type::Bytes) => Way::TextToBytes,
            (Op::Bytes | Op::Promote(P::StringToBytes), Type::Decimal { precision, .. }) => {
                Way::Decimal(*precision, None)
            }
            (Op::Fixed(size), Type::Decimal { precision, .. }) => Way::Decimal(*precision, Some(*size)),
            (Op::Fixed(16), Type::Uuid) => Way::UuidBytes,
            (Op::Fixed(12), Type::Duration) => Way::Duration,
            (Op::Fixed(size), Type::Fixed(_)) => Way::Fixed(*size),
            _ => return None,
        })
    }
}

enum Made {
    Way(Way),
    Same(WayId),
}
