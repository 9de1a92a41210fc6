//! Sockets: bytes in, bytes out. UDP ports, TCP connections with SIP framing, and the question which of our addresses a
//! peer sees. Nothing here knows calls; what a message means is the business of `edge::endpoint`.

mod dns;
mod route;
mod tcp;
mod udp;

use std::io;
use std::net::SocketAddr;

pub use dns::Dns;
pub use route::Routes;
pub use tcp::{BoundTcp, Connections, Peer, TcpError, TcpLimits, TcpSink};
pub use udp::{BoundUdp, MAX_DATAGRAM, UdpErrors, UdpPort, bind_shards};

/// Why a listener could not be set up.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetError {
    /// The address cannot be bound.
    #[error("cannot listen on {protocol} {address}: {source}")]
    Bind {
        /// `UDP` or `TCP`.
        protocol: &'static str,
        /// The address asked for.
        address: SocketAddr,
        /// The system's answer.
        source: io::Error,
    },
}
