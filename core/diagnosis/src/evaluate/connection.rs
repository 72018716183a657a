//! The steps from the address of the Gateway to the answer of the workload.

use super::{
    Seen, Step, StepName, list,
    step::{failed, passed, unknown},
};
use crate::evidence::{Attempt, Backends, Contact, Host, Protocol, TlsSeen};
use std::collections::BTreeSet;

impl Seen<'_> {
    pub(super) fn address_assigned(&self) -> Step {
        let (step, addresses) = (StepName::AddressAssigned, &self.question.addresses);
        match &self.question.blocked {
            _ if !addresses.is_empty() => passed(step, format!("the Gateway has {}", addresses.join(", "))),
            Some((condition, message)) => {
                let evidence = format!("the Gateway has no address: {condition} is not met: {message}");
                failed(step, evidence, format!("see condition {condition} of the gateway instance"))
            }
            None => failed(step, "the Gateway has no address", "see condition AddressAssigned of the gateway instance"),
        }
    }

    /// None: it has no port that can be tried.
    pub(super) fn connected(&self) -> Option<Step> {
        let step = StepName::Connected;
        let refused = self.contacts(|attempt| attempt.refused.as_ref());
        let closed = self.contacts(|attempt| attempt.closed.as_ref());
        Some(if let Some((contact, why)) = refused.first() {
            let evidence = format!("port {} of {} is not reached: {why}", contact.endpoint.port, contact.address);
            let (condition, message) = match &self.question.blocked {
                Some((condition, message)) => (condition.as_str(), format!("; {condition}: {message}")),
                None => ("GatewayProgrammed", String::new()),
            };
            let advice = format!(
                "see condition {condition} of the gateway instance, the Gateway's Service and proxies, and firewalls between here and there"
            );
            failed(step, evidence + &message, advice)
        } else if let Some((_, why)) = closed.first() {
            unknown(step, (*why).clone())
        } else {
            let ports: BTreeSet<u16> = self.evidence.contacts.iter().map(|contact| contact.endpoint.port).collect();
            if ports.is_empty() {
                let silent = &self.question.datagram_ports;
                let evidence = || {
                    format!("port {} takes datagrams, and whether they arrive can't be seen from outside", list(silent))
                };
                return (!silent.is_empty()).then(|| unknown(step, evidence()));
            }
            passed(step, format!("connections are accepted at port {}", list(&ports)))
        })
    }

    /// None: nothing speaks TLS.
    pub(super) fn certificate_valid(&self) -> Option<Step> {
        let step = StepName::CertificateValid;
        let all = self.contacts(|attempt| attempt.tls.as_ref());
        for (contact, tls) in &all {
            if let Some((mut evidence, advice)) = self.fault(contact, tls) {
                // The cause, often in the words of the authority.
                let is_own = contact.endpoint.protocol != Protocol::TlsPassthrough;
                if let Some(why) = self.question.uncertified.as_ref().filter(|_| is_own) {
                    evidence += &format!("; CertificatesReady: {why}");
                }
                return Some(failed(step, evidence, advice));
            }
        }
        let (contact, Ok(tls)) = all.first()? else { return None };
        let mut evidence =
            format!("the certificate is for {}, signed by {}, and ends {}", tls.names.join(", "), tls.issuer, day(tls));
        if contact.endpoint.protocol == Protocol::TlsPassthrough {
            evidence += "; the workload presents it";
        } else if let Some(why) = &tls.untrusted {
            evidence +=
                &format!("; who visits must be told to trust its authority, which nobody knows by itself ({why})");
        }
        Some(passed(step, evidence))
    }

    /// What is wrong with a certificate, and what to do.
    fn fault(&self, contact: &Contact, tls: &Result<TlsSeen, String>) -> Option<(String, String)> {
        let (port, is_own) = (contact.endpoint.port, contact.endpoint.protocol != Protocol::TlsPassthrough);
        let conditions = if is_own {
            "see conditions ListenersReady and CertificatesReady of the gateway instance"
        } else {
            "the workload itself ends TLS there: see its own certificate and its logs"
        };
        let tls = match tls {
            Err(why) => return Some((format!("the TLS handshake at port {port} fails: {why}"), conditions.to_owned())),
            Ok(tls) => tls,
        };
        if let Host::Named(host) = &self.question.host
            && !tls.names.iter().any(|name| covers(name, host))
        {
            let evidence = format!("the certificate at port {port} is for {}, not for {host}", tls.names.join(", "));
            let is_too_deep = is_own && tls.names.iter().any(|name| is_above(name, host));
            let advice = match host.split_once('.').filter(|_| is_too_deep) {
                Some((_, above)) => format!(
                    "in a certificate the asterisk stands for one label, in Hostnames for any number: add {host} or *.{above} to Hostnames of the gateway definition"
                ),
                None => conditions.to_owned(),
            };
            return Some((evidence, advice));
        }
        if tls.not_after <= self.now {
            let advice = if is_own {
                "see condition CertificatesReady of the gateway instance, and the Certificate in the cluster"
            } else {
                conditions
            };
            return Some((format!("the certificate at port {port} ended {}", day(tls)), advice.to_owned()));
        }
        let untrusted = tls.untrusted.as_ref().filter(|_| self.question.known_authority && is_own)?;
        let evidence = format!("the certificate at port {port}, signed by {}, is not trusted: {untrusted}", tls.issuer);
        Some((
            evidence,
            "see whether AcmeServer is an authority for tests, and whether this machine knows its authorities"
                .to_owned(),
        ))
    }

    /// None: no record tells of it.
    pub(super) fn endpoints_ready(&self) -> Option<Step> {
        let step = StepName::EndpointsReady;
        Some(match self.question.backends.as_ref()? {
            Backends::Ready => passed(step, "the Services behind the routes have pods that are ready"),
            Backends::NotReady { found, next } => failed(step, found, next),
            Backends::NotSeen(why) => unknown(step, why),
        })
    }

    /// None: nothing speaks HTTP, or nobody came so far.
    pub(super) fn answered(&self) -> Option<Step> {
        let step = StepName::Answered;
        let all = self.contacts(|attempt| attempt.answer.as_ref());
        for (contact, answer) in &all {
            let at = format!("{}{}", contact.endpoint.port, contact.endpoint.path);
            match answer {
                Err(why) => {
                    let advice = "see whether the Gateway's proxies run";
                    return Some(failed(step, format!("port {at} gives no answer of HTTP: {why}"), advice));
                }
                Ok(503) => {
                    let advice = "see whether the workload's pods are ready and its Service selects them: condition ResourcesReady of the \
                                  workload instance, RefsResolved of the gateway instance";
                    return Some(failed(step, format!("port {at} answers 503: no pod takes the request"), advice));
                }
                Ok(code @ (502 | 504)) => {
                    let advice = "see the logs of the workload's pods, and whether the Service's port is the one at which they listen";
                    return Some(failed(
                        step,
                        format!("port {at} answers {code}: the workload gives no answer of HTTP"),
                        advice,
                    ));
                }
                Ok(code @ 500..) => {
                    return Some(failed(
                        step,
                        format!("port {at} answers {code}"),
                        "see the logs of the workload's pods",
                    ));
                }
                Ok(_) => {}
            }
        }
        let (contact, Ok(code)) = all.first()? else { return None };
        Some(passed(step, format!("port {}{} answers {code}", contact.endpoint.port, contact.endpoint.path)))
    }

    /// Attempts that came to some part. Those over TLS come first: they are what users see.
    fn contacts<'s, T>(&'s self, part: impl Fn(&'s Attempt) -> Option<&'s T>) -> Vec<(&'s Contact, &'s T)> {
        let contacts = self.evidence.contacts.iter();
        let mut found: Vec<_> = contacts.filter_map(|contact| Some((contact, part(&contact.attempt)?))).collect();
        found.sort_by_key(|(contact, _)| contact.endpoint.protocol != Protocol::Https);
        found
    }
}

fn day(tls: &TlsSeen) -> String {
    tls.not_after.format("%Y-%m-%d %H:%M UTC").to_string()
}

/// Whether a name in a certificate is a wildcard somewhere above a host.
fn is_above(name: &str, host: &str) -> bool {
    let end = name.strip_prefix('*').map(str::to_ascii_lowercase);
    end.is_some_and(|end| host.len() > end.len() && host.to_ascii_lowercase().ends_with(&end))
}

/// Whether a name in a certificate is for a host. A wildcard stands for one label.
pub(super) fn covers(name: &str, host: &str) -> bool {
    let name = name.to_ascii_lowercase();
    match name.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(domain)),
        None => name.eq_ignore_ascii_case(host),
    }
}
