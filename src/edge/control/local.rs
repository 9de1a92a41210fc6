//! The control socket: a Unix socket in the data folder, for the switch's own commands on this machine.
//!
//! A client sends one line and gets one answer, `+OK …` or `-ERR …`; then the connection ends. Who may open the file may
//! give orders: its mode is 600.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Name of the socket in the data folder.
const NAME: &str = "switch.sock";
/// Longest command, bytes.
const MAX_COMMAND: u64 = 4096;
/// Longest answer a client reads, bytes.
const MAX_ANSWER: u64 = 16 << 20;
/// Clients at one time.
const MAX_CLIENTS: usize = 16;
/// Time for a client to say what it wants, and to take the answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Time for a command to be carried out.
const LONGEST_COMMAND: Duration = Duration::from_mins(2);

/// Carries out a command; the answer begins with `+OK` or `-ERR`. May block.
pub type Handler = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// The socket of a running switch. Dropping it removes the file.
#[derive(Debug)]
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl ControlSocket {
    /// Opens the socket of a data folder. An error: another switch serves that folder, or the file cannot be made.
    pub async fn open(data: &Path) -> io::Result<Self> {
        let path = data.join(NAME);
        if UnixStream::connect(&path).await.is_ok() {
            return Err(io::Error::new(io::ErrorKind::AddrInUse, "another switch uses this data folder"));
        }
        // Nobody can open it before its mode is set: it has another name until then.
        let fresh = data.join(format!("{NAME}.{}", std::process::id()));
        let _ = std::fs::remove_file(&fresh);
        let listener = UnixListener::bind(&fresh)?;
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600))?;
        std::fs::rename(&fresh, &path)?;
        Ok(Self { listener, path })
    }

    /// Serves clients until it is dropped.
    pub async fn serve(self, handler: Handler) {
        let places = Arc::new(Semaphore::new(MAX_CLIENTS));
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((client, _)) => {
                    let handler = Arc::clone(&handler);
                    tokio::spawn(async move {
                        if let Err(error) = serve(client, handler).await {
                            tracing::debug!(%error, "a client of the control socket");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the control socket");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

async fn serve(mut client: UnixStream, handler: Handler) -> io::Result<()> {
    let command = timeout(PATIENCE, line(&mut client)).await??;
    let work = tokio::task::spawn_blocking(move || handler(&command));
    let answer = match timeout(LONGEST_COMMAND, work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => format!("-ERR {error}\n"),
        Err(_) => format!("-ERR not done after {} s\n", LONGEST_COMMAND.as_secs()),
    };
    timeout(PATIENCE, client.write_all(answer.as_bytes())).await?
}

/// One line, without its end.
async fn line(client: &mut UnixStream) -> io::Result<String> {
    let mut text = Vec::new();
    let mut limited = client.take(MAX_COMMAND);
    while !text.contains(&b'\n') {
        if limited.read_buf(&mut text).await? == 0 {
            break;
        }
    }
    let text = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(String::from_utf8_lossy(text).trim().to_owned())
}

/// Gives a command to the switch that serves a data folder.
pub async fn ask(data: &Path, command: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(data.join(NAME)).await?;
    stream.write_all(format!("{command}\n").as_bytes()).await?;
    let mut answer = Vec::new();
    timeout(LONGEST_COMMAND, (&mut stream).take(MAX_ANSWER).read_to_end(&mut answer)).await??;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn handler() -> Handler {
        Arc::new(|command: &str| format!("+OK {command}\n"))
    }

    #[tokio::test]
    async fn one_command_one_answer() {
        let data = tempfile::tempdir().unwrap();
        let socket = ControlSocket::open(data.path()).await.unwrap();
        let path = data.path().join(NAME);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let server = tokio::spawn(socket.serve(handler()));
        assert_eq!(ask(data.path(), "reload now").await.unwrap(), "+OK reload now\n");
        assert!(ControlSocket::open(data.path()).await.is_err(), "the folder is taken");
        // a client that says nothing, or far too much, is in nobody's way
        let silent = UnixStream::connect(&path).await.unwrap();
        let mut talkative = UnixStream::connect(&path).await.unwrap();
        let _ = talkative.write_all(&vec![b'x'; 100_000]).await;
        assert_eq!(ask(data.path(), "again").await.unwrap(), "+OK again\n");
        drop(silent);
        server.abort();
        let _ = server.await;
        assert!(!path.exists());
        assert!(ask(data.path(), "x").await.is_err());
    }

    #[tokio::test]
    async fn a_dead_switch_leaves_nothing_in_the_way() {
        let data = tempfile::tempdir().unwrap();
        std::fs::write(data.path().join(NAME), "").unwrap();
        assert!(ControlSocket::open(data.path()).await.is_ok());
    }
}
