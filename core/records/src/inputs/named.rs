//! A record with the name of its objects.

use crate::record::Record;

/// A record with the name its objects bear in the cluster: `<slug of its name at creation>-<id>`. A rename changes nothing there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Named<T> {
    /// The record as stored.
    pub record: Record<T>,
    /// At most 60 characters, valid as a DNS label, unique in a cluster.
    pub object_name: String,
}
