use super::*;

fn listed(path: &str, size: u64, modified: i64) -> Listed {
    Listed { path: path.into(), size, modified }
}

fn admitted(path: &str, size: u64, modified: i64, version: u32, digest: Option<&str>) -> Admitted {
    let origin = Origin { listed: listed(path, size, modified), version };
    Admitted { origin, digest: digest.map(str::to_owned) }
}

#[test]
fn a_file_is_the_same_by_size_and_time_or_by_its_digest() {
    let before = admitted("a", 10, 5, 1, Some("d1"));
    let never = |_: &Listed| -> Result<String> { panic!("the digest was asked for") };
    let is = |digest: &'static str| move |_: &Listed| Ok(digest.to_owned());
    assert_eq!(sameness(&listed("a", 10, 5), None, never).unwrap(), Sameness::New);
    assert_eq!(sameness(&listed("a", 10, 5), Some(&before), never).unwrap(), Sameness::Same);
    assert_eq!(sameness(&listed("a", 11, 5), Some(&before), never).unwrap(), Sameness::Changed);
    assert_eq!(sameness(&listed("a", 10, 6), Some(&before), is("d1")).unwrap(), Sameness::Same);
    assert_eq!(sameness(&listed("a", 10, 6), Some(&before), is("d2")).unwrap(), Sameness::Changed);
    // It was never read to its end: nothing proves that it is the same.
    let unread = admitted("a", 10, 5, 1, None);
    assert_eq!(sameness(&listed("a", 10, 6), Some(&unread), never).unwrap(), Sameness::Changed);
}

/// listing and what stands → origins to read (path, version, offset), changed files
#[test]
fn files_are_admitted_by_the_rules() {
    let point = |offset, finished| SplitPoint { offset, finished, ..SplitPoint::default() };
    let progress = Progress {
        paths: BTreeMap::from([("done".into(), point(9, true)), ("half".into(), point(4, false))]),
        ..Progress::default()
    };
    let known = BTreeMap::from([
        ("done".to_owned(), admitted("done", 9, 1, 3, Some("x"))),
        ("half".to_owned(), admitted("half", 9, 1, 1, None)),
    ]);
    let run = |scope, listing: &[(Listed, Sameness)], full| {
        admit("r", scope, listing, Some(&known), Some(&progress), full).map(|a| {
            let origins: Vec<_> = a
                .origins
                .iter()
                .map(|o| (o.origin.listed.path.clone(), o.origin.version, o.from.offset))
                .collect();
            (origins, a.changed)
        })
    };
    let file = |path: &str, same| (listed(path, 9, 1), same);
    let incremental =
        [file("done", Sameness::Same), file("half", Sameness::Same), file("new", Sameness::New)];
    let (origins, changed) = run(Scope::Incremental, &incremental, false).unwrap();
    assert_eq!(origins, [("half".to_owned(), 1, 4), ("new".to_owned(), 1, 0)]);
    assert!(changed.is_empty());

    // Changed after it was read: reported, not read. Changed inside: refused. A full refresh reads both, as new versions.
    let (origins, changed) =
        run(Scope::Incremental, &[file("done", Sameness::Changed), file("half", Sameness::Same)], false)
            .unwrap();
    assert_eq!((origins.len(), changed), (1, vec!["done".to_owned()]));
    let error = run(Scope::Incremental, &[file("half", Sameness::Changed)], false).unwrap_err();
    assert_eq!(error.code().name, "Source.Changed");
    // Gone inside: refused; the rest of it would be missing without a word.
    let error = run(Scope::Incremental, &[file("done", Sameness::Same)], false).unwrap_err();
    assert_eq!(error.code().name, "Source.Missing");
    let both = [file("done", Sameness::Changed), file("half", Sameness::Changed)];
    let (origins, _) = run(Scope::Incremental, &both, true).unwrap();
    assert_eq!(origins, [("done".to_owned(), 4, 0), ("half".to_owned(), 2, 0)]);

    // A whole read reads everything, whatever was read before.
    let (origins, _) = run(Scope::Whole, &[file("done", Sameness::Same)], false).unwrap();
    assert_eq!(origins, [("done".to_owned(), 3, 0)]);
}

#[test]
fn a_difference_shows_the_lines() {
    let f = |text: &str| Fingerprint { hash: String::new(), definition: text.into() };
    let at = Place::file("p.yaml").at(5, 8);
    let (place, text) = difference("stage `a`", &at, Some(&f("x\ny")), Some(&f("x\nz")));
    assert_eq!(place, at);
    assert_eq!(text, "  stage `a` (p.yaml:5:8):\n    - y\n    + z");
}
