//! `socket`: a program takes the call over (spec: event socket, 7).

use super::Call;
use crate::call::channel::Phase;
use crate::call::clients::Controlled;
use crate::call::event::EventName;
use crate::words::model::Cause;

/// Port of a host that names none.
const PORT: u16 = 8084;
/// Hosts one application may name.
const MOST_HOSTS: usize = 16;

impl Call {
    /// Lends the channel to the first program that listens; goes on when the program leaves. Programs that cannot be
    /// reached change nothing.
    pub async fn lend_to_program(&mut self, data: &str) {
        let mut words = data.split_whitespace();
        let Some(target) = words.next() else {
            tracing::error!("socket: no host is named");
            return;
        };
        let flags: Vec<&str> = words.collect();
        let has = |flag: &str| flags.iter().any(|word| word.eq_ignore_ascii_case(flag));
        let (asynchronous, full) = (has("async"), has("full"));
        let hosts = target.split('|').take(MOST_HOSTS).map(address).collect();
        let (host, path) = target.split('|').next().unwrap_or(target).split_once('/').unwrap_or((target, ""));
        self.a.variables.set("socket_host", host);
        self.a.variables.set("socket_path", path);
        let controlled = Controlled { uuid: self.a.uuid.clone(), hosts, asynchronous, full };
        let connected = self.services.clients.lend(controlled);
        let Ok(mut ended) = self.serve_while(connected).await else {
            tracing::error!(target, "socket: no program can be reached");
            return;
        };
        if !self.executing() {
            return;
        }
        if asynchronous {
            self.a.phase = Phase::Park;
            self.fire(EventName::CHANNEL_PARK, &[]);
        }
        let mut left = false;
        while self.executing() && !left {
            tokio::select! {
                biased;
                _ = &mut ended => left = true,
                _ = self.next(None) => {}
            }
            self.run_executions().await;
        }
        if asynchronous {
            self.fire(EventName::CHANNEL_UNPARK, &[]);
            if self.a.phase == Phase::Park {
                self.a.phase = Phase::Execute;
            }
            if left && self.executing() && !self.is_true("socket_resume") {
                self.hangup(Cause::NORMAL_CLEARING);
            }
        }
    }
}

/// `host[:port][/path]` with a port.
fn address(text: &str) -> String {
    let host = text.split('/').next().unwrap_or(text);
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(before, port)| port.parse::<u16>().is_ok() && (!before.contains(':') || before.ends_with(']')));
    if has_port { host.to_owned() } else { format!("{host}:{PORT}") }
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses() {
        for (text, expected) in [
            ("127.0.0.1", "127.0.0.1:8084"),
            ("127.0.0.1:9/x/y", "127.0.0.1:9"),
            ("[::1]", "[::1]:8084"),
            ("[::1]:5", "[::1]:5"),
            ("host/p", "host:8084"),
        ] {
            assert_eq!(address(text), expected, "{text}");
        }
    }
}
