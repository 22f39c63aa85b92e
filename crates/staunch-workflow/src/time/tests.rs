use super::*;

#[test]
fn texts_and_times() {
    assert_eq!(parse("1970-01-01T00:00:00Z"), Some(0));
    assert_eq!(parse("2016-03-14T01:59:00.5+02:00").map(format), Some("2016-03-13T23:59:00.500Z".into()));
    assert_eq!(parse("2000-02-29T23:59:59.999999999Z").map(format), Some("2000-02-29T23:59:59.999Z".into()));
    assert_eq!(format(-1), "1969-12-31T23:59:59.999Z");
    for day in [-800_000, -1, 0, 59, 60, 11_016, 20_000, 900_000] {
        let (y, m, d) = civil(day);
        assert_eq!(days(y, m, d), day);
    }
}

#[test]
fn what_is_no_time() {
    for text in [
        "",
        "2016-12-05 21:29:29Z",
        "2016-13-05T21:29:29Z",
        "2016-12-05T25:29:29Z",
        "05-12-2016T21:29:29Z",
        "2016-12-05T21:29:29",
        "2015-02-29T00:00:00Z",
        "2016-12-05T21:29Z",
        "2016-12-05T21:29:29.Z",
        "2016-12-05T21:29:29+0100",
    ] {
        assert_eq!(parse(text), None, "{text}");
    }
}
