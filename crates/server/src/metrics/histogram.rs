//! Latency histograms with fixed bounds, so that workers' histograms can be added.

use std::time::Duration;

/// Upper bounds in seconds: 25 us to 10 s, about 2.5x apart. Evaluations of real policies fall between 20 us and 10 ms.
pub(crate) const BOUNDS: [f64; 18] = [
    0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1,
    0.25, 0.5, 1.0, 2.5, 10.0,
];

/// Counts per bound, plus sum and total count.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Histogram {
    /// Observations at or under each bound but over the one before it.
    buckets: [u64; BOUNDS.len()],
    /// All observations, also those over the last bound.
    count: u64,
    /// Sum of all observations, seconds.
    sum: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: [0; BOUNDS.len()],
            count: 0,
            sum: 0.0,
        }
    }
}

impl Histogram {
    /// Counts one duration.
    pub(crate) fn observe(&mut self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        let index = BOUNDS.partition_point(|bound| *bound < seconds);
        if let Some(bucket) = self.buckets.get_mut(index) {
            *bucket = bucket.saturating_add(1);
        }
        self.count = self.count.saturating_add(1);
        self.sum += seconds;
    }

    /// Adds another histogram's counts.
    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            *mine = mine.saturating_add(*theirs);
        }
        self.count = self.count.saturating_add(other.count);
        self.sum += other.sum;
    }

    /// Cumulative counts by bound, as Prometheus wants them (without `+Inf`, which is [`Self::count`]).
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        BOUNDS
            .iter()
            .zip(&self.buckets)
            .scan(0_u64, |so_far, (bound, count)| {
                *so_far = so_far.saturating_add(*count);
                Some((*bound, *so_far))
            })
    }

    /// All observations.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Their sum, seconds.
    pub(crate) fn sum(&self) -> f64 {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_fall_at_or_under_their_bound() {
        let mut histogram = Histogram::default();
        for micros in [1, 25, 26, 20_000_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let counts: Vec<u64> = histogram.cumulative().map(|(_, count)| count).collect();
        assert_eq!(counts[0], 2, "1 us and 25 us");
        assert_eq!(counts[1], 3, "26 us");
        assert_eq!(counts[BOUNDS.len() - 1], 3, "20 s is only in +Inf");
        assert_eq!(histogram.count(), 4);
        assert!((histogram.sum() - 20.000_052).abs() < 1e-9);
    }

    #[test]
    fn adding_is_counting_together() {
        let (mut left, mut right, mut both) =
            (Histogram::default(), Histogram::default(), Histogram::default());
        for (histogram, micros) in [(&mut left, 10), (&mut right, 3_000)] {
            histogram.observe(Duration::from_micros(micros));
            both.observe(Duration::from_micros(micros));
        }
        left.add(&right);
        assert_eq!(left.buckets, both.buckets);
        assert_eq!(left.count, both.count);
    }
}
