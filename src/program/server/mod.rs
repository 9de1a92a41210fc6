//! The switch itself: loads the configuration, starts media, scripts and SIP, and holds them together until it is told to
//! stop. A reload swaps the configuration that new calls see; a broken one leaves the present one in force.

mod clients;
mod commands;
mod hooks;
mod monitoring;
mod operator;
mod scripts;
mod stories;

pub use clients::Clients;
use clients::Serving;
use monitoring::Watching;
use operator::Operator;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::watch;

use crate::call::cdr::RecordSink;
use crate::call::control::ScriptHost;
use crate::call::event::{EventName, Events, Filter, Origin};
use crate::call::leg::{ContactQuery, DialRequest, Incoming, LegCommand, LegFactory, Prepared};
use crate::call::limits::Limits;
use crate::call::lua::{LuaConfig, LuaHost, Policy};
use crate::call::media::MediaEngine;
use crate::call::pickup::Pickups;
use crate::call::scheduler::Scheduler;
use crate::call::services::{Globals, Services};
use crate::call::status::Status;
use crate::call::task;
use crate::edge::endpoint::sip::{ProfileSettings, Registrations, SipEndpoint, SipSettings, SipStartError, Unmet};
use crate::edge::endpoint::{
    CallStarter, Endpoints, ErrorEndpoint, GroupEndpoint, LoopbackEndpoint, NullEndpoint, PickupEndpoint, UserEndpoint,
};
use crate::edge::event_socket::OutboundClients;
use crate::edge::machine::Machine;
use crate::edge::media::{MediaConfig, MediaStartError, MediaThreads};
use crate::edge::monitoring::Monitor;
use crate::edge::net::TcpLimits;
use crate::edge::sockets::ScriptNetwork;
use crate::edge::store::{LocalStore, RecordError, RecordFolders, Records, SqliteFiles, StoreError};
use crate::engine::config::Directory;
use crate::engine::sip::Transport;
use crate::program::check::{Loaded, Subject, load};
use crate::program::snapshot::snapshot;
use crate::words::model::Cause;
use crate::words::text::{Severity, render};
use stories::Stories;

/// Events of mailboxes that may wait.
const MAILBOX_EVENTS: usize = 1_000;

/// How a switch is started.
#[derive(Debug, Clone)]
pub struct ServerConfig {
    /// What it loads.
    pub subject: Subject,
    /// Where SIP listens; empty: where the profiles say.
    pub sip: Vec<SocketAddr>,
    /// First and last RTP port.
    pub rtp: (u16, u16),
    /// Whether client programs are served, and how.
    pub clients: Clients,
    /// Where figures are shown over HTTP; none: nowhere, and nothing is counted.
    pub http: Option<SocketAddr>,
    /// Folder of call records.
    pub data: PathBuf,
    /// Calls whose stories are kept for `switch explain --uuid`; 0: none.
    pub stories: usize,
}

impl ServerConfig {
    /// The usual folders below one, SIP where the profiles say.
    pub fn below(folder: &Path) -> Self {
        Self {
            subject: Subject::below(folder),
            sip: Vec::new(),
            clients: Clients::default(),
            http: None,
            rtp: (16_384, 32_768),
            data: folder.join("data"),
            stories: 0,
        }
    }
}

/// Why a switch does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// There is nothing to load.
    #[error("{0}")]
    Nothing(String),
    /// The configuration is broken; the text lists every mistake.
    #[error("the configuration cannot be used:\n{0}")]
    Configuration(String),
    /// Media.
    #[error(transparent)]
    Media(#[from] MediaStartError),
    /// SIP.
    #[error(transparent)]
    Sip(#[from] SipStartError),
    /// The threads of scripts.
    #[error("cannot start script threads: {0}")]
    Scripts(std::io::Error),
    /// Records.
    #[error(transparent)]
    Records(#[from] RecordError),
    /// Registrations, or the store of `db`.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The HTTP listener.
    #[error("the HTTP listener: {0}")]
    Http(String),
    /// The event socket.
    #[error("the event socket: {0}")]
    EventSocket(String),
}

/// What a configuration holds, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Contexts.
    pub contexts: usize,
    /// Extensions of all contexts.
    pub extensions: usize,
    /// Users of all domains.
    pub users: usize,
    /// Lua scripts.
    pub scripts: usize,
    /// Prompts.
    pub prompts: usize,
    /// Warnings and errors that do not keep it from running.
    pub mistakes: usize,
}

/// A running switch.
pub struct Server {
    services: Arc<Services>,
    sip: Arc<SipEndpoint>,
    media: Arc<MediaThreads>,
    scripts: Arc<LuaHost>,
    /// Scripts that run at events.
    hooks: hooks::Hooks,
    records: Arc<Records>,
    registrations: Arc<Registrations>,
    directory: Arc<ArcSwap<Directory>>,
    subject: Subject,
    summary: Mutex<Summary>,
    stories: Arc<Stories>,
    /// Held by the reload that is under way.
    reloading: Mutex<()>,
    /// Where figures are shown.
    watching: Mutex<Option<Watching>>,
    /// Where clients of the event socket are served.
    event_socket: Mutex<Option<Serving>>,
    /// Somebody wants the switch to end; true: at once.
    asked_to_stop: watch::Sender<Option<bool>>,
}

/// Starts the task of a call on the thread that owns its signalling.
#[derive(Default)]
struct Starter {
    services: OnceLock<Arc<Services>>,
    stories: OnceLock<Arc<Stories>>,
}

impl CallStarter for Starter {
    fn start(&self, incoming: Incoming) {
        // Until the switch has started completely, a dropped leg is refused with 480.
        let Some(services) = self.services.get().map(Arc::clone) else { return };
        if services.status.paused_inbound.load(Ordering::Relaxed) {
            // As in FreeSWITCH: 503 while the switch is paused.
            let Incoming { mut leg, .. } = incoming;
            let (headers, phrase) = (vec![("Retry-After".to_owned(), "300".to_owned())], None);
            leg.send(LegCommand::Reject { status: 503, phrase, headers, challenge: None });
            return;
        }
        match self.stories.get().and_then(|stories| stories.begin(&incoming)) {
            Some(observer) => drop(tokio::spawn(task::rehearse(services, incoming, observer, false))),
            None => drop(tokio::spawn(task::run(services, incoming))),
        }
    }

    fn admits(&self, legs: usize) -> bool {
        self.services.get().is_none_or(|services| services.status.admits(legs, (services.now_us)()))
    }

    fn tell(&self, subclass: &'static str, headers: &[(&str, &str)]) {
        if let Some(services) = self.services.get() {
            services.events.fire(EventName::CUSTOM, Some(subclass), headers);
        }
    }
}

/// Which SIP profiles take part in a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach<'a> {
    /// None, as with FreeSWITCH's `reloadxml`.
    NoProfile,
    /// The one of this name: `sofia profile <name> rescan`.
    Profile(&'a str),
    /// All.
    AllProfiles,
}

/// `sofia/` before and after the SIP endpoint runs.
#[derive(Default)]
struct LateSofia(OnceLock<Arc<dyn LegFactory>>);

impl LegFactory for LateSofia {
    fn prepare(&self, request: &DialRequest<'_>) -> Result<Prepared, Cause> {
        self.0.get().ok_or(Cause::INVALID_PROFILE)?.prepare(request)
    }

    fn contacts(&self, query: &ContactQuery<'_>) -> Vec<String> {
        self.0.get().map(|sofia| sofia.contacts(query)).unwrap_or_default()
    }
}

impl Server {
    /// Loads and starts everything.
    pub fn start(config: &ServerConfig) -> Result<Arc<Self>, StartError> {
        let loaded = load(&config.subject).map_err(StartError::Nothing)?;
        if loaded.root.is_none() {
            return Err(StartError::Configuration(render(&loaded.sources, &loaded.diagnostics)));
        }
        report(&loaded);
        let logs = loaded.globals.get("log_dir").map_or_else(|| PathBuf::from("log"), PathBuf::from);
        let folders = RecordFolders { data: config.data.clone(), databases: config.data.join("db"), logs };
        let switch = Arc::new(scripts::Switch::default());
        let records = Arc::new(Records::open(folders, Arc::clone(&switch) as _)?);
        records.configure(&loaded.settings.records);
        let monitor = config.http.map(|_| Arc::new(Monitor::new()));
        let meters = monitor.as_ref().map(|monitor| monitor.meters()).unwrap_or_default();
        let sink: Arc<dyn RecordSink> = match &monitor {
            Some(monitor) => monitor.counting(Arc::clone(&records) as _),
            None => Arc::clone(&records) as _,
        };
        let store = LocalStore::open(&config.data.join("db/call_limit.db"))?;
        let registrations = Arc::new(Registrations::open(&config.data.join("bindings.db"))?);
        let media = MediaThreads::start(MediaConfig {
            rtp_low: config.rtp.0,
            rtp_high: config.rtp.1,
            sounds: config.subject.sounds.clone(),
            ..MediaConfig::default()
        })?;
        let starter = Arc::new(Starter::default());
        let sofia = Arc::new(LateSofia::default());
        let directory = Arc::new(ArcSwap::from(Arc::clone(&loaded.directory)));
        let globals = Globals::new(loaded.globals.clone());
        if globals.get("core_uuid").is_none() {
            globals.set("core_uuid", &uuid::Uuid::new_v4().to_string());
        }
        let mut lua =
            LuaConfig::new(config.subject.scripts.clone(), Arc::clone(&switch) as _, Arc::clone(&switch) as _);
        lua.anchors = Some(Arc::clone(&switch) as _);
        lua.policy = script_policy(&config.subject, &loaded);
        lua.meters = meters.clone();
        lua.network = Some(Arc::new(ScriptNetwork::default()));
        lua.databases = Some(Arc::new(SqliteFiles::below(config.data.join("db"))));
        let events = Arc::clone(&lua.events);
        let origin = Origin {
            core_uuid: globals.get("core_uuid").unwrap_or_default(),
            hostname: globals.get("hostname").unwrap_or_else(|| "localhost".to_owned()),
            switchname: globals.get("switchname").unwrap_or_else(|| "switch".to_owned()),
            address: globals.get("local_ip_v4").unwrap_or_else(|| "127.0.0.1".to_owned()),
            ..Origin::default()
        };
        let operator = Arc::new(Operator::default());
        let programs = Arc::new(OutboundClients::default());
        let scripts = Arc::new(LuaHost::new(lua).map_err(StartError::Scripts)?);
        let services = Arc::new_cyclic(|this: &std::sync::Weak<Services>| {
            let weak = this.clone();
            let pickups: Arc<Pickups> = Arc::default();
            let global = move |name: &str| weak.upgrade().and_then(|services| services.globals.get(name));
            let global: crate::edge::endpoint::Globals = Arc::new(global);
            let user = UserEndpoint::new(Arc::clone(&directory), Arc::clone(&global));
            let pickup = PickupEndpoint::new(Arc::clone(&pickups), global);
            let loopback = LoopbackEndpoint::new(Arc::clone(&starter) as Arc<dyn CallStarter>);
            let legs = Endpoints::new()
                .with("error", Arc::new(ErrorEndpoint))
                .with("group", Arc::new(GroupEndpoint))
                .with("loopback", Arc::new(loopback))
                .with("null", Arc::new(NullEndpoint))
                .with("pickup", Arc::new(pickup))
                .with("sofia", Arc::clone(&sofia) as Arc<dyn LegFactory>)
                .with("user", Arc::new(user));
            Services {
                snapshot: ArcSwap::from_pointee(snapshot(&loaded)),
                globals,
                legs: Arc::new(legs),
                media: Arc::clone(&media) as Arc<dyn MediaEngine>,
                scripts: Arc::clone(&scripts) as Arc<dyn ScriptHost>,
                calls: Arc::default(),
                events: Events::new(Arc::clone(&events), origin, Arc::new(now_us)),
                status: Status::new(now_us()),
                scheduler: Scheduler::default(),
                pickups,
                limits: Limits::default(),
                clients: Arc::clone(&programs) as _,
                administration: Arc::clone(&operator) as _,
                outside: Arc::new(Machine::default()),
                meters,
                records: sink,
                store: Mutex::new(Box::new(store)),
                now_us: Arc::new(now_us),
                new_uuid: Arc::new(|| uuid::Uuid::new_v4().to_string()),
                hostname: loaded.globals.get("hostname").unwrap_or("localhost").to_owned(),
                switchname: loaded.globals.get("switchname").unwrap_or("switch").to_owned(),
            }
        });
        let profiles: Vec<ProfileSettings> = loaded.profiles.iter().map(ProfileSettings::from).collect();
        let ping = profiles.iter().filter_map(|profile| profile.tcp_ping).min();
        let settings = SipSettings {
            listen: config.sip.clone(),
            tcp: TcpLimits { ping, ..TcpLimits::default() },
            name_servers: loaded.settings.name_servers.clone(),
            profiles,
            traces: config.data.join("traces"),
            ..SipSettings::default()
        };
        // Calls are taken only when there is everything to serve them with.
        let stories = Arc::new(Stories::new(config.stories, Arc::new(loaded.sources.clone())));
        let _ = starter.stories.set(Arc::clone(&stories));
        let _ = starter.services.set(Arc::clone(&services));
        services.status.limit(loaded.settings.max_sessions, loaded.settings.sessions_per_second);
        switch.serve(&services);
        programs.serve(&services);
        let sip = SipEndpoint::start(settings, Arc::clone(&directory), starter, Arc::clone(&registrations))?;
        let _ = sofia.0.set(sip.factory());
        listen(&sip, &services);
        let summary = Mutex::new(summary(&config.subject, &loaded));
        let server = Arc::new(Self {
            services,
            sip,
            media,
            scripts,
            hooks: hooks::Hooks::default(),
            records,
            registrations,
            directory,
            subject: config.subject.clone(),
            summary,
            stories,
            reloading: Mutex::default(),
            watching: Mutex::default(),
            event_socket: Mutex::default(),
            asked_to_stop: watch::Sender::new(None),
        });
        operator.serve(&server);
        server.hooks.listen(&loaded.settings.scripts.hooks, &server.services, &server.scripts);
        hooks::begin(&loaded.settings.scripts.startup, &server.scripts);
        server.open_event_socket(config, loaded.settings.event_socket.as_ref())?;
        if let Some((address, monitor)) = config.http.zip(monitor) {
            server.open_http(address, monitor)?;
        }
        Ok(server)
    }

    /// What is loaded.
    pub fn summary(&self) -> Summary {
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where SIP listens.
    pub fn listening(&self) -> Vec<(Transport, SocketAddr)> {
        self.sip.listening()
    }

    /// Sets a global variable.
    pub fn set_global(&self, name: &str, value: &str) {
        self.services.globals.set(name, value);
    }

    /// Folders whose files make up the configuration.
    pub fn folders(&self) -> Vec<PathBuf> {
        let Subject { conf, folders, dialplan, directory, .. } = &self.subject;
        let base = PathBuf::from(&folders.base);
        let usual = || {
            let named = [&folders.dialplan, &folders.directory].map(PathBuf::from);
            [base.join("sip_profiles"), base.join("autoload_configs"), base.join("lang")]
                .into_iter()
                .chain(named)
                .collect()
        };
        let own = conf.as_ref().map_or_else(usual, |conf| vec![conf.clone()]);
        own.into_iter().chain([dialplan, directory].into_iter().flatten().map(PathBuf::from)).collect()
    }

    /// Loads the configuration anew, for SIP as far as `reach` says. Calls that run keep the one they began with; a broken
    /// one changes nothing. What of SIP waits for the next start is told beside the summary. Blocks while it loads.
    pub fn reload(&self, reach: Reach<'_>) -> Result<(Summary, Vec<Unmet>), StartError> {
        let _alone = self.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = load(&self.subject).map_err(StartError::Nothing)?;
        if loaded.root.is_none() {
            return Err(StartError::Configuration(render(&loaded.sources, &loaded.diagnostics)));
        }
        report(&loaded);
        self.services.snapshot.store(Arc::new(snapshot(&loaded)));
        self.scripts.set_policy(script_policy(&self.subject, &loaded));
        self.hooks.listen(&loaded.settings.scripts.hooks, &self.services, &self.scripts);
        self.directory.store(Arc::clone(&loaded.directory));
        self.stories.set_sources(Arc::new(loaded.sources.clone()));
        let new = summary(&self.subject, &loaded);
        self.services.globals.extend(&loaded.globals);
        self.records.configure(&loaded.settings.records);
        *self.summary.lock().unwrap_or_else(PoisonError::into_inner) = new;
        let profiles = || loaded.profiles.iter().map(ProfileSettings::from).collect();
        let unmet = match reach {
            Reach::NoProfile => Vec::new(),
            Reach::Profile(name) => self.sip.rescan(profiles(), Some(name)),
            Reach::AllProfiles => self.sip.rescan(profiles(), None),
        };
        Ok((new, unmet))
    }

    /// Begins new record files where the configuration wants that (SIGHUP).
    pub fn rotate(&self) {
        self.records.rotate();
    }

    /// Has whoever runs the switch end it.
    fn stop_asked(&self, at_once: bool) {
        self.asked_to_stop.send_replace(Some(at_once));
    }

    /// Returns when a client asks for the end; true: at once.
    pub async fn asked_to_stop(&self) -> bool {
        let mut asked = self.asked_to_stop.subscribe();
        asked.wait_for(Option::is_some).await.ok().and_then(|asked| *asked).unwrap_or(true)
    }

    /// Refuses new calls; returns when the last one is over.
    pub async fn drain(&self) {
        self.sip.drain();
        while self.sip.legs() > 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Ends everything. Blocks until the threads are gone, after two seconds at most.
    pub fn stop(&self) {
        drop(self.watching.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.event_socket.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.sip.stop();
        self.scripts.stop();
        self.media.stop();
        self.records.close();
        self.registrations.close();
        self.services.store.lock().unwrap_or_else(PoisonError::into_inner).close();
    }
}

/// What scripts may do, by `lua.conf`.
fn script_policy(subject: &Subject, loaded: &Loaded) -> Policy {
    let recordings = loaded.globals.get("recordings_dir").map(PathBuf::from);
    let usual: Vec<PathBuf> = [subject.sounds.clone()].into_iter().chain(recordings).collect();
    Policy::of(&loaded.settings.scripts, &usual)
}

/// Microseconds since 1970.
#[expect(clippy::disallowed_methods, reason = "the clock of the running switch")]
fn now_us() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}

/// Mistakes that do not keep the switch from running are worth a line each.
fn report(loaded: &Loaded) {
    for found in &loaded.diagnostics {
        let place = found.span.and_then(|span| loaded.sources.locate(span));
        let place = place.map(|place| format!("{}:{}:{}: ", place.file, place.line, place.column)).unwrap_or_default();
        match found.severity {
            Severity::Error => tracing::error!("{place}[{}] {}", found.code, found.message),
            Severity::Warning => tracing::warn!("{place}[{}] {}", found.code, found.message),
        }
    }
}

fn summary(subject: &Subject, loaded: &Loaded) -> Summary {
    Summary {
        contexts: loaded.dialplan.contexts().count(),
        extensions: loaded.dialplan.extension_count(),
        users: loaded.directory.user_count(),
        scripts: files(&subject.scripts, &["lua"]),
        prompts: files(&subject.sounds, &["wav", "ulaw", "alaw"]),
        mistakes: loaded.diagnostics.len(),
    }
}

/// Files with one of the endings below a folder.
fn files(folder: &Path, endings: &[&str]) -> usize {
    let mut open = vec![folder.to_path_buf()];
    let mut count = 0;
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(path);
            } else if endings.contains(&ending) {
                count += 1;
            }
        }
    }
    count
}

/// Lets SIP hear of messages that wait.
fn listen(sip: &SipEndpoint, services: &Services) {
    let name = EventName::parse("MESSAGE_WAITING");
    if let (Some(name), Some(events)) = (name, services.events.bus().subscribe_aside(MAILBOX_EVENTS)) {
        events.bind(Filter { name, subclass: None });
        sip.listen(events);
    }
}
