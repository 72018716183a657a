//! The faults that tests asked for: those of all calls, and those of one zone each.

use std::{collections::BTreeMap, time::Duration};

use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// How long a change stays PENDING unless a test says otherwise: long enough that a caller who doesn't wait is caught.
const PROPAGATION: Duration = Duration::from_millis(100);

/// What a test wants to go wrong.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Faults {
    /// Answer every call with this error code, such as `Throttling` or `ServiceUnavailable`.
    pub code: Option<String>,
    /// The HTTP status of that answer; 400 when absent.
    pub status: Option<u16>,
    /// Only that many calls, then normal again; all calls when absent.
    pub times: Option<u64>,
    /// Only calls about the zone with this id, for which another zone's faults stay as they are; all calls when absent.
    pub zone: Option<String>,
    /// Only each such call: with 2 every second one; all calls when absent.
    pub every: Option<u64>,
    /// Only calls of this method, such as `POST`; all calls when absent.
    pub method: Option<String>,
    /// Answer every call this much later, whatever the zone, in milliseconds.
    #[serde(default)]
    pub delay_milliseconds: u64,
    /// How long a change stays PENDING, whatever the zone, in milliseconds; 100 when absent.
    pub pending_milliseconds: Option<u64>,
}

/// Faults, and how many calls could have met them.
#[derive(Default)]
struct Counted {
    faults: Faults,
    calls: u64,
}

impl Counted {
    fn take(&mut self, method: &Method) -> Option<Fault> {
        let Self { faults, calls } = self;
        let code = faults.code.clone()?;
        if faults.method.as_deref().is_some_and(|wanted| method.as_str() != wanted) {
            return None;
        }
        *calls += 1;
        if !calls.is_multiple_of(faults.every.unwrap_or(1)) {
            return None;
        }
        match &mut faults.times {
            Some(0) => return None,
            Some(left) => *left -= 1,
            None => {}
        }
        let status = faults.status.and_then(|status| StatusCode::from_u16(status).ok());
        Some(Fault {
            status: status.unwrap_or(StatusCode::BAD_REQUEST),
            code,
            message: "A test asked for this".to_owned(),
        })
    }
}

/// What tests want to go wrong.
#[derive(Default)]
pub(crate) struct AllFaults {
    of_all: Counted,
    of_zones: BTreeMap<String, Counted>,
}

impl AllFaults {
    /// From now on these, in place of those of the same zone, or of all calls.
    pub(crate) fn set(&mut self, faults: Faults) {
        let zone = faults.zone.clone();
        let counted = Counted { faults, calls: 0 };
        match zone {
            Some(zone) => drop(self.of_zones.insert(zone, counted)),
            None => self.of_all = counted,
        }
    }

    /// The fault that this call meets, if any.
    pub(crate) fn take(&mut self, method: &Method, zone: Option<&str>) -> Option<Fault> {
        let of_zone = zone.and_then(|zone| self.of_zones.get_mut(zone)).and_then(|counted| counted.take(method));
        of_zone.or_else(|| self.of_all.take(method))
    }

    /// How much later every call is answered.
    pub(crate) fn delay(&self) -> Duration {
        Duration::from_millis(self.of_all.faults.delay_milliseconds)
    }

    /// How long a change stays PENDING.
    pub(crate) fn propagation(&self) -> Duration {
        self.of_all.faults.pending_milliseconds.map_or(PROPAGATION, Duration::from_millis)
    }
}
