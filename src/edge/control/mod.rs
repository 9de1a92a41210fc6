//! Event socket and control socket.
