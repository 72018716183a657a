//! Who changed what, when: for admins, to be read only.

use super::records;
use crate::auth::{Role, access::Routes};
use causeway_records::nouns::AuditEvent;

/// Lists and single events.
pub fn routes() -> Routes {
    Routes::default()
        .get("/v0/audit-events", Role::Admin, records::list::<AuditEvent>)
        .get("/v0/audit-events/{id}", Role::Admin, records::read::<AuditEvent>)
        .get("/audit-events/versions", Role::Admin, records::versions::<AuditEvent>)
}
