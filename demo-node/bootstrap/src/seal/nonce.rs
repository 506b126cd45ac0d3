//! Numbers that are used only once.

use serde::{Deserialize, Serialize};

/// A number that is used once: 24 random bytes, so many that it is never repeated by chance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Nonce(pub [u8; 24]);

impl Nonce {
    /// A new one from the operating system.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0; 24];
        getrandom::fill(&mut bytes)
            .expect("Linux gives random bytes once it has booted, and no node starts before");
        Self(bytes)
    }
}
