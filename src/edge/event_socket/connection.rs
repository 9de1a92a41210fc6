//! One client: bytes in, frames out, events between them.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::EventSocketConfig;
use super::gate::Gate;
use super::log_tap::{Follower, Line};
use super::wanted::Wanted;
use crate::call::clients::Controlled;
use crate::call::event::{Event, EventName, Filter, Subscription};
use crate::call::services::Services;
use crate::engine::event_socket::{Requests, disconnect_notice, event_head};

/// Events that may wait for one client.
const QUEUE: usize = 100_000;
/// Events in a row that a client may lose before it is sent away.
const MOST_LOST: u64 = 500;
/// Time for the first request.
const FIRST: Duration = Duration::from_secs(25);
/// Idle time after which a program's connection is probed, and between probes.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Time that events wait after others went out, for more to go out with them: waking a task and the kernel for each costs
/// more than writing it. FreeSWITCH looks for events every 20 ms.
const GATHER: Duration = Duration::from_millis(2);
/// Events heard in one go, before requests are looked at again.
const AT_ONCE: usize = 1000;
/// Bytes of frames that go out in one piece, about.
const PIECE: usize = 64 << 10;
/// Time for a client to take what it is sent.
const PATIENCE: Duration = Duration::from_mins(1);
/// What a client from elsewhere is told.
const GO_AWAY: &str = "Content-Type: text/rude-rejection\nContent-Length: 24\n\nAccess Denied, go away.\n";

/// How events are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Plain,
    Json,
    Xml,
}

impl Format {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Json => "json",
            Self::Xml => "xml",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Self> {
        [Self::Plain, Self::Json, Self::Xml].into_iter().find(|format| format.name().eq_ignore_ascii_case(word))
    }
}

/// What a user of the directory may do; nothing: everything.
#[derive(Debug, Default)]
pub(super) struct Rights {
    pub(super) api: Option<Vec<String>>,
    pub(super) events: Option<Vec<String>>,
    pub(super) no_log: bool,
}

/// How long a connection outlives its channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Linger {
    For(Duration),
    UntilClosed,
}

/// How a call has lent itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Outbound {
    /// What is asked is queued.
    pub(super) asynchronous: bool,
    /// Every command may be given.
    pub(super) full: bool,
}

/// The state of a client.
pub(super) struct Connection {
    pub(super) services: Arc<Services>,
    /// What `auth` has to say.
    pub(super) password: String,
    pub(super) admitted: bool,
    /// Who counts its wrong passwords, and where it is.
    pub(super) source: Option<(Arc<Gate>, IpAddr)>,
    pub(super) rights: Rights,
    pub(super) format: Format,
    pub(super) wanted: Wanted,
    pub(super) subscription: Option<Subscription>,
    pub(super) log: Option<Follower>,
    /// The channel it controls.
    pub(super) session: Option<Arc<str>>,
    /// Only events of that channel pass (`myevents`).
    pub(super) own_events: bool,
    /// The call has begun the connection.
    pub(super) outbound: Option<Outbound>,
    pub(super) linger: Option<Linger>,
    /// The end is near: nothing more is read.
    pub(super) leaving: bool,
    /// When a lingering connection ends.
    ends: Option<Instant>,
    /// Frames to send.
    out: Vec<u8>,
    /// Events lost so far.
    lost: u64,
}

impl Connection {
    fn new(services: Arc<Services>, password: String) -> Self {
        Self {
            services,
            password,
            admitted: false,
            source: None,
            rights: Rights::default(),
            format: Format::default(),
            wanted: Wanted::default(),
            subscription: None,
            log: None,
            session: None,
            own_events: false,
            outbound: None,
            linger: None,
            leaving: false,
            ends: None,
            out: Vec::new(),
            lost: 0,
        }
    }

    pub(super) fn say(&mut self, frame: &str) {
        self.out.extend_from_slice(frame.as_bytes());
    }

    /// Makes the bus send what is wanted now; false: there are too many listeners.
    pub(super) fn listen(&mut self) -> bool {
        if self.subscription.is_none() {
            self.subscription = self.services.events.bus().subscribe(QUEUE);
        }
        let Some(subscription) = &self.subscription else { return false };
        let mut filters = self.wanted.bus_filters();
        if self.session.is_some() {
            let needed = [EventName::CHANNEL_HANGUP, EventName::CHANNEL_DESTROY];
            filters.extend(needed.map(|name| Filter { name, subclass: None }));
        } else if filters.is_empty() {
            self.subscription = None;
            return true;
        }
        subscription.set(filters);
        true
    }

    /// An event of the bus. What the client did not ask for is only looked at.
    fn hear(&mut self, event: &Event) {
        let session = self.session.clone();
        let own = session.as_deref();
        let about = own.and_then(|_| event.get("Unique-ID"));
        let concerns = own
            .filter(|_| self.own_events)
            .is_none_or(|uuid| about == Some(uuid) || event.get("Job-Owner-UUID") == Some(uuid));
        if concerns && self.wanted.takes(event) && self.wanted.passes(event) {
            self.tell(event);
        }
        if own.is_some() && about == own {
            match event.name() {
                EventName::CHANNEL_HANGUP => self.session_hung_up(event),
                EventName::CHANNEL_DESTROY if self.linger.is_none() => self.leaving = true,
                _ => {}
            }
        }
    }

    /// The frame of an event. Its plain text goes out piece by piece, as the event has it.
    fn tell(&mut self, event: &Event) {
        let text = match self.format {
            Format::Plain => {
                self.say(&event_head(self.format.name(), event.plain_length()));
                event.write_plain(|piece| self.out.extend_from_slice(piece.as_bytes()));
                return;
            }
            Format::Json => event.json(),
            Format::Xml => event.xml().into(),
        };
        self.say(&event_head(self.format.name(), text.len()));
        self.say(&text);
    }

    /// Hears the events that wait, and writes them.
    async fn hear_waiting(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        for _ in 0..AT_ONCE {
            let Some(event) = self.subscription.as_mut().and_then(Subscription::pop) else { break };
            self.hear(&event);
            if self.leaving {
                break;
            }
            if self.out.len() >= PIECE {
                self.flush(stream).await?;
            }
        }
        Ok(())
    }

    /// Writes what there is to say; the buffer is kept, unless it became large.
    async fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        send(stream, &self.out).await?;
        self.out.clear();
        self.out.shrink_to(2 * PIECE);
        Ok(())
    }

    fn session_hung_up(&mut self, event: &Event) {
        let Some(linger) = self.linger else { return };
        let uuid = self.session.as_deref().unwrap_or_default();
        let name = event.get("Channel-Name").unwrap_or_default();
        let time = match linger {
            Linger::For(time) => {
                self.ends = Some(Instant::now() + time);
                format!("Linger-Time: {}\n", time.as_secs())
            }
            Linger::UntilClosed => String::new(),
        };
        let frame = format!(
            "Content-Type: text/disconnect-notice\nControlled-Session-UUID: {uuid}\nContent-Disposition: linger\n\
             Channel-Name: {name}\n{time}Content-Length: 0\n\n"
        );
        self.say(&frame);
    }

    fn log_line(&mut self, line: &Line) {
        let head = format!(
            "Content-Type: log/data\nContent-Length: {}\nLog-Level: {}\nText-Channel: 0\nLog-File: {}\nLog-Func: {}\n\
             Log-Line: {}\nUser-Data: \n\n",
            line.text.len(),
            line.level,
            line.file,
            line.function,
            line.number
        );
        self.say(&head);
        self.say(&line.text);
    }

    /// Whether the client has lost too much.
    fn is_hopeless(&mut self) -> bool {
        let lost = self.subscription.as_ref().map_or(0, Subscription::lost);
        let more = lost.saturating_sub(self.lost);
        if more > 0 && more < MOST_LOST {
            tracing::warn!(lost, "a client of the event socket does not read fast enough");
            self.lost = lost;
        }
        more >= MOST_LOST
    }
}

/// Serves a client until it leaves.
pub(super) async fn serve(
    mut stream: TcpStream,
    peer: SocketAddr,
    services: Arc<Services>,
    config: Arc<EventSocketConfig>,
    gate: Arc<Gate>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if !may_come_in(&services, &config, peer) || !gate.admits(peer.ip()) {
        tracing::warn!(%peer, "a client of the event socket is not allowed");
        return send(&mut stream, GO_AWAY.as_bytes()).await;
    }
    send(&mut stream, b"Content-Type: auth/request\n\n").await?;
    let mut client = Connection::new(services, config.password.clone());
    client.source = Some((gate, peer.ip()));
    talk(&mut stream, &mut client).await
}

/// Serves the program that a call has lent itself to, until it leaves or the call is over.
pub(super) async fn control(mut stream: TcpStream, services: Arc<Services>, call: &Controlled) -> io::Result<()> {
    stream.set_nodelay(true)?;
    socket2::SockRef::from(&stream)
        .set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE))?;
    let mut client = Connection::new(services, String::new());
    client.admitted = true;
    client.session = Some(Arc::clone(&call.uuid));
    client.outbound = Some(Outbound { asynchronous: call.asynchronous, full: call.full });
    client.listen();
    talk(&mut stream, &mut client).await
}

async fn talk(stream: &mut TcpStream, client: &mut Connection) -> io::Result<()> {
    converse(stream, client).await?;
    let notice = disconnect_notice(client.session.as_deref(), None);
    client.say(&notice);
    client.flush(stream).await?;
    stream.shutdown().await
}

/// Serves requests and events until the connection is to be closed by us; an error: it is closed already.
async fn converse(stream: &mut TcpStream, client: &mut Connection) -> io::Result<()> {
    let mut requests = Requests::default();
    let mut buffer = vec![0u8; 16 << 10];
    let patience = Instant::now() + FIRST;
    let mut spoke = false;
    // Events may go out again.
    let mut ready: Option<Instant> = None;
    loop {
        loop {
            match requests.take() {
                Ok(Some(request)) if !client.leaving => {
                    spoke = true;
                    // What happened before the request stands before its reply.
                    client.hear_waiting(stream).await?;
                    client.obey(&request).await;
                    client.flush(stream).await?;
                }
                Ok(_) => break,
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
        }
        if client.leaving {
            return Ok(());
        }
        if client.is_hopeless() {
            let notice = disconnect_notice(None, Some("killed listener because of lost events\n"));
            send(stream, notice.as_bytes()).await?;
            return Err(io::Error::new(io::ErrorKind::TimedOut, "too many events were lost"));
        }
        let until = if client.admitted && (spoke || client.outbound.is_none()) { client.ends } else { Some(patience) };
        tokio::select! {
            read = stream.read(&mut buffer) => match read? {
                0 => return Err(io::ErrorKind::ConnectionAborted.into()),
                length => requests.feed(buffer.get(..length).unwrap_or_default()),
            },
            Some(event) = next_event(&mut client.subscription), if ready.is_none() => {
                client.hear(&event);
                client.hear_waiting(stream).await?;
                ready = Some(Instant::now() + GATHER);
            }
            () = wait(ready), if ready.is_some() => ready = None,
            Some(line) = next_line(&mut client.log) => client.log_line(&line),
            () = wait(until) => return Ok(()),
        }
        client.flush(stream).await?;
    }
}

async fn next_event(subscription: &mut Option<Subscription>) -> Option<Arc<Event>> {
    match subscription {
        Some(subscription) => subscription.next().await,
        None => std::future::pending().await,
    }
}

async fn next_line(log: &mut Option<Follower>) -> Option<Arc<Line>> {
    match log {
        Some(log) => log.next().await,
        None => std::future::pending().await,
    }
}

async fn wait(until: Option<Instant>) {
    match until {
        Some(until) => drop(timeout_at(until, std::future::pending::<()>()).await),
        None => std::future::pending().await,
    }
}

async fn send(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    timeout(PATIENCE, stream.write_all(bytes)).await?
}

fn may_come_in(services: &Services, config: &EventSocketConfig, peer: SocketAddr) -> bool {
    let ip = peer.ip().to_canonical();
    if config.access.is_empty() {
        return ip.is_loopback();
    }
    let snapshot = services.snapshot.load();
    config.access.iter().all(|list| snapshot.directory.access_allows(list, ip))
}
