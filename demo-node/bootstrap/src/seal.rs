//! Keeps outsiders and other clusters out of the messages between nodes.
//!
//! Any holder of the cluster's secret can read and write; nobody else can. A message is bound to its purpose, to the
//! cluster's name and to the cluster's id, so that a message that was sealed for another use, or overheard in another
//! cluster, cannot be opened.
//!
//! This module reads no clock, and creates randomness only in [`Nonce::random`]. It does not remember what it has
//! opened: see [`Replays`] for that.
//!
//! ```text
//! version 1 | key id 4 | cluster tag 8 | unix ms 8 | nonce 24 | ciphertext | authenticator 16
//! ```

mod nonce;
mod replays;

use std::fmt;

use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::cluster::{ClusterId, ClusterName};

pub use nonce::Nonce;
pub use replays::{Replays, WINDOW};

/// How many bytes sealing adds.
pub const OVERHEAD: usize = HEADER + AUTHENTICATOR;

/// A shorter secret is refused: it would be a password, which can be guessed.
pub const SECRET_MIN_CHARS: usize = 32;

const VERSION: u8 = 1;
const VERSION_AT: usize = 0;
const KEY_ID_AT: usize = 1;
const TAG_AT: usize = 5;
const STAMP_AT: usize = 13;
const NONCE_AT: usize = 21;
const HEADER: usize = 45;
const AUTHENTICATOR: usize = 16;

/// The key id of a message that is not sealed. No secret has this id.
const UNSEALED: KeyId = [0; 4];

type KeyId = [u8; 4];

/// The keys that a node opens messages with. The first one seals.
///
/// To rotate secrets without downtime, restart all nodes in three rounds: `[old]`, then `[old, new]`, then `[new,
/// old]`, then `[new]`.
#[derive(Clone)]
pub struct Keyring {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: KeyId,
    cipher: XChaCha20Poly1305,
}

/// Why secrets do not make a [`Keyring`]. It says which secret, never its text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSecrets {
    /// There is none.
    #[error("expected at least one secret")]
    None,
    /// One is too short to be safe.
    #[error("secret {number} has {chars} characters, expected at least {SECRET_MIN_CHARS}")]
    TooShort {
        /// Its place in the list, counted from 1.
        number: usize,
        /// How many characters it has.
        chars: usize,
    },
    /// Two are the same.
    #[error("secrets {first} and {second} are the same")]
    Repeated {
        /// The place of one, counted from 1.
        first: usize,
        /// The place of the other.
        second: usize,
    },
}

/// What a message is for and to which cluster it belongs. The sealer and the opener must agree on it.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// What the message is for.
    pub purpose: Purpose,
    /// The cluster's name.
    pub cluster: &'a ClusterName,
    /// Which cluster with that name, if there is one yet.
    pub id: Option<ClusterId>,
}

/// What a message is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A question about the id of a new cluster.
    FoundingRequest,
    /// The answer to one.
    FoundingReply,
    /// The answer to a probe: which cluster a node is in.
    Contact,
    /// One gossip datagram of the service's membership, which may seal its messages in the same way.
    Gossip,
    /// Everything that a member knows of the membership.
    State,
    /// The question, by datagram, whether a node is there.
    EchoQuestion,
    /// The answer to one.
    EchoAnswer,
}

/// A message that opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// What was sealed.
    pub message: Vec<u8>,
    /// The nonce that it was sealed with, to recognise a replay.
    pub nonce: Nonce,
    /// When it was sealed, by the sender's clock: milliseconds since 1970.
    pub stamp: u64,
}

/// Why a message did not open. This happens when strangers, old configurations or other clusters talk to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unopened {
    /// Shorter than the seal itself.
    #[error("message is too short to be sealed")]
    TooShort,
    /// Sealed in a way that this program does not know.
    #[error("message has an unknown version")]
    UnknownVersion,
    /// Sealed with a secret that this node does not have, or not sealed although it should be.
    #[error("message is sealed with an unknown key")]
    UnknownKey,
    /// Meant for another cluster.
    #[error("message is for another cluster")]
    OtherCluster,
    /// Its time is too far from this node's clock.
    #[error("message's time is {} s or more away from this node's clock", WINDOW.as_secs())]
    Expired,
    /// Not what was sealed: tampered with, or sealed for another use.
    #[error("message is forged")]
    Forged,
}

impl Keyring {
    /// A key ring with one key for each secret. The first one seals, all open.
    ///
    /// # Errors
    ///
    /// When there is no secret, or one is too short, or one is given twice.
    pub fn from_secrets<S: AsRef<str>>(secrets: &[S]) -> Result<Self, InvalidSecrets> {
        if secrets.is_empty() {
            return Err(InvalidSecrets::None);
        }
        let mut keys: Vec<Key> = Vec::with_capacity(secrets.len());
        for (number, secret) in (1..).zip(secrets) {
            let chars = secret.as_ref().chars().count();
            if chars < SECRET_MIN_CHARS {
                return Err(InvalidSecrets::TooShort { number, chars });
            }
            let key = Key::derive(secret.as_ref());
            if let Some(at) = keys.iter().position(|known| known.id == key.id) {
                return Err(InvalidSecrets::Repeated {
                    first: at + 1,
                    second: number,
                });
            }
            keys.push(key);
        }
        Ok(Self { keys })
    }

    /// No keys: messages are sent in the clear, and anyone who reaches the node can change the cluster.
    #[must_use]
    pub fn unsealed() -> Self {
        Self { keys: Vec::new() }
    }

    /// Whether messages are sealed at all.
    #[must_use]
    pub fn is_sealed(&self) -> bool {
        !self.keys.is_empty()
    }

    /// Seals a message.
    #[must_use]
    pub fn seal(
        &self,
        scope: Scope<'_>,
        message: &[u8],
        unix_millis: u64,
        nonce: Nonce,
    ) -> Vec<u8> {
        let key = self.keys.first();
        let mut sealed = Vec::with_capacity(message.len() + OVERHEAD);
        sealed.push(VERSION);
        sealed.extend(key.map_or(UNSEALED, |key| key.id));
        sealed.extend(scope.tag());
        sealed.extend(unix_millis.to_be_bytes());
        sealed.extend(nonce.0);
        match key {
            Some(key) => {
                let payload = Payload {
                    msg: message,
                    aad: &scope.bind(&sealed),
                };
                let ciphertext = key
                    .cipher
                    .encrypt(&XNonce::from(nonce.0), payload)
                    .expect("a message is shorter than the cipher's limit of 256 GiB");
                sealed.extend(ciphertext);
            }
            None => sealed.extend(message),
        }
        sealed
    }

    /// Opens a sealed message.
    ///
    /// # Errors
    ///
    /// When it was not sealed with one of these keys for this scope, or, if its purpose [expires](Purpose::expires),
    /// not at about this time.
    pub fn open(
        &self,
        scope: Scope<'_>,
        sealed: &[u8],
        unix_millis: u64,
    ) -> Result<Opened, Unopened> {
        let Some((header, body)) = sealed.split_first_chunk::<HEADER>() else {
            return Err(Unopened::TooShort);
        };
        if header[VERSION_AT] != VERSION {
            return Err(Unopened::UnknownVersion);
        }
        let id: KeyId = field(header, KEY_ID_AT);
        let key = self.keys.iter().find(|key| key.id == id);
        if key.is_none() && (self.is_sealed() || id != UNSEALED) {
            return Err(Unopened::UnknownKey);
        }
        if field(header, TAG_AT) != scope.tag() {
            return Err(Unopened::OtherCluster);
        }
        let stamp = u64::from_be_bytes(field(header, STAMP_AT));
        if scope.purpose.expires() && u128::from(stamp.abs_diff(unix_millis)) > WINDOW.as_millis() {
            return Err(Unopened::Expired);
        }
        let nonce = Nonce(field(header, NONCE_AT));
        let message = match key {
            Some(key) => {
                let payload = Payload {
                    msg: body,
                    aad: &scope.bind(header),
                };
                match key.cipher.decrypt(&XNonce::from(nonce.0), payload) {
                    Ok(message) => message,
                    // The cipher says no more than this, on purpose.
                    Err(chacha20poly1305::Error) => return Err(Unopened::Forged),
                }
            }
            None => body.to_vec(),
        };
        Ok(Opened {
            message,
            nonce,
            stamp,
        })
    }
}

impl Purpose {
    /// Whether a message is only valid for a while.
    ///
    /// Messages of founding are bound to one question or one process. So they may arrive at any time, and the promise
    /// of one cluster does not depend on clocks. The question whether a node is there does not expire either, since
    /// it is also asked to learn the node's clock.
    #[must_use]
    pub fn expires(self) -> bool {
        match self {
            Self::FoundingRequest
            | Self::FoundingReply
            | Self::Contact
            | Self::EchoQuestion
            | Self::EchoAnswer => false,
            Self::Gossip | Self::State => true,
        }
    }
}

impl Key {
    fn derive(secret: &str) -> Self {
        let source = Hkdf::<Sha256>::new(Some(b"cluster-on-aws"), secret.as_bytes());
        let mut key = Zeroizing::new([0; 32]);
        let mut id = UNSEALED;
        source
            .expand(b"seal key", key.as_mut_slice())
            .expect("32 bytes are within what one expansion gives");
        source
            .expand(b"seal key id", &mut id)
            .expect("4 bytes are within what one expansion gives");
        if id == UNSEALED {
            id = [1; 4];
        }
        Self {
            id,
            cipher: XChaCha20Poly1305::new((&*key).into()),
        }
    }
}

/// Two are equal if they have the same keys in the same order.
impl PartialEq for Keyring {
    fn eq(&self, other: &Self) -> bool {
        let ids = |ring: &Self| ring.keys.iter().map(|key| key.id).collect::<Vec<_>>();
        ids(self) == ids(other)
    }
}

impl Eq for Keyring {}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}

impl Scope<'_> {
    /// Identifies a cluster in the clear, so that messages of a neighbour cluster are not counted as forged. Ids are
    /// random, so half of one is enough.
    fn tag(&self) -> [u8; 8] {
        let id = self.id.map_or([0; 16], |id| id.0.to_be_bytes());
        field(&id, 0)
    }

    /// The data that is authenticated together with the message.
    fn bind(&self, header: &[u8]) -> Vec<u8> {
        let name = self.cluster.as_str().as_bytes();
        let mut bound = Vec::with_capacity(HEADER + 18 + name.len());
        bound.extend(header);
        bound.push(match self.purpose {
            Purpose::FoundingRequest => 1,
            Purpose::Gossip => 2,
            Purpose::State => 3,
            Purpose::FoundingReply => 4,
            Purpose::Contact => 5,
            Purpose::EchoQuestion => 6,
            Purpose::EchoAnswer => 7,
        });
        bound.push(u8::from(self.id.is_some()));
        bound.extend(self.id.map_or([0; 16], |id| id.0.to_be_bytes()));
        // Last, since it is the only part with variable length.
        bound.extend(name);
        bound
    }
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    *bytes[at..]
        .first_chunk()
        .expect("the offsets of all fields lie within the header")
}

#[cfg(test)]
mod tests;
