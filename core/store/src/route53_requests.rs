//! Turns at Route 53, which allows each account five requests a second: all workers that use an account take them here.

use crate::{Store, error::Result};
use sqlx::postgres::types::PgInterval;
use std::time::Duration;

/// No turn is further away, whatever the clock of the database did.
const LONGEST: Duration = Duration::from_secs(60);

impl Store {
    /// Takes the next request of an AWS account, and answers how long to wait before it is sent. `burst` may be sent at once, and then one every `interval`;
    /// what was not used is not saved up. Workers that ask at the same moment are answered one after the other.
    pub async fn reserve_route53_request(&self, account: &str, interval: Duration, burst: u32) -> Result<Duration> {
        let text =
            "INSERT INTO route53_requests AS r (account, paid_until) VALUES ($1, now() + make_interval(secs => $2))
            ON CONFLICT (account) DO UPDATE SET paid_until =
                least(greatest(r.paid_until, now()), now() + make_interval(secs => $4)) + make_interval(secs => $2)
            RETURNING greatest(paid_until - now() - make_interval(secs => $3), '0')";
        let wait: PgInterval = sqlx::query_scalar(text)
            .bind(account)
            .bind(interval.as_secs_f64())
            .bind((interval * burst).as_secs_f64())
            .bind(LONGEST.as_secs_f64())
            .fetch_one(&self.pool)
            .await?;
        Ok(Duration::from_micros(u64::try_from(wait.microseconds).unwrap_or_default()))
    }
}
