//! No text may panic: a right pipeline, cut and broken in every way that chance finds.

use super::{Catalog, read};
use crate::graph;
use crate::mistakes::Mistakes;
use crate::profile;
use staunch_contract::yaml_tree::Document;
use staunch_types::{Rng, SeededRng};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const PIPELINE: &str = "pipeline: p\nepoch_bytes: 64 MiB\nread:\n  a: {from: c/o, contract: x@1, late_after: 10 s, late: include}\n\
process:\n  b: |\n    SELECT *\n      FROM a\n  c: >-\n    SELECT *\n    FROM b\n\n    JOIN a ON 'x' = \"y\"\n  d: SELECT 'ž'\n   FROM c\n\
\x20 e: {sql: \"WITH a AS (SELECT * FROM\\n a) SELECT * FROM a\", allow: nondeterministic}\nwrite:\n  - {from: d, to: c/o, mode: upsert}\n\
\x20 - {from: &x e, to: c/p, mode: replace, allow_empty: true}\ndead_letters: {at_most: 0.1 %, from_row: 1}\n";

const PROJECT: &str = "project: p\nprofiles:\n  dev:\n    key: ${env:K}\n    memory: 1 GiB\n    pii: {a: mask}\n    state: s\n\
\x20   c: {type: files, root: x, objects: {o: {nulls: [NA, 1.5, -3], a: {b: c}}, p: {}}}\n";

fn check(text: String, project: bool) -> usize {
    let mut mistakes = Mistakes::default();
    let (contracts, none) = (BTreeMap::new(), BTreeSet::new());
    let catalog = Catalog {
        root: Path::new("/nowhere"),
        profile: None,
        unclear: &none,
        contracts: &contracts,
        broken: &none,
    };
    if let Some(doc) = Document::parse(text, Path::new("pipelines/p.yaml"), |e| mistakes.push(e)) {
        if project {
            profile::project(Path::new("/nowhere"), &doc, None, &mut mistakes);
        } else if let Some(draft) = read(&doc, &catalog, &mut mistakes) {
            graph::check(draft, None, &BTreeSet::new(), &mut mistakes);
        }
    }
    mistakes.count()
}

#[test]
fn the_texts_are_right() {
    // The contract is not there, and nothing else is wrong.
    assert_eq!(check(PIPELINE.to_owned(), false), 1);
    assert_eq!(check(PROJECT.to_owned(), true), 0);
}

#[test]
fn no_text_panics() {
    let rng = SeededRng::new(11);
    let pick = |n: usize| (rng.next() % n.max(1) as u64) as usize;
    let pieces = [
        "'",
        "\"",
        "|",
        ">",
        "\n",
        "  ",
        "\t",
        "{",
        "}",
        "[",
        "*x",
        "&x ",
        "ž",
        "\u{1f511}",
        "--",
        "/*",
        "(",
        ";",
        "!!str ",
        "? ",
        ": ",
        "\r\n",
        "\0",
        "%",
        "9999999999999999999999",
        "\u{2028}",
        "- ",
    ];
    for (text, project) in [(PIPELINE, false), (PROJECT, true)] {
        for end in (0..text.len()).filter(|i| text.is_char_boundary(*i)) {
            check(text[..end].to_owned(), project);
        }
        let chars: Vec<char> = text.chars().collect();
        let mut wrong = 0;
        for _ in 0..600 {
            let mut broken = chars.clone();
            for _ in 0..1 + pick(3) {
                let at = pick(broken.len());
                match pick(3) {
                    0 => drop(broken.splice(at..(at + pick(6)).min(broken.len()), [])),
                    1 => drop(broken.splice(at..at, pieces[pick(pieces.len())].chars())),
                    _ => {
                        let to = (at + pick(20)).min(broken.len());
                        let copy: Vec<char> = broken[at..to].to_vec();
                        let into = pick(broken.len());
                        drop(broken.splice(into..into, copy));
                    }
                }
            }
            wrong += usize::from(check(broken.into_iter().collect(), project) > 1);
        }
        assert!(wrong > 50, "{wrong}");
    }
}
