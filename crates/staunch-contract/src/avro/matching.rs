//! Which parts of two schemas belong together, and which pairs of parts a reader can always read.

use super::schema::{Kind, NodeId, Record, Schema};
use staunch_types::{Error, Result, codes};
use std::collections::HashMap;

/// The most pairs of types that are compared.
const PAIRS_MAX: usize = 250_000;

/// The most fields, symbols and aliases that are looked at for all these pairs.
const PARTS_MAX: usize = 4_000_000;

/// What comparing two schemas has cost so far: a pair of types is as dear as their parts are many.
#[derive(Default)]
pub(super) struct Effort {
    parts: usize,
}

impl Effort {
    /// Counts the types of one of so many pairs, or refuses to go on.
    pub(super) fn spend(&mut self, pairs: usize, types: &[&Kind]) -> Result<()> {
        let parts = |kind: &&Kind| match kind {
            Kind::Record(record) => record.fields.len() + record.aliases.len(),
            Kind::Enum(of) => of.symbols.len() + of.aliases.len(),
            Kind::Fixed(fixed) => fixed.aliases.len(),
            _ => 1,
        };
        self.parts += types.iter().map(parts).sum::<usize>();
        if pairs > PAIRS_MAX || self.parts > PARTS_MAX { Err(too_many_pairs()) } else { Ok(()) }
    }
}

fn too_many_pairs() -> Error {
    let why = format!(
        "the two schemas have more than {PAIRS_MAX} pairs of types, or {PARTS_MAX} parts of them, to compare"
    );
    Error::new(codes::SCHEMA, why).hint("divide the schemas")
}

/// Whether the reader's named type may read the writer's: the same name without namespace, or an alias.
pub(super) fn names_match(reader: &Kind, writer: &Kind) -> bool {
    match (reader.name(), writer.name()) {
        (Some(r), Some(w)) => r.simple() == w.simple() || reader.aliases().contains(w),
        _ => true,
    }
}

/// For each field of the reader the number of the writer's field that it reads: that of its own name, else that of its first alias that no
/// other field of the reader reads.
pub(super) fn fields(reader: &Record, writer: &Record) -> Vec<Option<usize>> {
    let numbers: HashMap<&str, usize> =
        writer.fields.iter().enumerate().map(|(n, f)| (f.name.as_str(), n)).collect();
    let mut taken = vec![false; writer.fields.len()];
    let mut found: Vec<Option<usize>> =
        reader.fields.iter().map(|f| numbers.get(f.name.as_str()).copied()).collect();
    found.iter().flatten().for_each(|n| taken[*n] = true);
    for (field, found) in reader.fields.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
        *found = field
            .aliases
            .iter()
            .filter_map(|alias| numbers.get(alias.as_str()).copied())
            .find(|n| !taken[*n]);
        found.iter().for_each(|n| taken[*n] = true);
    }
    found
}

/// Whether values of the writer's primitive become values of the reader's.
pub(super) fn promotes(writer: &Kind, reader: &Kind) -> bool {
    matches!(
        (writer, reader),
        (Kind::Int, Kind::Long | Kind::Float | Kind::Double)
            | (Kind::Long, Kind::Float | Kind::Double)
            | (Kind::Float, Kind::Double)
            | (Kind::String, Kind::Bytes)
            | (Kind::Bytes, Kind::String)
    )
}

/// Symbols of the writer that the reader neither knows nor has a default for, by the alphabet.
pub(super) fn missing_symbols<'a>(reader: &super::Enum, writer: &'a super::Enum) -> Vec<&'a str> {
    if reader.default.is_some() {
        return Vec::new();
    }
    let known: std::collections::HashSet<&str> = reader.symbols.iter().map(String::as_str).collect();
    let mut missing: Vec<&str> =
        writer.symbols.iter().map(String::as_str).filter(|s| !known.contains(s)).collect();
    missing.sort_unstable();
    missing
}

type Pair = (NodeId, NodeId);

/// What is asked of a pair of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// That every value of the writer's is read.
    Always,
    /// That some are: a branch of a union, or a symbol of an enum, may be unknown to the reader. A null alone does not count, where a union has
    /// more than that.
    Ever,
}

/// The branches of a writer's union that are asked for.
pub(super) fn asked<'a>(writer: &'a Schema, branches: &'a [NodeId], reads: Asked) -> Vec<(usize, NodeId)> {
    let all = branches.iter().copied().enumerate();
    let some: Vec<_> =
        all.clone().filter(|(_, b)| reads == Asked::Always || *writer.kind(*b) != Kind::Null).collect();
    if some.is_empty() { all.collect() } else { some }
}

/// For each pair (reader's type, writer's type) that the two roots lead to, whether the one reads the other, always or ever.
///
/// All pairs are taken to fit until one is found that does not; what leans on it then falls too. So two recursive types fit
/// unless something in them does not, and no verdict rests on a guess that turned out wrong.
pub(super) struct Verdicts<'s> {
    reader: &'s Schema,
    writer: &'s Schema,
    reads: Asked,
    numbers: HashMap<Pair, usize>,
    fits: Vec<bool>,
}

/// What a pair leans on.
struct Leans {
    /// False if the pair does not fit whatever its parts do.
    can_fit: bool,
    /// One of the parts is enough (the branches of a reader's union); else all are needed.
    one_is_enough: bool,
    parts: Vec<Pair>,
}

impl<'s> Verdicts<'s> {
    pub(super) fn new(reader: &'s Schema, writer: &'s Schema, reads: Asked) -> Result<Self> {
        let root = (reader.root(), writer.root());
        let mut verdicts =
            Self { reader, writer, reads, numbers: HashMap::from([(root, 0)]), fits: Vec::new() };
        let mut pairs = vec![root];
        // By pair: who leans on it; and how many parts may still fit, where one is enough.
        let (mut leaning, mut left): (Vec<Vec<usize>>, Vec<Option<usize>>) = (vec![Vec::new()], Vec::new());
        let mut fallen = Vec::new();
        let mut next = 0;
        let mut effort = Effort::default();
        while next < pairs.len() {
            effort.spend(pairs.len(), &[reader.kind(pairs[next].0), writer.kind(pairs[next].1)])?;
            let leans = verdicts.leans(pairs[next]);
            let can_fit = leans.can_fit && !(leans.one_is_enough && leans.parts.is_empty());
            verdicts.fits.push(can_fit);
            left.push(leans.one_is_enough.then_some(leans.parts.len()));
            if !can_fit {
                fallen.push(next);
            }
            for part in leans.parts {
                let number = *verdicts.numbers.entry(part).or_insert_with(|| {
                    pairs.push(part);
                    leaning.push(Vec::new());
                    pairs.len() - 1
                });
                leaning[number].push(next);
            }
            next += 1;
        }
        while let Some(number) = fallen.pop() {
            for above in std::mem::take(&mut leaning[number]) {
                let falls = match &mut left[above] {
                    Some(left) => {
                        *left = left.saturating_sub(1);
                        *left == 0
                    }
                    None => true,
                };
                if falls && verdicts.fits[above] {
                    verdicts.fits[above] = false;
                    fallen.push(above);
                }
            }
        }
        Ok(verdicts)
    }

    /// Whether `reader` reads what `writer` wrote.
    pub(super) fn fits(&self, reader: NodeId, writer: NodeId) -> bool {
        self.numbers.get(&(reader, writer)).is_some_and(|number| self.fits[*number])
    }

    fn leans(&self, (r, w): Pair) -> Leans {
        let (reader, writer) = (self.reader.kind(r), self.writer.kind(w));
        let all = |can_fit, parts| Leans { can_fit, one_is_enough: false, parts };
        match (reader, writer) {
            (_, Kind::Union(branches)) => {
                let parts =
                    asked(self.writer, branches, self.reads).into_iter().map(|(_, b)| (r, b)).collect();
                Leans {
                    can_fit: true,
                    // A union without branches has no value that could not be read.
                    one_is_enough: self.reads == Asked::Ever && !branches.is_empty(),
                    parts,
                }
            }
            (Kind::Union(branches), _) => {
                let parts = branches.iter().map(|branch| (*branch, w)).collect();
                Leans { can_fit: true, one_is_enough: true, parts }
            }
            (Kind::Array(r), Kind::Array(w)) | (Kind::Map(r), Kind::Map(w)) => all(true, vec![(*r, *w)]),
            (Kind::Fixed(r), Kind::Fixed(w)) => {
                all(names_match(reader, writer) && r.size == w.size, Vec::new())
            }
            (Kind::Enum(r), Kind::Enum(w)) => {
                let missing = missing_symbols(r, w).len();
                let known = missing == 0 || (self.reads == Asked::Ever && missing < w.symbols.len());
                all(names_match(reader, writer) && known, Vec::new())
            }
            (Kind::Record(r), Kind::Record(w)) => {
                let found = fields(r, w);
                let filled = found
                    .iter()
                    .zip(&r.fields)
                    .all(|(found, field)| found.is_some() || field.default.is_some());
                let pairs =
                    found.iter().zip(&r.fields).filter_map(|(n, field)| Some((field.ty, w.fields[(*n)?].ty)));
                all(names_match(reader, writer) && filled, pairs.collect())
            }
            (reader, writer) => {
                let same = std::mem::discriminant(reader) == std::mem::discriminant(writer);
                all(same || promotes(writer, reader), Vec::new())
            }
        }
    }
}
