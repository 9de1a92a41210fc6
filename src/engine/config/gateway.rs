//! Gateways of a profile: accounts at other switches.

use crate::engine::xml::{Element, Text};
use crate::words::model::truthy;
use crate::words::text::Diagnostic;

/// `register-transport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GatewayTransport {
    /// Datagrams.
    #[default]
    Udp,
    /// Streams.
    Tcp,
}

/// A variable of a gateway, and for which calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayVariable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// For calls from it.
    pub inbound: bool,
    /// For calls to it.
    pub outbound: bool,
}

/// One gateway, defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Its name.
    pub name: String,
    /// User name there.
    pub username: String,
    /// User name for the digest (`auth-username`).
    pub auth_username: String,
    /// Password there.
    pub password: String,
    /// Realm of its challenges; also its domain.
    pub realm: String,
    /// Where calls go.
    pub proxy: String,
    /// Where registrations go.
    pub register_proxy: String,
    /// Where calls go through (`outbound-proxy`).
    pub outbound_proxy: Option<String>,
    /// User of From.
    pub from_user: String,
    /// Host of From.
    pub from_domain: String,
    /// Number that its calls are for; `auto_to_user` as written.
    pub extension: Option<String>,
    /// The extension is the user of our Contact (`extension-in-contact`).
    pub extension_in_contact: bool,
    /// Context of its calls.
    pub context: Option<String>,
    /// Whether we register; by default when there is a user name.
    pub register: bool,
    /// Seconds a registration is asked for.
    pub expire_s: u32,
    /// Seconds between attempts.
    pub retry_s: u32,
    /// Seconds until an attempt is given up.
    pub timeout_s: u32,
    /// Transport of registrations and calls.
    pub transport: GatewayTransport,
    /// From carries the caller's number.
    pub caller_id_in_from: bool,
    /// Parameters of our Contact.
    pub contact_params: String,
    /// Seconds between pings, 0: none.
    pub ping_s: u32,
    /// Failed pings that make it down (`ping-min` of the highest count).
    pub ping_min: u32,
    /// Highest count of good pings.
    pub ping_max: u32,
    /// Put before every number.
    pub destination_prefix: String,
    /// `sip_cid_type` of its calls.
    pub cid_type: Option<String>,
    /// Its variables.
    pub variables: Vec<GatewayVariable>,
}

/// Params that mean nothing here, and why nobody need worry.
const IGNORED: &[&str] = &[
    "908-retry-seconds",
    "outbound-sticky-proxy",
    "contact-host",
    "rfc-5626",
    "reg-id",
    "distinct-to",
    "ping-user-agent",
];

impl Gateway {
    /// The gateways of a `<profile>`, in order; of equal names the first counts.
    pub(super) fn read_all(profile: &Element, found: &mut Vec<Diagnostic>) -> Vec<Self> {
        let mut gateways: Vec<Self> = Vec::new();
        for element in profile.named("gateways").flat_map(|gateways| gateways.named("gateway")) {
            let Some(name) = element.attribute("name").filter(|name| !name.text.trim().is_empty()) else {
                let message = "a gateway without a name cannot be dialled";
                found.push(Diagnostic::error("bad-param", element.span, message).remedy("give it a name"));
                continue;
            };
            if gateways.iter().any(|known| known.name.eq_ignore_ascii_case(name.text.trim())) {
                let message = format!("gateway \"{}\" is defined above; this one is dead", name.text);
                found.push(Diagnostic::error("bad-param", name.span, message).remedy("give it another name"));
                continue;
            }
            gateways.push(Self::of(name, element, found));
        }
        gateways
    }

    fn of(name: &Text, element: &Element, found: &mut Vec<Diagnostic>) -> Self {
        let params = Params { element };
        let text =
            |name: &str| params.last(name).map(|value| value.text.trim().to_owned()).filter(|text| !text.is_empty());
        let truth = |name: &str, default: bool| text(name).map_or(default, |value| truthy(&value));
        let realm = text("realm").unwrap_or_else(|| name.text.trim().to_owned());
        let proxy = text("proxy").unwrap_or_else(|| realm.clone());
        let username = text("username").unwrap_or_default();
        // Without an account there is nothing to register.
        let register = truth("register", !username.is_empty());
        let ping_max = params.seconds("ping-max", 1, found).max(1);
        let gateway = Self {
            name: name.text.trim().to_owned(),
            auth_username: text("auth-username").unwrap_or_else(|| username.clone()),
            password: text("password").unwrap_or_default(),
            register_proxy: text("register-proxy").unwrap_or_else(|| proxy.clone()),
            outbound_proxy: text("outbound-proxy"),
            from_user: text("from-user").unwrap_or_else(|| username.clone()),
            from_domain: text("from-domain").unwrap_or_else(|| realm.clone()),
            extension: text("extension"),
            extension_in_contact: truth("extension-in-contact", false),
            context: text("context"),
            register,
            expire_s: params.seconds("expire-seconds", 3600, found).max(1),
            retry_s: params.seconds("retry-seconds", 30, found).max(1),
            timeout_s: params.seconds("timeout-seconds", 60, found).max(1),
            transport: params.transport(found),
            caller_id_in_from: truth("caller-id-in-from", false),
            contact_params: text("contact-params").unwrap_or_default(),
            ping_s: params.seconds("ping", 0, found),
            ping_min: params.seconds("ping-min", 1, found).clamp(1, ping_max),
            ping_max,
            destination_prefix: text("destination-prefix").unwrap_or_default(),
            cid_type: text("cid-type"),
            variables: variables(element),
            username,
            realm,
            proxy,
        };
        if register && (gateway.username.is_empty() || gateway.password.is_empty()) {
            let message = format!("gateway \"{}\" is to register without username or password", gateway.name);
            found.push(Diagnostic::warning("bad-param", name.span, message).remedy("set both, or register to false"));
        }
        params.report_unknown(found);
        gateway
    }
}

struct Params<'a> {
    element: &'a Element,
}

impl<'a> Params<'a> {
    fn all(&self) -> impl Iterator<Item = (&'a Text, &'a Text)> + use<'a> {
        self.element.named("param").filter_map(|param| Some((param.attribute("name")?, param.attribute("value")?)))
    }

    fn last(&self, name: &str) -> Option<&'a Text> {
        self.all().filter(|(known, _)| known.text.trim().eq_ignore_ascii_case(name)).last().map(|(_, value)| value)
    }

    fn seconds(&self, name: &str, default: u32, found: &mut Vec<Diagnostic>) -> u32 {
        let Some(value) = self.last(name) else { return default };
        value.text.trim().parse().unwrap_or_else(|_| {
            let message = format!("\"{}\" is no value of {name}", value.text);
            found.push(Diagnostic::error("bad-param", value.span, message).remedy("write a whole number"));
            default
        })
    }

    fn transport(&self, found: &mut Vec<Diagnostic>) -> GatewayTransport {
        let Some(value) = self.last("register-transport") else { return GatewayTransport::Udp };
        match value.text.trim().to_ascii_lowercase().as_str() {
            "udp" | "" => GatewayTransport::Udp,
            "tcp" => GatewayTransport::Tcp,
            _ => {
                let message = format!("register-transport \"{}\" is not supported", value.text);
                found.push(Diagnostic::error("bad-param", value.span, message).remedy("write udp or tcp"));
                GatewayTransport::Udp
            }
        }
    }

    fn report_unknown(&self, found: &mut Vec<Diagnostic>) {
        const KNOWN: &[&str] = &[
            "username",
            "auth-username",
            "password",
            "realm",
            "proxy",
            "register-proxy",
            "outbound-proxy",
            "from-user",
            "from-domain",
            "extension",
            "extension-in-contact",
            "context",
            "register",
            "expire-seconds",
            "retry-seconds",
            "timeout-seconds",
            "register-transport",
            "caller-id-in-from",
            "contact-params",
            "ping",
            "ping-min",
            "ping-max",
            "destination-prefix",
            "cid-type",
        ];
        for (name, _) in self.all() {
            let is = |list: &[&str]| list.iter().any(|known| known.eq_ignore_ascii_case(name.text.trim()));
            if is(IGNORED) {
                let message = format!("{} is not supported yet and has no effect", name.text);
                found.push(Diagnostic::warning("bad-param", name.span, message));
            } else if !is(KNOWN) {
                let message = format!("a gateway has no parameter \"{}\"", name.text);
                found.push(Diagnostic::warning("bad-param", name.span, message));
            }
        }
    }
}

fn variables(element: &Element) -> Vec<GatewayVariable> {
    let all = element.named("variables").flat_map(|list| list.named("variable"));
    all.filter_map(|variable| {
        let text = |name: &str| variable.attribute(name).map(|value| value.text.clone());
        let direction = text("direction").unwrap_or_else(|| "both".to_owned()).to_ascii_lowercase();
        Some(GatewayVariable {
            name: text("name")?,
            value: text("value")?,
            inbound: direction != "outbound",
            outbound: direction != "inbound",
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{NoFiles, load};
    use crate::words::model::Variables;

    fn read(text: &str) -> (Vec<Gateway>, Vec<String>) {
        let text = format!("<profile><gateways>{text}</gateways></profile>");
        let root = load("g.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap();
        let mut found = Vec::new();
        let gateways = Gateway::read_all(&root, &mut found);
        (gateways, found.into_iter().map(|found| found.message).collect())
    }

    #[test]
    fn defaults_follow_from_one_another() {
        let (gateways, found) = read(
            "<gateway name=\"carrier.example\"><param name=\"username\" value=\"u\"/>\
            <param name=\"password\" value=\"p\"/></gateway>",
        );
        assert!(found.is_empty(), "{found:?}");
        let gateway = &gateways[0];
        let texts = [&gateway.realm, &gateway.proxy, &gateway.register_proxy, &gateway.from_domain];
        assert!(texts.into_iter().all(|text| text == "carrier.example"));
        assert_eq!((&*gateway.from_user, &*gateway.auth_username), ("u", "u"));
        assert_eq!((gateway.expire_s, gateway.retry_s, gateway.timeout_s, gateway.ping_s), (3600, 30, 60, 0));
        assert!(gateway.register && !gateway.caller_id_in_from);
    }

    #[test]
    fn params_and_variables() {
        let (gateways, found) = read(
            "<gateway name=\"g\"><param name=\"Register\" value=\"false\"/>\
            <param name=\"proxy\" value=\"sip.example:5070\"/><param name=\"ping\" value=\"25\"/>\
            <param name=\"register-transport\" value=\"TCP\"/>\
            <variables><variable name=\"a\" value=\"1\" direction=\"inbound\"/><variable name=\"b\" value=\"2\"/></variables>\
            </gateway><gateway name=\"G\"/><gateway/>",
        );
        assert_eq!(
            found,
            ["gateway \"G\" is defined above; this one is dead", "a gateway without a name cannot be dialled"]
        );
        let gateway = &gateways[0];
        assert_eq!(
            (&*gateway.proxy, gateway.ping_s, gateway.transport),
            ("sip.example:5070", 25, GatewayTransport::Tcp)
        );
        let directions: Vec<_> = gateway.variables.iter().map(|one| (&*one.name, one.inbound, one.outbound)).collect();
        assert_eq!(directions, [("a", true, false), ("b", true, true)]);
    }

    #[test]
    fn mistakes_are_told() {
        let (gateways, found) = read(
            "<gateway name=\"g\"><param name=\"ping\" value=\"often\"/>\
            <param name=\"proxi\" value=\"x\"/><param name=\"register\" value=\"true\"/><param name=\"register-transport\" value=\"tls\"/></gateway>",
        );
        assert_eq!(found.len(), 4, "{found:?}");
        assert_eq!((gateways[0].ping_s, gateways[0].transport), (0, GatewayTransport::Udp));
    }
}
