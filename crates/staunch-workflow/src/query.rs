//! How a definition asks for values: paths, intrinsic functions, JSONata, and templates made of them.

pub(crate) mod functions;
pub(crate) mod intrinsic;
pub(crate) mod jsonata;
pub(crate) mod path;
pub(crate) mod template;

use crate::value::{Shared, Value};
use indexmap::IndexMap;
use std::cell::{Cell, OnceCell};

/// The variables that a state sees.
pub(crate) type Variables = IndexMap<String, Shared>;

/// What an expression may refer to.
pub(crate) struct Scope<'a> {
    /// The input of the state, or what its `InputPath` left of it.
    pub(crate) input: &'a Value,
    /// The result of the state, once there is one (`$states.result`).
    pub(crate) result: Option<&'a Value>,
    /// The error that was caught (`$states.errorOutput`).
    pub(crate) error: Option<&'a Value>,
    /// The variables.
    pub(crate) variables: &'a Variables,
    /// The context object; made when it is asked for.
    pub(crate) context: &'a Context<'a>,
    /// The time of the event, in microseconds since 1970.
    pub(crate) now: i64,
    /// The chance of the event.
    pub(crate) chance: &'a Chance,
}

impl<'a> Scope<'a> {
    /// The same scope with another input.
    pub(crate) fn with_input<'b>(&'b self, input: &'b Value) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope { input, ..*self }
    }

    /// The same scope with a result.
    pub(crate) fn with_result<'b>(&'b self, result: &'b Value) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope { result: Some(result), ..*self }
    }

    /// The same scope with an error that was caught.
    pub(crate) fn with_error<'b>(&'b self, error: &'b Value) -> Scope<'b>
    where
        'a: 'b,
    {
        Scope { error: Some(error), ..*self }
    }
}

/// The context object, made once and only if somebody asks.
pub(crate) struct Context<'a> {
    make: &'a dyn Fn() -> Value,
    made: OnceCell<Value>,
}

impl<'a> Context<'a> {
    pub(crate) fn new(make: &'a dyn Fn() -> Value) -> Self {
        Self { make, made: OnceCell::new() }
    }

    pub(crate) fn get(&self) -> &Value {
        self.made.get_or_init(|| (self.make)())
    }
}

/// A stream of numbers out of one seed (splitmix64): the only randomness there is, and it comes in with events.
#[derive(Debug)]
pub(crate) struct Chance(Cell<u64>);

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// Where the stream stands: what [`Chance::new`] continues with.
    pub(crate) fn seed(&self) -> u64 {
        self.0.get()
    }

    /// The next number.
    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// The next number in `0.0 .. 1.0`.
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    pub(crate) fn unit(&self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A random UUID, version 4.
    pub(crate) fn uuid(&self) -> String {
        let high = self.next() & 0xFFFF_FFFF_FFFF_0FFF | 0x4000;
        let low = self.next() & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000;
        let (a, b, c) = (high >> 32, high >> 16 & 0xFFFF, high & 0xFFFF);
        format!("{a:08x}-{b:04x}-{c:04x}-{:04x}-{:012x}", low >> 48, low & 0xFFFF_FFFF_FFFF)
    }
}

/// How many brackets are open at once, at most. Quotes and comments are not looked at: too high a number does no harm.
pub(crate) fn nesting(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => {
                open += 1;
                most = most.max(open);
            }
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
    }
    most
}
