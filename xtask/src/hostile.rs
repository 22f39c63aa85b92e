//! `cargo xtask hostile`: inputs that are too large for the tests, through the release binary, with its memory measured.
//!
//! Every input is generated, in a temporary folder, and none may take more than [`MOST`] of memory: the limit that a run is
//! promised to keep whatever it reads. The file may be as large as it likes.

use crate::python;
use crate::tools::{Failure, Workspace, complain, heading, output, run as call, say};
use serde_json::Value;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// The largest resident set of a run, MiB.
const MOST: f64 = 512.0;

/// What must come out.
enum Wanted {
    /// The run fails with this code.
    Error(&'static str),
    /// The run succeeds with so many rows and so many dead letters.
    Rows(u64, u64),
}

/// A hostile file.
struct Case {
    name: &'static str,
    /// What it is called; the ending says how it is packed.
    file: &'static str,
    /// `csv` or `json`.
    format: &'static str,
    wanted: Wanted,
    write: fn(&mut dyn Write) -> std::io::Result<()>,
}

fn repeat(out: &mut dyn Write, part: &[u8], bytes: u64) -> std::io::Result<()> {
    let block = part.repeat((1 << 20) / part.len());
    let mut left = bytes;
    while left > 0 {
        let take = block.len().min(usize::try_from(left).unwrap_or(block.len()));
        out.write_all(&block[..take])?;
        left -= take as u64;
    }
    Ok(())
}

const GIGABYTE: u64 = 1 << 30;

const CASES: &[Case] = &[
    Case {
        name: "a gigabyte without a line end, CSV",
        file: "x.csv",
        format: "csv",
        wanted: Wanted::Error("Source.TooLarge"),
        write: |out| {
            out.write_all(b"id,text\n1,")?;
            repeat(out, b"x", GIGABYTE)
        },
    },
    Case {
        name: "a gigabyte without a line end, NDJSON",
        file: "x.json",
        format: "json",
        wanted: Wanted::Error("Source.TooLarge"),
        write: |out| {
            out.write_all(b"{\"id\":1,\"text\":\"")?;
            repeat(out, b"x", GIGABYTE)
        },
    },
    Case {
        name: "a header of a gigabyte",
        file: "x.csv",
        format: "csv",
        wanted: Wanted::Error("Source.TooLarge"),
        write: |out| repeat(out, b"column,", GIGABYTE),
    },
    Case {
        name: "a gigabyte behind a mark that is never closed",
        file: "x.csv",
        format: "csv",
        wanted: Wanted::Rows(GIGABYTE.div_ceil(512) - 1, 1),
        write: |out| {
            out.write_all(b"id,text\n0,\"open\n")?;
            let line = format!("1,{}\n", "x".repeat(509));
            for _ in 0..GIGABYTE.div_ceil(512) - 1 {
                out.write_all(line.as_bytes())?;
            }
            Ok(())
        },
    },
    Case {
        name: "a gzip bomb of 2 GB",
        file: "x.csv.gz",
        format: "csv",
        wanted: Wanted::Error("Source.TooLarge"),
        write: |out| {
            out.write_all(b"id,text\n")?;
            repeat(out, b"\n", 2 * GIGABYTE)
        },
    },
    Case {
        name: "a zstd bomb of 2 GB, of rows",
        file: "x.csv.zst",
        format: "csv",
        wanted: Wanted::Error("Source.TooLarge"),
        write: |out| {
            out.write_all(b"id,text\n")?;
            repeat(out, b"1,x\n", 2 * GIGABYTE)
        },
    },
    Case {
        name: "a million columns",
        file: "x.csv",
        format: "csv",
        wanted: Wanted::Rows(20, 1),
        write: |out| {
            let header: Vec<String> = (0..1_000_000).map(|n| format!(",c{n}")).collect();
            writeln!(out, "id,text{}", header.concat())?;
            for number in 0..20 {
                writeln!(out, "{number},x{}", ",".repeat(1_000_000))?;
            }
            writeln!(out, "1,x")
        },
    },
    Case {
        name: "records of a million delimiters",
        file: "x.csv",
        format: "csv",
        wanted: Wanted::Rows(1, 64),
        write: |out| {
            out.write_all(b"id,text\n")?;
            for _ in 0..64 {
                repeat(out, b",", 1 << 20)?;
                out.write_all(b"\n")?;
            }
            out.write_all(b"1,x\n")
        },
    },
    Case {
        name: "JSON nested 100,000 deep, and a million other keys",
        file: "x.json",
        format: "json",
        wanted: Wanted::Rows(2, 100),
        write: |out| {
            for _ in 0..100 {
                write!(out, "{{\"id\":1,\"z\":")?;
                repeat(out, b"[", 100_000)?;
                repeat(out, b"]", 100_000)?;
                out.write_all(b"}\n")?;
            }
            let keys: Vec<String> = (0..1_000_000).map(|n| format!("\"k{n}\":1,")).collect();
            writeln!(out, "{{{}\"id\":1}}", keys.concat())?;
            out.write_all(b"{\"id\":2}\n")
        },
    },
    Case {
        name: "64 MiB of empty dead records",
        file: "x.json",
        format: "json",
        wanted: Wanted::Rows(0, (64 << 20) / 32),
        write: |out| repeat(out, b"[                             ]\n", 64 << 20),
    },
    Case {
        name: "16 MiB of dead records of one character",
        file: "x.json",
        format: "json",
        wanted: Wanted::Rows(0, (16 << 20) / 2),
        write: |out| repeat(out, b"[\n", 16 << 20),
    },
];

const PROJECT: &str = "project: hostile
profiles:
  dev:
    in: {type: files, root: data, objects: {rows: {path: \"x*\", format: FORMAT}}}
    out: {type: files, root: out, objects: {rows: {path: rows, format: parquet}}}
";

const CONTRACT: &str = "contract: row\nversion: 1\nfields: {id: long, text: string?}\n";

const PIPELINE: &str = "pipeline: log
read:
  rows: {from: in/rows, contract: row@1}
write:
  - {from: rows, to: out/rows, mode: append}
dead_letters: {at_most: 100 %}
";

/// Runs all cases.
///
/// # Errors
/// Those that came to something else, or took too much memory.
pub(crate) fn run(workspace: &Workspace) -> Result<(), Failure> {
    call(&mut workspace.cargo(&["build", "--release", "--bin", "staunch"]))?;
    let python = python::with(workspace, &[])?;
    let mut wrong = Vec::new();
    for case in CASES {
        heading(case.name);
        if let Err(failure) = one(workspace, &python, case) {
            complain(&failure);
            wrong.push(case.name);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(format!("not as wanted: {}", wrong.join("; "))) }
}

fn one(workspace: &Workspace, python: &Path, case: &Case) -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(&workspace.target).map_err(|e| e.to_string())?;
    let project = folder.path().join("project");
    let key = format!("{}\n", "b7".repeat(32));
    let profile =
        PROJECT.replace("FORMAT", case.format).replace("  dev:\n", "  dev:\n    key: \"${file:key}\"\n");
    for (name, text) in [
        ("staunch.yaml", profile.as_str()),
        ("contracts/row.yaml", CONTRACT),
        ("pipelines/log.yaml", PIPELINE),
        ("key", &key),
    ] {
        let path = project.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(&project)).map_err(|e| e.to_string())?;
        std::fs::write(path, text).map_err(|e| e.to_string())?;
    }
    std::fs::create_dir(project.join("data")).map_err(|e| e.to_string())?;
    write(&project.join("data").join(case.file), case)?;

    let (result, log) = (folder.path().join("measured.json"), folder.path().join("log"));
    output(
        Command::new(python)
            .args(["-I", "-S"])
            .arg(workspace.root.join("xtask").join("bench").join("measure.py"))
            .args([&result, &log])
            .args(["2", "-"])
            .arg(workspace.staunch(true))
            .args(["run", "log", "--output", "json", "--project"])
            .arg(&project),
    )?;
    let text = |path: &Path| std::fs::read_to_string(path).map_err(|e| format!("{}: {e}", path.display()));
    let measured: Value = serde_json::from_str(&text(&result)?).map_err(|e| e.to_string())?;
    let log = text(&log)?;
    let (code, peak) = (measured["code"].as_i64(), measured["peak_rss_mib"].as_f64().unwrap_or(f64::MAX));
    let wall = measured["wall_s"].as_f64().unwrap_or(0.0);
    let end = &log[log.len().saturating_sub(2000)..];
    let found = match &case.wanted {
        Wanted::Error(wanted) if code == Some(1) && log.contains(wanted) => (*wanted).to_owned(),
        Wanted::Rows(rows, dead) if code == Some(0) => {
            // Words of the run stand before its report.
            let from = log.find('{').ok_or("the run printed no report")?;
            let report: Value = serde_json::Deserializer::from_str(&log[from..])
                .into_iter()
                .next()
                .ok_or("the run printed no report")?
                .map_err(|e| format!("{e}: {end}"))?;
            let read = &report["ledger"]["reads"]["rows"];
            let found = (read["accepted"].as_u64(), report["dead"].as_u64());
            if found != (Some(*rows), Some(*dead)) {
                return Err(format!("{rows} rows and {dead} dead are wanted, found {read}"));
            }
            format!("{rows} rows, {dead} dead")
        }
        _ => return Err(format!("exit code {code:?}: {end}")),
    };
    say(&format!("{found} in {wall:.1} s, {peak:.0} MiB"));
    if peak > MOST { Err(format!("{peak:.0} MiB are more than {MOST} MiB")) } else { Ok(()) }
}

/// Writes the file, packed by the programs of the machine.
fn write(path: &Path, case: &Case) -> Result<(), Failure> {
    let failed = |e: std::io::Error| format!("{}: {e}", path.display());
    let file = File::create(path).map_err(failed)?;
    let packer = match path.extension().and_then(|e| e.to_str()) {
        Some("gz") => "gzip",
        Some("zst") => "zstd",
        _ => {
            let mut out = BufWriter::with_capacity(1 << 20, file);
            return (case.write)(&mut out).and_then(|()| out.flush()).map_err(failed);
        }
    };
    let mut child = Command::new(packer)
        .args(["-c", "-1"])
        .stdin(Stdio::piped())
        .stdout(file)
        .spawn()
        .map_err(|e| format!("{packer}: {e}"))?;
    let mut out = BufWriter::with_capacity(1 << 20, child.stdin.take().ok_or("no pipe to the packer")?);
    (case.write)(&mut out).and_then(|()| out.flush()).map_err(failed)?;
    drop(out);
    let done = child.wait().map_err(failed)?;
    if done.success() { Ok(()) } else { Err(format!("{packer} failed")) }
}
