//! The chain: governance contract bindings, one client, the embedded node.
