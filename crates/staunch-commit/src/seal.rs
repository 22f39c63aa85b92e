//! Keys and seals. One key per purpose is derived from the profile's key by HKDF-SHA256 (RFC 5869); dead letters are sealed
//! with AES-256-GCM-SIV (RFC 8452), whose nonce is taken from what is sealed: the record id, or for a row that a target refused its region, write, epoch and ordinal. So a re-run seals the same
//! bytes, and no other row is ever sealed for that name.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use staunch_types::{Error, Result, codes};

/// The profile's secret.
#[derive(Clone)]
pub struct ProfileKey {
    secret: [u8; 32],
}

impl std::fmt::Debug for ProfileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ProfileKey({})", self.id())
    }
}

impl ProfileKey {
    /// A key of 32 bytes.
    #[must_use]
    pub fn new(secret: [u8; 32]) -> Self {
        Self { secret }
    }

    /// Reads a key file: lines that start with `#` are comments, the one other line holds 64 hexadecimal digits.
    ///
    /// # Errors
    /// `ST0008` if the text has another form; the text is not quoted.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            Error::new(codes::NO_SECRET, "the profile's key has another form than expected")
                .hint("a key is one line of 64 hexadecimal digits, for instance from `openssl rand -hex 32`")
        };
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        let line = lines.next().ok_or_else(bad)?;
        if lines.next().is_some() {
            return Err(bad());
        }
        let bytes = hex::decode(line).map_err(|_| bad())?;
        Ok(Self { secret: bytes.try_into().map_err(|_| bad())? })
    }

    /// A name for the key that does not betray it: stored with everything it sealed.
    #[must_use]
    pub fn id(&self) -> String {
        hex::encode(&self.derive("key id")[..8])
    }

    /// The key for one purpose.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        let hkdf = Hkdf::<Sha256>::new(Some(b"staunch/1"), &self.secret);
        // 32 bytes are far below the limit of 255 hash lengths: expand cannot fail.
        let expanded = hkdf.expand(purpose.as_bytes(), &mut key);
        debug_assert!(expanded.is_ok());
        key
    }

    /// The sealer of dead letters.
    #[must_use]
    pub fn sealer(&self) -> Sealer {
        Sealer { cipher: Aes256GcmSiv::new(&self.derive("dead letters").into()), key_id: self.id() }
    }
}

/// Seals the raw bytes of dead letters.
#[derive(Clone)]
pub struct Sealer {
    cipher: Aes256GcmSiv,
    key_id: String,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealer({})", self.key_id)
    }
}

impl Sealer {
    /// The id of the key.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Seals `raw` for the record `id`; the id is authenticated with it.
    ///
    /// # Errors
    /// `Internal.Bug` for more than 64 GiB.
    pub fn seal(&self, id: &str, raw: &[u8]) -> Result<Vec<u8>> {
        self.cipher
            .encrypt(&nonce(id), Payload { msg: raw, aad: id.as_bytes() })
            .map_err(|_| Error::new(codes::INTERNAL, "a dead letter is too large to be sealed"))
    }

    /// Opens what [`Sealer::seal`] made.
    ///
    /// # Errors
    /// `DeadLetters.Invalid` if the key is another one or the bytes were changed.
    pub fn open(&self, id: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        self.cipher.decrypt(&nonce(id), Payload { msg: sealed, aad: id.as_bytes() }).map_err(|_| {
            Error::new(codes::DEAD_LETTER, format!("the dead letter `{id}` cannot be opened"))
                .hint(format!("it needs the key that sealed it; the profile's key is `{}`", self.key_id))
        })
    }
}

fn nonce(id: &str) -> Nonce {
    let digest = Sha256::digest(id.as_bytes());
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&digest[..12]);
    nonce.into()
}

#[cfg(test)]
mod tests {
    use super::ProfileKey;

    #[test]
    fn a_seal_opens_with_its_key_and_id_only() {
        let key = ProfileKey::new([7; 32]);
        let sealed = key.sealer().seal("a/b#1", b"raw").unwrap();
        assert_eq!(sealed, key.sealer().seal("a/b#1", b"raw").unwrap(), "a re-run seals the same bytes");
        assert_eq!(key.sealer().open("a/b#1", &sealed).unwrap(), b"raw");
        assert!(key.sealer().open("a/b#2", &sealed).is_err());
        assert!(ProfileKey::new([8; 32]).sealer().open("a/b#1", &sealed).is_err());
        assert_ne!(key.derive("token/a"), key.derive("token/b"));
    }

    #[test]
    fn key_files_have_one_form() {
        let hex = "00".repeat(32);
        assert!(ProfileKey::parse(&format!("# a comment\n\n{hex}\n")).is_ok());
        for bad in ["", "abc", &format!("{hex}\n{hex}"), &hex[2..]] {
            assert!(ProfileKey::parse(bad).is_err());
        }
    }
}
