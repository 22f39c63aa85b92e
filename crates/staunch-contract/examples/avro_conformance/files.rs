//! Files and messages that other implementations wrote.

use crate::schemas::files;
use crate::{Failure, Judged, Verdict, judge};
use serde_json::Value as Json;
use staunch_contract::avro::{
    Codec, ContainerLimits, ContainerReader, ContainerWriter, Decoder, Schema, Unions, Value, framing,
};
use std::path::{Path, PathBuf};

/// Reads each file, holds it against the JSON beside it where there is one, and writes it again with every codec.
pub(crate) fn suite(folder: &Path) -> Result<Vec<Judged>, Failure> {
    let share = folder.join("share_data");
    let data = share.join("data");
    let mut judged = Vec::new();
    let mut paths = Vec::new();
    walk(&share, &mut paths)?;
    for path in paths {
        let name = path.strip_prefix(&share).unwrap_or(&path).display().to_string();
        if name.ends_with(".avro") {
            judged.push(judge(name.clone(), || container(&path, expected(&path, &data, &name)?.as_deref())));
        } else if name.ends_with(".avro12") {
            judged.push(judge(name, || match read(&path) {
                Err(why) if why.contains("Avro 1.2 or older") => Ok(Verdict::Refused(
                    "containers of Avro 1.2 and older (2009) are refused by name".to_owned(),
                )),
                other => Ok(Verdict::Failed(format!("{:?}", other.map(|(_, values)| values.len())))),
            }));
        } else if name.ends_with("test_message.bin") {
            judged.push(judge(name, || message(&path)));
        }
    }
    Ok(judged)
}

fn walk(folder: &Path, into: &mut Vec<PathBuf>) -> Result<(), Failure> {
    into.extend(files(folder)?);
    let listing = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut folders: Vec<_> =
        listing.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| p.is_dir()).collect();
    folders.sort();
    folders.iter().try_for_each(|folder| walk(folder, into))
}

/// The rows that all the weather files hold, one JSON a line.
fn expected(path: &Path, data: &Path, name: &str) -> Result<Option<Vec<Json>>, Failure> {
    if path.parent() != Some(data) || !name.contains("weather") {
        return Ok(None);
    }
    let text = std::fs::read_to_string(data.join("weather.json")).map_err(|e| e.to_string())?;
    let rows = serde_json::Deserializer::from_str(&text).into_iter::<Json>();
    let mut rows: Vec<Json> = rows.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
    if name.contains("sorted") {
        // By its schema: the station is ignored, time and temperature ascend.
        rows.sort_by_key(|row| (row["time"].as_i64(), row["temp"].as_i64()));
    }
    Ok(Some(rows))
}

fn read(path: &Path) -> Result<(Schema, Vec<Value>), Failure> {
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    read_all(std::io::BufReader::new(file), path)
}

fn read_all(input: impl std::io::Read, path: &Path) -> Result<(Schema, Vec<Value>), Failure> {
    let wrong = |e: staunch_types::Error| e.to_string();
    let mut reader = ContainerReader::open(input, path, ContainerLimits::default()).map_err(wrong)?;
    let decoder = Decoder::new(reader.schema()).map_err(wrong)?;
    let mut values = Vec::new();
    while let Some(block) = reader.next_block().map_err(wrong)? {
        for value in block.values(&decoder) {
            values.push(value.map_err(wrong)?);
        }
    }
    Ok((reader.schema().clone(), values))
}

fn container(path: &Path, expected: Option<&[Json]>) -> Result<Verdict, Failure> {
    let (schema, values) = read(path)?;
    if values.is_empty() {
        return Ok(Verdict::Failed("the file holds no value".to_owned()));
    }
    let beside = path.with_file_name("schema.json");
    if let Ok(text) = std::fs::read_to_string(beside) {
        let beside = Schema::parse(&text).map_err(|e| e.to_string())?;
        if beside.canonical_form() != schema.canonical_form() {
            return Ok(Verdict::Failed("the schema in the header is not the one beside the file".to_owned()));
        }
    }
    if let Some(expected) = expected {
        let text = |v| schema.value_to_json(v, Unions::Tagged).map_err(|e| e.to_string());
        let json = |v| serde_json::from_str::<Json>(&text(v)?).map_err(|e| e.to_string());
        let found: Vec<Json> = values.iter().map(json).collect::<Result<_, _>>()?;
        if found != expected {
            return Ok(Verdict::Failed(format!("{found:?}, not {expected:?}")));
        }
    }
    for codec in Codec::ALL {
        let wrong = |e: staunch_types::Error| format!("{codec}: {e}");
        let mut writer = ContainerWriter::new(&schema, codec, [7; 16], &[]).map_err(wrong)?;
        values.iter().try_for_each(|value| writer.append(value)).map_err(wrong)?;
        let bytes = writer.finish().map_err(wrong)?;
        let (again, back) = read_all(bytes.as_slice(), path)?;
        if again.text() != schema.text() || back != values {
            return Ok(Verdict::Failed(format!("written again with {codec} it is another file")));
        }
    }
    Ok(Verdict::Passed)
}

/// A message in single-object encoding beside its schema: read, and written again byte for byte.
fn message(path: &Path) -> Result<Verdict, Failure> {
    let text = std::fs::read_to_string(path.with_file_name("test_schema.avsc")).map_err(|e| e.to_string())?;
    let schema = Schema::parse(&text).map_err(|e| e.to_string())?;
    let bytes = std::fs::read(path).map_err(|e| e.to_string())?;
    let decoder = Decoder::new(&schema).map_err(|e| e.to_string())?;
    let value = framing::from_single_object(&bytes, &schema, &decoder).map_err(|e| e.to_string())?;
    let again = framing::to_single_object(&schema, &value).map_err(|e| e.to_string())?;
    Ok(Verdict::equal("written again", &again, &bytes))
}
