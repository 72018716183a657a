//! Turns at Route 53, which allows each account five requests a second: all workers that use an account take them here.

use crate::{Store, error::Result};
use std::time::Duration;

/// No turn is further away, whatever the clock of the database did.
const LONGEST: Duration = Duration::from_secs(60);
/// An account that was not asked for so long is forgotten: without a row it has the same turns as with one that is paid for.
const KEPT: Duration = Duration::from_secs(3600);

impl Store {
    /// Takes the next request of an AWS account, and answers how long to wait before it is sent. `burst` may be sent at once, and then one every `interval`;
    /// what was not used is not saved up. Workers that ask at the same moment are answered one after the other.
    pub async fn reserve_route53_request(&self, account: &str, interval: Duration, burst: u32) -> Result<Duration> {
        // What is not asked for any more goes after the own turn is taken, and only where no other worker is about to take one: nobody waits for a row while
        // holding another one.
        let wait = sqlx::query_scalar!(
            r#"WITH taken AS (INSERT INTO route53_requests AS r (account, paid_until) VALUES ($1, now() + make_interval(secs => $2))
                ON CONFLICT (account) DO UPDATE SET paid_until =
                    least(greatest(r.paid_until, now()), now() + make_interval(secs => $4)) + make_interval(secs => $2)
                RETURNING paid_until),
             gone AS (DELETE FROM route53_requests WHERE account IN (SELECT account FROM route53_requests
                WHERE account <> $1 AND paid_until < now() - make_interval(secs => $5) AND EXISTS (SELECT FROM taken) FOR UPDATE SKIP LOCKED))
             SELECT greatest(paid_until - now() - make_interval(secs => $3), '0') AS "wait!" FROM taken"#,
            account,
            interval.as_secs_f64(),
            (interval * burst).as_secs_f64(),
            LONGEST.as_secs_f64(),
            KEPT.as_secs_f64()
        )
        .fetch_one(&self.pool)
        .await?;
        Ok(Duration::from_micros(u64::try_from(wait.microseconds).unwrap_or_default()))
    }
}
