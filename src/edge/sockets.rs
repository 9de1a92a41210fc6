//! TCP and HTTP for scripts (`require "socket"`): [`Network`] on a thread of its own, which begins with the first connection.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};
use ureq::Agent;
use ureq::http::Request;

use crate::call::lua::{Connection, Fetch, Fetched, Network, Told, Wanted};

/// For connections and requests without a limit of their own.
const USUAL_LIMIT: Duration = Duration::from_mins(1);
/// The longest wait there is; a script without an end must not keep a connection for ever.
const LONGEST: Duration = Duration::from_hours(24);
/// Octets of one answer, or of one line.
const LARGEST: usize = 16 << 20;
const LONGEST_LINE: usize = 1 << 20;
/// Octets that are read at a time.
const PIECE: usize = 8 << 10;

/// The network.
#[derive(Default)]
pub struct ScriptNetwork {
    /// Whose sockets they are: script threads have none, and those of calls must not wait for scripts. None: the system
    /// gives no thread.
    runtime: OnceLock<Option<Runtime>>,
}

impl ScriptNetwork {
    fn runtime(&self) -> Result<&Handle, String> {
        let runtime = self.runtime.get_or_init(|| {
            let built = Builder::new_multi_thread().worker_threads(1).thread_name("lua-net").enable_all().build();
            built.inspect_err(|error| tracing::error!(%error, "no thread for the connections of scripts")).ok()
        });
        runtime.as_ref().map(Runtime::handle).ok_or_else(|| "there is no thread for it".to_owned())
    }
}

impl Drop for ScriptNetwork {
    fn drop(&mut self) {
        if let Some(Some(runtime)) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Network for ScriptNetwork {
    fn connect(&self, host: String, port: u16, limit: Option<Duration>) -> Told<Result<Arc<dyn Connection>, String>> {
        let limit = limit.unwrap_or(USUAL_LIMIT).min(LONGEST);
        let runtime = match self.runtime() {
            Ok(runtime) => runtime,
            Err(why) => return Box::pin(std::future::ready(Err(why))),
        };
        let opened = runtime.spawn(async move {
            let stream = tokio::time::timeout(limit, TcpStream::connect((host.as_str(), port))).await;
            let stream = stream.map_err(|_| "timeout".to_owned())?.map_err(|error| words(&error))?;
            let (ours, theirs) = (stream.local_addr(), stream.peer_addr());
            let addresses = (ours.map_err(|error| words(&error))?, theirs.map_err(|error| words(&error))?);
            // Scripts write small requests and wait for the answer.
            let _ = stream.set_nodelay(true);
            let (read, write) = stream.into_split();
            Ok(Tcp {
                read: Arc::new(Mutex::new(BufReader::with_capacity(PIECE, read))),
                write: Arc::new(Mutex::new(write)),
                addresses,
            })
        });
        Box::pin(async move {
            let tcp = opened.await.unwrap_or_else(|_| Err("the switch stops".to_owned()))?;
            Ok(Arc::new(tcp) as Arc<dyn Connection>)
        })
    }

    fn fetch(&self, request: Fetch) -> Told<Result<Fetched, String>> {
        let runtime = match self.runtime() {
            Ok(runtime) => runtime,
            Err(why) => return Box::pin(std::future::ready(Err(why))),
        };
        let done = runtime.spawn_blocking(move || fetch(request));
        Box::pin(async move { done.await.unwrap_or_else(|_| Err("the switch stops".to_owned())) })
    }
}

/// As LuaSocket calls it.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::TimedOut => "timeout".to_owned(),
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::NotConnected
        | io::ErrorKind::UnexpectedEof => "closed".to_owned(),
        _ if error.to_string().contains("lookup address") => "host or service not provided, or not known".to_owned(),
        _ => error.to_string(),
    }
}

/// A connection. Reading and writing have a lock each, for two coroutines of one script.
struct Tcp {
    read: Arc<Mutex<BufReader<OwnedReadHalf>>>,
    write: Arc<Mutex<OwnedWriteHalf>>,
    addresses: (SocketAddr, SocketAddr),
}

fn deadline(limit: Option<Duration>) -> Instant {
    let now = Instant::now();
    now.checked_add(limit.unwrap_or(LONGEST).min(LONGEST)).unwrap_or(now)
}

impl Connection for Tcp {
    fn send(&self, data: Vec<u8>, limit: Option<Duration>) -> Told<(usize, Option<String>)> {
        let write = Arc::clone(&self.write);
        Box::pin(async move {
            let (until, mut sent) = (deadline(limit), 0);
            let mut write = write.lock().await;
            while let Some(rest) = data.get(sent..).filter(|rest| !rest.is_empty()) {
                match timeout_at(until, write.write(rest)).await {
                    Ok(Ok(0)) => return (sent, Some("closed".to_owned())),
                    Ok(Ok(count)) => sent += count,
                    Ok(Err(error)) => return (sent, Some(words(&error))),
                    Err(_) => return (sent, Some("timeout".to_owned())),
                }
            }
            (sent, None)
        })
    }

    fn receive(&self, wanted: Wanted, limit: Option<Duration>) -> Told<(Vec<u8>, Option<String>)> {
        let read = Arc::clone(&self.read);
        Box::pin(async move {
            let mut read = read.lock().await;
            let mut data = Vec::new();
            let ended = match timeout_at(deadline(limit), receive(&mut read, wanted, &mut data)).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(words(&error)),
                Err(_) => Some("timeout".to_owned()),
            };
            (data, ended)
        })
    }

    fn addresses(&self) -> (SocketAddr, SocketAddr) {
        self.addresses
    }
}

/// Fills `data`; what came before an error is in it.
async fn receive(read: &mut BufReader<OwnedReadHalf>, wanted: Wanted, data: &mut Vec<u8>) -> io::Result<()> {
    let most = match wanted {
        Wanted::Line => LONGEST_LINE,
        Wanted::All => LARGEST,
        Wanted::Octets(count) => count.min(LARGEST),
    };
    let too_much = || io::Error::other(format!("more than {most} octets"));
    loop {
        match wanted {
            Wanted::Octets(count) if count > LARGEST => return Err(too_much()),
            Wanted::Octets(count) if data.len() >= count => return Ok(()),
            _ if data.len() >= most => return Err(too_much()),
            Wanted::Line => match read.read_u8().await? {
                b'\n' => return Ok(()),
                b'\r' => {}
                other => data.push(other),
            },
            Wanted::All | Wanted::Octets(_) => {
                let room = (most - data.len()).min(PIECE);
                let mut piece = vec![0; room];
                let count = read.read(&mut piece).await?;
                data.extend_from_slice(piece.get(..count).unwrap_or_default());
                if count == 0 {
                    let whole = wanted == Wanted::All;
                    return if whole { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
                }
            }
        }
    }
}

/// One request, on a thread that may wait.
fn fetch(request: Fetch) -> Result<Fetched, String> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(request.limit.unwrap_or(USUAL_LIMIT).min(LONGEST)))
        .http_status_as_error(false)
        .max_redirects(5)
        .proxy(None)
        .user_agent(concat!("switch/", env!("CARGO_PKG_VERSION")))
        .allow_non_standard_methods(true)
        .build()
        .new_agent();
    let method = match (request.method.as_str(), &request.body) {
        ("", Some(_)) => "POST",
        ("", None) => "GET",
        (method, _) => method,
    };
    let mut asked = Request::builder().method(method).uri(&request.url);
    for (name, value) in &request.headers {
        // The library counts itself.
        if !name.eq_ignore_ascii_case("content-length") {
            asked = asked.header(name, value);
        }
    }
    let told = |error: ureq::Error| match error {
        ureq::Error::Timeout(_) => "timeout".to_owned(),
        ureq::Error::Io(error) => words(&error),
        ureq::Error::HostNotFound => "host or service not provided, or not known".to_owned(),
        ureq::Error::ConnectionFailed => "connection refused".to_owned(),
        other => other.to_string(),
    };
    let answer = match request.body {
        Some(body) => agent.run(asked.body(body).map_err(|error| error.to_string())?),
        None => agent.run(asked.body(()).map_err(|error| error.to_string())?),
    };
    let mut answer = answer.map_err(told)?;
    let headers = answer.headers().iter();
    let headers =
        headers.map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()));
    let (status, headers) = (answer.status().as_u16(), headers.collect());
    let body = answer.body_mut().with_config().limit(LARGEST as u64).read_to_vec().map_err(told)?;
    Ok(Fetched { status, headers, body })
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    const SOON: Option<Duration> = Some(Duration::from_millis(50));
    const LATE: Option<Duration> = Some(Duration::from_secs(30));

    /// A server that says this to whoever connects, and closes unless it is to stay.
    async fn server(says: &'static str, stays: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(says.as_bytes()).await.unwrap();
            if stays {
                std::future::pending::<()>().await;
            }
        });
        address
    }

    /// A connection, and whose thread carries it.
    async fn open(address: SocketAddr) -> (ScriptNetwork, Arc<dyn Connection>) {
        let network = ScriptNetwork::default();
        let connection = network.connect(address.ip().to_string(), address.port(), LATE).await.ok().unwrap();
        (network, connection)
    }

    #[tokio::test]
    async fn lines_counts_and_everything() {
        let (_network, tcp) = open(server("one\r\ntwo\nrest of it", false).await).await;
        for (wanted, data, error) in [
            (Wanted::Line, "one", None),
            (Wanted::Line, "two", None),
            (Wanted::Octets(4), "rest", None),
            (Wanted::Octets(0), "", None),
            (Wanted::All, " of it", None),
            (Wanted::Line, "", Some("closed")),
            (Wanted::Octets(1), "", Some("closed")),
        ] {
            let (got, why) = tcp.receive(wanted, LATE).await;
            assert_eq!((&*String::from_utf8_lossy(&got), why.as_deref()), (data, error), "{wanted:?}");
        }
    }

    #[tokio::test]
    async fn waits_end() {
        let (_network, tcp) = open(server("half", true).await).await;
        let (got, why) = tcp.receive(Wanted::Line, SOON).await;
        assert_eq!((&*got, why.as_deref()), (&b"half"[..], Some("timeout")));
        assert_eq!(tcp.send(b"x".to_vec(), LATE).await, (1, None));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let free = listener.local_addr().unwrap();
        drop(listener);
        let network = ScriptNetwork::default();
        let refused = network.connect("127.0.0.1".to_owned(), free.port(), LATE).await;
        assert_eq!(refused.err().as_deref(), Some("connection refused"));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_page_is_fetched() {
        const PAGE: &str =
            "HTTP/1.1 404 Not Found\r\nX-Kind: none\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry";
        // A server that closes with a request unread would reset the connection.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            assert!(head.starts_with(b"GET /a HTTP/1.1\r\n"));
            stream.write_all(PAGE.as_bytes()).await.unwrap();
        });
        let network = ScriptNetwork::default();
        let request = Fetch { url: format!("http://{address}/a"), limit: LATE, ..Fetch::default() };
        let answer = network.fetch(request).await.unwrap();
        assert_eq!((answer.status, &*answer.body), (404, &b"sorry"[..]));
        assert!(answer.headers.contains(&("x-kind".to_owned(), "none".to_owned())));
        let silent = server("", true).await;
        let request = Fetch { url: format!("http://{silent}/"), limit: SOON, ..Fetch::default() };
        assert_eq!(network.fetch(request).await, Err("timeout".to_owned()));
    }
}
