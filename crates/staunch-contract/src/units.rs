//! Numbers with units, as people write them: `64 MiB`, `10 s`, `0.1 %`.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// The longest duration that is accepted: 36 500 days. It fits the microseconds of [`staunch_types::Micros`] with room for sums.
pub const LONGEST: Duration = Duration::from_secs(36_500 * 86_400);

/// Reads a number of bytes: `64 MiB`, `1 GB`, `4096 B`, `4096`. Binary units are `KiB MiB GiB TiB`, decimal ones `kB MB GB TB`.
///
/// # Errors
/// What the text should look like.
pub fn parse_bytes(text: &str) -> Result<u64, &'static str> {
    const WANTED: &str = "write a size such as `64 MiB`";
    let (number, unit) = split(text);
    let factor: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        _ => return Err(WANTED),
    };
    let number: u64 = digits(number).ok_or(WANTED)?;
    number.checked_mul(factor).filter(|n| i64::try_from(*n).is_ok()).ok_or("write a size below 8388608 TiB")
}

/// Reads a duration: `500 ms`, `10 s`, `5 min`, `2 h`, `30 d`. It may be at most [`LONGEST`].
///
/// # Errors
/// What the text should look like.
pub fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    const WANTED: &str = "write a duration such as `500 ms`, `10 s`, `5 min`, `2 h` or `30 d`";
    let (number, unit) = split(text);
    let millis: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(WANTED),
    };
    let number: u64 = digits(number).ok_or(WANTED)?;
    number
        .checked_mul(millis)
        .map(Duration::from_millis)
        .filter(|d| *d <= LONGEST)
        .ok_or("write a duration of at most `36500 d`")
}

/// Writes a duration as [`parse_duration`] reads it, in the largest unit that is exact: `12 h`.
pub fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    let units = [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)];
    match units.iter().find(|(_, unit)| millis >= *unit && millis.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{} {name}", millis / unit),
        None => format!("{millis} ms"),
    }
}

/// Reads a share as a fraction from 0 to 1: `5 %` is 0.05. The sign is needed, because `5` could be either.
///
/// # Errors
/// What the text should look like.
pub fn parse_share(text: &str) -> Result<f64, &'static str> {
    const WANTED: &str = "write a share such as `0.1 %`, from `0 %` to `100 %`";
    let number = text.trim().strip_suffix('%').ok_or(WANTED)?.trim_end();
    if number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(WANTED);
    }
    let percent: f64 = number.parse().map_err(|_| WANTED)?;
    if (0.0..=100.0).contains(&percent) { Ok(percent / 100.0) } else { Err(WANTED) }
}

/// The number and its unit, without the space between them.
fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start_matches(' '))
}

fn digits(text: &str) -> Option<u64> {
    if text.is_empty() { None } else { text.parse().ok() }
}
