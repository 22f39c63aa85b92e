use super::{distance, hint, suggest};

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

#[test]
fn distances_count_edits_and_swaps() {
    for (a, b, expected) in
        [("kitten", "sitting", 3), ("ab", "ba", 1), ("", "abc", 3), ("same", "same", 0), ("flaw", "lawn", 2)]
    {
        assert_eq!(distance(&chars(a), &chars(b)), expected, "{a} {b}");
        assert_eq!(distance(&chars(b), &chars(a)), expected, "{b} {a}");
    }
}

#[test]
fn near_names_are_found_and_far_ones_are_not() {
    let names = ["clicks", "humans", "clicks_per_minute", "id"];
    for (typed, expected) in [
        ("clikcs", Some("clicks")),
        ("Clicks", Some("clicks")),
        ("click", Some("clicks")),
        ("human", Some("humans")),
        ("clicks_per_min", Some("clicks_per_minute")),
        ("di", Some("id")),
        ("xy", None),
        ("orders", None),
        ("", None),
    ] {
        assert_eq!(suggest(typed, names).as_deref(), expected, "{typed}");
    }
    assert_eq!(suggest(&"x".repeat(5000), names), None);
}

#[test]
fn the_hint_lists_what_there_is() {
    assert_eq!(hint("clikcs", &["clicks"], "stages"), "did you mean `clicks`?");
    assert_eq!(hint("zzz", &["clicks", "humans"], "stages"), "stages: `clicks`, `humans`");
    assert_eq!(hint("zzz", &["clicks"], "stages"), "the only one there is: `clicks`");
    assert_eq!(hint::<&str>("zzz", &[], "stages"), "there are no stages");
}
