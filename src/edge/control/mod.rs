//! Event socket and control socket.

mod local;

pub use local::{ControlSocket, Handler, ask};
