//! `avg` of whole numbers: their exact sum, divided once.
//!
//! DataFusion makes a floating-point number of each before it adds them, or looks which are distinct, so that large ones lose digits which the mean
//! still has. All other types are its own.

use super::rewrite::expressions;
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type, UInt64Type};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, Expr, ExprSchemable, GroupsAccumulator, LogicalPlan,
    ReversedUDAF, Signature, Volatility, WindowFunctionDefinition,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr::NullState;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

/// The analyzer rule, before types are coerced.
#[derive(Debug)]
pub(crate) struct ExactMeans;

impl AnalyzerRule for ExactMeans {
    fn analyze(&self, plan: LogicalPlan, _config: &ConfigOptions) -> Result<LogicalPlan> {
        expressions(plan, exact)
    }

    fn name(&self) -> &str {
        "exact_means"
    }
}

fn exact(expr: Expr, schema: &DFSchema) -> Transformed<Expr> {
    let whole = |args: &[Expr]| match args {
        [arg] => arg.get_type(schema).is_ok_and(|ty| ty.is_integer()),
        _ => false,
    };
    match expr {
        Expr::AggregateFunction(AggregateFunction { func, params })
            if func.name() == "avg" && whole(&params.args) =>
        {
            Transformed::yes(Expr::AggregateFunction(AggregateFunction { func: MEAN.clone(), params }))
        }
        Expr::WindowFunction(mut window) => match &window.fun {
            WindowFunctionDefinition::AggregateUDF(func)
                if func.name() == "avg" && whole(&window.params.args) =>
            {
                let fun = WindowFunctionDefinition::AggregateUDF(MEAN.clone());
                window = Box::new(WindowFunction { fun, ..*window });
                Transformed::yes(Expr::WindowFunction(window))
            }
            _ => Transformed::no(Expr::WindowFunction(window)),
        },
        other => Transformed::no(other),
    }
}

static MEAN: LazyLock<Arc<AggregateUDF>> = LazyLock::new(|| {
    Arc::new(AggregateUDF::from(Mean { signature: Signature::user_defined(Volatility::Immutable) }))
});

/// What sums travel as: more digits than 2^64 numbers of 64 bits can come to.
const WIDE: DataType = DataType::Decimal128(38, 0);

/// The aggregate function.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Mean {
    signature: Signature,
}

impl AggregateUDFImpl for Mean {
    fn name(&self) -> &str {
        "avg"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(match types {
            [DataType::UInt64] => vec![DataType::UInt64],
            _ => vec![DataType::Int64],
        })
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Ok(Box::new(OfDistinct::default()));
        }
        Ok(Box::new(One { sum: 0, count: 0 }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        if args.is_distinct {
            let values = Field::new_list(
                format_state_name(args.name, "distinct"),
                Field::new_list_field(WIDE, true),
                true,
            );
            return Ok(vec![Arc::new(values)]);
        }
        Ok(vec![
            Arc::new(Field::new(format_state_name(args.name, "sum"), WIDE, true)),
            Arc::new(Field::new(format_state_name(args.name, "count"), DataType::UInt64, true)),
        ])
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Groups { sums: Vec::new(), counts: Vec::new(), seen: NullState::new() }))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

/// The mean of a sum that 2^63 numbers of 64 bits cannot make too large.
fn mean(sum: i128, count: u64) -> f64 {
    sum as f64 / count as f64
}

/// Calls `f` with each value that is not null.
fn each(values: &ArrayRef, mut f: impl FnMut(i128)) -> Result<()> {
    match values.data_type() {
        DataType::Int64 => values.as_primitive::<Int64Type>().iter().flatten().for_each(|v| f(v.into())),
        DataType::UInt64 => values.as_primitive::<UInt64Type>().iter().flatten().for_each(|v| f(v.into())),
        DataType::Decimal128(_, _) => values.as_primitive::<Decimal128Type>().iter().flatten().for_each(f),
        other => return internal_err!("avg over {other}"),
    }
    Ok(())
}

fn wide(sums: impl Iterator<Item = Option<i128>>) -> Result<Decimal128Array> {
    Ok(sums.collect::<Decimal128Array>().with_precision_and_scale(38, 0)?)
}

/// One mean. Values can be taken out again, as windows do.
#[derive(Debug)]
struct One {
    sum: i128,
    count: u64,
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return internal_err!("avg takes one argument") };
        self.count += (values.len() - values.null_count()) as u64;
        each(values, |v| self.sum += v)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return internal_err!("avg takes one argument") };
        self.count = self.count.saturating_sub((values.len() - values.null_count()) as u64);
        each(values, |v| self.sum -= v)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64((self.count > 0).then(|| mean(self.sum, self.count))))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Decimal128(Some(self.sum), 38, 0), ScalarValue::UInt64(Some(self.count))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [sums, counts] = states else { return internal_err!("avg has a state of two columns") };
        self.count += counts.as_primitive::<UInt64Type>().iter().flatten().sum::<u64>();
        each(sums, |v| self.sum += v)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// The mean of different values.
#[derive(Debug, Default)]
struct OfDistinct {
    values: BTreeSet<i128>,
}

impl Accumulator for OfDistinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return internal_err!("avg takes one argument") };
        each(values, |v| {
            self.values.insert(v);
        })
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let sum = self.values.iter().sum();
        Ok(ScalarValue::Float64((!self.values.is_empty()).then(|| mean(sum, self.values.len() as u64))))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values: Vec<ScalarValue> =
            self.values.iter().map(|v| ScalarValue::Decimal128(Some(*v), 38, 0)).collect();
        Ok(vec![ScalarValue::List(ScalarValue::new_list_nullable(&values, &WIDE))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [lists] = states else {
            return internal_err!("avg of distinct values has a state of one column");
        };
        lists.as_list::<i32>().iter().flatten().try_for_each(|list| self.update_batch(&[list]))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.len() * 2 * size_of::<i128>()
    }
}

/// A mean for each group.
struct Groups {
    sums: Vec<i128>,
    counts: Vec<u64>,
    seen: NullState,
}

impl Groups {
    /// Takes the groups out: sums, counts, and which have a value.
    fn take(&mut self, emit: EmitTo) -> impl Iterator<Item = Option<(i128, u64)>> {
        let (sums, counts) = (emit.take_needed(&mut self.sums), emit.take_needed(&mut self.counts));
        let _ = self.seen.build(emit);
        sums.into_iter().zip(counts).map(|(sum, count)| (count > 0).then_some((sum, count)))
    }
}

impl GroupsAccumulator for Groups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let [values] = values else { return internal_err!("avg takes one argument") };
        self.sums.resize(total_num_groups, 0);
        self.counts.resize(total_num_groups, 0);
        let (sums, counts) = (&mut self.sums, &mut self.counts);
        let mut add = |group: usize, value: i128| {
            sums[group] += value;
            counts[group] += 1;
        };
        match values.data_type() {
            DataType::Int64 => {
                let values = values.as_primitive::<Int64Type>();
                self.seen
                    .accumulate(group_indices, values, opt_filter, total_num_groups, |g, v| add(g, v.into()));
            }
            DataType::UInt64 => {
                let values = values.as_primitive::<UInt64Type>();
                self.seen
                    .accumulate(group_indices, values, opt_filter, total_num_groups, |g, v| add(g, v.into()));
            }
            other => return internal_err!("avg over {other}"),
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let means = self.take(emit_to).map(|found| found.map(|(sum, count)| mean(sum, count)));
        Ok(Arc::new(means.collect::<Float64Array>()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let found: Vec<_> = self.take(emit_to).collect();
        let sums = wide(found.iter().map(|f| f.map(|(sum, _)| sum)))?;
        let counts: UInt64Array = found.iter().map(|f| Some(f.map_or(0, |(_, count)| count))).collect();
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let [sums, counts] = values else { return internal_err!("avg has a state of two columns") };
        self.sums.resize(total_num_groups, 0);
        self.counts.resize(total_num_groups, 0);
        let counts = counts.as_primitive::<UInt64Type>();
        let all = group_indices.iter().zip(counts.iter());
        all.for_each(|(group, count)| self.counts[*group] += count.unwrap_or(0));
        let totals = &mut self.sums;
        let sums = sums.as_primitive::<Decimal128Type>();
        self.seen.accumulate(group_indices, sums, None, total_num_groups, |g, v| totals[g] += v);
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let [values] = values else { return internal_err!("avg takes one argument") };
        let wanted = |i: usize| opt_filter.is_none_or(|f| f.is_valid(i) && f.value(i)) && values.is_valid(i);
        let all = cast(values, &WIDE)?;
        let all = all.as_primitive::<Decimal128Type>();
        let sums = wide((0..all.len()).map(|i| wanted(i).then(|| all.value(i))))?;
        let counts: UInt64Array = (0..all.len()).map(|i| Some(u64::from(wanted(i)))).collect();
        Ok(vec![Arc::new(sums), Arc::new(counts)])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>()
            + self.counts.capacity() * size_of::<u64>()
            + self.seen.size()
    }
}
