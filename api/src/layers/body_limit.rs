//! How large a body may be: manifests are larger than everything else.

use crate::{config::ServeSettings, route::IMPORT};
use causeway_records::Kind;

/// The limits of this server.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    others: usize,
    manifests: usize,
}

impl BodyLimits {
    pub(super) fn from_settings(settings: &ServeSettings) -> Self {
        Self { others: settings.body_limit, manifests: settings.manifest_body_limit }
    }

    #[cfg(test)]
    pub(super) fn for_tests() -> Self {
        Self { others: 4 << 20, manifests: 8 << 20 }
    }

    /// The limit for requests about this kind, in bytes.
    pub(super) fn for_kind(self, kind: &str) -> usize {
        if has_manifests(kind) { self.manifests } else { self.others }
    }

    /// What is answered to a larger body: the limit, the setting, and the way out.
    pub(super) fn sentence(self, kind: &str) -> String {
        let limit = self.for_kind(kind);
        let limit =
            if limit.is_multiple_of(1 << 20) { format!("{} MiB", limit >> 20) } else { format!("{limit} bytes") };
        if kind == IMPORT {
            format!(
                "the body is larger than {limit}, the limit of this server (--manifest-body-limit); import one namespace after the other"
            )
        } else if has_manifests(kind) {
            format!(
                "the body is larger than {limit}, the limit of this server (--manifest-body-limit); send less at once: take manifests out, \
                 and make each a workload-resource-definition of the same workload definition"
            )
        } else {
            format!("the body is larger than {limit}, the limit of this server (--body-limit); send less at once")
        }
    }
}

/// Whether requests about this kind hold manifests that callers send.
pub(super) fn has_manifests(kind: &str) -> bool {
    kind == IMPORT
        || [Kind::WorkloadDefinition, Kind::WorkloadResourceDefinition].iter().any(|with| with.as_str() == kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_the_kind_is_named() {
        let limits = BodyLimits { others: 2 << 20, manifests: 8_000_000 };
        assert_eq!((limits.for_kind("WorkloadDefinition"), limits.for_kind("Event")), (8_000_000, 2 << 20));
        assert!(limits.sentence("Event").contains("larger than 2 MiB, the limit of this server (--body-limit)"));
        let sentence = limits.sentence("WorkloadResourceDefinition");
        assert!(
            limits.sentence("Import").contains("8000000 bytes") && limits.sentence("Import").contains("one namespace")
        );
        assert!(sentence.contains("8000000 bytes") && sentence.contains("workload-resource-definition"), "{sentence}");
    }
}
