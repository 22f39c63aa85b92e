use super::*;

#[test]
fn whole_numbers_and_the_order_of_fields_are_kept() {
    let text = r#"{"b":9007199254740993,"a":[1.0,1,-5,18446744073709551615],"c":{"z":null,"y":true}}"#;
    assert_eq!(Value::parse(text).unwrap().to_json(), text);
}

#[test]
fn same_is_equality_of_json() {
    let same = |a: &str, b: &str| Value::parse(a).unwrap().same(&Value::parse(b).unwrap());
    assert!(same(r#"{"a":1,"b":[2.0]}"#, r#"{"b":[2],"a":1.0}"#));
    assert!(!same("9007199254740993", "9007199254740992"));
    assert!(!same("[1,2]", "[2,1]"));
    assert!(!same(r#"{"a":1}"#, r#"{"b":1}"#));
}

#[test]
fn depth_is_measured() {
    let nested = |n: usize| Value::parse(&format!("{}{}", "[".repeat(n), "]".repeat(n))).unwrap();
    assert!(nested(100).fits(DEPTH_MAX));
    assert!(!nested(101).fits(DEPTH_MAX));
}
