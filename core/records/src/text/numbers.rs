//! Numbers that lie in a range.

use super::macros::ranged;
use crate::{
    scalar::{Hints, Scalar, number},
    schema::described,
    value::{Type, Value},
};
use serde::{Deserialize, Serialize};
use std::fmt;

ranged!(
    /// A TCP or UDP port.
    Port, 1..=65535
);
ranged!(
    /// Seconds for which a DNS answer may be kept.
    Ttl, 1..=604_800
);
ranged!(
    /// Seconds to wait for something that usually takes some.
    WaitSeconds, 0..=3600
);
ranged!(
    /// A share of the answers that DNS gives: this weight of the sum of all weights of a hostname.
    DnsWeight, 0..=255
);
ranged!(
    /// A share of what comes to a port: this weight of the sum of all weights of its backends.
    BackendWeight, 0..=1_000_000
);
ranged!(
    /// A number of hostnames.
    HostnameCount, 0..=10_000
);
ranged!(
    /// A part of a hundred.
    Percent, 0..=100
);
ranged!(
    /// How much of its lifetime a certificate may have left when it is renewed, in percent.
    RenewalPercent, 1..=99
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_have_a_range_and_say_so() {
        assert_eq!(Port::try_from(65535).unwrap().get(), 65535);
        assert_eq!(Port::try_from(-1).unwrap_err(), "-1 is out of range; 1 to 65535 are allowed");
        assert!(Port::try_from(4_294_967_297).is_err());
    }
}
