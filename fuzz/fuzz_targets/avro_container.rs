//! Container files: every value that can be read is written again, and then is the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use staunch_contract::avro::{Codec, ContainerLimits, ContainerReader, ContainerWriter, Decoder};
use std::path::Path;

/// Small enough that a run stays below its memory whatever the bytes are.
const LIMITS: ContainerLimits = ContainerLimits { header: 1 << 20, stored: 1 << 20, expanded: 1 << 20 };

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("x.avro");
    let Ok(mut reader) = ContainerReader::open(bytes, path, LIMITS) else { return };
    let Ok(decoder) = Decoder::new(reader.schema()) else { return };
    let mut encoded = Vec::new();
    while let Ok(Some(block)) = reader.next_block() {
        let schema = reader.schema();
        for value in block.values(&decoder).take(1000) {
            let Ok(value) = value else { break };
            encoded.push(schema.encode(&value).expect("a value that was read can be written"));
        }
    }
    assert!(matches!(reader.next_block(), Ok(None)), "nothing comes behind the end");
    let codec = Codec::ALL[bytes.len() % Codec::ALL.len()];
    let mut writer = ContainerWriter::new(reader.schema(), codec, [1; 16], &[]).expect("a file");
    for value in &encoded {
        writer.append_encoded(value, 1).expect("a codec that works");
    }
    let again = writer.finish().expect("a codec that works");
    let mut again =
        ContainerReader::open(again.as_slice(), path, ContainerLimits::default()).expect("what was written");
    let mut back = Vec::new();
    while let Some(block) = again.next_block().expect("what was written") {
        for value in block.values(&decoder) {
            back.push(again.schema().encode(&value.expect("what was written")).expect("a value"));
        }
    }
    assert_eq!(back, encoded);
});
