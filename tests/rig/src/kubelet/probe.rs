//! Whether the program of a pod can be used: its container's readiness probe.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use k8s_openapi::{api::core::v1::Container, apimachinery::pkg::util::intstr::IntOrString};
use tokio::time::timeout;

use crate::{net::http_ok_over, network::PodNetwork};

/// A readiness probe.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Probe {
    check: Check,
    /// Between two checks of a program that is ready.
    pub(super) every: Duration,
    /// So many checks in a row have to fail before it is no longer ready.
    pub(super) failures: i32,
    within: Duration,
}

/// How the program is asked. A command can't be run in a sandbox, so who has one is ready as soon as the program runs, like who has no probe.
#[derive(Clone, Debug, PartialEq)]
enum Check {
    None,
    Http {
        port: u16,
        path: String,
    },
    /// Also for HTTPS: whether the port is open.
    Connect {
        port: u16,
    },
}

impl Probe {
    /// The one of a container; `names` are the numbers of its ports.
    pub(super) fn of(container: &Container, names: &BTreeMap<String, u16>) -> Self {
        let probe = container.readiness_probe.clone().unwrap_or_default();
        let number = |port: &IntOrString| match port {
            IntOrString::Int(number) => u16::try_from(*number).ok(),
            IntOrString::String(name) => names.get(name).copied(),
        };
        let http = || {
            let get = probe.http_get.as_ref()?;
            let (port, path) = (number(&get.port)?, get.path.clone().unwrap_or_else(|| "/".to_owned()));
            Some(match get.scheme.as_deref() {
                Some("HTTPS") => Check::Connect { port },
                _ => Check::Http { port, path },
            })
        };
        let tcp = || Some(Check::Connect { port: number(&probe.tcp_socket.as_ref()?.port)? });
        let seconds = |field: Option<i32>, default| {
            let seconds = field.and_then(|seconds| u64::try_from(seconds).ok()).filter(|seconds| *seconds > 0);
            Duration::from_secs(seconds.unwrap_or(default))
        };
        Self {
            check: http().or_else(tcp).unwrap_or(Check::None),
            every: seconds(probe.period_seconds, 10),
            failures: probe.failure_threshold.unwrap_or(3),
            within: seconds(probe.timeout_seconds, 1),
        }
    }

    /// Whether the program at this address answers.
    pub(super) async fn answers(&self, network: &PodNetwork, address: Ipv4Addr) -> bool {
        let connect = |port| network.connect(SocketAddrV4::new(address, port));
        let asked = async {
            Ok::<_, anyhow::Error>(match &self.check {
                Check::None => true,
                Check::Http { port, path } => http_ok_over(connect(*port).await?, path).await?,
                Check::Connect { port } => connect(*port).await.map(drop).is_ok(),
            })
        };
        matches!(timeout(self.within, asked).await, Ok(Ok(true)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn probe(probe: serde_json::Value) -> Probe {
        let container = json!({ "name": "c", "readinessProbe": probe });
        Probe::of(&serde_json::from_value(container).unwrap(), &[("ready".to_owned(), 19003)].into())
    }

    #[test]
    fn a_probe_names_its_port_by_name_or_number() {
        let named = probe(json!({ "httpGet": { "path": "/ready", "port": "ready" }, "periodSeconds": 5 }));
        assert_eq!(named.check, Check::Http { port: 19003, path: "/ready".to_owned() });
        assert_eq!((named.every, named.failures), (Duration::from_secs(5), 3));
        assert_eq!(probe(json!({ "tcpSocket": { "port": 53 } })).check, Check::Connect { port: 53 });
    }

    #[test]
    fn who_is_not_asked_is_ready() {
        for none in [json!(null), json!({ "exec": { "command": ["true"] } }), json!({ "httpGet": { "port": "other" } })]
        {
            assert_eq!(probe(none).check, Check::None);
        }
    }
}
