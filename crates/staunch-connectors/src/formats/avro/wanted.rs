//! What a read wants of the files of an object: the reader's schema, made of the contract.

use crate::formats::csv::FieldSource;
use staunch_contract::avro::Schema;
use staunch_contract::{AvroForm, Contract, Field, Type};
use staunch_types::{Error, Result, codes};
use std::collections::{BTreeMap, BTreeSet};

/// The Avro form of a contract as a reader has it.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Before names are taken from a writer.
    pub(super) schema: Schema,
    /// For each field of the schema: its position in the contract.
    pub(super) fields: Vec<usize>,
    /// The names of types that the contract gives, without their namespaces: they are compared with those of a file.
    pub(super) declared: BTreeSet<String>,
    /// The name of the contract, for messages.
    pub(super) id: String,
}

impl Wanted {
    /// Of files of this contract, but for the fields that the path says and those that the file has no value of; `rename` gives fields of the files other names.
    ///
    /// # Errors
    /// `ST0043` if there is no such schema.
    pub(crate) fn new(
        contract: &Contract,
        rename: &BTreeMap<String, String>,
        sources: &[FieldSource],
    ) -> Result<Self> {
        let mut fields = Vec::new();
        let mut positions = Vec::new();
        for (position, field) in contract.fields.iter().enumerate() {
            if matches!(sources.get(position), Some(FieldSource::Constant(_) | FieldSource::Never(_))) {
                continue;
            }
            let mut field = field.clone();
            // A renamed field is read under its name in the file, and no other.
            if let Some((column, _)) = rename.iter().find(|(_, to)| **to == field.name) {
                field.name.clone_from(column);
                field.aliases.clear();
            }
            fields.push(field);
            positions.push(position);
        }
        let mut declared = BTreeSet::new();
        contract.fields.iter().for_each(|f| field_names(f, &mut declared));
        let text = contract.with_fields(fields).to_avro_json().to_string();
        let schema = Schema::parse(&text).map_err(|error| {
            Error::new(codes::NOT_HELD, format!("`{}` has no Avro form here", contract.id()))
                .cause(error.to_string())
                .hint("correct the contract, or `rename:` of the object: names are those of Avro, and each stands for one field")
        })?;
        Ok(Self { schema, fields: positions, declared, id: contract.id() })
    }
}

fn field_names(field: &Field, names: &mut BTreeSet<String>) {
    type_names(&field.ty, &field.avro, names);
}

// Contracts bound how deep types nest.
fn type_names(ty: &Type, avro: &AvroForm, names: &mut BTreeSet<String>) {
    if let Some(name) = &avro.name {
        let simple = name.rsplit_once('.').map_or(name.as_str(), |(_, simple)| simple);
        names.insert(simple.to_owned());
    }
    match ty {
        Type::Array(part) | Type::Map(part) => type_names(&part.ty, &part.avro, names),
        Type::Record(fields) => fields.iter().for_each(|f| field_names(f, names)),
        Type::Union(branches) => branches.iter().for_each(|b| type_names(&b.ty, &b.avro, names)),
        _ => {}
    }
}
