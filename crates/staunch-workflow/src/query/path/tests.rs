use super::*;

fn find(path: &str, json: &str) -> Result<String, String> {
    let path = Path::parse(path)?;
    path.get_in(&Value::parse(json).unwrap()).map(|v| v.to_json()).map_err(|m| m.0)
}

#[test]
fn one_place() {
    let json = r#"{"a":{"b-c":[10,20,{"x y":true}]},"$":1}"#;
    assert_eq!(find("$.a.b-c[1]", json), Ok("20".into()));
    assert_eq!(find("$['a']['b-c'][-1]['x y']", json), Ok("true".into()));
    assert_eq!(find("$", "[1]"), Ok("[1]".into()));
    assert_eq!(find("$.a.x", json), Err("No results for path: $['a']['x']".into()));
    assert_eq!(find("$.no.such", json), Err("Missing property in path $['no']".into()));
    assert_eq!(find("$.a.b-c[7]", json), Err("No results for path: $['a']['b-c'][7]".into()));
}

#[test]
fn many_places_give_a_list() {
    let json = r#"{"s":[{"p":1,"n":"a"},{"p":5,"n":"b"},{"n":"c"}]}"#;
    assert_eq!(find("$.s[*].n", json), Ok(r#"["a","b","c"]"#.into()));
    assert_eq!(find("$..p", json), Ok("[1,5]".into()));
    assert_eq!(find("$.s[?(@.p > 2)].n", json), Ok(r#"["b"]"#.into()));
    assert_eq!(find("$.s[0:2].n", json), Ok(r#"["a","b"]"#.into()));
    assert_eq!(find("$.s[0,2].n", json), Ok(r#"["a","c"]"#.into()));
    assert_eq!(find("$.none[*]", json), Ok("[]".into()));
    assert_eq!(find("$.s[?(@.n =~ /[AB]/i)].n", json), Ok(r#"["a","b"]"#.into()));
    assert_eq!(find("$.s[?(@.p > 2 && @.n =~ /b.*/)].n", json), Ok(r#"["b"]"#.into()));
    assert_eq!(find("$.s[?(@.n==b)].p", json), Ok("[5]".into()));
    assert_eq!(find("$.s.[?(@.n == 'c' || @.p>=5)].n", json), Ok(r#"["b","c"]"#.into()));
    assert_eq!(find("$.s.[1].n", json), Ok(r#""b""#.into()));
}

#[test]
fn what_is_no_path() {
    for text in ["", "a", "$.", "$a-b", "$.a[", "$.a]", "$.a[']", "$$23", "$..", "$.a b", "$[?(@.x"] {
        assert!(Path::parse(text).is_err(), "{text}");
    }
    assert!(matches!(Path::parse("$$.State.Name").unwrap().root(), Root::Context));
    assert!(matches!(Path::parse("$x.y").unwrap().root(), Root::Variable(_)));
}

#[test]
fn a_result_is_put() {
    let put = |path: &str, into: &str| {
        let path = Path::parse(path).unwrap();
        path.put(Value::parse(into).unwrap(), Value::from(7_i64))
            .map(|v| v.to_json())
            .map_err(|f| f.name().to_owned())
    };
    assert_eq!(put("$", "{}"), Ok("7".into()));
    assert_eq!(put("$.a.b", r#"{"x":1}"#), Ok(r#"{"x":1,"a":{"b":7}}"#.into()));
    assert_eq!(put("$.a[0]", r#"{"a":[1,2]}"#), Ok(r#"{"a":[7,2]}"#.into()));
    assert_eq!(put("$.a.b", r#"{"a":1}"#), Err("States.ResultPathMatchFailure".into()));
    assert_eq!(put("$.a", "3"), Err("States.ResultPathMatchFailure".into()));
}

#[test]
fn no_text_exhausts_the_stack() {
    for part in ["[?(", "[?(@.a =~ /x/i && ", "[?!", "..", ".a", "[0]", "=~//", "[?@.a || ", "[?length("] {
        let _ = Path::parse(&format!("${}", part.repeat(8_000 / part.len())));
        let _ = Path::parse(&format!("$[?({})]", part.repeat(8_000 / part.len())));
    }
}
