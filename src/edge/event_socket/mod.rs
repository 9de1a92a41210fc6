//! The event socket: TCP on which client programs give commands and hear events (spec: event socket).
//!
//! One task serves a client. Its events wait in a bounded queue: a client that does not read loses events, and is told off
//! after five hundred in a row; no call ever waits for a client.

mod commands;
mod connection;
mod gate;
mod log_tap;
mod outbound;
mod wanted;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::call::services::Services;

pub use log_tap::{LogTap, TAP};
pub use outbound::OutboundClients;

/// Clients at one time.
const MOST_CLIENTS: usize = 4096;
/// Name of the file of the password in the data folder.
const PASSWORD_FILE: &str = "event_socket.password";

/// Where the socket listens, and who may come in.
#[derive(Debug, Clone)]
pub struct EventSocketConfig {
    /// Address and port; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// What `auth` has to say.
    pub password: String,
    /// Access lists that have to allow a client, every one; none: loopback only.
    pub access: Vec<String>,
}

/// The password of a data folder: what was generated at the first start.
pub fn generated_password(data: &Path) -> io::Result<String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let path = data.join(PASSWORD_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    std::fs::create_dir_all(data)?;
    let password = uuid::Uuid::new_v4().simple().to_string();
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path)?;
    writeln!(file, "{password}")?;
    Ok(password)
}

/// An open socket.
#[derive(Debug)]
pub struct EventSocket {
    listener: TcpListener,
    config: Arc<EventSocketConfig>,
}

impl EventSocket {
    /// Opens the socket. Has to be called inside a runtime.
    pub fn open(config: EventSocketConfig) -> io::Result<Self> {
        let socket =
            if config.listen.is_ipv4() { tokio::net::TcpSocket::new_v4()? } else { tokio::net::TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(config.listen)?;
        Ok(Self { listener: socket.listen(1024)?, config: Arc::new(config) })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves clients for ever.
    pub async fn serve(self, services: Arc<Services>) {
        let places = Arc::new(Semaphore::new(MOST_CLIENTS));
        let gate = Arc::new(gate::Gate::default());
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((stream, peer)) => {
                    let (services, config, gate) = (Arc::clone(&services), Arc::clone(&self.config), Arc::clone(&gate));
                    tokio::spawn(async move {
                        if let Err(error) = connection::serve(stream, peer, services, config, gate).await {
                            tracing::debug!(%peer, %error, "a client of the event socket");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the event socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_password_is_made_once() {
        let data = tempfile::tempdir().unwrap();
        let password = generated_password(data.path()).unwrap();
        assert!(password.len() >= 32);
        assert_eq!(generated_password(data.path()).unwrap(), password);
        let mode = std::fs::metadata(data.path().join(PASSWORD_FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
