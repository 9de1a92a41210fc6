//! Media threads: RTP sockets and 20 ms clocks.
