use super::*;

fn balanced() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.reads.insert(
        "clicks".into(),
        ReadAccount { found: 10, accepted: 7, dead: 2, late: 1, ..ReadAccount::default() },
    );
    ledger.per_row.insert(
        "human".into(),
        StageAccount { taken: 7, passed: 4, filtered: 2, dead: 1, emitted: 5, ..StageAccount::default() },
    );
    let end = |rows, hash| End { rows, hash: Some(HashSum(hash)) };
    ledger.edges.insert(edge("human", "db/t"), EdgeAccount { near: end(5, 9), far: end(5, 9) });
    ledger
        .writes
        .insert("db/t".into(), WriteAccount { segment: 5, applied: 3, unchanged: 1, superseded: 1, dead: 0 });
    ledger
}

#[test]
fn what_balances_passes_and_every_single_change_is_found() {
    let good = balanced();
    good.check().unwrap();
    good.check_writes().unwrap();

    type Spoil = fn(&mut Ledger);
    let spoils: [(&str, Spoil); 5] = [
        ("read `clicks`", |l| l.reads.get_mut("clicks").unwrap().found += 1),
        ("stage `human`", |l| l.per_row.get_mut("human").unwrap().filtered -= 1),
        ("5 rows left, 4 arrived", |l| l.edges.values_mut().next().unwrap().far.rows -= 1),
        ("hash sums differ", |l| l.edges.values_mut().next().unwrap().far.hash = Some(HashSum(8))),
        ("write `db/t`", |l| l.writes.get_mut("db/t").unwrap().applied += 1),
    ];
    for (expected, spoil) in spoils {
        let mut bad = balanced();
        spoil(&mut bad);
        let error = bad.check().and_then(|()| bad.check_writes()).unwrap_err();
        assert_eq!(error.code().name, "Ledger.Imbalance");
        assert!(error.message().contains(expected), "{error}");
    }
}

#[test]
fn a_run_is_the_sum_of_its_epochs() {
    let mut total = Ledger::default();
    total.add(&balanced());
    total.add(&balanced());
    total.check().unwrap();
    assert_eq!(total.found(), 20);
    assert_eq!(total.dead(), 6);
    assert_eq!(total.edges[&edge("human", "db/t")].near.hash, Some(HashSum(18)));
    let wrapped = HashSum(u128::MAX).plus(HashSum(2));
    assert_eq!(HashSum::from_hex(&wrapped.hex()), Some(HashSum(1)));
}
