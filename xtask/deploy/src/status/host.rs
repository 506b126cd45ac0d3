//! What runs a node: a task or an instance.

use std::net::Ipv4Addr;

use super::table::Row;

/// Who runs a node, as AWS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// `task` or `instance`.
    pub(super) kind: &'static str,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) state: String,
}

impl Host {
    /// For people.
    pub(super) fn row(&self) -> Row {
        let Self { address, state, .. } = self;
        let address = address.map_or_else(|| "no address yet".to_owned(), |ip| ip.to_string());
        Row {
            is_bad: state.contains("UNHEALTHY"),
            ..Row::new(self.kind, &address, state)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_without_an_address_is_shown_as_well() {
        let host = Host {
            kind: "task",
            address: None,
            state: "PROVISIONING".to_owned(),
        };

        assert_eq!(
            host.row(),
            Row::new("task", "no address yet", "PROVISIONING")
        );
    }

    #[test]
    fn one_that_is_not_healthy_stands_out() {
        let host = |health: &str| Host {
            kind: "task",
            address: None,
            state: format!("RUNNING {health}"),
        };

        assert!(host("UNHEALTHY").row().is_bad);
        assert!(!host("HEALTHY").row().is_bad);
    }
}
