//! Text to values: exact, without allocation, without panics.

pub(crate) mod duration;
pub(crate) mod number;
pub(crate) mod time;
pub(crate) mod uuid;

#[cfg(test)]
mod tests;
