//! Rows into columns.

use super::leaf;
use super::program::{Fill, Program, RecordWay, Row, Step, Way, WayId};
use crate::formats::csv::{FieldSource, absent};
use crate::read::chain::Decoded;
use crate::read::column::{Column, Values};
use crate::read::fault::{BAD_UTF8, DUPLICATE_KEY, Fault, INT_RANGE, NOT_SYMBOL, NULL, OTHER_TYPE, RowFault};
use crate::read::field::{FieldPlan, Parse};
use crate::read::nested::Nested;
use crate::read::parse::uuid::uuid;
use crate::read::plan::Projection;
use staunch_contract::avro::{Cursor, Fallible, Kind, NodeId, OpId, Schema, Value};
use staunch_types::Result;
use std::collections::HashSet;
use std::sync::Arc;

/// Rows for which memory is taken at once, whatever a file says how many it has.
const EAGER: usize = 1 << 17;

/// Adds a value that is never at fault.
macro_rules! put {
    ($values:expr, $($value:expr),+) => {{
        $values.push($($value),+);
        Ok(())
    }};
}

/// The columns of a chunk while they grow.
pub(super) struct Sheet<'a> {
    program: &'a Program,
    fields: &'a [FieldPlan],
    /// One per field of the contract that comes from the file and is decoded.
    columns: Vec<Option<Column>>,
    faults: Vec<RowFault>,
    rows: usize,
}

/// What is wrong with a value of the field at hand: where, and what. The first is told.
type Wrong = Option<(Arc<str>, Fault)>;

impl<'a> Sheet<'a> {
    /// Empty columns for about `rows` rows.
    pub(super) fn new(
        program: &'a Program,
        fields: &'a [FieldPlan],
        projection: &Projection,
        sources: &[FieldSource],
        rows: usize,
    ) -> Self {
        let column = |(at, field): (usize, &FieldPlan)| {
            let constant = matches!(sources.get(at), Some(FieldSource::Constant(_) | FieldSource::Never(_)));
            let wanted = projection.decode.get(at).copied().unwrap_or(false);
            (wanted && !constant).then(|| Column::new(field, rows.min(EAGER)))
        };
        let columns = fields.iter().enumerate().map(column).collect();
        Self { program, fields, columns, faults: Vec::new(), rows: 0 }
    }

    /// How many bytes of memory it takes, about.
    pub(super) fn memory(&self) -> usize {
        let columns: usize = self.columns.iter().flatten().map(Column::memory).sum();
        columns + self.faults.len() * size_of::<RowFault>()
    }

    /// Reads one row. What is wrong with its values is noted; a record that is no row of the contract at all leaves nothing but its fault.
    ///
    /// # Errors
    /// The bytes are no value of the writer's: nobody knows where it ends.
    pub(super) fn row(&mut self, cursor: &mut Cursor<'_>) -> Fallible<Option<Fault>> {
        cursor.begin();
        let (program, mut depth) = (self.program, 0);
        let mut row = &program.row;
        let record = loop {
            match row {
                Row::Record(record) => break record,
                Row::Fail(skip, fault) => {
                    cursor.skip(&program.plan, *skip, depth)?;
                    return Ok(Some(*fault));
                }
                Row::Branches(branches) => {
                    cursor.enter(depth)?;
                    row = &branches[cursor.branch(branches.len())?];
                    depth += 1;
                }
            }
        };
        cursor.enter(depth)?;
        for step in &record.steps {
            match step {
                Step::Skip(op) => cursor.skip(&program.plan, *op, depth + 1)?,
                Step::Field(at, way) => {
                    let (Some(field), Some(Some(column))) = (self.fields.get(*at), self.columns.get_mut(*at))
                    else {
                        continue;
                    };
                    let mut parts = Parts { program, wrong: None };
                    parts.value(*way, field, column, cursor, depth + 1)?;
                    self.note(*at, parts.wrong);
                }
            }
        }
        for fill in &record.fills {
            let (Some(field), Some(Some(column))) =
                (self.fields.get(fill.field), self.columns.get_mut(fill.field))
            else {
                continue;
            };
            cursor.charge(fill.filled.weight)?;
            let mut parts = Parts { program, wrong: None };
            parts.put(fill.node, field, column, &fill.filled.value);
            self.note(fill.field, parts.wrong);
        }
        self.rows += 1;
        Ok(None)
    }

    fn note(&mut self, at: usize, wrong: Wrong) {
        let Some((path, fault)) = wrong else { return };
        let nested = self.fields.get(at).is_some_and(|f| f.parse.is_nested());
        self.faults.push(match nested {
            true => RowFault::inside(self.rows, at, path, fault),
            false => RowFault::new(self.rows, at, fault),
        });
    }

    /// The arrays.
    ///
    /// # Errors
    /// `Source.TooLarge` if the texts of one column exceed 2 GiB.
    pub(super) fn finish(self, sources: &[FieldSource], projection: &Projection) -> Result<Decoded> {
        let rows = self.rows;
        let mut columns = Vec::with_capacity(self.columns.len());
        for (at, (field, column)) in self.fields.iter().zip(self.columns).enumerate() {
            let wanted = projection.decode.get(at).copied().unwrap_or(false);
            columns.push(match (column, sources.get(at)) {
                (Some(column), _) => Some(column.finish(field)?),
                (None, Some(source)) if wanted => Some(absent(source, field, rows)?),
                _ => None,
            });
        }
        Ok(Decoded::new(columns, rows, self.faults))
    }
}

/// Puts the values of one field of one row.
struct Parts<'a> {
    program: &'a Program,
    wrong: Wrong,
}

impl Parts<'_> {
    fn fault(&mut self, plan: &FieldPlan, column: &mut Column, fault: Fault) {
        self.wrong.get_or_insert_with(|| (Arc::clone(&plan.path), fault));
        column.push_default();
    }

    fn null(&mut self, plan: &FieldPlan, column: &mut Column) {
        if plan.nullable() {
            column.push_null();
        } else {
            self.fault(plan, column, NULL);
        }
    }

    fn skipped(
        &mut self,
        skip: OpId,
        fault: Fault,
        plan: &FieldPlan,
        column: &mut Column,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Fallible<()> {
        cursor.skip(&self.program.plan, skip, depth)?;
        self.fault(plan, column, fault);
        Ok(())
    }

    /// Reads the value at the cursor as the next one of the column. With a fault the column has a value without a meaning.
    #[allow(clippy::cast_precision_loss, reason = "what Avro's promotion to float and double does")]
    fn value(
        &mut self,
        way: WayId,
        plan: &FieldPlan,
        column: &mut Column,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Fallible<()> {
        let program = self.program;
        let way = program.way(way);
        if !matches!(way, Way::Fail(..)) {
            cursor.enter(depth)?;
        }
        let put: Result<(), Fault> = match (way, &mut column.values) {
            (Way::Boolean, Values::Boolean(v)) => put!(v, cursor.boolean()?),
            (Way::Int, Values::Int32(v)) => put!(v, cursor.int()?),
            (Way::TimeMillis, Values::Int32(v)) => leaf::millis(cursor.int()?).map(|n| v.push(n)),
            (Way::Long, Values::Int64(v)) => put!(v, cursor.long()?),
            (Way::IntToLong, Values::Int64(v)) => put!(v, cursor.int()?.into()),
            (Way::TimeMicros, Values::Int64(v)) => leaf::micros(cursor.long()?).map(|n| v.push(n)),
            (Way::IntToTimeMicros, Values::Int64(v)) => leaf::micros(cursor.int()?.into()).map(|n| v.push(n)),
            (Way::Float, Values::Float32(v)) => put!(v, cursor.float()?),
            (Way::IntToFloat, Values::Float32(v)) => put!(v, cursor.int()? as f32),
            (Way::LongToFloat, Values::Float32(v)) => put!(v, cursor.long()? as f32),
            (Way::Double, Values::Float64(v)) => put!(v, cursor.double()?),
            (Way::IntToDouble, Values::Float64(v)) => put!(v, cursor.int()?.into()),
            (Way::LongToDouble, Values::Float64(v)) => put!(v, cursor.long()? as f64),
            (Way::FloatToDouble, Values::Float64(v)) => put!(v, cursor.float()?.into()),
            (Way::Text | Way::TextToBytes, Values::Text(v)) => {
                let text = cursor.bytes()?;
                let end = cursor.at();
                match std::str::from_utf8(text) {
                    Ok(_) => put!(v, cursor.all(), end - text.len(), end),
                    Err(_) => Err(BAD_UTF8),
                }
            }
            (Way::Bytes, Values::Text(v)) => {
                let bytes = cursor.bytes()?;
                let end = cursor.at();
                put!(v, cursor.all(), end - bytes.len(), end)
            }
            (Way::Uuid, Values::Text(v)) => uuid(cursor.bytes()?).map(|text| v.push(&text, 0, text.len())),
            (Way::UuidBytes, Values::Text(v)) => {
                let text = leaf::uuid(cursor.take(16)?);
                put!(v, text.as_bytes(), 0, text.len())
            }
            (Way::Enum(symbols), Values::Text(v)) => match &symbols[cursor.symbol(symbols.len())?] {
                Some(symbol) => put!(v, symbol.as_bytes(), 0, symbol.len()),
                None => Err(NOT_SYMBOL),
            },
            (Way::Decimal(precision, size), Values::Decimal(v)) => {
                let bytes = match size {
                    Some(size) => cursor.take(*size)?,
                    None => cursor.bytes()?,
                };
                leaf::decimal(bytes, *precision).map(|n| v.push(n))
            }
            (Way::Fixed(size), Values::Fixed(v)) => v.push(cursor.take(*size)?),
            (Way::Duration, Values::Spans(v)) => leaf::duration(cursor.take(12)?).map(|s| v.push(s)),
            (Way::Null, _) => {
                self.null(plan, column);
                return Ok(());
            }
            (Way::Branches(branches), _) => {
                let way = branches[cursor.branch(branches.len())?];
                return self.value(way, plan, column, cursor, depth + 1);
            }
            (Way::Fail(skip, fault), _) => return self.skipped(*skip, *fault, plan, column, cursor, depth),
            (way, Values::Nested(nested)) => {
                return self.nested(way, plan, nested, cursor, depth);
            }
            // The compiler pairs no other ways and columns.
            (_, _) => Err(OTHER_TYPE),
        };
        if let Err(fault) = put {
            self.fault(plan, column, fault);
        }
        Ok(())
    }

    fn nested(
        &mut self,
        way: &Way,
        plan: &FieldPlan,
        nested: &mut Nested,
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Fallible<()> {
        match (way, &plan.parse, nested) {
            (Way::Array(way), Parse::Array(inner), nested) => {
                let Nested::Array { item, .. } = nested else { return Ok(()) };
                cursor.blocks(|cursor| self.value(*way, inner, item, cursor, depth + 1))?;
                nested.end();
            }
            (Way::Map(way), Parse::Map(inner), nested) => {
                let Nested::Map { keys, value, .. } = nested else { return Ok(()) };
                let mut seen = HashSet::new();
                cursor.blocks(|cursor| {
                    let key = cursor.bytes()?;
                    let fault = match std::str::from_utf8(key) {
                        Err(_) => Some(BAD_UTF8),
                        Ok(_) if !seen.insert(key) => Some(DUPLICATE_KEY),
                        Ok(_) => None,
                    };
                    match fault {
                        Some(fault) => {
                            self.wrong.get_or_insert_with(|| (Arc::clone(&plan.path), fault));
                            keys.push_empty();
                        }
                        None => keys.push(key, 0, key.len()),
                    }
                    self.value(*way, inner, value, cursor, depth + 1)
                })?;
                nested.end();
            }
            (Way::Record(record), Parse::Record(plans), nested) => {
                let Nested::Record { fields, .. } = nested else { return Ok(()) };
                self.record(record, plans, fields, cursor, depth)?;
                nested.end();
            }
            (Way::Branch(branch, way), Parse::Union(plans, _), nested) => {
                let Nested::Union { branches, .. } = nested else { return Ok(()) };
                if let (Some(plan), Some(column)) = (plans.get(*branch), branches.get_mut(*branch)) {
                    self.value(*way, plan, column, cursor, depth + 1)?;
                }
                nested.end_branch(*branch);
            }
            // The compiler pairs no other ways and columns.
            _ => {}
        }
        Ok(())
    }

    fn record(
        &mut self,
        record: &RecordWay,
        plans: &[FieldPlan],
        fields: &mut [Column],
        cursor: &mut Cursor<'_>,
        depth: usize,
    ) -> Fallible<()> {
        for step in &record.steps {
            match step {
                Step::Skip(op) => cursor.skip(&self.program.plan, *op, depth + 1)?,
                Step::Field(at, way) => {
                    if let (Some(plan), Some(column)) = (plans.get(*at), fields.get_mut(*at)) {
                        self.value(*way, plan, column, cursor, depth + 1)?;
                    }
                }
            }
        }
        for Fill { field, node, filled } in &record.fills {
            cursor.charge(filled.weight)?;
            if let (Some(plan), Some(column)) = (plans.get(*field), fields.get_mut(*field)) {
                self.put(*node, plan, column, &filled.value);
            }
        }
        Ok(())
    }

    /// Puts a default of the contract: a value of this type of the reader's schema.
    fn put(&mut self, node: NodeId, plan: &FieldPlan, column: &mut Column, value: &Value) {
        let reader: &Schema = &self.program.reader;
        let kind = reader.kind(node);
        if let (Value::Union(number, inner), Kind::Union(branches)) = (value, kind) {
            let number = *number as usize;
            let Some(branch) = branches.get(number) else { return self.fault(plan, column, OTHER_TYPE) };
            let null = branches.iter().position(|b| *reader.kind(*b) == Kind::Null);
            if null == Some(number) {
                return self.null(plan, column);
            }
            let Parse::Union(plans, _) = &plan.parse else { return self.put(*branch, plan, column, inner) };
            let at = number - usize::from(null.is_some_and(|null| null < number));
            if let (Values::Nested(nested), Some(plan)) = (&mut column.values, plans.get(at)) {
                if let Nested::Union { branches, .. } = nested.as_mut()
                    && let Some(column) = branches.get_mut(at)
                {
                    self.put(*branch, plan, column, inner);
                }
                nested.end_branch(at);
            }
            return;
        }
        let put: Result<(), Fault> = match (value, &mut column.values, &plan.parse, kind) {
            (Value::Null, ..) => return self.null(plan, column),
            (Value::Boolean(b), Values::Boolean(v), ..) => put!(v, *b),
            (Value::Int(n), Values::Int32(v), Parse::TimeMillis, _) => leaf::millis(*n).map(|n| v.push(n)),
            (Value::Int(n), Values::Int32(v), ..) => put!(v, *n),
            (Value::Long(n), Values::Int64(v), Parse::TimeMicros, _) => leaf::micros(*n).map(|n| v.push(n)),
            (Value::Long(n), Values::Int64(v), ..) => put!(v, *n),
            (Value::Float(n), Values::Float32(v), ..) => put!(v, *n),
            (Value::Double(n), Values::Float64(v), ..) => put!(v, *n),
            (Value::String(text), Values::Text(v), Parse::Uuid, _) => {
                uuid(text.as_bytes()).map(|text| v.push(&text, 0, text.len()))
            }
            (Value::Fixed(bytes), Values::Text(v), Parse::Uuid, _) => {
                let text = leaf::uuid(bytes);
                put!(v, text.as_bytes(), 0, text.len())
            }
            (Value::String(text), Values::Text(v), ..) => put!(v, text.as_bytes(), 0, text.len()),
            (Value::Bytes(bytes), Values::Text(v), ..) => put!(v, bytes, 0, bytes.len()),
            (Value::Enum(number), Values::Text(v), _, Kind::Enum(of)) => {
                match of.symbols.get(*number as usize) {
                    Some(symbol) => put!(v, symbol.as_bytes(), 0, symbol.len()),
                    None => Err(NOT_SYMBOL),
                }
            }
            (
                Value::Bytes(bytes) | Value::Fixed(bytes),
                Values::Decimal(v),
                Parse::Decimal { precision, .. },
                _,
            ) => leaf::decimal(bytes, *precision).map(|n| v.push(n)),
            (Value::Fixed(bytes), Values::Spans(v), ..) => leaf::duration(bytes).map(|s| v.push(s)),
            (Value::Fixed(bytes), Values::Fixed(v), ..) => v.push(bytes),
            (value, Values::Nested(nested), parse, kind) => {
                return self.put_parts(kind, parse, nested, value);
            }
            (_, _, _, _) => Err(INT_RANGE),
        };
        if let Err(fault) = put {
            self.fault(plan, column, fault);
        }
    }

    fn put_parts(&mut self, kind: &Kind, parse: &Parse, nested: &mut Nested, value: &Value) {
        match (value, kind, parse, &mut *nested) {
            (Value::Array(items), Kind::Array(node), Parse::Array(plan), Nested::Array { item, .. }) => {
                items.iter().for_each(|value| self.put(*node, plan, item, value));
            }
            (
                Value::Map(entries),
                Kind::Map(node),
                Parse::Map(plan),
                Nested::Map { keys, value: values, .. },
            ) => {
                for (key, value) in entries {
                    keys.push(key.as_bytes(), 0, key.len());
                    self.put(*node, plan, values, value);
                }
            }
            (
                Value::Record(parts),
                Kind::Record(record),
                Parse::Record(plans),
                Nested::Record { fields, .. },
            ) => {
                for (((value, of), plan), column) in
                    parts.iter().zip(&record.fields).zip(plans).zip(fields.iter_mut())
                {
                    self.put(of.ty, plan, column, value);
                }
            }
            _ => return nested.push_default(),
        }
        nested.end();
    }
}
