//! Uuids.

use crate::read::fault::{Fault, NOT_UUID};

/// The canonical form (lower case, 8-4-4-4-12) of a uuid in that form and any case (RFC 9562, 4).
#[inline]
pub(crate) fn uuid(text: &[u8]) -> Result<[u8; 36], Fault> {
    let mut out: [u8; 36] = text.try_into().map_err(|_| NOT_UUID)?;
    for (i, byte) in out.iter_mut().enumerate() {
        let good = match i {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        };
        if !good {
            return Err(NOT_UUID);
        }
        *byte = byte.to_ascii_lowercase();
    }
    Ok(out)
}
