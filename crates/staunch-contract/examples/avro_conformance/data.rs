//! Values: there and back, defaults, numbers.

use crate::{Failure, Judged, Verdict, lines, unhex};
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike};
use serde_json::{Value as Json, json};
use staunch_contract::avro::{Decoder, Kind, Logical, NodeId, Schema, Unions, Value};
use std::path::Path;

/// Value → bytes → value, and the same through both forms of JSON; defaults; the bytes of numbers.
pub(crate) fn round_trips(folder: &Path) -> Result<Vec<Judged>, Failure> {
    let mut judged = lines(&folder.join("datum_roundtrip_python.jsonl"), "id", |case| {
        let schema = parse(&case["schema"])?;
        let plain = plain(&schema, schema.root(), &case["datum"])?;
        round_trip(&schema, &plain)
    })?;
    judged.extend(lines(&folder.join("default_values_python.jsonl"), "id", |case| {
        let writer = parse(&json!({"type": "record", "name": "Test", "fields": []}))?;
        let datum = &case["default_and_datum"];
        let field = json!({"name": "H", "type": case["field_type"], "default": datum});
        let reader = parse(&json!({"type": "record", "name": "Test", "fields": [field]}))?;
        let decoder = Decoder::resolving(&writer, &reader).map_err(|e| e.to_string())?;
        let value = decoder.decode(&[]).map_err(|e| e.to_string())?;
        Ok(Verdict::equal("decoded", &json_of(&reader, &value)?, &json!({"H": datum})))
    })?);
    judged.extend(lines(&folder.join("long_encodings_python.jsonl"), "id", |case| {
        let schema = parse(&json!("long"))?;
        let value = Value::Long(case["value"].as_i64().ok_or("the case has no value")?);
        let wanted = unhex(case["hex"].as_str().ok_or("the case has no bytes")?)?;
        let found = schema.encode(&value).map_err(|e| e.to_string())?;
        let decoder = Decoder::new(&schema).map_err(|e| e.to_string())?;
        let back = decoder.decode(&wanted).map_err(|e| e.to_string())?;
        Ok(Verdict::equal("bytes and value", &(found, back), &(wanted, value)))
    })?);
    Ok(judged)
}

fn parse(json: &Json) -> Result<Schema, Failure> {
    Schema::parse(&json.to_string()).map_err(|e| e.to_string())
}

fn json_of(schema: &Schema, value: &Value) -> Result<Json, Failure> {
    let text = schema.value_to_json(value, Unions::Plain).map_err(|e| e.to_string())?;
    serde_json::from_str(&text).map_err(|e| e.to_string())
}

fn round_trip(schema: &Schema, plain: &Json) -> Result<Verdict, Failure> {
    let value = schema.value_from_json(&plain.to_string(), Unions::Plain).map_err(|e| e.to_string())?;
    let bytes = schema.encode(&value).map_err(|e| e.to_string())?;
    let back = Decoder::new(schema).and_then(|d| d.decode(&bytes)).map_err(|e| e.to_string())?;
    let tagged = schema.value_to_json(&value, Unions::Tagged).map_err(|e| e.to_string())?;
    let from_tagged = schema.value_from_json(&tagged, Unions::Tagged).map_err(|e| e.to_string())?;
    if back != value || from_tagged != value {
        return Ok(Verdict::Failed(format!("{value:?} became {back:?} and {from_tagged:?}")));
    }
    Ok(Verdict::equal("JSON", &json_of(schema, &back)?, plain))
}

/// The cases write bytes, dates, times and decimals as `{"__date__": …}`: as what they are in Avro's plain JSON.
fn plain(schema: &Schema, id: NodeId, datum: &Json) -> Result<Json, Failure> {
    let node = schema.node(id);
    if let (Kind::Union(branches), true) = (&node.kind, datum.is_object() || datum.is_array()) {
        let fits = branches.iter().find_map(|branch| plain(schema, *branch, datum).ok());
        return fits.ok_or_else(|| "no branch of the union takes the value".to_owned());
    }
    if let Some((kind, text)) = marked(datum) {
        let size = if let Kind::Fixed(fixed) = &node.kind { Some(fixed.size) } else { None };
        return instant_or_bytes(kind, text, node.logical, size);
    }
    match (&node.kind, datum) {
        (Kind::Array(item), Json::Array(items)) => items.iter().map(|i| plain(schema, *item, i)).collect(),
        (Kind::Map(item), Json::Object(entries)) => {
            entries.iter().map(|(k, v)| Ok((k.clone(), plain(schema, *item, v)?))).collect()
        }
        (Kind::Record(record), Json::Object(entries)) => {
            let of = |key: &String| {
                record.fields.iter().find(|f| f.name == *key).ok_or("the record has no such field")
            };
            entries.iter().map(|(k, v)| Ok((k.clone(), plain(schema, of(k)?.ty, v)?))).collect()
        }
        (_, Json::Array(_) | Json::Object(_)) => Err(format!("{} takes no list or object", node.kind.word())),
        _ => Ok(datum.clone()),
    }
}

/// `{"__KIND__": TEXT}`.
fn marked(datum: &Json) -> Option<(&str, &str)> {
    let object = datum.as_object().filter(|o| o.len() == 1)?;
    let (key, value) = object.iter().next()?;
    Some((key.strip_prefix("__")?.strip_suffix("__")?, value.as_str()?))
}

fn instant_or_bytes(
    kind: &str,
    text: &str,
    logical: Option<Logical>,
    size: Option<usize>,
) -> Result<Json, Failure> {
    let wrong = |e: chrono::ParseError| e.to_string();
    match (kind, logical) {
        ("bytes", _) => {
            let bytes = unhex(text)?;
            Ok(json!(bytes.into_iter().map(char::from).collect::<String>()))
        }
        ("decimal", Some(Logical::Decimal { scale, .. })) => Ok(json!(decimal(text, scale, size)?)),
        ("date", Some(Logical::Date)) => {
            let date: NaiveDate = text.parse().map_err(wrong)?;
            Ok(json!(date.signed_duration_since(NaiveDate::default()).num_days()))
        }
        ("time", Some(logical)) => {
            let time: NaiveTime = text.parse().map_err(wrong)?;
            let nanos =
                i64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(time.nanosecond());
            match logical {
                Logical::TimeMillis => Ok(json!(nanos / 1_000_000)),
                Logical::TimeMicros => Ok(json!(nanos / 1_000)),
                other => Err(format!("a time of {}", other.name())),
            }
        }
        ("datetime", Some(logical)) => {
            let instant = DateTime::parse_from_rfc3339(text).map_err(wrong)?;
            match logical {
                Logical::TimestampMillis => Ok(json!(instant.timestamp_millis())),
                Logical::TimestampMicros => Ok(json!(instant.timestamp_micros())),
                other => Err(format!("an instant of {}", other.name())),
            }
        }
        (kind, logical) => Err(format!("{kind} of {logical:?}")),
    }
}

/// Two's complement, most significant byte first, as few bytes as hold it or as a fixed has, as the characters with these numbers.
fn decimal(text: &str, scale: u32, size: Option<usize>) -> Result<String, Failure> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = (scale as usize).checked_sub(fraction.len()).ok_or("more digits than the scale")?;
    let digits = format!("{whole}{fraction}{}", "0".repeat(missing));
    let unscaled: i128 = digits.parse().map_err(|e| format!("{digits}: {e}"))?;
    let bytes = unscaled.to_be_bytes();
    let spare = |pair: &[u8]| (pair[0] == 0 && pair[1] < 0x80) || (pair[0] == 0xff && pair[1] >= 0x80);
    let first = bytes.windows(2).take_while(|pair| spare(pair)).count();
    let first = match size {
        // The sign goes on to the left.
        Some(size) if size > bytes.len() => {
            let sign = if unscaled < 0 { 0xff } else { 0 };
            let filled = std::iter::repeat_n(sign, size - bytes.len()).chain(bytes);
            return Ok(filled.map(char::from).collect());
        }
        Some(size) if bytes.len() - first <= size => bytes.len() - size,
        Some(_) => return Err("the decimal has more digits than the fixed".to_owned()),
        None => first,
    };
    Ok(bytes[first..].iter().copied().map(char::from).collect())
}
