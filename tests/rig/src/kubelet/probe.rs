//! How the program of a pod is asked whether it runs: the probes of its container.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};

use k8s_openapi::{api::core::v1, apimachinery::pkg::util::intstr::IntOrString};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::health::{Answer, Health};
use crate::{
    net::http_status,
    network::{PodNetwork, Refused},
};

/// An answer that comes within this time counts, however short the time that a probe allows. That is often one second, which a starved machine
/// exceeds although all is well.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

/// A probe, with the fields and defaults of Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Probe {
    check: Check,
    /// From the start of the program to the first check.
    delay: Duration,
    /// Between two checks.
    pub(super) every: Duration,
    /// So many checks in a row have to fail until the probe has failed.
    pub(super) failures: u32,
    /// How long a check may take.
    pub(super) within: Duration,
}

/// How the program is asked. No pod whose program the rig has names a command, so a probe with one always succeeds, like a probe that isn't there.
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
    /// `names` are the numbers of the container's ports.
    fn of(probe: Option<&v1::Probe>, names: &BTreeMap<String, u16>) -> Self {
        let probe = probe.cloned().unwrap_or_default();
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
        let whole = |field: Option<i32>, default| {
            field.and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0).unwrap_or(default)
        };
        let seconds = |field, default| Duration::from_secs(whole(field, default).into());
        Self {
            check: http().or_else(tcp).unwrap_or(Check::None),
            delay: seconds(probe.initial_delay_seconds, 0),
            every: seconds(probe.period_seconds, 10),
            failures: whole(probe.failure_threshold, 3),
            within: seconds(probe.timeout_seconds, 1),
        }
    }

    /// How long a check of a program that ran well may take.
    pub(super) fn patience(&self) -> Duration {
        self.within.max(LEAST_PATIENCE)
    }
}

/// The probes of one container.
#[derive(Debug)]
pub(super) struct Probes {
    startup: Probe,
    liveness: Probe,
    pub(super) readiness: Probe,
}

impl Probes {
    /// `names` are the numbers of the container's ports.
    pub(super) fn of(container: &v1::Container, names: &BTreeMap<String, u16>) -> Self {
        Self {
            startup: Probe::of(container.startup_probe.as_ref(), names),
            liveness: Probe::of(container.liveness_probe.as_ref(), names),
            readiness: Probe::of(container.readiness_probe.as_ref(), names),
        }
    }
}

/// Asks one program, from its start on.
pub(super) struct Prober<'a> {
    network: &'a PodNetwork,
    address: Ipv4Addr,
    pub(super) probes: Probes,
    began: Instant,
}

impl<'a> Prober<'a> {
    /// For a program at this address that has just been started.
    pub(super) fn new(network: &'a PodNetwork, address: Ipv4Addr, probes: Probes) -> Self {
        Self { network, address, probes, began: Instant::now() }
    }

    /// How long ago the program was started.
    pub(super) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Asks once.
    pub(super) async fn ask(&self, probe: &Probe, within: Duration) -> Answer {
        timeout(within, self.answer(&probe.check)).await.unwrap_or(Answer::Silence)
    }

    async fn answer(&self, check: &Check) -> Answer {
        let (port, path) = match check {
            Check::None => return Answer::Success,
            Check::Http { port, path } => (*port, Some(path)),
            Check::Connect { port } => (*port, None),
        };
        let stream = match self.network.connect(SocketAddrV4::new(self.address, port)).await {
            Ok(stream) => stream,
            Err(error) if error.is::<Refused>() => return Answer::Failure,
            Err(_) => return Answer::Silence,
        };
        let Some(path) = path else { return Answer::Success };
        match http_status(stream, path).await {
            Ok(200..=399) => Answer::Success,
            Ok(_) => Answer::Failure,
            Err(_) => Answer::Silence,
        }
    }

    /// Returns when the program has to be started again: its startup probe has never succeeded, or its liveness probe no longer does. As in
    /// Kubernetes, the second is asked once the first has succeeded.
    pub(super) async fn until_dead(&self) {
        if self.lives(&self.probes.startup, true).await {
            self.lives(&self.probes.liveness, false).await;
        }
    }

    /// Asks until the program is dead, which is false, or, if one success is enough, until that.
    async fn lives(&self, probe: &Probe, once: bool) -> bool {
        let mut health = Health::new(probe.failures, self.age());
        let mut ticks = interval_at(self.began + probe.delay, probe.every);
        // Checks that were late are not made up for: their answers would tell of the same instant.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let asked = self.age();
            let answer = self.ask(probe, probe.patience()).await;
            health.add(answer, asked);
            if once && answer == Answer::Success {
                return true;
            }
            if health.is_dead(self.age()) {
                return false;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn probes(container: serde_json::Value) -> Probes {
        Probes::of(&serde_json::from_value(container).unwrap(), &[("ready".to_owned(), 19003)].into())
    }

    fn probe(probe: serde_json::Value) -> Probe {
        probes(json!({ "name": "c", "readinessProbe": probe })).readiness
    }

    #[test]
    fn a_probe_names_its_port_by_name_or_number() {
        let named = probe(json!({ "httpGet": { "path": "/ready", "port": "ready" } }));
        assert_eq!(named.check, Check::Http { port: 19003, path: "/ready".to_owned() });
        assert_eq!(probe(json!({ "tcpSocket": { "port": 53 } })).check, Check::Connect { port: 53 });
    }

    #[test]
    fn what_a_probe_leaves_out_is_as_in_kubernetes() {
        let seconds = Duration::from_secs;
        let times = |probe: Probe| (probe.delay, probe.every, probe.within, probe.failures);
        assert_eq!(times(probe(json!({}))), (seconds(0), seconds(10), seconds(1), 3));
        let own = json!({ "initialDelaySeconds": 15, "periodSeconds": 20, "timeoutSeconds": 5, "failureThreshold": 6 });
        assert_eq!(times(probe(own)), (seconds(15), seconds(20), seconds(5), 6));
    }

    #[test]
    fn a_program_that_ran_well_has_ten_seconds_for_an_answer_or_more() {
        assert_eq!(probe(json!({ "timeoutSeconds": 1 })).patience(), Duration::from_secs(10));
        assert_eq!(probe(json!({ "timeoutSeconds": 15 })).patience(), Duration::from_secs(15));
    }

    #[test]
    fn each_probe_of_a_container_is_its_own() {
        let of = |port| json!({ "tcpSocket": { "port": port } });
        let all =
            probes(json!({ "name": "c", "startupProbe": of(1), "livenessProbe": of(2), "readinessProbe": of(3) }));
        let checks = [all.startup, all.liveness, all.readiness].map(|probe| probe.check);
        assert_eq!(checks, [1, 2, 3].map(|port| Check::Connect { port }));
    }

    #[test]
    fn who_is_not_asked_is_well() {
        for none in [json!(null), json!({ "exec": { "command": ["true"] } }), json!({ "httpGet": { "port": "other" } })]
        {
            assert_eq!(probe(none).check, Check::None);
        }
    }
}
