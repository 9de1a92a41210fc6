//! Programs that control the switch: the event socket, opened with what the command line and `event_socket.conf` say.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::{Server, ServerConfig, StartError};
use crate::call::command;
use crate::call::event::EventName;
use crate::call::services::Services;
use crate::edge::event_socket::{EventSocket, EventSocketConfig, generated_password};
use crate::engine::config::EventSocketSettings;

/// Port of the event socket.
const PORT: u16 = 8021;
/// A password that everybody knows.
const WELL_KNOWN: &str = "ClueCon";
/// Between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(20);
/// Between two attempts to open a port that is taken.
const RETRY: Duration = Duration::from_secs(1);

/// Whether client programs are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Clients {
    /// None are.
    Nobody,
    /// They are, through the event socket.
    Programs {
        /// Where it listens; none: as the configuration says.
        listen: Option<SocketAddr>,
        /// Its password; none: as the configuration says, else a generated one.
        password: Option<String>,
    },
}

impl Default for Clients {
    fn default() -> Self {
        Self::Programs { listen: None, password: None }
    }
}

/// The threads that serve clients. Dropping it ends them.
pub(super) struct Serving {
    runtime: Option<Runtime>,
    address: SocketAddr,
    /// Where the password is found.
    password: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Tells listeners every twenty seconds that the switch lives.
async fn heartbeats(services: std::sync::Weak<Services>) {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        let Some(services) = services.upgrade() else { return };
        if !services.events.wants(EventName::HEARTBEAT, None) {
            continue;
        }
        let (status, now) = (&services.status, (services.now_us)());
        let up_ms = now.saturating_sub(status.started_us) / 1000;
        let up = command::run(&services, "status", "").await.unwrap_or_default();
        let up = up.lines().next().and_then(|line| line.strip_prefix("UP ")).unwrap_or_default().to_owned();
        let (last, most) = status.per_second(now);
        let peak = status.peak.load(Ordering::Relaxed).to_string();
        let limit = status.sessions_per_second.load(Ordering::Relaxed);
        let version = command::run(&services, "version", "short").await.unwrap_or_default();
        let headers = [
            ("Event-Info", "System Ready".to_owned()),
            ("Up-Time", up),
            ("FreeSWITCH-Version", version.trim().to_owned()),
            ("Uptime-msec", up_ms.to_string()),
            ("Session-Count", services.calls.count().to_string()),
            ("Max-Sessions", status.max_sessions.load(Ordering::Relaxed).to_string()),
            ("Session-Per-Sec", limit.to_string()),
            ("Session-Per-Sec-Last", last.to_string()),
            ("Session-Per-Sec-Max", most.to_string()),
            ("Session-Per-Sec-FiveMin", most.to_string()),
            ("Session-Since-Startup", status.sessions.load(Ordering::Relaxed).to_string()),
            ("Session-Peak-Max", peak.clone()),
            ("Session-Peak-FiveMin", peak),
            ("Idle-CPU", "100.000000".to_owned()),
        ];
        let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        services.events.fire(EventName::HEARTBEAT, None, &headers);
    }
}

impl Server {
    /// Address of the event socket, and where its password is found.
    pub fn event_socket(&self) -> Option<(SocketAddr, String)> {
        let serving = self.event_socket.lock().unwrap_or_else(PoisonError::into_inner);
        serving.as_ref().map(|serving| (serving.address, serving.password.clone()))
    }

    pub(super) fn open_event_socket(
        &self,
        config: &ServerConfig,
        settings: Option<&EventSocketSettings>,
    ) -> Result<(), StartError> {
        let Clients::Programs { listen, password } = &config.clients else { return Ok(()) };
        let failed = StartError::EventSocket;
        let settings = settings.cloned().unwrap_or_default();
        let ip = settings.ip.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let address = listen.unwrap_or_else(|| SocketAddr::new(ip, settings.port.unwrap_or(PORT)));
        let given = password.clone().or(settings.password).filter(|text| !text.is_empty());
        let (password, hint) = if let Some(password) = given {
            (password, "password as configured".to_owned())
        } else {
            let made = generated_password(&config.data).map_err(|error| failed(error.to_string()))?;
            (made, format!("password in {}", config.data.join("event_socket.password").display()))
        };
        if password == WELL_KNOWN && !address.ip().is_loopback() {
            return Err(failed(format!(
                "the password {WELL_KNOWN} is known to everybody: {address} needs another one"
            )));
        }
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("event-socket").enable_all().build();
        let runtime = runtime.map_err(|error| failed(error.to_string()))?;
        let socket = EventSocketConfig { listen: address, password, access: settings.access };
        let services = Arc::clone(&self.services);
        let opened = runtime.block_on(async { EventSocket::open(socket.clone()) });
        let address = match opened {
            Ok(opened) => {
                let address = opened.address().unwrap_or(address);
                drop(runtime.spawn(opened.serve(services)));
                address
            }
            Err(error) if listen.is_some() => return Err(failed(format!("{address}: {error}"))),
            Err(error) => {
                tracing::warn!(%address, %error, "the event socket cannot be opened yet");
                drop(runtime.spawn(async move {
                    loop {
                        tokio::time::sleep(RETRY).await;
                        if let Ok(opened) = EventSocket::open(socket.clone()) {
                            tracing::info!(%address, "the event socket is open");
                            return opened.serve(services).await;
                        }
                    }
                }));
                address
            }
        };
        drop(runtime.spawn(heartbeats(Arc::downgrade(&self.services))));
        let serving = Serving { runtime: Some(runtime), address, password: hint };
        *self.event_socket.lock().unwrap_or_else(PoisonError::into_inner) = Some(serving);
        Ok(())
    }
}
