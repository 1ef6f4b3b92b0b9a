//! A histogram of durations made of atomics only. The library's own takes a lock for each
//! observation; on the decision path every answer would queue for it.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;
use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};
use std::sync::Arc;

/// Upper bounds in nanoseconds: 5 us, where a cached Decision lies, to 1 s, where a caller has given up.
const BOUNDS_NS: [u64; 17] = [
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
];

/// How long something took, from 5 us to 1 s and above. Cheap to clone; clones count together.
#[derive(Debug, Clone, Default)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Observations at or under each bound and above the one before it.
    buckets: [AtomicU64; BOUNDS_NS.len()],
    /// Observations above the last bound.
    above: AtomicU64,
    sum_ns: AtomicU64,
}

impl Histogram {
    /// Counts one observation. Two atomic additions; never waits.
    pub fn observe(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let place = BOUNDS_NS.partition_point(|bound| *bound < ns);
        self.0.buckets.get(place).unwrap_or(&self.0.above).fetch_add(1, Relaxed);
        self.0.sum_ns.fetch_add(ns, Relaxed);
    }

    /// The number of observations.
    pub fn count(&self) -> u64 {
        self.0.buckets.iter().chain([&self.0.above]).map(|bucket| bucket.load(Relaxed)).sum()
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), core::fmt::Error> {
        // Read once, so that the count is the sum of the buckets even while others observe.
        let mut buckets: Vec<(f64, u64)> = BOUNDS_NS
            .iter()
            .zip(&self.0.buckets)
            .map(|(bound, count)| (Duration::from_nanos(*bound).as_secs_f64(), count.load(Relaxed)))
            .collect();
        buckets.push((f64::INFINITY, self.0.above.load(Relaxed)));
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = Duration::from_nanos(self.0.sum_ns.load(Relaxed)).as_secs_f64();
        encoder.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_on_a_bound_is_within_it_and_buckets_add_up() {
        let histogram = Histogram::default();
        for took in [
            Duration::ZERO,
            Duration::from_micros(5),
            Duration::from_nanos(5_001),
            Duration::from_secs(9),
            Duration::MAX,
        ] {
            histogram.observe(took);
        }
        let mut registry = prometheus_client::registry::Registry::default();
        registry.register("took", "t", histogram.clone());
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "took_bucket{le=\"5e-6\"} 2",
            "took_bucket{le=\"0.00001\"} 3",
            "took_bucket{le=\"1.0\"} 3",
            "took_bucket{le=\"+Inf\"} 5",
            "took_count 5",
        ] {
            assert!(
                text.contains(line) || text.contains(&line.replace("5e-6", "0.000005")),
                "`{line}` is not in:\n{text}"
            );
        }
        assert_eq!(histogram.count(), 5);
        assert!(BOUNDS_NS.is_sorted());
    }
}
