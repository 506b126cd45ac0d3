//! What `cargo xtask demo` and the `demo` binary can be told.

use clap::Parser;

/// A cluster to play with, in the browser: builds everything, then starts five nodes and prints an address.
///
/// The nodes are real processes. Each has its own loopback address, and they find each other through the real AWS SDKs;
/// AWS itself is simulated. The page shows the members, the leader, what ECS lists, and what the nodes log.
/// On it you can scale the service, stop, kill, freeze and resume nodes, split the network and heal it, start a second
/// cluster, and make AWS throttle, lag, list too few tasks or refuse calls. Six stories run by themselves.
///
/// Try this: find the leader, kill it, and see which node takes over, and why.
///
/// It listens on loopback addresses only. The page's address contains a token: without it nobody can change the
/// cluster. Each node also has its own page, one click away. Those pages are read-only and need no token, so other
/// users of this machine can read them. The gossip key is new for each run. Ctrl-C ends everything and leaves nothing
/// behind.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "demo", bin_name = "cargo xtask demo", max_term_width = 100)]
pub struct Options {
    /// How many nodes to start with; the page can add more.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=12))]
    pub nodes: u8,

    /// The port of 127.0.0.1 for the page [default: a free one].
    #[arg(long, value_name = "P")]
    pub port: Option<u16>,

    /// Open the page in the browser. While the browser starts, other users of this machine can see the address and its
    /// token in the browser's command line.
    #[arg(long)]
    pub open: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_nodes_start_at_a_free_port_unless_told_otherwise() {
        let read = |arguments: &[&str]| {
            let arguments = ["demo"].iter().chain(arguments);
            Options::try_parse_from(arguments).map_err(|error| error.to_string())
        };
        let usual = Options {
            nodes: 5,
            port: None,
            open: false,
        };
        assert_eq!(read(&[]), Ok(usual));
        let other = Options {
            nodes: 3,
            port: Some(8080),
            open: true,
        };
        assert_eq!(
            read(&["--nodes", "3", "--port", "8080", "--open"]),
            Ok(other)
        );
        for nodes in ["0", "13", "many"] {
            let refusal = read(&["--nodes", nodes]).unwrap_err();
            assert!(refusal.contains("--nodes"), "{refusal}");
        }
    }
}
