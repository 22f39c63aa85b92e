//! What a reader does not care about.
//!
//! Avro compares the names of records, enums and fixeds, and whether bytes or a fixed carry a decimal. Where a reader's schema was made of something that
//! says nothing of this, what was made up would stand in the way of data that fit.

use super::logical::Logical;
use super::matching::{self, Effort};
use super::schema::{Kind, Node, NodeId, Schema};
use staunch_types::Result;
use std::collections::{BTreeSet, HashSet};

impl Schema {
    /// This schema as a reader's of what was written under `writer`, where names do not matter but for those in `declared` (without namespace):
    /// the outermost record, and every type of another name, take the name of the type of `writer` that they meet. In a union that is the
    /// only one of its kind there that no other branch goes by. A decimal or uuid is carried by whatever carries it in `writer`.
    ///
    /// The text stays as it is; schemas are equal in everything else.
    ///
    /// # Errors
    /// `ST0033` if the schemas are too large to be compared.
    pub fn adopting(&self, writer: &Self, declared: &BTreeSet<String>) -> Result<Self> {
        let mut reader = self.clone();
        let mut walk = Walk { writer, declared, root: self.root, named: HashSet::new() };
        let mut effort = Effort::default();
        let mut pairs = vec![(self.root, writer.root)];
        let mut seen: HashSet<_> = pairs.iter().copied().collect();
        let mut next = 0;
        while let Some((r, w)) = pairs.get(next).copied() {
            effort.spend(pairs.len(), &[reader.kind(r), writer.kind(w)])?;
            let parts = walk.pair(&mut reader, r, w);
            pairs.extend(parts.into_iter().filter(|pair| seen.insert(*pair)));
            next += 1;
        }
        Ok(reader)
    }
}

struct Walk<'a> {
    writer: &'a Schema,
    declared: &'a BTreeSet<String>,
    root: NodeId,
    /// Types of the reader that have taken a name.
    named: HashSet<NodeId>,
}

impl Walk<'_> {
    fn is_open(&self, reader: &Schema, id: NodeId) -> bool {
        let name = reader.kind(id).name();
        name.is_some_and(|name| id == self.root || !self.declared.contains(name.simple()))
            && !self.named.contains(&id)
    }

    /// Gives names to the reader's type of a pair, and says which pairs are below.
    fn pair(&mut self, reader: &mut Schema, r: NodeId, w: NodeId) -> Vec<(NodeId, NodeId)> {
        let writer = self.writer;
        match (reader.kind(r).clone(), writer.kind(w)) {
            (Kind::Union(ours), Kind::Union(theirs)) => self.unions(reader, &ours, theirs),
            (Kind::Union(ours), _) => self.unions(reader, &ours, &[w]),
            (_, Kind::Union(theirs)) => self.unions(reader, &[r], theirs),
            (Kind::Array(r), Kind::Array(w)) | (Kind::Map(r), Kind::Map(w)) => vec![(r, *w)],
            (Kind::Record(ours), Kind::Record(theirs)) => {
                self.take(reader, r, w);
                let found = matching::fields(&ours, theirs);
                let pairs = ours.fields.iter().zip(found);
                pairs.filter_map(|(field, n)| Some((field.ty, theirs.fields.get(n?)?.ty))).collect()
            }
            _ if carried(reader.node(r), writer.node(w)) => {
                self.carry(reader, r, w);
                Vec::new()
            }
            (Kind::Enum(_), Kind::Enum(_)) | (Kind::Fixed(_), Kind::Fixed(_)) => {
                self.take(reader, r, w);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn carry(&mut self, reader: &mut Schema, r: NodeId, w: NodeId) {
        let kind = self.writer.kind(w).clone();
        if let Some(node) = reader.nodes.get_mut(r.0 as usize).filter(|_| self.named.insert(r)) {
            node.kind = kind;
        }
    }

    fn take(&mut self, reader: &mut Schema, r: NodeId, w: NodeId) {
        if !self.is_open(reader, r) {
            return;
        }
        if let (Some(node), Some(theirs)) = (reader.nodes.get_mut(r.0 as usize), self.writer.kind(w).name()) {
            match &mut node.kind {
                Kind::Record(record) => record.name = theirs.clone(),
                Kind::Enum(of) => of.name = theirs.clone(),
                Kind::Fixed(fixed) => fixed.name = theirs.clone(),
                _ => return,
            }
            self.named.insert(r);
        }
    }

    /// Pairs branches by their names, and open ones that find none with what is left of their kind.
    fn unions(&mut self, reader: &mut Schema, ours: &[NodeId], theirs: &[NodeId]) -> Vec<(NodeId, NodeId)> {
        let mut pairs = Vec::new();
        let mut left: Vec<NodeId> = theirs.to_vec();
        let mut open = Vec::new();
        for r in ours.iter().copied() {
            let fits = |w: &NodeId| same(reader.kind(r), self.writer.kind(*w), true);
            match left.iter().position(fits) {
                Some(at) => pairs.push((r, left.remove(at))),
                None => open.push(r),
            }
        }
        for r in open {
            let is_open = self.is_open(reader, r);
            let fits = |w: &NodeId| {
                (is_open && same(reader.kind(r), self.writer.kind(*w), false))
                    || carried(reader.node(r), self.writer.node(*w))
            };
            let mut candidates = left.iter().copied().filter(fits);
            if let (Some(w), None) = (candidates.next(), candidates.next()) {
                match carried(reader.node(r), self.writer.node(w)) {
                    true => self.carry(reader, r, w),
                    false => self.take(reader, r, w),
                }
                pairs.push((r, w));
            }
        }
        pairs
    }
}

/// Whether two types mean the same decimals or uuids, carried by different types.
fn carried(reader: &Node, writer: &Node) -> bool {
    let means = matches!(
        (reader.logical, writer.logical),
        (Some(Logical::Decimal { .. }), Some(Logical::Decimal { .. }))
            | (Some(Logical::Uuid), Some(Logical::Uuid))
    );
    means && !same(&reader.kind, &writer.kind, false)
}

/// Whether two types are of one kind and size, and of one name if that matters.
fn same(reader: &Kind, writer: &Kind, named: bool) -> bool {
    let sizes = match (reader, writer) {
        (Kind::Fixed(r), Kind::Fixed(w)) => r.size == w.size,
        _ => true,
    };
    let kinds = std::mem::discriminant(reader) == std::mem::discriminant(writer);
    sizes && kinds && (!named || matching::names_match(reader, writer))
}
