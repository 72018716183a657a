//! What stands before the operations.

use super::schema::all_nouns;
use utoipa::openapi::{Tag, tag::TagBuilder};

/// The chapter of routes that aren't about records.
pub(super) const SERVER: &str = "Server";

/// The chapter of what is about records of all kinds.
pub(super) const OVERVIEW: &str = "Overview";

pub(super) const SUMMARY: &str = "A control plane for ingress across Kubernetes clusters";

/// How to read the API in a few minutes.
pub(super) const INTRODUCTION: &str = "\
A control plane for ingress across many Kubernetes clusters, in Threeport's v0 wire format. A *definition* says what, an *instance* says where. \
Workers make the clusters match, and report in `Conditions`.

**The first steps.** Put a cluster on record (`kubernetes-runtime-definitions`, then `kubernetes-runtime-instances`), a workload in it \
(`workload-definitions`, `workload-instances`), a gateway with its ports (`gateway-definitions`), and an instance of it (`gateway-instances`). \
Read the gateway instance until its condition `Ready` is `True`. For hostnames and certificates add a domain (`domain-name-definitions`, \
`domain-name-instances`).

**Envelope.** Every answer below `/v0` is an object with `Meta` (page, size, count), `Type` (the kind of record), `Data` (a list, also of one \
record; null in a refusal) and `Status` (code, message, error).

**Refusals.** `Status.error` is a sentence for people, `Status.reason` one word for programs, `Status.details` the fields that are to blame. A \
path that doesn't exist (404) and a verb that a path doesn't have (405) are answered without an envelope: `{\"message\": ...}`.

**Bodies** are JSON objects. Keys ignore case; unknown ones are refused. A field that is null counts as left out. What the system sets \
(`ID`, `CreatedAt`, `UpdatedAt`, `DeletedAt`) must be left out; other read-only fields may be sent back as they were read.

**Lists** come in pages: `page` and `size`, or `after` with the last id that was seen, which stays right while others write; `before` gives the \
newest first. Every field without \
structure is also a query parameter, in lower case: `?name=web`.

**Changes.** PATCH sets the fields in the body, PUT all of them. To change only what you have seen, send the answer's `ETag` back in `If-Match`: \
412 says that somebody was faster.

**What workers bring about** has `Generation` (what is asked for), `ObservedGeneration` (what was applied last), `Reconciled`, and `Conditions`: \
one for each step, with a reason and a sentence; `Ready` sums them up, and `BlockingStep` names the first step that isn't met. DELETE of such a record is a request: the answer has \
`DeletionScheduled`, and the record stays until the cluster confirms that every object is gone. Then it is 404.

**Who may do what.** `viewer` reads, `editor` writes too, `admin` also reads secrets (as ciphertext), access tokens and audit events. On \
loopback a server may be set up to ask nobody.";

/// A chapter for each noun.
pub(super) fn tags() -> Vec<Tag> {
    let nouns = all_nouns().map(|info| (info.kind.as_str(), info.doc));
    let overview =
        "Records of all kinds in a line each: a search over all clusters, what is blocked, and how many there are.";
    let all =
        nouns.chain([(OVERVIEW, overview), (SERVER, "The server itself: release, probes, figures, this document.")]);
    all.map(|(name, doc)| TagBuilder::new().name(name).description(Some(doc)).build()).collect()
}
