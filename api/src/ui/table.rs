//! Records in lines.

use super::{
    layout::Visit,
    names::ClusterNames,
    parts::{
        Heading::{Number, Text},
        ago, blocked_at, escaped, link, sheet, state_chip, words,
    },
};
use causeway_records::{Kind, summary::RecordSummary};
use maud::{Markup, html};

/// What a table shows beside names and states.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    /// Records of several kinds.
    pub(super) kinds: bool,
}

/// A table of records.
pub(super) fn records(
    visit: &Visit,
    caption: &str,
    records: &[RecordSummary],
    names: &ClusterNames,
    columns: Columns,
) -> Markup {
    let headings = [Text("Name"), Text("Cluster"), Text("State"), Text("Blocked at"), Number("Since")];
    sheet(caption, &headings, &html! { @for record in records { (row(visit, record, names, columns)) } })
}

fn row(visit: &Visit, record: &RecordSummary, names: &ClusterNames, columns: Columns) -> Markup {
    html! {
        tr id={"record-" (record.id)} {
            td {
                a href=(link(record.kind, record.id)) { (record.name) }
                @if columns.kinds { span class="below" { (words(record.kind)) } }
                @if record.kind == Kind::GatewayInstance { (hostnames(&record.hostnames)) }
            }
            td class="cluster" { (names.link(record.runtime_id.filter(|id| *id != record.id))) }
            td class="steady" { @if let Some(state) = &record.state { (state_chip(state)) } }
            td class="told" { @if let Some(state) = &record.state { (blocked_at(state)) } }
            td class="number" data-label="Since" {
                @if let Some(since) = record.state.as_ref().and_then(|state| state.blocking_since) { (ago(since, visit.now)) }
            }
        }
    }
}

/// Hostnames in a line of a table.
const SHOWN: usize = 3;

/// The first hostnames, each with its page.
pub(super) fn hostnames(hostnames: &[String]) -> Markup {
    html! {
        @for hostname in hostnames.iter().take(SHOWN) {
            a class="below" href={"/ui/hostnames/" (escaped(hostname))} { (hostname) }
        }
        @if hostnames.len() > SHOWN { span class="below" { "and " (hostnames.len() - SHOWN) " more hostnames" } }
    }
}
