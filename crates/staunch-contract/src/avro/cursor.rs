//! The bytes of values, read one after the other.
//!
//! Nothing is taken on trust: a length is compared with what is left before anything is allocated, depth is bounded, and so is the number of
//! values, because an array of nulls or a default takes no bytes.

use super::decode::Limits;
use super::fault::{Fallible, Fault};
use super::plan::{Op, OpId, Plan};

/// A place in the bytes of values, and how much of the budget of the value at hand is left. After a fault it is not to be used.
#[derive(Debug)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    left: usize,
    limits: Limits,
}

impl<'a> Cursor<'a> {
    /// At the beginning of the bytes.
    #[must_use]
    pub fn new(bytes: &'a [u8], limits: Limits) -> Self {
        Self { bytes, at: 0, left: limits.values, limits }
    }

    /// Begins another value: its budget is whole.
    pub fn begin(&mut self) {
        self.left = self.limits.values;
    }

    /// How many values the value at hand held so far.
    #[must_use]
    pub fn spent(&self) -> usize {
        self.limits.values - self.left
    }

    /// All bytes, those that were read among them.
    #[must_use]
    pub fn all(&self) -> &'a [u8] {
        self.bytes
    }

    /// How many bytes were read.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    #[must_use]
    pub fn rest(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn wrong(&self, why: &'static str) -> Box<Fault> {
        Fault::at(why, self.at)
    }

    /// Counts values that take no bytes.
    ///
    /// # Errors
    /// More than the value may hold.
    pub fn charge(&mut self, weight: usize) -> Fallible<()> {
        let left = self.left.checked_sub(weight);
        self.left = left.ok_or_else(|| self.wrong("the bytes stand for too many values").beyond())?;
        Ok(())
    }

    /// Every value begins here.
    ///
    /// # Errors
    /// It nests too deep, or is one too many.
    #[inline]
    pub fn enter(&mut self, depth: usize) -> Fallible<()> {
        if depth > self.limits.depth {
            return Err(self.wrong("the value nests too deep").beyond());
        }
        self.charge(1)
    }

    /// So many bytes.
    ///
    /// # Errors
    /// There are fewer.
    #[inline]
    pub fn take(&mut self, length: usize) -> Fallible<&'a [u8]> {
        let taken = self.bytes.get(self.at..).and_then(|rest| rest.get(..length));
        let taken = taken.ok_or_else(|| self.wrong("the bytes end too early"))?;
        self.at += length;
        Ok(taken)
    }

    /// So many bytes.
    ///
    /// # Errors
    /// There are fewer.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Fallible<[u8; N]> {
        let mut taken = [0; N];
        taken.copy_from_slice(self.take(N)?);
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self, bytes_max: usize) -> Fallible<u64> {
        if let Some(byte) = self.bytes.get(self.at)
            && *byte < 0x80
        {
            self.at += 1;
            return Ok((*byte).into());
        }
        self.long_varint(bytes_max)
    }

    fn long_varint(&mut self, bytes_max: usize) -> Fallible<u64> {
        let from = self.at;
        let mut value = 0_u64;
        for shift in 0..bytes_max {
            let [byte] = self.array()?;
            let bits = u64::from(byte & 0x7f);
            // The tenth byte of 64 bits holds one of them.
            if shift == 9 && bits > 1 {
                break;
            }
            value |= bits << (7 * shift);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Fault::at("a number takes more bytes than it may", from))
    }

    /// A long.
    ///
    /// # Errors
    /// It takes more than ten bytes.
    #[inline]
    pub fn long(&mut self) -> Fallible<i64> {
        let value = self.varint(10)?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// An int.
    ///
    /// # Errors
    /// It takes more than five bytes, or 32 bits.
    #[inline]
    pub fn int(&mut self) -> Fallible<i32> {
        let from = self.at;
        let value = self.varint(5)?;
        let value = (value >> 1) as i64 ^ -((value & 1) as i64);
        i32::try_from(value).map_err(|_| Fault::at("a number has more than 32 bits", from))
    }

    /// A boolean.
    ///
    /// # Errors
    /// Its byte is neither 0 nor 1.
    #[inline]
    pub fn boolean(&mut self) -> Fallible<bool> {
        match self.array()? {
            [0] => Ok(false),
            [1] => Ok(true),
            _ => Err(Fault::at("a boolean is neither 0 nor 1", self.at - 1)),
        }
    }

    /// A float.
    ///
    /// # Errors
    /// The bytes end.
    #[inline]
    pub fn float(&mut self) -> Fallible<f32> {
        Ok(f32::from_le_bytes(self.array()?))
    }

    /// A double.
    ///
    /// # Errors
    /// The bytes end.
    #[inline]
    pub fn double(&mut self) -> Fallible<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    /// Bytes, or those of a text.
    ///
    /// # Errors
    /// Their length is negative, or they end too early.
    #[inline]
    pub fn bytes(&mut self) -> Fallible<&'a [u8]> {
        let length = self.long()?;
        let length = usize::try_from(length).map_err(|_| self.wrong("a length is negative"))?;
        self.take(length)
    }

    /// The number of a branch of a union.
    ///
    /// # Errors
    /// There is no such branch.
    #[inline]
    pub fn branch(&mut self, branches: usize) -> Fallible<usize> {
        self.number(branches, "the union has no branch of this number")
    }

    /// The number of a symbol of an enum.
    ///
    /// # Errors
    /// There is no such symbol.
    #[inline]
    pub fn symbol(&mut self, symbols: usize) -> Fallible<usize> {
        self.number(symbols, "the enum has no symbol of this number")
    }

    fn number(&mut self, count: usize, why: &'static str) -> Fallible<usize> {
        let from = self.at;
        usize::try_from(self.int()?).ok().filter(|n| *n < count).ok_or_else(|| Fault::at(why, from))
    }

    /// The next block of an array or map: its count, and where it ends if it says so. `None` behind the last one.
    fn block(&mut self) -> Fallible<Option<(u64, Option<usize>)>> {
        let count = self.long()?;
        if count >= 0 {
            return Ok((count > 0).then_some((count.unsigned_abs(), None)));
        }
        let size = self.long()?;
        let end = usize::try_from(size)
            .ok()
            .and_then(|n| self.at.checked_add(n))
            .filter(|end| *end <= self.bytes.len());
        let end = end.ok_or_else(|| self.wrong("a block is longer than the bytes"))?;
        Ok(Some((count.unsigned_abs(), Some(end))))
    }

    /// Calls `each` for every item of an array or map.
    ///
    /// # Errors
    /// Those of `each`; a block has not the size that it says.
    pub fn blocks(&mut self, mut each: impl FnMut(&mut Self) -> Fallible<()>) -> Fallible<()> {
        while let Some((count, end)) = self.block()? {
            for _ in 0..count {
                each(self)?;
            }
            if end.is_some_and(|end| end != self.at) {
                return Err(self.wrong("a block is not as long as it says"));
            }
        }
        Ok(())
    }

    /// Goes over a value of the writer.
    ///
    /// # Errors
    /// It is none.
    pub fn skip(&mut self, plan: &Plan, op: OpId, depth: usize) -> Fallible<()> {
        self.enter(depth)?;
        match plan.op(op) {
            Op::Boolean => self.boolean().map(drop),
            Op::Int => self.int().map(drop),
            Op::Long => self.long().map(drop),
            Op::Float => self.take(4).map(drop),
            Op::Double => self.take(8).map(drop),
            Op::Bytes | Op::String => self.bytes().map(drop),
            Op::Fixed(size) => self.take(*size).map(drop),
            Op::Enum(symbols) => self.symbol(symbols.len()).map(drop),
            Op::Array(item) => self.skip_blocks(|input| input.skip(plan, *item, depth + 1)),
            Op::Map(item) => self.skip_blocks(|input| {
                input.bytes()?;
                input.skip(plan, *item, depth + 1)
            }),
            Op::Record(record) => {
                record.steps.iter().try_for_each(|step| self.skip(plan, step.op, depth + 1))
            }
            Op::Branches(branches) => {
                let number = self.branch(branches.len())?;
                self.skip(plan, branches[number], depth + 1)
            }
            // What is skipped has no reader.
            Op::Null | Op::IntoBranch(..) | Op::Promote(_) | Op::Fail(..) => Ok(()),
        }
    }

    /// Goes over the blocks of an array or map; those that say where they end are not looked into.
    fn skip_blocks(&mut self, mut each: impl FnMut(&mut Self) -> Fallible<()>) -> Fallible<()> {
        while let Some((count, end)) = self.block()? {
            match end {
                Some(end) => self.at = end,
                None => (0..count).try_for_each(|_| each(self))?,
            }
        }
        Ok(())
    }
}
