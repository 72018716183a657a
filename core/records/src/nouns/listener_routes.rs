//! Which routes a listener lets in, in the JSON of Gateway API's `allowedRoutes`.

use super::Labels;
use crate::{problem::Problem, text::choice};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

choice! {
    /// Namespaces whose routes a listener lets in, in the words of Gateway API.
    RouteNamespacesFrom {
        /// The Gateway's own.
        Same = "Same",
        /// Every one.
        All = "All",
        /// Those with the labels of `selector`.
        Selector = "Selector",
    }
}

choice! {
    /// What is asked of a label, in the words of Kubernetes.
    LabelOperator {
        /// It has one of the values.
        In = "In",
        /// It has none of the values, or isn't there.
        NotIn = "NotIn",
        /// It is there.
        Exists = "Exists",
        /// It isn't there.
        DoesNotExist = "DoesNotExist",
    }
}

/// Which routes a listener lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerRoutes {
    /// By their namespaces. Left out: those in the Gateway's own.
    #[serde(default)]
    pub namespaces: RouteNamespaces,
    /// By their kinds. Left out: all that fit the protocol.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<RouteKindName>,
}

/// A choice of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteNamespaces {
    /// How they are chosen.
    #[serde(default)]
    pub from: RouteNamespacesFrom,
    /// With `from` Selector: labels that they have in the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<NamespaceLabelSelector>,
}

/// Labels that a namespace has to have; all of it has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamespaceLabelSelector {
    /// Labels with their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub match_labels: BTreeMap<String, String>,
    /// Further demands.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<LabelDemand>,
}

/// What is asked of one label.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelDemand {
    /// Key of the label.
    pub key: String,
    /// What is asked of it.
    pub operator: LabelOperator,
    /// With `operator` In and NotIn: the values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

/// A kind of route.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RouteKindName {
    /// Its API group. Left out: that of Gateway API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// `HTTPRoute`, or another one.
    pub kind: String,
}

/// Demands on labels, and kinds, that one listener may name.
const MOST: usize = 8;

impl ListenerRoutes {
    /// What is wrong with it, as problems of the field `AllowedRoutes`.
    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = vec![];
        let mut wrong = |is: bool, field: &str, problem: &str| {
            problems.extend(is.then(|| Problem::new(format!("AllowedRoutes.{field}"), problem)));
        };
        wrong(self.kinds.len() > MOST, "kinds", "holds more than 8 kinds");
        let nameless = self.kinds.iter().any(|kind| kind.kind.is_empty());
        wrong(nameless, "kinds", "names a kind by an empty text; give one such as HTTPRoute");
        let RouteNamespaces { from, selector } = &self.namespaces;
        let by_labels = *from == RouteNamespacesFrom::Selector;
        problems.extend(NamespaceLabelSelector::check(selector.as_ref(), by_labels, "AllowedRoutes.namespaces"));
        problems
    }
}

impl NamespaceLabelSelector {
    /// What is wrong with a choice of namespaces of the field `at`. `is_meant`: it is one by labels.
    pub(super) fn check(selector: Option<&Self>, is_meant: bool, at: &str) -> Vec<Problem> {
        let mut problems = vec![];
        let mut wrong = |is: bool, field: &str, problem: &str| {
            problems.extend(is.then(|| Problem::new(format!("{at}.{field}"), problem)))
        };
        wrong(is_meant && selector.is_none(), "selector", "is needed with from Selector");
        wrong(!is_meant && selector.is_some(), "selector", "goes with from Selector; leave it out");
        let demands = selector.map_or(&[][..], |selector| selector.match_expressions.as_slice());
        let field = "selector.matchExpressions";
        wrong(demands.len() > MOST, field, "holds more than 8 demands");
        let has_values = |demand: &LabelDemand| matches!(demand.operator, LabelOperator::In | LabelOperator::NotIn);
        let odd = demands.iter().any(|demand| demand.key.is_empty() || has_values(demand) == demand.values.is_empty());
        wrong(odd, field, "each has a key, and values exactly with operator In or NotIn");
        let labels = selector.map(|selector| Labels(selector.match_labels.clone()));
        problems.extend(labels.iter().flat_map(|labels| labels.check(&format!("{at}.selector.matchLabels"))));
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn problems(routes: Value) -> Vec<String> {
        let routes: ListenerRoutes = serde_json::from_value(routes).unwrap();
        routes.check().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn it_is_written_as_in_gateway_api() {
        for good in [
            json!({}),
            json!({"namespaces": {"from": "All"}, "kinds": [{"kind": "HTTPRoute"}]}),
            json!({"namespaces": {"from": "Selector", "selector": {"matchLabels": {"purpose": "workloads"}}}}),
            json!({"namespaces": {"from": "Selector", "selector": {"matchExpressions": [
                {"key": "team", "operator": "In", "values": ["a", "b"]}, {"key": "closed", "operator": "DoesNotExist"},
            ]}}}),
        ] {
            assert_eq!(problems(good.clone()), [""; 0], "{good}");
            let read: ListenerRoutes = serde_json::from_value(good.clone()).unwrap();
            let again: ListenerRoutes = serde_json::from_value(serde_json::to_value(&read).unwrap()).unwrap();
            assert_eq!(read, again, "{good}");
        }
        let unknown = serde_json::from_value::<ListenerRoutes>(json!({"namespaces": {"from": "None"}}));
        assert!(unknown.is_err() && serde_json::from_value::<ListenerRoutes>(json!({"from": "All"})).is_err());
    }

    #[test]
    fn a_selector_goes_with_its_word() {
        let alone = problems(json!({"namespaces": {"from": "Selector"}}));
        assert_eq!(alone, ["AllowedRoutes.namespaces.selector: is needed with from Selector"]);
        let idle = problems(json!({"namespaces": {"from": "All", "selector": {"matchLabels": {"a": "b"}}}}));
        assert_eq!(idle, ["AllowedRoutes.namespaces.selector: goes with from Selector; leave it out"]);
        let selecting = |selector: Value| problems(json!({"namespaces": {"from": "Selector", "selector": selector}}));
        let demand = |demand: Value| selecting(json!({"matchExpressions": [demand]}));
        for odd in [
            json!({"key": "", "operator": "Exists"}),
            json!({"key": "a", "operator": "In"}),
            json!({"key": "a", "operator": "Exists", "values": ["b"]}),
        ] {
            assert!(demand(odd.clone())[0].contains("matchExpressions: each has a key"), "{odd}");
        }
        assert!(selecting(json!({"matchLabels": {"a b": "c"}}))[0].contains("`a b` is no key"));
        assert!(problems(json!({"kinds": [{"kind": ""}]}))[0].starts_with("AllowedRoutes.kinds: names a kind"));
    }
}
