//! A node that forms a cluster with the peers that AWS lists.
