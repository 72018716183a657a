//! Who writes the records of a domain, and how Route 53 chooses among those of one hostname.

use proptest::{prelude::*, sample::select};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    sequence::{Noun, Pick},
    world::{Handle, Record, Request, World},
};

/// How a domain is published. By default as the API does it where nothing is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Publishing {
    pub(crate) driver: Driver,
    /// Records have weights, also where only one cluster publishes.
    pub(crate) weighted: bool,
}

/// The value of `DnsDriver`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Driver {
    #[default]
    #[serde(rename = "external-dns")]
    ExternalDns,
    #[serde(rename = "route53")]
    Route53,
}

impl Publishing {
    /// Adds what a domain name definition says of it.
    pub(crate) fn tell(self, body: &mut Value) {
        body["DnsDriver"] = json!(self.driver);
        body["RoutingPolicy"] = json!(if self.weighted { "Weighted" } else { "Simple" });
    }
}

pub(crate) fn publishing() -> impl Strategy<Value = Publishing> {
    (select(vec![Driver::ExternalDns, Driver::Route53]), any::<bool>())
        .prop_map(|(driver, weighted)| Publishing { driver, weighted })
}

/// Never 0: where one cluster publishes, that is a condition of its own, and the record is answered with all the same.
pub(crate) fn weight() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![1 => Just(None), 3 => (1..=u8::MAX).prop_map(Some)]
}

impl World {
    /// How a domain is published, live or not.
    pub(crate) fn publishing(&self, domain: Handle) -> Publishing {
        match self.records.get(&domain).or_else(|| self.leaving.get(&domain)) {
            Some(Record::Domain { publishing, .. }) => *publishing,
            _ => Publishing::default(),
        }
    }

    /// How a domain name instance is published.
    pub(crate) fn publishing_of(&self, name: Handle) -> Publishing {
        match self.records.get(&name) {
            Some(Record::Name { domain, .. }) => self.publishing(*domain),
            _ => Publishing::default(),
        }
    }

    /// The weight that the records of a domain name instance have; None: they have none.
    pub(crate) fn weight_of(&self, name: Handle) -> Option<i64> {
        let Some(Record::Name { domain, weight, .. }) = self.records.get(&name) else { return None };
        self.publishing(*domain).weighted.then(|| weight.map_or(100, i64::from))
    }

    /// Publishes a domain otherwise. One of which a domain name instance has a weight stays weighted: with a weight that means nothing the instance could
    /// be changed no more.
    pub(crate) fn publish(&self, which: Pick, how: Publishing) -> Option<Request> {
        let of = self.pick(Noun::Domain, which)?;
        let has = |record: &Record| matches!(record, Record::Name { domain, weight: Some(_), .. } if *domain == of);
        match self.records.get(&of)? {
            Record::Domain { label, zone, .. } if how.weighted || !self.records.values().any(has) => {
                Some(Request::Put(of, Record::Domain { label: label.clone(), zone: *zone, publishing: how }))
            }
            _ => None,
        }
    }

    /// Gives a domain name instance this weight.
    pub(crate) fn weigh(&self, which: Pick, weight: Option<u8>) -> Option<Request> {
        let handle = self.pick(Noun::Name, which)?;
        let Record::Name { domain, workload, .. } = *self.records.get(&handle)? else { return None };
        Some(Request::Put(handle, Record::Name { domain, workload, weight }))
    }

    /// Why a record can't have the weight that it asks for.
    pub(crate) fn refuses_weight(&self, record: &Record) -> Option<String> {
        match record {
            Record::Name { domain, weight: Some(weight), .. } if !self.publishing(*domain).weighted => {
                Some(format!("weight {weight} where domain {domain} has one record for each hostname"))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{sequence::Act, world::Verdict, zones::InZone};

    const WEIGHTED: Publishing = Publishing { driver: Driver::Route53, weighted: true };
    const SIMPLE: Publishing = Publishing { driver: Driver::Route53, weighted: false };

    /// A domain (0) and a domain name instance of it (1).
    fn world(publishing: Publishing) -> World {
        let domain = Record::Domain { label: "d0".into(), zone: InZone::Public, publishing };
        let name = Record::Name { domain: 0, workload: 9, weight: None };
        World::default().after(&Request::Put(0, domain)).after(&Request::Put(1, name))
    }

    fn asked(world: &World, act: &Act) -> (Request, Verdict) {
        let request = world.request(act).unwrap();
        let verdict = world.verdict(&request);
        (request, verdict)
    }

    #[test]
    fn a_weight_is_refused_where_a_hostname_has_one_record() {
        let weigh = Act::Weigh { which: 0, weight: Some(7) };
        assert!(matches!(asked(&world(SIMPLE), &weigh).1, Verdict::Refused(_)));
        let (request, verdict) = asked(&world(WEIGHTED), &weigh);
        assert_eq!(verdict, Verdict::Accepted);
        assert_eq!(world(WEIGHTED).after(&request).weight_of(1), Some(7));
        assert_eq!(asked(&world(SIMPLE), &Act::Weigh { which: 0, weight: None }).1, Verdict::Accepted);
    }

    #[test]
    fn records_of_a_weighted_domain_have_a_weight_also_where_none_is_given() {
        assert_eq!((world(WEIGHTED).weight_of(1), world(SIMPLE).weight_of(1)), (Some(100), None));
    }

    #[test]
    fn a_domain_with_weights_stays_weighted_and_may_change_its_driver() {
        let (request, _) = asked(&world(WEIGHTED), &Act::Weigh { which: 0, weight: Some(7) });
        let weighed = world(WEIGHTED).after(&request);
        assert_eq!(weighed.request(&Act::Publish { which: 0, how: SIMPLE }), None);
        let how = Publishing { driver: Driver::ExternalDns, weighted: true };
        let (request, verdict) = asked(&weighed, &Act::Publish { which: 0, how });
        assert_eq!((weighed.after(&request).publishing_of(1), verdict), (how, Verdict::Accepted));
    }

    #[test]
    fn a_domain_that_moves_keeps_how_it_is_published() {
        for act in
            [Act::SetDomain { which: 0, zone: InZone::Private }, Act::MoveDomain { which: 0, zone: InZone::Private }]
        {
            let before = world(WEIGHTED);
            assert_eq!(before.after(&before.request(&act).unwrap()).publishing(0), WEIGHTED);
        }
    }

    #[test]
    fn a_domain_says_it_in_the_words_of_the_api() {
        let mut body = json!({});
        WEIGHTED.tell(&mut body);
        assert_eq!(body, json!({"DnsDriver": "route53", "RoutingPolicy": "Weighted"}));
        Publishing::default().tell(&mut body);
        assert_eq!(body, json!({"DnsDriver": "external-dns", "RoutingPolicy": "Simple"}));
    }
}
