//! That a case can fail: cases of our own with the wrong expectation.

use super::{Verdict, csv, json};
use serde_json::json;

fn of_json(document: &str, expect: &str) -> Verdict {
    use base64::Engine;
    let base64 = Some(base64::prelude::BASE64_STANDARD.encode(document));
    json::verdict(&json::Case { name: String::new(), expect: expect.to_owned(), base64, repeat: None })
        .unwrap()
}

#[test]
fn json_documents_are_judged() {
    for (document, good) in
        [("[1]", true), ("\"a\"", true), ("-1.5e3", true), ("null", true), ("[1", false), ("", false)]
    {
        let (right, wrong) = if good { ("accept", "reject") } else { ("reject", "accept") };
        assert_eq!(of_json(document, right), Verdict::Passed, "{document}");
        assert!(matches!(of_json(document, wrong), Verdict::Failed(_)), "{document}");
        assert_eq!(of_json(document, "either"), Verdict::Passed, "{document}");
    }
    assert!(matches!(of_json("[\n1]", "accept"), Verdict::Refused(_)));
}

#[test]
fn csv_texts_are_judged() {
    let case = |data: serde_json::Value| json!({"input": "a,b\n1,\"2\n3\"\n4,5,6\n", "config": {"header": true}, "expected": {"data": data}});
    let extra = json!({"a": "4", "b": "5", "__parsed_extra": ["6"]});
    let good = json!({"a": "1", "b": "2\n3"});
    assert_eq!(csv::verdict(&case(json!([good, extra]))), Ok(Verdict::Passed));
    // The dead record was not expected, a value is another, a row is missing.
    for data in [json!([good]), json!([{"a": "1", "b": "2"}, extra]), json!([good, good, extra])] {
        assert!(matches!(csv::verdict(&case(data)), Ok(Verdict::Failed(_))));
    }
    let unknown = json!({"input": "a", "config": {"comments": "#"}, "expected": {"data": [["a"]]}});
    assert!(matches!(csv::verdict(&unknown), Ok(Verdict::Refused(_))));
}
