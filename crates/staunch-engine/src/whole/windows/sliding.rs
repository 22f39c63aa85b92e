//! Aggregates over frames whose beginning moves.
//!
//! DataFusion takes the rows that leave a frame out of the aggregate again. For floating-point numbers that is wrong beyond the last digits (what
//! `1e20` or `Infinity` did to a sum does not go away with it), and many aggregates cannot do it. Here such an aggregate is made of the
//! rows of its frame and nothing else: see [`super::frame`].

use super::frame::{Frame, Way};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryPool};
use datafusion::logical_expr::expr::{AggregateFunctionParams, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, merge_schema};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, ExprSchemable, LogicalPlan, ReversedUDAF, Signature,
    WindowFunctionDefinition,
};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// Aggregates that can take rows out exactly, if they are not sums of floating-point numbers.
const EXACT: &[&str] = &["count", "sum", "avg", "min", "max", "bit_xor", "array_agg", "median"];

/// Aggregates whose states are small, can be merged, and do not depend on the order of rows.
const MERGED: &[&str] = &[
    "sum",
    "avg",
    "var",
    "var_pop",
    "stddev",
    "stddev_pop",
    "covar_samp",
    "covar_pop",
    "corr",
    "bool_and",
    "bool_or",
    "bit_and",
    "bit_or",
    "regr_slope",
    "regr_intercept",
    "regr_count",
    "regr_r2",
    "regr_avgx",
    "regr_avgy",
    "regr_sxx",
    "regr_syy",
    "regr_sxy",
];

/// The plan with aggregates of our own where frames move. What they hold is set aside in the pool.
pub(super) fn replaced(plan: LogicalPlan, pool: &Arc<dyn MemoryPool>) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|node| {
        if !matches!(node, LogicalPlan::Window(_)) {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            expr.transform_up(|e| Ok(replace(e, &schema, pool))).map(|t| t.update_data(|e| name.restore(e)))
        })
    })
    .data()
}

fn replace(expr: Expr, schema: &DFSchema, pool: &Arc<dyn MemoryPool>) -> Transformed<Expr> {
    let Expr::WindowFunction(mut function) = expr else { return Transformed::no(expr) };
    let WindowFunction { fun, params } = function.as_mut();
    if let WindowFunctionDefinition::AggregateUDF(inner) = fun
        && !params.window_frame.is_ever_expanding()
        && let Some(way) = way(inner.name(), params, schema)
    {
        *inner = Arc::new(AggregateUDF::from(Sliding { inner: inner.clone(), way, pool: pool.clone() }));
        return Transformed::yes(Expr::WindowFunction(function));
    }
    Transformed::no(Expr::WindowFunction(function))
}

/// How an aggregate is computed, if DataFusion's way will not do.
fn way(name: &str, params: &WindowFunctionParams, schema: &DFSchema) -> Option<Way> {
    let float = |arg: &Expr| arg.get_type(schema).is_ok_and(|ty| ty.is_floating());
    let rounded = matches!(name, "sum" | "avg") && params.args.iter().any(float);
    if EXACT.contains(&name) && !rounded {
        None
    } else if MERGED.contains(&name) && !params.distinct {
        Some(Way::Merged)
    } else {
        Some(Way::Again)
    }
}

/// An aggregate that is made anew where rows leave its frame.
#[derive(Debug)]
struct Sliding {
    inner: Arc<AggregateUDF>,
    way: Way,
    pool: Arc<dyn MemoryPool>,
}

impl PartialEq for Sliding {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner && self.way == other.way
    }
}

impl Eq for Sliding {}

impl Hash for Sliding {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
    }
}

impl AggregateUDFImpl for Sliding {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.human_display(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.inner.display_name(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.inner.window_function_schema_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.inner.window_function_display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field(&self, arg_fields: &[FieldRef]) -> Result<FieldRef> {
        self.inner.return_field(arg_fields)
    }

    fn is_nullable(&self) -> bool {
        self.inner.is_nullable()
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        self.inner.coerce_types(arg_types)
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.inner.default_value(data_type)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.inner.supports_null_handling_clause()
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.inner.state_fields(args)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        self.inner.accumulator(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        let maker = Maker::new(self.inner.clone(), &args);
        let reservation = MemoryConsumer::new("frame of a window").register(&self.pool);
        Ok(Box::new(Frame::new(maker, self.way, reservation)?))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.inner.reverse_udf() {
            ReversedUDAF::Identical => ReversedUDAF::Identical,
            ReversedUDAF::NotSupported => ReversedUDAF::NotSupported,
            ReversedUDAF::Reversed(inner) => ReversedUDAF::Reversed(Arc::new(AggregateUDF::from(Self {
                inner,
                way: self.way,
                pool: self.pool.clone(),
            }))),
        }
    }
}

/// Makes accumulators of one function over the same arguments.
#[derive(Debug)]
pub(super) struct Maker {
    function: Arc<AggregateUDF>,
    return_field: FieldRef,
    schema: Schema,
    ignore_nulls: bool,
    order_bys: Vec<PhysicalSortExpr>,
    is_reversed: bool,
    name: String,
    is_distinct: bool,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    expr_fields: Vec<FieldRef>,
}

impl Maker {
    fn new(function: Arc<AggregateUDF>, args: &AccumulatorArgs) -> Self {
        Self {
            function,
            return_field: args.return_field.clone(),
            schema: args.schema.clone(),
            ignore_nulls: args.ignore_nulls,
            order_bys: args.order_bys.to_vec(),
            is_reversed: args.is_reversed,
            name: args.name.to_owned(),
            is_distinct: args.is_distinct,
            exprs: args.exprs.to_vec(),
            expr_fields: args.expr_fields.to_vec(),
        }
    }

    pub(super) fn make(&self) -> Result<Box<dyn Accumulator>> {
        self.function.accumulator(AccumulatorArgs {
            return_field: self.return_field.clone(),
            schema: &self.schema,
            ignore_nulls: self.ignore_nulls,
            order_bys: &self.order_bys,
            is_reversed: self.is_reversed,
            name: &self.name,
            is_distinct: self.is_distinct,
            exprs: &self.exprs,
            expr_fields: &self.expr_fields,
        })
    }
}
