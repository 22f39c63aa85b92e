//! Where records end: with a limit as small as the input, quotation marks of any kind, chunks of any size.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|bytes: &[u8]| {
    let (first, rest) = staunch_fuzz::choice(bytes);
    let (second, rest) = staunch_fuzz::choice(rest);
    let columns = 1 + usize::from(first & 3);
    let object = json!({
        "path": "x",
        "format": if first & 128 == 0 { "csv" } else { "json" },
        "max_record": 1 + (u64::from(first) >> 2 & 31) * 3,
    });
    let mut object = object;
    if first & 128 == 0 {
        object["header"] = json!(false);
    }
    staunch_fuzz::chain("x", &staunch_fuzz::texts(columns), &object, rest, 1 + usize::from(second));
});
