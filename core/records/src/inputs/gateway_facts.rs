//! What a cluster says of Gateway API and of its gateway controllers, as the reconcile of its runtime has published it.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All that a cluster says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayFacts {
    /// None: Gateway API is not installed.
    pub api: Option<GatewayApiFacts>,
    /// The GatewayClasses by name, without those that a control plane has made for a Gateway of its own.
    pub classes: BTreeMap<String, GatewayClassFacts>,
}

/// The definitions of Gateway API that are installed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayApiFacts {
    /// As they say it themselves, such as `v1.6.1`; empty where they don't.
    pub version: String,
    /// `standard` or `experimental`; empty where they don't say it.
    pub channel: String,
    /// The kinds that are served in the versions in which Causeway writes them.
    pub kinds: BTreeSet<String>,
}

/// A GatewayClass.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayClassFacts {
    /// `spec.controllerName`.
    pub controller: String,
    /// `status.supportedFeatures`; empty: the controller doesn't say.
    pub features: BTreeSet<String>,
}

/// What concerns the Gateways of one class. By default nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ClassInCluster {
    /// None: Gateway API is not installed, as far as is known.
    pub api: Option<GatewayApiFacts>,
    /// None: the cluster has no such class, as far as is known; or the Gateways have classes that Causeway makes.
    pub class: Option<GatewayClassFacts>,
}

impl GatewayFacts {
    /// What concerns the Gateways of a class; None: those of classes that Causeway makes.
    #[must_use]
    pub fn of_class(&self, class: Option<&str>) -> ClassInCluster {
        ClassInCluster { api: self.api.clone(), class: class.and_then(|class| self.classes.get(class)).cloned() }
    }

    /// The classes of which something else is known now than before.
    #[must_use]
    pub fn changed_classes(&self, before: &Self) -> BTreeSet<String> {
        let names = self.classes.keys().chain(before.classes.keys());
        names.filter(|name| self.classes.get(*name) != before.classes.get(*name)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_that_came_went_or_changed_is_told_apart_from_the_others() {
        let class = |features: &[&str]| GatewayClassFacts {
            controller: "example.org/controller".into(),
            features: features.iter().map(|name| (*name).to_owned()).collect(),
        };
        let facts = |classes: &[(&str, &[&str])]| GatewayFacts {
            api: None,
            classes: classes.iter().map(|(name, features)| ((*name).to_owned(), class(features))).collect(),
        };
        let before = facts(&[("gone", &[]), ("same", &["HTTPRoute"]), ("other", &[])]);
        let after = facts(&[("new", &[]), ("same", &["HTTPRoute"]), ("other", &["HTTPRoute"])]);
        let changed = after.changed_classes(&before);
        assert_eq!(changed.iter().map(String::as_str).collect::<Vec<_>>(), ["gone", "new", "other"]);
        assert!(after.changed_classes(&after).is_empty());
        assert_eq!(after.of_class(Some("same")).class, Some(class(&["HTTPRoute"])));
        assert_eq!((after.of_class(Some("gone")).class, after.of_class(None).class), (None, None));
    }
}
