//! The Prometheus text exposition format 0.0.4.

use std::fmt::Write;

use super::Histogram;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, sum and count.
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// A page under construction.
#[derive(Debug, Default)]
pub(crate) struct Text {
    page: String,
}

impl Text {
    /// Announces a metric; its samples follow.
    pub(crate) fn family(&mut self, name: &str, kind: Kind, help: &str) {
        // Writing to a String does not fail.
        let _ = writeln!(self.page, "# HELP {name} {help}\n# TYPE {name} {}", kind.name());
    }

    /// One sample.
    pub(crate) fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.page.push_str(name);
        self.labels(labels, None);
        let _ = writeln!(self.page, " {value}");
    }

    /// One sample of a count.
    pub(crate) fn count(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.page.push_str(name);
        self.labels(labels, None);
        let _ = writeln!(self.page, " {value}");
    }

    /// A histogram's samples.
    pub(crate) fn histogram(&mut self, name: &str, labels: &[(&str, &str)], histogram: &Histogram) {
        for (bound, count) in histogram.cumulative() {
            let _ = write!(self.page, "{name}_bucket");
            self.labels(labels, Some(&bound.to_string()));
            let _ = writeln!(self.page, " {count}");
        }
        let _ = write!(self.page, "{name}_bucket");
        self.labels(labels, Some("+Inf"));
        let _ = writeln!(self.page, " {}", histogram.count());
        self.sample(&format!("{name}_sum"), labels, histogram.sum());
        self.count(&format!("{name}_count"), labels, histogram.count());
    }

    /// The page.
    pub(crate) fn finish(self) -> String {
        self.page
    }

    fn labels(&mut self, labels: &[(&str, &str)], bound: Option<&str>) {
        let all = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
        let mut open = '{';
        for (name, value) in all {
            let _ = write!(self.page, "{open}{name}=\"");
            for character in value.chars() {
                match character {
                    '\\' => self.page.push_str("\\\\"),
                    '"' => self.page.push_str("\\\""),
                    '\n' => self.page.push_str("\\n"),
                    other => self.page.push(other),
                }
            }
            self.page.push('"');
            open = ',';
        }
        if open == ',' {
            self.page.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn samples_and_labels_are_escaped() {
        let mut text = Text::default();
        text.family("x_total", Kind::Counter, "Things.");
        text.count("x_total", &[("a", "q\"u\\o\nte"), ("b", "2")], 3);
        text.count("x_total", &[], 4);
        let page = text.finish();
        assert_eq!(
            page,
            "# HELP x_total Things.\n# TYPE x_total counter\nx_total{a=\"q\\\"u\\\\o\\nte\",b=\"2\"} 3\nx_total 4\n"
        );
    }

    #[test]
    fn histograms_end_with_inf_sum_and_count() {
        let mut histogram = Histogram::default();
        histogram.observe(Duration::from_millis(1));
        let mut text = Text::default();
        text.histogram("h", &[("p", "v")], &histogram);
        let page = text.finish();
        assert!(
            page.contains("h_bucket{p=\"v\",le=\"0.0005\"} 0\nh_bucket{p=\"v\",le=\"0.001\"} 1\n"),
            "{page}"
        );
        assert!(
            page.ends_with("h_bucket{p=\"v\",le=\"+Inf\"} 1\nh_sum{p=\"v\"} 0.001\nh_count{p=\"v\"} 1\n"),
            "{page}"
        );
    }
}
