//! Times as people say them.

use chrono::{DateTime, Utc};
use serde_json::Value;

/// How long ago: `40s`, `12m`, `5h`, `3d`.
pub(crate) fn since(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - then).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds}s"),
        120..7200 => format!("{}m", seconds / 60),
        7200..172_800 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How long ago a time of a record was; empty when it has none.
pub(crate) fn of(time: Option<&Value>, now: DateTime<Utc>) -> String {
    let parsed = time.and_then(Value::as_str).and_then(|text| text.parse().ok());
    parsed.map(|then| since(then, now)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_lasts_until_two_of_the_next() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let ago = |seconds: i64| since(DateTime::from_timestamp(1_000_000 - seconds, 0).unwrap(), now);
        let told = [-5, 0, 119, 120, 7199, 7200, 172_799, 172_800].map(ago);
        assert_eq!(told, ["0s", "0s", "119s", "2m", "119m", "2h", "47h", "2d"]);
    }
}
