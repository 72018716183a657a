//! The hosted zones of AWS's own load balancers. Route 53 answers for a hostname with the addresses of one (an *alias*), if it is told the zone that the
//! load balancer's name is in. The ids are AWS's, of its "Elastic Load Balancing endpoints and quotas", and never change.

/// Where the region stands in the name of a load balancer: `NAME.REGION.elb.amazonaws.com` (application and classic load balancers) or
/// `NAME.elb.REGION.amazonaws.com` (network load balancers); the zones of the former and of the latter.
const OF_REGIONS: [(&str, &str, &str); 38] = [
    ("af-south-1", "Z268VQBMOI5EKX", "Z203XCE67M25HM"),
    ("ap-east-1", "Z3DQVH9N71FHZ0", "Z12Y7K3UBGUAD1"),
    ("ap-east-2", "Z02789141MW7T1WBU19PO", "Z09176273OC2HWIAUNYW"),
    ("ap-northeast-1", "Z14GRHDCWA56QT", "Z31USIVHYNEOWT"),
    ("ap-northeast-2", "ZWKZPGTI48KDX", "ZIBE1TIR4HY56"),
    ("ap-northeast-3", "Z5LXEXXYW11ES", "Z1GWIQ4HH19I5X"),
    ("ap-south-1", "ZP97RAFLXTNZK", "ZVDDRBQ08TROA"),
    ("ap-south-2", "Z0173938T07WNTVAEPZN", "Z0711778386UTO08407HT"),
    ("ap-southeast-1", "Z1LMS91P8CMLE5", "ZKVM4W9LS7TM"),
    ("ap-southeast-2", "Z1GM3OXH4ZPM65", "ZCT6FZBF4DROD"),
    ("ap-southeast-3", "Z08888821HLRG5A9ZRTER", "Z01971771FYVNCOVWJU1G"),
    ("ap-southeast-4", "Z09517862IB2WZLPXG76F", "Z01156963G8MIIL7X90IV"),
    ("ap-southeast-5", "Z06010284QMVVW7WO5J", "Z026317210H9ACVTRO6FB"),
    ("ap-southeast-6", "Z023301818UFJ50CIO0MV", "Z01392953RKV2Q3RBP0KU"),
    ("ap-southeast-7", "Z0390008CMBRTHFGWBCB", "Z054363131YWATEMWRG5L"),
    ("ca-central-1", "ZQSVJUPU6J1EY", "Z2EPGBW3API2WT"),
    ("ca-west-1", "Z06473681N0SF6OS049SD", "Z02754302KBB00W2LKWZ9"),
    ("cn-north-1", "Z1GDH35T77C1KE", "Z3QFB96KMJ7ED6"),
    ("cn-northwest-1", "ZM7IZAIOVVDZF", "ZQEIKTCZ8352D"),
    ("eu-central-1", "Z215JYRZR1TBD5", "Z3F0SRJ5LGBH90"),
    ("eu-central-2", "Z06391101F2ZOEP8P5EB3", "Z02239872DOALSIDCX66S"),
    ("eu-north-1", "Z23TAZ6LKFMNIO", "Z1UDT6IFJ4EJM"),
    ("eu-south-1", "Z3ULH7SSC9OV64", "Z23146JA1KNAFP"),
    ("eu-south-2", "Z0956581394HF5D5LXGAP", "Z1011216NVTVYADP1SSV"),
    ("eu-west-1", "Z32O12XQLNTSW2", "Z2IFOLAFXWLO4F"),
    ("eu-west-2", "ZHURV8PSTC4K8", "ZD4D7Y8KGAS4G"),
    ("eu-west-3", "Z3Q77PNBQS71R4", "Z1CMS0P5QUZ6D5"),
    ("il-central-1", "Z09170902867EHPV2DABU", "Z0313266YDI6ZRHTGQY4"),
    ("me-central-1", "Z08230872XQRWHG2XF6I", "Z00282643NTTLPANJJG2P"),
    ("me-south-1", "ZS929ML54UICD", "Z3QSRYVP46NYYV"),
    ("mx-central-1", "Z023552324OKD1BB28BH5", "Z02031231H3ID6HYJ9A7U"),
    ("sa-east-1", "Z2P70J7HTTTPLU", "ZTK26PT1VY4CU"),
    ("us-east-1", "Z35SXDOTRQ7X7K", "Z26RNL4JYFTOTI"),
    ("us-east-2", "Z3AADJGX6KTTL2", "ZLMOA37VPKANP"),
    ("us-gov-east-1", "Z166TLBEWOO7G0", "Z1ZSMQQ6Q24QQ8"),
    ("us-gov-west-1", "Z33AYJ8TM3BH4J", "ZMG1MZ2THAWF1"),
    ("us-west-1", "Z368ELLRRE2KJ0", "Z24FKFUX50B4VW"),
    ("us-west-2", "Z1H1FL5HABSF5", "Z18D5FSROUN65G"),
];
/// What is the same everywhere.
const GLOBAL: [(&str, &str); 2] =
    [(".awsglobalaccelerator.com", "Z2BJ6XQ5FK7U4H"), (".cloudfront.net", "Z2FDTNDATAQYW2")];

/// The id of the hosted zone that a load balancer's name is in. None: it is none of AWS's, or of a region that we don't know.
pub(super) fn alias_zone(name: &str) -> Option<&'static str> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    if let Some((_, zone)) = GLOBAL.iter().find(|(suffix, _)| name.ends_with(suffix)) {
        return Some(zone);
    }
    let of_aws = name.strip_suffix(".amazonaws.com.cn").or_else(|| name.strip_suffix(".amazonaws.com"))?;
    let (rest, last) = of_aws.rsplit_once('.')?;
    let (before, region) = rest.rsplit_once('.')?;
    let of = |region: &str| OF_REGIONS.iter().find(|(known, ..)| *known == region);
    match (region, last) {
        (region, "elb") if !before.is_empty() => of(region).map(|(_, application, _)| *application),
        ("elb", region) if !before.is_empty() => of(region).map(|(_, _, network)| *network),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_load_balancers_lead_to_their_zones() {
        for (name, zone) in [
            ("a-1.eu-west-1.elb.amazonaws.com", Some("Z32O12XQLNTSW2")),
            ("internal-a-1.EU-West-1.elb.amazonaws.com.", Some("Z32O12XQLNTSW2")),
            ("a-1.elb.eu-west-1.amazonaws.com", Some("Z2IFOLAFXWLO4F")),
            ("a-1.cn-north-1.elb.amazonaws.com.cn", Some("Z1GDH35T77C1KE")),
            ("a.awsglobalaccelerator.com", Some("Z2BJ6XQ5FK7U4H")),
            ("a.cloudfront.net", Some("Z2FDTNDATAQYW2")),
            ("ec2-192-0-2-1.eu-west-1.compute.amazonaws.com", None),
            ("a.elb.moon-1.amazonaws.com", None),
            ("elb.eu-west-1.amazonaws.com", None),
            ("eu-west-1.elb.amazonaws.com", None),
            ("lb.example.net", None),
            ("", None),
        ] {
            assert_eq!(alias_zone(name), zone, "{name}");
        }
    }

    #[test]
    fn each_zone_belongs_to_one_name() {
        let mut ids: Vec<_> =
            OF_REGIONS.iter().flat_map(|(_, a, n)| [*a, *n]).chain(GLOBAL.map(|(_, id)| id)).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
