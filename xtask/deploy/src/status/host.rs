//! What runs a node: a task or an instance.

use std::net::Ipv4Addr;

/// Who runs a node, as AWS sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Host {
    /// `task` or `instance`.
    pub(super) kind: &'static str,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) state: String,
}

impl Host {
    pub(super) fn line(&self) -> String {
        let Self {
            kind,
            address,
            state,
        } = self;
        let address = address.map_or_else(|| "no address yet".to_owned(), |ip| ip.to_string());
        let line = format!("{kind:<8} {address:<24} {state}");
        line.trim_end().to_owned()
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
            host.line(),
            "task     no address yet           PROVISIONING"
        );
    }
}
