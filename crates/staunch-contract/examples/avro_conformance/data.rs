//! Values: there and back, defaults, numbers.

use crate::{Failure, Judged, Verdict, lines, unhex};
use chrono::{DateTime, NaiveDate, NaiveTime, Timelike};
use serde_json::{Value as Json, json};
use staunch_contract::avro::{Decoder, Logical, Schema, Unions, Value};
use std::path::Path;

/// Value → bytes → value, and the same through both forms of JSON; defaults; the bytes of numbers.
pub(crate) fn round_trips(folder: &Path) -> Result<Vec<Judged>, Failure> {
    let mut judged = lines(&folder.join("datum_roundtrip_python.jsonl"), "id", |case| {
        let schema = parse(&case["schema"])?;
        let plain = plain(&case["datum"], schema.node(schema.root()).logical)?;
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

/// The cases write dates, times and decimals as Python objects: as what they are in bytes.
fn plain(datum: &Json, logical: Option<Logical>) -> Result<Json, Failure> {
    let Some((kind, text)) = datum.as_object().and_then(|o| {
        let (key, value) = o.iter().next().filter(|(key, _)| o.len() == 1 && key.starts_with("__"))?;
        Some((key.as_str(), value.as_str()?))
    }) else {
        return Ok(datum.clone());
    };
    let wrong = |e: chrono::ParseError| e.to_string();
    match (kind, logical) {
        ("__decimal__", Some(Logical::Decimal { scale, .. })) => Ok(json!(decimal(text, scale)?)),
        ("__date__", Some(Logical::Date)) => {
            let date: NaiveDate = text.parse().map_err(wrong)?;
            Ok(json!(date.signed_duration_since(NaiveDate::default()).num_days()))
        }
        ("__time__", Some(logical)) => {
            let time: NaiveTime = text.parse().map_err(wrong)?;
            let nanos =
                i64::from(time.num_seconds_from_midnight()) * 1_000_000_000 + i64::from(time.nanosecond());
            match logical {
                Logical::TimeMillis => Ok(json!(nanos / 1_000_000)),
                Logical::TimeMicros => Ok(json!(nanos / 1_000)),
                other => Err(format!("a time of {}", other.name())),
            }
        }
        ("__datetime__", Some(logical)) => {
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

/// Two's complement, most significant byte first, as few bytes as hold it, as the characters with these numbers.
fn decimal(text: &str, scale: u32) -> Result<String, Failure> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let missing = (scale as usize).checked_sub(fraction.len()).ok_or("more digits than the scale")?;
    let digits = format!("{whole}{fraction}{}", "0".repeat(missing));
    let unscaled: i128 = digits.parse().map_err(|e| format!("{digits}: {e}"))?;
    let bytes = unscaled.to_be_bytes();
    let spare = |pair: &[u8]| (pair[0] == 0 && pair[1] < 0x80) || (pair[0] == 0xff && pair[1] >= 0x80);
    let first = bytes.windows(2).take_while(|pair| spare(pair)).count();
    Ok(bytes[first..].iter().copied().map(char::from).collect())
}
