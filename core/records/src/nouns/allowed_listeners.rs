//! Which ListenerSets of others a Gateway lets in, in the JSON of Gateway API's `allowedListeners`.

use super::NamespaceLabelSelector;
use crate::{problem::Problem, scalar::json_scalar, text::choice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

choice! {
    /// Namespaces whose ListenerSets a Gateway lets in, in the words of Gateway API.
    ListenerSetsFrom {
        /// No ListenerSet at all.
        None = "None",
        /// Those in the Gateway's own.
        Same = "Same",
        /// Those of every one.
        All = "All",
        /// Those in namespaces with the labels of `selector`.
        Selector = "Selector",
    }
}

/// Which ListenerSets a Gateway lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AllowedListeners {
    /// By their namespaces. Left out: none.
    #[serde(default)]
    pub namespaces: ListenerNamespaces,
}
json_scalar!(AllowedListeners);

/// A choice of the namespaces of ListenerSets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerNamespaces {
    /// How they are chosen.
    #[serde(default)]
    pub from: ListenerSetsFrom,
    /// With `from` Selector: labels that they have in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<NamespaceLabelSelector>,
}

impl AllowedListeners {
    /// Whether it lets some in.
    pub fn lets_some_in(&self) -> bool {
        self.namespaces.from != ListenerSetsFrom::None
    }

    /// What is wrong with it, as problems of the field `AllowedListeners`.
    pub(super) fn check(&self) -> Vec<Problem> {
        let ListenerNamespaces { from, selector } = &self.namespaces;
        let by_labels = *from == ListenerSetsFrom::Selector;
        NamespaceLabelSelector::check(selector.as_ref(), by_labels, "AllowedListeners.namespaces")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(allowed: &Value) -> AllowedListeners {
        serde_json::from_value(allowed.clone()).unwrap()
    }

    #[test]
    fn it_is_written_as_in_gateway_api() {
        for (good, lets) in [
            (json!({}), false),
            (json!({"namespaces": {"from": "None"}}), false),
            (json!({"namespaces": {"from": "Same"}}), true),
            (json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"team": "a"}}}}), true),
        ] {
            let allowed = read(&good);
            assert_eq!((allowed.check(), allowed.lets_some_in()), (vec![], lets), "{good}");
            assert_eq!(read(&serde_json::to_value(&allowed).unwrap()), allowed, "{good}");
        }
        let unknown = json!({"namespaces": {"from": "Everywhere"}});
        assert!(serde_json::from_value::<AllowedListeners>(unknown).is_err());
    }

    #[test]
    fn a_selector_goes_with_its_word() {
        let problems = |allowed: Value| read(&allowed).check().iter().map(ToString::to_string).collect::<Vec<_>>();
        let alone = problems(json!({"namespaces": {"from": "Selector"}}));
        assert_eq!(alone, ["AllowedListeners.namespaces.selector: is needed with from Selector"]);
        let idle = problems(json!({"namespaces": {"from": "Same", "selector": {"matchLabels": {"a": "b"}}}}));
        assert_eq!(idle, ["AllowedListeners.namespaces.selector: goes with from Selector; leave it out"]);
    }
}
