//! The hosted zones of a lane: a public and a private one of the same name, each read from the journal of its changes.

use std::collections::BTreeMap;

use anyhow::Result;
use backon::{ExponentialBuilder, Retryable};
use causeway_rig::{Endpoints, JournalEntry, Knobs};
use causeway_testkit::zone::{create_private_zone, create_zone};
use serde::{Deserialize, Serialize};

/// Which zone a domain is in, and how that is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum InZone {
    /// The public one, found by its name.
    #[default]
    Public,
    /// The private one, found by its name.
    Private,
    /// The public one, named by its id.
    PublicById,
    /// The private one, named by its id.
    PrivateById,
}

/// A hosted zone.
pub(crate) struct Zone {
    id: String,
    read: u64,
    /// By name, type and set identifier.
    pub(crate) standing: BTreeMap<(String, String, Option<String>), JournalEntry>,
}

/// Both of a lane.
pub(crate) struct Zones {
    pub(crate) public: Zone,
    pub(crate) private: Zone,
}

impl InZone {
    pub(crate) fn is_private(self) -> bool {
        matches!(self, Self::Private | Self::PrivateById)
    }

    /// The value of `Zone`.
    pub(crate) fn word(self) -> &'static str {
        if self.is_private() { "Private" } else { "Public" }
    }
}

impl Zones {
    pub(crate) async fn create(endpoints: &Endpoints, domain: &str) -> Result<Self> {
        // Another lane may have begun to play, and just now let Route53 refuse everything.
        let again = ExponentialBuilder::default().with_max_times(6);
        let public = (|| create_zone(endpoints, domain)).retry(again).await?;
        let private = (|| create_private_zone(endpoints, domain)).retry(again).await?;
        Ok(Self { public: Zone::of(public), private: Zone::of(private) })
    }

    /// Reads what was changed since the last time.
    pub(crate) async fn read(&mut self, endpoints: &Endpoints) -> Result<()> {
        self.public.read(endpoints).await?;
        self.private.read(endpoints).await
    }

    /// The id that a domain names, if it does.
    pub(crate) fn id(&self, zone: InZone) -> Option<&str> {
        match zone {
            InZone::Public | InZone::Private => None,
            InZone::PublicById => Some(&self.public.id),
            InZone::PrivateById => Some(&self.private.id),
        }
    }
}

impl Zone {
    fn of(id: String) -> Self {
        Self { id, read: 0, standing: BTreeMap::new() }
    }

    async fn read(&mut self, endpoints: &Endpoints) -> Result<()> {
        for entry in Knobs::new(endpoints).route53_journal_of(&self.id, self.read).await? {
            self.read = entry.sequence;
            let key = (entry.name.clone(), entry.kind.clone(), entry.set_identifier.clone());
            if entry.action == "DELETE" {
                self.standing.remove(&key);
            } else {
                self.standing.insert(key, entry);
            }
        }
        Ok(())
    }
}
