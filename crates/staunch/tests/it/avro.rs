//! Avro files through the whole system: written, read again, killed on the way, damaged; and read by others.

use crate::project::Project;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

const CODECS: [&str; 6] = ["none", "deflate", "snappy", "zstandard", "bzip2", "xz"];

/// Every type of Avro, and every place where a null may stand.
const EVENT: &str = "contract: event
version: 1
key: [id]
namespace: shop.web
doc: What happened.
fields:
  id: long
  flag: boolean?
  small: int
  ratio: float?
  exact: double
  raw: bytes?
  text: string
  colour: {type: enum, symbols: [red, green]}
  price: {type: \"decimal(20,3)\", doc: In euros.}
  fee: {type: \"decimal(9,2)?\", fixed: 5}
  day: date
  ms: time-millis
  us: time-micros?
  at: {type: timestamp-millis, aliases: [happened]}
  at_us: timestamp-micros
  at_ns: timestamp-nanos?
  local: local-timestamp-millis
  local_us: local-timestamp-micros?
  local_ns: local-timestamp-nanos
  key: uuid
  key_bytes: {type: uuid?, fixed: 16}
  took: duration?
  digest: fixed(2)
  tags: {array: \"string?\"}
  counts: {map?: long}
  address: {record: {street: string, geo: {record?: {lat: double, lon: double}}}}
  value: {union?: [long, string, {record: {part: int}, name: parted}]}
  country: {type: string, default: DE}
";

const PIPELINES: [(&str, &str); 2] = [
    ("out", "pipeline: out\nread:\n  events: {from: in/events, contract: event@1}\nwrite:\n"),
    ("back", "pipeline: back\nread:\n"),
];

fn event(id: usize) -> String {
    let value = match id % 4 {
        0 => id.to_string(),
        1 => format!("\"v{id}\""),
        2 => format!("{{\"part\":{id}}}"),
        _ => "null".to_owned(),
    };
    let maybe = |text: String| if id.is_multiple_of(3) { "null".to_owned() } else { text };
    format!(
        r#"{{"id":{id},"flag":{},"small":-{id},"ratio":{},"exact":{}.25,"raw":{},"text":"Zürich {id} 😀","colour":"{}","price":-{id}.005,"fee":{},"day":"2024-02-29","ms":"10:00:00.001","us":{},"at":"2024-02-29T10:00:00.001Z","at_us":"1969-12-31T23:59:59.999999Z","at_ns":{},"local":"2024-02-29T10:00:00.001","local_us":{},"local_ns":"2024-02-29T10:00:00.000000001","key":"0188a1d0-5f2b-7c3e-9a4d-{id:012x}","key_bytes":{},"took":{},"digest":"\u0000\u00ff","tags":["t",null,"{id}"],"counts":{},"address":{{"street":"s{id}","geo":{}}},"value":{value},"country":"CH"}}"#,
        maybe("true".into()),
        maybe("1.5".into()),
        id,
        maybe("\"\\u0001\\u00fe\"".into()),
        ["red", "green"][id % 2],
        maybe(format!("{id}.25")),
        maybe("\"23:59:59.999999\"".into()),
        maybe("\"2024-02-29T10:00:00.123456789Z\"".into()),
        maybe("\"2024-02-29T10:00:00.123456\"".into()),
        maybe(format!("\"ffffffff-0000-4000-8000-{id:012x}\"")),
        maybe("\"P1M2DT3.004S\"".into()),
        maybe(format!("{{\"a\":{id}}}")),
        maybe("{\"lat\":1.5,\"lon\":-2.5}".into()),
    )
}

/// One pipeline writes an Avro folder for each codec and lines of JSON; the other reads each folder into lines of JSON.
fn project(rows: usize) -> Project {
    let project = Project::empty();
    let (mut targets, mut sources) = (String::new(), String::new());
    let (mut out, mut back) = (PIPELINES[0].1.to_owned(), PIPELINES[1].1.to_owned());
    let mut writes = String::from("write:\n");
    for codec in CODECS {
        targets.push_str(&format!(
            "        avro_{codec}: {{path: avro_{codec}, format: avro, compression: {codec}, partition_by: [colour], rows_per_file: 70}}\n        back_{codec}: {{path: back_{codec}, format: json}}\n"
        ));
        sources.push_str(&format!(
            "        {codec}: {{path: \"avro_{codec}/*/*.avro\", format: avro, partition: \"avro_{codec}/colour={{colour}}\", chunk_bytes: 4 kB}}\n"
        ));
        out.push_str(&format!("  - {{from: events, to: lake/avro_{codec}}}\n"));
        back.push_str(&format!("  {codec}_rows: {{from: made/{codec}, contract: event@1}}\n"));
        writes.push_str(&format!("  - {{from: {codec}_rows, to: lake/back_{codec}}}\n"));
    }
    out.push_str("  - {from: events, to: lake/json}\n");
    back.push_str(&writes);
    let text = format!(
        "project: avro\nprofiles:\n  dev:\n    verify: full\n    epoch_bytes: 60 kB\n    in:\n      type: files\n      root: data\n      objects:\n        events: {{path: \"*.ndjson\", format: json, chunk_bytes: 20 kB}}\n    made:\n      type: files\n      root: out\n      objects:\n{sources}    lake:\n      type: files\n      root: out\n      objects:\n        json: {{path: json, format: json}}\n{targets}"
    );
    let lines: Vec<String> = (0..rows).map(event).collect();
    project
        .write("staunch.yaml", text)
        .write("contracts/event.yaml", EVENT)
        .write("pipelines/out.yaml", out)
        .write("data/1.ndjson", lines.join("\n"));
    // It is checked once there is something to be read.
    project.write("back.yaml", back);
    project
}

fn lines(folder: &Path) -> Vec<String> {
    crate::tables::parquet(folder)
}

fn avro_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
        if entry.is_dir() && !entry.file_name().unwrap().to_string_lossy().starts_with('.') {
            found.extend(avro_files(&entry));
        } else if entry.extension().is_some_and(|e| e == "avro") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

#[test]
fn rows_of_every_type_go_through_avro_of_every_codec_and_come_back_the_same() {
    let project = project(300);
    project.staunch(&["check"]).ok();
    let killed = project.staunch_with(&["run", "out"], &[("STAUNCH_FAILPOINTS", "kill=25")]);
    assert_eq!(killed.code, None, "{}", killed.stderr);
    project.staunch(&["run", "out"]).ok();
    let wanted = lines(&project.root.join("out/json"));
    assert_eq!(wanted.len(), 300);
    std::fs::rename(project.root.join("back.yaml"), project.root.join("pipelines/back.yaml")).unwrap();
    project.staunch(&["check"]).ok();
    // Killed in the middle of the files: it goes on where it was.
    let killed = project.staunch_with(&["run", "back"], &[("STAUNCH_FAILPOINTS", "kill=40")]);
    assert_eq!(killed.code, None, "{}", killed.stderr);
    project.staunch(&["run", "back"]).ok();
    for codec in CODECS {
        let files = avro_files(&project.root.join(format!("out/avro_{codec}")));
        assert!(files.len() >= 6, "{codec}: {files:?}");
        assert_eq!(lines(&project.root.join(format!("out/back_{codec}"))), wanted, "{codec}");
    }
    // Nothing new: nothing is read, nothing is written.
    let again = project.staunch(&["run", "back", "--output", "json"]).ok().json();
    assert!(again.to_string().contains("\"rows\":0") || again["rows"] == 0, "{again}");
    for codec in CODECS {
        assert_eq!(lines(&project.root.join(format!("out/back_{codec}"))).len(), 300);
    }
}

/// A Python that can import fastavro; `None`, said aloud, where there is none.
fn python() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let known = [PathBuf::from("python3"), home.join(".cache/staunch/venv/bin/python3")];
    let has = |python: &PathBuf| {
        Command::new(python).args(["-c", "import fastavro"]).output().is_ok_and(|o| o.status.success())
    };
    let found = known.into_iter().find(has);
    if found.is_none() {
        eprintln!("SKIPPED: no Python with fastavro here");
    }
    found
}

/// Runs a script; what it prints.
fn run_python(python: &Path, script: &str, args: &[&str]) -> String {
    let done = Command::new(python).args(["-c", script]).args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{stderr}");
    String::from_utf8(done.stdout).unwrap()
}

/// Whether fastavro has the library for a codec; said aloud if not.
fn has_codec(python: &Path, codec: &str) -> bool {
    let codec = if codec == "none" { "null" } else { codec };
    let script = "import fastavro, io, sys
out = io.BytesIO()
fastavro.writer(out, {'type': 'record', 'name': 'r', 'fields': []}, [{}], codec=sys.argv[1])";
    let has = Command::new(python).args(["-c", script, codec]).output().unwrap().status.success();
    if !has {
        eprintln!("SKIPPED: fastavro has no library for {codec} here");
    }
    has
}

#[test]
fn fastavro_reads_what_is_written_and_what_it_writes_is_read() {
    let Some(python) = python() else { return };
    let project = project(120);
    project.staunch(&["run", "out"]).ok();
    let wanted = lines(&project.root.join("out/json"));
    std::fs::rename(project.root.join("back.yaml"), project.root.join("pipelines/back.yaml")).unwrap();
    // What fastavro read is written by it under the same schema, into the places of ours.
    const SCRIPT: &str = "import fastavro, sys
codec = sys.argv[1]
rows = 0
for path in sys.argv[2:]:
    with open(path, 'rb') as file:
        reader = fastavro.reader(file)
        assert reader.codec == codec, reader.codec
        schema = reader.writer_schema
        assert schema['name'] == 'shop.web.event' and schema['doc'] == 'What happened.', schema
        found = list(reader)
    for row in found:
        assert row['text'] == 'Zürich %d 😀' % row['id'], row
        assert str(row['price']) == '-%d.005' % row['id'], row['price']
        assert row['at'].isoformat() == '2024-02-29T10:00:00.001000+00:00', row['at']
        assert row['key'].hex == '0188a1d05f2b7c3e9a4d%012x' % row['id'], row['key']
        assert row['digest'] == b'\\x00\\xff' and row['tags'] == ['t', None, str(row['id'])], row
        assert row['address']['street'] == 's%d' % row['id'], row
        assert (row['took'] is None) == (row['id'] % 3 == 0), row
    rows += len(found)
    with open(path, 'wb') as file:
        fastavro.writer(file, schema, found, codec=codec, sync_interval=900, validator=True)
print(rows)
";
    let mut read = 0;
    for codec in CODECS {
        if !has_codec(&python, codec) {
            continue;
        }
        let files = avro_files(&project.root.join(format!("out/avro_{codec}")));
        let name = if codec == "none" { "null" } else { codec };
        let mut args = vec![name];
        args.extend(files.iter().map(|f| f.to_str().unwrap()));
        assert_eq!(run_python(&python, SCRIPT, &args).trim(), "120", "{codec}");
        read += 1;
    }
    assert!(read >= 4, "null, deflate, bzip2 and xz are in Python itself");
    project.staunch(&["run", "back"]).ok();
    for codec in CODECS {
        assert_eq!(lines(&project.root.join(format!("out/back_{codec}"))), wanted, "{codec}");
    }
}

const CLICK: &str = "contract: click
version: 1
fields:
  id: long
  page: {type: enum, symbols: [home, cart]}
  who: {type: string, pii: email}
  n: {type: int, min: 0}
";

/// Files that the tests write by the library: a writer's schema that is wider than the contract.
fn clicks(rows: std::ops::Range<usize>, block: usize) -> Vec<u8> {
    use staunch_contract::avro::{Codec, ContainerWriter, Schema};
    let schema = Schema::parse(
        r#"{"type": "record", "name": "Click", "fields": [
            {"name": "n", "type": ["null", "int"]}, {"name": "extra", "type": "double"}, {"name": "id", "type": "int"},
            {"name": "page", "type": {"type": "enum", "name": "Page", "symbols": ["cart", "help", "home"]}},
            {"name": "who", "type": "bytes"}]}"#,
    )
    .unwrap();
    let mut out = ContainerWriter::new(&schema, Codec::Deflate, [3; 16], &[]).unwrap();
    for id in rows {
        let who = if id % 10 == 7 { "\\u00ff canary".to_owned() } else { format!("u{id}@x") };
        let n = match id % 10 {
            3 => "null".to_owned(),
            4 => "{\"int\": -1}".to_owned(),
            _ => format!("{{\"int\": {id}}}"),
        };
        let page = if id % 10 == 5 { "help" } else { "home" };
        let row =
            format!("{{\"n\": {n}, \"extra\": 0.5, \"id\": {id}, \"page\": \"{page}\", \"who\": \"{who}\"}}");
        let value = schema.value_from_json(&row, staunch_contract::avro::Unions::Tagged).unwrap();
        out.append(&value).unwrap();
        if id % block == block - 1 {
            out.end_block().unwrap();
        }
    }
    out.finish().unwrap()
}

fn click_project() -> Project {
    let project = Project::empty();
    project
        .write(
            "staunch.yaml",
            "project: clicks\nprofiles:\n  dev:\n    epoch_bytes: 1 kB\n    pii: {email: token}\n    in:\n      type: files\n      root: data\n      objects:\n        clicks: {path: \"*.avro\", format: avro, chunk_bytes: 1 kB}\n    lake:\n      type: files\n      root: out\n      objects:\n        clicks: {path: clicks, format: json}\n",
        )
        .write("contracts/click.yaml", CLICK)
        .write(
            "pipelines/clicks.yaml",
            "pipeline: clicks\nread:\n  clicks: {from: in/clicks, contract: click@1}\nprocess:\n  kept: SELECT id, page, who, n FROM clicks WHERE id <> 8\nwrite:\n  - {from: kept, to: lake/clicks}\ndead_letters: {at_most: 100 %}\n",
        )
        .write("data/1.avro", clicks(0..200, 10));
    project
}

fn letters(project: &Project) -> Vec<Value> {
    let found = project.staunch(&["dlq", "ls", "--output", "json"]).ok().json();
    found["letters"].as_array().or(found.as_array()).unwrap_or_else(|| panic!("{found}")).clone()
}

#[test]
fn bad_values_are_dead_letters_that_are_shown_and_replayed_without_their_file() {
    let project = click_project();
    project.staunch(&["check"]).ok();
    let done = project.staunch(&["run", "clicks"]).ok();
    assert!(!done.stdout.contains("canary") && !done.stderr.contains("canary"));
    assert_eq!(lines(&project.root.join("out/clicks")).len(), 200 - 80 - 1);
    let found = letters(&project);
    assert_eq!(found.len(), 80);
    let count =
        |field: &str, code: &str| found.iter().filter(|l| l["field"] == field && l["code"] == code).count();
    assert_eq!(count("n", "Contract.Violation"), 40);
    assert_eq!(count("page", "Contract.Violation"), 20);
    assert_eq!(count("who", "Decode.Malformed"), 20);
    // The place is the number of the row.
    let id = "in/clicks/1.avro@1#17";
    assert!(found.iter().any(|l| l["id"] == id && l["field"] == "who"), "{found:?}");
    let shown = project.staunch(&["dlq", "show", id]).ok();
    assert!(
        shown.stdout.contains("canary") && shown.stdout.contains("\"page\":\"home\""),
        "{}",
        shown.stdout
    );
    // A symbol and a null that the contract learns to know: the letters come in, by what they say themselves.
    std::fs::remove_file(project.root.join("data/1.avro")).unwrap();
    project.write("data/2.avro", clicks(200..201, 10));
    project.edit("contracts/click.yaml", "[home, cart]", "[home, cart, help]");
    project.edit("contracts/click.yaml", "n: {type: int, min: 0}", "n: {type: int?, min: 0}");
    project.staunch(&["run", "clicks", "--accept-change"]).ok();
    let dry = project.staunch(&["dlq", "replay", "--dry-run", "--field", "page"]).ok();
    assert!(dry.stdout.contains("20"), "{}", dry.stdout);
    project.staunch(&["dlq", "replay"]).ok();
    let left = letters(&project);
    assert_eq!(left.len(), 40, "twenty numbers below 0 and twenty texts that are none stay");
    assert!(left.iter().all(|l| l["attempts"] == 2), "{left:?}");
    let rows = lines(&project.root.join("out/clicks"));
    assert_eq!(rows.len(), 119 + 1 + 40);
    assert_eq!(rows.iter().filter(|r| r.contains("\"page\":\"help\"")).count(), 20);
    assert!(rows.iter().all(|r| !r.contains("@x")), "what is personal is a token");
}

#[test]
fn damage_and_files_of_another_schema_are_told_with_their_file() {
    let project = click_project();
    let whole = clicks(0..200, 10);
    project.write("data/1.avro", &whole[..whole.len() - 30]);
    let cut = project.staunch(&["run", "clicks"]).fails(1, "Source.Corrupt");
    assert!(cut.stderr.contains("1.avro") && cut.stderr.contains("byte"), "{}", cut.stderr);
    let mut flipped = whole.clone();
    let middle = whole.len() / 2;
    (middle..middle + 40).for_each(|at| flipped[at] ^= 0x55);
    project.write("data/1.avro", flipped);
    let done = project.staunch(&["run", "clicks", "--full-refresh"]).fails(1, "Source.Corrupt");
    assert!(done.stderr.contains("1.avro") && done.stderr.contains("byte"), "{}", done.stderr);
    project.edit("contracts/click.yaml", "id: long", "id: string");
    project.edit("contracts/click.yaml", "n: {type: int, min: 0}", "m: int");
    project.edit(
        "pipelines/clicks.yaml",
        "id, page, who, n FROM clicks WHERE id <> 8",
        "id, page, who FROM clicks",
    );
    project.write("data/1.avro", &whole);
    let done =
        project.staunch(&["run", "clicks", "--full-refresh", "--output", "json"]).fails(1, "Source.Schema");
    for part in
        ["TYPE_MISMATCH at /fields/0/type", "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/3: m", "rename"]
    {
        assert!(done.stderr.contains(part), "{}", done.stderr);
    }
}

#[test]
fn a_file_is_read_on_in_its_middle_and_new_files_alone_are_read_next_time() {
    let project = click_project();
    project.write("data/1.avro", clicks(0..2000, 10));
    let killed = project.staunch_with(&["run", "clicks"], &[("STAUNCH_FAILPOINTS", "kill=60")]);
    assert_eq!(killed.code, None, "{}", killed.stderr);
    let done = project.staunch(&["run", "clicks", "--output", "json"]).ok();
    assert_eq!(lines(&project.root.join("out/clicks")).len(), 1199, "{}", done.stdout);
    assert_eq!(letters(&project).len(), 800);
    project.write("data/2.avro", clicks(2000..2010, 10));
    project.staunch(&["run", "clicks"]).ok();
    assert_eq!(lines(&project.root.join("out/clicks")).len(), 1199 + 6);
}
