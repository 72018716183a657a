//! What workers have to be allowed in a cluster, and what of it credentials lack there: asked of the API server before anything is stored.

use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::{Api, Client, api::PostParams};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::{task::JoinSet, time::sleep};

use super::failure;
use crate::failure::{Failure, Outcome};

/// The rules of the role that `causeway cluster access` prints, as YAML. The chart has the same file.
pub(super) const RIGHTS: &str = include_str!("../../../deploy/chart/rights.yaml");
/// Reviews that are asked for at the same time.
const AT_ONCE: usize = 16;
/// How long a cluster may take until a role that was just bound counts.
const SPREADS_WITHIN: Duration = Duration::from_secs(10);
const AGAIN: Duration = Duration::from_millis(500);

/// To do one thing with one kind of object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Right {
    what: What,
    verb: String,
}

/// A kind of object, or one of them, as a rule names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct What {
    group: String,
    /// `pods`, or `pods/log`.
    resource: String,
    name: Option<String>,
}

/// What credentials lack.
#[derive(Debug, PartialEq)]
pub(crate) struct Missing {
    /// How many rights were asked for.
    pub(crate) asked: usize,
    pub(crate) lacking: Vec<Right>,
}

/// A rule of the list.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    api_groups: Vec<String>,
    resources: Vec<String>,
    #[serde(default)]
    resource_names: Vec<String>,
    verbs: Vec<String>,
}

/// Everything that the list names, one by one.
pub(crate) fn needed() -> Outcome<Vec<Right>> {
    let rules: Result<Vec<Rule>, _> = serde_saphyr::from_str(RIGHTS);
    let rules = rules.map_err(|error| Failure::usage(format!("the list of rights: {error}")))?;
    Ok(rules.iter().flat_map(Rule::rights).collect())
}

impl Rule {
    fn rights(&self) -> Vec<Right> {
        let names: Vec<_> = match self.resource_names.as_slice() {
            [] => vec![None],
            names => names.iter().cloned().map(Some).collect(),
        };
        let mut rights = vec![];
        for group in &self.api_groups {
            for resource in &self.resources {
                for name in &names {
                    let what = What { group: group.clone(), resource: resource.clone(), name: name.clone() };
                    rights.extend(self.verbs.iter().map(|verb| Right { what: what.clone(), verb: verb.clone() }));
                }
            }
        }
        rights
    }
}

impl Right {
    fn review(&self) -> SelfSubjectAccessReview {
        let What { group, resource, name } = &self.what;
        let (resource, subresource) = match resource.split_once('/') {
            Some((resource, subresource)) => (resource, Some(subresource.to_owned())),
            None => (resource.as_str(), None),
        };
        let attributes = ResourceAttributes {
            group: Some(group.clone()),
            resource: Some(resource.to_owned()),
            subresource,
            name: name.clone(),
            verb: Some(self.verb.clone()),
            ..ResourceAttributes::default()
        };
        SelfSubjectAccessReview {
            spec: SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() },
            ..Default::default()
        }
    }
}

impl std::fmt::Display for What {
    /// As kubectl writes it: `deployments.apps`, `signers.certificates.k8s.io issuers.cert-manager.io/*`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { group, resource, name } = self;
        match (resource.split_once('/'), group.as_str()) {
            (_, "") => f.write_str(resource)?,
            (None, group) => write!(f, "{resource}.{group}")?,
            (Some((resource, subresource)), group) => write!(f, "{resource}.{group}/{subresource}")?,
        }
        name.as_ref().map_or(Ok(()), |name| write!(f, " {name}"))
    }
}

impl Missing {
    /// Verbs by what they lack, in order.
    fn gathered(&self) -> BTreeMap<&What, Vec<&str>> {
        let mut gathered: BTreeMap<&What, Vec<&str>> = BTreeMap::new();
        for right in &self.lacking {
            let verbs = gathered.entry(&right.what).or_default();
            // Two rules may name the same.
            if !verbs.contains(&right.verb.as_str()) {
                verbs.push(&right.verb);
            }
        }
        gathered
    }

    /// A row for each kind of object: its name and the verbs.
    pub(crate) fn rows(&self) -> Vec<(String, String)> {
        self.gathered().into_iter().map(|(what, verbs)| (what.to_string(), verbs.join(", "))).collect()
    }

    /// The same for programs.
    pub(crate) fn data(&self) -> Value {
        let one = |(what, verbs): (&What, Vec<&str>)| {
            let mut one = json!({"APIGroup": what.group, "Resource": what.resource, "Verbs": verbs});
            if let Some(name) = &what.name {
                one["Name"] = json!(name);
            }
            one
        };
        self.gathered().into_iter().map(one).collect()
    }

    /// All in one sentence.
    pub(crate) fn sentence(&self) -> String {
        match self.lacking.len() {
            0 => format!("the credentials have all {} rights that workers need", self.asked),
            lacking => format!("the credentials lack {lacking} of {} rights that workers need", self.asked),
        }
    }
}

/// What the credentials of this client lack. `is_new`: they have just been given rights, which may take a moment.
pub(crate) async fn missing(client: &Client, is_new: bool) -> Outcome<Missing> {
    let (needed, began) = (needed()?, Instant::now());
    let asked = needed.len();
    let mut lacking = denied(client, needed).await?;
    while is_new && !lacking.is_empty() && began.elapsed() < SPREADS_WITHIN {
        sleep(AGAIN).await;
        lacking = denied(client, lacking).await?;
    }
    Ok(Missing { asked, lacking })
}

/// Those of the rights that the cluster denies.
async fn denied(client: &Client, rights: Vec<Right>) -> Outcome<Vec<Right>> {
    let mut denied = vec![];
    for some in rights.chunks(AT_ONCE) {
        let mut asked = JoinSet::new();
        for right in some.iter().cloned() {
            let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
            asked.spawn(async move {
                let answer = reviews.create(&PostParams::default(), &right.review()).await;
                answer.map(|review| (!review.status.is_some_and(|status| status.allowed)).then_some(right))
            });
        }
        for answer in asked.join_all().await {
            denied.extend(
                answer.map_err(|error| failure("the cluster doesn't say what the credentials may do", &error))?,
            );
        }
    }
    // Answers come in any order.
    denied.sort_by(|one, other| one.what.cmp(&other.what).then_with(|| one.verb.cmp(&other.verb)));
    Ok(denied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn right(group: &str, resource: &str, verb: &str) -> Right {
        Right { what: What { group: group.into(), resource: resource.into(), name: None }, verb: verb.into() }
    }

    #[test]
    fn every_rule_of_the_list_is_asked_for() {
        let needed = needed().unwrap();
        assert!(needed.len() > 150, "{}", needed.len());
        for wanted in [
            right("gateway.networking.k8s.io", "*", "*"),
            right("", "secrets", "create"),
            right("apps", "*", "patch"),
            right("*", "*", "list"),
            right("route.openshift.io", "routes/custom-host", "create"),
        ] {
            assert!(needed.contains(&wanted), "{wanted:?}");
        }
        let signers = needed.iter().filter(|right| right.verb == "sign").map(|right| right.what.to_string());
        assert_eq!(
            signers.collect::<Vec<_>>(),
            [
                "signers.certificates.k8s.io issuers.cert-manager.io/*",
                "signers.certificates.k8s.io clusterissuers.cert-manager.io/*"
            ]
        );
    }

    #[test]
    fn a_review_asks_for_one_right() {
        let asked = json!(right("route.openshift.io", "routes/custom-host", "create").review())["spec"].clone();
        let expected = json!({"resourceAttributes": {
            "group": "route.openshift.io", "resource": "routes", "subresource": "custom-host", "verb": "create",
        }});
        assert_eq!(asked, expected);
    }

    #[test]
    fn what_is_missing_is_gathered_by_what_it_is_about() {
        let lacking = vec![
            right("apps", "*", "create"),
            right("", "pods", "delete"),
            right("", "pods", "list"),
            right("", "pods", "list"),
        ];
        let missing = Missing { asked: 9, lacking };
        let row = |what: &str, verbs: &str| (what.to_owned(), verbs.to_owned());
        assert_eq!(missing.rows(), [row("pods", "delete, list"), row("*.apps", "create")]);
        assert_eq!(missing.sentence(), "the credentials lack 4 of 9 rights that workers need");
        let data = json!([
            {"APIGroup": "", "Resource": "pods", "Verbs": ["delete", "list"]},
            {"APIGroup": "apps", "Resource": "*", "Verbs": ["create"]},
        ]);
        assert_eq!(missing.data(), data);
        let custom = right("route.openshift.io", "routes/custom-host", "create");
        assert_eq!(custom.what.to_string(), "routes.route.openshift.io/custom-host");
    }
}
