//! `sum` that fails where DataFusion's wraps.
//!
//! Sums of integers are kept in 128 bits (so the order of rows, and what partial sums come to, does not matter) and must fit 64 at the
//! end; sums of decimals are checked at every step. All other types are DataFusion's own, and so is
//! `DISTINCT`, which is refused for integers and decimals where a stage is planned.

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, UInt64Array};
use arrow::datatypes::{DataType, Decimal128Type, Field, FieldRef, Int64Type, UInt64Type};
use arrow::error::ArrowError;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::functions_aggregate::sum::Sum;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, ReversedUDAF, SetMonotonicity, Signature,
};
use datafusion::physical_expr::NullState;
use std::sync::Arc;

/// The digits of the widest decimal: what partial sums of integers travel as.
const WIDE: DataType = DataType::Decimal128(38, 0);

/// The aggregate function.
#[derive(Debug, PartialEq, Eq, Hash, Default)]
pub(crate) struct CheckedSum {
    inner: Sum,
}

/// What is summed here: the type of the result and of its partial sums.
fn summed(result: &DataType, distinct: bool) -> Option<(DataType, DataType)> {
    match result {
        _ if distinct => None,
        DataType::Int64 | DataType::UInt64 => Some((result.clone(), WIDE)),
        DataType::Decimal128(_, _) => Some((result.clone(), result.clone())),
        _ => None,
    }
}

impl AggregateUDFImpl for CheckedSum {
    fn name(&self) -> &str {
        "sum"
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match summed(args.return_type(), args.is_distinct) {
            Some((result, state)) => Ok(Box::new(Total { result, state, sum: 0, count: 0 })),
            None => self.inner.accumulator(args),
        }
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        match summed(args.return_type(), args.is_distinct) {
            Some((_, state)) => Ok(vec![
                Arc::new(Field::new(format_state_name(args.name, "sum"), state, true)),
                Arc::new(Field::new(format_state_name(args.name, "count"), DataType::UInt64, true)),
            ]),
            None => self.inner.state_fields(args),
        }
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn GroupsAccumulator>> {
        match summed(args.return_type(), args.is_distinct) {
            Some((result, state)) => {
                Ok(Box::new(Totals { result, state, sums: Vec::new(), seen: NullState::new() }))
            }
            None => self.inner.create_groups_accumulator(args),
        }
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        match summed(args.return_type(), args.is_distinct) {
            Some(_) => self.accumulator(args),
            None => self.inner.create_sliding_accumulator(args),
        }
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.set_monotonicity(data_type)
    }
}

fn overflow() -> ArrowError {
    ArrowError::ArithmeticOverflow("a sum does not fit its type".into())
}

/// Adds to a 128-bit sum.
fn plus(sum: i128, value: i128) -> Result<i128> {
    Ok(sum.checked_add(value).ok_or_else(overflow)?)
}

/// Calls `f` with each value that is not null.
fn each(values: &ArrayRef, mut f: impl FnMut(i128) -> Result<()>) -> Result<()> {
    match values.data_type() {
        DataType::Int64 => values.as_primitive::<Int64Type>().iter().flatten().try_for_each(|v| f(v.into())),
        DataType::UInt64 => {
            values.as_primitive::<UInt64Type>().iter().flatten().try_for_each(|v| f(v.into()))
        }
        DataType::Decimal128(_, _) => {
            values.as_primitive::<Decimal128Type>().iter().flatten().try_for_each(f)
        }
        other => internal_err!("sum over {other}"),
    }
}

/// The sums as an array of type `ty`, or an overflow.
fn array(ty: &DataType, sums: impl Iterator<Item = Option<i128>>) -> Result<ArrayRef> {
    Ok(match ty {
        DataType::Int64 => Arc::new(
            sums.map(|s| s.map(i64::try_from).transpose().map_err(|_| overflow()))
                .collect::<Result<Int64Array, _>>()?,
        ),
        DataType::UInt64 => Arc::new(
            sums.map(|s| s.map(u64::try_from).transpose().map_err(|_| overflow()))
                .collect::<Result<UInt64Array, _>>()?,
        ),
        DataType::Decimal128(precision, scale) => {
            let most = 10_i128.pow(u32::from((*precision).min(38))) - 1;
            let fits = |s: Option<i128>| match s {
                Some(s) if !(-most..=most).contains(&s) => Err(overflow()),
                s => Ok(s),
            };
            let sums = sums.map(fits).collect::<Result<Decimal128Array, _>>()?;
            Arc::new(sums.with_precision_and_scale(*precision, *scale)?)
        }
        other => return internal_err!("sum as {other}"),
    })
}

/// One sum. It counts its values, so that a window may take all of them out again.
#[derive(Debug)]
struct Total {
    result: DataType,
    state: DataType,
    sum: i128,
    count: u64,
}

impl Total {
    fn value(&self, ty: &DataType) -> Result<ScalarValue> {
        let sum = (self.count > 0).then_some(self.sum);
        ScalarValue::try_from_array(&array(ty, std::iter::once(sum))?, 0)
    }
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return internal_err!("sum takes one argument") };
        self.count += (values.len() - values.null_count()) as u64;
        each(values, |v| {
            self.sum = plus(self.sum, v)?;
            Ok(())
        })
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let [values] = values else { return internal_err!("sum takes one argument") };
        self.count = self.count.saturating_sub((values.len() - values.null_count()) as u64);
        each(values, |v| {
            self.sum = self.sum.checked_sub(v).ok_or_else(overflow)?;
            Ok(())
        })
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.value(&self.result)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.value(&self.state)?, ScalarValue::UInt64(Some(self.count))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [sums, counts] = states else { return internal_err!("sum has a state of two columns") };
        let counts = counts.as_primitive::<UInt64Type>();
        self.count += counts.iter().flatten().sum::<u64>();
        each(sums, |v| {
            self.sum = plus(self.sum, v)?;
            Ok(())
        })
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

/// A sum for each group.
struct Totals {
    result: DataType,
    state: DataType,
    sums: Vec<i128>,
    seen: NullState,
}

impl Totals {
    fn add(
        &mut self,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.sums.resize(total, 0);
        let sums = &mut self.sums;
        let mut overflowed = false;
        let mut add = |group: usize, value: i128| match sums[group].checked_add(value) {
            Some(sum) => sums[group] = sum,
            None => overflowed = true,
        };
        match values.data_type() {
            DataType::Int64 => {
                let values = values.as_primitive::<Int64Type>();
                self.seen.accumulate(groups, values, filter, total, |g, v| add(g, v.into()));
            }
            DataType::UInt64 => {
                let values = values.as_primitive::<UInt64Type>();
                self.seen.accumulate(groups, values, filter, total, |g, v| add(g, v.into()));
            }
            DataType::Decimal128(_, _) => {
                self.seen.accumulate(groups, values.as_primitive::<Decimal128Type>(), filter, total, add);
            }
            other => return internal_err!("sum over {other}"),
        }
        if overflowed { Err(overflow().into()) } else { Ok(()) }
    }

    fn emit(&mut self, ty: &DataType, emit: EmitTo) -> Result<ArrayRef> {
        let sums = emit.take_needed(&mut self.sums);
        let nulls = self.seen.build(emit);
        let valid = |i: usize| nulls.as_ref().is_none_or(|n| n.is_valid(i));
        array(ty, sums.into_iter().enumerate().map(|(i, s)| valid(i).then_some(s)))
    }
}

impl GroupsAccumulator for Totals {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        let [values] = values else { return internal_err!("sum takes one argument") };
        self.add(values, group_indices, opt_filter, total_num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let ty = self.result.clone();
        self.emit(&ty, emit_to)
    }

    // The count of the single accumulator's state is not needed by groups, which never retract.
    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let ty = self.state.clone();
        let sums = self.emit(&ty, emit_to)?;
        let counts = counts(&sums);
        Ok(vec![sums, counts])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        let [sums, _] = values else { return internal_err!("sum has a state of two columns") };
        self.add(sums, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let [values] = values else { return internal_err!("sum takes one argument") };
        let wanted = |i: usize| opt_filter.is_none_or(|f| f.is_valid(i) && f.value(i)) && values.is_valid(i);
        let state = match values.data_type() {
            DataType::Int64 => {
                let v = values.as_primitive::<Int64Type>();
                array(&self.state, (0..v.len()).map(|i| wanted(i).then(|| v.value(i).into())))
            }
            DataType::UInt64 => {
                let v = values.as_primitive::<UInt64Type>();
                array(&self.state, (0..v.len()).map(|i| wanted(i).then(|| v.value(i).into())))
            }
            DataType::Decimal128(_, _) => {
                let v = values.as_primitive::<Decimal128Type>();
                array(&self.state, (0..v.len()).map(|i| wanted(i).then(|| v.value(i))))
            }
            other => internal_err!("sum over {other}"),
        }?;
        let counts = counts(&state);
        Ok(vec![state, counts])
    }

    fn size(&self) -> usize {
        self.sums.capacity() * size_of::<i128>() + self.seen.size()
    }
}

/// 1 where there is a sum, else 0: enough for a merge to know whether there were values.
fn counts(sums: &ArrayRef) -> ArrayRef {
    Arc::new((0..sums.len()).map(|i| Some(u64::from(sums.is_valid(i)))).collect::<UInt64Array>())
}
