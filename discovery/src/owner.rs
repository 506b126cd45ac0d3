//! Which service a target belongs to.

use std::sync::Arc;

/// The service that a [`Target`](crate::Target) belongs to. The targets of one service share it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub struct Owner {
    /// The ECS service, or the value of the tag that names the service.
    pub service: Arc<str>,
    /// The name of the ECS cluster that the service is in.
    pub cluster: Option<Arc<str>>,
}

impl Owner {
    /// A service that is in no ECS cluster.
    pub fn service(name: impl Into<Arc<str>>) -> Self {
        Self {
            service: name.into(),
            cluster: None,
        }
    }

    /// An ECS service in this cluster, given by its name.
    pub fn ecs_service(cluster: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self {
            service: name.into(),
            cluster: Some(cluster.into()),
        }
    }
}
