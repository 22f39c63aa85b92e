//! The benchmark's jobs as a project of Staunch.

use super::generate::COLUMNS;
use std::io;
use std::path::Path;

/// Two profiles that differ in `verify:` alone.
fn project() -> String {
    let profile = |name: &str, verify: &str| {
        format!(
            r#"  {name}:
    key: "${{file:bench.key}}"
    verify: {verify}
    events:
      type: files
      root: data
      objects:
        csv: {{path: events.csv, format: csv}}
        ndjson: {{path: events.ndjson, format: json}}
        csv_bad: {{path: bad/events.csv, format: csv}}
        ndjson_bad: {{path: bad/events.ndjson, format: json}}
    out:
      type: files
      root: out
      objects:
        csv_to_parquet: {{path: csv_to_parquet, format: parquet, compression: snappy}}
        csv_to_ndjson: {{path: csv_to_ndjson, format: json}}
        ndjson_derive: {{path: ndjson_derive, format: parquet, compression: snappy}}
        csv_to_parquet_bad: {{path: csv_to_parquet_bad, format: parquet, compression: snappy}}
        ndjson_derive_bad: {{path: ndjson_derive_bad, format: parquet, compression: snappy}}
        csv_group: {{path: csv_group, format: parquet, compression: snappy}}
        csv_group_all: {{path: csv_group_all, format: parquet, compression: snappy}}
"#
        )
    };
    format!("project: bench\nprofiles:\n{}{}", profile("dev", "footer"), profile("full", "full"))
}

const CSV_TO_PARQUET: &str = "pipeline: csv_to_parquet
read:
  events: {from: events/csv, contract: event@1}
write:
  - {from: events, to: out/csv_to_parquet, mode: append}
";

const NDJSON_DERIVE: &str = "pipeline: ndjson_derive
read:
  events: {from: events/ndjson, contract: event@1}
process:
  derived: |
    SELECT
      id,
      user_id,
      country || '-' || channel AS segment,
      upper(product) AS product,
      price * CAST(quantity AS DOUBLE) AS gross,
      total - tax AS net,
      quantity * 2 AS doubled,
      latency_ms >= 500 AS slow,
      created
    FROM events
    WHERE is_member AND status_code < 400
write:
  - {from: derived, to: out/ndjson_derive, mode: append}
";

const CSV_GROUP: &str = "pipeline: csv_group
read:
  events: {from: events/csv, contract: event@1, validate: used}
process:
  grouped: |
    SELECT
      city,
      channel,
      count(*) AS events,
      sum(quantity) AS items,
      sum(total) AS total,
      max(latency_ms) AS latency_ms_max
    FROM events
    GROUP BY city, channel
write:
  - {from: grouped, to: out/csv_group, mode: replace}
";

/// Writes the project's files; its data are written by [`super::generate`].
///
/// # Errors
/// What the operating system says.
pub(crate) fn write(dir: &Path) -> io::Result<()> {
    let fields: String = COLUMNS.iter().map(|(name, kind)| format!("  {name}: {kind}\n")).collect();
    let contract = format!("contract: event\nversion: 1\nkey: [id]\nevent_time: created\nfields:\n{fields}");
    // The same over rows of which one in a hundred is bad.
    let bad = |text: &str| {
        let text = text.replace("from: events/csv", "from: events/csv_bad");
        let text = text.replace("from: events/ndjson", "from: events/ndjson_bad");
        let text = text.replace("pipeline: csv_to_parquet", "pipeline: csv_to_parquet_bad");
        let text = text.replace("pipeline: ndjson_derive", "pipeline: ndjson_derive_bad");
        let text = text.replace("to: out/csv_to_parquet", "to: out/csv_to_parquet_bad");
        text.replace("to: out/ndjson_derive", "to: out/ndjson_derive_bad") + "dead_letters: {at_most: 2 %}\n"
    };
    let (csv_bad, ndjson_bad) = (bad(CSV_TO_PARQUET), bad(NDJSON_DERIVE));
    let csv_to_ndjson = CSV_TO_PARQUET.replace("csv_to_parquet", "csv_to_ndjson");
    let group_all =
        CSV_GROUP.replace("csv_group", "csv_group_all").replace("validate: used", "validate: all");
    // The profile would make a key of its own otherwise, outside this folder.
    let key = format!("# For the benchmark only.\n{}\n", "b7".repeat(32));
    for (name, text) in [
        ("staunch.yaml", project().as_str()),
        ("bench.key", &key),
        ("contracts/event.yaml", &contract),
        ("pipelines/csv_to_parquet.yaml", CSV_TO_PARQUET),
        ("pipelines/csv_to_ndjson.yaml", &csv_to_ndjson),
        ("pipelines/ndjson_derive.yaml", NDJSON_DERIVE),
        ("pipelines/csv_group.yaml", CSV_GROUP),
        ("pipelines/csv_group_all.yaml", &group_all),
        ("pipelines/csv_to_parquet_bad.yaml", &csv_bad),
        ("pipelines/ndjson_derive_bad.yaml", &ndjson_bad),
    ] {
        let path = dir.join(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(path, text)?;
    }
    Ok(())
}
