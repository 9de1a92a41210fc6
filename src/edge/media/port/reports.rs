//! RTCP of a port: a report every five seconds, a goodbye at the end.

use std::net::SocketAddr;

use crate::engine::rtp::rtcp::{Rtcp, SenderInfo, compound, ntp_of_unix, parse};

use super::super::clock::{Micros, SECOND, unix};
use super::Port;

/// Time between two reports (RFC 3550 6.2).
const INTERVAL: Micros = 5 * SECOND;

/// What is remembered from report to report.
#[derive(Debug, Default)]
pub(super) struct Reports {
    /// When the next one is due; none before the stream begins.
    pub(super) due: Option<Micros>,
    /// Middle of the NTP time of the far end's last report, and when it came.
    heard: Option<(u32, Micros)>,
    /// Where the far end's reports come from.
    source: Option<SocketAddr>,
    /// Packets sent up to the last report.
    sent: u64,
}

impl Port {
    /// Takes a datagram from the RTCP socket.
    pub(in super::super) fn receive_rtcp(&mut self, datagram: &[u8], from: SocketAddr, now: Micros) {
        let Some(stream) = self.stream.as_ref().filter(|stream| stream.latch.is_host(from)) else { return };
        let Ok(packets) = parse(datagram) else { return };
        // Reports on the RTP port are not an invitation to send some there.
        self.reports.source = (from != stream.latch.target()).then_some(from);
        for packet in packets {
            let blocks = match packet {
                Rtcp::SenderReport { sender, blocks, .. } => {
                    self.reports.heard = Some((sender.middle(), now));
                    blocks
                }
                Rtcp::ReceiverReport { blocks, .. } => blocks,
                _ => continue,
            };
            if let Some(block) = blocks.iter().find(|block| block.ssrc == self.out.ssrc()) {
                self.shared.note_remote_loss(block.fraction_lost);
            }
        }
    }

    /// Whether a datagram of the RTCP socket goes on as it is; where it came from is where those of the other side go.
    pub(in super::super) fn takes_raw(&mut self, from: SocketAddr) -> bool {
        let raw = self.stream.as_ref().is_some_and(|stream| stream.raw && stream.latch.is_host(from));
        if raw {
            self.reports.source = Some(from);
        }
        raw
    }

    /// Sends on what another port got on its RTCP socket. What the kernel does not take is lost.
    pub(in super::super) fn relay_rtcp(&self, datagram: &[u8]) {
        let Some(stream) = self.stream.as_ref().filter(|stream| stream.raw && stream.send) else { return };
        let target = self.reports.source.unwrap_or_else(|| stream.rtcp_target());
        if let Some(rtcp) = self.pair.rtcp() {
            let _ = rtcp.send_to(datagram, target);
        }
    }

    /// Begins reporting, not all ports at the same time.
    pub(super) fn begin_reports(&mut self, now: Micros) {
        let part = Micros::from(self.out.ssrc() % 1024);
        self.reports.due.get_or_insert(now + INTERVAL / 2 + INTERVAL * part / 2048);
    }

    /// Whether it is time to open the socket of RTCP.
    pub(in super::super) fn lacks_rtcp(&self) -> bool {
        let passes_on = self.stream.as_ref().is_some_and(|stream| stream.raw);
        self.pair.lacks_rtcp() && (passes_on || self.has_audio())
    }

    /// Sends the report that is due.
    pub(super) fn report(&mut self, now: Micros) {
        self.reports.due = Some(now + INTERVAL);
        self.send_report(false, now);
    }

    /// Says goodbye.
    pub(super) fn send_goodbye(&mut self, now: Micros) {
        self.send_report(true, now);
    }

    fn send_report(&mut self, goodbye: bool, now: Micros) {
        // Who passes packets on has nothing of its own to report.
        let Some(stream) = self.stream.as_ref().filter(|stream| !stream.raw) else { return };
        if !self.has_audio() {
            return;
        }
        let ssrc = self.out.ssrc();
        let (last_sr, since_sr) = self.reports.heard.map_or((0, 0), |(middle, heard)| {
            (middle, (now.saturating_sub(heard).saturating_mul(65_536) / SECOND) as u32)
        });
        let blocks = self.reception.report(last_sr, since_sr).into_iter().collect();
        let report = if self.sent > self.reports.sent {
            let sender = SenderInfo {
                ntp: ntp_of_unix(unix()),
                timestamp: self.out.timestamp_at(now),
                packets: self.sent as u32,
                octets: self.sent_octets as u32,
            };
            Rtcp::SenderReport { ssrc, sender, blocks }
        } else {
            Rtcp::ReceiverReport { ssrc, blocks }
        };
        self.reports.sent = self.sent;
        // A name that tells nothing of us (RFC 7022).
        let mut packets = vec![report, Rtcp::Description { names: vec![(ssrc, format!("{ssrc:08x}"))] }];
        if goodbye {
            packets.push(Rtcp::Bye { sources: vec![ssrc] });
        }
        let target = self.reports.source.filter(|_| stream.latch.moved()).unwrap_or_else(|| stream.rtcp_target());
        // A lost report is made up for by the next.
        if let Some(rtcp) = self.pair.rtcp() {
            let _ = rtcp.send_to(&compound(&packets), target);
        }
    }

    /// Whether packets went either way.
    fn has_audio(&self) -> bool {
        self.sent > 0 || self.reception.received() > 0
    }
}
