//! `orders-api,workers/orders-batch`: ECS services whose tasks are each other's peers.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::invalid::Invalid;

/// The longest name of an ECS service or cluster, in characters.
const LONGEST_NAME: usize = 255;

/// ECS services whose tasks are each other's peers.
///
/// As text, separated by commas: `NAME` for a service in the cluster of the settings, `CLUSTER/NAME` for one in
/// another cluster of the same account and region. A service is only looked for in its own cluster. If empty, the
/// service has the looked-up name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services(BTreeSet<(Option<String>, String)>);

impl Services {
    /// Each once, by its cluster's name (if it is not that of the settings) and its own.
    ///
    /// # Errors
    ///
    /// When a name is not possible in ECS.
    pub fn new(
        services: impl IntoIterator<Item = (Option<String>, String)>,
    ) -> Result<Self, Invalid> {
        let services: BTreeSet<_> = services.into_iter().collect();
        let wrong = services.iter().find(|(cluster, name)| {
            let names = cluster.iter().chain([name]);
            !names.into_iter().all(|name| is_name(name))
        });
        match wrong {
            Some((cluster, name)) => Err(not_a_service(&shown(cluster.as_deref(), name))),
            None => Ok(Self(services)),
        }
    }

    /// In order: the cluster, if it is not that of the settings, and the service.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.0
            .iter()
            .map(|(cluster, name)| (cluster.as_deref(), name.as_str()))
    }

    /// Whether there is no service.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromStr for Services {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        let services = text.split(',').map(|service| {
            let service = service.trim();
            match service.split_once('/') {
                Some((cluster, name)) => (Some(cluster.to_owned()), name.to_owned()),
                None => (None, service.to_owned()),
            }
        });
        Self::new(services)
    }
}

impl fmt::Display for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (cluster, name)) in self.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            write!(f, "{separator}{}", shown(cluster, name))?;
        }
        Ok(())
    }
}

fn shown(cluster: Option<&str>, name: &str) -> String {
    match cluster {
        Some(cluster) => format!("{cluster}/{name}"),
        None => name.to_owned(),
    }
}

/// See the API reference of ECS: CreateService, CreateCluster.
fn is_name(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(allowed)
}

fn not_a_service(text: &str) -> Invalid {
    Invalid::new(
        "services",
        format!(
            "`{text}` is not a service; expected NAME, or CLUSTER/NAME, of letters, digits, `-` and `_`"
        ),
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_service_is_named_alone_or_with_its_cluster() {
        let services: Services = "orders-api, workers/orders_batch,orders-api"
            .parse()
            .unwrap();
        let services: Vec<_> = services.iter().collect();
        assert_eq!(
            services,
            [(None, "orders-api"), (Some("workers"), "orders_batch")]
        );
        assert!(" ".parse::<Services>().unwrap().is_empty());
    }

    #[test]
    fn what_is_not_a_service_is_quoted() {
        let long = "x".repeat(256);
        for wrong in [
            "or ders",
            "/orders",
            "workers/",
            "a/b/c",
            "arn:aws:ecs:eu-west-1:1:service/demo/orders",
            &long,
        ] {
            let error = wrong.parse::<Services>().unwrap_err().to_string();
            let expected = format!("services: `{wrong}` is not a service; expected NAME, or");
            assert!(error.starts_with(&expected), "{error}");
        }
        assert!("orders,,payments".parse::<Services>().is_err());
    }

    proptest! {
        #[test]
        fn services_round_trip(
            services in prop::collection::vec(
                (prop::option::of("[a-zA-Z0-9_-]{1,12}"), "[a-zA-Z0-9_-]{1,12}"),
                0..5,
            ),
        ) {
            let services = Services::new(services).unwrap();
            prop_assert_eq!(services.to_string().parse(), Ok(services));
        }
    }
}
