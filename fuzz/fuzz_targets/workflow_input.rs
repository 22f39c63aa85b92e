//! Inputs and expressions: `expression NUL input`, as a path, a call of an intrinsic function, or JSONata.
#![no_main]

use libfuzzer_sys::fuzz_target;
use staunch_workflow::driver::{Driver, Mocks};
use staunch_workflow::machine::Limits;
use staunch_workflow::{Definition, Home, Value, trial};

fuzz_target!(|bytes: &[u8]| {
    let (first, rest) = staunch_fuzz::choice(bytes);
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let (expression, input) = text.split_once('\0').unwrap_or((text, r#"{"a":[1,2,{"b":null}]}"#));
    let Ok(input) = Value::parse(input) else { return };
    let state = match first % 6 {
        0 => object(&[("Type", "Pass"), ("Parameters", ""), ("x", expression)], "Parameters", "v.$"),
        1 => object(&[("Type", "Wait"), ("SecondsPath", expression)], "", ""),
        2 => object(&[("Type", "Pass"), ("ResultPath", expression), ("OutputPath", "$")], "", ""),
        3 => object(&[("Type", "Pass"), ("InputPath", expression)], "", ""),
        4 => object(&[("Type", "Wait"), ("TimestampPath", expression)], "", ""),
        _ => {
            let expression = format!("{{% {expression} %}}");
            object(&[("Type", "Pass"), ("QueryLanguage", "JSONata"), ("Output", &expression)], "", "")
        }
    };
    let whole = format!(r#"{{"StartAt":"S","States":{{"S":{state}}}}}"#);
    if let Ok(definition) = Definition::parse(&whole) {
        let limits = Limits { history_events: 100, steps: 50 };
        let report = Driver::new(&definition, Mocks::default(), 0, 7).limits(limits).run(input.clone());
        report.expect("a state without a task ends");
    }
    let request: Value = [("definition".to_owned(), state.into()), ("input".to_owned(), input)].into_iter().collect();
    let _ = trial::try_state(&request, &Home::default(), 0);
});

/// A state of these fields; the field `nested` holds an object whose field `inner` is the text of `x`.
fn object(fields: &[(&str, &str)], nested: &str, inner: &str) -> String {
    let x = fields.iter().find(|(name, _)| *name == "x").map_or("", |(_, text)| *text);
    let fields = fields.iter().filter(|(name, _)| *name != "x").map(|(name, text)| {
        let value = if *name == nested {
            [(inner.to_owned(), Value::from(x))].into_iter().collect()
        } else {
            Value::from(*text)
        };
        ((*name).to_owned(), value)
    });
    let whole: Value = fields.chain([("End".to_owned(), Value::from(true))]).collect();
    whole.to_json()
}
