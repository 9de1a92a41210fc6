//! Sockets, files, threads and the only real clock.

mod beats;
pub mod control;
pub mod endpoint;
pub mod event_socket;
pub mod files;
pub mod machine;
pub mod media;
pub mod monitoring;
pub mod net;
pub mod sockets;
pub mod store;
pub mod watch;
