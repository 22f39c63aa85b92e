//! How fast files are read, on one thread: `read_speed FOLDER` makes `orders.csv`, `orders.ndjson` and `orders.avro` there (2 million rows
//! of 13 numbers and 7 short strings), unless they are there already, and reads them. `read_speed FOLDER csv` reads one.
#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::panic, reason = "a measuring tool")]

use staunch_commit::{Origin, SegmentName, Sink, Source, SplitPoint};
use staunch_connectors::read::SequentialTurn;
use staunch_connectors::systems::files::{FilesSink, FilesSinkSpec, FilesSource, FilesSourceSpec};
use staunch_contract::{Contract, Field, Type};
use staunch_pipeline::{Connection, Late, Object, OptionValue, Options, Validate};
use staunch_types::{Clock, Epoch, Generation, LocalFs, Place, RegionId, SystemClock};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

const ROWS: u64 = 2_000_000;

fn fields() -> Vec<(&'static str, Type)> {
    vec![
        ("order_id", Type::Long),
        ("customer_id", Type::Long),
        ("product_id", Type::Int),
        ("store_id", Type::Int),
        ("quantity", Type::Int),
        ("unit_price", Type::Double),
        ("discount", Type::Double),
        ("tax", Type::Double),
        ("total", Type::Decimal { precision: 12, scale: 2 }),
        ("shipping", Type::Double),
        ("weight", Type::Double),
        ("rating", Type::Int),
        ("ordered_at", Type::TimestampMicros),
        ("status", Type::Enum(["new", "paid", "packed", "shipped", "returned"].map(str::to_owned).to_vec())),
        ("country", Type::String),
        ("city", Type::String),
        ("currency", Type::String),
        ("channel", Type::String),
        ("sku", Type::String),
        ("carrier", Type::String),
    ]
}

/// One row's values as CSV and JSON would write them.
fn row(id: u64, seed: &mut u64) -> Vec<String> {
    let mut next = |below: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % below
    };
    let money = |cents: u64| format!("{}.{:02}", cents / 100, cents % 100);
    let second = id % 86_400;
    vec![
        id.to_string(),
        (1_000_000 + next(500_000)).to_string(),
        next(90_000).to_string(),
        next(900).to_string(),
        (1 + next(20)).to_string(),
        money(next(100_000)),
        format!("0.{:02}", next(50)),
        money(next(10_000)),
        money(next(2_000_000)),
        money(next(3_000)),
        format!("{}.{:03}", next(40), next(1000)),
        next(6).to_string(),
        format!(
            "2024-{:02}-{:02} {:02}:{:02}:{:02}.{:03}",
            1 + next(12),
            1 + next(28),
            second / 3600,
            second / 60 % 60,
            second % 60,
            next(1000)
        ),
        ["new", "paid", "packed", "shipped", "returned"][next(5) as usize].to_owned(),
        ["DE", "FR", "US", "GB", "NL", "PL"][next(6) as usize].to_owned(),
        ["Berlin", "Hamburg", "Paris", "New York", "London", "Gdynia", "Amsterdam"][next(7) as usize]
            .to_owned(),
        ["EUR", "USD", "GBP"][next(3) as usize].to_owned(),
        ["web", "store", "phone", "partner"][next(4) as usize].to_owned(),
        format!("SKU-{:06}", next(1_000_000)),
        ["DHL", "UPS", "FedEx", "DPD"][next(4) as usize].to_owned(),
    ]
}

fn make(folder: &Path) {
    if std::fs::metadata(folder.join("orders.ndjson")).is_ok() {
        return;
    }
    let create = |name: &str| BufWriter::new(std::fs::File::create(folder.join(name)).unwrap());
    let (mut csv, mut json) = (create("orders.csv"), create("orders.ndjson"));
    let names: Vec<&str> = fields().iter().map(|(name, _)| *name).collect();
    writeln!(csv, "{}", names.join(",")).unwrap();
    let mut seed = 42;
    for id in 0..ROWS {
        let values = row(id, &mut seed);
        writeln!(csv, "{}", values.join(",")).unwrap();
        let pairs: Vec<String> = names
            .iter()
            .zip(&values)
            .enumerate()
            .map(|(i, (n, v))| if i < 12 { format!("\"{n}\":{v}") } else { format!("\"{n}\":\"{v}\"") })
            .collect();
        writeln!(json, "{{{}}}", pairs.join(",")).unwrap();
    }
    csv.flush().unwrap();
    json.flush().unwrap();
}

fn contract() -> Contract {
    let fields = fields().into_iter().map(|(name, ty)| {
        let nullable = name == "city" || name == "rating";
        Field::new(name, ty, nullable)
    });
    let event_time = Some("ordered_at".to_owned());
    Contract { event_time, ..Contract::new("order", 1, fields.collect()) }
}

fn options(entries: &[(&str, &str)]) -> Options {
    let entry = |(key, value): &(&str, &str)| {
        ((*key).to_owned(), OptionValue { value: (*value).into(), place: Place::default() })
    };
    Options { entries: entries.iter().map(entry).collect() }
}

fn source(folder: &Path, name: &str, format: &str) -> FilesSource {
    FilesSource::new(FilesSourceSpec {
        name: "bench/orders".to_owned(),
        project: folder.to_path_buf(),
        connection: Options::default(),
        object: options(&[("path", name), ("format", format)]),
        contract: Arc::new(contract()),
        late_after: None,
        late: Late::Keep,
        validate: Validate::All,
        on_drift: None,
        pii: BTreeMap::new(),
        token_keys: BTreeMap::new(),
        chunk_bytes: None,
    })
    .unwrap()
}

/// The rows of `orders.csv` as the sink writes them.
fn make_avro(folder: &Path, clock: &SystemClock) {
    if std::fs::metadata(folder.join("orders.avro")).is_ok() {
        return;
    }
    let place = Place::default();
    let mut object = options(&[("path", "made"), ("format", "avro"), ("compression", "zstandard")]);
    let most = OptionValue { value: (ROWS + 1).into(), place: place.clone() };
    object.entries.insert("rows_per_file".to_owned(), most);
    let object =
        Object { name: "orders".to_owned(), place: place.clone(), clears: BTreeSet::new(), options: object };
    let connection = Connection {
        name: "bench".to_owned(),
        system: "files".to_owned(),
        place,
        options: Options::default(),
        objects: BTreeMap::new(),
    };
    let sink = FilesSink::new(FilesSinkSpec {
        project: folder,
        connection: &connection,
        object: &object,
        contract: Arc::new(contract()),
        verify_full: false,
        fs: Arc::new(LocalFs),
    })
    .unwrap();
    let name = SegmentName {
        region: RegionId("0123456789abcdef".to_owned()),
        write: "bench/orders".to_owned(),
        epoch: Epoch(1),
        generation: Generation(1),
    };
    let source = source(folder, "orders.csv", "csv");
    let origin = Origin { listed: source.list().unwrap().remove(0), version: 1 };
    let mut splitter = source.open(&origin, &SplitPoint::default(), None).unwrap();
    let (mut turn, mut writer) = (SequentialTurn::default(), sink.stage(&name).unwrap());
    let mut took = std::time::Duration::ZERO;
    while let Some(chunk) = splitter.next().unwrap() {
        let batch = chunk.work.run(&mut turn).unwrap().batch;
        let before = clock.monotonic();
        writer.write(&batch).unwrap();
        took += clock.monotonic() - before;
    }
    let segments = writer.finish().unwrap();
    let staged = sink.folder().join(&segments[0].staged);
    std::fs::rename(staged, folder.join("orders.avro")).unwrap();
    println!("orders.avro: {:.2} M rows/s written", ROWS as f64 / took.as_secs_f64() / 1e6);
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().expect("a folder");
    let only = arguments.next();
    let folder = Path::new(&folder);
    make(folder);
    let clock = SystemClock::default();
    make_avro(folder, &clock);
    for (name, format) in [("orders.csv", "csv"), ("orders.ndjson", "json"), ("orders.avro", "avro")] {
        if only.as_deref().is_some_and(|o| o != format) {
            continue;
        }
        let source = source(folder, name, format);
        let begin = clock.monotonic();
        let origin = Origin { listed: source.list().unwrap().remove(0), version: 1 };
        let mut splitter = source.open(&origin, &SplitPoint::default(), None).unwrap();
        let mut turn = SequentialTurn::default();
        let (mut rows, mut dead, mut bytes, mut cutting) = (0, 0, 0, std::time::Duration::ZERO);
        loop {
            let before = clock.monotonic();
            let Some(chunk) = splitter.next().unwrap() else { break };
            cutting += clock.monotonic() - before;
            bytes += chunk.bytes;
            let read = chunk.work.run(&mut turn).unwrap();
            rows += read.batch.num_rows();
            dead += read.dead.len();
        }
        let took = (clock.monotonic() - begin).as_secs_f64();
        println!(
            "{name}: {rows} rows, {dead} dead, {:.0} MiB, {took:.2} s ({:.2} s cutting), {:.2} M rows/s, {:.0} MiB/s",
            bytes as f64 / 1_048_576.0,
            cutting.as_secs_f64(),
            rows as f64 / took / 1e6,
            bytes as f64 / 1_048_576.0 / took
        );
    }
}
