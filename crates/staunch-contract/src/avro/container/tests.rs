use super::*;
use crate::avro::Unions;

const PERSON: &str = r#"{ "type": "record", "name": "person", "fields": [ {"name": "id", "type": "long"}, {"name": "name", "type": ["string", "null"]} ] }"#;

fn file(codec: Codec, rows: i64) -> (Vec<u8>, Vec<Value>) {
    let schema = Schema::parse(PERSON).unwrap();
    let mut writer =
        ContainerWriter::new(&schema, codec, *b"0123456789abcdef", &[("made.by", b"a test")]).unwrap();
    let row = |n: i64| {
        schema.value_from_json(&format!(r#"{{"id":{n},"name":"name of {n}"}}"#), Unions::Plain).unwrap()
    };
    let values: Vec<Value> = (0..rows).map(row).collect();
    let mut bytes = Vec::new();
    for value in &values {
        writer.append(value).unwrap();
        bytes.extend(writer.take());
    }
    bytes.extend(writer.finish().unwrap());
    (bytes, values)
}

fn read(bytes: &[u8], limits: ContainerLimits) -> Result<Vec<Value>> {
    let mut reader = ContainerReader::open(bytes, Path::new("x.avro"), limits)?;
    let decoder = Decoder::new(reader.schema())?;
    let mut values = Vec::new();
    while let Some(block) = reader.next_block()? {
        for value in block.values(&decoder) {
            values.push(value?);
        }
    }
    assert_eq!(reader.next_block()?, None);
    Ok(values)
}

fn told(bytes: &[u8], limits: ContainerLimits) -> String {
    read(bytes, limits).unwrap_err().to_string()
}

#[test]
fn every_codec_reads_what_it_wrote() {
    for codec in Codec::ALL {
        let (bytes, values) = file(codec, 9000);
        assert_eq!(read(&bytes, ContainerLimits::default()).unwrap(), values, "{codec}");
        let reader =
            ContainerReader::open(bytes.as_slice(), Path::new("x"), ContainerLimits::default()).unwrap();
        assert_eq!(
            (reader.schema().text(), reader.codec()),
            (PERSON, codec),
            "the schema stands there verbatim"
        );
        assert!(reader.metadata().contains(&("made.by".to_owned(), b"a test".to_vec())));
        assert_eq!(Codec::of(codec.name()), Some(codec));
    }
}

#[test]
fn a_file_that_was_cut_or_changed_is_refused_or_ends_between_blocks() {
    for codec in Codec::ALL {
        let (bytes, values) = file(codec, 12);
        for cut in 0..bytes.len() {
            match read(&bytes[..cut], ContainerLimits::default()) {
                // A container ends where it ends: behind the header nothing was lost that a reader could know of.
                Ok(found) => assert!(found.is_empty(), "{codec} {cut}"),
                Err(error) => assert!(
                    ["Source.Corrupt", "Decode.Malformed"].contains(&error.code().name),
                    "{codec} {cut}: {error}"
                ),
            }
        }
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x10;
            // Whatever it becomes, it is an error or values; those of a codec with a checksum are the same.
            if let (Ok(found), Codec::Snappy | Codec::Bzip2 | Codec::Xz) =
                (read(&changed, ContainerLimits::default()), codec)
                && at > 300
            {
                assert!(found == values || found.is_empty(), "{codec} {at}");
            }
        }
    }
}

#[test]
fn blocks_are_bounded_before_and_after_they_expand() {
    let schema = Schema::parse(r#""bytes""#).unwrap();
    for codec in Codec::ALL {
        let mut writer = ContainerWriter::new(&schema, codec, [1; 16], &[]).unwrap();
        writer.append(&Value::Bytes(vec![0; 4 << 20])).unwrap();
        let bytes = writer.finish().unwrap();
        assert_eq!(read(&bytes, ContainerLimits::default()).unwrap().len(), 1);
        let limits = ContainerLimits { expanded: 1 << 20, ..ContainerLimits::default() };
        assert!(
            told(&bytes, limits).contains("Source.TooLarge: a block expands to more than 1048576 bytes"),
            "{codec}"
        );
        let limits = ContainerLimits { stored: 10, ..ContainerLimits::default() };
        assert!(told(&bytes, limits).contains("Source.TooLarge: a block is longer than 10 bytes"), "{codec}");
        let limits = ContainerLimits { header: 20, ..ContainerLimits::default() };
        assert!(told(&bytes, limits).contains("Source.TooLarge: the header is larger"), "{codec}");
    }
}

/// A file without compression from its parts.
fn made(schema: &str, codec: &str, blocks: &[(i64, &[u8])]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    encode::long(2, &mut out);
    for (key, value) in [("avro.schema", schema), ("avro.codec", codec)] {
        encode::length_and(key.as_bytes(), &mut out);
        encode::length_and(value.as_bytes(), &mut out);
    }
    out.push(0);
    out.extend_from_slice(&[5; 16]);
    for (count, bytes) in blocks {
        encode::long(*count, &mut out);
        encode::length_and(bytes, &mut out);
        out.extend_from_slice(&[5; 16]);
    }
    out
}

#[test]
fn what_lies_is_told() {
    let limits = ContainerLimits::default();
    assert_eq!(told(b"PAR1", limits), "Source.Corrupt: the file is no Avro container, at byte 4 (x.avro)");
    assert_eq!(told(b"Ob", limits), "Source.Corrupt: the file ends too early, at byte 2 (x.avro)");
    assert!(told(b"Obj\x00", limits).contains("Avro 1.2 or older"));
    assert!(told(&made(r#""int""#, "lz4", &[]), limits).contains("the codec of the file is not known"));
    assert!(told(&made(r#""in""#, "null", &[]), limits).contains("there is no type `in`"));
    assert!(told(&made(r#""int""#, "null", &[(-1, &[2])]), limits).contains("a negative count"));
    assert!(
        told(&made(r#""int""#, "null", &[(1, &[2, 2])]), limits)
            .contains("1 bytes stand behind the last value")
    );
    assert!(told(&made(r#""int""#, "null", &[(3, &[2, 2])]), limits).contains("Decode.Malformed"));
    assert!(told(&made(r#""null""#, "null", &[(i64::MAX, &[])]), limits).contains("values without bytes"));
    assert_eq!(
        read(&made(r#""null""#, "null", &[(3, &[])]), limits).unwrap(),
        [Value::Null, Value::Null, Value::Null]
    );
    assert_eq!(read(&made(r#""int""#, "", &[(1, &[2])]), limits).unwrap(), [Value::Int(1)]);
    let mut marker = made(r#""int""#, "null", &[(1, &[2])]);
    let last = marker.len() - 1;
    marker[last] = 0;
    assert!(told(&marker, limits).contains("does not end with the marker"));
    let schema = Schema::parse(r#""int""#).unwrap();
    let taken = ContainerWriter::new(&schema, Codec::Null, [0; 16], &[("avro.x", b"")]);
    assert_eq!(taken.unwrap_err().code().name, "ST0005");
}

#[test]
fn a_bomb_with_a_forged_length_costs_nothing() {
    // A snappy block that says it holds 4 GiB, and a deflate block that is cut.
    let snappy = [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0; 8]].concat();
    assert!(
        told(&made(r#""bytes""#, "snappy", &[(1, &snappy)]), ContainerLimits::default())
            .contains("more than")
    );
    let cut = Codec::Deflate.compress(&[7; 1000]).unwrap();
    let cut = &cut[..cut.len() - 2];
    let told = told(&made(r#""bytes""#, "deflate", &[(1, cut)]), ContainerLimits::default());
    assert!(told.contains("the deflate stream ends too early"), "{told}");
}

/// What `zlib.compress(data)[2:-1]` leaves, as Apache's Python and fastavro write it.
#[test]
fn three_bytes_of_a_checksum_may_stand_behind_a_deflate_stream() {
    use std::io::Write;
    let plain: Vec<u8> = [4, 2, 4, b'a', b'b'].repeat(3000);
    let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    zlib.write_all(&plain).unwrap();
    let framed = zlib.finish().unwrap();
    let kept = &framed[2..framed.len() - 1];
    let read = |stored: &[u8]| Codec::Deflate.expand(stored.to_vec(), 1 << 20);
    assert_eq!(read(kept).unwrap(), plain);
    assert_eq!(read(&framed[2..framed.len() - 4]).unwrap(), plain);
    let mut wrong = kept.to_vec();
    *wrong.last_mut().unwrap() ^= 1;
    for bad in [&wrong[..], &framed[2..], &kept[..kept.len() - 1]] {
        assert_eq!(read(bad), Err(Refused::Damaged("something stands behind the compressed bytes")));
    }
}
