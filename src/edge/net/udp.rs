//! UDP sockets of one SIP listener: one per shard on the same address (`SO_REUSEPORT`), with large receive buffers.
//!
//! The kernel spreads senders over the sockets by address pair; sorting by Call-ID is the shards' business.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::NetError;

/// Bytes of receive buffer asked for; bursts of hundreds of calls arrive between two wake-ups. The kernel may grant less.
const RECEIVE_BUFFER: usize = 4 << 20;
/// Bytes of send buffer asked for.
const SEND_BUFFER: usize = 1 << 20;
/// Largest datagram there is.
pub const MAX_DATAGRAM: usize = 65_535;

/// One bound UDP socket, not yet attached to a runtime.
#[derive(Debug)]
pub struct BoundUdp {
    socket: std::net::UdpSocket,
    local: SocketAddr,
}

impl BoundUdp {
    /// Where it is bound, port resolved.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Attaches it to the runtime of the calling thread.
    pub fn attach(self) -> io::Result<UdpPort> {
        Ok(UdpPort { socket: UdpSocket::from_std(self.socket)?, local: self.local })
    }
}

/// Binds one socket per shard on `address`; with port 0 the first bind chooses.
///
/// A first bind without port sharing makes sure that no other process (a second switch, for one) listens there already:
/// the kernel would let both share the port and hand each a part of the calls.
pub fn bind_shards(address: SocketAddr, shards: usize) -> Result<Vec<BoundUdp>, NetError> {
    let failed = |source| NetError::Bind { protocol: "UDP", address, source };
    let probe = open(address, false).map_err(failed)?;
    let local = probe.local;
    drop(probe);
    (0..shards.max(1)).map(|_| open(local, true).map_err(failed)).collect()
}

fn open(address: SocketAddr, shared: bool) -> io::Result<BoundUdp> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if shared {
        socket.set_reuse_port(true)?;
        // Best effort: the kernel caps both at its own maximum.
        let _ = socket.set_recv_buffer_size(RECEIVE_BUFFER);
        let _ = socket.set_send_buffer_size(SEND_BUFFER);
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let socket: std::net::UdpSocket = socket.into();
    let local = socket.local_addr()?;
    Ok(BoundUdp { socket, local })
}

/// One socket attached to a shard's runtime.
#[derive(Debug)]
pub struct UdpPort {
    socket: UdpSocket,
    local: SocketAddr,
}

impl UdpPort {
    /// Where it is bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Ready when there is something to read.
    pub fn poll_readable(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.socket.poll_recv_ready(context)
    }

    /// Waits until there is something to read.
    pub async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Hands at most `most` waiting datagrams to `each`; returns how many there were.
    pub fn drain(&self, buffer: &mut [u8], most: usize, mut each: impl FnMut(SocketAddr, &[u8])) -> usize {
        for count in 0..most {
            match self.socket.try_recv_from(buffer) {
                Ok((length, from)) => each(from, buffer.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return count,
                // An ICMP error of an earlier send: it says nothing about the socket.
                Err(error) => tracing::debug!(%error, local = %self.local, "UDP receive"),
            }
        }
        most
    }

    /// Sends one datagram. A full send buffer drops it, as the network may: retransmission is the transaction's job.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) -> io::Result<()> {
        match self.socket.try_send_to(bytes, to) {
            Ok(_) => Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            // The error may belong to an earlier datagram: once more tells.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                self.socket.try_send_to(bytes, to).map(|_| ())
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_one_port_and_strangers_do_not() {
        let sockets = bind_shards("127.0.0.1:0".parse().unwrap(), 3).unwrap();
        let local = sockets[0].local();
        assert_ne!(local.port(), 0);
        assert!(sockets.iter().all(|socket| socket.local() == local));
        let error = bind_shards(local, 1).unwrap_err();
        assert!(error.to_string().contains(&local.to_string()), "{error}");
    }

    #[test]
    fn both_families_may_use_one_port() {
        let v4 = bind_shards("0.0.0.0:0".parse().unwrap(), 1).unwrap();
        let port = v4[0].local().port();
        match bind_shards(SocketAddr::new("::".parse().unwrap(), port), 1) {
            Ok(v6) => assert_eq!(v6[0].local().port(), port),
            Err(error) => eprintln!("no IPv6 here: {error}"),
        }
    }

    #[tokio::test]
    async fn a_burst_is_drained_in_one_go() {
        let port = bind_shards("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0).attach().unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        for n in 0..5_u8 {
            peer.send_to(&[n], port.local()).unwrap();
        }
        port.readable().await.unwrap();
        let mut got = Vec::new();
        let mut buffer = [0; 16];
        let count = port.drain(&mut buffer, 4, |from, bytes| got.push((from, bytes.to_vec())));
        assert_eq!(count, 4);
        assert_eq!(got[3], (peer.local_addr().unwrap(), vec![3]));
        assert_eq!(port.drain(&mut buffer, 4, |_, _| ()), 1);
        port.send(peer.local_addr().unwrap(), b"back").unwrap();
        let mut answer = [0; 8];
        assert_eq!(peer.recv(&mut answer).unwrap(), 4);
    }
}
