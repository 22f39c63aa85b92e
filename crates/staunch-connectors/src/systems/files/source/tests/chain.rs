//! What stands behind decoding: lateness, PII, projection.

use super::{Outcome, origin, read, seconds, spec};
use crate::read::SequentialTurn;
use crate::systems::files::{FilesSource, FilesSourceSpec};
use staunch_commit::{Source, SplitPoint};
use staunch_contract::Type;
use staunch_pipeline::{Late, Validate};
use staunch_types::codes;

const CSV: &str = r#"{"path": "x.csv", "format": "csv"}"#;

fn outcome(
    text: &str,
    fields: &str,
    columns: Option<&[usize]>,
    change: impl FnOnce(&mut FilesSourceSpec),
) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.csv"), text).unwrap();
    let mut spec = spec(dir.path(), fields, CSV);
    change(&mut spec);
    let source = FilesSource::new(spec).unwrap();
    read(&source, &origin(&source), &SplitPoint::default(), &mut SequentialTurn::default(), columns)
        .unwrap()
        .0
}

const CLICKS: &str = "n,t\n1,2024-01-01 00:00:10\n2,2024-01-01 00:00:00\n3,bad\n4,2024-01-01 00:00:05\n5,2024-01-01 00:00:30\n6,2024-01-01 00:00:19\n7,2024-01-01 00:00:20\n";

#[test]
fn rows_behind_the_prefix_maximum_are_late() {
    let found = outcome(CLICKS, "n:long t:ts", None, |s| s.late_after = seconds(10));
    let numbers = |rows: &[String]| {
        rows.iter().map(|r| r.split([' ', '|']).nth(1).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(numbers(&found.rows), ["1", "2", "4", "5", "7"]);
    assert_eq!(numbers(&found.late), ["6"]);
    assert_eq!(found.dead.len(), 1);
    let included = outcome(CLICKS, "n:long t:ts", None, |s| {
        s.late_after = seconds(10);
        s.late = Late::Include;
    });
    assert_eq!((included.rows.len(), included.late.len()), (6, 0));
    assert_eq!(outcome(CLICKS, "n:long t:ts", None, |_| {}).rows.len(), 6);
}

#[test]
fn the_turn_carries_the_maximum_from_file_to_file() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("x.csv"), CLICKS).unwrap();
    let mut spec = spec(dir.path(), "n:long t:ts", CSV);
    spec.late_after = seconds(10);
    let source = FilesSource::new(spec).unwrap();
    let mut turn = SequentialTurn::after(Some(1_704_067_230_000_000));
    let (found, _) = read(&source, &origin(&source), &SplitPoint::default(), &mut turn, None).unwrap();
    assert_eq!((found.rows.len(), found.late.len()), (2, 4));
    assert_eq!(turn.highest(), Some(1_704_067_230_000_000));
}

#[test]
fn personal_values_leave_the_chain_treated() {
    let text = "id,mail,who,tax\n1,a@x.org,Ann,7\n2,,Bob,8\n3,a@x.org,,9\n";
    let fields = "id:long mail:string?!email who:string?!name tax:long!ssn";
    let found = outcome(text, fields, None, |_| {});
    let token = found.rows[0].split('|').nth(1).unwrap().to_owned();
    assert_eq!(token.len(), 32);
    assert_eq!(
        found.rows,
        [format!("16: 1|{token}|****"), "32: 2|∅|****".to_owned(), format!("41: 3|{token}|∅")]
    );
    assert_eq!(found.raw[0], "2/1,a@x.org,Ann,7", "the raw record stays raw until it is sealed");
    let dir = tempfile::tempdir().unwrap();
    let source = FilesSource::new(spec(dir.path(), fields, CSV)).unwrap();
    let contract = source.contract();
    assert_eq!(contract.fields.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["id", "mail", "who"]);
    assert!(contract.fields.iter().skip(1).all(|f| f.ty == Type::String && f.nullable));
    assert_eq!(source.schema(), contract.arrow_schema());
    assert!(source.describe().contains("`mail` (email) tokenised"));
}

#[test]
fn a_treated_key_or_event_time_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut spec = spec(dir.path(), "mail:string!email who:string!name t:ts!ssn", CSV);
    let with_key = |key: &str| {
        let mut contract = (*spec.contract).clone();
        contract.key = vec![key.to_owned()];
        std::sync::Arc::new(contract)
    };
    let (by_token, by_mask) = (with_key("mail"), with_key("who"));
    spec.contract = by_token;
    let source = FilesSource::new(spec.clone()).unwrap();
    assert_eq!(source.contract().key, ["mail"]);
    assert_eq!(source.contract().event_time, None);
    spec.contract = by_mask;
    assert!(FilesSource::new(spec).unwrap().contract().key.is_empty());
}

#[test]
fn a_class_without_treatment_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = FilesSource::new(spec(dir.path(), "a:long!medical", CSV)).unwrap_err();
    assert_eq!(error.code(), codes::PII_UNTREATED);
    assert!(error.next_step().unwrap().contains("medical: token"));
}

#[test]
fn columns_nobody_uses_are_validated_or_not_as_asked() {
    let text = "a,b,t\n1,x,2024-01-01 00:00:00\nbad,y,2024-01-01 00:00:01\n3,z,bad\n";
    let fields = "a:long b:string t:ts";
    let all = outcome(text, fields, Some(&[1]), |_| {});
    assert_eq!((all.rows.len(), all.dead.len()), (1, 2));
    assert_eq!(all.rows, ["6: x"]);
    // The event time is decoded in any case: watermarks depend on it.
    let used = outcome(text, fields, Some(&[1]), |s| s.validate = Validate::Used);
    assert_eq!((used.rows.as_slice(), used.dead.len()), (["6: x", "30: y"].map(str::to_owned).as_slice(), 1));
    let none = outcome(text, fields, Some(&[]), |_| {});
    assert_eq!(none.rows, ["6: "]);
}
