//! The way of a request through the parts of a gateway instance, each with the conditions that tell of it. Pure.
//!
//! Every condition is in exactly one part, so that none is lost, also one that comes with a later release. What is said is what the conditions say, those of
//! the gateway instance and those of the records that it needs; what to do is what `docs/troubleshooting.md` says.

use super::parts::{Look, ago, icon, markdown};
use causeway_records::{
    advice::advice,
    status::{Condition, ConditionStatus, Conditions, READY},
};
use chrono::{DateTime, Utc};
use maud::{Markup, html};

/// A part of the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Name,
    Record,
    LoadBalancer,
    Cluster,
    Gateway,
    Certificate,
    Listener,
    Route,
    Service,
    Pods,
}

impl Part {
    const ALL: [Self; 10] = [
        Self::Name,
        Self::Record,
        Self::LoadBalancer,
        Self::Cluster,
        Self::Gateway,
        Self::Certificate,
        Self::Listener,
        Self::Route,
        Self::Service,
        Self::Pods,
    ];

    const fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::Record => "DNS record",
            Self::LoadBalancer => "Load balancer",
            Self::Cluster => "Cluster",
            Self::Gateway => "Gateway",
            Self::Certificate => "Certificate",
            Self::Listener => "Listener",
            Self::Route => "Route",
            Self::Service => "Service",
            Self::Pods => "Pods",
        }
    }

    /// The part that a condition of a gateway instance tells of.
    pub(super) fn of(condition_type: &str) -> Self {
        match condition_type {
            "DnsPublished" | "DnsWithdrawn" => Self::Record,
            "AddressAssigned" | "EndpointReachable" => Self::LoadBalancer,
            "Supported" | "GatewayAccepted" | "GatewayProgrammed" => Self::Gateway,
            "CertificatesReady" | "AwsAccountAllowed" => Self::Certificate,
            "ListenersReady" => Self::Listener,
            "RoutesAccepted" => Self::Route,
            "RefsResolved" => Self::Service,
            // What has to be there before anything else: the cluster, what is installed in it, our own objects.
            _ => Self::Cluster,
        }
    }
}

/// What a part is called on this way, and what nobody observes of it. A part without either and without conditions isn't on the way.
pub(super) struct Stop {
    pub(super) part: Part,
    pub(super) name: Markup,
    pub(super) unseen: &'static str,
}

/// A condition of a record that the gateway instance needs.
pub(super) struct Other {
    pub(super) part: Part,
    /// The record, as a link.
    pub(super) of: Markup,
    pub(super) condition: Condition,
}

/// All that is known of a way.
pub(super) struct Account {
    pub(super) own: Conditions,
    pub(super) others: Vec<Other>,
    pub(super) stops: Vec<Stop>,
}

impl Account {
    /// What a person should look at first: of the gateway instance itself, or else of what it needs.
    pub(super) fn trouble(&self) -> Option<&Condition> {
        let of_others = |status| self.others.iter().map(|other| &other.condition).find(move |c| c.status == status);
        let others = || of_others(ConditionStatus::False).or_else(|| of_others(ConditionStatus::Unknown));
        self.own.first_trouble().or_else(others)
    }

    fn hops(&self) -> Vec<Hop<'_>> {
        let own = self.own.0.iter().filter(|condition| condition.condition_type != READY);
        let own = own.map(|condition| (Part::of(&condition.condition_type), Told { condition, of: None }));
        let others =
            self.others.iter().map(|other| (other.part, Told { condition: &other.condition, of: Some(&other.of) }));
        let told: Vec<_> = own.chain(others).collect();
        let of = |part| told.iter().filter(move |(told, _)| *told == part).map(|(_, told)| *told).collect();
        let stop = |part| self.stops.iter().find(move |stop| stop.part == part);
        let hops = Part::ALL.into_iter().map(|part| Hop { part, stop: stop(part), told: of(part) });
        hops.filter(|hop| hop.stop.is_some() || !hop.told.is_empty()).collect()
    }
}

/// A condition with the record that it is of, if that isn't the gateway instance.
#[derive(Clone, Copy)]
struct Told<'c> {
    condition: &'c Condition,
    of: Option<&'c Markup>,
}

/// A part with what is told of it.
struct Hop<'c> {
    part: Part,
    stop: Option<&'c Stop>,
    told: Vec<Told<'c>>,
}

impl Hop<'_> {
    /// The worst of its conditions.
    fn look(&self) -> Look {
        let is = |status| self.told.iter().any(|told| told.condition.status == status);
        match (is(ConditionStatus::False), is(ConditionStatus::Unknown), self.told.is_empty()) {
            (true, ..) => Look::Fails,
            (_, true, _) => Look::Waits,
            (.., true) => Look::Plain,
            _ => Look::Stands,
        }
    }

    /// What is not met.
    fn open(&self) -> impl Iterator<Item = &Told<'_>> {
        self.told.iter().filter(|told| told.condition.status != ConditionStatus::True)
    }
}

/// The chain. What fails is open, with what its conditions say, whole, and so is the first trouble, with what can be done: what follows from a failure
/// may come before it.
pub(super) fn chain(account: &Account, verbs: &Markup, now: DateTime<Utc>) -> Markup {
    let trouble = account.trouble();
    html! {
        ol class="chain" {
            @for hop in account.hops() {
                @let is_first = trouble.is_some_and(|trouble| hop.told.iter().any(|told| std::ptr::eq(told.condition, trouble)));
                li class=(hop.look().name()) id={"hop-" (hop.part.title().to_lowercase().replace(' ', "-"))} {
                    (icon(hop.look().name()))
                    @if is_first || hop.look() == Look::Fails {
                        div class="open" { (line(&hop)) (facts(&hop, is_first.then_some(verbs), now)) }
                    } @else {
                        (line(&hop))
                    }
                }
            }
        }
    }
}

fn line(hop: &Hop<'_>) -> Markup {
    let worst = hop.open().next();
    html! {
        div class="hop" {
            span { (hop.part.title()) }
            span class="name" { @if let Some(stop) = hop.stop { (stop.name) } }
            span {
                @match worst.or(hop.told.last()).map(|told| told.condition) {
                    Some(condition) if condition.status == ConditionStatus::True => (condition.message),
                    Some(condition) => (condition.reason),
                    None => "",
                }
                @if let Some(stop) = hop.stop.filter(|stop| !stop.unseen.is_empty()) { span class="unseen" { (stop.unseen) } }
            }
        }
    }
}

fn facts(hop: &Hop<'_>, verbs: Option<&Markup>, now: DateTime<Utc>) -> Markup {
    html! {
        dl class="facts" {
            @for (n, told) in hop.open().enumerate() { (fact(told, n > 0, now)) }
            @if let Some(verbs) = verbs { dt { "Do" } dd { (verbs) } }
        }
    }
}

/// A condition whole: its own words, and what the documentation says about its reason.
fn fact(told: &Told<'_>, is_apart: bool, now: DateTime<Utc>) -> Markup {
    let condition = told.condition;
    html! {
        dt class=[is_apart.then_some("apart")] { (condition.condition_type) }
        dd class=[is_apart.then_some("apart")] { @if let Some(of) = told.of { span class="below" { "Of " (of) } } (condition.message) }
        dt { "Reason" }
        dd { code { (condition.reason) } " for " (ago(condition.last_transition_time, now)) ", found at generation " (condition.observed_generation) }
        @if let Some(advice) = advice(condition) {
            dt { "It means" } dd { (markdown(advice.meaning)) }
            dt { "Next step" } dd { (markdown(advice.next)) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::status::NewCondition;

    fn account(new: Vec<NewCondition>) -> Account {
        let name = Stop { part: Part::Name, name: html! { "shop.example.org" }, unseen: "" };
        Account {
            own: Conditions::from_new(new, &Conditions::default(), 1, Utc::now()),
            others: vec![],
            stops: vec![name],
        }
    }

    fn shown(account: &Account) -> String {
        chain(account, &html! { "a button" }, Utc::now()).into_string()
    }

    #[test]
    fn every_condition_is_in_one_part() {
        let types =
            ["ClusterReachable", "Applied", "GatewayAccepted", "CertificatesReady", "DnsPublished", "OfALaterRelease"];
        let all = account(types.map(|condition_type| NewCondition::met(condition_type, "R", "m")).into());
        let told: usize = all.hops().iter().map(|hop| hop.told.len()).sum();
        assert_eq!(told, types.len(), "Ready sums up and is told above");
        assert_eq!(Part::of("OfALaterRelease"), Part::Cluster);
    }

    #[test]
    fn what_fails_comes_before_what_waits_for_it() {
        let all = account(vec![
            NewCondition::unknown("GatewayProgrammed", "Pending", "nothing said yet"),
            NewCondition::not_met("CertificatesReady", "Failed", "CAA forbids <it>"),
        ]);
        assert_eq!(all.trouble().unwrap().condition_type, "CertificatesReady");
        let chain = shown(&all);
        assert_eq!(chain.matches("class=\"open\"").count(), 1, "{chain}");
        let open = &chain[chain.find("class=\"open\"").unwrap()..];
        assert!(open.contains("a button") && open.find("Certificate") < open.find("CAA forbids &lt;it"), "{open}");
    }

    #[test]
    fn what_it_needs_is_told_where_it_is_on_the_way() {
        let mut all = account(vec![NewCondition::met("RefsResolved", "ResolvedRefs", "the Services exist")]);
        assert!(all.trouble().is_none());
        let fails = NewCondition::not_met("DnsPublished", "NoZone", "no zone holds it");
        let condition = Conditions::from_new(vec![fails], &Conditions::default(), 1, Utc::now()).0.remove(0);
        all.others.push(Other { part: Part::Record, of: html! { "domain name instance shop" }, condition });
        assert_eq!(all.trouble().unwrap().reason, "NoZone");
        let chain = shown(&all);
        assert!(chain.contains("Of domain name instance shop"), "{chain}");
        let next = advice(all.trouble().unwrap()).unwrap().next;
        assert!(next.contains("Create the zone") && chain.contains("Create the zone"), "{next}");
    }
}
