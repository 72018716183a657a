//! The emulator's public zones, as their name servers have them.

use hickory_server::proto::{
    op::ResponseCode,
    rr::{self, RecordType},
};

use super::{
    Lookup,
    answer::{Answer, Served},
};
use crate::{name::Name, state::Shared};

/// All public zones of an emulator. Private ones answer inside their networks only, and so never here.
///
/// A change is served once it is INSYNC. Of several zones with one name the last made answers, as if the domain's registrar had
/// been told of it.
#[derive(Clone)]
pub struct PublicZones(pub(crate) Shared);

impl Lookup for PublicZones {
    fn answer(&self, name: &rr::Name, kind: RecordType) -> Answer {
        let Some(asked) = Name::from_labels(name.iter()) else { return Answer::failed(ResponseCode::Refused) };
        let memory = self.0.lock();
        let Some((zone, records)) = memory.served(&asked) else { return Answer::failed(ResponseCode::Refused) };
        Served { zone: &zone, records: &records }.answer(&asked, kind, &|sum| rand::random_range(0..sum.max(1)))
    }
}
