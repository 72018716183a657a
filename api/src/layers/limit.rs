//! How many requests one caller may send.
//!
//! The bookkeeping is governor's: one small cell for each caller, no lock, no timer. Its layer for tower would bring a second idea of who a
//! caller is and answers outside the envelope, so counting is called from the layer `admit`, which knows the caller.

use crate::{
    auth::Caller,
    config::RateLimitSettings,
    server::{Peer, network},
    wire::envelope,
};
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

/// After so many requests, callers that have sent none for a while are forgotten.
const SWEEP: usize = 4096;

/// What requests are counted under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LimitKey {
    Name(String),
    /// Where requests come from, without authentication.
    Address(IpAddr),
}

impl LimitKey {
    pub(crate) fn for_request(caller: Option<&Caller>, peer: Option<IpAddr>) -> Self {
        match caller.filter(|caller| **caller != Caller::anonymous()) {
            Some(caller) => Self::Name(caller.name.clone()),
            None => Self::Address(peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), network)),
        }
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Counts the requests of each caller.
#[derive(Debug)]
pub(super) struct RateLimiter {
    cells: DefaultKeyedRateLimiter<LimitKey>,
    clock: DefaultClock,
    seen: AtomicUsize,
    per_second: NonZeroU32,
}

impl RateLimiter {
    /// None: there is no limit.
    pub(super) fn from_settings(settings: &RateLimitSettings) -> Option<Self> {
        let per_second = settings.requests_per_second?;
        let burst = settings.request_burst.unwrap_or(per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1)));
        let cells = DefaultKeyedRateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst));
        Some(Self { cells, clock: DefaultClock::default(), seen: AtomicUsize::new(0), per_second })
    }

    /// Counts a request, or says how long to wait with it.
    fn count(&self, key: &LimitKey) -> Result<(), Duration> {
        if self.seen.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.cells.retain_recent();
        }
        self.cells.check_key(key).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Counts a request about this kind of record. When it is one too many, the answer is 429 and says when to come again.
    pub(super) fn refuse(&self, kind: &str, caller: Option<&Caller>, peer: Option<&Peer>) -> Option<Response> {
        let key = LimitKey::for_request(caller, peer.map(|peer| peer.address.ip()));
        let wait = self.count(&key).err()?;
        let seconds = whole_seconds(wait);
        let sentence = format!("{key} sends more than {} requests per second; wait {seconds} s", self.per_second);
        let mut answer = envelope::error(kind, StatusCode::TOO_MANY_REQUESTS, &sentence);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        Some(answer)
    }
}

/// `Retry-After` knows nothing shorter than a second.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::nouns::Role;

    fn limiter(per_second: u32, burst: Option<u32>) -> RateLimiter {
        let (requests_per_second, request_burst) = (NonZeroU32::new(per_second), burst.and_then(NonZeroU32::new));
        RateLimiter::from_settings(&RateLimitSettings { requests_per_second, request_burst }).unwrap()
    }

    #[test]
    fn each_caller_has_its_own_burst() {
        let (limiter, ann, bob) = (limiter(1, Some(3)), LimitKey::Name("ann".into()), LimitKey::Name("bob".into()));
        assert_eq!((0..5).filter(|_| limiter.count(&ann).is_ok()).count(), 3);
        assert!(limiter.count(&bob).is_ok());
        let wait = limiter.count(&ann).unwrap_err();
        assert!(wait <= Duration::from_secs(1) && whole_seconds(wait) == 1, "{wait:?}");
        let unset = self::limiter(2, None);
        assert_eq!((0..9).filter(|_| unset.count(&ann).is_ok()).count(), 4, "two seconds' worth");
        let none = RateLimitSettings { requests_per_second: None, request_burst: None };
        assert!(RateLimiter::from_settings(&none).is_none());
    }

    #[test]
    fn callers_are_told_apart_by_name_or_by_network() {
        let ann = Caller { name: "ann".into(), role: Role::Viewer };
        let from = |address: &str| LimitKey::for_request(Some(&Caller::anonymous()), Some(address.parse().unwrap()));
        assert_eq!(LimitKey::for_request(Some(&ann), Some("10.0.0.1".parse().unwrap())), LimitKey::Name("ann".into()));
        assert_ne!(from("10.0.0.1"), from("10.0.0.2"));
        assert_eq!(from("::ffff:10.0.0.1"), from("10.0.0.1"));
        assert_eq!(from("2001:db8::1"), from("2001:db8::2"));
        assert_ne!(from("2001:db8::1"), from("2001:db8:0:1::1"));
    }

    #[test]
    fn the_quiet_are_forgotten() {
        let limiter = limiter(1_000_000, None);
        for n in 0..2 * SWEEP {
            limiter.count(&LimitKey::Name(n.to_string())).unwrap();
        }
        assert!(limiter.cells.len() < 2 * SWEEP, "{}", limiter.cells.len());
    }
}
