//! Single messages: which schema the bytes of one value were written under stands in front of them.
//!
//! *Single-object encoding* is Avro's own: `C3 01`, then CRC-64-AVRO of the writer's canonical form, least significant byte first. *Confluent
//! framing* is that of schema registries: `00`, then the number of the schema in the registry, most significant byte first.

use super::decode::Decoder;
use super::schema::Schema;
use super::value::Value;
use staunch_types::{Error, Result, codes};

const SINGLE_OBJECT: [u8; 2] = [0xc3, 0x01];
const CONFLUENT: u8 = 0;

/// A message as single-object encoding.
///
/// # Errors
/// `Decode.Type` if `value` is none of the schema.
pub fn to_single_object(schema: &Schema, value: &Value) -> Result<Vec<u8>> {
    let mut out = SINGLE_OBJECT.to_vec();
    out.extend_from_slice(&schema.rabin().to_le_bytes());
    schema.encode_into(value, &mut out)?;
    Ok(out)
}

/// The fingerprint of the writer's schema, and the bytes of the value.
///
/// # Errors
/// `Decode.Malformed` if the message is not in single-object encoding.
pub fn split_single_object(message: &[u8]) -> Result<(u64, &[u8])> {
    let body = message.strip_prefix(&SINGLE_OBJECT);
    let Some((fingerprint, bytes)) = body.and_then(|body| body.split_first_chunk::<8>()) else {
        return Err(Error::new(codes::DECODE, "the message does not begin with C3 01 and a fingerprint")
            .hint("read it in the framing that it was written in"));
    };
    Ok((u64::from_le_bytes(*fingerprint), bytes))
}

/// Reads a message in single-object encoding that must be of `writer`; the decoder must be one of `writer`.
///
/// # Errors
/// `Decode.Malformed` if it is not in single-object encoding or of another schema; else as [`Decoder::decode`].
pub fn from_single_object(message: &[u8], writer: &Schema, decoder: &Decoder) -> Result<Value> {
    let (fingerprint, bytes) = split_single_object(message)?;
    if fingerprint != writer.rabin() {
        return Err(Error::new(
            codes::DECODE,
            format!("the message was written under another schema, {fingerprint:016x}"),
        )
        .hint("read it under the schema with this fingerprint"));
    }
    decoder.decode(bytes)
}

/// A message in Confluent framing; `id` is the number of the schema in the registry.
///
/// # Errors
/// `Decode.Type` if `value` is none of the schema.
pub fn to_confluent(id: u32, schema: &Schema, value: &Value) -> Result<Vec<u8>> {
    let mut out = vec![CONFLUENT];
    out.extend_from_slice(&id.to_be_bytes());
    schema.encode_into(value, &mut out)?;
    Ok(out)
}

/// The number of the writer's schema in the registry, and the bytes of the value.
///
/// # Errors
/// `Decode.Malformed` if the message is not in Confluent framing.
pub fn split_confluent(message: &[u8]) -> Result<(u32, &[u8])> {
    let body = message.strip_prefix(&[CONFLUENT]);
    let Some((id, bytes)) = body.and_then(|body| body.split_first_chunk::<4>()) else {
        return Err(Error::new(
            codes::DECODE,
            "the message does not begin with 00 and the number of a schema",
        )
        .hint("read it in the framing that it was written in"));
    };
    Ok((u32::from_be_bytes(*id), bytes))
}
