use clap::Args;
use std::num::NonZeroU32;

/// Settings of the rate limit. There is none by default: Threeport's client doesn't try again after 429, and what is much depends on the machine.
#[derive(Args, Clone, Debug)]
pub struct RateLimitSettings {
    /// Requests that one caller may send in a second, on average. Left out: there is no limit.
    #[arg(long, env = "CAUSEWAY_REQUESTS_PER_SECOND")]
    pub requests_per_second: Option<NonZeroU32>,
    /// Requests that one caller may send at once after a pause. Left out: those of two seconds.
    #[arg(long, env = "CAUSEWAY_REQUEST_BURST", requires = "requests_per_second")]
    pub request_burst: Option<NonZeroU32>,
}
