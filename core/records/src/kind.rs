//! Which noun a record is of. Made from the list of nouns. What a kind's noun is like is said in `nouns`, see [`Kind::info`].

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

macro_rules! kinds {
    ($($noun:ident),* $(,)?) => {
        /// The kind of a record. On the wire and in the database it is its name, `GatewayInstance`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "each variant is the struct of the same name")]
        pub enum Kind {
            $($noun,)*
            // What clients don't make as they make others: see `nouns::OWN`.
            AccessToken, AuditEvent, Certificate, WebhookDelivery,
            // What is made for workers alone: see `nouns::INTERNAL`.
            ListenerSet,
        }

        impl Kind {
            /// Every kind; those of the API document first, in its order.
            pub const ALL: &[Self] = &[$(Self::$noun,)* Self::AccessToken, Self::AuditEvent, Self::Certificate, Self::WebhookDelivery, Self::ListenerSet];

            /// `GatewayInstance`: the name of the struct, of the envelope's `Type`, and of the column `kind`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$noun => stringify!($noun),)*
                    Self::AccessToken => "AccessToken",
                    Self::AuditEvent => "AuditEvent",
                    Self::Certificate => "Certificate",
                    Self::WebhookDelivery => "WebhookDelivery",
                    Self::ListenerSet => "ListenerSet",
                }
            }
        }
    };
}
crate::with_nouns!(kinds);

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that names no kind, as it stood in a message or a row.
#[derive(Debug, thiserror::Error)]
#[error("there is no kind {0:?}")]
pub struct UnknownKind(String);

impl std::str::FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(name: &str) -> Result<Self, UnknownKind> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

impl TryFrom<String> for Kind {
    type Error = UnknownKind;
    fn try_from(name: String) -> Result<Self, UnknownKind> {
        name.parse()
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
