//! Small projects, what happened to them before, and the one command that is disturbed.

/// Something that happens to a project.
#[derive(Debug, Clone, Copy)]
pub enum Step {
    /// A file is written.
    Write(&'static str, &'static str),
    /// A command that succeeds.
    Run(&'static [&'static str]),
    /// A command that is killed at this moment, `NAME:K`.
    Killed(&'static [&'static str], &'static str),
    /// SQL in the database `out/db.sqlite`.
    Sql(&'static str),
}

/// A project at a moment, and the command that campaigns disturb.
#[derive(Debug)]
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// What happened before.
    pub before: &'static [Step],
    /// The command.
    pub command: &'static [&'static str],
    /// What the undisturbed command exits with.
    pub exit: i32,
    /// Whether the command deals with dead letters: it has no id by which it could be continued, so after a crash a run comes
    /// first, and the command once more if letters still stand.
    pub settles: bool,
}

const PROJECT: Step = Step::Write(
    "staunch.yaml",
    "project: campaign
profiles:
  dev:
    in:
      type: files
      root: data
      objects:
        items: {path: \"items/*.csv\", format: csv, chunk_bytes: 1 KiB}
        made: {path: \"made/*/*.avro\", format: avro, partition: \"made/kind={kind}\"}
    made:
      type: files
      root: data
      objects:
        items: {path: made, format: avro, partition_by: [kind], rows_per_file: 20}
    lake:
      type: files
      root: out
      objects:
        avro: {path: avro, format: avro, compression: deflate}
        sizes: {path: sizes, format: avro, partition_by: [kind]}
        items: {path: items, format: parquet}
        kinds: {path: kinds, format: parquet, partition_by: [kind]}
        totals: {path: totals, format: parquet}
        lines: {path: lines, format: json, compression: gzip}
        plain: {path: plain, format: json, partition_by: [kind]}
    db: {type: sqlite, path: out/db.sqlite}
",
);
const ITEM: Step = Step::Write(
    "contracts/item.yaml",
    "contract: item\nversion: 1\nkey: [id]\nfields:\n  id: long\n  kind: string\n  size: int?\n",
);
/// An incremental read: a Parquet append and a SQLite append and upsert with every epoch.
const LOG: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
process:
  big: SELECT id, kind, size, 10 / size AS share FROM items WHERE size IS NULL OR size <> 2
write:
  - {from: big, to: lake/items, mode: append}
  - {from: items, to: db/events, mode: append}
  - {from: items, to: db/items, mode: upsert}
dead_letters: {at_most: 100 %}
",
);
/// The same with another stage: nothing is divided any more.
const EDITED: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
process:
  big: SELECT id, kind, size, 1 AS share FROM items WHERE size IS NULL OR size <> 2
write:
  - {from: big, to: lake/items, mode: append}
  - {from: items, to: db/events, mode: append}
  - {from: items, to: db/items, mode: upsert}
dead_letters: {at_most: 100 %}
",
);
/// A contract that does not name all that the files have.
const PART: Step = Step::Write(
    "contracts/part.yaml",
    "contract: part\nversion: 1\nkey: [id]\nfields:\n  id: long\n  kind: string\n",
);
/// A read that keeps what its contract does not name.
const WIDENING: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: part@1, on_drift: widen}
write:
  - {from: items, to: lake/items, mode: append}
dead_letters: {at_most: 100 %}
",
);
/// A whole read: spools, and replaces in both kinds of target.
const TOTALS: Step = Step::Write(
    "pipelines/totals.yaml",
    "pipeline: totals
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
process:
  good: SELECT id, kind, size FROM items WHERE id <> 5
  totals: SELECT kind, count(*) AS n, sum(size) AS size FROM good GROUP BY kind
write:
  - {from: totals, to: db/totals, mode: upsert}
  - {from: totals, to: lake/totals, mode: replace}
  - {from: good, to: lake/kinds, mode: replace}
  - {from: good, to: db/good, mode: replace}
dead_letters: {at_most: 100 %}
",
);
/// Lines of JSON: appended, compressed, with every epoch; and replaced, by partition, when all is computed.
const LINES: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
  all: {from: in/items, contract: item@1}
process:
  good: SELECT id, kind, size FROM all WHERE id <> 5
write:
  - {from: items, to: lake/lines, mode: append}
  - {from: good, to: lake/plain, mode: replace}
dead_letters: {at_most: 100 %}
",
);
/// What makes the Avro files that the next one reads.
const MAKING: Step = Step::Write(
    "pipelines/making.yaml",
    "pipeline: making
read:
  items: {from: in/items, contract: item@1}
write:
  - {from: items, to: made/items, mode: append}
dead_letters: {at_most: 100 %}
",
);
/// Avro files: read, with rows that their contract refuses; appended with every epoch; and replaced, by partition.
const AVRO: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/made, contract: sized@1}
  all: {from: in/made, contract: item@1}
process:
  good: SELECT id, kind, size FROM all WHERE id <> 5
write:
  - {from: items, to: lake/avro, mode: append}
  - {from: good, to: lake/sizes, mode: replace}
dead_letters: {at_most: 100 %}
",
);
const SIZED: Step = Step::Write(
    "contracts/sized.yaml",
    "contract: sized\nversion: 1\nfields:\n  id: long\n  kind: string\n  size: {type: int, max: 90}\n",
);
/// Only files as targets: an append with every epoch, plain and in folders by a field.
const FILES_LOG: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
process:
  big: SELECT id, kind, size, 10 / size AS share FROM items WHERE size IS NULL OR size <> 2
write:
  - {from: big, to: lake/items, mode: append}
  - {from: items, to: lake/kinds, mode: append}
dead_letters: {at_most: 100 %}
",
);
/// Only files as targets: spools, and replaces at the end.
const FILES_TOTALS: Step = Step::Write(
    "pipelines/totals.yaml",
    "pipeline: totals
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
process:
  good: SELECT id, kind, size FROM items WHERE id <> 5
  totals: SELECT kind, count(*) AS n, sum(size) AS size FROM good GROUP BY kind
write:
  - {from: totals, to: lake/totals, mode: replace}
  - {from: good, to: lake/kinds, mode: replace}
dead_letters: {at_most: 100 %}
",
);
/// Tables that take a field more, one of another name and a wider type, and lines of JSON beside older ones.
const MOVING: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
write:
  - {from: items, to: lake/plain, mode: append}
  - {from: items, to: db/events, mode: append}
  - {from: items, to: db/items, mode: upsert}
dead_letters: {at_most: 100 %}
",
);
const MOVED: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@2}
write:
  - {from: items, to: lake/plain, mode: append}
  - {from: items, to: db/events, mode: append}
  - {from: items, to: db/items, mode: upsert}
dead_letters: {at_most: 100 %}
",
);
const ITEM_2: Step = Step::Write(
    "contracts/item2.yaml",
    "contract: item
version: 2
key: [id]
fields:
  id: long
  kind: string
  size: double?
  note: string?
",
);
/// An index and a trigger, which must go along.
const INDEXED: Step = Step::Sql(
    "CREATE INDEX sizes ON items (size);
     CREATE TABLE seen (id INTEGER);
     CREATE TRIGGER sees AFTER INSERT ON events BEGIN INSERT INTO seen VALUES (new.id); END",
);
/// Records, some of them broken, some of them for the stage to reject, keys that come again.
const FIRST: Step = Step::Write("data/items/1.csv", include_str!("data/1.csv"));
const SECOND: Step = Step::Write("data/items/2.csv", include_str!("data/2.csv"));
/// Tables of which each refuses other rows.
const REFUSING: Step = Step::Sql(
    "CREATE TABLE items (id INTEGER PRIMARY KEY, kind TEXT, size INTEGER CHECK (size < 90));
     CREATE TABLE events (id INTEGER, kind TEXT CHECK (kind <> 'd'), size INTEGER)",
);
/// Every constraint is taken away, the rows stay.
const MENDED: Step = Step::Sql(
    "CREATE TABLE free (id INTEGER PRIMARY KEY, kind TEXT, size INTEGER);
     INSERT INTO free SELECT * FROM items; DROP TABLE items; ALTER TABLE free RENAME TO items;
     CREATE TABLE free (id INTEGER, kind TEXT, size INTEGER);
     INSERT INTO free SELECT * FROM events; DROP TABLE events; ALTER TABLE free RENAME TO events",
);
/// A file without broken records, so that a replay leaves no letter.
const SOUND: Step = Step::Write("data/items/1.csv", include_str!("data/sound.csv"));
const FIRST_RUN: Step = Step::Run(&["run", "log", "--id", "run-0"]);

/// Runs are not kept, but for those that have dead letters.
const KEEPING: Step = Step::Write(
    "staunch.yaml",
    "project: campaign
profiles:
  dev:
    keep: {runs: 0 s, late_rows: 0 s, dead_letters: 30 d}
    in:
      type: files
      root: data
      objects:
        items: {path: \"items/*.csv\", format: csv, chunk_bytes: 1 KiB}
    lake:
      type: files
      root: out
      objects:
        items: {path: items, format: parquet}
    db: {type: sqlite, path: out/db.sqlite}
",
);
/// Letters are not kept, and runs are.
const LOG_WITHOUT_LETTERS: Step = Step::Write(
    "pipelines/log.yaml",
    "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
process:
  big: SELECT id, kind, size, 10 / size AS share FROM items WHERE size IS NULL OR size <> 2
write:
  - {from: big, to: lake/items, mode: append}
  - {from: items, to: db/events, mode: append}
  - {from: items, to: db/items, mode: upsert}
dead_letters: {at_most: 100 %, keep: 0 s}
",
);
const SOUND_TOO: Step = Step::Write("data/items/2.csv", "id,kind,size\n901,a,1\n902,b,7\n903,c,\n");
const THIRD: Step = Step::Write("data/items/3.csv", include_str!("data/2.csv"));
const SECOND_RUN: Step = Step::Run(&["run", "log", "--id", "run-1"]);
/// A start that staged, sealed and wrote a manifest for nothing.
const KILLED_RUN: Step = Step::Killed(&["run", "log", "--id", "run-1"], "commit.before_create:2");
/// What a killed process would leave in the state folder.
const HALF_WRITTEN: Step = Step::Write(".staunch/dev/log/tmp/0123456789abcdef", "half of an artef");
const SPILLED: Step = Step::Write(".staunch/dev/log/spill/datafusion-x/0.arrow", "rows");

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "log",
        before: &[PROJECT, ITEM, LOG, FIRST],
        command: &["run", "log", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "totals",
        before: &[PROJECT, ITEM, TOTALS, FIRST, Step::Run(&["run", "totals", "--id", "run-0"]), SECOND],
        command: &["run", "totals", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "more-files",
        before: &[PROJECT, ITEM, LOG, FIRST, FIRST_RUN, SECOND],
        command: &["run", "log", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "lines",
        before: &[PROJECT, ITEM, LINES, FIRST, FIRST_RUN, SECOND],
        command: &["run", "log", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "avro",
        before: &[
            PROJECT,
            ITEM,
            SIZED,
            MAKING,
            FIRST,
            Step::Run(&["run", "making"]),
            AVRO,
            FIRST_RUN,
            SECOND,
            Step::Run(&["run", "making"]),
        ],
        command: &["run", "log", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "drift",
        before: &[PROJECT, PART, WIDENING, FIRST],
        command: &["run", "log", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "full-refresh",
        before: &[PROJECT, ITEM, LOG, FIRST, FIRST_RUN, SECOND],
        command: &["run", "log", "--full-refresh", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "edited",
        before: &[PROJECT, ITEM, LOG, FIRST, FIRST_RUN, SECOND, EDITED],
        command: &["run", "log", "--accept-change", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "migrate",
        before: &[PROJECT, ITEM, MOVING, FIRST, FIRST_RUN, INDEXED, SECOND, ITEM_2, MOVED],
        command: &["run", "log", "--migrate", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "refused",
        before: &[PROJECT, ITEM, LOG, FIRST, REFUSING],
        command: &["run", "log", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "budget",
        before: &[
            PROJECT,
            ITEM,
            Step::Write(
                "pipelines/log.yaml",
                "pipeline: log
epoch_bytes: 1 KiB
read:
  items: {from: in/items, contract: item@1}
write:
  - {from: items, to: lake/items, mode: append}
  - {from: items, to: db/items, mode: upsert}
dead_letters: {at_most: 2 %, from_row: 300}
",
            ),
            FIRST,
        ],
        command: &["run", "log", "--id", "run-1"],
        exit: 5,
        settles: false,
    },
    Scenario {
        name: "replay",
        before: &[PROJECT, ITEM, LOG, SOUND, REFUSING, FIRST_RUN, MENDED, EDITED, ACCEPTED],
        command: &["dlq", "replay"],
        exit: 0,
        settles: true,
    },
    Scenario {
        name: "discard",
        before: &[PROJECT, ITEM, LOG, FIRST, REFUSING, FIRST_RUN],
        command: &["dlq", "discard", "--all"],
        exit: 0,
        settles: true,
    },
    Scenario {
        name: "gc",
        before: &[
            KEEPING,
            ITEM,
            EDITED,
            SOUND,
            FIRST_RUN,
            SOUND_TOO,
            KILLED_RUN,
            SECOND_RUN,
            LOG,
            THIRD,
            Step::Run(&["run", "log", "--accept-change", "--id", "run-2"]),
            HALF_WRITTEN,
            SPILLED,
        ],
        command: &["gc"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "gc-letters",
        before: &[PROJECT, ITEM, LOG_WITHOUT_LETTERS, FIRST, REFUSING, FIRST_RUN],
        command: &["gc", "log"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "after-gc",
        before: &[
            KEEPING,
            ITEM,
            EDITED,
            SOUND,
            FIRST_RUN,
            SOUND_TOO,
            SECOND_RUN,
            Step::Run(&["gc"]),
            LOG,
            THIRD,
        ],
        command: &["run", "log", "--accept-change", "--id", "run-2"],
        exit: 0,
        settles: false,
    },
];
/// Those whose every durable byte goes through the seam for files: for the simulated disk. SQLite does its own I/O.
pub const FILES: &[Scenario] = &[
    Scenario {
        name: "files-append",
        before: &[PROJECT, ITEM, FILES_LOG, FIRST],
        command: &["run", "log", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
    Scenario {
        name: "files-replace",
        before: &[PROJECT, ITEM, FILES_TOTALS, FIRST, Step::Run(&["run", "totals", "--id", "run-0"]), SECOND],
        command: &["run", "totals", "--id", "run-1"],
        exit: 0,
        settles: false,
    },
];
const ACCEPTED: Step = Step::Run(&["run", "log", "--accept-change", "--id", "run-edit"]);

/// The scenario of this name.
#[must_use]
pub fn scenario(name: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|s| s.name == name)
}
