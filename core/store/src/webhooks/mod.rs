//! Webhooks: what is to be sent to whom, and what became of it.
//!
//! ```text
//!  event_log ──▶ webhook_deliveries ──▶ receiver
//!            dispatch               send
//! ```
//!
//! Both steps are done by any process of the API, and locks decide which: the row in `webhook_senders` is locked while events become deliveries, and
//! names its holder while something is sent. So of one webhook one process sends at a time, in the order of the events, and whoever dies leaves both
//! steps to the others: a position moves on in the transaction that writes the deliveries, and a delivery is done when its answer is on record.
//! Nothing is written while nothing happens.

mod dispatch;
mod look;
mod send;
mod verbs;

use crate::error::Result;
use sqlx::PgConnection;

pub use dispatch::Dispatched;
pub use look::{JUDGED_BY, ReceiverState};
pub use send::{DueDelivery, SendAttempt, SendJob, SenderHealth};
pub use verbs::DeliveryRange;

/// A webhook that goes takes along what was to be sent to it, and what was.
pub(crate) async fn forget(connection: &mut PgConnection, webhook: i64) -> Result<()> {
    let senders = sqlx::query!("DELETE FROM webhook_senders WHERE webhook_id = $1", webhook);
    senders.execute(&mut *connection).await?;
    let deliveries = sqlx::query!("DELETE FROM webhook_deliveries WHERE webhook_id = $1", webhook);
    deliveries.execute(connection).await?;
    Ok(())
}

/// Condition of a webhook `t` that is to be sent to.
const ENABLED: &str = "t.deleted_at IS NULL AND t.disabled IS NOT TRUE";
