//! Counters, gauges and histograms, and their text.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Histogram, Key, Label, Level, Metadata, Recorder as _, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::call::cdr::{CallRecord, RecordSink};
use crate::call::meters::Meters;

/// Values that one label may have; later ones count as `other`.
const MAX_VALUES: usize = 200;

/// Kind of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Counter,
    Gauge,
    Histogram(&'static [f64]),
}

/// Buckets of times that people wait for, seconds.
const SETUP: &[f64] = &[0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0];
/// Buckets of the length of calls, seconds.
const LENGTH: &[f64] = &[1.0, 5.0, 10.0, 30.0, 60.0, 180.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];
/// Buckets of work, seconds.
const WORK: &[f64] = &[0.000_005, 0.000_02, 0.000_1, 0.000_5, 0.002, 0.01, 0.05, 0.25, 1.0, 5.0];
/// Buckets of jitter, seconds.
const JITTER: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2];

/// Every metric: name, kind, what it says.
const TABLE: &[(&str, Kind, &str)] = &[
    ("switch_build_info", Kind::Gauge, "1; the version is a label"),
    ("switch_call_duration_seconds", Kind::Histogram(LENGTH), "Time from answer to end of answered legs"),
    ("switch_call_setup_seconds", Kind::Histogram(SETUP), "Time from start to answer of answered legs"),
    ("switch_extension_calls_total", Kind::Counter, "Calls that ended, by the extension that ran last"),
    ("switch_gateway_calls_total", Kind::Counter, "Legs dialled through a gateway that ended, answered or not"),
    ("switch_gateway_up", Kind::Gauge, "Whether calls may go to the gateway"),
    ("switch_hunt_seconds", Kind::Histogram(WORK), "Time to find an extension"),
    ("switch_legs_ended_total", Kind::Counter, "Legs that ended, by direction and cause"),
    ("switch_media_ports", Kind::Gauge, "RTP ports in use"),
    ("switch_queue_depth", Kind::Gauge, "What waits in a queue"),
    ("switch_ready", Kind::Gauge, "Whether new calls are taken"),
    ("switch_record_output_up", Kind::Gauge, "Whether an output takes call records"),
    ("switch_record_spool_bytes", Kind::Gauge, "Records that wait in the data folder"),
    ("switch_records_delivered_total", Kind::Counter, "Texts of records that an output has taken"),
    ("switch_records_lost_total", Kind::Counter, "Records that were lost"),
    ("switch_registered_users", Kind::Gauge, "Users with at least one registration"),
    ("switch_registrations", Kind::Gauge, "Registrations"),
    ("switch_rtp_jitter_seconds", Kind::Histogram(JITTER), "Interarrival jitter at the end of legs with audio"),
    ("switch_rtp_packets_lost_total", Kind::Counter, "RTP packets lost on the way here, of legs that ended"),
    ("switch_rtp_packets_received_total", Kind::Counter, "RTP packets received, of legs that ended"),
    ("switch_rtp_packets_sent_total", Kind::Counter, "RTP packets sent, of legs that ended"),
    ("switch_script_cpu_seconds", Kind::Histogram(WORK), "Processor time of a script"),
    ("switch_scripts_running", Kind::Gauge, "Scripts that run or wait"),
    ("switch_scripts_total", Kind::Counter, "Scripts that ended, by how"),
    ("switch_sessions", Kind::Gauge, "Channels at this moment"),
    ("switch_sessions_peak", Kind::Gauge, "Most channels at a time since the start"),
    ("switch_sessions_total", Kind::Counter, "Channels since the start"),
    ("switch_sip_dialogs", Kind::Gauge, "SIP dialogs"),
    ("switch_sip_transactions", Kind::Gauge, "SIP transactions, by side"),
    ("switch_start_time_seconds", Kind::Gauge, "Start of the switch, seconds since 1970"),
];

/// Names of all metrics, sorted.
pub const METRICS: &[&str] = &names();

const fn names() -> [&'static str; TABLE.len()] {
    let mut names = [""; TABLE.len()];
    let mut at = 0;
    while at < TABLE.len() {
        #[expect(clippy::indexing_slicing, reason = "both have one length, and this runs at compile time")]
        {
            names[at] = TABLE[at].0;
        }
        at += 1;
    }
    names
}

const METADATA: Metadata<'static> = Metadata::new("switch", Level::INFO, None);

/// Counts and shows.
pub struct Monitor {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    meters: Meters,
    legs: Family,
    extensions: Family,
    gateways: Family,
    setup: [Histogram; 2],
    length: Histogram,
    jitter: Histogram,
    packets: [Counter; 3],
}

impl Default for Monitor {
    fn default() -> Self {
        Self::new()
    }
}

impl Monitor {
    /// Everything at nothing.
    pub fn new() -> Self {
        let mut builder = PrometheusBuilder::new();
        for (name, kind, _) in TABLE {
            if let Kind::Histogram(buckets) = kind {
                let matcher = Matcher::Full((*name).to_owned());
                builder = match builder.set_buckets_for_metric(matcher, buckets) {
                    Ok(builder) => builder,
                    // Only an empty list of buckets is refused.
                    Err(_) => PrometheusBuilder::new(),
                };
            }
        }
        let recorder = builder.build_recorder();
        for (name, kind, help) in TABLE {
            let (name, help) = ((*name).into(), (*help).into());
            match kind {
                Kind::Counter => recorder.describe_counter(name, None::<Unit>, help),
                Kind::Gauge => recorder.describe_gauge(name, None, help),
                Kind::Histogram(_) => recorder.describe_histogram(name, None, help),
            }
        }
        let counter = |name, labels: &[(&'static str, &str)]| recorder.register_counter(&key(name, labels), &METADATA);
        let histogram =
            |name, labels: &[(&'static str, &str)]| recorder.register_histogram(&key(name, labels), &METADATA);
        let scripts = |status| counter("switch_scripts_total", &[("status", status)]);
        Self {
            meters: Meters {
                hunt: histogram("switch_hunt_seconds", &[]),
                script_cpu: histogram("switch_script_cpu_seconds", &[]),
                scripts_ok: scripts("ok"),
                scripts_failed: scripts("error"),
                scripts_timed_out: scripts("timeout"),
            },
            legs: Family::new("switch_legs_ended_total", ["direction", "cause"]),
            extensions: Family::new("switch_extension_calls_total", ["extension", "context"]),
            gateways: Family::new("switch_gateway_calls_total", ["gateway", "answered"]),
            setup: ["inbound", "outbound"].map(|way| histogram("switch_call_setup_seconds", &[("direction", way)])),
            length: histogram("switch_call_duration_seconds", &[]),
            jitter: histogram("switch_rtp_jitter_seconds", &[]),
            packets: [
                "switch_rtp_packets_received_total",
                "switch_rtp_packets_sent_total",
                "switch_rtp_packets_lost_total",
            ]
            .map(|name| counter(name, &[])),
            handle: recorder.handle(),
            recorder,
        }
    }

    /// Instruments of calls and scripts.
    pub fn meters(&self) -> Meters {
        self.meters.clone()
    }

    /// Sets a gauge.
    pub fn gauge(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.recorder.register_gauge(&key(name, labels), &METADATA).set(value);
    }

    /// Sets a counter whose total is kept elsewhere.
    pub fn total(&self, name: &'static str, labels: &[(&'static str, &str)], value: u64) {
        self.recorder.register_counter(&key(name, labels), &METADATA).absolute(value);
    }

    /// The text for Prometheus.
    pub fn text(&self) -> String {
        self.handle.render()
    }

    /// Takes in what was measured meanwhile; to be called every few seconds.
    pub fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// A leg has ended.
    fn count(&self, record: &CallRecord) {
        self.legs.count(&self.recorder, [record.direction, record.cause]);
        let front = record.uuid == record.call_uuid;
        if front && !record.extension.is_empty() {
            self.extensions.count(&self.recorder, [&record.extension, &record.context]);
        }
        if !record.gateway.is_empty() {
            let answered = if record.answer.is_some() { "true" } else { "false" };
            self.gateways.count(&self.recorder, [&record.gateway, answered]);
        }
        let [inbound, outbound] = &self.setup;
        if let Some(answer) = record.answer {
            let setup = if record.direction == "inbound" { inbound } else { outbound };
            setup.record(seconds(answer.saturating_sub(record.start)));
            self.length.record(seconds(record.end.saturating_sub(answer)));
        }
        if record.packets_received > 0 {
            self.jitter.record(seconds(record.jitter_us));
        }
        let packets = [record.packets_received, record.packets_sent, record.packets_lost];
        for (counter, count) in self.packets.iter().zip(packets) {
            counter.increment(count);
        }
    }
}

fn seconds(us: u64) -> f64 {
    us as f64 / 1e6
}

fn key(name: &'static str, labels: &[(&'static str, &str)]) -> Key {
    Key::from_parts(name, labels.iter().map(|(name, value)| Label::new(*name, (*value).to_owned())).collect::<Vec<_>>())
}

/// Counters of one name. The values of its first label are capped.
struct Family {
    name: &'static str,
    labels: [&'static str; 2],
    known: Mutex<HashMap<String, Counter>>,
}

impl Family {
    fn new(name: &'static str, labels: [&'static str; 2]) -> Self {
        Self { name, labels, known: Mutex::default() }
    }

    fn count(&self, recorder: &PrometheusRecorder, values: [&str; 2]) {
        let [first, second] = values;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = format!("{first}\0{second}");
        if let Some(counter) = known.get(&wanted) {
            return counter.increment(1);
        }
        let (wanted, values) =
            if known.len() < MAX_VALUES { (wanted, values) } else { (String::new(), ["other", "other"]) };
        let [one, other] = self.labels;
        let [first, second] = values;
        let make = || recorder.register_counter(&key(self.name, &[(one, first), (other, second)]), &METADATA);
        known.entry(wanted).or_insert_with(make).increment(1);
    }
}

/// Counts records and passes them on.
struct Counted {
    monitor: Arc<Monitor>,
    to: Arc<dyn RecordSink>,
}

impl Monitor {
    /// A sink that counts what it passes on.
    pub fn counting(self: &Arc<Self>, to: Arc<dyn RecordSink>) -> Arc<dyn RecordSink> {
        Arc::new(Counted { monitor: Arc::clone(self), to })
    }
}

impl RecordSink for Counted {
    fn detailed(&self) -> bool {
        self.to.detailed()
    }

    fn record(&self, record: CallRecord) {
        self.monitor.count(&record);
        self.to.record(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(extension: &str) -> CallRecord {
        CallRecord {
            uuid: "a".to_owned(),
            call_uuid: "a".to_owned(),
            direction: "inbound",
            cause: "NORMAL_CLEARING",
            extension: extension.to_owned(),
            start: 1_000_000,
            answer: Some(1_400_000),
            end: 61_400_000,
            packets_received: 3_000,
            packets_lost: 4,
            jitter_us: 1_500,
            gateway: "trunk".to_owned(),
            ..CallRecord::default()
        }
    }

    #[test]
    fn legs_are_counted() {
        let monitor = Monitor::new();
        monitor.count(&record("here"));
        monitor.count(&CallRecord { answer: None, ..record("here") });
        monitor.meters().hunt.record(0.000_03);
        monitor.total("switch_sessions_total", &[], 7);
        let text = monitor.text();
        for line in [
            "switch_legs_ended_total{direction=\"inbound\",cause=\"NORMAL_CLEARING\"} 2",
            "switch_extension_calls_total{extension=\"here\",context=\"\"} 2",
            "switch_gateway_calls_total{gateway=\"trunk\",answered=\"true\"} 1",
            "switch_call_setup_seconds_bucket{direction=\"inbound\",le=\"0.5\"} 1",
            "switch_call_setup_seconds_bucket{direction=\"inbound\",le=\"0.25\"} 0",
            "switch_rtp_packets_lost_total 8",
            "switch_hunt_seconds_bucket{le=\"0.0001\"} 1",
            "switch_sessions_total 7",
            "# HELP switch_sessions_total Channels since the start",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn labels_have_a_bound() {
        let monitor = Monitor::new();
        for n in 0..10_000 {
            monitor.count(&record(&format!("extension {n}")));
        }
        let lines = monitor.text().lines().filter(|line| line.starts_with("switch_extension_calls_total")).count();
        assert_eq!(lines, MAX_VALUES + 1);
        assert!(monitor.text().contains("switch_extension_calls_total{extension=\"other\",context=\"other\"} 9800"));
    }

    #[test]
    fn the_table_is_sorted_and_says_something() {
        for pair in TABLE.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{}", pair[1].0);
        }
        assert!(
            TABLE
                .iter()
                .all(|(name, kind, help)| { !help.is_empty() && name.ends_with("_total") == (*kind == Kind::Counter) })
        );
        assert_eq!(METRICS.len(), TABLE.len());
    }
}
