//! What is true of each column that a plan gives: from the inputs upwards, through every node.

use super::strict::{aggregate, not_null_if_true, nullable};
use arrow::datatypes::Field;
use datafusion::common::{Column, DFSchema, JoinType, NullEquality, Result, ScalarValue};
use datafusion::logical_expr::utils::{find_valid_equijoin_key_pair, split_conjunction};
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Distinct, Expr, Join, LogicalPlan, Operator, Unnest, Window,
    WindowFunctionDefinition,
};
use staunch_contract::Contract;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A column of an input: its relation (by position) and its position there.
pub(crate) type Origin = (usize, usize);

/// What is known of one column.
#[derive(Debug, Clone, Default)]
pub(crate) struct ColumnFact {
    /// Whether it can be null.
    pub nullable: bool,
    /// The columns that its values are made of.
    pub uses: BTreeSet<Origin>,
    /// The columns of which it only counts the values.
    pub counts: BTreeSet<Origin>,
    /// The column that it is, unchanged.
    pub same: Option<Origin>,
    /// The columns by which it numbers rows, if it is `row_number() OVER (PARTITION BY ...)`.
    numbers: Option<BTreeSet<usize>>,
}

impl ColumnFact {
    /// It is made of these columns, and of what they are made of.
    fn made_of<'a>(&mut self, columns: impl IntoIterator<Item = &'a Self>) {
        for column in columns {
            self.uses.extend(&column.uses);
            self.counts.extend(&column.counts);
        }
    }
}

/// Columns that identify a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Their positions.
    pub columns: BTreeSet<usize>,
    /// Whether the query makes them unique; else a contract says so.
    pub proven: bool,
}

/// What is known of a plan's output, column by column.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    /// One for each column.
    pub columns: Vec<ColumnFact>,
    /// What identifies a row.
    pub keys: Vec<Key>,
}

/// An input as the facts need it.
pub(crate) struct Known<'a> {
    /// By name: its position and its contract.
    pub relations: BTreeMap<&'a str, (usize, &'a Arc<Contract>)>,
}

/// More keys than these are not followed: each join could double them.
const MOST_KEYS: usize = 8;

impl Known<'_> {
    /// The facts of an analysed plan.
    ///
    /// # Errors
    /// Those of DataFusion if an expression does not fit its input, which analysed plans do not have.
    pub(crate) fn facts(&self, plan: &LogicalPlan) -> Result<Facts> {
        let mut facts = self.of(plan)?;
        facts.keys.truncate(MOST_KEYS);
        Ok(facts)
    }

    /// Whether an expression over the rows of a plan can be null.
    ///
    /// # Errors
    /// As [`Known::facts`].
    pub(crate) fn can_be_null(&self, expr: &Expr, input: &LogicalPlan) -> Result<bool> {
        let schema = refined(input.schema(), &self.facts(input)?)?;
        Ok(nullable(expr, &schema))
    }

    fn of(&self, plan: &LogicalPlan) -> Result<Facts> {
        match plan {
            LogicalPlan::TableScan(scan) => {
                let Some((relation, contract)) = self.relations.get(scan.table_name.table()) else {
                    return Ok(self.unknown(plan));
                };
                let all: Vec<usize> = (0..contract.fields.len()).collect();
                let shown = scan.projection.as_ref().unwrap_or(&all);
                let columns = shown
                    .iter()
                    .map(|i| ColumnFact {
                        nullable: contract.fields.get(*i).is_none_or(|f| f.nullable),
                        uses: BTreeSet::from([(*relation, *i)]),
                        counts: BTreeSet::new(),
                        same: Some((*relation, *i)),
                        numbers: None,
                    })
                    .collect();
                let place = |name: &String| shown.iter().position(|i| Some(*i) == contract.index_of(name));
                let key: Option<BTreeSet<usize>> = contract.key.iter().map(place).collect();
                let keys = key.filter(|k| !k.is_empty()).map(|columns| Key { columns, proven: false });
                Ok(Facts { columns, keys: keys.into_iter().collect() })
            }
            LogicalPlan::Projection(p) => {
                let input = self.facts(&p.input)?;
                let schema = refined(p.input.schema(), &input)?;
                let columns: Vec<_> =
                    p.expr.iter().map(|e| self.expr(e, &schema, &input)).collect::<Result<_>>()?;
                // Of several copies of a column the first stands for it.
                let mut plain: BTreeMap<usize, usize> = BTreeMap::new();
                for (to, e) in p.expr.iter().enumerate() {
                    if let Some(from) = column(e).and_then(|c| index(&schema, c)) {
                        plain.entry(from).or_insert(to);
                    }
                }
                let mapped = |set: &BTreeSet<usize>| {
                    set.iter().map(|i| plain.get(i).copied()).collect::<Option<BTreeSet<_>>>()
                };
                let keys = input
                    .keys
                    .iter()
                    .filter_map(|k| Some(Key { columns: mapped(&k.columns)?, proven: k.proven }))
                    .collect();
                let columns = columns
                    .into_iter()
                    .map(|c| ColumnFact { numbers: c.numbers.as_ref().and_then(mapped), ..c })
                    .collect();
                Ok(Facts { columns, keys })
            }
            LogicalPlan::Filter(f) => {
                let mut facts = self.facts(&f.input)?;
                let mut strict = Vec::new();
                not_null_if_true(&f.predicate, &mut strict);
                for column in strict {
                    if let Some(fact) =
                        index(f.input.schema(), &column).and_then(|i| facts.columns.get_mut(i))
                    {
                        fact.nullable = false;
                    }
                }
                for conjunct in split_conjunction(&f.predicate) {
                    let first = first_only(conjunct).and_then(|c| index(f.input.schema(), c));
                    if let Some(numbers) = first.and_then(|i| facts.columns.get(i)?.numbers.clone()) {
                        facts.keys.insert(0, Key { columns: numbers, proven: true });
                    }
                }
                Ok(facts)
            }
            LogicalPlan::Unnest(unnest) => self.unnest(unnest),
            LogicalPlan::Aggregate(a) => self.aggregate(a),
            LogicalPlan::Window(w) => self.window(w),
            LogicalPlan::Join(join) => self.join(join),
            LogicalPlan::Distinct(Distinct::All(input)) => {
                let mut facts = self.facts(input)?;
                let columns = (0..facts.columns.len()).collect();
                facts.keys.insert(0, Key { columns, proven: true });
                Ok(facts)
            }
            LogicalPlan::Union(union) => {
                let mut inputs = union.inputs.iter().map(|i| self.facts(i));
                let mut all = inputs.next().unwrap_or_else(|| Ok(self.unknown(plan)))?;
                for other in inputs {
                    for (a, b) in all.columns.iter_mut().zip(other?.columns) {
                        a.nullable |= b.nullable;
                        a.uses.extend(b.uses);
                        a.counts.extend(b.counts);
                        a.same = a.same.filter(|s| b.same == Some(*s));
                        a.numbers = None;
                    }
                }
                all.keys.clear();
                Ok(all)
            }
            LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Sort(_)
            | LogicalPlan::Limit(_)
            | LogicalPlan::Repartition(_) => match plan.inputs().as_slice() {
                [input] => self.facts(input),
                _ => Ok(self.unknown(plan)),
            },
            LogicalPlan::Subquery(sub) => self.facts(&sub.subquery),
            _ => Ok(self.unknown(plan)),
        }
    }

    /// Nothing but what DataFusion says, and that any input may be in any column.
    fn unknown(&self, plan: &LogicalPlan) -> Facts {
        let mut any = ColumnFact::default();
        for input in plan.inputs() {
            if let Ok(facts) = self.facts(input) {
                any.made_of(facts.columns.iter());
            }
        }
        let fact = |field: &Arc<Field>| ColumnFact { nullable: field.is_nullable(), ..any.clone() };
        Facts { columns: plan.schema().fields().iter().map(fact).collect(), keys: Vec::new() }
    }

    /// The fact of an expression over an input.
    fn expr(&self, expr: &Expr, schema: &DFSchema, input: &Facts) -> Result<ColumnFact> {
        if let Some(fact) = column(expr).and_then(|c| index(schema, c)).and_then(|i| input.columns.get(i)) {
            return Ok(fact.clone());
        }
        let mut fact = ColumnFact { nullable: nullable(expr, schema), ..ColumnFact::default() };
        self.made_of(expr, schema, input, &mut fact)?;
        // The number of a row is the same number when it is signed.
        fact.numbers = column(uncast(expr))
            .and_then(|c| index(schema, c))
            .and_then(|i| input.columns.get(i)?.numbers.clone());
        Ok(fact)
    }

    /// Adds what an expression is made of.
    fn made_of(&self, expr: &Expr, schema: &DFSchema, input: &Facts, fact: &mut ColumnFact) -> Result<()> {
        use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
        let known = |c: &Column| index(schema, c).and_then(|i| input.columns.get(i));
        expr.apply(|e| {
            match e {
                Expr::Column(c) => fact.made_of(known(c)),
                Expr::ScalarSubquery(sub) => fact.made_of(self.facts(&sub.subquery)?.columns.iter()),
                // A count says how many there are, not who they are.
                _ if is_count(e) => {
                    e.apply(|inner| {
                        if let Expr::Column(c) = inner {
                            let counted = known(c).into_iter().flat_map(|f| f.uses.iter().chain(&f.counts));
                            fact.counts.extend(counted.copied());
                        }
                        Ok(TreeNodeRecursion::Continue)
                    })?;
                    return Ok(TreeNodeRecursion::Jump);
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(())
    }

    fn aggregate(&self, a: &Aggregate) -> Result<Facts> {
        let input = self.facts(&a.input)?;
        let schema = refined(a.input.schema(), &input)?;
        let sets = matches!(a.group_expr.as_slice(), [Expr::GroupingSet(_)]);
        if sets {
            // Groups that a set leaves out are null.
            let mut facts = self.unknown(&LogicalPlan::Aggregate(a.clone()));
            facts.columns.iter_mut().for_each(|c| c.nullable = true);
            return Ok(facts);
        }
        let mut columns: Vec<_> =
            a.group_expr.iter().map(|e| self.expr(e, &schema, &input)).collect::<Result<_>>()?;
        let groups: BTreeSet<usize> = (0..columns.len()).collect();
        for expr in &a.aggr_expr {
            let mut fact = self.expr(expr, &schema, &input)?;
            if let Expr::AggregateFunction(f) = unaliased(expr) {
                fact.nullable = aggregate(f, !groups.is_empty(), &schema);
            }
            columns.push(fact);
        }
        columns.iter_mut().for_each(|c| c.numbers = None);
        let mut keys = Vec::new();
        if !groups.is_empty() {
            keys.push(Key { columns: groups, proven: true });
        }
        Ok(Facts { columns, keys })
    }

    /// Rows are multiplied, so nothing identifies them. What is taken out of a list may be null.
    fn unnest(&self, unnest: &Unnest) -> Result<Facts> {
        let input = self.facts(&unnest.input)?;
        let taken: BTreeSet<usize> = unnest.list_type_columns.iter().map(|(column, _)| *column).collect();
        let apart = |from: &usize| taken.contains(from) || unnest.struct_type_columns.contains(from);
        let fact = |from: &usize| {
            let known = input.columns.get(*from).cloned().unwrap_or_default();
            if apart(from) {
                ColumnFact { nullable: true, uses: known.uses, counts: known.counts, ..ColumnFact::default() }
            } else {
                known
            }
        };
        let mut columns: Vec<_> = unnest.dependency_indices.iter().map(fact).collect();
        columns.iter_mut().for_each(|c| c.numbers = None);
        Ok(Facts { columns, keys: Vec::new() })
    }

    fn window(&self, w: &Window) -> Result<Facts> {
        let mut facts = self.facts(&w.input)?;
        let schema = refined(w.input.schema(), &facts)?;
        let input = facts.clone();
        for expr in &w.window_expr {
            let mut fact = self.expr(expr, &schema, &input)?;
            if let Expr::WindowFunction(f) = unaliased(expr)
                && let WindowFunctionDefinition::WindowUDF(udf) = &f.fun
                && udf.name() == "row_number"
            {
                let by: Option<BTreeSet<usize>> =
                    f.params.partition_by.iter().map(|e| column(e).and_then(|c| index(&schema, c))).collect();
                fact.numbers = by.filter(|b| !b.is_empty());
            }
            facts.columns.push(fact);
        }
        Ok(facts)
    }

    fn join(&self, join: &Join) -> Result<Facts> {
        let (mut left, mut right) = (self.facts(&join.left)?, self.facts(&join.right)?);
        let (pairs, _) = equi_join(join, &[])?;
        let plain = |side: &LogicalPlan, e: &Expr| column(e).and_then(|c| index(side.schema(), c));
        let left_on: BTreeSet<usize> = pairs.iter().filter_map(|(l, _)| plain(&join.left, l)).collect();
        let right_on: BTreeSet<usize> = pairs.iter().filter_map(|(_, r)| plain(&join.right, r)).collect();
        let covered = |keys: &[Key], on: &BTreeSet<usize>| {
            keys.iter().filter(|k| k.columns.is_subset(on)).map(|k| k.proven).max()
        };
        let (one_right, one_left) = (covered(&right.keys, &right_on), covered(&left.keys, &left_on));
        let width = left.columns.len();
        // The rows of one side, if the other side has at most one partner for each.
        let kept = |keys: &[Key], partner: Option<bool>, shift: usize| -> Vec<Key> {
            let shifted = |k: &Key| k.columns.iter().map(|c| c + shift).collect();
            partner
                .map(|p| keys.iter().map(|k| Key { columns: shifted(k), proven: k.proven && p }).collect())
                .unwrap_or_default()
        };
        let strict = join.null_equality == NullEquality::NullEqualsNothing;
        let keys = match join.join_type {
            JoinType::LeftSemi | JoinType::LeftAnti => return Ok(left),
            JoinType::RightSemi | JoinType::RightAnti => return Ok(right),
            JoinType::LeftMark | JoinType::RightMark => {
                return Ok(self.unknown(&LogicalPlan::Join(join.clone())));
            }
            JoinType::Inner => {
                if strict {
                    left_on.iter().for_each(|i| left.columns[*i].nullable = false);
                    right_on.iter().for_each(|i| right.columns[*i].nullable = false);
                }
                let mut keys = kept(&left.keys, one_right, 0);
                keys.extend(kept(&right.keys, one_left, width));
                for l in left.keys.iter().take(2) {
                    for r in right.keys.iter().take(2) {
                        let columns =
                            l.columns.iter().copied().chain(r.columns.iter().map(|c| c + width)).collect();
                        keys.push(Key { columns, proven: l.proven && r.proven });
                    }
                }
                keys
            }
            JoinType::Left => {
                right.columns.iter_mut().for_each(|c| c.nullable = true);
                kept(&left.keys, one_right, 0)
            }
            JoinType::Right => {
                left.columns.iter_mut().for_each(|c| c.nullable = true);
                kept(&right.keys, one_left, width)
            }
            JoinType::Full => {
                left.columns.iter_mut().chain(&mut right.columns).for_each(|c| c.nullable = true);
                Vec::new()
            }
        };
        let mut columns = left.columns;
        columns.extend(right.columns);
        columns.iter_mut().for_each(|c| c.numbers = None);
        Ok(Facts { columns, keys })
    }
}

/// The input's schema with the nullability that is known.
fn refined(schema: &DFSchema, facts: &Facts) -> Result<DFSchema> {
    let fields = schema
        .iter()
        .zip(&facts.columns)
        .map(|((q, f), fact)| (q.cloned(), Arc::new(f.as_ref().clone().with_nullable(fact.nullable))))
        .collect();
    DFSchema::new_with_metadata(fields, schema.metadata().clone())
}

fn index(schema: &DFSchema, column: &Column) -> Option<usize> {
    schema.maybe_index_of_column(column)
}

fn is_count(expr: &Expr) -> bool {
    match expr {
        Expr::AggregateFunction(f) => f.func.name() == "count",
        Expr::WindowFunction(f) => f.fun.name() == "count",
        _ => false,
    }
}

fn unaliased(expr: &Expr) -> &Expr {
    match expr {
        Expr::Alias(alias) => unaliased(&alias.expr),
        other => other,
    }
}

/// The column that an expression is, under whatever name.
fn column(expr: &Expr) -> Option<&Column> {
    match unaliased(expr) {
        Expr::Column(column) => Some(column),
        _ => None,
    }
}

/// The column of `column = 1`: the first row of each number.
fn first_only(predicate: &Expr) -> Option<&Column> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = predicate else { return None };
    match op {
        Operator::Eq if is_one(right) => column(uncast(left)),
        Operator::Eq if is_one(left) => column(uncast(right)),
        Operator::LtEq if is_one(right) => column(uncast(left)),
        Operator::GtEq if is_one(left) => column(uncast(right)),
        _ => None,
    }
}

/// The expression without the casts that type coercion puts around it.
fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast(cast) => uncast(&cast.expr),
        Expr::Alias(alias) => uncast(&alias.expr),
        other => other,
    }
}

fn is_one(expr: &Expr) -> bool {
    let Expr::Literal(value, _) = uncast(expr) else { return false };
    matches!(
        value,
        ScalarValue::UInt64(Some(1))
            | ScalarValue::Int64(Some(1))
            | ScalarValue::Int32(Some(1))
            | ScalarValue::Decimal128(Some(1), _, 0)
    )
}

/// Two expressions that are set equal: of the left, and of the right side of a join.
pub(crate) type KeyPair = (Expr, Expr);

/// The pairs of expressions that a join sets equal (of its left, of its right side), and what else it asks for. `more` are
/// conditions from a filter above an inner join.
pub(crate) fn equi_join(join: &Join, more: &[Expr]) -> Result<(Vec<KeyPair>, Vec<Expr>)> {
    let mut pairs = join.on.clone();
    let mut rest = Vec::new();
    let own = join.filter.iter().flat_map(|f| split_conjunction(f));
    for conjunct in own.chain(more) {
        let pair = match conjunct {
            Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) => {
                find_valid_equijoin_key_pair(left, right, join.left.schema(), join.right.schema())?
            }
            _ => None,
        };
        match pair {
            Some(pair) => pairs.push(pair),
            None => rest.push(conjunct.clone()),
        }
    }
    Ok((pairs, rest))
}
