//! The role of a node in a cluster.

use crate::{
    cluster::Formation,
    membership::{handle::Refused, members::Status},
};

/// The state of the node. It only moves down this list, unless it switches to another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// It was not told of a cluster.
    Outside,
    /// It was told of one, and asks to be let in.
    Joining(Formation),
    /// It is a member.
    Up(Formation),
    /// It announces that it is about to leave.
    Leaving(Formation),
    /// It has left, and tells the others.
    Departing(Formation, Status),
    /// It has left.
    Gone(Option<Formation>, Status),
}

impl Part {
    /// The cluster that it is in, joining, or has left.
    pub(super) fn formation(self) -> Option<Formation> {
        match self {
            Self::Outside => None,
            Self::Joining(formation)
            | Self::Up(formation)
            | Self::Leaving(formation)
            | Self::Departing(formation, _) => Some(formation),
            Self::Gone(formation, _) => formation,
        }
    }

    /// The cluster whose messages it accepts, if any.
    pub(super) fn listens_to(self) -> Option<Formation> {
        match self {
            Self::Joining(formation) | Self::Up(formation) | Self::Leaving(formation) => {
                Some(formation)
            }
            Self::Outside | Self::Departing(..) | Self::Gone(..) => None,
        }
    }

    /// The cluster that it is a member of, or about to be.
    pub(super) fn stays_in(self) -> Option<Formation> {
        match self {
            Self::Joining(formation) | Self::Up(formation) => Some(formation),
            Self::Outside | Self::Leaving(_) | Self::Departing(..) | Self::Gone(..) => None,
        }
    }

    /// How others see it.
    pub(super) fn status(self) -> Status {
        match self {
            Self::Outside | Self::Joining(_) => Status::Joining,
            Self::Up(_) => Status::Up,
            // A departing node still tells the others; when that is done, it has left.
            Self::Leaving(_) | Self::Departing(..) => Status::Leaving,
            Self::Gone(_, status) => status,
        }
    }

    /// Whether it counts itself as a member.
    pub(super) fn is_listed(self) -> bool {
        !matches!(self, Self::Outside | Self::Gone(..))
    }

    /// Why a request cannot be carried out.
    pub(super) fn refusal(self) -> Refused {
        match self {
            Self::Up(formation) => Refused::OtherCluster(formation),
            Self::Outside | Self::Joining(_) => Refused::NotMember,
            Self::Leaving(_) | Self::Departing(..) | Self::Gone(..) => Refused::Leaving,
        }
    }
}
