//! Looking at eight bytes at once: words instead of vectors, so that it is the same code on every machine and needs no
//! `unsafe` (Lamport, "Multiple byte processing with full-word instructions", 1975).

/// Eight times the byte.
#[inline(always)]
const fn splat(byte: u8) -> u64 {
    0x0101_0101_0101_0101 * byte as u64
}

const HIGH: u64 = splat(0x80);
const LOW7: u64 = splat(0x7F);

/// The high bit of every byte of `word` that is zero; exact (no carry between bytes).
#[inline(always)]
pub(crate) const fn zero_bytes(word: u64) -> u64 {
    !(((word & LOW7) + LOW7) | word) & HIGH
}

/// The high bit of every byte of `word` that equals `byte`.
#[inline(always)]
pub(crate) const fn equal_bytes(word: u64, byte: u8) -> u64 {
    zero_bytes(word ^ splat(byte))
}

/// Moves the high bits of the eight bytes together: bit i tells about byte i.
#[inline(always)]
const fn gather(high_bits: u64) -> u64 {
    (high_bits >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
}

/// Bit i of the first result tells whether byte i of the block is `a`, of the second whether it is `b`.
#[inline(always)]
pub(crate) fn find2(block: &[u8; 64], a: u8, b: u8) -> (u64, u64) {
    let (mut found_a, mut found_b) = (0, 0);
    for (i, word) in block.as_chunks::<8>().0.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        found_a |= gather(equal_bytes(word, a)) << (8 * i);
        found_b |= gather(equal_bytes(word, b)) << (8 * i);
    }
    (found_a, found_b)
}

/// The place of the first `a` or `b` from `from` on; the end of the text if there is none. Faster than a call of `memchr`
/// where it is near.
#[inline(always)]
pub(crate) fn near2(text: &[u8], from: usize, a: u8, b: u8) -> usize {
    let mut at = from;
    while let Some(word) = text.get(at..).and_then(|t| t.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*word);
        let hits = equal_bytes(word, a) | equal_bytes(word, b);
        if hits != 0 {
            return at + (hits.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    while text.get(at).is_some_and(|byte| *byte != a && *byte != b) {
        at += 1;
    }
    at.min(text.len())
}

/// The place of the first byte of eight that ends the plain part of a JSON string (a quotation mark, a backslash or a
/// control character); 8 if none does.
#[inline(always)]
pub(crate) const fn string_stop(word: u64) -> usize {
    // A byte below 0x20: its low seven bits do not reach 0x80 when 0x60 is added, and its high bit is clear.
    let control = !(((word & LOW7) + splat(0x60)) | word) & HIGH;
    let stops = equal_bytes(word, b'"') | equal_bytes(word, b'\\') | control;
    (stops.trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::{find2, near2, string_stop};

    #[test]
    fn words_agree_with_the_plain_loop() {
        let mut seed = 7_u64;
        for _ in 0..5_000 {
            let mut block = [0_u8; 64];
            for byte in &mut block {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let pick = (seed >> 33) as u8;
                *byte = if pick < 64 { b",\n\"\\\x1f\x20\x80\xff"[usize::from(pick % 8)] } else { pick };
            }
            let plain = |wanted: u8| (0..64).fold(0_u64, |m, i| m | (u64::from(block[i] == wanted) << i));
            assert_eq!(find2(&block, b',', b'\n'), (plain(b','), plain(b'\n')));
            for from in [0, 1, 20, 57, 63, 64] {
                let rest = block[from..].iter().position(|b| matches!(b, b',' | b'\n'));
                assert_eq!(near2(&block, from, b',', b'\n'), rest.map_or(64, |r| from + r));
            }
            let short = &block[..8];
            let stop = short.iter().position(|b| *b < 0x20 || *b == b'"' || *b == b'\\').unwrap_or(8);
            assert_eq!(string_stop(u64::from_le_bytes(short.try_into().unwrap())), stop);
        }
    }
}
