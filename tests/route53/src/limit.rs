//! The limit of an account: five requests a second, for everybody who uses it. What comes faster is refused.
//!
//! An access key that begins like those of real accounts, `AKIA`, stands for an account of its own. Other keys, such as what a process finds in its
//! environment, are shared by all tests on the rig, which are many accounts: they have no limit.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::fault::Fault;

/// From one request that may be sent to the next, once all five of a second were.
const INTERVAL: Duration = Duration::from_millis(200);
const AT_ONCE: u32 = 5;
const OF_AN_ACCOUNT: &str = "AKIA";

/// By access key, when all that the account has asked for is paid for.
#[derive(Default)]
pub(crate) struct AccountLimits(BTreeMap<String, Instant>);

impl AccountLimits {
    /// Counts a request, or says how it is refused. One that is refused costs nothing.
    pub(crate) fn admit(&mut self, access_key: &str, now: Instant) -> Result<(), Fault> {
        if !access_key.starts_with(OF_AN_ACCOUNT) {
            return Ok(());
        }
        let paid = self.0.entry(access_key.to_owned()).or_insert(now);
        let next = (*paid).max(now) + INTERVAL;
        if next > now + INTERVAL * AT_ONCE {
            return Err(Fault::rate_exceeded());
        }
        *paid = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_five_requests_a_second() {
        let (mut limits, start) = (AccountLimits::default(), Instant::now());
        let mut admitted = |key: &str, milliseconds: u64| {
            (0..10).filter(|_| limits.admit(key, start + Duration::from_millis(milliseconds)).is_ok()).count()
        };
        assert_eq!(admitted("AKIAONE", 0), 5);
        assert_eq!(admitted("AKIAONE", 199), 0, "what was refused pays for nothing");
        assert_eq!(admitted("AKIAONE", 400), 2);
        assert_eq!(admitted("AKIAOTHER", 400), 5, "another account has its own");
        assert_eq!(admitted("AKIAONE", 10_000), 5, "what was not used is not saved up");
        assert_eq!(admitted("workers", 0), 10);
    }
}
