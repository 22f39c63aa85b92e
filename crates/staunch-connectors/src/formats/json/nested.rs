//! Values with parts to columns. A value of another kind than its part is at fault, and what stands behind it is read on: one row has one
//! fault, and the columns stay whole. Only what is no JSON, and a key that appears twice, ends the row.

use super::fill::{mismatch, scalar};
use super::lex::{byte, literal, skip, space, string, unescape};
use crate::formats::json_union::{Kind, UnionForm};
use crate::read::column::{Column, Values};
use crate::read::fault::{DUPLICATE_KEY, Fault, NOT_BRANCH, NOT_JSON, NULL};
use crate::read::field::{FieldPlan, Parse};
use crate::read::nested::Nested;
use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

/// What is wrong with a value: where, and what.
pub(super) type Wrong = (Arc<str>, Fault);

/// Reads values of one row; remembers the first that is wrong.
pub(super) struct Parts<'a> {
    pub(super) text: &'a [u8],
    pub(super) scratch: &'a mut Vec<u8>,
    pub(super) wrong: Option<Wrong>,
}

impl<'a> Parts<'a> {
    fn note(&mut self, plan: &FieldPlan, fault: Fault) {
        self.wrong.get_or_insert_with(|| (Arc::clone(&plan.path), fault));
    }

    /// Reads the value at `at` as the next one of a column; says where it ends. The recursion is as deep as the contract's types.
    pub(super) fn value(&mut self, plan: &FieldPlan, column: &mut Column, at: usize) -> Result<usize, Fault> {
        let first = byte(self.text, at);
        if first == b'n' {
            let end = literal(self.text, at, b"null")?;
            self.null(plan, column);
            return Ok(end);
        }
        if let Values::Nested(nested) = &mut column.values {
            match (&plan.parse, first, nested.as_mut()) {
                (Parse::Array(inner), b'[', Nested::Array { item, .. }) => {
                    let end = self.array(inner, item, at)?;
                    nested.end();
                    return Ok(end);
                }
                (Parse::Map(inner), b'{', Nested::Map { keys, value, .. }) => {
                    let end = self.map(inner, at, |key| keys.push(key, 0, key.len()), value)?;
                    nested.end();
                    return Ok(end);
                }
                (Parse::Record(plans), b'{', Nested::Record { rows, fields }) => {
                    let end = self.record(plans, fields, *rows, at)?;
                    nested.end();
                    return Ok(end);
                }
                (Parse::Union(plans, form), _, Nested::Union { branches, .. }) => {
                    if let Some((branch, from, end)) = self.branch(plans, form, at)?
                        && let (Some(plan), Some(column)) = (plans.get(branch), branches.get_mut(branch))
                    {
                        self.value(plan, column, from)?;
                        nested.end_branch(branch);
                        return Ok(end);
                    }
                    let end = skip(self.text, at)?;
                    self.note(plan, NOT_BRANCH);
                    column.push_default();
                    return Ok(end);
                }
                _ => {}
            }
        }
        let (end, fault) = match plan.parse.is_nested() {
            true => (skip(self.text, at)?, Some(mismatch(&plan.parse))),
            false => scalar(&plan.parse, column, self.text, at, self.scratch)?,
        };
        if let Some(fault) = fault {
            column.push_default();
            self.note(plan, fault);
        }
        Ok(end)
    }

    fn null(&mut self, plan: &FieldPlan, column: &mut Column) {
        if plan.nullable() {
            column.push_null();
        } else {
            column.push_default();
            self.note(plan, NULL);
        }
    }

    /// The place behind the comma, or behind the closing bracket and that it is the end.
    fn next(&self, at: usize, close: u8) -> Result<(usize, bool), Fault> {
        let at = space(self.text, at);
        match byte(self.text, at) {
            b',' => Ok((space(self.text, at + 1), false)),
            found if found == close => Ok((at + 1, true)),
            _ => Err(NOT_JSON),
        }
    }

    fn array(&mut self, plan: &FieldPlan, items: &mut Column, at: usize) -> Result<usize, Fault> {
        let mut at = space(self.text, at + 1);
        if byte(self.text, at) == b']' {
            return Ok(at + 1);
        }
        loop {
            let end = self.value(plan, items, at)?;
            let (next, over) = self.next(end, b']')?;
            at = next;
            if over {
                return Ok(at);
            }
        }
    }

    /// The key at `at` and the place of its value.
    fn key(&mut self, at: usize) -> Result<(Cow<'a, [u8]>, usize), Fault> {
        if byte(self.text, at) != b'"' {
            return Err(NOT_JSON);
        }
        let found = string(self.text, at + 1)?;
        let raw = self.text.get(at + 1..found.end).unwrap_or_default();
        let key = if found.escaped {
            let mut key = Vec::with_capacity(raw.len());
            unescape(raw, &mut key)?;
            Cow::Owned(key)
        } else {
            Cow::Borrowed(raw)
        };
        let colon = space(self.text, found.end + 1);
        if byte(self.text, colon) != b':' {
            return Err(NOT_JSON);
        }
        Ok((key, space(self.text, colon + 1)))
    }

    fn map(
        &mut self,
        plan: &FieldPlan,
        at: usize,
        mut push: impl FnMut(&[u8]),
        values: &mut Column,
    ) -> Result<usize, Fault> {
        let mut at = space(self.text, at + 1);
        if byte(self.text, at) == b'}' {
            return Ok(at + 1);
        }
        let mut seen: HashSet<Cow<'a, [u8]>> = HashSet::new();
        loop {
            let (key, behind) = self.key(at)?;
            push(&key);
            if !seen.insert(key) {
                return Err(DUPLICATE_KEY);
            }
            let end = self.value(plan, values, behind)?;
            let (next, over) = self.next(end, b'}')?;
            at = next;
            if over {
                return Ok(at);
            }
        }
    }

    fn record(
        &mut self,
        plans: &[FieldPlan],
        fields: &mut [Column],
        row: usize,
        at: usize,
    ) -> Result<usize, Fault> {
        let mut at = space(self.text, at + 1);
        let mut over = byte(self.text, at) == b'}';
        at += usize::from(over);
        let mut expected = 0;
        while !over {
            let (key, behind) = self.key(at)?;
            let named = |at: &usize| plans.get(*at).is_some_and(|p| p.name().as_bytes() == key.as_ref());
            // Mostly the keys come in the order of the contract.
            let index = Some(expected).filter(named).or_else(|| (0..plans.len()).find(named));
            let end = match index.and_then(|i| Some((i, plans.get(i)?, fields.get_mut(i)?))) {
                Some((_, _, column)) if column.len() > row => return Err(DUPLICATE_KEY),
                Some((i, plan, column)) => {
                    expected = i + 1;
                    self.value(plan, column, behind)?
                }
                None => skip(self.text, behind)?,
            };
            (at, over) = self.next(end, b'}')?;
        }
        for (plan, column) in plans.iter().zip(fields) {
            if column.len() <= row {
                self.null(plan, column);
            }
        }
        Ok(at)
    }

    /// The branch that a value is of, where its value begins, and where all of it ends; `None` if it is of none.
    fn branch(
        &mut self,
        plans: &[FieldPlan],
        form: &UnionForm,
        at: usize,
    ) -> Result<Option<(usize, usize, usize)>, Fault> {
        let kind = Kind::of_byte(byte(self.text, at)).ok_or(NOT_JSON)?;
        if kind == Kind::Object && form.object_is_tagged() {
            let end = skip(self.text, at)?;
            let first = space(self.text, at + 1);
            if byte(self.text, first) == b'}' {
                return Ok(None);
            }
            let (key, behind) = self.key(first)?;
            let closed = byte(self.text, space(self.text, skip(self.text, behind)?)) == b'}';
            let branch = plans.iter().position(|p| p.name().as_bytes() == key.as_ref());
            return Ok(branch.filter(|_| closed).map(|branch| (branch, behind, end)));
        }
        let Some(branch) = form.branch(kind) else { return Ok(None) };
        Ok(Some((branch, at, skip(self.text, at)?)))
    }
}
