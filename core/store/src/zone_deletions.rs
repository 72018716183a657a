//! How many hostnames were taken out of each hosted zone lately: what stands between a mistake and an empty zone has to outlive the worker that makes it.

use crate::{Store, error::Result};
use std::time::Duration;

impl Store {
    /// Counts hostnames that are about to leave a zone. False: with them it would be more than `allowed` within the period, so none may leave, and none is
    /// counted. Workers that ask at the same moment are answered one after the other.
    pub async fn take_from_zone(&self, hosted_zone: &str, hosts: u32, allowed: u32, period: Duration) -> Result<bool> {
        if hosts > allowed {
            return Ok(false);
        }
        let taken = sqlx::query!(
            "INSERT INTO zone_deletions AS z (hosted_zone_id, since, hosts) VALUES ($1, now(), $2)
            ON CONFLICT (hosted_zone_id) DO UPDATE SET (since, hosts) =
                (SELECT CASE WHEN is_over THEN now() ELSE z.since END, CASE WHEN is_over THEN 0 ELSE z.hosts END + $2
                    FROM (SELECT z.since < now() - make_interval(secs => $4) AS is_over) p)
            WHERE z.since < now() - make_interval(secs => $4) OR z.hosts + $2 <= $3 RETURNING hosts",
            hosted_zone,
            i64::from(hosts),
            i64::from(allowed),
            period.as_secs_f64()
        )
        .fetch_optional(&self.pool)
        .await?;
        Ok(taken.is_some())
    }
}
