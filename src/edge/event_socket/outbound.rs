//! Connections that the switch begins: the application `socket` of a call.

use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::connection;
use crate::call::clients::{Clients, Controlled};
use crate::call::services::Services;

/// Time for a program to accept the connection.
const PATIENCE: Duration = Duration::from_secs(5);

/// Reaches the programs that `socket` names.
#[derive(Default)]
pub struct OutboundClients {
    services: OnceLock<Weak<Services>>,
    /// Where the connections are served; started with the first one.
    runtime: OnceLock<Option<Runtime>>,
}

impl OutboundClients {
    /// From now on calls of this switch can be lent.
    pub fn serve(&self, services: &Arc<Services>) {
        let _ = self.services.set(Arc::downgrade(services));
    }
}

impl Drop for OutboundClients {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take().flatten() {
            runtime.shutdown_background();
        }
    }
}

impl Clients for OutboundClients {
    fn lend(&self, controlled: Controlled) -> oneshot::Receiver<oneshot::Receiver<()>> {
        let (reply, answer) = oneshot::channel();
        let start = || {
            let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("programs").enable_all().build();
            runtime.inspect_err(|error| tracing::error!(%error, "no thread for programs")).ok()
        };
        let runtime = self.runtime.get_or_init(start).as_ref();
        let services = self.services.get().and_then(Weak::upgrade);
        if let (Some(runtime), Some(services)) = (runtime, services) {
            drop(runtime.spawn(async move {
                let Some(stream) = connect(&controlled.hosts).await else { return };
                let (left, ended) = oneshot::channel();
                if reply.send(ended).is_err() {
                    return;
                }
                if let Err(error) = connection::control(stream, services, &controlled).await {
                    tracing::debug!(uuid = %controlled.uuid, %error, "a program that controls a call");
                }
                // The call may be gone.
                let _ = left.send(());
            }));
        }
        answer
    }
}

async fn connect(hosts: &[String]) -> Option<TcpStream> {
    for host in hosts {
        match timeout(PATIENCE, TcpStream::connect(host)).await {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => tracing::warn!(host, %error, "no program listens there"),
            Err(_) => tracing::warn!(host, "no program answers there"),
        }
    }
    None
}
