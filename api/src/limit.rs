//! How many requests one caller may send.
//!
//! The bookkeeping is governor's: one small cell for each caller, no lock, no timer. Its layer for tower would bring a second idea of who a
//! caller is and answers outside the envelope, so the layer is ours.

use crate::{app, auth::Caller, envelope, tls::Peer};
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State as Extract},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use clap::Args;
use governor::{
    DefaultKeyedRateLimiter, Quota,
    clock::{Clock, DefaultClock},
};
use std::{
    fmt,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// After so many requests, callers who have been quiet since are forgotten.
const SWEEP: usize = 4096;

/// Settings of the limit. There is none by default: Threeport's client doesn't try again after 429, and what is much depends on the machine.
#[derive(Args, Clone, Debug)]
pub struct Limit {
    /// Requests that one caller may send in a second, on average. Left out: as many as he likes.
    #[arg(long, env = "CAUSEWAY_REQUESTS_PER_SECOND")]
    pub requests_per_second: Option<NonZeroU32>,
    /// Requests that he may send at once after a pause. Left out: those of two seconds.
    #[arg(long, env = "CAUSEWAY_REQUEST_BURST", requires = "requests_per_second")]
    pub request_burst: Option<NonZeroU32>,
}

/// What requests are counted by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Who {
    /// Name of an authenticated caller.
    Name(String),
    /// Where requests come from, when nobody is asked who he is.
    Address(IpAddr),
}

impl Who {
    fn of(caller: Option<&Caller>, peer: Option<IpAddr>) -> Self {
        match caller.filter(|caller| **caller != Caller::anonymous()) {
            Some(caller) => Self::Name(caller.name.clone()),
            None => Self::Address(peer.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), network)),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(address) => address.fmt(f),
        }
    }
}

/// Whoever has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        address => address,
    }
}

/// Counts the requests of each caller.
#[derive(Debug)]
pub struct Limiter {
    cells: DefaultKeyedRateLimiter<Who>,
    clock: DefaultClock,
    seen: AtomicUsize,
    per_second: NonZeroU32,
}

impl Limit {
    /// What counts; None: there is no limit.
    #[must_use]
    pub fn limiter(&self) -> Option<Arc<Limiter>> {
        let per_second = self.requests_per_second?;
        let burst = self.request_burst.unwrap_or(per_second.saturating_mul(NonZeroU32::MIN.saturating_add(1)));
        let cells = DefaultKeyedRateLimiter::keyed(Quota::per_second(per_second).allow_burst(burst));
        Some(Arc::new(Limiter { cells, clock: DefaultClock::default(), seen: AtomicUsize::new(0), per_second }))
    }
}

impl Limiter {
    /// Counts a request, or says how long to wait with it.
    fn count(&self, who: &Who) -> Result<(), Duration> {
        if self.seen.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            self.cells.retain_recent();
        }
        self.cells.check_key(who).map_err(|until| until.wait_time_from(self.clock.now()))
    }

    /// Counts a request about this kind of record. When it is one too many, the answer is 429 and says when to come again.
    pub(crate) fn refuse(&self, kind: &str, caller: Option<&Caller>, peer: Option<&Peer>) -> Option<Response> {
        let who = Who::of(caller, peer.map(|peer| peer.address.ip()));
        let wait = self.count(&who).err()?;
        let seconds = whole_seconds(wait);
        let sentence = format!("{who} sends more than {} requests per second; wait {seconds} s", self.per_second);
        let mut answer = envelope::error(kind, StatusCode::TOO_MANY_REQUESTS, &sentence);
        answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        Some(answer)
    }
}

/// Lets a request pass, or answers 429 and says when to come again.
pub(crate) async fn admit(Extract(limiter): Extract<Arc<Limiter>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer);
    let kind = app::kind_of(request.extensions().get::<MatchedPath>().map(MatchedPath::as_str));
    match limiter.refuse(kind, request.extensions().get(), peer) {
        Some(refused) => refused,
        None => next.run(request).await,
    }
}

/// `Retry-After` knows nothing shorter than a second.
fn whole_seconds(wait: Duration) -> u64 {
    wait.as_secs() + u64::from(wait.subsec_nanos() > 0 || wait.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Role;

    fn limiter(per_second: u32, burst: Option<u32>) -> Arc<Limiter> {
        let (requests_per_second, request_burst) = (NonZeroU32::new(per_second), burst.and_then(NonZeroU32::new));
        Limit { requests_per_second, request_burst }.limiter().unwrap()
    }

    #[test]
    fn each_caller_has_a_burst_of_his_own() {
        let (limiter, ann, bob) = (limiter(1, Some(3)), Who::Name("ann".into()), Who::Name("bob".into()));
        assert_eq!((0..5).filter(|_| limiter.count(&ann).is_ok()).count(), 3);
        assert!(limiter.count(&bob).is_ok());
        let wait = limiter.count(&ann).unwrap_err();
        assert!(wait <= Duration::from_secs(1) && whole_seconds(wait) == 1, "{wait:?}");
        let unset = self::limiter(2, None);
        assert_eq!((0..9).filter(|_| unset.count(&ann).is_ok()).count(), 4, "two seconds' worth");
        assert!(Limit { requests_per_second: None, request_burst: None }.limiter().is_none());
    }

    #[test]
    fn callers_are_told_apart_by_name_or_by_network() {
        let ann = Caller { name: "ann".into(), role: Role::Viewer };
        let from = |address: &str| Who::of(Some(&Caller::anonymous()), Some(address.parse().unwrap()));
        assert_eq!(Who::of(Some(&ann), Some("10.0.0.1".parse().unwrap())), Who::Name("ann".into()));
        assert_ne!(from("10.0.0.1"), from("10.0.0.2"));
        assert_eq!(from("::ffff:10.0.0.1"), from("10.0.0.1"));
        assert_eq!(from("2001:db8::1"), from("2001:db8::2"));
        assert_ne!(from("2001:db8::1"), from("2001:db8:0:1::1"));
    }

    #[test]
    fn the_quiet_are_forgotten() {
        let limiter = limiter(1_000_000, None);
        for n in 0..2 * SWEEP {
            limiter.count(&Who::Name(n.to_string())).unwrap();
        }
        assert!(limiter.cells.len() < 2 * SWEEP, "{}", limiter.cells.len());
    }
}
