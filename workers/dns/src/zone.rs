//! Which hosted zone holds a domain.

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

/// Which zones may hold a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    Public,
    Private,
    /// Public ones first; private ones where no public zone is as close.
    Any,
}

impl HostedZone {
    /// Whether a domain in normal form lies in the zone: it is the zone's own, or ends with it at a label's boundary.
    pub fn contains(&self, domain: &str) -> bool {
        domain == self.name || domain.strip_suffix(&self.name).is_some_and(|rest| rest.ends_with('.'))
    }
}

/// The closest zone around a domain in normal form.
pub(super) fn closest(zones: &[HostedZone], domain: &str, visibility: Visibility) -> Result<HostedZone, DnsError> {
    let wanted = |zone: &&HostedZone| match visibility {
        Visibility::Public => !zone.private,
        Visibility::Private => zone.private,
        Visibility::Any => true,
    };
    let rank = |zone: &HostedZone| (zone.name.len(), !zone.private);
    let around: Vec<_> = zones.iter().filter(wanted).filter(|zone| zone.contains(domain)).collect();
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
        let id = |domain, visibility| closest(&zones, domain, visibility).map(|zone| zone.id);
        assert_eq!(id("a.shop.example.test", Visibility::Public), Ok("Z2".into()));
        assert_eq!(id("a.shop.example.test", Visibility::Private), Ok("Z3".into()));
        assert_eq!(id("a.shop.example.test", Visibility::Any), Ok("Z2".into()));
        assert_eq!(id("x.deep.shop.example.test", Visibility::Any), Ok("Z4".into()));
        assert_eq!(id("example.test", Visibility::Any), Ok("Z1".into()));
        assert_eq!(id("*.example.test", Visibility::Any), Ok("Z1".into()));
        let missing = closest(&zones, "badexample.test", Visibility::Any).unwrap_err();
        assert!(missing.to_string().contains("badexample.test"), "{missing}");
    }

    #[test]
    fn two_equal_zones_are_for_a_person_to_tell_apart() {
        let zones = [zone("Z2", "example.test", false), zone("Z1", "example.test", false)];
        let error = closest(&zones, "a.example.test", Visibility::Public).unwrap_err();
        assert!(error.to_string().contains("Z1, Z2"), "{error}");
    }
}
