//! HTTP surfaces, metrics, background tasks; the only place that wires decision point, log and chain.
