//! The NDJSON chain under a contract of every type; what it takes for JSON, another parser must take for JSON too.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let (first, rest) = staunch_fuzz::choice(bytes);
    let mut object = json!({"path": "x", "format": "json"});
    if first & 1 != 0 {
        object["dates"] = json!({"y": "%d.%m.%Y"});
    }
    staunch_fuzz::chain("x", &staunch_fuzz::contract(), &object, rest, 1 + usize::from(first) * 2);
    staunch_fuzz::agrees_on_json(rest);
});
