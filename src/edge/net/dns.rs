//! Questions to the name servers: NAPTR, SRV and addresses. What is asked, and in what order, is the caller's business.
//!
//! Without name servers of our own those of the system are asked, and its file of hosts is read; when the system's settings
//! cannot be read, usual ones hold. Answers are kept as long as they say.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::engine::sip::locate::{Naptr, Srv};

/// Records of one answer that are looked at.
const MOST_RECORDS: usize = 32;
/// Time for one server to answer.
const PATIENCE: Duration = Duration::from_millis(1500);

/// Asks name servers. To be used within the runtime of one thread.
pub struct Dns(Option<TokioResolver>);

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Dns").field(&self.0.is_some()).finish()
    }
}

impl Dns {
    /// Asks these servers, or the system's when there are none.
    pub fn new(servers: &[SocketAddr]) -> Self {
        let mut builder = if servers.is_empty() {
            TokioResolver::builder_tokio()
                .inspect_err(|error| tracing::warn!(%error, "the settings of name resolution cannot be read"))
                .unwrap_or_else(|_| {
                    // As the system's own resolver does without settings.
                    let here = NameServerConfig::udp_and_tcp([127, 0, 0, 1].into());
                    let config = ResolverConfig::from_parts(None, Vec::new(), vec![here]);
                    TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
                })
        } else {
            let server = |address: &SocketAddr| {
                let at = |mut connection: ConnectionConfig| {
                    connection.port = address.port();
                    connection
                };
                let connections = vec![at(ConnectionConfig::udp()), at(ConnectionConfig::tcp())];
                NameServerConfig::new(address.ip(), true, connections)
            };
            let config = ResolverConfig::from_parts(None, Vec::new(), servers.iter().map(server).collect());
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        };
        let options: &mut ResolverOpts = builder.options_mut();
        options.timeout = PATIENCE;
        options.attempts = 1;
        let resolver = builder.build();
        Self(resolver.inspect_err(|error| tracing::error!(%error, "names cannot be resolved")).ok())
    }

    /// NAPTR records of a domain; none when there are none or nobody answers.
    pub async fn naptr(&self, name: &str) -> Vec<Naptr> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let records = self.records(name, RecordType::NAPTR).await.into_iter();
        let naptr = records.filter_map(|record| match record {
            RData::NAPTR(record) => Some(Naptr {
                order: record.order,
                preference: record.preference,
                flags: text(&record.flags),
                services: text(&record.services),
                replacement: record.replacement.to_utf8(),
            }),
            _ => None,
        });
        naptr.collect()
    }

    /// SRV records of a name; none when there are none or nobody answers.
    pub async fn srv(&self, name: &str) -> Vec<Srv> {
        let records = self.records(name, RecordType::SRV).await.into_iter();
        let srv = records.filter_map(|record| match record {
            RData::SRV(record) => Some(Srv {
                priority: record.priority,
                weight: record.weight,
                port: record.port,
                target: record.target.to_utf8(),
            }),
            _ => None,
        });
        srv.collect()
    }

    /// Addresses of a host, of both families.
    pub async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let Some(resolver) = &self.0 else { return Vec::new() };
        match resolver.lookup_ip(name).await {
            Ok(found) => found.iter().take(MOST_RECORDS).collect(),
            Err(error) => {
                tracing::debug!(%error, name, "no address");
                Vec::new()
            }
        }
    }

    async fn records(&self, name: &str, kind: RecordType) -> Vec<RData> {
        let Some(resolver) = &self.0 else { return Vec::new() };
        // A whole name: the domains of the search list are for people.
        let name = format!("{}.", name.trim_end_matches('.'));
        match resolver.lookup(name.as_str(), kind).await {
            Ok(found) => found.answers().iter().take(MOST_RECORDS).map(|record| record.data.clone()).collect(),
            Err(error) => {
                tracing::trace!(%error, name, %kind, "no records");
                Vec::new()
            }
        }
    }
}
