//! Decision point: policy snapshots, decide(), limits; owns the DecisionSink trait.
