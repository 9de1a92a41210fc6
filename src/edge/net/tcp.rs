//! TCP connections of the SIP listeners: accepting, opening, framing (RFC 3261 18.3), keep-alives (RFC 5626 3.5.1).
//!
//! [`Connections`] is one table for all threads. A connection's task lives on the runtime that accepted or opened it; any
//! thread may queue messages for it. Everything is bounded: connections, messages waiting per connection, bytes of an
//! unfinished message, and the time each step may take.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::NetError;
use crate::engine::sip::{FrameError, Framer};

/// Connections waiting to be accepted.
const BACKLOG: i32 = 1024;
/// Pause after a failed accept: descriptors are used up, and only time frees them.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Answer to a double CRLF.
const PONG: Bytes = Bytes::from_static(b"\r\n");
/// A keep-alive of ours (RFC 5626 3.5.1).
const PING: Bytes = Bytes::from_static(b"\r\n\r\n");

/// Limits of a table of connections.
#[derive(Debug, Clone)]
pub struct TcpLimits {
    /// Connections at once; further ones are closed at once, or not opened.
    pub connections: usize,
    /// Messages waiting to be written per connection; a peer that reads slower loses its connection.
    pub queue: usize,
    /// Longest silence of a peer.
    pub idle: Duration,
    /// Time for opening a connection, for its first message, for the rest of a message begun, and for one write.
    pub step: Duration,
    /// Largest body, bytes.
    pub max_body: usize,
    /// A connection on which nothing was sent for this long is sent a keep-alive; none: never.
    pub ping: Option<Duration>,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            connections: 4096,
            queue: 256,
            idle: Duration::from_mins(30),
            step: Duration::from_secs(10),
            max_body: 65_535,
            ping: None,
        }
    }
}

/// The two ends of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// Number of the connection, never reused.
    pub id: u64,
    /// Our address as the peer knows it: where it connected to, or what the opener said.
    pub local: SocketAddr,
    /// The peer.
    pub remote: SocketAddr,
}

/// Takes what arrives. `message` and `unreadable` may wait: the connection is not read meanwhile.
pub trait TcpSink: Send + Sync + 'static {
    /// A whole message.
    fn message(&self, peer: Peer, bytes: Bytes) -> impl Future<Output = ()> + Send;
    /// The stream cannot be followed any further; it closes after the next message written, or soon.
    fn unreadable(&self, peer: Peer, error: FrameError) -> impl Future<Output = ()> + Send;
    /// The connection is gone.
    fn closed(&self, peer: Peer);
    /// No connection could be opened to this address.
    fn refused(&self, remote: SocketAddr);
}

/// Why a message was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TcpError {
    /// Too many connections.
    #[error("too many TCP connections")]
    Full,
    /// The peer does not read; its connection was closed.
    #[error("the peer does not read what it is sent")]
    Stalled,
}

/// One TCP listener, not yet attached to a runtime.
#[derive(Debug)]
pub struct BoundTcp {
    listener: std::net::TcpListener,
    local: SocketAddr,
}

impl BoundTcp {
    /// Binds and listens.
    pub fn bind(address: SocketAddr) -> Result<Self, NetError> {
        let failed = |source| NetError::Bind { protocol: "TCP", address, source };
        let listener = listen(address).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, local })
    }

    /// Where it is bound, port resolved.
    pub fn local(&self) -> SocketAddr {
        self.local
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // Only lets a restart bind while old connections linger; a second listener is still refused.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[derive(Debug)]
struct Entry {
    remote: SocketAddr,
    queue: mpsc::Sender<Bytes>,
}

#[derive(Debug, Default)]
struct Table {
    next: u64,
    by_id: HashMap<u64, Entry>,
    /// The newest connection to each peer.
    by_remote: HashMap<SocketAddr, u64>,
}

/// All connections.
#[derive(Debug)]
pub struct Connections<S> {
    limits: TcpLimits,
    sink: S,
    table: Mutex<Table>,
}

impl<S: TcpSink> Connections<S> {
    /// None yet. Numbers count up from `first`.
    pub fn new(limits: TcpLimits, first: u64, sink: S) -> Arc<Self> {
        Arc::new(Self { limits, sink, table: Mutex::new(Table { next: first, ..Table::default() }) })
    }

    /// How many there are, those being opened included.
    pub fn len(&self) -> usize {
        self.table().by_id.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether there is a connection to this address.
    pub fn is_connected(&self, remote: SocketAddr) -> bool {
        self.table().by_remote.contains_key(&remote)
    }

    /// Accepts connections until the task is ended. Runs inside a tokio runtime.
    pub async fn accept(self: Arc<Self>, bound: BoundTcp) -> io::Result<()> {
        let listener = TcpListener::from_std(bound.listener)?;
        loop {
            match listener.accept().await {
                Ok((stream, remote)) => self.accepted(stream, remote),
                Err(error) => {
                    tracing::warn!(%error, local = %bound.local, "TCP accept");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Queues a message: for the connection of this number, else for one to `remote`, else for a new one, opened from
    /// the address of `local`. Runs inside a tokio runtime, which a new connection lives on. What could not be delivered
    /// after that is told by [`TcpSink::closed`] or [`TcpSink::refused`].
    pub fn send(
        self: &Arc<Self>,
        id: Option<u64>,
        local: SocketAddr,
        remote: SocketAddr,
        bytes: Bytes,
    ) -> Result<(), TcpError> {
        let mut table = self.table();
        let known = id
            .filter(|id| table.by_id.contains_key(id))
            .or_else(|| table.by_remote.get(&remote).copied())
            .and_then(|id| table.by_id.get(&id).map(|entry| (id, entry.queue.clone())));
        if let Some((id, queue)) = known {
            return match queue.try_send(bytes) {
                Ok(()) => Ok(()),
                Err(error) => {
                    tracing::debug!(%error, %remote, "TCP connection given up");
                    table.remove(id);
                    Err(TcpError::Stalled)
                }
            };
        }
        let (peer, queue, waiting) = table.add(&self.limits, local, remote).ok_or(TcpError::Full)?;
        drop(table);
        // The queue is empty and has room for at least one.
        let _ = queue.try_send(bytes);
        let guard = Guard { connections: Arc::clone(self), peer, opened: false };
        tokio::spawn(open(guard, waiting));
        Ok(())
    }

    /// Lets all connections go; what is queued is still written.
    pub fn close(&self) {
        let mut table = self.table();
        table.by_id.clear();
        table.by_remote.clear();
    }

    fn accepted(self: &Arc<Self>, stream: TcpStream, remote: SocketAddr) {
        let Ok(local) = stream.local_addr() else { return };
        let Some((peer, queue, waiting)) = self.table().add(&self.limits, local, remote) else {
            tracing::warn!(%remote, "TCP connection refused: too many");
            return;
        };
        let guard = Guard { connections: Arc::clone(self), peer, opened: true };
        tokio::spawn(serve(guard, stream, queue, waiting));
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn add(
        &mut self,
        limits: &TcpLimits,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Option<(Peer, mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>)> {
        if self.by_id.len() >= limits.connections {
            return None;
        }
        let (queue, waiting) = mpsc::channel(limits.queue.max(1));
        let id = self.next;
        self.next = self.next.saturating_add(1);
        self.by_id.insert(id, Entry { remote, queue: queue.clone() });
        self.by_remote.insert(remote, id);
        Some((Peer { id, local, remote }, queue, waiting))
    }

    fn remove(&mut self, id: u64) {
        if let Some(entry) = self.by_id.remove(&id)
            && self.by_remote.get(&entry.remote) == Some(&id)
        {
            self.by_remote.remove(&entry.remote);
        }
    }
}

/// Takes a connection out of the table however its task ends.
struct Guard<S: TcpSink> {
    connections: Arc<Connections<S>>,
    peer: Peer,
    opened: bool,
}

impl<S: TcpSink> Drop for Guard<S> {
    fn drop(&mut self) {
        self.connections.table().remove(self.peer.id);
        if self.opened {
            self.connections.sink.closed(self.peer);
        } else {
            self.connections.sink.refused(self.peer.remote);
        }
    }
}

async fn open<S: TcpSink>(mut guard: Guard<S>, waiting: mpsc::Receiver<Bytes>) {
    let Peer { local, remote, id } = guard.peer;
    match timeout(guard.connections.limits.step, connect(local, remote)).await {
        Ok(Ok(stream)) => {
            guard.opened = true;
            let queue = guard.connections.table().by_id.get(&id).map(|entry| entry.queue.clone());
            if let Some(queue) = queue {
                serve(guard, stream, queue, waiting).await;
            }
        }
        Ok(Err(error)) => tracing::debug!(%error, %remote, "TCP connect"),
        Err(_) => tracing::debug!(%remote, "TCP connect: no answer in time"),
    }
}

async fn connect(local: SocketAddr, remote: SocketAddr) -> io::Result<TcpStream> {
    let socket = if remote.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // An address told to the outside need not be one of ours: then the system chooses.
    let _ = socket.bind(SocketAddr::new(local.ip(), 0));
    socket.connect(remote).await
}

async fn serve<S: TcpSink>(
    guard: Guard<S>,
    stream: TcpStream,
    queue: mpsc::Sender<Bytes>,
    waiting: mpsc::Receiver<Bytes>,
) {
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    let pongs = queue.downgrade();
    // The table holds the only strong sender: removing the entry ends the writer.
    drop(queue);
    let step = guard.connections.limits.step;
    let marks = Marks::default();
    let written = write_all(writer, waiting, &guard.connections.limits, &marks);
    tokio::pin!(written);
    tokio::select! {
        () = &mut written => return,
        readable = read_all(&guard, reader, pongs, &marks) => if readable { return },
    }
    // Time for the answer to what could not be read.
    let _ = timeout(step, written).await;
}

/// Reads until the peer is gone; false when what it sends cannot be read.
async fn read_all<S: TcpSink>(
    guard: &Guard<S>,
    mut reader: OwnedReadHalf,
    pongs: mpsc::WeakSender<Bytes>,
    marks: &Marks,
) -> bool {
    let Connections { limits, sink, .. } = &*guard.connections;
    let mut framer = Framer::new(limits.max_body);
    let mut begun = false;
    loop {
        let patience = if begun && framer.pending() == 0 { limits.idle } else { limits.step };
        match timeout(patience, reader.read_buf(framer.buffer())).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0) | Err(_)) => return true,
            Err(_) => {
                tracing::debug!(remote = %guard.peer.remote, "TCP connection silent for too long");
                return true;
            }
        }
        begun = true;
        if marks.owed.load(Ordering::Relaxed) > 0 && framer.take_pong() {
            marks.owed.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        loop {
            let next = framer.next_message();
            for _ in 0..framer.pings() {
                if let Some(queue) = pongs.upgrade() {
                    let _ = queue.try_send(PONG);
                }
            }
            match next {
                Ok(Some(message)) => sink.message(guard.peer, message).await,
                Ok(None) => break,
                Err(error) => {
                    tracing::debug!(%error, remote = %guard.peer.remote, "TCP stream");
                    marks.last.store(true, Ordering::Relaxed);
                    sink.unreadable(guard.peer, error).await;
                    return false;
                }
            }
        }
    }
}

/// What reader and writer of a connection tell one another.
#[derive(Debug, Default)]
struct Marks {
    /// What is written next is the last.
    last: AtomicBool,
    /// Keep-alives of ours without an answer.
    owed: AtomicU32,
}

/// Writes what is queued, and keep-alives, until the queue is closed and empty, a write fails, or the last message is out.
async fn write_all(mut writer: OwnedWriteHalf, mut waiting: mpsc::Receiver<Bytes>, limits: &TcpLimits, marks: &Marks) {
    loop {
        let next = match limits.ping {
            Some(ping) => timeout(ping, waiting.recv()).await,
            None => Ok(waiting.recv().await),
        };
        let bytes = match next {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return,
            Err(_) => {
                marks.owed.fetch_add(1, Ordering::Relaxed);
                PING
            }
        };
        match timeout(limits.step, writer.write_all(&bytes)).await {
            Ok(Ok(())) if !marks.last.load(Ordering::Relaxed) => {}
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq)]
    enum Seen {
        Message(Peer, String),
        Unreadable(Peer),
        Closed(u64),
        Refused(SocketAddr),
    }

    struct Kept(mpsc::UnboundedSender<Seen>);

    impl TcpSink for Kept {
        async fn message(&self, peer: Peer, bytes: Bytes) {
            let _ = self.0.send(Seen::Message(peer, String::from_utf8_lossy(&bytes).into_owned()));
        }
        async fn unreadable(&self, peer: Peer, _: FrameError) {
            let _ = self.0.send(Seen::Unreadable(peer));
        }
        fn closed(&self, peer: Peer) {
            let _ = self.0.send(Seen::Closed(peer.id));
        }
        fn refused(&self, remote: SocketAddr) {
            let _ = self.0.send(Seen::Refused(remote));
        }
    }

    const OPTIONS: &str = "OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";

    fn table(limits: TcpLimits) -> (Arc<Connections<Kept>>, SocketAddr, mpsc::UnboundedReceiver<Seen>) {
        let (seen, events) = mpsc::unbounded_channel();
        let connections = Connections::new(limits, 100, Kept(seen));
        let bound = BoundTcp::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let local = bound.local();
        tokio::spawn(Arc::clone(&connections).accept(bound));
        (connections, local, events)
    }

    async fn read(stream: &mut TcpStream) -> String {
        let mut buffer = [0; 256];
        let length = stream.read(&mut buffer).await.unwrap_or(0);
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    }

    #[tokio::test]
    async fn messages_are_framed_answered_and_pinged() {
        let (connections, local, mut events) = table(TcpLimits::default());
        let mut stream = TcpStream::connect(local).await.unwrap();
        for piece in OPTIONS.as_bytes().chunks(7) {
            stream.write_all(piece).await.unwrap();
        }
        let remote = stream.local_addr().unwrap();
        let peer = Peer { id: 100, local, remote };
        assert_eq!(events.recv().await, Some(Seen::Message(peer, OPTIONS.to_owned())));
        connections.send(Some(100), local, remote, Bytes::from_static(b"answer")).unwrap();
        assert_eq!(read(&mut stream).await, "answer");
        connections.send(Some(7), local, remote, Bytes::from_static(b"by address")).unwrap();
        assert_eq!(read(&mut stream).await, "by address");
        stream.write_all(b"\r\n\r\n").await.unwrap();
        assert_eq!(read(&mut stream).await, "\r\n");
        drop(stream);
        assert_eq!(events.recv().await, Some(Seen::Closed(100)));
        assert!(connections.is_empty());
    }

    #[tokio::test]
    async fn quiet_connections_are_kept_alive() {
        let limits = TcpLimits {
            ping: Some(Duration::from_millis(40)),
            step: Duration::from_millis(200),
            ..TcpLimits::default()
        };
        let (_connections, local, mut events) = table(limits);
        let mut stream = TcpStream::connect(local).await.unwrap();
        // For longer than half a message may take: an answer is no half of one.
        for _ in 0..10 {
            assert_eq!(read(&mut stream).await, "\r\n\r\n");
            stream.write_all(b"\r\n").await.unwrap();
        }
        stream.write_all(OPTIONS.as_bytes()).await.unwrap();
        assert!(matches!(events.recv().await, Some(Seen::Message(_, text)) if text == OPTIONS));
        drop(stream);
        assert_eq!(events.recv().await, Some(Seen::Closed(100)));
    }

    #[tokio::test]
    async fn what_is_no_sip_gets_one_answer_and_is_closed() {
        let (connections, local, mut events) = table(TcpLimits::default());
        let mut stream = TcpStream::connect(local).await.unwrap();
        stream.write_all(b"X a SIP/2.0\r\nl: 99999999\r\n\r\n").await.unwrap();
        let Some(Seen::Unreadable(peer)) = events.recv().await else { panic!() };
        connections.send(Some(peer.id), local, peer.remote, Bytes::from_static(b"513")).unwrap();
        assert_eq!(read(&mut stream).await, "513");
        assert_eq!(read(&mut stream).await, "");
        assert_eq!(events.recv().await, Some(Seen::Closed(100)));
    }

    #[tokio::test]
    async fn connections_are_opened_and_refusals_told() {
        let (connections, _, mut events) = table(TcpLimits::default());
        let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (here, there) = ("127.0.0.1:5060".parse().unwrap(), far.local_addr().unwrap());
        connections.send(None, here, there, Bytes::from_static(b"one")).unwrap();
        connections.send(None, here, there, Bytes::from_static(b"two")).unwrap();
        let (mut stream, from) = far.accept().await.unwrap();
        assert_eq!(from.ip(), here.ip());
        let mut both = [0; 6];
        stream.read_exact(&mut both).await.unwrap();
        assert_eq!(&both, b"onetwo");
        stream.write_all(OPTIONS.as_bytes()).await.unwrap();
        let peer = Peer { id: 100, local: here, remote: there };
        assert_eq!(events.recv().await, Some(Seen::Message(peer, OPTIONS.to_owned())));
        connections.close();
        assert_eq!(read(&mut stream).await, "");
        assert_eq!(events.recv().await, Some(Seen::Closed(100)));
        drop((far, stream));
        connections.send(None, here, there, Bytes::from_static(b"x")).unwrap();
        assert_eq!(events.recv().await, Some(Seen::Refused(there)));
    }

    #[tokio::test]
    async fn limits_hold() {
        let limits = TcpLimits { connections: 1, step: Duration::from_millis(20), ..TcpLimits::default() };
        let (connections, local, mut events) = table(limits);
        let mut first = TcpStream::connect(local).await.unwrap();
        let mut second = TcpStream::connect(local).await.unwrap();
        assert_eq!(read(&mut second).await, "", "one too many");
        first.write_all(b"OPT").await.unwrap();
        assert_eq!(read(&mut first).await, "", "an unfinished message may not take for ever");
        assert_eq!(events.recv().await, Some(Seen::Closed(100)));
        assert!(connections.is_empty());
    }
}
