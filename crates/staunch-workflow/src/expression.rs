//! Single expressions, outside of any workflow: to try them, and for suites of other projects.

use crate::query::intrinsic::Call;
use crate::query::{Chance, Context, Scope, Variables, jsonata};
use crate::value::Value;

/// Evaluates a JSONata expression over plain data, without `$states` and the functions that AWS adds. `None` stands for nothing
/// (undefined).
///
/// # Errors
/// What the library says, with its code in front.
///
/// ```
/// use staunch_workflow::{Value, expression};
///
/// let data = Value::parse(r#"{"prices": [1, 2, 3]}"#)?;
/// assert_eq!(expression::jsonata("$sum(prices)", Some(&data), &[])?, Some(Value::Int(6)));
/// # Ok::<(), String>(())
/// ```
pub fn jsonata(
    text: &str,
    data: Option<&Value>,
    bindings: &[(String, Value)],
) -> Result<Option<Value>, String> {
    jsonata::evaluate_plain(text, data, bindings)
}

/// Evaluates a call of an intrinsic function over an input (`$`) and a context object (`$$`).
///
/// # Errors
/// What is wrong with the text or with the arguments.
///
/// ```
/// use staunch_workflow::{Value, expression};
///
/// let input = Value::parse(r#"{"name": "Ada"}"#)?;
/// let greeting = expression::intrinsic("States.Format('Hello, {}', $.name)", &input, &Value::Null)?;
/// assert_eq!(greeting, Value::from("Hello, Ada"));
/// # Ok::<(), String>(())
/// ```
pub fn intrinsic(text: &str, input: &Value, context: &Value) -> Result<Value, String> {
    let call = Call::parse(text)?;
    let make = || context.clone();
    let scope = Scope {
        input,
        result: None,
        error: None,
        variables: &Variables::new(),
        context: &Context::new(&make),
        now: 0,
        chance: &Chance::new(0),
    };
    call.evaluate(&scope).map_err(|fault| fault.cause.unwrap_or_default())
}
