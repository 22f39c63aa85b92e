//! Integer arithmetic that fails where DataFusion's wraps.
//!
//! DataFusion evaluates `+`, `-`, `*` and unary minus on integers with kernels that wrap silently (`add_wrapping`, ...); division,
//! casts, dates and times are checked already. Of decimals DataFusion checks that 128 bits hold the result, not that 38 digits do: here both. After type coercion the wrapping operators are replaced by functions
//! over Arrow's checked kernels, in every expression of a plan; names of columns stay what they were. Lengths that functions fill up to
//! (`lpad`, `rpad`, `repeat`) are bounded: DataFusion would ask for as much memory as the value says, and abort.

use super::flat::{beginning, is_chain};
use super::instants::zoned;
use super::rewrite::expressions;
use arrow::array::AsArray;
use arrow::compute::kernels::numeric;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type};
use arrow::error::ArrowError;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ReturnFieldArgs,
    ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;
use std::sync::{Arc, LazyLock};

/// The analyzer rule that does the replacement.
#[derive(Debug)]
pub(crate) struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        expressions(plan, rewrite)
    }

    fn name(&self) -> &str {
        "checked_arithmetic"
    }
}

fn rewrite(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => {
            let checked = match op {
                Operator::Plus => &*ADD,
                Operator::Minus => &*SUBTRACT,
                Operator::Multiply => &*MULTIPLY,
                _ => return fits(Expr::BinaryExpr(BinaryExpr { left, op, right }), schema),
            };
            match (left.get_type(schema), right.get_type(schema)) {
                (Ok(l), Ok(r)) if l == r && l.is_integer() => Transformed::yes(Expr::ScalarFunction(
                    ScalarFunction::new_udf(checked.clone(), vec![*left, *right]),
                )),
                _ => fits(Expr::BinaryExpr(BinaryExpr { left, op, right }), schema),
            }
        }
        Expr::Negative(inner) => match inner.get_type(schema).and_then(|ty| zero(&ty)) {
            Ok(Some(zero)) => {
                let args = vec![Expr::Literal(zero, None), *inner];
                Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(SUBTRACT.clone(), args)))
            }
            _ => Transformed::no(Expr::Negative(inner)),
        },
        Expr::ScalarFunction(mut f) if matches!(f.name(), "lpad" | "rpad" | "repeat") => {
            let Some(length) = f.args.get_mut(1) else { return Transformed::no(Expr::ScalarFunction(f)) };
            let known = matches!(length, Expr::ScalarFunction(inner) if is_bounded(inner));
            if known || !length.get_type(schema).is_ok_and(|ty| ty == DataType::Int64) {
                return Transformed::no(Expr::ScalarFunction(f));
            }
            let length_of = std::mem::replace(length, Expr::Literal(ScalarValue::Null, None));
            *length = Expr::ScalarFunction(ScalarFunction::new_udf(LENGTH.clone(), vec![length_of]));
            Transformed::yes(Expr::ScalarFunction(f))
        }
        Expr::ScalarFunction(f) if f.name().starts_with("to_timestamp") => match zoned(&f, schema) {
            Some(zoned) => Transformed::yes(zoned),
            None => Transformed::no(Expr::ScalarFunction(f)),
        },
        other => Transformed::no(other),
    }
}

/// Arithmetic of decimals, where the result may have more digits than its type: a type of fewer than 38 holds every one.
fn fits(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let Expr::BinaryExpr(BinaryExpr { op, .. }) = &expr else { return Transformed::no(expr) };
    let computes = matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide);
    match expr.get_type(schema) {
        Ok(DataType::Decimal128(MOST_DIGITS, _)) if computes => {
            Transformed::yes(Expr::ScalarFunction(ScalarFunction::new_udf(FITS.clone(), vec![expr])))
        }
        _ => Transformed::no(expr),
    }
}

/// The digits of the largest decimal.
const MOST_DIGITS: u8 = 38;

fn zero(ty: &DataType) -> Result<Option<ScalarValue>> {
    if ty.is_signed_integer() { ScalarValue::new_zero(ty).map(Some) } else { Ok(None) }
}

/// The operator as it stood in the SQL text, if the function is one of ours.
pub(crate) fn operator(function: &ScalarFunction) -> Option<Operator> {
    function.func.inner().downcast_ref::<Checked>().map(|c| c.op)
}

/// The expression with our functions turned back into operators, for messages.
pub(crate) fn restore(expr: Expr) -> Expr {
    // More terms of a chain than these say nothing more.
    const TERMS: usize = 16;
    let back = expr.clone().transform_up(|e| {
        Ok(match e {
            Expr::ScalarFunction(f) if is_chain(&f) => match beginning(&f, TERMS) {
                Some(terms) => Transformed::yes(terms),
                None => Transformed::no(Expr::ScalarFunction(f)),
            },
            Expr::ScalarFunction(mut f) if (is_bounded(&f) || is_fits(&f)) && f.args.len() == 1 => {
                Transformed::yes(f.args.remove(0))
            }
            Expr::ScalarFunction(f) => match (operator(&f), <[Expr; 2]>::try_from(f.args.clone())) {
                (Some(op), Ok([left, right])) => Transformed::yes(Expr::BinaryExpr(BinaryExpr {
                    left: Box::new(left),
                    op,
                    right: Box::new(right),
                })),
                _ => Transformed::no(Expr::ScalarFunction(f)),
            },
            other => Transformed::no(other),
        })
    });
    back.map_or(expr, |t| t.data)
}

static ADD: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| Checked::udf("checked_add", Operator::Plus));
static SUBTRACT: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Checked::udf("checked_subtract", Operator::Minus));
static MULTIPLY: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Checked::udf("checked_multiply", Operator::Multiply));

/// One checked operator on two integers of the same type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    name: &'static str,
    op: Operator,
    signature: Signature,
}

impl Checked {
    fn udf(name: &'static str, op: Operator) -> Arc<ScalarUDF> {
        Arc::new(ScalarUDF::from(Self { name, op, signature: Signature::any(2, Volatility::Immutable) }))
    }

    fn text(&self, args: &[Expr], show: impl Fn(&Expr) -> String) -> String {
        args.iter().map(show).collect::<Vec<_>>().join(&format!(" {} ", self.op))
    }
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &str {
        self.name
    }

    // Both names are those of the operator that stood here, so that columns keep theirs.
    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.text(args, |e| e.to_string()))
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(self.text(args, |e| e.schema_name().to_string()))
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let ty = args.arg_fields.first().map_or(DataType::Null, |f| f.data_type().clone());
        Ok(Arc::new(Field::new(self.name, ty, args.arg_fields.iter().any(|f| f.is_nullable()))))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [left, right] = args.args.as_slice() else {
            return datafusion::common::internal_err!("{} takes two arguments", self.name);
        };
        match self.op {
            Operator::Plus => apply(left, right, numeric::add),
            Operator::Minus => apply(left, right, numeric::sub),
            _ => apply(left, right, numeric::mul),
        }
    }
}

/// The longest text, in characters, that a function may fill up to.
const LONGEST: i64 = 1 << 20;

static LENGTH: LazyLock<Arc<ScalarUDF>> = LazyLock::new(|| {
    Arc::new(ScalarUDF::from(Length {
        signature: Signature::exact(vec![DataType::Int64], Volatility::Immutable),
    }))
});

/// A length as it is, or an overflow if it is beyond the bound.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Length {
    signature: Signature,
}

fn is_bounded(function: &ScalarFunction) -> bool {
    function.func.inner().downcast_ref::<Length>().is_some()
}

impl ScalarUDFImpl for Length {
    fn name(&self) -> &str {
        "bounded_length"
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(ToString::to_string).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _arg_types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(
            self.name(),
            DataType::Int64,
            args.arg_fields.iter().any(|f| f.is_nullable()),
        )))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let beyond = || ArrowError::ArithmeticOverflow("a length is beyond the bound".into());
        let Some(length) = args.args.into_iter().next() else {
            return datafusion::common::internal_err!("a bound without a length");
        };
        let fits = match &length {
            ColumnarValue::Scalar(ScalarValue::Int64(value)) => value.is_none_or(|v| v <= LONGEST),
            ColumnarValue::Array(array) => array
                .as_primitive_opt::<Int64Type>()
                .is_some_and(|a| a.iter().flatten().all(|v| v <= LONGEST)),
            ColumnarValue::Scalar(_) => false,
        };
        if fits { Ok(length) } else { Err(beyond().into()) }
    }
}

static FITS: LazyLock<Arc<ScalarUDF>> =
    LazyLock::new(|| Arc::new(ScalarUDF::from(Fits { signature: Signature::any(1, Volatility::Immutable) })));

/// A decimal as it is, or an overflow if it has more digits than its type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Fits {
    signature: Signature,
}

fn is_fits(function: &ScalarFunction) -> bool {
    function.func.inner().downcast_ref::<Fits>().is_some()
}

impl ScalarUDFImpl for Fits {
    fn name(&self) -> &str {
        "fits"
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(ToString::to_string).collect())
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        Ok(args.iter().map(|e| e.schema_name().to_string()).collect())
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        Ok(arg_types.first().cloned().unwrap_or(DataType::Null))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let ty = args.arg_fields.first().map_or(DataType::Null, |f| f.data_type().clone());
        Ok(Arc::new(Field::new(self.name(), ty, args.arg_fields.iter().any(|f| f.is_nullable()))))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.into_iter().next() else {
            return datafusion::common::internal_err!("nothing to fit");
        };
        match &value {
            ColumnarValue::Array(array) => {
                let decimals = array.as_primitive::<Decimal128Type>();
                decimals.validate_decimal_precision(decimals.precision())?;
            }
            ColumnarValue::Scalar(scalar) => {
                let array = scalar.to_array()?;
                let decimals = array.as_primitive::<Decimal128Type>();
                decimals.validate_decimal_precision(decimals.precision())?;
            }
        }
        Ok(value)
    }
}
