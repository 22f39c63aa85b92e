//! How many Pass transitions a second the machine makes in memory: `cargo run --release -p staunch-workflow --example transitions`.
//!
//! Three kinds of loops, each with a counter that is raised by an expression; every event of the history is made and dropped. The
//! time is what the processor spent on this process, so that neighbours on the machine count little.

#![expect(clippy::print_stdout, reason = "the result goes to stdout")]

use staunch_workflow::machine::{Effect, Event, Happening, Limits, Machine, Start};
use staunch_workflow::{Definition, Value};

const TRANSITIONS: u64 = 300_000;

const CASES: [(&str, &str); 3] = [
    ("plain", r#"{"Type":"Pass","Next":"B"}"#),
    (
        "JSONPath",
        r#"{"Type":"Pass","Next":"B","Parameters":{"n.$":"States.MathAdd($.n, 1)","text.$":"$.text"}}"#,
    ),
    (
        "JSONata",
        r#"{"Type":"Pass","Next":"B","QueryLanguage":"JSONata","Output":{"n":"{% $states.input.n + 1 %}","text":"{% $states.input.text %}"}}"#,
    ),
];

fn main() -> Result<(), String> {
    for (name, state) in CASES {
        let text = format!(
            r#"{{"StartAt":"A","States":{{"A":{state},"B":{},"C":{{"Type":"Choice","Choices":[{{"Variable":"$.x","IsPresent":true,"Next":"D"}}],"Default":"A"}},"D":{{"Type":"Succeed"}}}}}}"#,
            state.replace(r#""Next":"B""#, r#""Next":"C""#)
        );
        let definition = Definition::parse(&text).map_err(|e| e.to_string())?;
        let limits = Limits { history_events: u64::MAX, steps: 10_000 };
        let machine = Machine::new(&definition).with_limits(limits);
        let start = Start {
            input: Value::parse(r#"{"n":0,"text":"what a small order holds"}"#)?,
            region: String::new(),
            name: "e".to_owned(),
            id: "e".to_owned(),
            machine_id: "m".to_owned(),
            machine_name: "m".to_owned(),
            redrivable: true,
            role: None,
            at: 0,
            chance: 1,
        };
        let before = cpu_seconds()?;
        let (mut execution, mut effects) = machine.start(start);
        let mut passed = count(&effects);
        while passed < TRANSITIONS {
            let event = Event { at: 0, chance: passed, what: Happening::Continue };
            (execution, effects) = machine.step(execution, event);
            passed += count(&effects);
        }
        let seconds = cpu_seconds()? - before;
        #[expect(clippy::cast_precision_loss, reason = "a count")]
        let rate = passed as f64 / seconds;
        println!("{name}: {passed} Pass transitions in {seconds:.2} s of processor time, {rate:.0}/s");
    }
    Ok(())
}

fn count(effects: &[Effect]) -> u64 {
    let exits = effects
        .iter()
        .filter(|e| matches!(e, Effect::History { event, .. } if event.kind == "PassStateExited"));
    exits.count() as u64
}

/// The processor time of this process, from `/proc`, whose clock ticks a hundred times a second.
fn cpu_seconds() -> Result<f64, String> {
    let text = std::fs::read_to_string("/proc/self/stat").map_err(|e| e.to_string())?;
    let fields = text.rsplit_once(')').ok_or("no such process")?.1;
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<f64>().ok());
    Ok(ticks.sum::<f64>() / 100.0)
}
