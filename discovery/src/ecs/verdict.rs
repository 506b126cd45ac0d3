//! Judges one described task. Pure: no calls, no clock.

use std::{collections::BTreeMap, sync::Arc};

use aws_sdk_ecs::{
    primitives::DateTimeFormat,
    types::{Container, Failure, HealthStatus, LaunchType, Task},
};

use super::address::Wanted;
use crate::{
    config::Tags,
    error::Error,
    lookup::{DropReason, Dropped, Found, Missing, PartialReason, Target},
    owner::Owner,
};

/// Which tasks are peers, and which of their addresses counts.
#[derive(Debug, Clone)]
pub(crate) struct Criteria {
    /// A task must have all of them.
    pub(crate) tags: Tags,
    pub(crate) address: Wanted,
}

/// Which service the tasks of a listing belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Whose {
    /// All belong to this service.
    Service(Owner),
    /// Each task says to which service of the cluster with this name it belongs.
    EachSays {
        /// The cluster.
        cluster: Arc<str>,
    },
}

/// The verdict on a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is a peer.
    Peer(Target),
    /// It is not.
    NoPeer(DropReason),
    /// Not known yet, so the view is not complete.
    Unclear(PartialReason, DropReason),
}

/// A verdict, and whether it is final: the task runs and has its address, which never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) settled: bool,
}

impl Criteria {
    /// # Errors
    ///
    /// When the task is one of the wanted ones, but its network mode gives it no address.
    pub(crate) fn judge(&self, id: &str, task: &Task, whose: &Whose) -> Result<Judged, Error> {
        let unsettled = |verdict| Judged {
            verdict,
            settled: false,
        };
        if is_stopping(task) {
            return Ok(unsettled(Verdict::NoPeer(DropReason::Stopping {
                desired: task.desired_status().unwrap_or("unknown").to_owned(),
                last: task.last_status().unwrap_or("unknown").to_owned(),
            })));
        }
        let running = task.last_status() == Some("RUNNING");
        let address = self.address.of(task);
        if let Some(key) = self.mismatch(task) {
            return Ok(Judged {
                verdict: Verdict::NoPeer(DropReason::TagMismatch(key.to_owned())),
                settled: running && address.is_ok(),
            });
        }
        match address {
            Ok(address) => Ok(Judged {
                verdict: Verdict::Peer(Target {
                    address,
                    port: None,
                    id: id.to_owned(),
                    owner: whose.owner(task),
                    metadata: metadata(task),
                }),
                settled: running,
            }),
            Err(_) if is_mapped(task) => Err(Error::NetworkMode {
                task: id.to_owned(),
                mode: "bridge or host".to_owned(),
            }),
            Err(instead) => {
                let missing = instead.map_or_else(|| missing(task), Missing::Only);
                let wanted = self.address.to_string();
                Ok(unsettled(Verdict::Unclear(
                    PartialReason::NoAddress {
                        id: id.to_owned(),
                        wanted: wanted.clone(),
                        missing,
                    },
                    DropReason::NoAddress { wanted, missing },
                )))
            }
        }
    }

    /// The first tag that the task lacks, or that has another value.
    fn mismatch(&self, task: &Task) -> Option<&str> {
        self.tags
            .iter()
            .find(|(key, value)| {
                !task
                    .tags()
                    .iter()
                    .any(|tag| tag.key() == Some(key) && tag.value().unwrap_or("") == *value)
            })
            .map(|(key, _)| key)
    }
}

impl Whose {
    /// A task of a service is in the group `service:NAME`.
    fn owner(&self, task: &Task) -> Option<Owner> {
        match self {
            Self::Service(owner) => Some(owner.clone()),
            Self::EachSays { cluster } => {
                let service = task.group()?.strip_prefix("service:")?;
                Some(Owner::ecs_service(Arc::clone(cluster), service))
            }
        }
    }
}

impl Verdict {
    /// What a failure in the answer means for its task.
    pub(crate) fn of_failure(id: &str, failure: &Failure) -> Self {
        let reason = failure.reason().unwrap_or("no reason given");
        if reason == "MISSING" {
            return Self::NoPeer(DropReason::Gone);
        }
        match failure.detail() {
            Some(detail) => Self::not_described(id, format!("{reason}: {detail}")),
            None => Self::not_described(id, reason.to_owned()),
        }
    }

    pub(crate) fn not_described(id: &str, reason: String) -> Self {
        Self::Unclear(
            PartialReason::NotDescribed {
                id: id.to_owned(),
                reason: reason.clone(),
            },
            DropReason::NotDescribed(reason),
        )
    }

    pub(crate) fn add_to(self, found: &mut Found, id: String) {
        match self {
            Self::Peer(target) => found.targets.push(target),
            Self::NoPeer(reason) => found.dropped.push(Dropped { id, reason }),
            Self::Unclear(partial, reason) => {
                found.partial.push(partial);
                found.dropped.push(Dropped { id, reason });
            }
        }
    }
}

/// By the status that ECS wants, or by the last one seen. A task that is still starting has neither, and its process
/// may already answer.
/// process may already answer.
fn is_stopping(task: &Task) -> bool {
    task.desired_status() == Some("STOPPED")
        || matches!(
            task.last_status(),
            Some("DEACTIVATING" | "STOPPING" | "DEPROVISIONING" | "STOPPED" | "DELETED")
        )
}

/// Containers have port mappings to the host's ports only if they have no own interface.
fn is_mapped(task: &Task) -> bool {
    let containers = task.containers();
    containers
        .iter()
        .all(|container| container.network_interfaces().is_empty())
        && containers
            .iter()
            .any(|container| !container.network_bindings().is_empty())
}

/// Why a task has no address at all.
fn missing(task: &Task) -> Missing {
    let attached = task
        .attachments()
        .iter()
        .any(|it| it.r#type() == Some("ElasticNetworkInterface"));
    let within = |container: &Container| !container.network_interfaces().is_empty();
    if task.last_status() == Some("RUNNING") && !attached && !task.containers().iter().any(within) {
        return Missing::NoInterface;
    }
    Missing::Yet
}

fn metadata(task: &Task) -> BTreeMap<String, String> {
    let started_at = task
        .started_at()
        .and_then(|at| at.fmt(DateTimeFormat::DateTime).ok());
    let fields = [
        ("availability-zone", task.availability_zone()),
        (
            "health-status",
            task.health_status().map(HealthStatus::as_str),
        ),
        ("last-status", task.last_status()),
        ("launch-type", task.launch_type().map(LaunchType::as_str)),
        ("started-at", started_at.as_deref()),
        ("started-by", task.started_by()),
        ("task-definition", task.task_definition_arn()),
    ];
    let fields = fields
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?.to_owned())));
    let tags = task.tags().iter().filter_map(|tag| {
        let value = tag.value().unwrap_or_default().to_owned();
        Some((format!("tag:{}", tag.key()?), value))
    });
    fields.chain(tags).collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{
        Attachment, NetworkBinding, NetworkInterface, Tag, builders::TaskBuilder,
    };

    use super::*;
    use crate::config::AddressFamily;

    fn criteria(tags: &str) -> Criteria {
        Criteria {
            tags: tags.parse().unwrap(),
            address: Wanted {
                family: AddressFamily::Ipv4,
                container: None,
            },
        }
    }

    fn whose() -> Whose {
        Whose::Service(Owner::ecs_service("prod", "orders"))
    }

    fn web() -> Container {
        let interface = NetworkInterface::builder().private_ipv4_address("10.0.1.7");
        Container::builder()
            .name("web")
            .network_interfaces(interface.build())
            .build()
    }

    fn running() -> TaskBuilder {
        Task::builder()
            .desired_status("RUNNING")
            .last_status("RUNNING")
            .containers(web())
    }

    fn judge(criteria: &Criteria, task: TaskBuilder) -> Judged {
        criteria.judge("task/1", &task.build(), &whose()).unwrap()
    }

    fn is_peer(judged: &Judged) -> bool {
        matches!(judged.verdict, Verdict::Peer(_))
    }

    #[test]
    fn a_task_is_one_peer_however_many_containers_it_has() {
        let task = running().containers(web()).containers(web());
        let judged = judge(&criteria(""), task.availability_zone("eu-central-1a"));
        let Verdict::Peer(target) = judged.verdict else {
            panic!("{judged:?}");
        };
        assert_eq!(target.address.to_string(), "10.0.1.7");
        assert_eq!(target.id, "task/1");
        assert_eq!(target.metadata["availability-zone"], "eu-central-1a");
        assert!(judged.settled);
    }

    #[test]
    fn a_task_belongs_to_the_service_that_is_listed_or_else_to_that_of_its_group() {
        let owner = |whose: &Whose, group: Option<&str>| {
            let task = Task::builder().set_group(group.map(str::to_owned));
            whose.owner(&task.build())
        };
        let orders = Owner::ecs_service("prod", "orders");
        let each = Whose::EachSays {
            cluster: "prod".into(),
        };
        assert_eq!(owner(&whose(), Some("service:other")), Some(orders.clone()));
        assert_eq!(owner(&each, Some("service:orders")), Some(orders));
        for group in [None, Some("family:orders"), Some("orders")] {
            assert_eq!(owner(&each, group), None);
        }
    }

    #[test]
    fn a_stopping_task_is_no_peer_by_its_desired_or_its_last_status() {
        for task in [
            running().desired_status("STOPPED"),
            running().last_status("DEACTIVATING"),
            running().last_status("STOPPING"),
            running().last_status("DEPROVISIONING"),
            running().last_status("STOPPED"),
            running().last_status("DELETED"),
        ] {
            let judged = judge(&criteria(""), task);
            assert!(
                matches!(judged.verdict, Verdict::NoPeer(DropReason::Stopping { .. })),
                "{judged:?}"
            );
            assert!(!judged.settled);
        }
    }

    #[test]
    fn a_starting_task_with_an_address_is_a_peer_that_is_looked_at_again() {
        for status in [
            Some("PROVISIONING"),
            Some("PENDING"),
            Some("ACTIVATING"),
            None,
        ] {
            let task = running().set_last_status(status.map(str::to_owned));
            let judged = judge(&criteria(""), task);
            assert!(is_peer(&judged) && !judged.settled, "{judged:?}");
        }
    }

    #[test]
    fn a_task_without_an_address_leaves_the_view_unclear_and_says_why_it_has_none() {
        let attachment = Attachment::builder().r#type("ElasticNetworkInterface");
        let ipv6 = NetworkInterface::builder().ipv6_address("2001:db8::7");
        let ipv6 = Container::builder().network_interfaces(ipv6.build());
        let bare = || running().set_containers(None);
        for (task, partial, drop) in [
            (
                bare().attachments(attachment.build()),
                "task/1 is running but has no IPv4 address yet",
                "no IPv4 address",
            ),
            (
                bare().last_status("PENDING"),
                "task/1 is running but has no IPv4 address yet",
                "no IPv4 address",
            ),
            (
                bare(),
                "task/1 is running but has no IPv4 address: it has no network interface, so its \
                 network mode is bridge, host or none; a peer needs network mode awsvpc",
                "no IPv4 address: it has no network interface, so its network mode is bridge, host \
                 or none; a peer needs network mode awsvpc",
            ),
            (
                bare().containers(ipv6.build()),
                "task/1 is running but has no IPv4 address: it has only 2001:db8::7; set \
                 address-family to auto or ipv6",
                "no IPv4 address: it has only 2001:db8::7; set address-family to auto or ipv6",
            ),
        ] {
            let judged = judge(&criteria(""), task);
            let Verdict::Unclear(reason, dropped) = judged.verdict else {
                panic!("{judged:?}");
            };
            assert_eq!(reason.to_string(), partial);
            assert_eq!(dropped.to_string(), drop);
            assert!(!judged.settled);
        }
    }

    #[test]
    fn a_task_without_any_field_is_unclear_and_nothing_panics() {
        let judged = judge(&criteria(""), Task::builder());
        assert!(matches!(judged.verdict, Verdict::Unclear(..)), "{judged:?}");
    }

    #[test]
    fn a_bridge_mode_task_is_an_error_unless_it_is_none_of_ours() {
        let binding = NetworkBinding::builder().host_port(32768).build();
        let container = Container::builder().network_bindings(binding).build();
        let task = || running().set_containers(Some(vec![container.clone()]));
        let error = criteria("")
            .judge("task/1", &task().build(), &whose())
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "task/1 has no own address: its network mode is `bridge or host`, expected `awsvpc`"
        );
        let other = judge(&criteria("color=blue"), task());
        assert!(matches!(
            other.verdict,
            Verdict::NoPeer(DropReason::TagMismatch(_))
        ));
        let stopping = judge(&criteria(""), task().desired_status("STOPPED"));
        assert!(matches!(
            stopping.verdict,
            Verdict::NoPeer(DropReason::Stopping { .. })
        ));
    }

    #[test]
    fn a_task_must_carry_every_tag_and_may_carry_more() {
        let tagged = |tags: &[(&str, &str)]| {
            let tags = tags
                .iter()
                .map(|(key, value)| Tag::builder().key(*key).value(*value).build());
            running().set_tags(Some(tags.collect()))
        };
        let both = [("color", "blue"), ("stage", "prod"), ("extra", "1")];
        let peer = |wanted, tags| is_peer(&judge(&criteria(wanted), tagged(tags)));
        assert!(peer("", &[]));
        assert!(peer("", &both));
        assert!(peer("color=blue", &both));
        assert!(peer("color=blue;stage=prod", &both));
        assert!(!peer("color=blue;stage=test", &both));
        assert!(!peer("color=blue;other=1", &both));
        assert!(!peer("color=blue", &[]));
        assert!(!peer("color=Blue", &both));
        assert!(!peer("blue=color", &both));
    }

    #[test]
    fn a_tag_without_a_value_is_one_with_an_empty_value() {
        let task = running().tags(Tag::builder().key("marker").build());
        assert!(is_peer(&judge(&criteria("marker="), task)));
    }

    #[test]
    fn a_failure_is_a_task_that_is_gone_only_when_it_says_missing() {
        let failure = |reason: &str| Failure::builder().reason(reason).build();
        assert_eq!(
            Verdict::of_failure("task/1", &failure("MISSING")),
            Verdict::NoPeer(DropReason::Gone)
        );
        for failure in [
            failure("INTERNAL"),
            failure("missing"),
            Failure::builder().build(),
        ] {
            let verdict = Verdict::of_failure("task/1", &failure);
            assert!(matches!(verdict, Verdict::Unclear(..)), "{verdict:?}");
        }
    }
}
