use super::{Lock, Pinned};
use crate::model::Contract;
use std::path::Path;
use std::sync::Arc;

const CLICK: &str = "
contract: click
version: 2
namespace: org.shop
doc: \"One click.\\u2028 A line more\\u007f, caf\\u00e9\"
key: [id]
event_time: at
fields:
  id: {type: uuid, fixed: 16}
  at: timestamp-micros
  kind: {type: enum, symbols: [view, buy], default: view}
  price: {type: \"decimal(9,2)?\", min: 0.01, unit: EUR}
  parts: {array: {record: {n: int, back: {type: enum?, symbols: [a]}}}}
  value: {union: [long, string], doc: 'It''s: \"quoted\" #'}
  extra: {record: {name: string, type: string}, default: {type: x, name: y}}
";

fn contract(text: &str) -> Arc<Contract> {
    Arc::new(Contract::from_yaml(text, Path::new("contracts/click.yaml")).unwrap())
}

fn lock() -> Lock {
    let mut lock = Lock::default();
    let first = contract("{contract: click, version: 1, fields: {id: string}}");
    let tenth = contract("{contract: click, version: 10, fields: {id: string}}");
    let mut second = Pinned::new(contract(CLICK));
    second.breaks = vec![1];
    for pinned in [Pinned::new(tenth), Pinned::new(first.clone()), second] {
        let version = pinned.contract.version;
        lock.versions.entry("click".into()).or_default().insert(version, pinned);
    }
    for profile in ["on", "dev"] {
        let stages = lock.inferred.entry(profile.into()).or_default();
        stages.insert("sales/paid".into(), Pinned::new(first.clone()));
    }
    lock
}

#[test]
fn a_lock_is_read_back_as_it_was_written() {
    let text = lock().text();
    let read = Lock::parse(text.clone(), Path::new("contracts.lock")).unwrap();
    assert_eq!(read, lock());
    assert_eq!(read.text(), text);
    // Versions are sorted as numbers, profiles that are words of YAML are quoted.
    let places: Vec<_> =
        ["click@1:", "click@2:", "click@10:", "  dev:", "  \"on\":"].map(|k| text.find(k).unwrap()).into();
    assert!(places.is_sorted(), "{text}");
    let second = read.version("click", 2).unwrap();
    assert_eq!((second.breaks.as_slice(), second.line > 5), (&[1][..], true));
    assert!(second.holds(&contract(CLICK)));
    assert!(text.contains("\n        {\"name\": \"at\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-micros\"}},\n"), "{text}");
    assert_eq!(Lock::parse(Lock::default().text(), Path::new("l")).unwrap(), Lock::default());
}

#[test]
fn only_what_is_for_people_may_change() {
    let pinned = Pinned::new(contract(CLICK));
    let holds = |from: &str, to: &str| {
        assert!(CLICK.contains(from), "{from}");
        pinned.holds(&contract(&CLICK.replacen(from, to, 1)))
    };
    assert!(holds("doc: \"One", "owner: me\ndoc: \"Two"));
    assert!(holds("key: [id]", "key: [id]\ncompatibility: NONE\nfreshness: 2 h"));
    assert!(holds("doc: 'It''s", "doc: 'Its"));
    for (from, to) in [
        ("int, back", "long, back"),
        ("decimal(9,2)?", "decimal(9,2)"),
        ("min: 0.01", "min: 0.02"),
        ("EUR", "USD"),
        ("[view, buy], default: view", "[view, buy], default: buy"),
        ("key: [id]", "key: [id, at]"),
        ("event_time: at", ""),
        ("at: timestamp-micros", "at: {type: timestamp-micros, pii: time}"),
        ("default: {type: x", "default: {type: z"),
        ("namespace: org.shop", ""),
        ("fixed: 16", "aliases: [i]"),
    ] {
        assert!(!holds(from, to), "{from} -> {to}");
    }
}

#[test]
fn what_somebody_edited_is_refused_with_its_line() {
    let text = lock().text();
    let refused = |text: String| {
        let error = Lock::parse(text, Path::new("contracts.lock")).unwrap_err();
        assert_eq!(error.code().name, "ST0035");
        assert!(error.next_step().is_some());
        (error.message().to_owned(), error.where_().line)
    };
    let (message, line) = refused(text.replace("\"view\", \"buy\"", "\"view\", \"sell\""));
    assert!(message.contains("`click@2`") && message.contains("fingerprint differs"), "{message}");
    let at = text.lines().position(|l| l == "  click@2:").unwrap() as u64 + 1;
    assert_eq!(line, Some(at));
    assert!(refused(text.replace("  click@1:", "  click@7:")).0.contains("`click@7`"));
    assert!(refused(text.replace("format: 1", "format: 2")).0.contains("form 2"));
    assert!(refused(text.replace("format: 1\n", "")).0.contains("format: 1"));
    assert!(refused(text.replace("breaks: [1]", "broken: [1]")).0.contains("`broken`"));
    assert_eq!(refused(text.replace("  click@2:", "<<<<<<< HEAD\n  click@2:")).1, Some(at));
    refused("contracts: [".into());
    refused(String::new());
    // Twice in one file, as after a careless merge.
    refused(text.replace("  click@10:", "  click@1:"));
}

/// `version: with KIND location, ...` of each break.
fn broken(versions: &[&str], new: &[u32]) -> Vec<String> {
    let all: Vec<_> = versions.iter().map(|text| contract(text)).collect();
    let refs: Vec<&Contract> = all.iter().map(AsRef::as_ref).collect();
    let found = super::breaks(&refs, &|version| new.contains(&version)).unwrap();
    let one = |b: &super::Break| {
        let reasons: Vec<_> = b.reasons.iter().map(|r| format!("{} {}", r.kind, r.location)).collect();
        format!("{}: {} {:?} {}", b.version, b.with, b.reads, reasons.join(", "))
    };
    found.iter().map(one).collect()
}

#[test]
fn a_version_follows_by_its_own_level_and_only_what_is_new_is_judged() {
    let of = |version: u32, level: &str, fields: &str| {
        format!("{{contract: c, version: {version}, compatibility: {level}, fields: {{{fields}}}}}")
    };
    let one = of(1, "BACKWARD", "a: int, b: int");
    // `b` goes and comes back without a default: only the last version counts unless the level is transitive.
    let two = of(2, "BACKWARD", "a: int");
    let three = |level: &str| of(3, level, "a: int, b: {type: string, default: x}");
    let all = |level: &str| [one.clone(), two.clone(), three(level)];
    let run = |level: &str, new: &[u32]| {
        let all = all(level);
        broken(&all.each_ref().map(String::as_str), new)
    };
    assert_eq!(run("BACKWARD", &[3]), [""; 0]);
    assert_eq!(run("BACKWARD_TRANSITIVE", &[3]), ["3: 1 NewReadsOld TYPE_MISMATCH /fields/1/type"]);
    assert_eq!(run("BACKWARD_TRANSITIVE", &[]), [""; 0]);
    assert_eq!(run("FORWARD", &[3]), [""; 0]);
    assert_eq!(
        run("FULL_TRANSITIVE", &[3]),
        ["3: 1 NewReadsOld TYPE_MISMATCH /fields/1/type", "3: 1 OldReadsNew TYPE_MISMATCH /fields/1/type"]
    );
    assert_eq!(run("NONE", &[3]), [""; 0]);
    // An earlier version that comes later is held against what follows it.
    assert_eq!(run("BACKWARD_TRANSITIVE", &[1]), ["3: 1 NewReadsOld TYPE_MISMATCH /fields/1/type"]);
    // What Avro takes for another thing is broken, too.
    let millis = of(1, "BACKWARD", "at: timestamp-millis, w: {type: long, unit: kg}");
    let micros = of(2, "BACKWARD", "at: timestamp-micros, w: {type: long, unit: g}");
    assert_eq!(broken(&[&millis, &micros], &[2]), ["2: 1 NewReadsOld OTHER_MEANING at, OTHER_MEANING w"]);
}
