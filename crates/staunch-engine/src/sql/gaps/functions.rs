//! What stands in a call of a function and is dropped.
//!
//! DataFusion looks a name up among the functions of one row first, and makes such a call of the arguments alone.

use super::clauses::{ARGUMENT, Gap, NULLS, OF_ONE_ROW, OF_WINDOW, PARAMETERS};
use datafusion::execution::session_state::SessionState;
use datafusion::sql::sqlparser::ast::{
    DuplicateTreatment, Function, FunctionArgumentClause, FunctionArgumentList, FunctionArguments, Ident,
};

/// Window functions that can pass over nulls.
const NULLS_PASSED: &[&str] = &["lag", "lead", "first_value", "last_value", "nth_value"];

/// The gaps of a call, each with the name of the function.
pub(super) fn dropped<'a>(
    state: &SessionState,
    function: &'a Function,
) -> Vec<(&'static Gap, Option<&'a Ident>)> {
    let ident = function.name.0.first().and_then(|part| part.as_ident());
    let name = ident.map(|i| if i.quote_style.is_some() { i.value.clone() } else { i.value.to_lowercase() });
    let name = name.unwrap_or_default();
    let list = match &function.args {
        FunctionArguments::List(list) => Some(list),
        _ => None,
    };
    let distinct = list.is_some_and(|l| l.duplicate_treatment == Some(DuplicateTreatment::Distinct));
    let filter = function.filter.is_some();
    let nulls = function.null_treatment.is_some()
        || has(list, |clause| matches!(clause, FunctionArgumentClause::IgnoreOrRespectNulls(_)));
    let ordered = has(list, |clause| matches!(clause, FunctionArgumentClause::OrderBy(_)))
        || !function.within_group.is_empty();
    let over = function.over.is_some();

    let one_row = state.scalar_functions().contains_key(&name)
        || state.higher_order_functions().contains_key(&name)
        || matches!(name.as_str(), "unnest" | "unnest_outer");
    let window = over && state.window_functions().contains_key(&name);
    let aggregate = state.aggregate_functions().get(&name).filter(|_| !window);
    let deaf = match aggregate {
        Some(aggregate) => over && !aggregate.supports_null_handling_clause(),
        None => window && !NULLS_PASSED.contains(&name.as_str()),
    };
    let found = [
        (function.parameters != FunctionArguments::None, &PARAMETERS),
        (matches!(function.args, FunctionArguments::Subquery(_)), &ARGUMENT),
        (one_row && (distinct || filter || nulls || ordered || over), &OF_ONE_ROW),
        (!one_row && window && (distinct || filter), &OF_WINDOW),
        (!one_row && nulls && deaf, &NULLS),
    ];
    found.into_iter().filter(|(is, _)| *is).map(|(_, gap)| (gap, ident)).collect()
}

fn has(list: Option<&FunctionArgumentList>, is: impl Fn(&FunctionArgumentClause) -> bool) -> bool {
    list.is_some_and(|list| list.clauses.iter().any(is))
}
