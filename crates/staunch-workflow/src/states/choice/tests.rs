use super::compare::like;

#[test]
fn patterns() {
    for (text, pattern, expected) in [
        ("foo23.log", "foo*.log", true),
        ("zebra.log", "*.log", true),
        ("foobar.zebra", "foo*.*", true),
        ("foo.log.x", "foo*.log", false),
        ("a*b", r"a\*b", true),
        ("axb", r"a\*b", false),
        (r"a\b", r"a\\b", true),
        ("", "*", true),
        ("", "a", false),
        ("aaab", "*a*b", true),
    ] {
        assert_eq!(like(text, pattern), expected, "{text} {pattern}");
    }
    // Work grows with text times pattern, not with its power.
    assert!(!like(&"a".repeat(20_000), &format!("{}b", "a*".repeat(40))));
}
