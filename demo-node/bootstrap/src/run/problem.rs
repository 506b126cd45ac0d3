//! Asks a contact point, and says what is wrong with it if that fails.

use std::{
    collections::HashSet,
    mem::{Discriminant, discriminant},
    time::Duration,
};

use hyper::StatusCode;

use crate::{
    ContactPoint,
    http::{self, Ask},
    net::Network,
    wire,
};

/// What is wrong with a contact point.
#[derive(Debug, Default)]
pub(super) struct Problem {
    pub(super) text: String,
    /// The kinds that were logged already: there are few kinds, however often the answers change.
    pub(super) told: HashSet<Kind>,
}

/// What is wrong.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// Its clock.
    Clock,
    /// Its answer.
    Answer {
        error: Discriminant<ProbeError>,
        rejected: Option<Discriminant<wire::Rejected>>,
        /// Whether it still claims to be in a cluster.
        claims: bool,
    },
}

/// Why a contact point gave no valid answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProbeError {
    #[error("no answer")]
    Http(#[source] http::Error),
    #[error("it answered with status {0}")]
    Status(StatusCode),
    #[error("the answer does not count")]
    Rejected(#[source] wire::Rejected),
    #[error("the reply to a founding message does not count")]
    Sealed(#[source] wire::NotOpened),
}

impl ProbeError {
    pub(super) fn kind(&self) -> Kind {
        let (rejected, claims) = match self {
            Self::Rejected(rejected) => (
                Some(discriminant(rejected)),
                rejected.claims_cluster().is_some(),
            ),
            Self::Http(_) | Self::Status(_) | Self::Sealed(_) => (None, false),
        };
        Kind::Answer {
            error: discriminant(self),
            rejected,
            claims,
        }
    }

    /// Whether there was no answer, which is normal, rather than an answer that does not count.
    pub(super) fn is_silence(&self) -> bool {
        match self {
            Self::Http(http::Error::TooLarge { .. }) => false,
            Self::Http(_) => true,
            Self::Status(_) | Self::Rejected(_) | Self::Sealed(_) => false,
        }
    }
}

/// Asks for a body, with status 200.
pub(super) async fn ask_for_body(
    network: &impl Network,
    point: ContactPoint,
    ask: Ask,
    limit: Duration,
) -> Result<bytes::Bytes, ProbeError> {
    let ask = ask.expecting_at_most(wire::LARGEST_ANSWER);
    let (status, body) = http::ask(network, point.0, ask, limit)
        .await
        .map_err(ProbeError::Http)?;
    if status == StatusCode::OK {
        Ok(body)
    } else {
        Err(ProbeError::Status(status))
    }
}
