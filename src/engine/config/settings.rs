//! Settings of the switch as a whole: `switch.conf` and `timezones.conf`.

use std::net::{IpAddr, SocketAddr};

use jiff::tz::TimeZone;

use super::{RecordSettings, ScriptSettings};
use crate::engine::xml::Element;
use crate::words::model::truthy;
use crate::words::text::Diagnostic;

/// What the configuration says of the switch itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The API commands and applications that run shell commands may (`allow-system-commands` of `switch.conf`).
    pub system_commands: bool,
    /// Most channels at a time (`max-sessions`); none: only what the machine bears.
    pub max_sessions: Option<u32>,
    /// Most new inbound calls in a second (`sessions-per-second`).
    pub sessions_per_second: Option<u32>,
    /// Name servers to ask (`name-servers`, addresses with or without port, separated by commas); none: the system's.
    pub name_servers: Vec<SocketAddr>,
    /// The listener of the event socket (`event_socket.conf`); none: there is no such file.
    pub event_socket: Option<EventSocketSettings>,
    /// The scripts (`lua.conf`).
    pub scripts: ScriptSettings,
    /// Zones of `timezones.conf`: name and POSIX TZ string, those that cannot be read left out.
    pub zones: Vec<(String, String)>,
    /// Where call records go beside the file of the data folder.
    pub records: RecordSettings,
}

/// What `event_socket.conf` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventSocketSettings {
    /// `listen-ip`; none: loopback.
    pub ip: Option<IpAddr>,
    /// `listen-port`; none: 8021.
    pub port: Option<u16>,
    /// `password`.
    pub password: Option<String>,
    /// `apply-inbound-acl`, every one.
    pub access: Vec<String>,
}

impl EventSocketSettings {
    fn read(conf: &Element, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut read = Self::default();
        for param in conf.named("settings").flat_map(|settings| settings.named("param")) {
            let (Some(name), Some(value)) = (param.attribute("name"), param.attribute("value")) else { continue };
            let text = value.text.trim();
            let known = match name.text.to_ascii_lowercase().as_str() {
                "listen-ip" => text.trim_matches(['[', ']']).parse().map(|ip| read.ip = Some(ip)).is_ok(),
                "listen-port" => text.parse().map(|port| read.port = Some(port)).is_ok(),
                "password" => {
                    read.password = Some(text.to_owned());
                    true
                }
                "apply-inbound-acl" => {
                    read.access.push(text.to_owned());
                    true
                }
                // Bind errors are retried, there is no NAT map, and the log tells of clients.
                "stop-on-bind-error" | "nat-map" | "debug" => true,
                _ => false,
            };
            if !known {
                let message = format!("event_socket.conf: {} = {text} is not understood", name.text);
                diagnostics.push(Diagnostic::warning("bad-param", value.span, message));
            }
        }
        read
    }
}

impl Settings {
    /// Reads the settings of a document.
    pub fn read(root: &Element, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut settings = Self::default();
        let section = root.find("section", "name", "configuration");
        let named = |name: &str| section.and_then(|section| section.find("configuration", "name", name));
        let params = named("switch.conf").into_iter().flat_map(|conf| conf.named("settings"));
        for param in params.flat_map(|settings| settings.named("param")) {
            let (name, value) = (param.attribute("name"), param.attribute("value"));
            let (Some(name), Some(value)) = (name, value) else { continue };
            let mut number = || {
                let number = value.text.trim().parse().ok().filter(|number: &u32| *number > 0);
                if number.is_none() {
                    let message = format!("switch.conf: {} = {} is no number above 0", name.text, value.text);
                    diagnostics.push(Diagnostic::warning("bad-param", value.span, message));
                }
                number
            };
            match name.text.to_ascii_lowercase().as_str() {
                "name-servers" => {
                    let servers: Option<Vec<SocketAddr>> =
                        value.text.split(',').map(|text| name_server(text.trim())).collect();
                    if servers.is_none() {
                        let message = format!("switch.conf: name-servers = {} is no list of addresses", value.text);
                        diagnostics.push(Diagnostic::warning("bad-param", value.span, message));
                    }
                    settings.name_servers = servers.unwrap_or_default();
                }
                "allow-system-commands" => settings.system_commands = truthy(&value.text),
                "max-sessions" => settings.max_sessions = number(),
                "sessions-per-second" => settings.sessions_per_second = number(),
                _ => {}
            }
        }
        settings.event_socket = named("event_socket.conf").map(|conf| EventSocketSettings::read(conf, diagnostics));
        settings.scripts = named("lua.conf").map(|conf| ScriptSettings::read(conf, diagnostics)).unwrap_or_default();
        settings.records = section.map(|section| RecordSettings::read(section, diagnostics)).unwrap_or_default();
        let zones = named("timezones.conf").into_iter().flat_map(|conf| conf.named("timezones"));
        for zone in zones.flat_map(|zones| zones.named("zone")) {
            let (Some(name), Some(value)) = (zone.attribute("name"), zone.attribute("value")) else { continue };
            match TimeZone::posix(&value.text) {
                Ok(_) => settings.zones.push((name.text.clone(), value.text.clone())),
                Err(error) => {
                    let message = format!("the zone {} cannot be read: {error}", name.text);
                    let found = Diagnostic::warning("bad-zone", value.span, message);
                    diagnostics.push(found.remedy("write a POSIX TZ string, EST5EDT,M3.2.0,M11.1.0 for example"));
                }
            }
        }
        settings
    }
}

/// An address, with the usual port when it names none.
fn name_server(text: &str) -> Option<SocketAddr> {
    text.parse().ok().or_else(|| Some(SocketAddr::new(text.parse().ok()?, 53)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{self, NoFiles};
    use crate::words::model::Variables;

    #[test]
    fn settings_of_a_document() {
        let text = "<document>\n<section name=\"configuration\">\n<configuration name=\"switch.conf\">\n<settings>\n\
                    <param name=\"allow-system-commands\" value=\"true\"/>\n\
                    <param name=\"name-servers\" value=\"127.0.0.1:5353, ::1\"/>\n</settings>\n</configuration>\n\
                    <configuration name=\"event_socket.conf\">\n<settings>\n\
                    <param name=\"listen-ip\" value=\"::1\"/>\n<param name=\"listen-port\" value=\"9\"/>\n\
                    <param name=\"apply-inbound-acl\" value=\"lan\"/>\n</settings>\n</configuration>\n\
                    <configuration name=\"timezones.conf\">\n<timezones>\n\
                    <zone name=\"Here\" value=\"EST5EDT,M3.2.0,M11.1.0\"/>\n<zone name=\"There\" value=\"no zone\"/>\n\
                    </timezones>\n</configuration>\n</section>\n</document>\n";
        let loaded = xml::load("root.xml", text.as_bytes(), Variables::new(), &NoFiles);
        let mut diagnostics = Vec::new();
        let settings = Settings::read(&loaded.root.unwrap(), &mut diagnostics);
        assert!(settings.system_commands);
        let servers = ["127.0.0.1:5353", "[::1]:53"].map(|text| text.parse().unwrap());
        assert_eq!(settings.name_servers, servers);
        assert_eq!(settings.zones, [("Here".to_owned(), "EST5EDT,M3.2.0,M11.1.0".to_owned())]);
        let socket = settings.event_socket.unwrap();
        assert_eq!((socket.ip, socket.port), (Some("::1".parse().unwrap()), Some(9)));
        assert_eq!((socket.password, socket.access.len()), (None, 1));
        assert_eq!(diagnostics.len(), 1);
    }
}
