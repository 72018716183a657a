use super::Rules;
use causeway_records_derive::Noun;

/// Says that one record is attached to another: a gateway instance to its workload instance, an event to what it is about.
#[derive(Noun, Clone, PartialEq)]
#[noun(plural = "attached-object-references")]
pub struct AttachedObjectReference {
    /// Type of the record that something is attached to: `v0.WorkloadInstance`.
    #[noun(required, example = "v0.WorkloadInstance")]
    pub object_type: String,
    /// Its id.
    #[noun(required)]
    pub object_id: i64,
    /// Type of what is attached: `v0.GatewayInstance`.
    #[noun(required, example = "v0.GatewayInstance")]
    pub attached_object_type: String,
    /// Its id.
    #[noun(required)]
    pub attached_object_id: i64,
}
impl Rules for AttachedObjectReference {}
