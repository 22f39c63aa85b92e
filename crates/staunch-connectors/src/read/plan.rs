//! What the chain does to every chunk of a read, decided once.

use crate::read::field::FieldPlan;
use crate::read::parse::time::Format;
use crate::read::pii::Treat;
use arrow::datatypes::SchemaRef;
use staunch_contract::{AvroForm, Constraints, Contract, Type};
use staunch_pipeline::{Late, OnDrift, Treatment, Validate};
use staunch_types::{Error, Micros, Result, bare, codes};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What a read asks of the chain.
#[derive(Debug)]
pub(crate) struct ReadRequest<'a> {
    pub(crate) contract: &'a Arc<Contract>,
    pub(crate) late_after: Option<Duration>,
    pub(crate) late: Late,
    pub(crate) validate: Validate,
    pub(crate) on_drift: Option<OnDrift>,
    pub(crate) pii: &'a BTreeMap<String, Treatment>,
    pub(crate) token_keys: &'a BTreeMap<String, [u8; 32]>,
    pub(crate) formats: &'a BTreeMap<String, Format>,
}

/// The chain of one read.
pub(crate) struct ReadPlan {
    /// The fields of the contract, in order.
    pub(crate) fields: Vec<FieldPlan>,
    /// What happens to each of them at the end.
    pub(crate) treats: Vec<Treat>,
    /// The contract after treatment.
    pub(crate) output: Arc<Contract>,
    pub(crate) schema: SchemaRef,
    /// For each field of `output`: its position in `fields`.
    pub(crate) outputs: Vec<usize>,
    /// The position of the event time in `fields`.
    pub(crate) event_time: Option<usize>,
    /// The bound of lateness, if rows are to be filtered by it.
    pub(crate) late_after: Option<Micros>,
    pub(crate) validate: Validate,
    pub(crate) on_drift: Option<OnDrift>,
    /// `name@version` of the contract.
    id: String,
}

/// What one opening of the source hands on.
#[derive(Debug)]
pub(crate) struct Projection {
    /// Positions in [`ReadPlan::outputs`], ascending.
    pub(crate) columns: Vec<usize>,
    /// For each field of the contract: whether it is decoded at all.
    pub(crate) decode: Vec<bool>,
    /// For each field that is decoded: whether that is only to see that it can be. Nobody asks for the column, and no constraint looks at it:
    /// formats of text keep no values of it.
    pub(crate) seen_only: Vec<bool>,
    /// The schema of the batches.
    pub(crate) schema: SchemaRef,
}

impl ReadPlan {
    /// Decides.
    ///
    /// # Errors
    /// `ST0032` for a PII class without a treatment; `Internal.Bug` for a class without its token key.
    pub(crate) fn new(request: &ReadRequest<'_>) -> Result<Self> {
        let contract = request.contract;
        let fields: Vec<FieldPlan> = contract
            .fields
            .iter()
            .map(|f| FieldPlan::new(f, request.formats.get(&f.name).cloned()))
            .collect();
        let mut treats = Vec::with_capacity(fields.len());
        let mut mistakes = Vec::new();
        for field in &contract.fields {
            if field.pii.is_empty() {
                treats.push(Treat::Keep);
                continue;
            }
            treats.push(match Treatment::of(&field.pii, request.pii) {
                Some((Treatment::Keep, _)) => Treat::Keep,
                Some((Treatment::Drop, _)) => Treat::Drop,
                Some((Treatment::Mask, _)) => Treat::Mask,
                Some((Treatment::Token, class)) if field.ty.is_nested() => {
                    let message = format!("`{}` is nested and cannot become a token", field.name);
                    mistakes.push(Error::new(codes::PII_UNTREATED, message).field(&field.name).hint(format!(
                        "write `{class}: mask` (or `drop`, `keep`) in `pii:` of the profile: equal nested values have no one text"
                    )));
                    Treat::Drop
                }
                Some((Treatment::Token, class)) => match request.token_keys.get(class) {
                    Some(key) => Treat::token(key)?,
                    None => {
                        let message = format!("the token key of class `{class}` is missing");
                        return Err(Error::new(codes::INTERNAL, message).hint("report this"));
                    }
                },
                None => {
                    for class in field.pii.iter().filter(|c| !request.pii.contains_key(*c)) {
                        let message = format!("the PII class `{class}` has no treatment");
                        mistakes.push(Error::new(codes::PII_UNTREATED, message).field(&field.name).hint(
                            format!("add `{class}: token` (or `mask`, `drop`, `keep`) to `pii:` of the profile"),
                        ));
                    }
                    Treat::Drop
                }
            });
        }
        if let Some(error) = Error::many(mistakes) {
            return Err(error);
        }
        let outputs: Vec<usize> =
            treats.iter().enumerate().filter(|(_, t)| !matches!(t, Treat::Drop)).map(|(i, _)| i).collect();
        let output = Arc::new(treated(contract, &treats, &outputs, request.pii));
        let late_after = match (request.late, request.late_after) {
            (Late::Keep, Some(bound)) => Some(Micros::try_from(bound.as_micros()).unwrap_or(Micros::MAX)),
            _ => None,
        };
        Ok(Self {
            event_time: contract.event_time.as_ref().and_then(|name| contract.index_of(name)),
            schema: output.arrow_schema(),
            fields,
            treats,
            output,
            outputs,
            late_after,
            validate: request.validate,
            on_drift: request.on_drift,
            id: contract.id(),
        })
    }

    /// `name@version` of the contract of what is read.
    pub(crate) fn contract_id(&self) -> &str {
        &self.id
    }

    /// Whether a file that does not fit the contract is refused.
    pub(crate) fn refuses(&self) -> bool {
        self.on_drift == Some(OnDrift::Refuse)
    }

    /// Whether rows that cannot be read are dead even if it is all rows of a file.
    pub(crate) fn goes_on(&self) -> bool {
        matches!(self.on_drift, Some(OnDrift::DeadLetter | OnDrift::Widen))
    }

    /// Whether values of other types are cast, and fields that the contract does not name are kept.
    pub(crate) fn widens(&self) -> bool {
        self.on_drift == Some(OnDrift::Widen)
    }

    /// What an opening for `columns` (positions in the schema, ascending) decodes and hands on.
    ///
    /// # Errors
    /// `Internal.Bug` if a position is not in the schema.
    pub(crate) fn project(&self, columns: Option<&[usize]>) -> Result<Projection> {
        let columns = columns.map_or_else(|| (0..self.outputs.len()).collect(), <[usize]>::to_vec);
        let schema = self.schema.project(&columns).map_err(|_| {
            Error::new(codes::INTERNAL, "a column that is not in the schema was asked for")
                .hint("report this")
        })?;
        let mut decode = vec![self.validate == Validate::All && !bare::on(); self.fields.len()];
        let mut seen_only: Vec<bool> = self.fields.iter().map(|f| f.checks.is_empty()).collect();
        let used = columns.iter().filter_map(|c| self.outputs.get(*c));
        for field in used.chain(self.event_time.iter().filter(|_| !bare::on() || self.late_after.is_some())) {
            if let (Some(decode), Some(seen_only)) = (decode.get_mut(*field), seen_only.get_mut(*field)) {
                (*decode, *seen_only) = (true, false);
            }
        }
        Ok(Projection { columns, decode, seen_only, schema: Arc::new(schema) })
    }
}

/// The contract after treatment: dropped fields leave, masked and tokenised ones are strings. A masked field identifies
/// nothing, so a key that holds one, or misses one, is no key; a treated event time is none.
fn treated(
    contract: &Contract,
    treats: &[Treat],
    outputs: &[usize],
    pii: &BTreeMap<String, Treatment>,
) -> Contract {
    let mut output = contract.clone();
    output.fields = Vec::with_capacity(outputs.len());
    for (field, treat) in contract.fields.iter().zip(treats) {
        let mut field = field.clone();
        if matches!(treat, Treat::Mask | Treat::Token(_)) {
            field.ty = Type::String;
            // They were those of the value, which is not there any more.
            field.constraints = Constraints::default();
            (field.default, field.unit, field.avro) = (None, None, AvroForm::default());
        }
        match treat {
            Treat::Drop => continue,
            Treat::Mask => field.pii.clear(),
            // A token hides the values of all its classes: of those that were to be kept nothing is there.
            Treat::Token(_) => field.pii.retain(|class| pii.get(class) != Some(&Treatment::Keep)),
            Treat::Keep => {}
        }
        output.fields.push(field);
    }
    let treat_of = |name: &String| contract.index_of(name).and_then(|i| treats.get(i));
    if !output.key.iter().all(|name| matches!(treat_of(name), Some(Treat::Keep | Treat::Token(_)))) {
        output.key.clear();
    }
    if !output.event_time.iter().all(|name| treat_of(name).is_some_and(Treat::keeps)) {
        output.event_time = None;
    }
    output
}
