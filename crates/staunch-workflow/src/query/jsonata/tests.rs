use super::*;
use crate::query::{Chance, Variables};

fn evaluate(text: &str, input: &str) -> Result<String, String> {
    let input = Value::parse(input).unwrap();
    let chance = Chance::new(7);
    let variables: Variables = [("v".to_owned(), Value::parse("[3]").unwrap().into())].into_iter().collect();
    let make = || Value::Null;
    let context = crate::query::Context::new(&make);
    let scope = Scope {
        input: &input,
        result: None,
        error: None,
        variables: &variables,
        context: &context,
        now: 1_700_000_000_123_000,
        chance: &chance,
    };
    let expression = Jsonata::of_field(&format!("{{% {text} %}}"), "Output").unwrap()?;
    expression.evaluate(&scope).map(|v| v.to_json()).map_err(|f| f.cause.unwrap_or_default())
}

#[test]
fn values_pass_unharmed() {
    let input = r#"{"n":9007199254740993,"b":{"y":1,"a":2},"one":[1],"none":[]}"#;
    assert_eq!(evaluate("$states.input.n", input), Ok("9007199254740993".into()));
    assert_eq!(evaluate("$states.input.b", input), Ok(r#"{"y":1,"a":2}"#.into()));
    assert_eq!(evaluate("$states.input.one", input), Ok("[1]".into()));
    assert_eq!(evaluate("$states.input.none", input), Ok("[]".into()));
    assert_eq!(evaluate("$v", input), Ok("[3]".into()));
    assert_eq!(evaluate("$states.input.b.y + $v[0]", input), Ok("4".into()));
}

#[test]
fn time_and_chance_are_those_of_the_event() {
    assert_eq!(evaluate("$millis()", "{}"), Ok("1700000000123".into()));
    assert_eq!(evaluate("$now()", "{}"), Ok(r#""2023-11-14T22:13:20.123Z""#.into()));
    assert_eq!(evaluate("$now('[Y0001]')", "{}"), Ok(r#""2023""#.into()));
    assert_eq!(
        evaluate("[$random(), $uuid(), $shuffle([1..9])]", "{}"),
        evaluate("[$random(), $uuid(), $shuffle([1..9])]", "{}")
    );
}

#[test]
fn what_fails_says_so() {
    let fails = |text: &str, what: &str| {
        let cause = evaluate(text, "{}").unwrap_err();
        assert!(cause.contains(what), "{cause}");
    };
    fails("$states.input.x", "returned nothing (undefined).");
    fails("$missing", "returned nothing (undefined).");
    fails("function($x) {$x}", "returned an unsupported result type.");
    fails("$eval('1')", "T1006");
    fails("($f := function($n) {$f($n + 1) + 1}; $f(0))", "D1011");
    fails("[1..2000000]", "D2015");
    assert!(evaluate("1 +", "{}").is_err());
    assert!(evaluate(&"(".repeat(5_000), "{}").is_err());
}

#[test]
fn no_text_exhausts_the_stack() {
    let long = |part: &str, end: &str| format!("{}{end}", part.repeat(60_000 / part.len()));
    for text in [
        long("-", "1"),
        long("1+", "1"),
        long("1?", "1"),
        long("1?1:", "1"),
        long("$f:=", "1"),
        long("function($x){", "1"),
        long("$a.", "b"),
        long("$a~>", "$b"),
        long("1&", "1"),
        long("1 and ", "1"),
        long("%.", "a"),
        long("^(", "a"),
    ] {
        // Whatever comes of it: it comes.
        let _ = evaluate(&text, "{}");
    }
}
