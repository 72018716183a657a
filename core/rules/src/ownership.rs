//! The names of the TXT records that say who has written a DNS record. external-dns writes one beside each record, and its name is longer than the
//! hostname: so it decides how long a hostname may be.

/// The types of record that publish a hostname.
pub const RECORD_TYPES: [&str; 3] = ["A", "AAAA", "CNAME"];

/// What external-dns puts before a hostname (`--txt-prefix`). The type is part of it and it ends with a dot, so that the record of the zone's own
/// name lies in the zone too, and the first label may be as long as DNS allows. It can't change once records exist.
pub const OWNERSHIP_PREFIX: &str = "_edns-%{record_type}.";

/// Characters in a DNS name at most (RFC 1035, 2.3.4).
pub const LONGEST_NAME: usize = 253;

/// The name of the ownership record of a hostname's record of one type.
pub fn ownership_name(hostname: &str, record_type: &str) -> String {
    OWNERSHIP_PREFIX.replace("%{record_type}", &record_type.to_ascii_lowercase()) + hostname
}

/// Characters in a hostname that can be published at most: its address may become a name at any time, and then it has the longest ownership record.
pub fn longest_published() -> usize {
    let longest = RECORD_TYPES.iter().map(|record_type| ownership_name("", record_type).len()).max();
    LONGEST_NAME - longest.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ownership_record_lies_in_the_zone_of_its_hostname() {
        assert_eq!(ownership_name("example.org", "A"), "_edns-a.example.org");
        assert_eq!(ownership_name("*.example.org", "CNAME"), "_edns-cname.*.example.org");
    }

    #[test]
    fn the_longest_hostname_leaves_room_for_every_ownership_record() {
        let hostname = "a".repeat(longest_published());
        let lengths = RECORD_TYPES.map(|record_type| ownership_name(&hostname, record_type).len());
        assert_eq!((longest_published(), lengths.into_iter().max()), (241, Some(LONGEST_NAME)));
    }
}
