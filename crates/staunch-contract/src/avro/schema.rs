//! The model of a schema: nodes that refer to each other by number, so that a recursive schema is a cycle of numbers and nothing else.

use super::logical::Logical;
use super::name::Name;
use super::value::Value;
use std::collections::BTreeMap;

/// A node of one [`Schema`]. It means nothing in another schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

/// A schema: everything that its text says.
///
/// Every place where a named type is used has the [`NodeId`] of its definition; all other nodes are used once.
#[derive(Debug, Clone)]
pub struct Schema {
    pub(super) text: String,
    pub(super) nodes: Vec<Node>,
    pub(super) root: NodeId,
    pub(super) ignored: Vec<Ignored>,
}

/// A type as it stands somewhere in a schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The type.
    pub kind: Kind,
    /// What its values mean, if more than that.
    pub logical: Option<Logical>,
    /// Everything else that the schema says here, and that Avro does not know.
    pub attributes: Attributes,
}

/// What a schema says and Avro does not know, by key.
pub type Attributes = BTreeMap<String, serde_json::Value>;

/// A type of Avro.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// No value.
    Null,
    /// `true` or `false`.
    Boolean,
    /// 32 bits with a sign.
    Int,
    /// 64 bits with a sign.
    Long,
    /// IEEE 754, 32 bits.
    Float,
    /// IEEE 754, 64 bits.
    Double,
    /// Bytes.
    Bytes,
    /// Unicode text.
    String,
    /// A list of items of this type.
    Array(NodeId),
    /// Values of this type by text.
    Map(NodeId),
    /// One of these types.
    Union(Vec<NodeId>),
    /// Fields in order.
    Record(Record),
    /// One of several symbols.
    Enum(Enum),
    /// So many bytes.
    Fixed(Fixed),
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The full name.
    pub name: Name,
    /// Other full names by which a reader knows it.
    pub aliases: Vec<Name>,
    /// A description.
    pub doc: Option<String>,
    /// The fields, in the order of their bytes.
    pub fields: Vec<Field>,
    /// Declared as an `error` of a protocol.
    pub is_error: bool,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name.
    pub name: String,
    /// Other names by which a reader knows it.
    pub aliases: Vec<String>,
    /// A description.
    pub doc: Option<String>,
    /// The type.
    pub ty: NodeId,
    /// What a reader takes where the writer has no such field.
    pub default: Option<Default>,
    /// How it counts when records are compared.
    pub order: Order,
    /// What else the schema says here.
    pub attributes: Attributes,
}

/// The default of a field; it is known to be of the field's type.
#[derive(Debug, Clone, PartialEq)]
pub struct Default {
    /// As it is written.
    pub json: serde_json::Value,
    /// As a value. That of a union is of the first branch that it fits.
    pub value: Value,
}

/// How a field counts when records are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Lower values first.
    Ascending,
    /// Higher values first.
    Descending,
    /// Not at all.
    Ignore,
}

/// An enum.
#[derive(Debug, Clone, PartialEq)]
pub struct Enum {
    /// The full name.
    pub name: Name,
    /// Other full names by which a reader knows it.
    pub aliases: Vec<Name>,
    /// A description.
    pub doc: Option<String>,
    /// The symbols, in order.
    pub symbols: Vec<String>,
    /// The number of the symbol that a reader takes for one that it does not know.
    pub default: Option<usize>,
}

/// A fixed.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixed {
    /// The full name.
    pub name: Name,
    /// Other full names by which a reader knows it.
    pub aliases: Vec<Name>,
    /// A description.
    pub doc: Option<String>,
    /// Bytes.
    pub size: usize,
}

/// A logical type that the schema names and that does not count, by the rules of Avro.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Where, as a JSON pointer into the schema.
    pub path: String,
    /// Why.
    pub reason: String,
}

impl Schema {
    /// The text, verbatim.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The outermost type.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// A node of this schema.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        // Only the parser makes numbers, one for each node.
        &self.nodes[id.0 as usize]
    }

    /// The type of a node of this schema.
    #[must_use]
    pub fn kind(&self, id: NodeId) -> &Kind {
        &self.node(id).kind
    }

    /// Logical types that do not count: a reader of data may not care, a contract should refuse.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// The same with bytes where there are texts: values have the same bytes, and those of texts need not be UTF-8.
    #[must_use]
    pub fn with_texts_as_bytes(&self) -> Self {
        let mut schema = self.clone();
        for node in schema.nodes.iter_mut().filter(|node| node.kind == Kind::String) {
            (node.kind, node.logical) = (Kind::Bytes, None);
        }
        schema
    }

    /// Whether some value could hold a value of its own type.
    #[must_use]
    pub fn is_recursive(&self) -> bool {
        // Depth first over the graph without a call stack: a chain of named types may be as long as the text.
        let mut state = vec![0_u8; self.nodes.len()];
        let mut stack = vec![(self.root, false)];
        while let Some((id, left)) = stack.pop() {
            let seen = &mut state[id.0 as usize];
            if left {
                *seen = 2;
            } else if *seen == 0 {
                *seen = 1;
                stack.push((id, true));
                for child in self.kind(id).children() {
                    match state[child.0 as usize] {
                        0 => stack.push((child, false)),
                        1 => return true,
                        _ => {}
                    }
                }
            }
        }
        false
    }
}

impl Kind {
    /// The word of the specification.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
        }
    }

    /// The full name of a record, enum or fixed.
    #[must_use]
    pub fn name(&self) -> Option<&Name> {
        match self {
            Self::Record(record) => Some(&record.name),
            Self::Enum(e) => Some(&e.name),
            Self::Fixed(fixed) => Some(&fixed.name),
            _ => None,
        }
    }

    /// The other names of a record, enum or fixed.
    #[must_use]
    pub fn aliases(&self) -> &[Name] {
        match self {
            Self::Record(record) => &record.aliases,
            Self::Enum(e) => &e.aliases,
            Self::Fixed(fixed) => &fixed.aliases,
            _ => &[],
        }
    }

    /// How a union names the branch: the full name, or the word.
    #[must_use]
    pub fn branch_name(&self) -> &str {
        self.name().map_or_else(|| self.word(), Name::full)
    }

    /// For messages: the word, the name, the size.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Fixed(fixed) => format!("a fixed of {} bytes", fixed.size),
            Self::Record(record) => format!("the record `{}`", record.name),
            Self::Enum(e) => format!("the enum `{}`", e.name),
            other => other.word().to_owned(),
        }
    }

    /// The types inside this one.
    pub(super) fn children(&self) -> Vec<NodeId> {
        match self {
            Self::Array(item) | Self::Map(item) => vec![*item],
            Self::Union(branches) => branches.clone(),
            Self::Record(record) => record.fields.iter().map(|f| f.ty).collect(),
            _ => Vec::new(),
        }
    }
}
