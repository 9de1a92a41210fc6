//! A client of the event socket: that of `switch cli`. It speaks to a FreeSWITCH as well.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Time for the switch to accept, and to answer what is no command.
const PATIENCE: Duration = Duration::from_secs(10);
/// Longest frame that is taken, bytes.
const MAX_FRAME: usize = 64 << 20;

/// What the switch sends: headers and a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Frame {
    /// Name and value, in order.
    pub headers: Vec<(String, String)>,
    /// As many bytes as `Content-Length` says.
    pub body: String,
}

impl Frame {
    /// The first header of a name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// `Content-Type`.
    pub fn kind(&self) -> &str {
        self.header("Content-Type").unwrap_or_default()
    }
}

/// Why there is no conversation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The network.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The password is wrong.
    #[error("the switch does not accept the password")]
    Refused,
    /// The switch keeps this machine out.
    #[error("the switch does not let this machine in")]
    KeptOut,
    /// What it sends is not understood.
    #[error("what answers there is no event socket")]
    Stranger,
}

/// A connection. Dropping it ends the conversation.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    /// Connects and proves itself: with the password alone, or as `user@domain`.
    pub async fn connect(address: SocketAddr, user: Option<&str>, password: &str) -> Result<Self, ClientError> {
        let late = |_| io::Error::from(io::ErrorKind::TimedOut);
        let stream = timeout(PATIENCE, TcpStream::connect(address)).await.map_err(late)??;
        stream.set_nodelay(true)?;
        let mut client = Self { stream, buffer: Vec::new() };
        let greeting = timeout(PATIENCE, client.next()).await.map_err(late)??;
        match greeting.kind() {
            "auth/request" => {}
            "text/rude-rejection" => return Err(ClientError::KeptOut),
            _ => return Err(ClientError::Stranger),
        }
        let line = user.map_or_else(|| format!("auth {password}"), |user| format!("userauth {user}:{password}"));
        client.send(&format!("{line}\n\n")).await?;
        let reply = timeout(PATIENCE, client.next()).await.map_err(late)??;
        let accepted = reply.header("Reply-Text").is_some_and(|text| text.starts_with("+OK"));
        if accepted { Ok(client) } else { Err(ClientError::Refused) }
    }

    /// Sends bytes as they are.
    pub async fn send(&mut self, text: &str) -> io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(text.as_bytes())).await?
    }

    /// The next frame, however long that takes.
    pub async fn next(&mut self) -> Result<Frame, ClientError> {
        loop {
            if let Some(frame) = self.complete()? {
                return Ok(frame);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
        }
    }

    /// Runs a command and gives what it prints; frames of other kinds meanwhile go to `aside`.
    pub async fn command(&mut self, line: &str, aside: impl FnMut(&Frame)) -> Result<String, ClientError> {
        self.request(&format!("api {line}\nconsole_execute: true\n\n"), aside).await
    }

    /// Sends a request as it is and gives what is answered: an output, or the text of a reply.
    pub async fn request(&mut self, text: &str, mut aside: impl FnMut(&Frame)) -> Result<String, ClientError> {
        self.send(text).await?;
        loop {
            let frame = self.next().await?;
            match frame.kind() {
                "api/response" => return Ok(frame.body),
                "command/reply" => return Ok(frame.header("Reply-Text").unwrap_or_default().to_owned()),
                _ => aside(&frame),
            }
        }
    }

    fn complete(&mut self) -> Result<Option<Frame>, ClientError> {
        let Some(end) = memchr::memmem::find(&self.buffer, b"\n\n") else {
            return if self.buffer.len() > MAX_FRAME { Err(ClientError::Stranger) } else { Ok(None) };
        };
        let head = String::from_utf8_lossy(self.buffer.get(..end).unwrap_or_default()).into_owned();
        let split = |line: &str| line.split_once(':').map(|(name, value)| (name.to_owned(), value.trim().to_owned()));
        let mut frame = Frame { headers: head.lines().filter_map(split).collect(), body: String::new() };
        let length = frame.header("Content-Length").map_or(Ok(0), str::parse::<usize>);
        let length = length.ok().filter(|length| *length <= MAX_FRAME).ok_or(ClientError::Stranger)?;
        let start = end.saturating_add(2);
        let Some(body) = self.buffer.get(start..start.saturating_add(length)) else { return Ok(None) };
        frame.body = String::from_utf8_lossy(body).into_owned();
        self.buffer.drain(..start.saturating_add(length));
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    async fn answered(bytes: &'static [u8]) -> (Result<Client, ClientError>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(bytes).await.unwrap();
            let mut heard = Vec::new();
            let _ = stream.read_buf(&mut heard).await;
            String::from_utf8(heard).unwrap()
        });
        let client = Client::connect(address, None, "pw").await;
        (client, peer.await.unwrap())
    }

    #[tokio::test]
    async fn greetings() {
        let (client, heard) = answered(
            b"Content-Type: auth/request\n\nContent-Type: command/reply\nReply-Text: +OK accepted\n\n\
              Content-Type: api/response\nContent-Length: 3\n\nabc",
        )
        .await;
        assert_eq!(heard, "auth pw\n\n");
        assert_eq!(client.unwrap().next().await.unwrap().body, "abc");
        let refused = b"Content-Type: auth/request\n\nContent-Type: command/reply\nReply-Text: -ERR invalid\n\n";
        assert!(matches!(answered(refused).await.0, Err(ClientError::Refused)));
        let kept_out = b"Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n";
        assert!(matches!(answered(kept_out).await.0, Err(ClientError::KeptOut)));
        assert!(matches!(answered(b"HTTP/1.1 400 Bad\r\nA: b\n\n").await.0, Err(ClientError::Stranger)));
    }
}
