//! UDP sockets of one SIP listener: one per shard on the same address (`SO_REUSEPORT`), with large receive buffers.
//!
//! The kernel spreads senders over the sockets by address pair; sorting by Call-ID is the shards' business.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::Arc;
use std::task::{Context, Poll};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::Interest;
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
        Ok(UdpPort { socket: Arc::new(UdpSocket::from_std(self.socket)?), local: self.local })
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
        // Without it a closed port is found out by the silence of 32 s.
        if let Err(error) = tell_errors(&socket, address) {
            tracing::debug!(%error, %address, "no ICMP errors are told");
        }
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    let socket: std::net::UdpSocket = socket.into();
    let local = socket.local_addr()?;
    Ok(BoundUdp { socket, local })
}

/// Has the kernel keep ICMP errors together with the destination they belong to.
fn tell_errors(socket: &impl AsFd, address: SocketAddr) -> Result<(), Errno> {
    if address.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)
    }
}

/// The ICMP errors of one socket.
#[derive(Debug)]
pub struct UdpErrors(Arc<UdpSocket>);

impl UdpErrors {
    /// Waits for the next address that cannot be reached: closed port, no such host or network. An error here means that
    /// the socket is gone.
    pub async fn next(&self) -> io::Result<SocketAddr> {
        loop {
            if let Some(address) = self.0.async_io(Interest::ERROR, || next_error(&self.0)).await? {
                return Ok(address);
            }
        }
    }
}

/// Takes one error off the queue; none: one that says nothing about the destination.
fn next_error(socket: &UdpSocket) -> io::Result<Option<SocketAddr>> {
    // What comes back is the beginning of our own message, as much of it as the far end has quoted.
    let mut beginning = [0; 8];
    let mut parts = [IoSliceMut::new(&mut beginning)];
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let unreachable = message.cmsgs()?.any(|control| {
        let error = match control {
            ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => error.ee_errno,
            _ => return false,
        };
        let error = i32::try_from(error).map(Errno::from_raw);
        matches!(error, Ok(Errno::ECONNREFUSED | Errno::EHOSTUNREACH | Errno::ENETUNREACH))
    });
    let address = message.address.filter(|_| unreachable);
    // Nobody waits for the fate of a response: strangers could make us look after as many as they like.
    let address = address.filter(|_| beginning != *b"SIP/2.0 ");
    Ok(address.and_then(|address| {
        let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::from((v4.ip(), v4.port())));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::from((v6.ip(), v6.port()))))
    }))
}

/// One socket attached to a shard's runtime.
#[derive(Debug)]
pub struct UdpPort {
    socket: Arc<UdpSocket>,
    local: SocketAddr,
}

impl UdpPort {
    /// Where it is bound.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Its ICMP errors; to be taken by one task.
    pub fn errors(&self) -> UdpErrors {
        UdpErrors(Arc::clone(&self.socket))
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
            Err(_) => self.socket.try_send_to(bytes, to).map(|_| ()),
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
    async fn a_closed_port_is_told_and_others_are_served() {
        let port = bind_shards("127.0.0.1:0".parse().unwrap(), 1).unwrap().remove(0).attach().unwrap();
        let closed = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let peer = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let errors = port.errors();
        port.socket.writable().await.unwrap();
        for _ in 0..2 {
            port.send(closed, b"anybody there?").unwrap();
            port.send(peer.local_addr().unwrap(), b"hello").unwrap();
            let told = tokio::time::timeout(std::time::Duration::from_secs(5), errors.next()).await.unwrap();
            assert_eq!(told.unwrap(), closed);
            let mut buffer = [0; 8];
            assert_eq!(peer.recv(&mut buffer).unwrap(), 5);
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
