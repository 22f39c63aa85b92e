//! The Parsing Canonical Form of a schema, and its fingerprints.
//!
//! By "Transforming into Parsing Canonical Form" of the specification: full names; no attribute but `type`, `name`, `fields`, `symbols`, `items`,
//! `values` and `size`, in the specification's order; no blanks. An `error` stays an `error`, as the transformation of the text has it (and
//! Apache's Python; its Java makes a record of it).

use super::logical::Logical;
use super::schema::{Kind, NodeId, Schema};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

impl Schema {
    /// The Parsing Canonical Form: equal for two schemas exactly if bytes written under one are read under the other as if it were the same.
    #[must_use]
    pub fn canonical_form(&self) -> String {
        let mut out = String::new();
        self.canonical(self.root, false, &mut BTreeSet::new(), &mut out);
        out
    }

    /// A short text of this schema for whoever reads what was written under it: the Parsing Canonical Form with the logical types. Aliases, defaults
    /// and descriptions matter in a reader's schema only.
    #[must_use]
    pub fn writer_form(&self) -> String {
        let mut out = String::new();
        self.canonical(self.root, true, &mut BTreeSet::new(), &mut out);
        out
    }

    // Recurses as deep as definitions nest in the text: what was seen is a name.
    fn canonical(&self, id: NodeId, logical: bool, seen: &mut BTreeSet<NodeId>, out: &mut String) {
        let kind = self.kind(id);
        if let Some(name) = kind.name().filter(|_| !seen.insert(id)) {
            out.push_str(&format!("\"{name}\""));
            return;
        }
        let meant = match self.node(id).logical {
            Some(Logical::Decimal { precision, scale }) if logical => {
                format!(",\"logicalType\":\"decimal\",\"precision\":{precision},\"scale\":{scale}")
            }
            Some(meant) if logical => format!(",\"logicalType\":\"{}\"", meant.name()),
            _ => String::new(),
        };
        let head = |word: &str| match kind.name().map(|n| n.full()) {
            Some(name) if !name.is_empty() => format!("{{\"name\":\"{name}\",\"type\":\"{word}\""),
            _ => format!("{{\"type\":\"{word}\""),
        };
        match kind {
            Kind::Array(item) => {
                out.push_str("{\"type\":\"array\",\"items\":");
                self.canonical(*item, logical, seen, out);
                out.push('}');
            }
            Kind::Map(item) => {
                out.push_str("{\"type\":\"map\",\"values\":");
                self.canonical(*item, logical, seen, out);
                out.push('}');
            }
            Kind::Union(branches) => {
                out.push('[');
                for (number, branch) in branches.iter().enumerate() {
                    out.push_str(if number > 0 { "," } else { "" });
                    self.canonical(*branch, logical, seen, out);
                }
                out.push(']');
            }
            Kind::Record(record) => {
                out.push_str(&head(if record.is_error { "error" } else { "record" }));
                out.push_str(",\"fields\":[");
                for (number, field) in record.fields.iter().enumerate() {
                    out.push_str(if number > 0 { "," } else { "" });
                    // Names are plain letters: nothing to escape.
                    out.push_str(&format!("{{\"name\":\"{}\",\"type\":", field.name));
                    self.canonical(field.ty, logical, seen, out);
                    out.push('}');
                }
                out.push_str("]}");
            }
            Kind::Enum(of) => {
                out.push_str(&head("enum"));
                let symbols: Vec<String> = of.symbols.iter().map(|s| format!("\"{s}\"")).collect();
                out.push_str(&format!(",\"symbols\":[{}]}}", symbols.join(",")));
            }
            Kind::Fixed(fixed) => {
                out.push_str(&head("fixed"));
                out.push_str(&format!(",\"size\":{}{meant}}}", fixed.size));
            }
            primitive if meant.is_empty() => out.push_str(&format!("\"{}\"", primitive.word())),
            primitive => out.push_str(&format!("{{\"type\":\"{}\"{meant}}}", primitive.word())),
        }
    }

    /// CRC-64-AVRO (Rabin) of the canonical form. As bytes it is written least significant first.
    #[must_use]
    pub fn rabin(&self) -> u64 {
        rabin(self.canonical_form().as_bytes())
    }

    /// MD5 of the canonical form.
    #[must_use]
    pub fn md5(&self) -> [u8; 16] {
        Md5::digest(self.canonical_form().as_bytes()).into()
    }

    /// SHA-256 of the canonical form.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.canonical_form().as_bytes()).into()
    }
}

/// The fingerprint of nothing, which is the polynomial too ("Schema Fingerprints" of the specification).
const EMPTY: u64 = 0xc15d_213a_a4d7_a795;

const TABLE: [u64; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut fp = n as u64;
        let mut bit = 0;
        while bit < 8 {
            fp = (fp >> 1) ^ (EMPTY & (fp & 1).wrapping_neg());
            bit += 1;
        }
        table[n] = fp;
        n += 1;
    }
    table
};

/// CRC-64-AVRO of bytes.
#[must_use]
pub fn rabin(bytes: &[u8]) -> u64 {
    bytes.iter().fold(EMPTY, |fp, byte| (fp >> 8) ^ TABLE[((fp ^ u64::from(*byte)) & 0xff) as usize])
}
