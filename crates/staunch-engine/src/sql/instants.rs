//! Instants out of texts.
//!
//! In a session with a time zone DataFusion's `to_timestamp` functions promise instants of that zone, and give some without one where a
//! column of texts is read: every row fails. Here the function is that of a session without a zone, which takes a text without an offset
//! for UTC as contracts do, and a cast says the zone.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::DFSchema;
use datafusion::common::config::ConfigOptions;
use datafusion::functions::datetime::to_timestamp::{
    ToTimestampFunc, ToTimestampMicrosFunc, ToTimestampMillisFunc, ToTimestampNanosFunc,
    ToTimestampSecondsFunc,
};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{Expr, ExprSchemable, ScalarUDF, cast};
use std::sync::Arc;

/// The call with its zone said apart; `None` if it needs none of that.
pub(super) fn zoned(call: &ScalarFunction, schema: &DFSchema) -> Option<Expr> {
    let ty = Expr::ScalarFunction(call.clone()).get_type(schema).ok()?;
    let of_text = call.args.first()?.get_type(schema).ok()?.is_string();
    match ty {
        DataType::Timestamp(_, Some(_)) if of_text => {
            let bare =
                Expr::ScalarFunction(ScalarFunction::new_udf(without_zone(call.name())?, call.args.clone()));
            Some(cast(bare, ty))
        }
        _ => None,
    }
}

fn without_zone(name: &str) -> Option<Arc<ScalarUDF>> {
    let mut config = ConfigOptions::default();
    config.execution.time_zone = None;
    Some(Arc::new(match name {
        "to_timestamp" => ScalarUDF::from(ToTimestampFunc::new_with_config(&config)),
        "to_timestamp_seconds" => ScalarUDF::from(ToTimestampSecondsFunc::new_with_config(&config)),
        "to_timestamp_millis" => ScalarUDF::from(ToTimestampMillisFunc::new_with_config(&config)),
        "to_timestamp_micros" => ScalarUDF::from(ToTimestampMicrosFunc::new_with_config(&config)),
        "to_timestamp_nanos" => ScalarUDF::from(ToTimestampNanosFunc::new_with_config(&config)),
        _ => return None,
    }))
}
