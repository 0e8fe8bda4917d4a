//! The layers of a system that a rule protects.

use serde::{Deserialize, Serialize};

/// A layer, from the network's edge to the response to incidents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Layer {
    /// Edge and network.
    L1,
    /// Infrastructure: machines, accounts, rights of the cloud.
    L2,
    /// Kubernetes and containers.
    L3,
    /// Serverless.
    L4,
    /// Application.
    L5,
    /// Data.
    L6,
    /// Build and supply chain.
    L7,
    /// Observability and response.
    L8,
}

crate::violation::words!(Layer {
    L1 => "L1",
    L2 => "L2",
    L3 => "L3",
    L4 => "L4",
    L5 => "L5",
    L6 => "L6",
    L7 => "L7",
    L8 => "L8"
});

impl Layer {
    /// What people call it.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::L1 => "edge and network",
            Self::L2 => "infrastructure",
            Self::L3 => "Kubernetes and containers",
            Self::L4 => "serverless",
            Self::L5 => "application",
            Self::L6 => "data",
            Self::L7 => "build and supply chain",
            Self::L8 => "observability and response",
        }
    }
}
