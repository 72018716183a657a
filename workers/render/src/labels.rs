//! The labels by which Causeway recognises its objects.

use causeway_records::Kind;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

/// Label with the id of the control plane that made an object.
pub const CONTROL_PLANE: &str = "causeway.dev/control-plane";
/// Label with the record that an object belongs to: `<kind>-<id>`.
pub const OWNER: &str = "causeway.dev/owner";

/// Label of a DNSEndpoint with the hosted zone that its records are for. external-dns sees only those of the zones that it was told of.
pub const HOSTED_ZONE: &str = "causeway.dev/hosted-zone";

/// Label of a DNSEndpoint with the id of the AWS account that its zone was found with, or [`NO_ACCOUNT`].
pub const AWS_ACCOUNT: &str = "causeway.dev/aws-account";
/// Where no AWS account is named.
pub const NO_ACCOUNT: &str = "none";

/// The value of the label of an AWS account.
pub fn account_label(id: Option<i64>) -> String {
    id.map_or_else(|| NO_ACCOUNT.to_owned(), |id| id.to_string())
}

/// The record that an object belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Owner {
    /// Written in the singular, as paths spell it: `gateway-instance`.
    #[serde(serialize_with = "serialize_label")]
    pub kind: Kind,
    /// Id of the record, unique among the records of its kind.
    pub id: i64,
}

/// `gateway-instance-42`: the value of the owner label.
impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.kind.label(), self.id)
    }
}

fn serialize_label<S: Serializer>(kind: &Kind, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(kind.label())
}

/// Both labels, for `metadata.labels`.
pub fn label(control_plane: &str, owner: Owner) -> Map<String, Value> {
    Map::from_iter([(CONTROL_PLANE.to_owned(), json!(control_plane)), (OWNER.to_owned(), json!(owner.to_string()))])
}

/// The record that the value of an owner label names; None if Causeway did not write it.
pub fn parse_owner(value: &str) -> Option<Owner> {
    let (label, id) = value.rsplit_once('-')?;
    let id = id.parse().ok().filter(|id| *id > 0)?;
    Some(Owner { kind: Kind::from_label(label)?, id })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_comes_back_out_of_its_label() {
        let owner = Owner { kind: Kind::GatewayInstance, id: 42 };
        assert_eq!(parse_owner(&owner.to_string()), Some(owner));
        for foreign in ["", "42", "-42", "gateway-instance", "gateway-instance-", "gateway-instance-0x1", "nobody-1"] {
            assert_eq!(parse_owner(foreign), None, "{foreign}");
        }
    }
}
