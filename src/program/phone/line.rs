//! The phone's signalling line: a UDP socket, or one TCP connection.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Mutex;

use super::message::{Message, take_from_stream};

/// Largest stream buffer before the connection is given up.
const STREAM_LIMIT: usize = 1 << 20;

/// How signalling travels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    #[default]
    Udp,
    /// One connection.
    Tcp,
}

impl Transport {
    /// As Via and `;transport=` write it.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
        }
    }
}

/// The sending side of a line; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Sender {
    way: Way,
    local: SocketAddr,
    remote: SocketAddr,
}

#[derive(Debug, Clone)]
enum Way {
    Udp(Arc<UdpSocket>),
    Tcp(Arc<Mutex<OwnedWriteHalf>>),
}

impl Sender {
    /// To `remote` over a shared datagram socket.
    pub(super) fn datagrams(socket: Arc<UdpSocket>, remote: SocketAddr) -> io::Result<Self> {
        Ok(Self { local: socket.local_addr()?, way: Way::Udp(socket), remote })
    }

    /// Sends one message.
    pub(super) async fn send(&self, message: &Message) -> io::Result<()> {
        let bytes = message.to_bytes();
        match &self.way {
            Way::Udp(socket) => socket.send_to(&bytes, self.remote).await.map(|_| ()),
            Way::Tcp(half) => half.lock().await.write_all(&bytes).await,
        }
    }

    /// How it travels.
    pub(super) fn transport(&self) -> Transport {
        match self.way {
            Way::Udp(_) => Transport::Udp,
            Way::Tcp(_) => Transport::Tcp,
        }
    }

    /// Our address.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Via and Contact host of this line.
    pub(super) fn via(&self, branch: &str) -> String {
        format!("SIP/2.0/{} {};branch={branch};rport", self.transport().name(), self.local)
    }

    /// A Contact URI of this line.
    pub(super) fn contact(&self, user: &str) -> String {
        match self.transport() {
            Transport::Udp => format!("<sip:{user}@{}>", self.local),
            Transport::Tcp => format!("<sip:{user}@{};transport=tcp>", self.local),
        }
    }
}

/// The receiving side.
#[derive(Debug)]
pub(super) enum Receiver {
    /// Datagrams.
    Udp(Arc<UdpSocket>, Vec<u8>),
    /// A connection and the bytes of an unfinished message.
    Tcp(OwnedReadHalf, Vec<u8>),
}

impl Receiver {
    /// Of a shared datagram socket.
    pub(super) fn datagrams(socket: Arc<UdpSocket>) -> Self {
        Receiver::Udp(socket, vec![0; 65_536])
    }

    /// The next message and where it came from. Bytes that are no message are passed over. May be dropped and called
    /// again without losing anything.
    pub(super) async fn receive(&mut self) -> io::Result<(Message, Option<SocketAddr>)> {
        loop {
            match self {
                Receiver::Udp(socket, buffer) => {
                    let (length, from) = match socket.recv_from(buffer).await {
                        Ok(got) => got,
                        // What an unreachable port answers to an earlier datagram.
                        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => continue,
                        Err(error) => return Err(error),
                    };
                    if let Ok(message) = Message::parse(buffer.get(..length).unwrap_or_default()) {
                        return Ok((message, Some(from)));
                    }
                }
                Receiver::Tcp(half, buffer) => {
                    match take_from_stream(buffer) {
                        Some(Ok(message)) => return Ok((message, None)),
                        Some(Err(error)) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
                        None => {}
                    }
                    if buffer.len() > STREAM_LIMIT {
                        return Err(io::Error::new(io::ErrorKind::InvalidData, "a message without end"));
                    }
                    if half.read_buf(buffer).await? == 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
            }
        }
    }
}

/// Opens a line to `remote`.
pub(super) async fn open(
    transport: Transport,
    local: SocketAddr,
    remote: SocketAddr,
) -> io::Result<(Sender, Receiver)> {
    match transport {
        Transport::Udp => {
            let socket = Arc::new(UdpSocket::bind(local).await?);
            Ok((Sender::datagrams(Arc::clone(&socket), remote)?, Receiver::datagrams(socket)))
        }
        Transport::Tcp => connected(TcpStream::connect(remote).await?),
    }
}

/// Both sides of a connection.
pub(super) fn connected(stream: TcpStream) -> io::Result<(Sender, Receiver)> {
    stream.set_nodelay(true)?;
    let (local, remote) = (stream.local_addr()?, stream.peer_addr()?);
    let (read, write) = stream.into_split();
    Ok((Sender { way: Way::Tcp(Arc::new(Mutex::new(write))), local, remote }, Receiver::Tcp(read, Vec::new())))
}
