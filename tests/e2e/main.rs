//! Calls through the real binary: real SIP and RTP on 127.0.0.1, ports chosen by the kernel.

mod baresip;
mod event_socket;
mod faults;
mod gateways;
mod kamailio;
mod late_offers;
mod limits;
mod lua_conf;
mod matrix;
mod messages;
mod monitoring;
mod passing;
mod peer;
mod peers;
mod presence;
<<<<<<< HEAD
mod recording;
mod records;
=======
mod refer;
>>>>>>> 765e5ba (call: REFER with Replaces of another switch's dialog)
mod registrar;
mod reliable;
mod reload;
mod scripts;
mod session_timers;
mod sipp;
mod sipsak;
mod support;
mod users_docs;
mod voice;
