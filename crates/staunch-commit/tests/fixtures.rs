//! Every version of every stored format is read by today's code: a folder per version, an artefact of each kind, as a run wrote
//! it. A field that today's code needs and an old artefact lacks fails here.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use serde::de::DeserializeOwned;
use staunch_commit::manifest::{EpochRecord, FORMAT, FloorRecord, GenerationRecord, RegionRecord};
use staunch_commit::unknown::UnknownBlock;
use staunch_commit::{
    ApplyRecord, DeadLetter, EpochKind, Manifest, Pins, ProfileKey, RunEnd, Standing, UNKNOWN, Uncommitted,
};

fn fixture<T: DeserializeOwned>(version: u32, name: &str) -> T {
    let path = format!("{}/tests/fixtures/v{version}/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    serde_json::from_str(text.lines().collect::<String>().as_str()).unwrap_or_else(|e| panic!("{path}: {e}"))
}

#[test]
fn every_version_of_every_artefact_is_read() {
    for version in 1..=FORMAT {
        let region: RegionRecord = fixture(version, "region.json");
        let epoch: EpochRecord = fixture(version, "epoch.json");
        let generation: GenerationRecord = fixture(version, "generation.json");
        let manifest: Manifest = fixture(version, "manifest.json");
        let pins: Pins = fixture(version, "pins.json");
        let standing: Standing = fixture(version, "standing.json");
        let applied: ApplyRecord = fixture(version, "applied.json");
        let formats = [
            region.format,
            epoch.format,
            generation.format,
            manifest.format,
            pins.format,
            standing.format,
            applied.format,
        ];
        assert_eq!(formats, [version; 7]);
        assert_eq!(manifest.region, region.region);
        assert_eq!((manifest.epoch, manifest.generation), (epoch.epoch, epoch.generation));
        assert_eq!(manifest.kind, EpochKind::End { end: RunEnd::Succeeded });
        manifest.ledger.check().unwrap();
        assert_eq!(manifest.datasets.len(), 4);
        assert_eq!(pins.run, manifest.run);
        assert!(pins.origins["flights"].len() == 2 && standing.inputs.contains_key("flights"));
        assert_eq!(applied.applied.applied, applied.applied.rows);
    }
}

#[test]
fn dead_letters_of_every_version_are_read() {
    for version in 1..=FORMAT {
        let path = format!("{}/tests/fixtures/v{version}/dead.ndjson", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        for line in text.lines() {
            let letter: DeadLetter = serde_json::from_str(line).unwrap();
            assert_eq!((letter.format, letter.stage.as_str(), letter.attempts), (version, "flights", 1));
        }
        assert_eq!(text.lines().count(), 3);
    }
}

/// Since format 2 the rows that a target refused are kept: the artefacts of a replay that was refused again.
#[test]
fn refused_rows_of_every_version_are_read() {
    let applied: ApplyRecord = fixture(1, "applied.json");
    assert_eq!(applied.letters, None);
    let sealer = ProfileKey::new([7; 32]).sealer();
    for version in 2..=FORMAT {
        let applied: ApplyRecord = fixture(version, "replay-applied.json");
        let pins: Pins = fixture(version, "replay-pins.json");
        let manifest: Manifest = fixture(version, "replay-manifest.json");
        assert_eq!((applied.format, pins.format, manifest.format), (version, version, version));
        assert!(pins.settles && manifest.settled.len() == 3);
        assert_eq!(manifest.sinks["db/items"].tried, [1, 1, 1]);
        assert_eq!((applied.letters.unwrap().rows, applied.applied.dead.len()), (3, 3));
        let path = format!("{}/tests/fixtures/v{version}/refused.ndjson", env!("CARGO_MANIFEST_DIR"));
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let letter: DeadLetter = serde_json::from_str(line).unwrap();
            assert_eq!((letter.format, letter.attempts, letter.read.as_str()), (version, 2, "items"));
            let (row, fingerprint) = letter.row(&sealer).unwrap();
            assert_eq!((row.num_rows(), row.num_columns(), fingerprint.len()), (1, 4, 64));
        }
    }
}

/// Floors came with format 2, in the middle of it.
#[test]
fn floors_of_every_version_are_read() {
    for version in 2..=FORMAT {
        let floor: FloorRecord = fixture(version, "floor.json");
        assert_eq!((floor.format, floor.floor.0, floor.collected.len()), (version, 6, 3));
        let failed: Vec<_> = floor.collected.iter().map(|run| run.failed.as_deref()).collect();
        assert_eq!(failed, [None, Some("Sql.Query"), None]);
    }
}

/// The contracts of targets, and their moves, came with format 2, in the middle of it: older artefacts say nothing about either.
#[test]
fn moves_of_every_version_are_read() {
    for version in 1..=FORMAT {
        let (pins, standing): (Pins, Standing) =
            (fixture(version, "pins.json"), fixture(version, "standing.json"));
        assert!(pins.contracts.is_empty() && pins.moves.is_empty() && standing.contracts.is_empty());
    }
    for version in 2..=FORMAT {
        let manifest: Manifest = fixture(version, "moved-manifest.json");
        let pins: Pins = fixture(version, "moved-pins.json");
        let standing: Standing = fixture(version, "moved-standing.json");
        let moved = manifest.sinks["db/clicks"].moved.clone().unwrap();
        assert_eq!((moved.from.as_str(), moved.to.as_str()), ("click@1", "click@2"));
        assert_eq!(pins.moves["db/clicks"], moved);
        let under: Vec<_> = standing.contracts["db/clicks"].iter().map(|w| w.open().unwrap()).collect();
        let ids: Vec<_> = under.iter().map(|contract| (contract.id(), contract.fields.len())).collect();
        assert_eq!(ids, [("click@1".to_owned(), 3), ("click@2".to_owned(), 4)]);
        assert!(standing.contracts["clicks"][0].same(&pins.contracts["clicks"]));
    }
}

/// So did the drift of reads, and what they keep.
#[test]
fn drift_and_kept_fields_of_every_version_are_read() {
    let old: Manifest = fixture(1, "manifest.json");
    assert!(old.ledger.reads.values().all(|read| read.drift.is_empty()));
    let sealer = ProfileKey::new([7; 32]).sealer();
    for version in 2..=FORMAT {
        let manifest: Manifest = fixture(version, "drift-manifest.json");
        let drift = &manifest.ledger.reads["events"].drift;
        assert_eq!((drift.unknown["level"].records, drift.missing["note"]), (2, 2));
        assert!(drift.unknown["source"].types.contains("string"));
        manifest.ledger.check().unwrap();
        assert!(manifest.channels.iter().any(|c| c.port == UNKNOWN && c.rows == 2));
        let block: UnknownBlock = fixture(version, "unknown.ndjson");
        assert_eq!((block.format, block.rows, block.contract.as_str()), (version, 2, "event@1"));
        let kept = block.open(&sealer).unwrap();
        assert_eq!(kept[0].id, "in/events/a.csv@1#16");
        assert_eq!(kept[0].fields, r#"{"source":"web","level":"7"}"#);
        assert_eq!(kept[1].fields, r#"{"source":null,"level":null}"#);
    }
}

#[test]
fn what_is_written_today_reads_back_the_same() {
    for name in ["manifest.json", "moved-manifest.json"] {
        let manifest: Manifest = fixture(FORMAT, name);
        let text = serde_json::to_string(&manifest).unwrap();
        assert_eq!(serde_json::from_str::<Manifest>(&text).unwrap(), manifest);
    }
}

#[test]
fn a_failed_end_without_counts_is_read() {
    let old = r#"{"failed": {"code": "Sql.Query", "message": "the query failed", "hint": ""}}"#;
    let RunEnd::Failed { code, uncommitted, .. } = serde_json::from_str(old).unwrap() else {
        panic!("{old}")
    };
    assert_eq!((code.as_str(), uncommitted), ("Sql.Query", Uncommitted::default()));
}
