//! Signing keys of accounts, and the files that hold them.
//!
//! A key file holds the 32 bytes of a secp256k1 secret key as 64 hexadecimal digits (`0x` and a final newline are
//! allowed). Nobody but its owner may read it.

use std::fmt;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use alloy::primitives::Address;
use alloy::signers::local::PrivateKeySigner;
use secp256k1::ecdsa::RecoveryId;
use secp256k1::{Message, SECP256K1, SecretKey};
use stele_types::receipt::Signature;
use stele_types::{Digest, NodeAddress};
use zeroize::Zeroizing;

/// Longer than any key or token, so that something else is not read whole.
const MAX_SECRET_FILE: usize = 4096;

/// A key can't be read, written or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The file can't be read or written.
    #[error("can't {action} key file {path}: {source}")]
    File {
        /// `read`, `create`...
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others can read the file.
    #[error("key file {path} can be read by others (mode {mode:03o}); mend it with: chmod 600 {path}")]
    Permissions {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold a key.
    #[error("key file {path} does not hold a key: 64 hexadecimal digits are expected")]
    Format {
        /// Which file.
        path: PathBuf,
    },
    /// The number is not a secret key of the curve: zero, or too large.
    #[error("these 32 bytes are not a secp256k1 secret key: they are zero or beyond the order of the curve")]
    OutOfRange,
    /// The key made no signature.
    #[error("account {account} can't sign: {reason}")]
    Signing {
        /// Whose key.
        account: Address,
        /// Why.
        reason: String,
    },
}

/// An account that signs transactions with a key in memory.
#[derive(Clone)]
pub struct Account {
    signer: PrivateKeySigner,
}

impl Account {
    /// The account of a secret key.
    pub fn from_key(key: &[u8; 32]) -> Result<Self, KeyError> {
        let signer = PrivateKeySigner::from_slice(key).map_err(|_| KeyError::OutOfRange)?;
        Ok(Self { signer })
    }

    /// The account of the key in a file; see the module for its format.
    pub fn from_file(path: &Path) -> Result<Self, KeyError> {
        Self::from_key(&*read_key_file(path)?)
    }

    /// The account's address.
    pub const fn address(&self) -> Address {
        self.signer.address()
    }

    /// The account's address as a node's.
    pub fn node_address(&self) -> NodeAddress {
        NodeAddress(self.address().into_array())
    }

    /// Signs a digest as it is: r, s and v, with the low s that the chain asks for, and the nonce of RFC 6979. For receipts.
    ///
    /// By libsecp256k1, which takes a third of the time that the signer of transactions takes; it makes the same signatures.
    pub fn sign_digest(&self, digest: &Digest) -> Result<Signature, KeyError> {
        let failed = |reason: &str| KeyError::Signing {
            account: self.address(),
            reason: reason.to_owned(),
        };
        let bytes = Zeroizing::new(self.signer.to_bytes().0);
        let mut key = SecretKey::from_byte_array(*bytes).map_err(|error| failed(&error.to_string()))?;
        let signed = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), &key);
        key.non_secure_erase();
        let (parity, rs) = signed.serialize_compact();
        let v = match parity {
            RecoveryId::Zero => 27,
            RecoveryId::One => 28,
            // One nonce in 2^127; contracts can't recover from it.
            RecoveryId::Two | RecoveryId::Three => return Err(failed("r is beyond the order of the curve")),
        };
        let mut signature = [v; 65];
        let (place, _) = signature.split_at_mut(rs.len());
        place.copy_from_slice(&rs);
        Ok(Signature(signature))
    }

    pub(crate) const fn signer(&self) -> &PrivateKeySigner {
        &self.signer
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Account({})", self.address())
    }
}

/// Reads a key file. Refuses one that its group or others may access.
pub fn read_key_file(path: &Path) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let failed = |source| KeyError::File {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let file = fs::File::open(path).map_err(failed)?;
    check_permissions(path, &file.metadata().map_err(failed)?)?;
    let text = read_secret(file).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => KeyError::Format {
            path: path.to_owned(),
        },
        _ => failed(error),
    })?;
    let digits = text.trim();
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let mut key = Zeroizing::new([0; 32]);
    hex::decode_to_slice(digits, &mut *key).map_err(|_| KeyError::Format {
        path: path.to_owned(),
    })?;
    Ok(key)
}

/// The token in a file, without spaces and line breaks around it. It is wiped from memory when it is dropped.
pub fn read_token(path: &Path) -> io::Result<Zeroizing<String>> {
    let text = read_secret(fs::File::open(path)?)?;
    Ok(Zeroizing::new(text.trim().to_owned()))
}

/// Reads a small secret. Room is made for all of it at once: a buffer that grows leaves copies behind.
fn read_secret(mut file: fs::File) -> io::Result<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; MAX_SECRET_FILE]);
    let mut length = 0;
    while let Some(rest) = bytes.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => length = length.saturating_add(count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let no_secret = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
    match bytes.get(..length).map(std::str::from_utf8) {
        Some(Ok(text)) if length < bytes.len() => Ok(Zeroizing::new(text.to_owned())),
        Some(Err(_)) => Err(no_secret("it is not text")),
        _ => Err(no_secret("it is longer than any key or token")),
    }
}

/// Writes a key to a new file that only its owner may access, and makes it durable: whole or, after a crash, not at all. Never overwrites a file.
pub fn create_key_file(path: &Path, key: &[u8; 32]) -> Result<(), KeyError> {
    let failed = |source| KeyError::File {
        action: "create",
        path: path.to_owned(),
        source,
    };
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new();
    // Only its owner may access such a file from its making on.
    draft.prefix(".key-");
    let mut file = draft.tempfile_in(parent).map_err(failed)?;
    let text = Zeroizing::new(format!("{}\n", *Zeroizing::new(hex::encode(key))));
    file.write_all(text.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(path)
        .map_err(|error| failed(error.error))?;
    // The file's name must survive a crash too.
    fs::File::open(parent)
        .and_then(|dir| dir.sync_all())
        .map_err(failed)
}

#[cfg(unix)]
fn check_permissions(path: &Path, metadata: &fs::Metadata) -> Result<(), KeyError> {
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Permissions {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_permissions(_: &Path, _: &fs::Metadata) -> Result<(), KeyError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloy::primitives::B256;

    use super::*;

    #[test]
    fn a_key_file_comes_back_as_written_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        create_key_file(&path, &[7; 32]).unwrap();
        assert_eq!(*read_key_file(&path).unwrap(), [7; 32]);
        let again = create_key_file(&path, &[8; 32]).unwrap_err();
        assert!(matches!(again, KeyError::File { action: "create", .. }));
        assert_eq!(*read_key_file(&path).unwrap(), [7; 32]);
        let account = Account::from_file(&path).unwrap();
        assert!(!format!("{account:?}").contains("0707"), "the key does not leak");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn a_token_is_read_without_what_stands_around_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let longest = "t".repeat(MAX_SECRET_FILE - 1);
        for text in ["", "token", longest.as_str()] {
            fs::write(&path, text).unwrap();
            assert_eq!(*read_token(&path).unwrap(), text);
        }
        fs::write(&path, "  two words\r\n\n").unwrap();
        assert_eq!(*read_token(&path).unwrap(), "two words");
        for not_text in [vec![0xff], vec![b't'; MAX_SECRET_FILE], vec![b't'; 1 << 20]] {
            fs::write(&path, not_text).unwrap();
            let error = read_token(&path).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
        assert!(read_token(dir.path()).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn loose_permissions_are_refused_with_the_command_that_mends_them() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        create_key_file(&path, &[7; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = Account::from_file(&path).unwrap_err().to_string();
        assert!(
            error.contains(&format!("chmod 600 {}", path.display())),
            "{error}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        Account::from_file(&path).unwrap();
    }

    #[test]
    fn digests_are_signed_as_transactions_are() {
        use alloy::signers::SignerSync as _;
        for number in 1..=32_u8 {
            let account = Account::from_key(&[number; 32]).unwrap();
            let digest = Digest([number.wrapping_mul(37); 32]);
            let other = account.signer().sign_hash_sync(&B256::from(digest.0)).unwrap();
            assert_eq!(account.sign_digest(&digest).unwrap().0, other.as_bytes());
        }
    }

    #[test]
    fn what_is_not_a_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("node.key");
        for text in ["", "12", "zz".repeat(32).as_str(), "00".repeat(33).as_str()] {
            let _ = fs::remove_file(&path);
            create_key_file(&path, &[7; 32]).unwrap();
            fs::write(&path, text).unwrap();
            assert!(
                matches!(Account::from_file(&path), Err(KeyError::Format { .. })),
                "{text:?}"
            );
        }
        assert!(matches!(Account::from_key(&[0; 32]), Err(KeyError::OutOfRange)));
        assert!(matches!(
            Account::from_key(&[0xff; 32]),
            Err(KeyError::OutOfRange)
        ));
    }
}
