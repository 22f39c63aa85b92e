//! The way of one file, with what its schema says otherwise than the contract, by the policy of the read.
//!
//! If the read goes on, a field that no row has (it is not there, and never null) or that means something else is left out of the program, and every
//! row is at fault for it; one of another type is looked at row by row, because a null may be read all the same. A field of another type that may be cast is read as the file has it, and cast afterwards: the column is the same as that of
//! a Parquet file with the same values.

use super::obstacles::Blame;
use super::program::Program;
use super::sheet::Sheet;
use super::wanted::Wanted;
use crate::formats::csv::FieldSource;
use crate::read::cast::{casts, exactly};
use crate::read::chain::Decoded;
use crate::read::drift::{FileDrift, code, never};
use crate::read::fault::{ABSENT, Fault, RowFault};
use crate::read::field::FieldPlan;
use crate::read::plan::{Projection, ReadPlan};
use staunch_contract::avro::{self, Kind, Logical, NodeId, Schema, incompatibilities};
use staunch_contract::{AvroForm, Constraints, Contract, Type};
use staunch_types::{Error, Result, codes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// What a read wants of the files of an object, before one is opened.
pub(crate) struct Wants {
    pub(crate) contract: Arc<Contract>,
    /// Field of the contract by field of the file.
    pub(crate) rename: BTreeMap<String, String>,
    /// One per contract field: `Constant` where the path says it, `Missing` for all others.
    pub(crate) sources: Vec<FieldSource>,
}

/// How one file is read.
pub(super) struct Resolved {
    pub(super) program: Program,
    /// The fields, of the types that the file has for those that are cast.
    pub(super) fields: Vec<FieldPlan>,
    /// One per contract field: `Constant`, `Never`, or `Missing` for all others.
    pub(super) sources: Vec<FieldSource>,
    pub(super) drift: FileDrift,
    /// The fields whose columns are cast.
    casts: Vec<usize>,
}

impl Resolved {
    /// For rows written under `writer`.
    ///
    /// # Errors
    /// `Source.Schema`, `Source.Drift`: every reason at once.
    pub(super) fn new(
        wants: &Wants,
        plan: &ReadPlan,
        decode: &[bool],
        writer: &Schema,
        path: &Path,
    ) -> Result<Self> {
        let (mut contract, mut sources) = (Contract::clone(&wants.contract), wants.sources.clone());
        let (mut fields, mut casts, mut drift) = (plan.fields.clone(), Vec::new(), FileDrift::default());
        if plan.widens() {
            for at in 0..fields.len() {
                let Some(ty) = wants.other_type(at, writer) else { continue };
                let (Some(field), Some(slot)) = (contract.fields.get_mut(at), fields.get_mut(at)) else {
                    continue;
                };
                drift.cast.push((field.name.clone(), ty.to_string()));
                field.ty = ty;
                // They are those of a value of the contract's type.
                (field.default, field.unit, field.avro) = (None, None, AvroForm::default());
                field.constraints = Constraints::default();
                *slot = FieldPlan::new(field, None);
                casts.push(at);
            }
        }
        let (mut first, mut left) = (true, BTreeSet::new());
        let program = loop {
            let wanted = Wanted::new(&contract, &wants.rename, &sources)?;
            let how = (path, code(plan), first);
            let blames = match Program::compile(&wanted, &fields, decode, writer, how, &left)? {
                Ok(program) => break program,
                Err(blames) => blames,
            };
            first = false;
            let known = |b: &Blame| b.field.filter(|_| plan.goes_on()).map(|at| (at, b.fault, b.by_value));
            let Some(found) = blames.iter().map(known).collect::<Option<Vec<(usize, Fault, bool)>>>() else {
                let mut errors: Vec<Error> = blames.into_iter().map(|b| b.error).collect();
                if plan.refuses() {
                    // What else has changed is told with it.
                    drift.unknown = wants.unknown(writer);
                    errors.extend(drift.refusals(plan, path, &names(writer)));
                }
                return Err(Error::many(errors).unwrap_or_else(no_reason));
            };
            let mut progress = false;
            for (at, fault, by_value) in found {
                if by_value {
                    progress |= left.insert(at);
                } else if let Some(source @ FieldSource::Missing) = sources.get_mut(at) {
                    *source = FieldSource::Never(fault);
                    progress = true;
                }
            }
            if !progress {
                return Err(no_reason());
            }
        };
        drift.unknown = wants.unknown(writer);
        drift.given = wants.given(writer);
        for (at, (field, source)) in plan.fields.iter().zip(&sources).enumerate() {
            // With a default of its own the contract has said what is to be if it is not there.
            let defaulted = program.defaulted.contains(&at) && field.field.default.is_none();
            if defaulted || matches!(source, FieldSource::Never(fault) if *fault == ABSENT) {
                drift.missing.push(field.name().to_owned());
            }
        }
        if plan.refuses() {
            let mut errors = drift.refusals(plan, path, &names(writer));
            let wanted = Wanted::new(&contract, &wants.rename, &sources)?;
            for reason in incompatibilities(&program.reader, writer)? {
                errors.push(wanted.blame(&reason, &program.reader, writer, path, code(plan)).error);
            }
            if let Some(error) = Error::many(errors) {
                return Err(error);
            }
        }
        Ok(Self { program, fields, sources, drift, casts })
    }

    /// The columns of a sheet, in the types of the contract.
    ///
    /// # Errors
    /// `Source.TooLarge` if the texts of one column exceed 2 GiB.
    pub(super) fn finish(
        &self,
        sheet: Sheet<'_>,
        plan: &ReadPlan,
        projection: &Projection,
    ) -> Result<Decoded> {
        let mut decoded = sheet.finish(&self.sources, projection)?;
        for at in &self.casts {
            let (Some(field), Some(Some(column))) = (plan.fields.get(*at), decoded.columns.get_mut(*at))
            else {
                continue;
            };
            let faults = &mut decoded.faults;
            // Nulls were looked at when they were read, and what was at fault then has a value that any type has.
            let mut fault = |row: usize, fault: Fault| faults.push(RowFault::new(row, *at, fault));
            *column = exactly(column, &field.field.ty.arrow(), true, &mut fault).ok_or_else(|| {
                Error::new(codes::INTERNAL, format!("the column of `{}` cannot be cast", field.name()))
                    .hint("report this")
            })?;
        }
        never(&self.sources, &projection.decode, decoded.rows, &mut decoded.faults);
        Ok(decoded)
    }
}

fn no_reason() -> Error {
    Error::new(codes::INTERNAL, "a file is refused without a reason")
        .hint("report this with the schema of the file")
}

fn names(writer: &Schema) -> Vec<String> {
    match writer.kind(writer.root()) {
        Kind::Record(record) => record.fields.iter().map(|f| f.name.clone()).collect(),
        _ => Vec::new(),
    }
}

impl Wants {
    /// The field of the file that a field of the contract is read from.
    fn in_file<'s>(&self, at: usize, writer: &'s Schema) -> Option<&'s avro::Field> {
        let (Kind::Record(record), Some(field)) = (writer.kind(writer.root()), self.contract.fields.get(at))
        else {
            return None;
        };
        let of = |name: &str| record.fields.iter().find(|f| f.name == name);
        match self.rename.iter().find(|(_, to)| **to == field.name) {
            Some((column, _)) => of(column),
            None => of(&field.name).or_else(|| field.aliases.iter().find_map(|alias| of(alias))),
        }
    }

    /// The type that the file has for a field, if it is another one than the contract's and its values may be cast.
    fn other_type(&self, at: usize, writer: &Schema) -> Option<Type> {
        if !matches!(self.sources.get(at), Some(FieldSource::Missing)) {
            return None;
        }
        let ours = &self.contract.fields.get(at)?.ty;
        let theirs = plain(writer, self.in_file(at, writer)?.ty)?;
        (theirs != *ours && casts(&theirs.arrow(), ours)).then_some(theirs)
    }

    /// The fields of the file whose values the path says.
    fn given(&self, writer: &Schema) -> Vec<String> {
        let said = |at: &usize| matches!(self.sources.get(*at), Some(FieldSource::Constant(_)));
        let fields = (0..self.contract.fields.len()).filter(said);
        fields.filter_map(|at| self.in_file(at, writer)).map(|f| f.name.clone()).collect()
    }

    /// The fields of the file that the contract does not name, with their types.
    fn unknown(&self, writer: &Schema) -> Vec<(String, Option<String>)> {
        let Kind::Record(record) = writer.kind(writer.root()) else { return Vec::new() };
        let known: Vec<&str> = (0..self.contract.fields.len())
            .filter_map(|at| self.in_file(at, writer))
            .map(|f| f.name.as_str())
            .collect();
        let unknown = record.fields.iter().filter(|f| !known.contains(&f.name.as_str()));
        unknown.map(|f| (f.name.clone(), Some(word(writer, f.ty)))).collect()
    }
}

/// The type of a field as a contract writes it; a word for what no plain type holds.
fn word(schema: &Schema, node: NodeId) -> String {
    match (plain(schema, node), schema.kind(node)) {
        (Some(ty), _) => ty.to_string(),
        (None, Kind::Array(_)) => "array".to_owned(),
        (None, Kind::Map(_) | Kind::Record(_)) => "object".to_owned(),
        (None, _) => "other".to_owned(),
    }
}

/// The type of a field without parts as a contract has it, whether or not it may be null.
fn plain(schema: &Schema, node: NodeId) -> Option<Type> {
    let kind = match schema.kind(node) {
        Kind::Union(branches) => {
            let mut others = branches.iter().filter(|b| *schema.kind(**b) != Kind::Null);
            let only = *others.next()?;
            return if others.next().is_some() { None } else { plain(schema, only) };
        }
        kind => kind,
    };
    let small = |n: u32| u8::try_from(n).ok();
    Some(match (schema.node(node).logical, kind) {
        (Some(Logical::Decimal { precision, scale }), _) if precision <= 38 => {
            Type::Decimal { precision: small(precision)?, scale: small(scale)? }
        }
        (Some(Logical::Date), _) => Type::Date,
        (Some(Logical::TimeMillis), _) => Type::TimeMillis,
        (Some(Logical::TimeMicros), _) => Type::TimeMicros,
        (Some(Logical::TimestampMillis), _) => Type::TimestampMillis,
        (Some(Logical::TimestampMicros), _) => Type::TimestampMicros,
        (Some(Logical::TimestampNanos), _) => Type::TimestampNanos,
        (Some(Logical::LocalTimestampMillis), _) => Type::LocalTimestampMillis,
        (Some(Logical::LocalTimestampMicros), _) => Type::LocalTimestampMicros,
        (Some(Logical::LocalTimestampNanos), _) => Type::LocalTimestampNanos,
        (Some(Logical::Uuid), _) => Type::Uuid,
        (Some(_), _) => return None,
        (None, Kind::Boolean) => Type::Boolean,
        (None, Kind::Int) => Type::Int,
        (None, Kind::Long) => Type::Long,
        (None, Kind::Float) => Type::Float,
        (None, Kind::Double) => Type::Double,
        (None, Kind::String) => Type::String,
        (None, Kind::Bytes) => Type::Bytes,
        _ => return None,
    })
}
