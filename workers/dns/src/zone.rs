//! Which hosted zone holds a domain.

use causeway_records::nouns::ZoneType;

use super::error::DnsError;

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostedZone {
    /// Without `/hostedzone/`.
    pub id: String,
    /// The domain, in normal form (see [`super::normal_name`]).
    pub name: String,
    /// It answers only inside its VPCs.
    pub private: bool,
}

impl HostedZone {
    /// Whether a domain in normal form lies in the zone: it is the zone's own, or ends with it at a label's boundary.
    pub fn contains(&self, domain: &str) -> bool {
        domain == self.name || domain.strip_suffix(&self.name).is_some_and(|rest| rest.ends_with('.'))
    }
}

/// Checks the zone that a record names: it holds the domain, is of the wanted type, and none of the account's other zones answers instead of it.
pub(super) fn named(
    zone: HostedZone,
    zones: &[HostedZone],
    domain: &str,
    wanted: ZoneType,
) -> Result<HostedZone, DnsError> {
    let domain = domain.to_owned();
    if !zone.contains(&domain) {
        return Err(DnsError::WrongZone { domain, zone: zone.id, name: zone.name });
    }
    if !is_of_type(&zone, wanted) {
        let found = if zone.private { "private" } else { "public" };
        return Err(DnsError::WrongZoneType { zone: zone.id, found });
    }
    // Who asks for the name is sent on to the longer zone, or asks it from the start.
    let longer = |other: &&HostedZone| other.name.len() > zone.name.len() && other.private == zone.private;
    let hiding =
        zones.iter().filter(longer).filter(|other| other.contains(&domain)).max_by_key(|other| other.name.len());
    match hiding {
        Some(child) => {
            Err(DnsError::HiddenByZone { domain, zone: zone.id, child: child.id.clone(), name: child.name.clone() })
        }
        None => Ok(zone),
    }
}

fn is_of_type(zone: &HostedZone, wanted: ZoneType) -> bool {
    match wanted {
        ZoneType::Public => !zone.private,
        ZoneType::Private => zone.private,
        ZoneType::Either => true,
    }
}

/// The closest zone around a domain in normal form.
pub(super) fn closest(zones: &[HostedZone], domain: &str, wanted: ZoneType) -> Result<HostedZone, DnsError> {
    let rank = |zone: &HostedZone| (zone.name.len(), !zone.private);
    let fits = |zone: &&HostedZone| is_of_type(zone, wanted) && zone.contains(domain);
    let around: Vec<_> = zones.iter().filter(fits).collect();
    let Some(best) = around.iter().map(|zone| rank(zone)).max() else {
        return Err(DnsError::NoZone { domain: domain.to_owned() });
    };
    let mut candidates: Vec<_> = around.into_iter().filter(|zone| rank(zone) == best).collect();
    candidates.sort_by(|a, b| a.id.cmp(&b.id));
    match &candidates[..] {
        [one] => Ok((*one).clone()),
        several => {
            let zones = several.iter().map(|zone| zone.id.as_str()).collect::<Vec<_>>().join(", ");
            Err(DnsError::Ambiguous { domain: domain.to_owned(), zones })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(id: &str, name: &str, private: bool) -> HostedZone {
        HostedZone { id: id.into(), name: name.into(), private }
    }

    #[test]
    fn the_closest_zone_at_a_label_boundary_wins() {
        let zones = [
            zone("Z1", "example.test", false),
            zone("Z2", "shop.example.test", false),
            zone("Z3", "shop.example.test", true),
            zone("Z4", "deep.shop.example.test", true),
        ];
        let id = |domain, wanted| closest(&zones, domain, wanted).map(|zone| zone.id);
        assert_eq!(id("a.shop.example.test", ZoneType::Public), Ok("Z2".into()));
        assert_eq!(id("a.shop.example.test", ZoneType::Private), Ok("Z3".into()));
        assert_eq!(id("a.shop.example.test", ZoneType::Either), Ok("Z2".into()));
        assert_eq!(id("x.deep.shop.example.test", ZoneType::Either), Ok("Z4".into()));
        assert_eq!(id("example.test", ZoneType::Either), Ok("Z1".into()));
        assert_eq!(id("*.example.test", ZoneType::Either), Ok("Z1".into()));
        let missing = closest(&zones, "badexample.test", ZoneType::Either).unwrap_err();
        assert!(missing.to_string().contains("badexample.test"), "{missing}");
    }

    #[test]
    fn two_equal_zones_are_for_a_person_to_tell_apart() {
        let zones = [zone("Z2", "example.test", false), zone("Z1", "example.test", false)];
        let error = closest(&zones, "a.example.test", ZoneType::Public).unwrap_err();
        assert!(error.to_string().contains("Z1, Z2"), "{error}");
    }

    #[test]
    fn a_named_zone_holds_the_domain_is_of_its_type_and_is_hidden_by_none() {
        let zones = [
            zone("Z1", "example.test", false),
            zone("Z2", "shop.example.test", false),
            zone("Z3", "shop.example.test", true),
        ];
        let check = |n: usize, domain, wanted| {
            named(zones[n].clone(), &zones, domain, wanted)
                .map(|zone| zone.id)
                .map_err(|error| (error.reason(), error.to_string()))
        };
        assert_eq!(check(0, "www.example.test", ZoneType::Public), Ok("Z1".into()));
        assert_eq!(check(1, "www.shop.example.test", ZoneType::Either), Ok("Z2".into()));
        assert_eq!(check(2, "www.shop.example.test", ZoneType::Private), Ok("Z3".into()));
        let (reason, sentence) = check(0, "www.shop.example.test", ZoneType::Public).unwrap_err();
        assert!(reason == "HiddenByZone" && sentence.contains("Z2 (shop.example.test)"), "{sentence}");
        assert_eq!(check(0, "other.test", ZoneType::Public).unwrap_err().0, "WrongZone");
        let (reason, sentence) = check(1, "shop.example.test", ZoneType::Private).unwrap_err();
        assert!(reason == "WrongZoneType" && sentence.contains("Z2 is public"), "{sentence}");
    }
}
