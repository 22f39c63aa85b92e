//! A field of a record that is null is null.
//!
//! DataFusion's `get_field` gives the column of the field as it lies below the record's, whose own nulls it forgets: what a format put
//! there for a record that is not there (a zero, an empty text) came out as a value. Here every access takes the nulls along.

use super::rewrite::expressions;
use arrow::array::{Array, ArrayRef, make_array};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use std::sync::{Arc, LazyLock};

/// The analyzer rule.
#[derive(Debug)]
pub(crate) struct NullRecords;

impl AnalyzerRule for NullRecords {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        expressions(plan, access)
    }

    fn name(&self) -> &str {
        "null_records"
    }
}

fn access(expr: Expr, _schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::ScalarFunction(f) if f.func.inner().downcast_ref::<GetFieldFunc>().is_some() => {
            Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(FIELD.clone(), f.args)))
        }
        other => Transformed::no(other),
    }
}

static FIELD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::from(FieldOf {
        signature: Signature::user_defined(Volatility::Immutable),
        inner: GetFieldFunc::new(),
    }))
});

/// `get_field` with the nulls of what it looks into.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FieldOf {
    signature: Signature,
    inner: GetFieldFunc,
}

impl ScalarUDFImpl for FieldOf {
    fn name(&self) -> &str {
        "field_of"
    }

    // Messages and names of columns show what was written.
    fn display_name(&self, args: &[Expr]) -> Result<String> {
        self.schema_name(args)
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        self.inner.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    /// Step by step: the nulls of each record on the way count.
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some((base, path)) = args.args.split_first() else { return internal_err!("a field of nothing") };
        let mut at = base.to_array(args.number_rows)?;
        for name in path {
            let one = ScalarFunctionArgs {
                args: vec![ColumnarValue::Array(Arc::clone(&at)), name.clone()],
                arg_fields: Vec::new(),
                number_rows: args.number_rows,
                return_field: Arc::clone(&args.return_field),
                config_options: Arc::clone(&args.config_options),
            };
            at = match self.inner.invoke_with_args(one)? {
                ColumnarValue::Scalar(ScalarValue::Null) => {
                    return ScalarValue::try_new_null(args.return_field.data_type())
                        .map(ColumnarValue::Scalar);
                }
                found => masked(found.to_array(args.number_rows)?, &at)?,
            };
        }
        Ok(ColumnarValue::Array(at))
    }
}

/// The values, null where the record is.
fn masked(values: ArrayRef, record: &ArrayRef) -> Result<ArrayRef> {
    let Some(outer) = record.nulls().filter(|n| n.null_count() > 0) else { return Ok(values) };
    // A union has no nulls of its own to be set, and a null column has all.
    if matches!(values.data_type(), DataType::Union(_, _)) {
        return internal_err!("a union inside a record that may be null");
    }
    if matches!(values.data_type(), DataType::Null) {
        return Ok(values);
    }
    let nulls = NullBuffer::union(values.nulls(), Some(outer));
    Ok(make_array(values.to_data().into_builder().nulls(nulls).build()?))
}
