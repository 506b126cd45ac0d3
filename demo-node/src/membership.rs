//! Who is in the cluster, by gossip.
