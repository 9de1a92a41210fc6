//! Where messages come from and go to: transports, flows, next hops. Addresses only; sockets are the edge's.

use std::fmt;
use std::net::SocketAddr;

use bytes::Bytes;

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Datagrams: the stack retransmits.
    Udp,
    /// A stream: messages are framed by [`super::Framer`].
    Tcp,
}

impl Transport {
    /// As written in Via: `UDP`, `TCP`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
        }
    }

    /// Whether the transport itself delivers, so that nothing is retransmitted.
    pub const fn is_reliable(self) -> bool {
        matches!(self, Self::Tcp)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One connection (TCP) or one socket (UDP); numbers are given by the shard loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FlowId(pub u64);

/// The way a message took to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Which connection or socket.
    pub id: FlowId,
    /// Its protocol.
    pub transport: Transport,
    /// Our address as this peer sees it: it is written into Via and Contact, so never a wildcard.
    pub local: SocketAddr,
    /// The sender.
    pub remote: SocketAddr,
}

/// The next hop of a request, already resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Target {
    /// Protocol to use.
    pub transport: Transport,
    /// Address to send to.
    pub destination: SocketAddr,
    /// Our address as that peer sees it: it is written into Via and Contact, so never a wildcard.
    pub local: SocketAddr,
    /// An existing connection to prefer (TCP).
    pub flow: Option<FlowId>,
}

impl Target {
    /// Back to where a message came from.
    pub const fn back(flow: &Flow) -> Self {
        let id = match flow.transport {
            Transport::Udp => None,
            Transport::Tcp => Some(flow.id),
        };
        Self { transport: flow.transport, destination: flow.remote, local: flow.local, flow: id }
    }
}

/// Bytes to send.
#[derive(Debug, Clone)]
pub struct Transmit {
    /// Protocol to use.
    pub transport: Transport,
    /// Address to send to.
    pub destination: SocketAddr,
    /// The connection to prefer; when it is gone, open one to `destination`.
    pub flow: Option<FlowId>,
    /// Our address as the peer sees it: names the socket to send from.
    pub local: SocketAddr,
    /// The whole message.
    pub bytes: Bytes,
}
