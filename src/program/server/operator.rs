//! What the operator may ask of the switch through API commands.

use std::sync::{Arc, OnceLock, Weak};

use tokio::sync::oneshot;

use super::{Reach, Server, StartError};
use crate::call::administration::{Administration, GatewayState, ProfileState, Registration, TraceOrder};
use crate::call::leg::ContactQuery;
use crate::edge::event_socket::TAP;
use crate::engine::sip::Transport;
use crate::engine::xml;
use crate::program::check::load;

/// The switch behind the commands; empty until it has started.
#[derive(Default)]
pub(super) struct Operator(OnceLock<Weak<Server>>);

impl Operator {
    pub(super) fn serve(&self, server: &Arc<Server>) {
        let _ = self.0.set(Arc::downgrade(server));
    }

    fn server(&self) -> Option<Arc<Server>> {
        self.0.get()?.upgrade()
    }
}

/// Work that reads files has a thread of its own.
fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> oneshot::Receiver<T> {
    let (reply, answer) = oneshot::channel();
    let started = std::thread::Builder::new().name("operator".to_owned()).spawn(move || drop(reply.send(work())));
    if let Err(error) = started {
        tracing::error!(%error, "no thread for the command");
    }
    answer
}

/// An error of a load as FreeSWITCH's clients expect it: `near line 59]: text`, in brackets of the caller.
fn short(error: &StartError) -> String {
    let text = error.to_string();
    let line = text.lines().find_map(|line| {
        let mut parts = line.rsplitn(3, ':');
        let (_, number) = (parts.next()?, parts.next()?);
        number.trim().parse::<u32>().ok()
    });
    let message = text.lines().nth(1).or_else(|| text.lines().next()).unwrap_or_default().trim();
    format!("near line {}]: {message}", line.unwrap_or(1))
}

impl Administration for Operator {
    fn reload(&self) -> oneshot::Receiver<Result<(), String>> {
        let server = self.server();
        apart(move || {
            let server = server.ok_or("the switch is not ready")?;
            server.reload(Reach::NoProfile).map(drop).map_err(|error| short(&error))
        })
    }

    fn rescan(&self, profile: &str) -> oneshot::Receiver<Result<Vec<String>, String>> {
        let (server, profile) = (self.server(), profile.to_owned());
        apart(move || {
            let server = server.ok_or("the switch is not ready")?;
            let reloaded = server.reload(Reach::Profile(&profile));
            let (_, unmet) = reloaded.map_err(|error| short(&error))?;
            Ok(unmet.iter().map(ToString::to_string).collect())
        })
    }

    fn locate(&self, section: &str, tag: Option<(&str, &str, &str)>) -> oneshot::Receiver<Option<String>> {
        let server = self.server();
        let section = section.to_owned();
        let tag = tag.map(|(tag, name, value)| [tag, name, value].map(str::to_owned));
        apart(move || {
            let loaded = load(&server?.subject).ok()?;
            let root = loaded.root?;
            if section.is_empty() || section == "root" {
                return Some(xml::written(&root));
            }
            let found = root.find("section", "name", &section)?;
            match tag {
                Some([tag, name, value]) => found.find(&tag, &name, &value).map(xml::written),
                None => Some(xml::written(found)),
            }
        })
    }

    fn file_exists(&self, path: &str) -> oneshot::Receiver<bool> {
        let path = std::path::PathBuf::from(path);
        apart(move || path.exists())
    }

    fn rotate(&self) {
        if let Some(server) = self.server() {
            server.rotate();
        }
    }

    fn registrations(&self) -> Vec<Registration> {
        let Some(server) = self.server() else { return Vec::new() };
        let factory = server.sip.factory();
        let all = server.registrations.all();
        let row = |binding: &Arc<crate::engine::sip::registrar::Binding>| {
            let query = ContactQuery {
                profile: Some(&binding.profile),
                user: &binding.user,
                domain: &binding.domain,
                user_agent: None,
            };
            let dialled = factory.contacts(&query).into_iter().find(|url| url.contains(binding.contact.as_str()));
            Registration {
                user: binding.user.clone(),
                realm: binding.domain.clone(),
                call_id: binding.call_id.clone(),
                url: dialled.unwrap_or_else(|| format!("sofia/{}/{}", binding.profile, binding.contact)),
                expires: binding.expires,
                ip: binding.received.ip().to_string(),
                port: binding.received.port(),
                transport: if binding.transport == Transport::Udp { "udp" } else { "tcp" },
                agent: binding.user_agent.clone(),
            }
        };
        all.iter().map(row).collect()
    }

    fn profiles(&self) -> Vec<ProfileState> {
        let Some(server) = self.server() else { return Vec::new() };
        let calls = server.sip.legs();
        let listening = server.sip.listening();
        let state = |(name, context, listen): (String, String, Option<std::net::SocketAddr>)| {
            let address = listen.filter(|address| address.port() != 0);
            let address = address.or_else(|| listening.first().map(|(_, address)| *address));
            let url = address.map(|address| format!("sip:mod_sofia@{address}")).unwrap_or_default();
            ProfileState { name, url, calls, context }
        };
        server.sip.profiles().into_iter().map(state).collect()
    }

    fn gateways(&self) -> Vec<GatewayState> {
        self.server().map(|server| server.sip.gateways()).unwrap_or_default()
    }

    fn trace(&self, order: TraceOrder<'_>) -> Result<(), String> {
        self.server().ok_or("the switch is not ready")?.sip.trace(order)
    }

    fn log_level(&self) -> u8 {
        TAP.level()
    }

    fn set_log_level(&self, level: u8) -> bool {
        TAP.set_level(level)
    }

    fn shutdown(&self, at_once: bool) {
        let Some(server) = self.server() else { return };
        server.stop_asked(at_once);
    }
}
