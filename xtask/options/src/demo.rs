//! What `cargo xtask demo` and the `demo` binary can be told.

use clap::Parser;

/// A cluster to play with, in the browser: builds everything, then starts five nodes and prints an address.
///
/// The nodes are real processes, each with a loopback address of its own, and find each other through the real
/// AWS SDKs; AWS is pretended. The page at the address shows who is in the cluster, who leads, what ECS lists, and what the
/// nodes say. There you can scale the service, stop, kill, freeze and thaw nodes, split the network and heal it, have AWS
/// throttle, lag, list too little or refuse, and start a second cluster. Six stories tell themselves.
///
/// Try this: find out which node leads, kill it, and see who takes over, and why.
///
/// It listens on loopback addresses only. The page's address carries a token: who does not have it can do nothing to the
/// cluster. Every node has a page of its own, one click away, which only reads and asks for no token: other users of this
/// machine can read those. The key of the gossip is made anew each time. Ctrl-C ends everything, and leaves nothing behind.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "demo", bin_name = "cargo xtask demo", max_term_width = 100)]
pub struct Options {
    /// How many nodes there are at first; more can be had on the page.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=12))]
    pub nodes: u8,

    /// The port of 127.0.0.1 for the page [default: a free one].
    #[arg(long, value_name = "P")]
    pub port: Option<u16>,

    /// Open the page in the browser. While that starts, its command line shows the address, token and all, to other users
    /// of this machine.
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
