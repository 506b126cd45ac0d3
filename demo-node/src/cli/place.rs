//! Where this node is: the node itself and the commands that ask it find the same answer here.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use discovery::{
    Chain, Remedy,
    config::{AddressFamily, Surroundings},
};
use rand::Rng;

use super::exit::Failure;
use crate::{
    bootstrap::pacing::Backoff,
    clock,
    node::{Place, settings::Settings},
};

/// How long a start may fail in total, before the node ends so that its orchestrator starts another.
const PATIENCE: Duration = Duration::from_secs(60);

/// The first pause between two questions.
const PAUSE: Duration = Duration::from_millis(250);

/// Repeats a question that a start depends on until it is answered: when many tasks start at once, the metadata
/// can be slow, and permissions can come late.
pub(super) struct Patience<'a, R> {
    until: Instant,
    backoff: Backoff,
    rng: &'a mut R,
}

impl<'a, R: Rng> Patience<'a, R> {
    pub(super) fn new(rng: &'a mut R) -> Self {
        Self {
            until: clock::now() + PATIENCE,
            backoff: Backoff::new(PAUSE, PAUSE * 16, 0.5),
            rng,
        }
    }

    /// Repeats the question until it is answered, asking again is of no use, or the time is over.
    pub(super) async fn ask<T>(
        &mut self,
        question: impl AsyncFn() -> Result<T, discovery::Error>,
    ) -> Result<T, Failure> {
        loop {
            let error = match Box::pin(question()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.remedy() != Remedy::RetryLater || self.until <= clock::now() {
                return Err(Failure::discovery(&error));
            }
            tracing::warn!(error = %Chain(&error), "the node cannot start yet");
            tokio::time::sleep(self.backoff.failed(self.rng)).await;
        }
    }
}

/// Where this node is: from its settings, or else from its surroundings.
pub(super) async fn find(
    node: &Settings,
    family: AddressFamily,
    surroundings: &Surroundings,
) -> Result<Place, discovery::Error> {
    if let Some(address) = node.address {
        return Ok(Place {
            address,
            zone: None,
        });
    }
    let own = discovery::container_address(surroundings, family).await?;
    tracing::info!(address = %own.address, source = %own.source, "found this node's own address");
    Ok(Place {
        address: own.address,
        zone: own.availability_zone,
    })
}

/// Where it listens.
pub(super) fn bind_address(node: &Settings, place: &Place) -> IpAddr {
    node.bind_address.unwrap_or(place.address)
}
