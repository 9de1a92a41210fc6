//! What the switch tells the service manager that started it (sd_notify): ready, reloading, stopping, alive. Without one
//! (`NOTIFY_SOCKET`) nothing is told.

use sd_notify::{NotifyState, notify, watchdog_enabled};

use crate::program::server::Server;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = notify(states) {
        tracing::warn!(%error, "the service manager cannot be told");
    }
}

/// Calls are taken.
pub(super) fn ready(server: &Server) {
    let (legs, at) = (server.summary().extensions, server.listening());
    let at: Vec<String> = at.iter().map(|(transport, address)| format!("{transport} {address}")).collect();
    tell(&[NotifyState::Ready, NotifyState::Status(&format!("{legs} extensions; {}", at.join(", ")))]);
}

/// The configuration is being loaded anew.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(_) => tell(&[NotifyState::Reloading]),
    }
}

/// The end has begun.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("waiting for the last call")]);
}

/// Tells the watchdog that the switch lives, as long as its threads do. Never returns.
pub(super) async fn beat(server: &Server) {
    let Some(limit) = watchdog_enabled() else { return std::future::pending().await };
    // Twice in the time: one beat may be late.
    let mut ticks = tokio::time::interval(limit / 2);
    loop {
        ticks.tick().await;
        if server.is_healthy() {
            tell(&[NotifyState::Watchdog]);
        } else {
            tracing::error!("a part of the switch is dead: the watchdog is not told otherwise");
        }
    }
}
