//! The CSV chain under a contract of every type, with and without a header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;

const HEADER: &[u8] = b"a,s,t,b,i,f,g,d,e,y,m,x,u,l,p,q\n";

fuzz_target!(|bytes: &[u8]| {
    let (first, rest) = staunch_fuzz::choice(bytes);
    let mut object = json!({"path": "x", "format": "csv"});
    let mut text = Vec::new();
    match first & 3 {
        0 => object["header"] = json!(false),
        1 => {}
        _ => text.extend_from_slice(HEADER),
    }
    if first & 4 != 0 {
        object["nulls"] = json!(["NA", ""]);
    }
    if first & 8 != 0 {
        object["quote"] = json!("'");
    }
    if first & 16 != 0 {
        object["dates"] = json!({"y": "%d.%m.%Y", "t": "%Y%m%d %H:%M:%S%.f"});
    }
    text.extend_from_slice(rest);
    staunch_fuzz::chain("x", &staunch_fuzz::contract(), &object, &text, 1 + usize::from(first) * 2);
});
