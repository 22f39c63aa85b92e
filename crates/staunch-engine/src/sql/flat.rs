//! Long chains of operators, made flat.
//!
//! A chain of operators is a tree as deep as the chain is long: DataFusion types it in quadratic time and evaluates it by recursion, on
//! whatever stack it runs. Before types are coerced a long chain of arithmetic becomes one function of all its terms, which are
//! still taken from left to right, with the types that the operators would have had; a long chain of `AND` or `OR` becomes a
//! balanced tree of the same terms in the same order. Names of columns stay what they were.

use arrow::array::ArrayRef;
use arrow::compute::kernels::{cast::cast_with_options, numeric};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::format::DEFAULT_CAST_OPTIONS;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, LogicalPlan, Operator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility,
};
use datafusion::logical_expr_common::type_coercion::binary::BinaryTypeCoercer;
use datafusion::optimizer::AnalyzerRule;
use std::sync::Arc;

/// From how many operators on a chain is long.
const LONG: usize = 32;

/// The analyzer rule that flattens.
#[derive(Debug)]
pub(crate) struct FlatChains;

impl AnalyzerRule for FlatChains {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        let flat = plan.transform_up_with_subqueries(|node| {
            let names = NamePreserver::new(&node);
            node.map_expressions(|expr| {
                if !has_long(&expr) {
                    return Ok(Transformed::no(expr));
                }
                let name = names.save(&expr);
                expr.transform_down(|e| Ok(flatten(e))).map(|t| t.update_data(|e| name.restore(e)))
            })
        });
        flat.map(|t| t.data)
    }

    fn name(&self) -> &str {
        "flat_chains"
    }
}

fn has_long(expr: &Expr) -> bool {
    expr.exists(|e| Ok(spine(e) >= LONG)).unwrap_or(false)
}

fn is_arithmetic(op: Operator) -> bool {
    matches!(op, Operator::Plus | Operator::Minus | Operator::Multiply | Operator::Divide | Operator::Modulo)
}

/// Whether two operators belong to one chain.
fn same_chain(a: Operator, b: Operator) -> bool {
    (is_arithmetic(a) && is_arithmetic(b)) || (a == b && matches!(a, Operator::And | Operator::Or))
}

/// How many operators of one chain stand on the left of each other.
fn spine(expr: &Expr) -> usize {
    let Expr::BinaryExpr(BinaryExpr { op: first, .. }) = expr else { return 0 };
    if !same_chain(*first, *first) {
        return 0;
    }
    let (mut length, mut at) = (0, expr);
    while let Expr::BinaryExpr(BinaryExpr { left, op, .. }) = at {
        if !same_chain(*first, *op) {
            break;
        }
        length += 1;
        at = left;
    }
    length
}

fn flatten(expr: Expr) -> Transformed<Expr> {
    if spine(&expr) < LONG {
        return Transformed::no(expr);
    }
    let Expr::BinaryExpr(BinaryExpr { op: first, .. }) = &expr else { return Transformed::no(expr) };
    let first = *first;
    let (mut terms, mut ops, mut at) = (Vec::new(), Vec::new(), expr);
    loop {
        match at {
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if same_chain(first, op) => {
                terms.push(*right);
                ops.push(op);
                at = *left;
            }
            last => {
                terms.push(last);
                break;
            }
        }
    }
    terms.reverse();
    ops.reverse();
    Transformed::yes(match first {
        Operator::And | Operator::Or => balanced(terms, first),
        _ => {
            let signature = Signature::variadic_any(Volatility::Immutable);
            let chain = Arc::new(ScalarUDF::from(Chain { ops, signature }));
            Expr::ScalarFunction(ScalarFunction::new_udf(chain, terms))
        }
    })
}

/// A tree of the terms, in their order, whose depth is the logarithm of their number.
fn balanced(mut terms: Vec<Expr>, op: Operator) -> Expr {
    while terms.len() > 1 {
        let mut pairs = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => {
                    Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) })
                }
                None => left,
            });
        }
        terms = pairs;
    }
    terms
        .pop()
        .unwrap_or(Expr::Literal(datafusion::common::ScalarValue::Boolean(Some(op == Operator::And)), None))
}

/// Whether a function is a chain.
pub(crate) fn is_chain(function: &ScalarFunction) -> bool {
    function.func.inner().downcast_ref::<Chain>().is_some()
}

/// The beginning of a chain as operators, for messages; `None` if the function is none.
pub(crate) fn beginning(function: &ScalarFunction, most: usize) -> Option<Expr> {
    let chain = function.func.inner().downcast_ref::<Chain>()?;
    let mut terms = function.args.iter().take(most).cloned();
    let first = terms.next()?;
    Some(terms.zip(&chain.ops).fold(first, |left, (right, op)| {
        Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op: *op, right: Box::new(right) })
    }))
}

/// Arithmetic over many terms, from left to right: `ops` has one less than there are terms.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Chain {
    ops: Vec<Operator>,
    signature: Signature,
}

impl Chain {
    fn text(&self, args: &[Expr], show: impl Fn(&Expr) -> String) -> String {
        let mut text = String::new();
        for (i, arg) in args.iter().enumerate() {
            if let Some(op) = i.checked_sub(1).and_then(|i| self.ops.get(i)) {
                text.push_str(&format!(" {op} "));
            }
            text.push_str(&show(arg));
        }
        text
    }

    fn result(&self, types: &[DataType]) -> Result<DataType> {
        let Some((first, rest)) = types.split_first() else { return internal_err!("a chain without terms") };
        rest.iter().zip(&self.ops).try_fold(first.clone(), |left, (right, op)| {
            BinaryTypeCoercer::new(&left, op, right).get_result_type()
        })
    }
}

impl ScalarUDFImpl for Chain {
    fn name(&self) -> &str {
        "chain"
    }

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
        self.result(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<FieldRef> {
        let types: Vec<DataType> = args.arg_fields.iter().map(|f| f.data_type().clone()).collect();
        let nullable = args.arg_fields.iter().any(|f| f.is_nullable());
        Ok(Arc::new(Field::new(self.name(), self.result(&types)?, nullable)))
    }

    fn is_strict(&self) -> bool {
        true
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let mut terms = args.args.into_iter();
        let Some(first) = terms.next() else { return internal_err!("a chain without terms") };
        let mut sum = first;
        for (term, op) in terms.zip(&self.ops) {
            sum = step(sum, *op, term, rows)?;
        }
        Ok(sum)
    }
}

/// One operator on two values, coerced as DataFusion coerces them, with Arrow's checked kernels.
fn step(left: ColumnarValue, op: Operator, right: ColumnarValue, rows: usize) -> Result<ColumnarValue> {
    let (left_type, right_type) = (left.data_type(), right.data_type());
    let (to_left, to_right) = BinaryTypeCoercer::new(&left_type, &op, &right_type).get_input_types()?;
    let scalars = matches!((&left, &right), (ColumnarValue::Scalar(_), ColumnarValue::Scalar(_)));
    let rows = if scalars { 1 } else { rows };
    let cast = |value: ColumnarValue, to: &DataType| -> Result<ArrayRef> {
        let array = value.into_array(rows)?;
        Ok(if array.data_type() == to {
            array
        } else {
            cast_with_options(&array, to, &DEFAULT_CAST_OPTIONS)?
        })
    };
    let (left, right) = (cast(left, &to_left)?, cast(right, &to_right)?);
    let out = match op {
        Operator::Plus => numeric::add(&left, &right),
        Operator::Minus => numeric::sub(&left, &right),
        Operator::Multiply => numeric::mul(&left, &right),
        Operator::Divide => numeric::div(&left, &right),
        Operator::Modulo => numeric::rem(&left, &right),
        other => return internal_err!("a chain of {other}"),
    }?;
    Ok(if scalars {
        ColumnarValue::Scalar(datafusion::common::ScalarValue::try_from_array(&out, 0)?)
    } else {
        ColumnarValue::Array(out)
    })
}
