//! The listener: `/metrics`, `/health`, `/ready`. It answers GET, reads no body, and keeps no connection for long.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::Listener;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use super::monitor::Monitor;

/// Connections at a time; further ones wait to be accepted.
const MAX_CONNECTIONS: usize = 64;
/// A connection ends after this, whatever it does.
const LONGEST: Duration = Duration::from_secs(30);
/// Between two rounds of upkeep.
const UPKEEP: Duration = Duration::from_secs(5);

/// The switch, as those see it who watch it.
pub trait Watched: Send + Sync {
    /// Sets the gauges.
    fn measure(&self, monitor: &Monitor);

    /// The parts that must be alive, and whether each is.
    fn parts(&self) -> Vec<(&'static str, bool)>;

    /// Why new calls are not taken; none: they are.
    fn refuses(&self) -> Option<&'static str>;
}

#[derive(Clone)]
struct Shown {
    monitor: Arc<Monitor>,
    watched: Arc<dyn Watched>,
}

/// The open listener.
pub struct HttpListener {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

impl HttpListener {
    /// Opens it; port 0 lets the system choose. To be called inside a runtime.
    pub fn open(address: SocketAddr) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let listener = TcpListener::from_std(listener)?;
        Ok(Self { listener, places: Arc::new(Semaphore::new(MAX_CONNECTIONS)) })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until it is dropped.
    pub async fn serve(self, monitor: Arc<Monitor>, watched: Arc<dyn Watched>) {
        let kept = Arc::clone(&monitor);
        let upkeep = async move {
            loop {
                sleep(UPKEEP).await;
                kept.upkeep();
            }
        };
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/health", get(health))
            .route("/ready", get(ready))
            .with_state(Shown { monitor, watched });
        tokio::select! {
            served = axum::serve(self, router) => {
                if let Err(error) = served {
                    tracing::error!(%error, "the HTTP listener has ended");
                }
            }
            () = upkeep => {}
        }
    }
}

async fn metrics(State(shown): State<Shown>) -> impl IntoResponse {
    shown.watched.measure(&shown.monitor);
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], shown.monitor.text())
}

async fn health(State(shown): State<Shown>) -> impl IntoResponse {
    let parts = shown.watched.parts();
    let status = if parts.iter().all(|(_, alive)| *alive) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let lines: Vec<String> =
        parts.iter().map(|(part, alive)| format!("{part}: {}\n", if *alive { "ok" } else { "dead" })).collect();
    (status, lines.concat())
}

async fn ready(State(shown): State<Shown>) -> impl IntoResponse {
    match shown.watched.refuses() {
        None => (StatusCode::OK, "ready\n".to_owned()),
        Some(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
    }
}

impl Listener for HttpListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let place = Arc::clone(&self.places).acquire_owned().await.ok();
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    let until = Box::pin(sleep_until(Instant::now() + LONGEST));
                    return (Connection { stream, until, _place: place }, from);
                }
                Err(error) => {
                    tracing::warn!(%error, "the HTTP listener");
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.address()
    }
}

/// A connection that ends in time and counts while it lives.
pub struct Connection {
    stream: TcpStream,
    until: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.until.as_mut().poll(context).is_ready() {
            // As if the client had closed it.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, from: &[u8]) -> Poll<io::Result<usize>> {
        if self.until.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, from)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
