//! When an account at another switch registers and pings, and whether it may be called. Pure: the time is an argument;
//! messages are sent by who asks [`Client::due`].
//!
//! ```text
//! Unregistered -> Trying -> Registered -> (shortly before the end) Trying
//!                    |-> Waiting (refused, or no answer in time) -> Trying
//! ```

use std::time::{Duration, Instant};

/// Settings of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientSettings {
    /// Whether it registers at all.
    pub register: bool,
    /// Time asked for.
    pub expires: u32,
    /// Pause after a failed attempt; it grows with their number, but for overload and silence.
    pub retry: Duration,
    /// How long an answer is awaited.
    pub timeout: Duration,
    /// Pause between pings; none: no pings.
    pub ping: Option<Duration>,
    /// Good pings from which it is up.
    pub ping_min: u32,
    /// Good pings that are remembered: so many bad ones less [`ClientSettings::ping_min`] may fail before it is down.
    pub ping_max: u32,
}

/// Where a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientState {
    /// It does not register.
    NoRegistration,
    /// Nothing was sent yet, or the registration is to be renewed.
    Unregistered,
    /// A REGISTER is out until then.
    Trying(Instant),
    /// Registered; to be renewed then.
    Registered(Instant),
    /// The last attempt failed; the next is then.
    Waiting(Instant),
}

/// What is to be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duty {
    /// A REGISTER for so many seconds.
    Register(u32),
    /// An OPTIONS.
    Ping,
}

/// Failed attempts that still lengthen the pause.
const MOST_FAILURES: u32 = 60;

/// One account.
#[derive(Debug)]
pub struct Client {
    settings: ClientSettings,
    state: ClientState,
    expires: u32,
    failures: u32,
    /// The last attempt that ended was good.
    registered: bool,
    ping_due: Option<Instant>,
    /// Good pings, at most `ping_max`.
    ping_count: u32,
    reachable: bool,
}

impl Client {
    /// Before anything was sent.
    pub fn new(now: Instant, settings: ClientSettings) -> Self {
        let state = if settings.register { ClientState::Unregistered } else { ClientState::NoRegistration };
        Self {
            settings,
            state,
            expires: settings.expires,
            failures: 0,
            registered: false,
            ping_due: settings.ping.map(|_| now),
            ping_count: settings.ping_max,
            reachable: true,
        }
    }

    /// The client of an account whose settings changed: it registers anew at once, and until the answer counts as what it
    /// was before.
    pub fn renewed(now: Instant, settings: ClientSettings, before: &Self) -> Self {
        Self { registered: before.registered, reachable: before.reachable, ..Self::new(now, settings) }
    }

    /// Where it stands.
    pub fn state(&self) -> ClientState {
        self.state
    }

    /// Whether calls may go there: not while it answers no pings, and not before it is registered where it is to be.
    pub fn is_up(&self) -> bool {
        // While a registration is renewed the old one still holds.
        self.reachable && (self.registered || self.state == ClientState::NoRegistration)
    }

    /// What is to be sent now; it counts as sent.
    pub fn due(&mut self, now: Instant) -> Vec<Duty> {
        let mut duties = Vec::new();
        if let ClientState::Trying(until) = self.state
            && until <= now
        {
            self.unanswered(now);
        }
        let register = match self.state {
            ClientState::Unregistered => true,
            ClientState::Registered(at) | ClientState::Waiting(at) => at <= now,
            ClientState::NoRegistration | ClientState::Trying(_) => false,
        };
        if register {
            self.state = ClientState::Trying(now + self.settings.timeout);
            duties.push(Duty::Register(self.expires));
        }
        if let (Some(due), Some(pause)) = (self.ping_due, self.settings.ping)
            && due <= now
        {
            self.ping_due = Some(now + pause);
            duties.push(Duty::Ping);
        }
        duties
    }

    /// The REGISTER was taken, for so many seconds.
    pub fn registered(&mut self, now: Instant, seconds: u32) {
        let early = if seconds > 60 { 15 } else { 2 };
        let pause = Duration::from_secs(u64::from(seconds.saturating_sub(early).max(1)));
        self.failures = 0;
        self.registered = true;
        self.state = ClientState::Registered(now + pause);
    }

    /// The interval was too brief (423): the next attempt, made at once, asks for more. False when it did already.
    pub fn too_brief(&mut self, shortest: u32) -> bool {
        let longer = shortest > self.expires;
        if longer {
            self.expires = shortest;
            self.state = ClientState::Unregistered;
        }
        longer
    }

    /// The REGISTER was refused.
    pub fn refused(&mut self, now: Instant, status: u16) {
        self.failures = self.failures.saturating_add(1).min(MOST_FAILURES);
        self.registered = false;
        let times = if status == 503 { 1 } else { self.failures };
        self.state = ClientState::Waiting(now + self.settings.retry * times);
    }

    /// No answer came, or nothing could be sent.
    pub fn unanswered(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1).min(MOST_FAILURES);
        self.registered = false;
        self.state = ClientState::Waiting(now + self.settings.retry);
    }

    /// A ping was answered with this status; 408 stands for none, 503 for a broken transport. True: up or down changed.
    pub fn pinged(&mut self, status: u16) -> bool {
        let good = (200..600).contains(&status) && !matches!(status, 408 | 503);
        let ClientSettings { ping_min, ping_max, .. } = self.settings;
        self.ping_count =
            if good { self.ping_count.saturating_add(1).min(ping_max) } else { self.ping_count.saturating_sub(1) };
        let before = self.reachable;
        self.reachable = if good { before || self.ping_count >= ping_min } else { self.ping_count >= ping_min };
        if before && !self.reachable && matches!(self.state, ClientState::Registered(_)) {
            // Who answers nothing has probably forgotten us.
            self.state = ClientState::Unregistered;
        }
        before != self.reachable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTINGS: ClientSettings = ClientSettings {
        register: true,
        expires: 3600,
        retry: Duration::from_secs(30),
        timeout: Duration::from_mins(1),
        ping: None,
        ping_min: 1,
        ping_max: 1,
    };

    /// Any instant.
    #[expect(clippy::disallowed_methods, reason = "an instant to count from")]
    fn start() -> Instant {
        Instant::now()
    }

    fn after(now: Instant, seconds: u64) -> Instant {
        now + Duration::from_secs(seconds)
    }

    #[test]
    fn registrations_are_renewed() {
        let now = start();
        for (granted, pause) in [(3600, 3585), (60, 58), (1, 1)] {
            let mut client = Client::new(now, SETTINGS);
            assert_eq!(client.due(now), [Duty::Register(3600)]);
            assert!(client.due(now).is_empty() && !client.is_up(), "not registered yet");
            client.registered(now, granted);
            assert_eq!(client.state(), ClientState::Registered(after(now, pause)));
            assert!(client.due(after(now, pause - 1)).is_empty());
            assert_eq!(client.due(after(now, pause)), [Duty::Register(3600)]);
            assert!(client.is_up(), "while it is renewed");
        }
    }

    #[test]
    fn failures_wait_longer_each_time() {
        let now = start();
        let mut client = Client::new(now, SETTINGS);
        for (status, pause) in [(403, 30), (403, 60), (503, 30), (403, 120)] {
            client.refused(now, status);
            assert_eq!(client.state(), ClientState::Waiting(after(now, pause)), "{status}");
            assert!(!client.is_up());
        }
        client.registered(now, 3600);
        assert!(client.is_up());
        assert_eq!(client.due(after(now, 3600)), [Duty::Register(3600)]);
        assert!(client.due(after(now, 3661)).is_empty() && !client.is_up(), "no answer within the time");
        assert_eq!(client.due(after(now, 3691)), [Duty::Register(3600)]);
    }

    #[test]
    fn a_longer_interval_is_asked_for_once() {
        let now = start();
        let mut client = Client::new(now, ClientSettings { expires: 30, ..SETTINGS });
        client.due(now);
        assert!(client.too_brief(120));
        assert_eq!(client.due(now), [Duty::Register(120)]);
        assert!(!client.too_brief(120));
    }

    #[test]
    fn pings_tell_up_from_down() {
        let now = start();
        let ping = Some(Duration::from_secs(10));
        let mut client =
            Client::new(now, ClientSettings { register: false, ping, ping_min: 2, ping_max: 3, ..SETTINGS });
        assert_eq!(client.due(now), [Duty::Ping]);
        assert!(client.due(after(now, 9)).is_empty());
        assert_eq!(client.due(after(now, 10)), [Duty::Ping]);
        let mut seen = |status| (client.pinged(status), client.is_up());
        assert_eq!(seen(408), (false, true));
        assert_eq!(seen(503), (true, false));
        assert_eq!(seen(404), (true, true), "any other answer is a sign of life");
        assert_eq!(seen(200), (false, true));
    }

    #[test]
    fn who_answers_no_pings_is_registered_anew() {
        let now = start();
        let mut client = Client::new(now, ClientSettings { ping: Some(Duration::from_secs(9)), ..SETTINGS });
        client.due(now);
        client.registered(now, 3600);
        assert!(client.pinged(408));
        assert_eq!(client.due(now), [Duty::Register(3600)]);
    }
}
