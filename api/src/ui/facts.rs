//! What a record asks for, and what every record has: names and values.

use super::{layout::Visit, names::RecordNames, parts::exact, shown::Shown};
use crate::state::ApiState;
use causeway_records::nouns::Role;
use causeway_store::Result;
use maud::{Markup, html};
use serde_json::Value;

/// What callers ask for.
pub(super) async fn asked(app: &ApiState, record: &Shown) -> Result<Markup> {
    let named = record.fields.iter().filter_map(|(field, value)| Some((field.parent?.kind, value.as_i64()?)));
    let names = RecordNames::read(app, named).await?;
    Ok(html! {
        div class="sheet" {
            dl class="facts" {
                @for (field, value) in &record.fields {
                    dt { (field.json) }
                    dd {
                        @match (field.parent, value.as_i64()) {
                            (Some(parent), Some(id)) => (names.link(parent.kind, id)),
                            _ => (text(value)),
                        }
                    }
                }
            }
        }
    })
}

fn text(value: &Value) -> Markup {
    match value {
        Value::String(text) => html! { (text) },
        Value::Array(_) | Value::Object(_) => {
            html! { code { (serde_json::to_string(value).unwrap_or_default()) } }
        }
        other => html! { (other) },
    }
}

/// What every record has.
pub(super) fn about(record: &Shown, visit: &Visit) -> Markup {
    let status = &record.status;
    html! {
        div class="sheet" {
            dl class="facts" {
                dt { "ID" } dd class="code" { (record.id) }
                @if let Some(time) = record.created { dt { "CreatedAt" } dd { (exact(time)) } }
                @if let Some(time) = record.updated { dt { "UpdatedAt" } dd { (exact(time)) } }
                @if let (Some(wanted), Some(applied)) = (status.generation, status.observed_generation) {
                    dt { "Generation" } dd { (wanted) @if applied < wanted { ", applied is " (applied) } }
                }
                @if let Some(time) = status.deletion_scheduled { dt { "DeletionScheduled" } dd { (exact(time)) } }
                @if status.interrupt_reconciliation == Some(true) { dt { "InterruptReconciliation" } dd { "true: the work on it is paused" } }
                dt { "History" } dd { a href={"/ui/events?id=" (record.id)} { "Events" } }
                @if visit.caller.role >= Role::Admin { dt { "Changes" } dd { a href={"/ui/audit?objectid=" (record.id)} { "Audit events" } } }
            }
        }
    }
}
