//! What the Gateways of one class can carry in one cluster, as far as the cluster has said it: by the definitions of Gateway API that are installed, and by
//! the features that the class's controller lists.
//!
//! What nobody has said anything about can be asked for: the controller has the last word, and conditions repeat it.

#[cfg(test)]
mod tests;

use crate::{
    driver::Driver,
    features::{CLIENT_VALIDATION, CORS, Feature, KINDS, LISTENER_SET, Need, of_protocol},
};
use causeway_records::{
    inputs::{ClassInCluster, GatewayApiFacts, Protocol},
    problem::{Problem, Reason, Refusal},
};

/// Fields that came into the standard channel in this release of Gateway API, after the oldest one that is worked with.
const SINCE: &[(Feature, (u32, u32))] = &[(CORS, (1, 6)), (CLIENT_VALIDATION, (1, 5))];

/// What the Gateways of one class can carry in one cluster.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities<'f> {
    class: Option<&'f str>,
    known: &'f ClassInCluster,
}

impl<'f> Capabilities<'f> {
    /// `class`: the one that the Gateways name; None: those that Causeway makes, for the default driver.
    pub fn new(class: Option<&'f str>, known: &'f ClassInCluster) -> Self {
        Self { class, known }
    }

    /// Why the cluster can't do something, as the rest of a sentence about it; None: nothing says that it can't.
    pub fn lacks(&self, feature: Feature) -> Option<String> {
        if let Some(api) = &self.known.api {
            let installed =
                || format!("Gateway API {} ({}) of the cluster", or_unknown(&api.version), or_unknown(&api.channel));
            if KINDS.contains(&feature) && !api.kinds.contains(feature) {
                return Some(format!("{} doesn't serve that kind at v1; install 1.6 or newer there", installed()));
            }
            let since = SINCE.iter().find(|(newer, _)| *newer == feature).map(|(_, since)| *since);
            if let Some((major, minor)) = since.filter(|since| is_older(api, *since)) {
                return Some(format!("{} doesn't have it; install {major}.{minor} or newer there", installed()));
            }
        }
        let (class, seen) = (self.class?, self.known.class.as_ref()?);
        if seen.features.is_empty() || seen.features.contains(feature) {
            return None;
        }
        Some(format!(
            "GatewayClass {class} of the cluster doesn't list it among the features that its controller ({}) supports; leave it out, or take another \
             GatewayClassName",
            seen.controller
        ))
    }

    /// Whether listeners of a protocol can be there, and the routes for them.
    pub fn serves(&self, protocol: Protocol) -> bool {
        of_protocol(protocol).iter().all(|feature| self.lacks(feature).is_none())
    }

    /// Whether listeners may be placed in ListenerSets. Of another controller than the default one this isn't taken for granted, because every one has
    /// listeners on the Gateway itself. A class that the cluster doesn't have, as far as is known, is taken for one of the default driver.
    pub fn has_listener_sets(&self) -> bool {
        if self.lacks(LISTENER_SET).is_some() {
            return false;
        }
        let is_listed = self.known.class.as_ref().is_some_and(|seen| seen.features.contains(LISTENER_SET));
        is_listed || Driver::of_class(self.class, self.known).has_unlisted_listener_sets()
    }

    /// Whether the class is one that somebody else has made, and that the cluster has.
    pub fn of_known_class(&self) -> Option<(&'f str, &'f str)> {
        Some((self.class?, &self.known.class.as_ref()?.controller))
    }

    /// What is needed and can't be, each with the reason.
    pub fn missing(&self, needs: &[Need]) -> Vec<(Need, String)> {
        needs.iter().filter_map(|need| Some((need.clone(), self.lacks(need.feature)?))).collect()
    }

    /// Whether all that is needed can be, in a cluster of this name.
    ///
    /// # Errors
    /// Names each field and the feature that it needs.
    pub fn check(&self, needs: &[Need], cluster: &str) -> Result<(), Refusal> {
        let missing = self.missing(needs);
        if missing.is_empty() {
            return Ok(());
        }
        let problem = |(need, why): (Need, String)| {
            let Need { field, feature } = need;
            Problem::new(
                field,
                format!("needs {feature} of Gateway API, and kubernetes runtime instance {cluster} can't do it: {why}"),
            )
        };
        Err(Refusal::fields(Reason::Unsupported, missing.into_iter().map(problem).collect()))
    }
}

/// Whether what is installed is of the standard channel and older. The experimental one had such fields before.
fn is_older(api: &GatewayApiFacts, since: (u32, u32)) -> bool {
    let mut numbers = api.version.trim_start_matches('v').split('.').map(|part| part.parse::<u32>().ok());
    let installed = numbers.next().flatten().zip(numbers.next().flatten());
    api.channel == "standard" && installed.is_some_and(|installed| installed < since)
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() { "of an unknown release" } else { text }
}
