//! The switch as those see it who watch it: figures, health, readiness.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};

use tokio::runtime::{Builder, Runtime};

use super::{Server, StartError};
use crate::edge::monitoring::{HttpListener, Monitor, Watched};

/// The thread that answers. Dropping it ends it.
pub(super) struct Watching {
    runtime: Option<Runtime>,
    address: SocketAddr,
}

impl Drop for Watching {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Server {
    /// Where the HTTP listener is.
    pub fn http(&self) -> Option<SocketAddr> {
        let watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        watching.as_ref().map(|watching| watching.address)
    }

    /// Whether every part lives that calls need.
    pub fn is_healthy(&self) -> bool {
        self.parts().iter().all(|(_, alive)| *alive)
    }

    fn parts(&self) -> Vec<(&'static str, bool)> {
        vec![("sip", self.sip.is_alive()), ("media", self.media.is_alive())]
    }

    pub(super) fn open_http(self: &Arc<Self>, address: SocketAddr, monitor: Arc<Monitor>) -> Result<(), StartError> {
        let failed = |error: std::io::Error| StartError::Http(format!("{address}: {error}"));
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("http").enable_all().build();
        let runtime = runtime.map_err(failed)?;
        let listener = runtime.block_on(async { HttpListener::open(address) }).map_err(failed)?;
        let address = listener.address().map_err(failed)?;
        let watched: Arc<dyn Watched> = Arc::new(Seen(Arc::downgrade(self)));
        drop(runtime.spawn(listener.serve(monitor, watched)));
        let watching = Watching { runtime: Some(runtime), address };
        *self.watching.lock().unwrap_or_else(PoisonError::into_inner) = Some(watching);
        Ok(())
    }
}

struct Seen(Weak<Server>);

fn flag(set: bool) -> f64 {
    if set { 1.0 } else { 0.0 }
}

impl Watched for Seen {
    fn measure(&self, monitor: &Monitor) {
        let Some(server) = self.0.upgrade() else { return };
        let status = &server.services.status;
        let count = |count: usize| count as f64;
        monitor.gauge("switch_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
        monitor.gauge("switch_start_time_seconds", &[], status.started_us as f64 / 1e6);
        monitor.gauge("switch_ready", &[], flag(self.refuses().is_none()));
        monitor.gauge("switch_sessions", &[], count(server.services.calls.count()));
        monitor.gauge("switch_sessions_peak", &[], count(status.peak.load(Ordering::Relaxed)));
        monitor.total("switch_sessions_total", &[], status.sessions.load(Ordering::Relaxed));
        monitor.gauge("switch_scripts_running", &[], count(server.scripts.running()));
        monitor.gauge("switch_media_ports", &[], count(server.media.open_ports()));
        let bindings = server.registrations.all();
        let users: HashSet<(&str, &str)> =
            bindings.iter().map(|binding| (binding.user.as_str(), binding.domain.as_str())).collect();
        monitor.gauge("switch_registrations", &[], count(bindings.len()));
        monitor.gauge("switch_registered_users", &[], count(users.len()));
        let sip = server.sip.counts();
        monitor.gauge("switch_sip_dialogs", &[], count(sip.dialogs));
        monitor.gauge("switch_sip_transactions", &[("side", "client")], count(sip.client_transactions));
        monitor.gauge("switch_sip_transactions", &[("side", "server")], count(sip.server_transactions));
        monitor.gauge("switch_queue_depth", &[("queue", "sip_events")], count(sip.events));
        monitor.gauge("switch_queue_depth", &[("queue", "sip_sends")], count(sip.sends));
        monitor.gauge("switch_queue_depth", &[("queue", "scheduled")], count(server.services.scheduler.all().len()));
        for gateway in server.sip.gateways() {
            monitor.gauge("switch_gateway_up", &[("gateway", &gateway.name)], flag(gateway.up));
        }
        for output in server.records.figures() {
            let label = [("output", output.name)];
            monitor.gauge(
                "switch_queue_depth",
                &[("queue", &format!("records_{}", output.name))],
                output.queued as f64,
            );
            monitor.gauge("switch_record_output_up", &label, flag(!output.away));
            monitor.gauge("switch_record_spool_bytes", &label, output.spooled as f64);
            monitor.total("switch_records_delivered_total", &label, output.delivered);
            monitor.total("switch_records_lost_total", &label, output.lost);
        }
    }

    fn parts(&self) -> Vec<(&'static str, bool)> {
        self.0.upgrade().map_or_else(|| vec![("switch", false)], |server| server.parts())
    }

    fn refuses(&self) -> Option<&'static str> {
        let Some(server) = self.0.upgrade() else { return Some("stopping") };
        let status = &server.services.status;
        if !server.is_healthy() {
            Some("a part of the switch is dead")
        } else if status.stopping.load(Ordering::Relaxed) || server.sip.is_draining() {
            Some("stopping")
        } else if status.paused_inbound.load(Ordering::Relaxed) {
            Some("paused")
        } else {
            None
        }
    }
}
