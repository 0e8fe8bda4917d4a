//! Prometheus metrics.
//!
//! Each worker counts for itself, behind a lock that nobody else touches except at a scrape, so counting never makes cores
//! wait for each other. A scrape adds the workers up and writes the text format.

mod histogram;
mod text;
mod worker;

pub(crate) use histogram::Histogram;
pub(crate) use text::{Kind, Text};
pub(crate) use worker::{Totals, WorkerMetrics};
