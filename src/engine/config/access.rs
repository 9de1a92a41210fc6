//! Access lists: `acl.conf`, and the lists that need no configuration.
//!
//! The node with the longest prefix that holds an address decides, else the list's default. A list that does not exist
//! denies, as in FreeSWITCH. `localnet.auto` and the local part of `nat.auto` know no network of this machine: they go by
//! the private ranges.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Directory;
use crate::engine::xml::Element;

/// What a list says of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access<'a> {
    /// Kept out.
    Denied,
    /// Let in; `token` is the `user@domain` whose `cidr` holds the address.
    Allowed {
        /// Whose network it is.
        token: Option<&'a str>,
    },
}

impl Access<'_> {
    /// Whether it is let in.
    pub const fn allows(self) -> bool {
        matches!(self, Self::Allowed { .. })
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Node {
    net: IpNet,
    allow: bool,
    token: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct List {
    name: String,
    allow: bool,
    nodes: Vec<Node>,
}

/// All lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccessLists {
    lists: Vec<List>,
}

/// Name, default, and the networks that are the other way.
const AUTOMATIC: &[(&str, bool, &[&str])] = &[
    ("loopback.auto", false, &["127.0.0.0/8", "::1/128"]),
    ("localnet.auto", false, &["127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fe80::/10"]),
    ("nat.auto", false, &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"]),
    ("rfc1918.auto", false, &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fe80::/10"]),
    ("rfc6598.auto", false, &["100.64.0.0/10"]),
    ("wan.auto", true, WAN),
    ("wan_v4.auto", true, WAN),
    ("wan_v6.auto", true, &["0.0.0.0/0", "fe80::/10"]),
    ("any_v4.auto", true, &["::/0"]),
    ("any_v6.auto", true, &["0.0.0.0/0"]),
];
const WAN: &[&str] =
    &["0.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "fe80::/10"];

impl AccessLists {
    /// The lists of a document; a node that names a domain takes the `cidr` attributes of its users.
    pub fn read(root: &Element, directory: &Directory) -> Self {
        let section = root.find("section", "name", "configuration");
        let configuration = section.and_then(|section| section.find("configuration", "name", "acl.conf"));
        let mut lists: Vec<List> = Vec::new();
        let elements = configuration.into_iter().flat_map(|found| found.named("network-lists"));
        for element in elements.flat_map(|lists| lists.named("list")) {
            let Some(name) = element.attribute("name").map(|name| name.text.clone()) else { continue };
            let allow = says_allow(element, "default").unwrap_or(true);
            let mut list = List { name, allow, nodes: Vec::new() };
            for node in element.named("node") {
                list.add(node, directory);
            }
            lists.push(list);
        }
        Self { lists }
    }

    /// What the list of this name, or a network written in its place, says of an address. A name is compared in any case.
    pub fn ask(&self, name: &str, ip: IpAddr) -> Access<'_> {
        let name = name.trim();
        if let Some(net) = network(name) {
            return if net.contains(&ip) { Access::Allowed { token: None } } else { Access::Denied };
        }
        if let Some(list) = self.lists.iter().find(|list| list.name.eq_ignore_ascii_case(name)) {
            return list.ask(ip);
        }
        let automatic = AUTOMATIC.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
        let allowed = automatic.is_some_and(|(_, allow, others)| {
            let other = others.iter().filter_map(|net| network(net)).any(|net| net.contains(&ip));
            *allow != other
        });
        if allowed && family_fits(name, ip) { Access::Allowed { token: None } } else { Access::Denied }
    }
}

impl List {
    fn add(&mut self, node: &Element, directory: &Directory) {
        let allow = says_allow(node, "type").unwrap_or(self.allow);
        let text = |name: &str| node.attribute(name).map(|value| value.text.trim());
        let mut push = |nets: &str, token: Option<String>| {
            let nets = nets.split(',').filter_map(|net| network(net.trim()));
            self.nodes.extend(nets.map(|net| Node { net, allow, token: token.clone() }));
        };
        if let Some(nets) = text("cidr") {
            push(nets, None);
        } else if let (Some(host), Some(mask)) = (text("host"), text("mask")) {
            if let (Ok(host), Ok(mask)) = (host.parse(), mask.parse())
                && let Ok(net) = IpNet::with_netmask(host, mask)
            {
                push(&net.to_string(), None);
            }
        } else if let Some(host) = text("host") {
            push(host, None);
        } else if let Some(domain) = text("domain") {
            for user in directory.users(domain) {
                if let Some(nets) = user.attribute("cidr") {
                    push(nets, Some(format!("{}@{}", user.id, user.domain)));
                }
            }
        }
    }

    fn ask(&self, ip: IpAddr) -> Access<'_> {
        // Of equal prefixes the first counts.
        let holds = self.nodes.iter().rev().filter(|node| node.net.contains(&ip));
        match holds.max_by_key(|node| node.net.prefix_len()) {
            Some(Node { allow: true, token, .. }) => Access::Allowed { token: token.as_deref() },
            Some(_) => Access::Denied,
            None if self.allow => Access::Allowed { token: None },
            None => Access::Denied,
        }
    }
}

/// A network, or an address alone.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn says_allow(element: &Element, attribute: &str) -> Option<bool> {
    element.attribute(attribute).map(|value| value.text.trim().eq_ignore_ascii_case("allow"))
}

/// `wan_v4.auto` and `wan_v6.auto` hold one family.
fn family_fits(name: &str, ip: IpAddr) -> bool {
    !name.eq_ignore_ascii_case("wan_v4.auto") || ip.is_ipv4()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::xml::{NoFiles, load};
    use crate::words::model::Variables;

    fn lists() -> AccessLists {
        let text = r#"<document><section name="configuration"><configuration name="acl.conf"><network-lists>
            <list name="domains" default="deny"><node type="allow" domain="d"/></list>
            <list name="Lan" default="allow"><node type="deny" cidr="10.0.0.0/8, 2001:db8::/32"/>
              <node type="allow" host="10.1.0.0" mask="255.255.0.0"/><node type="deny" host="10.1.2.3"/><node cidr="10.7.0.0/16"/></list>
            </network-lists></configuration></section>
            <section name="directory"><domain name="d"><user id="1000" cidr="192.0.2.0/24,198.51.100.7"/></domain></section></document>"#;
        let root = load("a.xml", text.as_bytes(), Variables::new(), &NoFiles).root.unwrap();
        AccessLists::read(&root, &Directory::read(&root))
    }

    #[test]
    fn the_longest_prefix_decides() {
        let lists = lists();
        for (name, ip, allowed) in [
            ("lan", "192.0.2.1", true),
            ("LAN", "10.2.3.4", false),
            ("lan", "10.1.3.4", true),
            ("lan", "10.1.2.3", false),
            ("lan", "10.7.0.1", true),
            ("lan", "2001:db8::1", false),
            ("nosuch", "10.0.0.1", false),
            ("192.0.2.0/24", "192.0.2.9", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("loopback.auto", "127.0.0.9", true),
            ("loopback.auto", "10.0.0.1", false),
            ("rfc1918.auto", "172.31.0.1", true),
            ("wan.auto", "172.31.0.1", false),
            ("wan.auto", "198.51.100.1", true),
            ("wan_v4.auto", "2001:db8::1", false),
            ("any_v6.auto", "2001:db8::1", true),
            ("any_v6.auto", "10.0.0.1", false),
        ] {
            assert_eq!(lists.ask(name, ip.parse().unwrap()).allows(), allowed, "{name} {ip}");
        }
    }

    #[test]
    fn networks_of_users() {
        let lists = lists();
        let token = Access::Allowed { token: Some("1000@d") };
        assert_eq!(lists.ask("domains", "198.51.100.7".parse().unwrap()), token);
        assert_eq!(lists.ask("domains", "198.51.100.8".parse().unwrap()), Access::Denied);
    }
}
