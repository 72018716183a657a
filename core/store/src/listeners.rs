//! What the users of a shared gateway's listeners have heard of them.

use crate::{Store, error::Result, queue::Work};
use causeway_records::inputs::ListenerKey;

impl Store {
    /// Notes down what the users of listeners were told. Nothing is written when somebody else has the lease, nor for a listener that is gone.
    pub async fn save_listener_states(&self, work: &Work, states: &[(&ListenerKey, String)]) -> Result<()> {
        if states.is_empty() {
            return Ok(());
        }
        // Whoever claims routes locks the gateway before its listeners, and so do we: two that take the same rows in another order would
        // wait for each other.
        let text = "WITH gateway AS (SELECT id FROM shared_gateways WHERE id = $1 FOR NO KEY UPDATE)
            UPDATE gateway_listeners l SET state = told.state
            FROM gateway, unnest($2::int[], $3::text[], $4::text[], $5::text[]) told (port, protocol, hostname, state)
            WHERE l.shared_gateway_id = gateway.id AND l.port = told.port AND l.protocol = told.protocol AND l.hostname = told.hostname
                AND EXISTS (SELECT FROM leases WHERE scope = $6 AND epoch = $7)";
        let keys = || states.iter().map(|(key, _)| key);
        sqlx::query(text)
            .bind(work.key.id)
            .bind(keys().map(|key| key.port).collect::<Vec<_>>())
            .bind(keys().map(|key| key.protocol.as_str()).collect::<Vec<_>>())
            .bind(keys().map(|key| key.hostname.as_deref().unwrap_or_default()).collect::<Vec<_>>())
            .bind(states.iter().map(|(_, state)| state.as_str()).collect::<Vec<_>>())
            .bind(work.lease.scope)
            .bind(work.lease.epoch)
            .execute(&self.pool)
            .await?;
        Ok(())
    }
}
